/* jwt.h - the id_token of an OpenID provider: who signed it, for whom, until when.
 *
 * RS256 and ES256, by a key of the provider's set (JWK) that fits the token's kid; no other algorithm, no token
 * that says where its key is to be found, none with critical extensions.
 *
 * Runs on: any thread; some 100 us.
 * Limits:  JWT_MAX bytes of a token; RSA keys of 2048 to 8192 bits.
 * Source:  RFC 7515, 7517, 7518, 7519; OpenID Connect Core 1.0, sections 3.1.3.7 and 2.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "base/json.h"

enum {
    JWT_MAX = 16 << 10,
    JWT_SKEW_S = 60, /* by which clocks may differ */
};

struct jwt_ask {
    struct slice token;
    const struct json *keys;              /* {"keys":[...]} */
    struct slice issuer, audience, nonce; /* that there must be */
    int64_t now_s;                        /* since 1970 */
};

/* OK: *claims, an object in the arena.  ERR_NOT_FOUND: none of the keys is the one; they may be old.  ERR_DENIED
 * and ERR_INVALID with a text for the log. */
enum err jwt_verify(struct arena *a, const struct jwt_ask *ask, struct json **claims) MUST_USE;

/* base64url without padding (RFC 7515, appendix C). */
void jwt_base64url(struct buf *out, struct slice bytes);

#endif
