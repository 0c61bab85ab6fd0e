/* deliver_test.c - endpoints that take, refuse, hang, throttle, break and come back; the test is the
 * network, and what the two webhooks hear is noted. */
#include "deliver/deliver_rig.h"
#include "deliver/say_test.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "deliver/deliver.h"
#include "out/carrier.h"

enum { PARTITIONS = 2, HEARD_MAX = 4096, S = 1000000, LARGE = 800 << 10 };

/* How a webhook answers. */
enum mode { TAKES, HANGS, BREAKS, ANSWERS };

struct peer {
    enum mode mode;
    unsigned http;        /* of ANSWERS */
    const char *head;     /* likewise */
    const char *poison;   /* 400 to what has this in it */
    bool disagrees;       /* in the handshake */
    int heard[HEARD_MAX]; /* "n" of messages it took, in order */
    unsigned count;
    unsigned posts, greetings;
    char last[4096];          /* the body of the last post */
    char type[64], event[64]; /* its Content-Type and aeg-event-type */
    struct out_call *hanging; /* the newest */
    char callback[512];       /* the address that the last handshake told of */
};

static struct fixture {
    struct deliver_rig d;
    struct peer a, b;
} f;

/* ---- the network */

static void note(struct peer *p, const struct out_request *r)
{
    struct buf body = {0};
    buf_put_slice(&body, r->body);
    for (const char *at = buf_cstr(&body); (at = strstr(at, "\"n\":")) != NULL; at++)
        if (p->count < HEARD_MAX) p->heard[p->count++] = atoi(at + 4);
    buf_free(&body);
}

static void greet(struct peer *p, struct out_call *call, const struct out_request *r)
{
    struct out_answer a = {.http = 200};
    struct buf text = {0};
    struct arena arena = {0};
    struct json *events;
    p->greetings++;
    if (slice_is(slice_str(r->method), "OPTIONS")) {
        if (!p->disagrees) a.head = SLICE_LIT("WebHook-Allowed-Origin: *\r\n");
        snprintf(p->callback, sizeof p->callback, "%.*s", SLICE_ARG(r->headers[1].value));
    } else {
        assert_int_equal(json_parse(&arena, r->body, &events), OK);
        struct slice code = json_str(json_get(events->child, "data"), "validationCode");
        assert_int_equal(code.len, 36);
        snprintf(p->callback, sizeof p->callback, "%.*s",
                 SLICE_ARG(json_str(json_get(events->child, "data"), "validationUrl")));
        if (p->disagrees) code = SLICE_LIT("no");
        buf_printf(&text, "{\"validationResponse\":\"%.*s\"}", SLICE_ARG(code));
        a.body = buf_slice(&text);
    }
    out_call_end(call, &a);
    buf_free(&text);
    arena_free(&arena);
}

static bool has(struct slice bytes, const char *part)
{
    return part && memmem(bytes.ptr, bytes.len, part, strlen(part)) != NULL;
}

static void hear(struct peer *p, struct out_call *call, const struct out_request *r)
{
    p->posts++;
    snprintf(p->last, sizeof p->last, "%.*s", SLICE_ARG(r->body));
    snprintf(p->type, sizeof p->type, "%.*s", SLICE_ARG(r->headers[0].value));
    snprintf(p->event, sizeof p->event, "%.*s", SLICE_ARG(r->headers[1].value));
    struct out_answer a = {.http = 200};
    p->hanging = call;
    if (p->mode == HANGS) return;
    if (p->mode == BREAKS) a = (struct out_answer){.err = ERR_CLOSED, .text = "reset"};
    if (p->mode == ANSWERS) a.http = p->http;
    if (p->mode == ANSWERS && p->head) a.head = slice_str(p->head);
    if (has(r->body, p->poison)) a.http = 400;
    if (a.err == OK && a.http == 200) note(p, r);
    out_call_end(call, &a);
}

static void begin(void *ctx, struct out_call *call)
{
    struct out_request r;
    (void)ctx;
    out_call_request(call, &r);
    struct peer *p = slice_is(out_url_host(r.url), "a.test") ? &f.a : &f.b;
    bool greeting = r.body.ptr == NULL || slice_is(r.headers[1].value, "SubscriptionValidation");
    if (greeting && p->mode != HANGS)
        greet(p, call, &r);
    else
        hear(p, call, &r);
}

/* ---- a hub around it */

static void furnish(struct deliver_rig *d, struct deliver_doors *doors)
{
    (void)doors;
    assert_int_equal(hub_add_host(&d->hub, SLICE_LIT("localhost")), OK);
}

static void open_hub(void)
{
    deliver_rig_open(&f.d);
}

static void close_hub(void)
{
    deliver_rig_close(&f.d);
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.d.begin = begin;
    f.d.furnish = furnish;
    deliver_rig_start(&f.d, PARTITIONS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    return 0;
}

struct asker {
    struct routing_wait wait;
    bool came;
    enum err err;
    char text[512];
};

static void on_put(struct routing_wait *w, enum err e, const char *text)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->came = true;
    a->err = e;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static struct asker put(const char *document)
{
    struct asker a = {.err = deliver_rig_put(&f.d, document)};
    memcpy(a.text, f.d.text, sizeof a.text);
    return a;
}

#define HOOK(name, more)                                                                           \
    "{\"name\":\"" name "\",\"endpointUri\":\"https://" name ".test/x?code=key\"" more "}"
#define HOOKS(list) "{\"endpoints\":{\"webhooks\":[" list "]}}"

/* And the handshake. */
static void use(const char *document)
{
    struct asker a = put(document);
    if (a.err != OK) fail_msg("%s", a.text);
    cursor_rig_run(&f.d.rig, S);
}

static void say(unsigned partition, int n, const char *more, uint64_t bits)
{
    struct buf body = {0};
    buf_printf(&body, "{\"n\":%d%s}", n, more);
    say_body(&f.d.rig, partition, "pump", buf_slice(&body), bits);
    buf_free(&body);
}

static void say_many(int first, int last, uint64_t bits)
{
    for (int n = first; n <= last; n++) say((unsigned)n % PARTITIONS, n, "", bits);
}

enum { A = 1 << 1, B = 1 << 2 };

/* Everything came, each partition in its order; what came twice came again from a place before. */
static void assert_heard(const struct peer *p, int first, int last)
{
    int next[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++)
        next[i] = first + (i + PARTITIONS - first % PARTITIONS) % PARTITIONS;
    for (unsigned i = 0; i < p->count; i++) {
        int *expected = &next[p->heard[i] % PARTITIONS];
        assert_true(p->heard[i] <= *expected);
        if (p->heard[i] == *expected) *expected += PARTITIONS;
    }
    for (int i = 0; i < PARTITIONS; i++) assert_true(next[i] > last);
}

static struct routing_health health(unsigned i)
{
    struct buf text = {0};
    struct arena a = {0};
    struct json *all;
    struct routing_health h = {0};
    static const char *const words[] = {"unknown", "healthy", "degraded", "unhealthy", "dead"};
    cursor_rig_on(&f.d.rig);
    routing_put_health(f.d.routing, &text);
    assert_int_equal(json_parse(&a, buf_slice(&text), &all), OK);
    const struct json *e = json_get(all, "value")->child;
    while (i--) e = e->next;
    while (!slice_is(json_str(e, "healthStatus"), words[h.status])) h.status++;
    snprintf(h.error, sizeof h.error, "%.*s", SLICE_ARG(json_str(e, "lastKnownError")));
    buf_free(&text);
    arena_free(&a);
    return h;
}

static int64_t count_of(const char *endpoint, const char *result)
{
    char labels[128];
    snprintf(labels, sizeof labels, "endpoint=\"%s\",result=\"%s\"", endpoint, result);
    return metric_value(metric_of(METRIC_COUNTER, "azimuth_routing_deliveries_total", labels, ""));
}

/* By Azure's names. */
static int64_t azure(const char *name, const char *labels)
{
    return metric_value(metric_of(METRIC_COUNTER, name, labels, ""));
}

#define TO_A "RoutingSource=\"Device Messages\",EndpointType=\"webhooks\",EndpointName=\"a\""

static int64_t fate_of(const char *result)
{
    char labels[256];
    snprintf(labels, sizeof labels, "%s," TO_A, result);
    return azure("azimuth_RoutingDeliveries_total", labels);
}

static int64_t events_of(const char *result)
{
    char labels[256];
    snprintf(labels, sizeof labels, "Result=\"%s\",EventType=\"Microsoft.Devices.DeviceTelemetry\"",
             result);
    return azure("azimuth_EventGridDeliveries_total", labels);
}

#define TAKEN   "Result=\"success\",FailureReasonCategory=\"null\""
#define INVALID "Result=\"failure\",FailureReasonCategory=\"invalid\""
#define DROPPED "Result=\"failure\",FailureReasonCategory=\"dropped\""

/* ---- */

static void a_webhook_that_agreed_gets_events(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "")));
    assert_int_equal(f.a.greetings, 1);
    assert_int_equal(health(1).status, ROUTING_HEALTHY);
    say(1, 7, "", A);
    cursor_rig_run(&f.d.rig, 0);
    assert_int_equal(f.a.posts, 1);
    assert_string_equal(f.a.event, "Notification");
    assert_string_equal(
        f.a.last,
        "[{\"id\":\"6553f100-0000-0000-0001-000000000000\","
        "\"topic\":\"/providers/Microsoft.Devices/IotHubs/plant\",\"subject\":\"devices/pump\","
        "\"eventType\":\"Microsoft.Devices.DeviceTelemetry\","
        "\"eventTime\":\"2023-11-14T22:13:21.0000000Z\",\"data\":{\"properties\":{\"level\":"
        "\"hot\",\"azimuth-passed\":\"plant-6553f100/a\"},"
        "\"systemProperties\":{\"iothub-content-type\":\"application/json\","
        "\"iothub-content-encoding\":\"utf-8\",\"iothub-connection-device-id\":\"pump\"},"
        "\"body\":{\"n\":7}},\"dataVersion\":\"\",\"metadataVersion\":\"1\"}]");
}

static void a_webhook_that_does_not_agree_gets_nothing_until_it_does(void **state)
{
    static const char *const documents[] = {
        HOOKS(HOOK("a", "")), HOOKS(HOOK("a", ",\"schema\":\"CloudEventSchemaV1_0\""))};
    for (unsigned i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        f.a.disagrees = true;
        use(documents[i]);
        say_many(1, 10, A);
        cursor_rig_run(&f.d.rig, 10 * S);
        assert_int_equal(f.a.posts, 0);
        assert_int_equal(f.a.greetings, 1);
        assert_int_equal(health(1).status, ROUTING_UNHEALTHY);
        f.a.disagrees = false;
        cursor_rig_run(&f.d.rig, (int64_t)2 * DELIVER_PAUSE_SLOW_S * S);
        assert_heard(&f.a, 1, 10);
        assert_int_equal(f.a.count, 10);
        assert_int_equal(health(1).status, ROUTING_HEALTHY);
    }
}

/* Somebody asks for the address, or for one like it. */
static enum err agree(const char *endpoint, const char *uri)
{
    static struct asker asker;
    asker = (struct asker){.wait.fn = on_put};
    const char *code = strstr(uri, "?id=");
    assert_non_null(code);
    cursor_rig_on(&f.d.rig);
    routing_agree(f.d.routing, slice_str(endpoint),
                  &(struct routing_consent){.code = slice_str(code + 4)}, &asker.wait);
    cursor_rig_run(&f.d.rig, 0);
    assert_true(asker.came);
    return asker.err;
}

static void a_webhook_may_agree_later_by_asking_for_the_address_that_it_was_told(void **state)
{
    static const char *const documents[] = {
        HOOKS(HOOK("a", "")), HOOKS(HOOK("a", ",\"schema\":\"CloudEventSchemaV1_0\""))};
    for (unsigned i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        f.a.disagrees = true;
        use(documents[i]);
        assert_non_null(strstr(health(1).error, "awaiting manual action"));
        const char *uri = "https://plant.test:8443/eventsubscriptions/a/validate?id=";
        assert_int_equal(strncmp(f.a.callback, uri, strlen(uri)), 0);
        say_many(1, 10, A);
        cursor_rig_run(&f.d.rig, (ROUTING_AGREE_S - 10) * S);
        assert_int_equal(agree("a", "?id=00000000-0000-0000-0000-000000000000"), ERR_NOT_FOUND);
        assert_int_equal(agree("b", f.a.callback), ERR_NOT_FOUND);
        assert_int_equal(f.a.posts, 0);
        assert_int_equal(agree("a", f.a.callback), OK);
        cursor_rig_run(&f.d.rig, S);
        assert_heard(&f.a, 1, 10);
        assert_int_equal(health(1).status, ROUTING_HEALTHY);
        assert_int_equal(agree("a", f.a.callback), OK); /* a browser may ask twice */
        assert_int_equal(f.a.greetings, 1);
        assert_int_equal(f.a.count, 10);
    }
}

/* Until its address, or the endpoint itself, is another. */
static void who_agreed_by_hand_is_not_asked_again_after_a_restart(void **state)
{
    (void)state;
    f.a.disagrees = true;
    use(HOOKS(HOOK("a", "")));
    assert_int_equal(agree("a", f.a.callback), OK);
    cursor_rig_run(&f.d.rig, S);
    close_hub();
    open_hub();
    cursor_rig_run(&f.d.rig, S);
    assert_int_equal(f.a.greetings, 1);
    say_many(1, 10, A);
    cursor_rig_run(&f.d.rig, S);
    assert_heard(&f.a, 1, 10);
    use(HOOKS(HOOK("a", ",\"maxEventsPerBatch\":5")));
    assert_int_equal(f.a.greetings, 1);
    use(HOOKS(HOOK("a", ",\"schema\":\"CloudEventSchemaV1_0\"")));
    assert_int_equal(f.a.greetings, 2);
    use(HOOKS(HOOK("a", "")));
    assert_int_equal(f.a.greetings, 2);
    use("{}");
    use(HOOKS(HOOK("a", "")));
    assert_int_equal(f.a.greetings, 3);
}

static void not_after_five_minutes_nor_with_a_code_from_before(void **state)
{
    (void)state;
    char first[sizeof f.a.callback];
    f.a.disagrees = true;
    use(HOOKS(HOOK("a", "")));
    memcpy(first, f.a.callback, sizeof first);
    cursor_rig_run(&f.d.rig,
                   ROUTING_AGREE_S * S - 3 * S / 4); /* it was asked after the first tick */
    assert_int_equal(agree("a", first), ERR_NOT_FOUND);
    cursor_rig_run(&f.d.rig, DELIVER_PAUSE_SLOW_S / 4 * S + S);
    assert_int_equal(f.a.greetings, 2);
    assert_string_not_equal(f.a.callback, first);
    assert_int_equal(agree("a", first), ERR_NOT_FOUND);
    assert_int_equal(f.a.posts, 0);
}

static void cloud_events_come_in_batches(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", ",\"schema\":\"CloudEventSchemaV1_0\"")));
    say(0, 7, "", A);
    cursor_rig_run(&f.d.rig, 0);
    assert_string_equal(f.a.type, "application/cloudevents-batch+json; charset=utf-8");
    assert_non_null(strstr(f.a.last, "\"specversion\":\"1.0\""));
    assert_non_null(strstr(f.a.last, "\"type\":\"Microsoft.Devices.DeviceTelemetry\""));
    assert_non_null(strstr(f.a.last, "\"source\":\"/providers/Microsoft.Devices/IotHubs/plant\""));
}

static void a_batch_has_no_more_than_the_endpoint_wants(void **state)
{
    (void)state;
    f.a.mode = HANGS;
    use(HOOKS(HOOK("a", ",\"maxEventsPerBatch\":3")));
    f.a.mode = TAKES;
    for (int n = 2; n <= 14; n += 2) say(0, n, "", A);
    cursor_rig_run(&f.d.rig, 120 * S);
    assert_int_equal(f.a.count, 7);
    assert_int_equal(f.a.posts, 3 + 1); /* 3, 3, 1; the first greeting hung */
}

static void an_endpoint_that_fails_loses_nothing_and_keeps_the_order(void **state)
{
    static const struct peer ways[] = {{.mode = HANGS},
                                       {.mode = BREAKS},
                                       {.mode = ANSWERS, .http = 503},
                                       {.mode = ANSWERS, .http = 302},
                                       {.mode = ANSWERS, .http = 401}};
    (void)state;
    int n = 1;
    use(HOOKS(HOOK("a", ",\"maxEventsPerBatch\":7")));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++, n += 50) {
        f.a.mode = ways[i].mode;
        f.a.http = ways[i].http;
        say_many(n, n + 49, A);
        cursor_rig_run(&f.d.rig, 60 * S);
        assert_int_equal(f.a.count, n - 1);
        assert_int_equal(health(1).status, ROUTING_UNHEALTHY);
        f.a.mode = TAKES;
        cursor_rig_run(&f.d.rig, (int64_t)2 * DELIVER_PAUSE_SLOW_S * S);
        assert_int_equal(health(1).status, ROUTING_HEALTHY);
        assert_heard(&f.a, 1, n + 49);
        assert_int_equal(f.a.count, n + 49);
    }
    assert_non_null(strstr(health(1).error, "credentials"));
}

static void pauses_grow_and_one_partition_tries(void **state)
{
    (void)state;
    f.a.http = 500;
    use(HOOKS(HOOK("a", "")));
    f.a.mode = ANSWERS;
    say_many(1, 20, A);
    cursor_rig_run(&f.d.rig, 600 * S);
    assert_in_range(f.a.posts, 11, 18); /* 1 2 4 8 16 32 60 60 60 ... */
}

static void what_fails_together_is_one_failure(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "")));
    f.a.mode = HANGS;
    say_many(1, PARTITIONS, A);
    assert_int_equal(f.a.posts, PARTITIONS);
    cursor_rig_run(&f.d.rig, 30 * S + 7 * S / 4); /* the first pause is 1 s, or a quarter more */
    assert_int_equal(f.a.posts, PARTITIONS + 1);
}

static void a_target_that_asks_for_time_gets_it(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "")));
    f.a = (struct peer){.mode = ANSWERS, .http = 429, .head = "Retry-After: 90\r\n"};
    say(0, 2, "", A);
    cursor_rig_run(&f.d.rig, 89 * S);
    assert_int_equal(f.a.posts, 1);
    f.a.mode = TAKES;
    cursor_rig_run(&f.d.rig, 30 * S);
    assert_int_equal(f.a.posts, 2);
    assert_int_equal(f.a.count, 1);
}

/* The hub's wall clock is 2023-11-14 22:13:20 at first. */
static void it_may_say_until_when(void **state)
{
    static const struct {
        const char *head;
        int64_t not_before, not_after;
    } rows[] = {{"Retry-After: Tue, 14 Nov 2023 22:14:50 GMT\r\n", 86, 115},
                {"Retry-After: Tue, 14 Nov 2023 22:10:00 GMT\r\n", 0, 3},
                {"Retry-After: Wed, 14 Nov 2063 22:10:00 GMT\r\n", 598, 752},
                {"Retry-After: tomorrow\r\n", 0, 3},
                {"Retry-After: 18446744073709551615\r\n", 598, 752}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tear_down(state);
        set_up(state);
        use(HOOKS(HOOK("a", "")));
        f.a = (struct peer){.mode = ANSWERS, .http = 429, .head = rows[i].head};
        say(0, 2, "", A);
        cursor_rig_run(&f.d.rig, rows[i].not_before * S);
        assert_int_equal(f.a.posts, 1);
        f.a.mode = TAKES;
        cursor_rig_run(&f.d.rig, (rows[i].not_after - rows[i].not_before) * S);
        assert_int_equal(f.a.posts, 2);
    }
}

static void nor_does_another_partition_take_it_away(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "")));
    f.a = (struct peer){.mode = HANGS, .http = 429, .head = "Retry-After: 90\r\n"};
    say(0, 2, "", A);
    struct out_call *first = f.a.hanging;
    f.a.mode = ANSWERS;
    say(1, 1, "", A);
    lane_running = &f.d.out_lane;
    out_call_end(first, &(struct out_answer){.http = 200});
    cursor_rig_run(&f.d.rig, 89 * S);
    assert_int_equal(f.a.posts, 2);
    f.a.mode = TAKES;
    cursor_rig_run(&f.d.rig, 30 * S);
    assert_int_equal(f.a.posts, 3);
    assert_int_equal(health(1).status, ROUTING_HEALTHY);
}

static void what_is_refused_alone_is_passed_over(void **state)
{
    (void)state;
    int64_t refused = count_of("a", "refused"), taken = count_of("a", "success");
    int64_t invalid = fate_of(INVALID), delivered = fate_of(TAKEN);
    int64_t told = events_of("success"), not_told = events_of("failure");
    use(HOOKS(HOOK("a", "")));
    f.a.mode = BREAKS;
    for (int n = 2; n <= 40; n += 2) say(0, n, n == 20 ? ",\"bad\":1" : "", A);
    f.a.mode = TAKES;
    f.a.poison = "bad";
    cursor_rig_run(&f.d.rig, 10 * S);
    assert_int_equal(f.a.count, 19);
    for (unsigned i = 0; i < 19; i++) assert_int_equal(f.a.heard[i], i < 9 ? 2 * i + 2 : 2 * i + 4);
    assert_int_equal(count_of("a", "refused") - refused, 1);
    assert_int_equal(count_of("a", "success") - taken, 19);
    assert_int_equal(fate_of(INVALID) - invalid, 1);
    assert_int_equal(fate_of(TAKEN) - delivered, 19);
    assert_int_equal(events_of("success") - told, 19);
    assert_true(events_of("failure") - not_told > 1); /* tries with others, too */
    assert_int_equal(health(1).status, ROUTING_HEALTHY);
}

static void what_arrives_has_bytes_and_a_latency_by_source(void **state)
{
    (void)state;
    static const char *const names[] = {"azimuth_RoutingDataSizeInBytesDelivered_total",
                                        "azimuth_RoutingDeliveryLatency_milliseconds_total"};
    int64_t bytes = azure(names[0], TO_A), late_ms = azure(names[1], TO_A);
    int64_t event_ms = azure("azimuth_EventGridLatency_milliseconds_total",
                             "EventType=\"Microsoft.Devices.DeviceTelemetry\"");
    int64_t taken = fate_of(TAKEN);
    use(HOOKS(HOOK("a", "")));
    f.a.mode = BREAKS;
    say(0, 2, "", A);
    say(1, 3, "", A);
    cursor_rig_run(&f.d.rig, 0);
    f.a.mode = TAKES;
    cursor_rig_run(&f.d.rig, 10 * S);
    assert_int_equal(fate_of(TAKEN) - taken, 2);
    assert_true(azure(names[0], TO_A) - bytes > 2 * 7);
    assert_in_range(azure(names[1], TO_A) - late_ms, 2 * 1000, 2 * 10000);
    assert_int_equal(azure("azimuth_EventGridLatency_milliseconds_total",
                           "EventType=\"Microsoft.Devices.DeviceTelemetry\"") -
                         event_ms,
                     azure(names[1], TO_A) - late_ms);
}

static void a_message_that_is_too_large_as_an_event_is_passed_over(void **state)
{
    (void)state;
    int64_t refused = count_of("a", "refused");
    char *large = mem_zero(LARGE + 1);
    snprintf(large, LARGE, ", no JSON: %0*d", LARGE - 100, 0); /* base64 makes a third more of it */
    use(HOOKS(HOOK("a", "")));
    say(0, 2, "", A);
    say(0, 4, large, A);
    say(0, 6, "", A);
    cursor_rig_run(&f.d.rig, 10 * S);
    assert_int_equal(f.a.count, 2);
    assert_int_equal(f.a.heard[1], 6);
    assert_int_equal(count_of("a", "refused") - refused, 1);
    free(large);
}

static void a_stalled_endpoint_does_not_slow_another(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "") "," HOOK("b", "")));
    f.a.mode = HANGS;
    say_many(1, 400, A | B);
    cursor_rig_run(&f.d.rig, 0); /* no time passes */
    assert_int_equal(f.b.count, 400);
    assert_heard(&f.b, 1, 400);
    assert_int_equal(f.a.count, 0);
    assert_true(f.a.posts <= PARTITIONS);
}

static void what_was_sent_and_not_done_comes_again_after_a_crash(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", ",\"maxEventsPerBatch\":5")));
    for (int round = 0; round < 5; round++) {
        f.a.mode = round % 2 ? HANGS : TAKES;
        say_many(1 + 30 * round, 30 + 30 * round, A);
        if (round % 3) cursor_rig_run(&f.d.rig, 2 * S); /* places are stored meanwhile */
        f.a.mode = TAKES;
        close_hub();
        io_mem_crash(f.d.rig.io, (uint64_t)round);
        open_hub();
        cursor_rig_run(&f.d.rig, 5 * S);
    }
    assert_heard(&f.a, 1, 150);
    assert_true(f.a.count > 150);
}

static void a_dead_endpoint_drops_until_it_is_back(void **state)
{
    (void)state;
    int64_t dropped = count_of("a", "dropped"), azure_dropped = fate_of(DROPPED);
    use(HOOKS(HOOK("a", "")));
    f.a.mode = BREAKS;
    say_many(1, 10, A);
    for (int i = 0; i < DELIVER_RETRIAL_S / 30; i++) rig_advance(f.d.rig.rig, 30 * S);
    assert_int_equal(count_of("a", "dropped") - dropped, 0);
    cursor_rig_run(&f.d.rig, 120 * S);
    assert_int_equal(health(1).status, ROUTING_DEAD);
    assert_in_range(count_of("a", "dropped") - dropped, 5, 10);
    say_many(11, 20, A);
    cursor_rig_run(&f.d.rig, 200 * S);
    assert_in_range(count_of("a", "dropped") - dropped, 15, 20);
    assert_int_equal(fate_of(DROPPED) - azure_dropped, count_of("a", "dropped") - dropped);
    f.a.mode = TAKES;
    say_many(21, 22, A);
    cursor_rig_run(&f.d.rig, 200 * S);
    say_many(23, 30, A);
    cursor_rig_run(&f.d.rig, 200 * S);
    assert_int_equal(health(1).status, ROUTING_HEALTHY);
    assert_true(f.a.count >= 8);
    assert_int_equal(f.a.heard[f.a.count - 1] >= 29, true);
}

static void another_version_of_an_endpoint_goes_on_where_the_last_one_was(void **state)
{
    (void)state;
    use(HOOKS(HOOK("a", "")));
    say_many(1, 4, A);
    cursor_rig_run(&f.d.rig, 0);
    f.a.mode = HANGS;
    say_many(5, 8, A);
    cursor_rig_run(&f.d.rig, 0);
    f.a.mode = TAKES;
    use(HOOKS("{\"name\":\"a\",\"endpointUri\":\"https://b.test/\"}"));
    assert_heard(&f.b, 5, 8);
    assert_int_equal(f.a.count, 4);
    use(HOOKS(""));
    say_many(9, 12, A);
    cursor_rig_run(&f.d.rig, 2 * S);
    assert_int_equal(f.b.count, 4);
}

static void addresses_are_looked_at_and_shown_without_their_secrets(void **state)
{
    static const struct {
        const char *members, *error;
    } rows[] = {
        {"\"endpointUri\":\"http://a.test\"", "not an https address"},
        {"\"schema\":\"EventGridSchema\"", "endpointUri is missing"},
        {"\"endpointUri\":\"https://u:p@a.test/\"", "has a user in it"},
        {"\"endpointUri\":\"https://PLANT.test/x\"", "a loop"},
        {"\"endpointUri\":\"https://plant.test:9000/x\"", "a loop"},
        {"\"endpointUri\":\"https://localhost:8443/x\"", "a loop"},
        {"\"endpointUri\":\"https://localhost:8444/x\"", NULL},
        {"\"endpointUri\":\"https://127.0.0.1:8443/x\"", "a loop"},
        {"\"endpointUri\":\"https://localhost.test:8443/x\"", NULL},
        {"\"endpointUri\":\"https://[::1]:8443/x\"", "a loop"},
        {"\"endpointUri\":\"https://[::1]:8444/x\"", NULL},
        {"\"endpointUri\":\"https://[2001:db8::1]/x?code=1\"", NULL},
        {"\"endpointUri\":\"https://2001:db8::1/x\"", "an IPv6 address is in brackets"},
        {"\"endpointUri\":\"https://[2001:db8::g]/x\"", "'[2001:db8::g]' for a host"},
        {"\"endpointUri\":\"https://a.test:65536/x\"", "'a.test:65536' for a host"},
        {"\"endpointUri\":\"https://a.test/x?****\"", "is masked"},
        {"\"endpointUri\":\"https://a.test/\",\"schema\":\"CustomInputSchema\"",
         "schema is neither"},
        {"\"endpointUri\":\"https://a.test/\",\"maxEventsPerBatch\":0", "from 1 to 5000"},
        {"\"endpointUri\":\"https://a.test/\",\"maxEventsPerBatch\":5001", "from 1 to 5000"},
        {"\"endpointUri\":\"https://a.test/\",\"maxEventsPerBatch\":5000", NULL},
        {"\"endpointUri\":\"https://a.test/\",\"preferredBatchSizeInKilobytes\":1025", "1 to 1024"},
        {"\"endpointUri\":\"https://a.test/\",\"preferredBatchSizeInKilobytes\":1024", NULL},
        {"\"endpointUri\":\"https://a.test/\",\"url\":1", "no member 'url'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char document[512];
        snprintf(document, sizeof document, HOOKS("{\"name\":\"a\",%s}"), rows[i].members);
        struct asker a = put(document);
        if (rows[i].error == NULL && a.err != OK) fail_msg("%s: %s", rows[i].members, a.text);
        if (rows[i].error && (a.err == OK || !strstr(a.text, rows[i].error)))
            fail_msg("%s: %s", rows[i].members, a.text);
    }
    struct buf shown = {0};
    use(HOOKS(HOOK("a", "")));
    routing_put_document(f.d.routing, &shown);
    assert_true(has(buf_slice(&shown), "https://a.test/x?****"));
    assert_false(has(buf_slice(&shown), "key"));
    buf_free(&shown);
    use(HOOKS("{\"name\":\"a\",\"endpointUri\":\"https://a.test/x?****\"}"));
    cursor_rig_on(&f.d.rig);
    assert_true(slice_is(json_str(routing_endpoint_at(f.d.routing, 1)->json, "endpointUri"),
                         "https://a.test/x?code=key"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_webhook_that_agreed_gets_events),
        TEST(a_webhook_that_does_not_agree_gets_nothing_until_it_does),
        TEST(a_webhook_may_agree_later_by_asking_for_the_address_that_it_was_told),
        TEST(who_agreed_by_hand_is_not_asked_again_after_a_restart),
        TEST(not_after_five_minutes_nor_with_a_code_from_before),
        TEST(cloud_events_come_in_batches),
        TEST(a_batch_has_no_more_than_the_endpoint_wants),
        TEST(an_endpoint_that_fails_loses_nothing_and_keeps_the_order),
        TEST(pauses_grow_and_one_partition_tries),
        TEST(what_fails_together_is_one_failure),
        TEST(a_target_that_asks_for_time_gets_it),
        TEST(it_may_say_until_when),
        TEST(nor_does_another_partition_take_it_away),
        TEST(what_is_refused_alone_is_passed_over),
        TEST(what_arrives_has_bytes_and_a_latency_by_source),
        TEST(a_message_that_is_too_large_as_an_event_is_passed_over),
        TEST(a_stalled_endpoint_does_not_slow_another),
        TEST(what_was_sent_and_not_done_comes_again_after_a_crash),
        TEST(a_dead_endpoint_drops_until_it_is_back),
        TEST(another_version_of_an_endpoint_goes_on_where_the_last_one_was),
        TEST(addresses_are_looked_at_and_shown_without_their_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
