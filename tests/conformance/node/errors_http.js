'use strict';
/* errors_http.js - the errors of the REST API, for services and devices: what a bare request gets (status, name in
 * the header and in the body, number, envelope), what .NET makes of that, and the error of azure-iothub.
 *
 * Sources: "Understand and resolve Azure IoT Hub errors"; ErrorCode and ExceptionHandlingHelper of the SDK for .NET. */

const assert = require('assert/strict');
const https = require('https');
const tls = require('tls');
const { Client: ServiceClient, JobClient, Registry } = require('azure-iothub');
const { check, failure } = require('./check');
const { NUMBERS, complete, held } = require('./errors_kit');
const { ca, env, host, identity, registry } = require('./hub');
const { fields, token } = require('./sas');

const V = 'api-version=2021-04-12';
const KEY = Buffer.alloc(32, 9).toString('base64');
const DEVICE = { deviceId: 'err-d', authentication: { symmetricKey: { primaryKey: KEY, secondaryKey: KEY } } };
const jobs = JobClient.fromConnectionString(env.HUB_SERVICE);
const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);

function policyToken(string, seconds = 600, key = fields(string).SharedAccessKey) {
    return token(host, key, seconds, fields(string).SharedAccessKeyName);
}

const OWNER = policyToken(env.HUB_OWNER);
const OWN = token(`${host}/devices/err-d`, KEY, 600);

/** A request as it stands; no SDK is between. */
function ask(method, path, { as = OWNER, body, headers = {} } = {}) {
    const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
        const request = https.request({
            host, method, path, ca, headers: { ...(as ? { authorization: as } : {}), ...headers },
        }, (answer) => {
            let said = '';
            answer.on('data', (piece) => { said += piece; });
            answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: said }));
        });
        request.on('error', reject);
        request.end(text);
    });
}

/** Bytes as they stand. */
function say(bytes) {
    return new Promise((resolve, reject) => {
        let said = '';
        const socket = tls.connect({ host, port: 443, ca, servername: host }, () => socket.end(bytes));
        socket.on('data', (piece) => { said += piece; });
        socket.on('error', reject);
        socket.on('close', () => {
            const [head, body] = said.split('\r\n\r\n');
            const [first, ...lines] = head.split('\r\n');
            const headers = Object.fromEntries(lines.map((line) => line.split(': ')));
            resolve({ status: Number(first.split(' ')[1]), headers, body });
        });
    });
}

/* ---- envelopes */

/** ErrorCode:NAME;TEXT */
function plain({ Message, ExceptionMessage }) {
    assert.match(ExceptionMessage, /^Tracking ID:[0-9a-f]{32}-G:0-TimeStamp:\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d$/);
    const [, name, text] = Message.match(/^ErrorCode:(\w+);(.*)$/s);
    assert.ok(text.length > 0);
    return { name, number: NUMBERS[name] };
}

/** {"errorCode":NUMBER,..}; its values are flat, for .NET reads them as a dictionary of strings. */
function numbered(body) {
    assert.deepEqual(Object.keys(body), ['errorCode', 'trackingId', 'message', 'timestampUtc', 'info']);
    assert.ok(body.message.length > 0 && !Number.isNaN(Date.parse(body.timestampUtc)) && body.info === null);
    return { number: body.errorCode, name: Object.keys(NUMBERS).find((name) => NUMBERS[name] === body.errorCode) };
}

/** The same as text inside of Message. */
const nested = ({ Message }) => numbered(JSON.parse(Message));

/** A bulk's result. */
const bulk = ({ isSuccessful, errors }) => {
    assert.equal(isSuccessful, false);
    assert.ok(errors.length > 0);
    return { name: 'BulkRegistryOperationFailure', number: 400013 };
};

/** What became of each identity that was to have new keys. */
const rekeyed = ({ policyKey, rotatedKeys, errors }) => {
    assert.equal(policyKey, 'primaryKey');
    assert.deepEqual(rotatedKeys, []);
    assert.ok(errors.length > 0);
    return { name: 'BulkRegenerateDeviceKeyOperationFailure', number: 400036 };
};

/** What ExceptionHandlingHelper of .NET reads from Message; it has to be what the header says. */
function asDotnet(body) {
    let inner = null;
    try {
        inner = JSON.parse(body.Message);
    } catch {
        inner = null; // no dictionary
    }
    if (inner) return Object.keys(NUMBERS).find((name) => NUMBERS[name] === inner.errorCode);
    const [first] = body.Message.split(';');
    return /errorCode/i.test(first) ? first.split(':')[1] : undefined;
}

/** `name` is the error's; `status` is the number's first three digits unless it is given. */
function judge(answer, name, envelope, status = Math.floor(NUMBERS[name] / 1000)) {
    const body = JSON.parse(answer.body);
    const found = envelope(body);
    assert.equal(answer.status, status);
    assert.equal(answer.headers['iothub-errorcode'], name);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.match(answer.headers['x-ms-request-id'], /^[0-9a-f-]{36}$/);
    assert.equal(found.name, NUMBERS[name] || envelope === plain ? name : undefined);
    assert.equal(found.number, NUMBERS[name]);
    if (body.Message) assert.equal(asDotnet(body), name);
    if (status === 401) assert.equal(answer.headers['www-authenticate'], 'SharedAccessSignature');
}

/* ---- the table: error, what, [method, path, options], envelope, [call of azure-iothub, its error], status */

const twin = '/twins/err-d';
const TELEMETRY = '/devices/err-d/messages/events';
const BOUND = '/devices/err-d/messages/devicebound';
const FEEDBACK = '/messages/serviceBound/feedback';
const rekeyOf = (count) => ['POST', '/devices/keys/regenerate?api-version=2024-03-31', {
    body: { policyKey: 'primaryKey', devices: Array.from({ length: count }, (_, n) => ({ id: `err-absent-${n}` })) },
}];
const CONFIGURATION = '/configurations/err-c';
const content = { deviceContent: { 'properties.desired.x': 1 } };
const ifMatch = (etag) => ({ 'if-match': etag });
const otherRegistry = (string) => Registry.fromConnectionString(string);
const keyOf = (string, key) => string.replace(/SharedAccessKey=.*$/, `SharedAccessKey=${key}`);
const newJob = (jobId, more = {}) => ({
    jobId, type: 'scheduleUpdateTwin', updateTwin: { etag: '*', tags: { a: 1 } }, queryCondition: "deviceId = 'err-d'",
    startTime: new Date(Date.now() + 3600000).toISOString(), maxExecutionTimeInSeconds: 60, ...more,
});

const ROWS = [
    ['InvalidProtocolVersion', 'no api-version', ['GET', '/devices/err-d'], plain],
    ['InvalidProtocolVersion', 'no api-version, of a device', ['POST', TELEMETRY, { as: OWN, body: 'x' }], plain],
    ['InvalidOperation', 'a method that is not allowed', ['PATCH', `/devices/err-d?${V}`, { body: {} }], plain, null, 405],
    ['InvalidOperation', 'a path that is none', ['GET', `/nothing?${V}`], plain, null, 404],
    ['ArgumentInvalid', 'an id with a space', ['PUT', `/devices/a%20b?${V}`, { body: { deviceId: 'a b' } }], plain,
        [() => registry.create({ deviceId: 'a b' }), 'ArgumentError']],
    ['ArgumentInvalid', 'a key that is too short', ['PUT', `/devices/err-k?${V}`, {
        body: { deviceId: 'err-k', authentication: { symmetricKey: { primaryKey: 'eA==', secondaryKey: 'eA==' } } },
    }], plain],
    ['ArgumentInvalid', 'a module id with a dollar', ['PUT', `/devices/err-d/modules/%24m?${V}`, {
        body: { deviceId: 'err-d', moduleId: '$m' },
    }], numbered],
    ['ArgumentInvalid', 'a twin with a dot in a key', ['PATCH', `${twin}?${V}`, { body: { tags: { 'a.b': 1 } } }], plain,
        [() => registry.updateTwin('err-d', { tags: { 'a.b': 1 } }, '*'), 'ArgumentError']],
    ['ArgumentInvalid', 'a twin that is replaced by one with a null', ['PUT', `${twin}?${V}`, { body: { tags: { 'my-tag': null } } }], plain],
    ['ArgumentInvalid', 'a query that does not parse', ['POST', `/devices/query?${V}`, { body: { query: 'SELEC' } }], plain,
        [() => registry.createQuery('SELEC').nextAsTwin(), 'ArgumentError']],
    ['ArgumentInvalid', 'a page size that is none', ['POST', `/devices/query?${V}`, {
        body: { query: 'SELECT * FROM devices' }, headers: { 'x-ms-max-item-count': '0' },
    }], plain],
    ['ArgumentInvalid', 'a method that waits longer for its device than for the answer', ['POST', `${twin}/methods?${V}`, {
        body: { methodName: 'm', responseTimeoutInSeconds: 5, connectTimeoutInSeconds: 6 },
    }], nested, [() => service.invokeDeviceMethod('err-d', {
        methodName: 'm', responseTimeoutInSeconds: 5, connectTimeoutInSeconds: 6,
    }), 'ArgumentError']],
    ['ArgumentInvalid', 'a job whose id has a low line', ['PUT', `/jobs/v2/err_1?${V}`, { body: newJob('err_1') }], plain,
        [() => jobs.scheduleTwinUpdate('err_1', '*', { tags: {} }, new Date(), 60), 'ArgumentError']],
    ['ArgumentInvalid', 'a message with a property that cannot be a header', ['POST', `${TELEMETRY}?${V}`, {
        as: OWN, body: 'x', headers: { 'iothub-expiry': 'never' },
    }], plain],
    ['DeserializationError', 'a twin that is no JSON', ['PATCH', `${twin}?${V}`, { body: '{' }], plain],
    ['DeserializationError', 'a device that is no JSON', ['PUT', `/devices/err-new?${V}`, { body: '{"deviceId":' }], plain],
    ['BulkRegistryOperationFailure', 'a bulk with a device that is there', ['POST', `/devices?${V}`, {
        body: [{ id: 'err-d', importMode: 'create', status: 'enabled' }],
    }], bulk, [() => registry.addDevices([{ deviceId: 'err-d', status: 'enabled' }]), 'ArgumentError']],
    ['BulkRegistryOperationFailure', 'a bulk that names a device twice', ['POST', `/devices?${V}`, {
        body: ['create', 'create'].map((importMode) => ({ id: 'err-twice', importMode, status: 'enabled' })),
    }], (body) => {
        assert.ok(body.errors.some(({ errorCode }) => errorCode === 'DeviceDefinedMultipleTimes'));
        return bulk(body);
    }],
    ['BulkRegenerateDeviceKeyOperationFailure', 'new keys for a device that is not there', rekeyOf(1), rekeyed],
    ['InvalidPolicyKey', 'new keys, and no word which', ['POST', '/devices/keys/regenerate?api-version=2024-03-31', {
        body: { policyKey: 'Unknown', devices: [] },
    }], plain],
    ['InvalidProtocolVersion', 'new keys in a version that has no such call', ['POST', `/devices/keys/regenerate?${V}`, {
        body: { policyKey: 'both', devices: [] },
    }], plain],
    ['InvalidConfigurationContent', 'a configuration of nothing', ['PUT', `${CONFIGURATION}?${V}`, {
        body: { id: 'err-c', content: {} },
    }], plain, [() => registry.addConfiguration({ id: 'err-c', content: {} }), 'ArgumentError'], 400],
    ['InvalidConfigurationTargetCondition', 'a condition that does not parse', ['PUT', `${CONFIGURATION}?${V}`, {
        body: { id: 'err-c', content, targetCondition: 'tags.a =' },
    }], plain, null, 400],
    ['InvalidConfigurationCustomMetricsQuery', 'a metric that does not parse', ['PUT', `${CONFIGURATION}?${V}`, {
        body: { id: 'err-c', content, metrics: { queries: { m: 'SELECT' } } },
    }], plain, null, 400],
    ['IotHubUnauthorizedAccess', 'no token', ['GET', `/devices/err-d?${V}`, { as: null }], plain],
    ['IotHubUnauthorizedAccess', 'a token of another key', ['GET', `/devices/err-d?${V}`, {
        as: policyToken(env.HUB_OWNER, 600, KEY),
    }], plain, [() => otherRegistry(keyOf(env.HUB_OWNER, KEY)).get('err-d'), 'UnauthorizedError']],
    ['IotHubUnauthorizedAccess', 'a token that is over', ['GET', `/devices/err-d?${V}`, {
        as: policyToken(env.HUB_OWNER, -3600),
    }], plain],
    ['IotHubUnauthorizedAccess', 'a token of a policy that is none', ['GET', `/devices/err-d?${V}`, {
        as: token(host, KEY, 600, 'nobody'),
    }], plain],
    ['IotHubUnauthorizedAccess', 'a token for another hub', ['GET', `/devices/err-d?${V}`, {
        as: token('other.test', fields(env.HUB_OWNER).SharedAccessKey, 600, 'iothubowner'),
    }], plain],
    ['IotHubUnauthorizedAccess', 'a right that the policy lacks', ['GET', `${twin}?${V}`, {
        as: policyToken(env.HUB_REGISTRY_READ_WRITE),
    }], plain, [() => otherRegistry(env.HUB_REGISTRY_READ_WRITE).getTwin('err-d'), 'UnauthorizedError']],
    ['IotHubUnauthorizedAccess', 'a device with the token of another', ['POST', `/devices/err-other/messages/events?${V}`, {
        as: OWN, body: 'x',
    }], plain],
    ['DeviceNotFound', 'a device that is not there', ['GET', `/devices/err-nobody?${V}`], plain,
        [() => registry.get('err-nobody'), 'DeviceNotFoundError']],
    ['DeviceNotFound', 'the twin of one', ['GET', `/twins/err-nobody?${V}`], plain,
        [() => registry.getTwin('err-nobody'), 'DeviceNotFoundError']],
    ['DeviceNotFound', 'the twin of a module that is not there', ['GET', `${twin}/modules/none?${V}`], plain,
        [() => registry.getModuleTwin('err-d', 'none'), 'DeviceNotFoundError']],
    ['DeviceNotFound', 'a method of one', ['POST', `/twins/err-nobody/methods?${V}`, { body: { methodName: 'm' } }], plain,
        [() => service.invokeDeviceMethod('err-nobody', { methodName: 'm' }), 'DeviceNotFoundError']],
    ['DeviceNotFound', 'the digital twin of one', ['GET', `/digitaltwins/err-nobody?${V}`], plain],
    ['DeviceNotFound', 'telemetry of one, with the token of a policy', ['POST', `/devices/err-nobody/messages/events?${V}`, {
        as: policyToken(env.HUB_DEVICE), body: 'x',
    }], plain],
    ['DeviceNotFound', 'an update of one', ['PUT', `/devices/err-nobody?${V}`, {
        body: { deviceId: 'err-nobody' }, headers: ifMatch('"*"'),
    }], plain, [() => registry.update({ deviceId: 'err-nobody' }), 'DeviceNotFoundError']],
    ['JobNotFound', 'an import or export that is not there', ['GET', `/jobs/none?${V}`], plain,
        [() => registry.getJob('none'), 'Error']],
    ['JobNotFound', 'a job to cancel that is not there', ['POST', `/jobs/v2/err-none/cancel?${V}`], plain,
        [() => jobs.cancelJob('err-none'), 'Error']],
    ['ModuleNotFound', 'a module that is not there', ['GET', `/devices/err-d/modules/none?${V}`], numbered,
        [() => registry.getModule('err-d', 'none'), 'Error']],
    ['ConfigurationNotFound', 'a configuration that is not there', ['GET', `/configurations/err-none?${V}`], plain,
        [() => registry.getConfiguration('err-none'), 'Error'], 404],
    ['DeviceNotOnline', 'a method of a device that is not connected', ['POST', `${twin}/methods?${V}`, {
        body: { methodName: 'm' },
    }], nested, [() => service.invokeDeviceMethod('err-d', { methodName: 'm' }), 'Error']],
    ['DeviceNotOnline', 'a command of one', ['POST', `/digitaltwins/err-d/commands/c?${V}`, { body: 'null' }], nested],
    ['DeviceAlreadyExists', 'a device that is there', ['PUT', `/devices/err-d?${V}`, { body: { deviceId: 'err-d' } }], plain,
        [() => registry.create({ deviceId: 'err-d' }), 'DeviceAlreadyExistsError']],
    ['ModuleAlreadyExistsOnDevice', 'a module that is there', ['PUT', `/devices/err-d/modules/m?${V}`, {
        body: { deviceId: 'err-d', moduleId: 'm' },
    }], numbered, [() => registry.addModule({ deviceId: 'err-d', moduleId: 'm' }), 'DeviceAlreadyExistsError']],
    ['JobAlreadyExists', 'a job that is there', ['PUT', `/jobs/v2/err-job?${V}`, { body: newJob('err-job') }], plain,
        [() => jobs.scheduleTwinUpdate('err-job', '*', { tags: {} }, new Date(), 60), 'DeviceAlreadyExistsError'], 409],
    ['ConfigurationAlreadyExists', 'a configuration that is there', ['PUT', `/configurations/err-there?${V}`, {
        body: { id: 'err-there', content },
    }], plain, [() => registry.addConfiguration({ id: 'err-there', content }), 'DeviceAlreadyExistsError'], 409],
    ['PreconditionFailed', 'another etag of a device', ['PUT', `/devices/err-d?${V}`, {
        body: { deviceId: 'err-d' }, headers: ifMatch('"AAAA"'),
    }], plain],
    ['PreconditionFailed', 'no etag where one is needed', ['DELETE', `/devices/err-d?${V}`], plain],
    ['PreconditionFailed', 'another etag of a module', ['PUT', `/devices/err-d/modules/m?${V}`, {
        body: { deviceId: 'err-d', moduleId: 'm' }, headers: ifMatch('"AAAA"'),
    }], numbered],
    ['PreconditionFailed', 'another etag of a twin', ['PATCH', `${twin}?${V}`, {
        body: { tags: { a: 1 } }, headers: ifMatch('"AAAAAAAAAAk="'),
    }], plain, [() => registry.updateTwin('err-d', { tags: { a: 1 } }, 'AAAAAAAAAAk='), 'InvalidEtagError']],
    ['PreconditionFailed', 'another etag of a configuration', ['PUT', `/configurations/err-there?${V}`, {
        body: { id: 'err-there', content }, headers: ifMatch('"OTk="'),
    }], plain],
    ['DeviceMessageLockLost', 'a message to complete that has no such lock', ['DELETE',
        `${BOUND}/00112233-4455-6677-8899-aabbccddeeff?${V}`, { as: OWN }], plain],
    ['DeviceMessageLockLost', 'a message to give back', ['POST',
        `${BOUND}/00112233-4455-6677-8899-aabbccddeeff/abandon?${V}`, { as: OWN }], plain],
    ['ArgumentInvalid', 'feedback to complete by what is no lock', ['DELETE', `${FEEDBACK}/lock?${V}`], plain],
    ['DeviceMessageLockLost', 'feedback to complete that has no such lock', ['DELETE',
        `${FEEDBACK}/00112233-4455-6677-8899-aabbccddeeff?${V}`], plain],
    ['DeviceMessageLockLost', 'feedback to give back', ['POST',
        `${FEEDBACK}/00112233-4455-6677-8899-aabbccddeeff/abandon?${V}`], plain],
    ['MessageTooLarge', 'telemetry of 256 KiB and a byte', ['POST', `${TELEMETRY}?${V}`, {
        as: OWN, body: Buffer.alloc(256 * 1024 + 1, 'x'),
    }], plain],
    ['MessageTooLarge', 'an identity of 64 KiB', ['PUT', `/devices/err-d?${V}`, {
        body: { deviceId: 'err-d', filler: 'x'.repeat(64 * 1024) },
    }], plain],
    ['InvalidDigitalTwinPatchPath', 'a patch of a path that is none', ['PATCH', `/digitaltwins/err-d?${V}`, {
        body: [{ op: 'add', path: 'x', value: 1 }],
    }], plain, null, 400],
];

const started = (async () => {
    await identity('err-d', DEVICE);
    await registry.addModule({ deviceId: 'err-d', moduleId: 'm' });
    await registry.addConfiguration({ id: 'err-there', content });
    await ask('PUT', `/jobs/v2/err-job?${V}`, { body: newJob('err-job') });
})();
started.catch(() => {}); // the cases say it

for (const [name, what, request, envelope, call, status] of ROWS) {
    check(`http: ${name}: ${what}`, async () => {
        await started;
        judge(await ask(...request), name, envelope, status);
        if (!call) return;
        const error = await failure(call[0]());
        assert.equal(error.name, call[1]);
    });
}

for (const [what, lines] of [
    ['two hosts', `Host: ${host}\r\nHost: ${host}\r\nAuthorization: ${OWNER}`],
    ['two Authorization headers', `Host: ${host}\r\nAuthorization: ${OWNER}\r\nAuthorization: ${OWN}`],
    ['a header without a colon', `Host: ${host}\r\nAuthorization`],
]) {
    check(`http: IotHubFormatError: ${what}`, async () => {
        judge(await say(`GET /devices/err-d?${V} HTTP/1.1\r\n${lines}\r\n\r\n`), 'IotHubFormatError', plain);
    });
}

check('http: DeviceMaximumActiveFileUploadLimitExceeded: an eleventh upload', async () => {
    await started;
    const begin = (n) => ask('POST', `/devices/err-d/files?${V}`, { as: OWN, body: { blobName: `b${n}` } });
    for (let n = 0; n < 10; n++) assert.equal((await begin(n)).status, 200);
    judge(await begin(10), 'DeviceMaximumActiveFileUploadLimitExceeded', plain);
});

check('http: TooManyModulesOnDevice: one module more than fit', async () => {
    await identity('err-full');
    const modules = Array.from({ length: 50 }, (_, n) => ({ id: 'err-full', moduleId: `m${n}`, importMode: 'create', status: 'enabled' }));
    assert.equal((await ask('POST', `/devices?${V}`, { body: modules })).status, 200);
    const put = await ask('PUT', `/devices/err-full/modules/m50?${V}`, { body: { deviceId: 'err-full', moduleId: 'm50' } });
    judge(put, 'TooManyModulesOnDevice', numbered);
    assert.equal((await failure(registry.addModule({ deviceId: 'err-full', moduleId: 'm50' }))).name, 'Error');
});

check('http: the job of the table is cancelled, and cannot be once more', async () => {
    assert.equal((await jobs.cancelJob('err-job')).jobStatus.status, 'cancelled');
    judge(await ask('POST', `/jobs/v2/err-job/cancel?${V}`), 'OperationNotAllowedInCurrentState', plain, 405);
    await registry.removeConfiguration('err-there');
});

/* ---- limits: what, the last that passes and its status, the first that does not and its error */

const method = (more) => ['POST', `${twin}/methods?${V}`, { body: { methodName: 'm', ...more } }];
const ahead = (ms) => new Date(Date.now() + 168 * 3600000 + ms).toISOString();
const jobOf = (jobId, more) => ['PUT', `/jobs/v2/${jobId}?${V}`, { body: newJob(jobId, more) }];
const queryOf = (query) => ['POST', `/devices/query?${V}`, { body: { query } }];
const padded = (size) => 'SELECT * FROM devices'.padEnd(size);
const device = (deviceId, more) => ['PUT', `/devices/${deviceId}?${V}`, { body: { deviceId, ...more } }];
const keyOfBytes = (bytes) => {
    const key = Buffer.alloc(bytes, 1).toString('base64');
    return { authentication: { symmetricKey: { primaryKey: key, secondaryKey: key } } };
};
const id = (length) => 'err-'.padEnd(length, 'x');
const tagsOf = (bytes) => ['PATCH', `${twin}?${V}`, { body: { tags: { [`k${bytes}`.padEnd(bytes, 'k')]: null } } }];
const LIMITS = [
    ['seconds to answer a method, least', method({ responseTimeoutInSeconds: 5 }), 404, method({ responseTimeoutInSeconds: 4 }), nested],
    ['seconds to answer a method, most', method({ responseTimeoutInSeconds: 3600 }), 404,
        method({ responseTimeoutInSeconds: 3601 }), nested],
    ['the name of a method', method({ methodName: 'm'.repeat(256) }), 404, method({ methodName: 'm'.repeat(257) }), nested],
    ['a job ahead', jobOf('err-ahead', { startTime: ahead(-60000) }), 200, jobOf('err-behind', { startTime: ahead(60000) }), plain],
    ['the id of a job', jobOf(id(64)), 200, jobOf(id(65)), plain],
    ['devices of a list', ['GET', `/devices?top=1000&${V}`], 200, ['GET', `/devices?top=1001&${V}`], plain],
    ['identities whose keys are made anew', rekeyOf(100), 400, rekeyOf(101), plain],
    ['the text of a query', queryOf(padded(32 * 1024)), 200, queryOf(padded(32 * 1024 + 1)), plain],
    ['the id of a device', device(id(128)), 200, device(id(129)), plain],
    ['the reason of a status', device('err-reason', { statusReason: 'r'.repeat(128) }), 200,
        device('err-reason-2', { statusReason: 'r'.repeat(129) }), plain],
    ['a key, shortest', device('err-key-16', keyOfBytes(16)), 200, device('err-key-15', keyOfBytes(15)), plain],
    ['a key, longest', device('err-key-64', keyOfBytes(64)), 200, device('err-key-65', keyOfBytes(65)), plain],
    ['a key of a twin', tagsOf(1024), 200, tagsOf(1025), plain],
];

for (const [what, last, status, first, envelope] of LIMITS) {
    check(`http: ArgumentInvalid: ${what}, one above its limit`, async () => {
        await started;
        assert.equal((await ask(...last)).status, status);
        judge(await ask(...first), 'ArgumentInvalid', envelope);
    });
}

check('http: the jobs of the limits are cancelled', async () => {
    for (const jobId of ['err-ahead', id(64)]) await jobs.cancelJob(jobId);
});

/* ---- the rest of the references' rows */

const HELD = [
    ['BlobContainerValidationError', 'tests/conformance/node/transfer.js', "'BlobContainerValidationError'"],
    ['IotHubQuotaExceeded', 'tests/conformance/node/limits.js', 'IotHubQuotaExceededError'],
    ['IotHubQuotaExceeded', 'tests/conformance/python/limits.py', '"IotHubQuotaExceeded", "the header"'],
    ['JobQuotaExceeded', 'tests/conformance/node/transfer.js', "'JobQuotaExceeded'"],
    ['TooManyDevices', 'src/hub/registry/home_test.c', 'STATUS_TOO_MANY_DEVICES'],
    ['ThrottlingException', 'src/front/amqp/service_test.c', 'STATUS_THROTTLING,'],
    ['ThrottleBacklogLimitExceeded', 'src/hub/query/query_test.c', 'STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED'],
    ['ThrottlingBacklogTimeout', 'tests/conformance/python/limits.py', '"ThrottlingBacklogTimeout", "the header"'],
    ['ThrottlingMaxActiveJobCountExceeded', 'src/hub/job/job_test.c', 'STATUS_THROTTLING_MAX_ACTIVE_JOBS'],
    ['DeviceThrottlingLimitExceeded', 'src/hub/method/method_test.c', 'STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED'],
    ['ConfigurationCountLimitExceeded', 'src/hub/configuration/configuration_test.c', 'STATUS_CONFIGURATION_COUNT_LIMIT'],
    ['ApplyConfigurationAlreadyInProgressOnDevice', 'src/front/rest/configurations_test.c',
        'STATUS_APPLY_CONFIGURATION_IN_PROGRESS'],
    ['ServiceUnavailable', 'tests/fault/sync.py', 'status in (500, 503)'],
    ['GenericBadGateway', 'src/hub/method/method_test.c', 'STATUS_BAD_GATEWAY'],
    ['GatewayTimeout', 'tests/conformance/node/methods.js', "'GatewayTimeoutError'"],
];
held('http', HELD);

/** No request gets these here. */
const CANNOT = {
    ArgumentNull: 'a value that is missing is told like one that is wrong: ArgumentInvalid, as on a real hub',
    InvalidSchemaVersion: 'the schemaVersion of a configuration is kept as it is given, as on a real hub',
    DeviceDefinedMultipleTimes: 'stands in the result of a bulk, above; it is no answer of its own',
    ConnectionForcefullyClosedOnNewConnection: 'an event of the log: see the tables of MQTT and AMQP',
    CannotRegisterModuleToModule: 'no path names a module of a module',
    IotHubNotFound: 'a server is one hub: a token for another is IotHubUnauthorizedAccess',
    IotHubUnauthorized: 'an event of the log: a token that ends on a live connection; see the tables of MQTT and AMQP',
    IotHubSuspended: 'there is nobody who could suspend a hub of your own',
    DeviceMaximumQueueDepthExceeded: 'messages to devices are sent over AMQP alone: see its table',
    IotHubMaxCbsTokenExceeded: 'tokens are put over AMQP alone: see its table',
    DeviceConnectionClosedRemotely: 'an event of the log: a connection that its device closed',
    LinkCreationConflict: 'links are AMQP: see its table',
    GenericTooManyRequests: 'whatever is throttled has a name that says more',
    ServerError: 'a fault of ours: none is known; src/hub/status_test.c has its number',
    JobCancelled: 'a device of a cancelled job has the status canceled and no error',
    GenericTimeout: 'what takes too long is ServiceUnavailable or GatewayTimeout',
    InvalidThrottleParameter: 'throttles are options of the server, which it refuses at the start',
    PartitionNotFound: 'the stream is AMQP: a partition that is none is com.microsoft:argument-out-of-range there',
};

complete('http', Object.keys(NUMBERS), ROWS.map(([name]) => name), HELD.map(([name]) => name), Object.keys(CANNOT),
    ['IotHubFormatError', 'DeviceMaximumActiveFileUploadLimitExceeded', 'TooManyModulesOnDevice',
        'OperationNotAllowedInCurrentState']);
