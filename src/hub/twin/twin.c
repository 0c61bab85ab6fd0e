/* twin.c - life, and the verbs: to the identity's home with a question, back with the answer. */
#include "hub/twin/twin.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/twin/home.h"

/* IoT Hub's metrics {d2c,c2d}.twin.{read,update}.{success,failure,size}: d2c is by the device, c2d by
 * services.  Jobs count as services; what configurations and imports write does not count. */
struct twin_meter {
    struct metric *success, *failure, *size;
};

#define METER(variable, azure, who)                                                                \
    COUNTER(variable##_success, "azimuth_" azure "_success_total", "Twins " who)                   \
    COUNTER(variable##_failure, "azimuth_" azure "_failure_total", "Twins not " who)               \
    COUNTER(variable##_size, "azimuth_" azure "_size_bytes_total", "Bytes of twins " who)          \
    static const struct twin_meter variable = {&variable##_success, &variable##_failure,           \
                                               &variable##_size};

METER(device_reads, "d2c_twin_read", "read by their devices")
METER(device_updates, "d2c_twin_update", "updated by their devices")
METER(service_reads, "c2d_twin_read", "read by services")
METER(service_updates, "c2d_twin_update", "updated by services")

static void count(const struct twin_wait *w, const struct twin_answer *a)
{
    if (w->meter == NULL) return;
    metric_inc(a->status == STATUS_OK ? w->meter->success : w->meter->failure);
    if (a->status == STATUS_OK)
        metric_add(w->meter->size, w->written ? (int64_t)w->written : (int64_t)a->body.len);
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct twin_wait *w = slot_get(lane, m->to);
    struct twin_answer a = twin_done_read(m);
    if (w == NULL) return;
    count(w, &a);
    twin_forget(ctx, w);
    w->fn(w, &a);
}

void twin_forget(struct twins *t, struct twin_wait *w)
{
    slot_free(t->lane, w->slot);
}

static void ask_home(struct twins *t, const struct ask *ask, const struct twin_meter *meter,
                     struct twin_wait *w)
{
    ON_LANE(t->lane);
    w->meter = meter;
    w->written = (uint32_t)ask->json.len;
    w->slot = slot_new(t->lane, w);
    post(t->lane, w->slot, hub_home(t->hub, ask->who), twin_ask_new(ask));
}

void twin_read(struct twins *t, struct slice who, struct addr session, struct twin_wait *w)
{
    ask_home(t, &(struct ask){.verb = ASK_READ, .who = who, .session = session}, &device_reads, w);
}

void twin_report(struct twins *t, struct slice who, int64_t version, struct slice json,
                 struct twin_wait *w)
{
    ask_home(t, &(struct ask){.verb = ASK_REPORT, .who = who, .version = version, .json = json},
             &device_updates, w);
}

void twin_get(struct twins *t, struct slice who, struct twin_wait *w)
{
    ask_home(t, &(struct ask){.verb = ASK_GET, .who = who}, &service_reads, w);
}

void twin_write(struct twins *t, struct slice who, enum twin_write how, struct slice if_match,
                struct slice json, struct twin_wait *w)
{
    struct ask ask = {
        .verb = ASK_WRITE, .how = how, .who = who, .if_match = if_match, .json = json, .by = w->by};
    assert(w->by.len <= TWIN_BY_MAX);
    bool counts = how != TWIN_IMPORT && how != TWIN_CONFIGURE;
    ask_home(t, &ask, counts ? &service_updates : NULL, w);
}

void twin_history(struct twins *t, struct slice who, struct twin_wait *w)
{
    ask_home(t, &(struct ask){.verb = ASK_HISTORY, .who = who}, NULL, w);
}

void twins_listen(struct twins *t, struct twin_listener *l)
{
    list_push(&t->listeners, &l->node);
}

struct twins *twins_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                        struct session_home *sessions)
{
    struct twins *t = NEW(struct twins);
    *t = (struct twins){.hub = hub, .lane = lane, .registry = registry, .sessions = sessions};
    list_init(&t->listeners);
    lane_on(lane, TWIN_DONE, on_done, t);
    twin_home_join(t);
    twin_tell_join(t);
    twin_import_join(t);
    twin_gone_join(t);
    twin_reindex_join(t);
    twin_view_join(t);
    return t;
}

void twins_free(struct twins *t)
{
    if (t == NULL) return;
    twin_gone_fini(t);
    twin_reindex_fini(t);
    twin_view_fini(t);
    twin_home_fini(t);
    twin_import_fini(t);
    twin_event_fini(t);
    twin_missed_fini(&t->missed);
    free(t);
}
