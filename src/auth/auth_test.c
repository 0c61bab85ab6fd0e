/* auth_test.c - who may do what, and why not. */
#include "base/test.h"

#include "auth/auth.h"
#include "base/text.h"

enum { NOW_S = 1800000000 };

static struct policies policies;
static struct auth_key device_keys[2];

static int setup(void **state)
{
    (void)state;
    policies_make(&policies);
    auth_key_make(&device_keys[0]);
    auth_key_make(&device_keys[1]);
    return 0;
}

static bool is_localhost(const void *ctx, struct slice host)
{
    (void)ctx;
    return slice_is_nocase(slice_head(host, slice_find(host, ':')), "localhost");
}

static struct auth_ask ask(const char *path, unsigned rights)
{
    return (struct auth_ask){
        .path = slice_str(path),
        .rights = rights,
        .now_us = NOW_S * 1000000ll,
        .is_host = is_localhost,
    };
}

static struct slice bytes_of(const struct auth_key *key)
{
    return slice_of(key->bytes, key->len);
}

/* What a token for `resource` gets; `policy` NULL: it is signed with the device's key. */
static enum auth_cause outcome(const char *resource, const char *policy, struct slice key,
                               int64_t expires_s, struct auth_ask what)
{
    struct buf token = {0};
    struct sas t;
    sas_make(&token, slice_str(resource), key, policy, expires_s);
    enum err e = sas_parse(buf_slice(&token), &t);
    assert_int_equal(e, OK);
    const struct slice keys[2] = {bytes_of(&device_keys[0]), bytes_of(&device_keys[1])};
    enum auth_cause cause =
        policy ? auth_by_policy(&t, &what, &policies) : auth_by_keys(&t, &what, keys);
    buf_free(&token);
    return cause;
}

static void a_device_is_let_in_with_either_key(void **state)
{
    (void)state;
    struct auth_ask d = ask("devices/d", 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            outcome("LOCALHOST:8883/devices/d", NULL, bytes_of(&device_keys[i]), NOW_S + 60, d),
            AUTH_OK);
    assert_int_equal(outcome("localhost", NULL, bytes_of(&device_keys[0]), NOW_S, d), AUTH_OK);
}

static void each_reason_to_refuse_a_device_has_its_own_cause(void **state)
{
    (void)state;
    struct auth_ask d = ask("devices/d", 0);
    struct slice key = bytes_of(&device_keys[0]);
    struct slice other = bytes_of(&policies.items[0].keys[0]);
    assert_int_equal(outcome("localhost/devices/e", NULL, key, NOW_S, d), AUTH_WRONG_RESOURCE);
    assert_int_equal(outcome("elsewhere/devices/d", NULL, key, NOW_S, d), AUTH_WRONG_RESOURCE);
    assert_int_equal(outcome("localhost/devices/d", NULL, other, NOW_S, d), AUTH_BAD_SIGNATURE);
    assert_int_equal(outcome("localhost/devices/d", NULL, key, NOW_S - 300, d), AUTH_OK);
    assert_int_equal(outcome("localhost/devices/d", NULL, key, NOW_S - 301, d), AUTH_EXPIRED);
}

static void an_identity_without_keys_lets_nobody_in(void **state)
{
    (void)state;
    struct buf token = {0};
    struct sas t;
    struct auth_ask d = ask("devices/d", 0);
    const struct slice none[2] = {SLICE_NONE, SLICE_NONE};
    sas_make(&token, SLICE_LIT("localhost/devices/d"), SLICE_LIT("\0"), NULL, NOW_S);
    assert_int_equal(sas_parse(buf_slice(&token), &t), OK);
    assert_int_equal(auth_by_keys(&t, &d, none), AUTH_BAD_SIGNATURE);
    buf_free(&token);
}

static void a_policy_needs_every_right_that_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *policy;
        unsigned rights;
        enum auth_cause expected;
    } rows[] = {
        {"iothubowner", 15, AUTH_OK},
        {"IotHubOwner", 15, AUTH_OK},
        {"iothubowner", AUTH_ENROLLMENT_READ, AUTH_MISSING_RIGHT},
        {"service", AUTH_SERVICE_CONNECT, AUTH_OK},
        {"service", AUTH_REGISTRY_READ, AUTH_MISSING_RIGHT},
        {"service", AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT, AUTH_MISSING_RIGHT},
        {"device", AUTH_DEVICE_CONNECT, AUTH_OK},
        {"device", AUTH_SERVICE_CONNECT, AUTH_MISSING_RIGHT},
        {"registryRead", AUTH_REGISTRY_READ, AUTH_OK},
        {"registryRead", AUTH_REGISTRY_WRITE, AUTH_MISSING_RIGHT},
        {"registryReadWrite", AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE, AUTH_OK},
        {"registryReadWrite", AUTH_SERVICE_CONNECT, AUTH_MISSING_RIGHT},
        {"provisioningserviceowner", AUTH_ENROLLMENT_WRITE, AUTH_OK},
        {"provisioningserviceowner", AUTH_REGISTRY_READ, AUTH_MISSING_RIGHT},
        {"nobody", 0, AUTH_UNKNOWN_POLICY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct policy *p = policies_find(&policies, slice_str(rows[i].policy));
        struct slice key = p ? bytes_of(&p->keys[i % 2]) : SLICE_LIT("0123456789abcdef");
        assert_int_equal(
            outcome("localhost", rows[i].policy, key, NOW_S, ask("devices", rows[i].rights)),
            rows[i].expected);
    }
}

static void a_policy_s_token_may_be_narrower_than_the_hub(void **state)
{
    (void)state;
    const struct policy *p = policies_find(&policies, SLICE_LIT("device"));
    struct slice key = bytes_of(&p->keys[0]);
    assert_int_equal(outcome("localhost/devices", "device", key, NOW_S, ask("devices/d", 8)),
                     AUTH_OK);
    assert_int_equal(outcome("localhost/devices/d", "device", key, NOW_S, ask("devices/d", 8)),
                     AUTH_OK);
    assert_int_equal(outcome("localhost/devices/d", "device", key, NOW_S, ask("devices/e", 8)),
                     AUTH_WRONG_RESOURCE);
    assert_int_equal(outcome("localhost", "device", key, NOW_S - 301, ask("devices/e", 8)),
                     AUTH_EXPIRED);
    assert_int_equal(outcome("localhost", "service", key, NOW_S, ask("devices/e", 8)),
                     AUTH_BAD_SIGNATURE);
}

static void a_policy_s_key_is_good_as_text_too(void **state)
{
    (void)state;
    const struct policy *p = policies_find(&policies, SLICE_LIT("service"));
    struct auth_ask hub = ask("hub/ConsumerGroups/$Default/Partitions/0", AUTH_SERVICE_CONNECT);
    assert_int_equal(
        outcome("sb://localhost:5671/hub", "service", slice_str(p->keys[1].text), NOW_S, hub),
        AUTH_OK);
}

static void a_token_without_a_policy_is_no_policy_s(void **state)
{
    (void)state;
    struct buf token = {0};
    struct sas t;
    struct auth_ask d = ask("devices", 0);
    sas_make(&token, SLICE_LIT("localhost"), SLICE_LIT("0123456789abcdef"), NULL, NOW_S);
    assert_int_equal(sas_parse(buf_slice(&token), &t), OK);
    assert_int_equal(auth_by_policy(&t, &d, &policies), AUTH_UNKNOWN_POLICY);
    buf_free(&token);
}

static void every_cause_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < AUTH_CAUSES; i++) {
        assert_non_null(auth_cause_name((enum auth_cause)i));
        assert_non_null(auth_cause_text((enum auth_cause)i));
    }
}

static void policies_survive_json(void **state)
{
    (void)state;
    struct buf text = {0}, again = {0};
    static struct policies read;
    policies_write(&text, &policies);
    assert_non_null(strstr(buf_cstr(&text), "\"keyName\":\"iothubowner\""));
    assert_non_null(strstr(buf_cstr(&text), "\"rights\":\"RegistryRead, RegistryWrite, "
                                            "ServiceConnect, DeviceConnect\""));
    assert_int_equal(policies_read(buf_slice(&text), &read), OK);
    assert_int_equal(read.count, 6);
    policies_write(&again, &read);
    assert_string_equal(buf_cstr(&again), buf_cstr(&text));
    buf_free(&text);
    buf_free(&again);
}

static void bad_policies_are_refused_with_a_reason(void **state)
{
    (void)state;
#define KEYS                                                                                       \
    "\"primaryKey\":\"QUJDREVGR0hJSktMTU5PUA==\",\"secondaryKey\":\"QUJDREVGR0hJSktMTU5PUA==\""
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"[", "JSON"},
        {"{}", "array"},
        {"[{}]", "keyName"},
        {"[{\"keyName\":\"\"}]", "keyName"},
        {"[{\"keyName\":\"a\\u0000\"," KEYS ",\"rights\":\"ServiceConnect\"}]", "keyName"},
        {"[{\"keyName\":\"a\",\"primaryKey\":\"QUJD\",\"secondaryKey\":\"QUJD\"}]", "16 to 64"},
        {"[{\"keyName\":\"a\"}]", "16 to 64"},
        {"[{\"keyName\":\"a\"," KEYS ",\"rights\":\"Everything\"}]", "'Everything'"},
        {"[{\"keyName\":\"a\"," KEYS ",\"rights\":\"DeviceConnect\"},{\"keyName\":\"A\"," KEYS
         ",\"rights\":\"DeviceConnect\"}]",
         "two policies"},
    };
    static struct policies p;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (policies_read(slice_str(rows[i].text), &p) != ERR_INVALID) fail_msg("%s", rows[i].text);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].text, fail_text());
    }
}

static void the_number_of_policies_is_limited(void **state)
{
    (void)state;
    static struct policies p;
    for (int count = AUTH_POLICIES_MAX; count <= AUTH_POLICIES_MAX + 1; count++) {
        struct buf text = {0};
        for (int i = 0; i < count; i++)
            buf_printf(&text, "%c{\"keyName\":\"p%d\"," KEYS ",\"rights\":\"ServiceConnect\"}",
                       i ? ',' : '[', i);
        buf_put_u8(&text, ']');
        assert_int_equal(policies_read(buf_slice(&text), &p),
                         count > AUTH_POLICIES_MAX ? ERR_INVALID : OK);
        buf_free(&text);
    }
}

static void keys_have_16_to_64_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err expected;
    } rows[] = {
        {"QUJDREVGR0hJSktMTU5PUA==", OK},      /* 16 */
        {"QUJDREVGR0hJSktMTU5P", ERR_INVALID}, /* 15 */
        {"QUJDREVGR0hJSktMTU5PUA=!", ERR_INVALID},
        {"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==",
         OK}, /* 64 */
        {"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
         ERR_INVALID}, /* 65 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auth_key key;
        assert_int_equal(auth_key_set(&key, slice_str(rows[i].text)), rows[i].expected);
    }
}

static void the_text_of_a_key_has_88_characters(void **state)
{
    uint8_t bytes[AUTH_KEY_MAX];
    struct buf text = {0};
    struct auth_key key;
    (void)state;
    memset(bytes, 0xa5, sizeof bytes);
    text_base64(&text, slice_of(bytes, sizeof bytes));
    assert_int_equal(buf_size(&text), AUTH_KEY_TEXT_MAX);
    assert_int_equal(auth_key_set(&key, buf_slice(&text)), OK);
    assert_string_equal(key.text, buf_cstr(&text));
    assert_true(slice_eq(bytes_of(&key), slice_of(bytes, sizeof bytes)));
    buf_put_u8(&text, '=');
    assert_int_equal(auth_key_set(&key, buf_slice(&text)), ERR_INVALID);
    assert_string_equal(fail_text(), "a key is too long");
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_let_in_with_either_key),
        cmocka_unit_test(each_reason_to_refuse_a_device_has_its_own_cause),
        cmocka_unit_test(an_identity_without_keys_lets_nobody_in),
        cmocka_unit_test(a_policy_needs_every_right_that_is_asked_for),
        cmocka_unit_test(a_policy_s_token_may_be_narrower_than_the_hub),
        cmocka_unit_test(a_policy_s_key_is_good_as_text_too),
        cmocka_unit_test(a_token_without_a_policy_is_no_policy_s),
        cmocka_unit_test(every_cause_has_a_name_and_a_sentence),
        cmocka_unit_test(policies_survive_json),
        cmocka_unit_test(bad_policies_are_refused_with_a_reason),
        cmocka_unit_test(the_number_of_policies_is_limited),
        cmocka_unit_test(keys_have_16_to_64_bytes),
        cmocka_unit_test(the_text_of_a_key_has_88_characters),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
