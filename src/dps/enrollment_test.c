/* enrollment_test.c - what an enrollment's document may say, and how it is shown. */
#include "base/test.h"

#include "dps/enrollment.h"

static struct arena arena;

static enum err read_over(const char *text, enum dps_kind kind, const struct enrollment *old,
                          struct enrollment *out, unsigned *code)
{
    struct json *doc;
    assert_int_equal(json_parse(&arena, slice_str(text), &doc), OK);
    return enrollment_read(&arena, kind, doc, old, out, code);
}

static struct enrollment good(const char *text, enum dps_kind kind)
{
    struct enrollment e;
    unsigned code;
    if (read_over(text, kind, NULL, &e, &code) != OK) fail_msg("%s", fail_text());
    return e;
}

static const char *shown(const struct enrollment *e, enum enrollment_view view)
{
    static struct buf text;
    buf_clear(&text);
    enrollment_write(&text, e, view, SLICE_NONE);
    return buf_cstr(&text);
}

#define KEY_1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define KEY_2 "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
#define KEYS  "\"symmetricKey\":{\"primaryKey\":\"" KEY_1 "\",\"secondaryKey\":\"" KEY_2 "\"}"
/* TPM2B_PUBLIC of an endorsement key. */
#define TPM_KEY                                                                                    \
    "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXF"             \
    "xcXFxcXFxcXFxcXFxcXFxQ=="

#define BY_KEY "\"attestation\":{\"type\":\"symmetricKey\"," KEYS "}"

static void keys_are_made_where_none_are_given(void **state)
{
    (void)state;
    struct enrollment e = good(
        "{\"registrationId\":\"a\",\"attestation\":{\"type\":\"symmetricKey\"}}", DPS_INDIVIDUAL);
    assert_int_equal(e.keys[0].len, AUTH_KEY_MADE);
    assert_string_not_equal(e.keys[0].text, e.keys[1].text);
}

static void keys_stay_where_an_update_does_not_say_others(void **state)
{
    (void)state;
    struct enrollment old = good("{\"registrationId\":\"a\"," BY_KEY "}", DPS_INDIVIDUAL), e;
    unsigned code;
    assert_int_equal(
        read_over("{\"registrationId\":\"a\",\"attestation\":{\"type\":\"symmetricKey\"}}",
                  DPS_INDIVIDUAL, &old, &e, &code),
        OK);
    assert_string_equal(e.keys[0].text, KEY_1);
    assert_string_equal(e.keys[1].text, KEY_2);
}

static void keys_are_shown_to_who_made_them_and_to_nobody_else(void **state)
{
    (void)state;
    struct enrollment e = good("{\"registrationId\":\"a\"," BY_KEY "}", DPS_INDIVIDUAL);
    assert_non_null(strstr(shown(&e, ENROLLMENT_CREATED), KEY_1));
    assert_non_null(strstr(shown(&e, ENROLLMENT_STORED), KEY_2));
    assert_null(strstr(shown(&e, ENROLLMENT_SHOWN), KEY_1));
    assert_null(strstr(shown(&e, ENROLLMENT_WEBHOOK), KEY_1));
}

static void the_key_of_a_tpm_reads_back(void **state)
{
    (void)state;
    struct enrollment e =
        good("{\"registrationId\":\"a\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"
             "\"endorsementKey\":\"" TPM_KEY "\"}}}",
             DPS_INDIVIDUAL);
    char first[2048];
    snprintf(first, sizeof first, "%s", shown(&e, ENROLLMENT_STORED));
    struct enrollment again = good(first, DPS_INDIVIDUAL);
    assert_int_equal(again.attestation, ATTESTATION_TPM);
    assert_true(slice_is(again.endorsement_key, TPM_KEY));
    assert_int_equal(again.storage_root_key.len, 0);
}

#define TPM_DOCUMENT(more)                                                                         \
    "{\"registrationId\":\"a\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"                        \
    "\"endorsementKey\":\"" TPM_KEY "\"" more "}}}"
#define ROOT_KEY ",\"storageRootKey\":\"" TPM_KEY "\""

/* One that a device has shown is put back by people, and stays what it was; one that they enroll binds. */
static void a_storage_root_key_that_was_shown_is_not_enrolled_by_who_puts_it_back(void **state)
{
    (void)state;
    struct enrollment old = good(TPM_DOCUMENT(ROOT_KEY ",\"storageRootKeyShown\":true"),
                                 DPS_INDIVIDUAL),
                      e;
    unsigned code;
    assert_true(old.srk_shown);
    assert_null(strstr(shown(&old, ENROLLMENT_SHOWN), "storageRootKeyShown"));
    assert_non_null(strstr(shown(&old, ENROLLMENT_SHOWN), "storageRootKey"));
    assert_true(good(shown(&old, ENROLLMENT_STORED), DPS_INDIVIDUAL).srk_shown);
    assert_int_equal(read_over(TPM_DOCUMENT(ROOT_KEY), DPS_INDIVIDUAL, &old, &e, &code), OK);
    assert_true(e.srk_shown);
    assert_int_equal(read_over(TPM_DOCUMENT(""), DPS_INDIVIDUAL, &old, &e, &code), OK);
    assert_false(e.srk_shown);
    assert_int_equal(read_over(TPM_DOCUMENT(ROOT_KEY), DPS_INDIVIDUAL, NULL, &e, &code), OK);
    assert_false(e.srk_shown);
}

static void what_is_stored_reads_back_the_same(void **state)
{
    (void)state;
    struct enrollment e =
        good("{\"enrollmentGroupId\":\"Line-1\"," BY_KEY
             ",\"provisioningStatus\":\"disabled\",\"capabilities\":{\"iotEdge\":true},"
             "\"initialTwin\":{\"tags\":{\"a\":1},\"properties\":{\"desired\":{\"b\":[2]}}},"
             "\"modelTwins\":{\"dtmi:x;1\":{\"tags\":{\"c\":3}}},"
             "\"reprovisionPolicy\":{\"updateHubAssignment\":true,\"migrateDeviceData\":false},"
             "\"allocationPolicy\":\"custom\",\"iotHubs\":[\"h1\",\"h2\"],"
             "\"customAllocationDefinition\":{\"webhookUrl\":\"https://f/x?code=secret\","
             "\"apiVersion\":\"2021-10-01\"}}",
             DPS_GROUP);
    char first[2048];
    snprintf(first, sizeof first, "%s", shown(&e, ENROLLMENT_STORED));
    struct enrollment again = good(first, DPS_GROUP);
    assert_string_equal(shown(&again, ENROLLMENT_STORED), first);
    assert_true(again.disabled && again.iot_edge && again.updates_hub && !again.migrates);
    assert_int_equal(again.hub_count, 2);
    assert_null(strstr(shown(&e, ENROLLMENT_WEBHOOK), "secret"));
}

static void what_breaks_a_rule_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dps_kind kind;
        unsigned code;
    } rows[] = {
        {"[]", DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{}", DPS_INDIVIDUAL, DPS_BAD_REGISTRATION_ID},
        {"{\"registrationId\":\"a b\"," BY_KEY "}", DPS_INDIVIDUAL, DPS_BAD_REGISTRATION_ID},
        {"{\"registrationId\":\"a.\"," BY_KEY "}", DPS_INDIVIDUAL, DPS_BAD_REGISTRATION_ID},
        {"{\"enrollmentGroupId\":\"\"," BY_KEY "}", DPS_GROUP, DPS_BAD_GROUP_ID},
        {"{\"registrationId\":\"a\"}", DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"none\"}}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{"
         "\"primaryKey\":\"c2hvcnQ=\"}}}",
         DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"tpm\"}}", DPS_INDIVIDUAL,
         DPS_BAD_ENDORSEMENT_KEY},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"
         "\"endorsementKey\":\"AAAA\"}}}",
         DPS_INDIVIDUAL, DPS_BAD_ENDORSEMENT_KEY},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"
         "\"endorsementKey\":\"" TPM_KEY "\",\"storageRootKey\":\"!\"}}}",
         DPS_INDIVIDUAL, DPS_BAD_STORAGE_ROOT_KEY},
        {"{\"enrollmentGroupId\":\"a\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{"
         "\"endorsementKey\":\"AAAA\"}}}",
         DPS_GROUP, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"x509\",\"x509\":{}}}",
         DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"deviceId\":\"a b\"," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"enrollmentGroupId\":\"a\",\"deviceId\":\"b\"," BY_KEY "}", DPS_GROUP,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"provisioningStatus\":\"maybe\"," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"allocationPolicy\":\"custom\"," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"allocationPolicy\":\"static\",\"iotHubs\":[\"a\",\"b\"]"
         "," BY_KEY "}",
         DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"modelTwins\":[]," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"modelTwins\":{\"m\":1}," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"modelTwins\":{\"m\":{\"tags\":1}}," BY_KEY "}",
         DPS_INDIVIDUAL, DPS_BAD_ARGUMENT},
        {"{\"registrationId\":\"a\",\"initialTwin\":[]," BY_KEY "}", DPS_INDIVIDUAL,
         DPS_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct enrollment e;
        unsigned code = 0;
        if (read_over(rows[i].text, rows[i].kind, NULL, &e, &code) == OK || code != rows[i].code)
            fail_msg("row %zu gave code %u: %s", i, code, fail_text());
    }
}

static void ids_have_128_characters_and_not_one_more(void **state)
{
    (void)state;
    char id[DPS_ID_MAX + 1];
    memset(id, 'x', sizeof id);
    assert_true(dps_id_valid(slice_of(id, DPS_ID_MAX)));
    assert_false(dps_id_valid(slice_of(id, DPS_ID_MAX + 1)));
    assert_true(dps_id_valid(SLICE_LIT("A-b.c_d:e-")));
    assert_false(dps_id_valid(SLICE_LIT("a/b")));
}

static void an_enrollment_has_fifty_hubs_and_not_one_more(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf text = {0};
        struct enrollment e;
        unsigned code;
        buf_put_str(&text, "{\"registrationId\":\"a\"," BY_KEY ",\"iotHubs\":[\"h\"");
        for (int i = 1; i < DPS_HUBS_MAX + more; i++) buf_printf(&text, ",\"h%d\"", i);
        buf_put_str(&text, "]}");
        assert_int_equal(read_over(buf_cstr(&text), DPS_INDIVIDUAL, NULL, &e, &code),
                         more ? ERR_INVALID : OK);
        buf_free(&text);
    }
}

static int forget(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keys_are_made_where_none_are_given, forget),
        cmocka_unit_test_teardown(keys_stay_where_an_update_does_not_say_others, forget),
        cmocka_unit_test_teardown(keys_are_shown_to_who_made_them_and_to_nobody_else, forget),
        cmocka_unit_test_teardown(the_key_of_a_tpm_reads_back, forget),
        cmocka_unit_test_teardown(
            a_storage_root_key_that_was_shown_is_not_enrolled_by_who_puts_it_back, forget),
        cmocka_unit_test_teardown(what_is_stored_reads_back_the_same, forget),
        cmocka_unit_test_teardown(what_breaks_a_rule_is_refused, forget),
        cmocka_unit_test_teardown(ids_have_128_characters_and_not_one_more, forget),
        cmocka_unit_test_teardown(an_enrollment_has_fifty_hubs_and_not_one_more, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
