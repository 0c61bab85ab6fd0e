/* event_grid.h - messages as events of Event Grid, in both of its schemas.  Private to deliver. */
#ifndef DELIVER_EVENT_GRID_H
#define DELIVER_EVENT_GRID_H

#include "deliver/event_type.h"
#include "deliver/message.h"
#include "hub/hub.h"

enum event_schema { EVENT_GRID_SCHEMA, CLOUD_EVENT_SCHEMA };

enum event_type event_grid_type(const struct message *m);

/* Of a record, a GUID: the same whenever it is told of. */
void event_grid_put_id(const struct hub *hub, const struct record *r, struct buf *out);

/* One event.  Its id is the same whenever that record is told of. */
void event_grid_put(const struct hub *hub, enum event_schema schema, const struct message *m,
                    struct buf *out);

/* Its data alone: {"properties", "systemProperties", "body"} of telemetry. */
void event_grid_put_data(const struct message *m, struct buf *out);

/* The list with the one event that asks an endpoint whether it wants events of this hub: it may answer with
 * the code, or somebody asks for the address `uri` (empty: there is none). */
void event_grid_put_validation(const struct hub *hub, const char *code, struct slice uri,
                               struct buf *out);

#endif
