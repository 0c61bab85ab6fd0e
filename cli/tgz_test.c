/* tgz_test.c - archives as the system's tar unpacks them, and their limits. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/tgz.h"

static char folder[] = "/tmp/tgz-test-XXXXXX";

/* What a shell's command prints in the folder of the test. */
static const char *shell(const char *command)
{
    static char said[4096];
    char whole[512];
    snprintf(whole, sizeof whole, "cd %s && %s 2>&1", folder, command);
    FILE *in = popen(whole, "r");
    assert_non_null(in);
    size_t n = fread(said, 1, sizeof said - 1, in);
    said[n] = '\0';
    assert_int_equal(pclose(in), 0);
    return said;
}

static void store(struct tgz *t)
{
    char path[64];
    struct buf bytes = {0};
    assert_int_equal(tgz_pack(t, &bytes), OK);
    snprintf(path, sizeof path, "%s/a.tgz", folder);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, out), bytes.len);
    fclose(out);
    buf_free(&bytes);
}

static void add(struct tgz *t, const char *name, unsigned mode, struct slice content)
{
    const struct tgz_file file = {name, mode, 1767225600000000, content};
    assert_int_equal(tgz_add(t, &file), OK);
}

static void files_come_out_as_they_went_in(void **state)
{
    static uint8_t block[512];
    char name[TGZ_NAME_MAX + 2];
    struct tgz t = {0};
    (void)state;
    memset(block, 'x', sizeof block);
    memset(name, 'n', sizeof name);
    name[TGZ_NAME_MAX] = '\0';
    add(&t, "install.sh", 0700, SLICE_LIT("echo hello\n"));
    add(&t, "empty", 0600, SLICE_NONE);
    add(&t, "block", 0600, slice_of(block, sizeof block));
    add(&t, "it's-50%#1.key.pem", 0600, SLICE_LIT("key"));
    add(&t, name, 0640, slice_of(block, sizeof block - 1));
    name[TGZ_NAME_MAX] = 'n';
    name[TGZ_NAME_MAX + 1] = '\0';
    assert_int_equal(tgz_add(&t, &(struct tgz_file){.name = name}), ERR_TOO_BIG);
    store(&t);
    tgz_free(&t);
    assert_string_equal(shell("TZ=UTC tar -tvzf a.tgz | sed 's/nnn*/N/'"),
                        "-rwx------ root/root        11 2026-01-01 00:00 install.sh\n"
                        "-rw------- root/root         0 2026-01-01 00:00 empty\n"
                        "-rw------- root/root       512 2026-01-01 00:00 block\n"
                        "-rw------- root/root         3 2026-01-01 00:00 it's-50%#1.key.pem\n"
                        "-rw-r----- root/root       511 2026-01-01 00:00 N\n");
    assert_string_equal(shell("tar -xzf a.tgz && ./install.sh && cat \"it's-50%#1.key.pem\""),
                        "hello\nkey");
    assert_string_equal(shell("cat block nnn* | tr -d x | wc -c && cat block nnn* | wc -c"),
                        "0\n1023\n");
}

static void a_file_has_a_largest_size(void **state)
{
    struct tgz t = {0};
    struct buf zeros = {0};
    (void)state;
    memset(buf_reserve(&zeros, TGZ_CONTENT_MAX + 1), 0, TGZ_CONTENT_MAX + 1);
    struct tgz_file file = {"big", 0600, 0, slice_of(zeros.ptr, TGZ_CONTENT_MAX)};
    assert_int_equal(tgz_add(&t, &file), OK);
    file.content.len++;
    assert_int_equal(tgz_add(&t, &file), ERR_TOO_BIG);
    store(&t);
    assert_string_equal(shell("tar -xzOf a.tgz | wc -c"), "16777216\n");
    tgz_free(&t);
    buf_free(&zeros);
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_come_out_as_they_went_in),
                                       cmocka_unit_test(a_file_has_a_largest_size)};
    if (mkdtemp(folder) == NULL) return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
