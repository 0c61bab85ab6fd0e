'use strict';
/* rig.js - a server, a browser and a device for the cases, and what every page is held to. */

const { execFile, spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const tls = require('tls');
const { promisify } = require('util');
const { chromium } = require('playwright-core');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const WAIT_MS = 60000; // the longest that something may take to come: on a busy machine everything takes ten times as long
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { AZIMUTH, CHROMIUM, CONSOLE_WORK } = process.env;

class Server {
    /** `azimuth dev` with nothing on disk, unless options say otherwise, and on ports that are free. */
    async start(...options) {
        const where = options.includes('--data') ? [] : ['--ephemeral', '--events', 'all'];
        const ports = ['--mqtt-port', '0', '--amqp-port', '0', '--https-port', '0', '--console', '127.0.0.1:0'];
        this.process = spawn(AZIMUTH, ['dev', ...where, ...ports, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
        this.log = fs.createWriteStream(path.join(CONSOLE_WORK, 'server.log'));
        this.process.stderr.pipe(this.log);
        const lines = readline.createInterface({ input: this.process.stdout });
        await new Promise((resolve, reject) => {
            this.process.once('exit', () => reject(new Error('the server ended; see server.log')));
            lines.on('line', (line) => {
                if (!line.startsWith('{"event":"ready"')) return;
                this.ready = JSON.parse(line);
                resolve();
            });
        });
        this.base = this.ready.console.split('#')[0];
    }

    async run(...words) {
        return (await promisify(execFile)(AZIMUTH, [...words, '--data', this.ready.data])).stdout.trim();
    }

    link() {
        return this.run('console', 'link');
    }

    stop() {
        this.process.kill('SIGKILL');
    }
}

/** A device on the SDK; the port stands where an SDK lets one name it. */
async function device(server, connectionString) {
    const text = connectionString.replace(/;GatewayHostName=[^;]*/, '') + `;GatewayHostName=localhost:${server.ready.mqtt}`;
    const client = Client.fromConnectionString(text, Mqtt);
    await client.setOptions({ ca: fs.readFileSync(server.ready.ca, 'utf8') });
    await client.open();
    return client;
}

function field(text) {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** A CONNECT of MQTT as no SDK would send it; answers the CONNACK's return code. */
async function knock(server, { clientId, userName, password }) {
    const body = Buffer.concat([field('MQTT'), Buffer.from([4, 0xc2, 0, 60]), field(clientId), field(userName), field(password)]);
    const size = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
    const socket = tls.connect({ port: server.ready.mqtt, host: 'localhost', ca: fs.readFileSync(server.ready.ca) });
    const answer = await new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('closed without an answer')));
        socket.once('data', resolve);
        socket.write(Buffer.concat([Buffer.from([0x10, ...size]), body]));
    });
    socket.destroy();
    return answer[3];
}

class Browser {
    async start() {
        const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
        if (process.env.CONSOLE_DIST) args.push('--disable-features=LocalNetworkAccessChecks');
        this.browser = await chromium.launch({ executablePath: CHROMIUM, args });
    }

    /** For whoever works on the pages: those of CONSOLE_DIST instead of the binary's, under the same policy. */
    async fromDisk(context) {
        await context.route('**/console/**', async (route) => {
            const name = new URL(route.request().url()).pathname.replace('/console/', '');
            const file = path.join(process.env.CONSOLE_DIST, name);
            const body = fs.existsSync(file) && fs.statSync(file).isFile() ? file : path.join(process.env.CONSOLE_DIST, 'index.html');
            const { headers } = await route.fetch({ method: 'HEAD' });
            const type = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }[path.extname(body)] ?? 'text/html';
            await route.fulfill({ path: body, contentType: type, headers: { 'content-security-policy': headers['content-security-policy'] ?? '' } });
        });
    }

    /** A person: own cookies; what breaks a rule is kept in `faults`. */
    async person(options = {}) {
        const context = await this.browser.newContext({ viewport: { width: 1280, height: 720 }, colorScheme: 'light', ...options });
        context.setDefaultTimeout(WAIT_MS);
        const faults = [];
        await context.addInitScript(() => {
            addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`));
        });
        if (process.env.CONSOLE_DIST) await this.fromDisk(context);
        context.on('weberror', (e) => faults.push(`error: ${e.error().message}`)); // of windows that it opens, too
        context.on('console', (m) => {
            if (/policy/i.test(m.text()) && m.type() === 'error') faults.push(m.text());
        });
        const page = await context.newPage();
        return { context, page, faults };
    }

    stop() {
        return this.browser?.close();
    }
}

/** What a screen reader's user, a keyboard or bad eyes would stumble over. */
async function barriers(page, only = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']) {
    await page.evaluate(AXE);
    const found = await page.evaluate((runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), only);
    return found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')} ${v.nodes[0].any[0]?.message ?? ''}`);
}

function check(good, text) {
    if (!good) throw new Error(text);
}

async function eventually(what, fn, ms = WAIT_MS) {
    for (const end = Date.now() + ms; ;) {
        const got = await fn();
        if (got) return got;
        if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
}

/** The lines for a shell in `part`: the command, and a curl that has each of `words`. */
async function shows(part, command, words = []) {
    const same = part.locator('details.same').last();
    if (!await same.evaluate((e) => e.open)) await same.locator('summary').click();
    const said = await same.getByLabel('command').textContent();
    check(said === command, `the command line is ${said}`);
    const curl = words.length ? await same.getByLabel('curl').textContent() : '';
    for (const word of words) check(curl.includes(word), `there is no ${word} in ${curl}`);
}

module.exports = { barriers, Browser, check, device, eventually, knock, Message, Server, shows };
