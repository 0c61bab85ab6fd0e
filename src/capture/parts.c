/* parts.c - messages taken apart. */
#include "capture/parts.h"

static uint32_t be32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

/* As the hub itself writes them: properties and application properties, where there are any, and one
 * section of data.  What lies in them is looked at when it is put.  False: otherwise. */
bool parts_take_plain(struct slice sections, struct parts *p)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    *p = (struct parts){.has_body = true};
    if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    if (code == AMQP_PROPERTIES) {
        if (value.type != AMQP_LIST || value.count > AMQP_PROPERTY_COUNT) return false;
        p->properties = value;
        p->properties_section = whole;
        if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    }
    if (code == AMQP_APPLICATION_PROPERTIES) {
        if (value.type != AMQP_MAP) return false;
        p->application = value.bytes;
        if (amqp_next_section(&c, &code, &value, &whole) != OK) return false;
    }
    p->body = value.bytes;
    return code == AMQP_DATA && value.type == AMQP_BINARY && cur_left(&c) == 0;
}

/* Nothing but one section of data: 00 53 75 a0 or b0, its length in one byte or four, the data. */
bool parts_take_data(struct slice sections, struct parts *p)
{
    static const uint8_t narrow[] = {0x00, 0x53, AMQP_DATA, 0xa0},
                         wide[] = {0x00, 0x53, AMQP_DATA, 0xb0};
    enum { HEAD = sizeof narrow };
    const uint8_t *at = sections.ptr;
    size_t around = 0, len = 0;
    if (sections.len >= HEAD + 1 && memcmp(at, narrow, HEAD) == 0) {
        around = HEAD + 1;
        len = at[HEAD];
    } else if (sections.len >= HEAD + 4 && memcmp(at, wide, HEAD) == 0) {
        around = HEAD + 4;
        len = be32(at + HEAD);
    }
    if (around == 0 || sections.len - around != len) return false;
    *p = (struct parts){.has_body = true, .body = slice_from(sections, around)};
    return true;
}

static struct slice body_of(const struct amqp_message *m)
{
    if (m->body_kind == AMQP_DATA) return m->data;
    bool text = m->body_kind == AMQP_AMQP_VALUE && amqp_text(&m->value).ptr;
    return text ? amqp_text(&m->value) : m->body;
}

/* Whatever a message may be. */
enum err parts_take_any(struct slice sections, struct parts *p)
{
    struct amqp_message m;
    uint64_t code;
    TRY(amqp_message_parse(sections, &m));
    *p = (struct parts){.body = body_of(&m)};
    p->has_body =
        m.body_count > 0 && !(m.body_kind == AMQP_AMQP_VALUE && m.value.type == AMQP_NULL);
    p->many = m.body_kind == AMQP_DATA && m.body_count > 1;
    if (m.application.type == AMQP_MAP) p->application = m.application.bytes;
    if (m.properties_section.len == 0) return OK;
    struct cur c = cur_of(m.properties_section);
    TRY(amqp_get_descriptor(&c, &code));
    return amqp_get(&c, &p->properties);
}
