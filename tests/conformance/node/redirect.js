'use strict';
/* redirect.js - from the hub's host name to its stream, as service tools find it: sign in with
 * SASL PLAIN, or as @azure/event-hubs 2 put a token, ask for messages/events, and follow the redirect. */

const assert = require('assert/strict');
const { EventHubClient, EventPosition } = require('./event_hubs_2');
const { Connection, ReceiverEvents } = require('rhea-promise');
const { WAIT_MS, check, failure, within } = require('./check');
const { collect, ends, env, eventHubName, host, identity, send, sourceOf } = require('./hub');
const { fields, token } = require('./sas');

const { SharedAccessKeyName: policy, SharedAccessKey: key } = fields(env.HUB_SERVICE);

function connect(password) {
    return new Connection({
        transport: 'tls', host, hostname: host, port: 5671, reconnect: false,
        username: `${policy}@sas.root.${eventHubName}`, password,
    });
}

/** The redirect's error info that a receiver of `address` is given. */
async function redirection(address) {
    const connection = connect(token(`${host}/messages/events`, key, 3600, policy));
    await connection.open();
    try {
        const receiver = await connection.createReceiver({ source: { address } });
        const error = await within(WAIT_MS, 'the redirect', new Promise((resolve) => {
            receiver.on(ReceiverEvents.receiverError, (context) => resolve(context.receiver.error));
        }));
        assert.equal(error.condition, 'amqp:link:redirect');
        return error.info;
    } finally {
        await connection.close();
    }
}

for (const address of [`amqps://${host}/messages/events/$management`, 'messages/events']) {
    check(`a receiver of ${address.replace(host, 'HOST')} is redirected to a stream that can be read`, async () => {
        const info = await redirection(address);
        const [, entity] = /:\d+\/(.*)\/\$management/i.exec(info.address);
        assert.equal(info.hostname, host);
        assert.equal(info['network-host'], host);
        assert.equal(info.port, 5671);
        const deviceId = `redirect-${address.length}`;
        const device = await identity(deviceId);
        const from = await ends();
        await send(device, ['found']);
        const string = `Endpoint=sb://${info.hostname}/;EntityPath=${entity};SharedAccessKeyName=${policy};SharedAccessKey=${key}`;
        const events = await collect((some) => some.some((event) => sourceOf(event) === deviceId), { string, from });
        assert.equal(events.at(-1).body.toString(), 'found');
    });
}

check('createFromIotHubConnectionString() of @azure/event-hubs 2 finds the stream and reads it', async () => {
    const client = await within(WAIT_MS, 'the client', EventHubClient.createFromIotHubConnectionString(env.HUB_SERVICE));
    try {
        assert.equal(client.eventhubName, eventHubName);
        const { path, partitionIds } = await client.getHubRuntimeInformation();
        assert.equal(path, eventHubName);
        const device = await identity('redirect-old-sdk');
        const from = await ends();
        await send(device, ['found']);
        const batches = await Promise.all(partitionIds.map((id) => client.receiveBatch(id, 10, 5,
            { eventPosition: EventPosition.fromSequenceNumber(from[id].sequenceNumber) })));
        const events = batches.flat().filter(({ annotations }) => annotations['iothub-connection-device-id'] === 'redirect-old-sdk');
        assert.deepEqual(events.map(({ body }) => body.toString()), ['found']);
    } finally {
        await client.close();
    }
});

check('createFromIotHubConnectionString() of @azure/event-hubs 2 fails with a wrong key', async () => {
    const wrong = env.HUB_SERVICE.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32, 9).toString('base64')}`);
    const error = await failure(EventHubClient.createFromIotHubConnectionString(wrong));
    assert.equal(error.name, 'UnauthorizedError', error);
});

check('SASL PLAIN with a wrong token is refused', async () => {
    const error = await failure(connect(token(`${host}/messages/events`, Buffer.alloc(32, 9).toString('base64'), 3600, policy)).open());
    assert.ok(error);
});
