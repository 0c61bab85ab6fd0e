/* named.c - a turn that first learns names, and who of them is connected, and then reads only those rows
 * that may still pass: a name costs a twentieth of a twin.
 *
 *   whom the cores know ─────────────────────────────────▶ tried ──▶ rows by name ──condition──▶ kept
 *   names of a range ──▶ who of them is connected, and when ──┘
 */
#include "hub/query/run.h"

#include "base/metrics.h"
#include "base/num.h"

COUNTER(names_total, "azimuth_query_names_total",
        "Names of which queries learned whether they are connected before their twins were read");

enum { NAMES_FIRST = 64, KNOWN_PLACE_LEN = 10 };

/* ---- rows by name */

static bool is_named(const struct cursor *name, const struct row *row)
{
    return slice_eq(name->device_id, row->identity.device_id) &&
           slice_eq(name->module_id, row->identity.module_id);
}

/* Rows come in any order. */
static enum err sort_in(struct run *r, struct store_answer *a, struct row **in_order)
{
    struct named *n = &r->named;
    unsigned seen = 0;
    while (a->err == OK && store_next(a)) {
        struct row row;
        TRY(row_read(&r->chunk, a->col, &row));
        for (unsigned i = 0; i < n->count; i++) {
            if (!is_named(&n->names[i], &row)) continue;
            in_order[i] = row_copy(&r->chunk, &row);
            in_order[i]->value = n->names[i].value;
            in_order[i]->presence = n->presences[i];
        }
        seen++;
    }
    run_looked_at(r, seen);
    return a->err;
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    struct named *n = &r->named;
    struct row **in_order = arena_zero(&r->chunk, n->count * sizeof *in_order);
    r->asks_store = false;
    enum err e = sort_in(r, a, in_order);
    if (e != OK) {
        run_refuse_err(r, e);
        return;
    }
    r->rows = in_order;
    for (unsigned i = 0; i < n->count; i++) {
        if (in_order[i] == NULL) continue; /* it is gone */
        if (run_passes(r, in_order[i]))
            r->rows[r->row_count++] = in_order[i];
        else
            r->dropped++;
    }
    run_take_rows(r);
}

/* ---- who may pass */

static bool may_pass(struct run *r, const struct presence *p)
{
    struct named *n = &r->named;
    bool never = p->active_us == 0 && !p->connected;
    if (never && n->never_tried) return n->never_passes;
    bool passes = row_may_pass(&r->chunk, r->plans.simple, p);
    if (!never) return passes;
    n->never_tried = true;
    n->never_passes = passes;
    return passes;
}

/* A turn reads so many rows; if more may pass, the next one goes on behind the last of them. */
static void try_names(struct run *r)
{
    struct named *n = &r->named;
    unsigned kept = 0, tried = 0;
    unsigned max = r->query->source == QUERY_MODULES ? PLAN_NAMED_MODULES_MAX : PLAN_NAMED_MAX;
    for (; tried < n->count && kept < max; tried++) {
        if (!may_pass(r, &n->presences[tried])) continue;
        n->names[kept] = n->names[tried];
        n->presences[kept++] = n->presences[tried];
    }
    if (tried < n->count) {
        r->read = n->names[kept - 1];
        r->range_ends = false;
    }
    if (kept < tried / 4) n->top = MIN(4 * n->top, (unsigned)STORE_PAGE_ROWS_MAX);
    metric_add(&names_total, tried);
    n->passed_by += tried - kept;
    r->scanned += n->passed_by / QUERY_NAMES_PER_TWIN;
    n->passed_by %= QUERY_NAMES_PER_TWIN;
    r->dropped += tried - kept;
    n->count = kept;
    if (kept == 0) {
        run_take_rows(r);
        return;
    }
    struct store_request q;
    plan_ask_named(&q, r->query->source, n->names, kept);
    run_ask_store(r, &q, on_rows);
}

/* ---- names from the store */

static void on_presences(struct registry_presences_wait *w, const struct presence *presences)
{
    struct run *r = CONTAINER_OF(w, struct run, presences_wait);
    r->asks_presences = false;
    memcpy(r->named.presences, presences, r->named.count * sizeof *presences);
    try_names(r);
}

static void ask_presences(struct run *r)
{
    struct named *n = &r->named;
    struct slice *who = arena_alloc(&r->chunk, n->count * sizeof *who);
    struct buf text = {0};
    for (unsigned i = 0; i < n->count; i++) {
        buf_clear(&text);
        hub_put_who(&text, n->names[i].device_id, n->names[i].module_id);
        who[i] = arena_copy(&r->chunk, buf_slice(&text));
    }
    buf_free(&text);
    r->presences_wait.fn = on_presences;
    r->asks_presences = true;
    registry_presences(r->queries->registry, who, n->count, &r->presences_wait);
}

static void make_room(struct run *r, unsigned max)
{
    struct named *n = &r->named;
    n->count = 0;
    n->names = arena_alloc(&r->chunk, max * sizeof *n->names);
    n->presences = arena_zero(&r->chunk, max * sizeof *n->presences);
}

static void on_names(struct store_wait *w, struct store_answer *a)
{
    struct run *r = CONTAINER_OF(w, struct run, store_wait);
    struct named *n = &r->named;
    r->asks_store = false;
    make_room(r, n->top);
    for (; a->err == OK && store_next(a); n->count++) {
        struct cursor name = {
            .value = a->col[0].bytes, .device_id = a->col[1].bytes, .module_id = a->col[2].bytes};
        n->names[n->count] = cursor_copy(&r->chunk, &name);
    }
    r->range_ends = !a->more && n->count < n->top;
    if (n->count) r->read = n->names[n->count - 1];
    if (a->err != OK)
        run_refuse_err(r, a->err);
    else if (n->count)
        ask_presences(r);
    else
        run_take_rows(r);
}

static void begin_turn(struct run *r)
{
    if (r->named.top == 0) r->named.top = NAMES_FIRST;
}

void run_names(struct run *r)
{
    struct store_request q;
    begin_turn(r);
    plan_ask_names(&q, r->query->source, r->range, &r->place, r->named.top);
    run_ask_store(r, &q, on_names);
}

/* ---- whom the cores know */

/* u16 core, u64 number */
static struct slice place_at(struct run *r, unsigned core, uint64_t number)
{
    struct buf b = {0};
    buf_put_le16(&b, (uint16_t)core);
    buf_put_le64(&b, number);
    struct slice place = arena_copy(&r->chunk, buf_slice(&b));
    buf_free(&b);
    return place;
}

/* The next one, or the end of all. */
static void end_of_core(struct run *r, unsigned core, uint64_t after, bool more)
{
    bool last = !more && core + 1 >= r->queries->hub->core_count;
    r->range_ends = last;
    r->read.device_id = SLICE_LIT("-"); /* it has begun */
    r->read.module_id = SLICE_LIT("");
    r->read.value = more ? place_at(r, core, after) : place_at(r, core + 1, 0);
}

static void on_known(struct registry_known_wait *w, const struct registry_known *known)
{
    struct run *r = CONTAINER_OF(w, struct run, known_wait);
    struct named *n = &r->named;
    r->asks_known = false;
    make_room(r, known->count + 1);
    for (; n->count < known->count; n->count++) {
        const struct presence_seen *seen = &known->seen[n->count];
        struct cursor name = {.value = place_at(r, n->core, seen->number),
                              .device_id = hub_device_of(seen->who),
                              .module_id = hub_module_of(seen->who)};
        if (name.module_id.ptr == NULL) name.module_id = SLICE_LIT("");
        n->names[n->count] = cursor_copy(&r->chunk, &name);
        n->presences[n->count] = seen->presence;
    }
    end_of_core(r, n->core, known->after, known->more);
    try_names(r);
}

void run_known(struct run *r)
{
    struct cur at = cur_of(r->place.value);
    bool begun = r->place.value.len == KNOWN_PLACE_LEN;
    begin_turn(r);
    r->named.core = begun ? cur_le16(&at) : 0;
    if (r->named.core >= r->queries->hub->core_count) {
        r->range_ends = true; /* there were more cores when the cursor was given */
        run_take_rows(r);
        return;
    }
    const struct registry_known_ask ask = {
        .core = r->named.core,
        .after = begun ? cur_le64(&at) : 0,
        .of_modules = r->query->source == QUERY_MODULES,
        .connected = r->range->connected,
        .max = MIN(r->named.top, (unsigned)REGISTRY_KNOWN_MAX),
    };
    r->known_wait.fn = on_known;
    r->asks_known = true;
    registry_known(r->queries->registry, &ask, &r->known_wait);
}
