/* linked.c - see linked.h. */
#include "dps/linked.h"

#include <stdlib.h>

#include "auth/connstr.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "dps/dps_sql.h"
#include "hub/etag.h"
#include "hub/hub.h"
#include "store/store.h"

/* ---- the document */

static enum err read_number(const struct json *doc, const char *name, unsigned least, unsigned most,
                            unsigned *out)
{
    const struct json *member = json_get(doc, name);
    int64_t number;
    if (member == NULL || member->type == JSON_NULL) return OK;
    if (json_i64(member, &number) != OK || number < least || number > most)
        return fail(ERR_INVALID, "%s is a number from %u to %u", name, least, most);
    *out = (unsigned)number;
    return OK;
}

/* RFC 1123 2.1: it begins with a letter or a digit, so that none is LINKED_OWN. */
static bool is_host_name(struct slice name)
{
    return dps_id_valid(name) && memchr("-._:", name.ptr[0], 4) == NULL;
}

/* Tokens of a key are good for a whole hub: one of the hub's policies with RegistryWrite. */
static enum err read_connection(struct arena *a, const struct hub *hub, struct slice text,
                                struct linked_hub *out)
{
    struct connstr c;
    TRY(connstr_parse(text, &c));
    struct slice host = c.host;
    size_t colon = slice_find(host, ':');
    uint64_t port = LINKED_PORT;
    if (colon < host.len && num_u64(slice_from(host, colon + 1), &port) != OK) port = 0;
    host = slice_head(host, colon);
    if (c.kind != CONNSTR_SERVICE || c.policy.len == 0 || c.policy.len > SAS_POLICY_MAX ||
        port == 0 || port > UINT16_MAX || !is_host_name(host))
        return fail(ERR_INVALID, "connectionString is one of a hub's policies: HostName, "
                                 "SharedAccessKeyName and SharedAccessKey");
    if (hub_is_host(hub, host) && port == LINKED_PORT)
        return fail(ERR_INVALID, "this server's own hub is linked already");
    TRY(auth_key_set(&out->key, c.key));
    out->connection_string = arena_copy(a, text);
    out->name = arena_copy(a, host);
    out->id = dps_id_lower(a, host);
    out->policy = arena_copy(a, c.policy);
    out->port = (unsigned)port;
    return OK;
}

enum err linked_read(struct arena *a, const struct hub *hub, const struct json *doc,
                     const struct linked_hub *old, struct linked_hub *out)
{
    struct slice text, location;
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "a linked hub is a JSON object");
    *out = old ? *old : (struct linked_hub){.applies = true, .weight = 1};
    out->arena = (struct arena){0};
    TRY(member_text(doc, "connectionString", &text));
    TRY(member_text(doc, "location", &location));
    if (out->own && text.len)
        return fail(ERR_INVALID, "this server's own hub has no connectionString");
    if (text.len && !connstr_is_masked(text)) TRY(read_connection(a, hub, text, out));
    if (!out->own && out->connection_string.len == 0)
        return fail(ERR_INVALID, "a linked hub needs a connectionString");
    if (location.len > LINKED_LOCATION_MAX)
        return fail(ERR_INVALID, "location has up to %d bytes", LINKED_LOCATION_MAX);
    if (location.ptr) out->location = arena_copy(a, location);
    TRY(member_bool(doc, "applyAllocationPolicy", out->applies, &out->applies));
    TRY(read_number(doc, "allocationWeight", 1, LINKED_WEIGHT_MAX, &out->weight));
    return read_number(doc, "latencyMs", 0, LINKED_LATENCY_MAX, &out->latency_ms);
}

static void put_text(struct buf *out, const char *name, struct slice text)
{
    if (text.len == 0) return;
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

/* As it is stored, or as it is shown. */
static void put_connection(struct buf *out, const struct linked_hub *h, bool stored)
{
    struct buf masked = {0};
    connstr_write_masked(&masked, h->connection_string);
    put_text(out, "connectionString", stored ? h->connection_string : buf_slice(&masked));
    buf_free(&masked);
}

static void put_version(struct buf *out, const struct linked_hub *h)
{
    char etag[ETAG_MAX + 1], created[CLOCK_ISO_LEN + 1], updated[CLOCK_ISO_LEN + 1];
    etag_of_number(h->etag, etag);
    buf_printf(out, ",\"etag\":\"\\\"%s\\\"\"", etag);
    if (h->etag == 0) return;
    clock_iso(h->created_us, created);
    clock_iso(h->updated_us, updated);
    buf_printf(out, ",\"createdDateTimeUtc\":\"%s\",\"lastUpdatedDateTimeUtc\":\"%s\"", created,
               updated);
}

void linked_write(struct buf *out, const struct linked_hub *h, bool stored)
{
    buf_put_str(out, "{\"name\":");
    text_json_string(out, h->name);
    put_connection(out, h, stored);
    put_text(out, "location", h->location);
    buf_printf(out, ",\"applyAllocationPolicy\":%s,\"allocationWeight\":%u",
               h->applies ? "true" : "false", h->weight);
    if (h->latency_ms) buf_printf(out, ",\"latencyMs\":%u", h->latency_ms);
    if (!stored) {
        if (h->measured_us)
            buf_printf(out, ",\"measuredLatencyMs\":%lld",
                       (long long)(h->measured_us + 999) / 1000);
        buf_printf(out, ",\"own\":%s", h->own ? "true" : "false");
        put_version(out, h);
    }
    buf_put_u8(out, '}');
}

/* ---- copies */

static const struct linked_hub *own_of(const struct linked *l)
{
    return map_get(&l->by_id, SLICE_LIT(LINKED_OWN));
}

const struct linked_hub *linked_find(const struct linked *l, struct slice name)
{
    struct arena a = {0};
    if (name.len == 0 || name.len > DPS_ID_MAX) return NULL;
    const struct linked_hub *h = map_get(&l->by_id, dps_id_lower(&a, name));
    arena_free(&a);
    if (h == NULL && hub_is_host(l->hub, name)) h = own_of(l);
    return h;
}

void linked_measured(struct linked *l, struct slice name, int64_t took_us, int64_t now_us)
{
    const struct linked_hub *found = linked_find(l, name);
    struct linked_hub *h = found ? map_get(&l->by_id, found->id) : NULL;
    if (h == NULL) return;
    h->measured_us = took_us;
    h->measured_at_us = now_us;
}

static void free_hub(struct linked_hub *h)
{
    struct arena arena = h->arena;
    arena_wipe(&arena); /* also h */
}

static void keep(struct linked *l, struct linked_hub *h, struct arena arena)
{
    h->arena = arena;
    struct linked_hub *old = map_remove(&l->by_id, h->id);
    if (old && old->port == h->port) {
        h->measured_us = old->measured_us;
        h->measured_at_us = old->measured_at_us;
    }
    map_put(&l->by_id, h->id, h);
    if (old) free_hub(old);
}

static void say_left_out(const struct group_row *row)
{
    say_warn("dps.linked", "hub=%.*s reason=\"%s\"", SLICE_ARG(row->id_lower), fail_text());
}

static void keep_own(struct linked *l, const struct json *doc, struct arena arena,
                     const struct group_row *row)
{
    struct linked_hub *h = arena_alloc(&arena, sizeof *h);
    const struct linked_hub fresh = {
        .own = true, .applies = true, .weight = 1, .port = LINKED_PORT};
    *h = fresh;
    if (doc && linked_read(&arena, l->hub, doc, &fresh, h) != OK) {
        say_left_out(row);
        *h = fresh;
    }
    h->id = SLICE_LIT(LINKED_OWN);
    h->name = slice_str(l->hub->hosts[0]);
    h->etag = row ? row->etag : 0;
    h->created_us = row ? row->created_us : 0;
    h->updated_us = row ? row->updated_us : 0;
    keep(l, h, arena);
}

static void drop(struct linked *l, struct slice id)
{
    if (slice_is(id, LINKED_OWN)) {
        keep_own(l, NULL, (struct arena){0}, NULL);
        return;
    }
    struct linked_hub *old = map_remove(&l->by_id, id);
    if (old) free_hub(old);
}

void linked_apply(struct linked *l, const struct group_row *row)
{
    struct arena arena = {0};
    struct json *doc;
    if (row->document.len == 0) {
        drop(l, row->id_lower);
        return;
    }
    enum err e = json_parse(&arena, arena_copy(&arena, row->document), &doc);
    if (slice_is(row->id_lower, LINKED_OWN)) {
        if (e != OK) say_left_out(row);
        keep_own(l, e == OK ? doc : NULL, arena, row);
        return;
    }
    struct linked_hub *h = arena_alloc(&arena, sizeof *h);
    if (e == OK) e = linked_read(&arena, l->hub, doc, NULL, h);
    /* It is damaged, or our own has got that name since: then the row waits until it is another's again. */
    if (e != OK) {
        say_left_out(row);
        drop(l, row->id_lower);
        arena_wipe(&arena);
        return;
    }
    h->etag = row->etag;
    h->created_us = row->created_us;
    h->updated_us = row->updated_us;
    keep(l, h, arena);
}

enum err linked_load(struct linked *l, const struct hub *hub)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    l->hub = hub;
    keep_own(l, NULL, (struct arena){0}, NULL);
    store_begin_query(&q, &sql_dps_linked_hub_all);
    enum err e = store_now_query(hub->store, &q, &a, &page);
    while (e == OK && store_next(&a))
        linked_apply(l, &(struct group_row){.id_lower = a.col[4].bytes,
                                            .document = a.col[0].bytes,
                                            .etag = (uint64_t)a.col[1].number,
                                            .created_us = a.col[2].number,
                                            .updated_us = a.col[3].number});
    msg_free(page);
    return e;
}

void linked_fini(struct linked *l)
{
    struct linked_hub *h;
    for (size_t i = 0; (h = map_next(&l->by_id, &i)) != NULL;) free_hub(h);
    map_free(&l->by_id);
}
