'use strict';
/* storage.js - a storage endpoint in Azurite, sent to with azure-iot-device and read with @azure/storage-blob. */

const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const { BlobServiceClient } = require('@azure/storage-blob');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ACCOUNT, KEY, azurite, credential } = require('./azurite');
const { check, until } = require('./check');
const { OwnServer } = require('./own_server');

process.env.AZIMUTH_CAPTURE_SECOND_US = '20000'; /* a minute is 1.2 s */

async function send(server, messages) {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', 'stored'), Mqtt);
    await client.setOptions({ ca: server.ca });
    for (const message of messages) await client.sendEvent(message);
    await client.close();
}

function json(n) {
    const message = new Message(JSON.stringify({ n }));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('level', 'hot');
    return message;
}

async function lines(container) {
    const found = [];
    for await (const { name } of container.listBlobsFlat()) {
        const text = (await container.getBlobClient(name).downloadToBuffer()).toString();
        found.push(...text.split('\n').filter((line) => line).map((line) => JSON.parse(line)));
    }
    return found;
}

check('messages come as lines of JSON, a body as it is or in base64, each once and in order', () => azurite(async (url) => {
    const container = new BlobServiceClient(url, credential).getContainerClient('telemetry');
    const server = new OwnServer();
    const document = path.join(server.data, 'routing.json');
    await container.create();
    await server.start();
    fs.writeFileSync(document, JSON.stringify({
        endpoints: {
            storageContainers: [{
                name: 'cold',
                connectionString: `AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${url}`,
                containerName: 'telemetry',
                encoding: 'json',
                batchFrequencyInSeconds: 60,
                skipEmptyBlobs: true,
            }],
        },
        routes: [{ name: 'all', source: 'DeviceMessages', endpointNames: ['cold'] }],
    }));
    await server.azimuth('hub', 'routing', 'apply', '-f', document);
    assert.ok(!(await server.azimuth('hub', 'routing', 'show', '-o', 'json')).includes(KEY), 'the key is not shown');
    await server.azimuth('hub', 'device-identity', 'create', '-d', 'stored');
    await send(server, [json(1), json(2), json(3), new Message(Buffer.from([0xff, 0xfe]))]);
    const all = await until('all are there', async () => {
        const found = await lines(container);
        return found.length === 4 && found;
    });
    assert.deepEqual(all.map(({ Body }) => Body.n ?? Body), [1, 2, 3, '//4=']);
    assert.deepEqual(all[0].Properties, { level: 'hot' });
    assert.equal(all[0].SystemProperties.connectionDeviceId, 'stored');
    assert.equal(all[0].SystemProperties.contentEncoding, 'utf-8');
}));
