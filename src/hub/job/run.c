/* run.c - one job under way, step by step (drawn in home.h). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"
#include "hub/key.h"

COUNTER(restarted_total, "azimuth_job_searches_restarted_total",
        "Times a job looked for its devices from the start because an older server had noted the "
        "place");
COUNTER(units_refused_total, "azimuth_job_units_refused_total",
        "Times the store refused what a job had to note, so that it was tried again");

/* ---- what the store is told */

static void put_who(struct store_request *u, const struct job *job, struct slice who)
{
    store_put_text(u, "job_id", job->row.id);
    hub_put_key(u, who);
}

static void put_fresh(struct store_request *u, const struct task *t)
{
    store_add(u, &sql_job_device_insert, 1);
    put_who(u, t->job, t->who);
    store_put_int(u, "status", JOB_DEVICE_RUNNING);
    store_put_int(u, "now_us", clock_wall_us());
}

static struct slice or_empty(struct slice s)
{
    return s.ptr ? s : SLICE_LIT("");
}

static void put_result(struct store_request *u, const struct task *t)
{
    store_add(u, &sql_job_device_update, 1);
    put_who(u, t->job, t->who);
    store_put_int(u, "status", t->status);
    store_put_int(u, "end_us", clock_wall_us());
    store_put_text(u, "outcome", or_empty(buf_slice(&t->outcome)));
    store_put_text(u, "error", or_empty(slice_str(t->error)));
    store_put_text(u, "text", or_empty(buf_slice(&t->text)));
}

/* How many results fit one unit. */
static unsigned results_that_fit(const struct job *job)
{
    size_t bytes = 0;
    unsigned count = 0;
    LIST_EACH(node, &job->results)
    {
        const struct task *t = CONTAINER_OF(node, struct task, node);
        bytes += buf_size(&t->outcome) + buf_size(&t->text);
        if (count == JOB_RESULTS_MAX || (count && bytes > JOB_RESULT_BYTES_MAX)) break;
        count++;
    }
    return count;
}

static void count_result(struct job_row *row, enum job_device_status s)
{
    if (s == JOB_DEVICE_COMPLETED)
        row->succeeded++;
    else if (s == JOB_DEVICE_CANCELED)
        row->canceled++;
    else
        row->failed++;
}

static bool is_idle(const struct job *job)
{
    return job->working_count == 0 && job->fresh_count == 0 && !job->asks_query && !job->redoing;
}

/* Nothing is left to be done, but for what this unit notes. */
static bool is_over(const struct job *job)
{
    bool all_done = job->row.found_all || job->ending != JOB_STATUSES;
    return all_done && is_idle(job) && job->result_count == job->noting;
}

static void on_noted(struct store_wait *w, struct store_answer *a);

static void set_place(struct job *job)
{
    job->row.place = or_empty(buf_slice(&job->place));
}

/* The unit: first what was found, in order, then results, then the job. */
static void note(struct job *job)
{
    struct store_request u;
    struct job_row next = job->row;
    unsigned left;
    store_begin_unit(&u, STORE_INTERACTIVE);
    LIST_EACH(node, &job->fresh) put_fresh(&u, CONTAINER_OF(node, struct task, node));
    job->noting_fresh = job->fresh_count;
    left = job->noting = job->fresh_count ? 0 : results_that_fit(job);
    LIST_EACH(node, &job->results)
    {
        if (left == 0) break;
        put_result(&u, CONTAINER_OF(node, struct task, node));
        count_result(&next, CONTAINER_OF(node, struct task, node)->status);
        left--;
    }
    next.found += job->fresh_count;
    job->final_noted = is_over(job);
    if (job->final_noted) {
        next.status = job->ending == JOB_STATUSES ? JOB_COMPLETED : job->ending;
        next.end_us = clock_wall_us();
    }
    job_row_put_update(&u, &next);
    if (job->tells || job->final_noted) job->event = tell_add(job->jobs, &u, &next, "updateJob");
    job->store_wait.fn = on_noted;
    job->asks_store = true;
    store_ask(job->jobs->hub->store, job->jobs->lane, &u, &job->store_wait);
}

/* ---- what the store said */

/* A job that ends begins nothing any more. */
static void begin(struct task *t)
{
    struct job *job = t->job;
    if (job->ending == JOB_STATUSES) {
        task_begin(t);
        return;
    }
    job->working_count++;
    task_end(t, JOB_DEVICE_CANCELED, NULL, SLICE_NONE);
}

/* Those that are on disk now. */
static void begin_fresh(struct job *job)
{
    job->row.found += job->noting_fresh;
    for (; job->noting_fresh; job->noting_fresh--) {
        job->fresh_count--;
        begin(CONTAINER_OF(list_take(&job->fresh), struct task, node));
    }
}

static void drop_noted(struct job *job)
{
    for (; job->noting; job->noting--) {
        struct task *t = CONTAINER_OF(job->results.next, struct task, node);
        job->result_count--;
        job->result_bytes -= buf_size(&t->outcome) + buf_size(&t->text);
        count_result(&job->row, t->status);
        task_free(t);
    }
    job->gathered = false;
}

/* The identity is one that the job has had already: its twin moved behind the query's cursor. */
static void drop_fresh_at(struct job *job, unsigned index)
{
    LIST_EACH(node, &job->fresh)
    {
        if (index--) continue;
        task_free(CONTAINER_OF(node, struct task, node));
        job->fresh_count--;
        return;
    }
}

static void find_unfinished(struct job *job);

static void on_again(struct timer *timer, int64_t now_us)
{
    struct job *job = CONTAINER_OF(timer, struct job, again_timer);
    (void)now_us;
    if (job->redoing)
        find_unfinished(job);
    else
        note(job);
}

static void try_again(struct job *job, enum err e)
{
    job->asks_store = true; /* nothing else is noted meanwhile */
    say_warn("job.refused", "job=%.*s reason=%s", SLICE_ARG(job->row.id), err_name(e));
    timer_set(&job->jobs->lane->timers, &job->again_timer, clock_mono_us() + JOB_AGAIN_US);
}

static void on_noted(struct store_wait *w, struct store_answer *a)
{
    struct job *job = CONTAINER_OF(w, struct job, store_wait);
    job->asks_store = false;
    tell_outcome(job->jobs, &job->event, a->err);
    if (a->err == OK) job->tells = false;
    if (a->err == ERR_CONFLICT && a->statement < job->noting_fresh) {
        drop_fresh_at(job, a->statement);
        note(job);
    } else if (a->err == ERR_CONFLICT) {
        say_error("job.lost", "job=%.*s reason=\"its rows are gone\"", SLICE_ARG(job->row.id));
        schedule_ended(job);
    } else if (a->err != OK) {
        metric_inc(&units_refused_total);
        try_again(job, a->err);
    } else if (job->final_noted) {
        drop_noted(job);
        job->row.status = job->ending == JOB_STATUSES ? JOB_COMPLETED : job->ending;
        job->row.end_us = clock_wall_us();
        schedule_ended(job);
    } else {
        drop_noted(job);
        begin_fresh(job);
        run_step(job);
    }
}

/* ---- whom it concerns */

static void find_more(struct job *job);

static void on_found(struct query_wait *w, const struct query_answer *a)
{
    struct job *job = CONTAINER_OF(w, struct job, query_wait);
    job->asks_query = false;
    if (a->status == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED) {
        timer_set(&job->jobs->lane->timers, &job->gather_timer, clock_mono_us() + JOB_AGAIN_US);
        return;
    }
    if (a->outdated && buf_size(&job->place)) {
        metric_inc(&restarted_total);
        say_info("job.searches.again", "job=%.*s", SLICE_ARG(job->row.id));
        buf_clear(&job->place); /* whom it had has a row: nothing is done twice */
        set_place(job);
        find_more(job);
        return;
    }
    if (a->status != STATUS_OK) {
        char *reason = slice_dup(a->text);
        run_end(job, JOB_FAILED, reason);
        free(reason);
        return;
    }
    for (unsigned i = 0; i < a->count; i++) {
        struct task *t = task_new(job, a->who[i], false);
        list_push(&job->fresh, &t->node);
        job->fresh_count++;
    }
    buf_clear(&job->place);
    buf_put_slice(&job->place, a->next);
    set_place(job);
    job->row.found_all = a->next.len == 0;
    run_step(job);
}

static void find_more(struct job *job)
{
    unsigned under_way = job->working_count + job->result_count;
    struct query_ask ask = {
        .text = job->row.condition, .after = buf_slice(&job->place), .max = JOB_WINDOW - under_way};
    job->query_wait.fn = on_found;
    job->asks_query = true;
    query_find(job->jobs->queries, &ask, &job->query_wait);
}

/* ---- what was under way before a restart */

static void on_unfinished(struct store_wait *w, struct store_answer *a)
{
    struct job *job = CONTAINER_OF(w, struct job, store_wait);
    struct buf who = {0};
    job->asks_store = false;
    if (a->err != OK) {
        try_again(job, a->err);
        return;
    }
    job->redoing = false;
    while (store_next(a)) {
        buf_clear(&who);
        hub_put_who(&who, a->col[0].bytes, a->col[1].bytes);
        begin(task_new(job, buf_slice(&who), true));
    }
    buf_free(&who);
    run_step(job);
}

/* There are not more than a window of them. */
static void find_unfinished(struct job *job)
{
    struct store_request q;
    store_begin_query(&q, &sql_job_device_unfinished);
    store_put_text(&q, "job_id", job->row.id);
    store_put_text(&q, "device_id", SLICE_LIT(""));
    store_put_text(&q, "module_id", SLICE_LIT(""));
    store_put_int(&q, "top", STORE_PAGE_ROWS_MAX);
    job->store_wait.fn = on_unfinished;
    job->asks_store = true;
    store_ask(job->jobs->hub->store, job->jobs->lane, &q, &job->store_wait);
}

/* ---- steps */

static void on_gathered(struct timer *timer, int64_t now_us)
{
    struct job *job = CONTAINER_OF(timer, struct job, gather_timer);
    (void)now_us;
    job->gathered = true;
    run_step(job);
}

static bool has_to_note(const struct job *job)
{
    if (job->fresh_count || is_over(job)) return true;
    if (job->result_count == 0) return false;
    return job->gathered || job->working_count == 0 || job->result_count >= JOB_RESULTS_MAX ||
           job->result_bytes >= JOB_RESULT_BYTES_MAX;
}

static bool may_find(const struct job *job)
{
    return job->ending == JOB_STATUSES && !job->row.found_all && !job->asks_query &&
           job->fresh_count == 0 && job->working_count + job->result_count <= JOB_WINDOW / 2;
}

void run_step(struct job *job)
{
    if (may_find(job)) find_more(job);
    if (job->asks_store) return;
    job->noting = 0;
    if (has_to_note(job)) {
        note(job);
        return;
    }
    if (job->result_count && !timer_active(&job->gather_timer))
        timer_set(&job->jobs->lane->timers, &job->gather_timer, clock_mono_us() + JOB_GATHER_US);
}

static void end_late(struct job *job)
{
    run_end(job, JOB_FAILED, "maxExecutionTimeInSeconds is over");
}

static void on_too_long(struct timer *timer, int64_t now_us)
{
    (void)now_us;
    end_late(CONTAINER_OF(timer, struct job, end_timer));
}

static void start(struct job *job)
{
    job->started = true;
    timer_init(&job->gather_timer, on_gathered);
    timer_init(&job->again_timer, on_again);
    timer_init(&job->end_timer, on_too_long);
}

static void limit_time(struct job *job)
{
    int64_t left_us = job->row.start_us + job->row.max_s * INT64_C(1000000) - clock_wall_us();
    if (job->row.max_s == 0) return;
    if (left_us <= 0) /* a timer would come after what is to be done again */
        end_late(job);
    else
        timer_set(&job->jobs->lane->timers, &job->end_timer, clock_mono_us() + left_us);
}

void run_begin(struct job *job)
{
    bool again = job->row.status == JOB_RUNNING;
    start(job);
    if (!again) job->row.start_us = clock_wall_us();
    job->row.status = JOB_RUNNING;
    say_info("job.runs", "job=%.*s again=%d", SLICE_ARG(job->row.id), again);
    if (again) {
        job->redoing = true;
        find_unfinished(job);
    } else {
        job->tells = true;
        note(job); /* that it runs */
    }
    limit_time(job);
}

void run_end(struct job *job, enum job_status how, const char *reason)
{
    if (job->ending != JOB_STATUSES || (job->asks_store && job->final_noted)) return;
    if (!job->started) start(job);
    job->ending = how;
    job->row.reason = arena_copy(&job->arena, slice_str(reason));
    if (job->asks_query) {
        query_forget(job->jobs->queries, &job->query_wait);
        job->asks_query = false;
    }
    LIST_EACH(node, &job->working) task_give_up(CONTAINER_OF(node, struct task, node));
    run_step(job);
}

void run_stop(struct job *job)
{
    struct list *const lists[] = {&job->fresh, &job->working, &job->results};
    if (job->asks_query) query_forget(job->jobs->queries, &job->query_wait);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        LIST_EACH(node, lists[i]) task_free(CONTAINER_OF(node, struct task, node));
    tell_outcome(job->jobs, &job->event, ERR_CLOSED);
    if (!job->started) return;
    timer_stop(&job->gather_timer);
    timer_stop(&job->again_timer);
    timer_stop(&job->end_timer);
}
