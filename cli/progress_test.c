/* progress_test.c - which lines of JSON come, and what is in them. */
#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/progress.h"

static char said[4096];
static char path[] = "/tmp/progress-test-XXXXXX";
static int file, old;

static void begin(void)
{
    fflush(stderr);
    old = dup(STDERR_FILENO);
    file = mkstemp(path);
    dup2(file, STDERR_FILENO);
}

static const char *end(void)
{
    fflush(stderr);
    dup2(old, STDERR_FILENO);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    said[n < 0 ? 0 : n] = '\0';
    close(file);
    close(old);
    unlink(path);
    snprintf(path, sizeof path, "/tmp/progress-test-XXXXXX");
    return said;
}

static void beginning_and_end_of_a_step_are_told_and_little_between(void **state)
{
    struct progress p;
    struct progress_at at = {.step = "copying", .unit = "bytes", .total = 1000};
    (void)state;
    assert_int_equal(progress_init(&p, "json", false), OK);
    begin();
    for (; at.done < 1000; at.done++) {
        progress_show(&p, &at);
        p.shown_us = INT64_MAX / 2; /* now, for a long while */
    }
    at.ended = true;
    progress_show(&p, &at);
    progress_show(&p, &(struct progress_at){.step = "job",
                                            .unit = "devices",
                                            .done = 3,
                                            .failed = 1,
                                            .part = 0.5,
                                            .status = SLICE_LIT("run\"ning")});
    assert_string_equal(
        end(),
        "{\"step\":\"copying\",\"done\":0,\"total\":1000,\"unit\":\"bytes\",\"percent\":0}\n"
        "{\"step\":\"copying\",\"done\":1000,\"total\":1000,\"unit\":\"bytes\",\"percent\":100,"
        "\"ended\":true}\n"
        "{\"step\":\"job\",\"done\":3,\"unit\":\"devices\",\"percent\":50,\"failed\":1,"
        "\"status\":\"run\\\"ning\"}\n");
}

static void nobody_is_told_who_does_not_want_it(void **state)
{
    static const struct {
        const char *format;
        bool quiet;
        enum progress_how how;
    } rows[] = {{"json", false, PROGRESS_JSON}, {"json", true, PROGRESS_NONE},
                {"none", false, PROGRESS_NONE}, {NULL, false, PROGRESS_NONE},
                {"auto", false, PROGRESS_NONE}, {NULL, true, PROGRESS_NONE}};
    struct progress p;
    (void)state;
    begin(); /* stderr is no terminal from here on */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(progress_init(&p, rows[i].format, rows[i].quiet), OK);
        assert_int_equal(p.how, rows[i].how);
    }
    assert_int_equal(progress_init(&p, "xml", false), ERR_INVALID);
    progress_show(&p, &(struct progress_at){.step = "copying", .unit = "bytes"});
    assert_string_equal(end(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginning_and_end_of_a_step_are_told_and_little_between),
        cmocka_unit_test(nobody_is_told_who_does_not_want_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
