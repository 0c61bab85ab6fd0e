'use strict';
/* events.js - what happens to twins, identities, connections and jobs, read with @azure/event-hubs from a server
 * that was asked to put it on the stream, and from an event hub that a route leads to; caused with azure-iothub and
 * azure-iot-device. */

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

/** Two devices, an event hub, and a route to it of each source whose events are of a model or of no device. */
async function routed() {
    const { registry, server } = await theServer();
    await registry.addDevices([{ deviceId: 'led' }, { deviceId: 'left' }]);
    const hub = (...words) => server.azimuth('hub', ...words);
    await server.azimuth('eventhub', 'create', '-n', 'led', '-p', '1');
    await hub('message-endpoint', 'create', 'eventhub', '--en', 'led', '--entity-path', 'led');
    await hub('message-enrichment', 'create', '-k', 'hub', '-v', '$iothubname', '-e', 'led');
    await hub('message-enrichment', 'create', '-k', 'site', '-v', '$twin.tags.site', '-e', 'led');
    await hub('message-route', 'create', '--rn', 'digital', '-t', 'DigitalTwinChangeEvents', '--en', 'led', '-c',
        "opType = 'updateTwin' AND deviceId <> 'left'");
    await hub('message-route', 'create', '--rn', 'jobs', '-t', 'DeviceJobLifecycleEvents', '--en', 'led', '-c',
        "opType = 'updateJob' AND jobId = 'led' AND $body.status = 'completed'");
    return server.azimuth('connection-string', '--event-hub-name', 'led');
}

/* As Azure's schemas of these events have the system properties. */
function expectSystem(event, hub) {
    assert.equal(event.getRawAmqpMessage().properties.contentEncoding, 'utf-8');
    assert.equal(Buffer.from(Object.values(annotation(event, 'userId'))).toString(), hub); // the SDK makes an object of it
    assert.equal(event.properties.hubName, hub);
}

check('digital twins and jobs go along routes of their source; jobs alone are enriched', async () => {
    const { owner } = await theServer();
    const string = await routed();
    const digital = new DigitalTwinClient(new IoTHubTokenCredentials(owner));
    await digital.updateDigitalTwin('left', [{ op: 'add', path: '/interval', value: 1 }]);
    await digital.updateDigitalTwin('led', [{ op: 'add', path: '/interval', value: 5 }]);
    await digital.updateDigitalTwin('led', [{ op: 'add', path: '/t1/target', value: 21 }]);
    const jobs = JobClient.fromConnectionString(owner);
    for (const id of ['left', 'led']) {
        await jobs.scheduleTwinUpdate(id, `deviceId = '${id}'`, { tags: { site: 'north' } }, new Date(), 60);
    }
    const isJob = (event) => annotation(event, 'iothub-message-source') === words.job[0];
    const came = await collect((events) => events.length >= 3 && events.some(isJob), { string, from: earliestEventPosition });
    assert.equal(came.length, 3);
    const [root, component] = came.filter((event) => !isJob(event)).map((event) => {
        expectWords(event, ...words.digital, 'updateTwin');
        expectSystem(event, event.properties.hubName);
        assert.equal(annotation(event, 'iothub-connection-device-id'), 'led');
        assert.equal(event.properties.deviceId, 'led');
        assert.equal(event.partitionKey, 'led');
        assert.equal(event.properties.hub, undefined);
        assert.equal(event.properties.site, undefined);
        return JSON.parse(event.body.toString());
    });
    assert.deepEqual(root.map(({ path }) => path), ['/$metadata/interval', '/interval']);
    assert.deepEqual(root[1], { op: 'add', path: '/interval', value: 5 });
    assert.deepEqual(component.map(({ op, path, value }) => [op, path, value.target]), [['add', '/t1', 21]]);
    const job = came.find(isJob);
    expectWords(job, ...words.job, 'updateJob');
    expectSystem(job, job.properties.hub);
    assert.equal(annotation(job, 'iothub-connection-device-id'), undefined);
    assert.equal(job.properties.site, '$twin.tags.site'); // a job has no twin
    const { jobId, status, deviceJobStatistics } = JSON.parse(job.body.toString());
    assert.deepEqual([jobId, status, deviceJobStatistics.succeededCount], ['led', 'completed', 1]);
});
