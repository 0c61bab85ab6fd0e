/* amqp_twin_test.c - a device's twin links against a whole hub. */
#include "front/amqp/amqp.h"
#include "hub/twin/twin.h"
#include "server/amqp_client_test.h"

enum { IN = 2, OUT = 3 }; /* the client's handles: it receives, it sends */

static void attach_twin(struct rig_conn *c)
{
    open_device(c, 0, "d1");
    say(c,
        "0 attach[\"in\" %d true 2b 0b @40 [\"/devices/d1/twin\"] @41 [\"me\"]]\n"
        "0 attach[\"out\" %d false 2b 0b @40 [\"me\"] @41 [\"/devices/d1/twin\"]]",
        IN, OUT);
    assert_true(hears(c, "0 attach[\"in\""));
}

static void give_credit(struct rig_conn *c, unsigned credit)
{
    say(c, "0 flow[1 5000 1 5000 %d 0 %u]", IN, credit);
}

static struct rig_conn *twin_client(void)
{
    struct rig_conn *c = connect();
    attach_twin(c);
    give_credit(c, 1000);
    heard(c);
    return c;
}

static void ask(struct rig_conn *c, const char *id, const char *annotations, const char *body)
{
    say(c,
        "0 transfer[%d 1 b\"t\" 0 false] @114 {%s} @115 [null null null null null %s] @117 b\"%s\"",
        OUT, annotations, id, body);
}

#define GET   "'operation' \"GET\""
#define PATCH "'operation' \"PATCH\" 'resource' \"/properties/reported\""
#define CHANGES(operation)                                                                         \
    "'operation' \"" operation "\" 'resource' \"/notifications/twin/properties/desired\""

/* ---- services */

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void write_desired(const char *json)
{
    struct twin_wait wait = {.fn = on_written};
    lane_running = &rig.core;
    twin_write(rig.wire.cores[0].twins, SLICE_LIT("d1"), TWIN_MERGE_DESIRED, SLICE_NONE,
               slice_str(json), &wait);
    rig_run(&rig);
}

/* ---- requests */

/* The C SDK wants a string back, Java an uuid. */
static void an_answer_has_the_correlation_id_as_it_came(void **state)
{
    (void)state;
    static const char *const ids[] = {"\"a\"", "7l", "u\"00112233445566778899aabbccddeeff\"",
                                      "null"};
    struct rig_conn *c = twin_client();
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char want[300];
        snprintf(want, sizeof want,
                 "@114 {'status' 200i} @115 [null null null null null %s] @117 "
                 "b\"{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}\"",
                 ids[i]);
        ask(c, ids[i], GET, " ");
        const char *lines = heard(c);
        assert_non_null(strstr(lines, "disposition[true 1 1 true @36 []"));
        if (!strstr(lines, want)) fail_msg("%s\nis not in\n%s", want, lines);
    }
    rig_free(c);
}

static void a_report_is_answered_with_its_version(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    ask(c, "\"b\"", PATCH " 'version' 77L", "{\\x22k\\x22:1}"); /* which the hub ignores here */
    assert_true(hears(c, "{'status' 204i 'version' 2L}"));
    ask(c, "\"c\"", GET, "");
    assert_true(hears(c, "\"reported\":{\"k\":1,\"$version\":2}"));
    rig_free(c);
}

static void what_is_wrong_is_answered_in_json(void **state)
{
    (void)state;
    static const struct {
        const char *annotations, *body, *status, *number;
    } rows[] = {
        {PATCH, "nonsense", "'status' 400i", "\"errorCode\":400012"},
        {PATCH, "{\\x22$k\\x22:1}", "'status' 400i", "\"errorCode\":400004"},
        {"'operation' \"PATCH\"", "{}", "'status' 400i", "\"errorCode\":400004"},
        {"'operation' \"POST\" 'resource' \"/properties/reported\"", "{}", "'status' 400i",
         "\"message\":\"there is no such operation on that resource\""},
        {"", "", "'status' 400i", "\"errorCode\":400004"},
    };
    struct rig_conn *c = twin_client();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(c, "\"a\"", rows[i].annotations, rows[i].body);
        const char *lines = heard(c);
        if (!strstr(lines, rows[i].status) || !strstr(lines, rows[i].number))
            fail_msg("row %zu: %s", i, lines);
    }
    say(c, "0 transfer[%d 1 b\"t\" 0 false] @117 b\"a\" @118 []", OUT);
    assert_true(hears(c, "'amqp:decode-error'"));
    rig_free(c);
}

static void requests_above_the_rate_are_answered_429(void **state)
{
    (void)state;
    static const struct {
        const char *rate, *annotations, *good;
    } rows[] = {
        {"twin-reads=2/min", GET, "'status' 200i"},
        {"twin-updates=2/min", PATCH, "'status' 204i"},
    };
    struct rig_conn *c = twin_client();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct throttle_config config = {0};
        assert_int_equal(throttle_override(&config, slice_str(rows[i].rate)), OK);
        rig.wire.hub.throttle = throttle_new(&config);
        for (int n = 0; n < 3; n++) {
            ask(c, "\"a\"", rows[i].annotations, "{}");
            const char *lines = heard(c);
            if (!strstr(lines, n < 2 ? rows[i].good : "'status' 429i") ||
                (n == 2) != (strstr(lines, "\"errorCode\":429003") != NULL))
                fail_msg("%s, %d: %s", rows[i].rate, n, lines);
        }
        ask(c, "\"a\"", i ? GET : PATCH, "{}"); /* the other class has its own */
        assert_true(hears(c, rows[!i].good));
        throttle_free(rig.wire.hub.throttle);
        rig.wire.hub.throttle = NULL;
    }
    rig_free(c);
}

static void requests_above_the_daily_quota_are_answered_403(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    rig.wire.hub.quota = quota_new(&(struct quota_config){2, QUOTA_METER});
    ask(c, "\"a\"", GET, "{}");
    assert_true(hears(c, "'status' 200i"));
    ask(c, "\"a\"", PATCH, "{}");
    assert_true(hears(c, "'status' 204i"));
    for (int i = 0; i < 2; i++) {
        ask(c, "\"a\"", i ? GET : PATCH, "{}");
        const char *lines = heard(c);
        assert_non_null(strstr(lines, "'status' 403i"));
        assert_non_null(strstr(lines, "\"errorCode\":403002"));
    }
    quota_free(rig.wire.hub.quota);
    rig.wire.hub.quota = NULL;
    rig_free(c);
}

/* A read counts as many messages as what is read is long; what is written, by the request. */
static void a_twin_that_is_read_counts_by_its_size(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    size_t size = strlen("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    for (unsigned more = 0; more < 2; more++) {
        rig.wire.hub.quota = quota_new(&(struct quota_config){9, (uint32_t)(size - more)});
        ask(c, "\"a\"", GET, "{}");
        assert_true(hears(c, "'status' 200i"));
        assert_int_equal(quota_used(rig.wire.hub.quota, clock_wall_us()), 1 + more);
        quota_free(rig.wire.hub.quota);
    }
    rig.wire.hub.quota = NULL;
    rig_free(c);
}

static void a_request_wants_a_receiver_for_its_answer(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    say(c, "0 attach[\"out\" %d false 2b 0b @40 [\"me\"] @41 [\"/devices/d1/twin\"]]", OUT);
    heard(c);
    ask(c, "\"a\"", GET, " ");
    assert_true(hears(c, "'amqp:not-allowed'"));
    rig_free(c);
}

/* Answers that are not taken count against the credit. */
static void requests_have_a_limit(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    attach_twin(c);
    for (int i = 0; i < AMQP_TWIN_CREDIT; i++) ask(c, "1l", GET, " ");
    assert_null(strstr(heard(c), "detach"));
    give_credit(c, 1000);
    const char *lines = heard(c);
    unsigned answers = 0;
    for (const char *at = lines; (at = strstr(at, "'status' 200i")) != NULL; at++) answers++;
    assert_int_equal(answers, AMQP_TWIN_CREDIT);
    give_credit(c, 0);
    for (int i = 0; i < AMQP_TWIN_CREDIT; i++) ask(c, "1l", GET, " ");
    assert_null(strstr(heard(c), "detach"));
    ask(c, "1l", GET, " ");
    assert_true(hears(c, "'amqp:link:transfer-limit-exceeded'"));
    assert_false(c->gone);
    rig_free(c);
}

/* ---- desired properties */

static void changes_are_sent_while_they_are_asked_for(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    write_desired("{\"a\":1}");
    assert_string_equal(heard(c), "");
    ask(c, "\"p\"", CHANGES("PUT"), " ");
    assert_true(hears(c, "@114 {'status' 204i} @115 [null null null null null \"p\"]"));
    write_desired("{\"a\":2}");
    assert_true(hears(c, "@114 {'resource' \"/properties/desired\" 'version' 3L} "
                         "@117 b\"{\"a\":2,\"$version\":3}\""));
    ask(c, "\"d\"", CHANGES("DELETE"), " ");
    assert_true(hears(c, "'status' 204i"));
    write_desired("{\"a\":3}");
    assert_string_equal(heard(c), "");
    rig_free(c);
}

/* They end with the link, though the session goes on. */
static void changes_have_to_be_asked_for_again_on_a_new_link(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    ask(c, "\"p\"", CHANGES("PUT"), " ");
    say(c,
        "0 detach[%d true]\n0 attach[\"in\" %d true 2b 0b @40 [\"/devices/d1/twin\"] @41 [\"me\"]]",
        IN, IN);
    give_credit(c, 100);
    heard(c);
    write_desired("{\"a\":2}");
    assert_string_equal(heard(c), "");
    ask(c, "\"p\"", CHANGES("PUT"), " ");
    assert_true(hears(c, "'status' 204i"));
    write_desired("{\"a\":3}");
    assert_true(hears(c, "'version' 3L"));
    rig_free(c);
}

static void changes_that_are_not_taken_have_a_limit(void **state)
{
    (void)state;
    struct rig_conn *c = twin_client();
    ask(c, "\"p\"", CHANGES("PUT"), " ");
    give_credit(c, 0);
    for (int i = 0; i < AMQP_TWIN_PATCHES_MAX; i++) write_desired("{\"a\":1}");
    assert_null(strstr(heard(c), "detach"));
    write_desired("{\"a\":2}");
    assert_true(hears(c, "'amqp:link:detach-forced'"));
    say(c, "0 transfer[0 1 b\"t\" 0 false] @117 b\"still here\"");
    assert_true(hears(c, "@36 []"));
    rig_free(c);
}

static void a_session_that_ends_forgets_what_was_asked(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    attach_twin(c);
    for (int i = 0; i < 5; i++) ask(c, "1l", GET, " ");
    rig_hang_up(c);
    rig_free(c);
    c = twin_client();
    rig_put_device(&rig, "d1", "{\"status\":\"disabled\"," KEYS "}", "*");
    rig_say(c, SLICE_NONE);
    assert_true(hears(c, "'amqp:unauthorized-access'"));
    rig_free(c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_keyed, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_answer_has_the_correlation_id_as_it_came),
        CASE(a_report_is_answered_with_its_version),
        CASE(what_is_wrong_is_answered_in_json),
        CASE(requests_above_the_rate_are_answered_429),
        CASE(requests_above_the_daily_quota_are_answered_403),
        CASE(a_twin_that_is_read_counts_by_its_size),
        CASE(a_request_wants_a_receiver_for_its_answer),
        CASE(requests_have_a_limit),
        CASE(changes_are_sent_while_they_are_asked_for),
        CASE(changes_have_to_be_asked_for_again_on_a_new_link),
        CASE(changes_that_are_not_taken_have_a_limit),
        CASE(a_session_that_ends_forgets_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
