/* consumer_group_test.c - names, limits, and that every core knows. */
#include "base/limit.h"
#include "store/rig.h"

#include "hub/consumer_group/consumer_group.h"

struct fixture {
    struct rig rig;
    struct hub hub;
    struct consumer_groups *groups[RIG_CORES_MAX];
};

static void open_groups(struct fixture *f)
{
    f->hub = (struct hub){.office = &f->rig.office,
                          .core_count = f->rig.core_count,
                          .store = f->rig.store,
                          .created_us = 12};
    for (unsigned i = 0; i < f->rig.core_count; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < f->rig.core_count; i++)
        assert_int_equal(consumer_groups_new(&f->hub, f->rig.cores[i], &f->groups[i]), OK);
}

static void close_groups(struct fixture *f)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) consumer_groups_free(f->groups[i]);
}

static void restart(struct fixture *f)
{
    close_groups(f);
    rig_restart(&f->rig);
    open_groups(f);
}

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    rig_init_cores(&f->rig, io_mem_new(), 3);
    open_groups(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close_groups(f);
    rig_fini(&f->rig);
    free(f);
    return 0;
}

struct asker {
    struct consumer_group_wait wait;
    struct fixture *fixture;
    const char *name;
    unsigned answers;
    enum err result;
    bool known_everywhere;
};

static bool known_everywhere(struct fixture *f, const char *name)
{
    bool known = true;
    for (unsigned i = 0; i < f->rig.core_count; i++)
        known = known && consumer_group_exists(f->groups[i], 0, slice_str(name));
    return known;
}

static void note_result(struct consumer_group_wait *w, enum err result)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    a->known_everywhere = known_everywhere(a->fixture, a->name);
}

static struct consumer_groups *on_core(struct fixture *f, unsigned core, struct asker *a,
                                       const char *name)
{
    *a = (struct asker){.wait.fn = note_result, .fixture = f, .name = name};
    rig_on(f->rig.cores[core]);
    return f->groups[core];
}

static enum err create(struct fixture *f, unsigned core, const char *name)
{
    struct asker a;
    consumer_group_create(on_core(f, core, &a, name), 0, slice_str(name), &a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.answers, 1);
    if (a.result == OK) assert_true(a.known_everywhere);
    return a.result;
}

static enum err drop(struct fixture *f, unsigned core, const char *name)
{
    struct asker a;
    consumer_group_delete(on_core(f, core, &a, name), 0, slice_str(name), &a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.answers, 1);
    return a.result;
}

static void collect(void *ctx, const char *name, int64_t created_us)
{
    assert_true(created_us > 0);
    struct buf *names = ctx;
    buf_printf(names, "%s ", name);
}

static void expect_list(struct fixture *f, unsigned stream, const char *expected)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        struct buf names = {0};
        consumer_group_list(f->groups[i], stream, collect, &names);
        assert_string_equal(buf_cstr(&names), expected);
        buf_free(&names);
    }
}

static void the_default_group_is_always_there(void **state)
{
    struct fixture *f = *state;
    assert_true(known_everywhere(f, "$Default"));
    assert_true(known_everywhere(f, "$default"));
    assert_true(consumer_group_exists(f->groups[0], 7, SLICE_LIT("$Default")));
    assert_false(known_everywhere(f, "Default"));
    assert_int_equal(create(f, 0, "$Default"), ERR_INVALID);
    assert_int_equal(drop(f, 0, "$Default"), ERR_INVALID);
    expect_list(f, 0, "$Default ");
}

static void groups_come_and_go_on_every_core_and_stay_after_a_restart(void **state)
{
    struct fixture *f = *state;
    for (unsigned core = 0; core < 3; core++) {
        const char *const names[] = {"dashboard", "Alerts", "b.2-c_d"};
        assert_int_equal(create(f, core, names[core]), OK);
        assert_int_equal(create(f, core, names[core]), OK); /* it is there already */
    }
    expect_list(f, 0, "$Default Alerts b.2-c_d dashboard ");
    expect_list(f, 1, "$Default ");
    assert_true(known_everywhere(f, "aLERTS"));
    assert_int_equal(create(f, 1, "ALERTS"), OK); /* the same one, with its first spelling */
    restart(f);
    expect_list(f, 0, "$Default Alerts b.2-c_d dashboard ");
    assert_int_equal(drop(f, 2, "alerts"), OK);
    assert_int_equal(drop(f, 1, "alerts"), ERR_NOT_FOUND);
    assert_false(consumer_group_exists(f->groups[0], 0, SLICE_LIT("Alerts")));
    restart(f);
    expect_list(f, 0, "$Default b.2-c_d dashboard ");
}

static void a_name_has_rules(void **state)
{
    struct fixture *f = *state;
    char longest[CONSUMER_GROUP_NAME_MAX + 1] = {0}, longer[CONSUMER_GROUP_NAME_MAX + 2] = {0};
    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    const struct {
        const char *name;
        enum err err;
    } rows[] = {
        {"a", OK},
        {"9", OK},
        {"a.b-c_d", OK},
        {longest, OK},
        {longer, ERR_INVALID},
        {"", ERR_INVALID},
        {"a b", ERR_INVALID},
        {"a/b", ERR_INVALID},
        {"-a", ERR_INVALID},
        {"a.", ERR_INVALID},
        {"_", ERR_INVALID},
        {"caf\xc3\xa9", ERR_INVALID},
        {"$x", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(create(f, 0, rows[i].name), rows[i].err);
        assert_int_equal(drop(f, 0, rows[i].name), rows[i].err);
    }
}

static void a_stream_has_1000_groups(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 1; i < CONSUMER_GROUPS_MAX; i++) { /* and $Default */
        snprintf(name, sizeof name, "g%d", i);
        assert_int_equal(create(f, 0, name), OK);
    }
    int64_t reached = limit_reached("consumer-groups");
    assert_int_equal(create(f, 0, "more"), ERR_FULL);
    assert_int_equal(limit_reached("consumer-groups") - reached, 1);
    assert_int_equal(create(f, 0, "g5"), OK);
    assert_int_equal(drop(f, 0, "g5"), OK);
    assert_int_equal(create(f, 0, "more"), OK);
    restart(f);
    assert_true(known_everywhere(f, "g999"));
    assert_int_equal(create(f, 0, "g5"), ERR_FULL);
}

static void changes_happen_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    enum { N = CONSUMER_GROUP_CHANGES_MAX };
    struct asker a[N + 1];
    for (int i = 0; i <= N; i++) {
        struct consumer_groups *g = on_core(f, 1, &a[i], "g");
        if (i % 2)
            consumer_group_delete(g, 0, SLICE_LIT("g"), &a[i].wait);
        else
            consumer_group_create(g, 0, SLICE_LIT("g"), &a[i].wait);
    }
    rig_run(&f->rig);
    for (int i = 0; i <= N; i++) {
        assert_int_equal(a[i].answers, 1);
        assert_int_equal(a[i].result, i == N ? ERR_THROTTLED : OK);
    }
    assert_false(known_everywhere(f, "g"));
}

static void what_the_store_refuses_is_not_known(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f, 0, "before"), OK);
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(create(f, 1, "after"), ERR_IO);
    assert_int_equal(drop(f, 1, "before"), ERR_IO);
    expect_list(f, 0, "$Default before ");
    restart(f);
    expect_list(f, 0, "$Default before ");
}

static void an_event_hub_that_is_gone_gets_no_group(void **state)
{
    struct fixture *f = *state;
    struct asker a;
    consumer_group_create(on_core(f, 1, &a, "late"), 7, SLICE_LIT("late"), &a.wait);
    rig_run(&f->rig);
    assert_int_equal(a.result, ERR_NOT_FOUND);
    expect_list(f, 7, "$Default ");
    restart(f);
    expect_list(f, 7, "$Default ");
}

static void a_hub_can_stop_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct asker a, b;
    consumer_group_create(on_core(f, 0, &a, "g"), 0, SLICE_LIT("g"), &a.wait);
    consumer_group_create(on_core(f, 0, &b, "h"), 0, SLICE_LIT("h"), &b.wait);
    lane_run_once(f->rig.cores[0], rig_mono_us);
    restart(f);
    assert_int_equal(a.answers, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_default_group_is_always_there),
        CASE(groups_come_and_go_on_every_core_and_stay_after_a_restart),
        CASE(a_name_has_rules),
        CASE(a_stream_has_1000_groups),
        CASE(changes_happen_one_after_the_other),
        CASE(what_the_store_refuses_is_not_known),
        CASE(an_event_hub_that_is_gone_gets_no_group),
        CASE(a_hub_can_stop_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
