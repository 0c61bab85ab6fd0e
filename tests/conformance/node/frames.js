'use strict';
/* frames.js - the `ws` package and bare TLS: upgrades and frames that no SDK would send. */

const assert = require('assert/strict');
const https = require('https');
const tls = require('tls');
const { WebSocket } = require('ws');
const { WAIT_MS, check, until, within } = require('./check');
const { ca, host, identity, roundTrip } = require('./hub');
const { token } = require('./sas');

const AMQP_HEADER = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1');
const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);
const DISCONNECT = Buffer.from([0xe0, 0]);

/* ---- MQTT by hand */

const mqttString = (text) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);

function packet(first, ...parts) {
    const body = Buffer.concat(parts);
    const head = [first];
    let left = body.length;
    do {
        head.push((left & 127) | (left > 127 ? 128 : 0));
        left >>= 7;
    } while (left);
    return Buffer.concat([Buffer.from(head), body]);
}

function connectPacket(device) {
    const { deviceId } = device;
    const password = token(`${host}/devices/${deviceId}`, device.authentication.symmetricKey.primaryKey, 3600);
    return packet(0x10, mqttString('MQTT'), Buffer.from([4, 0xc2, 0, 60]), mqttString(deviceId),
        mqttString(`${host}/${deviceId}/?api-version=2021-04-12`), mqttString(password));
}

const publishPacket = (device, body) =>
    packet(0x30, mqttString(`devices/${device.deviceId}/messages/events/`), Buffer.from(body));

/* ---- upgrades */

const UPGRADE = {
    connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'mqtt',
};

/** The answer to a request with these headers: status, headers, text. */
function ask(path, headers, method = 'GET') {
    return within(WAIT_MS, 'the answer', new Promise((resolve, reject) => {
        const request = https.request({ host, path, method, headers, ca, agent: false });
        request.on('upgrade', (answer, socket) => {
            socket.destroy();
            resolve({ status: answer.statusCode, headers: answer.headers, text: '' });
        });
        request.on('response', (answer) => {
            let text = '';
            answer.on('data', (data) => { text += data; });
            answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
        });
        request.on('error', reject);
        request.end();
    }));
}

for (const path of ['/', '/mqtt', '/$iothub/websocket', '/%24iothub/websocket', '/$servicebus/websocket',
    '/$iothub/websocket?iothub-no-client-cert=true']) {
    check(`${path} takes MQTT and AMQP, and echoes what was offered`, async () => {
        for (const [offer, chosen] of [['mqtt', 'mqtt'], ['MQTT', 'MQTT'], ['AMQPWSB10', 'AMQPWSB10'],
            ['amqp', 'amqp'], ['soap, mqtt', 'mqtt'], ['AMQPWSB10,mqtt', 'AMQPWSB10']]) {
            const { status, headers } = await ask(path, { ...UPGRADE, 'sec-websocket-protocol': offer });
            assert.equal(status, 101, offer);
            assert.equal(headers['sec-websocket-protocol'], chosen);
            assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
            assert.equal(headers['sec-websocket-extensions'], undefined);
        }
    });
}

check('what is wrong with an upgrade is said', async () => {
    for (const [change, status, text, method, path] of [
        [{ 'sec-websocket-protocol': 'soap' }, 400, /'soap' is not spoken here; expected 'mqtt' or 'AMQPWSB10'/],
        [{ 'sec-websocket-protocol': undefined }, 400, /Sec-WebSocket-Protocol is missing/],
        [{ 'sec-websocket-key': 'short' }, 400, /Sec-WebSocket-Key/],
        [{ 'sec-websocket-key': undefined }, 400, /Sec-WebSocket-Key/],
        [{ 'sec-websocket-version': '8' }, 426, /must be 13/],
        [{ 'sec-websocket-version': undefined }, 426, /must be 13/],
        [{ upgrade: undefined, connection: undefined }, 426, /WebSocket upgrades only/],
        [{}, 405, /method/, 'PUT'],
        [{}, 404, /\$iothub\/websocket/, 'GET', '/elsewhere'],
    ]) {
        const headers = Object.fromEntries(Object.entries({ ...UPGRADE, ...change }).filter(([, value]) => value));
        const answer = await ask(path || '/$iothub/websocket', headers, method);
        assert.equal(answer.status, status, answer.text);
        assert.match(JSON.parse(answer.text).Message, text);
        if (status === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
    }
});

/* ---- the `ws` package: a client that is not ours, as client and as judge of what we answer */

/** An open connection; what it gets gathers in `got`, its end in `closed`. */
async function connect(protocol = 'mqtt', options = {}) {
    const socket = new WebSocket(`wss://${host}/$iothub/websocket`, protocol, { ca, ...options });
    const peer = { socket, got: Buffer.alloc(0), pongs: [], closed: null, frames: 0 };
    socket.on('message', (data, binary) => {
        assert.ok(binary);
        peer.got = Buffer.concat([peer.got, data]);
        peer.frames++;
    });
    socket.on('pong', (data) => peer.pongs.push(data.toString()));
    socket.on('close', (code, reason) => { peer.closed = { code, reason: reason.toString() }; });
    socket.on('error', (error) => { peer.error = error; });
    await within(WAIT_MS, 'opening', new Promise((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
    }));
    return peer;
}

const closed = (peer) => until('the connection is closed', () => peer.closed);

async function signedIn(name, options) {
    const device = await identity(name);
    const peer = await connect('mqtt', options);
    peer.socket.send(connectPacket(device));
    await until('CONNACK', () => peer.got.length >= 4);
    assert.deepEqual(peer.got.subarray(0, 4), Buffer.from([0x20, 2, 0, 0]));
    peer.got = Buffer.alloc(0);
    return { device, peer };
}

check('permessage-deflate is offered and not taken', async () => {
    const { peer } = await signedIn('frames-deflate', { perMessageDeflate: true });
    assert.equal(peer.socket.extensions, '');
    peer.socket.close();
    await closed(peer);
});

check('packets may be split over frames and joined in one, with pings in between', async () => {
    const { device, peer } = await signedIn('frames-cut');
    const bytes = Buffer.concat([publishPacket(device, 'first'), publishPacket(device, 'second'), PINGREQ]);
    const events = await roundTrip('frames-cut', 4, async () => {
        peer.socket.send(bytes);
        for (const byte of bytes) {
            peer.socket.send(Buffer.from([byte]), { fin: false });
            peer.socket.ping(String(byte));
        }
        peer.socket.send(Buffer.alloc(0), { fin: true });
        await until('all pongs', () => peer.pongs.length === bytes.length);
        await until('both answers', () => peer.got.length >= 4);
    });
    assert.deepEqual(peer.pongs, [...bytes].map(String));
    assert.deepEqual(peer.got, Buffer.concat([PINGRESP, PINGRESP]));
    assert.deepEqual(events.map((event) => event.body.toString()), ['first', 'second', 'first', 'second']);
    peer.socket.close();
    await closed(peer);
});

check('a close of ours is answered with its code', async () => {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
        const { peer } = await signedIn(`frames-close-${code}`);
        if (code === 1001) peer.socket._sender.close(1001, '', true);
        else peer.socket.close(code, 'bye');
        assert.deepEqual(await closed(peer), { code, reason: '' });
    }
    const { peer } = await signedIn('frames-close-none');
    peer.socket.close();
    assert.equal((await closed(peer)).code, 1005);
});

check('the hub closes with 1000 and waits for the answer', async () => {
    const { peer } = await signedIn('frames-bye');
    peer.socket.send(DISCONNECT);
    assert.deepEqual(await closed(peer), { code: 1000, reason: '' });
});

check('text is refused with 1003', async () => {
    const { peer } = await signedIn('frames-text');
    peer.socket.send('text');
    const { code, reason } = await closed(peer);
    assert.equal(code, 1003);
    assert.match(reason, /binary/);
});

check('AMQP answers in binary frames', async () => {
    for (const protocol of ['AMQPWSB10', 'amqp']) {
        const peer = await connect(protocol);
        for (const byte of AMQP_HEADER) peer.socket.send(Buffer.from([byte]));
        await until('the header comes back', () => peer.got.length >= 8);
        assert.deepEqual(peer.got.subarray(0, 8), AMQP_HEADER);
        peer.socket.close();
        await closed(peer);
    }
});

check('what is no MQTT ends with a close', async () => {
    const peer = await connect('mqtt');
    peer.socket.send('GET / HTTP/1.1\r\n\r\n', { binary: true });
    assert.equal((await closed(peer)).code, 1000);
});

/* ---- bytes */

/** Sends the upgrade and `bytes` behind it in one write; all that comes until the end, as frames. */
function provoke(bytes) {
    return within(WAIT_MS, 'the end of the connection', new Promise((resolve, reject) => {
        const socket = tls.connect({ host, port: 443, ca, servername: host });
        const head = Object.entries(UPGRADE).map(([name, value]) => `${name}: ${value}\r\n`).join('');
        let got = Buffer.alloc(0);
        socket.on('data', (data) => { got = Buffer.concat([got, data]); });
        socket.on('error', reject);
        socket.on('close', () => {
            const end = got.indexOf('\r\n\r\n');
            assert.match(got.subarray(0, end).toString(), /^HTTP\/1.1 101 /);
            resolve(got.subarray(end + 4));
        });
        socket.write(Buffer.concat([Buffer.from(`GET /mqtt HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n`), bytes]));
    }));
}

const KEY = [1, 2, 3, 4];
const masked = (first, payload) => Buffer.concat([
    Buffer.from([first, 0x80 | payload.length, ...KEY]), Buffer.from(payload.map((byte, n) => byte ^ KEY[n % 4])),
]);

for (const [what, bytes, code] of [
    ['a frame without a mask', Buffer.from([0x82, 1, 0]), 1002],
    ['a reserved bit', masked(0xc2, [0]), 1002],
    ['a reserved opcode', masked(0x83, [0]), 1002],
    ['a continuation of nothing', masked(0x80, [0]), 1002],
    ['a message inside another', Buffer.concat([masked(0x02, [0x10]), masked(0x82, [0])]), 1002],
    ['a fragmented ping', masked(0x09, [0]), 1002],
    ['a ping of 126 bytes', Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, ...KEY]), Buffer.alloc(126)]), 1002],
    ['a close with half a code', masked(0x88, [3]), 1002],
    ['a close with code 1005', masked(0x88, [3, 0xed]), 1002],
    ['a close whose reason is not UTF-8', masked(0x88, [3, 0xe8, 0xff]), 1007],
    ['a frame over 4 MiB', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x40, 0, 1, ...KEY, 0]), 1009],
    ['a length with the highest bit', Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, ...KEY, 0]), 1002],
]) {
    check(`${what} is refused with ${code}`, async () => {
        const got = await provoke(bytes);
        assert.equal(got[0], 0x88, got.toString('hex'));
        assert.equal(got.readUInt16BE(2), code);
        assert.equal(got.length, 2 + got[1]);
    });
}

check('a client that says nothing after the upgrade is left after MQTT\'s 30 seconds', async () => {
    const peer = await connect('mqtt');
    const end = await until('the connection is closed', () => peer.closed, 90000);
    assert.equal(end.code, 1000);
});
