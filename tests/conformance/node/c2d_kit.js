'use strict';
/* c2d_kit.js - messages to devices as the cases see them: who sends, who receives, who reads feedback. */

const { Client: ServiceClient } = require('azure-iothub');
const { Message } = require('azure-iot-common');
const { WAIT_MS, within } = require('./check');
const { env, open } = require('./hub');

/** Runs `act` with a service client. */
async function serve(act, string = env.HUB_SERVICE) {
    const service = ServiceClient.fromConnectionString(string);
    await service.open();
    try {
        return await act(service);
    } finally {
        await service.close();
    }
}

function message(body, more = {}, properties = {}) {
    const made = new Message(body);
    for (const [name, value] of Object.entries(properties)) made.properties.add(name, value);
    return Object.assign(made, more);
}

/** A connected device that completes what it gets; `got` grows. */
async function receiver(device, settle = (client, one) => client.complete(one), transport = undefined) {
    const client = await open(device, transport);
    const got = [];
    client.on('message', async (one) => {
        got.push(one);
        if (settle) await settle(client, one);
    });
    return { client, got };
}

const text = (one) => one.getData().toString();

/** The client's promise wraps the receiver in an object of its own; its callback does not. */
function feedbackReceiver(service) {
    return new Promise((resolve, reject) => {
        service.getFeedbackReceiver((error, source) => (error ? reject(error) : resolve(source)));
    });
}

const recordsOf = (batch) => (Array.isArray(batch.data) ? batch.data : JSON.parse(batch.getData().toString()));

/** Collects feedback records until `enough(records)`. */
async function feedback(service, enough, act, settle = 'complete') {
    const source = await feedbackReceiver(service);
    const records = [];
    let done;
    const all = new Promise((resolve) => { done = resolve; });
    const take = async (batch) => {
        records.push(...recordsOf(batch));
        await source[settle](batch);
        if (enough(records)) done();
    };
    source.on('message', take);
    try {
        await act();
        await within(WAIT_MS, 'feedback', all);
    } finally {
        source.removeListener('message', take);
    }
    return records;
}

module.exports = { feedback, feedbackReceiver, message, receiver, recordsOf, serve, text };
