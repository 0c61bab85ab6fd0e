/* diagnostic_test.c - records into files and event hubs, settings, and every limit at N and N + 1. */
#include "base/io.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/diagnostic/home.h"
#include "hub/event_hub/streams_rig.h"

static struct streams f;

static struct own {
    struct lane *lane;
    bool ephemeral;
    uint64_t reserve;
} own;

static void open_all(void)
{
    own.lane = rig_lane(&f.rig, "archive");
    streams_open(&f, &(struct log_config){.partitions = 1, .journal_bytes = 8 << 20});
    const struct diagnostics_config config = {.hub = &f.hub,
                                              .lane = own.lane,
                                              .io = f.rig.io,
                                              .ephemeral = own.ephemeral,
                                              .reserve_bytes = own.reserve};
    assert_int_equal(diagnostics_open(&config, &f.hub.diagnostics), OK);
    diagnostics_attach(f.hub.diagnostics, f.rig.cores[0], &f.writers[0], f.hubs[0]);
}

static void close_all(void)
{
    diagnostics_free(f.hub.diagnostics);
    streams_close(&f);
}

static int set_up(void **state)
{
    (void)state;
    own = (struct own){0};
    rig_init(&f.rig, io_mem_new());
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    rig_fini(&f.rig);
    return 0;
}

static void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

/* ---- asking */

struct asker {
    struct diagnostic_wait wait;
    unsigned answers;
    enum status status;
    char text[512], json[2048];
};

static void note_answer(struct diagnostic_wait *w, const struct diagnostic_answer *a)
{
    struct asker *asker = CONTAINER_OF(w, struct asker, wait);
    asker->answers++;
    asker->status = a->status;
    snprintf(asker->text, sizeof asker->text, "%.*s", SLICE_ARG(a->text));
    snprintf(asker->json, sizeof asker->json, "%.*s", SLICE_ARG(a->json));
}

static struct asker put(const char *name, const char *properties)
{
    struct asker a = {.wait.fn = note_answer};
    char json[1024];
    snprintf(json, sizeof json, "{\"properties\":%s}", properties);
    diagnostic_setting_put(f.hub.diagnostics, rig_on(f.rig.cores[0]), slice_str(name),
                           slice_str(json), &a.wait);
    rig_run(&f.rig);
    assert_int_equal(a.answers, 1);
    return a;
}

static struct asker list(void)
{
    struct asker a = {.wait.fn = note_answer};
    diagnostic_setting_list(f.hub.diagnostics, rig_on(f.rig.cores[0]), &a.wait);
    rig_run(&f.rig);
    assert_int_equal(a.answers, 1);
    return a;
}

static enum status delete(const char *name) {
    struct asker a = {.wait.fn = note_answer};
    diagnostic_setting_delete(f.hub.diagnostics, rig_on(f.rig.cores[0]), slice_str(name), &a.wait);
    rig_run(&f.rig);
    return a.status;
}

#define CONNECTIONS "\"logs\":[{\"category\":\"Connections\",\"enabled\":true}]"
#define TO_FILE     "{\"file\":{}," CONNECTIONS "}"
#define SMALL_FILE  "{\"file\":{\"sizeInBytes\":4096}," CONNECTIONS "}"

/* ---- noting */

static void note(const char *device, size_t padding)
{
    struct buf properties = {0}, text = {0};
    for (size_t i = 0; i < padding; i++) buf_put_u8(&text, 'x');
    diagnostic_put_who(&properties, slice_str(device));
    diagnostic_put_text(&properties, "text", buf_slice(&text));
    diagnostic_note(&f.hub, rig_on(f.rig.cores[0]),
                    &(struct diagnostic){.category = DIAGNOSTIC_CONNECTIONS,
                                         .operation = "deviceConnect",
                                         .properties = &properties});
    buf_free(&properties);
    buf_free(&text);
}

static unsigned lines_of(const char *path, size_t *size)
{
    struct buf text = {0};
    unsigned count = 0;
    enum err e = io_load(f.rig.io, path, &text);
    for (size_t i = 0; i < buf_size(&text); i++) count += buf_slice(&text).ptr[i] == '\n';
    if (size) *size = buf_size(&text);
    buf_free(&text);
    return e == OK ? count : 0;
}

static int64_t counter(const char *series)
{
    struct buf text = {0};
    metrics_write(&text);
    const char *at = strstr(buf_cstr(&text), series);
    int64_t value = at ? strtoll(at + strlen(series), NULL, 10) : -1;
    buf_free(&text);
    return value;
}

#define LOST(where) counter("azimuth_diagnostic_dropped_total{where=\"" where "\"} ")
#define WROTE(to)   counter("azimuth_diagnostic_records_total{to=\"" to "\"} ")

/* ---- tests */

static void a_record_has_azures_shape(void **state)
{
    struct buf text = {0}, properties = {0};
    struct arena arena = {0};
    struct json *record, *inner;
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    diagnostic_put_who(&properties, SLICE_LIT("d1/m\"1"));
    diagnostic_put_peer(&properties, SLICE_LIT("192.0.2.7:40312"));
    struct diagnostic d = {.category = DIAGNOSTIC_CONNECTIONS,
                           .operation = "deviceConnect",
                           .duration_us = 12999,
                           .properties = &properties};
    diagnostic_set_status(&d, STATUS_DEVICE_NOT_FOUND);
    diagnostic_note(&f.hub, rig_on(f.rig.cores[0]), &d);
    rig_run(&f.rig);
    assert_int_equal(io_load(f.rig.io, "diagnostics/s1.jsonl", &text), OK);
    assert_int_equal(json_parse(&arena, slice_trim(buf_slice(&text)), &record), OK);
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"operationName", "deviceConnect"},
        {"category", "Connections"},
        {"level", "Error"},
        {"resultType", "404001"},
        {"resultDescription", "DeviceNotFound"},
        {"durationMs", "12"},
        {"resourceId", "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000000/RESOURCEGROUPS/AZIMUTH/"
                       "PROVIDERS/MICROSOFT.DEVICES/IOTHUBS/FACTORY"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(slice_is(json_str(record, rows[i].key), rows[i].value));
    assert_int_equal(json_parse(&arena, json_str(record, "properties"), &inner), OK);
    assert_true(slice_is(json_str(inner, "deviceId"), "d1"));
    assert_true(slice_is(json_str(inner, "moduleId"), "m\"1"));
    assert_true(slice_is(json_str(inner, "maskedIpAddress"), "192.0.2.XXX"));
    arena_free(&arena);
    buf_free(&properties);
    buf_free(&text);
}

static void a_record_of_provisioning_has_its_own_fields(void **state)
{
    static const struct {
        unsigned number;
        const char *version, *members;
    } rows[] = {
        {200, "2021-10-01",
         "\"callerIpAddress\":\"192.0.2.XXX\",\"operationVersion\":\"October2021\",\"level\":"
         "\"Information\",\"resultType\":\"Success\",\"resultSignature\":\"\","
         "\"resultDescription\":\"\""},
        {401002, "2019-03-31",
         "\"operationVersion\":\"March2019\",\"level\":\"Error\",\"resultType\":\"ClientError\","
         "\"resultSignature\":\"401\""},
        {503001, "2021-13-01",
         "XXX\",\"level\":\"Error\",\"resultType\":\"Failure\",\"resultSignature\":\"503\""},
        {202, "soon", "XXX\",\"level\":\"Information\",\"resultType\":\"Success\""},
    };
    struct buf text = {0};
    (void)state;
    assert_int_equal(
        put("s1", "{\"file\":{},\"logs\":[{\"category\":\"DeviceOperations\"}]}").status,
        STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        diagnostic_note(&f.hub, rig_on(f.rig.cores[0]),
                        &(struct diagnostic){.category = DIAGNOSTIC_DEVICE_OPERATIONS,
                                             .operation = "AttestationAttempt",
                                             .number = rows[i].number,
                                             .peer = SLICE_LIT("192.0.2.7:40312"),
                                             .version = slice_str(rows[i].version)});
    rig_run(&f.rig);
    assert_int_equal(io_load(f.rig.io, "diagnostics/s1.jsonl", &text), OK);
    struct slice rest = buf_slice(&text), line;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char copy[1024];
        assert_true(slice_split(&rest, '\n', &line));
        snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(line));
        assert_non_null(strstr(copy, "MICROSOFT.DEVICES/PROVISIONINGSERVICES/FACTORY\""));
        if (!strstr(copy, rows[i].members)) fail_msg("%s: not in %s", rows[i].members, copy);
    }
    buf_free(&text);
}

static void nothing_is_noted_that_nobody_wants(void **state)
{
    (void)state;
    assert_false(diagnostic_wanted(&f.hub, DIAGNOSTIC_CONNECTIONS));
    note("d1", 0);
    assert_false(lane_has_mail(own.lane));
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    assert_true(diagnostic_wanted(&f.hub, DIAGNOSTIC_CONNECTIONS));
    assert_false(diagnostic_wanted(&f.hub, DIAGNOSTIC_ROUTES));
    assert_int_equal(delete ("S1"), STATUS_OK);
    assert_false(diagnostic_wanted(&f.hub, DIAGNOSTIC_CONNECTIONS));
    assert_int_equal(delete ("s1"), STATUS_HUB_NOT_FOUND);
}

/* One record that is no UTF-8 would spoil an event's others. */
static void what_is_no_utf8_is_replaced(void **state)
{
    struct buf text = {0}, properties = {0};
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    diagnostic_put_who(&properties, SLICE_LIT("d\xff/m\xc3"));
    diagnostic_put_text(&properties, "sdkVersion", SLICE_LIT("a\x80\"z"));
    diagnostic_put_text(&properties, "good", SLICE_LIT("gr\xc3\xbc\xc3\x9f"));
    diagnostic_note(&f.hub, rig_on(f.rig.cores[0]),
                    &(struct diagnostic){.category = DIAGNOSTIC_CONNECTIONS,
                                         .operation = "deviceConnect",
                                         .description = SLICE_LIT("who is \xfe?"),
                                         .properties = &properties});
    rig_run(&f.rig);
    assert_int_equal(io_load(f.rig.io, "diagnostics/s1.jsonl", &text), OK);
    assert_true(text_is_utf8(buf_slice(&text)));
    assert_non_null(strstr(buf_cstr(&text), "who is ??"));
    assert_string_equal(buf_cstr(&properties), "\"deviceId\":\"d?\",\"moduleId\":\"m?\","
                                               "\"sdkVersion\":\"a?\\\"z\","
                                               "\"good\":\"gr\xc3\xbc\xc3\x9f\"");
    buf_free(&properties);
    buf_free(&text);
}

static void texts_are_cut_between_characters(void **state)
{
    struct buf properties = {0}, text = {0};
    (void)state;
    for (int i = 0; i < DIAGNOSTIC_TEXT_MAX - 1; i++) buf_put_u8(&text, 'a');
    buf_put_str(&text, "\xc3\xa9"); /* one byte too many */
    diagnostic_put_text(&properties, "t", buf_slice(&text));
    assert_int_equal(buf_size(&properties), strlen("\"t\":\"\"") + DIAGNOSTIC_TEXT_MAX - 1);
    buf_clear(&properties);
    diagnostic_put_text(&properties, "t", slice_head(buf_slice(&text), DIAGNOSTIC_TEXT_MAX - 1));
    assert_int_equal(buf_size(&properties), strlen("\"t\":\"\"") + DIAGNOSTIC_TEXT_MAX - 1);
    buf_free(&properties);
    buf_free(&text);
}

static void a_full_file_is_followed_by_the_next_and_the_oldest_goes(void **state)
{
    char path[64];
    size_t size, line;
    (void)state;
    assert_int_equal(put("s1", SMALL_FILE).status, STATUS_OK);
    note("d1", 100);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", &line), 1);
    unsigned in_file = (unsigned)(4096 / line);
    for (unsigned i = 1; i < in_file; i++) note("d1", 100);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), in_file);
    assert_int_equal(lines_of("diagnostics/s1.jsonl.1", NULL), 0);
    note("d1", 100);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 1);
    assert_int_equal(lines_of("diagnostics/s1.jsonl.1", &size), in_file);
    assert_true(size <= 4096);
    for (unsigned i = 0; i < in_file * (DIAGNOSTIC_FILES_MAX + 1); i++) note("d1", 100);
    rig_run(&f.rig);
    snprintf(path, sizeof path, "diagnostics/s1.jsonl.%d", DIAGNOSTIC_FILES_MAX - 1);
    assert_int_equal(lines_of(path, NULL), in_file);
    snprintf(path, sizeof path, "diagnostics/s1.jsonl.%d", DIAGNOSTIC_FILES_MAX);
    assert_int_equal(lines_of(path, NULL), 0);
}

static void a_file_goes_on_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    note("d1", 0);
    rig_run(&f.rig);
    restart();
    assert_true(diagnostic_wanted(&f.hub, DIAGNOSTIC_CONNECTIONS));
    assert_non_null(strstr(list().json, "\"sizeInBytes\":16777216"));
    note("d2", 0);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 2);
}

static void what_the_queue_has_no_room_for_is_counted(void **state)
{
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    int64_t before = LOST("queue"), wrote = WROTE("file");
    unsigned sent = 0;
    while (LOST("queue") == before) {
        note("d1", 1000);
        sent++;
    }
    assert_int_equal(LOST("queue"), before + 1);
    assert_true((uint64_t)sent * 1000 < DIAGNOSTIC_QUEUE_MAX && sent > 1000);
    rig_run(&f.rig);
    assert_int_equal(WROTE("file"), wrote + sent - 1);
    note("d1", 1000);
    rig_run(&f.rig);
    assert_int_equal(WROTE("file"), wrote + sent);
}

static void the_queue_has_8_mib_to_the_byte(void **state)
{
    (void)state;
    enum {
        PADDING = 100
    }; /* twice as much and the rest of a record are less than a text may have */
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    for (size_t over = 0; over < 2; over++) {
        const _Atomic size_t *queued = &f.hub.diagnostics->queued;
        int64_t before = LOST("queue");
        note("d1", PADDING);
        size_t each = atomic_load(queued);
        while (DIAGNOSTIC_QUEUE_MAX - atomic_load(queued) >= 2 * each) note("d1", PADDING);
        size_t left = DIAGNOSTIC_QUEUE_MAX - atomic_load(queued);
        note("d1", PADDING + left - each + over);
        assert_int_equal(LOST("queue") - before, over);
        assert_int_equal(atomic_load(queued), DIAGNOSTIC_QUEUE_MAX - (over ? left : 0));
        rig_run(&f.rig);
        assert_int_equal(atomic_load(queued), 0);
    }
}

static void a_line_that_a_crash_tore_does_not_swallow_the_next(void **state)
{
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    close_all();
    assert_int_equal(io_make_dir(f.rig.io, "diagnostics"), OK);
    assert_int_equal(io_store(f.rig.io, "diagnostics/s1.jsonl", SLICE_LIT("{\"a\":1}\n{\"b")), OK);
    rig_restart(&f.rig);
    open_all();
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 3);
}

static void what_a_disk_does_not_take_is_counted(void **state)
{
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    int64_t before = LOST("file");
    io_mem_fail(f.rig.io, IO_CALL_WRITE, 1, ERR_FULL, true);
    note("d1", 0);
    note("d1", 0);
    rig_run(&f.rig);
    io_mem_fail(f.rig.io, IO_CALL_WRITE, 0, OK, false);
    assert_int_equal(LOST("file"), before + 2);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 1);
}

/* The disk has so much free from now on. */
static void leave_free(uint64_t bytes)
{
    const uint64_t all = UINT64_C(1) << 40;
    uint64_t free_bytes;
    io_mem_capacity(f.rig.io, all);
    assert_int_equal(io_free_bytes(f.rig.io, &free_bytes), OK);
    io_mem_capacity(f.rig.io, all - free_bytes + bytes);
}

/* The disk has one from now on, and s1 a file with a record in it: its length. */
static size_t begin_with_reserve(void)
{
    size_t record;
    own.reserve = 1 << 20;
    restart();
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", &record), 1);
    return record;
}

static void a_disk_near_its_reserve_is_left_to_messages(void **state)
{
    (void)state;
    size_t line = begin_with_reserve();
    int64_t before = LOST("file");
    leave_free(DIAGNOSTIC_RESERVES * own.reserve + line - 1);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(LOST("file"), before + 1);
    leave_free(DIAGNOSTIC_RESERVES * own.reserve + line);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(LOST("file"), before + 1);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 2);
}

static void files_of_a_setting_outlive_it(void **state)
{
    (void)state;
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(delete ("s1"), STATUS_OK);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 1);
    assert_int_equal(put("s1", TO_FILE).status, STATUS_OK);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(lines_of("diagnostics/s1.jsonl", NULL), 2);
}

/* ---- event hubs */

static void on_made(struct event_hub_wait *w, enum err result, bool created)
{
    (void)w, (void)created;
    assert_int_equal(result, OK);
}

static void make_event_hub(void)
{
    struct event_hub_wait wait = {.fn = on_made};
    rig_on(f.rig.cores[0]);
    event_hub_put(f.hubs[0], &(struct event_hub_wish){SLICE_LIT("logs"), .partitions = 1}, &wait);
    rig_run(&f.rig);
    assert_non_null(event_hub_find(f.hubs[0], SLICE_LIT("logs")));
}

static void event_hubs_get_several_records_in_an_event(void **state)
{
    (void)state;
    make_event_hub();
    assert_int_equal(put("s1", "{\"eventHubName\":\"logs\"," CONNECTIONS "}").status, STATUS_OK);
    int64_t wrote = WROTE("eventHub"), appends = counter("\nazimuth_log_appends_total ");
    for (int i = 0; i < 100; i++) note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(WROTE("eventHub"), wrote + 100);
    assert_int_equal(counter("\nazimuth_log_appends_total "), appends + 1);
}

static void events_leave_the_reserve_to_messages_too(void **state)
{
    (void)state;
    size_t record = begin_with_reserve();
    make_event_hub();
    assert_int_equal(put("s1", "{\"eventHubName\":\"logs\"," CONNECTIONS "}").status, STATUS_OK);
    int64_t before = LOST("eventHub"), wrote = WROTE("eventHub");
    leave_free(DIAGNOSTIC_RESERVES * own.reserve + record - 1);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(LOST("eventHub"), before + 1);
    leave_free(DIAGNOSTIC_RESERVES * own.reserve + record);
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(LOST("eventHub"), before + 1);
    assert_int_equal(WROTE("eventHub"), wrote + 1);
}

static void an_event_hub_that_is_gone_loses_records_and_says_so(void **state)
{
    (void)state;
    assert_int_equal(put("s1", "{\"eventHubName\":\"logs\"," CONNECTIONS "}").status, STATUS_OK);
    int64_t before = LOST("eventHub");
    note("d1", 0);
    rig_run(&f.rig);
    assert_int_equal(LOST("eventHub"), before + 1);
}

/* The lane runs and the core does not. */
static void batches_that_nobody_takes_are_bounded(void **state)
{
    (void)state;
    make_event_hub();
    assert_int_equal(put("s1", "{\"eventHubName\":\"logs\"," CONNECTIONS "}").status, STATUS_OK);
    int64_t before = LOST("eventHub"), wrote = WROTE("eventHub");
    unsigned sent = 0;
    while (LOST("eventHub") == before && sent < 100000) {
        note("d1", 1000);
        sent++;
        if (sent % 100 == 0) lane_run_once(own.lane, rig_mono_us);
    }
    uint64_t most = (uint64_t)(DIAGNOSTIC_BATCHES_MAX + 1) * DIAGNOSTIC_BATCH_MAX;
    assert_true(sent < 100000 && (uint64_t)sent * 1000 < most + 100000);
    rig_run(&f.rig);
    assert_int_equal(WROTE("eventHub") - wrote + LOST("eventHub") - before, sent);
    assert_true(WROTE("eventHub") - wrote >
                (int64_t)DIAGNOSTIC_BATCHES_MAX * DIAGNOSTIC_BATCH_MAX / 2000);
}

/* ---- settings */

static void there_are_five_settings_and_no_sixth(void **state)
{
    char name[16];
    int64_t refused = limit_reached("diagnostic-settings");
    (void)state;
    for (int i = 0; i < DIAGNOSTIC_SETTINGS_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(put(name, TO_FILE).status, STATUS_OK);
    }
    assert_int_equal(put("s4", SMALL_FILE).status, STATUS_OK);
    assert_int_equal(put("s5", TO_FILE).status, STATUS_QUOTA_EXCEEDED);
    assert_int_equal(limit_reached("diagnostic-settings") - refused, 1);
    assert_int_equal(delete ("s0"), STATUS_OK);
    assert_int_equal(put("s5", TO_FILE).status, STATUS_OK);
}

static void what_is_no_setting_is_refused(void **state)
{
    static const struct {
        const char *properties, *says;
    } rows[] = {
        {"{}", "where the records go"},
        {"{\"file\":{}}", "logs is a list"},
        {"{\"file\":{},\"logs\":[]}", "enables no category"},
        {"{\"file\":{},\"logs\":[{\"category\":\"Connections\",\"enabled\":false}]}",
         "enables no category"},
        {"{\"file\":{},\"logs\":[{\"category\":\"Weather\"}]}", "'Weather' is no category"},
        {"{\"file\":{},\"logs\":[{\"categoryGroup\":\"audit\"}]}", "'audit' is no category"},
        {"{\"file\":{\"sizeInBytes\":4095}," CONNECTIONS "}", "from 4096 to 1073741824"},
        {"{\"file\":{\"sizeInBytes\":1073741825}," CONNECTIONS "}", "from 4096 to 1073741824"},
        {"{\"eventHubName\":\"a/b\"," CONNECTIONS "}", "no name of an event hub"},
        {"{\"workspaceId\":\"x\",\"file\":{}," CONNECTIONS "}", "'workspaceId' has no meaning"},
        {"[]", "properties are missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asker a = put("s1", rows[i].properties);
        assert_int_equal(a.status, STATUS_ARGUMENT_INVALID);
        if (!strstr(a.text, rows[i].says)) fail_msg("%s: %s", rows[i].properties, a.text);
    }
    char name[DIAGNOSTIC_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[DIAGNOSTIC_NAME_MAX + 1] = '\0';
    assert_int_equal(put(name, TO_FILE).status, STATUS_ARGUMENT_INVALID);
    name[DIAGNOSTIC_NAME_MAX] = '\0';
    assert_int_equal(put(name, TO_FILE).status, STATUS_OK);
}

static void a_hub_in_memory_keeps_no_files(void **state)
{
    (void)state;
    own.ephemeral = true;
    restart();
    struct asker a = put("s1", TO_FILE);
    assert_int_equal(a.status, STATUS_ARGUMENT_INVALID);
    assert_non_null(strstr(a.text, "keeps no files"));
}

static void what_any_message_may_be_the_reason_for_is_due_once_a_minute(void **state)
{
    (void)state;
    rig_on(f.rig.cores[0]);
    assert_true(diagnostic_is_due(&f.hub, DIAGNOSTIC_ORPHANED));
    assert_true(diagnostic_is_due(&f.hub, DIAGNOSTIC_ROUTE_ERROR));
    assert_false(diagnostic_is_due(&f.hub, DIAGNOSTIC_ORPHANED));
    rig_pass(&f.rig, DIAGNOSTIC_RARE_US - 2); /* it goes on by one more */
    assert_false(diagnostic_is_due(&f.hub, DIAGNOSTIC_ORPHANED));
    rig_pass(&f.rig, 0);
    assert_true(diagnostic_is_due(&f.hub, DIAGNOSTIC_ORPHANED));
    assert_false(diagnostic_is_due(&f.hub, DIAGNOSTIC_ORPHANED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_has_azures_shape, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_of_provisioning_has_its_own_fields, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_noted_that_nobody_wants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_any_message_may_be_the_reason_for_is_due_once_a_minute,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_utf8_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_file_is_followed_by_the_next_and_the_oldest_goes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_goes_on_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_queue_has_no_room_for_is_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_queue_has_8_mib_to_the_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_a_crash_tore_does_not_swallow_the_next, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_disk_does_not_take_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_near_its_reserve_is_left_to_messages, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_of_a_setting_outlive_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(event_hubs_get_several_records_in_an_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(events_leave_the_reserve_to_messages_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_event_hub_that_is_gone_loses_records_and_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(batches_that_nobody_takes_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_five_settings_and_no_sixth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_setting_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hub_in_memory_keeps_no_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
