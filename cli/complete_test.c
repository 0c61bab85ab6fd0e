/* complete_test.c - what is suggested at a Tab. */
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static const struct cli_option serve_options[] = {
    {"data", "DIR", ""}, {"log-level", "LEVEL", ""}, {"ephemeral", NULL, ""}, {"", NULL, NULL}};

static int serve(int argc, char **argv)
{
    return argc + (argv != NULL);
}

static const struct cli_verb more[] = {
    {.words = "serve", .summary = "Serves", .options = serve_options, .main = serve}, {0}};

static enum cli_status suggested = CLI_DONE; /* how it ends */

/* What `completion suggest` prints, with commas for line ends. */
static const char *suggest(const char *words)
{
    static char said[4096];
    char option[2048], program[] = "azm", verb[] = "completion", sub[] = "suggest";
    char *argv[] = {program, verb, sub, option, NULL};
    char path[] = "/tmp/complete-test-XXXXXX";
    int file = mkstemp(path), old = dup(STDOUT_FILENO);
    snprintf(option, sizeof option, "--words=%s", words);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    assert_int_equal(cli_main(4, argv, more), suggested);
    dup2(old, STDOUT_FILENO);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    assert_true(n >= 0);
    said[n] = '\0';
    for (char *p = said; *p; p++)
        if (*p == '\n') *p = ',';
    close(file);
    close(old);
    unlink(path);
    return said;
}

static void words_of_verbs_are_completed_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *words, *said;
    } rows[] = {
        {"s", "serve,simulate,session,"},
        {"con", "connection-string,console,"},
        {"comp", "completion,"},
        {"hub\ndevice-i", "device-identity,"},
        {"hub\ndevice-identity\ncr", "create,"},
        {"completion\n", "bash,zsh,fish,"},
        {"nothing\n", ""},
        {"ser", "serve,"},
        {"serve", "serve,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *said = suggest(rows[i].words);
        if (strcmp(said, rows[i].said) != 0) fail_msg("'%s': '%s'", rows[i].words, said);
    }
    assert_non_null(strstr(suggest(""), "hub,"));
}

static void options_and_their_values_are_completed(void **state)
{
    (void)state;
    static const struct {
        const char *words, *said;
    } rows[] = {
        {"serve\n--d", "--data,"},
        {"serve\n", "--data,--log-level,--ephemeral,--quiet,--help,"},
        {"serve\n--ephemeral\n--l", "--log-level,"},
        {"serve\n--log-level\nw", "warn,"},
        {"serve\n--log-level\n=\nw", "warn,"},
        {"serve\n--data\n", ""},
        {"hub\ndevice-identity\nlist\n--out", "--output,"},
        {"hub\ndevice-identity\nlist\n-o\nj", "json,jsonl,"},
        {"simulate\n--devices\n3\n--outp", "--output,"},
        {"env\n--format\n", "sh,dotenv,json,github,"},
        {"hub\ndevice-identity\nshow\n--data\n/nowhere\n-d\n", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *said = suggest(rows[i].words);
        if (strcmp(said, rows[i].said) != 0) fail_msg("'%s': '%s'", rows[i].words, said);
    }
}

static void profiles_are_completed_from_the_file(void **state)
{
    char home[] = "/tmp/complete-home-XXXXXX", path[128];
    (void)state;
    assert_non_null(mkdtemp(home));
    setenv("HOME", home, 1);
    assert_string_equal(suggest("profile\nuse\nl"), "");
    snprintf(path, sizeof path, "%s/.config", home);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/.config/azimuth", home);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/.config/azimuth/config.yaml", home);
    FILE *file = fopen(path, "w");
    fputs(
        "profile: lab\nprofiles:\n  lab: {connection-string: x}\n  line-4: {connection-string: y}\n"
        "  plant: {connection-string: z}\n",
        file);
    fclose(file);
    assert_string_equal(suggest("profile\nuse\n"), "lab,line-4,plant,");
    assert_string_equal(suggest("profile\ndelete\nli"), "line-4,");
    assert_string_equal(suggest("profile\nshow\n--name\np"), "plant,");
    assert_string_equal(suggest("profile\nuse\n--n"), "--name,");
    assert_string_equal(suggest("profile\nuse\nlab\n"), "--name,--output,--query,--quiet,--help,");
    assert_string_equal(suggest("env\n--profile\nl"), "lab,line-4,");
    assert_string_equal(suggest("import\nazure-state\n"), "");
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    rmdir(home);
}

static void a_line_with_more_words_than_anybody_types_is_left_alone(void **state)
{
    struct buf words = {0};
    (void)state;
    buf_put_str(&words, "serve");
    for (unsigned i = 2; i < SUGGEST_WORDS_MAX; i++) buf_put_str(&words, "\n--ephemeral");
    buf_put_str(&words, "\n--l");
    assert_string_equal(suggest(buf_cstr(&words)), "--log-level,");
    buf_put_str(&words, "\n--l");
    suggested = CLI_FAILED;
    assert_string_equal(suggest(buf_cstr(&words)), "");
    suggested = CLI_DONE;
    buf_free(&words);
}

static void help_does_not_name_what_is_for_scripts(void **state)
{
    (void)state;
    const struct cli_verb *tables[CLI_TABLES_MAX];
    struct buf text = {0};
    cli_tables(more, tables);
    assert_true(cli_help_group(&text, "azm", SLICE_LIT("completion"), tables));
    assert_non_null(strstr(buf_cstr(&text), "completion bash"));
    assert_null(strstr(buf_cstr(&text), "suggest"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_verbs_are_completed_one_by_one),
        cmocka_unit_test(options_and_their_values_are_completed),
        cmocka_unit_test(profiles_are_completed_from_the_file),
        cmocka_unit_test(a_line_with_more_words_than_anybody_types_is_left_alone),
        cmocka_unit_test(help_does_not_name_what_is_for_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
