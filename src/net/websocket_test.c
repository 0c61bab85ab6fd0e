/* websocket_test.c - WebSocket under a front, over a transport in memory. */
#include "base/test.h"

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "net/stack.h"

enum { NOW = 1000000 };

static int64_t no_time_passes(void)
{
    return NOW;
}

static const struct clock_source stopped_clock = {no_time_passes, no_time_passes};

struct rig {
    struct office office;
    struct lane lane;
    struct conn_host host;
    struct conn conn;
    struct buf sent;  /* to the peer */
    struct buf heard; /* by the front */
    size_t stuck;     /* bytes that the transport says it keeps */
    struct ws peer;   /* a client */
    struct buf to_server;
    struct ws_spare spare;
    bool shut, aborted, paused, is_open;
    enum err why;
};

static struct rig *of(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct rig, conn);
}

static void wire_write(struct conn *c, struct slice bytes)
{
    buf_put_slice(&of(c)->sent, bytes);
}

static size_t wire_waiting(const struct conn *c)
{
    return of(c)->stuck;
}

static void wire_pause(struct conn *c)
{
    of(c)->paused = true;
}

static void wire_resume(struct conn *c)
{
    of(c)->paused = false;
}

static void wire_shut(struct conn *c, bool abort)
{
    of(c)->shut = true;
    of(c)->aborted = abort;
}

static const struct transport transport = {wire_write, wire_waiting, wire_pause, wire_resume,
                                           wire_shut,  NULL,         NULL};

/* ---- fronts: HTTP takes the upgrade at once, the other says "heard" to everything */

static void *inner_open(struct conn *c, void *listener_ctx, int64_t now_us)
{
    assert_ptr_equal(listener_ctx, &transport);
    assert_int_equal(now_us, NOW);
    of(c)->is_open = true;
    return of(c);
}

static void inner_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct rig *r = self;
    (void)now_us;
    buf_put_slice(&r->heard, bytes);
    buf_put_str(conn_out(&r->conn), "heard");
    if (slice_is(bytes, "quit")) conn_close(&r->conn);
    if (slice_is(bytes, "wait")) conn_pause(&r->conn);
    if (slice_is(bytes, "abort")) conn_abort(&r->conn);
}

static void inner_closed(void *self, enum err why, int64_t now_us)
{
    struct rig *r = self;
    (void)now_us;
    r->is_open = false;
    r->why = why;
}

static const struct front inner = {
    .name = "inner", .open = inner_open, .feed = inner_feed, .closed = inner_closed};

static void *outer_open(struct conn *c, void *listener_ctx, int64_t now_us)
{
    (void)listener_ctx, (void)now_us;
    return of(c);
}

/* What follows the first line has come with it. */
static void outer_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct rig *r = self;
    buf_put_str(conn_out(&r->conn), "101\n");
    conn_upgrade(&r->conn, &inner, (void *)(uintptr_t)&transport,
                 slice_from(bytes, slice_find(bytes, '\n') + 1), now_us);
}

static void outer_closed(void *self, enum err why, int64_t now_us)
{
    (void)self, (void)why, (void)now_us;
    fail_msg("a front that handed its connection over is told nothing");
}

static const struct front outer = {
    .name = "outer", .open = outer_open, .feed = outer_feed, .closed = outer_closed};

/* ---- */

static void turn(struct rig *r)
{
    lane_run_once(&r->lane, NOW);
}

/* What the client has to say, and the turn after it. */
static void deliver(struct rig *r)
{
    conn_received(&r->conn, buf_slice(&r->to_server), NOW);
    buf_clear(&r->to_server);
    turn(r);
}

static void say(struct rig *r, const char *text)
{
    ws_send(&r->peer, slice_str(text));
}

static void say_raw(struct rig *r, struct slice bytes)
{
    buf_put_slice(&r->to_server, bytes);
}

static void expect_sent(struct rig *r, struct slice bytes)
{
    assert_int_equal(buf_size(&r->sent), bytes.len);
    assert_memory_equal(buf_slice(&r->sent).ptr, bytes.ptr, bytes.len);
    buf_clear(&r->sent);
}

static void start(struct rig *r)
{
    *r = (struct rig){.why = ERR_COUNT};
    clock_use(&stopped_clock);
    lane_init(&r->lane, &r->office, "core");
    conn_host_init(&r->host, &r->lane);
    ws_init(&r->peer,
            &(struct ws_config){.role = WS_CLIENT, .out = &r->to_server, .spare = &r->spare});
    conn_init(&r->conn, &r->host, &transport, &outer, NULL, NULL);
    conn_begin(&r->conn, NOW);
}

static void upgrade(struct rig *r)
{
    start(r);
    say_raw(r, SLICE_LIT("upgrade\n"));
    deliver(r);
    assert_true(r->is_open);
    expect_sent(r, SLICE_LIT("101\n"));
}

static void finish(struct rig *r, enum err why)
{
    assert_true(r->shut);
    conn_gone(&r->conn, NOW);
    assert_int_equal(r->why, why);
    ws_fini(&r->peer);
    ws_spare_fini(&r->spare);
    buf_free(&r->sent);
    buf_free(&r->heard);
    buf_free(&r->to_server);
    conn_host_fini(&r->host);
    lane_fini(&r->lane);
}

#define CLOSE_NORMAL SLICE_LIT("\x88\x02\x03\xe8")

/* ---- tests */

static void what_came_behind_the_upgrade_is_framed(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    say_raw(&r, SLICE_LIT("upgrade\n"));
    say(&r, "at once");
    deliver(&r);
    assert_string_equal(buf_cstr(&r.heard), "at once");
    expect_sent(&r, SLICE_LIT("101\n\x82\x05heard"));
    conn_abort(&r.conn);
    finish(&r, OK);
}

static void output_of_a_turn_is_one_frame(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "one");
    say(&r, "two");
    deliver(&r);
    assert_string_equal(buf_cstr(&r.heard), "onetwo");
    expect_sent(&r, SLICE_LIT("\x82\x0aheardheard"));
    conn_abort(&r.conn);
    finish(&r, OK);
}

static void long_output_is_several_frames(void **state)
{
    (void)state;
    for (size_t len = WS_FRAME_SEND_MAX - 1; len < WS_FRAME_SEND_MAX + 2; len++) {
        struct rig r;
        upgrade(&r);
        memset(buf_reserve(conn_out(&r.conn), len), 'x', len);
        buf_commit(conn_out(&r.conn), len);
        turn(&r);
        bool two = len > WS_FRAME_SEND_MAX;
        assert_int_equal(buf_size(&r.sent), len + 4 + (two ? 2 : 0));
        if (two) assert_memory_equal(r.sent.ptr + r.sent.len - 3, "\x82\x01x", 3);
        conn_abort(&r.conn);
        finish(&r, OK);
    }
}

static void an_idle_connection_owns_no_buffer(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "one");
    deliver(&r);
    assert_null(r.conn.out.ptr);
    assert_null(r.conn.wire.ptr);
    assert_null(r.conn.ws->reader);
    assert_int_equal(buf_size(&r.host.frames), 0);
    conn_abort(&r.conn);
    finish(&r, OK);
}

static void our_close_follows_the_output_and_awaits_the_peers(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "quit");
    say(&r, "more");
    deliver(&r);
    assert_string_equal(buf_cstr(&r.heard), "quit");
    expect_sent(&r, SLICE_LIT("\x82\x05heard\x88\x02\x03\xe8"));
    say(&r, "even more");
    deliver(&r);
    assert_false(r.shut);
    ws_close(&r.peer, WS_NORMAL);
    deliver(&r);
    assert_int_equal(buf_size(&r.sent), 0);
    assert_false(r.aborted);
    finish(&r, OK);
}

static void who_does_not_answer_our_close_is_left(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "wait");
    deliver(&r);
    assert_true(r.paused);
    buf_clear(&r.sent);
    conn_close(&r.conn);
    turn(&r);
    expect_sent(&r, CLOSE_NORMAL);
    assert_false(r.paused);
    buf_put_str(conn_out(&r.conn), "said too late");
    lane_run_once(&r.lane, NOW + CONN_GOODBYE_US - 2000);
    assert_false(r.shut);
    lane_run_once(&r.lane, NOW + CONN_GOODBYE_US + 2000);
    assert_int_equal(buf_size(&r.sent), 0);
    assert_false(r.aborted);
    finish(&r, OK);
}

static void the_peers_close_is_answered_behind_the_output(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "last");
    ws_close(&r.peer, WS_NORMAL);
    deliver(&r);
    expect_sent(&r, SLICE_LIT("\x82\x05heard\x88\x02\x03\xe8"));
    finish(&r, ERR_CLOSED);
}

static void a_broken_rule_is_told_and_ends_it(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "fine");
    say_raw(&r, SLICE_LIT("\x82\x01x"));
    deliver(&r);
    assert_memory_equal(r.sent.ptr, "\x82\x05heard\x88\x21\x03\xea", 11);
    say_raw(&r, SLICE_LIT("whatever"));
    conn_received(&r.conn, buf_slice(&r.to_server), NOW);
    finish(&r, ERR_PROTOCOL);
}

/* Only its head comes: it is judged before the payload. */
static void a_frame_that_is_too_long_is_counted(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct rig r;
        struct buf head = {0};
        int64_t met = limit_reached("websocket-message");
        upgrade(&r);
        buf_put(&head, "\x82\xff", 2); /* binary, masked, a length of eight bytes */
        buf_put_be64(&head, WS_FRAME_MAX + over);
        buf_put(&head, "\0\0\0\0x", 5); /* the mask, and the first byte */
        say_raw(&r, buf_slice(&head));
        deliver(&r);
        assert_int_equal(r.shut, over);
        assert_int_equal(limit_reached("websocket-message") - met, over);
        if (!over) conn_abort(&r.conn);
        buf_free(&head);
        finish(&r, over ? ERR_PROTOCOL : OK);
    }
}

static void an_aborted_connection_is_silent(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say(&r, "abort");
    deliver(&r);
    assert_int_equal(buf_size(&r.sent), 0);
    assert_true(r.aborted);
    finish(&r, OK);
}

static void pings_are_answered_unless_nobody_reads(void **state)
{
    (void)state;
    struct rig r;
    upgrade(&r);
    say_raw(&r, SLICE_LIT("\x89\x81\0\0\0\0?"));
    deliver(&r);
    expect_sent(&r, SLICE_LIT("\x8a\x01?"));
    r.stuck = CONN_OUT_SOFT - 1;
    say_raw(&r, SLICE_LIT("\x89\x80\0\0\0\0"));
    deliver(&r);
    assert_int_equal(buf_size(&r.conn.wire), 2);
    r.stuck = CONN_OUT_SOFT - 2;
    say_raw(&r, SLICE_LIT("\x89\x80\0\0\0\0"));
    deliver(&r);
    assert_int_equal(buf_size(&r.conn.wire), 2);
    conn_abort(&r.conn);
    finish(&r, OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_behind_the_upgrade_is_framed),
        cmocka_unit_test(output_of_a_turn_is_one_frame),
        cmocka_unit_test(long_output_is_several_frames),
        cmocka_unit_test(an_idle_connection_owns_no_buffer),
        cmocka_unit_test(our_close_follows_the_output_and_awaits_the_peers),
        cmocka_unit_test(who_does_not_answer_our_close_is_left),
        cmocka_unit_test(the_peers_close_is_answered_behind_the_output),
        cmocka_unit_test(a_broken_rule_is_told_and_ends_it),
        cmocka_unit_test(a_frame_that_is_too_long_is_counted),
        cmocka_unit_test(an_aborted_connection_is_silent),
        cmocka_unit_test(pings_are_answered_unless_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
