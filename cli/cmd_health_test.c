/* cmd_health_test.c - when a server is called healthy, and what is said when it is not. */
#include "base/test.h"

#include "cli/health.h"

struct seen {
    long status;
    const char *body, *said; /* `said` NULL: it is well */
};

static void only_who_acknowledges_is_well(void **state)
{
    static const struct seen all[] = {
        {200, "{\"status\":\"ready\"}", NULL},
        {503, "{\"status\":\"unready\",\"reason\":\"the disk is nearly full\"}",
         "hub does not acknowledge: the disk is nearly full (503)"},
        {503, "no healthy upstream", "hub does not acknowledge: no healthy upstream (503)"},
        {404, "{\"Message\":\"ErrorCode:InvalidOperation;no such path\"}",
         "hub does not acknowledge: no such path (404)"},
        {302, "", "hub does not acknowledge: it does not say why (302)"},
    };
    const struct target t = {.name = "hub"};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct arena arena = {0};
        struct http_answer a = {.status = all[i].status};
        buf_put_str(&a.body, all[i].body);
        if (json_parse(&arena, buf_slice(&a.body), &a.json) != OK) a.json = NULL;
        enum err e = health_of(&t, &a);
        assert_int_equal(e, all[i].said ? ERR_IO : OK);
        if (all[i].said) assert_string_equal(fail_text(), all[i].said);
        http_answer_free(&a);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_who_acknowledges_is_well)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
