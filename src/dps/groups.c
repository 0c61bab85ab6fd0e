/* groups.c - copies of the group enrollments. */
#include "dps/groups.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/say.h"
#include "dps/dps_sql.h"
#include "store/store.h"

struct group_msg {
    uint64_t etag;
    int64_t created_us, updated_us;
    uint32_t id_len;
    uint8_t bytes[]; /* id, document */
};

static void free_group(struct group *g)
{
    struct arena arena = g->arena;
    arena_wipe(&arena); /* also g */
}

static enum err try_read(struct arena *a, struct slice document, const struct group_row *row,
                         struct enrollment *out)
{
    const struct store_value col[] = {{.bytes = document},
                                      {.number = (int64_t)row->etag},
                                      {.number = row->created_us},
                                      {.number = row->updated_us}};
    return enrollment_of_row(a, DPS_GROUP, col, out);
}

static void read_into(struct arena *a, struct slice document, const struct group_row *row,
                      struct enrollment *out)
{
    enum err e = try_read(a, document, row, out);
    assert(e == OK);
}

void group_copy(struct arena *a, const struct group *g, struct enrollment *out)
{
    const struct group_row row = {.etag = g->enrollment.etag,
                                  .created_us = g->enrollment.created_us,
                                  .updated_us = g->enrollment.updated_us};
    read_into(a, g->document, &row, out);
}

struct group *groups_find(const struct groups *g, struct slice id_lower)
{
    return map_get(&g->by_id, id_lower);
}

void groups_apply(struct groups *g, const struct group_row *row)
{
    struct group *old = map_remove(&g->by_id, row->id_lower);
    unsigned operations = old ? old->operations : 0;
    if (old) free_group(old);
    if (row->document.len == 0) return;
    struct arena arena = {0};
    struct group *made = arena_zero(&arena, sizeof *made);
    made->id_lower = arena_copy(&arena, row->id_lower);
    made->document = arena_copy(&arena, row->document);
    made->operations = operations;
    read_into(&arena, made->document, row, &made->enrollment);
    made->arena = arena;
    map_put(&g->by_id, made->id_lower, made);
}

/* ---- messages */

struct msg *group_msg_new(unsigned kind, const struct group_row *row)
{
    struct msg *m =
        msg_new(kind, offsetof(struct group_msg, bytes) + row->id_lower.len + row->document.len);
    struct group_msg *body = (void *)m->body;
    *body = (struct group_msg){.etag = row->etag,
                               .created_us = row->created_us,
                               .updated_us = row->updated_us,
                               .id_len = (uint32_t)row->id_lower.len};
    memcpy(body->bytes, row->id_lower.ptr, row->id_lower.len);
    if (row->document.len) memcpy(body->bytes + body->id_len, row->document.ptr, row->document.len);
    return m;
}

struct group_row group_msg_read(const struct msg *m)
{
    const struct group_msg *body = (const void *)m->body;
    return (struct group_row){
        .id_lower = slice_of(body->bytes, body->id_len),
        .document = slice_from(msg_body(m), offsetof(struct group_msg, bytes) + body->id_len),
        .etag = body->etag,
        .created_us = body->created_us,
        .updated_us = body->updated_us};
}

/* ---- at start */

/* Nobody registers with one that cannot be read; the others are there. */
static void load_row(struct groups *g, const struct group_row *row)
{
    struct arena scratch = {0};
    struct enrollment unused;
    if (try_read(&scratch, row->document, row, &unused) == OK)
        groups_apply(g, row);
    else
        say_error("dps.group_not_read",
                  "group=%.*s next=\"delete it and put it again, or restore a backup\"",
                  SLICE_ARG(row->id_lower));
    arena_wipe(&scratch);
}

static enum err load_page(struct groups *g, const struct store *s, struct buf *after, bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_dps_enrollment_page);
    store_put_int(&q, "kind", DPS_GROUP);
    store_put_text(&q, "after", buf_slice(after));
    store_put_int(&q, "top", DPS_PAGE_MAX);
    enum err e = store_now_query((struct store *)(uintptr_t)s, &q, &a, &page);
    *more = false;
    while (e == OK && store_next(&a)) {
        load_row(g, &(struct group_row){.id_lower = a.col[4].bytes,
                                        .document = a.col[0].bytes,
                                        .etag = (uint64_t)a.col[1].number,
                                        .created_us = a.col[2].number,
                                        .updated_us = a.col[3].number});
        buf_clear(after);
        buf_put_slice(after, a.col[4].bytes);
        *more = true;
    }
    msg_free(page);
    return e;
}

enum err groups_load(struct groups *g, const struct store *s)
{
    struct buf after = {0};
    bool more = true;
    enum err e = OK;
    while (e == OK && more) e = load_page(g, s, &after, &more);
    buf_free(&after);
    return e;
}

void groups_fini(struct groups *g)
{
    struct group *group;
    for (size_t i = 0; (group = map_next(&g->by_id, &i)) != NULL;) free_group(group);
    map_free(&g->by_id);
}
