/* jobs.c - FROM devices.jobs: rows of who keeps the jobs. */
#include "hub/query/run.h"

static bool is_wanted(struct run *r, struct slice text)
{
    struct arena scratch = {0};
    struct json *row;
    bool wanted = json_parse(&scratch, text, &row) == OK && query_match(&scratch, r->query, row);
    arena_free(&scratch);
    return wanted;
}

static void take_job(struct run *r, struct slice json)
{
    if (r->answer == ANSWERS_JSON) {
        buf_put_u8(&r->body, r->count ? ',' : '[');
        buf_put_slice(&r->body, json);
    }
    r->count++;
    r->place.given++;
}

static void keep_place(struct run *r, struct slice place)
{
    buf_clear(&r->place_bytes);
    buf_put_slice(&r->place_bytes, place);
    r->place.value = buf_slice(&r->place_bytes);
}

static void on_rows(struct query_jobs_wait *w, enum status s, const struct query_job_row *rows,
                    unsigned count, bool more)
{
    struct run *r = CONTAINER_OF(w, struct run, jobs_wait);
    r->asks_jobs = false;
    for (unsigned i = 0; i < count && s == STATUS_OK; i++) {
        if (run_is_full(r)) {
            run_finish(r, true);
            return;
        }
        keep_place(r, rows[i].place);
        if (is_wanted(r, rows[i].json)) take_job(r, rows[i].json);
    }
    if (s != STATUS_OK)
        run_refuse(r, s, "the jobs cannot be read now");
    else if (run_is_full(r) || !more)
        run_finish(r, more);
    else
        run_jobs(r);
}

void run_jobs(struct run *r)
{
    struct query_jobs *jobs = r->queries->jobs;
    assert(r->answer != ANSWERS_WHO); /* query_names_whom() */
    if (jobs == NULL) {
        run_finish(r, false);
    } else {
        r->jobs_wait.fn = on_rows;
        r->asks_jobs = true;
        jobs->rows(jobs, r->place.value, QUERY_CHUNK, &r->jobs_wait);
    }
}
