'use strict';
/* live.js - events of every kind as they arrive: methods and refusals beside the log, what the address keeps, what does not fit, a tab
 * that was left open for a day. */

const { check, eventually, knock } = require('./rig');

module.exports = (test, { server, browser, page: now, client, noBarriers, picture, PRESS, SCRIPT }) => {
    const lines = (p, kind) => p.locator('.event-line', { has: p.locator(`.kind.${kind}`) });
    const call = (payload) => server.run('hub', 'invoke-device-method', '-d', PRESS, '--mn', 'reboot', '--mp', payload);

    /** Somebody with a signature that nobody made. */
    function attempt(id) {
        const sr = encodeURIComponent(`${server.ready.hostname}/devices/${id}`);
        return knock(server, { clientId: id, userName: `${server.ready.hostname}/${id}/?api-version=2021-04-12&DeviceClientType=${encodeURIComponent(SCRIPT)}`,
            password: `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent('bm90aGluZyBvZiB0aGlzIGlzIHRydWUgYXQgYWxsISE=')}&se=4102444800` });
    }

    test('methods_and_refusals_are_live_too', async () => {
        const page = now();
        await page.goto(`${server.base}live`);
        for (const kind of ['twin', 'lifecycle', 'connection', 'job', 'telemetry']) await page.getByRole('checkbox', { name: kind }).uncheck();
        await eventually('no telemetry', async () => (await lines(page, 'telemetry').count()) === 0);
        await call('{"delay": 4}');
        const method = lines(page, 'method').first();
        await method.waitFor();
        const text = await method.textContent();
        check(text.includes('reboot {"delay": 4} → 207') || text.includes('reboot {"delay":4} → 207'), `the line is ${text}`);
        check(text.includes('onerror'), 'the answer is not shown as text');
        await method.click();
        check((await page.getByLabel('Answer').textContent()).includes('"took": 4'), 'the answer is not shown');
        await method.click();
        await attempt('nobody-9');
        await lines(page, 'refused').filter({ hasText: 'nobody-9' }).first().click();
        const refusal = page.locator('.event-more .attempt');
        await refusal.getByText('C140').first().waitFor();
        check((await refusal.textContent()).includes('onerror'), 'the name of the SDK is not shown as text');
        await noBarriers('live: methods and refusals');
        await picture('live-methods');

        await page.getByRole('checkbox', { name: 'refused' }).uncheck();
        await page.getByLabel('Device', { exact: true }).fill('nobody');
        await page.keyboard.press('Enter');
        await call('{"delay": 5}');
        await page.getByText('Nothing yet. Events appear here as they arrive.').waitFor();
        check((await page.locator('.event-line').count()) === 0, 'another device is shown');
        await page.getByLabel('Device', { exact: true }).fill(PRESS);
        await page.keyboard.press('Enter');
        await page.getByLabel('Beginning').selectOption('-1h');
        await lines(page, 'method').filter({ hasText: '5' }).first().waitFor();
    });

    test('what_is_shown_live_stands_in_the_address', async () => {
        const page = now(), address = page.url();
        check(new URL(address).searchParams.get('device') === PRESS && new URL(address).searchParams.getAll('kinds').join() === 'method', address);
        await page.getByLabel('Containing').fill('"took"');
        await page.keyboard.press('Enter');
        await page.goto(`${server.base}devices`);
        await page.getByRole('heading', { name: 'Devices' }).waitFor();
        await page.goBack();
        await lines(page, 'method').first().waitFor();
        check(await page.getByLabel('Containing').inputValue() === '"took"', 'the text is gone');
        check(!await page.getByRole('checkbox', { name: 'telemetry' }).isChecked(), 'the kinds are gone');
        check(await page.title() === 'Live · azimuth', await page.title());
        const download = page.waitForEvent('download');
        await page.getByRole('button', { name: 'Save as a file' }).click();
        const saved = require('fs').readFileSync(await (await download).path(), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
        check(saved.length > 0 && saved.every((e) => e.kind === 'method' && e.device === PRESS && e.key === undefined), 'the file has something else');
        await page.getByLabel('Containing').fill('no such text');
        await page.getByText(/None of the \d+ that came has “no such text” in it/).waitFor();
        await page.getByLabel('Beginning').selectOption('time');
        await page.getByLabel('Since').waitFor();
        check(/from=\d{4}-\d\d-\d\d/.test(decodeURIComponent(page.url())), page.url());
        await noBarriers('live, since a time');
    });

    test('a_flood_is_sampled_and_the_page_stays_quick', async () => {
        const other = await browser.person(), each = 100, lost = 4900; // what the link makes of 50 000 a second: ten batches of 25 KB
        let n = 0, timer = 0;
        await other.page.routeWebSocket(/admin\/v1\/live/, (ws) => {
            const events = (id) => Array.from({ length: each }, () => ({ kind: 'telemetry', partition: 0, ordinal: ++n, enqueued: new Date().toISOString(),
                device: `d${n % 9}`, size: 90, encoding: 'text', body: `{"n":${n},"text":"${'x'.repeat(70)}"}`, id }));
            ws.onMessage((text) => {
                const m = JSON.parse(text);
                if (m.sub === 'events') timer = setInterval(() => ws.send(JSON.stringify({ id: m.id, batch: events(m.id), next: { 0: n }, lost })), 100);
                if (m.pause) clearInterval(timer);
            });
        });
        await other.page.goto(await server.link());
        await other.page.goto(`${server.base}live`);
        await other.page.getByText(/more came than are shown: the link is sampled/).waitFor();
        await eventually('a thousand are kept', async () => /^1\u202f000 events/.test(await other.page.getByText(/events; the newest 200 are drawn/).textContent()));
        check((await other.page.locator('.event').count()) <= 200, 'too many are drawn');
        const began = Date.now();
        await other.page.getByRole('button', { name: 'Pause' }).click();
        await other.page.getByRole('button', { name: 'Go on' }).waitFor();
        check(Date.now() - began < 5000, `a click took ${Date.now() - began} ms`);
        clearInterval(timer);
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    test('a_tab_that_was_left_open_for_a_day_goes_on', async () => {
        const other = await browser.person();
        await other.page.clock.install();
        await other.page.goto(await server.link());
        await other.page.getByRole('navigation', { name: 'Pages' }).waitFor();
        await other.page.goto(`${server.base}live`);
        await other.page.locator('.event-line').first().waitFor();
        await other.page.clock.fastForward('24:00:00');
        await other.page.getByText(/this page slept: what came then is not shown/).waitFor();
        const first = other.page.locator('.event-line').first(), before = await first.textContent();
        await eventually('the list goes on', async () => (await first.textContent()) !== before);
        check((await other.page.locator('.event').count()) <= 200, 'too many are drawn');
        await other.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /Home/ }).click();
        await other.page.locator('.uplot canvas').waitFor();
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    test('a_session_without_the_right_asks_for_no_link', async () => {
        const other = await browser.person(), asked = [];
        other.page.on('websocket', (ws) => asked.push(ws.url()));
        await other.page.goto(server.base);
        await other.page.getByRole('button', { name: 'Connection string' }).click();
        await other.page.getByLabel(/Connection string/).fill(await server.run('connection-string', '--policy', 'registryRead'));
        await other.page.getByRole('button', { name: 'Sign in' }).click();
        await other.page.getByText('no live figures').waitFor();
        for (const tab of ['live', 'history', 'twin', 'methods']) {
            await other.page.goto(`${server.base}devices/sensor-1/${tab}`);
            await other.page.getByRole('heading', { name: 'sensor-1' }).waitFor();
            if (tab !== 'methods') await other.page.getByText('This session has no ServiceConnect right.').waitFor();
        }
        check(!asked.length, `it asked for ${asked}`);
        await other.context.close();
    });

    test('a_whole_answer_is_shown_where_the_list_has_its_first_part', async () => {
        const page = now();
        client().onDeviceMethod('report', (request, response) => response.send(200, { text: `${'y'.repeat(3000)}end` }, () => {}));
        await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/methods`);
        await page.getByLabel('Method').fill('report');
        await page.getByRole('button', { name: 'Call', exact: true }).click();
        const whole = page.getByRole('region', { name: 'The whole answer' });
        await whole.waitFor();
        check((await whole.locator('pre').textContent()).includes('yyyend'), 'its end is not shown');
        await page.locator('.call', { hasText: 'report' }).getByRole('button', { name: 'Again' }).last().click();
        check(await page.getByLabel('Method').inputValue() === 'report', 'it is not called again');
        await noBarriers('calls');
    });
};
