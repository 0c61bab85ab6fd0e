'use strict';
/* shell.js - the lines for a shell that pages show are run: whichever directory somebody is in, they reach this server. */

const { execFile } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { check } = require('./rig');

const READS = /^azimuth (devices|why|hub (query|policy list|certificate list|saved-query list|configuration list|job list|device-twin history|module-twin show)|dps \S+( \S+)? list|user list|session list|connection-string|device c2d-message list)\b/;

module.exports = (test, { server, page: now }) => {
    const elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), 'console-shell-'));

    /** {code, out}; `azimuth` is the one that is tested. */
    function bash(line, environment = {}) {
        const env = { PATH: `${path.dirname(process.env.AZIMUTH)}:${process.env.PATH}`, HOME: elsewhere, ...environment };
        return new Promise((resolve) => {
            execFile('bash', ['-c', line], { cwd: elsewhere, env, timeout: 60000, maxBuffer: 16 << 20 }, (e, stdout, stderr) => resolve({ code: e ? e.code ?? 1 : 0, out: stdout, err: stderr }));
        });
    }

    /** The status that a line's curl got. */
    async function answered(line) {
        check(line.startsWith('curl '), line);
        const { out, err } = await bash(line.replace('curl ', "curl -sS -m 30 -o answer -w '%{http_code}' "));
        return { status: Number(out), text: `${line}: ${out} ${err} ${fs.existsSync(path.join(elsewhere, 'answer')) ? fs.readFileSync(path.join(elsewhere, 'answer'), 'utf8').slice(0, 300) : ''}` };
    }

    async function linesOf(page, name) {
        await page.evaluate(() => { for (const d of document.querySelectorAll('details.same')) d.open = true; });
        return page.locator('details.same').getByLabel(name, { exact: true }).allTextContents();
    }

    test('what_reads_is_run_from_a_shell', async () => {
        const page = now(), seen = new Set();
        const places = ['', 'devices', 'devices?q=sensor-', 'refused', 'flow', 'explore', 'provisioning', 'provisioning?of=enrollmentGroups', 'provisioning?of=attempts', 'settings',
            'rollouts', 'rollouts?of=jobs', ...['connect', 'twin', 'messages', 'modules', 'charts'].map((t) => `devices/sensor-1/${t}`)];
        for (const place of places) {
            await page.goto(server.base + place);
            await page.locator('details.same').first().waitFor({ state: 'attached' });
            await page.waitForTimeout(300);
            for (const line of await linesOf(page, 'curl')) {
                if (seen.has(line) || !(line.includes(' -X GET ') || /-X POST \S+(query|series|testall)/.test(line))) continue;
                seen.add(line);
                const { status, text } = await answered(line);
                check(status === 200 || (status === 404 && line.includes('/registrations/')), text);
            }
            for (const line of await linesOf(page, 'command')) {
                if (seen.has(line) || !READS.test(line)) continue;
                seen.add(line);
                const { code, err } = await bash(line, { AZIMUTH_DATA: server.ready.data });
                check(code === 0, `${line}: ${code} ${err}`);
            }
        }
        check(seen.size > 25, `only ${seen.size} lines were run`);
        const hint = await page.locator('details.same p').first().textContent();
        check(hint.includes(`AZIMUTH_DATA=${server.ready.data}`), hint);
    });

    test('what_changes_something_is_run_from_a_shell', async () => {
        const page = now(), run = async (line, wanted) => {
            const { status, text } = await answered(line);
            check(status === wanted, text);
        };
        const last = async (name = 'curl') => (await linesOf(page, name)).at(-1);
        await page.goto(`${server.base}devices?new=shell-1`);
        await page.getByRole('dialog', { name: 'New device' }).waitFor();
        check(await page.getByLabel('Device id').inputValue() === 'shell-1', 'the id is not there');
        await run(await last(), 200);
        await page.goto(`${server.base}devices/shell-1/twin`);
        await page.locator('.cm-content').click();
        await page.keyboard.press('Control+a');
        await page.keyboard.insertText('{"it\'s":"a \\"word\\" $HOME"}');
        await page.getByText('PATCH', { exact: true }).waitFor();
        await run((await linesOf(page, 'curl')).find((l) => l.includes('PATCH')), 200);
        check(JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', 'shell-1', '-o', 'json')).properties.desired["it's"] === 'a "word" $HOME', 'the shell made something else of it');
        await page.goto(`${server.base}devices/shell-1/messages`);
        await page.getByLabel('Body').fill("it's $(id) `id`");
        await run(await last(), 200);
        const [waits] = JSON.parse(await server.run('device', 'c2d-message', 'list', '-d', 'shell-1', '-o', 'json')).value ?? JSON.parse(await server.run('device', 'c2d-message', 'list', '-d', 'shell-1', '-o', 'json'));
        check(waits.body === "it's $(id) `id`", `the message is ${waits.body}`);
        await page.goto(`${server.base}devices/shell-1/methods`);
        await page.getByLabel('Method').fill('reboot');
        await run(await last(), 404); // it is not online
        await page.goto(`${server.base}settings`);
        await page.getByRole('button', { name: 'New user…' }).click();
        const form = page.getByRole('dialog', { name: 'New user' });
        await form.getByRole('textbox', { name: /^Name/ }).fill('shell-user');
        await last();
        const line = await form.getByLabel('curl', { exact: true }).textContent();
        check(line.includes(`--unix-socket ${server.ready.data}/azimuth.sock`), line);
        await run(line.replace('THE-PASSWORD', 'correct horse'), 200);
        check((await server.run('user', 'list')).includes('shell-user'), 'the user is not there');
        await form.getByRole('button', { name: 'Close' }).click();
        await server.run('user', 'delete', 'shell-user');
        await page.goto(`${server.base}devices/shell-1/modules`);
        await page.getByLabel('New module').fill('m1');
        await run(await last(), 200);
        await page.getByRole('button', { name: 'More' }).click();
        await page.getByRole('button', { name: 'Delete…' }).click();
        await run((await linesOf(page, 'curl')).find((l) => l.includes('-X DELETE')), 204);
        await page.goto(`${server.base}devices/shell-1`);
        await page.getByRole('button', { name: 'Delete…' }).click();
        await page.getByRole('dialog').waitFor();
        await run(await last(), 204);
    });
};
