/* device.h - simulated devices that send telemetry and keep account (tests/promise/ledger.h) of what they were
 * told: over MQTT (device.c: a sender of tests/promise), over AMQP (device_amqp.c) and over HTTPS
 * (device_http.c), one by one and in batches.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "amqp_peer.h"
#include "client.h"
#include "http_peer.h"
#include "promise/sender.h"

enum { DEVICE_WINDOW_MAX = 16, DEVICE_BATCH_MAX = 6, DEVICE_PADDING_MAX = 300 };

struct device {
    struct client client;
    struct sender sender;
};

void device_init(struct device *d, struct ledger *l, unsigned index, uint64_t goal,
                 struct sim_hub *hub);
void device_fini(struct device *d);

/* A transfer that is not settled, and how many messages it has. */
struct device_transfer {
    uint32_t delivery;
    unsigned messages;
};

struct device_amqp {
    struct amqp_peer peer;
    struct account *account;
    unsigned index; /* of the account */
    uint64_t goal;
    unsigned window;        /* transfers under way at most */
    struct amqp_link *link; /* NULL: not attached, or it was refused something */
    struct device_transfer in_flight[DEVICE_WINDOW_MAX]; /* oldest first */
    unsigned in_flight_count;
    uint64_t sent; /* the first message that was not sent on this connection */
};

/* A transfer that is refused on its own (no room, for a moment) comes after those behind it: where that
 * happens order needs a `window` of 1. */
void device_amqp_init(struct device_amqp *d, struct ledger *l, unsigned index, uint64_t goal,
                      unsigned window, struct sim_hub *hub);

struct device_http {
    struct http_peer peer;
    struct account *account;
    unsigned index; /* of the account */
    uint64_t goal;
    unsigned in_flight; /* messages of the request that waits */
};

void device_http_init(struct device_http *d, struct ledger *l, unsigned index, uint64_t goal,
                      struct sim_hub *hub);

#endif
