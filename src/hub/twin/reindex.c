/* reindex.c - twins that have one row for a half of the index, though their properties would fit it: those
 * that were written before there was such a half.
 *
 * The first core looks through them once after each start, a few at a time and behind everybody else's
 * writes.  The unit is for the twin as it was read; if home has written it meanwhile, it is read again, and
 * home's next write finds that the row is no longer the one that it remembers (twin_update).
 */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/key.h"
#include "hub/twin/home.h"
#include "hub/twin/prop.h"
#include "hub/twin/twin_sql.h"

COUNTER(indexed_total, "azimuth_twin_indexed_later_total",
        "Twins from before there was an index of their properties that are in it now");

enum {
    AT_ONCE = 16,         /* twins that are read */
    STATEMENTS_ROOM = 20, /* of a twin, beside one for each eight of its rows */
    AGAIN_US = 1000000,
};

static void look(struct twins *t);

static void look_later(struct twins *t)
{
    timer_set(&t->lane->timers, &t->reindex.timer, clock_mono_us() + AGAIN_US);
}

static void set_place(struct twins *t, struct slice device_id, struct slice module_id)
{
    buf_clear(&t->reindex.after);
    hub_put_who(&t->reindex.after, device_id, module_id);
}

static void ends(struct twins *t)
{
    if (t->reindex.count == 0) return;
    say_info("twin.indexed", "twins=%llu", (unsigned long long)t->reindex.count);
}

/* Columns of twin_wide_get. */
static struct twin twin_of(const struct store_value *col)
{
    return (struct twin){.stored = true,
                         .version = col[2].number,
                         .indexed = (unsigned)col[3].number,
                         .tags = col[4].bytes,
                         .desired = col[5].bytes,
                         .reported = col[6].bytes};
}

static void put_indexed(struct store_request *u, const struct store_value *col, unsigned indexed)
{
    store_add(u, &sql_twin_reindex, 1);
    store_put_text(u, "device_id", col[0].bytes);
    store_put_text(u, "module_id", col[1].bytes);
    store_put_int(u, "version", col[2].number);
    store_put_int(u, "old_indexed", col[3].number);
    store_put_int(u, "indexed", indexed);
}

/* Into the unit, if there is room; `used` counts its statements. */
static bool put_twin(struct store_request *u, const struct store_value *col, unsigned *used,
                     unsigned *changed)
{
    struct arena arena = {0};
    struct props before, after;
    struct buf who = {0};
    bool of_module = col[1].bytes.len > 0;
    struct twin twin = twin_of(col);
    props_of_row(&arena, of_module, TWIN_INDEX_BOTH, &twin, &before);
    props_of(&arena, of_module, TWIN_INDEX_BOTH, &twin, &after);
    unsigned needs = STATEMENTS_ROOM + (before.count + after.count) / 8;
    bool fits = *used + needs <= STORE_STATEMENTS_MAX, more = after.indexed != twin.indexed;
    if (fits && more) {
        hub_put_who(&who, col[0].bytes, col[1].bytes);
        put_indexed(u, col, after.indexed);
        props_put_change(u, buf_slice(&who), &before, &after);
        *used += needs;
        ++*changed;
    }
    buf_free(&who);
    arena_free(&arena);
    return fits;
}

static void on_written(struct store_wait *w, struct store_answer *a)
{
    struct twins *t = CONTAINER_OF(w, struct twins, reindex.wait);
    if (a->err == OK) {
        metric_add(&indexed_total, t->reindex.writing);
        t->reindex.count += t->reindex.writing;
        look(t);
        return;
    }
    buf_clear(&t->reindex.after);
    buf_put_slice(&t->reindex.after, buf_slice(&t->reindex.before));
    look_later(t);
}

static void next_path(struct twins *t)
{
    buf_clear(&t->reindex.after);
    if (++t->reindex.path < TWIN_INDEX_PATH_MIN)
        look(t);
    else
        ends(t);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct twins *t = CONTAINER_OF(w, struct twins, reindex.wait);
    struct store_request u;
    unsigned seen = 0, used = 0, changed = 0;
    if (a->err != OK) {
        look_later(t);
        return;
    }
    buf_clear(&t->reindex.before);
    buf_put_slice(&t->reindex.before, buf_slice(&t->reindex.after));
    store_begin_unit(&u, STORE_BULK);
    for (; store_next(a) && put_twin(&u, a->col, &used, &changed); seen++)
        set_place(t, a->col[0].bytes, a->col[1].bytes);
    t->reindex.writing = changed;
    if (changed) {
        t->reindex.wait.fn = on_written;
        store_ask(t->hub->store, t->lane, &u, &t->reindex.wait);
        return;
    }
    buf_free(&u.body);
    if (seen)
        look(t);
    else
        next_path(t);
}

static void look(struct twins *t)
{
    struct store_request q;
    store_begin_query(&q, &sql_twin_wide_get);
    store_put_int(&q, "path", t->reindex.path);
    store_put_blob(&q, "value", SLICE_LIT(""));
    hub_put_key(&q, buf_slice(&t->reindex.after));
    store_put_int(&q, "top", AT_ONCE);
    t->reindex.wait.fn = on_rows;
    store_ask(t->hub->store, t->lane, &q, &t->reindex.wait);
}

static void on_timer(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    look(CONTAINER_OF(timer, struct twins, reindex.timer));
}

void twin_reindex_join(struct twins *t)
{
    timer_init(&t->reindex.timer, on_timer);
    if (t->lane->id == t->hub->cores[0]) look_later(t);
}

void twin_reindex_fini(struct twins *t)
{
    timer_stop(&t->reindex.timer);
    buf_free(&t->reindex.after);
    buf_free(&t->reindex.before);
}
