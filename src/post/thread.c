/* thread.c - a lane's thread, asleep on a condition variable. */
#include "post/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { THREAD_SLICE_NS = 100 * 1000 }; /* the least that Linux gives */

/* As sched_setattr(2) has it: the kernel's header of it cannot be read beside the C library's. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

struct lane_thread {
    struct lane *lane;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t signal;
    bool awake, stopping; /* under the lock */
};

static void wake(struct lane *lane)
{
    struct lane_thread *t = lane->wake_ctx;
    pthread_mutex_lock(&t->lock);
    bool asleep = !t->awake;
    t->awake = true;
    pthread_mutex_unlock(&t->lock);
    if (asleep) pthread_cond_signal(&t->signal);
}

/* Until woken or due; false when asked to stop. */
static bool sleep_until(struct lane_thread *t, int64_t due_us)
{
    struct timespec ts = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = due_us % 1000000 * 1000};
    pthread_mutex_lock(&t->lock);
    int timed_out = 0;
    while (!t->awake && !t->stopping && !timed_out)
        timed_out = due_us == INT64_MAX ? pthread_cond_wait(&t->signal, &t->lock)
                                        : pthread_cond_timedwait(&t->signal, &t->lock, &ts);
    t->awake = false;
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return !stopping;
}

/* A core with thousands of handshakes before it never sleeps, and all of its clients wait for us: who
 * asks for a short slice is let in when it wakes, not when the core's slice is over (sched_setattr(2);
 * Linux from 6.12, without effect before).  Who was started with another policy keeps it. */
static void take_short_slices(void)
{
    if (sched_getscheduler(0) != SCHED_OTHER) return;
    const struct attributes attr = {.size = sizeof attr,
                                    .policy = SCHED_OTHER,
                                    .nice = getpriority(PRIO_PROCESS, 0),
                                    .runtime_ns = THREAD_SLICE_NS};
    syscall(SYS_sched_setattr, 0, &attr, 0u);
}

static void *run(void *arg)
{
    struct lane_thread *t = arg;
    take_short_slices();
    do {
        int64_t due, now;
        do {
            now = clock_mono_us();
            due = lane_run_once(t->lane, now);
        } while (due <= now);
        if (!sleep_until(t, due)) break;
    } while (true);
    while (lane_has_mail(t->lane)) lane_run_once(t->lane, clock_mono_us());
    return NULL;
}

static void free_thread(struct lane *lane)
{
    struct lane_thread *t = lane->wake_ctx;
    pthread_cond_destroy(&t->signal);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct lane_thread *lane_thread_start(struct lane *lane)
{
    struct lane_thread *t = NEW(struct lane_thread);
    t->lane = lane;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->signal, &attr);
    pthread_condattr_destroy(&attr);
    lane->wake_ctx = t;
    lane->wake = wake;
    lane->wake_free = free_thread;
    t->awake = true;
    int failed = pthread_create(&t->thread, NULL, run, t);
    assert(!failed);
    pthread_setname_np(t->thread, lane->name);
    return t;
}

void lane_thread_stop(struct lane_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_mutex_unlock(&t->lock);
    pthread_cond_signal(&t->signal);
    pthread_join(t->thread, NULL);
}
