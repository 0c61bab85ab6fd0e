/* registry_test.c - verbs on one device: If-Match, order, several cores. */
#include "hub/registry/fixture.h"

#include "hub/registry/test_sql.h"

/* ---- create, get, update, delete */

static void a_new_device_has_everything_azure_shows(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    assert_int_equal(put(f, &r, "d1", NULL, "{\"deviceId\":\"d1\"}"), STATUS_OK);
    static const char *const rows[][2] = {
        {"deviceId", "d1"},
        {"connectionState", "Disconnected"},
        {"status", "enabled"},
        {"statusReason", "null"},
        {"connectionStateUpdatedTime", "0001-01-01T00:00:00Z"},
        {"statusUpdatedTime", "0001-01-01T00:00:00Z"},
        {"lastActivityTime", "0001-01-01T00:00:00Z"},
        {"cloudToDeviceMessageCount", "0"},
        {"authentication.type", "sas"},
        {"authentication.x509Thumbprint.primaryThumbprint", "null"},
        {"authentication.x509Thumbprint.secondaryThumbprint", "null"},
        {"capabilities.iotEdge", "false"},
        {"deviceScope", "absent"},
        {"parentScopes", "absent"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(text_at(r.body, rows[i][0]), rows[i][1]);
    assert_string_equal(text_at(r.body, "etag"), r.etag);
    assert_int_equal(strlen(r.etag), 12); /* base64 of nine digits */
    assert_int_equal(strlen(text_at(r.body, "generationId")), 18);
    assert_int_equal(strlen(text_at(r.body, "authentication.symmetricKey.primaryKey")), 44);
    assert_string_not_equal(text_at(r.body, "authentication.symmetricKey.primaryKey"),
                            text_at(r.body, "authentication.symmetricKey.secondaryKey"));

    struct reply again;
    assert_int_equal(get(f, &again, "d1"), STATUS_OK);
    assert_true(slice_eq(again.raw, r.raw));
    assert_string_equal(again.etag, r.etag);
    reply_free(&again);
    fixture_restart(f);
    assert_int_equal(get(f, &again, "d1"), STATUS_OK);
    assert_true(slice_eq(again.raw, r.raw));
    reply_free(&again);
    reply_free(&r);
}

/* Each row starts with a device "there", whose etag stands for %s, and no device "absent". */
static void writes_obey_if_match(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *verb, *id, *if_match;
        enum status status;
    } rows[] = {
        {"PUT", "absent", NULL, STATUS_OK},
        {"PUT", "there", NULL, STATUS_DEVICE_ALREADY_EXISTS},
        {"PUT", "there", "*", STATUS_OK},
        {"PUT", "there", "\"*\"", STATUS_OK},
        {"PUT", "there", "%s", STATUS_OK},
        {"PUT", "there", "\"%s\"", STATUS_OK},
        {"PUT", "there", "W/\"%s\"", STATUS_OK},
        {"PUT", "there", "MQ==", STATUS_PRECONDITION_FAILED},
        {"PUT", "there", "", STATUS_PRECONDITION_FAILED},
        {"PUT", "absent", "\"\"", STATUS_OK},
        {"PUT", "there", "\"\"", STATUS_DEVICE_ALREADY_EXISTS},
        {"PUT", "absent", "*", STATUS_DEVICE_NOT_FOUND},
        {"PUT", "absent", "MQ==", STATUS_DEVICE_NOT_FOUND},
        {"DELETE", "there", NULL, STATUS_PRECONDITION_FAILED},
        {"DELETE", "absent", NULL, STATUS_PRECONDITION_FAILED},
        {"DELETE", "there", "MQ==", STATUS_PRECONDITION_FAILED},
        {"DELETE", "there", "*", STATUS_OK},
        {"DELETE", "there", "\"*\"", STATUS_OK},
        {"DELETE", "there", "\"%s\"", STATUS_OK},
        {"DELETE", "absent", "*", STATUS_DEVICE_NOT_FOUND},
        {"DELETE", "absent", "\"MQ==\"", STATUS_DEVICE_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        char match[64];
        const char *if_match = rows[i].if_match ? match : NULL;
        drop(f, &r, "absent", "*");
        put_only(f, "there", NULL, "{}");
        assert_int_equal(get(f, &r, "there"), STATUS_OK);
        if (if_match) {
            const char *format = strstr(rows[i].if_match, "%s");
            int head = format ? (int)(format - rows[i].if_match) : (int)strlen(rows[i].if_match);
            snprintf(match, sizeof match, "%.*s%s%s", head, rows[i].if_match, format ? r.etag : "",
                     format ? format + 2 : "");
        }
        reply_free(&r);
        bool is_put = strcmp(rows[i].verb, "PUT") == 0;
        enum status status =
            is_put ? put(f, &r, rows[i].id, if_match, "{}") : drop(f, &r, rows[i].id, if_match);
        if (status != rows[i].status) fail_msg("row %zu: %s", i, status_name(status));
        if (!is_put && if_match == NULL) assert_string_equal(r.text, "Etag missing");
        reply_free(&r);
    }
}

static void an_update_raises_the_etag_and_keeps_the_generation(void **state)
{
    struct fixture *f = *state;
    struct reply first, second;
    put(f, &first, "d1", NULL, "{}");
    assert_int_equal(put(f, &second, "d1", first.etag, "{\"status\":\"disabled\"}"), STATUS_OK);
    assert_string_not_equal(second.etag, first.etag);
    assert_string_equal(text_at(first.body, "generationId"), text_at(second.body, "generationId"));
    assert_string_equal(text_at(second.body, "status"), "disabled");
    reply_free(&second);
    assert_int_equal(put(f, &second, "d1", first.etag, "{}"), STATUS_PRECONDITION_FAILED);
    reply_free(&second);

    assert_int_equal(drop(f, &second, "d1", "*"), STATUS_OK);
    assert_null(second.body);
    assert_int_equal(get(f, &second, "d1"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(put(f, &second, "d1", NULL, "{}"), STATUS_OK);
    rig_pass(&f->rig, 1000);
    assert_string_not_equal(second.etag, first.etag);
    reply_free(&first);
    reply_free(&second);
}

static void a_generation_ends_with_its_device(void **state)
{
    struct fixture *f = *state;
    struct reply first, second;
    put(f, &first, "d1", NULL, "{}");
    rig_pass(&f->rig, 1000);
    drop(f, &second, "d1", "*");
    put(f, &second, "d1", NULL, "{}");
    assert_string_not_equal(text_at(first.body, "generationId"),
                            text_at(second.body, "generationId"));
    reply_free(&first);
    reply_free(&second);
}

static void a_change_of_status_has_a_time(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "d1", NULL, "{}");
    put(f, &r, "d1", "*", "{\"status\":\"enabled\"}");
    assert_string_equal(text_at(r.body, "statusUpdatedTime"), "0001-01-01T00:00:00Z");
    reply_free(&r);
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_us(), iso);
    put(f, &r, "d1", "*", "{\"status\":\"disabled\",\"statusReason\":\"lost\"}");
    assert_string_equal(text_at(r.body, "statusUpdatedTime"), iso);
    assert_string_equal(text_at(r.body, "statusReason"), "lost");
    reply_free(&r);
    rig_pass(&f->rig, 1000000);
    put(f, &r, "d1", "*", "{\"status\":\"disabled\"}");
    assert_string_equal(text_at(r.body, "statusUpdatedTime"), iso);
    assert_string_equal(text_at(r.body, "statusReason"), "null"); /* a PUT replaces */
    reply_free(&r);
}

static void ids_are_case_sensitive(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "Pump", NULL, "{}");
    assert_int_equal(get(f, &r, "pump"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(put_only(f, "pump", NULL, "{}"), STATUS_OK);
}

static void ids_have_128_characters_of_a_known_set(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    char longest[HUB_ID_LEN_MAX + 1] = {0}, longer[HUB_ID_LEN_MAX + 2] = {0};
    memset(longest, 'x', sizeof longest - 1);
    memset(longer, 'x', sizeof longer - 1);
    const struct {
        const char *id;
        enum status status;
    } rows[] = {
        {"a-:.+%_#*?!(),=@$'9", STATUS_OK},       {longest, STATUS_OK},
        {longer, STATUS_ARGUMENT_INVALID},        {"", STATUS_ARGUMENT_INVALID},
        {"/b", STATUS_ARGUMENT_INVALID},          {"a b", STATUS_ARGUMENT_INVALID},
        {"caf\xc3\xa9", STATUS_ARGUMENT_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(put_only(f, rows[i].id, NULL, "{}"), rows[i].status);
        assert_int_equal(get(f, &r, rows[i].id), rows[i].status);
        reply_free(&r);
        assert_int_equal(drop(f, &r, rows[i].id, "*"), rows[i].status);
    }
}

/* ---- order */

static void writes_to_one_device_happen_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    enum { WRITES = 10 };
    struct reply first, r[WRITES], read[WRITES];
    put(f, &first, "d1", NULL, "{}");
    for (int i = 0; i < WRITES; i++) {
        const char *match = i % 2 ? first.etag : "*";
        registry_put(asking(f, &r[i]), SLICE_LIT("d1"), slice_str(match), SLICE_LIT("{}"),
                     &r[i].wait);
        registry_get(asking(f, &read[i]), SLICE_LIT("d1"), &read[i].wait);
    }
    rig_run(&f->rig);
    const char *newest = first.etag;
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(r[i].status, i % 2 ? STATUS_PRECONDITION_FAILED : STATUS_OK);
        if (r[i].status == STATUS_OK) {
            assert_string_not_equal(r[i].etag, newest);
            newest = r[i].etag;
        }
        assert_string_equal(read[i].etag, newest);
    }
    for (int i = 0; i < WRITES; i++) {
        reply_free(&r[i]);
        reply_free(&read[i]);
    }
    reply_free(&first);
}

static void a_row_that_somebody_else_changed_is_looked_at_again(void **state)
{
    struct fixture *f = *state;
    struct store_request u;
    struct reply r;
    put_only(f, "d1", NULL, "{}");
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_set_etag, 1);
    store_put_text(&u, "device_id", SLICE_LIT("d1"));
    store_put_int(&u, "etag", 7);
    assert_int_equal(store_now_unit(f->rig.store, &u), OK);
    assert_int_equal(put(f, &r, "d1", "*", "{}"), STATUS_OK);
    assert_string_equal(r.etag, "OA=="); /* 8 */
    reply_free(&r);

    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_set_etag, 1);
    store_put_text(&u, "device_id", SLICE_LIT("d1"));
    store_put_int(&u, "etag", 70);
    assert_int_equal(store_now_unit(f->rig.store, &u), OK);
    assert_int_equal(put(f, &r, "d1", "OA==", "{}"), STATUS_PRECONDITION_FAILED);
}

/* ---- several cores */

static void every_core_reaches_every_device(void **state)
{
    struct fixture *f = *state;
    enum { DEVICES = 60 };
    struct reply r;
    char id[16];
    unsigned homes[RIG_CORES_MAX] = {0};
    for (int i = 0; i < DEVICES; i++) {
        snprintf(id, sizeof id, "d%d", i);
        assert_int_equal(put_only(f, id, NULL, "{}"), STATUS_OK);
        struct addr home = hub_home(&f->hub, slice_str(id));
        for (unsigned core = 0; core < 3; core++) homes[core] += home.lane == f->hub.cores[core];
    }
    for (unsigned core = 0; core < 3; core++) assert_true(homes[core] > 5);
    for (int i = 0; i < DEVICES; i++) {
        snprintf(id, sizeof id, "d%d", i);
        assert_int_equal(get(f, &r, id), STATUS_OK);
        assert_string_equal(text_at(r.body, "deviceId"), id);
        reply_free(&r);
        assert_int_equal(drop(f, &r, id, "*"), STATUS_OK);
    }
}

int main(void)
{
#define CASE(name)  cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define CORES(name) cmocka_unit_test_setup_teardown(name, set_up_three_cores, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_new_device_has_everything_azure_shows),
        CASE(writes_obey_if_match),
        CASE(an_update_raises_the_etag_and_keeps_the_generation),
        CASE(a_generation_ends_with_its_device),
        CASE(a_change_of_status_has_a_time),
        CASE(ids_are_case_sensitive),
        CASE(ids_have_128_characters_of_a_known_set),
        CASE(writes_to_one_device_happen_one_after_the_other),
        CASE(a_row_that_somebody_else_changed_is_looked_at_again),
        CORES(every_core_reaches_every_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
