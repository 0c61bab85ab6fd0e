/* transfers.c - import and export jobs: IoT Hub service REST API, "Bulk registry". */
#include "front/rest/call.h"

static void on_answer(struct transfer_wait *w, const struct transfer_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, transfer_wait);
    struct buf text = {0};
    rest_call_resume(c);
    buf_put_slice(&text, a->text);
    if (a->status != STATUS_OK)
        rest_answer_status(c, a->status, buf_cstr(&text));
    else if (a->body.len)
        rest_answer_json(c, a->body);
    else
        rest_answer_nothing(c);
    buf_free(&text);
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
    transfer_create(c->service->transfers, buf_slice(&c->body), wait(c));
}

void rest_transfer_get(struct call *c)
{
    transfer_get(c->service->transfers, rest_route_param(c, "job"), wait(c));
}

void rest_transfer_list(struct call *c)
{
    transfer_list(c->service->transfers, wait(c));
}

void rest_transfer_cancel(struct call *c)
{
    transfer_cancel(c->service->transfers, rest_route_param(c, "job"), wait(c));
}
