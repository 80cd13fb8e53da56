/* fault.so, to be preloaded: makes one of the process's calls to the system fail, once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __GLIBC__ /* it has types of its own, which take an address of any kind */
#define ADDRESS_IN __CONST_SOCKADDR_ARG
#define ADDRESS_OUT __SOCKADDR_ARG
#else
#define ADDRESS_IN const struct sockaddr *
#define ADDRESS_OUT struct sockaddr *
#endif

static const char *armed = "";
static int left, fired;

/* The call of this name with this number, counted from 1, will fail. The name must stay. */
void fault_arm(const char *name, int number)
{
    __atomic_store_n(&fired, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&left, number, __ATOMIC_SEQ_CST);
    __atomic_store_n(&armed, name, __ATOMIC_SEQ_CST);
}

/* Whether it has failed. */
int fault_fired(void)
{
    return __atomic_load_n(&fired, __ATOMIC_SEQ_CST);
}

static int fails(const char *name, int error)
{
    if (strcmp(__atomic_load_n(&armed, __ATOMIC_SEQ_CST), name) != 0) return 0;
    if (__atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    __atomic_store_n(&fired, 1, __ATOMIC_SEQ_CST);
    errno = error;
    return 1;
}

/* Defines a function that fails on demand, and otherwise is the one behind it. */
#define FAULT(result, name, parameters, arguments, error, failure)                     \
    result name parameters                                                             \
    {                                                                                  \
        static result(*real) parameters;                                               \
        void *found = real ? NULL : dlsym(RTLD_NEXT, #name);                           \
        if (found) memcpy(&real, &found, sizeof real);                                 \
        if (fails(#name, error)) return failure;                                       \
        return real arguments;                                                         \
    }

FAULT(int, pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*body)(void *), void *with),
      (thread, how, body, with), 0, EAGAIN)
FAULT(int, socket, (int domain, int type, int protocol), (domain, type, protocol), EMFILE, -1)
FAULT(int, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), EMFILE, -1)
FAULT(int, connect, (int socket, ADDRESS_IN to, socklen_t size), (socket, to, size), ENETUNREACH, -1)
FAULT(int, setsockopt, (int socket, int level, int name, const void *value, socklen_t size),
      (socket, level, name, value, size), ENOBUFS, -1)
FAULT(int, getsockopt, (int socket, int level, int name, void *value, socklen_t *size),
      (socket, level, name, value, size), ENOBUFS, -1)
FAULT(int, getsockname, (int socket, ADDRESS_OUT name, socklen_t *size), (socket, name, size), ENOBUFS, -1)
FAULT(int, getpeername, (int socket, ADDRESS_OUT name, socklen_t *size), (socket, name, size), ENOTCONN, -1)
FAULT(ssize_t, recv, (int socket, void *buffer, size_t size, int flags), (socket, buffer, size, flags), ECONNRESET, -1)
FAULT(ssize_t, send, (int socket, const void *buffer, size_t size, int flags), (socket, buffer, size, flags), EPIPE, -1)
FAULT(ssize_t, sendmsg, (int socket, const struct msghdr *message, int flags), (socket, message, flags), EPIPE, -1)
FAULT(ssize_t, read, (int file, void *buffer, size_t size), (file, buffer, size), EIO, -1)
FAULT(ssize_t, readv, (int file, const struct iovec *parts, int count), (file, parts, count), EIO, -1)
/* the event loop's own counter says nothing else, and tokio panics if it does */
FAULT(ssize_t, write, (int file, const void *buffer, size_t size), (file, buffer, size), EAGAIN, -1)
FAULT(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count), EIO, -1)
FAULT(int, epoll_create1, (int flags), (flags), EMFILE, -1)
FAULT(int, epoll_ctl, (int epoll, int act, int file, struct epoll_event *event), (epoll, act, file, event), ENOSPC, -1)
FAULT(int, epoll_wait, (int epoll, struct epoll_event *events, int most, int time), (epoll, events, most, time), EINTR, -1)
FAULT(int, eventfd, (unsigned int value, int flags), (value, flags), EMFILE, -1)
FAULT(int, pipe2, (int ends[2], int flags), (ends, flags), EMFILE, -1)
FAULT(ssize_t, getrandom, (void *buffer, size_t size, unsigned int flags), (buffer, size, flags), EIO, -1)
FAULT(int, getaddrinfo,
      (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found_addresses),
      (name, service, hints, found_addresses), 0, EAI_AGAIN)
#ifdef __GLIBC__
FAULT(int, statx, (int folder, const char *path, int flags, unsigned int mask, struct statx *about),
      (folder, path, flags, mask, about), EIO, -1)
#endif

/* These take one more argument, or none. It passes as one that is as wide as any. */
#define FAULT_OPEN(name)                                                   \
    int name(const char *path, int flags, ...)                             \
    {                                                                      \
        static int (*real)(const char *, int, ...);                        \
        void *found = real ? NULL : dlsym(RTLD_NEXT, #name);               \
        va_list more;                                                      \
        unsigned int mode;                                                 \
        va_start(more, flags);                                             \
        mode = flags & O_CREAT ? va_arg(more, unsigned int) : 0;           \
        va_end(more);                                                      \
        if (found) memcpy(&real, &found, sizeof real);                     \
        if (fails("open", EMFILE)) return -1;                              \
        return real(path, flags, mode);                                    \
    }

FAULT_OPEN(open)
#ifdef __GLIBC__
FAULT_OPEN(open64)
#endif

#define FAULT_CONTROL(name, type)                                          \
    int name(int file, type act, ...)                                      \
    {                                                                      \
        static int (*real)(int, type, ...);                                \
        void *found = real ? NULL : dlsym(RTLD_NEXT, #name), *argument;    \
        va_list more;                                                      \
        va_start(more, act);                                               \
        argument = va_arg(more, void *);                                   \
        va_end(more);                                                      \
        if (found) memcpy(&real, &found, sizeof real);                     \
        if (fails(#name, EMFILE)) return -1;                               \
        return real(file, act, argument);                                  \
    }

FAULT_CONTROL(fcntl, int)
#ifdef __GLIBC__
FAULT_CONTROL(fcntl64, int)
FAULT_CONTROL(ioctl, unsigned long)
#else
FAULT_CONTROL(ioctl, int)
#endif
