/*
 * Prints the events of one CAD server until Ctrl-C.
 *
 *     SONORAN_API_KEY=... sonoran_demo COMMUNITY SERVER [URL]
 *
 * To build it: cc sonoran_demo.c -Iinclude -Ltarget/release -lsonoran -Wl,-rpath,"$PWD/target/release"
 */
#define _POSIX_C_SOURCE 200112L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <windows.h>
#endif

#include "sonoran.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    signal(signal_number, on_interrupt); /* a second Ctrl-C does not cut the disconnect short */
    interrupted = 1;
}

/* Waits for the next tick, 20 times a second, as a game server does between two frames. */
static void wait_for_tick(void)
{
#ifdef _WIN32
    Sleep(50);
#else
    const struct timespec tick = {0, 50 * 1000 * 1000};
    nanosleep(&tick, NULL);
#endif
}

/* The end of the JSON value, or of the key, at `json`. */
static const char *end_of(const char *json)
{
    int depth = 0;
    for (; *json && (depth > 0 || !strchr(",:}", *json)); json++) {
        if (*json == '"')
            for (json++; *json != '"'; json++) {
                if (*json == '\\') json++;
                if (*json == '\0') return json;
            }
        depth += (*json == '{' || *json == '[') - (*json == '}' || *json == ']');
    }
    return json;
}

/* Finds the text of an object's member. Returns its length, or 0 if there is none. Use a JSON parser instead. */
static int member(const char *object, const char *name, const char **text)
{
    const char *key = object + strspn(object, "{ \t\r\n");
    while (*key == '"') {
        const char *value = end_of(key) + strspn(end_of(key), ": \t\r\n"), *end = end_of(value);
        int quoted = *value == '"';
        *text = value + quoted;
        if (strncmp(key + 1, name, strlen(name)) == 0 && key[1 + strlen(name)] == '"')
            return (int)(end - value) - 2 * quoted;
        key = end + strspn(end, ", \t\r\n");
    }
    return 0;
}

/* The session's own events have a `message`; the CAD's pushes have `data`. */
static void show(const char *event)
{
    const char *type = "", *text = "";
    int type_length = member(event, "type", &type);
    int length = member(event, "message", &text);
    char clock[16];
    time_t now = time(NULL);

    if (length == 0 && (length = member(event, "data", &text)) > 100) /* without cutting a character in half */
        for (length = 100; (text[length] & 0xC0) == 0x80;) length--;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime(&now));
    printf("%s  %-30.*s  %.*s\n", clock, type_length, type, length, text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *key = getenv("SONORAN_API_KEY");
    const char *url = argc > 3 ? argv[3] : "https://api.sonorancad.com/apiWsHub";
    char options[1024];
    char *event;
    sonoran_session session;

    if (argc < 3 || argc > 4 || !key) {
        fprintf(stderr, "usage: SONORAN_API_KEY=... %s COMMUNITY SERVER [URL]\n", argv[0]);
        return 2;
    }
    snprintf(options, sizeof options, "{\"communityId\":\"%s\",\"apiKey\":\"%s\",\"serverId\":\"%s\",\"url\":\"%s\"}",
             argv[1], key, argv[2], url);
    session = sonoran_connect(options);
    if (session < 0) {
        fprintf(stderr, "%s: %s\n", sonoran_error_name(session), sonoran_last_error());
        return 1;
    }
    signal(SIGINT, on_interrupt);
    do {
        if (interrupted) sonoran_disconnect(session);
        while ((event = sonoran_poll_event(session)) != NULL) {
            show(event);
            sonoran_free(event);
        }
        wait_for_tick();
    } while (sonoran_state(session) > 0); /* the session ends with SESSION_CLOSED */
    return sonoran_shutdown(2000) < 0;
}
