/* plan.c - ranges out of a condition. */
#include "hub/query/plan.h"

#include "hub/query/cursor.h"
#include "hub/query/query_sql.h"

/* Ids are printable ASCII. */
#define BEFORE_IDS "\x01"
#define BEHIND_IDS "\x7f"

void plan_make(struct arena *a, const struct query *q, struct plan *out)
{
    (void)q;
    struct range *all = arena_zero(a, sizeof *all);
    all->kind = RANGE_KEYS;
    all->low = SLICE_LIT("");
    all->end = SLICE_LIT(BEHIND_IDS);
    *out = (struct plan){.ranges = all, .count = 1};
}

static void ask_keys(struct store_request *r, enum query_source source, const struct range *range,
                     const struct cursor *place)
{
    bool modules = source == QUERY_MODULES, begun = place->device_id.len > 0;
    struct buf low = {0};
    store_begin_query(r, modules ? &sql_query_modules : &sql_query_devices);
    buf_put_slice(&low, begun ? place->device_id : range->low);
    if (begun && !modules) buf_put_str(&low, BEFORE_IDS);
    store_put_text(r, "device_id", buf_slice(&low));
    if (modules) store_put_text(r, "module_id", place->module_id);
    store_put_text(r, "end", range->end);
    buf_free(&low);
}

void plan_ask(struct store_request *r, enum query_source source, const struct range *range,
              const struct cursor *place, unsigned top)
{
    ask_keys(r, source, range, place);
    store_put_int(r, "top", top);
}
