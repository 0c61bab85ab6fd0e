/* tunnel.h - a client's side of a WebSocket: the upgrade, then a byte stream.
 */
#ifndef SIM_TUNNEL_H
#define SIM_TUNNEL_H

#include "proto/ws/ws.h"

struct tunnel {
    struct ws ws;       /* once it is open */
    struct buf in, out; /* out: for the hub */
    const char *protocol;
    char key[WS_KEY_LEN + 1];
    bool open;
};

void tunnel_init(struct tunnel *t, const char *protocol); /* asks for the upgrade */
void tunnel_fini(struct tunnel *t);

void tunnel_feed(struct tunnel *t, struct slice bytes);

/* OK: the tunnel is open, `piece` came through it; it may be empty.  Else as ws_next(); ERR_CLOSED also when
 * the hub is too busy for an upgrade. */
enum err tunnel_next(struct tunnel *t, struct slice *piece) MUST_USE;
void tunnel_send(struct tunnel *t, struct slice bytes); /* once it is open, or nothing */

#endif
