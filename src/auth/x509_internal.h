/* x509_internal.h - certificates as OpenSSL has them.  Private to auth. */
#ifndef AUTH_X509_INTERNAL_H
#define AUTH_X509_INTERNAL_H

#include <openssl/x509.h>

#include "auth/x509.h"

enum {
    X509_KEPT_MAX = 512, /* certificates that a thread has at hand; then each for another */
    X509_KEPT_BYTES_MAX = 4 << 10, /* of DER; longer ones are read each time */
};

/* The certificate at the head of a chain, which is cut; NULL: there is none.  X509_free() it, and do not
 * change it: others may have the same (x509_kept.c). */
X509 *x509_next(struct slice *chain);

void x509_put(struct buf *out, const X509 *x); /* its DER */

int64_t x509_from_us(const X509 *x);
int64_t x509_until_us(const X509 *x);

/* The subject's common name, if it has exactly one, it fits and it has no NUL inside; else "". */
bool x509_common_name(const X509 *x, char *out, size_t cap);

#endif
