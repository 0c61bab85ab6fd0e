/* event.h - what happens to identities and twins, on its way into the stream.
 *
 *   unit { the change, the event's row } ──stored──▶ appended to the log ──durable──▶ row deleted
 *                                           ▲
 *   at start, and when memory was short: ───┘ rows that are there
 *
 * A change and its event are one unit of the store: no crash keeps the one and loses the other.  An
 * event may come twice, when the power goes between the log and the row; it never comes before its
 * change is on disk.  Events of one device keep their order.  Sessions are in no store, so their events
 * are a change of their own: who was told to be connected (connection.c).
 *
 * They go along the routes of their source, if there are any, as they were when the event was made
 * (hub/routing); otherwise to the built-in stream, if the server was told so (hub.events).
 *
 * Runs on: the core that is home to the identity.
 * Life:    events_new() after the log's writer and the store are there; events_free() before them.
 * Limits:  EVENT_PENDING_BYTES in memory, then rows wait in the store until they are read from there.
 * Source:  "IoT Hub non-telemetry event schemas"; README.md has the table.
 */
#ifndef HUB_EVENT_EVENT_H
#define HUB_EVENT_EVENT_H

#include "hub/hub.h"
#include "log/log.h"

enum {
    EVENT_PENDING_BYTES = 16 << 20, /* ours, per core */
    EVENT_RETRY_US = 1000000,       /* after the log or the store refused */
    EVENT_PAGE_ROWS = 500,          /* read from the store at a time */
    EVENT_DELETES_MAX = 100,        /* rows deleted in one unit */
    EVENT_CONNECTIONS_MAX = 100,    /* comings and goings in one unit */
    EVENT_CONNECTION_BODY_MAX = 128,
};

/* Of hub.events. */
#define EVENT_ALL ((1u << RECORD_SOURCES) - (1u << (RECORD_TELEMETRY + 1)))

struct store_request;
struct session_home;
struct routing;
struct event;
struct events;

/* Before the lanes run.  Fails with what the store says. */
enum err events_new(const struct hub *hub, struct lane *lane, struct log_writer *writer,
                    struct events **out) MUST_USE;
void events_free(struct events *e); /* NULL is fine */

void events_relief(struct events *e); /* the log has room again */

/* Which routes there are; without it none. */
void events_set_routing(struct events *e, struct routing *r);

/* Appends the twin of an identity as services see it, if it is at hand. */
typedef bool (*event_twin_fn)(void *ctx, struct slice who, struct buf *out);
void events_set_twins(struct events *e, event_twin_fn fn, void *ctx);

/* Does anybody want event_draft.twin? */
bool event_wants_twin(const struct events *e, enum record_source source);

/* Is anybody interested?  `e` NULL: nobody is. */
bool event_wanted(const struct events *e, enum record_source source);

struct event_draft {
    enum record_source source;
    struct slice who; /* of a job: its id */
    const char *op;   /* opType: "updateTwin" */
    struct slice body;
    struct slice twin; /* if event_wants_twin(): with its tags and properties; empty: unknown */
};

/* Adds the event's row to the unit that makes the change.  NULL: it goes nowhere.  event_stored() follows when the unit was
 * acknowledged, event_drop() when it was not. */
struct event *event_add(struct events *e, struct store_request *unit,
                        const struct event_draft *d) MUST_USE;
void event_stored(struct events *e, struct event *ev); /* NULL is fine */
void event_drop(struct event *ev);                     /* likewise */

/* Connections of identities, from now on. */
void events_watch_sessions(struct events *e, struct session_home *sessions);

/* "TwinChangeEvents", as routes call it, in any case.  ERR_INVALID: no such source. */
enum err event_source_of(struct slice name, enum record_source *out) MUST_USE;

#endif
