/* serve.c - starting, running and stopping the server.
 *
 * Order of starting: directory, certificates, ports, hub (recovery), lanes, listeners' threads, ready
 * line.  Nothing is accepted before the log and the store have recovered.
 */
#include "server/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "post/thread.h"
#include "server/certs.h"
#include "server/dir.h"
#include "server/ports.h"
#include "server/tls_keeper.h"
#include "server/wire.h"

enum { SERVER_DRAIN_S = 10, SERVER_LANES = 5 };

struct server {
    const struct config *cfg;
    struct dir dir;
    struct wire wire;
    struct lane main_lane; /* an address to post from; it gets no mail */
    struct core *cores[LANES_MAX];
    struct lane *core_lanes[LANES_MAX];
    unsigned core_count;
    struct ports ports;
    struct tls_keeper tls;
    struct lane_thread *threads[SERVER_LANES];
};

/* ---- the hub on its cores */

static unsigned workers_wanted(const struct config *cfg)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (cfg->workers) return MIN(cfg->workers, (unsigned)(LANES_MAX - SERVER_LANES - 1));
    return cpus <= 2 ? 1 : (unsigned)MIN(cpus, 32);
}

/* As many descriptors as the system gives; connections leave some for files. */
static unsigned connections_wanted(const struct config *cfg)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > 512 ? limit.rlim_cur - 256 : limit.rlim_cur / 2;
    if (most > 1u << 20) most = 1u << 20;
    return cfg->max_connections ? MIN(cfg->max_connections, (unsigned)most) : (unsigned)most;
}

static enum err open_hub(struct server *s)
{
    const struct config *cfg = s->cfg;
    struct wire_config wire = {.io = s->dir.state,
                               .hub_name = cfg->hub_name,
                               .hosts = cfg->hostnames,
                               .host_count = cfg->hostname_count,
                               .partitions = cfg->partitions,
                               .retention_us = cfg->retention_us,
                               .retention_bytes = cfg->retention_bytes,
                               .reserve_bytes = cfg->ephemeral ? 0 : CONFIG_DISK_RESERVE};
    s->core_count = workers_wanted(cfg);
    unsigned connections = connections_wanted(cfg) / s->core_count;
    wire_init(&s->wire);
    for (unsigned i = 0; i < s->core_count; i++) {
        s->cores[i] = core_new(&s->wire.office, i, MAX(connections, 1));
        s->core_lanes[i] = core_lane(s->cores[i]);
    }
    lane_init(&s->main_lane, &s->wire.office, "main");
    return wire_open(&s->wire, &wire, s->core_lanes, s->core_count);
}

static void start_lanes(struct server *s)
{
    struct lane *lanes[SERVER_LANES] = {&s->wire.log_lane, &s->wire.log_read_lane,
                                        &s->wire.store_lane, &s->wire.store_read_lane,
                                        &s->wire.store_check_lane};
    for (unsigned i = 0; i < SERVER_LANES; i++) s->threads[i] = lane_thread_start(lanes[i]);
    for (unsigned i = 0; i < s->core_count; i++) core_start(s->cores[i]);
}
