/* simple.c - NOT goes inwards until it is gone.
 *
 * NOT x is true where x is false, not where it is neither: NOT a > 5 only of an `a` that is a number.  So it
 * is a <= 5, and NOT STARTSWITH(a, 'x') is true of strings only.
 */
#include "hub/query/simple.h"

static struct expr *simple(struct arena *a, const struct expr *e, bool negated);

/* Nothing is known. */
static struct expr *anything(struct arena *a)
{
    struct expr *e = arena_zero(a, sizeof *e);
    e->kind = EXPR_CONST;
    e->value = value_bool(true);
    return e;
}

static struct expr *copy(struct arena *a, const struct expr *e)
{
    struct expr *c = arena_alloc(a, sizeof *c);
    *c = *e;
    c->next = NULL;
    return c;
}

static struct expr *chain(struct arena *a, const struct expr *e, bool negated)
{
    struct expr *all = copy(a, e), **end = &all->args;
    bool is_and = (e->kind == EXPR_AND) != negated;
    all->kind = is_and ? EXPR_AND : EXPR_OR;
    all->args = NULL;
    all->arg_count = 0;
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        struct expr *part = simple(a, arg, negated);
        *end = part->kind == all->kind ? part->args : part;
        for (; *end; end = &(*end)->next) all->arg_count++;
    }
    return all;
}

static enum compare inverse(enum compare c)
{
    switch (c) {
    case CMP_EQ: return CMP_NE;
    case CMP_NE: return CMP_EQ;
    case CMP_LT: return CMP_GE;
    case CMP_GE: return CMP_LT;
    case CMP_GT: return CMP_LE;
    case CMP_LE: return CMP_GT;
    }
    return c;
}

/* NOT tags.flag: it is false. */
static struct expr *is_false(struct arena *a, const struct expr *path)
{
    struct expr *e = anything(a);
    e->kind = EXPR_COMPARE;
    e->compare = CMP_EQ;
    e->arg_count = 2;
    e->args = copy(a, path);
    e->args->next = anything(a);
    e->args->next->value = value_bool(false);
    return e;
}

/* What it must be given to say no. */
static struct expr *of_its_type(struct arena *a, const struct expr *call)
{
    static const char *const texts[] = {"STARTSWITH", "STARTS_WITH", "ENDSWITH", "ENDS_WITH",
                                        "CONTAINS"};
    struct slice name = slice_str(call->function->name);
    const char *type = slice_is(name, "ARRAY_CONTAINS") ? "IS_ARRAY" : NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (slice_is(name, texts[i])) type = "IS_STRING";
    if (type == NULL) return anything(a);
    struct expr *e = copy(a, call);
    e->function = function_find(slice_str(type), false);
    e->args = copy(a, call->args);
    e->arg_count = 1;
    return e;
}

static struct expr *simple(struct arena *a, const struct expr *e, bool negated)
{
    if (e->kind == EXPR_NOT) return simple(a, e->args, !negated);
    if (e->kind == EXPR_AND || e->kind == EXPR_OR) return chain(a, e, negated);
    struct expr *c = copy(a, e);
    if (!negated) return c;
    switch (e->kind) {
    case EXPR_COMPARE: c->compare = inverse(e->compare); return c;
    case EXPR_IN: c->negated = !e->negated; return c;
    case EXPR_PATH: return is_false(a, e);
    case EXPR_CALL: return of_its_type(a, e);
    default: return anything(a);
    }
}

struct expr *expr_simple(struct arena *a, const struct expr *e)
{
    return e ? simple(a, e, false) : NULL;
}
