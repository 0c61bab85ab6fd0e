/* quota.c - messages of a day: one number that has the day in it, moved by compare-and-swap.
 *
 * A new day makes a new number, so that nobody has to be there at midnight.  Should the clock go back, the
 * later day goes on. */
#include "hub/throttle/quota.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"

GAUGE(used_now, "azimuth_daily_message_quota_used", "Messages taken since midnight, UTC");
GAUGE(limit_now, "azimuth_daily_message_quota", "Messages that may be taken on a day; 0: any");
COUNTER(refused_total, "azimuth_daily_message_quota_refused_total",
        "Requests and messages refused because the daily quota was used up");

#define DAY_US (24ll * 3600 * 1000000)

static_assert(10 * 300000000ull <= QUOTA_MESSAGES_MASK, "what most units of S3 take on a day fits");

struct quota *quota_new(const struct quota_config *c)
{
    metric_set(&limit_now, (int64_t)c->messages);
    if (c->messages == 0) return NULL;
    struct quota *q = NEW(struct quota);
    q->config = *c;
    return q;
}

void quota_free(struct quota *q)
{
    free(q);
}

uint64_t quota_messages(const struct quota *q, size_t bytes)
{
    return MAX((bytes + q->config.meter - 1) / q->config.meter, 1);
}

/* What was taken on that day, or on a later one. */
static uint64_t on_day(uint64_t taken, int64_t wall_us)
{
    uint64_t start = (uint64_t)(wall_us / DAY_US) << QUOTA_DAY_SHIFT;
    return MAX(taken, start);
}

static void say_over(struct quota *q, uint64_t taken)
{
    uint64_t day = taken >> QUOTA_DAY_SHIFT;
    metric_inc(&refused_total);
    if (atomic_exchange_explicit(&q->said_day, day, memory_order_relaxed) == day) return;
    say_warn("quota.reached", "messages=%llu note=\"the hub takes no more until 00:00 UTC\"",
             (unsigned long long)q->config.messages);
}

bool quota_take_from(struct quota *q, uint64_t messages, int64_t wall_us)
{
    uint64_t old = atomic_load_explicit(&q->taken, memory_order_relaxed), next;
    do {
        next = on_day(old, wall_us);
        if ((next & QUOTA_MESSAGES_MASK) + MAX(messages, 1) > q->config.messages) {
            say_over(q, next);
            return false;
        }
        next += messages;
    } while (!atomic_compare_exchange_weak_explicit(&q->taken, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void quota_add(struct quota *q, uint64_t messages, int64_t wall_us)
{
    uint64_t old = atomic_load_explicit(&q->taken, memory_order_relaxed), next;
    do {
        next = on_day(old, wall_us) + messages;
    } while (!atomic_compare_exchange_weak_explicit(&q->taken, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
}

uint64_t quota_limit(const struct quota *q)
{
    return q->config.messages;
}

uint64_t quota_used(const struct quota *q, int64_t wall_us)
{
    uint64_t taken = atomic_load_explicit(&q->taken, memory_order_relaxed);
    return on_day(taken, wall_us) & QUOTA_MESSAGES_MASK;
}

void quota_show(const struct quota *q)
{
    metric_set(&used_now, (int64_t)quota_used(q, clock_wall_us()));
}
