/* flapping.jsx - who comes and goes: ends of connections in the journal of refusals, counted as `azimuth devices --flapping` does. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { href } from '../router.js';
import { ask, mayReadAll } from '../state.js';
import { Ago, Button, count, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { Cause } from '../journal.jsx';
import { countEnds, ENDS } from './ends.js';
import { quoted } from './query.js';

export const WITHIN = [['15m', '15 minutes'], ['1h', 'an hour'], ['1d', 'a day'], ['7d', 'a week']];

const RECORDS = 256, PAGES_MAX = 8; // of a cause
const IDS_MAX = 100, TEXT_MAX = 4000; // of a query, which the list then keeps fresh, and of its text, which stands in the address
const LOOK_MS = 10000;
const UNITS = { m: 60e3, h: 3600e3, d: 86400e3 }; // of WITHIN

/** The latest records of a cause, and whether there are more. */
async function readEnds(cause, since) {
    const value = [];
    let token = null;
    for (let n = 0; n < PAGES_MAX && (n === 0 || token); n++) {
        const { json } = await ask('GET', `/admin/v1/refusals?cause=${cause}&grey=true&since=${since}&top=${RECORDS}${token ? `&continuationToken=${token}` : ''}`);
        value.push(...json.value);
        token = json.continuationToken;
    }
    return { value, more: token !== null };
}

function useFlapping(since) {
    const [found, setFound] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async () => {
        const all = await Promise.all(ENDS.map((cause) => readEnds(cause, since)));
        setFound({ since, list: countEnds(all.flatMap((a) => a.value), Date.now() - parseInt(since, 10) * UNITS[since.at(-1)]), more: all.some((a) => a.more) });
    }), [since]);
    useEffect(() => {
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, LOOK_MS);
        return () => clearInterval(timer);
    }, [load]);
    return { found: found?.since === since ? found : null, error: work.error };
}

function Row({ id, ends, latest }) {
    return <tr><th scope="row"><a class="id" href={href('devices', id.split('/')[0], 'connect')}>{id}</a></th><td>{count(ends)}</td>
        <td><Ago time={latest.time} /></td><td><Cause of={latest} /></td><td>{latest.happened}</td></tr>;
}

/** Of devices, as many as one query may name. */
function idsOf(list) {
    const ids = [...new Set(list.map((f) => f.id.split('/')[0]))].slice(0, IDS_MAX);
    while (ids.map(quoted).join().length > TEXT_MAX) ids.pop();
    return ids;
}

function List({ since, onAsk }) {
    const { found, error } = useFlapping(since);
    const ids = idsOf(found?.list ?? []);
    return <><Wrong error={error} />
        {found?.list.length === 0 && <Notice>No device comes and goes.</Notice>}
        {found?.list.length > 0 && <><div class="card scroll" tabIndex={0} role="region" aria-label="Flapping"><table class="plain-table refused">
            <thead><tr><th>device</th><th>cut off</th><th>last</th><th>by</th><th>what happened</th></tr></thead>
            <tbody>{found.list.map((f) => <Row key={f.id} {...f} />)}</tbody></table></div>
        <div class="row"><Button onClick={() => onAsk(`deviceId IN [${ids.map(quoted).join()}]`)}>Show {ids.length === 1 ? 'it' : `these ${ids.length}`} as a query</Button></div></>}
        {found?.more && <p class="hint">There are more ends in that time than are read here: the latest {count(RECORDS * PAGES_MAX)} of each cause count.</p>}
        <p class="hint">Whose connections ended three times or more without its wish, within that time.</p>
        <Same cli={['azimuth', 'devices', '--flapping', '--since', since]} /></>;
}

/** `onAsk` is led to the list with that condition. */
export function Flapping({ since, onAsk }) {
    return mayReadAll() ? <List key={since} since={since} onAsk={onAsk} /> : <Notice kind="bad">This list needs all rights of a hub's owner.</Notice>;
}
