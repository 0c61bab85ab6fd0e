/* bridge.h - endpoints of the kind "mqtt": another MQTT broker.  Private to deliver. */
#ifndef DELIVER_BRIDGE_BRIDGE_H
#define DELIVER_BRIDGE_BRIDGE_H

#include "deliver/kind.h"

enum {
    BRIDGE_WINDOW = 1024,           /* messages without PUBACK, of all partitions */
    BRIDGE_BATCH_MESSAGES = 64,     /* of them of one partition */
    BRIDGE_BATCH_BYTES = 128 << 10, /* of one partition; a message that is larger goes alone */
    BRIDGE_ACK_S = 30,              /* without any PUBACK: the connection is given up */
    BRIDGE_BATCH_HANGUPS = 3,       /* running, on a batch: its messages go one by one */
    BRIDGE_HANGUPS_MAX = 60,        /* running, on one message alone: it is refused */
};

extern const struct deliver_kind bridge_kind;

#endif
