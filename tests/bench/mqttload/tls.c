/* tls.c - see tls.h. */
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "conn.h"
#include "options.h"
#include "util.h"
#include "who.h"

static SSL_CTX *ctx;

static void set_version(const char *name)
{
    int v = !strcmp(name, "1.2") ? TLS1_2_VERSION : !strcmp(name, "1.3") ? TLS1_3_VERSION : 0;
    if (!v) die("--tls-version 1.2 or 1.3");
    SSL_CTX_set_min_proto_version(ctx, v);
    SSL_CTX_set_max_proto_version(ctx, v);
}

static void set_ciphers(const char *names)
{
    bool old = SSL_CTX_set_cipher_list(ctx, names) == 1;
    bool new = SSL_CTX_set_ciphersuites(ctx, names) == 1;
    if (!old && !new) die("bad --ciphers");
}

void tls_init(void)
{
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) die("SSL_CTX_new failed");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(ctx, opt.ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (opt.ca && SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1)
        die("cannot load %s", opt.ca);
    if (opt.tls_version) set_version(opt.tls_version);
    if (opt.groups && SSL_CTX_set1_groups_list(ctx, opt.groups) != 1) die("bad --groups");
    if (opt.ciphers) set_ciphers(opt.ciphers);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

static void use_certificate(struct conn *k)
{
    char *cert = who_expand(k, opt.cert), *key = who_expand(k, opt.key ? opt.key : opt.cert);
    if (SSL_use_certificate_file(k->ssl, cert, SSL_FILETYPE_PEM) != 1 ||
        SSL_use_PrivateKey_file(k->ssl, key, SSL_FILETYPE_PEM) != 1)
        die("cannot load client certificate %s / key %s", cert, key);
    free(cert);
    free(key);
}

void tls_begin(struct conn *k)
{
    k->ssl = SSL_new(ctx);
    SSL_set_fd(k->ssl, k->fd);
    SSL_set_connect_state(k->ssl);
    if (opt.sni) SSL_set_tlsext_host_name(k->ssl, opt.sni);
    if (k->sess) SSL_set_session(k->ssl, k->sess);
    if (opt.cert) use_certificate(k);
}

static bool would_block(const struct conn *k, int result)
{
    int e = SSL_get_error(k->ssl, result);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

bool tls_shake_hands(struct conn *k)
{
    char text[200];
    int r = SSL_do_handshake(k->ssl);
    if (r == 1) return true;
    if (would_block(k, r)) return false;
    unsigned long e = ERR_get_error();
    snprintf(text, sizeof text, "TLS handshake failed: %s",
             e ? ERR_reason_error_string(e) : "closed");
    conn_fail(k, text);
    return false;
}

void tls_keep_session(struct conn *k)
{
    SSL_SESSION_free(k->sess);
    k->sess = SSL_get1_session(k->ssl);
}

void tls_end(struct conn *k, bool failed)
{
    if (!failed) {
        SSL_set_quiet_shutdown(k->ssl, 0);
        SSL_shutdown(k->ssl);
    }
    SSL_free(k->ssl);
    k->ssl = NULL;
    ERR_clear_error();
}

ssize_t tls_write(struct conn *k, const char *p, size_t n)
{
    int r = SSL_write(k->ssl, p, (int)MIN(n, (size_t)1 << 30));
    return r > 0 ? r : would_block(k, r) ? 0 : -1;
}

ssize_t tls_read(struct conn *k, char *to, size_t room)
{
    int r = SSL_read(k->ssl, to, (int)room);
    return r > 0 ? r : would_block(k, r) ? 0 : -1;
}
