/*
 * Loaded into a server before the C library (LD_PRELOAD): it sees a wall clock that is some seconds ahead of the machine's,
 * or behind it. How many stands in the file that the environment variable LATTICE_IT_WALL_CLOCK names, as a 64-bit number in
 * the machine's byte order; the file is mapped, so a change is seen at once. The monotonic clock stays.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Points of the monotonic clock are below this, those of the wall clock above, in seconds. */
#define WALL_SECONDS_MIN 1000000000

static const volatile int64_t nothing;
static const volatile int64_t *ahead = &nothing;

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "wall_clock: no %s\n", name);
        abort();
    }
    return found;
}

__attribute__((constructor)) static void map_file(void) {
    const char *name = getenv("LATTICE_IT_WALL_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) {
        perror("wall_clock: LATTICE_IT_WALL_CLOCK");
        abort();
    }
    close(file);
    ahead = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *result) {
    static int (*plain)(clockid_t, struct timespec *);
    if (!plain) {
        plain = next("clock_gettime");
    }
    int failed = plain(clock, result);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        result->tv_sec += *ahead;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
    static int (*plain)(struct timeval *, void *);
    if (!plain) {
        plain = next("gettimeofday");
    }
    int failed = plain(result, zone);
    if (!failed) {
        result->tv_sec += *ahead;
    }
    return failed;
}

time_t time(time_t *result) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) {
        return (time_t)-1;
    }
    if (result) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}

/* A deadline of the wall clock was made from the one shown here, and the kernel compares it with its own. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
    static int (*plain)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!plain) {
        /* Plain dlsym may find the version for programs from before 2003. */
        void *found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
        plain = found ? found : next("pthread_cond_timedwait");
    }
    struct timespec kernels = *deadline;
    if (kernels.tv_sec >= WALL_SECONDS_MIN) {
        kernels.tv_sec -= *ahead;
    }
    return plain(condition, mutex, &kernels);
}
