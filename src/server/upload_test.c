/* upload_test.c - files through a whole hub: as the C SDK uploads them, and as nobody should. */
#include "base/test.h"

#include "base/io_mem.h"
#include "base/json.h"
#include "base/metrics.h"
#include "front/blob/blob.h"
#include "hub/upload/upload.h"
#include "server/rig.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig);
    rig_create_device(&rig, "d1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

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
               "POST /devices/d1/files%s?api-version=2016-11-14 HTTP/1.1\r\nHost: hub.test:8443\r\n"
               "Authorization: %s\r\nContent-Length: %zu\r\n\r\n%s",
               path, buf_cstr(&token), strlen(body), body);
    int status = say(c, buf_cstr(&out));
    buf_free(&token);
    buf_free(&out);
    return status;
}

struct place {
    char correlation_id[64], uri[1024]; /* "/container/blob?sas" */
};

static int begin(struct rig_conn *c, const char *name, struct place *out)
{
    char body[200];
    struct arena arena = {0};
    struct json *doc;
    snprintf(body, sizeof body, "{\"blobName\":\"%s\"}", name);
    int status = ask(c, "/", body); /* the C SDK has a slash there */
    if (status != 200) return status;
    const char *json = strstr(buf_cstr(&c->heard), "\r\n\r\n") + 4;
    assert_int_equal(json_parse(&arena, slice_str(json), &doc), OK);
    assert_true(slice_is(json_str(doc, "hostName"), "hub.test:8443"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_c_sdk_uploads),
        cmocka_unit_test(what_is_wrong_is_said_in_azures_words),
        cmocka_unit_test(a_signature_expires),
        cmocka_unit_test(a_device_has_ten_uploads_and_room_again_when_they_expire),
        cmocka_unit_test(a_body_comes_in_pieces_and_may_break_off),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
