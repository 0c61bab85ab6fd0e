/* way_test.c - how often an event hub may be somewhere else. */
#include "base/test.h"

#include "cli/way.h"

static void a_few_redirects_are_followed_and_no_more(void **state)
{
    struct cli cli = {0};
    struct target t = {.cli = &cli,
                       .login = {.kind = CONNSTR_SERVICE,
                                 .host = SLICE_LIT("hub.test"),
                                 .policy = SLICE_LIT("service"),
                                 .key = SLICE_LIT("c2VjcmV0")}};
    const struct events_event ev = {
        .host = SLICE_LIT("127.0.0.1"), .entity = SLICE_LIT("other"), .port = 5671};
    struct events_config cfg = {.host = "hub.test", .entity = "messages/events", .login = "me"};
    struct line_to to = {0};
    unsigned redirects = 0;
    (void)state;
    while (redirects < WAY_REDIRECTS_MAX)
        assert_int_equal(way_follow(&t, &ev, &redirects, &cfg, &to), OK);
    assert_string_equal(cfg.host, "127.0.0.1");
    assert_string_equal(cfg.entity, "other");
    assert_null(cfg.login);
    assert_int_equal(way_follow(&t, &ev, &redirects, &cfg, &to), ERR_PROTOCOL);
    assert_non_null(strstr(fail_text(), "round in circles"));
    arena_free(&cli.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_few_redirects_are_followed_and_no_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
