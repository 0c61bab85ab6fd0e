/* routing.c - the cores' snapshots and how they change.
 *
 *   any core ──CHANGE──▶ first core: queue, one at a time ──unit──▶ store
 *                            │ yes
 *                            ├──APPLY──▶ every core's snapshot ──APPLIED──▶ first core
 *   any core ◀──DONE─────────┘ when all have
 *
 * The first core holds the new snapshot until every core has taken a reference of its own.
 */
#include "hub/routing/routing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "hub/routing/home.h"
#include "hub/routing/routing_sql.h"
#include "log/log.h"

LIMIT_REACHED(changes_refused, "routing-changes")

struct change {
    bool has_if_match;
    uint32_t document_len;
    char if_match[ROUTING_IF_MATCH_MAX + 1];
    uint8_t document[];
};

struct done {
    enum err err;
    char text[]; /* ends with NUL */
};

/* ---- on the first core */

static const struct change *change_of(const struct msg *m)
{
    return (const void *)m->body;
}

void routing_answer(struct routing *r, const struct msg *m, enum err result)
{
    const char *text = result == OK ? "" : fail_text();
    struct msg *reply = msg_new(ROUTING_DONE, sizeof(struct done) + strlen(text) + 1);
    struct done *done = (void *)reply->body;
    done->err = result;
    memcpy(done->text, text, strlen(text) + 1);
    post_reply(r->lane, m, reply);
}

static void start_first(struct routing *r);

static void finish_first(struct routing *r, enum err result)
{
    routing_answer(r, r->changes.first, result);
    snapshot_unref(r->next);
    r->next = NULL;
    rollout_shift(&r->changes);
    start_first(r);
}

void routing_refused(struct routing *r, enum err e)
{
    finish_first(r, e);
}

static void tell_cores(struct routing *r)
{
    rollout_tell(&r->changes, r->hub, r->lane, ROUTING_APPLY, slice_of(&r->next, sizeof r->next));
}

static void on_applied(void *ctx, struct lane *lane, struct msg *m)
{
    struct routing *r = ctx;
    (void)lane, (void)m;
    if (rollout_applied(&r->changes)) finish_first(r, OK);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct routing *r = CONTAINER_OF(w, struct routing, wait);
    if (a->err != OK) {
        finish_first(r, fail(a->err, "the store does not take it now"));
        return;
    }
    r->bits = r->next_bits;
    say_info("routing.changed", "decides=%d endpoints=%u", r->next->table != NULL,
             r->next->endpoint_count - 1);
    tell_cores(r);
}

/* As identities have it: nine digits, another one for each version. */
static uint64_t next_etag(uint64_t before)
{
    return before ? before + 1 : 100000000 + rand_u64() % 900000000;
}

static void keep_next(struct routing *r)
{
    struct store_request u;
    struct buf document = BUF_SECRET, bits = {0};
    json_write(&document, r->next->document);
    routing_bits_write(&r->next_bits, &bits);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, r->now->etag ? &sql_routing_update : &sql_routing_insert, 1);
    store_put_text(&u, "document", buf_slice(&document));
    store_put_text(&u, "bits", buf_slice(&bits));
    store_put_int(&u, "etag", (int64_t)r->next->etag);
    store_put_int(&u, "changed_us", r->next->changed_us);
    if (r->now->etag) store_put_int(&u, "old_etag", (int64_t)r->now->etag);
    r->wait.fn = on_stored;
    store_ask(r->hub->store, r->lane, &u, &r->wait);
    buf_wipe(&document);
    buf_free(&bits);
}

/* The bits are given; *oldest: the bit that must be asked for before. */
static enum err make_next(struct routing *r, const struct change *c, unsigned *oldest)
{
    struct arena a = {0};
    struct json *document;
    enum err e = routing_document_read(&a, &r->config, slice_of(c->document, c->document_len),
                                       r->now->document, &document);
    *oldest = 0;
    if (e == OK) e = routing_bits_assign(&r->next_bits, document, clock_wall_us(), oldest);
    if (e == OK) e = snapshot_new(r->hub, &r->config, &a, document, &r->next_bits, &r->next);
    arena_wipe(&a);
    if (e != OK) return e;
    r->next->etag = next_etag(r->now->etag);
    r->next->changed_us = clock_wall_us();
    return OK;
}

static void go_on(struct routing *r)
{
    unsigned oldest;
    enum err e = make_next(r, change_of(r->changes.first), &oldest);
    if (e == OK)
        keep_next(r);
    else if (oldest)
        routing_ask_log(r, oldest);
    else
        finish_first(r, e);
}

void routing_reused(struct routing *r)
{
    go_on(r);
}

enum err routing_check_match(const struct routing *r, struct slice if_match)
{
    char etag[ETAG_MAX + 1];
    routing_etag(r, etag);
    if (if_match.ptr == NULL)
        return fail(ERR_PRECONDITION, "If-Match must say which version of the routing is meant");
    if (etag_matches(if_match, slice_str(etag))) return OK;
    return fail(ERR_PRECONDITION, "the routing was changed meanwhile: its ETag is another one");
}

static void start_first(struct routing *r)
{
    if (r->changes.first == NULL) return;
    const struct change *c = change_of(r->changes.first);
    enum err e = routing_check_match(r, c->has_if_match ? slice_str(c->if_match) : SLICE_NONE);
    if (e != OK) {
        finish_first(r, e);
        return;
    }
    r->next_bits = r->bits;
    go_on(r);
}

static void on_change(void *ctx, struct lane *lane, struct msg *m)
{
    struct routing *r = ctx;
    (void)lane;
    enum err e = rollout_add(&r->changes, m, ROUTING_CHANGES_MAX);
    if (e != OK) metric_inc(&changes_refused);
    if (e != OK)
        routing_answer(r, m, e);
    else if (r->changes.waiting == 1)
        start_first(r);
}

/* ---- on every core */

static void take(struct routing *r, struct snapshot *s)
{
    struct snapshot *before = r->now;
    r->now = snapshot_ref(s);
    memset(r->invalid, 0, sizeof r->invalid); /* a bit may be another endpoint's */
    LIST_EACH(node, &r->listeners)
    {
        struct routing_listener *l = CONTAINER_OF(node, struct routing_listener, node);
        l->changed(l);
    }
    snapshot_unref(before);
}

static void on_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct snapshot *s;
    memcpy(&s, m->body, sizeof s);
    take(ctx, s);
    post_reply(lane, m, msg_new(ROUTING_APPLIED, 0));
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct routing_wait *w = slot_get(lane, m->to);
    const struct done *done = (const void *)m->body;
    if (w == NULL) return;
    routing_forget(ctx, w);
    w->fn(w, done->err, done->text);
}

void routing_forget(struct routing *r, struct routing_wait *w)
{
    slot_free(r->lane, w->slot);
}

void routing_put(struct routing *r, struct slice if_match, struct slice document,
                 struct routing_wait *w)
{
    ON_LANE(r->lane);
    struct slice text = slice_head(document, ROUTING_DOCUMENT_MAX + 1);
    struct msg *m = msg_new(ROUTING_CHANGE, sizeof(struct change) + text.len);
    struct change *c = (void *)m->body;
    *c = (struct change){.has_if_match = if_match.ptr != NULL, .document_len = (uint32_t)text.len};
    if (if_match.ptr && if_match.len <= ROUTING_IF_MATCH_MAX)
        memcpy(c->if_match, if_match.ptr, if_match.len);
    if (text.ptr) memcpy(c->document, text.ptr, text.len);
    w->slot = slot_new(r->lane, w);
    post(r->lane, w->slot, (struct addr){.lane = r->hub->cores[0]}, m);
}

/* ---- who asks */

const struct routing_endpoint *routing_endpoint_at(const struct routing *r, unsigned i)
{
    return i < r->now->endpoint_count ? &r->now->endpoints[i] : NULL;
}

const struct routing_endpoint *routing_endpoint_find(const struct routing *r, struct slice name)
{
    const struct routing_endpoint *e = NULL;
    for (unsigned i = 0; (e = routing_endpoint_at(r, i)) != NULL; i++)
        if (slice_is_nocase(name, e->name)) break;
    return e;
}

void routing_listen(struct routing *r, struct routing_listener *l)
{
    list_push(&r->listeners, &l->node);
}

void routing_set_health(struct routing *r, routing_health_fn fn, void *ctx)
{
    r->health = fn;
    r->health_ctx = ctx;
}

void routing_etag(const struct routing *r, char out[ETAG_MAX + 1])
{
    etag_of_number(r->now->etag, out);
}

/* ---- life */

/* What is kept: nothing yet, or the row.  A tier that was lowered since does not matter to it. */
static enum err read_row(const struct routing *r, struct store_answer *a, struct arena *arena,
                         struct routing_bits *bits, struct json **document)
{
    struct routing_config config = r->config;
    config.tier = THROTTLE_OFF;
    TRY(routing_bits_read(bits, a->col[1].bytes));
    enum err e = routing_document_read(arena, &config, a->col[0].bytes, NULL, document);
    char why[256];
    snprintf(why, sizeof why, "%s", e == OK ? "" : fail_text());
    return e == OK ? OK : fail(ERR_CORRUPT, "the stored routing cannot be read: %s", why);
}

static enum err take_row(struct routing *r, struct store_answer *a)
{
    struct arena arena = {0};
    struct json *document;
    bool there = store_next(a);
    enum err e = OK;
    if (there)
        e = read_row(r, a, &arena, &r->bits, &document);
    else
        document = routing_document_initial(&arena, &r->config);
    if (e == OK) e = snapshot_new(r->hub, &r->config, &arena, document, &r->bits, &r->now);
    arena_wipe(&arena);
    if (e != OK || !there) return e;
    r->now->etag = (uint64_t)a->col[2].number;
    r->now->changed_us = a->col[3].number;
    return OK;
}

static enum err load(struct routing *r)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_routing_read);
    enum err e = store_now_query(r->hub->store, &q, &a, &page);
    if (e == OK) e = take_row(r, &a);
    msg_free(page);
    return e;
}

enum err routing_new(const struct hub *hub, struct lane *lane, const struct routing_config *config,
                     struct routing **out)
{
    struct routing *r = NEW(struct routing);
    assert(config->kind_count <= ROUTING_KINDS_MAX);
    *r = (struct routing){.hub = hub, .lane = lane, .config = *config};
    r->config.hub = hub;
    list_init(&r->listeners);
    r->matcher = route_matcher_new();
    r->seeker = (struct log_asker){.lane = lane, .log = hub->log, .sought = routing_sought};
    enum err e = load(r);
    if (e != OK) {
        routing_free(r);
        return e;
    }
    lane_on(lane, ROUTING_CHANGE, on_change, r);
    lane_on(lane, ROUTING_DONE, on_done, r);
    lane_on(lane, ROUTING_APPLY, on_apply, r);
    lane_on(lane, ROUTING_APPLIED, on_applied, r);
    routing_listen_agree(r);
    *out = r;
    return OK;
}

void routing_free(struct routing *r)
{
    if (r == NULL) return;
    rollout_free(&r->changes);
    snapshot_unref(r->next);
    snapshot_unref(r->now);
    route_matcher_free(r->matcher);
    slot_free(r->lane, r->seeker.slot);
    buf_free(&r->extra);
    free(r);
}
