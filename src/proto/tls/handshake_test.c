/* handshake_test.c - who gets which handshake, certificate and ticket. */
#include "proto/tls/pair_test.h"
#include "proto/tls/wire.h"

/* ---- handshakes ---- */

/* The client showed `certificate`, `count` times. */
static void expect_chain(struct tls *t, const X509 *certificate, size_t count)
{
    struct buf chain;
    tls_take_client_chain(t, &chain);
    const uint8_t *at = buf_slice(&chain).ptr;
    for (size_t i = 0; i < count; i++) {
        X509 *shown = d2i_X509(NULL, &at, (long)buf_size(&chain));
        assert_int_equal(X509_cmp(shown, certificate), 0);
        X509_free(shown);
    }
    assert_ptr_equal(at, count ? chain.ptr + chain.len : NULL);
    buf_free(&chain);
    X509 *leaf = tls_take_client_leaf(t);
    assert_true(leaf ? count && X509_cmp(leaf, certificate) == 0 : count == 0);
    assert_null(tls_take_client_leaf(t));
    X509_free(leaf);
}

static void both_versions_work_with_both_kinds_of_key(void **state)
{
    (void)state;
    const struct papers *kinds[] = {&ec, &rsa};
    for (int i = 0; i < 4; i++) {
        struct pair p;
        pair_init(&p, kinds[i % 2]);
        limit_client(&p, both_versions[i / 2]);
        pair_start(&p, "azimuth.localhost");
        shuttle(&p);
        assert_true(p.server_up && p.client_up);
        assert_string_equal(tls_version(&p.server), i / 2 ? "TLSv1.3" : "TLSv1.2");
        assert_string_equal(tls_sni(&p.server), "azimuth.localhost");
        expect_chain(&p.server, NULL, 0);
        expect_talk(&p);
        pair_fini(&p);
    }
}

static void one_context_serves_each_client_the_certificate_it_can_use(void **state)
{
    (void)state;
    static const struct {
        const char *suite, *group;
        const struct papers *papers;
    } rows[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256", "X25519", &rsa},
        {"ECDHE-RSA-AES128-SHA256", "P-256", &rsa},
        {"ECDHE-RSA-AES256-SHA384", "P-256", &rsa},
        {"ECDHE-ECDSA-AES128-SHA256", "P-256", &ec},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", "P-256", &ec},
        {"ECDHE-ECDSA-CHACHA20-POLY1305", "P-256", &ec},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p = {.server_ctx = server_context(NULL, false)};
        p.client_ctx = client_context(rows[i].papers);
        limit_client(&p, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(p.client_ctx->ssl_ctx, rows[i].suite);
        SSL_CTX_set1_groups_list(p.client_ctx->ssl_ctx, rows[i].group);
        pair_start(&p, "localhost");
        shuttle(&p);
        assert_true(p.server_up && p.client_up);
        assert_string_equal(SSL_get_cipher_name(p.server.ssl), rows[i].suite);
        expect_talk(&p);
        pair_fini(&p);
    }
}

static void the_server_prefers_the_cheapest_suite_and_curve(void **state)
{
    (void)state;
    struct pair p = {.server_ctx = server_context(NULL, false), .client_ctx = client_context(&ec)};
    SSL_CTX_set_ciphersuites(p.client_ctx->ssl_ctx,
                             "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:"
                             "TLS_AES_128_GCM_SHA256");
    pair_start(&p, "localhost");
    shuttle(&p);
    assert_string_equal(SSL_get_cipher_name(p.client.ssl), "TLS_AES_128_GCM_SHA256");
    assert_int_equal(SSL_get_negotiated_group(p.client.ssl), NID_X25519);
    pair_fini(&p);
}

static void an_address_is_checked_as_an_address(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    pair_start(&p, "127.0.0.1");
    shuttle(&p);
    assert_true(p.client_up);
    assert_null(tls_sni(&p.server));
    pair_fini(&p);
}

static void alpn_is_chosen_only_if_offered(void **state)
{
    (void)state;
    static const struct {
        const char *offer;
        const char *chosen;
    } rows[] = {{"\x02h2\x08http/1.1", "http/1.1"}, {"\x02h2", ""}, {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        pair_init(&p, &ec);
        SSL_CTX_set_alpn_protos(p.client_ctx->ssl_ctx, (const uint8_t *)rows[i].offer,
                                (unsigned)strlen(rows[i].offer));
        pair_start(&p, "localhost");
        shuttle(&p);
        assert_true(p.client_up);
        const uint8_t *chosen;
        unsigned len;
        SSL_get0_alpn_selected(p.client.ssl, &chosen, &len);
        assert_true(slice_is(slice_of(chosen, len), rows[i].chosen));
        pair_fini(&p);
    }
}

/* ---- client certificates ---- */

static SSL_SESSION *session_of(struct pair *p)
{
    SSL_SESSION *session = SSL_get1_session(p->client.ssl);
    bool usable = session && SSL_SESSION_is_resumable(session) && SSL_SESSION_has_ticket(session);
    if (usable) return session;
    SSL_SESSION_free(session);
    return NULL;
}

static void a_client_certificate_is_handed_over_and_gets_no_ticket(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_init(&p, &ec);
        limit_client(&p, both_versions[i]);
        show_certificate(&p, &stranger);
        pair_start(&p, "localhost");
        shuttle(&p);
        assert_true(p.server_up && p.client_up);
        expect_chain(&p.server, SSL_CTX_get0_certificate(p.client_ctx->ssl_ctx), 1);
        expect_talk(&p);
        assert_null(session_of(&p));
        pair_fini(&p);
    }
}

static void a_client_that_offers_h2_is_not_asked_for_a_certificate(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    show_certificate(&p, &stranger);
    SSL_CTX_set_alpn_protos(p.client_ctx->ssl_ctx, (const uint8_t *)"\x08http/1.1\x02h2", 12);
    pair_start(&p, "localhost");
    shuttle(&p);
    assert_true(p.server_up);
    expect_chain(&p.server, NULL, 0);
    pair_fini(&p);
}

static void a_chain_over_its_limit_is_refused(void **state)
{
    (void)state;
    struct tls_identity id = identity(&stranger);
    for (int over = 0; over < 2; over++) {
        struct pair p;
        pair_init(&p, &ec);
        limit_client(&p, TLS1_2_VERSION);
        assert_int_equal(tls_identity_load(p.client_ctx->ssl_ctx, &id), OK);
        SSL_CTX_set_mode(p.client_ctx->ssl_ctx, SSL_MODE_NO_AUTO_CHAIN);
        X509 *leaf = SSL_CTX_get0_certificate(p.client_ctx->ssl_ctx);
        size_t each = (size_t)i2d_X509(leaf, NULL) + 3;
        size_t count = (TLS_CLIENT_CHAIN_MAX - 3) / each - 1 + (size_t)over;
        for (size_t i = 0; i < count; i++) SSL_CTX_add1_chain_cert(p.client_ctx->ssl_ctx, leaf);
        pair_start(&p, "localhost");
        shuttle(&p);
        assert_int_equal(p.server_up, !over);
        if (!over) expect_chain(&p.server, leaf, count + 1);
        if (over) assert_int_equal(p.server_end.cause, TLS_CAUSE_PROTOCOL);
        assert_int_equal(p.server_end.too_much, over);
        pair_fini(&p);
    }
}

/* ---- resumption ---- */

/* A second connection that offers `session`; true if the server took it up. */
static bool resumes(struct pair *old, struct tls_context *server_ctx, SSL_SESSION *session)
{
    struct pair p = {.server_ctx = tls_context_ref(server_ctx),
                     .client_ctx = tls_context_ref(old->client_ctx)};
    pair_start(&p, "localhost");
    buf_clear(&p.to_server);
    SSL_clear(p.client.ssl);
    SSL_set_session(p.client.ssl, session);
    tls_wire_use(&p.client);
    SSL_do_handshake(p.client.ssl);
    shuttle(&p);
    assert_true(p.server_up && p.client_up);
    assert_string_equal(tls_sni(&p.server), "localhost");
    expect_talk(&p);
    bool resumed = SSL_session_reused(p.client.ssl);
    tls_close(&p.client); /* else OpenSSL declares the session bad */
    pair_fini(&p);
    return resumed;
}

static void a_ticket_resumes_until_its_key_was_replaced_twice(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p = {.server_ctx = server_context(NULL, true),
                         .client_ctx = client_context(&ec)};
        limit_client(&p, both_versions[i]);
        pair_start(&p, "localhost");
        shuttle(&p);
        SSL_SESSION *session = session_of(&p);
        assert_non_null(session);
        assert_false(SSL_session_reused(p.client.ssl));
        assert_true(resumes(&p, p.server_ctx, session));
        struct tls_context *second = server_context(p.server_ctx, true);
        struct tls_context *third = server_context(second, true);
        assert_true(resumes(&p, second, session));
        assert_false(resumes(&p, third, session));
        tls_context_drop(second);
        tls_context_drop(third);
        SSL_SESSION_free(session);
        pair_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_work_with_both_kinds_of_key),
        cmocka_unit_test(one_context_serves_each_client_the_certificate_it_can_use),
        cmocka_unit_test(the_server_prefers_the_cheapest_suite_and_curve),
        cmocka_unit_test(an_address_is_checked_as_an_address),
        cmocka_unit_test(alpn_is_chosen_only_if_offered),
        cmocka_unit_test(a_client_certificate_is_handed_over_and_gets_no_ticket),
        cmocka_unit_test(a_client_that_offers_h2_is_not_asked_for_a_certificate),
        cmocka_unit_test(a_chain_over_its_limit_is_refused),
        cmocka_unit_test(a_ticket_resumes_until_its_key_was_replaced_twice),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
