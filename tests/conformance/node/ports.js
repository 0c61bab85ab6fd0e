'use strict';
/* ports.js - a hub on ports of the system's choice, with the clients that can be told a port:
 * Mosquitto's, and @azure/event-hubs. This group starts a server of its own. */

const assert = require('assert/strict');
const { spawn, execFileSync } = require('child_process');
const { EventHubConsumerClient } = require('@azure/event-hubs');
const { WAIT_MS, check, until, within } = require('./check');
const { publish } = require('./mosquitto');

const AZIMUTH = process.env.AZIMUTH;

/** Runs `use(ready)` against a server on free ports that forgets everything at the end. */
async function withServer(use) {
    const ports = ['--mqtt-port', '0', '--amqp-port', '0', '--https-port', '0', '--console', '127.0.0.1:0'];
    const server = spawn(AZIMUTH, ['serve', '--ephemeral', ...ports], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
        let said = '';
        server.stdout.on('data', (data) => { said += data; });
        const line = await until('the server is ready', () => /^\{.*\}$/m.exec(said));
        await use(JSON.parse(line[0]));
    } finally {
        server.kill();
    }
}

check('a message passes through ports that were not the standard ones', () => withServer(async (ready) => {
    const cli = (...words) => execFileSync(AZIMUTH, [...words, '--data', ready.data]).toString();
    cli('hub', 'device-identity', 'create', '-d', 'ports');
    const [, key] = /SharedAccessKey=([^;\s]+)/.exec(cli('connection-string', '--device-id', 'ports'));
    const hub = { host: 'localhost', port: ready.mqtt, ca: ready.ca };
    assert.notEqual(ready.mqtt, 8883);

    const string = cli('connection-string', '--event-hub').trim();
    assert.match(string, new RegExp(`Endpoint=sb://[^;/]*:${ready.amqp}/?;`));
    const { status, said } = await publish(hub, { deviceId: 'ports', key }, { body: 'through' });
    assert.equal(status, 0, said);

    /* The hub's authority is known only now: Node reads NODE_EXTRA_CA_CERTS when it starts. */
    const reader = spawn(process.execPath, [__filename, string],
        { env: { ...process.env, NODE_EXTRA_CA_CERTS: ready.ca }, stdio: ['ignore', 'pipe', 'inherit'] });
    let read = '';
    reader.stdout.on('data', (data) => { read += data; });
    await within(WAIT_MS, 'reading', new Promise((resolve) => { reader.on('close', resolve); }));
    assert.equal(read, 'through');
}));

/** As a program of its own: prints the first event of the stream. */
async function printFirst(string) {
    const client = new EventHubConsumerClient('$Default', string);
    const subscription = client.subscribe({
        processEvents: async ([event]) => {
            if (!event) return;
            process.stdout.write(event.body);
            await subscription.close();
            await client.close();
        },
        processError: async (error) => { console.error(error); process.exit(1); },
    }, { startPosition: { offset: '-1' }, skipParsingBodyAsJson: true });
}

if (require.main === module) printFirst(process.argv[2]);
