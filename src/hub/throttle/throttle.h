/* throttle.h - how much of each kind of work the whole hub takes: the throttles of IoT Hub's tiers.
 *
 * Work is of a class; each class has a bucket for the whole hub.  A bucket is one number, the time at
 * which all that was taken will have been paid for (GCRA), moved by compare-and-swap.  What a class
 * gives in its period may be taken at once; what comes then waits for its turn, and what would have
 * to wait longer than the class's tolerance is refused.
 *
 * Runs on: any thread, without a lock.
 * Life:    made by the starting thread before the lanes run, freed after they stopped.  NULL: nothing
 *          is limited, and asking costs one comparison.
 * Limits:  the rates of the configuration; THROTTLE_QUEUE_US and THROTTLE_TELEMETRY_QUEUE_US of
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
};
#define THROTTLE_QUEUE_US           (5 * 1000000ll) /* longer does nothing wait for its turn */
#define THROTTLE_TELEMETRY_QUEUE_US (10 * 1000000ll)
#define THROTTLE_PERIOD_US_MAX      (24 * 3600 * 1000000ll)

enum throttle_class {
    THROTTLES_REGISTRY,
    THROTTLES_QUERIES,
    THROTTLES_TWIN_READS,
    THROTTLES_TWIN_UPDATES,
    THROTTLES_METHODS, /* counts THROTTLE_METHOD_METER bytes of payload */
    THROTTLES_C2D_SENDS,
    THROTTLES_C2D_RECEIVES, /* over HTTPS */
    THROTTLES_JOBS,
    THROTTLES_CONFIGURATIONS,
    THROTTLES_UPLOADS, /* initiations */
    THROTTLES_CONNECTIONS,
    THROTTLES_TELEMETRY,
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
    THROTTLE_CONFIGURATION_READ,
    THROTTLE_CONFIGURATION_WRITE,
    THROTTLE_UPLOAD,
    THROTTLE_CONNECTION,
    THROTTLE_TELEMETRY,
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

struct throttle_config {
    struct throttle_rate rates[THROTTLE_CLASSES];
};

/* "S1", "f1", "off"; ERR_INVALID: no tier. */
enum err throttle_tier_parse(struct slice name, enum throttle_tier *out) MUST_USE;
unsigned throttle_units_max(enum throttle_tier tier);

/* What that many units of the tier take. */
void throttle_of_tier(enum throttle_tier tier, unsigned units, struct throttle_config *out);

/* "registry=100/min": one class anew; s, min, h or d, or "registry=off".  Methods count in bytes:
 * "methods=160KiB/s".  ERR_INVALID with the reason. */
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

#endif
