/* courier_test.c - what is asked of libcurl and what becomes of its answers; the test is libcurl. */
#include "base/test.h"

#include "base/clock.h"
#include "out/courier.h"
#include "out/curl_rig.h"

static struct office office;
static struct lane out_lane, core;
static struct courier *courier;
static struct out *out;

static struct {
    struct out_wait wait;
    unsigned came;
    enum err err;
    size_t len;
    char text[64];
    char after[16]; /* a header */
} answered;

/* ---- the lanes */

static void run(void)
{
    int64_t due_us;
    do {
        while (courier_turn(courier, &out_lane, &due_us)) {
        }
        lane_run_once(&core, clock_mono_us());
    } while (lane_has_mail(&out_lane));
    lane_running = &core;
}

static int set_up(void **state)
{
    (void)state;
    memset(&answered, 0, sizeof answered);
    curl_rig_use();
    office = (struct office){0};
    lane_init(&out_lane, &office, "out");
    lane_init(&core, &office, "core");
    courier = courier_new("ca.pem");
    out_attach(&core);
    out = out_new(&out_lane, courier_carrier(courier));
    run();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    out_free(out);
    courier_free(courier);
    lane_fini(&out_lane);
    lane_fini(&core);
    curl_use(NULL);
    return 0;
}

static void note(struct out_wait *w, const struct out_answer *a)
{
    (void)w;
    answered.came++;
    answered.err = a->err;
    answered.len = a->body.len;
    struct slice after = out_answer_header(a, "Retry-After");
    snprintf(answered.after, sizeof answered.after, "%.*s", SLICE_ARG(after));
    snprintf(answered.text, sizeof answered.text, "%s", a->text);
}

static void ask(uint32_t answer_max)
{
    struct out_request r = {.method = "GET",
                            .url = SLICE_LIT("https://a.test/"),
                            .timeout_ms = 5000,
                            .answer_max = answer_max};
    for (unsigned i = 0; i < OUT_HEADERS_MAX; i++)
        r.headers[i] = (struct out_header){SLICE_LIT("A"), SLICE_LIT("b")};
    answered.came = 0;
    answered.wait.fn = note;
    out_send(out, &core, &r, &answered.wait);
    run();
}

static void end(CURLcode code)
{
    assert_non_null(curl_rig.under_way);
    curl_rig.under_way->code = code;
    curl_rig.under_way->ended = true;
    run();
    assert_int_equal(answered.came, 1);
}

static CURLcode give_body(size_t len)
{
    const struct curl_rig_handle *h = curl_rig.under_way;
    return curl_rig_give(h->body, h->body_ctx, len);
}

static CURLcode give_head(size_t len)
{
    const struct curl_rig_handle *h = curl_rig.under_way;
    return curl_rig_give(h->head, h->head_ctx, len);
}

/* ---- */

static void a_request_goes_over_https_and_is_judged_by_the_ca(void **state)
{
    (void)state;
    ask(0);
    assert_int_equal(curl_rig.now, 1);
    assert_string_equal(curl_rig.protocols, "https");
    assert_string_equal(curl_rig.no_proxy, "localhost,.localhost,127.0.0.1,::1");
    assert_string_equal(curl_rig.ca, "ca.pem");
    assert_int_equal(curl_rig.connect_ms, 5000);
    assert_int_equal(curl_rig.names_s, CURL_NAMES_S);
    assert_int_equal(curl_rig.headers, OUT_HEADERS_MAX + 1); /* and "Expect:" */
    end(CURLE_OK);
    assert_int_equal(answered.err, OK);
    assert_int_equal(curl_rig.cleaned, 1);
}

static void a_request_that_libcurl_does_not_take_has_failed(void **state)
{
    (void)state;
    curl_rig.takes = CURLM_OUT_OF_MEMORY;
    ask(0);
    assert_int_equal(answered.came, 1);
    assert_int_equal(answered.err, ERR_NOMEM);
    assert_string_equal(answered.text, "libcurl takes no more");
    assert_int_equal(curl_rig.cleaned, 1);
    curl_rig.takes = CURLM_OK;
    curl_rig.no_handle = true;
    ask(0);
    assert_int_equal(answered.err, ERR_NOMEM);
    assert_int_equal(curl_rig.cleaned, 1);
    curl_rig.no_handle = false;
    ask(0);
    end(CURLE_OK);
    assert_int_equal(answered.err, OK);
}

static void an_answer_has_what_its_caller_takes_and_not_one_byte_more(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked, max;
    } rows[] = {{1000, 1000}, {0, OUT_ANSWER_MAX}, {OUT_ANSWER_MAX + 1, OUT_ANSWER_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask(rows[i].asked);
        end(give_body(rows[i].max));
        assert_int_equal(answered.err, OK);
        assert_int_equal(answered.len, rows[i].max);
        ask(rows[i].asked);
        end(give_body(rows[i].max + 1));
        assert_int_equal(answered.err, ERR_TOO_BIG);
        assert_int_equal(answered.len, 0);
    }
}

static void the_headers_of_an_answer_have_64_kib(void **state)
{
    (void)state;
    ask(0);
    end(give_head(OUT_HEAD_MAX));
    assert_int_equal(answered.err, OK);
    ask(0);
    end(give_head(OUT_HEAD_MAX + 1));
    assert_int_equal(answered.err, ERR_TOO_BIG);
    assert_string_equal(answered.text, "the answer is too large");
}

static void the_headers_are_those_of_the_last_answer(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 100 Continue\r\n", "Retry-After: 1\r\n",    "\r\n",
        "HTTP/1.1 429 Busy\r\n",     "retry-after:  20 \r\n", "\r\n"};
    (void)state;
    ask(0);
    struct curl_rig_handle *h = curl_rig.under_way;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        h->head((char *)(uintptr_t)lines[i], 1, strlen(lines[i]), h->head_ctx);
    end(CURLE_OK);
    assert_string_equal(answered.after, "20");
    ask(0);
    end(CURLE_OK);
    assert_string_equal(answered.after, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_goes_over_https_and_is_judged_by_the_ca),
        TEST(a_request_that_libcurl_does_not_take_has_failed),
        TEST(an_answer_has_what_its_caller_takes_and_not_one_byte_more),
        TEST(the_headers_of_an_answer_have_64_kib),
        TEST(the_headers_are_those_of_the_last_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
