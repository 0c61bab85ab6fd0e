/* x509_make.h - what all certificates that we make have in common, and their PEM.
 *
 * For whoever makes one with OpenSSL: the server's CA and its certificates, those of devices (x509_issuer.h), an edge
 * device's.
 *
 * Runs on: any thread.
 * Errors:  readers answer NULL for what they cannot read, and leave none of OpenSSL's errors behind.
 * Source:  RFC 5280, 4.1.2.2 (serial numbers); RFC 7468 (PEM); RFC 5958 (PKCS#8).
 */
#ifndef AUTH_X509_MAKE_H
#define AUTH_X509_MAKE_H

#include <openssl/x509.h>

#include "base/buf.h"

/* The first of a text.  X509_free() it. */
X509 *x509_read_pem(struct slice pem);

/* `password` NULL: a key that needs one cannot be read, and nobody is asked.  EVP_PKEY_free() it. */
EVP_PKEY *x509_read_key_pem(struct slice pem, const char *password);

void x509_put_pem(struct buf *out, X509 *x);
void x509_put_key_pem(struct buf *out, EVP_PKEY *key); /* PKCS#8, not encrypted: buf_wipe() it */

/* Sixteen random bytes: positive, and never shorter. */
void x509_set_serial(X509 *x);

/* An extension: "critical,CA:FALSE" and the like, in which OpenSSL finds sense.  `issuer` may be `x` itself. */
void x509_add(X509 *x, X509 *issuer, int nid, const char *value);

#endif
