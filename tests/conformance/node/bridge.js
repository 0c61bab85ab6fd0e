'use strict';
/* bridge.js - endpoints that are MQTT brokers: Debian's mosquitto with TLS and passwords, which is restarted; read by
 * mosquitto_sub, sent with azure-iot-device; also after the server was killed. */

const assert = require('assert/strict');
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { check, skip, until } = require('./check');
const { atFreePorts } = require('./free_port');
const { env } = require('./hub');
const { OwnServer } = require('./own_server');
const { remove } = require('./remove');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-bridge-'));
const children = new Set();
process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    remove(dir);
});

const SETTINGS = `certfile ${dir}/broker.pem
keyfile ${dir}/broker.key
password_file ${dir}/passwords
allow_anonymous false
persistence true
persistence_location ${dir}/
max_queued_messages 0
user ${os.userInfo().username}
log_type information
log_dest stderr
`;

/** mosquitto, which keeps what it took when it is restarted, and mosquitto_sub as a reader with a session. */
class Broker {
    async start() {
        if (this.port) return this.#run(this.port);
        this.#prepare();
        [this.port] = await atFreePorts(1, (port) => this.#run(port));
    }

    /** It says when it listens. */
    async #run(port) {
        fs.writeFileSync(path.join(dir, 'mosquitto.conf'), `listener ${port} 127.0.0.1\n${SETTINGS}`);
        this.process = spawn('mosquitto', ['-c', path.join(dir, 'mosquitto.conf')], { stdio: ['ignore', 'inherit', 'pipe'] });
        children.add(this.process);
        const ended = new Promise((_, reject) => { this.process.once('exit', () => reject(new Error('mosquitto ended before it listened'))); });
        const lines = readline.createInterface({ input: this.process.stderr });
        await Promise.race([ended, new Promise((resolve) => {
            lines.on('line', (line) => { if (/ running$/.test(line)) resolve(); });
        })]);
    }

    #prepare() {
        for (const name of ['hub.pem', 'hub.root']) fs.copyFileSync(env.HUB_CA, path.join(dir, name));
        fs.copyFileSync(path.join(env.HUB_DATA, 'ca.key'), path.join(dir, 'hub.key'));
        execFileSync(path.join(__dirname, '..', 'issue'), [dir, 'broker', 'localhost', 'hub', 'server']);
        try {
            execFileSync('mosquitto_passwd', ['-b', '-c', path.join(dir, 'passwords'), 'hub', 'right']);
        } catch (error) {
            if (error.code === 'ENOENT') skip('there is no mosquitto here');
            throw error;
        }
        execFileSync('mosquitto_passwd', ['-b', path.join(dir, 'passwords'), 'reader', 'reader']);
    }

    async stop() {
        const ended = new Promise((resolve) => { this.process.once('exit', resolve); });
        this.process.kill('SIGTERM'); /* it saves what it has */
        await ended;
        children.delete(this.process);
    }

    /** Lines "TOPIC BODY" as they come; it has subscribed by then. */
    async read(filter) {
        const lines = [];
        let subscribed = false;
        const reader = spawn('stdbuf', ['-oL', 'mosquitto_sub', '-h', 'localhost', '-p', String(this.port), '--cafile', env.HUB_CA, '-u', 'reader',
            '-P', 'reader', '-i', `reader-${filter.length}`, '-c', '-q', '1', '-d', '-v', '-t', filter], { stdio: ['ignore', 'pipe', 'inherit'] });
        children.add(reader);
        readline.createInterface({ input: reader.stdout }).on('line', (line) => {
            subscribed ||= line.startsWith('Subscribed ');
            if (!/^(Client|Subscribed) /.test(line)) lines.push(line);
        });
        await until('the reader has subscribed', () => subscribed);
        return lines;
    }
}

let started;

function theServer() {
    started = started || (async () => {
        const broker = new Broker();
        await broker.start();
        const server = new OwnServer(['--outgoing-ca', env.HUB_CA], true);
        await server.start();
        const registry = Registry.fromConnectionString(await server.azimuth('connection-string', '--policy', 'iothubowner'));
        await registry.create({ deviceId: 'bridged' });
        return { broker, server };
    })();
    return started;
}

async function route(server, ...endpoints) {
    const document = path.join(dir, 'routing.json');
    const routes = endpoints.map(({ name }) => ({ name, source: 'DeviceMessages', endpointNames: [name] }));
    fs.writeFileSync(document, JSON.stringify({ endpoints: { mqtt: endpoints }, routes }));
    await server.azimuth('hub', 'routing', 'apply', '-f', document);
}

async function send(server, first, last) {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', 'bridged'), Mqtt);
    await client.setOptions({ ca: server.ca });
    for (let n = first; n <= last; n += 1) {
        const message = new Message(JSON.stringify({ n }));
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        message.properties.add('level', 'hot');
        await client.sendEvent(message);
    }
    await client.close();
}

const endpoint = (broker, name, more) => ({ name, url: `mqtts://localhost:${broker.port}`, user: 'hub', password: 'right', ...more });
const statusOf = async (server) => JSON.parse(await server.azimuth('hub', 'message-endpoint', 'list', '-o', 'json'));

check('messages are published by device, bare or with their properties', async () => {
    const { broker, server } = await theServer();
    const lines = await broker.read('#');
    await route(server, endpoint(broker, 'bare'), endpoint(broker, 'whole', { topic: 'whole/{iothub}/{deviceid}', envelope: true }));
    await send(server, 1, 1);
    await until('both came', () => lines.length >= 2);
    const [bare] = lines.filter((line) => line.endsWith('bridged/DeviceMessages {"n":1}'));
    const [whole] = lines.filter((line) => line.startsWith('whole/'));
    assert.ok(bare && whole, lines.join('\n'));
    const { properties, systemProperties, body } = JSON.parse(whole.slice(whole.indexOf(' ')));
    assert.deepEqual(body, { n: 1 });
    assert.equal(properties.level, 'hot');
    assert.equal(systemProperties['iothub-connection-device-id'], 'bridged');
});

check('a wrong password is named, and messages wait for the right one', async () => {
    const { broker, server } = await theServer();
    const lines = await broker.read('late/#');
    await route(server, endpoint(broker, 'late', { password: 'wrong', topic: 'late/{deviceid}' }));
    await until('it is said', () => server.log.some((line) => line.includes('deliver.unhealthy') && line.includes('password')));
    await send(server, 21, 22);
    assert.match(JSON.stringify(await statusOf(server)), /broker localhost:\d+ (refuses|does not authorize) this user/);
    assert.equal(server.log.filter((line) => line.includes('endpoint=late')).length, 1);
    await route(server, endpoint(broker, 'late', { topic: 'late/{deviceid}' }));
    await until('they came', () => lines.length === 2);
    assert.deepEqual(lines, ['late/bridged {"n":21}', 'late/bridged {"n":22}']);
});

check('nothing is lost over a restart of the broker and kill -9 of the server', async () => {
    const { broker, server } = await theServer();
    const lines = await broker.read('safe/+/x');
    await route(server, endpoint(broker, 'safe', { topic: 'safe/{deviceid}/x' }));
    await send(server, 101, 110);
    await until('the first came', () => lines.length >= 10);
    await broker.stop();
    await send(server, 111, 130);
    await server.kill();
    await broker.start();
    await server.start();
    await send(server, 131, 140);
    await until('the last came', () => lines.some((line) => line.endsWith('{"n":140}')), 60000);
    const numbers = lines.map((line) => JSON.parse(line.split(' ')[1]).n);
    assert.deepEqual([...new Set(numbers)], Array.from({ length: 40 }, (_, i) => 101 + i));
});
