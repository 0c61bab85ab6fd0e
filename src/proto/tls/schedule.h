/* schedule.h - the key schedule of a server's TLS 1.3 handshakes: OpenSSL's, overheard.
 *
 * OpenSSL derives its keys with a KDF of its default provider, 22 times in a handshake, and that KDF
 * looks up its hash by name each time.  Before it stands a provider of ours with that one KDF: what is
 * derived is derived by the default provider's function, but in a context that has its hash already,
 * and take_over.c is told what came out.
 *
 * Source: RFC 8446 section 7.1, provider-kdf(7), EVP_KDF-TLS13_KDF(7). */
#ifndef PROTO_TLS_SCHEDULE_H
#define PROTO_TLS_SCHEDULE_H

#include "base/err.h"
#include "base/slice.h"

struct ossl_lib_ctx_st;

/* The property query of an SSL_CTX whose handshakes are overheard. */
#define SCHEDULE_QUERY "?provider=azimuth"

/* Loads the provider into a library context of OpenSSL, once; NULL: the default one.  One thread at a time. */
enum err schedule_setup(struct ossl_lib_ctx_st *library) MUST_USE;

/* Told of every HKDF-Expand-Label(secret, label, ..) of such a handshake, on its thread, all borrowed
 * (take_over.c). */
void schedule_derived(struct slice label, struct slice secret, struct slice out);

#endif
