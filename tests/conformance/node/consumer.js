'use strict';
/* consumer.js - reading the stream with @azure/event-hubs. */

const assert = require('assert/strict');
const { execFileSync } = require('child_process');
const { latestEventPosition } = require('@azure/event-hubs');
const { Message } = require('azure-iot-device');
const { check, failure, sleep, until } = require('./check');
const {
    collect, consumer, ends, env, eventHubName, host, identity, open, roundTrip, send, sourceOf,
} = require('./hub');
const { fields, token } = require('./sas');

const numbered = (count) => Array.from({ length: count }, (_, n) => `m${n}`);
const bodies = (events) => events.map((event) => event.body.toString());

/** Ten messages of one device, alone in their partition for the case's time. */
async function ten(deviceId) {
    const device = await identity(deviceId);
    const events = await roundTrip(deviceId, 10, () => send(device, numbered(10)));
    return { device, events, partition: events[0].partition };
}

/** The events behind `from` up to the tenth message of `events`. */
async function readOn(events, from) {
    const last = events[9].sequenceNumber;
    const read = await collect((some) => some.some((event) => event.sequenceNumber >= last),
        { partition: events[0].partition, from });
    return bodies(read.filter((event) => event.sequenceNumber >= events[0].sequenceNumber));
}

/** What a subscription of one partition does, kept for a look: events, errors, how it closed. */
function watch(client, partition, options) {
    const seen = { bodies: [], errors: [], closed: null };
    const subscription = client.subscribe(String(partition), {
        processEvents: async (batch) => {
            seen.bodies.push(...batch.map((event) => event.body.toString()));
        },
        processError: async (error) => { seen.errors.push(error); },
        processClose: async (reason) => { seen.closed = reason; },
    }, { startPosition: latestEventPosition, maxWaitTimeInSeconds: 1, skipParsingBodyAsJson: true, ...options });
    return { seen, stop: async () => { await subscription.close(); await client.close(); } };
}

/** Sends marks until the watcher has seen one: its link is attached from then on. */
async function attached(watcher, device) {
    const client = await open(device);
    try {
        await until('the consumer sees a mark', async () => {
            if (watcher.seen.errors.length) throw watcher.seen.errors[0];
            await client.sendEvent(new Message('mark'));
            await sleep(100);
            return watcher.seen.bodies.includes('mark');
        });
    } finally {
        await client.close();
    }
}

/** The error that a receiver of `partition` meets. */
async function refusal(options, partition, subscribe) {
    const watcher = watch(consumer(options), partition, subscribe);
    try {
        return await until('the receiver is refused', () => watcher.seen.errors[0]);
    } finally {
        await watcher.stop();
    }
}

check('the hub describes itself and its partitions', async () => {
    const client = consumer();
    try {
        const about = await client.getEventHubProperties();
        assert.equal(about.name, eventHubName);
        assert.deepEqual(about.partitionIds, ['0', '1', '2', '3']);
        assert.ok(about.createdOn <= new Date() && about.createdOn > new Date(Date.now() - 86400000));
    } finally {
        await client.close();
    }
});

check('partition properties follow what is enqueued', async () => {
    const { events, partition } = await ten('con-props');
    const client = consumer();
    try {
        const info = await client.getPartitionProperties(partition);
        assert.equal(info.partitionId, partition);
        assert.equal(info.eventHubName, eventHubName);
        assert.equal(info.beginningSequenceNumber, 0);
        assert.equal(info.lastEnqueuedSequenceNumber, events[9].sequenceNumber);
        assert.equal(info.lastEnqueuedOffset, events[9].offset);
        assert.equal(info.lastEnqueuedOnUtc.getTime(), events[9].enqueuedTimeUtc.getTime());
    } finally {
        await client.close();
    }
});

check('earliest starts with sequence number 0', async () => {
    const { partition, events } = await ten('con-earliest');
    const read = await collect((some) => some.length > events[9].sequenceNumber, { partition, from: { offset: '-1' } });
    assert.deepEqual(read.map((event) => event.sequenceNumber), read.map((_, n) => n));
});

check('latest gives only what comes after the attach', async () => {
    const { device, partition } = await ten('con-latest');
    const watcher = watch(consumer(), partition);
    await attached(watcher, device);
    await watcher.stop();
    assert.deepEqual(new Set(watcher.seen.bodies), new Set(['mark']));
});

for (const [name, position] of [
    ['an offset', (event) => ({ offset: event.offset })],
    ['a sequence number', (event) => ({ sequenceNumber: event.sequenceNumber })],
]) {
    check(`${name} starts behind its event, or with it where inclusive`, async () => {
        const { events } = await ten(`con-at-${name.split(' ')[1]}`);
        const at = position(events[4]);
        assert.deepEqual(await readOn(events, at), numbered(10).slice(5));
        assert.deepEqual(await readOn(events, { ...at, isInclusive: true }), numbered(10).slice(4));
    });
}

check('an enqueued time starts with the first event after it', async () => {
    const device = await identity('con-time');
    const events = await roundTrip('con-time', 10, async () => {
        const client = await open(device);
        for (const body of numbered(10)) {
            await client.sendEvent(new Message(body));
            await sleep(20);
        }
        await client.close();
    });
    const at = (n) => events[n].enqueuedTimeUtc.getTime();
    assert.deepEqual(await readOn(events, { enqueuedOn: at(4) }), numbered(10).slice(5));
    assert.deepEqual(await readOn(events, { enqueuedOn: new Date(at(4) - 1) }), numbered(10).slice(4));
});

check('a position beyond the end and one that is no number are refused', async () => {
    const { partition, events } = await ten('con-badpos');
    for (const from of [
        { offset: String(events[9].sequenceNumber + 100000) }, { offset: 'nonsense' },
        { sequenceNumber: events[9].sequenceNumber + 100000 },
    ]) {
        const error = await refusal({}, partition, { startPosition: from });
        assert.match(error.code, /^(ArgumentError|ArgumentOutOfRangeError|InvalidOperationError)$/);
        assert.equal(error.retryable, false);
    }
});

check('an unknown consumer group, partition and event hub are not found', async () => {
    const notFound = /^(MessagingEntityNotFoundError|ServiceCommunicationError)$/;
    assert.match((await refusal({ group: 'nobody' }, 0)).code, notFound);
    const noPartition = await refusal({}, 99);
    assert.match(noPartition.code, /NotFound|ServiceCommunication|ArgumentOutOfRange|ArgumentError|InvalidOperation/);
    const elsewhere = env.HUB_EVENTS.replace(/EntityPath=.*/, 'EntityPath=elsewhere');
    const client = consumer({ string: elsewhere });
    assert.match((await failure(client.getPartitionIds())).code, notFound);
    await client.close();
});

check('a wrong key, an expired token and a policy without ServiceConnect are unauthorized', async () => {
    const { SharedAccessKeyName: policy, SharedAccessKey: key } = fields(env.HUB_EVENTS);
    const { SharedAccessKey: reader } = fields(env.HUB_REGISTRY_READ);
    const withKey = (name, value) => env.HUB_EVENTS.replace(/SharedAccessKeyName=[^;]*;SharedAccessKey=[^;]*/,
        `SharedAccessKeyName=${name};SharedAccessKey=${value}`);
    const withToken = (seconds) => `Endpoint=sb://${host}/;SharedAccessSignature=`
        + `${token(`sb://${host}/${eventHubName}`, key, seconds, policy)};EntityPath=${eventHubName}`;
    for (const string of [
        withKey(policy, Buffer.alloc(32, 9).toString('base64')), withKey('registryRead', reader),
        withKey('nobody', key), withToken(-3600),
    ]) {
        const client = consumer({ string });
        assert.equal((await failure(client.getPartitionIds())).code, 'UnauthorizedError', string);
        await client.close();
    }
    const client = consumer({ string: withToken(3600) });
    assert.equal((await client.getPartitionIds()).length, 4);
    await client.close();
});

check('two consumers of one group both get every event', async () => {
    const { device, partition } = await ten('con-two');
    const watchers = [watch(consumer(), partition), watch(consumer(), partition)];
    for (const watcher of watchers) await attached(watcher, device);
    await send(device, ['for both']);
    for (const watcher of watchers) {
        await until('both have it', () => watcher.seen.bodies.includes('for both'));
        await watcher.stop();
    }
});

check('a higher owner level takes the partition, a lower one and none are refused', async () => {
    const { device, partition } = await ten('con-owner');
    const plain = watch(consumer(), partition);
    await attached(plain, device);
    const first = watch(consumer(), partition, { ownerLevel: 1 });
    await until('the reader without a level is cut off', () => plain.seen.errors.length);
    await attached(first, device);
    const second = watch(consumer(), partition, { ownerLevel: 2 });
    const stolen = await until('the lower level is cut off', () => first.seen.errors[0]);
    assert.equal(stolen.code, 'ReceiverDisconnectedError');
    assert.equal(plain.seen.errors[0].code, 'ReceiverDisconnectedError');
    assert.equal((await refusal({}, partition, { ownerLevel: 1 })).code, 'ReceiverDisconnectedError');
    assert.equal((await refusal({}, partition)).code, 'ReceiverDisconnectedError');
    await attached(second, device);
    for (const watcher of [plain, first, second]) await watcher.stop();
});

check('the last enqueued event travels with each event when asked for', async () => {
    const { events, partition } = await ten('con-metric');
    const read = await collect((some) => some.some((event) => event.sequenceNumber === events[9].sequenceNumber), {
        partition, from: { sequenceNumber: events[0].sequenceNumber - 1 },
        subscribe: { trackLastEnqueuedEventProperties: true },
    });
    const { last } = read.at(-1);
    assert.equal(last.sequenceNumber, events[9].sequenceNumber);
    assert.equal(last.offset, events[9].offset);
    assert.equal(last.enqueuedOn.getTime(), events[9].enqueuedTimeUtc.getTime());
    assert.ok(last.retrievedOn >= last.enqueuedOn);
});

check('a created consumer group reads on its own, and is gone when deleted', async () => {
    const group = (...words) => execFileSync(env.AZIMUTH, ['hub', 'consumer-group', ...words, '--data', env.HUB_DATA]);
    group('create', '--name', 'con-own-group');
    const { events } = await ten('con-group');
    const read = await collect((some) => some.length >= 10, {
        group: 'con-own-group', partition: events[0].partition,
        from: { sequenceNumber: events[0].sequenceNumber, isInclusive: true },
    });
    assert.deepEqual(bodies(read.slice(0, 10)), numbered(10));
    assert.match(group('list').toString(), /con-own-group/);
    group('delete', '--name', 'con-own-group');
    await refusal({ group: 'con-own-group' }, events[0].partition);
});

check('one event of credit at a time still delivers all in order', async () => {
    const { events } = await ten('con-slow');
    const read = await collect((some) => some.length >= 10, {
        partition: events[0].partition,
        from: { sequenceNumber: events[0].sequenceNumber, isInclusive: true },
        subscribe: { maxBatchSize: 1, prefetchCount: 1 },
    });
    assert.deepEqual(bodies(read.slice(0, 10)), numbered(10));
});

check('a stopped reader goes on where it was', async () => {
    const { device, partition } = await ten('con-resume');
    const from = (await ends())[partition];
    await send(device, ['x', 'y', 'z']);
    const first = await collect((some) => some.length >= 1, { partition, from, subscribe: { maxBatchSize: 1 } });
    const next = await collect((some) => some.at(-1).body.toString() === 'z',
        { partition, from: { offset: first.at(-1).offset } });
    assert.deepEqual(bodies([...first, ...next]), ['x', 'y', 'z']);
    assert.ok(next.every((event) => sourceOf(event) === 'con-resume'));
});
