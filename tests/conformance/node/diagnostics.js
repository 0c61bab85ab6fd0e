'use strict';
/* diagnostics.js - resource logs: what a device of the SDK and a service do, as an event hub gets it in Azure's
 * records. One setting takes all categories; the cases act side by side and look for their records. */

const assert = require('node:assert/strict');
const { Client: Service, Registry } = require('azure-iothub');
const { Message } = require('azure-iot-device');
const { Message: Command } = require('azure-iot-common');
const { earliestEventPosition } = require('@azure/event-hubs');
const { check, failure, until } = require('./check');
const { admin, collect, deviceString, env, host, identity, open } = require('./hub');
const { token } = require('./sas');

const HUB = 'insights-logs';
const CASES_MS_MAX = 3600000; // it reads as long as there are cases

/** A request to the server's own socket. */
/** {"category operation": keys of properties}: as in "Monitoring Azure IoT Hub data reference". */
const SHAPES = {
    'Connections deviceConnect': ['deviceId', 'sdkVersion', 'protocol', 'authType', 'maskedIpAddress'],
    'Connections deviceDisconnect': ['deviceId', 'sdkVersion', 'protocol', 'authType', 'maskedIpAddress'],
    'D2CTwinOperations read': ['deviceId', 'protocol', 'authenticationType'],
    'D2CTwinOperations update': ['deviceId', 'protocol', 'authenticationType'],
    'C2DTwinOperations read': ['deviceId', 'messageSize'],
    'C2DTwinOperations update': ['deviceId', 'messageSize'],
    'DirectMethods send': ['deviceId', 'RequestSize', 'ResponseSize'],
    'TwinQueries query': ['query', 'sdkVersion', 'messageSize', 'pageSize', 'continuation', 'resultSize'],
    'DeviceIdentityOperations get': ['maskedIpAddress', 'deviceId', 'statusCode'],
    'FileUploadOperations ingress': ['deviceId', 'protocol', 'authType', 'sdkVersion', 'blobUri', 'statusCode'],
    'Configurations ReadManyConfigurations': ['configurationId', 'sdkVersion', 'messageSize', 'statusCode'],
    'C2DCommands messageExpired': ['deviceId', 'messageId', 'messageSizeInBytes', 'protocol', 'deliveryAcknowledgement', 'deliveryCount',
        'expiryTime', 'timeInSystem', 'ttl', 'EventProcessedUtcTime', 'EventEnqueuedUtcTime', 'maskedIpAddress', 'statusCode'],
};

const records = [];

/** A record as Azure Monitor's: strings throughout, `properties` JSON in one of them. */
function take(record) {
    for (const key of ['time', 'resourceId', 'operationName', 'category', 'level', 'resultType', 'resultDescription', 'properties',
        'location'])
        assert.equal(typeof record[key], 'string', `${key} of ${JSON.stringify(record)}`);
    assert.ok(Math.abs(Date.parse(record.time) - Date.now()) < 600000, record.time);
    assert.match(record.resourceId, /^\/SUBSCRIPTIONS\/.*\/PROVIDERS\/MICROSOFT\.DEVICES\/(IOTHUBS|PROVISIONINGSERVICES)\/[A-Z0-9-]+$/);
    assert.ok(['Information', 'Error'].includes(record.level), record.level);
    if (record.durationMs !== undefined) assert.match(record.durationMs, /^\d+$/);
    const inner = JSON.parse(record.properties);
    const shape = SHAPES[`${record.category} ${record.operationName}`];
    // Of twins and methods: known of devices that have connected since the setting was made.
    const optional = shape?.includes('sdkVersion') ? ['moduleId'] : ['moduleId', 'sdkVersion'];
    if (shape) assert.deepEqual(Object.keys(inner).filter((key) => !optional.includes(key)), shape, record.operationName);
    records.push({ ...record, inner });
}

let wrong;
const made = (async () => {
    await admin('PUT', `event-hubs/${HUB}`, { properties: { partitionCount: 1 } });
    const answer = await admin('PUT', 'diagnostic-settings/all', { properties: { eventHubName: HUB,
        logs: [{ categoryGroup: 'allLogs', enabled: true }] } });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const reading = collect((events) => {
        for (const event of events.splice(0)) JSON.parse(event.body.toString()).records.forEach(take);
        return false;
    }, { string: env.HUB_EVENTS.replace(/EntityPath=[^;]*/, `EntityPath=${HUB}`), from: earliestEventPosition, ms: CASES_MS_MAX });
    reading.catch((error) => { wrong = error; });
})();

const sought = (category, operationName, test) => until(`${category} ${operationName}`, async () => {
    if (wrong) throw wrong;
    return records.find((one) => one.category === category && one.operationName === operationName && test(one));
});

const of = (id, more = () => true) => (one) => one.inner.deviceId === id && more(one);
const fails = (number) => (one) => one.level === 'Error' && one.resultType === number;

check('a device connects, works with its twin and leaves', async () => {
    await made;
    const device = await identity('logged');
    const client = await open(device);
    await client.sendEvent(new Message('hello'));
    const twin = await client.getTwin();
    await new Promise((resolve, reject) => twin.properties.reported.update({ a: 1 }, (e) => (e ? reject(e) : resolve())));
    client.onDeviceMethod('reboot', (request, response) => response.send(200));
    const service = Service.fromConnectionString(env.HUB_OWNER);
    await service.invokeDeviceMethod('logged', { methodName: 'reboot', payload: null, connectTimeoutInSeconds: 20 });
    await client.close();
    const connected = await sought('Connections', 'deviceConnect', of('logged'));
    assert.equal(connected.level, 'Information');
    assert.match(connected.inner.sdkVersion, /azure-iot-device\/1\.18/);
    assert.deepEqual(JSON.parse(connected.inner.authType), { scope: 'device', type: 'sas', issuer: 'iothub', acceptingIpFilterRule: null });
    assert.match(connected.inner.maskedIpAddress, /^\d+\.\d+\.\d+\.XXX$/);
    await sought('Connections', 'deviceDisconnect', of('logged'));
    const read = await sought('D2CTwinOperations', 'read', of('logged'));
    assert.equal(read.inner.protocol, connected.inner.protocol);
    assert.equal(read.inner.authenticationType, connected.inner.authType);
    for (const [category, name] of [['D2CTwinOperations', 'read'], ['D2CTwinOperations', 'update'], ['DirectMethods', 'send']])
        assert.match((await sought(category, name, of('logged'))).inner.sdkVersion, /azure-iot-device\/1\.18/, category);
});

check('a wrong key is 401003, an unknown device 404001', async () => {
    await made;
    const device = await identity('wrong-key');
    const other = Buffer.alloc(32, 7).toString('base64');
    await failure(open(deviceString(device, other)));
    const refused = await sought('Connections', 'deviceConnect', of('wrong-key', fails('401003')));
    assert.equal(refused.inner.protocol, 'Mqtt');
    assert.match(refused.resultDescription, /^IotHubUnauthorized: sas-signature/);
    await failure(open(deviceString({ deviceId: 'nobody' }, other)));
    await sought('Connections', 'deviceConnect', of('nobody', fails('404001')));
    assert.ok(!JSON.stringify(records).includes(other), 'a record has a key');
});

check('what services do', async () => {
    await made;
    await identity('served');
    const registry = Registry.fromConnectionString(env.HUB_OWNER);
    const service = Service.fromConnectionString(env.HUB_OWNER);
    const twin = (await registry.getTwin('served')).responseBody;
    await twin.update({ tags: { a: 1 } });
    await sought('C2DTwinOperations', 'read', of('served'));
    await sought('C2DTwinOperations', 'update', of('served'));
    await failure(service.invokeDeviceMethod('served', { methodName: 'reboot', payload: null }));
    const called = await sought('DirectMethods', 'send', of('served', fails('404103')));
    assert.match(called.durationMs, /^\d+$/);
    await registry.createQuery("SELECT * FROM devices WHERE deviceId = 'served'").nextAsTwin();
    await sought('TwinQueries', 'query', (one) => one.inner.query.includes("'served'") && one.inner.continuation === 'false');
    await failure(registry.get('never-made'));
    await sought('DeviceIdentityOperations', 'get', of('never-made', fails('404001')));
    await registry.getConfigurations();
    await sought('Configurations', 'ReadManyConfigurations', (one) => one.inner.statusCode === '200');
});

check('a command that expired, and an upload that cannot be', async () => {
    await made;
    const device = await identity('late');
    const service = Service.fromConnectionString(env.HUB_OWNER);
    const command = new Command('too late');
    command.messageId = 'm1';
    command.ack = 'none'; // feedback would be left for the next group
    await service.open();
    command.expiryTimeUtc = Date.now() + 5000;
    await service.send('late', command);
    await service.close();
    const refused = await fetch(`https://${host}/devices/late/files?api-version=2021-04-12`, { method: 'POST',
        body: JSON.stringify({ blobName: 'a//b' }),
        headers: { Authorization: token(`${host}/devices/late`, device.authentication.symmetricKey.primaryKey, 600) } });
    assert.equal(refused.status, 400);
    const upload = await sought('FileUploadOperations', 'ingress', of('late', fails('400004')));
    assert.deepEqual(JSON.parse(upload.inner.authType), { scope: 'device', type: 'sas', issuer: 'iothub', acceptingIpFilterRule: null });
    const expired = await sought('C2DCommands', 'messageExpired', of('late'));
    assert.equal(expired.inner.deliveryAcknowledgement, 'None');
    assert.equal(expired.inner.messageId, 'm1');
    assert.ok(Number(expired.inner.messageSizeInBytes) >= 'too late'.length, expired.inner.messageSizeInBytes);
    assert.equal(typeof expired.inner.ttl, 'number');
    assert.match(expired.inner.timeInSystem, /^\d+$/);
});

check('a setting that is deleted gets nothing more', async () => {
    await made;
    assert.deepEqual((await admin('GET', 'diagnostic-settings')).body.map((one) => one.name), ['all']);
    assert.equal((await admin('DELETE', 'diagnostic-settings/all')).status, 204);
    assert.equal((await admin('GET', 'diagnostic-settings/all')).status, 404);
    await admin('DELETE', `event-hubs/${HUB}`);
});
