/* suspects.c - who fails too often, and the answers that wait for it. */
#include "hub/session/suspects.h"

#include "base/limit.h"

LIMIT_REACHED(too_many, "login-identities")
COUNTER(held_total, "azimuth_sessions_refused_slowly_total",
        "Sessions refused after a while, because their identity had failed too often");

static struct held *first_of(const struct suspects *s)
{
    return CONTAINER_OF(s->held.next, struct held, node);
}

static void await_first(struct suspects *s)
{
    if (!list_empty(&s->held)) timer_set(s->timers, &s->timer, first_of(s)->due_us);
}

static void on_due(struct timer *t, int64_t now_us)
{
    struct suspects *s = CONTAINER_OF(t, struct suspects, timer);
    while (!list_empty(&s->held) && first_of(s)->due_us <= now_us) s->release(suspects_take(s));
    await_first(s);
}

void suspects_init(struct suspects *s, struct timers *timers, void (*release)(struct held *one))
{
    *s = (struct suspects){.timers = timers, .release = release};
    strikes_init(&s->strikes, SUSPECTS_MAX, SUSPECT_WINDOW_US, &too_many);
    list_init(&s->held);
    timer_init(&s->timer, on_due);
}

void suspects_fini(struct suspects *s)
{
    timer_stop(&s->timer);
    strikes_fini(&s->strikes);
}

bool suspects_failed(struct suspects *s, struct slice who, int64_t now_us)
{
    return strikes_add(&s->strikes, who, now_us) > SUSPECT_FAILURES_MAX;
}

struct held *suspects_take(struct suspects *s)
{
    struct list *node = list_shift(&s->held);
    if (node == NULL) return NULL;
    s->held_count--;
    return CONTAINER_OF(node, struct held, node);
}

void suspects_hold(struct suspects *s, struct held *one, int64_t now_us)
{
    metric_inc(&held_total);
    if (s->held_count == SUSPECT_HELD_MAX) s->release(suspects_take(s));
    one->due_us = now_us + SUSPECT_HOLD_US;
    list_push(&s->held, &one->node);
    s->held_count++;
    await_first(s);
}
