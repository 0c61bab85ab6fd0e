/* send.c - packets appended to the caller's buffer, one function per kind. */
#include "base/num.h"
#include "proto/mqtt/packet.h"

enum { HEAD_MAX = 5 };

/* Header of a packet with `len` bytes behind it; returns where those go.  They count already. */
static uint8_t *open_packet(struct mqtt *m, unsigned first, size_t len)
{
    assert(len <= MQTT_REMAINING_MAX);
    uint8_t *start = buf_reserve(m->out, HEAD_MAX + len), *p = start;
    size_t rest = len;
    *p++ = (uint8_t)first;
    do {
        *p++ = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    buf_commit(m->out, (size_t)(p - start) + len);
    return p;
}

static uint8_t *put_u16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *put_bytes(uint8_t *p, struct slice s)
{
    if (s.len > 0) memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static uint8_t *put_string(uint8_t *p, struct slice s)
{
    return put_bytes(put_u16(p, s.len), s);
}

static size_t string_len(struct slice s)
{
    return 2 + s.len;
}

static enum err check_string(struct slice s, const char *what)
{
    if (s.len <= MQTT_TEXT_MAX) return OK;
    return fail(ERR_TOO_BIG, "1.5.3: %s of %zu bytes", what, s.len);
}

static enum err check_remaining(size_t len)
{
    if (len <= MQTT_REMAINING_MAX) return OK;
    return fail(ERR_TOO_BIG, "2.2.3: remaining length %zu", len);
}

uint16_t mqtt_packet_id(struct mqtt *m)
{
    if (++m->last_id == 0) m->last_id = 1;
    return m->last_id;
}

/* ---- CONNECT and CONNACK */

static unsigned connect_flags(const struct mqtt_connect *c)
{
    unsigned flags = c->clean_session ? 0x02 : 0;
    if (c->has_will) flags |= 0x04u | (unsigned)c->will_qos << 3 | (c->will_retain ? 0x20 : 0);
    if (c->has_password) flags |= 0x40;
    if (c->has_user_name) flags |= 0x80;
    return flags;
}

static enum err check_connect(const struct mqtt_connect *c)
{
    assert(c->has_user_name || !c->has_password);
    TRY(check_string(c->client_id, "client identifier"));
    TRY(check_string(c->will_topic, "will topic"));
    TRY(check_string(c->will_payload, "will payload"));
    TRY(check_string(c->user_name, "user name"));
    return check_string(c->password, "password");
}

enum err mqtt_send_connect(struct mqtt *m, const struct mqtt_connect *c)
{
    TRY(check_connect(c));
    size_t len = 10 + string_len(c->client_id);
    if (c->has_will) len += string_len(c->will_topic) + string_len(c->will_payload);
    if (c->has_user_name) len += string_len(c->user_name);
    if (c->has_password) len += string_len(c->password);
    uint8_t *p = open_packet(m, MQTT_CONNECT << 4, len);
    p = put_string(p, SLICE_LIT("MQTT"));
    *p++ = MQTT_LEVEL;
    *p++ = (uint8_t)connect_flags(c);
    p = put_u16(p, c->keep_alive_s);
    p = put_string(p, c->client_id);
    if (c->has_will) p = put_string(put_string(p, c->will_topic), c->will_payload);
    if (c->has_user_name) p = put_string(p, c->user_name);
    if (c->has_password) put_string(p, c->password);
    m->keep_alive_s = c->keep_alive_s;
    return OK;
}

void mqtt_send_connack(struct mqtt *m, enum mqtt_code code, bool session_present)
{
    uint8_t *p = open_packet(m, MQTT_CONNACK << 4, 2);
    p[0] = session_present && code == MQTT_ACCEPTED; /* [MQTT-3.2.2-4] */
    p[1] = (uint8_t)code;
}

/* ---- PUBLISH and PUBACK */

enum err mqtt_send_publish(struct mqtt *m, const struct mqtt_publish *p)
{
    assert(p->qos <= 1 && (p->qos == 0) == (p->packet_id == 0) && (p->qos > 0 || !p->dup));
    TRY(check_string(p->topic, "topic"));
    size_t len = string_len(p->topic) + (p->qos > 0 ? 2 : 0) + p->payload.len;
    TRY(check_remaining(len));
    unsigned flags = (p->dup ? 8u : 0) | (unsigned)p->qos << 1 | p->retain;
    uint8_t *at = put_string(open_packet(m, MQTT_PUBLISH << 4 | flags, len), p->topic);
    if (p->qos > 0) at = put_u16(at, p->packet_id);
    put_bytes(at, p->payload);
    return OK;
}

/* A packet that is a packet identifier. */
static void send_id(struct mqtt *m, enum mqtt_kind kind, uint16_t packet_id)
{
    assert(packet_id != 0);
    uint8_t *p = buf_reserve(m->out, 4);
    p[0] = (uint8_t)(kind << 4);
    p[1] = 2;
    put_u16(p + 2, packet_id);
    buf_commit(m->out, 4);
}

void mqtt_send_puback(struct mqtt *m, uint16_t packet_id)
{
    send_id(m, MQTT_PUBACK, packet_id);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE and their answers */

static enum err send_filters(struct mqtt *m, enum mqtt_kind kind, uint16_t packet_id,
                             const struct mqtt_filter *filters, size_t count)
{
    assert(packet_id != 0 && count > 0);
    bool with_qos = kind == MQTT_SUBSCRIBE;
    size_t len = 2;
    for (size_t i = 0; i < count; i++) {
        TRY(check_string(filters[i].text, "topic filter"));
        len += string_len(filters[i].text) + with_qos;
    }
    TRY(check_remaining(len));
    uint8_t *p = put_u16(open_packet(m, (unsigned)kind << 4 | 2, len), packet_id);
    for (size_t i = 0; i < count; i++) {
        p = put_string(p, filters[i].text);
        if (with_qos) *p++ = filters[i].qos;
    }
    return OK;
}

enum err mqtt_send_subscribe(struct mqtt *m, uint16_t packet_id, const struct mqtt_filter *filters,
                             size_t count)
{
    return send_filters(m, MQTT_SUBSCRIBE, packet_id, filters, count);
}

enum err mqtt_send_unsubscribe(struct mqtt *m, uint16_t packet_id,
                               const struct mqtt_filter *filters, size_t count)
{
    return send_filters(m, MQTT_UNSUBSCRIBE, packet_id, filters, count);
}

void mqtt_send_suback(struct mqtt *m, uint16_t packet_id, struct slice codes)
{
    uint8_t *p = open_packet(m, MQTT_SUBACK << 4, 2 + codes.len);
    put_bytes(put_u16(p, packet_id), codes);
}

void mqtt_send_unsuback(struct mqtt *m, uint16_t packet_id)
{
    send_id(m, MQTT_UNSUBACK, packet_id);
}

/* ---- packets of two bytes */

void mqtt_send_pingreq(struct mqtt *m)
{
    open_packet(m, MQTT_PINGREQ << 4, 0);
}

void mqtt_send_pingresp(struct mqtt *m)
{
    open_packet(m, MQTT_PINGRESP << 4, 0);
}

void mqtt_send_disconnect(struct mqtt *m)
{
    open_packet(m, MQTT_DISCONNECT << 4, 0);
}
