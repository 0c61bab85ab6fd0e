/* bulk.c - many identities in one call: each entry goes to its home as a write of its own.
 *
 * Entries are independent of each other.  An id that is named twice is refused in every place, for
 * nobody could say which one should win.  What the entry says of its twin is made by hub/twin: of a new
 * identity in its unit, else after the identity; a twin that could not be written becomes the warning
 * DeviceRegisteredWithoutTwin.
 * Source: ExportImportDevice and BulkRegistryOperationResult of the service API.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "hub/registry/message.h"

enum { WITH_ETAG = 16, TWIN_ONLY = 32, WRITES = WRITE_MAY_CREATE | WRITE_MAY_UPDATE };

static const struct import_mode {
    const char *name;
    unsigned mode; /* enum write_mode and the two above */
} import_modes[] = {
    {"createOrUpdate", WRITES},
    {"create", WRITE_MAY_CREATE},
    {"update", WRITE_MAY_UPDATE},
    {"updateIfMatchETag", WRITE_MAY_UPDATE | WITH_ETAG},
    {"createOrUpdateIfMatchETag", WRITES | WITH_ETAG},
    {"delete", WRITE_DELETES},
    {"deleteIfMatchETag", WRITE_DELETES | WITH_ETAG},
    {"updateTwin", TWIN_ONLY},
    {"updateTwinIfMatchETag", TWIN_ONLY},
};
enum { IMPORT_MODES = sizeof import_modes / sizeof *import_modes, TEXT_MAX = 160 };

struct bulk_op;

struct bulk_entry {
    struct bulk_op *bulk;
    struct registry_wait wait;
    struct json *json;
    struct slice id;        /* as given; ptr NULL: none */
    struct slice module_id; /* empty: none */
    struct slice who;       /* of both */
    const struct import_mode *mode;
    bool twinless; /* the identity is written, its twin is not; `text` says why */
    enum status status;
    char text[TEXT_MAX];
};

struct bulk_op {
    struct op op;
    struct registry *registry;
    struct addr waiter;
    struct arena arena; /* the entries' JSON */
    struct slice by;    /* likewise */
    unsigned count, left;
    struct bulk_entry entries[REGISTRY_BULK_MAX];
};

static void drop_bulk(struct op *op)
{
    struct bulk_op *o = CONTAINER_OF(op, struct bulk_op, op);
    arena_wipe(&o->arena);
    free(o);
}

static void end(struct bulk_op *o, const struct registry_answer *a)
{
    answer_wait(o->registry, o->waiter, a);
    op_end(&o->op);
    drop_bulk(&o->op);
}

/* ---- the result */

/* Is there anything but nulls and empty objects? */
static bool has_content(const struct json *j)
{
    if (j == NULL || j->type == JSON_NULL) return false;
    if (j->type != JSON_OBJECT) return true;
    for (const struct json *child = j->child; child; child = child->next)
        if (has_content(child)) return true;
    return false;
}

static bool speaks_of_twin(const struct bulk_entry *e)
{
    return has_content(json_get(e->json, "tags")) || has_content(json_get(e->json, "properties"));
}

static bool lost_its_twin(const struct bulk_entry *e)
{
    return e->twinless;
}

static void write_error(struct buf *out, const struct bulk_entry *e)
{
    buf_put_str(out, "{\"deviceId\":");
    text_json_string(out, e->id);
    buf_printf(out, ",\"errorCode\":\"%s\",\"errorStatus\":", status_name(e->status));
    text_json_untrusted(out, slice_str(e->text));
    buf_put_str(out, ",\"moduleId\":");
    text_json_string(out, e->module_id);
    buf_printf(out, ",\"operation\":\"%s\"}", e->mode ? e->mode->name : "");
}

static void write_warning(struct buf *out, const struct bulk_entry *e)
{
    buf_put_str(out, "{\"deviceId\":");
    text_json_string(out, e->id);
    buf_put_str(out, ",\"warningCode\":\"DeviceRegisteredWithoutTwin\",\"warningStatus\":");
    text_json_untrusted(out, slice_str(e->text));
    if (e->module_id.len) {
        buf_put_str(out, ",\"moduleId\":");
        text_json_string(out, e->module_id);
    }
    buf_put_u8(out, '}');
}

static bool failed(const struct bulk_entry *e)
{
    return e->status != STATUS_OK;
}

static unsigned write_each(struct buf *out, const struct bulk_op *o,
                           bool (*which)(const struct bulk_entry *),
                           void (*write)(struct buf *, const struct bulk_entry *))
{
    unsigned count = 0;
    for (unsigned i = 0; i < o->count; i++) {
        if (!which(&o->entries[i])) continue;
        if (count++) buf_put_u8(out, ',');
        write(out, &o->entries[i]);
    }
    return count;
}

static void answer_bulk(struct bulk_op *o)
{
    struct buf json = {0};
    buf_put_str(&json, "{\"errors\":[");
    unsigned failures = write_each(&json, o, failed, write_error);
    buf_put_str(&json, "],\"warnings\":[");
    write_each(&json, o, lost_its_twin, write_warning);
    buf_printf(&json, "],\"isSuccessful\":%s}", failures ? "false" : "true");
    enum status status = failures ? STATUS_BULK_REGISTRY_OPERATION_FAILURE : STATUS_OK;
    end(o, &(struct registry_answer){.status = status, .body = buf_slice(&json)});
    buf_free(&json);
}

static void note(struct bulk_entry *e, enum status status, struct slice text)
{
    e->status = status;
    snprintf(e->text, sizeof e->text, "%.*s", SLICE_ARG(slice_head(text, TEXT_MAX - 1)));
}

static void entry_done(struct bulk_entry *e)
{
    if (--e->bulk->left == 0) answer_bulk(e->bulk);
}

/* ---- twins */

static void on_twin_done(struct registry_wait *w, const struct registry_answer *a)
{
    struct bulk_entry *e = CONTAINER_OF(w, struct bulk_entry, wait);
    bool alone = e->mode->mode & TWIN_ONLY;
    note(e, alone ? a->status : STATUS_OK, a->text);
    e->twinless = !alone && a->status != STATUS_OK;
    entry_done(e);
}

/* .NET says eTag; Node sends what it was shown as it was, where it is etag.  A mode that would compare it and has none
 * compares nothing, as recorded sessions of Azure.Iot.Hub.Service show of a real hub. */
static struct slice etag_of(const struct bulk_entry *e)
{
    if (!(e->mode->mode & WITH_ETAG)) return SLICE_NONE;
    struct slice etag = json_str_nocase(e->json, e->mode->mode & TWIN_ONLY ? "twinETag" : "eTag");
    return etag.len ? etag : SLICE_NONE;
}

static void send_twin(struct bulk_entry *e)
{
    struct registry_twins *twins = e->bulk->registry->twins;
    bool merge = e->mode->mode & TWIN_ONLY;
    struct slice if_match = merge ? etag_of(e) : SLICE_NONE;
    struct buf json = BUF_SECRET;
    json_write(&json, e->json);
    e->wait.fn = on_twin_done;
    twins->write(twins, e->who, merge, if_match, buf_slice(&json), e->bulk->by, &e->wait);
    buf_wipe(&json);
}

static void on_entry_done(struct registry_wait *w, const struct registry_answer *a)
{
    struct bulk_entry *e = CONTAINER_OF(w, struct bulk_entry, wait);
    bool twin = a->status == STATUS_OK && (e->mode->mode & WRITES) && speaks_of_twin(e);
    note(e, a->status, a->text);
    if (a->twin != REGISTRY_TWIN_LEFT) {
        e->twinless = a->twin == REGISTRY_TWIN_REFUSED;
        entry_done(e);
        return;
    }
    if (twin && e->bulk->registry->twins) {
        send_twin(e);
        return;
    }
    e->twinless = twin;
    if (twin) note(e, STATUS_OK, SLICE_LIT("tags and properties were not kept"));
    entry_done(e);
}

/* ---- entries */

static const struct import_mode *mode_of(const struct json *entry)
{
    const struct json *given = json_get(entry, "importMode");
    if (given == NULL || given->type == JSON_NULL) return &import_modes[0];
    for (int i = 0; i < IMPORT_MODES; i++)
        if (slice_eq_nocase(json_str(entry, "importMode"), slice_str(import_modes[i].name)))
            return &import_modes[i];
    return NULL;
}

static bool is_named_twice(const struct bulk_entry *e)
{
    const struct bulk_op *o = e->bulk;
    for (unsigned i = 0; i < o->count; i++)
        if (&o->entries[i] != e && e->id.ptr && slice_eq(o->entries[i].who, e->who)) return true;
    return false;
}

static void refuse(struct bulk_entry *e, enum status status, const char *text)
{
    note(e, status, slice_str(text));
}

/* What can be said without the device's home; STATUS_OK: nothing. */
static void check_entry(struct bulk_entry *e)
{
    if (e->id.ptr == NULL)
        refuse(e, STATUS_ARGUMENT_INVALID, "an entry needs an id");
    else if (!hub_id_valid(e->id) || (e->module_id.len && !hub_id_valid(e->module_id)))
        refuse(e, STATUS_ARGUMENT_INVALID,
               "an id has a character that ids cannot have, or too many");
    else if (e->mode == NULL)
        refuse(e, STATUS_ARGUMENT_INVALID, "there is no such importMode");
    else if (is_named_twice(e))
        refuse(e, STATUS_DEVICE_DEFINED_MULTIPLE_TIMES, "the id is in more than one entry");
    else if ((e->mode->mode & TWIN_ONLY) && e->bulk->registry->twins == NULL)
        refuse(e, STATUS_INVALID_OPERATION, "this hub has no twins");
}

static bool is_of_twin(const struct json *member)
{
    return slice_is(member->key, "tags") || slice_is(member->key, "properties");
}

/* The entry's members that are of its twin, or the others: the two have limits of their own. */
static void write_part(struct buf *out, const struct json *entry, bool of_twin)
{
    struct json part = *entry, *members = NULL, **end = &members;
    struct arena arena = {0};
    for (const struct json *j = entry->child; j; j = j->next) {
        if (is_of_twin(j) != of_twin) continue;
        struct json *copy = *end = arena_alloc(&arena, sizeof *copy);
        *copy = *j;
        copy->next = NULL;
        end = &copy->next;
    }
    part.child = members;
    json_write(out, &part);
    arena_free(&arena);
}

static void send_entry(struct bulk_entry *e)
{
    struct buf json = BUF_SECRET, twin = {0};
    struct write w = {.mode = (e->mode->mode & (WRITES | WRITE_DELETES)) | WRITE_BULK,
                      .who = e->who,
                      .if_match = etag_of(e)};
    write_part(&json, e->json, false);
    w.json = buf_slice(&json);
    if ((e->mode->mode & WRITE_MAY_CREATE) && speaks_of_twin(e)) {
        write_part(&twin, e->json, true);
        w.twin = buf_slice(&twin);
    }
    e->wait.fn = on_entry_done;
    send_home(e->bulk->registry, e->who, write_msg_new(&w), &e->wait);
    buf_wipe(&json);
    buf_free(&twin);
}

static void take_entry(struct bulk_op *o, struct json *j)
{
    struct buf who = {0};
    struct bulk_entry *e = &o->entries[o->count++];
    *e = (struct bulk_entry){.bulk = o,
                             .json = j,
                             .id = json_str(j, "id"),
                             .module_id = json_str(j, "moduleId"),
                             .mode = mode_of(j)};
    hub_put_who(&who, e->id, e->module_id);
    e->who = arena_copy(&o->arena, buf_slice(&who));
    buf_free(&who);
}

static void take_entries(struct bulk_op *o, const struct json *list)
{
    for (struct json *j = list->child; j; j = j->next) take_entry(o, j);
    for (unsigned i = 0; i < o->count; i++) {
        check_entry(&o->entries[i]);
        if (o->entries[i].status != STATUS_OK) continue;
        o->left++;
        if (o->entries[i].mode->mode & TWIN_ONLY)
            send_twin(&o->entries[i]);
        else
            send_entry(&o->entries[i]);
    }
    if (o->left == 0) answer_bulk(o);
}

/* ---- the call */

static unsigned count_children(const struct json *list)
{
    unsigned count = 0;
    for (const struct json *j = list->child; j && count <= REGISTRY_BULK_MAX; j = j->next) count++;
    return count;
}

static enum status read_list(struct bulk_op *o, struct slice text, struct json **list,
                             const char **why)
{
    *why = "a bulk has at most 1 MiB of JSON";
    if (text.len > REGISTRY_BULK_BODY_MAX) return STATUS_MESSAGE_TOO_LARGE;
    *why = "the body is not JSON";
    if (json_parse(&o->arena, text, list) != OK) return STATUS_DESERIALIZATION_ERROR;
    *why = "a bulk is an array of identities";
    if ((*list)->type != JSON_ARRAY) return STATUS_ARGUMENT_INVALID;
    *why = "a bulk has at most 100 entries";
    return count_children(*list) > REGISTRY_BULK_MAX ? STATUS_ARGUMENT_INVALID : STATUS_OK;
}

void registry_bulk(struct registry *r, struct slice json, struct registry_wait *w)
{
    struct bulk_op *o = NEW(struct bulk_op);
    struct json *list;
    const char *why;
    wait_begin(r, w);
    o->registry = r;
    o->waiter = w->slot;
    o->by = arena_copy(&o->arena, w->by);
    op_begin(r, &o->op, drop_bulk);
    enum status status = read_list(o, json, &list, &why);
    if (status == STATUS_OK)
        take_entries(o, list);
    else
        end(o, &(struct registry_answer){.status = status, .text = slice_str(why)});
}
