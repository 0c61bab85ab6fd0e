/* store_fuzz.c - a store's files full of anything: they are refused, or give pages of rows that can be read.
 *
 * Input: a byte, then
 *   - when its bit 0 is set: patches of a good database with an identity in it, one after the other: u24 place,
 *     u8 length, bytes; after those of place 0xffffff come those of its write-ahead log;
 *   - else u16 length of the write-ahead log, that log, and the rest is the database.
 * The byte's bit 1: the schema is brought up to date, as at a start.
 */
#include "base/cur.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/say.h"
#include "fuzz.h"
#include "hub/registry/identity.h"
#include "hub/registry/registry_sql.h"
#include "store/engine.h"
#include "store/sqlite/sqlite.h"

enum { PATCHES = 1, MIGRATE = 2, PLACE_LOG = 0xffffff, WAL_PAGE_ROWS = 10 };

static const char wal[] = STORE_FILE "-wal";
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
    struct buf db = {0}, log = {0};
    struct buf *file = &db;
    if (good_db.len == 0) make_good();
    buf_put_slice(&db, buf_slice(&good_db));
    buf_put_slice(&log, buf_slice(&good_wal));
    while (cur_left(c) && !c->bad) {
        size_t place = (size_t)cur_u8(c) << 16 | cur_be16(c);
        struct slice bytes = cur_take(c, cur_u8(c));
        if (place == PLACE_LOG) file = &log;
        if (bytes.len) patch(file, place, bytes);
    }
    put_file(io, STORE_FILE, buf_slice(&db));
    put_file(io, wal, buf_slice(&log));
    buf_free(&db);
    buf_free(&log);
}

static void put_given(struct io *io, struct cur *c)
{
    struct slice log = cur_take(c, cur_be16(c));
    if (log.len) put_file(io, wal, log);
    put_file(io, STORE_FILE, cur_rest(c));
}

/* A page of identities, as a start and a list read them. */
static void read_page(struct engine *e)
{
    struct store_request r = {0};
    struct buf page = {0};
    struct arena arena = {0};
    struct store_answer a;
    store_begin_query(&r, &sql_identity_page);
    store_put_text(&r, "after", SLICE_LIT(""));
    store_put_int(&r, "top", WAL_PAGE_ROWS);
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

static void try_files(struct io *io, bool migrate)
{
    struct engine *e;
    if (store_sqlite.open(io, &e) != OK) return;
    if (!migrate || store_migrate(&store_sqlite, e, store_migrations) == OK) {
        read_page(e);
        enum err err = store_sqlite.checkpoint(e);
        if (err == OK) read_page(e);
    }
    store_sqlite.close(e);
}

static void no_chance(void *out, size_t len)
{
    memset(out, 'k', len);
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    say_level_max = SAY_ERROR;
    rand_use(no_chance);
    unsigned how = cur_u8(&c);
    struct io *io = io_mem_new();
    if (how & PATCHES)
        put_patched(io, &c);
    else
        put_given(io, &c);
    try_files(io, how & MIGRATE);
    io_free(io);
}
