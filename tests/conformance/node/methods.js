'use strict';
/* methods.js - direct methods: devices and modules through azure-iot-device, callers through azure-iothub. */

const assert = require('assert/strict');
const { spawn, execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const rhea = require('rhea');
const { types } = rhea;
const { NoRetry } = require('azure-iot-common');
const { Client: ServiceClient } = require('azure-iothub');
const { amqpConnect } = require('./amqp_kit');
const { check, failure, sleep, until } = require('./check');
const { ask, env, host, identity, open } = require('./hub');
const { openModule, moduleIdentity } = require('./modules_kit');
const { token } = require('./sas');

const service = ServiceClient.fromConnectionString(env.HUB_SERVICE);

/** Calls and gives {status, payload}. */
async function call(device, methodName, payload, more = {}) {
    return (await service.invokeDeviceMethod(...[].concat(device), { methodName, payload, ...more })).result;
}

/** The device answers `status` and what `reply` makes of the request's payload. */
function serve(client, name, status, reply) {
    client.onDeviceMethod(name, (request, response) => response.send(status, reply(request.payload), () => {}));
}

/** Runs `use(client)` with a connected device that has `methods`: {name: [status, reply]}. */
async function withDevice(device, methods, use) {
    const client = await open(device);
    try {
        for (const [name, [status, reply]] of Object.entries(methods)) serve(client, name, status, reply);
        await until('the device answers', async () => {
            try {
                return await call(device.deviceId, Object.keys(methods)[0], null);
            } catch (error) {
                return null;
            }
        });
        await use(client);
    } finally {
        await client.close();
    }
}

const numberOf = (error) => JSON.parse(JSON.parse(error.responseBody).Message).errorCode;

/** Calls until nobody is there to answer: the hub reads of the end a moment after close() has returned. */
const gone = (who) => until('it is gone', async () =>
    numberOf(await failure(call(who, 'who', null, { responseTimeoutInSeconds: 5 }))) === 404103);

check('a device answers with a status and JSON of its own', async () => {
    const device = await identity('met-answer');
    await withDevice(device, { echo: [200, (payload) => ({ got: payload })] }, async () => {
        for (const payload of [{ a: [1, 2.5, 'ü'], b: null }, 'text', 42, true, null, [], {}]) {
            assert.deepEqual(await call('met-answer', 'echo', payload), { status: 200, payload: { got: payload } });
        }
    });
});

/** How many calls devices have not answered. */
async function pending() {
    const { text } = await ask(env.HUB_DATA, 'GET', '/metrics');
    return Number(/^azimuth_methods_pending (\d+)$/m.exec(text)[1]);
}

/** The receiver of a device's methods, on a link that has given no credit. */
async function methodsWithoutCredit(device) {
    const resource = `${host}/devices/${device.deviceId}`;
    const connection = await amqpConnect(resource, token(resource, device.authentication.symmetricKey.primaryKey, 600));
    const pair = { 'com.microsoft:channel-correlation-id': device.deviceId, 'com.microsoft:api-version': '2020-09-30' };
    const address = `/devices/${device.deviceId}/methods/devicebound`;
    const answers = connection.open_sender({ target: address, properties: pair });
    const calls = connection.open_receiver({ source: address, properties: pair, credit_window: 0 });
    await new Promise((resolve) => { calls.once('receiver_open', resolve); });
    return { connection, answers, calls };
}

check('calls wait for the credit of a device that has just attached, up to 256 KiB of them', async () => {
    const device = await identity('met-credit');
    const { connection, answers, calls } = await methodsWithoutCredit(device);
    calls.on('message', ({ message }) => answers.send({
        correlation_id: message.correlation_id, application_properties: { 'IoThub-status': types.wrap_int(200) },
        body: rhea.message.data_section(Buffer.from('1')),
    }));
    const long = 'x'.repeat(100 << 10);
    const before = await pending();
    const called = ['a', 'b', 'c'].map((name) => call('met-credit', name, long));
    await until('all three are there', async () => await pending() === before + 3);
    const impatient = ServiceClient.fromConnectionString(env.HUB_SERVICE);
    impatient.setRetryPolicy(new NoRetry());
    const late = await failure(impatient.invokeDeviceMethod('met-credit', { methodName: 'd', payload: long }));
    assert.match(late.responseBody, /DeviceThrottlingLimitExceeded/);
    calls.add_credit(10);
    assert.deepEqual((await Promise.all(called)).map(({ status }) => status), [200, 200, 200]);
    assert.equal((await call('met-credit', 'd', long)).status, 200);
    connection.close();
});

check('a status may be any number, and is not an HTTP status', async () => {
    const device = await identity('met-status');
    const methods = {};
    for (const status of [200, 1, -1, 404, 500, 123456]) methods[`s${status}`] = [status, () => null];
    await withDevice(device, methods, async () => {
        for (const status of [200, 1, -1, 404, 500, 123456]) {
            assert.equal((await call('met-status', `s${status}`)).status, status);
        }
    });
});

check('names with odd characters arrive as they were given', async () => {
    const device = await identity('met-names');
    const names = ['component*command', 'a.b-c_d', '$dollar', 'a=b&c', 'a(b)!', 'n'.repeat(256)];
    await withDevice(device, Object.fromEntries(names.map((name) => [name, [200, () => name]])), async () => {
        for (const name of names) assert.equal((await call('met-names', name)).payload, name);
    });
});

check('who is not there: unknown, not connected, not subscribed', async () => {
    const unknown = await failure(call('met-nobody', 'x'));
    assert.equal(unknown.name, 'DeviceNotFoundError');
    const device = await identity('met-absent');
    const absent = await failure(call('met-absent', 'x'));
    assert.equal(absent.response.statusCode, 404);
    assert.equal(absent.response.headers['iothub-errorcode'], 'DeviceNotOnline');
    assert.equal(numberOf(absent), 404103);
    const client = await open(device); /* over AMQP with a link for its twin */
    const deaf = await failure(call('met-absent', 'x'));
    assert.equal(numberOf(deaf), 404103);
    assert.match(deaf.responseBody, /not subscribed/);
    await client.close();
});

check('a call waits for its device to connect', async () => {
    const device = await identity('met-wait');
    const calling = call('met-wait', 'late', 'x', { connectTimeoutInSeconds: 60, responseTimeoutInSeconds: 60 });
    await sleep(500);
    const client = await open(device);
    serve(client, 'late', 201, (payload) => payload);
    assert.deepEqual(await calling, { status: 201, payload: 'x' });
    await client.close();
});

check('a device that does not answer in time is a gateway timeout', async () => {
    const device = await identity('met-slow');
    const client = await open(device);
    const late = [];
    client.onDeviceMethod('slow', (request, response) => late.push(response));
    client.onDeviceMethod('quick', (request, response) => response.send(200, null, () => {}));
    await until('the device answers', () => call('met-slow', 'quick').catch(() => null));
    const error = await failure(call('met-slow', 'slow', null, { responseTimeoutInSeconds: 5 }));
    assert.equal(error.name, 'GatewayTimeoutError');
    assert.equal(numberOf(error), 504101);
    await new Promise((resolve) => late[0].send(200, 'late', resolve));
    assert.equal((await call('met-slow', 'quick')).status, 200); /* it harmed nobody */
    await client.close();
});

check('wrong arguments are refused before anybody is asked', async () => {
    await identity('met-args');
    for (const more of [{ responseTimeoutInSeconds: 3601 }, { connectTimeoutInSeconds: 301, responseTimeoutInSeconds: 400 },
        { connectTimeoutInSeconds: 40, responseTimeoutInSeconds: 30 }]) {
        const error = await failure(call('met-args', 'x', null, more));
        assert.equal(error.response.statusCode, 400);
        assert.equal(numberOf(error), 400004);
    }
    assert.equal((await failure(call('met-args', 'a/b'))).response.statusCode, 400);
});

check('payloads of 128 KB pass in both directions, one byte more does not', async () => {
    const device = await identity('met-large');
    const size = 128 * 1024 - 2; /* and two quotes */
    await withDevice(device, { echo: [200, (payload) => payload], grow: [200, () => 'x'.repeat(size + 1)] }, async () => {
        const text = 'x'.repeat(size);
        assert.equal((await call('met-large', 'echo', text)).payload, text);
        assert.equal((await failure(call('met-large', 'echo', `${text}x`))).response.statusCode, 413);
        assert.equal((await failure(call('met-large', 'grow'))).response.statusCode, 502);
    });
});

check('sixty calls under way at once are told apart', async () => {
    const device = await identity('met-many');
    await withDevice(device, { echo: [200, (payload) => payload] }, async () => {
        const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => call('met-many', 'echo', { n })));
        assert.deepEqual(answers.map((answer) => answer.payload.n), Array.from({ length: 60 }, (_, n) => n));
    });
});

check('a module answers for itself', async () => {
    const device = await identity('met-modules');
    const module = await moduleIdentity('met-modules', 'm1');
    const client = await openModule(module);
    client.onMethod('who', (request, response) => response.send(200, 'the module', () => {}));
    const asked = () => call(['met-modules', 'm1'], 'who').catch(() => null);
    assert.deepEqual(await until('the module answers', asked), { status: 200, payload: 'the module' });
    await withDevice(device, { who: [200, () => 'the device'] }, async () => {
        assert.equal((await call('met-modules', 'who')).payload, 'the device');
        assert.equal((await call(['met-modules', 'm1'], 'who')).payload, 'the module');
    });
    await client.close();
    await gone(['met-modules', 'm1']);
});

check('only who may connect services calls', async () => {
    await identity('met-rights');
    for (const string of [env.HUB_REGISTRY_READ_WRITE, env.HUB_DEVICE]) {
        const other = ServiceClient.fromConnectionString(string);
        const error = await failure(other.invokeDeviceMethod('met-rights', { methodName: 'x' }));
        assert.equal(error.name, 'UnauthorizedError');
    }
});

check('the command line calls devices and modules', async () => {
    const device = await identity('met-cli');
    const module = await moduleIdentity('met-cli', 'm1');
    const cli = (...words) => JSON.parse(execFileSync(env.AZIMUTH, ['hub', ...words, '--data', env.HUB_DATA, '-o', 'json']));
    const client = await openModule(module);
    client.onMethod('who', (request, response) => response.send(7, request.payload, () => {}));
    await until('the module answers', () => call(['met-cli', 'm1'], 'who').catch(() => null));
    await withDevice(device, { echo: [200, (payload) => payload] }, async () => {
        const run = (...words) => new Promise((resolve, reject) => {
            const child = spawn(env.AZIMUTH, ['hub', ...words, '--data', env.HUB_DATA, '-o', 'json']);
            let out = '', err = '';
            child.stdout.on('data', (data) => { out += data; });
            child.stderr.on('data', (data) => { err += data; });
            child.on('error', reject);
            child.on('close', (status) => resolve({ status, out, err }));
        });
        const file = path.join(os.tmpdir(), `payload-${process.pid}.json`);
        fs.writeFileSync(file, '{"from":"a file"}');
        const one = await run('invoke-device-method', '-d', 'met-cli', '--mn', 'echo', '--mp', file, '--timeout', '60');
        fs.unlinkSync(file);
        assert.equal(one.status, 0, one.err);
        assert.deepEqual(JSON.parse(one.out), { status: 200, payload: { from: 'a file' } });
        const two = await run('invoke-module-method', '-d', 'met-cli', '-m', 'm1', '--method-name', 'who', '--mp', '[1]');
        assert.deepEqual(JSON.parse(two.out), { status: 7, payload: [1] });
        const none = await run('invoke-device-method', '-d', 'met-none', '--mn', 'x');
        assert.equal(none.status, 3, none.err);
        await identity('met-cli-off');
        const off = await run('invoke-device-method', '-d', 'met-cli-off', '--mn', 'x');
        assert.equal(off.status, 5, off.err);
        assert.match(off.err, /not connected/);
    });
    await client.close();
    assert.deepEqual(cli('module-identity', 'list', '-d', 'met-cli').map((one) => one.moduleId), ['m1']);
});
