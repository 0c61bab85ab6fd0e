'use strict';
/* dps.js - enrollments through azure-iot-provisioning-service, and devices that register through
 * azure-iot-provisioning-device with each of its transports, connect to the hub that they are assigned
 * to and find their twin. */

const assert = require('assert/strict');
const crypto = require('crypto');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt: ProvisioningMqtt, MqttWs: ProvisioningMqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { check, failure } = require('./check');
const { env, host, open, registry } = require('./hub');

const service = ProvisioningServiceClient.fromConnectionString(env.HUB_DPS);
const scope = env.HUB_ID_SCOPE;

const symmetric = (registrationId, more = {}) => ({ registrationId, attestation: { type: 'symmetricKey' }, ...more });

async function enroll(enrollment) {
    return (await service.createOrUpdateIndividualEnrollment(enrollment)).responseBody;
}

function register(security, transport = ProvisioningMqtt) {
    const client = ProvisioningDeviceClient.create(host, scope, new transport(), security);
    return client.register();
}

const withKey = (registrationId, key) => new SymmetricKeySecurityClient(registrationId, key);

const connect = (result, key) =>
    open(`HostName=${result.assignedHub};DeviceId=${result.deviceId};SharedAccessKey=${key}`);

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

check('a device that registers again stays where it is', async () => {
    const enrollment = await enroll(symmetric('dps-again'));
    const security = () => withKey('dps-again', enrollment.attestation.symmetricKey.secondaryKey);
    const first = await register(security());
    const second = await register(security(), ProvisioningMqttWs);
    assert.deepEqual([first.assignedHub, first.deviceId], [second.assignedHub, second.deviceId]);
    assert.equal(second.substatus, 'reprovisionedToInitialAssignment');
    const { responseBody: state } = await service.getDeviceRegistrationState('dps-again');
    assert.equal(state.status, 'assigned');
});

check('a wrong key and an unknown registration id are refused', async () => {
    await enroll(symmetric('dps-strict'));
    const wrong = crypto.randomBytes(32).toString('base64');
    assert.match((await failure(register(withKey('dps-strict', wrong)))).message, /Not authorized/);
    assert.match((await failure(register(withKey('dps-nobody', wrong)))).message, /Not authorized/);
});
