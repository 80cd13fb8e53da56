/* A C host that is measured: host MODE URL ...; see `main`. It prints its figures to stdout, one a line. */
#include "sonoran.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends by a signal after this many seconds: something that it waits for does not come. */
enum { PATIENCE = 300 };

static int64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int64_t now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void fail(const char *what)
{
    fprintf(stderr, "host: %s: %s\n", what, sonoran_last_error());
    exit(1);
}

static sonoran_session connect_as(const char *url, int server, const char *ca)
{
    char options[1024];
    snprintf(options, sizeof options,
             "{\"communityId\":\"demo\",\"apiKey\":\"demo-key\",\"serverId\":%d,\"url\":\"%s\",%s%s%s"
             "\"queueEvents\":16777216,\"queueBytes\":2147483647}",
             server, url, *ca ? "\"caFile\":\"" : "", ca, *ca ? "\"," : "");
    sonoran_session session = sonoran_connect(options);
    if (session < 0)
        fail("connect");
    return session;
}

/* Takes events until one of this type has come. */
static void wait_for(sonoran_session session, const char *type)
{
    for (int found = 0; !found;) {
        char *event = sonoran_wait_event(session, 60000);
        if (event == NULL)
            fail(type);
        found = strstr(event, type) != NULL;
        sonoran_free(event);
    }
}

/* Whether it is a push of the CAD. */
static int is_push(const char *event)
{
    return strncmp(event, "{\"key\"", 6) == 0;
}

/* Reads events, as a server does on its ticks. */
static void read_events(sonoran_session session, long events)
{
    int64_t start = 0, computed = 0;
    size_t bytes = 0;
    for (long count = 0; count < events;) {
        char *event = sonoran_poll_event(session);
        if (event == NULL) {
            nap(1);
            continue;
        }
        bytes += strlen(event);
        if (is_push(event) && ++count == 1) {
            start = now();
            computed = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        }
        sonoran_free(event);
    }
    if (bytes < (size_t)events * 100)
        fail("the events are too short");
    printf("ns %lld %lld\n", (long long)(now() - start),
           (long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - computed));
}

/* Notes when each event came. */
static void wait_events(sonoran_session session, long events)
{
    int64_t *times = calloc((size_t)events, sizeof *times);
    for (long count = 0; count < events;) {
        char *event = sonoran_wait_event(session, 60000);
        int64_t time = now();
        if (event == NULL)
            fail("no event");
        if (is_push(event))
            times[count++] = time;
        sonoran_free(event);
    }
    for (long count = 0; count < events; ++count)
        printf("at %lld\n", (long long)times[count]);
    free(times);
}

static long resident(void)
{
    char line[128];
    long kb = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (status != NULL)
        fclose(status);
    return kb;
}

/* Memory before the first session, with it, and with `count` of them; and how long those took to be ready. */
static void memory(const char *url, int count, const char *ca)
{
    sonoran_session *sessions = calloc((size_t)count + 1, sizeof *sessions);
    long before = resident();
    sessions[1] = connect_as(url, 1, ca);
    wait_for(sessions[1], "SESSION_READY");
    nap(500);
    long first = resident();
    int64_t start = now();
    for (int server = 2; server <= count; ++server)
        sessions[server] = connect_as(url, server, ca);
    for (int server = 2; server <= count; ++server)
        wait_for(sessions[server], "SESSION_READY");
    int64_t took = now() - start;
    nap(500);
    printf("kb %ld %ld %ld\nms %lld\n", before, first, resident(), (long long)(took / 1000000));
    free(sessions);
}

/* What a push of 15 MB leaves behind. */
static void large(sonoran_session session)
{
    nap(500);
    long before = resident();
    size_t size = 0;
    while (size < 1000000) {
        char *event = sonoran_wait_event(session, 60000);
        if (event == NULL)
            fail("no event");
        size = strlen(event);
        sonoran_free(event);
    }
    nap(2000);
    printf("kb %ld %ld\n", before, resident());
}

struct polls {
    sonoran_session session;
    long count;
};

static void *poll_nothing(void *argument)
{
    const struct polls *polls = argument;
    for (long poll = 0; poll < polls->count; ++poll)
        sonoran_free(sonoran_poll_event(polls->session));
    return NULL;
}

/* What an empty poll computes when this many threads poll. */
static double empty_poll(sonoran_session session, int threads, long count)
{
    pthread_t running[64];
    struct polls polls = { session, count };
    int64_t computed = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int thread = 0; thread < threads; ++thread)
        if (pthread_create(&running[thread], NULL, poll_nothing, &polls) != 0)
            fail("a thread");
    for (int thread = 0; thread < threads; ++thread)
        pthread_join(running[thread], NULL);
    return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - computed) / (double)threads / (double)count;
}

/* A call with the locations of `count` units, each of which has moved since the last one. */
static double send_units(sonoran_session session, int count, int rounds)
{
    char *text = malloc((size_t)count * 256 + 16);
    int64_t computed = 0;
    for (int round = 0; round < rounds; ++round) {
        char *end = text;
        for (int unit = 0; unit < count; ++unit)
            end += sprintf(end,
                           "%c{\"communityUserId\":\"license:%032x\",\"location\":\"Vinewood Blvd / Alta St\","
                           "\"coordinates\":{\"x\":%d.25,\"y\":-1038.5,\"z\":30.1,\"w\":90.0}}",
                           unit == 0 ? '[' : ',', (unsigned)unit, round);
        strcpy(end, "]");
        int64_t start = now();
        if (sonoran_send_unit_locations(session, text) < 0)
            fail("unit locations");
        computed += now() - start;
    }
    free(text);
    return (double)computed / rounds;
}

/* What the calls of a tick cost. `waiting` events come and wait first. */
static void calls(sonoran_session session, long waiting, long rounds)
{
    char all[64];
    snprintf(all, sizeof all, "\"queuedEvents\":%ld,", waiting);
    for (int arrived = 0; !arrived; nap(5)) {
        char *stats = sonoran_stats(session);
        arrived = stats != NULL && strstr(stats, all) != NULL;
        sonoran_free(stats);
    }
    int64_t start = now();
    long taken = 0;
    for (char *event; (event = sonoran_poll_event(session)) != NULL; ++taken)
        sonoran_free(event);
    double took = (double)(now() - start);
    if (taken != waiting)
        fail("events are missing");
    printf("call poll and free %.1f\n", took / (double)taken);
    printf("call empty poll %.1f\n", empty_poll(session, 1, rounds));
    printf("call empty poll, 16 threads %.1f\n", empty_poll(session, 16, rounds / 16));
    printf("call 100 unit locations %.0f\n", send_units(session, 100, 100));
    printf("call 500 unit locations %.0f\n", send_units(session, 500, 100));
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    alarm(PATIENCE);
    const char *mode = arguments[1], *url = arguments[2];
    long number = count > 3 ? strtol(arguments[3], NULL, 10) : 0;
    const char *ca = count > 4 ? arguments[4] : "";
    if (strcmp(mode, "memory") == 0) {
        memory(url, (int)number, ca);
        return 0;
    }
    sonoran_session session = connect_as(url, 1, "");
    wait_for(session, "SESSION_READY");
    if (strcmp(mode, "start") == 0)
        puts("ready");
    else if (strcmp(mode, "read") == 0)
        read_events(session, number);
    else if (strcmp(mode, "wait") == 0)
        wait_events(session, number);
    else if (strcmp(mode, "large") == 0)
        large(session);
    else if (strcmp(mode, "calls") == 0)
        calls(session, number, number * 10);
    else
        return 2;
    fflush(stdout);
    _exit(0);
}
