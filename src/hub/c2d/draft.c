/* draft.c - checking a service's message and writing its sections.
 *
 * What passes here can be delivered over every protocol: text is UTF-8 without control characters
 * (it becomes HTTP header values), names of properties are HTTP's header characters ("Properties of
 * cloud-to-device messages"), and the MQTT topic that carries it all is not too long.
 */
#include "hub/c2d/draft.h"

#include "base/limit.h"
#include "base/text.h"

LIMIT_REACHED(too_large, "c2d-message")

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) return false;
    return text_is_utf8(s);
}

static bool is_name(struct slice s)
{
    static const char signs[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && (c == '\0' || strchr(signs, c) == NULL)) return false;
    }
    return s.len > 0;
}

static enum err check_field(const char *what, struct slice text)
{
    if (is_text(text)) return OK;
    return fail(ERR_INVALID, "%s is not UTF-8 text without control characters", what);
}

static enum err check_fields(const struct c2d_draft *d)
{
    TRY(check_field("message-id", d->message_id));
    TRY(check_field("correlation-id", d->correlation_id));
    TRY(check_field("user-id", d->user_id));
    TRY(check_field("content-type", d->content_type));
    TRY(check_field("content-encoding", d->content_encoding));
    if (d->message_id.len > C2D_MESSAGE_ID_MAX)
        return fail(ERR_INVALID, "message-id has %zu characters; the limit is %d",
                    d->message_id.len, C2D_MESSAGE_ID_MAX);
    return OK;
}

static enum err read_ack(struct slice text, enum c2d_ack *out)
{
    static const char *const names[] = {[ACK_NONE] = "none",
                                        [ACK_POSITIVE] = "positive",
                                        [ACK_NEGATIVE] = "negative",
                                        [ACK_FULL] = "full"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(text, names[i])) {
            *out = (enum c2d_ack)i;
            return OK;
        }
    return fail(ERR_INVALID, "iothub-ack is '%.*s'; it may be none, positive, negative or full",
                SLICE_ARG(slice_head(text, 40)));
}

static enum err check_properties(const struct c2d_draft *d, enum c2d_ack *ack)
{
    *ack = ACK_NONE;
    if (d->property_count > C2D_PROPERTIES_MAX)
        return fail(ERR_INVALID, "%zu properties; the limit is %d", d->property_count,
                    C2D_PROPERTIES_MAX);
    for (size_t i = 0; i < d->property_count; i++) {
        const struct c2d_property *p = &d->properties[i];
        if (!is_name(p->name) || !is_text(p->value))
            return fail(ERR_INVALID,
                        "property '%.*s': names have ASCII letters, digits and "
                        "!#$%%&'*+-.^_`|~, values no control characters",
                        SLICE_ARG(slice_head(p->name, 80)));
        if (slice_is(p->name, "iothub-ack")) TRY(read_ack(p->value, ack));
    }
    return OK;
}

static enum err check_expiry(int64_t expiry_ms, int64_t wall_us)
{
    if (expiry_ms == 0) return OK;
    if (expiry_ms <= wall_us / 1000) return fail(ERR_INVALID, "the expiry time has passed already");
    if (expiry_ms > (wall_us + C2D_TTL_US_MAX) / 1000)
        return fail(ERR_INVALID, "the expiry time is more than 48 hours from now");
    return OK;
}

static enum err check_size(const struct c2d_draft *d)
{
    size_t size = d->body.len + d->message_id.len + d->correlation_id.len + d->user_id.len +
                  d->content_type.len + d->content_encoding.len;
    for (size_t i = 0; i < d->property_count; i++)
        size += d->properties[i].name.len + d->properties[i].value.len;
    if (size <= C2D_SIZE_MAX) return OK;
    metric_inc(&too_large);
    return fail(ERR_TOO_BIG, "message of %zu bytes; the limit is %d", size, C2D_SIZE_MAX);
}

/* ---- sections */

static void put_to(struct buf *b, struct slice who)
{
    struct buf to = {0};
    buf_printf(&to, "/devices/%.*s/messages/deviceBound", SLICE_ARG(who));
    amqp_put_string(b, buf_slice(&to));
    buf_free(&to);
}

/* In the order of AMQP 1.0 section 3.2.4. */
static void put_properties(struct buf *b, struct slice who, const struct c2d_draft *d)
{
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_given_string(b, d->message_id);
    amqp_put_given_binary(b, d->user_id);
    put_to(b, who);
    amqp_put_null(b); /* subject */
    amqp_put_null(b); /* reply-to */
    amqp_put_given_string(b, d->correlation_id);
    amqp_put_given_symbol(b, d->content_type);
    amqp_put_given_symbol(b, d->content_encoding);
    if (d->expiry_ms)
        amqp_put_timestamp(b, d->expiry_ms);
    else
        amqp_put_null(b);
    amqp_close(b, list, 9);
}

static void put_application_properties(struct buf *b, const struct c2d_draft *d)
{
    if (d->property_count == 0) return;
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    for (size_t i = 0; i < d->property_count; i++) {
        amqp_put_string(b, d->properties[i].name);
        amqp_put_string(b, d->properties[i].value);
    }
    amqp_close(b, map, (uint32_t)(2 * d->property_count));
}

static enum err check_bag(struct slice sections)
{
    struct buf bag = {0};
    c2d_put_bag(&bag, sections);
    size_t len = buf_size(&bag);
    buf_free(&bag);
    if (len <= C2D_BAG_MAX) return OK;
    metric_inc(&too_large);
    return fail(ERR_TOO_BIG,
                "the properties are %zu bytes, percent-encoded as an MQTT topic has them; the "
                "limit is %d",
                len, C2D_BAG_MAX);
}

static enum err build(struct slice who, const struct c2d_draft *d, enum c2d_ack ack,
                      struct msg **out)
{
    struct buf b = {0};
    struct c2d_send_msg head = {.expires_us = d->expiry_ms * 1000,
                                .ack = ack,
                                .who_len = (uint32_t)who.len,
                                .id_len = (uint32_t)d->message_id.len};
    msg_buf_begin(&b);
    buf_put(&b, &head, offsetof(struct c2d_send_msg, bytes));
    buf_put_slice(&b, who);
    buf_put_slice(&b, d->message_id);
    size_t start = buf_size(&b);
    put_properties(&b, who, d);
    put_application_properties(&b, d);
    size_t body = buf_size(&b);
    amqp_put_data(&b, d->body);
    enum err e = check_bag(slice_from(slice_head(buf_slice(&b), body), start));
    if (e == OK)
        *out = msg_buf_end(&b, C2D_SEND);
    else
        buf_free(&b);
    return e;
}

static enum err check_all(const struct c2d_draft *d, int64_t wall_us, enum c2d_ack *ack)
{
    TRY(check_size(d));
    TRY(check_fields(d));
    TRY(check_properties(d, ack));
    return check_expiry(d->expiry_ms, wall_us);
}

enum status draft_message(struct slice who, const struct c2d_draft *d, int64_t wall_us,
                          struct msg **out)
{
    enum c2d_ack ack;
    enum err e = check_all(d, wall_us, &ack);
    if (e == OK) e = build(who, d, ack, out);
    return status_of_err(e);
}
