/* x509_make.c - see x509_make.h. */
#include "auth/x509_make.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/rand.h"

enum { SERIAL_LEN = 16 };

/* ---- PEM */

X509 *x509_read_pem(struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return x;
}

struct password {
    const char *text;
};

/* Without one nobody is asked. */
static int give_password(char *out, int size, int writes, void *ctx)
{
    const struct password *password = ctx;
    size_t len = password->text ? strlen(password->text) : 0;
    (void)writes;
    if (password->text == NULL || len > (size_t)size) return -1;
    memcpy(out, password->text, len);
    return (int)len;
}

EVP_PKEY *x509_read_key_pem(struct slice pem, const char *password)
{
    struct password given = {password};
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &given);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static void take(BIO *bio, struct buf *out)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)len);
    OPENSSL_cleanse(text, (size_t)len);
    BIO_free(bio);
}

void x509_put_pem(struct buf *out, X509 *x)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x);
    take(bio, out);
}

void x509_put_key_pem(struct buf *out, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    take(bio, out);
}

/* ---- parts of a certificate */

void x509_set_serial(X509 *x)
{
    uint8_t bytes[SERIAL_LEN];
    rand_bytes(bytes, sizeof bytes);
    bytes[0] = (bytes[0] & 0x7f) | 1;
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
}

void x509_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert(extension != NULL);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
}
