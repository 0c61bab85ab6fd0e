/* backup_test.c - how deep a directory may be that is copied, and how many files a backup has. */
#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(folders_in_folders_have_an_end),
                                       cmocka_unit_test(files_of_a_backup_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
