/* silent OPTIONS : a host without stdin, stdout and stderr, whose descriptors go to sockets of the library. */
#include "host.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    sonoran_session session;

    (void)argc;
    close(0);
    close(1);
    close(2);
    sonoran_connect("{}");
    session = connected(argv[1]);
    await_event(session, "SESSION_READY");
    await_event(session, "EVENT_");
    close_session(session);
    return sonoran_shutdown(10000);
}
