/* net.h - what a host is, as texts name it. */
#ifndef BASE_NET_H
#define BASE_NET_H

#include "base/slice.h"

/* This machine by any of its own names: localhost, 127.0.0.0/8, ::1 (also in brackets).  A name that merely
 * begins like one is somebody else's. */
bool net_is_loopback(struct slice host);

/* "host:port", "[::1]:port" or either without a port: where the host ends. */
size_t net_host_end(struct slice authority);

#endif
