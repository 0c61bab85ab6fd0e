/* mqtt.c - one connection of a device that registers.
 *
 *   CONNECT ──who is it?──▶ refused: CONNACK 5, close
 *                      └──▶ open ──PUBLISH──▶ a request ──▶ its answer: $dps/registrations/res/...
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/say.h"
#include "base/text.h"
#include "front/dps/dps.h"

COUNTER(refused_total, "azimuth_dps_mqtt_refused_total",
        "MQTT CONNECTs of devices that register answered with a refusal");
COUNTER(closed_total, "azimuth_dps_mqtt_closed_for_fault_total",
        "MQTT connections of devices that register closed because of what they sent");

LIMIT_REACHED(packet_too_large, "dps-mqtt-packet")
LIMIT_REACHED(too_many_requests, "dps-mqtt-requests")

struct client {
    struct dps *dps;
    struct conn *conn;
    struct mqtt mqtt;
    struct timer timer;
    struct dps_wait greeting; /* while opening */
    struct list requests;     /* struct request */
    unsigned pending;
    struct buf registration_id, token;
    enum { OPENING, OPEN, OVER } state;
};

struct request {
    struct list node;
    struct client *client;
    struct dps_wait wait;
    struct buf rid;
};

/* ---- ending */

static void close_client(struct client *c)
{
    c->state = OVER;
    timer_stop(&c->timer);
    conn_close(c->conn);
}

static void reject(struct client *c, const char *reason)
{
    metric_inc(&closed_total);
    say_debug("dps.closed", "peer=%s reason=\"%s\"", conn_peer(c->conn), reason);
    close_client(c);
}

static void refuse(struct client *c, enum mqtt_code code, const char *reason)
{
    metric_inc(&refused_total);
    if (code == MQTT_NOT_AUTHORIZED) conn_login_failed(c->conn);
    say_debug("dps.refused", "peer=%s code=%d reason=\"%s\"", conn_peer(c->conn), code, reason);
    conn_out(c->conn);
    mqtt_send_connack(&c->mqtt, code, false);
    close_client(c);
}

static void drop_request(struct request *r)
{
    list_remove(&r->node);
    r->client->pending--;
    buf_free(&r->rid);
    free(r);
}

/* ---- requests */

static struct dps_device device_of(struct client *c)
{
    return (struct dps_device){.registration_id = buf_slice(&c->registration_id),
                               .token = buf_slice(&c->token),
                               .certificate = conn_peer_certificate(c->conn),
                               .peer = slice_str(conn_peer(c->conn)),
                               .protocol = HUB_MQTT};
}

/* .NET and Python want $rid first and no other '$' behind it. */
static void on_answer(struct dps_wait *w, const struct dps_answer *a)
{
    struct request *r = CONTAINER_OF(w, struct request, wait);
    struct client *c = r->client;
    struct buf topic = {0};
    unsigned status = a->code < 1000 ? a->code : a->code / 1000;
    buf_printf(&topic, "$dps/registrations/res/%u/?$rid=%.*s", status,
               SLICE_ARG(buf_slice(&r->rid)));
    if (status == 202 || status == 429) buf_printf(&topic, "&retry-after=%d", DPS_RETRY_AFTER_S);
    struct mqtt_publish p = {.topic = buf_slice(&topic), .payload = a->body};
    conn_out(c->conn);
    if (mqtt_send_publish(&c->mqtt, &p) != OK) reject(c, fail_text());
    buf_free(&topic);
    drop_request(r);
}

/* The value of one of the topic's parameters, undecoded. */
static struct slice parameter(struct slice query, const char *name)
{
    struct slice item, key;
    while (slice_split(&query, '&', &item)) {
        if (slice_split(&item, '=', &key) && slice_is(key, name)) return item;
    }
    return SLICE_NONE;
}

static struct request *new_request(struct client *c, struct slice rid)
{
    struct request *r = NEW(struct request);
    r->client = c;
    r->wait = (struct dps_wait){.fn = on_answer, .unhurried = true};
    buf_put_slice(&r->rid, rid);
    list_push(&c->requests, &r->node);
    c->pending++;
    return r;
}

static void on_publish(struct client *c, const struct mqtt_publish *p)
{
    static const struct slice put = SLICE_LIT("$dps/registrations/PUT/iotdps-register/?");
    static const struct slice get =
        SLICE_LIT("$dps/registrations/GET/iotdps-get-operationstatus/?");
    bool registers = slice_starts(p->topic, put), polls = slice_starts(p->topic, get);
    struct slice query = slice_from(p->topic, registers ? put.len : get.len);
    struct slice rid = parameter(query, "$rid");
    struct dps_device who = device_of(c);
    if (p->qos == 2 || !(registers || polls)) {
        reject(c, "a PUBLISH to a topic that devices that register do not have");
    } else if (rid.len == 0 || rid.len > DPS_MQTT_RID_MAX) {
        reject(c, "a request without $rid, or with one that is too long");
    } else if (c->pending == DPS_MQTT_PENDING_MAX) {
        metric_inc(&too_many_requests);
        reject(c, "too many requests are under way");
    } else {
        if (p->packet_id) mqtt_send_puback(&c->mqtt, p->packet_id);
        struct request *r = new_request(c, rid);
        if (registers)
            dps_register(c->dps, &who, p->payload, &r->wait);
        else
            dps_poll(c->dps, &who, parameter(query, "operationId"), &r->wait);
    }
}

/* ---- other packets */

static void on_subscribe(struct client *c, struct mqtt_subscribe *packet)
{
    struct mqtt_filter filter;
    struct buf codes = {0};
    while (mqtt_next_filter(packet, &filter)) {
        bool known = slice_is(filter.text, "$dps/registrations/res/#");
        buf_put_u8(&codes, known ? filter.qos > 0 : MQTT_SUBACK_REFUSED);
    }
    mqtt_send_suback(&c->mqtt, packet->packet_id, buf_slice(&codes));
    buf_free(&codes);
}

static void on_packet(struct client *c, struct mqtt_event *ev)
{
    switch (ev->kind) {
    case MQTT_PUBLISH: on_publish(c, &ev->publish); break;
    case MQTT_SUBSCRIBE: on_subscribe(c, &ev->subscribe); break;
    case MQTT_UNSUBSCRIBE: mqtt_send_unsuback(&c->mqtt, ev->subscribe.packet_id); break;
    case MQTT_PINGREQ: mqtt_send_pingresp(&c->mqtt); break;
    case MQTT_DISCONNECT: close_client(c); break;
    case MQTT_PUBACK: break;
    default: reject(c, "a packet that devices do not send"); break;
    }
}

static void arm(struct client *c)
{
    timer_set(&conn_lane(c->conn)->timers, &c->timer, mqtt_deadline(&c->mqtt));
}

static void process(struct client *c)
{
    struct mqtt_event ev;
    enum err e = OK;
    while (c->state == OPEN && (e = mqtt_next(&c->mqtt, &ev)) == OK) {
        conn_out(c->conn);
        on_packet(c, &ev);
    }
    if (e == ERR_TOO_BIG) metric_inc(&packet_too_large);
    if (c->state == OPENING)
        mqtt_keep(&c->mqtt);
    else if (c->state == OPEN && e != ERR_AGAIN)
        reject(c, fail_text());
    else if (c->state == OPEN)
        arm(c);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct client *c = CONTAINER_OF(t, struct client, timer);
    if (c->state == OPEN && mqtt_tick(&c->mqtt, now_us) != OK)
        reject(c, fail_text());
    else if (c->state == OPEN)
        arm(c);
}

/* ---- CONNECT */

/* A good certificate that nobody has enrolled may come in: it is told so when it registers. */
static void on_greeted(struct dps_wait *w, const struct dps_answer *a)
{
    struct client *c = CONTAINER_OF(w, struct client, greeting);
    if (c->state != OPENING) return;
    w->fn = NULL;
    if (a->code == DPS_UNAVAILABLE || a->code == DPS_THROTTLED) {
        refuse(c, MQTT_UNAVAILABLE, "the service does not answer now");
    } else if (a->code != DPS_OK && a->code != DPS_NO_ENROLLMENT) {
        refuse(c, MQTT_NOT_AUTHORIZED, "not authorised");
    } else {
        c->state = OPEN;
        if (a->code == DPS_OK) conn_login_good(c->conn);
        conn_out(c->conn);
        mqtt_send_connack(&c->mqtt, MQTT_ACCEPTED, false);
        conn_resume(c->conn);
        process(c);
    }
}

/* {scope}/registrations/{id}/api-version=...&ClientVersion=...; NULL: it is none. */
static struct slice registration_of(struct slice user_name)
{
    struct slice scope, word, id;
    slice_split(&user_name, '/', &scope);
    if (!slice_split(&user_name, '/', &word) || !slice_is_nocase(word, "registrations") ||
        !slice_split(&user_name, '/', &id))
        return SLICE_NONE;
    return id;
}

static void greet(struct client *c, const struct mqtt_connect *connect)
{
    struct slice id = registration_of(connect->user_name);
    if (id.len == 0) {
        refuse(c, MQTT_BAD_CREDENTIALS, "user name has no registration id behind the id scope");
        return;
    }
    if (!slice_eq_nocase(id, connect->client_id)) {
        refuse(c, MQTT_NOT_AUTHORIZED, "client id is not the user name's registration id");
        return;
    }
    buf_put_slice(&c->registration_id, id);
    buf_put_slice(&c->token, connect->password);
    struct dps_device who = device_of(c);
    c->greeting.fn = on_greeted;
    conn_pause(c->conn);
    dps_authenticate(c->dps, &who, &c->greeting);
}

static void feed(void *self, struct slice bytes, int64_t now_us)
{
    struct client *c = self;
    if (c->state == OVER) return;
    mqtt_feed(&c->mqtt, bytes, now_us);
    process(c);
}

static void closed(void *self, enum err why, int64_t now_us)
{
    struct client *c = self;
    (void)why, (void)now_us;
    timer_stop(&c->timer);
    if (c->greeting.fn) dps_forget(c->dps, &c->greeting);
    LIST_EACH(node, &c->requests)
    {
        struct request *r = CONTAINER_OF(node, struct request, node);
        dps_forget(c->dps, &r->wait);
        drop_request(r);
    }
    mqtt_fini(&c->mqtt);
    buf_wipe(&c->token);
    buf_free(&c->registration_id);
    free(c);
}

static bool owes(const void *self)
{
    const struct client *c = self;
    return c->state == OPENING || c->pending;
}

static const struct front mqtt_front = {
    .name = "dps-mqtt", .feed = feed, .owes = owes, .closed = closed};

void dps_mqtt_take(void *dps, struct conn *conn, const struct mqtt *engine,
                   const struct mqtt_connect *connect, int64_t now_us)
{
    struct client *c = NEW(struct client);
    c->dps = dps;
    c->conn = conn;
    c->mqtt = *engine;
    (void)now_us;
    list_init(&c->requests);
    timer_init(&c->timer, on_timer);
    conn_pass(conn, &mqtt_front, c);
    greet(c, connect);
    process(c);
}
