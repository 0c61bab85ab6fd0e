/* sqlgen_test.c - the tool makes what was written, and refuses what it does not understand. */
#include "base/test.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/sqlgen_test.XXXXXX";

static void path_of(char out[64], const char *name)
{
    snprintf(out, 64, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[64];
    path_of(path, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    fclose(f);
}

static bool file_has(const char *name, const char *part)
{
    static char text[8192];
    char path[64];
    path_of(path, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return strstr(text, part) != NULL;
}

static bool run(const char *arguments)
{
    char command[512];
    snprintf(command, sizeof command, "cd %s && %s %s 2>said", folder, SQLGEN, arguments);
    return system(command) == 0;
}

static void statements_keep_their_text_and_list_their_parameters(void **state)
{
    (void)state;
    write_file("x.sql", "-- what this file is for\n\n"
                        "-- :name first\nSELECT a, '$no' -- not $this\n"
                        "FROM t\n  WHERE b = $b AND c > $c_2 OR b < $b;\n\n"
                        "-- :name second\nSELECT \"$q\" FROM t\n");
    assert_true(run("statements x.sql x_sql.h x_sql.c"));
    assert_true(file_has("x_sql.h", "extern struct store_statement sql_first;"));
    assert_true(file_has("x_sql.h", "extern struct store_statement sql_second;"));
    assert_true(file_has("x_sql.c", "\"SELECT a, '$no'\\n\""));
    assert_true(file_has("x_sql.c", "\"  WHERE b = $b AND c > $c_2 OR b < $b\""));
    assert_true(file_has("x_sql.c", ".params = {\"b\", \"c_2\"},\n    .param_count = 2,"));
    assert_true(file_has("x_sql.c", "\"SELECT \\\"$q\\\" FROM t\",\n    .params = {},"));
    assert_false(file_has("x_sql.c", "this"));
}

static void what_it_does_not_understand_ends_the_build(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"SELECT 1\n", "x.sql:1: text before the first -- :name"},
        {"-- :name\nSELECT 1\n", "x.sql:1: -- :name needs a name"},
        {"-- :name a-b\nSELECT 1\n", "x.sql:1: a name has letters"},
        {"-- :name a\n-- :name b\nSELECT 1\n", "a statement without text"},
        {"-- :name a\nSELECT '1\n", "a quote is not closed"},
        {"-- :name a\nSELECT $\n", "a parameter has 1 to 63 letters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file("x.sql", rows[i].text);
        assert_false(run("statements x.sql x_sql.h x_sql.c"));
        if (!file_has("said", rows[i].said)) fail_msg("row %zu", i);
    }
    assert_false(run("statements none.sql x_sql.h x_sql.c"));
    assert_false(run("statements x.sql"));
    assert_false(run(""));
}

static void a_statement_has_so_many_parameters(void **state)
{
    (void)state;
    for (int count = 32; count <= 33; count++) {
        char text[1024];
        int len = snprintf(text, sizeof text, "-- :name a\nSELECT 0");
        for (int i = 0; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, ", $p%d", i);
        write_file("x.sql", text);
        assert_int_equal(run("statements x.sql x_sql.h x_sql.c"), count == 32);
    }
}

static void migrations_are_numbered_without_a_gap(void **state)
{
    (void)state;
    write_file("0001_one.sql", "-- first\nCREATE TABLE one (x);\n");
    write_file("0002_two.sql", "CREATE TABLE two (x);\n");
    write_file("0004_four.sql", "CREATE TABLE four (x);\n");
    write_file("three.sql", "CREATE TABLE three (x);\n");
    assert_true(run("migrations m.c 0001_one.sql 0002_two.sql"));
    assert_true(file_has("m.c", "{1, \"one\","));
    assert_true(file_has("m.c", "{2, \"two\","));
    assert_true(file_has("m.c", "{0, NULL, NULL}"));
    assert_false(run("migrations m.c 0001_one.sql 0004_four.sql"));
    assert_false(run("migrations m.c 0001_one.sql three.sql"));
    assert_false(run("migrations m.c 0002_two.sql"));
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_keep_their_text_and_list_their_parameters),
        cmocka_unit_test(what_it_does_not_understand_ends_the_build),
        cmocka_unit_test(a_statement_has_so_many_parameters),
        cmocka_unit_test(migrations_are_numbered_without_a_gap),
    };
    if (mkdtemp(folder) == NULL) return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
