/* tier.c - what each tier takes, and how a class or the quota is given another limit. */
#include "base/num.h"
#include "hub/throttle/throttle.h"

#define SECOND 1000000ll
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static_assert(DAY == THROTTLE_PERIOD_US_MAX, "the longest period that can be named");

enum { LEVELS = 3 }; /* F1, B1, S1 have the same throttles; B2, S2; B3, S3 */

/* The higher of `least` and `each` for every unit, in a period. */
struct row {
    const char *name;
    int64_t period_us;
    struct {
        unsigned least, each;
    } level[LEVELS];
};

/* "IoT Hub quotas and throttling", "Operation throttles". */
static const struct row rows[THROTTLE_CLASSES] = {
    [THROTTLES_REGISTRY] = {"registry", MINUTE, {{0, 100}, {0, 100}, {0, 5000}}},
    [THROTTLES_QUERIES] = {"queries", MINUTE, {{0, 20}, {0, 20}, {0, 1000}}},
    [THROTTLES_TWIN_READS] = {"twin-reads", SECOND, {{100, 0}, {100, 10}, {0, 500}}},
    [THROTTLES_TWIN_UPDATES] = {"twin-updates", SECOND, {{50, 0}, {50, 5}, {0, 250}}},
    [THROTTLES_METHODS] = {"methods", SECOND, {{0, 40}, {0, 120}, {0, 6144}}}, /* 160 KB: 40 */
    [THROTTLES_C2D_SENDS] = {"c2d-sends", MINUTE, {{0, 100}, {0, 100}, {0, 5000}}},
    [THROTTLES_C2D_RECEIVES] = {"c2d-receives", MINUTE, {{0, 1000}, {0, 1000}, {0, 50000}}},
    [THROTTLES_JOBS] = {"jobs", MINUTE, {{0, 100}, {0, 100}, {0, 5000}}},
    [THROTTLES_JOB_DEVICES] = {"job-devices", SECOND, {{10, 0}, {10, 1}, {0, 50}}},
    [THROTTLES_CONFIGURATIONS] = {"configurations", MINUTE, {{0, 20}, {0, 20}, {0, 20}}},
    [THROTTLES_UPLOADS] = {"uploads", MINUTE, {{0, 100}, {0, 100}, {0, 5000}}},
    [THROTTLES_CONNECTIONS] = {"connections", SECOND, {{100, 12}, {0, 120}, {0, 6000}}},
    [THROTTLES_TELEMETRY] = {"telemetry", SECOND, {{100, 12}, {0, 120}, {0, 6000}}},
    [THROTTLES_EVENTS] = {"events", SECOND, {{0, 1000}, {0, 1000}, {0, 1000}}}, /* Event Hubs */
};

static const struct {
    const char *name;
    int level; /* -1: no limit */
    unsigned units_max;
    uint64_t messages; /* a day, of each unit */
    uint32_t meter;
} tiers[THROTTLE_TIERS] = {
    [THROTTLE_OFF] = {"off", -1, 1, 0, QUOTA_METER},
    [THROTTLE_F1] = {"F1", 0, 1, 8000, QUOTA_METER_FREE},
    [THROTTLE_B1] = {"B1", 0, 200, 400000, QUOTA_METER},
    [THROTTLE_B2] = {"B2", 1, 200, 6000000, QUOTA_METER},
    [THROTTLE_B3] = {"B3", 2, 10, 300000000, QUOTA_METER},
    [THROTTLE_S1] = {"S1", 0, 200, 400000, QUOTA_METER},
    [THROTTLE_S2] = {"S2", 1, 200, 6000000, QUOTA_METER},
    [THROTTLE_S3] = {"S3", 2, 10, 300000000, QUOTA_METER},
};

enum err throttle_tier_parse(struct slice name, enum throttle_tier *out)
{
    for (int i = 0; i < THROTTLE_TIERS; i++) {
        if (!slice_is_nocase(name, tiers[i].name)) continue;
        *out = (enum throttle_tier)i;
        return OK;
    }
    return fail(ERR_INVALID, "'%.*s' is not off, F1, B1, B2, B3, S1, S2 or S3", SLICE_ARG(name));
}

unsigned throttle_units_max(enum throttle_tier tier)
{
    assert((unsigned)tier < THROTTLE_TIERS);
    return tiers[tier].units_max;
}

void throttle_of_tier(enum throttle_tier tier, unsigned units, struct throttle_config *out)
{
    *out = (struct throttle_config){
        .quota = {tiers[tier].messages * units, tiers[tier].meter},
    };
    if (tiers[tier].level < 0) return;
    for (int i = 0; i < THROTTLE_CLASSES; i++) {
        unsigned least = rows[i].level[tiers[tier].level].least;
        unsigned each = rows[i].level[tiers[tier].level].each;
        out->rates[i] = (struct throttle_rate){MAX(least, each * units), rows[i].period_us};
    }
}

/* ---- overrides */

static bool find_class(struct slice name, enum throttle_class *out)
{
    for (int i = 0; i < THROTTLE_CLASSES; i++) {
        *out = (enum throttle_class)i;
        if (slice_is_nocase(name, rows[i].name)) return true;
    }
    return false;
}

static bool find_period(struct slice name, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t us;
    } periods[] = {{"s", SECOND}, {"min", MINUTE}, {"h", HOUR}, {"d", DAY}};
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        *out = periods[i].us;
        if (slice_is_nocase(name, periods[i].name)) return true;
    }
    return false;
}

static enum err read_amount(enum throttle_class class, struct slice text, uint64_t *out)
{
    bool bytes = class == THROTTLES_METHODS;
    enum err e = bytes ? num_bytes(text, out) : num_u64(text, out);
    if (e == OK && bytes) *out = (*out + THROTTLE_METHOD_METER - 1) / THROTTLE_METHOD_METER;
    if (e == OK && *out >= 1 && *out <= THROTTLE_AMOUNT_MAX) return OK;
    return fail(ERR_INVALID, "'%.*s' is not %s", SLICE_ARG(text),
                bytes ? "a size (160KiB)" : "a number from 1 to 1073741824");
}

static enum err read_rate(enum throttle_class class, struct slice text, struct throttle_rate *out)
{
    struct slice amount;
    *out = (struct throttle_rate){0};
    if (slice_is_nocase(text, "off")) return OK;
    slice_split(&text, '/', &amount);
    if (!find_period(text, &out->period_us))
        return fail(ERR_INVALID, "a rate is AMOUNT/PERIOD, with s, min, h or d for the period");
    return read_amount(class, amount, &out->amount);
}

static enum err read_quota(struct slice text, struct quota_config *out)
{
    struct throttle_rate rate;
    TRY(read_rate(THROTTLES_TELEMETRY, text, &rate));
    if (rate.amount && rate.period_us != DAY)
        return fail(ERR_INVALID, "the quota is MESSAGES/d: it is one of a day");
    out->messages = rate.amount;
    if (out->meter == 0) out->meter = QUOTA_METER;
    return OK;
}

enum err throttle_override(struct throttle_config *c, struct slice text)
{
    struct slice name;
    enum throttle_class class;
    slice_split(&text, '=', &name);
    if (slice_is_nocase(name, "quota")) return read_quota(text, &c->quota);
    if (!find_class(name, &class))
        return fail(ERR_INVALID,
                    "'%.*s' is not registry, queries, twin-reads, twin-updates, methods, "
                    "c2d-sends, c2d-receives, jobs, job-devices, configurations, uploads, "
                    "connections, telemetry or quota",
                    SLICE_ARG(name));
    return read_rate(class, text, &c->rates[class]);
}
