/* known_test.c - who is kept, and for how long. */
#include "capture/known.h"

#include "base/amqp.h"
#include "base/test.h"

static struct known table[KNOWN_COUNT];

static void put_device(struct buf *out, const char *name)
{
    buf_clear(out);
    amqp_put_sym(out, "iothub-connection-device-id");
    amqp_put_str(out, name);
}

static void keep(struct known *k, const struct buf *pairs, size_t properties, size_t to)
{
    static const uint8_t zeroes[2 * KNOWN_TO_MAX];
    const struct known_message m = {.pairs = buf_slice(pairs),
                                    .properties = slice_of(zeroes, properties),
                                    .to = slice_of(zeroes, to),
                                    .pairs_to = to,
                                    .pair_count = 1,
                                    .count = 1};
    known_keep(k, &m);
}

static void what_is_as_long_as_a_place_is_kept(void **state)
{
    struct buf pairs = {0};
    (void)state;
    put_device(&pairs, "press-1");
    for (size_t more = 0; more < 2; more++) {
        struct known k = {0};
        keep(&k, &pairs, KNOWN_FROM_MAX - buf_size(&pairs) + more, 50);
        assert_int_equal(known_has_pairs(&k, buf_slice(&pairs)), more == 0);
        k = (struct known){0};
        keep(&k, &pairs, 0, KNOWN_TO_MAX + more);
        assert_int_equal(known_has_pairs(&k, buf_slice(&pairs)), more == 0);
    }
    buf_free(&pairs);
}

static void a_place_is_given_away_after_so_many_others(void **state)
{
    struct buf first = {0}, second = {0};
    struct known k = {0};
    (void)state;
    put_device(&first, "press-1");
    put_device(&second, "press-2");
    keep(&k, &first, 0, 50);
    for (int others = 1; others <= KNOWN_STAYS; others++) {
        keep(&k, &second, 0, 50);
        assert_int_equal(known_has_pairs(&k, buf_slice(&first)), others < KNOWN_STAYS);
    }
    assert_true(known_has_pairs(&k, buf_slice(&second)));
    buf_free(&first);
    buf_free(&second);
}

static void only_short_texts_and_one_time_are_kept(void **state)
{
    struct buf pairs = {0};
    (void)state;
    for (int times = 0; times < 3; times++) {
        struct known k = {0};
        put_device(&pairs, "press-1");
        for (int i = 0; i < times; i++) {
            amqp_put_sym(&pairs, "at");
            amqp_put_timestamp(&pairs, 1000 + i);
        }
        keep(&k, &pairs, 0, 50);
        assert_int_equal(known_has_pairs(&k, buf_slice(&pairs)), times < 2);
        if (times == 1) assert_int_equal(known_time(&k, buf_slice(&pairs)), 1000);
    }
    buf_free(&pairs);
}

static void who_has_no_short_name_has_no_place(void **state)
{
    static const struct slice rows[] = {
        SLICE_LIT(""),
        SLICE_LIT("\xa3"),
        SLICE_LIT("\xa3\x02k"),
        SLICE_LIT("\xa3\x01k\x40"),
        SLICE_LIT("\xa3\x01k\xa1\x01v"), /* shorter than what is looked at */
        SLICE_LIT("\xa3\x01k\xb1\x00\x00\x00\x01v")};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_null(known_place(table, rows[i]));
    assert_non_null(known_place(table, SLICE_LIT("\xa3\x02id\xa1\x02"
                                                 "d1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_long_as_a_place_is_kept),
        cmocka_unit_test(a_place_is_given_away_after_so_many_others),
        cmocka_unit_test(only_short_texts_and_one_time_are_kept),
        cmocka_unit_test(who_has_no_short_name_has_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
