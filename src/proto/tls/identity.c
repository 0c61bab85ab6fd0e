/* identity.c - certificates and keys out of PEM text into an SSL_CTX. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "proto/tls/cause.h"
#include "proto/tls/context.h"

/* Encrypted keys are refused instead of asking the terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

/* `ctx` is the passphrase.  One that is longer than OpenSSL takes opens no key. */
static int give_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)writing;
    size_t len = strlen(ctx);
    if (len > (size_t)size) return -1;
    memcpy(buf, ctx, len);
    return (int)len;
}

static BIO *reader(struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr ? (const void *)pem.ptr : "", (int)pem.len);
    assert(bio != NULL && pem.len <= INT32_MAX);
    return bio;
}

static enum err key_refused(const struct tls_identity *identity)
{
    return tls_cause_fail(ERR_INVALID,
                          identity->passphrase
                              ? "the private key is no PEM that can be read with this passphrase"
                              : "the private key is no readable, unencrypted PEM");
}

static EVP_PKEY *read_key(const struct tls_identity *identity)
{
    BIO *bio = reader(identity->key_pem);
    EVP_PKEY *key = identity->passphrase ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase,
                                                                   (void *)identity->passphrase)
                                         : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    return key;
}

static STACK_OF(X509) * read_certs(struct slice pem)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = reader(pem);
    for (X509 *x; (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL;)
        sk_X509_push(certs, x);
    BIO_free(bio);
    bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (end && sk_X509_num(certs) > 0) {
        ERR_clear_error();
        return certs;
    }
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

enum err tls_identity_load(struct ssl_ctx_st *ssl_ctx, const struct tls_identity *identity)
{
    STACK_OF(X509) *chain = read_certs(identity->chain_pem);
    if (chain == NULL) return tls_cause_fail(ERR_INVALID, "the certificate is no readable PEM");
    EVP_PKEY *key = read_key(identity);
    X509 *leaf = sk_X509_shift(chain);
    enum err e = OK;
    if (key == NULL)
        e = key_refused(identity);
    else if (!SSL_CTX_use_cert_and_key(ssl_ctx, leaf, key, chain, 1))
        e = tls_cause_fail(ERR_INVALID, "certificate and private key cannot be used");
    EVP_PKEY_free(key);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    return e;
}

enum err tls_identity_trust(struct ssl_ctx_st *ssl_ctx, struct slice ca_pem)
{
    if (ca_pem.len == 0) {
        if (SSL_CTX_set_default_verify_paths(ssl_ctx)) return OK;
        return tls_cause_fail(ERR_IO, "the system's trusted certificates cannot be read");
    }
    STACK_OF(X509) *certs = read_certs(ca_pem);
    if (certs == NULL) return tls_cause_fail(ERR_INVALID, "the CA file is no readable PEM");
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_ctx);
    for (int i = 0; i < sk_X509_num(certs); i++)
        X509_STORE_add_cert(store, sk_X509_value(certs, i));
    sk_X509_pop_free(certs, X509_free);
    return OK;
}
