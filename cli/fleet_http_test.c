/* Tests of a device over HTTP: properties as headers. */
#include "base/test.h"

#include "cli/fleet_http.h"

static void properties_become_headers(void **state)
{
    (void)state;
    static const struct {
        const char *bag, *lines; /* lines NULL: no header can say that */
    } rows[] = {
        {"", ""},
        {"a=b", "iothub-app-a: b|"},
        {"%24.ct=application%2Fjson&%24.ce=utf-8&site=",
         "iothub-contenttype: application/json|iothub-contentencoding: utf-8|iothub-app-site;|"},
        {"$.mid=1&$.cid=2&$.uid=3&$.to=4",
         "iothub-messageid: 1|iothub-correlationid: 2|iothub-userid: "
         "3|iothub-to: 4|"},
        {"$.sub=c&x.y=%C3%A4", "dt-subject: c|iothub-app-x.y: \xc3\xa4|"},
        {"a=b%0D%0Ax:y", NULL},
        {"a%3A=b", NULL},
        {"a%20b=c", NULL},
        {"%C3%A4=c", NULL},
        {"$.on=out", NULL},
        {"a=%4", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf lines = {0}, shown = {0};
        size_t count;
        enum err e = fleet_http_headers(slice_str(rows[i].bag), &lines, &count);
        assert_int_equal(e, rows[i].lines ? OK : ERR_INVALID);
        const char *line = buf_cstr(&lines);
        for (size_t at = 0; e == OK && at < count; at++, line += strlen(line) + 1)
            buf_printf(&shown, "%s|", line);
        if (rows[i].lines) assert_string_equal(buf_cstr(&shown), rows[i].lines);
        buf_free(&lines);
        buf_free(&shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_become_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
