/* throttle.h - how much of each kind of work the whole hub takes, and how many messages a day: the throttles
 * and the quota of IoT Hub's tiers.
 *
 * Work is of a class; each class has a bucket for the whole hub.  A bucket is one number, the time at
 * which all that was taken will have been paid for (GCRA), moved by compare-and-swap.  What a class
 * gives in its period may be taken at once; what comes then waits for its turn, and what would have
 * to wait longer than the class's tolerance is refused.
 *
 * Runs on: any thread, without a lock.
 * Life:    made by the starting thread before the lanes run, freed after they stopped.  NULL: nothing
 *          is limited, and asking costs one comparison.
 * Limits:  the rates and the quota of the configuration; THROTTLE_QUEUE_US and THROTTLE_TELEMETRY_QUEUE_US of
 *          waiting, so that no more waits than the rate times that.
 * Source:  "IoT Hub quotas and throttling".
 */
#ifndef HUB_THROTTLE_THROTTLE_H
#define HUB_THROTTLE_THROTTLE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    THROTTLE_UNITS_MAX = 200,        /* IoT Hub: of S1 and S2 */
    THROTTLE_METHOD_METER = 4 << 10, /* bytes of a method's payload that count as one */
    THROTTLE_AMOUNT_MAX = 1 << 30,   /* per period */
    QUOTA_METER = 4 << 10,           /* bytes of a message that count as one message */
    QUOTA_METER_FREE = 512,          /* ... of F1 */
};
#define THROTTLE_QUEUE_US           (5 * 1000000ll) /* longer does nothing wait for its turn */
#define THROTTLE_TELEMETRY_QUEUE_US (10 * 1000000ll)
#define QUOTA_KEEP_US               1000000ll /* how often what was taken is written down */
#define THROTTLE_PERIOD_US_MAX      (24ll * 3600 * 1000000)

enum throttle_class {
    THROTTLES_REGISTRY,
    THROTTLES_QUERIES,
    THROTTLES_TWIN_READS,
    THROTTLES_TWIN_UPDATES,
    THROTTLES_METHODS, /* counts THROTTLE_METHOD_METER bytes of payload */
    THROTTLES_C2D_SENDS,
    THROTTLES_C2D_RECEIVES, /* over HTTPS */
    THROTTLES_JOBS,
    THROTTLES_JOB_DEVICES, /* identities that a job works on */
    THROTTLES_CONFIGURATIONS,
    THROTTLES_UPLOADS, /* initiations */
    THROTTLES_CONNECTIONS,
    THROTTLES_TELEMETRY,
    THROTTLES_EVENTS, /* of producers to event hubs that users made: a throughput unit for each unit */
    THROTTLE_CLASSES
};

/* What is asked for; errors name it ("Operation type: RegistryRead"). */
enum throttle_operation {
    THROTTLE_FREE, /* never limited */
    THROTTLE_REGISTRY_READ,
    THROTTLE_REGISTRY_WRITE,
    THROTTLE_QUERY,
    THROTTLE_TWIN_READ,
    THROTTLE_TWIN_UPDATE,
    THROTTLE_METHOD,
    THROTTLE_C2D_SEND,
    THROTTLE_C2D_RECEIVE,
    THROTTLE_JOB,
    THROTTLE_JOB_DEVICE,
    THROTTLE_CONFIGURATION_READ,
    THROTTLE_CONFIGURATION_WRITE,
    THROTTLE_UPLOAD,
    THROTTLE_CONNECTION,
    THROTTLE_TELEMETRY,
    THROTTLE_EVENT,
    THROTTLE_OPERATIONS
};

const char *throttle_operation_name(enum throttle_operation op); /* "RegistryRead" */

/* ---- how much (tier.c) */

enum throttle_tier {
    THROTTLE_OFF,
    THROTTLE_F1,
    THROTTLE_B1,
    THROTTLE_B2,
    THROTTLE_B3,
    THROTTLE_S1,
    THROTTLE_S2,
    THROTTLE_S3,
    THROTTLE_TIERS
};

struct throttle_rate {
    uint64_t amount; /* 0: no limit */
    int64_t period_us;
};

/* Messages that the whole hub takes on a day. */
struct quota_config {
    uint64_t messages; /* 0: no limit */
    uint32_t meter;    /* bytes that count as one */
};

struct throttle_config {
    struct throttle_rate rates[THROTTLE_CLASSES];
    struct quota_config quota;
};

/* "S1", "f1", "off"; ERR_INVALID: no tier. */
enum err throttle_tier_parse(struct slice name, enum throttle_tier *out) MUST_USE;
unsigned throttle_units_max(enum throttle_tier tier);

/* What that many units of the tier take. */
void throttle_of_tier(enum throttle_tier tier, unsigned units, struct throttle_config *out);

/* "registry=100/min": one class anew; s, min, h or d, or "registry=off".  Methods count in bytes:
 * "methods=160KiB/s"; "quota=8000/d" is the daily quota.  ERR_INVALID with the reason. */
enum err throttle_override(struct throttle_config *c, struct slice text) MUST_USE;

/* ---- taking (throttle.c) */

struct throttle;

struct throttle *throttle_new(const struct throttle_config *c); /* NULL: nothing is limited */
void throttle_free(struct throttle *t);                         /* NULL is fine */

#define THROTTLE_REFUSED (-1)

/* Asks for that much: 0, go on; more, in so many microseconds; THROTTLE_REFUSED, it was not taken.
 * What is more than a whole period gives is taken when nothing else is owed. */
int64_t throttle_take_from(struct throttle *t, enum throttle_operation op, uint64_t amount,
                           int64_t now_us);

static inline int64_t throttle_take(struct throttle *t, enum throttle_operation op, uint64_t amount,
                                    int64_t now_us)
{
    return t == NULL || op == THROTTLE_FREE ? 0 : throttle_take_from(t, op, amount, now_us);
}

/* The same for who has no clock at hand: it is read only if something is limited. */
static inline int64_t throttle_take_now(struct throttle *t, enum throttle_operation op,
                                        uint64_t amount)
{
    return t == NULL ? 0 : throttle_take(t, op, amount, clock_mono_us());
}

/* What a payload counts. */
static inline uint64_t throttle_method_amount(size_t bytes)
{
    return bytes <= THROTTLE_METHOD_METER
               ? 1
               : (bytes + THROTTLE_METHOD_METER - 1) / THROTTLE_METHOD_METER;
}

/* ---- the daily quota (quota.c, keeper.c): messages from midnight to midnight, UTC.
 *
 * Any thread takes from it.  The first core writes down each second what was taken, and so does the end of
 * the server: a crash forgets what was taken in its last second. */

struct quota;

struct quota *quota_new(const struct quota_config *c); /* NULL: nothing is counted */
void quota_free(struct quota *q);                      /* NULL is fine */

/* How many messages that many bytes are: at least one. */
uint64_t quota_messages(const struct quota *q, size_t bytes);

/* false: that many are not left, and nothing was taken.  For 0 it is whether any is left. */
bool quota_take_from(struct quota *q, uint64_t messages, int64_t wall_us);

static inline bool quota_take_messages(struct quota *q, uint64_t messages)
{
    return q == NULL || quota_take_from(q, messages, clock_wall_us());
}

static inline bool quota_take(struct quota *q, size_t bytes)
{
    return q == NULL || quota_take_messages(q, quota_messages(q, bytes));
}

/* What was answered counts too, and although nothing is left: the work is done.  What is read is one message
 * for the request and its answer together if that is small, so the request's one is taken off. */
void quota_add(struct quota *q, uint64_t messages, int64_t wall_us);

static inline void quota_count_answer(struct quota *q, size_t bytes)
{
    if (q) quota_add(q, quota_messages(q, bytes), clock_wall_us());
}

static inline void quota_count_read(struct quota *q, size_t bytes)
{
    if (q) quota_add(q, quota_messages(q, bytes) - 1, clock_wall_us());
}

uint64_t quota_limit(const struct quota *q);
uint64_t quota_used(const struct quota *q, int64_t wall_us); /* of that time's day */

struct store;
struct lane;

/* On the starting thread: reads what was taken today and keeps it from then on, on that core. */
enum err quota_open(struct quota *q, struct store *s, struct lane *lane) MUST_USE;
void quota_close(struct quota *q); /* after the lanes have stopped, before the store closes */

#endif
