/* bridge_test.c - a broker in memory that takes, refuses, is silent, hangs up in the middle of a batch and comes
 * back; the test is the network, too. */
#include "deliver/deliver_rig.h"
#include "deliver/say_test.h"

#include "base/json.h"
#include "base/rand.h"
#include "deliver/bridge/bridge.h"
#include "deliver/bridge/check.h"
#include "deliver/bridge/topic.h"
#include "net/dialer.h"
#include "net/transport_rig.h"
#include "proto/mqtt/mqtt.h"

enum { S = 1000000, PARTITIONS = 2, HEARD_MAX = 8192, A = 1 << 1 };

/* The hub's side of a connection is a conn like any other; the broker's is an engine. */
struct wire {
    struct transport_rig hub; /* its side */
    struct list node;
    struct mqtt mqtt;
    struct buf out;
    bool cut, greeted;
};

static struct broker {
    bool away;            /* nobody listens */
    bool silent;          /* CONNECT is not answered */
    bool deaf;            /* nor is PUBLISH, but heard */
    bool holds;           /* answers wait */
    bool stutters;        /* each PUBACK comes twice */
    enum mqtt_code code;  /* to CONNECT */
    unsigned until_cut;   /* messages, then it hangs up; 0: it does not */
    unsigned acks_lost;   /* of the last messages before that */
    int poison;           /* the "n" of a message that it hangs up on ... */
    unsigned hangups;     /* ... so often */
    int heard[HEARD_MAX]; /* "n" of messages, in order */
    unsigned count, dials, greetings;
    bool goodbye; /* the last connection ended with DISCONNECT */
    char topic[256], last[4096];
    char client_id[128], user[64], password[64];
    bool clean;
} broker;

static struct fixture {
    struct deliver_rig d;
    struct conn_host host;
    struct dialer dialer;
    struct list wires;
    struct wire *wire; /* the newest; NULL: it is gone */
} f;

/* ---- the network */

static void on_connect(struct dialer *dr, struct dial *d, int64_t now_us)
{
    broker.dials++;
    if (broker.away) {
        dial_failed(d, ERR_IO, "refused the connection");
        return;
    }
    struct wire *w = f.wire = NEW(struct wire);
    list_push(&f.wires, &w->node);
    conn_init(&w->hub.conn, dr->host, &rig_transport, d->to.front, d->to.front_ctx, NULL);
    mqtt_init(&w->mqtt, &(struct mqtt_config){.role = MQTT_SERVER, .out = &w->out}, now_us);
    dial_connected(d, &w->hub.conn, now_us);
}

static void on_stop(struct dialer *dr, struct dial *d)
{
    (void)dr, (void)d;
}

/* ---- the broker */

static void copy(char *to, size_t size, struct slice text)
{
    snprintf(to, size, "%.*s", SLICE_ARG(text));
}

static void greet(struct wire *w, const struct mqtt_connect *c)
{
    broker.greetings++;
    broker.clean = c->clean_session;
    copy(broker.client_id, sizeof broker.client_id, c->client_id);
    copy(broker.user, sizeof broker.user, c->user_name);
    copy(broker.password, sizeof broker.password, c->password);
    if (broker.silent) return;
    mqtt_send_connack(&w->mqtt, broker.code, false);
    w->greeted = broker.code == MQTT_ACCEPTED;
    w->cut = !w->greeted;
}

static void hear(struct wire *w, const struct mqtt_publish *p)
{
    assert_int_equal(p->qos, 1);
    copy(broker.topic, sizeof broker.topic, p->topic);
    copy(broker.last, sizeof broker.last, p->payload);
    const char *n = strstr(broker.last, "\"n\":");
    if (n && broker.count < HEARD_MAX) broker.heard[broker.count++] = atoi(n + 4);
    bool last = broker.until_cut && --broker.until_cut == 0;
    if (n && atoi(n + 4) == broker.poison && broker.hangups) {
        broker.hangups--;
        last = true;
    }
    if (!broker.deaf && !(broker.until_cut && broker.until_cut < broker.acks_lost) && !last)
        for (int i = 0; i <= broker.stutters; i++) mqtt_send_puback(&w->mqtt, p->packet_id);
    w->cut = last;
}

static void on_packet(struct wire *w, const struct mqtt_event *ev)
{
    if (ev->kind == MQTT_CONNECT) greet(w, &ev->connect);
    if (ev->kind == MQTT_PUBLISH) hear(w, &ev->publish);
    if (ev->kind == MQTT_PINGREQ) mqtt_send_pingresp(&w->mqtt);
    if (ev->kind == MQTT_DISCONNECT) broker.goodbye = true;
}

static void drop_wire(struct wire *w)
{
    if (f.wire == w) f.wire = NULL;
    list_remove(&w->node);
    conn_gone(&w->hub.conn, rig_mono_us);
    mqtt_fini(&w->mqtt);
    buf_free(&w->hub.sent);
    buf_free(&w->out);
    free(w);
}

static void read_packets(struct wire *w, struct slice bytes)
{
    struct mqtt_event ev;
    mqtt_feed(&w->mqtt, bytes, rig_mono_us);
    while (!w->cut && mqtt_next(&w->mqtt, &ev) == OK) on_packet(w, &ev);
    if (w->cut) mqtt_keep(&w->mqtt);
}

/* False: it has nothing to do. */
static bool serve(struct wire *w)
{
    struct buf sent = w->hub.sent;
    bool any = buf_size(&sent) > 0 || w->hub.shut;
    w->hub.sent = (struct buf){0};
    if (buf_size(&sent) && !w->cut) read_packets(w, buf_slice(&sent));
    if (buf_size(&w->out) && !w->hub.shut && !broker.holds) {
        conn_received(&w->hub.conn, buf_slice(&w->out), rig_mono_us);
        buf_clear(&w->out);
    }
    if (w->cut && !w->hub.shut) conn_ended(&w->hub.conn, ERR_CLOSED);
    if (w->hub.shut) drop_wire(w);
    buf_free(&sent);
    return any;
}

static bool serve_all(void)
{
    bool any = false;
    lane_running = &f.d.rig.lane;
    LIST_EACH(node, &f.wires) any |= serve(CONTAINER_OF(node, struct wire, node));
    return any;
}

/* ---- a hub around it */

static void run(int64_t us)
{
    do {
        cursor_rig_run(&f.d.rig, MIN(us, (int64_t)CURSOR_RIG_STEP_US));
        us -= CURSOR_RIG_STEP_US;
        while (serve_all()) rig_run(f.d.rig.rig);
    } while (us > 0);
}

static void furnish(struct deliver_rig *d, struct deliver_doors *doors)
{
    lane_running = &d->rig.lane;
    conn_host_init(&f.host, &d->rig.lane);
    f.dialer = (struct dialer){.connect = on_connect, .stop = on_stop};
    dialer_init(&f.dialer, &f.host);
    doors->dialer = &f.dialer;
}

static void leave(struct deliver_rig *d)
{
    (void)d;
    dialer_close(&f.dialer);
}

static void strip(struct deliver_rig *d)
{
    LIST_EACH(node, &f.wires) conn_abort(&CONTAINER_OF(node, struct wire, node)->hub.conn);
    while (serve_all()) rig_run(d->rig.rig);
    conn_host_fini(&f.host);
}

static void open_hub(void)
{
    deliver_rig_open(&f.d);
    run(0);
}

static void close_hub(void)
{
    deliver_rig_close(&f.d);
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    list_init(&f.wires);
    broker = (struct broker){0};
    f.d.furnish = furnish;
    f.d.leave = leave;
    f.d.strip = strip;
    deliver_rig_start(&f.d, PARTITIONS);
    run(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    deliver_rig_fini(&f.d);
    return 0;
}

#define BROKER(more)  "{\"name\":\"b\",\"url\":\"mqtt://localhost:1883\"" more "}"
#define LOGIN(word)   ",\"user\":\"hub\",\"password\":\"" word "\""
#define BROKERS(list) "{\"endpoints\":{\"mqtt\":[" list "]}}"

static enum err put(const char *document)
{
    return deliver_rig_put(&f.d, document);
}

static void use(const char *document)
{
    if (put(document) != OK) fail_msg("%s", f.d.text);
    run(S);
}

static void say_to(const char *device_id, unsigned partition, int n)
{
    struct buf body = {0};
    buf_printf(&body, "{\"n\":%d}", n);
    say_body(&f.d.rig, partition, device_id, buf_slice(&body), A);
    buf_free(&body);
}

static void say_many(int first, int last)
{
    for (int n = first; n <= last; n++) say_to("pump", (unsigned)n % PARTITIONS, n);
}

/* Everything came, each partition in its order; what came twice came again from a place before. */
static void assert_heard(int last)
{
    int next[PARTITIONS] = {PARTITIONS, 1};
    for (unsigned i = 0; i < broker.count; i++) {
        int *expected = &next[broker.heard[i] % PARTITIONS];
        assert_true(broker.heard[i] <= *expected);
        if (broker.heard[i] == *expected) *expected += PARTITIONS;
    }
    for (int i = 0; i < PARTITIONS; i++) assert_true(next[i] > last);
}

static struct routing_health health(void)
{
    return deliver_rig_health(&f.d);
}

/* ---- */

static void messages_go_to_the_broker_by_their_topic(void **state)
{
    (void)state;
    use(BROKERS(BROKER(LOGIN("secret"))));
    assert_int_equal(broker.greetings, 1);
    assert_string_equal(broker.client_id, "azimuth-plant-b");
    assert_string_equal(broker.user, "hub");
    assert_string_equal(broker.password, "secret");
    assert_true(broker.clean);
    assert_int_equal(health().status, ROUTING_HEALTHY);
    say_to("pump", 1, 7);
    run(0);
    assert_string_equal(broker.topic, "plant/pump/DeviceMessages");
    assert_string_equal(broker.last, "{\"n\":7}");
    use(BROKERS(BROKER(",\"topic\":\"x/{deviceId}\",\"clientId\":\"me\"")));
    assert_true(broker.goodbye);
    assert_string_equal(broker.client_id, "me");
    assert_string_equal(broker.user, "");
    say_to("+#%$pump", 1, 8);
    run(0);
    assert_string_equal(broker.topic, "x/%2B%23%25$pump");
    assert_int_equal(broker.count, 2);
    use(BROKERS(BROKER(",\"topic\":\"{deviceId}$x\"")));
    say_to("", 1, 9); /* no device's: topics with a '$' first of all are the broker's own */
    run(0);
    assert_string_equal(broker.topic, "%24x");
}

static void an_envelope_has_properties_and_the_mark_of_a_loop(void **state)
{
    (void)state;
    use(BROKERS(BROKER(",\"envelope\":true")));
    say_to("pump", 1, 7);
    run(0);
    assert_string_equal(
        broker.last,
        "{\"properties\":{\"level\":\"hot\",\"azimuth-passed\":\"plant-6553f100/b\"},"
        "\"systemProperties\":{\"iothub-content-type\":\"application/json\","
        "\"iothub-content-encoding\":\"utf-8\",\"iothub-connection-device-id\":\"pump\"},"
        "\"body\":{\"n\":7}}");
}

static void a_wrong_password_is_named_and_tried_slowly(void **state)
{
    static const struct {
        enum mqtt_code code;
        const char *error;
    } rows[] = {{MQTT_BAD_CREDENTIALS, "refuses this user or password (CONNACK 4)"},
                {MQTT_NOT_AUTHORIZED, "does not authorize"},
                {MQTT_BAD_CLIENT_ID, "clientId (CONNACK 2)"},
                {MQTT_BAD_LEVEL, "does not speak MQTT 3.1.1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tear_down(state);
        set_up(state);
        broker.code = rows[i].code;
        use(BROKERS(BROKER(LOGIN("wrong"))));
        say_many(1, 10);
        run((DELIVER_PAUSE_SLOW_S - 2) * S);
        assert_int_equal(broker.dials, 1);
        assert_int_equal(health().status, ROUTING_UNHEALTHY);
        assert_non_null(strstr(health().error, "localhost:1883"));
        assert_non_null(strstr(health().error, rows[i].error));
        assert_null(strstr(health().error, "wrong"));
        broker.code = MQTT_ACCEPTED;
        run(DELIVER_PAUSE_SLOW_S / 2 * S);
        assert_heard(10);
        assert_int_equal(broker.count, 10);
    }
}

static void a_broker_that_is_away_busy_or_silent_is_tried_again_soon(void **state)
{
    static const struct broker ways[] = {
        {.away = true}, {.silent = true}, {.code = MQTT_UNAVAILABLE}, {.deaf = true}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        tear_down(state);
        set_up(state);
        broker = ways[i];
        use(BROKERS(BROKER("")));
        say_many(1, 50);
        run(100 * S);
        assert_int_equal(health().status, ROUTING_UNHEALTHY);
        assert_in_range(broker.dials, 3, 9);
        broker.away = broker.silent = broker.deaf = false;
        broker.code = MQTT_ACCEPTED;
        run(120 * S);
        assert_heard(50);
        assert_int_equal(health().status, ROUTING_HEALTHY);
    }
}

static void a_broker_that_hangs_up_in_the_middle_gets_the_rest_in_order(void **state)
{
    (void)state;
    use(BROKERS(BROKER("")));
    broker.until_cut = 30;
    broker.acks_lost = 8;
    say_many(1, 200);
    run(S / 2);
    assert_true(broker.count < 200);
    run(10 * S);
    assert_heard(200);
    assert_true(broker.count > 200); /* what was not acknowledged came again */
    assert_int_equal(broker.greetings, 2);
    assert_int_equal(health().status, ROUTING_HEALTHY);
}

/* Wherever in a batch the line is cut. */
static void an_acknowledgement_that_comes_twice_counts_once(void **state)
{
    for (unsigned cut = 20; cut < 200; cut += 10) {
        tear_down(state);
        set_up(state);
        use(BROKERS(BROKER("")));
        broker.stutters = true;
        broker.until_cut = cut;
        broker.acks_lost = 5;
        say_many(1, 200);
        run(20 * S);
        assert_heard(200);
        assert_int_equal(health().status, ROUTING_HEALTHY);
    }
}

static int64_t refused(void)
{
    return metric_value(metric_of(METRIC_COUNTER, "azimuth_routing_deliveries_total",
                                  "endpoint=\"b\",result=\"refused\"", ""));
}

/* One of many: the others arrive, each partition's in its order, those behind it too; so does the one, if the broker
 * takes it at last. */
static void a_message_that_the_broker_hangs_up_on_is_refused_at_last(void **state)
{
    enum { ALL = BRIDGE_BATCH_HANGUPS + BRIDGE_HANGUPS_MAX };
    for (unsigned spared = 0; spared < 2; spared++) {
        int64_t before = refused();
        tear_down(state);
        set_up(state);
        use(BROKERS(BROKER("")));
        broker.away = true;
        say_many(1, 200);
        broker.away = false;
        broker.poison = 60;
        broker.hangups = ALL - spared;
        run(2 * 3600 * (int64_t)S);
        assert_int_equal(broker.hangups, 0);
        assert_heard(200);
        assert_int_equal(refused() - before, !spared);
        assert_int_equal(health().status, ROUTING_HEALTHY);
    }
}

/* Silence is no refusal: somebody is busy. */
static void a_message_that_nobody_acknowledges_is_not_refused(void **state)
{
    int64_t before = refused();
    (void)state;
    use(BROKERS(BROKER("")));
    broker.deaf = true;
    say_many(1, 1);
    run((BRIDGE_HANGUPS_MAX + 10) * (BRIDGE_ACK_S + DELIVER_PAUSE_MAX_S) * (int64_t)S);
    assert_in_range(broker.count, BRIDGE_HANGUPS_MAX + 1, HEARD_MAX);
    broker.deaf = false;
    run(2 * DELIVER_PAUSE_MAX_S * (int64_t)S);
    assert_heard(1);
    assert_int_equal(refused() - before, 0);
}

static void a_connection_that_ends_between_messages_is_made_again(void **state)
{
    (void)state;
    use(BROKERS(BROKER("")));
    say_many(1, 10);
    run(0);
    lane_running = &f.d.rig.lane;
    conn_ended(&f.wire->hub.conn, ERR_CLOSED);
    run(10 * S);
    assert_int_equal(broker.greetings, 1);
    assert_int_equal(health().status, ROUTING_HEALTHY);
    say_many(11, 20);
    run(S);
    assert_int_equal(broker.greetings, 2);
    assert_heard(20);
    assert_int_equal(broker.count, 20);
}

static void an_idle_connection_is_kept_alive(void **state)
{
    (void)state;
    use(BROKERS(BROKER("")));
    run(600 * S);
    assert_non_null(f.wire);
    assert_int_equal(broker.greetings, 1);
}

static void no_more_than_a_window_is_in_flight(void **state)
{
    unsigned most = 0;
    (void)state;
    use(BROKERS(BROKER("")));
    broker.holds = true;
    say_many(1, 1000);
    for (unsigned round = 0; round < 8; round++) {
        unsigned before = broker.count;
        broker.holds = false;
        serve_all(); /* answers what it has heard before, and reads no more */
        broker.holds = true;
        run(S);
        most = MAX(most, broker.count - before);
    }
    assert_int_equal(most, PARTITIONS * BRIDGE_BATCH_MESSAGES);
    broker.holds = false;
    run(S);
    assert_heard(1000);
}

static void a_message_as_large_as_a_message_may_be_goes(void **state)
{
    (void)state;
    struct buf body = {0};
    use(BROKERS(BROKER("")));
    buf_put_str(&body, "{\"n\":1}");
    while (buf_size(&body) < 256 << 10) buf_put_u8(&body, ' ');
    say_body(&f.d.rig, 1, "pump", buf_slice(&body), A);
    say_many(2, 4);
    run(S);
    assert_heard(4);
    assert_int_equal(broker.count, 4);
    buf_free(&body);
}

static void whatever_the_broker_does_all_arrives_in_order(void **state)
{
    for (unsigned seed = 1; seed <= 8; seed++) {
        unsigned dice = seed * 2654435761u;
        int n = 0;
        tear_down(state);
        set_up(state);
        use(BROKERS(BROKER("")));
        for (unsigned act = 0; act < 40; act++) {
            dice = dice * 1664525 + 1013904223;
            unsigned what = dice >> 16;
            broker.away = what % 7 == 0;
            broker.silent = what % 11 == 1;
            broker.deaf = what % 5 == 2;
            broker.until_cut = what % 3 == 0 ? 1 + what % 50 : 0;
            broker.acks_lost = what % 20;
            say_many(n + 1, n + (int)(what % 40));
            n += (int)(what % 40);
            run((int64_t)(what % 40) * S / 4);
            if (what % 13) continue;
            close_hub();
            io_mem_crash(f.d.rig.io, seed);
            open_hub();
        }
        broker.away = broker.silent = broker.deaf = false;
        broker.until_cut = 0;
        run(180 * S);
        assert_heard(n);
    }
}

/* ---- what an endpoint may be */

static void members_are_looked_at(void **state)
{
    static const struct {
        const char *members, *error;
    } rows[] = {
        {"\"topic\":\"x\"", "url is missing"},
        {"\"url\":\"https://a.test\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://a.test:0\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://a.test:65536\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://a.test:65535\"", NULL},
        {"\"url\":\"mqtts://u:p@a.test\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://a.test/x\"", "url is not mqtts://HOST"},
        {"\"url\":\"mqtts://a.test/\"", NULL},
        {"\"url\":\"MQTTS://[::1]:99\"", NULL},
        {"\"url\":\"mqtt://a.test\"", "only for this machine"},
        {"\"url\":\"mqtt://127.a.test\"", "only for this machine"},
        {"\"url\":\"mqtt://127.0.0.2\"", NULL},
        {"\"url\":\"mqtts://PLANT.test\"", "a loop"},
        {"\"url\":\"mqtts://localhost:18883\"", "a loop"},
        {"\"url\":\"mqtts://[::1]:18883\"", "a loop"},
        {"\"url\":\"mqtt://127.0.0.1:11883\"", "a loop"},
        {"\"url\":\"mqtt://127.0.0.1:11884\"", NULL},
        {"\"url\":\"mqtts://a.test:18883\"", NULL},
        {"\"url\":\"mqtts://a.test\",\"password\":\"x\"", "user is missing"},
        {"\"url\":\"mqtts://a.test\",\"user\":\"x\",\"password\":\"****\"", "password is masked"},
        {"\"url\":\"mqtts://a.test\",\"user\":7", "user is no text"},
        {"\"url\":\"mqtts://a.test\",\"clientId\":\"a\\u0000b\"", "clientId is not UTF-8"},
        {"\"url\":\"mqtts://a.test\",\"ca\":\"x\"", "ca is no certificate"},
        {"\"url\":\"mqtts://a.test\",\"envelope\":\"yes\"", "envelope is true or false"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"a/+\"", "topic has"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"a/#\"", "topic has"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"$SYS/x\"", "begins with '$'"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"{device}\"", "{iothub}, {deviceid} and {source}"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"{deviceid\"", "{iothub}, {deviceid} and {source}"},
        {"\"url\":\"mqtts://a.test\",\"topic\":\"a}\"", "topic has"},
        {"\"url\":\"mqtts://a.test\",\"qos\":1", "no member 'qos'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char document[512];
        snprintf(document, sizeof document, BROKERS("{\"name\":\"b\",%s}"), rows[i].members);
        enum err e = put(document);
        if (rows[i].error == NULL && e != OK) fail_msg("%s: %s", rows[i].members, f.d.text);
        if (rows[i].error && (e == OK || !strstr(f.d.text, rows[i].error)))
            fail_msg("%s: %s", rows[i].members, f.d.text);
    }
}

static void members_have_their_length(void **state)
{
    static const struct {
        const char *member;
        unsigned max;
    } rows[] = {{"topic", BRIDGE_TOPIC_MAX},
                {"clientId", BRIDGE_CLIENT_ID_MAX},
                {"user", BRIDGE_USER_MAX},
                {"password", BRIDGE_PASSWORD_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned over = 0; over < 2; over++) {
            struct buf text = {0};
            buf_printf(&text,
                       BROKERS("{\"name\":\"b\",\"url\":\"mqtts://a.test\",%s\"%s\":\"%0*d\"}"),
                       strcmp(rows[i].member, "password") ? "" : "\"user\":\"u\",", rows[i].member,
                       (int)(rows[i].max + over), 0);
            assert_int_equal(put(buf_cstr(&text)), over ? ERR_INVALID : OK);
            buf_free(&text);
        }
}

static bool is_shown(const char *part)
{
    struct buf shown = {0};
    cursor_rig_on(&f.d.rig);
    routing_put_document(f.d.routing, &shown);
    bool found = strstr(buf_cstr(&shown), part) != NULL;
    buf_free(&shown);
    return found;
}

static void passwords_are_masked_and_kept_for_the_same_address(void **state)
{
    (void)state;
    use(BROKERS(BROKER(LOGIN("secret"))));
    assert_true(is_shown("\"password\":\"****\""));
    assert_false(is_shown("secret"));
    use(BROKERS(BROKER(LOGIN("****") ",\"topic\":\"t\"")));
    assert_int_equal(broker.greetings, 2);
    assert_string_equal(broker.password, "secret");
    assert_int_equal(
        put(BROKERS("{\"name\":\"b\",\"url\":\"mqtt://localhost:1884\"" LOGIN("****") "}")),
        ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(messages_go_to_the_broker_by_their_topic),
        TEST(an_envelope_has_properties_and_the_mark_of_a_loop),
        TEST(a_wrong_password_is_named_and_tried_slowly),
        TEST(a_broker_that_is_away_busy_or_silent_is_tried_again_soon),
        TEST(a_broker_that_hangs_up_in_the_middle_gets_the_rest_in_order),
        TEST(a_message_that_the_broker_hangs_up_on_is_refused_at_last),
        TEST(an_acknowledgement_that_comes_twice_counts_once),
        TEST(a_message_that_nobody_acknowledges_is_not_refused),
        TEST(a_connection_that_ends_between_messages_is_made_again),
        TEST(an_idle_connection_is_kept_alive),
        TEST(no_more_than_a_window_is_in_flight),
        TEST(a_message_as_large_as_a_message_may_be_goes),
        TEST(whatever_the_broker_does_all_arrives_in_order),
        TEST(members_are_looked_at),
        TEST(members_have_their_length),
        TEST(passwords_are_masked_and_kept_for_the_same_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
