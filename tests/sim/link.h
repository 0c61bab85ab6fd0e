/* link.h - a virtual TCP connection between a simulated client and a core.
 *
 * Bytes keep their order; they arrive late, in pieces, or, when the link is cut, not at all.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "net/stack.h"
#include "world.h"

struct link;

/* What the client hears. */
struct link_client {
    void (*received)(void *ctx, struct slice bytes);
    void (*ended)(void *ctx); /* once; the link is gone after it */
};

struct link *link_open(struct conn_host *host, const struct front *front, void *front_ctx,
                       const struct link_client *client, void *client_ctx);
void link_send(struct link *l, struct slice bytes);
void link_send_all(struct link *l, struct buf *bytes); /* what is in it, which is none after that */
void link_close(struct link *l);                       /* by the client: no `ended` follows */
void link_deaf(struct link *l, int64_t until_us);      /* the client reads nothing before that */
void link_stuff(
    struct link *l); /* ... and what waits for it then is as much as the hub lets wait */
void link_prolong_turn(struct link *l, int64_t us); /* of the core that serves it */
void link_cut(struct link *l);                      /* both sides learn of it, some time */

/* The server of all links died: its memory is given back, no callback reaches it any more, and the
 * clients learn of it some time. */
void link_servers_died(void);

#endif
