'use strict';
/* fleet.js - questions with a name, columns, what is done to many devices at once, files of devices, the palette. */

const fs = require('fs');
const { check, eventually } = require('./rig');

module.exports = (test, { server, browser, page: now, noBarriers, picture, LONG, PRESS, SCRIPT }) => {
    let page;
    const rows = () => page.locator('.grid-row');
    const dialog = (name) => page.getByRole('dialog', { name });

    async function ask(text) {
        await page.getByLabel('Query', { exact: true }).fill(text);
        await page.getByRole('button', { name: 'Run' }).click();
    }

    async function tag(id, tags) {
        await server.run('hub', 'device-twin', 'update', '-d', id, '--tags', JSON.stringify(tags));
    }

    async function download(fn) {
        const [file] = await Promise.all([page.waitForEvent('download'), fn()]);
        return fs.readFileSync(await file.path(), 'utf8');
    }

    test('a_query_has_a_name_and_columns_for_all_who_sign_in', async () => {
        page = now();
        for (const id of ['sensor-1', 'sensor-2']) await tag(id, { line: '4', note: `=1+1 ${SCRIPT}` });
        await page.goto(`${server.base}devices`);
        await ask("tags.line = '4'");
        await eventually('two devices', async () => (await rows().count()) === 2);
        await page.getByText('2 of ', { exact: false }).first().waitFor();
        await page.getByRole('button', { name: 'Columns…' }).click();
        await page.getByRole('button', { name: 'Remove properties.reported' }).click();
        await page.getByLabel('Path of another column').fill('tags.line');
        await page.getByRole('button', { name: 'Add' }).click();
        await page.getByRole('button', { name: '+ note' }).click();
        await noBarriers('columns');
        await page.getByRole('button', { name: 'Show these' }).click();
        await page.getByRole('columnheader', { name: 'line', exact: true }).waitFor();
        await page.getByRole('button', { name: 'Save as…' }).click();
        await page.getByLabel('Name').fill('Line <b>4</b>');
        await page.locator('dialog').getByText('Do this from a shell').click();
        check((await page.locator('dialog').getByLabel('command').textContent()).includes("--columns 'connectionState"), 'the command has no columns');
        await noBarriers('save a query');
        await page.getByRole('button', { name: 'Save', exact: true }).click();
        await page.getByRole('button', { name: 'Saved: Line <b>4</b>' }).waitFor();

        const other = await browser.person();
        await other.page.goto(await server.link());
        await other.page.goto(`${server.base}devices`);
        await other.page.getByRole('button', { name: 'Saved (1)' }).click();
        const counted = other.page.locator('.saved-list li', { hasText: 'Line <b>4</b>' }).locator('.saved-count');
        await eventually('it is counted', async () => (await counted.textContent()) === '2');
        await tag('sensor-3', { line: '4' });
        if (LONG) await eventually('it is counted again', async () => (await counted.textContent()) === '3');
        await noBarriers('saved queries', other.page);
        await picture('saved', 'light', other.page);
        await other.page.getByRole('button', { name: /Line <b>4<\/b>/ }).first().click();
        await other.page.getByRole('columnheader', { name: 'line', exact: true }).waitFor();
        check(await other.page.getByLabel('Query', { exact: true }).inputValue() === "tags.line = '4'", 'the condition is not in the bar');
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();

        await page.getByRole('button', { name: /^Saved: / }).click();
        const exported = await download(() => page.getByRole('button', { name: 'Export as a file' }).click());
        const [query] = JSON.parse(exported);
        check(query.name === 'Line <b>4</b>' && query.columns.includes('tags.line'), exported);
        await page.getByRole('button', { name: 'Delete Line <b>4</b>' }).click();
        await page.getByRole('button', { name: 'Delete', exact: true }).click();
        await page.getByText('None yet.', { exact: false }).waitFor();
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Import…' }).click();
        await page.getByLabel('File').setInputFiles({ name: 'queries.json', mimeType: 'application/json', buffer: Buffer.from(exported) });
        await page.getByRole('button', { name: 'Import 1 saved query' }).click();
        await page.getByRole('button', { name: /^Saved/ }).waitFor();
        const list = JSON.parse(await server.run('hub', 'saved-query', 'list', '-o', 'json'));
        check(list.length === 1 && list[0].condition === "tags.line = '4'", JSON.stringify(list));
    });

    test('a_row_changes_while_it_is_looked_at', async () => {
        page = now();
        for (const id of ['fresh-1', 'fresh-2']) await server.run('hub', 'device-identity', 'create', '-d', id);
        await page.goto(`${server.base}devices`);
        await ask('fresh-');
        const row = rows().filter({ hasText: 'fresh-2' });
        await row.getByText('away').waitFor();
        await page.evaluate(() => { window.asked = 0; const own = fetch; window.fetch = (...a) => { window.asked += /query/.test(a[0]); return own(...a); }; });
        await tag('fresh-2', { seen: SCRIPT });
        await row.getByText('onerror').waitFor();
        await server.run('hub', 'device-identity', 'update', '-d', 'fresh-2', '--status', 'disabled');
        await row.getByText('disabled').waitFor();
        check(await page.evaluate(() => window.asked) === 0, 'the list was asked for again');
        for (const id of ['fresh-1', 'fresh-2']) await server.run('hub', 'device-identity', 'delete', '-d', id);
    });

    test('all_that_a_query_means_are_changed_by_a_job', async () => {
        await page.goto(`${server.base}devices?q=${encodeURIComponent("tags.line = '4'")}&c=tags.line&c=tags.note`);
        await eventually('three devices', async () => (await rows().count()) === 3);
        await page.getByLabel('Choose sensor-1').check();
        await page.getByText('1 chosen').waitFor();
        await page.getByRole('button', { name: 'Choose all 3' }).click();
        await page.getByText('all 3 of this query').waitFor();
        await page.getByRole('button', { name: 'Twin or tags…' }).click();
        await dialog('Twin or tags of 3 devices').waitFor();
        await page.getByRole('textbox', { name: /^Tags/ }).fill('{"ring":"early"}');
        await page.getByRole('textbox', { name: /^Desired properties/ }).fill('{"interval": }');
        check(await page.getByRole('button', { name: 'Do it to 3' }).isDisabled(), 'what is no JSON can be sent');
        await page.getByRole('textbox', { name: /^Desired properties/ }).fill('{"interval": 12}');
        await page.locator('dialog').getByText('Do this from a shell').click();
        const line = await page.locator('dialog').getByLabel('command').textContent();
        check(line.includes(`-q 'tags.line = '\\''4'\\'''`) && line.includes('--patch'), line);
        await noBarriers('a job for many');
        await picture('bulk');
        await page.getByRole('button', { name: 'Do it to 3' }).click();
        await page.getByText('completed', { exact: false }).waitFor();
        await noBarriers('a job that has ended');
        await page.getByRole('button', { name: 'Close', exact: true }).last().click();
        const twin = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', 'sensor-2', '-o', 'json'));
        check(twin.tags.ring === 'early' && twin.properties.desired.interval === 12, 'the twin is as it was');
    });

    test('a_method_is_called_on_those_that_are_chosen', async () => {
        await ask('');
        await page.getByLabel(`Choose ${PRESS}`).check();
        await page.getByLabel('Choose sensor-2').check();
        await page.getByRole('button', { name: 'Method…' }).click();
        await dialog('Direct method of 2 devices').waitFor();
        await page.getByRole('textbox', { name: 'Method' }).fill('reboot');
        await page.getByRole('textbox', { name: /^Payload/ }).fill('{"delay":1}');
        await page.getByRole('button', { name: 'Do it to 2' }).click();
        await page.getByText('1 done · 1 failed', { exact: false }).waitFor();
        await page.locator('.failures').getByText('sensor-2').waitFor();
        await page.getByRole('button', { name: 'Close', exact: true }).last().click();
    });

    test('what_is_chosen_is_exported', async () => {
        await page.goto(`${server.base}devices?q=${encodeURIComponent("tags.line = '4'")}&c=tags.line&c=tags.note`);
        await page.getByLabel('Choose sensor-1').check();
        await page.getByLabel('Choose sensor-3').check();
        await page.getByRole('button', { name: 'Export CSV…' }).click();
        const text = await download(() => page.getByRole('button', { name: 'Export', exact: true }).click());
        const note = `"'=1+1 ${SCRIPT.replaceAll('"', '""')}"`;
        check(text === `\ufeffdeviceId,tags.line,tags.note\r\nsensor-1,4,${note}\r\nsensor-3,4,\r\n`, JSON.stringify(text));
    });

    const FILE = 'deviceId,status,tags.line,desired.interval,colour\r\n'
        + 'csv-1,enabled,7,5,red\r\n"csv-2",disabled,"a ""b"", c",,\r\ncsv/3,enabled,7,5,\r\nsensor-1,,7,,\r\ncsv-1,,,,\r\ncsv-4,perhaps,,,\r\n';

    test('a_file_of_devices_is_dropped_on_the_list', async () => {
        await page.goto(`${server.base}devices`);
        await page.getByLabel('Choose sensor-1').waitFor();
        await page.evaluate((text) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], 'plant.csv', { type: 'text/csv' }));
            for (const kind of ['dragover', 'drop']) document.querySelector('.grid').dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
        }, FILE);
        await dialog('Import plant.csv').waitFor();
        await page.getByText('left out, since nothing is known of it: colour').waitFor();
        for (const text of ['"csv/3" is no device id', 'the same device as in line 2', 'status is enabled or disabled, not "perhaps"']) await page.getByText(text, { exact: false }).waitFor();
        await noBarriers('import');
        await picture('import');
        await page.getByRole('button', { name: 'Import 3 devices' }).click();
        await page.getByText('2 were taken.', { exact: false }).waitFor();
        await page.getByRole('row', { name: /^5 sensor-1/ }).waitFor();
        await page.getByRole('button', { name: 'Close', exact: true }).last().click();
        await ask('csv-');
        await eventually('two devices', async () => (await rows().count()) === 2);
        const twin = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', 'csv-2', '-o', 'json'));
        check(twin.tags.line === 'a "b", c' && twin.status === 'disabled', JSON.stringify(twin.tags));
    });

    test('a_file_in_another_encoding_is_named', async () => {
        const put = async (name, buffer) => {
            await page.getByRole('button', { name: 'Import…' }).click();
            await page.getByLabel('File').setInputFiles({ name, mimeType: 'text/csv', buffer });
            await dialog(`Import ${name}`).waitFor();
        };
        const text = 'deviceId;tags.ort\r\nwide-1;Köln\r\n';
        await put('utf16.csv', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]));
        await page.getByText('The file is in UTF-16 (little endian), not in UTF-8', { exact: false }).waitFor();
        await page.getByRole('button', { name: 'Import 1 devices' }).click();
        await dialog('Import utf16.csv').waitFor({ state: 'detached' });
        await put('latin1.csv', Buffer.from(text.replace('wide', 'latin'), 'latin1'));
        await page.getByText('Line 2 is not UTF-8. The file looks like Latin-1', { exact: false }).waitFor();
        check(await page.getByRole('button', { name: 'Import 1 devices' }).isDisabled(), 'a guess is taken for granted');
        await page.getByLabel(/read it as Latin-1/).check();
        await page.getByRole('button', { name: 'Import 1 devices' }).click();
        await dialog('Import latin1.csv').waitFor({ state: 'detached' });
        for (const id of ['wide-1', 'latin-1']) {
            const twin = JSON.parse(await server.run('hub', 'device-twin', 'show', '-d', id, '-o', 'json'));
            check(twin.tags.ort === 'Köln', `${id}: ${twin.tags.ort}`);
        }
        await put('devices.txt', Buffer.from('{"id":"line-1","importMode":"create","tags":{"a":1}}\n{"id":\n{"id":"line-3","importMode":"delete"}\n'));
        await page.getByText('this page makes and changes devices only', { exact: false }).waitFor();
        await page.getByText('Import 1 devices').waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
    });

    test('the_palette_finds_devices_pages_and_commands', async () => {
        await page.goto(server.base);
        await page.locator('h1').first().waitFor();
        await page.keyboard.press('Control+k');
        await dialog('Go to').waitFor();
        await page.keyboard.type('explo');
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Explore' }).waitFor();
        await page.keyboard.press('Control+k');
        await page.keyboard.type('odd-:.+%_#*?!(),=@;$\'');
        await page.getByRole('option', { name: /odd-/ }).waitFor();
        await noBarriers('palette');
        await picture('palette');
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: /^odd-/ }).waitFor();
        await page.keyboard.press('Control+k');
        await page.keyboard.type('Twin');
        await page.keyboard.press('Enter');
        await eventually('the tab', () => page.url().endsWith('/twin'));
        await page.keyboard.press('Control+k');
        await page.keyboard.type('new device');
        await page.keyboard.press('Enter');
        await dialog('New device').waitFor();
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+k');
        await page.keyboard.type('line');
        await page.getByRole('option', { name: /Line <b>4<\/b> saved query/ }).waitFor();
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('ArrowUp');
        await page.keyboard.press('Enter');
        await page.getByRole('button', { name: 'Saved: Line <b>4</b>' }).waitFor();
    });

    test('who_was_not_heard_of_is_late', async () => {
        await page.getByRole('button', { name: 'Late' }).click();
        await page.getByLabel(/not heard of for/).selectOption('1d');
        await page.getByText('No device that is like that is late.').waitFor(); // as the query that was chosen asks, too
        await page.getByRole('button', { name: 'All', exact: true }).click();
        await rows().first().waitFor();
        await page.getByRole('button', { name: 'Refused' }).click();
        await page.getByRole('heading', { name: 'Refused' }).waitFor();
        // Whoever looks in two hours: devices that came by the minute, or once, are overdue by then.
        const other = await browser.person();
        await other.page.clock.setFixedTime(Date.now() + 2 * 3600000);
        await other.page.goto(await server.link());
        const tile = other.page.getByRole('link', { name: /^Late [1-9]/ });
        await tile.waitFor();
        check(/three times as long/.test(await tile.getAttribute('title')), 'nothing says what late is');
        await tile.click();
        await other.page.getByRole('link', { name: 'sensor-1' }).click();
        await other.page.getByText('late since').waitFor();
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    /** A list of `all` devices, whatever is asked for. The server's part is played in the page, so that the rows are there in
     * seconds: ./dev console --measure has a million real ones. */
    async function listOf(all, size) {
        const other = await browser.person(), said = []; // over the live link
        other.page.on('websocket', (link) => link.on('framesent', ({ payload }) => said.push(payload)));
        await other.page.addInitScript(([count, perPage]) => {
            const real = window.fetch, id = (i) => `row-${String(i).padStart(7, '0')}`;
            window.fetch = async (url, init) => {
                if (!String(url).includes('/devices/query')) return real(url, init);
                await window.held;
                const at = Number(init.headers['x-ms-continuation'] ?? 0), rows = [];
                for (let i = at; i < Math.min(count, at + perPage); i++) rows.push({ deviceId: id(i), etag: 'a', status: 'enabled' });
                return new Response(JSON.stringify(rows), { headers: at + perPage < count ? { 'x-ms-continuation': String(at + perPage) } : {} });
            };
        }, [all, size]);
        await other.page.goto(await server.link());
        await other.page.goto(`${server.base}devices`);
        await other.page.getByRole('link', { name: 'row-0000000' }).waitFor();
        return { ...other, said };
    }

    test('rows_that_come_after_the_list_rests_are_kept_fresh', async () => {
        const other = await listOf(10000, 200), box = other.page.locator('.grid-body'); // 50 pages, of which 40 are kept
        const asked = () => other.said.some((text) => text.includes('"sub":"query"') && text.includes("'row-0001000'"));
        await eventually('the last row', async () => {
            await box.evaluate((e) => { e.scrollTop = e.scrollHeight; });
            return other.page.getByRole('link', { name: 'row-0009999' }).isVisible();
        });
        await other.page.evaluate(() => { window.held = new Promise((go) => { window.letGo = go; }); });
        other.said.length = 0;
        await box.evaluate((e) => { e.scrollTop = 1000 * 40; });
        await other.page.locator('.grid-row', { hasText: '…' }).first().waitFor();
        await other.page.waitForTimeout(1000); // the list rests, and has nothing to ask for
        check(!asked(), 'rows are asked for that are not here');
        await other.page.evaluate(() => window.letGo());
        await other.page.getByRole('link', { name: 'row-0001000' }).waitFor();
        await eventually('they are asked for', asked);
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    test('while_it_is_flung_a_list_shows_whose_its_rows_are', async () => {
        const other = await listOf(4000, 4000);
        await other.page.locator('.grid-row .state').first().waitFor();
        const flung = await other.page.locator('.grid-body').evaluate(async (e) => {
            for (let frame = 0; frame < 40; frame++) {
                e.scrollTop += 1200;
                await new Promise(requestAnimationFrame);
            }
            const rows = [...e.querySelectorAll('.grid-row')];
            return { named: rows.filter((r) => r.querySelector('.id')).length, more: rows.filter((r) => r.querySelector('.state')).length };
        });
        check(flung.named > 10 && flung.more === 0, JSON.stringify(flung));
        await eventually('a list that rests says all again', () => other.page.locator('.grid-body').evaluate((e) => {
            const rows = [...e.querySelectorAll('.grid-row')];
            return rows.length > 10 && rows.every((r) => r.querySelector('.id') && r.querySelector('.state'));
        }));
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    test('another_query_is_read_from_its_first_row_on', async () => {
        const other = await listOf(2000, 2000);
        const read = () => other.page.locator('.grid-body').evaluate((e) => [...e.querySelectorAll('.grid-row')].map((r) => Number(r.querySelector('.id')?.textContent.slice(4))));
        const inOrder = (n) => n.length > 0 && n.every((one, i) => one === n[0] + i);
        await other.page.locator('.grid-body').evaluate((e) => { e.scrollTop = 1000 * 40; });
        await eventually('the list rests further down', async () => { const n = await read(); return n[0] > 900 && inOrder(n); });
        await other.page.getByLabel('Query', { exact: true }).fill('row');
        await other.page.getByRole('button', { name: 'Run' }).click();
        await eventually('the rows are in the document as they are read, from the first one on', async () => { const n = await read(); return n[0] === 0 && inOrder(n); });
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });

    test('a_list_longer_than_a_browser_draws_is_scrolled_to_its_end_and_back', async () => {
        const ALL = 300000, other = await listOf(ALL, 6000); // 12 000 000 pixels, 50 pages
        const box = other.page.locator('.grid-body');
        const seen = () => box.evaluate((e) => {
            const top = e.getBoundingClientRect().top + 36; // below the head
            const rows = [...e.querySelectorAll('.grid-row')].map((r) => ({ at: r.getBoundingClientRect().top - top, n: Number(r.querySelector('.id')?.textContent.slice(4)) }));
            const first = rows.filter((r) => r.at > -40).sort((a, b) => a.at - b.at)[0];
            if (!first) return { place: NaN, even: false, drawn: rows.length }; // it is ahead of its rows
            const even = rows.every((r) => Math.abs(r.at - first.at - (r.n - first.n) * 40) < 1);
            return { place: first.n * 40 - first.at, even, drawn: rows.length };
        });
        /* Where it is when it stands: elsewhere than `before`, unless it does not move for three seconds. */
        const settled = async (before) => {
            const end = Date.now() + 3000;
            let last, now = await seen();
            do {
                last = now;
                await other.page.waitForTimeout(60);
                now = await seen();
            } while ((now.place !== last.place || now.place === before) && Date.now() < end);
            return now;
        };
        await eventually('the last row', async () => {
            await box.evaluate(async (e) => {
                for (let frame = 0; frame < 30; frame++) {
                    e.scrollTop = e.scrollHeight;
                    await new Promise(requestAnimationFrame);
                }
            });
            return other.page.getByRole('link', { name: 'row-0299999' }).isVisible();
        });
        const height = await box.evaluate((e) => e.scrollHeight);
        check(height < 10e6, `the list is ${height} pixels high, which not every browser draws`);
        // On a quiet machine ./dev console --measure holds each frame to 16.6 ms; here it is far from what scrolling may cost anywhere.
        const FRAME_MS_MAX = 100;
        const cdp = await other.context.newCDPSession(other.page);
        await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
        const spent = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
        const scrolled = async (frames) => {
            const before = await spent();
            const found = await box.evaluate(async (e, n) => {
                const input = e.querySelector('.grid-row input'); // none while the rows are still drawn as …
                input?.focus();
                e.scrollTop -= 3000; // there are fewer rows at the very end
                for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
                const where = document.activeElement.className;
                const space = e.querySelector('.grid-space'), rows = new Set(space.children);
                for (let frame = 0; frame < n; frame++) {
                    e.scrollTop -= 130;
                    await new Promise(requestAnimationFrame);
                }
                return { focus: input && where, same: space.children.length === rows.size && [...space.children].every((r) => rows.has(r)) };
            }, frames);
            return { ...found, cost: (await spent() - before) * 1000 / frames };
        };
        let last; // a busy machine is late with a row, and slow: one time of several it is neither
        await eventually('the list is scrolled with the rows that are there, at little cost', async () => {
            last = await scrolled(60);
            return last.focus === 'grid-body' && last.same && last.cost < FRAME_MS_MAX;
        }).catch((e) => { throw new Error(`${e.message}: ${JSON.stringify(last)}`); });
        await box.hover();
        await other.page.evaluate(() => {
            window.turned = { up: 0, down: 0 };
            addEventListener('wheel', (e) => { window.turned[e.deltaY < 0 ? 'up' : 'down'] += e.deltaY; }, { passive: true });
        });
        const heard = () => other.page.evaluate(() => window.turned);
        for (const from of [1, 0.43, 0]) { // none at the edge of a piece, where the list is laid anew under the wheel
            await box.evaluate((e, f) => { e.scrollTop = f * (e.scrollHeight - e.clientHeight); }, from);
            await eventually('rows are there', async () => (await seen()).even);
            const { place } = await seen(), by = from === 1 ? -300 : 300;
            check(Math.abs(place - from * (ALL * 40)) < ALL * 40 * 0.01 + 1000, `${from}: it is at ${place}`);
            // A busy browser lets turns of the wheel fall, or a part of one, or is late with one, also with one of the place
            // before: then another is looked at. Further than the turns that the page heard, either way, it never moves.
            const turned = await heard(), start = (await settled()).place;
            check(Number.isFinite(start), 'it rests where it has rows');
            for (let i = 0; i < 4; i++) {
                let now;
                await eventually('the wheel moves it by what it says', async () => {
                    const before = (await settled()).place;
                    await other.page.mouse.wheel(0, by);
                    now = { before, ...await settled(before) };
                    const moved = now.place - start, turns = await heard(), up = turns.up - turned.up, down = turns.down - turned.down;
                    if (moved < up * 1.01 - 3 || moved > down * 1.01 + 3) throw new Error(`turns of ${up} and ${down} moved it by ${moved}`);
                    return now.even && now.drawn < 80 && Math.abs((now.place - before) / by - 1) < 0.01;
                }).catch((e) => { throw new Error(`${e.message}: by ${by} to ${JSON.stringify(now)}`); });
            }
        }
        check(!other.faults.length, other.faults.join('; '));
        await other.context.close();
    });
};
