/* service_test.c - a back end's link against a server of a few lines: sends, receives, refusals. */
#include "base/test.h"

#include "cli/service.h"

struct peer {
    struct amqp amqp;
    struct buf out;
    struct amqp_link *link;
    const char *refuse;  /* condition for the attach, or for what is sent; NULL: welcome */
    bool refuse_message; /* ... the message, not the attach */
    char login[64], got[64];
    unsigned settled;
};

static const char *const mechanisms[] = {"MSSBCBS", "PLAIN", NULL};
static const struct amqp_config server = {
    .role = AMQP_SERVER, .container_id = "hub", .mechanisms = mechanisms};

struct rig {
    struct service service;
    struct service_config cfg;
    struct buf out;
    struct peer peer;
    enum err fate;
    unsigned ready, accepted, messages;
    char body[64];
};

/* ---- the peer */

static void on_attach(struct peer *p, struct amqp_link *l)
{
    struct amqp_error no = amqp_error_of(p->refuse ? p->refuse : "", "as the test says");
    if (p->refuse && !p->refuse_message) {
        amqp_refuse_attach(l, &no);
        return;
    }
    p->link = l;
    amqp_answer_attach(l, &(struct amqp_link_answer){0});
    if (!l->sender) amqp_send_flow(l, 10, false);
}

static void on_delivery(struct peer *p, const struct amqp_event *ev)
{
    struct amqp_disposition d = {.from_receiver = true,
                                 .settled = true,
                                 .first = ev->delivery.id,
                                 .last = ev->delivery.id,
                                 .outcome = p->refuse ? AMQP_REJECTED : AMQP_ACCEPTED};
    struct amqp_message m;
    assert_int_equal(amqp_message_parse(ev->delivery.payload, &m), OK);
    snprintf(p->got, sizeof p->got, "%.*s", SLICE_ARG(m.data));
    if (p->refuse) d.error = amqp_error_of(p->refuse, "as the test says");
    amqp_send_disposition(ev->session, &d);
}

static void on_sasl(struct peer *p, struct slice response)
{
    for (size_t i = 0; i < response.len && i + 1 < sizeof p->login; i++)
        p->login[i] = (char)(response.ptr[i] ? response.ptr[i] : '|');
    amqp_send_sasl_outcome(&p->amqp, true);
}

static void pull_peer(struct peer *p)
{
    struct amqp_event ev;
    while (amqp_next(&p->amqp, &ev) == OK) {
        if (ev.kind == AMQP_ON_SASL_INIT) on_sasl(p, ev.sasl.response);
        if (ev.kind == AMQP_ON_OPEN) amqp_send_open(&p->amqp);
        if (ev.kind == AMQP_ON_ATTACH) on_attach(p, ev.link);
        if (ev.kind == AMQP_ON_DELIVERY) on_delivery(p, &ev);
        if (ev.kind == AMQP_ON_DISPOSITION) p->settled++;
    }
}

/* ---- both */

static void pull_service(struct rig *r)
{
    struct service_event ev;
    while ((r->fate = service_next(&r->service, &ev)) == OK) {
        if (ev.kind == SERVICE_READY && ++r->ready && r->cfg.sends) {
            struct buf sections = {0};
            amqp_put_data(&sections, SLICE_LIT("hello"));
            service_send(&r->service, buf_slice(&sections));
            buf_free(&sections);
        }
        r->accepted += ev.kind == SERVICE_ACCEPTED;
        if (ev.kind != SERVICE_MESSAGE) continue;
        r->messages++;
        snprintf(r->body, sizeof r->body, "%.*s", SLICE_ARG(ev.message.data));
        service_accept(&r->service);
    }
}

static void talk(struct rig *r)
{
    while (buf_size(&r->out) || buf_size(&r->peer.out)) {
        struct buf to_peer = r->out, to_service;
        r->out = (struct buf){0};
        amqp_feed(&r->peer.amqp, buf_slice(&to_peer), 0);
        pull_peer(&r->peer);
        to_service = r->peer.out;
        r->peer.out = (struct buf){0};
        service_feed(&r->service, buf_slice(&to_service), 0);
        pull_service(r);
        buf_free(&to_peer);
        buf_free(&to_service);
    }
}

static void start(struct rig *r, bool sends, const char *refuse, bool message)
{
    *r = (struct rig){.peer = {.refuse = refuse, .refuse_message = message}};
    r->cfg = (struct service_config){.out = &r->out,
                                     .host = "hub.test",
                                     .login = "service@sas.root.hub",
                                     .token = SLICE_LIT("token"),
                                     .address = "/messages/devicebound",
                                     .sends = sends};
    amqp_init(&r->peer.amqp, &server, &r->peer.out, 0);
    service_init(&r->service, &r->cfg, 0);
    talk(r);
}

static void stop(struct rig *r)
{
    service_fini(&r->service);
    amqp_fini(&r->peer.amqp);
    buf_free(&r->out);
    buf_free(&r->peer.out);
}

/* ---- */

static void a_message_is_sent_once_there_is_credit(void **state)
{
    struct rig r;
    (void)state;
    start(&r, true, NULL, false);
    assert_string_equal(r.peer.login, "|service@sas.root.hub|token");
    assert_int_equal(r.ready, 1);
    assert_int_equal(r.accepted, 1);
    assert_string_equal(r.peer.got, "hello");
    stop(&r);
}

static void a_hub_that_falls_silent_is_gone_after_twice_its_time(void **state)
{
    struct rig r;
    int64_t end_us = 2000ll * SERVICE_IDLE_MS;
    (void)state;
    start(&r, false, NULL, false);
    service_tick(&r.service, end_us - 1); /* a sign of life of ours */
    pull_service(&r);
    assert_int_equal(r.fate, ERR_AGAIN);
    service_tick(&r.service, end_us);
    pull_service(&r);
    assert_int_equal(r.fate, ERR_TIMEOUT);
    assert_string_equal(fail_text(), "hub.test fell silent");
    stop(&r);
}

static void a_refusal_becomes_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        enum err err;
    } rows[] = {
        {"amqp:unauthorized-access", ERR_DENIED},
        {"amqp:not-found", ERR_NOT_FOUND},
        {"amqp:resource-limit-exceeded", ERR_FULL},
        {"amqp:link:message-size-exceeded", ERR_TOO_BIG},
        {"com.microsoft:argument-error", ERR_INVALID},
        {"x:y", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        struct rig r;
        start(&r, true, rows[i / 2].condition, i % 2);
        assert_int_equal(r.fate, rows[i / 2].err);
        assert_int_equal(r.accepted, 0);
        stop(&r);
    }
}

static void what_comes_is_shown_and_accepted(void **state)
{
    struct rig r;
    (void)state;
    start(&r, false, NULL, false);
    assert_int_equal(r.ready, 1);
    for (unsigned i = 0; i < 3 * SERVICE_CREDIT; i++) {
        assert_true(amqp_can_send(r.peer.link)); /* credit is renewed */
        amqp_put_data(amqp_transfer_begin(r.peer.link, &(struct amqp_transfer){0}),
                      SLICE_LIT("[{}]"));
        amqp_transfer_end(r.peer.link);
        talk(&r);
    }
    assert_int_equal(r.messages, 3 * SERVICE_CREDIT);
    assert_int_equal(r.peer.settled, 3 * SERVICE_CREDIT);
    assert_string_equal(r.body, "[{}]");
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_sent_once_there_is_credit),
        cmocka_unit_test(a_hub_that_falls_silent_is_gone_after_twice_its_time),
        cmocka_unit_test(a_refusal_becomes_an_error),
        cmocka_unit_test(what_comes_is_shown_and_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
