'use strict';
/* feed.js FILE - sends what the consumers of the other languages shall find, and writes to FILE what
 * that is: one JSON array, each element a message as it must arrive. */

const fs = require('fs');
const { Message } = require('azure-iot-device');
const { identity, open } = require('./hub');

const DEVICES = ['feed-a', 'feed-b', 'feed-c'];
const MESSAGES = 20;

const BODIES = [
    Buffer.from('{"temperature":21.5,"humidity":40}'), Buffer.from('grün ☃'), Buffer.alloc(0),
    Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.alloc(100000, 0x61),
];

/** The n-th message of a device: each kind of body, and every second one with all properties. */
function planned(deviceId, generationId, n) {
    const plan = { deviceId, generationId, body: BODIES[n % BODIES.length].toString('base64'), properties: { n: String(n) } };
    if (n % 2 === 0) return plan;
    return {
        ...plan, messageId: `${deviceId}-${n}`, correlationId: `c ${n}/&=`, userId: 'somebody',
        contentType: 'application/json', contentEncoding: 'utf-8', expiry: 2000000000000 + n,
        properties: { ...plan.properties, 'a b': 'c&d=e/f%+', empty: '', unicode: 'Zürich' },
    };
}

function messageOf(plan) {
    const message = new Message(Buffer.from(plan.body, 'base64'));
    for (const [name, value] of Object.entries(plan.properties)) message.properties.add(name, value);
    for (const name of ['messageId', 'correlationId', 'userId', 'contentType', 'contentEncoding']) {
        if (plan[name]) message[name] = plan[name];
    }
    if (plan.expiry) message.expiryTimeUtc = new Date(plan.expiry);
    return message;
}

async function feed(deviceId) {
    const device = await identity(deviceId);
    const plans = Array.from({ length: MESSAGES }, (_, n) => planned(deviceId, device.generationId, n));
    const client = await open(device);
    await Promise.all(plans.map((plan) => client.sendEvent(messageOf(plan))));
    await client.close();
    return plans;
}

async function main() {
    const plans = await Promise.all(DEVICES.map(feed));
    fs.writeFileSync(process.argv[2], JSON.stringify(plans.flat(), null, 1));
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
