/* link.c - see link.h. */
#include "cli/link.h"

void link_init(struct link *l, const struct link_config *config, int64_t now_us)
{
    *l = (struct link){.out = config->out, .encrypted = config->tls != NULL, .since_us = now_us};
    if (l->encrypted) tls_init_client(&l->tls, config->tls, l->out, config->host);
}

void link_fini(struct link *l)
{
    if (l->encrypted) tls_fini(&l->tls);
    if (l->secured) mqtt_fini(&l->mqtt);
    buf_free(&l->plain);
}

/* ---- input */

void link_feed(struct link *l, struct slice bytes, int64_t now_us)
{
    assert(l->in.len == 0);
    l->fed_us = now_us;
    if (l->encrypted)
        tls_feed(&l->tls, bytes);
    else if (l->secured)
        mqtt_feed(&l->mqtt, bytes, now_us);
    else
        l->in = bytes;
}

/* MQTT begins to count time and bytes. */
static enum err secured(struct link *l, struct link_event *ev)
{
    const struct mqtt_config config = {.role = MQTT_CLIENT,
                                       .out = l->encrypted ? &l->plain : l->out};
    mqtt_init(&l->mqtt, &config, l->fed_us ? l->fed_us : l->since_us);
    l->secured = true;
    if (l->in.len) mqtt_feed(&l->mqtt, l->in, l->fed_us);
    l->in = SLICE_NONE;
    *ev = (struct link_event){.kind = LINK_SECURED};
    return OK;
}

/* False: nobody cares about such a packet. */
static bool translate(struct link *l, const struct mqtt_event *packet, struct link_event *ev)
{
    switch (packet->kind) {
    case MQTT_CONNACK:
        l->answered = true;
        *ev = (struct link_event){.kind = LINK_ANSWERED, .code = packet->connack.code};
        return true;
    case MQTT_PUBACK:
        *ev = (struct link_event){.kind = LINK_ACKED, .packet_id = packet->packet_id};
        return true;
    case MQTT_SUBACK:
        *ev = (struct link_event){.kind = LINK_GRANTED, .packet_id = packet->suback.packet_id};
        ev->refused =
            slice_find(packet->suback.codes, MQTT_SUBACK_REFUSED) < packet->suback.codes.len;
        return true;
    case MQTT_PUBLISH:
        *ev = (struct link_event){.kind = LINK_TOLD,
                                  .packet_id = packet->publish.packet_id,
                                  .topic = packet->publish.topic,
                                  .payload = packet->publish.payload};
        return true;
    default: return false;
    }
}

static enum err next_packet(struct link *l, struct link_event *ev)
{
    struct mqtt_event packet;
    for (;;) {
        enum err e = mqtt_next(&l->mqtt, &packet);
        if (e == ERR_PROTOCOL && !l->answered)
            return fail(e, "what answers there does not speak MQTT");
        if (e != OK) return e;
        if (translate(l, &packet, ev)) return OK;
    }
}

/* The text of a failure is set by the engine. */
static enum err tls_ended(const struct tls_event *ev)
{
    if (ev->kind == TLS_CLOSED) return fail(ERR_CLOSED, "the hub closed the connection");
    return ev->cause == TLS_CAUSE_CERT ? ERR_DENIED : ERR_PROTOCOL;
}

static enum err next(struct link *l, struct link_event *ev)
{
    struct tls_event tls;
    for (;;) {
        enum err e = l->secured ? next_packet(l, ev) : ERR_AGAIN;
        if (e != ERR_AGAIN) return e;
        if (!l->encrypted) return l->secured ? ERR_AGAIN : secured(l, ev);
        if (!tls_next(&l->tls, &tls)) return ERR_AGAIN;
        switch (tls.kind) {
        case TLS_HANDSHAKE_DONE: return secured(l, ev);
        case TLS_DATA: mqtt_feed(&l->mqtt, tls.data, l->fed_us); break;
        case TLS_CLOSED:
        case TLS_FAILED: return tls_ended(&tls);
        }
    }
}

enum err link_next(struct link *l, struct link_event *ev)
{
    if (l->over) return ERR_CLOSED;
    enum err e = next(l, ev);
    l->over = e != OK && e != ERR_AGAIN;
    return e;
}

/* ---- time */

int64_t link_deadline(const struct link *l)
{
    if (l->over) return INT64_MAX;
    return l->secured ? mqtt_deadline(&l->mqtt) : l->since_us + LINK_SECURE_WAIT_US;
}

enum err link_tick(struct link *l, int64_t now_us)
{
    if (now_us < link_deadline(l)) return OK;
    enum err e = l->secured ? mqtt_tick(&l->mqtt, now_us) : ERR_TIMEOUT;
    if (e == ERR_TIMEOUT) fail(e, "the hub does not answer");
    l->over = e != OK;
    return e;
}

/* ---- output */

enum err link_connect(struct link *l, const struct link_identity *who)
{
    const struct mqtt_connect connect = {.client_id = who->client_id,
                                         .user_name = who->user_name,
                                         .password = who->password,
                                         .has_user_name = true,
                                         .has_password = who->password.ptr != NULL,
                                         .keep_alive_s = LINK_KEEP_ALIVE_S};
    return mqtt_send_connect(&l->mqtt, &connect);
}

enum err link_publish(struct link *l, const struct link_message *m)
{
    const struct mqtt_publish publish = {.topic = m->topic,
                                         .payload = m->payload,
                                         .packet_id = m->packet_id,
                                         .qos = m->packet_id ? 1 : 0,
                                         .dup = m->again};
    return mqtt_send_publish(&l->mqtt, &publish);
}

enum err link_subscribe(struct link *l, uint16_t packet_id, const struct mqtt_filter *filters,
                        size_t count)
{
    return mqtt_send_subscribe(&l->mqtt, packet_id, filters, count);
}

void link_ack(struct link *l, uint16_t packet_id)
{
    mqtt_send_puback(&l->mqtt, packet_id);
}

void link_flush(struct link *l)
{
    if (buf_size(&l->plain) == 0) return;
    if (tls_send(&l->tls, buf_slice(&l->plain)) != OK) l->over = true;
    buf_free(&l->plain);
}

void link_close(struct link *l)
{
    if (l->secured && !l->over) mqtt_send_disconnect(&l->mqtt);
    link_flush(l);
    if (l->encrypted) tls_close(&l->tls);
    l->over = true;
}

const char *link_code_text(enum mqtt_code code)
{
    switch (code) {
    case MQTT_ACCEPTED: return "accepted";
    case MQTT_BAD_LEVEL: return "MQTT 3.1.1 is not spoken there (CONNACK 1)";
    case MQTT_BAD_CLIENT_ID: return "the device id is not accepted (CONNACK 2)";
    case MQTT_UNAVAILABLE: return "the hub is busy (CONNACK 3)";
    case MQTT_BAD_CREDENTIALS: return "the user name or token is malformed (CONNACK 4)";
    case MQTT_NOT_AUTHORIZED: return "not authorized (CONNACK 5)";
    }
    return "refused for an unknown reason";
}
