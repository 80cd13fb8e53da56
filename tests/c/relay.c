/*
 * relay OPTIONS... : one session per argument. Each event goes to stdout as "SESSION LENGTH\n" and its bytes, the
 * first session being 0, until stdin ends.
 */
#include "host.h"

#include <poll.h>
#include <signal.h>

static int stdin_has_ended(void)
{
    struct pollfd input = {0, POLLIN, 0};
    return poll(&input, 1, 2) > 0;
}

int main(int argc, char **argv)
{
    sonoran_session sessions[8];
    int count = argc - 1, open = count, leaving = 0;

    CHECK(count <= 8);
    signal(SIGPIPE, SIG_DFL); /* what a program has that does nothing about it */
    for (int i = 0; i < count; i++) sessions[i] = connected(argv[1 + i]);
    while (open > 0) {
        if (!leaving && stdin_has_ended()) {
            leaving = 1;
            for (int i = 0; i < count; i++) sonoran_disconnect(sessions[i]);
        }
        if (leaving) nap();
        for (int i = 0; i < count; i++) {
            char *event;
            while ((event = sonoran_poll_event(sessions[i])) != NULL) {
                printf("%d %zu\n%s", i, strlen(event), event);
                sonoran_free(event);
            }
            if (sessions[i] > 0 && sonoran_state(sessions[i]) < 0) {
                sessions[i] = -1;
                open--;
            }
        }
        fflush(stdout);
    }
    CHECK(sonoran_shutdown(10000) == 0);
    return 0;
}
