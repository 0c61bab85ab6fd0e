/* timer.h - a timing wheel: any number of timers, constant cost.
 *
 * Runs on: the lane that owns the wheel.  Times are monotonic microseconds, rounded up to 1 ms.
 * A timer is embedded in its owner; timer_stop() before the owner is freed.
 */
#ifndef POST_TIMER_H
#define POST_TIMER_H

#include <stdint.h>

#include "base/list.h"

enum { TIMER_TICK_US = 1000, TIMER_BITS = 6, TIMER_SLOTS = 1 << TIMER_BITS, TIMER_LEVELS = 6 };

struct timer {
    struct list node;
    int64_t due_us;
    void (*fn)(struct timer *t, int64_t now_us); /* may set, stop or free its own timer */
};

struct timers {
    int64_t tick;                /* all timers due up to this tick have fired */
    uint64_t used[TIMER_LEVELS]; /* bit per slot that may hold timers */
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timers_init(struct timers *w, int64_t now_us);
void timer_init(struct timer *t, void (*fn)(struct timer *t, int64_t now_us));
void timer_set(struct timers *w, struct timer *t, int64_t due_us); /* moves it if already set */
void timer_stop(struct timer *t);

static inline bool timer_active(const struct timer *t)
{
    return list_linked(&t->node);
}

void timers_run(struct timers *w, int64_t now_us);

/* Not later than the earliest timer; INT64_MAX when there is none. */
int64_t timers_next(const struct timers *w);

#endif
