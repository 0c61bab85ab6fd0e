'use strict';
/* tpm_kit.js - a TPM of one's own for each device: Debian's swtpm, as tss.js can reach it.
 *
 * tss.js wants the framing of Microsoft's simulator on two TCP ports: a handshake, commands with a locality
 * and a length, acknowledgements, power on. swtpm takes the bare commands of a TPM. Between both stands the
 * relay below, which adds and removes that framing and nothing else. */

const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { until } = require('./check');
const { remove } = require('./remove');

const SEND_COMMAND = 8;
const HANDSHAKE = 15;
const COMMAND_HEAD = 9; /* what it is, locality, length */

const word = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
};

/** Calls `take` with what has come so far, as long as it returns how much of it is done with. */
function onBytes(socket, take) {
    let bytes = Buffer.alloc(0);
    socket.on('data', (more) => {
        bytes = Buffer.concat([bytes, more]);
        for (let done; (done = take(bytes)) > 0;) bytes = bytes.subarray(done);
    });
    socket.on('error', () => {});
}

/** The port for commands. An answer of a TPM has its length in its third to sixth byte. */
function relayCommands(client, place) {
    const tpm = net.connect(place);
    onBytes(tpm, (bytes) => {
        if (bytes.length < 6 || bytes.length < bytes.readUInt32BE(2)) return 0;
        const size = bytes.readUInt32BE(2);
        client.write(Buffer.concat([word(size), bytes.subarray(0, size), word(0)]));
        return size;
    });
    onBytes(client, (bytes) => {
        if (bytes.length < 8) return 0;
        if (bytes.readUInt32BE(0) === HANDSHAKE) {
            client.write(Buffer.concat([word(1), word(0), word(0)])); /* version, properties, done */
            return 8;
        }
        if (bytes.readUInt32BE(0) !== SEND_COMMAND || bytes.length < COMMAND_HEAD) return 0;
        const size = bytes.readUInt32BE(5);
        if (bytes.length < COMMAND_HEAD + size) return 0;
        tpm.write(bytes.subarray(COMMAND_HEAD, COMMAND_HEAD + size));
        return COMMAND_HEAD + size;
    });
    client.on('close', () => tpm.destroy());
}

/** The port for power: everything is done at once. */
function relayPower(client) {
    onBytes(client, (bytes) => {
        if (bytes.length < 4) return 0;
        client.write(word(0));
        return 4;
    });
}

function listen(port, serve) {
    return new Promise((resolve, reject) => {
        const server = net.createServer(serve);
        server.on('error', reject);
        server.listen(port, '127.0.0.1', () => resolve(server));
    });
}

/** Two free ports, one behind the other: tss.js wants them so. */
async function listenTwice(commands, power) {
    for (;;) {
        const first = await listen(0, commands);
        try {
            await listen(first.address().port + 1, power);
            return first.address().port;
        } catch {
            first.close();
        }
    }
}

const answers = (place) => new Promise((resolve) => {
    const probe = net.connect(place, () => {
        probe.destroy();
        resolve(true);
    });
    probe.on('error', () => resolve(false));
});

function isThere() {
    try {
        execFileSync('swtpm', ['--version'], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
}

/** Starts a TPM that nobody has used; the port at which tss.js finds it. It ends with this program. */
async function startTpm() {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-tpm-'));
    const place = path.join(dir, 'socket');
    const program = spawn('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${dir}`, '--server', `type=unixio,path=${place}`,
        '--flags', 'not-need-init'], { stdio: 'ignore' });
    process.on('exit', () => {
        program.kill();
        remove(dir);
    });
    await until('swtpm listens', () => answers(place));
    return listenTwice((client) => relayCommands(client, place), relayPower);
}

module.exports = { isThere, startTpm };
