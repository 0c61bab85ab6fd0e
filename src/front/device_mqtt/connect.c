/* connect.c - from CONNECT to CONNACK. */
#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "front/device_mqtt/device.h"
#include "front/device_mqtt/user_name.h"

COUNTER(refused, "azimuth_mqtt_connects_refused_total", "MQTT CONNECTs answered with a refusal");

static void refuse_unnoted(struct device *d, enum mqtt_code code, const char *reason)
{
    metric_inc(&refused);
    if (code == MQTT_NOT_AUTHORIZED) conn_login_failed(d->conn);
    say_info("mqtt.refused", "device=%s peer=%s code=%d reason=\"%s\"", d->session.who,
             conn_peer(d->conn), code, reason);
    conn_out(d->conn);
    mqtt_send_connack(&d->mqtt, code, false);
    device_close(d);
}

/* The id that is claimed decides whose record it is; a client id that is none is nobody's. */
static void refuse(struct device *d, enum mqtt_code code, struct refusal *r, const char *reason)
{
    if (r->observed.ptr == NULL) r->observed = slice_str(reason);
    device_explain(d, r);
    refuse_unnoted(d, code, reason);
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

/* The identity that is claimed, and what is wrong with the claim. */
struct claim {
    const struct user_name *user;
    struct slice who, chain, sdk;
};

/* False when the identity claimed may be looked up. */
static bool is_wrong(const struct device *d, const struct mqtt_connect *c,
                     const struct claim *claim, struct refusal *r, const char **reason)
{
    *r = (struct refusal){.cause = REFUSAL_OTHER_HUB, .who = claim->who, .sdk = claim->sdk};
    *reason = "user name is for another hub";
    r->observed = claim->user->host;
    r->expected = slice_str(d->service->telemetry.hub->hosts[0]);
    if (!hub_is_host(d->service->telemetry.hub, claim->user->host)) return true;
    r->cause = REFUSAL_ID_MISMATCH;
    *reason = "client id is not the user name's device and module id";
    r->observed = c->client_id;
    r->expected = claim->who;
    if (!slice_eq(c->client_id, claim->who)) return true;
    r->cause = REFUSAL_USER_NAME;
    *reason = "device or module id has a character that ids cannot have";
    r->observed = r->expected = SLICE_NONE;
    if (!hub_who_valid(claim->who)) return true;
    r->cause = REFUSAL_SAS_FORM;
    *reason = "no password and no client certificate";
    return c->password.len == 0 && conn_peer_certificate(d->conn) == NULL;
}

/* A session is asked for; what follows the CONNECT waits for the answer. */
static void ask_for_session(struct device *d, const struct mqtt_connect *c,
                            const struct claim *claim)
{
    struct session_ask ask = {.protocol = HUB_MQTT,
                              .who = claim->who,
                              .peer = slice_str(conn_peer(d->conn)),
                              .sdk = claim->sdk,
                              .websocket = conn_in_websocket(d->conn),
                              .token = c->password,
                              .certificate = conn_peer_certificate(d->conn),
                              .model_id = buf_slice(&d->model_id),
                              .auth_chain = claim->chain,
                              .clean = c->clean_session};
    d->clean = c->clean_session;
    d->state = DEVICE_OPENING;
    device_pause(d, PAUSE_OPENING);
    session_open(&d->session, d->service->doors.desk, &device_session_owner, &ask);
}

static void consider(struct device *d, const struct mqtt_connect *c, const struct claim *claim)
{
    struct throttle *throttle = d->service->telemetry.hub->throttle;
    struct refusal r;
    const char *reason;
    enum mqtt_code code;
    if (is_wrong(d, c, claim, &r, &reason)) {
        refuse(d, MQTT_NOT_AUTHORIZED, &r, reason);
        return;
    }
    r.observed = r.expected = SLICE_NONE;
    r.cause = REFUSAL_USER_NAME;
    if (!session_model_id_valid(buf_slice(&d->model_id))) {
        refuse(d, MQTT_BAD_CREDENTIALS, &r, "model-id is too long, or no model id");
    } else if (claim->chain.len > SESSION_AUTH_CHAIN_MAX) {
        refuse(d, MQTT_BAD_CREDENTIALS, &r, "auth-chain is too long");
    } else if (device_fault_of_connect(d, claim->who, &code)) {
        refuse_unnoted(d, code, "a fault that it asked for lasts");
    } else if (throttle_take_now(throttle, THROTTLE_CONNECTION, 1) == THROTTLE_REFUSED) {
        r.cause = REFUSAL_THROTTLED;
        r.expected = SLICE_LIT("less than the limit of DeviceConnect");
        refuse(d, MQTT_UNAVAILABLE, &r, "too many connections are opened");
    } else {
        keep_will(d, c);
        ask_for_session(d, c, claim);
    }
}

static void identify(struct device *d, const struct mqtt_connect *c, const struct user_name *u)
{
    struct buf who = {0}, chain = {0}, sdk = {0};
    hub_put_who(&who, u->device, u->module);
    if (!user_name_query(u, "model-id", &d->model_id)) buf_clear(&d->model_id);
    if (!user_name_query(u, "auth-chain", &chain)) buf_clear(&chain);
    if (!user_name_query(u, "DeviceClientType", &sdk)) buf_clear(&sdk);
    consider(d, c, &(struct claim){u, buf_slice(&who), buf_slice(&chain), buf_slice(&sdk)});
    buf_free(&who);
    buf_free(&chain);
    buf_free(&sdk);
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

/* A client that is not understood yet is known by its client id at best. */
static void refuse_greeting(struct device *d, const struct mqtt_connect *c, enum mqtt_code code,
                            enum refusal_cause cause, const char *reason)
{
    struct refusal r = {.cause = cause};
    if (hub_who_valid(c->client_id)) r.who = c->client_id;
    refuse(d, code, &r, reason);
}

static void refuse_level(struct device *d, const struct mqtt_connect *c)
{
    const char *name = c->level == 5 ? " (MQTT 5)" : c->level == 3 ? " (MQTT 3.1)" : "";
    char text[48];
    snprintf(text, sizeof text, "protocol level %u%s", c->level, name);
    refuse_greeting(d, c, MQTT_BAD_LEVEL, REFUSAL_MQTT_LEVEL, text);
}

void device_connect(struct device *d, const struct mqtt_connect *c)
{
    struct user_name u;
    if (is_guest(d, c))
        pass_on(d, c);
    else if (c->level != MQTT_LEVEL)
        refuse_level(d, c);
    else if (c->client_id.len == 0)
        refuse_greeting(d, c, MQTT_BAD_CLIENT_ID, REFUSAL_ID_MISMATCH, "no client id");
    else if (!c->has_user_name || user_name_parse(c->user_name, &u) != OK)
        refuse_greeting(d, c, MQTT_BAD_CREDENTIALS, REFUSAL_USER_NAME,
                        c->has_user_name ? fail_text() : "no user name");
    else
        identify(d, c, &u);
}

/* Whom a still newer connection overtook has done nothing wrong: SDKs give up after a 5. */
static enum mqtt_code code_of(enum session_cause cause)
{
    bool again = cause == SESSION_UNAVAILABLE || cause == SESSION_TAKEN_OVER;
    return again ? MQTT_UNAVAILABLE : MQTT_NOT_AUTHORIZED;
}

void device_opened(struct device *d, const struct session_opened *answer)
{
    if (answer->cause != SESSION_GRANTED) {
        refuse_unnoted(d, code_of(answer->cause), session_cause_text(answer));
        return;
    }
    int64_t now_us = clock_mono_us();
    struct slice who = slice_str(d->session.who);
    conn_login_good(d->conn);
    telemetry_sender_init(&d->sender, &d->service->telemetry, who, slice_str(answer->generation),
                          session_scope(answer, who), answer->certified ? "x509" : "sas",
                          buf_slice(&d->model_id));
    d->sender.session = &d->session;
    d->sender.transport = HUB_MQTT;
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
