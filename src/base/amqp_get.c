/* amqp_get.c - reading AMQP 1.0 values (specification part 1, section 1.6).
 *
 * The constructor's high nibble says how the bytes of a value are laid out, its low nibble which
 * type they are:
 *
 *   4x nothing | 5x 1 byte | 6x 2 | 7x 4 | 8x 8 | 9x 16 | Ax len8 | Bx len32
 *   Cx size8 count8 | Dx size32 count32 | Ex size8 count8 ctor | Fx size32 count32 ctor | 00 described
 */
#include "base/amqp.h"

/* Type of each constructor plus one; 0: no such constructor. */
#define IS(t) (uint8_t)(AMQP_##t + 1)
static const uint8_t type_of[256] = {
    [0x40] = IS(NULL),    [0x41] = IS(BOOL),    [0x42] = IS(BOOL),   [0x43] = IS(UINT),
    [0x44] = IS(ULONG),   [0x45] = IS(LIST),    [0x50] = IS(UBYTE),  [0x51] = IS(BYTE),
    [0x52] = IS(UINT),    [0x53] = IS(ULONG),   [0x54] = IS(INT),    [0x55] = IS(LONG),
    [0x56] = IS(BOOL),    [0x60] = IS(USHORT),  [0x61] = IS(SHORT),  [0x70] = IS(UINT),
    [0x71] = IS(INT),     [0x72] = IS(FLOAT),   [0x73] = IS(CHAR),   [0x74] = IS(DECIMAL),
    [0x80] = IS(ULONG),   [0x81] = IS(LONG),    [0x82] = IS(DOUBLE), [0x83] = IS(TIMESTAMP),
    [0x84] = IS(DECIMAL), [0x94] = IS(DECIMAL), [0x98] = IS(UUID),   [0xa0] = IS(BINARY),
    [0xa1] = IS(STRING),  [0xa3] = IS(SYMBOL),  [0xb0] = IS(BINARY), [0xb1] = IS(STRING),
    [0xb3] = IS(SYMBOL),  [0xc0] = IS(LIST),    [0xc1] = IS(MAP),    [0xd0] = IS(LIST),
    [0xd1] = IS(MAP),     [0xe0] = IS(ARRAY),   [0xf0] = IS(ARRAY),
};
#undef IS

enum { SHORT = 0xa }; /* the high nibble */
enum { DESCRIBED = 0x00, TRUE = 0x41, LIST0 = 0x45, SMALL_ULONG = 0x53, BOOLEAN = 0x56 };

/* The bytes of a value that follow its constructor and length. */
static struct slice take_body(struct cur *c, uint8_t ctor)
{
    switch (ctor >> 4) {
    case 0x4: return SLICE_NONE;
    case 0x5: return cur_take(c, 1);
    case 0x6: return cur_take(c, 2);
    case 0x7: return cur_take(c, 4);
    case 0x8: return cur_take(c, 8);
    case 0x9: return cur_take(c, 16);
    case 0xa:
    case 0xc:
    case 0xe: return cur_take(c, cur_u8(c));
    default: return cur_take(c, cur_be32(c));
    }
}

static uint64_t big_endian(struct slice s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) v = v << 8 | s.ptr[i];
    return v;
}

static int64_t sign_extended(struct slice s)
{
    assert(s.len > 0 && s.len <= 8);
    unsigned unused = 64 - 8 * (unsigned)s.len;
    return (int64_t)(big_endian(s) << unused) >> unused;
}

static enum err read_bool(uint8_t ctor, struct slice body, struct amqp_value *out)
{
    out->u = ctor == BOOLEAN ? body.ptr[0] : ctor == TRUE;
    return out->u <= 1 ? OK : ERR_PROTOCOL;
}

static void read_float(struct slice body, struct amqp_value *out)
{
    uint32_t bits = (uint32_t)big_endian(body);
    float f;
    memcpy(&f, &bits, sizeof f);
    out->f = (double)f;
}

static void read_double(struct slice body, struct amqp_value *out)
{
    uint64_t bits = big_endian(body);
    memcpy(&out->f, &bits, sizeof out->f);
}

/* Every element takes at least a byte, so a count above that is a lie and nobody loops over it. */
static enum err read_compound(uint8_t ctor, struct slice body, struct amqp_value *out)
{
    if (ctor == LIST0) return OK;
    struct cur c = cur_of(body);
    out->count = ctor < 0xd0 ? cur_u8(&c) : cur_be32(&c);
    out->bytes = cur_rest(&c);
    if (c.bad || out->count > out->bytes.len) return ERR_PROTOCOL;
    return out->type == AMQP_MAP && out->count % 2 ? ERR_PROTOCOL : OK;
}

/* Null to symbol: nothing lies inside, and but for booleans anything may be its bytes. */
static bool is_simple(uint8_t ctor)
{
    return ctor < 0xc0 && type_of[ctor] != 0 && ctor != LIST0 && ctor != BOOLEAN;
}

static inline enum err pass_simple(struct cur *c)
{
    static const uint8_t widths[16] = {[5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    uint8_t ctor = cur_u8(c), kind = ctor >> 4;
    if (kind < SHORT)
        cur_take(c, widths[kind]);
    else
        take_body(c, ctor);
    return c->bad ? ERR_PROTOCOL : OK;
}

/* Elements come without their descriptor, so nobody would look into one that is a list or an array: the
 * specification (1.5) reserves all but symbols and ulongs, and only what is simple is taken. */
static enum err read_array(uint8_t ctor, struct slice body, struct amqp_value *out)
{
    struct cur c = cur_of(body);
    out->count = ctor < 0xf0 ? cur_u8(&c) : cur_be32(&c);
    out->element = cur_u8(&c);
    if (!c.bad && out->element == DESCRIBED) {
        if (cur_left(&c) == 0 || !is_simple(*c.at)) return ERR_PROTOCOL;
        TRY(pass_simple(&c));
        out->element = cur_u8(&c);
    }
    out->bytes = cur_rest(&c);
    if (c.bad || type_of[out->element] == 0) return ERR_PROTOCOL;
    size_t most = out->element >> 4 == 4 ? AMQP_WIDTHLESS_MAX : out->bytes.len;
    return out->count > most ? ERR_PROTOCOL : OK;
}

/* A value whose constructor has been read; out->type is set. */
static enum err read_body(struct cur *c, uint8_t ctor, struct amqp_value *out)
{
    struct slice body = take_body(c, ctor);
    if (c->bad) return ERR_PROTOCOL;
    switch (out->type) {
    case AMQP_NULL: return OK;
    case AMQP_BOOL: return read_bool(ctor, body, out);
    case AMQP_UBYTE:
    case AMQP_USHORT:
    case AMQP_UINT:
    case AMQP_ULONG:
    case AMQP_CHAR: out->u = big_endian(body); return OK;
    case AMQP_BYTE:
    case AMQP_SHORT:
    case AMQP_INT:
    case AMQP_LONG:
    case AMQP_TIMESTAMP: out->i = sign_extended(body); return OK;
    case AMQP_FLOAT: read_float(body, out); return OK;
    case AMQP_DOUBLE: read_double(body, out); return OK;
    case AMQP_LIST:
    case AMQP_MAP: return read_compound(ctor, body, out);
    case AMQP_ARRAY: return read_array(ctor, body, out);
    default: out->bytes = body; return OK;
    }
}

/* Passes over one value.  Only described values nest here: a compound is one jump. */
static enum err skip(struct cur *c, unsigned depth)
{
    if (depth > AMQP_DEPTH_MAX) return ERR_PROTOCOL;
    uint8_t ctor = cur_u8(c);
    if (c->bad) return ERR_PROTOCOL;
    if (ctor == DESCRIBED) {
        TRY(skip(c, depth + 1));
        return skip(c, depth + 1);
    }
    if (type_of[ctor] == 0) return ERR_PROTOCOL;
    take_body(c, ctor);
    return c->bad ? ERR_PROTOCOL : OK;
}

static enum err read_described(struct cur *c, struct amqp_value *out)
{
    const uint8_t *start = c->at;
    TRY(skip(c, 2));
    TRY(skip(c, 2));
    out->type = AMQP_DESCRIBED;
    out->bytes = slice_of(start, (size_t)(c->at - start));
    return OK;
}

/* Text and binary of up to 255 bytes: most values. */
static inline enum err read_short(struct cur *c, struct amqp_value *out)
{
    out->bytes = cur_take(c, cur_u8(c));
    return c->bad ? ERR_PROTOCOL : OK;
}

enum err amqp_get(struct cur *c, struct amqp_value *out)
{
    const uint8_t *start = c->at;
    uint8_t ctor = cur_u8(c);
    *out = (struct amqp_value){0};
    if (c->bad) return ERR_PROTOCOL;
    if (ctor == DESCRIBED) {
        TRY(read_described(c, out));
    } else {
        if (type_of[ctor] == 0) return ERR_PROTOCOL;
        out->type = (enum amqp_type)(type_of[ctor] - 1);
        TRY(ctor >> 4 == SHORT ? read_short(c, out) : read_body(c, ctor, out));
    }
    out->whole = slice_of(start, (size_t)(c->at - start));
    return OK;
}

enum err amqp_get_descriptor(struct cur *c, uint64_t *code)
{
    struct amqp_value v;
    if (cur_left(c) >= 3 && c->at[0] == DESCRIBED && c->at[1] == SMALL_ULONG) {
        *code = c->at[2];
        c->at += 3;
        return OK;
    }
    if (cur_u8(c) != DESCRIBED || c->bad) return ERR_PROTOCOL;
    TRY(amqp_get(c, &v));
    if (v.type != AMQP_ULONG) return ERR_PROTOCOL;
    *code = v.u;
    return OK;
}

enum err amqp_get_element(struct cur *c, const struct amqp_value *array, struct amqp_value *out)
{
    assert(array->type == AMQP_ARRAY);
    *out = (struct amqp_value){.type = (enum amqp_type)(type_of[array->element] - 1)};
    return read_body(c, array->element, out);
}

static enum err check(struct cur *c, unsigned depth);

/* Elements of a compound value, to the last byte. */
static enum err check_inside(const struct amqp_value *v, unsigned depth)
{
    struct cur c = cur_of(v->bytes);
    if (v->type == AMQP_DESCRIBED) {
        TRY(check(&c, depth + 1));
        return check(&c, depth + 1);
    }
    if (v->type != AMQP_LIST && v->type != AMQP_MAP && v->type != AMQP_ARRAY) return OK;
    for (uint32_t i = 0; i < v->count; i++) {
        struct amqp_value element;
        if (v->type != AMQP_ARRAY) {
            TRY(check(&c, depth + 1));
            continue;
        }
        if (depth >= AMQP_DEPTH_MAX) return ERR_PROTOCOL;
        TRY(amqp_get_element(&c, v, &element));
        TRY(check_inside(&element, depth + 1));
    }
    return cur_left(&c) ? ERR_PROTOCOL : OK;
}

static enum err check(struct cur *c, unsigned depth)
{
    struct amqp_value v;
    if (depth > AMQP_DEPTH_MAX) return ERR_PROTOCOL;
    if (cur_left(c) && is_simple(*c->at)) return pass_simple(c);
    TRY(amqp_get(c, &v));
    return check_inside(&v, depth);
}

enum err amqp_check(const struct amqp_value *v)
{
    return check_inside(v, 1);
}

struct slice amqp_text(const struct amqp_value *v)
{
    bool text = v->type == AMQP_STRING || v->type == AMQP_SYMBOL || v->type == AMQP_BINARY;
    return text ? v->bytes : SLICE_NONE;
}

bool amqp_integer(const struct amqp_value *v, int64_t *out)
{
    if (v->type >= AMQP_UBYTE && v->type <= AMQP_ULONG) {
        *out = (int64_t)v->u;
        return v->u <= INT64_MAX;
    }
    *out = v->i;
    return v->type >= AMQP_BYTE && v->type <= AMQP_LONG;
}

bool amqp_map_find(const struct amqp_value *map, const char *key, struct amqp_value *out)
{
    struct cur c = cur_of(map->bytes);
    struct amqp_value name;
    if (map->type != AMQP_MAP) return false;
    for (uint32_t i = 0; i < map->count; i += 2) {
        if (amqp_get(&c, &name) != OK || amqp_get(&c, out) != OK) return false;
        bool text = name.type == AMQP_STRING || name.type == AMQP_SYMBOL;
        if (text && slice_is(name.bytes, key)) return true;
    }
    return false;
}
