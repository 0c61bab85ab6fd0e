'use strict';
/* own_server.js - a server of the cases' own, which they may kill: `azimuth serve` on its standard
 * ports at an address where nobody else is. */

const { execFile, spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { promisify } = require('util');
const { skip } = require('./check');
const { env } = require('./hub');
const { remove } = require('./remove');

class OwnServer {
    /** `words` are more options of `azimuth serve`; `sameCa`: it has the CA of the hub under test, which service
     * SDKs trust. */
    constructor(words = [], sameCa = false) {
        if (!env.HUB_SPARE_HOST) skip('one server has the standard ports of this machine');
        this.host = env.HUB_SPARE_HOST;
        this.words = words;
        this.log = []; // its lines so far
        this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'azimuth-own-'));
        if (sameCa) {
            for (const file of ['ca.pem', 'ca.key']) {
                fs.copyFileSync(path.join(path.dirname(env.HUB_CA), file), path.join(this.data, file));
            }
        }
        process.on('exit', () => this.#end());
    }

    /** Starts it, or starts it again, and waits until it is ready. */
    async start() {
        this.process = spawn(env.AZIMUTH, ['serve', '--data', this.data, '--hostname', this.host, '--bind',
            env.HUB_SPARE_ADDRESS, '--console', 'off', ...this.words], { stdio: ['ignore', 'pipe', 'pipe'] });
        readline.createInterface({ input: this.process.stderr }).on('line', (line) => {
            this.log.push(line);
            console.error(line);
        });
        for await (const line of readline.createInterface({ input: this.process.stdout })) {
            this.ca = fs.readFileSync(JSON.parse(line).ca, 'utf8');
            return;
        }
        throw new Error('the server ended before it was ready');
    }

    async kill() {
        if (this.process.exitCode !== null || this.process.signalCode !== null) return;
        const ended = new Promise((resolve) => { this.process.once('exit', resolve); });
        this.process.kill('SIGKILL');
        await ended;
    }

    #end() {
        if (this.process) this.process.kill('SIGKILL');
        remove(this.data);
    }

    /** What `azimuth WORDS` prints: this server has a CA of its own, which the SDKs of services do not ask for. */
    async azimuth(...words) {
        return (await promisify(execFile)(env.AZIMUTH, [...words, '--data', this.data])).stdout.trim();
    }

    /** The bodies of all events of a device, as the command line counts and reads them. */
    async bodies(deviceId) {
        const [, hub] = /EntityPath=([^;]+)/.exec(await this.azimuth('connection-string', '--event-hub'));
        const { matched } = JSON.parse(await this.azimuth('hub', 'replay', '--source-event-hub', hub, '-n', 'nowhere', '-d', deviceId,
            '--dry-run', '-o', 'json'));
        const lines = await this.azimuth('hub', 'monitor-events', '--from', 'beginning', '-d', deviceId, '--count', String(matched),
            '--timeout', '60', '-o', 'jsonl');
        return lines.split('\n').map((line) => String(JSON.parse(line).event.payload));
    }
}

module.exports = { OwnServer };
