'use strict';
/* limits.js - a server with low rates: devices that send more are slowed down, and everything arrives, until the
 * messages of the day are used up.
 *
 * The client is Azure's with its own retries, so what it does when it is throttled is its own business. */

const assert = require('node:assert');
const { Client, Message } = require('azure-iot-device');
const { check, failure, sameDay, sleep } = require('./check');
const { OwnServer } = require('./own_server');

const RATE = 20;
const MESSAGES = 60;
const QUOTA = 2 * MESSAGES + 2; // what the first two cases need, and two more
const transports = { MQTT: 'azure-iot-device-mqtt', AMQP: 'azure-iot-device-amqp' };
const started = (async () => {
    await sameDay();
    const server = new OwnServer(['--tier', 'S1', '--throttle', `telemetry=${RATE}/s`,
        '--throttle', `quota=${QUOTA}/d`]);
    await server.start();
    return server;
})();
started.catch(() => {}); // the cases say it

async function connect(server, deviceId, Transport) {
    await server.azimuth('hub', 'device-identity', 'create', '-d', deviceId).catch(() => {}); // it may be there
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Transport);
    // Over HTTP the SDK's setOptions() ends only where the options are a receiver's, too.
    await client.setOptions({ ca: server.ca, http: { receivePolicy: { manualPolling: true } } });
    await client.open();
    return client;
}

for (const [name, module] of Object.entries(transports)) {
    check(`a device over ${name} that sends more than the rate is slowed down, and all arrives`, async () => {
        const server = await started;
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
    });
}

check('above the daily quota a device gets IotHubQuotaExceededError, also after the server was killed', async () => {
    const server = await started;
    const amqp = await connect(server, 'spender', require('azure-iot-device-amqp').Amqp);
    let taken = 0;
    let last = '';
    while (taken <= QUOTA && last === '') {
        await amqp.sendEvent(new Message('x')).then(() => { taken += 1; }, (error) => { last = error.name; });
    }
    assert.equal(last, 'IotHubQuotaExceededError');
    assert.ok(taken <= 2, `${taken} were taken`);
    await amqp.close();
    await sleep(4000); // what was taken is written down each second
    await server.kill();
    await server.start();
    const http = await connect(server, 'spender', require('azure-iot-device-http').Http);
    assert.equal((await failure(http.sendEvent(new Message('x')))).name, 'IotHubQuotaExceededError');
    const mqtt = await connect(server, 'spender', require('azure-iot-device-mqtt').Mqtt);
    assert.match((await failure(mqtt.getTwin())).message, /used up/); // a twin's errors have no names there
    await mqtt.close();
});
