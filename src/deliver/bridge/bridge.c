/* bridge.c - messages published to another MQTT broker at QoS 1; what it acknowledges is done.
 *
 *   add() ─▶ topic, payload ... ─▶ send() ─▶ [line down: it is opened] ─▶ published ─▶ PUBACK of each: taken
 *
 * A flight is a batch under way.  They are published in the order in which they came, on one connection, so
 * messages of a partition arrive in its order; when the connection ends all of them end, and the engine sends them
 * again from the first that was not done.
 *
 * MQTT 3.1.1 cannot refuse a message: brokers hang up on one that is too large for them, or that they do not
 * allow.  A batch that it was hung up on a few times running goes message by message, and the message that it is
 * hung up on alone, again and again, is refused. */
#include "deliver/bridge/bridge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cur.h"
#include "base/json.h"
#include "base/num.h"
#include "deliver/bridge/check.h"
#include "deliver/bridge/line.h"
#include "deliver/bridge/topic.h"
#include "deliver/event_grid.h"
#include "deliver/trust.h"
#include "proto/tls/tls.h"

/* Before each message in a batch. */
struct lengths {
    uint32_t topic, payload;
};

struct flight {
    struct list node;
    struct deliver_call *call;            /* NULL: nobody wants to know */
    struct buf bytes;                     /* until it is published */
    uint16_t first;                       /* its first packet id */
    unsigned count, acked;                /* messages */
    bool answered[BRIDGE_BATCH_MESSAGES]; /* a PUBACK that comes twice counts once */
    unsigned partition;                   /* whose they are */
    bool published;
};

struct bridge {
    struct deliver_target target;
    struct bridge_url url;
    struct buf client_id, user, password, topic;
    bool envelope;
    unsigned batch_max; /* messages */
    struct tls_context *tls;
    struct bridge_line_config config;
    struct bridge_line *line;
    struct list flights; /* published ones first */
    struct timer silence;
    unsigned partition;                   /* of the batch that gathers */
    unsigned hangups[LOG_PARTITIONS_MAX]; /* running, on what it has sent */
    struct message message;               /* its memory */
    char cannot[256];                     /* why there is no line */
};

static struct bridge *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct bridge, target);
}

/* ---- flights */

static void flight_free(struct flight *f)
{
    list_remove(&f->node);
    buf_free(&f->bytes);
    free(f);
}

static void land(struct flight *f, const struct deliver_result *r)
{
    struct deliver_call *c = f->call;
    flight_free(f);
    if (c) deliver_call_end(c, r);
}

/* The broker hung up on it; once too often? */
static bool is_refused(struct bridge *b, const struct flight *f)
{
    unsigned *times = &b->hangups[f->partition];
    unsigned most = f->count > 1 ? BRIDGE_BATCH_HANGUPS : BRIDGE_HANGUPS_MAX;
    if (!f->published || f->count == 0 || ++*times < most) return false;
    *times = 0;
    return true;
}

static void land_all(struct bridge *b, const struct deliver_result *r, bool hung_up)
{
    struct deliver_result refused = *r;
    struct list all;
    refused.outcome = DELIVER_REFUSED;
    list_init(&all);
    list_splice(&all, &b->flights);
    while (!list_empty(&all)) {
        struct flight *f = CONTAINER_OF(list_take(&all), struct flight, node);
        land(f, hung_up && is_refused(b, f) ? &refused : r);
    }
}

/* Every PUBACK gives the broker its time anew. */
static void watch(struct bridge *b)
{
    bool waits = !list_empty(&b->flights) && bridge_line_is_up(b->line);
    if (waits)
        timer_set(&b->target.place.lane->timers, &b->silence,
                  clock_mono_us() + INT64_C(1000000) * BRIDGE_ACK_S);
    else
        timer_stop(&b->silence);
}

static void on_silence(struct timer *t, int64_t now_us)
{
    (void)now_us;
    bridge_line_break(CONTAINER_OF(t, struct bridge, silence)->line,
                      "acknowledged nothing within 30 s (PUBACK)");
}

/* ---- publishing */

static enum err publish_one(struct bridge *b, struct flight *f, struct cur *c)
{
    struct lengths len;
    uint16_t id;
    struct slice head = cur_take(c, sizeof len);
    assert(head.ptr);
    memcpy(&len, head.ptr, sizeof len);
    struct slice topic = cur_take(c, len.topic), payload = cur_take(c, len.payload);
    enum err e = bridge_line_publish(b->line, topic, payload, &id);
    if (e == OK && f->count++ == 0) f->first = id;
    return e;
}

static void publish(struct bridge *b, struct flight *f)
{
    struct cur c = cur_of(buf_slice(&f->bytes));
    f->published = true;
    while (cur_left(&c)) {
        enum err e = publish_one(b, f, &c);
        assert(e == OK); /* bridge_add() has seen it */
    }
    buf_free(&f->bytes);
}

/* Which of its messages that is; f->count or more: none. */
static unsigned place_of(const struct flight *f, uint16_t packet_id)
{
    return packet_id >= f->first ? (unsigned)packet_id - f->first
                                 : (unsigned)packet_id + 65535 - f->first;
}

static void on_acked(void *ctx, uint16_t packet_id)
{
    struct bridge *b = ctx;
    LIST_EACH(node, &b->flights)
    {
        struct flight *f = CONTAINER_OF(node, struct flight, node);
        const unsigned place = place_of(f, packet_id);
        if (!f->published || place >= f->count) continue;
        f->acked += !f->answered[place];
        f->answered[place] = true;
        if (f->acked < f->count) break;
        b->hangups[f->partition] = 0;
        land(f, &(struct deliver_result){.outcome = DELIVER_TAKEN});
        break;
    }
    watch(b);
}

/* connect()'s flight is empty, and there when the line is. */
static void on_up(void *ctx)
{
    struct bridge *b = ctx;
    LIST_EACH(node, &b->flights)
    {
        struct flight *f = CONTAINER_OF(node, struct flight, node);
        if (f->published) continue; /* it came from one that landed */
        publish(b, f);
        if (f->count == 0) land(f, &(struct deliver_result){.outcome = DELIVER_TAKEN});
    }
    watch(b);
}

static void on_down(void *ctx, const struct deliver_result *why, bool hung_up)
{
    struct bridge *b = ctx;
    timer_stop(&b->silence);
    land_all(b, why, hung_up);
}

/* ---- what the engine asks */

static void on_cannot(struct timer *t, int64_t now_us)
{
    struct bridge *b = CONTAINER_OF(t, struct bridge, silence);
    (void)now_us;
    land_all(b, &(struct deliver_result){.outcome = DELIVER_SLOW, .text = b->cannot}, false);
}

static struct flight *take_off(struct bridge *b, struct deliver_call *c)
{
    struct flight *f = NEW(struct flight);
    f->call = c;
    list_push(&b->flights, &f->node);
    if (b->line)
        bridge_line_open(b->line);
    else
        timer_set(&b->target.place.lane->timers, &b->silence, clock_mono_us());
    return f;
}

static void bridge_connect(struct deliver_target *t, struct deliver_call *c)
{
    assert(of(t)->line == NULL || !bridge_line_is_up(of(t)->line)); /* nothing was sent yet */
    take_off(of(t), c);
}

static void bridge_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct bridge *b = of(t);
    struct flight *f = take_off(b, c);
    f->partition = b->partition;
    f->bytes = *batch;
    *batch = (struct buf){0};
    if (b->line == NULL || !bridge_line_is_up(b->line)) return;
    publish(b, f);
    watch(b);
}

/* What is published is published; what is not stays here. */
static void bridge_forget(struct deliver_target *t, struct deliver_call *c)
{
    struct bridge *b = of(t);
    LIST_EACH(node, &b->flights)
    {
        struct flight *f = CONTAINER_OF(node, struct flight, node);
        if (f->call != c) continue;
        f->call = NULL;
        if (!f->published) flight_free(f);
    }
}

/* ---- messages */

static void put_payload(struct bridge *b, struct buf *batch)
{
    if (b->envelope)
        event_grid_put_data(&b->message, batch);
    else
        buf_put_slice(batch, message_body(&b->message));
}

static enum err put_message(struct bridge *b, struct buf *batch)
{
    const size_t at = buf_size(batch);
    struct lengths len = {0};
    buf_put(batch, &len, sizeof len);
    bridge_topic_put(buf_slice(&b->topic), b->target.place.hub, &b->message, batch);
    len.topic = (uint32_t)(buf_size(batch) - at - sizeof len);
    put_payload(b, batch);
    len.payload = (uint32_t)(buf_size(batch) - at - sizeof len - len.topic);
    memcpy(batch->ptr + at, &len, sizeof len);
    if (len.topic > MQTT_TEXT_MAX || buf_size(batch) - at > DELIVER_BATCH_MAX)
        return fail(ERR_TOO_BIG, "the message is larger than %d bytes", DELIVER_BATCH_MAX);
    return len.topic ? OK : fail(ERR_INVALID, "its topic is empty");
}

static enum err bridge_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                           unsigned count)
{
    struct bridge *b = of(t);
    size_t before = batch->len;
    if (count == b->batch_max) return ERR_FULL;
    b->partition = r->partition;
    if (message_read(r, t->place.bit, &b->message) != OK)
        return fail(ERR_INVALID, "the stored message is damaged");
    if (b->envelope) message_mark(&b->message, t->place.hub, t->place.name);
    enum err e = put_message(b, batch);
    if (e == OK && count && buf_size(batch) > BRIDGE_BATCH_BYTES) e = ERR_FULL;
    if (e != OK) batch->len = before;
    return e;
}

/* ---- life */

static enum err make_tls(struct bridge *b, struct slice ca)
{
    struct tls_context *trusted;
    if (!b->url.encrypted) return OK;
    if (ca.len) return tls_client_context(ca, &b->tls);
    TRY(trust_context(b->target.place.trust, &trusted));
    b->tls = tls_context_ref(trusted);
    return OK;
}

static void make_line(struct bridge *b, struct slice ca)
{
    b->config = (struct bridge_line_config){.lane = b->target.place.lane,
                                            .dialer = b->target.place.dialer,
                                            .host = b->url.host,
                                            .port = b->url.port,
                                            .client_id = buf_slice(&b->client_id),
                                            .user = buf_slice(&b->user),
                                            .password = buf_slice(&b->password),
                                            .up = on_up,
                                            .acked = on_acked,
                                            .down = on_down,
                                            .ctx = b};
    if (make_tls(b, ca) == OK) {
        b->config.tls = b->tls;
        b->line = bridge_line_new(&b->config);
    } else {
        snprintf(b->cannot, sizeof b->cannot, "%s", fail_text());
    }
}

static struct deliver_target *bridge_open(const struct deliver_place *place,
                                          const struct json *endpoint)
{
    struct bridge *b = NEW(struct bridge);
    const struct json *envelope = json_get(endpoint, "envelope");
    b->target.place = *place;
    list_init(&b->flights);
    enum err e = bridge_url_read(json_str(endpoint, "url"), &b->url);
    assert(e == OK); /* bridge_check() has seen it */
    buf_put_slice(&b->client_id, json_str(endpoint, "clientId"));
    buf_put_slice(&b->user, json_str(endpoint, "user"));
    buf_put_slice(&b->password, json_str(endpoint, "password"));
    buf_put_slice(&b->topic, json_str(endpoint, "topic"));
    b->envelope = envelope && envelope->type == JSON_BOOL && envelope->truth;
    b->batch_max = MAX(1u, MIN((unsigned)BRIDGE_BATCH_MESSAGES,
                               BRIDGE_WINDOW / MAX(1u, log_partitions(place->hub->log, 0))));
    make_line(b, json_str(endpoint, "ca"));
    timer_init(&b->silence, b->line ? on_silence : on_cannot);
    return &b->target;
}

static void bridge_close(struct deliver_target *t)
{
    struct bridge *b = of(t);
    bridge_line_free(b->line);
    timer_stop(&b->silence);
    while (!list_empty(&b->flights))
        flight_free(CONTAINER_OF(list_take(&b->flights), struct flight, node));
    tls_context_drop(b->tls);
    buf_wipe(&b->password);
    buf_free(&b->client_id);
    buf_free(&b->user);
    buf_free(&b->topic);
    message_free(&b->message);
    free(b);
}

const struct deliver_kind bridge_kind = {
    .routing = {.list = "mqtt", .check = bridge_check, .mask = bridge_mask},
    .open = bridge_open,
    .close = bridge_close,
    .connect = bridge_connect,
    .add = bridge_add,
    .send = bridge_send,
    .forget = bridge_forget,
};
