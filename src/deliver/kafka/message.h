/* message.h - messages of a batch, from the core to the thread that talks to Kafka.  Private to
 * deliver.
 *
 *   key     the device id; none: whichever partition of the topic
 *   value   the body, byte for byte
 *   time    when the hub took it, milliseconds
 *   headers application properties, with the mark of loops, then system properties by the names that Event Grid and storage have for
 *           them: what a device calls so itself does not hide what the hub says of it
 *
 * Bytes of one: le32 lengths of key (KAFKA_NO_KEY: none) and value, le32 count of headers, le64 time, key,
 * value; each header: le32 lengths of name and value, name, value. */
#ifndef DELIVER_KAFKA_MESSAGE_H
#define DELIVER_KAFKA_MESSAGE_H

#include "base/cur.h"
#include "deliver/message.h"

#define KAFKA_NO_KEY UINT32_MAX

struct kafka_message {
    bool has_key;
    struct slice key, value;
    int64_t time_ms;
    uint32_t header_count; /* that follow, each read with kafka_next_header() */
};

void kafka_put_message(struct buf *batch, const struct message *m);

/* What was put, in that order. */
void kafka_next_message(struct slice *rest, struct kafka_message *out);
void kafka_next_header(struct slice *rest, struct slice *name, struct slice *value);

#endif
