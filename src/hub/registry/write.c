/* write.c - creating, updating and deleting, at home.
 *
 *   [of a module: load its device, hold it]
 *     ▼
 *   load ─▶ may it? (If-Match, exists) ─▶ read the document ─▶ [of a device: which modules has it?]
 *     ▲                                                          ▼
 *     │                                                        unit to the store
 *     │                                                          │ OK: memory changes, listeners,
 *     └──── somebody else changed the row: once more ◀─ CONFLICT ┘     answer
 */
#include "hub/registry/write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limit.h"

LIMIT_REACHED(too_many_devices, "devices")
LIMIT_REACHED(too_many_modules, "modules-of-device")
COUNTER(creates_total, "azimuth_registry_creates_total", "Identities created.");
COUNTER(updates_total, "azimuth_registry_updates_total", "Identities updated.");
COUNTER(deletes_total, "azimuth_registry_deletes_total",
        "Identities deleted, without the modules of deleted devices.");

static void count_change(const struct write_op *o, const struct identity *old,
                         const struct identity *next)
{
    metric_inc(next == NULL ? &deletes_total : old == NULL ? &creates_total : &updates_total);
    if (hub_module_of(o->write.who).len == 0)
        metric_add(&registry_devices, (next != NULL) - (old != NULL));
}

/* What belongs to one attempt. */
static void drop_attempt(struct write_op *o)
{
    identity_free(o->next);
    o->next = NULL;
    edge_drop_modules(o);
    module_ids_free(&o->modules);
}

static void drop_write(struct op *op)
{
    struct write_op *o = CONTAINER_OF(op, struct write_op, op);
    drop_attempt(o);
    msg_free(o->m);
    free(o);
}

/* The entries that it held serve those who wait; they may be gone afterwards. */
static void end(struct write_op *o)
{
    struct entry *entry = o->entry, *device = o->device;
    op_end(&o->op);
    drop_write(&o->op);
    if (entry) entry_written(entry);
    if (device) entry_written(device);
}

static void refuse(struct write_op *o, enum status status, const char *text)
{
    answer_refusing(o->registry, o->m, status, text);
    end(o);
}

/* ---- what is allowed */

struct words {
    enum status missing, exists, full;
    const char *is_missing, *is_there, *has_another_etag, *is_full;
    struct metric *fulls;
};

static const struct words *words_of(const struct write_op *o)
{
    static const struct words device = {STATUS_DEVICE_NOT_FOUND,
                                        STATUS_DEVICE_ALREADY_EXISTS,
                                        STATUS_TOO_MANY_DEVICES,
                                        "the device is not registered",
                                        "a device with that id exists already",
                                        "the etag is not that of the device",
                                        "the hub is full",
                                        &too_many_devices};
    static const struct words module = {STATUS_MODULE_NOT_FOUND,
                                        STATUS_MODULE_ALREADY_EXISTS,
                                        STATUS_TOO_MANY_MODULES,
                                        "the module is not registered",
                                        "a module with that id exists already on the device",
                                        "the etag is not that of the module",
                                        "the device has as many modules as it may have",
                                        &too_many_modules};
    return write_is_module(o) ? &module : &device;
}

/* The hub's own modules come and go with their device. */
static bool is_hubs_own(const struct write_op *o)
{
    return slice_starts(hub_module_of(o->write.who), SLICE_LIT("$"));
}

/* STATUS_OK, or why not; `id` is what there is, or NULL. */
static enum status check(const struct write_op *o, const struct identity *id, const char **why)
{
    const struct write *w = &o->write;
    const struct words *words = words_of(o);
    char etag[ETAG_MAX + 1];
    *why = "Etag missing";
    if ((w->mode & WRITE_DELETES) && !(w->mode & WRITE_BULK) && w->if_match.ptr == NULL)
        return STATUS_PRECONDITION_FAILED;
    *why = words->is_missing;
    if (id == NULL && !(w->mode & WRITE_MAY_CREATE)) return words->missing;
    *why = "modules whose names begin with '$' come and go with their edge device";
    if (is_hubs_own(o) && (id == NULL || (w->mode & WRITE_DELETES))) return STATUS_ARGUMENT_INVALID;
    if (id == NULL) return STATUS_OK;
    *why = words->is_there;
    if (!(w->mode & (WRITE_MAY_UPDATE | WRITE_DELETES))) return words->exists;
    *why = words->has_another_etag;
    etag_of_number(id->etag, etag);
    if (w->if_match.ptr && !etag_matches(w->if_match, slice_str(etag)))
        return STATUS_PRECONDITION_FAILED;
    return STATUS_OK;
}

/* ---- after the store said yes */

struct slice write_module(const struct write_op *o, struct slice module_id, struct buf *text)
{
    buf_clear(text);
    hub_put_who(text, hub_device_of(o->write.who), module_id);
    return buf_slice(text);
}

static bool moved(const struct identity *old, const struct identity *next)
{
    return !slice_eq(old->parent_scope, next->parent_scope) || (old->iot_edge && !next->iot_edge);
}

static void tell(struct registry *r, struct slice who, const struct identity *old,
                 const struct identity *next)
{
    if (old == NULL)
        registry_tell(r, who, REGISTRY_CREATED);
    else if (next == NULL)
        registry_tell(r, who, REGISTRY_DELETED);
    else if (old->enabled != next->enabled)
        registry_tell(r, who, next->enabled ? REGISTRY_ENABLED : REGISTRY_DISABLED);
    else if (!identity_same_shown(old, next))
        registry_tell(r, who, REGISTRY_CHANGED);
    if (old && next && next->enabled && !identity_same_keys(old, next)) {
        registry_tell_rekeying(r, old);
        registry_tell(r, who, REGISTRY_KEYS_CHANGED);
    }
    if (old && next && moved(old, next)) registry_tell(r, who, REGISTRY_MOVED);
}

static enum registry_change fate_of_modules(const struct identity *old, const struct identity *next)
{
    if (next == NULL) return REGISTRY_DELETED;
    if (old->enabled == next->enabled) return REGISTRY_MOVED;
    return next->enabled ? REGISTRY_ENABLED : REGISTRY_DISABLED;
}

/* Its modules went with it, are enabled or disabled like it, or have moved with it. */
static void tell_of_modules(struct write_op *o, const struct identity *old,
                            const struct identity *next)
{
    struct registry *r = o->registry;
    struct cur at = cur_of(buf_slice(&o->modules.text));
    struct buf text = {0};
    struct slice id;
    if (old == NULL || (next && old->enabled == next->enabled && !moved(old, next))) return;
    while (module_ids_next(&at, &id)) {
        struct slice who = write_module(o, id, &text);
        registry_doubt(r, who);
        if (next == NULL) presence_forget(&r->presences, who);
        registry_tell(r, who, fate_of_modules(old, next));
    }
    buf_free(&text);
}

static void tell_of_edge_modules(struct write_op *o)
{
    struct buf text = {0};
    for (int i = 0; i < EDGE_MODULES; i++) {
        if (o->edge_modules[i] == NULL) continue;
        struct slice who = write_module(o, o->edge_modules[i]->module_id, &text);
        registry_doubt(o->registry, who);
        registry_tell(o->registry, who, REGISTRY_CREATED);
    }
    buf_free(&text);
}

static void answer_keys(struct write_op *o, const struct identity *id)
{
    struct buf json = BUF_SECRET;
    identity_write_keys(&json, id);
    answer_done(o->registry, o->m, &(struct registry_answer){.body = buf_slice(&json)});
    buf_wipe(&json);
}

static void take_over(struct write_op *o)
{
    struct registry *r = o->registry;
    struct identity *next = o->next;
    const struct identity *old = o->entry->identity;
    count_change(o, old, next);
    o->next = NULL;
    if (old && next) next->messages = old->messages; /* it may have changed meanwhile */
    tell_of_modules(o, old, next);
    tell(r, o->write.who, old, next);
    tell_of_edge_modules(o);
    entry_set(o->entry, next);
    if (next && (o->write.mode & WRITE_REKEY)) {
        answer_keys(o, next);
    } else if (next && (o->write.mode & WRITE_BULK)) {
        answer_done(r, o->m,
                    &(struct registry_answer){.twin = o->twin, .text = slice_str(o->twin_text)});
    } else if (next) {
        answer_identity(r, o->m, next);
    } else {
        presence_forget(&r->presences, o->write.who);
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
    drop_attempt(o);
    o->entry = NULL;
    o->again = true;
    registry_load(o->registry, o->write.who, &o->load, on_loaded);
    entry_written(e);
}

static void tell_of_undone(const struct registry *r, struct slice who)
{
    LIST_EACH(node, &r->listeners)
    {
        struct registry_listener *l = CONTAINER_OF(node, struct registry_listener, node);
        if (l->undone) l->undone(l, who);
    }
}

/* Of the identity, and of modules that were to come or go with it. */
static void tell_undone(const struct write_op *o)
{
    struct cur at = cur_of(buf_slice(&o->modules.text));
    struct buf text = {0};
    struct slice id;
    while (o->next == NULL && module_ids_next(&at, &id))
        tell_of_undone(o->registry, write_module(o, id, &text));
    for (int i = 0; i < EDGE_MODULES; i++)
        if (o->edge_modules[i])
            tell_of_undone(o->registry, write_module(o, o->edge_modules[i]->module_id, &text));
    tell_of_undone(o->registry, o->write.who);
    buf_free(&text);
}

/* What there is leaves no place for it: that is answered. */
static bool refused_for_room(const struct write_op *o, const struct store_answer *a)
{
    const struct words *words = words_of(o);
    bool full = a->statement == o->room_step, deep = a->statement == o->hierarchy_step;
    if (a->err != ERR_CONFLICT || (!full && !deep)) return false;
    if (full) metric_inc(words->fulls);
    if (full)
        answer_refusing(o->registry, o->m, words->full, words->is_full);
    else
        answer_refusing(
            o->registry, o->m, STATUS_ARGUMENT_INVALID,
            "Invalid device scope: the device would be below itself, or more than 5 edge "
            "devices below each other");
    return true;
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct write_op *o = CONTAINER_OF(w, struct write_op, wait);
    o->registry->waiting--;
    if (a->err != OK) tell_undone(o);
    if (refused_for_room(o, a)) {
        end(o);
        return;
    }
    if (a->err == ERR_CONFLICT && !o->again) {
        try_again(o);
        return;
    }
    if (a->err == OK)
        take_over(o);
    else
        answer_load_error(o->registry, o->m, a->err);
    end(o);
}

/* ---- before: what becomes of a device may concern its modules */

/* A new identity comes with its twin in one unit: it is nobody's yet, so there is none to ask for. */
static void add_twin(struct store_request *u, struct write_op *o, const struct identity *old)
{
    struct registry_twins *twins = o->registry->twins;
    o->twin = REGISTRY_TWIN_LEFT;
    if (old || o->next == NULL || o->write.twin.len == 0 || twins == NULL) return;
    if (twins->first(twins, o->write.who, o->next->generation, o->write.twin, u) == OK) {
        o->twin = REGISTRY_TWIN_WRITTEN;
    } else {
        o->twin = REGISTRY_TWIN_REFUSED;
        snprintf(o->twin_text, sizeof o->twin_text, "%s", fail_text());
    }
}

static void ask_unit(struct write_op *o, const struct identity *old)
{
    struct store_request u;
    edge_make_modules(o, old);
    unit_build(&u, o, old);
    add_twin(&u, o, old);
    o->wait.fn = on_stored;
    store_ask(o->registry->hub->store, o->registry->lane, &u, &o->wait);
}

static bool concerns_modules(const struct write_op *o, const struct identity *old)
{
    if (old == NULL || write_is_module(o)) return false;
    return o->next == NULL || old->enabled != o->next->enabled ||
           old->iot_edge != o->next->iot_edge || moved(old, o->next);
}

static void on_modules(struct store_wait *w, struct store_answer *a)
{
    struct write_op *o = CONTAINER_OF(w, struct write_op, wait);
    enum { MODULE_ID = 14 }; /* its column */
    if (a->err != OK) {
        o->registry->waiting--;
        answer_load_error(o->registry, o->m, a->err);
        end(o);
        return;
    }
    while (store_next(a)) module_ids_add(&o->modules, a->col[MODULE_ID].bytes);
    ask_unit(o, o->entry->identity);
}

static void start(struct write_op *o, const struct identity *old)
{
    o->entry = registry_entry(o->registry, o->write.who);
    o->registry->waiting++;
    entry_write(o->entry);
    if (concerns_modules(o, old)) {
        o->wait.fn = on_modules;
        modules_ask(o->registry, old->device_id, SLICE_LIT(""), &o->wait);
    } else {
        ask_unit(o, old);
    }
}

/* Sets o->next; on anything else than STATUS_OK fail_text() says why. */
static enum status read_document(struct write_op *o, struct arena *a, const struct identity *old)
{
    struct json *doc;
    struct slice module_id = hub_module_of(o->write.who);
    struct identity next = {.device_id = hub_device_of(o->write.who),
                            .module_id = module_id.len ? module_id : SLICE_LIT(""),
                            .enabled = o->device && o->device->identity->enabled,
                            .subscriptions = old ? old->subscriptions : 0,
                            .model_id = old ? old->model_id : SLICE_NONE,
                            .messages = old ? old->messages : 0};
    if (json_parse(a, o->write.json, &doc) != OK) return STATUS_DESERIALIZATION_ERROR;
    if (document_read(a, doc, (o->write.mode & WRITE_BULK) != 0, old, &next) != OK)
        return STATUS_ARGUMENT_INVALID;
    o->next = identity_copy(&next);
    return STATUS_OK;
}

/* Likewise. */
static enum status change_keys(struct write_op *o, struct arena *a, const struct identity *old)
{
    struct identity next;
    if (document_rekey(a, old, rekey_keys(o->write.json), &next) != OK)
        return STATUS_ARGUMENT_INVALID;
    o->next = identity_copy(&next);
    return STATUS_OK;
}

static void prepare(struct write_op *o, const struct identity *old)
{
    const char *why;
    struct arena arena = {0};
    enum status status = check(o, old, &why);
    if (status == STATUS_OK && !(o->write.mode & WRITE_DELETES)) {
        bool keys = o->write.mode & WRITE_REKEY;
        status = keys ? change_keys(o, &arena, old) : read_document(o, &arena, old);
        why = fail_text();
    }
    if (status == STATUS_OK)
        start(o, old);
    else
        refuse(o, status, why);
    arena_wipe(&arena);
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

/* A module needs its device, and keeps it as it is while it is written itself. */
static void on_device_loaded(struct registry_load *load, const struct identity *device, enum err e)
{
    struct write_op *o = CONTAINER_OF(load, struct write_op, load);
    struct slice token = o->write.token;
    if (e != OK) {
        answer_load_error(o->registry, o->m, e);
        end(o);
    } else if (token.ptr && !token_is_of(o->registry, token, device)) {
        answer_unauthorized(o->registry, o->m);
        end(o);
    } else {
        o->device = registry_entry(o->registry, device->device_id);
        entry_write(o->device);
        registry_load(o->registry, o->write.who, &o->load, on_loaded);
    }
}

static void begin(struct registry *r, struct msg *m, const struct write *w)
{
    struct write_op *o = NEW(struct write_op);
    msg_keep(m);
    o->registry = r;
    o->m = m;
    o->write = *w;
    op_begin(r, &o->op, drop_write);
    if (write_is_module(o))
        registry_load(r, hub_device_of(w->who), &o->load, on_device_loaded);
    else
        registry_load(r, w->who, &o->load, on_loaded);
}

static void on_write(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    struct write w = write_msg_read(m);
    (void)lane;
    if (!hub_who_valid(w.who))
        answer_invalid_id(r, m);
    else if (w.token.ptr && hub_module_of(w.who).len == 0)
        answer_unauthorized(r, m);
    else if (w.json.len > REGISTRY_BODY_MAX)
        answer_refusing(r, m, STATUS_MESSAGE_TOO_LARGE, "an identity has at most 64 KiB of JSON");
    else
        begin(r, m, &w);
}

void write_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_WRITE, on_write, r);
}
