/* reader_test.c - readers of a partition, and the redirect that leads to them. */
#include "base/test.h"

#include "front/amqp/testing/testing.h"

#define P0 "hub/ConsumerGroups/$Default/Partitions/0"

static void start(struct front_rig *r, struct conn *c, unsigned records)
{
    char body[16];
    front_rig_init(r);
    for (unsigned i = 0; i < records; i++) {
        snprintf(body, sizeof body, "m%u", i);
        rig_append(r, 0, body, true);
        rig_now_us += 1000000;
    }
    rig_welcome(r, c, 0);
}

static void stop(struct front_rig *r, struct conn *c)
{
    rig_close(r, c);
    assert_int_equal(rig_blobs(r), 0);
    front_rig_fini(r);
}

/* A reader on handle 0 that begins where `selector` says ("" : no filter), with credit. */
static const char *read_from(struct front_rig *r, struct conn *c, const char *selector,
                             unsigned credit)
{
    char filter[200];
    snprintf(filter, sizeof filter,
             "{'apache.org:selector-filter:string' @77567109365764 \"amqp.annotation.x-opt-%s\"}",
             selector);
    rig_feed_format(r, c,
                    "0 attach[\"l\" 0 true 2b 0b @40 [\"" P0 "\" null null null null null null %s] "
                    "@41 [\"me\"]]\n0 flow[1 1000 1 1000 0 0 %u]",
                    *selector ? filter : "null", credit);
    return rig_output(c);
}

/* "m0 m1 ..." of the deliveries in the output. */
static const char *bodies(const char *out)
{
    static char text[4096];
    size_t len = 0;
    for (const char *at = out; (at = strstr(at, "@117 b\"")) != NULL;) {
        at += 7;
        size_t n = strcspn(at, "\"");
        assert_true(len + n + 2 < sizeof text);
        if (len) text[len++] = ' ';
        memcpy(text + len, at, n);
        len += n;
    }
    text[len] = '\0';
    return text;
}

/* ---- what an event looks like */

static void an_event_is_our_annotations_and_the_stored_sections(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 1);
    const char *out = read_from(&r, &c, "", 1);
    assert_string_equal(
        out, "0 attach[\"l\" 0 false 2b 0b @40 [\"" P0 "\" null null null null null null null] "
             "@41 [\"me\"] null false 0 0l null null {}]\n"
             "0 transfer[0 1 b\"\\0\\0\\0\\x01\" 0 true false null null false false false] "
             "@114 {'x-opt-sequence-number' 0L 'x-opt-offset' \"0\" 'x-opt-enqueued-time' "
             "1767225601000t 'k' \"v\"} @117 b\"m0\"\n");
    stop(&r, &c);
}

static void the_filter_comes_back_with_the_source(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 0);
    assert_non_null(strstr(read_from(&r, &c, "offset > '-1'", 1),
                           "@40 [\"" P0 "\" null null null null null null "
                           "{'apache.org:selector-filter:string' @77567109365764 "
                           "\"amqp.annotation.x-opt-offset > '-1'\"}]"));
    stop(&r, &c);
}

static void the_runtime_metric_comes_as_delivery_annotations(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 3);
    rig_feed(&r, &c,
             "0 attach[\"l\" 0 true 2b 0b @40 [\"" P0 "\"] @41 [\"me\"] null null null null "
             "null <'com.microsoft:georeplication' "
             "'com.microsoft:enable-receiver-runtime-metric'>]\n"
             "0 flow[1 1000 1 1000 0 0 1]");
    assert_non_null(strstr(
        rig_output(&c), "@113 {'last_enqueued_sequence_number' 2L 'last_enqueued_offset' \"2\" "
                        "'last_enqueued_time_utc' 1767225603000t 'runtime_info_retrieval_time_utc' "
                        "1767225604000t} @114 {"));
    stop(&r, &c);
}

/* ---- where it begins */

static void a_reader_begins_where_its_filter_says(void **state)
{
    (void)state;
    static const struct {
        const char *selector, *bodies;
    } rows[] = {
        {"", "m0 m1 m2 m3"},
        {"offset > '-1'", "m0 m1 m2 m3"},
        {"offset > '1'", "m2 m3"},
        {"offset >= '1'", "m1 m2 m3"},
        {"sequence-number > '2'", "m3"},
        {"sequence-number > '3'", ""}, /* the last one: what comes next */
        {"offset > '@latest'", ""},
        {"enqueued-time > '1767225602000'", "m2 m3"},
        {"enqueued-time >= '1767225602000'", "m1 m2 m3"},
        {"enqueuedtimeutc > 1767225602500", "m2 m3"},
        {"enqueued-time > '1967225602000'", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 4);
        assert_string_equal(bodies(read_from(&r, &c, rows[i].selector, 100)), rows[i].bodies);
        rig_append(&r, 0, "new", true);
        assert_string_equal(bodies(rig_output(&c)), "new");
        stop(&r, &c);
    }
}

static void a_place_beyond_the_end_is_refused(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 4);
    const char *out = read_from(&r, &c, "offset > '4'", 100);
    assert_non_null(strstr(out,
                           "'com.microsoft:argument-out-of-range' \"The supplied offset '4' is "
                           "invalid. The last offset in the system is '3'.\""));
    stop(&r, &c);
}

static void an_attach_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *source, *condition;
    } rows[] = {
        {"\"hub/ConsumerGroups/$Default/Partitions/3\"",
         "'com.microsoft:argument-out-of-range' \"The specified partition is invalid for an "
         "EventHub "
         "partition sender or receiver. It should be between 0 and 2.\""},
        {"\"hub/ConsumerGroups/$Default/Partitions/-1\"", "'com.microsoft:argument-out-of-range'"},
        {"\"hub/ConsumerGroups/$Default/Partitions/boo\"", "'com.microsoft:argument-out-of-range'"},
        {"\"hub/ConsumerGroups/nobody/Partitions/0\"", "'amqp:not-found'"},
        {"\"" P0 "\" null null null null null null {'apache.org:selector-filter:string' "
         "@77567109365764 \"amqp.annotation.x-opt-offset = '1'\"}",
         "'com.microsoft:argument-error'"},
        {"\"" P0 "\" null null null null null null {'f' @9 \"x\"}",
         "'com.microsoft:argument-error'"},
    };
    struct front_rig r;
    struct conn c;
    start(&r, &c, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rig_feed_format(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [%s] @41 [\"me\"]]",
                        rows[i].source);
        const char *out = rig_output(&c);
        assert_non_null(strstr(out, "0 attach[\"l\" 0 false 2b 0b null @41 [\"me\"]"));
        assert_non_null(strstr(out, rows[i].condition));
        rig_feed(&r, &c, "0 detach[0 true]");
    }
    r.log.fail = ERR_IO;
    assert_non_null(strstr(read_from(&r, &c, "", 1), "'amqp:internal-error'"));
    stop(&r, &c);
}

/* ---- credit, drain, room */

static void no_more_is_sent_than_the_credit_allows(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 4);
    assert_string_equal(bodies(read_from(&r, &c, "", 0)), "");
    assert_int_equal(r.log.reads, 0);
    rig_feed(&r, &c, "0 flow[1 1000 1 1000 0 0 3]");
    assert_string_equal(bodies(rig_output(&c)), "m0 m1 m2");
    rig_feed(&r, &c, "0 flow[4 1000 1 1000 0 3 3]");
    assert_string_equal(bodies(rig_output(&c)), "m3");
    assert_int_equal(r.log.reads, 2); /* one for four, one that waits */
    rig_append(&r, 0, "m4", true);
    rig_append(&r, 0, "m5", true);
    rig_append(&r, 0, "m6", true);
    assert_string_equal(bodies(rig_output(&c)), "m4 m5");
    rig_feed(&r, &c, "0 flow[7 1000 1 1000 0 6 1]");
    assert_string_equal(bodies(rig_output(&c)), "m6");
    stop(&r, &c);
}

static void a_drain_sends_what_is_there_and_gives_the_rest_back(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 2);
    read_from(&r, &c, "", 0);
    rig_feed(&r, &c, "0 flow[1 1000 1 1000 0 0 10 null true]");
    const char *out = rig_output(&c);
    assert_string_equal(bodies(out), "m0 m1");
    const char *flow = strstr(out, "0 flow[");
    assert_non_null(flow);
    assert_non_null(strstr(flow, " 0 10 0 null true false null]\n"));
    assert_null(strstr(flow, "transfer"));
    rig_append(&r, 0, "m2", true);
    assert_string_equal(rig_output(&c), "");
    rig_feed(&r, &c, "0 flow[3 1000 1 1000 0 10 2 null true]"); /* at the tail, again */
    assert_string_equal(bodies(rig_output(&c)), "m2");
    rig_feed(&r, &c, "0 flow[4 1000 1 1000 0 12 1 null true]");
    assert_non_null(strstr(rig_output(&c), " 0 13 0 null true false null]\n"));
    stop(&r, &c);
}

static void a_drain_without_credit_is_answered(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 2);
    read_from(&r, &c, "", 1);
    rig_feed(&r, &c, "0 flow[2 1000 1 1000 0 1 0 null true]");
    assert_non_null(strstr(rig_output(&c), " 0 1 0 null true false null]\n"));
    stop(&r, &c);
}

static void a_slow_connection_is_waited_for(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 3);
    c.congested = true;
    assert_string_equal(bodies(read_from(&r, &c, "", 10)), "");
    rig_append(&r, 0, "m3", true);
    assert_string_equal(rig_output(&c), "");
    rig_drain(&r, &c);
    assert_string_equal(bodies(rig_output(&c)), "m0 m1 m2 m3");
    stop(&r, &c);
}

/* A session window that is closed stops a reader like missing credit. */
static void a_closed_window_is_waited_for(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 3);
    read_from(&r, &c, "", 0);
    rig_feed(&r, &c, "0 flow[2 1 1 1000 0 0 10]"); /* our first transfer was the answer of $cbs */
    assert_string_equal(bodies(rig_output(&c)), "m0");
    rig_feed(&r, &c, "0 flow[3 1000 1 1000]");
    assert_string_equal(bodies(rig_output(&c)), "m1 m2");
    stop(&r, &c);
}

/* What a reader holds it holds back from the log's memory; it reads it again when it may send. */
static void a_reader_that_may_not_send_lets_go_of_the_log(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 4);
    read_from(&r, &c, "", 2);
    assert_int_equal(rig_blobs(&r), 1);
    front_rig_sleep(&r, AMQP_READ_KEEP_US - 2000);
    assert_int_equal(rig_blobs(&r), 1);
    front_rig_sleep(&r, 2000);
    assert_int_equal(rig_blobs(&r), 0);
    rig_feed(&r, &c, "0 flow[3 1000 1 1000 0 2 9]");
    assert_string_equal(bodies(rig_output(&c)), "m2 m3");
    stop(&r, &c);
}

/* ---- settlement */

static void only_who_settles_second_gets_unsettled_events(void **state)
{
    (void)state;
    static const struct {
        unsigned snd, rcv;
        bool settled;
    } rows[] = {{2, 0, true}, {1, 0, true}, {0, 0, true}, {0, 1, false}, {2, 1, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 1);
        rig_feed_format(&r, &c,
                        "0 attach[\"l\" 0 true %ub %ub @40 [\"" P0 "\"]]\n0 flow[1 9 1 9 0 0 1]",
                        rows[i].snd, rows[i].rcv);
        const char *out = rig_output(&c);
        assert_non_null(strstr(out, rows[i].settled ? "0 true false null" : "0 false false null"));
        rig_feed(&r, &c, "0 disposition[true 1 1 false @36 []]");
        assert_string_equal(rig_output(&c), "0 disposition[false 1 1 true @36 [] false]\n");
        rig_feed(&r, &c, "0 disposition[true 1 1 true @36 []]");
        assert_string_equal(rig_output(&c), "");
        stop(&r, &c);
    }
}

static void an_event_larger_than_the_link_takes_ends_it(void **state)
{
    (void)state;
    for (unsigned too_small = 0; too_small < 2; too_small++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 1);
        enum { EVENT = 104 };
        rig_feed_format(&r, &c,
                        "0 attach[\"l\" 0 true 2b 0b @40 [\"" P0
                        "\"] @41 [\"me\"] null null null %ul]\n0 flow[1 9 1 9 0 0 9]",
                        EVENT - too_small);
        const char *out = rig_output(&c);
        assert_int_equal(strstr(out, "'amqp:link:message-size-exceeded'") != NULL, too_small);
        assert_int_equal(strstr(out, "@117 b\"m0\"") != NULL, !too_small);
        stop(&r, &c);
    }
}

/* ---- the log's surprises */

static void records_that_are_not_for_the_stream_are_skipped(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 1);
    rig_append(&r, 0, "routed away", false);
    rig_append(&r, 0, "m1", true);
    rig_append(&r, 0, "routed away", false);
    assert_string_equal(bodies(read_from(&r, &c, "", 10)), "m0 m1");
    rig_append(&r, 0, "routed away", false);
    assert_string_equal(rig_output(&c), "");
    rig_append(&r, 0, "m2", true);
    assert_string_equal(bodies(rig_output(&c)), "m2");
    stop(&r, &c);
}

static void who_asks_for_all_records_gets_those_too(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 1);
    rig_append(&r, 0, "routed away", false);
    rig_feed(&r, &c,
             "0 attach[\"l\" 0 true 2b 0b @40 [\"" P0 "\"] @41 [\"me\"] null null null null "
             "null null {'azimuth:all-records' true}]\n"
             "0 flow[1 1000 1 1000 0 0 9]");
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "{'x-opt-sequence-number' 0L 'x-opt-offset' \"0\" "
                                "'x-opt-enqueued-time' 1767225601000t 'azimuth-endpoints' \"\" 'k' "
                                "\"v\"} @117 b\"m0\""));
    assert_non_null(strstr(out, "'azimuth-endpoints' \"\" 'k' \"v\"} @117 b\"routed away\""));
    assert_null(strstr(out, "'x-opt-sequence-number' -1L"));
    stop(&r, &c);
}

static void a_place_that_was_trimmed_jumps_to_the_oldest(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 6);
    read_from(&r, &c, "", 1);
    front_rig_sleep(&r, AMQP_READ_KEEP_US);
    rig_trim(&r, 0, 4);
    rig_feed(&r, &c, "0 flow[2 1000 1 1000 0 1 9]");
    assert_string_equal(bodies(rig_output(&c)), "m4 m5");
    stop(&r, &c);
}

static void damaged_records_are_stepped_over(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 4);
    read_from(&r, &c, "", 0);
    r.log.fail = ERR_CORRUPT;
    r.log.fail_next = 2;
    rig_feed(&r, &c, "0 flow[1 1000 1 1000 0 0 9]");
    assert_string_equal(bodies(rig_output(&c)), "m2 m3");
    stop(&r, &c);
}

static void a_log_that_cannot_be_read_ends_the_link(void **state)
{
    (void)state;
    static const struct {
        enum err fail;
        const char *condition;
    } rows[] = {
        {ERR_FULL, "'com.microsoft:server-busy'"},
        {ERR_IO, "'amqp:internal-error'"},
        {ERR_CORRUPT, "'amqp:internal-error'"}, /* and no place behind the damage */
        {ERR_NOT_FOUND, "'amqp:internal-error'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 4);
        read_from(&r, &c, "", 0);
        r.log.fail = rows[i].fail;
        rig_feed(&r, &c, "0 flow[1 1000 1 1000 0 0 9]");
        assert_non_null(strstr(rig_output(&c), rows[i].condition));
        stop(&r, &c);
    }
}

/* ---- the end */

static void a_reader_that_goes_takes_its_question_back(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 1);
    read_from(&r, &c, "", 10);
    assert_int_equal(r.log.partitions[0].waiting_count, 1);
    rig_feed(&r, &c, "0 detach[0 true]");
    assert_int_equal(r.log.partitions[0].waiting_count, 0);
    stop(&r, &c);
}

/* The answer is on its way when the link goes, at each step of its life. */
static void answers_to_readers_that_have_gone_are_dropped(void **state)
{
    (void)state;
    static const char *const steps[] = {"", "0 flow[1 1000 1 1000 0 0 9]"};
    for (size_t i = 0; i < 2; i++) {
        struct front_rig r;
        struct conn c;
        start(&r, &c, 3);
        rig_feed_only(&c, "0 attach[\"l\" 0 true 2b 0b @40 [\"" P0 "\"]]");
        if (i) front_rig_run(&r);
        rig_feed_only(&c, steps[i]);
        rig_feed_only(&c, "0 detach[0 true]");
        rig_output(&c);
        front_rig_run(&r);
        assert_string_equal(rig_output(&c), "");
        stop(&r, &c);
    }
}

static void two_readers_of_one_connection_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 3);
    read_from(&r, &c, "", 1);
    rig_feed(&r, &c,
             "0 attach[\"m\" 1 true 2b 0b @40 [\"hub/ConsumerGroups/g2/Partitions/0\"]]\n"
             "0 flow[2 1000 1 1000 1 0 9]");
    assert_string_equal(bodies(rig_output(&c)), "m0 m1 m2");
    rig_feed(&r, &c, "0 detach[1 true]\n0 flow[5 1000 1 1000 0 1 9]");
    assert_string_equal(bodies(rig_output(&c)), "m1 m2");
    stop(&r, &c);
}

/* ---- redirect */

#define REDIRECT                                                                                   \
    "0 detach[0 true @29 ['amqp:link:redirect' \"the stream is read at another address\" "         \
    "{'hostname' \"%s\" 'network-host' \"%s\" 'port' 5671 'address' "                              \
    "\"amqps://%s:5671/hub/$management\"}]]\n"

static void login(struct front_rig *r, struct conn *c, const char *hostname)
{
    rig_open(r, c, 0);
    rig_feed_format(r, c, "AMQP3\nsasl init['PLAIN' b\"\\0service@sas.root.hub\\0%s\"]\nAMQP0",
                    rig_token(r, "service", "hub.test/messages/events", RIG_DAY_US));
    rig_feed_format(r, c, "0 open[\"c\" \"%s\"]\n0 begin[null 1 9 9]", hostname);
    rig_output(c);
}

/* rhea-promise has registered its listeners when the detach comes a moment after the attach. */
static void the_iot_name_redirects_after_a_pause(void **state)
{
    (void)state;
    static const struct {
        const char *dialled, *host;
    } rows[] = {
        {"hub.test", "hub.test"}, {"other.test:5671", "other.test"}, {"who.knows", "hub.test"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        char want[400];
        front_rig_init(&r);
        assert_int_equal(hub_add_host(&r.hub, SLICE_LIT("other.test")), OK);
        login(&r, &c, rows[i].dialled);
        rig_feed(
            &r, &c,
            "0 attach[\"l\" 0 true 2b 0b @40 [\"amqps://hub.test/messages/events/$management\"]"
            " @41 [\"me\"]]\n0 flow[1 9 1 9 0 0 9]");
        front_rig_sleep(&r, AMQP_REDIRECT_WAIT_MS * 1000 - 2000);
        const char *out = rig_output(&c);
        assert_non_null(strstr(out, "0 attach[\"l\" 0 false 2b 0b @40 ["));
        assert_null(strstr(out, "detach"));
        front_rig_sleep(&r, 3000);
        snprintf(want, sizeof want, REDIRECT, rows[i].host, rows[i].host, rows[i].host);
        assert_string_equal(rig_output(&c), want);
        stop(&r, &c);
    }
}

/* Behind a mapped port (docker run -p) what we listen on leads nowhere. */
static void the_port_that_was_dialled_is_named_where_the_client_says_it(void **state)
{
    (void)state;
    static const struct {
        const char *hostname, *address, *said;
    } rows[] = {
        {"hub.test:15671", "messages/events", "\"amqps://hub.test:15671/hub/$management\""},
        {"hub.test", "amqps://hub.test:15671/messages/events", "amqps://hub.test:15671/"},
        {"hub.test:1", "amqps://hub.test:15671/messages/events", "'port' 15671 "},
        {"[::1]:15671", "messages/events",
         "'hostname' \"::1\" 'network-host' \"::1\" 'port' 15671"},
        {"[::1]:15671", "messages/events", "\"amqps://[::1]:15671/hub/$management\""},
        {"hub.test", "amqps://else.test:15671/messages/events", "\"amqps://hub.test:5671/"},
        {"hub.test:0", "amqps://hub.test:65536/messages/events", "\"amqps://hub.test:5671/"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct front_rig r;
        struct conn c;
        front_rig_init(&r);
        assert_int_equal(hub_add_host(&r.hub, SLICE_LIT("::1")), OK);
        login(&r, &c, rows[i].hostname);
        rig_feed_format(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [\"%s\"]]", rows[i].address);
        front_rig_sleep(&r, 2000ll * AMQP_REDIRECT_WAIT_MS);
        if (!strstr(rig_output(&c), rows[i].said)) fail_msg("%s", rows[i].said);
        stop(&r, &c);
    }
}

static void the_name_that_tls_was_told_is_the_next_best(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    front_rig_init(&r);
    assert_int_equal(hub_add_host(&r.hub, SLICE_LIT("sni.test")), OK);
    rig_open(&r, &c, 0);
    c.sni = "sni.test";
    rig_feed_format(&r, &c, "AMQP3\nsasl init['PLAIN' b\"\\0service@sas.root.hub\\0%s\"]\nAMQP0",
                    rig_token(&r, "service", "hub.test", RIG_DAY_US));
    rig_feed(&r, &c,
             "0 open[\"c\"]\n0 begin[null 1 9 9]\n"
             "0 attach[\"l\" 0 true 2b 0b @40 [\"messages/events\"]]");
    front_rig_sleep(&r, 2000ll * AMQP_REDIRECT_WAIT_MS);
    assert_non_null(strstr(rig_output(&c), "'hostname' \"sni.test\""));
    stop(&r, &c);
}

/* Whoever logged in with the key itself is looked at each minute. */
static void logs_in_until(void (*change)(struct policies *p, struct policy *service))
{
    struct front_rig r;
    struct conn c;
    front_rig_init(&r);
    struct policies changed = r.policies;
    const struct policy *service = policies_find(&r.policies, SLICE_LIT("service"));
    change(&changed, &changed.items[service - r.policies.items]);
    rig_open(&r, &c, 0);
    rig_feed_format(&r, &c, "AMQP3\nsasl init['PLAIN' b\"\\0service\\0%s\"]\nAMQP0",
                    service->keys[1].text);
    rig_feed(&r, &c,
             "0 open[\"c\" \"hub.test\"]\n0 begin[null 1 9 9]\n"
             "0 attach[\"l\" 0 true 2b 0b @40 "
             "[\"hub/ConsumerGroups/$Default/Partitions/0\"]]"
             "\n0 flow[1 9 1 9 0 0 9]");
    assert_null(strstr(rig_output(&c), "detach"));
    front_rig_sleep(&r, 2 * AMQP_LOGIN_LOOK_US);
    assert_null(strstr(rig_output(&c), "detach"));
    r.hub.policies = &changed;
    front_rig_sleep(&r, AMQP_LOGIN_LOOK_US);
    assert_non_null(strstr(rig_output(&c), "amqp:unauthorized-access"));
    stop(&r, &c);
}

static void renew(struct policies *p, struct policy *service)
{
    (void)p;
    auth_key_make(&service->keys[1]);
}

static void take_right(struct policies *p, struct policy *service)
{
    (void)p;
    service->rights = AUTH_REGISTRY_READ;
}

static void remove_it(struct policies *p, struct policy *service)
{
    *service = p->items[--p->count];
}

static void who_logged_in_with_a_key_ends_with_key_right_and_policy(void **state)
{
    (void)state;
    logs_in_until(renew);
    logs_in_until(take_right);
    logs_in_until(remove_it);
}

/* Whoever put a token is served under the IoT name as well. */
static void the_iot_name_serves_those_who_put_a_token(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 2);
    rig_feed(&r, &c,
             "0 attach[\"l\" 0 true 2b 0b @40 "
             "[\"/messages/events/ConsumerGroups/$Default/Partitions/0\"]"
             "]\n0 flow[1 9 1 9 0 0 9]");
    assert_string_equal(bodies(rig_output(&c)), "m0 m1");
    stop(&r, &c);
}

/* createFromIotHubConnectionString() of JavaScript's @azure/event-hubs 2: a token by $cbs, a pair of links. */
static void questions_at_the_iot_name_are_redirected(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    start(&r, &c, 0);
    rig_feed(&r, &c,
             "0 attach[\"q\" 7 false 2b 0b @40 [\"me\"] @41 [\"/messages/events/$management\"] "
             "null null 0]");
    const char *out = rig_output(&c);
    assert_non_null(strstr(out, "0 attach[\"q\" "));
    assert_non_null(strstr(out, "'amqp:link:redirect'"));
    assert_non_null(strstr(out, ":5671/hub/$management\"}"));
    rig_feed(&r, &c,
             "0 attach[\"a\" 6 true 2b 0b @40 [\"/messages/events/$management\"] @41 [\"me\"]]");
    assert_null(strstr(rig_output(&c), "redirect"));
    front_rig_sleep(&r, 2000ll * AMQP_REDIRECT_WAIT_MS);
    assert_non_null(strstr(rig_output(&c), ":5671/hub/$management\"}"));
    stop(&r, &c);
}

/* Python's iot_hub_connection_string_receive_async.py cuts the name out before /ConsumerGroups. */
static void a_reader_is_redirected_to_its_partition(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    front_rig_init(&r);
    login(&r, &c, "hub.test");
    rig_feed(&r, &c,
             "0 attach[\"l\" 0 true 2b 0b @40 "
             "[\"amqps://hub.test/messages/events/ConsumerGroups/$Default/Partitions/0\"]]");
    front_rig_sleep(&r, 2000ll * AMQP_REDIRECT_WAIT_MS);
    assert_non_null(strstr(rig_output(&c),
                           "\"amqps://hub.test:5671/hub/ConsumerGroups/$Default/Partitions/0\"}"));
    stop(&r, &c);
}

static void a_redirect_that_nobody_waits_for_is_forgotten(void **state)
{
    (void)state;
    struct front_rig r;
    struct conn c;
    front_rig_init(&r);
    login(&r, &c, "hub.test");
    rig_feed(&r, &c, "0 attach[\"l\" 0 true 2b 0b @40 [\"messages/events\"]]\n0 detach[0 true]");
    rig_output(&c);
    front_rig_sleep(&r, 2000ll * AMQP_REDIRECT_WAIT_MS);
    assert_string_equal(rig_output(&c), "");
    stop(&r, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_our_annotations_and_the_stored_sections),
        cmocka_unit_test(who_logged_in_with_a_key_ends_with_key_right_and_policy),
        cmocka_unit_test(the_filter_comes_back_with_the_source),
        cmocka_unit_test(the_runtime_metric_comes_as_delivery_annotations),
        cmocka_unit_test(a_reader_begins_where_its_filter_says),
        cmocka_unit_test(a_place_beyond_the_end_is_refused),
        cmocka_unit_test(an_attach_that_makes_no_sense_is_refused),
        cmocka_unit_test(no_more_is_sent_than_the_credit_allows),
        cmocka_unit_test(a_drain_sends_what_is_there_and_gives_the_rest_back),
        cmocka_unit_test(a_drain_without_credit_is_answered),
        cmocka_unit_test(a_slow_connection_is_waited_for),
        cmocka_unit_test(a_closed_window_is_waited_for),
        cmocka_unit_test(a_reader_that_may_not_send_lets_go_of_the_log),
        cmocka_unit_test(only_who_settles_second_gets_unsettled_events),
        cmocka_unit_test(an_event_larger_than_the_link_takes_ends_it),
        cmocka_unit_test(records_that_are_not_for_the_stream_are_skipped),
        cmocka_unit_test(who_asks_for_all_records_gets_those_too),
        cmocka_unit_test(a_place_that_was_trimmed_jumps_to_the_oldest),
        cmocka_unit_test(damaged_records_are_stepped_over),
        cmocka_unit_test(a_log_that_cannot_be_read_ends_the_link),
        cmocka_unit_test(a_reader_that_goes_takes_its_question_back),
        cmocka_unit_test(answers_to_readers_that_have_gone_are_dropped),
        cmocka_unit_test(two_readers_of_one_connection_do_not_disturb_each_other),
        cmocka_unit_test(the_iot_name_redirects_after_a_pause),
        cmocka_unit_test(the_port_that_was_dialled_is_named_where_the_client_says_it),
        cmocka_unit_test(the_name_that_tls_was_told_is_the_next_best),
        cmocka_unit_test(the_iot_name_serves_those_who_put_a_token),
        cmocka_unit_test(questions_at_the_iot_name_are_redirected),
        cmocka_unit_test(a_reader_is_redirected_to_its_partition),
        cmocka_unit_test(a_redirect_that_nobody_waits_for_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
