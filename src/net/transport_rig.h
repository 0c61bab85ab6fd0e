/* transport_rig.h - a connection's transport in memory, for tests and fuzz targets only: what is sent is kept. */
#ifndef NET_TRANSPORT_RIG_H
#define NET_TRANSPORT_RIG_H

#include "base/list.h"
#include "net/stack.h"

struct transport_rig {
    struct conn conn; /* conn_init() with &rig_transport */
    struct buf sent;  /* what the peer has not read yet */
    bool shut;        /* closed, and not gone yet */
};

static inline struct transport_rig *transport_rig_of(const struct conn *c)
{
    return CONTAINER_OF((void *)(uintptr_t)c, struct transport_rig, conn);
}

static inline void transport_rig_write(struct conn *c, struct slice bytes)
{
    buf_put_slice(&transport_rig_of(c)->sent, bytes);
}

static inline size_t transport_rig_waiting(const struct conn *c)
{
    (void)c;
    return 0;
}

static inline void transport_rig_hold(struct conn *c)
{
    (void)c;
}

static inline void transport_rig_shut(struct conn *c, bool abort)
{
    (void)abort;
    transport_rig_of(c)->shut = true;
}

static const struct transport rig_transport = {transport_rig_write,
                                               transport_rig_waiting,
                                               transport_rig_hold,
                                               transport_rig_hold,
                                               transport_rig_shut,
                                               NULL,
                                               NULL};

#endif
