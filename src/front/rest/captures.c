/* captures.c - Event Hubs Capture: what is captured where to, and how far it is.
 *
 * The built-in event hub has the hub's name; the others are this core's copy of the table.
 *
 * Source: @azure/arm-eventhub 5.2, properties.captureDescription of an event hub. */
#include "front/rest/call.h"

static void on_answer(struct capture_wait *w, const struct capture_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, capture_wait);
    rest_call_resume(c);
    if (a->status == STATUS_HUB_NOT_FOUND) /* 401 in Azure's words: not for what is not captured */
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "the event hub is not captured");
    else
        rest_answer_outcome(c, a->status, a->text, a->body);
    rest_call_end(c);
}

static struct capture_wait *wait(struct call *c)
{
    c->capture_wait.fn = on_answer;
    rest_call_wait(c, WAITING_CAPTURES);
    return &c->capture_wait;
}

/* False: there is none of that name, and so it was answered. */
static bool find(struct call *c, struct capture_hub *out)
{
    struct slice name = rest_route_param(c, "eventHub");
    struct slice built_in = slice_str(c->service->config->hub->name);
    const struct event_hub *h = event_hub_find(c->service->doors.event_hubs, name);
    *out =
        h ? (struct capture_hub){h->stream, slice_str(h->name)} : (struct capture_hub){0, built_in};
    if (h || slice_eq_nocase(name, built_in)) return true;
    rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                      "there is no event hub of that name");
    return false;
}

void rest_capture_list(struct call *c)
{
    capture_list(c->service->doors.captures, c->service->lane, wait(c));
}

void rest_capture_get(struct call *c)
{
    struct capture_hub hub;
    if (find(c, &hub)) capture_get(c->service->doors.captures, c->service->lane, hub, wait(c));
}

void rest_capture_put(struct call *c)
{
    struct capture_hub hub;
    if (find(c, &hub))
        capture_put(c->service->doors.captures, c->service->lane, hub, buf_slice(&c->body),
                    wait(c));
}

void rest_capture_delete(struct call *c)
{
    struct capture_hub hub;
    if (find(c, &hub)) capture_delete(c->service->doors.captures, c->service->lane, hub, wait(c));
}
