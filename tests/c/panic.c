/* panic OPTIONS OTHER_OPTIONS : linked to a library in which sonoran_connect("panic") panics. */
#include "host.h"

int main(int argc, char **argv)
{
    sonoran_session before, after;

    (void)argc;
    before = connected(argv[1]);
    await_event(before, "SESSION_READY");
    for (int i = 0; i < 100; i++) {
        CHECK(sonoran_connect("panic") == SONORAN_E_INTERNAL);
        CHECK(strstr(sonoran_last_error(), "internal error"));
    }
    CHECK(sonoran_state(before) == SONORAN_STATE_READY);
    after = connected(argv[2]);
    await_event(after, "SESSION_READY");
    close_session(before);
    close_session(after);
    return sonoran_shutdown(10000);
}
