/* schema.c - the JSON of a schema becomes nodes; a name that was defined stands for its node. */
#include "avro/schema.h"

#include <stdio.h>
#include <string.h>

struct parser {
    struct arena *arena;
    struct avro_node *all; /* newest first */
    unsigned count;
};

static const char *const primitives[] = {"null",  "boolean", "int",   "long",
                                         "float", "double",  "bytes", "string"};

static enum err parse_type(struct parser *p, const struct json *j, struct slice space,
                           unsigned depth, const struct avro_node **out);

/* NULL: there are AVRO_NODES_MAX. */
static struct avro_node *node_new(struct parser *p, enum avro_type type)
{
    if (p->count == AVRO_NODES_MAX) return NULL;
    struct avro_node *n = arena_alloc(p->arena, sizeof *n);
    *n = (struct avro_node){.type = type, .next = p->all};
    p->all = n;
    p->count++;
    return n;
}

static enum err too_many_nodes(void)
{
    return fail(ERR_TOO_BIG, "a schema of more than %d types", AVRO_NODES_MAX);
}

static bool primitive_of(struct slice name, enum avro_type *out)
{
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
        if (!slice_is(name, primitives[i])) continue;
        *out = (enum avro_type)i;
        return true;
    }
    return false;
}

/* ---- names */

/* "a.b" has its namespace with it; "b" is in the one around it. */
static struct slice full_name(struct parser *p, struct slice name, struct slice space)
{
    if (space.len == 0 || slice_find(name, '.') < name.len) return name;
    size_t len = space.len + 1 + name.len;
    char *text = arena_alloc(p->arena, len + 1);
    snprintf(text, len + 1, "%.*s.%.*s", SLICE_ARG(space), SLICE_ARG(name));
    return slice_of(text, len);
}

static struct slice space_of(struct slice full)
{
    size_t dot = slice_rfind(full, '.');
    return dot < full.len ? slice_head(full, dot) : SLICE_NONE;
}

static const struct avro_node *node_named(const struct parser *p, struct slice full)
{
    for (const struct avro_node *n = p->all; n; n = n->next)
        if (n->full_name.len && slice_eq(n->full_name, full)) return n;
    return NULL;
}

static enum err name_node(struct parser *p, const struct json *j, struct slice space,
                          struct avro_node *n)
{
    struct slice name = json_str(j, "name"), own = json_str(j, "namespace");
    if (name.len == 0 || name.len + own.len + space.len > 2 * (size_t)AVRO_NAME_MAX)
        return fail(ERR_INVALID, "a type of the schema has no name, or one that is too long");
    n->full_name = full_name(p, name, own.len ? own : space);
    if (n->full_name.len > AVRO_NAME_MAX)
        return fail(ERR_INVALID, "a type of the schema has a name of more than %d bytes",
                    AVRO_NAME_MAX);
    return OK;
}

/* ---- what types consist of */

static size_t child_count(const struct json *array)
{
    size_t count = 0;
    for (const struct json *c = array->child; c; c = c->next) count++;
    return count;
}

static struct avro_child *children_new(struct parser *p, struct avro_node *n, size_t count)
{
    n->child_count = count;
    n->children = arena_zero(p->arena, count * sizeof *n->children);
    return n->children;
}

static enum err parse_fields(struct parser *p, const struct json *j, unsigned depth,
                             struct avro_node *n)
{
    const struct json *fields = json_get(j, "fields");
    if (fields == NULL || fields->type != JSON_ARRAY)
        return fail(ERR_INVALID, "a record of the schema has no fields");
    struct avro_child *child = children_new(p, n, child_count(fields));
    for (const struct json *f = fields->child; f; f = f->next, child++) {
        child->name = json_str(f, "name");
        const struct json *type = json_get(f, "type");
        if (child->name.len == 0 || child->name.len > AVRO_NAME_MAX || type == NULL)
            return fail(ERR_INVALID, "a field of the schema has no name or no type");
        TRY(parse_type(p, type, space_of(n->full_name), depth + 1, &child->node));
    }
    return OK;
}

static enum err parse_items(struct parser *p, const struct json *j, const char *member,
                            struct slice space, unsigned depth, struct avro_node *n)
{
    const struct json *items = json_get(j, member);
    if (items == NULL) return fail(ERR_INVALID, "a type of the schema has no '%s'", member);
    return parse_type(p, items, space, depth + 1, &children_new(p, n, 1)->node);
}

static enum err parse_fixed(const struct json *j, struct avro_node *n)
{
    int64_t size;
    const struct json *given = json_get(j, "size");
    if (given == NULL || given->type != JSON_NUMBER || json_i64(given, &size) != OK || size < 0 ||
        size > AVRO_BLOCK_MAX)
        return fail(ERR_INVALID, "a fixed type of the schema has no size that can be");
    n->size = (size_t)size;
    return OK;
}

static enum err parse_enum(const struct json *j, struct avro_node *n)
{
    const struct json *symbols = json_get(j, "symbols");
    if (symbols == NULL || symbols->type != JSON_ARRAY)
        return fail(ERR_INVALID, "an enum of the schema has no symbols");
    n->size = child_count(symbols);
    return OK;
}

static enum err parse_union(struct parser *p, const struct json *j, struct slice space,
                            unsigned depth, const struct avro_node **out)
{
    struct avro_node *n = node_new(p, AVRO_UNION);
    if (n == NULL) return too_many_nodes();
    *out = n;
    struct avro_child *child = children_new(p, n, child_count(j));
    for (const struct json *branch = j->child; branch; branch = branch->next, child++) {
        TRY(parse_type(p, branch, space, depth + 1, &child->node));
        if (child->node->type == AVRO_UNION)
            return fail(ERR_INVALID, "a union of the schema is right in another one");
    }
    return OK;
}

static enum err complex_of(struct slice name, enum avro_type *out)
{
    static const struct {
        const char *name;
        enum avro_type type;
    } rows[] = {{"record", AVRO_RECORD}, {"error", AVRO_RECORD}, {"enum", AVRO_ENUM},
                {"fixed", AVRO_FIXED},   {"array", AVRO_ARRAY},  {"map", AVRO_MAP}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!slice_is(name, rows[i].name)) continue;
        *out = rows[i].type;
        return OK;
    }
    return ERR_NOT_FOUND;
}

static enum err parse_complex(struct parser *p, const struct json *j, enum avro_type type,
                              struct slice space, unsigned depth, const struct avro_node **out)
{
    struct avro_node *n = node_new(p, type);
    if (n == NULL) return too_many_nodes();
    *out = n;
    if (type == AVRO_ARRAY) return parse_items(p, j, "items", space, depth, n);
    if (type == AVRO_MAP) return parse_items(p, j, "values", space, depth, n);
    TRY(name_node(p, j, space, n));
    if (type == AVRO_FIXED) return parse_fixed(j, n);
    if (type == AVRO_ENUM) return parse_enum(j, n);
    return parse_fields(p, j, depth, n);
}

/* ---- a type */

static enum err parse_name(struct parser *p, struct slice name, struct slice space,
                           const struct avro_node **out)
{
    enum avro_type type;
    if (primitive_of(name, &type)) {
        *out = node_new(p, type);
        return *out ? OK : too_many_nodes();
    }
    if (name.len <= AVRO_NAME_MAX) *out = node_named(p, full_name(p, name, space));
    if (*out == NULL) *out = node_named(p, name);
    return *out ? OK
                : fail(ERR_INVALID, "the schema has no type '%.*s'",
                       SLICE_ARG(slice_head(name, AVRO_NAME_MAX)));
}

static enum err parse_type(struct parser *p, const struct json *j, struct slice space,
                           unsigned depth, const struct avro_node **out)
{
    enum avro_type type;
    *out = NULL;
    if (depth > AVRO_DEPTH_MAX)
        return fail(ERR_TOO_BIG, "a schema of more than %d levels", AVRO_DEPTH_MAX);
    if (j->type == JSON_STRING) return parse_name(p, j->text, space, out);
    if (j->type == JSON_ARRAY) return parse_union(p, j, space, depth, out);
    const struct json *name = json_get(j, "type");
    if (name == NULL) return fail(ERR_INVALID, "a part of the schema has no type");
    if (name->type == JSON_STRING && complex_of(name->text, &type) == OK)
        return parse_complex(p, j, type, space, depth, out);
    return parse_type(p, name, space, depth + 1, out); /* {"type":"long"} */
}

enum err schema_parse(struct arena *a, struct slice text, const struct avro_node **out)
{
    struct parser p = {.arena = a};
    struct json *j;
    TRY(json_parse(a, text, &j));
    TRY(parse_type(&p, j, SLICE_NONE, 0, out));
    if ((*out)->type != AVRO_RECORD) return fail(ERR_INVALID, "the schema is not that of a record");
    return (*out)->child_count <= AVRO_FIELDS_MAX
               ? OK
               : fail(ERR_TOO_BIG, "a record of more than %d fields", AVRO_FIELDS_MAX);
}
