/* Prints the wall-clock time and the processor time from dlopen to the return of the first sonoran_connect, in
 * microseconds. */
#define _POSIX_C_SOURCE 200112L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static long now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    long clock = now(CLOCK_MONOTONIC), processor = now(CLOCK_PROCESS_CPUTIME_ID);
    void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
    int32_t (*connect)(const char *) = 0;

    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    *(void **)&connect = dlsym(library, "sonoran_connect");
    if (connect("{\"communityId\":\"a\",\"apiKey\":\"b\",\"serverId\":1,\"url\":\"http://127.0.0.1:9/apiWsHub\"}") < 0) return 2;
    printf("%ld %ld\n", now(CLOCK_MONOTONIC) - clock, now(CLOCK_PROCESS_CPUTIME_ID) - processor);
    return 0;
}
