/* event_sender.h - a producer's link from inside.  Private to event_sender.c and idempotent.c. */
#ifndef FRONT_AMQP_EVENT_SENDER_H
#define FRONT_AMQP_EVENT_SENDER_H

#include "front/amqp/stream_link.h"

/* Links of producers that are refused for who they say they are, by reason. */
#define EVENT_PUBLISHERS_REFUSED      "azimuth_event_hub_publishers_refused_total"
#define EVENT_PUBLISHERS_REFUSED_HELP "Links of publishers and idempotent producers refused"

struct event_sender {
    struct peer_link base;
    struct stream_link stream;
    struct addr slot;
    unsigned partitions;
    uint32_t unsettled;     /* transfers with the log */
    enum err failed;        /* why an earlier event of the transfer under way was refused */
    struct list full;       /* in service->full_senders */
    struct timer held;      /* runs: no credit until the throttle's turn has come */
    struct slice publisher; /* in base.path; ptr NULL: none */
    bool idempotent;        /* idempotent.c; then: */
    int64_t producer_id;
    int32_t epoch;
};

/* A transfer, read. */
struct transfer {
    const struct amqp_delivery *delivery;
    struct slice key; /* of the envelope, or of the first event that has one; ptr NULL: none */
    unsigned events;
    unsigned partition;
};

static inline struct amqp_service *event_sender_service(const struct event_sender *e)
{
    return e->base.peer->service;
}

/* An event as it is stored: its annotations, how many there are, and its sections. */
unsigned event_put_pairs(const struct event_sender *e, struct buf *b, const struct transfer *t,
                         const struct amqp_value *annotations);
void event_put_sections(struct buf *b, struct slice event);

/* Accepts a transfer, or rejects it with *no. */
void event_settle(struct event_sender *e, uint32_t id, bool settled, const struct amqp_error *no);
void event_renew_credit(struct event_sender *e);

/* Answers the attach; of an idempotent producer with its properties. */
void event_welcome(struct event_sender *e, struct slice properties);

/* ---- idempotent.c */

/* The attach, which is answered when the partition's home has answered. */
void idempotent_attach(struct event_sender *e, const struct amqp_attach_event *ev);

/* The transfer's sequence numbers are this producer's and without gaps: their first. */
enum err idempotent_check(const struct event_sender *e, const struct transfer *t,
                          uint32_t *first) MUST_USE;

/* Gives it to the home, which accepts it or not. */
void idempotent_store(struct event_sender *e, const struct transfer *t, uint32_t first);

#endif
