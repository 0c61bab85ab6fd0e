/* guard.c - who failed how often, and who proved himself when. */
#include "net/guard.h"

#include <string.h>

#include "base/limit.h"

LIMIT_REACHED(too_many, "login-addresses")
LIMIT_REACHED(too_many_proofs, "login-proofs")
COUNTER(failures, "azimuth_logins_failed_total", "Logins that were refused, on any listener");
COUNTER(bars, "azimuth_addresses_barred_total",
        "Times that an address had too many failed logins and no other");

void guard_init(struct guard *g)
{
    strikes_init(&g->failures, GUARD_ADDRESSES_MAX, GUARD_WINDOW_US, &too_many);
    strikes_init(&g->proofs, GUARD_PROOFS_MAX, 0, &too_many_proofs);
}

void guard_fini(struct guard *g)
{
    strikes_fini(&g->failures);
    strikes_fini(&g->proofs);
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

void guard_failed(struct guard *g, struct guard_key key, int64_t now_us)
{
    metric_inc(&failures);
    if (is_nobody(&key)) return;
    unsigned count = strikes_add(&g->failures, bytes_of(&key), now_us);
    if (count == GUARD_FAILURES_MAX && guard_bars(g, key, now_us)) metric_inc(&bars);
}

bool guard_proved(struct guard *g, struct guard_key key, int64_t now_us)
{
    if (is_nobody(&key)) return false;
    struct strike *s = strikes_note(&g->proofs, bytes_of(&key));
    if (strike_is_proved(s, GUARD_PROOF_US, now_us)) return false;
    s->proved_us = now_us;
    return true;
}

bool guard_bars(const struct guard *g, struct guard_key key, int64_t now_us)
{
    const struct strike *s = strikes_find(&g->failures, bytes_of(&key));
    return s && strikes_count(&g->failures, s, now_us) >= GUARD_FAILURES_MAX &&
           !strike_is_proved(strikes_find(&g->proofs, bytes_of(&key)), GUARD_TRUST_US, now_us);
}
