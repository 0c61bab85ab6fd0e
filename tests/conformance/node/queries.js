'use strict';
/* queries.js - the query language through azure-iothub: Registry.createQuery. */

const assert = require('assert/strict');
const { Registry } = require('azure-iothub');
const { check, failure } = require('./check');
const { env, identity, open, registry } = require('./hub');
const { moduleIdentity } = require('./modules_kit');

const service = Registry.fromConnectionString(env.HUB_SERVICE);
const run = `q${process.pid}`; // a tag that only these devices have

async function tagged(id, tags, desired = {}) {
    const device = await identity(id);
    await service.updateTwin(id, { tags: { run, ...tags }, properties: { desired } }, '*');
    return device;
}

/** All rows, page by page; without the token as its argument next() asks for the first page again. */
async function rows(text, size) {
    const query = service.createQuery(text, size);
    const pages = [];
    while (query.hasMoreResults) pages.push((await query.next(query.continuationToken)).result);
    return { all: pages.flat(), pages };
}

const ids = (found) => found.map((row) => row.deviceId);

check('a query finds twins by their tags, page by page', async () => {
    for (let i = 0; i < 7; i++) await tagged(`query-${i}`, { floor: i % 2, place: { room: `r${i}` } });
    const found = await rows(`SELECT * FROM devices WHERE tags.run = '${run}'`, 3);
    assert.deepEqual(found.pages.map((page) => page.length), [3, 3, 1]);
    assert.deepEqual(ids(found.all), [0, 1, 2, 3, 4, 5, 6].map((i) => `query-${i}`));
    const odd = await rows(`SELECT * FROM devices WHERE tags.run = '${run}' AND tags.floor = 1`, 100);
    assert.deepEqual(ids(odd.all), ['query-1', 'query-3', 'query-5']);
    const room = await rows(`SELECT * FROM devices WHERE tags.place.room IN ['r2', 'r9'] AND tags.run = '${run}'`);
    assert.deepEqual(ids(room.all), ['query-2']);
});

check('nextAsTwin gives twins that can be written', async () => {
    const query = service.createQuery(`SELECT * FROM devices WHERE tags.run = '${run}' AND deviceId = 'query-4'`, 10);
    const { result, message } = await query.nextAsTwin();
    assert.equal(message.headers['x-ms-item-type'], 'Twin');
    assert.equal(result.length, 1);
    const whole = (await service.getTwin('query-4')).responseBody;
    assert.deepEqual(JSON.parse(JSON.stringify(result[0])), JSON.parse(JSON.stringify(whole)));
    await result[0].update({ tags: { seen: true } });
    const seen = await rows(`SELECT deviceId FROM devices WHERE tags.seen AND tags.run = '${run}'`);
    assert.deepEqual(seen.all, [{ deviceId: 'query-4' }]);
    assert.equal(query.hasMoreResults, false);
});

check('what was written a moment ago is found, what is gone is not', async () => {
    await tagged('query-short', { mark: 'here' });
    const text = `SELECT deviceId FROM devices WHERE tags.mark = 'here' AND tags.run = '${run}'`;
    assert.equal((await rows(text)).all.length, 1);
    await service.updateTwin('query-short', { tags: { mark: null } }, '*');
    assert.equal((await rows(text)).all.length, 0);
    await service.updateTwin('query-short', { tags: { mark: 'here' } }, '*');
    await registry.delete('query-short');
    assert.equal((await rows(text)).all.length, 0);
    await identity('query-short');
    assert.equal((await rows(text)).all.length, 0);
});

check('projections, aggregates and groups', async () => {
    const where = `FROM devices WHERE tags.run = '${run}' AND is_defined(tags.floor)`;
    const query = service.createQuery(`SELECT TOP 2 deviceId AS id, tags.place.room, tags.gone ${where}`);
    const { result, message } = await query.next();
    assert.equal(message.headers['x-ms-item-type'], 'Raw');
    assert.equal(result.length, 2);
    for (const { id, ...others } of result) assert.deepEqual(others, { room: id.replace('query-', 'r') });
    assert.deepEqual((await rows(`SELECT COUNT() AS n, SUM(tags.floor) AS sum ${where}`)).all, [{ n: 7, sum: 3 }]);
    assert.deepEqual((await rows(`SELECT tags.floor AS floor, COUNT() AS n ${where} GROUP BY tags.floor`)).all,
        [{ floor: 0, n: 4 }, { floor: 1, n: 3 }]);
});

check('modules, reported properties, versions and who is connected', async () => {
    const device = await tagged('query-live', {}, { rate: 5 });
    await moduleIdentity('query-live', 'm1');
    const one = async (text) => (await rows(text)).all;
    assert.deepEqual(await one("SELECT deviceId, moduleId FROM devices.modules WHERE deviceId IN ['query-live']"),
        [{ deviceId: 'query-live', moduleId: 'm1' }]);
    const connected = `SELECT deviceId FROM devices WHERE tags.run = '${run}' AND connectionState = 'Connected'`;
    assert.deepEqual(await one(connected), []);
    const client = await open(device);
    const twin = await client.getTwin();
    await new Promise((resolve, reject) => twin.properties.reported.update(
        { fan: { on: true } }, (error) => (error ? reject(error) : resolve())));
    assert.deepEqual(await one(connected), [{ deviceId: 'query-live' }]);
    assert.deepEqual(await one('SELECT properties.reported.fan FROM devices WHERE '
        + "properties.reported.fan.on = true AND properties.desired.$version = 2 AND deviceId = 'query-live'"),
    [{ fan: { on: true } }]);
    await client.close();
});

check('what is no query is an error that says where', async () => {
    const error = await failure(service.createQuery('SELECT * FORM devices').next());
    assert.equal(error.name, 'ArgumentError');
    assert.match(error.message + JSON.stringify(error.responseBody), /line 1, column 10/);
    assert.deepEqual((await rows('SELECT * FROM devices.jobs WHERE jobId = \'none\'')).all, []);
});
