/* light.c - the addresses of sessions that are no presence. */
#include "hub/session/light.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "hub/session/message.h"

GAUGE(lights_now, "azimuth_http_sessions", "Identities that speak HTTPS on an open connection");
COUNTER(evicted, "azimuth_http_sessions_evicted_total",
        "HTTPS sessions closed because their identity had too many");

struct light_set {
    unsigned count;
    struct addr sessions[SESSION_LIGHTS_MAX]; /* the oldest first */
    char who[HUB_WHO_LEN_MAX + 1];
};

void session_post_close(struct lane *lane, struct addr session, enum session_cause cause)
{
    struct msg *m = msg_new(SESSION_CLOSE, sizeof cause);
    memcpy(m->body, &cause, sizeof cause);
    post(lane, lane_addr(lane), session, m);
}

void lights_init(struct lights *l, struct lane *lane)
{
    *l = (struct lights){.lane = lane};
}

static void set_free(struct lights *l, struct light_set *s)
{
    map_remove(&l->by_who, slice_str(s->who));
    free(s);
}

void lights_fini(struct lights *l)
{
    struct light_set *s;
    for (size_t at = 0; (s = map_next(&l->by_who, &at)) != NULL;) {
        metric_add(&lights_now, -(int64_t)s->count);
        free(s);
    }
    map_free(&l->by_who);
}

static struct light_set *set_make(struct lights *l, struct slice who)
{
    struct light_set *s = NEW(struct light_set);
    snprintf(s->who, sizeof s->who, "%.*s", SLICE_ARG(who));
    map_put(&l->by_who, slice_str(s->who), s);
    return s;
}

static void take_out(struct light_set *s, unsigned index)
{
    s->count--;
    memmove(&s->sessions[index], &s->sessions[index + 1],
            (s->count - index) * sizeof s->sessions[0]);
    metric_add(&lights_now, -1);
}

void lights_add(struct lights *l, struct slice who, struct addr session)
{
    struct light_set *s = map_get(&l->by_who, who);
    if (s == NULL) s = set_make(l, who);
    if (s->count == SESSION_LIGHTS_MAX) {
        metric_inc(&evicted);
        session_post_close(l->lane, s->sessions[0], SESSION_TAKEN_OVER);
        take_out(s, 0);
    }
    s->sessions[s->count++] = session;
    metric_add(&lights_now, 1);
}

void lights_remove(struct lights *l, struct slice who, struct addr session)
{
    struct light_set *s = map_get(&l->by_who, who);
    for (unsigned i = 0; s && i < s->count; i++) {
        if (!addr_eq(s->sessions[i], session)) continue;
        take_out(s, i);
        if (s->count == 0) set_free(l, s);
        return;
    }
}

void lights_close(struct lights *l, struct slice who, enum session_cause cause)
{
    struct light_set *s = map_get(&l->by_who, who);
    if (s == NULL) return;
    for (unsigned i = 0; i < s->count; i++) session_post_close(l->lane, s->sessions[i], cause);
    metric_add(&lights_now, -(int64_t)s->count);
    set_free(l, s);
}
