/* devices.c - device identities: IoT Hub service REST API, "Devices" and "Statistics". */
#include "base/num.h"
#include "front/rest/call.h"

static void on_answer(struct registry_wait *w, const struct registry_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, registry_wait);
    rest_call_resume(c);
    rest_answer_registry(c, a);
    rest_call_end(c);
}

static struct registry_wait *wait(struct call *c)
{
    c->registry_wait.fn = on_answer;
    rest_call_wait(c, WAITING_REGISTRY);
    return &c->registry_wait;
}

static struct slice if_match(const struct call *c)
{
    return http1_header(c->request, "if-match");
}

void rest_device_get(struct call *c)
{
    registry_get(c->service->registry, rest_route_param(c, "id"), wait(c));
}

void rest_device_put(struct call *c)
{
    registry_put(c->service->registry, rest_route_param(c, "id"), if_match(c), buf_slice(&c->body),
                 wait(c));
}

void rest_device_delete(struct call *c)
{
    registry_delete(c->service->registry, rest_route_param(c, "id"), if_match(c), wait(c));
}

void rest_device_bulk(struct call *c)
{
    registry_bulk(c->service->registry, buf_slice(&c->body), wait(c));
}

void rest_device_list(struct call *c)
{
    struct buf text = {0};
    uint64_t top = 0;
    bool given = rest_query_get(c, "top", &text);
    bool usable =
        !given || (num_u64(buf_slice(&text), &top) == OK && top >= 1 && top <= REGISTRY_LIST_MAX);
    buf_free(&text);
    if (usable)
        registry_list(c->service->registry, (unsigned)top, wait(c));
    else
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "top is a number from 1 to 1000");
}

void rest_statistics_devices(struct call *c)
{
    registry_count_devices(c->service->registry, wait(c));
}

void rest_statistics_service(struct call *c)
{
    registry_count_connected(c->service->registry, wait(c));
}
