'use strict';
/* x509_kit.js - certificates as the cases see them: made by ../issue, registered through
 * `azimuth hub certificate`, shown by devices. */

const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { Client } = require('azure-iot-device');
const { env, host, openClient } = require('./hub');
const { transport } = require('./transport');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-x509-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));

const file = (name) => path.join(dir, name);
const read = (name) => fs.readFileSync(file(name), 'utf8');

/** Makes a certificate; see ../issue. */
function issue(...words) {
    execFileSync(path.join(__dirname, '..', 'issue'), [dir, ...words]);
}

function thumbprint(name, hash) {
    return crypto.createHash(hash).update(new crypto.X509Certificate(read(`${name}.pem`)).raw).digest('hex');
}

function azimuth(...words) {
    const said = execFileSync(env.AZIMUTH, ['hub', 'certificate', ...words, '--data', env.HUB_DATA],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return said.trim() ? JSON.parse(said) : null;
}

/** A connected device that shows what `issue` made under that name. */
/** Who is refused hangs up: over AMQP he would ask for a second link yet, which may be granted later. */
async function openWith(name, deviceId, over = transport) {
    const client = Client.fromConnectionString(`HostName=${host};DeviceId=${deviceId};x509=true`, over);
    client.setOptions({ cert: read(`${name}.chain.pem`), key: read(`${name}.key`) });
    try {
        return await openClient(client);
    } catch (error) {
        await client.close();
        throw error;
    }
}

const selfSigned = (primary, secondary) => ({
    authentication: {
        type: 'selfSigned', x509Thumbprint: { primaryThumbprint: primary, secondaryThumbprint: secondary },
    },
});
const byCa = { authentication: { type: 'certificateAuthority' } };

module.exports = { azimuth, byCa, file, issue, openWith, read, selfSigned, thumbprint };
