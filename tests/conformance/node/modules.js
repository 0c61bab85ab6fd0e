'use strict';
/* modules.js - module identities through azure-iothub, modules through azure-iot-device. */

const assert = require('assert/strict');
const { Message } = require('azure-iot-device');
const { check, failure, until } = require('./check');
const { host, identity, registry, roundTrip, whenGone } = require('./hub');
const { moduleIdentity, moduleString, openModule } = require('./modules_kit');
const { token } = require('./sas');

const key = (fill) => Buffer.alloc(32, fill).toString('base64');
const NEVER = '0001-01-01T00:00:00Z';
const statusOf = (error) => error.response && error.response.statusCode;
const numberOf = (error) => JSON.parse(error.responseBody).errorCode;

/* Only with a callback does removeModule() take a whole module, and its etag. */
const removeIfSame = (module) => new Promise((resolve, reject) => {
    registry.removeModule(module, (error) => (error ? reject(error) : resolve()));
});

check('a created module has two keys and the defaults of a new one', async () => {
    await identity('mod-new');
    const module = await moduleIdentity('mod-new', 'm1');
    const { primaryKey, secondaryKey } = module.authentication.symmetricKey;
    assert.equal(module.authentication.type, 'sas');
    assert.ok(Buffer.from(primaryKey, 'base64').length >= 16);
    assert.notEqual(primaryKey, secondaryKey);
    assert.equal(module.moduleId, 'm1');
    assert.equal(module.deviceId, 'mod-new');
    assert.equal(module.managedBy, null);
    assert.equal(module.connectionState, 'Disconnected');
    assert.equal(module.lastActivityTime, NEVER);
    assert.ok(module.generationId);
    assert.ok(module.etag);
    assert.equal(module.status, undefined);
});

check('modules are listed, updated and removed', async () => {
    await identity('mod-life');
    await moduleIdentity('mod-life', 'a');
    const before = await moduleIdentity('mod-life', 'b', { managedBy: 'somebody',
        authentication: { type: 'sas', symmetricKey: { primaryKey: key(1), secondaryKey: key(2) } } });
    assert.equal(before.managedBy, 'somebody');
    assert.equal(before.authentication.symmetricKey.primaryKey, key(1));
    const list = (await registry.getModulesOnDevice('mod-life')).responseBody;
    assert.deepEqual(list.map((module) => module.moduleId), ['a', 'b']);
    await registry.updateModule({ deviceId: 'mod-life', moduleId: 'b', managedBy: 'another', etag: before.etag,
        authentication: before.authentication });
    const after = (await registry.getModule('mod-life', 'b')).responseBody;
    assert.equal(after.managedBy, 'another');
    assert.equal(after.generationId, before.generationId);
    assert.notEqual(after.etag, before.etag);
    await registry.removeModule('mod-life', 'b');
    assert.equal(statusOf(await failure(registry.getModule('mod-life', 'b'))), 404);
    await removeIfSame(list[0]);
    assert.deepEqual((await registry.getModulesOnDevice('mod-life')).responseBody, []);
});

check('errors have the numbers that Azure gives them', async () => {
    await identity('mod-errors');
    const module = await moduleIdentity('mod-errors', 'm1');
    const again = await failure(registry.addModule({ deviceId: 'mod-errors', moduleId: 'm1' }));
    assert.deepEqual([statusOf(again), numberOf(again)], [409, 409301]);
    assert.equal(again.response.headers['iothub-errorcode'], 'ModuleAlreadyExistsOnDevice');
    const none = await failure(registry.getModule('mod-errors', 'none'));
    assert.deepEqual([statusOf(none), numberOf(none)], [404, 404010]);
    assert.equal((await failure(registry.addModule({ deviceId: 'mod-nobody', moduleId: 'm' }))).name, 'DeviceNotFoundError');
    assert.equal((await failure(registry.getModulesOnDevice('mod-nobody'))).name, 'DeviceNotFoundError');
    await registry.updateModule({ ...module, managedBy: 'x' }, true);
    const stale = await failure(removeIfSame(module));
    assert.deepEqual([statusOf(stale), numberOf(stale)], [412, 412001]);
    for (const moduleId of ['a b', 'm'.repeat(129), '$mine']) {
        assert.equal(statusOf(await failure(registry.addModule({ deviceId: 'mod-errors', moduleId }))), 400);
    }
});

check('a device has fifty modules', async () => {
    await identity('mod-fifty');
    for (let n = 1; n <= 50; n++) await registry.addModule({ deviceId: 'mod-fifty', moduleId: `m${n}` });
    const error = await failure(registry.addModule({ deviceId: 'mod-fifty', moduleId: 'm51' }));
    assert.deepEqual([statusOf(error), numberOf(error)], [413, 413003]);
    assert.equal((await registry.getModulesOnDevice('mod-fifty')).responseBody.length, 50);
});

check('ids may have every character that the registry allows', async () => {
    const deviceId = "mod-:.+%_#*?!(),=@$'";
    await identity(deviceId);
    for (const moduleId of ["m-:.+%_#*?!(),=@$'", 'm%2F', 'a+b', 'm'.repeat(128)]) {
        assert.equal((await moduleIdentity(deviceId, moduleId)).moduleId, moduleId);
    }
    await registry.delete(deviceId);
});

check('an edge device comes with $edgeAgent and $edgeHub', async () => {
    await identity('mod-edge', { capabilities: { iotEdge: true } });
    const list = (await registry.getModulesOnDevice('mod-edge')).responseBody;
    assert.deepEqual(list.map((module) => [module.moduleId, module.managedBy, module.authentication.type]),
        [['$edgeAgent', 'iotEdge', 'none'], ['$edgeHub', 'iotEdge', 'none']]);
});

check('a deleted device takes its modules along', async () => {
    await identity('mod-gone');
    const module = await moduleIdentity('mod-gone', 'm1');
    const client = await openModule(module);
    let closed = false;
    whenGone(client, () => { closed = true; });
    await registry.delete('mod-gone');
    await until('the module is disconnected', () => closed);
    await client.close().catch(() => {});
    await identity('mod-gone');
    assert.equal(numberOf(await failure(registry.getModule('mod-gone', 'm1'))), 404010);
    assert.equal((await failure(openModule(moduleString(module)))).name, 'UnauthorizedError');
});

check('a disabled device disconnects its modules and keeps them out', async () => {
    const device = await identity('mod-disabled');
    const module = await moduleIdentity('mod-disabled', 'm1');
    const client = await openModule(module);
    let closed = false;
    whenGone(client, () => { closed = true; });
    await registry.update({ deviceId: 'mod-disabled', status: 'disabled', authentication: device.authentication });
    await until('the module is disconnected', () => closed);
    await client.close().catch(() => {});
    assert.equal((await failure(openModule(module))).name, 'UnauthorizedError');
    await registry.update({ deviceId: 'mod-disabled', status: 'enabled', authentication: device.authentication });
    await (await openModule(module)).close();
});

check('a module sends telemetry, stamped with both ids', async () => {
    await identity('mod-sends');
    const module = await moduleIdentity('mod-sends', 'm1');
    const [plain, output] = await roundTrip('mod-sends', 2, async () => {
        const client = await openModule(module);
        await client.sendEvent(new Message('plain'));
        const message = new Message('to an output');
        message.properties.add('a', 'b');
        await client.sendOutputEvent('temperature', message);
        await client.close();
    });
    for (const event of [plain, output]) {
        const stamps = event.systemProperties;
        assert.equal(stamps['iothub-connection-device-id'], 'mod-sends');
        assert.equal(stamps['iothub-connection-module-id'], 'm1');
        assert.equal(stamps['iothub-connection-auth-generation-id'], module.generationId);
        assert.equal(JSON.parse(stamps['iothub-connection-auth-method']).scope, 'module');
    }
    assert.equal(plain.body.toString(), 'plain');
    assert.equal(output.body.toString(), 'to an output');
    assert.equal(output.properties.a, 'b');
    assert.equal(output.properties['iothub-outputname'], 'temperature');
    assert.equal((plain.properties || {})['iothub-outputname'], undefined);
});

check('a module and its device are connected at once, a second of the same ends the first', async () => {
    await identity('mod-twice');
    const first = await openModule(await moduleIdentity('mod-twice', 'm1'));
    const other = await openModule(await moduleIdentity('mod-twice', 'm2'));
    let closed = false;
    whenGone(first, () => { closed = true; });
    const second = await openModule((await registry.getModule('mod-twice', 'm1')).responseBody);
    await until('the first is disconnected', () => closed);
    const states = async () => (await registry.getModulesOnDevice('mod-twice')).responseBody.map((one) => one.connectionState);
    assert.deepEqual(await states(), ['Connected', 'Connected']);
    assert.equal((await registry.get('mod-twice')).responseBody.connectionState, 'Disconnected');
    await Promise.all([second.close(), other.close(), first.close().catch(() => {})]);
    await until('both are disconnected', async () => !(await states()).includes('Connected'));
});

check('another key, the key of its device and of another module do not sign a module in', async () => {
    const device = await identity('mod-keys');
    const module = await moduleIdentity('mod-keys', 'm1');
    const other = await moduleIdentity('mod-keys', 'm2');
    for (const one of [key(9), device.authentication.symmetricKey.primaryKey, other.authentication.symmetricKey.primaryKey]) {
        assert.equal((await failure(openModule(moduleString(module, one)))).name, 'UnauthorizedError');
    }
    await (await openModule(moduleString(module, module.authentication.symmetricKey.secondaryKey))).close();
});

check('a device reads and writes its own modules with a token of its own', async () => {
    const device = await identity('mod-own');
    const other = await identity('mod-other');
    const ask = async (method, path, one, headers = {}, body) => {
        const sas = token(`${host}/devices/${one.deviceId}`, one.authentication.symmetricKey.primaryKey, 600);
        const answer = await fetch(`https://${host}${path}?api-version=2017-11-08-preview`, { method, body,
            headers: { authorization: sas, 'content-type': 'application/json', ...headers } });
        const text = await answer.text();
        return [answer.status, text ? JSON.parse(text) : undefined];
    };
    const path = '/devices/mod-own/modules';
    const body = JSON.stringify({ deviceId: 'mod-own', moduleId: 'm1', managedBy: 'IotEdge', authentication: { type: 'sas' } });
    const [created, module] = await ask('PUT', `${path}/m1`, device, {}, body);
    assert.deepEqual([created, module.managedBy], [200, 'IotEdge']);
    assert.equal((await ask('PUT', `${path}/m1`, device, { 'if-match': '*' }, body))[0], 200);
    assert.equal((await ask('GET', path, device))[1].length, 1);
    assert.equal((await ask('GET', `${path}/m1`, device))[1].moduleId, 'm1');
    for (const [method, where] of [['GET', path], ['GET', `${path}/m1`], ['PUT', `${path}/m2`], ['DELETE', `${path}/m1`]]) {
        assert.equal((await ask(method, where, other, { 'if-match': '*' }, method === 'PUT' ? '{}' : undefined))[0], 401);
    }
    assert.equal((await ask('GET', '/devices/mod-own', device))[0], 401);
    assert.equal((await ask('DELETE', `${path}/m1`, device, { 'if-match': '*' }))[0], 204);
});
