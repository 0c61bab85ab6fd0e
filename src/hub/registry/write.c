/* write.c - creating, updating and deleting, at home.
 *
 *   load ─▶ may it? (If-Match, exists) ─▶ read the document ─▶ unit to the store
 *     ▲                                                            │ OK: memory changes, listener,
 *     └──── somebody else changed the row: once more ◀── CONFLICT ─┘     answer
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/metrics.h"
#include "hub/registry/message.h"
#include "hub/registry/registry_sql.h"

COUNTER(creates_total, "azimuth_registry_creates_total", "Devices created.");
COUNTER(updates_total, "azimuth_registry_updates_total", "Devices updated.");
COUNTER(deletes_total, "azimuth_registry_deletes_total", "Devices deleted.");

struct write_op {
    struct op op;
    struct registry_load load;
    struct store_wait wait;
    struct registry *registry;
    struct msg *m;
    struct write write;
    struct entry *entry;   /* while the store is asked */
    struct identity *next; /* likewise; NULL: a delete */
    uint32_t count_step;   /* the unit's statement that keeps the number of devices in bounds */
    bool again;            /* the second attempt */
};

static void drop_write(struct op *op)
{
    struct write_op *o = CONTAINER_OF(op, struct write_op, op);
    free(o->next);
    msg_free(o->m);
    free(o);
}

static void end(struct write_op *o)
{
    op_end(&o->op);
    drop_write(&o->op);
}

static void refuse(struct write_op *o, enum status status, const char *text)
{
    answer_refusing(o->registry, o->m, status, text);
    end(o);
}

/* ---- what is allowed */

/* STATUS_OK, or why not; `id` is what there is, or NULL. */
static enum status check(const struct write *w, const struct identity *id, const char **why)
{
    char etag[ETAG_MAX + 1];
    *why = "Etag missing";
    if ((w->mode & WRITE_DELETES) && !(w->mode & WRITE_BULK) && w->if_match.ptr == NULL)
        return STATUS_PRECONDITION_FAILED;
    *why = "the device is not registered";
    if (id == NULL) return w->mode & WRITE_MAY_CREATE ? STATUS_OK : STATUS_DEVICE_NOT_FOUND;
    *why = "a device with that id exists already";
    if (!(w->mode & (WRITE_MAY_UPDATE | WRITE_DELETES))) return STATUS_DEVICE_ALREADY_EXISTS;
    *why = "the etag is not that of the device";
    etag_of_number(id->etag, etag);
    if (w->if_match.ptr && !etag_matches(w->if_match, slice_str(etag)))
        return STATUS_PRECONDITION_FAILED;
    return STATUS_OK;
}

/* ---- units */

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
}

static void add_update(struct store_request *u, const struct identity *old,
                       const struct identity *next)
{
    store_add(u, &sql_identity_update, 1);
    identity_put_params(u, next);
    store_put_int(u, "old_etag", (int64_t)old->etag);
}

static void add_delete(struct store_request *u, struct write_op *o, const struct identity *old)
{
    store_add(u, &sql_identity_delete, 1);
    store_put_text(u, "device_id", old->device_id);
    store_put_text(u, "module_id", old->module_id);
    store_put_int(u, "old_etag", (int64_t)old->etag);
    store_add(u, &sql_identity_delete_modules, STORE_ANY);
    store_put_text(u, "device_id", old->device_id);
    LIST_EACH(node, &o->registry->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        if (l->deleting) l->deleting(l, o->write.device_id, u);
    }
}

/* From `old` to `next`; one of them may be NULL. */
static void build_unit(struct store_request *u, struct write_op *o, const struct identity *old)
{
    const struct identity *next = o->next;
    int devices = (next != NULL) - (old != NULL);
    int disabled = (next && !next->enabled) - (old && !old->enabled);
    store_begin_unit(u, o->write.mode & WRITE_BULK ? STORE_BULK : STORE_INTERACTIVE);
    if (old == NULL)
        add_insert(u, next);
    else if (next == NULL)
        add_delete(u, o, old);
    else
        add_update(u, old, next);
    o->count_step = devices > 0 ? 1 : UINT32_MAX;
    if (devices) add_count(u, "devices", devices);
    if (disabled) add_count(u, "disabled", disabled);
}

/* ---- after the store said yes */

static void tell_listeners(struct registry *r, struct slice who, const struct identity *old,
                           const struct identity *next)
{
    if (old == NULL)
        registry_tell(r, who, REGISTRY_CREATED);
    else if (next == NULL)
        registry_tell(r, who, REGISTRY_DELETED);
    else if (old->enabled != next->enabled)
        registry_tell(r, who, next->enabled ? REGISTRY_ENABLED : REGISTRY_DISABLED);
    if (old && next && next->enabled && !identity_same_keys(old, next))
        registry_tell(r, who, REGISTRY_KEYS_CHANGED);
}

static void take_over(struct write_op *o)
{
    struct registry *r = o->registry;
    struct identity *next = o->next;
    const struct identity *old = o->entry->identity;
    metric_inc(next == NULL ? &deletes_total : old == NULL ? &creates_total : &updates_total);
    o->next = NULL;
    if (old && next) next->messages = old->messages; /* it may have changed meanwhile */
    tell_listeners(r, o->write.device_id, old, next);
    entry_set(o->entry, next);
    if (next) {
        answer_identity(r, o->m, next);
    } else {
        presence_forget(&r->presences, o->write.device_id);
        answer_done(r, o->m, &(struct registry_answer){.status = STATUS_OK});
    }
}

static void on_loaded(struct registry_load *load, const struct identity *old, enum err e);

/* Our copy is not what the store has.  This identity has one home, so it takes a second hub on the
 * same store to get here; looking again once is enough to be right. */
static void try_again(struct write_op *o)
{
    struct entry *e = o->entry;
    entry_forget(e);
    free(o->next);
    o->next = NULL;
    o->again = true;
    registry_load(o->registry, o->write.device_id, &o->load, on_loaded);
    entry_written(e);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct write_op *o = CONTAINER_OF(w, struct write_op, wait);
    struct entry *e = o->entry;
    o->registry->waiting--;
    if (a->err == ERR_CONFLICT && a->statement != o->count_step && !o->again) {
        try_again(o);
        return;
    }
    if (a->err == OK)
        take_over(o);
    else if (a->err == ERR_CONFLICT && a->statement == o->count_step)
        answer_refusing(o->registry, o->m, STATUS_TOO_MANY_DEVICES, "the hub is full");
    else
        answer_load_error(o->registry, o->m, a->err);
    end(o);
    entry_written(e);
}

/* ---- before */

/* Sets o->next; on anything else than STATUS_OK fail_text() says why. */
static enum status read_document(struct write_op *o, struct arena *a, const struct identity *old)
{
    struct json *doc;
    struct identity next = {.device_id = o->write.device_id,
                            .module_id = SLICE_LIT(""),
                            .subscriptions = old ? old->subscriptions : 0,
                            .messages = old ? old->messages : 0};
    if (json_parse(a, o->write.json, &doc) != OK) return STATUS_DESERIALIZATION_ERROR;
    if (document_read(a, doc, old, &next) != OK) return STATUS_ARGUMENT_INVALID;
    o->next = identity_copy(&next);
    return STATUS_OK;
}

static void start(struct write_op *o, const struct identity *old)
{
    struct store_request u;
    build_unit(&u, o, old);
    o->entry = registry_entry(o->registry, o->write.device_id);
    o->registry->waiting++;
    entry_write(o->entry);
    o->wait.fn = on_stored;
    store_ask(o->registry->hub->store, o->registry->lane, &u, &o->wait);
}

static void prepare(struct write_op *o, const struct identity *old)
{
    const char *why;
    struct arena arena = {0};
    enum status status = check(&o->write, old, &why);
    if (status == STATUS_OK && !(o->write.mode & WRITE_DELETES)) {
        status = read_document(o, &arena, old);
        why = fail_text();
    }
    if (status == STATUS_OK)
        start(o, old);
    else
        refuse(o, status, why);
    arena_free(&arena);
}

static void on_loaded(struct registry_load *load, const struct identity *old, enum err e)
{
    struct write_op *o = CONTAINER_OF(load, struct write_op, load);
    if (e == OK || e == ERR_NOT_FOUND) {
        prepare(o, old);
    } else {
        answer_load_error(o->registry, o->m, e);
        end(o);
    }
}

static void on_write(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    struct write w = write_msg_read(m);
    (void)lane;
    if (!hub_id_valid(w.device_id)) {
        answer_invalid_id(r, m);
    } else if (w.json.len > REGISTRY_BODY_MAX) {
        answer_refusing(r, m, STATUS_MESSAGE_TOO_LARGE, "an identity has at most 64 KiB of JSON");
    } else {
        struct write_op *o = NEW(struct write_op);
        msg_keep(m);
        o->registry = r;
        o->m = m;
        o->write = w;
        op_begin(r, &o->op, drop_write);
        registry_load(r, w.device_id, &o->load, on_loaded);
    }
}

void write_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_WRITE, on_write, r);
}
