/* unit.c - what a write changes in the store, as one unit. */
#include "hub/registry/write.h"

#include "hub/registry/registry_sql.h"

static void add_count(struct store_request *u, const char *name, int by)
{
    store_add(u, &sql_identity_count_add, 1);
    store_put_text(u, "name", slice_str(name));
    store_put_int(u, "by", by);
    store_put_int(u, "most", REGISTRY_DEVICES_MAX);
}

static void add_insert(struct store_request *u, const struct identity *next)
{
    store_add(u, &sql_identity_insert, 1);
    identity_put_params(u, next);
    identity_put_model(u, next);
}

static void add_update(struct store_request *u, const struct identity *old,
                       const struct identity *next)
{
    store_add(u, &sql_identity_update, 1);
    identity_put_params(u, next);
    store_put_int(u, "old_etag", (int64_t)old->etag);
}

static void add_what_goes_with(struct store_request *u, const struct registry *r, struct slice who)
{
    LIST_EACH(node, &r->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        if (l->deleting) l->deleting(l, who, u);
    }
}

/* Before it what else there is of it: listeners add their statements. */
static void add_delete(struct store_request *u, const struct write_op *o,
                       const struct identity *old)
{
    struct cur at = cur_of(buf_slice(&o->modules.text));
    struct buf text = {0};
    struct slice id;
    while (module_ids_next(&at, &id))
        add_what_goes_with(u, o->registry, write_module(o, id, &text));
    add_what_goes_with(u, o->registry, o->write.who);
    buf_free(&text);
    store_add(u, &sql_identity_delete, 1);
    store_put_text(u, "device_id", old->device_id);
    store_put_text(u, "module_id", old->module_id);
    store_put_int(u, "old_etag", (int64_t)old->etag);
}

static void add_what_comes_with(struct store_request *u, const struct registry *r,
                                const struct identity *next)
{
    LIST_EACH(node, &r->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        if (l->creating) l->creating(l, next, u);
    }
}

/* Creates, updates or deletes. */
static void add_change(struct store_request *u, const struct write_op *o,
                       const struct identity *old, const struct identity *next)
{
    if (old == NULL)
        add_insert(u, next);
    else if (next == NULL)
        add_delete(u, o, old);
    else
        add_update(u, old, next);
}

/* ---- devices: their number, and what becomes of their modules */

static void add_fate_of_modules(struct store_request *u, const struct identity *next,
                                struct slice device_id, unsigned count)
{
    store_add(u, next ? &sql_identity_enable_modules : &sql_identity_delete_modules,
              (int32_t)count);
    store_put_text(u, "device_id", device_id);
    if (next) store_put_int(u, "enabled", next->enabled);
}

static void add_edge_modules(struct store_request *u, const struct write_op *o)
{
    for (int i = 0; i < EDGE_MODULES; i++)
        if (o->edge_modules[i]) add_insert(u, o->edge_modules[i]);
}

/* Only where the device gets another place in it. */
static bool moves(const struct identity *old, const struct identity *next)
{
    if (next == NULL || next->parent_scope.len == 0) return false;
    return old == NULL || !slice_eq(old->parent_scope, next->parent_scope) ||
           old->iot_edge != next->iot_edge;
}

static void add_hierarchy(struct store_request *u, const struct identity *next)
{
    store_add(u, &sql_identity_hierarchy_room, 1);
    store_put_text(u, "device_id", next->device_id);
    store_put_int(u, "most", REGISTRY_LAYERS_MAX);
}

static void build_device(struct store_request *u, struct write_op *o, const struct identity *old)
{
    const struct identity *next = o->next;
    int devices = (next != NULL) - (old != NULL);
    int disabled = (next && !next->enabled) - (old && !old->enabled);
    bool in_hierarchy = moves(old, next);
    add_change(u, o, old, next);
    o->hierarchy_step = in_hierarchy ? 1 : UINT32_MAX;
    o->room_step = devices > 0 ? 1u + in_hierarchy : UINT32_MAX;
    if (in_hierarchy) add_hierarchy(u, next);
    if (devices) add_count(u, "devices", devices);
    if (disabled) add_count(u, "disabled", disabled);
    if (old && (devices || disabled))
        add_fate_of_modules(u, next, old->device_id, o->modules.count);
    add_edge_modules(u, o);
}

/* ---- modules: their number on a device */

static void build_module(struct store_request *u, struct write_op *o, const struct identity *old)
{
    o->room_step = o->hierarchy_step = UINT32_MAX;
    if (old == NULL) {
        o->room_step = 0;
        store_add(u, &sql_identity_module_room, 1);
        store_put_text(u, "device_id", o->next->device_id);
        store_put_int(u, "most", REGISTRY_MODULES_MAX);
    }
    add_change(u, o, old, o->next);
}

void unit_build(struct store_request *u, struct write_op *o, const struct identity *old)
{
    store_begin_unit(u, o->write.mode & WRITE_BULK ? STORE_BULK : STORE_INTERACTIVE);
    if (write_is_module(o))
        build_module(u, o, old);
    else
        build_device(u, o, old);
    if (old == NULL) add_what_comes_with(u, o->registry, o->next);
    for (int i = 0; i < EDGE_MODULES; i++)
        if (o->edge_modules[i]) add_what_comes_with(u, o->registry, o->edge_modules[i]);
}
