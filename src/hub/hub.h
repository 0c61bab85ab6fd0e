/* hub.h - what every part of the hub knows of the whole: its names, its cores, its log and store.
 *
 * Runs on: any thread reads it; it is filled by server/ before the lanes run and does not change.
 *
 * A device lives on its home shard; 256 shards map to cores.  Everything about one device and its
 * modules (identities, presence, twins, queue) is owned by that core's lane and reached with
 * post(..., hub_home(hub, who), ...).
 *
 * An identity is named by one text, `who`: "device" or "device/module"; ids have no '/'.
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/buf.h"
#include "base/map.h"
#include "post/post.h"

enum {
    HUB_SHARDS = 256,
    HUB_HOSTS_MAX = 64,
    HUB_HOST_LEN_MAX = 255,
    HUB_NAME_LEN_MIN = 3,
    HUB_NAME_LEN_MAX = 50, /* IoT Hub: 3-50 characters */
    HUB_ID_LEN_MAX = 128,  /* IoT Hub: device and module ids */
    HUB_WHO_LEN_MAX = 2 * HUB_ID_LEN_MAX + 1,
    HUB_ID_SCOPE_MAX = 32,
};

/* By what devices come, with or without WebSocket. */
enum hub_protocol { HUB_MQTT, HUB_AMQP, HUB_HTTP, HUB_PROTOCOLS };

const char *hub_protocol_name(
    enum hub_protocol p); /* "Mqtt", as Azure's logs and metrics have it */
const char *hub_protocol_word(enum hub_protocol p); /* "mqtt", "amqp", "https": our own */

/* Kinds of message, by the folder that receives them.  Each begins where the room of the one before it ends, so
 * that no two are the same. */
enum hub_range {
    HUB_REGISTRY = POST_HUB,
    HUB_SESSION = HUB_REGISTRY + 0x40,
    HUB_CONSUMER_GROUP = HUB_SESSION + 0x40,
    HUB_EVENT_HUB = HUB_CONSUMER_GROUP + 0x30,
    HUB_PRODUCER = HUB_EVENT_HUB + 8,
    HUB_TWIN = HUB_PRODUCER + 8,
    HUB_METHOD = HUB_TWIN + 0x40,
    HUB_C2D = HUB_METHOD + 0x40,
    HUB_CERTIFICATE = HUB_C2D + 0x38,
    HUB_ROUTING = HUB_CERTIFICATE + 0x10,
    HUB_CONFIGURATION = HUB_ROUTING + 0x10,
    HUB_TRANSFER = HUB_CONFIGURATION + 0x10,
    HUB_QUERY = HUB_TRANSFER + 0x10,
    HUB_USER = HUB_QUERY + 0x10,
    HUB_DIAGNOSTIC = HUB_USER + 4,
    HUB_BACKUP = HUB_DIAGNOSTIC + 8,
    HUB_JOB = HUB_BACKUP + 4,
    HUB_UPLOAD = HUB_JOB + 0x10,
    HUB_REFUSAL = HUB_UPLOAD + 0x10,
    HUB_TALKER = HUB_REFUSAL + 4,
    HUB_NEWS = HUB_TALKER + 2,
    HUB_RANGES_END = HUB_NEWS + 2,
};
static_assert((int)HUB_RANGES_END <= (int)POST_FRONT, "the hub's kinds are before the fronts'");

struct log;
struct store;
struct policies;
struct throttle;
struct quota;
struct faults;
struct refusals;
struct talkers;
struct news;
struct diagnostics;

struct hub {
    struct office *office;
    unsigned core_count;
    uint16_t cores[LANES_MAX]; /* lane ids */
    struct log *log;
    struct store *store;
    const struct policies *_Atomic policies; /* hub/policy exchanges it */
    struct throttle *throttle;               /* hub/throttle; NULL: nothing is limited */
    struct quota *quota;                     /* hub/throttle; NULL: messages are not counted */
    struct faults *faults;                   /* hub/fault; NULL: nobody can ask for one */
    struct refusals *refusals;               /* hub/refusal; NULL: nobody keeps account of them */
    struct talkers *talkers;                 /* hub/talker; NULL: nobody counts who sends most */
    struct news *news;                       /* hub/news; NULL: nobody watches */
    struct diagnostics *diagnostics;         /* hub/diagnostic; NULL: nothing is noted */
    char name[HUB_NAME_LEN_MAX + 1];         /* the hub's name and the built-in event hub's path */
    char hosts[HUB_HOSTS_MAX]
              [HUB_HOST_LEN_MAX + 1]; /* names clients dial; the first is the hub's */
    unsigned host_count;
    unsigned https_port, mqtt_port, plain_mqtt_port; /* where it listens itself; 0: not known */
    char id_scope[HUB_ID_SCOPE_MAX + 1];
    int64_t created_us;                          /* wall time */
    bool device_sas_refused, module_sas_refused; /* tokens by their own keys, see token.h */
    bool hasty;                                  /* refusals never wait, see session/suspects.h */
    int64_t device_token_us; /* what a device's token may have left at most; 0: anything */
    unsigned events;         /* sources (1 << enum record_source) whose events go to the stream */
};

/* The ids in a `who`; of a device the module id is empty (ptr NULL). */
static inline struct slice hub_device_of(struct slice who)
{
    return slice_head(who, slice_find(who, '/'));
}

static inline struct slice hub_module_of(struct slice who)
{
    size_t slash = slice_find(who, '/');
    return slash < who.len ? slice_from(who, slash + 1) : SLICE_NONE;
}

static inline unsigned hub_shard(struct slice who)
{
    return (unsigned)(map_hash(hub_device_of(who)) & (HUB_SHARDS - 1));
}

/* The core that owns everything about that device and its modules. */
static inline struct addr hub_home(const struct hub *hub, struct slice who)
{
    return (struct addr){.lane = hub->cores[hub_shard(who) % hub->core_count]};
}

/* Is `host` (optionally with :port or a trailing dot, any case) one of our names? */
bool hub_is_host(const struct hub *hub, struct slice host);

/* Adds a name if it is not there yet; ERR_FULL beyond HUB_HOSTS_MAX, ERR_INVALID for a bad name. */
enum err hub_add_host(struct hub *hub, struct slice host) MUST_USE;

/* 1-128 ASCII alphanumerics and - : . + % _ # * ? ! ( ) , = @ ; $ ' (IoT Hub identity registry). */
bool hub_id_valid(struct slice id);
bool hub_who_valid(struct slice who);

/* 1 to `max` ASCII alphanumerics and . - _, the first and the last one alphanumeric (Event Hubs: event
 * hubs and consumer groups). */
bool hub_entity_valid(struct slice name, size_t max);

/* Writes "device" or, with a module id that is not empty, "device/module". */
void hub_put_who(struct buf *out, struct slice device_id, struct slice module_id);

/* Which event hub it is, by whatever name the server is reached: "SERVER/name" in small letters. */
void hub_stream_identity(const struct hub *hub, struct slice event_hub, struct buf *out);

#endif
