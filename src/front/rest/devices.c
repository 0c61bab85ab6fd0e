/* devices.c - device and module identities: IoT Hub service REST API, "Devices", "Modules" and
 * "Statistics".
 *
 * A device may read and write its own modules; the identity service of IoT Edge does. */
#include "base/num.h"
#include "front/rest/call.h"

static void on_answer(struct registry_wait *w, const struct registry_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, registry_wait);
    rest_call_resume(c);
    rest_diagnose_identity(c, a->status);
    rest_answer_registry(c, a);
    rest_call_end(c);
}

struct registry_wait *rest_device_wait(struct call *c)
{
    c->registry_wait.fn = on_answer;
    rest_call_wait(c, WAITING_REGISTRY);
    return &c->registry_wait;
}

static struct slice if_match(const struct call *c)
{
    return http1_header(c->request, "if-match");
}

static void get(struct call *c, struct registry_wait *w)
{
    registry_get(c->service->doors.registry, buf_slice(&c->who), w);
}

static void put(struct call *c, struct registry_wait *w)
{
    registry_put(c->service->doors.registry, buf_slice(&c->who), if_match(c), buf_slice(&c->body),
                 w);
}

static void delete(struct call *c, struct registry_wait *w)
{
    registry_delete(c->service->doors.registry, buf_slice(&c->who), if_match(c), w);
}

/* ---- devices */

void rest_device_get(struct call *c)
{
    if (rest_route_who(c)) get(c, rest_device_wait(c));
}

void rest_device_put(struct call *c)
{
    if (rest_route_who(c)) put(c, rest_device_wait(c));
}

void rest_device_delete(struct call *c)
{
    if (rest_route_who(c)) delete (c, rest_device_wait(c));
}

void rest_device_bulk(struct call *c)
{
    struct registry_wait *w = rest_device_wait(c);
    w->by = rest_access_by(c);
    registry_bulk(c->service->doors.registry, buf_slice(&c->body), w);
}

static bool has_rekeying(struct call *c)
{
    struct buf version = {0};
    bool fine = rest_query_get(c, "api-version", &version) &&
                slice_cmp(buf_slice(&version), SLICE_LIT("2024-03-31")) >= 0;
    buf_free(&version);
    if (!fine)
        rest_answer_status(c, STATUS_INVALID_PROTOCOL_VERSION,
                           "keys are made anew as of api-version 2024-03-31");
    return fine;
}

void rest_device_rekey(struct call *c)
{
    if (has_rekeying(c))
        registry_rekey(c->service->doors.registry, buf_slice(&c->body), rest_device_wait(c));
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
        registry_list(c->service->doors.registry, (unsigned)top, rest_device_wait(c));
    else
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "top is a number from 1 to 1000");
}

/* ---- modules */

static void on_module_answer(struct registry_wait *w, const struct registry_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, registry_wait);
    rest_call_resume(c);
    rest_diagnose_identity(c, a->status);
    rest_answer_module(c, a);
    rest_call_end(c);
}

struct registry_wait *rest_module_wait(struct call *c)
{
    struct registry_wait *w = rest_device_wait(c);
    w->fn = on_module_answer;
    w->token = c->device_token;
    return w;
}

void rest_module_list(struct call *c)
{
    if (rest_route_who(c))
        registry_list_modules(c->service->doors.registry, buf_slice(&c->who), rest_module_wait(c));
}

void rest_module_get(struct call *c)
{
    if (rest_route_who(c)) get(c, rest_module_wait(c));
}

void rest_module_put(struct call *c)
{
    if (rest_route_who(c)) put(c, rest_module_wait(c));
}

void rest_module_delete(struct call *c)
{
    if (rest_route_who(c)) delete (c, rest_module_wait(c));
}

/* ---- statistics */

void rest_statistics_devices(struct call *c)
{
    registry_count_devices(c->service->doors.registry, rest_device_wait(c));
}

void rest_statistics_service(struct call *c)
{
    registry_count_connected(c->service->doors.registry, rest_device_wait(c));
}
