/* x509_issue_test.h - a certification authority for *_test.c files.
 *
 *     struct paper root, leaf;
 *     issue(&root, &(struct issue){.name = "root", .ca = true});
 *     issue(&leaf, &(struct issue){.name = "d1", .by = &root});
 *     paper_fini(&leaf); ...
 */
#ifndef AUTH_X509_ISSUE_TEST_H
#define AUTH_X509_ISSUE_TEST_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/test.h"

#include "auth/x509_internal.h"

/* The tests' clock: 2023-11-14. */
#define NOW_S  INT64_C(1700000000)
#define NOW_US (NOW_S * 1000000)
#define DAY_S  INT64_C(86400)

struct paper {
    X509 *x509;
    EVP_PKEY *key;
    struct buf der;
};

struct issue {
    const char *name, *second_name; /* common names */
    struct paper *by;               /* NULL: itself */
    const char *constraints;        /* "critical,CA:TRUE"; NULL: as `ca` says */
    const char *usage, *purpose;    /* keyUsage, extendedKeyUsage; NULL: none */
    const EVP_MD *hash;             /* NULL: SHA-256 */
    EVP_PKEY *key;                  /* taken; NULL: a new one on P-256 */
    int64_t from_s, until_s;        /* relative to NOW_S; both 0: a day before, a year after */
    bool ca;
};

static inline void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    if (value == NULL) return;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static inline void add_name(X509 *x, const char *name)
{
    if (name == NULL) return;
    /* The type is given as it is, so that OpenSSL does not insist on 64 characters. */
    assert_true(X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName,
                                           V_ASN1_UTF8STRING, (const unsigned char *)name, -1, -1,
                                           0));
}

static inline void issue(struct paper *p, const struct issue *how)
{
    static long serial = 1;
    bool usual = how->from_s == 0 && how->until_s == 0;
    *p = (struct paper){.x509 = X509_new(), .key = how->key ? how->key : EVP_EC_gen("P-256")};
    X509 *x = p->x509;
    X509 *issuer = how->by ? how->by->x509 : x;
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    add_name(x, how->name);
    add_name(x, how->second_name);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    ASN1_TIME_set(X509_getm_notBefore(x), NOW_S + (usual ? -DAY_S : how->from_s));
    ASN1_TIME_set(X509_getm_notAfter(x), NOW_S + (usual ? 365 * DAY_S : how->until_s));
    X509_set_pubkey(x, p->key);
    const char *constraints = how->ca ? "critical,CA:TRUE" : NULL;
    add_extension(x, issuer, NID_basic_constraints,
                  how->constraints ? how->constraints : constraints);
    add_extension(x, issuer, NID_key_usage, how->usage);
    add_extension(x, issuer, NID_ext_key_usage, how->purpose);
    EVP_PKEY *signer = how->by ? how->by->key : p->key;
    assert_true(X509_sign(x, signer, how->hash ? how->hash : EVP_sha256()) > 0);
    x509_put(&p->der, x);
}

static inline void paper_fini(struct paper *p)
{
    X509_free(p->x509);
    EVP_PKEY_free(p->key);
    buf_free(&p->der);
}

static inline void paper_pem(const struct paper *p, struct buf *out)
{
    char *bytes;
    BIO *pem = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(pem, p->x509);
    long len = BIO_get_mem_data(pem, &bytes);
    buf_put(out, bytes, (size_t)len);
    BIO_free(pem);
}

/* What a client shows that sends `count` papers; free() it. */
static inline struct x509_facts *facts_of(const struct paper *const *papers, size_t count)
{
    struct buf chain = {0};
    struct x509_facts *f;
    for (size_t i = 0; i < count; i++) buf_put_slice(&chain, buf_slice(&papers[i]->der));
    assert_int_equal(x509_facts_new(buf_slice(&chain), &f), OK);
    buf_free(&chain);
    return f;
}

#endif
