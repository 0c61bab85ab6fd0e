/* plan.c - plans out of a condition, and which of a plan's ranges a row is taken from. */
#include "hub/query/plan.h"

#include "hub/query/range.h"
#include "hub/query/simple.h"

/* ---- making */

/* Rows that a range has, at a guess: it decides where nothing can be counted. */
static uint64_t guess(const struct range *r)
{
    bool id = r->kind == RANGE_KEYS && r->end.len == r->low.len + 1 && slice_starts(r->end, r->low);
    if (id) return r->low.len ? 1 : 1000000;
    if (r->kind == RANGE_KEYS) return 100000;
    bool value = r->end.len == r->low.len + 1 && slice_starts(r->end, r->low);
    if (r->kind == RANGE_PROPERTY) return value && r->low.len > 1 ? 1000 : 50000;
    if (r->kind == RANGE_KNOWN) return 10000;
    return 2000;
}

static bool add_range(struct plan *p, struct range ***end, struct range *range)
{
    **end = range;
    *end = &range->next;
    p->weight += guess(range);
    if (range->kind == RANGE_PROPERTY) p->halves |= range->half;
    return ++p->count <= PLAN_RANGES_MAX;
}

static bool add_list(struct plan *p, struct range ***end, struct range *list)
{
    for (struct range *next; list; list = next) {
        next = list->next;
        list->next = NULL;
        if (!add_range(p, end, list)) return false;
    }
    return true;
}

static bool plan_of(struct arena *a, enum query_source source, const struct expr *e,
                    struct plan *out);

/* All of them are needed. */
static bool plan_of_or(struct arena *a, enum query_source source, const struct expr *e,
                       struct plan *out)
{
    struct range **end = &out->ranges;
    *out = (struct plan){0};
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        struct plan part;
        if (!plan_of(a, source, arg, &part) || !add_list(out, &end, part.ranges)) return false;
    }
    return true;
}

/* What `other` says of a property is asked of each row of the plan. */
static void add_filter(struct arena *a, struct plan *p, const struct plan *other, bool open)
{
    struct filter f, *kept = NULL;
    if (!filter_of(other->ranges, &f) || f.open != open) return;
    for (struct range *r = p->ranges; r; r = r->next) {
        if (r->kind != RANGE_PROPERTY || r->path == f.path || r->filter_count == FILTERS_MAX)
            continue;
        if (kept == NULL) kept = arena_alloc(a, sizeof *kept);
        *kept = f;
        r->filters[r->filter_count++] = kept;
    }
}

/* The best of them will do; the others are filters. */
static bool plan_of_and(struct arena *a, enum query_source source, const struct expr *e,
                        struct plan *out)
{
    struct plan parts[PLANS_MAX], *best = NULL;
    unsigned count = 0;
    for (const struct expr *arg = e->args; arg && count < PLANS_MAX; arg = arg->next) {
        if (!plan_of(a, source, arg, &parts[count])) continue;
        if (best == NULL || parts[count].weight < best->weight) best = &parts[count];
        count++;
    }
    if (best == NULL) return false;
    for (unsigned i = 0; i < 2 * count; i++)
        if (&parts[i % count] != best) add_filter(a, best, &parts[i % count], i >= count);
    *out = *best;
    return true;
}

static bool plan_of(struct arena *a, enum query_source source, const struct expr *e,
                    struct plan *out)
{
    if (e->kind == EXPR_OR) return plan_of_or(a, source, e, out);
    if (e->kind == EXPR_AND) return plan_of_and(a, source, e, out);
    struct range *list = range_of(a, source, e), **end = &out->ranges;
    *out = (struct plan){0};
    return list && add_list(out, &end, list);
}

/* Twins that are not indexed are looked at, too. */
static void add_wide(struct arena *a, enum query_source source, struct plan *p)
{
    struct range **end = &p->ranges;
    while (*end) end = &(*end)->next;
    for (unsigned half = TWIN_INDEX_SERVICE; half <= TWIN_INDEX_REPORTED; half <<= 1) {
        if ((p->halves & half) == 0) continue;
        struct range *wide = *end = arena_zero(a, sizeof *wide);
        *wide = (struct range){.kind = RANGE_WIDE,
                               .half = half,
                               .path = twin_index_wide_path(source == QUERY_MODULES, half),
                               .low = SLICE_LIT(""),
                               .end = SLICE_LIT("\xFF")};
        end = &wide->next;
        p->count++;
    }
}

/* The lightest first. */
static void insert(struct plans *plans, const struct plan *p)
{
    unsigned at = plans->count++;
    for (; at > 0 && plans->plans[at - 1].weight > p->weight; at--)
        plans->plans[at] = plans->plans[at - 1];
    plans->plans[at] = *p;
}

static bool is_of_property(const struct plan *p)
{
    return p->count == 1 && p->ranges->kind == RANGE_PROPERTY;
}

/* a > 1 AND a < 5 is one range. */
static bool narrow(struct plans *plans, const struct plan *by)
{
    const struct range *other = by->ranges;
    for (unsigned i = 0; is_of_property(by) && i < plans->count; i++) {
        struct range *r = plans->plans[i].ranges;
        if (!is_of_property(&plans->plans[i]) || r->path != other->path) continue;
        if (slice_cmp(other->low, r->low) > 0) r->low = other->low;
        if (slice_cmp(other->end, r->end) < 0) r->end = other->end;
        plans->plans[i].weight = guess(r);
        return true;
    }
    return false;
}

/* Each has those that the others make, the lightest first, and what is open last. */
static void add_filters(struct arena *a, struct plans *plans)
{
    for (unsigned i = 0; i < plans->count; i++)
        for (unsigned j = 0; j < 2 * plans->count; j++)
            if (i != j % plans->count)
                add_filter(a, &plans->plans[i], &plans->plans[j % plans->count], j >= plans->count);
}

void plans_make(struct arena *a, const struct query *q, struct plans *out)
{
    const struct expr *where = expr_simple(a, q->where);
    bool several = where && where->kind == EXPR_AND;
    const struct expr *part = several ? where->args : where;
    struct plan p;
    out->count = 0;
    out->simple = where;
    for (; part && out->count < PLANS_MAX; part = several ? part->next : NULL)
        if (plan_of(a, q->source, part, &p) && !narrow(out, &p)) insert(out, &p);
    add_filters(a, out);
    for (unsigned i = 0; i < out->count; i++) add_wide(a, q->source, &out->plans[i]);
    if (out->count > 0) return;
    out->plans[0] = (struct plan){.ranges = range_all(a), .count = 1};
    out->count = 1;
}

bool plans_need_probes(const struct plans *plans)
{
    return plans->count > 1 && plans->plans[0].weight > PLAN_PROBES_MAX;
}

/* ---- rows that lie in several ranges */

static bool has_property(const struct range *r, struct doc_row *d)
{
    struct buf value = {0};
    row_put_indexed(r->steps, d, &value);
    bool has = buf_size(&value) > 0 && slice_cmp(buf_slice(&value), r->low) >= 0 &&
               slice_cmp(buf_slice(&value), r->end) < 0;
    buf_free(&value);
    return has;
}

static bool range_has(const struct range *r, struct doc_row *d)
{
    const struct identity *id = &d->row->identity;
    switch (r->kind) {
    case RANGE_KEYS:
        return slice_cmp(id->device_id, r->low) >= 0 && slice_cmp(id->device_id, r->end) < 0;
    case RANGE_PROPERTY: return has_property(r, d) && filters_pass(r, d);
    case RANGE_WIDE: return !row_is_indexed(d, r->half);
    case RANGE_DISABLED: return !id->enabled;
    case RANGE_EDGE: return id->iot_edge;
    case RANGE_WAITING: return id->messages > 0;
    case RANGE_SCOPE: return slice_eq(id->device_scope, r->low);
    case RANGE_PARENT: return slice_eq(id->parent_scope, r->low);
    case RANGE_MODULE: return slice_eq(id->module_id, r->low);
    case RANGE_KNOWN:
        return d->row->presence.active_us && (d->row->presence.connected || !r->connected);
    }
    return false;
}

static bool still_stands(const struct range *r, struct doc_row *d)
{
    struct buf value = {0};
    if (r->kind == RANGE_WIDE) return !row_is_indexed(d, r->half);
    if (r->kind != RANGE_PROPERTY) return true;
    row_put_indexed(r->steps, d, &value);
    bool same = row_is_indexed(d, r->half) && slice_eq(buf_slice(&value), d->row->value);
    buf_free(&value);
    return same;
}

/* What is not indexed by its properties is found by none of them. */
bool plan_takes(const struct plan *plan, const struct range *range, struct doc_row *d)
{
    if (!still_stands(range, d)) return false;
    for (const struct range *r = plan->ranges; r != range; r = r->next)
        if ((r->kind != RANGE_PROPERTY || row_is_indexed(d, r->half)) && range_has(r, d))
            return false;
    return true;
}
