/* passed.c - loops: what went out to an endpoint and comes back as a message does not go there again.
 *
 * An endpoint whose target may post what it got back to the hub (a webhook, another broker) gets messages with
 * a property that lists the endpoints they have passed, each as HUB-CREATED/ENDPOINT.  Who copies properties
 * copies it; who does not is not found out. */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/routing/home.h"

COUNTER(loops_total, "azimuth_routing_loops_total",
        "Messages that came back from an endpoint and were not sent there again");

/* The name alone may be another hub's, too. */
static void put_hub(const struct hub *hub, struct buf *out)
{
    buf_printf(out, "%s-%08x/", hub->name, (unsigned)(hub->created_us / 1000000));
}

static bool has_mark(struct slice passed, struct slice mark)
{
    struct slice one;
    while (slice_split(&passed, ',', &one))
        if (slice_eq(slice_trim(one), mark)) return true;
    return false;
}

void routing_put_passed(const struct hub *hub, const char *endpoint, struct slice before,
                        struct buf *out)
{
    struct buf mark = {0};
    put_hub(hub, &mark);
    buf_put_str(&mark, endpoint);
    bool known = has_mark(before, buf_slice(&mark));
    if (before.len + 1 + buf_size(&mark) > ROUTING_PASSED_MAX && !known) before = SLICE_NONE;
    buf_put_slice(out, before);
    if (before.len && !known) buf_put_u8(out, ',');
    if (!known) buf_put_slice(out, buf_slice(&mark));
    buf_free(&mark);
}

static void say_loop(struct routing *r, const struct routing_endpoint *e,
                     const struct route_message *m)
{
    int64_t now_us = clock_mono_us(), *said_us = &r->loop_said_us[e->bit];
    metric_inc(&loops_total);
    if (*said_us && now_us - *said_us < INT64_C(1000000) * ROUTING_SAY_S) return;
    *said_us = now_us;
    say_warn("routing.loop",
             "endpoint=%s device=%.*s next=\"messages that come back are not sent there again\"",
             e->name, SLICE_ARG(m->system[ROUTE_CONNECTION_DEVICE_ID]));
}

static struct slice find_passed(const struct route_message *m)
{
    for (size_t i = 0; i < m->property_count; i++)
        if (slice_is(m->properties[i].name, ROUTING_PASSED)) return m->properties[i].value;
    return SLICE_NONE;
}

uint64_t routing_without_loops(struct routing *r, const struct route_message *m, uint64_t endpoints)
{
    struct slice passed = find_passed(m), one;
    struct buf own = {0};
    if (passed.len == 0) return endpoints;
    put_hub(r->hub, &own);
    while (slice_split(&passed, ',', &one)) {
        one = slice_trim(one);
        if (!slice_starts(one, buf_slice(&own))) continue;
        const struct routing_endpoint *e =
            routing_endpoint_find(r, slice_from(one, buf_size(&own)));
        if (e == NULL || e->kind == NULL || !(endpoints >> e->bit & 1)) continue;
        endpoints &= ~(UINT64_C(1) << e->bit);
        say_loop(r, e, m);
    }
    buf_free(&own);
    return endpoints;
}
