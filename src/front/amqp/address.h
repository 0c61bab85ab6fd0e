/* address.h - the addresses of links.  Private to front/amqp.
 *
 * Accepted with or without leading '/', as amqps://host:port/path, fixed words in any case:
 *   $cbs | $management | {hub}/$management | {hub}/ConsumerGroups/{group}/Partitions/{n}
 * {hub} is the hub's name or "messages/events".
 */
#ifndef FRONT_AMQP_ADDRESS_H
#define FRONT_AMQP_ADDRESS_H

#include "hub/consumer_group/consumer_group.h"
#include "hub/hub.h"

enum { ADDRESS_MAX = 1024 };

enum address_kind {
    ADDRESS_UNKNOWN,
    ADDRESS_CBS,
    ADDRESS_MANAGEMENT,
    ADDRESS_STREAM, /* {hub} alone: where producers send; messages/events: leads to the stream */
    ADDRESS_PARTITION,
};

struct address {
    enum address_kind kind;
    bool iot_name; /* said "messages/events" */
    char group[CONSUMER_GROUP_NAME_MAX + 1];
    unsigned partition;
};

void address_parse(const struct hub *hub, struct slice text, struct address *out);

/* The path that a token must cover, spelled with the hub's name or with "messages/events". */
void address_path(const struct hub *hub, const struct address *a, bool iot_name, struct buf *out);

#endif
