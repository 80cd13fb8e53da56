/* bench OPTIONS EVENTS ROUNDS: what an event costs a C host; see `bench` in src/host.rs. */
#include "sonoran.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Whether `text` contains `part`. Frees `text`. */
static int has(char *text, const char *part)
{
    int found = text != NULL && strstr(text, part) != NULL;
    sonoran_free(text);
    return found;
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    unsigned long events = strtoul(arguments[2], NULL, 10), rounds = strtoul(arguments[3], NULL, 10);
    sonoran_session session = sonoran_connect(arguments[1]);
    char all[64];
    snprintf(all, sizeof all, "\"queuedEvents\":%lu,", events);
    while (!has(sonoran_wait_event(session, -1), "SESSION_READY")) {
    }
    for (; rounds > 0; --rounds) {
        puts("round");
        fflush(stdout);
        while (!has(sonoran_stats(session), all))
            nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        size_t bytes = 0, taken = 0;
        double start = now();
        char *event;
        while ((event = sonoran_poll_event(session)) != NULL) {
            bytes += strlen(event);
            ++taken;
            sonoran_free(event);
        }
        double took = now() - start;
        if (taken != events || bytes < events * 50)
            return 1;
        printf("ns %.0f\n", took / (double)events);
        start = now();
        for (unsigned long polls = 0; polls < events; ++polls)
            if (sonoran_poll_event(session) != NULL)
                return 1;
        printf("empty %.0f\n", (now() - start) / (double)events);
        fflush(stdout);
    }
    return 0;
}
