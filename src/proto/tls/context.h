/* context.h - what is behind a context's door: an SSL_CTX and its ticket keys. */
#ifndef PROTO_TLS_CONTEXT_H
#define PROTO_TLS_CONTEXT_H

#include <stdatomic.h>

#include "proto/tls/tls.h"

struct ssl_ctx_st;

struct ticket_key {
    uint8_t name[16], aes[32], mac[32];
};

struct tls_context {
    atomic_uint refs;
    bool server, ask_client_cert;
    struct ssl_ctx_st *ssl_ctx;
    struct slice alpn;         /* as in the extension: length byte and name; owned */
    struct ticket_key keys[2]; /* the one in use, the one of the predecessor */
};

/* Makes the SSL_CTX encrypt its tickets with ctx->keys, previous->keys[0] being the second. */
enum err tls_ticket_setup(struct tls_context *ctx, const struct tls_context *previous) MUST_USE;

/* Adds chain and key to the SSL_CTX. */
enum err tls_identity_load(struct ssl_ctx_st *ssl_ctx,
                           const struct tls_identity *identity) MUST_USE;
enum err tls_identity_trust(struct ssl_ctx_st *ssl_ctx, struct slice ca_pem) MUST_USE;

#endif
