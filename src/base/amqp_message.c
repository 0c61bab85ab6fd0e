/* amqp_message.c - a message cut into its sections (AMQP 1.0 part 3, section 3.2).
 *
 * The specification fixes an order of sections; senders of IoT messages do not keep it (the C device
 * SDK writes message-annotations after application-properties), so each may come anywhere, once. */
#include "base/amqp.h"

enum err amqp_next_section(struct cur *c, uint64_t *code, struct amqp_value *value,
                           struct slice *whole)
{
    const uint8_t *start = c->at;
    if (cur_left(c) == 0) return c->bad ? ERR_PROTOCOL : ERR_NOT_FOUND;
    TRY(amqp_get_descriptor(c, code));
    TRY(amqp_get(c, value));
    *whole = slice_of(start, (size_t)(c->at - start));
    return OK;
}

enum err amqp_next_message(struct cur *c, bool batch, struct slice *out)
{
    if (!batch) {
        *out = cur_take(c, cur_left(c));
        return out->len ? OK : ERR_NOT_FOUND;
    }
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    do TRY(amqp_next_section(c, &code, &value, &whole));
    while (code != AMQP_DATA);
    *out = amqp_text(&value);
    return OK;
}

/* Where a section that may come once goes; NULL: it is part of the body. */
static struct slice *place_of(struct amqp_message *m, uint64_t code)
{
    switch (code) {
    case AMQP_HEADER: return &m->header;
    case AMQP_DELIVERY_ANNOTATIONS: return &m->delivery_annotations;
    case AMQP_MESSAGE_ANNOTATIONS: return &m->message_annotations;
    case AMQP_PROPERTIES: return &m->properties_section;
    case AMQP_APPLICATION_PROPERTIES: return &m->application_properties;
    case AMQP_FOOTER: return &m->footer;
    default: return NULL;
    }
}

static bool right_type(uint64_t code, enum amqp_type type)
{
    switch (code) {
    case AMQP_HEADER:
    case AMQP_PROPERTIES: return type == AMQP_LIST;
    case AMQP_DATA: return type == AMQP_BINARY || type == AMQP_NULL; /* JavaScript's null body */
    case AMQP_SEQUENCE: return type == AMQP_LIST;
    case AMQP_AMQP_VALUE: return true;
    default: return type == AMQP_MAP || type == AMQP_NULL;
    }
}

/* The value has been checked to its depth, so its elements can be read. */
static enum err read_properties(const struct amqp_value *list, struct amqp_message *m)
{
    struct cur c = cur_of(list->bytes);
    if (list->count > AMQP_PROPERTY_COUNT) return ERR_PROTOCOL;
    for (uint32_t i = 0; i < list->count; i++) TRY(amqp_get(&c, &m->properties[i]));
    return OK;
}

static enum err keep_body(struct amqp_message *m, uint64_t code, const struct amqp_value *value,
                          struct slice whole)
{
    if (m->body_count++ > 0)
        return m->body_kind == code && code != AMQP_AMQP_VALUE ? OK : ERR_PROTOCOL;
    m->body_kind = (enum amqp_section)code;
    m->body = whole;
    if (code == AMQP_DATA) m->data = value->bytes;
    if (code == AMQP_AMQP_VALUE) m->value = *value;
    return OK;
}

static enum err keep_section(struct amqp_message *m, uint64_t code, const struct amqp_value *value,
                             struct slice whole)
{
    if (code < AMQP_HEADER || code > AMQP_FOOTER || !right_type(code, value->type))
        return ERR_PROTOCOL;
    TRY(amqp_check(value));
    struct slice *place = place_of(m, code);
    if (place == NULL) return keep_body(m, code, value, whole);
    if (place->len) return ERR_PROTOCOL;
    *place = whole;
    if (code == AMQP_MESSAGE_ANNOTATIONS) m->annotations = *value;
    if (code == AMQP_APPLICATION_PROPERTIES) m->application = *value;
    return code == AMQP_PROPERTIES ? read_properties(value, m) : OK;
}

enum err amqp_message_parse(struct slice bytes, struct amqp_message *out)
{
    struct cur c = cur_of(bytes);
    uint64_t code;
    struct amqp_value value;
    struct slice whole;
    *out = (struct amqp_message){0};
    for (;;) {
        enum err e = amqp_next_section(&c, &code, &value, &whole);
        if (e == ERR_NOT_FOUND) return OK;
        TRY(e);
        TRY(keep_section(out, code, &value, whole));
    }
}
