/* unload LIBRARY OPTIONS : a plugin manager that loads, uses and unloads the library in thread after thread. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "line %d: check failed: %s\n", __LINE__, #condition), exit(1)))

static char **arguments;

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    return found;
}

static void *plugin(void *unused)
{
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    int32_t (*connect_session)(const char *), session;
    char *(*wait_event)(int32_t, int32_t), *event;
    void (*free_string)(char *);
    const char *(*last_error)(void);

    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    *(void **)&connect_session = symbol(library, "sonoran_connect");
    *(void **)&wait_event = symbol(library, "sonoran_wait_event");
    *(void **)&free_string = symbol(library, "sonoran_free");
    *(void **)&last_error = symbol(library, "sonoran_last_error");
    CHECK(connect_session("{}") < 0 && strstr(last_error(), "communityId")); /* leaves a text behind for this thread */
    session = connect_session(arguments[2]);
    CHECK(session > 0);
    event = wait_event(session, 120000);
    CHECK(event != NULL && strstr(event, "SESSION_READY"));
    free_string(event);
    dlclose(library); /* with the session open */
    return unused;
}

/* This dlclose would unmap the library, because nothing in this thread holds it. It stays, as the header says. */
static void visit(void)
{
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    const char *(*version)(void);

    CHECK(library != NULL);
    *(void **)&version = symbol(library, "sonoran_version");
    CHECK(*version());
    CHECK(dlclose(library) == 0);
    library = dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD);
    CHECK(library != NULL);
    dlclose(library);
}

int main(int argc, char **argv)
{
    const struct timespec moment = {0, 300 * 1000 * 1000};

    (void)argc;
    arguments = argv;
    visit();
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, plugin, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        visit();
    }
    nanosleep(&moment, NULL); /* the session has something to do meanwhile */
    plugin(NULL);
    visit();
    return 0;
}
