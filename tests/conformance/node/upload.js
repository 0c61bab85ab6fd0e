'use strict';
/* upload.js - files that devices upload: azure-iot-device asks and uploads, azure-iothub is told. */

const assert = require('assert/strict');
const crypto = require('crypto');
const { Readable } = require('stream');
const { Client: ServiceClient } = require('azure-iothub');
const { Amqp } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Client } = require('azure-iot-device');
const { BlobClient, BlockBlobClient, ContainerClient, StorageSharedKeyCredential, generateBlobSASQueryParameters, BlobSASPermissions } = require('@azure/storage-blob');
const fs = require('fs');
const path = require('path');
const { ACCOUNT, KEY, azuriteTls, credential } = require('./azurite');
const { WAIT_MS, check, failure, until, within } = require('./check');
const { ca, deviceString, env, host, identity } = require('./hub');
const { OwnServer } = require('./own_server');
const { token } = require('./sas');

const MIB = 1 << 20;
const CONTAINER = 'azimuth-uploads';

/** A device as the SDK has it; it needs no connection to upload. */
function client(device, transport) {
    const made = Client.fromConnectionString(deviceString(device), transport);
    made.setOptions({ ca, http: { receivePolicy: { manualPolling: true } } });
    return made;
}

async function askAt(hub, device, method, path_, body) {
    const key = device.authentication.symmetricKey.primaryKey;
    const answer = await fetch(`https://${hub}/devices/${device.deviceId}/files${path_}?api-version=2020-09-30`, {
        method, body: body && JSON.stringify(body), headers: { Authorization: token(`${hub}/devices/${device.deviceId}`, key, 3600) },
    });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
}

const ask = (device, method, path_, body) => askAt(host, device, method, path_, body);
const begin = async (device, blobName) => (await ask(device, 'POST', '', { blobName })).body;
const end = (device, correlationId, isSuccess = true) =>
    ask(device, 'POST', '/notifications', { correlationId, isSuccess, statusCode: 200, statusDescription: null });
const urlOf = (place) => `https://${place.hostName}/${place.containerName}/${place.blobName}${place.sasToken}`;
const codeOf = ({ body }) => body.Message.match(/^ErrorCode:(\w+);/)[1];

/** What a service would sign with the account's key. */
function reader(name) {
    const key = fs.readFileSync(path.join(env.HUB_DATA, 'upload.key'), 'utf8').trim();
    const credential = new StorageSharedKeyCredential('azimuth', key);
    const sas = generateBlobSASQueryParameters({
        containerName: CONTAINER, blobName: name, permissions: BlobSASPermissions.parse('rd'), expiresOn: new Date(Date.now() + 600000),
    }, credential);
    return new BlobClient(`https://${host}/${CONTAINER}/${name}?${sas}`);
}

async function serve(act) {
    const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);
    await service.open();
    try {
        return await act(service);
    } finally {
        await service.close();
    }
}

/** The client's promise wraps the receiver in an object of its own; its callback does not. */
const notifications = (service) => new Promise((resolve, reject) => {
    service.getFileNotificationReceiver((error, source) => (error ? reject(error) : resolve(source)));
});

/** Notifications until one of that blob has come; each is settled by `settle(count)`. */
async function notified(service, blobName, act, settle = () => 'complete', count = 1) {
    const source = await notifications(service);
    const seen = [];
    let done;
    const all = new Promise((resolve) => { done = resolve; });
    const take = async (message) => {
        const one = JSON.parse(message.getData().toString());
        if (one.blobName === blobName) seen.push(one);
        await source[settle(seen.length)](message);
        if (seen.length >= count) done();
    };
    source.on('message', take);
    try {
        await act();
        await within(WAIT_MS, 'the notification', all);
    } finally {
        source.removeListener('message', take);
    }
    return seen;
}

for (const [name, transport] of [['mqtt', Mqtt], ['amqp', Amqp], ['http', Http]]) {
    check(`uploadToBlob with ${name}: the file is there and a service is told`, async () => {
        const device = await identity(`upload-${name}`);
        const bytes = crypto.randomBytes(9 * MIB + 17);
        const blob = `upload-${name}/logs/a b.bin`;
        await serve(async (service) => {
            const [told] = await notified(service, blob, () =>
                client(device, transport).uploadToBlob('logs/a b.bin', Readable.from(bytes), bytes.length));
            assert.equal(told.deviceId, `upload-${name}`);
            assert.equal(told.blobSizeInBytes, bytes.length);
            assert.equal(told.blobUri, `https://${host}/${CONTAINER}/upload-${name}/logs/a%20b.bin`);
            for (const time of [told.lastUpdatedTime, told.enqueuedTimeUtc])
                assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60000);
            assert.match(told.lastUpdatedTime, /:\d\d\+00:00$/);
        });
        assert.deepEqual(await reader(blob).downloadToBuffer(), bytes);
    });
}

check('a file in one piece: properties, ranges, metadata, removal', async () => {
    const device = await identity('upload-single');
    const place = await begin(device, 'one.txt');
    assert.deepEqual(Object.keys(place), ['correlationId', 'hostName', 'containerName', 'blobName', 'sasToken']);
    assert.equal(place.blobName, 'upload-single/one.txt');
    const body = 'hello, blob';
    const made = await new BlockBlobClient(urlOf(place)).upload(body, body.length, {
        blobHTTPHeaders: { blobContentType: 'text/plain', blobCacheControl: 'no-cache' }, metadata: { Kind: 'greeting' },
    });
    assert.equal((await end(device, place.correlationId)).status, 204);
    const blob = reader(place.blobName);
    const props = await blob.getProperties();
    assert.equal(props.contentLength, body.length);
    assert.equal(props.contentType, 'text/plain');
    assert.equal(props.cacheControl, 'no-cache');
    assert.equal(props.etag, made.etag);
    assert.deepEqual(props.metadata, { kind: 'greeting' });
    assert.equal((await blob.downloadToBuffer(7, 4)).toString(), 'blob');
    assert.equal((await failure(blob.download(11))).statusCode, 416);
    assert.equal((await failure(blob.download(0, 5, { conditions: { ifMatch: '"0x0"' } }))).statusCode, 412);
    await blob.delete();
    assert.equal(await blob.exists(), false);
});

check('an empty file, and one of several megabytes with its MD5', async () => {
    const device = await identity('upload-sizes');
    const empty = await begin(device, 'empty');
    await new BlockBlobClient(urlOf(empty)).upload('', 0);
    assert.equal((await end(device, empty.correlationId)).status, 204);
    assert.equal((await reader(empty.blobName).getProperties()).contentLength, 0);
    const big = await begin(device, 'big');
    const bytes = crypto.randomBytes(3 * MIB + 1);
    const md5 = crypto.createHash('md5').update(bytes).digest();
    const put = (headers) => fetch(urlOf(big), { method: 'PUT', body: bytes, headers: { 'x-ms-blob-type': 'BlockBlob', ...headers } });
    const wrong = await put({ 'Content-MD5': crypto.createHash('md5').digest('base64') });
    assert.equal(wrong.status, 400);
    assert.equal(wrong.headers.get('x-ms-error-code'), 'Md5Mismatch');
    assert.equal((await put({ 'Content-MD5': md5.toString('base64') })).status, 201);
    assert.deepEqual(await reader(big.blobName).downloadToBuffer(), bytes);
    await end(device, big.correlationId);
});

check('blocks in any order; a list with one that was not uploaded changes nothing', async () => {
    const device = await identity('upload-blocks');
    const place = await begin(device, 'blocks');
    const blob = new BlockBlobClient(urlOf(place));
    const id = (n) => Buffer.from(`block-${n}`).toString('base64');
    for (const n of [2, 0, 1]) await blob.stageBlock(id(n), `<${n}>`, 3);
    await blob.stageBlock(id(1), '<one>', 5);
    const bad = await failure(blob.commitBlockList([id(0), id(9)]));
    assert.equal(bad.statusCode, 400);
    assert.equal(bad.code, 'InvalidBlockList');
    await blob.commitBlockList([id(0), id(1), id(2)]);
    assert.equal((await reader(place.blobName).downloadToBuffer()).toString(), '<0><one><2>');
    assert.equal((await failure(blob.commitBlockList([id(0)]))).code, 'InvalidBlockList');
    assert.equal((await end(device, place.correlationId)).status, 204);
});

check('a signature opens its own blob, for reading and writing, until it expires', async () => {
    const device = await identity('upload-sas');
    const place = await begin(device, 'mine');
    const put = (url) => fetch(url, { method: 'PUT', body: 'x', headers: { 'x-ms-blob-type': 'BlockBlob' } });
    const other = urlOf({ ...place, blobName: 'upload-sas/other' });
    for (const [url, status, code] of [
        [other, 403, 'AuthenticationFailed'],
        [urlOf({ ...place, sasToken: '' }), 401, 'NoAuthenticationInformation'],
        [urlOf(place).replace(/se=[^&]*/, 'se=2020-01-01T00%3A00%3A00Z'), 403, 'AuthenticationFailed'],
        [urlOf(place).replace('sp=rw', 'sp=rwd'), 403, 'AuthenticationFailed'],
        [urlOf({ ...place, containerName: 'azimuth-other' }), 404, 'ContainerNotFound'],
        [`${urlOf(place)}&comp=appendblock`, 501, 'NotImplemented'],
    ]) {
        const answer = await put(url);
        assert.equal(answer.status, status, url);
        assert.equal(answer.headers.get('x-ms-error-code'), code);
        assert.match(await answer.text(), new RegExp(`^<\\?xml .*<Error><Code>${code}</Code><Message>.+</Message></Error>$`));
    }
    assert.equal((await put(urlOf(place))).status, 201);
    assert.equal((await fetch(urlOf(place), { method: 'DELETE' })).status, 403);
    assert.equal((await put(urlOf(place).replace('upload-sas/mine', 'upload-sas%2f..%2fupload-sas%2fmine'))).status, 403);
    await end(device, place.correlationId);
});

check('names that are none are refused', async () => {
    const device = await identity('upload-names');
    for (const name of ['', '/', 'a//b', '../up', 'a/../b', 'a/.', 'a\\b', 'a\nb', 'x'.repeat(1024), 7, null]) {
        const answer = await ask(device, 'POST', '', { blobName: name });
        assert.deepEqual([answer.status, codeOf(answer)], [400, 'ArgumentInvalid'], JSON.stringify(name));
    }
    assert.equal((await ask(device, 'POST', '')).status, 400);
});

check('ten uploads at a time, no more', async () => {
    const device = await identity('upload-ten');
    const places = [];
    for (let n = 0; n < 10; n++) places.push(await begin(device, `file-${n}`));
    const eleventh = await ask(device, 'POST', '', { blobName: 'eleventh' });
    assert.deepEqual([eleventh.status, codeOf(eleventh)], [403, 'DeviceMaximumActiveFileUploadLimitExceeded']);
    assert.equal((await end(device, places[0].correlationId, false)).status, 204);
    assert.equal((await ask(device, 'POST', '', { blobName: 'eleventh' })).status, 200);
    const again = await end(device, places[0].correlationId);
    assert.deepEqual([again.status, codeOf(again)], [400, 'ArgumentInvalid']);
    const missing = await end(device, places[1].correlationId);
    assert.deepEqual([missing.status, codeOf(missing)], [400, 'ArgumentInvalid']);
});

check('a notification that is abandoned comes again', async () => {
    const device = await identity('upload-abandoned');
    const place = await begin(device, 'f');
    await new BlockBlobClient(urlOf(place)).upload('x', 1);
    await serve(async (service) => {
        const seen = await notified(service, place.blobName, () => end(device, place.correlationId),
            (count) => (count === 1 ? 'abandon' : 'complete'), 2);
        assert.equal(seen.length, 2);
    });
});

check('an upload that breaks off leaves nothing', async () => {
    const device = await identity('upload-broken');
    const place = await begin(device, 'half');
    const rest = () => fs.readdirSync(path.join(env.HUB_DATA, 'blobs', 'new')).length;
    const stop = new AbortController();
    const half = fetch(urlOf(place), {
        method: 'PUT', duplex: 'half', signal: stop.signal, headers: { 'x-ms-blob-type': 'BlockBlob', 'Content-Length': String(4 * MIB) },
        body: Readable.toWeb(Readable.from((async function* () { yield Buffer.alloc(2 * MIB); await new Promise(() => {}); })())),
    }).catch((error) => error);
    await until('it is being written', () => rest() === 1);
    stop.abort();
    await half;
    await until('it is gone', () => rest() === 0);
    const missing = await end(device, place.correlationId);
    assert.equal(missing.status, 400);
});

check('older SDKs ask by GET and say the end by POST to the correlation id', async () => {
    const device = await identity('upload-old');
    const { status, body: place } = await ask(device, 'GET', '/old.txt');
    assert.equal(status, 200);
    await new BlockBlobClient(urlOf(place)).upload('x', 1);
    const said = await ask(device, 'POST', `/notifications/${place.correlationId}`, { isSuccess: true, statusCode: 200, statusDescription: '' });
    assert.equal(said.status, 204);
});

/* ---- an Azure account instead */

check('files go to an account that was configured, signed with its key', () => azuriteTls(async (url) => {
    const container = new ContainerClient(`${url}/from-devices`, credential);
    await container.create();
    const server = new OwnServer(['--upload-container', 'from-devices', '--upload-connection-string',
        `DefaultEndpointsProtocol=https;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${url};`], true);
    await server.start();
    const device = JSON.parse(await server.azimuth('hub', 'device-identity', 'create', '-d', 'elsewhere'));
    const { body: place } = await askAt(server.host, device, 'POST', '', { blobName: 'a/b.txt' });
    assert.equal(`https://${place.hostName}`, url);
    assert.equal(place.containerName, 'from-devices');
    await new BlockBlobClient(urlOf(place)).uploadData(Buffer.alloc(5 * MIB, 'x'), { blockSize: MIB, maxSingleShotSize: MIB });
    const told = { correlationId: place.correlationId, isSuccess: true, statusCode: 200 };
    assert.equal((await askAt(server.host, device, 'POST', '/notifications', told)).status, 204);
    assert.equal((await container.getBlobClient('elsewhere/a/b.txt').getProperties()).contentLength, 5 * MIB);
}));
