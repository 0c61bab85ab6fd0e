/* tls_line.c - see tls_line.h.
 *
 * What goes to OpenSSL and comes from it is in memory, so that one poller serves all. */
#include "tls_line.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/mem.h"

enum { READ = 16 << 10, DAY_S = 86400 };

static SSL_CTX *context;
static X509 *line_certificate;
static EVP_PKEY *line_key,
    *device_key; /* all devices have one key: it is their names that differ */
static long serial;

static _Noreturn void stop(const char *why)
{
    ERR_print_errors_fp(stderr);
    lines_stop(why);
}

/* ---- certificates */

static FILE *open_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) lines_stop(path);
    return f;
}

static void read_line(const char *folder)
{
    FILE *f = open_file(folder, "line.pem");
    line_certificate = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    f = open_file(folder, "line.key");
    line_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    device_key = EVP_EC_gen("P-256");
    if (line_certificate == NULL || line_key == NULL || device_key == NULL) stop("the line");
}

static X509 *issue(const char *name)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY_S);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(line_certificate));
    X509_set_pubkey(x, device_key);
    if (X509_sign(x, line_key, EVP_sha256()) == 0) stop("a certificate");
    return x;
}

static void show_certificate(SSL *ssl, const char *name)
{
    X509 *x = issue(name);
    if (SSL_use_certificate(ssl, x) != 1 || SSL_use_PrivateKey(ssl, device_key) != 1 ||
        SSL_add1_chain_cert(ssl, line_certificate) != 1)
        stop("a device's certificate");
    X509_free(x);
}

/* ---- connections */

void tls_prepare(const char *folder)
{
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (SSL_CTX_set1_groups_list(context, "X25519") != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1)
        stop("TLS");
    if (folder) read_line(folder);
}

static void flush(struct tls_line *t)
{
    uint8_t bytes[READ];
    int n;
    while ((n = BIO_read(SSL_get_wbio(t->ssl), bytes, sizeof bytes)) > 0)
        buf_put_slice(&t->line.out, slice_of(bytes, (size_t)n));
    line_flush(&t->line);
}

static void shake(struct tls_line *t)
{
    int done = SSL_do_handshake(t->ssl);
    if (done != 1 && SSL_get_error(t->ssl, done) != SSL_ERROR_WANT_READ) stop("the handshake");
    flush(t);
    if (done != 1) return;
    t->open = true;
    t->opened(t);
}

static void hear(struct line *l, struct slice bytes)
{
    struct tls_line *t = CONTAINER_OF(l, struct tls_line, line);
    uint8_t text[READ];
    int n;
    BIO_write(SSL_get_rbio(t->ssl), bytes.ptr, (int)bytes.len);
    if (!t->open) shake(t);
    while (t->ssl && t->open && (n = SSL_read(t->ssl, text, sizeof text)) > 0)
        t->heard(t, slice_of(text, (size_t)n));
}

void tls_open(struct tls_line *t, unsigned port, const char *name)
{
    t->ssl = SSL_new(context);
    t->open = false;
    t->line = (struct line){.hear = hear};
    SSL_set_bio(t->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(t->ssl);
    SSL_set_tlsext_host_name(t->ssl, "localhost");
    if (line_key) show_certificate(t->ssl, name);
    line_open_port(&t->line, port);
    shake(t);
}

void tls_say(struct tls_line *t, struct slice text)
{
    if (SSL_write(t->ssl, text.ptr, (int)text.len) != (int)text.len) stop("a request");
    flush(t);
}

void tls_close(struct tls_line *t)
{
    SSL_free(t->ssl);
    t->ssl = NULL;
    line_close(&t->line);
}
