/* method_test.c - direct methods through a whole hub: HTTP on one side, MQTT on the other. */
#include "base/metrics.h"
#include "hub/method/method.h"
#include "proto/mqtt/mqtt.h"
#include "server/fixture_test.h"

/* ---- a device */

struct device {
    struct rig_conn *conn;
    struct mqtt mqtt;
    struct buf out;
    int connack; /* code, or -1 */
    bool session_present;
    bool framed; /* in WebSocket frames */
    unsigned requests, pubacks;
    char name[64], rid[32];
    struct buf payload;
};

static void take_request(struct device *d, const struct mqtt_publish *p)
{
    struct slice topic = p->topic, name;
    assert_true(slice_starts(topic, SLICE_LIT("$iothub/methods/POST/")));
    assert_int_equal(p->qos, 0);
    topic = slice_from(topic, strlen("$iothub/methods/POST/"));
    slice_split(&topic, '/', &name);
    assert_true(slice_starts(topic, SLICE_LIT("?$rid=")));
    snprintf(d->name, sizeof d->name, "%.*s", SLICE_ARG(name));
    snprintf(d->rid, sizeof d->rid, "%.*s", SLICE_ARG(slice_from(topic, 6)));
    buf_clear(&d->payload);
    buf_put_slice(&d->payload, p->payload);
    d->requests++;
}

/* What one frame has, or all that is there. */
static struct slice heard(const struct device *d)
{
    struct slice bytes = buf_slice(&d->conn->heard);
    if (!d->framed || bytes.len == 0) return bytes;
    assert_true(bytes.ptr[0] == 0x82 && bytes.ptr[1] < 126 && bytes.len == 2u + bytes.ptr[1]);
    return slice_from(bytes, 2);
}

static void hear(struct device *d)
{
    struct mqtt_event ev;
    mqtt_feed(&d->mqtt, heard(d), rig.now_us);
    while (mqtt_next(&d->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK) {
            d->connack = (int)ev.connack.code;
            d->session_present = ev.connack.session_present;
        }
        if (ev.kind == MQTT_PUBACK) d->pubacks++;
        if (ev.kind == MQTT_PUBLISH) take_request(d, &ev.publish);
    }
    buf_clear(&d->conn->heard);
}

static void say(struct device *d)
{
    struct buf frame = {0};
    if (d->framed) {
        buf_put(&frame, "\x82\xfe", 2); /* bytes, whole, masked, a length of two bytes */
        buf_put_be16(&frame, (uint16_t)buf_size(&d->out));
        buf_put(&frame, "\0\0\0\0", 4);
    }
    buf_put_slice(&frame, buf_slice(&d->out));
    rig_say(d->conn, buf_slice(&frame));
    buf_free(&frame);
}

static void speak(struct device *d)
{
    say(d);
    buf_clear(&d->out);
    hear(d);
}

static void dial(struct device *d)
{
    d->conn = rig_dial(&rig, d->framed ? WIRE_HTTP : WIRE_MQTT);
    snprintf(d->conn->conn.peer, sizeof d->conn->conn.peer, "192.0.2.7:40312");
    if (!d->framed) return;
    rig_say(d->conn, SLICE_LIT("GET /$iothub/websocket HTTP/1.1\r\nHost: hub.test\r\n"
                               "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    assert_true(slice_starts(buf_slice(&d->conn->heard), SLICE_LIT("HTTP/1.1 101 ")));
    buf_clear(&d->conn->heard);
}

static void connect_in(struct device *d, bool framed, const char *client_id, const char *resource,
                       bool clean, const char *more)
{
    struct buf token = {0};
    char user[256];
    *d = (struct device){.connack = -1, .framed = framed};
    snprintf(user, sizeof user, "hub.test/%s/?api-version=2021-04-12%s", client_id, more);
    rig_token(&rig, "device", resource, &token);
    dial(d);
    mqtt_init(&d->mqtt, &(struct mqtt_config){MQTT_CLIENT, &d->out, 0}, rig.now_us);
    struct mqtt_connect p = {.client_id = slice_str(client_id),
                             .user_name = slice_str(user),
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

static void connect_as(struct device *d, const char *client_id, const char *resource, bool clean,
                       const char *more)
{
    connect_in(d, false, client_id, resource, clean, more);
}

static void connect(struct device *d, const char *client_id, const char *resource, bool clean)
{
    connect_as(d, client_id, resource, clean, "");
}

static void subscribe(struct device *d)
{
    struct mqtt_filter f = {SLICE_LIT("$iothub/methods/POST/#"), 0};
    assert_int_equal(mqtt_send_subscribe(&d->mqtt, 9, &f, 1), OK);
    speak(d);
}

static void answer_as(struct device *d, const char *status, const char *rid, struct slice payload,
                      uint16_t packet_id)
{
    char topic[128];
    snprintf(topic, sizeof topic, "$iothub/methods/res/%s/?$rid=%s", status, rid);
    struct mqtt_publish p = {.topic = slice_str(topic),
                             .payload = payload,
                             .packet_id = packet_id,
                             .qos = packet_id ? 1 : 0};
    assert_int_equal(mqtt_send_publish(&d->mqtt, &p), OK);
    speak(d);
}

static void answer(struct device *d, const char *status, const char *payload)
{
    answer_as(d, status, d->rid, slice_str(payload), 0);
}

static void leave(struct device *d)
{
    rig_free(d->conn);
    mqtt_fini(&d->mqtt);
    buf_free(&d->out);
    buf_free(&d->payload);
}

/* ---- a service */

static struct rig_conn *call_with(const char *path, struct slice body)
{
    struct buf token = {0}, text = {0};
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    rig_token(&rig, "service", "", &token);
    buf_printf(&text,
               "POST /twins/%s/methods?api-version=2021-04-12 HTTP/1.1\r\nHost: hub.test\r\n"
               "Authorization: %s\r\nContent-Length: %zu\r\n\r\n",
               path, buf_cstr(&token), body.len);
    buf_put_slice(&text, body);
    rig_say(c, buf_slice(&text));
    buf_free(&token);
    buf_free(&text);
    return c;
}

static struct rig_conn *call(const char *path, const char *body)
{
    return call_with(path, slice_str(body));
}

/* What it was answered, or 0 while it waits. */
static int status_of(struct rig_conn *c)
{
    rig_run(&rig);
    const char *text = buf_cstr(&c->heard);
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static const char *body_of(struct rig_conn *c)
{
    const char *end = strstr(buf_cstr(&c->heard), "\r\n\r\n");
    return end ? end + 4 : "";
}

static void expect(struct rig_conn *c, int status, const char *body)
{
    assert_int_equal(status_of(c), status);
    if (!strstr(body_of(c), body)) fail_msg("answered %s", body_of(c));
    rig_free(c);
}

/* ---- tests */

static void a_device_answers(void **state)
{
    (void)state;
    struct device d;
    connect(&d, "d1", "devices/d1", false);
    subscribe(&d);
    struct rig_conn *c = call("d1", "{\"methodName\":\"reboot\",\"payload\":{\"delay\":1.50}}");
    hear(&d);
    assert_int_equal(d.requests, 1);
    assert_string_equal(d.name, "reboot");
    assert_string_equal(buf_cstr(&d.payload), "{\"delay\":1.50}");
    assert_int_equal(status_of(c), 0);
    answer(&d, "-3", "{\"done\":true}");
    expect(c, 200, "{\"status\":-3,\"payload\":{\"done\":true}}");
    c = call("d1", "{\"methodName\":\"a*b\"}");
    hear(&d);
    assert_int_equal(buf_size(&d.payload), 0);
    answer_as(&d, "200", d.rid, SLICE_NONE, 5); /* py, java: QoS 1 */
    assert_int_equal(d.pubacks, 1);
    expect(c, 200, "{\"status\":200,\"payload\":null}");
    leave(&d);
}

/* Who is connected, by a metric without labels. */
static bool are_connected(const char *what, unsigned count)
{
    struct buf text = {0};
    char line[128];
    metrics_write(&text);
    snprintf(line, sizeof line, "\nazimuth_%s %u\n", what, count);
    bool so = strstr(buf_cstr(&text), line) != NULL;
    buf_free(&text);
    return so;
}

static void a_module_answers_for_itself(void **state)
{
    (void)state;
    struct device d, m;
    rig_put_device(&rig, "d1/m1", "{}", NULL);
    connect(&d, "d1", "devices/d1", false);
    connect(&m, "d1/m1", "devices/d1/modules/m1", false);
    assert_true(are_connected("connectedDeviceCount", 1));
    assert_true(are_connected("connected_modules", 1));
    subscribe(&d);
    subscribe(&m);
    struct rig_conn *c = call("d1/modules/m1", "{\"methodName\":\"ping\"}");
    hear(&d);
    hear(&m);
    assert_int_equal(d.requests, 0);
    assert_int_equal(m.requests, 1);
    answer_as(&d, "200", m.rid, SLICE_LIT("\"not mine\""), 0);
    assert_int_equal(status_of(c), 0);
    answer(&m, "200", "\"pong\"");
    expect(c, 200, "{\"status\":200,\"payload\":\"pong\"}");
    leave(&d);
    leave(&m);
}

static void who_is_not_there_is_told_apart(void **state)
{
    (void)state;
    struct device d;
    static const char *body = "{\"methodName\":\"m\"}";
    expect(call("d9", body), 404, "ErrorCode:DeviceNotFound;");
    expect(call("d1", body), 404, "It is not connected.");
    connect(&d, "d1", "devices/d1", false);
    expect(call("d1", body), 404, "has not subscribed to direct methods");
    leave(&d);
}

static struct rig_conn *connection_of(const char *path)
{
    struct buf token = {0}, text = {0};
    struct rig_conn *c = rig_dial(&rig, WIRE_CONSOLE);
    rig_token(&rig, "iothubowner", "", &token);
    buf_printf(&text,
               "GET /admin/v1/devices/%s/connection HTTP/1.1\r\nHost: hub.test\r\n"
               "Authorization: %s\r\n\r\n",
               path, buf_cstr(&token));
    rig_say(c, buf_slice(&text));
    buf_free(&token);
    buf_free(&text);
    return c;
}

static void that_a_method_would_not_arrive_is_told_before_it_is_called(void **state)
{
    (void)state;
    struct device d;
    expect(
        connection_of("d1"), 200,
        "{\"id\":\"d1\",\"connected\":false,\"methods\":\"d1 is not connected.\",\"next\":null}");
    connect(&d, "d1", "devices/d1", false);
    expect(
        connection_of("d1"), 200,
        "\"listensTo\":[],\"methods\":\"d1 is connected, but does not listen to direct methods.\","
        "\"next\":\"set a method handler");
    subscribe(&d);
    expect(connection_of("d1"), 200, "\"listensTo\":[\"methods\"],\"methods\":null,\"next\":null}");
    leave(&d);
    expect(connection_of("d1"), 200, "\"connected\":false");
    expect(connection_of("d1/modules/m1"), 200, "{\"id\":\"d1/m1\",\"connected\":false");
    expect(connection_of("d%2F1"), 400, "an id has");
}

static void whence_and_by_what_it_is_connected_is_told(void **state)
{
    (void)state;
    struct device d;
    connect_as(&d, "d1", "devices/d1", false, "&DeviceClientType=my%20sdk%20%281%29%20%2F2");
    expect(connection_of("d1"), 200,
           "\"connected\":true,\"protocol\":\"mqtt\",\"websocket\":false,\"peer\":\"192.0.2.7:"
           "40312\"");
    expect(connection_of("d1"), 200, "\"sdk\":\"my sdk (1) /2\",\"since\":\"");
    leave(&d);
    connect_in(&d, true, "d1", "devices/d1", false, "");
    expect(connection_of("d1"), 200,
           "\"connected\":true,\"protocol\":\"mqtt\",\"websocket\":true,\"peer\":\"192.0.2.7:");
    leave(&d);
}

/* Whole characters of it. */
static void of_the_name_of_its_sdk_128_bytes_are_kept(void **state)
{
    (void)state;
    char name[SESSION_SDK_MAX] = {0}, more[200], shown[200];
    struct device d;
    for (unsigned over = 0; over < 2; over++) {
        memset(name, 's', SESSION_SDK_MAX - 2 + over);
        snprintf(more, sizeof more, "&DeviceClientType=%s%%C3%%BC", name);
        snprintf(shown, sizeof shown, "\"sdk\":\"%s%s\",", name, over ? "" : "\u00fc");
        connect_as(&d, "d1", "devices/d1", false, more);
        expect(connection_of("d1"), 200, shown);
        leave(&d);
    }
}

static void a_subscription_outlives_the_connection(void **state)
{
    (void)state;
    struct device d;
    connect(&d, "d1", "devices/d1", false);
    subscribe(&d);
    leave(&d);
    struct rig_conn *c = call("d1", "{\"methodName\":\"m\",\"connectTimeoutInSeconds\":20}");
    assert_int_equal(status_of(c), 0);
    connect(&d, "d1", "devices/d1", false);
    assert_true(d.session_present);
    hear(&d);
    assert_int_equal(d.requests, 1); /* right behind the CONNACK, without SUBSCRIBE */
    answer(&d, "200", "1");
    expect(c, 200, "{\"status\":200,\"payload\":1}");
    leave(&d);
    connect(&d, "d1", "devices/d1", true);
    expect(call("d1", "{\"methodName\":\"m\"}"), 404, "has not subscribed");
    leave(&d);
}

static void a_connection_that_ends_answers_for_its_device(void **state)
{
    (void)state;
    struct device d, again;
    connect(&d, "d1", "devices/d1", false);
    subscribe(&d);
    struct rig_conn *first = call("d1", "{\"methodName\":\"m\"}");
    hear(&d);
    connect(&again, "d1", "devices/d1", false); /* takes it over */
    expect(first, 504, "504101");
    struct rig_conn *second = call("d1", "{\"methodName\":\"m\"}");
    hear(&again);
    assert_int_equal(again.requests, 1);
    answer_as(&again, "200", d.rid, SLICE_LIT("\"of the earlier connection\""), 0);
    assert_int_equal(status_of(second), 0);
    leave(&d);
    leave(&again);
    expect(second, 504, "504101");
}

static void silence_is_a_gateway_timeout(void **state)
{
    (void)state;
    struct device d;
    connect(&d, "d1", "devices/d1", false);
    subscribe(&d);
    struct rig_conn *c = call("d1", "{\"methodName\":\"m\",\"responseTimeoutInSeconds\":5}");
    hear(&d);
    rig_wait(&rig, 4700000);
    assert_int_equal(status_of(c), 0);
    rig_wait(&rig, 200000);
    expect(c, 504, "Timed out waiting for the response from device.");
    answer(&d, "200", "\"late\"");
    assert_false(d.conn->gone);
    answer_as(&d, "nonsense", d.rid, SLICE_NONE, 7);
    assert_int_equal(d.pubacks, 1);
    leave(&d);
}

static void payloads_have_128_kib_each_way(void **state)
{
    (void)state;
    struct device d;
    struct buf body = {0};
    connect(&d, "d1", "devices/d1", false);
    subscribe(&d);
    for (int over = 0; over <= 1; over++) {
        buf_clear(&body);
        buf_put_str(&body, "{\"methodName\":\"m\",\"payload\":\"");
        size_t start = buf_size(&body) - 1;
        for (int i = 0; i < METHOD_PAYLOAD_MAX - 2 + over; i++) buf_put_u8(&body, 'x');
        buf_put_str(&body, "\"}");
        struct rig_conn *c = call_with("d1", buf_slice(&body));
        if (over) {
            expect(c, 413, "MessageTooLarge");
            c = call("d1", "{\"methodName\":\"m\"}");
        }
        hear(&d);
        assert_int_equal(buf_size(&d.payload), over ? 0 : METHOD_PAYLOAD_MAX);
        struct slice said = slice_from(buf_slice(&body), start);
        said.len--; /* the closing brace */
        answer_as(&d, "200", d.rid, said, 0);
        expect(c, over ? 502 : 200, over ? "502000" : "xxx\"}");
    }
    buf_free(&body);
    leave(&d);
}

static void a_device_that_is_deleted_takes_its_modules_along(void **state)
{
    (void)state;
    struct device d, m;
    rig_put_device(&rig, "d1/m1", "{}", NULL);
    connect(&d, "d1", "devices/d1", false);
    connect(&m, "d1/m1", "devices/d1/modules/m1", false);
    subscribe(&m);
    rig_put_device(&rig, "d1", "{\"status\":\"disabled\"}", "*");
    rig_run(&rig);
    rig_say(m.conn, SLICE_NONE);
    assert_true(m.conn->gone);
    expect(call("d1/modules/m1", "{\"methodName\":\"m\"}"), 404, "404103");
    leave(&d);
    leave(&m);
    rig_put_device(&rig, "d1", "{}", "*");
    connect(&m, "d1/m1", "devices/d1/modules/m1", false);
    rig_delete(&rig, "d1");
    rig_say(m.conn, SLICE_NONE);
    assert_true(m.conn->gone);
    expect(call("d1/modules/m1", "{\"methodName\":\"m\"}"), 404, "DeviceNotFound");
    leave(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_device_answers),
        TEST(a_module_answers_for_itself),
        TEST(who_is_not_there_is_told_apart),
        TEST(that_a_method_would_not_arrive_is_told_before_it_is_called),
        TEST(whence_and_by_what_it_is_connected_is_told),
        TEST(of_the_name_of_its_sdk_128_bytes_are_kept),
        TEST(a_subscription_outlives_the_connection),
        TEST(a_connection_that_ends_answers_for_its_device),
        TEST(silence_is_a_gateway_timeout),
        TEST(payloads_have_128_kib_each_way),
        TEST(a_device_that_is_deleted_takes_its_modules_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
