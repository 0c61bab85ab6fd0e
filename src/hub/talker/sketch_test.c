/* sketch_test.c - whoever sends much has a place, and who has one is told what it has sent at least. */
#include "base/test.h"

#include <string.h>

#include "hub/talker/sketch.h"

#define WINDOW_US (TALKERS_WINDOW_S * 1000000ll)
#define NOW_US    (11000000 * WINDOW_US) /* a window begins */

static struct sketch sketch;
static struct buf found;

static int set_up(void **state)
{
    (void)state;
    memset(&sketch, 0, sizeof sketch);
    buf_clear(&found);
    return 0;
}

static void send(const char *id, unsigned times, size_t bytes, int64_t at_us)
{
    for (unsigned i = 0; i < times; i++) talker_count(&sketch, slice_str(id), bytes, at_us);
}

static bool exact_at(int64_t at_us)
{
    buf_clear(&found);
    return sketch_put(&sketch, sketch_window_of(at_us), &found);
}

/* What it has sent, as far as it is known, summed over the windows; {0}: it has no place. */
static struct talker counted(const char *id)
{
    struct talker sum = {0};
    const struct talker *t = (const void *)found.ptr;
    for (size_t i = 0; i < buf_size(&found) / sizeof *t; i++) {
        if (!slice_is(slice_of(t[i].id, t[i].id_len), id)) continue;
        sum.messages += t[i].messages;
        sum.bytes += t[i].bytes;
    }
    return sum;
}

/* The n-th id that is counted in the set of "d". */
static const char *neighbour(unsigned n)
{
    static char id[16];
    for (unsigned i = 0;; i++) {
        snprintf(id, sizeof id, "n%u", i);
        if (sketch_set_of(slice_str(id)) == sketch_set_of(SLICE_LIT("d")) && n-- == 0) return id;
    }
}

static void messages_and_bytes_are_counted(void **state)
{
    char longest[HUB_ID_LEN_MAX + 1];
    (void)state;
    memset(longest, 'x', HUB_ID_LEN_MAX);
    longest[HUB_ID_LEN_MAX] = 0;
    send("d", 3, 100, NOW_US);
    send(longest, 1, 0, NOW_US);
    assert_true(exact_at(NOW_US));
    assert_int_equal(buf_size(&found), 2 * sizeof(struct talker));
    assert_int_equal(counted("d").messages, 3);
    assert_int_equal(counted("d").bytes, 300);
    assert_int_equal(counted(longest).messages, 1);
    talker_count(NULL, SLICE_LIT("d"), 1, NOW_US);
}

static void eight_have_a_place_and_a_ninth_takes_the_least_ones(void **state)
{
    (void)state;
    send("d", 2, 10, NOW_US);
    for (unsigned i = 0; i < SKETCH_WAYS - 1; i++) send(neighbour(i), i == 4 ? 1 : 3, 10, NOW_US);
    assert_true(exact_at(NOW_US));
    assert_int_equal(buf_size(&found), SKETCH_WAYS * sizeof(struct talker));
    send(neighbour(SKETCH_WAYS - 1), 1, 10, NOW_US);
    assert_false(exact_at(NOW_US));
    assert_int_equal(counted(neighbour(4)).messages, 0);
    assert_int_equal(counted(neighbour(SKETCH_WAYS - 1)).messages, 1);
    assert_int_equal(counted("d").messages, 2);
}

static void who_sends_much_keeps_its_place_in_a_crowd(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        send(neighbour(i % 100), 1, 10, NOW_US);
        if (i % 4 == 0) send("d", 1, 10, NOW_US); /* a fifth of them */
    }
    assert_false(exact_at(NOW_US));
    assert_in_range(counted("d").messages, 450, 500);
    assert_in_range(counted("d").bytes, 4500, 5000);
}

static void a_large_message_weighs_as_many_units_as_it_begins(void **state)
{
    (void)state;
    send("d", 1, TALKERS_UNIT + 1, NOW_US); /* 2 */
    send(neighbour(0), 1, TALKERS_UNIT, NOW_US);
    for (unsigned i = 1; i < SKETCH_WAYS - 1; i++) send(neighbour(i), 3, 10, NOW_US);
    send(neighbour(SKETCH_WAYS), 1, 10, NOW_US);
    exact_at(NOW_US);
    assert_int_equal(counted(neighbour(0)).messages, 0);
    assert_int_equal(counted("d").bytes, TALKERS_UNIT + 1);
}

static void the_window_before_counts_and_older_ones_do_not(void **state)
{
    (void)state;
    send("d", 1, 10, NOW_US - 1);
    send("d", 2, 10, NOW_US);
    exact_at(NOW_US + WINDOW_US - 1);
    assert_int_equal(counted("d").messages, 3);
    exact_at(NOW_US + WINDOW_US);
    assert_int_equal(counted("d").messages, 2);
    send("d", 4, 10, NOW_US + WINDOW_US);
    exact_at(NOW_US + WINDOW_US);
    assert_int_equal(counted("d").messages, 6);
    exact_at(NOW_US + 3 * WINDOW_US);
    assert_int_equal(counted("d").messages, 0);
}

static void a_clock_that_is_set_back_begins_anew(void **state)
{
    (void)state;
    send("d", 5, 10, NOW_US);
    send("d", 1, 10, NOW_US - 10 * WINDOW_US);
    send("d", 1, 10, NOW_US - 9 * WINDOW_US);
    exact_at(NOW_US - 9 * WINDOW_US);
    assert_int_equal(counted("d").messages, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_and_bytes_are_counted, set_up),
        cmocka_unit_test_setup(eight_have_a_place_and_a_ninth_takes_the_least_ones, set_up),
        cmocka_unit_test_setup(who_sends_much_keeps_its_place_in_a_crowd, set_up),
        cmocka_unit_test_setup(a_large_message_weighs_as_many_units_as_it_begins, set_up),
        cmocka_unit_test_setup(the_window_before_counts_and_older_ones_do_not, set_up),
        cmocka_unit_test_setup(a_clock_that_is_set_back_begins_anew, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&found);
    return failed;
}
