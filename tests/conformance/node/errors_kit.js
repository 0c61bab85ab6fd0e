'use strict';
/* errors_kit.js - the names and numbers of errors that the references of IoT Hub list, and how tables of errors
 * are run: a row is a case of its own, or is held by a case elsewhere, or cannot be had, with the reason. */

const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const { check } = require('./check');

/** Microsoft.Devices.Common.Exceptions.ErrorCode of .NET, ErrorCodeDescription of Java, and Azure's page of errors. */
const NUMBERS = {
    InvalidProtocolVersion: 400001, InvalidOperation: 400003, ArgumentInvalid: 400004, ArgumentNull: 400005,
    IotHubFormatError: 400006, BlobContainerValidationError: 400008, InvalidSchemaVersion: 400010,
    DeviceDefinedMultipleTimes: 400011, DeserializationError: 400012, BulkRegistryOperationFailure: 400013,
    ConnectionForcefullyClosedOnNewConnection: 400027, InvalidPolicyKey: 400035,
    BulkRegenerateDeviceKeyOperationFailure: 400036, CannotRegisterModuleToModule: 400301,
    InvalidConfigurationTargetCondition: 400401, InvalidConfigurationContent: 400402,
    InvalidConfigurationCustomMetricsQuery: 400404, IotHubNotFound: 401001,
    IotHubUnauthorizedAccess: 401002, IotHubUnauthorized: 401003, IotHubSuspended: 403001, IotHubQuotaExceeded: 403002,
    JobQuotaExceeded: 403003, DeviceMaximumQueueDepthExceeded: 403004, IotHubMaxCbsTokenExceeded: 403005,
    DeviceMaximumActiveFileUploadLimitExceeded: 403006, DeviceNotFound: 404001, JobNotFound: 404002,
    ModuleNotFound: 404010, DeviceNotOnline: 404103, DeviceConnectionClosedRemotely: 404104, DeviceAlreadyExists: 409001,
    ConfigurationNotFound: 404301, OperationNotAllowedInCurrentState: 405102, LinkCreationConflict: 409002,
    JobAlreadyExists: 409104, ModuleAlreadyExistsOnDevice: 409301, ConfigurationAlreadyExists: 409401,
    ApplyConfigurationAlreadyInProgressOnDevice: 409402, PreconditionFailed: 412001,
    DeviceMessageLockLost: 412002, MessageTooLarge: 413001, TooManyDevices: 413002, TooManyModulesOnDevice: 413003,
    ConfigurationCountLimitExceeded: 413101,
    GenericTooManyRequests: 429000, ThrottlingException: 429001, ThrottleBacklogLimitExceeded: 429002,
    ThrottlingBacklogTimeout: 429003, ThrottlingMaxActiveJobCountExceeded: 429004, DeviceThrottlingLimitExceeded: 429005,
    ServerError: 500001, JobCancelled: 500002, GenericTimeout: 500008, InvalidThrottleParameter: 500009,
    GenericBadGateway: 502000,
    ServiceUnavailable: 503001, PartitionNotFound: 503003, GatewayTimeout: 504101,
};

const ROOT = path.join(__dirname, '..', '..', '..');

/** [name, file, words of its test]: the row is held there. */
function held(table, rows) {
    check(`${table}: what other tests hold is there`, async () => {
        for (const [name, file, words] of rows) {
            const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
            assert.ok(text.includes(words), `${name}: ${file} has no "${words}"`);
        }
    });
}

/** Each name of `wanted` is in one of the tables. */
function complete(table, wanted, ...tables) {
    check(`${table}: every row of the references is here`, async () => {
        const there = new Set(tables.flat());
        assert.deepEqual(wanted.filter((name) => !there.has(name)), []);
    });
}

module.exports = { NUMBERS, complete, held };
