'use strict';
/* x509.js - devices that show a certificate, through azure-iot-device-mqtt, and the CAs they come from,
 * through `azimuth hub certificate`. */

const assert = require('assert/strict');
const fs = require('fs');
const rhea = require('rhea');
const tls = require('tls');
const { Client, Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { check, failure, until } = require('./check');
const { ca, deviceString, host, identity, open, openWithToken, registry, roundTrip, whenGone } = require('./hub');
const { token } = require('./sas');
const { overWebSocket } = require('./transport');
const { azimuth, byCa, file, issue, openWith, read, selfSigned, thumbprint } = require('./x509_kit');

async function sendWith(name, deviceId, transport) {
    const client = await openWith(name, deviceId, transport);
    await client.sendEvent(new Message('{}'));
    await client.close();
}

async function assertRefused(promise) {
    assert.equal((await failure(promise)).name, 'UnauthorizedError');
}

issue('first', 'x509-self');
issue('second', 'any name will do');
issue('old', 'x509-old', 'self', 'leaf', '-1');
issue('root', 'Conformance Root', 'self', 'ca');
issue('line', 'Conformance Line', 'root', 'ca');
issue('device', 'x509-ca', 'line');
issue('expired', 'x509-ca', 'line', 'leaf', '-1');
issue('stranger', 'Stranger', 'self', 'ca');
issue('strange', 'x509-ca', 'stranger');

check('a certificate with the primary or the secondary thumbprint opens the door, by either hash', async () => {
    const device = await identity('x509-self', selfSigned(thumbprint('first', 'sha1'),
        thumbprint('second', 'sha256').toUpperCase()));
    for (const name of ['first', 'second']) {
        const [event] = await roundTrip('x509-self', 1, () => sendWith(name, 'x509-self'));
        const method = JSON.parse(event.systemProperties['iothub-connection-auth-method']);
        assert.deepEqual([method.scope, method.type, method.issuer], ['device', 'x509', 'iothub']);
    }
    assert.equal(device.authentication.type, 'selfSigned');
});

check('a certificate counts over WebSocket as well', async () => {
    await identity('x509-ws', selfSigned(thumbprint('first', 'sha256'), null));
    const [event] = await roundTrip('x509-ws', 1, () => sendWith('first', 'x509-ws', overWebSocket));
    assert.match(event.systemProperties['iothub-connection-auth-method'], /"type":"x509"/);
    await assertRefused(openWith('second', 'x509-ws', overWebSocket));
});

/** One message over a link that is called and addressed so. */
function sendByLink(name, address, body) {
    const connection = rhea.create_container().connect({
        host, port: 5671, transport: 'tls', ca, hostname: host, reconnect: false,
        cert: read('first.chain.pem'), key: read('first.key'),
    });
    return new Promise((resolve, reject) => {
        const sender = connection.open_sender({ name, target: address });
        sender.once('sendable', () => sender.send({ body: rhea.message.data_section(Buffer.from(body)) }));
        sender.once('accepted', () => { connection.close(); resolve(); });
        sender.once('sender_error', () => { connection.close(); reject(sender.error); });
        connection.on('disconnected', (context) => reject(context.error || new Error('disconnected')));
    });
}

/* No token says which: such an id is written as it is by C and encoded by .NET, in addresses that look alike. */
check('a device with a percent sign in its id sends over AMQP as the SDKs for C and .NET write it', async () => {
    const deviceId = 'x509-100%41';
    await identity(deviceId, selfSigned(thumbprint('first', 'sha1'), null));
    await identity('x509-100A', selfSigned(thumbprint('second', 'sha1'), null));
    const place = (id) => `amqps://${host}/devices/${id}/messages/events`;
    const events = await roundTrip(deviceId, 2, async () => {
        await sendByLink(`link-snd-${deviceId}-5d8a4b3e`, place(deviceId), 'C');
        await sendByLink('TelemetrySenderLink', place(encodeURIComponent(deviceId)), '.NET');
    });
    assert.deepEqual(events.map((event) => event.body.toString()), ['C', '.NET']);
});

check('another certificate and an expired one are refused', async () => {
    await identity('x509-old', selfSigned(thumbprint('old', 'sha1'), null));
    await assertRefused(openWith('old', 'x509-old'));
    await assertRefused(openWith('device', 'x509-self'));
});

check('a token for a device with certificates is refused, and a certificate for one with keys', async () => {
    const keys = await identity('x509-keys');
    const key = Buffer.alloc(32, 7).toString('base64');
    await assertRefused(openWithToken(token(`${host}/devices/x509-self`, key, 3600)));
    await assertRefused(openWith('first', 'x509-keys'));
    await (await open(deviceString(keys))).close();
});

check('a CA counts once possession of its key is proven', async () => {
    await identity('x509-ca', byCa);
    await assertRefused(openWith('device', 'x509-ca'));
    const made = azimuth('create', '-n', 'Conformance', '-p', file('root.pem'));
    assert.equal(made.properties.subject, 'CN=Conformance Root');
    assert.equal(made.properties.thumbprint, thumbprint('root', 'sha1').toUpperCase());
    assert.equal(made.properties.isVerified, false);
    await assertRefused(openWith('device', 'x509-ca'));

    const { etag, properties } = azimuth('generate-verification-code', '-n', 'Conformance', '-e', made.etag);
    issue('wrong', properties.verificationCode, 'stranger');
    issue('proof', properties.verificationCode, 'root');
    assert.throws(() => azimuth('verify', '-n', 'Conformance', '-p', file('wrong.pem'), '-e', etag));
    assert.throws(() => azimuth('verify', '-n', 'Conformance', '-p', file('proof.pem'), '-e', made.etag));
    assert.equal(azimuth('verify', '-n', 'Conformance', '-p', file('proof.pem'), '-e', etag).properties.isVerified, true);

    const [event] = await roundTrip('x509-ca', 1, () => sendWith('device', 'x509-ca'));
    assert.match(event.systemProperties['iothub-connection-auth-method'], /"type":"x509"/);
});

check('the same certificates over HTTPS', async () => {
    const sends = async (name, deviceId) => {
        const client = Client.fromConnectionString(`HostName=${host};DeviceId=${deviceId};x509=true`, Http);
        await client.setOptions({ cert: read(`${name}.chain.pem`), key: read(`${name}.key`), ca, http: { receivePolicy: { manualPolling: true } } });
        await client.open();
        await client.sendEvent(new Message('{}'));
        await client.close();
    };
    const [event] = await roundTrip('x509-ca', 1, () => sends('device', 'x509-ca'));
    assert.match(event.systemProperties['iothub-connection-auth-method'], /"type":"x509"/);
    await assertRefused(sends('strange', 'x509-ca'));
    await assertRefused(sends('expired', 'x509-ca'));
});

check('an expired leaf, another name, another CA and a missing intermediate are refused', async () => {
    await identity('x509-other', byCa);
    await assertRefused(openWith('expired', 'x509-ca'));
    await assertRefused(openWith('device', 'x509-other'));
    await assertRefused(openWith('strange', 'x509-ca'));
    fs.copyFileSync(file('device.pem'), file('bare.chain.pem'));
    fs.copyFileSync(file('device.key'), file('bare.key'));
    await assertRefused(openWith('bare', 'x509-ca'));
});

check('an intermediate may be registered instead of its root, and is then not sent', async () => {
    assert.equal(azimuth('create', '-n', 'line', '-p', file('line.pem'), '--verified').properties.isVerified, true);
    await (await openWith('bare', 'x509-ca')).close();
    const names = azimuth('list').map(({ name }) => name);
    assert.deepEqual(['Conformance', 'line', 'device'].map((name) => names.includes(name)), [true, true, false]);
    azimuth('delete', '-n', 'line');
    await assertRefused(openWith('bare', 'x509-ca'));
});

/** Telemetry over a connection of that version, which goes on with `session` if the server lets it. */
function sendOver(version, session) {
    return new Promise((resolve, reject) => {
        const sessions = [];
        let said = '';
        const socket = tls.connect({
            host, port: 443, ca, session, minVersion: version, maxVersion: version, cert: read('device.chain.pem'),
            key: read('device.key'),
        });
        socket.on('session', (one) => sessions.push(one));
        socket.on('data', (bytes) => { said += bytes; });
        socket.on('error', reject);
        socket.on('end', () => resolve({
            status: Number(said.split(' ')[1]), resumed: socket.isSessionReused(), session: sessions[0] || socket.getSession(),
        }));
        socket.write('POST /devices/x509-ca/messages/events?api-version=2021-04-12 HTTP/1.1\r\n'
            + `Host: ${host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`);
    });
}

check('with a certificate no session is resumed: who is revoked comes in no more, chain or not', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const first = await sendOver(version);
        assert.deepEqual([first.status, first.resumed], [204, false]);
        const second = await sendOver(version, first.session);
        assert.deepEqual([second.status, second.resumed], [204, false]);
        await registry.update({ deviceId: 'x509-ca', status: 'disabled', ...byCa });
        const third = await sendOver(version, first.session);
        assert.deepEqual([third.status, third.resumed], [401, false]);
        await registry.update({ deviceId: 'x509-ca', status: 'enabled', ...byCa });
    }
});

check('a device is connected until its thumbprint is another one; deleting a CA ends no connection', async () => {
    const live = await openWith('device', 'x509-ca'), self = await openWith('first', 'x509-self');
    let closed = 0, lost = 0;
    whenGone(live, () => { lost++; });
    whenGone(self, () => { closed++; });
    azimuth('delete', '-n', 'conformance');
    await registry.update({ deviceId: 'x509-self', ...selfSigned(thumbprint('old', 'sha1'), null) });
    await until('the device with the old thumbprint is disconnected', () => closed);
    await live.sendEvent(new Message('still here'));
    assert.equal(lost, 0);
    await live.close();
    await assertRefused(openWith('device', 'x509-ca'));
    await assertRefused(openWith('first', 'x509-self'));
});
