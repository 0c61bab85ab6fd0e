/* dps_limits_test.c - limits of device provisioning against a whole hub: at each, and one above. */
#include "base/limit.h"
#include "dps/dps_sql.h"
#include "front/dps/dps.h"
#include "proto/mqtt/mqtt.h"
#include "server/dps_client_test.h"

/* ---- without a connection, for what takes thousands */

static unsigned put_quickly(enum dps_kind kind, const char *id, struct slice if_match,
                            struct slice json)
{
    struct heard h = {.wait = {.fn = on_heard}};
    lane_running = &rig.core;
    dps_enrollment_put(rig.wire.cores[0].dps, kind, slice_str(id), if_match, json, &h.wait);
    rig_run(&rig);
    return h.code;
}

static unsigned delete_quickly(enum dps_kind kind, const char *id, struct slice if_match)
{
    struct heard h = {.wait = {.fn = on_heard}};
    lane_running = &rig.core;
    dps_enrollment_delete(rig.wire.cores[0].dps, kind, slice_str(id), if_match, &h.wait);
    rig_run(&rig);
    return h.code;
}

static unsigned put_numbered(enum dps_kind kind, unsigned number)
{
    char id[32], json[512];
    snprintf(id, sizeof id, "n-%04u", number);
    snprintf(json, sizeof json, "{\"%s\":\"%s\"," BY_KEY "}",
             kind == DPS_GROUP ? "enrollmentGroupId" : "registrationId", id);
    return put_quickly(kind, id, SLICE_NONE, slice_str(json));
}

/* `head`, so many x and `tail`: `len` bytes; in the arena. */
static const char *padded(const char *head, char pad, const char *tail, size_t len)
{
    size_t around = strlen(head) + strlen(tail);
    assert_true(len >= around);
    char *text = arena_alloc(&arena, len + 1);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), pad, len - around);
    memcpy(text + len - strlen(tail), tail, strlen(tail) + 1);
    return text;
}

/* ---- how many there are */

static void a_thousand_groups_and_not_one_more(void **state)
{
    (void)state;
    int64_t met = limit_reached("enrollment-groups");
    for (unsigned i = 0; i < DPS_GROUPS_MAX; i++)
        assert_int_equal(put_numbered(DPS_GROUP, i), DPS_OK);
    assert_int_equal(limit_reached("enrollment-groups"), met);
    assert_int_equal(put_numbered(DPS_GROUP, DPS_GROUPS_MAX), DPS_TOO_MANY_ENROLLMENTS);
    assert_int_equal(limit_reached("enrollment-groups") - met, 1);
    assert_int_equal(put_numbered(DPS_INDIVIDUAL, 0), DPS_OK);
    assert_int_equal(delete_quickly(DPS_GROUP, "n-0000", SLICE_NONE), DPS_NO_CONTENT);
    assert_int_equal(put_numbered(DPS_GROUP, DPS_GROUPS_MAX), DPS_OK);
}

/* Who comes when all places are taken is told to come again, and comes when one is free. */
/* Is a token that is signed with the key of the group known as such? */
static bool is_known_as_groups(unsigned group)
{
    char key[32], id[32];
    struct buf token = {0}, found = {0};
    struct sas t;
    snprintf(key, sizeof key, "the key of group %05u", group);
    snprintf(id, sizeof id, "g-%u", group);
    sas_make(&token, SLICE_LIT("hub.test/devices/d"), slice_str(key), NULL, INT32_MAX);
    assert_int_equal(sas_parse(buf_slice(&token), &t), OK);
    bool known = dps_is_group_key(rig.wire.cores[0].dps, &t, &found);
    if (known) assert_true(slice_is(buf_slice(&found), id));
    buf_free(&found);
    buf_free(&token);
    return known;
}

static void put_group_with_key(unsigned group)
{
    char id[32], key[32], json[512];
    struct buf base64 = {0};
    snprintf(key, sizeof key, "the key of group %05u", group);
    text_base64(&base64, slice_str(key));
    snprintf(id, sizeof id, "g-%u", group);
    snprintf(json, sizeof json,
             "{\"enrollmentGroupId\":\"%s\",\"attestation\":{\"type\":\"symmetricKey\","
             "\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\"}}}",
             id, buf_cstr(&base64), buf_cstr(&base64));
    assert_int_equal(put_quickly(DPS_GROUP, id, SLICE_NONE, slice_str(json)), DPS_OK);
    buf_free(&base64);
}

/* Whichever is the one that is left out: they are in no order. */
static void keys_of_64_groups_are_tried_and_not_of_one_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DPS_GUESSES_MAX; i++) put_group_with_key(i);
    for (unsigned count = DPS_GUESSES_MAX; count <= DPS_GUESSES_MAX + 1; count++) {
        unsigned known = 0;
        int64_t met = limit_reached("dps-guesses");
        for (unsigned i = 0; i < count; i++) known += is_known_as_groups(i);
        assert_int_equal(known, DPS_GUESSES_MAX);
        assert_int_equal(limit_reached("dps-guesses") - met, count - DPS_GUESSES_MAX);
        put_group_with_key(count);
    }
}

static void so_many_operations_are_under_way_and_not_one_more(void **state)
{
    (void)state;
    enum { GROUPS = DPS_OPERATIONS_MAX / DPS_OPERATIONS_EACH_MAX };
    static const char *const names[GROUPS] = {"one", "two", "three", "four"};
    static const char *const how[GROUPS] = {WEBHOOK, WEBHOOK,
                                            ",\"allocationPolicy\":\"static\",\"iotHubs\":["
                                            "\"b.test\"]",
                                            ",\"allocationPolicy\":\"static\",\"iotHubs\":["
                                            "\"b.test\"]"};
    char keys[GROUPS][48];
    _Static_assert(GROUPS == 4 && DPS_WEBHOOKS_MAX == 2 * DPS_OPERATIONS_EACH_MAX,
                   "two groups that ask webhooks, two that ask another hub");
    assert_int_equal(administer_at("PUT", "/linkedHubs/b.test", "",
                                   "{\"connectionString\":\"HostName=b.test;SharedAccessKeyName="
                                   "iothubowner;SharedAccessKey=" KEY "\"}")
                         .status,
                     200);
    for (int g = 0; g < GROUPS; g++) {
        char body[1024];
        snprintf(keys[g], sizeof keys[g], "%c%s", "NOPQ"[g], &KEY[1]);
        snprintf(body, sizeof body,
                 "{\"enrollmentGroupId\":\"%s\",\"attestation\":{\"type\":\"symmetricKey\","
                 "\"symmetricKey\":{\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\"}}%s}",
                 names[g], keys[g], keys[g], how[g]);
        assert_int_equal(put_quickly(DPS_GROUP, names[g], SLICE_NONE, slice_str(body)), DPS_OK);
    }
    put_enrollment("last", "");
    int64_t met = limit_reached("dps-registrations");
    for (unsigned i = 0; i < DPS_OPERATIONS_EACH_MAX; i++)
        for (int g = 0; g < GROUPS; g++)
            assert_int_equal(register_with(slice_str(keys[g]), names[g], i), DPS_ACCEPTED);
    assert_int_equal(limit_reached("dps-registrations"), met);
    assert_int_equal(register_quickly("last", own_token("last")), DPS_THROTTLED);
    assert_int_equal(limit_reached("dps-registrations") - met, 1);
    answer_call(404, ""); /* that a device is not there yet, or that the webhook is not */
    if (called) answer_call(401, "");
    assert_int_equal(register_quickly("last", own_token("last")), DPS_ACCEPTED);
}

/* They all wait for the store. */
static void ten_thousand_calls_wait_and_not_one_more(void **state)
{
    (void)state;
    struct heard *heard = calloc(DPS_CALLS_MAX + 1, sizeof *heard);
    unsigned throttled = 0, unknown = 0;
    lane_running = &rig.core;
    for (unsigned i = 0; i <= DPS_CALLS_MAX; i++) {
        heard[i].wait.fn = on_heard;
        dps_enrollment_get(rig.wire.cores[0].dps, DPS_INDIVIDUAL, SLICE_LIT("nobody"),
                           &heard[i].wait);
    }
    rig_run(&rig);
    for (unsigned i = 0; i <= DPS_CALLS_MAX; i++) {
        throttled += heard[i].code == DPS_THROTTLED;
        unknown += heard[i].code == DPS_NO_ENROLLMENT;
    }
    assert_int_equal(throttled, 1);
    assert_int_equal(unknown, DPS_CALLS_MAX);
    free(heard);
}

static void a_page_has_a_thousand_items_and_not_one_more(void **state)
{
    (void)state;
    char wish[64];
    for (unsigned i = 0; i <= DPS_PAGE_MAX; i++)
        assert_int_equal(put_numbered(DPS_INDIVIDUAL, i), DPS_OK);
    snprintf(wish, sizeof wish, "x-ms-max-item-count: %d\r\n", DPS_PAGE_MAX + 1);
    struct reply r = serve("POST", "/enrollments/query", wish, "{\"query\":\"SELECT *\"}");
    unsigned count = 0;
    for (const struct json *item = r.body->child; item; item = item->next) count++;
    assert_int_equal(count, DPS_PAGE_MAX);
    assert_non_null(strstr(r.head, "x-ms-continuation: n-0999\r\n"));
}

static void a_revocation_names_a_hundred_devices_and_counts_all(void **state)
{
    (void)state;
    put_group("line", "");
    for (unsigned count = 1; count <= DPS_REVOKED_SHOWN_MAX + 1; count++) {
        assert_int_equal(register_in_group("line", count), DPS_ACCEPTED);
        if (count < DPS_REVOKED_SHOWN_MAX) continue;
        struct reply r =
            administer_at("POST", "/enrollmentGroups/line/revoke", "", "{\"dryRun\":true}");
        int64_t registrations = 0;
        unsigned named = 0;
        assert_int_equal(json_i64(json_get(r.body, "registrations"), &registrations), OK);
        assert_int_equal(registrations, count);
        for (const struct json *d = json_get(r.body, "devices")->child; d; d = d->next) named++;
        assert_int_equal(named, DPS_REVOKED_SHOWN_MAX);
    }
}

/* The identities of a group are not there yet when it is revoked: so many are looked for again, in the order of their
 * names, and those behind them are absent. */
static void a_revocation_looks_for_so_many_again_and_not_one_more(void **state)
{
    enum { ALL = DPS_REVOKED_LATE_MAX + 1 };
    struct rig_conn *c = rig_dial(&rig, WIRE_CONSOLE);
    struct buf request = {0};
    int64_t disabled = 0, absent = 0;
    char id[32];
    (void)state;
    put_group("line", "");
    for (unsigned i = 0; i < ALL; i++) assert_int_equal(register_in_group("line", i), DPS_ACCEPTED);
    for (unsigned i = 0; i < ALL; i++) {
        snprintf(id, sizeof id, "line-%u", i);
        rig_delete(&rig, id);
    }
    put_request(&request, "POST", "/enrollmentGroups/line/revoke", "", "{\"disableDevices\":true}");
    rig_say(c, buf_slice(&request));
    assert_int_equal(c->heard.len, 0);
    rig_create_device(&rig, "line-998"); /* the last but one */
    rig_create_device(&rig, "line-999"); /* the last */
    rig_wait(&rig, DPS_REVOKED_AGAIN_US + 1000);
    struct reply r = reply_of(c);
    assert_int_equal(json_i64(json_get(r.body, "disabled"), &disabled), OK);
    assert_int_equal(json_i64(json_get(r.body, "absent"), &absent), OK);
    assert_int_equal(disabled, 1);
    assert_int_equal(absent, DPS_REVOKED_LATE_MAX);
    buf_free(&request);
    rig_free(c);
}

/* ---- how long they are */

static void an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing(void **state)
{
    (void)state;
    put_enrollment("e1", "");
    struct slice longer = slice_str(padded("*", ' ', "", DPS_ETAG_MAX + 1));
    assert_int_equal(delete_quickly(DPS_INDIVIDUAL, "e1", longer), DPS_PRECONDITION);
    assert_int_equal(delete_quickly(DPS_INDIVIDUAL, "e1", slice_head(longer, DPS_ETAG_MAX)),
                     DPS_NO_CONTENT);
}

static void a_continuation_over_its_limit_is_refused(void **state)
{
    (void)state;
    static const char query[] = "{\"query\":\"SELECT *\"}";
    for (size_t more = 0; more < 2; more++) {
        const char *header =
            padded("x-ms-continuation: ", 'a', "\r\n",
                   sizeof "x-ms-continuation: \r\n" - 1 + DPS_CONTINUATION_MAX + more);
        struct reply r = serve("POST", "/enrollments/query", header, query);
        if (more)
            assert_code(r, DPS_BAD_ARGUMENT);
        else
            assert_int_equal(r.status, 200);
    }
}

static void an_operation_id_of_any_length_is_only_its_own(void **state)
{
    (void)state;
    put_enrollment("o1", "");
    struct reply r = say_register("o1", own_token("o1"), "{}");
    const char *operation = text_of(r.body, "operationId");
    for (size_t len = DPS_OPERATION_ID_MAX; len <= DPS_OPERATION_ID_MAX + 1; len++)
        assert_code(say_poll("o1", own_token("o1"), padded(operation, '0', "", len)),
                    DPS_NO_OPERATION);
    assert_int_equal(say_poll("o1", own_token("o1"), operation).status, 200);
}

static void a_webhooks_url_has_2048_characters(void **state)
{
    (void)state;
    for (size_t more = 2; more--;) {
        char body[4096];
        snprintf(body, sizeof body,
                 "{\"registrationId\":\"u1\"," BY_KEY ",\"allocationPolicy\":\"custom\","
                 "\"customAllocationDefinition\":{\"webhookUrl\":\"%s\","
                 "\"apiVersion\":\"2021-10-01\"}}",
                 padded("https://f.test/", 'a', "", DPS_URL_MAX + more));
        assert_int_equal(serve("PUT", "/enrollments/u1", "", body).status, more ? 400 : 200);
    }
}

/* One of more would fit into no list that our own clients can read. */
static void an_enrollment_has_62_levels(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        char open[80] = "", close[80] = "", path[64], body[1024];
        int arrays = JSON_DEPTH_MAX - 2 - 2 + more; /* two objects around them */
        memset(open, '[', (size_t)arrays);
        memset(close, ']', (size_t)arrays);
        snprintf(body, sizeof body,
                 "{\"registrationId\":\"deep%d\"," BY_KEY
                 ",\"optionalDeviceInformation\":{\"a\":%s%s}}",
                 more, open, close);
        snprintf(path, sizeof path, "/enrollments/deep%d", more);
        struct reply r = serve("PUT", path, "", body);
        assert_int_equal(r.status, more ? 400 : 200);
        if (more) {
            struct slice text = json_str(r.body, "message");
            assert_non_null(memmem(text.ptr, text.len, "at most 62 levels", 17));
        }
    }
}

static void put_row(enum dps_kind kind, const char *id, const char *document)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_dps_enrollment_insert, 1);
    store_put_int(&u, "kind", kind);
    store_put_text(&u, "id_lower", slice_str(id));
    store_put_text(&u, "document", slice_str(document));
    store_put_int(&u, "etag", 1);
    store_put_int(&u, "created_us", 1);
    store_put_int(&u, "updated_us", 1);
    assert_int_equal(store_now_unit(rig.wire.store, &u), OK);
}

/* Older servers took enrollments of two levels more; a row may be damaged, too. */
static void a_row_that_no_list_can_have_does_not_hide_the_others(void **state)
{
    (void)state;
    char open[80] = "", close[80] = "", body[1024];
    memset(open, '[', JSON_DEPTH_MAX - 2);
    memset(close, ']', JSON_DEPTH_MAX - 2);
    snprintf(body, sizeof body,
             "{\"registrationId\":\"deep\"," BY_KEY ",\"optionalDeviceInformation\":{\"a\":%s%s}}",
             open, close);
    put_row(DPS_INDIVIDUAL, "deep", body);
    put_row(DPS_INDIVIDUAL, "bad", "{");
    assert_int_equal(put_numbered(DPS_INDIVIDUAL, 1), DPS_OK);
    struct reply r = serve("POST", "/enrollments/query", "", "{\"query\":\"SELECT *\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(text_of(r.body->child, "registrationId"), "n-0001");
    assert_null(r.body->child->next);
    /* A page of nothing but them goes on. */
    r = serve("POST", "/enrollments/query", "x-ms-max-item-count: 2\r\n",
              "{\"query\":\"SELECT *\"}");
    assert_int_equal(r.status, 200);
    assert_null(r.body->child);
    assert_non_null(strstr(r.head, "x-ms-continuation: deep\r\n"));
    assert_int_equal(serve("GET", "/enrollments/deep", "", "").status, 200);
}

static void an_enrollment_that_cannot_be_read_can_be_deleted(void **state)
{
    (void)state;
    static const char *const paths[] = {"/enrollments/bad", "/enrollmentGroups/bad"};
    put_row(DPS_INDIVIDUAL, "bad", "{");
    put_row(DPS_GROUP, "bad", "{\"enrollmentGroupId\":\"bad\"}");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(serve("GET", paths[i], "", "").status, 500);
        assert_int_equal(serve("DELETE", paths[i], "If-Match: \"2\"\r\n", "").status, 412);
        assert_int_equal(serve("DELETE", paths[i], "", "").status, 204);
        assert_int_equal(serve("GET", paths[i], "", "").status, 404);
    }
    put_enrollment("bad", "");
    put_group("bad", "");
}

static void the_keys_of_a_tpm_have_4_kilobytes(void **state)
{
    (void)state;
    static const uint8_t keys[DPS_TPM_MAX + 1];
    for (size_t more = 0; more < 2; more++) {
        struct heard h = {.wait = {.fn = on_heard}};
        int64_t met = limit_reached("dps-request");
        lane_running = &rig.core;
        dps_register(rig.wire.cores[0].dps,
                     &(struct dps_device){.registration_id = SLICE_LIT("t1"),
                                          .tpm = slice_of(keys, DPS_TPM_MAX + more)},
                     SLICE_LIT("{}"), &h.wait);
        rig_run(&rig);
        assert_int_equal(h.code, more ? DPS_TOO_LARGE : DPS_UNAUTHORIZED);
        assert_int_equal(limit_reached("dps-request") - met, more);
    }
}

/* Spaces count, too. */
static void documents_have_a_largest_size(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *head, *tail;
        size_t most;
    } rows[] = {
        {"PUT", "/enrollments/d1", "{\"registrationId\":\"d1\",", BY_KEY "}", DPS_DOCUMENT_MAX},
        {"PUT", "/enrollmentGroups/g1", "{\"enrollmentGroupId\":\"g1\",", BY_KEY "}",
         DPS_DOCUMENT_MAX},
        {"POST", "/enrollments", "{\"mode\":\"create\",\"enrollments\":[",
         "{\"registrationId\":\"d2\"," BY_KEY "}]}", DPS_BULK_BODY_MAX},
        {"POST", "/enrollments/query", "{\"query\":", "\"SELECT *\"}", DPS_QUERY_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t more = 2; more--;) {
            const char *body = padded(rows[i].head, ' ', rows[i].tail, rows[i].most + more);
            struct reply r = serve(rows[i].method, rows[i].path, "", body);
            assert_int_equal(r.status, more ? 413 : 200);
        }
    for (size_t more = 2; more--;) {
        const char *body = padded("{\"connectionString\":\"HostName=b.test;SharedAccessKeyName="
                                  "iothubowner;SharedAccessKey=" KEY "\"",
                                  ' ', "}", DPS_HUB_DOCUMENT_MAX + more);
        assert_int_equal(administer_at("PUT", "/linkedHubs/b.test", "", body).status,
                         more ? 413 : 200);
    }
}

/* ---- MQTT */

struct client {
    struct rig_conn *conn;
    struct mqtt mqtt;
    struct buf out;
};

static void connect_client(struct client *c, const char *id)
{
    char user[256];
    *c = (struct client){.conn = rig_dial(&rig, WIRE_MQTT)};
    snprintf(user, sizeof user, "%s/registrations/%s/api-version=2019-03-31&ClientVersion=x",
             rig.wire.hub.id_scope, id);
    mqtt_init(&c->mqtt, &(struct mqtt_config){MQTT_CLIENT, &c->out, 0}, rig.now_us);
    struct mqtt_connect hello = {.client_id = slice_str(id),
                                 .user_name = slice_str(user),
                                 .password = slice_str(own_token(id)),
                                 .keep_alive_s = 60,
                                 .has_user_name = true,
                                 .has_password = true};
    assert_int_equal(mqtt_send_connect(&c->mqtt, &hello), OK);
}

static void ask_with(struct client *c, const char *rid)
{
    char topic[512];
    snprintf(topic, sizeof topic, "$dps/registrations/PUT/iotdps-register/?$rid=%s", rid);
    struct mqtt_publish put = {.topic = slice_str(topic), .payload = SLICE_LIT("{}")};
    assert_int_equal(mqtt_send_publish(&c->mqtt, &put), OK);
}

/* What it has asked for is sent in one breath; is the connection over then? */
static bool is_over_after(struct client *c)
{
    rig_say(c->conn, buf_slice(&c->out));
    rig_wait(&rig, DPS_LATE_US);
    bool over = c->conn->shut || c->conn->gone;
    rig_free(c->conn);
    mqtt_fini(&c->mqtt);
    buf_free(&c->out);
    return over;
}

static void over_mqtt_so_many_requests_wait_and_their_rids_have_a_length(void **state)
{
    (void)state;
    struct client c;
    put_enrollment("m1", "");
    for (unsigned more = 0; more < 2; more++) {
        int64_t met = limit_reached("dps-mqtt-requests");
        connect_client(&c, "m1");
        for (unsigned i = 0; i < DPS_MQTT_PENDING_MAX + more; i++) ask_with(&c, "1");
        assert_int_equal(is_over_after(&c), more);
        assert_int_equal(limit_reached("dps-mqtt-requests") - met, more);
        connect_client(&c, "m1");
        ask_with(&c, padded("", 'r', "", DPS_MQTT_RID_MAX + more));
        assert_int_equal(is_over_after(&c), more);
    }
}

/* Of the packet behind the CONNECT only the head comes. */
static void over_mqtt_a_packet_has_a_largest_size(void **state)
{
    (void)state;
    enum { PUBLISH = 0x30, HEAD = 4 };
    struct client c;
    put_enrollment("m1", "");
    for (size_t more = 0; more < 2; more++) {
        size_t len = MQTT_PACKET_MAX - HEAD + more;
        int64_t met = limit_reached("dps-mqtt-packet");
        connect_client(&c, "m1");
        buf_put_u8(&c.out, PUBLISH);
        buf_put_u8(&c.out, (uint8_t)(len | 0x80));
        buf_put_u8(&c.out, (uint8_t)(len >> 7 | 0x80));
        buf_put_u8(&c.out, (uint8_t)(len >> 14));
        assert_int_equal(is_over_after(&c), more);
        assert_int_equal(limit_reached("dps-mqtt-packet") - met, more);
    }
}

static int start(void **state)
{
    (void)state;
    called = NULL;
    rig_start_with(&rig, &network);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    arena_free(&arena);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_thousand_groups_and_not_one_more),
        TEST(keys_of_64_groups_are_tried_and_not_of_one_more),
        TEST(so_many_operations_are_under_way_and_not_one_more),
        TEST(ten_thousand_calls_wait_and_not_one_more),
        TEST(a_page_has_a_thousand_items_and_not_one_more),
        TEST(a_revocation_names_a_hundred_devices_and_counts_all),
        TEST(a_revocation_looks_for_so_many_again_and_not_one_more),
        TEST(an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing),
        TEST(a_continuation_over_its_limit_is_refused),
        TEST(an_operation_id_of_any_length_is_only_its_own),
        TEST(a_webhooks_url_has_2048_characters),
        TEST(an_enrollment_has_62_levels),
        TEST(a_row_that_no_list_can_have_does_not_hide_the_others),
        TEST(an_enrollment_that_cannot_be_read_can_be_deleted),
        TEST(the_keys_of_a_tpm_have_4_kilobytes),
        TEST(documents_have_a_largest_size),
        TEST(over_mqtt_so_many_requests_wait_and_their_rids_have_a_length),
        TEST(over_mqtt_a_packet_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
