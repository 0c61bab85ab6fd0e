/* gone.c - the index after an identity was deleted.
 *
 * The unit that deletes the identity keeps a copy of its twin in twin_gone; what queries find by it
 * leads nowhere.  Soon afterwards those rows are computed from the copy and removed, but for those that
 * the twin of a new identity of that name has, too.
 */
#include "base/clock.h"
#include "hub/key.h"
#include "hub/twin/home.h"
#include "hub/twin/prop.h"
#include "hub/twin/twin_sql.h"

static void look(struct twins *t);

static void look_later(struct twins *t)
{
    if (timer_active(&t->gone_timer) || t->gone_asks) return;
    timer_set(&t->lane->timers, &t->gone_timer, clock_mono_us() + GONE_WAIT_US);
}

static void on_removed(struct store_wait *w, struct store_answer *a)
{
    struct twins *t = CONTAINER_OF(w, struct twins, gone_wait);
    t->gone_asks = false;
    if (a->err == OK)
        look(t);
    else
        look_later(t); /* somebody else was quicker, or wrote the new twin */
}

/* Those of the old one which are none of the new one. */
static void only_old(struct props *old, const struct props *now)
{
    unsigned kept = 0, j = 0;
    for (unsigned i = 0; i < old->count; i++) {
        while (j < now->count && prop_compare(&now->rows[j], &old->rows[i]) < 0) j++;
        bool also_new = j < now->count && prop_compare(&now->rows[j], &old->rows[i]) == 0;
        if (!also_new) old->rows[kept++] = old->rows[i];
    }
    old->count = kept;
}

static struct twin sections_of(const struct store_value *col)
{
    return (struct twin){.indexed = (unsigned)col[0].number,
                         .tags = col[1].bytes,
                         .desired = col[2].bytes,
                         .reported = col[3].bytes};
}

/* Columns of twin_gone_get. */
static void remove_rows(struct twins *t, const struct store_value *col)
{
    struct arena arena = {0};
    struct store_request u;
    struct buf who = {0};
    struct props old, now = {0};
    const struct props none = {0};
    bool of_module = col[1].bytes.len > 0, is_back = col[7].type != STORE_NULL;
    struct twin gone = sections_of(col + 3), back = sections_of(col + 8);
    hub_put_who(&who, col[0].bytes, col[1].bytes);
    props_of_row(&arena, of_module, TWIN_INDEX_BOTH, &gone, &old);
    if (is_back) props_of_row(&arena, of_module, TWIN_INDEX_BOTH, &back, &now);
    only_old(&old, &now);
    store_begin_unit(&u, STORE_BULK);
    store_add(&u, &sql_twin_gone_remove, 1);
    store_put_text(&u, "device_id", col[0].bytes);
    store_put_text(&u, "module_id", col[1].bytes);
    store_put_text(&u, "generation_id", col[2].bytes);
    store_put_int(&u, "version", is_back ? col[7].number : 0);
    store_put_int(&u, "indexed", is_back ? col[8].number : 0);
    props_put_change(&u, buf_slice(&who), &old, &none);
    t->gone_wait.fn = on_removed;
    t->gone_asks = true;
    store_ask(t->hub->store, t->lane, &u, &t->gone_wait);
    buf_free(&who);
    arena_free(&arena);
}

static void on_row(struct store_wait *w, struct store_answer *a)
{
    struct twins *t = CONTAINER_OF(w, struct twins, gone_wait);
    t->gone_asks = false;
    if (a->err != OK)
        look_later(t);
    else if (store_next(a))
        remove_rows(t, a->col);
}

static void look(struct twins *t)
{
    struct store_request q;
    store_begin_query(&q, &sql_twin_gone_get);
    t->gone_wait.fn = on_row;
    t->gone_asks = true;
    store_ask(t->hub->store, t->lane, &q, &t->gone_wait);
}

static void on_timer(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    struct twins *t = CONTAINER_OF(timer, struct twins, gone_timer);
    if (!t->gone_asks) look(t);
}

/* ---- registry */

static void on_deleting(struct registry_listener *l, struct slice who, struct store_request *unit)
{
    (void)l;
    store_add(unit, &sql_twin_gone_add, STORE_ANY);
    hub_put_key(unit, who);
}

static void on_changed(struct registry_listener *l, struct slice who, enum registry_change change)
{
    (void)who;
    if (change == REGISTRY_DELETED) look_later(CONTAINER_OF(l, struct twins, identity_listener));
}

void twin_gone_join(struct twins *t)
{
    timer_init(&t->gone_timer, on_timer);
    t->identity_listener.deleting = on_deleting;
    t->identity_listener.changed = on_changed;
    registry_listen(t->registry, &t->identity_listener);
    if (t->lane->id == t->hub->cores[0]) look_later(t); /* from before the last stop */
}

void twin_gone_fini(struct twins *t)
{
    timer_stop(&t->gone_timer);
}
