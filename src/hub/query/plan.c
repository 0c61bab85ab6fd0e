/* plan.c - plans out of a condition, and what they ask of the store. */
#include "hub/query/plan.h"

#include "hub/query/query_sql.h"
#include "hub/query/range.h"

/* ---- making */

/* Rows that a range has, at a guess: it decides where nothing can be counted. */
static uint64_t guess(const struct range *r)
{
    bool id = r->kind == RANGE_KEYS && r->end.len == r->low.len + 1 && slice_starts(r->end, r->low);
    if (id) return r->low.len ? 1 : 1000000;
    if (r->kind == RANGE_KEYS) return 100000;
    bool value = r->end.len == r->low.len + 1 && slice_starts(r->end, r->low);
    if (r->kind == RANGE_PROPERTY) return value && r->low.len > 1 ? 1000 : 50000;
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

/* The best of them will do. */
static bool plan_of_and(struct arena *a, enum query_source source, const struct expr *e,
                        struct plan *out)
{
    bool found = false;
    for (const struct expr *arg = e->args; arg; arg = arg->next) {
        struct plan part;
        if (!plan_of(a, source, arg, &part) || (found && part.weight >= out->weight)) continue;
        *out = part;
        found = true;
    }
    return found;
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

void plans_make(struct arena *a, const struct query *q, struct plans *out)
{
    const struct expr *where = q->where;
    bool several = where && where->kind == EXPR_AND;
    const struct expr *part = several ? where->args : where;
    struct plan p;
    out->count = 0;
    for (; part && out->count < PLANS_MAX; part = several ? part->next : NULL)
        if (plan_of(a, q->source, part, &p) && !narrow(out, &p)) insert(out, &p);
    for (unsigned i = 0; i < out->count; i++) add_wide(a, q->source, &out->plans[i]);
    if (out->count > 0) return;
    out->plans[0] = (struct plan){.ranges = range_all(a), .count = 1};
    out->count = 1;
}

bool plans_need_probes(const struct plans *plans)
{
    return plans->count > 1 && plans->plans[0].weight > PLAN_PROBES_MAX;
}

/* ---- asking */

static void put_ids(struct store_request *r, const struct cursor *place)
{
    store_put_text(r, "device_id", place->device_id);
    store_put_text(r, "module_id", place->module_id);
}

static void ask_devices(struct store_request *r, const struct range *range,
                        const struct cursor *place)
{
    struct buf low = {0};
    bool begun = place->device_id.len > 0;
    store_begin_query(r, &sql_query_devices);
    buf_put_slice(&low, begun ? place->device_id : range->low);
    if (begun) buf_put_u8(&low, 1); /* the least that is greater */
    store_put_text(r, "device_id", buf_slice(&low));
    store_put_text(r, "end", range->end);
    buf_free(&low);
}

static void ask_modules(struct store_request *r, const struct range *range,
                        const struct cursor *place)
{
    struct cursor from = *place;
    if (place->device_id.len == 0) from.device_id = range->low;
    store_begin_query(r, &sql_query_modules);
    put_ids(r, &from);
    store_put_text(r, "end", range->end);
}

static void ask_property(struct store_request *r, const struct range *range,
                         const struct cursor *place)
{
    store_begin_query(r, &sql_query_property);
    store_put_int(r, "path", range->path);
    store_put_blob(r, "value", place->device_id.len ? place->value : range->low);
    put_ids(r, place);
    store_put_blob(r, "end", range->end);
}

static void ask_looked_up(struct store_request *r, const struct range *range,
                          const struct cursor *place)
{
    static const struct store_statement *const statements[] = {
        [RANGE_DISABLED] = &sql_query_disabled, [RANGE_EDGE] = &sql_query_edge,
        [RANGE_SCOPE] = &sql_query_scope,       [RANGE_PARENT] = &sql_query_parent,
        [RANGE_MODULE] = &sql_query_module,
    };
    store_begin_query(r, statements[range->kind]);
    store_put_text(r, "device_id", place->device_id);
    if (range->kind >= RANGE_SCOPE) store_put_text(r, "value", range->low);
}

void plan_ask(struct store_request *r, enum query_source source, const struct range *range,
              const struct cursor *place, unsigned top)
{
    if (range->kind == RANGE_PROPERTY || range->kind == RANGE_WIDE)
        ask_property(r, range, place);
    else if (range->kind != RANGE_KEYS)
        ask_looked_up(r, range, place);
    else if (source == QUERY_MODULES)
        ask_modules(r, range, place);
    else
        ask_devices(r, range, place);
    store_put_int(r, "top", top);
}

bool plan_probe(struct store_request *r, const struct range *range, unsigned max)
{
    if (range->kind != RANGE_PROPERTY && range->kind != RANGE_WIDE) return false;
    store_begin_query(r, &sql_query_probe);
    store_put_int(r, "path", range->path);
    store_put_blob(r, "value", range->low);
    store_put_blob(r, "end", range->end);
    store_put_int(r, "top", max);
    return true;
}

/* ---- rows that lie in several ranges */

static bool is_indexed(const struct doc_row *d, const struct range *r)
{
    return !d->row->twin.stored || d->row->twin.indexed & r->half;
}

/* Where the twin stands now; empty: nowhere. */
static void put_value(const struct range *r, struct doc_row *d, struct buf *out)
{
    const struct json *j = d->doc.find(&d->doc, r->steps);
    if (j) twin_index_put_value(out, j);
}

static bool has_property(const struct range *r, struct doc_row *d)
{
    struct buf value = {0};
    put_value(r, d, &value);
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
    case RANGE_PROPERTY: return has_property(r, d);
    case RANGE_WIDE: return !is_indexed(d, r);
    case RANGE_DISABLED: return !id->enabled;
    case RANGE_EDGE: return id->iot_edge;
    case RANGE_SCOPE: return slice_eq(id->device_scope, r->low);
    case RANGE_PARENT: return slice_eq(id->parent_scope, r->low);
    case RANGE_MODULE: return slice_eq(id->module_id, r->low);
    }
    return false;
}

static bool still_stands(const struct range *r, struct doc_row *d)
{
    struct buf value = {0};
    if (r->kind == RANGE_WIDE) return !is_indexed(d, r);
    if (r->kind != RANGE_PROPERTY) return true;
    put_value(r, d, &value);
    bool same = is_indexed(d, r) && slice_eq(buf_slice(&value), d->row->value);
    buf_free(&value);
    return same;
}

/* What is not indexed by its properties is found by none of them. */
bool plan_takes(const struct plan *plan, const struct range *range, struct doc_row *d)
{
    if (!still_stands(range, d)) return false;
    for (const struct range *r = plan->ranges; r != range; r = r->next)
        if ((r->kind != RANGE_PROPERTY || is_indexed(d, r)) && range_has(r, d)) return false;
    return true;
}
