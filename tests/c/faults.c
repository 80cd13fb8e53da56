/* faults OPTIONS CALL : preloaded with fault.so. OPTIONS has %d for a server of its own in each round, for a hub is
 * avoided for a while where two attempts in a row failed. Lets each call of that name fail, one in each round, until a round has
 * no further one. In each, the library gives an error or tries again; nothing is left of it. Prints the rounds. */
#include "host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <unistd.h>

/* the header promises that as many handles of ended sessions stay open, two descriptors each */
#define KEPT_HANDLES 64

static void (*arm)(const char *, int);
static int (*fired)(void);

static int count(const char *folder)
{
    DIR *entries = opendir(folder);
    int found = 0;

    CHECK(entries != NULL);
    while (readdir(entries)) found++;
    closedir(entries);
    return found;
}

static void find(const char *name, void *function, size_t size)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    CHECK(found != NULL);
    memcpy(function, &found, size);
}

static void expect_told(int code)
{
    CHECK(fired());
    CHECK(code == SONORAN_E_SYSTEM || code == SONORAN_E_OPTION);
    CHECK(*sonoran_last_error() && !strstr(sonoran_last_error(), "demo-key"));
}

/* Whether the call was made, and so has failed. */
static int round_with(const char *form, const char *call, int number)
{
    char options[2000];
    sonoran_session session;
    intptr_t handle;
    int failed;

    CHECK(snprintf(options, sizeof options, form, number) < (int)sizeof options);
    arm(call, number);
    session = sonoran_connect(options);
    if (session < 0) {
        expect_told(session);
        session = connected(options);
    }
    handle = sonoran_wait_handle(session);
    if (handle < 0) {
        expect_told((int)handle);
        CHECK(sonoran_wait_handle(session) >= 0);
    }
    await_event(session, "EVENT_ALIVE");
    close_session(session);
    CHECK(sonoran_shutdown(60000) >= 0);
    failed = fired();
    arm("", 0);
    return failed;
}

int main(int argc, char **argv)
{
    int files, kept, rounds = 0;

    CHECK(argc == 3);
    alarm(170);
    find("fault_arm", &arm, sizeof arm);
    find("fault_fired", &fired, sizeof fired);
    files = count("/proc/self/fd");
    while (round_with(argv[1], argv[2], rounds + 1)) {
        rounds++;
        CHECK(count("/proc/self/task") == 3); /* the main thread, and two dots */
        kept = rounds < KEPT_HANDLES ? rounds : KEPT_HANDLES;
        CHECK(count("/proc/self/fd") == files + 2 * kept);
        CHECK(rounds < 1000);
    }
    printf("%d\n", rounds);
    return 0;
}
