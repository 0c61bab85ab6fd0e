/* rows.c - see rows.h. */
#include "front/console/rows.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/num.h"

static void on_answer(struct query_wait *w, const struct query_answer *a)
{
    struct rows *r = CONTAINER_OF(w, struct rows, wait);
    r->asked = false;
    r->took_us = clock_mono_us() - r->asked_us;
    r->came(r, a);
}

void rows_open(struct rows *r, struct slice text)
{
    buf_put_slice(&r->text, text);
    r->wait.fn = on_answer;
}

void rows_close(struct rows *r)
{
    if (r->asked) query_forget(r->queries, &r->wait);
    r->asked = false;
    buf_free(&r->text);
    buf_free(&r->next);
}

void rows_ask(struct rows *r)
{
    struct query_ask ask = {.text = buf_slice(&r->text),
                            .after = buf_slice(&r->next),
                            .max = LIVE_ROWS_MAX + 1 - r->before}; /* is there one more? */
    if (r->asked) return;
    r->asked = true;
    r->asked_us = clock_mono_us();
    query_page(r->queries, &ask, &r->wait);
}

/* False: it is as it was, or has to wait for the next telling. */
static bool put_row(struct rows *r, unsigned index, const struct json *row, bool first, size_t room,
                    struct buf *out)
{
    struct buf text = {0};
    json_write(&text, row);
    uint64_t hash = map_hash(buf_slice(&text));
    bool same = index < r->count && r->hashes[index] == hash;
    bool fits = first || buf_size(out) + buf_size(&text) <= room;
    if (!same) r->hashes[index] = fits ? hash : 0;
    if (!same && fits) {
        buf_printf(out, "%s[%u,", first ? "" : ",", index);
        buf_put_slice(out, buf_slice(&text));
        buf_put_u8(out, ']');
    }
    buf_free(&text);
    return !same && fits;
}

/* `next` empty: the round is over. */
static void go_on(struct rows *r, struct slice next, unsigned index)
{
    buf_clear(&r->next);
    buf_put_slice(&r->next, next);
    r->before = next.len ? index : 0;
}

bool rows_put(struct rows *r, const struct query_answer *a, size_t room, struct buf *out)
{
    struct arena arena = {0};
    struct json *all;
    struct buf rows = {0};
    unsigned index = r->before;
    bool any = false;
    if (json_parse(&arena, a->body, &all) != OK) all = json_new(&arena, JSON_ARRAY);
    const struct json *row = all->child;
    for (; row && index < LIVE_ROWS_MAX; row = row->next)
        any |= put_row(r, index++, row, !any, room, &rows);
    bool over = row || a->next.len == 0;
    unsigned count = over ? index : MAX(index, r->count);
    bool more = over ? row != NULL : r->more || !r->told;
    bool changed = any || !r->told || count != r->count || more != r->more;
    go_on(r, over ? SLICE_NONE : a->next, index);
    r->count = count;
    r->more = more;
    r->told = true;
    if (changed) {
        buf_put_u8(out, '[');
        buf_put_slice(out, buf_slice(&rows));
        buf_put_u8(out, ']');
    }
    buf_free(&rows);
    arena_free(&arena);
    return changed;
}
