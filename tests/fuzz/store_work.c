/* store_work.c - see store_work.h. */
#include "store_work.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/registry/identity.h"
#include "hub/registry/registry_sql.h"
#include "store/sqlite/sqlite.h"

enum call {
    INSERT,       /* a device of ours */
    INSERT_AGAIN, /* one that there is */
    INSERT_HALF,  /* one of ours, and then a row that there is not */
    INSERT_BIG,   /* more than a row may have */
    COMMIT,
    ROLL_BACK,
    READ,
    CHECKPOINT,
    DRAIN,
    SNAPSHOT,
    ODD_VALUES, /* of all types that SQLite has */
    MANY_ROWS,  /* more than a page has */
    CALLS
};

enum { NAME_SIZE = 12, TOP = STORE_PAGE_ROWS_MAX + 1 };

struct work {
    struct engine *e;
    unsigned number; /* of this call, and of its unit */
    uint32_t open;   /* units of the transaction that is open */
    bool begun, poisoned;
    bool good; /* the database is what it seems to be */
    struct store_promise *promise;
};

static struct slice name_of(unsigned number, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "u%u", number);
    return slice_str(out);
}

/* ---- units */

static void add_insert(struct store_request *r, struct slice name, struct slice reason)
{
    const struct identity id = {.device_id = name,
                                .module_id = SLICE_LIT(""),
                                .generation = SLICE_LIT("1"),
                                .etag = 1,
                                .status_reason = reason};
    store_add(r, &sql_identity_insert, 1);
    identity_put_params(r, &id);
    identity_put_model(r, &id);
}

static struct slice too_big(void)
{
    static char *text;
    if (text == NULL) {
        text = mem_new(STORE_UNIT_BYTES_MAX);
        memset(text, 'x', STORE_UNIT_BYTES_MAX);
    }
    return slice_of(text, STORE_UNIT_BYTES_MAX);
}

static enum err run_unit(struct work *w, enum call call, struct unit_result *result)
{
    char name[NAME_SIZE];
    struct store_request r;
    name_of(w->number, name);
    store_begin_unit(&r, STORE_INTERACTIVE);
    add_insert(&r, slice_str(call == INSERT_AGAIN ? "d" : name),
               call == INSERT_BIG ? too_big() : SLICE_NONE);
    if (call == INSERT_HALF) {
        store_add(&r, &sql_identity_delete_modules, 1);
        store_put_text(&r, "device_id", SLICE_LIT("d"));
    }
    struct msg *m = request_end(&r);
    enum err e = store_sqlite.unit(w->e, msg_body(m), result);
    msg_free(m);
    return e;
}

/* ---- transactions, as store.c has them */

/* All that is open did not happen, or nobody knows; whatever is not a full disk is the end of writing. */
static void give_up(struct work *w, enum err e)
{
    store_sqlite.rollback(w->e);
    if (e == OK || e == ERR_FULL) w->promise->refused |= w->open;
    w->poisoned = w->poisoned || (e != OK && e != ERR_FULL);
    w->open = 0;
    w->begun = false;
}

static void begin(struct work *w)
{
    if (w->begun) return;
    w->begun = true;
    enum err e = store_sqlite.begin(w->e);
    if (e != OK) give_up(w, e);
}

static void unit(struct work *w, enum call call)
{
    uint32_t bit = (uint32_t)1 << w->number;
    struct unit_result result = {0};
    w->open |= bit;
    enum err e = run_unit(w, call, &result);
    if (e != OK) {
        give_up(w, e);
        return;
    }
    assert(result.err != OK || call == INSERT || !w->good);
    if (result.err == OK) return;
    w->open &= ~bit;
    w->promise->refused |= bit;
}

static void script(struct work *w, const char *sql)
{
    enum err e = store_sqlite.script(w->e, sql);
    if (e != OK) give_up(w, e);
}

static void commit(struct work *w)
{
    enum err e = store_sqlite.commit(w->e);
    if (e != OK) {
        give_up(w, e);
        return;
    }
    w->promise->kept |= w->open;
    w->open = 0;
    w->begun = false;
    assert(store_sqlite.backlog(w->e) <= STORE_WAL_MAX);
}

/* ---- reading */

/* 1 or 0, or -1: it cannot be read now. */
static int count_of(struct engine *e, struct slice name)
{
    struct store_request r;
    struct store_answer a;
    struct buf page = {0};
    store_begin_query(&r, &sql_identity_get);
    store_put_text(&r, "device_id", name);
    store_put_text(&r, "module_id", SLICE_LIT(""));
    struct msg *m = request_end(&r);
    store_sqlite.query(e, msg_body(m), &page);
    msg_free(m);
    answer_read(&a, buf_slice(&page));
    int count = a.err != OK ? -1 : store_next(&a);
    buf_free(&page);
    return count;
}

void store_work_read(struct engine *e)
{
    struct store_request r = {0};
    struct buf page = {0};
    struct arena arena = {0};
    struct store_answer a;
    store_begin_query(&r, &sql_identity_page);
    store_put_text(&r, "after", SLICE_LIT(""));
    store_put_int(&r, "top", TOP);
    struct msg *m = request_end(&r);
    store_sqlite.query(e, msg_body(m), &page);
    msg_free(m);
    answer_read(&a, buf_slice(&page));
    while (a.err == OK && store_next(&a)) {
        struct identity id;
        struct buf text = {0};
        if (identity_of_row(&arena, a.col, &id) == OK)
            identity_write(&text, &id, &(struct presence){0});
        buf_free(&text);
    }
    arena_free(&arena);
    buf_free(&page);
}

/* ---- */

static void copy(struct work *w, enum err e)
{
    w->poisoned = w->poisoned || (e != OK && e != ERR_FULL);
}

static void write_call(struct work *w, enum call call)
{
    begin(w);
    if (w->poisoned || !w->begun) return;
    if (call <= INSERT_BIG)
        unit(w, call);
    else if (call == COMMIT)
        commit(w);
    else if (call == ROLL_BACK)
        give_up(w, OK);
    else if (call == ODD_VALUES)
        script(w, "UPDATE identity SET etag = 1.5, primary_key = x'00ff',"
                  " status_reason = datetime() WHERE device_id = 'd'");
    else
        script(w, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)"
                  " INSERT OR IGNORE INTO identity (device_id, module_id, generation_id, etag,"
                  " enabled, iot_edge, auth_type, status_updated_us)"
                  " SELECT 'n' || i, '', '1', 1, 1, 0, 'sas', 0 FROM n");
}

/* What a check of the store's lanes does goes on beside a transaction; after an error it does not. */
static void one_call(struct work *w, enum call call)
{
    if (call == READ)
        store_work_read(w->e);
    else if (w->poisoned)
        return;
    else if (call == CHECKPOINT)
        copy(w, store_sqlite.checkpoint(w->e));
    else if (call == DRAIN && !w->begun)
        copy(w, store_sqlite.drain(w->e));
    else if (call == SNAPSHOT)
        (void)!store_sqlite.snapshot(w->e);
    else if (call != DRAIN)
        write_call(w, call);
}

/* Every query sees what was committed before it, if it can be read at all. */
static void check_seen(const struct work *w)
{
    char name[NAME_SIZE];
    for (unsigned i = 0; i < w->number; i++)
        assert(!(w->promise->kept >> i & 1) || count_of(w->e, name_of(i, name)) != 0);
}

void store_work(struct engine *e, struct slice calls, bool good, struct store_promise *out)
{
    struct work w = {.e = e, .good = good, .promise = out};
    for (; w.number < calls.len && w.number < STORE_WORK_MAX; w.number++) {
        one_call(&w, calls.ptr[w.number] % CALLS);
        if (good) check_seen(&w);
    }
    if (w.begun) give_up(&w, OK);
}

void store_work_check(struct engine *e, const struct store_promise *p)
{
    char name[NAME_SIZE];
    for (unsigned i = 0; i < STORE_WORK_MAX; i++) {
        int count = count_of(e, name_of(i, name));
        assert(count >= 0);
        assert(count || !(p->kept >> i & 1));
        assert(!count || !(p->refused >> i & 1));
    }
}
