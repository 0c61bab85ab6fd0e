/* webhook_test.c - the rate that a webhook grants, the largest of what is posted to it; the test is the webhook. */
#include "deliver/deliver_rig.h"

#include "deliver/webhook/webhook.h"

enum { PARTITIONS = 2, S = RIG_S };

#define HOOK(more)                                                                                 \
    "{\"endpoints\":{\"webhooks\":[{\"name\":\"a\",\"endpointUri\":\"https://a.test/\","           \
    "\"schema\":\"CloudEventSchemaV1_0\",\"maxEventsPerBatch\":1" more "}]}}"

static struct fixture {
    struct deliver_rig d;
    const char *head; /* of its answer to OPTIONS; NULL: it does not agree */
    char code[64];    /* that it was given with the callback */
    unsigned greetings, posts;
    size_t posted; /* bytes, with the newest */
    unsigned http; /* of its answer to POST; 0: 200 */
} f;

static void greet(struct out_call *call, const struct out_request *r)
{
    struct out_answer a = {.http = 200};
    struct buf callback = {0};
    f.greetings++;
    if (f.head) a.head = slice_str(f.head);
    buf_put_slice(&callback, r->headers[1].value);
    const char *id = strstr(buf_cstr(&callback), "?id=");
    assert_non_null(id);
    snprintf(f.code, sizeof f.code, "%s", id + 4);
    buf_free(&callback);
    out_call_end(call, &a);
}

static void begin(void *ctx, struct out_call *call)
{
    struct out_request r;
    (void)ctx;
    out_call_request(call, &r);
    assert_int_equal(r.answer_max, WEBHOOK_ANSWER_MAX); /* out_test.c keeps to it */
    if (strcmp(r.method, "OPTIONS") == 0) {
        greet(call, &r);
    } else {
        f.posts++;
        f.posted = r.body.len;
        out_call_end(call, &(struct out_answer){.http = f.http ? f.http : 200});
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    deliver_rig_init(&f.d, PARTITIONS, begin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    return 0;
}

static void say_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) deliver_rig_say_n(&f.d, i % PARTITIONS, "pump", (int)i);
}

static void run(int64_t us)
{
    cursor_rig_run(&f.d.rig, us);
}

static enum err agree(const char *rate)
{
    const struct routing_consent consent = {slice_str(f.code), slice_str(rate)};
    f.d.came = false;
    f.d.wait.fn = deliver_rig_on_put;
    cursor_rig_on(&f.d.rig);
    routing_agree(f.d.routing, SLICE_LIT("a"), &consent, &f.d.wait);
    run(0);
    assert_true(f.d.came);
    return f.d.err;
}

static int64_t value_of(enum metric_kind kind, const char *name)
{
    return metric_value(metric_of(kind, name, "endpoint=\"a\"", ""));
}

static int64_t granted(void)
{
    return value_of(METRIC_GAUGE, "azimuth_routing_granted_requests_per_minute");
}

/* In each minute as many as were granted, and no more; whatever has come of those before. */
static void assert_pace(unsigned rate)
{
    unsigned posts = f.posts;
    for (unsigned minute = 1; minute <= 3; minute++) {
        run(60 * S);
        assert_in_range(f.posts - posts, minute * rate - 2, minute * rate + 1);
    }
}

/* An event with so many bytes more than the smallest. */
static void say_larger(size_t more)
{
    struct buf body = {0};
    buf_put_str(&body, "{\"n\":1,\"fill\":\"");
    for (size_t i = 0; i < more; i++) buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"}");
    deliver_rig_say(&f.d, 0, "pump", "application/json", buf_cstr(&body));
    buf_free(&body);
    run(S);
}

static void an_event_is_as_large_as_a_batch_may_be(void **state)
{
    (void)state;
    int64_t refused = deliver_rig_count("refused");
    f.head = "WebHook-Allowed-Origin: *\r\n";
    deliver_rig_use(&f.d, HOOK(""));
    say_larger(0);
    size_t more = DELIVER_BATCH_MAX - f.posted;
    say_larger(more);
    assert_int_equal(f.posted, DELIVER_BATCH_MAX);
    say_larger(more + 1);
    assert_int_equal(f.posts, 2);
    assert_int_equal(deliver_rig_count("refused") - refused, 1);
}

static void rates_are_read(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        uint64_t rate;
    } rows[] = {{"", OK, 0},
                {"*", OK, 0},
                {"1", OK, 1},
                {"120", OK, 120},
                {"60000000", OK, WEBHOOK_RATE_MAX},
                {"60000001", OK, 0},
                {"18446744073709551615", OK, 0},
                {"18446744073709551616", ERR_INVALID, 0},
                {"0", ERR_INVALID, 0},
                {"-1", ERR_INVALID, 0},
                {"many", ERR_INVALID, 0},
                {"1.5", ERR_INVALID, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t rate;
        if (webhook_rate_read(slice_str(rows[i].text), &rate) != rows[i].err)
            fail_msg("'%s'", rows[i].text);
        if (rows[i].err == OK) assert_int_equal(rate, rows[i].rate);
    }
}

static void a_webhook_gets_no_more_requests_than_it_granted(void **state)
{
    (void)state;
    int64_t paced = value_of(METRIC_COUNTER, "azimuth_routing_paced_requests_total");
    f.head = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 30\r\n";
    deliver_rig_use(&f.d, HOOK(""));
    say_many(200);
    run(0);
    assert_int_equal(f.posts, 1);
    assert_pace(30);
    assert_int_equal(granted(), 30);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
    assert_int_equal(deliver_rig_health(&f.d).rate, 30);
    int64_t waited = value_of(METRIC_COUNTER, "azimuth_routing_paced_requests_total") - paced;
    assert_int_equal(waited, f.posts - 1);
}

static void also_while_it_fails_and_after_a_change(void **state)
{
    (void)state;
    f.head = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 6\r\n";
    f.http = 503;
    deliver_rig_use(&f.d, HOOK(""));
    say_many(20);
    run(15 * S); /* the second try waits for its turn, 10 s, not for the pause, 1 s */
    assert_int_equal(f.posts, 2);
    deliver_rig_use(&f.d, HOOK(",\"preferredBatchSizeInKilobytes\":1"));
    assert_int_equal(f.greetings, 2);
    assert_int_equal(f.posts, 2);
    run(10 * S);
    assert_int_equal(f.posts, 3);
}

/* As an authority has it, in brackets. */
static void a_hub_whose_name_is_an_ipv6_address_asks_with_brackets(void **state)
{
    tear_down(state);
    set_up(state);
    snprintf(f.d.hub.hosts[0], sizeof f.d.hub.hosts[0], "2001:db8::1");
    f.head = "WebHook-Allowed-Origin: [2001:DB8::1]\r\n";
    deliver_rig_use(&f.d, HOOK(""));
    say_many(1);
    run(0);
    assert_int_equal(f.posts, 1);
}

static void a_star_or_nothing_is_no_limit(void **state)
{
    static const char *const heads[] = {
        "WebHook-Allowed-Origin: *\r\n",
        "WebHook-Allowed-Origin: plant.test\r\nWebHook-Allowed-Rate: *\r\n"};
    for (unsigned i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        f.head = heads[i];
        deliver_rig_use(&f.d, HOOK(""));
        say_many(100);
        run(0);
        assert_int_equal(f.posts, 100);
        assert_int_equal(deliver_rig_health(&f.d).rate, 0);
    }
}

static void a_rate_that_is_none_is_named(void **state)
{
    (void)state;
    f.head = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 0\r\n";
    deliver_rig_use(&f.d, HOOK(""));
    say_many(1);
    run(10 * S);
    assert_int_equal(f.posts, 0);
    assert_non_null(strstr(deliver_rig_health(&f.d).error, "WebHook-Allowed-Rate is neither"));
}

static void it_is_asked_again_at_each_start(void **state)
{
    (void)state;
    f.head = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 6\r\n";
    deliver_rig_use(&f.d, HOOK(""));
    f.head = "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 60\r\n";
    deliver_rig_close(&f.d);
    deliver_rig_open(&f.d);
    run(S);
    assert_int_equal(f.greetings, 2);
    say_many(200);
    assert_pace(60);
}

static void who_agrees_by_its_callback_may_grant_one_that_is_kept(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, HOOK(""));
    assert_int_equal(agree("none"), ERR_INVALID);
    assert_non_null(strstr(f.d.text, "WebHook-Allowed-Rate"));
    assert_int_equal(agree("30"), OK);
    run(S);
    deliver_rig_close(&f.d);
    deliver_rig_open(&f.d);
    run(S);
    assert_int_equal(f.greetings, 1);
    say_many(200);
    assert_pace(30);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_as_large_as_a_batch_may_be),
        cmocka_unit_test(rates_are_read),
        TEST(a_webhook_gets_no_more_requests_than_it_granted),
        TEST(also_while_it_fails_and_after_a_change),
        TEST(a_hub_whose_name_is_an_ipv6_address_asks_with_brackets),
        TEST(a_star_or_nothing_is_no_limit),
        TEST(a_rate_that_is_none_is_named),
        TEST(it_is_asked_again_at_each_start),
        TEST(who_agrees_by_its_callback_may_grant_one_that_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
