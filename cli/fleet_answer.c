/* fleet_answer.c - see fleet_answer.h. */
#include "cli/fleet_answer.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/fleet_report.h"

static const struct fleet_answers *answers_of(const struct fleet_device *d)
{
    return &d->fleet->plan->answers;
}

bool fleet_answer_waits(const struct fleet_device *d)
{
    return answers_of(d)->reported.len && !d->reported;
}

/* At QoS 0: the answer tells, and without one it is said again on the next connection. */
static enum err report(struct fleet_device *d)
{
    const struct link_message m = {.topic =
                                       SLICE_LIT("$iothub/twin/PATCH/properties/reported/?$rid=1"),
                                   .payload = answers_of(d)->reported};
    return fleet_answer_waits(d) ? link_publish(&d->link, &m) : OK;
}

enum err fleet_answer_listen(struct fleet_device *d)
{
    struct buf bound = {0};
    struct mqtt_filter filters[3];
    size_t count = 0;
    if (answers_of(d)->methods)
        filters[count++] = (struct mqtt_filter){SLICE_LIT("$iothub/methods/POST/#"), 0};
    if (fleet_answer_waits(d))
        filters[count++] = (struct mqtt_filter){SLICE_LIT("$iothub/twin/res/#"), 0};
    if (answers_of(d)->messages) {
        fleet_device_put_topic(&bound, d->identity, "/messages/devicebound/#");
        filters[count++] = (struct mqtt_filter){buf_slice(&bound), 1};
    }
    enum err e = OK;
    if (count) e = link_subscribe(&d->link, fleet_device_packet_id(d), filters, count);
    buf_free(&bound);
    return e == OK ? report(d) : e;
}

void fleet_answer_granted(struct fleet_device *d, const struct link_event *ev)
{
    if (ev->refused)
        fleet_complain(d->fleet, "device '%.*s' may not listen to methods or messages",
                       SLICE_ARG(d->identity->device));
}

/* ---- methods: $iothub/methods/POST/{name}/?$rid={rid} */

struct request {
    struct slice name, rid, payload;
};

static bool read_request(const struct link_event *ev, struct request *out)
{
    const struct slice before = SLICE_LIT("$iothub/methods/POST/"), mark = SLICE_LIT("?$rid=");
    if (!slice_starts(ev->topic, before)) return false;
    struct slice rest = slice_from(ev->topic, before.len);
    *out = (struct request){.payload = ev->payload};
    if (!slice_split(&rest, '/', &out->name) || !slice_starts(rest, mark)) return false;
    out->rid = slice_from(rest, mark.len);
    return true;
}

static void put_answer(struct buf *out, const struct request *r)
{
    buf_put_str(out, "{\"methodName\":");
    text_json_untrusted(out, r->name);
    buf_put_str(out, ",\"methodRequestId\":");
    text_json_untrusted(out, r->rid);
    buf_put_str(out, ",\"methodRequestPayload\":");
    buf_put_slice(out, r->payload.len ? r->payload : SLICE_LIT("null"));
    buf_put_u8(out, '}');
}

static enum err answer(struct fleet_device *d, const struct request *r)
{
    const struct fleet_answers *a = answers_of(d);
    struct buf topic = {0}, body = {0};
    buf_printf(&topic, "$iothub/methods/res/%d/?$rid=%.*s", a->method_status, SLICE_ARG(r->rid));
    if (a->method_payload.ptr)
        buf_put_slice(&body, a->method_payload);
    else
        put_answer(&body, r);
    const struct link_message m = {.topic = buf_slice(&topic), .payload = buf_slice(&body)};
    enum err e = link_publish(&d->link, &m);
    if (e == OK) d->fleet->result->methods++;
    fleet_tell(d->fleet, d->identity->device, "method", r->name, r->payload);
    buf_free(&topic);
    buf_free(&body);
    return e;
}

/* ---- reported properties: $iothub/twin/res/{status}/?$rid={rid} */

static bool read_outcome(const struct link_event *ev, struct slice *status)
{
    const struct slice before = SLICE_LIT("$iothub/twin/res/");
    if (!slice_starts(ev->topic, before)) return false;
    *status = slice_from(ev->topic, before.len);
    status->len = slice_find(*status, '/');
    return true;
}

static void take_outcome(struct fleet_device *d, struct slice status, struct slice body)
{
    struct fleet *f = d->fleet;
    d->reported = true;
    if (slice_starts(status, SLICE_LIT("2"))) {
        f->result->reported++;
        return;
    }
    struct buf text = {0};
    text_json_untrusted(&text, slice_head(body, 100));
    snprintf(f->unreported, sizeof f->unreported, "%.*s %s", SLICE_ARG(slice_head(status, 8)),
             buf_cstr(&text));
    buf_free(&text);
}

/* ---- messages: devices/{id}/messages/devicebound/{bag} */

static bool is_message(const struct fleet_device *d, struct slice topic)
{
    struct buf bound = {0};
    fleet_device_put_topic(&bound, d->identity, "/messages/devicebound/");
    bool is = slice_starts(topic, buf_slice(&bound));
    buf_free(&bound);
    return is;
}

enum err fleet_answer_take(struct fleet_device *d, const struct link_event *ev)
{
    struct request r;
    struct slice status;
    if (answers_of(d)->methods && read_request(ev, &r)) return answer(d, &r);
    if (fleet_answer_waits(d) && read_outcome(ev, &status)) take_outcome(d, status, ev->payload);
    if (!answers_of(d)->messages || !is_message(d, ev->topic)) return OK;
    if (ev->packet_id) link_ack(&d->link, ev->packet_id);
    d->fleet->result->messages++;
    fleet_tell(d->fleet, d->identity->device, "message", SLICE_NONE, ev->payload);
    return OK;
}
