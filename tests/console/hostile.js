'use strict';
/* hostile.js - what a page must bear: every odd character, bodies that are no JSON, scripts in names, sessions that end in the
 * middle, links that break, tabs that sleep. */

const path = require('path');
const { pathToFileURL } = require('url');
const { barriers, check, eventually, Message } = require('./rig');

const PAGES = ['', 'devices', 'live', 'explore', 'flow', 'refused', 'rollouts', 'rollouts?of=jobs', 'provisioning', 'settings'];
const TABS = ['', 'live', 'charts', 'twin', 'methods', 'messages', 'modules', 'history', 'connect'];
const source = (name) => import(pathToFileURL(path.join(__dirname, '../../console/src', name)));
const KEY = "<img/src=x/onerror=window['ran']=1>"; // a name of a property: no dot, no blank, no $

module.exports = (test, { server, browser, page: now, client, noBarriers, LONG, ODD, PRESS, SCRIPT }) => {
    const at = (id, tab) => `${server.base}devices/${encodeURIComponent(id)}${tab && `/${tab}`}`;
    const long = (name, fn) => { if (LONG) test(name, fn); };
    let page;

    /** Nothing on the page says that something is wrong. */
    async function stands(p, name) {
        const alerts = await p.getByRole('alert').allTextContents();
        check(!alerts.length, `${name}: ${alerts.join('; ')}`);
    }

    test('an_id_of_every_odd_character_stands_on_every_page', async () => {
        page = now();
        await page.goto(at(ODD, ''));
        for (const name of ['Live', 'Charts', 'Twin', 'Methods', 'Messages', 'Modules', 'History', 'Connect', 'Overview']) {
            await page.getByRole('navigation', { name: 'Device' }).getByRole('link', { name }).click();
            await page.getByRole('navigation', { name: 'Device' }).locator('[aria-current]', { hasText: name }).waitFor();
            await page.getByRole('heading', { name: ODD }).waitFor();
            check(decodeURIComponent(new URL(page.url()).pathname).includes(ODD), `${name}: the address is ${page.url()}`);
            await stands(page, name);
        }
        await page.goto(`${server.base}explore?d=${encodeURIComponent(ODD)}`);
        await page.getByText(ODD).first().waitFor();
        await stands(page, 'explore');
        await page.goto(`${server.base}devices?q=${encodeURIComponent(ODD.slice(0, -2))}`);
        await page.getByRole('link', { name: ODD }).click();
        await page.getByRole('heading', { name: ODD }).waitFor();
        await page.goto(`${server.base}live`);
        await page.getByLabel('Device', { exact: true }).fill(ODD);
        await page.keyboard.press('Enter');
        await stands(page, 'live');
        await page.goto(`${server.base}flow`);
        await page.getByLabel('The last message of').fill(ODD);
        await page.getByRole('button', { name: 'Explain' }).click();
        await page.getByText(`${ODD} has sent nothing in the last hour`).waitFor();
    });

    test('bodies_that_are_no_json_are_shown_as_what_they_are', async () => {
        await page.goto(at(PRESS, 'live'));
        await page.getByLabel('Beginning').selectOption('now'); // what is read back is sampled
        await page.locator('.event-line').first().waitFor();
        await page.getByLabel('Containing').fill('mark-7');
        const send = (body) => new Promise((resolve, reject) => {
            const m = new Message(body);
            m.properties.add('of', 'mark-7');
            client().sendEvent(m, (e) => (e ? reject(e) : resolve()));
        });
        await send('{"temperature": 1, "text": "no end');
        await send(Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
        await send(`{"temperature":7,"big":"${'x'.repeat((255 << 10) - 200)}"}`);
        const lines = page.locator('.event-line');
        await eventually('all three', async () => (await lines.count()) === 3);
        await page.getByText('256 bytes, not text').waitFor();
        await lines.first().click();
        await page.getByText(/The first part of .* bytes/).waitFor();
        await page.getByRole('button', { name: 'Pause' }).click();
        await noBarriers('bodies that are no JSON');
        await page.goto(at(PRESS, 'charts'));
        await page.locator('.uplot canvas').first().waitFor();
        await stands(page, 'charts');
    });

    test('names_that_a_device_chooses_are_text', async () => {
        const twin = await new Promise((resolve, reject) => { client().getTwin((e, t) => (e ? reject(e) : resolve(t))); });
        await new Promise((resolve, reject) => {
            twin.properties.reported.update({ [KEY]: { deep: SCRIPT } }, (e) => (e ? reject(e) : resolve()));
        });
        await page.goto(at(PRESS, 'twin'));
        await page.getByRole('rowheader', { name: `${KEY}.deep` }).waitFor();
        await page.goto(`${server.base}devices?q=${encodeURIComponent(PRESS)}&c=${encodeURIComponent(`properties.reported.${KEY}.deep`)}`);
        await page.getByRole('columnheader', { name: KEY }).waitFor();
        await page.getByText(SCRIPT).first().waitFor();
        await page.getByRole('button', { name: 'Columns…' }).click();
        await page.getByRole('dialog').getByText(KEY, { exact: false }).first().waitFor();
        await page.keyboard.press('Escape');
        const module = ODD.slice(0, 20);
        await server.run('hub', 'module-identity', 'create', '-d', PRESS, '-m', module);
        await page.goto(at(PRESS, 'modules'));
        await page.getByRole('article', { name: module }).getByRole('button', { name: 'More' }).click();
        await page.getByLabel(`Twin of ${module}`).waitFor();
        await stands(page, 'modules');
        await server.run('hub', 'module-identity', 'delete', '-d', PRESS, '-m', module);
        check(await page.evaluate(() => window.ran) === undefined, 'a script has run');
    });

    test('names_that_all_objects_have_are_names_like_others', async () => {
        const { read } = await source('fleet/read.js'), { patchOf, rowsOf } = await source('merge.js');
        const [one] = read('deviceId,constructor,tags.constructor.prototype.ran,tags.toString,tags.__proto__.ran\nd1,x,1,2,\n').rows;
        check({}.ran === undefined && Object.prototype.ran === undefined, 'a file has changed what all objects have');
        check(JSON.stringify(one.entry.tags) === '{"constructor":{"prototype":{"ran":1}},"toString":2}', JSON.stringify(one.entry));
        const [bad] = read('deviceId,tags.__proto__.ran\nd1,1\n').rows;
        check(bad.problems.length === 1 && {}.ran === undefined, JSON.stringify(bad));
        check(JSON.stringify(patchOf({ constructor: 1, a: 1 }, { a: 1 })) === '{"constructor":null}', 'what is taken away');
        check(JSON.stringify(patchOf({ a: 1 }, { a: 1, toString: { b: 1 } })) === '{"toString":{"b":1}}', 'what is added');
        check(rowsOf({ properties: { desired: { valueOf: 1 }, reported: {} } })[0].state === 'waiting', 'a row');
    });

    test('what_a_device_says_beside_its_message_is_text', async () => {
        await page.goto(`${at(PRESS, 'live')}?from=now`);
        await page.locator('.event-line').first().waitFor();
        await page.getByLabel('Containing').fill('mark-8');
        await new Promise((resolve, reject) => {
            const m = new Message('{"mark":"mark-8"}');
            Object.assign(m, { messageId: SCRIPT, correlationId: SCRIPT, contentType: SCRIPT, contentEncoding: SCRIPT });
            client().sendEvent(m, (e) => (e ? reject(e) : resolve()));
        });
        await page.locator('.event-line').first().click();
        const text = await page.getByLabel('Properties').textContent();
        check(text.split('onerror').length > 4, `it is not there: ${text}`);
        await stands(page, 'live');
    });

    test('a_session_that_ends_under_a_dialog_loses_nothing', async () => {
        await page.goto(`${server.base}devices?q=sensor-`);
        await page.getByLabel('Choose sensor-1').check();
        await page.getByRole('button', { name: 'Twin or tags…' }).click();
        const form = page.getByRole('dialog', { name: 'Twin or tags of 1 devices' }), tags = form.getByRole('textbox', { name: /^Tags/ });
        await tags.fill('{"thought":"half"}');
        await page.evaluate(async () => {
            const s = await (await fetch('/admin/v1/session')).json();
            await fetch('/admin/v1/session', { method: 'DELETE', headers: { 'x-azimuth-csrf': s.csrf } });
            // At once: what the page asks for by itself may find out first, and open the other dialog above this one.
            document.querySelector('dialog[open] button[type=submit]').click();
        });
        const again = page.getByRole('dialog', { name: 'Sign in again' });
        await again.getByRole('button', { name: 'Connection string' }).click();
        await again.getByLabel(/Connection string/).fill(await server.run('connection-string'));
        await again.getByRole('button', { name: 'Sign in' }).click();
        await again.waitFor({ state: 'detached' });
        check(await tags.inputValue() === '{"thought":"half"}', 'what was typed is gone');
        await form.getByRole('button', { name: 'Do it to 1' }).click();
        await form.getByText('completed').waitFor();
        await form.getByRole('button', { name: 'Close', exact: true }).last().click();
    });

    test('a_link_that_breaks_goes_on_where_it_was', async () => {
        const other = await browser.person(), links = [];
        await other.page.routeWebSocket(/admin\/v1\/live/, (ws) => {
            ws.connectToServer();
            links.push(ws);
        });
        await other.page.goto(await server.link());
        await other.page.goto(at(PRESS, 'live'));
        await other.page.getByLabel('Beginning').selectOption('now');
        const seen = new Set();
        const read = async () => {
            for (const text of await other.page.locator('.event-line code').allTextContents()) {
                const n = /"n":(\d+)/.exec(text);
                if (n) seen.add(Number(n[1]));
            }
            return seen.size;
        };
        await eventually('events come', async () => (await read()) > 5);
        const before = Math.max(...seen);
        await links.at(-1).close({ code: 1011 });
        await eventually('it is up again', () => links.length > 1);
        await eventually('and goes on', async () => (await read(), Math.max(...seen) > before + 8));
        for (let n = before; n < before + 8; n++) check(seen.has(n), `${n} is missing: ${[...seen].sort((a, b) => a - b).join(' ')}`);

        await other.page.evaluate(() => {
            Object.defineProperty(document, 'hidden', { value: true, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        });
        const asleep = Math.max(...seen);
        await other.page.evaluate(() => {
            const real = Date.now;
            Date.now = () => real() + 120000;
            delete document.hidden;
            document.dispatchEvent(new Event('visibilitychange'));
        });
        await other.page.getByText(/this page slept: what came then is not shown/).waitFor();
        await eventually('it shows what comes now', async () => (await read(), Math.max(...seen) > asleep + 5));
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    long('two_administrators_in_two_browsers_merge_one_twin', async () => {
        const other = await browser.person();
        await other.page.goto(await server.link());
        const edit = async (p, text) => {
            await p.goto(at('sensor-1', 'twin'));
            await p.locator('.cm-content').click();
            await p.keyboard.press('Control+a');
            await p.keyboard.insertText(text);
            await p.getByText('PATCH', { exact: true }).waitFor();
        };
        await edit(page, '{"mine":1}');
        await edit(other.page, '{"theirs":2}');
        await other.page.getByRole('button', { name: 'Save' }).click();
        await other.page.getByText('Saved.').waitFor();
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('Somebody else changed this twin meanwhile.').waitFor();
        await page.getByRole('button', { name: 'Apply my change to theirs' }).click();
        await page.getByText('Saved.').waitFor();
        const { desired } = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', 'sensor-1', '-o', 'json')).properties;
        check(desired.mine === 1 && desired.theirs === 2, JSON.stringify(desired));
        await other.context.close();
    });

    long('a_phone_reads_every_page', async () => {
        const phone = await browser.person({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
        await phone.page.goto(await server.link());
        await phone.page.getByRole('navigation', { name: 'Pages' }).waitFor();
        for (const where of [...PAGES, ...TABS.map((t) => `devices/${PRESS}/${t}`)]) {
            await phone.page.goto(server.base + where);
            await phone.page.locator('h1').first().waitFor();
            const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
            check(wide <= 390, `${where || 'home'} is ${wide} pixels wide`);
            if (['', 'devices', `devices/${PRESS}/`].includes(where)) await stands(phone.page, where); // others have something to warn of
            const found = await barriers(phone.page);
            await phone.page.emulateMedia({ colorScheme: 'dark' });
            found.push(...await barriers(phone.page, ['color-contrast']));
            await phone.page.emulateMedia({ colorScheme: 'light' });
            check(!found.length, `${where || 'home'}: ${found.join('; ')}`);
            if (['', 'devices', `devices/${PRESS}/`].includes(where)) await phone.page.screenshot({ path: `${process.env.CONSOLE_WORK}/phone-${where.split('/').length}-${where ? 'd' : 'h'}.png` });
        }
        check(!phone.faults.length, phone.faults.join('; '));
        await phone.context.close();
    });

    long('every_page_stands_at_1280_by_720_light_and_dark', async () => {
        for (const where of [...PAGES, ...TABS.map((t) => `devices/${PRESS}/${t}`)]) {
            await page.goto(server.base + where);
            await page.locator('h1').first().waitFor();
            const wide = await page.evaluate(() => document.documentElement.scrollWidth);
            check(wide <= 1280, `${where || 'home'} is ${wide} pixels wide`);
            await page.emulateMedia({ colorScheme: 'dark' });
            const found = await barriers(page, ['color-contrast']);
            await page.emulateMedia({ colorScheme: 'light' });
            found.push(...await barriers(page));
            check(!found.length, `${where || 'home'}: ${found.join('; ')}`);
        }
    });
};
