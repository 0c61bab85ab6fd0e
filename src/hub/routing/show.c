/* show.c - the document and the health of its endpoints, for people and for Azure's tools. */
#include <time.h>

#include "base/text.h"
#include "hub/routing/home.h"

static void put_shown(struct buf *out, const struct routing *r, const struct json *shown)
{
    char etag[ETAG_MAX + 1];
    routing_etag(r, etag);
    buf_printf(out, "{\"etag\":\"%s\",\"properties\":{\"routing\":", etag);
    json_write(out, shown);
    buf_put_u8(out, '}');
}

void routing_put_document(const struct routing *r, struct buf *out)
{
    struct arena a = {0};
    put_shown(out, r, routing_document_shown(&a, &r->config, r->now->document));
    buf_put_u8(out, '}');
    arena_wipe(&a);
}

enum err routing_try(const struct routing *r, struct slice if_match, struct slice document,
                     struct buf *out)
{
    struct arena a = {0};
    struct json *after;
    TRY(routing_check_match(r, if_match));
    enum err e = routing_document_read(&a, &r->config, document, r->now->document, &after);
    if (e == OK) {
        const struct json *before = routing_document_shown(&a, &r->config, r->now->document);
        after = routing_document_shown(&a, &r->config, after);
        put_shown(out, r, after);
        buf_put_str(out, ",\"diff\":");
        routing_document_diff(out, before, after);
        buf_put_u8(out, '}');
    }
    arena_wipe(&a);
    return e;
}

/* ---- health: EndpointHealthData */

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    char text[40];
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    if (wall_us == 0) return;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_endpoint(struct buf *out, const struct routing_endpoint *e,
                         const struct routing_health *h)
{
    static const char *const words[] = {"unknown", "healthy", "degraded", "unhealthy", "dead"};
    buf_put_str(out, "{\"endpointId\":");
    text_json_string(out, slice_str(e->name));
    buf_printf(out, ",\"healthStatus\":\"%s\"", words[h->status]);
    if (h->error[0]) {
        buf_put_str(out, ",\"lastKnownError\":");
        text_json_string(out, slice_str(h->error));
    }
    put_time(out, "lastKnownErrorTime", h->error_us);
    put_time(out, "lastSuccessfulSendAttemptTime", h->success_us);
    put_time(out, "lastSendAttemptTime", h->attempt_us);
    if (h->rate) buf_printf(out, ",\"allowedRequestsPerMinute\":%llu", (unsigned long long)h->rate);
    buf_put_u8(out, '}');
}

/* The stream is healthy as long as the hub is. */
void routing_put_health(const struct routing *r, struct buf *out)
{
    const struct routing_endpoint *e;
    buf_put_str(out, "{\"value\":[");
    for (unsigned i = 0; (e = routing_endpoint_at(r, i)) != NULL; i++) {
        struct routing_health h = {.status = e->kind ? ROUTING_UNKNOWN : ROUTING_HEALTHY};
        if (i) buf_put_u8(out, ',');
        if (e->kind && r->health) r->health(r->health_ctx, e, &h);
        put_endpoint(out, e, &h);
    }
    buf_put_str(out, "]}");
}
