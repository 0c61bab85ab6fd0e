/* explore.jsx - charts of any number that devices send, over the time the log keeps: for one device, some, or all. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, href, place } from '../router.js';
import { mayRead } from '../state.js';
import { Button, count, Field, Notice, Same, State, Tabs, Wrong } from '../parts.jsx';
import { colourOf, Ranges } from '../chart.jsx';
import { readSeries, timesOf } from '../series.js';

const SPANS = [['-15m', 'last 15 minutes'], ['-1h', 'last hour'], ['-6h', 'last 6 hours'], ['-1d', 'last day'], ['-7d', 'last week'], ['-30d', 'last 30 days']];
const PATHS_MAX = 8, LINES_MAX = 16, DEVICES_MAX = 8, ROWS = 200, FOLLOW_MS = 5000;

/** What is shown stands in the address: ?p=path&d=device&from=&to= */
function useView(base) {
    const { search } = place.value;
    const view = { paths: search.getAll('p'), devices: search.getAll('d'), from: search.get('from') ?? '-1h', to: search.get('to') };
    const change = (part) => {
        const next = { ...view, ...part }, words = new URLSearchParams();
        for (const p of next.paths) words.append('p', p);
        for (const d of next.devices) words.append('d', d);
        words.set('from', next.from);
        if (next.to) words.set('to', next.to);
        go(`${base}?${words}`, { replace: true });
    };
    return [view, change];
}

function spanOf({ from, to }) {
    return from.startsWith('-') ? { from } : { from: Number(from), to: Number(to) };
}

/** What the server said so far; asked again when `body` is another, or `turn` is. */
function useSeries(body, turn) {
    const [state, setState] = useState({ error: null, got: null, busy: false });
    const key = JSON.stringify(body), stop = useRef(() => {});
    useEffect(() => {
        const abort = new AbortController();
        const end = (part) => { if (!abort.signal.aborted) setState((s) => ({ ...s, busy: false, ...part })); };
        stop.current = () => { end({}); abort.abort(); };
        setState((s) => ({ ...s, busy: true, error: null }));
        readSeries(body, { signal: abort.signal, onPart: (got) => { if (!abort.signal.aborted) setState((s) => ({ ...s, got })); } })
            .then(() => end({}), (error) => end({ error }));
        return () => abort.abort();
    }, [key, turn]);
    return { ...state, stop: () => stop.current() };
}

function Paths({ found, chosen, onChange }) {
    const [typed, setTyped] = useState('');
    const all = [...new Set([...found, ...chosen])];
    const toggle = (p) => onChange(chosen.includes(p) ? chosen.filter((x) => x !== p) : [...chosen, p]);
    const add = (e) => {
        e.preventDefault();
        if (typed && !chosen.includes(typed)) onChange([...chosen, typed]);
        setTyped('');
    };
    return <div class="controls">
        <fieldset class="kinds"><legend>Numbers that are sent</legend>{all.map((p) => <label key={p} class="check">
            <input type="checkbox" checked={chosen.includes(p)} disabled={!chosen.includes(p) && chosen.length === PATHS_MAX} onChange={() => toggle(p)} /> <code>{p}</code></label>)}
        {!all.length && <span class="hint">none yet</span>}</fieldset>
        <form class="row" onSubmit={add}><Field label="Another path"><input value={typed} spellcheck={false} placeholder="motor.rpm" onInput={(e) => setTyped(e.target.value)} /></Field>
            <Button type="submit" disabled={!typed || chosen.length === PATHS_MAX}>Add path</Button></form>
    </div>;
}

function Devices({ chosen, onChange }) {
    const [typed, setTyped] = useState('');
    const add = (e) => {
        e.preventDefault();
        if (typed.trim() && !chosen.includes(typed.trim())) onChange([...chosen, typed.trim()]);
        setTyped('');
    };
    return <form class="controls" onSubmit={add}>
        <Field label="Devices"><input data-filter value={typed} spellcheck={false} placeholder="all of them together" onInput={(e) => setTyped(e.target.value)} /></Field>
        <Button type="submit" disabled={!typed.trim() || chosen.length === DEVICES_MAX}>Add device</Button>
        <ul class="chips">{chosen.map((d) => <li key={d}><a class="id" href={href('devices', d, 'charts')}>{d}</a>
            <button type="button" class="plain" aria-label={`Without ${d}`} onClick={() => onChange(chosen.filter((x) => x !== d))}>✕</button></li>)}</ul>
    </form>;
}

function nameOf(line, devices) {
    return devices > 1 ? `${line.device} · ${line.path}` : line.path;
}

function number(n) {
    return n === null ? '–' : Number(n.toPrecision(6)).toString();
}

function Table({ lines, times }) {
    const rows = times.map((t, i) => [t, i]).filter(([, i]) => lines.some((l) => l.count[i])).slice(-ROWS).reverse();
    return <div class="scroll tall" tabIndex={0} role="region" aria-label="Values"><table class="plain-table">
        <thead><tr><th>from</th>{lines.map((l) => <th key={l.name}>{l.name}: least, mean, largest</th>)}</tr></thead>
        <tbody>{rows.map(([t, i]) => <tr key={i}><td>{new Date(t * 1000).toLocaleString()}</td>
            {lines.map((l) => <td key={l.name}>{l.count[i] ? `${number(l.low[i])}, ${number(l.mean[i])}, ${number(l.high[i])}` : '–'}</td>)}</tr>)}</tbody>
    </table></div>;
}

function Progress({ got, busy, stop }) {
    const text = `${count(got.lines.reduce((n, l) => n + l.values, 0))} values in ${count(got.records)} messages; ${(got.bytes / 1048576).toFixed(1)} MB of the log read`;
    return <div class="row"><State kind={got.complete ? 'good' : busy ? 'wait' : 'off'}>{got.complete ? 'complete' : busy ? 'reading on' : 'stopped'}</State>
        <span class="hint">{text}{got.skipped > 0 && `; ${count(got.skipped)} are no JSON`}{got.lost > 0 && `; ${count(got.lost)} are not there any more`}</span>
        {busy && !got.complete && <Button kind="small" onClick={stop}>Stop</Button>}</div>;
}

/** Looks again some time after a reading has ended: none is cut short by the next. */
function useFollow(on, again) {
    useEffect(() => {
        if (!on) return undefined;
        const timer = setInterval(() => { if (!document.hidden) again(); }, FOLLOW_MS);
        return () => clearInterval(timer);
    }, [on]);
}

function Lines({ view, devices, change, turn, follow, again }) {
    const [table, setTable] = useState(false);
    const body = { ...(devices.length ? { devices } : {}), paths: view.paths, ...spanOf(view) };
    const { error, got, busy, stop } = useSeries(body, turn);
    useFollow(follow && !busy, again);
    const fits = got && got.lines.length === view.paths.length * Math.max(1, devices.length);
    const lines = fits ? got.lines.map((l) => ({ ...l, name: nameOf(l, devices.length) })) : [];
    const times = got ? timesOf(got) : [];
    const zoom = (from, to) => change({ from: String(Math.round(from)), to: String(Math.round(to)) });
    return <section class="card" aria-label="Chart">
        <Wrong error={error} />
        <div class="row"><ul class="chips">{lines.map((l, i) => <li key={l.name}><span class="swatch" style={{ background: colourOf(i) }} aria-hidden="true" />{l.name}</li>)}</ul>
            <span class="spring" /><Tabs label="Chart or table" tabs={[['chart', 'Chart'], ['table', 'Table']]} current={table ? 'table' : 'chart'} onChoose={(id) => setTable(id === 'table')} /></div>
        {table ? <Table lines={lines} times={times} /> : lines.length > 0 && <Ranges label={lines.map((l) => l.name).join(', ')} times={times} lines={lines} onZoom={zoom} />}
        {got && fits && <Progress got={got} busy={busy} stop={stop} />}
        <Same request={{ method: 'POST', path: '/admin/v1/series', body: { ...body, buckets: 600 }, admin: true }} />
    </section>;
}

/** `device`: of that alone. */
export function Charts({ device }) {
    const [view, change] = useView(device ? href('devices', device, 'charts') : href('explore'));
    const [follow, setFollow] = useState(false), [turn, setTurn] = useState(0);
    const again = () => setTurn((n) => n + 1);
    const devices = device ? [device] : view.devices;
    const names = useSeries({ ...(devices.length ? { devices } : {}), ...spanOf(view) }, 0);
    const found = names.got?.found ?? [];
    useEffect(() => { if (!view.paths.length && found.length) change({ paths: [found[0]] }); }, [found.join('\n'), view.paths.length]);
    if (!mayRead('ServiceConnect')) return <Notice kind="bad">This session has no ServiceConnect right.</Notice>;
    const known = SPANS.some(([id]) => id === view.from);
    const many = view.paths.length * Math.max(1, devices.length) > LINES_MAX;
    return <>
        {!device && <Devices chosen={devices} onChange={(d) => change({ devices: d })} />}
        <div class="controls">
            <Field label="Time"><select value={known ? view.from : 'span'} onChange={(e) => change({ from: e.target.value, to: null })}>
                {!known && <option value="span">{`${new Date(Number(view.from)).toLocaleString()} to ${new Date(Number(view.to)).toLocaleString()}`}</option>}
                {SPANS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></Field>
            <Button onClick={again}>Look again</Button>
            <Button aria-pressed={follow} onClick={() => setFollow(!follow)}>{follow ? 'Stop following' : 'Follow'}</Button>
            <span class="hint pad">Drag over the chart to look closer.</span>
        </div>
        <Wrong error={names.error} />
        <Paths found={found} chosen={view.paths} onChange={(paths) => change({ paths })} />
        {many && <Notice kind="bad">At most {LINES_MAX} lines: devices times numbers.</Notice>}
        {view.paths.length > 0 && !many && <Lines view={view} devices={devices} change={change} turn={turn} follow={follow} again={again} />}
        {!view.paths.length && names.got?.complete && <Notice>No numbers were sent in that time{device ? ' by this device' : ''}.</Notice>}
    </>;
}

export function Explore() {
    return <><div class="row"><h1>Explore</h1><span class="hint">any number in what devices send, as far back as the log keeps it</span></div><Charts /></>;
}
