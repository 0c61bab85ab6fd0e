/* home.h - the home side: twins in memory, and what waits for them.  Private to hub/twin.
 *
 *   asked ──stands in its identity's queue──▶ current ──identity, row──▶ read: answered
 *                                                            │
 *                                                            └──▶ written: unit to the store
 *                                       once more ◀── CONFLICT ──┤
 *                                                                └── OK: memory, answer, device told
 *
 * Each identity has one current op: nobody sees what the store has not said yes to.
 */
#ifndef HUB_TWIN_HOME_H
#define HUB_TWIN_HOME_H

#include "base/list.h"
#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "hub/twin/document.h"
#include "hub/twin/message.h"
#include "hub/twin/missed.h"

struct entry;
struct event;
struct events;

enum { TWIN_EVENTS = 2 };

/* One verb at home. */
struct op {
    struct list node; /* in entry.queue, or the current one */
    struct entry *entry;
    struct msg *m;
    struct ask ask; /* borrows from `m` */
    struct registry_load load;
    struct store_wait wait;
    struct buf identity;               /* of services' verbs: the members that mirror it */
    struct twin *next;                 /* with the store */
    struct buf desired;                /* what the device is told of it; empty: nothing */
    struct buf bodies[TWIN_EVENTS];    /* of events: the twin's and the digital twin's change */
    struct buf view;                   /* the twin as conditions of routes see it, if any does */
    struct event *events[TWIN_EVENTS]; /* with the store, likewise */
    bool again;                        /* the second attempt */
};

struct entry {
    struct list idle; /* in twins.idle while nobody needs it, the least recently used first */
    struct twins *twins;
    struct twin *twin;                           /* NULL: not loaded */
    char generation[SESSION_GENERATION_MAX + 1]; /* of the identity that `twin` belongs to */
    struct list queue;                           /* struct op */
    struct op *current;
    bool serving;
    size_t bytes; /* what it counts for in the cache */
    struct slice who;
};

struct twins {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct session_home *sessions;
    struct map entries; /* struct entry by who */
    struct list idle;
    size_t bytes, cache_bytes;
    size_t waiting, waiting_bytes; /* ops and their JSON */
    struct missed missed;
    struct session_listener listener;
    struct registry_twins of_registry;
    struct list listeners; /* struct twin_listener */
    struct registry_listener identity_listener;
    struct timer gone_timer; /* gone.c */
    struct store_wait gone_wait;
    bool gone_asks;
    struct {
        struct timer timer;
        struct store_wait wait;
        int64_t path;             /* of twins that have one row */
        struct buf after, before; /* whom it saw last; likewise a turn ago */
        unsigned writing;
        uint64_t count;
    } reindex;             /* reindex.c */
    struct list imports;   /* entries of bulks under way */
    struct events *events; /* NULL: nobody is told */
    twin_digital_change_fn digital_change;
    struct registry_listener identities;
    struct map lifecycle;          /* event.c */
    const struct routing *routing; /* view.c; NULL: nobody wants to see twins */
    struct twin_listener view_listener;
    struct list views; /* struct view */
};

/* home.c */
void twin_home_join(struct twins *t);
void twin_home_fini(struct twins *t);
void twin_entry_set(struct entry *e, struct twin *next); /* NULL: not loaded; the entry owns it */
void twin_op_answer(struct op *op, const struct twin_answer *a);
void twin_op_refuse(struct op *op, enum status status, const char *text);
void twin_op_refuse_err(struct op *op, enum err e);
void twin_op_answer_twin(struct op *op); /* what services see */
void twin_op_retry(struct op *op);       /* our copy was not what the store has */
void twin_op_end(struct op *op); /* answered: whoever is next; the entry may be gone afterwards */

/* diagnose.c: an operation is answered */
void twin_diagnose(const struct twins *t, const struct ask *ask, const struct twin_answer *a);

/* import.c */
void twin_import_join(struct twins *t);
void twin_import_fini(struct twins *t);

/* gone.c: the index after an identity was deleted. */
enum { GONE_WAIT_US = 200000 };
void twin_gone_join(struct twins *t);
void twin_gone_fini(struct twins *t);

/* reindex.c: twins from before there was an index of their properties. */
void twin_reindex_join(struct twins *t);
void twin_reindex_fini(struct twins *t);

/* event.c: of the next twin, into its unit, and what became of that. */
enum err twin_event_prepare(struct op *op, const struct twin_change *change,
                            const struct twin *next, int64_t wall_us) MUST_USE;
void twin_event_add(struct op *op, struct store_request *unit);
void twin_event_stored(struct op *op);
void twin_event_drop(struct op *op);
void twin_event_first(struct twins *t, struct slice who, const struct twin *twin,
                      struct store_request *unit); /* a bulk makes it with its identity */
void twin_event_fini(struct twins *t);

/* Appends a twin as services see it. */
enum err twin_put_whole(struct buf *out, struct slice who, const struct twin *twin) MUST_USE;

/* view.c: twins as routes see them. */
void twin_view_join(struct twins *t);
void twin_view_fini(struct twins *t);

/* write.c: the op's twin is there. */
void twin_op_write(struct op *op);

/* history.c: what services write, into the unit; and what they wrote. */
void twin_history_add(const struct op *op, struct store_request *unit);
void twin_op_history(struct op *op); /* the op's twin is there */

/* tell.c: who is connected hears of desired properties. */
void twin_tell_join(struct twins *t);
void twin_tell_read(struct op *op);
void twin_tell_changed(struct op *op, const struct twin *before);

#endif
