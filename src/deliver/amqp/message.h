/* message.h - a record as a message of Event Hubs or Service Bus.  Private to deliver. */
#ifndef DELIVER_AMQP_MESSAGE_H
#define DELIVER_AMQP_MESSAGE_H

#include "deliver/kind.h"

enum amqp_message_for { AMQP_FOR_EVENT_HUBS, AMQP_FOR_SERVICE_BUS };

/* Its device; empty: it is of none. */
struct slice amqp_message_key(const struct record *r);

/* The stored annotations, the sections with the endpoint's enrichments and the mark of loops, the body as it
 * came.  For Event Hubs the device is the partition's key; for Service Bus the message is durable. */
void amqp_message_put(struct buf *out, const struct record *r, const struct deliver_place *place,
                      enum amqp_message_for what);

/* What is before the messages of a batch (format 0x80013700), each a data section. */
void amqp_message_put_envelope(struct buf *out, struct slice key);

#endif
