/* amqp_client.c - our AMQP client role against a broker that is not ours: `amqp_client PORT`. */
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/test.h"
#include "peer.h"
#include "proto/amqp/amqp.h"

enum { ROOM = 64 << 10, BIG = 200 << 10, SESSIONS = 40 };

static uint16_t port;

static const struct amqp_config with_sasl = {
    .role = AMQP_CLIENT, .container_id = "interop", .hostname = "broker", .sasl = true};
static const struct amqp_config without_sasl = {.role = AMQP_CLIENT, .container_id = "interop"};

struct client {
    struct amqp a;
    struct amqp_event ev;
    struct buf out;
    int fd;
    uint8_t room[ROOM];
};

/* Sends what was written and pulls one event, whatever it is. */
static enum err pull(struct client *c)
{
    enum err e;
    peer_send(c->fd, &c->out);
    while ((e = amqp_next(&c->a, &c->ev)) == ERR_AGAIN) {
        peer_send(c->fd, &c->out);
        struct slice got = peer_receive(c->fd, c->room, sizeof c->room);
        assert_true(got.len > 0);
        amqp_feed(&c->a, got, clock_mono_us());
    }
    return e;
}

/* The next event of that kind; only flows may come before it. */
static void expect(struct client *c, enum amqp_event_kind kind)
{
    do assert_int_equal(pull(c), OK);
    while (c->ev.kind == AMQP_ON_FLOW && kind != AMQP_ON_FLOW);
    assert_int_equal(c->ev.kind, kind);
}

static struct client *open_client(const struct amqp_config *cfg)
{
    struct client *c = NEW(struct client);
    c->fd = peer_connect(port);
    amqp_init(&c->a, cfg, &c->out, clock_mono_us());
    if (cfg->sasl) {
        expect(c, AMQP_ON_SASL_MECHANISMS);
        assert_true(amqp_has_capability(&c->ev.mechanisms, "ANONYMOUS"));
        amqp_send_sasl_init(&c->a, "ANONYMOUS", SLICE_LIT("interop"));
        expect(c, AMQP_ON_SASL_OUTCOME);
        assert_int_equal(c->ev.outcome, 0);
    }
    amqp_send_open(&c->a);
    expect(c, AMQP_ON_OPEN);
    return c;
}

static void close_client(struct client *c)
{
    amqp_send_close(&c->a, NULL);
    while (pull(c) == OK) assert_int_not_equal(c->ev.kind, AMQP_ON_DELIVERY);
    assert_int_equal(c->a.fate, ERR_CLOSED);
    close(c->fd);
    amqp_fini(&c->a);
    buf_free(&c->out);
    free(c);
}

static struct amqp_session *begin(struct client *c)
{
    struct amqp_session *s = amqp_send_begin(&c->a);
    expect(c, AMQP_ON_BEGIN);
    assert_ptr_equal(c->ev.session, s);
    return s;
}

static struct amqp_link *attach(struct client *c, struct amqp_session *s, bool sender,
                                const char *address)
{
    struct amqp_link_config cfg = {.name = sender ? SLICE_LIT("out") : SLICE_LIT("in"),
                                   .sender = sender,
                                   .snd_mode = 2,
                                   .source = slice_str(sender ? "here" : address),
                                   .target = slice_str(sender ? address : "here")};
    struct amqp_link *l = amqp_send_attach(s, &cfg);
    expect(c, AMQP_ON_ATTACH);
    assert_ptr_equal(c->ev.link, l);
    return l;
}

/* A message whose body is `len` bytes that follow from `seed`. */
static void put_message(struct buf *out, uint32_t seed, size_t len)
{
    struct buf body = {0};
    for (size_t i = 0; i < len; i++) buf_put_u8(&body, (uint8_t)(seed + i * 7));
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    amqp_put_ulong(out, seed);
    amqp_close(out, list, 1);
    amqp_put_data(out, buf_slice(&body));
    buf_free(&body);
}

static uint32_t send_message(struct client *c, struct amqp_link *l, uint32_t seed, size_t len,
                             bool settled)
{
    while (!amqp_can_send(l)) expect(c, AMQP_ON_FLOW);
    put_message(amqp_transfer_begin(l, &(struct amqp_transfer){.settled = settled}), seed, len);
    uint32_t id = amqp_transfer_end(l);
    peer_send(c->fd, &c->out);
    return id;
}

static void expect_message(struct client *c, uint32_t seed, size_t len)
{
    struct amqp_message m;
    expect(c, AMQP_ON_DELIVERY);
    assert_int_equal(amqp_message_parse(c->ev.delivery.payload, &m), OK);
    assert_int_equal(m.properties[AMQP_MESSAGE_ID].u, seed);
    assert_int_equal(m.data.len, len);
    for (size_t i = 0; i < len; i++) assert_int_equal(m.data.ptr[i], (uint8_t)(seed + i * 7));
    struct amqp_disposition d = {.from_receiver = true,
                                 .settled = true,
                                 .first = c->ev.delivery.id,
                                 .last = c->ev.delivery.id,
                                 .outcome = AMQP_ACCEPTED};
    if (!c->ev.delivery.settled) amqp_send_disposition(c->ev.session, &d);
}

static void expect_outcome(struct client *c, uint32_t id, enum amqp_outcome outcome)
{
    expect(c, AMQP_ON_DISPOSITION);
    const struct amqp_disposition *d = &c->ev.disposition;
    assert_true(d->from_receiver && d->settled && d->first <= id && id <= d->last);
    assert_int_equal(d->outcome, outcome);
}

/* ---- cases */

static void a_connection_opens_and_closes_with_sasl_and_without(void **state)
{
    (void)state;
    close_client(open_client(&with_sasl));
    close_client(open_client(&without_sasl));
}

static void messages_go_there_and_back(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    struct amqp_session *s = begin(c);
    struct amqp_link *out = attach(c, s, true, "queue"), *in = attach(c, s, false, "queue");
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t id = send_message(c, out, i, i, i % 3 == 0);
        if (i % 3) expect_outcome(c, id, AMQP_ACCEPTED);
    }
    for (uint32_t i = 0; i < 300; i++) {
        if (in->credit == 0) amqp_send_flow(in, 20, false);
        expect_message(c, i, i);
    }
    amqp_send_detach(out, NULL);
    amqp_send_detach(in, NULL);
    amqp_send_end(s, NULL);
    expect(c, AMQP_ON_END);
    close_client(c);
}

/* Its frames have 1024 bytes: both sides have to cut and join. */
static void a_large_message_goes_in_many_frames(void **state)
{
    (void)state;
    struct client *c = open_client(&without_sasl);
    struct amqp_session *s = begin(c);
    struct amqp_link *out = attach(c, s, true, "large"), *in = attach(c, s, false, "large");
    assert_int_equal(c->a.frame_max, 1024);
    expect_outcome(c, send_message(c, out, 5, BIG, false), AMQP_ACCEPTED);
    amqp_send_flow(in, 1, false);
    expect_message(c, 5, BIG);
    close_client(c);
}

static void credit_is_kept_and_drained(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    struct amqp_session *s = begin(c);
    struct amqp_link *out = attach(c, s, true, "credit"), *in = attach(c, s, false, "credit");
    for (uint32_t i = 0; i < 5; i++)
        expect_outcome(c, send_message(c, out, i, 9, false), AMQP_ACCEPTED);
    amqp_send_flow(in, 2, false);
    for (uint32_t i = 0; i < 2; i++) expect_message(c, i, 9);
    amqp_send_flow(in, 10, true);
    for (uint32_t i = 2; i < 5; i++) expect_message(c, i, 9);
    while (in->credit) expect(c, AMQP_ON_FLOW);
    assert_int_equal(in->delivery_count, 12);
    close_client(c);
}

static void what_the_broker_says_no_to_is_heard(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    struct amqp_session *s = begin(c);
    attach(c, s, false, "missing");
    expect(c, AMQP_ON_DETACH);
    assert_true(slice_is(c->ev.error.condition, "amqp:not-found"));
    assert_true(slice_is(c->ev.error.description, "no such queue"));
    struct amqp_link *picky = attach(c, s, true, "picky");
    expect_outcome(c, send_message(c, picky, 1, 1, false), AMQP_REJECTED);
    assert_true(slice_is(c->ev.disposition.error.condition, "amqp:precondition-failed"));
    close_client(c);
}

static void an_error_of_the_connection_is_heard_last(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    struct amqp_session *s = begin(c);
    struct amqp_link_config cfg = {.name = SLICE_LIT("l"), .source = SLICE_LIT("bye")};
    assert_non_null(amqp_send_attach(s, &cfg));
    enum err e;
    struct amqp_error error = {0};
    while ((e = pull(c)) == OK) {
        if (c->ev.kind == AMQP_ON_CLOSE) {
            assert_true(slice_is(c->ev.error.condition, AMQP_CONNECTION_FORCED));
            error = c->ev.error;
        }
    }
    assert_int_equal(e, ERR_CLOSED);
    assert_true(error.condition.len > 0);
    peer_send(c->fd, &c->out);
    close(c->fd);
    amqp_fini(&c->a);
    buf_free(&c->out);
    free(c);
}

static void many_sessions_share_a_connection(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    struct amqp_link *links[SESSIONS];
    char address[16];
    for (int i = 0; i < SESSIONS; i++) {
        snprintf(address, sizeof address, "s%d", i);
        links[i] = attach(c, begin(c), true, address);
    }
    for (uint32_t i = 0; i < SESSIONS; i++) {
        uint32_t id = send_message(c, links[i], i, 10, false);
        expect_outcome(c, id, AMQP_ACCEPTED);
        assert_ptr_equal(c->ev.session, links[i]->session);
    }
    close_client(c);
}

/* It cuts a peer that is silent for eight seconds. */
static void heartbeats_keep_a_silent_connection(void **state)
{
    (void)state;
    struct client *c = open_client(&with_sasl);
    int64_t until_us = clock_mono_us() + 9 * 1000000ll;
    assert_int_equal(c->a.idle_ms, 4000); /* it says half of what it means, as proton does */
    for (int64_t now_us; (now_us = clock_mono_us()) < until_us;) {
        struct pollfd readable = {.fd = c->fd, .events = POLLIN};
        int64_t wait_us = MIN(amqp_deadline(&c->a), until_us) - now_us;
        if (poll(&readable, 1, (int)(MAX(wait_us, 0) / 1000) + 1) > 0)
            amqp_feed(&c->a, peer_receive(c->fd, c->room, sizeof c->room), clock_mono_us());
        amqp_tick(&c->a, clock_mono_us());
        assert_int_equal(amqp_next(&c->a, &c->ev), ERR_AGAIN);
        peer_send(c->fd, &c->out);
    }
    begin(c);
    close_client(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_opens_and_closes_with_sasl_and_without),
        cmocka_unit_test(messages_go_there_and_back),
        cmocka_unit_test(a_large_message_goes_in_many_frames),
        cmocka_unit_test(credit_is_kept_and_drained),
        cmocka_unit_test(what_the_broker_says_no_to_is_heard),
        cmocka_unit_test(an_error_of_the_connection_is_heard_last),
        cmocka_unit_test(many_sessions_share_a_connection),
        cmocka_unit_test(heartbeats_keep_a_silent_connection),
    };
    if (argc != 2) return 2;
    port = (uint16_t)atoi(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
