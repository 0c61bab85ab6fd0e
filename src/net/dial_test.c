/* dial_test.c - dials over a transport that connects when it is told to. */
#include "base/clock.h"
#include "net/dialer.h"
#include "net/transport_rig.h"
#include "proto/tls/pair_test.h"

enum { NOW = 1000000 };

static int64_t now_us;

static int64_t test_clock(void)
{
    return now_us;
}

static const struct clock_source stopped_clock = {test_clock, test_clock};

/* ---- a transport in memory, a dialer that waits, a front that notes what it is told */

struct rig {
    struct office office;
    struct lane lane;
    struct conn_host host;
    struct dialer dialer;
    struct transport_rig wire;
    struct tls_context *tls;
    struct dial dial;
    unsigned asked, stopped, failures, opened, closed;
    enum err why;
    char text[DIAL_TEXT_MAX + 1];
};

static struct rig *rig_now;

static void rig_connect(struct dialer *dr, struct dial *d, int64_t at_us)
{
    (void)d, (void)at_us;
    CONTAINER_OF(dr, struct rig, dialer)->asked++;
}

static void rig_stop(struct dialer *dr, struct dial *d)
{
    (void)d;
    CONTAINER_OF(dr, struct rig, dialer)->stopped++;
}

static void *front_open(struct conn *c, void *ctx, int64_t at_us)
{
    struct rig *r = ctx;
    (void)c, (void)at_us;
    r->opened++;
    return r;
}

static void front_feed(void *self, struct slice bytes, int64_t at_us)
{
    (void)self, (void)bytes, (void)at_us;
}

static void front_closed(void *self, enum err why, int64_t at_us)
{
    struct rig *r = self;
    (void)why, (void)at_us;
    r->closed++;
}

static const struct front front = {
    .name = "test", .open = front_open, .feed = front_feed, .closed = front_closed};

static void on_failed(struct dial *d, enum err e, const char *text)
{
    struct rig *r = rig_now;
    assert_int_equal(d->state, DIAL_IDLE);
    r->failures++;
    r->why = e;
    snprintf(r->text, sizeof r->text, "%s", text);
}

static void start(struct rig *r)
{
    *r = (struct rig){.dialer = {.connect = rig_connect, .stop = rig_stop}};
    rig_now = r;
    now_us = NOW;
    clock_use(&stopped_clock);
    lane_init(&r->lane, &r->office, "core");
    conn_host_init(&r->host, &r->lane);
    dialer_init(&r->dialer, &r->host);
    r->tls = client_context(&ec);
    r->dial.failed = on_failed;
}

static void finish(struct rig *r)
{
    assert_int_equal(r->dialer.count, 0);
    assert_true(list_empty(&r->dialer.dials));
    if (r->wire.shut) conn_gone(&r->wire.conn, now_us);
    buf_free(&r->wire.sent);
    tls_context_drop(r->tls);
    conn_host_fini(&r->host);
    lane_fini(&r->lane);
    clock_use(NULL);
}

static void ask_for(struct rig *r, struct dial *d, const char *host, bool tls)
{
    struct dial_to to = {
        .host = host, .port = 5671, .tls = tls ? r->tls : NULL, .front = &front, .front_ctx = r};
    dial(&r->dialer, &to, d);
}

static void ask(struct rig *r)
{
    ask_for(r, &r->dial, "example.test", true);
}

static void connect_it(struct rig *r)
{
    conn_init(&r->wire.conn, &r->host, &rig_transport, r->dial.to.front, r->dial.to.front_ctx,
              NULL);
    dial_connected(&r->dial, &r->wire.conn, now_us);
}

static void turn_after(struct rig *r, int64_t wait_us)
{
    now_us += wait_us;
    lane_run_once(&r->lane, now_us);
}

static void expect_failure(struct rig *r, enum err why, const char *text)
{
    assert_int_equal(r->failures, 0);
    turn_after(r, 2000);
    assert_int_equal(r->failures, 1);
    assert_int_equal(r->why, why);
    assert_string_equal(r->text, text);
}

/* ---- tests */

static void without_tls_it_is_open_at_once(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    ask_for(&r, &r.dial, "example.test", false);
    connect_it(&r);
    assert_int_equal(r.opened, 1);
    assert_int_equal(r.dial.state, DIAL_IDLE);
    turn_after(&r, DIAL_TIMEOUT_US + 2000);
    assert_int_equal(r.failures + r.closed, 0);
    conn_abort(&r.wire.conn);
    finish(&r);
    assert_int_equal(r.closed, 1);
}

static void who_does_not_answer_is_given_up_in_time(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    ask(&r);
    turn_after(&r, DIAL_TIMEOUT_US - 2000);
    assert_int_equal(r.failures + r.stopped, 0);
    expect_failure(&r, ERR_TIMEOUT, "example.test:5671 did not answer within 30 s");
    assert_int_equal(r.stopped, 1);
    finish(&r);
}

static void who_does_not_shake_hands_is_given_up_in_the_same_time(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    ask(&r);
    now_us += DIAL_TIMEOUT_US / 2;
    connect_it(&r);
    assert_true(buf_size(&r.wire.sent) > 0);
    turn_after(&r, DIAL_TIMEOUT_US / 2 - 2000);
    expect_failure(&r, ERR_TIMEOUT,
                   "example.test:5671 accepts connections, but its TLS handshake "
                   "was not done within 30 s");
    assert_true(r.wire.shut);
    finish(&r);
    assert_int_equal(r.opened + r.closed, 0);
}

static void a_handshake_may_be_cut(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    ask(&r);
    connect_it(&r);
    conn_ended(&r.wire.conn, ERR_CLOSED);
    conn_gone(&r.wire.conn, now_us);
    r.wire.shut = false;
    expect_failure(&r, ERR_IO, "example.test:5671 hung up during the TLS handshake");
    finish(&r);
}

static void nobody_is_told_who_did_not_want_to_know(void **state)
{
    (void)state;
    struct rig r;
    start(&r);
    dial_forget(&r.dial);
    ask(&r);
    dial_forget(&r.dial);
    assert_int_equal(r.stopped, 1);
    ask(&r);
    dial_failed(&r.dial, ERR_IO, "is no more");
    dial_forget(&r.dial);
    ask(&r);
    connect_it(&r);
    dial_forget(&r.dial);
    assert_true(r.wire.shut);
    dial_forget(&r.dial);
    turn_after(&r, DIAL_TIMEOUT_US + 2000);
    assert_int_equal(r.failures + r.opened, 0);
    finish(&r);
    assert_int_equal(r.closed, 0);
}

static void many_are_under_way_and_one_more_is_not(void **state)
{
    (void)state;
    struct rig r;
    static struct dial dials[DIALS_MAX];
    start(&r);
    memset(dials, 0, sizeof dials);
    for (unsigned i = 0; i < DIALS_MAX; i++) {
        dials[i].failed = on_failed;
        ask_for(&r, &dials[i], "example.test", true);
    }
    assert_int_equal(r.asked, DIALS_MAX);
    ask(&r);
    expect_failure(&r, ERR_THROTTLED, "example.test:5671 is not called now: 64 others are");
    assert_int_equal(r.asked, DIALS_MAX);
    dial_forget(&dials[7]);
    ask(&r);
    assert_int_equal(r.asked, DIALS_MAX + 1);
    dialer_close(&r.dialer);
    finish(&r);
}

static void a_name_has_a_limit(void **state)
{
    (void)state;
    struct rig r;
    char name[DIAL_HOST_MAX + 2];
    memset(name, 'a', sizeof name);
    name[DIAL_HOST_MAX + 1] = '\0';
    start(&r);
    ask_for(&r, &r.dial, name + 1, true);
    assert_int_equal(r.asked, 1);
    dial_forget(&r.dial);
    ask_for(&r, &r.dial, name, true);
    turn_after(&r, 2000);
    assert_int_equal(r.why, ERR_INVALID);
    ask_for(&r, &r.dial, "", true);
    turn_after(&r, 2000);
    assert_int_equal(r.why, ERR_INVALID);
    assert_int_equal(r.asked, 1);
    finish(&r);
}

static void who_waits_is_told_when_the_server_stops(void **state)
{
    (void)state;
    struct rig r;
    struct dial late = {.failed = on_failed};
    start(&r);
    ask(&r);
    dialer_drain(&r.dialer);
    assert_int_equal(r.stopped, 1);
    expect_failure(&r, ERR_CLOSED, "example.test:5671 is not called any more: this server stops");
    ask_for(&r, &late, "example.test", true);
    turn_after(&r, 2000);
    assert_int_equal(r.failures, 2);
    assert_int_equal(r.asked, 1);
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tls_it_is_open_at_once),
        cmocka_unit_test(who_does_not_answer_is_given_up_in_time),
        cmocka_unit_test(who_does_not_shake_hands_is_given_up_in_the_same_time),
        cmocka_unit_test(a_handshake_may_be_cut),
        cmocka_unit_test(nobody_is_told_who_did_not_want_to_know),
        cmocka_unit_test(many_are_under_way_and_one_more_is_not),
        cmocka_unit_test(a_name_has_a_limit),
        cmocka_unit_test(who_waits_is_told_when_the_server_stops),
    };
    return cmocka_run_group_tests(tests, make_identities, free_identities);
}
