/* presence.c - a map, and a queue of those that left. */
#include "hub/registry/presence.h"

#include <stdlib.h>

#include "base/mem.h"
#include "hub/registry/registry.h"

struct known {
    struct presence presence;
    struct list idle;
    size_t id_len;
    uint8_t id[];
};

void presences_init(struct presences *p)
{
    *p = (struct presences){0};
    list_init(&p->idle);
}

void presences_fini(struct presences *p)
{
    void *known;
    for (size_t at = 0; (known = map_next(&p->by_id, &at)) != NULL;) free(known);
    map_free(&p->by_id);
}

struct presence presence_of(const struct presences *p, struct slice device_id)
{
    const struct known *k = map_get(&p->by_id, device_id);
    return k ? k->presence : (struct presence){0};
}

static void forget(struct presences *p, struct known *k)
{
    if (k->presence.connected)
        p->connected_count--;
    else
        p->idle_count--;
    list_remove(&k->idle);
    map_remove(&p->by_id, slice_of(k->id, k->id_len));
    free(k);
}

/* As the newest of those that are not connected. */
static void lay_aside(struct presences *p, struct known *k)
{
    list_push(&p->idle, &k->idle);
    if (++p->idle_count > REGISTRY_IDLE_MAX)
        forget(p, CONTAINER_OF(p->idle.next, struct known, idle));
}

static struct known *make_known(struct presences *p, struct slice device_id)
{
    struct known *k = map_get(&p->by_id, device_id);
    if (k) return k;
    k = mem_zero(sizeof *k + device_id.len);
    memcpy(k->id, device_id.ptr, device_id.len);
    k->id_len = device_id.len;
    list_init(&k->idle);
    map_put(&p->by_id, slice_of(k->id, k->id_len), k);
    lay_aside(p, k);
    return k;
}

void presence_set_connected(struct presences *p, struct slice device_id, bool connected,
                            int64_t wall_us)
{
    struct known *k = make_known(p, device_id);
    k->presence.active_us = wall_us;
    if (k->presence.connected == connected) return;
    k->presence.connected = connected;
    k->presence.changed_us = wall_us;
    if (connected) {
        p->connected_count++;
        p->idle_count--;
        list_remove(&k->idle);
    } else {
        p->connected_count--;
        lay_aside(p, k);
    }
}

void presence_set_active(struct presences *p, struct slice device_id, int64_t wall_us)
{
    make_known(p, device_id)->presence.active_us = wall_us;
}

void presence_forget(struct presences *p, struct slice device_id)
{
    struct known *k = map_get(&p->by_id, device_id);
    if (k) forget(p, k);
}
