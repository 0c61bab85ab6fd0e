/* line.c - see line.h. */
#include "deliver/bridge/line.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/dial.h"

enum state { DOWN, DIALLING, GREETING, UP, BREAKING, STOPPED };

struct bridge_line {
    const struct bridge_line_config *config; /* NULL: the owner is gone */
    enum state state;
    struct dial dial;
    struct conn *conn; /* from GREETING on */
    struct mqtt mqtt;
    struct timer timer;           /* the engine's */
    enum deliver_outcome outcome; /* of what ends it */
    char text[BRIDGE_LINE_TEXT_MAX];
};

/* ---- the end */

static void note(struct bridge_line *l, enum deliver_outcome outcome, const char *what)
{
    const struct bridge_line_config *c = l->config;
    l->outcome = outcome;
    snprintf(l->text, sizeof l->text, "the broker %s:%u %s", c->host, c->port, what);
}

static void give_up(struct bridge_line *l)
{
    l->state = BREAKING;
    timer_stop(&l->timer);
    conn_abort(l->conn);
}

void bridge_line_break(struct bridge_line *l, const char *why)
{
    if (l->state != UP) return;
    note(l, DELIVER_AGAIN, why);
    give_up(l);
}

static void tell_down(struct bridge_line *l)
{
    const struct deliver_result why = {.outcome = l->outcome, .text = l->text};
    bool hung_up = l->state == UP; /* else it was not there yet, or it is we who break it */
    l->state = DOWN;
    l->config->down(l->config->ctx, &why, hung_up);
}

/* ---- what the broker says */

static const char *word_of(enum mqtt_code code)
{
    switch (code) {
    case MQTT_BAD_LEVEL: return "does not speak MQTT 3.1.1 (CONNACK 1)";
    case MQTT_BAD_CLIENT_ID: return "does not want this clientId (CONNACK 2)";
    case MQTT_UNAVAILABLE: return "says that it is not available (CONNACK 3)";
    case MQTT_BAD_CREDENTIALS: return "refuses this user or password (CONNACK 4)";
    case MQTT_NOT_AUTHORIZED:
        return "does not authorize this user, password or clientId (CONNACK 5)";
    default: return "answered CONNECT with a code that there is not";
    }
}

static void on_connack(struct bridge_line *l, enum mqtt_code code)
{
    if (code == MQTT_ACCEPTED) {
        l->state = UP;
        note(l, DELIVER_AGAIN, "closed the connection");
        l->config->up(l->config->ctx);
        return;
    }
    note(l, code == MQTT_UNAVAILABLE ? DELIVER_AGAIN : DELIVER_SLOW, word_of(code));
    give_up(l);
}

static void on_packet(struct bridge_line *l, const struct mqtt_event *ev)
{
    if (ev->kind == MQTT_CONNACK)
        on_connack(l, ev->connack.code);
    else if (ev->kind == MQTT_PUBACK)
        l->config->acked(l->config->ctx, ev->packet_id);
    else if (ev->kind == MQTT_PUBLISH && ev->publish.qos == 1) /* we have subscribed to nothing */
        mqtt_send_puback(&l->mqtt, ev->publish.packet_id);
}

/* ---- time */

static void arm(struct bridge_line *l)
{
    int64_t due = l->state == GREETING || l->state == UP ? mqtt_deadline(&l->mqtt) : INT64_MAX;
    if (due == INT64_MAX)
        timer_stop(&l->timer);
    else
        timer_set(&l->config->lane->timers, &l->timer, due);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct bridge_line *l = CONTAINER_OF(t, struct bridge_line, timer);
    conn_out(l->conn);
    if (mqtt_tick(&l->mqtt, now_us) == OK) {
        arm(l);
        return;
    }
    note(l, DELIVER_AGAIN, "does not answer");
    give_up(l);
}

/* ---- the connection */

static void greet(struct bridge_line *l)
{
    const struct bridge_line_config *c = l->config;
    const struct mqtt_connect connect = {.client_id = c->client_id,
                                         .user_name = c->user,
                                         .password = c->password,
                                         .has_user_name = c->user.len > 0,
                                         .has_password = c->password.len > 0,
                                         .clean_session = true,
                                         .keep_alive_s = BRIDGE_LINE_KEEP_ALIVE_S};
    conn_out(l->conn);
    if (mqtt_send_connect(&l->mqtt, &connect) == OK) return;
    note(l, DELIVER_SLOW, "cannot be told this clientId, user and password: they are too long");
    give_up(l);
}

static void *on_open(struct conn *c, void *ctx, int64_t now_us)
{
    struct bridge_line *l = ctx;
    l->conn = c;
    l->state = GREETING;
    mqtt_init(&l->mqtt, &(struct mqtt_config){.role = MQTT_CLIENT, .out = conn_buffer(c)}, now_us);
    note(l, DELIVER_AGAIN, "hung up before it answered CONNECT");
    greet(l);
    arm(l);
    return l;
}

static void on_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct bridge_line *l = self;
    struct mqtt_event ev;
    enum err e = ERR_AGAIN;
    if (l->state == BREAKING) return;
    conn_out(l->conn);
    mqtt_feed(&l->mqtt, bytes, now_us);
    while (l->state != BREAKING && (e = mqtt_next(&l->mqtt, &ev)) == OK) on_packet(l, &ev);
    if (l->state == BREAKING) return;
    if (e != ERR_AGAIN) {
        note(l, l->state == UP ? DELIVER_AGAIN : DELIVER_SLOW,
             l->state == UP ? "broke the rules of MQTT" : "does not speak MQTT");
        give_up(l);
    }
    arm(l);
}

static void on_closed(void *self, enum err why, int64_t now_us)
{
    struct bridge_line *l = self;
    bool stops = why == OK && l->state != BREAKING; /* the server does: nobody asked for it here */
    (void)now_us;
    timer_stop(&l->timer);
    mqtt_fini(&l->mqtt);
    l->conn = NULL;
    if (l->config == NULL)
        free(l);
    else if (stops)
        l->state = STOPPED;
    else
        tell_down(l);
}

static const struct front bridge_line_front = {
    .name = "bridge", .open = on_open, .feed = on_feed, .closed = on_closed};

static void on_failed(struct dial *d, enum err e, const char *text)
{
    struct bridge_line *l = CONTAINER_OF(d, struct bridge_line, dial);
    if (e == ERR_CLOSED) { /* this server stops */
        l->state = STOPPED;
        return;
    }
    bool slow = e == ERR_DENIED || e == ERR_PROTOCOL || e == ERR_INVALID;
    l->outcome = slow ? DELIVER_SLOW : DELIVER_AGAIN;
    snprintf(l->text, sizeof l->text, "the broker %s", text);
    tell_down(l);
}

void bridge_line_open(struct bridge_line *l)
{
    const struct bridge_line_config *c = l->config;
    if (l->state != DOWN) return;
    l->state = DIALLING;
    l->dial.failed = on_failed;
    dial(c->dialer,
         &(struct dial_to){.host = c->host,
                           .port = c->port,
                           .tls = c->tls,
                           .front = &bridge_line_front,
                           .front_ctx = l},
         &l->dial);
}

/* ---- messages */

bool bridge_line_is_up(const struct bridge_line *l)
{
    return l->state == UP;
}

enum err bridge_line_publish(struct bridge_line *l, struct slice topic, struct slice payload,
                             uint16_t *packet_id)
{
    assert(l->state == UP);
    *packet_id = mqtt_packet_id(&l->mqtt);
    conn_out(l->conn);
    return mqtt_send_publish(
        &l->mqtt, &(struct mqtt_publish){
                      .topic = topic, .payload = payload, .packet_id = *packet_id, .qos = 1});
}

/* ---- life */

struct bridge_line *bridge_line_new(const struct bridge_line_config *config)
{
    struct bridge_line *l = NEW(struct bridge_line);
    l->config = config;
    timer_init(&l->timer, on_timer);
    return l;
}

/* A connection that is left calls once more. */
void bridge_line_free(struct bridge_line *l)
{
    if (l == NULL) return;
    if (l->state == DIALLING) dial_forget(&l->dial);
    timer_stop(&l->timer);
    l->config = NULL;
    if (l->conn == NULL) {
        free(l);
        return;
    }
    if (l->state == UP) {
        conn_out(l->conn);
        mqtt_send_disconnect(&l->mqtt);
        conn_close(l->conn);
    } else if (l->state == GREETING) {
        conn_abort(l->conn);
    }
    l->state = BREAKING;
}
