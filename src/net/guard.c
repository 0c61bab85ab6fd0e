/* guard.c - who failed how often, and who proved himself when. */
#include "net/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"

COUNTER(failures, "azimuth_logins_failed_total", "Logins that were refused, on any listener");
COUNTER(bars, "azimuth_addresses_barred_total",
        "Times that an address had too many failed logins and no other");

struct suspect {
    struct list node;
    struct guard_key key;
    unsigned failures; /* since window_us */
    int64_t window_us;
    int64_t proved_us; /* INT64_MIN: never */
};

void guard_init(struct guard *g)
{
    *g = (struct guard){0};
    list_init(&g->oldest);
}

static void forget(struct guard *g, struct suspect *s)
{
    list_remove(&s->node);
    map_remove(&g->by_key, slice_of(s->key.bytes, GUARD_KEY_LEN));
    free(s);
}

void guard_fini(struct guard *g)
{
    while (!list_empty(&g->oldest)) forget(g, CONTAINER_OF(g->oldest.next, struct suspect, node));
    map_free(&g->by_key);
}

static bool is_nobody(const struct guard_key *key)
{
    static const struct guard_key nobody;
    return memcmp(key, &nobody, sizeof nobody) == 0;
}

static struct suspect *find(const struct guard *g, const struct guard_key *key)
{
    return map_get(&g->by_key, slice_of(key->bytes, GUARD_KEY_LEN));
}

static struct suspect *find_or_make(struct guard *g, const struct guard_key *key)
{
    struct suspect *s = find(g, key);
    if (s) {
        list_remove(&s->node);
    } else {
        if (g->by_key.count == GUARD_ADDRESSES_MAX)
            forget(g, CONTAINER_OF(g->oldest.next, struct suspect, node));
        s = NEW(struct suspect);
        s->key = *key;
        s->window_us = s->proved_us = INT64_MIN;
        map_put(&g->by_key, slice_of(s->key.bytes, GUARD_KEY_LEN), s);
    }
    list_push(&g->oldest, &s->node);
    return s;
}

static bool is_over(const struct suspect *s, int64_t now_us)
{
    return s->window_us == INT64_MIN || now_us - s->window_us >= GUARD_WINDOW_US;
}

static bool is_trusted(const struct suspect *s, int64_t now_us)
{
    return s->proved_us != INT64_MIN && now_us - s->proved_us < GUARD_TRUST_US;
}

static bool is_barred(const struct suspect *s, int64_t now_us)
{
    return s->failures >= GUARD_FAILURES_MAX && !is_over(s, now_us) && !is_trusted(s, now_us);
}

void guard_failed(struct guard *g, struct guard_key key, int64_t now_us)
{
    metric_inc(&failures);
    if (is_nobody(&key)) return;
    struct suspect *s = find_or_make(g, &key);
    if (is_over(s, now_us)) {
        s->window_us = now_us;
        s->failures = 0;
    }
    s->failures++;
    if (s->failures == GUARD_FAILURES_MAX && is_barred(s, now_us)) metric_inc(&bars);
}

void guard_proved(struct guard *g, struct guard_key key, int64_t now_us)
{
    if (!is_nobody(&key)) find_or_make(g, &key)->proved_us = now_us;
}

bool guard_bars(const struct guard *g, struct guard_key key, int64_t now_us)
{
    const struct suspect *s = find(g, &key);
    return s && is_barred(s, now_us);
}
