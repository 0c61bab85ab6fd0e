/* device.h - a simulated device: a sender (tests/promise) on a virtual link, which comes back after
 * every end of its connection and now and then ends it itself.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "link.h"
#include "promise/sender.h"

enum { DEVICE_WINDOW_MAX = 16 };

struct device {
    struct sender sender;
    struct link *link; /* NULL while away */
};

/* How devices reach whatever hub is alive: NULL when there is none. */
struct device_net {
    struct link *(*dial)(struct device *d, const struct link_client *client);
    void (*credential)(const struct device *d, struct buf *user_name, struct buf *token);
};

void device_init(struct device *d, struct ledger *l, unsigned index, uint64_t goal,
                 const struct device_net *net);
void device_fini(struct device *d);
void device_start(struct device *d); /* connects, some time soon */

#endif
