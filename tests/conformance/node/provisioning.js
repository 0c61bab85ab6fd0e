'use strict';
/* provisioning.js - every attestation over every transport of azure-iot-provisioning-device: the device
 * registers, connects to the hub that it is told of over the same transport with the same credential, sends,
 * and sees its initial twin. One case each, named `TRANSPORT: ATTESTATION`; those of a transport are under way
 * at once, for the client waits two seconds before it asks how far it is. */

const assert = require('assert/strict');
const { execFile } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const provisioningMqtt = require('azure-iot-provisioning-device-mqtt');
const provisioningAmqp = require('azure-iot-provisioning-device-amqp');
const provisioningHttp = require('azure-iot-provisioning-device-http');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { TpmSecurityClient } = require('azure-iot-security-tpm');
const { X509Security } = require('azure-iot-security-x509');
const { Tpm } = require('tss.js');
const { Client, Message } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { check, notOffered, skip } = require('./check');
const { env, host, openClient, registry } = require('./hub');
const { isThere, startTpm } = require('./tpm_kit');

const TRANSPORTS = {
    MQTT: [provisioningMqtt.Mqtt, Mqtt],
    'MQTT-WS': [provisioningMqtt.MqttWs, MqttWs],
    AMQP: [provisioningAmqp.Amqp, Amqp],
    'AMQP-WS': [provisioningAmqp.AmqpWs, AmqpWs],
    HTTPS: [provisioningHttp.Http, Http],
};
const TWIN = ['--tags', '{"site":"north"}', '--props', '{"interval":7}'];

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-provisioning-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));
const file = (name) => path.join(dir, name);
const read = (name) => fs.readFileSync(file(name), 'utf8');

function program(name, ...words) {
    return new Promise((resolve, reject) => {
        execFile(name, words, (error, said) => (error ? reject(error) : resolve(said.trim())));
    });
}

/** Makes a certificate; see ../issue. */
const issue = (...words) => program(path.join(__dirname, '..', 'issue'), dir, ...words);

async function azimuth(...words) {
    const said = await program(env.AZIMUTH, 'dps', ...words, '--data', env.HUB_DATA, '-o', 'json');
    return said ? JSON.parse(said) : null;
}

/* ---- the attestations: each enrolls, and gives what the client and the device at its hub show */

async function individualKey(id) {
    const made = await azimuth('enrollment', 'create', '--eid', id, ...TWIN);
    return withKey(id, made.attestation.symmetricKey.primaryKey);
}

async function groupKey(id) {
    const made = await azimuth('enrollment-group', 'create', '--gid', `${id}-line`, ...TWIN);
    const key = Buffer.from(made.attestation.symmetricKey.primaryKey, 'base64');
    return withKey(id, crypto.createHmac('sha256', key).update(id).digest('base64'));
}

function withKey(id, key) {
    return { security: new SymmetricKeySecurityClient(id, key), more: `SharedAccessKey=${key}` };
}

async function individualCertificate(id) {
    await issue(id, id);
    await azimuth('enrollment', 'create', '--eid', id, '--at', 'x509', '--cp', file(`${id}.pem`), ...TWIN);
    return withCertificate(id);
}

/* The root is verified; each line below it is a group of its own. */
const trusted = issue('node-root', 'Node Provisioning Root', 'self', 'ca').then(() =>
    azimuth('certificate', 'create', '-n', 'node-provisioning', '-p', file('node-root.pem'), '--verified'));

async function groupCertificate(id) {
    await trusted;
    await issue(`${id}-line`, `Line of ${id}`, 'node-root', 'ca');
    await issue(id, id, `${id}-line`);
    await azimuth('enrollment-group', 'create', '--gid', `${id}-line`, '--cp', file(`${id}-line.pem`), ...TWIN);
    return withCertificate(id);
}

function withCertificate(id) {
    const certificate = { cert: read(`${id}.chain.pem`), key: read(`${id}.key`) };
    return { security: new X509Security(id, certificate), more: 'x509=true', certificate };
}

const promised = (object, verb, ...words) => new Promise((resolve, reject) =>
    object[verb](...words, (error, result) => (error ? reject(error) : resolve(result))));

async function tpm(id) {
    const security = new TpmSecurityClient(id, new Tpm(true, '127.0.0.1', await startTpm()));
    const key = (await promised(security, 'getEndorsementKey')).toString('base64');
    await azimuth('enrollment', 'create', '--eid', id, '--at', 'tpm', '--ek', key, ...TWIN);
    return { security, signs: true, shows: async () => {
        const shown = await azimuth('enrollment', 'show', '--eid', id);
        assert.equal(shown.attestation.tpm.storageRootKey, (await promised(security, 'getStorageRootKey')).toString('base64'));
    } };
}

/** A token for the hub that the TPM has signed, with the key that it got when it registered. */
async function tokenOf(id, security) {
    const sr = encodeURIComponent(`${host}/devices/${id}`);
    const se = Math.floor(Date.now() / 1000) + 3600;
    const signature = await promised(security, 'signWithIdentity', Buffer.from(`${sr}\n${se}`));
    return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(signature.toString('base64'))}&se=${se}`;
}

const ATTESTATIONS = {
    symmetric: individualKey,
    'symmetric, group': groupKey,
    'X.509': individualCertificate,
    'X.509 group by CA': groupCertificate,
    TPM: tpm,
};

/* ---- one cell */

async function connect(id, credential, Transport) {
    const client = credential.signs ? Client.fromSharedAccessSignature(await tokenOf(id, credential.security), Transport)
        : Client.fromConnectionString(`HostName=${host};DeviceId=${id};${credential.more}`, Transport);
    if (credential.certificate) client.setOptions(credential.certificate);
    return openClient(client);
}

async function initialTwin(client, id, Transport) {
    if (Transport === Http) return (await registry.getTwin(id)).responseBody.properties.desired;
    return (await client.getTwin()).properties.desired;
}

async function run(transport, attestation) {
    const [Provisioning, Transport] = TRANSPORTS[transport];
    const id = `node-${transport}-${Object.keys(ATTESTATIONS).indexOf(attestation)}`.toLowerCase();
    const credential = await ATTESTATIONS[attestation](id);
    const client = ProvisioningDeviceClient.create(host, env.HUB_ID_SCOPE, new Provisioning(), credential.security);
    const answer = await client.register();
    const result = answer.registrationState || answer; /* with a TPM the client gives all that it was told */
    assert.deepEqual([result.status, result.deviceId, result.assignedHub, result.substatus],
        ['assigned', id, host, 'initialAssignment']);

    const device = await connect(id, credential, Transport);
    await device.sendEvent(new Message('{"n":1}'));
    assert.equal((await initialTwin(device, id, Transport)).interval, 7);
    if (credential.shows) await credential.shows();
    await device.close();
}

let before = Promise.resolve(); /* when the cells of the transport before have ended */
for (const transport of Object.keys(TRANSPORTS)) {
    const turn = before, running = [];
    for (const attestation of Object.keys(ATTESTATIONS)) {
        const name = `${transport}: ${attestation}`;
        if (attestation === 'TPM' && transport.startsWith('MQTT')) {
            notOffered(name, 'azure-iot-provisioning-device-mqtt has no setTpmInformation(), nor has the service TPMs over MQTT');
        } else if (attestation === 'TPM' && !isThere()) {
            check(name, () => skip('swtpm is not installed'));
        } else {
            const ran = turn.then(() => run(transport, attestation));
            running.push(ran);
            check(name, () => ran);
        }
    }
    before = Promise.allSettled(running);
}
