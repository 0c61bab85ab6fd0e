/* attempts.h - sign-ins that are under way at a provider (oidc.h).  Private to front/console.
 *
 * Anybody may begin one and it costs nothing: so an address has only so many, and when all are taken the oldest
 * of the address that has most makes room.  Who comes alone is not driven out by who begins many.
 *
 * Runs on: the console's lane.
 * Limits:  the constants below.
 */
#ifndef FRONT_CONSOLE_ATTEMPTS_H
#define FRONT_CONSOLE_ATTEMPTS_H

#include "base/net.h"
#include "front/console/session.h"

enum {
    ATTEMPTS_MAX = 32,
    ATTEMPTS_ADDRESS_MAX = 8, /* of one address; its own oldest makes room */
    ATTEMPT_PLACE_MAX = 512,
};
#define ATTEMPT_US (600 * 1000000ll) /* to come back within */

struct attempt {
    struct session_secret state, nonce, verifier, browser; /* state[0] NUL: free */
    char place[ATTEMPT_PLACE_MAX];                         /* where the provider leads back to */
    uint8_t network[NET_NETWORK_LEN];                      /* that began it */
    int64_t made_us;
};

struct attempts {
    struct attempt items[ATTEMPTS_MAX];
};

/* One of somebody at `peer` ("ADDRESS:PORT"), with new secrets; borrowed until the next call. */
const struct attempt *attempts_begin(struct attempts *t, const char *peer, const char *place,
                                     int64_t now_us);

/* The one of that state is used up, whoever comes with it; false: there is none, it is too old, or another browser
 * began it. */
bool attempts_take(struct attempts *t, struct slice state, struct slice browser, int64_t now_us,
                   struct attempt *out);

#endif
