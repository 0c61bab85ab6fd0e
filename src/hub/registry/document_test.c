/* document_test.c - what a device's JSON may say, rule by rule. */
#include "hub/registry/fixture.h"

#include "base/text.h"

#define AUTH(members) "{\"authentication\":{" members "}}"
#define KEYS(a, b)    AUTH("\"symmetricKey\":{\"primaryKey\":" a ",\"secondaryKey\":" b "}")
#define KEY           "\"MDEyMzQ1Njc4OWFiY2RlZg==\""
#define SHA1          "0123456789abcdefABCDEF0123456789abcdef01"
#define SHA256        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PRINTS(a)     "\"x509Thumbprint\":{\"primaryThumbprint\":\"" a "\"}"

static const struct {
    const char *json;
    enum status status;
    const char *text; /* part of what is said */
} documents[] = {
    {"", STATUS_DESERIALIZATION_ERROR, ""},
    {"{", STATUS_DESERIALIZATION_ERROR, ""},
    {"{\"deviceId\":\"d\"} x", STATUS_DESERIALIZATION_ERROR, ""},
    {"{\"statusReason\":\"\xff\"}", STATUS_DESERIALIZATION_ERROR, ""},
    {"[]", STATUS_ARGUMENT_INVALID, "JSON object"},
    {"\"d\"", STATUS_ARGUMENT_INVALID, "JSON object"},
    {"null", STATUS_ARGUMENT_INVALID, "JSON object"},
    {"{}", STATUS_OK, ""},
    {"{\"deviceId\":\"d\"}", STATUS_OK, ""},
    {"{\"deviceId\":null}", STATUS_OK, ""},
    {"{\"deviceId\":\"D\"}", STATUS_ARGUMENT_INVALID, "deviceId"},
    {"{\"deviceId\":7}", STATUS_ARGUMENT_INVALID, "deviceId"},
    {"{\"status\":\"enabled\"}", STATUS_OK, ""},
    {"{\"status\":\"disabled\"}", STATUS_OK, ""},
    {"{\"status\":null}", STATUS_OK, ""},
    {"{\"status\":\"off\"}", STATUS_ARGUMENT_INVALID, "status"},
    {"{\"status\":\"\"}", STATUS_ARGUMENT_INVALID, "status"},
    {"{\"status\":true}", STATUS_ARGUMENT_INVALID, "status"},
    {"{\"statusReason\":5}", STATUS_ARGUMENT_INVALID, "statusReason"},
    {"{\"statusReason\":\"a\\u0000b\"}", STATUS_ARGUMENT_INVALID, "NUL"},
    {"{\"capabilities\":{\"iotEdge\":true}}", STATUS_OK, ""},
    {"{\"capabilities\":{}}", STATUS_OK, ""},
    {"{\"capabilities\":true}", STATUS_ARGUMENT_INVALID, "capabilities"},
    {"{\"capabilities\":{\"iotEdge\":1}}", STATUS_ARGUMENT_INVALID, "iotEdge"},
    {"{\"authentication\":null}", STATUS_OK, ""},
    {"{\"authentication\":\"sas\"}", STATUS_ARGUMENT_INVALID, "authentication"},
    {AUTH("\"type\":\"sas\""), STATUS_OK, ""},
    {AUTH("\"type\":\"SAS\""), STATUS_OK, ""},
    {AUTH("\"type\":\"none\""), STATUS_ARGUMENT_INVALID, "none"},
    {AUTH("\"type\":\"magic\""), STATUS_ARGUMENT_INVALID, "magic"},
    {AUTH("\"type\":3"), STATUS_ARGUMENT_INVALID, "type"},
    {AUTH("\"symmetricKey\":7"), STATUS_ARGUMENT_INVALID, "symmetricKey"},
    {KEYS(KEY, KEY), STATUS_OK, ""},
    {KEYS("null", "null"), STATUS_OK, ""},
    {KEYS("\"\"", "\"\""), STATUS_OK, ""},
    {KEYS(KEY, "null"), STATUS_ARGUMENT_INVALID, "Either no keys or both keys can be set"},
    {KEYS("null", KEY), STATUS_ARGUMENT_INVALID, "Either no keys or both keys can be set"},
    {KEYS(KEY, "\"!\""), STATUS_ARGUMENT_INVALID, "Invalid device key length"},
    {KEYS(KEY, "12"), STATUS_ARGUMENT_INVALID, "secondaryKey"},
    {AUTH("\"type\":\"selfSigned\""), STATUS_OK, ""},
    {AUTH("\"type\":\"selfSigned\"," PRINTS(SHA1)), STATUS_OK, ""},
    {AUTH("\"type\":\"selfSigned\"," PRINTS(SHA256)), STATUS_OK, ""},
    {AUTH(PRINTS(SHA256)), STATUS_OK, ""},
    {AUTH("\"type\":\"selfSigned\"," PRINTS("12")), STATUS_ARGUMENT_INVALID,
     "StringIsNotThumbprint"},
    {AUTH("\"type\":\"selfSigned\"," PRINTS(SHA1 "0")), STATUS_ARGUMENT_INVALID,
     "StringIsNotThumbprint"},
    {AUTH("\"type\":\"selfSigned\"," PRINTS("0x23456789abcdefABCDEF0123456789abcdef01")),
     STATUS_ARGUMENT_INVALID, "StringIsNotThumbprint"},
    {AUTH("\"type\":\"certificateAuthority\""), STATUS_OK, ""},
    {"{\"attributes\":{\"a\":1}}", STATUS_OK, ""}, /* of api-version 2024-03-31 */
    {"{\"unknown\":[1,{}],\"generationId\":9,\"connectionState\":[]}", STATUS_OK, ""},
    {"{\"status\":\"disabled\",\"status\":\"enabled\"}", STATUS_OK, ""},
};

static void a_document_is_checked_member_by_member(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct reply r;
        enum status status = put(f, &r, "d", NULL, documents[i].json);
        if (status != documents[i].status)
            fail_msg("row %zu: %s %s", i, status_name(status), r.text);
        if (!strstr(r.text, documents[i].text)) fail_msg("row %zu: %s", i, r.text);
        reply_free(&r);
        drop(f, &r, "d", "*");
    }
}

static void keys_have_16_to_64_bytes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t len;
        enum status status;
    } rows[] = {
        {15, STATUS_ARGUMENT_INVALID},
        {16, STATUS_OK},
        {64, STATUS_OK},
        {65, STATUS_ARGUMENT_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf key = {0}, json = {0};
        struct reply r;
        uint8_t bytes[65] = {7};
        text_base64(&key, slice_of(bytes, rows[i].len));
        buf_printf(&json, KEYS("\"%s\"", "\"%s\""), buf_cstr(&key), buf_cstr(&key));
        assert_int_equal(put(f, &r, "d", NULL, buf_cstr(&json)), rows[i].status);
        if (r.status == STATUS_OK)
            assert_string_equal(text_at(r.body, "authentication.symmetricKey.primaryKey"),
                                buf_cstr(&key));
        else
            assert_string_equal(r.text, "Invalid device key length");
        reply_free(&r);
        drop(f, &r, "d", "*");
        buf_free(&key);
        buf_free(&json);
    }
}

/* On create and on update; given keys stay as they are written. */
static void keys_that_are_left_out_are_made_anew(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    char before[64];
    const char *const path = "authentication.symmetricKey.primaryKey";
    put(f, &r, "d", NULL, KEYS(KEY, KEY));
    assert_string_equal(text_at(r.body, path), "MDEyMzQ1Njc4OWFiY2RlZg==");
    reply_free(&r);
    const char *const updates[] = {"{}", AUTH("\"type\":\"sas\""), KEYS("null", "null")};
    snprintf(before, sizeof before, "MDEyMzQ1Njc4OWFiY2RlZg==");
    for (int i = 0; i < 3; i++) {
        struct buf key = {0};
        put(f, &r, "d", "*", updates[i]);
        assert_string_not_equal(text_at(r.body, path), before);
        snprintf(before, sizeof before, "%s", text_at(r.body, path));
        assert_int_equal(text_unbase64(&key, slice_str(before)), OK);
        assert_int_equal(buf_size(&key), 32);
        buf_free(&key);
        reply_free(&r);
    }
}

static void each_kind_of_authentication_shows_its_own_members(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    static const struct {
        const char *json, *type, *primary_thumbprint;
        bool has_keys;
    } rows[] = {
        {"{}", "sas", "null", true},
        {AUTH("\"type\":\"sas\"," PRINTS("12")), "sas", "null", true},
        {AUTH("\"type\":\"selfSigned\"," PRINTS(SHA1)), "selfSigned", SHA1, false},
        {AUTH(PRINTS(SHA1)), "selfSigned", SHA1, false},
        {AUTH("\"type\":\"selfSigned\""), "selfSigned", "null", false},
        {AUTH("\"type\":\"certificateauthority\"," PRINTS(SHA1)), "certificateAuthority", "null",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(f, &r, "d", NULL, rows[i].json);
        assert_int_equal(r.status, STATUS_OK);
        assert_string_equal(text_at(r.body, "authentication.type"), rows[i].type);
        assert_string_equal(text_at(r.body, "authentication.x509Thumbprint.primaryThumbprint"),
                            rows[i].primary_thumbprint);
        assert_int_equal(
            strcmp(text_at(r.body, "authentication.symmetricKey.primaryKey"), "null") != 0,
            rows[i].has_keys);
        reply_free(&r);
        fixture_restart(f); /* the row says the same */
        get(f, &r, "d");
        assert_string_equal(text_at(r.body, "authentication.type"), rows[i].type);
        reply_free(&r);
        drop(f, &r, "d", "*");
    }
}

static void a_reason_has_128_characters(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *character;
        unsigned counts_for;
    } rows[] = {{"x", 1}, {"\xc3\xa9", 1}, {"\xe2\x82\xac", 1}, {"\xf0\x9f\x98\x80", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned extra = 0; extra <= 1; extra++) {
            struct buf json = {0};
            struct reply r;
            buf_put_str(&json, "{\"statusReason\":\"");
            for (unsigned n = 0; n < 128 / rows[i].counts_for + extra; n++)
                buf_put_str(&json, rows[i].character);
            buf_put_str(&json, "\"}");
            put(f, &r, "d", NULL, buf_cstr(&json));
            assert_int_equal(r.status, extra ? STATUS_ARGUMENT_INVALID : STATUS_OK);
            reply_free(&r);
            drop(f, &r, "d", "*");
            buf_free(&json);
        }
    }
}

/* ---- hierarchies */

#define EDGE   "\"capabilities\":{\"iotEdge\":true}"
#define PARENT "ms-azure-iot-edge://gateway-1"

static void scopes_follow_the_hierarchy(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    char own[256], json[512];

    put(f, &r, "edge", NULL, "{" EDGE ",\"deviceScope\":\"" PARENT "\"}");
    snprintf(own, sizeof own, "%s", text_at(r.body, "deviceScope"));
    assert_int_equal(strncmp(own, "ms-azure-iot-edge://edge-", 25), 0); /* not what was given */
    assert_string_equal(text_at(r.body, "parentScopes"), "absent");
    reply_free(&r);

    static const struct {
        const char *scope; /* "own": its own */
        const char *parents;
        enum status status;
        const char *parent;
    } rows[] = {
        {"own", NULL, STATUS_OK, NULL},
        {"own", "[\"" PARENT "\"]", STATUS_OK, PARENT},
        {NULL, NULL, STATUS_ARGUMENT_INVALID, NULL},
        {"", NULL, STATUS_ARGUMENT_INVALID, NULL},
        {PARENT, NULL, STATUS_ARGUMENT_INVALID, NULL},
        {"own", "[]", STATUS_OK, NULL}, /* detached */
        {"own", "[\"" PARENT "\"]", STATUS_OK, PARENT},
        {"own", NULL, STATUS_OK, NULL}, /* likewise */
        {"own", "[\"a\"]", STATUS_ARGUMENT_INVALID, NULL},
        {"own", "[1]", STATUS_ARGUMENT_INVALID, NULL},
        {"own", "\"" PARENT "\"", STATUS_ARGUMENT_INVALID, NULL},
        {"own", "[\"" PARENT "\",\"" PARENT "\"]", STATUS_ARGUMENT_INVALID, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *scope = rows[i].scope && !strcmp(rows[i].scope, "own") ? own : rows[i].scope;
        snprintf(json, sizeof json, "{" EDGE "%s%s%s%s%s}", scope ? ",\"deviceScope\":\"" : "",
                 scope ? scope : "", scope ? "\"" : "", rows[i].parents ? ",\"parentScopes\":" : "",
                 rows[i].parents ? rows[i].parents : "");
        put(f, &r, "edge", "*", json);
        if (r.status != rows[i].status) fail_msg("row %zu: %s", i, r.text);
        if (r.status == STATUS_OK) {
            const struct json *parents = json_get(r.body, "parentScopes");
            assert_string_equal(text_at(r.body, "deviceScope"), own);
            assert_int_equal(parents != NULL, rows[i].parent != NULL);
            if (parents) assert_true(slice_is(parents->child->text, rows[i].parent));
        }
        reply_free(&r);
    }
    put(f, &r, "edge", "*", "{\"deviceScope\":\"ms-azure-iot-edge://edge-5\"}"); /* a leaf now */
    assert_int_equal(r.status, STATUS_OK);
    assert_string_equal(text_at(r.body, "deviceScope"), "absent");
    assert_string_equal(text_at(r.body, "parentScopes"), "absent");
    reply_free(&r);
}

static void a_leaf_mirrors_its_parents_scope(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put(f, &r, "leaf", NULL, "{\"deviceScope\":\"" PARENT "\"}");
    assert_string_equal(text_at(r.body, "deviceScope"), PARENT);
    assert_true(slice_is(json_get(r.body, "parentScopes")->child->text, PARENT));
    reply_free(&r);
    put(f, &r, "leaf", "*", "{\"parentScopes\":[\"" PARENT "\"]}"); /* alone it is ignored */
    assert_string_equal(text_at(r.body, "deviceScope"), "absent");
    assert_string_equal(text_at(r.body, "parentScopes"), "absent");
    reply_free(&r);
    put(f, &r, "leaf", "*", "{\"deviceScope\":\"gateway\"}");
    assert_int_equal(r.status, STATUS_ARGUMENT_INVALID);
    reply_free(&r);
    put(f, &r, "leaf", "*",
        "{" EDGE ",\"deviceScope\":\"\",\"parentScopes\":[\"" PARENT "\"]}"); /* becomes an edge */
    assert_string_equal(text_at(r.body, "deviceScope"), "ms-azure-iot-edge://leaf");
    assert_true(slice_is(json_get(r.body, "parentScopes")->child->text, PARENT));
    reply_free(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_document_is_checked_member_by_member),
        CASE(keys_have_16_to_64_bytes),
        CASE(keys_that_are_left_out_are_made_anew),
        CASE(each_kind_of_authentication_shows_its_own_members),
        CASE(a_reason_has_128_characters),
        CASE(scopes_follow_the_hierarchy),
        CASE(a_leaf_mirrors_its_parents_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
