/* query.h - IoT Hub's query language over twins, module twins and device jobs.
 *
 * A query is read once into a tree; its condition is evaluated against one twin at a time.  What the
 * store's index of properties can serve is asked of it, everything else is a scan; either way a page
 * looks at a bounded number of twins, gives way to others while it does, and ends with a cursor from
 * which the next page goes on.
 *
 * Runs on: query_read(), query_target() and query_match() anywhere; everything else on the core's
 *          lane.  A page may be asked for on any core: it reads the store and asks the devices' homes
 *          who is connected.
 * Life:    queries_new() after registry_new(), before the lanes run; queries_free() after they
 *          stopped.  A parsed query lives in the caller's arena and borrows from nothing else.  A wait
 *          is called once, never before the verb has returned, unless it was forgotten, which also
 *          ends the work.
 * Order:   by device id and module id, or by the value of the indexed property that a condition names
 *          and then by id.  A page shows each twin as it is when it is read; a twin whose indexed
 *          property changes between two pages may be seen twice or not at all.
 * Limits:  the constants below.  What is wrong with a query or a cursor is STATUS_ARGUMENT_INVALID with
 *          a text that names line and column; too many pages at once are
 *          STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED.
 * Source:  "IoT Hub query language for device and module twins, jobs, and message routing"; the
 *          behaviour of a real hub and of its clients where that is silent; README.md.
 */
#ifndef HUB_QUERY_QUERY_H
#define HUB_QUERY_QUERY_H

#include "base/arena.h"
#include "base/json.h"
#include "hub/hub.h"
#include "hub/status.h"

enum {
    QUERY_TEXT_MAX = 32 << 10,         /* bytes of a query */
    QUERY_DEPTH_MAX = 64,              /* of expressions in each other */
    QUERY_PAGE_MAX = 1000,             /* items of a page (IoT Hub) */
    QUERY_PAGE_DEFAULT = 100,          /* when nobody says */
    QUERY_PAGE_BYTES_MAX = 4 << 20,    /* JSON of a page; it ends early with a cursor */
    QUERY_CURSOR_MAX = 1 << 10,        /* bytes of a cursor */
    QUERY_RUNNING_MAX = 64,            /* pages at once, per core */
    QUERY_SCAN_MAX = 100000,           /* twins that a page looks at; it ends early with a cursor */
    QUERY_PAGE_US_MAX = 5000000,       /* likewise: time */
    QUERY_GROUPS_MAX = 1000,           /* of GROUP BY; ArgumentInvalid */
    QUERY_AGGREGATE_US_MAX = 25000000, /* an aggregate has no half answer; GatewayTimeout */
};

/* ---- one query */

struct query;

enum query_source { QUERY_DEVICES, QUERY_MODULES, QUERY_JOBS };

/* Reads SELECT ... FROM ... [WHERE ...] [GROUP BY ...].  ERR_INVALID, ERR_TOO_BIG: fail_text() says
 * what is wrong, and where. */
enum err query_read(struct arena *a, struct slice text, struct query **out) MUST_USE;

/* Reads whom a job or a configuration means: "*", a condition ("tags.floor = 3"), a condition after
 * FROM devices.modules WHERE, or a whole SELECT * query.  An empty text is an error. */
enum err query_target(struct arena *a, struct slice text, struct query **out) MUST_USE;

/* ERR_INVALID: query_find() would refuse what query_target() has read, since it names no identities. */
enum err query_names_whom(const struct query *q) MUST_USE;

enum query_source query_source(const struct query *q);

/* Is the condition true for that twin, given as services see it (twin_get())?  Without a condition any
 * twin matches.  The arena is for what comes and goes meanwhile. */
bool query_match(struct arena *a, const struct query *q, const struct json *twin);

/* ---- pages */

struct registry;
struct queries;

/* One per core. */
struct queries *queries_new(const struct hub *hub, struct lane *lane, struct registry *registry);
void queries_free(struct queries *q); /* NULL is fine */

struct query_ask {
    struct slice text;  /* a query; for query_find() whatever query_target() reads */
    struct slice after; /* `next` of the page before; empty: the first page */
    unsigned max;       /* items, 1 to QUERY_PAGE_MAX */
    struct slice sdk;   /* what asks, for resource logs; empty: not known */
};

/* Borrowed during the call. */
struct query_answer {
    enum status status;
    const char *item_type;   /* "Twin", "Raw" or "DeviceJob", as SDKs compare it */
    struct slice body;       /* query_page(): a JSON array */
    const struct slice *who; /* query_find(): identities */
    unsigned count;          /* of either; may be 0 although there is a next page */
    struct slice next;       /* empty: that was the last page; printable ASCII without spaces */
    struct slice text;       /* for people, when the status is not STATUS_OK */
    bool outdated;           /* likewise: only `after` is wrong, which an older server gave */
};

/* Who waits.  Embedded in its owner. */
struct query_wait {
    void (*fn)(struct query_wait *w, const struct query_answer *a);
    struct addr slot;
};

/* The next rows of a query, as JSON. */
void query_page(struct queries *q, const struct query_ask *ask, struct query_wait *w);

/* The next identities that match, for jobs and configurations. */
void query_find(struct queries *q, const struct query_ask *ask, struct query_wait *w);

/* How many rows query_page() would have to show: no JSON is made, nobody is asked who is connected
 * unless the condition does, and a page is as long as it may take (`max` is not for it). */
void query_count_rows(struct queries *q, const struct query_ask *ask, struct query_wait *w);

void query_forget(struct queries *q, struct query_wait *w); /* the answer finds nobody */

/* ---- device jobs: whoever keeps them gives them to FROM devices.jobs */

/* Rows in an order of the keeper's choice, each as the JSON of a DeviceJob and the place after it. */
struct query_job_row {
    struct slice json, place;
};

struct query_jobs_wait {
    void (*fn)(struct query_jobs_wait *w, enum status s, const struct query_job_row *rows,
               unsigned count, bool more);
    struct addr slot; /* the keeper's, if it needs one */
};

struct query_jobs {
    /* Up to `max` rows after `place` (empty: from the start); `w` is called once, not before this has
     * returned, unless forgotten. */
    void (*rows)(struct query_jobs *j, struct slice place, unsigned max, struct query_jobs_wait *w);
    void (*forget)(struct query_jobs *j, struct query_jobs_wait *w);
};

/* Nobody keeps any until then, and there are none. */
void query_set_jobs(struct queries *q, struct query_jobs *j);

#endif
