/* io_test.c - one contract for both implementations, then the powers of the one in memory. */
#include "base/test.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io_mem.h"
#include "base/mem.h"

/* ---- the contract */

static char *scratch_dir(void)
{
    char path[] = "/tmp/azimuth-io-XXXXXX";
    assert_non_null(mkdtemp(path));
    return mem_str(path);
}

static void remove_tree(struct io *io, const char *path);

struct removal {
    struct io *io;
    const char *dir;
};

static void remove_entry(void *ctx, const char *name)
{
    const struct removal *r = ctx;
    char path[IO_NAME_MAX];
    snprintf(path, sizeof path, "%s%s%s", r->dir, *r->dir ? "/" : "", name);
    if (io_remove(r->io, path) != OK) remove_tree(r->io, path);
}

static void remove_tree(struct io *io, const char *path)
{
    struct removal r = {io, path};
    assert_int_equal(io_list(io, path, remove_entry, &r), OK);
    if (*path) assert_int_equal(io_remove(io, path), OK);
}

static struct io_file *must_open(struct io *io, const char *path, int flags)
{
    struct io_file *f;
    assert_int_equal(io_open_file(io, path, flags, &f), OK);
    return f;
}

static void must_write(struct io_file *f, uint64_t offset, const char *text)
{
    assert_int_equal(io_write_at(f, offset, slice_str(text)), OK);
}

static void assert_content(struct io_file *f, const char *bytes, size_t len)
{
    uint8_t got[4096];
    size_t n;
    assert_int_equal(io_read_at(f, 0, got, sizeof got, &n), OK);
    assert_int_equal(n, len);
    assert_memory_equal(got, bytes, len);
}

static void assert_stored(struct io *io, const char *path, const char *text)
{
    struct buf b = {0};
    assert_int_equal(io_load(io, path, &b), OK);
    assert_string_equal(buf_cstr(&b), text);
    buf_free(&b);
}

static void files_open_as_the_flags_say(struct io *io)
{
    struct io_file *f;
    assert_int_equal(io_open_file(io, "a", IO_READ, &f), ERR_NOT_FOUND);
    assert_int_equal(io_open_file(io, "no/a", IO_WRITE | IO_CREATE, &f), ERR_NOT_FOUND);
    io_close(must_open(io, "a", IO_WRITE | IO_CREATE | IO_EXCL));
    assert_int_equal(io_open_file(io, "a", IO_WRITE | IO_CREATE | IO_EXCL, &f), ERR_EXISTS);
    io_close(must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE));
}

static void paths_stay_below_the_root(struct io *io)
{
    static const char *const bad[] = {"", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/"};
    struct io_file *f;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(io_open_file(io, bad[i], IO_WRITE | IO_CREATE, &f), ERR_INVALID);
    char name[IO_NAME_MAX + 1];
    for (size_t i = 0; i < IO_NAME_MAX; i++) name[i] = i % 100 == 99 ? '/' : 'n';
    name[IO_NAME_MAX] = '\0';
    assert_int_equal(io_make_dir(io, name), ERR_INVALID);
    name[IO_NAME_MAX - 1] = '\0';
    assert_int_equal(io_make_dir(io, name), OK);
}

static void bytes_come_back_where_they_were_written(struct io *io)
{
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    must_write(f, 0, "hello world");
    must_write(f, 6, "azure");
    must_write(f, 14, "!");
    assert_content(f, "hello azure\0\0\0!", 15);
    uint8_t some[4];
    size_t got;
    assert_int_equal(io_read_at(f, 13, some, 4, &got), OK);
    assert_int_equal(got, 2);
    assert_int_equal(io_read_at(f, 15, some, 4, &got), OK);
    assert_int_equal(got, 0);
    assert_int_equal(io_read_at(f, 1000, some, 4, &got), OK);
    assert_int_equal(got, 0);
    io_close(f);
}

static void many_parts_are_written_as_one(struct io *io)
{
    enum { PARTS = 1000, LARGE = 100000 };
    struct slice parts[PARTS];
    struct buf expected = {0};
    uint8_t *large = mem_zero(LARGE);
    for (size_t i = 0; i < PARTS; i++) {
        static const char digits[] = "0123456789";
        parts[i] = i % 251 == 250 ? slice_of(large, LARGE) : slice_of(digits, i % 11);
        buf_put_slice(&expected, parts[i]);
    }
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    assert_int_equal(io_writev_at(f, 7, parts, PARTS), OK);
    uint8_t *got = mem_new(buf_size(&expected) + 8);
    size_t n;
    assert_int_equal(io_read_at(f, 7, got, buf_size(&expected) + 8, &n), OK);
    assert_true(slice_eq(slice_of(got, n), buf_slice(&expected)));
    free(got);
    free(large);
    buf_free(&expected);
    io_close(f);
}

/* One part and many, within one of its pieces and over several, aligned and not. */
static void writes_past_the_cache_come_back(struct io *io)
{
    enum { SIZE = (5 << 20) / 2 };
    uint8_t *bytes = mem_new(SIZE), *got = mem_new(SIZE);
    size_t n;
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (uint8_t)(i * 31 + i / 4096);
    io_close(must_open(io, "a", IO_WRITE | IO_CREATE));
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_DIRECT);
    struct slice parts[] = {slice_of(bytes, 40), slice_of(bytes + 40, 70000), SLICE_NONE,
                            slice_of(bytes + 70040, SIZE - 70040)};
    assert_int_equal(io_writev_at(f, IO_BLOCK, parts, 4), OK);
    assert_int_equal(io_sync(f), OK);
    assert_int_equal(io_write_at(f, 0, slice_of(bytes, IO_BLOCK)), OK);
    must_write(f, 7, "odd");
    assert_int_equal(io_read_at(f, IO_BLOCK, got, SIZE, &n), OK);
    assert_int_equal(n, SIZE);
    assert_memory_equal(got, bytes, SIZE);
    memcpy(bytes + 7, "odd", 3);
    assert_int_equal(io_write_at(f, IO_BLOCK, slice_of(bytes, IO_BLOCK)), OK);
    assert_int_equal(io_read_at(f, 0, got, (size_t)2 * IO_BLOCK, &n), OK);
    assert_memory_equal(got, bytes, IO_BLOCK);
    assert_memory_equal(got + IO_BLOCK, bytes, IO_BLOCK);
    io_close(f);
    free(bytes);
    free(got);
}

/* From where they lie. */
static void aligned_bytes_go_past_the_cache(struct io *io)
{
    enum { SIZE = 256 * IO_BLOCK };
    struct buf b = {0};
    uint8_t *got = mem_new(SIZE);
    size_t n;
    io_close(must_open(io, "a", IO_WRITE | IO_CREATE));
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_DIRECT);
    buf_align(&b, IO_BLOCK, SIZE);
    for (size_t i = 0; i < SIZE; i++) buf_put_u8(&b, (uint8_t)(i * 31 + i / 4096));
    assert_int_equal((uintptr_t)b.ptr % IO_BLOCK, 0);
    assert_int_equal(io_write_at(f, 0, buf_slice(&b)), OK);
    assert_int_equal(io_write_at(f, SIZE, slice_from(buf_slice(&b), IO_BLOCK)), OK);
    assert_int_equal(io_read_at(f, 0, got, SIZE, &n), OK);
    assert_memory_equal(got, b.ptr, SIZE);
    assert_int_equal(io_read_at(f, SIZE, got, SIZE, &n), OK);
    assert_int_equal(n, SIZE - IO_BLOCK);
    assert_memory_equal(got, b.ptr + IO_BLOCK, n);
    buf_put_u8(&b, 1); /* one more than there is room for */
    assert_int_equal(io_write_at(f, 0, slice_head(buf_slice(&b), SIZE)), OK);
    assert_int_equal(buf_size(&b), SIZE + 1);
    io_close(f);
    buf_free(&b);
    free(got);
}

static void sizes_shrink_and_grow_with_zeros(struct io *io)
{
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    uint64_t size;
    must_write(f, 0, "abcdef");
    assert_int_equal(io_truncate(f, 3), OK);
    assert_int_equal(io_truncate(f, 5), OK);
    assert_content(f, "abc\0\0", 5);
    assert_int_equal(io_allocate(f, 8), OK);
    assert_content(f, "abc\0\0\0\0\0", 8);
    assert_int_equal(io_allocate(f, 2), OK);
    assert_int_equal(io_allocate(f, 0), OK);
    assert_int_equal(io_size(f, &size), OK);
    assert_int_equal(size, 8);
    assert_int_equal(io_sync(f), OK);
    io_close(f);
}

static void names_are_made_renamed_and_removed(struct io *io)
{
    assert_int_equal(io_make_dir(io, "x/y/z"), OK);
    assert_int_equal(io_make_dir(io, "x/y"), OK);
    struct io_file *f = must_open(io, "x/y/a", IO_READ | IO_WRITE | IO_CREATE);
    must_write(f, 0, "one");
    assert_int_equal(io_make_dir(io, "x/y/a"), ERR_EXISTS);
    assert_int_equal(io_rename(io, "x/y/none", "x/y/b"), ERR_NOT_FOUND);
    assert_int_equal(io_store(io, "x/y/b", SLICE_LIT("two")), OK);
    assert_int_equal(io_rename(io, "x/y/a", "x/y/b"), OK);
    assert_content(f, "one", 3);
    assert_stored(io, "x/y/b", "one");
    assert_int_equal(io_sync_dir(io, "x/y"), OK);
    assert_int_equal(io_sync_dir(io, "."), OK);
    assert_int_equal(io_sync_dir(io, "x/none"), ERR_NOT_FOUND);
    assert_int_not_equal(io_remove(io, "x"), OK);
    assert_int_equal(io_remove(io, "x/y/b"), OK);
    assert_int_equal(io_remove(io, "x/y/b"), ERR_NOT_FOUND);
    assert_content(f, "one", 3);
    io_close(f);
}

static void note_entry(void *ctx, const char *name)
{
    unsigned *seen = ctx;
    assert_true(name[0] >= 'a' && name[0] <= 'd' && name[1] == '\0');
    *seen += 1u << (name[0] - 'a');
}

static void a_directory_lists_its_entries_once(struct io *io)
{
    unsigned seen = 0;
    assert_int_equal(io_make_dir(io, "x/a/deep"), OK);
    assert_int_equal(io_store(io, "x/b", SLICE_NONE), OK);
    assert_int_equal(io_store(io, "x/c", SLICE_NONE), OK);
    assert_int_equal(io_rename(io, "x/c", "x/d"), OK);
    assert_int_equal(io_list(io, "x", note_entry, &seen), OK);
    assert_int_equal(seen, 1 + 2 + 8);
    assert_int_equal(io_list(io, "none", note_entry, &seen), ERR_NOT_FOUND);
}

static void small_files_are_stored_whole(struct io *io)
{
    struct buf b = {0};
    assert_int_equal(io_load(io, "a", &b), ERR_NOT_FOUND);
    assert_false(io_exists(io, "a"));
    assert_int_equal(io_store(io, "a", SLICE_LIT("a longer text")), OK);
    assert_true(io_exists(io, "a"));
    assert_int_equal(io_store(io, "a", SLICE_LIT("short")), OK);
    assert_stored(io, "a", "short");
    uint8_t *large = mem_zero((16 << 20) + 1);
    assert_int_equal(io_store(io, "big", slice_of(large, (16 << 20) + 1)), ERR_TOO_BIG);
    assert_int_equal(io_store(io, "big", slice_of(large, 16 << 20)), OK);
    assert_int_equal(io_load(io, "big", &b), OK);
    assert_int_equal(buf_size(&b), 16 << 20);
    struct io_file *f = must_open(io, "big", IO_WRITE);
    must_write(f, 16 << 20, "!");
    io_close(f);
    assert_int_equal(io_load(io, "big", &b), ERR_TOO_BIG);
    free(large);
    buf_free(&b);
}

static void there_is_room_and_open_files_go_with_the_io(struct io *io)
{
    uint64_t room;
    assert_int_equal(io_free_bytes(io, &room), OK);
    assert_true(room > 0);
    must_open(io, "left-open", IO_WRITE | IO_CREATE);
}

static void (*const contract[])(struct io *io) = {
    files_open_as_the_flags_say,
    paths_stay_below_the_root,
    bytes_come_back_where_they_were_written,
    many_parts_are_written_as_one,
    writes_past_the_cache_come_back,
    aligned_bytes_go_past_the_cache,
    sizes_shrink_and_grow_with_zeros,
    names_are_made_renamed_and_removed,
    a_directory_lists_its_entries_once,
    small_files_are_stored_whole,
    there_is_room_and_open_files_go_with_the_io,
};

enum { CONTRACT_ROWS = sizeof contract / sizeof *contract };

static void memory_keeps_the_contract(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONTRACT_ROWS; i++) {
        struct io *io = io_mem_new();
        contract[i](io);
        io_free(io);
    }
}

static void a_real_file_system_keeps_the_contract(void **state)
{
    (void)state;
    char *dir = scratch_dir();
    for (size_t i = 0; i < CONTRACT_ROWS; i++) {
        struct io *io;
        assert_int_equal(io_posix_new(dir, &io), OK);
        contract[i](io);
        remove_tree(io, "");
        io_free(io);
    }
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

static void real_files_are_private(void **state)
{
    (void)state;
    char *dir = scratch_dir(), root[64], path[96];
    struct io *io;
    struct stat st;
    snprintf(root, sizeof root, "%s/data", dir);
    assert_int_equal(io_posix_new(root, &io), OK);
    assert_int_equal(io_store(io, "secret", SLICE_LIT("x")), OK);
    snprintf(path, sizeof path, "%s/secret", root);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(root, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    remove_tree(io, "");
    io_free(io);
    assert_int_equal(rmdir(root) + rmdir(dir), 0);
    free(dir);
}

/* ---- crashes */

static void a_process_without_descriptors_is_full(void **state)
{
    (void)state;
    struct io *io;
    struct io_file *f;
    struct rlimit usual, none;
    char *root = scratch_dir();
    assert_int_equal(io_posix_new(root, &io), OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){0, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum err opened = io_open_file(io, "a", IO_WRITE | IO_CREATE, &f);
    enum err synced = io_sync_dir(io, ".");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(opened, ERR_FULL);
    assert_int_equal(synced, ERR_FULL);
    io_close(must_open(io, "a", IO_WRITE | IO_CREATE));
    remove_tree(io, "");
    io_free(io);
    assert_int_equal(rmdir(root), 0);
    free(root);
}

static void a_crash_loses_what_was_not_synced(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    must_write(f, 0, "kept");
    assert_int_equal(io_sync(f), OK);
    assert_int_equal(io_sync_dir(io, "."), OK);
    must_write(f, 0, "lost and longer");
    io_close(must_open(io, "unsynced", IO_WRITE | IO_CREATE));
    assert_int_equal(io_rename(io, "a", "b"), OK);
    io_mem_crash(io, 0);
    assert_int_equal(io_sync(f), ERR_IO);
    assert_stored(io, "a", "kept");
    struct buf b = {0};
    assert_int_equal(io_load(io, "b", &b), ERR_NOT_FOUND);
    assert_int_equal(io_load(io, "unsynced", &b), ERR_NOT_FOUND);
    io_free(io);
}

static void a_stored_file_survives_every_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct io *io = io_mem_new();
        assert_int_equal(io_store(io, "a", SLICE_LIT("first")), OK);
        io_mem_crash(io, seed);
        assert_stored(io, "a", "first");
        assert_int_equal(io_store(io, "a", SLICE_LIT("second")), OK);
        io_mem_crash(io, seed);
        assert_stored(io, "a", "second");
        io_free(io);
    }
}

/* Without its last sync a file is the old one, the new one or a mixture, and every case occurs. */
static void unsynced_writes_survive_in_any_part(void **state)
{
    (void)state;
    int old = 0, whole = 0, mixed = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct io *io = io_mem_new();
        assert_int_equal(io_store(io, "a", SLICE_LIT("aaaaaaaa")), OK);
        struct io_file *f = must_open(io, "a", IO_WRITE);
        must_write(f, 0, "bbbb");
        must_write(f, 4, "bbbb");
        io_mem_crash(io, seed);
        struct buf b = {0};
        assert_int_equal(io_load(io, "a", &b), OK);
        if (strcmp(buf_cstr(&b), "aaaaaaaa") == 0)
            old++;
        else if (strcmp(buf_cstr(&b), "bbbbbbbb") == 0)
            whole++;
        else
            mixed++;
        buf_free(&b);
        io_free(io);
    }
    assert_true(old > 10 && whole > 10 && mixed > 10);
}

/* Steps of one directory survive in order: c is never there without b. */
static void names_survive_in_order(void **state)
{
    (void)state;
    int none = 0, one = 0, both = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct io *io = io_mem_new();
        struct io_file *f;
        io_close(must_open(io, "b", IO_WRITE | IO_CREATE));
        io_close(must_open(io, "c", IO_WRITE | IO_CREATE));
        io_mem_crash(io, seed);
        bool b = io_open_file(io, "b", IO_READ, &f) == OK;
        bool c = io_open_file(io, "c", IO_READ, &f) == OK;
        assert_true(b || !c);
        none += !b;
        one += b && !c;
        both += c;
        io_free(io);
    }
    assert_true(none > 5 && one > 5 && both > 5);
}

static void a_file_is_lost_with_its_unsynced_directory(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct buf b = {0};
    assert_int_equal(io_make_dir(io, "d"), OK);
    assert_int_equal(io_store(io, "d/a", SLICE_LIT("x")), OK);
    io_mem_crash(io, 0);
    assert_int_equal(io_load(io, "d/a", &b), ERR_NOT_FOUND);
    assert_int_equal(io_make_dir(io, "d"), OK);
    assert_int_equal(io_sync_dir(io, "."), OK);
    assert_int_equal(io_store(io, "d/a", SLICE_LIT("x")), OK);
    io_mem_crash(io, 0);
    assert_stored(io, "d/a", "x");
    io_free(io);
}

/* ---- faults */

static void the_nth_call_fails_once_or_for_good(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    uint8_t byte;
    size_t got;
    io_mem_fail(io, IO_CALL_READ, 2, ERR_IO, false);
    assert_int_equal(io_read_at(f, 0, &byte, 1, &got), OK);
    assert_int_equal(io_read_at(f, 0, &byte, 1, &got), ERR_IO);
    assert_int_equal(io_read_at(f, 0, &byte, 1, &got), OK);
    io_mem_fail(io, IO_CALL_ALLOCATE, 1, ERR_FULL, true);
    assert_int_equal(io_allocate(f, 10), ERR_FULL);
    assert_int_equal(io_allocate(f, 10), ERR_FULL);
    io_mem_fail(io, IO_CALL_ALLOCATE, 0, OK, false);
    assert_int_equal(io_allocate(f, 10), OK);
    io_mem_fail(io, IO_CALL_OPEN, 1, ERR_IO, false);
    struct io_file *other;
    assert_int_equal(io_open_file(io, "b", IO_WRITE | IO_CREATE, &other), ERR_IO);
    io_free(io);
}

static void a_failed_write_may_leave_a_part(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    io_mem_fail(io, IO_CALL_WRITE, 1, ERR_FULL, false);
    assert_int_equal(io_write_at(f, 0, SLICE_LIT("12345678")), ERR_FULL);
    assert_content(f, "1234", 4);
    io_free(io);
}

static void a_failed_sync_drops_the_unsynced(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    must_write(f, 0, "kept");
    assert_int_equal(io_sync(f), OK);
    must_write(f, 0, "gone for good");
    io_mem_fail(io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(io_sync(f), ERR_IO);
    assert_int_equal(io_sync(f), OK);
    assert_content(f, "kept", 4);
    io_free(io);
}

static void a_lying_disk_keeps_nothing(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    struct buf b = {0};
    io_mem_ignore_sync(io, true);
    assert_int_equal(io_store(io, "a", SLICE_LIT("x")), OK);
    io_mem_crash(io, 0);
    assert_int_equal(io_load(io, "a", &b), ERR_NOT_FOUND);
    io_free(io);
}

/* Of two synced writes none, one or both are there, as the moment says. */
static void power_may_fail_at_any_call(void **state)
{
    (void)state;
    unsigned reached = 0;
    for (uint64_t n = 1; n <= 6; n++) {
        struct io *io = io_mem_new();
        assert_int_equal(io_store(io, "a", SLICE_LIT("0")), OK);
        struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE);
        io_mem_cut_power(io, n);
        unsigned done = 0;
        for (const char *text = "12"; *text; text++)
            if (io_write_at(f, 0, slice_of(text, 1)) == OK && io_sync(f) == OK) done++;
        io_mem_crash(io, 0);
        assert_stored(io, "a", done == 0 ? "0" : done == 1 ? "1" : "2");
        assert_int_equal(done, n <= 2 ? 0 : n <= 4 ? 1 : 2);
        reached += done;
        io_free(io);
    }
    assert_int_equal(reached, 6);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    uint64_t room;
    io_mem_capacity(io, 10);
    struct io_file *f = must_open(io, "a", IO_READ | IO_WRITE | IO_CREATE);
    assert_int_equal(io_allocate(f, 11), ERR_FULL);
    assert_int_equal(io_allocate(f, 10), OK);
    must_write(f, 0, "0123456789");
    assert_int_equal(io_write_at(f, 8, SLICE_LIT("abc")), ERR_FULL);
    assert_int_equal(io_free_bytes(io, &room), OK);
    assert_int_equal(room, 0);
    assert_int_equal(io_truncate(f, 4), OK);
    assert_int_equal(io_free_bytes(io, &room), OK);
    assert_int_equal(room, 6);
    io_free(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_keeps_the_contract),
        cmocka_unit_test(a_real_file_system_keeps_the_contract),
        cmocka_unit_test(real_files_are_private),
        cmocka_unit_test(a_process_without_descriptors_is_full),
        cmocka_unit_test(a_crash_loses_what_was_not_synced),
        cmocka_unit_test(a_stored_file_survives_every_crash),
        cmocka_unit_test(unsynced_writes_survive_in_any_part),
        cmocka_unit_test(names_survive_in_order),
        cmocka_unit_test(a_file_is_lost_with_its_unsynced_directory),
        cmocka_unit_test(the_nth_call_fails_once_or_for_good),
        cmocka_unit_test(a_failed_write_may_leave_a_part),
        cmocka_unit_test(a_failed_sync_drops_the_unsynced),
        cmocka_unit_test(a_lying_disk_keeps_nothing),
        cmocka_unit_test(power_may_fail_at_any_call),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
