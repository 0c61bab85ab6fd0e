/* amqp.c - an AMQP connection: SASL, links to nodes, time. */
#include "front/amqp/amqp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/metrics.h"
#include "base/net.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "front/amqp/device.h"
#include "front/amqp/explain.h"
#include "front/amqp/owners.h"
#include "front/amqp/reader.h"
#include "front/amqp/rpc.h"
#include "front/amqp/sasl_tpm.h"
#include "front/amqp/stream_link.h"

COUNTER(logins_refused, "azimuth_amqp_logins_refused_total", "SASL logins refused");
LIMIT_REACHED(frame_too_large, "amqp-frame")
LIMIT_REACHED(too_much_held, "amqp-before-login")
LIMIT_REACHED(too_many_sessions, "amqp-sessions")
LIMIT_REACHED(too_many_links, "amqp-links")
LIMIT_REACHED(too_many_transfers, "amqp-transfers")
LIMIT_REACHED(message_too_large, "amqp-message")
LIMIT_REACHED(too_much_partial, "amqp-unfinished")
LIMIT_REACHED(tag_too_long, "amqp-tag")
LIMIT_REACHED(too_much_kept, "amqp-kept")
COUNTER(links_refused, "azimuth_amqp_links_refused_total", "AMQP links refused");
COUNTER(linkless_closed, "azimuth_amqp_linkless_closed_total",
        "AMQP connections closed because they had no links");

/* ---- output, refusals */

void peer_touch(struct peer *p)
{
    conn_out(p->conn);
}

/* The link is the client's no more; its state is freed. */
static void let_go(struct peer_link *l)
{
    struct peer *p = l->peer;
    l->link->user = NULL;
    l->link = NULL;
    amqp_unkeep(&p->engine, l->kept);
    list_remove(&l->node_in_peer);
    l->node->detached(l);
    free(l->path);
    free(l);
    if (list_empty(&p->links)) p->linkless_us = clock_mono_us();
}

static void refuse_words(struct peer *p, struct amqp_link *link, const char *condition,
                         const char *fmt, va_list ap)
{
    struct buf text = {0};
    buf_vprintf(&text, fmt, ap);
    struct amqp_error error = amqp_error_of(condition, buf_cstr(&text));
    metric_inc(&links_refused);
    say_debug("amqp.link_refused", "peer=%s condition=%s reason=\"%s\"", conn_peer(p->conn),
              condition, buf_cstr(&text));
    peer_touch(p);
    amqp_refuse_attach(link, &error);
    buf_free(&text);
}

/* Before there is a state to let go. */
static void refuse(struct peer *p, struct amqp_link *link, const char *condition, const char *fmt,
                   ...) PRINTF(4, 5);

static void refuse(struct peer *p, struct amqp_link *link, const char *condition, const char *fmt,
                   ...)
{
    va_list ap;
    va_start(ap, fmt);
    refuse_words(p, link, condition, fmt, ap);
    va_end(ap);
}

void peer_refuse(struct peer_link *l, const char *condition, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    refuse_words(l->peer, l->link, condition, fmt, ap);
    va_end(ap);
    let_go(l);
}

void peer_refuse_with(struct peer_link *l, const struct amqp_error *error)
{
    peer_touch(l->peer);
    amqp_refuse_attach(l->link, error);
    let_go(l);
}

void peer_detach_with(struct peer_link *l, const struct amqp_error *error)
{
    peer_touch(l->peer);
    amqp_send_detach(l->link, error);
    let_go(l);
}

void peer_detach(struct peer_link *l, const char *condition, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    struct amqp_error error = amqp_error_of(condition, buf_cstr(&text));
    peer_detach_with(l, &error);
    buf_free(&text);
}

void peer_settle(struct peer_link *l, uint32_t id, bool settled, const struct amqp_error *no)
{
    struct amqp_disposition said = {.from_receiver = true,
                                    .settled = true,
                                    .first = id,
                                    .last = id,
                                    .outcome = no ? AMQP_REJECTED : AMQP_ACCEPTED};
    if (no) said.error = *no;
    peer_touch(l->peer);
    if (!settled) amqp_send_disposition(l->link->session, &said);
}

/* ---- attaching: the node behind an address */

static const struct node *management_of(const struct peer *p, const struct address *a)
{
    return a->iot_name && peer_knows_only_the_hub(p) ? &node_management_redirect : &node_management;
}

static const struct node *node_of(const struct peer *p, const struct address *a)
{
    const struct amqp_doors *doors = &p->service->doors;
    switch (a->kind) {
    case ADDRESS_CBS: return &node_cbs;
    case ADDRESS_MANAGEMENT: return management_of(p, a);
    case ADDRESS_STREAM:
        if (a->stream) return &node_event_sender;
        return a->iot_name ? &node_redirect : NULL;
    case ADDRESS_SEND_PARTITION:
    case ADDRESS_PUBLISHER: return a->stream ? &node_event_sender : NULL;
    case ADDRESS_PARTITION: return p->plain && a->iot_name ? &node_redirect : &node_partition;
    case ADDRESS_SERVICE_SEND: return doors->c2d ? &node_service_send : NULL;
    case ADDRESS_SERVICE_FEEDBACK: return doors->c2d ? &node_service_feedback : NULL;
    case ADDRESS_REGISTRATION: return doors->dps ? &node_provisioning : NULL;
    case ADDRESS_SERVICE_FILES: return doors->files ? &node_service_files : NULL;
    case ADDRESS_DEVICE_EVENTS: return &node_device_events;
    case ADDRESS_DEVICE_BOUND: return doors->c2d ? &node_device_c2d : NULL;
    case ADDRESS_DEVICE_METHODS: return doors->methods ? &node_device_methods : NULL;
    case ADDRESS_DEVICE_TWIN: return doors->twins ? &node_device_twin : NULL;
    case ADDRESS_UNKNOWN: break;
    }
    return NULL;
}

static struct peer_link *link_new(struct peer *p, struct amqp_link *link, const struct node *node,
                                  const struct address *address, struct slice path)
{
    struct peer_link *l = mem_zero(node->size);
    l->peer = p;
    l->link = link;
    l->node = node;
    l->address = *address;
    l->path = slice_dup(path);
    link->user = l;
    list_push(&p->links, &l->node_in_peer);
    p->had_link = true;
    return l;
}

static void refuse_missing(struct peer *p, struct amqp_link *link, const struct address *a,
                           struct slice text)
{
    bool sends = !link->sender && a->kind >= ADDRESS_STREAM && a->kind <= ADDRESS_PUBLISHER;
    text = text_first_part(text, ADDRESS_MAX);
    if (a->no_partition)
        refuse(p, link, NO_PARTITION, NO_PARTITION_TEXT);
    else if (sends)
        refuse(p, link, AMQP_NOT_ALLOWED,
               "Events come from devices; nothing can be sent to '%.*s'.", SLICE_ARG(text));
    else
        refuse(p, link, AMQP_NOT_FOUND, "The messaging entity '%.*s' could not be found.",
               SLICE_ARG(text));
}

/* The first link of an identity opens a session, which counts as a new connection. */
static bool opens_device(const struct peer *p, const struct address *a)
{
    return map_get(&p->devices, slice_str(a->who)) == NULL;
}

/* What a device's link has to be beyond authorised; false: it was refused. */
static bool device_may_attach(struct peer *p, struct amqp_link *link, const struct address *a,
                              const struct amqp_attach_event *ev)
{
    const char *fault = device_fault_condition(p->service, slice_str(a->who), true);
    if (fault) {
        refuse(p, link, fault, "A fault that the device asked for lasts.");
        return false;
    }
    if (!device_chain_fits(ev)) {
        refuse(p, link, AMQP_INVALID_FIELD, "com.microsoft:auth-chain has more than %d bytes.",
               SESSION_AUTH_CHAIN_MAX);
        return false;
    }
    if (opens_device(p, a) &&
        throttle_take_now(p->service->hub->throttle, THROTTLE_CONNECTION, 1) == THROTTLE_REFUSED) {
        explain_throttled(p, slice_str(a->who));
        refuse(p, link, AMQP_THROTTLED, "Too many devices connect; try again later.");
        return false;
    }
    return true;
}

/* What a link makes us keep besides what the engine does: nodes keep names, of a device there is a session, and our answer
 * says the name again to who may not read it. */
static size_t cost_of(const struct node *node, const struct amqp_attach_event *ev)
{
    return node->size + 2 * ev->name.len + ev->source.address.len + ev->target.address.len +
           (node->of_device ? AMQP_DEVICE_COST : 0);
}

/* With the right to it and all, if there is room. */
static void take_link(struct peer *p, struct amqp_link *link, const struct node *node,
                      const struct address *address, const struct amqp_attach_event *ev,
                      int64_t until_us)
{
    size_t cost = cost_of(node, ev);
    if (!amqp_keep(&p->engine, cost)) {
        refuse(p, link, AMQP_RESOURCE_LIMIT,
               "The connection makes the server keep as much as it may%s.",
               p->known ? "" : " before it has shown a good credential");
        return;
    }
    struct peer_link *l =
        link_new(p, link, node, address, link->sender ? ev->source.address : ev->target.address);
    l->kept = cost;
    l->ends_us = until_us;
    p->ends_us = MIN(p->ends_us, until_us);
    node->attach(l, ev);
}

static void on_attach(struct peer *p, struct amqp_link *link, const struct amqp_attach_event *ev)
{
    assert(link != NULL);
    struct slice text = link->sender ? ev->source.address : ev->target.address;
    struct address address;
    address_parse(p->service->hub, p->service->doors.event_hubs, text, &address);
    peer_read_ids(p, &address, ev->name);
    const struct node *node = text.len <= ADDRESS_MAX ? node_of(p, &address) : NULL;
    if (node == NULL || !(link->sender ? node->sender : node->receiver)) {
        refuse_missing(p, link, &address, text);
        return;
    }
    int64_t until_us = peer_may_until(p, &address, node->right);
    if (until_us == INT64_MIN) {
        refuse(
            p, link, AMQP_UNAUTHORIZED,
            "Unauthorized access. A token for '%.*s' by a policy with ServiceConnect has to be put "
            "to $cbs first.",
            SLICE_ARG(text));
        return;
    }
    if (node->of_device && !device_may_attach(p, link, &address, ev)) return;
    take_link(p, link, node, &address, ev, until_us);
}

/* ---- events of the engine */

void peer_refuse_login(struct peer *p, struct slice mechanism)
{
    metric_inc(&logins_refused);
    conn_login_failed(p->conn);
    say_info("amqp.login_refused", "peer=%s mechanism=%.*s", conn_peer(p->conn),
             SLICE_ARG(mechanism));
    amqp_send_sasl_outcome(&p->engine, false);
}

static void on_tpm(struct peer *p, enum sasl_tpm_result result)
{
    if (result == SASL_TPM_REFUSED) peer_refuse_login(p, SLICE_LIT("TPM"));
    if (result == SASL_TPM_WELCOME) amqp_send_sasl_outcome(&p->engine, true);
}

static void on_sasl_init(struct peer *p, const struct amqp_sasl *sasl)
{
    if (slice_is(sasl->mechanism, "TPM")) {
        on_tpm(p, sasl_tpm_init(p, sasl->response));
        return;
    }
    bool plain = slice_is(sasl->mechanism, "PLAIN");
    bool known = plain || slice_is(sasl->mechanism, "ANONYMOUS") ||
                 slice_is(sasl->mechanism, "MSSBCBS") || slice_is(sasl->mechanism, "EXTERNAL");
    bool welcome = known && (!plain || peer_login_plain(p, sasl->response));
    if (welcome)
        amqp_send_sasl_outcome(&p->engine, true);
    else
        peer_refuse_login(p, sasl->mechanism);
}

const char *peer_host(const struct peer *p)
{
    return p->host ? p->host : p->service->hub->hosts[0];
}

/* What the client says in its open counts, then what it said to TLS, if it is a name of ours. */
static void note_host(struct peer *p, struct slice hostname)
{
    const struct hub *hub = p->service->hub;
    struct slice name = hub_is_host(hub, hostname) ? hostname : slice_str(conn_local_name(p->conn));
    struct slice host, port;
    if (!hub_is_host(hub, name)) return;
    net_split(name, &host, &port);
    p->host = slice_dup(host);
    p->port = net_port(port);
}

static void on_open(struct peer *p, const struct amqp_open_event *ev)
{
    note_host(p, ev->hostname);
    p->opened = true;
    p->linkless_us = clock_mono_us();
    amqp_send_open(&p->engine);
}

/* Links that keep account of their deliveries take what is theirs, and say what that is. */
static void tell_links(struct peer *p, const struct amqp_event *ev, struct buf *known)
{
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->node->disposition && l->link->session == ev->session)
            l->node->disposition(l, &ev->disposition, known);
    }
}

static bool some_link_sent(const struct peer *p, const struct amqp_session *session,
                           const struct amqp_disposition *d)
{
    LIST_EACH(node, &p->links)
    {
        const struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->node->sent && l->link->session == session && l->node->sent(l, d)) return true;
    }
    return false;
}

/* What no link knows was in the hands of one that is gone, or that forgot it: nothing is done with it, and nobody
 * may hear that it was. */
static void answer_unknown(struct peer *p, const struct amqp_event *ev, uint32_t first,
                           uint32_t last)
{
    struct amqp_disposition d = ev->disposition;
    d.from_receiver = false;
    d.settled = true;
    d.first = ev->disposition.first + first;
    d.last = ev->disposition.first + last;
    if (!some_link_sent(p, ev->session, &d)) {
        d.outcome = AMQP_REJECTED;
        d.error = amqp_error_of(AMQP_NOT_FOUND, "The lock of the message is over.");
    }
    amqp_send_disposition(ev->session, &d);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Between the known ones, each range in one word. */
static void answer_gaps(struct peer *p, const struct amqp_event *ev, struct buf *known)
{
    uint32_t *taken = (void *)known->ptr, next = 0;
    uint32_t last = ev->disposition.last - ev->disposition.first;
    size_t count = buf_size(known) / sizeof *taken;
    if (count) qsort(taken, count, sizeof *taken, by_number);
    for (size_t i = 0; i < count; i++) {
        if (taken[i] > next) answer_unknown(p, ev, next, taken[i] - 1);
        next = taken[i] + 1;
    }
    if (next <= last) answer_unknown(p, ev, next, last);
}

/* A receiver that settles second waits for our word (.NET, Java), of each delivery of a range. */
static void on_disposition(struct peer *p, struct amqp_event *ev)
{
    struct buf known = {0};
    if (!ev->disposition.from_receiver) return;
    tell_links(p, ev, &known);
    if (!ev->disposition.settled) answer_gaps(p, ev, &known);
    buf_free(&known);
}

static void on_event(struct peer *p, struct amqp_event *ev)
{
    struct peer_link *l = ev->link ? ev->link->user : NULL;
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT: on_sasl_init(p, &ev->sasl); break;
    case AMQP_ON_SASL_RESPONSE: on_tpm(p, sasl_tpm_response(p, ev->sasl.response)); break;
    case AMQP_ON_OPEN: on_open(p, &ev->open); break;
    case AMQP_ON_ATTACH: on_attach(p, ev->link, &ev->attach); break;
    case AMQP_ON_FLOW:
        if (l && l->node->flow) l->node->flow(l);
        break;
    case AMQP_ON_DELIVERY:
        if (l && l->node->delivery) l->node->delivery(l, &ev->delivery);
        break;
    case AMQP_ON_DISPOSITION: on_disposition(p, ev); break;
    case AMQP_ON_DETACH:
        if (l) let_go(l);
        break;
    default: break; /* begin, end and close need no answer of ours */
    }
}

void peer_is_known(struct peer *p)
{
    conn_login_good(p->conn);
    p->known = true;
    amqp_set_kept_max(&p->engine, AMQP_KEPT_MAX);
}

/* ---- time: heartbeats, expiry of tokens, connections without links */

static int64_t linkless_due(const struct peer *p)
{
    if (!p->opened || !list_empty(&p->links)) return INT64_MAX;
    return p->linkless_us + (p->had_link ? AMQP_NO_LINK_LATER_US : AMQP_NO_LINK_FIRST_US);
}

/* Tokens end by the wall clock, timers run by the other one. */
static int64_t tokens_due(const struct peer *p, int64_t now_us)
{
    return p->ends_us == INT64_MAX ? INT64_MAX : now_us + MAX(p->ends_us - clock_wall_us(), 0);
}

/* A timer that comes too early is harmless, so what is fed need not move it every time. */
static void arm(struct peer *p, int64_t now_us)
{
    int64_t due_us = MIN(amqp_deadline(&p->engine), linkless_due(p));
    due_us = MIN(due_us, tokens_due(p, now_us));
    if (!timer_active(&p->timer) || due_us < p->timer.due_us)
        timer_set(&p->service->lane->timers, &p->timer, due_us);
}

void peer_arm(struct peer *p)
{
    arm(p, clock_mono_us());
}

/* Homes answer soon, and mostly so that it is no stranger any more, or that something is given back.  Before anything of
 * it is refused for want of room, it waits for that: gateways attach hundreds of devices at once. */
static bool waits_for_homes(const struct peer *p)
{
    return p->asking && p->engine.kept_bytes + AMQP_STRANGER_ROOM > p->engine.kept_max;
}

static void put_off(struct peer *p)
{
    p->put_off = true;
    amqp_put_off(&p->engine);
    conn_pause(p->conn);
}

static enum err take_events(struct peer *p)
{
    struct amqp_event ev;
    p->put_off = false;
    while (!waits_for_homes(p)) {
        enum err e = amqp_next(&p->engine, &ev);
        if (e != OK) return e;
        on_event(p, &ev);
    }
    put_off(p);
    return ERR_AGAIN;
}

static void process(struct peer *p, int64_t now_us)
{
    enum err e = take_events(p);
    if (!p->put_off) conn_resume(p->conn);
    if (e == ERR_AGAIN) {
        arm(p, now_us);
    } else if (!p->over) {
        say_debug("amqp.over", "peer=%s why=%s", conn_peer(p->conn), err_name(e));
        p->over = true;
        timer_stop(&p->timer);
        conn_close(p->conn);
    }
}

void peer_go_on(struct peer *p)
{
    peer_touch(p);
    process(p, clock_mono_us());
}

void peer_home_answered(struct peer *p)
{
    if (p->put_off && !waits_for_homes(p)) peer_go_on(p);
}

static int64_t may_until(const struct peer_link *l)
{
    if (l->node->of_device) return device_ends_us(l);
    return peer_may_until(l->peer, &l->address, l->node->right);
}

/* A newer token may have taken over from the one that ended. */
static void check_tokens(struct peer *p)
{
    int64_t wall_us = clock_wall_us();
    if (p->ends_us > wall_us) return;
    p->ends_us = INT64_MAX;
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->ends_us <= wall_us) l->ends_us = may_until(l);
        if (l->ends_us <= wall_us && l->node->of_device)
            explain_expired(p, slice_str(l->address.who));
        if (l->ends_us <= wall_us)
            peer_detach(l, AMQP_UNAUTHORIZED,
                        p->login
                            ? "The key that '%s' was opened with is no longer its policy's."
                            : "The token for '%s' has expired; a new one has to be put to $cbs.",
                        l->path);
        else
            p->ends_us = MIN(p->ends_us, l->ends_us);
    }
}

static void close_linkless(struct peer *p, int64_t now_us)
{
    char text[200];
    if (now_us < linkless_due(p)) return;
    snprintf(
        text, sizeof text,
        "The connection was inactive for more than the allowed %lld milliseconds and is closed "
        "by container '%s'.",
        (p->had_link ? AMQP_NO_LINK_LATER_US : AMQP_NO_LINK_FIRST_US) / 1000,
        p->service->engine.container_id);
    struct amqp_error error = amqp_error_of(AMQP_CONNECTION_FORCED, text);
    amqp_send_close(&p->engine, &error);
    p->opened = false;
    metric_inc(&linkless_closed);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct peer *p = CONTAINER_OF(t, struct peer, timer);
    peer_touch(p);
    amqp_tick(&p->engine, now_us);
    check_tokens(p);
    close_linkless(p, now_us);
    process(p, now_us);
}

/* ---- front */

static void *open_peer(struct conn *c, void *listener_ctx, int64_t now_us)
{
    struct peer *p = NEW(struct peer);
    p->service = listener_ctx;
    p->conn = c;
    p->ends_us = INT64_MAX;
    list_init(&p->links);
    list_init(&p->tokens);
    list_init(&p->tickets);
    timer_init(&p->timer, on_timer);
    amqp_init(&p->engine, &p->service->engine, conn_buffer(c), now_us);
    amqp_set_kept_max(&p->engine, AMQP_STRANGER_KEPT_MAX);
    arm(p, now_us);
    return p;
}

static void feed_peer(void *self, struct slice bytes, int64_t now_us)
{
    struct peer *p = self;
    if (p->over) return;
    peer_touch(p);
    amqp_feed(&p->engine, bytes, now_us);
    process(p, now_us);
}

/* There is room to write again for all who may have stopped. */
static void peer_drained(void *self, int64_t now_us)
{
    struct peer *p = self;
    (void)now_us;
    peer_touch(p);
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->link->sender && l->node->flow) l->node->flow(l);
    }
}

static void peer_closed(void *self, enum err why, int64_t now_us)
{
    struct peer *p = self;
    (void)now_us;
    explain_end(p, why);
    p->put_off = false;
    amqp_hang_up(&p->engine);
    LIST_EACH(node, &p->links) let_go(CONTAINER_OF(node, struct peer_link, node_in_peer));
    map_free(&p->devices);
    rpc_free_tickets(p);
    peer_free_tokens(p);
    peer_drop_fault(p);
    timer_stop(&p->timer);
    amqp_fini(&p->engine);
    free(p->host);
    peer_forget_registering(p);
    sasl_tpm_free(p);
    free(p);
}

static bool peer_owes(const void *self)
{
    const struct peer *p = self;
    if (p->over) return false;
    if (p->asking || !list_empty(&p->tickets)) return true;
    LIST_EACH(node, &p->links)
    {
        const struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->node->owes && l->node->owes(l)) return true;
    }
    return false;
}

const struct front amqp_front = {
    .name = "amqp",
    .open = open_peer,
    .feed = feed_peer,
    .owes = peer_owes,
    .drained = peer_drained,
    .closed = peer_closed,
};

/* ---- service */

static void count_limit(enum amqp_limit limit)
{
    static struct metric *const of[AMQP_LIMITS] = {
        [AMQP_LIMIT_FRAME] = &frame_too_large,        [AMQP_LIMIT_HELD] = &too_much_held,
        [AMQP_LIMIT_SESSIONS] = &too_many_sessions,   [AMQP_LIMIT_LINKS] = &too_many_links,
        [AMQP_LIMIT_TRANSFERS] = &too_many_transfers, [AMQP_LIMIT_MESSAGE] = &message_too_large,
        [AMQP_LIMIT_PARTIAL] = &too_much_partial,     [AMQP_LIMIT_TAG] = &tag_too_long,
        [AMQP_LIMIT_KEPT] = &too_much_kept,
    };
    metric_inc(of[limit]);
}

struct amqp_service *amqp_service_new(const struct amqp_doors *doors)
{
    static const char *const mechanisms[] = {"MSSBCBS",  "PLAIN", "ANONYMOUS",
                                             "EXTERNAL", "TPM",   NULL};
    struct session_desk *desk = doors->desk;
    const struct hub *hub = desk->hub;
    struct amqp_service *s = NEW(struct amqp_service);
    *s = (struct amqp_service){.hub = hub,
                               .lane = desk->lane,
                               .doors = *doors,
                               .desk = desk,
                               .owners = owners_new(desk->lane, AMQP_READERS_MAX),
                               .readers_max = AMQP_READERS_MAX,
                               .engine = {.role = AMQP_SERVER,
                                          .container_id = hub->name,
                                          .hostname = hub->hosts[0],
                                          .limit_met = count_limit,
                                          .mechanisms = mechanisms}};
    telemetry_init(&s->telemetry, hub, desk->writer, desk->routing);
    list_init(&s->full);
    list_init(&s->full_senders);
    stream_links_init(s);
    idempotent_init(s);
    readers_attach(s);
    return s;
}

void amqp_service_free(struct amqp_service *s)
{
    if (s == NULL) return;
    timer_stop(&s->idle_timer);
    reader_share_fini(&s->reader_share);
    owners_free(s->owners);
    arena_free(&s->scratch);
    free(s);
}
