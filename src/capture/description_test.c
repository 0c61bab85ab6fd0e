/* description_test.c - captureDescription: what is taken, what is refused, what is shown. */
#include "base/test.h"

#include "base/mem.h"
#include "capture/description.h"

#define SECRET                                                                                     \
    "DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=a2V5;BlobEndpoint=http://"          \
    "127.0.0.1:10000/acct"
#define BLOB(properties)                                                                           \
    "{\"destination\":{\"name\":\"EventHubArchive.AzureBlockBlob\",\"properties\":{"               \
    "\"blobContainer\":\"events\"" properties "}}}"
#define FILES(more, properties)                                                                    \
    "{\"destination\":{\"name\":\"Azimuth.Folder\",\"properties\":{" properties "}}" more "}"
#define FILES_UP_TO(text) "{\"destination\":{\"name\":\"Azimuth.Folder\",\"properties\":{" text
#define BLOB_UP_TO(text)                                                                           \
    "{\"destination\":{\"name\":\"EventHubArchive.AzureBlockBlob\",\"properties\":{" text
#define FORMAT "{Namespace}/{EventHub}/{PartitionId}/{Year}-{Month}-{Day}/{Hour}{Minute}{Second}"

static void rows_are_taken_or_refused(void **state)
{
    static const struct {
        const char *json;
        bool good;
    } rows[] = {
        {FILES("", ""), true},
        {FILES("", "\"folder\":\"a/b\""), true},
        {FILES("", "\"folder\":\"../b\""), false},
        {FILES("", "\"folder\":\"/etc\""), false},
        {FILES("", "\"folder\":\"a//b\""), false},
        {FILES(",\"intervalInSeconds\":60", ""), true},
        {FILES(",\"intervalInSeconds\":59", ""), false},
        {FILES(",\"intervalInSeconds\":900", ""), true},
        {FILES(",\"intervalInSeconds\":901", ""), false},
        {FILES(",\"intervalInSeconds\":\"60\"", ""), false},
        {FILES(",\"sizeLimitInBytes\":10485760", ""), true},
        {FILES(",\"sizeLimitInBytes\":10485759", ""), false},
        {FILES(",\"sizeLimitInBytes\":524288000", ""), true},
        {FILES(",\"sizeLimitInBytes\":524288001", ""), false},
        {FILES(",\"encoding\":\"AvroDeflate\"", ""), true},
        {FILES(",\"encoding\":\"Parquet\"", ""), false},
        {FILES(",\"enabled\":1", ""), false},
        {FILES(",\"skipEmptyArchives\":true", ""), true},
        {FILES(",\"skipEmptyArchive\":true", ""), false},
        {FILES(",\"intervalInSecond\":60", ""), false},
        {FILES(",\"intervalInSecond\":null", ""), true},
        {FILES("", "\"archiveNameFormats\":\"" FORMAT "\""), false},
        {"{\"destination\":{\"name\":\"Azimuth.Folder\",\"properties\":5}}", false},
        {"{\"destination\":{\"name\":\"Azimuth.Folder\",\"folders\":\"a\"}}", false},
        {FILES("", "\"archiveNameFormat\":\"" FORMAT "\""), true},
        {FILES("", "\"archiveNameFormat\":\"{Namespace}/{EventHub}\""), false},
        {FILES("", "\"archiveNameFormat\":\"/" FORMAT "\""), false},
        {FILES("", "\"archiveNameFormat\":\"../" FORMAT "\""), false},
        {FILES("", "\"archiveNameFormat\":\"a?b" FORMAT "\""), false},
        {BLOB(",\"connectionString\":\"" SECRET "\""), true},
        {BLOB(""), false},
        {BLOB(",\"connectionString\":\"AccountName=x\""), false},
        {"{\"destination\":{\"blobContainer\":\"events\",\"connectionString\":\"" SECRET "\"}}",
         true},
        {"{\"destination\":{\"connectionString\":\"" SECRET "\"}}", false},
        {"{\"destination\":{\"name\":\"EventHubArchive.AzureDataLake\"}}", false},
        {"{\"destination\":null}", false},
        {"[]", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct description d;
        enum err e = description_parse(slice_str(rows[i].json), NULL, &d);
        if ((e == OK) != rows[i].good) fail_msg("row %zu: %s", i, rows[i].json);
    }
}

static void a_secret_is_kept_for_its_container_and_shown_to_nobody(void **state)
{
    struct description old, d;
    struct buf shown = {0};
    (void)state;
    assert_int_equal(
        description_parse(SLICE_LIT(BLOB(",\"connectionString\":\"" SECRET "\"")), NULL, &old), OK);
    assert_true(old.archive.target.plain);
    assert_int_equal(description_parse(SLICE_LIT(BLOB("")), &old, &d), OK);
    assert_string_equal(d.archive.target.secret, SECRET);
    description_write(&shown, &d, false);
    assert_null(strstr(buf_cstr(&shown), "a2V5"));
    assert_non_null(strstr(buf_cstr(&shown), "\"accountName\":\"acct\""));
    buf_clear(&shown);
    description_write(&shown, &d, true);
    assert_int_equal(description_parse(buf_slice(&shown), NULL, &old), OK);
    assert_string_equal(old.archive.target.secret, SECRET);
    snprintf(old.archive.target.container, sizeof old.archive.target.container, "other");
    assert_int_equal(description_parse(SLICE_LIT(BLOB("")), &old, &d), ERR_INVALID);
    buf_free(&shown);
}

static void names_are_made_of_the_template_and_have_a_limit(void **state)
{
    struct description d;
    char name[CAPTURE_NAME_MAX + 1], space[CAPTURE_NAME_MAX + 1];
    const struct description_place place = {"ns", "hub", 7};
    const size_t rest = strlen("/hub/7/2023-11-14/221320.avro");
    (void)state;
    assert_int_equal(
        description_parse(SLICE_LIT(FILES("", "\"archiveNameFormat\":\"" FORMAT "\"")), NULL, &d),
        OK);
    assert_int_equal(description_name(&d, &place, INT64_C(1700000000000000), name), OK);
    assert_string_equal(name, "ns/hub/7/2023-11-14/221320.avro");
    for (int over = 0; over < 2; over++) {
        const struct description_place far = {space, "hub", 7};
        size_t len = CAPTURE_NAME_MAX - rest + (size_t)over;
        memset(space, 'n', len);
        space[len] = '\0';
        assert_int_equal(description_name(&d, &far, INT64_C(1700000000000000), name),
                         over ? ERR_INVALID : OK);
    }
}

/* What is asked of a change only: what is kept is read whatever its names. */
static void a_change_has_a_name_of_azure_s_and_known_fields(void **state)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        {FILES("", "\"archiveNameFormat\":\"" FORMAT "\""), ""},
        {FILES("", "\"archiveNameFormat\":\"" FORMAT "{foo}\""), "has '{foo}': it knows"},
        {"{\"destination\":{\"blobContainer\":\"a-b\",\"connectionString\":\"" SECRET "\"}}", ""},
        {"{\"destination\":{\"blobContainer\":\"X\",\"connectionString\":\"" SECRET "\"}}",
         "blobContainer has 3 to 63 lower-case"},
    };
    const struct description_place place = {"ns", "hub", 7};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct description d;
        assert_int_equal(description_parse(slice_str(rows[i].json), NULL, &d), OK);
        enum err e = description_check(&d, &place);
        assert_int_equal(e, *rows[i].why ? ERR_INVALID : OK);
        if (e != OK && !strstr(fail_text(), rows[i].why)) fail_msg("row %zu: %s", i, fail_text());
    }
}

/* Texts are as long as they may be, and not a byte longer. */
static void texts_have_limits(void **state)
{
    static const struct {
        const char *before, *after;
        size_t most;
    } rows[] = {
        {FILES_UP_TO("\"folder\":\""), "\"}}}", ARCHIVE_FOLDER_MAX},
        {FILES_UP_TO("\"archiveNameFormat\":\"" FORMAT), "\"}}}",
         CAPTURE_FORMAT_MAX - (sizeof FORMAT - 1)},
        {BLOB_UP_TO("\"blobContainer\":\""), "\",\"connectionString\":\"" SECRET "\"}}}",
         BLOB_ACCOUNT_NAME_MAX},
        {BLOB_UP_TO("\"blobContainer\":\"events\",\"connectionString\":\"" SECRET ";"
                    "QueueEndpoint="),
         "\"}}}", ARCHIVE_SECRET_MAX - (sizeof SECRET ";QueueEndpoint=" - 1)},
        {BLOB_UP_TO("\"blobContainer\":\"events\",\"connectionString\":\"" SECRET
                    "\",\"storageAccountResourceId\":\""),
         "\"}}}", DESCRIPTION_RESOURCE_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t over = 0; over < 2; over++) {
            struct description d;
            struct buf json = {0};
            buf_put_str(&json, rows[i].before);
            for (size_t n = 0; n < rows[i].most + over; n++) buf_put_u8(&json, 'n');
            buf_put_str(&json, rows[i].after);
            enum err e = description_parse(buf_slice(&json), NULL, &d);
            if (e != (over ? ERR_INVALID : OK))
                fail_msg("row %zu over %zu: %s", i, over, fail_text());
            buf_free(&json);
        }
}

/* With the longest names of hubs it could have; each may be there more than once. */
static void a_template_that_could_make_names_over_the_limit_is_refused(void **state)
{
    struct description d;
    char json[1024], more[CAPTURE_NAME_MAX];
    const size_t rest = 4 * HUB_NAME_LEN_MAX + strlen("//255/1970-01-01/000000/.avro");
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        size_t len = CAPTURE_NAME_MAX - rest + over;
        memset(more, 'n', len);
        snprintf(json, sizeof json,
                 FILES("", "\"archiveNameFormat\":\"" FORMAT "/{EventHub}{Namespace}%.*s\""),
                 (int)len, more);
        assert_int_equal(description_parse(slice_str(json), NULL, &d), over ? ERR_INVALID : OK);
        if (over) assert_non_null(strstr(fail_text(), "names of more than 368 bytes"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_taken_or_refused),
        cmocka_unit_test(a_secret_is_kept_for_its_container_and_shown_to_nobody),
        cmocka_unit_test(names_are_made_of_the_template_and_have_a_limit),
        cmocka_unit_test(a_change_has_a_name_of_azure_s_and_known_fields),
        cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(a_template_that_could_make_names_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
