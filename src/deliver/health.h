/* health.h - how an endpoint stands, on its own core and as the others hear of it; its counters.  Private
 * to deliver. */
#ifndef DELIVER_HEALTH_H
#define DELIVER_HEALTH_H

#include "base/metrics.h"
#include "cursor/cursor.h"
#include "hub/routing/routing.h"
#include "route/route.h"

/* By bit.  An entry is of the endpoint that was made at `since_us`. */
struct health_entry {
    int64_t since_us;
    struct routing_health health;
};

struct healths {
    const struct hub *hub;
    struct lane *lane;
    struct health_entry of[ROUTE_ENDPOINTS_MAX];
};

void healths_init(struct healths *hs, const struct hub *hub, struct lane *lane,
                  struct routing *routing);

/* Every core but this lane is told. */
void health_post(const struct hub *hub, struct lane *lane, unsigned bit, int64_t since_us,
                 const struct routing_health *h);

/* This core's word; the other cores are told. */
void healths_tell(struct healths *hs, unsigned bit, int64_t since_us,
                  const struct routing_health *h);

/* ---- counters, as Prometheus has them */

enum delivery { DELIVERED, DELIVERY_FAILED, DELIVERY_REFUSED, DELIVERY_DROPPED, DELIVERY_RESULTS };

/* Of one source of messages, by Azure's names; each NULL until there was one. */
struct source_counters {
    struct metric *fates[ROUTING_FATES], *bytes, *latency_ms;
};

struct health_counters {
    const struct routing_kind *kind;
    const char *endpoint; /* its name, which outlives them */
    struct metric *deliveries[DELIVERY_RESULTS];
    struct metric *lag_records, *lag_seconds; /* NULL: it was not known yet */
    struct metric *granted_rate, *paced;
    struct metric *latency_ms, *bytes;
    struct source_counters sources[RECORD_SOURCES];
};

void health_counters_init(struct health_counters *c, const struct routing_kind *kind,
                          const char *endpoint);
void health_counters_fini(struct health_counters *c);

/* The endpoint has taken them, now. */
void health_count_taken(struct health_counters *c, const struct record_tally *taken);

/* It never will: DELIVERY_REFUSED or DELIVERY_DROPPED. */
void health_count_lost(struct health_counters *c, enum delivery why,
                       const struct record_tally *lost);

/* How far behind an endpoint is: the sum of its cursors, once all of them have their places.  Until then
 * nothing is shown, since 0 would say that all has arrived; of one that was removed 0 stays. */
struct health_lag {
    int64_t records, us;
    bool unknown;
};

void health_lag_add(struct health_lag *lag, const struct cursor_status *s);
void health_counters_lag(struct health_counters *c, const struct health_lag *lag);

#endif
