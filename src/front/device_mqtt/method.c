/* method.c - direct methods: the request as a PUBLISH at QoS 0, the answer as one by the device.
 *
 *   $iothub/methods/POST/{name}/?$rid={rid}      nothing may stand behind the rid (csharp, c)
 *   $iothub/methods/res/{status}/?$rid={rid}
 */
#include "base/num.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/topic.h"

static void send(struct device *d, const struct method_request *r, uint64_t number)
{
    char rid[METHOD_RID_MAX + 1];
    struct buf topic = {0};
    method_rid_text(number, rid);
    buf_printf(&topic, "$iothub/methods/POST/%.*s/?$rid=%s", SLICE_ARG(r->name), rid);
    struct mqtt_publish p = {.topic = buf_slice(&topic), .payload = r->payload};
    device_send(d, &p);
    buf_free(&topic);
}

void device_method(struct session *session, const struct method_request *r)
{
    struct device *d = CONTAINER_OF(session, struct device, session);
    uint64_t rid;
    if (d->state != DEVICE_OPEN)
        method_refuse(&d->calls, r, STATUS_DEVICE_NOT_ONLINE);
    else if (conn_congested(d->conn))
        method_refuse(&d->calls, r, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    else if (method_begin(&d->calls, r, &rid))
        send(d, r, rid);
}

void device_method_response(struct device *d, const struct topic *t, const struct mqtt_publish *p)
{
    uint64_t rid = method_rid_of(t->rid);
    int64_t status;
    if (num_i64(t->status, &status) == OK && status >= INT32_MIN && status <= INT32_MAX)
        method_answer(&d->calls, rid, (int32_t)status, p->payload);
    else
        method_answer_invalid(&d->calls, rid);
    device_acknowledge(d, p->packet_id);
}
