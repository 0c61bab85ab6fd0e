/* home.h - jobs on the first core: what waits, what runs, what was found.  Private to hub/job.
 *
 *   running:  ┌─▶ query finds identities ──unit──▶ noted as running ──▶ twins, methods ──▶ results
 *             │                                                                             │
 *             └──────── there is room in the window ◀──unit── what became of them ◀──────────┘
 *
 * A job has one unit under way at a time.  Between two units what it has to say gathers in memory.
 */
#ifndef HUB_JOB_HOME_H
#define HUB_JOB_HOME_H

#include "base/arena.h"
#include "base/json.h"
#include "base/list.h"
#include "hub/job/row.h"
#include "hub/method/method.h"
#include "hub/query/query.h"
#include "hub/throttle/throttle.h"
#include "hub/twin/twin.h"
#include "post/timer.h"
#include "store/store.h"

enum job_kind {
    JOB_CREATE = HUB_JOB, /* to the first core: struct request_msg -> JOB_DONE */
    JOB_CANCEL,           /* likewise */
    JOB_DONE,             /* struct done_msg */
};

enum {
    JOB_RESULTS_MAX = 100,                /* that are written in one unit */
    JOB_RESULT_BYTES_MAX = 1 << 20,       /* likewise, after at least one */
    JOB_OUTCOME_MAX = METHOD_PAYLOAD_MAX, /* bytes of what a device answered */
    JOB_OUTCOME_LEVELS_MAX = 60,          /* of it; a list of rows with it has four more */
    JOB_DROP_ROWS = 1000,                 /* of an old job, deleted in one unit */
};
#define JOB_GATHER_US  500000ll         /* results wait so long for others */
#define JOB_AGAIN_US   1000000ll        /* after the store refused a unit, or the throttle a task */
#define JOB_LOOK_US    (60 * 1000000ll) /* so often at the clock, while a job waits for its start */
#define JOB_CLEAN_US   (3600 * 1000000ll)
#define JOB_CLEAN_1_US (60 * 1000000ll) /* the first time */

struct request_msg {
    uint32_t id_len, json_len;
    uint8_t bytes[];
};

struct done_msg {
    enum status status;
    uint32_t body_len, text_len;
    uint8_t bytes[];
};

/* Creations and cancellations, while they wait. */
struct change {
    struct list node;
    struct msg *m;
    struct store_wait wait; /* a creation's unit, or a look at what ended */
    struct jobs *jobs;
    struct job *job; /* a creation's; NULL: none yet */
    struct event *event;
};

/* One identity of a job, from when it was found until what became of it is on disk. */
struct task {
    struct list node;
    struct job *job;
    struct slice who;
    bool again; /* from before a restart: it may be done already */
    bool asks_twin, asks_method;
    struct twin_wait twin_wait;
    struct method_call call;
    struct timer turn; /* runs: it waits for the throttle */
    bool has_turn;     /* its turn is when that is over; else it asks again then */
    enum job_device_status status;
    struct buf outcome;
    const char *error; /* a name; NULL: none */
    struct buf text;
};

struct job {
    struct list node; /* in jobs.active */
    struct jobs *jobs;
    struct job_row row; /* its slices live in `arena` and `place` */
    struct arena arena;
    struct json *work;
    struct buf place;
    bool due;     /* its start time has come */
    bool counted; /* in jobs.running_count */
    bool started;
    bool redoing; /* reads what was not finished before a restart */
    struct timer begin_timer, end_timer, gather_timer, again_timer;

    struct query_wait query_wait;
    struct store_wait store_wait;
    bool asks_query, asks_store;

    struct list fresh;   /* struct task: found; to be noted */
    struct list working; /* noted, under way */
    struct list results; /* to be noted */
    unsigned fresh_count, working_count, result_count;
    size_t result_bytes;
    bool gathered;                 /* results have waited long enough */
    unsigned noting_fresh, noting; /* of them in the unit under way */
    bool final_noted;              /* that unit ends the job */
    bool tells;                    /* the next unit says that it runs */
    struct event *event;           /* of the unit under way */

    enum job_status ending; /* JOB_STATUSES: it goes on */
    struct list cancels;    /* struct change: who waits for its end */
};

struct clean {
    struct timer timer;
    struct store_wait wait;
    bool asks_store;
    struct buf id, device_id, module_id;
};

struct jobs {
    const struct hub *hub;
    struct lane *lane;
    struct twins *twins;
    struct methods *methods;
    struct queries *queries;
    struct events *events; /* NULL: nobody is told */
    struct query_jobs of_queries;
    struct list row_asks; /* of FROM devices.jobs */
    struct list reads;    /* struct job_read */

    /* on the first core: */
    struct list active; /* struct job, by creation */
    unsigned active_count, running_count;
    struct list changes;
    unsigned change_count;
    struct clean clean;
};

/* schedule.c: the jobs that have not ended. */
enum err schedule_open(struct jobs *j) MUST_USE;
void schedule_close(struct jobs *j);
struct job *schedule_find(const struct jobs *j, struct slice id);
struct job *schedule_make(struct jobs *j, const struct job_row *row); /* copies the row */
void schedule_add(struct job *job);
void schedule_free(struct job *job);  /* also one that was not added */
void schedule_ended(struct job *job); /* its end is on disk */
void schedule_start_more(struct jobs *j);

/* tell.c: what consumers hear of a job, as a part of the unit that writes the row; NULL: nothing. */
struct event *tell_add(struct jobs *j, struct store_request *unit, const struct job_row *row,
                       const char *op);
void tell_outcome(struct jobs *j, struct event **event, enum err result); /* of that unit */

/* change.c: creations and cancellations. */
void change_join(struct jobs *j);
void change_leave(struct jobs *j);
void change_done(struct change *c, const struct job_answer *a); /* answers and frees it */
void change_free(struct change *c);

/* run.c */
void run_begin(struct job *job);
void run_end(struct job *job, enum job_status how, const char *reason);
void run_step(struct job *job);
void run_stop(struct job *job); /* the server stops */

/* task.c */
struct task *task_new(struct job *job, struct slice who, bool again);
void task_begin(struct task *t);
void task_free(struct task *t);
void task_give_up(struct task *t); /* a method: nobody waits for its answer any more */
void task_end(struct task *t, enum job_device_status s, const char *error, struct slice text);

/* history.c: jobs that ended long ago are deleted. */
void clean_start(struct jobs *j);
void clean_stop(struct jobs *j);

/* device_rows.c: FROM devices.jobs. */
void device_rows_join(struct jobs *j);
void device_rows_leave(struct jobs *j);

#endif
