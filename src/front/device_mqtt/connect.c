/* connect.c - from CONNECT to CONNACK. */
#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/user_name.h"

COUNTER(refused, "azimuth_mqtt_connects_refused_total", "MQTT CONNECTs answered with a refusal");

static void refuse(struct device *d, enum mqtt_code code, const char *reason)
{
    metric_inc(&refused);
    if (code == MQTT_NOT_AUTHORIZED) conn_login_failed(d->conn);
    say_info("mqtt.refused", "device=%s peer=%s code=%d reason=\"%s\"", d->session.who,
             conn_peer(d->conn), code, reason);
    conn_out(d->conn);
    mqtt_send_connack(&d->mqtt, code, false);
    device_close(d);
}

static void keep_will(struct device *d, const struct mqtt_connect *c)
{
    if (!c->has_will) return;
    d->will = mem_new(sizeof *d->will + c->will_topic.len + c->will_payload.len);
    d->will->topic_len = c->will_topic.len;
    d->will->payload_len = c->will_payload.len;
    memcpy(d->will->bytes, c->will_topic.ptr, c->will_topic.len);
    if (c->will_payload.len)
        memcpy(d->will->bytes + c->will_topic.len, c->will_payload.ptr, c->will_payload.len);
}

/* NULL when the identity claimed may be looked up. */
static const char *what_is_wrong(const struct device *d, const struct mqtt_connect *c,
                                 const struct user_name *u, struct slice who)
{
    if (!hub_is_host(d->service->telemetry.hub, u->host)) return "user name is for another hub";
    if (!slice_eq(c->client_id, who))
        return "client id is not the user name's device and module id";
    if (!hub_who_valid(who)) return "device or module id has a character that ids cannot have";
    if (c->password.len == 0 && conn_peer_certificate(d->conn) == NULL)
        return "no password and no client certificate";
    return NULL;
}

/* A session is asked for; what follows the CONNECT waits for the answer. */
static void ask_for_session(struct device *d, const struct mqtt_connect *c, struct slice who,
                            struct slice chain)
{
    struct session_ask ask = {.protocol = SESSION_MQTT,
                              .who = who,
                              .token = c->password,
                              .certificate = conn_peer_certificate(d->conn),
                              .model_id = buf_slice(&d->model_id),
                              .auth_chain = chain,
                              .clean = c->clean_session};
    d->clean = c->clean_session;
    d->state = DEVICE_OPENING;
    device_pause(d, PAUSE_OPENING);
    session_open(&d->session, d->service->doors.desk, &device_session_owner, &ask);
}

static void identify(struct device *d, const struct mqtt_connect *c, const struct user_name *u)
{
    struct buf who = {0}, chain = {0};
    hub_put_who(&who, u->device, u->module);
    enum mqtt_code code;
    const char *wrong = what_is_wrong(d, c, u, buf_slice(&who));
    if (!user_name_query(u, "model-id", &d->model_id)) buf_clear(&d->model_id);
    if (!user_name_query(u, "auth-chain", &chain)) buf_clear(&chain);
    if (wrong) {
        refuse(d, MQTT_NOT_AUTHORIZED, wrong);
    } else if (!session_model_id_valid(buf_slice(&d->model_id))) {
        refuse(d, MQTT_BAD_CREDENTIALS, "model-id is too long, or no model id");
    } else if (buf_size(&chain) > SESSION_AUTH_CHAIN_MAX) {
        refuse(d, MQTT_BAD_CREDENTIALS, "auth-chain is too long");
    } else if (device_fault_of_connect(d, buf_slice(&who), &code)) {
        refuse(d, code, "a fault that it asked for lasts");
    } else if (throttle_take_now(d->service->telemetry.hub->throttle, THROTTLE_CONNECTION, 1) ==
               THROTTLE_REFUSED) {
        refuse(d, MQTT_UNAVAILABLE, "too many connections are opened");
    } else {
        keep_will(d, c);
        ask_for_session(d, c, buf_slice(&who), buf_slice(&chain));
    }
    buf_free(&who);
    buf_free(&chain);
}

/* {id scope}/registrations/...: it wants to be provisioned. */
static bool is_guest(const struct device *d, const struct mqtt_connect *c)
{
    struct slice rest = c->user_name, scope;
    return d->service->doors.guests.take && c->level == MQTT_LEVEL &&
           slice_split(&rest, '/', &scope) &&
           slice_is_nocase(scope, d->service->telemetry.hub->id_scope);
}

static void pass_on(struct device *d, const struct mqtt_connect *c)
{
    const struct device_mqtt_guests *guests = &d->service->doors.guests;
    d->state = DEVICE_PASSED;
    guests->take(guests->ctx, d->conn, &d->mqtt, c, clock_mono_us());
}

void device_connect(struct device *d, const struct mqtt_connect *c)
{
    struct user_name u;
    if (is_guest(d, c))
        pass_on(d, c);
    else if (c->level != MQTT_LEVEL)
        refuse(d, MQTT_BAD_LEVEL, "not MQTT 3.1.1");
    else if (c->client_id.len == 0)
        refuse(d, MQTT_BAD_CLIENT_ID, "no client id");
    else if (!c->has_user_name || user_name_parse(c->user_name, &u) != OK)
        refuse(d, MQTT_BAD_CREDENTIALS, c->has_user_name ? fail_text() : "no user name");
    else
        identify(d, c, &u);
}

void device_opened(struct device *d, const struct session_opened *answer)
{
    if (answer->cause != SESSION_GRANTED) {
        refuse(d, answer->cause == SESSION_UNAVAILABLE ? MQTT_UNAVAILABLE : MQTT_NOT_AUTHORIZED,
               session_cause_text(answer));
        return;
    }
    int64_t now_us = clock_mono_us();
    struct slice who = slice_str(d->session.who);
    conn_login_good(d->conn);
    telemetry_sender_init(&d->sender, &d->service->telemetry, who, slice_str(answer->generation),
                          session_scope(answer, who), answer->certified ? "x509" : "sas",
                          buf_slice(&d->model_id));
    d->sender.session = &d->session;
    buf_free(&d->model_id);
    d->ends_us = answer->ends_us;
    d->features = answer->features;
    d->report_us = now_us + SESSION_REPORT_S * 1000000ll;
    d->state = DEVICE_OPEN;
    conn_out(d->conn);
    mqtt_send_connack(&d->mqtt, MQTT_ACCEPTED, !d->clean && d->features != 0);
    device_resume(d, PAUSE_OPENING);
    device_process(d, now_us);
    device_arm(d, now_us); /* the token's end may be nearer than what was waited for till now */
}
