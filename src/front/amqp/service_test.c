/* service_test.c - services that send to devices and read feedback. */
#include "base/test.h"

#include "front/amqp/testing/testing.h"
#include "hub/throttle/throttle.h"

#define SEND "0 attach[\"s\" 0 false 0b 0b @40 [\"me\"] @41 [\"/messages/devicebound\"]]\n"
#define FEEDBACK                                                                                   \
    "0 attach[\"f\" 0 true 0b %ub @40 [\"/messages/serviceBound/feedback\"] @41 [\"me\"]]\n"

static void start(struct front_rig *r, struct conn *c)
{
    front_rig_init(r);
    rig_open(r, c, 0);
    rig_greet(r, c);
    rig_authorise(r, c, rig_token(r, "service", "hub.test", RIG_DAY_US));
}

static void stop(struct front_rig *r, struct conn *c)
{
    rig_close(r, c);
    front_rig_fini(r);
}

static void start_sender(struct front_rig *r, struct conn *c)
{
    start(r, c);
    rig_feed(r, c, SEND);
    assert_non_null(strstr(rig_output(c), "0 flow["));
}

/* One message; `sections` stand behind its properties' fields. */
static void send(struct front_rig *r, struct conn *c, unsigned id, const char *sections)
{
    rig_feed_format(r, c, "0 transfer[0 %u b\"t\" 0 false] %s", id, sections);
}

#define TO(id) "@115 [null null \"/devices/" id "/messages/devicebound\"]"

/* ---- sending */

static void every_part_of_a_message_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *sections, *sent;
    } rows[] = {
        {"@115 [\"m\" b\"u\" \"/devices/d/messages/deviceBound\" null null \"c\" 'text/plain' "
         "'utf-8' 1767230000000t] @116 {\"iothub-ack\" \"full\" \"a\" \"b\"} @117 b\"hello\"",
         "d mid=m cid=c uid=u ct=text/plain ce=utf-8 exp=1767230000000 iothub-ack=full a=b "
         "body=hello"},
        {TO("d") " @117 b\"x\"", "d body=x"},
        {TO("d"), "d"},
        {TO("d") " @119 \"text\"", "d body=text"},
        {"@115 [u\"0123456789ab4def8123456789abcdef\" null \"devices/d/messages/devicebound\"]",
         "d mid=01234567-89ab-4def-8123-456789abcdef"},
        {"@115 [7l null \"/devices/d/messages/devicebound\"]", "d mid=7"},
        {TO("d") " @116 {\"n\" 5i \"t\" true \"none\" null \"s\" 'sym'}", "d n=5 t=true s=sym"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start_sender(&r, &c);
        send(&r, &c, 1, rows[i].sections);
        assert_string_equal(fake_c2d.sent, rows[i].sent);
        assert_string_equal(rig_output(&c), "");
        fake_c2d_answer(STATUS_OK, "");
        assert_string_equal(rig_output(&c), "0 disposition[true 1 1 true @36 [] false]\n");
        stop(&r, &c);
    }
}

static void a_refusal_has_the_condition_that_sdks_know(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        const char *condition;
    } rows[] = {
        {STATUS_DEVICE_NOT_FOUND, "amqp:not-found"},
        {STATUS_QUOTA_EXCEEDED, "amqp:resource-limit-exceeded"},
        {STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED, "amqp:resource-limit-exceeded"},
        {STATUS_MESSAGE_TOO_LARGE, "amqp:link:message-size-exceeded"},
        {STATUS_ARGUMENT_INVALID, "com.microsoft:argument-error"},
        {STATUS_THROTTLING, "com.microsoft:device-container-throttled"},
        {STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, "com.microsoft:device-container-throttled"},
        {STATUS_SERVICE_UNAVAILABLE, "amqp:internal-error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        char want[256];
        start_sender(&r, &c);
        send(&r, &c, 3, TO("d"));
        fake_c2d_answer(rows[i].status, "why");
        snprintf(want, sizeof want,
                 "0 disposition[true 3 3 true @37 [@29 ['%s' \"%s: why\" "
                 "{'com.microsoft:error-code' %ui}]] false]\n",
                 rows[i].condition, status_name(rows[i].status), status_number(rows[i].status));
        assert_string_equal(rig_output(&c), want);
        stop(&r, &c);
    }
}

static void messages_above_the_rate_are_rejected_as_throttled(void **state)
{
    (void)state;
    struct throttle_config config = {0};
    struct front_rig r;
    struct conn c;
    start_sender(&r, &c);
    assert_int_equal(throttle_override(&config, SLICE_LIT("c2d-sends=2/min")), OK);
    r.hub.throttle = throttle_new(&config);
    for (unsigned id = 1; id <= 2; id++) {
        send(&r, &c, id, TO("d") " @117 b\"x\"");
        fake_c2d_answer(STATUS_OK, "");
        assert_non_null(strstr(rig_output(&c), "@36 []"));
    }
    send(&r, &c, 3, TO("d") " @117 b\"x\"");
    assert_int_equal(fake_c2d.sends, 2);
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "0 disposition[true 3 3 true @37 [@29 "
                                "['com.microsoft:device-container-throttled' "
                                "\"ThrottlingBacklogTimeout: "));
    assert_non_null(strstr(out, "{'com.microsoft:error-code' 429003i}"));
    stop(&r, &c);
    throttle_free(r.hub.throttle);
}

static void messages_above_the_daily_quota_are_rejected(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_sender(&r, &c);
    r.hub.quota = quota_new(&(struct quota_config){1, QUOTA_METER});
    send(&r, &c, 1, TO("d") " @117 b\"x\"");
    fake_c2d_answer(STATUS_OK, "");
    assert_non_null(strstr(rig_output(&c), "@36 []"));
    send(&r, &c, 2, TO("d") " @117 b\"x\"");
    assert_int_equal(fake_c2d.sends, 1);
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "['amqp:resource-limit-exceeded' \"IotHubQuotaExceeded: "));
    assert_non_null(strstr(out, "{'com.microsoft:error-code' 403002i}"));
    stop(&r, &c);
    quota_free(r.hub.quota);
}

static void what_is_no_message_for_a_device_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *sections, *condition;
    } rows[] = {
        {"@117 b\"x\"", "com.microsoft:argument-error"},
        {"@115 [null null \"/devices/d/messages/events\"]", "com.microsoft:argument-error"},
        {"@115 [null null \"/devices//messages/devicebound\"]", "com.microsoft:argument-error"},
        {"@115 [null null \"/devices/d\"]", "com.microsoft:argument-error"},
        {"@115 [null null \"/devices/d/modules/m/messages/devicebound\"]", "amqp:not-allowed"},
        {"@115 [null null \"/devices/a b/messages/devicebound\"]", "amqp:not-found"},
        {TO("d") " @117 b\"x\" @117 b\"y\"", "com.microsoft:argument-error"},
        {TO("d") " @118 [1i]", "com.microsoft:argument-error"},
        {TO("d") " @116 {\"a\" [1i]}", "com.microsoft:argument-error"},
        {"@115 [null]  @115 [null]", "com.microsoft:argument-error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        char want[128];
        start_sender(&r, &c);
        send(&r, &c, 1, rows[i].sections);
        snprintf(want, sizeof want, "0 disposition[true 1 1 true @37 [@29 ['%s' ",
                 rows[i].condition);
        assert_non_null(strstr(rig_output(&c), want));
        assert_int_equal(fake_c2d.sends, 0);
        stop(&r, &c);
    }
}

static void an_encoded_id_is_tried_as_it_is_and_then_decoded(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_sender(&r, &c);
    send(&r, &c, 1, TO("a%2bb") " @117 b\"x\"");
    assert_string_equal(fake_c2d.sent, "a%2bb body=x");
    fake_c2d_answer(STATUS_DEVICE_NOT_FOUND, "no");
    assert_string_equal(fake_c2d.sent, "a+b body=x");
    assert_string_equal(rig_output(&c), "");
    fake_c2d_answer(STATUS_DEVICE_NOT_FOUND, "no");
    assert_non_null(strstr(rig_output(&c), "'amqp:not-found'"));
    send(&r, &c, 2, TO("100%2525"));
    fake_c2d_answer(STATUS_OK, "");
    assert_int_equal(fake_c2d.wait_count, 0);
    stop(&r, &c);
}

static void credit_is_renewed_as_messages_are_answered(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_sender(&r, &c);
    for (unsigned i = 1; i <= AMQP_C2D_CREDIT; i++) send(&r, &c, i, TO("d"));
    assert_string_equal(rig_output(&c), "");
    assert_int_equal(fake_c2d.wait_count, AMQP_C2D_CREDIT);
    fake_c2d_answer(STATUS_OK, "");
    assert_non_null(strstr(rig_output(&c), "0 flow["));
    stop(&r, &c);
    assert_int_equal(fake_c2d.forgotten, AMQP_C2D_CREDIT - 1);
}

static void a_settled_message_is_sent_and_not_answered(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_sender(&r, &c);
    rig_feed(&r, &c, "0 transfer[0 1 b\"t\" 0 true] " TO("d"));
    assert_int_equal(fake_c2d.sends, 1);
    fake_c2d_answer(STATUS_DEVICE_NOT_FOUND, "no");
    assert_string_equal(rig_output(&c), "");
    stop(&r, &c);
}

static void both_need_service_connect(void **state)
{
    (void)state;
    static const char *const policies[] = {"device", "registryReadWrite", "service", "iothubowner"};
    for (size_t i = 0; i < 4; i++) {
        struct front_rig r;
        struct conn c;
        bool may = i >= 2;
        front_rig_init(&r);
        rig_open(&r, &c, 0);
        rig_greet(&r, &c);
        rig_authorise(&r, &c, rig_token(&r, policies[i], "hub.test", RIG_DAY_US));
        rig_feed(&r, &c, SEND);
        assert_int_equal(strstr(rig_output(&c), "amqp:unauthorized-access") == NULL, may);
        rig_feed_format(
            &r, &c,
            "0 attach[\"f\" 1 true 0b 0b @40 [\"messages/servicebound/feedback\"] @41 [\"me\"]]");
        assert_int_equal(strstr(rig_output(&c), "amqp:unauthorized-access") == NULL, may);
        stop(&r, &c);
    }
}

/* ---- feedback */

static const uint8_t lock_a[C2D_TOKEN_LEN] = "aaaaaaaaaaaaaaa",
                     lock_b[C2D_TOKEN_LEN] = "bbbbbbbbbbbbbbb";

static void start_receiver(struct front_rig *r, struct conn *c, unsigned settle_mode)
{
    start(r, c);
    rig_feed_format(r, c, FEEDBACK "0 flow[1 1000 1 1000 0 0 5]", settle_mode);
    assert_int_equal(fake_c2d.credit, 5);
    rig_output(c);
}

static void hand_out(struct conn *c, const uint8_t *lock)
{
    lane_running = c->lane;
    fake_c2d.receiver->batch(fake_c2d.receiver, lock, RIG_EPOCH_US, SLICE_LIT("[{}]"));
}

static void a_batch_is_what_sdks_read(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_receiver(&r, &c, 0);
    hand_out(&c, lock_a);
    assert_string_equal(
        rig_output(&c),
        "0 transfer[0 1 b\"aaaaaaaaaaaaaaa\\0\" 0 false false null null false false false] "
        "@114 {'iothub-enqueuedtime' 1767225600000t} "
        "@115 [\"61616161-6161-6161-6161-616161616100\" b\"hub\" "
        "\"/messages/serviceBound/feedback\" null null null "
        "'application/vnd.microsoft.iothub.feedback.json' 'utf-8'] @117 b\"[{}]\"\n");
    stop(&r, &c);
}

static void an_outcome_settles_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *said, *settled, *answer;
    } rows[] = {
        {"true @36 []", "62 complete", ""},
        {"true @37 []", "62 reject", ""},
        {"true @38 []", "62 abandon", ""},
        {"true @39 []", "62 abandon", ""},
        {"true null", "62 abandon", ""},
        {"false @36 []", "62 complete", "0 disposition[false 2 2 true @36 [] false]\n"},
        {"false @38 []", "62 abandon", "0 disposition[false 2 2 true @38 [] false]\n"},
        {"false @35 [0 0l]", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start_receiver(&r, &c, 1);
        hand_out(&c, lock_a);
        hand_out(&c, lock_b);
        rig_output(&c);
        rig_feed_format(&r, &c, "0 disposition[true 2 2 %s]", rows[i].said);
        assert_string_equal(fake_c2d.settled, rows[i].settled);
        assert_string_equal(rig_output(&c), ""); /* not before it is done */
        if (*rows[i].settled) fake_c2d.receiver->settled(fake_c2d.receiver, lock_b, STATUS_OK);
        assert_string_equal(rig_output(&c), rows[i].answer);
        stop(&r, &c);
    }
}

static void one_disposition_may_settle_several(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_receiver(&r, &c, 0);
    hand_out(&c, lock_a);
    hand_out(&c, lock_b);
    rig_feed(&r, &c, "0 disposition[true 1 2 true @36 []]");
    assert_int_equal(fake_c2d.settles, 2);
    rig_feed(&r, &c, "0 disposition[true 1 2 true @36 []]"); /* said again */
    assert_int_equal(fake_c2d.settles, 2);
    stop(&r, &c);
}

static void a_lock_that_is_over_is_told_to_who_settles_second(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_receiver(&r, &c, 1);
    hand_out(&c, lock_a);
    rig_output(&c);
    rig_feed(&r, &c, "0 disposition[true 1 1 false @36 []]");
    fake_c2d.receiver->settled(fake_c2d.receiver, lock_a, STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_non_null(
        strstr(rig_output(&c), "0 disposition[false 1 1 true @37 [@29 ['amqp:not-found'"));
    stop(&r, &c);
}

/* The first is settled, its word said: of the range of three only the second is done, and only once. */
static void of_a_range_what_is_known_is_settled_and_the_rest_is_not_confirmed(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_receiver(&r, &c, 1);
    hand_out(&c, lock_a);
    hand_out(&c, lock_b);
    rig_feed(&r, &c, "0 disposition[true 1 1 true @36 []]");
    fake_c2d.receiver->settled(fake_c2d.receiver, lock_a, STATUS_OK);
    rig_output(&c);
    rig_feed(&r, &c, "0 disposition[true 0 4 false @36 []]");
    assert_int_equal(fake_c2d.settles, 2);
    assert_string_equal(fake_c2d.settled, "62 complete");
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "0 disposition[false 0 1 true @37 [@29 ['amqp:not-found'"));
    assert_non_null(strstr(out, "0 disposition[false 3 4 true @37 [@29 ['amqp:not-found'"));
    assert_null(strstr(out, "disposition[false 2"));
    rig_feed(&r, &c, "0 disposition[true 2 2 false @36 []]"); /* said again, before it is done */
    assert_string_equal(rig_output(&c), "");
    fake_c2d.receiver->settled(fake_c2d.receiver, lock_b, STATUS_OK);
    assert_string_equal(rig_output(&c), "0 disposition[false 2 2 true @36 [] false]\n");
    assert_int_equal(fake_c2d.settles, 2);
    stop(&r, &c);
}

/* Its batch goes back to the queue: what the client says of it now has done nothing. */
static void what_a_link_that_is_gone_had_is_not_confirmed(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start_receiver(&r, &c, 1);
    hand_out(&c, lock_a);
    rig_feed(&r, &c, "0 detach[0 true]");
    rig_output(&c);
    rig_feed(&r, &c, "0 disposition[true 1 1 false @36 []]");
    assert_non_null(
        strstr(rig_output(&c), "0 disposition[false 1 1 true @37 [@29 ['amqp:not-found'"));
    rig_feed(&r, &c, "0 disposition[true 1 1 true @36 []]");
    assert_string_equal(rig_output(&c), "");
    assert_string_equal(fake_c2d.settled, "");
    stop(&r, &c);
}

static void batches_wait_for_credit_and_for_room(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c);
    rig_feed_format(&r, &c, FEEDBACK "0 flow[1 1000 1 1000 0 0 1]", 0);
    hand_out(&c, lock_a);
    hand_out(&c, lock_b); /* handed out before the credit was known to be used */
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "aaaa"));
    assert_null(strstr(out, "bbbb"));
    c.congested = true;
    rig_feed(&r, &c, "0 flow[2 1000 1 1000 0 1 3]");
    assert_null(strstr(rig_output(&c), "bbbb"));
    assert_int_equal(fake_c2d.credit, 2); /* one of the three is spoken for */
    rig_drain(&r, &c);
    assert_non_null(strstr(rig_output(&c), "bbbb"));
    stop(&r, &c);
    assert_null(fake_c2d.receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_message_is_read),
        cmocka_unit_test(a_refusal_has_the_condition_that_sdks_know),
        cmocka_unit_test(messages_above_the_rate_are_rejected_as_throttled),
        cmocka_unit_test(messages_above_the_daily_quota_are_rejected),
        cmocka_unit_test(what_is_no_message_for_a_device_is_refused_at_once),
        cmocka_unit_test(an_encoded_id_is_tried_as_it_is_and_then_decoded),
        cmocka_unit_test(credit_is_renewed_as_messages_are_answered),
        cmocka_unit_test(a_settled_message_is_sent_and_not_answered),
        cmocka_unit_test(both_need_service_connect),
        cmocka_unit_test(a_batch_is_what_sdks_read),
        cmocka_unit_test(an_outcome_settles_the_batch),
        cmocka_unit_test(one_disposition_may_settle_several),
        cmocka_unit_test(of_a_range_what_is_known_is_settled_and_the_rest_is_not_confirmed),
        cmocka_unit_test(a_lock_that_is_over_is_told_to_who_settles_second),
        cmocka_unit_test(what_a_link_that_is_gone_had_is_not_confirmed),
        cmocka_unit_test(batches_wait_for_credit_and_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
