/* device.h - a simulated device: connects, sends numbered messages at QoS 1, resends what was not
 * acknowledged, and remembers what it was told.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "link.h"
#include "proto/mqtt/mqtt.h"

enum { DEVICE_WINDOW_MAX = 16, DEVICE_MESSAGES_MAX = 4096 };

enum device_phase { DEVICE_AWAY, DEVICE_CONNECTING, DEVICE_CONNECTED };

struct device {
    unsigned index;
    char id[24];
    enum device_phase phase;
    struct link *link;
    struct mqtt mqtt;
    struct buf out;
    unsigned window;
    uint64_t acked;                             /* messages 0 .. acked-1 were acknowledged */
    uint64_t in_flight;                         /* sent and not acknowledged on this connection */
    uint64_t sent;                              /* messages 0 .. sent-1 were sent at least once */
    uint64_t goal;                              /* messages to send in all */
    uint16_t packet_ids[DEVICE_WINDOW_MAX];     /* of those in flight, oldest first */
    uint8_t uncertain[DEVICE_MESSAGES_MAX / 8]; /* bit: unacknowledged when a connection ended */
    unsigned connects;
};

/* How devices reach whatever hub is alive: NULL when there is none. */
struct device_net {
    struct link *(*dial)(struct device *d, const struct link_client *client);
    void (*credential)(struct device *d, struct buf *user_name, struct buf *token);
};

void device_init(struct device *d, unsigned index, uint64_t goal, const struct device_net *net);
void device_fini(struct device *d);
void device_start(struct device *d); /* connects, some time soon */
bool device_done(const struct device *d);

static inline bool device_was_uncertain(const struct device *d, uint64_t n)
{
    return d->uncertain[n / 8] >> (n % 8) & 1;
}

#endif
