/* guard.c - who failed how often, and who proved himself when. */
#include "net/guard.h"

#include <string.h>

#include "base/limit.h"

LIMIT_REACHED(too_many, "login-addresses")
COUNTER(failures, "azimuth_logins_failed_total", "Logins that were refused, on any listener");
COUNTER(bars, "azimuth_addresses_barred_total",
        "Times that an address had too many failed logins and no other");

void guard_init(struct guard *g)
{
    strikes_init(&g->strikes, GUARD_ADDRESSES_MAX, GUARD_WINDOW_US, &too_many);
}

void guard_fini(struct guard *g)
{
    strikes_fini(&g->strikes);
}

static bool is_nobody(const struct guard_key *key)
{
    static const struct guard_key nobody;
    return memcmp(key, &nobody, sizeof nobody) == 0;
}

static struct slice bytes_of(const struct guard_key *key)
{
    return slice_of(key->bytes, NET_NETWORK_LEN);
}

static bool is_trusted(const struct strike *s, int64_t now_us)
{
    return s->proved_us != INT64_MIN && now_us - s->proved_us < GUARD_TRUST_US;
}

void guard_failed(struct guard *g, struct guard_key key, int64_t now_us)
{
    metric_inc(&failures);
    if (is_nobody(&key)) return;
    unsigned count = strikes_add(&g->strikes, bytes_of(&key), now_us);
    if (count == GUARD_FAILURES_MAX && guard_bars(g, key, now_us)) metric_inc(&bars);
}

void guard_proved(struct guard *g, struct guard_key key, int64_t now_us)
{
    if (!is_nobody(&key)) strikes_note(&g->strikes, bytes_of(&key))->proved_us = now_us;
}

bool guard_bars(const struct guard *g, struct guard_key key, int64_t now_us)
{
    const struct strike *s = strikes_find(&g->strikes, bytes_of(&key));
    return s && strikes_count(&g->strikes, s, now_us) >= GUARD_FAILURES_MAX &&
           !is_trusted(s, now_us);
}
