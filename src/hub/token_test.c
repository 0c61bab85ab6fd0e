/* token_test.c - whose token counts where tokens of devices, or of modules, are switched off. */
#include "base/test.h"

#include "base/clock.h"
#include "hub/token.h"

enum { DEVICES = 1, MODULES = 2 };

static const struct slice key = SLICE_LIT("a key of the identity"),
                          other = SLICE_LIT("another key");

static enum auth_cause judge_for(const struct hub *hub, const char *who, struct slice signed_with,
                                 int64_t seconds)
{
    char path[HUB_TOKEN_PATH_MAX];
    struct buf resource = {0}, text = {0};
    struct sas sas;
    struct slice of = hub_token_path(slice_str(who), path);
    buf_printf(&resource, "my.hub/%.*s", SLICE_ARG(of));
    sas_make(&text, buf_slice(&resource), signed_with, NULL, clock_wall_us() / 1000000 + seconds);
    assert_int_equal(sas_parse(buf_slice(&text), &sas), OK);
    enum auth_cause cause =
        hub_token_of_identity(hub, &sas, slice_str(who), (struct slice[]){key, SLICE_NONE});
    buf_free(&resource);
    buf_free(&text);
    return cause;
}

static enum auth_cause judge(const struct hub *hub, const char *who, struct slice signed_with)
{
    return judge_for(hub, who, signed_with, 60);
}

/* Ten minutes are allowed, and a device's clock may be a minute ahead. */
static void tokens_of_devices_have_a_longest_lifetime(void **state)
{
    (void)state;
    struct hub hub = {.device_token_us = 600 * 1000000ll};
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("my.hub")), OK);
    assert_int_equal(judge_for(&hub, "d", key, 600), AUTH_OK);
    assert_int_equal(judge_for(&hub, "d", key, 660), AUTH_OK);
    assert_int_equal(judge_for(&hub, "d", key, 662), AUTH_TOO_LONG);
    assert_int_equal(judge_for(&hub, "d/m", key, 662), AUTH_TOO_LONG);
    assert_int_equal(judge_for(&hub, "d", other, 662), AUTH_BAD_SIGNATURE);
    hub.device_token_us = 0;
    assert_int_equal(judge_for(&hub, "d", key, 1000000), AUTH_OK);
}

static void own_keys_can_be_switched_off_by_kind(void **state)
{
    (void)state;
    static const struct {
        const char *who;
        unsigned off;
        enum auth_cause want;
    } rows[] = {
        {"d", 0, AUTH_OK},
        {"d/m", 0, AUTH_OK},
        {"d", MODULES, AUTH_OK},
        {"d/m", DEVICES, AUTH_OK},
        {"d", DEVICES, AUTH_SAS_REFUSED},
        {"d/m", MODULES, AUTH_SAS_REFUSED},
        {"d/$edgeHub", DEVICES | MODULES, AUTH_SAS_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hub hub = {.device_sas_refused = rows[i].off & DEVICES,
                          .module_sas_refused = rows[i].off & MODULES};
        assert_int_equal(hub_add_host(&hub, SLICE_LIT("my.hub")), OK);
        assert_int_equal(judge(&hub, rows[i].who, key), rows[i].want);
        assert_int_equal(judge(&hub, rows[i].who, other), AUTH_BAD_SIGNATURE);
    }
}

static void a_policy_counts_as_ever(void **state)
{
    (void)state;
    struct hub hub = {.device_sas_refused = true, .module_sas_refused = true};
    struct policies policies;
    struct buf text = {0};
    struct sas sas;
    policies_make(&policies);
    hub.policies = &policies;
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("my.hub")), OK);
    const struct auth_key *device = policies_find(&policies, SLICE_LIT("device"))->keys;
    sas_make(&text, SLICE_LIT("my.hub/devices/d"), slice_of(device->bytes, device->len), "device",
             clock_wall_us() / 1000000 + 60);
    assert_int_equal(sas_parse(buf_slice(&text), &sas), OK);
    struct slice path = SLICE_LIT("devices/d");
    assert_int_equal(hub_token_of_policy(&hub, &sas, path, AUTH_DEVICE_CONNECT), AUTH_OK);
    hub.device_token_us = 1;
    assert_int_equal(hub_token_of_policy(&hub, &sas, path, AUTH_DEVICE_CONNECT), AUTH_OK);
    assert_int_equal(hub_token_of_policy(&hub, &sas, path, AUTH_REGISTRY_READ), AUTH_MISSING_RIGHT);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_devices_have_a_longest_lifetime),
        cmocka_unit_test(own_keys_can_be_switched_off_by_kind),
        cmocka_unit_test(a_policy_counts_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
