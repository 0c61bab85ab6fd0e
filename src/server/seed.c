/* seed.c - from the file to documents, and from those to devices. */
#include "server/seed.h"

#include <stdio.h>

#include "base/yaml.h"
#include "server/seed_fields.h"

/* ---- what may be said of a device: Device of the service API, as far as there is something to set, and of its
 * twin */

static const struct seed_field keys[] = {
    {"primaryKey", SEED_TEXT, NULL}, {"secondaryKey", SEED_TEXT, NULL}, {0}};

static const struct seed_field thumbprints[] = {
    {"primaryThumbprint", SEED_TEXT, NULL}, {"secondaryThumbprint", SEED_TEXT, NULL}, {0}};

static const struct seed_field authentication[] = {{"type", SEED_TEXT, NULL},
                                                   {"symmetricKey", SEED_OBJECT, keys},
                                                   {"x509Thumbprint", SEED_OBJECT, thumbprints},
                                                   {0}};

static const struct seed_field capabilities[] = {{"iotEdge", SEED_SWITCH, NULL}, {0}};

static const struct seed_field properties[] = {{"desired", SEED_SECTION, NULL}, {0}};

static const struct seed_field device_fields[] = {{"deviceId", SEED_TEXT, NULL},
                                                  {"status", SEED_TEXT, NULL},
                                                  {"statusReason", SEED_TEXT, NULL},
                                                  {"deviceScope", SEED_TEXT, NULL},
                                                  {"authentication", SEED_OBJECT, authentication},
                                                  {"capabilities", SEED_OBJECT, capabilities},
                                                  {"tags", SEED_ELSEWHERE, NULL},
                                                  {"properties", SEED_ELSEWHERE, NULL},
                                                  {0}};

static const struct seed_field twin_fields[] = {
    {"tags", SEED_SECTION, NULL}, {"properties", SEED_OBJECT, properties}, {0}};

enum err seed_bad(const struct seed *s, const struct yaml *at, const char *what)
{
    return yaml_bad(s->path, at, what);
}

/* ---- the file as documents */

/* A name alone is a device with nothing said about it. */
static enum err find_id(const struct seed *s, const struct yaml *item, struct slice *out)
{
    const struct yaml *id = item->kind == YAML_TEXT ? item : yaml_get(item, "deviceId");
    if (id == NULL || yaml_is_null(id)) return seed_bad(s, item, "deviceId is missing");
    if (id->kind != YAML_TEXT || !hub_id_valid(id->text))
        return fail(ERR_INVALID, "%s:%zu: '%.*s' is not a device id", s->path, id->line,
                    SLICE_ARG(slice_head(id->text, HUB_ID_LEN_MAX)));
    *out = id->text;
    return OK;
}

static enum err read_device(struct seed *s, const struct yaml *item, struct seed_device *d)
{
    struct buf json = BUF_SECRET;
    TRY(find_id(s, item, &d->id));
    d->line = item->line;
    d->seed = s;
    enum err e = OK;
    if (item->kind == YAML_TEXT)
        buf_printf(&json, "{\"deviceId\":\"%.*s\"}", SLICE_ARG(d->id));
    else
        e = seed_put_object(s, &json, item, device_fields);
    d->json = arena_copy(&s->arena, buf_slice(&json));
    if (e == OK && item->kind == YAML_MAP) {
        buf_clear(&json);
        e = seed_put_members(s, &json, item, twin_fields);
        if (json.len) d->twin = arena_copy(&s->arena, buf_slice(&json));
    }
    buf_wipe(&json);
    return e;
}

static enum err read_devices(struct seed *s, const struct yaml *list)
{
    struct seed_device **end = &s->devices;
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next) {
        if (s->ids.count == SEED_DEVICES_MAX)
            return fail(ERR_INVALID, "%s:%zu: more than %d devices", s->path, item->line,
                        SEED_DEVICES_MAX);
        struct seed_device *d = arena_zero(&s->arena, sizeof *d);
        TRY(read_device(s, item, d));
        const struct seed_device *same = map_put(&s->ids, d->id, d);
        if (same)
            return fail(ERR_INVALID, "%s:%zu: device '%.*s' is there already on line %zu", s->path,
                        d->line, SLICE_ARG(d->id), same->line);
        *end = d;
        end = &d->next;
    }
    return OK;
}

/* ---- routes: any YAML, as JSON; the hub judges it */

/* Text whatever it looks like: a condition may be the word true. */
static const char *const texts[] = {"name", "condition", "key", "value", NULL};

struct slice seed_json(struct seed *s, const struct yaml *item)
{
    struct buf json = BUF_SECRET;
    yaml_put_json(&json, item, texts);
    struct slice kept = arena_copy(&s->arena, buf_slice(&json));
    buf_wipe(&json);
    return kept;
}

static enum err read_routing(struct seed *s, const struct yaml *section)
{
    if (section->kind != YAML_MAP) return seed_bad(s, section, "names and values were expected");
    s->routing = seed_json(s, section);
    s->routing_line = section->line;
    return OK;
}

static enum err read_section(struct seed *s, const struct yaml *section)
{
    static const struct {
        const char *name;
        enum err (*read)(struct seed *s, const struct yaml *section);
    } sections[] = {{"devices", read_devices},
                    {"enrollments", seed_read_enrollments},
                    {"enrollmentGroups", seed_read_enrollment_groups},
                    {"configurations", seed_read_configurations},
                    {"eventHubs", seed_read_event_hubs},
                    {"consumerGroups", seed_read_groups},
                    {"capture", seed_read_capture},
                    {"diagnosticSettings", seed_read_diagnostics},
                    {"routing", read_routing}};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (slice_is(section->name, sections[i].name))
            return yaml_is_null(section) ? OK : sections[i].read(s, section);
    if (slice_is(section->name, "twins"))
        return seed_bad(s, section, "tags and properties are said with each device");
    return seed_bad(
        s, section,
        "there is no such section; this release has 'devices', 'enrollments', "
        "'enrollmentGroups', 'configurations', 'eventHubs', 'consumerGroups', 'capture', "
        "'diagnosticSettings' and 'routing'");
}

enum err seed_load(struct seed *s, const char *path)
{
    struct yaml *top;
    *s = (struct seed){.path = path};
    s->steps_end = &s->steps;
    s->enrollments_end = &s->enrollments;
    TRY(yaml_read(&s->arena, path, SEED_FILE_MAX, &top));
    if (top->kind != YAML_MAP)
        return seed_bad(s, top,
                        "the file is no map of sections, such as 'devices:' or 'eventHubs:'");
    for (const struct yaml *section = top->child; section; section = section->next)
        TRY(read_section(s, section));
    return OK;
}

void seed_free(struct seed *s)
{
    map_free(&s->ids);
    arena_wipe(&s->arena);
    *s = (struct seed){0};
}

/* ---- the documents as devices */

static void plant_some(struct seed *s);

static void refuse(struct seed_device *d, enum status status, struct slice text)
{
    struct seed *s = d->seed;
    if (s->why[0]) return;
    snprintf(s->why, sizeof s->why, "%s:%zu: device '%.*s': %.*s", s->path, d->line,
             SLICE_ARG(d->id), SLICE_ARG(text.len ? text : slice_str(status_name(status))));
}

static void device_done(struct seed *s)
{
    s->under_way--;
    plant_some(s);
}

static void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    struct seed_device *d = CONTAINER_OF(w, struct seed_device, twin_wait);
    if (a->status != STATUS_OK && a->status != STATUS_PRECONDITION_FAILED)
        refuse(d, a->status, a->text);
    device_done(d->seed);
}

/* The etag with which hub/twin begins: no service wrote it yet. */
#define TWIN_UNWRITTEN "AAAAAAAAAAE="

/* Of a device that was there: only if no service wrote its twin yet, so that a seed which was interrupted
 * is planted to its end. */
static void plant_twin(struct seed_device *d, bool created)
{
    d->twin_wait.fn = on_twin;
    d->twin_wait.by = SLICE_LIT("the seed");
    twin_write(d->seed->doors.twins, d->id, TWIN_MERGE,
               created ? SLICE_NONE : SLICE_LIT(TWIN_UNWRITTEN), d->twin, &d->twin_wait);
}

static void on_answer(struct registry_wait *w, const struct registry_answer *a)
{
    struct seed_device *d = CONTAINER_OF(w, struct seed_device, wait);
    bool created = a->status == STATUS_OK;
    d->seed->created += created;
    bool there = created || a->status == STATUS_DEVICE_ALREADY_EXISTS;
    if (!there) refuse(d, a->status, a->text);
    if (there && d->twin.len)
        plant_twin(d, created);
    else
        device_done(d->seed);
}

/* Only a hub whose routing nobody changed has version 0. */
static void on_routing(struct routing_wait *w, enum err result, const char *text)
{
    struct seed *s = CONTAINER_OF(w, struct seed, routing_wait);
    if (result != OK && result != ERR_PRECONDITION)
        snprintf(s->why, sizeof s->why, "%s:%zu: routing: %s", s->path, s->routing_line, text);
    s->done(s->ctx);
}

void seed_plant_routing(struct seed *s)
{
    char etag[ETAG_MAX + 1];
    if (s->why[0] || s->routing.len == 0) {
        s->done(s->ctx);
        return;
    }
    etag_of_number(0, etag);
    s->routing_wait.fn = on_routing;
    routing_put(s->doors.routing, slice_str(etag), s->routing, &s->routing_wait);
}

/* After a refusal nothing more is asked for. */
static void plant_some(struct seed *s)
{
    if (s->why[0]) s->waiting = NULL;
    while (s->waiting && s->under_way < SEED_WINDOW) {
        struct seed_device *d = s->waiting;
        s->waiting = d->next;
        s->under_way++;
        d->wait.fn = on_answer;
        registry_put(s->doors.registry, d->id, SLICE_NONE, d->json, &d->wait);
    }
    if (s->under_way == 0) seed_plant_enrollments(s);
}

void seed_plant(struct seed *s, const struct seed_doors *doors, void (*done)(void *ctx), void *ctx)
{
    s->doors = *doors;
    s->waiting = s->devices;
    s->done = done;
    s->ctx = ctx;
    plant_some(s);
}

enum err seed_result(const struct seed *s)
{
    return s->why[0] ? fail(ERR_INVALID, "%s", s->why) : OK;
}
