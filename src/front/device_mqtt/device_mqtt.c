/* device_mqtt.c - an MQTT connection of a device.
 *
 *   greeting ──CONNECT──▶ opening ──granted──▶ open ──DISCONNECT, error, close──▶ over
 *       └──refused at once──▶ over  └──refused──▶ over
 *
 * Packets behind the CONNECT are kept by the engine until home has answered.
 */
#include "front/device_mqtt/device_mqtt.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "base/say.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/topic.h"

COUNTER(closed_for_fault, "azimuth_mqtt_closed_for_fault_total",
        "MQTT connections closed because of what they sent or failed to send");
LIMIT_REACHED(packet_too_large, "mqtt-packet")
COUNTER(not_acknowledged, "azimuth_mqtt_not_acknowledged_total",
        "MQTT connections closed because a message could not be made durable");

/* ---- ending */

void device_close(struct device *d)
{
    d->state = DEVICE_OVER;
    timer_stop(&d->timer);
    conn_close(d->conn);
}

void device_reject_unnoted(struct device *d, const char *reason)
{
    metric_inc(&closed_for_fault);
    say_debug("mqtt.closed", "device=%s peer=%s reason=\"%s\"", d->session.who, conn_peer(d->conn),
              reason);
    device_close(d);
}

/* ---- time: keep-alive, the credential's end, reports of activity */

void device_arm(struct device *d, int64_t now_us)
{
    int64_t due = d->paused & PAUSE_BY_HUB ? INT64_MAX : mqtt_deadline(&d->mqtt);
    if (d->state == DEVICE_OPEN) {
        if (d->ends_us != INT64_MAX) due = MIN(due, now_us + MAX(d->ends_us - clock_wall_us(), 0));
        due = MIN(due, d->report_us);
        if (d->paused & PAUSE_THROTTLE) due = MIN(due, d->held_until_us);
    }
    timer_set(&conn_lane(d->conn)->timers, &d->timer, due);
}

static void report_activity(struct device *d, int64_t now_us)
{
    if (now_us < d->report_us) return;
    if (d->active) session_active(&d->session);
    d->active = false;
    d->report_us = now_us + SESSION_REPORT_S * 1000000ll;
}

/* Before its CONNECT it has promised nothing. */
static void reject_silence(struct device *d)
{
    char observed[100];
    if (d->state != DEVICE_OPEN) {
        device_reject(d, fail_text());
        return;
    }
    snprintf(observed, sizeof observed, "no packet for %u s; the client promised one every %u s",
             d->mqtt.keep_alive_s * 3u / 2, d->mqtt.keep_alive_s);
    device_reject_for(d, REFUSAL_KEEPALIVE, observed, NULL);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct device *d = CONTAINER_OF(t, struct device, timer);
    if (d->state == DEVICE_OPEN) device_release(d, now_us);
    bool open = d->state == DEVICE_OPEN;
    if (d->state == DEVICE_OVER) return;
    if (open) report_activity(d, now_us);
    if (open && clock_wall_us() >= d->ends_us)
        device_reject_for(d, REFUSAL_TOKEN_RENEWAL, "the token has expired", NULL);
    else if (!(d->paused & PAUSE_BY_HUB) && mqtt_tick(&d->mqtt, now_us) != OK)
        reject_silence(d);
    else
        device_arm(d, now_us);
}

/* ---- telemetry */

/* Durable, or refused.  Packet id 0: QoS 0, nobody waits. */
static void on_stored(struct lane *core, struct addr who, uint64_t packet_id, enum err result)
{
    struct session *s = slot_get(core, who);
    if (s == NULL) return;
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (d->state != DEVICE_OPEN) return;
    if (result != OK) {
        metric_inc(&not_acknowledged);
        device_reject_for(
            d, result == ERR_THROTTLED ? REFUSAL_THROTTLED : REFUSAL_WE_CLOSED,
            result == ERR_THROTTLED ? "the log is behind" : "the log takes no messages", NULL);
    } else {
        device_telemetry_done(d, (uint16_t)packet_id);
    }
}

static void wait_for_room(struct device *d)
{
    if (list_linked(&d->waiting)) return;
    device_pause(d, PAUSE_LOG);
    list_push(&d->service->waiting, &d->waiting);
}

void device_mqtt_relief(struct device_mqtt_service *service)
{
    struct list *node;
    while ((node = list_shift(&service->waiting)) != NULL)
        device_resume(CONTAINER_OF(node, struct device, waiting), PAUSE_LOG);
}

/* `mark`, when there is one, is added to the application properties. */
static enum err submit(struct device *d, const struct mqtt_publish *p, struct slice bag,
                       const struct property *mark)
{
    struct device_mqtt_service *service = d->service;
    struct quota *quota = service->telemetry.hub->quota;
    struct envelope message = {.body = p->payload};
    TRY(telemetry_parse_bag(bag, &service->scratch, service->space, &message));
    if (mark && message.property_count < TELEMETRY_PROPERTIES_MAX)
        message.properties[message.property_count++] = *mark;
    if (quota && !quota_take(quota, telemetry_size(&message)))
        return fail(ERR_FULL, "the messages of the day are used up");
    TRY(telemetry_submit(&service->telemetry, &d->sender, &message, clock_wall_us(), on_stored,
                         d->session.slot, p->packet_id));
    d->telemetry_sent++;
    device_mqtt_inject(d, &message);
    return OK;
}

static void on_telemetry(struct device *d, const struct mqtt_publish *p, struct slice bag)
{
    static const struct property retained = {{(const uint8_t *)"mqtt-retain", 11},
                                             {(const uint8_t *)"true", 4}};
    const char *fault = device_fault_of_telemetry(d);
    enum telemetry_fate fate = TELEMETRY_STORED;
    enum err e = OK;
    if (fault) {
        device_reject(d, fault);
        return;
    }
    telemetry_arrived(HUB_MQTT, 1);
    if (!device_take(d, THROTTLE_TELEMETRY)) {
        fate = TELEMETRY_THROTTLED;
        device_reject_for(d, REFUSAL_THROTTLED, "throttled: the devices of the hub send too much",
                          "less than the limit of DeviceTelemetry");
    } else if ((e = submit(d, p, bag, p->retain ? &retained : NULL)) != OK) {
        fate = TELEMETRY_REFUSED;
        device_reject_for(d, e == ERR_FULL ? REFUSAL_QUOTA : REFUSAL_PROTOCOL, fail_text(), NULL);
    } else if (log_writer_full(d->service->telemetry.writer)) {
        wait_for_room(d);
    }
    if (fate != TELEMETRY_STORED) telemetry_turned_away(HUB_MQTT, fate, 1);
}

static void reject_topic(struct device *d, struct slice topic)
{
    char nearest[3 * HUB_WHO_LEN_MAX + 64];
    topic_nearest(topic, slice_str(d->session.who), nearest, sizeof nearest);
    fail(ERR_DENIED, "PUBLISH to '%.*s'", SLICE_ARG(slice_head(topic, 200)));
    device_reject_for(d, REFUSAL_PROTOCOL, fail_text(), nearest);
}

static void on_publish(struct device *d, const struct mqtt_publish *p)
{
    struct topic t = topic_parse(p->topic, slice_str(d->session.who));
    if (p->qos == 2)
        device_reject_for(d, REFUSAL_PROTOCOL, "PUBLISH with QoS 2", "QoS 0 or 1");
    else if (t.kind == TOPIC_EVENTS)
        on_telemetry(d, p, t.bag);
    else if (t.kind == TOPIC_METHOD_RESPONSE && d->service->doors.methods)
        device_method_response(d, &t, p);
    else if ((t.kind == TOPIC_TWIN_GET || t.kind == TOPIC_TWIN_REPORTED) && d->service->doors.twins)
        device_twin(d, &t, p);
    else
        reject_topic(d, p->topic);
}

/* The connection ended without DISCONNECT: what the device left as its will is its last message. */
static void submit_will(struct device *d)
{
    static const struct property will_mark = {{(const uint8_t *)"iothub-MessageType", 18},
                                              {(const uint8_t *)"Will", 4}};
    const struct will *w = d->will;
    struct mqtt_publish p = {.topic = slice_of(w->bytes, w->topic_len),
                             .payload = slice_of(w->bytes + w->topic_len, w->payload_len)};
    struct topic t = topic_parse(p.topic, slice_str(d->session.who));
    if (t.kind != TOPIC_EVENTS)
        say_debug("mqtt.will", "device=%s reason=\"not a telemetry topic\"", d->session.who);
    else if (submit(d, &p, t.bag, &will_mark) != OK)
        say_debug("mqtt.will", "device=%s reason=\"%s\"", d->session.who, fail_text());
}

/* ---- packets */

static void on_disconnect(struct device *d)
{
    free(d->will);
    d->will = NULL;
    device_close(d);
}

static void on_packet(struct device *d, struct mqtt_event *ev)
{
    switch (ev->kind) {
    case MQTT_CONNECT: device_connect(d, &ev->connect); break;
    case MQTT_PUBLISH: on_publish(d, &ev->publish); break;
    case MQTT_SUBSCRIBE: device_subscribe(d, &ev->subscribe); break;
    case MQTT_UNSUBSCRIBE: device_unsubscribe(d, &ev->subscribe); break;
    case MQTT_PINGREQ: mqtt_send_pingresp(&d->mqtt); break;
    case MQTT_DISCONNECT: on_disconnect(d); break;
    case MQTT_PUBACK: device_puback(d, ev->packet_id); break;
    default: device_reject(d, "a packet that devices do not send"); break;
    }
}

static void reject_packet(struct device *d, enum err e)
{
    if (e == ERR_TOO_BIG) metric_inc(&packet_too_large);
    device_reject(d, fail_text());
}

/* The engine and what it holds went with the connection. */
static void leave(struct device *d)
{
    timer_stop(&d->timer);
    free(d);
}

void device_process(struct device *d, int64_t now_us)
{
    struct mqtt_event ev;
    enum err e = OK;
    while ((d->state == DEVICE_GREETING || d->state == DEVICE_OPEN) &&
           !(d->paused & PAUSE_THROTTLE) && (e = mqtt_next(&d->mqtt, &ev)) == OK) {
        if (ev.kind != MQTT_PUBLISH) conn_out(d->conn);
        on_packet(d, &ev);
    }
    if (d->state == DEVICE_PASSED)
        leave(d);
    else if (d->state == DEVICE_OPENING || (d->state == DEVICE_OPEN && d->paused & PAUSE_THROTTLE))
        mqtt_keep(&d->mqtt);
    else if (d->state != DEVICE_OVER && e != ERR_AGAIN)
        reject_packet(d, e);
    (void)now_us;
}

/* ---- front */

static void session_opened_(struct session *s, const struct session_opened *answer)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (d->state == DEVICE_OPENING) device_opened(d, answer);
}

static void session_close_(struct session *s, enum session_cause cause)
{
    struct device *d = CONTAINER_OF(s, struct device, session);
    if (d->state != DEVICE_OVER) device_reject_by_home(d, cause);
    /* Who took over is the same device, and alive: the Python SDK renews its token by a new CONNECT. */
    if (d->will && cause != SESSION_TAKEN_OVER) submit_will(d);
    free(d->will);
    d->will = NULL;
    method_calls_drop(&d->calls);
    session_end(s);
}

const struct session_owner device_session_owner = {
    .opened = session_opened_,
    .close = session_close_,
    .subscribed = device_subscribed,
    .method = device_method,
    .desired = device_desired,
    .message = device_message,
    .recall = device_recall,
};

static void *open_device(struct conn *c, void *listener_ctx, int64_t now_us)
{
    struct device *d = NEW(struct device);
    d->service = listener_ctx;
    d->conn = c;
    list_init(&d->waiting);
    list_init(&d->subscribing);
    list_init(&d->deferred);
    list_init(&d->kept);
    method_calls_init(&d->calls, d->service->doors.methods);
    device_twin_init(d);
    timer_init(&d->timer, on_timer);
    mqtt_init(&d->mqtt, &(struct mqtt_config){MQTT_SERVER, conn_buffer(c), 0}, now_us);
    device_arm(d, now_us);
    return d;
}

static void feed_device(void *self, struct slice bytes, int64_t now_us)
{
    struct device *d = self;
    if (d->state == DEVICE_OVER) return;
    d->active = true;
    mqtt_feed(&d->mqtt, bytes, now_us);
    device_process(d, now_us);
}

/* Also what it sent and is not looked at yet: that will be answered. */
static bool device_owes(const void *self)
{
    const struct device *d = self;
    if (d->state == DEVICE_OPENING) return true;
    return d->state == DEVICE_OPEN &&
           (d->paused & ~(unsigned)PAUSE_OUTPUT || d->telemetry_done != d->telemetry_sent ||
            d->twin.pending || !list_empty(&d->subscribing));
}

static void device_drained(void *self, int64_t now_us)
{
    (void)now_us;
    device_resume(self, PAUSE_OUTPUT);
    device_twin_drained(self);
    device_c2d_drained(self);
}

static void device_closed(void *self, enum err why, int64_t now_us)
{
    struct device *d = self;
    (void)now_us;
    if (d->state == DEVICE_OPEN) device_explain_end(d, why);
    d->state = DEVICE_OVER;
    if (d->will && d->session.granted) submit_will(d);
    method_calls_drop(&d->calls);
    session_end(&d->session);
    timer_stop(&d->timer);
    list_remove(&d->waiting);
    device_drop_subscribing(d);
    device_drop_deferred(d);
    device_twin_drop(d);
    device_drop_flight(d);
    device_drop_fault(d);
    telemetry_sender_fini(&d->sender);
    mqtt_fini(&d->mqtt);
    buf_free(&d->model_id);
    free(d->will);
    free(d);
}

const struct front device_mqtt_front = {
    .name = "mqtt",
    .open = open_device,
    .feed = feed_device,
    .owes = device_owes,
    .drained = device_drained,
    .closed = device_closed,
};

/* Inputs of modules are fed by edge hubs only: here, as on IoT Hub, the filter is granted and nothing
 * comes.  SDKs subscribe to it whatever the module does, and Node's fails if it is refused. */
static uint32_t offered_by(const struct device_mqtt_doors *doors)
{
    uint32_t offered = SESSION_INPUTS;
    if (doors->twins) offered |= SESSION_TWIN_RESPONSES | SESSION_DESIRED;
    if (doors->methods) offered |= SESSION_METHODS;
    if (doors->c2d) offered |= SESSION_C2D;
    return offered;
}

struct device_mqtt_service *device_mqtt_new(const struct device_mqtt_doors *doors)
{
    struct device_mqtt_service *service = NEW(struct device_mqtt_service);
    service->doors = *doors;
    service->offered = offered_by(doors);
    telemetry_init(&service->telemetry, doors->desk->hub, doors->desk->writer,
                   doors->desk->routing);
    list_init(&service->waiting);
    return service;
}

void device_mqtt_free(struct device_mqtt_service *service)
{
    if (service == NULL) return;
    buf_free(&service->scratch);
    free(service);
}
