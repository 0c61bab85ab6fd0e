/* failure_test.c - handshakes that must not succeed, and how they are named. */
#include <openssl/err.h>

#include "proto/tls/pair_test.h"

static void first_bytes_that_are_no_tls_get_no_answer(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        const char *text;
    } rows[] = {
        {SLICE_LIT("GET / HTTP/1.1\r\n"), "plain HTTP"},
        {SLICE_LIT("\x10\x20\x00\x04MQTT"), "plain MQTT"},
        {SLICE_LIT("AMQP\x03\x01\x00\x00"), "plain AMQP"},
        {SLICE_LIT("\x80\x2e\x01\x00\x02"), "SSL 2.0"},
        {SLICE_LIT("S"), "unknown"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_init(&p, &ec);
        pair_start(&p, "localhost");
        feed_server(&p, rows[i].bytes);
        assert_int_equal(p.server_end.kind, TLS_FAILED);
        assert_int_equal(p.server_end.cause, TLS_CAUSE_NOT_TLS);
        assert_non_null(strstr(fail_text(), rows[i].text));
        assert_int_equal(buf_size(&p.to_client), 0);
        feed_server(&p, rows[i].bytes); /* ignored */
        pair_fini(&p);
    }
}

/* A first record is waited for if it can be one, and else refused by its head. */
static void an_impossible_first_record_is_refused_by_its_head(void **state)
{
    (void)state;
    static const struct {
        struct slice head;
        enum tls_cause cause;
    } rows[] = {
        {SLICE_LIT("\x16\x03\x01\x48\x00"), TLS_CAUSE_NONE}, /* 16 KiB and 2048 */
        {SLICE_LIT("\x16\x03\x01\x48\x01"), TLS_CAUSE_RECORD},
        {SLICE_LIT("\x16\x02\x01\x00\x10"), TLS_CAUSE_VERSION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_init(&p, &ec);
        pair_start(&p, "localhost");
        feed_server(&p, slice_head(rows[i].head, 4));
        assert_int_equal(p.server_end.cause, TLS_CAUSE_NONE);
        feed_server(&p, slice_from(rows[i].head, 4));
        assert_int_equal(p.server_end.cause, rows[i].cause);
        assert_int_equal(p.server_end.too_much, rows[i].cause == TLS_CAUSE_RECORD);
        pair_fini(&p);
    }
}

static void a_server_that_speaks_no_tls_fails_the_client(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    pair_start(&p, "localhost");
    feed_client(&p, SLICE_LIT("HTTP/1.1 400 Bad Request\r\n"));
    assert_int_equal(p.client_end.cause, TLS_CAUSE_VERSION);
    pair_fini(&p);
}

static void an_old_version_is_refused_by_name(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    SSL_CTX_set_security_level(p.client_ctx->ssl_ctx, 0);
    SSL_CTX_set_min_proto_version(p.client_ctx->ssl_ctx, TLS1_VERSION);
    limit_client(&p, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(p.client_ctx->ssl_ctx, "ALL:@SECLEVEL=0");
    pair_start(&p, "localhost");
    shuttle(&p);
    assert_int_equal(p.server_end.cause, TLS_CAUSE_VERSION);
    assert_int_equal(p.client_end.cause, TLS_CAUSE_ALERT);
    assert_int_equal(p.client_end.alert, SSL_AD_PROTOCOL_VERSION);
    pair_fini(&p);
}

static void nothing_in_common_is_named(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    limit_client(&p, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(p.client_ctx->ssl_ctx, "AES128-SHA256");
    pair_start(&p, "localhost");
    shuttle(&p);
    assert_int_equal(p.server_end.cause, TLS_CAUSE_NO_COMMON);
    assert_string_equal(tls_cause_name(p.server_end.cause), "no-common");
    pair_fini(&p);
}

static void a_client_that_does_not_know_our_ca_says_so(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_init(&p, &ec);
        tls_context_drop(p.client_ctx);
        p.client_ctx = client_context(&stranger);
        limit_client(&p, both_versions[i]);
        pair_start(&p, "localhost");
        shuttle(&p);
        assert_int_equal(p.client_end.cause, TLS_CAUSE_CERT);
        assert_int_equal(p.server_end.cause, TLS_CAUSE_ALERT);
        assert_int_equal(p.server_end.alert, SSL_AD_UNKNOWN_CA);
        pair_fini(&p);
    }
}

/* By its clock our certificate has ended. */
static void a_client_of_another_time_is_told_from_others(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_init(&p, &ec);
        limit_client(&p, both_versions[i]);
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(p.client_ctx->ssl_ctx), 7258118400);
        pair_start(&p, "localhost");
        assert_int_equal(tls_own_until_s(&p.server), 0);
        shuttle(&p);
        assert_int_equal(p.server_end.cause, TLS_CAUSE_ALERT);
        assert_int_equal(p.server_end.alert, SSL_AD_CERTIFICATE_EXPIRED);
        assert_true(tls_own_until_s(&p.server) > time(NULL));
        assert_true(tls_own_until_s(&p.server) < 7258118400);
        pair_fini(&p);
    }
}

static void a_wrong_host_name_is_refused_by_the_client(void **state)
{
    (void)state;
    static const char *const hosts[] = {"elsewhere.example", "127.0.0.2", "calhost"};
    for (size_t i = 0; i < 3; i++) {
        struct pair p;
        pair_init(&p, &ec);
        pair_start(&p, hosts[i]);
        shuttle(&p);
        assert_false(p.client_up);
        assert_int_equal(p.client_end.cause, TLS_CAUSE_CERT);
        assert_non_null(strstr(fail_text(), "alert")); /* the server's end came last */
        pair_fini(&p);
    }
}

static void a_stale_error_of_somebody_else_changes_nothing(void **state)
{
    (void)state;
    struct pair p;
    connect_pair(&p, &ec);
    ERR_raise(ERR_LIB_USER, 1);
    expect_talk(&p);
    assert_int_equal(tls_send(&p.client, SLICE_LIT("abc")), OK);
    ERR_raise(ERR_LIB_USER, 2);
    shuttle_by(&p, 1);
    assert_true(slice_is(buf_slice(&p.server_got), "abc"));
    assert_int_equal(p.server_end.cause, TLS_CAUSE_NONE);
    ERR_clear_error();
    pair_fini(&p);
}

static void unusable_certificates_and_keys_are_refused(void **state)
{
    (void)state;
    struct slice good = buf_slice(&ec.chain), key = buf_slice(&ec.key);
    const struct tls_identity rows[] = {
        {SLICE_NONE, key, NULL},
        {SLICE_LIT("no PEM at all"), key, NULL},
        {slice_head(good, good.len / 2), key, NULL},
        {good, SLICE_NONE, NULL},
        {good, buf_slice(&stranger.key), NULL},
        {good,
         SLICE_LIT("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n"
                   "-----END ENCRYPTED PRIVATE KEY-----\n"),
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_server_config config = {.identities = &rows[i], .identity_count = 1};
        struct tls_context *ctx = NULL;
        assert_int_equal(tls_server_context(&config, NULL, &ctx), ERR_INVALID);
        assert_null(ctx);
        assert_true(strlen(fail_text()) > 10);
    }
    struct tls_context *ctx = NULL;
    assert_int_equal(tls_client_context(SLICE_LIT("rubbish"), &ctx), ERR_INVALID);
    assert_int_equal(tls_client_context(SLICE_NONE, &ctx), OK);
    tls_context_drop(ctx);
}

static void an_encrypted_key_wants_its_passphrase(void **state)
{
    (void)state;
    struct buf secret = {0};
    BIO *plain = BIO_new_mem_buf(buf_slice(&ec.key).ptr, (int)buf_size(&ec.key));
    BIO *locked = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(plain, NULL, NULL, NULL);
    PEM_write_bio_PKCS8PrivateKey(locked, key, EVP_aes_128_cbc(), "open", 4, NULL, NULL);
    to_pem(&secret, locked);
    EVP_PKEY_free(key);
    BIO_free(plain);
    static const char *const words[] = {"open", "Open", "", NULL};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct tls_context *ctx = client_context(&ec);
        const struct tls_identity id = {buf_slice(&ec.chain), buf_slice(&secret), words[i]};
        assert_int_equal(tls_client_show(ctx, &id), i == 0 ? OK : ERR_INVALID);
        ERR_clear_error();
        tls_context_drop(ctx);
    }
    buf_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_bytes_that_are_no_tls_get_no_answer),
        cmocka_unit_test(an_impossible_first_record_is_refused_by_its_head),
        cmocka_unit_test(a_server_that_speaks_no_tls_fails_the_client),
        cmocka_unit_test(an_old_version_is_refused_by_name),
        cmocka_unit_test(nothing_in_common_is_named),
        cmocka_unit_test(a_client_that_does_not_know_our_ca_says_so),
        cmocka_unit_test(a_client_of_another_time_is_told_from_others),
        cmocka_unit_test(a_wrong_host_name_is_refused_by_the_client),
        cmocka_unit_test(a_stale_error_of_somebody_else_changes_nothing),
        cmocka_unit_test(unusable_certificates_and_keys_are_refused),
        cmocka_unit_test(an_encrypted_key_wants_its_passphrase),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
