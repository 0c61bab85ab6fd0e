'use strict';
/* cosmos.js - an endpoint that is a container of Cosmos DB: an account played by @vercel/cosmosdb-server behind
 * a door of ours (cosmos/account.js), read back with @azure/cosmos. */

const assert = require('assert/strict');
const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');
const { check, until } = require('./check');
const { env } = require('./hub');
const { OwnServer } = require('./own_server');

const { CosmosClient } = require(path.join(env.COSMOS_MODULES, '@azure/cosmos'));
const { KEY, account, listen } = require('../cosmos/account');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-cosmos-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));
const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');

for (const name of ['hub.pem', 'hub.root']) fs.copyFileSync(path.join(env.HUB_DATA, 'ca.pem'), path.join(dir, name));
fs.copyFileSync(path.join(env.HUB_DATA, 'ca.key'), path.join(dir, 'hub.key'));
execFileSync(path.join(__dirname, '..', 'issue'), [dir, 'account', 'localhost', 'hub', 'server']);

let started;

/** One server and one account for all cases. */
function theServer() {
    started = started || (async () => {
        const endpoint = `https://localhost:${(await listen(read('account.pem'), read('account.key'))).port}/`;
        const client = new CosmosClient({ endpoint, key: KEY, agent: new https.Agent({ ca: read('hub.pem') }), connectionPolicy: { enableEndpointDiscovery: false } });
        const { database } = await client.databases.createIfNotExists({ id: 'plant' });
        const { container } = await database.containers.createIfNotExists({ id: 'telemetry', partitionKey: { paths: ['/pk'] } });
        const server = new OwnServer(['--outgoing-ca', path.join(env.HUB_DATA, 'ca.pem')], true);
        await server.start();
        const use = async (more) => {
            const document = path.join(dir, 'routing.json');
            fs.writeFileSync(document, JSON.stringify({
                endpoints: { cosmosDBSqlContainers: [{ name: 'cosmos', endpointUri: endpoint, authenticationType: 'keyBased', primaryKey: KEY, databaseName: 'plant', containerName: 'telemetry', partitionKeyName: 'pk', partitionKeyTemplate: '{deviceid}/{YYYY}', ...more }] },
                routes: [{ name: 'a', source: 'DeviceMessages', endpointNames: ['cosmos'] }],
            }));
            await server.azimuth('hub', 'routing', 'apply', '-f', document);
        };
        await use({});
        const registry = Registry.fromConnectionString(await server.azimuth('connection-string', '--policy', 'iothubowner'));
        for (const deviceId of ['pump', 'valve', 'fan']) await registry.create({ deviceId });
        const documents = async () => (await container.items.query('SELECT * FROM c').fetchAll()).resources;
        return { server, use, documents, database, container };
    })();
    return started;
}

async function send(server, deviceId, bodies, type = 'application/json') {
    const client = Client.fromConnectionString(await server.azimuth('connection-string', '-d', deviceId), Mqtt);
    await client.setOptions({ ca: server.ca });
    for (const body of bodies) {
        const message = new Message(type === 'application/json' ? JSON.stringify(body) : body);
        message.contentType = type;
        message.contentEncoding = 'utf-8';
        message.properties.add('level', 'hot');
        await client.sendEvent(message);
    }
    await client.close();
}

check('a message is a document as IoT Hub writes it, found by its partition key', async () => {
    const { server, documents, container } = await theServer();
    await send(server, 'pump', [{ n: 1 }]);
    await send(server, 'pump', ['plain'], 'text/plain');
    const [first, second] = await until('they came', async () => {
        const all = await documents();
        return all.length === 2 && all;
    });
    const year = new Date().getUTCFullYear();
    assert.equal(first.pk, `pump/${year}`);
    assert.deepEqual(first.Body, { n: 1 });
    assert.deepEqual(first.Properties, { level: 'hot' });
    assert.equal(first.SystemProperties['iothub-connection-device-id'], 'pump');
    assert.equal(first.SystemProperties['iothub-content-type'], 'application/json');
    assert.ok(first['iothub-name']);
    assert.equal(Buffer.from(second.Body, 'base64').toString(), 'plain');
    assert.deepEqual((await container.item(first.id, `pump/${year}`).read()).resource.Body, { n: 1 });
});

check('an account that throttles, is down and denies gets each message as one document, also over kill -9', async () => {
    const { server, documents, use } = await theServer();
    account.throttle = 3;
    await Promise.all(['pump', 'valve', 'fan'].map((id) => send(server, id, [10, 11, 12].map((n) => ({ n, id })))));
    await until('nine came', async () => (await documents()).length === 2 + 9);
    account.down = true;
    await send(server, 'pump', [{ n: 20 }, { n: 21 }]);
    await server.kill();
    account.down = false;
    await server.start();
    await until('they came', async () => (await documents()).length === 2 + 9 + 2);
    account.key = crypto.randomBytes(64).toString('base64');
    await send(server, 'valve', [{ n: 30 }]);
    await until('it is said that keys are wrong', () => server.log.some((line) => /deliver.unhealthy.*401: its keys are not those/.test(line)));
    const second = account.key;
    await use({ secondaryKey: second });
    await until('the other key serves', () => account.seen.at(-1)?.includes('valve'));
    account.key = KEY;
    await use({});
    const all = await until('it came', async () => {
        const documentsNow = await documents();
        return documentsNow.length === 2 + 9 + 2 + 1 && documentsNow;
    });
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    assert.deepEqual(all.filter(({ pk }) => pk.startsWith('pump/')).map(({ Body }) => Body.n).filter(Boolean).slice(-2), [20, 21]);
    assert.ok(!server.log.join('\n').includes(KEY));
});

check('a container that is not there, or partitioned otherwise, is named', async () => {
    const { server, use, database } = await theServer();
    await use({ containerName: 'none' });
    await until('it is said', () => server.log.some((line) => /404: there is no such database or container/.test(line)));
    await database.containers.createIfNotExists({ id: 'other', partitionKey: { paths: ['/device'] } });
    await use({ containerName: 'other' });
    await until('it is said', () => server.log.some((line) => /partition key is '\/device', and partitionKeyName is 'pk'/.test(line)));
});
