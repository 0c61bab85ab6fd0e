/* shim_clock.c - a wall clock that somebody sets: FAULT_CLOCK names a file of 8 bytes, the seconds by which it is ahead.
 * Monotonic clocks are left alone, as they are when a real clock is set. Who waits for a signal does so for FAULT_CLOCK_WAIT
 * seconds at most, if that is set: what the server does once a minute it then does so often. */
#include "shim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t nothing;
static const volatile int64_t *ahead = &nothing;
static time_t wait_max;

__attribute__((constructor)) static void look_at_file(void)
{
    const char *path = getenv("FAULT_CLOCK"), *wait = getenv("FAULT_CLOCK_WAIT");
    if (wait) wait_max = atoi(wait);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) ahead = page;
    close(fd);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, out);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += *ahead;
    return result;
}

int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                 const struct timespec *restrict wait)
{
    static int (*real)(const sigset_t *, siginfo_t *, const struct timespec *);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sigtimedwait");
    const struct timespec most = {.tv_sec = wait_max};
    return real(set, info, wait_max && wait && wait->tv_sec > wait_max ? &most : wait);
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
