/* c2d_test.c - a queue: what is accepted, delivered, settled, and what is left afterwards. */
#include "base/limit.h"
#include "hub/c2d/fixture_test.h"

#include "hub/c2d/test_sql.h"

static int64_t rows(struct fixture *f, const char *device)
{
    return rows_of(f, &sql_test_c2d_count, device);
}

static void fill(struct fixture *f, const char *device, unsigned count)
{
    char body[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(body, sizeof body, "%u", i);
        assert_int_equal(send(f, device, body), STATUS_OK);
    }
}

/* ---- */

static void a_message_waits_on_disk_until_it_is_completed(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    assert_int_equal(send(&f, "d", "hello"), STATUS_OK);
    assert_int_equal(rows(&f, "d"), 1);
    connect_phone(&f, &p, "d");
    assert_int_equal(p.count, 1);
    assert_string_equal(p.got[0].body, "hello");
    assert_int_equal(p.got[0].sequence, 1);
    assert_int_equal(rows(&f, "d"), 1);
    complete(&p, 0);
    assert_int_equal(rows(&f, "d"), 0);
    assert_int_equal(send(&f, "d", "again"), STATUS_OK);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.got[1].sequence, 2);
    hang_up(&p);
    fixture_fini(&f);
}

static void fifty_wait_and_the_next_is_refused(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    int64_t met = limit_reached("c2d-queue");
    fill(&f, "d", C2D_QUEUE_MAX);
    assert_int_equal(limit_reached("c2d-queue"), met);
    assert_int_equal(send(&f, "d", "x"), STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED);
    assert_int_equal(limit_reached("c2d-queue") - met, 1);
    assert_int_equal(rows(&f, "d"), C2D_QUEUE_MAX);
    connect_phone(&f, &p, "d");
    complete(&p, 0);
    assert_int_equal(send(&f, "d", "x"), STATUS_OK);
    assert_int_equal(send(&f, "d", "y"), STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED);
    hang_up(&p);
    fixture_fini(&f);
}

static void many_at_once_fill_the_queue_and_no_more(void **state)
{
    enum { MANY = C2D_QUEUE_MAX + 5 };
    struct fixture f;
    struct reply replies[MANY];
    unsigned accepted = 0;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    for (unsigned i = 0; i < MANY; i++) {
        replies[i] = waiting();
        c2d_send(far(&f, "d"), SLICE_LIT("d"), &(struct c2d_draft){0}, &replies[i].wait);
    }
    rig_run(&f.rig);
    for (unsigned i = 0; i < MANY; i++) accepted += replies[i].status == STATUS_OK;
    assert_int_equal(accepted, C2D_QUEUE_MAX);
    assert_int_equal(rows(&f, "d"), C2D_QUEUE_MAX);
    fixture_fini(&f);
}

static void a_session_has_sixteen_under_way_and_gets_them_in_order(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 40);
    connect_phone(&f, &p, "d");
    assert_int_equal(p.count, C2D_WINDOW);
    for (unsigned i = 0; i < 40; i++) {
        complete(&p, i);
        assert_int_equal(p.count, MIN(C2D_WINDOW + i + 1, 40));
        assert_int_equal(p.got[i].sequence, i + 1);
    }
    assert_int_equal(rows(&f, "d"), 0);
    hang_up(&p);
    fixture_fini(&f);
}

static void what_a_session_had_goes_back_at_its_end(void **state)
{
    struct fixture f;
    struct phone p, q;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 3);
    connect_phone(&f, &p, "d");
    complete(&p, 1);
    hang_up(&p);
    connect_phone(&f, &q, "d");
    assert_int_equal(q.count, 2);
    assert_string_equal(q.got[0].body, "0");
    assert_string_equal(q.got[1].body, "2");
    assert_int_equal(q.got[0].delivery_count, 0); /* only an abandon counts */
    hang_up(&q);
    fixture_fini(&f);
}

static void a_takeover_moves_messages_to_the_new_session(void **state)
{
    struct fixture f;
    struct phone p, q;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 1);
    connect_phone(&f, &p, "d");
    connect_phone(&f, &q, "d"); /* home tells of the new one without an end between */
    assert_int_equal(q.count, 1);
    complete(&p, 0); /* its lock is over */
    assert_int_equal(rows(&f, "d"), 1);
    complete(&q, 0);
    assert_int_equal(rows(&f, "d"), 0);
    slot_free(p.c2d->lane, p.session.slot);
    hang_up(&q);
    fixture_fini(&f);
}

static void a_lock_lasts_sixty_seconds(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 1);
    connect_phone(&f, &p, "d");
    rig_pass(&f.rig, C2D_LOCK_US - 5000);
    assert_int_equal(p.count, 1);
    rig_pass(&f.rig, 10000);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.got[1].sequence, p.got[0].sequence);
    assert_int_equal(settle(&f, "d", p.got[0].lock, C2D_COMPLETE), STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_int_equal(settle(&f, "d", p.got[1].lock, C2D_COMPLETE), STATUS_OK);
    assert_int_equal(settle(&f, "d", p.got[1].lock, C2D_COMPLETE), STATUS_DEVICE_MESSAGE_LOCK_LOST);
    hang_up(&p);
    fixture_fini(&f);
}

static void who_asks_gets_one_message_and_its_own_lock_time(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    assert_false(receive(&f, "d", C2D_LOCK_US).has_message);
    fill(&f, "d", 2);
    struct reply one = receive(&f, "d", 10 * 1000000ll), two = receive(&f, "d", C2D_LOCK_US);
    assert_string_equal(one.body, "0");
    assert_string_equal(two.body, "1");
    assert_false(receive(&f, "d", C2D_LOCK_US).has_message);
    rig_pass(&f.rig, 11 * 1000000ll);
    one = receive(&f, "d", C2D_LOCK_US);
    assert_string_equal(one.body, "0");
    assert_int_equal(settle(&f, "d", one.message.lock, C2D_REJECT), STATUS_OK);
    assert_int_equal(settle(&f, "d", two.message.lock, C2D_COMPLETE), STATUS_OK);
    assert_int_equal(rows(&f, "d"), 0);
    assert_int_equal(receive(&f, "nobody", C2D_LOCK_US).status, STATUS_DEVICE_NOT_FOUND);
    fixture_fini(&f);
}

static void a_message_is_abandoned_nine_times_and_then_gone(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    assert_int_equal(send_as(&f, "d", "x", "full", 0), STATUS_OK);
    assert_int_equal(send(&f, "d", "y"), STATUS_OK);
    for (unsigned i = 0; i < C2D_DELIVERIES_MAX; i++) {
        struct reply r = receive(&f, "d", C2D_LOCK_US);
        assert_string_equal(r.body, "x"); /* it keeps its place */
        assert_int_equal(r.message.delivery_count, i);
        if (i == 4) fixture_restart(&f); /* the count lasts, the lock does not */
        if (i == 4) r = receive(&f, "d", C2D_LOCK_US);
        assert_int_equal(r.message.delivery_count, i);
        assert_int_equal(settle(&f, "d", r.message.lock, C2D_ABANDON), STATUS_OK);
    }
    assert_string_equal(receive(&f, "d", C2D_LOCK_US).body, "y");
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "d"), 1);
    fixture_fini(&f);
}

static void a_restart_loses_nothing_and_numbers_go_on(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 3);
    connect_phone(&f, &p, "d");
    complete(&p, 2);
    fixture_restart(&f);
    connect_phone(&f, &p, "d");
    assert_int_equal(p.count, 2);
    assert_string_equal(p.got[0].body, "0");
    assert_string_equal(p.got[1].body, "1");
    assert_int_equal(send(&f, "d", "new"), STATUS_OK);
    assert_int_equal(p.got[2].sequence, 4);
    hang_up(&p);
    fixture_fini(&f);
}

/* Of one that is in the store alone, and of one that was read again: what expires has its size in a resource log. */
static void a_message_has_its_size_whoever_holds_it(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 1);
    fixture_restart(&f);
    assert_int_equal(send(&f, "d", "0"), STATUS_OK);
    struct queue *q = queue_find(f.c2d[home_of(&f, "d")], SLICE_LIT("d"));
    const struct item *read = item_find(q, 1), *sent = item_find(q, 2);
    assert_null(read->sections);
    assert_null(sent->sections);
    assert_int_not_equal(read->sections_len, 0);
    assert_int_equal(read->sections_len, sent->sections_len);
    fixture_fini(&f);
}

static void messages_expire_whether_their_device_is_there_or_not(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "here");
    create(&f, "away");
    assert_int_equal(send_as(&f, "away", "x", "negative", 3000), STATUS_OK);
    assert_int_equal(send(&f, "away", "default"), STATUS_OK);
    fixture_restart(&f); /* nothing of them is in memory */
    connect_phone(&f, &p, "here");
    for (unsigned i = 0; i < C2D_WINDOW; i++) send(&f, "here", "fills the window");
    assert_int_equal(send_as(&f, "here", "y", "negative", 3000), STATUS_OK);
    rig_pass(&f.rig, 2000000);
    assert_int_equal(rows(&f, "away"), 2);
    assert_int_equal(rows(&f, "here"), C2D_WINDOW + 1);
    rig_pass(&f.rig, 1100000);
    rig_pass(&f.rig, 1100000);
    assert_int_equal(rows(&f, "away"), 1);
    assert_int_equal(rows(&f, "here"), C2D_WINDOW);
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "away"), 1);
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "here"), 1);
    rig_pass(&f.rig, C2D_TTL_US - 6000000);
    assert_int_equal(rows(&f, "away"), 1);
    rig_pass(&f.rig, 4000000);
    rig_pass(&f.rig, 2000000);
    assert_int_equal(rows(&f, "away"), 0);
    hang_up(&p);
    fixture_fini(&f);
}

/* It cannot be taken out and its sender not be told, for the moment; nobody gets it meanwhile. */
static void what_has_expired_is_not_handed_out_while_the_store_refuses(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    assert_int_equal(send_as(&f, "d", "late", "negative", 3000), STATUS_OK);
    assert_int_equal(send(&f, "d", "in time"), STATUS_OK);
    io_mem_capacity(f.rig.io, 0);
    rig_pass(&f.rig, 4000000);
    struct reply r = receive(&f, "d", 5000000);
    assert_int_equal(r.status, STATUS_OK);
    assert_string_equal(r.body, "in time");
    assert_int_equal(rows(&f, "d"), 2);
    io_mem_capacity(f.rig.io, UINT64_MAX);
    rig_pass(&f.rig, 2000000);
    assert_int_equal(rows(&f, "d"), 1);
    assert_int_equal(rows_of(&f, &sql_test_c2d_feedback_count, "d"), 1);
    fixture_fini(&f);
}

/* What is purged has no row any more when its sections are read, and the unit's answer is still to come. */
static void who_receives_during_a_purge_is_told_of_nothing_waiting(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 3);
    fixture_restart(&f); /* no sections are in memory */
    struct reply none = waiting(), got = waiting(), purged = waiting();
    struct c2d *c = far(&f, "d");
    c2d_drop(c, slice_str("d"), 1000, &none.wait); /* its queue is, though */
    rig_run(&f.rig);
    assert_int_equal(none.answers, 1);
    rig_on(c->lane);
    struct lane *home = f.rig.cores[home_of(&f, "d")];
    c2d_receive(c, slice_str("d"), 1000000, &got.wait);
    lane_run_once(home, rig_mono_us); /* the read is on its way, */
    rig_on(c->lane);
    c2d_purge(c, slice_str("d"), &purged.wait);
    lane_run_once(home, rig_mono_us);
    lane_run_once(f.rig.write, rig_mono_us); /* and is overtaken */
    rig_run(&f.rig);
    assert_int_equal(purged.count, 3);
    assert_int_equal(got.status, STATUS_OK);
    assert_false(got.has_message);
    assert_int_equal(send(&f, "d", "after"), STATUS_OK);
    assert_string_equal(receive(&f, "d", 1000000).body, "after"); /* at once */
    fixture_fini(&f);
}

static void a_purge_takes_what_waits_and_what_is_under_way(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    connect_phone(&f, &p, "d");
    fill(&f, "d", 20);
    assert_int_equal(purge(&f, "d").count, 20);
    assert_int_equal(p.recalls, C2D_WINDOW); /* of those that the session has */
    assert_int_equal(p.recalled, C2D_WINDOW);
    assert_int_equal(rows(&f, "d"), 0);
    assert_int_equal(settle(&f, "d", p.got[0].lock, C2D_COMPLETE), STATUS_DEVICE_MESSAGE_LOCK_LOST);
    assert_int_equal(purge(&f, "d").count, 0);
    assert_int_equal(purge(&f, "nobody").status, STATUS_DEVICE_NOT_FOUND);
    send(&f, "d", "after");
    assert_string_equal(p.got[p.count - 1].body, "after");
    hang_up(&p);
    fixture_fini(&f);
}

static void a_queue_goes_with_its_identity(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    assert_int_equal(send(&f, "d", "x"), STATUS_DEVICE_NOT_FOUND);
    create(&f, "d");
    fill(&f, "d", 3);
    destroy(&f, "d");
    assert_int_equal(rows_of(&f, &sql_test_c2d_rest, "d"), 0);
    assert_int_equal(send(&f, "d", "x"), STATUS_DEVICE_NOT_FOUND);
    create(&f, "d");
    connect_phone(&f, &p, "d");
    assert_int_equal(p.count, 0);
    send(&f, "d", "first");
    assert_int_equal(p.got[0].sequence, 1);
    hang_up(&p);
    fixture_fini(&f);
}

static void messages_under_way_while_the_identity_goes_are_all_answered(void **state)
{
    enum { MANY = 30 };
    struct fixture f;
    struct reply replies[MANY];
    struct stored s = {.wait.fn = on_stored, .status = STATUSES};
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    for (unsigned i = 0; i < MANY; i++) {
        replies[i] = waiting();
        c2d_send(far(&f, "d"), SLICE_LIT("d"), &(struct c2d_draft){0}, &replies[i].wait);
        if (i % 5 == 4) rig_step(&f.rig);
        if (i != MANY / 2) continue;
        rig_on(f.rig.cores[0]);
        registry_delete(f.registries[0], SLICE_LIT("d"), SLICE_LIT("*"), &s.wait);
    }
    rig_run(&f.rig);
    assert_int_equal(s.status, STATUS_OK);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(replies[i].answers, 1);
        if (replies[i].status != STATUS_OK)
            assert_int_equal(replies[i].status, STATUS_DEVICE_NOT_FOUND);
    }
    assert_int_equal(rows_of(&f, &sql_test_c2d_rest, "d"), 0);
    fixture_fini(&f);
}

static void a_store_that_refuses_is_told_and_nothing_is_lost(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    fill(&f, "d", 2);
    connect_phone(&f, &p, "d");
    io_mem_fail(f.rig.io, IO_CALL_WRITE, 1, ERR_IO, true);
    assert_int_equal(send(&f, "d", "x"), STATUS_SERVICE_UNAVAILABLE);
    assert_int_equal(settle(&f, "d", p.got[0].lock, C2D_COMPLETE), STATUS_SERVICE_UNAVAILABLE);
    io_mem_fail(f.rig.io, IO_CALL_WRITE, 0, OK, false);
    fixture_restart(&f);
    connect_phone(&f, &p, "d");
    assert_int_equal(p.count, 2);
    hang_up(&p);
    fixture_fini(&f);
}

static void messages_that_find_no_room_in_memory_are_read_when_due(void **state)
{
    struct fixture f;
    struct phone p;
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    connect_phone(&f, &p, "d");
    struct c2d *home = f.c2d[home_of(&f, "d")];
    fill(&f, "d", C2D_WINDOW); /* the rest waits in memory */
    home->cache_bytes = C2D_CACHE_BYTES;
    fill(&f, "d", 10);
    assert_int_equal(home->cache_bytes, C2D_CACHE_BYTES);
    for (unsigned i = 0; i < C2D_WINDOW + 10; i++) complete(&p, i);
    assert_int_equal(p.count, C2D_WINDOW + 10);
    assert_string_equal(p.got[p.count - 1].body, "9");
    assert_int_equal(home->cache_bytes, C2D_CACHE_BYTES);
    home->cache_bytes = 0;
    hang_up(&p);
    fixture_fini(&f);
}

static void a_home_has_ten_thousand_calls_under_way_and_refuses_the_next(void **state)
{
    struct fixture f;
    struct reply r = waiting();
    (void)state;
    fixture_init(&f);
    create(&f, "d");
    struct c2d *home = f.c2d[home_of(&f, "d")];
    int64_t met = limit_reached("c2d-calls");
    home->waiting = C2D_WAITING_MAX - 1;
    assert_int_equal(send(&f, "d", "x"), STATUS_OK);
    assert_int_equal(limit_reached("c2d-calls"), met);
    home->waiting = C2D_WAITING_MAX;
    assert_int_equal(send(&f, "d", "x"), STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED);
    assert_int_equal(limit_reached("c2d-calls") - met, 1);
    home->waiting = 0;
    c2d_send(far(&f, "d"), SLICE_LIT("d"), &(struct c2d_draft){0}, &r.wait);
    c2d_forget(far(&f, "d"), &r.wait); /* a late answer finds nobody */
    rig_run(&f.rig);
    assert_int_equal(r.answers, 0);
    fixture_fini(&f);
}

static void unused_queues_stay_for_a_while_and_not_without_end(void **state)
{
    struct fixture f;
    char id[16];
    (void)state;
    fixture_init(&f);
    struct c2d *home = f.c2d[0];
    unsigned made = 0;
    for (unsigned i = 0; made < C2D_IDLE_QUEUES_MAX + 1; i++) {
        snprintf(id, sizeof id, "d%u", i);
        if (home_of(&f, id) != 0) continue;
        create(&f, id);
        assert_false(receive(&f, id, C2D_LOCK_US).has_message);
        made++;
        assert_int_equal(home->idle_count, MIN(made, C2D_IDLE_QUEUES_MAX));
    }
    assert_int_equal(home->queues.count, C2D_IDLE_QUEUES_MAX);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_on_disk_until_it_is_completed),
        cmocka_unit_test(fifty_wait_and_the_next_is_refused),
        cmocka_unit_test(many_at_once_fill_the_queue_and_no_more),
        cmocka_unit_test(a_session_has_sixteen_under_way_and_gets_them_in_order),
        cmocka_unit_test(what_a_session_had_goes_back_at_its_end),
        cmocka_unit_test(a_takeover_moves_messages_to_the_new_session),
        cmocka_unit_test(a_lock_lasts_sixty_seconds),
        cmocka_unit_test(who_asks_gets_one_message_and_its_own_lock_time),
        cmocka_unit_test(a_message_is_abandoned_nine_times_and_then_gone),
        cmocka_unit_test(a_restart_loses_nothing_and_numbers_go_on),
        cmocka_unit_test(a_message_has_its_size_whoever_holds_it),
        cmocka_unit_test(messages_expire_whether_their_device_is_there_or_not),
        cmocka_unit_test(what_has_expired_is_not_handed_out_while_the_store_refuses),
        cmocka_unit_test(who_receives_during_a_purge_is_told_of_nothing_waiting),
        cmocka_unit_test(a_purge_takes_what_waits_and_what_is_under_way),
        cmocka_unit_test(a_queue_goes_with_its_identity),
        cmocka_unit_test(messages_under_way_while_the_identity_goes_are_all_answered),
        cmocka_unit_test(a_store_that_refuses_is_told_and_nothing_is_lost),
        cmocka_unit_test(messages_that_find_no_room_in_memory_are_read_when_due),
        cmocka_unit_test(a_home_has_ten_thousand_calls_under_way_and_refuses_the_next),
        cmocka_unit_test(unused_queues_stay_for_a_while_and_not_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
