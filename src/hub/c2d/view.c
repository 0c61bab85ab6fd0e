/* view.c - reading a message's sections, and writing them as MQTT's property bag. */
#include "base/clock.h"
#include "base/text.h"
#include "hub/c2d/c2d.h"

static struct slice text_or_none(const struct amqp_value *v)
{
    return v->type == AMQP_NULL ? SLICE_NONE : amqp_text(v);
}

/* Sections are ours (draft.c): they parse. */
void c2d_view(struct slice sections, struct c2d_view *out)
{
    struct amqp_message m;
    *out = (struct c2d_view){0};
    if (amqp_message_parse(sections, &m) != OK) return;
    out->message_id = text_or_none(&m.properties[AMQP_MESSAGE_ID]);
    out->correlation_id = text_or_none(&m.properties[AMQP_CORRELATION_ID]);
    out->user_id = text_or_none(&m.properties[AMQP_USER_ID]);
    out->to = text_or_none(&m.properties[AMQP_TO]);
    out->content_type = text_or_none(&m.properties[AMQP_CONTENT_TYPE]);
    out->content_encoding = text_or_none(&m.properties[AMQP_CONTENT_ENCODING]);
    if (m.properties[AMQP_ABSOLUTE_EXPIRY_TIME].type == AMQP_TIMESTAMP)
        out->expiry_ms = m.properties[AMQP_ABSOLUTE_EXPIRY_TIME].i;
    out->body = m.data;
    out->properties = cur_of(m.application.bytes);
}

bool c2d_next_property(struct c2d_view *v, struct slice *name, struct slice *value)
{
    struct amqp_value n, t;
    if (cur_left(&v->properties) == 0) return false;
    if (amqp_get(&v->properties, &n) != OK || amqp_get(&v->properties, &t) != OK) return false;
    *name = amqp_text(&n);
    *value = amqp_text(&t);
    return true;
}

/* ---- the bag */

static void put_item(struct buf *out, size_t start, const char *key, struct slice value)
{
    if (value.ptr == NULL) return;
    if (buf_size(out) > start) buf_put_u8(out, '&');
    buf_put_str(out, key);
    buf_put_u8(out, '=');
    text_percent(out, value);
}

/* Names of reserved application properties that have a short form in topics. */
static const struct {
    const char *name, *key;
} reserved[] = {
    {"iothub-creation-time-utc", "%24.ctime"},
    {"iothub-message-schema", "%24.schema"},
    {"iothub-ack", "iothub-ack"},
    {"iothub-operation", "iothub-operation"},
};
enum { RESERVED = sizeof reserved / sizeof *reserved };

static unsigned reserved_index(struct slice name)
{
    unsigned i = 0;
    while (i < RESERVED && !slice_is(name, reserved[i].name)) i++;
    return i;
}

static void put_application(struct buf *out, size_t start, struct c2d_view v)
{
    struct slice name, value;
    while (c2d_next_property(&v, &name, &value)) {
        if (reserved_index(name) < RESERVED) continue;
        if (buf_size(out) > start) buf_put_u8(out, '&');
        text_percent(out, name);
        buf_put_u8(out, '=');
        text_percent(out, value);
    }
}

/* System properties as the C SDK looks for them ("%24." and nothing else), in IoT Hub's order. */
void c2d_put_bag(struct buf *out, struct slice sections)
{
    struct c2d_view v;
    struct slice name, value, given[RESERVED] = {0};
    size_t start = buf_size(out);
    char expiry[CLOCK_ISO_LEN + 1];
    c2d_view(sections, &v);
    for (struct c2d_view walk = v; c2d_next_property(&walk, &name, &value);)
        if (reserved_index(name) < RESERVED) given[reserved_index(name)] = value;
    if (v.expiry_ms) clock_iso(v.expiry_ms * 1000, expiry);
    put_item(out, start, "%24.mid", v.message_id);
    put_item(out, start, "%24.cid", v.correlation_id);
    put_item(out, start, "%24.uid", v.user_id);
    put_item(out, start, "%24.to", v.to);
    put_item(out, start, "%24.exp", v.expiry_ms ? slice_str(expiry) : SLICE_NONE);
    put_item(out, start, "%24.ct", v.content_type);
    put_item(out, start, "%24.ce", v.content_encoding);
    for (unsigned i = 0; i < RESERVED; i++) put_item(out, start, reserved[i].key, given[i]);
    put_application(out, start, v);
}

/* ---- lock tokens: the first three groups are little-endian in .NET's order */

static const uint8_t order[C2D_TOKEN_LEN] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

void c2d_token_text(const uint8_t token[C2D_TOKEN_LEN], char out[C2D_TOKEN_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (unsigned i = 0; i < C2D_TOKEN_LEN; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = digits[token[order[i]] >> 4];
        *at++ = digits[token[order[i]] & 15];
    }
    *at = '\0';
}

enum err c2d_token_read(struct slice text, uint8_t out[C2D_TOKEN_LEN])
{
    struct buf hex = {0}, bytes = {0};
    struct slice group;
    bool right = text.len == C2D_TOKEN_TEXT_LEN && text.ptr[8] == '-' && text.ptr[13] == '-' &&
                 text.ptr[18] == '-' && text.ptr[23] == '-';
    while (right && slice_split(&text, '-', &group)) buf_put_slice(&hex, group);
    right = right && text_unhex(&bytes, buf_slice(&hex)) == OK && buf_size(&bytes) == C2D_TOKEN_LEN;
    if (right)
        for (unsigned i = 0; i < C2D_TOKEN_LEN; i++) out[order[i]] = buf_slice(&bytes).ptr[i];
    buf_free(&hex);
    buf_free(&bytes);
    return right ? OK : fail(ERR_INVALID, "a lock token is a GUID");
}
