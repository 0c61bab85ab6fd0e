/* scope_list.c - what an edge hub may know of those that it speaks for: Azure's deviceScope calls.
 *
 *   ancestry of the target ─▶ is the actor in it, and is the token its $edgeHub's? ─▶ rows ─▶ JSON
 *
 *   {"devices": [..], "modules": [..], "continuationLink": null or where the next page is}
 */
#include <stdlib.h>

#include "base/text.h"
#include "hub/registry/ancestry.h"
#include "hub/registry/message.h"
#include "hub/registry/registry_sql.h"

struct scope_op {
    struct op op;
    struct registry *registry;
    struct addr waiter;
    struct ancestry_wait ancestry;
    struct store_wait wait;
    struct arena arena;
    struct registry_scope ask; /* its slices are in the arena */
};

static void drop_scope(struct op *op)
{
    struct scope_op *o = CONTAINER_OF(op, struct scope_op, op);
    arena_wipe(&o->arena); /* identities have keys */
    free(o);
}

static void end(struct scope_op *o, const struct registry_answer *a)
{
    answer_wait(o->registry, o->waiter, a);
    op_end(&o->op);
    drop_scope(&o->op);
}

static void refuse(struct scope_op *o, enum status status, const char *text)
{
    end(o, &(struct registry_answer){.status = status, .text = slice_str(text)});
}

/* ---- rows */

struct lists {
    struct buf devices, modules, last; /* `last`: "device/module" */
    unsigned count;
};

static void put_identity(struct lists *l, const struct identity *id)
{
    const struct presence unknown = {0};
    struct buf *list = id->module_id.len ? &l->modules : &l->devices;
    if (buf_size(list)) buf_put_u8(list, ',');
    identity_write(list, id, &unknown);
    buf_clear(&l->last);
    buf_printf(&l->last, "%.*s/%.*s", SLICE_ARG(id->device_id), SLICE_ARG(id->module_id));
    l->count++;
}

static enum err take_rows(struct scope_op *o, struct store_answer *a, struct lists *l)
{
    struct identity id;
    enum err e = a->err;
    while (e == OK && store_next(a)) {
        e = identity_of_row(&o->arena, a->col, &id);
        if (e == OK) put_identity(l, &id);
    }
    return e;
}

static void answer_lists(struct scope_op *o, const struct lists *l, bool more)
{
    struct buf json = BUF_SECRET, link = {0};
    buf_put_str(&json, "{\"devices\":[");
    buf_put_slice(&json, buf_slice(&l->devices));
    buf_put_str(&json, "],\"modules\":[");
    buf_put_slice(&json, buf_slice(&l->modules));
    buf_put_str(&json, "],\"continuationLink\":");
    if (more) {
        buf_put_slice(&link, o->ask.link);
        text_percent(&link, buf_slice(&l->last));
        text_json_string(&json, buf_slice(&link));
    } else {
        buf_put_str(&json, "null");
    }
    buf_put_u8(&json, '}');
    end(o, &(struct registry_answer){.body = buf_slice(&json)});
    buf_wipe(&json);
    buf_free(&link);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct scope_op *o = CONTAINER_OF(w, struct scope_op, wait);
    struct lists l = {.devices = BUF_SECRET, .modules = BUF_SECRET};
    bool page = o->ask.target_only == false;
    enum err e = take_rows(o, a, &l);
    if (e != OK)
        refuse(o, status_of_err(e), "the store does not answer");
    else if (!page && o->ask.target_module.len && buf_size(&l.modules) == 0)
        refuse(o, STATUS_MODULE_NOT_FOUND, "the module is not registered");
    else
        answer_lists(o, &l, page && (a->more || l.count == o->ask.top));
    buf_wipe(&l.devices);
    buf_wipe(&l.modules);
    buf_free(&l.last);
}

static void ask_rows(struct scope_op *o)
{
    const struct registry_scope *ask = &o->ask;
    struct slice module_id = hub_module_of(ask->after);
    struct store_request q;
    store_begin_query(&q, ask->target_only ? &sql_identity_with_device : &sql_identity_scope);
    store_put_text(&q, "device_id", ask->target_device);
    if (ask->target_only) {
        store_put_text(&q, "module_id", ask->target_module);
    } else {
        store_put_text(&q, "after_device", hub_device_of(ask->after));
        store_put_text(&q, "after_module", module_id.ptr ? module_id : SLICE_LIT(""));
        store_put_int(&q, "top", ask->top);
    }
    o->wait.fn = on_rows;
    store_ask(o->registry->hub->store, o->registry->lane, &q, &o->wait);
}

/* ---- may it? */

static void on_ancestry(struct ancestry_wait *w, const struct ancestry *a, enum err e)
{
    struct scope_op *o = CONTAINER_OF(w, struct scope_op, ancestry);
    const struct ancestor *actor = ancestry_find(a, o->ask.actor);
    int64_t ends_us;
    bool may = actor && actor->iot_edge &&
               (o->ask.token.ptr == NULL ||
                ancestry_token(o->registry, actor, o->ask.token, &ends_us) == AUTH_OK);
    if (e != OK)
        refuse(o, status_of_err(e), "the store does not answer");
    else if (!may)
        refuse(o, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    else if (!o->ask.target_only && !a->of[0].iot_edge)
        refuse(o, STATUS_ARGUMENT_INVALID, "the device is not an IoT Edge device");
    else
        ask_rows(o);
}

static struct slice keep(struct scope_op *o, struct slice text)
{
    return text.ptr ? arena_copy(&o->arena, text) : SLICE_NONE;
}

void registry_scope_list(struct registry *r, const struct registry_scope *ask,
                         struct registry_wait *w)
{
    struct scope_op *o = NEW(struct scope_op);
    wait_begin(r, w);
    *o = (struct scope_op){
        .registry = r, .waiter = w->slot, .ask = *ask, .ancestry.fn = on_ancestry};
    o->ask.actor = keep(o, ask->actor);
    o->ask.target_device = keep(o, ask->target_device);
    o->ask.target_module = ask->target_module.ptr ? keep(o, ask->target_module) : SLICE_LIT("");
    o->ask.after = ask->after.ptr ? keep(o, ask->after) : SLICE_LIT("");
    o->ask.link = keep(o, ask->link);
    o->ask.token = keep(o, ask->token);
    if (ask->top == 0 || ask->top > REGISTRY_LIST_MAX) o->ask.top = REGISTRY_LIST_MAX;
    op_begin(r, &o->op, drop_scope);
    ancestry_ask(r, o->ask.target_device, &o->ancestry);
}
