/* job_test.c - jobs from their creation to their end: twins, methods, restarts, cancellation, limits. */
#include "base/limit.h"
#include "hub/job/fixture_test.h"
#include "hub/job/home.h"

#define TWIN_JOB(condition)                                                                        \
    "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"" condition                             \
    "\",\"updateTwin\":{\"etag\":\"*\",\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"x\":"     \
    "{\"y\":2}}}}}"
#define CALL_JOB(response_s, connect_s)                                                            \
    "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"cloudToDeviceMethod\":{"        \
    "\"methodName\":\"m\",\"responseTimeoutInSeconds\":" response_s                                \
    ",\"connectTimeoutInSeconds\":" connect_s "}}"
#define METHOD_JOB(condition)                                                                      \
    "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"" condition                           \
    "\",\"cloudToDeviceMethod\":{\"methodName\":\"reboot\",\"payload\":{\"n\":1}}}"

/* ---- what jobs do */

static void twins_that_match_are_written_once(void **state)
{
    (void)state;
    put_devices(5);
    assert_int_equal(create("j1", TWIN_JOB("deviceId != 'd003'")), STATUS_OK);
    assert_true(slice_is(json_str(said(), "status"), "queued"));
    go_on();
    assert_string_equal(state_of("j1"), "completed 4/4/0/0");
    assert_true(slice_is(tag_of("d000", "a"), "1"));
    assert_true(slice_is(tag_of("d003", "a"), "none"));
    assert_true(slice_is(desired_version("d004"), "2"));
    assert_non_null(json_get(show("j1"), "endTime"));
}

static void more_devices_than_fit_the_window(void **state)
{
    (void)state;
    put_devices(JOB_WINDOW * 2 + 1);
    assert_int_equal(create("j1", TWIN_JOB("*")), STATUS_OK);
    go_on();
    assert_string_equal(state_of("j1"), "completed 401/401/0/0");
    assert_true(slice_is(desired_version("d400"), "2"));
    assert_int_equal(count_of(device_jobs("SELECT * FROM devices.jobs")), 401);
}

static void methods_are_called_and_their_answers_kept(void **state)
{
    (void)state;
    put_devices(2);
    put_identity("d001/m1");
    assert_int_equal(create("j1", METHOD_JOB("FROM devices.modules WHERE moduleId = 'm1'")),
                     STATUS_OK);
    go_on();
    assert_int_equal(call_count, 1);
    assert_string_equal(state_of("j1"), "running 1/0/0/1");
    answer_all_methods(&(struct method_result){.device_status = 299, .payload = SLICE_LIT("[1]")});
    go_on();
    assert_string_equal(state_of("j1"), "completed 1/1/0/0");
    struct json *row = device_jobs("SELECT * FROM devices.jobs WHERE jobId = 'j1'")->child;
    struct json *answer = json_get(json_get(row, "outcome"), "deviceMethodResponse");
    assert_true(slice_is(json_str(row, "deviceId"), "d001"));
    assert_true(slice_is(json_str(row, "moduleId"), "m1"));
    assert_true(slice_is(json_str(row, "status"), "completed"));
    assert_true(slice_is(json_str(row, "jobType"), "scheduleDeviceMethod"));
    assert_true(slice_is(json_get(answer, "status")->text, "299"));
}

/* Who answers with many levels hides nothing of a job. */
static void an_answer_is_shown_that_is_not_too_deep(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX];
    put_devices(1);
    for (int over = 0; over < 2; over++) {
        size_t levels = over ? JSON_DEPTH_MAX : JOB_OUTCOME_LEVELS_MAX;
        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        assert_int_equal(create(over ? "j2" : "j1", METHOD_JOB("*")), STATUS_OK);
        go_on();
        answer_all_methods(
            &(struct method_result){.device_status = 200, .payload = slice_of(text, 2 * levels)});
        go_on();
        struct json *rows = device_jobs(over ? "SELECT * FROM devices.jobs WHERE jobId = 'j2'"
                                             : "SELECT * FROM devices.jobs");
        assert_int_equal(count_of(rows), 1);
        struct json *answer = json_get(json_get(rows->child, "outcome"), "deviceMethodResponse");
        assert_int_equal(json_get(answer, "payload")->type, over ? JSON_NULL : JSON_ARRAY);
    }
}

static void what_a_device_cannot_do_is_its_own_failure(void **state)
{
    (void)state;
    put_devices(3);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    answer_all_methods(&(struct method_result){.status = STATUS_DEVICE_NOT_ONLINE, .text = "off"});
    go_on();
    assert_string_equal(state_of("j1"), "completed 3/0/3/0");
    struct json *row = device_jobs("SELECT * FROM devices.jobs WHERE status = 'failed'")->child;
    assert_true(slice_is(json_str(json_get(row, "error"), "code"), "DeviceNotOnline"));
    assert_true(slice_is(json_str(json_get(row, "error"), "description"), "off"));
}

static void nobody_matches(void **state)
{
    (void)state;
    put_devices(1);
    assert_int_equal(create("j1", TWIN_JOB("tags.none = 1")), STATUS_OK);
    go_on();
    assert_string_equal(state_of("j1"), "completed 0/0/0/0");
}

static void a_bad_condition_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        TWIN_JOB("tags. ="),
        TWIN_JOB(""),
        TWIN_JOB("  "),
        TWIN_JOB("* *"),
        TWIN_JOB("SELECT * FROM devices WHERE"),
        TWIN_JOB("SELECT * FROM planets"),
        TWIN_JOB("SELECT deviceId FROM devices"),
        TWIN_JOB("SELECT COUNT() AS n FROM devices"),
        TWIN_JOB("SELECT * FROM devices.jobs"),
        TWIN_JOB("FROM devices.jobs"),
        METHOD_JOB("tags. ="),
        "{\"type\":\"scheduleUpdateTwin\",\"updateTwin\":{\"tags\":{}}}",
    };
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        assert_int_equal(create("j1", jobs[i]), STATUS_ARGUMENT_INVALID);
    assert_int_equal(create("j1", TWIN_JOB("FROM devices.modules WHERE tags.a = 1")), STATUS_OK);
    assert_int_equal(create("j2", TWIN_JOB("SELECT * FROM devices")), STATUS_OK);
}

static void a_twin_that_moves_behind_the_cursor_is_not_done_twice(void **state)
{
    (void)state;
    put_devices(JOB_WINDOW + 50);
    assert_int_equal(create("j1", TWIN_JOB("NOT is_defined(tags.none)")), STATUS_OK);
    go_on();
    assert_string_equal(state_of("j1"), "completed 250/250/0/0");
}

/* ---- a job that an older server began */

#define OLD_PLACE "AgEAAAABAAAAAAAAAAAAAAAAAgBkMQAA" /* of a cursor of version 2 */
#define OLD_DEVICE(id)                                                                             \
    "INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, "         \
    "auth_type, status_updated_us) VALUES ('" id "', '', '1', 1, 1, 0, 'sas', 0);"

static void a_job_goes_on_after_an_upgrade(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    rig_before(
        io, 16,
        OLD_DEVICE("d1") OLD_DEVICE("d2") OLD_DEVICE(
            "d3") "INSERT INTO job (job_id, type, status, condition, work, max_s, created_us, "
                  "start_us, end_us, reason, place, found_all, found, succeeded, failed, canceled) "
                  "VALUES ('j1', 1, 2, '*', '{\"tags\":{\"by\":\"job\"}}', 0, 1, 1, 0, '', "
                  "'" OLD_PLACE "', 0, 1, 1, 0, 0);"
                  "INSERT INTO job_device (job_id, device_id, module_id, status, created_us, "
                  "start_us, end_us, outcome, error, text) "
                  "VALUES ('j1', 'd1', '', 1, 1, 1, 1, '', '', '');");
    call_count = calls_made = 0;
    rig_init_cores(&f.rig, io, 2);
    open_all();
    go_on();
    go_on();
    assert_string_equal(state_of("j1"), "completed 3/3/0/0");
}

static void a_bad_condition_of_an_older_server_fails_when_the_job_runs(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    rig_before(
        io, 16,
        "INSERT INTO job (job_id, type, status, condition, work, max_s, created_us, "
        "start_us, end_us, reason, place, found_all, found, succeeded, failed, canceled) "
        "VALUES ('j1', 1, 1, 'tags. =', '{\"tags\":{}}', 0, 1, 1, 0, '', '', 0, 0, 0, 0, 0);");
    call_count = calls_made = 0;
    rig_init_cores(&f.rig, io, 2);
    open_all();
    go_on();
    assert_string_equal(state_of("j1"), "failed 0/0/0/0");
    assert_true(json_str(show("j1"), "failureReason").len > 0);
}

/* ---- time */

static void a_job_waits_for_its_start(void **state)
{
    (void)state;
    char json[512], iso[CLOCK_ISO_LEN + 1];
    put_devices(1);
    clock_iso(rig_wall() + 60 * 1000000ll, iso);
    snprintf(json, sizeof json,
             "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"startTime\":\"%s\","
             "\"updateTwin\":{\"tags\":{\"a\":1}}}",
             iso);
    assert_int_equal(create("j1", json), STATUS_OK);
    assert_true(slice_is(json_str(said(), "status"), "scheduled"));
    go_on();
    assert_string_equal(state_of("j1"), "scheduled 0/0/0/0");
    restart();
    go_on();
    assert_string_equal(state_of("j1"), "scheduled 0/0/0/0");
    rig_pass(&f.rig, 60 * 1000000ll);
    go_on();
    assert_string_equal(state_of("j1"), "completed 1/1/0/0");
}

static void a_job_has_so_much_time(void **state)
{
    (void)state;
    put_devices(2);
    assert_int_equal(create("j1", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\","
                                  "\"maxExecutionTimeInSeconds\":10,"
                                  "\"cloudToDeviceMethod\":{\"methodName\":\"reboot\"}}"),
                     STATUS_OK);
    go_on();
    assert_string_equal(state_of("j1"), "running 2/0/0/2");
    rig_pass(&f.rig, 10 * 1000000ll);
    go_on();
    assert_string_equal(state_of("j1"), "failed 2/0/0/0");
    assert_int_equal(call_count, 0);
    assert_true(
        slice_is(json_str(show("j1"), "failureReason"), "maxExecutionTimeInSeconds is over"));
}

static int64_t slept_us;

static int64_t wall_after_sleep(void)
{
    return rig_wall() + slept_us;
}

static void create_for_in_an_hour(const char *id)
{
    char json[512], iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us() + 3600 * 1000000ll, iso);
    snprintf(json, sizeof json,
             "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"startTime\":\"%s\","
             "\"updateTwin\":{\"tags\":{\"a\":1}}}",
             iso);
    assert_int_equal(create(id, json), STATUS_OK);
}

static void pass_minutes(int minutes)
{
    while (minutes--) rig_pass(&f.rig, 60 * 1000000ll);
    go_on();
}

/* The start is a time of day: timers do not go on while a machine sleeps, and clocks are set. */
static void a_job_begins_when_the_clock_says_so(void **state)
{
    (void)state;
    static const struct clock_source clock = {rig_mono, wall_after_sleep};
    slept_us = 0;
    clock_use(&clock);
    put_devices(1);
    create_for_in_an_hour("j1");
    slept_us += 3600 * 1000000ll;
    pass_minutes(1);
    assert_string_equal(state_of("j1"), "completed 1/1/0/0");
    create_for_in_an_hour("j2");
    slept_us -= 3600 * 1000000ll;
    pass_minutes(90);
    assert_string_equal(state_of("j2"), "scheduled 0/0/0/0");
    pass_minutes(31);
    assert_string_equal(state_of("j2"), "completed 1/1/0/0");
}

/* ---- throttles */

static void a_job_does_so_many_identities_in_a_second(void **state)
{
    (void)state;
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("job-devices=3/s")), OK);
    f.hub.throttle = throttle_new(&c);
    put_devices(40);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    rig_pass(&f.rig, 2000);
    rig_pass(&f.rig, 2000);
    assert_int_equal(calls_made, 3);
    for (int s = 1; s <= 13; s++) {
        rig_pass(&f.rig, 333000);
        rig_pass(&f.rig, 333000);
        rig_pass(&f.rig, 335000);
        assert_in_range(calls_made, 3 * s, 3 * s + 4);
        answer_all_methods(&(struct method_result){.device_status = 200});
    }
    rig_pass(&f.rig, 2000000);
    answer_all_methods(&(struct method_result){.device_status = 200});
    go_on();
    assert_string_equal(state_of("j1"), "completed 40/40/0/0");
    assert_int_equal(calls_made, 40);
    throttle_free(f.hub.throttle);
}

static void a_job_that_waits_for_its_turns_can_be_cancelled(void **state)
{
    (void)state;
    struct throttle_config c = {0};
    assert_int_equal(throttle_override(&c, SLICE_LIT("job-devices=1/h")), OK);
    f.hub.throttle = throttle_new(&c);
    put_devices(5);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    assert_int_equal(call_count, 1);
    cancel("j1");
    go_on();
    assert_string_equal(state_of("j1"), "cancelled 5/0/0/0");
    throttle_free(f.hub.throttle);
}

static void what_is_above_the_daily_quota_is_the_devices_failure(void **state)
{
    (void)state;
    f.hub.quota = quota_new(&(struct quota_config){2, QUOTA_METER});
    put_devices(3);
    assert_int_equal(create("j1", TWIN_JOB("*")), STATUS_OK);
    go_on();
    assert_string_equal(state_of("j1"), "completed 3/2/1/0");
    quota_free(f.hub.quota);
}

/* One message for the call, and one for an answer that is not empty. */
static void answers_of_methods_count_for_the_quota(void **state)
{
    (void)state;
    static const struct {
        struct slice payload;
        unsigned counts;
    } rows[] = {{SLICE_LIT("null"), 1}, {SLICE_LIT("[1]"), 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        f.hub.quota = quota_new(&(struct quota_config){9, QUOTA_METER});
        if (i == 0) put_devices(1);
        assert_int_equal(create(i ? "j2" : "j1", METHOD_JOB("*")), STATUS_OK);
        go_on();
        answer_all_methods(
            &(struct method_result){.device_status = 200, .payload = rows[i].payload});
        go_on();
        assert_int_equal(quota_used(f.hub.quota, clock_wall_us()), rows[i].counts);
        quota_free(f.hub.quota);
        f.hub.quota = NULL;
    }
}

/* ---- cancelling */

static void a_running_job_can_be_cancelled(void **state)
{
    (void)state;
    put_devices(3);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    assert_int_equal(cancel("j1"), STATUS_OK);
    assert_int_equal(reply.answers, 1);
    assert_true(slice_is(json_str(said(), "status"), "cancelled"));
    assert_int_equal(call_count, 0);
    assert_string_equal(state_of("j1"), "cancelled 3/0/0/0");
    assert_int_equal(count_of(device_jobs("SELECT * FROM devices.jobs WHERE status = 'canceled'")),
                     3);
    assert_int_equal(cancel("j1"), STATUS_OPERATION_NOT_ALLOWED);
    assert_int_equal(cancel("j2"), STATUS_JOB_NOT_FOUND);
}

static void cancelled_half_way_the_rest_stays_as_it_is(void **state)
{
    (void)state;
    enum { N = 3 * JOB_WINDOW };
    unsigned written = 0;
    char who[16];
    put_devices(N);
    start_create("j1", TWIN_JOB("*"));
    for (int i = 0; i < 60; i++) rig_step(&f.rig);
    rig_pass(&f.rig, 0);
    rig_on(f.rig.cores[1]);
    assert_int_equal(cancel("j1"), STATUS_OK);
    go_on();
    for (unsigned i = 0; i < N; i++) {
        snprintf(who, sizeof who, "d%03u", i);
        written += slice_is(tag_of(who, "a"), "1");
    }
    struct json *s = json_get(show("j1"), "deviceJobStatistics");
    int64_t succeeded;
    assert_int_equal(json_i64(json_get(s, "succeededCount"), &succeeded), OK);
    assert_int_equal(written, succeeded);
}

static void a_job_that_waits_can_be_cancelled(void **state)
{
    (void)state;
    assert_int_equal(create("j1", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\","
                                  "\"startTime\":\"2023-11-15T00:00:00Z\","
                                  "\"updateTwin\":{\"tags\":{\"a\":1}}}"),
                     STATUS_OK);
    assert_int_equal(cancel("j1"), STATUS_OK);
    assert_string_equal(state_of("j1"), "cancelled 0/0/0/0");
    restart();
    rig_pass(&f.rig, 86400 * 1000000ll);
    go_on();
    assert_string_equal(state_of("j1"), "cancelled 0/0/0/0");
}

/* ---- restarts */

/* Whenever the server stops, every twin is written once. */
static void a_restart_at_any_moment_writes_no_twin_twice(void **state)
{
    (void)state;
    char id[16], who[16], version[16];
    put_devices(20);
    for (int steps = 1; steps < 60; steps += 3) {
        snprintf(id, sizeof id, "j%d", steps);
        char json[512];
        snprintf(json, sizeof json,
                 "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":"
                 "{\"properties\":{\"desired\":{\"n\":%d}}}}",
                 steps);
        assert_int_equal(create(id, json), STATUS_OK);
        lane_run_once(f.rig.cores[0], rig_mono_us += 1000); /* it begins */
        for (int i = 0; i < steps; i++) rig_step(&f.rig);
        restart();
        go_on();
        assert_string_equal(state_of(id), "completed 20/20/0/0");
        snprintf(version, sizeof version, "%d", 2 + steps / 3);
        for (unsigned i = 0; i < 20; i++) {
            snprintf(who, sizeof who, "d%03u", i);
            assert_true(slice_is(desired_version(who), version));
        }
    }
}

static void a_method_that_was_under_way_is_called_again(void **state)
{
    (void)state;
    put_devices(2);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    assert_int_equal(call_count, 2);
    restart();
    go_on();
    assert_int_equal(calls_made, 4);
    answer_all_methods(&(struct method_result){.device_status = 200, .payload = SLICE_LIT("1")});
    go_on();
    assert_string_equal(state_of("j1"), "completed 2/2/0/0");
}

static void a_job_whose_time_was_over_before_the_restart_does_nothing_more(void **state)
{
    (void)state;
    put_devices(2);
    assert_int_equal(create("j1", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\","
                                  "\"maxExecutionTimeInSeconds\":10,"
                                  "\"cloudToDeviceMethod\":{\"methodName\":\"reboot\"}}"),
                     STATUS_OK);
    go_on();
    assert_int_equal(calls_made, 2);
    rig_mono_us += 20 * 1000000ll;
    restart();
    go_on();
    assert_int_equal(calls_made, 2);
    assert_string_equal(state_of("j1"), "failed 2/0/0/0");
    assert_int_equal(count_of(device_jobs("SELECT * FROM devices.jobs WHERE status = 'canceled'")),
                     2);
}

static void what_was_not_finished_is_asked_for_until_the_store_answers(void **state)
{
    (void)state;
    put_devices(2);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    restart();
    io_mem_fail(f.rig.io, IO_CALL_READ, 1, ERR_IO, false);
    go_on();
    answer_all_methods(&(struct method_result){.device_status = 200, .payload = SLICE_LIT("1")});
    go_on();
    assert_string_equal(state_of("j1"), "completed 2/2/0/0");
}

/* ---- what is refused */

static void requests_have_rules(void **state)
{
    (void)state;
    static const struct {
        const char *id, *json;
        enum status status;
    } rows[] = {
        {"good-1'", TWIN_JOB("*"), STATUS_OK},
        {"", TWIN_JOB("*"), STATUS_ARGUMENT_INVALID},
        {"DHCMD-1", TWIN_JOB("*"), STATUS_OK},
        {"a_b", TWIN_JOB("*"), STATUS_ARGUMENT_INVALID},
        {"0123456789012345678901234567890123456789012345678901234567890123", TWIN_JOB("*"),
         STATUS_OK},
        {"01234567890123456789012345678901234567890123456789012345678901234", TWIN_JOB("*"),
         STATUS_ARGUMENT_INVALID},
        {"j", "{", STATUS_ARGUMENT_INVALID},
        {"j", "[]", STATUS_ARGUMENT_INVALID},
        {"j", "{\"type\":\"dance\"}", STATUS_ARGUMENT_INVALID},
        {"j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\"}",
         STATUS_ARGUMENT_INVALID},
        {"j", "{\"type\":\"scheduleDeviceMethod\",\"queryCondition\":\"*\",\"updateTwin\":{}}",
         STATUS_ARGUMENT_INVALID},
        {"j", "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":1,\"updateTwin\":{}}",
         STATUS_ARGUMENT_INVALID},
        {"j",
         "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{},"
         "\"startTime\":\"tomorrow\"}",
         STATUS_ARGUMENT_INVALID},
        {"j",
         "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{},"
         "\"startTime\":\"2099-01-01T00:00:00Z\"}",
         STATUS_ARGUMENT_INVALID},
        {"j",
         "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"updateTwin\":{},"
         "\"maxExecutionTimeInSeconds\":-1}",
         STATUS_ARGUMENT_INVALID},
        {"j", CALL_JOB("3601", "0"), STATUS_ARGUMENT_INVALID},
        {"j", CALL_JOB("3600", "301"), STATUS_ARGUMENT_INVALID},
        {"j", CALL_JOB("4", "0"), STATUS_ARGUMENT_INVALID},
        {"j", CALL_JOB("6", "7"), STATUS_ARGUMENT_INVALID},
        {"j", CALL_JOB("null", "31"), STATUS_ARGUMENT_INVALID},
        {"least", CALL_JOB("5", "5"), STATUS_OK},
        {"most", CALL_JOB("3600", "300"), STATUS_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(create(rows[i].id, rows[i].json), rows[i].status);
    go_on();
    assert_int_equal(create("good-1'", TWIN_JOB("*")), STATUS_JOB_ALREADY_EXISTS);
    restart();
    assert_int_equal(create("good-1'", TWIN_JOB("*")), STATUS_JOB_ALREADY_EXISTS);
}

static void ten_run_and_a_hundred_wait(void **state)
{
    (void)state;
    char id[16];
    int64_t met = limit_reached("jobs");
    put_devices(1);
    for (int i = 0; i < JOB_ACTIVE_MAX; i++) {
        snprintf(id, sizeof id, "j%03d", i);
        assert_int_equal(create(id, METHOD_JOB("*")), STATUS_OK);
    }
    assert_int_equal(limit_reached("jobs"), met);
    assert_int_equal(create("more", METHOD_JOB("*")), STATUS_THROTTLING_MAX_ACTIVE_JOBS);
    assert_int_equal(limit_reached("jobs") - met, 1);
    go_on();
    assert_int_equal(call_count, JOB_RUNNING_MAX);
    assert_string_equal(state_of("j010"), "queued 0/0/0/0");
    assert_int_equal(cancel("j000"), STATUS_OK);
    go_on();
    assert_int_equal(call_count, JOB_RUNNING_MAX);
    assert_string_equal(state_of("j010"), "running 1/0/0/1");
    assert_int_equal(create("more", METHOD_JOB("*")), STATUS_OK);
}

/* All of them are asked of the store before it answers one. */
static void a_thousand_changes_are_under_way_and_not_one_more(void **state)
{
    (void)state;
    static struct reply replies[JOB_CHANGES_MAX + 1];
    unsigned refused = 0;
    int64_t met = limit_reached("job-changes");
    rig_on(f.rig.cores[1]);
    for (unsigned i = 0; i <= JOB_CHANGES_MAX; i++) {
        replies[i] = (struct reply){.wait.fn = on_job};
        job_cancel(f.jobs[1], SLICE_LIT("nobody"), &replies[i].wait);
    }
    rig_run(&f.rig);
    for (unsigned i = 0; i <= JOB_CHANGES_MAX; i++) {
        refused += replies[i].status == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED;
        if (replies[i].status != STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED)
            assert_int_equal(replies[i].status, STATUS_JOB_NOT_FOUND);
        buf_free(&replies[i].text);
    }
    assert_int_equal(refused, 1);
    assert_int_equal(limit_reached("job-changes") - met, 1);
}

static void a_job_starts_within_a_week(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        char json[512], iso[CLOCK_ISO_LEN + 1];
        clock_iso(rig_wall() + (JOB_AHEAD_S_MAX + more) * 1000000ll, iso);
        snprintf(json, sizeof json,
                 "{\"type\":\"scheduleUpdateTwin\",\"queryCondition\":\"*\",\"startTime\":\"%s\","
                 "\"updateTwin\":{\"tags\":{\"a\":1}}}",
                 iso);
        assert_int_equal(create(more ? "late" : "last", json),
                         more ? STATUS_ARGUMENT_INVALID : STATUS_OK);
    }
}

/* More than a unit of them in the store, and more than is kept of an answer. */
static void results_are_kept_in_units_and_a_long_answer_as_null(void **state)
{
    (void)state;
    struct buf payload = {0};
    put_devices(JOB_RESULTS_MAX + 1);
    for (int over = 0; over < 2; over++) {
        const char *id = over ? "over" : "at";
        buf_clear(&payload);
        buf_put_u8(&payload, '"');
        while (buf_size(&payload) < JOB_OUTCOME_MAX - 1u + (unsigned)over)
            buf_put_u8(&payload, 'x');
        buf_put_u8(&payload, '"');
        assert_int_equal(create(id, METHOD_JOB("deviceId = 'd000'")), STATUS_OK);
        go_on();
        answer_all_methods(&(struct method_result){
            .status = STATUS_OK, .device_status = 200, .payload = buf_slice(&payload)});
        go_on();
        assert_string_equal(state_of(id), "completed 1/1/0/0");
        char query[128];
        snprintf(query, sizeof query, "SELECT * FROM devices.jobs WHERE jobId = '%s'", id);
        const struct json *outcome = json_get(device_jobs(query)->child, "outcome");
        const struct json *said = json_get(json_get(outcome, "deviceMethodResponse"), "payload");
        assert_int_equal(said->type, over ? JSON_NULL : JSON_STRING);
    }
    assert_int_equal(create("many", TWIN_JOB("*")), STATUS_OK);
    go_on();
    assert_string_equal(state_of("many"), "completed 101/101/0/0");
    buf_free(&payload);
}

/* Each with as many bytes as the others, but for the last one, which has `more`. */
static void answer_eight_methods(size_t bytes, int more)
{
    static const char head[] = "{\"status\":200,\"payload\":";
    struct buf payload = {0};
    rig_on(f.rig.cores[0]);
    for (int i = 0; i < 8; i++) {
        size_t len = bytes - sizeof head + (size_t)(i == 7 ? more : 0); /* and a '}' */
        buf_clear(&payload);
        buf_put_u8(&payload, '"');
        while (buf_size(&payload) < len - 1) buf_put_u8(&payload, 'x');
        buf_put_u8(&payload, '"');
        struct method_call *c = calls[--call_count];
        c->fn(c, &(struct method_result){
                     .status = STATUS_OK, .device_status = 200, .payload = buf_slice(&payload)});
    }
    rig_run(&f.rig);
    buf_free(&payload);
}

/* As many do not wait for others, and what is more waits for the next unit. */
static void a_mebibyte_of_results_is_kept_at_once_and_not_one_byte_more(void **state)
{
    (void)state;
    static const char *const kept[] = {"running 9/0/0/9", "running 9/8/0/1", "running 9/7/0/2"};
    put_devices(9);
    for (int more = -1; more <= 1; more++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", more + 1);
        assert_int_equal(create(id, METHOD_JOB("*")), STATUS_OK);
        go_on();
        assert_int_equal(call_count, 9);
        answer_eight_methods(JOB_RESULT_BYTES_MAX / 8, more);
        assert_string_equal(state_of(id), kept[more + 1]);
        go_on();
        assert_string_equal(state_of(id), "running 9/8/0/1");
        answer_all_methods(
            &(struct method_result){.device_status = 200, .payload = SLICE_LIT("1")});
        go_on();
        assert_string_equal(state_of(id), "completed 9/9/0/0");
    }
}

static void lists_come_in_pages_the_newest_first(void **state)
{
    (void)state;
    char id[16];
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "j%d", i);
        assert_int_equal(create(id, i % 2 ? TWIN_JOB("*") : METHOD_JOB("*")), STATUS_OK);
        rig_pass(&f.rig, 1000);
    }
    go_on();
    struct job_ask page = {.type = JOB_TYPES, .status = JOB_STATUSES, .max = 3};
    struct jobs *j = ask();
    job_list(j, &page, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(count_of(said()), 3);
    assert_true(slice_is(json_str(said()->child, "jobId"), "j4"));
    char next[JOB_PLACE_MAX];
    snprintf(next, sizeof next, "%s", buf_cstr(&reply.next));
    page.after = slice_str(next);
    j = ask();
    job_list(j, &page, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(count_of(said()), 2);
    assert_int_equal(buf_size(&reply.next), 0);
    page = (struct job_ask){.type = JOB_TWIN, .status = JOB_COMPLETED, .max = 3};
    j = ask();
    job_list(j, &page, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(count_of(said()), 2);
}

/* ---- the store */

static void a_store_that_refuses_is_asked_again(void **state)
{
    (void)state;
    put_devices(3);
    assert_int_equal(create("j1", METHOD_JOB("*")), STATUS_OK);
    go_on();
    io_mem_fail(f.rig.io, IO_CALL_WRITE, 1, ERR_FULL, false);
    answer_all_methods(&(struct method_result){.device_status = 200, .payload = SLICE_LIT("1")});
    for (int i = 0; i < 5; i++) go_on();
    assert_string_equal(state_of("j1"), "completed 3/3/0/0");
}

static void jobs_are_forgotten_after_30_days(void **state)
{
    (void)state;
    put_devices(JOB_WINDOW + 1);
    assert_int_equal(create("j1", TWIN_JOB("*")), STATUS_OK);
    go_on();
    rig_pass(&f.rig, JOB_RETENTION_US - 3600 * 1000000ll);
    assert_string_equal(state_of("j1"), "completed 201/201/0/0");
    for (int i = 0; i < 3; i++) rig_pass(&f.rig, 3600 * 1000000ll);
    struct jobs *j = ask();
    job_get(j, SLICE_LIT("j1"), &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_NOT_FOUND);
    assert_int_equal(count_of(device_jobs("SELECT * FROM devices.jobs")), 0);
}

static void who_does_not_wait_is_not_called(void **state)
{
    (void)state;
    struct jobs *j = ask();
    job_get(j, SLICE_LIT("j1"), &reply.wait);
    job_forget(j, &reply.wait);
    start_create("j1", TWIN_JOB("*"));
    job_forget(j, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.answers, 0);
    go_on();
    assert_string_equal(state_of("j1"), "completed 0/0/0/0");
}

static int tear_all_down(void **state)
{
    ask();
    arena_free(&arena);
    return tear_down(state);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_all_down)
    const struct CMUnitTest tests[] = {
        CASE(twins_that_match_are_written_once),
        CASE(more_devices_than_fit_the_window),
        CASE(methods_are_called_and_their_answers_kept),
        CASE(an_answer_is_shown_that_is_not_too_deep),
        CASE(what_a_device_cannot_do_is_its_own_failure),
        CASE(nobody_matches),
        CASE(a_bad_condition_is_refused_at_once),
        cmocka_unit_test_teardown(a_bad_condition_of_an_older_server_fails_when_the_job_runs,
                                  tear_down),
        CASE(a_twin_that_moves_behind_the_cursor_is_not_done_twice),
        cmocka_unit_test_teardown(a_job_goes_on_after_an_upgrade, tear_down),
        CASE(a_job_waits_for_its_start),
        CASE(a_job_begins_when_the_clock_says_so),
        CASE(a_job_has_so_much_time),
        CASE(a_job_does_so_many_identities_in_a_second),
        CASE(a_job_that_waits_for_its_turns_can_be_cancelled),
        CASE(what_is_above_the_daily_quota_is_the_devices_failure),
        CASE(answers_of_methods_count_for_the_quota),
        CASE(a_running_job_can_be_cancelled),
        CASE(cancelled_half_way_the_rest_stays_as_it_is),
        CASE(a_job_that_waits_can_be_cancelled),
        CASE(a_restart_at_any_moment_writes_no_twin_twice),
        CASE(a_method_that_was_under_way_is_called_again),
        CASE(a_job_whose_time_was_over_before_the_restart_does_nothing_more),
        CASE(what_was_not_finished_is_asked_for_until_the_store_answers),
        CASE(requests_have_rules),
        CASE(ten_run_and_a_hundred_wait),
        CASE(a_thousand_changes_are_under_way_and_not_one_more),
        CASE(a_job_starts_within_a_week),
        CASE(results_are_kept_in_units_and_a_long_answer_as_null),
        CASE(a_mebibyte_of_results_is_kept_at_once_and_not_one_byte_more),
        CASE(lists_come_in_pages_the_newest_first),
        CASE(a_store_that_refuses_is_asked_again),
        CASE(jobs_are_forgotten_after_30_days),
        CASE(who_does_not_wait_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
