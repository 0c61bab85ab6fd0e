/* parsed_mqtt.c - packets of MQTT 3.1.1. */
#include "base/text.h"
#include "parsed.h"
#include "proto/mqtt/mqtt.h"

static void put_bytes(struct buf *line, const char *name, struct slice bytes)
{
    buf_printf(line, ",%s=", name);
    text_hex(line, bytes);
}

static void put_connect(struct buf *line, const struct mqtt_connect *c)
{
    buf_printf(line, " connect,clean=%d,keepalive=%u", c->clean_session, c->keep_alive_s);
    put_bytes(line, "id", c->client_id);
    if (c->has_will) {
        buf_printf(line, ",will=%u%s", c->will_qos, c->will_retain ? "r" : "");
        put_bytes(line, "topic", c->will_topic);
        put_bytes(line, "payload", c->will_payload);
    }
    if (c->has_user_name) put_bytes(line, "user", c->user_name);
    if (c->has_password) put_bytes(line, "password", c->password);
}

static void put_publish(struct buf *line, const struct mqtt_publish *p)
{
    buf_printf(line, " publish,qos=%u,dup=%d,retain=%d", p->qos, p->dup, p->retain);
    if (p->qos) buf_printf(line, ",packet=%u", p->packet_id);
    put_bytes(line, "topic", p->topic);
    put_bytes(line, "payload", p->payload);
}

static void put_subscribe(struct buf *line, struct mqtt_subscribe s)
{
    struct mqtt_filter f;
    buf_printf(line, " %s,packet=%u", s.with_qos ? "subscribe" : "unsubscribe", s.packet_id);
    while (mqtt_next_filter(&s, &f)) {
        put_bytes(line, "filter", f.text);
        if (s.with_qos) buf_printf(line, ":%u", f.qos);
    }
}

static void put_suback(struct buf *line, const struct mqtt_suback *s)
{
    buf_printf(line, " suback,packet=%u", s->packet_id);
    for (size_t i = 0; i < s->codes.len; i++) buf_printf(line, ",%u", s->codes.ptr[i]);
}

static void put_event(struct buf *line, const struct mqtt_event *ev)
{
    static const char *const names[] = {
        [MQTT_PUBACK] = "puback",     [MQTT_PUBREC] = "pubrec",        [MQTT_PUBREL] = "pubrel",
        [MQTT_PUBCOMP] = "pubcomp",   [MQTT_UNSUBACK] = "unsuback",    [MQTT_PINGREQ] = "pingreq",
        [MQTT_PINGRESP] = "pingresp", [MQTT_DISCONNECT] = "disconnect"};
    switch (ev->kind) {
    case MQTT_CONNECT: put_connect(line, &ev->connect); break;
    case MQTT_CONNACK:
        buf_printf(line, " connack,%d,%u", ev->connack.session_present, ev->connack.code);
        break;
    case MQTT_PUBLISH: put_publish(line, &ev->publish); break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: put_subscribe(line, ev->subscribe); break;
    case MQTT_SUBACK: put_suback(line, &ev->suback); break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK: buf_printf(line, " %s,packet=%u", names[ev->kind], ev->packet_id); break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT: buf_printf(line, " %s", names[ev->kind]); break;
    }
}

/* Another version is an event of ours, for which the caller has an answer; nothing behind it is read. */
static enum err next(struct mqtt *m, struct buf *line)
{
    struct mqtt_event ev;
    TRY(mqtt_next(m, &ev));
    if (ev.kind == MQTT_CONNECT && ev.connect.level != MQTT_LEVEL)
        return fail(ERR_PROTOCOL, "[MQTT-3.1.2-2] level %u", ev.connect.level);
    put_event(line, &ev);
    return OK;
}

static void parse(enum mqtt_role role, struct slice input, struct buf *line)
{
    struct buf out = {0};
    struct mqtt m;
    enum err e = OK;
    mqtt_init(&m, &(struct mqtt_config){.role = role, .out = &out}, 0);
    if (role == MQTT_CLIENT)
        e = mqtt_send_connect(&m, &(struct mqtt_connect){.clean_session = true});
    assert(e == OK);
    mqtt_feed(&m, input, 0);
    while ((e = next(&m, line)) == OK) {
    }
    if (e == ERR_AGAIN)
        buf_put_str(line, " more");
    else
        parsed_refused(line, fail_text());
    mqtt_fini(&m);
    buf_free(&out);
}

void parsed_mqtt_server(struct slice input, struct buf *line)
{
    parse(MQTT_SERVER, input, line);
}

void parsed_mqtt_client(struct slice input, struct buf *line)
{
    parse(MQTT_CLIENT, input, line);
}
