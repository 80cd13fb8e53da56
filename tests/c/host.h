/* What the test hosts share. A host returns 0 on success; otherwise it says on stderr what failed. */
#ifndef HOST_H
#define HOST_H

#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sonoran.h"

#define CHECK(condition) ((condition) ? (void)0 : host_failed(__FILE__, __LINE__, #condition))

static inline void host_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: check failed: %s (last error: %s)\n", file, line, condition, sonoran_last_error());
    exit(1);
}

static inline void nap(void)
{
    const struct timespec time = {0, 2 * 1000 * 1000};
    nanosleep(&time, NULL);
}

static inline sonoran_session connected(const char *options)
{
    sonoran_session session = sonoran_connect(options);
    CHECK(session > 0);
    return session;
}

/* What the library says itself holds no key; what it passes on may. */
static inline void expect_no_key(const char *event)
{
    const int passed_on = strstr(event, "\"SESSION_PUSH\"") || strstr(event, "\"SESSION_CALL_RESULT\"");
    CHECK(passed_on || !strstr(event, "\"type\":\"SESSION_") || !strstr(event, "demo-key"));
    CHECK(!strstr(sonoran_last_error(), "demo-key"));
}

/* Polls until an event contains `text`, for two minutes at most. */
static inline void await_event(sonoran_session session, const char *text)
{
    const time_t deadline = time(NULL) + 120;
    for (int found = 0; !found;) {
        char *event = sonoran_poll_event(session);
        if (event) {
            expect_no_key(event);
            found = strstr(event, text) != NULL;
            sonoran_free(event);
        } else {
            CHECK(sonoran_state(session) > 0);
            CHECK(time(NULL) < deadline);
            nap();
        }
    }
}

/* `size` bytes between two texts. */
static inline char *long_text(const char *before, char filling, size_t size, const char *after)
{
    size_t start = strlen(before);
    char *text = malloc(start + size + strlen(after) + 1);

    CHECK(text != NULL);
    memcpy(text, before, start);
    memset(text + start, filling, size);
    strcpy(text + start + size, after);
    return text;
}

/* Ends a session as the header advises. */
static inline void close_session(sonoran_session session)
{
    CHECK(sonoran_disconnect(session) == 0);
    await_event(session, "\"SESSION_CLOSED\"");
    CHECK(sonoran_state(session) == SONORAN_E_SESSION);
}

#endif
