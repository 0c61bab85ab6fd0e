/* rest.c - an HTTP connection: requests in, one after the other, answers out.
 *
 *   head ──route, version, access──▶ body ──turn, session──▶ handler ──answers at once──▶ next request
 *     └──refused: answered──▶ next                         ├──asks the hub, timer──▶ its answer, or 503
 *                                                          └──WebSocket: handed over, this state is freed
 */
#include "front/rest/rest.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/say.h"
#include "front/rest/call.h"

COUNTER(timeouts, "azimuth_http_timeouts_total",
        "HTTP requests for which the hub had no answer in time");
COUNTER(malformed, "azimuth_http_malformed_total", "HTTP requests that broke a rule or a limit");
LIMIT_REACHED(line_too_long, "http-request-line")
LIMIT_REACHED(too_many_headers, "http-headers")
LIMIT_REACHED(body_too_large, "http-body")
LIMIT_REACHED(too_much_framing, "http-framing")
LIMIT_REACHED(too_far_ahead, "http-pipelined")

struct rest {
    struct rest_service *service;
    struct conn *conn;
    struct http1 *http;
    struct call *call; /* NULL: none, or it is answered */
    struct timer timer;
    int64_t answer_by_us;         /* while the call waits */
    void *states[REST_SITES_MAX]; /* rest_call_state() */
    bool paused, closing, upgraded, console;
    enum rest_stream stream; /* upgraded: to this */
};

struct rest_service *rest_new(const struct rest_config *config, struct lane *lane,
                              const struct rest_doors *doors)
{
    struct rest_service *s = NEW(struct rest_service);
    *s = (struct rest_service){
        .config = config, .lane = lane, .doors = *doors, .started_us = clock_wall_us()};
    rest_route_table_init(&s->own, rest_routes, rest_route_count);
    return s;
}

void rest_free(struct rest_service *s)
{
    if (s == NULL) return;
    rest_route_table_fini(&s->own);
    for (unsigned i = 0; i < s->site_count; i++) rest_route_table_fini(&s->site_routes[i]);
    free(s);
}

void rest_carry(struct rest_service *s, enum rest_stream stream, const struct front *front,
                void *ctx)
{
    s->streams[stream].front = front;
    s->streams[stream].ctx = ctx;
}

void rest_add_site(struct rest_service *s, const struct rest_site *site)
{
    assert(s->site_count < REST_SITES_MAX);
    rest_route_table_init(&s->site_routes[s->site_count], site->routes, site->route_count);
    s->sites[s->site_count++] = site;
}

void rest_set_guard(struct rest_service *s, const struct rest_guard *guard)
{
    s->guard = guard;
}

/* ---- calls */

/* Whoever was asked need not answer. */
static void stop_waiting(struct call *c)
{
    struct rest_service *s = c->service;
    switch (c->waiting) {
    case WAITING_REGISTRY: registry_forget(s->doors.registry, &c->registry_wait); break;
    case WAITING_ROUTING: routing_forget(s->doors.routing, &c->routing_wait); break;
    case WAITING_GROUPS: consumer_group_forget(s->doors.groups, &c->group_wait); break;
    case WAITING_EVENT_HUBS: event_hub_forget(s->doors.event_hubs, &c->event_hub_wait); break;
    case WAITING_CERTIFICATES:
        certificate_forget(s->doors.certificates, &c->certificate_wait);
        break;
    case WAITING_METHOD: method_forget(&c->method_call); break;
    case WAITING_TWINS: twin_forget(s->doors.twins, &c->twin_wait); break;
    case WAITING_C2D: c2d_forget(s->doors.c2d, &c->c2d_wait); break;
    case WAITING_FEEDBACK: notices_close(c2d_feedback(s->doors.c2d), &c->feedback_visit); break;
    case WAITING_QUERY: query_forget(s->doors.queries, &c->query_wait); break;
    case WAITING_JOBS: job_forget(s->doors.jobs, &c->job_wait); break;
    case WAITING_TRANSFERS: transfer_forget(s->doors.transfers, &c->transfer_wait); break;
    case WAITING_DIGITAL_TWIN: digital_twin_forget(&c->digital_twin_call); break;
    case WAITING_CONFIGURATIONS:
        configuration_forget(s->doors.configurations, &c->configuration_wait);
        break;
    case WAITING_CAPTURES: capture_forget(s->lane, &c->capture_wait); break;
    case WAITING_DIAGNOSTICS: diagnostic_forget(s->lane, &c->diagnostic_wait); break;
    case WAITING_REFUSALS: refusal_forget(&c->refusal_wait); break;
    case WAITING_SPELLING: store_forget(s->lane, &c->spelling.wait); break;
    case WAITING_TALKERS: talkers_forget(&c->talker_wait); break;
    case WAITING_CONNECTION: session_show_forget(s->lane, &c->session_show); break;
    case WAITING_NONE:
    case WAITING_TURN:
    case WAITING_SITE: break;
    }
}

static void drop_call(struct rest *r)
{
    struct call *c = r->call;
    if (c == NULL) return;
    stop_waiting(c);
    if (c->forget) c->forget(c);
    buf_free(&c->path);
    buf_free(&c->body);
    buf_free(&c->who);
    buf_free(&c->by);
    free(c);
    r->call = NULL;
}

static void drop_answered(struct rest *r)
{
    if (r->call && r->call->answered) drop_call(r);
}

static void look_at_visitor(struct call *c)
{
    const struct rest_guard *guard = c->service->guard;
    if (c->console && guard) c->visit = guard->look(guard->ctx, c, &c->visit_rights);
}

static void begin_call(struct rest *r, const struct http1_request *request, int64_t now_us)
{
    struct call *c = r->call = NEW(struct call);
    c->rest = r;
    c->service = r->service;
    c->conn = r->conn;
    c->http = r->http;
    c->request = request;
    c->console = r->console;
    c->now_us = now_us;
    look_at_visitor(c);
    if (rest_place_is_own(c) && rest_route_find(c) && rest_route_has_version(c) &&
        rest_access_granted(c)) {
        http1_limit_body(r->http, c->route->body_max);
        if (c->site && c->site->begin) c->site->begin(c);
    }
}

static void take_body(struct call *c, struct slice piece)
{
    if (c->site && c->site->body)
        c->site->body(c, piece);
    else
        buf_put_slice(&c->body, piece);
}

/* A session may have ended or lost a right while the body was read, or its turn awaited. */
static bool may_still(struct call *c)
{
    if (c->visit != REST_VISIT) return true;
    look_at_visitor(c);
    return rest_access_granted(c);
}

static void run_handler(struct rest *r, int64_t now_us)
{
    r->call->now_us = now_us;
    if (may_still(r->call)) r->call->route->handle(r->call);
}

static void run_in_turn(struct rest *r, int64_t now_us)
{
    assert(r->call);
    r->call->now_us = now_us;
    if (rest_throttle_lets_pass(r->call)) run_handler(r, now_us);
}

static void refuse(struct rest *r, const struct http1_event *ev, int64_t now_us)
{
    metric_inc(&malformed);
    say_debug("http.malformed", "peer=%s status=%d reason=\"%s\"", conn_peer(r->conn), ev->status,
              ev->reason);
    drop_call(r);
    if (http1_awaits_answer(r->http)) rest_answer_bad(r->http, ev->status, ev->reason, now_us);
}

static void on_body(struct call *call, struct slice data, int64_t now_us)
{
    assert(call);
    call->now_us = now_us;
    take_body(call, data);
}

static void on_event(struct rest *r, const struct http1_event *ev, int64_t now_us)
{
    switch (ev->kind) {
    case HTTP1_HEAD: begin_call(r, ev->request, now_us); break;
    case HTTP1_BODY: on_body(r->call, ev->data, now_us); break;
    case HTTP1_END: run_in_turn(r, now_us); break;
    case HTTP1_BAD: refuse(r, ev, now_us); break;
    case HTTP1_IDLE: break;
    }
    drop_answered(r);
}

/* ---- the connection */

static void arm(struct rest *r)
{
    bool waiting = r->call && r->call->waiting != WAITING_NONE;
    int64_t due = waiting ? r->answer_by_us : http1_deadline(r->http);
    if (due == INT64_MAX)
        timer_stop(&r->timer);
    else
        timer_set(&r->service->lane->timers, &r->timer, due);
}

static void set_paused(struct rest *r, bool paused)
{
    if (paused == r->paused) return;
    r->paused = paused;
    if (paused)
        conn_pause(r->conn);
    else
        conn_resume(r->conn);
}

static void end(struct rest *r)
{
    drop_call(r);
    for (unsigned i = 0; i < r->service->site_count; i++)
        if (r->states[i]) r->service->sites[i]->closed(r->states[i]);
    timer_stop(&r->timer);
    http1_free(r->http);
    free(r);
}

/* The connection goes on without us; the last that we know of it are bytes behind the request. */
static void hand_over(struct rest *r, int64_t now_us)
{
    struct conn *conn = r->conn;
    struct http1 *http = r->http;
    const struct front *front = r->service->streams[r->stream].front;
    void *ctx = r->service->streams[r->stream].ctx;
    set_paused(r, false);
    r->http = NULL;
    end(r);
    conn_upgrade(conn, front, ctx, http1_rest(http), now_us);
    http1_free(http);
}

/* An answer in pieces waits for the client to read. */
static void tell_drained(struct rest *r, int64_t now_us)
{
    struct call *c = r->call;
    if (c == NULL || c->drained == NULL || conn_congested(r->conn)) return;
    void (*drained)(struct call *) = c->drained;
    c->drained = NULL;
    c->now_us = now_us;
    drained(c);
    drop_answered(r);
}

static bool is_stalled(const struct rest *r)
{
    return r->call && r->call->stalled;
}

static void count_limits(struct http1 *http)
{
    static struct metric *const of[HTTP1_LIMITS] = {
        [HTTP1_LIMIT_LINE] = &line_too_long,  [HTTP1_LIMIT_HEADERS] = &too_many_headers,
        [HTTP1_LIMIT_BODY] = &body_too_large, [HTTP1_LIMIT_FRAMING] = &too_much_framing,
        [HTTP1_LIMIT_AHEAD] = &too_far_ahead,
    };
    unsigned met = http1_limits_met(http);
    for (unsigned i = 0; met; i++, met >>= 1)
        if (met & 1) metric_inc(of[i]);
}

/* Requests are taken one by one as long as the client reads the answers. */
static void process(struct rest *r, int64_t now_us)
{
    struct http1_event ev;
    tell_drained(r, now_us);
    bool congested = conn_congested(r->conn);
    while (!congested && !is_stalled(r) && http1_next(r->http, &ev)) {
        on_event(r, &ev, now_us);
        if (r->upgraded) {
            hand_over(r, now_us);
            return;
        }
        congested = conn_congested(r->conn);
    }
    if (congested || is_stalled(r)) http1_keep(r->http);
    count_limits(r->http);
    if (buf_size(conn_buffer(r->conn)) > 0) conn_out(r->conn);
    if (http1_finished(r->http)) {
        r->closing = true;
        timer_stop(&r->timer);
        conn_close(r->conn);
        return;
    }
    set_paused(r, congested || is_stalled(r) || http1_wants_pause(r->http));
    arm(r);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct rest *r = CONTAINER_OF(t, struct rest, timer);
    struct call *c = r->call;
    if (c == NULL || c->waiting == WAITING_NONE) {
        http1_tick(r->http, now_us);
        process(r, now_us);
        return;
    }
    if (c->waiting == WAITING_TURN) {
        rest_call_resume(c);
        run_handler(r, now_us);
        rest_call_end(c);
        return;
    }
    metric_inc(&timeouts);
    c->now_us = now_us;
    if (c->begun) {
        rest_answer_break_off(c);
        return;
    }
    rest_answer_status(c, STATUS_SERVICE_UNAVAILABLE, "the hub did not answer in time");
    drop_answered(r);
    process(r, now_us);
}

void rest_call_wait_long(struct call *c, enum waiting what, int64_t us)
{
    c->waiting = what;
    c->rest->answer_by_us = c->now_us + us;
}

void rest_call_wait(struct call *c, enum waiting what)
{
    rest_call_wait_long(c, what, REST_WAIT_US);
}

void rest_call_stall(struct call *c)
{
    c->stalled = true;
    rest_call_wait(c, WAITING_SITE);
}

void rest_call_resume(struct call *c)
{
    c->waiting = WAITING_NONE;
    c->stalled = false;
    c->now_us = clock_mono_us();
}

void rest_call_end(struct call *c)
{
    struct rest *r = c->rest;
    int64_t now_us = c->now_us;
    drop_answered(r);
    process(r, now_us);
}

void **rest_call_state(struct call *c)
{
    unsigned i = 0;
    while (c->service->sites[i] != c->site) {
        i++;
        assert(i < c->service->site_count);
    }
    return &c->rest->states[i];
}

void rest_call_hand_over(struct call *c, enum rest_stream stream)
{
    assert(c->answered && c->service->streams[stream].front);
    c->rest->upgraded = true;
    c->rest->stream = stream;
}

/* ---- front */

static void *rest_open(struct conn *conn, void *listener_ctx, int64_t now_us)
{
    struct rest *r = NEW(struct rest);
    r->service = listener_ctx;
    r->conn = conn;
    r->http = http1_new(&(struct http1_config){.out = conn_buffer(conn)}, now_us);
    timer_init(&r->timer, on_timer);
    arm(r);
    return r;
}

static void *rest_open_console(struct conn *conn, void *listener_ctx, int64_t now_us)
{
    struct rest *r = rest_open(conn, listener_ctx, now_us);
    r->console = true;
    return r;
}

static void rest_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct rest *r = self;
    if (r->closing) return;
    http1_feed(r->http, bytes, now_us);
    process(r, now_us);
}

static void rest_drained(void *self, int64_t now_us)
{
    struct rest *r = self;
    if (!r->closing) process(r, now_us);
}

static void rest_closed(void *self, enum err why, int64_t now_us)
{
    (void)why, (void)now_us;
    end(self);
}

/* Of a request that did not come whole nothing is owed. */
static bool rest_owes(const void *self)
{
    const struct rest *r = self;
    const struct call *c = r->call;
    return r->paused || (c && (c->waiting != WAITING_NONE || c->begun || c->drained));
}

const struct front rest_front = {
    .name = "http",
    .owes = rest_owes,
    .open = rest_open,
    .feed = rest_feed,
    .drained = rest_drained,
    .closed = rest_closed,
};

const struct front rest_console_front = {
    .name = "console",
    .owes = rest_owes,
    .open = rest_open_console,
    .feed = rest_feed,
    .drained = rest_drained,
    .closed = rest_closed,
};
