/* captures.c - Event Hubs Capture: what is captured where to, and how far it is.
 *
 * Source: @azure/arm-eventhub 5.2, properties.captureDescription of an event hub. */
#include "front/rest/call.h"

static void on_answer(struct capture_wait *w, const struct capture_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, capture_wait);
    rest_call_resume(c);
    rest_answer_outcome(c, a->status, a->text, a->body);
    rest_call_end(c);
}

static struct capture_wait *wait(struct call *c)
{
    c->capture_wait.fn = on_answer;
    rest_call_wait(c, WAITING_CAPTURES);
    return &c->capture_wait;
}

void rest_capture_list(struct call *c)
{
    capture_list(c->service->captures, c->service->lane, wait(c));
}

void rest_capture_get(struct call *c)
{
    capture_get(c->service->captures, c->service->lane, rest_route_param(c, "eventHub"), wait(c));
}

void rest_capture_put(struct call *c)
{
    capture_put(c->service->captures, c->service->lane, rest_route_param(c, "eventHub"),
                buf_slice(&c->body), wait(c));
}

void rest_capture_delete(struct call *c)
{
    capture_delete(c->service->captures, c->service->lane, rest_route_param(c, "eventHub"),
                   wait(c));
}
