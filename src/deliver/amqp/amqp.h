/* amqp.h - endpoints that are reached over AMQP: event hubs, queues and topics elsewhere.  Private to
 * deliver. */
#ifndef DELIVER_AMQP_AMQP_H
#define DELIVER_AMQP_AMQP_H

#include "deliver/kind.h"

enum {
    AMQP_TARGET_MESSAGE_MAX = 1 << 20, /* bytes, where the peer does not say (Event Hubs: 1 MiB) */
    AMQP_TARGET_BATCH_BYTES = 256 << 10, /* gathered at a time per partition */
    AMQP_TARGET_BATCH_MESSAGES = 500,    /* likewise */
    AMQP_TARGET_PATIENCE_S = 60,         /* without credit or a word about what was sent */
};

/* Of the kind "eventHubs", those with a connectionString. */
extern const struct deliver_kind amqp_event_hubs_kind;
extern const struct deliver_kind service_bus_queues_kind, service_bus_topics_kind;

#endif
