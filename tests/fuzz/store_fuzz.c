/* store_fuzz.c - a store's files full of anything: they are refused, or give pages of rows that can be read.  And good
 * ones on a bad disk: what a transaction has promised is there after the next start, and nothing that was refused.
 *
 * Input: a byte, then
 *   - when its bit 2 is set: a fault of the disk, u8 what, u16 in which call;
 *   - when its bit 3 is set: u8 length, calls of the engine (store_work.h);
 *   - when its bit 0 is set: patches of a good database with an identity in it, one after the other: u24 place,
 *     u8 length, bytes; after those of place 0xffffff come those of its write-ahead log, after those of 0xfffffe what
 *     a rollback journal has;
 *   - else u16 length of the write-ahead log, that log, and the rest is the database.
 * The byte's bit 1: the schema is brought up to date, as at a start.  Bit 4: the power fails before the store is closed.
 */
#include "base/cur.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "fuzz.h"
#include "store/engine.h"
#include "store/sqlite/sqlite.h"
#include "store_work.h"

enum { PATCHES = 1, MIGRATE = 2, FAULT = 4, WORK = 8, CRASH = 16 };
enum { PLACE_LOG = 0xffffff, PLACE_JOURNAL = 0xfffffe };
enum { FAULT_BYTES = 3, FAULT_FULL = 64, FAULT_FOREVER = 128 };

static const char wal[] = STORE_FILE "-wal", journal[] = STORE_FILE "-journal";
static struct buf good_db, good_wal; /* made once */

static struct engine *must_open(struct io *io)
{
    struct engine *e;
    enum err err = store_sqlite.open(io, &e);
    assert(err == OK);
    return err == OK ? e : NULL;
}

static void must_run(struct engine *e, const char *sql)
{
    enum err err = store_sqlite.begin(e);
    if (err == OK) err = store_sqlite.script(e, sql);
    if (err == OK) err = store_sqlite.commit(e);
    assert(err == OK);
}

static const char identity_sql[] =
    "INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, auth_type,"
    " primary_key, secondary_key, primary_thumbprint, secondary_thumbprint, device_scope,"
    " parent_scope, status_updated_us) VALUES"
    " ('d', '', '638', 1, 1, 0, 'sas', 'a2V5', 'a2V5', '', '', '', '', 0)";

static void make_good(void)
{
    struct io *io = io_mem_new();
    struct engine *e = must_open(io);
    enum err err = store_migrate(&store_sqlite, e, store_migrations);
    if (err == OK) err = store_sqlite.checkpoint(e);
    must_run(e, identity_sql);
    if (err == OK) err = io_load(io, STORE_FILE, &good_db);
    if (err == OK) err = io_load(io, wal, &good_wal);
    assert(err == OK);
    store_sqlite.close(e);
    io_free(io);
}

static void put_file(struct io *io, const char *path, struct slice bytes)
{
    enum err err = io_store(io, path, bytes);
    assert(err == OK);
}

static void patch(struct buf *file, size_t at, struct slice bytes)
{
    if (at < buf_size(file)) memcpy(file->ptr + at, bytes.ptr, MIN(bytes.len, buf_size(file) - at));
}

static void put_patched(struct io *io, struct cur *c)
{
    struct buf db = {0}, log = {0}, undo = {0};
    struct buf *file = &db;
    if (good_db.len == 0) make_good();
    buf_put_slice(&db, buf_slice(&good_db));
    buf_put_slice(&log, buf_slice(&good_wal));
    while (cur_left(c) && !c->bad) {
        size_t place = (size_t)cur_u8(c) << 16 | cur_be16(c);
        struct slice bytes = cur_take(c, cur_u8(c));
        if (place == PLACE_LOG) file = &log;
        if (place == PLACE_JOURNAL) file = &undo;
        if (file == &undo)
            buf_put_slice(file, bytes);
        else if (bytes.len)
            patch(file, place, bytes);
    }
    put_file(io, STORE_FILE, buf_slice(&db));
    put_file(io, wal, buf_slice(&log));
    if (undo.len) put_file(io, journal, buf_slice(&undo));
    buf_free(&db);
    buf_free(&log);
    buf_free(&undo);
}

static void put_given(struct io *io, struct cur *c)
{
    struct slice log = cur_take(c, cur_be16(c));
    if (log.len) put_file(io, wal, log);
    put_file(io, STORE_FILE, cur_rest(c));
}

/* ---- what the disk does */

/* The n-th call of a kind fails, or the power does with the n-th change. */
static void put_fault(struct io *io, struct cur *c)
{
    unsigned what = cur_u8(c), kind = what % (IO_CALLS + 1);
    uint64_t n = cur_be16(c);
    if (kind == IO_CALLS)
        io_mem_cut_power(io, n);
    else
        io_mem_fail(io, (enum io_call)kind, n, what & FAULT_FULL ? ERR_FULL : ERR_IO,
                    what & FAULT_FOREVER);
}

static void clear_faults(struct io *io)
{
    for (int kind = 0; kind < IO_CALLS; kind++) io_mem_fail(io, (enum io_call)kind, 0, OK, false);
    io_mem_cut_power(io, 0);
}

/* ---- a start, and what comes then */

static enum err try_files(struct io *io, unsigned how, struct slice calls, bool good,
                          struct store_promise *promise)
{
    struct engine *e;
    TRY(store_sqlite.open(io, &e));
    enum err err = how & MIGRATE ? store_migrate(&store_sqlite, e, store_migrations) : OK;
    if (err == OK) {
        store_work_read(e);
        err = store_sqlite.checkpoint(e);
        if (err == OK) store_work(e, calls, good, promise);
        if (err == OK) store_work_read(e);
    }
    if (how & CRASH) io_mem_crash(io, calls.len);
    store_sqlite.close(e);
    return err;
}

/* A good database keeps what it has promised, whatever happened to the disk meanwhile. */
static void check_promise(struct io *io, const struct store_promise *promise)
{
    clear_faults(io);
    io_mem_crash(io, 0);
    struct engine *e = must_open(io);
    store_work_check(e, promise);
    store_sqlite.close(e);
}

static void no_chance(void *out, size_t len)
{
    memset(out, 'k', len);
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    struct store_promise promise = {0};
    say_level_max = SAY_ERROR;
    rand_use(no_chance);
    unsigned how = cur_u8(&c);
    struct cur fault = cur_of(how & FAULT ? cur_take(&c, FAULT_BYTES) : SLICE_NONE);
    struct slice calls = how & WORK ? cur_take(&c, cur_u8(&c)) : SLICE_NONE;
    bool good = how & PATCHES && cur_left(&c) == 0;
    struct io *io = io_mem_new();
    if (how & PATCHES)
        put_patched(io, &c);
    else
        put_given(io, &c);
    if (how & FAULT) put_fault(io, &fault);
    enum err err = try_files(io, how, calls, good, &promise);
    assert(err == OK || !good || how & FAULT);
    if (good) check_promise(io, &promise);
    io_free(io);
}
