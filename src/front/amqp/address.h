/* address.h - the addresses of links.  Private to front/amqp.
 *
 * Accepted with or without leading '/', as amqps://host:port/path, fixed words in any case:
 *   $cbs | $management | {hub}/$management | {hub}/ConsumerGroups/{group}/Partitions/{n}
 *   {hub} | {hub}/Partitions/{n} | {hub}/Publishers/{name}, of producers
 *   messages/devicebound | messages/servicebound/feedback | messages/servicebound/filenotifications
 * {hub} is the hub's name or "messages/events", or an event hub's that a user made.  Of devices, and of modules with /modules/{m} behind it:
 *   devices/{d}/messages/events | devices/{d}/messages/devicebound
 *   devices/{d}/methods/devicebound | devices/{d}/twin
 *   {id scope}/registrations/{r}, of devices that register
 * Ids may be percent-encoded (.NET) or not (Node, C, Java), and have a '%' themselves: there are two readings
 * then, see peer_read_ids().
 */
#ifndef FRONT_AMQP_ADDRESS_H
#define FRONT_AMQP_ADDRESS_H

#include "hub/consumer_group/consumer_group.h"
#include "hub/event_hub/event_hub.h"
#include "hub/hub.h"

enum { ADDRESS_MAX = 1024 };

enum address_kind {
    ADDRESS_UNKNOWN,
    ADDRESS_CBS,
    ADDRESS_MANAGEMENT,
    ADDRESS_STREAM, /* {hub} alone: where producers send; messages/events: leads to the stream */
    ADDRESS_PARTITION,
    ADDRESS_SEND_PARTITION,
    ADDRESS_PUBLISHER,
    ADDRESS_SERVICE_SEND, /* where services send to devices */
    ADDRESS_SERVICE_FEEDBACK,
    ADDRESS_REGISTRATION,  /* of a device that registers: `who` is its registration id */
    ADDRESS_SERVICE_FILES, /* notifications of files that devices uploaded */
    ADDRESS_DEVICE_EVENTS, /* this and those below: of an identity, see `who` */
    ADDRESS_DEVICE_BOUND,
    ADDRESS_DEVICE_METHODS,
    ADDRESS_DEVICE_TWIN,
};

struct address {
    enum address_kind kind;
    bool iot_name;   /* said "messages/events" */
    uint16_t stream; /* of the event hub; 0: the built-in one */
    char group[CONSUMER_GROUP_NAME_MAX + 1];
    unsigned partition;
    bool no_partition;             /* ADDRESS_UNKNOWN: it names a partition by no number */
    bool absolute;                 /* with scheme and host */
    char who[HUB_WHO_LEN_MAX + 1]; /* the identity: hub_who_valid() */
    char raw[HUB_WHO_LEN_MAX + 1]; /* the same without decoding; empty: that is no other */
};

/* `hubs`: those that users made; NULL: none. */
void address_parse(const struct hub *hub, const struct event_hubs *hubs, struct slice text,
                   struct address *out);

/* The path that a token must cover; the built-in event hub's name is the hub's or "messages/events". */
void address_path(const struct hub *hub, const struct event_hubs *hubs, const struct address *a,
                  bool iot_name, struct buf *out);

#endif
