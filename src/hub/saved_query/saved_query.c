/* saved_query.c - what is kept of a question, and the three things that are done with it. */
#include "hub/saved_query/saved_query.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/saved_query/saved_query_sql.h"

LIMIT_REACHED(too_many, "saved-queries")
LIMIT_REACHED(too_big, "saved-query-bytes")

/* All of them are one page. */
static_assert((int)SAVED_QUERIES_MAX <= (int)STORE_PAGE_ROWS_MAX &&
                  (int)SAVED_QUERIES_MAX * (SAVED_QUERY_BYTES_MAX + 64) <=
                      (int)STORE_PAGE_BYTES_MAX,
              "a list is one page of the store");

static void finish(struct saved_query_wait *w, enum err e, struct slice json)
{
    struct buf kept = w->json;
    w->json = (struct buf){0};
    w->fn(w, e, json);
    buf_free(&kept);
}

void saved_query_forget(struct lane *lane, struct saved_query_wait *w)
{
    store_forget(lane, &w->stored);
    buf_free(&w->json);
}

/* ---- the list */

static void on_listed(struct store_wait *stored, struct store_answer *a)
{
    struct saved_query_wait *w = CONTAINER_OF(stored, struct saved_query_wait, stored);
    buf_put_u8(&w->json, '[');
    while (a->err == OK && store_next(a)) {
        if (buf_size(&w->json) > 1) buf_put_u8(&w->json, ',');
        buf_put_slice(&w->json, a->col[0].bytes);
    }
    buf_put_u8(&w->json, ']');
    finish(w, a->err, buf_slice(&w->json));
}

static void ask(const struct hub *hub, struct lane *lane, struct store_request *r,
                struct saved_query_wait *w,
                void (*fn)(struct store_wait *stored, struct store_answer *a))
{
    w->stored.fn = fn;
    store_ask(hub->store, lane, r, &w->stored);
}

void saved_query_list(const struct hub *hub, struct lane *lane, struct saved_query_wait *w)
{
    struct store_request q;
    w->json = (struct buf){0};
    store_begin_query(&q, &sql_saved_query_list);
    ask(hub, lane, &q, w, on_listed);
}

/* ---- what is kept */

static bool name_valid(struct slice name)
{
    if (name.len == 0 || name.len > SAVED_QUERY_NAME_MAX || !text_is_utf8(name)) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7f) return false;
    return true;
}

static enum err write_columns(struct buf *out, const struct json *columns)
{
    unsigned count = 0;
    if (columns && columns->type != JSON_ARRAY)
        return fail(ERR_INVALID, "columns: expected an array of texts");
    for (const struct json *j = columns ? columns->child : NULL; j; j = j->next) {
        if (j->type != JSON_STRING || j->text.len == 0)
            return fail(ERR_INVALID, "columns: expected an array of texts");
        if (++count > SAVED_QUERY_COLUMNS_MAX)
            return fail(ERR_INVALID, "columns: at most %d", SAVED_QUERY_COLUMNS_MAX);
        if (count > 1) buf_put_u8(out, ',');
        text_json_string(out, j->text);
    }
    return OK;
}

static enum err write_kept(struct buf *out, struct slice name, const struct json *given)
{
    char now[CLOCK_ISO_LEN + 1];
    const struct json *condition = json_given(given, "condition");
    if (given->type != JSON_OBJECT) return fail(ERR_INVALID, "expected a JSON object");
    if (condition && condition->type != JSON_STRING)
        return fail(ERR_INVALID, "condition: expected text");
    clock_iso(clock_wall_us(), now);
    buf_put_str(out, "{\"name\":");
    text_json_string(out, name);
    buf_put_str(out, ",\"condition\":");
    text_json_string(out, condition ? condition->text : SLICE_LIT(""));
    buf_put_str(out, ",\"columns\":[");
    TRY(write_columns(out, json_given(given, "columns")));
    buf_printf(out, "],\"updatedTime\":\"%s\"}", now);
    if (buf_size(out) <= SAVED_QUERY_BYTES_MAX) return OK;
    metric_inc(&too_big);
    return fail(ERR_TOO_BIG, "a saved query has at most %d bytes", SAVED_QUERY_BYTES_MAX);
}

static enum err read_given(struct buf *out, struct slice name, struct slice json)
{
    struct arena a = {0};
    struct json *given;
    if (!name_valid(name))
        return fail(ERR_INVALID, "a name has 1 to %d bytes without control characters",
                    SAVED_QUERY_NAME_MAX);
    enum err e = json_parse(&a, json, &given);
    if (e == OK) e = write_kept(out, name, given);
    arena_free(&a);
    return e;
}

/* ---- changes */

static void on_put(struct store_wait *stored, struct store_answer *a)
{
    struct saved_query_wait *w = CONTAINER_OF(stored, struct saved_query_wait, stored);
    bool full = a->err == ERR_CONFLICT;
    if (full) metric_inc(&too_many);
    finish(w, full ? ERR_FULL : a->err, buf_slice(&w->json));
}

enum err saved_query_put(const struct hub *hub, struct lane *lane, struct slice name,
                         struct slice json, struct saved_query_wait *w)
{
    struct store_request u;
    w->json = (struct buf){0};
    enum err e = read_given(&w->json, name, json);
    if (e != OK) {
        buf_free(&w->json);
        return e;
    }
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_saved_query_put, 1);
    store_put_text(&u, "name", name);
    store_put_text(&u, "value", buf_slice(&w->json));
    store_put_int(&u, "most", SAVED_QUERIES_MAX);
    ask(hub, lane, &u, w, on_put);
    return OK;
}

static void on_removed(struct store_wait *stored, struct store_answer *a)
{
    struct saved_query_wait *w = CONTAINER_OF(stored, struct saved_query_wait, stored);
    finish(w, a->err == ERR_CONFLICT ? ERR_NOT_FOUND : a->err, SLICE_NONE);
}

void saved_query_delete(const struct hub *hub, struct lane *lane, struct slice name,
                        struct saved_query_wait *w)
{
    struct store_request u;
    w->json = (struct buf){0};
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_saved_query_remove, 1);
    store_put_text(&u, "name", name);
    ask(hub, lane, &u, w, on_removed);
}
