/* certs_test.c - certificates made, kept and made again. */
#include "base/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/io_mem.h"
#include "server/certs.h"

static const int64_t now_us = 1800000000000000;
static const int64_t day_us = 86400000000;

static X509 *cert_of(struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

static void a_server_certificate_names_every_host_and_chains_to_the_ca(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct certs_pair pair;
    struct buf ca_pem = {0};
    const char *names[] = {"hub.example", "10.1.2.3", "LOCALHOST"};
    assert_int_equal(certs_prepare(io, now_us), OK);
    for (int kind = 0; kind < CERTS_KINDS; kind++) {
        assert_int_equal(certs_server(io, (enum certs_kind)kind, names, 3, now_us, &pair), OK);
        X509 *leaf = cert_of(buf_slice(&pair.chain));
        buf_clear(&ca_pem);
        assert_int_equal(io_load(io, "ca.pem", &ca_pem), OK);
        X509 *ca = cert_of(buf_slice(&ca_pem));
        assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
        assert_int_equal(X509_check_host(leaf, "hub.example", 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(leaf, "azimuth.localhost", 0, 0, NULL), 1);
        assert_int_equal(X509_check_host(leaf, "other.example", 0, 0, NULL), 0);
        assert_int_equal(X509_check_ip_asc(leaf, "10.1.2.3", 0), 1);
        assert_int_equal(X509_check_ip_asc(leaf, "::1", 0), 1);
        X509_free(leaf);
        X509_free(ca);
        certs_pair_free(&pair);
    }
    buf_free(&ca_pem);
    io_free(io);
}

static void a_certificate_is_kept_until_names_change_or_it_ends(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct certs_pair first, again;
    const char *names[] = {"a.example", "b.example"};
    assert_int_equal(certs_prepare(io, now_us), OK);
    assert_int_equal(certs_prepare(io, now_us), OK);
    assert_int_equal(certs_server(io, CERTS_EC, names, 1, now_us, &first), OK);
    const struct {
        unsigned name_count;
        int64_t days;
        bool kept;
    } rows[] = {{1, 0, true}, {1, 334, true}, {1, 336, false}, {2, 336, false}, {2, 336, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(certs_server(io, CERTS_EC, names, rows[i].name_count,
                                      now_us + rows[i].days * day_us, &again),
                         OK);
        assert_int_equal(slice_eq(buf_slice(&first.chain), buf_slice(&again.chain)), rows[i].kept);
        certs_pair_free(&first);
        first = again;
    }
    certs_pair_free(&first);
    io_free(io);
}

static void a_damaged_ca_is_reported_and_left_alone(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct certs_pair pair;
    struct buf text = {0};
    assert_int_equal(certs_prepare(io, now_us), OK);
    assert_int_equal(io_store(io, "ca.key", SLICE_LIT("rubbish")), OK);
    assert_int_equal(certs_prepare(io, now_us), ERR_CORRUPT);
    assert_int_equal(certs_server(io, CERTS_EC, NULL, 0, now_us, &pair), ERR_CORRUPT);
    assert_int_equal(io_load(io, "ca.key", &text), OK);
    assert_true(slice_is(buf_slice(&text), "rubbish"));
    buf_free(&text);
    io_free(io);
}

static void half_a_ca_is_a_loss_unless_the_first_start_was_interrupted(void **state)
{
    (void)state;
    static const struct {
        const char *removed[2];
        bool served; /* a server certificate was made */
        enum err e;
    } rows[] = {{{"ca.key", NULL}, false, ERR_CORRUPT},
                {{"ca.key", NULL}, true, ERR_CORRUPT},
                {{"ca.pem", NULL}, false, OK},
                {{"ca.pem", NULL}, true, ERR_CORRUPT},
                {{"ca.pem", "ca.key"}, true, OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct io *io = io_mem_new();
        struct certs_pair pair = {0};
        assert_int_equal(certs_prepare(io, now_us), OK);
        if (rows[i].served)
            assert_int_equal(certs_server(io, CERTS_EC, NULL, 0, now_us, &pair), OK);
        for (int j = 0; j < 2 && rows[i].removed[j]; j++)
            assert_int_equal(io_remove(io, rows[i].removed[j]), OK);
        assert_int_equal(certs_prepare(io, now_us), rows[i].e);
        certs_pair_free(&pair);
        io_free(io);
    }
}

/* The last one: it is for good. */
static void a_key_that_is_abandoned_leaves_nothing_behind(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct certs_pair pair;
    struct buf file = {0};
    assert_int_equal(certs_prepare(io, now_us), OK);
    certs_abandon();
    assert_int_equal(certs_server(io, CERTS_RSA, NULL, 0, now_us, &pair), ERR_CLOSED);
    assert_int_equal(io_load(io, "server-rsa.key", &file), ERR_NOT_FOUND);
    assert_int_equal(certs_server(io, CERTS_EC, NULL, 0, now_us, &pair), OK);
    certs_pair_free(&pair);
    buf_free(&file);
    io_free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_certificate_names_every_host_and_chains_to_the_ca),
        cmocka_unit_test(a_certificate_is_kept_until_names_change_or_it_ends),
        cmocka_unit_test(a_damaged_ca_is_reported_and_left_alone),
        cmocka_unit_test(half_a_ca_is_a_loss_unless_the_first_start_was_interrupted),
        cmocka_unit_test(a_key_that_is_abandoned_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
