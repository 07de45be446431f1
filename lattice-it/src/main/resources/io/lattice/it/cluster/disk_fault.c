/*
 * Loaded into a server before the C library (LD_PRELOAD): syncs of chosen files fail or hang, as they do on a disk
 * that is dying. Everything else, writing to those files included, goes on: the page cache takes it.
 *
 * The file that the environment variable LATTICE_IT_DISK_FAULT names says what happens: one line, a mode, a space,
 * and a shell pattern for the absolute path of the file that is synced, in which * matches slashes too. It is read
 * at each sync; while it is absent, all syncs pass.
 *
 *   fail       the sync reports EIO
 *   fail-once  one sync does, and the file is removed: Linux reports a lost write once and calls later syncs good
 *   hang       the sync doesn't return until the file says something else
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum verdict { PASS, FAIL, FAIL_ONCE, HANG };

static const char *control(void) { return getenv("LATTICE_IT_DISK_FAULT"); }

static enum verdict judge(int fd) {
    const char *path = control();
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return PASS;
    }
    char line[4096];
    ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    if (length <= 0) {
        return PASS;
    }
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char *pattern = strchr(line, ' ');
    if (pattern == NULL) {
        return PASS;
    }
    *pattern++ = '\0';
    char link[64];
    char target[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, target, sizeof target - 1);
    if (length <= 0) {
        return PASS;
    }
    target[length] = '\0';
    if (fnmatch(pattern, target, 0) != 0) {
        return PASS;
    }
    if (strcmp(line, "fail") == 0) {
        return FAIL;
    }
    if (strcmp(line, "fail-once") == 0) {
        return FAIL_ONCE;
    }
    return strcmp(line, "hang") == 0 ? HANG : PASS;
}

/* 0 if the real sync is to be called, else -1 with errno set. */
static int before_sync(int fd) {
    const struct timespec pause = {0, 10 * 1000 * 1000};
    for (;;) {
        switch (judge(fd)) {
            case FAIL_ONCE:
                if (unlink(control()) != 0) {
                    /* Another thread's sync was the one to fail. */
                    return 0;
                }
                /* fall through */
            case FAIL:
                errno = EIO;
                return -1;
            case HANG:
                nanosleep(&pause, NULL);
                break;
            case PASS:
                return 0;
        }
    }
}

int fsync(int fd) {
    static int (*real)(int);
    if (real == NULL) {
        real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    }
    return before_sync(fd) == 0 ? real(fd) : -1;
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (real == NULL) {
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    }
    return before_sync(fd) == 0 ? real(fd) : -1;
}

int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned int flags) {
    static int (*real)(int, off64_t, off64_t, unsigned int);
    if (real == NULL) {
        real = (int (*)(int, off64_t, off64_t, unsigned int))dlsym(RTLD_NEXT, "sync_file_range");
    }
    return before_sync(fd) == 0 ? real(fd, offset, bytes, flags) : -1;
}
