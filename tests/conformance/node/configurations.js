'use strict';
/* configurations.js - automatic configurations of devices and modules with azure-iothub; devices see them
 * arrive as desired properties. */

const assert = require('assert/strict');
const { Registry } = require('azure-iothub');
const { check, failure, until } = require('./check');
const { env, identity, open } = require('./hub');
const { moduleIdentity, openModule } = require('./modules_kit');

const service = Registry.fromConnectionString(env.HUB_OWNER);
const run = `${process.pid}${Date.now().toString(36)}`;

const key = (fill) => Buffer.alloc(32, fill).toString('base64');
const id = (name) => `${name}-${run}`;
const twinOf = async (deviceId) => (await service.getTwin(deviceId)).responseBody;
const tag = (deviceId, tags) => service.updateTwin(deviceId, { tags }, '*');

async function query(text) {
    return (await service.createQuery(text).next()).result;
}

/** Opens a device and collects the patches of its desired properties. */
async function listen(device) {
    const client = await open(device);
    const twin = await client.getTwin();
    const patches = [];
    twin.on('properties.desired', (patch) => patches.push(patch));
    return { client, patches };
}

async function add(name, configuration) {
    return (await service.addConfiguration({ id: id(name), ...configuration })).responseBody;
}

const get = async (name) => (await service.getConfiguration(id(name))).responseBody;
const drop = (name) => service.removeConfiguration(id(name));
const results = async (name) => (await get(name)).systemMetrics.results;

check('a configuration reaches the devices that its condition means, and those only', async () => {
    const one = await identity(id('conf-one')), two = await identity(id('conf-two'));
    await tag(one.deviceId, { run, floor: 3 });
    const { client, patches } = await listen(one);
    try {
        const made = await add('first', {
            content: { deviceContent: { 'properties.desired.chiller': { temperature: 66 } } },
            targetCondition: `tags.run = '${run}' AND tags.floor = 3`,
            priority: 10,
            labels: { env: 'test' },
        });
        assert.equal(made.id, id('first'));
        assert.equal(made.schemaVersion, '1.0');
        assert.equal(made.etag, 'MQ==');
        await until('the patch arrives', () => patches.some((p) => p.chiller && p.chiller.temperature === 66));
        const twin = await twinOf(one.deviceId);
        assert.deepEqual(twin.configurations, { [id('first')]: { status: 'Applied' } });
        assert.equal((await twinOf(two.deviceId)).configurations, undefined);
        assert.deepEqual(await results('first'), { targetedCount: 1, appliedCount: 1 });
        const rows = await query(`SELECT deviceId FROM devices WHERE configurations.[[${id('first')}]].status='Applied'`);
        assert.deepEqual(rows, [{ deviceId: one.deviceId }]);

        await tag(two.deviceId, { run, floor: 3 });
        await until('the second one has it, too', async () => (await twinOf(two.deviceId)).properties.desired.chiller);
        await tag(one.deviceId, { floor: 4 });
        await until('what it set is taken away', () => patches.some((p) => p.chiller === null));
        assert.equal((await twinOf(one.deviceId)).configurations, undefined);
    } finally {
        await client.close();
        await drop('first');
    }
    const gone = await failure(get('first'));
    assert.equal(gone.response.statusCode, 404);
    assert.equal(gone.response.headers['iothub-errorcode'], 'ConfigurationNotFound');
    assert.deepEqual((await twinOf(two.deviceId)).properties.desired.chiller, { temperature: 66 });
});

check('the highest priority counts, path by path', async () => {
    const { deviceId } = await identity(id('conf-prio'));
    await tag(deviceId, { run, room: 1 });
    const targetCondition = `deviceId = '${deviceId}'`;
    const settled = (what, status) => until(what, async () => {
        const { configurations = {} } = await twinOf(deviceId);
        return JSON.stringify(Object.values(configurations).map((c) => c.status)) === JSON.stringify(status);
    });
    try {
        await add('low', { targetCondition, priority: 1,
            content: { deviceContent: { 'properties.desired.a': 1, 'properties.desired.b.c': 'low' } } });
        await add('high', { targetCondition, priority: 2, content: { deviceContent: { 'properties.desired.a': 2 } } });
        await settled('both count', ['Applied', 'Applied']);
        const { desired } = (await twinOf(deviceId)).properties;
        assert.deepEqual([desired.a, desired.b], [2, { c: 'low' }]);
        await service.updateTwin(deviceId, { properties: { desired: { a: 7 } } }, '*');
        await until('it is what the configuration says again', async () => (await twinOf(deviceId)).properties.desired.a === 2);
        const low = await get('low');
        await service.updateConfiguration({ ...low, priority: 3, labels: { now: 'first' } });
        await until('the other one wins', async () => (await twinOf(deviceId)).properties.desired.a === 1);
        await settled('the loser is only meant', ['Targeted', 'Applied']);
        assert.deepEqual(await results('high'), { targetedCount: 1, appliedCount: 0 });
        assert.deepEqual((await get('low')).labels, { now: 'first' });
    } finally {
        await drop('low');
        await drop('high');
    }
});

check('etags, immutable content and refusals are those of Azure', async () => {
    const content = { deviceContent: { 'properties.desired.x': 1 } };
    const status = (error) => [error.response.statusCode, error.response.headers['iothub-errorcode']];
    await add('tags', { content });
    try {
        const made = await get('tags');
        assert.deepEqual([made.priority, made.targetCondition], [0, '']);
        assert.deepEqual(status(await failure(add('tags', { content }))), [409, 'ConfigurationAlreadyExists']);
        const other = { deviceContent: { 'properties.desired.x': 2 } };
        const changed = (await service.updateConfiguration({ ...made, content: other, priority: 4 })).responseBody;
        assert.deepEqual(changed.content, content);
        assert.equal(changed.priority, 4);
        assert.deepEqual(status(await failure(service.updateConfiguration(made))), [412, 'PreconditionFailed']);
        await service.updateConfiguration({ ...made, priority: 5 }, true);
        assert.ok((await service.getConfigurations()).responseBody.some((c) => c.id === id('tags')));
    } finally {
        await drop('tags');
    }
    for (const [bad, code] of [
        [{ content: {} }, 'InvalidConfigurationContent'],
        [{ content: { deviceContent: { 'tags.a': 1 } } }, 'InvalidConfigurationContent'],
        [{ content: { ...content, moduleContent: { 'properties.desired.a': 1 } } }, 'InvalidConfigurationContent'],
        [{ content, targetCondition: 'tags.a =' }, 'InvalidConfigurationTargetCondition'],
        [{ content, metrics: { queries: { m: 'SELECT' } } }, 'InvalidConfigurationCustomMetricsQuery'],
        [{ content, priority: -1 }, 'ArgumentInvalid'],
    ]) assert.deepEqual(status(await failure(add('bad', bad))), [400, code]);
    assert.deepEqual(status(await failure(service.addConfiguration({ id: 'UPPER', content }))), [400, 'ArgumentInvalid']);
});

check('metrics count the rows of their queries', async () => {
    const one = await identity(id('conf-m1'));
    await tag(one.deviceId, { run, metric: 1 });
    await add('metric', {
        content: { deviceContent: { 'properties.desired.interval': 5 } },
        targetCondition: `tags.run = '${run}' AND tags.metric = 1`,
        metrics: { queries: {
            tagged: `SELECT deviceId FROM devices WHERE tags.run = '${run}' AND tags.metric = 1`,
            nobody: `SELECT deviceId FROM devices WHERE tags.run = '${run}' AND tags.metric = 2`,
        } },
    });
    try {
        await until('it is applied', async () => (await results('metric')).appliedCount === 1);
        const { metrics } = await get('metric');
        assert.deepEqual(metrics.results, { tagged: 1, nobody: 0 });
        assert.match(metrics.queries.nobody, /tags.metric = 2/);
    } finally {
        await drop('metric');
    }
});

check('modules have configurations of their own', async () => {
    const device = await identity(id('conf-mod'));
    const module = await moduleIdentity(device.deviceId, 'sensor');
    const client = await openModule(module);
    const patches = [];
    try {
        (await client.getTwin()).on('properties.desired', (patch) => patches.push(patch));
        await add('modules', {
            content: { moduleContent: { 'properties.desired.rate': 9 } },
            targetCondition: `FROM devices.modules WHERE moduleId = 'sensor' AND deviceId = '${device.deviceId}'`,
        });
        await until('the patch arrives', () => patches.some((p) => p.rate === 9));
        const rows = await query(`SELECT deviceId, moduleId FROM devices.modules WHERE configurations.[[${id('modules')}]].status = 'Applied'`);
        assert.deepEqual(rows, [{ deviceId: device.deviceId, moduleId: 'sensor' }]);
    } finally {
        await client.close();
        await drop('modules');
    }
});

/* ---- IoT Edge */

const settings = (image) => ({ image, createOptions: '{}' });
const started = { status: 'running', restartPolicy: 'always', type: 'docker' };

function manifest(modules = {}) {
    return {
        modulesContent: {
            $edgeAgent: { 'properties.desired': {
                schemaVersion: '1.1',
                runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
                systemModules: {
                    edgeAgent: { type: 'docker', settings: settings('mcr.example/agent:1.5') },
                    edgeHub: { ...started, settings: settings('mcr.example/hub:1.5') },
                },
                modules: Object.fromEntries(Object.keys(modules).map((name) => [name, { ...started, settings: settings(name) }])),
            } },
            $edgeHub: { 'properties.desired': {
                schemaVersion: '1.1', routes: { up: 'FROM /* INTO $upstream' },
                storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
            } },
            ...Object.fromEntries(Object.entries(modules).map(([name, desired]) => [name, { 'properties.desired': desired }])),
        },
    };
}

const edgeDevice = (name) => identity(id(name), { capabilities: { iotEdge: true } });
const moduleTwin = async (deviceId, moduleId) => (await service.getModuleTwin(deviceId, moduleId)).responseBody;
const desiredOf = async (deviceId, moduleId) => (await moduleTwin(deviceId, moduleId)).properties.desired;

/** As the identity service of an edge device does, before its agent connects. */
async function withKeys(deviceId, moduleId) {
    const symmetricKey = { primaryKey: key(1), secondaryKey: key(2) };
    await service.updateModule({ deviceId, moduleId, managedBy: 'iotEdge', authentication: { type: 'sas', symmetricKey } }, true);
    return (await service.getModule(deviceId, moduleId)).responseBody;
}

check('a manifest is applied on one edge device', async () => {
    const { deviceId } = await edgeDevice('edge-one');
    await service.applyConfigurationContentOnDevice(deviceId, manifest({ filter: { limit: 25 } }));
    assert.equal((await desiredOf(deviceId, '$edgeAgent')).modules.filter.settings.image, 'filter');
    assert.equal((await desiredOf(deviceId, '$edgeHub')).routes.up, 'FROM /* INTO $upstream');
    assert.equal((await desiredOf(deviceId, 'filter')).limit, 25);
    const { managedBy } = (await service.getModule(deviceId, 'filter')).responseBody;
    assert.equal(managedBy, 'IotEdge');
    await service.applyConfigurationContentOnDevice(deviceId, manifest());
    assert.deepEqual((await desiredOf(deviceId, '$edgeAgent')).modules, {});
    assert.equal((await desiredOf(deviceId, 'filter')).limit, 25, 'a module that is not named stays as it is');
    const plain = await identity(id('edge-none'));
    const no = await failure(service.applyConfigurationContentOnDevice(plain.deviceId, manifest()));
    assert.equal(no.response.statusCode, 400);
    const nobody = await failure(service.applyConfigurationContentOnDevice(id('nobody'), manifest()));
    assert.equal(nobody.response.headers['iothub-errorcode'], 'DeviceNotFound');
});

check('deployments: a base and its layers reach edge devices, and the agent says how it went', async () => {
    const { deviceId } = await edgeDevice('edge-fleet');
    const plain = await identity(id('edge-plain'));
    for (const who of [deviceId, plain.deviceId]) await tag(who, { run, site: 'a' });
    const agent = await withKeys(deviceId, '$edgeAgent');
    const targetCondition = `tags.run = '${run}' AND tags.site = 'a'`;
    const statuses = async () => (await moduleTwin(deviceId, '$edgeAgent')).configurations || {};
    const client = await openModule(agent);
    const patches = [];
    try {
        const twin = await client.getTwin();
        twin.on('properties.desired', (patch) => patches.push(patch));
        await add('base', { schemaVersion: '2.0', targetCondition, priority: 5, content: manifest({ filter: { limit: 1 } }) });
        await until('the agent hears of it', () => patches.some((p) => p.modules && p.modules.filter));
        await add('layer', { schemaVersion: '2.0', targetCondition, priority: 6, content: { modulesContent: {
            $edgeAgent: { 'properties.desired.modules.camera': { ...started, settings: settings('camera') } },
            $edgeHub: { 'properties.desired.routes.camera': 'FROM /messages/modules/camera/* INTO $upstream' },
            camera: { 'properties.desired': { fps: 30 } },
            filter: { 'properties.desired.limit': 2 },
        } } });
        await until('both count', async () => Object.values(await statuses()).filter((c) => c.status === 'Applied').length === 2);
        const { modules } = await desiredOf(deviceId, '$edgeAgent');
        assert.deepEqual(Object.keys(modules).sort(), ['camera', 'filter']);
        assert.deepEqual(Object.keys((await desiredOf(deviceId, '$edgeHub')).routes).sort(), ['camera', 'up']);
        assert.equal((await desiredOf(deviceId, 'camera')).fps, 30);
        assert.equal((await desiredOf(deviceId, 'filter')).limit, 2);
        assert.equal((await twinOf(plain.deviceId)).configurations, undefined);

        const { $version } = await desiredOf(deviceId, '$edgeAgent');
        await new Promise((done, fail) => twin.properties.reported.update(
            { lastDesiredVersion: $version, lastDesiredStatus: { code: 200 } }, (error) => (error ? fail(error) : done())));
        await until('it is counted', async () => (await results('base')).reportedSuccessfulCount === 1);
        assert.deepEqual(await results('base'),
            { targetedCount: 1, appliedCount: 1, reportedSuccessfulCount: 1, reportedFailedCount: 0 });
        const { systemMetrics } = await get('base');
        for (const [name, text] of Object.entries(systemMetrics.queries)) {
            assert.equal((await query(text)).length, systemMetrics.results[name], name);
        }

        await add('better', { targetCondition, priority: 7, content: manifest({ newer: {} }) });
        await until('it takes over', async () => (await desiredOf(deviceId, '$edgeAgent')).modules.newer);
        await until('the others are only meant', async () => JSON.stringify(await statuses()) === JSON.stringify({
            [id('base')]: { status: 'Targeted' }, [id('layer')]: { status: 'Targeted' }, [id('better')]: { status: 'Applied' } }));
        assert.deepEqual(Object.keys((await desiredOf(deviceId, '$edgeAgent')).modules), ['newer']);
        await drop('better');
        await until('the base and its layer are back', async () => (await desiredOf(deviceId, '$edgeAgent')).modules.camera);
    } finally {
        await client.close();
        for (const name of ['base', 'layer', 'better']) await drop(name).catch(() => {});
    }
});
