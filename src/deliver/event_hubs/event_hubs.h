/* event_hubs.h - endpoints of the kind "eventHubs": event hubs that users made on this server, or elsewhere
 * (amqp_target.h).  Private to deliver. */
#ifndef DELIVER_EVENT_HUBS_EVENT_HUBS_H
#define DELIVER_EVENT_HUBS_EVENT_HUBS_H

#include "deliver/kind.h"

enum {
    EVENT_HUBS_EVENT_BYTES_MAX = 1 << 20, /* of an event, as of a producer's */
    EVENT_HUBS_AHEAD_MS = 100,            /* a batch may be so far ahead of the throttle */
};

extern const struct deliver_kind event_hubs_kind;

#endif
