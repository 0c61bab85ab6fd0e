/* task.c - a job's work on one identity: a write of its twin, or a method. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/job/home.h"

COUNTER(done_total, "azimuth_job_devices_done_total", "Identities for which a job did its work");
COUNTER(failed_total, "azimuth_job_devices_failed_total",
        "Identities for which a job could not do its work");
COUNTER(again_total, "azimuth_job_devices_done_before_total",
        "Twins that had a job's change already when it went on after a restart");

static void on_turn(struct timer *timer, int64_t now_us);

struct task *task_new(struct job *job, struct slice who, bool again)
{
    struct task *t = mem_zero(sizeof *t + who.len);
    memcpy(t + 1, who.ptr, who.len);
    t->who = slice_of(t + 1, who.len);
    t->job = job;
    t->again = again;
    list_init(&t->node);
    timer_init(&t->turn, on_turn);
    return t;
}

void task_free(struct task *t)
{
    if (t->asks_twin) twin_forget(t->job->jobs->twins, &t->twin_wait);
    if (t->asks_method) method_forget(&t->call);
    timer_stop(&t->turn);
    list_remove(&t->node);
    buf_free(&t->outcome);
    buf_free(&t->text);
    free(t);
}

/* From working to results. */
void task_end(struct task *t, enum job_device_status s, const char *error, struct slice text)
{
    struct job *job = t->job;
    t->status = s;
    t->error = error;
    buf_put_slice(&t->text, text);
    metric_inc(s == JOB_DEVICE_COMPLETED ? &done_total : &failed_total);
    list_remove(&t->node);
    list_push(&job->results, &t->node);
    job->working_count--;
    job->result_count++;
    job->result_bytes += buf_size(&t->outcome) + buf_size(&t->text);
}

static void end_and_step(struct task *t, enum job_device_status s, const char *error,
                         struct slice text)
{
    struct job *job = t->job;
    task_end(t, s, error, text);
    run_step(job);
}

/* ---- twins */

/* Would merging `patch` into `there` change nothing? */
static bool has_already(const struct json *there, const struct json *patch)
{
    if (patch->type == JSON_NULL) return there == NULL;
    if (there == NULL || there->type != patch->type) return false;
    if (patch->type == JSON_OBJECT) {
        for (const struct json *m = patch->child; m; m = m->next) {
            char *key = slice_dup(m->key);
            bool has = has_already(json_get(there, key), m);
            free(key);
            if (!has) return false;
        }
        return true;
    }
    if (patch->type == JSON_BOOL) return there->truth == patch->truth;
    if (patch->type != JSON_ARRAY) return slice_eq(there->text, patch->text);
    struct buf a = {0}, b = {0};
    json_write(&a, there);
    json_write(&b, patch);
    bool same = slice_eq(buf_slice(&a), buf_slice(&b));
    buf_free(&a);
    buf_free(&b);
    return same;
}

static bool section_has(const struct json *there, const struct json *patch)
{
    if (patch == NULL || patch->type != JSON_OBJECT) return true;
    for (const struct json *m = patch->child; m; m = m->next) {
        char *key = slice_dup(m->key);
        bool has = key[0] == '$' || has_already(json_get(there, key), m);
        free(key);
        if (!has) return false;
    }
    return true;
}

static bool twin_has(struct slice json, const struct json *work)
{
    struct arena a = {0};
    struct json *twin;
    bool has = json_parse(&a, json, &twin) == OK &&
               section_has(json_get(twin, "tags"), json_get(work, "tags")) &&
               section_has(json_get(json_get(twin, "properties"), "desired"),
                           json_get(json_get(work, "properties"), "desired"));
    arena_free(&a);
    return has;
}

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    struct task *t = CONTAINER_OF(w, struct task, twin_wait);
    t->asks_twin = false;
    if (a->status == STATUS_OK)
        end_and_step(t, JOB_DEVICE_COMPLETED, NULL, SLICE_NONE);
    else
        end_and_step(t, JOB_DEVICE_FAILED, status_name(a->status), a->text);
}

static void write_twin(struct task *t)
{
    struct job *job = t->job;
    struct slice etag = json_str(job->work, "etag");
    if (etag.len == 0 || slice_is(etag, "*")) etag = SLICE_NONE;
    t->twin_wait.fn = on_written;
    t->asks_twin = true;
    struct buf by = {0};
    buf_printf(&by, "job %.*s", SLICE_ARG(job->row.id));
    t->twin_wait.by = buf_slice(&by);
    twin_write(job->jobs->twins, t->who, TWIN_MERGE, etag, job->row.work, &t->twin_wait);
    buf_free(&by);
}

static void on_read(struct twin_wait *w, const struct twin_answer *a)
{
    struct task *t = CONTAINER_OF(w, struct task, twin_wait);
    t->asks_twin = false;
    if (a->status != STATUS_OK) {
        end_and_step(t, JOB_DEVICE_FAILED, status_name(a->status), a->text);
    } else if (twin_has(a->body, t->job->work)) {
        metric_inc(&again_total);
        end_and_step(t, JOB_DEVICE_COMPLETED, NULL, SLICE_NONE);
    } else {
        write_twin(t);
    }
}

static void read_twin(struct task *t)
{
    t->twin_wait.fn = on_read;
    t->asks_twin = true;
    twin_get(t->job->jobs->twins, t->who, &t->twin_wait);
}

/* ---- methods */

static_assert(JOB_OUTCOME_LEVELS_MAX + 4 <= JSON_DEPTH_MAX, "a list of rows can be read");

/* Of a device's answer; what cannot be is null. */
static bool can_be_shown(struct slice payload)
{
    struct arena arena = {0};
    struct json *value;
    bool can =
        payload.len <= JOB_OUTCOME_MAX &&
        json_parse_within(&arena, payload, JOB_OUTCOME_LEVELS_MAX, "an outcome", &value) == OK;
    arena_free(&arena);
    return can;
}

static void on_result(struct method_call *c, const struct method_result *r)
{
    struct task *t = CONTAINER_OF(c, struct task, call);
    t->asks_method = false;
    if (r->status != STATUS_OK) {
        end_and_step(t, JOB_DEVICE_FAILED, status_name(r->status), slice_str(r->text));
        return;
    }
    if (!slice_is(r->payload, "null")) quota_count_answer(t->job->jobs->hub->quota, r->payload.len);
    buf_printf(&t->outcome, "{\"status\":%d,\"payload\":", r->device_status);
    buf_put_slice(&t->outcome, can_be_shown(r->payload) ? r->payload : SLICE_LIT("null"));
    buf_put_u8(&t->outcome, '}');
    end_and_step(t, JOB_DEVICE_COMPLETED, NULL, SLICE_NONE);
}

static unsigned seconds(const struct json *work, const char *name, unsigned initial)
{
    const struct json *j = json_get_nocase(work, name);
    int64_t s;
    return j && j->type == JSON_NUMBER && json_i64(j, &s) == OK ? (unsigned)s : initial;
}

static void call_method(struct task *t)
{
    const struct json *work = t->job->work;
    const struct json *name = json_get_nocase(work, "methodName");
    const struct json *payload = json_get_nocase(work, "payload");
    struct buf text = {0};
    if (payload) json_write(&text, payload);
    struct method_ask ask = {.who = t->who,
                             .name = name->text,
                             .payload = buf_slice(&text),
                             .response_s =
                                 seconds(work, "responseTimeoutInSeconds", METHOD_RESPONSE_S),
                             .connect_s = seconds(work, "connectTimeoutInSeconds", 0)};
    enum err e = method_call(t->job->jobs->methods, &ask, &t->call);
    buf_free(&text);
    if (e != OK) {
        task_end(t, JOB_DEVICE_FAILED, status_name(status_of_err(e)), slice_str(fail_text()));
        return;
    }
    t->call.fn = on_result;
    t->asks_method = true;
}

/* ---- either */

static void work(struct task *t)
{
    struct job *job = t->job;
    if (!quota_take(job->jobs->hub->quota, job->row.work.len))
        task_end(t, JOB_DEVICE_FAILED, status_name(STATUS_QUOTA_EXCEEDED),
                 SLICE_LIT("the messages of the day are used up"));
    else if (job->row.type == JOB_METHOD)
        call_method(t);
    else if (t->again)
        read_twin(t);
    else
        write_twin(t);
}

static void wait_for_turn(struct task *t, int64_t wait_us)
{
    timer_set(&t->job->jobs->lane->timers, &t->turn, clock_mono_us() + wait_us);
}

/* false: it will come.  Whom the throttle refuses asks again. */
static bool take_turn(struct task *t, int64_t now_us)
{
    int64_t wait_us = throttle_take(t->job->jobs->hub->throttle, THROTTLE_JOB_DEVICE, 1, now_us);
    t->has_turn = wait_us != THROTTLE_REFUSED;
    if (wait_us == 0) return true;
    wait_for_turn(t, t->has_turn ? wait_us : JOB_AGAIN_US);
    return false;
}

/* Its turn has come, or it asks for one again. */
static void on_turn(struct timer *timer, int64_t now_us)
{
    struct task *t = CONTAINER_OF(timer, struct task, turn);
    struct job *job = t->job;
    if (!t->has_turn && !take_turn(t, now_us)) return;
    work(t);
    run_step(job);
}

void task_begin(struct task *t)
{
    struct job *job = t->job;
    list_remove(&t->node);
    list_push(&job->working, &t->node);
    job->working_count++;
    if (take_turn(t, clock_mono_us())) work(t);
}

void task_give_up(struct task *t)
{
    bool waits = timer_active(&t->turn);
    if (!t->asks_method && !waits) return;
    if (t->asks_method) method_forget(&t->call);
    timer_stop(&t->turn);
    t->asks_method = false;
    task_end(t, JOB_DEVICE_CANCELED, NULL, SLICE_NONE);
}
