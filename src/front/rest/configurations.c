/* configurations.c - automatic device management: IoT Hub service REST API, "Configuration". */
#include "front/rest/call.h"

static void on_answer(struct configuration_wait *w, const struct configuration_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, configuration_wait);
    rest_call_resume(c);
    rest_diagnose_configuration(c, a->status);
    rest_answer_registry(
        c, &(struct registry_answer){
               .status = a->status, .etag = a->etag, .body = a->body, .text = a->text});
    rest_call_end(c);
}

static struct configuration_wait *wait(struct call *c)
{
    c->configuration_wait.fn = on_answer;
    rest_call_wait(c, WAITING_CONFIGURATIONS);
    return &c->configuration_wait;
}

/* `top` is read by nobody: a real hub lists all, too. */
void rest_configuration_list(struct call *c)
{
    configuration_list(c->service->doors.configurations, wait(c));
}

void rest_configuration_get(struct call *c)
{
    configuration_get(c->service->doors.configurations, rest_route_param(c, "configuration"),
                      wait(c));
}

void rest_configuration_put(struct call *c)
{
    configuration_put(c->service->doors.configurations, rest_route_param(c, "configuration"),
                      http1_header(c->request, "if-match"), buf_slice(&c->body), wait(c));
}

void rest_configuration_delete(struct call *c)
{
    configuration_delete(c->service->doors.configurations, rest_route_param(c, "configuration"),
                         http1_header(c->request, "if-match"), wait(c));
}

void rest_configuration_test(struct call *c)
{
    configuration_test(c->service->doors.configurations, buf_slice(&c->body), wait(c));
}

void rest_configuration_apply(struct call *c)
{
    configuration_apply(c->service->doors.configurations, rest_route_param(c, "id"),
                        buf_slice(&c->body), wait(c));
}
