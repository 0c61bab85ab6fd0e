/* stream_link.h - links to event hubs that users made, which may go under them.  Private to
 * front/amqp. */
#ifndef FRONT_AMQP_STREAM_LINK_H
#define FRONT_AMQP_STREAM_LINK_H

#include "front/amqp/peer.h"

/* Embedded in a link's state; zeroed is fine for a link to the built-in event hub. */
struct stream_link {
    struct list node; /* in service->stream_links */
    struct peer_link *link;
    bool answered; /* the attach */
};

/* Once a service: hears of event hubs that go. */
void stream_links_init(struct amqp_service *s);

/* As Event Hubs say it: clients look for condition and words.  (Tests of azure-sdk-for-js.) */
#define NO_PARTITION "com.microsoft:argument-out-of-range"
#define NO_PARTITION_TEXT                                                                          \
    "The specified partition is invalid for an EventHub partition sender or receiver."

/* The attach of a link to a partition that is not there; `partitions`: how many there are. */
void stream_refuse_partition(struct peer_link *l, unsigned partitions);

void stream_link_begin(struct stream_link *s, struct peer_link *l);
void stream_link_end(struct stream_link *s);

/* The event hub that the stream belongs to; NULL: the built-in one, or none. */
const struct event_hub *stream_hub(const struct amqp_service *s, unsigned stream);

/* By the name that a request has; NULL: there is none. */
const struct event_hub *stream_named(const struct amqp_service *s, struct slice name);

#endif
