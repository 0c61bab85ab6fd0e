/* hist.c - see hist.h. */
#include "hist.h"

#include <inttypes.h>
#include <string.h>

#include "util.h"

void hist_reset(struct hist *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

static unsigned bucket_of(uint64_t ns)
{
    if (ns < HIST_STEPS) return (unsigned)ns;
    unsigned e = 63u - (unsigned)__builtin_clzll(ns); /* ns in [2^e, 2^(e+1)), e >= 6 */
    unsigned i = (e - 5) * HIST_STEPS + (unsigned)((ns >> (e - 6)) - HIST_STEPS);
    return MIN(i, (unsigned)HIST_BUCKETS - 1);
}

static uint64_t upper_end(unsigned bucket)
{
    if (bucket < HIST_STEPS) return bucket;
    unsigned e = bucket / HIST_STEPS + 5;
    return ((uint64_t)(bucket % HIST_STEPS + HIST_STEPS + 1) << (e - 6)) - 1;
}

void hist_add(struct hist *h, uint64_t ns)
{
    h->buckets[bucket_of(ns)]++;
    h->n++;
    h->sum += ns;
    if (ns > h->max) h->max = ns;
    if (ns < h->min) h->min = ns;
}

static double percentile_us(const struct hist *h, double p)
{
    uint64_t want = (uint64_t)(p * (double)h->n + 0.5), seen = 0;
    if (want < 1) want = 1;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= want) return (double)MIN(upper_end(i), h->max) / 1e3;
    }
    return (double)h->max / 1e3;
}

void hist_json(FILE *f, const char *name, const struct hist *h)
{
    fprintf(f, ",\"%s\":{\"n\":%" PRIu64, name, h->n);
    if (h->n)
        fprintf(f,
                ",\"min\":%.1f,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
                "\"max\":%.1f",
                (double)h->min / 1e3, (double)h->sum / (double)h->n / 1e3, percentile_us(h, .50),
                percentile_us(h, .90), percentile_us(h, .99), percentile_us(h, .999),
                (double)h->max / 1e3);
    fputc('}', f);
}
