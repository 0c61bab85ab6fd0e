/* x509_issuer.c - see x509_issuer.h. */
#include "auth/x509_issuer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "auth/x509_internal.h"
#include "auth/x509_make.h"
#include "base/limit.h"
#include "base/mem.h"

LIMIT_REACHED(too_large, "csr")

enum { SECURITY_BITS_MIN = 112 };

struct x509_issuer {
    X509 *ca;
    EVP_PKEY *key;
    struct buf der;
};

/* ---- the CA */

enum err x509_issuer_new(struct slice ca_pem, struct slice key_pem, struct x509_issuer **out)
{
    struct x509_issuer *i = NEW(struct x509_issuer);
    i->ca = x509_read_pem(ca_pem);
    i->key = x509_read_key_pem(key_pem, NULL);
    bool good = i->ca && i->key && X509_check_private_key(i->ca, i->key) == 1;
    ERR_clear_error();
    if (good) {
        x509_put(&i->der, i->ca);
        *out = i;
        return OK;
    }
    x509_issuer_free(i);
    return fail(ERR_INVALID, "the CA's certificate and key cannot be read");
}

void x509_issuer_free(struct x509_issuer *i)
{
    if (i == NULL) return;
    X509_free(i->ca);
    EVP_PKEY_free(i->key);
    buf_free(&i->der);
    free(i);
}

struct slice x509_issuer_der(const struct x509_issuer *i)
{
    return buf_slice(&i->der);
}

/* ---- requests */

static X509_REQ *parse(struct slice der)
{
    const unsigned char *at = der.ptr;
    if (der.len == 0) return NULL;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    if (request && at == der.ptr + der.len) return request;
    X509_REQ_free(request);
    return NULL;
}

/* The subject's common name: exactly one, without a NUL inside. */
static bool names(const X509_REQ *request, struct slice name)
{
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return false;
    unsigned char *text = NULL;
    int len =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool same = len >= 0 && slice_eq_nocase(slice_of(text, (size_t)len), name);
    OPENSSL_free(text);
    return same;
}

static const char *fault_of(X509_REQ *request, struct slice name)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    if (!names(request, name)) return "the common name of the request is not the registration id";
    if (key == NULL || EVP_PKEY_get_security_bits(key) < SECURITY_BITS_MIN)
        return "the key of the request is too short, or of a kind that is not known";
    if (X509_REQ_verify(request, key) != 1)
        return "the request is not signed with the key that it is for";
    return NULL;
}

static enum err read_request(struct slice der, struct slice name, X509_REQ **out)
{
    *out = NULL;
    if (der.len > X509_CSR_MAX) {
        metric_inc(&too_large);
        return fail(ERR_INVALID, "csr: a request has at most %d bytes", X509_CSR_MAX);
    }
    X509_REQ *request = parse(der);
    const char *fault =
        request ? fault_of(request, name) : "it is no certificate request (PKCS#10 in DER)";
    ERR_clear_error();
    if (fault == NULL) {
        *out = request;
        return OK;
    }
    X509_REQ_free(request);
    return fail(ERR_INVALID, "csr: %s", fault);
}

enum err x509_csr_check(struct slice der, struct slice name)
{
    X509_REQ *request;
    enum err e = read_request(der, name, &request);
    X509_REQ_free(request);
    return e;
}

/* ---- issuing */

/* The type is given as it is, so that OpenSSL does not insist on 64 characters. */
static bool fill(X509 *cert, const struct x509_issuer *i, struct slice name, int64_t from_us,
                 int64_t until_us)
{
    x509_set_serial(cert);
    x509_add(cert, i->ca, NID_basic_constraints, "critical,CA:FALSE");
    x509_add(cert, i->ca, NID_key_usage, "critical,digitalSignature");
    x509_add(cert, i->ca, NID_ext_key_usage, "clientAuth");
    return X509_set_version(cert, X509_VERSION_3) &&
           X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
                                      V_ASN1_UTF8STRING, name.ptr, (int)name.len, -1, 0) &&
           X509_set_issuer_name(cert, X509_get_subject_name(i->ca)) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(from_us / 1000000)) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(until_us / 1000000));
}

enum err x509_issue(const struct x509_issuer *i, struct slice csr, struct slice name,
                    int64_t from_us, int64_t until_us, struct buf *der)
{
    X509_REQ *request;
    TRY(read_request(csr, name, &request));
    X509 *cert = X509_new();
    bool done = fill(cert, i, name, from_us, until_us) &&
                X509_set_pubkey(cert, X509_REQ_get0_pubkey(request)) &&
                X509_sign(cert, i->key, EVP_sha256()) > 0;
    if (done) x509_put(der, cert);
    X509_free(cert);
    X509_REQ_free(request);
    ERR_clear_error();
    return done ? OK : fail(ERR_INVALID, "csr: no certificate can be made of it");
}
