/* groups.c - consumer groups of the built-in event hub, the hub's stream 0, and of others.
 *
 * Source: ARM IotHubResource, ".../eventHubEndpoints/events/ConsumerGroups/{name}": name and
 *         properties.created. */
#include "base/clock.h"
#include "base/text.h"
#include "front/rest/call.h"

enum { BUILT_IN_STREAM = 0 };

/* False: the path names an event hub that is not there, and that is answered. */
static bool find_stream(struct call *c, unsigned *stream)
{
    struct slice name = rest_route_optional(c, "hub");
    *stream = BUILT_IN_STREAM;
    if (name.ptr == NULL) return true;
    const struct event_hub *h = event_hub_find(c->service->doors.event_hubs, name);
    if (h) *stream = h->stream;
    if (h == NULL)
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "there is no such event hub");
    return h != NULL;
}

struct listing {
    struct buf json;
    struct slice only; /* ptr NULL: all of them */
    unsigned count;
};

static void put_group(void *ctx, const char *name, int64_t created_us)
{
    struct listing *l = ctx;
    char created[CLOCK_ISO_LEN + 1];
    if (l->only.ptr && !slice_eq_nocase(l->only, slice_str(name))) return;
    clock_iso(created_us, created);
    if (l->count++) buf_put_u8(&l->json, ',');
    buf_put_str(&l->json, "{\"name\":");
    text_json_string(&l->json, slice_str(name));
    buf_printf(&l->json, ",\"properties\":{\"created\":\"%s\"}}", created);
}

void rest_group_list(struct call *c)
{
    struct listing l = {0};
    unsigned stream;
    if (!find_stream(c, &stream)) return;
    buf_put_u8(&l.json, '[');
    consumer_group_list(c->service->doors.groups, stream, put_group, &l);
    buf_put_u8(&l.json, ']');
    rest_answer_json(c, buf_slice(&l.json));
    buf_free(&l.json);
}

static void answer_group(struct call *c)
{
    struct listing l = {.only = rest_route_param(c, "name")};
    unsigned stream;
    if (!find_stream(c, &stream)) return;
    consumer_group_list(c->service->doors.groups, stream, put_group, &l);
    if (l.count)
        rest_answer_json(c, buf_slice(&l.json));
    else
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), "there is no such group");
    buf_free(&l.json);
}

void rest_group_get(struct call *c)
{
    answer_group(c);
}

/* ---- changes */

static void answer_error(struct call *c, enum err e)
{
    switch (e) {
    case ERR_INVALID:
        rest_answer_status(
            c, STATUS_ARGUMENT_INVALID,
            "a group's name has 1 to 50 letters, digits, '.', '-' and '_', begins and ends "
            "with a letter or digit; $Default stays as it is");
        break;
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION), "there is no such group");
        break;
    case ERR_FULL:
        rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED),
                          "there are as many consumer groups as there may be");
        break;
    default: rest_answer_status(c, status_of_err(e), "the consumer groups cannot be changed now");
    }
}

static void on_created(struct consumer_group_wait *w, enum err e)
{
    struct call *c = CONTAINER_OF(w, struct call, group_wait);
    rest_call_resume(c);
    if (e == OK)
        answer_group(c);
    else
        answer_error(c, e);
    rest_call_end(c);
}

static void on_deleted(struct consumer_group_wait *w, enum err e)
{
    struct call *c = CONTAINER_OF(w, struct call, group_wait);
    rest_call_resume(c);
    if (e == OK)
        rest_answer_nothing(c);
    else
        answer_error(c, e);
    rest_call_end(c);
}

void rest_group_put(struct call *c)
{
    unsigned stream;
    if (!find_stream(c, &stream)) return;
    c->group_wait.fn = on_created;
    rest_call_wait(c, WAITING_GROUPS);
    consumer_group_create(c->service->doors.groups, stream, rest_route_param(c, "name"),
                          &c->group_wait);
}

void rest_group_delete(struct call *c)
{
    unsigned stream;
    if (!find_stream(c, &stream)) return;
    c->group_wait.fn = on_deleted;
    rest_call_wait(c, WAITING_GROUPS);
    consumer_group_delete(c->service->doors.groups, stream, rest_route_param(c, "name"),
                          &c->group_wait);
}
