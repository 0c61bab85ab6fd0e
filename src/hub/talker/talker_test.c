/* talker_test.c - what the cores have counted, as one answer. */
#include "base/test.h"

#include "hub/talker/talker.h"

enum { CORES = 2 };

#define WINDOW_US (TALKERS_WINDOW_S * 1000000ll)
#define NOW_US    (11000000 * WINDOW_US)

static struct office office;
static struct lane lanes[CORES];
static struct hub hub;
static struct talkers *talkers;

static int set_up(void **state)
{
    (void)state;
    office = (struct office){0};
    hub = (struct hub){.office = &office, .core_count = CORES};
    for (unsigned i = 0; i < CORES; i++) {
        lane_init(&lanes[i], &office, "core");
        hub.cores[i] = lanes[i].id;
    }
    talkers = talkers_new(&hub);
    for (unsigned i = 0; i < CORES; i++) talkers_attach(talkers, &lanes[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talkers_free(talkers);
    for (unsigned i = 0; i < CORES; i++) lane_fini(&lanes[i]);
    return 0;
}

static void run(void)
{
    for (int turn = 0; turn < 4; turn++)
        for (unsigned i = 0; i < CORES; i++) lane_run_once(&lanes[i], NOW_US);
}

static void send(unsigned core, const char *id, unsigned times, size_t bytes, int64_t at_us)
{
    for (unsigned i = 0; i < times; i++)
        talker_count(talkers_of(talkers, &lanes[core]), slice_str(id), bytes, at_us);
}

static struct buf said; /* "dev1*3/300 dev2*1/10 exact" */
static unsigned answers;

static void on_page(struct talker_wait *w, const struct talker_page *page)
{
    (void)w;
    answers++;
    buf_clear(&said);
    for (size_t i = 0; i < page->count; i++)
        buf_printf(&said, "%.*s*%llu/%llu ", (int)page->items[i].id_len,
                   (const char *)page->items[i].id, (unsigned long long)page->items[i].messages,
                   (unsigned long long)page->items[i].bytes);
    if (page->exact) buf_put_str(&said, "exact");
    assert_int_equal(page->from_us, NOW_US - WINDOW_US);
}

static const char *ask(enum talker_order by, unsigned top)
{
    struct talker_wait w = {.fn = on_page};
    talkers_ask(talkers, &lanes[1], by, top, NOW_US + 5, &w);
    run();
    assert_null(w.gather);
    return buf_cstr(&said);
}

static void a_device_is_one_whatever_core_it_came_to(void **state)
{
    (void)state;
    assert_string_equal(ask(TALKERS_BY_MESSAGES, 10), "exact");
    send(0, "roams", 2, 10, NOW_US - 1);
    send(0, "roams", 1, 10, NOW_US);
    send(1, "roams", 3, 10, NOW_US);
    send(1, "stays", 5, 100, NOW_US);
    assert_string_equal(ask(TALKERS_BY_MESSAGES, 10), "roams*6/60 stays*5/500 exact");
    assert_string_equal(ask(TALKERS_BY_BYTES, 10), "stays*5/500 roams*6/60 exact");
    assert_string_equal(ask(TALKERS_BY_BYTES, 1), "stays*5/500 exact");
}

static void one_core_that_forgot_somebody_makes_the_answer_inexact(void **state)
{
    char id[16];
    (void)state;
    for (unsigned i = 0; i <= TALKERS_TRACKED; i++) {
        snprintf(id, sizeof id, "d%u", i);
        send(0, id, 1, 1, NOW_US);
    }
    send(1, "loud", 9, 1, NOW_US);
    assert_string_equal(ask(TALKERS_BY_MESSAGES, 1), "loud*9/9 ");
}

static void who_does_not_want_to_know_any_more_is_not_told(void **state)
{
    struct talker_wait w = {.fn = on_page};
    (void)state;
    answers = 0;
    talkers_ask(talkers, &lanes[0], TALKERS_BY_MESSAGES, TALKERS_TOP_MAX, NOW_US, &w);
    talkers_forget(&w);
    run();
    assert_int_equal(answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_is_one_whatever_core_it_came_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_core_that_forgot_somebody_makes_the_answer_inexact,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_want_to_know_any_more_is_not_told, set_up,
                                        tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&said);
    return failed;
}
