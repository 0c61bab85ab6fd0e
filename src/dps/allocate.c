/* allocate.c - which hub does the device get?
 *
 * hashed: rendezvous hashing of registration id and hub, so that a hub more or less moves few devices.
 *         The hub with the largest -weight / ln(hash) wins, the hash taken as a number between 0 and 1:
 *         each hub is chosen in proportion to its weight.
 * geoLatency: of those with the least latency, set or measured, as hashed; one that is not known comes last.
 * static: the one that the enrollment names.
 *
 * Source: D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit rates" (1998); the weights:
 *         J. Resch, "New Hashing Algorithms for Data Storage" (2015). */
#include <math.h>

#include "dps/latency.h"
#include "dps/operation.h"

struct candidates {
    const struct linked_hub *hubs[DPS_HUBS_MAX + 1];
    unsigned count;
};

/* Names that are not linked, or that mean a hub that is there already, add none. */
static void add(struct candidates *c, const struct linked_hub *h)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->hubs[i] == h) return;
    if (h && c->count < DPS_HUBS_MAX + 1) c->hubs[c->count++] = h;
}

static void add_all(const struct linked *l, struct candidates *out)
{
    const struct linked_hub *h;
    for (size_t i = 0; (h = map_next(&l->by_id, &i)) != NULL;)
        if (h->applies) add(out, h);
}

/* What the enrollment names, else every hub that is linked and not kept out; for a device that is to
 * stay, its own. */
static void gather(const struct operation *o, struct candidates *out)
{
    const struct enrollment *e = &o->who.enrollment;
    const struct linked *l = &o->dps->linked;
    if (operation_sticks(o)) {
        add(out, linked_find(l, o->before.hub));
        return;
    }
    for (unsigned i = 0; i < e->hub_count; i++) add(out, linked_find(l, e->hubs[i]));
    if (e->hub_count == 0 && e->hub.len) add(out, linked_find(l, e->hub));
    if (e->hub_count == 0 && e->hub.len == 0) add_all(l, out);
}

/* Our own goes by its name, too, so that it may be another server's linked hub. */
static double score(struct slice id_lower, const struct linked_hub *h)
{
    struct buf key = {0};
    buf_put_slice(&key, id_lower);
    buf_put_u8(&key, '/');
    buf_put_slice(&key, h->name);
    double hash = ((double)(map_hash(buf_slice(&key)) >> 11) + 0.5) / (double)(1ull << 53);
    buf_free(&key);
    return -(double)h->weight / log(hash);
}

static const struct linked_hub *choose_hashed(const struct operation *o, const struct candidates *c)
{
    const struct linked_hub *best = c->hubs[0];
    double most = 0;
    for (unsigned i = 0; i < c->count; i++) {
        double here = score(o->id_lower, c->hubs[i]);
        if (i && here <= most) continue;
        most = here;
        best = c->hubs[i];
    }
    return best;
}

static void keep_nearest(const struct operation *o, struct candidates *c)
{
    int64_t least = INT64_MAX;
    unsigned kept = 0;
    for (unsigned i = 0; i < c->count; i++) {
        if (c->count > 1) latency_measure(o->dps->latency, c->hubs[i]);
        if (latency_us(c->hubs[i]) < least) least = latency_us(c->hubs[i]);
    }
    for (unsigned i = 0; i < c->count; i++)
        if (latency_us(c->hubs[i]) == least) c->hubs[kept++] = c->hubs[i];
    c->count = kept;
}

static void ask_webhook(struct operation *o, const struct candidates *c)
{
    struct slice names[DPS_HUBS_MAX + 1];
    for (unsigned i = 0; i < c->count; i++) names[i] = c->hubs[i]->name;
    webhook_ask(o, names, c->count);
}

void operation_allocate(struct operation *o)
{
    enum allocation policy = o->who.enrollment.allocation;
    struct candidates c = {0};
    gather(o, &c);
    if (policy == ALLOCATION_GEO_LATENCY) keep_nearest(o, &c);
    if (c.count == 0)
        operation_failed(o, DPS_HUB_NOT_LINKED,
                         SLICE_LIT("none of the enrollment's hubs is linked to this service"));
    else if (policy == ALLOCATION_CUSTOM)
        ask_webhook(o, &c);
    else
        operation_allocated(o, choose_hashed(o, &c)->name);
}
