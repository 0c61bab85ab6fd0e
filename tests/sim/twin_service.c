/* twin_service.c - a service that reads and writes twins over HTTPS. */
#include <inttypes.h>
#include <stdio.h>

#include "twin.h"

enum { PAUSE_US_MAX = 30000, READ_PERCENT = 35, WHOLE_PERCENT = 20, MATCH_PERCENT = 25 };

static struct twin_service *of(struct http_peer *p)
{
    return CONTAINER_OF(p, struct twin_service, peer);
}

/* ---- asking */

static void put_body(struct buf *out, const struct model_change *c)
{
    buf_printf(out, "{\"tags\":{\"n\":%" PRId64 "},\"properties\":{\"desired\":", c->doc.mark);
    doc_put(out, &c->doc);
    buf_put_str(out, "}}");
}

static void put_headers(struct twin_service *s, struct buf *out)
{
    struct sim_twin *t = s->about;
    struct buf token = {0};
    sim_hub_token(s->peer.client.hub, "service", "", &token);
    buf_printf(out, "Authorization: %.*s\r\nContent-Type: application/json\r\n",
               SLICE_ARG(buf_slice(&token)));
    s->stale = s->change.doc.mark && *t->old_etag && world_chance(MATCH_PERCENT);
    if (s->stale)
        buf_printf(out, "If-Match: \"%s\"\r\n", t->old_etag);
    else if (s->change.doc.mark && t->desired.pending_count == 0 &&
             t->etag_version == t->desired.version && world_chance(MATCH_PERCENT))
        buf_printf(out, "If-Match: \"%s\"\r\n", t->etag);
    buf_free(&token);
}

static void ask(struct twin_service *s)
{
    struct sim_twin *t = s->about;
    char path[100];
    struct buf headers = {0}, body = {0};
    snprintf(path, sizeof path, "/twins/%s?api-version=2021-04-12", t->id);
    put_headers(s, &headers);
    s->floor_desired = t->desired.version;
    s->floor_reported = t->reported.version;
    if (s->change.doc.mark) {
        put_body(&body, &s->change);
        if (!s->stale) model_sent(&t->desired, &s->change);
    }
    http_peer_ask(&s->peer,
                  s->change.doc.mark == 0 ? "GET"
                  : s->change.whole       ? "PUT"
                                          : "PATCH",
                  path, buf_cstr(&headers), buf_slice(&body));
    buf_free(&headers);
    buf_free(&body);
}

static void next(void *ctx, uint64_t connect)
{
    struct twin_service *s = ctx;
    if (!http_peer_idle(&s->peer) || s->peer.client.connects != connect) return;
    struct sim_twin *t = s->about = &s->twins[world_random(s->count)];
    bool doubt = t->desired.pending_count != 0;
    bool reads = t->desired.pending_count == MODEL_PENDING_MAX || s->writes >= s->goal ||
                 world_chance(READ_PERCENT);
    s->settles = doubt && world.now_us - t->desired_doubt_us > TWIN_SETTLE_US;
    s->change = (struct model_change){0};
    if (!reads && !s->settles) {
        s->change.doc = doc_random(++t->marks);
        s->change.whole = world_chance(WHOLE_PERCENT);
        if (s->change.whole) s->change.doc = doc_whole(&s->change.doc); /* a PUT has no nulls */
    }
    ask(s);
}

static void go_on(struct twin_service *s)
{
    uint64_t most = s->writes < s->goal ? PAUSE_US_MAX : TWIN_IDLE_FACTOR * PAUSE_US_MAX;
    world_at(world.now_us + (int64_t)world_random(most), next, s, s->peer.client.connects);
}

static void ready(struct http_peer *p)
{
    go_on(of(p));
}

/* ---- hearing */

static bool read_section(const struct json *properties, const char *name, struct doc *doc,
                         int64_t *version)
{
    const struct json *section = json_get(properties, name), *v = json_get(section, "$version");
    return doc_read(section, doc) && v && json_i64(v, version) == OK;
}

static void note_etag(struct sim_twin *t, struct slice etag, int64_t version)
{
    bool same = slice_is(etag, t->etag);
    if (t->etag_version && (version == t->etag_version) != same)
        world_violated("%s: ETag %s of desired version %" PRId64 " became %.*s of %" PRId64, t->id,
                       t->etag, t->etag_version, SLICE_ARG(etag), version);
    if (t->etag_version && version != t->etag_version)
        snprintf(t->old_etag, sizeof t->old_etag, "%s", t->etag);
    snprintf(t->etag, sizeof t->etag, "%.*s", SLICE_ARG(etag));
    t->etag_version = version;
}

/* A whole twin was shown; tags and desired properties are written together, and every write counts. */
static void see_twin(struct twin_service *s, const struct json *twin)
{
    struct sim_twin *t = s->about;
    struct doc desired, reported;
    int64_t desired_version, reported_version, version = 0, tag = 0;
    const struct json *properties = json_get(twin, "properties"), *v = json_get(twin, "version"),
                      *n = json_get(json_get(twin, "tags"), "n");
    if (!read_section(properties, "desired", &desired, &desired_version) ||
        !read_section(properties, "reported", &reported, &reported_version) || v == NULL ||
        json_i64(v, &version) != OK || (n && json_i64(n, &tag) != OK)) {
        world_violated("%s: a twin with something that nobody wrote", t->id);
        return;
    }
    if (s->change.doc.mark) model_reached(&t->desired, desired_version, s->change.doc.mark);
    model_seen(&t->desired, desired_version, &desired, s->floor_desired);
    model_seen(&t->reported, reported_version, &reported, s->floor_reported);
    if (tag != desired.mark)
        world_violated("%s: tags of change %" PRId64 ", desired properties of %" PRId64, t->id, tag,
                       desired.mark);
    if (version != desired_version + reported_version)
        world_violated("%s: version %" PRId64 " after %" PRId64 " and %" PRId64, t->id, version,
                       desired_version, reported_version);
    note_etag(t, json_str(twin, "etag"), desired_version);
}

static void on_twin(struct twin_service *s, struct slice body)
{
    struct arena a = {0};
    struct json *twin = NULL;
    struct sim_twin *t = s->about;
    if (json_parse(&a, body, &twin) != OK) world_violated("%s: no JSON: %s", t->id, fail_text());
    see_twin(s, twin);
    arena_free(&a);
    if (s->change.doc.mark) {
        s->writes++;
        return;
    }
    if (s->settles) model_settled(&t->desired);
    if (t->desired.pending_count == 0) s->verified |= 1u << (unsigned)(t - s->twins);
}

static void answered(struct http_peer *p, const struct http_answer *a)
{
    struct twin_service *s = of(p);
    struct sim_twin *t = s->about;
    if (a->status == 200 && s->stale)
        world_violated("%s: a write with an old ETag was taken", t->id);
    else if (a->status == 200)
        on_twin(s, a->body);
    else if (a->status == 429 || (a->status == 412 && s->stale))
        model_refused(&t->desired, s->change.doc.mark);
    else if (a->status >= 500)
        t->desired_doubt_us = world.now_us;
    else
        world_violated("%s: answer %u: %.*s", t->id, a->status, SLICE_ARG(a->body));
    go_on(s);
}

static void lost(struct http_peer *p)
{
    struct twin_service *s = of(p);
    s->about->desired_doubt_us = world.now_us;
}

/* ---- life */

void twin_service_init(struct twin_service *s, struct sim_twin *twins, unsigned count,
                       struct sim_hub *hub, unsigned goal)
{
    static const struct http_actor actor = {ready, answered, lost};
    *s = (struct twin_service){.twins = twins, .count = count, .goal = goal};
    http_peer_init(&s->peer, &actor, hub);
}

void twin_service_fini(struct twin_service *s)
{
    http_peer_fini(&s->peer);
}

bool twin_service_done(const struct twin_service *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->twins[i].desired.pending_count) return false;
    return s->writes >= s->goal;
}
