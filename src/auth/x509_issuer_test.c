/* x509_issuer_test.c - requests that become certificates, and those that do not. */
#include "auth/x509_issue_test.h"
#include "auth/x509_issuer.h"
#include "base/limit.h"

static struct paper ca;
static struct x509_issuer *issuer;

static int begin(void **state)
{
    (void)state;
    struct buf pem = {0}, key = {0};
    char *bytes;
    BIO *out = BIO_new(BIO_s_mem());
    issue(&ca, &(struct issue){.name = "our CA", .ca = true});
    paper_pem(&ca, &pem);
    PEM_write_bio_PKCS8PrivateKey(out, ca.key, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(out, &bytes);
    buf_put(&key, bytes, (size_t)len);
    BIO_free(out);
    assert_int_equal(x509_issuer_new(buf_slice(&pem), buf_slice(&key), &issuer), OK);
    assert_true(slice_eq(x509_issuer_der(issuer), buf_slice(&ca.der)));
    struct x509_issuer *none;
    assert_int_equal(x509_issuer_new(buf_slice(&pem), buf_slice(&pem), &none), ERR_INVALID);
    buf_free(&pem);
    buf_free(&key);
    return 0;
}

static int end(void **state)
{
    (void)state;
    x509_issuer_free(issuer);
    paper_fini(&ca);
    return 0;
}

/* A request for a name, and another if there is one, with that much besides; the key is kept where somebody
 * wants it. */
static struct buf ask_with(const char *name, const char *second, EVP_PKEY *key, EVP_PKEY *signer,
                           struct slice besides)
{
    struct buf der = {0};
    unsigned char *bytes = NULL;
    X509_REQ *r = X509_REQ_new();
    for (int i = 0; i < 2; i++) {
        const char *one = i ? second : name;
        if (one)
            X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(r), NID_commonName,
                                       V_ASN1_UTF8STRING, (const unsigned char *)one, -1, -1, 0);
    }
    if (besides.len)
        X509_REQ_add1_attr_by_NID(r, NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING, besides.ptr,
                                  (int)besides.len);
    X509_REQ_set_pubkey(r, key);
    assert_true(X509_REQ_sign(r, signer, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(r, &bytes);
    buf_put(&der, bytes, (size_t)len);
    OPENSSL_free(bytes);
    X509_REQ_free(r);
    return der;
}

static struct buf ask(const char *name, const char *second, EVP_PKEY *key, EVP_PKEY *signer)
{
    return ask_with(name, second, key, signer, SLICE_NONE);
}

/* A signature is one of several lengths: asked for again until all of it is that long. */
static struct buf ask_of_size(size_t size, EVP_PKEY *key)
{
    static char besides[X509_CSR_MAX];
    memset(besides, 'x', sizeof besides);
    for (size_t len = size / 2;;) {
        struct buf csr = ask_with("device-1", NULL, key, key, slice_of(besides, len));
        if (buf_size(&csr) == size) return csr;
        len = len + size - buf_size(&csr);
        buf_free(&csr);
    }
}

static void a_request_has_at_most_eight_kilobytes(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t over = 0; over < 2; over++) {
        struct buf csr = ask_of_size(X509_CSR_MAX + over, key);
        int64_t met = limit_reached("csr");
        assert_int_equal(x509_csr_check(buf_slice(&csr), SLICE_LIT("device-1")),
                         over ? ERR_INVALID : OK);
        assert_int_equal(limit_reached("csr") - met, over);
        if (over) assert_string_equal(fail_text(), "csr: a request has at most 8192 bytes");
        buf_free(&csr);
    }
    EVP_PKEY_free(key);
}

static void a_request_becomes_a_certificate_of_its_device(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf csr = ask("DEVICE-1", NULL, key, key), leaf = {0};
    struct slice name = SLICE_LIT("device-1");
    int64_t until_us = NOW_US + 600 * 1000000ll;
    assert_int_equal(x509_csr_check(buf_slice(&csr), name), OK);
    assert_int_equal(x509_issue(issuer, buf_slice(&csr), name, NOW_US, until_us, &leaf), OK);
    struct x509_facts *f;
    unsigned depth = 9;
    assert_int_equal(x509_facts_new(buf_slice(&leaf), &f), OK);
    assert_string_equal(f->common_name, "device-1");
    assert_true(f->from_us == NOW_US && f->until_us == until_us);
    assert_int_equal(x509_by_anchor(f, x509_issuer_der(issuer), name, NOW_US + 1, &depth), AUTH_OK);
    assert_int_equal(depth, 0);
    assert_int_equal(x509_by_anchor(f, x509_issuer_der(issuer), name, until_us + 1000000, &depth),
                     AUTH_CERTIFICATE_EXPIRED);
    struct x509_certificate c;
    struct buf der = {0};
    assert_int_equal(x509_certificate_read(buf_slice(&leaf), &der, &c), OK);
    assert_false(c.is_ca);
    free(f);
    buf_free(&der);
    buf_free(&leaf);
    buf_free(&csr);
    EVP_PKEY_free(key);
}

static void what_is_no_request_of_that_device_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"), *small = EVP_EC_gen("P-192");
    struct {
        const char *why;
        struct buf csr;
    } rows[] = {
        {"another name", ask("device-2", NULL, key, key)},
        {"two names", ask("device-1", "device-1", key, key)},
        {"no name", ask(NULL, NULL, key, key)},
        {"signed with another key", ask("device-1", NULL, key, other)},
        {"a small key", small ? ask("device-1", NULL, small, small) : (struct buf){0}},
    };
    struct buf leaf = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (x509_issue(issuer, buf_slice(&rows[i].csr), SLICE_LIT("device-1"), NOW_US, NOW_US + 1,
                       &leaf) != ERR_INVALID)
            fail_msg("%s", rows[i].why);
        buf_free(&rows[i].csr);
    }
    struct buf good = ask("device-1", NULL, key, key);
    for (size_t len = 0; len < buf_size(&good); len++)
        assert_int_equal(x509_csr_check(slice_head(buf_slice(&good), len), SLICE_LIT("device-1")),
                         ERR_INVALID);
    buf_put_u8(&good, 0);
    assert_int_equal(x509_csr_check(buf_slice(&good), SLICE_LIT("device-1")), ERR_INVALID);
    assert_int_equal(buf_size(&leaf), 0);
    buf_free(&good);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_a_certificate_of_its_device),
        cmocka_unit_test(what_is_no_request_of_that_device_is_refused),
        cmocka_unit_test(a_request_has_at_most_eight_kilobytes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
