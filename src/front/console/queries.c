/* queries.c - /admin/v1/saved-queries: questions to the fleet that have a name. */
#include <stdlib.h>

#include "base/mem.h"
#include "front/console/parts.h"
#include "hub/saved_query/saved_query.h"

struct asked {
    struct saved_query_wait wait;
    struct call *call;
};

static void forget(struct call *c)
{
    struct asked *a = c->own;
    if (a == NULL) return;
    saved_query_forget(c->service->lane, &a->wait);
    free(a);
    c->own = NULL;
}

static void answer_error(struct call *c, enum err e, const char *text)
{
    switch (e) {
    case ERR_NOT_FOUND:
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "there is no such saved query");
        break;
    case ERR_FULL:
        rest_answer_named(c, 403, status_name(STATUS_QUOTA_EXCEEDED),
                          "there are 100 saved queries: delete one first");
        break;
    default: rest_answer_status(c, status_of_err(e), text);
    }
}

static void on_answer(struct saved_query_wait *w, enum err e, struct slice json)
{
    struct call *c = CONTAINER_OF(w, struct asked, wait)->call;
    rest_call_resume(c);
    if (e != OK)
        answer_error(c, e, "saved queries cannot be reached now");
    else if (json.ptr)
        rest_answer_json(c, json);
    else
        rest_answer_nothing(c);
    rest_call_end(c);
}

static struct saved_query_wait *asks(struct call *c)
{
    struct asked *a = NEW(struct asked);
    a->wait.fn = on_answer;
    a->call = c;
    c->own = a;
    c->forget = forget;
    return &a->wait;
}

void queries_list(struct call *c)
{
    struct saved_query_wait *w = asks(c);
    rest_call_wait(c, WAITING_SITE);
    saved_query_list(c->service->config->hub, c->service->lane, w);
}

void queries_put(struct call *c)
{
    struct saved_query_wait *w = asks(c);
    enum err e = saved_query_put(c->service->config->hub, c->service->lane,
                                 rest_route_param(c, "name"), buf_slice(&c->body), w);
    if (e == OK)
        rest_call_wait(c, WAITING_SITE);
    else
        answer_error(c, e, fail_text());
}

void queries_delete(struct call *c)
{
    struct saved_query_wait *w = asks(c);
    rest_call_wait(c, WAITING_SITE);
    saved_query_delete(c->service->config->hub, c->service->lane, rest_route_param(c, "name"), w);
}
