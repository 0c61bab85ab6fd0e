/* commands.c - the queue of a device's cloud-to-device messages: IoT Hub service REST API,
 * "Cloud To Device Messages". */
#include "base/text.h"
#include "front/rest/call.h"

static void on_purged(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, c2d_wait);
    struct buf json = {0};
    rest_call_resume(c);
    if (a->status == STATUS_OK) {
        buf_put_str(&json, "{\"deviceId\":");
        text_json_string(&json, rest_route_param(c, "id"));
        buf_printf(&json, ",\"moduleId\":null,\"totalMessagesPurged\":%u}", a->count);
        rest_answer_json(c, buf_slice(&json));
    } else {
        rest_answer_status(c, a->status, a->text);
    }
    buf_free(&json);
    rest_call_end(c);
}

void rest_commands_purge(struct call *c)
{
    struct slice id = rest_route_param(c, "id");
    if (!hub_id_valid(id)) {
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "a device id has 1 to 128 characters");
        return;
    }
    c->c2d_wait.fn = on_purged;
    rest_call_wait(c, WAITING_C2D);
    c2d_purge(c->service->doors.c2d, id, &c->c2d_wait);
}
