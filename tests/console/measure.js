'use strict';
/* measure.js - `./dev console --measure [--devices N] [--rate N] [--seconds S]`: what each frame costs the page's main thread while a
 * list of a million devices is scrolled, what the page Live costs in the browser while 50 000 events a second come, and what it takes
 * from ingest.
 * By hand, on a machine that nobody else uses: it takes minutes, and judges these three and nothing else. */

const { spawn } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { Browser, eventually, Server } = require('./rig');

const { CONSOLE_WORK, MQTTLOAD } = process.env;
const number = (name, otherwise) => { const i = process.argv.indexOf(name); return i > 0 ? Number(process.argv[i + 1]) : otherwise; };
const DEVICES = number('--devices', 1000000), RATE = number('--rate', 50000), SECONDS = number('--seconds', 10), PUBLISHERS = 100;
const FPS = 60, CORES_MAX = 0.5, INGEST_MIN = 0.95; // of the rate without the page: runs differ by as much
const data = path.join(CONSOLE_WORK, 'measure-data');
const server = new Server(), browser = new Browser();
let passed = 0, failed = 0;

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function judge(good, text) {
    if (good) passed++; else failed++;
    console.log(`${good ? 'ok' : 'not ok'} ${text}`);
}

async function importAll(lines) {
    const file = path.join(CONSOLE_WORK, 'measure.txt');
    const out = fs.createWriteStream(file);
    for (const line of lines) if (!out.write(`${JSON.stringify(line)}\n`)) await new Promise((resolve) => { out.once('drain', resolve); });
    await new Promise((resolve) => { out.end(resolve); });
    await server.run('hub', 'device-identity', 'import', '--file', file, '-o', 'json').catch((e) => { throw new Error(`${e.message} ${e.stdout.slice(0, 1000)}`); });
    fs.rmSync(file);
}

/** The hub holds a million, and some are there: those that `azimuth dev` brings, the publishers. */
function* fleet(there) {
    for (let i = there; i < DEVICES; i++) yield { id: `fleet-${String(i).padStart(7, '0')}`, importMode: 'create', tags: { line: i % 7, site: `plant-${i % 13}` } };
}

/* ---- the list */

/** Scrolls by `step` pixels a frame for so many seconds; how far apart the frames were, and how many had no row. */
function frameTimes(page, from, step, seconds) {
    return page.evaluate(([at, by, s]) => new Promise((resolve) => {
        const box = document.querySelector('.grid-body'), times = [];
        if (at !== null) box.scrollTop = at * box.scrollHeight;
        let before = 0, began = 0, blank = 0;
        const frame = (now) => {
            if (before) times.push(now - before); else began = now;
            before = now;
            blank += !box.querySelector('.grid-row .id');
            box.scrollTop += by;
            if (now - began < s * 1000) requestAnimationFrame(frame);
            else resolve({ times, blank });
        };
        setTimeout(() => requestAnimationFrame(frame), 1500);
    }), [from, step, seconds]);
}

/** Milliseconds of CPU that the page's main thread spent from one frame to the next: on script, style, layout, painting and whatever else. */
function costs(trace) {
    const { traceEvents: all } = JSON.parse(trace), { pid, tid } = all.find((e) => e.name === 'FireAnimationFrame');
    const here = all.filter((e) => e.pid === pid && e.tid === tid).sort((a, b) => a.ts - b.ts);
    const draws = here.filter((e) => e.name === 'FireAnimationFrame').map((e) => e.ts), sums = [];
    for (const task of here.filter((e) => e.name === 'RunTask' && e.ph === 'X')) {
        let begins = false;
        for (; draws.length && draws[0] < task.ts + task.dur; draws.shift()) begins ||= draws[0] >= task.ts;
        if (begins) sums.push(0);
        if (sums.length) sums[sums.length - 1] += (task.tdur ?? task.dur) / 1000;
    }
    return sums.slice(1, -1); // the last is not whole
}

async function scroll(page, from, step, seconds) {
    await browser.browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel'] });
    const frames = await frameTimes(page, from, step, seconds);
    return { ...frames, costs: costs(await browser.browser.stopTracing()) };
}

function quantile(list, q) {
    const sorted = [...list].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** A loaded machine draws fewer frames whatever the page does; what counts is that the page's own part of each fits in. */
function judgeScroll(name, { times, blank, costs: ms }) {
    const at = (list, q) => quantile(list, q).toFixed(1), all = times.reduce((a, b) => a + b, 0);
    judge(quantile(ms, 0.99) < 1000 / FPS, `${name}: the main thread is busy for ${at(ms, 0.5)} ms a frame (p95 ${at(ms, 0.95)}, p99 ${at(ms, 0.99)}, most ${at(ms, 1)}), `
        + `${ms.filter((t) => t > 1000 / FPS).length} of ${ms.length} over ${(1000 / FPS).toFixed(1)}; ${(times.length * 1000 / all).toFixed(1)} frames/s, p95 ${at(times, 0.95)} ms apart, ${blank} without a row`);
}

async function measureList(page) {
    let began = Date.now();
    const session = await page.context().newCDPSession(page);
    const [{ n: there }] = JSON.parse(await server.run('hub', 'query', '-q', 'SELECT COUNT() AS n FROM devices', '-o', 'json'));
    await importAll(fleet(there));
    console.log(`# ${DEVICES} devices imported in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    await page.goto(`${server.base}devices`);
    await page.locator('.grid-row').first().waitFor();
    judgeScroll('the list, while it is loaded', await scroll(page, 0, 120, SECONDS));
    began = Date.now();
    await eventually('the whole list', () => page.evaluate(async (n) => {
        const box = document.querySelector('.grid-body');
        for (const end = Date.now() + 1000; Date.now() < end;) {
            box.scrollTop = box.scrollHeight;
            await new Promise((resolve) => { requestAnimationFrame(resolve); });
        }
        return Number(document.querySelector('.grid').getAttribute('aria-rowcount')) === n + 1;
    }, DEVICES), 3600000);
    console.log(`# all of it looked through in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    for (const [name, from, step] of [['the beginning', 0, 120], ['the middle', 0.5, 120], ['the end, upwards', 1, -120], ['a fling', 0.25, 1200]]) {
        judgeScroll(`the list of ${DEVICES}, ${name}`, await scroll(page, from, step, SECONDS));
    }
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    console.log(`# heap of the page: ${(usedSize / 1048576).toFixed(0)} MB`);
}

/* ---- Live */

function ingested() {
    return new Promise((resolve, reject) => {
        http.get({ socketPath: path.join(server.ready.data, 'azimuth.sock'), path: '/metrics' }, (answer) => {
            let text = '';
            answer.on('data', (d) => { text += d; });
            answer.on('end', () => resolve([...text.matchAll(/^azimuth_d2c_telemetry_ingress_total(?:\{[^}]*\})? (\d+)$/gm)].reduce((n, m) => n + Number(m[1]), 0)));
        }).on('error', reject);
    });
}

async function cpuSeconds(session) {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    return processInfo.reduce((n, p) => n + p.cpuTime, 0);
}

/** Messages a second, and cores of the whole browser, for so many seconds. */
async function watch(session) {
    const [n, cpu, began] = [await ingested(), await cpuSeconds(session), Date.now()];
    await sleep(SECONDS * 1000);
    const s = (Date.now() - began) / 1000;
    return { rate: (await ingested() - n) / s, cores: (await cpuSeconds(session) - cpu) / s };
}

async function startLoad(seconds) {
    const master = crypto.randomBytes(32);
    const key = (id) => crypto.createHmac('sha256', master).update(id).digest('base64');
    await importAll(Array.from({ length: PUBLISHERS }, (_, i) => `dev${String(i).padStart(6, '0')}`).map((id) => ({ id, importMode: 'create',
        authentication: { type: 'sas', symmetricKey: { primaryKey: key(id), secondaryKey: key(id) } } })));
    const words = ['--port', server.ready.mqtt, '--tls', '--azure', server.ready.hostname, '-c', PUBLISHERS, '--qos', 1, '--window', 100, '--rate', RATE, '--duration', seconds,
        '--sas-key', master.toString('base64')];
    return spawn(MQTTLOAD, words.map(String), { stdio: 'ignore' });
}

async function measureLive(page) {
    const load = await startLoad(SECONDS * 3 + 30), session = await browser.browser.newBrowserCDPSession();
    await page.goto('about:blank');
    await eventually('the load', async () => { const n = await ingested(); await sleep(500); return await ingested() - n > RATE / 10; }, 60000);
    const before = await watch(session);
    await page.goto(`${server.base}live`);
    await page.locator('.event-line').first().waitFor();
    await sleep(2000);
    const during = await watch(session);
    await page.goto('about:blank');
    await sleep(1000);
    const after = await watch(session);
    load.kill();
    const without = (before.rate + after.rate) / 2;
    judge(during.cores < CORES_MAX, `Live at ${during.rate.toFixed(0)} events/s: ${(during.cores * 100).toFixed(0)} % of a core in the browser, of which ${((before.cores + after.cores) * 50).toFixed(0)} % without a page`);
    judge(during.rate >= INGEST_MIN * without, `ingest with the page ${during.rate.toFixed(0)}/s, without ${before.rate.toFixed(0)} and ${after.rate.toFixed(0)}`);
    if (without < RATE * 0.95) console.log(`# the generator or the hub reached ${without.toFixed(0)} of ${RATE} events/s on this machine`);
}

async function main() {
    fs.rmSync(data, { recursive: true, force: true });
    await Promise.all([server.start('--data', data), browser.start()]);
    const { page } = await browser.person();
    await page.goto(server.ready.console);
    await page.getByRole('heading', { name: 'First steps' }).waitFor();
    if (RATE) await measureLive(page);
    if (DEVICES) await measureList(page);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed ? 1 : 0;
}

main().catch((e) => {
    console.log(`not ok measure # ${e.stack}\n${passed} passed, ${failed + 1} failed`);
    process.exitCode = 1;
}).finally(async () => {
    await browser.stop();
    server.stop();
    fs.rmSync(data, { recursive: true, force: true });
    process.exit();
});
