/* stranger_test.c - what a connection that has shown no good credential makes the server keep. */
#include "base/test.h"

#include "base/limit.h"
#include "base/num.h"
#include "front/amqp/device.h"
#include "front/amqp/testing/testing.h"

enum { LONG = 50000 /* bytes of a name or an id */ };

static struct front_rig rig;
static struct log_writer writer;
static struct conn conn;

static struct peer *peer(void)
{
    return conn.self;
}

static size_t kept(void)
{
    return peer()->engine.kept_bytes;
}

static size_t room(void)
{
    return AMQP_STRANGER_KEPT_MAX - kept();
}

/* Homes hear everything and say nothing. */
static void on_home(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx, (void)lane, (void)m;
}

static void start(bool known)
{
    enum { KINDS = 16 };
    front_rig_init(&rig);
    for (unsigned core = 0; core < RIG_CORES; core++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            lane_on(&rig.cores[core], HUB_SESSION + kind, on_home, NULL);
    log_writer_init(&writer, &rig.log, &rig.cores[0]);
    rig.services[0]->telemetry.writer = &writer;
    rig_open(&rig, &conn, 0);
    rig_greet(&rig, &conn);
    if (known) rig_authorise(&rig, &conn, rig_token(&rig, "service", "hub.test/hub", RIG_DAY_US));
}

static void stop(void)
{
    rig_close(&rig, &conn);
    log_writer_fini(&writer);
    front_rig_fini(&rig);
}

/* Says it; was something of it too much?  Answers with long names are no text. */
static bool is_too_much(const char *text)
{
    rig_feed(&rig, &conn, text);
    struct buf out = conn.out;
    bool refused = buf_size(&out) && memmem(out.ptr + out.off, buf_size(&out), AMQP_RESOURCE_LIMIT,
                                            strlen(AMQP_RESOURCE_LIMIT));
    buf_clear(&conn.out);
    return refused;
}

static void put_many(struct buf *b, char c, size_t count)
{
    memset(buf_reserve(b, count), c, count);
    buf_commit(b, count);
}

static void attach_cbs(void)
{
    assert_false(is_too_much("0 attach[\"in\" 8 false 0b 0b @40 [\"me\"] @41 [\"$cbs\"]]\n"
                             "0 attach[\"out\" 9 true 0b 0b @40 [\"$cbs\"] @41 [\"back\"]]"));
}

/* ---- transfers that do not end */

enum { PARTS = 5 };

static void attach_for_parts(void)
{
    for (unsigned i = 0; i < PARTS; i++) {
        char text[100];
        snprintf(text, sizeof text, "0 attach[\"l%u\" %u false 0b 0b @40 [\"me\"] @41 [\"$cbs\"]]",
                 i, i);
        assert_false(is_too_much(text));
    }
}

static bool send_part(unsigned handle, size_t bytes)
{
    enum { HEAD = 8 }; /* @117 and the length of a long binary */
    struct buf text = {0};
    buf_printf(&text, "0 transfer[%u %u b\"t\" 0 true true] @117 b\"", handle, handle);
    put_many(&text, 'x', bytes - HEAD);
    buf_put_str(&text, "\"");
    bool refused = is_too_much(buf_cstr(&text));
    buf_free(&text);
    return refused;
}

static void unfinished_transfers_count(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++)
        for (size_t more = 0; more < 2; more++) {
            int64_t met = limit_reached("amqp-kept");
            start(known);
            attach_for_parts();
            size_t part = room() / PARTS, last = room() - (PARTS - 1) * part + more;
            for (unsigned i = 0; i < PARTS - 1; i++) assert_false(send_part(i, part));
            bool refused = send_part(PARTS - 1, last);
            assert_int_equal(refused, more && !known);
            assert_int_equal(limit_reached("amqp-kept") - met, refused);
            stop();
        }
}

/* ---- tokens of identities, whose homes are asked only when a link attaches */

static bool put_token_of(unsigned number, unsigned id_len)
{
    struct buf resource = {0}, token = {0}, text = {0};
    const struct policy *p = policies_find(&rig.policies, SLICE_LIT("service"));
    buf_printf(&resource, "hub.test/devices/%0*u", (int)id_len, number);
    sas_make(&token, buf_slice(&resource), slice_str(p->keys[0].text), NULL,
             (RIG_EPOCH_US + RIG_DAY_US) / 1000000);
    buf_printf(
        &text,
        "0 flow[1 9999 1 9999 9 %u 1]\n"
        "0 transfer[8 %u b\"t\" 0 true] @115 [\"id\"] @116 {\"operation\" \"put-token\"} @119 "
        "\"%s\"",
        number, number, buf_cstr(&token));
    bool refused = is_too_much(buf_cstr(&text));
    buf_free(&resource), buf_free(&token), buf_free(&text);
    return refused;
}

/* As a gateway has them before the first of its devices is attached. */
static void tokens_of_a_thousand_devices_fit(void **state)
{
    (void)state;
    start(false);
    attach_cbs();
    for (unsigned i = 0; i < 1000; i++) assert_false(put_token_of(i, 20));
    stop();
}

static void tokens_count(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        start(known);
        attach_cbs();
        unsigned tokens = 0;
        while (tokens < AMQP_PEER_TOKENS_MAX - 1 && !put_token_of(tokens, 128)) tokens++;
        assert_int_equal(tokens == AMQP_PEER_TOKENS_MAX - 1, known);
        assert_true(known || kept() <= AMQP_STRANGER_KEPT_MAX);
        assert_true(known || room() < 2048); /* a request, and the token */
        stop();
    }
}

/* ---- links, sessions, and answers that nobody takes */

static bool attach_named(unsigned handle, size_t name_len)
{
    struct buf text = {0};
    buf_printf(&text, "0 attach[\"%04u", handle);
    put_many(&text, 'n', name_len);
    buf_printf(&text, "\" %u true 0b 0b @40 [\"$cbs\"] @41 [\"me\"]]", handle);
    bool refused = is_too_much(buf_cstr(&text));
    buf_free(&text);
    return refused;
}

static void names_of_links_count(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        start(known);
        for (unsigned i = 0; i < AMQP_STRANGER_KEPT_MAX / LONG; i++)
            if (attach_named(i, LONG))
                assert_true(!known &&
                            room() < 3 * LONG + 2048); /* until it is answered, three times */
        assert_int_equal(attach_named(100, LONG), !known);
        assert_false(attach_named(101, 10)); /* others still fit */
        stop();
    }
}

/* Whoever is refused and does not go, either, is not kept for ever. */
static void refused_links_do_not_add_up(void **state)
{
    enum { MANY = 3000 };
    (void)state;
    start(false);
    for (unsigned i = 0; i < MANY && peer()->engine.by_local.count; i++) {
        attach_named(i, 1);
        assert_true(kept() <= AMQP_STRANGER_KEPT_MAX + (AMQP_REFUSED_MAX + 1) * AMQP_LINK_COST);
        struct amqp_session *s = peer()->engine.by_local.rows[0].object;
        if (s->end_sent) break;
        assert_true(i < MANY - 1);
    }
    assert_true(kept() < 1000);
    stop();
}

static void a_thousand_sessions_fit_and_no_more_than_that(void **state)
{
    (void)state;
    start(false);
    unsigned begun = 1;
    for (bool refused = false; !refused; begun++) {
        char text[64];
        snprintf(text, sizeof text, "%u begin[null 1 9 9]", begun);
        refused = is_too_much(text);
    }
    assert_true(begun > 1000);
    assert_true(kept() <= AMQP_STRANGER_KEPT_MAX);
    stop();
}

static bool ask_with_long_id(unsigned number)
{
    struct buf text = {0};
    buf_printf(&text, "0 transfer[8 %u b\"t\" 0 false] @115 [\"", number);
    put_many(&text, 'i', LONG);
    buf_put_str(&text, "\"] @116 {\"operation\" \"put-token\"} @119 \"\"");
    bool refused = is_too_much(buf_cstr(&text));
    buf_free(&text);
    return refused;
}

static void answers_that_are_not_taken_count(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        start(known);
        attach_cbs();
        unsigned asked = 0;
        while (asked < 10 && !ask_with_long_id(asked)) asked++;
        assert_int_equal(asked, known ? 10 : AMQP_STRANGER_KEPT_MAX / (2 * LONG));
        assert_false(is_too_much("0 flow[1 9999 1 9999 9 0 10]")); /* it takes them */
        assert_true(kept() < 10000);
        stop();
    }
}

/* ---- identities, whose homes are asked */

enum { DEVICES = 300 };

static void attach_devices(void)
{
    struct buf text = {0};
    for (unsigned i = 0; i < DEVICES; i++)
        buf_printf(
            &text,
            "0 attach[\"d%u\" %u false 0b 0b @40 [\"me\"] @41 [\"devices/d%u/messages/events\"]]\n",
            i, i, i);
    assert_false(is_too_much(buf_cstr(&text)));
    buf_free(&text);
}

static struct device *some_asking(void)
{
    struct device *d;
    for (size_t at = 0; (d = map_next(&peer()->devices, &at)) != NULL;)
        if (d->state == DEVICE_ASKING) return d;
    return NULL;
}

static void answer(struct device *d, enum session_cause cause)
{
    struct session_opened said = {.cause = cause, .ends_us = INT64_MAX};
    d->session.owner->opened(&d->session, &said);
    front_rig_run(&rig);
}

/* Nothing is refused for want of room while an answer may make some: it is read no further. */
static void homes_are_waited_for_before_something_is_refused(void **state)
{
    (void)state;
    start(false);
    attach_devices();
    unsigned asked = peer()->asking;
    assert_true(conn.paused && asked > 10 && asked < DEVICES);
    assert_true(kept() <= AMQP_STRANGER_KEPT_MAX);
    assert_false(is_too_much("0 flow[1 9999 1 9999]")); /* what was on its way nevertheless */
    answer(some_asking(), SESSION_BAD_TOKEN);
    assert_true(conn.paused);
    assert_int_equal(peer()->asking, asked);
    answer(some_asking(), SESSION_GRANTED);
    assert_false(conn.paused);
    assert_int_equal(peer()->asking, DEVICES - 2);
    assert_int_equal(peer()->devices.count, DEVICES - 1);
    assert_false(is_too_much("0 flow[1 9999 1 9999]"));
    stop();
}

/* One byte more, and it is not read while a home is asked. */
static void a_stranger_is_read_while_sixteen_kilobytes_are_left(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        start(false);
        attach_for_parts();
        assert_false(is_too_much("0 attach[\"d\" 9 false 0b 0b @40 [\"me\"] "
                                 "@41 [\"devices/d/messages/events\"]]"));
        size_t spare = room() - AMQP_STRANGER_ROOM + more, part = spare / PARTS;
        for (unsigned i = 1; i < PARTS; i++) assert_false(send_part(i, part));
        assert_false(conn.paused);
        assert_false(send_part(0, spare - (PARTS - 1) * part));
        assert_false(is_too_much("0 flow[1 9999 1 9999]"));
        assert_int_equal(conn.paused, more);
        stop();
    }
}

/* Nobody answers, and the connection goes. */
static void a_stranger_may_leave_while_homes_are_asked(void **state)
{
    (void)state;
    start(false);
    attach_devices();
    assert_true(conn.paused);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unfinished_transfers_count),
        cmocka_unit_test(tokens_of_a_thousand_devices_fit),
        cmocka_unit_test(tokens_count),
        cmocka_unit_test(names_of_links_count),
        cmocka_unit_test(refused_links_do_not_add_up),
        cmocka_unit_test(a_thousand_sessions_fit_and_no_more_than_that),
        cmocka_unit_test(answers_that_are_not_taken_count),
        cmocka_unit_test(homes_are_waited_for_before_something_is_refused),
        cmocka_unit_test(a_stranger_is_read_while_sixteen_kilobytes_are_left),
        cmocka_unit_test(a_stranger_may_leave_while_homes_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
