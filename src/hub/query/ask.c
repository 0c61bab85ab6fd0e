/* ask.c - what plans ask of the store. */
#include "hub/query/plan.h"

#include <stdio.h>

#include "hub/query/query_sql.h"

static void put_ids(struct store_request *r, const struct cursor *place)
{
    store_put_text(r, "device_id", place->device_id);
    store_put_text(r, "module_id", place->module_id);
}

static void put_devices(struct store_request *r, const struct range *range,
                        const struct cursor *place)
{
    struct buf low = {0};
    bool begun = place->device_id.len > 0;
    buf_put_slice(&low, begun ? place->device_id : range->low);
    if (begun) buf_put_u8(&low, 1); /* the least that is greater */
    store_put_text(r, "device_id", buf_slice(&low));
    store_put_text(r, "end", range->end);
    buf_free(&low);
}

static void put_modules(struct store_request *r, const struct range *range,
                        const struct cursor *place)
{
    struct cursor from = *place;
    if (place->device_id.len == 0) from.device_id = range->low;
    put_ids(r, &from);
    store_put_text(r, "end", range->end);
}

/* From there on. */
static void put_from(struct store_request *r, const struct range *range, const struct cursor *place)
{
    store_put_int(r, "path", range->path);
    store_put_blob(r, "value", place->device_id.len ? place->value : range->low);
    put_ids(r, place);
}

static void put_property(struct store_request *r, const struct range *range,
                         const struct cursor *place)
{
    put_from(r, range, place);
    store_put_blob(r, "end", range->end);
}

/* A statement for keys of devices, for those of modules and for properties. */
static void ask_one_of(struct store_request *r, enum query_source source, const struct range *range,
                       const struct cursor *place,
                       const struct store_statement *const statements[3])
{
    if (range->kind != RANGE_KEYS) {
        store_begin_query(r, statements[2]);
        put_property(r, range, place);
    } else if (source == QUERY_MODULES) {
        store_begin_query(r, statements[1]);
        put_modules(r, range, place);
    } else {
        store_begin_query(r, statements[0]);
        put_devices(r, range, place);
    }
}

static void ask_looked_up(struct store_request *r, const struct range *range,
                          const struct cursor *place)
{
    static const struct store_statement *const statements[] = {
        [RANGE_DISABLED] = &sql_query_disabled, [RANGE_EDGE] = &sql_query_edge,
        [RANGE_WAITING] = &sql_query_waiting,   [RANGE_SCOPE] = &sql_query_scope,
        [RANGE_PARENT] = &sql_query_parent,     [RANGE_MODULE] = &sql_query_module,
    };
    store_begin_query(r, statements[range->kind]);
    store_put_text(r, "device_id", place->device_id);
    if (range->kind >= RANGE_SCOPE) store_put_text(r, "value", range->low);
}

void plan_ask(struct store_request *r, enum query_source source, const struct range *range,
              const struct cursor *place, unsigned top)
{
    static const struct store_statement *const statements[] = {
        &sql_query_devices, &sql_query_modules, &sql_query_property};
    bool looked_up =
        range->kind != RANGE_KEYS && range->kind != RANGE_PROPERTY && range->kind != RANGE_WIDE;
    if (looked_up)
        ask_looked_up(r, range, place);
    else
        ask_one_of(r, source, range, place, statements);
    store_put_int(r, "top", top);
}

void plan_ask_names(struct store_request *r, enum query_source source, const struct range *range,
                    const struct cursor *place, unsigned top)
{
    static const struct store_statement *const statements[] = {
        &sql_query_device_names, &sql_query_module_names, &sql_query_property_names};
    ask_one_of(r, source, range, place, statements);
    store_put_int(r, "top", top);
}

/* Nobody is called "". */
void plan_ask_named(struct store_request *r, enum query_source source, const struct cursor *names,
                    unsigned count)
{
    bool of_modules = source == QUERY_MODULES;
    unsigned max = of_modules ? PLAN_NAMED_MODULES_MAX : PLAN_NAMED_MAX;
    char param[32];
    store_begin_query(r, of_modules ? &sql_query_named_modules : &sql_query_named_devices);
    for (unsigned i = 0; i < max; i++) {
        snprintf(param, sizeof param, "device_id%u", i);
        store_put_text(r, param, i < count ? names[i].device_id : SLICE_LIT(""));
        snprintf(param, sizeof param, "module_id%u", i);
        if (of_modules) store_put_text(r, param, i < count ? names[i].module_id : SLICE_LIT(""));
    }
}

void plan_ask_window(struct store_request *r, const struct range *range, const struct cursor *place,
                     unsigned window)
{
    store_begin_query(r, &sql_query_window);
    put_property(r, range, place);
    store_put_int(r, "skip", window - 1);
}

void plan_ask_filtered(struct store_request *r, enum query_source source, const struct range *range,
                       const struct cursor *place, const struct cursor *last, unsigned top)
{
    const struct cursor end = {
        .value = range->end, .device_id = SLICE_LIT(""), .module_id = SLICE_LIT("")};
    if (last == NULL) last = &end;
    store_begin_query(r, &sql_query_filtered);
    put_from(r, range, place);
    store_put_blob(r, "last_value", last->value);
    store_put_text(r, "last_device_id", last->device_id);
    store_put_text(r, "last_module_id", last->module_id);
    filters_put(r, source == QUERY_MODULES, range);
    store_put_int(r, "top", top);
}

bool plan_probe(struct store_request *r, const struct range *range, uint64_t max)
{
    switch (range->kind) {
    case RANGE_PROPERTY:
    case RANGE_WIDE:
        store_begin_query(r, &sql_query_probe);
        store_put_int(r, "path", range->path);
        store_put_blob(r, "value", range->low);
        store_put_blob(r, "end", range->end);
        break;
    case RANGE_KEYS:
        store_begin_query(r, &sql_query_probe_devices);
        store_put_text(r, "device_id", range->low);
        store_put_text(r, "end", range->end);
        break;
    case RANGE_DISABLED: store_begin_query(r, &sql_query_probe_disabled); break;
    case RANGE_EDGE: store_begin_query(r, &sql_query_probe_edge); break;
    case RANGE_WAITING: store_begin_query(r, &sql_query_probe_waiting); break;
    default: return false;
    }
    store_put_int(r, "top", (int64_t)max);
    return true;
}
