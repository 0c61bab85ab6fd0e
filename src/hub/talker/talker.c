/* talker.c - asking the cores who sends most, and putting together what they say.
 *
 *   caller ──ASK──▶ every core ──PAGE──▶ caller: adds up, sorts, cuts off, calls back
 *
 * A page is flat: 1 if it is exact, then struct talker one behind the other. */
#include "hub/talker/talker.h"

#include <stdlib.h>

#include "base/num.h"
#include "hub/talker/sketch.h"

enum talker_kind {
    TALKER_ASK = HUB_TALKER, /* to every core: a window's number -> TALKER_PAGE */
    TALKER_PAGE,
};

struct talkers {
    const struct hub *hub;
    struct sketch *sketches[LANES_MAX]; /* by lane */
};

struct talker_gather {
    struct lane *lane;
    struct addr slot;
    struct talker_wait *wait;
    unsigned awaited, top;
    enum talker_order by;
    int64_t window;
    bool exact;
    struct buf all; /* struct talker, each device once */
};

/* ---- on every core */

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    const struct talkers *t = ctx;
    struct buf out = {0};
    int64_t window;
    memcpy(&window, m->body, sizeof window);
    msg_buf_begin(&out);
    size_t at = buf_size(&out);
    buf_put(&out, &(uint64_t){0}, sizeof(uint64_t));
    uint64_t exact = sketch_put(t->sketches[lane->id], window, &out);
    memcpy(out.ptr + at, &exact, sizeof exact);
    post_reply(lane, m, msg_buf_end(&out, TALKER_PAGE));
}

/* ---- on the caller's core */

static struct slice id_of(const struct talker *t)
{
    return slice_of(t->id, t->id_len);
}

static int by_id(const void *a, const void *b)
{
    return slice_cmp(id_of(a), id_of(b));
}

static int most_messages_first(const void *a, const void *b)
{
    const struct talker *x = a, *y = b;
    if (x->messages != y->messages) return x->messages < y->messages ? 1 : -1;
    return by_id(a, b);
}

static int most_bytes_first(const void *a, const void *b)
{
    const struct talker *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return by_id(a, b);
}

/* A device's windows, and what it sent over connections on other cores, are one.  How many are left. */
static size_t add_up(struct talker *items, size_t count)
{
    size_t last = 0;
    if (count == 0) return 0;
    qsort(items, count, sizeof *items, by_id);
    for (size_t i = 1; i < count; i++) {
        if (by_id(&items[last], &items[i]) != 0) {
            items[++last] = items[i];
            continue;
        }
        items[last].messages += items[i].messages;
        items[last].bytes += items[i].bytes;
    }
    return last + 1;
}

static void tell(struct talker_gather *g)
{
    struct talker *items = (void *)g->all.ptr;
    struct talker_page page = {.exact = g->exact,
                               .from_us = (g->window - 1) * TALKERS_WINDOW_S * 1000000ll};
    struct talker_wait *w = g->wait;
    page.items = items;
    page.count = add_up(items, buf_size(&g->all) / sizeof *items);
    if (page.count)
        qsort(items, page.count, sizeof *items,
              g->by == TALKERS_BY_BYTES ? most_bytes_first : most_messages_first);
    page.count = MIN(page.count, g->top);
    w->gather = NULL;
    w->fn(w, &page);
}

static void free_gather(struct talker_gather *g)
{
    buf_free(&g->all);
    slot_free(g->lane, g->slot);
    free(g);
}

static void on_page(void *ctx, struct lane *lane, struct msg *m)
{
    struct talker_gather *g = slot_get(lane, m->to);
    uint64_t exact;
    (void)ctx;
    if (g == NULL) return;
    memcpy(&exact, m->body, sizeof exact);
    g->exact = g->exact && exact;
    buf_put_slice(&g->all, slice_from(msg_body(m), sizeof exact));
    if (--g->awaited) return;
    tell(g);
    free_gather(g);
}

void talkers_ask(struct talkers *t, struct lane *lane, enum talker_order by, unsigned top,
                 int64_t wall_us, struct talker_wait *w)
{
    const struct hub *hub = t->hub;
    struct talker_gather *g = NEW(struct talker_gather);
    assert(top >= 1 && top <= TALKERS_TOP_MAX);
    *g = (struct talker_gather){.lane = lane,
                                .wait = w,
                                .awaited = hub->core_count,
                                .top = top,
                                .by = by,
                                .window = sketch_window_of(wall_us),
                                .exact = true};
    g->slot = slot_new(lane, g);
    w->gather = g;
    for (unsigned i = 0; i < hub->core_count; i++) {
        struct msg *m = msg_new(TALKER_ASK, sizeof g->window);
        memcpy(m->body, &g->window, sizeof g->window);
        post(lane, g->slot, (struct addr){.lane = hub->cores[i]}, m);
    }
}

void talkers_forget(struct talker_wait *w)
{
    if (w->gather) free_gather(w->gather);
    w->gather = NULL;
}

/* ---- life */

struct talkers *talkers_new(const struct hub *hub)
{
    struct talkers *t = NEW(struct talkers);
    t->hub = hub;
    return t;
}

void talkers_attach(struct talkers *t, struct lane *core)
{
    t->sketches[core->id] = NEW(struct sketch);
    lane_on(core, TALKER_ASK, on_ask, t);
    lane_on(core, TALKER_PAGE, on_page, t);
}

struct sketch *talkers_of(struct talkers *t, const struct lane *core)
{
    return t->sketches[core->id];
}

void talkers_free(struct talkers *t)
{
    if (t == NULL) return;
    for (unsigned i = 0; i < LANES_MAX; i++) free(t->sketches[i]);
    free(t);
}
