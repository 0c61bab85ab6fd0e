'use strict';
/* short_tokens.js - a server that wants short tokens of its devices: the SDK's usual hour is refused, and devices
 * that are told to renew every few seconds send on and lose nothing. All are under way at once. */

const assert = require('node:assert');
const { setTimeout: sleep } = require('node:timers/promises');
const { Client, Message } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { NoRetry } = require('azure-iot-common');
const { check, failure, until } = require('./check');
const { OwnServer } = require('./own_server');

const TRANSPORTS = { MQTT: Mqtt, 'MQTT-WS': MqttWs, AMQP: Amqp, 'AMQP-WS': AmqpWs, HTTPS: Http };
const MESSAGES = 60;
const PAUSE_MS = 250;
const RENEWING = { tokenRenewal: { tokenValidTimeInSeconds: 8, tokenRenewalMarginInSeconds: 4 } };

const started = (async () => {
    const server = new OwnServer(['--device-token-lifetime', '5s', '--log-level', 'debug']); /* and a minute for clocks */
    await server.start();
    return server;
})();
started.catch(() => {}); // the cases say it

async function device(id, Transport) {
    const server = await started;
    await server.azimuth('hub', 'device-identity', 'create', '-d', id);
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', id), Transport);
    return { server, client };
}

async function isRefused(transport, Transport) {
    const { server, client } = await device(`long-${transport}`.toLowerCase(), Transport);
    client.setRetryPolicy(new NoRetry());
    await client.setOptions({ ca: server.ca, http: { receivePolicy: { interval: 1 } } });
    const error = await failure(client.open().then(() => client.sendEvent(new Message('x'))));
    assert.match(`${error.name} ${error.message}`, /[Uu]nauthorized|[Nn]ot authorized/);
    await until('the log says too-long', () => server.log.some((line) => line.includes('too-long')));
    await client.close().catch(() => {});
}

async function losesNothing(transport, Transport) {
    const id = `short-${transport}`.toLowerCase();
    const { server, client } = await device(id, Transport);
    await client.setOptions({ ca: server.ca, ...RENEWING });
    await client.open();
    const sent = [];
    for (let n = 0; n < MESSAGES; n++, await sleep(PAUSE_MS)) sent.push(client.sendEvent(new Message(`n${n}`)));
    await Promise.all(sent);
    await client.close();
    assert.equal(new Set(await server.bodies(id)).size, MESSAGES);
}

for (const [transport, Transport] of Object.entries(TRANSPORTS)) {
    const refused = isRefused(transport, Transport);
    refused.catch(() => {}); /* told below */
    check(`a token of an hour is refused over ${transport}`, () => refused);
    if (transport === 'HTTPS') continue; /* each request has a token of its own, an hour's */
    const renewed = losesNothing(transport, Transport);
    renewed.catch(() => {});
    check(`a device over ${transport} renews short tokens and loses nothing`, () => renewed);
}
