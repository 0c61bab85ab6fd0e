/* attention.jsx - Home's list of what somebody should look at. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { href } from './router.js';
import { ask, mayReadAll } from './state.js';
import { Ago, count, State } from './parts.jsx';
import { useNews } from './journal.jsx';
import { byCause, CERTIFICATE_BAD_DAYS, DISK_BAD_DAYS, DISK_DAYS, diskDays, ending, EXPIRY, failing } from './trouble.js';

const SINCE = '1h', RECORDS = 256, LOOK_MS = 30000;

function useRefused() {
    const [page, setPage] = useState(null);
    const load = useCallback(() => {
        if (mayReadAll()) ask('GET', `/admin/v1/refusals?since=${SINCE}&top=${RECORDS}`).then(({ json }) => setPage(json), () => {});
    }, []);
    useNews(load);
    useEffect(() => { // its hour ends without news
        const timer = setInterval(() => { if (!document.hidden) load(); }, LOOK_MS);
        return () => clearInterval(timer);
    }, [load]);
    return page;
}

/** What seldom changes: the hub, certification authorities, endpoints, configurations. */
export function useRest() {
    const [rest, setRest] = useState({});
    useEffect(() => {
        if (!mayReadAll()) return undefined;
        const take = (name, path) => ask('GET', path).then(({ json }) => setRest((r) => ({ ...r, [name]: json })), () => {});
        const look = () => {
            if (document.hidden) return;
            take('hub', '/admin/v1/hub');
            take('certificates', '/admin/v1/certificates');
            take('endpoints', '/admin/v1/routingEndpointsHealth');
            take('configurations', '/configurations');
        };
        look();
        const timer = setInterval(look, LOOK_MS);
        return () => clearInterval(timer);
    }, []);
    return rest;
}

function devices(c, more) {
    return `${more ? 'at least ' : ''}${count(c.ids)} ${c.ids === 1 ? 'device' : 'devices'} ${c.severity === 'closed' ? 'cut off' : 'refused'}`;
}

/** Days of disk that are left; null: not known, or no matter. */
export function diskLeft(now, { hub }) {
    return now?.first && hub ? diskDays(now.first, now, { seconds: hub.retentionSeconds, bytes: hub.retentionBytes }) : null;
}

/** {key, kind, text, since, to, link} of each. */
function troubles(now, refused, rest) {
    const { certificates, endpoints, configurations } = rest, out = [], days = diskLeft(now, rest);
    if (days !== null && days < DISK_DAYS) {
        out.push({ key: 'disk', kind: days < DISK_BAD_DAYS ? 'bad' : 'wait', to: href('settings'), link: 'retention',
            text: days < 1 ? 'less than a day of disk left at this rate' : `${Math.floor(days)} days of disk left at this rate` });
    }
    for (const c of byCause(refused?.value ?? [])) {
        out.push({ key: c.cause, kind: 'bad', text: `${devices(c, refused.continuationToken)}: ${c.cause} ${c.name}`, since: c.since,
            to: `${href('refused')}?cause=${c.cause}&since=${SINCE}`, link: 'show' });
    }
    const all = [{ name: 'the certificate of the server', until: now?.metrics[EXPIRY] },
        ...(certificates ?? []).map(({ name, properties: p }) => ({ name: `the certification authority ${name}`, until: Date.parse(p.expiry) / 1000 }))];
    for (const c of ending(all)) {
        out.push({ key: c.name, kind: c.days < CERTIFICATE_BAD_DAYS ? 'bad' : 'wait', to: href('settings'), link: 'certificates',
            text: `${c.name} ${c.days < 0 ? 'has expired' : `ends in ${c.days} ${c.days === 1 ? 'day' : 'days'}`}` });
    }
    for (const e of endpoints?.value ?? []) {
        if (!/^(unhealthy|dead)$/.test(e.healthStatus)) continue;
        out.push({ key: `endpoint ${e.endpointId}`, kind: 'bad', text: `endpoint ${e.endpointId} is ${e.healthStatus}${e.lastKnownError ? `: ${e.lastKnownError}` : ''}`,
            to: href('flow'), link: 'flow' });
    }
    for (const c of failing(configurations ?? [])) {
        out.push({ key: `configuration ${c.id}`, kind: 'bad', text: `configuration ${c.id}: ${count(c.failed)} of ${count(c.targeted)} devices say that it failed`,
            to: href('rollouts'), link: 'rollouts' });
    }
    return out;
}

export function Attention({ now, rest }) {
    const refused = useRefused();
    const found = troubles(now, refused, rest);
    if (!found.length) return null;
    return <section class="card attention" aria-label="Needs attention"><h2>Needs attention</h2>
        <ul class="plain-list">{found.map((t) => <li key={t.key} class="row"><State kind={t.kind}>{t.text}</State>
            {t.since && <span class="hint">since <Ago time={t.since} /></span>}<span class="spring" /><a href={t.to} aria-label={`${t.link}: ${t.text}`}>{t.link}</a></li>)}</ul>
    </section>;
}
