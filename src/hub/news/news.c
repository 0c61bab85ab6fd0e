/* news.c - see news.h.  What is kept is the messages themselves, in a ring. */
#include "hub/news/news.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"

COUNTER(passed_over, "azimuth_news_passed_over_total",
        "News that nobody was told of, since there were too many at once")

enum { NEWS_TOLD = HUB_NEWS }; /* to the first core: struct told */

struct told {
    int64_t at_us;
    enum news_kind kind;
    uint32_t device_len;
    uint64_t missed; /* passed over since the one before */
    uint8_t bytes[]; /* device, json */
};

struct kept {
    uint64_t number;
    struct msg *m;
};

struct news {
    struct {
        _Alignas(64) _Atomic unsigned under_way;
        uint64_t missed; /* the core's own */
    } cores[LANES_MAX];  /* by lane */
    const struct hub *hub;

    /* the first core's */
    struct list watches;
    struct kept kept[NEWS_KEPT_MAX];
    unsigned first, count;
    size_t bytes;
    uint64_t begin, next; /* numbers: of this process's first, and of what comes */
};

/* ---- telling */

void news_tell(struct news *n, struct lane *lane, enum news_kind kind, struct slice device,
               struct slice json)
{
    if (n == NULL) return;
    if (json.len > NEWS_ITEM_MAX ||
        atomic_load(&n->cores[lane->id].under_way) >= NEWS_UNDER_WAY_MAX) {
        metric_inc(&passed_over);
        n->cores[lane->id].missed++;
        return;
    }
    struct msg *m = msg_new(NEWS_TOLD, sizeof(struct told) + device.len + json.len);
    struct told *t = (void *)m->body;
    *t = (struct told){.at_us = clock_wall_us(),
                       .kind = kind,
                       .device_len = (uint32_t)device.len,
                       .missed = n->cores[lane->id].missed};
    n->cores[lane->id].missed = 0;
    if (device.len) memcpy(t->bytes, device.ptr, device.len);
    if (json.len) memcpy(t->bytes + device.len, json.ptr, json.len);
    atomic_fetch_add(&n->cores[lane->id].under_way, 1);
    post(lane, lane_addr(lane), (struct addr){.lane = n->hub->cores[0]}, m);
}

/* ---- keeping */

static const struct told *told_of(const struct msg *m)
{
    return (const void *)m->body;
}

static const struct kept *kept_at(const struct news *n, unsigned i)
{
    return &n->kept[(n->first + i) % NEWS_KEPT_MAX];
}

static void drop_oldest(struct news *n)
{
    struct msg *m = n->kept[n->first].m;
    n->bytes -= m->len;
    n->first = (n->first + 1) % NEWS_KEPT_MAX;
    n->count--;
    msg_free(m);
}

static void keep(struct news *n, struct msg *m)
{
    msg_keep(m);
    n->next += told_of(m)->missed;
    while (n->count == NEWS_KEPT_MAX || (n->count && n->bytes + m->len > NEWS_BYTES_MAX))
        drop_oldest(n);
    n->kept[(n->first + n->count++) % NEWS_KEPT_MAX] = (struct kept){.number = n->next++, .m = m};
    n->bytes += m->len;
}

static void on_told(void *ctx, struct lane *lane, struct msg *m)
{
    struct news *n = ctx;
    (void)lane;
    atomic_fetch_sub(&n->cores[m->from.lane].under_way, 1);
    keep(n, m);
    LIST_EACH(node, &n->watches)
    {
        struct news_watch *w = CONTAINER_OF(node, struct news_watch, node);
        w->came(w);
    }
}

/* ---- watching */

void news_watch(struct news *n, struct news_watch *w)
{
    list_push(&n->watches, &w->node);
}

void news_unwatch(struct news_watch *w)
{
    list_remove(&w->node);
}

uint64_t news_end(const struct news *n)
{
    return n->next;
}

uint64_t news_since(const struct news *n, int64_t wall_us)
{
    for (unsigned i = 0; i < n->count; i++)
        if (told_of(kept_at(n, i)->m)->at_us >= wall_us) return kept_at(n, i)->number;
    return n->next;
}

/* The place of the first with that number or a later one, by halves. */
static unsigned place_of(const struct news *n, uint64_t number)
{
    unsigned from = 0, upto = n->count;
    while (from < upto) {
        unsigned middle = (from + upto) / 2;
        if (kept_at(n, middle)->number < number)
            from = middle + 1;
        else
            upto = middle;
    }
    return from;
}

bool news_next(const struct news *n, uint64_t *at, struct news_item *out, uint64_t *missed)
{
    uint64_t from = MAX(*at, n->begin);
    unsigned place = place_of(n, from);
    bool found = place < n->count;
    uint64_t number = found ? kept_at(n, place)->number : n->next;
    if (number > from) *missed += number - from;
    *at = found ? number + 1 : number;
    if (!found) return false;
    const struct msg *m = kept_at(n, place)->m;
    const struct told *t = told_of(m);
    *out = (struct news_item){.kind = t->kind,
                              .at_us = t->at_us,
                              .device = slice_of(t->bytes, t->device_len),
                              .json = slice_from(msg_body(m), sizeof *t + t->device_len)};
    return true;
}

/* ---- life */

struct news *news_new(const struct hub *hub)
{
    struct news *n = mem_aligned(64, sizeof *n);
    memset(n, 0, sizeof *n);
    n->hub = hub;
    n->begin = n->next = (uint64_t)clock_wall_us();
    list_init(&n->watches);
    return n;
}

void news_attach(struct news *n, struct lane *core)
{
    if (n && core->id == n->hub->cores[0]) lane_on(core, NEWS_TOLD, on_told, n);
}

void news_free(struct news *n)
{
    if (n == NULL) return;
    while (n->count) drop_oldest(n);
    free(n);
}
