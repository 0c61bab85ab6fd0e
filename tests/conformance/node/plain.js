'use strict';
/* plain.js - Mosquitto's clients: MQTT as anybody speaks it, and what the SDKs would never say. */

const assert = require('assert/strict');
const { check } = require('./check');
const { collect, ends, env, host, identity, rest, roundTrip, sourceOf } = require('./hub');
const mqtt = require('./mosquitto');
const { token } = require('./sas');

const hub = { host, port: env.HUB_MQTT_PORT, ca: env.HUB_CA };

const account = (device) => ({ deviceId: device.deviceId, key: device.authentication.symmetricKey.primaryKey });
const signIn = (device) => mqtt.signIn(hub, account(device));
const publish = (device, how) => mqtt.publish(hub, account(device), how);
const topicOf = (device, bag = '') => `devices/${device.deviceId}/messages/events/${bag}`;

/** Nothing of what `act` tried from `device` was kept. */
async function keepsNothing(device, act) {
    const from = await ends();
    await act();
    const events = (await rest(from)).filter((event) => sourceOf(event) === device.deviceId);
    assert.deepEqual(events.map((event) => event.body.toString()), []);
}

for (const qos of [0, 1]) {
    check(`a QoS ${qos} message with a property bag arrives`, async () => {
        const device = await identity(`plain-qos${qos}`);
        const bag = '%24.mid=m1&$.cid=c%2F1&%24.ct=application%2Fjson&%24.ce=utf-8&%24.uid=u1&level=a%20b%26c&empty=/';
        const [event] = await roundTrip(device.deviceId, 1,
            () => publish(device, { qos, topic: topicOf(device, bag), body: '{"t":1}' }));
        assert.equal(event.body.toString(), '{"t":1}');
        assert.equal(event.messageId, 'm1');
        assert.equal(event.correlationId, 'c/1');
        assert.equal(event.contentType, 'application/json');
        assert.deepEqual({ ...event.properties }, { level: 'a b&c', empty: '' });
    });
}

check('the topic may end with events, and with a slash behind it', async () => {
    const device = await identity('plain-topic');
    for (const topic of ['devices/plain-topic/messages/events', 'devices/plain-topic/messages/events/']) {
        const [event] = await roundTrip('plain-topic', 1, () => publish(device, { topic, body: topic }));
        assert.equal(event.body.toString(), topic);
    }
});

check('a retained message is marked, not retained', async () => {
    const device = await identity('plain-retain');
    const [event] = await roundTrip('plain-retain', 1, () => publish(device, { words: ['-r'] }));
    assert.deepEqual({ ...event.properties }, { 'mqtt-retain': 'true' });
});

check('the user name may have its older forms', async () => {
    const device = await identity('plain-user');
    for (const user of [`${host}/plain-user/api-version=2018-06-30`, `${host}/plain-user`]) {
        const [event] = await roundTrip('plain-user', 1, () => publish(device, { user, body: user }));
        assert.equal(event.body.toString(), user);
    }
});

check('connections that are not this device are refused', async () => {
    const device = await identity('plain-refused');
    const disabled = await identity('plain-disabled', { status: 'disabled' });
    const unknown = { ...device, deviceId: 'plain-unknown' };
    const key = device.authentication.symmetricKey.primaryKey;
    for (const [who, how] of [
        [device, { password: token(`${host}/devices/plain-refused`, Buffer.alloc(32, 9).toString('base64'), 3600) }],
        [device, { password: token(`${host}/devices/plain-refused`, key, -3600) }],
        [device, { password: 'SharedAccessSignature sr=a&sig=b' }],
        [device, { password: 'nonsense' }],
        [device, { clientId: 'plain-else' }],
        [device, { user: `other.example.test/plain-refused/?api-version=2021-04-12` }],
        [device, { user: 'nonsense' }],
        [disabled, {}], [unknown, {}],
    ]) {
        const { status, said } = await publish(who, how);
        assert.match(said, /refused|not authori[sz]ed|bad user/i, JSON.stringify(how));
        assert.notEqual(status, 0);
    }
});

check('MQTT 5 is refused', async () => {
    const device = await identity('plain-five');
    await keepsNothing(device, async () => {
        assert.notEqual((await publish(device, { version: 'mqttv5' })).status, 0);
    });
});

for (const [what, how] of [
    ['QoS 2', () => ({ qos: 2 })],
    ['the topic of another device', () => ({ topic: 'devices/plain-somebody/messages/events/' })],
    ['a topic that no document has', () => ({ topic: 'sensors/temperature' })],
    ['a property bag with a broken escape', (device) => ({ topic: topicOf(device, 'a=%zz') })],
]) {
    check(`publishing with ${what} ends the connection and keeps nothing`, async () => {
        const device = await identity(`plain-bad-${what.replace(/\W/g, '-')}`);
        await keepsNothing(device, async () => {
            assert.notEqual((await publish(device, { ...how(device), ms: 3000 })).status, 0);
        });
    });
}

check('filters that are none of the hub\'s are refused', async () => {
    const device = await identity('plain-filters');
    for (const filter of ['$iothub/#', '$iothub/twin/#', '#', 'devices/plain-somebody/messages/devicebound/#']) {
        const { said } = await mqtt.mosquitto('mosquitto_sub', [...signIn(device), '-t', filter]);
        assert.match(said, /denied/i, filter);
    }
});

check('the will of a device that dies is a message of its own', async () => {
    const device = await identity('plain-will');
    const from = await ends();
    const will = ['--will-topic', topicOf(device, 'last=words'), '--will-payload', 'gone', '--will-qos', '1'];
    const client = mqtt.mosquitto('mosquitto_pub', [...signIn(device), ...will, '-t', topicOf(device), '-l', '-q', '1'], {
        onStart: async (child) => {
            child.stdin.write('alive\n');
            await collect((events) => events.some((event) => sourceOf(event) === 'plain-will'), { from }).catch(() => {});
            child.kill('SIGKILL');
        },
    });
    const mine = (events) => events.filter((event) => sourceOf(event) === 'plain-will');
    const events = mine(await collect((some) => mine(some).length >= 2, { from }));
    await client;
    assert.deepEqual(events.map((event) => event.body.toString()), ['alive', 'gone']);
    assert.deepEqual({ ...events[1].properties }, { last: 'words', 'iothub-MessageType': 'Will' });
});

check('who takes its own connection over is alive: there is no will', async () => {
    const device = await identity('plain-renewed');
    const from = await ends();
    const mine = (events) => events.filter((event) => sourceOf(event) === 'plain-renewed');
    const will = ['--will-topic', topicOf(device), '--will-payload', 'gone', '--will-qos', '1'];
    const send = async (text, count, ...more) => mqtt.mosquitto('mosquitto_pub', [...signIn(device), ...more, '-t', topicOf(device), '-l', '-q', '1'], {
        onStart: async (child) => {
            child.stdin.write(`${text}\n`);
            await collect((events) => mine(events).length >= count, { from }).catch(() => {});
            if (count === 1) await send('second', 2);
            child.stdin.end();
            child.kill('SIGKILL');
        },
    });
    await send('first', 1, ...will);
    const events = mine(await collect((some) => mine(some).length >= 2, { from }));
    assert.deepEqual(events.map((event) => event.body.toString()), ['first', 'second']);
});
