/* health.c - told by the endpoint's core, kept by each. */
#include "deliver/health.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"

enum health_message_kind { DELIVER_HEALTH = POST_DELIVER };

struct news {
    uint32_t bit;
    struct health_entry entry;
};

static void on_news(void *ctx, struct lane *lane, struct msg *m)
{
    struct healths *hs = ctx;
    struct news news;
    (void)lane;
    memcpy(&news, m->body, sizeof news);
    if (news.entry.since_us >= hs->of[news.bit].since_us) hs->of[news.bit] = news.entry;
}

static void look_up(void *ctx, const struct routing_endpoint *e, struct routing_health *out)
{
    const struct healths *hs = ctx;
    const struct health_entry *entry = &hs->of[e->bit];
    if (entry->since_us == e->since_us) *out = entry->health;
}

void healths_init(struct healths *hs, const struct hub *hub, struct lane *lane,
                  struct routing *routing)
{
    *hs = (struct healths){.hub = hub, .lane = lane};
    lane_on(lane, DELIVER_HEALTH, on_news, hs);
    routing_set_health(routing, look_up, hs);
}

void health_post(const struct hub *hub, struct lane *lane, unsigned bit, int64_t since_us,
                 const struct routing_health *h)
{
    struct news news = {.bit = bit, .entry = {since_us, *h}};
    for (unsigned i = 0; i < hub->core_count; i++) {
        if (hub->cores[i] == lane->id) continue;
        struct msg *m = msg_new(DELIVER_HEALTH, sizeof news);
        memcpy(m->body, &news, sizeof news);
        post(lane, lane_addr(lane), (struct addr){.lane = hub->cores[i]}, m);
    }
}

void healths_tell(struct healths *hs, unsigned bit, int64_t since_us,
                  const struct routing_health *h)
{
    hs->of[bit] = (struct health_entry){since_us, *h};
    health_post(hs->hub, hs->lane, bit, since_us, h);
}

/* ---- counters */

static struct metric *deliveries(const char *endpoint, const char *result)
{
    char labels[128];
    snprintf(labels, sizeof labels, "endpoint=\"%s\",result=\"%s\"", endpoint, result);
    return metric_of(METRIC_COUNTER, "azimuth_routing_deliveries_total", labels,
                     "Messages to endpoints, by what came of it");
}

static struct metric *of_endpoint(enum metric_kind kind, const char *endpoint, const char *name,
                                  const char *help)
{
    char labels[128];
    snprintf(labels, sizeof labels, "endpoint=\"%s\"", endpoint);
    return metric_of(kind, name, labels, help);
}

void health_counters_init(struct health_counters *c, const struct routing_kind *kind,
                          const char *endpoint)
{
    static const char *const results[] = {"success", "failure", "refused", "dropped"};
    *c = (struct health_counters){.kind = kind, .endpoint = endpoint};
    for (unsigned i = 0; i < DELIVERY_RESULTS; i++)
        c->deliveries[i] = deliveries(endpoint, results[i]);
    c->granted_rate =
        of_endpoint(METRIC_GAUGE, endpoint, "azimuth_routing_granted_requests_per_minute",
                    "Requests that an endpoint's target granted (0: as many as there are)");
    c->latency_ms =
        of_endpoint(METRIC_COUNTER, endpoint, "azimuth_routing_delivery_latency_milliseconds_total",
                    "From the log to the endpoint, the sum of all messages that it took");
    c->bytes = of_endpoint(METRIC_COUNTER, endpoint, "azimuth_routing_delivered_bytes_total",
                           "Bytes of messages that an endpoint took");
    c->paced = of_endpoint(METRIC_COUNTER, endpoint, "azimuth_routing_paced_requests_total",
                           "Requests to an endpoint that waited because of the granted rate");
}

/* ---- by Azure's names: by source, too */

static void count_fate(struct health_counters *c, enum record_source source, enum routing_fate fate,
                       unsigned count)
{
    struct metric **m = &c->sources[source].fates[fate];
    const struct routing_delivery d = {c->kind, c->endpoint, source};
    if (*m == NULL) *m = routing_deliveries(&d, fate);
    metric_add(*m, count);
}

static void count_source(struct health_counters *c, enum record_source source,
                         const struct record_count *taken, int64_t late_ms)
{
    struct source_counters *of = &c->sources[source];
    const struct routing_delivery d = {c->kind, c->endpoint, source};
    count_fate(c, source, ROUTING_DELIVERED, taken->count);
    if (of->bytes == NULL) of->bytes = routing_delivered_bytes(&d);
    if (of->latency_ms == NULL) of->latency_ms = routing_delivery_ms(&d);
    metric_add(of->bytes, (int64_t)taken->bytes);
    metric_add(of->latency_ms, late_ms);
}

void health_count_taken(struct health_counters *c, const struct record_tally *taken)
{
    int64_t now_ms = clock_wall_us() / 1000;
    for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
        const struct record_count *of = &taken->of[source];
        if (of->count == 0) continue;
        int64_t late_ms = record_count_late_ms(of, now_ms);
        metric_add(c->deliveries[DELIVERED], of->count);
        metric_add(c->bytes, (int64_t)of->bytes);
        metric_add(c->latency_ms, late_ms);
        count_source(c, source, of, late_ms);
    }
}

void health_count_lost(struct health_counters *c, enum delivery why,
                       const struct record_tally *lost)
{
    enum routing_fate fate = why == DELIVERY_DROPPED ? ROUTING_DROPPED : ROUTING_INVALID;
    for (enum record_source source = 0; source < RECORD_SOURCES; source++) {
        if (lost->of[source].count == 0) continue;
        metric_add(c->deliveries[why], lost->of[source].count);
        count_fate(c, source, fate, lost->of[source].count);
    }
}

/* ---- how far behind */

static void show_lag(struct health_counters *c, int64_t records, int64_t seconds)
{
    metric_set(c->lag_records, records);
    metric_set(c->lag_seconds, seconds);
}

void health_counters_fini(struct health_counters *c)
{
    if (c->lag_records) show_lag(c, 0, 0);
    metric_set(c->granted_rate, 0);
}

void health_lag_add(struct health_lag *lag, const struct cursor_status *s)
{
    lag->records += (int64_t)s->lag_records;
    lag->us = MAX(lag->us, s->lag_us);
    lag->unknown = lag->unknown || !s->placed;
}

void health_counters_lag(struct health_counters *c, const struct health_lag *lag)
{
    if (lag->unknown) return;
    if (c->lag_records == NULL) {
        c->lag_records =
            of_endpoint(METRIC_GAUGE, c->endpoint, "azimuth_routing_lag_records",
                        "Records of the log that an endpoint is behind, of all destinations");
        c->lag_seconds = of_endpoint(METRIC_GAUGE, c->endpoint, "azimuth_routing_lag_seconds",
                                     "Age of the oldest message that an endpoint has not got");
    }
    show_lag(c, lag->records, lag->us / 1000000);
}
