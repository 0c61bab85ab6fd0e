/* check.h - what must be true of the log, whatever happened.
 *
 *   1. every acknowledged message is stored;
 *   2. per partition, ordinals and sequence numbers rise by one, enqueued times never fall;
 *   3. per device, first occurrences are in the order of sending;
 *   4. a message is stored more than once only if it was unacknowledged when a connection ended;
 *   5. nothing is stored that was not sent, and every body is as it was sent.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "device.h"
#include "hub.h"

/* Reads the whole log of a living hub, through the log's own messages.  Returns the number of
 * violations, each printed with the seed. */
unsigned check_log(struct sim_hub *h, const struct device *devices, unsigned count);

#endif
