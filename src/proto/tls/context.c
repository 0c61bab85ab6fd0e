/* context.c - what all connections of a listener have in common. */
#include "proto/tls/context.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/tls/cause.h"
#include "proto/tls/schedule.h"
#include "proto/tls/wire.h"

/* Server preference: AES-128-GCM first, the cheapest for everybody.  The TLS 1.2 suites are those of
 * IoT Hub since August 2025 for both kinds of certificate (Azure IoT Hub TLS support), and ChaCha20
 * for devices without AES instructions. */
static const char *const suites_13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char *const suites_12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                     "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                     "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
                                     "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384";

/* P-384 is here for clients whose certificate has such a key: TLS 1.2 ties the two together. */
static const char *const groups = "X25519:P-256:P-384";

/* Who may resume what: required as soon as client certificates are asked for. */
static const unsigned char session_scope[] = "azimuth";

static struct tls_context *context_alloc(bool server)
{
    struct tls_context *ctx = NEW(struct tls_context);
    atomic_init(&ctx->refs, 1);
    ctx->server = server;
    return ctx;
}

/* Behaviour must not depend on the machine's openssl.cnf, and reading it costs start-up time. */
static enum err common_setup(struct tls_context *ctx, struct ossl_lib_ctx_st *library)
{
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    if (ctx->server) TRY(schedule_setup(library));
    ctx->ssl_ctx = ctx->server ? SSL_CTX_new_ex(library, SCHEDULE_QUERY, TLS_server_method())
                               : SSL_CTX_new_ex(library, NULL, TLS_client_method());
    if (ctx->ssl_ctx == NULL) return tls_cause_fail(ERR_NOMEM, "no TLS context");
    SSL_CTX *s = ctx->ssl_ctx;
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(s, 0);
    SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF); /* tickets keep sessions at the client */
    if (!SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION) ||
        !SSL_CTX_set_ciphersuites(s, suites_13) || !SSL_CTX_set_cipher_list(s, suites_12) ||
        !SSL_CTX_set1_groups_list(s, groups))
        return tls_cause_fail(ERR_UNSUPPORTED, "this OpenSSL lacks what we need");
    return OK;
}

static void keep_der(struct buf *out, const X509 *certificate)
{
    int len = i2d_X509(certificate, NULL);
    assert(len > 0);
    uint8_t *at = buf_reserve(out, (size_t)len);
    i2d_X509(certificate, &at);
    buf_commit(out, (size_t)len);
}

/* Any chain is accepted here.  Proof of possession is TLS's part; who may do what with which
 * certificate is decided when the connection names its identity (Azure IoT Hub TLS support, "Mutual
 * TLS support"). */
static int on_client_cert(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    struct tls *t = tls_wire_current();
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(chain); i++) keep_der(&t->shown, sk_X509_value(chain, i));
    X509_free(t->leaf);
    t->leaf = sk_X509_value(chain, 0);
    X509_up_ref(t->leaf);
    t->has_shown = true;
    SSL_set_num_tickets(t->ssl, 0);
    return 1;
}

/* Acknowledges every name: only then does OpenSSL keep it in the session, where tls_sni() finds it
 * after a resumption by TLS 1.2. */
static int on_sni(SSL *ssl, int *alert, void *unused)
{
    (void)ssl, (void)alert, (void)unused;
    return SSL_TLSEXT_ERR_OK;
}

static bool offers_h2(SSL *ssl)
{
    const unsigned char *list;
    size_t len;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
                                   &len))
        return false;
    for (size_t at = 2; at < len && at + list[at] < len; at += 1u + list[at])
        if (slice_eq(slice_of(list + at, 1u + list[at]), SLICE_LIT("\x02h2"))) return true;
    return false;
}

static int on_client_hello(SSL *ssl, int *alert, void *unused)
{
    (void)alert, (void)unused;
    if (!offers_h2(ssl)) SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
                   const unsigned char *offered, unsigned offered_len, void *unused)
{
    (void)ssl, (void)unused;
    struct slice ours = tls_wire_current()->ctx->alpn;
    unsigned char *at;
    int found =
        SSL_select_next_proto(&at, chosen_len, ours.ptr, (unsigned)ours.len, offered, offered_len);
    *chosen = at;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void setup_alpn(struct tls_context *ctx, const char *name)
{
    if (name == NULL) return;
    struct buf list = {0};
    assert(strlen(name) > 0 && strlen(name) < 256);
    buf_put_u8(&list, (uint8_t)strlen(name));
    buf_put_str(&list, name);
    ctx->alpn = buf_slice(&list);
    SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, on_alpn, NULL);
}

static enum err server_setup(struct tls_context *ctx, const struct tls_server_config *config,
                             const struct tls_context *previous)
{
    TRY(common_setup(ctx, config->library));
    assert(config->identity_count > 0 && config->identity_count <= TLS_IDENTITIES_MAX);
    for (size_t i = 0; i < config->identity_count; i++)
        TRY(tls_identity_load(ctx->ssl_ctx, &config->identities[i]));
    TRY(tls_ticket_setup(ctx, previous));
    setup_alpn(ctx, config->alpn);
    SSL_CTX_set_session_id_context(ctx->ssl_ctx, session_scope, sizeof session_scope - 1);
    SSL_CTX_set_tlsext_servername_callback(ctx->ssl_ctx, on_sni);
    SSL_CTX_set_max_cert_list(ctx->ssl_ctx, TLS_CLIENT_CHAIN_MAX);
    if (!config->ask_client_cert) return OK;
    SSL_CTX_set_cert_verify_callback(ctx->ssl_ctx, on_client_cert, NULL);
    SSL_CTX_set_client_hello_cb(ctx->ssl_ctx, on_client_hello, NULL);
    return OK;
}

/* Hands the context over, or drops what there is of it. */
static enum err finish(struct tls_context *ctx, enum err e, struct tls_context **out)
{
    if (e == OK)
        *out = ctx;
    else
        tls_context_drop(ctx);
    return e;
}

enum err tls_server_context(const struct tls_server_config *config,
                            const struct tls_context *previous, struct tls_context **out)
{
    struct tls_context *ctx = context_alloc(true);
    return finish(ctx, server_setup(ctx, config, previous), out);
}

static enum err client_setup(struct tls_context *ctx, struct slice ca_pem)
{
    TRY(common_setup(ctx, NULL));
    TRY(tls_identity_trust(ctx->ssl_ctx, ca_pem));
    SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_PEER, NULL);
    return OK;
}

enum err tls_client_context(struct slice ca_pem, struct tls_context **out)
{
    struct tls_context *ctx = context_alloc(false);
    return finish(ctx, client_setup(ctx, ca_pem), out);
}

enum err tls_client_show(struct tls_context *ctx, const struct tls_identity *identity)
{
    assert(!ctx->server);
    return tls_identity_load(ctx->ssl_ctx, identity);
}

struct tls_context *tls_context_ref(struct tls_context *ctx)
{
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void tls_context_drop(struct tls_context *ctx)
{
    if (ctx == NULL || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1) return;
    SSL_CTX_free(ctx->ssl_ctx);
    free((void *)ctx->alpn.ptr);
    mem_wipe(ctx->keys, sizeof ctx->keys);
    free(ctx);
}
