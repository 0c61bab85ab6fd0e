/* allocate.c - which hub does the device get?
 *
 * hashed: rendezvous hashing of registration id and hub, so that a hub more or less moves few devices.
 */
#include "dps/operation.h"

static uint64_t score(struct slice id_lower, struct slice hub)
{
    struct buf key = {0};
    buf_put_slice(&key, id_lower);
    buf_put_u8(&key, '/');
    buf_put_slice(&key, hub);
    uint64_t hash = map_hash(buf_slice(&key));
    buf_free(&key);
    return hash;
}

struct candidates {
    struct slice hubs[DPS_HUBS_MAX + 1];
    unsigned count;
};

static void add(struct candidates *c, struct slice hub)
{
    if (c->count < DPS_HUBS_MAX + 1) c->hubs[c->count++] = hub;
}

/* What the enrollment names, else every hub that is linked; for a device that is to stay, its own. */
static void gather(const struct operation *o, struct candidates *out)
{
    const struct enrollment *e = &o->who.enrollment;
    if (operation_sticks(o)) {
        add(out, o->before.hub);
        return;
    }
    for (unsigned i = 0; i < e->hub_count; i++) add(out, e->hubs[i]);
    if (out->count == 0 && e->hub.len) add(out, e->hub);
    if (out->count == 0) add(out, hub_own_name(o->dps));
}

static void keep_linked(const struct operation *o, struct candidates *c)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < c->count; i++)
        if (hub_is_linked(o->dps, c->hubs[i])) c->hubs[kept++] = c->hubs[i];
    c->count = kept;
}

static struct slice choose_hashed(const struct operation *o, const struct candidates *c)
{
    struct slice best = c->hubs[0];
    uint64_t most = 0;
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t here = score(o->id_lower, c->hubs[i]);
        if (i && here <= most) continue;
        most = here;
        best = c->hubs[i];
    }
    return best;
}

void operation_allocate(struct operation *o)
{
    struct candidates c = {0};
    gather(o, &c);
    keep_linked(o, &c);
    if (c.count == 0)
        operation_failed(o, DPS_HUB_NOT_LINKED,
                         SLICE_LIT("none of the enrollment's hubs is linked to this service"));
    else if (o->who.enrollment.allocation == ALLOCATION_CUSTOM)
        webhook_ask(o, c.hubs, c.count);
    else
        operation_allocated(o, choose_hashed(o, &c));
}
