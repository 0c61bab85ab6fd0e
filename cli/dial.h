/* dial.h - from a host name to a connected socket: a name may have several addresses, of which not
 * each has somebody who listens.
 *
 * Runs on: any thread; only dial_resolve() blocks.
 * Limits:  DIAL_ADDRESSES_MAX addresses of a name; those behind are not tried.
 */
#ifndef CLI_DIAL_H
#define CLI_DIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

enum { DIAL_ADDRESSES_MAX = 8 };

struct dial_address {
    struct sockaddr_storage bytes;
    socklen_t len;
};

struct dial_addresses {
    struct dial_address items[DIAL_ADDRESSES_MAX];
    size_t count;
};

/* Asks the resolver.  ERR_IO: there is no such name. */
enum err dial_resolve(const char *host, unsigned port, struct dial_addresses *out) MUST_USE;

/* A socket that is connecting, or that already failed: it is writable when either is known. */
enum err dial_begin(const struct dial_address *address, int *fd) MUST_USE;

/* Whether it is connected.  ERR_IO with the address and the reason. */
enum err dial_end(int fd, const struct dial_address *address) MUST_USE;

#endif
