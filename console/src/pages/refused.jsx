/* refused.jsx - who was refused, of all devices and of those that are none; the latest first. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { href, useWords } from '../router.js';
import { ask, mayReadAll } from '../state.js';
import { Ago, Button, count, Field, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { Cause, useNews, whence } from '../journal.jsx';

const SINCE = [['', 'since the start'], ['15m', 'last 15 minutes'], ['1h', 'last hour'], ['1d', 'last day']];

function pathOf({ cause, since, top }, token) {
    const words = new URLSearchParams(Object.entries({ cause, since, top, continuationToken: token ?? '' }).filter(([, v]) => v));
    return `/admin/v1/refusals?${words}`;
}

function useCauses() {
    const [causes, setCauses] = useState([]);
    useEffect(() => {
        ask('GET', '/admin/v1/refusals/causes').then(({ json }) => setCauses(json.value.filter((c) => c.severity !== 'grey' && c.severity !== 'connected')))
            .catch(() => {});
    }, []);
    return causes;
}

function Row({ of: r }) {
    const [open, setOpen] = useState(false);
    const device = r.id?.split('/')[0];
    return <tr>
        <td><Ago time={r.time} />{r.count > 1 && <small> {count(r.count)}×</small>}</td>
        <td>{r.id ? <a class="id" href={href('devices', device, 'connect')}>{r.id}</a> : <span class="hint">nobody named</span>}</td>
        <td><Cause of={r} /></td>
        <td>{r.happened}{open && <><br /><span class="hint">Observed: {r.observed}. Expected: {r.expected}.</span><br /><code>{r.next}</code></>}</td>
        <td class="hint">{whence(r)}</td>
        <td><Button kind="small" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Less' : 'More'}</Button></td>
    </tr>;
}

function List() {
    const [words, setWords] = useWords({ cause: '', since: '' }), [top, setTop] = useState(50);
    const [page, setPage] = useState(null);
    const causes = useCauses(), work = useWork(), asked = { ...words, top }, path = pathOf(asked);
    const load = useCallback(() => work.run(async (counts) => {
        const { json } = await ask('GET', path);
        if (counts()) setPage(json);
    }), [path]);
    useNews(load);
    const setAsked = (part) => { setTop(50); setWords(part); };
    const change = (name) => (e) => setAsked({ [name]: e.target.value });
    return <>
        <div class="controls">
            <Field label="Cause"><select value={asked.cause} onChange={change('cause')}><option value="">any</option>
                {causes.map((c) => <option key={c.cause} value={c.cause}>{c.cause} {c.name}</option>)}</select></Field>
            <Field label="When"><select value={asked.since} onChange={change('since')}>
                {SINCE.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></Field>
        </div>
        <Wrong error={work.error} />
        {page?.alerts?.map((a) => <Notice key={a.cause} kind="bad">{a.text} Something that they share is wrong: a clock, a key, a network. <Button kind="small"
            onClick={() => setAsked({ cause: a.cause, since: '15m' })}>Show these</Button></Notice>)}
        {page?.value.length === 0 && <Notice>Nobody was refused{asked.cause || asked.since ? ' for that, in that time' : ' since the server started'}.</Notice>}
        {page?.value.length > 0 && <div class="card scroll" tabIndex={0} role="region" aria-label="Refused"><table class="plain-table refused">
            <thead><tr><th>last</th><th>device</th><th>cause</th><th>what happened</th><th>from</th><th><span class="sr">more</span></th></tr></thead>
            <tbody>{page.value.map((r) => <Row key={`${r.firstTime} ${r.cause} ${r.peer} ${r.id}`} of={r} />)}</tbody></table></div>}
        {page?.continuationToken && top < 250 && <Button onClick={() => setTop(250)}>More of them</Button>}
        <Same cli={['azimuth', 'why', '--refused', ...(asked.cause ? ['--cause', asked.cause] : []), ...(asked.since ? ['--since', asked.since] : [])]}
            request={{ method: 'GET', path, admin: true }} />
    </>;
}

export function Refused() {
    return <>
        <div class="row"><h1>Refused</h1><span class="hint">in memory since the server started; equal repeats are one line</span></div>
        {mayReadAll() ? <List /> : <Notice kind="bad">This page needs all rights of a hub's owner.</Notice>}
    </>;
}
