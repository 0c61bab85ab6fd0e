/* twin_device.c - a device that reports, and is told what it shall be; over what is not its matter. */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "twin.h"

enum { PAUSE_US_MAX = 40000, READ_PERCENT = 25, MATCH_PERCENT = 20, LATE_PERCENT = 40 };

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
    struct buf body = {0};
    d->stale = d->wire->matches && t->reported.version > 1 && world_chance(MATCH_PERCENT);
    bool matches = d->wire->matches && !d->stale && t->reported.pending_count == 0 &&
                   world_chance(MATCH_PERCENT);
    doc_put(&body, &d->report.doc);
    if (!d->stale) model_sent(&t->reported, &d->report);
    d->wire->report(d, buf_slice(&body), d->stale || matches ? t->reported.version - d->stale : 0);
    buf_free(&body);
}

static void next(void *ctx, uint64_t connect)
{
    struct twin_device *d = ctx;
    struct sim_twin *t = d->twin;
    if (!d->connected || d->client->connects != connect || d->waits) return;
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
        d->wire->get(d);
    else
        send_report(d);
}

static void go_on(struct twin_device *d)
{
    uint64_t most = d->reports < d->goal ? PAUSE_US_MAX : TWIN_IDLE_FACTOR * PAUSE_US_MAX;
    world_at(world.now_us + (int64_t)world_random(most), next, d, d->client->connects);
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

void twin_device_answered(struct twin_device *d, unsigned rid, unsigned status, int64_t version,
                          struct slice payload)
{
    if (rid != d->waits || rid == 0) {
        world_violated("%s: an answer to question %u, not %u", d->twin->id, rid, d->waits);
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
        world_violated("%s: twin answer %u: %.*s", d->twin->id, status, SLICE_ARG(payload));
    if (d->got && !d->subscribed)
        subscribe(d, d->client->connects);
    else
        go_on(d);
}

/* ---- changes */

void twin_device_changed(struct twin_device *d, int64_t version, struct slice payload)
{
    struct model_section *s = &d->twin->desired;
    struct arena a = {0};
    struct json *j = NULL;
    struct doc change;
    int64_t last = d->notified ? d->notified : d->got;
    if (json_parse(&a, payload, &j) != OK || !doc_read(j, &change)) {
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
    if (!d->connected || d->client->connects != connect) return;
    d->may_jump = d->got != 0;
    d->wire->subscribe(d, !d->subscribe_late || d->got);
}

void twin_device_connected(struct twin_device *d)
{
    d->connected = true;
    d->notified = d->got = d->copied = 0;
    d->subscribed = false;
    d->subscribe_late = world_chance(LATE_PERCENT);
    subscribe(d, d->client->connects);
}

/* Subscriptions may be kept on disk, and are refused while that takes nothing. */
void twin_device_subscribed(struct twin_device *d, bool refused)
{
    if (refused) {
        world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), subscribe, d,
                 d->client->connects);
        return;
    }
    d->subscribed = !d->subscribe_late || d->got;
    go_on(d);
}

void twin_device_lost(struct twin_device *d)
{
    if (d->waits && d->report.doc.mark) d->twin->reported_doubt_us = world.now_us;
    d->waits = 0;
    d->connected = false;
}

/* ---- life */

void twin_device_init(struct twin_device *d, struct sim_twin *twin, unsigned goal,
                      const struct twin_wire *wire, struct client *client)
{
    *d = (struct twin_device){.twin = twin, .goal = goal, .wire = wire, .client = client};
}

bool twin_device_done(const struct twin_device *d)
{
    return d->reports >= d->goal && d->twin->reported.pending_count == 0 &&
           d->copied == d->twin->desired.version;
}
