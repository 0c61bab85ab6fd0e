/* run.h - one page under way.  Private to hub/query.
 *
 *   begun ──read, planned──▶ ┌─▶ rows of a range from the store ──condition──▶ kept
 *                            │ (through filters: a window of the index)         │ who is connected,
 *                            │                                                  ▼ if it matters
 *                            └──the page has room, and there are more──────── taken ──▶ answered
 */
#ifndef HUB_QUERY_RUN_H
#define HUB_QUERY_RUN_H

#include "hub/query/cursor.h"
#include "hub/query/group.h"
#include "hub/query/plan.h"

enum {
    QUERY_CHUNK = 256,        /* rows that are looked at in one turn */
    QUERY_NAMES_PER_TWIN = 8, /* names, or rows of the index, that count as one twin looked at */
};

enum query_kind { QUERY_BEGIN = HUB_QUERY };

struct queries {
    const struct hub *hub;
    struct lane *lane;
    struct registry *registry;
    struct query_jobs *jobs; /* NULL: nobody keeps any */
    struct list running;     /* struct run */
    unsigned running_count;
    uint64_t scan_max; /* QUERY_SCAN_MAX, but in tests */
    unsigned window;   /* PLAN_WINDOW, likewise */
};

enum run_answer { ANSWERS_JSON, ANSWERS_WHO, ANSWERS_COUNT }; /* query_page(), find(), count() */

/* Names whose rows are read if they may pass (named.c). */
struct named {
    struct cursor *names; /* in the turn's arena; with their places in the range */
    struct presence *presences;
    unsigned count, top;            /* top: how many to ask for */
    unsigned core;                  /* who was asked whom it knows */
    uint64_t passed_by;             /* that do not count as looked at yet */
    bool never_tried, never_passes; /* who was never connected */
};

struct run {
    struct list node;
    struct queries *queries;
    struct addr waiter, slot;
    struct store_wait store_wait;
    struct registry_presences_wait presences_wait;
    struct query_jobs_wait jobs_wait;
    struct registry_known_wait known_wait;
    bool asks_store, asks_presences, asks_jobs, asks_known;
    enum run_answer answer;
    bool refused;  /* too many run */
    bool outdated; /* the cursor is of an older server */

    struct arena arena; /* of the whole page */
    struct buf text, after, after_bytes;
    struct query *query;
    struct plans plans;
    const struct plan *plan;   /* of them */
    const struct range *range; /* NULL: all are read */
    struct cursor place;       /* of the row taken last */
    struct buf place_bytes;    /* what its slices borrow from */
    unsigned max, count;       /* items */
    uint64_t scanned, dropped; /* rows looked at; those of them that the condition says no to */
    int64_t begun_us;
    char *sdk; /* of resource logs; NULL: not known, or nobody wants them */
    struct buf body;
    struct slice *who;
    struct groups groups;

    struct arena chunk; /* of the rows being looked at */
    struct row **rows;
    unsigned row_count, top;
    bool range_ends; /* with this chunk */
    bool tries;      /* names before rows */
    struct named named;
    struct {
        unsigned plan, max;    /* being counted, as far as that */
        unsigned core;         /* that counts */
        uint64_t count, least; /* of this plan; of the best one */
        const struct plan *best;
        const struct range *at;
    } probe;
    struct cursor read; /* of the row read last, in `chunk` */
    struct cursor
        window; /* of a range with filters: where the turn ends, likewise; no ids: with the range */
};

/* run.c */
struct run *run_new(struct queries *q, const struct query_ask *ask, enum run_answer answer,
                    struct query_wait *w);
void run_free(struct run *r);
void run_go_on(struct run *r);
void run_refuse(struct run *r, enum status status, const char *text);
void run_finish(struct run *r, bool more);

/* Is there no room for another item? */
bool run_is_full(const struct run *r);

void run_refuse_err(struct run *r, enum err e); /* of the store */
void run_ask_store(struct run *r, struct store_request *q,
                   void (*fn)(struct store_wait *w, struct store_answer *a));

void run_looked_at(struct run *r, unsigned rows); /* counts them */

/* With the turn's rows, then on. */
void run_take_rows(struct run *r);
bool run_passes(struct run *r, const struct row *row);

/* named.c: a turn over a range's names; over whom the cores know. */
void run_names(struct run *r);
void run_known(struct run *r);

/* count.c: the answer is in the store already. */
bool run_is_count(const struct run *r);
void run_count(struct run *r);

/* probe.c: chooses the plan; asks for the values of its filters; then goes on. */
void run_choose_plan(struct run *r);
void run_close_filters(struct run *r);

/* take.c: a row that the condition is true for becomes an item. */
enum err run_take(struct run *r, const struct row *row) MUST_USE;

/* jobs.c: a page of FROM devices.jobs. */
void run_jobs(struct run *r);

#endif
