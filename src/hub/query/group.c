/* group.c - groups in the order in which they were first met. */
#include "hub/query/group.h"

#include <stdio.h>

#include "base/text.h"

struct total {
    uint64_t count; /* values that counted */
    double sum;
    struct value least, most;
};

struct group {
    struct group *next;
    struct json *key;     /* an array with what the paths of GROUP BY lead to; a gap: undefined */
    struct total *totals; /* by column */
};

static unsigned column_count(const struct query *q)
{
    unsigned count = 0;
    for (const struct column *c = q->columns; c; c = c->next) count++;
    return count;
}

/* What the group's rows have in common, as text: {"0":..,"2":..}. */
static struct slice key_of(struct arena *a, const struct query *q, struct doc *d)
{
    struct buf text = {0};
    unsigned place = 0;
    buf_put_u8(&text, '{');
    for (const struct expr *g = q->groups; g; g = g->next, place++) {
        struct value v = eval(d, g);
        if (v.type == VALUE_UNDEFINED) continue;
        buf_printf(&text, "%s\"%u\":", buf_size(&text) > 1 ? "," : "", place);
        value_write(&text, &v);
    }
    buf_put_u8(&text, '}');
    struct slice copy = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return copy;
}

static enum err new_group(struct groups *g, const struct query *q, struct slice key,
                          struct group **out)
{
    struct group *group = arena_zero(&g->arena, sizeof *group);
    group->totals = arena_zero(&g->arena, column_count(q) * sizeof *group->totals + 1);
    TRY(json_parse(&g->arena, key, &group->key));
    map_put(&g->by_key, arena_copy(&g->arena, key), group);
    if (g->end == NULL) g->end = &g->first;
    *g->end = group;
    g->end = &group->next;
    *out = group;
    return OK;
}

/* Of a string the bytes are kept. */
static void keep(struct groups *g, struct value *to, const struct value *v)
{
    *to = *v;
    to->json = NULL;
    if (v->type == VALUE_STRING) to->text = arena_copy(&g->arena, v->text);
}

static void add_extreme(struct groups *g, struct value *kept, const struct value *v, int sign)
{
    int order;
    if (!value_is_primitive(v)) return;
    if (kept->type == VALUE_UNDEFINED || (value_order(v, kept, &order) && order * sign > 0))
        keep(g, kept, v);
}

/* Sums are of numbers, the least and the most of whatever the first one is. */
static void add_value(struct groups *g, enum aggregate how, struct total *t, const struct value *v)
{
    if (how == AGG_MIN) add_extreme(g, &t->least, v, -1);
    if (how == AGG_MAX) add_extreme(g, &t->most, v, 1);
    bool counts = how == AGG_COUNT ? v->type != VALUE_UNDEFINED : v->type == VALUE_NUMBER;
    if (!counts) return;
    t->count++;
    t->sum += v->number;
}

enum err groups_add(struct groups *g, const struct query *q, struct doc *d)
{
    struct slice key = key_of(d->arena, q, d);
    struct group *group = map_get(&g->by_key, key);
    if (group == NULL && g->by_key.count == QUERY_GROUPS_MAX)
        return fail(ERR_FULL, "more than %d groups", QUERY_GROUPS_MAX);
    if (group == NULL) TRY(new_group(g, q, key, &group));
    struct total *t = group->totals;
    for (const struct column *c = q->columns; c; c = c->next, t++) {
        struct value v = c->expr ? eval(d, c->expr) : value_number(1);
        if (c->aggregate) add_value(g, c->aggregate, t, &v);
    }
    return OK;
}

/* ---- results */

static struct value total_value(enum aggregate how, const struct total *t)
{
    switch (how) {
    case AGG_COUNT: return value_number((double)t->count);
    case AGG_SUM: return value_number(t->sum);
    case AGG_AVG: return t->count ? value_number(t->sum / (double)t->count) : UNDEFINED;
    case AGG_MIN: return t->least;
    default: return t->most;
    }
}

/* The path stands in GROUP BY, too. */
static struct value common_value(const struct query *q, const struct group *group,
                                 const struct column *c)
{
    char place[16];
    unsigned i = 0;
    for (const struct expr *g = q->groups; g; g = g->next, i++) {
        if (!expr_same_path(g, c->expr)) continue;
        snprintf(place, sizeof place, "%u", i);
        return value_of_json(json_get(group->key, place));
    }
    return UNDEFINED;
}

static void write_group(struct buf *out, const struct query *q, const struct group *group)
{
    const struct total *t = group->totals;
    bool first = true;
    buf_put_u8(out, '{');
    for (const struct column *c = q->columns; c; c = c->next, t++) {
        struct value v = c->aggregate ? total_value(c->aggregate, t) : common_value(q, group, c);
        if (v.type == VALUE_UNDEFINED) continue;
        if (!first) buf_put_u8(out, ',');
        first = false;
        text_json_string(out, c->name);
        buf_put_u8(out, ':');
        value_write(out, &v);
    }
    buf_put_u8(out, '}');
}

unsigned groups_count(const struct groups *g)
{
    return (unsigned)g->by_key.count;
}

unsigned groups_write(struct groups *g, const struct query *q, uint64_t from, unsigned max,
                      struct buf *out)
{
    struct group *group;
    unsigned written = 0;
    if (q->groups == NULL && g->first == NULL && new_group(g, q, SLICE_LIT("{}"), &group) != OK)
        return 0;
    for (group = g->first; group && written < max; group = group->next) {
        if (from > 0) {
            from--;
            continue;
        }
        if (written++) buf_put_u8(out, ',');
        write_group(out, q, group);
    }
    return written;
}

void groups_free(struct groups *g)
{
    map_free(&g->by_key);
    arena_free(&g->arena);
    *g = (struct groups){0};
}
