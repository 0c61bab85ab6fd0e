/* home.c - the home core's side: credentials, and one session per identity.
 *
 *            OPEN, credential good                     ENDED
 *   (none) ───────────────────────▶ open ────────────────────────▶ (none)
 *                                    │ OPEN by another connection
 *                                    ▼
 *                                 closing, the newest OPEN waits ──ENDED──▶ open (the one that waited)
 *
 * An identity that is disabled, deleted or gets other keys loses its session: closing, nobody waits.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "hub/registry/registry.h"
#include "hub/session/message.h"

COUNTER(granted, "azimuth_sessions_granted_total", "Sessions opened");
COUNTER(refused, "azimuth_sessions_refused_total", "Sessions refused");
COUNTER(takeovers, "azimuth_sessions_taken_over_total",
        "Sessions closed because the same identity connected again");
GAUGE(connected, "azimuth_connected_devices", "Devices with an open session");

struct session_home {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct map presences; /* struct presence by device id */
    struct list attempts; /* those that are looked at */
};

/* An OPEN that is looked at, or waits for an older session to end. */
struct attempt {
    struct list node; /* in home->attempts, or unlinked */
    struct session_home *home;
    struct registry_load load;
    struct msg *open;
    struct session_opened answer;
};

struct presence {
    struct addr session;
    struct attempt *next; /* granted once the present session has ended */
    bool closing;
    enum session_protocol protocol;
    char device_id[HUB_ID_LEN_MAX + 1];
};

static const struct session_open_msg *open_of(const struct attempt *a)
{
    return (const void *)a->open->body;
}

static struct slice device_of(const struct attempt *a)
{
    return slice_of(open_of(a)->bytes, open_of(a)->id_len);
}

/* ---- answering */

static void free_attempt(struct attempt *a)
{
    if (a == NULL) return;
    msg_free(a->open);
    free(a);
}

static void answer(struct attempt *a)
{
    struct slice id = device_of(a);
    struct msg *reply = msg_new(SESSION_OPENED, sizeof a->answer + id.len);
    memcpy(reply->body, &a->answer, sizeof a->answer);
    memcpy(reply->body + sizeof a->answer, id.ptr, id.len);
    post_reply(a->home->lane, a->open, reply);
    metric_inc(a->answer.cause == SESSION_GRANTED ? &granted : &refused);
    free_attempt(a);
}

static void refuse(struct attempt *a, enum session_cause cause)
{
    a->answer.cause = cause;
    say_debug("session.refused", "device=%.*s cause=%s auth=%s", SLICE_ARG(device_of(a)),
              session_cause_name(cause), auth_cause_name(a->answer.auth));
    answer(a);
}

static void tell_close(struct session_home *home, struct presence *p, enum session_cause cause)
{
    if (p->closing) return;
    p->closing = true;
    struct msg *m = msg_new(SESSION_CLOSE, sizeof cause);
    memcpy(m->body, &cause, sizeof cause);
    post(home->lane, lane_addr(home->lane), p->session, m);
}

/* ---- presence */

static void occupy(struct presence *p, struct attempt *a)
{
    p->session = a->open->from;
    p->closing = false;
    p->next = NULL;
    p->protocol = open_of(a)->protocol;
    answer(a);
}

static void admit(struct session_home *home, struct attempt *a)
{
    struct presence *p = map_get(&home->presences, device_of(a));
    if (p == NULL) {
        p = NEW(struct presence);
        snprintf(p->device_id, sizeof p->device_id, "%.*s", SLICE_ARG(device_of(a)));
        map_put(&home->presences, slice_str(p->device_id), p);
        metric_add(&connected, 1);
        registry_set_connected(home->registry, device_of(a), true, clock_wall_us());
        occupy(p, a);
        return;
    }
    metric_inc(&takeovers);
    if (p->next) refuse(p->next, SESSION_TAKEN_OVER);
    p->next = a;
    tell_close(home, p, SESSION_TAKEN_OVER);
}

static void vacate(struct session_home *home, struct presence *p)
{
    if (p->next) {
        occupy(p, p->next);
        return;
    }
    map_remove(&home->presences, slice_str(p->device_id));
    metric_add(&connected, -1);
    registry_set_connected(home->registry, slice_str(p->device_id), false, clock_wall_us());
    free(p);
}

static void on_ended(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    (void)lane;
    struct presence *p = map_get(&home->presences, msg_body(m));
    if (p && addr_eq(p->session, m->from)) vacate(home, p);
}

static void on_active(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    (void)lane;
    registry_set_active(home->registry, msg_body(m), clock_wall_us());
}

/* ---- credentials */

static bool is_our_host(const void *hub, struct slice host)
{
    return hub_is_host(hub, host);
}

/* Signed with the device's own key, or with a policy that may connect devices. */
static enum session_cause check_token(struct attempt *a, const struct identity *id)
{
    const struct hub *hub = a->home->hub;
    struct slice token = slice_of(open_of(a)->bytes + open_of(a)->id_len, open_of(a)->token_len);
    struct sas sas;
    char path[sizeof "devices/" + HUB_ID_LEN_MAX];
    int len = snprintf(path, sizeof path, "devices/%.*s", SLICE_ARG(device_of(a)));
    struct auth_ask ask = {.path = slice_of(path, (size_t)len),
                           .rights = AUTH_DEVICE_CONNECT,
                           .now_us = clock_wall_us(),
                           .is_host = is_our_host,
                           .ctx = hub};
    if (sas_parse(token, &sas) != OK) {
        a->answer.auth = AUTH_MALFORMED;
        return SESSION_BAD_TOKEN;
    }
    a->answer.hub_scope = sas.policy[0] != '\0';
    a->answer.auth = a->answer.hub_scope ? auth_by_policy(&sas, &ask, hub->policies)
                                         : auth_by_keys(&sas, &ask, id->keys);
    a->answer.ends_us = sas_ends_us(&sas);
    return a->answer.auth == AUTH_OK ? SESSION_GRANTED : SESSION_BAD_TOKEN;
}

static void on_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct attempt *a = CONTAINER_OF(load, struct attempt, load);
    enum session_cause cause = SESSION_GRANTED;
    list_remove(&a->node);
    if (e == ERR_NOT_FOUND)
        cause = SESSION_UNKNOWN;
    else if (e != OK)
        cause = SESSION_UNAVAILABLE;
    else if (!id->enabled)
        cause = SESSION_DISABLED;
    else if (id->auth != IDENTITY_SAS)
        cause = SESSION_WRONG_KIND;
    else
        cause = check_token(a, id);
    if (cause != SESSION_GRANTED) {
        refuse(a, cause);
        return;
    }
    snprintf(a->answer.generation, sizeof a->answer.generation, "%.*s", SLICE_ARG(id->generation));
    admit(a->home, a);
}

static void on_open(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    struct attempt *a = NEW(struct attempt);
    (void)lane;
    msg_keep(m);
    a->home = home;
    a->open = m;
    list_push(&home->attempts, &a->node);
    registry_load(home->registry, device_of(a), &a->load, on_loaded);
}

/* The registry says that an identity is no longer what it was when its session was opened. */
static void on_changed(void *ctx, struct slice device_id, enum registry_change change)
{
    struct session_home *home = ctx;
    struct presence *p = map_get(&home->presences, device_id);
    static const enum session_cause causes[] = {
        [REGISTRY_DISABLED] = SESSION_DISABLED,
        [REGISTRY_DELETED] = SESSION_UNKNOWN,
        [REGISTRY_KEYS_CHANGED] = SESSION_KEY_CHANGED,
    };
    if (p == NULL) return;
    if (p->next) refuse(p->next, causes[change]);
    p->next = NULL;
    tell_close(home, p, causes[change]);
}

/* ---- life */

struct session_home *session_home_new(const struct hub *hub, struct lane *lane,
                                      struct registry *registry)
{
    struct session_home *home = NEW(struct session_home);
    *home = (struct session_home){.hub = hub, .lane = lane, .registry = registry};
    list_init(&home->attempts);
    lane_on(lane, SESSION_OPEN, on_open, home);
    lane_on(lane, SESSION_ENDED, on_ended, home);
    lane_on(lane, SESSION_ACTIVE, on_active, home);
    registry_listen(registry, on_changed, home);
    return home;
}

void session_home_free(struct session_home *home)
{
    struct presence *p;
    if (home == NULL) return;
    LIST_EACH(node, &home->attempts) free_attempt(CONTAINER_OF(node, struct attempt, node));
    for (size_t i = 0; (p = map_next(&home->presences, &i)) != NULL;) {
        free_attempt(p->next);
        free(p);
    }
    map_free(&home->presences);
    free(home);
}
