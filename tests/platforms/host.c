/*
 * host : calls the library for tests, in plain C99, on every system that the library supports.
 *
 * It reads one command per line from stdin and answers each with one line on stdout: the call's duration in
 * nanoseconds, its number, and its text. It ends when stdin does, whatever is still open.
 */
#if defined(_WIN32)
#include <windows.h>
#include <fcntl.h>
#include <io.h>
#else
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's functions. */
static struct {
    const char *(*version)(void);
    const char *(*last_error)(void);
    int32_t (*connect)(const char *);
    char *(*poll_event)(int32_t);
    char *(*wait_event)(int32_t, int32_t);
    intptr_t (*wait_handle)(int32_t);
    void (*free)(char *);
    int32_t (*disconnect)(int32_t);
    int32_t (*state)(int32_t);
    int32_t (*invoke)(int32_t, const char *, const char *);
    int32_t (*send_unit_locations)(int32_t, const char *);
    char *(*stats)(int32_t);
    int32_t (*shutdown)(int32_t);
} sonoran;

/* A command's result. */
struct answer {
    long number;
    char *text;        /* the library's, to be freed */
    const char *words; /* anybody's */
};

static void *library;

/* Whether the system refuses to tell this thread the time: Rust's standard library panics if it does. */
static __thread int clock_broken;

#if defined(_WIN32)

static BOOL WINAPI counter(LARGE_INTEGER *ticks)
{
    return clock_broken ? FALSE : QueryPerformanceCounter(ticks);
}

/* Makes the library ask `counter`: changes what Windows wrote into its import table. */
static void replace_clock(char *image)
{
    const IMAGE_NT_HEADERS *headers = (const void *)(image + ((const IMAGE_DOS_HEADER *)(const void *)image)->e_lfanew);
    const DWORD imports = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    const FARPROC clock = GetProcAddress(GetModuleHandleA("kernel32"), "QueryPerformanceCounter");
    BOOL(WINAPI *const replacement)(LARGE_INTEGER *) = counter;
    const IMAGE_IMPORT_DESCRIPTOR *import;

    for (import = (const void *)(image + imports); import->FirstThunk; import++) {
        FARPROC *slot;
        for (slot = (void *)(image + import->FirstThunk); *slot; slot++) {
            DWORD before;
            if (*slot != clock || !VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &before)) continue;
            memcpy(slot, &replacement, sizeof *slot);
            VirtualProtect(slot, sizeof *slot, before, &before);
        }
    }
}

static double now_ns(void)
{
    LARGE_INTEGER frequency, ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    return (double)ticks.QuadPart * 1e9 / (double)frequency.QuadPart;
}

static void *load(const char *path)
{
    void *image = (void *)LoadLibraryA(path);
    if (image) replace_clock(image);
    return image;
}

static const char *load_error(void)
{
    static char words[40];
    snprintf(words, sizeof words, "error %lu", (unsigned long)GetLastError());
    return words;
}

static int unload(void)
{
    return FreeLibrary((HMODULE)library) ? 0 : -1;
}

static void symbol(const char *name, void *function)
{
    FARPROC found = GetProcAddress((HMODULE)library, name);
    memcpy(function, &found, sizeof found);
}

/* Whether what an event loop waits on is set within this time. */
static int is_set(intptr_t handle, int timeout_ms)
{
    return WaitForSingleObject((HANDLE)handle, (DWORD)timeout_ms) == WAIT_OBJECT_0;
}

static void prepare(void)
{
    /* a fault ends the process with its code, instead of opening a dialog that nobody answers */
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
}

#else

/* The library asks the host for the time, because the loader looks a name up in the program first. */
#define CLOCK(name, timespec)                                \
    int name(clockid_t clock, timespec *time)                \
    {                                                        \
        static int (*real)(clockid_t, timespec *);           \
        void *found = real ? NULL : dlsym(RTLD_NEXT, #name); \
        if (found) memcpy(&real, &found, sizeof real);       \
        if (clock_broken) errno = EINVAL;                    \
        return clock_broken ? -1 : real(clock, time);        \
    }

CLOCK(clock_gettime, struct timespec)
#if defined(__GLIBC__) && !defined(__LP64__)
CLOCK(__clock_gettime64, void)
#endif

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void *load(const char *path)
{
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static const char *load_error(void)
{
    return dlerror();
}

static int unload(void)
{
    return dlclose(library);
}

static void symbol(const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
}

/* Whether what an event loop waits on is set within this time. */
static int is_set(intptr_t handle, int timeout_ms)
{
    struct pollfd waited = {(int)handle, POLLIN, 0};
    return poll(&waited, 1, timeout_ms) == 1 && waited.revents == POLLIN;
}

static void prepare(void)
{
}

/* Allows the process no further descriptor, or, if not `on`, as many as before. */
static int limit_files(int on)
{
    static struct rlimit before;
    struct rlimit none;
    int next;

    if (!on) return setrlimit(RLIMIT_NOFILE, &before);
    next = dup(0); /* the lowest free descriptor */
    if (next < 0 || close(next) || getrlimit(RLIMIT_NOFILE, &before)) return -1;
    none = before;
    none.rlim_cur = (rlim_t)next;
    return setrlimit(RLIMIT_NOFILE, &none);
}

/* Allows the process no further thread, or, if not `on`, as many as before. Root has no limit, so it drops root. */
static int limit_threads(int on)
{
    static struct rlimit before;
    const int nobody = 61235; /* a user that runs nothing else */
    struct rlimit none;

    if (!on) return setrlimit(RLIMIT_NPROC, &before);
    if (getrlimit(RLIMIT_NPROC, &before)) return -1;
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(nobody) || setuid(nobody))) return -1;
    none = before;
    none.rlim_cur = 1;
    return setrlimit(RLIMIT_NPROC, &none);
}

/* The code that a forked child gets from sonoran_state, if the other functions agree; otherwise 0 or -1. */
static int forked(int32_t session, const char *options)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        alarm(60); /* a hang ends the child */
        int32_t state = sonoran.state(session);
        int same = sonoran.connect(options) == state && !sonoran.wait_event(session, -1) && sonoran.shutdown(1000) == state;
        _exit(same ? -state : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 0;
    return -WEXITSTATUS(status);
}

#endif

static struct answer loaded(const char *path)
{
    struct answer answer = {-1, NULL, NULL};

    library = load(path);
    if (!library) {
        answer.words = load_error();
        return answer;
    }
    symbol("sonoran_version", &sonoran.version);
    symbol("sonoran_last_error", &sonoran.last_error);
    symbol("sonoran_connect", &sonoran.connect);
    symbol("sonoran_poll_event", &sonoran.poll_event);
    symbol("sonoran_wait_event", &sonoran.wait_event);
    symbol("sonoran_wait_handle", &sonoran.wait_handle);
    symbol("sonoran_free", &sonoran.free);
    symbol("sonoran_disconnect", &sonoran.disconnect);
    symbol("sonoran_state", &sonoran.state);
    symbol("sonoran_invoke", &sonoran.invoke);
    symbol("sonoran_send_unit_locations", &sonoran.send_unit_locations);
    symbol("sonoran_stats", &sonoran.stats);
    symbol("sonoran_shutdown", &sonoran.shutdown);
    answer.number = 0;
    answer.words = sonoran.version();
    return answer;
}

/* What follows a command, if the line starts with it. */
static const char *after(const char *line, const char *command)
{
    size_t length = strlen(command);
    return strncmp(line, command, length) == 0 ? line + length : NULL;
}

/* What follows the first space. */
static const char *behind(const char *words)
{
    const char *space = strchr(words, ' ');
    return space ? space + 1 : words + strlen(words);
}

static struct answer text(char *text)
{
    struct answer answer = {text != NULL, text, text};
    return answer;
}

static struct answer number(long number)
{
    struct answer answer = {number, NULL, NULL};
    if (number < 0) answer.words = sonoran.last_error();
    return answer;
}

/* Whether a session's handle is set within this time. */
static struct answer awaited(int32_t session, int timeout_ms)
{
    intptr_t handle = sonoran.wait_handle(session);
    return number(handle < 0 ? (long)handle : is_set(handle, timeout_ms));
}

static struct answer obey(const char *line)
{
    static char method[64];
    const char *rest;

    if ((rest = after(line, "without clock "))) {
        struct answer answer;
        clock_broken = 1;
        answer = obey(rest);
        clock_broken = 0;
        return answer;
    }

    if ((rest = after(line, "load "))) return loaded(rest);
    if ((rest = after(line, "connect "))) return number(sonoran.connect(rest));
    if ((rest = after(line, "poll "))) return text(sonoran.poll_event(atoi(rest)));
    if ((rest = after(line, "wait "))) return text(sonoran.wait_event(atoi(rest), atoi(behind(rest))));
    if ((rest = after(line, "handle "))) return awaited(atoi(rest), atoi(behind(rest)));
    if ((rest = after(line, "state "))) return number(sonoran.state(atoi(rest)));
    if ((rest = after(line, "stats "))) return text(sonoran.stats(atoi(rest)));
    if ((rest = after(line, "units "))) return number(sonoran.send_unit_locations(atoi(rest), behind(rest)));
    if ((rest = after(line, "invoke ")) && sscanf(behind(rest), "%63s", method) == 1)
        return number(sonoran.invoke(atoi(rest), method, behind(behind(rest))));
    if ((rest = after(line, "disconnect "))) return number(sonoran.disconnect(atoi(rest)));
    if ((rest = after(line, "shutdown "))) return number(sonoran.shutdown(atoi(rest)));
    if (after(line, "unload")) return number(unload());
#if !defined(_WIN32)
    if ((rest = after(line, "fork "))) return number(forked(atoi(rest), behind(rest)));
    if ((rest = after(line, "limit files "))) return number(limit_files(atoi(rest)));
    if ((rest = after(line, "limit threads "))) return number(limit_threads(atoi(rest)));
#endif
    fprintf(stderr, "no such command: %s\n", line);
    exit(2);
}

int main(void)
{
    static char line[1 << 16];

    prepare();
    while (fgets(line, sizeof line, stdin)) {
        double start, end;
        struct answer answer;

        line[strcspn(line, "\n")] = '\0';
        start = now_ns();
        answer = obey(line);
        end = now_ns();
        printf("%.0f %ld %s\n", end - start, answer.number, answer.words ? answer.words : "");
        fflush(stdout);
        if (answer.text) sonoran.free(answer.text);
    }
    return 0;
}
