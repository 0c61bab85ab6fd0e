/* backup_test.c - how deep a directory may be that is copied, how many files a backup has, the room it needs, a log that
 * changes while it is copied, and what is left of one that is stopped or killed. */
#include "base/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup/backup.h"

static enum err count(void *ctx, const char *path, bool is_dir, uint64_t size)
{
    (void)path, (void)size;
    *(unsigned *)ctx += is_dir;
    return OK;
}

static void folders_in_folders_have_an_end(void **state)
{
    char root[] = "/tmp/backup-test-XXXXXX", path[BACKUP_PATH_MAX];
    unsigned seen = 0;
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s", root);
    for (unsigned i = 0; i <= BACKUP_DEPTH_MAX; i++) {
        if (i == BACKUP_DEPTH_MAX) assert_int_equal(backup_walk(root, "", count, &seen), OK);
        strcat(path, "/d");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    assert_int_equal(seen, BACKUP_DEPTH_MAX);
    assert_int_equal(backup_walk(root, "", count, &seen), ERR_TOO_BIG);
    for (; strcmp(path, root) != 0; *strrchr(path, '/') = '\0') rmdir(path);
    rmdir(root);
}

/* ---- paths */

static enum err list(const char *root)
{
    struct backup_progress progress = {0};
    struct backup_files f = {.root = root, .progress = &progress};
    return backup_list_file(&f, "a", false, 0);
}

static enum err write_manifest(const char *root)
{
    struct backup_progress progress = {0};
    struct backup_files f = {.root = root, .progress = &progress};
    return backup_write_manifest(&f);
}

static enum err copy_other(const char *root)
{
    struct backup_copies x = {.from = ".", .to = root};
    return backup_copy_other(&x, "a", false, 0);
}

static enum err copy_log(const char *root)
{
    struct backup_progress progress = {0};
    return backup_copy_log(root, "to", &progress);
}

static enum err note(const char *root)
{
    return backup_note(root, "to", 1, 1);
}

static enum err walk(const char *root)
{
    unsigned seen = 0;
    return backup_walk(root, "streams", count, &seen);
}

static enum err online(const char *root)
{
    struct backup_progress progress = {0};
    return backup_online(root, "to", &progress);
}

static enum err lock(const char *root)
{
    int fd;
    enum err e = backup_lock_open(root, &fd);
    if (fd >= 0) close(fd);
    return e;
}

static void a_path_has_4095_bytes_and_not_one_more(void **state)
{
    static enum err (*const all[])(const char *) = {list, write_manifest, copy_other, copy_log,
                                                    note, walk,           online,     lock};
    char root[BACKUP_PATH_MAX] = "", path[BACKUP_PATH_MAX];
    (void)state;
    memset(root, 'r', BACKUP_PATH_MAX - 3); /* with "/a" and its end 4096 */
    assert_int_equal(backup_join(path, root, "a"), OK);
    assert_int_equal(strlen(path), BACKUP_PATH_MAX - 1);
    assert_string_equal(path + BACKUP_PATH_MAX - 4, "r/a");
    assert_int_equal(backup_join(path, root, "ab"), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "at most 4095 bytes, not 4096"));
    strcat(root, "rr"); /* of some the directory itself is the first path */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(all[i](root), ERR_INVALID);
        assert_non_null(strstr(fail_text(), "at most 4095 bytes"));
    }
}

static void files_of_a_backup_are_counted(void **state)
{
    char root[] = "/tmp/backup-test-XXXXXX", path[64];
    struct backup_progress progress = {0};
    struct backup_files f = {.root = root, .count = BACKUP_FILES_MAX - 1, .progress = &progress};
    (void)state;
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/last", root);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(backup_list_file(&f, "last", false, 0), OK);
    assert_int_equal(f.count, BACKUP_FILES_MAX);
    assert_int_equal(backup_list_file(&f, "last", false, 0), ERR_TOO_BIG);
    assert_int_equal(f.count, BACKUP_FILES_MAX);
    buf_free(&f.text);
    unlink(path);
    rmdir(root);
}

/* ---- a log that changes: its records are digits, each in the journal until it is in the segment */

enum { SECTION = 64, RECORDS = 9 };

static const char journal_path[] = "from/journal", meta_path[] = "from/log.meta",
                  segment_path[] = "from/streams/0/0/00000000000000000000.log";

struct moving {
    unsigned moved; /* records */
};

static void put(const char *path, const char *mode, long at, const char *text)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fseek(file, at, *mode == 'a' ? SEEK_END : SEEK_SET), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static long place_of(unsigned record)
{
    return SECTION * (record % 4) + SECTION / 2 + record;
}

/* Whenever something was copied the next record goes from the journal into the segment. */
static void move_one(void *ctx, const struct backup_progress *p, bool ended)
{
    struct moving *m = ctx;
    (void)p, (void)ended;
    if (m->moved == RECORDS) return;
    put(segment_path, "a", 0, (char[]){(char)('1' + m->moved), '\0'});
    put(journal_path, "r+", place_of(m->moved++), ".");
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

/* A directory of its own, in which the test is; gone when it is left. */
struct place {
    char root[32], before[BACKUP_PATH_MAX];
};

static void enter(struct place *p)
{
    strcpy(p->root, "/tmp/backup-test-XXXXXX");
    assert_non_null(getcwd(p->before, sizeof p->before));
    assert_non_null(mkdtemp(p->root));
    assert_int_equal(chdir(p->root), 0);
}

static void leave(const struct place *p)
{
    assert_int_equal(chdir(p->before), 0);
    assert_int_equal(nftw(p->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_log(void)
{
    char journal[4 * SECTION + 1];
    static const char *const dirs[] = {"from", "from/streams", "from/streams/0", "from/streams/0/0",
                                       "to"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_int_equal(mkdir(dirs[i], 0700), 0);
    snprintf(journal, sizeof journal, "%0*d", 4 * SECTION, 0);
    for (unsigned i = 0; i < RECORDS; i++) journal[place_of(i)] = (char)('1' + i);
    put(journal_path, "w", 0, journal);
    put(meta_path, "w", 0, "azimuth-log 1\n");
    put(segment_path, "w", 0, "_");
}

static void assert_has_all(const char *journal, const char *segment)
{
    char text[2][4 * SECTION + 1] = {{0}};
    const char *const paths[] = {journal, segment};
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(paths[i], "r");
        assert_non_null(file);
        assert_true(fread(text[i], 1, sizeof text[i] - 1, file) > 0);
        fclose(file);
    }
    for (int c = '1'; c < '1' + RECORDS; c++) {
        if (!strchr(text[0], c) && !strchr(text[1], c)) fail_msg("%c is nowhere", c);
    }
}

static void what_leaves_the_journal_while_it_is_copied_is_in_the_segments(void **state)
{
    struct place place;
    struct moving m = {0};
    struct backup_progress progress = {.show = move_one, .ctx = &m, .what = "copying"};
    (void)state;
    enter(&place);
    make_log();
    assert_int_equal(backup_copy_log("from", "to", &progress), OK);
    assert_true(m.moved >= 4);
    assert_has_all("to/journal", "to/streams/0/0/00000000000000000000.log");
    leave(&place);
}

/* ---- room */

static void room_is_needed_to_the_byte(void **state)
{
    (void)state;
    assert_int_equal(backup_room_for("/x", 1000, 700, 300), OK);
    assert_int_equal(backup_room_for("/x", 1000, 701, 300), ERR_FULL);
    assert_int_equal(backup_room_for("/x", 1000, 700, 301), ERR_FULL);
    assert_int_equal(backup_room_for("/x", 700, 701, 0), ERR_FULL);
    assert_int_equal(backup_room_for("/x", UINT64_MAX, 1, UINT64_MAX), ERR_FULL);
}

static void the_store_counts_once_and_its_copies_do_not(void **state)
{
    struct place place;
    struct backup_size size;
    (void)state;
    enter(&place);
    make_log();
    assert_int_equal(backup_measure("from", &size), OK);
    uint64_t log = size.copied;
    put("from/" BACKUP_STORE, "w", 0, "four");
    put("from/" BACKUP_STORE "-wal", "w", 0, "two");
    put("from/ca.pem", "w", 0, "others");
    static const char *const left_out[] = {"from/" BACKUP_SNAPSHOT, "from/" BACKUP_SNAPSHOT "-new",
                                           "from/" BACKUP_STORE "-shm", "from/" BACKUP_LOCK,
                                           "from/" BACKUP_LAST};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        put(left_out[i], "w", 0, "much that is not copied");
    assert_int_equal(backup_measure("from", &size), OK);
    assert_int_equal(size.store, strlen("fourtwo"));
    assert_int_equal(size.copied, log + strlen("fourtwo") + strlen("others"));
    leave(&place);
}

/* ---- stopped, killed */

/* At the `at`-th piece the server stops, or its process ends. */
struct fate {
    struct watch watch;
    unsigned at, seen;
    bool killed;
};

enum { KILLED = 7 };

static void meet_fate(void *ctx, const struct backup_progress *p, bool ended)
{
    struct fate *f = ctx;
    (void)p, (void)ended;
    if (f->seen++ != f->at) return;
    if (f->killed) _exit(KILLED);
    f->watch.stop = true;
}

static enum err back_up(struct fate *f)
{
    struct backup_progress p = {.show = meet_fate, .ctx = f, .what = "copying", .watch = &f->watch};
    return backup_online("from", "to/b", &p);
}

static void make_data(void)
{
    make_log();
    put("from/" BACKUP_SNAPSHOT, "w", 0, "the store");
    put("from/ca.pem", "w", 0, "a certificate");
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Where it is stopped after the last piece it is whole all the same. */
static void of_a_stopped_one_nothing_is_left(void **state)
{
    struct place place;
    unsigned stopped = 0;
    (void)state;
    enter(&place);
    make_data();
    for (unsigned at = 0;; at++) {
        struct fate f = {.at = at};
        put("from/" BACKUP_SNAPSHOT, "w", 0, "the store");
        enum err e = back_up(&f);
        assert_false(is_there("from/" BACKUP_SNAPSHOT));
        if (e == OK) break;
        assert_int_equal(e, ERR_CLOSED);
        assert_false(is_there("to/b"));
        assert_false(is_there("from/" BACKUP_LAST));
        stopped++;
    }
    assert_true(stopped >= 8); /* five files, each copied and read again */
    assert_true(is_there("to/b/" BACKUP_MANIFEST) && is_there("from/" BACKUP_LAST));
    leave(&place);
}

static int child_that_is_killed_at(unsigned at)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct fate f = {.at = at, .killed = true};
        _exit(back_up(&f) == OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void what_is_left_of_a_killed_one_does_not_look_whole(void **state)
{
    struct place place;
    unsigned killed = 0;
    (void)state;
    enter(&place);
    make_data();
    while (child_that_is_killed_at(killed) == KILLED) {
        killed++;
        assert_true(is_there("to/b"));
        assert_false(is_there("to/b/" BACKUP_MANIFEST));
        assert_false(is_there("from/" BACKUP_LAST));
        assert_int_equal(nftw("to/b", remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
    assert_true(killed >= 8);
    assert_true(is_there("to/b/" BACKUP_MANIFEST));
    leave(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_needed_to_the_byte),
        cmocka_unit_test(the_store_counts_once_and_its_copies_do_not),
        cmocka_unit_test(of_a_stopped_one_nothing_is_left),
        cmocka_unit_test(what_is_left_of_a_killed_one_does_not_look_whole),
        cmocka_unit_test(a_path_has_4095_bytes_and_not_one_more),
        cmocka_unit_test(folders_in_folders_have_an_end),
        cmocka_unit_test(files_of_a_backup_are_counted),
        cmocka_unit_test(what_leaves_the_journal_while_it_is_copied_is_in_the_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
