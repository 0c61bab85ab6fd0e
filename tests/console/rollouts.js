'use strict';
/* rollouts.js - configurations and jobs: what the hub keeps in many twins, and does to many devices. */

const { check, eventually, shows } = require('./rig');

module.exports = (test, { server, page: now, client, noBarriers, picture, PRESS, SCRIPT }) => {
    const row = (name) => now().getByRole('row', { name });

    test('a_configuration_is_made_watched_changed_and_deleted', async () => {
        const page = now();
        await page.keyboard.press('g');
        await page.keyboard.press('u');
        await page.getByRole('heading', { name: 'Rollouts' }).waitFor();
        await page.getByText('There is none yet.').waitFor();
        await page.getByRole('button', { name: 'New configuration…' }).click();
        const form = page.getByRole('dialog', { name: 'New configuration' });
        await form.getByRole('textbox', { name: /^Name/ }).fill('fw-2-1');
        await form.getByLabel('Condition').fill('nonsense (');
        await form.locator('.problem').waitFor(); // before anything is created
        await noBarriers('a condition that is none');
        await form.getByRole('button', { name: 'Create', exact: true }).click();
        await form.getByRole('alert').waitFor();
        await form.getByLabel('Condition').fill("deviceId = 'sensor-1'");
        await form.getByText('1 device has this condition now.').waitFor();
        await form.getByLabel('Content').fill('{"properties.desired.fw": {"version": "2.1"}}');
        const queries = { [`updated ${SCRIPT}`]: 'SELECT deviceId FROM devices WHERE is_defined(properties.reported.fw)' };
        await form.getByLabel('Metrics').fill(JSON.stringify(queries));
        await shows(form, `azimuth hub configuration create -c fw-2-1 -k '{"deviceContent":{"properties.desired.fw":{"version":"2.1"}}}' --tc 'deviceId = '\\''sensor-1'\\''' --pri 10 -m `
            + `'${JSON.stringify({ queries })}'`, ['PUT', '/configurations/fw-2-1']);
        await noBarriers('new configuration');
        await form.getByRole('button', { name: 'Create', exact: true }).click();
        await page.getByText('fw-2-1 is there.').waitFor();
        await row(/fw-2-1/).getByText('1 of 1').waitFor();
        const { desired } = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', 'sensor-1', '-o', 'json')).properties;
        check(desired.fw.version === '2.1', JSON.stringify(desired));
        await noBarriers('rollouts');
        await picture('rollouts');

        await page.getByRole('button', { name: 'Open fw-2-1' }).click();
        const one = page.getByRole('dialog', { name: 'Configuration fw-2-1' });
        await one.getByText(`updated ${SCRIPT}`).waitFor();
        await one.getByLabel('Priority').fill('7');
        await server.run('hub', 'configuration', 'update', '-c', 'fw-2-1', '--pri', '20');
        await one.getByRole('button', { name: 'Save' }).click();
        await one.getByText('Somebody else changed it meanwhile').waitFor();
        await noBarriers('a configuration');
        await one.getByRole('button', { name: 'Save' }).click();
        await page.getByText('fw-2-1 is changed.').waitFor();
        check(JSON.parse(await server.run('hub', 'configuration', 'show', '-c', 'fw-2-1', '-o', 'json')).priority === 7, 'the priority is another one');
        await page.getByRole('button', { name: 'Open fw-2-1' }).click();
        await one.getByRole('button', { name: 'Delete…' }).click();
        await shows(one, 'azimuth hub configuration delete -c fw-2-1', ['DELETE', '/configurations/fw-2-1']);
        await one.getByRole('button', { name: 'Delete it; what it has set stays' }).click();
        await page.getByText('fw-2-1 is deleted.').waitFor();
        await page.getByText('There is none yet.').waitFor();
    });

    test('a_deployment_means_edge_devices_only', async () => {
        const page = now();
        await server.run('hub', 'device-identity', 'create', '-d', 'gateway-1', '--ee', 'true');
        await server.run('hub', 'device-twin', 'update', '-d', 'gateway-1', '--tags', '{"site":"rim"}');
        await server.run('hub', 'device-identity', 'create', '-d', 'leaf-1');
        await server.run('hub', 'device-twin', 'update', '-d', 'leaf-1', '--tags', '{"site":"rim"}');
        await page.goto(`${server.base}rollouts`);
        await page.getByRole('button', { name: 'New configuration…' }).click();
        const form = page.getByRole('dialog', { name: 'New configuration' });
        await form.getByLabel('Condition').fill("tags.site = 'rim' OR deviceId = 'none'");
        await form.getByText('2 devices have this condition now.').waitFor();
        await form.locator('select').selectOption('edge devices');
        await form.getByText('1 edge device has this condition now.').waitFor();
        await form.getByLabel('Condition').fill('*');
        await form.getByText('1 edge device has this condition now.').waitFor();
        await form.getByRole('button', { name: 'Cancel' }).click();
        for (const id of ['gateway-1', 'leaf-1']) await server.run('hub', 'device-identity', 'delete', '-d', id);
    });

    test('a_job_that_leaves_the_list_stays_open', async () => {
        const page = now();
        await server.run('hub', 'job', 'create', '--job-id', 'leaves', '-q', "deviceId = 'sensor-1'", '--jt', 'scheduleUpdateTwin', '--twin-patch', '{"etag":"*","tags":{"left":true}}', '--wait');
        await page.goto(`${server.base}rollouts?of=jobs`);
        await page.getByRole('button', { name: 'Open leaves' }).click();
        const one = page.getByRole('dialog', { name: 'Job leaves' });
        await one.getByText('1 done').waitFor();
        await page.route(/\/jobs\/v2\/query/, (route) => route.fulfill({ json: [] }));
        await page.getByText('There is none yet.').waitFor();
        await one.getByRole('button', { name: 'Close' }).last().click();
        await one.waitFor({ state: 'detached' });
        await page.unroute(/\/jobs\/v2\/query/);
    });

    test('a_job_is_seen_and_done_again_for_those_that_failed', async () => {
        const page = now();
        await page.goto(`${server.base}rollouts`);
        client().onDeviceMethod('restart', (request, response) => response.send(200, null, () => {}));
        await eventually('the device listens', () => server.run('hub', 'invoke-device-method', '-d', PRESS, '--mn', 'restart', '--mp', '{}').then(() => true, () => false));
        await server.run('hub', 'job', 'create', '--job-id', 'restart-all', '-q', `deviceId IN ['sensor-1', '${PRESS}']`, '--jt', 'scheduleDeviceMethod', '--mn', 'restart', '--mp', '{}', '--wait')
            .catch(() => {}); // it says that it failed
        await page.getByRole('navigation', { name: 'Rollouts' }).getByRole('button', { name: 'Jobs' }).click();
        await row(/restart-all/).getByText('completed').or(row(/restart-all/).getByText('failed')).first().waitFor();
        check(page.url().endsWith('?of=jobs'), page.url());
        await noBarriers('jobs');
        await picture('jobs');
        await page.getByRole('button', { name: 'Open restart-all' }).click();
        const one = page.getByRole('dialog', { name: 'Job restart-all' });
        await one.getByRole('row', { name: /sensor-1/ }).waitFor();
        check((await one.getByRole('row').count()) === 2, 'another one failed, too');
        await shows(one, "azimuth hub job create --job-id again -q 'deviceId = '\\''sensor-1'\\''' --jt scheduleDeviceMethod --mn restart --mp '{}' --wait", ['PUT', '/jobs/v2/again']);
        await noBarriers('a job');
        await one.getByRole('button', { name: 'Again for those that failed' }).click();
        await page.getByText('It is done again for 1 devices.').waitFor();
        await eventually('another job', async () => (await page.getByRole('row', { name: /^console-.*sensor-1/ }).count()) === 1);
    });
};
