/* eval.c - what an expression is, for one document. */
#include "hub/query/eval.h"

/* ---- documents */

static const struct json *element(const struct json *array, uint32_t index)
{
    const struct json *j = array->type == JSON_ARRAY ? array->child : NULL;
    while (j && index-- > 0) j = j->next;
    return j;
}

const struct json *doc_walk(const struct json *from, const struct step *path)
{
    for (; from && path; path = path->next)
        from = path->name.ptr ? json_find(from, path->name) : element(from, path->index);
    return from;
}

/* Samples say id where they mean deviceId. */
static const struct json *find_in_whole(struct doc *doc, const struct step *path)
{
    struct doc_whole *d = CONTAINER_OF(doc, struct doc_whole, doc);
    const struct json *found = doc_walk(d->twin, path);
    if (found || path->name.ptr == NULL || !slice_is(path->name, "id")) return found;
    return doc_walk(json_get(d->twin, "deviceId"), path->next);
}

void doc_whole_init(struct doc_whole *d, struct arena *a, const struct json *twin)
{
    *d = (struct doc_whole){.doc = {.arena = a, .find = find_in_whole}, .twin = twin};
}

/* ---- AND, OR, IN */

/* `rules` decides the whole wherever it stands; otherwise one that is neither makes it undefined. */
static struct value eval_chain(struct doc *d, const struct expr *e, bool rules)
{
    struct value whole = value_bool(!rules);
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        struct value v = eval(d, arg);
        if (v.type != VALUE_BOOL)
            whole = UNDEFINED;
        else if (v.truth == rules)
            return value_bool(rules);
    }
    return whole;
}

static struct value eval_in(struct doc *d, const struct expr *e)
{
    struct value what = eval(d, e->args);
    bool found = false;
    if (what.type == VALUE_UNDEFINED) return UNDEFINED;
    for (const struct expr *arg = e->args->next; arg && !found; arg = arg->next) {
        struct value v = eval(d, arg), equal = value_equal(&what, &v);
        found = value_is_true(&equal);
    }
    return value_bool(found != e->negated);
}

/* ---- arrays and calls */

static struct json *json_of(struct arena *a, const struct value *v)
{
    struct buf text = {0};
    struct json *j = NULL;
    value_write(&text, v);
    if (json_parse(a, buf_slice(&text), &j) != OK) j = json_new(a, JSON_NULL);
    buf_free(&text);
    return j;
}

static struct value eval_array(struct doc *d, const struct expr *e)
{
    struct json *array = json_new(d->arena, JSON_ARRAY), **end = &array->child;
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        struct value v = eval(d, arg);
        if (v.type == VALUE_UNDEFINED) return UNDEFINED;
        *end = json_of(d->arena, &v);
        end = &(*end)->next;
    }
    return value_of_json(array);
}

static struct value eval_call(struct doc *d, const struct expr *e)
{
    struct value args[FUNCTION_ARGS_MAX];
    unsigned count = 0;
    for (const struct expr *arg = e->args; arg; arg = arg->next) args[count++] = eval(d, arg);
    return e->function->run(d->arena, args, count);
}

struct value eval(struct doc *d, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CONST: return e->value;
    case EXPR_PATH: return value_of_json(d->find(d, e->path));
    case EXPR_NOT: return value_not(eval(d, e->args));
    case EXPR_AND: return eval_chain(d, e, false);
    case EXPR_OR: return eval_chain(d, e, true);
    case EXPR_IN: return eval_in(d, e);
    case EXPR_NEGATE: return value_negate(eval(d, e->args));
    case EXPR_ARRAY: return eval_array(d, e);
    case EXPR_CALL: return eval_call(d, e);
    case EXPR_COMPARE:
    case EXPR_MATH: break;
    }
    struct value a = eval(d, e->args), b = eval(d, e->args->next);
    return e->kind == EXPR_COMPARE ? value_compare(e->compare, &a, &b)
                                   : value_math(e->sign, &a, &b);
}

bool eval_condition(struct doc *d, const struct expr *where)
{
    if (where == NULL) return true;
    struct value v = eval(d, where);
    return value_is_true(&v);
}

bool query_match(struct arena *a, const struct query *q, const struct json *twin)
{
    struct doc_whole d;
    doc_whole_init(&d, a, twin);
    return eval_condition(&d.doc, q->where);
}
