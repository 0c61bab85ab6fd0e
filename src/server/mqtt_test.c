/* mqtt_test.c - devices over MQTT against a whole hub: what is answered, what is refused. */
#include "base/clock.h"
#include "base/io_mem.h"
#include "base/limit.h"
#include "hub/c2d/c2d.h"
#include "hub/fault/fault.h"
#include "hub/session/session.h"
#include "hub/telemetry/telemetry.h"
#include "proto/mqtt/mqtt.h"
#include "server/edge_test.h"
#include "server/fixture_test.h"

/* ---- a client made of the engine's client role */

struct client {
    struct rig_conn *conn;
    struct mqtt mqtt;
    struct buf out;
    int connack; /* code, or -1 */
    unsigned pubacks;
    uint16_t last_puback;
    int suback; /* first code, or -1 */
    unsigned pingresps;
    unsigned publishes;
    struct {
        uint16_t packet_id;
        bool dup;
        char topic[256], body[32];
    } heard[40];
};

static void start(struct client *c)
{
    *c = (struct client){.connack = -1, .suback = -1};
    c->conn = rig_dial(&rig, WIRE_MQTT);
    mqtt_init(&c->mqtt, &(struct mqtt_config){MQTT_CLIENT, &c->out, 0}, rig.now_us);
}

static void note_publish(struct client *c, const struct mqtt_publish *p)
{
    unsigned i = c->publishes++;
    assert_true(i < sizeof c->heard / sizeof c->heard[0]);
    assert_int_equal(p->qos, p->packet_id != 0);
    c->heard[i].packet_id = p->packet_id;
    c->heard[i].dup = p->dup;
    snprintf(c->heard[i].topic, sizeof c->heard[i].topic, "%.*s", SLICE_ARG(p->topic));
    snprintf(c->heard[i].body, sizeof c->heard[i].body, "%.*s", SLICE_ARG(p->payload));
}

static void hear(struct client *c)
{
    struct mqtt_event ev;
    mqtt_feed(&c->mqtt, buf_slice(&c->conn->heard), rig.now_us);
    while (mqtt_next(&c->mqtt, &ev) == OK) {
        if (ev.kind == MQTT_CONNACK) c->connack = (int)ev.connack.code;
        if (ev.kind == MQTT_PUBACK) c->pubacks++, c->last_puback = ev.packet_id;
        if (ev.kind == MQTT_SUBACK) c->suback = ev.suback.codes.ptr[0];
        if (ev.kind == MQTT_PINGRESP) c->pingresps++;
        if (ev.kind == MQTT_PUBLISH) note_publish(c, &ev.publish);
    }
    buf_clear(&c->conn->heard);
}

static void speak(struct client *c)
{
    rig_say(c->conn, buf_slice(&c->out));
    buf_clear(&c->out);
    hear(c);
}

static void end(struct client *c)
{
    rig_free(c->conn);
    mqtt_fini(&c->mqtt);
    buf_free(&c->out);
}

static void write_connect(struct client *c, const char *id, const char *user, struct slice password)
{
    struct mqtt_connect p = {.client_id = slice_str(id),
                             .user_name = slice_str(user),
                             .password = password,
                             .keep_alive_s = 60,
                             .has_user_name = user != NULL,
                             .has_password = password.ptr != NULL};
    assert_int_equal(mqtt_send_connect(&c->mqtt, &p), OK);
}

static void connect_as(struct client *c, const char *id)
{
    struct buf token = {0};
    char user[64], path[64];
    snprintf(user, sizeof user, "hub.test/%s/?api-version=2021-04-12", id);
    snprintf(path, sizeof path, "devices/%s", id);
    rig_token(&rig, "device", path, &token);
    start(c);
    write_connect(c, id, user, buf_slice(&token));
    buf_free(&token);
}

static void write_publish(struct client *c, const char *topic, struct slice payload, uint16_t id)
{
    struct mqtt_publish p = {
        .topic = slice_str(topic), .payload = payload, .packet_id = id, .qos = id ? 1 : 0};
    assert_int_equal(mqtt_send_publish(&c->mqtt, &p), OK);
}

/* The hub has closed this connection, perhaps while another one spoke. */
static void assert_over(struct client *c)
{
    rig_say(c->conn, SLICE_NONE);
    assert_true(c->conn->gone);
}

/* Connected, nothing else said yet. */
static void open_device(struct client *c, const char *id)
{
    connect_as(c, id);
    speak(c);
    assert_int_equal(c->connack, MQTT_ACCEPTED);
}

static const char events[] = "devices/d1/messages/events/";

/* ---- connecting */

/* Of d1, by the policy `device`: signed with `key`, or with its own. */
static void token_of(struct slice key, int64_t seconds, struct buf *out)
{
    const struct policy *p = policies_find(&rig.wire.policies, SLICE_LIT("device"));
    if (key.len == 0) key = slice_of(p->keys[0].bytes, p->keys[0].len);
    sas_make(out, SLICE_LIT("hub.test/devices/d1"), key, "device",
             clock_wall_us() / 1000000 + seconds);
}

static void a_refusal_has_the_code_the_sdks_expect(void **state)
{
    (void)state;
    struct buf good = {0}, other = {0}, service = {0}, expired = {0}, forged = {0};
    token_of(SLICE_NONE, -301, &expired); /* clocks may differ by five minutes */
    token_of(SLICE_LIT("a key that nobody has"), 3600, &forged);
    rig_token(&rig, "device", "devices/d1", &good);
    rig_token(&rig, "device", "devices/d2", &other);
    rig_token(&rig, "service", "devices/d1", &service);
    const struct {
        const char *id, *user;
        struct slice password;
        int code;
    } rows[] = {
        {"d1", "hub.test/d1/?api-version=2021-04-12", buf_slice(&good), MQTT_ACCEPTED},
        {"d1", "HUB.TEST/d1/?api-version=2021-04-12", buf_slice(&good), MQTT_ACCEPTED},
        {"d1", "localhost/d1/api-version=2016-11-14", buf_slice(&good), MQTT_ACCEPTED},
        {"d1", "hub.test/d1", buf_slice(&good), MQTT_ACCEPTED},
        {"", "hub.test/d1/?api-version=1", buf_slice(&good), MQTT_BAD_CLIENT_ID},
        {"d1", NULL, SLICE_NONE, MQTT_BAD_CREDENTIALS},
        {"d1", "hub.test", buf_slice(&good), MQTT_BAD_CREDENTIALS},
        {"d1", "hub.test//?api-version=1", buf_slice(&good), MQTT_BAD_CREDENTIALS},
        {"d2", "hub.test/d1/?api-version=1", buf_slice(&good), MQTT_NOT_AUTHORIZED},
        {"d1", "other.test/d1/?api-version=1", buf_slice(&good), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", buf_slice(&other), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", buf_slice(&service), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", buf_slice(&expired), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", buf_slice(&forged), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", SLICE_LIT("nonsense"), MQTT_NOT_AUTHORIZED},
        {"d1", "hub.test/d1/?api-version=1", SLICE_NONE, MQTT_NOT_AUTHORIZED},
        {"d2", "hub.test/d2/?api-version=1", buf_slice(&other), MQTT_NOT_AUTHORIZED},
        {"d1/m", "hub.test/d1/m/?api-version=1", buf_slice(&good), MQTT_NOT_AUTHORIZED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        start(&c);
        write_connect(&c, rows[i].id, rows[i].user, rows[i].password);
        speak(&c);
        assert_int_equal(c.connack, rows[i].code);
        assert_int_equal(c.conn->gone, rows[i].code != MQTT_ACCEPTED);
        end(&c);
    }
    buf_free(&good);
    buf_free(&other);
    buf_free(&service);
    buf_free(&expired);
    buf_free(&forged);
}

static void a_policys_token_signs_in_the_modules_below_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int code;
    } rows[] = {
        {"", MQTT_ACCEPTED},
        {"devices/d1", MQTT_ACCEPTED},
        {"devices/d1/modules/m1", MQTT_ACCEPTED},
        {"devices/d1/modules/m", MQTT_NOT_AUTHORIZED},
        {"devices/d1/modules/m2", MQTT_NOT_AUTHORIZED},
        {"devices/d", MQTT_NOT_AUTHORIZED},
        {"devices/d2", MQTT_NOT_AUTHORIZED},
    };
    rig_put_device(&rig, "d1/m1", "{}", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf token = {0};
        struct client c;
        rig_token(&rig, "device", rows[i].path, &token);
        start(&c);
        write_connect(&c, "d1/m1", "hub.test/d1/m1/?api-version=2021-04-12", buf_slice(&token));
        speak(&c);
        assert_int_equal(c.connack, rows[i].code);
        end(&c);
        buf_free(&token);
    }
}

static void an_edge_devices_modules_need_keys_first(void **state)
{
    (void)state;
    struct client c;
    struct buf token = {0};
    rig_put_device(&rig, "e1", "{\"capabilities\":{\"iotEdge\":true}}", NULL);
    rig_token(&rig, "device", "", &token);
    for (int with_keys = 0; with_keys <= 1; with_keys++) {
        start(&c);
        write_connect(&c, "e1/$edgeHub", "hub.test/e1/$edgeHub/?api-version=1", buf_slice(&token));
        speak(&c);
        assert_int_equal(c.connack, with_keys ? MQTT_ACCEPTED : MQTT_NOT_AUTHORIZED);
        end(&c);
        rig_put_device(&rig, "e1/$edgeHub", "{}", "*");
    }
    buf_free(&token);
}

static void a_module_publishes_in_its_own_name(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        bool taken;
    } rows[] = {
        {"devices/d1/modules/m1/messages/events/", true},
        {"devices/d1/modules/m1/messages/events/%24.on=out&a=b", true},
        {"devices/d1/messages/events/", false},
        {"devices/d1/modules/m2/messages/events/", false},
    };
    rig_put_device(&rig, "d1/m1", "{}", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf token = {0};
        struct client c;
        rig_token(&rig, "device", "", &token);
        start(&c);
        write_connect(&c, "d1/m1", "hub.test/d1/m1/?api-version=2021-04-12", buf_slice(&token));
        write_publish(&c, rows[i].topic, SLICE_LIT("{}"), 1);
        speak(&c);
        assert_int_equal(c.pubacks, rows[i].taken);
        assert_int_equal(c.conn->gone, !rows[i].taken);
        end(&c);
        buf_free(&token);
    }
}

/* Routed messages come from an edge hub only, but the filters are every module's: Node fails on 0x80. */
static void a_module_may_subscribe_to_its_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        int code;
    } rows[] = {
        {"devices/d1/modules/m1/inputs/#", 1}, /* Node, Python, Java */
        {"devices/d1/modules/m1/#", 1},        /* C, .NET */
        {"devices/d1/modules/m2/#", MQTT_SUBACK_REFUSED},
        {"devices/d1/#", MQTT_SUBACK_REFUSED},
    };
    struct buf token = {0};
    struct client c;
    rig_put_device(&rig, "d1/m1", "{}", NULL);
    rig_token(&rig, "device", "", &token);
    start(&c);
    write_connect(&c, "d1/m1", "hub.test/d1/m1/?api-version=2021-04-12", buf_slice(&token));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mqtt_filter f = {slice_str(rows[i].filter), 1};
        assert_int_equal(mqtt_send_subscribe(&c.mqtt, 9, &f, 1), OK);
        speak(&c);
        assert_int_equal(c.suback, rows[i].code);
    }
    end(&c);
    buf_free(&token);
}

static void a_model_id_is_plain_text_of_bounded_length(void **state)
{
    (void)state;
    char longest[SESSION_MODEL_ID_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[SESSION_MODEL_ID_MAX] = '\0';
    const struct {
        const char *model_id, *more;
        int code;
    } rows[] = {
        {"dtmi:com:example:a;1", "", MQTT_ACCEPTED}, /* Node does not encode it */
        {"dtmi%3Acom%3Aexample%3Aa%3B1", "", MQTT_ACCEPTED},
        {longest, "", MQTT_ACCEPTED},
        {longest, "x", MQTT_BAD_CREDENTIALS},
        {"a%20b", "", MQTT_BAD_CREDENTIALS},
        {"a%00", "", MQTT_BAD_CREDENTIALS},
    };
    struct buf token = {0};
    rig_token(&rig, "device", "devices/d1", &token);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct client c;
        char user[400];
        snprintf(user, sizeof user, "hub.test/d1/?api-version=2021-04-12&model-id=%s%s",
                 rows[i].model_id, rows[i].more);
        start(&c);
        write_connect(&c, "d1", user, buf_slice(&token));
        speak(&c);
        assert_int_equal(c.connack, rows[i].code);
        end(&c);
    }
    buf_free(&token);
}

/* One id alone names nobody else who asks. */
static void an_auth_chain_has_a_limit(void **state)
{
    (void)state;
    struct buf token = {0};
    rig_token(&rig, "device", "devices/d1", &token);
    for (int more = 0; more < 2; more++) {
        struct client c;
        char user[SESSION_AUTH_CHAIN_MAX + 100];
        int start_len =
            snprintf(user, sizeof user, "hub.test/d1/?api-version=2021-04-12&auth-chain=");
        memset(user + start_len, 'x', (size_t)SESSION_AUTH_CHAIN_MAX + (size_t)more);
        user[start_len + SESSION_AUTH_CHAIN_MAX + more] = '\0';
        start(&c);
        write_connect(&c, "d1", user, buf_slice(&token));
        speak(&c);
        assert_int_equal(c.connack, more ? MQTT_BAD_CREDENTIALS : MQTT_ACCEPTED);
        end(&c);
    }
    buf_free(&token);
}

static void what_follows_the_connect_waits_for_the_connack(void **state)
{
    (void)state;
    struct client c;
    connect_as(&c, "d1");
    write_publish(&c, events, SLICE_LIT("early"), 7);
    speak(&c);
    assert_int_equal(c.connack, MQTT_ACCEPTED);
    assert_int_equal(c.pubacks, 1);
    assert_int_equal(c.last_puback, 7);
    end(&c);
}

/* Both wait for the first to end; which of them gets the session is no matter of who they are. */
static void whom_a_still_newer_connection_overtakes_may_try_again(void **state)
{
    (void)state;
    struct client clients[3];
    open_device(&clients[0], "d1");
    for (int i = 1; i < 3; i++) connect_as(&clients[i], "d1");
    for (int i = 1; i < 3; i++) {
        lane_running = &rig.core;
        conn_received(&clients[i].conn->conn, buf_slice(&clients[i].out), rig.now_us);
        buf_clear(&clients[i].out);
    }
    for (int i = 1; i < 3; i++) speak(&clients[i]);
    assert_int_equal(clients[1].connack, MQTT_UNAVAILABLE);
    assert_int_equal(clients[2].connack, MQTT_ACCEPTED);
    for (int i = 0; i < 3; i++) end(&clients[i]);
}

static void a_newer_connection_ends_the_older(void **state)
{
    (void)state;
    struct client first, second;
    open_device(&first, "d1");
    open_device(&second, "d1");
    assert_over(&first);
    write_publish(&second, events, SLICE_LIT("x"), 1);
    speak(&second);
    assert_int_equal(second.pubacks, 1);
    end(&first); /* its late end does not touch the newer session */
    open_device(&first, "d1");
    assert_over(&second);
    end(&first);
    end(&second);
}

static void a_device_that_is_disabled_is_disconnected(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    rig_put_device(&rig, "d1", "{\"deviceId\":\"d1\",\"status\":\"disabled\"}", "*");
    rig_run(&rig);
    assert_over(&c);
    end(&c);
    connect_as(&c, "d1");
    speak(&c);
    assert_int_equal(c.connack, MQTT_NOT_AUTHORIZED);
    end(&c);
}

/* ---- on behalf of a device */

static void ping(struct client *c)
{
    rig_say(c->conn, slice_of("\xC0\0", 2));
    hear(c);
}

static void open_on_behalf(struct client *c)
{
    struct buf token = {0};
    edge_token(&rig, "top", &token);
    start(c);
    write_connect(c, "leaf", "hub.test/leaf/?api-version=2021-04-12&auth-chain=leaf%3Bmid%3Btop",
                  buf_slice(&token));
    speak(c);
    buf_free(&token);
}

static void a_session_on_behalf_ends_when_the_hierarchy_changes(void **state)
{
    for (unsigned change = 0; change < HIERARCHY_CHANGES; change++) {
        struct client c;
        struct hierarchy h = put_hierarchy(&rig);
        open_on_behalf(&c);
        assert_int_equal(c.connack, MQTT_ACCEPTED);
        change_hierarchy(&rig, &h, change);
        assert_over(&c);
        end(&c);
        open_on_behalf(&c);
        assert_int_not_equal(c.connack, MQTT_ACCEPTED);
        end(&c);
        rig_stop(&rig);
        set_up(state);
    }
}

static void other_sessions_stay_when_the_hierarchy_changes(void **state)
{
    (void)state;
    struct client behalf, own;
    struct hierarchy h = put_hierarchy(&rig);
    open_on_behalf(&behalf);
    change_hierarchy(&rig, &h, OTHER_IS_DELETED);
    ping(&behalf);
    assert_int_equal(behalf.pingresps, 1);
    open_device(&own, "leaf"); /* takes over */
    assert_over(&behalf);
    change_hierarchy(&rig, &h, LEAF_IS_DETACHED);
    change_hierarchy(&rig, &h, TOP_IS_DELETED);
    ping(&own);
    assert_int_equal(own.pingresps, 1);
    end(&own);
    end(&behalf);
}

/* ---- publishing */

static void telemetry_is_acknowledged_in_order(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    for (uint16_t id = 1; id <= 100; id++) write_publish(&c, events, SLICE_LIT("{}"), id);
    write_publish(&c, events, SLICE_LIT("{}"), 0);
    speak(&c);
    assert_int_equal(c.pubacks, 100);
    assert_int_equal(c.last_puback, 100);
    end(&c);
}

static void what_may_not_be_published_ends_the_connection(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "devices/d2/messages/events/",
        "devices/d1/messages/devicebound/",
        "devices/d1/messages/events/a=%zz",
        "devices/d1/messages/events/=x",
        "$iothub/twin/GET/",
        "$iothub/twin/GET/?$rid=",
        "x",
    };
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        struct client c;
        open_device(&c, "d1");
        write_publish(&c, topics[i], SLICE_LIT("{}"), 1);
        speak(&c);
        assert_true(c.conn->gone);
        assert_int_equal(c.pubacks, 0);
        end(&c);
    }
}

/* Only the head of a packet comes: it is judged before the rest. */
static void say_head(struct client *c, uint8_t first, size_t packet)
{
    enum { HEAD = 4 }; /* with a length of three bytes */
    size_t len = packet - HEAD;
    const uint8_t head[HEAD] = {first, (uint8_t)(len | 0x80), (uint8_t)(len >> 7 | 0x80),
                                (uint8_t)(len >> 14)};
    rig_say(c->conn, slice_of(head, sizeof head));
}

static void packets_that_are_too_large_end_the_connection_and_are_counted(void **state)
{
    (void)state;
    enum { CONNECT = 0x10, PUBLISH = 0x30 };
    for (unsigned over = 0; over < 2; over++) {
        struct client c;
        int64_t met = limit_reached("mqtt-packet");
        start(&c);
        say_head(&c, CONNECT, MQTT_CONNECT_MAX + over);
        assert_int_equal(c.conn->gone, over);
        assert_int_equal(limit_reached("mqtt-packet") - met, over);
        end(&c);
        open_device(&c, "d1");
        say_head(&c, PUBLISH, MQTT_PACKET_MAX + over);
        assert_int_equal(c.conn->gone, over);
        assert_int_equal(limit_reached("mqtt-packet") - met, 2 * over);
        end(&c);
    }
}

static void a_message_has_256_kib(void **state)
{
    (void)state;
    char *body = mem_zero(TELEMETRY_SIZE_MAX + 1);
    for (size_t over = 0; over < 2; over++) {
        struct client c;
        open_device(&c, "d1");
        write_publish(&c, events, slice_of(body, TELEMETRY_SIZE_MAX + over), 1);
        speak(&c);
        assert_int_equal(c.pubacks, over ? 0 : 1);
        assert_int_equal(c.conn->gone, over != 0);
        end(&c);
    }
    free(body);
}

/* Bytes that come meanwhile are the socket's to keep. */
static void a_device_is_not_read_while_the_log_is_full(void **state)
{
    enum { FULL = LOG_INFLIGHT_MAX / TELEMETRY_SIZE_MAX };
    char *body = mem_zero(TELEMETRY_SIZE_MAX);
    (void)state;
    for (unsigned count = FULL - 1; count <= FULL; count++) {
        struct client c;
        open_device(&c, "d1");
        for (unsigned i = 1; i <= count; i++)
            write_publish(&c, events, slice_of(body, TELEMETRY_SIZE_MAX), (uint16_t)i);
        lane_running = &rig.core;
        conn_received(&c.conn->conn, buf_slice(&c.out), rig.now_us);
        buf_clear(&c.out);
        assert_int_equal(c.conn->conn.paused, count == FULL);
        rig_run(&rig);
        assert_false(c.conn->conn.paused);
        hear(&c);
        assert_int_equal(c.pubacks, count);
        end(&c);
    }
    free(body);
}

static void qos_2_ends_the_connection(void **state)
{
    (void)state;
    static const uint8_t packet[] = {0x34, 9, 0, 5, 'd', '/', 'e', 'v', '/', 0, 1};
    struct client c;
    open_device(&c, "d1");
    rig_say(c.conn, slice_of(packet, sizeof packet));
    assert_true(c.conn->gone);
    end(&c);
}

static void a_failed_sync_acknowledges_nothing_ever_after(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    io_mem_fail(rig.disk, IO_CALL_SYNC, 1, ERR_IO, false);
    for (int attempt = 0; attempt < 2; attempt++) {
        write_publish(&c, events, SLICE_LIT("{}"), 1);
        speak(&c);
        assert_int_equal(c.pubacks, 0);
        assert_true(c.conn->gone);
        end(&c);
        open_device(&c, "d1");
    }
    assert_false(log_healthy(rig.wire.log));
    end(&c);
}

/* ---- messages to devices */

static void on_sent(struct c2d_wait *w, const struct c2d_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void send_message(const char *body)
{
    static const struct c2d_property property = {{(const uint8_t *)"k", 1},
                                                 {(const uint8_t *)"a/b", 3}};
    struct c2d_wait wait = {.fn = on_sent};
    struct c2d_draft draft = {.message_id = SLICE_LIT("m"),
                              .properties = &property,
                              .property_count = 1,
                              .body = slice_str(body)};
    lane_running = &rig.core;
    c2d_send(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &draft, &wait);
    rig_run(&rig);
}

static void count_messages(struct c2d_wait *w, const struct c2d_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
    assert_int_equal(a->count, 0);
}

static void assert_no_message_waits(void)
{
    struct c2d_wait wait = {.fn = count_messages};
    lane_running = &rig.core;
    c2d_purge(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &wait);
    rig_run(&rig);
}

static void subscribe(struct client *c, uint8_t qos)
{
    struct mqtt_filter f = {SLICE_LIT("devices/d1/messages/devicebound/#"), qos};
    assert_int_equal(mqtt_send_subscribe(&c->mqtt, 9, &f, 1), OK);
    speak(c);
    assert_int_equal(c->suback, qos);
}

static void a_message_comes_at_qos_1_and_its_puback_completes_it(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    send_message("early");
    hear(&c);
    assert_int_equal(c.publishes, 0);
    subscribe(&c, 1);
    assert_int_equal(c.publishes, 1);
    assert_string_equal(c.heard[0].topic,
                        "devices/d1/messages/devicebound/%24.mid=m&%24.to=%2Fdevices"
                        "%2Fd1%2Fmessages%2FdeviceBound&k=a%2Fb");
    assert_string_equal(c.heard[0].body, "early");
    send_message("late");
    hear(&c);
    assert_int_equal(c.publishes, 2);
    assert_int_not_equal(c.heard[0].packet_id, c.heard[1].packet_id);
    mqtt_send_puback(&c.mqtt, 4711); /* of nothing: harmless */
    mqtt_send_puback(&c.mqtt, c.heard[1].packet_id);
    mqtt_send_puback(&c.mqtt, c.heard[0].packet_id);
    speak(&c);
    assert_no_message_waits();
    end(&c);
}

static void what_was_not_acknowledged_comes_again_without_a_subscribe(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    subscribe(&c, 1);
    send_message("one");
    hear(&c);
    assert_int_equal(c.publishes, 1);
    end(&c);
    send_message("two");
    open_device(&c, "d1");
    rig_run(&rig);
    hear(&c);
    assert_int_equal(c.publishes, 2);
    assert_string_equal(c.heard[0].body, "one");
    assert_string_equal(c.heard[1].body, "two");
    assert_false(c.heard[0].dup);
    end(&c);
}

static void a_lock_that_ends_brings_the_message_again_as_a_duplicate(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    subscribe(&c, 1);
    send_message("x");
    rig_wait(&rig, C2D_LOCK_US + 1000000);
    hear(&c);
    assert_int_equal(c.publishes, 2);
    assert_true(c.heard[1].dup);
    assert_int_equal(c.heard[1].packet_id, c.heard[0].packet_id);
    mqtt_send_puback(&c.mqtt, c.heard[1].packet_id);
    speak(&c);
    assert_no_message_waits();
    end(&c);
}

static void at_most_sixteen_wait_for_a_puback(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    subscribe(&c, 1);
    for (unsigned i = 0; i < C2D_WINDOW + 1; i++) send_message("x");
    hear(&c);
    assert_int_equal(c.publishes, C2D_WINDOW);
    mqtt_send_puback(&c.mqtt, c.heard[5].packet_id);
    speak(&c);
    assert_int_equal(c.publishes, C2D_WINDOW + 1);
    end(&c);
}

static void at_qos_0_a_message_is_completed_when_it_was_sent(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    subscribe(&c, 0);
    for (unsigned i = 0; i < C2D_WINDOW + 4; i++) send_message("x");
    hear(&c);
    assert_int_equal(c.publishes, C2D_WINDOW + 4);
    assert_int_equal(c.heard[0].packet_id, 0);
    assert_no_message_waits();
    end(&c);
}

/* In steps that the transport may hear of progress in, or the connection is cut. */
static void read_slowly(struct client *c, int64_t us)
{
    for (int64_t step = 10 * 1000000ll; us > 0 && !c->conn->gone; us -= step) {
        rig_wait(&rig, step);
        lane_running = &rig.core;
        conn_progress(&c->conn->conn, rig.now_us);
        rig_run(&rig);
    }
}

static void read_all(struct client *c)
{
    c->conn->unread = 0;
    lane_running = &rig.core;
    conn_writable(&c->conn->conn, rig.now_us);
    rig_run(&rig);
    hear(c);
}

/* Longer than locks last and keep-alive allows: it was not read, so it could say nothing. */
static void a_device_that_reads_slowly_gets_each_message_once(void **state)
{
    (void)state;
    for (uint8_t qos = 0; qos <= 1; qos++) {
        struct client c;
        open_device(&c, "d1");
        subscribe(&c, qos);
        c.conn->unread = CONN_OUT_SOFT;
        for (unsigned i = 0; i < C2D_WINDOW + 4; i++) send_message("x");
        read_slowly(&c, 3 * C2D_LOCK_US);
        assert_false(c.conn->gone);
        hear(&c);
        assert_int_equal(c.publishes, 0);
        read_all(&c);
        assert_int_equal(c.publishes, qos ? C2D_WINDOW : C2D_WINDOW + 4);
        for (unsigned i = 0; qos && i < C2D_WINDOW; i++)
            mqtt_send_puback(&c.mqtt, c.heard[i].packet_id);
        if (qos) speak(&c);
        assert_int_equal(c.publishes, C2D_WINDOW + 4);
        for (unsigned i = C2D_WINDOW; qos && i < C2D_WINDOW + 4; i++)
            mqtt_send_puback(&c.mqtt, c.heard[i].packet_id);
        if (qos) speak(&c);
        for (unsigned i = 0; i < c.publishes; i++) assert_false(c.heard[i].dup);
        assert_no_message_waits();
        end(&c);
    }
}

static void on_purged(struct c2d_wait *w, const struct c2d_answer *a)
{
    (void)w;
    assert_int_equal(a->count, 4);
}

/* Its sender has heard Purged. */
static void what_was_purged_while_the_device_did_not_read_is_not_sent(void **state)
{
    struct c2d_wait wait = {.fn = on_purged};
    struct client c;
    (void)state;
    open_device(&c, "d1");
    subscribe(&c, 1);
    c.conn->unread = CONN_OUT_SOFT;
    for (unsigned i = 0; i < 4; i++) send_message("x");
    lane_running = &rig.core;
    c2d_purge(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &wait);
    rig_run(&rig);
    send_message("after");
    read_all(&c);
    assert_int_equal(c.publishes, 2); /* the first was on its way already */
    end(&c);
}

/* ---- the rest */

static void subscriptions_are_refused_and_said_so(void **state)
{
    (void)state;
    static const char *const filters[] = {"devices/d2/messages/devicebound/#", "$iothub/twin/#",
                                          "$iothub/methods/POST/+", "x/+"};
    struct client c;
    open_device(&c, "d1");
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct mqtt_filter f = {slice_str(filters[i]), 1};
        c.suback = -1;
        assert_int_equal(mqtt_send_subscribe(&c.mqtt, 9, &f, 1), OK);
        speak(&c);
        assert_int_equal(c.suback, MQTT_SUBACK_REFUSED);
    }
    assert_false(c.conn->gone);
    end(&c);
}

/* Said at once, so that all are under way: none is answered before its change is on disk. */
static void so_many_subscriptions_are_changed_at_once(void **state)
{
    (void)state;
    struct mqtt_filter f = {SLICE_LIT("devices/d1/messages/devicebound/#"), 1};
    for (unsigned more = 0; more < 2; more++) {
        int64_t refused = limit_reached("subscription-changes");
        struct client c;
        open_device(&c, "d1");
        for (unsigned id = 1; id <= SESSION_SUBSCRIBES_MAX + more; id++)
            assert_int_equal(mqtt_send_subscribe(&c.mqtt, (uint16_t)id, &f, 1), OK);
        speak(&c);
        assert_int_equal(c.suback, more ? -1 : 1);
        assert_int_equal(c.conn->gone, more);
        assert_int_equal(limit_reached("subscription-changes") - refused, more);
        end(&c);
    }
}

/* ---- throttles */

static void who_sends_more_than_the_rate_is_read_later_and_nothing_is_lost(void **state)
{
    (void)state;
    struct client c;
    limit("telemetry=3/s");
    open_device(&c, "d1");
    for (uint16_t id = 1; id <= 6; id++) write_publish(&c, events, SLICE_LIT("x"), id);
    speak(&c);
    assert_int_equal(c.pubacks, 4); /* what comes after the first above the rate waits */
    for (unsigned n = 5; n <= 6; n++) {
        rig_wait(&rig, 300000);
        hear(&c);
        assert_int_equal(c.pubacks, n - 1);
        rig_wait(&rig, 40000);
        hear(&c);
        assert_int_equal(c.pubacks, n);
    }
    assert_int_equal(c.last_puback, 6);
    assert_false(c.conn->gone);
    end(&c);
}

/* Its keep-alive of 60 s counts what it is heard, not what it is made to wait. */
static void a_device_that_is_read_later_is_not_silent(void **state)
{
    (void)state;
    struct client c;
    limit("telemetry=1/s");
    open_device(&c, "d1");
    for (uint16_t id = 1; id <= 120; id++) write_publish(&c, events, SLICE_LIT("x"), id);
    speak(&c);
    for (int s = 0; s < 120; s++) {
        rig_wait(&rig, 1010000);
        hear(&c);
    }
    assert_int_equal(c.pubacks, 120);
    assert_false(c.conn->gone);
    rig_wait(&rig, 91000000); /* and now it is */
    rig_wait(&rig, 1000000);
    assert_over(&c);
    end(&c);
}

static void telemetry_that_would_wait_too_long_ends_the_connection(void **state)
{
    (void)state;
    struct client c;
    limit("telemetry=1/min"); /* the next would have to wait a minute */
    open_device(&c, "d1");
    write_publish(&c, events, SLICE_LIT("x"), 1);
    speak(&c);
    assert_int_equal(c.pubacks, 1);
    write_publish(&c, events, SLICE_LIT("x"), 2);
    speak(&c);
    assert_int_equal(c.pubacks, 1);
    assert_over(&c);
    end(&c);
}

/* Its PUBACK is what it does not get: MQTT 3.1.1 has no other word. */
static void telemetry_above_the_daily_quota_ends_the_connection(void **state)
{
    (void)state;
    struct client c;
    rig.wire.hub.quota = quota_new(&(struct quota_config){2, QUOTA_METER});
    open_device(&c, "d1");
    for (uint16_t id = 1; id <= 2; id++) write_publish(&c, events, SLICE_LIT("x"), id);
    speak(&c);
    assert_int_equal(c.pubacks, 2);
    write_publish(&c, events, SLICE_LIT("x"), 3);
    speak(&c);
    assert_int_equal(c.pubacks, 2);
    assert_over(&c);
    end(&c);
    open_device(&c, "d1"); /* it may come back, and wait for midnight */
    rig_wait(&rig, 24 * 3600 * 1000000ll - rig.wall_us % (24 * 3600 * 1000000ll));
    end(&c);
    open_device(&c, "d1");
    write_publish(&c, events, SLICE_LIT("x"), 4);
    speak(&c);
    assert_int_equal(c.pubacks, 1);
    end(&c);
}

static void one_connection_too_many_is_told_to_come_later(void **state)
{
    (void)state;
    struct client first, second;
    limit("connections=1/min");
    open_device(&first, "d1");
    connect_as(&second, "d1");
    speak(&second);
    assert_int_equal(second.connack, MQTT_UNAVAILABLE);
    assert_true(second.conn->gone);
    assert_false(first.conn->gone);
    end(&second);
    end(&first);
}

/* ---- faults on demand */

#define ASKS(type)                                                                                 \
    "devices/d1/messages/events/AzIoTHub_FaultOperationType=" type                                 \
    "&AzIoTHub_FaultOperationDelayInSecs=2&AzIoTHub_FaultOperationDurationInSecs=9"

static void ask_for_fault(struct client *c, const char *topic)
{
    open_device(c, "d1");
    write_publish(c, topic, SLICE_LIT("x"), 1);
    speak(c);
    assert_int_equal(c->pubacks, 1);
    rig_wait(&rig, 1900000);
    assert_false(c->conn->gone);
    rig_wait(&rig, 200000);
}

static void a_fault_is_done_after_its_delay_if_faults_are_allowed(void **state)
{
    (void)state;
    static const char *const topics[] = {ASKS("KillTcp"), ASKS("ShutDownMqtt"),
                                         ASKS("InvokeAuthError")};
    struct client c;
    ask_for_fault(&c, topics[0]); /* not allowed: nothing happens */
    rig_wait(&rig, 3000000);
    assert_false(c.conn->gone);
    end(&c);
    rig.wire.hub.faults = faults_new(); /* wire_close() frees them */
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        ask_for_fault(&c, topics[i]);
        assert_over(&c);
        end(&c);
    }
    connect_as(&c, "d1"); /* the last one lasts */
    speak(&c);
    assert_int_equal(c.connack, MQTT_NOT_AUTHORIZED);
    end(&c);
    rig_wait(&rig, 9000000);
    open_device(&c, "d1");
    end(&c);
}

static void throttling_on_demand_refuses_until_it_is_over(void **state)
{
    (void)state;
    struct client c;
    rig.wire.hub.faults = faults_new();
    ask_for_fault(&c, ASKS("InvokeThrottling"));
    write_publish(&c, events, SLICE_LIT("x"), 2);
    speak(&c);
    assert_int_equal(c.pubacks, 1);
    assert_over(&c);
    end(&c);
    connect_as(&c, "d1");
    speak(&c);
    assert_int_equal(c.connack, MQTT_UNAVAILABLE);
    end(&c);
}

/* Unlike throttling it lets the device come back, if only to be told again. */
static void a_quota_on_demand_ends_the_connection_that_sends_more(void **state)
{
    (void)state;
    struct client c;
    rig.wire.hub.faults = faults_new();
    ask_for_fault(&c, ASKS("InvokeMaxMessageQuota"));
    assert_false(c.conn->shut);
    for (int again = 0; again < 2; again++) {
        unsigned before = c.pubacks;
        write_publish(&c, events, SLICE_LIT("x"), 2);
        speak(&c);
        assert_int_equal(c.pubacks, before);
        assert_over(&c);
        end(&c);
        open_device(&c, "d1");
    }
    rig_wait(&rig, 9000000);
    write_publish(&c, events, SLICE_LIT("x"), 2);
    speak(&c);
    assert_int_equal(c.pubacks, 1);
    end(&c);
}

static void a_killed_connection_says_farewell_only_if_that_was_asked(void **state)
{
    (void)state;
    static const char *const topics[] = {
        ASKS("KillTcp") "&AzIoTHub_FaultOperationCloseReason=byebye", ASKS("KillTcp")};
    rig.wire.hub.faults = faults_new();
    for (int aborted = 0; aborted < 2; aborted++) {
        struct client c;
        ask_for_fault(&c, topics[aborted]);
        assert_true(c.conn->shut);
        assert_int_equal(c.conn->aborted, aborted);
        end(&c);
    }
}

static void the_newest_message_counts(void **state)
{
    (void)state;
    struct client c;
    rig.wire.hub.faults = faults_new();
    open_device(&c, "d1");
    write_publish(&c, ASKS("KillTcp"), SLICE_LIT("x"), 1);
    speak(&c);
    rig_wait(&rig, 1000000);
    write_publish(&c, ASKS("ShutDownMqtt"), SLICE_LIT("x"), 2);
    speak(&c);
    rig_wait(&rig, 1900000); /* the first would have been due */
    assert_false(c.conn->shut);
    rig_wait(&rig, 200000);
    assert_true(c.conn->shut);
    assert_false(c.conn->aborted);
    end(&c);
}

static void silence_ends_after_one_and_a_half_keep_alives(void **state)
{
    (void)state;
    struct client c;
    open_device(&c, "d1");
    rig_wait(&rig, 89 * 1000000ll);
    rig_say(c.conn, SLICE_NONE);
    assert_false(c.conn->gone);
    rig_wait(&rig, 2 * 1000000ll);
    rig_wait(&rig, 1000000);
    assert_over(&c);
    end(&c);
}

static void an_expired_token_ends_the_connection_after_its_grace(void **state)
{
    (void)state;
    static const uint8_t pingreq[] = {0xc0, 0};
    struct client c;
    open_device(&c, "d1");
    for (int minute = 0; minute < 3600 / 60 + 4; minute++) {
        rig_wait(&rig, 60 * 1000000ll);
        rig_say(c.conn, slice_of(pingreq, sizeof pingreq));
        assert_false(c.conn->gone);
    }
    rig_wait(&rig, 62 * 1000000ll);
    assert_over(&c);
    end(&c);
}

/* .NET and Java get a new token only when they connect: they wait to be disconnected. */
static void a_token_that_ends_is_noticed_though_nobody_speaks(void **state)
{
    (void)state;
    struct client c;
    connect_as(&c, "d1");
    rig_wait(&rig, (3600 + 298) * 1000000ll);
    mqtt_fini(&c.mqtt);
    mqtt_init(&c.mqtt, &(struct mqtt_config){MQTT_CLIENT, &c.out, 0}, rig.now_us);
    rig_free(c.conn);
    c.conn = rig_dial(&rig, WIRE_MQTT);
    speak(&c);
    assert_int_equal(c.connack, MQTT_ACCEPTED);
    rig_wait(&rig, 3 * 1000000ll);
    assert_true(c.conn->shut);
    end(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_has_the_code_the_sdks_expect),
        TEST(a_policys_token_signs_in_the_modules_below_its_path),
        TEST(an_edge_devices_modules_need_keys_first),
        TEST(a_module_publishes_in_its_own_name),
        TEST(a_module_may_subscribe_to_its_inputs),
        TEST(a_model_id_is_plain_text_of_bounded_length),
        TEST(an_auth_chain_has_a_limit),
        TEST(what_follows_the_connect_waits_for_the_connack),
        TEST(a_newer_connection_ends_the_older),
        TEST(whom_a_still_newer_connection_overtakes_may_try_again),
        TEST(a_device_that_is_disabled_is_disconnected),
        TEST(a_session_on_behalf_ends_when_the_hierarchy_changes),
        TEST(other_sessions_stay_when_the_hierarchy_changes),
        TEST(telemetry_is_acknowledged_in_order),
        TEST(what_may_not_be_published_ends_the_connection),
        TEST(packets_that_are_too_large_end_the_connection_and_are_counted),
        TEST(a_message_has_256_kib),
        TEST(a_device_is_not_read_while_the_log_is_full),
        TEST(qos_2_ends_the_connection),
        TEST(a_failed_sync_acknowledges_nothing_ever_after),
        TEST(a_message_comes_at_qos_1_and_its_puback_completes_it),
        TEST(what_was_not_acknowledged_comes_again_without_a_subscribe),
        TEST(a_lock_that_ends_brings_the_message_again_as_a_duplicate),
        TEST(at_most_sixteen_wait_for_a_puback),
        TEST(at_qos_0_a_message_is_completed_when_it_was_sent),
        TEST(a_device_that_reads_slowly_gets_each_message_once),
        TEST(what_was_purged_while_the_device_did_not_read_is_not_sent),
        TEST(subscriptions_are_refused_and_said_so),
        TEST(so_many_subscriptions_are_changed_at_once),
        TEST(who_sends_more_than_the_rate_is_read_later_and_nothing_is_lost),
        TEST(a_device_that_is_read_later_is_not_silent),
        TEST(telemetry_that_would_wait_too_long_ends_the_connection),
        TEST(telemetry_above_the_daily_quota_ends_the_connection),
        TEST(one_connection_too_many_is_told_to_come_later),
        TEST(a_fault_is_done_after_its_delay_if_faults_are_allowed),
        TEST(throttling_on_demand_refuses_until_it_is_over),
        TEST(a_quota_on_demand_ends_the_connection_that_sends_more),
        TEST(a_killed_connection_says_farewell_only_if_that_was_asked),
        TEST(the_newest_message_counts),
        TEST(silence_ends_after_one_and_a_half_keep_alives),
        TEST(an_expired_token_ends_the_connection_after_its_grace),
        TEST(a_token_that_ends_is_noticed_though_nobody_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
