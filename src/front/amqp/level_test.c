/* level_test.c - owner levels as clients meet them, across connections and cores. */
#include "base/test.h"

#include "base/metrics.h"
#include "front/amqp/testing/testing.h"

enum { CONNS = 8 };

struct stage {
    struct front_rig r;
    struct conn c[CONNS];
};

/* Connections on both cores by turns. */
static void start(struct stage *s)
{
    front_rig_init(&s->r);
    for (unsigned i = 0; i < CONNS; i++) rig_welcome(&s->r, &s->c[i], i % RIG_CORES);
}

static void stop(struct stage *s)
{
    for (unsigned i = 0; i < CONNS; i++) rig_close(&s->r, &s->c[i]);
    front_rig_fini(&s->r);
}

/* A reader named after its connection; `level` NULL: without one. */
static const char *attach(struct stage *s, unsigned i, const char *place, const char *level)
{
    rig_feed_format(
        &s->r, &s->c[i],
        "0 attach[\"l\" 0 true 2b 0b @40 [\"hub/ConsumerGroups/%s\"] @41 [\"me\"] null null "
        "null null null null {%s%s 'com.microsoft:receiver-name' \"reader-%u\"}]",
        place, level ? "'com.microsoft:epoch' " : "", level ? level : "", i);
    return rig_output(&s->c[i]);
}

static void assert_refused(const char *out, const char *words)
{
    assert_non_null(strstr(out, "0 attach[\"l\" 0 false 2b 0b null @41 [\"me\"]"));
    if (strstr(out, words) == NULL) fail_msg("%s\nhas no %s", out, words);
}

static void assert_welcome(const char *out)
{
    if (strstr(out, "detach") || !strstr(out, "0 attach[\"l\" 0 false 2b 0b @40 ["))
        fail_msg("%s", out);
}

#define P0 "$Default/Partitions/0"
#define P1 "$Default/Partitions/1"

static void a_higher_level_takes_over_on_any_core(void **state)
{
    (void)state;
    for (unsigned thief = 1; thief < 3; thief++) { /* on the other core, on the same one */
        struct stage s;
        start(&s);
        assert_welcome(attach(&s, 0, P1, "3L"));
        assert_welcome(attach(&s, thief, P1, "4L"));
        char want[400];
        snprintf(
            want, sizeof want,
            "0 detach[0 true @29 ['amqp:link:stolen' \"New receiver 'reader-%u' with higher epoch "
            "of '4' is created hence current receiver 'reader-0' with epoch '3' is getting "
            "disconnected. If you are recreating the receiver, make sure a higher epoch is "
            "used.\" null]]\n",
            thief);
        assert_string_equal(rig_output(&s.c[0]), want);
        stop(&s);
    }
}

/* The SDKs' processors attach with level 0, so a second host can only take over this way. */
static void an_equal_level_takes_over(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    assert_welcome(attach(&s, 0, P0, "0L"));
    assert_welcome(attach(&s, 1, P0, "0L"));
    assert_non_null(strstr(rig_output(&s.c[0]), "'amqp:link:stolen'"));
    rig_feed(&s.r, &s.c[0], "0 detach[0 true]");
    assert_welcome(attach(&s, 0, P0, "0L"));
    assert_non_null(strstr(rig_output(&s.c[1]), "'amqp:link:stolen'"));
    stop(&s);
}

static void a_level_ends_readers_without_one(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    for (unsigned i = 0; i < 4; i++) assert_welcome(attach(&s, i, P0, NULL));
    assert_welcome(attach(&s, 4, P0, "7L"));
    for (unsigned i = 0; i < 4; i++)
        assert_non_null(strstr(rig_output(&s.c[i]), "'amqp:link:stolen'"));
    stop(&s);
}

static void a_lower_level_or_none_is_refused(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    assert_welcome(attach(&s, 0, P0, "5L"));
    assert_refused(
        attach(&s, 1, P0, "4L"),
        "'amqp:link:stolen' \"Receiver 'reader-0' with a higher epoch '5' already exists. "
        "Receiver 'reader-1' with epoch 4 cannot be created.");
    assert_refused(attach(&s, 2, P0, NULL), "'amqp:link:stolen'");
    assert_string_equal(rig_output(&s.c[0]), "");
    stop(&s);
}

static void other_groups_and_partitions_do_not_matter(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    assert_welcome(attach(&s, 0, P0, "5L"));
    assert_welcome(attach(&s, 1, P1, "1L"));
    assert_welcome(attach(&s, 2, "g2/Partitions/0", "1L"));
    assert_refused(attach(&s, 3, "G2/partitions/0", "0L"), "'amqp:link:stolen'");
    stop(&s);
}

static void a_level_is_forgotten_when_its_reader_goes(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    assert_welcome(attach(&s, 0, P1, "5L"));
    rig_feed(&s.r, &s.c[0], "0 detach[0 true]");
    assert_welcome(attach(&s, 1, P1, "1L"));
    rig_close(&s.r, &s.c[1]);
    assert_welcome(attach(&s, 2, P1, NULL));
    rig_welcome(&s.r, &s.c[1], 1);
    stop(&s);
}

/* The claim is on its way when the connection goes: the release follows it. */
static void a_reader_that_goes_while_it_claims_leaves_nothing(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    rig_feed_only(&s.c[0], "0 attach[\"l\" 0 true 2b 0b @40 [\"hub/ConsumerGroups/" P1
                           "\"] null null null null null null null {'com.microsoft:epoch' 9L}]");
    rig_feed_only(&s.c[0], "0 detach[0 true]");
    front_rig_run(&s.r);
    assert_welcome(attach(&s, 1, P1, NULL));
    stop(&s);
}

static void readers_without_a_level_have_a_limit(void **state)
{
    (void)state;
    struct stage s;
    start(&s);
    for (unsigned i = 0; i < AMQP_READERS_MAX; i++) assert_welcome(attach(&s, i, P0, NULL));
    assert_refused(
        attach(&s, AMQP_READERS_MAX, P0, NULL),
        "'amqp:resource-limit-exceeded' \"Exceeded the maximum number of allowed receivers "
        "per partition in a consumer group which is 5.");
    assert_welcome(attach(&s, AMQP_READERS_MAX + 1, P1, NULL));
    rig_feed(&s.r, &s.c[2], "0 detach[0 true]");
    rig_feed(&s.r, &s.c[AMQP_READERS_MAX], "0 detach[0 true]");
    assert_welcome(attach(&s, AMQP_READERS_MAX, P0, NULL));
    stop(&s);
}

static void a_level_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const levels[] = {"-1L", "\"1\"", "true"};
    struct stage s;
    start(&s);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        assert_refused(attach(&s, 0, P0, levels[i]), "'com.microsoft:argument-error'");
        rig_feed(&s.r, &s.c[0], "0 detach[0 true]");
    }
    assert_welcome(attach(&s, 0, P0, "null")); /* as if it had not been said */
    assert_welcome(attach(&s, 1, P0, NULL));
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_level_takes_over_on_any_core),
        cmocka_unit_test(an_equal_level_takes_over),
        cmocka_unit_test(a_level_ends_readers_without_one),
        cmocka_unit_test(a_lower_level_or_none_is_refused),
        cmocka_unit_test(other_groups_and_partitions_do_not_matter),
        cmocka_unit_test(a_level_is_forgotten_when_its_reader_goes),
        cmocka_unit_test(a_reader_that_goes_while_it_claims_leaves_nothing),
        cmocka_unit_test(readers_without_a_level_have_a_limit),
        cmocka_unit_test(a_level_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
