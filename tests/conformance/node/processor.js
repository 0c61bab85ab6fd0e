'use strict';
/* processor.js - event processors that share the partitions and keep checkpoints: in memory, and as
 * blobs in Azurite. */

const assert = require('assert/strict');
const { ContainerClient } = require('@azure/storage-blob');
const { BlobCheckpointStore } = require('@azure/eventhubs-checkpointstore-blob');
const { azurite, credential } = require('./azurite');
const { check, until } = require('./check');
const { consumer, ends, identity, send, sourceOf } = require('./hub');

/** A checkpoint store that two processors of this process share; etags decide who wins a claim. */
class SharedMemory {
    ownerships = new Map();
    checkpoints = new Map();
    etags = 0;

    async listOwnership() { return [...this.ownerships.values()].map((one) => ({ ...one })); }

    async claimOwnership(claims) {
        const won = claims.filter((claim) => this.ownerships.get(claim.partitionId)?.etag === claim.etag)
            .map((claim) => ({ ...claim, etag: String(++this.etags), lastModifiedTimeInMs: Date.now() }));
        for (const one of won) this.ownerships.set(one.partitionId, one);
        return won;
    }

    async updateCheckpoint(checkpoint) { this.checkpoints.set(checkpoint.partitionId, { ...checkpoint }); }

    async listCheckpoints() { return [...this.checkpoints.values()].map((one) => ({ ...one })); }
}

/** A processor of all partitions; `seen` holds the bodies from `devices`, `owned` its partitions. */
function processor(store, from, devices) {
    const client = consumer({
        store,
        client: { loadBalancingOptions: { strategy: 'greedy', updateIntervalInMs: 300, partitionOwnershipExpirationIntervalInMs: 5000 } },
    });
    const seen = [];
    const owned = new Set();
    const subscription = client.subscribe({
        processInitialize: async (context) => { owned.add(context.partitionId); },
        processClose: async (_reason, context) => { owned.delete(context.partitionId); },
        processError: async () => {}, /* losing a partition to the other is an error here, and expected */
        processEvents: async (batch, context) => {
            if (batch.length === 0) return;
            await context.updateCheckpoint(batch.at(-1)); /* before it counts as seen: then they are stopped */
            seen.push(...batch.filter((event) => devices.includes(sourceOf(event)))
                .map((event) => event.body.toString()));
        },
    }, { startPosition: from, maxWaitTimeInSeconds: 1, maxBatchSize: 20, skipParsingBodyAsJson: true });
    return { owned, seen, stop: async () => { await subscription.close(); await client.close(); } };
}

const all = (devices, first, count) => devices.flatMap((device) =>
    Array.from({ length: count }, (_, n) => `${device}/${first + n}`));

/**
 * Two processors share the partitions; then both stop and a third goes on from their checkpoints:
 * it sees what came since and nothing that was checkpointed.
 */
async function shareAndResume(store, prefix) {
    const names = Array.from({ length: 12 }, (_, n) => `${prefix}-${n}`);
    const devices = [];
    for (const name of names) devices.push(await identity(name));
    const from = await ends();
    const pour = (first, count) => Promise.all(devices.map((device) =>
        send(device, Array.from({ length: count }, (_, n) => `${device.deviceId}/${first + n}`))));

    const one = processor(store, from, names);
    await until('one processor owns all partitions', () => one.owned.size === 4);
    const two = processor(store, from, names);
    await until('two processors own two partitions each', () => one.owned.size === 2 && two.owned.size === 2);
    await pour(0, 10);
    await until('both have seen everything', () => new Set([...one.seen, ...two.seen]).size === 120);
    await one.stop();
    await two.stop();
    assert.ok(one.seen.length > 0 && two.seen.length > 0);

    await pour(10, 5);
    const three = processor(store, from, names);
    await until('the third has seen the rest', () => new Set(three.seen).size >= 60);
    await three.stop();
    assert.deepEqual(new Set(three.seen), new Set(all(names, 10, 5)));
}

check('processors share partitions and resume, checkpoints in memory',
    () => shareAndResume(new SharedMemory(), 'proc-memory'));

check('processors share partitions and resume, checkpoints as blobs in Azurite', () => azurite(async (url) => {
    const container = new ContainerClient(`${url}/checkpoints`, credential);
    await container.create();
    await shareAndResume(new BlobCheckpointStore(container), 'proc-azurite');
    const names = [];
    for await (const blob of container.listBlobsFlat()) names.push(blob.name);
    assert.equal(names.filter((name) => /\/checkpoint\/\d$/.test(name)).length, 4);
}));
