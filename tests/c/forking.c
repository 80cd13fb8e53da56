/* forking OPTIONS PARENT_OPTIONS : forks before it connects, and after. */
#include "host.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_success_of(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int open_sockets(void)
{
    int count = 0;

    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        struct stat status;
        if (fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode)) count++;
    }
    return count;
}

static void child_of_a_connected_process(sonoran_session session, const char *options)
{
    alarm(60); /* what hangs dies */
    CHECK(open_sockets() == 0);
    CHECK(sonoran_connect(options) == SONORAN_E_FORKED);
    CHECK(strstr(sonoran_last_error(), "fork"));
    CHECK(sonoran_poll_event(session) == NULL);
    CHECK(sonoran_wait_event(session, -1) == NULL);
    CHECK(sonoran_wake(session) == SONORAN_E_FORKED);
    CHECK(sonoran_wait_handle(session) == SONORAN_E_FORKED);
    CHECK(sonoran_wait_any(&session, 1, -1) == SONORAN_E_FORKED);
    CHECK(sonoran_disconnect(session) == SONORAN_E_FORKED);
    CHECK(sonoran_state(session) == SONORAN_E_FORKED);
    CHECK(sonoran_stats(session) == NULL);
    CHECK(sonoran_invoke(session, "echo", "[]") == SONORAN_E_FORKED);
    CHECK(sonoran_send_unit_locations(session, "[]") == SONORAN_E_FORKED);
    CHECK(sonoran_ingest(session, "{}") == SONORAN_E_FORKED);
    CHECK(sonoran_shutdown(60000) == SONORAN_E_FORKED);
    CHECK(strcmp(sonoran_error_name(SONORAN_E_FORKED), "SONORAN_E_FORKED") == 0);
    CHECK(strcmp(sonoran_version(), SONORAN_VERSION) == 0);
    sonoran_free(NULL);
}

int main(int argc, char **argv)
{
    sonoran_session session;
    pid_t child = fork();

    (void)argc;
    if (child == 0) { /* as a server that forks its workers first */
        session = connected(argv[1]);
        await_event(session, "SESSION_READY");
        close_session(session);
        return sonoran_shutdown(10000);
    }
    expect_success_of(child);

    session = connected(argv[2]);
    await_event(session, "SESSION_READY");
    CHECK(open_sockets() == 1);
    child = fork();
    if (child == 0) {
        child_of_a_connected_process(session, argv[2]);
        return 0;
    }
    expect_success_of(child);
    await_event(session, "EVENT_"); /* the parent's session is as before */
    close_session(session);
    return sonoran_shutdown(10000);
}
