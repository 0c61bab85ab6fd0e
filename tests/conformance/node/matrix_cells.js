'use strict';
/* matrix_cells.js - what the matrix asks of every transport: {capability: run({transport, Transport})}. */

const assert = require('assert/strict');
const { Readable } = require('stream');
const { Client: ServiceClient, Registry } = require('azure-iothub');
const { Client, Message, ModuleClient } = require('azure-iot-device');
const { feedback, message, receiver, serve, text } = require('./c2d_kit');
const { WAIT_MS, sleep, until, within } = require('./check');
const { POLLING, deviceString, env, identity, open, openClient, registry, roundTrip } = require('./hub');
const { moduleIdentity, moduleString } = require('./modules_kit');
const { OwnServer } = require('./own_server');
const { azimuth, byCa, file, issue, openWith, selfSigned, thumbprint } = require('./x509_kit');

const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);
const twins = Registry.fromConnectionString(env.HUB_SERVICE);

/** An id that no other cell has. */
const idFor = (what, transport) => `matrix-${what}-${transport.toLowerCase()}`;

/** Runs `use(client, deviceId)` with a new device that is connected over the transport. */
async function withDevice(what, { transport, Transport }, use) {
    const deviceId = idFor(what, transport);
    const client = await open(await identity(deviceId), Transport);
    try {
        await use(client, deviceId);
    } finally {
        await client.close();
    }
}

function report(twin, patch) {
    return new Promise((resolve, reject) =>
        twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())));
}

async function telemetry(cell) {
    await withDevice('telemetry', cell, async (client, deviceId) => {
        const made = new Message('{"t":21.5}');
        Object.assign(made, { messageId: 'm 1', contentType: 'application/json', contentEncoding: 'utf-8' });
        made.properties.add('kind', 'a&b=c');
        const [event] = await roundTrip(deviceId, 1, () => client.sendEvent(made));
        assert.equal(String(event.body), '{"t":21.5}');
        assert.deepEqual(event.properties, { kind: 'a&b=c' });
        assert.deepEqual([event.messageId, event.contentType, event.systemProperties['content-encoding'] || event.systemProperties.contentEncoding],
            ['m 1', 'application/json', 'utf-8']);
    });
}

/** A message with full feedback that the device settles so; `word` is what the sender hears of it. */
function settled(verb, word) {
    return async ({ transport, Transport }) => {
        const deviceId = idFor(`c2d-${verb}`, transport);
        const { client, got } = await receiver(await identity(deviceId), (device, one) => device[verb](one), Transport);
        try {
            await serve(async (sender) => {
                const mine = (all) => all.filter((record) => record.deviceId === deviceId);
                const records = await feedback(sender, (all) => mine(all).length > 0, () =>
                    sender.send(deviceId, message('do', { messageId: verb, ack: 'full' }, { p: 'v' })));
                const [record] = mine(records);
                assert.deepEqual([record.originalMessageId, record.description], [verb, word]);
            });
            assert.deepEqual(got.map(text), ['do']);
        } finally {
            await client.close();
        }
    };
}

async function abandoned({ transport, Transport }) {
    const deviceId = idFor('c2d-abandon', transport);
    const { client, got } = await receiver(await identity(deviceId), (device, one) =>
        (got.length === 1 ? device.abandon(one) : device.complete(one)), Transport);
    try {
        await serve((sender) => sender.send(deviceId, message('again')));
        await until('it has come twice', () => got.length === 2);
        assert.deepEqual(got.map(text), ['again', 'again']);
        await until('the queue is empty', async () =>
            (await registry.get(deviceId)).responseBody.cloudToDeviceMessageCount === 0);
    } finally {
        await client.close();
    }
}

async function twinGet(cell) {
    await withDevice('twin-get', cell, async (client, deviceId) => {
        await twins.updateTwin(deviceId, { properties: { desired: { level: { low: 1 } } } }, '*');
        const twin = await client.getTwin();
        assert.deepEqual(twin.properties.desired.level, { low: 1 });
        assert.equal(twin.properties.desired.$version, 2);
    });
}

async function twinReported(cell) {
    await withDevice('twin-reported', cell, async (client, deviceId) => {
        const twin = await client.getTwin();
        await report(twin, { state: { a: 1, b: 'two' } });
        await report(twin, { state: { a: null } });
        const { responseBody } = await twins.getTwin(deviceId);
        assert.deepEqual(responseBody.properties.reported.state, { b: 'two' });
    });
}

async function twinDesired(cell) {
    await withDevice('twin-desired', cell, async (client, deviceId) => {
        const heard = [];
        const twin = await client.getTwin();
        twin.on('properties.desired', (patch) => heard.push(patch));
        await until('a patch comes', async () => {
            await twins.updateTwin(deviceId, { properties: { desired: { n: heard.length, at: Date.now() } } }, '*');
            await sleep(200);
            return heard.some((patch) => patch.at);
        });
    });
}

const answers = (client) => client.onDeviceMethod('echo', (request, response) =>
    response.send(207, { got: request.payload }, () => {}));

/** Calls until the device is there to answer. */
async function calls(called, ...who) {
    let last;
    const result = await until('the method is answered', async () => {
        try {
            return (await called.invokeDeviceMethod(...who, { methodName: 'echo', payload: [1, 'ü'] })).result;
        } catch (error) {
            last = error;
            return null;
        }
    }, 120000).catch((error) => { throw last || error; });
    assert.deepEqual(result, { status: 207, payload: { got: [1, 'ü'] } });
}

async function methods(cell) {
    await withDevice('methods', cell, async (client, deviceId) => {
        answers(client);
        await calls(service, deviceId);
    });
}

async function fileUpload(cell) {
    await withDevice('upload', cell, async (client, deviceId) => {
        const bytes = Buffer.alloc(300000, 'azimuth');
        const files = await new Promise((resolve, reject) =>
            service.getFileNotificationReceiver((error, source) => (error ? reject(error) : resolve(source))));
        let told;
        const heard = new Promise((resolve) => { told = resolve; });
        const take = async (one) => {
            const notice = JSON.parse(one.getData().toString());
            await files.complete(one);
            if (notice.deviceId === deviceId) told(notice);
        };
        files.on('message', take);
        try {
            await client.uploadToBlob('logs/today.txt', Readable.from([bytes]), bytes.length);
            const notice = await within(WAIT_MS, 'the notification', heard);
            assert.deepEqual([notice.blobName, notice.blobSizeInBytes], [`${deviceId}/logs/today.txt`, bytes.length]);
        } finally {
            files.removeListener('message', take);
        }
    });
}

async function modules({ transport, Transport }) {
    const deviceId = idFor('modules', transport);
    await identity(deviceId);
    const client = await openClient(ModuleClient.fromConnectionString(
        moduleString(await moduleIdentity(deviceId, 'worker')), Transport));
    try {
        const [event] = await roundTrip(deviceId, 1, () => client.sendOutputEvent('out', new Message('x')));
        assert.equal(event.systemProperties['iothub-connection-module-id'], 'worker');
        await report(await client.getTwin(), { n: 1 });
        assert.equal((await twins.getModuleTwin(deviceId, 'worker')).responseBody.properties.reported.n, 1);
        client.onMethod('echo', (request, response) => response.send(207, { got: request.payload }, () => {}));
        await calls(service, deviceId, 'worker');
    } finally {
        await client.close();
    }
}

async function sendsWith(certificate, deviceId, Transport) {
    const client = await openWith(certificate, deviceId, Transport);
    try {
        const [event] = await roundTrip(deviceId, 1, () => client.sendEvent(new Message('{}')));
        assert.match(event.systemProperties['iothub-connection-auth-method'], /"type":"x509"/);
    } finally {
        await client.close();
    }
}

async function byThumbprint({ transport, Transport }) {
    const deviceId = idFor('thumbprint', transport);
    issue(deviceId, deviceId);
    await identity(deviceId, selfSigned(thumbprint(deviceId, 'sha256'), null));
    await sendsWith(deviceId, deviceId, Transport);
}

async function byAuthority({ transport, Transport }) {
    const deviceId = idFor('authority', transport), root = `${deviceId}-root`, line = `${deviceId}-line`;
    issue(root, 'Matrix Root', 'self', 'ca');
    issue(line, 'Matrix Line', root, 'ca');
    issue(deviceId, deviceId, line);
    azimuth('create', '-n', root, '-p', file(`${root}.pem`), '--verified');
    try {
        await identity(deviceId, byCa);
        await sendsWith(deviceId, deviceId, Transport);
    } finally {
        azimuth('delete', '-n', root);
    }
}

async function renewal(cell) {
    const deviceId = idFor('renewal', cell.transport);
    const client = Client.fromConnectionString(deviceString(await identity(deviceId)), cell.Transport);
    await client.setOptions({ tokenRenewal: { tokenValidTimeInSeconds: 6, tokenRenewalMarginInSeconds: 3 }, ...POLLING });
    await openClient(client);
    try {
        await client.sendEvent(new Message('first'));
        await sleep(8000);
        const [event] = await roundTrip(deviceId, 1, () => client.sendEvent(new Message('later')));
        assert.equal(String(event.body), 'later');
    } finally {
        await client.close();
    }
}

/** A device that is connected over the transport while its server is killed and started again. */
async function restart({ transport, Transport }) {
    const server = new OwnServer();
    await server.start();
    await server.azimuth('hub', 'device-identity', 'create', '-d', 'survivor');
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', 'survivor'), Transport);
    try {
        await client.setOptions({ ca: server.ca, ...POLLING });
        await client.open();
        if (transport !== 'HTTPS') answers(client);
        await client.sendEvent(new Message('before'));
        await server.kill();
        await server.start();
        await client.sendEvent(new Message('after'));
        if (transport !== 'HTTPS') await answersOf(server);
    } finally {
        await client.close();
        await server.kill();
    }
}

/** Waits until the device answers its method again. */
async function answersOf(server) {
    const call = ['hub', 'invoke-device-method', '-d', 'survivor', '--mn', 'echo', '--mp', '[1]', '-o', 'json'];
    const answer = await until('the method is answered', () =>
        server.azimuth(...call).then(JSON.parse, () => null), 120000);
    assert.deepEqual(answer.payload, { got: [1] });
}

const capabilities = {
    telemetry,
    'C2D complete': settled('complete', 'Success'),
    'C2D reject': settled('reject', 'Rejected'),
    'C2D abandon': abandoned,
    'twin get': twinGet,
    'twin reported': twinReported,
    'twin desired': twinDesired,
    methods,
    'file upload': fileUpload,
    modules,
    'X.509 thumbprint': byThumbprint,
    'X.509 CA': byAuthority,
    'SAS renewal': renewal,
    restart,
};

module.exports = { capabilities };
