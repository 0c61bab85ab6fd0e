/* twins.c - device and module twins: IoT Hub service REST API, "Devices" and "Modules". */
#include "front/rest/call.h"

static void on_answer(struct twin_wait *w, const struct twin_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, twin_wait);
    rest_call_resume(c);
    rest_answer_registry(
        c, &(struct registry_answer){
               .status = a->status, .etag = a->etag, .body = a->body, .text = a->text});
    rest_call_end(c);
}

static struct twin_wait *wait(struct call *c)
{
    c->twin_wait.fn = on_answer;
    rest_call_wait(c, WAITING_TWINS);
    return &c->twin_wait;
}

void rest_twin_get(struct call *c)
{
    if (rest_route_who(c)) twin_get(c->service->doors.twins, buf_slice(&c->who), wait(c));
}

static void change(struct call *c, enum twin_write how)
{
    struct slice if_match = http1_header(c->request, "if-match");
    if (!rest_route_who(c)) return;
    c->twin_wait.by = rest_access_by(c);
    twin_write(c->service->doors.twins, buf_slice(&c->who), how, if_match, buf_slice(&c->body),
               wait(c));
}

void rest_twin_patch(struct call *c)
{
    change(c, TWIN_MERGE);
}

void rest_twin_put(struct call *c)
{
    change(c, TWIN_REPLACE);
}

void rest_twin_patch_desired(struct call *c)
{
    change(c, TWIN_MERGE_DESIRED);
}

void rest_twin_put_desired(struct call *c)
{
    change(c, TWIN_REPLACE_DESIRED);
}

void rest_twin_put_tags(struct call *c)
{
    change(c, TWIN_REPLACE_TAGS);
}

void rest_twin_history(struct call *c)
{
    if (rest_route_who(c)) twin_history(c->service->doors.twins, buf_slice(&c->who), wait(c));
}
