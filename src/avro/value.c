/* value.c - a value in Avro's binary encoding, along its type.
 *
 * Arrays and maps are blocks of items, each with a count before it (a negative one is followed by the
 * block's size in bytes); a count of 0 ends them.  What takes no bytes costs whoever wrote it nothing,
 * so every part of a value is a step, and steps are counted. */
#include "avro/schema.h"

int64_t value_any_long(struct cur *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cur_u8(c);
        if (shift == 63 && byte > 1) break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return (int64_t)(v >> 1 ^ (0 - (v & 1)));
    }
    c->bad = true;
    return 0;
}

struct slice value_bytes(struct cur *c)
{
    int64_t len = value_long(c);
    if (len < 0) c->bad = true;
    return c->bad ? SLICE_NONE : cur_take(c, (size_t)len);
}

static double float_of(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void pass(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth);

/* The items of the next block; 0: there is none. */
static int64_t block_count(struct cur *c)
{
    int64_t count = value_long(c);
    if (count < 0) value_long(c); /* its size, for those who skip */
    if (count == INT64_MIN) c->bad = true;
    return c->bad ? 0 : count < 0 ? -count : count;
}

static void pass_items(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth)
{
    for (int64_t left; (left = block_count(c)) > 0;)
        for (; left > 0 && !c->bad; left--) {
            if (n->type == AVRO_MAP) value_bytes(c);
            pass(c, n->children[0].node, steps, depth + 1);
        }
}

static void pass_fields(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth)
{
    for (size_t i = 0; i < n->child_count && !c->bad; i++)
        pass(c, n->children[i].node, steps, depth + 1);
}

static bool take_step(struct cur *c, unsigned *steps, unsigned depth)
{
    if (*steps == 0 || depth > AVRO_DEPTH_MAX) {
        c->bad = true;
        return false;
    }
    --*steps;
    return true;
}

/* NULL: there is no such one. */
static const struct avro_node *branch_of(struct cur *c, const struct avro_node *n)
{
    int64_t branch = value_long(c);
    if (!c->bad && branch >= 0 && (uint64_t)branch < n->child_count)
        return n->children[branch].node;
    c->bad = true;
    return NULL;
}

static void get_simple(struct cur *c, const struct avro_node *n, struct avro_value *out);

/* Of what lies inside only the end is looked for. */
static void pass(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth)
{
    struct avro_value unused;
    const struct avro_node *branch;
    if (!take_step(c, steps, depth)) return;
    switch (n->type) {
    case AVRO_BYTES:
    case AVRO_STRING: value_bytes(c); break;
    case AVRO_UNION:
        branch = branch_of(c, n);
        if (branch) pass(c, branch, steps, depth);
        break;
    case AVRO_RECORD: pass_fields(c, n, steps, depth); break;
    case AVRO_ARRAY:
    case AVRO_MAP: pass_items(c, n, steps, depth); break;
    default: get_simple(c, n, &unused);
    }
}

static void get_compound(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth,
                         struct avro_value *out)
{
    const uint8_t *start = c->at;
    if (n->type == AVRO_RECORD)
        pass_fields(c, n, steps, depth);
    else
        pass_items(c, n, steps, depth);
    out->bytes = slice_of(start, (size_t)(c->at - start));
}

static void get_simple(struct cur *c, const struct avro_node *n, struct avro_value *out)
{
    switch (n->type) {
    case AVRO_BOOLEAN: out->number = cur_u8(c) != 0; break;
    case AVRO_INT:
    case AVRO_LONG: out->number = value_long(c); break;
    case AVRO_FLOAT: out->real = float_of(cur_le32(c)); break;
    case AVRO_DOUBLE: out->real = double_of(cur_le64(c)); break;
    case AVRO_BYTES:
    case AVRO_STRING: out->bytes = value_bytes(c); break;
    case AVRO_FIXED: out->bytes = cur_take(c, n->size); break;
    case AVRO_ENUM:
        out->number = value_long(c);
        if (out->number < 0 || (uint64_t)out->number >= n->size) c->bad = true;
        break;
    default: break;
    }
}

static void get(struct cur *c, const struct avro_node *n, unsigned *steps, unsigned depth,
                struct avro_value *out)
{
    *out = (struct avro_value){.type = n->type, .node = n};
    if (!take_step(c, steps, depth)) return;
    if (n->type == AVRO_UNION) {
        const struct avro_node *branch = branch_of(c, n);
        if (branch) get(c, branch, steps, depth, out);
    } else if (n->type == AVRO_ARRAY || n->type == AVRO_MAP || n->type == AVRO_RECORD) {
        get_compound(c, n, steps, depth, out);
    } else {
        get_simple(c, n, out);
    }
}

void value_get(struct cur *c, const struct avro_node *node, unsigned *steps, struct avro_value *out)
{
    get(c, node, steps, 0, out);
}

bool avro_map_next(const struct avro_value *map, struct cur *at, int64_t *left, struct slice *key,
                   struct avro_value *value)
{
    unsigned steps = AVRO_STEPS_MAX;
    if (map->type != AVRO_MAP) return false;
    if (*left == 0) *left = block_count(at);
    if (*left == 0 || at->bad) return false;
    --*left;
    *key = value_bytes(at);
    value_get(at, map->node->children[0].node, &steps, value);
    return !at->bad;
}
