/* vfs_test.c - SQLite on our file layer: locks, shared memory, the same on disk and in memory. */
#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "store/sqlite/vfs.h"

/* ---- two connections on either kind of files */

struct pair {
    struct io *io;
    struct vfs *vfs;
    sqlite3 *a, *b;
    char folder[32];
};

static void open_pair(struct pair *p)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    assert_int_equal(vfs_new(p->io, &p->vfs), OK);
    assert_int_equal(sqlite3_open_v2("x.db", &p->a, flags, p->vfs->name), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2("x.db", &p->b, flags, p->vfs->name), SQLITE_OK);
}

static int set_up_memory(void **state)
{
    struct pair *p = NEW(struct pair);
    p->io = io_mem_new();
    open_pair(p);
    *state = p;
    return 0;
}

static int set_up_disk(void **state)
{
    struct pair *p = NEW(struct pair);
    snprintf(p->folder, sizeof p->folder, "/tmp/vfs_test.XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    assert_int_equal(io_posix_new(p->folder, &p->io), OK);
    open_pair(p);
    *state = p;
    return 0;
}

static void remove_entry(void *ctx, const char *name)
{
    assert_int_equal(io_remove(ctx, name), OK);
}

static int tear_down(void **state)
{
    struct pair *p = *state;
    assert_int_equal(sqlite3_close(p->a), SQLITE_OK);
    assert_int_equal(sqlite3_close(p->b), SQLITE_OK);
    vfs_free(p->vfs);
    if (p->folder[0]) assert_int_equal(io_list(p->io, "", remove_entry, p->io), OK);
    io_free(p->io);
    if (p->folder[0]) rmdir(p->folder);
    free(p);
    return 0;
}

static void run(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", sql, why);
}

static int first_column(void *ctx, int count, char **values, char **names)
{
    (void)names;
    assert_true(count >= 1);
    snprintf(ctx, 64, "%s", values[0] ? values[0] : "NULL");
    return 0;
}

static const char *ask(sqlite3 *db, const char *sql)
{
    static char answer[64];
    answer[0] = '\0';
    assert_int_equal(sqlite3_exec(db, sql, first_column, answer, NULL), SQLITE_OK);
    return answer;
}

static void a_reader_keeps_its_snapshot(void **state)
{
    struct pair *p = *state;
    assert_string_equal(ask(p->a, "PRAGMA journal_mode=WAL"), "wal");
    run(p->a, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    run(p->b, "BEGIN");
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "1");
    run(p->a, "INSERT INTO t VALUES (2)");
    run(p->a, "PRAGMA wal_checkpoint(PASSIVE)");
    assert_string_equal(ask(p->a, "SELECT COUNT(*) FROM t"), "2");
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "1");
    run(p->b, "COMMIT");
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "2");
}

static void there_is_one_writer_at_a_time(void **state)
{
    struct pair *p = *state;
    ask(p->a, "PRAGMA journal_mode=WAL");
    run(p->a, "CREATE TABLE t (x)");
    run(p->a, "BEGIN IMMEDIATE");
    assert_int_equal(sqlite3_exec(p->b, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    run(p->a, "INSERT INTO t VALUES (1); COMMIT");
    run(p->b, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2); COMMIT");
    assert_string_equal(ask(p->a, "SELECT SUM(x) FROM t"), "3");
}

static void a_rollback_journal_works_and_goes_away(void **state)
{
    struct pair *p = *state;
    struct io_file *journal;
    assert_string_equal(ask(p->a, "PRAGMA journal_mode=DELETE"), "delete");
    run(p->a, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    run(p->a, "BEGIN; INSERT INTO t VALUES (2); ROLLBACK");
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "1");
    assert_int_equal(io_open_file(p->io, "x.db-journal", IO_READ, &journal), ERR_NOT_FOUND);
}

static void a_big_transaction_comes_back_whole(void **state)
{
    struct pair *p = *state;
    ask(p->a, "PRAGMA journal_mode=WAL");
    run(p->a, "CREATE TABLE t (x INTEGER PRIMARY KEY, y);"
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
              "INSERT INTO t SELECT i, hex(zeroblob(50)) || i FROM n");
    run(p->a, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "20000");
    assert_string_equal(ask(p->b, "PRAGMA integrity_check"), "ok");
    uint64_t size;
    struct io_file *wal;
    assert_int_equal(io_open_file(p->io, "x.db-wal", IO_READ, &wal), OK);
    assert_int_equal(io_size(wal, &size), OK);
    io_close(wal);
    assert_int_equal(size, 0);
}

/* ---- other programs */

static int open_as_others_do(const struct pair *p, sqlite3 **out)
{
    char path[64];
    snprintf(path, sizeof path, "%s/x.db", p->folder);
    assert_int_equal(sqlite3_open(path, out), SQLITE_OK);
    return sqlite3_exec(*out, "SELECT COUNT(*) FROM t", NULL, NULL, NULL);
}

/* Who only looked would, when it closes, take the log for its own and remove it. */
static void other_programs_see_a_database_only_when_nobody_here_has_it(void **state)
{
    struct pair *p = *state;
    sqlite3 *other;
    ask(p->a, "PRAGMA journal_mode=WAL");
    run(p->a, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    assert_int_equal(open_as_others_do(p, &other), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    run(p->b, "INSERT INTO t VALUES (2)");
    assert_true(io_exists(p->io, "x.db-wal"));
    assert_int_equal(sqlite3_close(p->b), SQLITE_OK);
    assert_int_equal(open_as_others_do(p, &p->b), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(p->a), SQLITE_OK);
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "2");
    assert_int_equal(
        sqlite3_open_v2("x.db", &p->a, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, p->vfs->name),
        SQLITE_BUSY);
}

/* ---- after a failed sync */

static void nothing_is_written_after_a_failed_sync(void **state)
{
    struct pair *p = *state;
    ask(p->a, "PRAGMA journal_mode=WAL");
    run(p->a, "PRAGMA synchronous=FULL; CREATE TABLE t (x)");
    io_mem_fail(p->io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_not_equal(sqlite3_exec(p->a, "INSERT INTO t VALUES (1)", NULL, NULL, NULL), 0);
    assert_int_not_equal(sqlite3_exec(p->a, "INSERT INTO t VALUES (1)", NULL, NULL, NULL), 0);
    assert_int_not_equal(sqlite3_exec(p->b, "INSERT INTO t VALUES (1)", NULL, NULL, NULL), 0);
    assert_string_equal(ask(p->b, "SELECT COUNT(*) FROM t"), "0");
}

/* ---- locks by themselves */

enum { FILES = 3 };

struct files {
    struct io *io;
    struct vfs *vfs;
    struct vfs_file *f[FILES]; /* of the same database */
};

static int open_files(void **state)
{
    struct files *files = NEW(struct files);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    files->io = io_mem_new();
    assert_int_equal(vfs_new(files->io, &files->vfs), OK);
    for (int i = 0; i < FILES; i++) {
        files->f[i] = NEW(struct vfs_file);
        sqlite3_vfs *base = &files->vfs->base;
        assert_int_equal(base->xOpen(base, "l.db", &files->f[i]->base, flags, NULL), SQLITE_OK);
    }
    *state = files;
    return 0;
}

static int close_files(void **state)
{
    struct files *files = *state;
    for (int i = 0; i < FILES; i++) {
        files->f[i]->base.pMethods->xClose(&files->f[i]->base);
        free(files->f[i]);
    }
    vfs_free(files->vfs);
    io_free(files->io);
    free(files);
    return 0;
}

static void file_locks_go_up_in_order(void **state)
{
    struct files *files = *state;
    enum { N = SQLITE_LOCK_NONE, S, R, P, X };
    const struct {
        int who, level, rc; /* a level below the present one: unlock */
    } rows[] = {
        {0, S, SQLITE_OK},   {1, S, SQLITE_OK}, {0, R, SQLITE_OK},   {1, R, SQLITE_BUSY},
        {2, S, SQLITE_OK}, /* readers may come while somebody is RESERVED ... */
        {0, X, SQLITE_BUSY}, {1, N, SQLITE_OK}, {1, S, SQLITE_BUSY}, /* ... but not PENDING */
        {0, X, SQLITE_BUSY}, {2, N, SQLITE_OK}, {0, X, SQLITE_OK},   {1, S, SQLITE_BUSY},
        {0, S, SQLITE_OK},   {1, S, SQLITE_OK}, {1, X, SQLITE_BUSY}, {0, N, SQLITE_OK},
        {1, X, SQLITE_OK},   {1, N, SQLITE_OK}, {2, S, SQLITE_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vfs_file *f = files->f[rows[i].who];
        bool down = rows[i].level < f->level;
        int rc = down ? vfs_unlock(&f->base, rows[i].level) : vfs_lock(&f->base, rows[i].level);
        if (rc != rows[i].rc) fail_msg("row %zu: %d", i, rc);
    }
}

static void reserved_is_seen_by_all(void **state)
{
    struct files *files = *state;
    int reserved;
    assert_int_equal(vfs_lock(&files->f[0]->base, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(vfs_check_reserved(&files->f[1]->base, &reserved), SQLITE_OK);
    assert_false(reserved);
    assert_int_equal(vfs_lock(&files->f[0]->base, SQLITE_LOCK_RESERVED), SQLITE_OK);
    assert_int_equal(vfs_check_reserved(&files->f[1]->base, &reserved), SQLITE_OK);
    assert_true(reserved);
}

static void shared_memory_locks_are_many_readers_or_one_writer(void **state)
{
    struct files *files = *state;
    enum {
        READ = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED,
        WRITE = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE,
        READ_DONE = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED,
        WRITE_DONE = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE
    };
    const struct {
        int who, offset, count, flags, rc;
    } rows[] = {
        {0, 3, 1, READ, SQLITE_OK},
        {1, 3, 1, READ, SQLITE_OK},
        {2, 3, 1, WRITE, SQLITE_BUSY},
        {2, 1, 3, WRITE, SQLITE_BUSY}, /* all or none of a range */
        {0, 1, 1, READ, SQLITE_OK},
        {0, 1, 1, READ_DONE, SQLITE_OK},
        {0, 3, 1, READ_DONE, SQLITE_OK},
        {2, 3, 1, WRITE, SQLITE_BUSY},
        {1, 3, 1, READ_DONE, SQLITE_OK},
        {2, 1, 3, WRITE, SQLITE_OK},
        {0, 2, 1, READ, SQLITE_BUSY},
        {0, 4, 1, READ, SQLITE_OK},
        {2, 1, 3, WRITE_DONE, SQLITE_OK},
        {0, 2, 1, READ, SQLITE_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int rc = vfs_shm_lock(&files->f[rows[i].who]->base, rows[i].offset, rows[i].count,
                              rows[i].flags);
        if (rc != rows[i].rc) fail_msg("row %zu: %d", i, rc);
    }
}

static void shared_memory_is_one_and_goes_with_its_last_user(void **state)
{
    struct files *files = *state;
    enum { SIZE = 32768 };
    void volatile *a, *b;
    assert_int_equal(vfs_shm_map(&files->f[0]->base, 0, SIZE, 0, &a), SQLITE_OK);
    assert_null((void *)a);
    assert_int_equal(vfs_shm_map(&files->f[0]->base, 2, SIZE, 1, &a), SQLITE_OK);
    assert_int_equal(vfs_shm_map(&files->f[1]->base, 2, SIZE, 0, &b), SQLITE_OK);
    assert_non_null((void *)a);
    assert_ptr_equal((void *)a, (void *)b);
    assert_int_equal(vfs_shm_unmap(&files->f[0]->base, 1), SQLITE_OK);
    assert_int_equal(vfs_shm_map(&files->f[2]->base, 2, SIZE, 0, &b), SQLITE_OK);
    assert_ptr_equal((void *)a, (void *)b);
    assert_int_equal(vfs_shm_unmap(&files->f[1]->base, 1), SQLITE_OK);
    assert_int_equal(vfs_shm_unmap(&files->f[2]->base, 1), SQLITE_OK);
    assert_int_equal(vfs_shm_map(&files->f[0]->base, 0, SIZE, 0, &a), SQLITE_OK);
    assert_null((void *)a);
    assert_int_equal(vfs_shm_unmap(&files->f[0]->base, 0), SQLITE_OK);
}

/* ---- what fails below, by itself */

static void reads_and_writes_that_fail_are_told_apart(void **state)
{
    struct files *files = *state;
    sqlite3_file *f = &files->f[0]->base;
    const sqlite3_io_methods *m = f->pMethods;
    uint8_t bytes[8] = "written";
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_OK);
    io_mem_fail(files->io, IO_CALL_READ, 1, ERR_IO, false);
    assert_int_equal(m->xRead(f, bytes, 8, 0), SQLITE_IOERR_READ);
    assert_int_equal(m->xRead(f, bytes, 8, 4), SQLITE_IOERR_SHORT_READ);
    assert_memory_equal(bytes, "ten\0\0\0\0\0", 8);
    io_mem_fail(files->io, IO_CALL_WRITE, 1, ERR_FULL, false);
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_FULL);
    io_mem_fail(files->io, IO_CALL_WRITE, 1, ERR_IO, false);
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_IOERR_WRITE);
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_OK);
}

static void after_a_failed_sync_nothing_is_changed_but_all_is_read(void **state)
{
    struct files *files = *state;
    sqlite3_vfs *base = &files->vfs->base;
    sqlite3_file *f = &files->f[0]->base;
    const sqlite3_io_methods *m = f->pMethods;
    uint8_t bytes[8] = "written";
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_OK);
    assert_int_equal(m->xSync(f, SQLITE_SYNC_NORMAL), SQLITE_OK);
    io_mem_fail(files->io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(m->xSync(f, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    assert_int_equal(m->xSync(f, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    assert_int_equal(m->xWrite(f, bytes, 8, 0), SQLITE_IOERR_WRITE);
    assert_int_equal(m->xTruncate(f, 0), SQLITE_IOERR_TRUNCATE);
    assert_int_equal(base->xDelete(base, "l.db", 0), SQLITE_IOERR_DELETE);
    assert_int_equal(m->xRead(f, bytes, 8, 0), SQLITE_OK);
    assert_string_equal(bytes, "written");
}

static void names_that_fail_are_told_apart_from_those_that_are_not_there(void **state)
{
    struct files *files = *state;
    sqlite3_vfs *base = &files->vfs->base;
    struct vfs_file other;
    int there = 1;
    char path[8];
    assert_int_equal(base->xOpen(base, "none.db", &other.base, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_CANTOPEN);
    assert_int_equal(base->xAccess(base, "none.db", SQLITE_ACCESS_EXISTS, &there), SQLITE_OK);
    assert_int_equal(there, 0);
    assert_int_equal(base->xDelete(base, "none.db", 1), SQLITE_IOERR_DELETE_NOENT);
    io_mem_fail(files->io, IO_CALL_OPEN, 1, ERR_IO, false);
    assert_int_equal(base->xAccess(base, "l.db", SQLITE_ACCESS_EXISTS, &there),
                     SQLITE_IOERR_ACCESS);
    assert_int_equal(base->xAccess(base, "l.db", SQLITE_ACCESS_EXISTS, &there), SQLITE_OK);
    assert_int_equal(there, 1);
    io_mem_fail(files->io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(base->xDelete(base, "l.db", 1), SQLITE_IOERR_DELETE);
    assert_int_equal(base->xFullPathname(base, "1234567", sizeof path, path), SQLITE_OK);
    assert_int_equal(base->xFullPathname(base, "12345678", sizeof path, path), SQLITE_CANTOPEN);
}

static int64_t epoch_us(void)
{
    return 0;
}

static void sqlite_hears_the_time_and_why_something_failed(void **state)
{
    struct files *files = *state;
    sqlite3_vfs *base = &files->vfs->base;
    sqlite3_int64 ms;
    char why[64];
    static const struct clock_source epoch = {epoch_us, epoch_us};
    clock_use(&epoch);
    assert_int_equal(base->xCurrentTimeInt64(base, &ms), SQLITE_OK);
    clock_use(NULL);
    assert_int_equal(ms, 210866760000000); /* 1970-01-01 is day 2440587.5 */
    assert_int_equal(base->xSleep(base, 0), 0);
    assert_int_equal(fail(ERR_IO, "the disk burns"), ERR_IO);
    assert_int_equal(base->xGetLastError(base, sizeof why, why), 0);
    assert_string_equal(why, "the disk burns");
}

int main(void)
{
#define BOTH(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up_memory, tear_down),                               \
        cmocka_unit_test_setup_teardown(name, set_up_disk, tear_down)
#define LOCKS(name) cmocka_unit_test_setup_teardown(name, open_files, close_files)
    const struct CMUnitTest tests[] = {
        BOTH(a_reader_keeps_its_snapshot),
        BOTH(there_is_one_writer_at_a_time),
        BOTH(a_rollback_journal_works_and_goes_away),
        BOTH(a_big_transaction_comes_back_whole),
        cmocka_unit_test_setup_teardown(other_programs_see_a_database_only_when_nobody_here_has_it,
                                        set_up_disk, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_written_after_a_failed_sync, set_up_memory,
                                        tear_down),
        LOCKS(file_locks_go_up_in_order),
        LOCKS(reserved_is_seen_by_all),
        LOCKS(shared_memory_locks_are_many_readers_or_one_writer),
        LOCKS(shared_memory_is_one_and_goes_with_its_last_user),
        LOCKS(reads_and_writes_that_fail_are_told_apart),
        LOCKS(after_a_failed_sync_nothing_is_changed_but_all_is_read),
        LOCKS(names_that_fail_are_told_apart_from_those_that_are_not_there),
        LOCKS(sqlite_hears_the_time_and_why_something_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
