/*
 * A plugin in C: a shared object that its host loads. It wants every push, and checks that it gets the numbers from 0
 * on without a gap. Returns how many it got, or a negative number.
 */
#include <string.h>
#include <stdlib.h>
#include <time.h>

#include "sonoran.h"

static sonoran_session session;

int32_t plugin_start(const char *options)
{
    return session = sonoran_connect(options);
}

int32_t plugin_run(int32_t count)
{
    const time_t deadline = time(NULL) + 240;
    int32_t next = 0;

    while (next < count && time(NULL) < deadline) {
        char *event = sonoran_wait_event(session, 100);
        if (!event) continue;
        const char *number = strstr(event, "\"number\":");
        int is_next = number && atol(number + 9) == next;
        int is_ours = !number && !strstr(event, "SESSION_EVENTS_DROPPED");
        sonoran_free(event);
        if (!is_next && !is_ours) return -1 - next;
        next += is_next;
    }
    sonoran_disconnect(session);
    return next;
}
