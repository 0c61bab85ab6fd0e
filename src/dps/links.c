/* links.c - the verbs about linked hubs, on the first core. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "dps/call.h"
#include "dps/dps_sql.h"
#include "hub/etag.h"

LIMIT_REACHED(too_many_hubs, "linked-hubs")

static const struct linked_hub *find(const struct call *c)
{
    return linked_find(&c->dps->linked, c->id);
}

/* ---- reading */

static void answer(struct call *c, const struct linked_hub *h)
{
    char etag[ETAG_MAX + 1];
    struct buf body = {0};
    linked_write(&body, h, false);
    etag_of_number(h->etag, etag);
    dps_call_answer(
        c, &(struct dps_answer){.code = DPS_OK, .body = buf_slice(&body), .etag = slice_str(etag)});
    buf_free(&body);
}

static int by_id(const void *a, const void *b)
{
    const struct linked_hub *const *left = a, *const *right = b;
    return slice_cmp((*left)->id, (*right)->id);
}

/* Our own is the first: no host's name begins with a dot. */
void links_verb_list(struct call *c)
{
    const struct linked_hub *hubs[DPS_HUBS_MAX], *h;
    size_t count = 0;
    struct buf body = {0};
    for (size_t i = 0; count < DPS_HUBS_MAX && (h = map_next(&c->dps->linked.by_id, &i)) != NULL;)
        hubs[count++] = h;
    qsort(hubs, count, sizeof *hubs, by_id);
    buf_put_u8(&body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_put_u8(&body, ',');
        linked_write(&body, hubs[i], false);
    }
    buf_put_u8(&body, ']');
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_free(&body);
}

static void fail_absent(struct call *c)
{
    dps_call_fail(c, DPS_NO_HUB, "that hub is not linked");
}

void links_verb_get(struct call *c)
{
    const struct linked_hub *h = find(c);
    if (h)
        answer(c, h);
    else
        fail_absent(c);
}

/* ---- changing */

/* A hub that was put may be unlinked again before the last core has heard of it. */
static void on_applied(struct call *c)
{
    if (c->head->verb == VERB_HUB_DELETE)
        dps_call_answer_json(c, DPS_NO_CONTENT, SLICE_NONE);
    else
        links_verb_get(c);
}

static void on_written(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct group_row row = c->row;
    if (a->err == ERR_CONFLICT && c->head->verb == VERB_HUB_PUT && find(c) == NULL)
        dps_call_fail(c, DPS_HUB_CONFLICT,
                      "somebody else links it at the same time, or what is stored of it cannot be "
                      "read: then delete it first");
    else if (a->err == ERR_CONFLICT)
        dps_call_fail(c, DPS_PRECONDITION, "somebody else has changed it at the same time");
    else if (a->err != OK)
        dps_call_fail_store(c, a->err);
    else
        dps_call_tell_cores(c, DPS_HUB_APPLY, &row, on_applied);
}

static bool matches(struct call *c, uint64_t version)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(version, etag);
    if (!c->head->has_if_match || etag_matches(c->text, slice_str(etag))) return true;
    dps_call_fail(c, DPS_PRECONDITION, "the linked hub has another etag");
    return false;
}

/* With those that are on their way to the disk and the cores: DPS_HUBS_MAX holds when two are linked
 * at once. */
static size_t count_with_coming(const struct dps *d)
{
    size_t count = d->linked.by_id.count;
    LIST_EACH(node, &d->calls)
    {
        const struct call *c = CONTAINER_OF(node, struct call, node);
        bool writes = c->head->verb == VERB_HUB_PUT && c->row.id_lower.len;
        count += writes && map_get(&d->linked.by_id, c->row.id_lower) == NULL;
    }
    return count;
}

static void fail_full(struct call *c)
{
    metric_inc(&too_many_hubs);
    dps_call_fail(c, DPS_TOO_MANY_HUBS, "there are as many linked hubs as there may be");
}

/* Is a PUT with or without If-Match about what is there?  Otherwise the call has ended. */
static bool may_put(struct call *c, const struct linked_hub *old)
{
    if (old && !c->head->has_if_match)
        dps_call_fail(c, DPS_HUB_CONFLICT, "that hub is linked already");
    else if (old)
        return matches(c, old->etag);
    else if (c->head->has_if_match)
        fail_absent(c);
    else if (count_with_coming(c->dps) >= DPS_HUBS_MAX)
        fail_full(c);
    else
        return true;
    return false;
}

/* Into an arena of the call's: it is thrown away, the cores read the row. */
static bool read_next(struct call *c, const struct linked_hub *old, struct linked_hub *next)
{
    struct json *doc;
    enum err e = json_parse(&c->arena, c->json, &doc);
    if (e == OK) e = linked_read(&c->arena, c->dps->hub, doc, old, next);
    if (e != OK)
        dps_call_fail(c, DPS_BAD_ARGUMENT, fail_text());
    else if (!next->own && !slice_eq_nocase(next->name, c->id))
        dps_call_fail(c, DPS_BAD_ARGUMENT, "the connection string is another hub's");
    else
        return true;
    return false;
}

static void begin(struct call *c, struct store_request *u, const struct store_statement *s,
                  struct slice id)
{
    store_begin_unit(u, STORE_INTERACTIVE);
    store_add(u, s, 1);
    store_put_text(u, "id_lower", id);
    c->row.id_lower = arena_copy(&c->arena, id);
}

static void write(struct call *c, const struct linked_hub *old, const struct linked_hub *next)
{
    struct store_request u;
    struct buf document = BUF_SECRET;
    bool stored = old && old->etag;
    linked_write(&document, next, true);
    begin(c, &u, stored ? &sql_dps_linked_hub_update : &sql_dps_linked_hub_insert, next->id);
    c->row.document = arena_copy(&c->arena, buf_slice(&document));
    c->row.updated_us = clock_wall_us();
    c->row.created_us = stored ? old->created_us : c->row.updated_us;
    c->row.etag = stored ? old->etag + 1 : 100000000 + rand_u64() % 900000000;
    if (stored) store_put_int(&u, "old_etag", (int64_t)old->etag);
    store_put_text(&u, "document", buf_slice(&document));
    store_put_int(&u, "etag", (int64_t)c->row.etag);
    store_put_int(&u, "created_us", c->row.created_us);
    store_put_int(&u, "updated_us", c->row.updated_us);
    buf_wipe(&document);
    dps_call_ask(c, &u, on_written);
}

void links_verb_put(struct call *c)
{
    const struct linked_hub *old = find(c);
    struct linked_hub next;
    if (c->json.len > DPS_HUB_DOCUMENT_MAX)
        dps_call_fail(c, DPS_TOO_LARGE, "a linked hub has at most 8 KiB of JSON");
    else if (may_put(c, old)) {
        if (read_next(c, old, &next)) write(c, old, &next);
        mem_wipe(&next, sizeof next);
    }
}

static void remove_version(struct call *c, uint64_t version)
{
    struct store_request u;
    if (!matches(c, version)) return;
    begin(c, &u, &sql_dps_linked_hub_remove, c->id_lower);
    store_put_int(&u, "old_etag", (int64_t)version);
    dps_call_ask(c, &u, on_written);
}

static void on_row(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    if (a->err != OK)
        dps_call_fail_store(c, a->err);
    else if (!store_next(a))
        fail_absent(c);
    else
        remove_version(c, (uint64_t)a->col[0].number);
}

/* A row that could not be read is in the store only. */
static void remove_left_out(struct call *c)
{
    struct store_request q;
    store_begin_query(&q, &sql_dps_linked_hub_get);
    store_put_text(&q, "id_lower", c->id_lower);
    dps_call_ask(c, &q, on_row);
}

void links_verb_delete(struct call *c)
{
    const struct linked_hub *old = find(c);
    if (old == NULL)
        remove_left_out(c);
    else if (old->own)
        dps_call_fail(c, DPS_BAD_ARGUMENT,
                      "this server's own hub stays linked; so that it is not chosen set its "
                      "applyAllocationPolicy to false");
    else
        remove_version(c, old->etag);
}
