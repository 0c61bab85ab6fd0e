/* session.c - from a request to the session of its identity.
 *
 *   request ──same identity, same credential──▶ run
 *      └──another──session_open──▶ home ──granted──▶ run
 *                                   └──refused──▶ 401, 404 or 503
 *
 * A session of the same identity with another credential ends first: who shows a newer token has no
 * use for the older.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "front/device_http/device.h"

COUNTER(refused, "azimuth_http_devices_refused_total",
        "HTTPS requests whose identity's home refused a session");

/* ---- guests */

static void guest_free(struct guest *g)
{
    company_store(g);
    list_remove(&g->node);
    g->guests->count--;
    if (g->asking) g->asking->guest = NULL;
    if (g->open) telemetry_sender_fini(&g->sender);
    session_end(&g->session);
    buf_wipe(&g->token);
    free(g);
}

static struct guest *guest_of(struct list *node)
{
    return CONTAINER_OF(node, struct guest, node);
}

void guests_free(void *guests)
{
    struct guests *all = guests;
    while (!list_empty(&all->list)) guest_free(guest_of(all->list.next));
    free(all);
}

/* The one that was used last, mostly. */
bool guests_know(const void *guests, struct slice token)
{
    const struct guests *all = guests;
    if (all == NULL || token.ptr == NULL) return false;
    LIST_EACH(node, &all->list)
    {
        const struct guest *g = guest_of(node);
        if (g->open && g->own_token && slice_eq_secret(buf_slice(&g->token), token)) return true;
    }
    return false;
}

static struct guests *guests_of(struct call *c)
{
    struct guests **state = (struct guests **)rest_call_state(c);
    if (*state == NULL) {
        *state = NEW(struct guests);
        list_init(&(*state)->list);
    }
    return *state;
}

static void touch(struct guest *g)
{
    list_remove(&g->node);
    list_insert_before(g->guests->list.next, &g->node);
}

/* ---- requests */

static void request_free(struct request *r)
{
    struct device_http_service *s = r->service;
    if (r->guest) r->guest->asking = NULL;
    company_leave(r);
    if (r->c2d_wait.slot.slot) c2d_forget(s->doors.c2d, &r->c2d_wait);
    if (r->uploading) upload_forget(&r->upload_wait);
    if (r->slot.slot) slot_free(s->lane, r->slot);
    arena_free(&r->arena);
    free(r);
}

static void forget(struct call *c)
{
    request_free(c->own);
}

static struct slice token_of(const struct call *c)
{
    struct slice token = http1_header(c->request, "authorization");
    return token.ptr ? token : SLICE_NONE;
}

/* Who was let in by a policy's token may know whether the device exists. */
static void answer_refusal(struct call *c, enum session_cause cause)
{
    bool vouched = c->device_token.ptr == NULL && token_of(c).ptr != NULL;
    bool module = hub_module_of(buf_slice(&c->who)).len > 0;
    if (cause == SESSION_UNAVAILABLE)
        rest_answer_status(c, STATUS_SERVICE_UNAVAILABLE, "the store does not answer");
    else if (cause == SESSION_UNKNOWN && vouched)
        rest_answer_status(c, module ? STATUS_MODULE_NOT_FOUND : STATUS_DEVICE_NOT_FOUND,
                           module ? "the module is not registered"
                                  : "the device is not registered");
    else
        rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
}

/* ---- the session */

static void let_in(struct guest *g, const struct session_opened *answer)
{
    g->open = true;
    g->ends_us = answer->ends_us;
    struct slice who = slice_str(g->session.who);
    telemetry_sender_init(&g->sender, &g->service->telemetry, who, slice_str(answer->generation),
                          session_scope(answer, who), answer->certified ? "x509" : "sas",
                          SLICE_NONE);
    g->sender.session = &g->session;
    g->sender.transport = HUB_HTTP;
}

/* Last activity is told as of any device, though nobody is connected by HTTPS. */
static void report_activity(struct guest *g)
{
    int64_t now_us = clock_mono_us();
    if (now_us < g->report_us) return;
    session_active(&g->session);
    g->report_us = now_us + SESSION_REPORT_S * 1000000ll;
}

static void run(struct request *r, struct guest *g)
{
    report_activity(g);
    r->run(r, g);
}

static void on_opened(struct session *s, const struct session_opened *answer)
{
    struct guest *g = CONTAINER_OF(s, struct guest, session);
    struct request *r = g->asking;
    struct call *c = r ? r->call : NULL;
    bool granted = answer->cause == SESSION_GRANTED;
    g->asking = NULL;
    if (granted) let_in(g, answer);
    if (r) {
        r->guest = NULL;
        rest_call_resume(c);
        if (granted) {
            conn_login_good(c->conn);
            run(r, g);
        } else {
            if (answer->cause != SESSION_UNAVAILABLE) conn_login_failed(c->conn);
            answer_refusal(c, answer->cause);
        }
    }
    if (!granted) {
        metric_inc(&refused);
        say_debug("http.device_refused", "identity=%s cause=%s", s->who,
                  session_cause_name(answer->cause));
        guest_free(g);
    }
    if (c) rest_call_end(c);
}

static void on_close(struct session *s, enum session_cause cause)
{
    (void)cause;
    guest_free(CONTAINER_OF(s, struct guest, session));
}

static const struct session_owner owner = {.opened = on_opened, .close = on_close};

static struct guest *find(struct guests *all, struct slice who)
{
    LIST_EACH(node, &all->list)
    if (slice_eq(slice_str(guest_of(node)->session.who), who)) return guest_of(node);
    return NULL;
}

static bool still_good(const struct guest *g, const struct call *c)
{
    return g->open && clock_wall_us() < g->ends_us &&
           slice_eq_secret(buf_slice(&g->token), token_of(c));
}

static void ask_home(struct request *r, struct guests *all)
{
    struct call *c = r->call;
    struct guest *g = NEW(struct guest);
    if (all->count == DEVICE_HTTP_SESSIONS_MAX) guest_free(guest_of(all->list.prev));
    g->guests = all;
    g->service = r->service;
    buf_put_slice(&g->token, token_of(c));
    g->own_token = c->device_token.ptr != NULL;
    list_insert_before(all->list.next, &g->node);
    all->count++;
    g->asking = r;
    r->guest = g;
    struct session_ask ask = {.protocol = HUB_HTTP,
                              .who = buf_slice(&c->who),
                              .token = buf_slice(&g->token),
                              .peer = slice_str(conn_peer(c->conn)),
                              .sdk = http1_header(c->request, "user-agent"),
                              .certificate = conn_peer_certificate(c->conn)};
    rest_call_wait(c, WAITING_SITE);
    session_open(&g->session, r->service->doors.desk, &owner, &ask);
}

static struct request *new_request(struct call *c, void (*fn)(struct request *r, struct guest *g))
{
    struct request *r = NEW(struct request);
    *r = (struct request){.call = c, .service = c->ctx, .run = fn};
    list_init(&r->company);
    c->own = r;
    c->forget = forget;
    return r;
}

void request_begin_or_admin(struct call *c, void (*fn)(struct request *r, struct guest *g))
{
    if (!conn_is_socket_admin(c->conn))
        request_begin(c, fn);
    else if (rest_route_who(c))
        fn(new_request(c, fn), NULL);
}

void request_begin(struct call *c, void (*fn)(struct request *r, struct guest *g))
{
    if (!rest_route_who(c)) return;
    struct guests *all = guests_of(c);
    struct guest *g = find(all, buf_slice(&c->who));
    struct request *r = new_request(c, fn);
    if (g && still_good(g, c)) {
        touch(g);
        run(r, g);
        return;
    }
    if (g) guest_free(g);
    ask_home(r, all);
}
