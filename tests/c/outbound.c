/*
 * outbound OPTIONS : a session that runs commands from stdin, one per line, until stdin ends:
 *
 *     units COUNT TICKS     passes the locations of COUNT units on TICKS ticks of 50 ms; x counts the ticks
 *     invoke METHOD ARGS    calls a method of the hub
 *     ingest BODY           passes on a body that came by HTTP
 *
 * Each command is answered by a line "did RESULT ..."; each event goes to stdout as a line "event JSON".
 */
#include "host.h"

#include <poll.h>

static sonoran_session session;
static int ticks;

static void print_events(void)
{
    char *event;
    while ((event = sonoran_poll_event(session)) != NULL) {
        printf("event %s\n", event);
        sonoran_free(event);
    }
    fflush(stdout);
}

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void give_units(int count, int last)
{
    char *text = malloc((size_t)count * 160 + 3);
    double worst = 0, sum = 0, start = now_us();

    CHECK(text != NULL);
    for (int i = 0; i < last; i++, ticks++) {
        char *end = text;
        for (int unit = 0; unit < count; unit++)
            end += sprintf(end, "%c{\"communityUserId\":\"license:%08d\",\"location\":\"Alta St\",\"coordinates\":{\"x\":%d,\"y\":-1038.5,\"z\":30.1}}",
                           unit ? ',' : '[', unit, ticks);
        strcpy(end, "]");
        double before = now_us();
        CHECK(sonoran_send_unit_locations(session, text) == 0);
        double took = now_us() - before;
        sum += took;
        if (took > worst) worst = took;
        print_events();
        while (now_us() < start + 50000.0 * (i + 1)) nap();
    }
    free(text);
    printf("did %d units, mean %.0f us, worst %.0f us\n", count, sum / last, worst);
}

static int reads(struct pollfd *input)
{
    return poll(input, 1, 2) > 0;
}

int main(int argc, char **argv)
{
    static char line[1 << 16], method[64];
    struct pollfd input = {0, POLLIN, 0};
    int count, number;

    CHECK(argc == 2);
    setvbuf(stdin, NULL, _IONBF, 0);
    session = connected(argv[1]);
    for (;;) {
        print_events();
        if (!reads(&input)) continue;
        if (!fgets(line, sizeof line, stdin)) break;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "units %d %d", &count, &number) == 2)
            give_units(count, number);
        else if (sscanf(line, "invoke %63s %n", method, &number) == 1)
            printf("did %d\n", sonoran_invoke(session, method, line + number));
        else if (strncmp(line, "ingest ", 7) == 0)
            printf("did %d\n", sonoran_ingest(session, line + 7));
        else
            host_failed(__FILE__, __LINE__, line);
    }
    close_session(session);
    return 0;
}
