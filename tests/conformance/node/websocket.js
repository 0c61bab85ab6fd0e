'use strict';
/* websocket.js - devices and consumers that have nothing but port 443: MqttWs of
 * azure-iot-device-mqtt, and @azure/event-hubs with webSocketOptions. */

const assert = require('assert/strict');
const { Message } = require('azure-iot-device');
const { MqttWs } = require('azure-iot-device-mqtt');
const { WebSocket } = require('ws');
const { check, failure, until } = require('./check');
const { consumer, collect, deviceString, ends, env, identity, open, registry, rest, roundTrip, send, sourceOf } = require('./hub');

const BODY_MAX = 262144 - 16; /* a message's 256 KiB, less what an empty one is counted as */
const overWebSocket = { client: { webSocketOptions: { webSocket: WebSocket } } };

const bodies = (events) => events.map((event) => event.body.toString());
const numbered = (count) => Array.from({ length: count }, (_, n) => JSON.stringify({ n }));

check('a message of a device arrives with body and properties, read on the other side the same way', async () => {
    const device = await identity('ws-one');
    const message = new Message(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    message.messageId = 'mid 1/2';
    message.properties.add('with space', 'Zürich ☃');
    const [event] = await roundTrip('ws-one', 1, () => send(device, [message], MqttWs), overWebSocket);
    assert.deepEqual(Buffer.from(event.body), Buffer.from(message.data));
    assert.equal(event.messageId, 'mid 1/2');
    assert.deepEqual({ ...event.properties }, { 'with space': 'Zürich ☃' });
});

check('five hundred messages under way at once arrive in order', async () => {
    const device = await identity('ws-order');
    const events = await roundTrip('ws-order', 500, () => send(device, numbered(500), MqttWs), overWebSocket);
    assert.deepEqual(bodies(events), numbered(500));
});

check('messages of all sizes around the borders of frames arrive', async () => {
    const device = await identity('ws-sizes');
    const sizes = [0, 1, 80, 125, 126, 127, 4094, 4096, 65400, 65535, 65536, 131072, BODY_MAX - 200];
    const sent = sizes.map((size) => Buffer.alloc(size, 'x'));
    const events = await roundTrip('ws-sizes', sizes.length, () => send(device, sent, MqttWs), overWebSocket);
    assert.deepEqual(events.map((event) => event.body.length), sizes);
});

check('twenty devices at once each keep their order', async () => {
    const devices = [];
    for (let n = 0; n < 20; n++) devices.push(await identity(`ws-many-${n}`));
    const events = await roundTrip(devices.map((device) => device.deviceId), 500,
        () => Promise.all(devices.map((device) => send(device, numbered(25), MqttWs))), overWebSocket);
    for (const device of devices) {
        assert.deepEqual(bodies(events.filter((event) => sourceOf(event) === device.deviceId)), numbered(25));
    }
});

check('a wrong key is refused in MQTT\'s own words', async () => {
    const device = await identity('ws-wrong');
    const error = await failure(open(deviceString(device, Buffer.alloc(32).toString('base64')), MqttWs));
    assert.equal(error.name, 'UnauthorizedError');
});

check('deleting a device ends its connection', async () => {
    const device = await identity('ws-deleted');
    const client = await open(device, MqttWs);
    let gone = false;
    client.on('disconnect', () => { gone = true; });
    await registry.delete('ws-deleted');
    await until('the connection is closed', () => gone);
});

check('a device may go over TCP and come back over WebSocket', async () => {
    const device = await identity('ws-both');
    const events = await roundTrip('ws-both', 2, async () => {
        await send(device, ['tcp']);
        await send(device, ['websocket'], MqttWs);
    });
    assert.deepEqual(bodies(events), ['tcp', 'websocket']);
});

check('the hub describes itself to a consumer', async () => {
    const client = consumer(overWebSocket);
    assert.deepEqual((await client.getPartitionIds()).sort(), ['0', '1', '2', '3']);
    await client.close();
});

check('a consumer with a wrong key is unauthorized', async () => {
    const string = env.HUB_EVENTS.replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${Buffer.alloc(32).toString('base64')}`);
    const client = consumer({ ...overWebSocket, string });
    assert.equal((await failure(client.getPartitionIds())).code, 'UnauthorizedError');
    await client.close();
});

check('a reader that is slow gets a megabyte in order', async () => {
    const device = await identity('ws-slow');
    const from = await ends();
    await send(device, Array.from({ length: 64 }, (_, n) => Buffer.alloc(16384, String.fromCharCode(65 + n % 26))));
    const events = (await collect((some) => some.filter((event) => sourceOf(event) === 'ws-slow').length >= 64, {
        from, ...overWebSocket, subscribe: { maxBatchSize: 1, prefetchCount: 1 },
    })).filter((event) => sourceOf(event) === 'ws-slow');
    assert.deepEqual(events.map((event) => event.body[0]), events.map((_, n) => 65 + n % 26));
});

check('a reader that closes and comes again goes on where it was', async () => {
    const device = await identity('ws-resume');
    const from = await ends();
    await send(device, numbered(10), MqttWs);
    const mine = (events) => events.filter((event) => sourceOf(event) === 'ws-resume');
    const first = mine(await collect((some) => mine(some).length >= 3, { from, ...overWebSocket }));
    const { partition, offset, sequenceNumber } = first.at(-1);
    const more = mine(await rest({ [partition]: { sequenceNumber } }, { ...overWebSocket, partition, from: { offset } }));
    assert.deepEqual(bodies([...first, ...more]), numbered(10));
});
