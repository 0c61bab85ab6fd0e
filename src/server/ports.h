/* ports.h - which ports the server listens on, and what answers there.
 *
 * Runs on: the main thread, before the cores run.
 */
#ifndef SERVER_PORTS_H
#define SERVER_PORTS_H

#include "net/net.h"
#include "server/config.h"

enum port_kind { PORT_MQTT, PORT_AMQP, PORT_HTTPS, PORT_PLAIN_MQTT, PORT_PLAIN_AMQP, PORT_KINDS };

struct ports {
    struct net_port bound[PORT_KINDS][CONFIG_BINDS_MAX];
    const char *addresses[CONFIG_BINDS_MAX];
    unsigned binds;
    unsigned number[PORT_KINDS]; /* 0: off */
    bool replaced[PORT_KINDS];   /* a free one instead of the one that was asked for */
    struct net_port console;     /* on an address of its own; count 0: off */
    struct net_port admin;       /* DIR/azimuth.sock */
};

/* Binds everything or fails with the reason and the remedies.  `take_free`: a standard port that
 * cannot be had is replaced by a free one (azimuth dev). */
enum err ports_bind(struct ports *p, const struct config *cfg, const char *socket_path,
                    unsigned cores, bool take_free) MUST_USE;

#endif
