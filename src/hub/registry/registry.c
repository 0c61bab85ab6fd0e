/* registry.c - life of a registry, and its cache of identities (drawn in home.h). */
#include "hub/registry/registry.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/metrics.h"
#include "hub/registry/home.h"
#include "hub/registry/registry_sql.h"

GAUGE(cached_bytes, "azimuth_registry_cache_bytes", "Identities in memory.");
COUNTER(loads_total, "azimuth_registry_loads_total", "Identities asked of the store.");
COUNTER(evictions_total, "azimuth_registry_evictions_total", "Identities that left the cache.");
GAUGE(waiting_now, "azimuth_registry_waiting", "Calls that wait for an identity or a write.");
LIMIT_REACHED(too_many_waiting, "registry-calls")

/* ---- entries */

static struct entry *make_entry(struct registry *r, struct slice who)
{
    struct entry *e = mem_zero(sizeof *e + who.len);
    memcpy(e + 1, who.ptr, who.len);
    e->who = slice_of(e + 1, who.len);
    e->registry = r;
    e->bytes = sizeof *e + who.len;
    list_init(&e->idle);
    list_init(&e->queue);
    map_put(&r->entries, e->who, e);
    r->bytes += e->bytes;
    return e;
}

static void drop_entry(struct entry *e)
{
    struct registry *r = e->registry;
    map_remove(&r->entries, e->who);
    r->bytes -= e->bytes;
    identity_free(e->identity);
    free(e);
}

struct entry *registry_entry(struct registry *r, struct slice who)
{
    struct entry *e = map_get(&r->entries, who);
    return e ? e : make_entry(r, who);
}

void entry_set(struct entry *e, struct identity *next)
{
    struct registry *r = e->registry;
    size_t bytes = sizeof *e + e->who.len + (next ? identity_bytes(next) : 0);
    identity_free(e->identity);
    e->identity = next;
    e->loaded = true;
    r->bytes += bytes - e->bytes;
    e->bytes = bytes;
}

void entry_forget(struct entry *e)
{
    entry_set(e, NULL);
    e->loaded = false;
}

void registry_doubt(struct registry *r, struct slice who)
{
    struct entry *e = map_get(&r->entries, who);
    if (e == NULL) return;
    if (e->asking || e->writing)
        e->doubtful = true;
    else
        entry_forget(e);
}

/* Nobody needs the entry now; it or older ones may go. */
static void rest(struct entry *e)
{
    struct registry *r = e->registry;
    list_remove(&e->idle);
    list_push(&r->idle, &e->idle);
    struct list *oldest;
    while (r->bytes > r->cache_bytes && (oldest = list_shift(&r->idle)) != NULL) {
        metric_inc(&evictions_total);
        drop_entry(CONTAINER_OF(oldest, struct entry, idle));
    }
    metric_set(&cached_bytes, (int64_t)r->bytes);
}

/* ---- serving those who wait */

static void call_first(struct entry *e, enum err err)
{
    struct registry *r = e->registry;
    struct registry_load *load = CONTAINER_OF(list_take(&e->queue), struct registry_load, node);
    metric_set(&waiting_now, --r->waiting);
    if (err == OK && e->identity == NULL) err = ERR_NOT_FOUND;
    load->fn(load, err == OK ? e->identity : NULL, err);
}

static void serve(struct entry *e);

static void on_loaded(struct store_wait *w, struct store_answer *a)
{
    struct entry *e = CONTAINER_OF(w, struct entry, wait);
    struct arena arena = {0};
    struct identity id;
    bool found = false;
    enum err err = a->err;
    if (err == OK && store_next(a)) {
        found = true;
        err = identity_of_row(&arena, a->col, &id);
    }
    if (err == OK && !e->doubtful) entry_set(e, found ? identity_copy(&id) : NULL);
    if (e->told && e->identity) e->identity->messages = e->messages;
    e->told = false;
    arena_wipe(&arena);
    e->asking = e->doubtful = false;
    e->serving = true;
    while (err != OK && !list_empty(&e->queue)) call_first(e, err);
    e->serving = false;
    serve(e);
}

static void ask_store(struct entry *e)
{
    struct store_request q;
    store_begin_query(&q, &sql_identity_get);
    store_put_text(&q, "device_id", hub_device_of(e->who));
    store_put_text(&q, "module_id", hub_module_of(e->who));
    e->wait.fn = on_loaded;
    e->asking = true;
    metric_inc(&loads_total);
    store_ask(e->registry->hub->store, e->registry->lane, &q, &e->wait);
}

/* Whoever is called may ask for the same identity again: then it stands at the end of the queue. */
static void serve(struct entry *e)
{
    if (e->serving || e->asking || e->writing) return;
    e->serving = true;
    while (e->loaded && !e->writing && !list_empty(&e->queue)) call_first(e, OK);
    e->serving = false;
    if (e->writing) return;
    if (list_empty(&e->queue))
        rest(e);
    else
        ask_store(e);
}

void registry_load(struct registry *r, struct slice who, struct registry_load *load,
                   registry_loaded_fn fn)
{
    ON_LANE(r->lane);
    load->fn = fn;
    if (r->waiting >= REGISTRY_WAITING_MAX) {
        metric_inc(&too_many_waiting);
        fn(load, NULL, ERR_THROTTLED);
        return;
    }
    metric_set(&waiting_now, ++r->waiting);
    struct entry *e = registry_entry(r, who);
    list_remove(&e->idle);
    list_push(&e->queue, &load->node);
    serve(e);
}

void entry_write(struct entry *e)
{
    assert(e->serving && !e->writing);
    e->writing = true;
}

void entry_written(struct entry *e)
{
    assert(e->writing);
    e->writing = false;
    if (e->doubtful) entry_forget(e);
    e->doubtful = false;
    serve(e);
}

/* ---- presence and listening */

struct presence identity_presence(const struct registry *r, const struct identity *id)
{
    struct buf who = {0};
    hub_put_who(&who, id->device_id, id->module_id);
    struct presence p = presence_of(&r->presences, buf_slice(&who));
    buf_free(&who);
    return p;
}

void registry_set_messages(struct registry *r, struct slice who, unsigned messages)
{
    struct entry *e = map_get(&r->entries, who);
    if (e == NULL) return;
    if (e->identity) e->identity->messages = messages;
    e->messages = messages;
    e->told = e->asking;
}

void registry_listen(struct registry *r, struct registry_listener *l)
{
    list_push(&r->listeners, &l->node);
}

void registry_tell(struct registry *r, struct slice who, enum registry_change change)
{
    LIST_EACH(node, &r->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        l->changed(l, who, change);
    }
}

void registry_tell_rekeying(struct registry *r, const struct identity *old)
{
    LIST_EACH(node, &r->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        if (l->rekeying) l->rekeying(l, old);
    }
}

void registry_set_connected(struct registry *r, struct slice who, bool connected, int64_t wall_us)
{
    ON_LANE(r->lane);
    presence_set_connected(&r->presences, who, connected, wall_us);
}

void registry_set_active(struct registry *r, struct slice who, int64_t wall_us)
{
    ON_LANE(r->lane);
    presence_set_active(&r->presences, who, wall_us);
}

void registry_set_twins(struct registry *r, struct registry_twins *t)
{
    r->twins = t;
}

void registry_put_twin_members(const struct registry *r, const struct identity *id, struct buf *out)
{
    struct buf who = {0};
    hub_put_who(&who, id->device_id, id->module_id);
    struct presence presence = presence_of(&r->presences, buf_slice(&who));
    identity_write_twin_members(out, id, &presence);
    buf_free(&who);
}

/* ---- life */

struct registry *registry_new(const struct hub *hub, struct lane *lane)
{
    struct registry *r = NEW(struct registry);
    r->hub = hub;
    r->lane = lane;
    r->cache_bytes = REGISTRY_CACHE_BYTES;
    list_init(&r->idle);
    list_init(&r->ops);
    list_init(&r->listeners);
    presences_init(&r->presences);
    verbs_join(r);
    write_join(r);
    list_join(r);
    modules_join(r);
    rows_join(r);
    known_join(r);
    return r;
}

void registry_limit_cache(struct registry *r, size_t bytes)
{
    r->cache_bytes = bytes;
}

void registry_free(struct registry *r)
{
    if (r == NULL) return;
    for (struct list *node; (node = list_shift(&r->ops)) != NULL;) {
        struct op *op = CONTAINER_OF(node, struct op, node);
        op->drop(op);
    }
    struct entry *e;
    for (size_t at = 0; (e = map_next(&r->entries, &at)) != NULL;) {
        identity_free(e->identity);
        free(e);
    }
    map_free(&r->entries);
    presences_fini(&r->presences);
    free(r);
}
