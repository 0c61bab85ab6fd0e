/* history.c - what services wrote into a twin lately, and the way back.
 *
 * A row has two merge patches: what its write changed, and what takes that back.  Whoever asks is shown for
 * each row the patch from the twin as it is now to what it was then: the newer rows taken back one after the
 * other, and what differs.  Trees of one row alone are in memory: those of twenty would be tens of megabytes.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"
#include "hub/key.h"
#include "hub/twin/home.h"
#include "hub/twin/twin_sql.h"

COUNTER(written_total, "azimuth_twin_history_written_total",
        "Writes of services that went into the history of their twins")
COUNTER(cut_total, "azimuth_twin_history_cut_total",
        "Histories of twins that were shown in part: they were longer than a page of the store")

/* What services write. */
struct sides {
    struct slice tags, desired;
};

static struct sides sides_of(const struct twin *t)
{
    return (struct sides){t->tags, t->desired};
}

/* ---- patches */

/* The texts are ours. */
static struct json *parsed(struct arena *a, struct slice text)
{
    struct json *doc;
    enum err e = json_parse(a, text, &doc);
    assert(e == OK);
    return doc;
}

static const struct json *difference(struct arena *a, struct slice from, struct slice to)
{
    return slice_eq(from, to) ? NULL : section_diff(a, parsed(a, from), parsed(a, to));
}

/* {"tags":{..},"properties":{"desired":{..}}}, each if it differs. */
static void put_difference(struct buf *out, struct arena *a, struct sides from, struct sides to)
{
    const struct json *tags = difference(a, from.tags, to.tags);
    const struct json *desired = difference(a, from.desired, to.desired);
    buf_put_u8(out, '{');
    if (tags) {
        buf_put_str(out, "\"tags\":");
        json_write(out, tags);
    }
    if (desired) {
        buf_put_str(out, tags ? ",\"properties\":{\"desired\":" : "\"properties\":{\"desired\":");
        json_write(out, desired);
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, '}');
}

/* The sections as they were then. */
struct past {
    struct buf tags, desired;
};

static struct sides sides_then(const struct past *p)
{
    return (struct sides){buf_slice(&p->tags), buf_slice(&p->desired)};
}

static void past_free(struct past *p)
{
    buf_free(&p->tags);
    buf_free(&p->desired);
}

static enum err merge(struct arena *a, struct buf *section, const struct json *patch)
{
    struct section *tree;
    struct buf text = {0};
    if (patch == NULL) return OK;
    TRY(section_read(a, buf_slice(section), SLICE_NONE, &tree));
    section_merge(a, tree, patch, (struct section_stamp){0});
    section_write(&text, tree);
    buf_free(section);
    *section = text;
    return OK;
}

static enum err take_back(struct arena *a, struct past *p, struct slice undo)
{
    const struct json *patch = parsed(a, undo);
    TRY(merge(a, &p->tags, json_given(patch, "tags")));
    return merge(a, &p->desired, json_given(json_given(patch, "properties"), "desired"));
}

/* ---- rows */

static void put_patches(struct store_request *unit, struct sides before, struct sides after)
{
    struct arena arena = {0};
    struct buf patch = {0}, undo = {0};
    put_difference(&patch, &arena, before, after);
    put_difference(&undo, &arena, after, before);
    store_put_text(unit, "patch", buf_slice(&patch));
    store_put_text(unit, "undo", buf_slice(&undo));
    buf_free(&patch);
    buf_free(&undo);
    arena_free(&arena);
}

void twin_history_add(const struct op *op, struct store_request *unit)
{
    const struct twin *before = op->entry->twin, *after = op->next;
    if (before->etag == after->etag) return;
    store_add(unit, &sql_twin_history_put, 1);
    hub_put_key(unit, op->entry->who);
    store_put_int(unit, "slot", after->etag % TWIN_HISTORY_MAX);
    store_put_int(unit, "etag", after->etag);
    store_put_int(unit, "version", after->version);
    store_put_int(unit, "wall_us", clock_wall_us());
    store_put_text(unit, "by_whom", op->ask.by);
    put_patches(unit, sides_of(before), sides_of(after));
    metric_inc(&written_total);
}

/* ---- shown */

struct row {
    int64_t etag, version, wall_us;
    struct slice by, patch, undo;
};

static struct row row_of(const struct store_value *col)
{
    return (struct row){col[0].number, col[1].number, col[2].number,
                        col[3].bytes,  col[4].bytes,  col[5].bytes};
}

static void put_row(struct buf *out, const struct row *r)
{
    char time[CLOCK_ISO_LEN + 1];
    clock_iso(r->wall_us, time);
    buf_printf(out, "{\"version\":%" PRId64 ",\"time\":\"%s\",\"by\":", r->version, time);
    text_json_string(out, r->by);
    buf_put_str(out, ",\"patch\":");
    buf_put_slice(out, r->patch);
    buf_put_str(out, ",\"undo\":");
}

/* The rows, and what was before the oldest of them.  Where one is missing, the way back ends. */
static enum err put_rows(struct buf *out, struct arena *a, const struct twin *twin,
                         struct past *then, struct store_answer *rows)
{
    struct sides now = sides_of(twin);
    int64_t next = twin->etag, oldest = 0;
    while (store_next(rows)) {
        struct row r = row_of(rows->col);
        if (r.etag != next) break;
        put_row(out, &r);
        put_difference(out, a, now, sides_then(then));
        buf_put_str(out, "},");
        TRY(take_back(a, then, r.undo));
        arena_reset(a);
        oldest = r.version;
        next--;
    }
    if (oldest == 0) return OK;
    buf_printf(out, "{\"version\":%" PRId64 ",\"undo\":", oldest - 1);
    put_difference(out, a, now, sides_then(then));
    buf_put_u8(out, '}');
    return OK;
}

static enum err put_history(struct buf *out, const struct twin *twin, struct store_answer *rows)
{
    struct arena arena = {0};
    struct past then = {0};
    buf_put_slice(&then.tags, twin->tags);
    buf_put_slice(&then.desired, twin->desired);
    enum err e = put_rows(out, &arena, twin, &then, rows);
    past_free(&then);
    arena_free(&arena);
    return e;
}

static enum err answer(struct op *op, struct store_answer *rows)
{
    const struct twin *twin = op->entry->twin;
    struct buf json = {0};
    char etag[TWIN_ETAG_LEN + 1];
    twin_etag(twin, etag);
    if (rows->more) metric_inc(&cut_total);
    buf_printf(&json, "{\"etag\":\"%s\",\"version\":%" PRId64 ",\"history\":[", etag,
               twin->version);
    enum err e = put_history(&json, twin, rows);
    buf_put_str(&json, "]}");
    if (e == OK)
        twin_op_answer(op,
                       &(struct twin_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    buf_free(&json);
    return e;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    enum err e = a->err == OK ? answer(op, a) : a->err;
    if (e != OK) twin_op_refuse_err(op, e);
    twin_op_end(op);
}

void twin_op_history(struct op *op)
{
    struct twins *t = op->entry->twins;
    const struct twin *twin = op->entry->twin;
    struct store_request q;
    store_begin_query(&q, &sql_twin_history_get);
    hub_put_key(&q, op->entry->who);
    store_put_int(&q, "after", twin->etag - TWIN_HISTORY_MAX);
    store_put_int(&q, "upto", twin->etag);
    op->wait.fn = on_rows;
    store_ask(t->hub->store, t->lane, &q, &op->wait);
}
