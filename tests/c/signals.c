/* signals OPTIONS : a flood of signals while the library starts and stops; their handler runs on the host's threads. */
#include "host.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define ROUNDS 100

static const char *options;
static pthread_t caller;
static volatile sig_atomic_t has_ended, handled, elsewhere;

static void handler(int signal_number)
{
    (void)signal_number;
    if (pthread_equal(pthread_self(), caller))
        handled = 1;
    else
        elsewhere = 1;
}

static void mask(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static void *starts_and_stops(void *unused)
{
    caller = pthread_self();
    mask(SIG_UNBLOCK);
    for (int round = 0; round < ROUNDS; round++) {
        connected(options);
        CHECK(sonoran_shutdown(60000) >= 0);
    }
    mask(SIG_BLOCK);
    has_ended = 1;
    return unused;
}

int main(int argc, char **argv)
{
    struct sigaction action;
    pthread_t thread;

    (void)argc;
    options = argv[1];
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    mask(SIG_BLOCK); /* this thread only sends */
    CHECK(pthread_create(&thread, NULL, starts_and_stops, NULL) == 0);
    while (!has_ended) kill(getpid(), SIGUSR1);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(handled && !elsewhere);
    return 0;
}
