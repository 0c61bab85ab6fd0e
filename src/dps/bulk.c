/* bulk.c - up to ten enrollments in one call: each goes to its home as a call of its own. */
#include <stdlib.h>

#include "base/text.h"
#include "dps/call.h"

struct entry {
    struct bulk *bulk;
    struct dps_wait wait;
    struct json *json;
    struct slice id;
    unsigned code;
    struct slice text;
};

struct bulk {
    struct list node; /* in dps.bulks */
    struct dps *dps;
    struct addr waiter;
    enum dps_kind kind;
    struct arena arena;
    unsigned count, left;
    struct entry entries[DPS_BULK_MAX];
};

enum mode { MODE_CREATE, MODE_UPDATE, MODE_UPDATE_IF_MATCH, MODE_DELETE, MODES };

static void drop(struct bulk *b)
{
    list_remove(&b->node);
    arena_wipe(&b->arena);
    free(b);
}

void bulks_free(struct dps *d)
{
    LIST_EACH(node, &d->bulks) drop(CONTAINER_OF(node, struct bulk, node));
}

/* ---- the result */

static void put_error(struct buf *out, const struct entry *e)
{
    buf_printf(out,
               "{\"%s\":", e->bulk->kind == DPS_GROUP ? "enrollmentGroupId" : "registrationId");
    text_json_string(out, e->id);
    buf_printf(out, ",\"errorCode\":%u,\"errorStatus\":", e->code);
    text_json_untrusted(out, e->text);
    buf_put_u8(out, '}');
}

static void end(struct bulk *b)
{
    struct dps_wait *w = slot_get(b->dps->lane, b->waiter);
    struct dps *d = b->dps;
    struct buf errors = {0}, body = {0};
    for (unsigned i = 0; i < b->count; i++) {
        if (b->entries[i].code < 1000) continue;
        if (buf_size(&errors)) buf_put_u8(&errors, ',');
        put_error(&errors, &b->entries[i]);
    }
    buf_printf(&body, "{\"isSuccessful\":%s,\"errors\":[", buf_size(&errors) ? "false" : "true");
    buf_put_slice(&body, buf_slice(&errors));
    buf_put_str(&body, "]}");
    drop(b);
    if (w) {
        dps_forget(d, w);
        w->fn(w, &(struct dps_answer){.code = DPS_OK, .body = buf_slice(&body)});
    }
    buf_free(&errors);
    buf_free(&body);
}

static void note(struct entry *e, unsigned code, struct slice text)
{
    e->code = code;
    e->text = arena_copy(&e->bulk->arena, text);
}

static void on_entry(struct dps_wait *w, const struct dps_answer *a)
{
    struct entry *e = CONTAINER_OF(w, struct entry, wait);
    struct json *error = NULL;
    if (a->code >= 1000 && json_parse(&e->bulk->arena, a->body, &error) != OK) error = NULL;
    note(e, a->code, json_str(error, "message"));
    if (--e->bulk->left == 0) end(e->bulk);
}

/* ---- the entries */

static bool is_named_twice(const struct entry *e)
{
    const struct bulk *b = e->bulk;
    for (unsigned i = 0; i < b->count; i++)
        if (&b->entries[i] != e && slice_eq_nocase(b->entries[i].id, e->id)) return true;
    return false;
}

static void send_entry(struct entry *e, enum mode mode)
{
    struct bulk *b = e->bulk;
    struct slice etag = json_str(e->json, "etag");
    struct slice any = SLICE_LIT("*");
    struct buf json = BUF_SECRET;
    json_write(&json, e->json);
    e->wait.fn = on_entry;
    if (mode == MODE_DELETE)
        dps_enrollment_delete(b->dps, b->kind, e->id, etag.len ? etag : any, &e->wait);
    else
        dps_enrollment_put(b->dps, b->kind, e->id,
                           mode == MODE_CREATE            ? SLICE_NONE
                           : mode == MODE_UPDATE_IF_MATCH ? (etag.len ? etag : SLICE_LIT(""))
                                                          : any,
                           buf_slice(&json), &e->wait);
    buf_wipe(&json);
}

static enum err read_mode(const struct json *doc, enum mode *out)
{
    static const char *const names[MODES] = {"create", "update", "updateIfMatchETag", "delete"};
    struct slice mode;
    TRY(member_text(doc, "mode", &mode));
    for (*out = 0; *out < MODES; ++*out)
        if (slice_eq_nocase(mode, slice_str(names[*out]))) return OK;
    return fail(ERR_INVALID, "mode is create, update, updateIfMatchETag or delete");
}

static enum err read_entries(struct bulk *b, const struct json *doc)
{
    const struct json *list =
        json_get(doc, b->kind == DPS_GROUP ? "enrollmentGroups" : "enrollments");
    if (list == NULL || list->type != JSON_ARRAY || list->child == NULL)
        return fail(ERR_INVALID, "a bulk has an array of enrollments");
    for (struct json *j = list->child; j; j = j->next) {
        if (b->count == DPS_BULK_MAX)
            return fail(ERR_INVALID, "a bulk has at most %d enrollments", DPS_BULK_MAX);
        struct entry *e = &b->entries[b->count++];
        e->bulk = b;
        e->json = j;
        e->id = json_str(j, b->kind == DPS_GROUP ? "enrollmentGroupId" : "registrationId");
    }
    return OK;
}

static void refuse(struct dps *d, struct dps_wait *w, const char *text)
{
    struct buf body = {0};
    dps_error_write(&body, DPS_BAD_ARGUMENT, slice_str(text));
    dps_answer_later(d, w,
                     &(struct dps_answer){.code = DPS_BAD_ARGUMENT, .body = buf_slice(&body)});
    buf_free(&body);
}

static void send_all(struct bulk *b, enum mode mode)
{
    b->left = 1; /* ours, until all are sent */
    for (unsigned i = 0; i < b->count; i++) {
        struct entry *e = &b->entries[i];
        if (is_named_twice(e)) {
            note(e, DPS_ID_DEFINED_MULTIPLE_TIMES, SLICE_LIT("the id is in more than one entry"));
        } else {
            b->left++;
            send_entry(e, mode);
        }
    }
    if (--b->left == 0) end(b);
}

void dps_enrollment_bulk(struct dps *d, enum dps_kind kind, struct slice json, struct dps_wait *w)
{
    struct bulk *b = NEW(struct bulk);
    struct json *doc;
    enum mode mode;
    b->dps = d;
    b->kind = kind;
    list_push(&d->bulks, &b->node);
    enum err e = json_parse(&b->arena, json, &doc);
    if (e == OK) e = read_mode(doc, &mode);
    if (e == OK) e = read_entries(b, doc);
    if (e != OK) {
        refuse(d, w, fail_text());
        drop(b);
        return;
    }
    w->slot = b->waiter = slot_new(d->lane, w);
    send_all(b, mode);
}
