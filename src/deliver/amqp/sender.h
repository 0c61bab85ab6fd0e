/* sender.h - a link to an entity of Event Hubs or Service Bus, on which messages go out.  Private to deliver.
 *
 *   down ──amqp_sender_start()──▶ dialing ─▶ SASL ─▶ CBS: the token ─▶ attach ─▶ up: ready()
 *     ▲                                                                     │ settled() ...
 *     └──────────────── down(): whatever ends it, with what to do about it ◀┘
 *
 * One connection with one link.  What the peer offers decides how to log in: MSSBCBS or nothing but ANONYMOUS,
 * then a token is put to $cbs, and another before it ends; PLAIN without MSSBCBS, then the name and key of
 * the policy are what it is told.  Nothing is kept here: what is not settled when it goes down may have
 * been taken or not.
 *
 * Runs on: the core's lane.
 * Limits:  AMQP_SENDER_ANSWER_US for each step of the peer's; the token's are AMQP_SENDER_TOKEN_S.
 * Source:  "AMQP 1.0 in Azure Service Bus and Event Hubs protocol guide"; AMQP claims-based security draft.
 */
#ifndef DELIVER_AMQP_SENDER_H
#define DELIVER_AMQP_SENDER_H

#include "deliver/kind.h"
#include "net/dial.h"

enum {
    AMQP_SENDER_ENTITY_MAX = 260, /* bytes (Service Bus: a topic's name) */
    AMQP_SENDER_POLICY_MAX = 256, /* bytes of the name of a policy */
    AMQP_SENDER_KEY_MAX = 256,    /* bytes of its key */
    AMQP_SENDER_TOKEN_S = 3600,   /* a token lives so long */
    AMQP_SENDER_RENEW_S = 2700,   /* and is replaced after that */
    AMQP_SENDER_BUSY_S = 10,      /* Service Bus: what to wait after server-busy */
    AMQP_SENDER_TEXT_MAX = 255,   /* routing_health.error */
};
#define AMQP_SENDER_ANSWER_US (30 * 1000000ll)

struct amqp_sender;
struct amqp_sender_peer;

struct amqp_sender_owner {
    void (*ready)(struct amqp_sender *s); /* it is up, and more can be sent than before */

    /* The peer's word on those deliveries. */
    void (*settled)(struct amqp_sender *s, uint32_t first, uint32_t last,
                    const struct deliver_result *r);

    void (*down)(struct amqp_sender *s,
                 const struct deliver_result *r); /* never within amqp_sender_start() */
};

struct amqp_sender {
    const struct amqp_sender_owner *owner;
    const struct deliver_place *place;
    char host[DIAL_HOST_MAX + 1];
    unsigned port;
    bool plain; /* no TLS: an emulator */
    char entity[AMQP_SENDER_ENTITY_MAX + 1];
    char policy[AMQP_SENDER_POLICY_MAX + 1];
    char key[AMQP_SENDER_KEY_MAX + 1];
    uint64_t message_max; /* the peer's, as it last said; 0: it did not */

    /* private */
    struct dial dial;
    struct amqp_sender_peer *peer; /* once it is connected */
    struct timer late;             /* what failed at once is told then */
    struct deliver_result failed;
    char text[AMQP_SENDER_TEXT_MAX + 1]; /* of `failed` */
};

struct connstr;

void amqp_sender_init(struct amqp_sender *s, const struct amqp_sender_owner *owner,
                      const struct deliver_place *place, const struct connstr *to);
void amqp_sender_fini(struct amqp_sender *s); /* says goodbye if it is up; calls nobody */

void amqp_sender_start(struct amqp_sender *s); /* unless it is up or about to be */
bool amqp_sender_is_up(const struct amqp_sender *s);

/* Credit, window and room in the connection allow another delivery. */
bool amqp_sender_can_send(struct amqp_sender *s);

/* A delivery: its sections go to the buf in between.  The id is what settled() will name. */
struct buf *amqp_sender_begin(struct amqp_sender *s, uint32_t format);
uint32_t amqp_sender_end(struct amqp_sender *s);

void amqp_sender_drop(struct amqp_sender *s, enum deliver_outcome outcome,
                      const char *text); /* goes down, with that */

/* ---- conditions (sender_error.c) */

struct amqp_disposition;
struct amqp_error;

/* What an error of the peer's means; `out->text` is written to `text`, `where` is what it is about. */
void amqp_sender_judge(const struct amqp_error *error, const char *where,
                       char text[AMQP_SENDER_TEXT_MAX + 1], struct deliver_result *out);
void amqp_sender_judge_disposition(const struct amqp_disposition *d, const char *where,
                                   char text[AMQP_SENDER_TEXT_MAX + 1], struct deliver_result *out);

/* Appends, for a log and a document: one line, no quotes. */
void amqp_sender_put_clean(char *text, size_t size, struct slice words);

#endif
