'use strict';
/* kafka.js - endpoints that are topics of a real Kafka broker, read back with kcat: keys, headers and order, also
 * when the broker and the hub are killed; users over TLS, and what is said of what is wrong. */

const assert = require('assert/strict');
const { execFile, execFileSync, spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { promisify } = require('util');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { check, until } = require('./check');
const { atFreePorts } = require('./free_port');
const { env } = require('./hub');
const { OwnServer } = require('./own_server');
const { remove } = require('./remove');

const DEVICES = ['pump', 'valve', 'fan'];
const PROVED = ['scram-256', 'scram-512', 'open-plain', 'open-scram']; /* endpoints whose passwords are right */
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-kafka-'));
const file = (name) => path.join(dir, name);
let process_; /* the broker */
process.on('exit', () => {
    process_?.kill('SIGKILL');
    remove(dir);
});

for (const name of ['hub.pem', 'hub.root']) fs.copyFileSync(path.join(env.HUB_DATA, 'ca.pem'), file(name));
fs.copyFileSync(path.join(env.HUB_DATA, 'ca.key'), file('hub.key'));
execFileSync(path.join(__dirname, '..', 'issue'), [dir, 'broker', 'localhost', 'hub', 'server']);
const key = execFileSync('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', file('broker.key')]);
fs.writeFileSync(file('store.pem'), Buffer.concat([key, fs.readFileSync(file('broker.pem'))]));

let ports;

/** Starts the broker, or starts it again, and waits until its topics are there. */
async function startBroker(plain, sasl, controller, open) {
    process_ = spawn(path.join(env.CONFORMANCE, 'kafka/start'), [dir, plain, sasl, controller, '--open', open, 'telemetry:3', 'users:1', 'proved:1', 'small:1:2000'],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of readline.createInterface({ input: process_.stdout })) if (line === 'ready') return;
    throw new Error('the broker ended before it was ready');
}

async function killBroker() {
    const ended = new Promise((resolve) => { process_.once('exit', resolve); });
    process_.kill('SIGKILL');
    await ended;
}

/** All records of a topic so far, as kcat tells of them. */
async function records(topic) {
    const { stdout } = await promisify(execFile)('kcat', ['-C', '-q', '-e', '-J', '-b', `127.0.0.1:${ports[0]}`, '-t', topic],
        { maxBuffer: 1 << 26 });
    return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

let started;

/** One broker and one server for all cases. */
function theServer() {
    started = started || (async () => {
        ports = await atFreePorts(4, startBroker);
        const server = new OwnServer([], true);
        await server.start();
        const secure = { bootstrapServers: `localhost:${ports[1]}`, topic: 'users', securityProtocol: 'SASL_SSL', sslCaPem: fs.readFileSync(file('hub.pem'), 'utf8'), saslUsername: 'azimuth', saslPassword: 'secret' };
        const proves = (more) => ({ ...secure, topic: 'proved', ...more });
        const open = (more) => proves({ bootstrapServers: `127.0.0.1:${ports[3]}`, securityProtocol: 'SASL_PLAINTEXT', sslCaPem: undefined, ...more });
        const plain = { bootstrapServers: `127.0.0.1:${ports[0]}` };
        const kafka = [{ name: 'plain', ...plain, topic: 'telemetry' },
            { name: 'small', ...plain, topic: 'small' },
            { name: 'none', ...plain, topic: 'none' },
            { name: 'user', ...secure },
            { name: 'wrong', ...secure, saslPassword: 'not-it' },
            { name: 'untrusted', ...secure, sslCaPem: undefined },
            { name: 'scram-256', ...proves({ saslMechanism: 'SCRAM-SHA-256' }) },
            { name: 'scram-512', ...proves({ saslMechanism: 'SCRAM-SHA-512' }) },
            { name: 'open-plain', ...open({ saslMechanism: 'PLAIN' }) },
            { name: 'open-scram', ...open({ saslMechanism: 'SCRAM-SHA-512' }) },
            { name: 'wrong-256', ...proves({ saslMechanism: 'SCRAM-SHA-256', saslPassword: 'not-it' }) },
            { name: 'wrong-512', ...open({ saslMechanism: 'SCRAM-SHA-512', saslPassword: 'not-it' }) },
            { name: 'nobody', ...proves({ saslMechanism: 'SCRAM-SHA-512', saslUsername: 'nobody' }) }];
        const condition = { plain: 'true' };
        for (const { name, topic } of kafka) if (topic === 'proved') condition[name] = "extra = 'proved'";
        fs.writeFileSync(file('routing.json'), JSON.stringify({
            endpoints: { kafka },
            routes: kafka.map(({ name }) => ({ name, source: 'DeviceMessages', endpointNames: [name], condition: condition[name] ?? "extra = 'yes'" })),
            enrichments: [{ key: 'hub', value: '$iothubname', endpointNames: ['plain'] },
                ...PROVED.map((name) => ({ key: `via-${name}`, value: 'yes', endpointNames: [name] }))],
        }));
        await server.azimuth('hub', 'routing', 'apply', '-f', file('routing.json'));
        const registry = Registry.fromConnectionString(await server.azimuth('connection-string', '--policy', 'iothubowner'));
        for (const deviceId of DEVICES) await registry.create({ deviceId });
        return server;
    })();
    return started;
}

async function send(server, deviceId, bodies, properties = {}) {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Mqtt);
    await client.setOptions({ ca: server.ca });
    for (const body of bodies) {
        const message = new Message(JSON.stringify(body));
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
        await client.sendEvent(message);
    }
    await client.close();
}

const numbers = (from, count) => Array.from({ length: count }, (_, i) => ({ n: from + i }));

/** Each device's from `from` on came in order; what came twice came again from a place before. */
function assertInOrder(all, from, last) {
    for (const device of DEVICES) {
        let next = from;
        const mine = all.filter((record) => record.key === device).map(({ payload }) => JSON.parse(payload).n).filter((n) => n >= from);
        for (const n of mine) {
            assert.ok(n <= next, `${device}: ${n} came before ${next}: ${mine}`);
            if (n === next) next += 1;
        }
        assert.equal(next, last + 1, `${device}: ${mine}`);
        assert.equal(new Set(all.filter((record) => record.key === device).map(({ partition }) => partition)).size, 1);
    }
}

/* It takes its time: the other cases have theirs. */
check('a broker and a hub that knows its topics start', () => theServer());

check('a message is a record with its device as key, headers and the time', async () => {
    const server = await theServer();
    const before = Date.now();
    await Promise.all(DEVICES.map((id) => send(server, id, numbers(0, 20), { level: 'hot' })));
    const all = await until('they came', async () => {
        const now = await records('telemetry');
        return now.length >= 60 && now;
    });
    assert.equal(all.length, 60);
    assertInOrder(all, 0, 19);
    const [first] = all;
    const headers = Object.fromEntries(Array.from({ length: first.headers.length / 2 }, (_, i) => first.headers.slice(2 * i, 2 * i + 2)));
    assert.equal(headers.level, 'hot');
    assert.ok(headers.hub);
    assert.equal(headers['iothub-connection-device-id'], first.key);
    assert.equal(headers['iothub-content-type'], 'application/json');
    assert.ok(first.ts >= before - 1000 && first.ts <= Date.now() + 1000);
});

check('what is wrong is named, once, and holds up nobody', async () => {
    const server = await theServer();
    const large = { n: 2, text: 'x'.repeat(4000) };
    await send(server, 'pump', [{ n: 1 }, large, { n: 3 }], { extra: 'yes' });
    const said = (name, pattern) => until(`${name} is said`, () => server.log.some((line) => line.includes(`endpoint=${name} `) && pattern.test(line)));
    await Promise.all([
        said('small', /deliver.refused.*larger than the topic allows/),
        said('none', /deliver.unhealthy.*there is no such topic/),
        said('wrong', /deliver.unhealthy.*[Aa]uthentication/),
        said('untrusted', /deliver.unhealthy.*certificate/),
        until('users got all', async () => (await records('users')).length === 3),
        until('small got two', async () => (await records('small')).length >= 2),
    ]);
    assert.deepEqual([...new Set((await records('small')).map(({ payload }) => JSON.parse(payload).n))], [1, 3]);
    const lines = server.log.filter((line) => /endpoint=(none|wrong|untrusted) /.test(line));
    assert.equal(lines.length, 3, lines.join('\n'));
    assert.ok(!server.log.join('\n').includes('not-it'));
});

/** As if that librdkafka were the system's. */
async function restartWith(server, library) {
    await server.kill();
    if (library) process.env.LD_LIBRARY_PATH = library;
    else delete process.env.LD_LIBRARY_PATH;
    server.log.length = 0;
    await server.start();
}

check('a password is proved with SCRAM, or shown; a wrong one is named, once', async () => {
    const server = await theServer();
    await restartWith(server, path.join(env.CONFORMANCE, '../../build/conformance/kafka/librdkafka'));
    await send(server, 'pump', [{ n: 1 }, { n: 2 }], { extra: 'proved' });
    await until('they came by each', async () => (await records('proved')).length === 2 * PROVED.length, 60000);
    const all = await records('proved');
    for (const name of PROVED) {
        assert.deepEqual(all.filter(({ headers }) => headers.includes(`via-${name}`)).map(({ payload }) => JSON.parse(payload).n), [1, 2], name);
    }
    const wrong = ['wrong-256', 'wrong-512', 'nobody'];
    const of = (name) => server.log.filter((line) => line.includes(`endpoint=${name} `));
    for (const name of wrong) await until(`${name} is said`, () => of(name).some((line) => /deliver.unhealthy.*[Aa]uthentication/.test(line)), 60000);
    for (const name of wrong) assert.equal(of(name).length, 1, of(name).join('\n'));
    assert.ok(!server.log.join('\n').includes('not-it'));
    await restartWith(server);
});

check('messages outlive a broker and a hub that are killed, in order', async () => {
    const server = await theServer();
    const sending = Promise.all(DEVICES.map((id) => send(server, id, numbers(100, 200))));
    await until('some came', async () => (await records('telemetry')).length > 90);
    await killBroker();
    await sending;
    const again = startBroker(...ports);
    await server.kill();
    await server.start();
    await again;
    await Promise.all(DEVICES.map((id) => send(server, id, numbers(300, 10))));
    await until('they came', async () => {
        const now = await records('telemetry');
        return DEVICES.every((id) => now.some(({ key: device, payload }) => device === id && JSON.parse(payload).n === 309));
    }, 60000);
    assertInOrder(await records('telemetry'), 100, 309);
});
