/* eval.c - what nodes are; properties, body and twin are read when the first node asks for them. */
#include "route/eval.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"

COUNTER(bodies_read, "azimuth_route_bodies_read_total",
        "Messages whose JSON body a routing condition looked at.");
COUNTER(bodies_unread, "azimuth_route_bodies_unreadable_total",
        "Bodies that a routing condition named and that are not what their content type says.");
COUNTER(work_exceeded, "azimuth_route_work_exceeded_total",
        "Calls of functions in routing conditions that were undefined: one message took too much "
        "work.");

enum { ARENA_KEEP_MAX = 256 << 10 };

static const struct value undefined = {.type = VALUE_UNDEFINED};

static struct value run(struct route_matcher *x, uint32_t at);
static enum route_truth truth_of(struct route_matcher *x, uint32_t at);

/* ---- what is looked at */

/* Of two of one name, in any case, the later one counts. */
static void read_properties(struct route_matcher *x)
{
    const struct paths *p = &x->program->paths[IN_PROPERTIES];
    struct slots *slots = &x->slots[IN_PROPERTIES];
    const struct route_message *m = x->message;
    slots_begin(slots, p);
    for (size_t i = 0; i < m->property_count; i++) {
        uint32_t node = paths_name(p, PATH_ROOT, m->properties[i].name);
        if (node == PATH_NONE) continue;
        struct value *v = slots_open(slots, p->nodes[node].slot);
        *v = value_string(m->properties[i].value);
        if (v->text.ptr == NULL) v->text = SLICE_LIT("");
    }
}

static void read_body(struct route_matcher *x)
{
    const struct paths *p = &x->program->paths[IN_BODY];
    struct slots *slots = &x->slots[IN_BODY];
    const struct slice *system = x->message->system;
    slots_begin(slots, p);
    x->unreadable = true;
    if (!slice_is_nocase(system[ROUTE_CONTENT_TYPE], "application/json")) return;
    metric_inc(&bodies_read);
    buf_clear(&x->body_scan.text);
    x->unreadable =
        !scan_decode(&x->body_scan.text, system[ROUTE_CONTENT_ENCODING], x->message->body) ||
        !scan_read(&x->body_scan, p, slots);
    if (x->unreadable) metric_inc(&bodies_unread);
}

static void read_twin(struct route_matcher *x)
{
    buf_clear(&x->twin_scan.text);
    buf_put_slice(&x->twin_scan.text, x->message->twin);
    (void)scan_read(&x->twin_scan, &x->program->paths[IN_TWIN], &x->slots[IN_TWIN]);
}

void route_eval_read(struct route_matcher *x, enum place place)
{
    x->read[place] = true;
    switch (place) {
    case IN_PROPERTIES: read_properties(x); break;
    case IN_BODY: read_body(x); break;
    default: read_twin(x);
    }
}

/* An application property of a system property's name is seen if the message has no such one. */
static const struct value *system_property(struct route_matcher *x, const struct node *n,
                                           struct value *space)
{
    struct slice text = x->message->system[n->detail];
    if (text.ptr == NULL) return route_eval_slot(x, IN_PROPERTIES, n->slot);
    *space = value_string(text);
    return space;
}

/* What a node is: where it lies, or in `space`. */
static const struct value *look(struct route_matcher *x, uint32_t at, struct value *space)
{
    const struct node *n = &x->program->nodes[at];
    const struct value *v;
    switch ((enum op)n->op) {
    case OP_CONST: return n->constant;
    case OP_SYSTEM: v = system_property(x, n, space); break;
    case OP_PATH: v = route_eval_slot(x, n->place, n->slot); break;
    default:
        if (n->shared && x->kept_at[at] == x->stamp) return &x->kept[at];
        *space = run(x, at);
        return space;
    }
    return v ? v : &undefined;
}

/* ---- what is made of it */

static enum route_truth truth_of_value(const struct value *v)
{
    return v->type == VALUE_BOOL ? route_truth(v->truth) : ROUTE_UNDEFINED;
}

/* Kleene: `rules` decides the whole wherever it stands; one that is neither makes the rest undefined. */
static enum route_truth run_chain(struct route_matcher *x, const struct node *n,
                                  enum route_truth rules)
{
    enum route_truth whole = rules == ROUTE_TRUE ? ROUTE_FALSE : ROUTE_TRUE;
    const uint32_t *args = x->program->args + n->args;
    for (uint32_t i = 0; i < n->arg_count; i++) {
        enum route_truth part = truth_of(x, args[i]);
        if (part == rules) return rules;
        if (part == ROUTE_UNDEFINED) whole = ROUTE_UNDEFINED;
    }
    return whole;
}

static enum route_truth run_not(struct route_matcher *x, const struct node *n)
{
    enum route_truth part = truth_of(x, x->program->args[n->args]);
    return part == ROUTE_UNDEFINED ? part : route_truth(part == ROUTE_FALSE);
}

static enum route_truth run_in(struct route_matcher *x, const struct node *n, bool negated)
{
    struct value space, element_space;
    const uint32_t *args = x->program->args + n->args;
    const struct value *what = look(x, args[0], &space);
    bool found = false;
    if (what->type == VALUE_UNDEFINED) return ROUTE_UNDEFINED;
    for (uint32_t i = 1; i < n->arg_count && !found; i++) {
        struct value equal = value_equal(what, look(x, args[i], &element_space));
        found = value_is_true(&equal);
    }
    return route_truth(found != negated);
}

enum route_truth route_compare_others(enum compare compare, const struct value *a,
                                      const struct value *b)
{
    struct value v = value_compare(compare, a, b);
    return truth_of_value(&v);
}

static enum route_truth run_test(struct route_matcher *x, const struct node *n)
{
    const struct value *v = route_eval_slot(x, n->place, n->slot);
    return v ? route_compare(n->detail, v, n->constant) : ROUTE_UNDEFINED;
}

/* Instants are written with more or fewer digits, or with an offset. */
static bool read_times(struct value *a, struct value *b)
{
    int64_t first, second;
    if (a->type != VALUE_STRING || b->type != VALUE_STRING) return false;
    if (clock_parse_iso(a->text, &first) != OK || clock_parse_iso(b->text, &second) != OK)
        return false;
    *a = value_number((double)first);
    *b = value_number((double)second);
    return true;
}

static enum route_truth run_compare(struct route_matcher *x, const struct node *n)
{
    struct value first, second;
    const uint32_t *args = x->program->args + n->args;
    const struct value *a = look(x, args[0], &first), *b = look(x, args[1], &second);
    if (n->op == OP_COMPARE_TIME) {
        struct value s = *a, t = *b;
        if (read_times(&s, &t)) return route_compare(n->detail, &s, &t);
    }
    return route_compare(n->detail, a, b);
}

/* What a function makes is no longer than what it is given, nor does it take longer. */
static bool afford(struct route_matcher *x, const struct value *args, uint32_t count)
{
    size_t work = sizeof(struct json);
    for (uint32_t i = 0; i < count; i++) work += args[i].text.len;
    if (x->work + work > ROUTE_WORK_MAX) {
        metric_inc(&work_exceeded);
        return false;
    }
    x->work += work;
    return true;
}

static struct value run_call(struct route_matcher *x, const struct node *n)
{
    struct value args[FUNCTION_ARGS_MAX], space;
    for (uint32_t i = 0; i < n->arg_count; i++)
        args[i] = *look(x, x->program->args[n->args + i], &space);
    if (!afford(x, args, n->arg_count)) return undefined;
    return n->function->run(&x->arena, args, n->arg_count);
}

static struct value run_math(struct route_matcher *x, const struct node *n)
{
    struct value first, second;
    const uint32_t *args = x->program->args + n->args;
    const struct value *a = look(x, args[0], &first), *b = look(x, args[1], &second);
    return value_math((char)n->detail, a, b);
}

static struct value run_negate(struct route_matcher *x, const struct node *n)
{
    struct value space;
    return value_negate(*look(x, x->program->args[n->args], &space));
}

/* Nothing looks into it; but what has an undefined part is undefined. */
static struct value run_array(struct route_matcher *x, const struct node *n)
{
    struct value space;
    for (uint32_t i = 0; i < n->arg_count; i++)
        if (look(x, x->program->args[n->args + i], &space)->type == VALUE_UNDEFINED)
            return undefined;
    return (struct value){.type = VALUE_ARRAY};
}

/* ---- nodes, by what they are asked for */

static struct value keep(struct route_matcher *x, uint32_t at, struct value v)
{
    x->kept[at] = v;
    x->kept_at[at] = x->stamp;
    return v;
}

static struct value run(struct route_matcher *x, uint32_t at)
{
    const struct node *n = &x->program->nodes[at];
    struct value v;
    if (n->op <= OP_LAST_TRUTH) {
        enum route_truth t = truth_of(x, at);
        return t == ROUTE_UNDEFINED ? undefined : value_bool(t == ROUTE_TRUE);
    }
    switch ((enum op)n->op) {
    case OP_NEGATE: v = run_negate(x, n); break;
    case OP_MATH: v = run_math(x, n); break;
    case OP_ARRAY: v = run_array(x, n); break;
    default: v = run_call(x, n);
    }
    return n->shared ? keep(x, at, v) : v;
}

static enum route_truth run_truth(struct route_matcher *x, const struct node *n)
{
    switch ((enum op)n->op) {
    case OP_NOT: return run_not(x, n);
    case OP_AND: return run_chain(x, n, ROUTE_FALSE);
    case OP_OR: return run_chain(x, n, ROUTE_TRUE);
    case OP_IN: return run_in(x, n, false);
    case OP_NOT_IN: return run_in(x, n, true);
    default: return run_compare(x, n);
    }
}

static enum route_truth truth_of(struct route_matcher *x, uint32_t at)
{
    const struct node *n = &x->program->nodes[at];
    struct value space;
    if (n->op == OP_TEST) return run_test(x, n); /* quicker than to keep it */
    if (n->op > OP_LAST_TRUTH) return truth_of_value(look(x, at, &space));
    if (!n->shared) return run_truth(x, n);
    if (x->kept_at[at] == x->stamp) return truth_of_value(&x->kept[at]);
    enum route_truth t = run_truth(x, n);
    keep(x, at, t == ROUTE_UNDEFINED ? undefined : value_bool(t == ROUTE_TRUE));
    return t;
}

/* A condition that is 1 is false; as a part of another it is neither. */
enum route_truth route_eval(struct route_matcher *x, uint32_t root)
{
    struct value space;
    if (x->program->nodes[root].op <= OP_LAST_TRUTH) return truth_of(x, root);
    const struct value *v = look(x, root, &space);
    if (v->type == VALUE_UNDEFINED || v->type == VALUE_NULL) return ROUTE_UNDEFINED;
    return route_truth(value_is_true(v));
}

/* ---- begin and end */

static void make_room(struct route_matcher *x, uint32_t nodes)
{
    if (nodes <= x->kept_cap) return;
    x->kept = mem_grow(x->kept, nodes * sizeof *x->kept);
    x->kept_at = mem_grow(x->kept_at, nodes * sizeof *x->kept_at);
    memset(x->kept_at + x->kept_cap, 0, (nodes - x->kept_cap) * sizeof *x->kept_at);
    x->kept_cap = nodes;
}

/* The arena is one block, of twice the size that some message wanted. */
static void reset_arena(struct route_matcher *x)
{
    if (x->work > ARENA_KEEP_MAX) {
        arena_free(&x->arena);
        x->arena_size = 0;
    } else if (x->work > x->arena_size) {
        arena_free(&x->arena);
        x->arena_size = x->work * 2;
        arena_alloc(&x->arena, x->arena_size);
    }
    arena_reset(&x->arena);
    x->work = 0;
}

void route_eval_begin(struct route_matcher *x, const struct program *p,
                      const struct route_message *m)
{
    x->program = p;
    x->message = m;
    memset(x->read, 0, sizeof x->read);
    x->unreadable = false;
    make_room(x, p->node_count);
    reset_arena(x);
    if (++x->stamp != 0) return;
    memset(x->kept_at, 0, x->kept_cap * sizeof *x->kept_at);
    x->stamp = 1;
}

void route_eval_free(struct route_matcher *x)
{
    for (unsigned i = 0; i < PLACES; i++) slots_free(&x->slots[i]);
    scan_free(&x->body_scan);
    scan_free(&x->twin_scan);
    free(x->kept);
    free(x->kept_at);
    arena_free(&x->arena);
}
