/* transfers.c - import and export jobs: IoT Hub service REST API, "Bulk registry". */
#include <string.h>

#include "base/text.h"
#include "front/rest/call.h"

static void on_answer(struct transfer_wait *w, const struct transfer_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, transfer_wait);
    rest_call_resume(c);
    rest_answer_outcome(c, a->status, a->text, a->body);
    rest_call_end(c);
}

static struct transfer_wait *wait(struct call *c)
{
    c->transfer_wait.fn = on_answer;
    rest_call_wait(c, WAITING_TRANSFERS);
    return &c->transfer_wait;
}

void rest_transfer_create(struct call *c)
{
    transfer_create(c->service->doors.transfers, buf_slice(&c->body), wait(c));
}

void rest_transfer_get(struct call *c)
{
    transfer_get(c->service->doors.transfers, rest_route_param(c, "job"), wait(c));
}

void rest_transfer_list(struct call *c)
{
    transfer_list(c->service->doors.transfers, wait(c));
}

void rest_transfer_cancel(struct call *c)
{
    transfer_cancel(c->service->doors.transfers, rest_route_param(c, "job"), wait(c));
}

/* ---- the hub's own container */

static void put_host(struct buf *out, const struct call *c)
{
    const struct rest_config *config = c->service->config;
    unsigned port = config->https_port;
    text_url_host(out, config->hub->hosts[0]);
    if (port && port != 443) buf_printf(out, ":%u", port);
}

void rest_transfer_container(struct call *c)
{
    struct buf host = {0}, uri = {0}, json = {0};
    put_host(&host, c);
    if (transfer_put_container(c->service->doors.transfers, buf_slice(&host), &uri)) {
        buf_put_str(&json, "{\"uri\":");
        text_json_string(&json, buf_slice(&uri));
        buf_put_u8(&json, '}');
        rest_answer_json(c, buf_slice(&json));
    } else {
        rest_answer_named(c, 404, "ContainerNotFound",
                          "this hub has no container of its own: its files go elsewhere");
    }
    buf_free(&host);
    buf_free(&uri);
    buf_free(&json);
}
