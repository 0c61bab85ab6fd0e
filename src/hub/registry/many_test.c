/* many_test.c - bulk calls, lists and counts. */
#include "hub/registry/fixture.h"

/* ---- bulk */

/* The error that the result has for that id, or NULL. */
static const struct json *error_of(const struct json *result, const char *id)
{
    for (const struct json *e = json_get(result, "errors")->child; e; e = e->next)
        if (slice_is(json_str(e, "deviceId"), id)) return e;
    return NULL;
}

enum after { SAME, CHANGED, GONE };

/* Each row finds a device "there", whose etag stands for %s, and no device "absent". */
static const struct {
    const char *id, *entry;
    const char *error; /* NULL: none */
    enum after after;
} imports[] = {
    {"absent", "", NULL, CHANGED},
    {"there", "", NULL, CHANGED},
    {"there", "\"importMode\":null,", NULL, CHANGED},
    {"there", "\"importMode\":\"createOrUpdate\",\"eTag\":\"MQ==\",", NULL, CHANGED},
    {"absent", "\"importMode\":\"create\",", NULL, CHANGED},
    {"absent", "\"importMode\":\"Create\",", NULL, CHANGED},
    {"there", "\"importMode\":\"create\",", "DeviceAlreadyExists", SAME},
    {"there", "\"importMode\":\"update\",", NULL, CHANGED},
    {"absent", "\"importMode\":\"update\",", "DeviceNotFound", GONE},
    {"there", "\"importMode\":\"updateIfMatchETag\",\"eTag\":\"%s\",", NULL, CHANGED},
    {"there", "\"importMode\":\"updateIfMatchETag\",\"eTag\":\"*\",", NULL, CHANGED},
    {"there", "\"importMode\":\"UpdateIfMatchETag\",\"etag\":\"%s\",", NULL, CHANGED},
    {"there", "\"importMode\":\"DeleteIfMatchETag\",\"etag\":\"MQ==\",", "PreconditionFailed",
     SAME},
    {"there", "\"importMode\":\"delete\",\"eTag\":\"MQ==\",", NULL, GONE},
    {"there", "\"importMode\":\"updateIfMatchETag\",\"eTag\":\"MQ==\",", "PreconditionFailed",
     SAME},
    {"there", "\"importMode\":\"updateIfMatchETag\",", NULL, CHANGED},
    {"there", "\"importMode\":\"deleteIfMatchETag\",", NULL, GONE},
    {"absent", "\"importMode\":\"updateIfMatchETag\",\"eTag\":\"*\",", "DeviceNotFound", GONE},
    {"absent", "\"importMode\":\"createOrUpdateIfMatchETag\",\"eTag\":\"MQ==\",", NULL, CHANGED},
    {"there", "\"importMode\":\"createOrUpdateIfMatchETag\",\"eTag\":\"MQ==\",",
     "PreconditionFailed", SAME},
    {"there", "\"importMode\":\"delete\",", NULL, GONE},
    {"absent", "\"importMode\":\"delete\",", "DeviceNotFound", GONE},
    {"there", "\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"%s\",", NULL, GONE},
    {"there", "\"importMode\":\"deleteIfMatchETag\",\"eTag\":\"MQ==\",", "PreconditionFailed",
     SAME},
    {"there", "\"importMode\":\"updateTwin\",", "InvalidOperation", SAME},
    {"there", "\"importMode\":\"updateTwinIfMatchETag\",", "InvalidOperation", SAME},
    {"there", "\"importMode\":\"upsert\",", "ArgumentInvalid", SAME},
    {"there", "\"importMode\":1,", "ArgumentInvalid", SAME},
    {"there", "\"status\":\"maybe\",", "ArgumentInvalid", SAME},
    {"there", /* the refusal quotes 64 bytes of it: half of the last character */
     "\"authentication\":{\"type\":"
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "\xc3\xa9\"},",
     "ArgumentInvalid", SAME},
    {"a/b", "", "ArgumentInvalid", GONE},
};

static void import_modes_do_what_their_names_say(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++) {
        struct reply before, r, after;
        char format[256], json[256];
        drop(f, &r, "absent", "*");
        put_only(f, "there", NULL, "{}");
        get(f, &before, imports[i].id);
        snprintf(format, sizeof format, "[{%s\"id\":\"%s\"}]", imports[i].entry, imports[i].id);
        char *mark = strstr(format, "%s");
        snprintf(json, sizeof json, "%.*s%s%s", mark ? (int)(mark - format) : 250, format,
                 mark ? before.etag : "", mark ? mark + 2 : "");
        bulk(f, &r, json);
        const struct json *error = error_of(r.body, imports[i].id);
        if (!error != !imports[i].error) fail_msg("row %zu: %.*s", i, SLICE_ARG(r.raw));
        assert_string_equal(text_at(r.body, "isSuccessful"), error ? "false" : "true");
        assert_int_equal(r.status, error ? STATUS_BULK_REGISTRY_OPERATION_FAILURE : STATUS_OK);
        if (error) assert_string_equal(text_at(error, "errorCode"), imports[i].error);
        get(f, &after, imports[i].id);
        if (imports[i].after == GONE)
            assert_int_not_equal(after.status, STATUS_OK);
        else
            assert_int_equal(strcmp(after.etag, before.etag) == 0, imports[i].after == SAME);
        reply_free(&before);
        reply_free(&r);
        reply_free(&after);
    }
}

/* Who disables devices by a line each does not lock them out. */
static void what_a_bulk_leaves_out_is_as_it_was(void **state)
{
    static const char *const ways[] = {"update", "createOrUpdate",
                                       "updateIfMatchETag\",\"eTag\":\"*"};
    struct fixture *f = *state;
    struct reply before, r, after;
    put_only(f, "line", NULL, "{\"capabilities\":{\"iotEdge\":true}}");
    get(f, &before, "line");
    const struct json *keys = json_get(json_get(before.body, "authentication"), "symmetricKey");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char json[128];
        snprintf(json, sizeof json,
                 "[{\"id\":\"line\",\"importMode\":\"%s\",\"status\":\"disabled\"}]", ways[i]);
        bulk(f, &r, json);
        assert_int_equal(r.status, STATUS_OK);
        get(f, &after, "line");
        const struct json *now = json_get(json_get(after.body, "authentication"), "symmetricKey");
        assert_string_equal(text_at(after.body, "status"), "disabled");
        assert_true(slice_eq(json_str(now, "primaryKey"), json_str(keys, "primaryKey")));
        assert_true(slice_eq(json_str(now, "secondaryKey"), json_str(keys, "secondaryKey")));
        assert_true(json_get(json_get(after.body, "capabilities"), "iotEdge")->truth);
        reply_free(&r);
        reply_free(&after);
    }
    reply_free(&before);
}

/* Who moves devices by a line each does not enable those that are not. */
static void a_bulk_without_a_status_enables_nobody(void **state)
{
    static const struct {
        const char *entry, *status, *reason;
    } rows[] = {
        {"\"status\":\"disabled\",\"statusReason\":\"lost\"", "disabled", "lost"},
        {"\"capabilities\":{\"iotEdge\":true}", "disabled", "lost"},
        {"\"statusReason\":\"stolen\"", "disabled", "stolen"},
        {"\"status\":null", "disabled", "stolen"},
        {"\"status\":\"enabled\"", "enabled", ""},
    };
    struct fixture *f = *state;
    put_only(f, "kept", NULL, "{}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r, after;
        char json[160];
        snprintf(json, sizeof json, "[{\"id\":\"kept\",\"importMode\":\"update\",%s}]",
                 rows[i].entry);
        bulk(f, &r, json);
        assert_int_equal(r.status, STATUS_OK);
        get(f, &after, "kept");
        assert_string_equal(text_at(after.body, "status"), rows[i].status);
        assert_true(slice_is(json_str(after.body, "statusReason"), rows[i].reason));
        reply_free(&r);
        reply_free(&after);
    }
}

static void entries_of_a_bulk_are_independent(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "b", NULL, "{}");
    bulk(f, &r,
         "[{\"id\":\"a\",\"importMode\":\"create\",\"status\":\"disabled\"},"
         "{\"id\":\"b\",\"importMode\":\"create\"},{\"importMode\":\"create\"},"
         "{\"id\":\"c\",\"importMode\":\"create\"},{\"id\":\"c\",\"importMode\":\"create\"},"
         "{\"id\":\"e\",\"importMode\":\"create\"}]");
    assert_int_equal(r.status, STATUS_BULK_REGISTRY_OPERATION_FAILURE);
    unsigned errors = 0;
    for (const struct json *e = json_get(r.body, "errors")->child; e; e = e->next) errors++;
    assert_int_equal(errors, 4);
    assert_string_equal(text_at(error_of(r.body, "b"), "errorCode"), "DeviceAlreadyExists");
    assert_string_equal(text_at(error_of(r.body, "b"), "operation"), "create");
    assert_string_equal(text_at(error_of(r.body, "c"), "errorCode"), "DeviceDefinedMultipleTimes");
    assert_string_equal(text_at(error_of(r.body, ""), "errorCode"), "ArgumentInvalid");
    reply_free(&r);
    static const struct {
        const char *id;
        enum status status;
    } rows[] = {{"a", STATUS_OK}, {"c", STATUS_DEVICE_NOT_FOUND}, {"e", STATUS_OK}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(f, &r, rows[i].id), rows[i].status);
        reply_free(&r);
    }
}

static void what_a_bulk_says_of_twins_is_a_warning(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    bulk(f, &r,
         "[{\"id\":\"a\",\"tags\":{\"room\":1}},"
         "{\"id\":\"b\",\"tags\":{},\"properties\":{\"desired\":{},\"reported\":null}},"
         "{\"id\":\"c\",\"properties\":{\"desired\":{\"x\":[]}}}]");
    assert_int_equal(r.status, STATUS_OK);
    const struct json *warning = json_get(r.body, "warnings")->child;
    assert_string_equal(text_at(warning, "deviceId"), "a");
    assert_string_equal(text_at(warning, "warningCode"), "DeviceRegisteredWithoutTwin");
    assert_string_equal(text_at(warning->next, "deviceId"), "c");
    assert_null(warning->next->next);
    reply_free(&r);
}

static void a_model_id_has_256_characters(void **state)
{
    struct fixture *f = *state;
    char model[REGISTRY_MODEL_ID_MAX + 2] = {0};
    memset(model, 'm', REGISTRY_MODEL_ID_MAX);
    for (int over = 0; over < 2; over++) {
        struct buf json = {0};
        struct reply r;
        buf_printf(&json, "[{\"id\":\"%s\",\"modelId\":\"%s\"}]", over ? "b" : "a", model);
        enum status status = bulk(f, &r, buf_cstr(&json));
        assert_int_equal(status, over ? STATUS_BULK_REGISTRY_OPERATION_FAILURE : STATUS_OK);
        reply_free(&r);
        buf_free(&json);
        model[REGISTRY_MODEL_ID_MAX] = 'm';
    }
}

static void make_bulk(struct buf *json, int entries)
{
    buf_clear(json);
    for (int i = 0; i < entries; i++) buf_printf(json, "%s{\"id\":\"n%d\"}", i ? "," : "[", i);
    buf_put_str(json, "]");
}

static void a_bulk_has_100_entries(void **state)
{
    struct fixture *f = *state;
    struct buf json = {0};
    struct reply r;
    make_bulk(&json, REGISTRY_BULK_MAX + 1);
    assert_int_equal(bulk(f, &r, buf_cstr(&json)), STATUS_ARGUMENT_INVALID);
    assert_null(r.body);
    assert_int_equal(get(f, &r, "n0"), STATUS_DEVICE_NOT_FOUND);
    make_bulk(&json, REGISTRY_BULK_MAX);
    assert_int_equal(bulk(f, &r, buf_cstr(&json)), STATUS_OK);
    reply_free(&r);
    assert_int_equal(bulk(f, &r, "[]"), STATUS_OK);
    reply_free(&r);
    buf_free(&json);
}

static void a_bulk_is_an_array_of_a_largest_size(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    assert_int_equal(bulk(f, &r, "{\"id\":\"a\"}"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(bulk(f, &r, "[{]"), STATUS_DESERIALIZATION_ERROR);
    assert_int_equal(bulk(f, &r, "[7]"), STATUS_BULK_REGISTRY_OPERATION_FAILURE);
    reply_free(&r);
    for (int extra = 0; extra <= 1; extra++) {
        size_t size = REGISTRY_BULK_BODY_MAX + (size_t)extra;
        char *json = mem_new(size + 1);
        memset(json, ' ', size);
        memcpy(json, "[]", 2);
        json[size] = '\0';
        assert_int_equal(bulk(f, &r, json), extra ? STATUS_MESSAGE_TOO_LARGE : STATUS_OK);
        reply_free(&r);
        free(json);
    }
}

/* ---- lists and counts */

static void list(struct fixture *f, struct reply *r, unsigned top)
{
    registry_list(asking(f, r), top, &r->wait);
    rig_run(&f->rig);
    assert_int_equal(r->answers, 1);
}

static void make_devices(struct fixture *f, int from, int upto)
{
    char id[16];
    for (int i = from; i < upto; i++) {
        snprintf(id, sizeof id, "d%04d", i);
        assert_int_equal(put_only(f, id, NULL, i % 10 ? "{}" : "{\"status\":\"disabled\"}"),
                         STATUS_OK);
    }
}

static unsigned count_list(const struct reply *r)
{
    unsigned count = 0;
    char id[16];
    for (const struct json *j = r->body->child; j; j = j->next) {
        snprintf(id, sizeof id, "d%04u", count++);
        assert_string_equal(text_at(j, "deviceId"), id);
    }
    return count;
}

static void a_list_has_the_first_devices(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    list(f, &r, 0);
    assert_int_equal(count_list(&r), 0);
    reply_free(&r);
    make_devices(f, 0, REGISTRY_LIST_MAX + 1);
    static const struct {
        unsigned top;
        enum status status;
        unsigned count;
    } rows[] = {
        {0, STATUS_OK, REGISTRY_LIST_MAX},
        {1, STATUS_OK, 1},
        {17, STATUS_OK, 17},
        {REGISTRY_LIST_MAX, STATUS_OK, REGISTRY_LIST_MAX},
        {REGISTRY_LIST_MAX + 1, STATUS_ARGUMENT_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        list(f, &r, rows[i].top);
        assert_int_equal(r.status, rows[i].status);
        if (r.body) assert_int_equal(count_list(&r), rows[i].count);
        reply_free(&r);
    }
}

static int64_t queries(void)
{
    return rig_metric("azimuth_store_queries_total");
}

/* Rows so long that a list takes more than one page of the store. */
static void a_list_of_long_rows_is_whole(void **state)
{
    struct fixture *f = *state;
    struct buf json = {0};
    struct reply r;
    char id[HUB_ID_LEN_MAX + 1], parent[HUB_ID_LEN_MAX + 1] = {0};
    char tail[16], key[89] = {0};
    memset(id, 'x', sizeof id);
    memset(parent, 'p', sizeof parent - 1);
    memset(key, 'A', 86); /* 64 zero bytes */
    memset(key + 86, '=', 2);
    buf_printf(&json, "{\"deviceScope\":\"ms-azure-iot-edge://%s\",\"statusReason\":\"", parent);
    for (int i = 0; i < REGISTRY_STATUS_REASON_MAX; i++) buf_put_str(&json, "\xe2\x82\xac");
    buf_printf(&json,
               "\",\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"%s\","
               "\"secondaryKey\":\"%s\"}}}",
               key, key);
    for (int i = 0; i < REGISTRY_LIST_MAX; i++) {
        snprintf(tail, sizeof tail, "%04d", i);
        memcpy(id + HUB_ID_LEN_MAX - 4, tail, 5);
        assert_int_equal(put_only(f, id, NULL, buf_cstr(&json)), STATUS_OK);
    }
    int64_t pages = queries();
    list(f, &r, 0);
    assert_int_equal(queries() - pages, 2);
    unsigned count = 0;
    for (const struct json *j = r.body->child; j; j = j->next) count++;
    assert_int_equal(count, REGISTRY_LIST_MAX);
    reply_free(&r);
    buf_free(&json);
}

static void a_list_shows_who_is_connected_at_every_home(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    char id[16];
    make_devices(f, 0, 30);
    for (unsigned i = 0; i < 30; i += 3) {
        snprintf(id, sizeof id, "d%04u", i);
        unsigned core = 0;
        while (f->hub.cores[core] != hub_home(&f->hub, slice_str(id)).lane) core++;
        rig_on(f->rig.cores[core]);
        registry_set_connected(f->registries[core], slice_str(id), true, clock_wall_us());
    }
    list(f, &r, 0);
    unsigned i = 0;
    for (const struct json *j = r.body->child; j; j = j->next)
        assert_string_equal(text_at(j, "connectionState"), i++ % 3 ? "Disconnected" : "Connected");
    reply_free(&r);
    registry_count_connected(asking(f, &r), &r.wait);
    rig_run(&f->rig);
    assert_true(slice_is(r.raw, "{\"connectedDeviceCount\":10}"));
    reply_free(&r);
}

static void expect_counts(struct fixture *f, int total, int disabled)
{
    struct reply r;
    char expected[128];
    snprintf(expected, sizeof expected,
             "{\"totalDeviceCount\":%d,\"enabledDeviceCount\":%d,\"disabledDeviceCount\":%d}",
             total, total - disabled, disabled);
    registry_count_devices(asking(f, &r), &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.status, STATUS_OK);
    assert_true(slice_is(r.raw, expected));
    reply_free(&r);
}

static void devices_are_counted_as_they_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    expect_counts(f, 0, 0);
    make_devices(f, 0, 30);
    expect_counts(f, 30, 3);
    put_only(f, "d0001", "*", "{\"status\":\"disabled\"}");
    expect_counts(f, 30, 4);
    put_only(f, "d0001", NULL, "{}");
    put_only(f, "d0001", "*", "{\"status\":\"off\"}");
    expect_counts(f, 30, 4);
    put_only(f, "d0000", "*", "{\"status\":\"enabled\"}");
    expect_counts(f, 30, 3);
    drop(f, &r, "d0001", "*");
    drop(f, &r, "d0002", "*");
    expect_counts(f, 28, 2);
    fixture_restart(f);
    expect_counts(f, 28, 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_three_cores, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(import_modes_do_what_their_names_say),
        CASE(what_a_bulk_leaves_out_is_as_it_was),
        CASE(a_bulk_without_a_status_enables_nobody),
        CASE(entries_of_a_bulk_are_independent),
        CASE(what_a_bulk_says_of_twins_is_a_warning),
        CASE(a_model_id_has_256_characters),
        CASE(a_bulk_has_100_entries),
        CASE(a_bulk_is_an_array_of_a_largest_size),
        CASE(a_list_has_the_first_devices),
        CASE(a_list_of_long_rows_is_whole),
        CASE(a_list_shows_who_is_connected_at_every_home),
        CASE(devices_are_counted_as_they_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
