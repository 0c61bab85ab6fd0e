/* traffic_test.c - records of TLS 1.3 that we read and write ourselves, against OpenSSL's client and
 * against peers that OpenSSL would not be. */
#include "base/text.h"
#include "proto/tls/pair_test.h"
#include "proto/tls/records.h"
#include "proto/tls/wire.h"

static struct slice hex(struct buf *b, const char *text)
{
    buf_clear(b);
    for (; *text; text++)
        if (*text != ' ') buf_put_u8(b, (uint8_t)*text);
    struct buf bytes = {0};
    assert_int_equal(text_unhex(&bytes, buf_slice(b)), OK);
    buf_free(b);
    *b = bytes;
    return buf_slice(b);
}

/* RFC 8448 section 3: the client's application data. */
static void the_record_of_rfc_8448_opens(void **state)
{
    (void)state;
    struct buf secret = {0}, record = {0};
    struct traffic t;
    uint8_t out[128], type;
    struct slice content;
    hex(&secret, "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
    hex(&record,
        "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395b"
        "d54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
    assert_int_equal(traffic_init(&t, suite_find(0x1301), buf_slice(&secret), false), OK);
    assert_int_equal(traffic_open(&t, buf_slice(&record), out, &type, &content), OK);
    assert_int_equal(type, CONTENT_DATA);
    assert_int_equal(content.len, 50);
    for (uint8_t i = 0; i < 50; i++) assert_int_equal(content.ptr[i], i);
    assert_int_equal(traffic_open(&t, buf_slice(&record), out, &type, &content), ERR_DENIED);
    traffic_fini(&t);
    buf_free(&secret);
    buf_free(&record);
}

static void a_secret_has_the_length_of_its_hash(void **state)
{
    (void)state;
    struct traffic t;
    uint8_t secret[TRAFFIC_SECRET_MAX] = {1};
    assert_int_equal(traffic_init(&t, suite_find(0x1301), slice_of(secret, 48), true), ERR_INVALID);
    traffic_fini(&t);
    assert_int_equal(traffic_init(&t, suite_find(0x1302), slice_of(secret, 48), true), OK);
    traffic_fini(&t);
    assert_null(suite_find(0x1304)); /* AES-128-CCM */
}

static void every_suite_talks_without_openssls_object(void **state)
{
    (void)state;
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};
    for (size_t i = 0; i < 3; i++) {
        struct pair p;
        pair_init(&p, &ec);
        SSL_CTX_set_ciphersuites(p.client_ctx->ssl_ctx, suites[i]);
        pair_start(&p, "azimuth.localhost");
        shuttle(&p);
        assert_string_equal(SSL_get_cipher_name(p.client.ssl), suites[i]);
        assert_true(records_own(&p.server) && p.server.ssl == NULL);
        assert_string_equal(tls_sni(&p.server), "azimuth.localhost");
        for (int n = 0; n < 300; n++) expect_talk(&p); /* beyond one byte of the count */
        pair_fini(&p);
    }
}

static void tls_12_and_clients_stay_with_openssl(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    limit_client(&p, TLS1_2_VERSION);
    pair_start(&p, "localhost");
    shuttle(&p);
    assert_true(p.server_up && p.server.ssl != NULL && p.client.ssl != NULL);
    assert_null(p.server.records);
    pair_fini(&p);
}

static void padding_is_taken_off(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    SSL_CTX_set_block_padding(p.client_ctx->ssl_ctx, 512);
    pair_start(&p, "localhost");
    shuttle(&p);
    expect_talk(&p);
    pair_fini(&p);
}

/* How many records the client is sent. */
static size_t records_in(struct slice bytes, size_t *longest)
{
    size_t count = 0;
    for (*longest = 0; bytes.len; count++) {
        size_t len = (size_t)bytes.ptr[3] << 8 | bytes.ptr[4];
        *longest = MAX(*longest, len);
        bytes = slice_from(bytes, TRAFFIC_HEAD + len);
    }
    return count;
}

static void fragments_are_as_long_as_the_client_takes(void **state)
{
    (void)state;
    static uint8_t bytes[2 * TLS_RECORD_MAX + 1];
    static const struct {
        uint8_t code;
        size_t limit;
    } rows[] = {{TLSEXT_max_fragment_length_512, 512},
                {TLSEXT_max_fragment_length_4096, 4096},
                {TLSEXT_max_fragment_length_DISABLED, TLS_RECORD_MAX}};
    for (size_t i = 0; i < 3; i++) {
        struct pair p;
        size_t longest;
        pair_init(&p, &ec);
        SSL_CTX_set_tlsext_max_fragment_length(p.client_ctx->ssl_ctx, rows[i].code);
        pair_start(&p, "localhost");
        shuttle(&p);
        for (size_t over = 0; over < 2; over++) {
            size_t len = 2 * rows[i].limit + over;
            assert_int_equal(tls_send(&p.server, slice_of(bytes, len)), OK);
            assert_int_equal(records_in(buf_slice(&p.to_client), &longest), 2 + over);
            assert_int_equal(longest, rows[i].limit + 1 + TRAFFIC_TAG);
            shuttle(&p);
            assert_int_equal(buf_size(&p.client_got), len);
            buf_clear(&p.client_got);
        }
        pair_fini(&p);
    }
}

/* ---- KeyUpdate */

static void ask_for_update(struct pair *p, int kind)
{
    assert_int_equal(SSL_key_update(p->client.ssl, kind), 1);
    tls_wire_use(&p->client);
    assert_int_equal(SSL_do_handshake(p->client.ssl), 1);
}

static void either_side_may_change_its_key(void **state)
{
    (void)state;
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"};
    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        pair_init(&p, &ec);
        SSL_CTX_set_ciphersuites(p.client_ctx->ssl_ctx, suites[i]);
        pair_start(&p, "localhost");
        shuttle(&p);
        for (int n = 0; n < 3; n++) {
            ask_for_update(&p, SSL_KEY_UPDATE_NOT_REQUESTED);
            expect_talk(&p);
            ask_for_update(&p, SSL_KEY_UPDATE_REQUESTED);
            expect_talk(&p);
            p.server.records->write_left = 1;
            expect_talk(&p); /* the last one under the old key */
            assert_int_equal(p.server.records->write_left, 0);
            expect_talk(&p);
            assert_int_equal(p.server.records->write_left, TLS_KEY_RECORDS_MAX - 1);
        }
        pair_fini(&p);
    }
}

static void updates_without_data_have_a_limit(void **state)
{
    (void)state;
    struct pair p;
    connect_pair(&p, &ec);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TLS_KEY_UPDATES_MAX; i++) {
            ask_for_update(&p, SSL_KEY_UPDATE_NOT_REQUESTED);
            shuttle(&p);
        }
        expect_talk(&p); /* begins the count anew */
    }
    for (int i = 0; i <= TLS_KEY_UPDATES_MAX; i++) {
        assert_int_equal(p.server_end.cause, TLS_CAUSE_NONE);
        ask_for_update(&p, SSL_KEY_UPDATE_NOT_REQUESTED);
        shuttle(&p);
    }
    assert_int_equal(p.server_end.cause, TLS_CAUSE_PROTOCOL);
    assert_true(p.server_end.too_much);
    assert_int_equal(p.client_end.cause, TLS_CAUSE_ALERT);
    pair_fini(&p);
}

/* ---- peers with the right keys and strange ideas */

struct forged {
    uint8_t type;
    struct slice content;
    enum tls_cause cause; /* of the server's end; none: it goes on */
    uint8_t alert;        /* that it sends */
};

static void forge(struct pair *p, uint8_t type, struct slice content)
{
    struct traffic t, *real = &p->server.records->read;
    size_t secret_len = real->suite == suite_find(0x1302) ? 48 : 32;
    assert_int_equal(traffic_init(&t, real->suite, slice_of(real->secret, secret_len), true), OK);
    t.count = real->count;
    assert_int_equal(traffic_seal(&t, type, content, &p->to_server), OK);
    traffic_fini(&t);
    feed_server(p, buf_slice(&p->to_server));
    buf_clear(&p->to_server);
}

static void strange_records_end_the_connection_by_name(void **state)
{
    (void)state;
    static uint8_t big[TLS_RECORD_MAX + 1];
    const struct forged rows[] = {
        {CONTENT_DATA, SLICE_NONE, TLS_CAUSE_NONE, 0},
        {CONTENT_DATA, slice_of(big, TLS_RECORD_MAX), TLS_CAUSE_NONE, 0},
        {CONTENT_DATA, slice_of(big, sizeof big), TLS_CAUSE_PROTOCOL, SSL_AD_RECORD_OVERFLOW},
        {0, SLICE_LIT("\0\0"), TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE},
        {20, SLICE_LIT("\1"), TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE},
        {CONTENT_ALERT, SLICE_LIT("\1\132"), TLS_CAUSE_NONE, 0}, /* user_canceled */
        {CONTENT_ALERT, SLICE_LIT("\2"), TLS_CAUSE_PROTOCOL, SSL_AD_DECODE_ERROR},
        {CONTENT_ALERT, SLICE_LIT("\2\60"), TLS_CAUSE_ALERT, 0},
        {CONTENT_HANDSHAKE, SLICE_NONE, TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE},
        {CONTENT_HANDSHAKE, SLICE_LIT("\30\0\0\1"), TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE},
        {CONTENT_HANDSHAKE, SLICE_LIT("\30\0\0\1\2"), TLS_CAUSE_PROTOCOL, SSL_AD_ILLEGAL_PARAMETER},
        {CONTENT_HANDSHAKE, SLICE_LIT("\1\0\0\1\0"), TLS_CAUSE_PROTOCOL, SSL_AD_UNEXPECTED_MESSAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p;
        connect_pair(&p, &ec);
        forge(&p, rows[i].type, rows[i].content);
        assert_int_equal(p.server_end.cause, rows[i].cause);
        assert_int_equal(tls_send(&p.server, SLICE_LIT("x")), rows[i].cause ? ERR_CLOSED : OK);
        shuttle(&p);
        assert_int_equal(p.client_end.alert, rows[i].alert);
        pair_fini(&p);
    }
}

static void bytes_that_are_no_record_end_the_connection(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_LIT("GET / HTTP/1.1\r\n"),
        SLICE_LIT("\x15\x03\x03\x00\x02\x02\x28"), /* an alert that is not encrypted */
        SLICE_LIT("\x17\x03\x03\x00\x10"),         /* too short for a type and a tag */
        SLICE_LIT("\x17\x03\x03\x41\x01"),         /* longer than a record can be */
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct pair p;
        connect_pair(&p, &ec);
        size_t first = i % 2 ? 1 : rows[i / 2].len;
        feed_server(&p, slice_head(rows[i / 2], first));
        feed_server(&p, slice_from(rows[i / 2], first));
        assert_int_equal(p.server_end.kind, TLS_FAILED);
        assert_int_equal(p.server_end.cause, TLS_CAUSE_RECORD);
        shuttle(&p);
        assert_int_equal(p.client_end.alert, SSL_AD_UNEXPECTED_MESSAGE);
        pair_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_record_of_rfc_8448_opens),
        cmocka_unit_test(a_secret_has_the_length_of_its_hash),
        cmocka_unit_test(every_suite_talks_without_openssls_object),
        cmocka_unit_test(tls_12_and_clients_stay_with_openssl),
        cmocka_unit_test(padding_is_taken_off),
        cmocka_unit_test(fragments_are_as_long_as_the_client_takes),
        cmocka_unit_test(either_side_may_change_its_key),
        cmocka_unit_test(updates_without_data_have_a_limit),
        cmocka_unit_test(strange_records_end_the_connection_by_name),
        cmocka_unit_test(bytes_that_are_no_record_end_the_connection),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
