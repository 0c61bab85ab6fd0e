/* schema.h - a schema as a graph of types, and values walked along it.  Private to avro/. */
#ifndef AVRO_SCHEMA_H
#define AVRO_SCHEMA_H

#include "avro/avro.h"
#include "base/arena.h"
#include "base/json.h"

struct avro_child {
    struct slice name; /* of a field */
    const struct avro_node *node;
};

struct avro_node {
    enum avro_type type;
    struct slice full_name; /* record, enum, fixed */
    size_t size;            /* fixed: bytes; enum: symbols */
    size_t child_count;     /* fields, branches; array and map: 1 */
    struct avro_child *children;
    struct avro_node *next; /* in the order in which they were made */
};

/* The arena keeps it.  ERR_INVALID: no schema; ERR_TOO_BIG. */
enum err schema_parse(struct arena *a, struct slice text, const struct avro_node **out) MUST_USE;

/* A value of that type, or past it; *steps: what is left of AVRO_STEPS_MAX.  c->bad: it is none. */
void value_get(struct cur *c, const struct avro_node *node, unsigned *steps,
               struct avro_value *out);

int64_t value_any_long(struct cur *c); /* c->bad beyond 64 bits */

/* Nearly all are of one byte: lengths, branches. */
static inline int64_t value_long(struct cur *c)
{
    if (c->bad || c->at == c->end || *c->at >= 0x80) return value_any_long(c);
    uint8_t byte = *c->at++;
    return (int64_t)(byte >> 1) ^ -(int64_t)(byte & 1);
}

struct slice value_bytes(struct cur *c);

#endif
