#pragma once
#include <pthread.h>
#include <sys/socket.h>
#include <uv.h>

/* accept4 and pthread_setname_np are shown by the C library only to _GNU_SOURCE, which Swift's importer does not set. */

/* Accepts a non-blocking, close-on-exec socket; -1 and errno on failure. */
static inline int cuv_accept(int listener, struct sockaddr_storage *peer, socklen_t *length) {
    extern int accept4(int, struct sockaddr *, socklen_t *, int);
    return accept4(listener, (struct sockaddr *)peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Names the calling thread; the kernel keeps 15 bytes and refuses longer names. */
static inline int cuv_name_thread(const char *name) {
    extern int pthread_setname_np(pthread_t, const char *);
    return pthread_setname_np(pthread_self(), name);
}

/* A non-blocking, close-on-exec TCP socket; -1 and errno on failure. */
static inline int cuv_tcp_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* malloc.h is not part of Swift's C library module. */
#include <malloc.h>

static inline void cuv_mallopt_trim(int bytes) { mallopt(M_TRIM_THRESHOLD, bytes); }

static inline void cuv_mallopt_mmap(int bytes) { mallopt(M_MMAP_THRESHOLD, bytes); }

static inline void cuv_mallopt_arenas(int count) { mallopt(M_ARENA_MAX, count); }
