/* throttle.c - the buckets.
 *
 *            now        paid for (tat)
 *   ──────────┼───────────────┼───────────┼──▶ time
 *             │◀── one period: at once ──▶│◀─ tolerance: waits ─▶│ refused
 *
 * Taking one moves `tat` by period / rate.  How far it then lies behind now + period is the wait. */
#include "hub/throttle/throttle.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"

/* Nanoseconds: S3 with many units takes more than one in a microsecond. */
struct bucket {
    _Alignas(64) _Atomic int64_t tat_ns;
    int64_t each_ns, period_ns, queue_ns; /* each 0: no limit */
};

struct throttle {
    struct bucket buckets[THROTTLE_CLASSES];
};

static const struct {
    const char *name;
    enum throttle_class class;
} operations[THROTTLE_OPERATIONS] = {
    [THROTTLE_FREE] = {"None", THROTTLE_CLASSES},
    [THROTTLE_REGISTRY_READ] = {"RegistryRead", THROTTLES_REGISTRY},
    [THROTTLE_REGISTRY_WRITE] = {"RegistryWrite", THROTTLES_REGISTRY},
    [THROTTLE_QUERY] = {"DeviceQuery", THROTTLES_QUERIES},
    [THROTTLE_TWIN_READ] = {"TwinRead", THROTTLES_TWIN_READS},
    [THROTTLE_TWIN_UPDATE] = {"TwinUpdate", THROTTLES_TWIN_UPDATES},
    [THROTTLE_METHOD] = {"DirectMethod", THROTTLES_METHODS},
    [THROTTLE_C2D_SEND] = {"CloudToDeviceSend", THROTTLES_C2D_SENDS},
    [THROTTLE_C2D_RECEIVE] = {"CloudToDeviceReceive", THROTTLES_C2D_RECEIVES},
    [THROTTLE_JOB] = {"JobOperation", THROTTLES_JOBS},
    [THROTTLE_JOB_DEVICE] = {"JobDeviceOperation", THROTTLES_JOB_DEVICES},
    [THROTTLE_CONFIGURATION_READ] = {"ConfigurationRead", THROTTLES_CONFIGURATIONS},
    [THROTTLE_CONFIGURATION_WRITE] = {"ConfigurationWrite", THROTTLES_CONFIGURATIONS},
    [THROTTLE_UPLOAD] = {"FileUpload", THROTTLES_UPLOADS},
    [THROTTLE_CONNECTION] = {"DeviceConnect", THROTTLES_CONNECTIONS},
    [THROTTLE_TELEMETRY] = {"DeviceToCloudSend", THROTTLES_TELEMETRY},
    [THROTTLE_EVENT] = {"EventSend", THROTTLES_EVENTS},
};

const char *throttle_operation_name(enum throttle_operation op)
{
    assert((unsigned)op < THROTTLE_OPERATIONS);
    return operations[op].name;
}

/* ---- metrics: one of each for each class */

#define OF(name_, class_, help_)                                                                   \
    {                                                                                              \
        .name = name_, .help = help_, .labels = "class=\"" class_ "\"", .kind = METRIC_COUNTER     \
    }
#define FOR_ALL(name_, help_)                                                                      \
    {                                                                                              \
        [THROTTLES_REGISTRY] = OF(name_, "registry", help_),                                       \
        [THROTTLES_QUERIES] = OF(name_, "queries", help_),                                         \
        [THROTTLES_TWIN_READS] = OF(name_, "twin-reads", help_),                                   \
        [THROTTLES_TWIN_UPDATES] = OF(name_, "twin-updates", help_),                               \
        [THROTTLES_METHODS] = OF(name_, "methods", help_),                                         \
        [THROTTLES_C2D_SENDS] = OF(name_, "c2d-sends", help_),                                     \
        [THROTTLES_C2D_RECEIVES] = OF(name_, "c2d-receives", help_),                               \
        [THROTTLES_JOBS] = OF(name_, "jobs", help_),                                               \
        [THROTTLES_JOB_DEVICES] = OF(name_, "job-devices", help_),                                 \
        [THROTTLES_CONFIGURATIONS] = OF(name_, "configurations", help_),                           \
        [THROTTLES_UPLOADS] = OF(name_, "uploads", help_),                                         \
        [THROTTLES_CONNECTIONS] = OF(name_, "connections", help_),                                 \
        [THROTTLES_TELEMETRY] = OF(name_, "telemetry", help_),                                     \
        [THROTTLES_EVENTS] = OF(name_, "events", help_),                                           \
    }

static struct metric taken[THROTTLE_CLASSES] =
    FOR_ALL("azimuth_throttle_taken_total", "Work that a throttle let pass, at once or later");
static struct metric delayed[THROTTLE_CLASSES] =
    FOR_ALL("azimuth_throttle_delayed_total", "Work that had to wait for its turn");
static struct metric refused[THROTTLE_CLASSES] =
    FOR_ALL("azimuth_throttle_refused_total", "Work that would have had to wait too long");

__attribute__((constructor)) static void register_metrics(void)
{
    for (int c = 0; c < THROTTLE_CLASSES; c++) {
        metric_register(&taken[c]);
        metric_register(&delayed[c]);
        metric_register(&refused[c]);
    }
}

/* ---- life */

static void bucket_init(struct bucket *b, const struct throttle_rate *rate, int64_t queue_us)
{
    if (rate->amount == 0) return;
    b->period_ns = rate->period_us * 1000;
    b->each_ns = MAX(b->period_ns / (int64_t)rate->amount, 1);
    b->queue_ns = queue_us * 1000;
}

struct throttle *throttle_new(const struct throttle_config *c)
{
    bool any = false;
    for (int i = 0; i < THROTTLE_CLASSES; i++) any = any || c->rates[i].amount;
    if (!any) return NULL;
    struct throttle *t = aligned_alloc(_Alignof(struct throttle), sizeof *t);
    if (t == NULL) abort();
    *t = (struct throttle){0};
    for (int i = 0; i < THROTTLE_CLASSES; i++)
        bucket_init(&t->buckets[i], &c->rates[i],
                    i == THROTTLES_TELEMETRY ? THROTTLE_TELEMETRY_QUEUE_US : THROTTLE_QUEUE_US);
    return t;
}

void throttle_free(struct throttle *t)
{
    free(t);
}

/* ---- taking */

/* Bounded, so that two of them and the time fit into 63 bits: 73 years. */
static int64_t cost_ns(const struct bucket *b, uint64_t amount)
{
    return b->each_ns * (int64_t)MIN(amount, (uint64_t)(INT64_MAX / 4 / b->each_ns));
}

/* What was owed becomes `next`, after a wait of *wait; false: it would be too long. */
static bool weigh(const struct bucket *b, int64_t owed_ns, uint64_t amount, int64_t now_ns,
                  int64_t *next_ns, int64_t *wait_ns)
{
    bool idle = owed_ns <= now_ns;
    *next_ns = MAX(owed_ns, now_ns) + cost_ns(b, amount);
    *wait_ns = idle ? 0 : MAX(*next_ns - now_ns - b->period_ns, 0);
    return *wait_ns <= b->queue_ns;
}

int64_t throttle_take_from(struct throttle *t, enum throttle_operation op, uint64_t amount,
                           int64_t now_us)
{
    assert(op != THROTTLE_FREE && (unsigned)op < THROTTLE_OPERATIONS);
    enum throttle_class class = operations[op].class;
    struct bucket *b = &t->buckets[class];
    int64_t next_ns, wait_ns;
    if (b->each_ns == 0) return 0;
    int64_t owed_ns = atomic_load_explicit(&b->tat_ns, memory_order_relaxed);
    do {
        if (weigh(b, owed_ns, amount, now_us * 1000, &next_ns, &wait_ns)) continue;
        metric_inc(&refused[class]);
        return THROTTLE_REFUSED;
    } while (!atomic_compare_exchange_weak_explicit(&b->tat_ns, &owed_ns, next_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    metric_inc(&taken[class]);
    if (wait_ns) metric_inc(&delayed[class]);
    return (wait_ns + 999) / 1000;
}
