/* event.h - a stored record as the message a consumer gets.  Private to front/amqp. */
#ifndef FRONT_AMQP_EVENT_H
#define FRONT_AMQP_EVENT_H

#include "log/log.h"

#define EVENT_ENDPOINTS "azimuth-endpoints"

struct routing;

/* Message annotations (ours, then the stored ones), then the stored sections: as they are, or with the
 * enrichments of the built-in endpoint. */
void event_put(struct buf *out, const struct record *r);

/* The same for who reads all records: with the names of the endpoints that it went to ("events" is the
 * stream itself), and, of what the stream's readers do not see, without number and offset. */
void event_put_any(struct buf *out, const struct record *r, const struct routing *routing);

/* Delivery annotations with the partition's newest event, for clients that asked for them. */
void event_put_metric(struct buf *out, const struct log_ends *ends, int64_t wall_us);

#endif
