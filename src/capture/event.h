/* event.h - a record of the log as Event Hubs Capture's EventData.  Private to capture/. */
#ifndef CAPTURE_EVENT_H
#define CAPTURE_EVENT_H

#include "base/buf.h"
#include "log/record.h"

extern const char capture_event_schema[];

/* Appends the fields in the schema's order.  ERR_CORRUPT: the record is no message.  `scratch` is empty
 * at first and is kept between records. */
enum err capture_event_put(struct buf *out, struct buf *scratch, const struct record *rec) MUST_USE;

#endif
