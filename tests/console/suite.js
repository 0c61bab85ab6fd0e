'use strict';
/* suite.js - one person's morning with the console, case by case. */

const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { barriers, Browser, check, device, eventually, Message, Server, shows } = require('./rig');

const ODD = "odd-:.+%_#*?!(),=@;$'id";
const PRESS = 'press-1.a_b:c!'; // an SDK splits its connection string at ';', and '#' and '+' are no part of a topic
const SCRIPT = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>';
const PICTURES = process.argv.includes('--pictures'), DOCS = path.join(__dirname, '../../docs');
const LONG = process.argv.includes('--long');
const only = process.argv.indexOf('--only'), ONLY = only > 0 ? new RegExp(process.argv[only + 1]) : null;
const server = new Server(), browser = new Browser();
const cases = [];
let me, page, client, twin, sender, connectionString;

function test(name, fn) {
    cases.push([name, fn]);
}

/** Pictures that a page of the documentation shows. */
function documented() {
    const pages = fs.readdirSync(DOCS, { recursive: true }).filter((name) => name.endsWith('.md'));
    return new Set(pages.flatMap((name) => fs.readFileSync(path.join(DOCS, name), 'utf8').match(/console-[\w-]+\.png/g) ?? []));
}

const SHOWN = PICTURES ? documented() : new Set();

/** In 256 colours where it goes into the binary with the documentation. */
async function picture(name, scheme = 'light', p = page) {
    const file = `console-${name}-${scheme}.png`, shown = SHOWN.has(file), to = path.join(shown ? path.join(DOCS, 'pictures') : process.env.CONSOLE_WORK, file);
    await p.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await p.screenshot({ path: to });
    if (shown) execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', to, to]);
    await p.emulateMedia({ colorScheme: 'light' });
}

async function noBarriers(name, p = page) {
    const found = await barriers(p);
    await p.emulateMedia({ colorScheme: 'dark' });
    found.push(...await barriers(p, ['color-contrast']));
    check(!found.length, `${name}: ${found.join('; ')}`);
    await p.emulateMedia({ colorScheme: 'light' });
}

function tab(name) {
    return page.getByRole('navigation', { name: 'Device' }).getByRole('link', { name }).click();
}

async function type(text) {
    const editor = page.locator('.cm-content');
    await editor.click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(text);
}

test('a_link_signs_in_once', async () => {
    await page.goto(server.ready.console);
    await page.getByRole('heading', { name: 'First steps' }).waitFor();
    check(!page.url().includes('token'), 'the token stays in the address');
    const other = await browser.person();
    await other.page.goto(server.ready.console);
    await other.page.getByText('this link was used').waitFor();
    await noBarriers('sign-in', other.page);
    await other.context.close();
});

test('home_shows_how_the_hub_is', async () => {
    const ingest = page.locator('.tile', { hasText: 'Ingest' }).locator('.value');
    await eventually('ingest moves', async () => /[1-9]/.test(await ingest.textContent()));
    await page.locator('.uplot canvas').waitFor();
    await page.locator('.tile', { hasText: 'Certificate' }).getByText(/of the server, left/).waitFor();
    await page.locator('.tile', { hasText: 'Connected' }).getByText(/of \d+ devices, \d+ connections/).waitFor();
    const talkers = page.getByRole('region', { name: 'Who sends most' });
    await talkers.getByRole('link', { name: 'sensor-2' }).waitFor();
    await talkers.getByRole('button', { name: 'Bytes' }).click();
    await shows(talkers, 'azimuth devices --top 8 --by bytes', ['/admin/v1/talkers?by=bytes&top=8']);
    await talkers.getByRole('button', { name: 'Messages' }).click();
    await talkers.getByText('Do this from a shell').click();
    if (PICTURES) await page.waitForTimeout(15000);
    await noBarriers('home');
    await picture('home');
    await picture('home', 'dark');
});

test('keys_lead_to_the_pages', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('heading', { name: 'Devices' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await eventually('/ leads to the query', () => page.getByLabel('Query', { exact: true }).evaluate((e) => e === document.activeElement));
    await page.locator('h1').click();
});

test('a_device_of_every_odd_character_is_made', async () => {
    await page.getByRole('button', { name: 'New device' }).click();
    await page.getByLabel('Device id').fill(ODD);
    await page.getByText('Do this from a shell').last().click();
    const line = await page.getByLabel('command').last().textContent();
    check(line === `azimuth hub device-identity create -d '${ODD.replace("'", `'\\''`)}'`, `the command line is ${line}`);
    await noBarriers('new device');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('dialog', { name: `${ODD} is there` }).waitFor();
    connectionString = await page.locator('dialog pre').textContent();
    await page.getByRole('button', { name: 'Open the device' }).click();
    await page.getByRole('heading', { name: ODD }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: ODD }).waitFor();
    await page.getByRole('button', { name: 'Show Connection string, primary key' }).click();
    await page.getByText(connectionString, { exact: true }).waitFor();
});

test('that_a_device_is_not_deleted_is_said_where_one_looks', async () => {
    const refuse = (route) => (route.request().method() === 'DELETE' ? route.abort() : route.fallback());
    await page.route('**/devices/**', refuse);
    await page.getByRole('button', { name: 'Delete…' }).click();
    const sure = page.getByRole('dialog', { name: `Delete ${ODD}?` });
    await sure.getByRole('button', { name: 'Delete', exact: true }).click();
    await sure.getByRole('alert').getByText('the server cannot be reached').waitFor();
    await noBarriers('a device that is not deleted');
    await sure.getByRole('button', { name: 'Keep' }).click();
    await page.unroute('**/devices/**', refuse);
});

test('an_empty_list_says_why_it_is_empty', async () => {
    await page.goto(`${server.base}devices?q=Sensor-`);
    await page.getByText('No device id begins with Sensor-; capitals and small letters are not the same.').waitFor();
    await noBarriers('no device');
    await page.goto(`${server.base}devices?q=${encodeURIComponent("tags.line = 'none'")}`);
    await page.getByText('No device is like that.').waitFor();
    await page.goto(`${server.base}provisioning?of=enrollmentGroups`);
    await page.getByText('A group lets any number of devices register by themselves').waitFor();
});

test('its_telemetry_moves_and_scripts_in_it_do_not_run', async () => {
    await server.run('hub', 'device-identity', 'create', '-d', PRESS);
    client = await device(server, await server.run('connection-string', '--device-id', PRESS));
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}`);
    await page.getByRole('heading', { name: PRESS }).waitFor();
    let n = 0;
    sender = setInterval(() => {
        const m = new Message(JSON.stringify({ temperature: 20 + Math.sin(n / 5) * 3, n: ++n, note: SCRIPT, [SCRIPT]: 1 }));
        m.contentType = 'application/json';
        m.contentEncoding = 'utf-8';
        m.properties.add(SCRIPT, SCRIPT);
        client.sendEvent(m, () => {});
    }, 100);
    await tab('Live');
    const first = page.locator('.event-line').first();
    await first.waitFor();
    const before = await first.textContent();
    await eventually('the list moves', async () => (await first.textContent()) !== before);
    check((await first.textContent()).includes('onerror'), 'what the device sent is not shown as text');
    await first.click();
    await page.locator('.event-more').first().waitFor();
    await page.locator('.uplot canvas').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await noBarriers('device, live');
    await picture('device-live');
    await page.waitForTimeout(600);
    const held = await page.locator('.event-line').first().textContent();
    await page.waitForTimeout(600);
    check(await page.locator('.event-line').first().textContent() === held, 'a paused list moves');
    await page.getByRole('button', { name: 'Go on' }).click();
    await eventually('the list goes on', async () => (await page.locator('.event-line').first().textContent()) !== held);
});

test('live_shows_all_devices_and_what_is_asked_for', async () => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /Live/ }).click();
    await page.locator('.event-line', { hasText: 'sensor-' }).first().waitFor();
    await page.locator('.event-line', { hasText: PRESS }).first().waitFor();
    await page.getByLabel('Containing').fill('temperature');
    await page.getByRole('button', { name: 'Pause' }).click();
    await noBarriers('live');
    await picture('live');
    await picture('live', 'dark');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByLabel('Containing').fill('');
    await page.getByLabel('Device', { exact: true }).fill('sensor-1');
    await page.keyboard.press('Enter');
    await page.locator('h1').click();
    await eventually('only one device', async () => {
        const ids = await page.locator('.event-line .id').allTextContents();
        return ids.length > 0 && ids.every((id) => id === 'sensor-1');
    });
});

test('the_twin_is_edited_and_the_device_follows', async () => {
    twin = await client.getTwin();
    const wanted = [];
    twin.on('properties.desired', (d) => wanted.push(d));
    await new Promise((resolve, reject) => {
        twin.properties.reported.update({ interval: 5, fw: { version: '2.0.4' }, note: SCRIPT }, (e) => (e ? reject(e) : resolve()));
    });
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/twin`);
    await page.getByRole('rowheader', { name: 'fw.version' }).waitFor();
    await type('{"interval":10,"fw":{"version":"2.1"},"limits":{"max":80}}');
    await page.getByText('PATCH', { exact: true }).waitFor();
    const patch = await page.locator('.patch code').textContent();
    check(patch === '{"properties":{"desired":{"interval":10,"fw":{"version":"2.1"},"limits":{"max":80}}}}', patch);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await eventually('the device is told', () => wanted.some((d) => d.interval === 10 && d.limits?.max === 80));
    await page.getByRole('row', { name: /interval/ }).getByText('pending').waitFor();
    await noBarriers('twin');
    await picture('twin');
    await picture('twin', 'dark');
});

test('a_property_may_have_any_name', async () => {
    const odd = '{"__proto__":{"a":1},"constructor":2,"toString":{"__proto__":3}}';
    const keys = ['__proto__.a', 'constructor', 'toString.__proto__'];
    const show = () => server.run('hub', 'device-twin', 'show', '-d', 'sensor-2', '-o', 'json');
    await page.goto(`${server.base}devices/sensor-2/twin`);
    await type(odd);
    await page.locator('.patch code').getByText(`{"properties":{"desired":${odd}}}`).waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    for (const name of keys) await page.getByRole('rowheader', { name, exact: true }).waitFor();
    check(JSON.stringify(JSON.parse(await show()).properties.desired).startsWith(odd.slice(0, -1)), 'the hub has other properties');
    await type('{"__proto__":{"a":7}}');
    await page.locator('.patch code').getByText('{"properties":{"desired":{"constructor":null,"toString":null,"__proto__":{"a":7}}}}').waitFor();
    await type('{}');
    await page.locator('.patch code').getByText('{"properties":{"desired":{"__proto__":null,"constructor":null,"toString":null}}}').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('rowheader', { name: '__proto__.a' }).waitFor({ state: 'detached' });
    check(!(await show()).includes('__proto__'), 'it is not removed');
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/twin`);
    await page.getByRole('rowheader', { name: 'interval' }).waitFor();
});

test('two_who_edit_one_twin_see_each_other', async () => {
    await type('{"interval":11,"fw":{"version":"2.1"},"limits":{"max":80}}');
    await server.run('hub', 'device-twin', 'update', '-d', PRESS, '--desired', '{"limits":{"max":90}}');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody else changed this twin meanwhile.').waitFor();
    check((await page.locator('.notice pre').textContent()).includes('90'), 'what they changed is not shown');
    await noBarriers('conflict');
    await page.getByRole('button', { name: 'Apply my change to theirs' }).click();
    await page.getByText('Saved.').waitFor();
    const now = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', PRESS, '-o', 'json')).properties.desired;
    check(now.interval === 11 && now.limits.max === 90, `desired is ${JSON.stringify(now)}`);
});

test('that_a_method_would_not_arrive_is_said_before_it_is_called', async () => {
    const link = page.getByRole('note', { name: 'Connection' });
    await link.waitFor();
    const text = await link.textContent();
    check(/^MQTT · azure-iot-device\/.* · from 127\.0\.0\.1:\d+ · since /.test(text), `the connection is ${text}`);
    await page.goto(`${server.base}devices/sensor-2/methods`);
    await page.getByText('sensor-2 is connected, but does not listen to direct methods.').waitFor();
    await page.getByText('set a method handler in the client').waitFor();
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/methods`);
    await page.getByLabel('Method').waitFor();
});

test('a_twin_goes_back_to_what_it_was', async () => {
    const show = async () => JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', PRESS, '-o', 'json')).properties.desired;
    const written = page.getByRole('region', { name: 'What was written' });
    await tab('Twin');
    await server.run('hub', 'device-twin', 'update', '-d', PRESS, '--desired', '{"interval":99}');
    await written.getByRole('row', { name: /"interval":99/ }).getByText('as it is now').waitFor();
    const sides = page.getByRole('region', { name: 'Properties' });
    await sides.getByRole('row', { name: /^interval 99 5 pending .* by (azimuth.sock|policy )/ }).waitFor();
    await sides.getByRole('row', { name: /^note .* by the device/ }).waitFor();
    const before = JSON.parse(await server.run('hub', 'device-twin', 'history', '-d', PRESS, '-o', 'json'))[1].version;
    await written.getByRole('button', { name: `Undo to v${before}` }).click();
    check((await written.locator('.patch code').textContent()) === '{"properties":{"desired":{"interval":11}}}', 'another patch');
    await noBarriers('history of a twin');
    await written.scrollIntoViewIfNeeded();
    await picture('twin-history');
    await server.run('hub', 'device-twin', 'update', '-d', PRESS, '--desired', '{"other":1}');
    await written.getByRole('button', { name: `Go back to v${before}` }).click();
    await page.getByText('Somebody else changed this twin meanwhile.').waitFor();
    await page.getByRole('button', { name: 'Apply my change to theirs' }).click();
    await written.getByText(`What v${before} had is written over what was written meanwhile.`).waitFor();
    const now = await show();
    check(now.interval === 11 && now.other === 1, `desired is ${JSON.stringify(now)}`);
});

test('a_method_is_called', async () => {
    client.onDeviceMethod('reboot', (request, response) => response.send(207, { took: request.payload.delay, note: SCRIPT }, () => {}));
    await eventually('the device listens', () =>
        server.run('hub', 'invoke-device-method', '-d', PRESS, '--mn', 'reboot', '--mp', '{"delay": 1}').then(() => true, () => false));
    await tab('Methods');
    await page.getByLabel('Method').fill('reboot');
    await page.getByLabel('Payload').fill('{"delay": 3}');
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page.locator('.call', { hasText: '"took": 3' }).getByText('status 207').waitFor();
    await noBarriers('methods');
    await picture('methods');
    await page.goto(`${server.base}devices/${encodeURIComponent(ODD)}/methods`);
    await page.getByText('is not connected. A call ends').waitFor();
    await page.getByLabel('Method').fill('reboot');
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page.getByRole('alert').waitFor();
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/methods`);
    await page.getByRole('heading', { name: PRESS }).waitFor();
});

test('a_message_reaches_the_device', async () => {
    const got = new Promise((resolve) => { client.on('message', (m) => { client.complete(m, () => {}); resolve(m); }); });
    await tab('Messages');
    await page.getByLabel('Body').fill('{"on":true}');
    await page.getByLabel('Properties').fill('{"level":"high","line":"7"}');
    await shows(page.locator('form'), "azimuth device c2d-message send -d 'press-1.a_b:c!' --data '{\"on\":true}' --properties 'level=high;line=7'", ['POST', '"line":"7"']);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Accepted as').waitFor();
    const m = await got;
    check(m.getData().toString() === '{"on":true}' && m.properties.getValue('level') === 'high', 'the device got something else');
    await noBarriers('messages');
});

test('what_waits_for_a_device_is_seen_and_one_message_dropped', async () => {
    const send = (...more) => server.run('device', 'c2d-message', 'send', '-d', 'sensor-3', '--mid', ...more);
    for (let i = 1; i <= 17; i++) await send(`m${i}`, '--data', i === 1 ? SCRIPT : `body ${i}`);
    await page.goto(`${server.base}devices/sensor-3/messages`);
    const waits = page.getByRole('region', { name: 'Messages that wait' });
    const rows = waits.locator('tbody tr');
    await eventually('a page of sixteen', async () => (await rows.count()) === 16);
    check((await rows.first().textContent()).includes(SCRIPT), 'the body is not shown as text');
    await waits.getByRole('button', { name: 'More' }).click();
    await eventually('the seventeenth', async () => (await rows.count()) === 17);
    await noBarriers('queue');
    await page.locator('#main').evaluate((e) => { e.scrollTop = 0; });
    await picture('queue');
    await waits.getByRole('button', { name: 'Drop message 2', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Do this from a shell').click();
    check((await dialog.getByLabel('command').textContent()) === 'azimuth device c2d-message delete -d sensor-3 -s 2', 'another command');
    check(/-X DELETE \S+\/admin\/v1\/devices\/sensor-3\/messages\/2 /.test(await dialog.getByLabel('curl').textContent()), 'another curl');
    await dialog.getByRole('button', { name: 'Drop', exact: true }).click();
    await page.getByText('Message 2 went.').waitFor();
    await eventually('sixteen again', async () => (await rows.count()) === 16);
    const drop = waits.getByRole('button', { name: 'Drop all that wait…' }), all = page.getByRole('dialog', { name: 'Drop all that waits for sensor-3?' });
    await drop.click();
    await shows(all, 'azimuth device c2d-message purge -d sensor-3', ['DELETE', '/devices/sensor-3/commands?']);
    await all.getByRole('button', { name: 'Keep' }).click();
    await all.waitFor({ state: 'detached' });
    check((await rows.count()) === 16, 'they went unasked');
    await drop.click();
    await noBarriers('drop all');
    await all.getByRole('button', { name: 'Drop all', exact: true }).click();
    await page.getByText('16 went.').waitFor();
    await eventually('none', async () => (await rows.count()) === 0);
});

require('./live')(test, { server, browser, page: () => page, client: () => client, noBarriers, picture, PRESS, SCRIPT });
require('./rollouts')(test, { server, page: () => page, client: () => client, noBarriers, picture, PRESS, SCRIPT });
require('./shell')(test, { server, page: () => page });
require('./charts')(test, { server, page: () => page, tab, noBarriers, picture, PRESS, SCRIPT });
require('./flow')(test, { server, page: () => page, noBarriers, picture, PRESS, SCRIPT });
require('./settings')(test, { server, browser, page: () => page, noBarriers, picture, PRESS });
require('./users')(test, { server, browser, page: () => page, noBarriers, picture });
require('./docs')(test, { server, browser, page: () => page, noBarriers });
require('./oidc')(test, { browser, noBarriers });
require('./attention')(test, { server, page: () => page, noBarriers, picture });
require('./connect')(test, { server, page: () => page, tab, noBarriers, picture, PRESS, SCRIPT });

require('./fleet')(test, { server, browser, page: () => page, noBarriers, picture, LONG, PRESS, SCRIPT });

test('devices_are_asked_for_and_changed_together', async () => {
    await page.goto(`${server.base}devices`);
    await page.getByRole('link', { name: ODD }).waitFor();
    await noBarriers('devices');
    await picture('devices');
    await picture('devices', 'dark');
    await page.getByLabel('Query', { exact: true }).fill('sensor-');
    await page.getByRole('button', { name: 'Run' }).click();
    await eventually('three devices', async () => (await page.locator('.grid-row').count()) === 3);
    await page.getByLabel('Choose sensor-2').check();
    await page.getByLabel('Choose sensor-3').check();
    await page.getByRole('button', { name: 'Disable…' }).click();
    await page.getByRole('dialog', { name: 'Disable 2 devices?' }).waitFor();
    await page.locator('dialog').getByText('Do this from a shell').click();
    check((await page.locator('dialog').getByLabel('command').textContent()).startsWith('for id in sensor-2 sensor-3; do azimuth '), 'the command is another one');
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByRole('dialog', { name: 'Disable 2 devices?' }).waitFor({ state: 'detached' }); // it says "disabled", too, and takes what is typed
    await eventually('two are disabled', async () => (await page.getByText('disabled', { exact: false }).count()) >= 2);
    await page.getByLabel('Query', { exact: true }).fill("properties.desired.interval = 11");
    await page.getByRole('button', { name: 'Run' }).click();
    await eventually('one device', async () => (await page.locator('.grid-row').count()) === 1);
    await page.getByLabel('Query', { exact: true }).fill('SELECT COUNT() AS n FROM devices');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('columnheader', { name: 'n', exact: true }).waitFor();
    await page.getByLabel('Query', { exact: true }).fill('deviceId = ');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('alert').waitFor();
});

test('a_fleet_is_scrolled_page_by_page', async () => {
    const lines = Array.from({ length: 700 }, (_, i) => JSON.stringify({ id: `fleet-${String(i).padStart(4, '0')}`, importMode: 'create' }));
    const file = path.join(process.env.CONSOLE_WORK, 'fleet.txt');
    fs.writeFileSync(file, `${lines.join('\n')}\n`);
    await server.run('hub', 'device-identity', 'import', '--file', file);
    await page.goto(`${server.base}devices?q=fleet-`);
    await page.getByRole('link', { name: 'fleet-0000' }).waitFor();
    await eventually('the end of the list', async () => {
        await page.locator('.grid-body').evaluate((e) => { e.scrollTop = e.scrollHeight; });
        return page.getByRole('link', { name: 'fleet-0699' }).isVisible();
    });
    const drawn = await page.locator('.grid-row').count();
    check(drawn < 80, `${drawn} rows are drawn at once`);
});

require('./hostile')(test, { server, browser, page: () => page, client: () => client, noBarriers, LONG, ODD, PRESS, SCRIPT });

test('a_session_that_ends_loses_nothing_that_was_typed', async () => {
    await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/messages`);
    await page.getByLabel('Body').fill('half a thought');
    await page.evaluate(async () => {
        const s = await (await fetch('/admin/v1/session')).json();
        await fetch('/admin/v1/session', { method: 'DELETE', headers: { 'x-azimuth-csrf': s.csrf } });
    });
    const again = page.getByRole('dialog', { name: 'Sign in again' });
    await again.waitFor();
    await again.getByRole('button', { name: 'Connection string' }).click();
    await again.getByLabel(/Connection string/).fill(await server.run('connection-string'));
    await again.getByRole('button', { name: 'Sign in' }).click();
    await again.waitFor({ state: 'detached' });
    check(await page.getByLabel('Body').inputValue() === 'half a thought', 'what was typed is gone');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Accepted as').waitFor();
});

test('a_policy_signs_in_with_its_rights_and_no_more', async () => {
    const other = await browser.person();
    await other.page.goto(server.base);
    await other.page.getByRole('button', { name: 'Connection string' }).click();
    await other.page.getByLabel(/Connection string/).fill(await server.run('connection-string', '--policy', 'registryRead'));
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.getByText('policy registryRead').waitFor();
    await other.page.goto(`${server.base}devices/sensor-1`);
    await other.page.getByRole('heading', { name: 'Identity' }).waitFor();
    check(await other.page.getByRole('button', { name: 'Delete…' }).count() === 0, 'who reads may delete');
    await other.page.goto(`${server.base}devices`);
    await other.page.getByRole('alert').waitFor(); // queries need ServiceConnect
    check(await other.page.getByRole('dialog').count() === 0, 'whoever lacks a right is asked to sign in');
    await other.page.getByRole('button', { name: 'Sign out' }).click();
    await other.page.getByLabel('User', { exact: true }).waitFor();
    check(!other.faults.length, other.faults.join('; '));
    await other.context.close();
});

test('a_phone_reads_it_too', async () => {
    const phone = await browser.person({ viewport: { width: 390, height: 844 } });
    await phone.page.goto(await server.link());
    for (const where of ['', 'devices', `devices/${encodeURIComponent(ODD)}`]) {
        await phone.page.goto(server.base + where);
        await phone.page.locator('h1').first().waitFor();
        const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
        check(wide <= 390, `${where || 'home'} is ${wide} pixels wide`);
    }
    await noBarriers('phone', phone.page);
    await phone.context.close();
});

test('nothing_broke_the_policy_and_no_script_of_a_device_ran', async () => {
    check(!me.faults.length, me.faults.join('; '));
    check(await page.evaluate(() => window.ran) === undefined, 'a script has run');
});

async function main() {
    let passed = 0, failed = 0;
    await Promise.all([server.start(), browser.start()]);
    me = await browser.person();
    page = me.page;
    const chosen = cases.filter(([name]) => !ONLY || name === 'a_link_signs_in_once' || ONLY.test(name));
    for (const [name, fn] of chosen) {
        const began = Date.now();
        try {
            await fn();
            check(await page.evaluate(() => window.ran) === undefined, 'a script of a device has run');
            passed++;
            console.log(`ok ${name} # ${Date.now() - began} ms`);
        } catch (e) {
            failed++;
            console.log(`not ok ${name} # ${e.message.replaceAll('\n', ' ').slice(0, 1500)}`);
            await page.screenshot({ path: path.join(process.env.CONSOLE_WORK, `failed-${name}.png`) }).catch(() => {});
            if (name === 'a_link_signs_in_once') break;
        }
    }
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed ? 1 : 0;
}

main().catch((e) => {
    console.log(`not ok console # ${e.stack}\n0 passed, 1 failed`);
    process.exitCode = 1;
}).finally(async () => {
    clearInterval(sender);
    await client?.close().catch(() => {});
    await browser.stop();
    server.stop();
    process.exit();
});
