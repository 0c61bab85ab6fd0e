/* filter.c - filters: made from ranges, put into a statement, asked of a row. */
#include "hub/query/filter.h"

#include "hub/query/plan.h"
#include "hub/query/query_sql.h"

/* ---- making */

/* Exactly one value: up to what comes right behind it. */
static bool is_one_value(const struct range *r)
{
    bool next = r->end.len == r->low.len + 1 && slice_starts(r->end, r->low);
    if (next && r->low.len > 0) return r->end.ptr[r->low.len] == 0;
    /* Types that have one value only. */
    bool type = r->low.len == 1 && r->end.len == 1 && r->end.ptr[0] == r->low.ptr[0] + 1;
    return type && r->low.ptr[0] != TWIN_INDEX_NUMBER && r->low.ptr[0] != TWIN_INDEX_STRING;
}

bool filter_of(const struct range *ranges, struct filter *out)
{
    *out = (struct filter){.path = -1};
    if (ranges->kind == RANGE_PROPERTY && ranges->next == NULL && !is_one_value(ranges)) {
        *out = (struct filter){.path = ranges->path,
                               .half = ranges->half,
                               .steps = ranges->steps,
                               .open = true,
                               .low = ranges->low,
                               .end = ranges->end};
        return true;
    }
    for (const struct range *r = ranges; r; r = r->next) {
        bool other = out->count && r->path != out->path;
        if (r->kind != RANGE_PROPERTY || other || !is_one_value(r)) return false;
        if (out->count == FILTER_VALUES_MAX) return false;
        out->path = r->path;
        out->half = r->half;
        out->steps = r->steps;
        out->values[out->count++] = r->low;
    }
    return out->count > 0;
}

/* ---- values of a range */

void filter_ask(struct store_request *r, const struct filter *f)
{
    store_begin_query(r, &sql_query_values);
    store_put_int(r, "path", f->path);
    store_put_blob(r, "value", f->low);
    store_put_blob(r, "end", f->end);
    store_put_int(r, "top", FILTER_VALUES_MAX + 1);
}

/* Where there is none, no twin passes that is in the index: none has the value "". */
void filter_close(struct arena *a, struct filter *f, struct store_answer *values)
{
    f->open = false;
    f->values[0] = SLICE_LIT("");
    for (; store_next(values); f->count++)
        if (f->count < FILTER_VALUES_MAX) f->values[f->count] = arena_copy(a, values->col[0].bytes);
    if (f->count == 0) f->count = 1;
}

void filters_drop(struct range *range)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < range->filter_count; i++)
        if (range->filters[i]->count <= FILTER_VALUES_MAX)
            range->filters[kept++] = range->filters[i];
    range->filter_count = kept;
}

/* ---- asking */

struct names {
    const char *path, *wide, *values[FILTER_VALUES_MAX];
};

/* A row that has a property of that half is in that half of the index. */
static void put(struct store_request *r, bool of_modules, const struct names *names,
                const struct filter *f, enum twin_index_half indexed)
{
    static const struct filter none = {
        .path = -1, .values = {{(const uint8_t *)"", 0}}, .count = 1};
    if (f == NULL) f = &none;
    bool all_indexed = f == &none || f->half == indexed;
    store_put_int(r, names->path, f->path);
    store_put_int(r, names->wide, all_indexed ? -1 : twin_index_wide_path(of_modules, f->half));
    for (unsigned i = 0; i < FILTER_VALUES_MAX; i++)
        store_put_blob(r, names->values[i], f->values[i < f->count ? i : 0]);
}

void filters_put(struct store_request *r, bool of_modules, const struct range *range)
{
    static const struct names names[FILTERS_MAX] = {
        {"path1", "wide1", {"a1", "b1", "c1", "d1", "e1"}},
        {"path2", "wide2", {"a2", "b2", "c2", "d2", "e2"}},
        {"path3", "wide3", {"a3", "b3", "c3", "d3", "e3"}},
    };
    for (unsigned i = 0; i < FILTERS_MAX; i++)
        put(r, of_modules, &names[i], i < range->filter_count ? range->filters[i] : NULL,
            range->half);
    store_put_blob(r, "nothing", SLICE_LIT(""));
}

/* ---- a row */

bool row_is_indexed(const struct doc_row *d, enum twin_index_half half)
{
    return !d->row->twin.stored || d->row->twin.indexed & half;
}

void row_put_indexed(const struct step *path, struct doc_row *d, struct buf *out)
{
    const struct json *j = d->doc.find(&d->doc, path);
    if (j) twin_index_put_value(out, j);
}

static bool passes(const struct filter *f, struct doc_row *d)
{
    struct buf value = {0};
    bool found = !row_is_indexed(d, f->half);
    if (!found) row_put_indexed(f->steps, d, &value);
    for (unsigned i = 0; i < f->count && !found; i++)
        found = buf_size(&value) && slice_eq(f->values[i], buf_slice(&value));
    buf_free(&value);
    return found;
}

bool filters_pass(const struct range *range, struct doc_row *d)
{
    for (unsigned i = 0; i < range->filter_count; i++)
        if (!passes(range->filters[i], d)) return false;
    return true;
}
