/* live_query.c - subscriptions to queries, of which a link asks one at a time and rests in between (rows.h). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "front/console/live_link.h"

LIMIT_REACHED(too_many_queries, "live-queries")

static void wait_to_ask(struct sub *s, int64_t now_us)
{
    int64_t due_us = MAX(s->due_us, s->link->rested_us);
    if (s->paused || s->link->asking == s) return;
    live_set_timer(s, MAX(due_us, now_us));
}

static void wake_all(struct link *l, int64_t now_us)
{
    LIST_EACH(node, &l->subs)
    {
        struct sub *s = CONTAINER_OF(node, struct sub, node);
        if (s->kind == &live_query) wait_to_ask(s, now_us);
    }
}

/* Who has waited longest; NULL: it is nobody's turn. */
static struct sub *next_to_ask(const struct link *l, int64_t now_us)
{
    struct sub *next = NULL;
    LIST_EACH(node, &l->subs)
    {
        struct sub *s = CONTAINER_OF(node, struct sub, node);
        if (s->kind != &live_query || s->paused || s->due_us > now_us) continue;
        if (next == NULL || s->due_us < next->due_us) next = s;
    }
    return next;
}

/* A page that does not read hears of it later.  Who finds another asking is woken when that is answered. */
static void ask_query(struct link *l, int64_t now_us)
{
    struct sub *s = l->asking ? NULL : next_to_ask(l, now_us);
    if (s == NULL) return;
    if (conn_congested(l->conn)) l->rested_us = MAX(l->rested_us, now_us + LIVE_QUERY_US);
    if (now_us < l->rested_us) {
        wake_all(l, now_us);
        return;
    }
    l->asking = s;
    rows_ask(s->rows);
}

/* However the question ended, it took its time. */
static void rest(struct link *l, int64_t took_us)
{
    int64_t now_us = clock_mono_us();
    l->asking = NULL;
    l->rested_us = now_us + LIVE_QUERY_SHARE * took_us;
    wake_all(l, now_us);
}

static void tell_rows(struct sub *s, const struct query_answer *a)
{
    struct buf rows = {0}, *out = conn_out(s->link->conn);
    if (rows_put(s->rows, a, LIVE_BYTES_MAX, &rows)) {
        buf_printf(out, "{\"id\":%" PRId64 ",\"rows\":", s->id);
        buf_put_slice(out, buf_slice(&rows));
        buf_printf(out, ",\"count\":%u,\"more\":%s}", s->rows->count,
                   s->rows->more ? "true" : "false");
        live_end_message(s->link);
    }
    buf_free(&rows);
}

static void tell_fault(struct sub *s, struct slice text)
{
    struct buf copy = {0};
    buf_put_slice(&copy, text);
    live_tell_error(s->link, s->id, buf_cstr(&copy));
    buf_free(&copy);
}

/* What a paused one is answered is passed over: it asks the same when it goes on. */
static void on_rows(struct rows *r, const struct query_answer *a)
{
    struct sub *s = r->owner;
    if (a->status == STATUS_OK && !s->paused) tell_rows(s, a);
    bool at_once = a->status == STATUS_OK && rows_goes_on(r);
    s->due_us = clock_mono_us() + (at_once ? 0 : LIVE_QUERY_US);
    rest(s->link, r->took_us);
    if (a->status != STATUS_ARGUMENT_INVALID) return;
    tell_fault(s, a->text);
    live_drop(s);
}

static const char *read_query(struct sub *s, const struct json *m)
{
    struct slice text = json_str(m, "query");
    struct link *l = s->link;
    if (l->query_count++ == LIVE_QUERIES_MAX) {
        metric_inc(&too_many_queries);
        return "at most 2 subscriptions to queries";
    }
    if (text.len == 0 || text.len > LIVE_QUERY_MAX)
        return "query: expected a text of at most 16 KiB";
    s->rows = NEW(struct rows);
    s->rows->queries = l->live->console->rest->doors.queries;
    s->rows->owner = s;
    s->rows->came = on_rows;
    rows_open(s->rows, text);
    return NULL;
}

static void on_turn(struct sub *s, int64_t now_us)
{
    ask_query(s->link, now_us);
}

static void on_pause(struct sub *s)
{
    if (!s->paused) wait_to_ask(s, clock_mono_us());
}

static void on_close(struct sub *s)
{
    if (s->link->asking == s) rest(s->link, clock_mono_us() - s->rows->asked_us);
    if (s->rows) rows_close(s->rows);
    free(s->rows);
    s->link->query_count--;
}

const struct live_kind live_query = {"query", read_query, live_start_at_once,
                                     on_turn, on_pause,   on_close};
