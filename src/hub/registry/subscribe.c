/* subscribe.c - what an identity's MQTT session is subscribed to, and the model that it announced,
 * kept in its row.
 *
 * SDKs do not subscribe again after a reconnect or a renewal, so this must outlive connections and
 * the server.  It is a write like any other: it waits its turn in the identity's queue.
 */
#include <stdlib.h>

#include "base/metrics.h"
#include "hub/registry/home.h"
#include "hub/registry/registry_sql.h"

COUNTER(subscribes_total, "azimuth_registry_subscribes_total",
        "Changes to what MQTT sessions are subscribed to.");

struct registry_subscribe_op {
    struct op op;
    struct registry_load load;
    struct store_wait wait;
    struct registry *registry;
    struct entry *entry;   /* while the store is asked */
    struct identity *next; /* likewise */
    struct registry_subscribe *caller;
    size_t who_len;
    char who[HUB_WHO_LEN_MAX];
};

static void drop_subscribe(struct op *op)
{
    struct registry_subscribe_op *o = CONTAINER_OF(op, struct registry_subscribe_op, op);
    identity_free(o->next);
    free(o);
}

static void end(struct registry_subscribe_op *o, uint32_t subscriptions, enum err e)
{
    struct registry_subscribe *caller = o->caller;
    op_end(&o->op);
    drop_subscribe(&o->op);
    caller->fn(caller, subscriptions, e);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct registry_subscribe_op *o = CONTAINER_OF(w, struct registry_subscribe_op, wait);
    struct entry *e = o->entry;
    uint32_t subscriptions = o->next->subscriptions;
    o->registry->waiting--;
    if (a->err == OK) {
        o->next->messages = e->identity->messages; /* it may have changed meanwhile */
        entry_set(e, o->next);
        o->next = NULL;
    } else if (a->err == ERR_CONFLICT) {
        entry_forget(e);
    }
    end(o, subscriptions, a->err == ERR_CONFLICT ? ERR_NOT_FOUND : a->err);
    entry_written(e);
}

static void start(struct registry_subscribe_op *o)
{
    const struct identity *next = o->next;
    struct store_request u;
    o->entry = registry_entry(o->registry, slice_of(o->who, o->who_len));
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_identity_set_session, 1);
    store_put_int(&u, "subscriptions", next->subscriptions);
    identity_put_model(&u, next);
    store_put_text(&u, "device_id", next->device_id);
    store_put_text(&u, "module_id", next->module_id);
    store_put_text(&u, "generation_id", next->generation);
    metric_inc(&subscribes_total);
    o->registry->waiting++;
    entry_write(o->entry);
    o->wait.fn = on_stored;
    store_ask(o->registry->hub->store, o->registry->lane, &u, &o->wait);
}

static void on_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct registry_subscribe_op *o = CONTAINER_OF(load, struct registry_subscribe_op, load);
    if (e != OK) {
        end(o, 0, e);
        return;
    }
    struct identity next = *id;
    next.subscriptions = (id->subscriptions | o->caller->set) & ~o->caller->clear;
    if (o->caller->model_id.len) next.model_id = o->caller->model_id;
    if (next.subscriptions == id->subscriptions && slice_eq(next.model_id, id->model_id)) {
        end(o, next.subscriptions, OK);
        return;
    }
    o->next = identity_copy(&next);
    start(o);
}

void registry_subscribe(struct registry *r, struct slice who, struct registry_subscribe *s)
{
    struct registry_subscribe_op *o = NEW(struct registry_subscribe_op);
    *o = (struct registry_subscribe_op){.registry = r, .caller = s, .who_len = who.len};
    assert(who.len <= sizeof o->who);
    memcpy(o->who, who.ptr, who.len);
    op_begin(r, &o->op, drop_subscribe);
    registry_load(r, slice_of(o->who, o->who_len), &o->load, on_loaded);
}
