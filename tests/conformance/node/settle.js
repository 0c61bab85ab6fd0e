'use strict';
/* settle.js - what MQTT has no word for: messages that a device rejects, gives back, or says nothing of. */

const assert = require('assert/strict');
const { check, sleep, until } = require('./check');
const { amqpConnect } = require('./amqp_kit');
const { serve, feedback, message, receiver, text } = require('./c2d_kit');
const { host, identity, registry } = require('./hub');
const { token } = require('./sas');

const countOf = async (deviceId) => (await registry.get(deviceId)).responseBody.cloudToDeviceMessageCount;

check('a message that is rejected is dead-lettered, and its sender hears of it', async () => {
    const device = await identity('settle-reject');
    await serve(async (service) => {
        const records = await feedback(service, (all) => all.length >= 1, async () => {
            const { client, got } = await receiver(device, (one, what) => one.reject(what));
            await service.send('settle-reject', message('x', { messageId: 'no', ack: 'full' }));
            await until('it is there', () => got.length === 1);
            await client.close();
        });
        assert.deepEqual(records.map((one) => `${one.originalMessageId} ${one.statusCode}`), ['no Rejected']);
    });
    assert.equal(await countOf('settle-reject'), 0);
});

check('a message that is given back comes again, ten times', async () => {
    const device = await identity('settle-abandon');
    await serve(async (service) => {
        const records = await feedback(service, (all) => all.length >= 1, async () => {
            const { client, got } = await receiver(device, (one, what) => one.abandon(what));
            await service.send('settle-abandon', message('x', { messageId: 'again', ack: 'negative' }));
            await until('it came ten times', () => got.length === 10);
            await sleep(300);
            assert.equal(got.length, 10);
            await client.close();
        });
        assert.deepEqual(records.map((one) => `${one.originalMessageId} ${one.statusCode}`), ['again DeliveryCountExceeded']);
    });
});

check('given back once, it keeps its place', async () => {
    const device = await identity('settle-place');
    let abandoned = false;
    await serve(async (service) => {
        for (const one of ['a', 'b', 'c']) await service.send('settle-place', one);
        const { client, got } = await receiver(device, async (one, what) => {
            const again = text(what) === 'a' && !abandoned;
            abandoned = abandoned || again;
            if (again) return one.abandon(what);
            await sleep(100); /* rhea 1.0 says of two deliveries at once what it was told of the first */
            return one.complete(what);
        });
        await until('all are there', () => got.length === 4);
        assert.deepEqual(got.map(text).sort(), ['a', 'a', 'b', 'c']);
        await until('none is left', async () => await countOf('settle-place') === 0);
        await client.close();
    });
});

check('what a device said nothing of comes again on its next connection', async () => {
    const device = await identity('settle-silent');
    await serve(async (service) => {
        for (let n = 0; n < 20; n++) await service.send('settle-silent', String(n));
        const first = await receiver(device, null);
        await until('a window of them came', () => first.got.length === 16);
        await first.client.close();
        const second = await receiver(device);
        await until('all came', () => second.got.length === 20);
        assert.deepEqual(second.got.map(text), Array.from({ length: 20 }, (_, n) => String(n)));
        await second.client.close();
    });
});

/** Opens the device's link for messages in a session of its own; the first that comes, not settled. */
function nextDelivery(connection, deviceId) {
    const session = connection.create_session();
    session.open();
    const link = session.open_receiver({
        source: `/devices/${deviceId}/messages/devicebound`, autoaccept: false, autosettle: false,
    });
    return new Promise((resolve, reject) => {
        link.once('message', ({ delivery }) => resolve(delivery));
        connection.once('disconnected', ({ error }) => reject(error || new Error('disconnected')));
    });
}

/* rhea writes its word on a message behind the end of the session, where that is over already. */
check('a word on a message that comes after the end of its session harms no other', async () => {
    const device = await identity('settle-late');
    const resource = `${host}/devices/settle-late`;
    const key = device.authentication.symmetricKey.primaryKey;
    await serve(async (service) => {
        const connection = await amqpConnect(resource, token(resource, key, 600));
        await service.send('settle-late', 'x');
        const first = await nextDelivery(connection, 'settle-late');
        first.link.session.close();
        await new Promise((resolve) => { setImmediate(resolve); });
        first.accept();
        const again = await nextDelivery(connection, 'settle-late');
        again.accept();
        await until('none is left', async () => await countOf('settle-late') === 0);
        connection.close();
    });
});
