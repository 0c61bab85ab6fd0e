/* feedback_test.c - what became of messages, as services hear of it. */
#include "hub/c2d/fixture_test.h"

#include "base/json.h"
#include "hub/c2d/test_sql.h"

enum { HEARD_MAX = 16 };

/* A receiver of feedback that notes what comes. */
struct ear {
    struct notice_receiver feedback;
    struct fixture *f;
    unsigned core;
    unsigned count; /* batches */
    struct {
        uint8_t lock[C2D_TOKEN_LEN];
        unsigned records;
        char json[4096];
    } heard[HEARD_MAX];
    unsigned settled, nothing;
    enum status status; /* of the last settlement, or why there was nothing */
};

static void on_batch(struct notice_receiver *f, const uint8_t lock[C2D_TOKEN_LEN],
                     int64_t enqueued_us, struct slice json)
{
    struct ear *e = CONTAINER_OF(f, struct ear, feedback);
    struct arena arena = {0};
    struct json *array;
    assert_true(e->count < HEARD_MAX);
    assert_true(enqueued_us <= clock_wall_us());
    assert_int_equal(json_parse(&arena, arena_copy(&arena, json), &array), OK);
    assert_int_equal(array->type, JSON_ARRAY);
    for (const struct json *one = array->child; one; one = one->next) e->heard[e->count].records++;
    memcpy(e->heard[e->count].lock, lock, C2D_TOKEN_LEN);
    snprintf(e->heard[e->count].json, sizeof e->heard[0].json, "%.*s", SLICE_ARG(json));
    e->count++;
    arena_free(&arena);
}

static void on_settled(struct notice_receiver *f, const uint8_t lock[C2D_TOKEN_LEN],
                       enum status status)
{
    struct ear *e = CONTAINER_OF(f, struct ear, feedback);
    (void)lock;
    e->settled++;
    e->status = status;
}

static void on_nothing(struct notice_receiver *f, enum status status)
{
    struct ear *e = CONTAINER_OF(f, struct ear, feedback);
    e->nothing++;
    e->status = status;
}

static void open_ear(struct fixture *f, struct ear *e, unsigned core, uint32_t credit)
{
    *e = (struct ear){.feedback = {.batch = on_batch, .settled = on_settled}, .f = f, .core = core};
    rig_on(f->rig.cores[core]);
    notices_open(c2d_feedback(f->c2d[core]), &e->feedback);
    notices_credit(c2d_feedback(f->c2d[core]), &e->feedback, credit);
    rig_run(&f->rig);
}

static struct ear visitor(struct fixture *f, unsigned core)
{
    struct ear e = {
        .feedback = {.batch = on_batch, .settled = on_settled, .nothing = on_nothing},
        .f = f,
        .core = core,
    };
    return e;
}

static void visit(struct ear *e)
{
    rig_on(e->f->rig.cores[e->core]);
    notices_visit(c2d_feedback(e->f->c2d[e->core]), &e->feedback);
}

static void ask_batch(struct ear *e)
{
    visit(e);
    notices_take(c2d_feedback(e->f->c2d[e->core]), &e->feedback);
}

static void close_ear(struct ear *e)
{
    rig_on(e->f->rig.cores[e->core]);
    notices_close(c2d_feedback(e->f->c2d[e->core]), &e->feedback);
    rig_run(&e->f->rig);
}

static enum status settle_batch(struct ear *e, unsigned index, enum notice_outcome outcome)
{
    unsigned before = e->settled;
    rig_on(e->f->rig.cores[e->core]);
    notices_settle(c2d_feedback(e->f->c2d[e->core]), &e->feedback, e->heard[index].lock, outcome);
    rig_run(&e->f->rig);
    assert_int_equal(e->settled, before + 1);
    return e->status;
}

/* So many messages with ack=full that are purged. */
static void make_records(struct fixture *f, const char *device, unsigned count)
{
    char body[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof body, "m%u", i);
        assert_int_equal(send_as(f, device, body, "full", 0), STATUS_OK);
        if (i % C2D_QUEUE_MAX == C2D_QUEUE_MAX - 1) purge(f, device);
    }
    purge(f, device);
}

/* Comes for a batch and goes. */
static void take(struct ear *e)
{
    unsigned answers = e->count + e->nothing;
    ask_batch(e);
    rig_run(&e->f->rig);
    assert_int_equal(e->count + e->nothing, answers + 1);
    close_ear(e);
}

/* Comes with the lock of what was taken, perhaps by another, and goes. */
static enum status settle_alone(struct ear *e, const uint8_t lock[C2D_TOKEN_LEN],
                                enum notice_outcome outcome)
{
    unsigned before = e->settled;
    visit(e);
    notices_settle(c2d_feedback(e->f->c2d[e->core]), &e->feedback, lock, outcome);
    rig_run(&e->f->rig);
    assert_int_equal(e->settled, before + 1);
    close_ear(e);
    return e->status;
}

static int64_t records(struct fixture *f, const char *device)
{
    return rows_of(f, &sql_test_c2d_feedback_count, device);
}

static void wait_for_batches(struct fixture *f)
{
    rig_pass(&f->rig, C2D_FEEDBACK_WAIT_US + 1000);
    rig_pass(&f->rig, 1000);
}

/* ---- */

static void an_ack_decides_which_outcomes_are_told(void **state)
{
    (void)state;
    static const enum c2d_status all[] = {C2D_SUCCESS, C2D_EXPIRED, C2D_DELIVERY_COUNT_EXCEEDED,
                                          C2D_REJECTED, C2D_PURGED};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool good = all[i] == C2D_SUCCESS;
        assert_false(feedback_wanted(ACK_NONE, all[i]));
        assert_int_equal(feedback_wanted(ACK_POSITIVE, all[i]), good);
        assert_int_equal(feedback_wanted(ACK_NEGATIVE, all[i]), !good);
        assert_true(feedback_wanted(ACK_FULL, all[i]));
    }
}

static void a_record_names_the_message_and_its_outcome(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    open_ear(&f, &e, 1, 10);
    send_as(&f, "d", "the id", "positive", 0);
    struct reply r = receive(&f, "d", C2D_LOCK_US);
    settle(&f, "d", r.message.lock, C2D_COMPLETE);
    assert_int_equal(records(&f, "d"), 1);
    assert_int_equal(e.count, 0); /* records gather */
    wait_for_batches(&f);
    assert_int_equal(e.count, 1);
    const char *json = e.heard[0].json;
    assert_non_null(strstr(json, "[{\"originalMessageId\":\"the id\",\"deviceGenerationId\":\""));
    assert_non_null(strstr(json, "\"deviceId\":\"d\",\"enqueuedTimeUtc\":\"2023-11-14T22:13:"));
    assert_non_null(strstr(json, "\"statusCode\":\"Success\",\"description\":\"Success\"}]"));
    assert_int_equal(settle_batch(&e, 0, NOTICE_COMPLETE), STATUS_OK);
    assert_int_equal(records(&f, "d"), 0);
    assert_int_equal(settle_batch(&e, 0, NOTICE_COMPLETE), STATUS_DEVICE_MESSAGE_LOCK_LOST);
    close_ear(&e);
    fixture_fini(&f);
}

static void a_batch_has_at_most_64_records(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", C2D_FEEDBACK_BATCH_MAX);
    open_ear(&f, &e, 0, 10);
    wait_for_batches(&f);
    assert_int_equal(e.count, 1);
    assert_int_equal(e.heard[0].records, C2D_FEEDBACK_BATCH_MAX);
    settle_batch(&e, 0, NOTICE_COMPLETE);
    make_records(&f, "d", C2D_FEEDBACK_BATCH_MAX + 1);
    wait_for_batches(&f);
    assert_int_equal(e.count, 3);
    assert_int_equal(e.heard[1].records + e.heard[2].records, C2D_FEEDBACK_BATCH_MAX + 1);
    close_ear(&e);
    fixture_fini(&f);
}

static void credit_and_locks_limit_what_is_sent(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", (C2D_FEEDBACK_LOCKED_MAX + 1) * C2D_FEEDBACK_BATCH_MAX);
    open_ear(&f, &e, 0, 2);
    for (unsigned i = 0; i < 20; i++) wait_for_batches(&f);
    assert_int_equal(e.count, 2);
    rig_on(f.rig.cores[0]);
    notices_credit(c2d_feedback(f.c2d[0]), &e.feedback, 100);
    for (unsigned i = 0; i < 20; i++) wait_for_batches(&f);
    assert_int_equal(e.count, C2D_FEEDBACK_LOCKED_MAX);
    settle_batch(&e, 0, NOTICE_COMPLETE);
    wait_for_batches(&f);
    assert_int_equal(e.count, C2D_FEEDBACK_LOCKED_MAX + 1);
    close_ear(&e);
    fixture_fini(&f);
}

static void what_is_abandoned_or_left_goes_to_another_receiver(void **state)
{
    struct fixture f;
    struct ear a, b;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    open_ear(&f, &a, 0, 1);
    open_ear(&f, &b, 1, 0);
    make_records(&f, "d", 1);
    wait_for_batches(&f);
    assert_int_equal(a.count, 1);
    rig_on(f.rig.cores[1]);
    notices_credit(c2d_feedback(f.c2d[1]), &b.feedback, 5);
    assert_int_equal(settle_batch(&a, 0, NOTICE_ABANDON), STATUS_OK);
    assert_int_equal(b.count, 1);
    assert_string_equal(a.heard[0].json, b.heard[0].json);
    rig_on(f.rig.cores[0]);
    notices_credit(c2d_feedback(f.c2d[0]), &a.feedback, 1);
    close_ear(&b);
    assert_int_equal(a.count, 2);
    rig_on(f.rig.cores[0]);
    notices_credit(c2d_feedback(f.c2d[0]), &a.feedback, 1);
    rig_pass(&f.rig, C2D_FEEDBACK_LOCK_US + 1000);
    assert_int_equal(a.count, 3);
    assert_int_equal(settle_batch(&a, 1, NOTICE_COMPLETE), STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_int_equal(settle_batch(&a, 2, NOTICE_REJECT), STATUS_OK);
    assert_int_equal(records(&f, "d"), 0);
    close_ear(&a);
    fixture_fini(&f);
}

static void feedback_is_delivered_ten_times_and_then_dropped(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    open_ear(&f, &e, 0, HEARD_MAX);
    make_records(&f, "d", 1);
    wait_for_batches(&f);
    for (unsigned i = 0; i < C2D_FEEDBACK_DELIVERIES_MAX; i++) {
        assert_int_equal(e.count, i + 1);
        assert_int_equal(records(&f, "d"), 1);
        settle_batch(&e, i, NOTICE_ABANDON);
    }
    assert_int_equal(e.count, C2D_FEEDBACK_DELIVERIES_MAX);
    assert_int_equal(records(&f, "d"), 0);
    close_ear(&e);
    fixture_fini(&f);
}

static void records_outlive_a_restart_and_end_after_an_hour(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", 2);
    fixture_restart(&f);
    open_ear(&f, &e, 1, 10);
    wait_for_batches(&f);
    assert_int_equal(e.heard[0].records, 2);
    close_ear(&e);
    rig_pass(&f.rig, C2D_FEEDBACK_TTL_US - 10 * 1000000ll);
    assert_int_equal(records(&f, "d"), 2);
    rig_pass(&f.rig, 70 * 1000000ll);
    rig_pass(&f.rig, 70 * 1000000ll);
    assert_int_equal(records(&f, "d"), 0);
    fixture_fini(&f);
}

static void a_visitor_takes_what_gathers_and_it_stays_locked(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    struct ear a = visitor(&f, 0), b = visitor(&f, 1);
    take(&a);
    assert_int_equal(a.nothing, 1);
    assert_int_equal(a.status, STATUS_OK);
    make_records(&f, "d", 3);
    take(&a); /* nobody waited a second */
    assert_int_equal(a.heard[0].records, 3);
    take(&b);
    assert_int_equal(b.nothing, 1); /* it is locked, though the visitor has gone */
    assert_int_equal(settle_alone(&b, a.heard[0].lock, NOTICE_ABANDON), STATUS_OK);
    take(&b);
    assert_int_equal(b.heard[0].records, 3);
    assert_int_equal(settle_alone(&a, a.heard[0].lock, NOTICE_COMPLETE),
                     STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_int_equal(settle_alone(&a, b.heard[0].lock, NOTICE_COMPLETE), STATUS_OK);
    assert_int_equal(records(&f, "d"), 0);
    take(&a);
    assert_int_equal(a.count, 1);
    fixture_fini(&f);
}

static void what_a_visitor_took_is_there_again_when_its_lock_is_over(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", 1);
    struct ear e = visitor(&f, 1);
    take(&e);
    rig_pass(&f.rig, C2D_FEEDBACK_LOCK_US - 1000);
    take(&e);
    assert_int_equal(e.count, 1);
    rig_pass(&f.rig, 2000);
    take(&e);
    assert_int_equal(e.count, 2);
    assert_int_equal(settle_alone(&e, e.heard[0].lock, NOTICE_REJECT),
                     STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_int_equal(settle_alone(&e, e.heard[1].lock, NOTICE_REJECT), STATUS_OK);
    assert_int_equal(records(&f, "d"), 0);
    fixture_fini(&f);
}

static void visitors_have_the_same_limits_as_receivers(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", C2D_FEEDBACK_LOCKED_MAX * C2D_FEEDBACK_BATCH_MAX + 1);
    struct ear e = visitor(&f, 0);
    for (unsigned i = 0; i < C2D_FEEDBACK_LOCKED_MAX; i++) take(&e);
    assert_int_equal(e.count, C2D_FEEDBACK_LOCKED_MAX);
    take(&e);
    assert_int_equal(e.nothing, 1);
    for (unsigned i = 0; i < C2D_FEEDBACK_LOCKED_MAX; i++)
        assert_int_equal(settle_alone(&e, e.heard[i].lock, NOTICE_COMPLETE), STATUS_OK);
    for (unsigned i = 0; i < C2D_FEEDBACK_DELIVERIES_MAX; i++) {
        take(&e);
        assert_int_equal(records(&f, "d"), 1);
        settle_alone(&e, e.heard[e.count - 1].lock, NOTICE_ABANDON);
        if (e.count == HEARD_MAX) e.count = 0;
    }
    assert_int_equal(records(&f, "d"), 0);
    fixture_fini(&f);
}

static void of_several_visitors_each_has_a_batch_or_nothing(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", C2D_FEEDBACK_BATCH_MAX + 1);
    struct ear ears[3], gone = visitor(&f, 1);
    ask_batch(&gone);
    notices_close(c2d_feedback(f.c2d[1]), &gone.feedback);
    for (unsigned i = 0; i < 3; i++) {
        ears[i] = visitor(&f, i % 2);
        ask_batch(&ears[i]);
    }
    rig_run(&f.rig);
    unsigned batches = 0, nothing = 0;
    for (unsigned i = 0; i < 3; i++) {
        batches += ears[i].count;
        nothing += ears[i].nothing;
        close_ear(&ears[i]);
    }
    assert_int_equal(gone.count + gone.nothing, 0);
    assert_int_equal(batches + nothing, 3);
    assert_in_range(batches, 1, 2); /* one may have gone to who left */
    fixture_fini(&f);
}

/* Of a page that has only what is too old nothing is made, and it is not read for ever. */
static void records_too_old_give_way_to_those_behind_them(void **state)
{
    struct fixture f;
    struct ear e;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    make_records(&f, "d", C2D_FEEDBACK_BATCH_MAX + 2);
    rig_pass(&f.rig, C2D_FEEDBACK_TTL_US - 30 * 1000000ll);
    make_records(&f, "d", 1);
    rig_pass(&f.rig, 31 * 1000000ll);
    open_ear(&f, &e, 0, 10);
    rig_pass(&f.rig, 1100000);
    rig_pass(&f.rig, 1100000);
    assert_int_equal(e.count, 1);
    assert_int_equal(e.heard[0].records, 1);
    close_ear(&e);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_decides_which_outcomes_are_told),
        cmocka_unit_test(a_record_names_the_message_and_its_outcome),
        cmocka_unit_test(a_batch_has_at_most_64_records),
        cmocka_unit_test(credit_and_locks_limit_what_is_sent),
        cmocka_unit_test(what_is_abandoned_or_left_goes_to_another_receiver),
        cmocka_unit_test(feedback_is_delivered_ten_times_and_then_dropped),
        cmocka_unit_test(records_outlive_a_restart_and_end_after_an_hour),
        cmocka_unit_test(a_visitor_takes_what_gathers_and_it_stays_locked),
        cmocka_unit_test(what_a_visitor_took_is_there_again_when_its_lock_is_over),
        cmocka_unit_test(visitors_have_the_same_limits_as_receivers),
        cmocka_unit_test(of_several_visitors_each_has_a_batch_or_nothing),
        cmocka_unit_test(records_too_old_give_way_to_those_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
