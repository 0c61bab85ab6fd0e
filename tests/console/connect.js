'use strict';
/* connect.js - why devices are refused: a device's tab Connect, and the page Refused. */

const crypto = require('crypto');
const { check, eventually, knock, shows } = require('./rig');

module.exports = (test, { server, page: current, noBarriers, picture, PRESS, SCRIPT }) => {
    /* With the name of an SDK that has a script in it, and a signature that nobody made. */
    function attempt(id) {
        const sr = encodeURIComponent(`${server.ready.hostname}/devices/${id}`);
        return knock(server, {
            clientId: id,
            userName: `${server.ready.hostname}/${id}/?api-version=2021-04-12&DeviceClientType=${encodeURIComponent(SCRIPT)}`,
            password: `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent('bm90aGluZyBvZiB0aGlzIGlzIHRydWUgYXQgYWxsISE=')}&se=4102444800`,
        });
    }

    test('why_a_device_is_refused_is_seen_as_it_happens', async () => {
        const page = current();
        await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/connect`);
        await page.getByRole('region', { name: 'Doctor' }).getByRole('status').waitFor();
        await page.getByLabel('Program text').waitFor();
        check(await attempt(PRESS) !== 0, 'a wrong key is good enough');
        const first = page.locator('.attempt', { hasText: 'C133' });
        await first.waitFor();
        check((await first.textContent()).includes('onerror'), 'the name of the SDK is not shown as text');
        await page.locator('.ladder .failed', { hasText: 'credential' }).waitFor();
        await page.getByRole('navigation', { name: 'SDK' }).getByRole('button', { name: 'Python' }).click();
        const program = await page.getByLabel('Program text').textContent();
        check(program.includes('IoTHubDeviceClient') && program.includes('SharedAccessKey=…'), `the program is ${program}`);
        await page.getByRole('navigation', { name: 'SDK' }).getByRole('button', { name: 'azimuth' }).click();
        const line = await page.getByLabel('Program text').textContent();
        check(line === `azimuth device simulate -d '${PRESS}' --existing --rate 1`, `the command line is ${line}`);
        await page.getByRole('navigation', { name: 'SDK' }).getByRole('button', { name: 'Python' }).click();
        check((await page.getByLabel('Trust text').textContent()).includes(server.ready.ca), 'where the CA is, is not said');
        check(await page.getByRole('region', { name: 'Hosts and ports' }).getByText(String(server.ready.mqtt)).count() === 1, 'the port is not there');
        await noBarriers('device, connect');
        await page.locator('#main').evaluate((e) => { e.scrollTop = 0; });
        await picture('connect');
    });

    test('a_device_that_comes_and_goes_is_called_flapping', async () => {
        const page = current(), id = 'restless';
        await server.run('hub', 'device-identity', 'create', '-d', id);
        await page.goto(`${server.base}devices/${id}`);
        await page.getByRole('heading', { name: id }).waitFor();
        const text = await server.run('connection-string', '--device-id', id), key = Buffer.from(/SharedAccessKey=([^;]+)/.exec(text)[1], 'base64');
        const sr = encodeURIComponent(`${server.ready.hostname}/devices/${id}`), se = Math.floor(Date.now() / 1000) + 3600;
        const sig = encodeURIComponent(crypto.createHmac('sha256', key).update(`${sr}\n${se}`).digest('base64'));
        for (let i = 0; i < 6; i++) { // each end is an end without a goodbye, or a takeover
            check(await knock(server, { clientId: id, userName: `${server.ready.hostname}/${id}/?api-version=2021-04-12`,
                password: `SharedAccessSignature sr=${sr}&sig=${sig}&se=${se}` }) === 0, 'the device is refused');
        }
        await page.getByText('It comes and goes: cut off').waitFor();
        await noBarriers('device, flapping');
        await page.getByRole('status').getByRole('link', { name: 'Connect' }).click();
        await page.locator('.attempt', { hasText: /C164|C160/ }).first().waitFor();
        await page.goto(`${server.base}devices`);
        await page.getByRole('button', { name: 'Flapping' }).click();
        const list = page.getByRole('region', { name: 'Flapping' });
        await list.getByRole('row', { name: /^restless [3-6] .*C16[04]/ }).waitFor();
        await noBarriers('flapping');
        await shows(page.locator('#main'), 'azimuth devices --flapping --since 1h');
        await page.getByRole('button', { name: /^Show .* as a query$/ }).click();
        await page.locator('.grid-row').getByRole('link', { name: id }).waitFor();
        const asked = await page.getByLabel('Query', { exact: true }).inputValue();
        check(/^deviceId IN \[.*'restless'.*\]$/.test(asked), `the query is ${asked}`);
        await server.run('hub', 'device-identity', 'delete', '-d', id);
    });

    test('the_list_says_by_what_a_device_is_connected_and_why_it_was_refused', async () => {
        const page = current(), row = (id) => page.locator('.grid-row', { hasText: id });
        await server.run('hub', 'device-identity', 'create', '-d', 'gateway-2', '--ee', 'true');
        await server.run('hub', 'device-identity', 'create', '-d', 'child-2');
        await server.run('hub', 'device-identity', 'parent', 'set', '-d', 'child-2', '--pd', 'gateway-2');
        await attempt('child-2');
        await page.goto(`${server.base}devices?q=${encodeURIComponent(`deviceId IN ['child-2', '${PRESS}']`)}`);
        await row(PRESS).getByText(/^MQTT azure-iot-device\//).waitFor();
        await row('child-2').getByText('gateway-2', { exact: true }).waitFor();
        await noBarriers('devices, via and last error');
        await row('child-2').getByRole('link', { name: /^C133 sas-signature/ }).click();
        await page.locator('.attempt', { hasText: 'C133' }).waitFor();
        for (const id of ['child-2', 'gateway-2']) await server.run('hub', 'device-identity', 'delete', '-d', id);
    });

    test('the_refused_are_listed_as_they_come', async () => {
        const page = current();
        await page.goto(`${server.base}refused`);
        const rows = page.locator('.refused tbody tr');
        await rows.filter({ hasText: PRESS }).waitFor();
        for (const id of ['nobody-4', 'nobody-3', 'nobody-2', 'nobody-1']) await attempt(id);
        await attempt(SCRIPT);
        await rows.filter({ hasText: 'nobody-1' }).waitFor();
        await rows.filter({ hasText: 'img src' }).first().waitFor();
        await page.getByText(/\d ids were refused for C140 unknown-id within 5 minutes/).waitFor();
        await rows.filter({ hasText: 'nobody-1' }).getByRole('button', { name: 'More' }).click();
        await noBarriers('refused');
        await picture('refused');
        await page.getByLabel('Cause').selectOption('C140');
        await eventually('one cause alone', async () => {
            const texts = await rows.allTextContents();
            return texts.length > 0 && texts.every((t) => t.includes('C140'));
        });
        await page.getByText('Do this from a shell').click();
        const line = await page.getByLabel('command').textContent();
        check(line === 'azimuth why --refused --cause C140', `the command line is ${line}`);
        await rows.first().getByRole('link').click();
        await page.getByRole('heading', { name: 'nobody-1' }).waitFor();
        await page.getByRole('region', { name: 'Doctor' }).locator('.attempt', { hasText: 'C140' }).first().waitFor();
        await noBarriers('a device that is none');
        await page.goBack();
        await rows.filter({ hasText: 'nobody-1' }).waitFor();
        check(await page.getByLabel('Cause').inputValue() === 'C140', 'the cause is forgotten');
        await page.goForward();
        await page.getByRole('link', { name: 'Create the device nobody-1…' }).click();
        const form = page.getByRole('dialog', { name: 'New device' });
        check(await form.getByLabel('Device id').inputValue() === 'nobody-1', 'its id is not there');
        await form.getByRole('button', { name: 'Close' }).click();
    });
};
