'use strict';
/* flow.js - routes and endpoints: how they stand, and why a message went where it went. */

const { check, eventually } = require('./rig');

module.exports = (test, { server, page: current, noBarriers, picture, PRESS, SCRIPT }) => {
    test('where_messages_go_is_seen', async () => {
        const page = current();
        await server.run('eventhub', 'create', '-n', 'hot', '-p', '1');
        await server.run('hub', 'message-endpoint', 'create', 'eventhub', '--en', 'hot', '--entity-path', 'hot');
        await server.run('hub', 'message-endpoint', 'create', 'mqtt', '--en', 'plant', '--url', 'mqtt://localhost:1');
        await server.run('hub', 'message-route', 'create', '--rn', 'warm', '-t', 'DeviceMessages', '--en', 'hot', '-c', '$body.temperature > 0');
        await server.run('hub', 'message-route', 'create', '--rn', 'alarms', '-t', 'DeviceMessages', '--en', 'plant', '-c', "level = 'critical'");
        await page.goto(`${server.base}flow`);
        const row = (name) => page.getByRole('region', { name: 'Endpoints' }).getByRole('row', { name: new RegExp(`^${name} `) });
        await eventually('what went to an endpoint is counted', async () => Number((await row('hot').locator('td').nth(2).textContent()).replace(/\D/g, '')) > 0);
        await eventually('an endpoint fails, and says why', async () => /unhealthy.*nobody listens there/.test(await row('plant').textContent()));
        const cell = async (name, column) => {
            const heads = await page.getByRole('region', { name: 'Endpoints' }).getByRole('columnheader').allTextContents();
            return row(name).locator('th, td').nth(heads.indexOf(column)).textContent();
        };
        await eventually('how fast an endpoint gets messages is told', async () => /^[\d.\u202f]*[1-9].*\/s$/.test(await cell('hot', 'delivered/s')));
        await eventually('how often an endpoint fails is told', async () => /^\d.*\/s$/.test(await cell('plant', 'failures/s')));
        check(/^(–|[\d.\u202f]+ s)$/.test(await cell('plant', 'behind')), 'how far behind an endpoint is reads neither as seconds nor as not known');
        await page.getByRole('region', { name: 'Picture' }).getByText('alarms').waitFor();
        const along = page.getByRole('list', { name: 'Routes' }).getByRole('listitem').filter({ hasText: 'warm' }).locator('b');
        await eventually('what flows along a route is told', async () => /^[1-9].*\/s$/.test(await along.textContent()));
        await page.getByRole('list', { name: 'Endpoints' }).getByRole('listitem').filter({ hasText: 'plant' }).getByText(/unhealthy/).waitFor();
        await noBarriers('flow');
        await picture('flow');
    });

    test('a_message_is_explained', async () => {
        const page = current();
        await page.getByLabel('The last message of').fill(PRESS);
        await page.getByRole('button', { name: 'Explain' }).click();
        const told = page.getByRole('region', { name: 'Explain a message' });
        await told.getByText('It went to').waitFor();
        check((await told.getByLabel('Message', { exact: true }).textContent()).includes(SCRIPT.slice(0, 10)), 'the message is not shown');
        check(/warm.*takes it.*hot/.test(await told.getByRole('row', { name: /^warm/ }).textContent()), 'the route that took it is not named');
        check(/not to be said/.test(await told.getByRole('row', { name: /^alarms/ }).textContent()), 'why the other did not is not said');
        await noBarriers('flow, a message explained');
        await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/live`);
        await page.getByRole('link', { name: 'Where its last message went, and why' }).click();
        await told.getByText('It went to').waitFor();
        await page.reload();
        await told.getByText('It went to').waitFor();
        await picture('explain');
        for (const name of ['warm', 'alarms']) await server.run('hub', 'message-route', 'delete', '--rn', name);
        for (const name of ['hot', 'plant']) await server.run('hub', 'message-endpoint', 'delete', '--en', name);
        await page.getByText('There is no route').waitFor();
    });
};
