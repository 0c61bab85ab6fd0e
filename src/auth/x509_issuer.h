/* x509_issuer.h - certificates that we issue: a device's request (PKCS#10) becomes a client certificate.
 *
 * A request names its device and is signed with the key that it asks a certificate for; nothing else of
 * it counts.  What is issued is for client authentication, and no CA.
 *
 * Runs on: any thread; an issuer is immutable.
 * Limits:  X509_CSR_MAX bytes of a request; keys of at least 112 bits of security (RSA 2048, P-256):
 *          ERR_INVALID with a text for whoever sent it.
 * Source:  RFC 2986; RFC 5280 section 4.
 */
#ifndef AUTH_X509_ISSUER_H
#define AUTH_X509_ISSUER_H

#include "base/buf.h"

enum { X509_CSR_MAX = 8 << 10 };

struct x509_issuer;

/* Certificate and key of a CA, as PEM.  ERR_INVALID: they are none, or do not belong together. */
enum err x509_issuer_new(struct slice ca_pem, struct slice key_pem,
                         struct x509_issuer **out) MUST_USE;
void x509_issuer_free(struct x509_issuer *i); /* NULL is fine */

struct slice x509_issuer_der(const struct x509_issuer *i); /* the CA's certificate */

/* Is that a request for this common name, in any case, signed with its own key?  ERR_INVALID. */
enum err x509_csr_check(struct slice der, struct slice name) MUST_USE;

/* Appends the certificate in DER; its common name is `name`.  The request is looked at as above. */
enum err x509_issue(const struct x509_issuer *i, struct slice csr, struct slice name,
                    int64_t from_us, int64_t until_us, struct buf *der) MUST_USE;

#endif
