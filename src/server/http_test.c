/* http_test.c - devices over HTTPS through a whole hub. */
#include "base/io_mem.h"
#include "base/metrics.h"
#include "front/device_http/device_http.h"
#include "hub/fault/fault.h"
#include "hub/routing/routing.h"
#include "hub/session/session.h"
#include "hub/twin/twin.h"
#include "server/fixture_test.h"

#define EVENTS "/messages/events?api-version=2020-09-30"
#define BOUND  "/messages/deviceBound"

/* ---- asking */

struct ask {
    const char *method, *path, *headers, *body; /* path behind /devices/{id} */
    const char *device;                         /* "d1" */
    const char *policy;                         /* "device" */
    const char *token;                          /* one of that policy's, of now */
};

static int status_of(struct rig_conn *c)
{
    int status = 0;
    sscanf(buf_cstr(&c->heard), "HTTP/1.1 %d", &status);
    return status;
}

static int ask(struct rig_conn *c, const struct ask *a)
{
    struct buf token = {0}, out = {0};
    if (a->token)
        buf_put_str(&token, a->token);
    else
        rig_token(&rig, a->policy ? a->policy : "device", "", &token);
    buf_printf(&out,
               "%s /devices/%s%s HTTP/1.1\r\nhost: hub.test\r\nauthorization: %s\r\n%s"
               "content-length: %zu\r\n\r\n%s",
               a->method ? a->method : "POST", a->device ? a->device : "d1",
               a->path ? a->path : EVENTS, buf_cstr(&token), a->headers ? a->headers : "",
               a->body ? strlen(a->body) : 0, a->body ? a->body : "");
    buf_clear(&c->heard);
    rig_say(c, buf_slice(&out));
    if (a->path == NULL && status_of(c) == 0) rig_wait(&rig, DEVICE_HTTP_COMPANY_US);
    buf_free(&token);
    buf_free(&out);
    return status_of(c);
}

static bool heard(struct rig_conn *c, const char *text)
{
    return strstr(buf_cstr(&c->heard), text) != NULL;
}

/* Long after any other. */
static struct rig_conn *dial(void)
{
    rig_wait(&rig, DEVICE_HTTP_COMPANY_US);
    return rig_dial(&rig, WIRE_HTTP);
}

/* The value of a metric without labels. */
static long metric(const char *name)
{
    struct buf text = {0};
    char line[128];
    metrics_write(&text);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(buf_cstr(&text), line);
    long value = at ? strtol(at + strlen(line), NULL, 10) : -1;
    buf_free(&text);
    return value;
}

/* ---- telemetry */

static void telemetry_is_acknowledged_and_opens_one_session(void **state)
{
    struct rig_conn *c = dial();
    long granted = metric("azimuth_sessions_granted_total");
    (void)state;
    assert_int_equal(ask(c, &(struct ask){.body = "one"}), 204);
    assert_int_equal(ask(c, &(struct ask){.body = "two", .headers = "iothub-app-a: b\r\n"}), 204);
    assert_int_equal(metric("azimuth_sessions_granted_total"), granted + 1);
    rig_free(c);
}

/* ---- twins, as routes see them */

static void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void write_twin(const char *json)
{
    struct twin_wait w = {.fn = on_twin};
    lane_running = &rig.core;
    twin_write(rig.wire.cores[0].twins, SLICE_LIT("d1"), TWIN_MERGE, SLICE_NONE, slice_str(json),
               &w);
    rig_run(&rig);
}

static void on_routing(struct routing_wait *w, enum err result, const char *text)
{
    (void)w, (void)text;
    assert_int_equal(result, OK);
}

static void set_routing(const char *document)
{
    struct routing_wait w = {.fn = on_routing};
    lane_running = &rig.core;
    routing_put(rig.wire.cores[0].routing, SLICE_LIT("*"), slice_str(document), &w);
    rig_run(&rig);
}

static bool goes_to_the_stream(struct rig_conn *c, const char *token)
{
    long before = metric("azimuth_d2c_endpoints_egress_builtIn_events_total");
    assert_int_equal(ask(c, &(struct ask){.body = "x", .token = token}), 204);
    return metric("azimuth_d2c_endpoints_egress_builtIn_events_total") > before;
}

/* Nobody tells a session over HTTPS of changes; it is the same one as long as the token is. */
static void routes_see_a_twin_that_is_asked_for_every_5_seconds(void **state)
{
    (void)state;
    struct buf token = {0};
    struct rig_conn *c = dial();
    rig_token(&rig, "device", "", &token);
    const char *t = buf_cstr(&token);
    write_twin("{\"tags\":{\"site\":\"north\"}}");
    set_routing("{\"routes\":[{\"name\":\"north\",\"source\":\"DeviceMessages\","
                "\"condition\":\"$twin.tags.site = 'north'\",\"endpointNames\":[\"events\"]}]}");
    assert_true(goes_to_the_stream(c, t)); /* the first one has it already */
    write_twin("{\"tags\":{\"site\":\"south\"}}");
    rig_wait(&rig, SESSION_TWIN_US - 1);
    assert_true(goes_to_the_stream(c, t));
    assert_true(goes_to_the_stream(c, t));
    rig_wait(&rig, 1);
    assert_true(goes_to_the_stream(c, t)); /* now it is asked for */
    assert_false(goes_to_the_stream(c, t));
    set_routing("{}");
    buf_free(&token);
    rig_free(c);
}

static void what_cannot_be_taken_has_its_status(void **state)
{
    static const struct {
        struct ask ask;
        int status;
        const char *name;
    } rows[] = {
        {{.policy = "service"}, 401, "IotHubUnauthorizedAccess"},
        {{.device = "nobody"}, 404, "DeviceNotFound"},
        {{.device = "d1/modules/nobody"}, 404, "ModuleNotFound"},
        {{.device = "d%20x"}, 400, "ArgumentInvalid"},
        {{.path = "/messages/events"}, 400, "InvalidProtocolVersion"},
        {{.method = "PUT"}, 405, "InvalidOperation"},
        {{.headers = "iothub-expiry: soon\r\n"}, 400, "ArgumentInvalid"},
        {{.headers = "content-type: application/vnd.microsoft.iothub.json; charset=utf-8\r\n",
          .body = "[{]"},
         400,
         "ArgumentInvalid"},
        {{.headers = "content-type: application/vnd.microsoft.iothub.json\r\n",
          .body = "[{\"body\":\"*\"}]"},
         400,
         "message 0 of the batch: body is not base64"},
        {{.method = "DELETE", .path = BOUND "/nonsense?api-version=1"}, 400, "ArgumentInvalid"},
        {{.method = "DELETE", .path = BOUND "/00112233-4455-6677-8899-aabbccddeeff?api-version=1"},
         412,
         "DeviceMessageLockLost"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = dial();
        assert_int_equal(ask(c, &rows[i].ask), rows[i].status);
        assert_true(heard(c, rows[i].name));
        rig_free(c);
    }
}

static int send_size(struct rig_conn *c, size_t size)
{
    char *body = mem_zero(size + 1);
    memset(body, 'x', size);
    int status = ask(c, &(struct ask){.body = body});
    free(body);
    return status;
}

static void a_message_has_at_most_256_kib(void **state)
{
    struct rig_conn *c = dial();
    (void)state;
    assert_int_equal(send_size(c, TELEMETRY_SIZE_MAX), 204);
    assert_int_equal(send_size(c, TELEMETRY_SIZE_MAX + 1), 413);
    assert_int_equal(send_size(c, 1), 204);
    assert_int_equal(send_size(c, DEVICE_HTTP_BODY_MAX), 413);
    assert_true(heard(c, "MessageTooLarge"));
    rig_free(c);
}

static void what_is_said_of_a_file_has_4_kib(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct rig_conn *c = dial();
        struct buf body = {0};
        buf_put_str(&body, "{\"blobName\":\"b\"}");
        while (buf_size(&body) < DEVICE_HTTP_FILE_BODY_MAX + (size_t)over) buf_put_u8(&body, ' ');
        const struct ask file = {.path = "/files?api-version=1", .body = buf_cstr(&body)};
        assert_int_equal(ask(c, &file), over ? 413 : 200);
        buf_free(&body);
        rig_free(c);
    }
}

static void requests_in_one_piece_are_answered_in_order(void **state)
{
    struct rig_conn *c = dial();
    struct buf token = {0}, out = {0};
    unsigned answers = 0;
    (void)state;
    rig_token(&rig, "device", "", &token);
    for (int i = 0; i < 5; i++)
        buf_printf(&out,
                   "POST /devices/d1" EVENTS " HTTP/1.1\r\nhost: hub.test\r\nauthorization: %s\r\n"
                   "content-length: 2\r\n\r\nhi",
                   buf_cstr(&token));
    rig_say(c, buf_slice(&out));
    for (const char *at = buf_cstr(&c->heard); (at = strstr(at, "HTTP/1.1 204")) != NULL; at++)
        answers++;
    assert_int_equal(answers, 5);
    rig_free(c);
    buf_free(&token);
    buf_free(&out);
}

static void who_hangs_up_before_the_answer_harms_nobody(void **state)
{
    struct rig_conn *c = dial(), *other = dial();
    struct buf token = {0}, out = {0};
    (void)state;
    rig_token(&rig, "device", "", &token);
    buf_printf(&out,
               "POST /devices/d1" EVENTS " HTTP/1.1\r\nhost: hub.test\r\nauthorization: %s\r\n"
               "content-length: 2\r\n\r\nhi",
               buf_cstr(&token));
    conn_received(&c->conn, buf_slice(&out), rig.now_us);
    rig_free(c);
    rig_run(&rig);
    assert_int_equal(ask(other, &(struct ask){.body = "x"}), 204);
    rig_free(other);
    buf_free(&token);
    buf_free(&out);
}

/* ---- first messages of connections */

static void say_event(struct rig_conn *c)
{
    struct buf token = {0}, out = {0};
    rig_token(&rig, "device", "", &token);
    buf_printf(&out,
               "POST /devices/d1" EVENTS " HTTP/1.1\r\nhost: hub.test\r\nauthorization: %s\r\n"
               "content-length: 2\r\n\r\nhi",
               buf_cstr(&token));
    buf_clear(&c->heard);
    rig_say(c, buf_slice(&out));
    buf_free(&token);
    buf_free(&out);
}

static void first_messages_that_come_together_share_a_sync(void **state)
{
    (void)state;
    struct rig_conn *c[4];
    for (int i = 0; i < 4; i++) c[i] = dial();
    long before = metric("azimuth_log_commits_total");
    for (int i = 0; i < 4; i++) say_event(c[i]);
    assert_int_equal(status_of(c[0]), 204); /* nobody came shortly before */
    for (int i = 1; i < 4; i++) assert_int_equal(status_of(c[i]), 0);
    rig_free(c[3]); /* whoever leaves is not waited for */
    rig_wait(&rig, DEVICE_HTTP_COMPANY_US);
    for (int i = 1; i < 3; i++) assert_int_equal(status_of(c[i]), 204);
    assert_int_equal(metric("azimuth_log_commits_total"), before + 2);
    say_event(c[1]); /* no first one */
    assert_int_equal(status_of(c[1]), 204);
    for (int i = 0; i < 3; i++) rig_free(c[i]);
}

static void as_many_first_messages_wait_as_may(void **state)
{
    (void)state;
    struct rig_conn *c[DEVICE_HTTP_COMPANY_MAX + 2];
    for (int i = 0; i < DEVICE_HTTP_COMPANY_MAX + 2; i++) c[i] = dial();
    for (int i = 0; i < DEVICE_HTTP_COMPANY_MAX; i++) say_event(c[i]);
    assert_int_equal(status_of(c[1]), 0);
    say_event(c[DEVICE_HTTP_COMPANY_MAX]);
    for (int i = 1; i <= DEVICE_HTTP_COMPANY_MAX; i++) assert_int_equal(status_of(c[i]), 204);
    say_event(c[DEVICE_HTTP_COMPANY_MAX + 1]); /* the next company */
    assert_int_equal(status_of(c[DEVICE_HTTP_COMPANY_MAX + 1]), 0);
    rig_wait(&rig, DEVICE_HTTP_COMPANY_US);
    assert_int_equal(status_of(c[DEVICE_HTTP_COMPANY_MAX + 1]), 204);
    for (int i = 0; i < DEVICE_HTTP_COMPANY_MAX + 2; i++) rig_free(c[i]);
}

static void a_session_that_ends_takes_nobodys_message_with_it(void **state)
{
    (void)state;
    struct rig_conn *c = dial(), *other = dial();
    say_event(other);
    say_event(c);
    assert_int_equal(status_of(c), 0);
    rig_delete(&rig, "d1");
    assert_int_equal(status_of(c), 204);
    rig_create_device(&rig, "d1");
    rig_free(c);
    rig_free(other);
}

/* ---- throttles */

static void set_quota(uint64_t messages)
{
    quota_free(rig.wire.hub.quota);
    rig.wire.hub.quota = quota_new(&(struct quota_config){messages, QUOTA_METER});
}

/* Of each request the first passes, with a quota of as many messages as it counts. */
static void what_is_above_the_daily_quota_is_403(void **state)
{
    static const struct {
        unsigned counts;
        struct ask ask;
        int status;
    } rows[] = {
        {1, {.path = "/messages/events?api-version=1", .body = "x"}, 204},
        {2,
         {.path = "/messages/events?api-version=1",
          .headers = "Content-Type: application/vnd.microsoft.iothub.json\r\n",
          .body = "[{\"body\":\"eA==\"},{\"body\":\"eQ==\"}]"},
         204},
        {1, {.path = "/files?api-version=1", .body = "{\"blobName\":\"b\"}"}, 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c = dial();
        set_quota(rows[i].counts);
        assert_int_equal(ask(c, &rows[i].ask), rows[i].status);
        assert_int_equal(ask(c, &rows[i].ask), 403);
        assert_true(heard(c, "IotHubQuotaExceeded") && heard(c, "iothub-errorcode: "));
        rig_free(c);
    }
    struct rig_conn *c = dial(); /* polls are not counted, and refused all the same */
    assert_int_equal(ask(c, &(struct ask){.method = "GET", .path = BOUND "?api-version=1"}), 403);
    rig_free(c);
    set_quota(0);
}

/* One at once, five in their turn within THROTTLE_QUEUE_US, and then one too many. */
static void polls_and_uploads_wait_for_their_turn_and_then_are_refused(void **state)
{
    enum { TAKEN = 1 + THROTTLE_QUEUE_US / 1000000 };
    static const struct {
        const char *rate, *operation;
        struct ask ask;
        int status;
    } rows[] = {
        {"c2d-receives=1/s",
         "Operation type: CloudToDeviceReceive",
         {.method = "GET", .path = BOUND "?api-version=1"},
         204},
        {"uploads=1/s",
         "Operation type: FileUpload",
         {.path = "/files?api-version=1", .body = "{\"blobName\":\"b\"}"},
         200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *c[TAKEN], *refused = dial();
        limit(rows[i].rate);
        for (int n = 0; n < TAKEN; n++) {
            c[n] = rig_dial(&rig, WIRE_HTTP);
            assert_int_equal(ask(c[n], &rows[i].ask), n ? 0 : rows[i].status);
        }
        assert_int_equal(ask(refused, &rows[i].ask), 429);
        assert_true(heard(refused, "ThrottlingBacklogTimeout") &&
                    heard(refused, "retry-after: 10\r\n") && heard(refused, rows[i].operation));
        for (int n = 1; n < TAKEN; n++) {
            rig_wait(&rig, 999000);
            assert_int_equal(status_of(c[n]), 0);
            rig_wait(&rig, 1000);
            assert_int_equal(status_of(c[n]), rows[i].status);
        }
        for (int n = 0; n < TAKEN; n++) rig_free(c[n]);
        rig_free(refused);
        limit("");
    }
}

static int send_batch(struct rig_conn *c, unsigned messages)
{
    struct buf body = {0};
    for (unsigned i = 0; i < messages; i++)
        buf_printf(&body, "%c{\"body\":\"eA==\"}", i ? ',' : '[');
    buf_put_str(&body, "]");
    int status =
        ask(c, &(struct ask){.headers = "content-type: application/vnd.microsoft.iothub.json\r\n",
                             .body = buf_cstr(&body)});
    buf_free(&body);
    return status;
}

/* What has its turn within THROTTLE_TELEMETRY_QUEUE_US is answered at once. */
static void telemetry_is_never_held_and_a_batch_counts_its_messages(void **state)
{
    enum { RATE = 3, QUEUE = RATE * THROTTLE_TELEMETRY_QUEUE_US / 1000000 };
    struct rig_conn *c = dial();
    (void)state;
    limit("telemetry=3/s");
    assert_int_equal(send_batch(c, RATE), 204);
    assert_int_equal(send_batch(c, QUEUE + 1), 429);
    assert_true(heard(c, "ThrottlingBacklogTimeout") && heard(c, "retry-after: 10\r\n"));
    assert_int_equal(send_batch(c, QUEUE - 1), 204); /* what was refused cost nothing */
    assert_int_equal(ask(c, &(struct ask){.body = "N"}), 204);
    assert_int_equal(ask(c, &(struct ask){.body = "N + 1"}), 429);
    rig_wait(&rig, 340000);
    assert_int_equal(ask(c, &(struct ask){.body = "the next one's turn"}), 204);
    assert_int_equal(ask(c, &(struct ask){.body = "and no more"}), 429);
    rig_free(c);
    limit("");
}

/* ---- faults on demand */

/* hub/fault: over HTTPS nothing is done. */
static void a_fault_that_is_asked_for_does_not_happen(void **state)
{
    struct rig_conn *c = dial();
    (void)state;
    rig.wire.hub.faults = faults_new();
    const struct ask asks[] = {
        {.body = "x",
         .headers = "iothub-app-AzIoTHub_FaultOperationType: InvokeAuthError\r\n"
                    "iothub-app-AzIoTHub_FaultOperationDurationInSecs: 60\r\n"},
        {.body = "x", .headers = "iothub-app-AzIoTHub_FaultOperationType: KillTcp\r\n"},
    };
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        assert_int_equal(ask(c, &asks[i]), 204);
        rig_wait(&rig, 1000000);
        assert_false(c->shut);
        assert_int_equal(faults_of(rig.wire.hub.faults, SLICE_LIT("d1"), rig.now_us), FAULT_NONE);
        assert_int_equal(ask(c, &(struct ask){.body = "after"}), 204);
    }
    rig_free(c);
    faults_free(rig.wire.hub.faults);
    rig.wire.hub.faults = NULL;
}

/* ---- sessions */

static void a_connection_keeps_the_sessions_used_last(void **state)
{
    struct rig_conn *c = dial();
    char id[16];
    long before = metric("azimuth_http_sessions");
    (void)state;
    for (int i = 0; i <= DEVICE_HTTP_SESSIONS_MAX; i++) {
        snprintf(id, sizeof id, "n%d", i);
        rig_create_device(&rig, id);
        assert_int_equal(ask(c, &(struct ask){.device = id, .body = "x"}), 204);
        long now = metric("azimuth_http_sessions") - before;
        assert_int_equal(now, i < DEVICE_HTTP_SESSIONS_MAX ? i + 1 : DEVICE_HTTP_SESSIONS_MAX);
    }
    assert_int_equal(ask(c, &(struct ask){.device = "n0", .body = "x"}), 204);
    rig_free(c);
    rig_run(&rig);
    assert_int_equal(metric("azimuth_http_sessions"), before);
}

static void an_identity_has_so_many_sessions_and_then_the_oldest_goes(void **state)
{
    struct rig_conn *c[SESSION_LIGHTS_MAX + 1];
    long evicted = metric("azimuth_http_sessions_evicted_total");
    (void)state;
    for (int i = 0; i <= SESSION_LIGHTS_MAX; i++) {
        c[i] = dial();
        assert_int_equal(ask(c[i], &(struct ask){.body = "x"}), 204);
        assert_int_equal(metric("azimuth_http_sessions_evicted_total") - evicted,
                         i == SESSION_LIGHTS_MAX);
    }
    assert_int_equal(ask(c[0], &(struct ask){.body = "it opens another"}), 204);
    for (int i = 0; i <= SESSION_LIGHTS_MAX; i++) rig_free(c[i]);
}

static void home_closes_the_session_when_the_identity_changes(void **state)
{
    struct rig_conn *c = dial();
    (void)state;
    assert_int_equal(ask(c, &(struct ask){.body = "x"}), 204);
    rig_put_device(&rig, "d1", "{\"deviceId\":\"d1\",\"status\":\"disabled\"}", "*");
    assert_int_equal(ask(c, &(struct ask){.body = "x"}), 401);
    rig_put_device(&rig, "d1", "{\"deviceId\":\"d1\",\"status\":\"enabled\"}", "*");
    assert_int_equal(ask(c, &(struct ask){.body = "x"}), 204);
    rig_delete(&rig, "d1");
    assert_int_equal(ask(c, &(struct ask){.body = "x"}), 404);
    rig_free(c);
}

static void nobody_is_connected_by_it(void **state)
{
    struct rig_conn *c = dial();
    long before = metric("azimuth_connected_devices");
    (void)state;
    assert_int_equal(ask(c, &(struct ask){.body = "x"}), 204);
    assert_int_equal(metric("azimuth_connected_devices"), before);
    rig_free(c);
}

/* ---- messages to devices */

static void an_empty_queue_is_204(void **state)
{
    struct rig_conn *c = dial();
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct ask get = {.method = "GET", .path = BOUND "?api-version=1"};
        assert_int_equal(ask(c, &get), 204);
    }
    const struct ask head = {.method = "HEAD", .path = BOUND "?api-version=1"};
    assert_int_equal(ask(c, &head), 405); /* it would take one */
    rig_free(c);
}

/* The last one: from now on nothing is stored. */
static void what_could_not_be_stored_is_not_acknowledged(void **state)
{
    const struct ask message = {.device = "d9", .body = "m"};
    struct rig_conn *c = dial();
    (void)state;
    rig_create_device(&rig, "d9");
    assert_int_equal(ask(c, &message), 204);
    io_mem_fail(rig.disk, IO_CALL_SYNC, 1, ERR_IO, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(c, &message), 503);
        assert_false(log_healthy(rig.wire.log));
    }
    rig_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telemetry_is_acknowledged_and_opens_one_session),
        cmocka_unit_test(routes_see_a_twin_that_is_asked_for_every_5_seconds),
        cmocka_unit_test(what_cannot_be_taken_has_its_status),
        cmocka_unit_test(a_message_has_at_most_256_kib),
        cmocka_unit_test(what_is_said_of_a_file_has_4_kib),
        cmocka_unit_test(requests_in_one_piece_are_answered_in_order),
        cmocka_unit_test(who_hangs_up_before_the_answer_harms_nobody),
        cmocka_unit_test(first_messages_that_come_together_share_a_sync),
        cmocka_unit_test(as_many_first_messages_wait_as_may),
        cmocka_unit_test(a_session_that_ends_takes_nobodys_message_with_it),
        cmocka_unit_test(what_is_above_the_daily_quota_is_403),
        cmocka_unit_test(polls_and_uploads_wait_for_their_turn_and_then_are_refused),
        cmocka_unit_test(telemetry_is_never_held_and_a_batch_counts_its_messages),
        cmocka_unit_test(a_fault_that_is_asked_for_does_not_happen),
        cmocka_unit_test(a_connection_keeps_the_sessions_used_last),
        cmocka_unit_test(an_identity_has_so_many_sessions_and_then_the_oldest_goes),
        cmocka_unit_test(nobody_is_connected_by_it),
        cmocka_unit_test(an_empty_queue_is_204),
        cmocka_unit_test(home_closes_the_session_when_the_identity_changes),
        cmocka_unit_test(what_could_not_be_stored_is_not_acknowledged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
