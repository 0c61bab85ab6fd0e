/* gather.c - asking the cores, and putting together what they say.
 *
 *   caller ──ASK──▶ every core ──PAGE──▶ caller: sorts, cuts off, calls back
 *
 * A page is flat: how many alerts, the alerts; each record behind the other, aligned, then its texts. */
#include "hub/refusal/gather.h"

#include <stdlib.h>

#include "base/num.h"

struct flat_query {
    struct refusal_query q;
    uint8_t who[];
};

struct refusal_gather {
    struct lane *lane;
    struct addr slot;
    struct refusal_wait *wait;
    unsigned awaited, come, top;
    struct msg *pages[LANES_MAX];
};

/* ---- on a journal's core */

static void put_record(struct buf *out, const struct record *r, unsigned core)
{
    struct refusal_seen *seen = (void *)buf_reserve(out, sizeof *seen);
    *seen = r->seen;
    seen->core = core;
    buf_commit(out, sizeof *seen);
    struct refusal what = r->seen.what;
    struct slice *texts[REFUSAL_TEXTS];
    refusal_texts_of(&what, texts);
    for (int i = 0; i < REFUSAL_TEXTS; i++) buf_put_slice(out, *texts[i]);
    while (buf_size(out) % _Alignof(struct refusal_seen)) buf_put_u8(out, 0);
}

/* From the end of a list; one record more than was asked for says that there are more. */
static unsigned put_matching(struct buf *out, const struct list *head, bool rings,
                             const struct refusal_query *q, unsigned core)
{
    unsigned count = 0;
    for (const struct list *at = head->prev; at != head && count <= q->top; at = at->prev) {
        const struct record *r = rings ? CONTAINER_OF(at, const struct record, in_ring)
                                       : CONTAINER_OF(at, const struct record, order);
        if (!journal_matches(r, q, core)) continue;
        put_record(out, r, core);
        count++;
    }
    return count;
}

_Static_assert(sizeof(struct msg) % _Alignof(struct refusal_seen) == 0, "a page is aligned");
_Static_assert(sizeof(struct refusal_alert) % _Alignof(struct refusal_seen) == 0, "so it stays");

struct msg *gather_answer(const struct journal *j, unsigned core, const struct gather_alerts *now,
                          const struct msg *ask)
{
    const struct flat_query *flat = (const void *)ask->body;
    struct refusal_query q = flat->q;
    struct buf out = {0};
    q.who.ptr = flat->who;
    const struct ring *ring = q.who.len ? journal_ring(j, q.who) : NULL;
    msg_buf_begin(&out);
    buf_put(&out, &now->count, sizeof now->count);
    if (now->count) buf_put(&out, now->items, (size_t)now->count * sizeof *now->items);
    if (q.who.len == 0) {
        put_matching(&out, &j->order, false, &q, core);
    } else {
        if (ring) put_matching(&out, &ring->records, true, &q, core);
        if (journal_was_claimed(j, q.who))
            put_matching(&out, &j->strangers.records, true, &q, core);
    }
    return msg_buf_end(&out, REFUSAL_PAGE);
}

/* ---- on the caller's core */

/* Where the records of a page begin. */
static size_t take_alerts(const struct msg *page, struct refusal_page *out)
{
    uint64_t count;
    memcpy(&count, page->body, sizeof count);
    if (count) {
        out->alerts = (const void *)(page->body + sizeof count);
        out->alert_count = (size_t)count;
    }
    return sizeof count + (size_t)count * sizeof(struct refusal_alert);
}

/* Where the next record of a page is; texts are found again. */
static struct refusal_seen *next_record(struct msg *page, size_t *at)
{
    if (*at >= page->len) return NULL;
    struct refusal_seen *seen = (void *)(page->body + *at);
    struct slice *texts[REFUSAL_TEXTS];
    *at += sizeof *seen;
    refusal_texts_of(&seen->what, texts);
    for (int i = 0; i < REFUSAL_TEXTS; i++) {
        texts[i]->ptr = page->body + *at;
        *at += texts[i]->len;
    }
    while (*at % _Alignof(struct refusal_seen)) ++*at;
    return seen;
}

static int newest_first(const void *a, const void *b)
{
    const struct refusal_seen *x = a, *y = b;
    if (x->last_us != y->last_us) return x->last_us < y->last_us ? 1 : -1;
    return x->core < y->core ? 1 : x->core > y->core ? -1 : 0;
}

static void tell(struct refusal_gather *g)
{
    struct buf all = {0};
    struct refusal_page page = {0};
    for (unsigned i = 0; i < g->come; i++) {
        struct refusal_seen *seen;
        for (size_t at = take_alerts(g->pages[i], &page);
             (seen = next_record(g->pages[i], &at)) != NULL;)
            buf_put(&all, seen, sizeof *seen);
    }
    page.count = buf_size(&all) / sizeof(struct refusal_seen);
    if (page.count) qsort(all.ptr, page.count, sizeof(struct refusal_seen), newest_first);
    page.items = (const void *)all.ptr;
    page.more = page.count > g->top;
    page.count = MIN(page.count, g->top);
    struct refusal_wait *w = g->wait;
    w->gather = NULL;
    w->fn(w, &page);
    buf_free(&all);
}

static void free_gather(struct refusal_gather *g)
{
    for (unsigned i = 0; i < g->come; i++) msg_free(g->pages[i]);
    slot_free(g->lane, g->slot);
    free(g);
}

void gather_on_page(void *ctx, struct lane *lane, struct msg *m)
{
    struct refusal_gather *g = slot_get(lane, m->to);
    (void)ctx;
    if (g == NULL) return;
    msg_keep(m);
    g->pages[g->come++] = m;
    if (g->come < g->awaited) return;
    tell(g);
    free_gather(g);
}

void refusal_ask(struct refusals *r, struct lane *lane, const struct refusal_query *q,
                 struct refusal_wait *w)
{
    const struct hub *hub = refusals_hub(r);
    struct refusal_gather *g = NEW(struct refusal_gather);
    assert(q->top >= 1 && q->top <= REFUSAL_PAGE_MAX);
    *g =
        (struct refusal_gather){.lane = lane, .wait = w, .awaited = hub->core_count, .top = q->top};
    g->slot = slot_new(lane, g);
    w->gather = g;
    for (unsigned i = 0; i < hub->core_count; i++) {
        struct msg *m = msg_new(REFUSAL_ASK, sizeof(struct flat_query) + q->who.len);
        struct flat_query *flat = (void *)m->body;
        flat->q = *q;
        if (q->who.len) memcpy(flat->who, q->who.ptr, q->who.len);
        post(lane, g->slot, (struct addr){.lane = hub->cores[i]}, m);
    }
}

void refusal_forget(struct refusal_wait *w)
{
    if (w->gather) free_gather(w->gather);
    w->gather = NULL;
}
