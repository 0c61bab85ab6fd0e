/* attempts.c - see attempts.h. */
#include "front/console/attempts.h"

#include <stdio.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"

LIMIT_REACHED(too_many_of_address, "oidc-attempts-of-address")
LIMIT_REACHED(too_many, "oidc-attempts")

static bool is_free(const struct attempt *a)
{
    return a->state.text[0] == '\0';
}

static unsigned count_of(const struct attempts *t, const uint8_t *network)
{
    unsigned n = 0;
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        n += !is_free(&t->items[i]) && memcmp(t->items[i].network, network, NET_NETWORK_LEN) == 0;
    return n;
}

/* The oldest of the network that has most; `network` NULL: whichever that is. */
static struct attempt *heaviest(struct attempts *t, const uint8_t *network)
{
    struct attempt *at = NULL;
    unsigned most = 0;
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *a = &t->items[i];
        if (is_free(a) || (network && memcmp(a->network, network, NET_NETWORK_LEN) != 0)) continue;
        unsigned n = count_of(t, a->network);
        if (at && (n < most || (n == most && a->made_us >= at->made_us))) continue;
        at = a;
        most = n;
    }
    return at;
}

static struct attempt *make_room(struct attempts *t, const uint8_t *network)
{
    if (count_of(t, network) >= ATTEMPTS_ADDRESS_MAX) {
        metric_inc(&too_many_of_address);
        return heaviest(t, network);
    }
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        if (is_free(&t->items[i])) return &t->items[i];
    metric_inc(&too_many);
    return heaviest(t, NULL);
}

static void drop_old_ones(struct attempts *t, int64_t now_us)
{
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        if (!is_free(&t->items[i]) && now_us - t->items[i].made_us >= ATTEMPT_US)
            mem_wipe(&t->items[i], sizeof t->items[i]);
}

const struct attempt *attempts_begin(struct attempts *t, const char *peer, const char *place,
                                     int64_t now_us)
{
    uint8_t network[NET_NETWORK_LEN];
    net_network(slice_str(peer), network);
    drop_old_ones(t, now_us);
    struct attempt *a = make_room(t, network);
    *a = (struct attempt){.made_us = now_us};
    session_secret_make(&a->state);
    session_secret_make(&a->nonce);
    session_secret_make(&a->verifier);
    session_secret_make(&a->browser);
    snprintf(a->place, sizeof a->place, "%s", place);
    memcpy(a->network, network, sizeof network);
    return a;
}

bool attempts_take(struct attempts *t, struct slice state, struct slice browser, int64_t now_us,
                   struct attempt *out)
{
    bool good = false;
    drop_old_ones(t, now_us);
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *a = &t->items[i];
        if (is_free(a) || !slice_eq_secret(slice_str(a->state.text), state)) continue;
        good = slice_eq_secret(slice_str(a->browser.text), browser);
        *out = *a;
        mem_wipe(a, sizeof *a);
    }
    return good;
}
