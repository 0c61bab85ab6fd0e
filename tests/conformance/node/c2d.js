'use strict';
/* c2d.js - cloud-to-device messages: azure-iothub sends and reads feedback, azure-iot-device gets. */

const assert = require('assert/strict');
const { feedback, feedbackReceiver, message, receiver, recordsOf, serve, text } = require('./c2d_kit');
const { check, failure, sleep, until } = require('./check');
const { env, identity, registry } = require('./hub');
const { fields, token } = require('./sas');

const { SharedAccessKey: serviceKey } = fields(env.HUB_SERVICE);
const QUEUE_MAX = 50;

const plain = (one) => Object.fromEntries(one.properties.propertyList.map(({ key, value }) => [key, value]));

async function countOf(deviceId) {
    return (await registry.get(deviceId)).responseBody.cloudToDeviceMessageCount;
}

check('a message arrives with everything its sender said', async () => {
    const device = await identity('c2d-all');
    const { client, got } = await receiver(device);
    const expiry = new Date(Date.now() + 600000);
    await serve((service) => service.send('c2d-all', message('{"n":1}', {
        messageId: 'mid-1/2', correlationId: 'cid 3', contentType: 'application/json',
        contentEncoding: 'utf-8', expiryTimeUtc: expiry.getTime(), ack: 'none',
    }, { plain: 'value', signs: 'a&b=c/d?e%f+g#h;i', unicode: 'Zürich ☃', "a.b-c_d~e": "!'()*" })));
    await until('it is there', () => got.length === 1);
    const [one] = got;
    assert.equal(text(one), '{"n":1}');
    assert.equal(one.messageId, 'mid-1/2');
    assert.equal(one.correlationId, 'cid 3');
    assert.equal(one.contentType, 'application/json');
    assert.equal(one.contentEncoding, 'utf-8');
    assert.equal(one.to, '/devices/c2d-all/messages/deviceBound');
    assert.equal(new Date(one.expiryTimeUtc).getTime(), expiry.getTime());
    const properties = plain(one);
    assert.equal(properties.plain, 'value');
    assert.equal(properties.signs, 'a&b=c/d?e%f+g#h;i');
    assert.equal(properties.unicode, 'Zürich ☃');
    assert.equal(properties['a.b-c_d~e'], "!'()*");
    await client.close();
});

check('a GUID as message id arrives as text', async () => {
    const device = await identity('c2d-guid');
    const { client, got } = await receiver(device);
    const id = '01234567-89ab-4def-8123-456789abcdef';
    await serve((service) => service.send('c2d-guid', message('x', { messageId: id })));
    await until('it is there', () => got.length === 1);
    assert.equal(got[0].messageId, id);
    await client.close();
});

check('messages arrive in order, those sent while the device was away first', async () => {
    const device = await identity('c2d-order');
    const sent = Array.from({ length: 40 }, (_, n) => String(n));
    await serve(async (service) => {
        await Promise.all(sent.slice(0, 20).map((one) => service.send('c2d-order', one)));
        assert.equal(await countOf('c2d-order'), 20);
        const { client, got } = await receiver(device);
        await until('the first are there', () => got.length === 20);
        await Promise.all(sent.slice(20).map((one) => service.send('c2d-order', one)));
        await until('all are there', () => got.length === 40);
        assert.deepEqual(got.map(text), sent);
        await until('none is left', async () => await countOf('c2d-order') === 0);
        await client.close();
    });
});

check('every byte and an empty body arrive', async () => {
    const device = await identity('c2d-bytes');
    const { client, got } = await receiver(device);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    await serve(async (service) => {
        await service.send('c2d-bytes', message(bytes));
        await service.send('c2d-bytes', message(Buffer.alloc(0)));
    });
    await until('they are there', () => got.length === 2);
    assert.deepEqual(Buffer.from(got[0].getData()), bytes);
    assert.equal(got[1].getData().length, 0);
    await client.close();
});

check('64 KiB pass and one byte more does not', async () => {
    const device = await identity('c2d-size');
    const { client, got } = await receiver(device);
    await serve(async (service) => {
        await service.send('c2d-size', message(Buffer.alloc(65536, 'x'), { messageId: '' }));
        const error = await failure(service.send('c2d-size', message(Buffer.alloc(65537, 'x'), { messageId: '' })));
        assert.equal(error.name, 'MessageTooLargeError');
    });
    await until('it is there', () => got.length === 1);
    assert.equal(got[0].getData().length, 65536);
    await client.close();
});

check('the fifty-first message is refused until there is room', async () => {
    const device = await identity('c2d-depth');
    await serve(async (service) => {
        await Promise.all(Array.from({ length: QUEUE_MAX }, (_, n) => service.send('c2d-depth', String(n))));
        const error = await failure(service.send('c2d-depth', 'too many'));
        assert.equal(error.name, 'DeviceMaximumQueueDepthExceededError');
        const { client, got } = await receiver(device);
        await until('all are there', () => got.length === QUEUE_MAX);
        await until('they are gone', async () => await countOf('c2d-depth') === 0);
        await service.send('c2d-depth', 'again');
        await until('it is there', () => got.length === QUEUE_MAX + 1);
        await client.close();
    });
});

check('what cannot be sent is refused by its own error', async () => {
    await identity('c2d-refused');
    await serve(async (service) => {
        const send = (id, more, properties) => failure(service.send(id, message('x', more, properties)));
        assert.equal((await send('c2d-nobody')).name, 'DeviceNotFoundError');
        assert.equal((await send('c2d-refused', { ack: 'perhaps' })).name, 'ArgumentError');
        assert.equal((await send('c2d-refused', { expiryTimeUtc: Date.now() - 60000 })).name, 'ArgumentError');
        assert.equal((await send('c2d-refused', { expiryTimeUtc: Date.now() + 3 * 86400000 })).name, 'ArgumentError');
        assert.equal((await send('c2d-refused', {}, { 'a b': 'c' })).name, 'ArgumentError');
    });
    assert.equal(await countOf('c2d-refused'), 0);
});

check('a policy without ServiceConnect may not send', async () => {
    await identity('c2d-denied');
    const denied = await failure(serve((service) => service.send('c2d-denied', 'x'), env.HUB_REGISTRY_READ_WRITE));
    assert.equal(denied.name, 'UnauthorizedError');
});

check('feedback says what became of each message', async () => {
    const device = await identity('c2d-feedback');
    await serve(async (service) => {
        const records = await feedback(service, (all) => all.length >= 4, async () => {
            const { client, got } = await receiver(device);
            for (const ack of ['none', 'positive', 'negative', 'full'])
                await service.send('c2d-feedback', message(ack, { messageId: `done-${ack}`, ack }));
            await until('they are there', () => got.length === 4);
            await client.close();
            for (const ack of ['none', 'positive', 'negative', 'full'])
                await service.send('c2d-feedback', message(ack, { messageId: `late-${ack}`, ack, expiryTimeUtc: Date.now() + 5000 }));
        });
        const mine = records.filter((record) => record.deviceId === 'c2d-feedback');
        const said = mine.map((record) => `${record.originalMessageId} ${record.statusCode}`).sort();
        assert.deepEqual(said, ['done-full Success', 'done-positive Success', 'late-full Expired', 'late-negative Expired']);
        for (const record of mine) {
            assert.equal(record.description, record.statusCode);
            assert.equal(record.deviceGenerationId, device.generationId);
            assert.ok(Math.abs(Date.parse(record.enqueuedTimeUtc) - Date.now()) < 60000);
        }
    });
    assert.equal(await countOf('c2d-feedback'), 0);
});

check('feedback that is abandoned comes again', async () => {
    const device = await identity('c2d-abandoned');
    await serve(async (service) => {
        const source = await feedbackReceiver(service);
        const seen = [];
        const take = async (batch) => {
            seen.push(...recordsOf(batch).map((record) => record.originalMessageId));
            await source[seen.length === 1 ? 'abandon' : 'complete'](batch);
        };
        source.on('message', take);
        const { client } = await receiver(device);
        await service.send('c2d-abandoned', message('x', { messageId: 'once-more', ack: 'positive' }));
        await until('it came twice', () => seen.length === 2);
        await sleep(500);
        assert.deepEqual(seen, ['once-more', 'once-more']);
        source.removeListener('message', take);
        await client.close();
    });
});

check('a purge drops what waits and says so', async () => {
    const device = await identity('c2d-purge');
    await serve(async (service) => {
        const records = await feedback(service, (all) => all.length >= 1, async () => {
            for (const ack of ['none', 'positive', 'negative'])
                await service.send('c2d-purge', message('x', { messageId: ack, ack }));
            const result = await purge('c2d-purge');
            assert.deepEqual(result, { deviceId: 'c2d-purge', moduleId: null, totalMessagesPurged: 3 });
        });
        assert.deepEqual(records.map((record) => `${record.originalMessageId} ${record.statusCode}`), ['negative Purged']);
    });
    const { client, got } = await receiver(device);
    await sleep(500);
    assert.equal(got.length, 0);
    await client.close();
});

check('a query says how many messages wait', async () => {
    await identity('c2d-counted');
    await serve(async (service) => {
        for (let n = 0; n < 3; n++) await service.send('c2d-counted', message('x'));
    });
    for (const where of ["deviceId = 'c2d-counted'", 'cloudToDeviceMessageCount > 2']) {
        const { result } = await registry.createQuery(`SELECT * FROM devices WHERE ${where}`).nextAsTwin();
        const twin = result.find(({ deviceId }) => deviceId === 'c2d-counted');
        assert.equal(twin.cloudToDeviceMessageCount, 3, where);
    }
    await purge('c2d-counted');
});

/** DELETE /devices/{id}/commands; the Node client has no call for it. */
async function purge(deviceId) {
    const answer = await fetch(`https://${env.HUB_HOST}/devices/${deviceId}/commands?api-version=2021-04-12`, {
        method: 'DELETE', headers: { Authorization: token(env.HUB_HOST, serviceKey, 3600, 'service') },
    });
    assert.equal(answer.status, 200);
    return answer.json();
}

check('a device that is deleted and comes again has an empty queue', async () => {
    await identity('c2d-reborn');
    await serve((service) => service.send('c2d-reborn', 'of the first life'));
    await registry.delete('c2d-reborn');
    const device = await identity('c2d-reborn');
    assert.equal(await countOf('c2d-reborn'), 0);
    const { client, got } = await receiver(device);
    await serve((service) => service.send('c2d-reborn', 'of the second'));
    await until('it is there', () => got.length === 1);
    assert.equal(text(got[0]), 'of the second');
    await client.close();
});
