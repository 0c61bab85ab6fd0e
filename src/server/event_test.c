/* event_test.c - what happens to twins, identities and connections in a whole hub, as the log has it. */
#include "base/test.h"

#include "base/amqp.h"
#include "base/blob.h"
#include "hub/job/job.h"
#include "hub/registry/registry.h"
#include "hub/twin/twin.h"
#include "server/rig.h"

enum { EVENTS_MAX = 20 };

static struct rig rig;
static struct lane reader;

static struct {
    enum record_source source;
    char body[2000], properties[600];
} seen[EVENTS_MAX];
static unsigned count;
static uint64_t reads_on; /* 0: there is no more */

/* ---- reading the log */

static void take_record(const struct record *rec)
{
    struct amqp_message m;
    assert_true(count < EVENTS_MAX);
    assert_int_equal(amqp_message_parse(rec->sections, &m), OK);
    seen[count].source = rec->source;
    snprintf(seen[count].body, sizeof seen[count].body, "%.*s", SLICE_ARG(m.data));
    size_t len = rec->sections.len < 599 ? rec->sections.len : 599;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = rec->sections.ptr[i];
        seen[count].properties[i] = (char)(c >= ' ' && c < 0x7F ? c : '.');
    }
    seen[count].properties[len] = '\0';
    count++;
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    (void)a;
    if (done->err != OK) return;
    reads_on = done->next;
    struct slice bytes = slice_of(blob_slice(done->blob).ptr + done->offset, done->len);
    for (struct record rec; bytes.len && record_parse(bytes, &rec) == OK;) {
        take_record(&rec);
        bytes = slice_from(bytes, rec.frame.len);
    }
    blob_drop(done->blob);
}

static void read_piece(unsigned partition, uint64_t from)
{
    struct log_read_msg body = {
        .partition = (uint16_t)partition, .max_bytes = LOG_READ_MAX, .from_ordinal = from};
    struct log_asker asker = {.lane = &reader, .log = rig.wire.log, .read = on_read};
    lane_running = &reader;
    log_ask_read(&asker, &body);
    rig_run(&rig);
    log_ask_forget(&asker);
}

static void read_log(void)
{
    count = 0;
    for (unsigned p = 0; p < log_partitions(rig.wire.log, 0); p++) {
        uint64_t from = 0;
        do {
            reads_on = 0;
            read_piece(p, from);
            from = reads_on;
        } while (from);
    }
}

/* ---- acting */

static void note(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void write_twin(enum twin_write how, const char *json)
{
    struct twin_wait w = {.fn = note};
    lane_running = &rig.core;
    twin_write(rig.wire.cores[0].twins, SLICE_LIT("d1"), how, SLICE_NONE, slice_str(json), &w);
    rig_run(&rig);
}

static void report(const char *json)
{
    struct twin_wait w = {.fn = note};
    lane_running = &rig.core;
    twin_report(rig.wire.cores[0].twins, SLICE_LIT("d1"), TWIN_ANY_VERSION, slice_str(json), &w);
    rig_run(&rig);
}

static enum status refused;

static void note_refused(struct registry_wait *w, const struct registry_answer *a)
{
    (void)w;
    refused = a->status;
}

static void put_again(const char *device_id)
{
    struct registry_wait w = {.fn = note_refused};
    lane_running = &rig.core;
    registry_put(rig.wire.cores[0].registry, slice_str(device_id), SLICE_NONE, SLICE_LIT("{}"), &w);
    rig_run(&rig);
}

/* Parts of the body and the words that stand in the properties. */
static void expect(unsigned i, enum record_source source, const char *op, const char *part)
{
    assert_true(i < count);
    assert_int_equal(seen[i].source, source);
    if (strstr(seen[i].body, part) == NULL) fail_msg("no %s in %s", part, seen[i].body);
    if (strstr(seen[i].properties, op) == NULL) fail_msg("no %s in %s", op, seen[i].properties);
}

static void start(unsigned events)
{
    rig = (struct rig){.events = events};
    rig_start(&rig);
    lane_init(&reader, &rig.wire.office, "reader");
}

static void stop(void)
{
    lane_fini(&reader);
    rig_stop(&rig);
}

static void changes_of_twins_and_identities_are_told_in_their_order(void **state)
{
    (void)state;
    start(~(1u << RECORD_DIGITAL_TWIN_CHANGE));
    rig_create_device(&rig, "d1");
    report("{\"a\":1}");
    write_twin(TWIN_MERGE, "{\"tags\":{\"t\":1},\"properties\":{\"desired\":{\"x\":{\"y\":2},"
                           "\"gone\":null}}}");
    write_twin(TWIN_REPLACE_TAGS, "{\"u\":2}");
    rig_delete(&rig, "d1");
    read_log();
    assert_int_equal(count, 5);
    expect(0, RECORD_DEVICE_LIFECYCLE, "createDeviceIdentity",
           "{\"deviceId\":\"d1\",\"etag\":\"AAAAAAAAAAE=\",\"version\":2,");
    expect(
        1, RECORD_TWIN_CHANGE, "updateTwin",
        "{\"version\":3,\"properties\":{\"reported\":{\"a\":1,\"$metadata\":{\"$lastUpdated\":\"");
    expect(1, RECORD_TWIN_CHANGE, "twinChangeNotification", "\"$version\":2}}}");
    expect(2, RECORD_TWIN_CHANGE, "updateTwin",
           "{\"version\":4,\"tags\":{\"t\":1},\"properties\":{\"desired\":{\"x\":{\"y\":2},"
           "\"gone\":null,\"$metadata\":{\"$lastUpdated\":\"");
    expect(2, RECORD_TWIN_CHANGE, "updateTwin", "\"$lastUpdatedVersion\":2");
    expect(3, RECORD_TWIN_CHANGE, "replaceTwin", "\"tags\":{\"u\":2}");
    expect(3, RECORD_TWIN_CHANGE, "replaceTwin", "{\"deviceId\":\"d1\"");
    expect(4, RECORD_DEVICE_LIFECYCLE, "deleteDeviceIdentity", "\"version\":5");
    stop();
}

static void modules_that_come_and_go_with_their_device_are_told_of(void **state)
{
    (void)state;
    start(1u << RECORD_DEVICE_LIFECYCLE);
    rig_put_device(&rig, "e1", "{\"deviceId\":\"e1\",\"capabilities\":{\"iotEdge\":true}}", NULL);
    rig_put_device(&rig, "e1/m", "{\"deviceId\":\"e1\",\"moduleId\":\"m\"}", NULL);
    rig_delete(&rig, "e1");
    read_log();
    assert_int_equal(count, 8);
    expect(0, RECORD_DEVICE_LIFECYCLE, "createDeviceIdentity", "{\"deviceId\":\"e1\",\"etag\"");
    expect(1, RECORD_DEVICE_LIFECYCLE, "createModuleIdentity", "\"moduleId\":\"$edgeAgent\"");
    expect(2, RECORD_DEVICE_LIFECYCLE, "createModuleIdentity", "\"moduleId\":\"$edgeHub\"");
    expect(3, RECORD_DEVICE_LIFECYCLE, "createModuleIdentity", "\"moduleId\":\"m\"");
    expect(4, RECORD_DEVICE_LIFECYCLE, "deleteModuleIdentity", "\"moduleId\":\"$edgeAgent\"");
    expect(5, RECORD_DEVICE_LIFECYCLE, "deleteModuleIdentity", "\"moduleId\":\"$edgeHub\"");
    expect(6, RECORD_DEVICE_LIFECYCLE, "moduleLifecycleNotification", "\"moduleId\":\"m\"");
    expect(7, RECORD_DEVICE_LIFECYCLE, "deleteDeviceIdentity", "{\"deviceId\":\"e1\",\"etag\"");
    stop();
}

static void a_change_is_told_of_the_digital_twin_too(void **state)
{
    (void)state;
    start(1u << RECORD_DIGITAL_TWIN_CHANGE | 1u << RECORD_TWIN_CHANGE);
    rig_create_device(&rig, "d1");
    report("{\"a\":1}");
    write_twin(TWIN_REPLACE_TAGS, "{\"u\":2}"); /* which a digital twin does not show */
    read_log();
    assert_int_equal(count, 3);
    expect(0, RECORD_TWIN_CHANGE, "updateTwin", "{\"version\":3,");
    expect(1, RECORD_DIGITAL_TWIN_CHANGE, "digitalTwinChangeNotification",
           "[{\"op\":\"add\",\"path\":\"/$metadata/a\",\"value\":{\"lastUpdateTime\":\"");
    expect(1, RECORD_DIGITAL_TWIN_CHANGE, "application/json-patch+json",
           "{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]");
    expect(1, RECORD_DIGITAL_TWIN_CHANGE, "updateTwin", "");
    expect(1, RECORD_DIGITAL_TWIN_CHANGE, "+00:00", "");
    expect(2, RECORD_TWIN_CHANGE, "replaceTwin", "");
    stop();
}

static void note_job(struct job_wait *w, const struct job_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void jobs_are_told_when_they_are_made_run_and_end(void **state)
{
    (void)state;
    struct job_wait w = {.fn = note_job};
    start(1u << RECORD_JOB_LIFECYCLE);
    rig_create_device(&rig, "d1");
    lane_running = &rig.core;
    job_create(rig.wire.cores[0].jobs, SLICE_LIT("j1"),
               SLICE_LIT("{\"type\":\"scheduleUpdateTwin\",\"updateTwin\":{\"tags\":{\"a\":1}},"
                         "\"queryCondition\":\"*\",\"startTime\":\"2020-01-01T00:00:00Z\","
                         "\"maxExecutionTimeInSeconds\":60}"),
               &w);
    for (int i = 0; i < 5; i++) rig_wait(&rig, 1000000);
    read_log();
    assert_int_equal(count, 3);
    expect(0, RECORD_JOB_LIFECYCLE, "createJob", "\"status\":\"queued\"");
    expect(1, RECORD_JOB_LIFECYCLE, "updateJob", "\"status\":\"running\"");
    expect(2, RECORD_JOB_LIFECYCLE, "deviceJobLifecycleNotification", "\"status\":\"completed\"");
    expect(2, RECORD_JOB_LIFECYCLE, "jobId", "\"jobId\":\"j1\"");
    stop();
}

static void what_was_refused_is_not_told(void **state)
{
    (void)state;
    start(~0u);
    rig_create_device(&rig, "d1");
    write_twin(TWIN_MERGE, "{}"); /* changes nothing */
    refused = 0;
    put_again("d1");
    assert_int_equal(refused, STATUS_DEVICE_ALREADY_EXISTS);
    read_log();
    assert_int_equal(count, 1);
    stop();
}

static void nothing_is_told_unless_it_was_asked_for(void **state)
{
    (void)state;
    static const unsigned switches[] = {0, 1u << RECORD_TWIN_CHANGE, 1u << RECORD_DEVICE_LIFECYCLE};
    for (unsigned i = 0; i < 3; i++) {
        start(switches[i]);
        rig_create_device(&rig, "d1");
        report("{\"a\":1}");
        read_log();
        assert_int_equal(count, i == 0 ? 0 : 1);
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_twins_and_identities_are_told_in_their_order),
        cmocka_unit_test(modules_that_come_and_go_with_their_device_are_told_of),
        cmocka_unit_test(a_change_is_told_of_the_digital_twin_too),
        cmocka_unit_test(jobs_are_told_when_they_are_made_run_and_end),
        cmocka_unit_test(what_was_refused_is_not_told),
        cmocka_unit_test(nothing_is_told_unless_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
