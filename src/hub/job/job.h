/* job.h - jobs: one change of a twin, or one direct method, for every identity that matches a condition.
 *
 *   scheduled ──start time──▶ queued ──room──▶ running ──all are done──▶ completed
 *       │                       │                 ├──────────────────▶ failed
 *       └───────cancelled───────┴─────────────────┴──────────────────▶ cancelled
 *
 * The first core runs them.  A running job finds a page of identities, notes them in the store as
 * running, does its work on each, and notes what became of it: memory holds JOB_WINDOW identities of a
 * job, whatever their number.  After a restart the identities that were noted and not finished come
 * first.  A twin that has the change already is not written again, so no device is told twice; a method
 * that was under way is called again.
 *
 * Runs on: struct jobs on each core; verbs may be called on any.
 * Life:    jobs_new() after twins, methods and queries, before the lanes run; jobs_free() before them,
 *          after the lanes stopped.  A wait is called once, never before the verb has returned, unless
 *          it was forgotten.
 * Limits:  the constants below, each with what is said when it is reached.
 * Source:  "Schedule jobs on multiple devices"; service REST API 2021-04-12; the behaviour of a real hub
 *          where those are silent; README.md.
 */
#ifndef HUB_JOB_JOB_H
#define HUB_JOB_JOB_H

#include "hub/hub.h"
#include "hub/status.h"

enum {
    JOB_ID_MAX = 64,            /* IoT Hub: A-Z a-z 0-9 - ' ; ArgumentInvalid */
    JOB_BODY_MAX = 512 << 10,   /* bytes of a request: MessageTooLarge */
    JOB_RUNNING_MAX = 10,       /* at once (IoT Hub, S3); others wait, as queued */
    JOB_ACTIVE_MAX = 100,       /* that have not ended: ThrottlingMaxActiveJobCountExceeded */
    JOB_CHANGES_MAX = 1000,     /* creations and cancellations under way: ThrottleBacklogLimit... */
    JOB_WINDOW = 200,           /* identities of a job that are in memory: its pace */
    JOB_PAGE_MAX = 1000,        /* jobs of a list: ArgumentInvalid */
    JOB_PLACE_MAX = 128,        /* bytes of a continuation token */
    JOB_AHEAD_S_MAX = 7 * 86400 /* of a start time (IoT Hub): ArgumentInvalid */
};
#define JOB_RETENTION_US (30 * INT64_C(86400) * 1000000) /* IoT Hub: of a job that has ended */

enum job_type { JOB_METHOD, JOB_TWIN, JOB_TYPES };

enum job_status {
    JOB_SCHEDULED,
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_COMPLETED,
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_STATUSES
};

struct events;
struct jobs;
struct twins;
struct methods;
struct queries;

/* One per core.  Reads from the store what has not ended. */
enum err jobs_new(const struct hub *hub, struct lane *lane, struct twins *twins,
                  struct methods *methods, struct queries *queries, struct jobs **out) MUST_USE;
void jobs_free(struct jobs *j); /* NULL is fine */

/* When a job is made, runs and ends is told from now on; NULL: nobody is. */
void jobs_set_events(struct jobs *j, struct events *events);

/* ---- words */

const char *job_type_name(enum job_type t);     /* "scheduleDeviceMethod" */
const char *job_status_name(enum job_status s); /* "cancelled" */

/* In any case; false: there is no such word. */
bool job_type_of(struct slice name, enum job_type *out);
bool job_status_of(struct slice name, enum job_status *out);

/* Words of Azure's JobType and JobStatus for jobs of other kinds, or none: there are no jobs like that here. */
bool job_is_other_type(struct slice name);
bool job_is_other_status(struct slice name);

/* ---- verbs */

/* Borrowed during the call. */
struct job_answer {
    enum status status;
    struct slice body; /* a JobResponse, of a list an array of them */
    struct slice next; /* of a list: `after` of the next page; empty: that was the last */
    struct slice text; /* for people, when the status is not STATUS_OK */
};

/* Who waits.  Embedded in its owner. */
struct job_wait {
    void (*fn)(struct job_wait *w, const struct job_answer *a);
    struct addr slot;
    struct job_read *read; /* ours */
};

/* `json` is a JobRequest.  Answered when it is on disk, or refused: JobAlreadyExists, ArgumentInvalid.
 * What is wrong with its condition is found when it runs. */
void job_create(struct jobs *j, struct slice id, struct slice json, struct job_wait *w);

/* Answered when nothing happens for it any more: JobNotFound; OperationNotAllowedInCurrentState, when it
 * has ended. */
void job_cancel(struct jobs *j, struct slice id, struct job_wait *w);

void job_get(struct jobs *j, struct slice id, struct job_wait *w); /* JobNotFound */

struct job_ask {
    int type, status;   /* JOB_TYPES, JOB_STATUSES: any */
    struct slice after; /* empty: the first page */
    unsigned max;       /* 1 to JOB_PAGE_MAX */
};

/* The newest first. */
void job_list(struct jobs *j, const struct job_ask *ask, struct job_wait *w);

void job_forget(struct jobs *j, struct job_wait *w); /* the answer finds nobody */

#endif
