/* upload_test.c - files through a whole hub: as the C SDK uploads them, and as nobody should. */
#include "base/io_mem.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/metrics.h"
#include "front/blob/blob.h"
#include "hub/notice/notice.h"
#include "hub/upload/upload.h"
#include "server/fixture_test.h"

static const char *who = "d1"; /* asks */
static const char *dialled = "hub.test:8443";

/* ---- asking */

static int answer(struct rig_conn *c)
{
    const char *text = buf_cstr(&c->heard);
    int status = 0;
    sscanf(text, "HTTP/1.1 %d", &status);
    return status;
}

static int say(struct rig_conn *c, const char *text)
{
    buf_clear(&c->heard);
    rig_say(c, slice_str(text));
    return answer(c);
}

static bool heard(struct rig_conn *c, const char *text)
{
    return strstr(buf_cstr(&c->heard), text) != NULL;
}

static int ask(struct rig_conn *c, const char *path, const char *body)
{
    struct buf token = {0}, out = {0};
    rig_token(&rig, "device", "", &token);
    buf_printf(&out,
               "POST /devices/%s/files%s?api-version=2016-11-14 HTTP/1.1\r\n"
               "Host: %s\r\n"
               "Authorization: %s\r\nContent-Length: %zu\r\n\r\n%s",
               who, path, dialled, buf_cstr(&token), strlen(body), body);
    int status = say(c, buf_cstr(&out));
    buf_free(&token);
    buf_free(&out);
    return status;
}

struct place {
    char correlation_id[64], uri[2048]; /* "/container/blob?sas" */
};

static int begin(struct rig_conn *c, const char *name, struct place *out)
{
    char body[1100];
    struct arena arena = {0};
    struct json *doc;
    snprintf(body, sizeof body, "{\"blobName\":\"%s\"}", name);
    int status = ask(c, "/", body); /* the C SDK has a slash there */
    if (status != 200) return status;
    const char *json = strstr(buf_cstr(&c->heard), "\r\n\r\n") + 4;
    assert_int_equal(json_parse(&arena, slice_str(json), &doc), OK);
    assert_true(slice_is(json_str(doc, "hostName"), dialled));
    snprintf(out->correlation_id, sizeof out->correlation_id, "%.*s",
             SLICE_ARG(json_str(doc, "correlationId")));
    snprintf(out->uri, sizeof out->uri, "/%.*s/%.*s%.*s", SLICE_ARG(json_str(doc, "containerName")),
             SLICE_ARG(json_str(doc, "blobName")), SLICE_ARG(json_str(doc, "sasToken")));
    arena_free(&arena);
    return status;
}

static int end(struct rig_conn *c, const struct place *p, bool success)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"correlationId\":\"%s\",\"isSuccess\":%s,\"statusCode\":200,"
             "\"statusDescription\":\"\"}",
             p->correlation_id, success ? "true" : "false");
    return ask(c, "/notifications/", body);
}

/* `tail` follows the signature; `headers` are lines. */
static int put(struct rig_conn *c, const struct place *p, const char *tail, const char *headers,
               const char *body)
{
    struct buf out = {0};
    buf_printf(&out, "PUT %s%s HTTP/1.1\r\nHost: hub.test\r\n%sContent-Length: %zu\r\n\r\n%s",
               p->uri, tail, headers, strlen(body), body);
    int status = say(c, buf_cstr(&out));
    buf_free(&out);
    return status;
}

static int get(struct rig_conn *c, const struct place *p, const char *method, const char *headers)
{
    struct buf out = {0};
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: hub.test\r\n%s\r\n", method, p->uri, headers);
    int status = say(c, buf_cstr(&out));
    buf_free(&out);
    return status;
}

/* ---- */

static void as_the_c_sdk_uploads(void **state)
{
    static const struct {
        const char *tail, *headers, *body;
    } rows[] = {
        {"&comp=block&blockid=MDAwMDAw", "", "first "},
        {"&comp=block&blockid=MDAwMDAx", "Accept: */*\r\n", "second"},
        {"&comp=blocklist", "",
         "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList><Latest>MDAwMDAw</Latest>"
         "<Latest>MDAwMDAx</Latest></BlockList>"},
    };
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP), *blob = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    (void)state;
    assert_int_equal(begin(c, "c/sdk.txt", &p), 200);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(put(blob, &p, rows[i].tail, rows[i].headers, rows[i].body), 201);
    assert_int_equal(end(c, &p, true), 204);
    assert_int_equal(get(blob, &p, "GET", ""), 200);
    assert_true(heard(blob, "content-length: 12\r\n") && heard(blob, "\r\n\r\nfirst second"));
    assert_int_equal(get(blob, &p, "GET", "x-ms-range: bytes=6-\r\n"), 206);
    assert_true(heard(blob, "content-range: bytes 6-11/12\r\n") && heard(blob, "\r\n\r\nsecond"));
    assert_int_equal(get(blob, &p, "GET", "x-ms-range: bytes=6-5\r\n"), 200); /* none: all */
    assert_true(heard(blob, "content-length: 12\r\n") && heard(blob, "\r\n\r\nfirst second"));
    assert_int_equal(get(blob, &p, "HEAD", ""), 200);
    assert_true(heard(blob, "x-ms-blob-type: BlockBlob\r\n"));
    rig_free(c);
    rig_free(blob);
}

static void what_is_wrong_is_said_in_azures_words(void **state)
{
    static const struct {
        const char *tail, *headers, *body;
        int status;
        const char *code;
    } rows[] = {
        {"", "x-ms-blob-type: PageBlob\r\n", "", 400, "InvalidHeaderValue"},
        {"&comp=block", "", "x", 400, "InvalidQueryParameterValue"},
        {"&comp=block&blockid=*", "", "x", 400, "InvalidQueryParameterValue"},
        {"&comp=blocklist", "", "<BlockList><Latest>OQ==</Latest></BlockList>", 400,
         "InvalidBlockList"},
        {"&comp=blocklist", "", "nonsense", 400, "InvalidXmlDocument"},
        {"&comp=snapshot", "", "", 501, "NotImplemented"},
        {"&sp=rwd", "", "", 403, "AuthenticationFailed"},
        {"", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "x", 400, "Md5Mismatch"},
        {"", "If-Match: \"0x1\"\r\n", "x", 412, "ConditionNotMet"},
    };
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    (void)state;
    assert_int_equal(begin(c, "wrong", &p), 200);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig_conn *blob = rig_dial(&rig, WIRE_HTTP);
        assert_int_equal(put(blob, &p, rows[i].tail, rows[i].headers, rows[i].body),
                         rows[i].status);
        assert_true(heard(blob, rows[i].code));
        rig_free(blob);
    }
    assert_int_equal(end(c, &p, true), 400);
    assert_int_equal(end(c, &p, false), 204);
    rig_free(c);
}

static void a_signature_expires(void **state)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP), *blob = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    (void)state;
    assert_int_equal(begin(c, "late", &p), 200);
    rig_free(c);
    rig_free(blob);
    rig_wait(&rig, UPLOAD_SAS_US + 1000000);
    blob = rig_dial(&rig, WIRE_HTTP);
    assert_int_equal(put(blob, &p, "", "", "x"), 403);
    assert_true(heard(blob, "AuthenticationFailed"));
    rig_free(blob);
}

static void a_device_has_ten_uploads_and_room_again_when_they_expire(void **state)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    char name[16];
    (void)state;
    rig_wait(&rig, UPLOAD_SAS_US + UPLOAD_SWEEP_US);
    rig_free(c);
    c = rig_dial(&rig, WIRE_HTTP);
    for (int i = 0; i <= UPLOAD_ACTIVE_MAX; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(begin(c, name, &p), i < UPLOAD_ACTIVE_MAX ? 200 : 403);
    }
    assert_true(heard(c, "DeviceMaximumActiveFileUploadLimitExceeded"));
    rig_free(c);
    rig_wait(&rig, UPLOAD_SAS_US + 1000000);
    c = rig_dial(&rig, WIRE_HTTP);
    assert_int_equal(begin(c, "again", &p), 200);
    rig_free(c);
}

/* A body of several pieces, cut anywhere; then one that ends in its middle. */
static void a_body_comes_in_pieces_and_may_break_off(void **state)
{
    enum { SIZE = 3 * BLOBS_PIECE_MAX + 7 };
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP), *blob = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    struct buf head = {0};
    char *piece = mem_zero(60000);
    (void)state;
    rig_wait(&rig, UPLOAD_SAS_US + UPLOAD_SWEEP_US);
    rig_free(c);
    rig_free(blob);
    c = rig_dial(&rig, WIRE_HTTP);
    assert_int_equal(begin(c, "pieces", &p), 200);
    memset(piece, 'p', 60000);
    for (int whole = 0; whole < 2; whole++) {
        blob = rig_dial(&rig, WIRE_HTTP);
        buf_clear(&head);
        buf_printf(&head, "PUT %s HTTP/1.1\r\nHost: hub.test\r\nContent-Length: %d\r\n\r\n", p.uri,
                   SIZE);
        rig_say(blob, buf_slice(&head));
        size_t left = whole ? SIZE : SIZE / 2;
        while (left) {
            size_t n = left < 60000 ? left : 60000;
            rig_say(blob, slice_of(piece, n));
            left -= n;
        }
        if (whole) assert_int_equal(answer(blob), 201);
        rig_free(blob);
        rig_run(&rig);
    }
    blob = rig_dial(&rig, WIRE_HTTP);
    assert_int_equal(get(blob, &p, "HEAD", ""), 200);
    char expected[48];
    snprintf(expected, sizeof expected, "content-length: %d\r\n", SIZE);
    assert_true(heard(blob, expected));
    assert_int_equal(end(c, &p, true), 204);
    rig_free(blob);
    rig_free(c);
    buf_free(&head);
    free(piece);
}

/* ---- limits */

static void a_blobs_name_has_1024_characters_with_the_devices(void **state)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    char name[UPLOAD_NAME_MAX + 1];
    (void)state;
    for (int over = 1; over >= 0; over--) {
        memset(name, 'n', UPLOAD_NAME_MAX);
        name[UPLOAD_NAME_MAX - (int)strlen("d1/") + over] = '\0';
        assert_int_equal(begin(c, name, &p), over ? 400 : 200);
        if (over) assert_true(heard(c, "ArgumentInvalid"));
    }
    assert_int_equal(end(c, &p, false), 204);
    rig_free(c);
}

/* Of a port the zeros before it are nothing. */
static void what_was_dialled_has_261_characters(void **state)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    char host[UPLOAD_HOST_MAX + 2];
    (void)state;
    dialled = host;
    for (int over = 1; over >= 0; over--) {
        snprintf(host, sizeof host, "hub.test:%0*d",
                 UPLOAD_HOST_MAX + over - (int)strlen("hub.test:"), 8443);
        assert_int_equal(begin(c, "n", &p), over ? 400 : 200);
    }
    assert_int_equal(end(c, &p, false), 204);
    dialled = "hub.test:8443";
    rig_free(c);
}

/* Of a body that is too long nothing is read. */
static void a_body_and_a_block_list_have_a_largest_size(void **state)
{
    static const struct {
        const char *tail;
        long long most;
    } rows[] = {{"", BLOB_PUT_MAX}, {"&comp=block&blockid=MDAw", BLOB_PUT_MAX}};
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP), *blob;
    struct place p;
    struct buf list = {0};
    (void)state;
    assert_int_equal(begin(c, "large", &p), 200);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int over = 0; over < 2; over++) {
            struct buf head = {0};
            blob = rig_dial(&rig, WIRE_HTTP);
            buf_printf(&head, "PUT %s%s HTTP/1.1\r\nHost: h\r\nContent-Length: %lld\r\n\r\nx",
                       p.uri, rows[i].tail, rows[i].most + over);
            assert_int_equal(say(blob, buf_cstr(&head)), over ? 413 : 0);
            buf_free(&head);
            rig_free(blob);
        }
    blob = rig_dial(&rig, WIRE_HTTP);
    assert_int_equal(put(blob, &p, "&comp=block&blockid=MDAw", "", "x"), 201);
    buf_put_str(&list, "<BlockList><Latest>MDAw</Latest></BlockList>");
    while (buf_size(&list) < BLOB_LIST_MAX) buf_put_u8(&list, ' ');
    int64_t met = limit_reached("blob-list");
    assert_int_equal(put(blob, &p, "&comp=blocklist", "", buf_cstr(&list)), 201);
    assert_int_equal(limit_reached("blob-list"), met);
    buf_put_u8(&list, ' ');
    assert_int_equal(put(blob, &p, "&comp=blocklist", "", buf_cstr(&list)), 413);
    assert_int_equal(limit_reached("blob-list"), met + 1);
    assert_int_equal(end(c, &p, false), 204);
    buf_free(&list);
    rig_free(blob);
    rig_free(c);
}

static uint64_t metric(const char *line)
{
    struct buf text = {0};
    metrics_write(&text);
    const char *at = strstr(buf_cstr(&text), line);
    assert_non_null(at);
    uint64_t value = strtoull(at + strlen(line), NULL, 10);
    buf_free(&text);
    return value;
}

/* A sweep looks for so many; where it finds them all, another follows. */
static void more_uploads_expire_than_a_sweep_looks_for(void **state)
{
    enum { DEVICES = UPLOAD_SWEEP_MAX / UPLOAD_ACTIVE_MAX + 1 };
    struct rig_conn *c;
    struct place p;
    char id[32];
    (void)state;
    rig_wait(&rig, UPLOAD_SAS_US + UPLOAD_SWEEP_US);
    uint64_t before = metric("\nazimuth_uploads_expired_total ");
    c = rig_dial(&rig, WIRE_HTTP);
    for (int d = 0; d < DEVICES; d++) {
        snprintf(id, sizeof id, "sweep-%d", d);
        rig_create_device(&rig, id);
        who = id;
        for (int i = 0; i < UPLOAD_ACTIVE_MAX; i++) {
            char name[32];
            snprintf(name, sizeof name, "f%d", i);
            assert_int_equal(begin(c, name, &p), 200);
        }
    }
    who = "d1";
    rig_free(c);
    rig_wait(&rig, UPLOAD_SAS_US + UPLOAD_SWEEP_US);
    for (int i = 0; i < DEVICES; i++) rig_wait(&rig, 2000);
    assert_int_equal(metric("\nazimuth_uploads_expired_total ") - before,
                     DEVICES * UPLOAD_ACTIVE_MAX);
}

/* A service that hears of files. */
struct ear {
    struct notice_receiver base;
    unsigned count, settled;
    uint8_t first[NOTICE_LOCK_LEN], last[NOTICE_LOCK_LEN];
};

static void on_batch(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                     int64_t enqueued_us, struct slice json)
{
    struct ear *e = CONTAINER_OF(r, struct ear, base);
    (void)enqueued_us, (void)json;
    if (e->count++ == 0) memcpy(e->first, lock, NOTICE_LOCK_LEN);
    memcpy(e->last, lock, NOTICE_LOCK_LEN);
}

static void on_settled(struct notice_receiver *r, const uint8_t lock[NOTICE_LOCK_LEN],
                       enum status status)
{
    (void)lock;
    assert_int_equal(status, STATUS_OK);
    CONTAINER_OF(r, struct ear, base)->settled++;
}

static struct notices *notices(void)
{
    lane_running = &rig.core;
    return upload_notices(rig.wire.cores[0].uploads);
}

static void open_ear(struct ear *e, unsigned credit)
{
    *e = (struct ear){.base = {.batch = on_batch, .settled = on_settled}};
    notices_open(notices(), &e->base);
    notices_credit(notices(), &e->base, credit);
    rig_run(&rig);
}

static void settle(struct ear *e, const uint8_t *lock, enum notice_outcome outcome)
{
    notices_settle(notices(), &e->base, lock, outcome);
    rig_run(&rig);
}

static void upload_files(unsigned count)
{
    struct rig_conn *c = rig_dial(&rig, WIRE_HTTP);
    struct place p;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(begin(c, "noticed", &p), 200);
        assert_int_equal(put(c, &p, "", "x-ms-blob-type: BlockBlob\r\n", "x"), 201);
        assert_int_equal(end(c, &p, true), 204);
    }
    rig_free(c);
    rig_wait(&rig, 1000000);
}

static void files_are_told_of_until_64_are_not_settled(void **state)
{
    struct ear e;
    (void)state;
    open_ear(&e, 1000);
    rig_wait(&rig, 1000000);
    while (e.count > e.settled) settle(&e, e.last, NOTICE_COMPLETE); /* of the tests before */
    notices_close(notices(), &e.base);
    rig_run(&rig);
    upload_files(UPLOAD_NOTICES_LOCKED_MAX + 1);
    open_ear(&e, 1000);
    for (int i = 0; i < 10; i++) rig_wait(&rig, 1000);
    assert_int_equal(e.count, UPLOAD_NOTICES_LOCKED_MAX);
    settle(&e, e.first, NOTICE_COMPLETE);
    assert_int_equal(e.count, UPLOAD_NOTICES_LOCKED_MAX + 1);
    notices_close(notices(), &e.base);
    rig_run(&rig);
    open_ear(&e, 1);
    for (int i = 0; i < UPLOAD_NOTICES_LOCKED_MAX; i++) {
        assert_int_equal(e.count, i + 1);
        settle(&e, e.last, NOTICE_COMPLETE);
        notices_credit(notices(), &e.base, 1);
        rig_run(&rig);
    }
    assert_int_equal(e.count, UPLOAD_NOTICES_LOCKED_MAX);
    notices_close(notices(), &e.base);
    rig_run(&rig);
}

static void a_file_is_told_of_a_hundred_times_and_not_once_more(void **state)
{
    struct ear e;
    (void)state;
    upload_files(1);
    open_ear(&e, 1);
    for (unsigned i = 0; i < UPLOAD_NOTICE_DELIVERIES_MAX; i++) {
        assert_int_equal(e.count, i + 1);
        settle(&e, e.last, NOTICE_ABANDON);
        notices_credit(notices(), &e.base, 1);
        rig_run(&rig);
    }
    assert_int_equal(e.count, UPLOAD_NOTICE_DELIVERIES_MAX);
    notices_close(notices(), &e.base);
    rig_run(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_c_sdk_uploads),
        cmocka_unit_test(what_is_wrong_is_said_in_azures_words),
        cmocka_unit_test(a_signature_expires),
        cmocka_unit_test(a_device_has_ten_uploads_and_room_again_when_they_expire),
        cmocka_unit_test(a_body_comes_in_pieces_and_may_break_off),
        cmocka_unit_test(a_blobs_name_has_1024_characters_with_the_devices),
        cmocka_unit_test(what_was_dialled_has_261_characters),
        cmocka_unit_test(a_body_and_a_block_list_have_a_largest_size),
        cmocka_unit_test(files_are_told_of_until_64_are_not_settled),
        cmocka_unit_test(a_file_is_told_of_a_hundred_times_and_not_once_more),
        cmocka_unit_test(more_uploads_expire_than_a_sweep_looks_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
