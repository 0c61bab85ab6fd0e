/* testkit.c - notation in, notation out. */
#include "proto/mqtt/testkit.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

const char test_connect[] = "10 [<MQTT> 04 02 003c <d1>]";
const char test_connack[] = "20 [0000]";

/* 'text' or <text>; returns what follows. */
static const char *put_quote(struct buf *out, const char *p)
{
    const char *end = strchr(p + 1, *p == '<' ? '>' : '\'');
    assert_non_null(end);
    size_t len = (size_t)(end - p) - 1;
    if (*p == '<') buf_put_be16(out, (uint16_t)len);
    buf_put(out, p + 1, len);
    return end + 1;
}

/* Length and content of [..]; returns what follows. */
static const char *put_body(struct buf *out, const char *p)
{
    const char *end = strchr(p, ']');
    assert_non_null(end);
    char *inner = slice_dup(slice_of(p + 1, (size_t)(end - p) - 1));
    struct buf body = {0};
    test_bytes(&body, inner);
    assert_true(buf_size(&body) < 128);
    buf_put_u8(out, (uint8_t)buf_size(&body));
    buf_put_slice(out, buf_slice(&body));
    buf_free(&body);
    free(inner);
    return end + 1;
}

void test_bytes(struct buf *out, const char *notation)
{
    for (const char *p = notation; *p;) {
        if (*p == ' ') {
            p++;
        } else if (*p == '[') {
            p = put_body(out, p);
        } else if (*p == '<' || *p == '\'') {
            p = put_quote(out, p);
        } else {
            assert_int_equal(text_unhex(out, slice_of(p, strnlen(p, 2))), OK);
            p += 2;
        }
    }
}

/* Printable ASCII as it is, the rest as \xx. */
static void put_text(struct buf *text, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool plain = s.ptr[i] >= 0x20 && s.ptr[i] < 0x7f;
        buf_printf(text, plain ? "%c" : "\\%02x", s.ptr[i]);
    }
}

static void put_quoted(struct buf *text, const char *name, struct slice s)
{
    buf_printf(text, " %s'", name);
    put_text(text, s);
    buf_put_str(text, "'");
}

static void put_connect(struct buf *text, const struct mqtt_connect *c)
{
    if (c->level != MQTT_LEVEL) {
        buf_printf(text, " level=%u", c->level);
        return;
    }
    put_quoted(text, "", c->client_id);
    buf_printf(text, " keep=%u clean=%d", c->keep_alive_s, c->clean_session);
    if (c->has_will) {
        put_quoted(text, "will=", c->will_topic);
        put_quoted(text, "", c->will_payload);
        buf_printf(text, " qos=%u retain=%d", c->will_qos, c->will_retain);
    }
    if (c->has_user_name) put_quoted(text, "user=", c->user_name);
    if (c->has_password) put_quoted(text, "password=", c->password);
}

static void put_publish(struct buf *text, const struct mqtt_publish *p)
{
    buf_put_u8(text, ' ');
    put_text(text, p->topic);
    buf_printf(text, " qos=%u", p->qos);
    if (p->qos > 0) buf_printf(text, " id=%u", p->packet_id);
    buf_put_str(text, p->dup ? " dup" : "");
    buf_put_str(text, p->retain ? " retain" : "");
    put_quoted(text, "", p->payload);
}

static void put_filters(struct buf *text, struct mqtt_subscribe s)
{
    struct mqtt_filter filter;
    buf_printf(text, " id=%u", s.packet_id);
    while (mqtt_next_filter(&s, &filter)) {
        put_quoted(text, "", filter.text);
        if (s.with_qos) buf_printf(text, "=%u", filter.qos);
    }
}

static void put_fields(struct buf *text, const struct mqtt_event *ev)
{
    switch (ev->kind) {
    case MQTT_CONNECT: put_connect(text, &ev->connect); break;
    case MQTT_CONNACK:
        buf_printf(text, " code=%d present=%d", ev->connack.code, ev->connack.session_present);
        break;
    case MQTT_PUBLISH: put_publish(text, &ev->publish); break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: put_filters(text, ev->subscribe); break;
    case MQTT_SUBACK:
        buf_printf(text, " id=%u ", ev->suback.packet_id);
        text_hex(text, ev->suback.codes);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK: buf_printf(text, " id=%u", ev->packet_id); break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT: break;
    }
}

void test_event(struct buf *text, const struct mqtt_event *ev)
{
    static const char *const names[] = {
        [MQTT_CONNECT] = "CONNECT",   [MQTT_CONNACK] = "CONNACK",
        [MQTT_PUBLISH] = "PUBLISH",   [MQTT_PUBACK] = "PUBACK",
        [MQTT_PUBREC] = "PUBREC",     [MQTT_PUBREL] = "PUBREL",
        [MQTT_PUBCOMP] = "PUBCOMP",   [MQTT_SUBSCRIBE] = "SUBSCRIBE",
        [MQTT_SUBACK] = "SUBACK",     [MQTT_UNSUBSCRIBE] = "UNSUBSCRIBE",
        [MQTT_UNSUBACK] = "UNSUBACK", [MQTT_PINGREQ] = "PINGREQ",
        [MQTT_PINGRESP] = "PINGRESP", [MQTT_DISCONNECT] = "DISCONNECT",
    };
    buf_put_str(text, names[ev->kind]);
    put_fields(text, ev);
    buf_put_str(text, "\n");
}

/* Pulls all there is; false when the engine died. */
static bool pull(struct mqtt *m, struct buf *text, bool keeps)
{
    struct mqtt_event ev;
    enum err e;
    while ((e = mqtt_next(m, &ev)) == OK) {
        test_event(text, &ev);
        if (keeps) mqtt_keep(m);
    }
    if (e == ERR_AGAIN) return true;
    const char *why = fail_text();
    buf_printf(text, "%s %.*s\n", err_name(e), (int)strcspn(why, " "), why);
    return false;
}

static bool feed_piece(struct mqtt *m, struct buf *text, struct slice piece, bool keeps)
{
    uint8_t *copy = mem_new(piece.len);
    if (piece.len) memcpy(copy, piece.ptr, piece.len);
    mqtt_feed(m, slice_of(copy, piece.len), 0);
    bool alive = pull(m, text, keeps);
    free(copy);
    return alive;
}

static void feed_opening(struct mqtt *m, const char *notation)
{
    struct buf bytes = {0}, text = {0};
    test_bytes(&bytes, notation);
    assert_true(feed_piece(m, &text, buf_slice(&bytes), false));
    buf_free(&bytes);
    buf_free(&text);
}

void test_events(struct buf *text, const struct test_feed *feed)
{
    struct buf out = {0};
    struct mqtt m;
    mqtt_init(&m, &(struct mqtt_config){.role = feed->role, .out = &out}, 0);
    if (feed->opening) feed_opening(&m, feed->opening);
    struct slice rest = feed->input;
    bool alive = true;
    size_t first = feed->split;
    while (alive && rest.len > 0) {
        size_t len = first ? first : feed->piece ? feed->piece : rest.len;
        first = 0;
        alive = feed_piece(&m, text, slice_head(rest, len), feed->keeps);
        rest = slice_from(rest, len);
    }
    mqtt_fini(&m);
    buf_free(&out);
}
