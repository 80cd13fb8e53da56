/*
 * soak OPTIONS... : one session per argument. Each calls the hub and sends a unit location once a second, until stdin
 * ends. A line there with a number makes all readers pause for as many milliseconds.
 *
 * Each event goes to stdout as "SESSION LENGTH\n" and its bytes; so does {"type":"HOST_CALL","id":N} for each call, and
 * at the end {"type":"HOST_END","pendingUnits":N} once all calls are answered, or after a minute.
 */
#include "host.h"

#include <poll.h>

#define MOST 64

static struct {
    sonoran_session number;
    int open, unanswered, calls;
    double due;
} sessions[MOST];
static int count;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print(int session, const char *event)
{
    printf("%d %zu\n%s", session, strlen(event), event);
}

static void read_events(int i)
{
    char *event;
    while ((event = sonoran_poll_event(sessions[i].number)) != NULL) {
        if (strstr(event, "\"SESSION_CALL_RESULT\"")) sessions[i].unanswered--;
        print(i, event);
        sonoran_free(event);
    }
    sessions[i].open = sonoran_state(sessions[i].number) > 0;
}

static void send(int i)
{
    char text[200];
    int32_t call;

    sessions[i].due += 1;
    sprintf(text, "[{\"identId\":%d,\"location\":\"Alta St %d\"}]", i + 1, ++sessions[i].calls);
    CHECK(sonoran_send_unit_locations(sessions[i].number, text) == 0);
    sprintf(text, "[%d]", sessions[i].calls);
    call = sonoran_invoke(sessions[i].number, "echo", text);
    CHECK(call > 0 || call == SONORAN_E_NOT_READY || call == SONORAN_E_BUSY);
    if (call <= 0) return;
    sessions[i].unanswered++;
    sprintf(text, "{\"type\":\"HOST_CALL\",\"id\":%d}", (int)call);
    print(i, text);
}

static int pending_units(int i)
{
    char *stats = sonoran_stats(sessions[i].number), *found;
    int pending;

    CHECK(stats != NULL);
    found = strstr(stats, "\"pendingUnits\":");
    CHECK(found && sscanf(found, "\"pendingUnits\":%d", &pending) == 1);
    sonoran_free(stats);
    return pending;
}

static void end(void)
{
    const double last = now() + 60;
    char text[100];

    for (int busy = 1; busy && now() < last; nap()) {
        busy = 0;
        for (int i = 0; i < count; i++) {
            read_events(i);
            busy |= sessions[i].unanswered > 0 || pending_units(i) > 0;
        }
    }
    for (int i = 0; i < count; i++) {
        sprintf(text, "{\"type\":\"HOST_END\",\"pendingUnits\":%d}", pending_units(i));
        print(i, text);
        CHECK(sonoran_disconnect(sessions[i].number) == 0);
    }
    for (int i = 0; i < count; i++)
        for (; sessions[i].open; nap()) read_events(i);
    fflush(stdout);
    CHECK(sonoran_shutdown(60000) == 0);
}

int main(int argc, char **argv)
{
    struct pollfd input = {0, POLLIN, 0};
    double paused = 0;
    char line[32];

    count = argc - 1;
    CHECK(count <= MOST);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (int i = 0; i < count; i++) {
        sessions[i].number = connected(argv[1 + i]);
        sessions[i].due = now() + (double)i / count;
    }
    for (;;) {
        if (poll(&input, 1, 5) > 0) {
            if (!fgets(line, sizeof line, stdin)) break;
            paused = now() + atoi(line) / 1e3;
        }
        for (int i = 0; i < count && now() >= paused; i++) {
            read_events(i);
            CHECK(sessions[i].open);
            if (now() >= sessions[i].due) send(i);
        }
        fflush(stdout);
    }
    end();
    return 0;
}
