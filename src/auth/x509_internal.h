/* x509_internal.h - certificates as OpenSSL has them.  Private to auth. */
#ifndef AUTH_X509_INTERNAL_H
#define AUTH_X509_INTERNAL_H

#include <openssl/x509.h>

#include "auth/x509.h"

enum {
    X509_KEPT_MAX = 512, /* certificates that a thread has at hand; then each for another */
    X509_KEPT_BYTES_MAX = 4 << 10, /* of DER; longer ones are read each time */
};

/* ---- x509_kept.c: certificates that were read lately */

/* The certificate at the head of a chain, which is cut; NULL: there is none.  X509_free() it, and do not
 * change it: others may have the same (x509_kept.c). */
X509 *x509_next(struct slice *chain);

/* ---- x509_path.c: paths that were verified lately */

enum { X509_PATHS_MAX = 512 }; /* that a thread remembers; then each for another */

/* SHA-256 of all that a client showed, and of the CA to which a path leads from there. */
struct x509_ends {
    uint8_t shown[X509_SHA256_LEN], anchor[X509_SHA256_LEN];
};

struct x509_path {
    struct x509_ends ends;
    int64_t from_us,
        until_us;   /* all of its certificates are valid from the first on, up to the second */
    unsigned depth; /* as x509_by_anchor() has it */
};

bool x509_path_find(const struct x509_ends *ends, int64_t now_us, unsigned *depth);
void x509_path_keep(const struct x509_path *p);

/* ---- x509.c */

void x509_put(struct buf *out, const X509 *x); /* its DER */

int64_t x509_from_us(const X509 *x);
int64_t x509_until_us(const X509 *x);

/* The subject's common name, if it has exactly one, it fits and it has no NUL inside; else "". */
bool x509_common_name(const X509 *x, char *out, size_t cap);

#endif
