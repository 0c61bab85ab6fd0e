/* websocket.h - a connection whose front speaks inside WebSocket frames.  Private to net/. */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include "net/stack.h"

/* Bytes from the peer, framed; what is in them goes to the front unless that has closed. */
void websocket_received(struct conn *c, struct slice bytes, int64_t now_us);

/* Bytes of the front; nothing after websocket_close(). */
void websocket_send(struct conn *c, struct slice bytes);

void websocket_close(struct conn *c); /* sends Close, once */

/* Who sent Close awaits the peer's for CONN_GOODBYE_US; not that of a peer who broke a rule. */
bool websocket_awaits_close(const struct conn *c);

void websocket_free(struct conn *c);

#endif
