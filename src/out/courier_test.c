/* courier_test.c - what is asked of libcurl and what becomes of its answers; the test is libcurl. */
#include "base/test.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out/courier.h"
#include "out/curl.h"

typedef size_t (*taker)(char *bytes, size_t one, size_t count, void *ctx);

static struct office office;
static struct lane out_lane, core;
static struct courier *courier;
static struct out *out;

/* The one request on its way. */
static struct {
    CURLMcode added; /* what curl_multi_add_handle() says */
    bool no_handle, is_added;
    taker head, body;
    void *head_ctx, *body_ctx, *private;
    const char *protocols, *no_proxy, *ca;
    long connect_ms;
    unsigned headers;
    CURLMsg ended;
    bool has_ended;
    unsigned cleaned;
} curl;

static struct {
    struct out_wait wait;
    unsigned came;
    enum err err;
    size_t len;
    char text[64];
    char after[16]; /* a header */
} answered;

/* ---- libcurl */

static CURL *easy_init(void)
{
    return curl.no_handle ? NULL : (CURL *)&curl;
}

static void easy_cleanup(CURL *handle)
{
    assert_ptr_equal(handle, &curl);
    curl.cleaned++;
}

static CURLcode set(CURL *handle, CURLoption option, ...)
{
    va_list more;
    (void)handle;
    va_start(more, option);
    switch ((int)option) {
    case CURLOPT_WRITEFUNCTION: curl.body = va_arg(more, taker); break;
    case CURLOPT_HEADERFUNCTION: curl.head = va_arg(more, taker); break;
    case CURLOPT_WRITEDATA: curl.body_ctx = va_arg(more, void *); break;
    case CURLOPT_HEADERDATA: curl.head_ctx = va_arg(more, void *); break;
    case CURLOPT_PRIVATE: curl.private = va_arg(more, void *); break;
    case CURLOPT_PROTOCOLS_STR: curl.protocols = va_arg(more, const char *); break;
    case CURLOPT_NOPROXY: curl.no_proxy = va_arg(more, const char *); break;
    case CURLOPT_CAINFO: curl.ca = va_arg(more, const char *); break;
    case CURLOPT_CONNECTTIMEOUT_MS: curl.connect_ms = va_arg(more, long); break;
    default: break;
    }
    va_end(more);
    return CURLE_OK;
}

static CURLcode get(CURL *handle, CURLINFO info, ...)
{
    va_list more;
    (void)handle;
    va_start(more, info);
    if (info == CURLINFO_PRIVATE)
        *va_arg(more, void **) = curl.private;
    else
        *va_arg(more, long *) = 200;
    va_end(more);
    return CURLE_OK;
}

static const char *error_text(CURLcode code)
{
    return code == CURLE_OK ? "" : "libcurl says no";
}

static struct curl_slist *list_append(struct curl_slist *list, const char *text)
{
    (void)text;
    curl.headers++;
    return list;
}

static void list_free(struct curl_slist *list)
{
    (void)list;
}

static CURLM *multi_init(void)
{
    return (CURLM *)&curl;
}

static CURLMcode multi_set(CURLM *multi, CURLMoption option, ...)
{
    (void)multi, (void)option;
    return CURLM_OK;
}

static CURLMcode multi_add(CURLM *multi, CURL *handle)
{
    (void)multi, (void)handle;
    curl.is_added = curl.added == CURLM_OK;
    return curl.added;
}

static CURLMcode multi_remove(CURLM *multi, CURL *handle)
{
    (void)multi, (void)handle;
    curl.is_added = false;
    return CURLM_OK;
}

static CURLMcode multi_perform(CURLM *multi, int *running)
{
    (void)multi;
    *running = 0;
    return CURLM_OK;
}

static CURLMsg *multi_read(CURLM *multi, int *left)
{
    (void)multi;
    *left = 0;
    if (!curl.has_ended) return NULL;
    curl.has_ended = false;
    return &curl.ended;
}

static CURLMcode multi_cleanup(CURLM *multi)
{
    (void)multi;
    return CURLM_OK;
}

static const struct curl_functions functions = {
    .easy_init = easy_init,
    .easy_cleanup = easy_cleanup,
    .set = set,
    .get = get,
    .error_text = error_text,
    .list_append = list_append,
    .list_free = list_free,
    .multi_init = multi_init,
    .multi_cleanup = multi_cleanup,
    .multi_set = multi_set,
    .multi_add = multi_add,
    .multi_remove = multi_remove,
    .multi_perform = multi_perform,
    .multi_read = multi_read,
};

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
    memset(&curl, 0, sizeof curl);
    memset(&answered, 0, sizeof answered);
    curl_use(&functions);
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
    curl.ended = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = (CURL *)&curl};
    curl.ended.data.result = code;
    curl.has_ended = true;
    run();
    assert_int_equal(answered.came, 1);
}

/* Gives that many bytes, in pieces, to who takes them; libcurl ends a request at the first refusal. */
static CURLcode give(taker take, void *ctx, size_t len)
{
    static char piece[4096];
    for (size_t left = len; left;) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        if (take(piece, 1, n, ctx) != n) return CURLE_WRITE_ERROR;
        left -= n;
    }
    return CURLE_OK;
}

/* ---- */

static void a_request_goes_over_https_and_is_judged_by_the_ca(void **state)
{
    (void)state;
    ask(0);
    assert_true(curl.is_added);
    assert_string_equal(curl.protocols, "https");
    assert_string_equal(curl.no_proxy, "localhost,.localhost,127.0.0.1,::1");
    assert_string_equal(curl.ca, "ca.pem");
    assert_int_equal(curl.connect_ms, 5000);
    assert_int_equal(curl.headers, OUT_HEADERS_MAX + 1); /* and "Expect:" */
    end(CURLE_OK);
    assert_int_equal(answered.err, OK);
    assert_int_equal(curl.cleaned, 1);
}

static void a_request_that_libcurl_does_not_take_has_failed(void **state)
{
    (void)state;
    curl.added = CURLM_OUT_OF_MEMORY;
    ask(0);
    assert_int_equal(answered.came, 1);
    assert_int_equal(answered.err, ERR_NOMEM);
    assert_string_equal(answered.text, "libcurl takes no more");
    assert_int_equal(curl.cleaned, 1);
    curl.added = CURLM_OK;
    curl.no_handle = true;
    ask(0);
    assert_int_equal(answered.err, ERR_NOMEM);
    assert_int_equal(curl.cleaned, 1);
    curl.no_handle = false;
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
        end(give(curl.body, curl.body_ctx, rows[i].max));
        assert_int_equal(answered.err, OK);
        assert_int_equal(answered.len, rows[i].max);
        ask(rows[i].asked);
        end(give(curl.body, curl.body_ctx, rows[i].max + 1));
        assert_int_equal(answered.err, ERR_TOO_BIG);
        assert_int_equal(answered.len, 0);
    }
}

static void the_headers_of_an_answer_have_64_kib(void **state)
{
    (void)state;
    ask(0);
    end(give(curl.head, curl.head_ctx, OUT_HEAD_MAX));
    assert_int_equal(answered.err, OK);
    ask(0);
    end(give(curl.head, curl.head_ctx, OUT_HEAD_MAX + 1));
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
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        curl.head((char *)(uintptr_t)lines[i], 1, strlen(lines[i]), curl.head_ctx);
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
