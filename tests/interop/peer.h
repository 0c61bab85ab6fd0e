/* peer.h - a plain blocking socket to somebody else's server, for the client roles of our engines.
 *
 * Every wait ends after PEER_WAIT_MS; whatever goes wrong fails the running cmocka test.
 */
#ifndef INTEROP_PEER_H
#define INTEROP_PEER_H

#include "base/buf.h"

enum { PEER_WAIT_MS = 60000 };

int peer_connect(uint16_t port); /* 127.0.0.1 */

/* Sends all of `out` and empties it. */
void peer_send(int fd, struct buf *out);

/* What has arrived, in `room`; empty when the peer has closed. */
struct slice peer_receive(int fd, uint8_t *room, size_t size);

#endif
