/* program.c - trees to nodes, each of which there is once. */
#include "route/program.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

enum { GROW_MIN = 64 };

static uint32_t build(struct program *p, const struct expr *e);

/* ---- nodes */

static bool same_constant(const struct value *a, const struct value *b)
{
    uint64_t x, y; /* as bits: 0 and -0 are two constants */
    memcpy(&x, &a->number, sizeof x);
    memcpy(&y, &b->number, sizeof y);
    return a->type == b->type && a->truth == b->truth && slice_eq(a->text, b->text) && x == y;
}

static struct slice args_of(const struct program *p, const struct node *n)
{
    if (n->arg_count == 0) return SLICE_NONE;
    return slice_of(p->args + n->args, n->arg_count * sizeof *p->args);
}

static bool same(const struct program *p, const struct node *a, const struct node *b)
{
    if (a->op != b->op || a->detail != b->detail || a->slot != b->slot) return false;
    if (a->arg_count != b->arg_count || a->place != b->place) return false;
    if (a->op == OP_CONST || a->op == OP_TEST) return same_constant(a->constant, b->constant);
    if (a->op == OP_CALL && a->function != b->function) return false;
    return slice_eq(args_of(p, a), args_of(p, b));
}

static uint64_t hash(const struct program *p, const struct node *n)
{
    uint64_t h =
        (uint64_t)n->op << 48 ^ (uint64_t)n->place << 40 ^ (uint64_t)n->detail << 32 ^ n->slot;
    if (n->op == OP_CONST || n->op == OP_TEST) {
        uint64_t bits;
        memcpy(&bits, &n->constant->number, sizeof bits);
        bits = (bits ^ bits >> 32) * 0x9E3779B97F4A7C15u; /* small integers end in zeros */
        bits ^= map_hash(slice_of(&h, sizeof h)) ^ map_hash(n->constant->text);
        return (bits ^ bits >> 32) + n->constant->type;
    }
    if (n->op == OP_CALL) h ^= (uintptr_t)n->function;
    return map_hash(slice_of(&h, sizeof h)) ^ map_hash(args_of(p, n));
}

static uint32_t *find(struct program *p, const struct node *n)
{
    for (uint64_t i = hash(p, n);; i++) {
        uint32_t *at = &p->index[i & (p->index_cap - 1)];
        if (*at == 0 || same(p, &p->nodes[*at - 1], n)) return at;
    }
}

static void grow_index(struct program *p)
{
    free(p->index);
    p->index_cap = p->index_cap ? p->index_cap * 2 : GROW_MIN * 4;
    p->index = mem_zero(p->index_cap * sizeof *p->index);
    for (uint32_t i = 0; i < p->node_count; i++) *find(p, &p->nodes[i]) = i + 1;
}

static void make_room(struct program *p)
{
    if (p->node_count < p->node_cap) return;
    p->node_cap = p->node_cap ? p->node_cap * 2 : GROW_MIN;
    p->nodes = mem_grow(p->nodes, p->node_cap * sizeof *p->nodes);
}

/* The node as it is, if there is one. */
static uint32_t add(struct program *p, struct node n)
{
    if ((p->node_count + 1) * 2 > p->index_cap) grow_index(p);
    uint32_t *at = find(p, &n);
    if (*at) {
        p->nodes[*at - 1].shared = true;
        p->arg_count -= n.arg_count;
        return *at - 1;
    }
    make_room(p);
    for (uint32_t i = 0; i < n.arg_count; i++) n.looks |= p->nodes[p->args[n.args + i]].looks;
    if (n.op == OP_CONST) {
        struct value *kept = arena_alloc(&p->arena, sizeof *kept);
        *kept = *n.constant;
        kept->text = arena_copy(&p->arena, n.constant->text);
        n.constant = kept;
    }
    p->nodes[p->node_count++] = n;
    *at = p->node_count;
    return p->node_count - 1;
}

/* ---- paths */

static const struct {
    const char *name;
    enum route_system property;
} system_names[] = {
    {"$contentType", ROUTE_CONTENT_TYPE},
    {"$contentEncoding", ROUTE_CONTENT_ENCODING},
    {"$connectionDeviceId", ROUTE_CONNECTION_DEVICE_ID},
    {"$connectionModuleId", ROUTE_CONNECTION_MODULE_ID},
    {"$enqueuedTime", ROUTE_ENQUEUED_TIME},
    {"$messageId", ROUTE_MESSAGE_ID},
    {"$correlationId", ROUTE_CORRELATION_ID},
    {"$userId", ROUTE_USER_ID},
    {"$messageSource", ROUTE_MESSAGE_SOURCE},
    {"$dt-dataschema", ROUTE_DT_DATASCHEMA},
    {"$dt-subject", ROUTE_DT_SUBJECT},
    {"$iothub-connection-device-id", ROUTE_CONNECTION_DEVICE_ID},
    {"$iothub-connection-module-id", ROUTE_CONNECTION_MODULE_ID},
    {"$iothub-enqueuedtime", ROUTE_ENQUEUED_TIME},
    {"$iothub-message-source", ROUTE_MESSAGE_SOURCE},
};

static struct node property_node(struct program *p, const struct step *path)
{
    struct node n = {.op = OP_PATH, .place = IN_PROPERTIES};
    n.slot = paths_add(&p->paths[IN_PROPERTIES], &p->arena, path);
    for (size_t i = 0; i < sizeof system_names / sizeof *system_names; i++) {
        if (!slice_is_nocase(path->name, system_names[i].name)) continue;
        n.op = OP_SYSTEM;
        n.detail = (uint8_t)system_names[i].property;
    }
    return n;
}

static uint32_t build_path(struct program *p, const struct step *path)
{
    bool twin = slice_is_nocase(path->name, "$twin");
    struct node n = {.op = OP_PATH, .place = twin ? IN_TWIN : IN_BODY};
    if (!twin && !slice_is_nocase(path->name, "$body")) return add(p, property_node(p, path));
    n.looks = twin ? LOOKS_AT_TWIN : LOOKS_AT_BODY;
    n.slot = paths_add(&p->paths[n.place], &p->arena, path->next);
    return add(p, n);
}

/* ---- expressions */

static enum op op_of(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NOT: return OP_NOT;
    case EXPR_AND: return OP_AND;
    case EXPR_OR: return OP_OR;
    case EXPR_COMPARE: return OP_COMPARE;
    case EXPR_IN: return e->negated ? OP_NOT_IN : OP_IN;
    case EXPR_MATH: return OP_MATH;
    case EXPR_NEGATE: return OP_NEGATE;
    case EXPR_ARRAY: return OP_ARRAY;
    default: return OP_CALL;
    }
}

static bool is_time(const struct program *p, uint32_t node)
{
    return p->nodes[node].op == OP_SYSTEM && p->nodes[node].detail == ROUTE_ENQUEUED_TIME;
}

/* The arguments are put behind each other once all of their own are there. */
static void build_args(struct program *p, const struct expr *e, struct node *n)
{
    uint32_t *args = mem_new((e->arg_count + 1) * sizeof *args), count = 0;
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        args[count++] = build(p, arg);
        if (is_time(p, args[count - 1]) && n->op == OP_COMPARE) n->op = OP_COMPARE_TIME;
    }
    while (p->arg_count + count > p->arg_cap) {
        p->arg_cap = p->arg_cap ? p->arg_cap * 2 : GROW_MIN;
        p->args = mem_grow(p->args, p->arg_cap * sizeof *p->args);
    }
    if (count) memcpy(p->args + p->arg_count, args, count * sizeof *args);
    n->args = p->arg_count;
    n->arg_count = count;
    p->arg_count += count;
    free(args);
}

/* A property, a path of the body or the twin, compared with a constant: what most conditions consist of. */
static void make_test(struct program *p, struct node *n)
{
    static const uint8_t turned[] = {[CMP_EQ] = CMP_EQ, [CMP_NE] = CMP_NE, [CMP_LT] = CMP_GT,
                                     [CMP_GT] = CMP_LT, [CMP_LE] = CMP_GE, [CMP_GE] = CMP_LE};
    const struct node *what = &p->nodes[p->args[n->args]], *with = &p->nodes[p->args[n->args + 1]];
    uint8_t compare = n->detail;
    if (what->op == OP_CONST) {
        const struct node *swap = what;
        what = with;
        with = swap;
        compare = turned[compare];
    }
    if (with->op != OP_CONST) return;
    if (what->op != OP_PATH) return;
    p->arg_count -= n->arg_count;
    *n = (struct node){.op = OP_TEST,
                       .detail = compare,
                       .looks = what->looks,
                       .place = what->place,
                       .slot = what->slot,
                       .constant = with->constant};
}

/* As deep as the tree: ROUTE_DEPTH_MAX. */
static uint32_t build(struct program *p, const struct expr *e)
{
    struct node n = {.op = OP_CONST, .constant = &e->value};
    if (e->kind == EXPR_CONST) return add(p, n);
    if (e->kind == EXPR_PATH) return build_path(p, e->path);
    n = (struct node){.op = (uint8_t)op_of(e), .function = e->function};
    n.detail = e->kind == EXPR_MATH ? (uint8_t)e->sign : (uint8_t)e->compare;
    build_args(p, e, &n);
    if (n.op == OP_COMPARE) make_test(p, &n);
    return add(p, n);
}

enum err program_add(struct program *p, struct slice text, uint32_t *root,
                     struct route_mistake *mistake)
{
    struct arena tree = {0};
    struct expr *e = NULL;
    enum err err = route_parse(&tree, text, &e, mistake);
    if (err == OK) *root = build(p, e);
    arena_free(&tree);
    return err;
}

void program_finish(struct program *p)
{
    free(p->index);
    p->index = NULL;
    p->index_cap = 0;
}

void program_free(struct program *p)
{
    free(p->nodes);
    free(p->args);
    free(p->index);
    for (unsigned i = 0; i < PLACES; i++) paths_free(&p->paths[i]);
    arena_free(&p->arena);
    *p = (struct program){0};
}
