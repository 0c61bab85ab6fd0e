'use strict';
/* allocation.js - who chooses the hub, and which hubs there are: webhooks of custom allocation, good and
 * bad ones; a second server as a linked hub, to which devices move and from which they come back.
 * Enrollments of azure-iot-provisioning-service, devices of azure-iot-provisioning-device. */

const assert = require('assert/strict');
const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { Registry } = require('azure-iothub');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt } = require('azure-iot-provisioning-device-mqtt');
const { Http } = require('azure-iot-provisioning-device-http');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { check, failure } = require('./check');
const { env, host, open, registry } = require('./hub');
const { OwnServer } = require('./own_server');

const service = ProvisioningServiceClient.fromConnectionString(env.HUB_DPS);
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-allocation-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));

const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');

function issue(...words) {
    execFileSync(path.join(__dirname, '..', 'issue'), [dir, ...words]);
}

/* The hub calls whom its own authority has signed: the suite says so with --outgoing-ca. */
for (const name of ['hub.pem', 'hub.root']) fs.copyFileSync(path.join(env.HUB_DATA, 'ca.pem'), path.join(dir, name));
fs.copyFileSync(path.join(env.HUB_DATA, 'ca.key'), path.join(dir, 'hub.key'));
issue('webhook', 'localhost', 'hub', 'server');
issue('stranger', 'localhost', 'self', 'server');

/* ---- webhooks */

const asked = []; /* what each was asked, in order */
const counts = {};

const answers = {
    choose(request, response, body) {
        response.end(JSON.stringify({
            iotHubHostName: body.linkedHubs[0].toUpperCase(),
            initialTwin: { tags: { chosen: true }, properties: { desired: { state: 'ready' } } },
            payload: { told: body.deviceRuntimeContext.payload ?? null },
        }));
    },
    busy(request, response, body, time) {
        if (time > 1) return answers.choose(request, response, body);
        return response.writeHead(429).end();
    },
    silent(request, response, body, time) {
        if (time > 1) answers.choose(request, response, body);
    },
    broken: (request, response) => response.end('<html>'),
    empty: (request, response) => response.end('{}'),
    elsewhere: (request, response) => response.end('{"iotHubHostName":"elsewhere.azure-devices.net"}'),
    moved: (request, response) => response.writeHead(307, { location: '/choose' }).end(),
    forbidden: (request, response) => response.writeHead(401).end(),
    missing: (request, response) => response.writeHead(404).end(),
    endless(request, response) {
        const chunk = 'x'.repeat(1 << 16);
        response.write(`{"iotHubHostName":"${host}","payload":"`);
        for (let i = 0; i < 80; i++) response.write(chunk);
        response.end('"}');
    },
};

function listen(name) {
    const server = https.createServer({ cert: read(`${name}.pem`), key: read(`${name}.key`) }, (request, response) => {
        const word = new URL(request.url, 'https://localhost').pathname.slice(1);
        let text = '';
        request.on('data', (data) => { text += data; });
        request.on('end', () => {
            const body = JSON.parse(text);
            const who = `${word} ${body.deviceRuntimeContext.registrationId}`;
            counts[who] = (counts[who] ?? 0) + 1;
            asked.push({ url: request.url, headers: request.headers, method: request.method, body });
            answers[word](request, response, body, counts[who]);
        });
    });
    server.unref();
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

const ports = Promise.all([listen('webhook'), listen('stranger')]);

/* ---- devices */

async function enroll(registrationId, webhookUrl, more = {}) {
    const { responseBody } = await service.createOrUpdateIndividualEnrollment({
        registrationId, attestation: { type: 'symmetricKey' }, allocationPolicy: 'custom',
        customAllocationDefinition: { webhookUrl, apiVersion: '2021-10-01' }, ...more,
    });
    return responseBody.attestation.symmetricKey.primaryKey;
}

async function enrollFor(word, more) {
    const [port] = await ports;
    const id = `allocation-${word}`;
    return [id, await enroll(id, `https://localhost:${port}/${word}?code=secret`, more)];
}

function register([id, key], payload = undefined, Transport = Mqtt) {
    const client = ProvisioningDeviceClient.create(host, env.HUB_ID_SCOPE, new Transport(),
        new SymmetricKeySecurityClient(id, key));
    if (payload !== undefined) client.setProvisioningPayload(payload);
    return client.register();
}

const stateOf = async (id) => (await service.getDeviceRegistrationState(id)).responseBody;

check('a webhook is told of the device, and chooses hub, twin and what the device hears', async () => {
    const device = await enrollFor('choose', { initialTwin: { tags: { of: 'enrollment' } } });
    const result = await register(device, { model: 'toaster', slots: [2, 4] });
    assert.deepEqual([result.status, result.assignedHub, result.deviceId], ['assigned', host, device[0]]);
    assert.deepEqual(result.payload, { told: { model: 'toaster', slots: [2, 4] } });
    const { responseBody: twin } = await registry.getTwin(device[0]);
    assert.deepEqual([twin.tags, twin.properties.desired.state], [{ chosen: true }, 'ready']);

    const first = asked.find(({ body }) => body.deviceRuntimeContext.registrationId === device[0]);
    assert.equal(first.method, 'POST');
    assert.equal(first.url, '/choose?code=secret');
    assert.equal(first.headers['content-type'], 'application/json');
    assert.deepEqual(Object.keys(first.body), ['individualEnrollment', 'deviceRuntimeContext', 'linkedHubs']);
    assert.deepEqual(first.body.deviceRuntimeContext,
        { registrationId: device[0], symmetricKey: {}, payload: { model: 'toaster', slots: [2, 4] } });
    assert.match(first.body.individualEnrollment.customAllocationDefinition.webhookUrl, /\/choose\?\*\*\*\*$/);
    assert.ok(!JSON.stringify(first.body).includes(device[1]));

    const again = await register(device, 'short', Http);
    assert.deepEqual([again.substatus, again.payload], ['reprovisionedToInitialAssignment', { told: 'short' }]);
    const { currentIotHubHostName, currentDeviceId } = asked.at(-1).body.deviceRuntimeContext;
    assert.deepEqual([currentIotHubHostName, currentDeviceId], [host, device[0]]);
});

check('what a webhook gets wrong fails the registration of that device, with its code', async () => {
    const rows = { broken: 400207, empty: 400208, elsewhere: 400207, moved: 400207, forbidden: 400209, missing: 400207,
        endless: 400207 };
    await Promise.all(Object.entries(rows).map(async ([word, code]) => {
        const device = await enrollFor(word);
        await failure(register(device));
        const { status, errorCode, errorMessage } = await stateOf(device[0]);
        assert.deepEqual([word, status, errorCode], [word, 'failed', code]);
        assert.match(errorMessage, /^custom allocation: /);
    }));
    assert.ok(!asked.some(({ url, body }) => url.startsWith('/choose') &&
        body.deviceRuntimeContext.registrationId === 'allocation-moved'));
});

check('whom nobody trusts is not told anything', async () => {
    const [, port] = await ports;
    const id = 'allocation-stranger';
    const key = await enroll(id, `https://localhost:${port}/choose`);
    await failure(register([id, key]));
    assert.equal((await stateOf(id)).errorCode, 400207);
    assert.ok(!asked.some(({ body }) => body.deviceRuntimeContext.registrationId === id));
    const refusal = await failure(enroll('allocation-http', `http://localhost:${port}/choose`));
    assert.equal(refusal.response.statusCode, 400);
});

check('a webhook that is busy, silent or not there is asked again, and others do not wait for it', async () => {
    const slow = await Promise.all([enrollFor('busy'), enrollFor('silent')]);
    const dead = ['allocation-dead', await enroll('allocation-dead', 'https://localhost:1/')];
    const waiting = slow.map((device) => register(device));
    let ended = 0; /* tries, with pauses of seconds between them: nobody waits for that */
    register(dead).catch(() => { ended += 1; });
    const plain = await service.createOrUpdateIndividualEnrollment(
        { registrationId: 'allocation-plain', attestation: { type: 'symmetricKey' } });
    await register(['allocation-plain', plain.responseBody.attestation.symmetricKey.primaryKey]);
    assert.equal(ended, 0);
    for (const result of await Promise.all(waiting)) assert.equal(result.status, 'assigned');
    assert.equal(counts['busy allocation-busy'], 2);
    assert.equal(counts['silent allocation-silent'], 2);
});

/* ---- a second server */

function azimuth(...words) {
    return execFileSync(env.AZIMUTH, [...words, '--data', env.HUB_DATA], { encoding: 'utf8' }).trim();
}

let another;

/** A server of our own, with the first one's authority, linked to it. */
function linked() {
    another ??= (async () => {
        const server = new OwnServer([], true);
        await server.start();
        server.string = await server.azimuth('connection-string', '--policy', 'iothubowner');
        azimuth('dps', 'linked-hub', 'create', '--cs', server.string);
        server.registry = Registry.fromConnectionString(server.string);
        return server;
    })();
    return another;
}

async function enrollAt(registrationId, hub, more = {}) {
    const { responseBody } = await service.createOrUpdateIndividualEnrollment({
        registrationId, attestation: { type: 'symmetricKey' }, allocationPolicy: 'static', iotHubs: [hub],
        initialTwin: { tags: { made: 'new' }, properties: { desired: { interval: 7 } } }, ...more,
    });
    return responseBody;
}

async function moveTo(enrollment, hub, more = {}) {
    const { responseBody } = await service.createOrUpdateIndividualEnrollment({ ...enrollment, iotHubs: [hub], ...more });
    return responseBody;
}

const connect = (result, key) => open(`HostName=${result.assignedHub};DeviceId=${result.deviceId};SharedAccessKey=${key}`);

async function report(result, key, properties) {
    const device = await connect(result, key);
    const twin = await device.getTwin();
    await new Promise((resolve, reject) => twin.properties.reported.update(properties, (e) => (e ? reject(e) : resolve())));
    await device.close();
}

check('a device is made at a linked hub, moves with its twin, is reset and stays', async () => {
    const other = await linked();
    const id = 'allocation-mover';
    let enrollment = await enrollAt(id, other.host);
    const key = enrollment.attestation.symmetricKey.primaryKey;
    const first = await register([id, key]);
    assert.deepEqual([first.status, first.assignedHub, first.substatus], ['assigned', other.host, 'initialAssignment']);
    await failure(registry.get(id));
    await report(first, key, { at: 'other' });
    await other.azimuth('device', 'c2d-message', 'send', '-d', id, '--da', 'waits');
    assert.equal((await other.registry.get(id)).responseBody.cloudToDeviceMessageCount, 1);

    enrollment = await moveTo(enrollment, host);
    const moved = await register([id, key]);
    assert.deepEqual([moved.assignedHub, moved.substatus], [host, 'deviceDataMigrated']);
    const { responseBody: twin } = await registry.getTwin(id);
    assert.deepEqual([twin.tags, twin.properties.desired.interval, twin.properties.reported.at], [{ made: 'new' }, 7, 'other']);
    assert.equal((await registry.get(id)).responseBody.cloudToDeviceMessageCount, 0); /* messages stay behind, and go with the identity there */
    assert.match(String(await failure(other.registry.get(id))), /not.*found/i);
    await (await connect(moved, key)).close();

    const reset = { reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false } };
    enrollment = await moveTo(enrollment, other.host, reset);
    const anew = await register([id, key]);
    assert.deepEqual([anew.assignedHub, anew.substatus], [other.host, 'deviceDataReset']);
    const { responseBody: fresh } = await other.registry.getTwin(id);
    assert.deepEqual([fresh.tags, fresh.properties.reported.at], [{ made: 'new' }, undefined]);
    await failure(registry.get(id));

    await report(anew, key, { at: 'other again' });
    const never = { reprovisionPolicy: { updateHubAssignment: false, migrateDeviceData: false } };
    await moveTo(enrollment, host, never);
    const stays = await register([id, key]);
    assert.deepEqual([stays.assignedHub, stays.substatus], [other.host, 'reprovisionedToInitialAssignment']);
    assert.equal((await other.registry.getTwin(id)).responseBody.properties.reported.at, 'other again');
});

check('devices spread over the linked hubs, and those of a dead hub wait for it alone', async () => {
    const other = await linked();
    const { responseBody: group } = await service.createOrUpdateEnrollmentGroup(
        { enrollmentGroupId: 'allocation-spread', attestation: { type: 'symmetricKey' }, allocationPolicy: 'hashed' });
    const secret = Buffer.from(group.attestation.symmetricKey.primaryKey, 'base64');
    const derived = (id) => crypto.createHmac('sha256', secret).update(id).digest('base64');
    const ids = Array.from({ length: 16 }, (_, i) => `allocation-spread-${i}`);
    const results = await Promise.all(ids.map((id) => register([id, derived(id)], undefined, Http)));
    const there = results.filter(({ assignedHub }) => assignedHub === other.host);
    assert.ok(there.length > 0 && there.length < ids.length);
    await (await connect(there[0], derived(there[0].deviceId))).close();

    await other.kill();
    const again = await Promise.all(results.map(({ deviceId }) =>
        register([deviceId, derived(deviceId)], undefined, Http).catch(() => null)));
    for (const [i, { assignedHub }] of results.entries())
        assert.equal(again[i]?.status, assignedHub === host ? 'assigned' : undefined);
    const { status, errorCode } = await stateOf(there[0].deviceId);
    assert.deepEqual([status, errorCode], ['failed', 502001]);

    await other.start();
    const back = await register([there[0].deviceId, derived(there[0].deviceId)]);
    assert.deepEqual([back.status, back.assignedHub], ['assigned', other.host]);
    azimuth('dps', 'linked-hub', 'delete', '--lh', other.host);
    const left = await register([there[0].deviceId, derived(there[0].deviceId)]);
    assert.equal(left.assignedHub, host);
});
