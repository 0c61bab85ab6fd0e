'use strict';
/* settings.js - what the server is, keys of policies, and who may register by himself. */

const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const { check, eventually, Server, shows } = require('./rig');

/** What a device asks of DPS; answers the status and the JSON. */
function dps(server, method, path, id, key, body) {
    const sr = `${server.ready.idScope}%2fregistrations%2f${encodeURIComponent(id)}`, se = 4102444800;
    const sig = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${se}`).digest('base64');
    const headers = { authorization: `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${se}&skn=registration`, 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
        const request = https.request({ host: 'localhost', port: server.ready.https, method, path: `/${server.ready.idScope}/registrations/${id}${path}?api-version=2021-06-01`,
            headers, ca: fs.readFileSync(server.ready.ca) }, (answer) => {
            let text = '';
            answer.on('data', (piece) => { text += piece; });
            answer.on('end', () => resolve({ status: answer.statusCode, json: JSON.parse(text) }));
        });
        request.on('error', reject);
        request.end(body && JSON.stringify(body));
    });
}

const KEY = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

module.exports = (test, { server, browser, page: current, noBarriers, picture, PRESS }) => {
    /** Settings of a server of its own, with a folder where an option names one. */
    async function elsewhere(options, fn) {
        const place = fs.mkdtempSync(path.join(os.tmpdir(), 'azm-console-')), other = new Server(), person = await browser.person();
        const words = options.map((word, i) => (i % 2 ? path.join(place, word) : word));
        for (const folder of words.filter((_, i) => i % 2)) fs.mkdirSync(folder);
        try {
            await other.start('--data', path.join(place, 'data'), ...words);
            await person.page.goto(other.ready.console);
            await person.page.getByRole('heading', { name: 'First steps' }).waitFor();
            await person.page.goto(`${other.base}settings`);
            await fn(person.page, other);
            check(!person.faults.length, person.faults.join('; '));
        } finally {
            await person.context.close();
            other.stop();
            fs.rmSync(place, { recursive: true, force: true });
        }
    }

    test('what_the_server_is_can_be_read', async () => {
        const page = current();
        await page.goto(`${server.base}settings`);
        const part = (name) => page.getByRole('region', { name });
        await part('Hub').getByText(server.ready.idScope).waitFor();
        await part('Retention').getByText('1 d', { exact: true }).waitFor();
        await part('Certificates').getByText(/\d{4}-\d\d-\d\d, in/).waitFor();
        await part('Shared access policies').getByRole('row', { name: /^registryRead / }).waitFor();
        await noBarriers('settings');
        await picture('settings');
    });

    test('a_key_of_a_policy_is_shown_and_made_anew', async () => {
        const page = current(), asked = [];
        const note = (request) => { if (request.url().includes('/policies')) asked.push(new URL(request.url()).pathname); };
        page.on('request', note);
        const before = JSON.parse(await server.run('hub', 'policy', 'show', '-n', 'registryRead', '-o', 'json'));
        await page.getByRole('button', { name: 'Keys of registryRead', exact: true }).click();
        const dialog = page.getByRole('dialog', { name: 'Keys of registryRead' });
        await dialog.getByRole('button', { name: 'Show Secondary key' }).click();
        await dialog.getByText(before.secondaryKey, { exact: true }).waitFor();
        await dialog.getByRole('button', { name: 'Show Connection string' }).click();
        await dialog.getByText(await server.run('connection-string', '--policy', 'registryRead'), { exact: true }).waitFor();
        check(asked.join() === '/admin/v1/policies/registryRead', `asked for ${asked}`);
        page.off('request', note);
        await dialog.getByRole('button', { name: 'New secondary key' }).click();
        await dialog.getByText('Do this from a shell').first().click();
        check(await dialog.getByLabel('command').textContent() === 'azimuth hub policy renew-key -n registryRead --renew-key secondary', 'the command line is another');
        await noBarriers('keys of a policy');
        await dialog.getByRole('button', { name: 'Make the secondary key anew' }).click();
        await dialog.getByText('The secondary key is new.').waitFor();
        const now = JSON.parse(await server.run('hub', 'policy', 'show', '-n', 'registryRead', '-o', 'json'));
        check(now.secondaryKey !== before.secondaryKey && now.primaryKey === before.primaryKey, 'another key was changed');
        await dialog.getByText(now.secondaryKey, { exact: true }).waitFor();
        await dialog.getByRole('button', { name: 'Close' }).click();
    });

    test('a_policy_is_made_and_deleted', async () => {
        const page = current();
        await page.goto(`${server.base}settings`);
        await page.getByRole('button', { name: 'New policy…' }).click();
        const making = page.getByRole('dialog', { name: 'New policy' });
        await making.getByLabel('Name').fill('panel');
        await making.getByLabel('ServiceConnect').check();
        await making.getByText('Do this from a shell').first().click();
        check(await making.getByLabel('command').textContent() === 'azimuth hub policy create -n panel --permissions RegistryRead ServiceConnect', 'the command line is another');
        await noBarriers('new policy');
        await making.getByRole('button', { name: 'Create' }).click();
        await page.getByText('panel is made.').waitFor();
        check(JSON.parse(await server.run('hub', 'policy', 'show', '-n', 'panel', '-o', 'json')).rights === 'RegistryRead, ServiceConnect', 'other rights');
        await page.getByRole('button', { name: 'Delete service', exact: true }).click();
        const kept = page.getByRole('dialog', { name: 'Delete service' });
        await kept.getByRole('button', { name: 'Delete service' }).click();
        await kept.getByText(/policy 'service' cannot be deleted/).waitFor();
        await kept.getByRole('button', { name: 'Keep it' }).click();
        await page.getByRole('button', { name: 'Delete panel', exact: true }).click();
        await page.getByRole('dialog', { name: 'Delete panel' }).getByRole('button', { name: 'Delete panel' }).click();
        await page.getByText('panel is deleted.').waitFor();
        await page.getByRole('row', { name: /^panel / }).waitFor({ state: 'detached' });
    });

    test('a_backup_is_made_where_the_server_may', async () => {
        await current().goto(`${server.base}settings`);
        await current().getByRole('region', { name: 'Backup' }).getByText('A server that is started with').waitFor();
        await elsewhere(['--backup-dir', 'kept'], async (page, other) => {
            const card = page.getByRole('region', { name: 'Backup' });
            await card.getByText('None was made').waitFor();
            await card.getByRole('button', { name: 'Back up now' }).click();
            await card.getByText('Last backup').waitFor();
            const made = await card.locator('dd code').textContent();
            await shows(card, `azimuth backup verify --from ${made}\nazimuth backup restore --from ${made} --data azimuth-restored`);
            check(JSON.parse(await other.run('backup', 'verify', '--from', made, '-o', 'json')).status === 'good', 'it does not verify');
            await card.getByRole('button', { name: 'Back up now' }).waitFor();
            await noBarriers('backup', page);
        });
    });

    test('a_hub_of_azure_comes_in_a_file', async () => {
        await elsewhere([], async (page, other) => {
            const card = page.getByRole('region', { name: 'Import from Azure' }), file = (name, text) => ({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
            await card.getByLabel('File').setInputFiles(file('devices.txt', '{"id":"one"}\n{"id":\n{"id":"one","moduleId":"m","status":"enabled"}\n'));
            await card.getByText(/^line 2/).waitFor();
            await shows(card, 'azimuth import azure-state devices.txt', ['POST', '"id":"one"']);
            await card.getByRole('button', { name: 'Import 2' }).click();
            await card.getByText('The import has ended.').waitFor();
            await card.getByLabel('File').setInputFiles(file('state.json', fs.readFileSync(path.join(__dirname, '../cli/azure-state.json'), 'utf8')));
            await card.getByText('ipFilterRules').waitFor();
            await card.getByRole('button', { name: 'Import 12' }).click();
            await card.getByText(/^The import has ended; 3 were refused/).waitFor();
            for (const what of ['certificate root', 'endpoint by-identity', 'route lost']) await card.getByText(what, { exact: true }).waitFor();
            await noBarriers('import from Azure', page);
            const pump = JSON.parse(await other.run('hub', 'device-identity', 'show', '-d', 'pump-1', '-o', 'json'));
            check(pump.authentication.symmetricKey.primaryKey === KEY, 'the device has another key');
            const twin = JSON.parse(await other.run('hub', 'module-twin', 'show', '-d', 'pump-1', '-m', 'filter', '-o', 'json'));
            check(twin.properties.desired.mesh === 2, 'the module has another twin');
            check(JSON.parse(await other.run('hub', 'message-route', 'list', '-o', 'json')).map((r) => r.name).join() === 'hot', 'the routes');
            check((await other.run('hub', 'module-identity', 'list', '-d', 'one')).includes('"m"'), 'the module of a line');
        });
    });

    test('a_module_is_made_and_deleted', async () => {
        const page = current(), name = "m'1+#";
        await page.goto(`${server.base}devices/sensor-1/modules`);
        await page.getByText('This device has no modules.').waitFor();
        await page.getByLabel('New module').fill(name);
        await page.getByRole('button', { name: 'Create' }).click();
        const module = page.getByRole('article', { name });
        await module.getByRole('button', { name: 'More' }).click();
        await module.getByLabel(`Twin of ${name}`).waitFor();
        await module.getByRole('button', { name: 'Show Connection string' }).click();
        const string = await server.run('connection-string', '-d', 'sensor-1', '-m', name);
        await eventually('the connection string', async () => (await module.locator('.secret code').textContent()) === string);
        const written = module.getByRole('region', { name: 'What was written' });
        for (const mesh of [1, 2]) await server.run('hub', 'module-twin', 'update', '-d', 'sensor-1', '-m', name, '--desired', `{"mesh":${mesh}}`);
        await written.getByRole('row', { name: /"mesh":2/ }).getByText('as it is now').waitFor();
        await written.getByRole('row', { name: /"mesh":1/ }).getByRole('button', { name: /^Undo to v/ }).click();
        const version = /\d+/.exec(await written.getByRole('button', { name: /^Go back to v/ }).textContent())[0];
        await shows(written.getByRole('group', { name: `Undo to v${version}` }), `azimuth hub module-twin undo -d sensor-1 -m 'm'\\''1+#' --to-version ${version}`, ['PATCH', 'If-Match']);
        await noBarriers('modules');
        await picture('modules');
        await written.getByRole('button', { name: `Go back to v${version}` }).click();
        await written.getByText(`Tags and desired properties are those of v${version}.`).waitFor();
        const twin = JSON.parse(await server.run('hub', 'module-twin', 'show', '-d', 'sensor-1', '-m', name, '-o', 'json'));
        check(twin.properties.desired.mesh === 1, `desired is ${JSON.stringify(twin.properties.desired)}`);
        await module.getByRole('button', { name: 'Delete…' }).click();
        await module.getByRole('button', { name: 'Delete it' }).click();
        await page.getByText('This device has no modules.').waitFor();
    });

    test('what_became_of_a_device_is_read_back', async () => {
        const page = current();
        await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/history`);
        const events = page.getByRole('log', { name: 'Events' });
        await events.locator('.event-line', { hasText: 'connection' }).first().waitFor();
        await events.locator('.event-line', { hasText: 'twin' }).first().waitFor();
        check(await events.locator('.event-line', { hasText: 'telemetry' }).count() === 0, 'telemetry is in the history');
        await noBarriers('history');
    });

    test('the_ca_is_there_to_be_taken', async () => {
        const page = current();
        await page.goto(`${server.base}devices/sensor-1/connect`);
        const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'ca.pem' }).click()]);
        check(download.suggestedFilename() === 'ca.pem', download.suggestedFilename());
        check(fs.readFileSync(await download.path(), 'utf8') === fs.readFileSync(server.ready.ca, 'utf8'), 'it is another certificate');
    });

    test('a_device_is_enrolled_and_registers', async () => {
        const page = current();
        await page.goto(`${server.base}provisioning`);
        await page.getByRole('button', { name: 'New enrollment' }).click();
        await page.getByLabel('Registration id').fill('press-77');
        await page.getByLabel('Tags of the twin at first').fill('{"line":"7"}');
        await noBarriers('new enrollment');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('row', { name: /^press-77/ }).waitFor();
        await page.getByRole('button', { name: 'Open press-77' }).click();
        const dialog = page.getByRole('dialog', { name: 'Enrollment press-77' });
        await dialog.getByText('Nobody has registered yet.').waitFor();
        await dialog.getByRole('button', { name: 'Keys' }).click();
        await dialog.getByRole('button', { name: 'Show Primary key' }).click();
        const key = await dialog.locator('.secret code').first().textContent();
        const asked = await dps(server, 'PUT', '/register', 'press-77', key, { registrationId: 'press-77' });
        check(asked.status === 202, JSON.stringify(asked));
        await eventually('it is assigned', async () => (await dps(server, 'GET', `/operations/${asked.json.operationId}`, 'press-77', key)).json.status === 'assigned');
        await dialog.getByRole('button', { name: 'Close' }).click();
        await page.getByRole('button', { name: 'Open press-77' }).click();
        await dialog.getByText('assigned').waitFor();
        await noBarriers('an enrollment');
        await picture('provisioning');
        await dialog.getByRole('button', { name: 'Close' }).click();
        await dps(server, 'PUT', '/register', 'nobody-77', key, { registrationId: 'nobody-77' });
        await page.getByRole('navigation', { name: 'Enrollments' }).getByRole('button', { name: 'Attempts' }).click();
        await page.getByRole('row', { name: /press-77.*press-77 individual, symmetricKey.*assigned/ }).waitFor();
        await eventually('who was refused is there', async () => {
            await page.getByRole('button', { name: 'Look again' }).click();
            return await page.getByRole('row', { name: /nobody-77.*none was found.*refused C17/ }).count() === 1;
        });
        await noBarriers('attempts');
        await picture('attempts');
        await page.getByRole('row', { name: /assigned/ }).getByRole('link', { name: 'press-77' }).click();
        await page.getByRole('heading', { name: 'press-77' }).waitFor();
    });

    test('a_group_is_made_and_deleted', async () => {
        const page = current();
        await page.goto(`${server.base}provisioning`);
        await page.getByRole('button', { name: 'Groups' }).click();
        await page.getByRole('button', { name: 'New group' }).click();
        await page.getByLabel('Group id').fill('line-7');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByRole('button', { name: 'Open line-7' }).click();
        const dialog = page.getByRole('dialog', { name: 'Group line-7' });
        await dialog.getByText('Nobody has registered yet.').waitFor();
        await shows(dialog, 'azimuth dps enrollment-group update --group-id line-7 --provisioning-status disabled', ['PUT', 'If-Match: ', '"provisioningStatus":"disabled"']);
        await dialog.getByRole('button', { name: 'Disable' }).click();
        await page.getByRole('row', { name: /^line-7/ }).getByText('disabled').waitFor();
        await page.getByRole('button', { name: 'Open line-7' }).click();
        await dialog.getByRole('button', { name: 'Delete…' }).click();
        await dialog.getByRole('button', { name: 'Delete it' }).click();
        await page.getByText('There is none yet.').waitFor();
        await noBarriers('provisioning');
    });
};
