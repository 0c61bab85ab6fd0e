'use strict';
/* faults.js - a server that allows faults: each one that Azure's own suites ask for is done, and the device is there
 * again. */

const assert = require('node:assert');
const { Client, Message } = require('azure-iot-device');
const { WAIT_MS, check, sleep, until, within } = require('./check');
const { OwnServer } = require('./own_server');

const { Mqtt } = require('azure-iot-device-mqtt');
const { Amqp } = require('azure-iot-device-amqp');

const server = new OwnServer(['--fault-injection']);
const started = server.start();
started.catch(() => {});

function asking(type, reason = 'boom') {
    const message = new Message('a fault, please');
    message.properties.add('AzIoTHub_FaultOperationType', type);
    message.properties.add('AzIoTHub_FaultOperationCloseReason', reason);
    message.properties.add('AzIoTHub_FaultOperationDelayInSecs', '1');
    message.properties.add('AzIoTHub_FaultOperationDurationInSecs', '2');
    return message;
}

/** A connected device with a twin, and what hangs on it. */
async function device(deviceId, Transport) {
    await server.azimuth('hub', 'device-identity', 'create', '-d', deviceId);
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Transport);
    await client.setOptions({ ca: server.ca });
    await client.open();
    return client;
}

const faults = {
    MQTT: { Transport: Mqtt, types: ['KillTcp', 'ShutDownMqtt', 'InvokeThrottling', 'InvokeMaxMessageQuota'] },
    AMQP: { Transport: Amqp, types: ['KillTcp', 'KillAmqpConnection', 'KillAmqpSession', 'KillAmqpCBSLinkReq',
        'KillAmqpCBSLinkResp', 'KillAmqpD2CLink', 'KillAmqpC2DLink', 'KillAmqpTwinLinkReq', 'KillAmqpTwinLinkResp',
        'KillAmqpMethodReqLink', 'KillAmqpMethodRespLink', 'ShutDownAmqp', 'InvokeThrottling'] },
};

/** The server has said that it does this fault. */
function isInjected(deviceId, type) {
    return server.log.some((line) => line.includes(` fault.injected device=${deviceId} type=${type}`));
}

const nameOf = (type, name) => `${type}-${name}`.toLowerCase();

/** A device with something of everything, for the fault to hit. */
async function victim(type, name, Transport) {
    const client = await device(nameOf(type, name), Transport);
    client.onDeviceMethod('m', (request, response) => response.send(200));
    client.on('message', () => {});
    client.on('error', () => {});
    await client.getTwin();
    return client;
}

/** The device asks for one fault, which is done; afterwards what it sends is taken again. */
async function survive(client, type, name) {
    try {
        await client.sendEvent(asking(type));
        await until('the fault is injected', () => isInjected(nameOf(type, name), type));
        await sleep(1500);
        await until('telemetry is taken again', () =>
            within(20000, 'sending', client.sendEvent(new Message('after'))).then(() => true, () => false), 120000);
    } finally {
        await client.close().catch(() => {});
    }
}

/** Apart from each other, since the server's log folds more than ten of the same lines in a second. */
const APART_MS = 400;

for (const [name, { Transport, types }] of Object.entries(faults)) {
    check(`a device over ${name} comes back from ${types.join(', ')}`, async () => {
        await started;
        const clients = await Promise.all(types.map((type) => victim(type, name, Transport)));
        const ends = await Promise.allSettled(types.map(async (type, i) => {
            await sleep(i * APART_MS);
            await survive(clients[i], type, name);
        }));
        const failed = ends.flatMap(({ status, reason }, i) =>
            (status === 'rejected' ? [`${types[i]}: ${reason.message}`] : []));
        assert.deepEqual(failed, []);
    });
}

check('an authentication error ends the connection as unauthorized', async () => {
    await started;
    const client = await device('denied', Amqp);
    const gone = new Promise((resolve) => { client.on('disconnect', resolve); client.on('error', resolve); });
    await client.sendEvent(asking('InvokeAuthError'));
    await within(WAIT_MS, 'the end', gone);
    assert.ok(isInjected('denied', 'InvokeAuthError'));
    await client.close().catch(() => {});
});
