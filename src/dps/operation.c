/* operation.c - the steps; see operation.h for the picture. */
#include "dps/operation.h"
#include "dps/attempts.h"
#include "dps/explain.h"
#include "dps/issue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "base/say.h"
#include "base/text.h"
#include "dps/dps_sql.h"

COUNTER(assigned_total, "azimuth_dps_assigned_total", "Devices that were assigned to a hub");
COUNTER(failed_total, "azimuth_dps_failed_total", "Registrations that failed");
LIMIT_REACHED(too_many, "dps-registrations")
LIMIT_REACHED(too_many_of_group, "dps-registrations-of-group")
LIMIT_REACHED(too_many_to_ask_for, "dps-registrations-by-webhook")
COUNTER(refused_total, "azimuth_dps_registrations_refused_total",
        "Registrations refused because too many were under way");
GAUGE(operations_now, "azimuth_dps_operations", "Registrations under way");

static const char *const works[WORKS] = {"keep", "create", "reset", "migrate"};

struct operation *operation_find(const struct dps *d, struct slice id_lower)
{
    return map_get(&d->operations, id_lower);
}

static bool asks_webhook(const struct enrollment *e)
{
    return e->allocation == ALLOCATION_CUSTOM && !e->disabled;
}

/* ---- the end */

static void drop(struct operation *o)
{
    hub_ask_forget(&o->ask);
    webhook_forget(o);
    mem_wipe(&o->who.enrollment.keys, sizeof o->who.enrollment.keys);
    arena_wipe(&o->arena);
    free(o);
}

static void end(struct operation *o)
{
    struct dps *d = o->dps;
    struct group *g = o->who.group.len ? groups_find(&d->groups, o->who.group) : NULL;
    if (g && g->operations) g->operations--;
    if (asks_webhook(&o->who.enrollment)) d->webhook_count--;
    map_remove(&d->operations, o->id_lower);
    metric_set(&operations_now, (int64_t)d->operations.count);
    drop(o);
}

void operations_free(struct dps *d)
{
    struct operation *o;
    for (size_t i = 0; (o = map_next(&d->operations, &i)) != NULL;) drop(o);
    map_free(&d->operations);
}

/* The enrollment keeps its etag: nobody has changed what it says. */
static void note_storage_root_key(const struct operation *o, struct store_request *u)
{
    struct enrollment e = o->who.enrollment;
    struct buf document = BUF_SECRET;
    if (o->who.storage_root_key.len == 0) return;
    e.storage_root_key = o->who.storage_root_key;
    e.srk_shown = true;
    enrollment_write(&document, &e, ENROLLMENT_STORED, SLICE_NONE);
    store_add(u, &sql_dps_enrollment_note, STORE_ANY);
    store_put_text(u, "id_lower", o->id_lower);
    store_put_int(u, "etag", (int64_t)e.etag);
    store_put_text(u, "document", buf_slice(&document));
    buf_wipe(&document);
}

static void write_record(struct operation *o,
                         void (*fn)(struct store_wait *, struct store_answer *))
{
    struct store_request u;
    o->next.updated_us = clock_wall_us();
    o->next.etag++;
    o->wait.fn = fn;
    store_begin_unit(&u, STORE_INTERACTIVE);
    registration_put(&u, o->id_lower, &o->next);
    if (o->next.status == REGISTRATION_ASSIGNED) note_storage_root_key(o, &u);
    store_ask(o->dps->hub->store, o->dps->lane, &u, &o->wait);
}

static struct operation *of_wait(struct store_wait *w)
{
    return CONTAINER_OF(w, struct operation, wait);
}

/* Should the store not take it, the device is told that there is no such operation, and begins anew. */
static void on_end_written(struct store_wait *w, struct store_answer *a)
{
    struct operation *o = of_wait(w);
    if (a->err != OK)
        say_warn("dps.forgotten", "registration=%.*s err=%s", SLICE_ARG(o->next.id),
                 err_name(a->err));
    end(o);
}

/* Who is disabled may not. */
static void count_end(const struct operation *o)
{
    struct dps *d = o->dps;
    unsigned code = o->next.status == REGISTRATION_ASSIGNED   ? DPS_OK
                    : o->next.status == REGISTRATION_DISABLED ? DPS_UNAUTHORIZED
                                                              : o->next.error_code;
    dps_count_registration(&d->counters, d->hub, o->next.hub, code);
    if (code == DPS_OK) dps_count_assignment(&d->counters, d->hub, o->next.hub);
}

static void finish(struct operation *o, enum registration_status status)
{
    o->next.status = status;
    count_end(o);
    if (status == REGISTRATION_DISABLED) explain_disabled(o);
    attempt_note_end(o);
    say_debug("dps.registered", "registration=%.*s status=%s hub=%.*s device=%.*s code=%u",
              SLICE_ARG(o->next.id), registration_status_name(status), SLICE_ARG(o->next.hub),
              SLICE_ARG(o->next.device_id), o->next.error_code);
    write_record(o, on_end_written);
}

/* What failed before anything was remembered leaves the device where it was, and what is to be done. */
static void stay(struct operation *o)
{
    bool unfinished = o->has_before && o->before.work.len;
    o->next.hub = unfinished || operation_was_assigned(o) ? o->before.hub : SLICE_NONE;
    if (unfinished) o->next.work = o->before.work;
}

void operation_failed(struct operation *o, unsigned code, struct slice text)
{
    metric_inc(&failed_total);
    explain_failed(o, code, text);
    if (o->next.work.len == 0) stay(o);
    o->next.error_code = code;
    o->next.error_message = arena_copy(&o->arena, text_first_part(text, DPS_ERROR_TEXT_MAX));
    finish(o, REGISTRATION_FAILED);
}

static void fail_at_hub(struct operation *o, struct slice hub, const struct hub_reply *reply)
{
    struct buf text = {0};
    unsigned code = reply->http == 429 ? DPS_THROTTLED : DPS_HUB_FAILED;
    if (reply->http)
        buf_printf(&text, "the hub %.*s answered %u", SLICE_ARG(hub), reply->http);
    else
        buf_printf(&text, "the hub %.*s did not answer", SLICE_ARG(hub));
    buf_printf(&text, ": %.*s",
               SLICE_ARG(text_first_part(reply->text.len ? reply->text : reply->body,
                                         DPS_REPLY_TEXT_MAX)));
    operation_failed(o, code, buf_slice(&text));
    buf_free(&text);
}

static void succeed(struct operation *o)
{
    metric_inc(&assigned_total);
    o->next.work = SLICE_NONE;
    finish(o, REGISTRATION_ASSIGNED);
}

/* ---- at the hub */

static struct operation *of_ask(struct hub_ask *ask)
{
    return CONTAINER_OF(ask, struct operation, ask);
}

static bool went_well(const struct hub_reply *reply)
{
    return reply->http >= 200 && reply->http < 300;
}

/* Whoever was moved has one home only; a hub that does not answer keeps its stale identity. */
static void on_left(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    if (!went_well(reply) && reply->http != 404)
        say_warn("dps.left_behind", "device=%.*s hub=%.*s status=%u", SLICE_ARG(o->next.device_id),
                 SLICE_ARG(o->from), reply->http);
    succeed(o);
}

static void leave(struct operation *o)
{
    if (o->from.len == 0 || slice_eq_nocase(o->from, o->next.hub)) {
        succeed(o);
        return;
    }
    o->ask.fn = on_left;
    hub_delete_identity(&o->ask, o->from, o->before.device_id);
}

static void on_kept(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    if (went_well(reply))
        leave(o);
    else
        fail_at_hub(o, o->next.hub, reply);
}

/* Its group may have been disabled or deleted since it was attested. */
static bool is_cut_off(const struct operation *o)
{
    if (o->who.group.len == 0) return false;
    const struct group *g = groups_find(&o->dps->groups, o->who.group);
    return g == NULL || g->enrollment.disabled;
}

static bool same_text(const struct json *a, const struct json *b, const char *object,
                      const char *key)
{
    if (object) a = json_get(a, object), b = json_get(b, object);
    return slice_eq(json_str(a, key), json_str(b, key));
}

static bool is_known(const struct json *identity, const struct json *credential)
{
    const struct json *known = json_get(identity, "authentication");
    return same_text(known, credential, NULL, "type") &&
           same_text(known, credential, "symmetricKey", "primaryKey") &&
           same_text(known, credential, "symmetricKey", "secondaryKey") &&
           same_text(known, credential, "x509Thumbprint", "primaryThumbprint");
}

/* The credential that the device has just proved is the one that the hub shall know; all else stays. */
static void keep(struct operation *o)
{
    struct json *identity, *credential;
    struct buf text = BUF_SECRET;
    if (is_cut_off(o)) {
        finish(o, REGISTRATION_DISABLED);
        return;
    }
    if (json_parse(&o->arena, o->identity_json, &identity) != OK ||
        json_parse(&o->arena, o->who.identity, &credential) != OK) {
        operation_failed(o, DPS_HUB_FAILED, SLICE_LIT("the hub's identity is no JSON"));
        return;
    }
    if (is_known(identity, credential)) {
        leave(o);
        return;
    }
    if (o->who.issued) issue_keep_last(&o->arena, identity, credential);
    json_set(&o->arena, identity, SLICE_LIT("authentication"), credential);
    json_write(&text, identity);
    o->ask.fn = on_kept;
    hub_put_identity(&o->ask, o->next.hub, o->next.device_id, buf_slice(&text));
    buf_wipe(&text);
}

/* A bulk of one: its errors, or the warning that the twin was not written. */
static void on_created(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    struct json *result = NULL;
    const struct json *trouble = NULL;
    if (reply->body.len && json_parse(&o->arena, reply->body, &result) == OK) {
        trouble = json_get(result, "warnings");
        if (trouble == NULL || trouble->child == NULL) trouble = json_get(result, "errors");
        trouble = trouble ? trouble->child : NULL;
    }
    if (went_well(reply) && trouble == NULL) {
        leave(o);
    } else if (trouble) {
        struct slice text = json_str(trouble, "warningStatus");
        operation_failed(o, DPS_BAD_ARGUMENT, text.len ? text : json_str(trouble, "errorStatus"));
    } else {
        fail_at_hub(o, o->next.hub, reply);
    }
}

static void put_member(struct buf *out, const char *name, const struct json *value)
{
    if (value == NULL || value->type != JSON_OBJECT) return;
    buf_printf(out, ",\"%s\":", name);
    json_write(out, value);
}

/* What a migrated device brings, or what a new one begins with. */
static void put_twin(struct operation *o, struct buf *out)
{
    struct slice text = o->work == WORK_MIGRATE && o->twin.len ? o->twin : o->initial_twin;
    struct json *twin;
    if (text.len == 0 || json_parse(&o->arena, text, &twin) != OK) return;
    put_member(out, "tags", json_get(twin, "tags"));
    put_member(out, "properties", json_get(twin, "properties"));
}

/* Before the device connects and names it itself.  Only our own hub is known to take it. */
static void put_model(const struct operation *o, struct buf *out)
{
    const struct linked_hub *h = linked_find(&o->dps->linked, o->next.hub);
    if (o->who.model_id.len == 0 || h == NULL || !h->own) return;
    buf_put_str(out, ",\"modelId\":");
    text_json_string(out, o->who.model_id);
}

static void create(struct operation *o)
{
    const struct enrollment *e = &o->who.enrollment;
    struct buf text = BUF_SECRET;
    if (is_cut_off(o)) {
        finish(o, REGISTRATION_DISABLED);
        return;
    }
    buf_put_str(&text, "[{\"id\":");
    text_json_string(&text, o->next.device_id);
    buf_put_str(&text, ",\"importMode\":\"createOrUpdate\",\"status\":");
    text_json_string(&text, o->hub_status.len ? o->hub_status : SLICE_LIT("enabled"));
    buf_put_str(&text, ",\"authentication\":");
    buf_put_slice(&text, o->who.identity);
    buf_printf(&text, ",\"capabilities\":{\"iotEdge\":%s}", e->iot_edge ? "true" : "false");
    put_model(o, &text);
    put_twin(o, &text);
    buf_put_str(&text, "}]");
    o->ask.fn = on_created;
    hub_import(&o->ask, o->next.hub, buf_slice(&text));
    buf_wipe(&text);
}

static void on_reset(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    if (went_well(reply) || reply->http == 404)
        create(o);
    else
        fail_at_hub(o, o->next.hub, reply);
}

static void reset(struct operation *o)
{
    o->ask.fn = on_reset;
    hub_delete_identity(&o->ask, o->next.hub, o->next.device_id);
}

/* An old hub that has lost the device, or is not linked any more, has nothing to give. */
static void on_old_twin(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    if (!went_well(reply) && reply->http != 404) {
        fail_at_hub(o, o->from, reply);
        return;
    }
    if (went_well(reply)) o->twin = arena_copy(&o->arena, reply->body);
    if (o->twin.len == 0 && o->identity_json.len)
        keep(o);
    else
        create(o);
}

static void migrate(struct operation *o)
{
    o->ask.fn = on_old_twin;
    hub_get_twin(&o->ask, o->from, o->before.device_id);
}

static void do_work(struct operation *o)
{
    switch (o->work) {
    case WORK_KEEP: keep(o); break;
    case WORK_CREATE: create(o); break;
    case WORK_RESET: reset(o); break;
    case WORK_MIGRATE: migrate(o); break;
    case WORKS: break;
    }
}

/* ---- what is to be done, and that it be remembered */

static void on_work_stored(struct store_wait *w, struct store_answer *a)
{
    struct operation *o = of_wait(w);
    if (a->err == OK && is_cut_off(o))
        finish(o, REGISTRATION_DISABLED);
    else if (a->err == OK)
        do_work(o);
    else
        on_end_written(w, a);
}

static void remember(struct operation *o)
{
    struct buf work = {0};
    buf_printf(&work, "{\"work\":\"%s\",\"from\":", works[o->work]);
    text_json_string(&work, o->from);
    if (o->initial_twin.len) {
        buf_put_str(&work, ",\"twin\":");
        buf_put_slice(&work, o->initial_twin);
    }
    if (o->who.model_id.len) {
        buf_put_str(&work, ",\"modelId\":");
        text_json_string(&work, o->who.model_id);
    }
    buf_put_u8(&work, '}');
    o->next.work = arena_copy(&o->arena, buf_slice(&work));
    buf_free(&work);
    o->next.status = REGISTRATION_ASSIGNING;
    write_record(o, on_work_stored);
}

static void on_identity(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct operation *o = of_ask(ask);
    struct json *identity;
    if (!went_well(reply) && reply->http != 404) {
        fail_at_hub(o, o->next.hub, reply);
        return;
    }
    if (went_well(reply) && json_parse(&o->arena, reply->body, &identity) == OK) {
        o->identity_json = arena_copy(&o->arena, reply->body);
        o->hub_status = json_str(identity, "status");
    }
    if (o->work == WORK_KEEP && o->hub_status.len == 0) o->work = WORK_CREATE;
    remember(o);
}

/* A registration that failed before anything was begun elsewhere has left the device where it was. */
bool operation_was_assigned(const struct operation *o)
{
    return o->has_before && o->before.hub.len && o->before.work.len == 0 &&
           o->before.status != REGISTRATION_ASSIGNING;
}

bool operation_sticks(const struct operation *o)
{
    const struct enrollment *e = &o->who.enrollment;
    return e->has_reprovisioning && !e->updates_hub && operation_was_assigned(o) &&
           hub_is_linked(o->dps, o->before.hub);
}

/* False: nothing was left undone at that hub. */
static bool resume_work(struct operation *o)
{
    struct json *left;
    if (!o->has_before || o->before.work.len == 0 || !slice_eq_nocase(o->before.hub, o->next.hub) ||
        json_parse(&o->arena, o->before.work, &left) != OK)
        return false;
    struct slice name = json_str(left, "work");
    for (o->work = 0; o->work < WORKS - 1 && !slice_is(name, works[o->work]);) o->work++;
    o->from = json_str(left, "from");
    struct slice model = json_str(left, "modelId");
    if (model.len) o->who.model_id = model;
    const struct json *twin = json_get(left, "twin");
    struct buf text = {0};
    if (twin) json_write(&text, twin);
    o->initial_twin = arena_copy(&o->arena, buf_slice(&text));
    buf_free(&text);
    o->next.substatus = o->before.substatus;
    return true;
}

static bool resets(const struct operation *o)
{
    const struct enrollment *e = &o->who.enrollment;
    return e->has_reprovisioning && e->updates_hub && !e->migrates;
}

static void choose_work(struct operation *o)
{
    bool stays = slice_eq_nocase(o->before.hub, o->next.hub);
    if (!operation_was_assigned(o)) {
        o->work = WORK_KEEP; /* or to be created: see on_identity() */
        o->next.substatus = SUBSTATUS_INITIAL;
    } else if (resets(o)) {
        o->work = WORK_RESET;
        o->next.substatus = SUBSTATUS_RESET;
    } else if (stays) {
        o->work = WORK_KEEP;
        o->next.substatus = SUBSTATUS_REPROVISIONED;
    } else {
        o->work = WORK_MIGRATE;
        o->next.substatus = SUBSTATUS_MIGRATED;
    }
    if (operation_was_assigned(o) && !stays) o->from = o->before.hub;
}

void operation_allocated(struct operation *o, struct slice hub)
{
    o->next.hub = arena_copy(&o->arena, hub);
    if (!resume_work(o)) choose_work(o);
    o->ask.fn = on_identity;
    hub_get_identity(&o->ask, o->next.hub, o->next.device_id);
}

/* ---- the beginning */

static struct slice new_operation_id(struct arena *a)
{
    char text[DPS_OPERATION_ID_MAX], guid[RAND_GUID_LEN + 1];
    rand_guid(guid);
    snprintf(text, sizeof text, "4.%016llx.%s", (unsigned long long)rand_u64(), guid);
    return arena_copy(a, slice_str(text));
}

/* Hubs tell ids apart by case, registrations do not: a device keeps the id that it got. */
static struct slice device_id_of(const struct operation *o, struct slice id)
{
    const struct enrollment *e = &o->who.enrollment;
    if (e->device_id.len) return e->device_id;
    if (o->has_before && slice_eq_nocase(o->before.device_id, id)) return o->before.device_id;
    return e->kind == DPS_INDIVIDUAL ? e->id : id;
}

static void fill_next(struct operation *o, struct slice id, bool resumed)
{
    const struct registration *before = o->has_before ? &o->before : NULL;
    o->next = (struct registration){
        .id = o->who.enrollment.kind == DPS_INDIVIDUAL ? o->who.enrollment.id : id,
        .group = o->who.group,
        .operation_id = resumed ? o->before.operation_id : new_operation_id(&o->arena),
        .device_id = device_id_of(o, id),
        .proof = o->who.proof,
        .etag = before ? before->etag : 100000000 + rand_u64() % 900000000,
        .created_us = before ? before->created_us : clock_wall_us(),
        .payload = resumed ? o->before.payload : SLICE_NONE,
    };
}

/* A flood through one group leaves room for the others, and so do webhooks that do not answer.  NULL: it may begin. */
static struct metric *limit_met(const struct dps *d, const struct group *g,
                                const struct enrollment *e)
{
    if (d->operations.count >= DPS_OPERATIONS_MAX) return &too_many;
    if (g && g->operations >= DPS_OPERATIONS_EACH_MAX) return &too_many_of_group;
    if (asks_webhook(e) && d->webhook_count >= DPS_WEBHOOKS_MAX) return &too_many_to_ask_for;
    return NULL;
}

static bool has_room(const struct dps *d, const struct group *g, const struct enrollment *e)
{
    struct metric *met = limit_met(d, g, e);
    if (met == NULL) return true;
    metric_inc(met);
    metric_inc(&refused_total);
    return false;
}

/* That of its model, where the enrollment has one. */
static struct slice initial_twin_of(struct arena *a, const struct attested *who)
{
    struct json *twins, *found = NULL;
    struct buf text = {0};
    if (who->model_id.len == 0 || who->enrollment.model_twins.len == 0 ||
        json_parse(a, who->enrollment.model_twins, &twins) != OK)
        return who->enrollment.initial_twin;
    for (found = twins->child; found && !slice_eq(found->key, who->model_id);) found = found->next;
    if (found == NULL) return who->enrollment.initial_twin;
    json_write(&text, found);
    struct slice twin = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return twin;
}

/* What was begun at a hub that is not linked any more is begun anew, elsewhere. */
static bool is_unfinished(const struct operation *o)
{
    return o->has_before && o->before.work.len && hub_is_linked(o->dps, o->before.hub);
}

static void start(struct operation *o)
{
    const struct enrollment *e = &o->who.enrollment;
    if (e->disabled) {
        o->next.hub = o->has_before ? o->before.hub : SLICE_NONE;
        o->next.work = o->has_before ? o->before.work : SLICE_NONE;
        finish(o, REGISTRATION_DISABLED);
    } else if (is_unfinished(o) || (operation_sticks(o) && e->allocation != ALLOCATION_CUSTOM)) {
        operation_allocated(o, o->before.hub);
    } else {
        operation_allocate(o);
    }
}

unsigned operation_begin(struct call *c, const struct attested *who, struct slice payload,
                         bool resumed, struct operation **out)
{
    struct dps *d = c->dps;
    struct group *g = who->group.len ? groups_find(&d->groups, who->group) : NULL;
    if (!has_room(d, g, &who->enrollment)) return DPS_THROTTLED;
    if (g) g->operations++;
    if (asks_webhook(&who->enrollment)) d->webhook_count++;
    struct operation *o = *out = NEW(struct operation);
    o->dps = d;
    o->arena = c->arena;
    c->arena = (struct arena){0};
    o->who = *who;
    o->id_lower = c->id_lower;
    o->peer = arena_copy(&o->arena, c->peer);
    o->has_before = c->has_registration;
    if (o->has_before) o->before = c->registration;
    o->initial_twin = initial_twin_of(&o->arena, who);
    o->device_payload = payload;
    hub_ask_init(&o->ask, d);
    webhook_init(&o->webhook);
    fill_next(o, arena_copy(&o->arena, c->id), resumed);
    map_put(&d->operations, o->id_lower, o);
    metric_set(&operations_now, (int64_t)d->operations.count);
    start(o);
    return DPS_OK;
}
