/* pending.c - the session's core: calls that were sent to a device and have no answer yet.
 *
 * A request id is a number of this core's, so that an answer to a call of an earlier connection, or of
 * another device, is nobody's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "hub/method/message.h"

LIMIT_REACHED(too_many, "methods-of-device")
COUNTER(late_total, "azimuth_methods_late_total",
        "Answers to direct methods that nobody waits for any more");
GAUGE(pending_now, "azimuth_methods_pending", "Direct methods that devices have not answered");

struct pending {
    struct list node; /* in calls->pending, the oldest first */
    struct timer timer;
    struct method_calls *calls;
    uint64_t rid;
    struct addr caller;
};

void method_calls_init(struct method_calls *c, struct methods *m)
{
    *c = (struct method_calls){.methods = m};
    list_init(&c->pending);
}

static void end(struct pending *p, enum method_end how, int32_t device_status, struct slice payload)
{
    struct method_calls *c = p->calls;
    method_done(c->methods, p->caller, how, device_status, payload);
    timer_stop(&p->timer);
    list_remove(&p->node);
    free(p);
    c->count--;
    metric_add(&pending_now, -1);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    (void)now_us;
    end(CONTAINER_OF(t, struct pending, timer), METHOD_NO_ANSWER, 0, SLICE_NONE);
}

/* ---- requests */

void method_refuse(struct method_calls *c, const struct method_request *r, enum status status)
{
    enum method_end why = status == STATUS_DEVICE_NOT_ONLINE ? METHOD_NOT_CONNECTED : METHOD_BUSY;
    method_done(c->methods, r->caller, why, 0, SLICE_NONE);
}

static uint64_t next_rid(struct methods *m)
{
    if (++m->next_rid == 0) m->next_rid = 1;
    return m->next_rid;
}

bool method_begin(struct method_calls *c, const struct method_request *r, uint64_t *rid)
{
    struct methods *m = c->methods;
    if (c->count == METHOD_PENDING_MAX) {
        metric_inc(&too_many);
        method_refuse(c, r, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
        return false;
    }
    struct pending *p = NEW(struct pending);
    *p = (struct pending){.calls = c, .rid = next_rid(m), .caller = r->caller};
    timer_init(&p->timer, on_timer);
    timer_set(&m->lane->timers, &p->timer, clock_mono_us() + r->response_us);
    list_push(&c->pending, &p->node);
    c->count++;
    metric_add(&pending_now, 1);
    *rid = p->rid;
    return true;
}

/* The session may be over, or its front may not take methods any more. */
static void on_send(void *ctx, struct lane *lane, struct msg *call)
{
    struct methods *m = ctx;
    const struct method_call_msg *body = (const void *)call->body;
    struct session *s = session_of(lane, call);
    struct method_request r = {
        .name = method_msg_name(call),
        .payload = method_msg_payload(call),
        .caller = call->from,
        .response_us = method_wait_us(body->response_s),
    };
    if (s && s->owner->method)
        s->owner->method(s, &r);
    else
        method_done(m, call->from, METHOD_NOT_CONNECTED, 0, SLICE_NONE);
}

static struct pending *find(const struct method_calls *c, uint64_t rid)
{
    LIST_EACH(node, &c->pending)
    {
        struct pending *p = CONTAINER_OF(node, struct pending, node);
        if (p->rid == rid) return p;
    }
    return NULL;
}

bool method_waits(const struct method_calls *c, uint64_t rid)
{
    return find(c, rid) != NULL;
}

void method_unsent(struct method_calls *c, uint64_t rid)
{
    struct pending *p = find(c, rid);
    if (p) end(p, METHOD_NOT_CONNECTED, 0, SLICE_NONE);
}

/* ---- answers */

static struct pending *answered(struct method_calls *c, uint64_t rid)
{
    struct pending *p = find(c, rid);
    if (p == NULL) metric_inc(&late_total);
    return p;
}

void method_answer(struct method_calls *c, uint64_t rid, int32_t status, struct slice payload)
{
    struct pending *p = answered(c, rid);
    if (p == NULL) return;
    if (payload.len > METHOD_PAYLOAD_MAX)
        end(p, METHOD_BAD_ANSWER, 0, SLICE_NONE);
    else
        end(p, METHOD_ANSWERED, status, payload);
}

void method_answer_invalid(struct method_calls *c, uint64_t rid)
{
    struct pending *p = answered(c, rid);
    if (p) end(p, METHOD_BAD_ANSWER, 0, SLICE_NONE);
}

void method_calls_drop(struct method_calls *c)
{
    while (c->count > 0)
        end(CONTAINER_OF(c->pending.next, struct pending, node), METHOD_CONNECTION_LOST, 0,
            SLICE_NONE);
}

/* ---- request ids */

void method_rid_text(uint64_t rid, char out[METHOD_RID_MAX + 1])
{
    snprintf(out, METHOD_RID_MAX + 1, "%llx", (unsigned long long)rid);
}

uint64_t method_rid_of(struct slice text)
{
    uint64_t rid = 0;
    if (text.len == 0 || text.len > METHOD_RID_MAX) return 0;
    for (size_t i = 0; i < text.len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, text.ptr[i], 16);
        if (digit == NULL) return 0;
        rid = rid << 4 | (uint64_t)(digit - digits);
    }
    return rid;
}

void pending_join(struct methods *m)
{
    m->next_rid = rand_u64();
    lane_on(m->lane, METHOD_SEND, on_send, m);
}
