'use strict';
/* http.js - devices over HTTPS: azure-iot-device with azure-iot-device-http. */

const assert = require('assert/strict');
const { Message, NoRetry } = require('azure-iot-common');
const { Client } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { check, failure, sleep, until } = require('./check');
const { ca, deviceString, ends, env, host, identity, open, registry, rest, roundTrip, sourceOf } = require('./hub');
const { fields, token } = require('./sas');

/** The transport tells that it took its options only if one of them is how it receives. */
async function openHttp(device, receivePolicy = { manualPolling: true }) {
    const client = Client.fromConnectionString(typeof device === 'string' ? device : deviceString(device), Http);
    client.setRetryPolicy(new NoRetry());
    await client.setOptions({ ca, http: { receivePolicy } });
    await client.open();
    return client;
}

function message(body, more = {}, properties = {}) {
    const made = new Message(body);
    for (const [name, value] of Object.entries(properties)) made.properties.add(name, value);
    return Object.assign(made, more);
}

/** A request as no SDK would send it, with the device's token unless `headers` say otherwise. */
async function request(device, method, path, { headers = {}, body } = {}) {
    const key = device.authentication.symmetricKey.primaryKey;
    const answer = await fetch(`https://${host}/devices/${device.deviceId}${path}${path.includes('?') ? '&' : '?'}api-version=2020-09-30`, {
        method, body,
        headers: { Authorization: token(`${host}/devices/${device.deviceId}`, key, 3600), ...headers },
    });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

const BATCH = { 'Content-Type': 'application/vnd.microsoft.iothub.json' };
const codeOf = (answer) => JSON.parse(answer.body).Message.match(/^ErrorCode:(\w+);/)[1];

check('a message arrives with its properties and stamps', async () => {
    const device = await identity('http-one');
    const client = await openHttp(device);
    const [event] = await roundTrip('http-one', 1, () => client.sendEvent(message('{"t":1}', {
        messageId: 'm1', correlationId: 'c1', userId: 'u1', contentType: 'application/json', contentEncoding: 'utf-8',
    }, { level: 'high', 'a.b': 'x y' })));
    assert.equal(event.body.toString(), '{"t":1}');
    assert.equal(event.messageId, 'm1');
    assert.equal(event.correlationId, 'c1');
    assert.equal(event.contentType, 'application/json');
    assert.deepEqual({ ...event.properties }, { level: 'high', 'a.b': 'x y' });
    assert.equal(event.systemProperties['iothub-connection-auth-method'],
        '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}');
    assert.equal(event.systemProperties['iothub-connection-auth-generation-id'], device.generationId);
    await client.close();
});

check('the same message over MQTT and over HTTPS is the same to a consumer', async () => {
    const device = await identity('http-same');
    const one = () => message('{"t":1}', {
        messageId: 'm', correlationId: 'c', contentType: 'application/json', contentEncoding: 'utf-8',
    }, { a: 'b' });
    const events = await roundTrip('http-same', 2, async () => {
        for (const client of [await open(device), await openHttp(device)]) {
            await client.sendEvent(one());
            await client.close();
        }
    });
    const [mqtt, http] = events.map(({ body, properties, messageId, correlationId, contentType, systemProperties }) => {
        const { 'iothub-enqueuedtime': _, ...system } = systemProperties;
        return { body: body.toString(), properties, messageId, correlationId, contentType, system };
    });
    assert.deepEqual(http, mqtt);
});

check('a batch arrives whole and in order', async () => {
    const device = await identity('http-batch');
    const client = await openHttp(device);
    const bodies = Array.from({ length: 100 }, (_, n) => `${n}`);
    const events = await roundTrip('http-batch', 100,
        () => client.sendEventBatch(bodies.map((body) => message(body, {}, { n: body }))));
    assert.deepEqual(events.map((event) => event.body.toString()), bodies);
    assert.deepEqual(events.map((event) => event.properties.n), bodies);
    await client.close();
});

check('a batch with one bad entry is refused whole', async () => {
    const device = await identity('http-bad-batch');
    const from = await ends();
    const good = { body: Buffer.from('good').toString('base64') };
    for (const [bad, code] of [
        [[good, { body: 'not*base64' }], 'ArgumentInvalid'],
        [[good, { properties: {} }], 'ArgumentInvalid'],
        [[good, 7], 'ArgumentInvalid'],
        [[good, { ...good, properties: { 'iothub-app-a': [] } }], 'ArgumentInvalid'],
        [[], 'ArgumentInvalid'],
        [{ ...good }, 'ArgumentInvalid'],
        [[good, { body: Buffer.alloc(256 * 1024 + 1).toString('base64') }], 'MessageTooLarge'],
        [Array.from({ length: 501 }, () => good), 'MessageTooLarge'],
    ]) {
        const answer = await request(device, 'POST', '/messages/events', { headers: BATCH, body: JSON.stringify(bad) });
        assert.equal(codeOf(answer), code, JSON.stringify(bad).slice(0, 200));
        assert.equal(answer.status, code === 'ArgumentInvalid' ? 400 : 413);
    }
    const broken = await request(device, 'POST', '/messages/events', { headers: BATCH, body: '[{"body":' });
    assert.equal(broken.status, 400);
    const events = (await rest(from)).filter((event) => sourceOf(event) === 'http-bad-batch');
    assert.deepEqual(events, []);
});

check('256 KiB pass and one byte more does not', async () => {
    const device = await identity('http-size');
    const client = await openHttp(device);
    const [event] = await roundTrip('http-size', 1, () => client.sendEvent(new Message(Buffer.alloc(256 * 1024, 'x'))));
    assert.equal(event.body.length, 256 * 1024);
    const error = await failure(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1, 'x'))));
    assert.equal(error.name, 'MessageTooLargeError');
    await client.close();
});

check('a module sends as itself', async () => {
    await identity('http-edge');
    const { responseBody: module } = await registry.addModule({ deviceId: 'http-edge', moduleId: 'm1' });
    const key = module.authentication.symmetricKey.primaryKey;
    const post = (sr) => fetch(`https://${host}/devices/http-edge/modules/m1/messages/events?api-version=2020-09-30`, {
        method: 'POST', body: 'from m1', headers: { Authorization: token(sr, key, 3600), 'iothub-app-k': 'v' },
    });
    const [event] = await roundTrip('http-edge', 1, async () => {
        assert.equal((await post(`${host}/devices/http-edge/modules/m1`)).status, 204);
    });
    assert.equal(event.systemProperties['iothub-connection-module-id'], 'm1');
    assert.equal(event.properties.k, 'v');
    assert.equal((await post(`${host}/devices/http-edge/modules/m2`)).status, 401);
});

check('a policy that may connect devices speaks for them, another may not', async () => {
    const device = await identity('http-policy');
    const send = (string, id = 'http-policy') => {
        const { SharedAccessKeyName: name, SharedAccessKey: key } = fields(string);
        return request({ ...device, deviceId: id }, 'POST', '/messages/events',
            { body: 'x', headers: { Authorization: token(host, key, 3600, name) } });
    };
    const [event] = await roundTrip('http-policy', 1, async () => {
        assert.equal((await send(env.HUB_DEVICE)).status, 204);
    });
    assert.match(event.systemProperties['iothub-connection-auth-method'], /"scope":"hub"/);
    assert.equal((await send(env.HUB_SERVICE)).status, 401);
    const unknown = await send(env.HUB_DEVICE, 'http-nobody');
    assert.equal(unknown.status, 404);
    assert.equal(codeOf(unknown), 'DeviceNotFound');
});

check('who is not the device, or shows nothing, is refused', async () => {
    const device = await identity('http-refused');
    const key = device.authentication.symmetricKey.primaryKey;
    const post = (headers, id = 'http-refused') => request({ ...device, deviceId: id }, 'POST', '/messages/events', { body: 'x', headers });
    for (const authorization of [
        token(`${host}/devices/http-refused`, Buffer.alloc(32, 9).toString('base64'), 3600),
        token(`${host}/devices/http-refused`, key, -3600),
        token(`${host}/devices/http-other`, key, 3600),
        'SharedAccessSignature sr=a', 'nonsense', '',
    ]) {
        const answer = await post({ Authorization: authorization });
        assert.equal(answer.status, 401, authorization);
        assert.equal(codeOf(answer), 'IotHubUnauthorizedAccess');
        assert.equal(answer.headers.get('iothub-errorcode'), 'IotHubUnauthorizedAccess');
    }
    assert.equal((await post({ Authorization: token(`${host}/devices/http-none`, key, 3600) }, 'http-none')).status, 401);
    const error = await failure((await openHttp(deviceString(device, Buffer.alloc(32, 7).toString('base64')))).sendEvent(new Message('x')));
    assert.equal(error.name, 'UnauthorizedError');
});

check('a device that is disabled, gets other keys or is deleted is refused at once', async () => {
    const device = await identity('http-changes');
    const client = await openHttp(device);
    const sends = () => client.sendEvent(new Message('x'));
    await sends();
    const { authentication } = device;
    await registry.update({ deviceId: 'http-changes', authentication, status: 'disabled' });
    assert.equal((await failure(sends())).name, 'UnauthorizedError');
    await registry.update({ deviceId: 'http-changes', authentication, status: 'enabled' });
    await sends();
    const key = () => Buffer.alloc(32, 5).toString('base64');
    await registry.update({ deviceId: 'http-changes', authentication: { symmetricKey: { primaryKey: key(), secondaryKey: key() } } });
    assert.equal((await failure(sends())).name, 'UnauthorizedError');
    await registry.delete('http-changes');
    assert.equal((await failure(sends())).name, 'UnauthorizedError');
    await client.close();
});

check('HTTPS neither takes over another connection nor makes the device connected', async () => {
    const device = await identity('http-presence');
    const mqtt = await open(device);
    let lost = 0;
    mqtt.on('disconnect', () => { lost++; });
    const http = await openHttp(device);
    await http.sendEvent(new Message('x'));
    await mqtt.sendEvent(new Message('y'));
    await sleep(300);
    assert.equal(lost, 0);
    await mqtt.close();
    const state = async () => (await registry.get('http-presence')).responseBody;
    await until('it is disconnected', async () => (await state()).connectionState === 'Disconnected');
    await http.sendEvent(new Message('z'));
    assert.equal((await state()).connectionState, 'Disconnected');
    assert.ok(Date.now() - Date.parse((await state()).lastActivityTime) < 60000);
    await http.close();
});

/* ---- messages to devices */

const { Client: ServiceClient } = require('azure-iothub');

async function sendTo(deviceId, messages) {
    const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);
    await service.open();
    for (const one of messages) await service.send(deviceId, one);
    await service.close();
}

/** A device that polls; what it gets is settled by `settle`. */
async function receiver(device, settle = 'complete', drain = true) {
    const client = await openHttp(device, { interval: 1, drain });
    const got = [];
    client.on('message', async (one) => {
        got.push(one);
        await client[typeof settle === 'string' ? settle : settle(got)](one);
    });
    return { client, got };
}

const countOf = async (deviceId) => (await registry.get(deviceId)).responseBody.cloudToDeviceMessageCount;
const plain = (one) => Object.fromEntries(one.properties.propertyList.map(({ key, value }) => [key, value]));

check('a message is received with everything its sender said, and completed', async () => {
    const device = await identity('http-c2d');
    const expiry = new Date(Date.now() + 600000);
    await sendTo('http-c2d', [message('{"n":1}', {
        messageId: 'mid-1', correlationId: 'cid', contentType: 'application/json', contentEncoding: 'utf-8', expiryTimeUtc: expiry.getTime(),
    }, { plain: 'value', signs: "a&b=c/d?e%f+g#h;i !'()*" })]);
    const { client, got } = await receiver(device);
    await until('it is there', () => got.length === 1);
    const [one] = got;
    assert.equal(one.getData().toString(), '{"n":1}');
    assert.equal(one.messageId, 'mid-1');
    assert.equal(one.correlationId, 'cid');
    assert.equal(one.to, '/devices/http-c2d/messages/deviceBound');
    assert.equal(Date.parse(one.expiryTimeUtc), expiry.getTime());
    assert.deepEqual(plain(one), { 'iothub-app-plain': 'value', 'iothub-app-signs': "a&b=c/d?e%f+g#h;i !'()*" });
    await until('it is gone', async () => await countOf('http-c2d') === 0);
    await client.close();
});

check('messages come in order; one that is abandoned comes again, one that is rejected does not', async () => {
    const device = await identity('http-settle');
    await sendTo('http-settle', ['a', 'b', 'c']);
    const { client, got } = await receiver(device, (all) => ['abandon', 'reject', 'complete'][all.length - 1] || 'complete', false);
    await until('all are settled', async () => await countOf('http-settle') === 0);
    assert.deepEqual(got.map((one) => one.getData().toString()), ['a', 'a', 'b', 'c']);
    await client.close();
});

check('the headers are those that the SDKs in C, C# and Java look for', async () => {
    const device = await identity('http-headers');
    const empty = await request(device, 'GET', '/messages/deviceBound');
    assert.deepEqual([empty.status, empty.body], [204, '']);
    await sendTo('http-headers', [message('x', { messageId: 'm', contentType: 'text/plain', contentEncoding: 'utf-8', ack: 'full' }, { k: 'v' })]);
    const one = await request(device, 'GET', '/messages/devicebound', { headers: { 'iothub-messagelocktimeout': '60' } });
    assert.equal(one.status, 200);
    const lock = one.headers.get('etag').match(/^"([0-9a-f-]{36})"$/)[1];
    for (const [name, value] of [['iothub-messageid', 'm'], ['iothub-ack', 'full'], ['iothub-app-k', 'v'], ['iothub-deliverycount', '0'],
        ['ContentType', 'text/plain'], ['ContentEncoding', 'utf-8'], ['iothub-sequencenumber', '1']])
        assert.equal(one.headers.get(name), value, name);
    assert.match(one.headers.get('iothub-enqueuedtime'), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal((await request(device, 'GET', '/messages/devicebound')).status, 204);
    const path = `/messages/devicebound/${lock}`;
    assert.equal((await request(device, 'POST', `${path}/abandon`, { headers: { IfMatch: lock }, body: '\0' })).status, 204);
    const gone = await request(device, 'DELETE', path);
    assert.deepEqual([gone.status, codeOf(gone)], [412, 'DeviceMessageLockLost']);
    const bad = await request(device, 'DELETE', '/messages/devicebound/none');
    assert.deepEqual([bad.status, codeOf(bad)], [400, 'ArgumentInvalid']);
    const again = await request(device, 'GET', '/messages/devicebound');
    assert.equal(again.headers.get('iothub-deliverycount'), '1');
    const java = `/messages/devicebound/${again.headers.get('etag').slice(1, -1)}?%3Freject=true`;
    assert.equal((await request(device, 'DELETE', java)).status, 204);
    assert.equal(await countOf('http-headers'), 0);
});
