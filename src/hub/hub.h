/* hub.h - what every part of the hub knows of the whole: its names, its cores, its log and store.
 *
 * Runs on: any thread reads it; it is filled by server/ before the lanes run and does not change.
 *
 * A device lives on its home shard; 256 shards map to cores.  Everything about one device (identity,
 * presence, later twin and queue) is owned by that core's lane and reached with
 * post(..., hub_home(hub, device_id), ...).
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/map.h"
#include "post/post.h"

enum {
    HUB_SHARDS = 256,
    HUB_HOSTS_MAX = 64,
    HUB_HOST_LEN_MAX = 255,
    HUB_NAME_LEN_MIN = 3,
    HUB_NAME_LEN_MAX = 50, /* IoT Hub: 3-50 characters */
    HUB_ID_LEN_MAX = 128,  /* IoT Hub: device and module ids */
    HUB_ID_SCOPE_MAX = 32,
};

/* Kinds of message, by the folder that receives them. */
enum hub_range {
    HUB_REGISTRY = POST_HUB,
    HUB_SESSION = POST_HUB + 0x40,
    HUB_CONSUMER_GROUP = POST_HUB + 0x80,
};

struct log;
struct store;
struct policies;

struct hub {
    struct office *office;
    unsigned core_count;
    uint16_t cores[LANES_MAX]; /* lane ids */
    struct log *log;
    struct store *store;
    const struct policies *policies;
    char name[HUB_NAME_LEN_MAX + 1]; /* the hub's name and the built-in event hub's path */
    char hosts[HUB_HOSTS_MAX]
              [HUB_HOST_LEN_MAX + 1]; /* names clients dial; the first is the hub's */
    unsigned host_count;
    char id_scope[HUB_ID_SCOPE_MAX + 1];
    int64_t created_us; /* wall time */
};

/* The core that owns everything about that device. */
static inline struct addr hub_home(const struct hub *hub, struct slice device_id)
{
    unsigned shard = (unsigned)(map_hash(device_id) & (HUB_SHARDS - 1));
    return (struct addr){.lane = hub->cores[shard % hub->core_count]};
}

/* Is `host` (optionally with :port or a trailing dot, any case) one of our names? */
bool hub_is_host(const struct hub *hub, struct slice host);

/* Adds a name if it is not there yet; ERR_FULL beyond HUB_HOSTS_MAX, ERR_INVALID for a bad name. */
enum err hub_add_host(struct hub *hub, struct slice host) MUST_USE;

/* 1-128 ASCII alphanumerics and - : . + % _ # * ? ! ( ) , = @ ; $ ' (IoT Hub identity registry). */
bool hub_id_valid(struct slice id);

/* Partition of a key, as Event Hubs computes it: Jenkins lookup3 (hashlittle2, seeds 0) of the UTF-8
 * bytes, 16 bits of c ^ b as a signed number, modulo, absolute value (@azure/event-hubs). */
unsigned hub_partition(struct slice key, unsigned partitions);

#endif
