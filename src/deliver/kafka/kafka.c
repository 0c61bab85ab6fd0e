/* kafka.c - messages of devices to a topic, by a producer that repeats nothing and loses nothing by itself.
 *
 *   connect: is the topic there, may we?
 *   a batch: handed to the endpoint's own thread ─▶ every message acknowledged by all replicas ─▶ the answer
 *
 * One batch of a partition is under way at a time and a device has one partition, here and in the topic, so
 * the order holds; what is not acknowledged in time is taken back and comes again, after what came before. */
#include "deliver/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/num.h"
#include "deliver/kafka/carrier.h"
#include "deliver/kafka/check.h"
#include "deliver/kafka/courier.h"
#include "deliver/kafka/message.h"
#include "deliver/trust.h"

static const struct kafka_carrier *carrier = &kafka_courier;

struct kafka {
    struct deliver_target target;
    const struct kafka_carrier *carrier;
    void *own;              /* the carrier's */
    struct message message; /* its memory */
};

static struct kafka *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct kafka, target);
}

void kafka_use(const struct kafka_carrier *c)
{
    carrier = c ? c : &kafka_courier;
}

/* ---- answers */

struct answer {
    enum deliver_outcome outcome;
    char text[256];
};

void kafka_answer(struct lane *lane, struct addr to, enum deliver_outcome outcome, const char *text)
{
    struct answer a = {.outcome = outcome};
    struct msg *m = msg_new(DELIVER_KAFKA, sizeof a);
    snprintf(a.text, sizeof a.text, "%s", text);
    memcpy(m->body, &a, sizeof a);
    post(lane, to, to, m);
}

static void on_answer(void *ctx, struct lane *lane, struct msg *m)
{
    struct deliver_call *c = slot_get(lane, m->to);
    struct answer a;
    (void)ctx;
    if (c == NULL) return;
    slot_free(lane, m->to);
    memcpy(&a, m->body, sizeof a);
    deliver_call_end(c, &(struct deliver_result){.outcome = a.outcome, .text = a.text});
}

void kafka_attach(struct lane *lane)
{
    lane_on(lane, DELIVER_KAFKA, on_answer, NULL);
}

/* ---- questions */

static struct addr place_of(struct kafka *k, struct deliver_call *c)
{
    c->out.slot = slot_new(k->target.place.lane, c);
    return c->out.slot;
}

static void kafka_connect(struct deliver_target *t, struct deliver_call *c)
{
    struct kafka *k = of(t);
    k->carrier->look(k->own, place_of(k, c));
}

static enum err kafka_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                          unsigned count)
{
    struct kafka *k = of(t);
    size_t before = batch->len;
    if (count == KAFKA_BATCH_MAX) return ERR_FULL;
    if (message_read(r, t->place.bit, &k->message) != OK)
        return fail(ERR_INVALID, "the stored message is damaged");
    message_mark(&k->message, t->place.hub, t->place.name);
    kafka_put_message(batch, &k->message);
    bool too_big = batch->len - before > KAFKA_MESSAGE_MAX;
    bool full = count && buf_size(batch) > DELIVER_BATCH_MAX;
    if (!too_big && !full) return OK;
    batch->len = before;
    return too_big ? fail(ERR_TOO_BIG, "with its headers the message is larger than %d bytes",
                          KAFKA_MESSAGE_MAX)
                   : ERR_FULL;
}

static void kafka_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct kafka *k = of(t);
    k->carrier->send(k->own, place_of(k, c), batch);
}

static void kafka_forget(struct deliver_target *t, struct deliver_call *c)
{
    slot_free(t->place.lane, c->out.slot);
}

/* ---- life */

static const char *text_copy(struct arena *a, struct slice text)
{
    char *copy = arena_alloc(a, text.len + 1);
    if (text.len) memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}

static const char *text_of(struct arena *a, const struct json *endpoint, const char *key)
{
    return text_copy(a, json_str(endpoint, key));
}

/* Certificates that count: the endpoint's, else the server's (--outgoing-ca), else the system's. */
static const char *ca_of(struct arena *a, const struct json *endpoint, const struct trust *trust)
{
    bool tls = slice_ends(json_str(endpoint, "securityProtocol"), SLICE_LIT("SSL"));
    bool own = json_given(endpoint, "sslCaPem") != NULL;
    return own || !tls || trust == NULL ? text_of(a, endpoint, "sslCaPem")
                                        : text_copy(a, trust->ca_pem);
}

static struct deliver_target *kafka_open(const struct deliver_place *place,
                                         const struct json *endpoint)
{
    struct kafka *k = NEW(struct kafka);
    struct arena a = {0};
    const struct kafka_settings s = {.servers = text_of(&a, endpoint, "bootstrapServers"),
                                     .topic = text_of(&a, endpoint, "topic"),
                                     .protocol = text_of(&a, endpoint, "securityProtocol"),
                                     .mechanism = text_of(&a, endpoint, "saslMechanism"),
                                     .user = text_of(&a, endpoint, "saslUsername"),
                                     .password = text_of(&a, endpoint, "saslPassword"),
                                     .ca = ca_of(&a, endpoint, place->trust)};
    k->target.place = *place;
    k->carrier = carrier;
    k->own = carrier->open(&s, place->lane);
    arena_wipe(&a);
    return &k->target;
}

static void kafka_close(struct deliver_target *t)
{
    struct kafka *k = of(t);
    k->carrier->close(k->own);
    message_free(&k->message);
    free(k);
}

const struct deliver_kind kafka_kind = {
    .routing = {.list = "kafka", .check = kafka_check, .mask = kafka_mask},
    .open = kafka_open,
    .close = kafka_close,
    .connect = kafka_connect,
    .add = kafka_add,
    .send = kafka_send,
    .forget = kafka_forget,
};
