'use strict';
/* limits.js - servers with low limits: devices that send more than the rate are slowed down, and everything arrives;
 * above the messages of the day they are refused.
 *
 * The client is Azure's with its own retries, so what it does when it is throttled is its own business. */

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { Client, Message } = require('azure-iot-device');
const { check, failure, sameDay, until } = require('./check');
const { ask } = require('./hub');
const { OwnServer } = require('./own_server');

const RATE = 20;
const MESSAGES = 60;
const QUOTA = 2;
const transports = { MQTT: 'azure-iot-device-mqtt', AMQP: 'azure-iot-device-amqp' };

/** Runs the case with a server of its own that has this limit. */
async function withLimit(limit, run) {
    const server = new OwnServer(['--tier', 'S1', '--throttle', limit]);
    await server.start();
    try {
        await run(server);
    } finally {
        await server.kill();
    }
}

async function connect(server, deviceId, Transport) {
    await server.azimuth('hub', 'device-identity', 'create', '-d', deviceId).catch(() => {}); // it may be there
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Transport);
    // Over HTTP the SDK's setOptions() ends only where the options are a receiver's, too.
    await client.setOptions({ ca: server.ca, http: { receivePolicy: { manualPolling: true } } });
    await client.open();
    return client;
}

async function isSlowedDown(server, name, module) {
    const deviceId = `eager-${name.toLowerCase()}`;
    const Transport = Object.values(require(module)).find((member) => /^(Mqtt|Amqp)$/.test(member.name));
    const client = await connect(server, deviceId, Transport);
    const start = Date.now();
    try {
        const numbers = Array.from({ length: MESSAGES }, (_, n) => n);
        await Promise.all(numbers.map((n) => client.sendEvent(new Message(`n${n}`))));
        const least = ((MESSAGES - RATE) / RATE) * 1000 * 0.5;
        if (name === 'MQTT') assert.ok(Date.now() - start > least, 'it was not slowed down');
    } finally {
        await client.close();
    }
    assert.equal(new Set(await server.bodies(deviceId)).size, MESSAGES);
}

for (const [name, module] of Object.entries(transports)) {
    const happens = name === 'MQTT' ? 'is slowed down, and all arrives' : 'loses nothing of it';
    check(`a device over ${name} that sends more than the rate ${happens}`,
        () => withLimit(`telemetry=${RATE}/s`, (server) => isSlowedDown(server, name, module)));
}

/** What was taken is written down each second, when it is shown, too: what is imported then is written behind it. */
async function written(server) {
    await until('all that was taken is shown', async () => {
        const { text } = await ask(server.data, 'GET', '/metrics');
        return Number(/^azimuth_daily_message_quota_used (\d+)$/m.exec(text)[1]) === QUOTA;
    });
    const file = path.join(server.data, 'behind.txt');
    fs.writeFileSync(file, '{"id":"behind","importMode":"create"}\n');
    await server.azimuth('hub', 'device-identity', 'import', '--file', file);
}

async function spend(server) {
    const amqp = await connect(server, 'spender', require('azure-iot-device-amqp').Amqp);
    let taken = 0;
    let last = '';
    while (taken <= QUOTA && last === '') {
        await amqp.sendEvent(new Message('x')).then(() => { taken += 1; }, (error) => { last = error.name; });
    }
    assert.equal(last, 'IotHubQuotaExceededError');
    assert.equal(taken, QUOTA);
    await amqp.close();
}

check('above the daily quota a device gets IotHubQuotaExceededError, also after the server was killed', async () => {
    await sameDay();
    await withLimit(`quota=${QUOTA}/d`, async (server) => {
        await spend(server);
        await written(server);
        await server.kill();
        await server.start();
        const http = await connect(server, 'spender', require('azure-iot-device-http').Http);
        assert.equal((await failure(http.sendEvent(new Message('x')))).name, 'IotHubQuotaExceededError');
        const mqtt = await connect(server, 'spender', require('azure-iot-device-mqtt').Mqtt);
        assert.match((await failure(mqtt.getTwin())).message, /used up/); // a twin's errors have no names there
        await mqtt.close();
    });
});
