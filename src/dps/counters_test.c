/* counters_test.c - how many hubs are told apart. */
#include "dps/counters.h"

#include <stdio.h>

#include "base/test.h"

static int64_t attempts(const char *hub, const char *status)
{
    char labels[256];
    snprintf(labels, sizeof labels,
             "ProvisioningServiceName=\"plant\",IotHubName=\"%s\",Status=\"%s\"", hub, status);
    return metric_value(
        metric_of(METRIC_COUNTER, "azimuth_RegistrationAttempts_total", labels, ""));
}

static void so_many_hubs_have_names_and_all_others_one(void **state)
{
    static const struct hub hub = {.name = "plant"};
    struct dps_counters c = {0};
    char name[32];
    (void)state;
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < DPS_COUNTED_HUBS_MAX + 2; i++) {
            snprintf(name, sizeof name, "hub%u", i);
            dps_count_registration(&c, &hub, slice_str(name), DPS_OK);
        }
    snprintf(name, sizeof name, "hub%u", DPS_COUNTED_HUBS_MAX - 1);
    assert_int_equal(attempts("hub0", "Success"), 2);
    assert_int_equal(attempts(name, "Success"), 2);
    snprintf(name, sizeof name, "hub%u", DPS_COUNTED_HUBS_MAX);
    assert_int_equal(attempts(name, "Success"), 0);
    assert_int_equal(attempts("others", "Success"), 4);
    dps_counters_free(&c);
}

static void a_code_says_whose_fault_it_was(void **state)
{
    static const struct hub hub = {.name = "plant"};
    struct dps_counters c = {0};
    (void)state;
    dps_count_registration(&c, &hub, SLICE_LIT("Codes"), DPS_OK);
    dps_count_registration(&c, &hub, SLICE_LIT("codes"), DPS_THROTTLED);
    dps_count_registration(&c, &hub, SLICE_LIT("codes"), DPS_HUB_FAILED);
    assert_int_equal(attempts("Codes", "Success"), 1);
    assert_int_equal(attempts("Codes", "ClientError"), 1);
    assert_int_equal(attempts("Codes", "Failure"), 1);
    dps_counters_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_hubs_have_names_and_all_others_one),
        cmocka_unit_test(a_code_says_whose_fault_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
