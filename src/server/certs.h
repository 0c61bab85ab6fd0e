/* certs.h - our own certificate authority and the server certificates it signs.
 *
 * On the first start a CA is made (ca.pem, ca.key: ECDSA P-256, 20 years) and a server certificate
 * for every host name (ECDSA P-256, one year).  An RSA certificate for clients that know nothing
 * else takes a few hundred milliseconds to make and is therefore made in the background.  Server
 * certificates are made again when the names have changed or fewer than 30 days are left.
 *
 * Runs on: any thread; one at a time per directory.
 * Files:   ca.pem, ca.key, server-ec.pem, server-ec.key, server-rsa.pem, server-rsa.key; mode 0600.
 * Errors:  ERR_CORRUPT when a file is not what we wrote: it is named, and nothing is overwritten.
 */
#ifndef SERVER_CERTS_H
#define SERVER_CERTS_H

#include "base/buf.h"
#include "base/io.h"

enum {
    CERTS_CA_DAYS = 20 * 365,
    CERTS_SERVER_DAYS = 365,
    CERTS_RENEW_DAYS = 30,
    CERTS_EARLY_DAYS =
        7, /* they begin so long before they are made: a clock may be behind, or be set back */
    CERTS_RSA_BITS = 2048,
};

enum certs_kind { CERTS_EC, CERTS_RSA, CERTS_KINDS };

/* A chain (leaf first, without the CA) and its key, as PEM. */
struct certs_pair {
    struct buf chain, key;
};

/* Loads the CA, or makes it. */
enum err certs_prepare(struct io *files, int64_t wall_us) MUST_USE;

/* Loads the server certificate of that kind if it still fits `names`, or makes it.  Names are host
 * names and addresses; localhost, azimuth.localhost, 127.0.0.1 and ::1 are added. */
enum err certs_server(struct io *files, enum certs_kind kind, const char *const *names,
                      unsigned name_count, int64_t wall_us, struct certs_pair *out) MUST_USE;

/* What issues certificates for devices: the CA, which is made if it is not there. */
struct x509_issuer;
enum err certs_issuer(struct io *files, int64_t wall_us, struct x509_issuer **out) MUST_USE;

/* Any thread, for good: an RSA key that is being made, or would be, is not (ERR_CLOSED). */
void certs_abandon(void);

/* When the first certificate of the chain ends: seconds since 1970, 0: that cannot be read. */
int64_t certs_pair_until_s(const struct certs_pair *pair);

void certs_pair_free(struct certs_pair *pair); /* the key is overwritten */

#endif
