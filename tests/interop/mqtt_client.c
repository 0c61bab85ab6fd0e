/* mqtt_client.c - our MQTT client role against a broker that is not ours: `mqtt_client PORT`. */
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "peer.h"
#include "proto/mqtt/mqtt.h"

enum { ROOM = 64 << 10, WINDOW = 100, BIG = 200 << 10 };

static uint16_t port;

struct client {
    struct mqtt m;
    struct mqtt_event ev;
    struct buf out;
    int fd;
    uint8_t room[ROOM];
};

/* Sends what was written and pulls one event, whatever it is. */
static void pull(struct client *c)
{
    enum err e;
    peer_send(c->fd, &c->out);
    while ((e = mqtt_next(&c->m, &c->ev)) == ERR_AGAIN) {
        struct slice got = peer_receive(c->fd, c->room, sizeof c->room);
        assert_true(got.len > 0);
        mqtt_feed(&c->m, got, clock_mono_us());
    }
    assert_int_equal(e, OK);
}

static void expect(struct client *c, enum mqtt_kind kind)
{
    pull(c);
    assert_int_equal(c->ev.kind, kind);
}

static void expect_publish(struct client *c, const char *topic, struct slice payload)
{
    expect(c, MQTT_PUBLISH);
    assert_true(slice_is(c->ev.publish.topic, topic));
    assert_true(slice_eq(c->ev.publish.payload, payload));
    if (c->ev.publish.qos == 1) mqtt_send_puback(&c->m, c->ev.publish.packet_id);
}

static struct client *open_client(const struct mqtt_connect *connect)
{
    struct client *c = NEW(struct client);
    c->fd = peer_connect(port);
    mqtt_init(&c->m, &(struct mqtt_config){.role = MQTT_CLIENT, .out = &c->out}, clock_mono_us());
    assert_int_equal(mqtt_send_connect(&c->m, connect), OK);
    expect(c, MQTT_CONNACK);
    return c;
}

static struct client *open_clean(const char *id)
{
    struct client *c = open_client(&(struct mqtt_connect){
        .client_id = slice_str(id), .clean_session = true, .keep_alive_s = 60});
    assert_int_equal(c->ev.connack.code, MQTT_ACCEPTED);
    assert_false(c->ev.connack.session_present);
    return c;
}

/* Closes the socket with or without saying so first. */
static void close_client(struct client *c, bool politely)
{
    if (politely) mqtt_send_disconnect(&c->m);
    peer_send(c->fd, &c->out);
    if (politely) assert_int_equal(peer_receive(c->fd, c->room, sizeof c->room).len, 0);
    close(c->fd);
    mqtt_fini(&c->m);
    buf_free(&c->out);
    free(c);
}

static void subscribe(struct client *c, const char *filter, uint8_t qos)
{
    uint16_t id = mqtt_packet_id(&c->m);
    assert_int_equal(
        mqtt_send_subscribe(&c->m, id, &(struct mqtt_filter){slice_str(filter), qos}, 1), OK);
    expect(c, MQTT_SUBACK);
    assert_int_equal(c->ev.suback.packet_id, id);
    assert_true(slice_eq(c->ev.suback.codes, slice_of(&qos, 1)));
}

static void publish(struct client *c, const char *topic, struct slice payload, uint8_t qos,
                    bool retain)
{
    struct mqtt_publish p = {
        .topic = slice_str(topic),
        .payload = payload,
        .qos = qos,
        .packet_id = qos ? mqtt_packet_id(&c->m) : 0,
        .retain = retain,
    };
    assert_int_equal(mqtt_send_publish(&c->m, &p), OK);
}

/* A full turn to the broker and back: whatever it had to send comes before the answer. */
static void ping(struct client *c)
{
    assert_int_equal(mqtt_tick(&c->m, mqtt_deadline(&c->m)), OK);
    expect(c, MQTT_PINGRESP);
}

static void qos_0_comes_back(void **state)
{
    (void)state;
    struct client *c = open_clean("qos0");
    subscribe(c, "qos0/+", 0);
    publish(c, "qos0/x", SLICE_LIT("hello"), 0, false);
    expect_publish(c, "qos0/x", SLICE_LIT("hello"));
    assert_int_equal(c->ev.publish.qos, 0);
    close_client(c, true);
}

/* A window of messages is written at once; acknowledgements come in their order, mixed with the
 * same messages on their way back. */
static void a_window_of_qos_1_is_acknowledged_in_order(void **state)
{
    (void)state;
    struct client *c = open_clean("qos1");
    subscribe(c, "qos1/#", 1);
    uint16_t before = c->m.last_id, acked = before;
    for (unsigned i = 0; i < WINDOW; i++)
        publish(c, "qos1/x", slice_of(&(uint8_t){(uint8_t)i}, 1), 1, false);
    for (unsigned received = 0; received < WINDOW || acked < before + WINDOW;) {
        pull(c);
        if (c->ev.kind == MQTT_PUBACK) {
            assert_int_equal(c->ev.packet_id, ++acked);
        } else {
            assert_int_equal(c->ev.kind, MQTT_PUBLISH);
            assert_int_equal(c->ev.publish.payload.ptr[0], received++);
            mqtt_send_puback(&c->m, c->ev.publish.packet_id);
        }
    }
    ping(c);
    close_client(c, true);
}

static void a_big_message_arrives_in_pieces(void **state)
{
    (void)state;
    struct client *c = open_clean("big");
    uint8_t *bytes = mem_new(BIG);
    for (size_t i = 0; i < BIG; i++) bytes[i] = (uint8_t)(i * 7 + i / 251);
    subscribe(c, "big", 0);
    publish(c, "big", slice_of(bytes, BIG), 0, false);
    expect_publish(c, "big", slice_of(bytes, BIG));
    free(bytes);
    close_client(c, true);
}

static void nothing_comes_after_unsubscribe(void **state)
{
    (void)state;
    struct client *c = open_clean("unsubscribe");
    subscribe(c, "u/#", 0);
    uint16_t id = mqtt_packet_id(&c->m);
    struct mqtt_filter filter = {.text = SLICE_LIT("u/#")};
    assert_int_equal(mqtt_send_unsubscribe(&c->m, id, &filter, 1), OK);
    expect(c, MQTT_UNSUBACK);
    assert_int_equal(c->ev.packet_id, id);
    publish(c, "u/x", SLICE_LIT("lost"), 0, false);
    ping(c);
    close_client(c, true);
}

static void a_session_survives_its_connection(void **state)
{
    (void)state;
    struct mqtt_connect connect = {.client_id = SLICE_LIT("durable"), .keep_alive_s = 60};
    struct client *c = open_client(&connect);
    assert_false(c->ev.connack.session_present);
    subscribe(c, "durable", 1);
    close_client(c, true);

    struct client *other = open_clean("other");
    publish(other, "durable", SLICE_LIT("while away"), 1, false);
    expect(other, MQTT_PUBACK);
    close_client(other, true);

    c = open_client(&connect);
    assert_true(c->ev.connack.session_present);
    expect_publish(c, "durable", SLICE_LIT("while away"));
    assert_int_equal(c->ev.publish.qos, 1);
    close_client(c, true);
}

static void a_retained_message_waits_for_the_subscriber(void **state)
{
    (void)state;
    struct client *c = open_clean("retained");
    publish(c, "retained", SLICE_LIT("kept"), 1, true);
    expect(c, MQTT_PUBACK);
    subscribe(c, "retained", 1);
    expect_publish(c, "retained", SLICE_LIT("kept"));
    assert_true(c->ev.publish.retain);
    close_client(c, true);
}

static void a_will_is_published_when_its_client_vanishes(void **state)
{
    (void)state;
    struct client *watcher = open_clean("watcher");
    subscribe(watcher, "will", 1);
    struct client *c = open_client(&(struct mqtt_connect){
        .client_id = SLICE_LIT("mortal"),
        .clean_session = true,
        .has_will = true,
        .will_topic = SLICE_LIT("will"),
        .will_payload = SLICE_LIT("gone"),
        .will_qos = 1,
        .has_user_name = true,
        .user_name = SLICE_LIT("anybody"),
        .has_password = true,
        .password = SLICE_LIT("anything"),
    });
    assert_int_equal(c->ev.connack.code, MQTT_ACCEPTED);
    close_client(c, false);
    expect_publish(watcher, "will", SLICE_LIT("gone"));
    close_client(watcher, true);
}

static void an_empty_client_id_needs_a_clean_session(void **state)
{
    (void)state;
    struct client *c = open_client(&(struct mqtt_connect){.keep_alive_s = 60});
    assert_int_equal(c->ev.connack.code, MQTT_BAD_CLIENT_ID);
    close_client(c, false);
}

int main(int argc, char **argv)
{
    assert(argc == 2);
    port = (uint16_t)atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qos_0_comes_back),
        cmocka_unit_test(a_window_of_qos_1_is_acknowledged_in_order),
        cmocka_unit_test(a_big_message_arrives_in_pieces),
        cmocka_unit_test(nothing_comes_after_unsubscribe),
        cmocka_unit_test(a_session_survives_its_connection),
        cmocka_unit_test(a_retained_message_waits_for_the_subscriber),
        cmocka_unit_test(a_will_is_published_when_its_client_vanishes),
        cmocka_unit_test(an_empty_client_id_needs_a_clean_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
