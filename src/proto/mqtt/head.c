/* head.c - the fixed header: what may come from this peer, now, and how long it may be.
 *
 * Everything here is decided before a byte of the body is looked at or stored.
 */
#include "base/num.h"
#include "proto/mqtt/packet.h"

enum { FROM_CLIENT = 1, FROM_SERVER = 2, FROM_BOTH = 3 };
enum { KIND_COUNT = 16, FLAGS_ANY = 0xff };

/* Table 2.1 (direction), table 2.2 (flags) and the sizes that the packet's section fixes. */
static const struct rule {
    const char *name;
    uint8_t from, flags;
    uint32_t len_min, len_max;
} rules[KIND_COUNT] = {
    [MQTT_CONNECT] = {"CONNECT", FROM_CLIENT, 0, 10, MQTT_REMAINING_MAX},
    [MQTT_CONNACK] = {"CONNACK", FROM_SERVER, 0, 2, 2},
    [MQTT_PUBLISH] = {"PUBLISH", FROM_BOTH, FLAGS_ANY, 2, MQTT_REMAINING_MAX},
    [MQTT_PUBACK] = {"PUBACK", FROM_BOTH, 0, 2, 2},
    [MQTT_PUBREC] = {"PUBREC", FROM_BOTH, 0, 2, 2},
    [MQTT_PUBREL] = {"PUBREL", FROM_BOTH, 2, 2, 2},
    [MQTT_PUBCOMP] = {"PUBCOMP", FROM_BOTH, 0, 2, 2},
    [MQTT_SUBSCRIBE] = {"SUBSCRIBE", FROM_CLIENT, 2, 2, MQTT_REMAINING_MAX},
    [MQTT_SUBACK] = {"SUBACK", FROM_SERVER, 0, 3, MQTT_REMAINING_MAX},
    [MQTT_UNSUBSCRIBE] = {"UNSUBSCRIBE", FROM_CLIENT, 2, 2, MQTT_REMAINING_MAX},
    [MQTT_UNSUBACK] = {"UNSUBACK", FROM_SERVER, 0, 2, 2},
    [MQTT_PINGREQ] = {"PINGREQ", FROM_CLIENT, 0, 0, 0},
    [MQTT_PINGRESP] = {"PINGRESP", FROM_SERVER, 0, 0, 0},
    [MQTT_DISCONNECT] = {"DISCONNECT", FROM_CLIENT, 0, 0, 0},
};

/* CONNECT comes first and once, CONNACK likewise; after DISCONNECT or a refusal comes nothing. */
static enum err check_turn(const struct mqtt *m, unsigned kind)
{
    bool opens = kind == MQTT_CONNECT || kind == MQTT_CONNACK;
    if (m->state == MQTT_OPEN && !opens) return OK;
    if (m->state == MQTT_OPENING && opens) return OK;
    if (m->state == MQTT_ENDED)
        return fail(ERR_PROTOCOL, "[MQTT-3.14.4-2] %s after the end", rules[kind].name);
    if (opens) return fail(ERR_PROTOCOL, "[MQTT-3.1.0-2] second %s", rules[kind].name);
    return fail(ERR_PROTOCOL, "[MQTT-%s] the first packet is %s",
                m->role == MQTT_SERVER ? "3.1.0-1" : "3.2.0-1", rules[kind].name);
}

static enum err check_first(const struct mqtt *m, uint8_t first)
{
    unsigned kind = first >> 4, flags = first & 0x0f;
    const struct rule *rule = &rules[kind];
    unsigned sender = m->role == MQTT_SERVER ? FROM_CLIENT : FROM_SERVER;
    if (!(rule->from & sender))
        return fail(ERR_PROTOCOL, "2.2.1: packet type %u from a %s", kind,
                    m->role == MQTT_SERVER ? "client" : "server");
    TRY(check_turn(m, kind));
    if (rule->flags != FLAGS_ANY && rule->flags != flags)
        return fail(ERR_PROTOCOL, "[MQTT-2.2.2-2] %s with flags %u", rule->name, flags);
    return OK;
}

static enum err check_len(const struct mqtt *m, const struct mqtt_head *head)
{
    const struct rule *rule = &rules[head->first >> 4];
    size_t max = m->packet_max;
    if (head->body_len < rule->len_min || head->body_len > rule->len_max)
        return fail(ERR_PROTOCOL, "2.2.3: %s with remaining length %u", rule->name, head->body_len);
    if (m->state == MQTT_OPENING) max = MIN(max, MQTT_CONNECT_MAX);
    if (head->len + head->body_len > max)
        return fail(ERR_TOO_BIG, "%s of %u bytes, at most %zu", rule->name,
                    head->len + head->body_len, max);
    return OK;
}

enum err mqtt_read_head(const struct mqtt *m, struct slice bytes, struct mqtt_head *head)
{
    if (bytes.len == 0) return ERR_AGAIN;
    TRY(check_first(m, bytes.ptr[0]));
    head->first = bytes.ptr[0];
    head->body_len = 0;
    for (uint32_t i = 1; i <= 4; i++) {
        if (i == bytes.len) return ERR_AGAIN;
        head->body_len |= (uint32_t)(bytes.ptr[i] & 0x7f) << (7 * (i - 1));
        if (bytes.ptr[i] & 0x80) continue;
        head->len = i + 1;
        return check_len(m, head);
    }
    return fail(ERR_PROTOCOL, "2.2.3: remaining length of more than four bytes");
}
