/* twin.c - a device's twin: GET, reported PATCH, and desired PATCHes to the device.
 *
 *   $iothub/twin/GET/?$rid={rid}                                     ─▶  res/200/?$rid={rid}
 *   $iothub/twin/PATCH/properties/reported/?$rid={rid}[&$version=]   ─▶  res/204/?$rid={rid}&$version=
 *   $iothub/twin/PATCH/properties/desired/?$version={v}              ◀─  a service wrote them
 *
 * A request at QoS 1 is acknowledged when it was taken; that it is on disk the answer says.  What is
 * sent to the device goes at QoS 0, which every SDK takes (csharp insists on the order of others).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "base/num.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/topic.h"

COUNTER(pending_refused, "azimuth_mqtt_twin_pending_refused_total",
        "Twin requests refused because as many of the connection were under way");
COUNTER(behind, "azimuth_mqtt_twin_behind_total",
        "Connections closed because too many desired patches waited for them to be read");

/* A request under way. */
struct twin_request {
    struct list node; /* in device.twin.requests */
    struct device *device;
    struct twin_wait wait;
    bool reads;
    size_t rid_len;
    uint8_t rid[DEVICE_RID_MAX];
};

/* A desired patch that waits until the device reads again. */
struct waiting_patch {
    struct list node; /* in device.twin.patches */
    int64_t version;
    size_t len;
    uint8_t json[];
};

static struct twins *twins_of(const struct device *d)
{
    return d->service->doors.twins;
}

/* ---- answers */

static void send_answer(struct device *d, struct slice rid, unsigned status, int64_t version,
                        struct slice body)
{
    struct buf topic = {0};
    if (!device_listens(d, SESSION_TWIN_RESPONSES)) return;
    buf_printf(&topic, "$iothub/twin/res/%u/?$rid=%.*s", status, SLICE_ARG(rid));
    if (version) buf_printf(&topic, "&$version=%" PRId64, version);
    device_send(d, &(struct mqtt_publish){.topic = buf_slice(&topic), .payload = body});
    buf_free(&topic);
}

/* Node looks for errorCode in the body and for nothing else. */
static void send_error(struct device *d, struct slice rid, enum status status, struct slice text)
{
    struct buf body = {0};
    status_put_json(&body, status_number(status), text);
    send_answer(d, rid, status_http(status), 0, buf_slice(&body));
    buf_free(&body);
}

static void send_twin(struct device *d, struct slice rid, struct slice twin)
{
    quota_count_read(d->service->telemetry.hub->quota, twin.len);
    send_answer(d, rid, 200, 0, twin);
}

static void free_request(struct twin_request *r)
{
    list_remove(&r->node);
    r->device->twin.pending--;
    free(r);
}

static void on_answer(struct twin_wait *w, const struct twin_answer *a)
{
    struct twin_request *r = CONTAINER_OF(w, struct twin_request, wait);
    struct device *d = r->device;
    struct slice rid = slice_of(r->rid, r->rid_len);
    if (d->state != DEVICE_OPEN)
        ; /* nobody listens any more */
    else if (a->status != STATUS_OK)
        send_error(d, rid, a->status, a->text);
    else if (r->reads)
        send_twin(d, rid, a->body);
    else
        send_answer(d, rid, 204, a->version, SLICE_NONE);
    free_request(r);
}

/* ---- requests */

static struct twin_request *begin(struct device *d, struct slice rid, bool reads)
{
    struct twin_request *r = NEW(struct twin_request);
    r->device = d;
    r->wait.fn = on_answer;
    r->reads = reads;
    r->rid_len = rid.len;
    memcpy(r->rid, rid.ptr, rid.len);
    list_push(&d->twin.requests, &r->node);
    d->twin.pending++;
    return r;
}

static void ask(struct device *d, const struct topic *t, struct slice json, int64_t version)
{
    struct slice who = slice_str(d->session.who);
    struct twin_request *r = begin(d, t->rid, t->kind == TOPIC_TWIN_GET);
    if (r->reads)
        twin_read(twins_of(d), who, d->session.slot, &r->wait);
    else
        twin_report(twins_of(d), who, version, json, &r->wait);
}

static bool read_version(const struct topic *t, int64_t *out)
{
    *out = TWIN_ANY_VERSION;
    return t->version.ptr == NULL || (num_i64(t->version, out) == OK && *out >= 0);
}

void device_twin(struct device *d, const struct topic *t, const struct mqtt_publish *p)
{
    int64_t version;
    if (t->rid.len == 0 || t->rid.len > DEVICE_RID_MAX) {
        device_reject(d, "a twin request without a $rid of 1 to 128 bytes");
        return;
    }
    device_acknowledge(d, p->packet_id);
    if (d->twin.pending >= DEVICE_TWIN_PENDING_MAX) {
        metric_inc(&pending_refused);
        send_error(d, t->rid, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED,
                   SLICE_LIT("too many twin requests of this connection are under way"));
    } else if (!device_take(d, t->kind == TOPIC_TWIN_GET ? THROTTLE_TWIN_READ
                                                         : THROTTLE_TWIN_UPDATE)) {
        send_error(d, t->rid, STATUS_THROTTLING_BACKLOG_TIMEOUT,
                   SLICE_LIT("the twins of the hub are asked too often; try again in 10 seconds"));
    } else if (!quota_take(d->service->telemetry.hub->quota, p->payload.len)) {
        send_error(d, t->rid, STATUS_QUOTA_EXCEEDED,
                   SLICE_LIT("the messages of the day are used up"));
    } else if (!read_version(t, &version)) {
        send_error(d, t->rid, STATUS_ARGUMENT_INVALID, SLICE_LIT("$version is not a version"));
    } else {
        ask(d, t, p->payload, version);
    }
}

/* ---- desired patches */

static void send_patch(struct device *d, int64_t version, struct slice json)
{
    char topic[80];
    int len = snprintf(topic, sizeof topic,
                       "$iothub/twin/PATCH/properties/desired/?$version=%" PRId64, version);
    device_send(d, &(struct mqtt_publish){.topic = slice_of(topic, (size_t)len), .payload = json});
}

static void keep_patch(struct device *d, const struct twin_desired *patch)
{
    struct waiting_patch *w = mem_new(sizeof *w + patch->json.len);
    w->version = patch->version;
    w->len = patch->json.len;
    memcpy(w->json, patch->json.ptr, patch->json.len);
    list_push(&d->twin.patches, &w->node);
    d->twin.patch_count++;
}

/* None may be lost: who is too far behind is closed, comes back and reads its twin anew. */
void device_desired(struct session *session, const struct twin_desired *patch)
{
    struct device *d = CONTAINER_OF(session, struct device, session);
    if (d->state != DEVICE_OPEN) return;
    if (list_empty(&d->twin.patches) && !conn_congested(d->conn)) {
        send_patch(d, patch->version, patch->json);
    } else if (d->twin.patch_count < DEVICE_TWIN_PATCHES_MAX) {
        keep_patch(d, patch);
    } else {
        metric_inc(&behind);
        device_reject(d, "too many desired patches wait for it to be read");
    }
}

void device_twin_drained(struct device *d)
{
    while (d->state == DEVICE_OPEN && !list_empty(&d->twin.patches) && !conn_congested(d->conn)) {
        struct waiting_patch *w =
            CONTAINER_OF(list_take(&d->twin.patches), struct waiting_patch, node);
        d->twin.patch_count--;
        send_patch(d, w->version, slice_of(w->json, w->len));
        free(w);
    }
}

/* ---- life */

void device_twin_init(struct device *d)
{
    list_init(&d->twin.requests);
    list_init(&d->twin.patches);
}

void device_twin_drop(struct device *d)
{
    struct list *node;
    while ((node = list_shift(&d->twin.requests)) != NULL) {
        struct twin_request *r = CONTAINER_OF(node, struct twin_request, node);
        twin_forget(twins_of(d), &r->wait);
        free_request(r);
    }
    while ((node = list_shift(&d->twin.patches)) != NULL)
        free(CONTAINER_OF(node, struct waiting_patch, node));
}
