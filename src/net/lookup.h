/* lookup.h - names to addresses, on threads that may block.  Private to net/.
 *
 * Runs on: the core's lane; each name that is no address has a thread of its own for as long as it takes.
 * Life:    the answer, a message NET_RESOLVED, comes to the slot that asked; if that is free by then, to nobody.
 *          Threads may outlive the lane: what comes after lookups_close() is dropped.
 * Limits:  LOOKUPS_MAX names of a core at a time, whoever still waits for them; the first LOOKUP_ADDRESSES_MAX
 *          addresses of a name count.
 */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include <sys/socket.h>

#include "net/dial.h"

enum { LOOKUPS_MAX = DIALS_MAX, LOOKUP_ADDRESSES_MAX = 8 };

struct resolved {
    int error; /* of getaddrinfo() */
    unsigned count;
    struct {
        struct sockaddr_storage sa;
        socklen_t len;
    } addresses[LOOKUP_ADDRESSES_MAX];
};

struct lookups;

struct lookups *lookups_new(struct lane *lane);
void lookups_close(struct lookups *l);

/* False: it is a name, which takes its time. */
bool lookup_address(const char *host, unsigned port, struct resolved *out);

/* ERR_THROTTLED: too many are under way, ERR_IO: no thread. */
enum err lookup_name(struct lookups *l, const char *host, unsigned port, struct addr to) MUST_USE;

#endif
