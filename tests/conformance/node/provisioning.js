'use strict';
/* provisioning.js - every attestation over every transport of azure-iot-provisioning-device: the device
 * registers, connects to the hub that it is told of over the same transport with the same credential, sends,
 * and sees its initial twin. One case each, named `TRANSPORT: ATTESTATION`; all are under way at once, for the
 * client waits two seconds before it asks how far it is. */

const assert = require('assert/strict');
const { execFile, execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const provisioningMqtt = require('azure-iot-provisioning-device-mqtt');
const provisioningAmqp = require('azure-iot-provisioning-device-amqp');
const provisioningHttp = require('azure-iot-provisioning-device-http');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { Client, Message } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { check } = require('./check');
const { env, host, openClient, registry } = require('./hub');

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

const issue = (...words) => execFileSync(path.join(__dirname, '..', 'issue'), [dir, ...words]);

function azimuth(...words) {
    return new Promise((resolve, reject) => {
        execFile(env.AZIMUTH, ['dps', ...words, '--data', env.HUB_DATA, '-o', 'json'], (error, said) =>
            (error ? reject(error) : resolve(said.trim() ? JSON.parse(said) : null)));
    });
}

/* ---- the four attestations: each enrolls, and gives what the client and the device at its hub show */

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
    issue(id, id);
    await azimuth('enrollment', 'create', '--eid', id, '--at', 'x509', '--cp', file(`${id}.pem`), ...TWIN);
    return withCertificate(id);
}

/* The root is verified; each line below it is a group of its own. */
issue('node-root', 'Node Provisioning Root', 'self', 'ca');
const trusted = azimuth('certificate', 'create', '-n', 'node-provisioning', '-p', file('node-root.pem'), '--verified');

async function groupCertificate(id) {
    await trusted;
    issue(`${id}-line`, `Line of ${id}`, 'node-root', 'ca');
    issue(id, id, `${id}-line`);
    await azimuth('enrollment-group', 'create', '--gid', `${id}-line`, '--cp', file(`${id}-line.pem`), ...TWIN);
    return withCertificate(id);
}

function withCertificate(id) {
    const certificate = { cert: read(`${id}.chain.pem`), key: read(`${id}.key`) };
    return { security: new X509Security(id, certificate), more: 'x509=true', certificate };
}

const ATTESTATIONS = {
    'symmetric key': individualKey,
    'symmetric key of a group': groupKey,
    'X.509': individualCertificate,
    'X.509 of a group, by an intermediate': groupCertificate,
};

/* ---- one cell */

async function connect(id, credential, Transport) {
    const client = Client.fromConnectionString(`HostName=${host};DeviceId=${id};${credential.more}`, Transport);
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
    const result = await client.register();
    assert.deepEqual([result.status, result.deviceId, result.assignedHub, result.substatus],
        ['assigned', id, host, 'initialAssignment']);

    const device = await connect(id, credential, Transport);
    await device.sendEvent(new Message('{"n":1}'));
    assert.equal((await initialTwin(device, id, Transport)).interval, 7);
    await device.close();
}

for (const transport of Object.keys(TRANSPORTS)) {
    for (const attestation of Object.keys(ATTESTATIONS)) {
        const ran = run(transport, attestation);
        ran.catch(() => {}); /* told below */
        check(`${transport}: ${attestation}`, () => ran);
    }
}
