'use strict';
/* pnp.js - IoT Plug and Play: devices that announce a model through azure-iot-device, services through
 * the DigitalTwinClient of azure-iothub. */

const assert = require('assert/strict');
const { DigitalTwinClient, IoTHubTokenCredentials, Registry } = require('azure-iothub');
const { Client, Message } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { NoRetry } = require('azure-iot-common');
const { check, failure, until } = require('./check');
const { ca, deviceString, env, identity, roundTrip } = require('./hub');

const MODEL = 'dtmi:com:example:TemperatureController;1';
const digital = new DigitalTwinClient(new IoTHubTokenCredentials(env.HUB_SERVICE));
const service = Registry.fromConnectionString(env.HUB_SERVICE);

const twinOf = async (id) => (await service.getTwin(id)).responseBody;

/** A connected device of that model. */
async function announce(device, modelId, transport = Mqtt) {
    const client = Client.fromConnectionString(deviceString(device), transport);
    client.setRetryPolicy(new NoRetry());
    await client.setOptions({ ca, modelId });
    await client.open();
    return client;
}

const report = (twin, patch) => new Promise((resolve, reject) =>
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())));

check('the model is kept in the twin, over MQTT and WebSocket', async () => {
    const device = await identity('pnp-model');
    assert.equal((await twinOf('pnp-model')).modelId, '');
    await (await announce(device, MODEL)).close();
    assert.equal((await twinOf('pnp-model')).modelId, MODEL);
    await (await announce(device, undefined)).close();
    assert.equal((await twinOf('pnp-model')).modelId, MODEL);
    await (await announce(device, 'dtmi:com:example:Other;2', MqttWs)).close();
    assert.equal((await twinOf('pnp-model')).modelId, 'dtmi:com:example:Other;2');
    const found = await service.createQuery("SELECT * FROM devices WHERE STARTSWITH(modelId, 'dtmi:com:example:Other;')").nextAsTwin();
    assert.deepEqual(found.result.map((twin) => [twin.deviceId, twin.modelId]), [['pnp-model', 'dtmi:com:example:Other;2']]);
    assert.equal((await twinOf('pnp-model')).etag, 'AAAAAAAAAAE=');
});

check('telemetry says which model and which component it is of', async () => {
    const device = await identity('pnp-telemetry');
    const events = await roundTrip('pnp-telemetry', 2, async () => {
        const client = await announce(device, MODEL);
        const message = new Message('{"temperature":21}');
        message.properties.add('$.sub', 'thermostat1');
        await client.sendEvent(message);
        await client.sendEvent(new Message('{"workingSet":1}'));
        await client.close();
    });
    assert.deepEqual(events.map((event) => event.systemProperties['dt-dataschema']), [MODEL, MODEL]);
    assert.deepEqual(events.map((event) => event.systemProperties['dt-subject']), ['thermostat1', undefined]);
});

check('a digital twin has root and component properties and what the device acknowledged', async () => {
    const device = await identity('pnp-view');
    const client = await announce(device, MODEL);
    const twin = await client.getTwin();
    await report(twin, { serialNumber: 's1', thermostat1: { __t: 'c', maxTemp: 25.5 } });
    await digital.updateDigitalTwin('pnp-view', [
        { op: 'add', path: '/interval', value: 5 },
        { op: 'add', path: '/thermostat1/target', value: 21 },
    ]);
    await report(twin, { thermostat1: { __t: 'c', target: { value: 20, ac: 202, av: 2, ad: 'heating' } } });
    await client.close();
    const shown = await digital.getDigitalTwin('pnp-view');
    assert.equal(shown.$dtId, 'pnp-view');
    assert.equal(shown.$metadata.$model, MODEL);
    assert.equal(shown.serialNumber, 's1');
    assert.ok(Date.parse(shown.$metadata.serialNumber.lastUpdateTime));
    assert.equal(shown.$metadata.interval.desiredValue, 5);
    assert.equal(shown.$metadata.interval.desiredVersion, 2);
    assert.equal(shown.thermostat1.maxTemp, 25.5);
    assert.equal(shown.thermostat1.target, 20);
    const { lastUpdateTime, ...rest } = shown.thermostat1.$metadata.target;
    assert.ok(Date.parse(lastUpdateTime));
    assert.deepEqual(rest, { desiredValue: 21, desiredVersion: 2, ackVersion: 2, ackCode: 202,
        ackDescription: 'heating' });
    assert.equal(shown._response.headers.get('etag'), `"${(await twinOf('pnp-view')).etag}"`);
});

check('an update reaches the device as a patch that names the component', async () => {
    const device = await identity('pnp-update');
    const client = await announce(device, MODEL);
    const twin = await client.getTwin();
    const heard = [];
    twin.on('properties.desired', (patch) => { if (patch.$version > 1) heard.push(patch); });
    await digital.updateDigitalTwin('pnp-update', [{ op: 'add', path: '/thermostat1/target', value: 21 }]);
    await digital.updateDigitalTwin('pnp-update', [{ op: 'replace', path: '/thermostat1/target', value: 22 }]);
    await digital.updateDigitalTwin('pnp-update', [{ op: 'remove', path: '/thermostat1' }]);
    await until('all came', () => heard.length >= 3);
    assert.deepEqual(heard, [
        { thermostat1: { __t: 'c', target: 21 }, $version: 2 },
        { thermostat1: { __t: 'c', target: 22 }, $version: 3 },
        { thermostat1: null, $version: 4 },
    ]);
    await client.close();
});

check('an update for another version or with a bad path is refused', async () => {
    await identity('pnp-refuse');
    const patch = [{ op: 'add', path: '/a', value: 1 }];
    await digital.updateDigitalTwin('pnp-refuse', patch, '"AAAAAAAAAAE="');
    const stale = await failure(digital.updateDigitalTwin('pnp-refuse', patch, '"AAAAAAAAAAE="'));
    assert.equal(stale.statusCode, 412);
    await digital.updateDigitalTwin('pnp-refuse', patch, '*');
    const bad = await failure(digital.updateDigitalTwin('pnp-refuse', [{ op: 'add', path: '/$a', value: 1 }]));
    assert.equal(bad.statusCode, 400);
    assert.equal(bad.response.headers.get('iothub-errorcode'), 'InvalidDigitalTwinPatchPath');
    const missing = await failure(digital.getDigitalTwin('pnp-nobody'));
    assert.equal(missing.statusCode, 404);
    assert.equal(missing.response.headers.get('iothub-errorcode'), 'DeviceNotFound');
});

check('commands of the device and of a component are answered with status and payload', async () => {
    const device = await identity('pnp-command');
    const client = await announce(device, MODEL);
    client.onDeviceMethod('reboot', (request, response) => response.send(202, { after: request.payload }, () => {}));
    client.onDeviceMethod('thermostat1*getMaxMinReport', (request, response) =>
        response.send(404, [request.payload], () => {}));
    const wait = { connectTimeoutInSeconds: 60, responseTimeoutInSeconds: 60 };
    const root = await digital.invokeCommand('pnp-command', 'reboot', 5, wait);
    assert.equal(root._response.status, 200);
    assert.equal(root.xMsCommandStatuscode, 202);
    assert.deepEqual(root.body, { after: 5 });
    const component = await digital.invokeComponentCommand('pnp-command', 'thermostat1', 'getMaxMinReport',
        { since: 'now' }, wait);
    assert.equal(component.xMsCommandStatuscode, 404);
    assert.deepEqual(component.body, [{ since: 'now' }]);
    await client.close();
    const offline = await until('it is gone', async () => { // the hub reads of it a moment after close() has returned
        const error = await failure(digital.invokeCommand('pnp-command', 'reboot', 5, { responseTimeoutInSeconds: 5 }));
        return error.statusCode === 404 && error;
    });
    assert.equal(offline.response.headers.get('iothub-errorcode'), 'DeviceNotOnline');
});
