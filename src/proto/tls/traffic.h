/* traffic.h - one direction of an open TLS 1.3 connection: keys, and records sealed and opened.
 *
 * Everything secret comes from OpenSSL's handshake, all arithmetic is OpenSSL's AEAD and KDF; what is
 * ours is the framing of RFC 8446 section 5 and the count of records, which is the nonce.
 *
 * Life: traffic_init(), or traffic_begin() and what is derived from the secret; .. traffic_fini(), which
 * wipes.  Suites are found once and kept. */
#ifndef PROTO_TLS_TRAFFIC_H
#define PROTO_TLS_TRAFFIC_H

#include <stdbool.h>

#include "base/buf.h"

struct evp_cipher_ctx_st;

enum {
    TRAFFIC_HEAD = 5, /* type, version, length */
    TRAFFIC_TAG = 16,
    TRAFFIC_NONCE = 12,
    TRAFFIC_SECRET_MAX = 48, /* a SHA-384 */
};

/* Content types, section 5.1. */
enum { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_DATA = 23 };

struct suite; /* AEAD and hash */

/* By its number in the registry (0x1301 ..), or NULL: not one of ours. */
const struct suite *suite_find(unsigned id);

struct traffic {
    const struct suite *suite;
    struct evp_cipher_ctx_st *cipher; /* NULL until there is a key */
    uint64_t count;                   /* of records under this key */
    bool sealing, has_iv;
    uint8_t iv[TRAFFIC_NONCE];
    uint8_t secret[TRAFFIC_SECRET_MAX];
};

/* ERR_INVALID: the secret is not of the length of the suite's hash, or OpenSSL refuses. */
enum err traffic_init(struct traffic *t, const struct suite *suite, struct slice secret,
                      bool sealing) MUST_USE;
void traffic_fini(struct traffic *t);

/* Instead, where somebody else derives key and IV: they follow.  What has not the suite's length counts for
 * nothing, and traffic_is_whole() stays false. */
void traffic_begin(struct traffic *t, const struct suite *suite, struct slice secret, bool sealing);
bool traffic_is_of(const struct traffic *t, struct slice secret); /* began with that secret */
void traffic_key(struct traffic *t, struct slice key);
void traffic_iv(struct traffic *t, struct slice iv);
bool traffic_is_whole(const struct traffic *t);

/* The next secret of the row, section 7.2; the count begins anew. */
enum err traffic_update(struct traffic *t) MUST_USE;

/* Appends one record. */
enum err traffic_seal(struct traffic *t, uint8_t type, struct slice content,
                      struct buf *out) MUST_USE;

/* A whole record, head included, to `out`, which has room for it; *type and *content without padding.
 * ERR_DENIED: it is not authentic; ERR_PROTOCOL: it has no content type. */
enum err traffic_open(struct traffic *t, struct slice record, uint8_t *out, uint8_t *type,
                      struct slice *content) MUST_USE;

#endif
