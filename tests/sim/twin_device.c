/* twin_device.c - a device that reports, and is told what it shall be. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "twin.h"

enum { PAUSE_US_MAX = 40000, READ_PERCENT = 25, MATCH_PERCENT = 20, LATE_PERCENT = 40 };

static const char *const filters[] = {"$iothub/twin/res/#",
                                      "$iothub/twin/PATCH/properties/desired/#"};
#define RESULT  "$iothub/twin/res/"
#define CHANGED "$iothub/twin/PATCH/properties/desired/?$version="

static struct twin_device *of(struct mqtt_peer *p)
{
    return CONTAINER_OF(p, struct twin_device, peer);
}

/* ---- asking */

static void expect_answer(void *ctx, uint64_t rid)
{
    struct twin_device *d = ctx;
    if (d->waits == rid)
        world_violated("%s: twin request %u was not answered", d->twin->id, d->waits);
}

static void send_report(struct twin_device *d)
{
    struct sim_twin *t = d->twin;
    char topic[128];
    struct buf body = {0};
    int n =
        snprintf(topic, sizeof topic, "$iothub/twin/PATCH/properties/reported/?$rid=%u", d->waits);
    d->stale = t->reported.version > 1 && world_chance(MATCH_PERCENT);
    bool matches = !d->stale && t->reported.pending_count == 0 && world_chance(MATCH_PERCENT);
    if (d->stale || matches)
        snprintf(topic + n, sizeof topic - (size_t)n, "&$version=%" PRId64,
                 t->reported.version - d->stale);
    doc_put(&body, &d->report.doc);
    if (!d->stale) model_sent(&t->reported, &d->report);
    mqtt_peer_publish(&d->peer, topic, buf_slice(&body), world_chance(50));
    buf_free(&body);
}

static void send_get(struct twin_device *d)
{
    char topic[64];
    snprintf(topic, sizeof topic, "$iothub/twin/GET/?$rid=%u", d->waits);
    mqtt_peer_publish(&d->peer, topic, SLICE_NONE, world_chance(50));
}

static void next(void *ctx, uint64_t connect)
{
    struct twin_device *d = ctx;
    struct sim_twin *t = d->twin;
    if (!d->peer.connected || d->peer.client.connects != connect || d->waits) return;
    d->settles = t->reported.pending_count && world.now_us - t->reported_doubt_us > TWIN_SETTLE_US;
    bool reads = d->got == 0 || d->settles || t->reported.pending_count == MODEL_PENDING_MAX ||
                 d->reports >= d->goal || world_chance(READ_PERCENT);
    d->report = (struct model_change){0};
    d->waits = ++d->rid;
    d->floor_desired = t->desired.version;
    d->floor_reported = t->reported.version;
    if (!reads) d->report.doc = doc_random(++t->marks);
    world_at(world.now_us + CLIENT_PATIENCE_US, expect_answer, d, d->waits);
    if (reads)
        send_get(d);
    else
        send_report(d);
}

static void go_on(struct twin_device *d)
{
    uint64_t most = d->reports < d->goal ? PAUSE_US_MAX : TWIN_IDLE_FACTOR * PAUSE_US_MAX;
    world_at(world.now_us + (int64_t)world_random(most), next, d, d->peer.client.connects);
}

/* ---- answers */

static void check_copy(struct twin_device *d, const char *how)
{
    const struct doc *known = model_at(&d->twin->desired, d->copied);
    struct buf want = {0}, got = {0};
    if (known && doc_eq(known, &d->copy)) return;
    if (known) doc_put(&want, known);
    doc_put(&got, &d->copy);
    world_violated("%s: the device has desired version %" PRId64 " as %s after %s, not %s",
                   d->twin->id, d->copied, buf_cstr(&got), how, buf_cstr(&want));
    buf_free(&want);
    buf_free(&got);
}

static void subscribe(void *ctx, uint64_t connect);

static void on_twin(struct twin_device *d, struct slice payload)
{
    struct sim_twin *t = d->twin;
    struct arena a = {0};
    struct json *j = NULL;
    struct doc desired, reported;
    int64_t dv = 0, rv = 0;
    if (json_parse(&a, payload, &j) != OK || !doc_read(json_get(j, "desired"), &desired) ||
        !doc_read(json_get(j, "reported"), &reported) ||
        json_i64(json_get(json_get(j, "desired"), "$version"), &dv) != OK ||
        json_i64(json_get(json_get(j, "reported"), "$version"), &rv) != OK) {
        world_violated("%s: a twin with something that nobody wrote: %.*s", t->id,
                       SLICE_ARG(payload));
    } else {
        model_seen(&t->desired, dv, &desired, d->floor_desired);
        model_seen(&t->reported, rv, &reported, d->floor_reported);
        if (dv < d->notified)
            world_violated("%s: read desired version %" PRId64 ", was told %" PRId64, t->id, dv,
                           d->notified);
        d->got = d->copied = dv;
        d->copy = desired;
        if (d->settles) model_settled(&t->reported);
        d->verified = t->reported.pending_count == 0;
    }
    arena_free(&a);
}

static void on_reported(struct twin_device *d, int64_t version)
{
    if (d->stale)
        world_violated("%s: a report for an old version was taken", d->twin->id);
    else
        model_reached(&d->twin->reported, version, d->report.doc.mark);
    d->reports++;
}

/* "204/?$rid=5&$version=7" */
static void on_result(struct twin_device *d, struct slice rest, struct slice payload)
{
    unsigned status = 0, rid = 0;
    int64_t version = 0;
    char text[100];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(rest));
    if (sscanf(text, "%u/?$rid=%u&$version=%" SCNd64, &status, &rid, &version) < 2 ||
        rid != d->waits || rid == 0) {
        world_violated("%s: answer %s to a question of number %u", d->twin->id, text, d->waits);
        return;
    }
    d->waits = 0;
    bool reads = d->report.doc.mark == 0;
    if (reads && status == 200)
        on_twin(d, payload);
    else if (!reads && status == 204)
        on_reported(d, version);
    else if (status == 429 || (status == 412 && d->stale))
        model_refused(&d->twin->reported, d->report.doc.mark);
    else if (status >= 500)
        d->twin->reported_doubt_us = world.now_us;
    else
        world_violated("%s: twin answer %s: %.*s", d->twin->id, text, SLICE_ARG(payload));
    if (d->got && !d->subscribed)
        subscribe(d, d->peer.client.connects);
    else
        go_on(d);
}

/* ---- changes */

static void on_changed(struct twin_device *d, struct slice rest, struct slice payload)
{
    struct model_section *s = &d->twin->desired;
    struct arena a = {0};
    struct json *j = NULL;
    struct doc change;
    int64_t version = 0, last = d->notified ? d->notified : d->got;
    if (num_i64(rest, &version) != OK || json_parse(&a, payload, &j) != OK ||
        !doc_read(j, &change)) {
        world_violated("%s: a change that nobody made: %.*s", d->twin->id, SLICE_ARG(payload));
        arena_free(&a);
        return;
    }
    arena_free(&a);
    model_reached(s, version, change.mark);
    if (last && version != last + 1 && !(d->may_jump && version > last) &&
        !(d->notified == 0 && version <= d->got))
        world_violated("%s: told desired version %" PRId64 " after %" PRId64, d->twin->id, version,
                       last);
    bool jumps = d->may_jump && version > last + 1;
    if (jumps) d->may_jump = false;
    d->notified = version;
    if (d->copied == 0 || version <= d->copied || model_at(s, version) == NULL) return;
    struct doc merged = doc_merge(&d->copy, &change), whole = doc_whole(&change);
    bool replaces = s->how[version - 1].whole && doc_eq(&whole, model_at(s, version));
    d->copy = replaces ? whole : merged;
    d->copied = version;
    check_copy(d, jumps ? "what it missed" : "a change");
}

/* ---- a session */

/* Answers are for who asked to hear them; of changes some SDKs ask to hear only after they have read. */
static void subscribe(void *ctx, uint64_t connect)
{
    struct twin_device *d = ctx;
    if (!d->peer.connected || d->peer.client.connects != connect) return;
    d->may_jump = d->got != 0;
    d->subscribe_id = mqtt_peer_subscribe(&d->peer, filters, d->subscribe_late && !d->got ? 1 : 2);
}

static void connected(struct mqtt_peer *p)
{
    struct twin_device *d = of(p);
    d->notified = d->got = d->copied = 0;
    d->subscribed = false;
    d->subscribe_late = world_chance(LATE_PERCENT);
    subscribe(d, p->client.connects);
}

/* Subscriptions are kept on disk, and refused while that takes nothing. */
static void on_suback(struct twin_device *d, const struct mqtt_suback *s)
{
    if (s->packet_id != d->subscribe_id)
        world_violated("%s: SUBACK %u, not %u", d->twin->id, s->packet_id, d->subscribe_id);
    d->subscribe_id = 0;
    if (s->codes.ptr[0] == MQTT_SUBACK_REFUSED ||
        s->codes.ptr[s->codes.len - 1] == MQTT_SUBACK_REFUSED) {
        world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), subscribe, d,
                 d->peer.client.connects);
        return;
    }
    d->subscribed = !d->subscribe_late || d->got;
    go_on(d);
}

static void heard(struct mqtt_peer *p, const struct mqtt_event *ev)
{
    struct twin_device *d = of(p);
    if (ev->kind == MQTT_SUBACK) on_suback(d, &ev->suback);
    if (ev->kind != MQTT_PUBLISH) return;
    struct slice topic = ev->publish.topic;
    if (slice_starts(topic, SLICE_LIT(RESULT)))
        on_result(d, slice_from(topic, sizeof RESULT - 1), ev->publish.payload);
    else if (slice_starts(topic, SLICE_LIT(CHANGED)))
        on_changed(d, slice_from(topic, sizeof CHANGED - 1), ev->publish.payload);
    else
        world_violated("%s: a message to %.*s", d->twin->id, SLICE_ARG(topic));
}

static void lost(struct mqtt_peer *p)
{
    struct twin_device *d = of(p);
    if (d->waits && d->report.doc.mark) d->twin->reported_doubt_us = world.now_us;
    d->waits = 0;
    d->subscribe_id = 0;
    p->clean = world_chance(50);
}

/* ---- life */

void twin_device_init(struct twin_device *d, struct sim_twin *twin, struct sim_hub *hub,
                      unsigned goal)
{
    static const struct mqtt_actor actor = {connected, heard, lost};
    *d = (struct twin_device){.twin = twin, .goal = goal};
    mqtt_peer_init(&d->peer, &actor, hub, twin->id);
}

void twin_device_fini(struct twin_device *d)
{
    mqtt_peer_fini(&d->peer);
}

bool twin_device_done(const struct twin_device *d)
{
    return d->reports >= d->goal && d->twin->reported.pending_count == 0 &&
           d->copied == d->twin->desired.version;
}
