/* pair_test.h - a server and a client facing each other in memory, for the tests of this folder. */
#ifndef PROTO_TLS_PAIR_TEST_H
#define PROTO_TLS_PAIR_TEST_H

#include "base/test.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/num.h"
#include "proto/tls/context.h"

/* ---- identities ---- */

struct papers {
    struct buf chain, key;
};

static struct papers ec, rsa, stranger;

static inline void to_pem(struct buf *out, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)len);
    BIO_free(bio);
}

static inline X509 *self_signed(EVP_PKEY *key, const char *names)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const uint8_t *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static inline void make_papers(struct papers *p, EVP_PKEY *key, const char *names)
{
    X509 *x = self_signed(key, names);
    BIO *cert = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert, x);
    PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL);
    to_pem(&p->chain, cert);
    to_pem(&p->key, private);
    X509_free(x);
    EVP_PKEY_free(key);
}

static inline struct tls_identity identity(const struct papers *p)
{
    return (struct tls_identity){.chain_pem = buf_slice(&p->chain), .key_pem = buf_slice(&p->key)};
}

static inline int make_identities(void **state)
{
    (void)state;
    const char *names = "DNS:localhost,DNS:azimuth.localhost,IP:127.0.0.1";
    make_papers(&ec, EVP_EC_gen("P-256"), names);
    make_papers(&rsa, EVP_RSA_gen(2048), names);
    make_papers(&stranger, EVP_EC_gen("P-256"), "DNS:elsewhere");
    return 0;
}

static inline int free_identities(void **state)
{
    (void)state;
    struct papers *all[] = {&ec, &rsa, &stranger};
    for (size_t i = 0; i < 3; i++) {
        buf_free(&all[i]->chain);
        buf_free(&all[i]->key);
    }
    return 0;
}

/* ---- a server and a client facing each other ---- */

struct pair {
    struct tls_context *server_ctx, *client_ctx;
    struct tls server, client;
    struct buf to_server, to_client;
    struct buf server_got, client_got;
    struct tls_event server_end, client_end;
    bool server_up, client_up;
};

static inline struct tls_context *server_context(const struct tls_context *previous, bool ask)
{
    struct tls_identity ids[] = {identity(&ec), identity(&rsa)};
    struct tls_server_config config = {
        .identities = ids, .identity_count = 2, .alpn = "http/1.1", .ask_client_cert = ask};
    struct tls_context *ctx;
    assert_int_equal(tls_server_context(&config, previous, &ctx), OK);
    return ctx;
}

static inline struct tls_context *client_context(const struct papers *trusted)
{
    struct tls_context *ctx;
    assert_int_equal(tls_client_context(buf_slice(&trusted->chain), &ctx), OK);
    return ctx;
}

/* Contexts first, so that a test can bend them; then pair_start(). */
static inline void pair_init(struct pair *p, const struct papers *server_papers)
{
    *p = (struct pair){.client_ctx = client_context(server_papers)};
    struct tls_identity id = identity(server_papers);
    struct tls_server_config config = {
        .identities = &id, .identity_count = 1, .alpn = "http/1.1", .ask_client_cert = true};
    assert_int_equal(tls_server_context(&config, NULL, &p->server_ctx), OK);
}

static inline void show_certificate(struct pair *p, const struct papers *papers)
{
    struct tls_identity id = identity(papers);
    assert_int_equal(tls_client_show(p->client_ctx, &id), OK);
}

static inline void pair_start(struct pair *p, const char *host)
{
    tls_init_client(&p->client, p->client_ctx, &p->to_server, host);
    tls_init_server(&p->server, p->server_ctx, &p->to_client);
}

static inline void pair_fini(struct pair *p)
{
    tls_fini(&p->server);
    tls_fini(&p->client);
    tls_context_drop(p->server_ctx);
    tls_context_drop(p->client_ctx);
    struct buf *bufs[] = {&p->to_server, &p->to_client, &p->server_got, &p->client_got};
    for (size_t i = 0; i < 4; i++) buf_free(bufs[i]);
}

static inline void take_events(struct tls *t, struct slice bytes, struct buf *got, bool *up,
                               struct tls_event *end)
{
    struct tls_event ev;
    tls_feed(t, bytes);
    while (tls_next(t, &ev)) {
        if (ev.kind == TLS_HANDSHAKE_DONE)
            *up = true;
        else if (ev.kind == TLS_DATA)
            buf_put_slice(got, ev.data);
        else
            *end = ev;
    }
}

static inline void feed_server(struct pair *p, struct slice bytes)
{
    take_events(&p->server, bytes, &p->server_got, &p->server_up, &p->server_end);
}

static inline void feed_client(struct pair *p, struct slice bytes)
{
    take_events(&p->client, bytes, &p->client_got, &p->client_up, &p->client_end);
}

/* Carries bytes both ways until nothing moves, at most `chunk` at a time. */
static inline void shuttle_by(struct pair *p, size_t chunk)
{
    while (buf_size(&p->to_server) || buf_size(&p->to_client)) {
        struct slice up = slice_head(buf_slice(&p->to_server), chunk);
        if (up.len) feed_server(p, up);
        buf_consume(&p->to_server, up.len);
        struct slice down = slice_head(buf_slice(&p->to_client), chunk);
        if (down.len) feed_client(p, down);
        buf_consume(&p->to_client, down.len);
    }
}

static inline void shuttle(struct pair *p)
{
    shuttle_by(p, SIZE_MAX);
}

static inline void connect_pair(struct pair *p, const struct papers *papers)
{
    pair_init(p, papers);
    pair_start(p, "localhost");
    shuttle(p);
    assert_true(p->server_up && p->client_up);
}

static inline void expect_talk(struct pair *p)
{
    assert_int_equal(tls_send(&p->client, SLICE_LIT("ping")), OK);
    assert_int_equal(tls_send(&p->server, SLICE_LIT("pong!")), OK);
    shuttle(p);
    assert_true(slice_is(buf_slice(&p->server_got), "ping"));
    assert_true(slice_is(buf_slice(&p->client_got), "pong!"));
    buf_clear(&p->server_got);
    buf_clear(&p->client_got);
}

static const int both_versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static inline void limit_client(struct pair *p, int version)
{
    SSL_CTX_set_max_proto_version(p->client_ctx->ssl_ctx, version);
}

#endif
