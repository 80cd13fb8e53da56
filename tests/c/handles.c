/* handles OPTIONS : numbers that are not sessions, in every function. */
#include "host.h"

static void expect_dead(sonoran_session number)
{
    char named[16];

    snprintf(named, sizeof named, "%d", (int)number);
    CHECK(sonoran_state(number) == SONORAN_E_SESSION);
    CHECK(strstr(sonoran_last_error(), named));
    CHECK(sonoran_wake(number) == SONORAN_E_SESSION);
    CHECK(sonoran_wait_handle(number) == SONORAN_E_SESSION);
    CHECK(sonoran_wait_any(&number, 1, -1) == SONORAN_E_SESSION);
    CHECK(sonoran_disconnect(number) == SONORAN_E_SESSION);
    CHECK(sonoran_poll_event(number) == NULL);
    CHECK(strstr(sonoran_last_error(), named));
    CHECK(sonoran_wait_event(number, 0) == NULL);
    CHECK(sonoran_wait_event(number, -1) == NULL); /* at once */
    CHECK(sonoran_stats(number) == NULL);
    CHECK(sonoran_invoke(number, "echo", "[]") == SONORAN_E_SESSION);
    CHECK(sonoran_send_unit_locations(number, "[{\"identId\":1,\"location\":\"x\"}]") == SONORAN_E_SESSION);
    CHECK(sonoran_ingest(number, "{\"key\":\"demo-key\",\"type\":\"EVENT_TONE\"}") == SONORAN_E_SESSION);
    CHECK(strstr(sonoran_last_error(), named));
}

static void expect_garbage_dead(void)
{
    const int32_t garbage[] = {0, -1, -10, 7777777, INT32_MAX, INT32_MIN, 0x55555555};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) expect_dead(garbage[i]);
}

int main(int argc, char **argv)
{
    sonoran_session replaced, closed, ended;

    (void)argc;
    expect_dead(1);
    expect_garbage_dead();

    replaced = connected(argv[1]);
    await_event(replaced, "SESSION_READY");
    expect_garbage_dead();
    closed = connected(argv[1]);
    CHECK(closed != replaced);
    expect_dead(replaced);
    await_event(closed, "SESSION_READY");
    CHECK(sonoran_disconnect(closed) == 0 && sonoran_disconnect(closed) == 0);
    await_event(closed, "SESSION_CLOSED");
    expect_dead(closed);

    ended = connected(argv[1]);
    CHECK(ended != closed && ended != replaced);
    await_event(ended, "SESSION_READY");
    CHECK(sonoran_shutdown(60000) >= 0);
    expect_dead(ended);
    expect_dead(closed);
    expect_dead(replaced);

    closed = connected(argv[1]); /* numbers are not used twice, shutdown or not */
    CHECK(closed != ended);
    expect_dead(ended);
    close_session(closed);
    expect_garbage_dead();
    return sonoran_shutdown(60000);
}
