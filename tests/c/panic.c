/*
 * panic OPTIONS OTHER_OPTIONS : the system refuses to tell this thread the time, at which Rust's standard library panics.
 *
 * The library asks this program's clock, because the loader looks a name up in the program first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "host.h"

static __thread int broken;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    void *found = real ? NULL : dlsym(RTLD_NEXT, "clock_gettime");

    if (found) memcpy(&real, &found, sizeof real);
    return broken ? -1 : real(clock, time);
}

int main(int argc, char **argv)
{
    const char *units = "[{\"identId\":1,\"location\":\"Alta St\"}]";
    sonoran_session before, after;

    (void)argc;
    before = connected(argv[1]);
    await_event(before, "SESSION_READY");
    for (int i = 0; i < 100; i++) {
        broken = 1;
        CHECK(sonoran_send_unit_locations(before, units) == SONORAN_E_INTERNAL);
        CHECK(strstr(sonoran_last_error(), "internal error"));
        CHECK(!sonoran_wait_event(before, 1000) && strstr(sonoran_last_error(), "internal error"));
        CHECK(sonoran_shutdown(1000) == SONORAN_E_INTERNAL);
        broken = 0;
    }
    CHECK(sonoran_state(before) == SONORAN_STATE_READY);
    CHECK(sonoran_send_unit_locations(before, units) == 0);
    after = connected(argv[2]);
    await_event(after, "SESSION_READY");
    close_session(before);
    close_session(after);
    return sonoran_shutdown(10000);
}
