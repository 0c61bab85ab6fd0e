/* cosmos_test.c - a container of Cosmos DB that takes, throttles, refuses and denies; the test is the
 * account. */
#include "deliver/deliver_rig.h"

#include "base/text.h"
#include "deliver/cosmos/check.h"
#include "deliver/cosmos/cosmos.h"
#include "deliver/cosmos/document.h"
#include "deliver/cosmos/sign.h"

enum { HELD_MAX = 64, DOCUMENTS_MAX = 512, S = RIG_S };

#define KEY_1 "Zmlyc3Qga2V5"
#define KEY_2 "c2Vjb25kIGtleQ=="

static struct fixture {
    struct deliver_rig d;
    unsigned http;           /* how the account answers what it is given to write; 0: it takes it */
    const char *head, *body; /* likewise */
    const char *container;   /* what a GET of it answers */
    unsigned container_http;
    const char *poison;    /* 400 to a document with this in it */
    const char *right_key; /* 401 to other signatures; NULL: any */
    bool holds;            /* no answer yet */
    struct out_call *held[HELD_MAX];
    unsigned held_count;
    unsigned writes, looks, at_once;
    size_t written;           /* bytes, with the newest */
    int heard[DOCUMENTS_MAX]; /* "n" of what it took */
    unsigned count;
    char last[2048], url[512], key[256];
} f;

static struct slice header_of(const struct out_request *r, const char *name)
{
    for (unsigned i = 0; i < OUT_HEADERS_MAX && r->headers[i].name.len; i++)
        if (slice_is_nocase(r->headers[i].name, name)) return r->headers[i].value;
    return SLICE_NONE;
}

static bool is_signed(const struct out_request *r)
{
    struct buf key = {0}, expected = {0};
    char date[COSMOS_DATE_MAX];
    if (f.right_key == NULL) return true;
    bool post = slice_is(slice_str(r->method), "POST");
    snprintf(date, sizeof date, "%.*s", SLICE_ARG(header_of(r, "x-ms-date")));
    assert_int_equal(text_unbase64(&key, slice_str(f.right_key)), OK);
    cosmos_sign(buf_slice(&key), r->method, post ? "docs" : "colls",
                SLICE_LIT("dbs/my db/colls/items"), date, &expected);
    bool same = slice_eq(header_of(r, "Authorization"), buf_slice(&expected));
    buf_free(&key);
    buf_free(&expected);
    return same;
}

static void take(const struct out_request *r)
{
    snprintf(f.last, sizeof f.last, "%.*s", SLICE_ARG(r->body));
    snprintf(f.url, sizeof f.url, "%.*s", SLICE_ARG(r->url));
    snprintf(f.key, sizeof f.key, "%.*s", SLICE_ARG(header_of(r, "x-ms-documentdb-partitionkey")));
    assert_true(slice_is(header_of(r, "x-ms-documentdb-is-upsert"), "true"));
    const char *n = strstr(f.last, "\"n\":");
    if (n && f.count < DOCUMENTS_MAX) f.heard[f.count++] = atoi(n + 4);
}

static void answer(struct out_call *call, unsigned http, const char *head, const char *body)
{
    lane_running = &f.d.out_lane;
    out_call_end(
        call, &(struct out_answer){.http = http, .head = slice_str(head), .body = slice_str(body)});
}

static bool has(struct slice bytes, const char *part)
{
    return part && memmem(bytes.ptr, bytes.len, part, strlen(part)) != NULL;
}

static void hear(struct out_call *call, const struct out_request *r)
{
    f.writes++;
    f.written = r->body.len;
    if (f.holds) {
        f.held[f.held_count++] = call;
        if (f.held_count > f.at_once) f.at_once = f.held_count;
        return;
    }
    if (!is_signed(r)) {
        answer(call, 401, "", "{\"code\":\"Unauthorized\"}");
    } else if (f.http) {
        answer(call, f.http, f.head, f.body);
    } else if (has(r->body, f.poison)) {
        answer(call, 400, "",
               "{\"code\":\"BadRequest\",\"message\":\"no \\\"good\\\"\\r\\nmore\"}");
    } else {
        take(r);
        answer(call, 201, "", "");
    }
}

static void begin(void *ctx, struct out_call *call)
{
    struct out_request r;
    (void)ctx;
    out_call_request(call, &r);
    assert_int_equal(r.answer_max, COSMOS_ANSWER_MAX); /* out_test.c keeps to it */
    if (slice_is(slice_str(r.method), "POST")) {
        hear(call, &r);
        return;
    }
    f.looks++;
    if (is_signed(&r))
        answer(call, f.container_http, "", f.container);
    else
        answer(call, 401, "", "");
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.container = "{\"id\":\"items\",\"partitionKey\":{\"paths\":[\"/pk\"],\"kind\":\"Hash\"}}";
    f.container_http = 200;
    deliver_rig_init(&f.d, 2, begin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    return 0;
}

#define MEMBERS                                                                                    \
    "\"endpointUri\":\"https://a.test:443/\",\"primaryKey\":\"" KEY_1 "\",\"databaseName\":\"my "  \
    "db\",\"containerName\":\"items\""
#define CONTAINER(more)                                                                            \
    "{\"endpoints\":{\"cosmosDBSqlContainers\":[{\"name\":\"a\"," MEMBERS more "}]}}"
#define KEYED ",\"partitionKeyName\":\"pk\""

static void run(int64_t us)
{
    cursor_rig_run(&f.d.rig, us);
}

/* What waits for an answer is taken, the last one first. */
static void release(void)
{
    unsigned count = f.held_count;
    struct out_call *calls[HELD_MAX];
    memcpy(calls, f.held, sizeof calls);
    f.held_count = 0;
    while (count--) {
        struct out_request r;
        out_call_request(calls[count], &r);
        take(&r);
        answer(calls[count], 200, "", "");
    }
}

/* ---- */

/* The example of "Access control on Azure Cosmos DB resources". */
static void a_request_is_signed_as_the_documentation_does(void **state)
{
    (void)state;
    struct buf key = {0}, out = {0};
    char date[COSMOS_DATE_MAX];
    cosmos_date(INT64_C(1493254272000000), date);
    assert_string_equal(date, "Thu, 27 Apr 2017 00:51:12 GMT");
    assert_int_equal(text_unbase64(&key, SLICE_LIT("dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0End"
                                                   "XdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==")),
                     OK);
    cosmos_sign(buf_slice(&key), "GET", "dbs", SLICE_LIT("dbs/ToDoList"), date, &out);
    assert_string_equal(buf_cstr(&out),
                        "type%3Dmaster%26ver%3D1.0%26sig%3Dc09PEVJrgp2uQRkr934kFbTqhBy"
                        "c7TVr3OHyqlu%2Bc%2Bc%3D");
    buf_free(&key);
    buf_free(&out);
}

static void a_message_is_a_document_as_azure_has_it(void **state)
{
    (void)state;
    f.right_key = KEY_1;
    deliver_rig_use(
        &f.d,
        CONTAINER(KEYED ",\"partitionKeyTemplate\":\"{deviceid}@{iothub} {YYYY}-{MM}-{DD}\""));
    assert_int_equal(f.looks, 1);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
    deliver_rig_say_n(&f.d, 1, "pump", 7);
    run(0);
    assert_string_equal(f.url, "https://a.test:443/dbs/my%20db/colls/items/docs");
    assert_string_equal(f.key, "[\"pump@plant 2023-11-14\"]");
    assert_string_equal(
        f.last, "{\"id\":\"6553f100-0000-0000-0001-000000000000\",\"pk\":\"pump@plant 2023-11-14\","
                "\"Properties\":{\"level\":\"hot\"},\"SystemProperties\":{\"iothub-content-type\":"
                "\"application/json\",\"iothub-content-encoding\":\"utf-8\","
                "\"iothub-connection-device-id\":\"pump\"},\"iothub-name\":\"plant\","
                "\"Body\":{\"n\":7}}");
    deliver_rig_say(&f.d, 1, "pump", "text/plain", "hot");
    run(0);
    assert_non_null(strstr(f.last, "\"Body\":\"aG90\"}"));
}

static void a_container_may_be_partitioned_by_id(void **state)
{
    (void)state;
    f.container = "{\"partitionKey\":{\"paths\":[\"/id\"]}}";
    deliver_rig_use(&f.d, CONTAINER(""));
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    run(0);
    assert_string_equal(f.key, "[\"6553f100-0000-0000-0000-000000000000\"]");
    f.container = "{\"id\":\"old\"}";
    deliver_rig_use(&f.d, CONTAINER(",\"secondaryKey\":\"" KEY_2 "\""));
    deliver_rig_say_n(&f.d, 0, "pump", 2);
    run(0);
    assert_string_equal(f.key, "");
    assert_int_equal(f.count, 2);
}

static void a_container_that_is_partitioned_otherwise_gets_nothing(void **state)
{
    static const struct {
        const char *container, *error;
        unsigned http;
    } rows[] = {
        {"{\"partitionKey\":{\"paths\":[\"/other\"]}}", "is '/other', and partitionKeyName is 'pk'",
         200},
        {"{\"partitionKey\":{\"paths\":[\"/pk\",\"/b\"]}}", "several members", 200},
        {"{\"partitionKey\":{\"paths\":[]}}", "is '', and", 200},
        {"{}", "is '', and", 200},
        {"no", "no container", 200},
        {"{}", "404: there is no such database or container", 404},
        {"{}", "403: its firewall", 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tear_down(state);
        set_up(state);
        f.container = rows[i].container;
        f.container_http = rows[i].http;
        deliver_rig_use(&f.d, CONTAINER(KEYED));
        deliver_rig_say_n(&f.d, 0, "pump", 1);
        run(290 * S);
        assert_int_equal(f.looks, 1); /* slowly */
        assert_int_equal(f.writes, 0);
        if (!strstr(deliver_rig_health(&f.d).error, rows[i].error))
            fail_msg("%s", deliver_rig_health(&f.d).error);
    }
}

static void documents_of_different_devices_go_together_and_those_of_one_in_order(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    f.holds = true;
    deliver_rig_say_n(&f.d, 0, "first", 0); /* while it is written, more come */
    for (int i = 1; i < 30; i++) {
        char device[16];
        snprintf(device, sizeof device, "d%d", i);
        deliver_rig_say_n(&f.d, 0, device, i);
    }
    for (int n = 100; n < 104; n++) deliver_rig_say_n(&f.d, 0, "same", n);
    for (unsigned turns = 0; f.held_count; turns++) {
        assert_true(f.held_count <= COSMOS_BATCH_MAX && turns < 30);
        release();
        run(0);
    }
    assert_int_equal(f.at_once, COSMOS_BATCH_MAX);
    assert_int_equal(f.count, 34);
    for (unsigned n = 0; n < 3; n++) assert_int_equal(f.heard[f.count - 3 + n], 101 + n);
}

static void what_is_written_again_has_the_same_id(void **state)
{
    (void)state;
    char first[sizeof f.last];
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    run(0);
    memcpy(first, f.last, sizeof first);
    deliver_rig_close(&f.d);
    io_mem_crash(f.d.rig.io, 1); /* before its place was stored */
    deliver_rig_open(&f.d);
    run(2 * S);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.last, first);
}

static void an_account_that_throttles_is_asked_when_it_says(void **state)
{
    (void)state;
    int64_t failed = deliver_rig_count("failure");
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    f.http = 429;
    f.head = "x-ms-retry-after-ms: 700\r\n";
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    assert_int_equal(f.writes, 1);
    run(500000);
    assert_int_equal(f.writes, 1);
    run(500000);
    assert_int_equal(f.writes, 2);
    f.http = 0;
    run(S);
    assert_int_equal(f.count, 1);
    assert_int_equal(deliver_rig_health(&f.d).status, ROUTING_HEALTHY);
    assert_int_equal(deliver_rig_count("failure") - failed, 0);
}

static void one_that_goes_on_throttling_pauses_the_endpoint(void **state)
{
    static const struct {
        const char *head;
        unsigned writes;
    } rows[] = {{"x-ms-retry-after-ms: 250\r\n", 1 + COSMOS_THROTTLED_MAX},
                {"x-ms-retry-after-ms: 30000\r\n", 2}, /* N milliseconds, and one more */
                {"x-ms-retry-after-ms: 30001\r\n", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tear_down(state);
        set_up(state);
        deliver_rig_use(&f.d, CONTAINER(KEYED));
        f.http = 429;
        f.head = rows[i].head;
        deliver_rig_say_n(&f.d, 0, "pump", 1);
        for (unsigned n = 0; n < 200 && deliver_rig_health(&f.d).status == ROUTING_HEALTHY; n++)
            run(250000);
        assert_int_equal(f.writes, rows[i].writes);
        assert_non_null(strstr(deliver_rig_health(&f.d).error, "429: too many requests"));
        f.http = 0;
        run(60 * S);
        assert_int_equal(f.count, 1);
    }
}

static void the_other_key_is_tried_at_once_and_both_slowly(void **state)
{
    (void)state;
    f.right_key = KEY_1;
    deliver_rig_use(&f.d, CONTAINER(KEYED ",\"secondaryKey\":\"" KEY_2 "\""));
    f.right_key = KEY_2;
    deliver_rig_say_n(&f.d, 0, "pump", 1);
    run(2 * S);
    assert_int_equal(f.count, 1);
    f.right_key = "bm9uZQ==";
    deliver_rig_say_n(&f.d, 0, "pump", 2);
    run(200 * S);
    assert_int_equal(f.writes, 2 + 2);
    assert_non_null(strstr(deliver_rig_health(&f.d).error, "401: its keys are not those"));
    f.right_key = KEY_1;
    run(400 * S);
    assert_int_equal(f.count, 2);
}

static void a_document_that_is_refused_alone_is_passed_over(void **state)
{
    (void)state;
    int64_t refused = deliver_rig_count("refused");
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    f.poison = "\"n\":2}";
    f.http = 503;
    deliver_rig_say_n(&f.d, 0, "a", 1);
    deliver_rig_say_n(&f.d, 0, "b", 2);
    deliver_rig_say_n(&f.d, 0, "c", 3);
    f.http = 0;
    run(5 * S);
    assert_int_equal(deliver_rig_count("refused") - refused, 1);
    assert_string_equal(deliver_rig_health(&f.d).error, "Cosmos DB answered 400: no 'good'");
    assert_int_equal(f.heard[f.count - 1], 3);
    f.poison = NULL;
    f.http = 413;
    deliver_rig_say_n(&f.d, 0, "a", 4);
    run(S);
    assert_int_equal(deliver_rig_count("refused") - refused, 2);
}

static void a_key_that_fits_no_longer_refuses_no_message(void **state)
{
    (void)state;
    int64_t refused = deliver_rig_count("refused");
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    f.http = 400;
    f.head = "x-ms-substatus: 1001\r\n";
    deliver_rig_say_n(&f.d, 0, "a", 1);
    run(10 * S);
    assert_int_equal(deliver_rig_count("refused") - refused, 0);
    assert_non_null(strstr(deliver_rig_health(&f.d).error, "another than partitionKeyName"));
    f.http = 0;
    run(400 * S);
    assert_int_equal(f.count, 1);
}

/* Three bytes are four in base64. */
static void say_threes(size_t count)
{
    struct buf body = {0};
    for (size_t i = 0; i < 3 * count; i++) buf_put_u8(&body, 'x');
    deliver_rig_say(&f.d, 0, "pump", "text/plain", buf_cstr(&body));
    buf_free(&body);
    run(S);
}

static void a_message_that_is_too_large_as_a_document_is_passed_over(void **state)
{
    (void)state;
    int64_t refused = deliver_rig_count("refused");
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    say_threes(1);
    size_t own = strlen(f.key) + 2 * sizeof(uint32_t); /* of its key, and of both lengths */
    size_t threes = 1 + (COSMOS_DOCUMENT_MAX - f.written - own) / 4;
    say_threes(threes);
    assert_in_range(f.written + own, COSMOS_DOCUMENT_MAX - 3, COSMOS_DOCUMENT_MAX);
    say_threes(threes + 1);
    assert_int_equal(f.writes, 2);
    assert_int_equal(deliver_rig_count("refused") - refused, 1);
    deliver_rig_say_n(&f.d, 0, "pump", 2);
    run(S);
    assert_int_equal(f.writes, 3);
}

static void an_endpoint_that_goes_takes_what_is_under_way_along(void **state)
{
    (void)state;
    deliver_rig_use(&f.d, CONTAINER(KEYED));
    f.http = 429;
    f.head = "x-ms-retry-after-ms: 5000\r\n";
    deliver_rig_say_n(&f.d, 0, "a", 1);
    f.holds = true;
    deliver_rig_say_n(&f.d, 1, "b", 2);
    deliver_rig_use(&f.d, "{\"endpoints\":{}}");
    f.holds = false;
    answer(f.held[0], 201, "", "");
    run(20 * S);
    assert_int_equal(f.writes, 2);
}

static void templates_have_each_word_once(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {{"{deviceid}", NULL},
                {"a{DD}b{MM}c{YYYY}d{iothub}e{deviceid}f", NULL},
                {"plain", "has none of"},
                {"{deviceid}{deviceid}", "there twice"},
                {"{device}", "'device' is none of"},
                {"{dd}", "is none of"},
                {"{DD", "'DD' is none"},
                {"DD}{MM}", "is none of"},
                {"{}", "is none of"},
                {"{DD}\xc3\xa9", "beyond ASCII"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err e = cosmos_template_check(slice_str(rows[i].text));
        if (rows[i].error == NULL)
            assert_int_equal(e, OK);
        else
            assert_true(e != OK && strstr(fail_text(), rows[i].error));
    }
}

#define NAMES(database)                                                                            \
    "\"endpointUri\":\"https://a.test\",\"primaryKey\":\"" KEY_1 "\",\"databaseName\":\"" database \
    "\",\"containerName\":\"c\""
#define X15  "xxxxxxxxxxxxxxx"
#define X255 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15

static void containers_are_looked_at_and_shown_without_their_keys(void **state)
{
    static const struct deliver_rig_row rows[] = {
        {MEMBERS, NULL},
        {MEMBERS ",\"authenticationType\":\"keyBased\",\"resourceGroup\":\"g\"", NULL},
        {MEMBERS ",\"authenticationType\":\"identityBased\"",
         "there are no identities of Azure here"},
        {MEMBERS ",\"collection\":\"x\"", "no member 'collection'"},
        {"\"databaseName\":\"d\"", "endpointUri is missing"},
        {"\"endpointUri\":\"http://a.test/\"", "not https://HOST/"},
        {"\"endpointUri\":\"https://a.test/x\"", "not https://HOST/"},
        {"\"endpointUri\":\"https://a.test?x\"", "not https://HOST/"},
        {"\"endpointUri\":\"https://u@a.test\"", "not https://HOST/"},
        {"\"endpointUri\":\"https://plant.test/\"", "own address"},
        {"\"endpointUri\":\"https://a.test\"", "primaryKey is missing"},
        {"\"endpointUri\":\"https://a.test\",\"primaryKey\":\"no key\"", "not in base64"},
        {"\"endpointUri\":\"https://a.test\",\"primaryKey\":\"" KEY_1 "\"",
         "databaseName is missing"},
        {NAMES(X255), NULL},
        {NAMES(X255 "x"), "1 to 255 bytes"},
        {NAMES(""), "1 to 255 bytes"},
        {NAMES("a/b"), "databaseName has / "},
        {NAMES("a "), "or a space at its end"},
        {NAMES("d") KEYED, NULL},
        {NAMES("d") ",\"partitionKeyTemplate\":\"{DD}\"", "wants a partitionKeyName"},
        {NAMES("d") ",\"partitionKeyName\":\"Body\"", "another member"},
        {NAMES("d") ",\"partitionKeyName\":\"a/b\"", "not a path"},
        {NAMES("d") KEYED ",\"partitionKeyTemplate\":\"x\"", "has none of"},
        {NAMES("d") KEYED ",\"partitionKeyTemplate\":\"{DD}" X255 "\"", "1 to 256 bytes"},
    };
    (void)state;
    deliver_rig_check(&f.d, "cosmosDBSqlContainers", rows, sizeof rows / sizeof *rows);
    deliver_rig_use(&f.d, "{\"endpoints\":{}}");
    assert_int_equal(deliver_rig_put(&f.d,
                                     "{\"endpoints\":{\"cosmosDBSqlContainers\":[{\"name\":\"a\","
                                     "\"endpointUri\":\"https://a.test\",\"primaryKey\":\"****\","
                                     "\"databaseName\":\"d\",\"containerName\":\"c\"}]}}"),
                     ERR_INVALID);
    assert_non_null(strstr(f.d.text, "is masked"));
    deliver_rig_use(&f.d, CONTAINER(",\"secondaryKey\":\"" KEY_2 "\""));
    deliver_rig_assert_hidden(&f.d, KEY_1);
    deliver_rig_assert_hidden(&f.d, KEY_2);
    deliver_rig_use(&f.d,
                    "{\"endpoints\":{\"cosmosDBSqlContainers\":[{\"name\":\"a\",\"endpointUri\":"
                    "\"https://b.test\",\"primaryKey\":\"****\",\"databaseName\":\"d\","
                    "\"containerName\":\"c\"}]}}");
    cursor_rig_on(&f.d.rig);
    assert_true(slice_is(json_str(routing_endpoint_at(f.d.routing, 1)->json, "primaryKey"), KEY_1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_signed_as_the_documentation_does),
        TEST(a_message_is_a_document_as_azure_has_it),
        TEST(a_container_may_be_partitioned_by_id),
        TEST(a_container_that_is_partitioned_otherwise_gets_nothing),
        TEST(documents_of_different_devices_go_together_and_those_of_one_in_order),
        TEST(what_is_written_again_has_the_same_id),
        TEST(an_account_that_throttles_is_asked_when_it_says),
        TEST(one_that_goes_on_throttling_pauses_the_endpoint),
        TEST(the_other_key_is_tried_at_once_and_both_slowly),
        TEST(a_document_that_is_refused_alone_is_passed_over),
        TEST(a_key_that_fits_no_longer_refuses_no_message),
        TEST(a_message_that_is_too_large_as_a_document_is_passed_over),
        TEST(an_endpoint_that_goes_takes_what_is_under_way_along),
        cmocka_unit_test(templates_have_each_word_once),
        TEST(containers_are_looked_at_and_shown_without_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
