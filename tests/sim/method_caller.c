/* method_caller.c - a service that calls methods over HTTPS, one after the other. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "method.h"

enum { PAUSE_US_MAX = 60000, CONNECT_S_MAX = 3, RESPONSE_S = 5 };
#define SLACK_US (4 * 1000000ll) /* links that stall, a client that reads nothing for a while */

static struct method_caller *of(struct http_peer *p)
{
    return CONTAINER_OF(p, struct method_caller, peer);
}

static void next(void *ctx, uint64_t connect)
{
    struct method_caller *c = ctx;
    if (!http_peer_idle(&c->peer) || c->peer.client.connects != connect || c->answers >= c->goal)
        return;
    const char *device = method_devices[world_random(METHOD_DEVICES)];
    unsigned connect_s = (unsigned)world_random(CONNECT_S_MAX + 1);
    struct buf token = {0}, headers = {0}, path = {0}, body = {0};
    c->number = model_method_call(c->model, device,
                                  world.now_us + (connect_s + RESPONSE_S) * 1000000ll + SLACK_US);
    sim_hub_token(c->peer.client.hub, "service", "", &token);
    buf_printf(&headers, "Authorization: %.*s\r\nContent-Type: application/json\r\n",
               SLICE_ARG(buf_slice(&token)));
    buf_printf(&path, "/twins/%s/methods?api-version=2021-04-12", device);
    buf_printf(&body,
               "{\"methodName\":\"turn\",\"responseTimeoutInSeconds\":%d,"
               "\"connectTimeoutInSeconds\":%u,\"payload\":%u}",
               RESPONSE_S, connect_s, c->number);
    http_peer_ask(&c->peer, "POST", buf_cstr(&path), buf_cstr(&headers), buf_slice(&body));
    buf_free(&token);
    buf_free(&headers);
    buf_free(&path);
    buf_free(&body);
}

static void go_on(struct http_peer *p)
{
    world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), next, of(p), p->client.connects);
}

static void on_result(struct method_caller *c, struct slice body)
{
    struct arena a = {0};
    struct json *j = NULL;
    int64_t status = 0, result = 0;
    const struct json *s = NULL, *r = NULL;
    if (json_parse(&a, body, &j) == OK) {
        s = json_get(j, "status");
        r = json_get(j, "payload");
    }
    if (s == NULL || r == NULL || json_i64(s, &status) != OK || json_i64(r, &result) != OK)
        world_violated("call %u: answer %.*s", c->number, SLICE_ARG(body));
    else
        model_method_result(c->model, c->number, status, result);
    c->answers++;
    arena_free(&a);
}

static void answered(struct http_peer *p, const struct http_answer *a)
{
    struct method_caller *c = of(p);
    if (a->status == 200)
        on_result(c, a->body);
    else
        model_method_failed(c->model, c->number, a->status);
    go_on(p);
}

static void lost(struct http_peer *p)
{
    (void)p; /* whatever becomes of the call, nobody hears of it */
}

void method_caller_init(struct method_caller *c, struct model_method *m, struct sim_hub *hub,
                        unsigned goal)
{
    static const struct http_actor actor = {go_on, answered, lost};
    *c = (struct method_caller){.model = m, .goal = goal};
    http_peer_init(&c->peer, &actor, hub);
}
