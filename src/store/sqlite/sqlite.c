/* sqlite.c - the store's engine on three SQLite connections over one file.
 *
 * Files: store.db, store.db-wal (SQLite's own formats).  A transaction is a sequence of units, each
 * in a savepoint; COMMIT appends its pages to the write-ahead log and syncs it once.
 *
 * Recovery.  What the last process failed to sync may still be readable from memory that the kernel
 * believes to be clean; if we built on it, a power cut could take it from under acknowledged units.
 * So the log is written over itself and synced before SQLite reads it, then copied into the database
 * and emptied.  Connections never do that on their own (NO_CKPT_ON_CLOSE, wal_autocheckpoint=0).
 */
#include "store/sqlite/sqlite.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite/db.h"
#include "store/transaction_sql.h"

static const char *const db_path = STORE_FILE, *const wal_path = STORE_FILE "-wal";

enum { PAGE_BYTES = 4096, COPY_BYTES = 1 << 14 };

struct engine {
    struct vfs *vfs;
    struct db write, read, check;
    uint64_t wal_bytes;
};

/* ---- recovery */

static enum err write_over_itself(struct io_file *f)
{
    uint8_t chunk[COPY_BYTES];
    size_t got = sizeof chunk;
    for (uint64_t at = 0; got == sizeof chunk; at += got) {
        TRY(io_read_at(f, at, chunk, sizeof chunk, &got));
        TRY(io_write_at(f, at, slice_of(chunk, got)));
    }
    return io_sync(f);
}

static enum err secure_wal(struct io *io)
{
    struct io_file *f;
    enum err err = io_open_file(io, wal_path, IO_READ | IO_WRITE, &f);
    if (err == ERR_NOT_FOUND) return OK;
    if (err != OK) return err;
    err = write_over_itself(f);
    io_close(f);
    return err;
}

static enum err checkpoint(struct db *c, int mode)
{
    int rc = sqlite3_wal_checkpoint_v2(c->db, NULL, mode, NULL, NULL);
    return rc == SQLITE_BUSY ? OK : db_error(c, rc); /* somebody else is at it */
}

/* ---- life */

static int note_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct engine *e = ctx;
    (void)db, (void)name;
    e->wal_bytes = (uint64_t)pages * PAGE_BYTES;
    return SQLITE_OK;
}

static enum err open_all(struct engine *e)
{
    TRY(db_open(&e->write, e->vfs, db_path));
    TRY(db_exec(&e->write, "PRAGMA journal_mode=WAL"));
    TRY(checkpoint(&e->write, SQLITE_CHECKPOINT_TRUNCATE));
    sqlite3_wal_hook(e->write.db, note_wal, e);
    TRY(db_open(&e->read, e->vfs, db_path));
    return db_open(&e->check, e->vfs, db_path);
}

static void sqlite_close(struct engine *e)
{
    bool clean = !atomic_load(&e->vfs->failed);
    db_close(&e->check);
    db_close(&e->read);
    /* An error costs nothing: the next start recovers. */
    if (clean && e->write.db) (void)!checkpoint(&e->write, SQLITE_CHECKPOINT_TRUNCATE);
    db_close(&e->write);
    vfs_free(e->vfs);
    free(e);
}

/* What was committed and not copied yet is in the write-ahead log. */
static bool sqlite_is_there(const struct engine *e)
{
    return io_exists(e->vfs->io, db_path) && (e->wal_bytes == 0 || io_exists(e->vfs->io, wal_path));
}

static enum err sqlite_open(struct io *io, struct engine **out)
{
    TRY(secure_wal(io));
    struct engine *e = NEW(struct engine);
    enum err err = vfs_new(io, &e->vfs);
    if (err == OK) err = open_all(e);
    if (err == OK)
        *out = e;
    else
        sqlite_close(e);
    return err;
}

/* ---- the lane `store` */

/* Rows returned or, by a statement that returns none, changed. */
static enum err run_step(struct db *c, const struct request_step *step, int64_t *rows)
{
    sqlite3_stmt *stmt;
    TRY(db_bind(c, step, &stmt));
    int rc;
    for (*rows = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW;) ++*rows;
    if (sqlite3_column_count(stmt) == 0) *rows = sqlite3_changes64(c->db);
    enum err err = rc == SQLITE_DONE ? OK : db_error(c, rc);
    sqlite3_reset(stmt);
    return err;
}

/* A statement without parameters: BEGIN, SAVEPOINT ... */
static enum err run_command(struct engine *e, const struct store_statement *s)
{
    int64_t rows;
    return run_step(&e->write, &(struct request_step){.statement = s}, &rows);
}

static enum err run_steps(struct db *c, struct slice request, struct unit_result *result)
{
    struct request_step step;
    struct request_cur cur = request_read(request);
    for (result->statement = 0; request_next(&cur, &step); result->statement++) {
        int64_t rows;
        TRY(run_step(c, &step, &rows));
        if (step.expected_rows != STORE_ANY && rows != step.expected_rows) return ERR_CONFLICT;
    }
    return OK;
}

static bool concerns_unit_only(enum err err)
{
    return err == OK || err == ERR_CONFLICT || err == ERR_TOO_BIG || err == ERR_INVALID;
}

static enum err sqlite_unit(struct engine *e, struct slice request, struct unit_result *result)
{
    TRY(run_command(e, &sql_unit_begin));
    result->err = run_steps(&e->write, request, result);
    if (!concerns_unit_only(result->err)) return result->err;
    if (result->err != OK) TRY(run_command(e, &sql_unit_rollback));
    return run_command(e, &sql_unit_end);
}

static enum err sqlite_begin(struct engine *e)
{
    return run_command(e, &sql_tx_begin);
}

static enum err sqlite_commit(struct engine *e)
{
    return run_command(e, &sql_tx_commit);
}

static void sqlite_rollback(struct engine *e)
{
    if (sqlite3_get_autocommit(e->write.db)) return; /* SQLite did it already */
    (void)!run_command(e, &sql_tx_rollback);
}

static enum err sqlite_script(struct engine *e, const char *sql)
{
    return db_exec(&e->write, sql);
}

static uint64_t sqlite_backlog(const struct engine *e)
{
    return e->wal_bytes;
}

static enum err sqlite_drain(struct engine *e)
{
    return checkpoint(&e->write, SQLITE_CHECKPOINT_PASSIVE);
}

/* ---- the lane `storecheck` */

static enum err sqlite_checkpoint(struct engine *e)
{
    return checkpoint(&e->check, SQLITE_CHECKPOINT_PASSIVE);
}

/* What one that was cut short has left is no database; and somebody may copy the one before: it keeps its bytes. */
static enum err sqlite_snapshot(struct engine *e)
{
    struct io *io = e->vfs->io;
    enum err err = io_remove(io, STORE_SNAPSHOT_NEW);
    if (err != OK && err != ERR_NOT_FOUND) return err;
    err = db_exec(&e->check, "VACUUM INTO '" STORE_SNAPSHOT_NEW "'");
    if (err == OK) err = io_rename(io, STORE_SNAPSHOT_NEW, STORE_SNAPSHOT);
    if (err == OK) return io_sync_dir(io, ".");
    (void)!io_remove(io, STORE_SNAPSHOT_NEW);
    return err;
}

/* ---- the lane `storeread` */

static struct store_value column(sqlite3_stmt *stmt, int i)
{
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL: return (struct store_value){.type = STORE_NULL};
    case SQLITE_INTEGER:
        return (struct store_value){.type = STORE_INT, .number = sqlite3_column_int64(stmt, i)};
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(stmt, i);
        size_t len = (size_t)sqlite3_column_bytes(stmt, i);
        return (struct store_value){.type = STORE_BYTES, .bytes = slice_of(bytes, len)};
    }
    default: { /* real numbers as text, too */
        const void *text = sqlite3_column_text(stmt, i);
        size_t len = (size_t)sqlite3_column_bytes(stmt, i);
        return (struct store_value){.type = STORE_TEXT, .bytes = slice_of(text, len)};
    }
    }
}

static bool page_is_full(const struct answer_writer *w)
{
    return w->rows == STORE_PAGE_ROWS_MAX ||
           (w->rows > 0 && w->out->len - w->start >= STORE_PAGE_BYTES_MAX);
}

static int read_rows(sqlite3_stmt *stmt, struct answer_writer *w, bool *more)
{
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_value values[STORE_COLUMNS_MAX];
        if (page_is_full(w)) {
            *more = true;
            return SQLITE_OK;
        }
        for (uint32_t i = 0; i < w->columns; i++) values[i] = column(stmt, (int)i);
        answer_row(w, values);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum err read_page(struct db *c, const struct request_step *step, struct buf *page)
{
    sqlite3_stmt *stmt;
    struct answer_writer w;
    bool more = false;
    TRY(db_bind(c, step, &stmt));
    answer_begin(&w, page, (unsigned)sqlite3_column_count(stmt));
    enum err err = db_error(c, read_rows(stmt, &w, &more));
    sqlite3_reset(stmt);
    answer_end(&w, more);
    return err;
}

static void sqlite_query(struct engine *e, struct slice request, struct buf *page)
{
    struct request_step step;
    struct request_cur cur = request_read(request);
    bool has_step = request_next(&cur, &step);
    assert(has_step);
    size_t start = page->len;
    enum err err = read_page(&e->read, &step, page);
    if (err == OK) return;
    page->len = start;
    answer_error(page, err, 0);
}

const struct store_engine store_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .is_there = sqlite_is_there,
    .begin = sqlite_begin,
    .unit = sqlite_unit,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .snapshot = sqlite_snapshot,
    .script = sqlite_script,
    .query = sqlite_query,
    .backlog = sqlite_backlog,
    .checkpoint = sqlite_checkpoint,
    .drain = sqlite_drain,
};
