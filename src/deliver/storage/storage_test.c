/* storage_test.c - messages of routes become files, each in one of them, whatever fails when. */
#include "cursor/cursor_rig.h"

#include "archive/archive.h"
#include "base/amqp.h"
#include "base/json.h"
#include "base/mem.h"
#include "blob/remote_rig.h"
#include "deliver/deliver.h"
#include "deliver/storage/settings.h"
#include "deliver/storage/storage.h"

enum { S = 1000000, SECOND_US = 10000, WINDOW_US = 61 * SECOND_US, MESSAGES_MAX = 400 };
enum { A = 1 << 1, B = 1 << 2 };

static struct fixture {
    struct cursor_rig rig;
    struct lane archive_lane;
    struct remote_rig account;
    struct hub hub;
    struct routing *routing;
    struct archives *archives;
    struct storages *storages;
    struct deliver *deliver;
    bool ephemeral;
    /* what the folder had at the newest look */
    unsigned seen[MESSAGES_MAX], files;
    struct buf names, text; /* of lines */
} f;

/* ---- a hub around it */

static enum err open_hub(void)
{
    const struct routing_config config = {.kinds = deliver_kinds, .kind_count = deliver_kind_count};
    TRY(cursor_rig_open(&f.rig));
    lane_init(&f.archive_lane, &f.rig.rig->office, "archive");
    store_attach(&f.archive_lane);
    blobs_attach(&f.archive_lane);
    memset(&f.account, 0, sizeof f.account);
    remote_rig_open(&f.account, &f.archive_lane);
    f.hub = (struct hub){.office = &f.rig.rig->office,
                         .core_count = 1,
                         .cores = {f.rig.lane.id},
                         .log = f.rig.rig->log,
                         .store = f.rig.store,
                         .name = "plant",
                         .created_us = INT64_C(1700000000000000)};
    f.archives = archives_new(&(struct archives_config){.lane = &f.archive_lane,
                                                        .log = f.hub.log,
                                                        .store = f.hub.store,
                                                        .io = f.rig.io,
                                                        .remote = f.account.remote,
                                                        .second_us = SECOND_US});
    f.storages = storages_new(&(struct storages_config){
        .hub = &f.hub, .lane = &f.archive_lane, .archives = f.archives, .ephemeral = f.ephemeral});
    TRY(routing_new(&f.hub, &f.rig.lane, &config, &f.routing));
    f.deliver = deliver_new(&f.hub, &f.rig.lane,
                            &(struct deliver_doors){.routing = f.routing,
                                                    .cursors = f.rig.cursors,
                                                    .storage_lane = &f.archive_lane});
    cursor_rig_run(&f.rig, S); /* the first tick begins */
    return OK;
}

static void close_hub(void)
{
    rig_run(f.rig.rig);
    lane_running = &f.archive_lane;
    storages_free(f.storages);
    archives_free(f.archives);
    lane_running = &f.rig.lane;
    deliver_free(f.deliver);
    routing_free(f.routing);
    cursor_rig_close(&f.rig);
    remote_free(f.account.remote);
    lane_fini(&f.archive_lane);
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    cursor_rig_init(&f.rig, 1);
    f.rig.log.journal_bytes = 4 << 20;
    return (int)open_hub();
}

static int tear_down(void **state)
{
    (void)state;
    close_hub();
    cursor_rig_fini(&f.rig);
    buf_free(&f.names);
    buf_free(&f.text);
    return 0;
}

static void pass(int64_t us)
{
    cursor_rig_run(&f.rig, us);
}

/* ---- the document */

static enum err put_result;

static void on_put(struct routing_wait *w, enum err e, const char *text)
{
    (void)w;
    put_result = e;
    if (e != OK) fail_msg("%s", text);
}

static void use(const char *document)
{
    static struct routing_wait wait = {.fn = on_put};
    put_result = ERR_AGAIN;
    cursor_rig_on(&f.rig);
    routing_put(f.routing, SLICE_LIT("*"), slice_str(document), &wait);
    pass(0);
    assert_int_equal(put_result, OK);
}

#define DOC(endpoints) "{\"endpoints\":{\"storageContainers\":[" endpoints "]}}"
#define FOLDER_OF(name, folder, more)                                                              \
    "{\"name\":\"" name "\",\"folder\":\"" folder                                                  \
    "\",\"batchFrequencyInSeconds\":60,\"maxChunkSizeInBytes\":10485760,\"skipEmptyBlobs\":"       \
    "true" more "}"
#define FILES(more) DOC(FOLDER_OF("cold", "", more))
#define JSON_FILES  FILES(",\"encoding\":\"JSON\"")
#define CONTAINER                                                                                  \
    DOC("{\"name\":\"cold\",\"containerName\":\"telemetry\",\"skipEmptyBlobs\":true,"              \
        "\"batchFrequencyInSeconds\":60,\"connectionString\":\"AccountName=acct;AccountKey=a2V5;"  \
        "BlobEndpoint=http://127.0.0.1:1/acct\"}")

/* ---- messages */

static void say_as(int n, const char *type, const char *body_more, uint64_t bits)
{
    struct log_writer *w = &f.rig.rig->cores[0].writer;
    struct buf body = {0};
    lane_running = &f.rig.rig->cores[0].lane;
    buf_printf(&body, "{\"n\":%d%s}", n, body_more);
    struct buf *b = log_begin(w, 0, 0, RECORD_TELEMETRY, bits);
    amqp_put_sym(b, "iothub-connection-device-id");
    amqp_put_str(b, "pump");
    amqp_put_sym(b, "iothub-connection-auth-generation-id");
    amqp_put_str(b, "7");
    log_pairs_done(w, 2);
    amqp_put_descriptor(b, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(b);
    for (unsigned i = 0; i < 6; i++) amqp_put_null(b);
    amqp_put_sym(b, type);
    amqp_put_sym(b, "utf-8");
    amqp_close(b, list, 8);
    amqp_put_descriptor(b, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(b);
    amqp_put_str(b, "level");
    amqp_put_str(b, "hot");
    amqp_close(b, map, 2);
    amqp_put_data(b, buf_slice(&body));
    log_end(w, rig_note, f.rig.rig->cores[0].slot, 1);
    buf_free(&body);
    rig_run(f.rig.rig);
}

static void say_many(int first, int last)
{
    for (int n = first; n <= last; n++) say_as(n, "application/json", "", A);
}

/* ---- the folder */

static void count(struct slice body)
{
    const char *at = memmem(body.ptr, body.len, "\"n\":", 4);
    assert_non_null(at);
    int n = atoi(at + 4);
    assert_in_range(n, 0, MESSAGES_MAX - 1);
    f.seen[n]++;
}

static void read_avro(struct slice bytes)
{
    struct avro_reader *reader = avro_reader_new();
    struct avro_value v;
    avro_reader_feed(reader, bytes);
    while (avro_reader_next(reader) == OK) {
        assert_true(avro_field(reader, "Body", &v));
        count(v.bytes);
    }
    assert_int_equal(avro_reader_end(reader), OK);
    avro_reader_free(reader);
}

static void read_lines(struct slice rest)
{
    struct slice line;
    buf_put_slice(&f.text, rest);
    assert_true(rest.len == 0 || rest.ptr[rest.len - 1] == '\n');
    while (slice_split(&rest, '\n', &line))
        if (line.len) count(line);
}

static void read_file(const char *path)
{
    struct buf bytes = {0};
    assert_int_equal(io_load(f.rig.io, path, &bytes), OK);
    f.files++;
    buf_printf(&f.names, "%s\n", path);
    if (slice_starts(buf_slice(&bytes), SLICE_LIT("Obj\1")))
        read_avro(buf_slice(&bytes));
    else
        read_lines(buf_slice(&bytes));
    buf_free(&bytes);
}

struct walk {
    const char *path;
};

static void walk(void *ctx, const char *name)
{
    const struct walk *above = ctx;
    char path[IO_NAME_MAX];
    struct io_file *file;
    snprintf(path, sizeof path, "%.255s/%.255s", above->path, name);
    struct walk here = {path};
    if (io_open_file(f.rig.io, path, IO_READ, &file) == OK) {
        io_close(file);
        read_file(path);
    } else {
        assert_int_equal(io_list(f.rig.io, path, walk, &here), OK);
    }
}

static void look(void)
{
    struct walk root = {STORAGE_FOLDER};
    memset(f.seen, 0, sizeof f.seen);
    f.files = 0;
    buf_clear(&f.names);
    buf_clear(&f.text);
    enum err e = io_list(f.rig.io, STORAGE_FOLDER, walk, &root);
    assert_true(e == OK || e == ERR_NOT_FOUND);
}

static void assert_each_once(int first, int last)
{
    look();
    for (int n = 0; n < MESSAGES_MAX; n++)
        if (f.seen[n] != (n >= first && n <= last)) fail_msg("message %d: %u times", n, f.seen[n]);
}

/* ---- health */

static void assert_health(const char *status, const char *error)
{
    struct buf text = {0};
    cursor_rig_on(&f.rig);
    pass(2 * S);
    routing_put_health(f.routing, &text);
    if (strstr(buf_cstr(&text), status) == NULL || strstr(buf_cstr(&text), error) == NULL)
        fail_msg("%s", buf_cstr(&text));
    buf_free(&text);
}

static int64_t deliveries(const char *result)
{
    char labels[128];
    snprintf(labels, sizeof labels, "endpoint=\"cold\",result=\"%s\"", result);
    return metric_value(metric_of(METRIC_COUNTER, "azimuth_routing_deliveries_total", labels, ""));
}

static int64_t azure(const char *name, const char *result)
{
    char labels[256];
    snprintf(
        labels, sizeof labels,
        "%sRoutingSource=\"Device Messages\",EndpointType=\"blobStorage\",EndpointName=\"cold\"",
        result);
    return metric_value(metric_of(METRIC_COUNTER, name, labels, ""));
}

static int64_t arrived(void)
{
    return azure("azimuth_RoutingDeliveries_total",
                 "Result=\"success\",FailureReasonCategory=\"null\",");
}

/* ---- rows */

static void messages_are_in_a_file_when_the_window_ends(void **state)
{
    (void)state;
    use(FILES(""));
    int64_t before = deliveries("success"), arrived_before = arrived();
    int64_t late_ms = azure("azimuth_RoutingDeliveryLatency_milliseconds_total", "");
    say_many(1, 5);
    say_as(6, "application/json", "", B);
    look();
    assert_int_equal(f.files, 0);
    pass(WINDOW_US);
    assert_each_once(1, 5);
    assert_string_equal(buf_cstr(&f.names), "storage/plant/0/2023/11/14/22/13\n");
    assert_int_equal(deliveries("success"), before + 5);
    assert_int_equal(arrived(), arrived_before + 5);
    late_ms = azure("azimuth_RoutingDeliveryLatency_milliseconds_total", "") - late_ms;
    assert_in_range(late_ms, 5 * WINDOW_US / 1000, 5 * 2 * WINDOW_US / 1000);
    assert_true(azure("azimuth_RoutingDataSizeInBytesDelivered_total", "") > 5 * 7);
    assert_health("healthy", "");
}

static void a_line_of_json_has_the_body_as_it_is_or_in_base64(void **state)
{
    (void)state;
    use(JSON_FILES);
    say_as(1, "application/json", ",\n \"x\":\"a\\nb\"", A);
    say_as(2, "text/plain", "", A);
    pass(WINDOW_US);
    struct buf bytes = {0};
    assert_int_equal(io_load(f.rig.io, "storage/plant/0/2023/11/14/22/13", &bytes), OK);
    assert_string_equal(
        buf_cstr(&bytes),
        "{\"EnqueuedTimeUtc\":\"2023-11-14T22:13:21.0000000Z\",\"Properties\":{\"level\":\"hot\"},"
        "\"SystemProperties\":{\"connectionDeviceId\":\"pump\",\"connectionDeviceGenerationId\":"
        "\"7\",\"contentType\":\"application/json\",\"contentEncoding\":\"utf-8\",\"enqueuedTime\":"
        "\"2023-11-14T22:13:21.0000000Z\"},\"Body\":{\"n\":1,  \"x\":\"a\\nb\"}}\n"
        "{\"EnqueuedTimeUtc\":\"2023-11-14T22:13:21.0000000Z\",\"Properties\":{\"level\":\"hot\"},"
        "\"SystemProperties\":{\"connectionDeviceId\":\"pump\",\"connectionDeviceGenerationId\":"
        "\"7\",\"contentType\":\"text/plain\",\"contentEncoding\":\"utf-8\",\"enqueuedTime\":"
        "\"2023-11-14T22:13:21.0000000Z\"},\"Body\":\"eyJuIjoyfQ==\"}\n");
    buf_free(&bytes);
}

static void avro_has_the_same_in_its_fields(void **state)
{
    struct buf bytes = {0};
    struct avro_reader *reader = avro_reader_new();
    struct avro_value v, entry;
    struct slice key;
    int64_t left = 0;
    (void)state;
    use(FILES(",\"encoding\":\"AvroDeflate\""));
    say_as(1, "application/json", "", A);
    pass(WINDOW_US);
    assert_int_equal(io_load(f.rig.io, "storage/plant/0/2023/11/14/22/13", &bytes), OK);
    assert_non_null(memmem(buf_slice(&bytes).ptr, 200, "deflate", 7));
    avro_reader_feed(reader, buf_slice(&bytes));
    assert_int_equal(avro_reader_next(reader), OK);
    assert_true(avro_field(reader, "EnqueuedTimeUtc", &v));
    assert_true(slice_is(v.bytes, "2023-11-14T22:13:21.0000000Z"));
    assert_true(avro_field(reader, "SystemProperties", &v));
    struct cur at = cur_of(v.bytes);
    assert_true(avro_map_next(&v, &at, &left, &key, &entry));
    assert_true(slice_is(key, "connectionDeviceId") && slice_is(entry.bytes, "pump"));
    assert_true(avro_field(reader, "Body", &v));
    assert_true(slice_is(v.bytes, "{\"n\":1}"));
    avro_reader_free(reader);
    buf_free(&bytes);
}

static void an_empty_window_is_an_empty_file_unless_they_are_skipped(void **state)
{
    (void)state;
    use(DOC("{\"name\":\"cold\",\"folder\":\"\",\"batchFrequencyInSeconds\":60}"));
    pass(4 * WINDOW_US);
    look();
    assert_true(f.files >= 2);
}

static void files_of_one_minute_and_files_that_are_there_have_names_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(io_make_dir(f.rig.io, "storage/plant/0/2023/11/14/22"), OK);
    assert_int_equal(
        io_store(f.rig.io, "storage/plant/0/2023/11/14/22/13-1", SLICE_LIT("{\"n\":99}\n")), OK);
    use(FILES(""));
    for (int i = 0; i < 3; i++) {
        say_many(i, i);
        pass(WINDOW_US);
    }
    look();
    assert_int_equal(f.files, 4);
    assert_int_equal(f.seen[0] + f.seen[1] + f.seen[2] + f.seen[99], 4);
    assert_non_null(strstr(buf_cstr(&f.names), "22/13\n"));
    assert_non_null(strstr(buf_cstr(&f.names), "22/13-2\n"));
    assert_non_null(strstr(buf_cstr(&f.names), "22/13-3\n"));
}

static void two_endpoints_in_one_folder_do_not_write_over_each_other(void **state)
{
    (void)state;
    use(DOC(FOLDER_OF("cold", "", "") "," FOLDER_OF("warm", "", "")));
    say_many(1, 3);
    for (int n = 4; n <= 6; n++) say_as(n, "application/json", "", B);
    pass(WINDOW_US);
    assert_each_once(1, 6);
    assert_int_equal(f.files, 2);
}

static void a_clock_that_is_set_back_takes_no_name_twice(void **state)
{
    (void)state;
    use(FILES(""));
    for (int i = 0; i < 5; i++) {
        say_many(i, i);
        rig_wall_us -= 3600000000;
        pass(WINDOW_US);
    }
    pass(WINDOW_US);
    assert_each_once(0, 4);
}

static void restarts_and_changes_lose_nothing_and_repeat_nothing(void **state)
{
    static const char *const documents[] = {FILES(""), DOC(FOLDER_OF("cold", "b", "")),
                                            DOC(FOLDER_OF("cold", "c", ""))};
    (void)state;
    use(FILES(""));
    for (int i = 0; i < 9; i++) {
        say_many(3 * i, 3 * i + 2);
        pass(WINDOW_US / 2);
        use(documents[i % 3]);
        if (i % 2) {
            close_hub();
            assert_int_equal(open_hub(), OK);
        }
    }
    pass(2 * WINDOW_US);
    assert_each_once(0, 26);
}

static void an_endpoint_that_is_made_again_begins_anew(void **state)
{
    (void)state;
    use(FILES(""));
    say_many(1, 2);
    use("{}");
    pass(S);
    use(DOC(FOLDER_OF("cold", "again", "")));
    for (int n = 3; n <= 4; n++) say_as(n, "application/json", "", B);
    pass(2 * WINDOW_US);
    assert_each_once(3, 4);
}

static void a_container_that_refuses_is_said_and_waited_for(void **state)
{
    static const struct {
        enum err refuses;
        const char *text;
    } rows[] = {{ERR_NOT_FOUND, "the container 'telemetry' is not there"},
                {ERR_DENIED, "the account 'acct' does not let us write"},
                {ERR_CLOSED, "rig"}};
    (void)state;
    use(CONTAINER);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t success = deliveries("success");
        f.account.refuses = rows[i].refuses;
        say_many(1, 5);
        pass(SECOND_US / ARCHIVE_READS_A_SECOND); /* all are read before the window ends */
        pass(WINDOW_US);
        assert_health("unhealthy", rows[i].text);
        assert_int_equal(deliveries("success"), success);
        assert_true(deliveries("failure") > 0);
        f.account.refuses = OK;
        pass((int64_t)2 * ARCHIVE_RETRY_MAX_S * SECOND_US);
        assert_health("\"healthy\"", "");
        assert_int_equal(deliveries("success"), success + 5);
        assert_int_equal(f.account.commits, i + 1);
    }
}

static void an_ephemeral_server_has_no_folders(void **state)
{
    (void)state;
    close_hub();
    f.ephemeral = true;
    assert_int_equal(open_hub(), OK);
    use(FILES(""));
    say_many(1, 3);
    assert_health("unhealthy", "an ephemeral server keeps no files");
    use(CONTAINER);
    pass(2 * WINDOW_US);
    assert_health("\"healthy\"", "");
    assert_int_equal(f.account.commits, 1);
}

/* ---- the power goes at every point between two changes of the disk */

static void a_crash_at_any_point_puts_no_message_into_two_files_or_none(void **state)
{
    bool cut = true;
    unsigned tried = 0;
    (void)state;
    tear_down(NULL);
    for (uint64_t n = 1; cut; n += 2) {
        assert_int_equal(set_up(NULL), OK);
        use(JSON_FILES);
        io_mem_cut_power(f.rig.io, n);
        for (int i = 0; i < 4; i++) {
            say_many(3 * i, 3 * i + 2);
            pass(WINDOW_US);
        }
        cut = !log_healthy(f.hub.log) || !store_healthy(f.hub.store);
        close_hub();
        io_mem_cut_power(f.rig.io, 0);
        io_mem_crash(f.rig.io, n * 7919);
        assert_int_equal(open_hub(), OK);
        pass(3 * WINDOW_US);
        assert_each_once(0, (int)rig_ends(f.rig.rig, 0).next_ordinal - 1);
        tear_down(NULL);
        tried++;
    }
    assert_true(tried > 15);
    set_up(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(messages_are_in_a_file_when_the_window_ends),
        TEST(a_line_of_json_has_the_body_as_it_is_or_in_base64),
        TEST(avro_has_the_same_in_its_fields),
        TEST(an_empty_window_is_an_empty_file_unless_they_are_skipped),
        TEST(files_of_one_minute_and_files_that_are_there_have_names_of_their_own),
        TEST(two_endpoints_in_one_folder_do_not_write_over_each_other),
        TEST(a_clock_that_is_set_back_takes_no_name_twice),
        TEST(restarts_and_changes_lose_nothing_and_repeat_nothing),
        TEST(an_endpoint_that_is_made_again_begins_anew),
        TEST(a_container_that_refuses_is_said_and_waited_for),
        TEST(an_ephemeral_server_has_no_folders),
        TEST(a_crash_at_any_point_puts_no_message_into_two_files_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
