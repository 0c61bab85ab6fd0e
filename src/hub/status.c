/* status.c - the table. */
#include "hub/status.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"

static const struct {
    const char *name;
    unsigned number;
} statuses[STATUSES] = {
    [STATUS_OK] = {"OK", 0},
    [STATUS_INVALID_PROTOCOL_VERSION] = {"InvalidProtocolVersion", 400001},
    [STATUS_INVALID_OPERATION] = {"InvalidOperation", 400003},
    [STATUS_ARGUMENT_INVALID] = {"ArgumentInvalid", 400004},
    [STATUS_ARGUMENT_NULL] = {"ArgumentNull", 400005},
    [STATUS_FORMAT_ERROR] = {"IotHubFormatError", 400006},
    [STATUS_BLOB_CONTAINER_VALIDATION_ERROR] = {"BlobContainerValidationError", 400008},
    [STATUS_INVALID_SCHEMA_VERSION] = {"InvalidSchemaVersion", 400010},
    [STATUS_DEVICE_DEFINED_MULTIPLE_TIMES] = {"DeviceDefinedMultipleTimes", 400011},
    [STATUS_DESERIALIZATION_ERROR] = {"DeserializationError", 400012},
    [STATUS_BULK_REGISTRY_OPERATION_FAILURE] = {"BulkRegistryOperationFailure", 400013},
    [STATUS_INVALID_POLICY_KEY] = {"InvalidPolicyKey", 400035},
    [STATUS_BULK_REGENERATE_KEY_FAILURE] = {"BulkRegenerateDeviceKeyOperationFailure", 400036},
    [STATUS_CANNOT_REGISTER_MODULE_TO_MODULE] = {"CannotRegisterModuleToModule", 400301},
    [STATUS_HUB_NOT_FOUND] = {"IotHubNotFound", 401001},
    [STATUS_UNAUTHORIZED_ACCESS] = {"IotHubUnauthorizedAccess", 401002},
    [STATUS_UNAUTHORIZED] = {"IotHubUnauthorized", 401003},
    [STATUS_HUB_SUSPENDED] = {"IotHubSuspended", 403001},
    [STATUS_QUOTA_EXCEEDED] = {"IotHubQuotaExceeded", 403002},
    [STATUS_JOB_QUOTA_EXCEEDED] = {"JobQuotaExceeded", 403003},
    [STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED] = {"DeviceMaximumQueueDepthExceeded", 403004},
    [STATUS_MAX_CBS_TOKEN_EXCEEDED] = {"IotHubMaxCbsTokenExceeded", 403005},
    [STATUS_DEVICE_MAXIMUM_ACTIVE_FILE_UPLOADS] = {"DeviceMaximumActiveFileUploadLimitExceeded",
                                                   403006},
    [STATUS_DEVICE_NOT_FOUND] = {"DeviceNotFound", 404001},
    [STATUS_JOB_NOT_FOUND] = {"JobNotFound", 404002},
    [STATUS_MODULE_NOT_FOUND] = {"ModuleNotFound", 404010},
    [STATUS_DEVICE_NOT_ONLINE] = {"DeviceNotOnline", 404103},
    [STATUS_OPERATION_NOT_ALLOWED] = {"OperationNotAllowedInCurrentState", 405102},
    [STATUS_DEVICE_ALREADY_EXISTS] = {"DeviceAlreadyExists", 409001},
    [STATUS_MODULE_ALREADY_EXISTS] = {"ModuleAlreadyExistsOnDevice", 409301},
    [STATUS_CONFIGURATION_ALREADY_EXISTS] = {"ConfigurationAlreadyExists", 409401},
    [STATUS_APPLY_CONFIGURATION_IN_PROGRESS] = {"ApplyConfigurationAlreadyInProgressOnDevice",
                                                409402},
    [STATUS_CONFIGURATION_NOT_FOUND] = {"ConfigurationNotFound", 404301},
    [STATUS_CONFIGURATION_COUNT_LIMIT] = {"ConfigurationCountLimitExceeded", 413101},
    [STATUS_INVALID_CONFIGURATION_CONTENT] = {"InvalidConfigurationContent", 400402},
    [STATUS_INVALID_TARGET_CONDITION] = {"InvalidConfigurationTargetCondition", 400401},
    [STATUS_INVALID_METRICS_QUERY] = {"InvalidConfigurationCustomMetricsQuery", 400404},
    [STATUS_JOB_ALREADY_EXISTS] = {"JobAlreadyExists", 409104},
    [STATUS_PRECONDITION_FAILED] = {"PreconditionFailed", 412001},
    [STATUS_DEVICE_MESSAGE_LOCK_LOST] = {"DeviceMessageLockLost", 412002},
    [STATUS_MESSAGE_TOO_LARGE] = {"MessageTooLarge", 413001},
    [STATUS_TOO_MANY_DEVICES] = {"TooManyDevices", 413002},
    [STATUS_TOO_MANY_MODULES] = {"TooManyModulesOnDevice", 413003},
    [STATUS_TOO_MANY_REQUESTS] = {"GenericTooManyRequests", 429000},
    [STATUS_THROTTLING] = {"ThrottlingException", 429001},
    [STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED] = {"ThrottleBacklogLimitExceeded", 429002},
    [STATUS_THROTTLING_BACKLOG_TIMEOUT] = {"ThrottlingBacklogTimeout", 429003},
    [STATUS_THROTTLING_MAX_ACTIVE_JOBS] = {"ThrottlingMaxActiveJobCountExceeded", 429004},
    [STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED] = {"DeviceThrottlingLimitExceeded", 429005},
    [STATUS_SERVER_ERROR] = {"ServerError", 500001},
    [STATUS_JOB_CANCELLED] = {"JobCancelled", 500002},
    [STATUS_INVALID_THROTTLE_PARAMETER] = {"InvalidThrottleParameter", 500009},
    [STATUS_BAD_GATEWAY] = {"GenericBadGateway", 502000},
    [STATUS_SERVICE_UNAVAILABLE] = {"ServiceUnavailable", 503001},
    [STATUS_PARTITION_NOT_FOUND] = {"PartitionNotFound", 503003},
    [STATUS_GATEWAY_TIMEOUT] = {"GatewayTimeout", 504101},
};

const char *status_name(enum status s)
{
    assert((unsigned)s < STATUSES);
    return statuses[s].name;
}

unsigned status_number(enum status s)
{
    assert((unsigned)s < STATUSES);
    return statuses[s].number;
}

unsigned status_http(enum status s)
{
    return s == STATUS_OK ? 200 : status_number(s) / 1000;
}

enum status status_of_name(struct slice name)
{
    enum status s = STATUS_OK;
    while (s < STATUSES && !slice_is(name, statuses[s].name)) s++;
    return s;
}

void status_put_json(struct buf *out, unsigned number, struct slice message)
{
    char now[CLOCK_ISO_LEN + 1], id[RAND_GUID_LEN + 1];
    clock_iso(clock_wall_us(), now);
    rand_guid(id);
    buf_printf(out, "{\"errorCode\":%u,\"trackingId\":\"%s\",\"message\":", number, id);
    text_json_untrusted(out, message);
    buf_printf(out, ",\"timestampUtc\":\"%s\"}", now);
}

enum status status_of_err(enum err e)
{
    switch (e) {
    case OK: return STATUS_OK;
    case ERR_INVALID: return STATUS_ARGUMENT_INVALID;
    case ERR_TOO_BIG: return STATUS_MESSAGE_TOO_LARGE;
    case ERR_THROTTLED:
    case ERR_FULL: return STATUS_THROTTLING;
    case ERR_DENIED:
    case ERR_DISABLED:
    case ERR_EXPIRED: return STATUS_UNAUTHORIZED_ACCESS;
    case ERR_PRECONDITION: return STATUS_PRECONDITION_FAILED;
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CLOSED: return STATUS_SERVICE_UNAVAILABLE;
    default: return STATUS_SERVER_ERROR;
    }
}
