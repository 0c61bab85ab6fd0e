'use strict';
/* charts.js - numbers over the time that the log keeps: a device's tab Charts, and the page Explore. */

const { check, eventually } = require('./rig');

const SERIES = '**/admin/v1/series';

module.exports = (test, { server, page: current, noBarriers, picture, PRESS, SCRIPT }) => {
    test('what_a_device_has_sent_is_charted', async () => {
        const page = current();
        await page.goto(`${server.base}devices/${encodeURIComponent(PRESS)}/charts`);
        const chart = page.getByRole('region', { name: 'Chart' });
        await chart.locator('.uplot canvas').waitFor();
        await chart.getByText('complete').waitFor();
        const box = page.getByRole('checkbox', { name: SCRIPT });
        await box.waitFor();
        check(await page.getByRole('checkbox', { name: 'note', exact: true }).count() === 0, 'a text is offered as a number');
        await page.getByLabel('Time').selectOption('-15m');
        await page.getByRole('checkbox', { name: 'n', exact: true }).check();
        await eventually('two lines', async () => (await chart.locator('.swatch').count()) === 2);
        await chart.getByText('complete').waitFor();
        await noBarriers('device, charts');
        await picture('charts');
        await chart.getByRole('button', { name: 'Table' }).click();
        const cell = await chart.locator('tbody tr').first().locator('td').nth(1).textContent();
        const [low, mean, high] = cell.split(', ').map(Number);
        check(low >= 17 && low <= mean && mean <= high && high <= 23, `a row of temperatures is ${cell}`);
        await noBarriers('device, charts as a table');
        await chart.getByRole('button', { name: 'Chart' }).click();
        const area = await chart.locator('.u-over').boundingBox();
        await page.mouse.move(area.x + area.width * 0.5, area.y + 60);
        await page.mouse.down();
        await page.mouse.move(area.x + area.width * 0.98, area.y + 80, { steps: 4 });
        await page.mouse.up();
        await eventually('the span is in the address', () => /from=\d+&to=\d+/.test(page.url()));
        await page.reload();
        await chart.locator('.uplot canvas').waitFor();
        check(await page.getByRole('checkbox', { name: 'n', exact: true }).isChecked(), 'the address does not keep what is shown');
    });

    test('what_one_answer_leaves_the_next_goes_on_with', async () => {
        const page = current();
        const answers = await page.evaluate(async () => {
            const { csrf } = await (await fetch('/admin/v1/session')).json();
            const ask = async (body) => (await fetch('/admin/v1/series', {
                method: 'POST', headers: { 'x-azimuth-csrf': csrf, 'content-type': 'application/json' }, body: JSON.stringify(body),
            })).json();
            const to = Date.now() - 2000, from = to - 3600000; // what comes now is not in it
            const first = await ask({ paths: ['temperature'], from, to, buckets: 1 });
            const { next } = first;
            return [first, await ask({ paths: ['temperature'], from, to, next, buckets: 1 }), await ask({ paths: ['temperature'], from, to, buckets: 1 })];
        });
        check(answers[0].complete && answers[0].records > 0, JSON.stringify(answers[0]));
        check(answers[1].complete && answers[1].records === 0, JSON.stringify(answers[1]));
        check(answers[2].records === answers[0].records, `${answers[2].records} and ${answers[0].records} messages in one span`);
    });

    test('names_of_numbers_are_sought_until_there_are_some', async () => {
        const page = current(), founds = [[], ['first'], ['second']];
        let asked = 0;
        await page.route(SERIES, (route) => (route.request().postDataJSON().paths ? route.continue() : route.fulfill({
            json: { from: 1, to: 2, complete: false, next: {}, records: 2000, skipped: 0, bytes: 0, series: [], found: founds[asked++] ?? [] },
        })));
        await page.goto(`${server.base}explore?p=temperature&from=-15m`);
        await page.getByRole('checkbox', { name: 'first', exact: true }).waitFor();
        await page.getByRole('region', { name: 'Chart' }).getByText('complete').waitFor();
        check(asked === 2, `names are asked for ${asked} times`);
        await page.unroute(SERIES);
    });

    test('what_is_followed_is_read_to_its_end', async () => {
        const page = current();
        await page.goto(`${server.base}explore?p=temperature&from=-15m`);
        await page.getByRole('region', { name: 'Chart' }).getByText('complete').waitFor();
        await page.route(SERIES, async (route) => {
            await page.waitForTimeout(6000); // longer than it is until the page looks again
            await route.continue().catch(() => {});
        });
        await page.getByRole('button', { name: 'Follow', exact: true }).click();
        const [answer] = await Promise.all([page.waitForResponse(SERIES), page.getByRole('button', { name: 'Look again' }).click()]);
        check(answer.status() === 200, 'the server refuses');
        await page.getByRole('button', { name: 'Stop following' }).click();
        await page.unroute(SERIES);
    });

    test('devices_are_compared', async () => {
        const page = current();
        await page.goto(`${server.base}explore?p=temperature&from=-15m`);
        const chart = page.getByRole('region', { name: 'Chart' });
        await chart.getByText('complete').waitFor();
        for (const id of [PRESS, 'sensor-1']) {
            await page.getByLabel('Devices').fill(id);
            await page.getByRole('button', { name: 'Add device' }).click();
        }
        await chart.getByText('sensor-1 · temperature').waitFor();
        await chart.getByText(`${PRESS} · temperature`).waitFor();
        const progress = chart.getByText('messages;');
        const before = await progress.textContent();
        await eventually('the chart has more', async () => {
            await page.getByRole('button', { name: 'Look again' }).click();
            return (await progress.textContent()) !== before;
        });
        await chart.getByText('complete').waitFor();
        await noBarriers('explore');
        await picture('explore', 'dark');
        await page.getByRole('button', { name: 'Without sensor-1' }).click();
        await eventually('one line', async () => (await chart.locator('.swatch').count()) === 1);
    });
};
