/* out_test.c - whose turn it is, limits and time-outs; the test carries. */
#include "base/test.h"

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "out/carrier.h"

enum { CALLS = OUT_CALLS_MAX + OUT_HOST_CALLS_MAX };

static struct office office;
static struct lane *out_lane, *core;
static struct out *out;
static int64_t now_us;
static struct out_call *carried[CALLS];
static unsigned begun, abandoned;

static struct waiter {
    struct out_wait wait;
    bool came;
    enum err err;
    unsigned http;
    char body[32];
} waiters[CALLS];

static int64_t time_now(void)
{
    return now_us;
}

static void begin(void *ctx, struct out_call *call)
{
    (void)ctx;
    carried[begun++] = call;
}

static void abandon(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
    abandoned++;
}

static void run(void)
{
    do {
        lane_run_once(out_lane, now_us);
        lane_run_once(core, now_us);
    } while (lane_has_mail(out_lane));
    lane_running = core;
}

static struct lane *new_lane(const char *name)
{
    struct lane *lane = NEW(struct lane);
    lane_init(lane, &office, name);
    return lane;
}

static int set_up(void **state)
{
    static const struct clock_source source = {time_now, time_now};
    static const struct out_carrier carrier = {begin, abandon, NULL};
    (void)state;
    now_us = 1000000;
    begun = abandoned = 0;
    clock_use(&source);
    office = (struct office){0};
    out_lane = new_lane("out");
    core = new_lane("core");
    out_attach(core);
    out = out_new(out_lane, &carrier);
    memset(waiters, 0, sizeof waiters);
    run();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    out_free(out);
    lane_fini(out_lane);
    lane_fini(core);
    free(out_lane);
    free(core);
    clock_use(NULL);
    return 0;
}

static void note(struct out_wait *w, const struct out_answer *a)
{
    struct waiter *me = CONTAINER_OF(w, struct waiter, wait);
    assert_false(me->came);
    me->came = true;
    me->err = a->err;
    me->http = a->http;
    snprintf(me->body, sizeof me->body, "%.*s", SLICE_ARG(a->body));
}

static struct waiter *ask(unsigned i, const char *url, struct slice body)
{
    waiters[i].wait.fn = note;
    out_send(out, core,
             &(struct out_request){.method = "POST",
                                   .url = slice_str(url),
                                   .headers = {{SLICE_LIT("A"), SLICE_LIT("b")}},
                                   .body = body,
                                   .timeout_ms = 5000},
             &waiters[i].wait);
    return &waiters[i];
}

static void answer(unsigned i, unsigned http, const char *body)
{
    lane_running = out_lane;
    out_call_end(carried[i], &(struct out_answer){.http = http, .body = slice_str(body)});
    run();
}

/* ---- */

static void a_request_is_carried_as_it_was_made_and_answered(void **state)
{
    (void)state;
    struct out_request r;
    struct waiter *w = ask(0, "https://a.test/x?code=1", SLICE_LIT("{}"));
    run();
    assert_int_equal(begun, 1);
    out_call_request(carried[0], &r);
    assert_string_equal(r.method, "POST");
    assert_true(slice_is(r.url, "https://a.test/x?code=1"));
    assert_true(slice_is(r.headers[0].name, "A") && slice_is(r.headers[0].value, "b"));
    assert_int_equal(r.headers[1].name.len, 0);
    assert_true(slice_is(r.body, "{}"));
    answer(0, 503, "busy");
    assert_true(w->came);
    assert_int_equal(w->err, OK);
    assert_int_equal(w->http, 503);
    assert_string_equal(w->body, "busy");
}

static void what_is_not_https_is_not_sent(void **state)
{
    (void)state;
    static char longest[sizeof "https://a/" + OUT_URL_MAX];
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "https://a/", 10);
    static const char *const bad[] = {"http://a.test/",    "ftp://a.test",       "https://", "",
                                      "https://a.test/ b", "https://a\r\nX: y/", longest};
    unsigned count = sizeof bad / sizeof *bad;
    for (unsigned i = 0; i < count; i++) ask(i, bad[i], SLICE_NONE);
    run();
    for (unsigned i = 0; i < count; i++) assert_int_equal(waiters[i].err, ERR_INVALID);
    assert_int_equal(begun, 0);
    longest[OUT_URL_MAX] = '\0';
    ask(count, longest, SLICE_NONE);
    run();
    assert_int_equal(begun, 1);
}

static void the_host_of_an_address_has_no_user_and_no_path(void **state)
{
    (void)state;
    assert_true(slice_is(out_url_host(SLICE_LIT("HTTPS://u:p@B.test:8/q@r")), "B.test:8"));
    assert_true(slice_is(out_url_host(SLICE_LIT("https://b.test?x")), "b.test"));
    assert_true(slice_is(out_url_host(SLICE_LIT("https://b.test\\@c")), "b.test"));
}

static void a_request_has_a_megabyte_and_not_one_byte_more(void **state)
{
    (void)state;
    uint8_t *bytes = mem_zero(OUT_BODY_MAX + 1);
    ask(0, "https://a.test", slice_of(bytes, OUT_BODY_MAX));
    ask(1, "https://a.test", slice_of(bytes, OUT_BODY_MAX + 1));
    run();
    assert_int_equal(begun, 1);
    assert_int_equal(waiters[1].err, ERR_TOO_BIG);
    free(bytes);
}

static void a_request_has_eight_headers(void **state)
{
    (void)state;
    struct out_request made = {
        .method = "GET", .url = SLICE_LIT("https://a.test"), .timeout_ms = 1};
    for (unsigned i = 0; i < OUT_HEADERS_MAX; i++)
        made.headers[i] = (struct out_header){slice_of((const uint8_t *)"ABCDEFGH" + i, 1),
                                              slice_of((const uint8_t *)"abcdefgh" + i, 1)};
    waiters[0].wait.fn = note;
    out_send(out, core, &made, &waiters[0].wait);
    run();
    struct out_request r;
    out_call_request(carried[0], &r);
    for (unsigned i = 0; i < OUT_HEADERS_MAX; i++) {
        assert_true(slice_eq(r.headers[i].name, made.headers[i].name));
        assert_true(slice_eq(r.headers[i].value, made.headers[i].value));
    }
}

static void nobody_waits_longer_than_two_minutes(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        waiters[over].wait.fn = note;
        out_send(out, core,
                 &(struct out_request){.method = "GET",
                                       .url = SLICE_LIT("https://a.test"),
                                       .timeout_ms = OUT_TIMEOUT_MS_MAX + over},
                 &waiters[over].wait);
    }
    run();
    now_us += OUT_TIMEOUT_MS_MAX * 1000ll - 1;
    run();
    assert_false(waiters[0].came || waiters[1].came);
    now_us += 1 + TIMER_TICK_US;
    run();
    assert_int_equal(waiters[0].err, ERR_TIMEOUT);
    assert_int_equal(waiters[1].err, ERR_TIMEOUT);
}

static void one_host_has_its_share_and_others_go_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= OUT_HOST_CARRIED_MAX; i++) ask(i, "https://slow.test/", SLICE_NONE);
    run();
    assert_int_equal(begun, OUT_HOST_CARRIED_MAX);
    ask(OUT_HOST_CARRIED_MAX + 1, "https://other.test/", SLICE_NONE);
    ask(OUT_HOST_CARRIED_MAX + 2, "https://SLOW.test/b", SLICE_NONE);
    run();
    assert_int_equal(begun, OUT_HOST_CARRIED_MAX + 1);
    answer(0, 200, "");
    assert_int_equal(begun, OUT_HOST_CARRIED_MAX + 2);
    assert_false(waiters[OUT_HOST_CARRIED_MAX].came);
}

static void only_so_many_are_carried_at_a_time(void **state)
{
    (void)state;
    char url[64];
    for (unsigned i = 0; i <= OUT_CARRIED_MAX; i++) {
        snprintf(url, sizeof url, "https://h%u.test/", i / OUT_HOST_CARRIED_MAX);
        ask(i, url, SLICE_NONE);
    }
    run();
    assert_int_equal(begun, OUT_CARRIED_MAX);
    answer(7, 200, "");
    assert_int_equal(begun, OUT_CARRIED_MAX + 1);
}

static void more_than_may_wait_are_refused(void **state)
{
    (void)state;
    char url[64];
    unsigned i = 0;
    int64_t met = limit_reached("out-calls"), to_host = limit_reached("out-calls-to-host");
    for (; i < OUT_HOST_CALLS_MAX; i++) ask(i, "https://h0.test/", SLICE_NONE);
    run();
    assert_false(waiters[i - 1].came);
    ask(i, "https://h0.test/", SLICE_NONE);
    run();
    assert_int_equal(waiters[i].err, ERR_THROTTLED);
    assert_int_equal(limit_reached("out-calls-to-host") - to_host, 1);
    for (unsigned n = 0; n < OUT_CALLS_MAX - OUT_HOST_CALLS_MAX; n++) {
        snprintf(url, sizeof url, "https://h%u.test/", 1 + n / OUT_HOST_CALLS_MAX);
        ask(++i, url, SLICE_NONE);
    }
    run();
    assert_false(waiters[i].came);
    ask(++i, "https://last.test/", SLICE_NONE);
    run();
    assert_int_equal(waiters[i].err, ERR_THROTTLED);
    assert_int_equal(limit_reached("out-calls") - met, 1);
    assert_int_equal(limit_reached("out-calls-to-host") - to_host, 1);
}

static void time_runs_out_for_those_that_wait_and_those_under_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= OUT_HOST_CARRIED_MAX; i++) ask(i, "https://slow.test/", SLICE_NONE);
    run();
    now_us += 5000000 + TIMER_TICK_US;
    run();
    for (unsigned i = 0; i <= OUT_HOST_CARRIED_MAX; i++)
        assert_int_equal(waiters[i].err, ERR_TIMEOUT);
    assert_int_equal(abandoned, OUT_HOST_CARRIED_MAX);
    ask(100, "https://slow.test/", SLICE_NONE);
    run();
    assert_int_equal(begun, OUT_HOST_CARRIED_MAX + 1);
}

static void an_answer_that_nobody_waits_for_is_dropped(void **state)
{
    (void)state;
    struct waiter *w = ask(0, "https://a.test", SLICE_NONE);
    run();
    out_forget(core, &w->wait);
    answer(0, 200, "");
    assert_false(w->came);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_carried_as_it_was_made_and_answered),
        TEST(what_is_not_https_is_not_sent),
        TEST(the_host_of_an_address_has_no_user_and_no_path),
        TEST(a_request_has_a_megabyte_and_not_one_byte_more),
        TEST(a_request_has_eight_headers),
        TEST(nobody_waits_longer_than_two_minutes),
        TEST(one_host_has_its_share_and_others_go_on),
        TEST(only_so_many_are_carried_at_a_time),
        TEST(more_than_may_wait_are_refused),
        TEST(time_runs_out_for_those_that_wait_and_those_under_way),
        TEST(an_answer_that_nobody_waits_for_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
