/* publish.h - what publishers send: as fast as acknowledgements allow, or with --rate when each message is due. */
#ifndef MQTTLOAD_PUBLISH_H
#define MQTTLOAD_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

void publish_init(void);

/* Sends for that long, or with `messages` that many instead. */
void publish_phase(double seconds, uint64_t messages);

/* A barrier: every publisher waits for its acknowledgements and for the answer to a PINGREQ, so that nothing which was
 * sent is still in a socket buffer.  Then subscribers get what is on its way, `expect_received` messages since the
 * start.  False: that did not happen, and first_error says why. */
bool publish_settle(uint64_t expect_received);

/* ---- told of a connection */

void publish_wake(struct conn *k); /* it may be able to send again */

/* PUBACK; false: none is waited for with that id. */
bool publish_acked(struct conn *k, uint16_t id);

#endif
