'use strict';
/* azurite.js - an Azure storage account that is not the hub's: Azurite at a free port, which keeps what it
 * gets in memory. */

const { spawn } = require('child_process');
const dns = require('dns/promises');
const path = require('path');
const { StorageSharedKeyCredential } = require('@azure/storage-blob');
const { until } = require('./check');
const { env, host } = require('./hub');

/* Azurite's own well-known development account. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

async function running(words, act) {
    const program = spawn(process.execPath, [
        path.join(env.NODE_PATH, 'azurite/dist/src/blob/main.js'), '--blobPort', '0', '--inMemoryPersistence',
        '--skipApiVersionCheck', '--disableTelemetry', '--silent', ...words,
    ], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    program.stdout.on('data', (data) => { said += data; });
    try {
        return await act((await until('Azurite listens', () => /https?:\/\/[^:\s]+:([1-9]\d*)/.exec(said), 60000))[1]);
    } finally {
        program.kill();
    }
}

/** `act` gets the URL of the account. */
const azurite = (act) => running([], (port) => act(`http://127.0.0.1:${port}/${ACCOUNT}`));

/** With TLS, under the name and with the certificate of the hub under test. */
const azuriteTls = async (act) => running([
    '--blobHost', (await dns.lookup(host)).address, '--disableProductStyleUrl',
    '--cert', path.join(env.HUB_DATA, 'server-ec.pem'), '--key', path.join(env.HUB_DATA, 'server-ec.key'),
], (port) => act(`https://${host}:${port}/${ACCOUNT}`));

module.exports = { ACCOUNT, KEY, azurite, azuriteTls, credential: new StorageSharedKeyCredential(ACCOUNT, KEY) };
