'use strict';
/* device.js - devices through azure-iot-device and azure-iot-device-mqtt. */

const assert = require('assert/strict');
const { Client, Message } = require('azure-iot-device');
const { SharedAccessKeyAuthenticationProvider } = require('azure-iot-device/dist/sak_authentication_provider');
const { SharedAccessSignatureAuthenticationProvider } = require('azure-iot-device/dist/sas_authentication_provider');
const { check, failure, sleep, until } = require('./check');
const {
    ca, consumer, deviceString, ends, env, host, identity, open, openClient, openWithToken, registry,
    rest, roundTrip, send, sourceOf, whenGone,
} = require('./hub');
const { fields, token } = require('./sas');
const { overAmqp, transport } = require('./transport');

const MESSAGE_SIZE_MAX = 262144; /* of body and properties together */

const bodies = (events) => events.map((event) => event.body.toString());
const numbered = (count) => Array.from({ length: count }, (_, n) => JSON.stringify({ n }));

/** Sequence numbers of one partition's events rise by one when nobody else sends. */
function assertNoGaps(events) {
    const numbers = events.map((event) => event.sequenceNumber);
    assert.deepEqual(numbers, numbers.map((_, n) => numbers[0] + n));
}

/** The partition in which the hub keeps a device's events. */
async function homeOf(device) {
    const [event] = await roundTrip(device.deviceId, 1, () => send(device, ['where am I']));
    return event.partition;
}

check('bodies arrive as they were sent: JSON, text, every byte, nothing', async () => {
    const device = await identity('dev-bodies');
    const sent = [
        Buffer.from(JSON.stringify({ temperature: 21.5, note: 'grün, 0.1 + 0.2' })),
        Buffer.from('plain text'), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.alloc(0),
    ];
    const events = await roundTrip('dev-bodies', sent.length, () => send(device, sent));
    assert.deepEqual(events.map((event) => Buffer.from(event.body)), sent);
});

check('application properties arrive as they were sent, whatever their characters', async () => {
    const device = await identity('dev-properties');
    const sent = {
        plain: 'value', empty: '', 'with space': 'a b', signs: 'a&b=c/d?e%f+g#h;i', unicode: 'Zürich ☃',
        '$weird': '%24', 'a.b-c_d~e': "!'()*",
    };
    const message = new Message('{}');
    for (const [name, value] of Object.entries(sent)) message.properties.add(name, value);
    const [event] = await roundTrip('dev-properties', 1, () => send(device, [message]));
    assert.deepEqual({ ...event.properties }, sent);
});

check('a message without properties has none', async () => {
    const device = await identity('dev-bare');
    const [event] = await roundTrip('dev-bare', 1, () => send(device, ['{}']));
    assert.deepEqual({ ...event.properties }, {});
    assert.equal(event.messageId, undefined);
    assert.equal(event.contentType, undefined);
});

check('system properties arrive in their own places', async () => {
    const device = await identity('dev-system');
    const message = new Message('{"n":1}');
    const expiry = new Date(Date.now() + 3600000);
    Object.assign(message, {
        messageId: 'mid 1/2', correlationId: 'cid=3', userId: 'user@4', contentType: 'application/json',
        contentEncoding: 'utf-8', expiryTimeUtc: overAmqp ? expiry.getTime() : expiry, /* rhea takes no Date */
    });
    const [event] = await roundTrip('dev-system', 1, () => send(device, [message]));
    assert.equal(event.messageId, 'mid 1/2');
    assert.equal(event.correlationId, 'cid=3');
    if (!overAmqp) { /* the SDK leaves it out there */
        assert.equal(Buffer.from(Object.values(event.systemProperties.userId)).toString(), 'user@4');
    }
    assert.equal(event.contentType, 'application/json');
    assert.equal(event.systemProperties.contentEncoding, 'utf-8');
    assert.equal(event.systemProperties.absoluteExpiryTime, expiry.getTime());
    assert.deepEqual({ ...event.properties }, {});
});

check('an expiry may be a number of milliseconds', async () => {
    const device = await identity('dev-expiry');
    const message = new Message('{"n":1}');
    message.expiryTimeUtc = Date.now() + 3600000;
    const [event] = await roundTrip('dev-expiry', 1, () => send(device, [message]));
    assert.equal(event.systemProperties.absoluteExpiryTime, message.expiryTimeUtc);
});

check('the hub stamps who sent, how it signed in, and when', async () => {
    const device = await identity('dev-stamps');
    const before = Date.now();
    const [event] = await roundTrip('dev-stamps', 1, () => send(device, ['{}']));
    const stamps = event.systemProperties;
    const method = JSON.parse(stamps['iothub-connection-auth-method']);
    assert.equal(stamps['iothub-connection-device-id'], 'dev-stamps');
    assert.equal(method.scope, 'device');
    assert.equal(method.type, 'sas');
    assert.equal(method.issuer, 'iothub');
    assert.equal(stamps['iothub-connection-auth-generation-id'], device.generationId);
    assert.equal(stamps['iothub-message-source'], 'Telemetry');
    for (const time of [stamps['iothub-enqueuedtime'], event.enqueuedTimeUtc.getTime()]) {
        assert.ok(time >= before - 1000 && time <= Date.now() + 1000, `${time}`);
    }
    assert.equal(typeof event.sequenceNumber, 'number');
    assert.equal(typeof event.offset, 'string');
});

check('a device cannot forge the stamps', async () => {
    const device = await identity('dev-forger');
    const message = new Message('{}');
    message.properties.add('$.cdid', 'somebody-else');
    message.properties.add('iothub-connection-device-id', 'somebody-else');
    const [event] = await roundTrip('dev-forger', 1, () => send(device, [message]));
    assert.equal(sourceOf(event), 'dev-forger');
});

check('a component, a model and a security message are marked', async () => {
    const device = await identity('dev-pnp');
    const message = new Message('{}');
    message.properties.add('dt-subject', 'thermostat1');
    message.setAsSecurityMessage();
    const [event] = await roundTrip('dev-pnp', 1, async () => {
        const client = Client.fromConnectionString(deviceString(device), transport);
        await client.setOptions({ ca, modelId: 'dtmi:com:example:Thermostat;1' });
        await client.open();
        await client.sendEvent(message);
        await client.close();
    });
    assert.equal(event.systemProperties['dt-subject'], 'thermostat1');
    if (!overAmqp) assert.equal(event.systemProperties['dt-dataschema'], 'dtmi:com:example:Thermostat;1');
    assert.equal(event.systemProperties['iothub-interface-id'], 'urn:azureiot:Security:SecurityAgent:1');
});

check('five hundred messages under way at once arrive in order and without gaps', async () => {
    const device = await identity('dev-order');
    const sent = numbered(500);
    const events = await roundTrip('dev-order', 500, () => send(device, sent));
    assert.deepEqual(bodies(events), sent);
    assert.equal(new Set(events.map((event) => event.partition)).size, 1);
    assertNoGaps(events);
});

check('twenty devices at once each keep their order in their partition', async () => {
    const devices = [];
    for (let n = 0; n < 20; n++) devices.push(await identity(`dev-many-${n}`));
    const sent = numbered(25);
    const events = await roundTrip(devices.map((device) => device.deviceId), 500,
        () => Promise.all(devices.map((device) => send(device, sent))));
    for (const { deviceId } of devices) {
        const mine = events.filter((event) => sourceOf(event) === deviceId);
        assert.deepEqual(bodies(mine), sent, deviceId);
        assert.equal(new Set(mine.map((event) => event.partition)).size, 1);
    }
    for (const partition of new Set(events.map((event) => event.partition))) {
        assertNoGaps(events.filter((event) => event.partition === partition));
    }
});

check('a device id decides the partition as Event Hubs hashes a key', async () => {
    const known = { a: '0', 7: '3', abc: '1', 'device-1': '0', 'contoso-device-1': '2' };
    for (const [deviceId, partition] of Object.entries(known)) {
        assert.equal(await homeOf(await identity(deviceId)), partition, deviceId);
    }
});

check('the secondary key opens the door too', async () => {
    const device = await identity('dev-secondary');
    const string = deviceString(device, device.authentication.symmetricKey.secondaryKey);
    const [event] = await roundTrip('dev-secondary', 1, () => send(string, ['{}']));
    assert.equal(sourceOf(event), 'dev-secondary');
});

check('a policy with DeviceConnect opens any device\'s door; one without does not', async () => {
    await identity('dev-policy');
    const sas = (string) => {
        const { SharedAccessKeyName, SharedAccessKey } = fields(string);
        return token(`${host}/devices/dev-policy`, SharedAccessKey, 3600, SharedAccessKeyName);
    };
    const [event] = await roundTrip('dev-policy', 1, async () => {
        const client = await openWithToken(sas(env.HUB_DEVICE));
        await client.sendEvent(new Message('{}'));
        await client.close();
    });
    const method = JSON.parse(event.systemProperties['iothub-connection-auth-method']);
    assert.equal(method.scope, 'hub');
    assert.equal((await failure(openWithToken(sas(env.HUB_SERVICE)))).name, 'UnauthorizedError');
});

check('a wrong key, an unknown and a disabled device are refused alike', async () => {
    const device = await identity('dev-refused');
    await identity('dev-disabled', { status: 'disabled' });
    const disabled = (await registry.get('dev-disabled')).responseBody;
    const wrong = Buffer.alloc(32, 9).toString('base64');
    for (const string of [
        deviceString(device, wrong), deviceString({ deviceId: 'dev-unknown' }, wrong), deviceString(disabled),
    ]) {
        assert.equal((await failure(open(string))).name, 'UnauthorizedError', string);
    }
});

check('an expired token is refused; five minutes of clock skew are forgiven', async () => {
    const device = await identity('dev-expired');
    const key = device.authentication.symmetricKey.primaryKey;
    const sas = (seconds) => token(`${host}/devices/dev-expired`, key, seconds);
    assert.equal((await failure(openWithToken(sas(-3600)))).name, 'UnauthorizedError');
    await (await openWithToken(sas(-60))).close();
});

check('a token for another device or another hub is refused', async () => {
    const device = await identity('dev-scope');
    const key = device.authentication.symmetricKey.primaryKey;
    for (const resource of [`${host}/devices/dev-scop`, 'other.example.test/devices/dev-scope']) {
        const client = Client.fromAuthenticationProvider(new SharedAccessSignatureAuthenticationProvider(
            { deviceId: 'dev-scope', host, sharedAccessSignature: token(resource, key, 3600) }), transport);
        assert.equal((await failure(openClient(client))).name, 'UnauthorizedError', resource);
    }
});

check('a renewed token reconnects and nothing is lost', async () => {
    const device = await identity('dev-renewal');
    const sent = numbered(60);
    const events = await roundTrip('dev-renewal', 60, async () => {
        const provider = SharedAccessKeyAuthenticationProvider.fromConnectionString(deviceString(device), 5, 3);
        const client = Client.fromAuthenticationProvider(provider, transport);
        await client.setOptions({ ca });
        await client.open();
        for (const body of sent) {
            await client.sendEvent(new Message(body));
            await sleep(100);
        }
        await client.close();
    });
    assert.deepEqual([...new Set(bodies(events))], sent);
});

check('a second connection of a device ends the first', async () => {
    const device = await identity('dev-twice');
    const first = await open(device);
    let gone = false;
    whenGone(first, () => { gone = true; });
    const second = await open(device);
    await until('the first connection is closed', () => gone);
    const events = await roundTrip('dev-twice', 1, () => second.sendEvent(new Message('still here')));
    assert.deepEqual(bodies(events), ['still here']);
    await second.close();
});

for (const [what, act] of [
    ['disabling', (device) => registry.update({ ...device, status: 'disabled' })],
    ['deleting', (device) => registry.delete(device.deviceId)],
]) {
    check(`${what} a device ends its connection`, async () => {
        const device = await identity(`dev-${what}`);
        const client = await open(device);
        let gone = false;
        whenGone(client, () => { gone = true; });
        await act({ deviceId: device.deviceId, authentication: device.authentication });
        await until('the connection is closed', () => gone);
        assert.equal((await failure(open(device))).name, 'UnauthorizedError');
    });
}

check('a key that is made anew ends the connection that it had opened, and opens the next', async () => {
    const device = await identity('dev-rekey');
    const client = await open(device);
    let gone = false;
    whenGone(client, () => { gone = true; });
    const { SharedAccessKey, SharedAccessKeyName } = fields(env.HUB_OWNER);
    const answer = await fetch(`https://${host}/devices/keys/regenerate?api-version=2024-03-31`, {
        method: 'POST', headers: { Authorization: token(host, SharedAccessKey, 3600, SharedAccessKeyName) },
        body: JSON.stringify({ policyKey: 'primaryKey', devices: [{ id: 'dev-rekey' }, { id: 'dev-nobody' }] }),
    });
    assert.equal(answer.status, 207);
    const { rotatedKeys: [keys], errors: [error] } = await answer.json();
    assert.equal(keys.id, 'dev-rekey');
    assert.equal(keys.secondaryKey, device.authentication.symmetricKey.secondaryKey);
    assert.deepEqual([error.id, error.errorCode], ['dev-nobody', 'DeviceNotFound']);
    await until('the connection is closed', () => gone);
    assert.equal((await failure(open(device))).name, 'UnauthorizedError');
    const events = await roundTrip('dev-rekey', 1, () => send(deviceString(device, keys.primaryKey), ['with the new key']));
    assert.deepEqual(bodies(events), ['with the new key']);
});

check('the largest message passes, and one above it ends the connection unread', async () => {
    const device = await identity('dev-large');
    const from = await ends();
    await send(device, [Buffer.alloc(MESSAGE_SIZE_MAX - 1024, 0x61)]);
    await failure(send(device, [Buffer.alloc(MESSAGE_SIZE_MAX + 1, 0x62)]));
    const events = (await rest(from)).filter((event) => sourceOf(event) === 'dev-large');
    assert.deepEqual(events.map((event) => event.body.length), [MESSAGE_SIZE_MAX - 1024]);
});

check('an acknowledged message is there: the partition ends with it', async () => {
    const device = await identity('dev-acked');
    const partition = await homeOf(device);
    const reader = consumer();
    try {
        const before = await reader.getPartitionProperties(partition);
        await send(device, ['one', 'two']);
        const after = await reader.getPartitionProperties(partition);
        assert.equal(after.lastEnqueuedSequenceNumber, before.lastEnqueuedSequenceNumber + 2);
    } finally {
        await reader.close();
    }
});
