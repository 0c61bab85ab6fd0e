/* shipment.h - a batch on its way over AMQP: deliveries, and what became of each.  Private to deliver.
 *
 *   the batch's messages ──by device──▶ lots ──one delivery each──▶ settled, in any order
 *
 * Messages of one device keep their order whatever the peer says: a lot waits until the one before it of its
 * device was taken.  Where one delivery may be several messages, a device's are one lot; else each is.
 *
 * If some were taken and others not, the engine brings all of them again; what was taken is remembered and
 * not sent twice. */
#ifndef DELIVER_AMQP_SHIPMENT_H
#define DELIVER_AMQP_SHIPMENT_H

#include "deliver/amqp/sender.h"

/* A message in a batch. */
struct parcel {
    struct slice key, message;
    uint64_t ordinal; /* of its record */
};

/* Appends one; the message is put by the caller in between. */
size_t parcel_begin(struct buf *batch, uint64_t ordinal, struct slice key);
void parcel_end(struct buf *batch, size_t at);

/* What was taken out of a batch of that call that was not taken whole. */
struct remnant {
    struct list node;
    const struct deliver_call *call;
    uint64_t *ordinals; /* rising */
    unsigned count;
};
void remnant_sort(struct remnant *r);
void remnant_free(struct remnant *r);

enum lot_state { LOT_WAITS, LOT_SENT, LOT_TAKEN, LOT_FAILED };

struct lot {
    enum lot_state state;
    int before;           /* the lot of its device that must be taken first; -1: none */
    unsigned first, last; /* items */
    unsigned count;
};

struct item {
    struct parcel parcel;
    int next; /* in its lot; -1: the last */
};

struct shipment {
    struct list node;
    struct deliver_call *call;
    struct buf bytes;
    struct item *items;
    unsigned item_count;
    struct lot *lots;
    unsigned lot_count, scanned, unsettled;
    bool stopped; /* time, or somebody, has to mend something: no more are sent */
    struct deliver_result worst;
    char text[AMQP_SENDER_TEXT_MAX + 1];
};

/* Takes the batch.  `merges`: a delivery may be several messages.  `r`: of that call, or NULL. */
struct shipment *shipment_new(struct deliver_call *call, struct buf *batch, bool merges,
                              const struct remnant *r);
void shipment_free(struct shipment *s);

int shipment_next(struct shipment *s); /* a lot that may be sent now; -1: none */
void shipment_sent(struct shipment *s, unsigned lot);
void shipment_settled(struct shipment *s, unsigned lot, const struct deliver_result *r);
void shipment_lost(struct shipment *s, const struct deliver_result *r); /* all that was not taken */
bool shipment_is_over(struct shipment *s);

/* Puts a lot's message, or its messages as a batch; returns the format. */
uint32_t shipment_format(const struct shipment *s, unsigned lot);
void shipment_put(const struct shipment *s, unsigned lot, struct buf *out);

/* What was taken of it; NULL: nothing. */
struct remnant *shipment_remnant(const struct shipment *s);

#endif
