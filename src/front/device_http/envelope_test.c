/* envelope_test.c - headers and batches as envelopes. */
#include "base/test.h"

#include "base/limit.h"
#include "base/text.h"
#include "front/device_http/device.h"

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void put_text(struct buf *out, const char *name, struct slice value)
{
    if (value.ptr) buf_printf(out, "%s=%.*s;", name, SLICE_ARG(value));
}

/* An envelope as one line. */
static const char *line_of(const struct envelope *m, struct buf *out)
{
    buf_clear(out);
    put_text(out, "mid", m->message_id);
    put_text(out, "cid", m->correlation_id);
    put_text(out, "uid", m->user_id);
    put_text(out, "to", m->to);
    put_text(out, "ct", m->content_type);
    put_text(out, "ce", m->content_encoding);
    put_text(out, "sub", m->subject);
    put_text(out, "ifid", m->interface_id);
    if (m->expiry_ms) buf_printf(out, "exp=%lld;", (long long)m->expiry_ms);
    for (size_t i = 0; i < m->property_count; i++)
        buf_printf(out, "%.*s:%.*s;", SLICE_ARG(m->properties[i].name),
                   SLICE_ARG(m->properties[i].value));
    buf_printf(out, "|%.*s", SLICE_ARG(m->body));
    return buf_cstr(out);
}

struct row {
    const char *given, *expected; /* expected NULL: ERR_INVALID */
};

/* "name: value\nname: value" */
static enum err of_headers(const char *text, struct envelope *out)
{
    struct http1_header headers[16];
    struct http1_request request = {.headers = headers};
    struct slice rest = slice_str(text), line, name;
    while (rest.len && slice_split(&rest, '\n', &line)) {
        slice_split(&line, ':', &name);
        headers[request.header_count++] = (struct http1_header){name, slice_trim(line)};
    }
    return envelope_of_headers(&request, &arena, out);
}

static void headers_become_an_envelope(void **state)
{
    static const struct row rows[] = {
        {"host: h\ncontent-type: text/plain", "|"},
        {"IoTHub-MessageId: m1\niothub-correlationid: c\niothub-userid: u", "mid=m1;cid=c;uid=u;|"},
        {"iothub-contenttype: application/json\niothub-contentencoding: utf-8",
         "ct=application/json;ce=utf-8;|"},
        {"iothub-app-Temp: 1\niothub-app-a.b: c d", "Temp:1;a.b:c d;|"},
        {"iothub-app-empty:", "empty:;|"},
        {"iothub-to: /devices/d1/messages/events", "|"},
        {"iothub-to: elsewhere", "to=elsewhere;|"},
        {"dt-subject: thermostat\niothub-interface-id: i", "sub=thermostat;ifid=i;|"},
        {"iothub-expiry: 1763870706000", "exp=1763870706000;|"},
        {"iothub-expiry: 2025-11-23T04:05:06Z", "exp=1763870706000;|"},
        {"iothub-creationtimeutc: t\niothub-messageschema: s",
         "iothub-creation-time-utc:t;iothub-message-schema:s;|"},
        {"iothub-app-iothub-connection-device-id: other\niothub-connection-device-id: other", "|"},
        {"iothub-ack: full\niothub-whatever: x", "|"},
        {"iothub-app-: x", NULL},
        {"iothub-expiry: soon", NULL},
        {"iothub-app-a: \xff", NULL},
    };
    struct buf line = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct envelope m;
        enum err e = of_headers(rows[i].given, &m);
        assert_int_equal(e, rows[i].expected ? OK : ERR_INVALID);
        if (e == OK) assert_string_equal(line_of(&m, &line), rows[i].expected);
    }
    buf_free(&line);
}

static void a_batch_becomes_envelopes(void **state)
{
    static const struct row rows[] = {
        {"[{\"body\":\"aGVsbG8=\"}]", "|hello\n"},
        {"[{\"body\":\"aGk=\",\"base64Encoded\":true},{\"body\":\"plain\",\"base64Encoded\":false}"
         "]",
         "|hi\n|plain\n"},
        {"[{\"body\":\"\",\"properties\":{\"iothub-app-k\":\"v\",\"iothub-messageid\":\"m\"}}]",
         "mid=m;k:v;|\n"},
        {"[{\"body\":\"\",\"properties\":{\"iothub-app-n\":1.50,\"iothub-app-t\":true,\"k\":null}}"
         "]",
         "n:1.50;t:true;k:;|\n"},
        {"[{\"body\":\"\",\"properties\":null}]", "|\n"},
        {"[]", NULL},
        {"{\"body\":\"aGVsbG8=\"}", NULL},
        {"[1]", NULL},
        {"[{\"body\":7}]", NULL},
        {"[{}]", NULL},
        {"[{\"body\":\"a*b\"}]", NULL},
        {"[{\"body\":\"aGVsbG8=\"},{\"body\":\"%%\"}]", NULL},
        {"[{\"body\":\"\",\"properties\":[]}]", NULL},
        {"[{\"body\":\"\",\"properties\":{\"iothub-app-k\":{}}}]", NULL},
        {"[{\"body\":\"\"", NULL},
        {"", NULL},
    };
    struct buf line = {0}, all = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct envelope *m;
        size_t count;
        enum err e = envelopes_of_batch(slice_str(rows[i].given), &arena, &m, &count);
        assert_int_equal(e, rows[i].expected ? OK : ERR_INVALID);
        if (e != OK) continue;
        buf_clear(&all);
        for (size_t k = 0; k < count; k++) buf_printf(&all, "%s\n", line_of(&m[k], &line));
        assert_string_equal(buf_cstr(&all), rows[i].expected);
    }
    buf_free(&line);
    buf_free(&all);
}

/* `count` messages of `size` bytes. */
static enum err batch_of(size_t count, size_t size)
{
    struct buf json = {0};
    struct envelope *m;
    size_t found;
    buf_put_u8(&json, '[');
    for (size_t i = 0; i < count; i++) {
        buf_put_str(&json, i ? ",{\"base64Encoded\":false,\"body\":\""
                             : "{\"base64Encoded\":false,\"body\":\"");
        memset(buf_reserve(&json, size), 'x', size);
        buf_commit(&json, size);
        buf_put_str(&json, "\"}");
    }
    buf_put_u8(&json, ']');
    enum err e = envelopes_of_batch(buf_slice(&json), &arena, &m, &found);
    if (e == OK) assert_int_equal(found, count);
    buf_free(&json);
    return e;
}

static void a_batch_has_limits(void **state)
{
    (void)state;
    int64_t met = limit_reached("http-batch");
    assert_int_equal(batch_of(DEVICE_HTTP_BATCH_MAX, 1), OK);
    assert_int_equal(limit_reached("http-batch"), met);
    assert_int_equal(batch_of(DEVICE_HTTP_BATCH_MAX + 1, 1), ERR_TOO_BIG);
    assert_int_equal(limit_reached("http-batch") - met, 1);
    assert_int_equal(batch_of(2, DEVICE_HTTP_BATCH_BYTES_MAX / 2), OK);
    assert_int_equal(batch_of(2, DEVICE_HTTP_BATCH_BYTES_MAX / 2 + 1), ERR_TOO_BIG);
    assert_int_equal(limit_reached("http-batch") - met, 2);
}

static void a_message_of_a_batch_has_so_many_properties(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        int64_t met = limit_reached("telemetry-properties");
        struct buf json = {0};
        struct envelope *m;
        size_t count;
        buf_put_str(&json, "[{\"body\":\"\",\"properties\":{");
        for (int i = 0; i < TELEMETRY_PROPERTIES_MAX + over; i++)
            buf_printf(&json, "%s\"iothub-app-%d\":\"v\"", i ? "," : "", i);
        buf_put_str(&json, "}}]");
        assert_int_equal(envelopes_of_batch(buf_slice(&json), &arena, &m, &count),
                         over ? ERR_TOO_BIG : OK);
        assert_int_equal(limit_reached("telemetry-properties") - met, over);
        buf_free(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(headers_become_an_envelope, tear_down),
        cmocka_unit_test_teardown(a_batch_becomes_envelopes, tear_down),
        cmocka_unit_test_teardown(a_batch_has_limits, tear_down),
        cmocka_unit_test_teardown(a_message_of_a_batch_has_so_many_properties, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
