/* device_fault.c - faults that a device asks for (hub/fault), as far as they are AMQP's. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "front/amqp/device.h"

/* The newest one of a connection that is not due yet. */
struct peer_fault {
    struct timer timer;
    struct peer *peer;
    struct fault fault;
    char who[HUB_WHO_LEN_MAX + 1]; /* who asked */
};

/* ---- links */

static bool is_of(const struct peer_link *l, const struct device *d)
{
    return l->node->of_device && device_link_of((struct peer_link *)l)->device == d;
}

/* The device's link of that node and direction, or one to $cbs; NULL: there is none. */
static struct peer_link *find_link(const struct peer_fault *f, const struct node *node, bool sender)
{
    const struct device *d = map_get(&f->peer->devices, slice_str(f->who));
    LIST_EACH(at, &f->peer->links)
    {
        struct peer_link *l = CONTAINER_OF(at, struct peer_link, node_in_peer);
        bool fits = l->node == node && l->link->sender == sender;
        if (fits && (!node->of_device || (d && is_of(l, d)))) return l;
    }
    return NULL;
}

static void kill_link(const struct peer_fault *f, const struct node *node, bool sender)
{
    struct peer_link *l = find_link(f, node, sender);
    if (l) peer_detach(l, AMQP_DETACH_FORCED, "%s", fault_type_name(f->fault.type));
}

static struct peer_link *any_link(const struct peer_fault *f)
{
    const struct device *d = map_get(&f->peer->devices, slice_str(f->who));
    LIST_EACH(at, &f->peer->links)
    {
        struct peer_link *l = CONTAINER_OF(at, struct peer_link, node_in_peer);
        if (d && is_of(l, d)) return l;
    }
    return NULL;
}

/* The last link takes the device with it. */
static void kill_links(const struct peer_fault *f, const char *condition)
{
    for (struct peer_link *l; (l = any_link(f)) != NULL;)
        peer_detach(l, condition, "%s", fault_type_name(f->fault.type));
}

/* ---- sessions and connections */

static void kill_session(const struct peer_fault *f)
{
    struct amqp_error error = amqp_error_of(AMQP_DETACH_FORCED, "KillAmqpSession");
    struct peer_link *l = any_link(f);
    if (l == NULL) return;
    struct amqp_session *session = l->link->session;
    LIST_EACH(at, &f->peer->links)
    {
        l = CONTAINER_OF(at, struct peer_link, node_in_peer);
        if (l->link->session == session) peer_detach(l, AMQP_DETACH_FORCED, "KillAmqpSession");
    }
    amqp_send_end(session, &error);
}

static void end_connection(struct peer *p, bool at_once)
{
    p->over = true;
    timer_stop(&p->timer);
    if (at_once)
        conn_abort(p->conn);
    else
        conn_close(p->conn);
}

static void close_connection(struct peer *p, bool gracefully)
{
    struct amqp_error error = amqp_error_of(AMQP_CONNECTION_FORCED, "KillAmqpConnection");
    amqp_send_close(&p->engine, gracefully ? NULL : &error);
    end_connection(p, false);
}

/* ---- what was asked for */

static void begin_lasting(const struct peer_fault *f, int64_t now_us)
{
    if (faults_begin(f->peer->service->hub->faults, slice_str(f->who), &f->fault, now_us) != OK)
        say_warn("fault.refused", "device=%s reason=\"%s\"", f->who, fail_text());
    else if (f->fault.type == FAULT_AUTH)
        kill_links(f, AMQP_UNAUTHORIZED);
}

static void obey(const struct peer_fault *f, int64_t now_us)
{
    struct peer *p = f->peer;
    switch (f->fault.type) {
    case FAULT_KILL_TCP: end_connection(p, !f->fault.graceful); break;
    case FAULT_KILL_AMQP_CONNECTION: close_connection(p, false); break;
    case FAULT_SHUT_DOWN_AMQP: close_connection(p, true); break;
    case FAULT_KILL_AMQP_SESSION: kill_session(f); break;
    case FAULT_KILL_AMQP_CBS_REQUESTS: kill_link(f, &node_cbs, false); break;
    case FAULT_KILL_AMQP_CBS_ANSWERS: kill_link(f, &node_cbs, true); break;
    case FAULT_KILL_AMQP_D2C: kill_link(f, &node_device_events, false); break;
    case FAULT_KILL_AMQP_C2D: kill_link(f, &node_device_c2d, true); break;
    case FAULT_KILL_AMQP_TWIN_REQUESTS: kill_link(f, &node_device_twin, false); break;
    case FAULT_KILL_AMQP_TWIN_ANSWERS: kill_link(f, &node_device_twin, true); break;
    case FAULT_KILL_AMQP_METHOD_REQUESTS: kill_link(f, &node_device_methods, true); break;
    case FAULT_KILL_AMQP_METHOD_ANSWERS: kill_link(f, &node_device_methods, false); break;
    case FAULT_THROTTLING:
    case FAULT_QUOTA:
    case FAULT_AUTH: begin_lasting(f, now_us); break;
    default: break; /* MQTT's */
    }
}

static void on_due(struct timer *t, int64_t now_us)
{
    struct peer_fault *f = CONTAINER_OF(t, struct peer_fault, timer);
    if (f->peer->over) return;
    peer_touch(f->peer);
    obey(f, now_us);
}

static void plan(struct peer *p, struct slice who, const struct fault *fault)
{
    if (p->fault == NULL) {
        p->fault = NEW(struct peer_fault);
        p->fault->peer = p;
        timer_init(&p->fault->timer, on_due);
    }
    p->fault->fault = *fault;
    snprintf(p->fault->who, sizeof p->fault->who, "%.*s", SLICE_ARG(who));
    timer_set(&p->service->lane->timers, &p->fault->timer, clock_mono_us() + fault->delay_us);
}

void device_inject(struct device *d, const struct envelope *message)
{
    struct fault fault;
    if (d->peer->service->hub->faults && fault_is_asked(d->session.who, message, &fault))
        plan(d->peer, slice_str(d->session.who), &fault);
}

const char *device_fault_condition(const struct amqp_service *s, struct slice who, bool attaching)
{
    if (s->hub->faults == NULL) return NULL;
    switch (faults_of(s->hub->faults, who, clock_mono_us())) {
    case FAULT_THROTTLING: return attaching ? NULL : AMQP_THROTTLED;
    case FAULT_QUOTA: return attaching ? NULL : AMQP_RESOURCE_LIMIT;
    case FAULT_AUTH: return AMQP_UNAUTHORIZED;
    default: return NULL;
    }
}

void peer_drop_fault(struct peer *p)
{
    if (p->fault) timer_stop(&p->fault->timer);
    free(p->fault);
}
