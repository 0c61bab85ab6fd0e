/* carrier.h - who talks to Kafka.  For the program: librdkafka (courier.h); for tests: themselves.
 * Private to deliver. */
#ifndef DELIVER_KAFKA_CARRIER_H
#define DELIVER_KAFKA_CARRIER_H

#include "deliver/kafka/kafka.h"

/* Texts that end with NUL, borrowed by open(); empty: there is none. */
struct kafka_settings {
    const char *servers, *topic, *protocol, *mechanism, *user, *password, *ca;
};

/* Called on the endpoint's lane; nothing blocks.  Each question is answered once, with kafka_answer(). */
struct kafka_carrier {
    void *(*open)(const struct kafka_settings *s, struct lane *lane);
    void (*close)(void *own); /* no answers any more */
    void (*look)(void *own, struct addr to);
    void (*send)(void *own, struct addr to, struct buf *batch); /* takes its memory */
};

/* From any thread. */
void kafka_answer(struct lane *lane, struct addr to, enum deliver_outcome outcome,
                  const char *text);

/* For tests: who it is from the next endpoint on; NULL: librdkafka. */
void kafka_use(const struct kafka_carrier *c);

#endif
