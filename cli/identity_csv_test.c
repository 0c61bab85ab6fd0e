/* identity_csv_test.c - devices of a CSV file. */
#include "base/test.h"

#include "cli/identity_csv.h"

static struct arena arena;
static struct identity_csv csv;

static int fresh(void **state)
{
    (void)state;
    identity_csv_free(&csv);
    arena_free(&arena);
    return 0;
}

static enum err read(const char *text)
{
    identity_csv_free(&csv);
    return identity_csv_read(&arena, "d.csv", slice_str(text), &csv);
}

#define KEY "MDEyMzQ1Njc4OWFiY2RlZg=="
#define HEX "0123456789abcdef0123456789ABCDEF01234567"
#define KEYS                                                                                       \
    "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"" KEY                 \
    "\",\"secondaryKey\":\"" KEY "\"}}"

static void a_row_is_a_line_of_an_import_job(void **state)
{
    static const struct {
        const char *text, *lines;
    } rows[] = {
        {"deviceId\na\n\nb", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n"},
        {"\xef\xbb\xbf Device ID ;STATUS;status_reason\r\na;disabled;\"no \"\"good\"\"; sold\"\r\n",
         "{\"id\":\"a\",\"status\":\"disabled\",\"statusReason\":\"no \\\"good\\\"; sold\"}\n"},
        {"id\tedge\na\tyes\nb\t0\nc\t\n",
         "{\"id\":\"a\",\"capabilities\":{\"iotEdge\":true}}\n"
         "{\"id\":\"b\",\"capabilities\":{\"iotEdge\":false}}\n{\"id\":\"c\"}\n"},
        {"deviceId,primaryKey,secondaryKey\na," KEY "," KEY "\nb,,\n",
         "{\"id\":\"a\"," KEYS "}\n{\"id\":\"b\"}\n"},
        {"deviceId;status\r\ra;disabled\rb;\"disabled\"\r",
         "{\"id\":\"a\",\"status\":\"disabled\"}\n{\"id\":\"b\",\"status\":\"disabled\"}\n"},
        {"deviceId,statusReason\ra,\"two\nlines\"",
         "{\"id\":\"a\",\"statusReason\":\"two\\nlines\"}\n"},
        {"deviceId,primaryThumbprint\na,01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF:01:23:45:"
         "67\n",
         "{\"id\":\"a\",\"authentication\":{\"type\":\"selfSigned\",\"x509Thumbprint\":{"
         "\"primaryThumbprint\":\"" HEX "\"}}}\n"},
        {"deviceId,tags.line,tags.place.hall,desired.interval,properties.desired.on,importMode,"
         "version\n"
         "a,4,'=x,30,true,create,7\nb,,,,,,\nc,\"{\"\"a\"\":1}\",08,1e3,off,,\n",
         "{\"id\":\"a\",\"importMode\":\"create\",\"tags\":{\"line\":4,\"place\":{\"hall\":\"=x\"}}"
         ","
         "\"properties\":{\"desired\":{\"interval\":30,\"on\":true}}}\n{\"id\":\"b\"}\n"
         "{\"id\":\"c\",\"tags\":{\"line\":{\"a\":1},\"place\":{\"hall\":\"08\"}},"
         "\"properties\":{\"desired\":{\"interval\":1e3,\"on\":\"off\"}}}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read(rows[i].text) != OK) fail_msg("%zu: %s%s", i, buf_cstr(&csv.told), fail_text());
        assert_string_equal(buf_cstr(&csv.lines), rows[i].lines);
    }
}

static void a_device_knows_the_line_it_is_on(void **state)
{
    (void)state;
    assert_int_equal(read("deviceId,statusReason\na,\"two\nlines\"\n\n\nb,x\n"), OK);
    assert_int_equal(csv.count, 2);
    assert_int_equal(csv.at[0], 2);
    assert_int_equal(csv.at[1], 6);
    assert_int_equal(read("deviceId,statusReason\ra,\"two\rlines\"\r\rb,x\r"), OK);
    assert_int_equal(csv.at[0], 2);
    assert_int_equal(csv.at[1], 5);
}

static void every_line_that_cannot_be_is_told(void **state)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"deviceId,colour\na,red\n", "d.csv:1: nothing is known of a column 'colour'"},
        {"deviceId,tags.\na,1\n", "d.csv:1: nothing is known of a column 'tags.'"},
        {"deviceId,id\na,b\n", "d.csv:1: two columns mean 'id'"},
        {"status\nenabled\n",
         "d.csv:1: the first line names the columns, and none of them is deviceId"},
        {"deviceId\na b\n", "d.csv:2: 'a b' is no device id"},
        {"deviceId,status\n,enabled\n", "d.csv:2: there is no deviceId"},
        {"deviceId\na\nb\na\n", "d.csv:4: the same device as in line 2"},
        {"deviceId,status\na,maybe\n", "d.csv:2: status is enabled or disabled, not 'maybe'"},
        {"deviceId,edge\na,perhaps\n", "d.csv:2: edge is true or false"},
        {"deviceId,status\na\n", "d.csv:2: it has 1 cells, the first line 2"},
        {"deviceId,status\na,enabled,x\n", "d.csv:2: it has 3 cells, the first line 2"},
        {"deviceId,primaryKey,secondaryKey\na," KEY ",\n",
         "d.csv:2: a primaryKey and a secondaryKey belong together"},
        {"deviceId,primaryKey,secondaryKey\na,x,x\n", "d.csv:2: a key is 16 to 64 bytes in base64"},
        {"deviceId,primaryThumbprint\na,0123\n",
         "d.csv:2: a thumbprint is 40 or 64 hexadecimal digits"},
        {"deviceId,primaryKey,secondaryThumbprint\na," KEY "," HEX "\n",
         "d.csv:2: it has keys and thumbprints"},
        {"deviceId,tags.a,tags.a.b\na,1,2\n", "d.csv:2: 'a.b' is below a value"},
        {"deviceId,tags.a.b,tags.a\na,1,2\n", "d.csv:2: 'a' is below a value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read(rows[i].text), ERR_INVALID);
        if (strncmp(buf_cstr(&csv.told), rows[i].told, strlen(rows[i].told)) != 0)
            fail_msg("%zu: %s", i, buf_cstr(&csv.told));
        assert_non_null(strstr(fail_text(), "1 line of d.csv cannot be: nothing was imported"));
    }
}

static void mistakes_are_told_up_to_a_number_and_counted_beyond(void **state)
{
    struct buf text = {0};
    size_t lines = 0;
    (void)state;
    buf_put_str(&text, "deviceId\n");
    for (int i = 0; i <= IDENTITY_CSV_TOLD; i++) buf_put_str(&text, "a b\n");
    assert_int_equal(read(buf_cstr(&text)), ERR_INVALID);
    for (const char *at = buf_cstr(&csv.told); (at = strchr(at, '\n')) != NULL; at++) lines++;
    assert_int_equal(lines, IDENTITY_CSV_TOLD);
    assert_non_null(strstr(fail_text(), "21 lines of d.csv cannot be"));
    buf_free(&text);
}

static void a_file_as_a_whole_may_be_none(void **state)
{
    const struct {
        struct slice text;
        const char *why;
    } rows[] = {
        {SLICE_LIT(""), "d.csv is empty"},
        {SLICE_LIT("deviceId\n\n"), "d.csv: there are no devices below its first line"},
        {SLICE_LIT("deviceId\n\"a\n"), "d.csv: line 2: a quote is opened and never closed"},
        {SLICE_LIT("deviceId\na\nb\xe4r\n"), "d.csv:3: it is not in UTF-8"},
        {SLICE_LIT("\xff\xfe"
                   "d\0e\0"),
         "d.csv: it is in UTF-16"},
        {SLICE_LIT("\xfe\xff"
                   "\0d\0e"),
         "d.csv: it is in UTF-16"},
        {SLICE_LIT("d\0e\0"), "d.csv: it is in UTF-16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        identity_csv_free(&csv);
        assert_int_equal(identity_csv_read(&arena, "d.csv", rows[i].text, &csv), ERR_INVALID);
        if (strncmp(fail_text(), rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%zu: %s", i, fail_text());
    }
}

static void there_is_a_column_too_many(void **state)
{
    struct buf text = {0};
    (void)state;
    buf_put_str(&text, "deviceId");
    for (int i = 1; i < IDENTITY_CSV_COLUMNS_MAX; i++) buf_printf(&text, ",tags.t%d", i);
    size_t head = buf_size(&text);
    for (int more = 0; more < 2; more++) {
        text.len = text.off + head;
        if (more) buf_put_str(&text, ",tags.more");
        buf_put_str(&text, "\na");
        for (int i = more ? 0 : 1; i < IDENTITY_CSV_COLUMNS_MAX; i++) buf_put_u8(&text, ',');
        assert_int_equal(read(buf_cstr(&text)), more ? ERR_INVALID : OK);
    }
    assert_non_null(strstr(buf_cstr(&csv.told), "d.csv:1: more than 256 columns"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_row_is_a_line_of_an_import_job, fresh),
        cmocka_unit_test_teardown(a_device_knows_the_line_it_is_on, fresh),
        cmocka_unit_test_teardown(every_line_that_cannot_be_is_told, fresh),
        cmocka_unit_test_teardown(mistakes_are_told_up_to_a_number_and_counted_beyond, fresh),
        cmocka_unit_test_teardown(a_file_as_a_whole_may_be_none, fresh),
        cmocka_unit_test_teardown(there_is_a_column_too_many, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
