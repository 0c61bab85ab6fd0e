/* fields.c - performatives taken apart: a table says what the specification says (2.7, 5.3.3). */
#include "base/text.h"
#include "proto/amqp/internal.h"

/* One letter per field, capital when it is mandatory:
 * t text | b ubyte | h ushort | i uint | l ulong | o boolean | x binary | a symbols | m map | . any */
static const char *layout_of(uint64_t code)
{
    switch (code) {
    case P_OPEN: return "Ttihiaaaam";
    case P_BEGIN: return "hIIIiaam";
    case P_ATTACH: return "TIObb..moilaam";
    case P_FLOW: return "iIIIiiiioom";
    case P_TRANSFER: return "Iixioob.ooo";
    case P_DISPOSITION: return "OIio.o";
    case P_DETACH: return "Io.";
    case P_END:
    case P_CLOSE: return ".";
    case P_MECHANISMS: return "A";
    case P_INIT: return "Txt";
    case P_CHALLENGE:
    case P_RESPONSE: return "X";
    case P_OUTCOME: return "Bx";
    default: return NULL;
    }
}

static bool is_unsigned(const struct amqp_value *v, uint64_t max)
{
    return v->type >= AMQP_UBYTE && v->type <= AMQP_ULONG && v->u <= max;
}

/* Integers of any width will do if they fit; so will a symbol where a string is due. */
static bool fits(char letter, const struct amqp_value *v)
{
    switch (letter | 0x20) {
    case 't':
        return (v->type == AMQP_STRING || v->type == AMQP_SYMBOL) && text_is_utf8(amqp_text(v));
    case 'b': return is_unsigned(v, UINT8_MAX);
    case 'h': return is_unsigned(v, UINT16_MAX);
    case 'i': return is_unsigned(v, UINT32_MAX);
    case 'l': return is_unsigned(v, UINT64_MAX);
    case 'o': return v->type == AMQP_BOOL;
    case 'x': return v->type == AMQP_BINARY;
    case 'a': return v->type == AMQP_SYMBOL || v->type == AMQP_ARRAY;
    case 'm': return v->type == AMQP_MAP;
    default: return true;
    }
}

static bool mandatory(char letter)
{
    return letter >= 'A' && letter <= 'Z';
}

enum err amqp_fields_read(struct slice body, struct fields *out)
{
    struct cur c = cur_of(body);
    struct amqp_value list;
    TRY(amqp_get_descriptor(&c, &out->code));
    const char *layout = layout_of(out->code);
    TRY(amqp_get(&c, &list));
    out->payload = cur_rest(&c);
    if (layout == NULL || list.type != AMQP_LIST || list.count > strlen(layout))
        return ERR_PROTOCOL;
    struct cur fields = cur_of(list.bytes);
    for (uint32_t i = 0; layout[i]; i++) {
        if (i < list.count)
            TRY(amqp_get(&fields, &out->v[i]));
        else
            out->v[i] = (struct amqp_value){0};
        bool null = out->v[i].type == AMQP_NULL;
        if (null ? mandatory(layout[i]) : !fits(layout[i], &out->v[i])) return ERR_PROTOCOL;
    }
    return cur_left(&fields) ? ERR_PROTOCOL : OK;
}

bool amqp_has(const struct amqp_value *v)
{
    return v->type != AMQP_NULL;
}

uint32_t amqp_u32(const struct amqp_value *v, uint32_t otherwise)
{
    return amqp_has(v) ? (uint32_t)v->u : otherwise;
}

/* A cursor over the fields of a described list and its code; false if it is none. */
static bool described_list(const struct amqp_value *v, uint64_t *code, struct amqp_value *list,
                           struct cur *fields)
{
    struct cur c = cur_of(v->whole);
    if (v->type != AMQP_DESCRIBED || amqp_get_descriptor(&c, code) != OK) return false;
    if (amqp_get(&c, list) != OK || list->type != AMQP_LIST) return false;
    *fields = cur_of(list->bytes);
    return true;
}

enum { ADDRESS = 0, DYNAMIC = 4, FILTER = 7 };

struct amqp_terminus amqp_terminus_of(const struct amqp_value *v)
{
    struct amqp_terminus t = {0};
    struct amqp_value list, field;
    struct cur c;
    uint64_t code;
    if (!described_list(v, &code, &list, &c) || (code != P_SOURCE && code != P_TARGET)) return t;
    t.present = true;
    for (uint32_t i = 0; i < list.count && amqp_get(&c, &field) == OK; i++) {
        if (i == ADDRESS && text_is_utf8(amqp_text(&field))) t.address = amqp_text(&field);
        if (i == DYNAMIC) t.dynamic = field.type == AMQP_BOOL && field.u;
        if (i == FILTER && code == P_SOURCE) t.filter = field;
    }
    return t;
}

struct amqp_error amqp_error_read(const struct amqp_value *v)
{
    struct amqp_error e = {0};
    struct amqp_value list, field;
    struct cur c;
    uint64_t code;
    if (!described_list(v, &code, &list, &c) || code != P_ERROR) return e;
    for (uint32_t i = 0; i < list.count && amqp_get(&c, &field) == OK; i++) {
        if (i == 0) e.condition = amqp_text(&field);
        if (i == 1) e.description = amqp_text(&field);
        if (i == 2 && field.type == AMQP_MAP) e.info = field.whole;
    }
    return e;
}

enum amqp_outcome amqp_outcome_of(const struct amqp_value *state, struct amqp_error *error)
{
    struct amqp_value list, first;
    struct cur c;
    uint64_t code;
    *error = (struct amqp_error){0};
    if (!described_list(state, &code, &list, &c)) return AMQP_NO_STATE;
    if (code < AMQP_RECEIVED || code > AMQP_MODIFIED) return AMQP_NO_STATE;
    if (code == AMQP_REJECTED && list.count && amqp_get(&c, &first) == OK)
        *error = amqp_error_read(&first);
    return (enum amqp_outcome)code;
}

bool amqp_has_capability(const struct amqp_value *capabilities, const char *name)
{
    struct amqp_value one;
    if (capabilities->type == AMQP_SYMBOL) return slice_is(capabilities->bytes, name);
    if (capabilities->type != AMQP_ARRAY) return false;
    struct cur c = cur_of(capabilities->bytes);
    for (uint32_t i = 0; i < capabilities->count; i++) {
        if (amqp_get_element(&c, capabilities, &one) != OK) return false;
        if (one.type == AMQP_SYMBOL && slice_is(one.bytes, name)) return true;
    }
    return false;
}
