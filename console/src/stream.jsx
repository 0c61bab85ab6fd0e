/* stream.jsx - events as they arrive: for the page Live and for a device's. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { href } from './router.js';
import { listen } from './live.js';
import { Button, count, Field, Notice } from './parts.jsx';
import { Chart } from './chart.jsx';

const KEPT = 1000, DRAWN = 200;
export const KINDS = ['telemetry', 'twin', 'lifecycle', 'connection', 'job'];
const FROM = [['now', 'from now'], ['-10m', 'last 10 minutes'], ['-1h', 'last hour'], ['-1d', 'last day']];

let serial = 0;

/** What came, newest first, and how much did not fit. */
export function useEvents({ device, kinds, from, paused }) {
    const store = useRef({ events: [], lost: 0, came: 0 });
    const [, draw] = useState(0);
    const [error, setError] = useState(null);
    const link = useRef(null), frame = useRef(0);
    useEffect(() => {
        const s = store.current = { events: [], lost: 0, came: 0 };
        setError(null);
        link.current = listen({ sub: 'events', kinds, from, max_hz: 5, ...(device ? { device } : {}) }, (m) => {
            if (m.error) return setError(m.error);
            if (m.gap) s.events = [{ kind: 'gap', ...m.gap, key: ++serial }, ...s.events];
            s.lost += m.lost ?? 0;
            s.came += m.batch?.length ?? 0;
            if (m.batch?.length) s.events = [...m.batch.map((e) => ({ ...e, key: ++serial })).reverse(), ...s.events].slice(0, KEPT);
            frame.current ||= requestAnimationFrame(() => { frame.current = 0; draw((n) => n + 1); });
            return undefined;
        });
        if (paused) link.current.pause(true);
        draw((n) => n + 1);
        return () => link.current.end();
    }, [device, kinds.join(), from]);
    useEffect(() => { link.current?.pause(paused); }, [paused]);
    return { ...store.current, error, clear: () => { store.current.events = []; draw((n) => n + 1); } };
}

function pretty(body) {
    try { return JSON.stringify(JSON.parse(body), null, 2); } catch { return body; }
}

const clock = (ms) => new Date(ms).toLocaleTimeString();

function Row({ event, open, onOpen, withDevice }) {
    const e = event;
    if (e.kind === 'gap') return <div class="lost" role="note">From {clock(e.from)} to {clock(e.to)} this page slept: what came then is not shown</div>;
    const detail = { partition: e.partition, sequence: e.sequence, offset: e.offset, size: e.size, endpoints: e.endpoints, system: e.system,
        annotations: e.annotations, properties: e.properties };
    return <div class={`event ${open ? 'open' : ''}`}>
        <button type="button" class="event-line" aria-expanded={open} onClick={onOpen}>
            <time dateTime={e.enqueued}>{e.enqueued?.slice(11, 23)}</time>
            <span class={`kind ${e.kind}`}>{e.kind}</span>
            {withDevice && <span class="id">{e.device}{e.module ? `/${e.module}` : ''}</span>}
            <code>{e.encoding === 'base64' ? `${e.size} bytes, not text` : e.body}{e.truncated ? ' …' : ''}</code>
        </button>
        {open && <div class="event-more">
            {withDevice && e.device && <p><a href={href('devices', e.device)}>{e.device}</a></p>}
            <pre tabIndex={0} aria-label="Body">{e.encoding === 'base64' ? e.body : pretty(e.body)}</pre>
            {e.truncated && <p class="hint">The first part of {count(e.size)} bytes.</p>}
            <pre tabIndex={0} aria-label="Properties" class="dim">{JSON.stringify(detail, null, 2)}</pre>
        </div>}
    </div>;
}

export function Events({ events, lost, withDevice, filter }) {
    const [open, setOpen] = useState(null);
    const text = filter?.toLowerCase();
    const seen = (text ? events.filter((e) => e.kind === 'gap' || `${e.device} ${e.body} ${JSON.stringify(e.properties)}`.toLowerCase().includes(text)) : events).slice(0, DRAWN);
    return <>
        {lost > 0 && <div class="lost" role="note">{count(lost)} more came than are shown: the link is sampled</div>}
        <div class="events" role="log" aria-live="off" aria-label="Events" tabIndex={0}>
            {seen.map((e) => <Row key={e.key} event={e} withDevice={withDevice} open={open === e.key}
                onOpen={() => setOpen(open === e.key ? null : e.key)} />)}
            {!seen.length && <p class="hint pad">Nothing yet. Events appear here as they arrive.</p>}
        </div>
    </>;
}

export function Controls({ from, setFrom, kinds, setKinds, paused, setPaused, filter, setFilter, children, all = KINDS }) {
    const toggle = (k) => setKinds(kinds.includes(k) ? kinds.filter((x) => x !== k) : [...kinds, k]);
    return <div class="controls">
        {children}
        <Field label="Containing"><input data-filter value={filter} onInput={(e) => setFilter(e.target.value)} placeholder="text" spellcheck={false} /></Field>
        <Field label="Beginning"><select value={from} onChange={(e) => setFrom(e.target.value)}>
            {FROM.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></Field>
        <fieldset class="kinds"><legend>Kinds</legend>{all.map((k) => <label key={k} class="check">
            <input type="checkbox" checked={kinds.includes(k)} onChange={() => toggle(k)} /> {k}</label>)}</fieldset>
        <Button onClick={() => setPaused(!paused)} aria-pressed={paused}>{paused ? 'Go on' : 'Pause'}</Button>
    </div>;
}

/** Numbers in bodies, by their path. */
function numbersOf(body) {
    const found = {};
    const walk = (v, path) => {
        if (typeof v === 'number') found[path] = v;
        else if (v && typeof v === 'object') for (const [k, x] of Object.entries(v)) walk(x, path ? `${path}.${k}` : k);
    };
    try { walk(JSON.parse(body), ''); } catch { /* not JSON */ }
    return found;
}

export function Numbers({ events }) {
    const [chosen, setChosen] = useState('');
    const points = events.filter((e) => e.kind === 'telemetry' && e.encoding !== 'base64')
        .map((e) => ({ at: Date.parse(e.enqueued) / 1000, numbers: numbersOf(e.body) })).reverse();
    const paths = [...new Set(points.slice(-50).flatMap((p) => Object.keys(p.numbers)))];
    if (!paths.length) return null;
    const path = paths.includes(chosen) ? chosen : paths[0];
    const shown = points.filter((p) => path in p.numbers);
    return <section class="card" aria-label="Numbers"><div class="row"><h2>Chart</h2>
        <select aria-label="Path" value={path} onChange={(e) => setChosen(e.target.value)}>{paths.map((p) => <option key={p}>{p}</option>)}</select>
        <span class="hint">{shown.length} values; the list below has them as text</span></div>
        <Chart label={path} times={shown.map((p) => p.at)} series={[{ name: path, values: shown.map((p) => p.numbers[path]) }]} />
    </section>;
}

export { Notice };
