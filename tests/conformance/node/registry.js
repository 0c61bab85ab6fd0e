'use strict';
/* registry.js - the identity registry through azure-iothub. */

const assert = require('assert/strict');
const { Registry } = require('azure-iothub');
const { check, failure } = require('./check');
const { admin, env, host, identity, registry } = require('./hub');

const key = (fill) => Buffer.alloc(32, fill).toString('base64');
const NEVER = '0001-01-01T00:00:00Z';
const statusOf = (error) => error.response && error.response.statusCode;

check('a created device has two keys and the defaults of a new identity', async () => {
    const device = await identity('reg-new');
    const { primaryKey, secondaryKey } = device.authentication.symmetricKey;
    assert.equal(device.authentication.type, 'sas');
    assert.ok(Buffer.from(primaryKey, 'base64').length >= 16);
    assert.notEqual(primaryKey, secondaryKey);
    assert.equal(device.status, 'enabled');
    assert.equal(device.connectionState, 'Disconnected');
    assert.equal(device.lastActivityTime, NEVER);
    assert.equal(device.cloudToDeviceMessageCount, 0);
    assert.ok(device.generationId);
    assert.ok(device.etag);
});

check('given keys are kept', async () => {
    const symmetricKey = { primaryKey: key(1), secondaryKey: key(2) };
    await identity('reg-keys', { authentication: { type: 'sas', symmetricKey } });
    const { responseBody } = await registry.get('reg-keys');
    assert.deepEqual({ ...responseBody.authentication.symmetricKey }, symmetricKey);
});

check('keys of a wrong length and one key without the other are refused', async () => {
    for (const symmetricKey of [
        { primaryKey: Buffer.alloc(15).toString('base64'), secondaryKey: key(2) },
        { primaryKey: Buffer.alloc(65).toString('base64'), secondaryKey: key(2) },
        { primaryKey: key(1), secondaryKey: '' },
    ]) {
        const error = await failure(identity('reg-badkey', { authentication: { type: 'sas', symmetricKey } }));
        assert.equal(error.name, 'ArgumentError');
    }
});

check('keys of 16 and of 64 bytes are taken', async () => {
    for (const size of [16, 64]) {
        const symmetricKey = {
            primaryKey: Buffer.alloc(size, 1).toString('base64'),
            secondaryKey: Buffer.alloc(size, 2).toString('base64'),
        };
        const device = await identity(`reg-key${size}`, { authentication: { type: 'sas', symmetricKey } });
        assert.equal(device.authentication.symmetricKey.primaryKey, symmetricKey.primaryKey);
    }
});

check('creating twice is DeviceAlreadyExists', async () => {
    await identity('reg-twice');
    const error = await failure(identity('reg-twice'));
    assert.equal(error.name, 'DeviceAlreadyExistsError');
    assert.equal(error.response.headers['iothub-errorcode'], 'DeviceAlreadyExists');
});

check('an unknown device is DeviceNotFound on get, update and delete', async () => {
    for (const attempt of [
        registry.get('reg-nobody'), registry.delete('reg-nobody'),
        registry.update({ deviceId: 'reg-nobody', status: 'enabled' }),
    ]) {
        assert.equal((await failure(attempt)).name, 'DeviceNotFoundError');
    }
});

check('an update replaces what may change and gives a new etag', async () => {
    const before = await identity('reg-update');
    const { responseBody: after } = await registry.update({
        deviceId: 'reg-update', status: 'disabled', statusReason: 'out for repair',
        authentication: before.authentication,
    });
    assert.equal(after.status, 'disabled');
    assert.equal(after.statusReason, 'out for repair');
    assert.equal(after.generationId, before.generationId);
    assert.notEqual(after.etag, before.etag);
    assert.deepEqual(after.authentication.symmetricKey, before.authentication.symmetricKey);
    assert.equal((await registry.get('reg-update')).responseBody.status, 'disabled');
});

check('a deleted device is gone, and comes back as another generation', async () => {
    const first = await identity('reg-again');
    await registry.delete('reg-again');
    assert.equal((await failure(registry.get('reg-again'))).name, 'DeviceNotFoundError');
    const second = await identity('reg-again');
    assert.notEqual(second.generationId, first.generationId);
    assert.notEqual(second.authentication.symmetricKey.primaryKey, first.authentication.symmetricKey.primaryKey);
});

check('the list has every device', async () => {
    await identity('reg-listed');
    const { responseBody: devices } = await registry.list();
    assert.ok(devices.some((device) => device.deviceId === 'reg-listed'));
});

check('ids may have every character that the registry allows', async () => {
    for (const deviceId of ["reg-:.+%_#*?!(),=@$'", 'reg-%2F', 'reg-a+b', 'r'.repeat(128)]) {
        await identity(deviceId);
        assert.equal((await registry.get(deviceId)).responseBody.deviceId, deviceId);
        await registry.delete(deviceId);
    }
});

check('ids with other characters, and of 129 characters, are refused', async () => {
    for (const deviceId of ['reg a', 'reg/a', 'reg\u00e9', 'r'.repeat(129)]) {
        assert.equal((await failure(identity(deviceId))).name, 'ArgumentError');
    }
});

check('ids that differ in case only are two devices', async () => {
    await identity('reg-Case');
    await identity('reg-case');
    assert.equal((await registry.get('reg-Case')).responseBody.deviceId, 'reg-Case');
});

check('a hundred devices are created, updated and removed in one call each', async () => {
    const devices = Array.from({ length: 100 }, (_, n) => ({ deviceId: `bulk-${n}` }));
    const added = (await registry.addDevices(devices)).responseBody;
    assert.equal(added.isSuccessful, true);
    assert.equal(added.errors.length, 0);
    await registry.updateDevices(devices.map((device) => ({ ...device, status: 'disabled' })), true);
    assert.equal((await registry.get('bulk-99')).responseBody.status, 'disabled');
    await registry.removeDevices(devices, true);
    assert.equal((await failure(registry.get('bulk-0'))).name, 'DeviceNotFoundError');
});

check('a bulk call with a device that exists says which one, and creates the others', async () => {
    await identity('bulk-there');
    const error = await failure(registry.addDevices([{ deviceId: 'bulk-there' }, { deviceId: 'bulk-other' }]));
    assert.equal(statusOf(error), 400);
    assert.equal(error.response.headers['iothub-errorcode'], 'BulkRegistryOperationFailure');
    const result = JSON.parse(error.responseBody);
    assert.equal(result.isSuccessful, false);
    assert.deepEqual(result.errors.map((one) => [one.deviceId, one.errorCode]), [['bulk-there', 'DeviceAlreadyExists']]);
    assert.equal((await registry.get('bulk-other')).responseBody.deviceId, 'bulk-other');
});

check('a bulk update with a stale etag changes nothing', async () => {
    const before = await identity('bulk-etag');
    await registry.update({ deviceId: 'bulk-etag', status: 'enabled', authentication: before.authentication });
    const error = await failure(registry.updateDevices(
        [{ deviceId: 'bulk-etag', status: 'disabled', eTag: before.etag }], false));
    assert.equal(statusOf(error), 400);
    assert.equal((await registry.get('bulk-etag')).responseBody.status, 'enabled');
});

check('devices are updated and removed by the etags that they were shown with', async () => {
    const before = await identity('bulk-shown');
    await registry.updateDevices([{ ...before, status: 'disabled' }], false);
    const now = (await registry.get('bulk-shown')).responseBody;
    assert.equal(now.status, 'disabled');
    const error = await failure(registry.removeDevices([before], false));
    assert.match(error.responseBody, /PreconditionFailed/);
    await registry.removeDevices([now], false);
    assert.equal((await failure(registry.get('bulk-shown'))).name, 'DeviceNotFoundError');
});

check('the same device twice in one bulk call is refused', async () => {
    const error = await failure(registry.addDevices([{ deviceId: 'bulk-dup' }, { deviceId: 'bulk-dup' }]));
    assert.match(error.responseBody, /DeviceDefinedMultipleTimes/);
});

check('the statistics count devices', async () => {
    const count = async () => (await registry.getRegistryStatistics()).responseBody;
    const before = await count();
    await identity('reg-counted', { status: 'disabled' });
    const after = await count();
    assert.equal(after.totalDeviceCount, before.totalDeviceCount + 1);
    assert.equal(after.disabledDeviceCount, before.disabledDeviceCount + 1);
    assert.equal(after.enabledDeviceCount, before.enabledDeviceCount);
});

check('a wrong key is Unauthorized', async () => {
    const string = env.HUB_OWNER.replace(/SharedAccessKey=.*/, `SharedAccessKey=${key(9)}`);
    const error = await failure(Registry.fromConnectionString(string).list());
    assert.equal(error.name, 'UnauthorizedError');
    assert.equal(error.response.headers['iothub-errorcode'], 'IotHubUnauthorizedAccess');
});

check('registryRead reads and does not write; service and device do neither', async () => {
    const reader = Registry.fromConnectionString(env.HUB_REGISTRY_READ);
    assert.ok(Array.isArray((await reader.list()).responseBody));
    assert.equal((await failure(reader.create({ deviceId: 'reg-readonly' }))).name, 'UnauthorizedError');
    for (const string of [env.HUB_SERVICE, env.HUB_DEVICE]) {
        assert.equal((await failure(Registry.fromConnectionString(string).list())).name, 'UnauthorizedError');
    }
});

check('registryReadWrite writes', async () => {
    const writer = Registry.fromConnectionString(env.HUB_REGISTRY_READ_WRITE);
    await writer.create({ deviceId: 'reg-written' });
    await writer.delete('reg-written');
});

check('a policy that was made does what its rights say, until it is deleted', async () => {
    const name = 'reg-panel_1.x';
    const made = await admin('PUT', `policies/${name}`, { rights: 'RegistryRead' });
    assert.equal(made.status, 200);
    const panel = Registry.fromConnectionString(`HostName=${host};SharedAccessKeyName=${name};SharedAccessKey=${made.body.secondaryKey}`);
    assert.ok(Array.isArray((await panel.list()).responseBody));
    assert.equal((await failure(panel.create({ deviceId: 'reg-panel' }))).name, 'UnauthorizedError');
    assert.equal((await admin('PATCH', `policies/${name}`, { rights: 'RegistryWrite' })).status, 200);
    await panel.create({ deviceId: 'reg-panel' });
    await panel.delete('reg-panel');
    assert.equal((await admin('DELETE', `policies/${name}`)).status, 204);
    const error = await failure(panel.list());
    assert.equal(error.name, 'UnauthorizedError');
    assert.equal(error.response.headers['iothub-errorcode'], 'IotHubUnauthorizedAccess');
});
