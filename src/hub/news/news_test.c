/* news_test.c - what is told is kept for a while, in order; what is too much is counted. */
#include "base/test.h"

#include "base/clock.h"
#include "hub/news/news.h"

enum { CORES = 2 };

static struct office office;
static struct lane lanes[CORES];
static struct hub hub;
static struct news *news;
static int64_t now_us;

static int64_t clock_now(void)
{
    return now_us;
}

static int set_up(void **state)
{
    static const struct clock_source source = {clock_now, clock_now};
    (void)state;
    clock_use(&source);
    now_us = 1800000000000000;
    office = (struct office){0};
    hub = (struct hub){.office = &office, .core_count = CORES};
    for (unsigned i = 0; i < CORES; i++) {
        lane_init(&lanes[i], &office, "core");
        hub.cores[i] = lanes[i].id;
    }
    news = news_new(&hub);
    for (unsigned i = 0; i < CORES; i++) news_attach(news, &lanes[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    news_free(news);
    for (unsigned i = 0; i < CORES; i++) lane_fini(&lanes[i]);
    return 0;
}

static void tell(unsigned core, const char *json)
{
    news_tell(news, &lanes[core], NEWS_METHOD, SLICE_LIT("d1"), slice_str(json));
}

static void run(void)
{
    lane_run_once(&lanes[0], now_us);
}

/* Told by the other core, and taken. */
static void tell_many(unsigned count, struct slice json)
{
    for (unsigned i = 0; i < count; i++) {
        news_tell(news, &lanes[1], NEWS_REFUSED, SLICE_NONE, json);
        run();
    }
}

/* How many there are from that number on. */
static unsigned count_from(uint64_t at, uint64_t *missed)
{
    struct news_item item;
    unsigned count = 0;
    *missed = 0;
    while (news_next(news, &at, &item, missed)) count++;
    assert_int_equal(at, news_end(news));
    return count;
}

static void what_is_told_is_read_in_order(void **state)
{
    uint64_t at = news_end(news), missed = 0;
    struct news_item item;
    (void)state;
    assert_false(news_next(news, &at, &item, &missed));
    tell(1, "{\"n\":1}");
    run();
    tell(0, "{\"n\":2}");
    run();
    assert_true(news_next(news, &at, &item, &missed));
    assert_true(slice_is(item.json, "{\"n\":1}"));
    assert_true(slice_is(item.device, "d1"));
    assert_int_equal(item.kind, NEWS_METHOD);
    assert_int_equal(item.at_us, now_us);
    assert_true(news_next(news, &at, &item, &missed));
    assert_true(slice_is(item.json, "{\"n\":2}"));
    assert_false(news_next(news, &at, &item, &missed));
    assert_int_equal(missed, 0);
    news_tell(NULL, &lanes[0], NEWS_METHOD, SLICE_NONE, SLICE_LIT("{}"));
}

static void one_begins_at_a_time(void **state)
{
    uint64_t begin = news_end(news);
    (void)state;
    tell(0, "{}");
    run();
    now_us += 1000000;
    tell(0, "{}");
    run();
    assert_int_equal(news_since(news, 0), begin);
    assert_int_equal(news_since(news, now_us), begin + 1);
    assert_int_equal(news_since(news, now_us + 1), begin + 2);
}

static unsigned came;

static void on_came(struct news_watch *w)
{
    (void)w;
    came++;
}

static void who_watches_hears_of_it(void **state)
{
    struct news_watch watch = {.came = on_came};
    (void)state;
    came = 0;
    news_watch(news, &watch);
    tell(0, "{}");
    run();
    assert_int_equal(came, 1);
    news_unwatch(&watch);
    tell(0, "{}");
    run();
    assert_int_equal(came, 1);
}

static void so_many_are_kept_and_who_comes_late_is_told_what_he_missed(void **state)
{
    uint64_t begin = news_end(news), missed;
    (void)state;
    tell_many(NEWS_KEPT_MAX, SLICE_LIT("{}"));
    assert_int_equal(count_from(begin, &missed), NEWS_KEPT_MAX);
    assert_int_equal(missed, 0);
    tell_many(1, SLICE_LIT("{}"));
    assert_int_equal(count_from(begin, &missed), NEWS_KEPT_MAX);
    assert_int_equal(missed, 1);
    assert_int_equal(count_from(begin + 5, &missed), NEWS_KEPT_MAX - 4);
    assert_int_equal(missed, 0);
}

static void so_many_bytes_are_kept(void **state)
{
    static uint8_t large[NEWS_ITEM_MAX];
    uint64_t begin = news_end(news), missed;
    (void)state;
    tell_many(NEWS_BYTES_MAX / NEWS_ITEM_MAX + 8, slice_of(large, sizeof large));
    unsigned kept = count_from(begin, &missed);
    assert_in_range(kept, NEWS_BYTES_MAX / NEWS_ITEM_MAX - 8, NEWS_BYTES_MAX / NEWS_ITEM_MAX);
    assert_int_equal(kept + missed, NEWS_BYTES_MAX / NEWS_ITEM_MAX + 8);
}

static void what_is_too_long_is_passed_over_and_counted(void **state)
{
    static uint8_t large[NEWS_ITEM_MAX + 1];
    uint64_t begin = news_end(news), missed;
    (void)state;
    tell_many(1, slice_of(large, NEWS_ITEM_MAX));
    tell_many(1, slice_of(large, NEWS_ITEM_MAX + 1));
    tell_many(1, SLICE_LIT("{}"));
    assert_int_equal(count_from(begin, &missed), 2);
    assert_int_equal(missed, 1);
}

static void a_core_that_tells_too_much_at_once_is_passed_over(void **state)
{
    uint64_t begin = news_end(news), missed;
    (void)state;
    for (unsigned i = 0; i < NEWS_UNDER_WAY_MAX + 3; i++) tell(1, "{}");
    tell(0, "{}");
    run();
    assert_int_equal(count_from(begin, &missed), NEWS_UNDER_WAY_MAX + 1);
    tell(1, "{}");
    run();
    assert_int_equal(count_from(begin, &missed), NEWS_UNDER_WAY_MAX + 2);
    assert_int_equal(missed, 3);
}

static void of_the_process_before_nothing_is_missed(void **state)
{
    uint64_t missed;
    (void)state;
    tell(0, "{}");
    run();
    assert_int_equal(count_from(1795000000000000, &missed), 1);
    assert_int_equal(missed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_told_is_read_in_order),
        TEST(one_begins_at_a_time),
        TEST(who_watches_hears_of_it),
        TEST(so_many_are_kept_and_who_comes_late_is_told_what_he_missed),
        TEST(so_many_bytes_are_kept),
        TEST(what_is_too_long_is_passed_over_and_counted),
        TEST(a_core_that_tells_too_much_at_once_is_passed_over),
        TEST(of_the_process_before_nothing_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
