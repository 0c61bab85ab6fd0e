'use strict';
/* hub.js - the hub under test as the cases see it: identities, devices, consumers.
 *
 * The environment says where it is (set by ../suite.py): HUB_HOST, HUB_OWNER and the other policies'
 * connection strings, HUB_EVENTS, HUB_CA. */

const fs = require('fs');
const http = require('http');
const path = require('path');
const { Registry } = require('azure-iothub');
const { Client, Message } = require('azure-iot-device');
const { NoRetry } = require('azure-iot-common');
const { EventHubConsumerClient, latestEventPosition } = require('@azure/event-hubs');
const { WAIT_MS, within } = require('./check');
const { fields } = require('./sas');
const transports = require('./transport');

const env = process.env;
const host = env.HUB_HOST;
const ca = fs.readFileSync(env.HUB_CA, 'utf8');
const registry = Registry.fromConnectionString(env.HUB_OWNER);

const eventHubName = fields(env.HUB_EVENTS).EntityPath;

/** Creates an identity and returns it as the hub describes it. Another transport's run may have left one. */
async function identity(deviceId, more = {}) {
    if (transports.name !== 'Mqtt') await registry.delete(deviceId).catch(() => {});
    return (await registry.create({ deviceId, ...more })).responseBody;
}

function deviceString(device, key = device.authentication.symmetricKey.primaryKey) {
    return `HostName=${host};DeviceId=${device.deviceId};SharedAccessKey=${key}`;
}

/** The HTTP transport says that it took its options only if one of them is how it receives. */
const POLLING = { http: { receivePolicy: { interval: 1 } } };

/** Over AMQP the hub is asked for nothing before the first link: that of the twin, here. */
async function openClient(client) {
    client.setRetryPolicy(new NoRetry());
    await client.setOptions({ ca, ...POLLING });
    await client.open();
    if (transports.overAmqp) await client.getTwin();
    return client;
}

/** Calls back when the client is told that its connection or, over AMQP, its links are gone. */
function whenGone(client, gone) {
    client.on('disconnect', gone);
    client.on('error', gone);
}

/** A connected device client, from a device's description or a connection string. */
function open(device, transport = transports.transport) {
    const string = typeof device === 'string' ? device : deviceString(device);
    return openClient(Client.fromConnectionString(string, transport));
}

function openWithToken(sas) {
    return openClient(Client.fromSharedAccessSignature(sas, transports.transport));
}

/** Opens a device, sends what `messages` gives, all of it under way at once, and closes. */
async function send(device, messages, transport = transports.transport) {
    const client = await open(device, transport);
    try {
        await Promise.all(messages.map((message) =>
            client.sendEvent(message instanceof Message ? message : new Message(message))));
    } finally {
        await client.close();
    }
}

function consumer(options = {}) {
    return new EventHubConsumerClient(options.group || '$Default', options.string || env.HUB_EVENTS,
        ...(options.entity ? [options.entity] : []),
        ...(options.store ? [options.store] : []),
        { retryOptions: { maxRetries: 0, timeoutInMs: WAIT_MS }, ...options.client });
}

/** Where each partition ends now: the position behind its last event. */
async function ends() {
    const client = consumer();
    try {
        const at = {};
        for (const id of await client.getPartitionIds()) {
            const info = await client.getPartitionProperties(id);
            at[id] = { sequenceNumber: info.lastEnqueuedSequenceNumber };
        }
        return at;
    } finally {
        await client.close();
    }
}

/** Enough of an event to know it by. */
const inShort = (event) => [event.systemProperties['iothub-connection-device-id'],
    event.properties?.opType].filter(Boolean).join(' ');

/**
 * Reads events until `enough(events)` says so, and returns them as {partition, ...event}. Reads all
 * partitions or options.partition, from options.from (default: behind what is there now).
 */
async function collect(enough, options = {}) {
    const client = consumer(options);
    const events = [];
    let finish, giveUp, subscription;
    const done = new Promise((resolve, reject) => { finish = resolve; giveUp = reject; });
    const handlers = {
        processEvents: async (batch, context) => {
            for (const event of batch) {
                events.push(Object.assign(event, {
                    partition: context.partitionId,
                    last: context.lastEnqueuedEventProperties,
                }));
            }
            if (enough(events)) finish();
        },
        processError: async (error) => giveUp(error),
    };
    try {
        const how = {
            startPosition: options.from || latestEventPosition, maxBatchSize: 100,
            maxWaitTimeInSeconds: 1, skipParsingBodyAsJson: true, ...options.subscribe,
        };
        subscription = options.partition === undefined
            ? client.subscribe(handlers, how)
            : client.subscribe(String(options.partition), handlers, how);
        await within(options.ms || WAIT_MS, 'reading', done);
    } catch (error) {
        error.message += ` [read: ${events.map(inShort).join(', ') || 'nothing'}]`;
        throw error;
    } finally {
        if (subscription) await subscription.close();
        await client.close();
    }
    return events;
}

const sourceOf = (event) => event.systemProperties['iothub-connection-device-id'];

/** Sends with `act` and returns the `count` events that `deviceId` (or any of several) sent. */
async function roundTrip(deviceIds, count, act, options = {}) {
    const wanted = new Set([].concat(deviceIds));
    const from = await ends();
    await act();
    const mine = (events) => events.filter((event) => wanted.has(sourceOf(event)));
    return mine(await collect((events) => mine(events).length >= count, { from, ...options }));
}

/** What is there behind `from` ({partition: {sequenceNumber}}): reads up to where those partitions end now. */
async function rest(from, options = {}) {
    const to = Object.entries(await ends()).filter(([id, { sequenceNumber }]) => from[id] && sequenceNumber > from[id].sequenceNumber);
    if (to.length === 0) return [];
    return collect((events) => to.every(([id, { sequenceNumber }]) =>
        events.some((event) => event.partition === id && event.sequenceNumber >= sequenceNumber)), { from, ...options });
}

/** The server's own socket below `dir`: status and text of an answer. */
function ask(dir, method, where, body) {
    return new Promise((resolve, reject) => {
        const request = http.request({ socketPath: path.join(dir, 'azimuth.sock'), method, path: where }, (answer) => {
            let text = '';
            answer.on('data', (piece) => { text += piece; });
            answer.on('end', () => resolve({ status: answer.statusCode, text }));
        });
        request.on('error', reject);
        request.end(body && JSON.stringify(body));
    });
}

async function admin(method, where, body, dir = env.HUB_DATA) {
    const { status, text } = await ask(dir, method, `/admin/v1/${where}`, body);
    return { status, body: text && JSON.parse(text) };
}

module.exports = {
    admin, ask,
    POLLING, ca, collect, consumer, deviceString, ends, env, eventHubName, host, identity, open, openClient,
    openWithToken, registry, rest, roundTrip, send, sourceOf, whenGone,
};
