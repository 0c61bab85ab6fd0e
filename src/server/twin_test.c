/* twin_test.c - twins through a whole hub: a device over MQTT on one side, a service over HTTP on the
 * other. */
#include "base/json.h"
#include "front/device_mqtt/device_mqtt.h"
#include "proto/mqtt/mqtt.h"
#include "server/fixture_test.h"

/* ---- a device */

enum { HEARD_MAX = 600 };

struct heard {
    char topic[512];
    char *payload;
};

struct device {
    struct rig_conn *conn;
    struct mqtt mqtt;
    struct buf out;
    int connack, suback; /* codes, or -1 */
    unsigned pubacks;
    uint16_t last_puback;
    unsigned count; /* of PUBLISHes */
    struct heard heard[HEARD_MAX];
};

static void take(struct device *d, const struct mqtt_publish *p)
{
    assert_int_equal(p->qos, 0);
    assert_true(d->count < HEARD_MAX);
    struct heard *h = &d->heard[d->count++];
    snprintf(h->topic, sizeof h->topic, "%.*s", SLICE_ARG(p->topic));
    h->payload = slice_dup(p->payload);
}

static void hear(struct device *d)
{
    struct mqtt_event ev;
    mqtt_feed(&d->mqtt, buf_slice(&d->conn->heard), rig.now_us);
    while (mqtt_next(&d->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK) d->connack = (int)ev.connack.code;
        if (ev.kind == MQTT_SUBACK) d->suback = ev.suback.codes.ptr[0];
        if (ev.kind == MQTT_PUBACK) d->pubacks++, d->last_puback = ev.packet_id;
        if (ev.kind == MQTT_PUBLISH) take(d, &ev.publish);
    }
    buf_clear(&d->conn->heard);
}

static void speak(struct device *d)
{
    rig_say(d->conn, buf_slice(&d->out));
    buf_clear(&d->out);
    hear(d);
}

static void connect(struct device *d, bool clean)
{
    struct buf token = {0};
    memset(d, 0, sizeof *d);
    rig_token(&rig, "device", "devices/d1", &token);
    d->conn = rig_dial(&rig, WIRE_MQTT);
    mqtt_init(&d->mqtt, &(struct mqtt_config){MQTT_CLIENT, &d->out, 0}, rig.now_us);
    struct mqtt_connect p = {.client_id = SLICE_LIT("d1"),
                             .user_name = SLICE_LIT("hub.test/d1/?api-version=2021-04-12"),
                             .password = buf_slice(&token),
                             .keep_alive_s = 600,
                             .clean_session = clean,
                             .has_user_name = true,
                             .has_password = true};
    assert_int_equal(mqtt_send_connect(&d->mqtt, &p), OK);
    speak(d);
    assert_int_equal(d->connack, MQTT_ACCEPTED);
    buf_free(&token);
}

static void subscribe(struct device *d, const char *filter)
{
    struct mqtt_filter f = {slice_str(filter), 1};
    assert_int_equal(mqtt_send_subscribe(&d->mqtt, 9, &f, 1), OK);
    speak(d);
    assert_int_equal(d->suback, 1);
}

static const char responses[] = "$iothub/twin/res/#",
                  changes[] = "$iothub/twin/PATCH/properties/desired/#";

static void write_publish(struct device *d, const char *topic, const char *payload, uint16_t id)
{
    struct mqtt_publish p = {.topic = slice_str(topic),
                             .payload = slice_str(payload),
                             .packet_id = id,
                             .qos = id ? 1 : 0};
    assert_int_equal(mqtt_send_publish(&d->mqtt, &p), OK);
}

static void publish(struct device *d, const char *topic, const char *payload, uint16_t id)
{
    write_publish(d, topic, payload, id);
    speak(d);
}

static void forget_heard(struct device *d)
{
    while (d->count) free(d->heard[--d->count].payload);
}

static void leave(struct device *d)
{
    rig_free(d->conn);
    mqtt_fini(&d->mqtt);
    buf_free(&d->out);
    forget_heard(d);
}

/* The device was sent exactly this since it was last asked. */
static void expect(struct device *d, const char *topic, const char *payload)
{
    hear(d);
    assert_int_equal(d->count, 1);
    assert_string_equal(d->heard[0].topic, topic);
    assert_string_equal(d->heard[0].payload, payload);
    forget_heard(d);
}

/* An error, with the members that SDKs look for. */
static void expect_error(struct device *d, const char *topic, const char *number)
{
    struct arena a = {0};
    struct json *j;
    struct buf code = {0};
    hear(d);
    assert_int_equal(d->count, 1);
    assert_string_equal(d->heard[0].topic, topic);
    assert_int_equal(json_parse(&a, slice_str(d->heard[0].payload), &j), OK);
    json_write(&code, json_get(j, "errorCode"));
    assert_string_equal(buf_cstr(&code), number);
    assert_true(json_str(j, "message").len > 0);
    assert_true(json_str(j, "trackingId").len > 0);
    assert_int_equal(json_str(j, "timestampUtc").len, 28);
    buf_free(&code);
    arena_free(&a);
    forget_heard(d);
}

/* ---- a service */

static int status;

/* A request about d1's twin; the body of the answer. */
static const char *serve(const char *method, const char *path, const char *body)
{
    static struct buf text, said;
    struct buf token = {0};
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    rig_token(&rig, "service", "", &token);
    buf_clear(&text);
    buf_printf(&text,
               "%s /twins/d1%s?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.test\r\n"
               "Authorization: %s\r\nContent-Length: %zu\r\n\r\n%s",
               method, path, buf_cstr(&token), strlen(body), body);
    rig_say(c, buf_slice(&text));
    buf_clear(&said);
    buf_put_slice(&said, buf_slice(&c->heard));
    const char *answer = buf_cstr(&said), *end = strstr(answer, "\r\n\r\n");
    status = (int)strtol(answer + 9, NULL, 10);
    rig_free(c);
    buf_free(&token);
    return end ? end + 4 : "";
}

static void set_desired(const char *json)
{
    serve("PATCH", "/properties/desired", json);
    assert_int_equal(status, 200);
}

/* ---- */

static void a_device_reads_and_reports(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, responses);
    publish(&d, "$iothub/twin/GET/?$rid=7", " ", 0);
    expect(&d, "$iothub/twin/res/200/?$rid=7",
           "{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    publish(&d, "$iothub/twin/PATCH/properties/reported/?$rid=a-b", "{\"t\":1.50}", 5);
    assert_int_equal(d.pubacks, 1);
    assert_int_equal(d.last_puback, 5);
    expect(&d, "$iothub/twin/res/204/?$rid=a-b&$version=2", "");
    publish(&d, "$iothub/twin/GET/?$rid=8", "", 6);
    expect(&d, "$iothub/twin/res/200/?$rid=8",
           "{\"desired\":{\"$version\":1},\"reported\":{\"t\":1.50,\"$version\":2}}");
    const char *twin = serve("GET", "", "");
    assert_non_null(strstr(twin, "\"connectionState\":\"Connected\""));
    assert_non_null(strstr(twin, "\"reported\":{\"t\":1.50,\"$metadata\":"));
    leave(&d);
}

static void what_cannot_be_done_is_answered_with_a_number(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *payload, *answer, *number;
    } rows[] = {
        {"?$rid=1", "", "400/?$rid=1", "400012"},
        {"?$rid=1", "{", "400/?$rid=1", "400012"},
        {"?$rid=2", "[]", "400/?$rid=2", "400004"},
        {"?$rid=3", "{\"$a\":1}", "400/?$rid=3", "400004"},
        {"?$rid=4&$version=9", "{}", "412/?$rid=4", "412001"},
        {"?$rid=5&$version=x", "{}", "400/?$rid=5", "400004"},
        {"?$rid=6&$version=-1", "{}", "400/?$rid=6", "400004"},
    };
    struct device d;
    connect(&d, false);
    subscribe(&d, responses);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char topic[128], answer[128];
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/%s", rows[i].topic);
        snprintf(answer, sizeof answer, "$iothub/twin/res/%s", rows[i].answer);
        publish(&d, topic, rows[i].payload, 0);
        expect_error(&d, answer, rows[i].number);
    }
    publish(&d, "$iothub/twin/PATCH/properties/reported/?$rid=7&$version=1", "{}", 0);
    expect(&d, "$iothub/twin/res/204/?$rid=7&$version=2", "");
    leave(&d);
}

/* ---- throttles */

#define REPORT "$iothub/twin/PATCH/properties/reported/?$rid=1"
#define READ   "$iothub/twin/GET/?$rid=1"

static void requests_that_would_wait_too_long_are_answered_429(void **state)
{
    (void)state;
    static const struct {
        const char *rate, *topic, *good, *refused;
    } rows[] = {
        {"twin-updates=1/min", REPORT, "$iothub/twin/res/204/", "$iothub/twin/res/429/?$rid=1"},
        {"twin-reads=1/min", READ, "$iothub/twin/res/200/", "$iothub/twin/res/429/?$rid=1"},
    };
    struct device d;
    connect(&d, false);
    subscribe(&d, responses);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        limit(rows[i].rate);
        publish(&d, rows[i].topic, "{}", 0);
        assert_int_equal(d.count, 1);
        assert_true(slice_starts(slice_str(d.heard[0].topic), slice_str(rows[i].good)));
        forget_heard(&d);
        publish(&d, rows[i].topic, "{}", 0);
        expect_error(&d, rows[i].refused, "429003");
    }
    leave(&d);
}

/* A read counts as many messages as what is read is long; when they are used up a request is 403. */
static void a_twin_that_is_read_counts_by_its_size(void **state)
{
    (void)state;
    struct device d;
    size_t size = strlen("{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}");
    connect(&d, false);
    subscribe(&d, responses);
    for (unsigned more = 0; more < 2; more++) {
        rig.wire.hub.quota = quota_new(&(struct quota_config){1 + more, (uint32_t)(size - more)});
        publish(&d, READ, "", 0);
        forget_heard(&d);
        assert_int_equal(quota_used(rig.wire.hub.quota, clock_wall_us()), 1 + more);
        publish(&d, READ, "", 0);
        expect_error(&d, "$iothub/twin/res/403/?$rid=1", "403002");
        quota_free(rig.wire.hub.quota);
    }
    rig.wire.hub.quota = NULL;
    leave(&d);
}

static void updates_above_the_rate_are_read_in_their_turn(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, responses);
    limit("twin-updates=3/s");
    for (int i = 0; i < 6; i++) write_publish(&d, REPORT, "{}", 0);
    speak(&d);
    assert_int_equal(d.count, 4); /* what comes after the first above the rate waits */
    for (unsigned n = 5; n <= 6; n++) {
        rig_wait(&rig, 300000);
        hear(&d);
        assert_int_equal(d.count, n - 1);
        rig_wait(&rig, 40000);
        hear(&d);
        assert_int_equal(d.count, n);
    }
    for (unsigned i = 0; i < d.count; i++)
        assert_true(slice_starts(slice_str(d.heard[i].topic), SLICE_LIT("$iothub/twin/res/204/")));
    leave(&d);
}

/* ---- */

static void a_rid_has_a_length(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct device d;
        struct buf topic = {0};
        connect(&d, false);
        subscribe(&d, responses);
        buf_put_str(&topic, "$iothub/twin/GET/?$rid=");
        for (size_t i = 0; i < DEVICE_RID_MAX + over; i++) buf_put_u8(&topic, 'r');
        publish(&d, buf_cstr(&topic), "", 0);
        assert_int_equal(d.count, over ? 0 : 1);
        assert_int_equal(d.conn->gone, over != 0);
        buf_free(&topic);
        leave(&d);
    }
}

static void who_has_not_subscribed_is_not_answered(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    publish(&d, "$iothub/twin/PATCH/properties/reported/?$rid=1", "{\"a\":1}", 3);
    set_desired("{\"b\":1}");
    hear(&d);
    assert_int_equal(d.count, 0);
    assert_int_equal(d.pubacks, 1);
    assert_non_null(strstr(serve("GET", "", ""), "\"reported\":{\"a\":1,"));
    leave(&d);
}

/* An SDK does not wait for the SUBACK, and one request is answered before the subscription is on disk. */
static void who_subscribes_just_before_is_answered(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    assert_int_equal(
        mqtt_send_subscribe(&d.mqtt, 9, &(struct mqtt_filter){slice_str(responses), 1}, 1), OK);
    write_publish(&d, "$iothub/twin/PATCH/properties/reported/?$rid=1&$version=x", "{}", 0);
    write_publish(&d, "$iothub/twin/GET/?$rid=2", "", 0);
    speak(&d);
    hear(&d);
    assert_int_equal(d.suback, 1);
    assert_int_equal(d.count, 2);
    assert_string_equal(d.heard[0].topic, "$iothub/twin/res/400/?$rid=1");
    assert_string_equal(d.heard[1].topic, "$iothub/twin/res/200/?$rid=2");
    leave(&d);
}

static void requests_are_acknowledged_in_their_order(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    write_publish(&d, "devices/d1/messages/events/", "{}", 1);
    write_publish(&d, "$iothub/twin/GET/?$rid=1", "", 2);
    write_publish(&d, "devices/d1/messages/events/", "{}", 3);
    write_publish(&d, "$iothub/twin/PATCH/properties/reported/?$rid=2", "{}", 4);
    speak(&d);
    assert_int_equal(d.pubacks, 4);
    assert_int_equal(d.last_puback, 4);
    leave(&d);
}

static void so_many_requests_are_under_way(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, responses);
    for (unsigned i = 0; i <= DEVICE_TWIN_PENDING_MAX; i++) {
        char topic[80];
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%u", i);
        write_publish(&d, topic, "{\"a\":1}", 0);
    }
    speak(&d);
    assert_int_equal(d.count, DEVICE_TWIN_PENDING_MAX + 1);
    assert_memory_equal(d.heard[0].topic, "$iothub/twin/res/429/?$rid=32", 29);
    assert_non_null(strstr(d.heard[0].payload, "429005"));
    for (unsigned i = 1; i <= DEVICE_TWIN_PENDING_MAX; i++) {
        char topic[80];
        snprintf(topic, sizeof topic, "$iothub/twin/res/204/?$rid=%u&$version=%u", i - 1, i + 1);
        assert_string_equal(d.heard[i].topic, topic);
    }
    leave(&d);
}

/* ---- desired properties */

static void changes_reach_the_device_in_order(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, changes);
    set_desired("{\"a\":{\"b\":1.0,\"c\":null}}");
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=2",
           "{\"a\":{\"b\":1.0,\"c\":null},\"$version\":2}");
    set_desired("{}");
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=3", "{\"$version\":3}");
    serve("PUT", "", "{\"properties\":{\"desired\":{\"x\":1,\"$version\":99}},\"tags\":{\"t\":1}}");
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=4", "{\"x\":1,\"$version\":4}");
    serve("PATCH", "", "{\"tags\":{\"secret\":1}}");
    hear(&d);
    assert_int_equal(d.count, 0);
    leave(&d);
}

static void a_subscription_outlives_the_connection(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, changes);
    subscribe(&d, responses);
    leave(&d);
    connect(&d, false);
    set_desired("{\"a\":1}");
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=2", "{\"a\":1,\"$version\":2}");
    publish(&d, "$iothub/twin/GET/?$rid=1", "", 0);
    assert_int_equal(d.count, 1);
    leave(&d);
    connect(&d, true);
    set_desired("{\"a\":2}");
    hear(&d);
    assert_int_equal(d.count, 0);
    leave(&d);
}

/* C and Node read first and ask to be told afterwards. */
static void what_changes_between_reading_and_subscribing_is_sent(void **state)
{
    (void)state;
    struct device d;
    set_desired("{\"keep\":1,\"drop\":2,\"deep\":{\"x\":1,\"y\":2}}");
    connect(&d, false);
    subscribe(&d, responses);
    publish(&d, "$iothub/twin/GET/?$rid=1", "", 0);
    forget_heard(&d);
    set_desired("{\"drop\":null,\"deep\":{\"x\":5}}");
    set_desired("{\"new\":[1]}");
    hear(&d);
    assert_int_equal(d.count, 0);
    subscribe(&d, changes);
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=4",
           "{\"drop\":null,\"deep\":{\"x\":5},\"new\":[1],\"$version\":4}");
    set_desired("{\"new\":2}");
    expect(&d, "$iothub/twin/PATCH/properties/desired/?$version=5", "{\"new\":2,\"$version\":5}");
    leave(&d);
    connect(&d, true); /* who has not read has missed nothing */
    set_desired("{\"new\":3}");
    subscribe(&d, changes);
    hear(&d);
    assert_int_equal(d.count, 0);
    leave(&d);
}

static void reads_again(struct device *d)
{
    d->conn->unread = 0;
    lane_running = &rig.core;
    conn_writable(&d->conn->conn, rig.now_us);
    rig_run(&rig);
    rig_say(d->conn, SLICE_NONE);
    hear(d);
}

/* A device that does not read loses nothing, and is closed when too much waits. */
static void a_slow_device_is_sent_what_waited_or_closed(void **state)
{
    (void)state;
    unsigned version = 1;
    for (unsigned over = 0; over <= 1; over++) {
        struct device d;
        connect(&d, false);
        subscribe(&d, changes);
        d.conn->unread = CONN_OUT_SOFT;
        for (unsigned i = 0; i < DEVICE_TWIN_PATCHES_MAX + over; i++) set_desired("{\"n\":1}");
        hear(&d);
        assert_int_equal(d.count, 0);
        reads_again(&d);
        assert_int_equal(d.conn->gone, over != 0);
        assert_int_equal(d.count, over ? 0 : DEVICE_TWIN_PATCHES_MAX);
        for (unsigned i = 0; i < d.count; i++) {
            char topic[80];
            snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%u",
                     ++version);
            assert_string_equal(d.heard[i].topic, topic);
        }
        leave(&d);
    }
}

/* There is room again, and the connection has not been told so yet. */
static void a_change_does_not_pass_those_that_wait(void **state)
{
    (void)state;
    struct device d;
    connect(&d, false);
    subscribe(&d, changes);
    d.conn->unread = CONN_OUT_SOFT;
    set_desired("{\"n\":1}");
    set_desired("{\"n\":2}");
    d.conn->unread = 0;
    set_desired("{\"n\":3}");
    reads_again(&d);
    assert_int_equal(d.count, 3);
    for (unsigned i = 0; i < d.count; i++) {
        char topic[80];
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/desired/?$version=%u", i + 2);
        assert_string_equal(d.heard[i].topic, topic);
    }
    leave(&d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_device_reads_and_reports),
        TEST(what_cannot_be_done_is_answered_with_a_number),
        TEST(requests_that_would_wait_too_long_are_answered_429),
        TEST(a_twin_that_is_read_counts_by_its_size),
        TEST(updates_above_the_rate_are_read_in_their_turn),
        TEST(a_rid_has_a_length),
        TEST(who_has_not_subscribed_is_not_answered),
        TEST(who_subscribes_just_before_is_answered),
        TEST(requests_are_acknowledged_in_their_order),
        TEST(so_many_requests_are_under_way),
        TEST(changes_reach_the_device_in_order),
        TEST(a_subscription_outlives_the_connection),
        TEST(what_changes_between_reading_and_subscribing_is_sent),
        TEST(a_slow_device_is_sent_what_waited_or_closed),
        TEST(a_change_does_not_pass_those_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
