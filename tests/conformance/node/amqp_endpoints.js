'use strict';
/* amqp_endpoints.js - endpoints that are reached over AMQP: an event hub of another azimuth, read with
 * @azure/event-hubs; queues and a topic of Apache Artemis, read with rhea; and a recorder that hears the CBS
 * handshake and nothing else. Sent with azure-iot-device. */

const assert = require('assert/strict');
const { spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const readline = require('readline');
const rhea = require('rhea');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { earliestEventPosition } = require('@azure/event-hubs');
const { taking } = require('../broker/queue');
const { check, skip, sleep, until } = require('./check');
const { atFreePorts } = require('./free_port');
const { admin: adminOf, ask, collect, env } = require('./hub');
const { OwnServer } = require('./own_server');
const { remove } = require('./remove');
const { fields } = require('./sas');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-amqp-'));
const doomed = [];
process.on('exit', () => {
    for (const child of doomed) child.kill('SIGKILL');
    remove(dir);
});

/* ---- another azimuth */

const admin = (dir, method, where, body) => adminOf(method, where, body, dir);

async function eventHub(name) {
    const made = await admin(env.HUB_DATA, 'PUT', `event-hubs/${name}`, { properties: { partitionCount: 4 } });
    assert.equal(made.status, 200, JSON.stringify(made.body));
}

const far = (hub, more = {}) => Object.entries({ ...fields(env.HUB_EVENTS), EntityPath: hub, ...more })
    .map(([key, value]) => `${key}=${value}`).join(';');
const events = (hub, enough) => collect(enough, { string: far(hub), from: earliestEventPosition });

/* A way to the other azimuth that can be cut; its name is in the certificate, the port is not. */
const relayed = new Set();
function relay() {
    const { hostname, port } = new URL(fields(env.HUB_EVENTS).Endpoint.replace('sb:', 'https:'));
    const server = net.createServer((near) => {
        const there = net.connect(Number(port) || 5671, hostname);
        for (const [from, to] of [[near, there], [there, near]]) {
            relayed.add(from);
            from.on('data', (data) => to.write(data));
            from.on('error', () => {});
            from.on('close', () => { to.destroy(); relayed.delete(from); });
        }
    });
    server.unref();
    return new Promise((resolve) => server.listen(0, hostname, () => resolve(`sb://${hostname}:${server.address().port}/`)));
}
const cut = () => { for (const socket of relayed) socket.destroy(); };

/* ---- Artemis */

const BROKER = path.join(env.CONFORMANCE, '..', '..', 'build', 'conformance', 'broker');
let broker, brokerPort;

async function startBroker(port) {
    broker = spawn(path.join(env.CONFORMANCE, 'broker/start'), [port, path.join(dir, 'broker')],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    doomed.push(broker);
    for await (const line of readline.createInterface({ input: broker.stdout })) if (line === 'ready') return;
    throw new Error('the broker ended before it was ready');
}

async function chooseBroker() {
    [brokerPort] = await atFreePorts(1, startBroker);
}

async function killBroker() {
    const ended = new Promise((resolve) => { broker.once('exit', resolve); });
    broker.kill('SIGKILL');
    await ended;
}

const queue = (entity) => `Endpoint=sb://127.0.0.1:${brokerPort};SharedAccessKeyName=send;SharedAccessKey=a2V5;`
    + `EntityPath=${entity};UseDevelopmentEmulator=true`;

/** What lies in a queue, taken from it, until `enough`. */
async function take(address, enough) {
    const messages = [];
    const connection = taking(brokerPort, address, (message) => messages.push(message));
    try {
        await until(`${address} had what was waited for`, () => enough(messages), 60000);
    } finally {
        connection.close();
    }
    return messages;
}

/* ---- a recorder */

const recorded = { mechanism: null, tokens: [] };

function record() {
    const container = rhea.create_container();
    container.sasl_server_mechanisms.MSSBCBS = () => ({
        outcome: undefined,
        start() { recorded.mechanism = 'MSSBCBS'; this.outcome = true; },
    });
    let replies;
    container.on('sender_open', ({ sender }) => { if (sender.source.address === '$cbs') replies = sender; });
    container.on('message', ({ message }) => {
        recorded.tokens.push(message);
        replies.send({
            correlation_id: message.message_id,
            application_properties: { 'status-code': rhea.types.wrap_int(401), 'status-description': 'Unauthorized: not here' },
        });
    });
    return new Promise((resolve) => {
        const server = container.listen({ port: 0, host: '127.0.0.1' });
        server.on('listening', () => { server.unref(); resolve(server.address().port); });
    });
}

/* ---- one server for all cases */

let started;

function theServer() {
    started = started || (async () => {
        if (!fs.existsSync(path.join(BROKER, 'classes'))) skip('Apache Artemis cannot be had here');
        const server = new OwnServer(['--outgoing-ca', path.join(env.HUB_DATA, 'ca.pem')], true);
        const [, , way, port] = await Promise.all([server.start(), chooseBroker(), relay(), record(),
            eventHub('far'), eventHub('cut'), eventHub('other')]);
        const route = (name) => ({ name, source: 'DeviceMessages', condition: `to = '${name}'`, endpointNames: [name] });
        const document = path.join(dir, 'routing.json');
        const names = ['far', 'cut', 'wrong', 'orders', 'picky', 'small', 'news', 'recorder'];
        fs.writeFileSync(document, JSON.stringify({
            endpoints: {
                eventHubs: [
                    { name: 'far', connectionString: far('far') },
                    { name: 'cut', connectionString: far('cut', { Endpoint: way }) },
                    { name: 'wrong', connectionString: far('other', { SharedAccessKey: 'd3Jvbmc=' }) },
                    { name: 'recorder', connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=p;SharedAccessKey=a2V5;`
                        + 'EntityPath=e;UseDevelopmentEmulator=true' },
                ],
                serviceBusQueues: ['orders', 'picky', 'small'].map((name) => ({ name, connectionString: queue(name) })),
                serviceBusTopics: [{ name: 'news', connectionString: queue('news') }],
            },
            routes: names.map(route),
            enrichments: [{ key: 'hub', value: '$iothubname', endpointNames: ['far', 'orders'] }],
        }));
        await server.azimuth('hub', 'routing', 'apply', '-f', document);
        const registry = Registry.fromConnectionString(await server.azimuth('connection-string', '--policy', 'iothubowner'));
        await registry.addDevices([{ deviceId: 'pump' }, { deviceId: 'fan' }]);
        return server;
    })();
    return started;
}

async function health(server, name) {
    const { body } = await admin(server.data, 'GET', 'routingEndpointsHealth');
    return body.value.find(({ endpointId }) => endpointId === name);
}

async function send(server, deviceId, to, numbers, poison) {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Mqtt);
    await client.setOptions({ ca: server.ca });
    await Promise.all(numbers.map((n) => {
        const message = new Message(JSON.stringify({ n }));
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        message.messageId = `m${n}`;
        message.properties.add('to', to);
        if (n === poison) message.properties.add('poison', 'yes');
        return client.sendEvent(message);
    }));
    await client.close();
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const numberOf = (event) => JSON.parse(Buffer.from(event.body.content ?? event.body).toString()).n;
const numbersOf = (all, deviceId) => all.filter((event) => {
    const of = event.systemProperties ?? event.message_annotations;
    return String(of['iothub-connection-device-id']) === deviceId;
}).map(numberOf);

/** Each once or again from a place before, in order. */
function inOrder(numbers, last) {
    let next = 1;
    for (const n of numbers) {
        assert.ok(n <= next, `${n} came before ${next}`);
        if (n === next) next++;
    }
    assert.equal(next, last + 1);
}

/* ---- cases */

/* First, as the tries take their time. */
check('messages go to a queue of Artemis that will reject one of them', async () => {
    const server = await theServer();
    await send(server, 'pump', 'picky', range(1, 20), 7);
    await send(server, 'fan', 'picky', range(1, 20));
    await until('one was rejected', async () => (await health(server, 'picky')).lastKnownError?.includes('Interceptor rejected message'));
});

check('an event hub of another server gets messages as an endpoint of IoT Hub sends them', async () => {
    const server = await theServer();
    await Promise.all(['pump', 'fan'].map((deviceId) => send(server, deviceId, 'far', range(1, 50))));
    const got = await events('far', (all) => all.length >= 100);
    for (const deviceId of ['pump', 'fan']) assert.deepEqual(numbersOf(got, deviceId), range(1, 50));
    const event = got.find((one) => one.systemProperties['iothub-connection-device-id'] === 'pump');
    assert.equal(event.partitionKey, 'pump');
    assert.equal(event.messageId, 'm1');
    assert.equal(event.contentType, 'application/json');
    assert.equal(event.systemProperties['iothub-message-source'], 'Telemetry');
    assert.ok(event.systemProperties['iothub-enqueuedtime']);
    assert.equal(event.properties.to, 'far');
    assert.ok(event.properties.hub);
    for (const deviceId of ['pump', 'fan']) {
        const partitions = got.filter((one) => one.partitionKey === deviceId).map(({ partition }) => partition);
        assert.equal(new Set(partitions).size, 1);
    }
    assert.equal((await health(server, 'far')).healthStatus, 'healthy');
});

check('a connection that is cut again and again loses nothing and keeps the order of a device', async () => {
    const server = await theServer();
    const scissors = setInterval(cut, 150);
    try {
        await Promise.all(['pump', 'fan'].map((deviceId) => send(server, deviceId, 'cut', range(1, 200))));
        await sleep(1500);
    } finally {
        clearInterval(scissors);
    }
    const got = await events('cut', (all) => ['pump', 'fan'].every((id) => numbersOf(all, id).includes(200)));
    for (const deviceId of ['pump', 'fan']) inOrder(numbersOf(got, deviceId), 200);
});

check('a wrong key is named, and not tried again at once', async () => {
    const server = await theServer();
    const { healthStatus, lastKnownError } = await until('it failed', async () => {
        const found = await health(server, 'wrong');
        return found.healthStatus === 'unhealthy' && found;
    });
    assert.equal(healthStatus, 'unhealthy');
    assert.match(lastKnownError, /does not take the token that the key of policy '\w+' makes: 401/);
    assert.equal(server.log.filter((line) => line.includes('endpoint=wrong')).length, 1);
});

check('a token is put to $cbs as the SDKs put theirs', async () => {
    const server = await theServer();
    await until('it was put', () => recorded.tokens.length);
    const [message] = recorded.tokens;
    assert.equal(recorded.mechanism, 'MSSBCBS');
    assert.equal(message.application_properties.operation, 'put-token');
    assert.equal(message.application_properties.type, 'servicebus.windows.net:sastoken');
    assert.equal(message.application_properties.name, 'sb://127.0.0.1/e');
    assert.match(message.body, /^SharedAccessSignature sr=sb%3A%2F%2F127.0.0.1%2Fe&sig=.*&se=\d+&skn=p$/);
    await until('it is named', async () => (await health(server, 'recorder')).lastKnownError?.includes('401 Unauthorized: not here'));
    assert.equal(recorded.tokens.length, 1);
});

check('a topic of Artemis gets messages', async () => {
    const server = await theServer();
    await send(server, 'pump', 'news', [1, 2, 3]);
    assert.deepEqual((await take('news::news-reader', (all) => all.length >= 3)).map(numberOf), [1, 2, 3]);
});

check('a message that Artemis rejects is tried, named, counted and passed over, and all others are there in order', async () => {
    const server = await theServer();
    const got = await take('picky', (all) => ['pump', 'fan'].every((id) => numbersOf(all, id).includes(20)));
    assert.deepEqual([...new Set(numbersOf(got, 'pump'))], range(1, 20).filter((n) => n !== 7));
    inOrder(numbersOf(got, 'fan'), 20);
    const line = await until('it is said', () => server.log.find((one) => one.includes('deliver.refused endpoint=picky')));
    assert.match(line, /messages=1 reason="127\.0\.0\.1:\d+ rejects a message: failed: Interceptor rejected message/);
    const { text } = await ask(server.data, 'GET', '/metrics');
    assert.match(text, /^azimuth_routing_deliveries_total\{endpoint="picky",result="refused"\} 1$/m);
    await until('it is healthy again', async () => (await health(server, 'picky')).healthStatus === 'healthy');
});

check('a queue of Artemis gets each message once, in order, also over its restart', async () => {
    const server = await theServer();
    await Promise.all(['pump', 'fan'].map((deviceId) => send(server, deviceId, 'orders', range(1, 100))));
    await until('they were taken', async () => (await health(server, 'orders')).healthStatus === 'healthy');
    await sleep(300);
    await killBroker();
    await Promise.all(['pump', 'fan'].map((deviceId) => send(server, deviceId, 'orders', range(101, 120))));
    await until('it is missed', async () => (await health(server, 'orders')).healthStatus === 'unhealthy');
    assert.match((await health(server, 'orders')).lastKnownError, /127\.0\.0\.1:\d+/);
    await startBroker(brokerPort);
    const got = await take('orders', (all) => ['pump', 'fan'].every((id) => numbersOf(all, id).includes(120)));
    for (const deviceId of ['pump', 'fan']) inOrder(numbersOf(got, deviceId), 120);
    assert.equal(got[0].durable, true);
    assert.equal(got[0].application_properties.to, 'orders');
    assert.ok(got[0].application_properties.hub);
    assert.equal(got[0].message_id, `m${numberOf(got[0])}`);
});

check('a queue that is full is named, and gets the rest when there is room', async () => {
    const server = await theServer();
    await send(server, 'pump', 'small', range(1, 40));
    await until('it is full', async () => (await health(server, 'small')).healthStatus === 'unhealthy');
    const { lastKnownError } = await health(server, 'small');
    console.log(lastKnownError);
    inOrder(numbersOf(await take('small', (all) => numbersOf(all, 'pump').includes(40)), 'pump'), 40);
});
