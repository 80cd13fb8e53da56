/*
 * readers COUNT OPTIONS : reads numbered pushes through readers that come and go while they flow. OPTIONS are those
 * of a session, without a reader; COUNT is the number of pushes, whose numbers are in `"seq":`.
 *
 * One reader stays and gets all. One is taken over again and again and gets all. Others leave and come back: each
 * time the numbers that they get follow one another. Prints one line with what happened.
 */
#include "host.h"

#include <pthread.h>

#define GUESTS 4
#define ROOM "\"queueEvents\":16777216,\"queueBytes\":2147483647,"

static const char *options;
static long count;
static sonoran_session stays_first, restarts_first; /* there before the first push */
static int over;

/* OPTIONS with more of them. */
static sonoran_session joined(const char *more, int number)
{
    char text[1024];

    CHECK(snprintf(text, sizeof text, "%.*s,%s%d\"}", (int)strlen(options) - 1, options, more, number) < (int)sizeof text);
    return connected(text);
}

/* The number of a push, or -1 for an event of the library. None of these says that something is missing. */
static long number_of(const char *event)
{
    const char *seq = strstr(event, "\"seq\":");

    CHECK(strstr(event, "SESSION_EVENTS_DROPPED") == NULL && strstr(event, "SESSION_LOST") == NULL);
    return seq ? atol(seq + 6) : -1;
}

/* Takes one event, if one comes within 100 ms. `next` is the number that has to follow, or -1 for any. */
static int take(sonoran_session session, long *next, int *closed)
{
    char *event = sonoran_wait_event(session, 100);

    if (!event) return 0;
    long number = number_of(event);
    if (number >= 0) {
        CHECK(*next < 0 || number == *next);
        *next = number + 1;
    }
    if (strstr(event, "\"SESSION_CLOSED\"")) *closed = 1;
    sonoran_free(event);
    return number >= 0;
}

/* Stays, and waits for all. */
static void *stay(void *unused)
{
    const time_t deadline = time(NULL) + 240;
    long next = 0;
    int closed = 0;

    while (next < count) {
        take(stays_first, &next, &closed);
        CHECK(!closed && time(NULL) < deadline);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    close_session(stays_first);
    return unused;
}

/* Is taken over by the next session under its name, again and again, and misses nothing. */
static void *restart(void *takeovers)
{
    static const char *const own[] = {
        ROOM "\"reader\":\"restarts ",
        ROOM "\"eventKey\":\"strip\",\"reader\":\"restarts ",
    };
    sonoran_session session = restarts_first;
    long next = 0;
    int closed = 0;

    while (next < count) {
        for (int i = 0; i < 200 && next < count; i++) take(session, &next, &closed);
        CHECK(!closed);
        const sonoran_session old = session;
        session = joined(own[++*(long *)takeovers % 2], 0);
        CHECK(sonoran_state(old) == SONORAN_E_SESSION);
    }
    close_session(session);
    return NULL;
}

struct guest {
    int name;
    long visits, events;
};

/* Comes and goes. */
static void *visit(void *argument)
{
    struct guest *guest = argument;

    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        const sonoran_session session = joined("\"types\":[\"!EVENT_911\"],\"reader\":\"guest ", guest->name);
        long next = -1;
        int closed = 0;

        for (int i = 0; i < 100 && !__atomic_load_n(&over, __ATOMIC_ACQUIRE); i++) guest->events += take(session, &next, &closed);
        CHECK(sonoran_disconnect(session) == 0);
        while (!closed) guest->events += take(session, &next, &closed);
        CHECK(sonoran_state(session) == SONORAN_E_SESSION);
        guest->visits++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct guest guests[GUESTS] = {{0, 0, 0}};
    pthread_t stays, restarts, visitors[GUESTS];
    long takeovers = 0, visits = 0, events = 0;

    CHECK(argc == 3);
    count = atol(argv[1]);
    options = argv[2];
    stays_first = joined(ROOM "\"reader\":\"stays ", 0);
    restarts_first = joined(ROOM "\"reader\":\"restarts ", 0);
    CHECK(pthread_create(&restarts, NULL, restart, &takeovers) == 0);
    for (int i = 0; i < GUESTS; i++) {
        guests[i].name = i;
        CHECK(pthread_create(&visitors[i], NULL, visit, &guests[i]) == 0);
    }
    CHECK(pthread_create(&stays, NULL, stay, NULL) == 0);
    CHECK(pthread_join(stays, NULL) == 0 && pthread_join(restarts, NULL) == 0);
    for (int i = 0; i < GUESTS; i++) {
        CHECK(pthread_join(visitors[i], NULL) == 0);
        visits += guests[i].visits;
        events += guests[i].events;
    }
    CHECK(sonoran_shutdown(30000) == 0);
    printf("%ld takeovers, %ld visits with %ld events\n", takeovers, visits, events);
    return 0;
}
