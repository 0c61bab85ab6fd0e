/* decode.c - packet bodies, field by field in the order of their sections. */
#include "base/cur.h"
#include "proto/mqtt/packet.h"

static struct slice take_string(struct cur *c)
{
    return cur_take(c, cur_be16(c));
}

static enum err cut_short(const char *what)
{
    return fail(ERR_PROTOCOL, "2.2.3: %s ends inside a field", what);
}

static enum err check_end(const struct cur *c, const char *what)
{
    if (c->bad) return cut_short(what);
    if (cur_left(c) > 0) return fail(ERR_PROTOCOL, "2.2.3: %zu bytes behind %s", cur_left(c), what);
    return OK;
}

static enum err take_packet_id(struct cur *c, uint16_t *id)
{
    *id = cur_be16(c);
    if (*id == 0 && !c->bad) return fail(ERR_PROTOCOL, "[MQTT-2.3.1-1] packet identifier 0");
    return OK;
}

/* ---- CONNECT, section 3.1 */

enum {
    CONNECT_RESERVED = 0x01,
    CONNECT_CLEAN = 0x02,
    CONNECT_WILL = 0x04,
    CONNECT_WILL_RETAIN = 0x20,
    CONNECT_PASSWORD = 0x40,
    CONNECT_USER_NAME = 0x80,
};

static enum err take_connect_flags(struct cur *c, struct mqtt_connect *con)
{
    uint8_t flags = cur_u8(c);
    con->clean_session = flags & CONNECT_CLEAN;
    con->has_will = flags & CONNECT_WILL;
    con->will_qos = flags >> 3 & 3;
    con->will_retain = flags & CONNECT_WILL_RETAIN;
    con->has_password = flags & CONNECT_PASSWORD;
    con->has_user_name = flags & CONNECT_USER_NAME;
    if (flags & CONNECT_RESERVED)
        return fail(ERR_PROTOCOL, "[MQTT-3.1.2-3] reserved flag in CONNECT");
    if (con->will_qos == 3) return fail(ERR_PROTOCOL, "[MQTT-3.1.2-14] will with QoS 3");
    if (!con->has_will && (con->will_qos || con->will_retain))
        return fail(ERR_PROTOCOL, "[MQTT-3.1.2-11] will QoS or retain without will");
    if (con->has_password && !con->has_user_name)
        return fail(ERR_PROTOCOL, "[MQTT-3.1.2-22] password without user name");
    return OK;
}

static enum err check_connect(const struct mqtt_connect *con)
{
    TRY(mqtt_check_text(con->client_id, "client identifier"));
    if (con->has_will) TRY(mqtt_check_topic(con->will_topic, "will topic"));
    if (con->has_user_name) TRY(mqtt_check_text(con->user_name, "user name"));
    return OK;
}

/* Of MQTT 5 the client id, for whoever explains the refusal: behind the properties, if there are such. */
static struct slice peek_client_id(struct cur c)
{
    uint32_t skip = 0, shift = 0;
    uint8_t byte = 0x80;
    cur_take(&c, 3); /* flags, keep-alive */
    for (; byte & 0x80 && shift < 28 && !c.bad; shift += 7) {
        byte = cur_u8(&c);
        skip |= (uint32_t)(byte & 0x7F) << shift;
    }
    cur_take(&c, skip);
    struct slice id = take_string(&c);
    return c.bad ? SLICE_NONE : id;
}

static enum err decode_connect(struct cur *c, struct mqtt_connect *con)
{
    *con = (struct mqtt_connect){0};
    struct slice name = take_string(c);
    if (!slice_eq(name, SLICE_LIT("MQTT")))
        return fail(ERR_PROTOCOL, "[MQTT-3.1.2-1] protocol name is not MQTT");
    con->level = cur_u8(c);
    if (con->level == 5 && !c->bad) con->client_id = peek_client_id(*c);
    if (con->level != MQTT_LEVEL && !c->bad) return OK; /* the rest may mean anything */
    TRY(take_connect_flags(c, con));
    con->keep_alive_s = cur_be16(c);
    con->client_id = take_string(c);
    if (con->has_will) con->will_topic = take_string(c);
    if (con->has_will) con->will_payload = take_string(c);
    if (con->has_user_name) con->user_name = take_string(c);
    if (con->has_password) con->password = take_string(c);
    TRY(check_end(c, "CONNECT"));
    return check_connect(con);
}

static enum err decode_connack(struct cur *c, struct mqtt_connack *ack)
{
    uint8_t flags = cur_u8(c), code = cur_u8(c);
    ack->session_present = flags & 1;
    ack->code = code;
    if (flags & ~1) return fail(ERR_PROTOCOL, "3.2.2.1: reserved flags in CONNACK");
    if (code > MQTT_NOT_AUTHORIZED)
        return fail(ERR_PROTOCOL, "3.2.2.3: CONNACK with return code %u", code);
    if (code != MQTT_ACCEPTED && ack->session_present)
        return fail(ERR_PROTOCOL, "[MQTT-3.2.2-4] session present in a refusal");
    return OK;
}

/* ---- PUBLISH, section 3.3 */

static enum err decode_publish(uint8_t first, struct cur *c, struct mqtt_publish *p)
{
    p->dup = first & 8;
    p->qos = first >> 1 & 3;
    p->retain = first & 1;
    p->packet_id = 0;
    if (p->qos == 3) return fail(ERR_PROTOCOL, "[MQTT-3.3.1-4] PUBLISH with QoS 3");
    if (p->qos == 0 && p->dup) return fail(ERR_PROTOCOL, "[MQTT-3.3.1-2] DUP with QoS 0");
    p->topic = take_string(c);
    if (p->qos > 0) TRY(take_packet_id(c, &p->packet_id));
    if (c->bad) return cut_short("PUBLISH");
    p->payload = cur_rest(c);
    return mqtt_check_topic(p->topic, "topic");
}

/* ---- SUBSCRIBE, UNSUBSCRIBE and their answers, sections 3.8 to 3.11 */

static enum err check_filters(struct cur c, bool with_qos)
{
    while (cur_left(&c) > 0) {
        struct slice filter = take_string(&c);
        uint8_t qos = with_qos ? cur_u8(&c) : 0;
        if (c.bad) return cut_short("a list of topic filters");
        TRY(mqtt_check_filter(filter));
        if (qos > 2) return fail(ERR_PROTOCOL, "[MQTT-3-8.3-4] requested QoS byte %u", qos);
    }
    return OK;
}

static enum err decode_filters(struct cur *c, bool with_qos, struct mqtt_subscribe *s)
{
    TRY(take_packet_id(c, &s->packet_id));
    s->with_qos = with_qos;
    s->filters = cur_rest(c);
    if (s->filters.len == 0)
        return fail(ERR_PROTOCOL, "[MQTT-%s] no topic filter", with_qos ? "3.8.3-3" : "3.10.3-2");
    return check_filters(*c, with_qos);
}

static enum err decode_suback(struct cur *c, struct mqtt_suback *s)
{
    TRY(take_packet_id(c, &s->packet_id));
    s->codes = cur_rest(c);
    for (size_t i = 0; i < s->codes.len; i++)
        if (s->codes.ptr[i] > 2 && s->codes.ptr[i] != MQTT_SUBACK_REFUSED)
            return fail(ERR_PROTOCOL, "[MQTT-3.9.3-2] SUBACK with code %u", s->codes.ptr[i]);
    return OK;
}

enum err mqtt_decode(uint8_t first, struct slice body, struct mqtt_event *ev)
{
    struct cur c = cur_of(body);
    ev->kind = first >> 4;
    switch (ev->kind) {
    case MQTT_PUBLISH: return decode_publish(first, &c, &ev->publish);
    case MQTT_CONNECT: return decode_connect(&c, &ev->connect);
    case MQTT_CONNACK: return decode_connack(&c, &ev->connack);
    case MQTT_SUBSCRIBE: return decode_filters(&c, true, &ev->subscribe);
    case MQTT_UNSUBSCRIBE: return decode_filters(&c, false, &ev->subscribe);
    case MQTT_SUBACK: return decode_suback(&c, &ev->suback);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK: return take_packet_id(&c, &ev->packet_id);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT: break; /* a body of length 0, says the header */
    }
    return OK;
}
