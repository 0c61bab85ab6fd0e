'use strict';
/* events.js - what happens to twins, identities, connections and jobs, read with @azure/event-hubs from a server
 * that was asked to put it on the stream; caused with azure-iothub and azure-iot-device. */

const assert = require('assert/strict');
const { DigitalTwinClient, IoTHubTokenCredentials, JobClient, Registry } = require('azure-iothub');
const { earliestEventPosition } = require('@azure/event-hubs');
const { check, until } = require('./check');
const { collect, open } = require('./hub');
const { OwnServer } = require('./own_server');

let started;

/** One server for all cases. */
function theServer() {
    started = started || (async () => {
        const server = new OwnServer(['--events', 'all'], true);
        await server.start();
        const owner = await server.azimuth('connection-string', '--policy', 'iothubowner');
        const string = await server.azimuth('connection-string', '--event-hub');
        return { server, owner, string, registry: Registry.fromConnectionString(owner) };
    })();
    return started;
}

const annotation = (event, name) => event.systemProperties[name];
const isOf = (id, module) => (event) => annotation(event, 'iothub-connection-device-id') === id
    && annotation(event, 'iothub-connection-module-id') === module;

/** The first `count` events that `wanted` likes, whose bodies are parsed. */
async function read(wanted, count) {
    const { string } = await theServer();
    const found = (events) => events.filter(wanted);
    const all = await collect((events) => found(events).length >= count, { string, from: earliestEventPosition });
    return found(all).map((event) => Object.assign(event, { json: JSON.parse(event.body.toString()) }));
}

/** What all sources say alike. */
function expectWords(event, source, schema, op) {
    assert.equal(annotation(event, 'iothub-message-source'), source);
    assert.ok(Math.abs(annotation(event, 'iothub-enqueuedtime') - Date.now()) < 60000);
    assert.equal(event.properties['iothub-message-schema'], schema);
    assert.equal(event.properties.opType, op);
    assert.match(event.properties.hubName, /^[a-z0-9-]+$/);
    assert.match(event.properties.operationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}(Z|\+00:00)$/);
    const json = schema === 'digitalTwinChangeNotification' ? 'application/json-patch+json' : 'application/json';
    assert.equal(event.contentType, json);
    assert.ok(event.correlationId);
}

const words = { twin: ['twinChangeEvents', 'twinChangeNotification'],
    life: ['deviceLifecycleEvents', 'deviceLifecycleNotification'],
    moduleLife: ['deviceLifecycleEvents', 'moduleLifecycleNotification'],
    link: ['deviceConnectionStateEvents', 'deviceConnectionStateNotification'],
    digital: ['digitalTwinChangeEvents', 'digitalTwinChangeNotification'],
    job: ['deviceJobLifecycleEvents', 'deviceJobLifecycleNotification'] };
const from = (kind, id, module) => (event) => isOf(id, module)(event)
    && annotation(event, 'iothub-message-source') === words[kind][0];

check('devices and modules that are made and deleted are told of with their twins', async () => {
    const { registry } = await theServer();
    await registry.create({ deviceId: 'life' });
    await registry.addModule({ deviceId: 'life', moduleId: 'm' });
    await registry.removeModule('life', 'm');
    await registry.addModule({ deviceId: 'life', moduleId: 'goes-with-it' });
    await registry.delete('life');
    const device = await read(from('life', 'life'), 2);
    const module = await read(from('life', 'life', 'm'), 2);
    const gone = await read(from('life', 'life', 'goes-with-it'), 2);
    for (const [events, schema, kind] of [[device, words.life, 'Device'], [module, words.moduleLife, 'Module'],
        [gone, words.moduleLife, 'Module']]) {
        expectWords(events[0], ...schema, `create${kind}Identity`);
        expectWords(events[1], ...schema, `delete${kind}Identity`);
        assert.equal(events[0].properties.deviceId, 'life');
        assert.equal(events[0].json.version, 2);
        assert.equal(events[0].json.etag, 'AAAAAAAAAAE=');
        assert.equal(events[0].json.properties.desired.$version, 1);
        assert.ok(events[0].json.properties.reported.$metadata.$lastUpdated);
    }
    assert.equal(device[0].properties.moduleId, undefined);
    assert.equal(module[0].properties.moduleId, 'm');
    assert.equal(module[0].json.moduleId, 'm');
});

check('changes of a twin are told with what changed, its version and its times', async () => {
    const { registry, server } = await theServer();
    await registry.create({ deviceId: 'twin' });
    await registry.updateTwin('twin', { tags: { t: 1 }, properties: { desired: { d: { e: 2 } } } }, '*');
    const device = await open(await server.azimuth('connection-string', '-d', 'twin'));
    const twin = await device.getTwin();
    await new Promise((resolve, reject) => twin.properties.reported.update({ r: 3 }, (e) => (e ? reject(e) : resolve())));
    await device.close();
    const replaced = { ...(await registry.getTwin('twin')).responseBody, tags: { u: 4 } };
    await registry.updateTwin('twin', { tags: { t: null } }, '*');
    delete replaced.etag;
    const events = await read(from('twin', 'twin'), 3);
    for (const event of events) expectWords(event, ...words.twin, 'updateTwin');
    const [written, reported, removed] = events.map(({ json }) => json);
    assert.deepEqual(written.tags, { t: 1 });
    assert.deepEqual(written.properties.desired.d, { e: 2 });
    assert.equal(written.properties.desired.$version, 2);
    assert.equal(written.properties.desired.$metadata.$lastUpdatedVersion, 2);
    assert.equal(written.properties.desired.$metadata.d.e.$lastUpdatedVersion, 2);
    assert.equal(reported.properties.reported.r, 3);
    assert.equal(reported.properties.reported.$version, 2);
    assert.ok(reported.properties.reported.$metadata.r.$lastUpdated);
    assert.deepEqual(removed, { version: 5, tags: { t: null } });
    assert.deepEqual(events.map(({ json }) => json.version), [3, 4, 5]);
});

check('connections and takeovers are told in order, with numbers that rise', async () => {
    const { registry, server } = await theServer();
    await registry.create({ deviceId: 'link' });
    const string = await server.azimuth('connection-string', '-d', 'link');
    const first = await open(string);
    let gone = false;
    first.on('disconnect', () => { gone = true; });
    await first.getTwin();
    const second = await open(string);
    await second.getTwin();
    await until('the first is closed', () => gone);
    await read(from('link', 'link'), 3); // who comes and goes before it is told may not be told of
    await second.close();
    const events = await read(from('link', 'link'), 4);
    const ops = ['deviceConnected', 'deviceDisconnected', 'deviceConnected', 'deviceDisconnected'];
    events.forEach((event, i) => expectWords(event, ...words.link, ops[i]));
    const numbers = events.map(({ json }) => json.sequenceNumber);
    for (const number of numbers) assert.match(number, /^[0-9A-F]{64}$/);
    assert.deepEqual(numbers, [...numbers].sort());
    assert.equal(new Set(numbers).size, 4);
});

check('changes of a digital twin are told as a JSON Patch', async () => {
    const { registry, owner } = await theServer();
    await registry.create({ deviceId: 'digital' });
    const digital = new DigitalTwinClient(new IoTHubTokenCredentials(owner));
    await digital.updateDigitalTwin('digital', [{ op: 'add', path: '/t1/target', value: 21 }]);
    await digital.updateDigitalTwin('digital', [{ op: 'replace', path: '/t1/target', value: 22 }]);
    const events = await read(from('digital', 'digital'), 2);
    for (const event of events) expectWords(event, ...words.digital, 'updateTwin');
    const [added] = events[0].json;
    assert.equal(added.op, 'add');
    assert.equal(added.path, '/t1');
    assert.equal(added.value.target, 21);
    assert.equal(added.value.$metadata.target.desiredValue, 21);
    assert.deepEqual(events[1].json.map(({ op, path }) => `${op} ${path}`), [
        'replace /t1/$metadata/target/desiredValue', 'replace /t1/$metadata/target/desiredVersion',
        'replace /t1/$metadata/target/lastUpdateTime', 'replace /t1/target']);
});

check('a job is told of when it is made, runs and ends', async () => {
    const { registry, owner } = await theServer();
    await registry.create({ deviceId: 'job' });
    await JobClient.fromConnectionString(owner).scheduleTwinUpdate('job-1', "deviceId = 'job'", { tags: { a: 1 } },
        new Date(), 60);
    const events = await read((event) => event.properties.jobId === 'job-1', 3);
    ['createJob', 'updateJob', 'updateJob'].forEach((op, i) => expectWords(events[i], ...words.job, op));
    assert.deepEqual(events.map(({ json }) => json.status), ['queued', 'running', 'completed']);
    assert.equal(events[2].json.deviceJobStatistics.succeededCount, 1);
});
