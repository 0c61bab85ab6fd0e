'use strict';
/* dps.js - enrollments through azure-iot-provisioning-service, and devices that register through
 * azure-iot-provisioning-device with each of its transports, connect to the hub that they are assigned
 * to and find their twin. */

const assert = require('assert/strict');
const { inspect } = require('util');
const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const provisioningMqtt = require('azure-iot-provisioning-device-mqtt');
const provisioningAmqp = require('azure-iot-provisioning-device-amqp');
const { Http } = require('azure-iot-provisioning-device-http');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { check, failure } = require('./check');
const { env, host, open, openClient, registry } = require('./hub');

const service = ProvisioningServiceClient.fromConnectionString(env.HUB_DPS);
const scope = env.HUB_ID_SCOPE;
const transports = { Mqtt: provisioningMqtt.Mqtt, MqttWs: provisioningMqtt.MqttWs, Amqp: provisioningAmqp.Amqp,
    AmqpWs: provisioningAmqp.AmqpWs, Http };

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-dps-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));

const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');

/** Makes a certificate; see ../issue. */
function issue(...words) {
    execFileSync(path.join(__dirname, '..', 'issue'), [dir, ...words]);
}

function azimuth(...words) {
    const said = execFileSync(env.AZIMUTH, [...words, '--data', env.HUB_DATA], { encoding: 'utf8' });
    return said.trim() ? JSON.parse(said) : null;
}

const symmetric = (registrationId, more = {}) => ({ registrationId, attestation: { type: 'symmetricKey' }, ...more });

async function enroll(enrollment) {
    return (await service.createOrUpdateIndividualEnrollment(enrollment)).responseBody;
}

async function enrollGroup(group) {
    return (await service.createOrUpdateEnrollmentGroup(group)).responseBody;
}

function register(security, transport = 'Mqtt', payload = undefined, idScope = scope) {
    const client = ProvisioningDeviceClient.create(host, idScope, new transports[transport](), security);
    if (payload !== undefined) client.setProvisioningPayload(payload);
    return client.register();
}

const withKey = (registrationId, key) => new SymmetricKeySecurityClient(registrationId, key);
const withCertificate = (registrationId, name, shown = `${name}.chain.pem`) =>
    new X509Security(registrationId, { cert: read(shown), key: read(`${name}.key`) });

const derived = (key, registrationId) =>
    crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(registrationId).digest('base64');

const connect = (result, key) =>
    open(`HostName=${result.assignedHub};DeviceId=${result.deviceId};SharedAccessKey=${key}`);

function connectWith(result, name) {
    const client = Client.fromConnectionString(
        `HostName=${result.assignedHub};DeviceId=${result.deviceId};x509=true`, Mqtt);
    client.setOptions({ cert: read(`${name}.chain.pem`), key: read(`${name}.key`) });
    return openClient(client);
}

issue('self', 'dps-self');
issue('root', 'Provisioning Root', 'self', 'ca');
issue('line-a', 'Provisioning Line A', 'root', 'ca');
issue('line-b', 'Provisioning Line B', 'root', 'ca');
issue('a1', 'dps-line-a1', 'line-a');
issue('short', 'dps-line-short', 'line-a');
issue('b1', 'dps-line-b1', 'line-b');
issue('old', 'dps-line-old', 'line-a', 'leaf', '-1');
issue('elsewhere', 'Elsewhere', 'self', 'ca');
issue('stranger', 'dps-stranger', 'elsewhere');

check('a wrong key of a policy is Unauthorized, in the words of provisioning', async () => {
    const wrong = env.HUB_DPS.replace(/SharedAccessKey=.*$/, `SharedAccessKey=${Buffer.alloc(32, 9).toString('base64')}`);
    const error = await failure(ProvisioningServiceClient.fromConnectionString(wrong).getIndividualEnrollment('dps-none'));
    assert.equal(error.name, 'UnauthorizedError');
    const { errorCode, message, info } = JSON.parse(error.responseBody);
    assert.deepEqual([errorCode, message, info.errorName], [401002, 'Unauthorized', 'Unauthorized']);
    assert.equal(error.response.headers['x-ms-error-code'], '401002');
});

check('a device with its key registers over MQTT, connects to its hub and finds its initial twin', async () => {
    const enrollment = await enroll(symmetric('dps-first', {
        deviceId: 'first-device',
        initialTwin: { tags: { site: 'north' }, properties: { desired: { interval: 7 } } },
    }));
    const key = enrollment.attestation.symmetricKey.primaryKey;
    const result = await register(withKey('dps-first', key));
    assert.equal(result.status, 'assigned');
    assert.equal(result.deviceId, 'first-device');
    assert.equal(result.assignedHub, host);
    assert.equal(result.substatus, 'initialAssignment');

    const identity = (await registry.get('first-device')).responseBody;
    assert.equal(identity.authentication.symmetricKey.primaryKey, key);
    const { responseBody: twin } = await registry.getTwin('first-device');
    assert.equal(twin.tags.site, 'north');

    const device = await connect(result, key);
    const own = await device.getTwin();
    assert.equal(own.properties.desired.interval, 7);
    await device.close();
});

for (const transport of Object.keys(transports)) {
    check(`a device of a group registers over ${transport} with its derived key, and again`, async () => {
        const id = `dps-group-${transport.toLowerCase()}`;
        const group = await enrollGroup({ enrollmentGroupId: id, attestation: { type: 'symmetricKey' } });
        const key = derived(group.attestation.symmetricKey.primaryKey, `${id}-1`);
        const first = await register(withKey(`${id}-1`, key), transport, { modelId: 'dtmi:conformance:thing;1' });
        assert.deepEqual([first.status, first.deviceId, first.assignedHub], ['assigned', `${id}-1`, host]);
        const second = await register(withKey(`${id}-1`, key), transport);
        assert.equal(second.substatus, 'reprovisionedToInitialAssignment');
        await (await connect(second, key)).close();
    });

    check(`a certificate registers over ${transport}, and opens the hub`, async () => {
        const id = 'dps-self';
        if (transport === 'Mqtt')
            await enroll({ registrationId: id, attestation: { type: 'x509', x509: { clientCertificates: {
                primary: { certificate: read('self.pem') } } } } });
        const result = await register(withCertificate(id, 'self'), transport);
        assert.equal(result.status, 'assigned');
        await (await connectWith(result, 'self')).close();
    });

    check(`a wrong key is refused over ${transport}`, async () => {
        const id = `dps-strict-${transport.toLowerCase()}`;
        await enroll(symmetric(id));
        const wrong = crypto.randomBytes(32).toString('base64');
        for (const who of [id, `${id}-nobody`]) {
            const error = await failure(register(withKey(who, wrong), transport));
            assert.match(inspect(error, { depth: 2 }), /[Uu]nauthorized|[Nn]ot authorized/);
        }
    });

    check(`another id scope is refused over ${transport}`, async () => {
        const id = `dps-scope-${transport.toLowerCase()}`;
        const { primaryKey } = (await enroll(symmetric(id))).attestation.symmetricKey;
        const error = await failure(register(withKey(id, primaryKey), transport, undefined, `${scope}1`));
        /* Over AMQP it is SASL that fails, of which the client tells only that there is no connection. */
        assert.match(inspect(error, { depth: 2 }), /[Uu]nauthorized|[Nn]ot authorized|NotConnectedError/);
        assert.equal((await register(withKey(id, primaryKey), transport)).status, 'assigned');
    });
}

check('the nearest CA decides: one line is cut off and the other goes on', async () => {
    azimuth('hub', 'certificate', 'create', '-n', 'provisioning-root', '-p', path.join(dir, 'root.pem'), '--verified');
    const by = (name) => ({ type: 'x509', x509: { signingCertificates: { primary: { certificate: read(`${name}.pem`) } } } });
    const byName = { type: 'x509', x509: { caReferences: { primary: 'provisioning-root' } } };
    await enrollGroup({ enrollmentGroupId: 'dps-plant', attestation: byName });
    const a1 = await register(withCertificate('dps-line-a1', 'a1'), 'Amqp');
    assert.equal(a1.status, 'assigned');
    assert.equal((await register(withCertificate('dps-line-b1', 'b1'), 'Http')).status, 'assigned');

    await enrollGroup({ enrollmentGroupId: 'dps-line-b', attestation: by('line-b'), provisioningStatus: 'disabled' });
    assert.match(String(await failure(register(withCertificate('dps-line-b1', 'b1')))), /disabled/);
    assert.equal((await register(withCertificate('dps-line-a1', 'a1'), 'MqttWs')).status, 'assigned');
    await (await connectWith(a1, 'a1')).close();

    const { responseBody: shown } = await service.getEnrollmentGroup('dps-line-b');
    assert.match(shown.attestation.x509.signingCertificates.primary.info.subjectName, /Line B/);
});

check('a chain that has expired, is of strangers or of another name is refused', async () => {
    for (const [id, name] of [['dps-line-old', 'old'], ['dps-stranger', 'stranger'], ['dps-other', 'a1']])
        assert.match(String(await failure(register(withCertificate(id, name)))), /[Nn]ot authorized/);
});

check('a chain whose intermediate is missing, or another line\'s, is refused until it is whole', async () => {
    const id = 'dps-line-short';
    fs.writeFileSync(path.join(dir, 'short.mixed.pem'), read('short.pem') + read('line-b.pem'));
    for (const shown of ['short.pem', 'short.mixed.pem'])
        assert.match(String(await failure(register(withCertificate(id, 'short', shown)))), /[Nn]ot authorized/);
    assert.equal((await register(withCertificate(id, 'short'))).status, 'assigned');
});

check('a CA in use is deleted: who has registered stays, nobody registers any more until it is back', async () => {
    const create = ['hub', 'certificate', 'create', '-n', 'dps-used', '-p', path.join(dir, 'used.pem'), '--verified'];
    const id = 'dps-used-1';
    issue('used', 'Used CA', 'self', 'ca');
    issue('used1', id, 'used');
    azimuth(...create);
    await enrollGroup({ enrollmentGroupId: 'dps-used', attestation: { type: 'x509', x509: { caReferences: { primary: 'dps-used' } } } });
    const first = await register(withCertificate(id, 'used1'));
    azimuth('hub', 'certificate', 'delete', '-n', 'dps-used');
    assert.match(String(await failure(register(withCertificate(id, 'used1')))), /[Nn]ot authorized/);
    await (await connectWith(first, 'used1')).close();
    azimuth(...create);
    assert.equal((await register(withCertificate(id, 'used1'))).substatus, 'reprovisionedToInitialAssignment');
});

check('messages wait for a device that registers again, and go with its data when that is reset', async () => {
    const id = 'dps-waiting', waiting = async () => (await registry.get(id)).responseBody.cloudToDeviceMessageCount;
    const enrollment = await enroll(symmetric(id));
    const key = enrollment.attestation.symmetricKey.primaryKey;
    await register(withKey(id, key));
    azimuth('device', 'c2d-message', 'send', '-d', id, '--da', 'waits');
    assert.equal((await register(withKey(id, key))).substatus, 'reprovisionedToInitialAssignment');
    assert.equal(await waiting(), 1);
    await enroll({ ...(await ask('getIndividualEnrollment', id)),
        reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false } });
    assert.equal((await register(withKey(id, key))).substatus, 'deviceDataReset');
    assert.equal(await waiting(), 0);
});

/** Promises of the client are not kept where it thinks of callbacks only. */
function ask(verb, ...words) {
    return new Promise((resolve, reject) =>
        service[verb](...words, (error, result) => (error ? reject(error) : resolve(result))));
}

check('enrollments are read, changed with their etag, listed in pages and deleted', async () => {
    const made = await enroll(symmetric('dps-crud'));
    const read1 = await ask('getIndividualEnrollment', 'dps-crud');
    assert.equal(read1.attestation.symmetricKey, undefined);
    read1.provisioningStatus = 'disabled';
    const changed = await enroll(read1);
    assert.equal(changed.provisioningStatus, 'disabled');
    const secret = await ask('getIndividualEnrollmentAttestationMechanism', 'dps-crud');
    assert.equal(secret.symmetricKey.primaryKey, made.attestation.symmetricKey.primaryKey);
    assert.equal((await failure(enroll(read1))).response.statusCode, 412);
    assert.equal((await failure(enroll(symmetric('dps-crud')))).response.statusCode, 409);

    const query = service.createIndividualEnrollmentQuery({ query: 'SELECT * FROM enrollments' }, 2);
    const ids = [];
    do {
        const { responseBody: items } = await query.next(query.continuationToken); /* its promise forgets it */
        assert.ok(items.length <= 2);
        ids.push(...items.map((item) => item.registrationId));
    } while (query.hasMoreResults);
    assert.ok(ids.includes('dps-crud') && ids.length > 2);
    assert.equal(new Set(ids).size, ids.length);

    await ask('deleteIndividualEnrollment', 'dps-crud');
    assert.equal((await failure(ask('getIndividualEnrollment', 'dps-crud'))).response.statusCode, 404);
});

check('a bulk makes and deletes, and tells what went wrong', async () => {
    const enrollments = ['dps-bulk-1', 'dps-bulk-2'].map((id) => symmetric(id));
    const made = await ask('runBulkEnrollmentOperation', { mode: 'create', enrollments });
    assert.deepEqual(made, { isSuccessful: true, errors: [] });
    const again = await ask('runBulkEnrollmentOperation', { mode: 'create', enrollments });
    assert.equal(again.isSuccessful, false);
    assert.deepEqual(again.errors.map((error) => error.registrationId), ['dps-bulk-1', 'dps-bulk-2']);
    const gone = await ask('runBulkEnrollmentOperation', { mode: 'delete', enrollments });
    assert.equal(gone.isSuccessful, true);
});

check('the registrations of a group are listed, shown and forgotten', async () => {
    const id = 'dps-group-mqtt';
    /* As az has it, .NET's samples, and Java's QuerySpecificationBuilder. */
    for (const text of ['SELECT *', 'SELECT * FROM enrollmentGroups', 'select * from deviceRegistrations']) {
        const query = service.createEnrollmentGroupDeviceRegistrationStateQuery({ query: text }, id);
        const { responseBody: states } = await query.next();
        assert.deepEqual(states.map((state) => [state.registrationId, state.status]), [[`${id}-1`, 'assigned']], text);
    }
    await service.deleteDeviceRegistrationState(`${id}-1`);
    assert.equal((await failure(service.getDeviceRegistrationState(`${id}-1`))).response.statusCode, 404);
    assert.equal((await registry.get(`${id}-1`)).responseBody.deviceId, `${id}-1`);
});

/** Registers over REST with a request for a certificate: no SDK of ours knows `csr` yet. */
async function registerWithRequest(id, key, name) {
    const sr = encodeURIComponent(`${scope}/registrations/${id}`), se = Math.floor(Date.now() / 1000) + 600;
    const sig = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${se}`).digest('base64');
    const headers = { authorization: `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}`,
        'content-type': 'application/json' };
    execFileSync('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj',
        `/CN=${id}`, '-keyout', path.join(dir, `${name}.key`), '-outform', 'DER', '-out', path.join(dir, `${name}.csr`)],
    { stdio: 'ignore' });
    const csr = fs.readFileSync(path.join(dir, `${name}.csr`)).toString('base64');
    const place = `https://${host}/${scope}/registrations/${id}`, version = 'api-version=2025-07-01-preview';
    let answer = await (await fetch(`${place}/register?${version}`,
        { method: 'PUT', headers, body: JSON.stringify({ registrationId: id, csr }) })).json();
    while (answer.status === 'assigning')
        answer = await (await fetch(`${place}/operations/${answer.operationId}?${version}`, { headers })).json();
    const chain = answer.registrationState.issuedCertificateChain;
    fs.writeFileSync(path.join(dir, `${name}.chain.pem`),
        `-----BEGIN CERTIFICATE-----\n${chain[0].match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`);
    return answer.registrationState;
}

check('a certificate is issued for a request, opens the hub, and is renewed while the device is connected', async () => {
    const id = 'dps-issued';
    const made = await enroll(symmetric(id, { credentialPolicyName: 'default' }));
    const key = made.attestation.symmetricKey.primaryKey;
    const first = await registerWithRequest(id, key, 'issued-1');
    assert.equal(first.status, 'assigned');
    const device = await connectWith(first, 'issued-1');
    await device.sendEvent(new Message('before'));
    await (await connectWith(await registerWithRequest(id, key, 'issued-2'), 'issued-2')).close();
    const again = await connectWith(first, 'issued-1'); /* the one before is good until it ends, or two later */
    await again.sendEvent(new Message('after'));
    await again.close();
    await device.close().catch(() => {});
    await registerWithRequest(id, key, 'issued-3');
    await failure(connectWith(first, 'issued-1'));
    assert.match(String(await failure(connect(first, key))), /[Uu]nauthorized|[Nn]ot authorized/);
});
