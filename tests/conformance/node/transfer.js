'use strict';
/* transfer.js - fleets in and out with azure-iothub: import and export jobs with the hub's own container
 * and with one in Azurite. */

const assert = require('assert/strict');
const fs = require('fs');
const net = require('net');
const path = require('path');
const {
    ContainerClient, ContainerSASPermissions, StorageSharedKeyCredential, generateBlobSASQueryParameters,
} = require('@azure/storage-blob');
const { ACCOUNT, KEY, azurite, azuriteTls } = require('./azurite');
const { check, failure, until } = require('./check');
const { env, host, registry } = require('./hub');

const run = `${process.pid}${Date.now().toString(36)}`;

/** A container and the URI that opens it, signed with its account's key. */
function container(account, key, url, name, permissions = 'racwd') {
    const credential = new StorageSharedKeyCredential(account, key);
    const sas = generateBlobSASQueryParameters({
        containerName: name, permissions: ContainerSASPermissions.parse(permissions), expiresOn: new Date(Date.now() + 600000),
    }, credential);
    return { uri: `${url}/${name}?${sas}`, client: new ContainerClient(`${url}/${name}?${sas}`), account: new ContainerClient(`${url}/${name}`, credential) };
}

const ownKey = () => fs.readFileSync(path.join(env.HUB_DATA, 'upload.key'), 'utf8').trim();
const own = (permissions) => container('azimuth', ownKey(), `https://${host}`, 'azimuth-uploads', permissions);

/** Blobs of another test's are not ours. */
async function text(place, blob) {
    return (await place.client.getBlobClient(blob).downloadToBuffer()).toString();
}

const write = (place, blob, body) => place.client.getBlockBlobClient(blob).upload(body, Buffer.byteLength(body));
const linesOf = (body) => body.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

const jobOf = (id) => registry.getJob(id);
const ended = (id) => until(`job ${id} ends`, async () => {
    const job = await jobOf(id);
    return ['completed', 'failed', 'cancelled'].includes(job.status) && job;
});

/** One at a time, and another group's may be under way. */
async function begin(start) {
    return until('a job can begin', async () => {
        try {
            return await start();
        } catch (error) {
            if (!/JobQuotaExceeded/.test(error.responseBody)) throw error;
            return false;
        }
    });
}

async function make(name, count, more = {}) {
    const all = Array.from({ length: count }, (_, n) => ({ deviceId: `${name}-${run}-${String(n).padStart(3, '0')}`, ...more }));
    for (let at = 0; at < count; at += 100) await registry.addDevices(all.slice(at, at + 100));
    return all.map(({ deviceId }) => deviceId);
}

async function exported(place, excludesKeys = false) {
    const job = await begin(() => registry.exportDevicesToBlob(place.uri, excludesKeys));
    assert.equal(job.type, 'export');
    assert.ok(['enqueued', 'running'].includes(job.status), job.status);
    const end = await ended(job.jobId);
    assert.equal(end.status, 'completed', end.failureReason);
    assert.equal(end.progress, 100);
    assert.equal(end.failureReason, null);
    assert.equal(end.outputBlobContainerUri, undefined);
    return text(place, 'devices.txt');
}

async function imported(place, lines, blob = 'devices.txt') {
    await write(place, blob, typeof lines === 'string' ? lines : `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
    const job = await begin(() => registry.importDevicesFromBlob(place.uri, place.uri));
    assert.equal(job.type, 'import');
    const end = await ended(job.jobId);
    assert.equal(end.status, 'completed', end.failureReason);
    return linesOf(await text(place, 'importErrors.log'));
}

async function roundTrip(place, name) {
    const ids = await make(name, 230);
    const twin = { tags: { floor: 3, place: { site: 'Łódź' } }, properties: { desired: { rate: 1.0 } } };
    await registry.updateTwin(ids[7], twin, '*');
    await registry.addModule({ deviceId: ids[8], moduleId: 'camera', managedBy: 'me' });
    const before = linesOf(await exported(place)).filter(({ id }) => ids.includes(id));
    assert.equal(before.length, 231);
    assert.deepEqual(before.find(({ id }) => id === ids[7]).tags, twin.tags);
    const module_ = before.findIndex(({ moduleId }) => moduleId === 'camera');
    assert.equal(before[module_ - 1].id, ids[8], 'a module comes behind its device');
    for (let at = 0; at < ids.length; at += 100)
        await registry.removeDevices(ids.slice(at, at + 100).map((deviceId) => ({ deviceId })), true);
    assert.deepEqual(await imported(place, before), []);
    const after = linesOf(await exported(place)).filter(({ id }) => ids.includes(id));
    const plain = (line) => {
        const { eTag, twinETag, ...rest } = line;
        for (const section of Object.values(rest.properties || {})) {
            delete section.$metadata;
            delete section.$version;
        }
        return rest;
    };
    assert.deepEqual(after.map(plain), before.map(plain));
}

check('a fleet goes out to the hub\'s own container and comes back the same', () => roundTrip(own(), 'own'));

check('a line that cannot be done is told of, and the others are done', async () => {
    const place = own();
    const [there] = await make('there', 1);
    const id = (n) => `lines-${run}-${n}`;
    const errors = await imported(place, [
        JSON.stringify({ id: id(1), status: 'enabled' }), 'this is not JSON', '',
        JSON.stringify({ id: id(2), status: 'disabled', tags: { a: 1 } }),
        JSON.stringify({ id: there, importMode: 'create', status: 'enabled' }),
        JSON.stringify({ id: id(3), importMode: 'update', status: 'enabled' }),
        JSON.stringify({ id: 'a/b', status: 'enabled' }),
        JSON.stringify({ id: id(2), importMode: 'updateTwin', tags: { b: 2 } }),
        JSON.stringify({ id: id(4), status: 'enabled' }),
    ].join('\r\n'));
    assert.deepEqual(errors.map(({ line, errorCode }) => [line, errorCode]).sort(([a], [b]) => a - b),
        [[2, 400012], [5, 409001], [6, 404001], [7, 400004]]);
    assert.equal(errors.find(({ line }) => line === 5).deviceId, there);
    assert.deepEqual((await registry.getTwin(id(2))).responseBody.tags, { a: 1, b: 2 });
    assert.equal((await registry.get(id(2))).responseBody.status, 'disabled');
    assert.equal((await registry.get(id(4))).responseBody.status, 'enabled');
});

check('devices are deleted by a file, and etags are honoured', async () => {
    const place = own();
    const ids = await make('gone', 3);
    const errors = await imported(place, [
        { id: ids[0], importMode: 'delete', status: 'enabled' },
        { id: ids[1], importMode: 'deleteIfMatchETag', eTag: 'AAAA', status: 'enabled' },
        { id: ids[2], importMode: 'updateIfMatchETag', eTag: (await registry.get(ids[2])).responseBody.etag, status: 'disabled' },
    ]);
    assert.deepEqual(errors.map(({ deviceId, errorCode }) => [deviceId, errorCode]), [[ids[1], 412001]]);
    assert.equal((await failure(registry.get(ids[0]))).response.statusCode, 404);
    assert.equal((await registry.get(ids[2])).responseBody.status, 'disabled');
});

check('keys can be left out, and a file without them is imported with new ones', async () => {
    const place = own();
    const [id] = await make('nokeys', 1);
    const key = (await registry.get(id)).responseBody.authentication.symmetricKey.primaryKey;
    const body = await exported(place, true);
    assert.ok(!body.startsWith('{'), 'a line of prose comes first, as on a real hub');
    const line = linesOf(body).find((one) => one.id === id);
    assert.deepEqual(line.authentication.symmetricKey, { primaryKey: null, secondaryKey: null });
    assert.ok(!body.includes(key));
    await registry.delete(id);
    assert.deepEqual(await imported(place, `prose\n${JSON.stringify(line)}`), []);
    const made = (await registry.get(id)).responseBody.authentication.symmetricKey.primaryKey;
    assert.ok(made && made !== key);
});

check('a container that cannot be used is refused at once', async () => {
    const missing = own();
    const cases = [
        () => registry.exportDevicesToBlob(missing.uri.replace(/sig=.{6}/, 'sig=AAAAAA'), false),
        () => registry.exportDevicesToBlob(own('r').uri, false),
        () => registry.exportDevicesToBlob('https://127.0.0.1:1/none?sig=x', false),
    ];
    for (const act of cases) {
        const error = await failure(act());
        assert.equal(error.response.statusCode, 400);
        assert.equal(error.response.headers['iothub-errorcode'], 'BlobContainerValidationError');
        assert.ok(!/sig=/.test(error.responseBody), 'no signature is repeated');
    }
    assert.equal((await failure(registry.exportDevicesToBlob('ftp://a/b', false))).response.headers['iothub-errorcode'], 'ArgumentInvalid');
});

check('a container that does not answer is refused while the program waits', async () => {
    const silent = net.createServer(() => {});
    await new Promise((resolve) => { silent.listen(0, '127.0.0.1', resolve); });
    try {
        const error = await failure(begin(() => registry.exportDevicesToBlob(`http://127.0.0.1:${silent.address().port}/none?sig=x`, false)));
        assert.equal(error.response.statusCode, 400);
        assert.equal(error.response.headers['iothub-errorcode'], 'BlobContainerValidationError');
        assert.match(error.responseBody, /no answer/);
    } finally {
        silent.close();
    }
});

check('jobs are listed, and one that has ended or never was cannot be cancelled', async () => {
    const job = await begin(() => registry.exportDevicesToBlob(own().uri, true));
    await ended(job.jobId);
    const all = (await registry.listJobs()).responseBody;
    assert.equal(all[0].jobId, job.jobId);
    for (const id of [job.jobId, 'c6c4a1e8-0000-4000-8000-000000000000'])
        assert.equal((await failure(registry.cancelJob(id))).response.headers['iothub-errorcode'], 'JobNotFound');
    assert.equal((await failure(registry.getJob('none'))).response.statusCode, 404);
});

check('a second job is refused while one is under way, which can be cancelled', async () => {
    const place = own();
    const many = Array.from({ length: 20000 }, (_, n) => JSON.stringify({ id: `cancel-${run}-${n}`, status: 'enabled' })).join('\n');
    await write(place, 'devices.txt', many);
    const job = await begin(() => registry.importDevicesFromBlob(place.uri, place.uri));
    const second = await failure(registry.exportDevicesToBlob(place.uri, true));
    assert.equal(second.response.statusCode, 403);
    assert.equal(second.response.headers['iothub-errorcode'], 'JobQuotaExceeded');
    await registry.cancelJob(job.jobId);
    const end = await jobOf(job.jobId);
    assert.equal(end.status, 'cancelled');
    assert.ok(end.progress < 100 && end.endTimeUtc);
});

async function toAnother(url, name) {
    const place = container(ACCOUNT, KEY, url, 'fleet');
    const refused = await failure(registry.exportDevicesToBlob(place.uri, false));
    assert.equal(refused.response.headers['iothub-errorcode'], 'BlobContainerValidationError');
    await place.account.create();
    await roundTrip(place, name);
    const names = [];
    for await (const blob of place.account.listBlobsFlat()) names.push(blob.name);
    assert.deepEqual(names.sort(), ['devices.txt', 'importErrors.log']);
}

check('a fleet goes out to a container of another account and comes back the same',
    () => azurite((url) => toAnother(url, 'azurite')));

check('a fleet goes out to another account over TLS and comes back the same',
    () => azuriteTls((url) => toAnother(url, 'azurite-tls')));
