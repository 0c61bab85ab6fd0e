/* hub.c - lives and deaths of the simulated hub. */
#include "hub.h"

#include <assert.h>
#include <stdio.h>

#include "hub/registry/registry.h"
#include "hub/twin/twin.h"
#include "world.h"

void sim_hub_init(struct sim_hub *h, unsigned cores)
{
    *h = (struct sim_hub){.disk = io_mem_new(), .core_count = cores};
}

/* Who is looked for is not in memory any more. */
static void limit_caches(const struct sim_hub *h)
{
    for (unsigned i = 0; h->cache_bytes && i < h->core_count; i++) {
        registry_limit_cache(h->wire.cores[i].registry, h->cache_bytes);
        twins_limit_cache(h->wire.cores[i].twins, h->cache_bytes);
    }
}

static void collect_lanes(struct sim_hub *h)
{
    h->all_count = 0;
    for (uint16_t i = 0; i < h->wire.office.count; i++)
        h->all[h->all_count++] = h->wire.office.lanes[i];
}

bool sim_hub_start(struct sim_hub *h)
{
    static const char *const names[] = {"core0", "core1", "core2"};
    static const char *const hosts[] = {"hub.sim"};
    struct lane *cores[SIM_CORES_MAX];
    struct wire_config cfg = {.io = h->disk,
                              .hub_name = "sim",
                              .hosts = hosts,
                              .host_count = 1,
                              .partitions = 4,
                              .unwatched = true,
                              .ephemeral = true};
    wire_init(&h->wire);
    h->lives++;
    for (unsigned i = 0; i < h->core_count; i++) {
        assert(i < SIM_CORES_MAX);
        cores[i] = &h->lanes[i];
        lane_init(cores[i], &h->wire.office, names[i]);
        conn_host_init(&h->hosts[i], cores[i]);
    }
    lane_init(&h->reader, &h->wire.office, "reader");
    enum err e = wire_open(&h->wire, &cfg, cores, h->core_count);
    collect_lanes(h);
    h->alive = true;
    if (e == OK) limit_caches(h);
    if (e == OK) return true;
    world_violated("the hub does not start again: %s: %s", err_name(e), fail_text());
    sim_hub_crash(h, 0);
    return false;
}

void sim_hub_crash(struct sim_hub *h, uint64_t loss_seed)
{
    io_mem_crash(h->disk, loss_seed);
    for (int call = 0; call < IO_CALLS; call++)
        io_mem_fail(h->disk, (enum io_call)call, 0, OK, false);
    link_servers_died();
    wire_close(&h->wire);
    for (unsigned i = 0; i < h->core_count; i++) {
        conn_host_fini(&h->hosts[i]);
        lane_fini(&h->lanes[i]);
    }
    lane_fini(&h->reader);
    h->alive = false;
}

void sim_hub_fini(struct sim_hub *h)
{
    if (h->alive) sim_hub_crash(h, 0);
    io_free(h->disk);
}

/* ---- how clients reach it */

struct link *sim_hub_dial(struct sim_hub *h, enum wire_protocol protocol,
                          const struct link_client *client, void *client_ctx)
{
    const struct front *front;
    void *ctx;
    if (!h->alive || h->closed) return NULL;
    unsigned core = (unsigned)world_random(h->core_count);
    wire_front(&h->wire.cores[core], protocol, &front, &ctx);
    return link_open(&h->hosts[core], front, ctx, client, client_ctx);
}

void sim_hub_token(const struct sim_hub *h, const char *policy, const char *path, struct buf *out)
{
    const struct policy *p = policies_find(&h->wire.policies, slice_str(policy));
    char resource[256];
    snprintf(resource, sizeof resource, "hub.sim%s%s", *path ? "/" : "", path);
    sas_make(out, slice_str(resource), slice_of(p->keys[0].bytes, p->keys[0].len), policy,
             (world.now_us + world.wall_us) / 1000000 + 7200);
}
