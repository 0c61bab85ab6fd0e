/* choose.c - a message and its endpoints. */
#include "base/metrics.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/routing/home.h"

static_assert((int)ROUTE_SOURCE_TELEMETRY == RECORD_TELEMETRY &&
                  (int)ROUTE_SOURCE_DIGITAL_TWIN_CHANGE == RECORD_DIGITAL_TWIN_CHANGE,
              "route/route.h says what log/record.h does");

COUNTER(fallback_total, "azimuth_d2c_telemetry_egress_fallback_total",
        "Messages that no route took and that went along the fallback route");
COUNTER(orphaned_total, "azimuth_d2c_telemetry_egress_orphaned_total",
        "Messages that no route took, with the fallback route disabled");
COUNTER(undefined_total, "azimuth_routing_undefined_total",
        "Conditions of routes that a message was tested by and that were neither true nor false");

bool routing_decides(const struct routing *r, enum record_source source)
{
    if (r == NULL || r->now->table == NULL) return false;
    return source == RECORD_TELEMETRY || (r->now->routed | r->hub->events) & 1u << source;
}

bool routing_wants_twin(const struct routing *r, enum record_source source)
{
    return routing_decides(r, source) && route_table_wants_twin(r->now->table, source);
}

/* Events without a route of their source go where they go without any: to the stream, if the hub was
 * told to. */
static void match(struct routing *r, const struct route_message *m, struct route_result *out)
{
    route_match(r->now->table, r->matcher, m, out);
    if (m->source != RECORD_TELEMETRY && !(r->now->routed & 1u << m->source))
        out->endpoints = RECORD_TO_STREAM;
}

/* A record of the category Routes. */
struct complaint {
    const char *operation;
    const char *endpoint; /* NULL: of none */
    unsigned number;      /* 0: it informs */
    const char *name;
};

static void diagnose(const struct routing *r, const struct route_message *m,
                     const struct complaint *c)
{
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_ROUTES,
                           .operation = c->operation,
                           .number = c->number,
                           .description = slice_str(c->name),
                           .properties = &properties};
    if (!diagnostic_wanted(r->hub, d.category)) return;
    diagnostic_put_text(&properties, "deviceId", m->system[ROUTE_CONNECTION_DEVICE_ID]);
    diagnostic_put_text(&properties, "endpointName", slice_str(c->endpoint));
    diagnostic_put_text(&properties, "messageId", m->system[ROUTE_MESSAGE_ID]);
    diagnostic_put_text(&properties, "details", slice_str(routing_source_name(m->source)));
    diagnostic_put_text(&properties, "routeName", SLICE_NONE);
    diagnostic_put_http(&properties, c->number / 1000);
    diagnostic_note(r->hub, r->lane, &d);
    buf_free(&properties);
}

/* Any message may be the reason.  The number is Azure's, and no answer of ours. */
static void diagnose_rarely(const struct routing *r, const struct route_message *m,
                            enum diagnostic_rare which)
{
    static const struct complaint rares[DIAGNOSTIC_RARES] = {
        [DIAGNOSTIC_UNDEFINED_ROUTE] = {.operation = "undefinedRouteEvaluation"},
        [DIAGNOSTIC_ROUTE_ERROR] = {.operation = "routeEvaluationError",
                                    .number = 400103,
                                    .name = "InvalidContentEncodingOrType"},
        [DIAGNOSTIC_ORPHANED] = {.operation = "orphanedMessage"}};
    if (diagnostic_wanted(r->hub, DIAGNOSTIC_ROUTES) && diagnostic_is_due(r->hub, which))
        diagnose(r, m, &rares[which]);
}

static void count(const struct routing *r, const struct route_message *m,
                  const struct route_result *x)
{
    if (x->undefined) {
        metric_add(&undefined_total, x->undefined);
        diagnose_rarely(r, m, DIAGNOSTIC_UNDEFINED_ROUTE);
    }
    if (x->unreadable) diagnose_rarely(r, m, DIAGNOSTIC_ROUTE_ERROR);
    if (m->source != RECORD_TELEMETRY) return;
    if (x->endpoints == 0) {
        metric_inc(&orphaned_total);
        diagnose_rarely(r, m, DIAGNOSTIC_ORPHANED);
    }
    if (x->endpoints && x->fallback) metric_inc(&fallback_total);
}

static size_t size_for(struct slice extra, unsigned endpoint)
{
    struct route_property p;
    size_t size = 0;
    while (route_enrichment_next(&extra, endpoint, &p) == OK) size += p.name.len + p.value.len;
    return size;
}

/* It is too large for that endpoint. */
static void keep_from(struct routing *r, const struct route_message *m, unsigned bit)
{
    const struct routing_endpoint *e = r->now->endpoints;
    while (e->bit != bit) e++;
    struct metric **invalid = &r->invalid[bit][m->source];
    const struct routing_delivery d = {e->kind, e->name, (enum record_source)m->source};
    if (*invalid == NULL) *invalid = routing_deliveries(&d, ROUTING_INVALID);
    metric_inc(*invalid);
    diagnose(r, m,
             &(struct complaint){"invalidMessage", e->name, status_number(STATUS_MESSAGE_TOO_LARGE),
                                 status_name(STATUS_MESSAGE_TOO_LARGE)});
}

/* Of the endpoints, those that take the message with its enrichments. */
static uint64_t small_enough(struct routing *r, const struct route_message *m, uint64_t endpoints,
                             struct slice extra, size_t size)
{
    uint64_t taken = endpoints;
    if (size + extra.len <= ROUTING_MESSAGE_MAX) return endpoints;
    for (unsigned bit = 0; bit < ROUTE_ENDPOINTS_MAX; bit++) {
        size_t added = size_for(extra, bit);
        bool fits =
            size + added <= ROUTING_MESSAGE_MAX && (added == 0 || extra.len <= ROUTING_EXTRA_MAX);
        if (!(endpoints >> bit & 1) || fits) continue;
        taken &= ~(UINT64_C(1) << bit);
        keep_from(r, m, bit);
    }
    return taken;
}

void routing_choose(struct routing *r, const struct route_message *m, size_t size,
                    struct routing_choice *out)
{
    struct route_result x;
    ON_LANE(r->lane);
    match(r, m, &x);
    count(r, m, &x);
    x.endpoints = routing_without_loops(r, m, x.endpoints);
    buf_clear(&r->extra);
    route_enrich(r->now->table, r->matcher, x.endpoints, &r->extra);
    out->extra = buf_slice(&r->extra);
    out->destinations = small_enough(r, m, x.endpoints, out->extra, size);
    if (out->extra.len > ROUTING_EXTRA_MAX) out->extra = SLICE_NONE;
}

uint64_t routing_still(const struct routing *r, uint64_t destinations, int64_t made_us)
{
    uint64_t still = RECORD_TO_STREAM;
    for (unsigned i = 1; r && i < r->now->endpoint_count; i++) {
        const struct routing_endpoint *e = &r->now->endpoints[i];
        if (e->since_us <= made_us) still |= UINT64_C(1) << e->bit;
    }
    return destinations & still;
}
