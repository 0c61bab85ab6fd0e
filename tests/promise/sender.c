/* sender.c - the client's side of the five promises. */
#include "sender.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/rand.h"
#include "payload.h"

enum { KEEP_ALIVE_S = 60, LARGE_PERCENT = 2 };

void sender_init(struct sender *s, struct ledger *l, unsigned index)
{
    *s = (struct sender){.account = &l->accounts[index], .index = index, .goal = UINT64_MAX};
}

void sender_fini(struct sender *s)
{
    if (s->phase != SENDER_AWAY) mqtt_fini(&s->mqtt);
    buf_free(&s->out);
}

/* ---- sending */

static size_t choose_padding(const struct sender *s)
{
    size_t most = rand_u64() % 100 < LARGE_PERCENT ? s->padding_large_max : s->padding_max;
    return most ? rand_u64() % most : 0;
}

static void publish(struct sender *s, uint64_t number)
{
    struct account *a = s->account;
    char topic[LEDGER_ID_MAX + 64];
    struct buf body = {0};
    snprintf(topic, sizeof topic, "devices/%s/messages/events/n=%" PRIu64, a->id, number);
    payload_write(&body, s->index, number, choose_padding(s));
    uint16_t id = mqtt_packet_id(&s->mqtt);
    struct mqtt_publish p = {.topic = slice_str(topic),
                             .payload = buf_slice(&body),
                             .packet_id = id,
                             .qos = 1,
                             .dup = number < a->sent};
    s->packet_ids[s->in_flight++] = id;
    a->sent = MAX(a->sent, number + 1);
    enum err e = mqtt_send_publish(&s->mqtt, &p);
    assert(e == OK);
    buf_free(&body);
}

void sender_fill(struct sender *s)
{
    const struct account *a = s->account;
    while (s->phase == SENDER_CONNECTED && s->in_flight < s->window &&
           a->acked + s->in_flight < s->goal)
        publish(s, a->acked + s->in_flight);
}

/* ---- hearing */

static enum err on_puback(struct sender *s, uint16_t packet_id)
{
    if (s->in_flight == 0 || s->packet_ids[0] != packet_id)
        return fail(ERR_PROTOCOL, "%s: PUBACK %u out of order", s->account->id, packet_id);
    s->account->acked++;
    s->in_flight--;
    memmove(s->packet_ids, s->packet_ids + 1, s->in_flight * sizeof *s->packet_ids);
    return OK;
}

static void on_connack(struct sender *s, enum mqtt_code code)
{
    if (code == MQTT_ACCEPTED)
        s->phase = SENDER_CONNECTED;
    else
        s->refusals++;
}

enum err sender_feed(struct sender *s, struct slice bytes, int64_t now_us)
{
    struct mqtt_event ev;
    enum err e;
    mqtt_feed(&s->mqtt, bytes, now_us);
    while ((e = mqtt_next(&s->mqtt, &ev)) == OK) {
        if (ev.kind == MQTT_PUBACK) TRY(on_puback(s, ev.packet_id));
        if (ev.kind == MQTT_CONNACK) on_connack(s, ev.connack.code);
    }
    if (e != ERR_AGAIN) return e;
    sender_fill(s);
    return OK;
}

/* ---- connections */

void sender_connect(struct sender *s, struct slice user_name, struct slice token, unsigned window,
                    int64_t now_us)
{
    assert(s->phase == SENDER_AWAY && window <= SENDER_WINDOW_MAX);
    s->phase = SENDER_CONNECTING;
    s->connects++;
    s->window = window;
    mqtt_init(&s->mqtt, &(struct mqtt_config){MQTT_CLIENT, &s->out, 0}, now_us);
    struct mqtt_connect c = {.client_id = slice_str(s->account->id),
                             .user_name = user_name,
                             .password = token,
                             .keep_alive_s = KEEP_ALIVE_S,
                             .has_user_name = true,
                             .has_password = true};
    enum err e = mqtt_send_connect(&s->mqtt, &c);
    assert(e == OK);
}

void sender_lost(struct sender *s)
{
    uint64_t acked = s->account->acked;
    account_unsettled(s->account, acked, acked + s->in_flight);
    s->in_flight = 0;
    s->phase = SENDER_AWAY;
    mqtt_fini(&s->mqtt);
    buf_clear(&s->out);
}
