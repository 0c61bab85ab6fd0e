/* fault_test.c - what properties ask for, and how long and how many suffer. */
#include "base/test.h"

#include "hub/fault/fault.h"

enum { SECOND_US = 1000000 };

static enum err read(const char *type, const char *delay, const char *duration, const char *reason,
                     struct fault *out)
{
    struct property properties[] = {
        {SLICE_LIT("AzIoTHub_FaultOperationType"), slice_str(type)},
        {SLICE_LIT("AzIoTHub_FaultOperationDelayInSecs"), slice_str(delay)},
        {SLICE_LIT("AzIoTHub_FaultOperationDurationInSecs"), slice_str(duration)},
        {SLICE_LIT("AzIoTHub_FaultOperationCloseReason"), slice_str(reason)},
    };
    struct envelope message = {.properties = properties, .property_count = 4};
    return fault_read(&message, out);
}

static void a_message_names_a_fault_and_its_times(void **state)
{
    (void)state;
    struct fault f;
    for (int type = FAULT_NONE + 1; type < FAULT_TYPES; type++) {
        assert_int_equal(read(fault_type_name((enum fault_type)type), "1", "20", "boom", &f), OK);
        assert_int_equal(f.type, type);
        assert_true(f.delay_us == SECOND_US && f.duration_us == 20 * SECOND_US && !f.graceful);
    }
    assert_int_equal(read("KillTcp", "", "3600", "byebye", &f), OK);
    assert_true(f.graceful && f.delay_us == 0);
    assert_int_equal(read("KillTcp", "1", "3601", "boom", &f), ERR_INVALID);
    assert_int_equal(read("KillTcp", "3600", "1", "boom", &f), OK);
    assert_true(f.delay_us == (int64_t)FAULT_SECONDS_MAX * SECOND_US);
    assert_int_equal(read("KillTcp", "3601", "1", "boom", &f), ERR_INVALID);
    assert_int_equal(read("KillTcp", "-1", "1", "boom", &f), ERR_INVALID);
    assert_int_equal(read("KillBill", "1", "1", "boom", &f), ERR_INVALID);
    assert_int_equal(read("None", "1", "1", "boom", &f), ERR_INVALID);
    assert_int_equal(fault_read(&(struct envelope){0}, &f), ERR_NOT_FOUND);
}

static void a_fault_lasts_as_long_as_was_said(void **state)
{
    (void)state;
    struct faults *f = faults_new();
    struct fault fault = {.type = FAULT_THROTTLING, .duration_us = 5};
    assert_int_equal(faults_begin(f, SLICE_LIT("d"), &fault, 10), OK);
    assert_int_equal(faults_of(f, SLICE_LIT("d"), 14), FAULT_THROTTLING);
    assert_int_equal(faults_of(f, SLICE_LIT("d/m"), 14), FAULT_NONE);
    assert_int_equal(faults_of(f, SLICE_LIT("d"), 15), FAULT_NONE);
    fault.type = FAULT_AUTH;
    assert_int_equal(faults_begin(f, SLICE_LIT("d"), &fault, 15), OK);
    assert_int_equal(faults_of(f, SLICE_LIT("d"), 16), FAULT_AUTH);
    assert_int_equal(faults_of(NULL, SLICE_LIT("d"), 16), FAULT_NONE);
    faults_free(f);
}

static void so_many_suffer_and_no_more(void **state)
{
    (void)state;
    struct faults *f = faults_new();
    const struct fault fault = {.type = FAULT_QUOTA, .duration_us = 10};
    char who[16];
    for (int i = 0; i < FAULTS_MAX; i++) {
        snprintf(who, sizeof who, "d%d", i);
        assert_int_equal(faults_begin(f, slice_str(who), &fault, 1), OK);
    }
    assert_int_equal(faults_begin(f, SLICE_LIT("one more"), &fault, 1), ERR_FULL);
    assert_int_equal(faults_begin(f, SLICE_LIT("d7"), &fault, 1),
                     OK); /* who has one gets it anew */
    assert_int_equal(faults_begin(f, SLICE_LIT("one more"), &fault, 12), OK);
    faults_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_names_a_fault_and_its_times),
        cmocka_unit_test(a_fault_lasts_as_long_as_was_said),
        cmocka_unit_test(so_many_suffer_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
