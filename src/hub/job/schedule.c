/* schedule.c - the jobs that have not ended: until when they wait, and how many run. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"

GAUGE(active_now, "azimuth_jobs_active", "Jobs that have not ended");
GAUGE(running_now, "azimuth_jobs_running", "Jobs that run");
COUNTER(ended_total, "azimuth_jobs_ended_total", "Jobs that have ended");
COUNTER(completed_total, "azimuth_jobs_completed_total", "Jobs that have ended as completed");
COUNTER(failed_total, "azimuth_jobs_failed_total", "Jobs that have ended as failed");

/* ---- making */

struct job *schedule_make(struct jobs *j, const struct job_row *row)
{
    struct job *job = NEW(struct job);
    struct arena *a = &job->arena;
    job->jobs = j;
    job->row = *row;
    job->row.id = arena_copy(a, row->id);
    job->row.condition = arena_copy(a, row->condition);
    job->row.work = arena_copy(a, row->work);
    job->row.reason = SLICE_LIT("");
    buf_put_slice(&job->place, row->place);
    job->row.place = buf_size(&job->place) ? buf_slice(&job->place) : SLICE_LIT("");
    if (json_parse(a, job->row.work, &job->work) != OK) job->work = json_new(a, JSON_OBJECT);
    job->ending = JOB_STATUSES;
    list_init(&job->node);
    list_init(&job->fresh);
    list_init(&job->working);
    list_init(&job->results);
    list_init(&job->cancels);
    return job;
}

void schedule_free(struct job *job)
{
    struct jobs *j = job->jobs;
    if (list_linked(&job->node)) {
        timer_stop(&job->begin_timer);
        list_remove(&job->node);
        metric_set(&active_now, --j->active_count);
    }
    if (job->counted) metric_set(&running_now, --j->running_count);
    run_stop(job);
    buf_free(&job->place);
    arena_free(&job->arena);
    free(job);
}

static int64_t until_start(const struct job *job)
{
    return job->row.status == JOB_SCHEDULED ? job->row.start_us - clock_wall_us() : 0;
}

/* Timers know nothing of a clock that is set, nor of the time a machine sleeps. */
static void wait_for_start(struct job *job)
{
    int64_t wait_us = until_start(job);
    timer_set(&job->jobs->lane->timers, &job->begin_timer,
              clock_mono_us() + (wait_us > 0 ? MIN(wait_us, JOB_LOOK_US) : 0));
}

static void on_due(struct timer *timer, int64_t now_us)
{
    struct job *job = CONTAINER_OF(timer, struct job, begin_timer);
    (void)now_us;
    if (until_start(job) > 0) {
        wait_for_start(job);
        return;
    }
    job->due = true;
    if (job->row.status == JOB_SCHEDULED) job->row.status = JOB_QUEUED;
    schedule_start_more(job->jobs);
}

void schedule_add(struct job *job)
{
    struct jobs *j = job->jobs;
    list_push(&j->active, &job->node);
    metric_set(&active_now, ++j->active_count);
    timer_init(&job->begin_timer, on_due);
    wait_for_start(job);
}

struct job *schedule_find(const struct jobs *j, struct slice id)
{
    LIST_EACH(node, &j->active)
    {
        struct job *job = CONTAINER_OF(node, struct job, node);
        if (slice_eq(job->row.id, id)) return job;
    }
    return NULL;
}

/* ---- running */

void schedule_start_more(struct jobs *j)
{
    LIST_EACH(node, &j->active)
    {
        struct job *job = CONTAINER_OF(node, struct job, node);
        if (j->running_count == JOB_RUNNING_MAX) return;
        if (!job->due || job->started) continue;
        job->counted = true;
        metric_set(&running_now, ++j->running_count);
        run_begin(job);
    }
}

static void answer_cancels(struct job *job)
{
    struct buf json = {0};
    bool cancelled = job->row.status == JOB_CANCELLED;
    job_row_write(&json, &job->row);
    for (struct list *node; (node = list_shift(&job->cancels)) != NULL;) {
        struct change *c = CONTAINER_OF(node, struct change, node);
        if (cancelled)
            change_done(c, &(struct job_answer){.body = buf_slice(&json)});
        else
            change_done(c, &(struct job_answer){.status = STATUS_OPERATION_NOT_ALLOWED,
                                                .text = SLICE_LIT("the job has ended")});
    }
    buf_free(&json);
}

/* jobCompleted of the category JobsOperations, whatever became of it. */
static void diagnose(const struct job *job)
{
    const struct job_row *row = &job->row;
    const struct hub *hub = job->jobs->hub;
    char start[CLOCK_ISO_LEN + 1];
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_JOBS_OPERATIONS,
                           .operation = "jobCompleted",
                           .properties = &properties};
    if (!diagnostic_wanted(hub, d.category)) return;
    clock_iso(row->start_us, start);
    diagnostic_put_text(&properties, "jobId", row->id);
    diagnostic_put_text(&properties, "sdkVersion", SLICE_NONE); /* it is not kept with the job */
    diagnostic_put_number(&properties, "messageSize", (int64_t)row->work.len);
    diagnostic_put_text(&properties, "filter", row->condition);
    diagnostic_put_text(&properties, "startTimeUtc", slice_str(start));
    diagnostic_put_digits(&properties, "duration", (clock_wall_us() - row->start_us) / 1000000);
    diagnostic_put_text(&properties, "jobStatus", slice_str(job_status_name(row->status)));
    if (row->status == JOB_FAILED) diagnostic_set_status(&d, STATUS_SERVER_ERROR);
    if (row->status == JOB_CANCELLED) diagnostic_set_status(&d, STATUS_JOB_CANCELLED);
    diagnostic_note(hub, job->jobs->lane, &d);
    buf_free(&properties);
}

void schedule_ended(struct job *job)
{
    struct jobs *j = job->jobs;
    say_info("job.ended", "job=%.*s status=%s devices=%lld failed=%lld", SLICE_ARG(job->row.id),
             job_status_name(job->row.status), (long long)job->row.found,
             (long long)job->row.failed);
    diagnose(job);
    metric_inc(&ended_total);
    if (job->row.status == JOB_COMPLETED) metric_inc(&completed_total);
    if (job->row.status == JOB_FAILED) metric_inc(&failed_total);
    answer_cancels(job);
    schedule_free(job);
    schedule_start_more(j);
}

/* ---- after a start */

static enum err load_page(struct jobs *j, struct buf *last, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    struct job_row row;
    store_begin_query(&q, &sql_job_active);
    store_put_text(&q, "job_id", buf_size(last) ? buf_slice(last) : SLICE_LIT(""));
    enum err e = store_now_query(j->hub->store, &q, &a, &page);
    while (e == OK && store_next(&a)) {
        job_row_read(a.col, &row);
        schedule_add(schedule_make(j, &row));
        buf_clear(last);
        buf_put_slice(last, row.id);
    }
    *more = a.more;
    msg_free(page);
    return e;
}

enum err schedule_open(struct jobs *j)
{
    struct buf last = {0};
    bool more = true;
    enum err e = OK;
    while (more && e == OK) e = load_page(j, &last, &more);
    buf_free(&last);
    return e;
}

void schedule_close(struct jobs *j)
{
    LIST_EACH(node, &j->active)
    {
        struct job *job = CONTAINER_OF(node, struct job, node);
        while (!list_empty(&job->cancels))
            change_free(CONTAINER_OF(job->cancels.next, struct change, node));
        schedule_free(job);
    }
}
