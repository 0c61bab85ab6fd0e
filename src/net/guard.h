/* guard.h - addresses from which nothing but failed logins comes: they are not accepted for a while.
 *
 * A connection's address fails (what it showed was refused) or proves itself (somebody was let in).
 * Who fails GUARD_FAILURES_MAX times within GUARD_WINDOW_US is barred until that window ends: a
 * connection costs us a TLS handshake before we know what it shows.  An address that has proved
 * itself within GUARD_TRUST_US is never barred, however many fail there: behind a NAT address a
 * whole plant may stand, and one device with a wrong key must not lock it out.  Who attacks from there is
 * slowed down where identities are judged (hub/session/suspects.h).
 *
 * Runs on: one core, which has a guard of its own: with N cores an address may fail N times as often.
 *          Of a proof all are told (conn_login_good()), as its next connection may come to any.
 * Life:    embedded; guard_init() to guard_fini().
 * Limits:  GUARD_ADDRESSES_MAX addresses that fail, GUARD_PROOFS_MAX that have proved themselves; of each
 *          the one unheard of for longest is forgotten, so that failures make nobody's proof go.  Of IPv6
 *          an address is the first 64 bits (net_network()).
 */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/net.h"
#include "base/strikes.h"

enum {
    GUARD_ADDRESSES_MAX = 4096,
    GUARD_PROOFS_MAX = 16384,
    GUARD_FAILURES_MAX = 100, /* more of them than a device tries in a minute, or a test */
};
#define GUARD_WINDOW_US (60 * 1000000ll)
#define GUARD_TRUST_US  (3600 * 1000000ll)
#define GUARD_PROOF_US  (60 * 1000000ll) /* a later proof within them says nothing new */

/* net_network() of a peer.  All zero: none, never barred. */
struct guard_key {
    uint8_t bytes[NET_NETWORK_LEN];
};

struct guard {
    struct strikes failures, proofs;
};

void guard_init(struct guard *g);
void guard_fini(struct guard *g);

void guard_failed(struct guard *g, struct guard_key key, int64_t now_us);
bool guard_proved(struct guard *g, struct guard_key key, int64_t now_us); /* true: that was new */
bool guard_bars(const struct guard *g, struct guard_key key, int64_t now_us);

#endif
