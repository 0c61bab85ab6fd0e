/* talkers.jsx - Home's list of who sends most. */
import { useEffect, useState } from 'preact/hooks';
import { href } from './router.js';
import { ask, mayRead } from './state.js';
import { count, Same, Tabs } from './parts.jsx';

const TOP = 8, LOOK_MS = 5000;

function pathOf(by) {
    return `/admin/v1/talkers?by=${by}&top=${TOP}`;
}

function useTalkers(by) {
    const [page, setPage] = useState(null);
    useEffect(() => {
        if (!mayRead('ServiceConnect')) return undefined;
        let over = false;
        const look = () => { if (!document.hidden) ask('GET', pathOf(by)).then(({ json }) => { if (!over) setPage(json); }, () => {}); };
        look();
        const timer = setInterval(look, LOOK_MS);
        return () => { over = true; clearInterval(timer); };
    }, [by]);
    return page;
}

/** A whole number, or the last one of its kind below ten. */
function rate(n) {
    return count(n < 10 ? Math.round(n * 10) / 10 : Math.round(n));
}

export function Talkers() {
    const [by, setBy] = useState('messages');
    const page = useTalkers(by);
    if (!page?.value.length) return null;
    const minutes = Math.max(1 / 60, (Date.parse(page.to) - Date.parse(page.from)) / 60000);
    const least = page.exact ? '' : '≥ ';
    return <section class="card" aria-label="Who sends most">
        <div class="row"><h2>Who sends most</h2><span class="hint">a minute, last {Math.max(1, Math.round(minutes))} min</span><span class="spring" />
            <Tabs label="By" tabs={[['messages', 'Messages'], ['bytes', 'Bytes']]} current={by} onChoose={setBy} /></div>
        <table class="plain-table numbers"><thead><tr><th>device</th><th>messages</th><th>KiB</th></tr></thead>
            <tbody>{page.value.map((t) => <tr key={t.deviceId}><th scope="row"><a class="id" href={href('devices', t.deviceId, 'live')}>{t.deviceId}</a></th>
                <td>{least}{rate(t.messages / minutes)}</td><td>{least}{rate(t.bytes / 1024 / minutes)}</td></tr>)}</tbody></table>
        {!page.exact && <p class="hint">More devices send than are counted at a time: these have sent at least that.</p>}
        <Same cli={['azimuth', 'devices', '--top', String(TOP), '--by', by]} request={{ method: 'GET', path: pathOf(by), admin: true }} />
    </section>;
}
