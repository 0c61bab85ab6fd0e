/* verdict.h - what Kafka's errors mean for messages.  Private to deliver. */
#ifndef DELIVER_KAFKA_VERDICT_H
#define DELIVER_KAFKA_VERDICT_H

#include <librdkafka/rdkafka.h>

#include "deliver/kind.h"

enum deliver_outcome kafka_outcome(rd_kafka_resp_err_t code);

/* In our words, or NULL: librdkafka's are as good. */
const char *kafka_words(rd_kafka_resp_err_t code);

#endif
