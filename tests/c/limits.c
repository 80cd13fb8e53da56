/* limits OPTIONS OPTIONS_WITH_A_NAME : the system refuses threads; what runs goes on, and what cannot start is told. */
#include "host.h"

#include <sys/resource.h>
#include <unistd.h>

static void allow_threads(int allowed)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NPROC, &limit) == 0);
    limit.rlim_cur = allowed ? limit.rlim_max : 1;
    CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

int main(int argc, char **argv)
{
    sonoran_session session, named;

    (void)argc;
    if (geteuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0); /* the limit does not hold for root */
    allow_threads(0);
    CHECK(sonoran_connect(argv[1]) == SONORAN_E_SYSTEM);
    CHECK(strstr(sonoran_last_error(), "thread"));
    allow_threads(1);
    session = connected(argv[1]);
    await_event(session, "SESSION_READY");

    allow_threads(0); /* a name is looked up on a thread of its own */
    named = connected(argv[2]);
    await_event(named, "no thread to look it up");
    close_session(named);
    allow_threads(1);
    named = connected(argv[2]);
    await_event(named, "SESSION_READY");
    close_session(named);
    close_session(session);
    return sonoran_shutdown(60000);
}
