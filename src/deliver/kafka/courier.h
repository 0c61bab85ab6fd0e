/* courier.h - an endpoint's producer: librdkafka on a thread of its own.  Private to deliver.
 *
 *   core ──question──▶ inbox ─▶ thread: produce, delivery reports ──post──▶ core
 *
 * All that may block (loading, starting, asking for the topic, ending) is done on that thread, which ends by
 * itself some time after close(). */
#ifndef DELIVER_KAFKA_COURIER_H
#define DELIVER_KAFKA_COURIER_H

#include "deliver/kafka/carrier.h"

extern const struct kafka_carrier kafka_courier;

/* Waits until the threads of all that were closed have ended, KAFKA_STOP_MS at most. */
void kafka_courier_settle(void);

#endif
