// peer.js KIND - what parsers that are not ours make of the same inputs, in the same lines (parsed.h):
// mqtt-packet, and the receiver of ws.
'use strict';
const mqtt = require('mqtt-packet');
const { Receiver } = require('ws');

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const text = (string) => hex(Buffer.from(string, 'utf8'));
const bit = (flag) => (flag ? 1 : 0);

// ---- MQTT

function connect(p) {
    let line = `connect,clean=${bit(p.clean)},keepalive=${p.keepalive},id=${text(p.clientId)}`;
    if (p.will) {
        line += `,will=${p.will.qos}${p.will.retain ? 'r' : ''},topic=${text(p.will.topic)}`;
        line += `,payload=${hex(p.will.payload)}`;
    }
    if (p.username !== undefined) line += `,user=${text(p.username)}`;
    if (p.password !== undefined) line += `,password=${hex(p.password)}`;
    return line;
}

function publish(p) {
    const id = p.qos ? `,packet=${p.messageId}` : '';
    return `publish,qos=${p.qos},dup=${bit(p.dup)},retain=${bit(p.retain)}${id},topic=${text(p.topic)}` +
        `,payload=${hex(p.payload)}`;
}

function packet(p) {
    switch (p.cmd) {
    case 'connect': return connect(p);
    case 'connack': return `connack,${bit(p.sessionPresent)},${p.returnCode}`;
    case 'publish': return publish(p);
    case 'subscribe':
        return `subscribe,packet=${p.messageId}` +
            p.subscriptions.map((s) => `,filter=${text(s.topic)}:${s.qos}`).join('');
    case 'unsubscribe':
        return `unsubscribe,packet=${p.messageId}` + p.unsubscriptions.map((t) => `,filter=${text(t)}`).join('');
    case 'suback': return `suback,packet=${p.messageId}` + p.granted.map((code) => `,${code}`).join('');
    case 'pingreq':
    case 'pingresp':
    case 'disconnect': return p.cmd;
    default: return `${p.cmd},packet=${p.messageId}`;
    }
}

// Byte by byte, for it reads strings as far as there are bytes.
function mqttLine(input) {
    const parser = mqtt.parser();
    const words = [];
    let refused;
    parser.on('error', (error) => { refused ??= error.message; });
    parser.on('packet', (p) => {
        if (refused) return;
        if (p.cmd === 'connect' && (p.protocolVersion !== 4 || p.bridgeMode)) refused = 'another version';
        else words.push(packet(p));
    });
    for (let at = 0; at < input.length && !refused; at++) parser.parse(input.subarray(at, at + 1));
    return [...words, refused ? `refused # ${refused}` : 'more'].join(' ');
}

// ---- WebSocket

const NO_CODE = 1005; // how ws says that a Close has none
const TEXT_END = '1e';

function codeOf(error) {
    return error[Object.getOwnPropertySymbols(error).find((symbol) => String(symbol).includes('status-code'))];
}

// Its limits are not set: no input is that long.
async function wsLine(input, isServer, isText) {
    const receiver = new Receiver({ isServer });
    const stream = [];
    const pongs = [];
    let end;
    receiver.on('message', (data, isBinary) => {
        if (isBinary === isText) end ??= `code=1003 refused # ${isBinary ? 'binary' : 'text'}`;
        else if (!end) stream.push(hex(data) + (isText ? TEXT_END : ''));
    });
    receiver.on('ping', (data) => end || pongs.push(` pong=${hex(data)}`));
    receiver.on('conclude', (code) => { end ??= `code=${code === NO_CODE ? 0 : code} closed`; });
    receiver.on('error', () => {});
    const error = await new Promise((resolve) => { receiver.write(input, resolve); });
    if (error) end ??= `code=${codeOf(error)} refused # ${error.message}`;
    return `stream=${stream.join('')}${isServer ? pongs.join('') : ''} ${end ?? 'more'}`;
}

// ---- inputs: each behind its length, 4 bytes, big-endian

const kinds = {
    'mqtt-server': mqttLine,
    'mqtt-client': mqttLine,
    'ws-server': (input) => wsLine(input, true, false),
    'ws-client': (input) => wsLine(input, false, false),
    'ws-text': (input) => wsLine(input, true, true),
};
const parse = kinds[process.argv[2]];

async function main() {
    let unread = Buffer.alloc(0);
    for await (const bytes of process.stdin) {
        unread = Buffer.concat([unread, bytes]);
        while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
            const end = 4 + unread.readUInt32BE(0);
            const input = Buffer.from(unread.subarray(4, end)); // a copy, for unmasking writes to it
            process.stdout.write(`${await parse(input)}\n`);
            unread = unread.subarray(end);
        }
    }
}

main();
