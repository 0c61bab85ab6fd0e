/* jwk.h - a public key as JSON has it (RFC 7517), and a signature by it.  Private to auth. */
#ifndef AUTH_JWK_H
#define AUTH_JWK_H

#include "base/json.h"

enum jwk_alg { JWK_RS256, JWK_ES256, JWK_ALGS };

const char *jwk_alg_name(enum jwk_alg alg);

/* ERR_DENIED: it is not that key's signature; ERR_INVALID: the key is none. */
enum err jwk_verify(const struct json *key, enum jwk_alg alg, struct slice text,
                    struct slice signature) MUST_USE;

#endif
