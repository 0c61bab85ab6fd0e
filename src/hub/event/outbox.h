/* outbox.h - events between the store and the log.  Private to hub/event. */
#ifndef HUB_EVENT_OUTBOX_H
#define HUB_EVENT_OUTBOX_H

#include "hub/event/event.h"
#include "hub/routing/routing.h"
#include "hub/session/session.h"
#include "store/store.h"

/* One event, in memory; its bytes behind it. */
struct event {
    struct list node; /* in events.unsent, sent, done or deleting */
    uint64_t place;   /* in the order in which they are sent */
    int64_t id;       /* of its row; they rise */
    enum record_source source;
    uint32_t pair_count;
    uint64_t destinations;                               /* chosen when it was made */
    struct slice device_id, key, pairs, sections, extra; /* `key` is id and device */
};

struct events {
    const struct hub *hub;
    struct routing *routing; /* NULL: none */
    event_twin_fn twin;
    void *twin_ctx;
    struct lane *lane;
    struct log_writer *writer;
    struct addr slot;
    struct map known;   /* struct event by key: all that are in the lists */
    struct list unsent; /* by place */
    struct list sent;   /* with the log */
    struct list done;   /* durable: the rows may go */
    struct list deleting;
    struct timer retry;
    struct store_wait deletion, page;
    uint64_t next_place;
    int64_t next_id;
    size_t bytes, bytes_max; /* of events in memory */
    bool refused;            /* waits for `retry` */
    /* rows that are not in memory */
    bool behind, asking;
    uint64_t skips,
        page_skips; /* events that were left in the store; when the page was asked for */
    /* connection.c */
    struct session_listener listener;
    struct map links; /* struct connection by who */
    struct list changed, asked;
    struct store_wait telling;
    uint64_t session_count;
};

/* encode.c: a record's annotations and sections, as consumers get them. */
struct event *event_make(struct events *e, const struct event_draft *d, int64_t id,
                         int64_t wall_us); /* NULL: nobody wants it */
struct event *event_of_row(const struct store_value *col);
size_t event_bytes(const struct event *ev);

/* outbox.c: into memory, and on to the log. */
void outbox_take(struct events *e, struct event *ev);
void outbox_send(struct events *e);
void outbox_wait_a_moment(struct events *e); /* then everything is tried again */
int64_t outbox_next_id(struct events *e);    /* of all cores', above those before */

/* drain.c: from the store into memory, when memory is empty. */
void drain_more(struct events *e);
unsigned drain_core_index(const struct events *e); /* in hub->cores */

/* connection.c: reads before the lanes run who was connected when the server ended. */
enum err connection_init(struct events *e) MUST_USE;
void connection_fini(struct events *e);
void connection_tell(struct events *e);

#endif
