/* http_trace_test.c - what --debug shows, and what it does not. */
#include "base/test.h"

#include "base/text.h"
#include "cli/http_trace.h"

static const char *shown(void (*put)(struct buf *out, struct slice text), const char *text)
{
    static char said[8192];
    struct buf out = {0};
    put(&out, slice_str(text));
    snprintf(said, sizeof said, "%s", buf_cstr(&out));
    buf_free(&out);
    return said;
}

static void secrets_of_bodies_are_not_shown(void **state)
{
    static const struct {
        const char *body, *shown;
    } rows[] = {
        {"", ""},
        {"{\"deviceId\": \"d1\"}", "{\"deviceId\":\"d1\"}"},
        {"{\"symmetricKey\":{\"primaryKey\":\"YWJj\",\"secondaryKey\":null}}",
         "{\"symmetricKey\":{\"primaryKey\":\"***\",\"secondaryKey\":null}}"},
        {"[{\"keyName\":\"service\",\"PrimaryKey\":\"YWJj\",\"rights\":\"x\"}]",
         "[{\"keyName\":\"service\",\"PrimaryKey\":\"***\",\"rights\":\"x\"}]"},
        {"{\"password\":\"a\",\"clientSecret\":\"b\",\"connectionString\":\"c\",\"sasToken\":"
         "\"d\"}",
         "{\"password\":\"***\",\"clientSecret\":\"***\",\"connectionString\":\"***\",\"sasToken\":"
         "\"***\"}"},
        {"{\"url\":\"https://h/console/#token=abc\"}", "{\"url\":\"***\"}"},
        {"{\"webhookUrl\":\"https://f.example/x?code=abc\",\"endpointUri\":\"sb://h/\"}",
         "{\"webhookUrl\":\"***\",\"endpointUri\":\"sb://h/\"}"},
        {"{\"key\":\"site\",\"value\":\"north\"}", "{\"key\":\"site\",\"value\":\"north\"}"},
        {"{\"a\":[\"HostName=h;SharedAccessKeyName=s;SharedAccessKey=YWJj\"],\"uri\":\"https://h/c?"
         "sv=1&sig=abc\"}",
         "{\"a\":[\"***\"],\"uri\":\"***\"}"},
        {"no JSON, but SharedAccessKey=YWJj", "(33 bytes)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(shown(http_trace_body, rows[i].body), rows[i].shown);
}

static void a_long_body_is_cut(void **state)
{
    struct buf body = {0};
    (void)state;
    buf_put_u8(&body, '"');
    for (int i = 0; i < HTTP_TRACE_BODY_MAX - 2; i++) buf_put_u8(&body, 'x');
    buf_put_u8(&body, '"');
    assert_int_equal(strlen(shown(http_trace_body, buf_cstr(&body))), HTTP_TRACE_BODY_MAX);
    body.len--;
    buf_put_str(&body, "x\"");
    const char *said = shown(http_trace_body, buf_cstr(&body));
    assert_string_equal(said + HTTP_TRACE_BODY_MAX, "... (4097 bytes)");
    buf_free(&body);
}

static void secrets_of_headers_and_urls_are_not_shown(void **state)
{
    (void)state;
    assert_string_equal(shown(http_trace_header, "Authorization: SharedAccessSignature sr=h&sig=x"),
                        "Authorization: ***");
    assert_string_equal(shown(http_trace_header, "If-Match: \"AAAA\""), "If-Match: \"AAAA\"");
    assert_string_equal(shown(http_trace_header, "Location: https://h/c?sv=1&sig=x"),
                        "Location: ***");
    struct buf out = {0};
    http_trace_url(&out, "https://h:443/devices?api-version=1");
    buf_put_u8(&out, ' ');
    http_trace_url(&out, "https://h/c/b?sv=1&sig=x&comp=block");
    assert_string_equal(buf_cstr(&out),
                        "https://h:443/devices?api-version=1 https://h/c/b" TEXT_QUERY_MASK);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_of_bodies_are_not_shown),
        cmocka_unit_test(a_long_body_is_cut),
        cmocka_unit_test(secrets_of_headers_and_urls_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
