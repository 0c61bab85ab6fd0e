'use strict';
/* webhooks.js - endpoints that are https servers of the cases' own: Event Grid's events and CloudEvents, after the
 * handshake of each, at once or later; sent with azure-iot-device, caused with azure-iothub; also after the server was
 * killed; one sends what it gets back to the hub. */

const assert = require('assert/strict');
const { execFileSync } = require('child_process');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { check, until } = require('./check');
const { env } = require('./hub');
const { OwnServer } = require('./own_server');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-webhooks-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));
const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');

for (const name of ['hub.pem', 'hub.root']) fs.copyFileSync(path.join(env.HUB_DATA, 'ca.pem'), path.join(dir, name));
fs.copyFileSync(path.join(env.HUB_DATA, 'ca.key'), path.join(dir, 'hub.key'));
execFileSync(path.join(__dirname, '..', 'issue'), [dir, 'webhook', 'localhost', 'hub', 'server']);

const heard = { grid: [], cloud: [], later: [], callback: [], paced: [] }; /* requests, in order, with their body parsed */
const agree = {}; /* where later and callback may say that they want messages after all */
const GRANTED = 60; /* requests a minute, to paced */
let down = false;

function answer(request, response, text) {
    const name = new URL(request.url, 'https://localhost').pathname.slice(1);
    const body = text && JSON.parse(text);
    if (down) return response.writeHead(503).end();
    heard[name].push({ url: request.url, method: request.method, headers: request.headers, body, at: Date.now() });
    if (name === 'callback') agree.callback = request.headers['webhook-request-callback'] ?? agree.callback;
    if (name === 'later') agree.later = body?.[0]?.data.validationUrl ?? agree.later;
    if (name === 'later' || name === 'callback') return response.end();
    if (request.method === 'OPTIONS') {
        response.setHeader('WebHook-Allowed-Origin', request.headers['webhook-request-origin']);
        response.setHeader('WebHook-Allowed-Rate', name === 'paced' ? String(GRANTED) : '*');
    }
    if (request.headers['aeg-event-type'] !== 'SubscriptionValidation') return response.end();
    return response.end(JSON.stringify({ validationResponse: body[0].data.validationCode }));
}

function listen() {
    const server = https.createServer({ cert: read('webhook.pem'), key: read('webhook.key') }, (request, response) => {
        let text = '';
        request.on('data', (data) => { text += data; });
        request.on('end', () => answer(request, response, text));
    });
    server.unref();
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

const events = (name) => heard[name].filter(({ method, headers }) => method === 'POST'
    && headers['aeg-event-type'] !== 'SubscriptionValidation').flatMap(({ body }) => body);

let started;

/** One server for all cases, with a route to each webhook. */
function theServer() {
    started = started || (async () => {
        const port = await listen();
        const server = new OwnServer(['--outgoing-ca', path.join(env.HUB_DATA, 'ca.pem')], true);
        await server.start();
        const hook = (name, schema) => ({ name, endpointUri: `https://localhost:${port}/${name}?code=secret`, schema });
        const route = (name, source, endpoint) => ({ name, source, endpointNames: [endpoint] });
        const document = path.join(dir, 'routing.json');
        fs.writeFileSync(document, JSON.stringify({
            endpoints: { webhooks: [hook('grid', 'EventGridSchema'), hook('cloud', 'CloudEventSchemaV1_0'),
                hook('later', 'EventGridSchema'), hook('callback', 'CloudEventSchemaV1_0'),
                { ...hook('paced', 'CloudEventSchemaV1_0'), maxEventsPerBatch: 1 }] },
            routes: [route('a', 'DeviceMessages', 'grid'), route('b', 'DeviceMessages', 'cloud'),
                route('c', 'DeviceLifecycleEvents', 'grid'), route('d', 'DeviceConnectionStateEvents', 'grid'),
                route('e', 'TwinChangeEvents', 'cloud'), route('f', 'DeviceMessages', 'later'),
                route('g', 'DeviceMessages', 'callback'), { ...route('h', 'DeviceMessages', 'paced'), condition: 'level = \'paced\'' }],
            enrichments: [{ key: 'hub', value: '$iothubname', endpointNames: ['grid'] }],
        }));
        await server.azimuth('hub', 'routing', 'apply', '-f', document);
        await until('both were greeted', () => heard.grid.length && heard.cloud.length);
        const registry = Registry.fromConnectionString(await server.azimuth('connection-string', '--policy', 'iothubowner'));
        await registry.create({ deviceId: 'hooked' });
        return { server, registry };
    })();
    return started;
}

async function sendWith(server, properties, ...bodies) {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', 'hooked'), Mqtt);
    await client.setOptions({ ca: server.ca });
    for (const body of bodies) {
        const message = new Message(JSON.stringify(body));
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        for (const [key, value] of Object.entries(properties)) message.properties.add(key, value);
        await client.sendEvent(message);
    }
    await client.close();
}

const send = (server, ...bodies) => sendWith(server, { level: 'hot' }, ...bodies);

const get = (url, ca) => new Promise((resolve, reject) => {
    https.get(url, { ca }, (response) => { response.resume(); resolve(response.statusCode); }).on('error', reject);
});

const telemetry = (name) => events(name).filter((event) => (event.eventType ?? event.type).endsWith('DeviceTelemetry'));

check('a webhook is asked first, then gets what Event Grid would send', async () => {
    const { server } = await theServer();
    assert.equal(heard.grid[0].headers['aeg-event-type'], 'SubscriptionValidation');
    assert.equal(heard.grid[0].url, '/grid?code=secret');
    await send(server, { n: 1 });
    await until('it came', () => telemetry('grid').length === 1);
    const [event] = telemetry('grid');
    assert.equal(event.subject, 'devices/hooked');
    assert.deepEqual(event.data.body, { n: 1 });
    assert.equal(event.data.properties.level, 'hot');
    assert.ok(event.data.properties.hub);
    assert.equal(event.data.systemProperties['iothub-connection-device-id'], 'hooked');
    await until('the device was told of', () => ['DeviceCreated', 'DeviceConnected', 'DeviceDisconnected']
        .every((type) => events('grid').some(({ eventType }) => eventType === `Microsoft.Devices.${type}`)));
});

check('a webhook gets CloudEvents, also of twins', async () => {
    const { registry } = await theServer();
    assert.equal(heard.cloud[0].method, 'OPTIONS');
    await registry.updateTwin('hooked', { tags: { site: 'north' } }, '*');
    await until('the twin came', () => events('cloud').some(({ type }) => type === 'Azimuth.Devices.TwinChanged'));
    for (const event of events('cloud')) assert.equal(event.specversion, '1.0');
});

check('a webhook agrees later, at its validationUrl or its callback, and gets what waited', async () => {
    const { server } = await theServer();
    await send(server, { n: 2 });
    for (const name of ['later', 'callback']) {
        await until(`${name} was asked`, () => agree[name]);
        assert.equal(events(name).length, 0);
        assert.equal(await get(agree[name].replace(/id=.*/, 'id=00000000-0000-0000-0000-000000000000'), server.ca), 404);
        assert.equal(await get(agree[name], server.ca), 200);
        await until(`${name} got it`, () => telemetry(name).some(({ data }) => data.body.n === 2));
    }
});

check('what a webhook sends back with its properties goes to the others, not there again', async () => {
    const { server } = await theServer();
    await send(server, { n: 3 });
    const find = (name, n) => telemetry(name).filter(({ data }) => data.body.n === n);
    await until('it came', () => find('grid', 3).length);
    await sendWith(server, find('grid', 3)[0].data.properties, { n: 4 });
    await send(server, { n: 5 });
    await until('the next came', () => find('grid', 5).length && find('cloud', 5).length);
    assert.equal(find('grid', 4).length, 0);
    assert.equal(find('cloud', 4).length, 1);
    assert.equal(server.log.filter((line) => line.includes('routing.loop')).length, 1);
});

check('a webhook gets no more requests a minute than it granted', async () => {
    const { server } = await theServer();
    const asked = () => heard.paced.filter(({ method }) => method === 'OPTIONS').length;
    await until('it was asked', asked);
    await sendWith(server, { level: 'paced' }, { n: 6 }, { n: 7 }, { n: 8 }, { n: 9 });
    await until('they came', () => events('paced').length === 4);
    const posts = heard.paced.filter(({ method }) => method === 'POST');
    assert.deepEqual(posts.map(({ body }) => body[0].data.body.n), [6, 7, 8, 9]);
    const due = 3 * 60000 / GRANTED;
    assert.ok(posts[3].at - posts[0].at > due / 2, `4 requests in ${posts[3].at - posts[0].at} ms`);
    const listed = JSON.parse(await server.azimuth('hub', 'message-endpoint', 'show', '--en', 'paced', '-o', 'json'));
    assert.equal(Number(listed.allowedRequestsPerMinute), GRANTED);
    const before = asked();
    await server.kill();
    await server.start();
    await until('it was asked again', () => asked() > before);
});

check('messages wait for a webhook that is down, also over kill -9, and come in order', async () => {
    const { server } = await theServer();
    down = true;
    await send(server, { n: 11 }, { n: 12 }, { n: 13 });
    await server.kill();
    down = false;
    await server.start();
    const numbers = () => telemetry('grid').map(({ data }) => data.body.n).filter((n) => n > 10);
    await until('they came', () => numbers().includes(13));
    assert.deepEqual([...new Set(numbers())], [11, 12, 13]);
});
