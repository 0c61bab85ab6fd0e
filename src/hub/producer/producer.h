/* producer.h - idempotent producers: what is sent again is not stored again.
 *
 *   a link on its core ──OPEN──▶ the partition's home ──▶ its producers, from store and log
 *                      ──SEND──▶ sequence numbers are the next ones: appended; came before: yes, at once
 *
 * A producer is a number ("producer group") with an owner level ("epoch") and, per partition, sequence
 * numbers without gaps, from 0 to INT32_MAX and then from 0 again (as Kafka's and .NET's clients count).  For each partition one core decides and appends, wherever the links are.
 *
 * What a partition's producers have sent stands in the log, in the annotations of their events, and now
 * and then in a row of the store, so that after a crash only the log behind that row is read.  The row is
 * there before the first event is; an event that was acknowledged is known from then on.
 *
 * Runs on: every core's lane; never blocks.
 * Life:    producers_new() after event_hubs_new() and the AMQP front, before cursors_new(), before the
 *          lanes run; producers_free() after they stopped, before event_hubs_free().
 * Limits:  the constants below.
 * Source:  @azure/event-hubs 6.0.4, dist/esm/eventHubSender.js; Azure/azure-sdk-for-js,
 *          sdk/eventhub/event-hubs/test, its cases of idempotent producers.
 */
#ifndef HUB_PRODUCER_PRODUCER_H
#define HUB_PRODUCER_PRODUCER_H

#include "hub/event_hub/event_hub.h"
#include "hub/hub.h"
#include "log/log.h"

enum {
    PRODUCERS_MAX = 1000,        /* per partition; the one unused longest is forgotten */
    PRODUCER_BATCHES = 5,        /* newest of a producer that may come again */
    PRODUCER_WAITING_MAX = 1000, /* questions while a partition's producers are being read: busy */
    PRODUCER_READ_BYTES = 256 << 10, /* of the log at a time, then */
};
#define PRODUCER_KEEP_US (10 * 1000000ll) /* how often a row is written */

#define PRODUCER_ID       "com.microsoft:producer-id"
#define PRODUCER_EPOCH    "com.microsoft:producer-epoch"
#define PRODUCER_SEQUENCE "com.microsoft:producer-sequence-number"

enum producer_kind {
    PRODUCER_OPEN = HUB_PRODUCER, /* struct producer_open -> PRODUCER_OPENED */
    PRODUCER_OPENED,              /* struct producer_answer */
    PRODUCER_SEND,                /* struct producer_send, events -> PRODUCER_SENT */
    PRODUCER_SENT,                /* struct producer_answer */
};

enum producer_outcome {
    PRODUCER_FINE,
    PRODUCER_STOLEN, /* another one has a higher owner level */
    PRODUCER_OLD,    /* sequence numbers that were there, but not as a batch that may come again */
    PRODUCER_GAP,    /* ... that leave some out */
    PRODUCER_GONE,   /* there is no such event hub any more */
    PRODUCER_BUSY,
    PRODUCER_BROKEN, /* the log or the store */
};

/* PRODUCER_NONE: the client leaves it to us. */
#define PRODUCER_NONE (-1)

struct producer_open {
    uint16_t stream, partition;
    int64_t id;
    int32_t epoch, sequence; /* the last one that was sent */
};

struct producer_answer {
    enum producer_outcome outcome;
    int64_t id;
    int32_t epoch;    /* of the one in the way, too */
    int32_t sequence; /* OPENED: as given, or the last one; SENT: the next that would be taken */
};

/* Behind it, for each event: struct producer_event, its pairs, its sections. */
struct producer_send {
    uint16_t stream, partition;
    int32_t epoch;
    int64_t id;
    uint32_t first, count; /* sequence numbers */
};

struct producer_event {
    uint32_t pair_count, pairs_len, sections_len;
};

/* The core that decides about a partition. */
static inline struct addr producer_home(const struct hub *hub, unsigned stream, unsigned partition)
{
    return (struct addr){.lane = hub->cores[(stream + partition) % hub->core_count]};
}

struct producers;

struct producers *producers_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                                struct event_hubs *event_hubs);
void producers_free(struct producers *ps); /* NULL is fine */

#endif
