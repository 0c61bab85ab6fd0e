/* company.c - first messages of connections that wait for each other.
 *
 * A sync costs a core as much as a third of a handshake, and while it is busy with handshakes messages come
 * one by one.  So the first message of a connection that follows shortly on that of another waits for more
 * of them, and they share a sync.  Whoever comes alone, or speaks again, does not wait. */
#include "base/clock.h"
#include "base/metrics.h"
#include "front/device_http/device.h"

COUNTER(joined, "azimuth_http_messages_joined_total",
        "First requests of HTTPS connections whose messages waited up to 3 ms to share a sync");

void company_leave(struct request *r)
{
    if (r->company_of == NULL) return;
    list_remove(&r->company);
    r->company_of->waits = NULL;
    r->company_of = NULL;
    r->service->company_count--;
}

void company_store(struct guest *g)
{
    struct request *r = g->waits;
    if (r == NULL) return;
    company_leave(r);
    events_store(r, g);
}

static void store_all(struct device_http_service *s)
{
    timer_stop(&s->company_timer);
    while (!list_empty(&s->company))
        company_store(CONTAINER_OF(s->company.next, struct request, company)->company_of);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    (void)now_us;
    store_all(CONTAINER_OF(t, struct device_http_service, company_timer));
}

void company_init(struct device_http_service *s)
{
    list_init(&s->company);
    timer_init(&s->company_timer, on_timer);
    s->first_us = INT64_MIN / 2;
}

void company_fini(struct device_http_service *s)
{
    timer_stop(&s->company_timer);
}

/* It is a connection's first message, and another's was shortly before. */
static bool has_company(struct device_http_service *s, struct guest *g)
{
    int64_t now_us = clock_mono_us(), since_us = now_us - s->first_us;
    if (g->has_sent) return false;
    g->has_sent = true;
    s->first_us = now_us;
    return since_us < DEVICE_HTTP_COMPANY_US;
}

bool company_join(struct request *r, struct guest *g)
{
    struct device_http_service *s = r->service;
    if (!has_company(s, g)) return false;
    metric_inc(&joined);
    list_push(&s->company, &r->company);
    r->company_of = g;
    g->waits = r;
    if (++s->company_count >= DEVICE_HTTP_COMPANY_MAX)
        store_all(s);
    else if (!timer_active(&s->company_timer))
        timer_set(&s->lane->timers, &s->company_timer, s->first_us + DEVICE_HTTP_COMPANY_US);
    return true;
}
