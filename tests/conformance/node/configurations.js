'use strict';
/* configurations.js - automatic configurations of devices and modules with azure-iothub; devices see them
 * arrive as desired properties. */

const assert = require('assert/strict');
const { Registry } = require('azure-iothub');
const { check, failure, until } = require('./check');
const { env, identity, open } = require('./hub');

const service = Registry.fromConnectionString(env.HUB_OWNER);
const run = `${process.pid}${Date.now().toString(36)}`;

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
