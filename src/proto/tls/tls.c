/* tls.c - the engine: handshake, then records in and out. */
#include "proto/tls/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/num.h"
#include "proto/tls/cause.h"
#include "proto/tls/context.h"
#include "proto/tls/records.h"
#include "proto/tls/wire.h"

enum {
    RECORD_HEAD = 5,                        /* RFC 8446 section 5.1: type, version, length */
    RECORD_LEN_MAX = TLS_RECORD_MAX + 2048, /* RFC 5246 section 6.2.3; OpenSSL takes less */
};

/* Plaintext of the connection that is being read; see the header for how long it is valid. */
static _Thread_local uint8_t plain[TLS_RECORD_MAX];

static void new_ssl(struct tls *t)
{
    t->ssl = SSL_new(t->ctx->ssl_ctx);
    assert(t->ssl != NULL);
    tls_wire_attach(t->ssl);
    tls_wire_use(t);
}

void tls_init_server(struct tls *t, struct tls_context *ctx, struct buf *out)
{
    assert(ctx->server);
    *t = (struct tls){.ctx = tls_context_ref(ctx), .out = out};
}

void tls_init_client(struct tls *t, struct tls_context *ctx, struct buf *out, const char *host)
{
    assert(!ctx->server);
    *t = (struct tls){.ctx = tls_context_ref(ctx), .out = out};
    new_ssl(t);
    SSL_set_connect_state(t->ssl);
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    if (!X509_VERIFY_PARAM_set1_ip_asc(param, host)) {
        ERR_clear_error();
        SSL_set_tlsext_host_name(t->ssl, host);
        X509_VERIFY_PARAM_set1_host(param, host, 0);
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    }
    t->greeted = true; /* the server's first bytes are judged by OpenSSL */
    SSL_do_handshake(t->ssl);
}

void tls_fini(struct tls *t)
{
    if (t->ctx == NULL) return;
    tls_wire_use(t);
    SSL_free(t->ssl);
    records_free(t->records);
    tls_context_drop(t->ctx);
    buf_free(&t->shown); /* or hello */
    X509_free(t->leaf);
    *t = (struct tls){.state = TLS_OVER};
}

void tls_feed(struct tls *t, struct slice bytes)
{
    assert(t->in.len == 0);
    if (t->state != TLS_OVER) t->in = bytes;
}

void tls_stop_reading(struct tls *t)
{
    t->state = TLS_OVER;
    t->in = SLICE_NONE;
}

/* After a call into OpenSSL that returned `result`, no success: more bytes needed, or the end. */
static bool stopped(struct tls *t, int result, struct tls_event *ev)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ: return false;
    case SSL_ERROR_ZERO_RETURN: *ev = (struct tls_event){.kind = TLS_CLOSED}; break;
    default: tls_cause_take(t->ssl, ev); t->can_send = false;
    }
    tls_stop_reading(t);
    return true;
}

/* OpenSSL keeps what the client showed until the connection ends: the leaf in any case, but nobody there
 * looks at the rest again. */
static void drop_intermediates(struct ssl_st *ssl)
{
    STACK_OF(X509) *rest = SSL_get_peer_cert_chain(ssl);
    while (sk_X509_num(rest) > 0) X509_free(sk_X509_pop(rest));
}

static bool shake(struct tls *t, struct tls_event *ev)
{
    tls_wire_use(t);
    size_t before = buf_size(t->out);
    int result = SSL_do_handshake(t->ssl);
    if (result != 1) return stopped(t, result, ev);
    t->state = TLS_OPEN;
    t->can_send = true;
    records_take_over(t, slice_from(buf_slice(t->out), before));
    if (t->ssl && t->has_shown) drop_intermediates(t->ssl);
    *ev = (struct tls_event){.kind = TLS_HANDSHAKE_DONE};
    return true;
}

/* ---- the first record
 *
 * A client owns nothing of OpenSSL before it has said all of its first record: with buffers and all that
 * is some 45 KB, and it may take 30 s. */

/* What is no record of a handshake is for OpenSSL to refuse, at once. */
static bool is_whole(struct slice bytes)
{
    if (bytes.len < RECORD_HEAD) return false;
    size_t len = (size_t)bytes.ptr[3] << 8 | bytes.ptr[4];
    return bytes.len - RECORD_HEAD >= len || len > RECORD_LEN_MAX || bytes.ptr[1] != 3;
}

static bool begin_shaking(struct tls *t, struct tls_event *ev)
{
    t->greeted = true;
    new_ssl(t);
    SSL_set_accept_state(t->ssl);
    return shake(t, ev);
}

/* Of what it read nothing is left: either it wants more, or reading is over. */
static bool shake_with_kept(struct tls *t, struct tls_event *ev)
{
    struct buf hello = t->hello;
    t->hello = (struct buf){0};
    t->in = buf_slice(&hello);
    bool told = begin_shaking(t, ev);
    assert(t->in.len == 0);
    buf_free(&hello);
    return told;
}

/* Who speaks something else gets no answer: an alert would mean nothing to it. */
static bool greet(struct tls *t, struct tls_event *ev)
{
    bool first = buf_size(&t->hello) == 0;
    if (first && !tls_cause_looks_like_tls(t->in)) {
        tls_cause_not_tls(t->in, ev);
        tls_stop_reading(t);
        return true;
    }
    if (first && is_whole(t->in)) return begin_shaking(t, ev);
    buf_put_slice(&t->hello, t->in);
    t->in = SLICE_NONE;
    return is_whole(buf_slice(&t->hello)) && shake_with_kept(t, ev);
}

static bool read_record(struct tls *t, struct tls_event *ev)
{
    tls_wire_use(t);
    int len = SSL_read(t->ssl, plain, sizeof plain);
    if (len <= 0) return stopped(t, len, ev);
    *ev = (struct tls_event){.kind = TLS_DATA, .data = slice_of(plain, (size_t)len)};
    return true;
}

bool tls_next(struct tls *t, struct tls_event *ev)
{
    /* With read-ahead off OpenSSL has nothing to give once the slice is read. */
    if (t->in.len == 0) return false;
    if (!t->greeted) return greet(t, ev);
    if (records_own(t)) return records_next(t, ev);
    return t->state == TLS_SHAKING ? shake(t, ev) : read_record(t, ev);
}

enum err tls_send(struct tls *t, struct slice bytes)
{
    if (!t->can_send) return ERR_CLOSED;
    if (bytes.len == 0) return OK;
    if (records_own(t)) return records_send(t, bytes);
    tls_wire_use(t);
    size_t put;
    if (SSL_write_ex(t->ssl, bytes.ptr, bytes.len, &put) == 1) return OK;
    t->can_send = false;
    return tls_cause_fail(ERR_PROTOCOL, "TLS cannot send");
}

void tls_close(struct tls *t)
{
    if (!t->can_send) return;
    if (records_own(t)) {
        records_close(t);
        return;
    }
    tls_wire_use(t);
    t->can_send = false;
    SSL_shutdown(t->ssl);
}

const char *tls_sni(const struct tls *t)
{
    if (records_own(t)) return records_sni(t->records);
    return t->ssl ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

void tls_take_client_chain(struct tls *t, struct buf *out)
{
    *out = t->shown;
    t->shown = (struct buf){0};
}

struct x509_st *tls_take_client_leaf(struct tls *t)
{
    struct x509_st *leaf = t->leaf;
    t->leaf = NULL;
    return leaf;
}

int64_t tls_own_until_s(const struct tls *t)
{
    const X509 *own = t->ssl ? SSL_get_certificate(t->ssl) : NULL;
    struct tm tm;
    bool fine = own && ASN1_TIME_to_tm(X509_get0_notAfter(own), &tm) == 1;
    return fine ? (int64_t)timegm(&tm) : 0;
}

const char *tls_version(const struct tls *t)
{
    if (records_own(t)) return "TLSv1.3";
    return t->ssl ? SSL_get_version(t->ssl) : "none";
}
