/* home.c - the home core's side: credentials, and one session per identity.
 *
 *            OPEN, credential good                     ENDED
 *   (none) ───────────────────────▶ open ────────────────────────▶ (none)
 *                                    │ OPEN by another connection
 *                                    ▼
 *                                 closing, the newest OPEN waits ──ENDED──▶ open (the one that waited)
 *
 * An identity that is disabled, deleted or gets other keys loses its session: closing, nobody waits, and
 * whoever was judged good before that is told to try again.
 *
 * A session on behalf of an identity hangs on all that its chain names.  When one of them gets another
 * parent, goes, is disabled, or its $edgeHub gets other keys, the session ends: whoever may ask now asks
 * anew.  The edge device's home tells all homes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "hub/certificate/certificate.h"
#include "hub/registry/registry.h"
#include "hub/session/credential.h"
#include "hub/session/diagnose.h"
#include "hub/session/explain.h"
#include "hub/session/light.h"
#include "hub/session/show.h"
#include "hub/session/suspects.h"

COUNTER(granted, "azimuth_sessions_granted_total", "Sessions opened");
COUNTER(refused, "azimuth_sessions_refused_total", "Sessions refused");
COUNTER(doubted_total, "azimuth_sessions_on_behalf_ended_total",
        "Sessions on behalf of an identity closed because the hierarchy above it changed");
COUNTER(takeovers, "azimuth_sessions_taken_over_total",
        "Sessions closed because the same identity connected again");
GAUGE(connected_devices, "azimuth_connected_devices", "Devices with an open session");
GAUGE(connected_modules, "azimuth_connected_modules", "Modules with an open session");

struct session_home {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    const struct certificates *certificates;
    struct map presences;    /* struct presence by who */
    struct lights lights;    /* of HTTPS: beside all presences */
    struct list attempts;    /* those that are looked at */
    struct list waiting;     /* those that take over when an older session has ended */
    struct list on_behalf;   /* of the presences */
    struct list subscribers; /* changes of subscriptions under way */
    struct list listeners;   /* struct session_listener */
    struct registry_listener identities;
    struct suspects suspects;
    struct formers formers;
    struct explain_guess guess;
};

/* An OPEN that is looked at, or waits for an older session to end. */
struct attempt {
    struct list node; /* in home->attempts or home->waiting, or unlinked */
    struct held held; /* linked while its refusal waits */
    struct session_home *home;
    struct registry_load load;
    struct registry_subscribe begin;
    struct registry_vouch vouch; /* of an edge hub that asks on its behalf */
    bool doubted;                /* what it was judged by is no longer so */
    struct msg *open;
    struct session_opened answer;
};

struct presence {
    struct list behalf;   /* in home->on_behalf; alone: nobody speaks for it */
    char *chain;          /* then who does, "who;..;edge device" */
    char *caller;         /* who it is that is connected, for explain_takeover() */
    struct attempt *next; /* granted once the present session has ended */
    bool closing, websocket;
    enum session_cause why; /* of that */
    char *told;             /* of resource logs, see diagnose_connected() */
    char *sdk, *auth;       /* likewise, see diagnose_sdk(), diagnose_auth() */
    int64_t since_us;       /* wall time */
    struct session_link link;
    char who[HUB_WHO_LEN_MAX + 1];
};

static const struct session_open_msg *open_of(const struct attempt *a)
{
    return (const void *)a->open->body;
}

static struct slice who_of(const struct attempt *a)
{
    return open_who(open_of(a));
}

/* ---- answering */

static void free_attempt(struct attempt *a)
{
    if (a == NULL) return;
    list_remove(&a->node);
    msg_free(a->open);
    free(a);
}

static void answer(struct attempt *a)
{
    struct slice who = who_of(a);
    unsigned kind = a->open->kind == SESSION_RENEW ? SESSION_RENEWED : SESSION_OPENED;
    struct msg *reply = msg_new(kind, sizeof a->answer + who.len);
    memcpy(reply->body, &a->answer, sizeof a->answer);
    memcpy(reply->body + sizeof a->answer, who.ptr, who.len);
    post_reply(a->home->lane, a->open, reply);
    if (kind == SESSION_OPENED)
        metric_inc(a->answer.cause == SESSION_GRANTED ? &granted : &refused);
    free_attempt(a);
}

/* What was decided, for those who ask why. */
static void judge(struct attempt *a, enum session_cause cause, const struct identity *id)
{
    a->answer.cause = cause;
    explain_refusal(&(struct explain){a->home->hub, a->home->lane, open_of(a), id, &a->answer,
                                      &a->home->formers, &a->home->guess});
    say_debug("session.refused", "identity=%.*s cause=%s auth=%s", SLICE_ARG(who_of(a)),
              session_cause_name(cause), auth_cause_name(a->answer.auth));
}

static void refuse(struct attempt *a, enum session_cause cause)
{
    judge(a, cause, NULL);
    answer(a);
}

/* What it showed was bad.  The judgement is made; only the answer may wait. */
static void refuse_login(struct attempt *a, enum session_cause cause, const struct identity *id)
{
    int64_t now_us = clock_mono_us();
    bool slow = cause != SESSION_UNAVAILABLE &&
                suspects_failed(&a->home->suspects, who_of(a), now_us) && !a->home->hub->hasty;
    judge(a, cause, id);
    if (slow)
        suspects_hold(&a->home->suspects, &a->held, now_us);
    else
        answer(a);
}

static void on_released(struct held *one)
{
    answer(CONTAINER_OF(one, struct attempt, held));
}

static void tell_close(struct session_home *home, struct presence *p, enum session_cause cause)
{
    if (p->closing) return;
    p->closing = true;
    p->why = cause;
    session_post_close(home->lane, p->link.session, cause);
}

/* ---- presence */

static void tell_listeners(struct session_home *home, const struct presence *p, bool open)
{
    LIST_EACH(node, &home->listeners)
    {
        struct session_listener *l = CONTAINER_OF(node, struct session_listener, node);
        l->changed(l, slice_str(p->who), open ? &p->link : NULL);
    }
}

static struct metric *connected(const struct presence *p)
{
    return hub_module_of(slice_str(p->who)).len ? &connected_modules : &connected_devices;
}

/* "who;..;edge device"; a chain of one is nobody's but its own. */
static bool on_behalf(const struct session_open_msg *open)
{
    struct slice chain = open_chain(open);
    return slice_find(chain, ';') < chain.len;
}

static void note_chain(struct presence *p, const struct attempt *a)
{
    list_remove(&p->behalf);
    free(p->chain);
    p->chain = on_behalf(open_of(a)) ? slice_dup(open_chain(open_of(a))) : NULL;
    if (p->chain == NULL) return;
    list_push(&a->home->on_behalf, &p->behalf);
}

static void free_presence(struct presence *p)
{
    list_remove(&p->behalf);
    free(p->chain);
    free(p->caller);
    free(p->told);
    free(p->sdk);
    free(p->auth);
    free(p);
}

/* The front hears that it is open before it is sent anything. */
static void occupy(struct presence *p, struct attempt *a)
{
    struct session_home *home = a->home;
    note_chain(p, a);
    free(p->caller);
    p->caller = explain_caller(open_of(a));
    p->since_us = clock_wall_us();
    p->websocket = open_of(a)->websocket;
    explain_connected(home->hub, home->lane, open_of(a));
    p->told = diagnose_connected(home->hub, home->lane, open_of(a), &a->answer);
    p->sdk = diagnose_sdk(home->hub, open_of(a));
    p->auth = diagnose_auth(home->hub, open_of(a), &a->answer);
    bool mqtt = open_of(a)->protocol == HUB_MQTT;
    p->link = (struct session_link){a->open->from, open_of(a)->protocol,
                                    mqtt ? a->answer.features : open_of(a)->features};
    p->closing = false;
    p->why = SESSION_GRANTED;
    p->next = NULL;
    answer(a);
    tell_listeners(home, p, true);
}

static void admit(struct session_home *home, struct attempt *a)
{
    struct presence *p = map_get(&home->presences, who_of(a));
    if (p == NULL) {
        p = NEW(struct presence);
        list_init(&p->behalf);
        snprintf(p->who, sizeof p->who, "%.*s", SLICE_ARG(who_of(a)));
        map_put(&home->presences, slice_str(p->who), p);
        metric_add(connected(p), 1);
        registry_set_connected(home->registry, who_of(a), true, clock_wall_us());
        occupy(p, a);
        return;
    }
    metric_inc(&takeovers);
    explain_takeover(home->hub, home->lane, open_of(a), p->caller);
    if (p->next) refuse(p->next, SESSION_TAKEN_OVER);
    p->next = a;
    list_push(&home->waiting, &a->node);
    tell_close(home, p, SESSION_TAKEN_OVER);
}

static void vacate(struct session_home *home, struct presence *p)
{
    tell_listeners(home, p, false);
    diagnose_disconnected(home->hub, home->lane, slice_str(p->who), p->told, p->why, p->since_us);
    free(p->told);
    free(p->sdk);
    free(p->auth);
    p->told = p->sdk = p->auth = NULL;
    if (p->next && p->next->doubted) {
        refuse(p->next, SESSION_UNAVAILABLE);
        p->next = NULL;
    }
    if (p->next) {
        occupy(p, p->next);
        return;
    }
    map_remove(&home->presences, slice_str(p->who));
    metric_add(connected(p), -1);
    registry_set_connected(home->registry, slice_str(p->who), false, clock_wall_us());
    free_presence(p);
}

static void on_ended(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    (void)lane;
    struct presence *p = map_get(&home->presences, msg_body(m));
    if (p && addr_eq(p->link.session, m->from))
        vacate(home, p);
    else
        lights_remove(&home->lights, msg_body(m), m->from);
}

static void on_active(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    (void)lane;
    registry_set_active(home->registry, msg_body(m), clock_wall_us());
}

bool session_home_find(const struct session_home *home, struct slice who, struct session_link *out)
{
    const struct presence *p = map_get(&home->presences, who);
    if (p == NULL || p->closing) return false;
    *out = p->link;
    return true;
}

struct slice session_home_sdk(const struct session_home *home, struct slice who)
{
    const struct presence *p = map_get(&home->presences, who);
    return p ? slice_str(p->sdk) : SLICE_NONE;
}

struct slice session_home_auth(const struct session_home *home, struct slice who)
{
    const struct presence *p = map_get(&home->presences, who);
    return p ? slice_str(p->auth) : SLICE_NONE;
}

static void on_show(void *ctx, struct lane *lane, struct msg *m)
{
    const struct session_home *home = ctx;
    const struct presence *p = map_get(&home->presences, msg_body(m));
    struct session_shown shown = {.connected = p && !p->closing};
    if (shown.connected) {
        shown.protocol = p->link.protocol;
        shown.websocket = p->websocket;
        shown.features = p->link.features;
        shown.since_us = p->since_us;
        explain_parts(p->caller, &shown.peer, &shown.sdk);
    }
    post_reply(lane, m, show_answer(&shown));
}

void session_home_listen(struct session_home *home, struct session_listener *l)
{
    list_push(&home->listeners, &l->node);
}

/* ---- subscriptions */

struct subscriber {
    struct list node;
    struct session_home *home;
    struct registry_subscribe change;
    struct msg *m;
};

static void free_subscriber(struct subscriber *s)
{
    list_remove(&s->node);
    msg_free(s->m);
    free(s);
}

static struct slice who_subscribes(const struct msg *m)
{
    return slice_from(msg_body(m), sizeof(struct session_subscribe_msg));
}

/* The session may have ended meanwhile; the subscription stays all the same. */
static void features_are(struct session_home *home, const struct msg *m, uint32_t features,
                         enum err e)
{
    struct presence *p = map_get(&home->presences, who_subscribes(m));
    struct session_subscribed_msg answer = {features, e};
    struct msg *reply = msg_new(SESSION_SUBSCRIBED, sizeof answer);
    memcpy(reply->body, &answer, sizeof answer);
    post_reply(home->lane, m, reply);
    if (e != OK || p == NULL || p->closing || !addr_eq(p->link.session, m->from)) return;
    p->link.features = features;
    tell_listeners(home, p, true);
}

static void on_change_stored(struct registry_subscribe *change, uint32_t features, enum err e)
{
    struct subscriber *s = CONTAINER_OF(change, struct subscriber, change);
    features_are(s->home, s->m, features, e);
    free_subscriber(s);
}

static void on_subscribe(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_home *home = ctx;
    const struct session_subscribe_msg *ask = (const void *)m->body;
    struct presence *p = map_get(&home->presences, who_subscribes(m));
    (void)lane;
    if (p == NULL || !addr_eq(p->link.session, m->from)) return;
    if (p->link.protocol != HUB_MQTT) {
        features_are(home, m, (p->link.features | ask->set) & ~ask->clear, OK);
        return;
    }
    struct subscriber *s = NEW(struct subscriber);
    msg_keep(m);
    *s = (struct subscriber){.home = home, .m = m};
    s->change =
        (struct registry_subscribe){.set = ask->set, .clear = ask->clear, .fn = on_change_stored};
    list_push(&home->subscribers, &s->node);
    registry_subscribe(home->registry, who_subscribes(m), &s->change);
}

/* ---- opening */

static void on_begun(struct registry_subscribe *begin, uint32_t features, enum err e)
{
    struct attempt *a = CONTAINER_OF(begin, struct attempt, begin);
    list_remove(&a->node);
    a->answer.features = features;
    if (e == OK && !a->doubted)
        admit(a->home, a);
    else
        refuse(a, e == ERR_NOT_FOUND ? SESSION_UNKNOWN : SESSION_UNAVAILABLE);
}

/* What its earlier connections subscribed to counts, unless it asks for a clean session.  The model
 * that it announces is kept; a connection that announces none changes nothing. */
static void begin_session(struct attempt *a, const struct identity *id)
{
    const struct session_open_msg *open = open_of(a);
    bool clean = open->clean && id->subscriptions;
    struct slice model_id = open_model_id(open);
    a->answer.features = id->subscriptions;
    if (clean || (model_id.len && !slice_eq(model_id, id->model_id))) {
        a->begin = (struct registry_subscribe){
            .clear = clean ? UINT32_MAX : 0, .model_id = model_id, .fn = on_begun};
        list_push(&a->home->attempts, &a->node);
        registry_subscribe(a->home->registry, who_of(a), &a->begin);
    } else {
        admit(a->home, a);
    }
}

static enum session_cause check(struct attempt *a, const struct identity *id, enum err e)
{
    if (e == ERR_NOT_FOUND) return SESSION_UNKNOWN;
    if (e != OK) return SESSION_UNAVAILABLE;
    if (!id->enabled) return SESSION_DISABLED;
    if (a->doubted) return SESSION_UNAVAILABLE;
    if (on_behalf(open_of(a))) {
        a->answer.auth = a->vouch.auth;
        a->answer.ends_us = a->vouch.ends_us;
        return a->vouch.auth == AUTH_OK ? SESSION_GRANTED : SESSION_BAD_TOKEN;
    }
    const struct credential_judge judge = {a->home->hub, certificates_cas(a->home->certificates)};
    return credential_check(&judge, open_of(a), id, &a->answer);
}

static void on_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct attempt *a = CONTAINER_OF(load, struct attempt, load);
    list_remove(&a->node);
    enum session_cause cause = check(a, id, e);
    if (cause != SESSION_GRANTED) {
        refuse_login(a, cause, id);
        return;
    }
    if (a->open->kind == SESSION_RENEW) {
        answer(a);
        return;
    }
    snprintf(a->answer.generation, sizeof a->answer.generation, "%.*s", SLICE_ARG(id->generation));
    if (open_of(a)->protocol == HUB_HTTP) {
        explain_connected(a->home->hub, a->home->lane, open_of(a));
        lights_add(&a->home->lights, who_of(a), a->open->from);
        answer(a);
        return;
    }
    begin_session(a, id);
}

static void on_vouched(struct registry_vouch *v)
{
    struct attempt *a = CONTAINER_OF(v, struct attempt, vouch);
    if (v->err == OK) {
        registry_load(a->home->registry, who_of(a), &a->load, on_loaded);
        return;
    }
    list_remove(&a->node);
    refuse(a, SESSION_UNAVAILABLE);
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
    if (on_behalf(open_of(a))) {
        a->vouch.fn = on_vouched;
        registry_vouch(home->registry, who_of(a), open_chain(open_of(a)), open_token(open_of(a)),
                       &a->vouch);
    } else {
        registry_load(home->registry, who_of(a), &a->load, on_loaded);
    }
}

/* ---- what sessions rely on changes */

static bool names(struct slice chain, struct slice device_id)
{
    struct slice one;
    while (chain.len) {
        slice_split(&chain, ';', &one);
        if (slice_eq(hub_device_of(one), device_id)) return true;
    }
    return false;
}

static bool hangs_on(const struct attempt *a, struct slice device_id)
{
    return on_behalf(open_of(a)) && names(open_chain(open_of(a)), device_id);
}

static void doubt(struct session_home *home, struct presence *p, struct slice device_id)
{
    if (p->closing || !names(slice_str(p->chain), device_id)) return;
    metric_inc(&doubted_total);
    tell_close(home, p, SESSION_KEY_CHANGED);
}

static void doubt_attempts(struct list *attempts, struct slice device_id)
{
    LIST_EACH(node, attempts)
    {
        struct attempt *a = CONTAINER_OF(node, struct attempt, node);
        a->doubted |= hangs_on(a, device_id);
    }
}

static void doubt_here(struct session_home *home, struct slice device_id)
{
    doubt_attempts(&home->attempts, device_id);
    doubt_attempts(&home->waiting, device_id);
    LIST_EACH(node, &home->on_behalf)
    {
        doubt(home, CONTAINER_OF(node, struct presence, behalf), device_id);
    }
}

static void on_doubted(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    doubt_here(ctx, msg_body(m));
}

static void doubt_everywhere(struct session_home *home, struct slice device_id)
{
    for (unsigned i = 0; i < home->hub->core_count; i++) {
        struct msg *m = msg_new(SESSION_DOUBTED, device_id.len);
        memcpy(m->body, device_id.ptr, device_id.len);
        post(home->lane, lane_addr(home->lane), (struct addr){.lane = home->hub->cores[i]}, m);
    }
}

/* Those whose credential was looked at before it changed.  Who is not judged yet will be by what is so now. */
static void doubt_judged(struct session_home *home, struct slice who)
{
    LIST_EACH(node, &home->attempts)
    {
        struct attempt *a = CONTAINER_OF(node, struct attempt, node);
        a->doubted |= a->begin.fn && slice_eq(who_of(a), who);
    }
}

/* The registry says that an identity is no longer what it was when its session was opened. */
static void on_changed(struct registry_listener *l, struct slice who, enum registry_change change)
{
    struct session_home *home = CONTAINER_OF(l, struct session_home, identities);
    struct presence *p = map_get(&home->presences, who);
    static const enum session_cause causes[] = {
        [REGISTRY_DISABLED] = SESSION_DISABLED,
        [REGISTRY_DELETED] = SESSION_UNKNOWN,
        [REGISTRY_KEYS_CHANGED] = SESSION_KEY_CHANGED,
    };
    bool stays =
        change == REGISTRY_CREATED || change == REGISTRY_ENABLED || change == REGISTRY_CHANGED;
    if (stays) return;
    if (slice_is(hub_module_of(who), "$edgeHub")) doubt_everywhere(home, hub_device_of(who));
    if (change == REGISTRY_MOVED) {
        doubt_here(home, hub_device_of(who));
        return;
    }
    doubt_judged(home, who);
    lights_close(&home->lights, who, causes[change]);
    if (p == NULL) return;
    if (p->next) refuse(p->next, causes[change]);
    p->next = NULL;
    tell_close(home, p, causes[change]);
}

static void on_rekeying(struct registry_listener *l, const struct identity *old)
{
    struct session_home *home = CONTAINER_OF(l, struct session_home, identities);
    if (old->auth == IDENTITY_SAS) formers_add(&home->formers, old, clock_wall_us());
}

/* ---- life */

void session_home_set_guess(struct session_home *home,
                            bool (*guess)(void *ctx, const struct sas *t, struct buf *out),
                            void *ctx)
{
    home->guess = (struct explain_guess){.fn = guess, .ctx = ctx};
}

struct session_home *session_home_new(const struct hub *hub, struct lane *lane,
                                      struct registry *registry,
                                      const struct certificates *certificates)
{
    struct session_home *home = NEW(struct session_home);
    *home = (struct session_home){
        .hub = hub, .lane = lane, .registry = registry, .certificates = certificates};
    lights_init(&home->lights, lane);
    list_init(&home->attempts);
    list_init(&home->waiting);
    list_init(&home->on_behalf);
    list_init(&home->subscribers);
    list_init(&home->listeners);
    suspects_init(&home->suspects, &lane->timers, on_released);
    lane_on(lane, SESSION_OPEN, on_open, home);
    lane_on(lane, SESSION_RENEW, on_open, home);
    lane_on(lane, SESSION_ENDED, on_ended, home);
    lane_on(lane, SESSION_ACTIVE, on_active, home);
    lane_on(lane, SESSION_SUBSCRIBE, on_subscribe, home);
    lane_on(lane, SESSION_DOUBTED, on_doubted, home);
    lane_on(lane, SESSION_SHOW, on_show, home);
    home->identities.changed = on_changed;
    home->identities.rekeying = on_rekeying;
    formers_init(&home->formers);
    registry_listen(registry, &home->identities);
    return home;
}

void session_home_free(struct session_home *home)
{
    struct presence *p;
    if (home == NULL) return;
    for (struct list *node; (node = list_shift(&home->attempts)) != NULL;)
        free_attempt(CONTAINER_OF(node, struct attempt, node));
    for (struct held *one; (one = suspects_take(&home->suspects)) != NULL;)
        free_attempt(CONTAINER_OF(one, struct attempt, held));
    suspects_fini(&home->suspects);
    while (!list_empty(&home->subscribers))
        free_subscriber(CONTAINER_OF(home->subscribers.next, struct subscriber, node));
    for (size_t i = 0; (p = map_next(&home->presences, &i)) != NULL;) {
        free_attempt(p->next);
        free_presence(p);
    }
    map_free(&home->presences);
    lights_fini(&home->lights);
    formers_fini(&home->formers);
    free(home);
}
