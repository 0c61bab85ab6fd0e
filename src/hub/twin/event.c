/* event.c - what the stream hears of twins: changes, and what becomes of identities.
 *
 *   updateTwin    {"version", "tags": {changed}, "properties": {"desired": {changed, "$metadata",
 *                  "$version"}, "reported": likewise}}
 *   replaceTwin, createDeviceIdentity, deleteDeviceIdentity, createModuleIdentity,
 *   deleteModuleIdentity   the twin, without what mirrors the identity
 *
 * And of digital twins, whose shape is known elsewhere: twins.digital_change.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/event/event.h"
#include "hub/twin/home.h"

/* ---- bodies */

static void put_ids(struct buf *out, struct slice who)
{
    buf_put_str(out, "\"deviceId\":");
    text_json_string(out, hub_device_of(who));
    if (hub_module_of(who).len == 0) return;
    buf_put_str(out, ",\"moduleId\":");
    text_json_string(out, hub_module_of(who));
}

enum err twin_put_whole(struct buf *out, struct slice who, const struct twin *twin)
{
    struct buf ids = {0};
    put_ids(&ids, who);
    enum err e = twin_put_for_service(out, twin, buf_slice(&ids));
    buf_free(&ids);
    return e;
}

/* All of a patch was written now. */
static void put_stamps(struct buf *out, const struct json *patch, const struct section_stamp *now)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(now->wall_us, iso);
    buf_printf(out, "{\"$lastUpdated\":\"%s\"", iso);
    if (now->version) buf_printf(out, ",\"$lastUpdatedVersion\":%" PRId64, now->version);
    for (const struct json *j = patch->type == JSON_OBJECT ? patch->child : NULL; j; j = j->next) {
        if (j->type == JSON_NULL || slice_starts(j->key, SLICE_LIT("$"))) continue;
        buf_put_u8(out, ',');
        text_json_string(out, j->key);
        buf_put_u8(out, ':');
        put_stamps(out, j, now);
    }
    buf_put_u8(out, '}');
}

static void put_section(struct buf *out, const char *name, const struct json *patch,
                        const struct section_stamp *now, int64_t version)
{
    buf_printf(out, "\"%s\":{", name);
    if (section_write_patch(out, patch)) buf_put_u8(out, ',');
    buf_put_str(out, "\"$metadata\":");
    put_stamps(out, patch, now);
    buf_printf(out, ",\"$version\":%" PRId64 "}", version);
}

static void put_change(struct buf *out, const struct twin_change *change, const struct twin *next,
                       int64_t wall_us)
{
    struct section_stamp desired = {wall_us, next->desired_version}, reported = {wall_us, 0};
    buf_printf(out, "{\"version\":%" PRId64, next->version);
    if (change->tags) {
        buf_put_str(out, ",\"tags\":{");
        section_write_patch(out, change->tags);
        buf_put_u8(out, '}');
    }
    if (change->desired || change->reported) buf_put_str(out, ",\"properties\":{");
    if (change->desired)
        put_section(out, "desired", change->desired, &desired, next->desired_version);
    if (change->desired && change->reported) buf_put_u8(out, ',');
    if (change->reported)
        put_section(out, "reported", change->reported, &reported, next->reported_version);
    if (change->desired || change->reported) buf_put_u8(out, '}');
    buf_put_u8(out, '}');
}

/* ---- changes */

static bool replaces(const struct op *op)
{
    return op->ask.verb == ASK_WRITE && op->ask.how != TWIN_MERGE &&
           op->ask.how != TWIN_MERGE_DESIRED && op->ask.how != TWIN_CONFIGURE;
}

/* What the digital twin makes of it, from both as services are shown them. */
static enum err put_digital_change(struct op *op, const struct twin *next)
{
    const struct twins *t = op->entry->twins;
    struct buf before = {0}, after = {0};
    enum err e = twin_put_whole(&before, op->entry->who, op->entry->twin);
    if (e == OK) e = twin_put_whole(&after, op->entry->who, next);
    if (e == OK) t->digital_change(&op->bodies[1], buf_slice(&before), buf_slice(&after));
    buf_free(&before);
    buf_free(&after);
    return e;
}

enum err twin_event_prepare(struct op *op, const struct twin_change *change,
                            const struct twin *next, int64_t wall_us)
{
    const struct twins *t = op->entry->twins;
    if (!change->tags && !change->desired && !change->reported) return OK; /* configurations */
    if (event_wanted(t->events, RECORD_DIGITAL_TWIN_CHANGE) && t->digital_change)
        TRY(put_digital_change(op, next));
    if (event_wants_twin(t->events, RECORD_TWIN_CHANGE) ||
        event_wants_twin(t->events, RECORD_DIGITAL_TWIN_CHANGE))
        TRY(twin_put_whole(&op->view, op->entry->who, next));
    if (!event_wanted(t->events, RECORD_TWIN_CHANGE)) return OK;
    if (replaces(op)) return twin_put_whole(&op->bodies[0], op->entry->who, next);
    put_change(&op->bodies[0], change, next, wall_us);
    return OK;
}

void twin_event_add(struct op *op, struct store_request *unit)
{
    static const enum record_source sources[TWIN_EVENTS] = {RECORD_TWIN_CHANGE,
                                                            RECORD_DIGITAL_TWIN_CHANGE};
    for (int i = 0; i < TWIN_EVENTS; i++) {
        bool whole = sources[i] == RECORD_TWIN_CHANGE && replaces(op);
        if (buf_size(&op->bodies[i]) == 0) continue;
        op->events[i] = event_add(op->entry->twins->events, unit,
                                  &(struct event_draft){.source = sources[i],
                                                        .who = op->entry->who,
                                                        .op = whole ? "replaceTwin" : "updateTwin",
                                                        .body = buf_slice(&op->bodies[i]),
                                                        .twin = buf_slice(&op->view)});
    }
}

void twin_event_stored(struct op *op)
{
    for (int i = 0; i < TWIN_EVENTS; i++) {
        event_stored(op->entry->twins->events, op->events[i]);
        op->events[i] = NULL;
    }
}

void twin_event_drop(struct op *op)
{
    for (int i = 0; i < TWIN_EVENTS; i++) {
        event_drop(op->events[i]);
        op->events[i] = NULL;
        buf_free(&op->bodies[i]);
    }
    buf_free(&op->view);
}

/* ---- identities */

enum { EVENT_UNIT_BYTES_MAX = 1 << 20 }; /* of a unit to which events of whole twins are added */

struct pending {
    struct event *event; /* of the identity */
    struct event *first; /* of the twin that a bulk made with it; NULL: none */
    char who[HUB_WHO_LEN_MAX + 1];
};

static void drop_pending(struct twins *t, struct slice who)
{
    struct pending *p = map_remove(&t->lifecycle, who);
    if (p == NULL) return;
    event_drop(p->event);
    event_drop(p->first);
    free(p);
}

static struct pending *new_pending(struct twins *t, struct slice who)
{
    struct pending *p = NEW(struct pending);
    snprintf(p->who, sizeof p->who, "%.*s", SLICE_ARG(who));
    map_put(&t->lifecycle, slice_str(p->who), p);
    return p;
}

static void add_pending(struct twins *t, struct slice who, bool creates, const struct twin *twin,
                        struct store_request *unit)
{
    static const char *const ops[2][2] = {{"deleteDeviceIdentity", "createDeviceIdentity"},
                                          {"deleteModuleIdentity", "createModuleIdentity"}};
    const char *op = ops[hub_module_of(who).len > 0][creates];
    struct buf body = {0};
    drop_pending(t, who);
    if (event_wanted(t->events, RECORD_DEVICE_LIFECYCLE) && twin_put_whole(&body, who, twin) == OK)
        new_pending(t, who)->event =
            event_add(t->events, unit,
                      &(struct event_draft){.source = RECORD_DEVICE_LIFECYCLE,
                                            .who = who,
                                            .op = op,
                                            .body = buf_slice(&body),
                                            .twin = buf_slice(&body)});
    buf_free(&body);
}

void twin_event_first(struct twins *t, struct slice who, const struct twin *twin,
                      struct store_request *unit)
{
    struct pending *p = map_get(&t->lifecycle, who);
    struct buf body = {0};
    if (t->events == NULL || !event_wanted(t->events, RECORD_TWIN_CHANGE)) return;
    if (twin_put_whole(&body, who, twin) == OK) {
        if (p == NULL) p = new_pending(t, who);
        p->first = event_add(t->events, unit,
                             &(struct event_draft){.source = RECORD_TWIN_CHANGE,
                                                   .who = who,
                                                   .op = "replaceTwin",
                                                   .body = buf_slice(&body),
                                                   .twin = buf_slice(&body)});
    }
    buf_free(&body);
}

static bool hears_of_identities(const struct twins *t)
{
    return event_wanted(t->events, RECORD_DEVICE_LIFECYCLE) ||
           event_wanted(t->events, RECORD_TWIN_CHANGE);
}

static void on_creating(struct registry_listener *l, const struct identity *next,
                        struct store_request *unit)
{
    struct twins *t = CONTAINER_OF(l, struct twins, identities);
    struct arena arena = {0};
    struct twin fresh;
    struct buf who = {0};
    if (!hears_of_identities(t)) return;
    hub_put_who(&who, next->device_id, next->module_id);
    twin_fresh(&arena, next->generation, &fresh);
    add_pending(t, buf_slice(&who), true, &fresh, unit);
    buf_free(&who);
    arena_free(&arena);
}

/* Of a twin that is not in memory the fresh one stands for it; so it does for the last of many modules
 * that go with their device. */
static void on_deleting(struct registry_listener *l, struct slice who, struct store_request *unit)
{
    struct twins *t = CONTAINER_OF(l, struct twins, identities);
    struct entry *e = map_get(&t->entries, who);
    struct arena arena = {0};
    struct twin fresh;
    if (!hears_of_identities(t)) return;
    twin_fresh(&arena, SLICE_LIT(""), &fresh);
    bool whole = e && e->twin && buf_size(&unit->body) <= EVENT_UNIT_BYTES_MAX;
    add_pending(t, who, false, whole ? e->twin : &fresh, unit);
    arena_free(&arena);
}

static void on_changed(struct registry_listener *l, struct slice who, enum registry_change change)
{
    struct twins *t = CONTAINER_OF(l, struct twins, identities);
    if (change != REGISTRY_CREATED && change != REGISTRY_DELETED) return;
    struct pending *p = map_remove(&t->lifecycle, who);
    if (p == NULL) return; /* it could not be written */
    event_stored(t->events, p->event);
    event_stored(t->events, p->first);
    free(p);
}

static void on_undone(struct registry_listener *l, struct slice who)
{
    drop_pending(CONTAINER_OF(l, struct twins, identities), who);
}

static bool put_twin_at_hand(void *ctx, struct slice who, struct buf *out)
{
    const struct twins *t = ctx;
    const struct entry *e = map_get(&t->entries, who);
    return e && e->twin && twin_put_whole(out, who, e->twin) == OK;
}

void twins_set_events(struct twins *t, struct events *events, twin_digital_change_fn digital)
{
    t->events = events;
    t->digital_change = digital;
    if (events == NULL) return;
    events_set_twins(events, put_twin_at_hand, t);
    t->identities = (struct registry_listener){.changed = on_changed,
                                               .creating = on_creating,
                                               .deleting = on_deleting,
                                               .undone = on_undone};
    registry_listen(t->registry, &t->identities);
}

void twin_event_fini(struct twins *t)
{
    struct pending *p;
    for (size_t at = 0; (p = map_next(&t->lifecycle, &at)) != NULL;) {
        event_drop(p->event);
        event_drop(p->first);
        free(p);
    }
    map_free(&t->lifecycle);
}
