/* fake_event_hub.h - one event hub besides the built-in one, `orders` with 4 partitions, stream 1. */
#ifndef FRONT_AMQP_TESTING_FAKE_EVENT_HUB_H
#define FRONT_AMQP_TESTING_FAKE_EVENT_HUB_H

#include "hub/event_hub/event_hub.h"

enum { FAKE_STREAM = 1, FAKE_STREAM_PARTITIONS = 4, FAKE_CORES = 8 };

struct event_hubs {
    bool there;
    unsigned watchers;
    struct {
        event_hub_fn fn;
        void *ctx;
    } gone[FAKE_CORES];
};

extern struct event_hubs fake_event_hubs;

void fake_event_hub_goes(void); /* all cores are told */

#endif
