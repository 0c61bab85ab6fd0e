/* change.c - creations and cancellations on the first core. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"

LIMIT_REACHED(too_many_changes, "job-changes")
LIMIT_REACHED(too_many_jobs, "jobs")
COUNTER(created_total, "azimuth_jobs_created_total", "Jobs created");
COUNTER(refused_total, "azimuth_jobs_refused_total", "Creations and cancellations refused");

static struct slice id_of(const struct msg *m)
{
    const struct request_msg *r = (const void *)m->body;
    return slice_of(r->bytes, r->id_len);
}

static struct slice json_of(const struct msg *m)
{
    const struct request_msg *r = (const void *)m->body;
    return slice_of(r->bytes + r->id_len, r->json_len);
}

/* ---- answers */

static void reply(struct jobs *j, const struct msg *m, const struct job_answer *a)
{
    struct msg *done = msg_new(JOB_DONE, sizeof(struct done_msg) + a->body.len + a->text.len);
    struct done_msg *d = (void *)done->body;
    *d = (struct done_msg){
        .status = a->status, .body_len = (uint32_t)a->body.len, .text_len = (uint32_t)a->text.len};
    if (a->body.len) memcpy(d->bytes, a->body.ptr, a->body.len);
    if (a->text.len) memcpy(d->bytes + a->body.len, a->text.ptr, a->text.len);
    if (a->status != STATUS_OK) metric_inc(&refused_total);
    post_reply(j->lane, m, done);
}

static void refuse(struct jobs *j, const struct msg *m, enum status s, const char *text)
{
    reply(j, m, &(struct job_answer){.status = s, .text = slice_str(text)});
}

static struct change *change_new(struct jobs *j, struct msg *m)
{
    struct change *c = NEW(struct change);
    msg_keep(m);
    c->jobs = j;
    c->m = m;
    list_push(&j->changes, &c->node);
    j->change_count++;
    return c;
}

void change_free(struct change *c)
{
    list_remove(&c->node);
    c->jobs->change_count--;
    if (c->job) schedule_free(c->job);
    tell_outcome(c->jobs, &c->event, ERR_CLOSED);
    msg_free(c->m);
    free(c);
}

void change_done(struct change *c, const struct job_answer *a)
{
    reply(c->jobs, c->m, a);
    change_free(c);
}

static void fail_change(struct change *c, enum status s, const char *text)
{
    change_done(c, &(struct job_answer){.status = s, .text = slice_str(text)});
}

static bool is_crowded(struct jobs *j, const struct msg *m)
{
    if (j->change_count < JOB_CHANGES_MAX) return false;
    metric_inc(&too_many_changes);
    refuse(j, m, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, "too many jobs are created now");
    return true;
}

/* ---- creating */

static void on_inserted(struct store_wait *w, struct store_answer *a)
{
    struct change *c = CONTAINER_OF(w, struct change, wait);
    struct job *job = c->job;
    struct buf json = {0};
    tell_outcome(c->jobs, &c->event, a->err);
    if (a->err != OK) {
        bool there = a->err == ERR_CONFLICT;
        fail_change(c, there ? STATUS_JOB_ALREADY_EXISTS : status_of_err(a->err),
                    there ? "there is a job with that id" : "the store refuses the job");
        return;
    }
    metric_inc(&created_total);
    c->job = NULL;
    job_row_write(&json, &job->row);
    change_done(c, &(struct job_answer){.body = buf_slice(&json)});
    buf_free(&json);
    schedule_add(job);
}

static void insert(struct jobs *j, struct msg *m, const struct job_row *row)
{
    struct change *c = change_new(j, m);
    struct store_request u;
    c->job = schedule_make(j, row);
    store_begin_unit(&u, STORE_INTERACTIVE);
    job_row_put_insert(&u, &c->job->row);
    c->event = tell_add(j, &u, &c->job->row, "createJob");
    c->wait.fn = on_inserted;
    store_ask(j->hub->store, j->lane, &u, &c->wait);
}

static void refuse_more(struct jobs *j, const struct msg *m)
{
    metric_inc(&too_many_jobs);
    refuse(j, m, STATUS_THROTTLING_MAX_ACTIVE_JOBS, "too many jobs have not ended yet");
}

static void on_create(void *ctx, struct lane *lane, struct msg *m)
{
    struct jobs *j = ctx;
    struct arena arena = {0};
    struct job_row row;
    (void)lane;
    if (is_crowded(j, m)) return;
    if (job_request_read(&arena, id_of(m), json_of(m), clock_wall_us(), &row) != OK)
        refuse(j, m, STATUS_ARGUMENT_INVALID, fail_text());
    else if (schedule_find(j, row.id))
        refuse(j, m, STATUS_JOB_ALREADY_EXISTS, "there is a job with that id");
    else if (j->active_count + j->change_count >= JOB_ACTIVE_MAX)
        refuse_more(j, m);
    else
        insert(j, m, &row);
    arena_free(&arena);
}

/* ---- cancelling */

static void on_looked(struct store_wait *w, struct store_answer *a)
{
    struct change *c = CONTAINER_OF(w, struct change, wait);
    if (a->err != OK)
        fail_change(c, status_of_err(a->err), "the store does not answer");
    else if (store_next(a))
        fail_change(c, STATUS_OPERATION_NOT_ALLOWED, "the job has ended");
    else
        fail_change(c, STATUS_JOB_NOT_FOUND, "there is no such job");
}

static void look(struct jobs *j, struct msg *m)
{
    struct change *c = change_new(j, m);
    struct store_request q;
    store_begin_query(&q, &sql_job_get);
    store_put_text(&q, "job_id", id_of(m));
    c->wait.fn = on_looked;
    store_ask(j->hub->store, j->lane, &q, &c->wait);
}

static void on_cancel(void *ctx, struct lane *lane, struct msg *m)
{
    struct jobs *j = ctx;
    struct job *job = schedule_find(j, id_of(m));
    (void)lane;
    if (is_crowded(j, m)) return;
    if (job == NULL) {
        look(j, m);
        return;
    }
    struct change *c = change_new(j, m);
    list_remove(&c->node);
    list_push(&job->cancels, &c->node);
    run_end(job, JOB_CANCELLED, "");
}

/* ---- life */

void change_join(struct jobs *j)
{
    list_init(&j->changes);
    lane_on(j->lane, JOB_CREATE, on_create, j);
    lane_on(j->lane, JOB_CANCEL, on_cancel, j);
}

void change_leave(struct jobs *j)
{
    LIST_EACH(node, &j->changes) change_free(CONTAINER_OF(node, struct change, node));
}
