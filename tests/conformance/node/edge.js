'use strict';
/* edge.js - what IoT Edge needs of a hub: hierarchies made with azure-iothub, and an edge hub, which no package
 * of Node is, as its source and its captures have it: REST with the token of its $edgeHub, and connections on
 * behalf of a leaf over MQTT (auth-chain in the user name) and AMQP (on the link). */

const assert = require('assert/strict');
const mqtt = require('mqtt');
const rhea = require('rhea');
const { amqpConnect } = require('./amqp_kit');
const { WAIT_MS, check, failure, within } = require('./check');
const { ca, deviceString, host, identity, open, registry, roundTrip } = require('./hub');
const { token } = require('./sas');
const { Message } = require('azure-iot-device');

const KEY = Buffer.alloc(32, 7).toString('base64');
const HUB = '$edgeHub';
const hubResource = (edge) => `${host}/devices/${edge}/modules/${HUB}`;
const hubToken = (edge) => token(hubResource(edge), KEY, 600);

/** An edge device below `parent`, whose $edgeHub has a key, as the identity service gives it one. */
async function makeEdge(deviceId, parent) {
    const device = await identity(deviceId, {
        capabilities: { iotEdge: true }, ...(parent ? { parentScopes: [parent.deviceScope] } : {}),
    });
    await registry.updateModule({
        deviceId, moduleId: HUB, managedBy: 'iotEdge',
        authentication: { type: 'sas', symmetricKey: { primaryKey: KEY, secondaryKey: KEY } },
    }, true);
    return device;
}

const makeLeaf = (deviceId, parent) => identity(deviceId, { deviceScope: parent.deviceScope });

/** A call of the edge hub's own API. */
async function call(method, path, authorization, body, headers = {}) {
    const answer = await fetch(`https://${host}${path}`, {
        method, headers: { authorization, 'content-type': 'application/json', ...headers },
        body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
}

const asHub = (method, edge, verb, body, version = '2020-06-30-preview', headers = {}) => call(method,
    `/devices/${edge}/modules/%24edgeHub/${verb}${verb.includes('?') ? '&' : '?'}api-version=${version}`,
    hubToken(edge), body, headers);

const ids = (list) => list.map(({ deviceId, moduleId }) => (moduleId ? `${deviceId}/${moduleId}` : deviceId)).sort();

check('an edge device has a scope, its child names it, and so does a nested edge device', async () => {
    const top = await makeEdge('edge-top');
    assert.match(top.deviceScope, /^ms-azure-iot-edge:\/\/edge-top-\d+$/);
    const low = await makeEdge('edge-low', top);
    assert.deepEqual(low.parentScopes, [top.deviceScope]);
    const leaf = await makeLeaf('edge-leaf', low);
    assert.equal(leaf.deviceScope, low.deviceScope);
    assert.deepEqual(leaf.parentScopes, [low.deviceScope]);
    const modules = (await registry.getModulesOnDevice('edge-low')).responseBody;
    assert.deepEqual(modules.map(({ moduleId }) => moduleId).sort(), ['$edgeAgent', HUB]);
    const client = await open(leaf); /* also without a gateway */
    await client.close();
});

check('a hierarchy in a ring is refused', async () => {
    const { responseBody: top } = await registry.get('edge-top');
    const { responseBody: low } = await registry.get('edge-low');
    const error = await failure(registry.update({ ...top, parentScopes: [low.deviceScope] }));
    assert.equal(error.response.statusCode, 400);
    assert.match(error.responseBody, /below itself/);
});

check('an edge hub lists those below it, page by page, and nobody else', async () => {
    const all = await asHub('GET', 'edge-top', 'devicesAndModulesInDeviceScope?deviceCount=2', undefined,
        '2018-08-30-preview');
    assert.equal(all.status, 200);
    const seen = [...all.body.devices, ...all.body.modules];
    for (let link = all.body.continuationLink; link;) {
        const next = await call('GET', link, hubToken('edge-top'));
        assert.equal(next.status, 200);
        seen.push(...next.body.devices, ...next.body.modules);
        link = next.body.continuationLink;
    }
    assert.deepEqual(ids(seen), ['edge-low', 'edge-low/$edgeAgent', 'edge-low/$edgeHub', 'edge-top',
        'edge-top/$edgeAgent', 'edge-top/$edgeHub']);
    const below = await asHub('POST', 'edge-top', 'devicesAndModulesInTargetDeviceScope',
        { pageSize: 100, authChain: 'edge-low;edge-top' });
    assert.deepEqual(ids(below.body.devices), ['edge-leaf', 'edge-low']);
    const one = await asHub('POST', 'edge-top', 'getDeviceAndModuleOnBehalfOf',
        { targetDeviceId: 'edge-leaf', authChain: 'edge-leaf;edge-low;edge-top' });
    assert.deepEqual(ids(one.body.devices), ['edge-leaf']);
    assert.ok(one.body.devices[0].authentication.symmetricKey.primaryKey);
    const single = await asHub('GET', 'edge-low', 'deviceAndModuleInDeviceScope?targetDeviceId=edge-leaf', undefined,
        '2018-08-30-preview');
    assert.deepEqual(ids(single.body.devices), ['edge-leaf']);
    await identity('edge-stranger');
    for (const target of ['edge-stranger', 'edge-top']) {
        const answer = await asHub('POST', 'edge-low', 'getDeviceAndModuleOnBehalfOf',
            { targetDeviceId: target, authChain: `${target};edge-low` });
        assert.equal(answer.status, 401);
    }
});

check('the identity service writes modules: of its own device, and through an edge hub above', async () => {
    const { responseBody: low } = await registry.get('edge-low');
    const own = token(`${host}/devices/edge-low`, low.authentication.symmetricKey.primaryKey, 600);
    const path = '/devices/edge-low/modules/own?api-version=2017-11-08-preview';
    const module = { moduleId: 'own', deviceId: 'edge-low', managedBy: 'IotEdge', authentication: { type: 'none' } };
    assert.equal((await call('PUT', path, own, module)).status, 200);
    module.authentication = { type: 'sas', symmetricKey: { primaryKey: KEY, secondaryKey: KEY } };
    const put = await call('PUT', path, own, module, { 'if-match': '*' });
    assert.equal(put.body.authentication.symmetricKey.primaryKey, KEY);
    const listed = await call('GET', '/devices/edge-low/modules?api-version=2017-11-08-preview', own);
    assert.deepEqual(ids(listed.body), ['edge-low/$edgeAgent', 'edge-low/$edgeHub', 'edge-low/own']);
    assert.equal((await call('DELETE', path, own, undefined, { 'if-match': '*' })).status, 204);

    const chain = { authChain: 'edge-low;edge-top' };
    const made = await asHub('PUT', 'edge-top', 'putModuleOnBehalfOf', { ...chain, module: { ...module, moduleId: 'via' } });
    assert.equal(made.status, 200);
    assert.equal(made.body.moduleId, 'via');
    const got = await asHub('POST', 'edge-top', 'getModuleOnBehalfOf', { ...chain, targetModuleId: 'via' });
    assert.equal(got.body.managedBy, 'IotEdge');
    const list = await asHub('POST', 'edge-top', 'getModulesOnTargetDevice', chain);
    assert.ok(ids(list.body).includes('edge-low/via'));
    assert.equal((await asHub('POST', 'edge-top', 'deleteModuleOnBehalfOf', { ...chain, moduleId: 'via' })).status, 204);
    const wrong = await asHub('POST', 'edge-low', 'getModulesOnTargetDevice', { authChain: 'edge-top;edge-low' });
    assert.equal(wrong.status, 401);
});

/** Connects as an edge hub for `who`, along `chain`; resolves to the client or to what CONNACK said. */
function dial(who, chain, edge) {
    const client = mqtt.connect(`mqtts://${host}:8883`, {
        ca, clientId: who, username: `${host}/${who}/?api-version=2020-09-30&auth-chain=${encodeURIComponent(chain)}`,
        password: hubToken(edge), protocolVersion: 4, reconnectPeriod: 0,
    });
    return new Promise((resolve, reject) => {
        client.once('connect', () => resolve(client));
        client.once('error', (error) => { client.end(true); reject(error); });
    });
}

const publish = (client, topic, body) => new Promise((resolve, reject) =>
    client.publish(topic, body, { qos: 1 }, (error) => (error ? reject(error) : resolve())));

check('an edge hub sends for a leaf over MQTT, along the true chain only', async () => {
    for (const [chain, edge] of [['edge-leaf;edge-low', 'edge-low'], ['edge-leaf;edge-low;edge-top', 'edge-top']]) {
        const [event] = await roundTrip('edge-leaf', 1, async () => {
            const client = await dial('edge-leaf', chain, edge);
            await publish(client, 'devices/edge-leaf/messages/events/', chain);
            client.end(true);
        });
        assert.equal(event.body.toString(), chain);
        assert.equal(event.systemProperties['iothub-connection-device-id'], 'edge-leaf');
    }
    for (const [chain, edge] of [['edge-leaf;edge-top', 'edge-top'], ['edge-leaf;edge-low', 'edge-top'],
        ['edge-stranger;edge-low', 'edge-low']]) {
        const error = await failure(dial('edge-leaf', chain, edge));
        assert.ok([4, 5].includes(error.code), `${chain}: ${error}`);
    }
});

/** A sender of `device` on a connection that put the token of an edge hub, or what the link was refused with. */
async function amqpSender(device, chain, edge) {
    const connection = await amqpConnect(hubResource(edge), hubToken(edge));
    const sender = connection.open_sender({
        target: `/devices/${device}/messages/events`,
        properties: { 'com.microsoft:auth-chain': chain, 'com.microsoft:client-version': 'edgeHub' },
    });
    return new Promise((resolve, reject) => {
        sender.once('sendable', () => resolve({ sender, connection }));
        sender.once('sender_error', () => { connection.close(); reject(sender.error); });
    });
}

check('an edge hub sends for a leaf over AMQP, along the true chain only', async () => {
    const [event] = await roundTrip('edge-leaf', 1, async () => {
        const { sender, connection } = await amqpSender('edge-leaf', 'edge-leaf;edge-low', 'edge-low');
        await new Promise((resolve) => {
            sender.once('accepted', resolve);
            sender.send({ body: rhea.message.data_section(Buffer.from('over AMQP')) });
        });
        connection.close();
    });
    assert.equal(event.body.toString(), 'over AMQP');
    const error = await failure(amqpSender('edge-leaf', 'edge-leaf;edge-top', 'edge-top'));
    assert.equal(error.condition, 'amqp:unauthorized-access');
});

check('a device that leaves its parent has no edge hub to speak for it any more', async () => {
    const { responseBody: leaf } = await registry.get('edge-leaf');
    const { responseBody: low } = await registry.get('edge-low');
    const second = await makeLeaf('edge-second', low);
    const client = await dial('edge-leaf', 'edge-leaf;edge-low', 'edge-low');
    const { sender, connection } = await amqpSender('edge-second', 'edge-second;edge-low', 'edge-low');
    const closed = new Promise((resolve) => { client.once('close', resolve); });
    const detached = new Promise((resolve) => { sender.once('sender_error', () => resolve(sender.error)); });
    await registry.update({ ...leaf, deviceScope: '', parentScopes: [] });
    await registry.update({ ...second, deviceScope: '', parentScopes: [] });
    await within(WAIT_MS, 'the end of the connections for them', Promise.all([closed, detached]));
    assert.equal((await detached).condition, 'amqp:unauthorized-access');
    connection.close();
    client.end(true);
    const error = await failure(dial('edge-leaf', 'edge-leaf;edge-low', 'edge-low'));
    assert.ok([4, 5].includes(error.code));
    const own = await open(deviceString(leaf));
    await own.sendEvent(new Message('alone'));
    await own.close();
});

/* Their homes and their connections are on any core: the parent's home is told of the change, and theirs. */
check('a parent that leaves its own parent takes the sessions of all its children along', async () => {
    const high = await makeEdge('edge-high');
    const middle = await makeEdge('edge-middle', high);
    const leaves = await Promise.all(Array.from({ length: 12 }, (_, n) => makeLeaf(`edge-child-${n}`, middle)));
    const chainOf = ({ deviceId }) => `${deviceId};edge-middle;edge-high`;
    const clients = await within(WAIT_MS, 'MQTT', Promise.all(leaves.slice(0, 8).map((leaf) => dial(leaf.deviceId, chainOf(leaf), 'edge-high'))));
    const senders = await within(WAIT_MS, 'AMQP', Promise.all(leaves.slice(8).map((leaf) => amqpSender(leaf.deviceId, chainOf(leaf), 'edge-high'))));
    const ended = Promise.all([
        ...clients.map((client) => new Promise((resolve) => { client.once('close', resolve); })),
        ...senders.map(({ sender }) => new Promise((resolve) => { sender.once('sender_error', () => resolve(sender.error)); })),
    ]);
    const { responseBody: now } = await registry.get('edge-middle');
    await registry.update({ ...now, parentScopes: [] });
    const said = await within(WAIT_MS, 'the end of the sessions', ended);
    assert.deepEqual(said.slice(8).map(({ condition }) => condition), Array(4).fill('amqp:unauthorized-access'));
    for (const { connection } of senders) connection.close();
    for (const leaf of [leaves[1], leaves[9]]) {
        assert.ok([4, 5].includes((await failure(dial(leaf.deviceId, chainOf(leaf), 'edge-high'))).code));
    }
    const near = await dial('edge-child-0', 'edge-child-0;edge-middle', 'edge-middle'); // that chain is whole
    near.end(true);
});
