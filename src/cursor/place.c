/* place.c - a cursor's place: found in the store or in the log, stored when it has moved. */
#include "cursor/place.h"

#include "base/metrics.h"
#include "base/say.h"
#include "cursor/cursor_sql.h"

COUNTER(stored_total, "azimuth_cursor_positions_stored_total", "Positions that the store took.");
COUNTER(refused_total, "azimuth_cursor_positions_refused_total",
        "Positions that the store refused; they are offered again.");

static void name_it(const struct cursor *c, struct store_request *r)
{
    store_put_text(r, "name", slice_str(c->name));
    store_put_int(r, "stream", c->cfg.stream);
    store_put_int(r, "partition", c->cfg.partition);
}

/* ---- finding it */

static void seek(struct cursor *c)
{
    struct log_seek_msg m = {.stream = (uint16_t)c->cfg.stream,
                             .partition = (uint16_t)c->cfg.partition};
    c->state = CURSOR_SEEKING;
    switch (c->cfg.start) {
    case CURSOR_EARLIEST: m.where = LOG_EARLIEST; break;
    case CURSOR_LATEST: m.where = LOG_LATEST; break;
    case CURSOR_TIME: m.where = LOG_TIME; break;
    case CURSOR_AT: assert(false);
    }
    m.value = c->cfg.start_us;
    c->asking = true;
    log_ask_seek(&c->asker, &m);
}

static void on_looked(struct store_wait *w, struct store_answer *a)
{
    struct cursor *c = CONTAINER_OF(w, struct cursor, wait);
    c->storing = false;
    if (a->err != OK) {
        c->retry = true;
    } else if (store_next(a)) {
        c->is_stored = true;
        c->stored = (uint64_t)a->col[0].number;
        cursor_placed(c, c->stored);
    } else {
        seek(c);
    }
}

static void look(struct cursor *c)
{
    struct store_request q;
    c->state = CURSOR_LOOKING;
    store_begin_query(&q, &sql_cursor_get);
    name_it(c, &q);
    c->wait.fn = on_looked;
    c->storing = true;
    store_ask(c->cs->store, c->cs->lane, &q, &c->wait);
}

void place_find(struct cursor *c)
{
    if (c->cfg.start == CURSOR_AT)
        cursor_placed(c, c->cfg.at);
    else if (c->state == CURSOR_SEEKING)
        seek(c);
    else
        look(c);
}

/* ---- keeping it */

static void on_put(struct store_wait *w, struct store_answer *a)
{
    struct cursor *c = CONTAINER_OF(w, struct cursor, wait);
    c->storing = false;
    metric_inc(a->err == OK ? &stored_total : &refused_total);
    if (a->err != OK) c->is_stored = false; /* nobody knows */
    if (a->err != OK && !c->complained)
        say_warn("cursor.not_stored", "name=%s stream=%u partition=%u why=%s next=\"tried again\"",
                 c->name, c->cfg.stream, c->cfg.partition, err_name(a->err));
    c->complained = a->err != OK;
}

static bool is_dirty(const struct cursor *c)
{
    return c->cfg.start != CURSOR_AT && (!c->is_stored || c->stored != c->done);
}

static void add_put(const struct cursor *c, struct store_request *u)
{
    store_add(u, &sql_cursor_put, 1);
    name_it(c, u);
    store_put_int(u, "ordinal", (int64_t)c->done);
}

static void put(struct cursor *c)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    add_put(c, &u);
    c->wait.fn = on_put;
    c->storing = c->is_stored = true;
    c->stored = c->done;
    store_ask(c->cs->store, c->cs->lane, &u, &c->wait);
}

void place_store(struct cursor *c)
{
    if (c->state == CURSOR_READING && !c->storing && is_dirty(c)) put(c);
}

/* ---- leaving */

static void on_left(struct store_wait *w, struct store_answer *a)
{
    struct cursor *c = CONTAINER_OF(w, struct cursor, wait);
    c->storing = false;
    if (a->err != OK)
        say_warn("cursor.row_left", "name=%s stream=%u partition=%u why=%s", c->name, c->cfg.stream,
                 c->cfg.partition, err_name(a->err));
    cursor_drop(c);
}

static void delete_row(struct cursor *c)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_cursor_delete, STORE_ANY);
    name_it(c, &u);
    c->wait.fn = on_left;
    c->storing = true;
    store_ask(c->cs->store, c->cs->lane, &u, &c->wait);
}

/* What is under way is waited for by being behind it in the store's queue. */
void place_leave(struct cursor *c)
{
    if (c->storing) store_forget(c->cs->lane, &c->wait);
    c->state = CURSOR_LEAVING;
    if (c->cfg.start == CURSOR_AT)
        cursor_drop(c);
    else
        delete_row(c);
}

/* ---- all of them, while no lane runs */

static void store_now(struct store *store, struct store_request *u)
{
    enum err e = store_now_unit(store, u);
    if (e != OK) say_warn("cursor.not_stored", "why=%s next=\"records come again\"", err_name(e));
}

void cursors_store(struct cursors *cs, struct store *store)
{
    struct store_request u;
    unsigned count = 0;
    if (cs == NULL || !store_healthy(store)) return;
    LIST_EACH(node, &cs->all)
    {
        const struct cursor *c = CONTAINER_OF(node, struct cursor, node);
        if (c->state != CURSOR_READING || !(c->storing || is_dirty(c))) continue;
        if (count++ == 0) store_begin_unit(&u, STORE_INTERACTIVE);
        add_put(c, &u);
        if (count < STORE_STATEMENTS_MAX) continue;
        store_now(store, &u);
        count = 0;
    }
    if (count) store_now(store, &u);
}
