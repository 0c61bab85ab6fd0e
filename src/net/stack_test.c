/* stack_test.c - TLS under a front, over a transport in memory. */
#include "auth/x509.h"
#include "base/clock.h"
#include "base/limit.h"
#include "net/stack.h"
#include "proto/tls/pair_test.h"

/* ---- a transport that carries everything at once, and a front that closes when it is told to */

struct wire {
    struct conn conn;
    struct buf to_client; /* ciphertext */
    size_t waiting;       /* bytes that it says it keeps */
    bool shut, aborted, held;
};

static struct wire *of(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct wire, conn);
}

static void wire_write(struct conn *c, struct slice bytes)
{
    buf_put_slice(&of(c)->to_client, bytes);
}

static size_t wire_waiting(const struct conn *c)
{
    return of(c)->waiting;
}

static void wire_hold(struct conn *c)
{
    assert_false(of(c)->held);
    of(c)->held = true;
}

static void wire_let_go(struct conn *c)
{
    assert_true(of(c)->held);
    of(c)->held = false;
}

static void wire_shut(struct conn *c, bool abort)
{
    of(c)->shut = true;
    of(c)->aborted = abort;
}

static const struct transport transport = {wire_write, wire_waiting, wire_hold, wire_let_go,
                                           wire_shut,  NULL,         NULL};

static struct buf front_got;
static enum err front_why;
static bool answers_later; /* ... than it has fed */

static void *front_open(struct conn *c, void *listener_ctx, int64_t now_us)
{
    (void)listener_ctx;
    (void)now_us;
    return c;
}

static void front_feed(void *self, struct slice bytes, int64_t now_us)
{
    (void)now_us;
    buf_put_slice(&front_got, bytes);
    buf_put_str(conn_out(self), "heard ");
    if (slice_is(bytes, "quit")) conn_close(self);
}

static void front_closed(void *self, enum err why, int64_t now_us)
{
    (void)self;
    (void)now_us;
    front_why = why;
}

static bool front_owes(const void *self)
{
    (void)self;
    return answers_later;
}

static const struct front front = {.name = "test",
                                   .open = front_open,
                                   .feed = front_feed,
                                   .owes = front_owes,
                                   .closed = front_closed};

/* ---- a core's part of it, and a TLS client */

struct rig {
    struct office office;
    struct lane lane;
    struct conn_host host;
    struct wire wire;
    struct pair pair; /* its server is not used */
};

static void turn(struct rig *r)
{
    lane_run_once(&r->lane, clock_mono_us());
    feed_client(&r->pair, buf_slice(&r->wire.to_client));
    buf_clear(&r->wire.to_client);
}

/* What the client has to say, in one piece. */
static void deliver(struct rig *r)
{
    conn_received(&r->wire.conn, buf_slice(&r->pair.to_server), clock_mono_us());
    buf_clear(&r->pair.to_server);
    turn(r);
}

/* `papers` is what the client will show, or NULL; its ClientHello is there to be delivered. */
static void begin_with(struct rig *r, const struct papers *papers)
{
    *r = (struct rig){0};
    front_why = ERR_IO;
    answers_later = false;
    lane_init(&r->lane, &r->office, "core");
    conn_host_init(&r->host, &r->lane);
    pair_init(&r->pair, &ec);
    if (papers) show_certificate(&r->pair, papers);
    tls_init_client(&r->pair.client, r->pair.client_ctx, &r->pair.to_server, "localhost");
    conn_init(&r->wire.conn, &r->host, &transport, &front, NULL, r->pair.server_ctx);
    conn_begin(&r->wire.conn, clock_mono_us());
}

static void connect_with(struct rig *r, const struct papers *papers)
{
    begin_with(r, papers);
    while (!r->pair.client_up) deliver(r);
    deliver(r);
}

static void disconnect(struct rig *r)
{
    assert_true(r->wire.shut);
    conn_gone(&r->wire.conn, clock_mono_us());
    buf_free(&r->wire.to_client);
    buf_free(&front_got);
    pair_fini(&r->pair);
    conn_host_fini(&r->host);
    lane_fini(&r->lane);
}

static void connect_client(struct rig *r)
{
    connect_with(r, NULL);
}

/* ---- tests */

/* Its head says how long it is. */
static void a_first_record_that_is_too_long_is_counted(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct rig r;
        int64_t met = limit_reached("tls");
        const uint8_t head[] = {0x16, 3, 1, 0x48, (uint8_t)over}; /* 16 KiB and 2048 */
        begin_with(&r, NULL);
        buf_clear(&r.pair.to_server);
        conn_received(&r.wire.conn, slice_of(head, sizeof head), clock_mono_us());
        assert_int_equal(r.wire.shut, over);
        assert_int_equal(limit_reached("tls") - met, over);
        if (!over) conn_abort(&r.wire.conn);
        disconnect(&r);
    }
}

static void what_follows_a_close_is_not_looked_at(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    assert_int_equal(tls_send(&r.pair.client, SLICE_LIT("quit")), OK);
    assert_int_equal(tls_send(&r.pair.client, SLICE_LIT("more")), OK);
    tls_close(&r.pair.client);
    deliver(&r);
    assert_true(slice_is(buf_slice(&front_got), "quit"));
    assert_true(slice_is(buf_slice(&r.pair.client_got), "heard "));
    assert_int_equal(r.pair.client_end.kind, TLS_CLOSED);
    assert_false(r.wire.aborted);
    disconnect(&r);
    assert_int_equal(front_why, OK);
}

static void a_peer_that_closes_is_told_apart(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    assert_int_equal(tls_send(&r.pair.client, SLICE_LIT("last words")), OK);
    tls_close(&r.pair.client);
    deliver(&r);
    assert_true(slice_is(buf_slice(&front_got), "last words"));
    assert_true(slice_is(buf_slice(&r.pair.client_got), "heard "));
    assert_int_equal(r.pair.client_end.kind, TLS_CLOSED);
    disconnect(&r);
    assert_int_equal(front_why, ERR_CLOSED);
}

static void answer(struct rig *r)
{
    answers_later = false;
    buf_put_str(conn_out(&r->wire.conn), "and done");
}

/* RFC 8446, section 6.1: what comes behind close_notify is ignored, and the other direction goes on. */
static void who_says_no_more_hears_the_answers_that_are_on_their_way(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    answers_later = true;
    assert_int_equal(tls_send(&r.pair.client, SLICE_LIT("last words")), OK);
    tls_close(&r.pair.client);
    buf_put_str(&r.pair.to_server, "no record");
    deliver(&r);
    buf_put_str(&r.pair.to_server, "nor this");
    deliver(&r);
    conn_said_all(&r.wire.conn, clock_mono_us()); /* the end of the stream follows */
    turn(&r);
    assert_false(r.wire.shut);
    assert_int_equal(r.pair.client_end.kind, 0);
    answer(&r);
    turn(&r);
    assert_true(slice_is(buf_slice(&front_got), "last words"));
    assert_true(slice_is(buf_slice(&r.pair.client_got), "heard and done"));
    assert_int_equal(r.pair.client_end.kind, TLS_CLOSED);
    assert_false(r.wire.aborted);
    disconnect(&r);
    assert_int_equal(front_why, ERR_CLOSED);
}

static void answers_are_owed_for_a_while_only(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    answers_later = true;
    int64_t now_us = clock_mono_us();
    conn_said_all(&r.wire.conn, now_us);
    lane_run_once(&r.lane, now_us + CONN_OWED_US - 2 * TIMER_TICK_US);
    assert_false(r.wire.shut);
    lane_run_once(&r.lane, now_us + CONN_OWED_US + TIMER_TICK_US);
    disconnect(&r);
    assert_int_equal(front_why, ERR_CLOSED);
}

/* Nothing is owed any more, but what was answered has not left us: that it does is bounded as for all who are closed. */
static void who_says_no_more_gets_what_waits_for_him(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    r.wire.waiting = 100;
    tls_close(&r.pair.client);
    deliver(&r);
    assert_false(r.wire.shut);
    int64_t now_us = clock_mono_us();
    r.wire.waiting = 50;
    conn_progress(&r.wire.conn, now_us);
    lane_run_once(&r.lane, now_us + CONN_STALL_US - 2 * TIMER_TICK_US);
    assert_false(r.wire.shut);
    r.wire.waiting = 0;
    conn_writable(&r.wire.conn, now_us);
    turn(&r);
    assert_int_equal(r.pair.client_end.kind, TLS_CLOSED);
    disconnect(&r);
    assert_int_equal(front_why, ERR_CLOSED);
}

/* It was closed by us, and goes while the rest is sent. */
static void an_end_does_not_cut_what_is_sent_before_a_close(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    r.wire.waiting = 100;
    assert_int_equal(tls_send(&r.pair.client, SLICE_LIT("quit")), OK);
    deliver(&r);
    conn_said_all(&r.wire.conn, clock_mono_us());
    turn(&r);
    assert_false(r.wire.shut);
    r.wire.waiting = 0;
    conn_writable(&r.wire.conn, clock_mono_us());
    turn(&r);
    assert_true(slice_is(buf_slice(&r.pair.client_got), "heard "));
    disconnect(&r);
    assert_int_equal(front_why, OK);
}

static void a_front_sees_the_certificate_that_the_client_showed(void **state)
{
    (void)state;
    const struct papers *rows[] = {NULL, &stranger};
    for (int i = 0; i < 2; i++) {
        struct rig r;
        connect_with(&r, rows[i]);
        const struct x509_facts *facts = conn_peer_certificate(&r.wire.conn);
        assert_int_equal(facts != NULL, rows[i] != NULL);
        if (facts) {
            uint8_t want[X509_SHA256_LEN];
            X509 *shown = SSL_CTX_get0_certificate(r.pair.client_ctx->ssl_ctx);
            X509_digest(shown, EVP_sha256(), want, NULL);
            assert_memory_equal(facts->sha256, want, sizeof want);
            assert_int_equal(facts->shown, 1);
        }
        conn_abort(&r.wire.conn);
        disconnect(&r);
    }
}

static void has_so_much_waiting(struct rig *r, size_t bytes)
{
    r->wire.waiting = bytes;
    conn_out(&r->wire.conn);
    turn(r);
}

static void a_peer_that_does_not_read_is_not_read(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    has_so_much_waiting(&r, CONN_OUT_SOFT - 1);
    assert_false(r.wire.held);
    has_so_much_waiting(&r, CONN_OUT_SOFT);
    assert_true(r.wire.held);
    has_so_much_waiting(&r, CONN_OUT_SOFT / 2);
    assert_true(r.wire.held);
    r.wire.waiting--;
    conn_writable(&r.wire.conn, clock_mono_us());
    turn(&r);
    assert_false(r.wire.held);
    conn_abort(&r.wire.conn);
    disconnect(&r);
}

/* Some has gone: the rest waits, and what the front adds stays behind it. */
static void a_peer_that_reads_a_little_is_waited_for(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    int64_t now_us = clock_mono_us();
    has_so_much_waiting(&r, CONN_OUT_SOFT);
    for (int i = 1; i <= 3; i++) {
        now_us += 20 * 1000000ll;
        r.wire.waiting -= CONN_OUT_SOFT / 8;
        conn_progress(&r.wire.conn, now_us);
        lane_run_once(&r.lane, now_us);
        assert_true(r.wire.held);
    }
    r.wire.waiting = CONN_OUT_SOFT / 2 - 1;
    buf_put_str(conn_out(&r.wire.conn), "behind");
    conn_progress(&r.wire.conn, now_us);
    assert_false(r.wire.held);
    lane_run_once(&r.lane, now_us);
    assert_int_equal(buf_size(&r.wire.to_client), 0);
    lane_run_once(&r.lane, now_us + CONN_STALL_US - 2 * TIMER_TICK_US);
    assert_false(r.wire.shut);
    lane_run_once(&r.lane, now_us + CONN_STALL_US + TIMER_TICK_US);
    assert_true(r.wire.aborted);
    disconnect(&r);
    assert_int_equal(front_why, ERR_TIMEOUT);
}

/* Both reasons must be gone. */
static void a_peer_is_read_when_front_and_output_allow_it(void **state)
{
    (void)state;
    struct rig r;
    connect_client(&r);
    for (int front_first = 0; front_first < 2; front_first++) {
        if (front_first) conn_pause(&r.wire.conn);
        has_so_much_waiting(&r, CONN_OUT_SOFT);
        if (!front_first) conn_pause(&r.wire.conn);
        assert_true(r.wire.held);
        if (front_first) conn_resume(&r.wire.conn);
        assert_true(r.wire.held);
        r.wire.waiting = 0;
        conn_writable(&r.wire.conn, clock_mono_us());
        assert_int_equal(r.wire.held, !front_first);
        if (!front_first) conn_resume(&r.wire.conn);
        assert_false(r.wire.held);
        turn(&r);
    }
    conn_abort(&r.wire.conn);
    disconnect(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_record_that_is_too_long_is_counted),
        cmocka_unit_test(what_follows_a_close_is_not_looked_at),
        cmocka_unit_test(a_peer_that_closes_is_told_apart),
        cmocka_unit_test(who_says_no_more_hears_the_answers_that_are_on_their_way),
        cmocka_unit_test(answers_are_owed_for_a_while_only),
        cmocka_unit_test(who_says_no_more_gets_what_waits_for_him),
        cmocka_unit_test(an_end_does_not_cut_what_is_sent_before_a_close),
        cmocka_unit_test(a_front_sees_the_certificate_that_the_client_showed),
        cmocka_unit_test(a_peer_that_does_not_read_is_not_read),
        cmocka_unit_test(a_peer_that_reads_a_little_is_waited_for),
        cmocka_unit_test(a_peer_is_read_when_front_and_output_allow_it),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
