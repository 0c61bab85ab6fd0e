/* producer.h - librdkafka for one endpoint: jobs in, what became of them out.  Private to deliver.
 *
 *   job: look ─▶ metadata of the topic, asked in pieces, so that whoever closes need not wait long
 *   job: batch ─▶ produce each message ─▶ the last delivery report ─▶ done()
 *
 * librdkafka repeats what a broker did not take for as long as it lives (message.timeout.ms 0), in order and
 * without doubles (enable.idempotence).  What is not through after KAFKA_TIMEOUT_MS ends the client: all
 * that it has is taken back at once, so that no later message overtakes what the core gives again, and the
 * next job begins with a new one.
 *
 * Runs on: one thread, which it blocks: kafka_producer_begin() for KAFKA_LOOK_MS, the others for two seconds.
 * Life:    a job is the producer's from kafka_producer_begin() until done(), which comes once for each. */
#ifndef DELIVER_KAFKA_PRODUCER_H
#define DELIVER_KAFKA_PRODUCER_H

#include "base/list.h"
#include "deliver/kafka/carrier.h"
#include "deliver/kafka/rdkafka.h"

enum { KAFKA_TEXT_MAX = 256 };

struct kafka_job {
    struct list node;
    struct addr to;
    bool is_look;
    struct buf batch; /* kafka_put_message() */
    int64_t due_us;
    unsigned left; /* messages without a report, and one until all were produced */
    enum deliver_outcome outcome;
    char text[KAFKA_TEXT_MAX]; /* why, unless all were taken */
};

/* Who has the producer. */
struct kafka_producer_owner {
    void (*done)(void *ctx, struct kafka_job *j); /* the job is his again */
    bool (*is_closed)(void *ctx);                 /* he does not want to know any more */
    void *ctx;
    int bell; /* eventfd that librdkafka rings when there is something to serve */
};

enum kafka_setting {
    KAFKA_SERVERS,
    KAFKA_TOPIC,
    KAFKA_PROTOCOL,
    KAFKA_MECHANISM,
    KAFKA_USER,
    KAFKA_PASSWORD,
    KAFKA_CA,
    KAFKA_SETTINGS
};

struct kafka_producer {
    struct kafka_producer_owner owner;
    char *settings[KAFKA_SETTINGS];
    const struct rdkafka *rd; /* NULL: loaded with the first job */
    rd_kafka_t *rk;           /* NULL: the next job makes a client */
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct list under_way;
    bool broken;                /* this client is good for nothing any more */
    enum deliver_outcome state; /* of the last error that librdkafka told of */
    char error[KAFKA_TEXT_MAX];
};

/* `rd`: for tests; NULL: librdkafka. */
void kafka_producer_init(struct kafka_producer *p, const struct kafka_settings *s,
                         const struct kafka_producer_owner *owner, const struct rdkafka *rd);
void kafka_producer_fini(
    struct kafka_producer *p); /* what is under way is done, with what is known of it */

void kafka_producer_begin(struct kafka_producer *p, struct kafka_job *j);

/* Hears what librdkafka has to say, and ends what takes too long. */
void kafka_producer_serve(struct kafka_producer *p);

#endif
