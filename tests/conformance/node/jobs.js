'use strict';
/* jobs.js - jobs over many devices with azure-iothub: twins, methods, cancellation, lists. */

const assert = require('assert/strict');
const { JobClient, Registry } = require('azure-iothub');
const { check, failure, until } = require('./check');
const { env, identity, open } = require('./hub');

const jobs = JobClient.fromConnectionString(env.HUB_SERVICE);
const service = Registry.fromConnectionString(env.HUB_SERVICE);
const run = `${process.pid}${Date.now().toString(36)}`;

const id = (name) => `${name}-${run}`;
const jobOf = async (jobId) => (await jobs.getJob(jobId)).jobStatus;

const ended = (jobId) => until(`job ${jobId} ends`, async () => {
    const job = await jobOf(jobId);
    return ['completed', 'failed', 'cancelled'].includes(job.status) && job;
});

async function devices(name, count) {
    const all = [];
    for (let n = 0; n < count; n++) all.push(await identity(id(`${name}${n}`)));
    return all;
}

const among = (all) => `deviceId IN [${all.map(({ deviceId }) => `'${deviceId}'`).join(',')}]`;

async function rows(jobId) {
    const { result } = await service.createQuery(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '${jobId}'`).next();
    return result;
}

check('a job updates the twins that match, and only those', async () => {
    const [one, two, other] = await devices('job-twin', 3);
    const patch = { etag: '*', tags: { by: 'job' }, properties: { desired: { interval: 5 } } };
    const { jobStatus } = await jobs.scheduleTwinUpdate(id('twins'), among([one, two]), patch, new Date(), 300);
    assert.equal(jobStatus.jobId, id('twins'));
    assert.equal(jobStatus.type, 'scheduleUpdateTwin');
    assert.equal(jobStatus.status, 'queued');
    const job = await ended(id('twins'));
    assert.equal(job.status, 'completed');
    assert.deepEqual(job.deviceJobStatistics,
        { deviceCount: 2, failedCount: 0, succeededCount: 2, runningCount: 0, pendingCount: 0 });
    assert.equal(job.maxExecutionTimeInSeconds, 300);
    assert.deepEqual(job.updateTwin, patch);
    assert.ok(Date.parse(job.endTime) >= Date.parse(job.startTime));
    for (const { deviceId } of [one, two]) {
        const twin = (await service.getTwin(deviceId)).responseBody;
        assert.equal(twin.tags.by, 'job');
        assert.equal(twin.properties.desired.interval, 5);
        assert.equal(twin.properties.desired.$version, 2);
    }
    assert.equal((await service.getTwin(other.deviceId)).responseBody.properties.desired.$version, 1);
});

check('a job calls a method, and each device has its own outcome', async () => {
    const [online, offline] = await devices('job-method', 2);
    const client = await open(online);
    try {
        client.onDeviceMethod('blink', (request, response) => response.send(207, { got: request.payload }));
        await until('it is subscribed', async () => {
            const jobId = id(`try${Date.now()}`);
            await jobs.scheduleDeviceMethod(jobId, among([online]), { methodName: 'blink', payload: 1 }, new Date(), 60);
            return (await ended(jobId)).deviceJobStatistics.succeededCount === 1;
        });
        const params = { methodName: 'blink', payload: { a: [1] }, responseTimeoutInSeconds: 60 };
        await jobs.scheduleDeviceMethod(id('methods'), among([online, offline]), params, new Date(), 60);
        const job = await ended(id('methods'));
        assert.equal(job.status, 'completed');
        assert.equal(job.deviceJobStatistics.succeededCount, 1);
        assert.equal(job.deviceJobStatistics.failedCount, 1);
        assert.deepEqual(job.cloudToDeviceMethod.payload, { a: [1] });
        const found = Object.fromEntries((await rows(id('methods'))).map((row) => [row.deviceId, row]));
        const good = found[online.deviceId], bad = found[offline.deviceId];
        assert.equal(good.status, 'completed');
        assert.equal(good.jobType, 'scheduleDeviceMethod');
        assert.deepEqual(good.outcome.deviceMethodResponse, { status: 207, payload: { got: { a: [1] } } });
        assert.equal(bad.status, 'failed');
        assert.equal(bad.error.code, 'DeviceNotOnline');
        assert.ok(bad.error.description.length > 0);
    } finally {
        await client.close();
    }
});

check('a job for tomorrow waits and can be cancelled', async () => {
    const tomorrow = new Date(Date.now() + 86400000);
    const [device] = await devices('job-later', 1);
    const { jobStatus } = await jobs.scheduleTwinUpdate(id('later'), among([device]), { tags: { a: 1 } }, tomorrow, 60);
    assert.equal(jobStatus.status, 'scheduled');
    assert.equal((await jobs.cancelJob(id('later'))).jobStatus.status, 'cancelled');
    assert.equal((await jobOf(id('later'))).status, 'cancelled');
    const again = await failure(jobs.cancelJob(id('later')));
    assert.equal(again.response.statusCode, 405);
    assert.equal(again.response.headers['iothub-errorcode'], 'OperationNotAllowedInCurrentState');
});

check('a job that runs can be cancelled', async () => {
    const client = await open((await devices('job-slow', 1))[0]);
    try {
        let called = false;
        client.onDeviceMethod('sleep', () => { called = true; });
        await until('it was called', async () => {
            const jobId = id(`slow${Date.now()}`);
            const params = { methodName: 'sleep', responseTimeoutInSeconds: 300 };
            await jobs.scheduleDeviceMethod(jobId, among([{ deviceId: id('job-slow0') }]), params, new Date(), 600);
            await until('it runs', async () => (await jobOf(jobId)).status !== 'queued');
            await new Promise((done) => setTimeout(done, 200));
            const { status } = await jobOf(jobId);
            if (!called || status !== 'running') return false;
            assert.equal((await jobs.cancelJob(jobId)).jobStatus.status, 'cancelled');
            const [row] = await rows(jobId);
            assert.equal(row.status, 'canceled');
            return true;
        });
    } finally {
        await client.close();
    }
});

check('a job with a condition that is none is refused, which says why', async () => {
    const refused = await failure(jobs.scheduleTwinUpdate(id('bad'), 'tags.building =', { tags: {} }, new Date(), 60));
    assert.equal(refused.response.statusCode, 400);
    assert.match(refused.responseBody, /queryCondition: .*column/);
    assert.equal((await jobs.getJob(id('bad'))).jobStatus.status, 'unknown');
});

check('an id is used once, and has rules', async () => {
    await jobs.scheduleTwinUpdate(id('once'), 'deviceId = \'nobody\'', { tags: {} }, new Date(), 60);
    const twice = await failure(jobs.scheduleTwinUpdate(id('once'), '*', { tags: {} }, new Date(), 60));
    assert.equal(twice.response.statusCode, 409);
    assert.equal(twice.response.headers['iothub-errorcode'], 'JobAlreadyExists');
    await jobs.scheduleTwinUpdate(id('DHCMD'), 'DeviceId IN [\'nobody\']', { tags: {} }, new Date(), 60); /* as samples do */
    const bad = await failure(jobs.scheduleTwinUpdate('Upper_Case', '*', { tags: {} }, new Date(), 60));
    assert.equal(bad.response.statusCode, 400);
    assert.equal((await jobOf(id('none'))).status, 'unknown');
});

check('jobs are listed in pages, by type and state', async () => {
    for (const n of [1, 2, 3]) {
        await jobs.scheduleTwinUpdate(id(`list${n}`), 'deviceId = \'nobody\'', { tags: {} }, new Date(), 60);
        await ended(id(`list${n}`));
    }
    const query = jobs.createQuery('scheduleUpdateTwin', 'completed', 2);
    const seen = [];
    while (query.hasMoreResults) {
        const { result } = await query.next(query.continuationToken);
        assert.ok(result.length <= 2);
        seen.push(...result);
    }
    const mine = seen.map((job) => job.jobId).filter((jobId) => jobId.startsWith('list'));
    assert.deepEqual(mine.slice(0, 3), [3, 2, 1].map((n) => id(`list${n}`)));
    assert.ok(seen.every((job) => job.type === 'scheduleUpdateTwin' && job.status === 'completed'));
    const { result: finished } = await jobs.createQuery('scheduleUpdateTwin', 'finished', 2).next(); /* the SDK's JobStatus */
    assert.deepEqual(finished.map(({ jobId }) => jobId), seen.slice(0, 2).map(({ jobId }) => jobId));
});
