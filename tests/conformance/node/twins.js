'use strict';
/* twins.js - device and module twins: devices through azure-iot-device, services through azure-iothub. */

const assert = require('assert/strict');
const { Registry } = require('azure-iothub');
const { Client } = require('azure-iot-device');
const { check, failure, notOffered, sleep, until } = require('./check');
const { ca, deviceString, env, host, identity, open } = require('./hub');
const { moduleIdentity, openModule } = require('./modules_kit');
const { fields, token } = require('./sas');
const { overAmqp, transport } = require('./transport');

const service = Registry.fromConnectionString(env.HUB_SERVICE);

const twinOf = async (...who) => (await (who.length > 1
    ? service.getModuleTwin(...who) : service.getTwin(...who))).responseBody;

/** What the SDK has no word for. */
async function request(method, path, string, body, headers = {}) {
    const { SharedAccessKey, SharedAccessKeyName } = fields(string);
    const Authorization = token(host, SharedAccessKey, 3600, SharedAccessKeyName);
    const answer = await fetch(`https://${host}${path}?api-version=2021-04-12`, {
        method, headers: { Authorization, 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
    });
    return answer.json();
}

const report = (twin, patch) => new Promise((resolve, reject) =>
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())));

/** Runs `use(twin, client)` with a connected device and closes it. */
async function withTwin(client, use) {
    try {
        await use(await client.getTwin(), client);
    } finally {
        await client.close();
    }
}

const content = (section) => Object.fromEntries(
    Object.entries(section).filter(([key]) => !['$version', '$metadata', 'update'].includes(key)));

check('a new device has an empty twin with versions and times', async () => {
    const device = await identity('twin-new');
    const twin = await twinOf('twin-new');
    assert.equal(twin.deviceId, 'twin-new');
    assert.equal(twin.etag, 'AAAAAAAAAAE=');
    assert.equal(twin.deviceEtag, device.etag);
    assert.equal(twin.version, 2);
    assert.equal(twin.status, 'enabled');
    assert.equal(twin.connectionState, 'Disconnected');
    assert.equal(twin.authenticationType, 'sas');
    assert.deepEqual(twin.capabilities, { iotEdge: false });
    for (const section of [twin.properties.desired, twin.properties.reported]) {
        assert.equal(section.$version, 1);
        assert.ok(Math.abs(Date.parse(section.$metadata.$lastUpdated) - Date.now()) < 60000);
    }
});

check('what a device reports, services read', async () => {
    const device = await identity('twin-report');
    await withTwin(await open(device), async (twin) => {
        assert.equal(twin.properties.reported.$version, 1);
        await report(twin, { fan: { speed: 1.5, on: true }, list: [1, { a: [] }], text: 'grün' });
        await report(twin, { fan: { speed: null }, gone: null, deep: { er: null } });
        const { properties, connectionState } = await twinOf('twin-report');
        assert.deepEqual(content(properties.reported),
            { fan: { on: true }, list: [1, { a: [] }], text: 'grün', deep: {} });
        assert.equal(properties.reported.$version, 3);
        assert.ok(properties.reported.$metadata.fan.on.$lastUpdated);
        assert.equal(properties.reported.$metadata.fan.speed, undefined);
        assert.equal(connectionState, 'Connected');
    });
});

check('a report that breaks a rule is an error and changes nothing', async () => {
    const device = await identity('twin-rules');
    await withTwin(await open(device), async (twin) => {
        for (const bad of [{ $x: 1 }, { 'a.b': 1 }, { big: 2 ** 53 }, { s: 'x'.repeat(4097) }, { l: [null] }]) {
            await failure(report(twin, { fine: 1, ...bad }));
        }
        await report(twin, { s: 'x'.repeat(4096) });
        assert.deepEqual(content((await twinOf('twin-rules')).properties.reported), { s: 'x'.repeat(4096) });
    });
});

/** Marks what is desired until the device hears of it, and returns the version of the last mark: from then on it is
 * subscribed, of which the SDK says nothing. */
async function subscribed(heard, ...who) {
    const write = (desired) => (who.length > 1 ? service.updateModuleTwin(...who, { properties: { desired } }, '*')
        : service.updateTwin(...who, { properties: { desired } }, '*'));
    let mark = 0;
    await until('the device hears of a mark', async () => {
        mark += 1;
        await write({ mark });
        await sleep(100);
        return heard.some((delta) => delta.mark);
    });
    const { $version } = await until('it hears of the last one', () => heard.find((delta) => delta.mark === mark));
    heard.length = 0;
    return $version;
}

check('what services want, the device hears of, in order', async () => {
    const device = await identity('twin-desired');
    await service.updateTwin('twin-desired', { properties: { desired: { start: 1 } } }, '*');
    await withTwin(await open(device), async (twin) => {
        const heard = [];
        assert.deepEqual(content(twin.properties.desired), { start: 1 });
        twin.on('properties.desired', (delta) => heard.push(delta));
        await until('it was told what there is', () => heard.length >= 1);
        const version = await subscribed(heard, 'twin-desired');
        for (let n = 0; n < 20; n++) {
            await service.updateTwin('twin-desired', { properties: { desired: { n, start: null } } }, '*');
        }
        await until('all came', () => heard.length >= 20);
        assert.deepEqual(heard.map((delta) => delta.n), Array.from({ length: 20 }, (_, n) => n));
        assert.deepEqual(heard.map((delta) => delta.$version), Array.from({ length: 20 }, (_, n) => version + 1 + n));
        assert.equal(twin.properties.desired.start, undefined);
    });
});

check('what changes while the device subscribes is not lost', async () => {
    const device = await identity('twin-gap');
    for (let round = 0; round < 5; round++) {
        await withTwin(await open(device), async (twin) => {
            const update = service.updateTwin('twin-gap', { properties: { desired: { round } } }, '*');
            twin.on('properties.desired', () => {});
            await update;
            await until('it came', () => twin.properties.desired.round === round);
        });
    }
});

check('tags are for services only', async () => {
    const device = await identity('twin-tags');
    await service.updateTwin('twin-tags', { tags: { place: { floor: 3 }, owner: 'me' } }, '*');
    await service.updateTwin('twin-tags', { tags: { place: { room: 'a' }, owner: null } }, '*');
    assert.deepEqual((await twinOf('twin-tags')).tags, { place: { floor: 3, room: 'a' } });
    await withTwin(await open(device), async (twin) => assert.equal(twin.tags, undefined));
});

check('an etag lets one of two writers win', async () => {
    await identity('twin-etag');
    const first = await twinOf('twin-etag');
    const second = (await service.updateTwin('twin-etag', { tags: { a: 1 } }, first.etag)).responseBody;
    assert.notEqual(second.etag, first.etag);
    const error = await failure(service.updateTwin('twin-etag', { tags: { a: 2 } }, first.etag));
    assert.equal(error.response.statusCode, 412);
    assert.equal(error.response.headers['iothub-errorcode'], 'PreconditionFailed');
    const twin = await twinOf('twin-etag');
    assert.equal(twin.etag, second.etag);
    assert.deepEqual(twin.tags, { a: 1 });
});

check('a replaced twin has nothing of before, and the device hears of the whole', async () => {
    const device = await identity('twin-replace');
    await service.updateTwin('twin-replace', { tags: { a: 1 }, properties: { desired: { b: 1 } } }, '*');
    await withTwin(await open(device), async (twin) => {
        const heard = [];
        twin.on('properties.desired', (delta) => heard.push(delta));
        await subscribed(heard, 'twin-replace');
        const now = await twinOf('twin-replace');
        const next = { ...now.toJSON(), tags: { e: 2 }, properties: { desired: { c: { d: 1 } } } };
        const then = await request('PUT', '/twins/twin-replace', env.HUB_SERVICE, next, { 'If-Match': `"${now.etag}"` });
        assert.deepEqual(content(then.properties.desired), { c: { d: 1 } });
        assert.deepEqual(then.tags, { e: 2 });
        await until('it came', () => heard.length >= 1);
        assert.deepEqual(content(heard[0]), { c: { d: 1 } });
    });
});

check('a twin object of the SDK updates itself', async () => {
    await identity('twin-object');
    const twin = await twinOf('twin-object');
    const { etag } = twin;
    await twin.update({ properties: { desired: { x: 1 } } });
    assert.equal(twin.properties.desired.x, 1);
    assert.notEqual(twin.etag, etag);
});

check('a twin of nobody is not found', async () => {
    const error = await failure(service.getTwin('twin-nobody'));
    assert.equal(error.name, 'DeviceNotFoundError');
    await identity('twin-half');
    const module = await failure(service.getModuleTwin('twin-half', 'nobody'));
    assert.equal(module.response.statusCode, 404);
});

check('a registry policy may not read twins', async () => {
    const reader = Registry.fromConnectionString(env.HUB_REGISTRY_READ_WRITE || env.HUB_DEVICE);
    const error = await failure(reader.getTwin('twin-new'));
    assert.equal(error.response.statusCode, 401);
});

check('a module has a twin of its own', async () => {
    await identity('twin-modules');
    const module = await moduleIdentity('twin-modules', 'm1');
    await service.updateTwin('twin-modules', { tags: { whose: 'device' } }, '*');
    await service.updateModuleTwin('twin-modules', 'm1', { properties: { desired: { p: 1 } } }, '*');
    await withTwin(await openModule(module), async (twin) => {
        const heard = [];
        twin.on('properties.desired', (delta) => heard.push(delta));
        await report(twin, { r: 1 });
        await subscribed(heard, 'twin-modules', 'm1');
        await service.updateModuleTwin('twin-modules', 'm1', { properties: { desired: { p: 2 } } }, '*');
        await until('it came', () => heard.some(({ p }) => p === 2));
    });
    const twin = await twinOf('twin-modules', 'm1');
    assert.equal(twin.moduleId, 'm1');
    assert.deepEqual(content(twin.properties.reported), { r: 1 });
    assert.equal((await twinOf('twin-modules')).properties.desired.p, undefined);
});

check('a bulk writes twins with their identities', async () => {
    await Registry.fromConnectionString(env.HUB_OWNER).delete('twin-bulk').catch(() => {});
    await service.updateTwin('twin-new', { tags: { a: 1, b: 1 } }, '*');
    const { errors } = await request('POST', '/devices', env.HUB_OWNER, [
        { id: 'twin-bulk', importMode: 'create', status: 'enabled', tags: { t: 1 }, properties: { desired: { d: 1 } } },
        { id: 'twin-new', importMode: 'updateTwin', status: 'enabled', tags: { b: null, c: 1 } },
        { id: 'twin-absent', importMode: 'updateTwin', status: 'enabled', tags: { b: 1 } },
    ]);
    assert.deepEqual(errors.map((error) => [error.deviceId, error.errorCode]), [['twin-absent', 'DeviceNotFound']]);
    assert.deepEqual((await twinOf('twin-new')).tags, { a: 1, c: 1 });
    const made = await twinOf('twin-bulk');
    assert.deepEqual([made.tags, content(made.properties.desired)], [{ t: 1 }, { d: 1 }]);
});

const AGAIN = 'a client that reconnects is told without subscribing again';
if (overAmqp) notOffered(AGAIN, 'over AMQP the SDK does not come back from a takeover');
else check(AGAIN, async () => {
    const device = await identity('twin-again');
    const client = Client.fromConnectionString(deviceString(device), transport);
    await client.setOptions({ ca });
    await client.open();
    const twin = await client.getTwin();
    const heard = [];
    twin.on('properties.desired', (delta) => heard.push(delta));
    await subscribed(heard, 'twin-again');
    const rival = await open(device); /* takes over: the client is disconnected and comes back */
    await rival.close(); /* which the hub reads later: for a moment who is connected may be the rival */
    await subscribed(heard, 'twin-again');
    await service.updateTwin('twin-again', { properties: { desired: { after: 1 } } }, '*');
    await until('it came', () => heard.some((delta) => delta.after === 1));
    await report(twin, { still: 'here' });
    assert.equal((await twinOf('twin-again')).properties.reported.still, 'here');
    await client.close();
});
