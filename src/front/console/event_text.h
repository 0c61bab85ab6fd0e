/* event_text.h - a record of the log as JSON, for people.  Private to front/console. */
#ifndef FRONT_CONSOLE_EVENT_TEXT_H
#define FRONT_CONSOLE_EVENT_TEXT_H

#include "base/buf.h"
#include "hub/routing/routing.h"

/* Every source of that kind ("telemetry", "twin", "lifecycle", "connection", "job"), as bits; 0: there is no such kind. */
unsigned event_sources(struct slice kind);

/* Of the device it comes from or is about. */
struct slice event_device(const struct record *r);

/* {"kind":...,"partition":...,"sequence":...,"enqueued":...,"device":...,"endpoints":[...],"body":...,...}.
 * `endpoints` are those it was for that are there still.  Whatever a device wrote is a string in it, cut to the limits of live.h. */
void event_put_text(struct buf *out, const struct record *r, const struct routing *routing);

#endif
