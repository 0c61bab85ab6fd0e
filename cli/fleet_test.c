/* Tests of a fleet without sockets: devices against a scripted hub, the heap, the histogram. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "cli/fleet_device.h"
#include "cli/fleet_report.h"

#define SECOND 1000000ll

/* ---- a clock and a hub */

static int64_t now_us;

static int64_t mono(void)
{
    return now_us;
}

static int64_t wall(void)
{
    return 1700000000 * SECOND + now_us;
}

static const struct clock_source test_clock = {mono, wall};

static void no_chance(void *out, size_t len)
{
    memset(out, 0, len);
}

struct hub {
    struct mqtt mqtt;
    struct buf out;
    struct buf heard; /* "C d1;" a CONNECT, "1 body;" a message, "1d body;" the same again, "D;" */
};

static void hub_open(struct hub *h)
{
    const struct mqtt_config config = {.role = MQTT_SERVER, .out = &h->out};
    mqtt_init(&h->mqtt, &config, now_us);
}

static void hub_note(struct hub *h, const struct mqtt_event *ev)
{
    const struct mqtt_publish *p = &ev->publish;
    if (ev->kind == MQTT_CONNECT)
        buf_printf(&h->heard, "C %.*s;", SLICE_ARG(ev->connect.client_id));
    if (ev->kind == MQTT_PUBLISH)
        buf_printf(&h->heard, "%u%s %.*s;", p->packet_id, p->dup ? "d" : "", SLICE_ARG(p->payload));
    if (ev->kind == MQTT_SUBSCRIBE) buf_put_str(&h->heard, "S;");
    if (ev->kind == MQTT_PUBACK) buf_printf(&h->heard, "A%u;", ev->packet_id);
    if (ev->kind == MQTT_DISCONNECT) buf_put_str(&h->heard, "D;");
}

/* ---- one fleet with one device */

struct bench {
    struct fleet_plan plan;
    struct fleet_result result;
    struct fleet fleet;
    struct fleet_device device;
    struct fleet_identity identity;
    struct hub hub;
    struct arena arena;
};

static struct bench *bench_of(const struct fleet_plan *plan, const struct payload_config *config)
{
    struct bench *b = test_calloc(1, sizeof *b);
    struct payload *payload;
    now_us = 100 * SECOND;
    clock_use(&test_clock);
    rand_use(no_chance);
    b->identity = (struct fleet_identity){.host = SLICE_LIT("hub.example"),
                                          .device = SLICE_LIT("d1"),
                                          .key = SLICE_LIT("0123456789abcdef")};
    assert_int_equal(payload_new(&b->arena, config, &payload), OK);
    b->plan = *plan;
    b->plan.identities = &b->identity;
    b->plan.payload = payload;
    b->plan.quiet = true;
    b->plan.count = plan->count ? plan->count : 1;
    b->fleet = (struct fleet){.plan = &b->plan, .result = &b->result};
    fleet_device_init(&b->device, &b->fleet, 0);
    return b;
}

static struct bench *bench(const struct fleet_plan *plan)
{
    const struct payload_config config = {.kind = PAYLOAD_TEMPLATE,
                                          .body = SLICE_LIT("m{{counter}}")};
    return bench_of(plan, &config);
}

static void bench_free(struct bench *b)
{
    fleet_device_fini(&b->device);
    mqtt_fini(&b->hub.mqtt);
    buf_free(&b->hub.out);
    buf_free(&b->hub.heard);
    arena_free(&b->fleet.arena);
    arena_free(&b->arena);
    test_free(b);
    clock_use(NULL);
    rand_use(NULL);
}

static void open_line(struct bench *b)
{
    fleet_device_dial(&b->device, now_us);
    mqtt_fini(&b->hub.mqtt);
    buf_clear(&b->hub.out);
    hub_open(&b->hub);
    assert_int_equal(fleet_device_open(&b->device, now_us), OK);
}

/* What the device says reaches the hub. */
static const char *heard(struct bench *b)
{
    struct mqtt_event ev;
    buf_clear(&b->hub.heard);
    mqtt_feed(&b->hub.mqtt, buf_slice(&b->device.out), now_us);
    while (mqtt_next(&b->hub.mqtt, &ev) == OK) hub_note(&b->hub, &ev);
    buf_clear(&b->device.out);
    return buf_cstr(&b->hub.heard);
}

/* What the hub said reaches the device, and what is due is done. */
static enum err hear(struct bench *b)
{
    enum err e = fleet_device_feed(&b->device, buf_slice(&b->hub.out), now_us);
    buf_clear(&b->hub.out);
    return e == OK ? fleet_device_run(&b->device, now_us) : e;
}

static void welcome(struct bench *b)
{
    open_line(b);
    assert_string_equal(heard(b), "C d1;");
    mqtt_send_connack(&b->hub.mqtt, MQTT_ACCEPTED, false);
    assert_int_equal(hear(b), OK);
}

static void acknowledge(struct bench *b, uint16_t id)
{
    mqtt_send_puback(&b->hub.mqtt, id);
    assert_int_equal(hear(b), OK);
}

static void lose(struct bench *b)
{
    fleet_device_lost(&b->device, fail(ERR_CLOSED, "gone"), now_us);
}

/* ---- sending */

static void a_device_keeps_a_window_of_messages_unacknowledged(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 3, .messages = 5});
    (void)state;
    welcome(b);
    assert_string_equal(heard(b), "1 m1;2 m2;3 m3;");
    acknowledge(b, 1);
    assert_string_equal(heard(b), "4 m4;");
    mqtt_send_puback(&b->hub.mqtt, 2);
    acknowledge(b, 3);
    assert_string_equal(heard(b), "5 m5;");
    acknowledge(b, 4);
    assert_int_equal(b->device.state, FLEET_UP);
    acknowledge(b, 5);
    assert_string_equal(heard(b), "D;");
    assert_int_equal(b->device.state, FLEET_OVER);
    assert_int_equal(b->result.sent, 5);
    assert_int_equal(b->result.acknowledged, 5);
    assert_int_equal(b->fleet.over, 1);
    bench_free(b);
}

static void an_acknowledgement_that_nobody_waits_for_is_ignored(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 2});
    (void)state;
    welcome(b);
    heard(b);
    acknowledge(b, 9);
    acknowledge(b, 2);
    acknowledge(b, 2);
    assert_int_equal(b->result.acknowledged, 1);
    assert_string_equal(heard(b), ""); /* the first one holds the window */
    acknowledge(b, 1);
    assert_string_equal(heard(b), "3 m3;4 m4;");
    bench_free(b);
}

static void a_device_sends_at_its_pace(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 9, .interval_us = 2 * SECOND});
    (void)state;
    welcome(b);
    assert_string_equal(heard(b), "1 m1;");
    assert_int_equal(fleet_device_deadline(&b->device), now_us + 2 * SECOND);
    now_us += 2 * SECOND - 1;
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_string_equal(heard(b), "");
    now_us += 1;
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_string_equal(heard(b), "2 m2;");
    bench_free(b);
}

static void who_was_held_up_makes_up_for_a_second(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 99, .interval_us = SECOND / 4});
    (void)state;
    welcome(b);
    heard(b);
    now_us += 60 * SECOND;
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_string_equal(heard(b), "2 m2;3 m3;4 m4;5 m5;6 m6;7 m7;");
    bench_free(b);
}

static void a_fleet_begins_spread_over_the_interval(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 9, .interval_us = SECOND, .count = 4});
    (void)state;
    b->device.payload.index = 3;
    welcome(b);
    assert_string_equal(heard(b), "");
    assert_int_equal(fleet_device_deadline(&b->device), now_us + SECOND * 3 / 4);
    bench_free(b);
}

static void rows_are_sent_when_they_are_due(void **state)
{
    const struct payload_config config = {
        .kind = PAYLOAD_CSV, .body = SLICE_LIT("t\n1000\n1060\n1060\n"), .time_column = "t"};
    struct bench *b = bench_of(&(struct fleet_plan){.window = 9, .speed = 2}, &config);
    (void)state;
    welcome(b);
    assert_string_equal(heard(b), "1 {\"t\":1000};");
    assert_int_equal(fleet_device_deadline(&b->device), now_us + 30 * SECOND);
    now_us += 30 * SECOND;
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_string_equal(heard(b), "2 {\"t\":1060};3 {\"t\":1060};");
    bench_free(b);
}

static void a_device_without_rows_does_not_connect(void **state)
{
    const struct payload_config config = {.kind = PAYLOAD_CSV, .body = SLICE_LIT("a\n1\n")};
    struct bench *b = bench_of(&(struct fleet_plan){.window = 1, .count = 2}, &config);
    (void)state;
    b->identity.device = SLICE_LIT("d2");
    struct fleet_device second;
    struct fleet_identity two[2] = {b->identity, b->identity};
    b->plan.identities = two;
    fleet_device_init(&second, &b->fleet, 1);
    assert_int_equal(second.state, FLEET_OVER);
    fleet_device_fini(&second);
    bench_free(b);
}

static void latency_counts_from_the_first_time_it_was_sent(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1, .messages = 1});
    (void)state;
    welcome(b);
    heard(b);
    now_us += 3000;
    lose(b);
    welcome(b);
    now_us += 4000;
    acknowledge(b, 1);
    assert_int_equal(b->result.latency.max_us, 7000);
    assert_int_equal(b->fleet.last_us - b->fleet.first_us, 7000);
    bench_free(b);
}

/* MQTT lets no topic name have them. */
static void an_id_with_wildcards_stands_percent_encoded_in_topics(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1, .messages = 1});
    struct mqtt_event ev;
    (void)state;
    b->identity.device = SLICE_LIT("a#%.");
    b->identity.module = SLICE_LIT("%.");
    open_line(b);
    assert_string_equal(heard(b), "C a#%./%.;");
    mqtt_send_connack(&b->hub.mqtt, MQTT_ACCEPTED, false);
    assert_int_equal(hear(b), OK);
    mqtt_feed(&b->hub.mqtt, buf_slice(&b->device.out), now_us);
    assert_int_equal(mqtt_next(&b->hub.mqtt, &ev), OK);
    assert_true(
        slice_starts(ev.publish.topic, SLICE_LIT("devices/a%23%25./modules/%./messages/events/")));
    bench_free(b);
}

/* ---- what the hub says */

static void tell(struct bench *b, const char *topic, const char *payload, uint16_t packet_id)
{
    const struct mqtt_publish p = {.topic = slice_str(topic),
                                   .payload = slice_str(payload),
                                   .packet_id = packet_id,
                                   .qos = packet_id ? 1 : 0};
    assert_int_equal(mqtt_send_publish(&b->hub.mqtt, &p), OK);
    assert_int_equal(hear(b), OK);
}

static void methods_are_answered_by_those_who_listen(void **state)
{
    static const char call[] = "$iothub/methods/POST/blink/?$rid=a1";
    for (int own = 0; own < 3; own++) {
        struct fleet_plan plan = {.window = 1, .interval_us = 99 * SECOND};
        plan.answers = (struct fleet_answers){.methods = own > 0, .method_status = 201};
        if (own == 2) plan.answers.method_payload = SLICE_LIT("{}");
        struct bench *b = bench(&plan);
        (void)state;
        welcome(b);
        assert_string_equal(heard(b), own ? "S;2 m1;" : "1 m1;");
        tell(b, call, "[7]", 0);
        assert_string_equal(heard(b), own == 0 ? ""
                                      : own == 1
                                          ? "0 {\"methodName\":\"blink\",\"methodRequestId\":"
                                            "\"a1\",\"methodRequestPayload\":[7]};"
                                          : "0 {};");
        tell(b, "$iothub/methods/POST/blink", "", 0);
        tell(b, "$iothub/methods/POST/blink/?rid=1", "", 0);
        assert_string_equal(heard(b), "");
        assert_int_equal(b->result.methods, own > 0);
        bench_free(b);
    }
}

static void what_is_reported_is_said_until_the_hub_has_answered(void **state)
{
    struct fleet_plan plan = {.window = 1, .messages = 1};
    (void)state;
    plan.answers.reported = SLICE_LIT("{\"a\":1}");
    struct bench *b = bench(&plan);
    welcome(b);
    assert_string_equal(heard(b), "S;0 {\"a\":1};2 m1;");
    acknowledge(b, 2);
    assert_int_equal(b->device.state, FLEET_UP);
    lose(b);
    welcome(b);
    assert_string_equal(heard(b), "S;0 {\"a\":1};");
    tell(b, "$iothub/twin/res/204/?$rid=1&$version=2", "", 0);
    assert_string_equal(heard(b), "D;");
    assert_int_equal(b->result.reported, 1);
    bench_free(b);
    b = bench(&plan);
    welcome(b);
    heard(b);
    tell(b, "$iothub/twin/res/400/?$rid=1", "{\"message\":\"no\"}", 0);
    assert_int_equal(b->result.reported, 0);
    assert_string_equal(b->fleet.unreported, "400 \"{\\\"message\\\":\\\"no\\\"}\"");
    bench_free(b);
}

static void messages_are_acknowledged_by_those_who_listen(void **state)
{
    for (int listens = 0; listens < 2; listens++) {
        struct fleet_plan plan = {.window = 1, .interval_us = 99 * SECOND};
        plan.answers.messages = listens;
        struct bench *b = bench(&plan);
        (void)state;
        welcome(b);
        heard(b);
        tell(b, "devices/d1/messages/devicebound/a=b", "sleep", 7);
        tell(b, "devices/d1/messages/devicebound/", "sleep", 0);
        assert_string_equal(heard(b), listens ? "A7;" : "");
        assert_int_equal(b->result.messages, listens ? 2 : 0);
        tell(b, "$iothub/twin/PATCH/properties/desired/?$version=2", "{}", 0);
        assert_string_equal(heard(b), "");
        bench_free(b);
    }
}

/* ---- losing the connection */

static void what_was_not_acknowledged_is_sent_again(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 3, .messages = 4});
    (void)state;
    welcome(b);
    heard(b);
    acknowledge(b, 2);
    lose(b);
    assert_int_equal(b->device.state, FLEET_RESTING);
    welcome(b);
    assert_string_equal(heard(b), "1d m1;3d m3;");
    acknowledge(b, 1);
    assert_string_equal(heard(b), "4 m4;");
    assert_int_equal(b->result.sent, 4);
    assert_int_equal(b->result.resent, 2);
    assert_int_equal(b->result.reconnects, 1);
    assert_int_equal(b->result.connected, 1);
    bench_free(b);
}

static void pauses_grow_until_something_is_acknowledged(void **state)
{
    static const int64_t pauses_ms[] = {500, 1000, 2000, 4000, 8000, 15000, 15000};
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    welcome(b);
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        lose(b); /* without chance: half of the longest pause */
        assert_int_equal(fleet_device_deadline(&b->device) - now_us, pauses_ms[i] * 1000);
        welcome(b);
        heard(b);
    }
    acknowledge(b, 1);
    lose(b);
    assert_int_equal(fleet_device_deadline(&b->device) - now_us, 500000);
    bench_free(b);
}

static void packet_identifiers_go_round_without_zero(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1, .messages = 2});
    (void)state;
    b->device.last_id = 65534;
    welcome(b);
    assert_string_equal(heard(b), "65535 m1;");
    acknowledge(b, 65535);
    assert_string_equal(heard(b), "1 m2;");
    bench_free(b);
}

static void before_anybody_was_up_a_failure_ends_the_run(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    open_line(b);
    lose(b);
    assert_int_equal(b->fleet.error, ERR_CLOSED);
    assert_string_equal(b->fleet.error_text, "gone");
    bench_free(b);
}

static void a_plan_for_once_does_not_connect_again(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1, .once = true});
    (void)state;
    welcome(b);
    lose(b);
    assert_int_equal(b->fleet.error, ERR_CLOSED);
    bench_free(b);
}

static void a_hub_without_percent_encoded_ids_is_left(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    b->identity.device = SLICE_LIT("a+");
    for (int i = 0; i < FLEET_UNHEARD_MAX; i++) {
        assert_int_equal(b->fleet.error, OK);
        open_line(b);
        heard(b);
        mqtt_send_connack(&b->hub.mqtt, MQTT_ACCEPTED, false);
        assert_int_equal(hear(b), OK);
        lose(b);
    }
    assert_int_equal(b->fleet.error, ERR_UNSUPPORTED);
    assert_non_null(strstr(b->fleet.error_text, "percent-encoded"));
    bench_free(b);
}

static void a_refused_device_does_not_come_back(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    open_line(b);
    heard(b);
    mqtt_send_connack(&b->hub.mqtt, MQTT_NOT_AUTHORIZED, false);
    assert_int_equal(hear(b), ERR_DENIED);
    fleet_device_lost(&b->device, ERR_DENIED, now_us);
    assert_int_equal(b->device.state, FLEET_OVER);
    assert_int_equal(b->fleet.error, OK);
    assert_int_equal(b->result.refused, 1);
    assert_string_equal(b->device.refusal, "not authorized (CONNACK 5)");
    bench_free(b);
}

static void a_busy_hub_is_asked_again(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    open_line(b);
    heard(b);
    mqtt_send_connack(&b->hub.mqtt, MQTT_UNAVAILABLE, false);
    assert_int_equal(hear(b), ERR_THROTTLED);
    fleet_device_lost(&b->device, ERR_THROTTLED, now_us);
    assert_int_equal(b->fleet.error, OK);
    assert_int_equal(b->device.state, FLEET_RESTING);
    bench_free(b);
}

static void a_connection_that_is_not_made_is_given_up(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 1});
    (void)state;
    fleet_device_dial(&b->device, now_us);
    assert_int_equal(fleet_device_deadline(&b->device), now_us + FLEET_DIAL_WAIT_US);
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_int_equal(fleet_device_run(&b->device, now_us + FLEET_DIAL_WAIT_US), ERR_TIMEOUT);
    bench_free(b);
}

static void a_stopping_device_waits_for_acknowledgements_only(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 2});
    (void)state;
    welcome(b);
    assert_string_equal(heard(b), "1 m1;2 m2;");
    b->fleet.stopping = true;
    acknowledge(b, 1);
    assert_string_equal(heard(b), "");
    acknowledge(b, 2);
    assert_string_equal(heard(b), "D;");
    assert_int_equal(b->device.state, FLEET_OVER);
    bench_free(b);
}

static void a_slow_network_holds_a_device_back(void **state)
{
    const struct payload_config config = {.kind = PAYLOAD_TEMPLATE,
                                          .body = SLICE_LIT("{{pad 100000}}")};
    struct bench *b = bench_of(&(struct fleet_plan){.window = 9}, &config);
    (void)state;
    welcome(b);
    assert_int_equal(b->result.sent, 3); /* the third passes FLEET_OUT_MAX */
    assert_true(buf_size(&b->device.out) >= FLEET_OUT_MAX);
    assert_true(fleet_device_deadline(&b->device) > now_us);
    heard(b);
    assert_int_equal(fleet_device_run(&b->device, now_us), OK);
    assert_int_equal(b->result.sent, 6);
    bench_free(b);
}

/* ---- the limit of messages under way */

static void windows_have_a_sum(void **state)
{
    struct fleet_plan plan = {.dial = "name.invalid", .port = 1, .window = FLEET_WINDOW_MAX};
    struct fleet_result result;
    (void)state;
    plan.count = FLEET_MESSAGES_MAX / FLEET_WINDOW_MAX + 1;
    assert_int_equal(fleet_run(&plan, &result), ERR_TOO_BIG);
    plan.count--;
    assert_int_equal(fleet_run(&plan, &result), ERR_IO); /* no such host */
}

/* ---- complaints */

/* What those many complaints leave on stderr, in lines. */
static unsigned lines_of(size_t complaints)
{
    const struct fleet_plan plan = {0};
    struct fleet f = {.plan = &plan};
    unsigned lines = 0;
    FILE *kept = tmpfile();
    assert_non_null(kept);
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    dup2(fileno(kept), STDERR_FILENO);
    for (size_t i = 0; i < complaints; i++) fleet_complain(&f, "device %zu is lost", i);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(kept);
    for (int c; (c = fgetc(kept)) != EOF;) lines += c == '\n';
    fclose(kept);
    assert_int_equal(f.complaints, complaints);
    return lines;
}

static void complaints_above_a_few_are_counted_only(void **state)
{
    (void)state;
    assert_int_equal(lines_of(FLEET_COMPLAINTS_MAX - 1), FLEET_COMPLAINTS_MAX - 1);
    assert_int_equal(lines_of(FLEET_COMPLAINTS_MAX),
                     FLEET_COMPLAINTS_MAX + 1); /* and that more are counted */
    assert_int_equal(lines_of(FLEET_COMPLAINTS_MAX + 1), FLEET_COMPLAINTS_MAX + 1);
}

/* ---- progress */

static void progress_shows_how_far_it_is(void **state)
{
    struct bench *b = bench(&(struct fleet_plan){.window = 2, .messages = 4});
    struct buf line = {0};
    (void)state;
    welcome(b);
    now_us += SECOND / 2;
    acknowledge(b, 1);
    acknowledge(b, 2);
    fleet_progress_line(&line, &b->fleet, SECOND);
    assert_string_equal(buf_cstr(&line),
                        "1 of 1 up, 4 sent, 2 acknowledged, 4/s  [##########          ] 50 %, "
                        "1 s left");
    buf_clear(&line);
    b->plan.messages = 0;
    b->result.refused = 1;
    fleet_progress_line(&line, &b->fleet, SECOND);
    assert_string_equal(buf_cstr(&line), "1 of 1 up, 4 sent, 2 acknowledged, 4/s, 1 refused");
    buf_free(&line);
    bench_free(b);
}

/* ---- heap and histogram */

static void the_heap_gives_the_earliest_first(void **state)
{
    enum { COUNT = 500 };
    static struct fleet_due due[COUNT];
    struct fleet_heap h = {0};
    struct fleet_due *first;
    uint64_t random = 1;
    int64_t last = 0;
    size_t taken = 0;
    (void)state;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT; i++) {
            random = random * 6364136223846793005u + 1;
            fleet_heap_set(&h, &due[i], (int64_t)(random >> 54));
        }
    for (size_t i = 0; i < COUNT; i += 5) fleet_heap_set(&h, &due[i], INT64_MAX);
    while ((first = fleet_heap_first(&h)) != NULL) {
        assert_true(first->at_us >= last && first->at_us < 1024);
        last = first->at_us;
        fleet_heap_set(&h, first, INT64_MAX);
        taken++;
    }
    assert_int_equal(taken, COUNT - COUNT / 5);
    fleet_heap_free(&h);
}

static void the_histogram_is_right_to_two_per_cent(void **state)
{
    static struct fleet_latency l;
    (void)state;
    assert_int_equal(fleet_latency_us(&l, 0.5), 0);
    for (int64_t us = 1; us <= 100000; us++) fleet_latency_add(&l, us);
    assert_in_range(fleet_latency_us(&l, 0.5), 50000, 51000);
    assert_in_range(fleet_latency_us(&l, 0.99), 99000, 100000);
    assert_int_equal(fleet_latency_us(&l, 1), 100000);
    assert_int_equal(l.max_us, 100000);
    fleet_latency_add(&l, INT64_MAX);
    fleet_latency_add(&l, -5);
    assert_int_equal(fleet_latency_us(&l, 1), INT64_MAX);
    assert_int_equal(fleet_latency_us(&l, 0), 0);
}

static void small_times_are_exact(void **state)
{
    (void)state;
    for (int64_t us = 0; us < 128; us++) {
        struct fleet_latency l = {0};
        fleet_latency_add(&l, us);
        fleet_latency_add(&l, 1000);
        assert_int_equal(fleet_latency_us(&l, 0), us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_keeps_a_window_of_messages_unacknowledged),
        cmocka_unit_test(an_acknowledgement_that_nobody_waits_for_is_ignored),
        cmocka_unit_test(a_device_sends_at_its_pace),
        cmocka_unit_test(who_was_held_up_makes_up_for_a_second),
        cmocka_unit_test(a_fleet_begins_spread_over_the_interval),
        cmocka_unit_test(rows_are_sent_when_they_are_due),
        cmocka_unit_test(a_device_without_rows_does_not_connect),
        cmocka_unit_test(latency_counts_from_the_first_time_it_was_sent),
        cmocka_unit_test(what_was_not_acknowledged_is_sent_again),
        cmocka_unit_test(pauses_grow_until_something_is_acknowledged),
        cmocka_unit_test(packet_identifiers_go_round_without_zero),
        cmocka_unit_test(before_anybody_was_up_a_failure_ends_the_run),
        cmocka_unit_test(a_plan_for_once_does_not_connect_again),
        cmocka_unit_test(an_id_with_wildcards_stands_percent_encoded_in_topics),
        cmocka_unit_test(a_hub_without_percent_encoded_ids_is_left),
        cmocka_unit_test(methods_are_answered_by_those_who_listen),
        cmocka_unit_test(what_is_reported_is_said_until_the_hub_has_answered),
        cmocka_unit_test(messages_are_acknowledged_by_those_who_listen),
        cmocka_unit_test(a_refused_device_does_not_come_back),
        cmocka_unit_test(a_busy_hub_is_asked_again),
        cmocka_unit_test(a_connection_that_is_not_made_is_given_up),
        cmocka_unit_test(a_stopping_device_waits_for_acknowledgements_only),
        cmocka_unit_test(a_slow_network_holds_a_device_back),
        cmocka_unit_test(windows_have_a_sum),
        cmocka_unit_test(complaints_above_a_few_are_counted_only),
        cmocka_unit_test(progress_shows_how_far_it_is),
        cmocka_unit_test(the_heap_gives_the_earliest_first),
        cmocka_unit_test(the_histogram_is_right_to_two_per_cent),
        cmocka_unit_test(small_times_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
