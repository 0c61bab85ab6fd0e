/* password.h - people's passwords: what is kept of them, and whether one is right.
 *
 * scrypt with a random salt; the parameters are kept beside the hash, so that they can grow.
 *
 * Runs on: any thread; password_hash() takes a fifth of a second and 64 MiB at PASSWORD_COST, so on no core.
 * Source:  RFC 7914; OWASP "Password Storage Cheat Sheet" (scrypt: N = 2^16 or more, r = 8).
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/err.h"
#include "base/slice.h"

enum {
    PASSWORD_COST = 16, /* N is 2 to that power */
    PASSWORD_COST_MAX = 20,
    PASSWORD_BLOCKS = 8, /* r */
    PASSWORD_LANES = 1,  /* p */
    PASSWORD_SALT = 16,
    PASSWORD_HASH = 32,
};

struct password {
    uint8_t cost, blocks, lanes;
    uint8_t salt[PASSWORD_SALT];
    uint8_t hash[PASSWORD_HASH];
};

/* Today's parameters but for the cost, and a random salt; the hash is zeros. */
struct password password_new(unsigned cost);

/* What `text` comes to with the salt and parameters of `p`.  ERR_NOMEM: there was no memory for it. */
enum err password_hash(const struct password *p, struct slice text,
                       uint8_t out[PASSWORD_HASH]) MUST_USE;

/* In constant time. */
bool password_is(const struct password *p, const uint8_t hash[PASSWORD_HASH]);

#endif
