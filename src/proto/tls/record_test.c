/* record_test.c - bytes through an open connection, and what an idle one costs. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "proto/tls/pair_test.h"

/* ---- records ---- */

static void handshakes_and_data_survive_any_chunking(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 2, 3, 5, 7, 64, 1000};
    for (size_t i = 0; i < 2 * sizeof chunks / sizeof *chunks; i++) {
        struct pair p;
        pair_init(&p, &ec);
        limit_client(&p, both_versions[i % 2]);
        pair_start(&p, "localhost");
        shuttle_by(&p, chunks[i / 2]);
        assert_true(p.server_up && p.client_up);
        assert_int_equal(tls_send(&p.client, SLICE_LIT("one")), OK);
        assert_int_equal(tls_send(&p.client, SLICE_LIT("two")), OK);
        tls_close(&p.client);
        shuttle_by(&p, chunks[i / 2]);
        assert_true(slice_is(buf_slice(&p.server_got), "onetwo"));
        assert_int_equal(p.server_end.kind, TLS_CLOSED);
        pair_fini(&p);
    }
}

static void data_may_be_split_anywhere(void **state)
{
    (void)state;
    struct pair p;
    connect_pair(&p, &ec);
    for (size_t at = 0;; at++) {
        assert_int_equal(tls_send(&p.client, SLICE_LIT("first")), OK);
        assert_int_equal(tls_send(&p.client, SLICE_LIT("second")), OK);
        struct slice all = buf_slice(&p.to_server);
        if (at > all.len) break;
        feed_server(&p, slice_head(all, at));
        feed_server(&p, slice_from(all, at));
        assert_true(slice_is(buf_slice(&p.server_got), "firstsecond"));
        buf_clear(&p.server_got);
        buf_clear(&p.to_server);
    }
    pair_fini(&p);
}

static void a_megabyte_goes_both_ways(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    uint8_t *bytes = mem_new(SIZE);
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (uint8_t)(i * 7 + i / 251);
    struct pair p;
    connect_pair(&p, &rsa);
    assert_int_equal(tls_send(&p.client, slice_of(bytes, SIZE)), OK);
    assert_int_equal(tls_send(&p.server, slice_of(bytes, SIZE)), OK);
    assert_int_equal(tls_send(&p.server, SLICE_NONE), OK);
    shuttle_by(&p, 10007);
    assert_true(slice_eq(buf_slice(&p.server_got), slice_of(bytes, SIZE)));
    assert_true(slice_eq(buf_slice(&p.client_got), slice_of(bytes, SIZE)));
    free(bytes);
    pair_fini(&p);
}

static void after_reading_was_stopped_only_sending_goes_on(void **state)
{
    (void)state;
    struct pair p;
    struct tls_event ev;
    connect_pair(&p, &ec);
    assert_int_equal(tls_send(&p.client, SLICE_LIT("one")), OK);
    assert_int_equal(tls_send(&p.client, SLICE_LIT("two")), OK);
    tls_feed(&p.server, buf_slice(&p.to_server));
    assert_true(tls_next(&p.server, &ev));
    tls_stop_reading(&p.server);
    assert_false(tls_next(&p.server, &ev));
    tls_feed(&p.server, buf_slice(&p.to_server));
    assert_false(tls_next(&p.server, &ev));
    buf_clear(&p.to_server);
    assert_int_equal(tls_send(&p.server, SLICE_LIT("bye")), OK);
    shuttle(&p);
    assert_true(slice_is(buf_slice(&p.client_got), "bye"));
    pair_fini(&p);
}

static void closing_one_direction_leaves_the_other_open(void **state)
{
    (void)state;
    struct pair p;
    connect_pair(&p, &ec);
    tls_close(&p.client);
    tls_close(&p.client);
    assert_int_equal(tls_send(&p.client, SLICE_LIT("late")), ERR_CLOSED);
    shuttle(&p);
    assert_int_equal(p.server_end.kind, TLS_CLOSED);
    assert_int_equal(tls_send(&p.server, SLICE_LIT("farewell")), OK);
    tls_close(&p.server);
    shuttle(&p);
    assert_true(slice_is(buf_slice(&p.client_got), "farewell"));
    assert_int_equal(p.client_end.kind, TLS_CLOSED);
    pair_fini(&p);
}

static void nothing_can_be_sent_before_the_handshake(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &ec);
    pair_start(&p, "localhost");
    assert_int_equal(tls_send(&p.server, SLICE_LIT("early")), ERR_CLOSED);
    tls_close(&p.server);
    assert_int_equal(buf_size(&p.to_client), 0);
    pair_fini(&p);
}

static void a_changed_bit_is_never_plaintext(void **state)
{
    (void)state;
    struct pair p;
    for (size_t at = 0; at < 40; at++) {
        connect_pair(&p, &ec);
        assert_int_equal(tls_send(&p.client, SLICE_LIT("measured: 21.5 C")), OK);
        if (at >= buf_size(&p.to_server)) {
            pair_fini(&p);
            break;
        }
        p.to_server.ptr[p.to_server.off + at] ^= (uint8_t)(1u << at % 8);
        shuttle(&p);
        assert_int_equal(buf_size(&p.server_got), 0);
        bool waits_for_more = p.server_end.cause == TLS_CAUSE_NONE;
        if (!waits_for_more) assert_int_equal(tls_send(&p.server, SLICE_LIT("x")), ERR_CLOSED);
        assert_true(!waits_for_more || at == 3 || at == 4); /* of a longer record */
        pair_fini(&p);
    }
}

static void a_changed_bit_in_the_handshake_ends_it(void **state)
{
    (void)state;
    for (size_t at = 0; at < 260; at += 3) {
        struct pair p;
        pair_init(&p, &ec);
        pair_start(&p, "localhost");
        if (at < buf_size(&p.to_server)) p.to_server.ptr[p.to_server.off + at] ^= 0x40;
        shuttle(&p);
        bool both_up = p.server_up && p.client_up;
        assert_true(!both_up || at == 1 || at == 2 || at >= 5);
        if (both_up) expect_talk(&p); /* a bit nobody reads: an unknown extension's content */
        pair_fini(&p);
    }
}

static void cut_records_wait_for_the_rest(void **state)
{
    (void)state;
    struct pair p;
    connect_pair(&p, &ec);
    assert_int_equal(tls_send(&p.client, SLICE_LIT("whole")), OK);
    feed_server(&p, slice_head(buf_slice(&p.to_server), buf_size(&p.to_server) - 1));
    assert_int_equal(buf_size(&p.server_got), 0);
    assert_int_equal(p.server_end.cause, TLS_CAUSE_NONE);
    pair_fini(&p);
}

/* ---- memory and threads ---- */

/* Bytes that OpenSSL holds, by its own allocation calls. */
static atomic_size_t held;

static void *count_new(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    size_t *p = malloc(size + 16);
    *p = size;
    held += size;
    return p + 2;
}

static void count_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    if (ptr == NULL) return;
    size_t *p = (size_t *)ptr - 2;
    held -= *p;
    free(p);
}

static void *count_grow(void *ptr, size_t size, const char *file, int line)
{
    void *fresh = count_new(size, file, line);
    if (ptr) memcpy(fresh, ptr, MIN(size, ((size_t *)ptr)[-2]));
    count_free(ptr, file, line);
    return fresh;
}

/* The same certificate so many times over: nobody looks at the chain. */
static void show_chain(struct pair *p, int count)
{
    SSL_CTX *ctx = p->client_ctx->ssl_ctx;
    show_certificate(p, &stranger);
    while (--count > 0) SSL_CTX_add1_chain_cert(ctx, SSL_CTX_get0_certificate(ctx));
}

/* Steady state of a connection that has talked.  A client certificate stays with OpenSSL's object. */
static void an_idle_connection_costs_little(void **state)
{
    (void)state;
    enum { IDLE_12_MAX = 14 << 10, IDLE_13_MAX = 3 << 10, SHOWN_12_MAX = 6 << 10 };
    for (int i = 0; i < 4; i++) {
        bool shows = i >= 2;
        struct pair first, p;
        connect_pair(&first, &ec); /* what a process pays once */
        pair_init(&p, &ec);
        limit_client(&p, both_versions[i % 2]);
        if (shows) show_chain(&p, 8);
        pair_start(&p, "localhost");
        shuttle(&p);
        expect_talk(&p);
        struct buf shown;
        tls_take_client_chain(&p.server, &shown);
        buf_free(&shown);
        X509_free(tls_take_client_leaf(&p.server));
        struct tls client = p.client;
        p.client = (struct tls){0};
        tls_fini(&client);
        size_t with = held;
        tls_fini(&p.server);
        size_t cost = with - held + sizeof(struct tls);
        size_t max = i % 2 ? IDLE_13_MAX : IDLE_12_MAX + (shows ? SHOWN_12_MAX : 0);
        assert_in_range(cost, 1000, max);
        pair_fini(&p);
        pair_fini(&first);
    }
}

/* However slowly it comes: nothing of OpenSSL's, and its own bytes. */
static void a_client_costs_little_before_its_first_record_is_whole(void **state)
{
    (void)state;
    enum { EARLY_MAX = 2 << 10 };
    struct pair first, p;
    connect_pair(&first, &ec); /* what a process pays once */
    pair_init(&p, &ec);
    size_t before = held;
    tls_init_server(&p.server, p.server_ctx, &p.to_client);
    assert_int_equal(held, before);
    tls_init_client(&p.client, p.client_ctx, &p.to_server, "localhost");
    struct slice hello = buf_slice(&p.to_server);
    before = held;
    for (size_t i = 0; i + 1 < hello.len; i++) feed_server(&p, slice_of(hello.ptr + i, 1));
    assert_int_equal(held, before);
    assert_in_range(p.server.hello.cap, hello.len - 1, EARLY_MAX);
    assert_null(tls_sni(&p.server));
    assert_string_equal(tls_version(&p.server), "none");
    buf_consume(&p.to_server, hello.len - 1);
    shuttle(&p);
    assert_true(p.server_up && p.client_up);
    expect_talk(&p);
    pair_fini(&p);
    pair_fini(&first);
}

enum { HANDSHAKES = 30 };

/* NULL when all of them succeeded. */
static void *shake_hands(void *arg)
{
    const struct pair *shared = arg;
    int done = 0;
    for (int i = 0; i < HANDSHAKES; i++) {
        struct pair p = {.server_ctx = tls_context_ref(shared->server_ctx),
                         .client_ctx = tls_context_ref(shared->client_ctx)};
        pair_start(&p, "localhost");
        shuttle(&p);
        done += p.server_up && p.client_up;
        pair_fini(&p);
    }
    return done == HANDSHAKES ? NULL : arg;
}

static void many_threads_share_a_context(void **state)
{
    (void)state;
    struct pair shared;
    pthread_t threads[3];
    pair_init(&shared, &ec);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, shake_hands, &shared), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pair_fini(&shared);
}

int main(void)
{
    if (!CRYPTO_set_mem_functions(count_new, count_grow, count_free)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_and_data_survive_any_chunking),
        cmocka_unit_test(data_may_be_split_anywhere),
        cmocka_unit_test(a_megabyte_goes_both_ways),
        cmocka_unit_test(after_reading_was_stopped_only_sending_goes_on),
        cmocka_unit_test(closing_one_direction_leaves_the_other_open),
        cmocka_unit_test(nothing_can_be_sent_before_the_handshake),
        cmocka_unit_test(a_changed_bit_is_never_plaintext),
        cmocka_unit_test(a_changed_bit_in_the_handshake_ends_it),
        cmocka_unit_test(cut_records_wait_for_the_rest),
        cmocka_unit_test(an_idle_connection_costs_little),
        cmocka_unit_test(a_client_costs_little_before_its_first_record_is_whole),
        cmocka_unit_test(many_threads_share_a_context),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
