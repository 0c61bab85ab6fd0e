/* net.h - what a host or a peer is, as texts name it. */
#ifndef BASE_NET_H
#define BASE_NET_H

#include <stdint.h>

#include "base/slice.h"

/* This machine by any of its own names: localhost, 127.0.0.0/8, ::1 (also in brackets).  A name that merely
 * begins like one is somebody else's. */
bool net_is_loopback(struct slice host);

/* "host:port", "[::1]:port" or either without a port: where the host ends. */
size_t net_host_end(struct slice authority);

/* The parts of those, and of ::1 without brackets: the host without brackets, the port's digits; empty: none. */
void net_split(struct slice authority, struct slice *host, struct slice *port);

/* A port of 1 to 65535; 0: it is none. */
unsigned net_port(struct slice digits);

/* Can it stand behind https://?  Then an IPv6 address is in brackets, and a port is one. */
bool net_authority_valid(struct slice authority);

enum { NET_NETWORK_LEN = 8 };

/* Whose limits a peer counts against: of "192.0.2.7:40312" its address, of "[2001:db8::1]:40312" the first 64
 * bits, which one machine has to itself.  All zero: it is neither (a Unix socket). */
void net_network(struct slice peer, uint8_t out[NET_NETWORK_LEN]);

#endif
