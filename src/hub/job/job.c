/* job.c - life, and the verbs: changes go to the first core, what is read comes from the store. */
#include "hub/job/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"

/* ---- changes */

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct job_wait *w = slot_get(lane, m->to);
    const struct done_msg *d = (const void *)m->body;
    if (w == NULL) return;
    job_forget(ctx, w);
    w->fn(w, &(struct job_answer){.status = d->status,
                                  .body = slice_of(d->bytes, d->body_len),
                                  .text = slice_of(d->bytes + d->body_len, d->text_len)});
}

static void ask_first_core(struct jobs *j, enum job_kind kind, struct slice id, struct slice json,
                           struct job_wait *w)
{
    ON_LANE(j->lane);
    struct msg *m = msg_new(kind, sizeof(struct request_msg) + id.len + json.len);
    struct request_msg *r = (void *)m->body;
    *r = (struct request_msg){.id_len = (uint32_t)id.len, .json_len = (uint32_t)json.len};
    if (id.len) memcpy(r->bytes, id.ptr, id.len);
    if (json.len) memcpy(r->bytes + id.len, json.ptr, json.len);
    w->read = NULL;
    w->slot = slot_new(j->lane, w);
    post(j->lane, w->slot, (struct addr){.lane = j->hub->cores[0]}, m);
}

void job_create(struct jobs *j, struct slice id, struct slice json, struct job_wait *w)
{
    ask_first_core(j, JOB_CREATE, id, json, w);
}

void job_cancel(struct jobs *j, struct slice id, struct job_wait *w)
{
    ask_first_core(j, JOB_CANCEL, id, SLICE_NONE, w);
}

/* ---- reading */

struct job_read {
    struct list node;
    struct jobs *jobs;
    struct job_wait *waiter;
    struct store_wait wait;
    unsigned max; /* of a list; 0: one job */
};

static void read_free(struct job_read *r)
{
    r->waiter->read = NULL;
    list_remove(&r->node);
    free(r);
}

static void answer_read(struct job_read *r, const struct job_answer *a)
{
    struct job_wait *w = r->waiter;
    read_free(r);
    w->fn(w, a);
}

static void answer_one(struct job_read *r, struct store_answer *a)
{
    struct buf json = {0};
    struct job_row row;
    if (!store_next(a)) {
        answer_read(r, &(struct job_answer){.status = STATUS_JOB_NOT_FOUND,
                                            .text = SLICE_LIT("there is no such job")});
        return;
    }
    job_row_read(a->col, &row);
    job_row_write(&json, &row);
    answer_read(r, &(struct job_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

/* One more than a page was asked for: then there is a next one. */
static void answer_list(struct job_read *r, struct store_answer *a)
{
    struct buf json = {0};
    struct job_row row;
    char next[JOB_PLACE_MAX] = "", place[JOB_PLACE_MAX] = "";
    unsigned count = 0;
    buf_put_u8(&json, '[');
    while (store_next(a)) {
        if (count == r->max) {
            snprintf(next, sizeof next, "%s", place);
            break;
        }
        job_row_read(a->col, &row);
        if (count++) buf_put_u8(&json, ',');
        job_row_write(&json, &row);
        snprintf(place, sizeof place, "%lld.%.*s", (long long)row.created_us, SLICE_ARG(row.id));
    }
    if (a->more && next[0] == '\0') snprintf(next, sizeof next, "%s", place);
    buf_put_u8(&json, ']');
    answer_read(r, &(struct job_answer){.body = buf_slice(&json), .next = slice_str(next)});
    buf_free(&json);
}

static void on_read(struct store_wait *w, struct store_answer *a)
{
    struct job_read *r = CONTAINER_OF(w, struct job_read, wait);
    if (a->err != OK)
        answer_read(r, &(struct job_answer){.status = status_of_err(a->err),
                                            .text = SLICE_LIT("the store does not answer")});
    else if (r->max)
        answer_list(r, a);
    else
        answer_one(r, a);
}

static void read_store(struct jobs *j, struct store_request *q, unsigned max, struct job_wait *w)
{
    struct job_read *r = NEW(struct job_read);
    ON_LANE(j->lane);
    *r = (struct job_read){.jobs = j, .waiter = w, .wait.fn = on_read, .max = max};
    list_push(&j->reads, &r->node);
    w->slot = (struct addr){0};
    w->read = r;
    store_ask(j->hub->store, j->lane, q, &r->wait);
}

void job_get(struct jobs *j, struct slice id, struct job_wait *w)
{
    struct store_request q;
    store_begin_query(&q, &sql_job_get);
    store_put_text(&q, "job_id", id);
    read_store(j, &q, 0, w);
}

/* A place is "CREATED.ID" of the last job; who brings another one gets the first page. */
static void read_place(struct slice place, int64_t *created_us, struct slice *id)
{
    struct slice number;
    *created_us = INT64_MAX;
    *id = SLICE_LIT("");
    if (place.len > JOB_PLACE_MAX || !slice_split(&place, '.', &number) || place.ptr == NULL)
        return;
    if (num_i64(number, created_us) == OK)
        *id = place;
    else
        *created_us = INT64_MAX;
}

void job_list(struct jobs *j, const struct job_ask *ask, struct job_wait *w)
{
    struct store_request q;
    struct slice id;
    int64_t created_us;
    assert(ask->max >= 1 && ask->max <= JOB_PAGE_MAX);
    read_place(ask->after, &created_us, &id);
    store_begin_query(&q, &sql_job_page);
    store_put_int(&q, "created_us", created_us);
    store_put_text(&q, "job_id", id);
    store_put_int(&q, "type", ask->type == JOB_TYPES ? -1 : ask->type);
    store_put_int(&q, "status", ask->status == JOB_STATUSES ? -1 : ask->status);
    store_put_int(&q, "top", ask->max + 1);
    read_store(j, &q, ask->max, w);
}

void job_forget(struct jobs *j, struct job_wait *w)
{
    if (w->read) {
        store_forget(j->lane, &w->read->wait);
        read_free(w->read);
    } else {
        slot_free(j->lane, w->slot);
    }
}

/* ---- life */

enum err jobs_new(const struct hub *hub, struct lane *lane, struct twins *twins,
                  struct methods *methods, struct queries *queries, struct jobs **out)
{
    struct jobs *j = *out = NEW(struct jobs);
    *j = (struct jobs){
        .hub = hub, .lane = lane, .twins = twins, .methods = methods, .queries = queries};
    list_init(&j->active);
    list_init(&j->reads);
    lane_on(lane, JOB_DONE, on_done, j);
    device_rows_join(j);
    change_join(j);
    if (lane->id != hub->cores[0]) return OK;
    clean_start(j);
    return schedule_open(j);
}

void jobs_free(struct jobs *j)
{
    if (j == NULL) return;
    if (j->lane->id == j->hub->cores[0]) clean_stop(j);
    schedule_close(j);
    change_leave(j);
    device_rows_leave(j);
    LIST_EACH(node, &j->reads) read_free(CONTAINER_OF(node, struct job_read, node));
    free(j);
}
