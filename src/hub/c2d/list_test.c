/* list_test.c - what waits, page by page, read without taking anything; one message that goes. */
#include "hub/c2d/fixture_test.h"

#include "hub/c2d/test_sql.h"

struct view {
    struct c2d_wait wait;
    unsigned answers;
    enum status status;
    unsigned count;
    uint64_t last;
    bool more;
    struct {
        uint64_t sequence;
        unsigned delivery_count;
        bool invisible;
        char body[64];
    } rows[C2D_PAGE_MAX];
};

static void on_view(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct view *v = CONTAINER_OF(w, struct view, wait);
    v->answers++;
    v->status = a->status;
    v->count = a->count;
    v->last = a->last;
    v->more = a->more;
    for (unsigned i = 0; i < a->count; i++) {
        v->rows[i].sequence = a->listed[i].message.sequence;
        v->rows[i].delivery_count = a->listed[i].message.delivery_count;
        v->rows[i].invisible = a->listed[i].invisible;
        note_body(a->listed[i].message.sections, v->rows[i].body);
    }
}

static void ask_view(struct fixture *f, const char *device, uint64_t after, unsigned top,
                     struct view *v)
{
    *v = (struct view){.wait.fn = on_view, .status = STATUSES};
    c2d_list(far(f, device), slice_str(device), after, top, &v->wait);
}

static struct view list_after(struct fixture *f, const char *device, uint64_t after, unsigned top)
{
    struct view v;
    ask_view(f, device, after, top, &v);
    rig_run(&f->rig);
    assert_int_equal(v.answers, 1);
    return v;
}

static struct reply drop(struct fixture *f, const char *device, uint64_t sequence)
{
    struct reply r = waiting();
    c2d_drop(far(f, device), slice_str(device), sequence, &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 1);
    return r;
}

static void fill(struct fixture *f, const char *device, unsigned count)
{
    char body[16];
    for (unsigned i = 1; i <= count; i++) {
        snprintf(body, sizeof body, "m%u", i);
        assert_int_equal(send_as(f, device, body, "full", 0), STATUS_OK);
    }
}

static void expect_rows(const struct view *v, unsigned first, unsigned count, bool more)
{
    char body[16];
    assert_int_equal(v->status, STATUS_OK);
    assert_int_equal(v->count, count);
    assert_int_equal(v->more, more);
    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof body, "m%u", first + i);
        assert_int_equal(v->rows[i].sequence, first + i);
        assert_string_equal(v->rows[i].body, body);
    }
}

/* ---- */

static void a_page_has_sixteen_and_the_seventeenth_is_on_the_next(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    v = list_after(&f, "d", 0, C2D_PAGE_MAX);
    expect_rows(&v, 1, 0, false);
    fill(&f, "d", C2D_PAGE_MAX);
    v = list_after(&f, "d", 0, C2D_PAGE_MAX);
    expect_rows(&v, 1, C2D_PAGE_MAX, false);
    assert_int_equal(send(&f, "d", "m17"), STATUS_OK);
    v = list_after(&f, "d", 0, C2D_PAGE_MAX + 1);
    expect_rows(&v, 1, C2D_PAGE_MAX, true);
    v = list_after(&f, "d", v.last, C2D_PAGE_MAX);
    expect_rows(&v, 17, 1, false);
    fixture_fini(&f);
}

static void a_page_has_as_many_as_were_asked_for(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 3);
    v = list_after(&f, "d", 0, 2);
    expect_rows(&v, 1, 2, true);
    v = list_after(&f, "d", 0, 3);
    expect_rows(&v, 1, 3, false);
    fixture_restart(&f); /* nothing of the queue is in memory */
    v = list_after(&f, "d", 1, 3);
    expect_rows(&v, 2, 2, false);
    fixture_fini(&f);
}

static void large_messages_end_a_page_earlier_and_none_is_left_out(void **state)
{
    enum { MANY = C2D_PAGE_MAX + 1, LARGE = C2D_SIZE_MAX - 64 };
    struct fixture f;
    struct view v = {.more = true};
    unsigned seen = 0, pages = 0;
    char *body = mem_zero(LARGE);
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(send_draft(&f, "d", &(struct c2d_draft){.body = slice_of(body, LARGE)}),
                         STATUS_OK);
    for (; v.more; pages++) {
        v = list_after(&f, "d", v.last, C2D_PAGE_MAX);
        assert_int_equal(v.status, STATUS_OK);
        for (unsigned i = 0; i < v.count; i++) assert_int_equal(v.rows[i].sequence, ++seen);
    }
    assert_int_equal(seen, MANY);
    assert_int_equal(pages, 2);
    free(body);
    fixture_fini(&f);
}

static void looking_locks_nothing_and_shows_what_a_device_has(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 2);
    v = list_after(&f, "d", 0, 2);
    assert_false(v.rows[0].invisible || v.rows[1].invisible);
    struct reply r = receive(&f, "d", C2D_LOCK_US);
    assert_string_equal(r.body, "m1");
    v = list_after(&f, "d", 0, 2);
    assert_true(v.rows[0].invisible);
    assert_false(v.rows[1].invisible);
    assert_int_equal(settle(&f, "d", r.message.lock, C2D_ABANDON), STATUS_OK);
    v = list_after(&f, "d", 0, 2);
    assert_false(v.rows[0].invisible);
    assert_int_equal(v.rows[0].delivery_count, 1);
    r = receive(&f, "d", C2D_LOCK_US);
    assert_int_equal(settle(&f, "d", r.message.lock, C2D_COMPLETE), STATUS_OK);
    v = list_after(&f, "d", 0, 2);
    expect_rows(&v, 2, 1, false);
    fixture_fini(&f);
}

static void one_goes_and_its_sender_hears_that_it_was_purged(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 3);
    assert_int_equal(drop(&f, "d", 2).count, 1);
    assert_int_equal(rows_of(&f, &sql_test_c2d_count, "d"), 2);
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "d"), 1);
    v = list_after(&f, "d", 1, 2);
    expect_rows(&v, 3, 1, false);
    assert_int_equal(drop(&f, "d", 2).count, 0); /* it is gone already */
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "d"), 1);
    fixture_fini(&f);
}

static void one_that_a_device_has_goes_and_its_lock_with_it(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 1);
    struct reply r = receive(&f, "d", C2D_LOCK_US);
    assert_int_equal(drop(&f, "d", r.message.sequence).count, 1);
    assert_int_equal(settle(&f, "d", r.message.lock, C2D_COMPLETE),
                     STATUS_DEVICE_MESSAGE_LOCK_LOST);
    fixture_fini(&f);
}

static void who_is_not_registered_has_no_list(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    assert_int_equal(list_after(&f, "d", 0, 1).status, STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(drop(&f, "d", 1).status, STATUS_DEVICE_NOT_FOUND);
    create(&f, "d");
    fill(&f, "d", 1);
    ask_view(&f, "d", 0, 1, &v);
    destroy(&f, "d"); /* while the store is asked */
    assert_int_equal(v.answers, 1);
    assert_int_equal(list_after(&f, "d", 0, 1).status, STATUS_DEVICE_NOT_FOUND);
    fixture_fini(&f);
}

static void a_list_under_way_at_the_end_is_let_go(void **state)
{
    struct fixture f;
    struct view v;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 1);
    ask_view(&f, "d", 0, 1, &v);
    rig_on(f.rig.cores[home_of(&f, "d")]);
    (void)lane_run_once(f.rig.cores[home_of(&f, "d")], rig_mono_us);
    fixture_fini(&f);
    assert_int_equal(v.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_has_sixteen_and_the_seventeenth_is_on_the_next),
        cmocka_unit_test(a_page_has_as_many_as_were_asked_for),
        cmocka_unit_test(large_messages_end_a_page_earlier_and_none_is_left_out),
        cmocka_unit_test(looking_locks_nothing_and_shows_what_a_device_has),
        cmocka_unit_test(one_goes_and_its_sender_hears_that_it_was_purged),
        cmocka_unit_test(one_that_a_device_has_goes_and_its_lock_with_it),
        cmocka_unit_test(who_is_not_registered_has_no_list),
        cmocka_unit_test(a_list_under_way_at_the_end_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
