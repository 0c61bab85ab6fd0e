/* row.h - a job as a row and as JSON.  Private to hub/job. */
#ifndef HUB_JOB_ROW_H
#define HUB_JOB_ROW_H

#include "base/arena.h"
#include "hub/job/job.h"
#include "store/store.h"

enum job_device_status {
    JOB_DEVICE_RUNNING,
    JOB_DEVICE_COMPLETED,
    JOB_DEVICE_FAILED,
    JOB_DEVICE_CANCELED
};

struct job_row {
    struct slice id, condition, reason, place;
    struct slice work; /* JSON: cloudToDeviceMethod or updateTwin */
    enum job_type type;
    enum job_status status;
    int64_t max_s; /* 0: no limit */
    int64_t created_us, start_us, end_us;
    int64_t found, succeeded, failed, canceled;
    bool found_all;
};

void job_row_read(const struct store_value *col, struct job_row *out); /* of job_get; borrows */

/* A unit's statement that makes the row be as `row` says. */
void job_row_put_insert(struct store_request *u, const struct job_row *row);
void job_row_put_update(struct store_request *u, const struct job_row *row);

void job_row_write(struct buf *out, const struct job_row *row); /* a JobResponse */

/* request.c: what a JobRequest says, in the arena.  ERR_INVALID: with a text. */
enum err job_request_read(struct arena *a, struct slice id, struct slice json, int64_t wall_us,
                          struct job_row *out) MUST_USE;

#endif
