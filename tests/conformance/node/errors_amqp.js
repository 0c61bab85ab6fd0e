'use strict';
/* errors_amqp.js - the errors of AMQP, for devices, services and readers of the stream: conditions of refused
 * links, of rejected messages and of ended links, statuses of $cbs, $management and twins, and the errors of
 * azure-iot-device-amqp and azure-iothub for them.
 *
 * Sources: AmqpErrorMapper of IoT Edge and the SDK for .NET, amqp_common_errors.js of Node. */

const assert = require('assert/strict');
const rhea = require('rhea');
const { Message } = require('azure-iot-common');
const { Amqp } = require('azure-iot-device-amqp');
const { serve } = require('./c2d_kit');
const { WAIT_MS, check, failure, within } = require('./check');
const { NUMBERS, complete, held } = require('./errors_kit');
const { ca, deviceString, env, eventHubName, host, identity, open } = require('./hub');
const { fields, token } = require('./sas');

const KEY = Buffer.alloc(32, 11).toString('base64');
const ME = '/devices/err-amqp';
const own = token(`${host}${ME}`, KEY, 600);
const of = (string) => token(host, fields(string).SharedAccessKey, 600, fields(string).SharedAccessKeyName);
const text = (body) => rhea.message.data_section(Buffer.from(body));
const started = identity('err-amqp', { authentication: { symmetricKey: { primaryKey: KEY, secondaryKey: KEY } } });
started.catch(() => {}); // the cases say it

/** A connection without SASL, as Node's SDK has it. */
class Peer {
    constructor(more = {}) {
        this.connection = rhea.create_container().connect({
            host, port: 5671, transport: 'tls', ca, servername: host, hostname: host, reconnect: false, ...more,
        });
        this.connection.on('error', () => {});
        this.connection.on('session_error', () => {}); // with the last link of a device its session goes
    }

    /** A link of either kind: resolves to it, or to the error that it is refused with. */
    attach(kind, options) {
        const link = this.connection[`open_${kind}`]({ autoaccept: false, ...options });
        return within(WAIT_MS, 'the link', new Promise((resolve) => {
            link.on(`${kind}_error`, () => resolve(link.error));
            link.once(`${kind}_open`, () => {
                const terminus = kind === 'sender' ? link.remote.attach.target : link.remote.attach.source;
                if (terminus && terminus.address) resolve(link);
            });
        }));
    }

    /** Sends a request to a node that answers, and returns the answer. */
    async request(address, message) {
        if (!this.pairs) this.pairs = {};
        if (!this.pairs[address]) {
            const receiver = await this.attach('receiver', { source: { address }, credit_window: 2000 });
            this.pairs[address] = { sender: await this.attach('sender', { target: { address } }), waiting: new Map() };
            receiver.on('message', ({ message: answer, delivery }) => {
                delivery.accept();
                this.pairs[address].waiting.get(String(answer.correlation_id))?.(answer);
            });
        }
        const { sender, waiting } = this.pairs[address];
        const id = `r${waiting.size}`;
        const answered = new Promise((resolve) => { waiting.set(id, resolve); });
        while (!sender.sendable()) await new Promise((resolve) => { sender.once('sendable', resolve); });
        sender.send({ message_id: id, correlation_id: id, reply_to: 'cbs', ...message });
        return within(WAIT_MS, `the answer of ${address}`, answered);
    }

    put(body, operation = 'put-token') {
        return this.request('$cbs', {
            body, application_properties: { operation, type: 'servicebus.windows.net:sastoken', name: 'any' },
        });
    }

    close() {
        this.connection.close();
    }
}

/** How a message ends that is sent on `sender`: nothing, or the error that it is rejected with. */
function outcome(sender, ...what) {
    return within(WAIT_MS, 'the outcome', new Promise((resolve) => {
        sender.once('accepted', () => resolve(null));
        sender.once('rejected', ({ delivery }) => resolve(delivery.remote_state.error));
        const send = () => sender.send(...what);
        if (sender.sendable()) send();
        else sender.once('sendable', send);
    }));
}

/** Runs with a connection that put these tokens. */
async function withPeer(tokens, act) {
    await started;
    const peer = new Peer();
    try {
        for (const one of tokens) {
            assert.equal((await peer.put(one)).application_properties['status-code'], 200);
        }
        return await act(peer);
    } finally {
        peer.close();
    }
}

/** What the description of a device's links says, as a real hub has it. */
function described(error, number) {
    const said = JSON.parse(error.description);
    assert.deepEqual(Object.keys(said), ['errorCode', 'trackingId', 'message', 'timestampUtc']);
    assert.equal(said.errorCode, number);
}

/* ---- links that are refused: condition, what, tokens, kind, options, number in the description */

const long = 'x'.repeat(2049);
const REFUSED = [
    ['amqp:not-found', 'an address that is none', [], 'sender', { target: { address: '/nothing' } }],
    ['com.microsoft:argument-out-of-range', 'a partition that is none', [of(env.HUB_SERVICE)], 'receiver',
        { source: { address: `${eventHubName}/ConsumerGroups/$Default/Partitions/99` } }],
    ['com.microsoft:argument-out-of-range', 'a partition that is no number', [of(env.HUB_SERVICE)], 'receiver',
        { source: { address: `${eventHubName}/ConsumerGroups/$Default/Partitions/boo` } }],
    ['amqp:not-found', 'a consumer group that is none', [of(env.HUB_SERVICE)], 'receiver',
        { source: { address: `${eventHubName}/ConsumerGroups/none/Partitions/0` } }],
    ['amqp:not-allowed', 'sending to the stream', [of(env.HUB_SERVICE)], 'sender', { target: { address: eventHubName } }],
    ['amqp:unauthorized-access', 'a service without a token', [], 'sender', { target: { address: '/messages/devicebound' } }],
    ['amqp:unauthorized-access', 'a policy without the right', [of(env.HUB_REGISTRY_READ)], 'sender',
        { target: { address: '/messages/devicebound' } }],
    ['amqp:unauthorized-access', 'the stream, to a device', [own], 'receiver',
        { source: { address: `${eventHubName}/ConsumerGroups/$Default/Partitions/0` } }],
    ['amqp:unauthorized-access', 'a device without a token', [], 'sender', { target: { address: `${ME}/messages/events` } }, 401002],
    ['amqp:unauthorized-access', 'a device with the token of another', [own], 'sender',
        { target: { address: '/devices/err-other/messages/events' } }, 401002],
    ['amqp:unauthorized-access', 'a device that is not there', [of(env.HUB_DEVICE)], 'sender',
        { target: { address: '/devices/err-nobody/messages/events' } }, 401002],
    ['amqp:invalid-field', 'an actor chain that is too long', [own], 'sender', {
        target: { address: `${ME}/messages/events` }, properties: { 'com.microsoft:auth-chain': long },
    }],
    ['com.microsoft:argument-error', 'an owner level that is no number', [of(env.HUB_SERVICE)], 'receiver', {
        source: { address: `${eventHubName}/ConsumerGroups/$Default/Partitions/0` },
        properties: { 'com.microsoft:epoch': 'high' },
    }],
    ['com.microsoft:argument-error', 'a filter that does not parse', [of(env.HUB_SERVICE)], 'receiver', {
        source: {
            address: `${eventHubName}/ConsumerGroups/$Default/Partitions/0`,
            filter: { 'apache.org:selector-filter:string': rhea.types.wrap_described('nonsense', 0x468C00000004) },
        },
    }],
    ['com.microsoft:argument-out-of-range', 'a place behind the end of the stream', [of(env.HUB_SERVICE)], 'receiver', {
        source: {
            address: `${eventHubName}/ConsumerGroups/$Default/Partitions/0`,
            filter: {
                'apache.org:selector-filter:string': rhea.types.wrap_described(
                    "amqp.annotation.x-opt-sequence-number > '999999999'", 0x468C00000004),
            },
        },
    }],
];

for (const [condition, what, tokens, kind, options, number] of REFUSED) {
    check(`amqp: ${condition}: ${what}`, () => withPeer(tokens, async (peer) => {
        const error = await peer.attach(kind, options);
        assert.equal(error.condition, condition);
        assert.ok(error.description.length > 0);
        if (number) described(error, number);
    }));
}

/* ---- messages that are rejected: condition, what, token, address, message, number: in the info for services,
 * in the description for devices */

const to = (deviceId) => ({ to: `/devices/${deviceId}/messages/devicebound`, body: text('x') });
const DEVICEBOUND = '/messages/devicebound';
const REJECTED = [
    ['amqp:not-found', 'a message to a device that is not there', of(env.HUB_SERVICE), DEVICEBOUND, [to('err-nobody')], 404001],
    ['amqp:not-allowed', 'a message to a module', of(env.HUB_SERVICE), DEVICEBOUND,
        [{ to: `${ME}/modules/m/messages/devicebound`, body: text('x') }], 400003],
    ['com.microsoft:argument-error', 'a message to no address', of(env.HUB_SERVICE), DEVICEBOUND,
        [{ to: '/nothing', body: text('x') }], 400004],
    ['com.microsoft:argument-error', 'a message that ends in the past', of(env.HUB_SERVICE), DEVICEBOUND,
        [{ ...to('err-amqp'), absolute_expiry_time: new Date(Date.now() - 60000) }], 400004],
    ['com.microsoft:argument-error', 'a message with an ack that is none', of(env.HUB_SERVICE), DEVICEBOUND,
        [{ ...to('err-amqp'), application_properties: { 'iothub-ack': 'perhaps' } }], 400004],
    ['com.microsoft:argument-error', 'bytes that are no message', of(env.HUB_SERVICE), DEVICEBOUND,
        [Buffer.from('nonsense'), undefined, 0], 400004],
    ['amqp:link:message-size-exceeded', 'a message of 64 KiB and a byte', of(env.HUB_SERVICE), DEVICEBOUND,
        [{ ...to('err-amqp'), body: text('x'.repeat(64 * 1024 + 1)) }], 413001],
    ['amqp:decode-error', 'telemetry that is no message', own, `${ME}/messages/events`, [Buffer.from('nonsense'), undefined, 0], 400004],
    ['amqp:decode-error', 'a batch of what is no message', own, `${ME}/messages/events`,
        [Buffer.from([0, 0x53, 0x75, 0xa0, 1, 0]), undefined, 0x80013700], 400004],
    ['amqp:link:message-size-exceeded', 'telemetry of 256 KiB and a byte', own, `${ME}/messages/events`,
        [{ body: text('x'.repeat(256 * 1024 + 1)) }], 413001],
    ['amqp:decode-error', 'a request for the twin that is no message', own, `${ME}/twin`, [Buffer.from('nonsense'), undefined, 0]],
    ['amqp:not-allowed', 'a request for the twin whose answer nobody takes', own, `${ME}/twin`, [{ body: text(' ') }]],
];

for (const [condition, what, one, address, sent, number] of REJECTED) {
    check(`amqp: ${condition}: ${what}`, () => withPeer([one], async (peer) => {
        const error = await outcome(await peer.attach('sender', { target: { address } }), ...sent);
        assert.equal(error.condition, condition);
        assert.ok(error.description.length > 0);
        if (number === undefined) return;
        if (address !== DEVICEBOUND) {
            described(error, number);
            return;
        }
        assert.equal(error.info['com.microsoft:error-code'], number);
        const name = error.description.split(':')[0];
        assert.equal(NUMBERS[name], number);
    }));
}

check('amqp: DeviceMaximumQueueDepthExceeded: the 51st message that waits', () => withPeer([of(env.HUB_SERVICE)], async (peer) => {
    await identity('err-queue');
    const sender = await peer.attach('sender', { target: { address: DEVICEBOUND } });
    const filled = new Promise((resolve) => {
        let accepted = 0;
        sender.on('accepted', () => { accepted += 1; if (accepted === 50) resolve(); });
    });
    if (!sender.sendable()) await new Promise((resolve) => { sender.once('sendable', resolve); });
    for (let n = 0; n < 50; n++) sender.send(to('err-queue'));
    await within(WAIT_MS, '50 messages', filled);
    const error = await outcome(sender, to('err-queue'));
    assert.equal(error.condition, 'amqp:resource-limit-exceeded');
    assert.equal(error.info['com.microsoft:error-code'], NUMBERS.DeviceMaximumQueueDepthExceeded);
    await serve(async (service) => {
        const named = await failure(service.send('err-queue', 'x'));
        assert.equal(named.name, 'DeviceMaximumQueueDepthExceededError');
    });
}));

/* ---- links that end */

check('amqp: LinkCreationConflict: a newer connection of the same device', () => withPeer([own], async (peer) => {
    const link = await peer.attach('sender', { target: { address: `${ME}/messages/events` } });
    const ended = within(WAIT_MS, 'the end of the link', new Promise((resolve) => {
        link.on('sender_error', () => resolve(link.error));
    }));
    await withPeer([own], (newer) => newer.attach('sender', { target: { address: `${ME}/messages/events` } }));
    const error = await ended;
    assert.equal(error.condition, 'com.microsoft:link-creation-conflict');
    described(error, NUMBERS.LinkCreationConflict);
}));

check('amqp: amqp:resource-limit-exceeded: a sixth reader of a partition', () => withPeer([of(env.HUB_SERVICE)], async (peer) => {
    const place = { source: { address: `${eventHubName}/ConsumerGroups/$Default/Partitions/1` } };
    for (let n = 0; n < 5; n++) assert.ok((await peer.attach('receiver', place)).remote.attach);
    assert.equal((await peer.attach('receiver', place)).condition, 'amqp:resource-limit-exceeded');
}));

/* ---- nodes that answer with a status: what, status, a function of a peer */

const manage = (application_properties) => (peer) => peer.request(`${eventHubName}/$management`, { body: text(''), application_properties });
const STATUSES = [
    ['$cbs: a token', 200, (peer) => peer.put(own)],
    ['$cbs: an operation that is none', 400, (peer) => peer.put(own, 'take-token')],
    ['$cbs: what is no token', 401, (peer) => peer.put('nonsense')],
    ['$cbs: a token of a policy with another key', 401, (peer) => peer.put(token(host, KEY, 600, 'service'))],
    ['$cbs: a token that is over', 401, (peer) => peer.put(
        token(host, fields(env.HUB_SERVICE).SharedAccessKey, -3600, 'service'))],
    ['$cbs: a token for another hub', 401, (peer) => peer.put(
        token('other.test', fields(env.HUB_SERVICE).SharedAccessKey, 600, 'service'))],
    ['$management: an operation that is none', 400, manage({ operation: 'WRITE' })],
    ['$management: no right', 401, manage({ operation: 'READ', name: eventHubName, type: 'com.microsoft:eventhub' })],
    ['$management: a hub that is not here', 404, manage({ operation: 'READ', name: 'other', type: 'com.microsoft:eventhub' })],
    ['$management: a partition that is none', 400, manage({
        operation: 'READ', name: eventHubName, type: 'com.microsoft:partition', partition: '99', security_token: of(env.HUB_SERVICE),
    })],
];

for (const [what, status, ask] of STATUSES) {
    check(`amqp: ${status}: ${what}`, () => withPeer([], async (peer) => {
        const answer = (await ask(peer)).application_properties;
        assert.equal(answer['status-code'], status);
        assert.ok(answer['status-description'].length > 0);
    }));
}

/* ---- twins: status, number, what, annotations, body */

const annotations = (operation, resource) => ({ operation, ...(resource ? { resource } : {}) });
const REPORTED = '/properties/reported';
const TWINS = [
    [400, 400012, 'what is no JSON', annotations('PATCH', REPORTED), '{'],
    [400, 400004, 'a list', annotations('PATCH', REPORTED), '[]'],
    [400, 400004, 'a key that begins with a dollar', annotations('PATCH', REPORTED), '{"$a":1}'],
    [400, 400004, 'an integer that is too big', annotations('PATCH', REPORTED), '{"a":4503599627370496}'],
    [400, 400004, 'an operation that is none', annotations('POST', REPORTED), '{}'],
    [400, 400004, 'a resource that is none', annotations('PATCH', '/properties/desired'), '{}'],
    [413, 413001, 'a patch of 256 KiB and more', annotations('PATCH', REPORTED), `{"a":"${'x'.repeat(256 * 1024)}"}`],
];

for (const [status, number, what, message_annotations, body] of TWINS) {
    check(`amqp: ${status}: twin: ${what}`, () => withPeer([own], async (peer) => {
        const answer = await peer.request(`${ME}/twin`, { body: text(body), message_annotations });
        assert.equal(answer.message_annotations.status, status);
        const said = JSON.parse(answer.body.content.toString());
        assert.equal(said.errorCode, number);
        assert.ok(said.message.length > 0);
    }));
}

/* ---- SASL */

check('amqp: SASL: a user with another password is refused', async () => {
    const peer = new Peer({ username: 'service@sas.root.hub', password: token(host, KEY, 600, 'service') });
    const opened = await within(WAIT_MS, 'the refusal', new Promise((resolve) => {
        peer.connection.on('connection_open', () => resolve(true));
        peer.connection.on('connection_error', () => resolve(false));
        peer.connection.on('disconnected', () => resolve(false));
    }));
    assert.equal(opened, false);
});

/* ---- the errors of Node's SDKs */

const refusedDevice = async (string) => {
    const error = await failure(open(string, Amqp).then((client) => client.sendEvent(new Message('x'))));
    return error.name;
};

check('amqp: UnauthorizedError: a device with another key, and one that is not there', async () => {
    const device = await started;
    assert.equal(await refusedDevice(deviceString(device, Buffer.alloc(32, 1).toString('base64'))), 'UnauthorizedError');
    assert.equal(await refusedDevice(deviceString({ deviceId: 'err-nobody' }, KEY)), 'UnauthorizedError');
});

check('amqp: MessageTooLargeError: telemetry of 256 KiB and a byte', async () => {
    const client = await open(await started, Amqp);
    const error = await failure(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1, 'x'))));
    assert.equal(error.name, 'MessageTooLargeError');
    await client.close();
});

check("amqp: errors of azure-iothub that sends to devices", async () => {
    await started;
    await serve(async (service) => {
        const send = async (deviceId, more = {}, body = 'x') =>
            (await failure(service.send(deviceId, Object.assign(new Message(body), more)))).name;
        assert.equal(await send('err-nobody'), 'DeviceNotFoundError');
        assert.equal(await send('err-amqp', { ack: 'perhaps' }), 'ArgumentError');
        assert.equal(await send('err-amqp', {}, 'x'.repeat(64 * 1024 + 1)), 'MessageTooLargeError');
    });
    const denied = await failure(serve((service) => service.send('err-amqp', 'x'), env.HUB_REGISTRY_READ));
    assert.equal(denied.name, 'UnauthorizedError');
});

/* ---- the rest of the references' rows */

const HELD = [
    ['IotHubMaxCbsTokenExceeded', 'src/front/amqp/peer_test.c', 'AMQP_PEER_TOKENS_MAX'],
    ['com.microsoft:device-container-throttled', 'src/server/amqp_test.c', 'com.microsoft:device-container-throttled'],
    ['IotHubQuotaExceeded', 'src/server/amqp_test.c', 'telemetry_above_the_daily_quota_is_rejected'],
    ['amqp:internal-error', 'src/front/amqp/service_test.c', 'amqp:internal-error'],
    ['amqp:link:detach-forced', 'tests/conformance/node/faults.js', 'KillAmqpD2CLink'],
    ['amqp:connection:forced', 'src/front/amqp/peer_test.c', 'amqp:connection:forced'],
    ['amqp:connection:framing-error', 'src/proto/amqp/connection_test.c', 'amqp:connection:framing-error'],
    ['amqp:link:redirect', 'tests/conformance/node/redirect.js', 'amqp:link:redirect'],
    ['amqp:link:transfer-limit-exceeded', 'src/proto/amqp/transfer_test.c', 'amqp:link:transfer-limit-exceeded'],
    ['amqp:session:window-violation', 'src/proto/amqp/session_test.c', 'amqp:session:window-violation'],
    ['amqp:link:stolen', 'src/proto/amqp/link_test.c', 'the_newer_of_two_links_of_one_name_takes_its_place'],
    ['amqp:link:stolen', 'tests/conformance/node/consumer.js', 'ReceiverDisconnectedError'],
    ['amqp:session:handle-in-use', 'src/proto/amqp/link_test.c', 'amqp:session:handle-in-use'],
    ['amqp:session:unattached-handle', 'src/proto/amqp/link_test.c', 'amqp:session:unattached-handle'],
    ['com.microsoft:message-lock-lost', 'src/server/amqp_c2d_test.c', 'amqp:not-found'],
];
held('amqp', HELD);

/** The server has no use for these. */
const CANNOT = {
    'amqp:not-implemented': 'whatever is asked for is there, not allowed or not found',
    'amqp:connection:redirect': 'readers are redirected by link',
    'amqp:resource-locked': 'who comes later takes over, or is told amqp:link:stolen',
    'amqp:illegal-state': 'a frame at a wrong time ends the session or the connection with amqp:not-allowed',
    'amqp:precondition-failed': 'a hub ignores the version of a patch over AMQP',
    'amqp:resource-deleted': 'the links of a device that is deleted end with amqp:unauthorized-access, as a real hub ends them',
    'amqp:frame-size-too-small': 'an open below 512 bytes is amqp:decode-error',
    'com.microsoft:timeout': 'a hub that does not answer is amqp:internal-error, on which the SDKs try again',
    'com.microsoft:precondition-failed': 'services write etags over HTTPS alone',
    'com.microsoft:device-already-exists': 'devices are created over HTTPS alone',
    'com.microsoft:iot-hub-suspended': 'there is nobody who could suspend a hub of your own',
    'com.microsoft:iot-hub-not-found-error': 'a server is one hub: a token for another is 401 at $cbs',
    'com.microsoft:quota-exceeded': 'the quota is amqp:resource-limit-exceeded, as of a real hub',
};

complete('amqp', [
    'amqp:unauthorized-access', 'amqp:not-found', 'amqp:not-allowed', 'amqp:not-implemented', 'amqp:resource-limit-exceeded',
    'amqp:link:message-size-exceeded', 'amqp:internal-error', 'amqp:link:detach-forced', 'amqp:connection:forced',
    'amqp:connection:framing-error', 'amqp:connection:redirect', 'amqp:link:stolen', 'amqp:link:transfer-limit-exceeded',
    'amqp:link:redirect', 'amqp:resource-locked', 'amqp:session:window-violation', 'amqp:session:handle-in-use',
    'amqp:session:unattached-handle', 'amqp:decode-error', 'amqp:invalid-field', 'amqp:illegal-state',
    'amqp:precondition-failed', 'amqp:resource-deleted', 'amqp:frame-size-too-small',
    'com.microsoft:device-container-throttled', 'com.microsoft:link-creation-conflict', 'com.microsoft:timeout',
    'com.microsoft:message-lock-lost', 'com.microsoft:precondition-failed', 'com.microsoft:argument-error',
    'com.microsoft:argument-out-of-range', 'com.microsoft:device-already-exists', 'com.microsoft:iot-hub-suspended',
    'com.microsoft:iot-hub-not-found-error', 'com.microsoft:quota-exceeded',
], REFUSED.map(([name]) => name), REJECTED.map(([name]) => name), HELD.map(([name]) => name), Object.keys(CANNOT),
['amqp:resource-limit-exceeded', 'com.microsoft:link-creation-conflict']);
