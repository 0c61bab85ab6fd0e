'use strict';
/* why.js - every cause for which a connection is refused, provoked by a real client, and what `azimuth why` says of
 * it. All cases are under way at once. */

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const https = require('node:https');
const tls = require('node:tls');
const { promisify } = require('node:util');
const mqtt = require('mqtt');
const packet = require('mqtt-packet');
const WebSocket = require('ws');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Amqp } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { NoRetry } = require('azure-iot-common');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const provisioning = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { check, failure, sameDay, until } = require('./check');
const { deviceString, env, host, identity } = require('./hub');
const { token } = require('./sas');
const kit = require('./x509_kit');
const { byCa } = kit;
const { OwnServer } = require('./own_server');

const ca = fs.readFileSync(env.HUB_CA, 'utf8');
const run = promisify(execFile);
const service = ProvisioningServiceClient.fromConnectionString(env.HUB_DPS);

/** All cases begin at once; each is told in its turn. */
function provoke(name, start) {
    const running = start();
    running.catch(() => {});
    check(name, () => running);
}

async function azimuth(...words) {
    return (await run(env.AZIMUTH, [...words, '--data', env.HUB_DATA])).stdout;
}

const why = async (id) => JSON.parse(await azimuth('why', id, '-o', 'json'));
const refused = async (cause) => JSON.parse(await azimuth('why', '--refused', '--cause', cause, '-o', 'json'));

/** Waits until the journal has that cause, and compares what it says with `texts`. */
async function isSaid(id, cause, texts, where = () => true) {
    let all;
    const found = () => all.find((one) => one.cause === cause && where(one));
    await until(`${id ?? 'the list'} has ${cause}`, async () => {
        all = id === null ? await refused(cause) : (await why(id)).attempts;
        return found();
    });
    const record = found();
    for (const [part, pattern] of Object.entries(texts)) assert.match(String(record[part]), pattern);
    for (const part of ['happened', 'observed', 'expected', 'next']) {
        assert.ok(record[part].length > 3, `${part} is empty`);
        assert.ok(!/[{}]/.test(record[part].replace(/\{\w+\}\/\?/g, '')), `${part} has a fill-in: ${record[part]}`);
    }
    return record;
}

const userName = (id, more = '') => `${host}/${id}/?api-version=2021-04-12${more}`;
const AGENT = '&DeviceClientType=why-agent%2F1.0';

function mqttOpen(id, password, more = {}) {
    const client = mqtt.connect({ protocol: 'mqtts', host, port: 8883, ca, servername: host, reconnectPeriod: 0,
        connectTimeout: 20000, clientId: id, username: userName(id, AGENT), password, ...more });
    client.on('error', () => {});
    return new Promise((resolve, reject) => {
        client.once('connect', () => resolve(client));
        client.once('error', reject);
        client.once('close', () => reject(new Error('closed')));
    });
}

const isRefused = (id, password, more) => failure(mqttOpen(id, password, more));

const keyOf = (device) => device.authentication.symmetricKey.primaryKey;
const ownToken = (device, seconds = 3600, key = keyOf(device)) =>
    token(`${host}/devices/${device.deviceId}`, key, seconds);

async function sdkOpen(string, Transport, options = { ca }) {
    const client = Client.fromConnectionString(string, Transport);
    client.setRetryPolicy(new NoRetry());
    client.on('error', () => {});
    await client.setOptions({ ...options, http: { receivePolicy: { interval: 1 } } });
    await client.open();
    return client;
}

/* ---- TLS */

function openssl(...words) {
    const child = spawn('openssl', ['s_client', '-connect', `${host}:8883`, ...words], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end();
    return new Promise((resolve) => child.once('exit', resolve));
}

provoke('C101: MQTT without TLS on the TLS port', async () => {
    const socket = net.connect(8883, host);
    socket.on('error', () => {});
    socket.write(packet.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'd', clean: true, keepalive: 60 }));
    await isSaid(null, 'C101', { happened: /did not speak TLS on the TLS port 8883/, observed: /MQTT/, expected: /TLS 1\.2/,
        next: /openssl s_client/ });
    socket.destroy();
});

provoke('C102: TLS 1.1', async () => {
    await openssl('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0');
    await isSaid(null, 'C102', { observed: /TLS 1\.1/, expected: /TLS 1\.2 or 1\.3/ });
});

provoke('C103: a client that does not trust the CA says so', async () => {
    kit.issue('why-other', 'why other CA', 'self', 'ca');
    await openssl('-CAfile', kit.file('why-other.pem'), '-verify_return_error');
    await isSaid(null, 'C103', { happened: /refused our certificate/, observed: /alert 48/, next: /NODE_EXTRA_CA_CERTS=.*ca\.pem/ },
        (one) => !one.happened.startsWith('Probably'));
});

provoke('C103: Node says nothing, and leaves twice: probably', async () => {
    for (let n = 0; n < 2; n++) {
        await failure(sdkOpen(`HostName=${host};DeviceId=any;SharedAccessKey=a2V5`, Mqtt, { ca: tls.rootCertificates[0] }));
    }
    await isSaid(null, 'C103', { happened: /^Probably: .*does not trust/, observed: /without a word/ },
        (one) => one.happened.startsWith('Probably') && one.count >= 2);
});

provoke('C104: a name that the certificate does not have', async () => {
    await openssl('-CAfile', env.HUB_CA, '-servername', 'wrong.example', '-verify_hostname', 'wrong.example', '-verify_return_error');
    await isSaid(null, 'C104', { observed: /wrong\.example/, expected: new RegExp(host.replaceAll('.', '\\.')),
        next: /azimuth serve --hostname wrong\.example/ });
});

provoke('C106: only ciphers that the server does not have', async () => {
    await openssl('-tls1_2', '-cipher', 'AES128-SHA:@SECLEVEL=0');
    await isSaid(null, 'C106', { happened: /no cipher suite, group or signature in common/ });
});

provoke('C107: a ClientHello that is none', async () => {
    const socket = net.connect(8883, host);
    socket.on('error', () => {});
    socket.write(Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 0, 0]));
    await isSaid(null, 'C107', { happened: /broke a rule/ });
    socket.destroy();
});

provoke('C108: a client whose clock is far ahead', async () => {
    await openssl('-CAfile', env.HUB_CA, '-attime', '7258118400', '-verify_return_error');
    await isSaid(null, 'C108', { happened: /seems to be at least \d+ days ahead/, next: /set the client's clock/ });
});

/* ---- WebSocket, protocol, identity */

provoke('C110: another WebSocket path, another subprotocol', async () => {
    for (const [path, protocol] of [['/elsewhere', 'mqtt'], ['/mqtt', 'soap']]) {
        const socket = new WebSocket(`wss://${host}:443${path}`, [protocol], { ca });
        await new Promise((resolve) => socket.once('error', resolve));
        await isSaid(null, 'C110', { expected: /\/\$iothub\/websocket/, observed: new RegExp(path) },
            (one) => one.observed.includes(path));
    }
});

provoke('C120: MQTT 5', async () => {
    const device = await identity('why-level');
    await isRefused(device.deviceId, ownToken(device), { protocolVersion: 5, properties: { sessionExpiryInterval: 60 } });
    await isSaid('why-level', 'C120', { observed: /level 5/, expected: /3\.1\.1/ });
});

provoke('C121: a client id that is not the user name\'s', async () => {
    const device = await identity('why-mismatch');
    await isRefused(device.deviceId, ownToken(device), { clientId: 'another-id' });
    await isSaid('why-mismatch', 'C121', { observed: /another-id/, expected: /why-mismatch/, sdk: /why-agent/ });
});

provoke('C122: a user name of another form', async () => {
    await isRefused('why-form', 'x', { username: 'admin' });
    await isSaid('why-form', 'C122', { observed: /device id/, expected: new RegExp(`^${host}/DEVICE`) });
});

provoke('C123: a user name for another hub', async () => {
    const device = await identity('why-elsewhere');
    await isRefused(device.deviceId, ownToken(device), { username: 'other.azure-devices.net/why-elsewhere/?api-version=2021-04-12' });
    await isSaid('why-elsewhere', 'C123', { observed: /other\.azure-devices\.net/, expected: new RegExp(host) });
});

/* ---- credentials */

provoke('C130: a connection string instead of a token', async () => {
    const device = await identity('why-no-token');
    await isRefused(device.deviceId, deviceString(device));
    const record = await isSaid('why-no-token', 'C130', { observed: /a connection string/, expected: /SharedAccessSignature sr=/ });
    assert.ok(!JSON.stringify(record).includes(keyOf(device)), 'the journal shows a key');
});

for (const [name, Transport] of Object.entries({ MQTT: Mqtt, AMQP: Amqp, HTTPS: Http })) {
    provoke(`C131: a token that has run out, over ${name}`, async () => {
        const device = await identity(`why-expired-${name.toLowerCase()}`);
        const client = Client.fromSharedAccessSignature(ownToken(device, -7200), Transport);
        client.setRetryPolicy(new NoRetry());
        client.on('error', () => {});
        await client.setOptions({ ca, http: { receivePolicy: { interval: 1 } } });
        await failure(client.open().then(() => client.sendEvent(new Message('x'))));
        await isSaid(device.deviceId, 'C131', { happened: /had run out 2 h before/, protocol: new RegExp(name.toLowerCase()),
            next: /NTP/ });
        await client.close().catch(() => {});
    });
}

provoke('C132: a token of another device', async () => {
    const [device, other] = await Promise.all([identity('why-resource'), identity('why-resource-other')]);
    await isRefused(device.deviceId, ownToken(other));
    await isSaid('why-resource', 'C132', { observed: /devices\/why-resource-other/, expected: /devices\/why-resource$/ });
});

provoke('C133: a wrong key; the key that was replaced; its base64 text; a key of a policy; a group\'s key', async () => {
    const device = await identity('why-signature');
    const said = (pattern) => isSaid('why-signature', 'C133', { happened: /fits neither key/ }, (one) => pattern.test(one.observed));
    await isRefused(device.deviceId, ownToken(device, 3600, crypto.randomBytes(32).toString('base64')));
    await said(/another key/);
    await isRefused(device.deviceId, ownToken(device, 3600, Buffer.from(keyOf(device)).toString('base64')));
    await said(/base64 text/);
    const policy = /SharedAccessKey=(.*)$/.exec(env.HUB_DEVICE)[1];
    await isRefused(device.deviceId, ownToken(device, 3600, policy));
    await said(/the policy 'device'/);
    const group = (await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'why-signatures',
        attestation: { type: 'symmetricKey' } })).responseBody;
    await isRefused(device.deviceId, ownToken(device, 3600, group.attestation.symmetricKey.primaryKey));
    const record = await said(/the enrollment group why-signatures itself/);
    assert.match(record.next, /azimuth dps compute-device-key/);
    await azimuth('hub', 'device-identity', 'renew-key', '-d', device.deviceId, '--key-type', 'primary');
    await isRefused(device.deviceId, ownToken(device));
    await said(/the key that was replaced at 20/);
});

provoke('C135: a policy that may not connect devices', async () => {
    const device = await identity('why-policy');
    const key = /SharedAccessKey=(.*)$/.exec(env.HUB_SERVICE)[1];
    await isRefused(device.deviceId, token(`${host}/devices/why-policy`, key, 3600, 'service'));
    await isSaid('why-policy', 'C135', { observed: /'service' with the rights ServiceConnect/, expected: /DeviceConnect/ });
});

/* ---- certificates */

const certificates = Promise.resolve().then(() => {
    kit.issue('why-self', 'why-thumbprint');
    kit.issue('why-unknown-ca', 'why unknown CA', 'self', 'ca');
    kit.issue('why-unknown', 'why-certificate', 'why-unknown-ca');
    kit.issue('why-known-ca', 'why known CA', 'self', 'ca');
    kit.issue('why-between', 'why between', 'why-known-ca', 'ca');
    kit.issue('why-ended', 'why-ended', 'why-known-ca', 'leaf', '20200101000000Z-20210101000000Z');
    kit.issue('why-early', 'why-early', 'why-known-ca', 'leaf', '20990101000000Z-21000101000000Z');
    kit.issue('why-lone', 'why-lone', 'why-between');
    kit.azimuth('create', '--name', 'why-known', '--path', kit.file('why-known-ca.pem'), '--verified');
});

async function openWithCertificate(name, id, shown = `${name}.chain.pem`) {
    const client = Client.fromConnectionString(`HostName=${host};DeviceId=${id};x509=true`, Mqtt);
    client.setRetryPolicy(new NoRetry());
    client.on('error', () => {});
    await client.setOptions({ ca, cert: kit.read(shown), key: kit.read(`${name}.key`) });
    await client.open();
}

provoke('C105: a certificate from a CA that nobody has uploaded', async () => {
    await Promise.all([certificates, identity('why-certificate', byCa)]);
    await failure(openWithCertificate('why-unknown', 'why-certificate'));
    await isSaid('why-certificate', 'C105', { observed: /CN=why-certificate.*no verified CA.*issued by CN ?= ?why unknown CA, and came alone/ });
});

provoke('C105: a certificate that has ended, one that has not begun, one without the intermediate above it', async () => {
    await certificates;
    const said = {
        ended: /CN=why-ended, valid from 2020-01-01 until 2021-01-01: .*has expired/,
        early: /CN=why-early, valid from 2099-01-01 until 2100-01-01: .*not valid yet/,
        lone: /CN=why-lone, .*does not send an intermediate; it was issued by CN ?= ?why between, and came alone/,
    };
    for (const [name, observed] of Object.entries(said)) {
        await identity(`why-${name}`, byCa);
        await failure(openWithCertificate(`why-${name}`, `why-${name}`, `why-${name}.pem`));
        await isSaid(`why-${name}`, 'C105', { observed });
    }
});

provoke('C142: a token of a device that has a certificate, and the other way round', async () => {
    await certificates;
    const device = await identity('why-kind');
    await failure(openWithCertificate('why-self', 'why-kind'));
    await isSaid('why-kind', 'C142', { observed: /a certificate/, expected: /sas/ });
    await identity('why-kind-too', byCa);
    await isRefused('why-kind-too', ownToken({ ...device, deviceId: 'why-kind-too' }));
    await isSaid('why-kind-too', 'C142', { observed: /a token/, expected: /certificateAuthority/ });
});

provoke('C143: another thumbprint', async () => {
    await certificates;
    await identity('why-thumbprint', kit.selfSigned('A'.repeat(64), 'B'.repeat(64)));
    await failure(openWithCertificate('why-self', 'why-thumbprint'));
    await isSaid('why-thumbprint', 'C143', { observed: new RegExp(kit.thumbprint('why-self', 'sha256')), expected: /A{64} or B{64}/ });
});

/* ---- the identity */

provoke('C140: an id that is not registered; another spelling is', async () => {
    await identity('Why-Spelling');
    await isRefused('why-spelling', ownToken({ deviceId: 'why-spelling', authentication: { symmetricKey: { primaryKey: 'a2V5' } } }));
    await isSaid('why-spelling', 'C140', { expected: /Why-Spelling exists/, next: /Why-Spelling/ });
    const { attempts, summary, stages } = await why('why-spelling');
    assert.match(summary, /no device or module why-spelling/);
    assert.equal(attempts.length, 1);
    assert.deepEqual(Object.fromEntries(stages.map(({ stage, state }) => [stage, state])), { tcp: 'passed', tls: 'passed',
        websocket: 'skipped', protocol: 'passed', identity: 'failed', credential: 'unknown', permission: 'unknown',
        session: 'unknown', subscriptions: 'unknown', traffic: 'unknown' });
});

provoke('C144: an edge hub that may not speak for it', async () => {
    const [device, parent] = await Promise.all([identity('why-child'), identity('why-parent')]);
    await isRefused(device.deviceId, ownToken(parent), { username: userName('why-child', '&auth-chain=why-child%3Bwhy-parent') });
    await isSaid('why-child', 'C144', { observed: /why-child;why-parent/, next: /parent show -d why-child/ });
});

provoke('C141: a disabled device', async () => {
    const device = await identity('why-disabled', { status: 'disabled', statusReason: 'stolen in May' });
    await isRefused(device.deviceId, ownToken(device));
    await isSaid('why-disabled', 'C141', { observed: /stolen in May/, next: /azimuth hub device-identity update -d why-disabled --status enabled/ });
});

/* ---- sessions */

provoke('C160: two clients share an id', async () => {
    const device = await identity('why-shared');
    const first = await mqttOpen(device.deviceId, ownToken(device), { username: userName(device.deviceId, '&DeviceClientType=one') });
    const second = await mqttOpen(device.deviceId, ownToken(device), { username: userName(device.deviceId, '&DeviceClientType=two') });
    await isSaid('why-shared', 'C160', { happened: /share the id why-shared: 127\.0\.0\.\d+:\d+ \(two\) took it over/, observed: /\(one\) was connected/ });
    first.end(true);
    second.end(true);
});

provoke('C161: a client that does not keep its keep-alive', async () => {
    const device = await identity('why-silent');
    const socket = tls.connect({ host, port: 8883, ca, servername: host });
    socket.on('error', () => {});
    socket.write(packet.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: device.deviceId, clean: true,
        keepalive: 1, username: userName(device.deviceId), password: Buffer.from(ownToken(device)) }));
    await isSaid('why-silent', 'C161', { observed: /no packet for \d+ s; the client promised one every 1 s/ });
    socket.destroy();
});

provoke('C162: the end of a token, and a renewal', async () => {
    const device = await identity('why-renewal');
    const client = await until('it comes in time', () =>
        mqttOpen(device.deviceId, ownToken(device, -290)).catch(() => null)); /* ten seconds of its grace are left */
    await isSaid('why-renewal', 'C162', { severity: /grey/ });
    const again = await mqttOpen(device.deviceId, ownToken(device));
    await isSaid('why-renewal', 'C162', { happened: /a normal token renewal/ }, (one) => /normal token renewal/.test(one.happened));
    const { attempts, summary } = await why('why-renewal');
    assert.equal(attempts[0].cause, 'C000');
    assert.match(summary, /why-renewal connected over mqtt/);
    assert.ok(!(await refused('C162')).length, 'it is no refusal');
    client.end(true);
    again.end(true);
});

provoke('C163: a topic that is none', async () => {
    const device = await identity('why-topic');
    const client = await mqttOpen(device.deviceId, ownToken(device));
    client.publish('devices/why-topic/messages/event', 'x');
    await isSaid('why-topic', 'C163', { observed: /PUBLISH to 'devices\/why-topic\/messages\/event'/, expected: /devices\/why-topic\/messages\/events\// });
    client.end(true);
});

provoke('C164: a device that vanishes', async () => {
    const device = await identity('why-gone');
    const client = await mqttOpen(device.deviceId, ownToken(device));
    client.stream.destroy();
    await isSaid('why-gone', 'C164', { severity: /grey/, happened: /without a goodbye/ });
});

provoke('C165: keys that are changed while it is connected', async () => {
    const device = await identity('why-rekeyed');
    const client = await sdkOpen(deviceString(device), Amqp);
    await client.getTwin();
    await azimuth('hub', 'device-identity', 'renew-key', '-d', device.deviceId, '--key-type', 'primary');
    await isSaid('why-rekeyed', 'C165', { observed: /keys were changed/, protocol: /amqp/ });
    await client.close().catch(() => {});
});

provoke('M10: a method of a device that does not listen', async () => {
    const device = await identity('why-deaf');
    const client = await sdkOpen(deviceString(device), Mqtt);
    await failure(azimuth('hub', 'invoke-device-method', '-d', device.deviceId, '--method-name', 'reboot'));
    await isSaid('why-deaf', 'M10', { happened: /does not listen to direct methods/, expected: /\$iothub\/methods\/POST\/#/ });
    await client.close();
});

/* ---- provisioning */

const register = (security) => ProvisioningDeviceClient.create(host, env.HUB_ID_SCOPE, new provisioning.Mqtt(), security).register();
const withKey = (id, key) => register(new SymmetricKeySecurityClient(id, key));
const withCertificate = (id, name, shown = `${name}.chain.pem`) =>
    register(new X509Security(id, { cert: kit.read(shown), key: kit.read(`${name}.key`) }));

async function enroll(registrationId, more = {}) {
    const { responseBody } = await service.createOrUpdateIndividualEnrollment({ registrationId,
        attestation: { type: 'symmetricKey' }, ...more });
    return responseBody.attestation.symmetricKey.primaryKey;
}

provoke('C170, C171: a CA that is known and not enrolled; a leaf that comes without its issuer', async () => {
    kit.issue('why-root', 'why root', 'self', 'ca');
    kit.issue('why-line', 'why line', 'why-root', 'ca');
    kit.issue('why-leaf', 'why-leaf', 'why-line');
    kit.azimuth('create', '--name', 'why-root', '--path', kit.file('why-root.pem'), '--verified');
    await failure(withCertificate('why-leaf', 'why-leaf'));
    await isSaid('why-leaf', 'C170', { observed: /nobody has enrolled that certificate/ });
    await failure(withCertificate('why-leaf', 'why-leaf', 'why-leaf.pem'));
    await isSaid('why-leaf', 'C171', { observed: /leaf CN ?= ?why-leaf, issued by CN ?= ?why line, came alone/, next: /whole chain/ });
    kit.azimuth('delete', '--name', 'why-root');
});

provoke('C172: an enrollment that is disabled', async () => {
    const key = await enroll('why-dps-disabled', { provisioningStatus: 'disabled' });
    await failure(withKey('why-dps-disabled', key));
    await isSaid('why-dps-disabled', 'C172', { observed: /individual enrollment why-dps-disabled is disabled/, protocol: /dps/ });
});

provoke('C173: no hub that takes it', async () => {
    const key = await enroll('why-dps-hub', { allocationPolicy: 'static', iotHubs: ['far.azure-devices.net'] })
        .catch(async () => enroll('why-dps-hub', { allocationPolicy: 'hashed', iotHubs: ['far.azure-devices.net'] }));
    await failure(withKey('why-dps-hub', key));
    await isSaid('why-dps-hub', 'C173', { observed: /hub/, next: /azimuth dps linked-hub list/ });
});

provoke('C174: a webhook that chooses no hub', async () => {
    kit.issue('why-webhook', 'localhost', 'self', 'server');
    const server = https.createServer({ cert: kit.read('why-webhook.pem'), key: kit.read('why-webhook.key') },
        (request, response) => response.writeHead(404).end());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const key = await enroll('why-dps-webhook', { allocationPolicy: 'custom',
        customAllocationDefinition: { webhookUrl: `https://localhost:${server.address().port}/`, apiVersion: '2021-10-01' } });
    await failure(withKey('why-dps-webhook', key));
    await isSaid('why-dps-webhook', 'C174', { observed: /custom allocation: the webhook/ });
    server.close();
});

provoke('C175: a wrong key of an enrollment, and a group\'s own', async () => {
    await enroll('why-dps-key');
    await failure(withKey('why-dps-key', crypto.randomBytes(32).toString('base64')));
    await isSaid('why-dps-key', 'C175', { observed: /signed with another key/ });
    const { responseBody: group } = await service.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'why-group',
        attestation: { type: 'symmetricKey' } });
    await failure(withKey('why-dps-member', group.attestation.symmetricKey.primaryKey));
    await isSaid('why-dps-member', 'C175', { observed: /enrollment group why-group itself/, next: /azimuth dps compute-device-key/ });
});

/* ---- a server that takes little */

const strict = (async () => {
    await sameDay();
    const server = new OwnServer(['--device-token-lifetime', '5s', '--disable-module-sas', '--throttle', 'quota=1/d',
        '--throttle', 'connections=4/h'], true);
    await server.start();
    return server;
})();
strict.catch(() => {});

async function strictOpen(id, seconds = 60, module = '') {
    const server = await strict;
    const who = module ? `${id}/${module}` : id;
    await server.azimuth('hub', 'device-identity', 'create', '-d', id).catch(() => {});
    if (module) await server.azimuth('hub', 'module-identity', 'create', '-d', id, '-m', module);
    const words = module ? ['-d', id, '-m', module] : ['-d', id];
    const key = /SharedAccessKey=([^;]*)/.exec(await server.azimuth('connection-string', ...words))[1];
    const path = module ? `devices/${id}/modules/${module}` : `devices/${id}`;
    return mqttOpen(who, token(`${server.host}/${path}`, key, seconds), { host: server.host, servername: server.host,
        username: `${server.host}/${who}/?api-version=2021-04-12` });
}

async function strictSaid(id, cause, texts) {
    const server = await strict;
    let record;
    await until(`${id} has ${cause}`, async () => {
        const all = JSON.parse(await server.azimuth('why', id, '-o', 'json')).attempts;
        record = all.find((one) => one.cause === cause);
        return record;
    });
    for (const [part, pattern] of Object.entries(texts)) assert.match(record[part], pattern);
}

provoke('C136, C134, C151, C150: long tokens, tokens of modules, the quota, too many connections', async () => {
    await failure(strictOpen('why-long', 3600));
    await strictSaid('why-long', 'C136', { next: /--duration/ });
    await failure(strictOpen('why-edge', 60, 'm1'));
    await strictSaid('why-edge/m1', 'C134', { happened: /takes none of its kind/, expected: /certificate/ });
    const client = await strictOpen('why-quota');
    client.publish('devices/why-quota/messages/events/', 'x', { qos: 1 });
    client.publish('devices/why-quota/messages/events/', 'y', { qos: 1 });
    await strictSaid('why-quota', 'C151', { happened: /the messages of the day are used up/ });
    for (let n = 0; n < 4; n++) await strictOpen('why-crowd').then((one) => one.end(true), () => {});
    await failure(strictOpen('why-crowd'));
    await strictSaid('why-crowd', 'C150', { observed: /too many connections/ });
    client.end(true);
});

/* ---- what is said of all, and to whom */

check('a device that never came is told of as such', async () => {
    const { summary, attempts } = await why('why-never');
    assert.deepEqual(attempts, []);
    assert.match(summary, /azimuth doctor --from-device/);
});

check('a refused client learns nothing more than the code', async () => {
    const error = await isRefused('why-nobody', 'x');
    assert.equal(error.code, 5);
    const answer = await new Promise((resolve) => https.get({ host, port: 8443, ca, servername: host,
        path: '/admin/v1/refusals' }, resolve));
    assert.equal(answer.statusCode, 401);
    answer.resume();
});

check('every cause that was provoked counts', async () => {
    const ask = async (path) => (await run('curl', ['-s', '--unix-socket', `${env.HUB_DATA}/azimuth.sock`,
        `http://localhost${path}`])).stdout;
    const { value } = JSON.parse(await ask('/admin/v1/refusals/causes'));
    const metrics = await ask('/metrics');
    const elsewhere = ['C000', 'C134', 'C136', 'C150', 'C151'];
    for (const { cause } of value) {
        const found = new RegExp(`azimuth_refused_total\\{cause="${cause}"\\} (\\d+)`).exec(metrics);
        if (cause !== 'C000') assert.ok(found, `${cause} has no metric`);
        if (!elsewhere.includes(cause)) assert.notEqual(found[1], '0', `${cause} was not provoked`);
    }
});

check('the doctor of a device finds the way to the hub', async () => {
    const findings = JSON.parse((await run(env.AZIMUTH, ['doctor', '--from-device', host, '--ca', env.HUB_CA, '-o', 'json'])).stdout);
    const states = Object.fromEntries(findings.map(({ check: name, state }) => [name, state]));
    assert.deepEqual([states.name, states.mqtt, states.amqp, states.https, states.clock], ['ok', 'ok', 'ok', 'ok', 'ok']);
    const lost = await failure(run(env.AZIMUTH, ['doctor', '--from-device', host, '--ca', kit.file('why-other.pem'), '-o', 'json']));
    assert.ok(JSON.parse(lost.stdout).some(({ check: name, state, fix }) => name === 'mqtt' && state === 'fail' && /--ca/.test(fix)));
});
