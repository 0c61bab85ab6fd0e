/* run.c - a page, step by step (drawn in run.h). */
#include "hub/query/run.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "hub/diagnostic/diagnostic.h"

LIMIT_REACHED(too_many, "queries")
COUNTER(pages_total, "azimuth_query_pages_total", "Pages of queries that were answered");
COUNTER(refused_total, "azimuth_query_refused_total", "Pages of queries that were refused");
COUNTER(rows_total, "azimuth_query_rows_total", "Twins that queries looked at");
COUNTER(cut_total, "azimuth_query_cut_total",
        "Pages that ended before they were full because they had looked at enough");
/* IoT Hub's twinQueries.{success,failure,resultSize}: pages for services. */
COUNTER(successes, "azimuth_twinQueries_success_total", "Pages of services' queries answered");
COUNTER(failures, "azimuth_twinQueries_failure_total", "Pages of services' queries refused");
COUNTER(result_bytes, "azimuth_twinQueries_resultSize_bytes_total", "Bytes of those pages");
GAUGE(running_now, "azimuth_query_running", "Pages of queries under way");

/* ---- life */

struct run *run_new(struct queries *q, const struct query_ask *ask, enum run_answer answer,
                    struct query_wait *w)
{
    struct run *r = NEW(struct run);
    w->slot = slot_new(q->lane, w);
    r->queries = q;
    r->waiter = w->slot;
    r->slot = slot_new(q->lane, r);
    r->answer = answer;
    r->refused = q->running_count >= QUERY_RUNNING_MAX;
    if (r->refused) metric_inc(&too_many);
    r->max = ask->max;
    r->begun_us = clock_mono_us();
    if (ask->sdk.len && diagnostic_wanted(q->hub, DIAGNOSTIC_TWIN_QUERIES))
        r->sdk = slice_dup(slice_head(ask->sdk, DIAGNOSTIC_TEXT_MAX));
    buf_put_slice(&r->text, slice_head(ask->text, QUERY_TEXT_MAX + 1));
    buf_put_slice(&r->after, slice_head(ask->after, QUERY_CURSOR_MAX + 1));
    list_push(&q->running, &r->node);
    metric_set(&running_now, ++q->running_count);
    return r;
}

static void stop_asking(struct run *r)
{
    struct queries *q = r->queries;
    if (r->asks_store) store_forget(q->lane, &r->store_wait);
    if (r->asks_presences) registry_presences_forget(q->registry, &r->presences_wait);
    if (r->asks_known) registry_known_forget(q->registry, &r->known_wait);
    if (r->asks_jobs) q->jobs->forget(q->jobs, &r->jobs_wait);
}

void run_free(struct run *r)
{
    struct queries *q = r->queries;
    stop_asking(r);
    slot_free(q->lane, r->slot);
    list_remove(&r->node);
    metric_set(&running_now, --q->running_count);
    groups_free(&r->groups);
    arena_free(&r->chunk);
    arena_free(&r->arena);
    free(r->sdk);
    buf_free(&r->text);
    buf_free(&r->after);
    buf_free(&r->after_bytes);
    buf_free(&r->place_bytes);
    buf_free(&r->body);
    free(r->who);
    free(r);
}

/* ---- answers */

static void diagnose(const struct run *r, const struct query_answer *a)
{
    const struct hub *hub = r->queries->hub;
    struct buf properties = {0};
    struct diagnostic d = {.category = DIAGNOSTIC_TWIN_QUERIES,
                           .operation = "query",
                           .duration_us = clock_mono_us() - r->begun_us,
                           .properties = &properties};
    if (!diagnostic_wanted(hub, d.category)) return;
    diagnostic_put_text(&properties, "query", buf_slice(&r->text));
    diagnostic_put_text(&properties, "sdkVersion", slice_str(r->sdk));
    diagnostic_put_digits(&properties, "messageSize", (int64_t)buf_size(&r->text));
    diagnostic_put_digits(&properties, "pageSize", r->max);
    diagnostic_put_text(&properties, "continuation",
                        slice_str(buf_size(&r->after) ? "true" : "false"));
    diagnostic_put_digits(&properties, "resultSize", (int64_t)a->body.len);
    diagnostic_set_status(&d, a->status);
    diagnostic_note(hub, r->queries->lane, &d);
    buf_free(&properties);
}

static void count_for_services(const struct run *r, const struct query_answer *a)
{
    if (r->answer != ANSWERS_JSON) return;
    diagnose(r, a);
    metric_inc(a->status == STATUS_OK ? &successes : &failures);
    metric_add(&result_bytes, (int64_t)a->body.len);
}

/* Who waits may ask for the next page at once: the run is gone by then. */
static void answer(struct run *r, const struct query_answer *a)
{
    struct queries *q = r->queries;
    struct query_wait *w = slot_get(q->lane, r->waiter);
    metric_inc(a->status == STATUS_OK ? &pages_total : &refused_total);
    count_for_services(r, a);
    if (w) {
        slot_free(q->lane, r->waiter);
        w->fn(w, a);
    }
    run_free(r);
}

void run_refuse(struct run *r, enum status status, const char *text)
{
    answer(r, &(struct query_answer){
                  .status = status, .text = slice_str(text), .outdated = r->outdated});
}

void run_refuse_err(struct run *r, enum err e)
{
    run_refuse(r, status_of_err(e), "the store does not answer");
}

static const char *item_type(const struct query *q)
{
    if (q->source == QUERY_JOBS) return "DeviceJob";
    return q->columns ? "Raw" : "Twin";
}

void run_finish(struct run *r, bool more)
{
    struct buf next = {0};
    if (r->query->has_top && r->place.given >= r->query->top) more = false;
    if (more) cursor_write(&next, &r->place);
    bool json = r->answer == ANSWERS_JSON;
    if (json && buf_size(&r->body) == 0) buf_put_u8(&r->body, '[');
    if (json) buf_put_u8(&r->body, ']');
    answer(r, &(struct query_answer){.item_type = item_type(r->query),
                                     .body = json ? buf_slice(&r->body) : SLICE_NONE,
                                     .who = r->who,
                                     .count = r->count,
                                     .next = buf_slice(&next)});
    buf_free(&next);
}

/* ---- places */

static void keep_place(struct run *r, const struct cursor *at)
{
    struct buf bytes = {0};
    buf_put_slice(&bytes, at->value);
    buf_put_slice(&bytes, at->device_id);
    buf_put_slice(&bytes, at->module_id);
    struct slice rest = buf_slice(&bytes); /* without bytes, at the beginning of all */
    r->place.value = slice_head(rest, at->value.len);
    rest = slice_from(rest, at->value.len);
    r->place.device_id = slice_head(rest, at->device_id.len);
    r->place.module_id = slice_from(rest, at->device_id.len);
    buf_free(&r->place_bytes);
    r->place_bytes = bytes;
}

static struct cursor place_of(const struct row *row)
{
    return (struct cursor){.value = row->value,
                           .device_id = row->identity.device_id,
                           .module_id = row->identity.module_id};
}

static void next_range(struct run *r)
{
    r->range = r->range->next;
    r->place.range++;
    keep_place(r, &(struct cursor){0});
}

/* ---- limits */

void run_looked_at(struct run *r, unsigned rows)
{
    r->scanned += rows;
    metric_add(&rows_total, rows);
}

bool run_is_full(const struct run *r)
{
    if (r->query->aggregates) return false;
    if (r->query->has_top && r->place.given >= r->query->top) return true;
    if (r->answer == ANSWERS_COUNT) return false;
    return r->count >= r->max || buf_size(&r->body) >= QUERY_PAGE_BYTES_MAX;
}

static bool has_looked_enough(const struct run *r)
{
    return r->scanned >= r->queries->scan_max || clock_mono_us() - r->begun_us >= QUERY_PAGE_US_MAX;
}

static bool is_too_late(const struct run *r)
{
    return clock_mono_us() - r->begun_us >= QUERY_AGGREGATE_US_MAX;
}

/* ---- rows */

void run_take_rows(struct run *r)
{
    for (unsigned i = 0; i < r->row_count; i++) {
        if (run_is_full(r)) {
            run_finish(r, true);
            return;
        }
        struct cursor at = place_of(r->rows[i]);
        keep_place(r, &at);
        enum err e = run_take(r, r->rows[i]);
        if (e != OK) {
            run_refuse(r, e == ERR_FULL ? STATUS_ARGUMENT_INVALID : status_of_err(e), fail_text());
            return;
        }
    }
    if (r->range_ends)
        next_range(r);
    else
        keep_place(r, &r->read);
    run_go_on(r);
}

bool run_passes(struct run *r, const struct row *row)
{
    struct arena scratch = {0};
    struct doc_row d;
    doc_row_init(&d, &scratch, row);
    bool is = eval_condition(&d.doc, r->query->where) && plan_takes(r->plan, r->range, &d);
    arena_free(&scratch);
    return is;
}

static void on_presences(struct registry_presences_wait *w, const struct presence *presences)
{
    struct run *r = CONTAINER_OF(w, struct run, presences_wait);
    bool matters = row_needs_presence(r->query->where);
    unsigned kept = 0;
    r->asks_presences = false;
    for (unsigned i = 0; i < r->row_count; i++) {
        r->rows[i]->presence = presences[i];
        if (!matters || run_passes(r, r->rows[i])) r->rows[kept++] = r->rows[i];
    }
    r->dropped += r->row_count - kept;
    r->row_count = kept;
    run_take_rows(r);
}

/* Is it seen in an item who is connected? */
static bool shows_presence(const struct run *r)
{
    if (r->answer != ANSWERS_JSON) return false;
    if (r->query->columns == NULL) return true;
    for (const struct expr *g = r->query->groups; g; g = g->next)
        if (row_needs_presence(g)) return true;
    for (const struct column *c = r->query->columns; c; c = c->next)
        if (row_needs_presence(c->expr)) return true;
    return false;
}

static void ask_presences(struct run *r)
{
    struct slice *who = arena_alloc(&r->chunk, r->row_count * sizeof *who);
    for (unsigned i = 0; i < r->row_count; i++) who[i] = row_who(&r->chunk, r->rows[i]);
    r->presences_wait.fn = on_presences;
    r->asks_presences = true;
    registry_presences(r->queries->registry, who, r->row_count, &r->presences_wait);
}

/* Keeps what the condition may be true for. */
static enum err look_at(struct run *r, const struct store_value *col, bool presence_matters)
{
    struct row row;
    TRY(row_read(&r->chunk, col, &row));
    r->read = place_of(&row);
    if (presence_matters || run_passes(r, &row)) {
        r->rows[r->row_count] = row_copy(&r->chunk, &row);
        r->read = place_of(r->rows[r->row_count++]);
    } else {
        r->dropped++;
    }
    return OK;
}

static enum err look_at_all(struct run *r, struct store_answer *a)
{
    bool presence_matters = row_needs_presence(r->query->where);
    unsigned seen = 0;
    for (; a->err == OK && store_next(a); seen++) TRY(look_at(r, a->col, presence_matters));
    if (a->err != OK) return a->err;
    r->range_ends = !a->more && seen < r->top;
    if (r->range_ends && r->window.device_id.len) {
        r->read = r->window;
        r->range_ends = false;
    }
    r->read = cursor_copy(&r->chunk, &r->read);
    run_looked_at(r, seen);
    return OK;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    r->asks_store = false;
    r->rows = arena_alloc(&r->chunk, r->top * sizeof *r->rows);
    enum err e = look_at_all(r, a);
    if (e != OK)
        run_refuse_err(r, e);
    else if (r->row_count > 0 && (row_needs_presence(r->query->where) || shows_presence(r)))
        ask_presences(r);
    else
        run_take_rows(r);
}

/* No more rows than there is room for, and one that tells whether that was all; more of them once the
 * condition has said no to some. */
static unsigned how_many(const struct run *r)
{
    bool has_max = !r->query->aggregates && r->answer != ANSWERS_COUNT;
    bool all_taken = r->dropped == 0;
    unsigned room = r->max - r->count + 1;
    return has_max && all_taken && room < QUERY_CHUNK ? room : QUERY_CHUNK;
}

void run_ask_store(struct run *r, struct store_request *q,
                   void (*fn)(struct store_wait *w, struct store_answer *a))
{
    r->store_wait.fn = fn;
    r->asks_store = true;
    store_ask(r->queries->hub->store, r->queries->lane, q, &r->store_wait);
}

/* Where the window ends, up to which filters look. */
static void on_window(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    struct store_request request;
    r->asks_store = false;
    if (a->err != OK) {
        run_refuse_err(r, a->err);
        return;
    }
    bool goes_on = store_next(a);
    if (goes_on) {
        struct cursor end = {
            .value = a->col[0].bytes, .device_id = a->col[1].bytes, .module_id = a->col[2].bytes};
        r->window = cursor_copy(&r->chunk, &end);
        r->scanned += r->queries->window / QUERY_NAMES_PER_TWIN;
    }
    plan_ask_filtered(&request, r->query->source, r->range, &r->place, goes_on ? &r->window : NULL,
                      r->top);
    run_ask_store(r, &request, on_rows);
}

static bool can_be_named(const struct range *range)
{
    bool property = range->kind == RANGE_PROPERTY && range->filter_count == 0;
    return property || range->kind == RANGE_KEYS;
}

static void ask_rows(struct run *r)
{
    struct store_request request;
    arena_reset(&r->chunk);
    r->row_count = 0;
    r->read = r->window = (struct cursor){0};
    r->top = how_many(r);
    if (r->range->kind == RANGE_KNOWN) {
        run_known(r);
        return;
    }
    if (r->tries && can_be_named(r->range)) {
        run_names(r);
        return;
    }
    if (r->range->filter_count) {
        plan_ask_window(&request, r->range, &r->place, r->queries->window);
        run_ask_store(r, &request, on_window);
        return;
    }
    plan_ask(&request, r->query->source, r->range, &r->place, r->top);
    run_ask_store(r, &request, on_rows);
}

static void finish_groups(struct run *r)
{
    uint64_t given = r->place.given, top = r->query->has_top ? r->query->top : UINT64_MAX;
    unsigned max = (unsigned)MIN(top > given ? top - given : 0, r->max);
    buf_put_u8(&r->body, '[');
    r->count = groups_write(&r->groups, r->query, given, max, &r->body);
    r->place = (struct cursor){.mark = r->query->mark, .given = given + r->count};
    run_finish(r, r->place.given < groups_count(&r->groups));
}

void run_go_on(struct run *r)
{
    bool aggregates = r->query->aggregates;
    if (r->range == NULL && aggregates) {
        finish_groups(r);
    } else if (r->range == NULL) {
        run_finish(r, false);
    } else if (aggregates && is_too_late(r)) {
        run_refuse(r, STATUS_GATEWAY_TIMEOUT,
                   "the aggregate is over too many twins; a condition on a tag would help");
    } else if (run_is_full(r)) {
        run_finish(r, true);
    } else if (!aggregates && has_looked_enough(r)) {
        metric_inc(&cut_total);
        run_finish(r, true);
    } else {
        ask_rows(r);
    }
}
