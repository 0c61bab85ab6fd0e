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

/* Modules are not counted. */
static bool is_device(const struct known *k)
{
    return hub_module_of(slice_of(k->id, k->id_len)).len == 0;
}

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

struct presence presence_of(const struct presences *p, struct slice who)
{
    const struct known *k = map_get(&p->by_id, who);
    return k ? k->presence : (struct presence){0};
}

static void forget(struct presences *p, struct known *k)
{
    if (k->presence.connected)
        p->connected_count -= is_device(k);
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

static struct known *make_known(struct presences *p, struct slice who)
{
    struct known *k = map_get(&p->by_id, who);
    if (k) return k;
    k = mem_zero(sizeof *k + who.len);
    memcpy(k->id, who.ptr, who.len);
    k->id_len = who.len;
    list_init(&k->idle);
    map_put(&p->by_id, slice_of(k->id, k->id_len), k);
    lay_aside(p, k);
    return k;
}

void presence_set_connected(struct presences *p, struct slice who, bool connected, int64_t wall_us)
{
    struct known *k = make_known(p, who);
    k->presence.active_us = wall_us;
    if (k->presence.connected == connected) return;
    k->presence.connected = connected;
    k->presence.changed_us = wall_us;
    if (connected) {
        p->connected_count += is_device(k);
        p->idle_count--;
        list_remove(&k->idle);
    } else {
        p->connected_count -= is_device(k);
        lay_aside(p, k);
    }
}

void presence_set_active(struct presences *p, struct slice who, int64_t wall_us)
{
    make_known(p, who)->presence.active_us = wall_us;
}

void presence_forget(struct presences *p, struct slice who)
{
    struct known *k = map_get(&p->by_id, who);
    if (k) forget(p, k);
}
