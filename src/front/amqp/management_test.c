/* management_test.c - $management, and how requests find their answers. */
#include "base/clock.h"
#include "base/test.h"

#include "front/amqp/testing/testing.h"

static void attach(struct front_rig *r, struct conn *c, const char *node, unsigned credit)
{
    rig_feed_format(r, c,
                    "0 attach[\"in\" 0 false 0b 0b @40 [\"me\"] @41 [\"%s\"]]\n"
                    "0 attach[\"out\" 1 true 0b 0b @40 [\"%s\"] @41 [\"back\"]]\n"
                    "0 flow[1 1000 1 1000 1 0 %u]",
                    node, node, credit);
    rig_output(c);
}

static void start(struct front_rig *r, struct conn *c, unsigned credit)
{
    front_rig_init(r);
    rig_welcome(r, c, 0);
    attach(r, c, "$management", credit);
}

static void stop(struct front_rig *r, struct conn *c)
{
    rig_close(r, c);
    front_rig_fini(r);
}

#define HUB       "\"operation\" \"READ\" \"name\" \"hub\" \"type\" \"com.microsoft:eventhub\""
#define PARTITION "\"operation\" \"READ\" \"name\" \"hub\" \"type\" \"com.microsoft:partition\""

static const char *ask(struct front_rig *r, struct conn *c, const char *properties)
{
    rig_feed_format(r, c, "0 transfer[0 0 b\"t\" 0 true] @115 [7l] @116 {%s} @117 b\"[]\"",
                    properties);
    return rig_output(c);
}

static void the_hub_describes_itself(void **state)
{
    (void)state;
    static const char *const nodes[] = {"$management", "hub/$management"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        struct front_rig r;
        struct conn c;
        front_rig_init(&r);
        rig_welcome(&r, &c, 0);
        attach(&r, &c, nodes[i], 10);
        assert_string_equal(
            ask(&r, &c, HUB),
            "0 transfer[1 1 b\"\\0\\0\\0\\x01\" 0 true false null null false false false] "
            "@115 [null null null null null 7l] "
            "@116 {\"status-code\" 200i \"status-description\" \"OK\"} "
            "@119 {\"name\" \"hub\" \"type\" \"com.microsoft:eventhub\" \"created_at\" "
            "1767225600000t \"partition_count\" 3i \"georeplication_factor\" 1i \"partition_ids\" "
            "<\"0\" \"1\" \"2\"> \"azimuth_identity\" \".6474846204000/hub\"}\n");
        stop(&r, &c);
    }
}

/* Of Java and Go, whose EntityPath says messages/events; who signs as IoT clients do is sent on (reader_test.c). */
static void who_signs_as_event_hubs_clients_do_is_answered_at_the_iot_name(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    struct buf token = {0};
    front_rig_init(&r);
    const struct policy *service = policies_find(&r.policies, SLICE_LIT("service"));
    sas_make(&token, SLICE_LIT("sb://hub.test/messages/events"), slice_str(service->keys[0].text),
             "service", (clock_wall_us() + RIG_DAY_US) / 1000000);
    rig_open(&r, &c, 0);
    rig_greet(&r, &c);
    rig_authorise(&r, &c, buf_cstr(&token));
    attach(&r, &c, "amqps://hub.test:5671/messages/events/$management", 10);
    assert_non_null(strstr(ask(&r, &c, HUB), "\"name\" \"hub\""));
    buf_free(&token);
    stop(&r, &c);
}

static void a_partition_tells_where_it_begins_and_ends(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 10);
    assert_non_null(strstr(ask(&r, &c, PARTITION " \"partition\" \"1\""),
                           "@119 {\"name\" \"hub\" \"type\" \"com.microsoft:partition\" "
                           "\"partition\" \"1\" \"begin_sequence_number\" 0L "
                           "\"last_enqueued_sequence_number\" -1L \"last_enqueued_offset\" \"-1\" "
                           "\"last_enqueued_time_utc\" 0t \"is_partition_empty\" true}\n"));
    for (int i = 0; i < 3; i++) rig_append(&r, 1, "x", true);
    rig_trim(&r, 1, 1);
    assert_non_null(strstr(ask(&r, &c, PARTITION " \"partition\" \"1\""),
                           "\"begin_sequence_number\" 1L \"last_enqueued_sequence_number\" 2L "
                           "\"last_enqueued_offset\" \"2\" \"last_enqueued_time_utc\" "
                           "1767225601000t \"is_partition_empty\" false}\n"));
    stop(&r, &c);
}

static void what_cannot_be_answered_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *properties, *code, *condition;
    } rows[] = {
        {"", "400i", "'com.microsoft:argument-error'"},
        {"\"operation\" \"DELETE\"", "400i", "'com.microsoft:argument-error'"},
        {"\"operation\" \"READ\" \"name\" \"other\"", "404i", "'amqp:not-found'"},
        {"\"operation\" \"READ\" \"name\" \"hub\" \"type\" \"x\"", "400i",
         "'com.microsoft:argument-error'"},
        {PARTITION, "400i", "'com.microsoft:argument-out-of-range'"},
        {PARTITION " \"partition\" \"3\"", "400i", "'com.microsoft:argument-out-of-range'"},
        {PARTITION " \"partition\" \"x\"", "400i", "'com.microsoft:argument-out-of-range'"},
        {PARTITION " \"partition\" 1i", "400i", "'com.microsoft:argument-out-of-range'"},
    };
    struct front_rig r;
    struct conn c;
    start(&r, &c, 100);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *out = ask(&r, &c, rows[i].properties);
        assert_non_null(strstr(out, rows[i].code));
        assert_non_null(strstr(out, rows[i].condition));
    }
    r.log.fail = ERR_IO;
    assert_non_null(strstr(ask(&r, &c, PARTITION " \"partition\" \"0\""), "503i"));
    stop(&r, &c);
}

/* A request may bring its own token, which then counts; else a token put to $cbs will do. */
static void a_request_needs_a_right(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *resource;
        bool allowed;
    } rows[] = {
        {"service", "hub.test/hub/$management", true},
        {"service", "hub.test/messages/events", true},
        {"service", "hub.test/hub/ConsumerGroups/$Default/Partitions/0", false},
        {"device", "hub.test/hub", false},
    };
    struct front_rig r;
    struct conn c;
    front_rig_init(&r);
    rig_open(&r, &c, 0);
    rig_greet(&r, &c);
    attach(&r, &c, "$management", 100);
    assert_non_null(strstr(ask(&r, &c, HUB), "401i"));
    assert_non_null(strstr(ask(&r, &c, "\"operation\" \"READ\" \"name\" \"other\""), "404i"));
    assert_non_null(strstr(ask(&r, &c, HUB " \"security_token\" \"rubbish\""), "401i"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char properties[1200];
        snprintf(properties, sizeof properties, HUB " \"security_token\" \"%s\"",
                 rig_token(&r, rows[i].policy, rows[i].resource, RIG_DAY_US));
        assert_non_null(strstr(ask(&r, &c, properties), rows[i].allowed ? "200i" : "401i"));
    }
    stop(&r, &c);
}

static void a_token_that_is_bad_is_refused_though_an_earlier_one_was_good(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 100);
    assert_non_null(strstr(ask(&r, &c, HUB), "200i"));
    assert_non_null(strstr(ask(&r, &c, HUB " \"security_token\" \"rubbish\""), "401i"));
    assert_non_null(strstr(ask(&r, &c, HUB), "200i"));
    stop(&r, &c);
}

/* ---- answers */

static void an_answer_takes_the_link_that_reply_to_names(void **state)
{
    (void)state;
    static const struct {
        const char *reply_to, *handle;
    } rows[] = {{"\"back\"", "1"}, {"\"out\"", "1"}, {"\"elsewhere\"", "2"}, {"null", "2"}};
    struct front_rig r;
    struct conn c;
    start(&r, &c, 10);
    rig_feed(&r, &c,
             "0 attach[\"two\" 2 true 0b 0b @40 [\"hub/$management\"] @41 [\"elsewhere\"]]\n"
             "0 flow[1 1000 1 1000 2 0 10]");
    rig_output(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[40];
        rig_feed_format(&r, &c,
                        "0 transfer[0 0 b\"t\" 0 true] @115 [1 null null null %s] @116 {" HUB "}",
                        rows[i].reply_to);
        snprintf(want, sizeof want, "0 transfer[%s ", rows[i].handle);
        assert_non_null(strstr(rig_output(&c), want));
    }
    stop(&r, &c);
}

/* The other session's receiver is not asked. */
static void a_request_without_a_way_back_is_rejected(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 10);
    rig_feed(&r, &c,
             "1 begin[null 1 9 9]\n"
             "1 attach[\"in\" 0 false 0b 0b @40 [\"me\"] @41 [\"$management\"]]");
    rig_output(&c);
    rig_feed(&r, &c,
             "1 transfer[0 0 b\"t\"] @116 {" HUB "}\n1 transfer[0 1 b\"t\"] \"no section\"");
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "1 disposition[true 0 0 true @37 [@29 ['amqp:not-allowed'"));
    assert_non_null(strstr(out, "1 disposition[true 1 1 true @37 [@29 ['amqp:decode-error'"));
    stop(&r, &c);
}

static void answers_wait_for_credit_and_room(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 0);
    assert_string_equal(ask(&r, &c, HUB), "");
    c.congested = true;
    rig_feed(&r, &c, "0 flow[1 1000 1 1000 1 0 5]");
    assert_string_equal(rig_output(&c), "");
    rig_drain(&r, &c);
    assert_non_null(strstr(rig_output(&c), "0 transfer[1 "));
    rig_feed(&r, &c, "0 flow[1 1000 1 1000 1 1 4 null true]");
    assert_non_null(strstr(rig_output(&c), " 1 5 0 null true false null]\n"));
    stop(&r, &c);
}

/* Whoever does not take its answers gets no credit for more requests. */
static void requests_under_way_have_a_limit(void **state)
{
    (void)state;
    for (int beyond = 0; beyond < 2; beyond++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 0);
        for (int i = 0; i < AMQP_RPC_CREDIT; i++) assert_string_equal(ask(&r, &c, HUB), "");
        if (beyond)
            assert_non_null(strstr(ask(&r, &c, HUB), "'amqp:link:transfer-limit-exceeded'"));
        rig_feed(&r, &c, "0 flow[1 1000 1 1000 1 0 100]"); /* takes them all */
        const char *out = rig_output(&c);
        assert_int_equal(strstr(out, "0 transfer[1 50 ") != NULL, true);
        assert_int_equal(strstr(out, " 0 50 1 null false false null]") != NULL, !beyond);
        stop(&r, &c);
    }
}

static void an_answer_to_nobody_is_dropped(void **state)
{
    (void)state;
    static const char *const leave[] = {"0 detach[1 true]", "0 detach[0 true]",
                                        "0 detach[0 true]\n0 detach[1 true]", "0 end[]"};
    for (size_t i = 0; i < sizeof leave / sizeof *leave; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 10);
        rig_feed_only(&c, "0 transfer[0 0 b\"t\" 0 true] @115 [7l] @116 {" PARTITION
                          " \"partition\" \"0\"}"); /* the log has not answered yet */
        rig_feed_only(&c, leave[i]);
        rig_output(&c);
        front_rig_run(&r);
        bool answered = strstr(rig_output(&c), "200i") != NULL;
        assert_int_equal(answered, i == 1); /* only the link for requests has gone */
        stop(&r, &c);
    }
}

static void an_answer_to_a_closed_connection_is_dropped(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 10);
    rig_feed_only(&c, "0 transfer[0 0 b\"t\" 0 true] @116 {" PARTITION " \"partition\" \"0\"}");
    rig_close(&r, &c);
    front_rig_fini(&r);
}

static void waiting_answers_go_with_their_link(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 0);
    for (int i = 0; i < AMQP_RPC_CREDIT; i++) ask(&r, &c, HUB);
    rig_feed(&r, &c, "0 detach[1 true]");
    assert_non_null(strstr(rig_output(&c), "0 flow[")); /* there is credit for new ones */
    stop(&r, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hub_describes_itself),
        cmocka_unit_test(who_signs_as_event_hubs_clients_do_is_answered_at_the_iot_name),
        cmocka_unit_test(a_partition_tells_where_it_begins_and_ends),
        cmocka_unit_test(what_cannot_be_answered_says_why),
        cmocka_unit_test(a_request_needs_a_right),
        cmocka_unit_test(a_token_that_is_bad_is_refused_though_an_earlier_one_was_good),
        cmocka_unit_test(an_answer_takes_the_link_that_reply_to_names),
        cmocka_unit_test(a_request_without_a_way_back_is_rejected),
        cmocka_unit_test(answers_wait_for_credit_and_room),
        cmocka_unit_test(requests_under_way_have_a_limit),
        cmocka_unit_test(an_answer_to_nobody_is_dropped),
        cmocka_unit_test(an_answer_to_a_closed_connection_is_dropped),
        cmocka_unit_test(waiting_answers_go_with_their_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
