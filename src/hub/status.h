/* status.h - what the hub answers, in Azure's words: error name, number and HTTP status.
 *
 * Verbs of the hub answer with an enum status; fronts translate it with this one table.  SDKs parse
 * the name out of the body and compare it with the header iothub-errorcode and with the number, so
 * the three must agree.
 *
 * Runs on: any thread; texts are constants.
 * Source: .NET SDK ErrorCode, Java SDK ErrorCodeDescription (names and numbers); "Troubleshoot Azure
 *         IoT Hub error codes" for what they do not have.  The HTTP status is the first three digits of the number.
 */
#ifndef HUB_STATUS_H
#define HUB_STATUS_H

#include "base/buf.h"
#include "base/err.h"

enum status {
    STATUS_OK,
    STATUS_INVALID_PROTOCOL_VERSION,
    STATUS_INVALID_OPERATION,
    STATUS_ARGUMENT_INVALID,
    STATUS_ARGUMENT_NULL,
    STATUS_FORMAT_ERROR,
    STATUS_BLOB_CONTAINER_VALIDATION_ERROR,
    STATUS_INVALID_SCHEMA_VERSION,
    STATUS_DEVICE_DEFINED_MULTIPLE_TIMES,
    STATUS_DESERIALIZATION_ERROR,
    STATUS_BULK_REGISTRY_OPERATION_FAILURE,
    STATUS_INVALID_POLICY_KEY,
    STATUS_BULK_REGENERATE_KEY_FAILURE,
    STATUS_CANNOT_REGISTER_MODULE_TO_MODULE,
    STATUS_INVALID_CONFIGURATION_CONTENT,
    STATUS_INVALID_TARGET_CONDITION,
    STATUS_INVALID_METRICS_QUERY,
    STATUS_HUB_NOT_FOUND,
    STATUS_UNAUTHORIZED_ACCESS,
    STATUS_UNAUTHORIZED,
    STATUS_HUB_SUSPENDED,
    STATUS_QUOTA_EXCEEDED,
    STATUS_JOB_QUOTA_EXCEEDED,
    STATUS_CONFIGURATION_COUNT_LIMIT,
    STATUS_DEVICE_QUEUE_DEPTH_EXCEEDED,
    STATUS_MAX_CBS_TOKEN_EXCEEDED,
    STATUS_DEVICE_MAXIMUM_ACTIVE_FILE_UPLOADS,
    STATUS_DEVICE_NOT_FOUND,
    STATUS_JOB_NOT_FOUND,
    STATUS_CONFIGURATION_NOT_FOUND,
    STATUS_MODULE_NOT_FOUND,
    STATUS_DEVICE_NOT_ONLINE,
    STATUS_OPERATION_NOT_ALLOWED,
    STATUS_DEVICE_ALREADY_EXISTS,
    STATUS_MODULE_ALREADY_EXISTS,
    STATUS_JOB_ALREADY_EXISTS,
    STATUS_CONFIGURATION_ALREADY_EXISTS,
    STATUS_APPLY_CONFIGURATION_IN_PROGRESS,
    STATUS_PRECONDITION_FAILED,
    STATUS_DEVICE_MESSAGE_LOCK_LOST,
    STATUS_MESSAGE_TOO_LARGE,
    STATUS_TOO_MANY_DEVICES,
    STATUS_TOO_MANY_MODULES,
    STATUS_TOO_MANY_REQUESTS,
    STATUS_THROTTLING,
    STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
    STATUS_THROTTLING_BACKLOG_TIMEOUT,
    STATUS_THROTTLING_MAX_ACTIVE_JOBS,
    STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED,
    STATUS_SERVER_ERROR,
    STATUS_JOB_CANCELLED,
    STATUS_INVALID_THROTTLE_PARAMETER,
    STATUS_BAD_GATEWAY,
    STATUS_SERVICE_UNAVAILABLE,
    STATUS_PARTITION_NOT_FOUND,
    STATUS_GATEWAY_TIMEOUT,
    STATUSES
};

const char *status_name(enum status s); /* "DeviceNotFound"; "OK" */
unsigned status_number(enum status s);  /* 404001; 0 for STATUS_OK */
unsigned status_http(enum status s);    /* 404; 200 for STATUS_OK */

/* The status of that name; STATUSES: there is none. */
enum status status_of_name(struct slice name);

/* An error as devices are told of it, in JSON: {"errorCode":404001,"trackingId":..,"message":..,
 * "timestampUtc":..}.  SDKs look for the number and for "message". */
void status_put_json(struct buf *out, unsigned number, struct slice message);

/* For an error that concerns no identity or entity in particular: the store is full, throttled,
 * poisoned; what was sent is too big, malformed, refused. */
enum status status_of_err(enum err e);

#endif
