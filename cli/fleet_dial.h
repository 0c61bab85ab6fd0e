/* fleet_dial.h - from a host name to a connected socket.  Private to fleet. */
#ifndef CLI_FLEET_DIAL_H
#define CLI_FLEET_DIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

enum { FLEET_ADDRESSES_MAX = 8 };

struct fleet_address {
    struct sockaddr_storage bytes;
    socklen_t len;
};

struct fleet_addresses {
    struct fleet_address items[FLEET_ADDRESSES_MAX];
    size_t count;
};

/* Asks the resolver, once per run.  ERR_IO: there is no such name. */
enum err fleet_resolve(const char *host, unsigned port, struct fleet_addresses *out) MUST_USE;

/* A socket that is connecting, or that already failed: it is writable when either is known. */
enum err fleet_dial(const struct fleet_address *address, int *fd) MUST_USE;

/* Whether it is connected.  ERR_IO with the address and the reason. */
enum err fleet_dialled(int fd, const struct fleet_address *address) MUST_USE;

/* Room for that many sockets.  ERR_FULL says what stands against it. */
enum err fleet_need_sockets(size_t count) MUST_USE;

#endif
