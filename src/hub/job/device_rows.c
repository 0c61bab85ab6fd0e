/* device_rows.c - FROM devices.jobs: what became of each identity of each job. */
#include <stdlib.h>

#include "base/num.h"
#include "base/text.h"
#include "hub/job/home.h"
#include "hub/job/job_sql.h"

enum { ROWS_MAX = STORE_PAGE_ROWS_MAX };

/* One question of a query. */
struct rows_ask {
    struct list node;
    struct jobs *jobs;
    struct query_jobs_wait *waiter;
    struct store_wait wait;
    unsigned max;
};

static const char *const statuses[] = {
    [JOB_DEVICE_RUNNING] = "running",
    [JOB_DEVICE_COMPLETED] = "completed",
    [JOB_DEVICE_FAILED] = "failed",
    [JOB_DEVICE_CANCELED] = "canceled",
};

/* ---- JSON */

static void put_string(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, text);
}

static void put_time(struct buf *out, const char *name, int64_t wall_us)
{
    if (wall_us) text_json_time(out, name, wall_us);
}

/* Columns of job_device_page. */
static void put_row(struct buf *out, const struct store_value *col)
{
    unsigned status = (unsigned)col[3].number;
    buf_put_str(out, "{\"jobId\":");
    text_json_string(out, col[0].bytes);
    put_string(out, "deviceId", col[1].bytes);
    if (col[2].bytes.len) put_string(out, "moduleId", col[2].bytes);
    buf_printf(out, ",\"jobType\":\"%s\",\"status\":\"%s\"",
               job_type_name((enum job_type)col[10].number),
               status <= JOB_DEVICE_CANCELED ? statuses[status] : "running");
    put_time(out, "createdDateTimeUtc", col[4].number);
    put_time(out, "startTimeUtc", col[5].number);
    put_time(out, "endTimeUtc", col[6].number);
    put_time(out, "lastUpdatedDateTimeUtc", MAX(col[5].number, col[6].number));
    if (col[7].bytes.len) {
        buf_put_str(out, ",\"outcome\":{\"deviceMethodResponse\":");
        buf_put_slice(out, col[7].bytes);
        buf_put_u8(out, '}');
    }
    if (col[8].bytes.len) {
        buf_put_str(out, ",\"error\":{\"code\":");
        text_json_string(out, col[8].bytes);
        put_string(out, "description", col[9].bytes);
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, '}');
}

/* "JOB/DEVICE/MODULE" */
static struct slice place_of(struct arena *a, const struct store_value *col)
{
    struct buf place = {0};
    buf_printf(&place, "%.*s/%.*s/%.*s", SLICE_ARG(col[0].bytes), SLICE_ARG(col[1].bytes),
               SLICE_ARG(col[2].bytes));
    struct slice copy = arena_copy(a, buf_slice(&place));
    buf_free(&place);
    return copy;
}

/* ---- asking */

static void ask_free(struct rows_ask *ask)
{
    list_remove(&ask->node);
    free(ask);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct rows_ask *ask = CONTAINER_OF(w, struct rows_ask, wait);
    struct query_jobs_wait *waiter = ask->waiter;
    struct arena arena = {0};
    struct query_job_row *rows = arena_alloc(&arena, ask->max * sizeof *rows);
    struct buf json = {0};
    unsigned count = 0, max = ask->max;
    ask_free(ask);
    while (a->err == OK && count < max && store_next(a)) {
        buf_clear(&json);
        put_row(&json, a->col);
        rows[count].json = arena_copy(&arena, buf_slice(&json));
        rows[count++].place = place_of(&arena, a->col);
    }
    waiter->fn(waiter, status_of_err(a->err), rows, count, a->more || count == max);
    buf_free(&json);
    arena_free(&arena);
}

static struct slice next_part(struct slice *place)
{
    struct slice part;
    return slice_split(place, '/', &part) && part.ptr ? part : SLICE_LIT("");
}

static void ask_rows(struct query_jobs *of_queries, struct slice place, unsigned max,
                     struct query_jobs_wait *w)
{
    struct jobs *j = CONTAINER_OF(of_queries, struct jobs, of_queries);
    struct rows_ask *ask = NEW(struct rows_ask);
    struct store_request q;
    *ask = (struct rows_ask){
        .jobs = j, .waiter = w, .wait.fn = on_rows, .max = MIN(max, (unsigned)ROWS_MAX)};
    list_push(&j->row_asks, &ask->node);
    store_begin_query(&q, &sql_job_device_page);
    store_put_text(&q, "job_id", next_part(&place));
    store_put_text(&q, "device_id", next_part(&place));
    store_put_text(&q, "module_id", next_part(&place));
    store_put_int(&q, "top", ask->max);
    store_ask(j->hub->store, j->lane, &q, &ask->wait);
}

static void forget_rows(struct query_jobs *of_queries, struct query_jobs_wait *w)
{
    struct jobs *j = CONTAINER_OF(of_queries, struct jobs, of_queries);
    LIST_EACH(node, &j->row_asks)
    {
        struct rows_ask *ask = CONTAINER_OF(node, struct rows_ask, node);
        if (ask->waiter != w) continue;
        store_forget(j->lane, &ask->wait);
        ask_free(ask);
    }
}

void device_rows_join(struct jobs *j)
{
    list_init(&j->row_asks);
    j->of_queries = (struct query_jobs){.rows = ask_rows, .forget = forget_rows};
    if (j->queries) query_set_jobs(j->queries, &j->of_queries);
}

void device_rows_leave(struct jobs *j)
{
    LIST_EACH(node, &j->row_asks) ask_free(CONTAINER_OF(node, struct rows_ask, node));
}
