/* backup_test.c - how deep a directory may be that is copied, how many files a backup has, and a log that changes while
 * it is copied. */
#include "base/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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
    for (char c = '1'; c < '1' + RECORDS; c++) {
        if (!strchr(text[0], c) && !strchr(text[1], c)) fail_msg("%c is nowhere", c);
    }
}

static void what_leaves_the_journal_while_it_is_copied_is_in_the_segments(void **state)
{
    char root[] = "/tmp/backup-test-XXXXXX", before[BACKUP_PATH_MAX];
    struct moving m = {0};
    struct backup_progress progress = {.show = move_one, .ctx = &m, .what = "copying"};
    (void)state;
    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(root));
    assert_int_equal(chdir(root), 0);
    make_log();
    assert_int_equal(backup_copy_log("from", "to", &progress), OK);
    assert_true(m.moved >= 4);
    assert_has_all("to/journal", "to/streams/0/0/00000000000000000000.log");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_in_folders_have_an_end),
        cmocka_unit_test(files_of_a_backup_are_counted),
        cmocka_unit_test(what_leaves_the_journal_while_it_is_copied_is_in_the_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
