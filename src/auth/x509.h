/* x509.h - what a client certificate says, and whether a device may rely on it.
 *
 * TLS proves that a client owns the key of the certificate that it showed, and accepts any.  What
 * was shown becomes `struct x509_facts`, a flat piece of memory that is copied to the home of the
 * device that the client says it is.  Home then asks one of two questions: is this one of the
 * certificates registered with the device (x509_by_thumbprint), or was it issued, over however many
 * intermediates, by a CA that is registered with the hub, for a device of this name (x509_by_ca)?
 *
 * Runs on: any thread.  A set of CAs is immutable once filled and belongs to one thread.
 * Limits:  X509_CHAIN_MAX certificates shown by a client: more are dropped, and then no CA vouches
 *          for the chain; X509_CHAIN_BYTES_MAX of DER; X509_CAS_MAX CAs; X509_CERTIFICATE_MAX bytes
 *          of a certificate that is uploaded.
 * Source:  "Authenticate identities with X.509 certificates" (IoT Hub); RFC 5280 section 6.  IoT Hub
 *          asks no CRL and no OCSP responder, and neither do we.
 */
#ifndef AUTH_X509_H
#define AUTH_X509_H

#include "auth/auth.h"

enum {
    X509_CHAIN_MAX = 8,
    X509_CHAIN_BYTES_MAX = 32 << 10,
    X509_COMMON_NAME_MAX = 257, /* "{device}/{module}" */
    X509_SHA1_LEN = 20,
    X509_SHA256_LEN = 32,
};

struct x509_facts {
    int64_t from_us, until_us; /* validity of the leaf, wall time */
    uint8_t sha1[X509_SHA1_LEN], sha256[X509_SHA256_LEN];
    char common_name[X509_COMMON_NAME_MAX + 1]; /* "": none, several, or no possible id */
    uint8_t shown; /* certificates in the chain, at most X509_CHAIN_MAX + 1: then it is not kept */
    uint32_t chain_len; /* of what follows: DER certificates one behind the other, leaf first */
    uint8_t chain[];
};

/* Of a chain as above.  ERR_INVALID when it is none, ERR_TOO_BIG; *out is freed with free(). */
enum err x509_facts_new(struct slice chain, struct x509_facts **out) MUST_USE;

/* Facts are copied with memcpy() to any place that is aligned to 8 bytes. */
static inline size_t x509_facts_size(const struct x509_facts *f)
{
    return sizeof *f + f->chain_len;
}

#endif
