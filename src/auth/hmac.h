/* hmac.h - HMAC-SHA256 with one OpenSSL context per thread.  Private to auth. */
#ifndef AUTH_HMAC_H
#define AUTH_HMAC_H

#include "base/slice.h"

enum { HMAC_SHA256_LEN = 32 };

/* Over the parts, one after the other.  `key` has at least one byte. */
void hmac_sha256(struct slice key, const struct slice *parts, size_t count,
                 uint8_t out[HMAC_SHA256_LEN]);

#endif
