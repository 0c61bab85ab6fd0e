/* kafka.h - endpoints of the kind "kafka": a topic of Apache Kafka, or of what speaks like it.  Private to
 * deliver. */
#ifndef DELIVER_KAFKA_KAFKA_H
#define DELIVER_KAFKA_KAFKA_H

#include "deliver/kind.h"

enum {
    KAFKA_BATCH_MAX = 400,       /* messages */
    KAFKA_MESSAGE_MAX = 1000000, /* bytes with key and headers; librdkafka's message.max.bytes */
    KAFKA_SERVERS_MAX = 1024,    /* bytes of bootstrapServers */
    KAFKA_TOPIC_MAX = 249,       /* characters (Kafka) */
    KAFKA_USER_MAX = 256,        /* bytes */
    KAFKA_PASSWORD_MAX = 1024,   /* bytes; Event Hubs has a connection string here */
    KAFKA_CA_MAX = 64 << 10,     /* bytes of certificates */
    KAFKA_LOOK_MS = 10000,       /* until a broker has said that the topic is there */
    KAFKA_MADE_MS = 3000,        /* until a topic that brokers make when it is asked for is there */
    KAFKA_TIMEOUT_MS = 30000,    /* until all of a batch is acknowledged */
    KAFKA_STOP_MS = 10000,       /* that a clean stop waits for librdkafka's threads */
};

enum { DELIVER_KAFKA = POST_DELIVER + 0x20 }; /* what came of a question */

extern const struct deliver_kind kafka_kind;

/* Once per lane that has endpoints. */
void kafka_attach(struct lane *lane);

#endif
