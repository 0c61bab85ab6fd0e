/* consumer_group.c - the copies and how they change.
 *
 *   any core ──CHANGE──▶ first core: queue, one at a time ──unit──▶ store
 *                            │ yes
 *                            ├──APPLY──▶ every core's copy ──APPLIED──▶ first core
 *   any core ◀──DONE─────────┘ when all have
 */
#include "hub/consumer_group/consumer_group.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "hub/consumer_group/consumer_group_sql.h"
#include "hub/consumer_group/table.h"
#include "hub/rollout.h"
#include "store/store.h"

LIMIT_REACHED(too_many_groups, "consumer-groups")
LIMIT_REACHED(changes_refused, "consumer-group-changes")

enum group_kind {
    GROUP_CHANGE = HUB_CONSUMER_GROUP, /* struct change -> GROUP_DONE */
    GROUP_DONE,                        /* enum err */
    GROUP_APPLY,                       /* struct change -> GROUP_APPLIED */
    GROUP_APPLIED,
};

struct change {
    bool create; /* else delete */
    struct group group;
};

struct consumer_groups {
    const struct hub *hub;
    struct lane *lane;
    struct group_table table;
    /* on the first core: */
    struct rollout changes; /* GROUP_CHANGE */
    struct store_wait wait;
};

/* ---- reading the copy */

bool consumer_group_exists(const struct consumer_groups *g, unsigned stream, struct slice name)
{
    return group_is_default(name) || table_find(&g->table, stream, name) != NULL;
}

void consumer_group_list(const struct consumer_groups *g, unsigned stream, consumer_group_fn fn,
                         void *ctx)
{
    fn(ctx, "$Default", g->hub->created_us);
    for (size_t i = 0; i < g->table.count; i++) {
        const struct group *group = &g->table.items[i];
        if (group->stream == stream) fn(ctx, group->name, group->created_us);
    }
}

void consumer_groups_drop_stream(struct consumer_groups *g, unsigned stream)
{
    table_remove_stream(&g->table, stream);
}

/* ---- on the first core */

static const struct change *change_of(const struct msg *m)
{
    return (const void *)m->body;
}

static void answer(struct consumer_groups *g, const struct msg *m, enum err result)
{
    struct msg *reply = msg_new(GROUP_DONE, sizeof result);
    memcpy(reply->body, &result, sizeof result);
    post_reply(g->lane, m, reply);
}

static void start_first(struct consumer_groups *g);

static void finish_first(struct consumer_groups *g, enum err result)
{
    answer(g, g->changes.first, result);
    rollout_shift(&g->changes);
    start_first(g);
}

static void tell_cores(struct consumer_groups *g)
{
    rollout_tell(&g->changes, g->hub, g->lane, GROUP_APPLY, msg_body(g->changes.first));
}

static void on_applied(void *ctx, struct lane *lane, struct msg *m)
{
    struct consumer_groups *g = ctx;
    (void)lane, (void)m;
    if (rollout_applied(&g->changes)) finish_first(g, OK);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct consumer_groups *g = CONTAINER_OF(w, struct consumer_groups, wait);
    if (a->err == OK)
        tell_cores(g);
    else /* a conflict: its event hub was deleted meanwhile */
        finish_first(g, a->err == ERR_CONFLICT ? ERR_NOT_FOUND : a->err);
}

static void ask_store(struct consumer_groups *g, const struct change *c)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (c->create)
        store_add(&u, &sql_consumer_group_insert, 1);
    else
        store_add(&u, &sql_consumer_group_remove, STORE_ANY);
    store_put_int(&u, "stream", c->group.stream);
    store_put_text(&u, "name_lower", slice_str(c->group.lower));
    if (c->create) {
        store_put_text(&u, "name", slice_str(c->group.name));
        store_put_int(&u, "created_us", c->group.created_us);
    }
    g->wait.fn = on_stored;
    store_ask(g->hub->store, g->lane, &u, &g->wait);
}

/* OK: it is to be done; ERR_EXISTS: there is nothing to do. */
static enum err check(const struct consumer_groups *g, const struct change *c)
{
    bool there = table_find(&g->table, c->group.stream, slice_str(c->group.name)) != NULL;
    if (!c->create) return there ? OK : ERR_NOT_FOUND;
    if (there) return ERR_EXISTS;
    return table_count(&g->table, c->group.stream) + 1 < CONSUMER_GROUPS_MAX ? OK : ERR_FULL;
}

static void start_first(struct consumer_groups *g)
{
    if (g->changes.first == NULL) return;
    enum err err = check(g, change_of(g->changes.first));
    if (err == ERR_FULL) metric_inc(&too_many_groups);
    if (err == OK)
        ask_store(g, change_of(g->changes.first));
    else
        finish_first(g, err == ERR_EXISTS ? OK : err);
}

static void on_change(void *ctx, struct lane *lane, struct msg *m)
{
    struct consumer_groups *g = ctx;
    (void)lane;
    enum err err = rollout_add(&g->changes, m, CONSUMER_GROUP_CHANGES_MAX);
    if (err != OK) metric_inc(&changes_refused);
    if (err != OK)
        answer(g, m, err);
    else if (g->changes.waiting == 1)
        start_first(g);
}

/* ---- on every core */

static void on_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct consumer_groups *g = ctx;
    const struct change *c = change_of(m);
    if (c->create)
        table_add(&g->table, &c->group);
    else
        table_remove(&g->table, &c->group);
    post_reply(lane, m, msg_new(GROUP_APPLIED, 0));
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct consumer_group_wait *w = slot_get(lane, m->to);
    enum err result;
    if (w == NULL) return;
    memcpy(&result, m->body, sizeof result);
    consumer_group_forget(ctx, w);
    w->fn(w, result);
}

void consumer_group_forget(struct consumer_groups *g, struct consumer_group_wait *w)
{
    slot_free(g->lane, w->slot);
}

static void ask_first_core(struct consumer_groups *g, bool create, unsigned stream,
                           struct slice name, struct consumer_group_wait *w)
{
    ON_LANE(g->lane);
    w->slot = slot_new(g->lane, w);
    if (!group_name_valid(name)) {
        enum err invalid = ERR_INVALID;
        struct msg *m = msg_new(GROUP_DONE, sizeof invalid);
        memcpy(m->body, &invalid, sizeof invalid);
        post(g->lane, lane_addr(g->lane), w->slot, m);
        return;
    }
    struct msg *m = msg_new(GROUP_CHANGE, sizeof(struct change));
    struct change c = {create, group_make(stream, name, clock_wall_us())};
    memcpy(m->body, &c, sizeof c);
    post(g->lane, w->slot, (struct addr){.lane = g->hub->cores[0]}, m);
}

void consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    ask_first_core(g, true, stream, name, w);
}

void consumer_group_delete(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    ask_first_core(g, false, stream, name, w);
}

/* ---- life */

static enum err load_page(struct consumer_groups *g, struct group *last, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_consumer_group_page);
    store_put_int(&q, "stream", last->stream);
    store_put_text(&q, "after", slice_str(last->lower));
    enum err err = store_now_query(g->hub->store, &q, &a, &page);
    while (err == OK && store_next(&a)) {
        *last = group_make((unsigned)a.col[0].number, a.col[2].bytes, a.col[3].number);
        table_add(&g->table, last);
    }
    *more = a.more;
    msg_free(page);
    return err;
}

static enum err load_all(struct consumer_groups *g)
{
    struct group last = {0};
    bool more = true;
    while (more) TRY(load_page(g, &last, &more));
    return OK;
}

enum err consumer_groups_new(const struct hub *hub, struct lane *lane, struct consumer_groups **out)
{
    struct consumer_groups *g = NEW(struct consumer_groups);
    g->hub = hub;
    g->lane = lane;
    enum err err = load_all(g);
    if (err != OK) {
        consumer_groups_free(g);
        return err;
    }
    lane_on(lane, GROUP_CHANGE, on_change, g);
    lane_on(lane, GROUP_DONE, on_done, g);
    lane_on(lane, GROUP_APPLY, on_apply, g);
    lane_on(lane, GROUP_APPLIED, on_applied, g);
    *out = g;
    return OK;
}

void consumer_groups_free(struct consumer_groups *g)
{
    if (g == NULL) return;
    rollout_free(&g->changes);
    table_free(&g->table);
    free(g);
}
