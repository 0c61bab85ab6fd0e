'use strict';
/* event_hubs.js - event hubs that a user made: producers of @azure/event-hubs, readers with groups,
 * owner levels and checkpoints of their own, and that they come and go. */

const assert = require('assert/strict');
const { ContainerClient } = require('@azure/storage-blob');
const { BlobCheckpointStore } = require('@azure/eventhubs-checkpointstore-blob');
const {
    EventHubBufferedProducerClient, EventHubProducerClient, earliestEventPosition,
} = require('@azure/event-hubs');
const { azurite, credential } = require('./azurite');
const { WAIT_MS, check, failure, until } = require('./check');
const { admin, collect, consumer, env } = require('./hub');
const { OwnServer } = require('./own_server');
const { fields } = require('./sas');

/* Keys and what Event Hubs' hash says of them (@azure/event-hubs, partitionKeyToIdMapper). */
const HASHES = [
    ['a', -16220], ['7', -15263], ['131', 30562], ['abc', -14161], ['device-1', 26788], ['dev-000001', 4256],
    ['contoso-device-1', -16538], ['temperature-sensor-0042', 19978],
    ['this is a key longer than twelve bytes', 21294], ['é', -24812], ['x'.repeat(128), 21896],
];
const partitionOf = (hash, count) => String(Math.abs(hash % count));

/** A request to the server's own socket. */
async function make(name, partitionCount = 4) {
    const made = await admin('PUT', `event-hubs/${name}`, { properties: { partitionCount } });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    return name;
}

const string = (hub) => env.HUB_EVENTS.replace(/EntityPath=[^;]*/, `EntityPath=${hub}`);
const QUICK = { retryOptions: { maxRetries: 0, timeoutInMs: WAIT_MS } };

async function producing(hub, act, options = {}) {
    const client = new EventHubProducerClient(string(hub), { ...QUICK, ...options });
    try {
        return await act(client);
    } finally {
        await client.close();
    }
}

/** The first `count` events of an event hub. */
const read = (hub, count, options = {}) => collect((events) => events.length >= count,
    { string: string(hub), from: earliestEventPosition, ...options });

/** The SDK sends text as JSON. */
const text = (event) => JSON.parse(event.body.toString());

check('an event hub is made, described and deleted', async () => {
    const hub = await make('orders', 3);
    await producing(hub, async (client) => {
        const info = await client.getEventHubProperties();
        assert.equal(info.name, hub);
        assert.deepEqual(info.partitionIds, ['0', '1', '2']);
        assert.ok(Math.abs(info.createdOn - Date.now()) < 60000);
        const partition = await client.getPartitionProperties('2');
        assert.equal(partition.eventHubName, hub);
        assert.equal(partition.isEmpty, true);
        assert.equal(partition.lastEnqueuedSequenceNumber, -1);
    });
    assert.equal((await admin('DELETE', `event-hubs/${hub}`)).status, 204);
    const error = await failure(producing(hub, (client) => client.sendBatch([{ body: 'lost' }])));
    assert.equal(error.code, 'MessagingEntityNotFoundError');
});

check('events keep their bodies, properties and annotations', async () => {
    const hub = await make('kept', 1);
    await producing(hub, (client) => client.sendBatch([
        { body: { degrees: 21.5 }, properties: { site: 'north', level: 3, fine: true }, contentType: 'application/json', messageId: 'm-1', correlationId: 'c-1' },
        { body: Buffer.from([0, 1, 255]) },
        { bodyType: 'value', body: 'as a value' },
        { bodyType: 'sequence', body: [[1, 'two'], [3]] },
    ]));
    const events = await read(hub, 4, { subscribe: { skipParsingBodyAsJson: false } });
    assert.deepEqual(events[0].body, { degrees: 21.5 });
    assert.deepEqual(events[0].properties, { site: 'north', level: 3, fine: true });
    assert.equal(events[0].contentType, 'application/json');
    assert.equal(events[0].messageId, 'm-1');
    assert.equal(events[0].correlationId, 'c-1');
    assert.deepEqual([...events[1].body], [0, 1, 255]);
    assert.equal(events[2].body, 'as a value');
    assert.deepEqual(events[3].body, [[1, 'two'], [3]]);
    assert.deepEqual(events.map((event) => event.sequenceNumber), [0, 1, 2, 3]);
});

check('an event without a body is one', async () => {
    const hub = await make('bodiless', 1);
    await producing(hub, (client) => client.sendBatch([{ body: null }, { body: undefined }, { body: 'x' }]));
    const events = await read(hub, 3, { subscribe: { skipParsingBodyAsJson: false } });
    assert.deepEqual(events.map((event) => event.body), [null, null, 'x']);
});

check('a batch is filled to its limit, goes to one partition and is taken whole', async () => {
    const hub = await make('batches');
    const sent = await producing(hub, async (client) => {
        const batch = await client.createBatch();
        assert.equal(batch.maxSizeInBytes, 1048576);
        const body = 'b'.repeat(1000);
        while (batch.tryAdd({ body: `${batch.count} ${body}` })) ;
        await client.sendBatch(batch);
        return batch.count;
    });
    const events = await read(hub, sent);
    assert.equal(new Set(events.map((event) => event.partition)).size, 1);
    assert.deepEqual(events.map((event) => text(event).split(' ')[0]), Array.from({ length: sent }, (_, n) => String(n)));
});

check('keys go where the hash of Event Hubs says, and events tell their key', async () => {
    const hub = await make('keys', 16);
    await producing(hub, async (client) => {
        for (const [key] of HASHES) await client.sendBatch([{ body: key }], { partitionKey: key });
    });
    const events = await read(hub, HASHES.length);
    for (const [key, hash] of HASHES) {
        const event = events.find((one) => text(one) === key);
        assert.equal(event.partition, partitionOf(hash, 16), key);
        assert.equal(event.partitionKey, key);
    }
});

check('events go to a partition that the producer chooses, and to all of them in turn', async () => {
    const hub = await make('chosen');
    await producing(hub, async (client) => {
        for (const partitionId of ['3', '1']) await client.sendBatch([{ body: partitionId }], { partitionId });
        for (let n = 0; n < 8; n++) await client.sendBatch([{ body: 'anywhere' }]);
    });
    const events = await read(hub, 10);
    for (const event of events.filter((one) => text(one) !== 'anywhere')) assert.equal(text(event), event.partition);
    assert.equal(new Set(events.filter((one) => text(one) === 'anywhere').map((one) => one.partition)).size, 4);
    await producing(hub, async (client) => {
        const error = await failure(client.sendBatch([{ body: 'nowhere' }], { partitionId: '4' }));
        assert.equal(error.code, 'ArgumentOutOfRangeError');
    });
});

check('a buffered producer sends everything', async () => {
    const hub = await make('buffered');
    const failed = [];
    const client = new EventHubBufferedProducerClient(string(hub), {
        ...QUICK, maxWaitTimeInMs: 100, onSendEventsErrorHandler: async ({ error }) => { failed.push(error); },
    });
    const keyOf = (n) => HASHES[n % HASHES.length][0];
    for (let n = 0; n < 500; n++) await client.enqueueEvent({ body: n }, n % 2 ? { partitionKey: keyOf(n) } : {});
    await client.close();
    assert.deepEqual(failed, []);
    const events = await read(hub, 500);
    assert.equal(new Set(events.map(text)).size, 500);
    for (const event of events.filter((one) => text(one) % 2))
        assert.equal(event.partition, partitionOf(HASHES[text(event) % HASHES.length][1], 4));
});

/** Idempotent retries, as the buffered client switches them on; what that keeps to itself is asked of the plain one. */
const idempotent = (client, partitionOptions) => Object.assign(client, { _enableIdempotentRetries: true, _partitionOptions: partitionOptions });
const stateOf = (client) => client.getPartitionPublishingProperties('0');
const sendOne = (client, body) => client.sendBatch([{ body }], { partitionId: '0' });

check('an idempotent buffered producer sends everything once', async () => {
    const hub = await make('idempotent', 2);
    const failed = [];
    const client = new EventHubBufferedProducerClient(string(hub), {
        ...QUICK, maxWaitTimeInMs: 50, enableIdempotentRetries: true,
        onSendEventsErrorHandler: async ({ error }) => { failed.push(error); },
    });
    for (let n = 0; n < 200; n++) await client.enqueueEvent({ body: n });
    await client.close();
    assert.deepEqual(failed, []);
    const events = await read(hub, 200);
    assert.equal(new Set(events.map(text)).size, 200);
    assert.equal(typeof events[0].systemProperties['com.microsoft:producer-id'], 'number');
});

check('an idempotent producer goes on where it was, and what it sends again is not stored again', async () => {
    const hub = await make('idempotent-state', 1);
    await producing(hub, async (client) => {
        idempotent(client);
        await client.sendBatch(['one', 'two', 'three', 'four', 'five'].map((body) => ({ body })), { partitionId: '0' });
        const state = await stateOf(client);
        assert.equal(state.ownerLevel, 0);
        assert.equal(state.lastPublishedSequenceNumber, 5);
        const group = { producerGroupId: state.producerGroupId };
        const again = (options, act) => producing(hub, (other) => act(idempotent(other, { 0: options })));
        await again({ ...group, startingSequenceNumber: 0 }, (other) => other.sendBatch(
            ['one', 'two', 'three', 'four', 'five'].map((body) => ({ body })), { partitionId: '0' }));
        const old = await failure(again({ ...group, startingSequenceNumber: 1 }, (other) => sendOne(other, 'six as two')));
        assert.equal(old.code, 'SequenceOutOfOrderError', old);
        assert.match(old.message, /old sequence/);
        const gap = await failure(again({ ...group, startingSequenceNumber: 9 }, (other) => sendOne(other, 'ten')));
        assert.equal(gap.code, 'SequenceOutOfOrderError', gap);
        await again({ ...group, ownerLevel: 1, startingSequenceNumber: 5 }, (other) => sendOne(other, 'six'));
        const stolen = await failure(sendOne(client, 'should fail'));
        assert.equal(stolen.code, 'ProducerDisconnectedError', stolen);
        assert.match(stolen.message, /Received:0 Current:1/);
        const wrong = await failure(again({ ownerLevel: -1 }, (other) => sendOne(other, 'x')));
        assert.equal(wrong.code, 'ArgumentOutOfRangeError', wrong);
    });
    assert.deepEqual((await read(hub, 6)).map(text), ['one', 'two', 'three', 'four', 'five', 'six']);
});

check('an idempotent producer sends again after its connection broke and after kill -9, and nothing is there twice', async () => {
    const server = new OwnServer([], true);
    await server.start();
    try {
        await server.azimuth('eventhub', 'create', '-n', 'exactly', '-p', '2');
        const options = { ...QUICK, retryOptions: { maxRetries: 100, retryDelayInMs: 200, maxRetryDelayInMs: 500, timeoutInMs: 10000 } };
        const where = await server.azimuth('connection-string', '--event-hub-name', 'exactly');
        const client = idempotent(new EventHubProducerClient(where, options));
        const sent = [];
        const send = async (batch) => {
            for (;;) {
                try {
                    return await client.sendBatch(batch, { partitionId: '1' });
                } catch (e) { // what rhea-promise makes of an end while it opens a connection or a link, and the SDK does not retry
                    if (!/^(Failed to connect|Unknown error encountered\.)$/.test(e.message)) throw e;
                }
            }
        };
        const pour = async (from, to) => {
            for (let n = from; n < to; n++) {
                await send([{ body: `${n}a` }, { body: `${n}b` }]);
                sent.push(`${n}a`, `${n}b`);
            }
        };
        await pour(0, 5);
        client._context.connection._connection.idle();
        await pour(5, 10);
        for (let round = 1; round < 4; round++) {
            const under = pour(round * 10, round * 10 + 10);
            await new Promise((resolve) => setTimeout(resolve, 15 * round));
            await server.kill();
            await server.start();
            await under;
        }
        await client.close();
        const events = await collect((some) => some.length >= sent.length, { string: where, from: earliestEventPosition });
        assert.deepEqual(events.map(text), sent);
    } finally {
        await server.kill();
    }
});

check('an event over the limit is refused and the next one is taken', async () => {
    const hub = await make('large', 1);
    await producing(hub, async (client) => {
        const batch = await client.createBatch();
        assert.equal(batch.tryAdd({ body: Buffer.alloc(1048577) }), false);
        const error = await failure(client.sendBatch([{ body: Buffer.alloc(1048577) }]));
        assert.equal(error.code, 'MessageTooLargeError');
        await client.sendBatch([{ body: Buffer.alloc(1048576 - 500, 'x') }]);
    });
    const [event] = await read(hub, 1);
    assert.equal(event.body.length, 1048576 - 500);
});

check('what is wrong has the codes and words of Event Hubs', async () => {
    const hub = await make('wrong', 2);
    await producing(hub, async (client) => {
        for (const id of ['boo', '-1', '1000', '-']) {
            assert.equal((await failure(client.getPartitionProperties(id))).code, 'ArgumentOutOfRangeError');
            const sending = await failure(client.sendBatch([{ body: 'x' }], { partitionId: id }));
            assert.match(sending.message, /The specified partition is invalid for an EventHub partition sender or receiver/);
            const reading = await failure(collect(() => false, { string: string(hub), partition: id, from: earliestEventPosition }));
            assert.equal(reading.code, 'ArgumentOutOfRangeError');
        }
        const large = await failure(client.sendBatch([{ body: Buffer.alloc(1300000) }]));
        assert.match(large.message, /The received message \(delivery-id:\d+, size:\d+ bytes\) exceeds the limit \(\d+ bytes\) currently allowed on the link\./);
    });
    for (const ask of ['getEventHubProperties', 'getPartitionIds', 'createBatch'])
        assert.equal((await failure(producing('missing', (client) => client[ask]()))).code, 'MessagingEntityNotFoundError');
});

check('a key that is no more is heard of by the next question, and a good one opens again', async () => {
    const hub = await make('rotated', 1);
    const { Endpoint, SharedAccessKeyName, SharedAccessKey } = fields(env.HUB_EVENTS);
    const good = { name: SharedAccessKeyName, key: SharedAccessKey };
    const named = { ...good }; /* as AzureNamedKeyCredential is */
    const client = new EventHubProducerClient(new URL(Endpoint).host, hub, named, QUICK);
    try {
        await client.getEventHubProperties();
        Object.assign(named, { name: 'foo', key: 'bar' });
        assert.equal((await failure(client.getEventHubProperties())).code, 'UnauthorizedError');
        Object.assign(named, good);
        await client.getEventHubProperties();
    } finally {
        await client.close();
    }
});

check('the built-in event hub takes no producers', async () => {
    const client = new EventHubProducerClient(env.HUB_EVENTS, QUICK);
    try {
        const error = await failure(client.sendBatch([{ body: 'x' }]));
        assert.equal(error.code, 'InvalidOperationError', error);
    } finally {
        await client.close();
    }
});

check('a policy without ServiceConnect may not send', async () => {
    const device = Object.fromEntries(env.HUB_DEVICE.split(';').map((part) => part.split(/=(.*)/s).slice(0, 2)));
    const hub = await make('guarded', 1);
    const client = new EventHubProducerClient(
        `Endpoint=sb://${env.HUB_HOST}/;SharedAccessKeyName=device;SharedAccessKey=${device.SharedAccessKey};EntityPath=${hub}`, QUICK);
    try {
        assert.equal((await failure(client.sendBatch([{ body: 'x' }]))).code, 'UnauthorizedError');
    } finally {
        await client.close();
    }
});

check('an event hub has consumer groups and owner levels of its own', async () => {
    const hub = await make('groups', 1);
    const other = await make('other-groups', 1);
    assert.equal((await admin('PUT', `event-hubs/${hub}/consumer-groups/readers`)).status, 200);
    await producing(hub, (client) => client.sendBatch([{ body: 'one' }]));
    assert.equal(text((await read(hub, 1, { group: 'readers' }))[0]), 'one');
    const missing = await failure(read(other, 1, { group: 'readers' }));
    assert.match(missing.message, /could not be found/);

    const told = [];
    const owner = (name, level) => {
        const client = consumer({ string: string(name) });
        client.subscribe('0', { processEvents: async () => {}, processError: async (error) => { told.push(`${name} ${error.code}`); } },
            { ownerLevel: level, startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 });
        return client;
    };
    const clients = [owner(hub, 1), owner(other, 1)];
    await new Promise((resolve) => setTimeout(resolve, 500));
    clients.push(owner(hub, 2));
    await until('the lower level of that event hub is told', () => told.length > 0);
    await Promise.all(clients.map((client) => client.close()));
    assert.deepEqual([...new Set(told)], [`${hub} ReceiverDisconnectedError`]);
});

check('a processor with checkpoints in Azurite resumes where it was', () => azurite(async (url) => {
    const hub = await make('processed');
    const container = new ContainerClient(`${url}/checkpoints`, credential);
    await container.create();
    const run = async (count) => {
        const seen = [];
        const client = consumer({
            string: string(hub), store: new BlobCheckpointStore(container),
            client: { loadBalancingOptions: { strategy: 'greedy', updateIntervalInMs: 200, partitionOwnershipExpirationIntervalInMs: 2000 } },
        });
        const subscription = client.subscribe({
            processError: async () => {},
            processEvents: async (batch, context) => {
                if (batch.length) await context.updateCheckpoint(batch.at(-1)); // before it counts as seen
                seen.push(...batch.map(text));
            },
        }, { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 0.5, maxBatchSize: 50, skipParsingBodyAsJson: true });
        await until(`${count} events were processed`, () => seen.length >= count);
        await subscription.close();
        await client.close();
        return seen;
    };
    const pour = (name) => producing(hub, async (client) => {
        for (let n = 0; n < 40; n++) await client.sendBatch([{ body: `${name}${n}` }], { partitionKey: String(n) });
    });
    await pour('first');
    assert.equal(new Set(await run(40)).size, 40);
    await pour('second');
    assert.ok((await run(40)).every((body) => body.startsWith('second')));
}));

check('readers and producers of an event hub that goes are told', async () => {
    const hub = await make('leaving', 1);
    const errors = [];
    const client = consumer({ string: string(hub) });
    client.subscribe('0', { processEvents: async () => {}, processError: async (error) => { errors.push(error.code); } },
        { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 });
    await producing(hub, async (sender) => {
        await sender.sendBatch([{ body: 'last' }]);
        assert.equal((await admin('DELETE', `event-hubs/${hub}`)).status, 204);
        await until('the reader is told', () => errors.length > 0);
        const error = await failure(sender.sendBatch([{ body: 'late' }]));
        assert.equal(error.code, 'MessagingEntityNotFoundError');
    });
    await client.close();
    const again = await make(hub, 2);
    await producing(again, (sender) => sender.sendBatch([{ body: 'new' }]));
    assert.deepEqual((await read(again, 1)).map(text), ['new']);
});

check('a client of the emulator needs no TLS, and a busy server says so', async () => {
    const server = new OwnServer(['--plain-amqp-port', '5672', '--throttle', 'events=50/min']);
    await server.start();
    try {
        await server.azimuth('eventhub', 'create', '-n', 'emulated', '-p', '2');
        const connection = `${await server.azimuth('connection-string', '--event-hub-name', 'emulated')};UseDevelopmentEmulator=true`;
        const client = new EventHubProducerClient(connection, QUICK);
        await client.sendBatch([{ body: 'plain' }]);
        const events = await collect((some) => some.length >= 1, { string: connection, from: earliestEventPosition });
        assert.deepEqual(events.map(text), ['plain']);
        const error = await failure(client.sendBatch(Array.from({ length: 100 }, (_, n) => ({ body: n }))));
        assert.equal(error.code, 'ServerBusyError', error);
        await client.close();
    } finally {
        await server.kill();
    }
});
