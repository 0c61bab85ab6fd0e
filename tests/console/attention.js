'use strict';
/* attention.js - what Home says that somebody should look at. */

const { execFileSync } = require('child_process');
const fs = require('fs');
const https = require('https');
const path = require('path');
const { pathToFileURL } = require('url');
const { check, eventually, knock } = require('./rig');
const { CONSOLE_WORK } = process.env;

function sameAs(got, expected, what) {
    check(JSON.stringify(got) === JSON.stringify(expected), `${what} is ${JSON.stringify(got)}`);
}

const source = (name) => import(pathToFileURL(path.join(__dirname, '../../console/src', name)));

module.exports = (test, { server, page: current, noBarriers, picture }) => {
    test('equal_ends_of_before_do_not_count', async () => {
        const { countEnds } = await source('fleet/ends.js'), now = Date.parse('2026-11-27T12:00:00Z'), minute = 60e3;
        const ends = (first, last, count) => ({ id: 'd', count, firstTime: new Date(now - first * minute).toISOString(), time: new Date(now - last * minute).toISOString() });
        const withinAnHour = (...records) => countEnds(records, now - 60 * minute).map((f) => f.ends);
        sameAs(withinAnHour(ends(24 * 60, 1, 4)), [], 'one record of a day');
        sameAs(withinAnHour(ends(30, 1, 4)), [4], 'one record of half an hour');
        sameAs(withinAnHour(ends(120, 0, 5), ends(10, 10, 1)), [4], 'two records');
    });

    test('what_deserves_attention_is_reckoned', async () => {
        const t = await source('trouble.js');
        const record = (cause, id, firstTime, count = 1) => ({ cause, name: 'n', severity: 'refused', id, firstTime, count });
        sameAs(t.byCause([record('C131', 'a', '2'), record('C133', 'a', '1', 9), record('C131', 'b', '1', 2), record('C131', 'a', '3'), record('C164', 'a', '1')])
            .map((c) => [c.cause, c.ids, c.count, c.since]), [['C131', 2, 4, '1'], ['C133', 1, 9, '1']], 'what was refused');
        const names = t.refusedNames([{ cause: 'C000', severity: 'connected' }, { cause: 'C101', severity: 'refused' }, { cause: 'C160', severity: 'closed' }, { cause: 'C164', severity: 'grey' }]);
        sameAs(names, ['azimuth_refused_total', 'azimuth_refused_total{cause="C160"}', 'azimuth_refused_total{cause="C164"}'], 'what is counted');
        sameAs(t.refusedCount({ [names[0]]: 9, [names[1]]: 2, [names[2]]: 3 }), 4, 'who was refused');
        sameAs(t.ending([{ name: 'a', until: 30 * 86400 }, { name: 'b', until: 30 * 86400 - 1 }, { name: 'c', until: -1 }, { name: 'd' }], 0)
            .map((c) => [c.name, c.days]), [['c', -1], ['b', 29]], 'what ends');
        const configuration = (id, reportedFailedCount, targetedCount = 9) => ({ id, systemMetrics: { results: { targetedCount, reportedFailedCount } } });
        sameAs(t.failing([configuration('a', 1), configuration('b', 0), configuration('c', 3), configuration('d'), { id: 'e' }]),
            [{ id: 'c', failed: 3, targeted: 9 }, { id: 'a', failed: 1, targeted: 9 }], 'what fails');
        const at = (s, room, appended, segments = 0) => ({ at: s * 1000, metrics: { [t.ROOM]: room, [t.APPENDED]: appended, [t.SEGMENTS]: segments } });
        const day = 86400, left = (s, room, bytes, retention, kept) => t.diskDays(at(0, room, 0), at(s, room, bytes, kept), retention);
        sameAs(left(t.RATE_S, 10 * day, 10 * t.RATE_S), 1, 'ten bytes a second');
        sameAs(left(t.RATE_S - 1, 10 * day, 1000), null, 'too short a look');
        sameAs(left(100, 0, 1000), null, 'a disk that nobody looks at');
        sameAs(left(100, 10 * day, 0), null, 'nothing that comes');
        sameAs(left(100, 20 * day, 1000, { seconds: 2 * day }), 2, 'what retention keeps has no room');
        sameAs(left(100, 20 * day, 1000, { seconds: 2 * day }, 1), null, 'what retention keeps has room');
        sameAs(left(100, 20 * day, 1000, { seconds: 9 * day, bytes: 20 * day - 1 }), null, 'what retention keeps by size');
    });

    test('home_says_what_needs_attention', async () => {
        const page = current(), cert = path.join(CONSOLE_WORK, 'soon.pem'), key = path.join(CONSOLE_WORK, 'soon.key');
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
            '-days', '5', '-subj', '/CN=soon over', '-addext', 'basicConstraints=critical,CA:TRUE'], { stdio: 'ignore' });
        await server.run('hub', 'certificate', 'create', '-n', 'line-b', '-p', cert, '-v');
        const sr = encodeURIComponent(`${server.ready.hostname}/devices/sensor-3`);
        check(await knock(server, { clientId: 'sensor-3', userName: `${server.ready.hostname}/sensor-3/?api-version=2021-04-12`,
            password: `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent('bm90aGluZyBvZiB0aGlzIGlzIHRydWUgYXQgYWxsISE=')}&se=1700000000` }) !== 0, 'an old token is good enough');
        await page.goto(server.base);
        const tile = page.locator('.tile', { hasText: 'Refused' }).locator('.value'), refused = async () => Number((await tile.textContent()).replace(/\D/g, ''));
        await eventually('the refused are counted', async () => await refused() > 0);
        const before = await refused(), ask = { host: 'localhost', port: server.ready.https, path: '/$iothub/nowhere', ca: fs.readFileSync(server.ready.ca),
            headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } };
        for (let i = 0; i < 2; i++) https.get(ask, (answer) => answer.resume()).on('error', () => {}); // at the door of WebSockets; who knocked may come late
        await eventually('a refused WebSocket is counted', async () => await refused() > before + 1);
        const list = page.getByRole('region', { name: 'Needs attention' });
        await list.getByText(/device.* refused: C131 sas-expired/).waitFor();
        await list.getByText('the certification authority line-b ends in 4 days').waitFor();
        await noBarriers('home, attention');
        await picture('attention');
        await list.getByRole('link', { name: /^show: .*C131/ }).click();
        await page.locator('.refused tbody tr', { hasText: 'sensor-3' }).waitFor();
        check(await page.getByLabel('Cause').inputValue() === 'C131', 'another cause is shown');
        await server.run('hub', 'certificate', 'delete', '-n', 'line-b');
    });
};
