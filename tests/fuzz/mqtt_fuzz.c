/* mqtt_fuzz.c - proto/mqtt as a server and as a client.
 *
 * Variant: bit 0 client; bit 1 a small limit for packets; bit 2 the target answers as a front would;
 * bit 3 it stops after every event and keeps the rest; bits 4-7 keep-alive of the client.
 */
#include "proto/mqtt/mqtt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine_fuzz.h"

enum { SMALL_PACKET_MAX = 64, CODES_MAX = 16 };

enum { VARIANT_CLIENT = 1, VARIANT_SMALL = 2, VARIANT_ANSWER = 4, VARIANT_KEEP = 8 };

struct target {
    struct mqtt mqtt;
    uint8_t variant;
};

static void *target_open(uint8_t variant, struct buf *out, int64_t now_us)
{
    struct target *t = NEW(struct target);
    t->variant = variant;
    mqtt_init(&t->mqtt,
              &(struct mqtt_config){
                  .role = variant & VARIANT_CLIENT ? MQTT_CLIENT : MQTT_SERVER,
                  .out = out,
                  .packet_max = variant & VARIANT_SMALL ? SMALL_PACKET_MAX : 0,
              },
              now_us);
    if (variant & VARIANT_CLIENT) {
        enum err e = mqtt_send_connect(
            &t->mqtt, &(struct mqtt_connect){.keep_alive_s = variant >> 4, .clean_session = true});
        assert(e == OK);
    }
    return t;
}

static void target_feed(void *engine, struct slice bytes, int64_t now_us)
{
    mqtt_feed(&((struct target *)engine)->mqtt, bytes, now_us);
}

static void note_connect(struct fuzz_trace *t, const struct mqtt_connect *c)
{
    fuzz_number(t, c->level);
    fuzz_number(t, c->keep_alive_s);
    fuzz_number(t, (uint64_t)c->clean_session | (uint64_t)c->has_will << 1 |
                       (uint64_t)c->will_retain << 2 | (uint64_t)c->has_user_name << 3 |
                       (uint64_t)c->has_password << 4 | (uint64_t)c->will_qos << 5);
    fuzz_bytes(t, c->client_id);
    fuzz_bytes(t, c->will_topic);
    fuzz_bytes(t, c->will_payload);
    fuzz_bytes(t, c->user_name);
    fuzz_bytes(t, c->password);
}

static void note_publish(struct fuzz_trace *t, const struct mqtt_publish *p)
{
    fuzz_number(t, (uint64_t)p->qos | (uint64_t)p->dup << 2 | (uint64_t)p->retain << 3);
    fuzz_number(t, p->packet_id);
    fuzz_bytes(t, p->topic);
    fuzz_bytes(t, p->payload);
}

static void note_filters(struct fuzz_trace *t, struct mqtt_subscribe s)
{
    struct mqtt_filter filter;
    fuzz_number(t, s.packet_id);
    while (mqtt_next_filter(&s, &filter)) {
        fuzz_bytes(t, filter.text);
        fuzz_number(t, filter.qos);
    }
}

static void note(struct fuzz_trace *t, const struct mqtt_event *ev)
{
    fuzz_number(t, ev->kind);
    switch (ev->kind) {
    case MQTT_CONNECT: note_connect(t, &ev->connect); break;
    case MQTT_CONNACK:
        fuzz_number(t, ev->connack.code);
        fuzz_number(t, ev->connack.session_present);
        break;
    case MQTT_PUBLISH: note_publish(t, &ev->publish); break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: note_filters(t, ev->subscribe); break;
    case MQTT_SUBACK:
        fuzz_number(t, ev->suback.packet_id);
        fuzz_bytes(t, ev->suback.codes);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK: fuzz_number(t, ev->packet_id); break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT: break;
    }
}

static void answer_subscribe(struct mqtt *m, struct mqtt_subscribe s)
{
    uint8_t codes[CODES_MAX];
    size_t count = 0;
    struct mqtt_filter filter;
    while (count < CODES_MAX && mqtt_next_filter(&s, &filter)) codes[count++] = filter.qos;
    mqtt_send_suback(m, s.packet_id, slice_of(codes, count));
}

/* A PUBLISH goes back to where it came from, unless it is QoS 2, which this side cannot say. */
static void answer_publish(struct mqtt *m, const struct mqtt_publish *p)
{
    if (p->qos == 1) mqtt_send_puback(m, p->packet_id);
    enum err e = p->qos < 2 ? mqtt_send_publish(m, p) : OK;
    assert(e == OK);
}

static void answer(struct mqtt *m, const struct mqtt_event *ev)
{
    switch (ev->kind) {
    case MQTT_CONNECT: mqtt_send_connack(m, MQTT_ACCEPTED, !ev->connect.clean_session); break;
    case MQTT_PUBLISH: answer_publish(m, &ev->publish); break;
    case MQTT_SUBSCRIBE: answer_subscribe(m, ev->subscribe); break;
    case MQTT_UNSUBSCRIBE: mqtt_send_unsuback(m, ev->subscribe.packet_id); break;
    case MQTT_PINGREQ: mqtt_send_pingresp(m); break;
    default: break;
    }
}

static enum err target_next(void *engine, struct fuzz_trace *trace)
{
    struct target *t = engine;
    struct mqtt_event ev;
    TRY(mqtt_next(&t->mqtt, &ev));
    note(trace, &ev);
    if (t->variant & VARIANT_ANSWER) answer(&t->mqtt, &ev);
    if (t->variant & VARIANT_KEEP) mqtt_keep(&t->mqtt);
    return OK;
}

static void target_close(void *engine)
{
    struct target *t = engine;
    mqtt_fini(&t->mqtt);
    free(t);
}

static int64_t target_deadline(const void *engine)
{
    return mqtt_deadline(&((const struct target *)engine)->mqtt);
}

static enum err target_tick(void *engine, int64_t now_us)
{
    return mqtt_tick(&((struct target *)engine)->mqtt, now_us);
}

const struct fuzz_engine fuzz_engine = {
    .open = target_open,
    .feed = target_feed,
    .next = target_next,
    .close = target_close,
    .deadline = target_deadline,
    .tick = target_tick,
};
