/* settings_test.c - storage endpoints: what is taken, what is refused, what is shown, names. */
#include "base/test.h"

#include "base/json.h"
#include "base/mem.h"
#include "deliver/storage/settings.h"

#define SECRET                                                                                     \
    "DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=a2V5;BlobEndpoint=http://"          \
    "127.0.0.1:10000/acct"
#define MASKED                                                                                     \
    "DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=****;BlobEndpoint=http://"          \
    "127.0.0.1:10000/acct"
#define BLOB(more)                                                                                 \
    "{\"name\":\"cold\",\"connectionString\":\"" SECRET "\",\"containerName\":\"telemetry\"" more  \
    "}"
#define IN(container)                                                                              \
    "{\"name\":\"cold\",\"connectionString\":\"" SECRET "\",\"containerName\":\"" container "\"}"
#define TEXT_63     "telemetry-0123456789-0123456789-0123456789-0123456789-012345678"
#define FILES(more) "{\"name\":\"cold\",\"folder\":\"a/b\"" more "}"
#define FORMAT      "{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}"

static struct arena arena;
static struct hub hub = {.https_port = 8443};

static int tear_down(void **state)
{
    (void)state;
    arena_wipe(&arena);
    return 0;
}

static enum err check(const char *text, const struct json *before, struct json **out)
{
    assert_int_equal(json_parse(&arena, slice_str(text), out), OK);
    return storage_check(&hub, &arena, *out, before);
}

static void rows_are_taken_or_refused(void **state)
{
    static const struct {
        const char *json, *why; /* NULL: it is taken */
    } rows[] = {
        {BLOB(""), NULL},
        {BLOB(",\"id\":\"x\",\"resourceGroup\":\"g\",\"subscriptionId\":\"s\",\"identity\":null"),
         NULL},
        {BLOB(",\"authenticationType\":\"KeyBased\",\"endpointUri\":null"), NULL},
        {BLOB(",\"authenticationType\":\"identityBased\""), "there are no identities here"},
        {FILES(""), NULL},
        {"{\"name\":\"cold\",\"folder\":\"\"}", NULL},
        {"{\"name\":\"cold\",\"folder\":\"../b\"}", "without parts that begin with a dot"},
        {"{\"name\":\"cold\",\"folder\":\"/etc\"}", "without parts that begin with a dot"},
        {FILES(",\"containerName\":\"x\""), "folder is instead of"},
        {"{\"name\":\"cold\"}", "connectionString is missing"},
        {"{\"name\":\"cold\",\"connectionString\":\"" SECRET "\"}", "containerName is missing"},
        {IN("abc"), NULL},
        {IN("a-1-c"), NULL},
        {IN("ab"), "containerName has 3 to 63 lower-case"},
        {IN(TEXT_63), NULL},
        {IN(TEXT_63 "x"), "containerName is text of at most 63 bytes"},
        {IN("X"), "containerName has 3 to 63 lower-case"},
        {IN("abC"), "containerName has 3 to 63 lower-case"},
        {IN("a_b"), "containerName has 3 to 63 lower-case"},
        {IN("a--b"), "containerName has 3 to 63 lower-case"},
        {IN("-ab"), "containerName has 3 to 63 lower-case"},
        {IN("ab-"), "containerName has 3 to 63 lower-case"},
        {"{\"name\":\"cold\",\"connectionString\":\"AccountName=x\",\"containerName\":\"t\"}", ""},
        {"{\"name\":\"cold\",\"connectionString\":\"" MASKED "\",\"containerName\":\"t\"}",
         "connectionString is masked"},
        {"{\"name\":\"cold\",\"connectionString\":7,\"containerName\":\"t\"}",
         "connectionString is text"},
        {FILES(",\"batchFrequencyInSeconds\":60"), NULL},
        {FILES(",\"batchFrequencyInSeconds\":59"), "a number from 60 to 720"},
        {FILES(",\"batchFrequencyInSeconds\":720"), NULL},
        {FILES(",\"batchFrequencyInSeconds\":721"), "a number from 60 to 720"},
        {FILES(",\"batchFrequencyInSeconds\":\"60\""), "a number from 60 to 720"},
        {FILES(",\"maxChunkSizeInBytes\":10485760"), NULL},
        {FILES(",\"maxChunkSizeInBytes\":10485759"), "a number from 10485760 to 524288000"},
        {FILES(",\"maxChunkSizeInBytes\":524288000"), NULL},
        {FILES(",\"maxChunkSizeInBytes\":524288001"), "a number from 10485760 to 524288000"},
        {FILES(",\"encoding\":\"avro\""), NULL},
        {FILES(",\"encoding\":\"AvroDeflate\""), NULL},
        {FILES(",\"encoding\":\"json\""), NULL},
        {FILES(",\"encoding\":\"Parquet\""), "Avro, AvroDeflate or JSON"},
        {FILES(",\"skipEmptyBlobs\":true"), NULL},
        {FILES(",\"skipEmptyBlobs\":1"), "true or false"},
        {FILES(",\"fileNameFormat\":\"" FORMAT ".json\""), NULL},
        {FILES(",\"fileNameFormat\":\"{mm}{HH}{DD}{MM}{YYYY}{partition}{iothub}\""), NULL},
        {FILES(",\"fileNameFormat\":\"{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}\""),
         "has no {mm}"},
        {FILES(",\"fileNameFormat\":\"{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}\""),
         "has no {iothub}"},
        {FILES(",\"fileNameFormat\":\"{iothub}/{YYYY}/{MM}/{DD}/{HH}/{mm}\""),
         "has no {partition}"},
        {FILES(",\"fileNameFormat\":\"{iothub}/{partition}/{MM}/{DD}/{HH}/{mm}\""),
         "has no {YYYY}"},
        {FILES(",\"fileNameFormat\":\"{iothub}/{partition}/{YYYY}/{DD}/{HH}/{mm}\""),
         "has no {MM}"},
        {FILES(",\"fileNameFormat\":\"{iothub}/{partition}/{YYYY}/{MM}/{HH}/{mm}\""),
         "has no {DD}"},
        {FILES(",\"fileNameFormat\":\"{iothub}/{partition}/{YYYY}/{MM}/{DD}/{mm}\""),
         "has no {HH}"},
        {FILES(",\"fileNameFormat\":\"" FORMAT "{foo}\""), "has '{foo}': it knows {iothub}"},
        {FILES(",\"fileNameFormat\":\"" FORMAT "{\""), "has '{'"},
        {FILES(",\"fileNameFormat\":\"../" FORMAT "\""), "is a path"},
        {FILES(",\"fileNameFormat\":\"a?b/" FORMAT "\""), "is a path"},
        {FILES(",\"fileName\":\"x\""), "no member 'fileName'"},
    };
    struct json *j;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err e = check(rows[i].json, NULL, &j);
        if ((e == OK) != (rows[i].why == NULL)) fail_msg("row %zu: %s", i, rows[i].json);
        if (rows[i].why && strstr(fail_text(), rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, fail_text());
    }
}

static void an_endpoint_is_completed(void **state)
{
    struct buf out = {0};
    struct json *j;
    (void)state;
    assert_int_equal(check(FILES(",\"encoding\":\"json\""), NULL, &j), OK);
    json_write(&out, j);
    assert_string_equal(
        buf_cstr(&out),
        FILES(",\"encoding\":\"JSON\",\"fileNameFormat\":\"" FORMAT
              "\",\"batchFrequencyInSeconds\":300,\"maxChunkSizeInBytes\":314572800"));
    buf_free(&out);
}

static void the_key_is_masked_and_the_mask_keeps_it(void **state)
{
    struct json *kept, *shown, *again;
    (void)state;
    assert_int_equal(check(BLOB(""), NULL, &kept), OK);
    assert_int_equal(check(BLOB(""), NULL, &shown), OK);
    storage_mask(&arena, shown);
    assert_true(slice_is(json_str(shown, "connectionString"), MASKED));
    assert_int_equal(
        check("{\"name\":\"cold\",\"containerName\":\"other\",\"connectionString\":\"" MASKED "\"}",
              kept, &again),
        OK);
    assert_true(slice_is(json_str(again, "connectionString"), SECRET));
}

static void every_secret_is_masked_whichever_counts(void **state)
{
#define TWO_KEYS(first, second)                                                                    \
    "{\"name\":\"cold\",\"containerName\":\"telemetry\",\"connectionString\":\"AccountName=acct;"  \
    "AccountKey=" first second "\"}"
    static const struct {
        const char *doc, *shown;
    } rows[] = {
        {TWO_KEYS("Zm9v", ";AccountKey=c2VjcmV0"), TWO_KEYS("****", ";AccountKey=****")},
        {TWO_KEYS("Zm9v", "; accountkey = c2VjcmV0;"), TWO_KEYS("****", "; accountkey =****;")},
        {TWO_KEYS("Zm9v", ";SharedAccessSignature=sv=1&sig=c2VjcmV0"),
         TWO_KEYS("****", ";SharedAccessSignature=****")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *kept, *masked, *wanted, *again;
        assert_int_equal(check(rows[i].doc, NULL, &kept), OK);
        assert_int_equal(check(rows[i].doc, NULL, &masked), OK);
        storage_mask(&arena, masked);
        assert_int_equal(json_parse(&arena, slice_str(rows[i].shown), &wanted), OK);
        struct slice shown = json_str(masked, "connectionString");
        assert_true(slice_eq(shown, json_str(wanted, "connectionString")));
        assert_int_equal(check(rows[i].shown, NULL, &again), ERR_INVALID);
        assert_int_equal(check(rows[i].shown, kept, &again), OK);
        assert_true(
            slice_eq(json_str(again, "connectionString"), json_str(kept, "connectionString")));
    }
}

static void the_emulator_s_short_string_is_azurite_s_account(void **state)
{
    static const char doc[] = "{\"name\":\"cold\",\"containerName\":\"telemetry\","
                              "\"connectionString\":\"UseDevelopmentStorage=true;\"}";
    struct storage_settings s;
    struct json *j;
    (void)state;
    assert_int_equal(check(doc, NULL, &j), OK);
    assert_int_equal(storage_settings_read(j, &s), OK);
    assert_true(s.archive.target.plain);
    assert_string_equal(s.archive.target.account.name, "devstoreaccount1");
    assert_string_equal(s.archive.target.account.endpoint, "127.0.0.1:10000/devstoreaccount1");
    storage_mask(&arena, j);
    assert_true(slice_is(json_str(j, "connectionString"), "UseDevelopmentStorage=true;"));
}

/* A server starts with what it took before there were rules for names. */
static void what_is_kept_is_read_whatever_its_names(void **state)
{
    struct json *j;
    (void)state;
    hub.https_port = 0;
    assert_int_equal(check(IN("X"), NULL, &j), OK);
    assert_int_equal(check(FILES(",\"fileNameFormat\":\"" FORMAT "{foo}\""), NULL, &j), OK);
    hub.https_port = 8443;
}

static void the_encoding_stays_what_it_is(void **state)
{
    struct json *kept, *j;
    (void)state;
    assert_int_equal(check(FILES(",\"encoding\":\"JSON\""), NULL, &kept), OK);
    assert_int_equal(check(FILES(",\"encoding\":\"json\""), kept, &j), OK);
    assert_int_equal(check(FILES(""), kept, &j), ERR_INVALID);
    assert_non_null(strstr(fail_text(), "encoding cannot be changed, it is JSON"));
}

static void names_tell_minutes_and_which_file_of_it(void **state)
{
    static const struct {
        const char *format, *first, *second;
    } rows[] = {
        {FORMAT, "hub/3/2023/11/14/22/13", "hub/3/2023/11/14/22/13-1"},
        {FORMAT ".json", "hub/3/2023/11/14/22/13.json", "hub/3/2023/11/14/22/13-1.json"},
        {"v1.0/" FORMAT, "v1.0/hub/3/2023/11/14/22/13", "v1.0/hub/3/2023/11/14/22/13-1"},
    };
    char name[ARCHIVE_NAME_MAX + 1];
    struct storage_settings s;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(s.format, sizeof s.format, "%s", rows[i].format);
        int64_t first = storage_next_us(INT64_C(1700000000000000), 0);
        int64_t second = storage_next_us(INT64_C(1700000000000000), first);
        assert_int_equal(storage_name(&s, "hub", 3, first, name), OK);
        assert_string_equal(name, rows[i].first);
        assert_int_equal(storage_name(&s, "hub", 3, second, name), OK);
        assert_string_equal(name, rows[i].second);
        assert_int_equal(storage_next_us(INT64_C(1600000000000000), second), second + 1);
        assert_int_equal(storage_next_us(INT64_C(1700000060000000), second),
                         INT64_C(1700000040000000));
    }
}

static void a_format_that_could_make_names_over_the_limit_is_refused(void **state)
{
    static const char fields[] =
        "/{iothub}{iothub}{iothub}{iothub}{partition}{YYYY}{MM}{DD}{HH}{mm}";
    const size_t rest = 4 * HUB_NAME_LEN_MAX + strlen("/255197001010000") + STORAGE_SUFFIX_MAX;
    char json[1024], more[ARCHIVE_NAME_MAX];
    struct json *j;
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        size_t len = ARCHIVE_NAME_MAX - rest + over;
        memset(more, 'n', len);
        snprintf(json, sizeof json, FILES(",\"fileNameFormat\":\"%.*s%s\""), (int)len, more,
                 fields);
        assert_int_equal(check(json, NULL, &j), over ? ERR_INVALID : OK);
        if (over) assert_non_null(strstr(fail_text(), "makes names of more than"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_taken_or_refused),
        TEST(an_endpoint_is_completed),
        TEST(the_key_is_masked_and_the_mask_keeps_it),
        TEST(every_secret_is_masked_whichever_counts),
        TEST(the_emulator_s_short_string_is_azurite_s_account),
        TEST(what_is_kept_is_read_whatever_its_names),
        TEST(the_encoding_stays_what_it_is),
        TEST(names_tell_minutes_and_which_file_of_it),
        TEST(a_format_that_could_make_names_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
