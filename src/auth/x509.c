/* x509.c - reading the chain that a client showed. */
#include "auth/x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include "auth/x509_internal.h"
#include "base/mem.h"

/* ---- one certificate */

void x509_put(struct buf *out, const X509 *x)
{
    int len = i2d_X509(x, NULL);
    assert(len > 0);
    uint8_t *at = buf_reserve(out, (size_t)len);
    i2d_X509(x, &at);
    buf_commit(out, (size_t)len);
}

static int64_t time_us(const ASN1_TIME *t, int64_t otherwise)
{
    struct tm tm;
    if (!ASN1_TIME_to_tm(t, &tm)) {
        ERR_clear_error();
        return otherwise;
    }
    return (int64_t)timegm(&tm) * 1000000;
}

/* A time that cannot be read leaves no moment at which the certificate is valid. */
int64_t x509_from_us(const X509 *x)
{
    return time_us(X509_get0_notBefore(x), INT64_MAX);
}

int64_t x509_until_us(const X509 *x)
{
    return time_us(X509_get0_notAfter(x), INT64_MIN);
}

bool x509_common_name(const X509 *x, char *out, size_t cap)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    unsigned char *utf8 = NULL;
    out[0] = '\0';
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return false;
    int len =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool fits = len > 0 && (size_t)len < cap && memchr(utf8, '\0', (size_t)len) == NULL;
    if (fits) {
        memcpy(out, utf8, (size_t)len);
        out[len] = '\0';
    }
    OPENSSL_free(utf8);
    ERR_clear_error();
    return fits;
}

/* ---- what is known of a chain */

static void note_leaf(struct x509_facts *f, const X509 *leaf)
{
    f->from_us = x509_from_us(leaf);
    f->until_us = x509_until_us(leaf);
    X509_digest(leaf, EVP_sha1(), f->sha1, NULL);
    X509_digest(leaf, EVP_sha256(), f->sha256, NULL);
    x509_common_name(leaf, f->common_name, sizeof f->common_name);
}

/* Reads as many as may be kept and one more; ERR_INVALID where there is none. */
static enum err count(struct slice chain, struct x509_facts *f)
{
    while (chain.len && f->shown <= X509_CHAIN_MAX) {
        X509 *x = x509_next(&chain);
        if (x == NULL) return fail(ERR_INVALID, "certificate %d cannot be read", f->shown + 1);
        if (f->shown++ == 0) note_leaf(f, x);
        X509_free(x);
    }
    return f->shown ? OK : fail(ERR_INVALID, "there is no certificate");
}

enum err x509_facts_new(struct slice chain, struct x509_facts **out)
{
    struct x509_facts head = {0};
    if (chain.len > X509_CHAIN_BYTES_MAX)
        return fail(ERR_TOO_BIG, "a chain of %zu bytes is over %d", chain.len,
                    X509_CHAIN_BYTES_MAX);
    TRY(count(chain, &head));
    head.chain_len = head.shown <= X509_CHAIN_MAX ? (uint32_t)chain.len : 0;
    struct x509_facts *f = mem_new(sizeof head + head.chain_len);
    memcpy(f, &head, sizeof head);
    if (head.chain_len) memcpy(f->chain, chain.ptr, head.chain_len);
    *out = f;
    return OK;
}
