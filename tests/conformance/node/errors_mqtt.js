'use strict';
/* errors_mqtt.js - the errors of MQTT: what CONNACK says, what SUBACK refuses, after which packet the hub closes,
 * and what a twin and a method are answered; and the errors of azure-iot-device-mqtt for them. Packets are made
 * here, for no client would send some of them.
 *
 * Sources: "Use MQTT to communicate with Azure IoT Hub"; MQTT 3.1.1; IoT Edge's hub and the protocol gateway. */

const assert = require('assert/strict');
const tls = require('tls');
const packets = require('mqtt-packet');
const { Message } = require('azure-iot-common');
const { Client: ServiceClient } = require('azure-iothub');
const { Mqtt } = require('azure-iot-device-mqtt');
const { check, failure, until, within } = require('./check');
const { NUMBERS, complete, held } = require('./errors_kit');
const { ca, deviceString, env, host, identity, open, registry } = require('./hub');
const { token } = require('./sas');

const KEY = Buffer.alloc(32, 13).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 14).toString('base64');
const ID = 'err-mqtt';
const keys = { authentication: { symmetricKey: { primaryKey: KEY, secondaryKey: KEY } } };
const sas = (who = ID, key = KEY, seconds = 600) => token(`${host}/devices/${who.replace('/', '/modules/')}`, key, seconds);
const user = (who = ID) => `${host}/${who}/?api-version=2021-04-12`;
const started = (async () => {
    await identity('err-mqtt-off', { ...keys, status: 'disabled' });
    return identity(ID, keys);
})();
started.catch(() => {}); // the cases say it

/** A connection that says what it is told, and keeps what it hears. */
class Wire {
    constructor() {
        this.heard = [];
        this.closed = false;
        const parser = packets.parser();
        parser.on('packet', (packet) => this.heard.push(packet));
        this.socket = tls.connect({ host, port: 8883, ca, servername: host });
        this.socket.on('data', (bytes) => parser.parse(bytes));
        this.socket.on('error', () => {});
        this.socket.on('close', () => { this.closed = true; });
    }

    say(...what) {
        for (const one of what) this.socket.write(Buffer.isBuffer(one) ? one : packets.generate(one));
    }

    /** The next packet of that kind; a connection that is closed instead has failed. */
    async hear(cmd) {
        const find = () => this.heard.find((packet) => packet.cmd === cmd);
        await until(`${cmd} is heard`, () => find() || this.closed);
        const found = find();
        assert.ok(found, `it was closed before ${cmd}`);
        this.heard.splice(this.heard.indexOf(found), 1);
        return found;
    }

    over() {
        return until('it is closed', () => this.closed);
    }

    close() {
        this.socket.destroy();
    }
}

const connect = (more = {}) => ({
    cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: false, clientId: ID, keepalive: 60, username: user(),
    password: sas(), ...more,
});

async function withWire(act) {
    await started;
    const wire = new Wire();
    try {
        await act(wire);
    } finally {
        wire.close();
    }
}

const withDevice = (act, more) => withWire(async (wire) => {
    wire.say(connect(more));
    assert.equal((await wire.hear('connack')).returnCode, 0);
    await act(wire);
});

/* ---- CONNACK: code, what, CONNECT */

const CONNACKS = [
    [1, 'another version of MQTT', { protocolVersion: 5, properties: {} }],
    [2, 'no client id', { clientId: '', clean: true }],
    [4, 'no user name', { username: undefined, password: undefined }],
    [4, 'a user name without a device', { username: host }],
    [4, 'a model that is no id', { username: `${user()}&model-id=${'x'.repeat(257)}` }],
    [4, 'an actor chain that is too long', { username: `${user()}&auth-chain=${'x'.repeat(2049)}` }],
    [5, 'another host', { username: user().replace(host, 'other.test') }],
    [5, 'a client id that is not the device', { clientId: 'somebody' }],
    [5, 'another key', { password: sas(ID, OTHER_KEY) }],
    [5, 'a token that is over', { password: sas(ID, KEY, -3600) }],
    [5, 'the token of another device', { password: sas('err-other') }],
    [5, 'a password that is no token', { password: 'nonsense' }],
    [5, 'neither token nor certificate', { password: undefined }],
    [5, 'a device that is not there', { clientId: 'err-nobody', username: user('err-nobody'), password: sas('err-nobody') }],
    [5, 'a device that is disabled', { clientId: 'err-mqtt-off', username: user('err-mqtt-off'), password: sas('err-mqtt-off') }],
    [5, 'a module that is not there', { clientId: `${ID}/none`, username: user(`${ID}/none`), password: sas() }],
];

for (const [code, what, more] of CONNACKS) {
    check(`mqtt: CONNACK ${code}: ${what}`, () => withWire(async (wire) => {
        wire.say(connect(more));
        const said = await wire.hear('connack');
        assert.equal(said.returnCode ?? said.reasonCode, code);
        assert.equal(said.sessionPresent, false);
        await wire.over();
    }));
}

/* ---- what the hub closes after: what, packets, is it connected before */

const publish = (topic, more = {}) => ({ cmd: 'publish', topic, payload: '{}', qos: 1, messageId: 7, ...more });
const EVENTS = `devices/${ID}/messages/events/`;
const CLOSING = [
    ['CONNECT of MQTT 3.1', [connect({ protocolId: 'MQIsdp', protocolVersion: 3 })], false],
    ['PUBLISH before CONNECT', [publish(EVENTS)], false],
    ['bytes that are no packet', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], false],
    ['a second CONNECT', [connect()]],
    ['PUBLISH at QoS 2', [publish(EVENTS, { qos: 2 })]],
    ['PUBLISH at QoS 3', [Buffer.from([0x36, 5, 0, 1, 0x61, 0, 7])]],
    ['PUBLISH to a topic that is none', [publish('some/topic')]],
    ['PUBLISH as another device', [publish('devices/err-other/messages/events/')]],
    ['a property bag that does not decode', [publish(`${EVENTS}a=%zz`)]],
    ['telemetry of 256 KiB and more', [publish(EVENTS, { payload: Buffer.alloc(256 * 1024 + 1) })]],
    ['a request for the twin without $rid', [publish('$iothub/twin/GET/')]],
    ['a packet that a device does not send', [{ cmd: 'suback', messageId: 1, granted: [0] }]],
    ['a length of more than four bytes', [Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])]],
];

for (const [what, sent, connected = true] of CLOSING) {
    check(`mqtt: closed: ${what}`, () => (connected ? withDevice : withWire)(async (wire) => {
        wire.say(...sent);
        await wire.over();
        assert.deepEqual(wire.heard.filter(({ cmd }) => cmd === 'puback'), []);
    }));
}

check('mqtt: ConnectionForcefullyClosedOnNewConnection: the older of two connections is closed', () => withDevice(async (older) => {
    await withDevice(async (newer) => {
        await older.over();
        newer.say(publish(EVENTS));
        assert.equal((await newer.hear('puback')).messageId, 7);
    });
}));

check('mqtt: closed: a device that is disabled, and one that is deleted', async () => {
    const device = await identity('err-mqtt-gone', keys);
    const as = { clientId: 'err-mqtt-gone', username: user('err-mqtt-gone'), password: sas('err-mqtt-gone') };
    await withDevice(async (wire) => {
        await registry.update({ ...device, status: 'disabled' });
        await wire.over();
    }, as);
    await registry.update({ ...device, status: 'enabled' });
    await withDevice(async (wire) => {
        await registry.delete('err-mqtt-gone');
        await wire.over();
    }, as);
});

/* ---- SUBACK: code, filter, QoS */

const BOUND = `devices/${ID}/messages/devicebound/#`;
const SUBACKS = [
    [0, BOUND, 0], [1, BOUND, 1], [1, BOUND, 2], [1, 'devices/+/messages/devicebound/#', 1],
    [0, '$iothub/methods/POST/#', 0], [1, '$iothub/twin/res/#', 1], [1, '$iothub/twin/PATCH/properties/desired/#', 2],
    [128, '#', 1], [128, 'devices/#', 1], [128, 'devices/err-other/messages/devicebound/#', 1], [128, '$iothub/#', 1],
    [128, 'some/topic', 0], [128, EVENTS, 1],
];

check('mqtt: SUBACK: each filter has a code of its own', () => withDevice(async (wire) => {
    wire.say({ cmd: 'subscribe', messageId: 3, subscriptions: SUBACKS.map(([, topic, qos]) => ({ topic, qos })) });
    const { granted } = await wire.hear('suback');
    assert.deepEqual(granted.map((code, i) => [code, SUBACKS[i][1]]), SUBACKS.map(([code, topic]) => [code, topic]));
}));

/* ---- twins: status, number, what, topic, body */

const patch = (query) => `$iothub/twin/PATCH/properties/reported/?$rid=x${query}`;
const deep = (depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
const TWINS = [
    [400, 'DeserializationError', 'what is no JSON', patch(''), '{'],
    [400, 'DeserializationError', 'nothing', patch(''), ''],
    [400, 'ArgumentInvalid', 'a list', patch(''), '[]'],
    [400, 'ArgumentInvalid', 'a key that begins with a dollar', patch(''), '{"$a":1}'],
    [400, 'ArgumentInvalid', 'a key with a dot', patch(''), '{"a.b":1}'],
    [400, 'ArgumentInvalid', 'a key with a space', patch(''), '{"a b":1}'],
    [400, 'ArgumentInvalid', 'a key of 1 KB and a byte', patch(''), `{"${'k'.repeat(1025)}":1}`],
    [400, 'ArgumentInvalid', 'text of 4 KB and a byte', patch(''), `{"a":"${'x'.repeat(4097)}"}`],
    [400, 'ArgumentInvalid', 'an integer that is too big', patch(''), '{"a":4503599627370496}'],
    [400, 'ArgumentInvalid', 'an integer that is too small', patch(''), '{"a":-4503599627370497}'],
    [400, 'ArgumentInvalid', 'eleven objects in each other', patch(''), deep(12)],
    [400, 'ArgumentInvalid', 'null in a list', patch(''), '{"a":[null]}'],
    [400, 'ArgumentInvalid', 'more than 32 KB', patch(''),
        JSON.stringify(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a${i}`, 'x'.repeat(4000)])))],
    [400, 'ArgumentInvalid', 'a version that is none', patch('&$version=x'), '{}'],
    [412, 'PreconditionFailed', 'another version', patch('&$version=99'), '{}'],
];

for (const [status, name, what, topic, payload] of TWINS) {
    check(`mqtt: ${status}: twin: ${what}`, () => withDevice(async (wire) => {
        wire.say({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }] });
        await wire.hear('suback');
        wire.say(publish(topic, { payload }));
        assert.equal((await wire.hear('puback')).messageId, 7);
        const answer = await wire.hear('publish');
        assert.equal(answer.topic, `$iothub/twin/res/${status}/?$rid=x`);
        const said = JSON.parse(answer.payload.toString());
        assert.deepEqual(Object.keys(said), ['errorCode', 'trackingId', 'message', 'timestampUtc']);
        assert.equal(said.errorCode, NUMBERS[name]);
    }));
}

/* ---- methods: what a service hears of a device that answers badly: status, name, topic, body */

const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);
const METHODS = [
    [502, 'what is no JSON', (rid) => `$iothub/methods/res/200/?$rid=${rid}`, '{'],
    [502, 'a status that is no number', (rid) => `$iothub/methods/res/good/?$rid=${rid}`, '{}'],
    [502, 'more than 128 KiB', (rid) => `$iothub/methods/res/200/?$rid=${rid}`, `"${'x'.repeat(128 * 1024)}"`],
];

for (const [status, what, topic, payload] of METHODS) {
    check(`mqtt: ${status}: method: the device answers ${what}`, () => withDevice(async (wire) => {
        wire.say({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: '$iothub/methods/POST/#', qos: 0 }] });
        await wire.hear('suback');
        const failed = failure(service.invokeDeviceMethod(ID, { methodName: 'm', responseTimeoutInSeconds: 60 }));
        const request = await wire.hear('publish');
        wire.say(publish(topic(request.topic.split('$rid=')[1]), { payload }));
        const error = await failed;
        assert.equal(error.response.statusCode, status);
        assert.equal(error.response.headers['iothub-errorcode'], 'GenericBadGateway');
        assert.equal(error.name, 'BadDeviceResponseError');
    }));
}

/* ---- the errors of Node's SDK */

check('mqtt: UnauthorizedError: another key, a device that is not there, one that is disabled', async () => {
    await started;
    for (const [deviceId, key] of [[ID, OTHER_KEY], ['err-nobody', KEY], ['err-mqtt-off', KEY]]) {
        assert.equal((await failure(open(deviceString({ deviceId }, key), Mqtt))).name, 'UnauthorizedError');
    }
});

check('mqtt: errors of the twin of azure-iot-device', async () => {
    const client = await open(await started, Mqtt);
    const twin = await client.getTwin();
    const report = (value) => new Promise((resolve) => { twin.properties.reported.update(value, resolve); });
    assert.equal((await report({ 'a.b': 1 })).name, 'Error');
    assert.equal((await report({ a: 'x'.repeat(4097) })).name, 'Error');
    assert.equal(await report({ a: 1 }) ?? null, null);
    await client.close();
});

check('mqtt: telemetry of 256 KiB and a byte ends the connection of azure-iot-device', async () => {
    const client = await open(await started, Mqtt);
    const error = await within(120000, 'the failure', failure(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1)))));
    assert.ok(['NotConnectedError', 'TimeoutError', 'MessageTooLargeError'].includes(error.name), error.name);
    await client.close();
});

/* ---- the rest of the references' rows */

const HELD = [
    ['CONNACK 3: throttled', 'src/server/mqtt_test.c', 'one_connection_too_many_is_told_to_come_later'],
    ['CONNACK 5: another certificate', 'tests/conformance/node/x509.js', 'UnauthorizedError'],
    ['closed: no packet within the keep-alive', 'src/server/mqtt_test.c', 'silence_ends_after_one_and_a_half_keep_alives'],
    ['closed: no CONNECT in time', 'src/proto/mqtt/time_test.c', 'a_server_waits_30_s_for_connect'],
    ['closed: the token ends', 'src/server/mqtt_test.c', 'an_expired_token_ends_the_connection_after_its_grace'],
    ['closed: above the throttle', 'src/server/mqtt_test.c', 'telemetry_that_would_wait_too_long_ends_the_connection'],
    ['closed: the daily quota', 'src/server/mqtt_test.c', 'telemetry_above_the_daily_quota_ends_the_connection'],
    ['429: twin', 'src/server/twin_test.c', 'requests_that_would_wait_too_long_are_answered_429'],
    ['403: twin', 'src/server/twin_test.c', 'a_twin_that_is_read_counts_by_its_size'],
];
held('mqtt', HELD);

complete('mqtt', ['CONNACK 1', 'CONNACK 2', 'CONNACK 3: throttled', 'CONNACK 4', 'CONNACK 5', 'closed: the token ends',
    'closed: no packet within the keep-alive', 'closed: no CONNECT in time', 'closed: above the throttle', 'closed: the daily quota',
    '429: twin', '400', '412'], CONNACKS.map(([code]) => `CONNACK ${code}`), HELD.map(([name]) => name), TWINS.map(([status]) => `${status}`));
