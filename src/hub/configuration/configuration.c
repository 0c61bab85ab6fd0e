/* configuration.c - life; who tells the first core of changes. */
#include "hub/configuration/configuration.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/home.h"

GAUGE(configurations_now, "azimuth_configurations", "Configurations");

static bool is_first(const struct configurations *c)
{
    return c->lane->id == c->hub->cores[0];
}

/* ---- the list: the one that counts least first */

static bool counts_less(const struct item *a, const struct item *b)
{
    if (a->priority != b->priority) return a->priority < b->priority;
    if (a->created_us != b->created_us) return a->created_us < b->created_us;
    return slice_cmp(a->id, b->id) < 0;
}

struct item *conf_items_find(const struct configurations *c, struct slice id)
{
    LIST_EACH(node, &c->items)
    {
        struct item *it = CONTAINER_OF(node, struct item, node);
        if (slice_eq(it->id, id)) return it;
    }
    return NULL;
}

/* Cores tell of changes as long as there is anything to look at. */
static void tell_cores(struct configurations *c)
{
    for (unsigned i = 0; i < c->hub->core_count; i++) {
        struct msg *m = msg_new(CONFIGURATION_ACTIVE, 1);
        m->body[0] = c->item_count > 0;
        post(c->lane, lane_addr(c->lane), (struct addr){.lane = c->hub->cores[i]}, m);
    }
}

void conf_items_add(struct configurations *c, struct item *it)
{
    struct list *at = c->items.next;
    while (at != &c->items && counts_less(CONTAINER_OF(at, struct item, node), it)) at = at->next;
    list_insert_before(at, &it->node);
    metric_set(&configurations_now, ++c->item_count);
    c->edge_count += it->kind == CONTENT_EDGE;
    tell_cores(c);
}

void conf_items_remove(struct configurations *c, struct item *it)
{
    c->edge_count -= it->kind == CONTENT_EDGE;
    conf_measure_forget(c, it);
    list_remove(&it->node);
    conf_item_free(it);
    metric_set(&configurations_now, --c->item_count);
    tell_cores(c);
}

/* ---- changes of twins and identities, at their homes */

static void tell_first(struct configurations *c, struct slice who)
{
    if (!c->active) return;
    struct msg *m = msg_new(CONFIGURATION_CHANGED, who.len);
    if (who.len) memcpy(m->body, who.ptr, who.len);
    post(c->lane, lane_addr(c->lane), (struct addr){.lane = c->hub->cores[0]}, m);
}

static void on_twin_changed(struct twin_listener *l, struct slice who)
{
    tell_first(CONTAINER_OF(l, struct configurations, twin_listener), who);
}

static void on_identity_changed(struct registry_listener *l, struct slice who,
                                enum registry_change change)
{
    (void)change;
    tell_first(CONTAINER_OF(l, struct configurations, registry_listener), who);
}

static void on_active(void *ctx, struct lane *lane, struct msg *m)
{
    struct configurations *c = ctx;
    (void)lane;
    c->active = m->body[0];
}

static void on_changed(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    conf_look_at(ctx, msg_body(m));
}

/* ---- life */

static enum err load_page(struct configurations *c, struct buf *last, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    struct item *it;
    store_begin_query(&q, &sql_configuration_page);
    store_put_text(&q, "after", buf_size(last) ? buf_slice(last) : SLICE_LIT(""));
    enum err e = store_now_query(c->hub->store, &q, &a, &page);
    while (e == OK && store_next(&a)) {
        e = conf_item_load(a.col, &it);
        if (e != OK) {
            conf_item_free(it);
            break;
        }
        conf_items_add(c, it);
        buf_clear(last);
        buf_put_slice(last, it->id);
    }
    *more = a.more;
    msg_free(page);
    return e;
}

static enum err load_all(struct configurations *c)
{
    struct buf last = {0};
    bool more = true;
    enum err e = OK;
    while (more && e == OK) e = load_page(c, &last, &more);
    buf_free(&last);
    return e;
}

/* Deleted ones that some twins still have. */
static enum err load_left(struct configurations *c)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_configuration_left);
    enum err e = store_now_query(c->hub->store, &q, &a, &page);
    while (e == OK && store_next(&a)) conf_sweep_add(c, a.col[0].bytes);
    msg_free(page);
    return e;
}

static enum err open_first(struct configurations *c)
{
    TRY(load_all(c));
    TRY(load_left(c));
    conf_sweep_soon(c, 0);
    conf_measure_start(c);
    return OK;
}

enum err configurations_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                            struct twins *twins, struct queries *queries,
                            struct configurations **out)
{
    struct configurations *c = *out = NEW(struct configurations);
    *c = (struct configurations){
        .hub = hub, .lane = lane, .registry = registry, .twins = twins, .queries = queries};
    list_init(&c->items);
    lane_on(lane, CONFIGURATION_ACTIVE, on_active, c);
    lane_on(lane, CONFIGURATION_CHANGED, on_changed, c);
    c->twin_listener.changed = on_twin_changed;
    twins_listen(twins, &c->twin_listener);
    c->registry_listener.changed = on_identity_changed;
    registry_listen(registry, &c->registry_listener);
    conf_verb_join(c);
    conf_look_join(c);
    conf_sweep_join(c);
    conf_measure_join(c);
    return is_first(c) ? open_first(c) : OK;
}

void configurations_free(struct configurations *c)
{
    if (c == NULL) return;
    conf_verb_leave(c);
    conf_sweep_leave(c);
    conf_measure_leave(c);
    conf_look_leave(c);
    LIST_EACH(node, &c->items) conf_item_free(CONTAINER_OF(node, struct item, node));
    free(c);
}
