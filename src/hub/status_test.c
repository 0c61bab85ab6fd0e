/* status_test.c - error names and numbers, and If-Match. */
#include "base/test.h"

#include "hub/etag.h"
#include "hub/status.h"

static void names_and_numbers_are_azures(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        const char *name;
        unsigned number, http;
    } rows[] = {
        {STATUS_OK, "OK", 0, 200},
        {STATUS_INVALID_PROTOCOL_VERSION, "InvalidProtocolVersion", 400001, 400},
        {STATUS_INVALID_OPERATION, "InvalidOperation", 400003, 400},
        {STATUS_ARGUMENT_INVALID, "ArgumentInvalid", 400004, 400},
        {STATUS_ARGUMENT_NULL, "ArgumentNull", 400005, 400},
        {STATUS_FORMAT_ERROR, "IotHubFormatError", 400006, 400},
        {STATUS_DEVICE_DEFINED_MULTIPLE_TIMES, "DeviceDefinedMultipleTimes", 400011, 400},
        {STATUS_DESERIALIZATION_ERROR, "DeserializationError", 400012, 400},
        {STATUS_BULK_REGISTRY_OPERATION_FAILURE, "BulkRegistryOperationFailure", 400013, 400},
        {STATUS_UNAUTHORIZED_ACCESS, "IotHubUnauthorizedAccess", 401002, 401},
        {STATUS_QUOTA_EXCEEDED, "IotHubQuotaExceeded", 403002, 403},
        {STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED, "DeviceMaximumQueueDepthExceeded", 403004, 403},
        {STATUS_DEVICE_MAXIMUM_ACTIVE_FILE_UPLOADS, "DeviceMaximumActiveFileUploadLimitExceeded",
         403006, 403},
        {STATUS_DEVICE_NOT_FOUND, "DeviceNotFound", 404001, 404},
        {STATUS_DEVICE_NOT_ONLINE, "DeviceNotOnline", 404103, 404},
        {STATUS_OPERATION_NOT_ALLOWED, "OperationNotAllowedInCurrentState", 405102, 405},
        {STATUS_JOB_ALREADY_EXISTS, "JobAlreadyExists", 409104, 409},
        {STATUS_INVALID_POLICY_KEY, "InvalidPolicyKey", 400035, 400},
        {STATUS_BULK_REGENERATE_KEY_FAILURE, "BulkRegenerateDeviceKeyOperationFailure", 400036,
         400},
        {STATUS_INVALID_TARGET_CONDITION, "InvalidConfigurationTargetCondition", 400401, 400},
        {STATUS_INVALID_CONFIGURATION_CONTENT, "InvalidConfigurationContent", 400402, 400},
        {STATUS_INVALID_METRICS_QUERY, "InvalidConfigurationCustomMetricsQuery", 400404, 400},
        {STATUS_CONFIGURATION_NOT_FOUND, "ConfigurationNotFound", 404301, 404},
        {STATUS_CONFIGURATION_ALREADY_EXISTS, "ConfigurationAlreadyExists", 409401, 409},
        {STATUS_APPLY_CONFIGURATION_IN_PROGRESS, "ApplyConfigurationAlreadyInProgressOnDevice",
         409402, 409},
        {STATUS_CONFIGURATION_COUNT_LIMIT, "ConfigurationCountLimitExceeded", 413101, 413},
        {STATUS_BAD_GATEWAY, "GenericBadGateway", 502000, 502},
        {STATUS_DEVICE_ALREADY_EXISTS, "DeviceAlreadyExists", 409001, 409},
        {STATUS_MODULE_ALREADY_EXISTS, "ModuleAlreadyExistsOnDevice", 409301, 409},
        {STATUS_PRECONDITION_FAILED, "PreconditionFailed", 412001, 412},
        {STATUS_DEVICE_MESSAGE_LOCK_LOST, "DeviceMessageLockLost", 412002, 412},
        {STATUS_MESSAGE_TOO_LARGE, "MessageTooLarge", 413001, 413},
        {STATUS_TOO_MANY_DEVICES, "TooManyDevices", 413002, 413},
        {STATUS_THROTTLING, "ThrottlingException", 429001, 429},
        {STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED, "ThrottleBacklogLimitExceeded", 429002, 429},
        {STATUS_THROTTLING_BACKLOG_TIMEOUT, "ThrottlingBacklogTimeout", 429003, 429},
        {STATUS_SERVER_ERROR, "ServerError", 500001, 500},
        {STATUS_SERVICE_UNAVAILABLE, "ServiceUnavailable", 503001, 503},
        {STATUS_PARTITION_NOT_FOUND, "PartitionNotFound", 503003, 503},
        {STATUS_GATEWAY_TIMEOUT, "GatewayTimeout", 504101, 504},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(status_name(rows[i].status), rows[i].name);
        assert_int_equal(status_number(rows[i].status), rows[i].number);
        assert_int_equal(status_http(rows[i].status), rows[i].http);
    }
}

static void every_status_has_a_name_and_another_number(void **state)
{
    (void)state;
    for (unsigned s = STATUS_OK + 1; s < STATUSES; s++) {
        assert_non_null(status_name((enum status)s));
        assert_in_range(status_number((enum status)s), 400000, 504999);
        for (unsigned other = STATUS_OK; other < s; other++)
            assert_int_not_equal(status_number((enum status)s), status_number((enum status)other));
    }
}

static void every_error_has_a_status(void **state)
{
    (void)state;
    for (unsigned e = OK + 1; e < ERR_COUNT; e++)
        assert_true(status_http(status_of_err((enum err)e)) >= 400);
    assert_int_equal(status_of_err(OK), STATUS_OK);
    assert_int_equal(status_of_err(ERR_THROTTLED), STATUS_THROTTLING);
    assert_int_equal(status_of_err(ERR_FULL), STATUS_THROTTLING);
    assert_int_equal(status_of_err(ERR_IO), STATUS_SERVICE_UNAVAILABLE);
}

static void if_match_is_understood_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *if_match;
        bool matches;
    } rows[] = {
        {"*", true},
        {"\"*\"", true}, /* .NET and Node */
        {"ODAxMjMyNDI2", true},
        {"\"ODAxMjMyNDI2\"", true},
        {"W/\"ODAxMjMyNDI2\"", true},
        {" \"ODAxMjMyNDI2\" ", true},
        {"", false},
        {"\"", false},
        {"\"\"", false},
        {"ODAxMjMyNDI3", false},
        {"\"ODAxMjMyNDI2", false},
        {"odaxmjmyndi2", false},
        {"**", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(etag_matches(slice_str(rows[i].if_match), SLICE_LIT("ODAxMjMyNDI2")),
                         rows[i].matches);
}

static void an_identitys_etag_is_a_decimal_number_in_base64(void **state)
{
    (void)state;
    char etag[ETAG_MAX + 1];
    etag_of_number(801232426, etag);
    assert_string_equal(etag, "ODAxMjMyNDI2");
    etag_of_number(1, etag);
    assert_string_equal(etag, "MQ==");
    etag_of_number(UINT64_MAX, etag);
    assert_string_equal(etag, "MTg0NDY3NDQwNzM3MDk1NTE2MTU=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_are_azures),
        cmocka_unit_test(every_status_has_a_name_and_another_number),
        cmocka_unit_test(every_error_has_a_status),
        cmocka_unit_test(if_match_is_understood_in_every_spelling),
        cmocka_unit_test(an_identitys_etag_is_a_decimal_number_in_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
