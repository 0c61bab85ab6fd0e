/* command_test.c - verbs, options, help and statuses. */
#include "base/test.h"

#include "cli/command.h"

static struct {
    char first[64], second[64], data[64];
    int count;
    enum err answer;
} seen;

static const char *text(const char *value)
{
    return value ? value : "(none)";
}

static enum err note(struct cli *c)
{
    seen.count++;
    snprintf(seen.first, sizeof seen.first, "%s", text(cli_value(c, "first")));
    snprintf(seen.second, sizeof seen.second, "%s", text(cli_value(c, "second")));
    snprintf(seen.data, sizeof seen.data, "%s", text(cli_data(c)));
    return seen.answer ? fail(seen.answer, "as the test wants") : OK;
}

static int raw(int argc, char **argv)
{
    return argc * 10 + (argc ? argv[0][0] == '-' : 0);
}

static const struct cli_option options[] = {
    {"first f ff", "TEXT", "the first"}, {"second", NULL, "a switch"}, {"", NULL, NULL}};

static const struct cli_option word_options[] = {
    {"first f", "WORD...", "many"}, {"second s", "BOOL", "true or false"}, {"", NULL, NULL}};

static const struct cli_option body_options[] = {{"data da", "TEXT", "a message"},
                                                 {"", NULL, NULL}};

static const struct cli_verb verbs[] = {
    {.words = "test note", .summary = "Notes", .options = options, .run = note, .alias = "note"},
    {.words = "test note again", .summary = "Notes", .options = options, .run = note},
    {.words = "test body",
     .summary = "Sends",
     .kind = CLI_CONNECTS | CLI_BODY,
     .options = body_options,
     .run = note},
    {.words = "test words", .summary = "Notes", .options = word_options, .run = note},
    {.words = "raw", .summary = "Takes all", .main = raw},
    {.words = NULL},
};

static int run(const char *line)
{
    static char copy[256];
    char *argv[20] = {"/usr/bin/azm"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    memset(&seen, 0, offsetof(typeof(seen), answer));
    return cli_main(argc, argv, verbs);
}

static void options_have_long_names_letters_and_equal_signs(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "test note --first x --second", "test note -f x --second", "test note --ff=x --second",
        "test note --second -f x",      "note --first x --second", "test note again -f x --second"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (run(lines[i]) != CLI_DONE || seen.count != 1) fail_msg("%s", lines[i]);
        assert_string_equal(seen.first, "x");
        assert_string_equal(seen.second, "");
    }
    assert_int_equal(run("test note"), CLI_DONE);
    assert_string_equal(seen.first, "(none)");
    static const char *const switches[][2] = {
        {"test note --second true", ""},        {"test note --second=True", ""},
        {"test note --second false", "(none)"}, {"test note --second --second=FALSE", "(none)"},
        {"test note --second true -f x", ""},
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (run(switches[i][0]) != CLI_DONE) fail_msg("%s", switches[i][0]);
        assert_string_equal(seen.second, switches[i][1]);
    }
}

static void many_words_go_up_to_the_next_option(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"test words --first a b -s",
         "a\x1f"
         "b",
         "true"},
        {"test words -s -f a", "a", "true"},
        {"test words -s false --first=a b --first c,d",
         "a\x1f"
         "b\x1e\x1f"
         "c,d",
         "false"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(run(rows[i][0]), CLI_DONE);
        assert_string_equal(seen.first, rows[i][1]);
        assert_string_equal(seen.second, rows[i][2]);
    }
    struct slice rest = slice_str("a\x1f"
                                  "b\x1e\x1f"
                                  "c, d"),
                 word;
    assert_true(cli_next_word(&rest, &word) && slice_is(word, "a"));
    assert_true(cli_next_name(&rest, &word) && slice_is(word, "b"));
    struct slice names = rest;
    assert_true(cli_next_word(&rest, &word) && slice_is(word, "c, d"));
    assert_false(cli_next_word(&rest, &word));
    assert_true(cli_next_name(&names, &word) && slice_is(word, "c"));
    assert_true(cli_next_name(&names, &word) && slice_is(word, "d"));
    assert_false(cli_next_name(&names, &word));
}

static void what_is_not_an_option_is_a_usage_error(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "test note --third",      "test note x",          "test note -x", "test note --first",
        "test note --second=yes", "test note -",          "test note --", "test note --data d",
        "test note -o xml",       "test note --query a[", "nonsense",     "test nonsense"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run(lines[i]) != CLI_USAGE || seen.count) fail_msg("%s", lines[i]);
}

static void help_runs_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"--help", "test --help", "test -h", "test note --help",
                                        "test note --wrong -h"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run(lines[i]) != CLI_DONE || seen.count) fail_msg("%s", lines[i]);
    assert_int_equal(run("nonsense --help"), CLI_USAGE);
}

static void errors_become_statuses(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        enum cli_status status;
    } rows[] = {
        {ERR_INVALID, CLI_USAGE},     {ERR_NOT_FOUND, CLI_NOT_FOUND},   {ERR_DENIED, CLI_REFUSED},
        {ERR_EXPIRED, CLI_REFUSED},   {ERR_TIMEOUT, CLI_TIMED_OUT},     {ERR_EXISTS, CLI_CONFLICT},
        {ERR_CONFLICT, CLI_CONFLICT}, {ERR_PRECONDITION, CLI_CONFLICT}, {ERR_IO, CLI_FAILED},
        {ERR_CLOSED, CLI_FAILED},     {ERR_THROTTLED, CLI_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        seen.answer = rows[i].e;
        assert_int_equal(run("note"), rows[i].status);
    }
    seen.answer = OK;
}

static void data_may_be_a_message_or_a_directory(void **state)
{
    (void)state;
    char directory[] = "/tmp/command-test-XXXXXX", path[64], line[128];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/azimuth.sock", directory);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    snprintf(line, sizeof line, "test body --data %s --da hello", directory);
    assert_int_equal(run(line), CLI_DONE);
    assert_string_equal(seen.data, directory);
    assert_int_equal(run("test body --data hello"), CLI_DONE);
    assert_string_equal(seen.data, "(none)");
    remove(path);
    remove(directory);
}

static void a_verb_with_its_own_main_gets_the_words_behind_it(void **state)
{
    (void)state;
    assert_int_equal(run("raw"), 0);
    assert_int_equal(run("raw --help"), 11);
    assert_int_equal(run("raw a b"), 20);
}

static void every_verb_of_ours_has_its_help(void **state)
{
    (void)state;
    const struct cli_verb *tables[CLI_TABLES_MAX];
    cli_tables(NULL, tables);
    for (size_t t = 0; tables[t]; t++) {
        for (const struct cli_verb *v = tables[t]; v->words; v++) {
            char line[128];
            snprintf(line, sizeof line, "%s --help", v->words);
            assert_int_equal(run(line), CLI_DONE);
            assert_non_null(v->summary);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_long_names_letters_and_equal_signs),
        cmocka_unit_test(many_words_go_up_to_the_next_option),
        cmocka_unit_test(what_is_not_an_option_is_a_usage_error),
        cmocka_unit_test(help_runs_nothing),
        cmocka_unit_test(errors_become_statuses),
        cmocka_unit_test(data_may_be_a_message_or_a_directory),
        cmocka_unit_test(a_verb_with_its_own_main_gets_the_words_behind_it),
        cmocka_unit_test(every_verb_of_ours_has_its_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
