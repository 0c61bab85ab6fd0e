/* template_test.c - fields filled in, fields that are missing, names that are too long. */
#include "base/test.h"

#include "archive/template.h"

static void fill(struct template_fields *f, bool exact)
{
    static const char *const times[] = {"{YYYY}", "{MM}", "{DD}", "{HH}", "{mm}", NULL};
    *f = (struct template_fields){.exact = exact};
    template_text(f, "{iothub}", "hub");
    template_number(f, "{partition}", 1, 7);
    template_time(f, times, INT64_C(1700000000000000));
}

static void rows_are_filled_in(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}", "hub/7/2023/11/14/22/13"},
        {"{mm}{MM}-{mm}.json", "1311-13.json"},
        {"{IotHub}{}{x}{", "{IotHub}{}{x}{"},
        {"", ""},
    };
    struct template_fields f;
    char out[64];
    (void)state;
    fill(&f, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(template_write(&f, rows[i].text, out, sizeof out), OK);
        assert_string_equal(out, rows[i].want);
    }
}

static void case_matters_only_where_it_is_said_to(void **state)
{
    struct template_fields f;
    char out[16];
    (void)state;
    fill(&f, false);
    assert_int_equal(template_write(&f, "{IOTHUB}", out, sizeof out), OK);
    assert_string_equal(out, "hub");
    assert_null(template_missing(&f, "{IOTHUB}{PARTITION}{yyyy}{Mm}{dd}{hh}"));
    fill(&f, true);
    assert_string_equal(template_missing(&f, "{iothub}{partition}{YYYY}{MM}{DD}{HH}{MM}"), "{mm}");
    assert_string_equal(template_missing(&f, "{IOTHUB}"), "{iothub}");
}

static void what_is_no_field_is_found(void **state)
{
    static const struct {
        const char *text, *unknown;
    } rows[] = {
        {"a/{iothub}-{mm}{MM}", ""},
        {"", ""},
        {"{iothub}{foo}/{bar}", "{foo}"},
        {"{MM}{Mm}", "{Mm}"},
        {"{}", "{}"},
        {"a{", "{"},
        {"a}b", "}"},
        {"{{mm}}", "{"},
        {"{foo{mm}", "{"},
    };
    struct template_fields f;
    (void)state;
    fill(&f, true);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!slice_is(template_unknown(&f, rows[i].text), rows[i].unknown))
            fail_msg("row %zu: '%.*s'", i, SLICE_ARG(template_unknown(&f, rows[i].text)));
}

static void a_name_fits_or_is_refused(void **state)
{
    struct template_fields f;
    char out[8];
    (void)state;
    fill(&f, true);
    assert_int_equal(template_write(&f, "{iothub}{YYYY}", out, sizeof out), OK);
    assert_string_equal(out, "hub2023");
    assert_int_equal(template_write(&f, "{iothub}{YYYY}x", out, sizeof out), ERR_FULL);
    assert_int_equal(template_write(&f, "x{iothub}{YYYY}", out, sizeof out), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_filled_in),
        cmocka_unit_test(case_matters_only_where_it_is_said_to),
        cmocka_unit_test(what_is_no_field_is_found),
        cmocka_unit_test(a_name_fits_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
