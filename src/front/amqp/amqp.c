/* amqp.c - an AMQP connection: SASL, links to nodes, time. */
#include "front/amqp/amqp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "front/amqp/owners.h"
#include "front/amqp/reader.h"
#include "front/amqp/rpc.h"

COUNTER(logins_refused, "azimuth_amqp_logins_refused_total", "SASL logins refused");
COUNTER(links_refused, "azimuth_amqp_links_refused_total", "AMQP links refused");

/* ---- output, refusals */

void peer_touch(struct peer *p)
{
    conn_out(p->conn);
}

static struct amqp_error format_error(char *text, size_t size, const char *condition,
                                      const char *fmt, va_list ap)
{
    vsnprintf(text, size, fmt, ap);
    return amqp_error_of(condition, text);
}

/* The link is the client's no more; its state is freed. */
static void let_go(struct peer_link *l)
{
    l->link->user = NULL;
    l->link = NULL;
    list_remove(&l->node_in_peer);
    l->node->detached(l);
}

void peer_refuse(struct peer_link *l, const char *condition, const char *fmt, ...)
{
    char text[ADDRESS_MAX + 512];
    va_list ap;
    va_start(ap, fmt);
    struct amqp_error error = format_error(text, sizeof text, condition, fmt, ap);
    va_end(ap);
    metric_inc(&links_refused);
    say_debug("amqp.link_refused", "peer=%s address=%s reason=\"%s\"", conn_peer(l->peer->conn),
              l->path, text);
    peer_touch(l->peer);
    amqp_refuse_attach(l->link, &error);
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
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    struct amqp_error error = format_error(text, sizeof text, condition, fmt, ap);
    va_end(ap);
    peer_detach_with(l, &error);
}

/* ---- attaching: the node behind an address */

static const struct node *node_of(const struct peer *p, const struct address *a)
{
    bool iot_login = p->plain && a->iot_name;
    switch (a->kind) {
    case ADDRESS_CBS: return &node_cbs;
    case ADDRESS_MANAGEMENT: return iot_login ? &node_redirect : &node_management;
    case ADDRESS_STREAM: return a->iot_name ? &node_redirect : NULL;
    case ADDRESS_PARTITION: return iot_login ? &node_redirect : &node_partition;
    case ADDRESS_UNKNOWN: break;
    }
    return NULL;
}

/* Says no before there is a state to let go: no such node, or no right to it. */
static void refuse(struct peer *p, struct amqp_link *link, struct slice address, bool known)
{
    char text[ADDRESS_MAX + 128];
    snprintf(text, sizeof text,
             known ? "Unauthorized access. No token with the right to '%.*s' was put."
                   : "The messaging entity '%.*s' could not be found.",
             SLICE_ARG(slice_head(address, ADDRESS_MAX)));
    struct amqp_error error = amqp_error_of(known ? AMQP_UNAUTHORIZED : AMQP_NOT_FOUND, text);
    metric_inc(&links_refused);
    say_debug("amqp.link_refused", "peer=%s reason=\"%s\"", conn_peer(p->conn), text);
    amqp_refuse_attach(link, &error);
}

static void on_attach(struct peer *p, struct amqp_link *link, const struct amqp_attach_event *ev)
{
    struct slice text = link->sender ? ev->source.address : ev->target.address;
    struct address address;
    address_parse(p->service->hub, text, &address);
    const struct node *node = text.len <= ADDRESS_MAX ? node_of(p, &address) : NULL;
    if (node == NULL || !(link->sender ? node->sender : node->receiver)) {
        refuse(p, link, text, false);
        return;
    }
    if (!peer_may(p, &address, node->right, clock_wall_us())) {
        refuse(p, link, text, true);
        return;
    }
    struct peer_link *l = mem_zero(node->size);
    l->peer = p;
    l->link = link;
    l->node = node;
    l->address = address;
    snprintf(l->path, sizeof l->path, "%.*s", SLICE_ARG(text));
    link->user = l;
    list_push(&p->links, &l->node_in_peer);
    p->no_link_us = INT64_MAX;
    node->attach(l, ev);
}

/* ---- events of the engine */

static void on_sasl_init(struct peer *p, const struct amqp_sasl *sasl)
{
    bool plain = slice_is(sasl->mechanism, "PLAIN");
    bool known = plain || slice_is(sasl->mechanism, "ANONYMOUS") ||
                 slice_is(sasl->mechanism, "MSSBCBS") || slice_is(sasl->mechanism, "EXTERNAL");
    bool welcome = known && (!plain || peer_login_plain(p, sasl->response));
    if (!welcome) {
        metric_inc(&logins_refused);
        say_debug("amqp.login_refused", "peer=%s mechanism=%.*s", conn_peer(p->conn),
                  SLICE_ARG(sasl->mechanism));
    }
    amqp_send_sasl_outcome(&p->engine, welcome);
}

static void on_open(struct peer *p, const struct amqp_open_event *ev)
{
    snprintf(p->host, sizeof p->host, "%.*s",
             SLICE_ARG(slice_head(ev->hostname, HUB_HOST_LEN_MAX)));
    p->opened = true;
    p->no_link_us = clock_mono_us() + AMQP_NO_LINK_FIRST_US;
    amqp_send_open(&p->engine);
}

static void on_detach(struct peer *p, struct amqp_link *link)
{
    struct peer_link *l = link->user;
    if (l == NULL) return;
    let_go(l);
    if (list_empty(&p->links)) p->no_link_us = clock_mono_us() + AMQP_NO_LINK_LATER_US;
}

/* A receiver that settles second waits for our word (.NET, Java). */
static void on_disposition(struct amqp_event *ev)
{
    struct amqp_disposition d = ev->disposition;
    if (!d.from_receiver || d.settled) return;
    d.from_receiver = false;
    d.settled = true;
    amqp_send_disposition(ev->session, &d);
}

static void on_event(struct peer *p, struct amqp_event *ev)
{
    struct peer_link *l = ev->link ? ev->link->user : NULL;
    switch (ev->kind) {
    case AMQP_ON_SASL_INIT: on_sasl_init(p, &ev->sasl); break;
    case AMQP_ON_OPEN: on_open(p, &ev->open); break;
    case AMQP_ON_ATTACH: on_attach(p, ev->link, &ev->attach); break;
    case AMQP_ON_FLOW:
        if (l && l->node->flow) l->node->flow(l);
        break;
    case AMQP_ON_DELIVERY:
        if (l && l->node->delivery) l->node->delivery(l, &ev->delivery);
        break;
    case AMQP_ON_DISPOSITION: on_disposition(ev); break;
    case AMQP_ON_DETACH: on_detach(p, ev->link); break;
    default: break; /* begin, end and close need no answer of ours */
    }
}

/* ---- time: heartbeats, expiry of tokens, connections without links */

static void arm(struct peer *p, int64_t now_us)
{
    int64_t due = MIN(amqp_deadline(&p->engine), p->no_link_us);
    int64_t expiry = peer_next_expiry(p);
    if (expiry != INT64_MAX) due = MIN(due, now_us + MAX(expiry - clock_wall_us(), 0));
    if (due == INT64_MAX)
        timer_stop(&p->timer);
    else
        timer_set(&p->service->lane->timers, &p->timer, due);
}

static void process(struct peer *p, int64_t now_us)
{
    struct amqp_event ev;
    enum err e;
    conn_out(p->conn);
    while ((e = amqp_next(&p->engine, &ev)) == OK) on_event(p, &ev);
    if (e == ERR_AGAIN) {
        arm(p, now_us);
    } else if (!p->over) {
        p->over = true;
        timer_stop(&p->timer);
        conn_close(p->conn);
    }
}

static void end_unauthorized_links(struct peer *p, int64_t wall_us)
{
    peer_drop_expired(p, wall_us);
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (!peer_may(p, &l->address, l->node->right, wall_us))
            peer_detach(l, AMQP_UNAUTHORIZED, "the token for '%s' has expired", l->path);
    }
}

static void close_idle(struct peer *p)
{
    struct amqp_error error = amqp_error_of(AMQP_CONNECTION_FORCED,
                                            "The connection had no links for the allowed time and "
                                            "is closed.");
    p->no_link_us = INT64_MAX;
    amqp_send_close(&p->engine, &error);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct peer *p = CONTAINER_OF(t, struct peer, timer);
    int64_t wall_us = clock_wall_us();
    if (peer_next_expiry(p) <= wall_us) end_unauthorized_links(p, wall_us);
    if (now_us >= p->no_link_us) close_idle(p);
    amqp_tick(&p->engine, now_us);
    process(p, now_us);
}

/* ---- front */

static void *open_peer(struct conn *c, void *listener_ctx, int64_t now_us)
{
    struct peer *p = NEW(struct peer);
    p->service = listener_ctx;
    p->conn = c;
    p->no_link_us = INT64_MAX;
    p->plain_ends_us = INT64_MAX;
    list_init(&p->links);
    list_init(&p->tokens);
    list_init(&p->replies);
    timer_init(&p->timer, on_timer);
    amqp_init(&p->engine, &p->service->engine, conn_buffer(c), now_us);
    arm(p, now_us);
    return p;
}

static void feed_peer(void *self, struct slice bytes, int64_t now_us)
{
    struct peer *p = self;
    if (p->over) return;
    amqp_feed(&p->engine, bytes, now_us);
    process(p, now_us);
}

static void peer_drained(void *self, int64_t now_us)
{
    struct peer *p = self;
    LIST_EACH(node, &p->links)
    {
        struct peer_link *l = CONTAINER_OF(node, struct peer_link, node_in_peer);
        if (l->node->drained) l->node->drained(l);
    }
    process(p, now_us);
}

static void peer_closed(void *self, enum err why, int64_t now_us)
{
    struct peer *p = self;
    (void)why;
    (void)now_us;
    LIST_EACH(node, &p->links) let_go(CONTAINER_OF(node, struct peer_link, node_in_peer));
    rpc_free_replies(p);
    peer_free_tokens(p);
    timer_stop(&p->timer);
    amqp_fini(&p->engine);
    free(p);
}

const struct front amqp_front = {
    .name = "amqp",
    .open = open_peer,
    .feed = feed_peer,
    .drained = peer_drained,
    .closed = peer_closed,
};

/* ---- service */

struct amqp_service *amqp_service_new(const struct hub *hub, struct lane *lane,
                                      struct consumer_groups *groups)
{
    static const char *const mechanisms[] = {"MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL", NULL};
    struct amqp_service *s = NEW(struct amqp_service);
    *s = (struct amqp_service){.hub = hub,
                               .lane = lane,
                               .groups = groups,
                               .owners = owners_new(lane, AMQP_READERS_MAX),
                               .readers_max = AMQP_READERS_MAX,
                               .engine = {.role = AMQP_SERVER,
                                          .container_id = hub->name,
                                          .hostname = hub->hosts[0],
                                          .mechanisms = mechanisms}};
    readers_attach(lane);
    return s;
}

void amqp_service_free(struct amqp_service *s)
{
    if (s == NULL) return;
    owners_free(s->owners);
    free(s);
}
