/* process OPTIONS : what the library does to its process before, during and after sessions. */
#include "host.h"

#include <dirent.h>
#include <signal.h>

/* The threads of this process, and how many of them are not the main one and let `signal_number` through. */
static int threads(int signal_number, int *open_to_signal)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int count = 0;

    CHECK(tasks != NULL);
    *open_to_signal = 0;
    while ((task = readdir(tasks)) != NULL) {
        char path[300], line[200];
        unsigned long long blocked;
        FILE *status;

        if (task->d_name[0] == '.') continue;
        count++;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        status = fopen(path, "r");
        while (status && fgets(line, sizeof line, status))
            if (sscanf(line, "SigBlk: %llx", &blocked) == 1 && !(blocked >> (signal_number - 1) & 1)) ++*open_to_signal;
        if (status) fclose(status);
    }
    closedir(tasks);
    return count;
}

/* The signals that the main thread blocks, and that the process ignores and handles, without those that libc reserves. */
struct signals {
    unsigned long long blocked, ignored, caught;
};

static struct signals signals(void)
{
    const unsigned long long of_libc = 3ULL << 31;
    struct signals found = {0, 0, 0};
    char line[200];
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof line, status)) {
        sscanf(line, "SigBlk: %llx", &found.blocked);
        sscanf(line, "SigIgn: %llx", &found.ignored);
        sscanf(line, "SigCgt: %llx", &found.caught);
    }
    fclose(status);
    found.ignored &= ~of_libc;
    found.caught &= ~of_libc;
    return found;
}

static void expect_same(struct signals before)
{
    struct signals now = signals();
    CHECK(now.blocked == before.blocked);
    CHECK(now.ignored == before.ignored);
    CHECK(now.caught == before.caught);
}

int main(int argc, char **argv)
{
    const int deadly[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1};
    const struct signals before = signals();
    int open_to_signal;

    (void)argc;
    CHECK(strcmp(sonoran_version(), SONORAN_VERSION) == 0);
    CHECK(sonoran_connect("no options") == SONORAN_E_JSON);
    CHECK(sonoran_poll_event(1) == NULL && sonoran_wait_event(1, 10) == NULL);
    CHECK(sonoran_state(1) == SONORAN_E_SESSION && *sonoran_last_error());
    CHECK(sonoran_shutdown(0) == 0);
    CHECK(threads(SIGPIPE, &open_to_signal) == 1);

    for (int round = 0; round < 3; round++) { /* connect may follow a shutdown */
        sonoran_session session = connected(argv[1]);
        await_event(session, "SESSION_READY");
        CHECK(threads(SIGPIPE, &open_to_signal) > 1);
        for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
            threads(deadly[i], &open_to_signal);
            CHECK(open_to_signal == 1); /* the main thread alone */
        }
        expect_same(before);
        close_session(session);
        CHECK(sonoran_shutdown(60000) == 0);
        CHECK(threads(SIGPIPE, &open_to_signal) == 1);
    }
    expect_same(before);
    return 0;
}
