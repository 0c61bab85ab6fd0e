'use strict';
/* weather.js - a real series: a year of Seattle's hourly weather normals (pressure, temperature,
 * wind) from the package vega-datasets, sent row by row by a device, read back row for row equal. */

const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const { Message } = require('azure-iot-device');
const { check } = require('./check');
const { identity, open, roundTrip } = require('./hub');

const FILE = path.join(process.env.NODE_PATH, 'vega-datasets/data/seattle-weather-hourly-normals.csv');
const UNDER_WAY = 100;

function rows() {
    const [head, ...lines] = fs.readFileSync(FILE, 'utf8').trim().split('\n').map((line) => line.trim().split(','));
    return lines.map((cells) => Object.fromEntries(cells.map((cell, column) =>
        [head[column], head[column] === 'date' ? cell : Number(cell)])));
}

/** Sends all rows in order, a hundred of them unacknowledged at any time. */
async function sendAll(device, sent) {
    const client = await open(device);
    const pending = [];
    for (const row of sent) {
        const message = new Message(JSON.stringify(row));
        message.contentType = 'application/json';
        message.contentEncoding = 'utf-8';
        pending.push(client.sendEvent(message));
        if (pending.length >= UNDER_WAY) await pending.shift();
    }
    await Promise.all(pending);
    await client.close();
}

check('a year of hourly weather comes back row for row', async () => {
    const sent = rows();
    assert.equal(sent.length, 8759);
    const device = await identity('weather');
    const events = await roundTrip('weather', sent.length, () => sendAll(device, sent), { ms: 200000 });
    assert.deepEqual(events.map((event) => JSON.parse(event.body.toString())), sent);
    assert.deepEqual(events.map((event) => event.sequenceNumber),
        sent.map((_, n) => events[0].sequenceNumber + n));
});
