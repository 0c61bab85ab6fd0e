/* fake_hub_test.h - the hub's doors that lead to what is its own: streams, groups, certificates. */
#ifndef FRONT_REST_FAKE_HUB_TEST_H
#define FRONT_REST_FAKE_HUB_TEST_H

#include "front/rest/fake_door_test.h"

/* ---- consumer groups: $Default and `named` */

struct consumer_groups {
    const char *named;
    unsigned stream; /* whose group `named` is */
    struct consumer_group_wait *wait;
    char asked[128];
};

void consumer_group_list(const struct consumer_groups *g, unsigned stream, consumer_group_fn fn,
                         void *ctx)
{
    fn(ctx, "$Default", 0);
    if (g->named && stream == g->stream) fn(ctx, g->named, EPOCH_S * INT64_C(1000000));
}

void consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    g->stream = stream;
    NOTE(g, w, "create %.*s", SLICE_ARG(name));
}

void consumer_group_delete(struct consumer_groups *g, unsigned stream, struct slice name,
                           struct consumer_group_wait *w)
{
    g->stream = stream;
    NOTE(g, w, "delete %.*s", SLICE_ARG(name));
}

FAKE_FORGET(consumer_group_forget, consumer_groups, consumer_group_wait)

/* ---- event hubs: `there`, and changes that do what a test says */

struct event_hubs {
    const struct event_hub *there;
    struct event_hub_wait *wait;
    struct event_hub_wish wish;
    char asked[300];
};

const struct event_hub *event_hub_find(const struct event_hubs *e, struct slice name)
{
    return e->there && slice_eq_nocase(name, slice_str(e->there->name)) ? e->there : NULL;
}

void event_hub_list(const struct event_hubs *e, event_hub_fn fn, void *ctx)
{
    if (e->there) fn(ctx, e->there);
}

void event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                   struct event_hub_wait *w)
{
    snprintf(e->asked, sizeof e->asked, "put %.*s %u %lld %llu", SLICE_ARG(wish->name),
             wish->partitions, (long long)(wish->keep.age_us / EVENT_HUB_HOUR_US),
             (unsigned long long)wish->keep.bytes);
    e->wish = *wish;
    e->wait = w;
}

void event_hub_delete(struct event_hubs *e, struct slice name, struct event_hub_wait *w)
{
    NOTE(e, w, "delete %.*s", SLICE_ARG(name));
}

FAKE_FORGET(event_hub_forget, event_hubs, event_hub_wait)

/* ---- certificates: `there`, and changes that do what a test says */

struct certificates {
    const struct certificate *there;
    struct certificate_wait *wait;
    char asked[256];
};

const struct certificate *certificate_find(const struct certificates *c, struct slice name)
{
    return c->there && slice_is_nocase(name, c->there->name) ? c->there : NULL;
}

const struct certificate *certificate_at(const struct certificates *c, unsigned i)
{
    return i == 0 ? c->there : NULL;
}

static void note_certificate(struct certificates *c, struct certificate_wait *w, const char *verb,
                             struct slice name, struct slice match, struct slice upload)
{
    NOTE(c, w, "%s %.*s match=%.*s %.*s", verb, SLICE_ARG(name), SLICE_ARG(or_none(match)),
         SLICE_ARG(or_none(upload)));
}

void certificate_put(struct certificates *c, struct slice name, struct slice match,
                     struct slice upload, bool verified, struct certificate_wait *w)
{
    note_certificate(c, w, verified ? "put verified" : "put", name, match, upload);
}

void certificate_delete(struct certificates *c, struct slice name, struct slice match,
                        struct certificate_wait *w)
{
    note_certificate(c, w, "delete", name, match, SLICE_NONE);
}

void certificate_make_code(struct certificates *c, struct slice name, struct slice match,
                           struct certificate_wait *w)
{
    note_certificate(c, w, "code", name, match, SLICE_NONE);
}

void certificate_verify(struct certificates *c, struct slice name, struct slice match,
                        struct slice proof, struct certificate_wait *w)
{
    note_certificate(c, w, "verify", name, match, proof);
}

FAKE_FORGET(certificate_forget, certificates, certificate_wait)

/* ---- captures */

struct captures {
    char asked[512];
    struct capture_wait *wait;
};

static void note_capture(struct captures *cs, const char *verb, struct capture_hub hub,
                         struct slice json, struct capture_wait *w)
{
    NOTE(cs, w, "%s %u %.*s %.*s", verb, hub.stream, SLICE_ARG(hub.name), SLICE_ARG(json));
}

void capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub, struct slice json,
                 struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "put", hub, json, w);
}

void capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                 struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "get", hub, SLICE_LIT(""), w);
}

void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "list", (struct capture_hub){.name = SLICE_LIT("")}, SLICE_LIT(""), w);
}

void capture_delete(struct captures *cs, struct lane *lane, struct capture_hub hub,
                    struct capture_wait *w)
{
    (void)lane;
    note_capture(cs, "delete", hub, SLICE_LIT(""), w);
}

void capture_forget(struct lane *lane, struct capture_wait *w)
{
    (void)lane, (void)w;
}

#endif
