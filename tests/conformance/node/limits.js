'use strict';
/* limits.js - a server with low rates: devices that send more are slowed down, and everything arrives.
 *
 * The client is Azure's with its own retries, so what it does when it is throttled is its own business. */

const assert = require('node:assert');
const { Client, Message } = require('azure-iot-device');
const { check } = require('./check');
const { OwnServer } = require('./own_server');

const RATE = 20;
const MESSAGES = 60;
const transports = { MQTT: 'azure-iot-device-mqtt', AMQP: 'azure-iot-device-amqp' };
const started = (async () => {
    const server = new OwnServer(['--tier', 'S1', '--throttle', `telemetry=${RATE}/s`]);
    await server.start();
    return server;
})();
started.catch(() => {}); // the cases say it

/** What came from the device, as the server's own command line reads it. */
async function bodies(server, deviceId) {
    const lines = await server.azimuth('hub', 'monitor-events', '--from', 'beginning', '-d', deviceId, '--timeout', '3',
        '-o', 'jsonl');
    return lines.split('\n').map((line) => JSON.parse(line).event.payload);
}

for (const [name, module] of Object.entries(transports)) {
    check(`a device over ${name} that sends more than the rate is slowed down, and all arrives`, async () => {
        const server = await started;
        const deviceId = `eager-${name.toLowerCase()}`;
        const Transport = Object.values(require(module)).find((member) => /^(Mqtt|Amqp)$/.test(member.name));
        await server.azimuth('hub', 'device-identity', 'create', '-d', deviceId);
        const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Transport);
        await client.setOptions({ ca: server.ca });
        await client.open();
        const start = Date.now();
        try {
            const numbers = Array.from({ length: MESSAGES }, (_, n) => n);
            await Promise.all(numbers.map((n) => client.sendEvent(new Message(`n${n}`))));
            const least = ((MESSAGES - RATE) / RATE) * 1000 * 0.5;
            if (name === 'MQTT') assert.ok(Date.now() - start > least, 'it was not slowed down');
        } finally {
            await client.close();
        }
        const came = new Set((await bodies(server, deviceId)).map(String));
        assert.equal(came.size, MESSAGES);
    });
}
