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
 *          for the chain; X509_CHAIN_BYTES_MAX of DER; X509_CAS_MAX CAs; X509_UPLOAD_MAX bytes of a
 *          certificate that somebody uploads.
 * Source:  "Authenticate identities with X.509 certificates" (IoT Hub); RFC 5280 section 6.  IoT Hub
 *          asks no CRL and no OCSP responder, and neither do we.
 */
#ifndef AUTH_X509_H
#define AUTH_X509_H

#include "auth/auth.h"

enum {
    X509_CHAIN_MAX = 8,
    X509_CHAIN_BYTES_MAX = 32 << 10,
    X509_CAS_MAX = 25,          /* IoT Hub */
    X509_UPLOAD_MAX = 16 << 10, /* PEM, or base64 of it */
    X509_COMMON_NAME_MAX = 257, /* "{device}/{module}" */
    X509_SUBJECT_MAX = 255,     /* longer ones are cut when they are shown */
    X509_SERIAL_MAX = 32,       /* bytes that are shown; RFC 5280 allows 20 */
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

struct ossl_lib_ctx_st; /* OpenSSL's, and this one too */
struct x509_st;

/* The library context of OpenSSL in which certificates are read, much faster than in the default one;
 * for TLS too.  It stays until the process ends. */
struct ossl_lib_ctx_st *x509_library(void);

/* The first certificate of a chain, as TLS has read it in that library context; x509_facts_new() does not read
 * it again, then.  Takes it; NULL is fine. */
void x509_remember(struct slice chain, struct x509_st *first);

/* Of a chain as above.  ERR_INVALID when it is none, ERR_TOO_BIG; *out is freed with free(). */
enum err x509_facts_new(struct slice chain, struct x509_facts **out) MUST_USE;

/* Facts are copied with memcpy() to any place that is aligned to 8 bytes. */
static inline size_t x509_facts_size(const struct x509_facts *f)
{
    return sizeof *f + f->chain_len;
}

/* ---- may a device rely on it?  If not, fail_text() says why, for administrators. */

/* Is it one of the two with these thumbprints, SHA-1 or SHA-256 in hex, and valid now?  IoT Hub takes
 * either hash and enforces the dates of self-signed certificates, too. */
enum auth_cause x509_by_thumbprint(const struct x509_facts *f, const struct slice thumbprints[2],
                                   int64_t now_us);

struct x509_cas;

/* Is its common name `name`, and does a chain lead from it, over what the client sent, to one of the
 * CAs, each valid now?  A CA of the hub need not be a root: the chain ends where it meets one.
 * `which` gets the index of that CA; NULL is fine. */
enum auth_cause x509_by_ca(const struct x509_facts *f, const struct x509_cas *cas,
                           struct slice name, int64_t now_us, unsigned *which);

/* Is its common name `name`, in any case, and does a chain lead from it, over what the client sent, to
 * this certificate, each valid now?  `depth` gets how many certificates lie between: 0 when the
 * anchor issued the leaf. */
enum auth_cause x509_by_anchor(const struct x509_facts *f, struct slice anchor_der,
                               struct slice name, int64_t now_us, unsigned *depth);

/* ---- the CAs of a hub */

struct x509_cas *x509_cas_new(void);
void x509_cas_free(struct x509_cas *cas); /* NULL is fine */

/* DER; its index is the count before.  ERR_FULL, ERR_INVALID. */
enum err x509_cas_add(struct x509_cas *cas, struct slice der) MUST_USE;

/* ---- a certificate that somebody uploads */

struct x509_certificate {
    int64_t from_us, until_us;
    uint8_t sha1[X509_SHA1_LEN];
    char subject[X509_SUBJECT_MAX + 1]; /* "CN=Factory, O=Contoso" */
    bool is_ca;                         /* may sign certificates */
};

/* `text` is what tools send: PEM, DER, or base64 of either.  Exactly one certificate; its DER goes to
 * `der`.  ERR_INVALID with a text for whoever sent it, ERR_TOO_BIG. */
enum err x509_certificate_read(struct slice text, struct buf *der,
                               struct x509_certificate *out) MUST_USE;

/* What services are shown of a certificate. */
struct x509_info {
    char subject[X509_SUBJECT_MAX + 1], issuer[X509_SUBJECT_MAX + 1];
    char serial[2 * X509_SERIAL_MAX + 1]; /* upper-case hex */
    uint8_t sha1[X509_SHA1_LEN], sha256[X509_SHA256_LEN];
    int64_t from_us, until_us;
    unsigned version; /* 3 */
};

enum err x509_info_read(struct slice der, struct x509_info *out) MUST_USE; /* ERR_INVALID */

/* Proof of possession: `leaf` has `code` as its common name, is signed with the key of `ca`, and is
 * valid now.  Both in DER.  ERR_DENIED with a text. */
enum err x509_proves(struct slice leaf, struct slice ca, struct slice code,
                     int64_t now_us) MUST_USE;

#endif
