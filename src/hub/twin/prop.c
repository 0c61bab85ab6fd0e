/* prop.c - rows of the index: made from a twin, compared, put into a unit. */
#include "hub/twin/prop.h"

#include <stdlib.h>

#include "hub/key.h"
#include "hub/twin/twin_sql.h"

enum { AT_ONCE = 8 }; /* rows that one statement adds or drops */

/* ---- rows of a twin */

struct walk {
    struct arena *arena;
    struct props *props;
    struct buf path, value;
    bool of_module, full;
    unsigned end; /* rows that there may be */
};

static void put(struct walk *w, int64_t path, struct slice value)
{
    struct props *p = w->props;
    p->rows[p->count++] = (struct prop){path, value};
}

static void add(struct walk *w, const struct json *value)
{
    w->full = w->props->count == w->end;
    if (w->full) return;
    buf_clear(&w->value);
    twin_index_put_value(&w->value, value);
    put(w, twin_index_path(w->of_module, buf_slice(&w->path)),
        arena_copy(w->arena, buf_slice(&w->value)));
}

static void walk_members(struct walk *w, const struct json *object)
{
    size_t outer = w->path.len;
    for (const struct json *j = object->child; j && !w->full; j = j->next) {
        buf_put_u8(&w->path, '.');
        buf_put_slice(&w->path, j->key);
        add(w, j);
        if (j->type == JSON_OBJECT) walk_members(w, j);
        w->path.len = outer;
    }
}

static void walk_section(struct walk *w, const char *name, struct slice text)
{
    struct json *j;
    if (text.len <= 2 || json_parse(w->arena, text, &j) != OK) return; /* {} */
    buf_clear(&w->path);
    buf_put_str(&w->path, name);
    walk_members(w, j);
}

static void walk_half(struct walk *w, enum twin_index_half half, const struct twin *t)
{
    unsigned first = w->props->count;
    bool reported = half == TWIN_INDEX_REPORTED;
    w->full = false;
    w->end = first + (reported ? TWIN_INDEX_REPORTED_MAX : TWIN_INDEX_ROWS_MAX);
    if (reported) {
        walk_section(w, "reported", t->reported);
    } else {
        walk_section(w, "tags", t->tags);
        walk_section(w, "desired", t->desired);
    }
    if (!w->full) {
        w->props->indexed |= half;
        return;
    }
    w->props->count = first;
    put(w, twin_index_wide_path(w->of_module, half), slice_of("", 0));
}

int prop_compare(const void *a, const void *b)
{
    const struct prop *left = a, *right = b;
    if (left->path != right->path) return left->path < right->path ? -1 : 1;
    return slice_cmp(left->value, right->value);
}

/* Of the halves in `known` as they are, of the others one row each. */
static void make(struct arena *a, bool of_module, unsigned halves, unsigned known,
                 const struct twin *t, struct props *out)
{
    struct walk w = {.arena = a, .props = out, .of_module = of_module};
    unsigned max =
        TWIN_INDEX_REPORTED_MAX + (halves & TWIN_INDEX_SERVICE ? TWIN_INDEX_ROWS_MAX : 0);
    *out = (struct props){.rows = arena_alloc(a, max * sizeof *out->rows)};
    for (unsigned half = TWIN_INDEX_SERVICE; half <= TWIN_INDEX_REPORTED; half <<= 1) {
        if ((halves & half) == 0) continue;
        if (known & half)
            walk_half(&w, half, t);
        else
            put(&w, twin_index_wide_path(of_module, half), slice_of("", 0));
    }
    qsort(out->rows, out->count, sizeof *out->rows, prop_compare);
    buf_free(&w.path);
    buf_free(&w.value);
}

void props_of(struct arena *a, bool of_module, unsigned halves, const struct twin *t,
              struct props *out)
{
    make(a, of_module, halves, TWIN_INDEX_BOTH, t, out);
}

void props_of_row(struct arena *a, bool of_module, unsigned halves, const struct twin *t,
                  struct props *out)
{
    make(a, of_module, halves, t->indexed, t, out);
}

/* ---- changes */

/* Rows that wait until there are AT_ONCE. */
struct batch {
    struct store_request *unit;
    const struct store_statement *one, *many;
    struct slice who;
    const struct prop *rows[AT_ONCE];
    unsigned count;
};

static void put_row(struct store_request *u, const struct prop *p, const char *path,
                    const char *value)
{
    store_put_int(u, path, p->path);
    store_put_blob(u, value, p->value);
}

static void put_many(struct batch *b)
{
    static const char *const paths[] = {"path0", "path1", "path2", "path3",
                                        "path4", "path5", "path6", "path7"};
    static const char *const values[] = {"value0", "value1", "value2", "value3",
                                         "value4", "value5", "value6", "value7"};
    store_add(b->unit, b->many, STORE_ANY);
    hub_put_key(b->unit, b->who);
    for (unsigned i = 0; i < AT_ONCE; i++) put_row(b->unit, b->rows[i], paths[i], values[i]);
}

static void batch_end(struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        store_add(b->unit, b->one, STORE_ANY);
        hub_put_key(b->unit, b->who);
        put_row(b->unit, b->rows[i], "path", "value");
    }
    b->count = 0;
}

static void batch_add(struct batch *b, const struct prop *p)
{
    b->rows[b->count++] = p;
    if (b->count < AT_ONCE) return;
    put_many(b);
    b->count = 0;
}

void props_put_change(struct store_request *u, struct slice who, const struct props *old,
                      const struct props *next)
{
    struct batch drop = {u, &sql_twin_prop_drop, &sql_twin_prop_drop_many, who, {NULL}, 0};
    struct batch add = {u, &sql_twin_prop_add, &sql_twin_prop_add_many, who, {NULL}, 0};
    unsigned i = 0, j = 0;
    while (i < old->count || j < next->count) {
        int order = i == old->count    ? 1
                    : j == next->count ? -1
                                       : prop_compare(&old->rows[i], &next->rows[j]);
        if (order < 0) batch_add(&drop, &old->rows[i]);
        if (order > 0) batch_add(&add, &next->rows[j]);
        if (order <= 0) i++;
        if (order >= 0) j++;
    }
    batch_end(&drop);
    batch_end(&add);
}
