/* stream.jsx - events as they arrive: for the page Live and for a device's. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { href, useWords } from './router.js';
import { listen } from './live.js';
import { mayReadAll } from './state.js';
import { Button, count, Field, State, Wrong } from './parts.jsx';
import { Attempt } from './journal.jsx';
import { Chart } from './chart.jsx';
import { save } from './fleet/file.js';

const KEPT = 1000, DRAWN = 200;
const FROM = [['now', 'from now'], ['-10m', 'last 10 minutes'], ['-1h', 'last hour'], ['-1d', 'last day']];

let serial = 0;

/** What this session may be told of. */
export function kindsHere() {
    return ['telemetry', 'twin', 'lifecycle', 'connection', 'job', 'method', ...(mayReadAll() ? ['refused'] : [])];
}

/** A time of day, as an input has it, is as long ago as it is. */
function beginning(from) {
    const t = Date.parse(from);
    return Number.isNaN(t) ? from : `-${Math.max(1, Math.round((Date.now() - t) / 1000))}s`;
}

/** The newest first, from whichever partition they come. */
function merged(fresh, events) {
    return [...fresh, ...events].sort((a, b) => (a.enqueued < b.enqueued ? 1 : a.enqueued > b.enqueued ? -1 : b.key - a.key)).slice(0, KEPT);
}

/** What came, newest first, and how much did not fit. */
export function useEvents({ device, kinds, from, paused }) {
    const store = useRef({ events: [], lost: 0, came: 0 });
    const [, draw] = useState(0);
    const [error, setError] = useState(null);
    const link = useRef(null), frame = useRef(0);
    useEffect(() => {
        const s = store.current = { events: [], lost: 0, came: 0 };
        setError(null);
        link.current = listen({ sub: 'events', kinds, from: beginning(from), max_hz: 5, ...(device ? { device } : {}) }, (m) => {
            if (m.error) return setError(m.error);
            if (m.gap) s.events = merged([{ kind: 'gap', ...m.gap, enqueued: new Date(m.gap.to).toISOString(), key: ++serial }], s.events);
            s.lost += m.lost ?? 0;
            s.came += m.batch?.length ?? 0;
            if (m.batch?.length) s.events = merged(m.batch.map((e) => ({ ...e, key: ++serial })), s.events);
            frame.current ||= requestAnimationFrame(() => { frame.current = 0; draw((n) => n + 1); });
            return undefined;
        });
        if (paused) link.current.pause(true);
        draw((n) => n + 1);
        return () => link.current.end();
    }, [device, kinds.join(), from]);
    useEffect(() => { link.current?.pause(paused); }, [paused]);
    useEffect(() => () => cancelAnimationFrame(frame.current), []);
    return { ...store.current, error };
}

/* ---- one event */

function pretty(body) {
    try { return JSON.stringify(JSON.parse(body), null, 2); } catch { return body; }
}

/** Sixteen bytes a line: where, in hexadecimal, as text. */
export function hexOf(base64) {
    const bytes = Array.from(atob(base64), (c) => c.charCodeAt(0)), lines = [];
    for (let at = 0; at < bytes.length; at += 16) {
        const some = bytes.slice(at, at + 16), hex = some.map((b) => b.toString(16).padStart(2, '0')).join(' ');
        const text = some.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('');
        lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
    }
    return lines.join('\n');
}

/** What stands in its line of the list. */
function lineOf(e) {
    if (e.kind === 'method') return `${e.method} ${e.request} → ${e.error ?? e.status} ${e.body}`;
    if (e.kind === 'refused') return `${e.refusal.cause} ${e.refusal.name}: ${e.body}${e.refusal.count > 1 ? ` (${count(e.refusal.count)} times)` : ''}`;
    return `${e.encoding === 'base64' ? `${e.size} bytes, not text` : e.body}${e.truncated ? ' …' : ''}`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString();

function Call({ of: e }) {
    return <>
        <p>{e.error ? <>{e.error}: {e.body}</> : <>status {e.status}</>}, {count(e.ms)} ms</p>
        <pre tabIndex={0} aria-label="Payload">{pretty(e.request)}</pre>
        {e.error === undefined && <pre tabIndex={0} aria-label="Answer">{pretty(e.body)}</pre>}
        {(e.truncated || e.requestSize > TOLD_MAX) && <p class="hint">Of payloads and answers the first 1 KiB is shown: {count(e.requestSize)} bytes were sent, {count(e.size)} came back.</p>}
    </>;
}

function Refusal({ of: e }) {
    return <Attempt of={e.refusal} />;
}

function Message({ of: e }) {
    const detail = { partition: e.partition, sequence: e.sequence, offset: e.offset, size: e.size, endpoints: e.endpoints, system: e.system,
        annotations: e.annotations, properties: e.properties };
    return <>
        <pre tabIndex={0} aria-label="Body">{e.encoding === 'base64' ? hexOf(e.body) : pretty(e.body)}</pre>
        {e.truncated && <p class="hint">The first part of {count(e.size)} bytes.</p>}
        {e.propertiesTruncated && <p class="hint">Of many properties the first 64 are shown, of a long one the first 1 KiB.</p>}
        <pre tabIndex={0} aria-label="Properties" class="dim">{JSON.stringify(detail, null, 2)}</pre>
    </>;
}

function Row({ event: e, open, onOpen, withDevice }) {
    if (e.kind === 'gap') return <div class="lost" role="note">From {clock(e.from)} to {clock(e.to)} this page slept: what came then is not shown</div>;
    const More = { method: Call, refused: Refusal }[e.kind] ?? Message;
    return <div class={`event ${open ? 'open' : ''}`}>
        <button type="button" class="event-line" aria-expanded={open} onClick={onOpen}>
            <time dateTime={e.enqueued}>{e.enqueued?.slice(11, 23)}</time>
            <span class={`kind ${e.kind}`}>{e.kind}</span>
            {withDevice && <span class="id">{e.device}{e.module ? `/${e.module}` : ''}</span>}
            <code>{lineOf(e)}</code>
        </button>
        {open && <div class="event-more">
            {withDevice && e.device && <p><a href={href('devices', e.device, ...(e.kind === 'refused' ? ['connect'] : []))}>{e.device}</a></p>}
            <More of={e} />
        </div>}
    </div>;
}

function matching(events, filter) {
    const text = filter?.toLowerCase();
    return text ? events.filter((e) => e.kind === 'gap' || `${e.device} ${lineOf(e)} ${JSON.stringify(e.properties)}`.toLowerCase().includes(text)) : events;
}

function Empty({ events, filter, kinds }) {
    if (events.length) return <p class="hint pad">None of the {count(events.length)} that came has “{filter}” in it.</p>;
    return <p class="hint pad">Nothing yet. Events appear here as they arrive. {kinds.some((k) => !['telemetry', 'method', 'refused'].includes(k))
        && 'Changes of twins, lives, connections and jobs are there if a route wants them, or the server runs with --events.'}</p>;
}

export function Events({ view, stream, withDevice }) {
    const [open, setOpen] = useState(null);
    const { events, lost, error } = stream, found = matching(events, view.has), seen = found.slice(0, DRAWN);
    const keep = () => save('azimuth-events.jsonl', found.filter((e) => e.kind !== 'gap').map(({ key, ...e }) => `${JSON.stringify(e)}\n`), 'application/jsonl');
    return <>
        <Wrong error={error && { message: error }} />
        {lost > 0 && <div class="lost" role="note">{count(lost)} more came than are shown: the link is sampled</div>}
        <div class="events" role="log" aria-live="off" aria-label="Events" tabIndex={0}>
            {seen.map((e) => <Row key={e.key} event={e} withDevice={withDevice} open={open === e.key}
                onOpen={() => setOpen(open === e.key ? null : e.key)} />)}
            {!seen.length && <Empty events={events} filter={view.has} kinds={view.kinds} />}
        </div>
        <div class="row"><Button kind="small" disabled={!found.length} onClick={keep}>Save as a file</Button>
            <span class="hint">{count(found.length)} events{found.length > DRAWN && `; the newest ${DRAWN} are drawn`}</span></div>
    </>;
}

/** What is shown, as the address has it: the device, kinds of `all`, the beginning, and the text that must be in an event. */
export function useView(from, all = kindsHere()) {
    const [view, change] = useWords({ device: '', kinds: all, from, has: '' }), [has, setHas] = useState(view.has);
    const [paused, setPaused] = useState(false);
    useEffect(() => { setHas(view.has); }, [view.has]);
    return { ...view, kinds: all.filter((k) => view.kinds.includes(k)), has, setHas, paused, setPaused, all, change };
}

export function Controls({ view, children }) {
    const { all, kinds, from, has, setHas, paused, setPaused, change } = view, known = FROM.some(([id]) => id === from);
    const toggle = (k) => change({ kinds: all.filter((x) => kinds.includes(x) !== (x === k)) });
    const now = () => new Date(Date.now() - 60000 * new Date().getTimezoneOffset()).toISOString().slice(0, 16);
    return <div class="controls">
        {children}
        <Field label="Containing"><input data-filter value={has} onInput={(e) => setHas(e.target.value)} onChange={() => change({ has })} placeholder="text" spellcheck={false} /></Field>
        <Field label="Beginning"><select value={known ? from : 'time'} onChange={(e) => change({ from: e.target.value === 'time' ? now() : e.target.value })}>
            {FROM.map(([id, name]) => <option key={id} value={id}>{name}</option>)}<option value="time">at a time…</option></select></Field>
        {!known && <Field label="Since"><input type="datetime-local" value={from} max={now()} onChange={(e) => e.target.value && change({ from: e.target.value })} /></Field>}
        <fieldset class="kinds"><legend>Kinds</legend>{all.map((k) => <label key={k} class="check">
            <input type="checkbox" checked={kinds.includes(k)} onChange={() => toggle(k)} /> {k}</label>)}</fieldset>
        <Button onClick={() => setPaused(!paused)} aria-pressed={paused}>{paused ? 'Go on' : 'Pause'}</Button>
    </div>;
}

/* ---- calls of methods */

const CALLS = 20;
export const TOLD_MAX = 1024; // bytes of a payload, and of an answer

/** Of a device the last calls, by whomever; `onAgain` is given the one that is to be called again. */
export function Calls({ id, onAgain }) {
    const { events } = useEvents({ device: id, kinds: ['method'], from: '-1d', paused: false });
    const calls = events.filter((e) => e.kind === 'method' && !e.module).slice(0, CALLS);
    if (!calls.length) return null;
    return <section aria-label="Calls"><div class="row"><h2>Calls</h2><span class="hint">the last {CALLS}, by whomever; in memory since the server was started</span></div>
        {calls.map((e) => <article class="card call" key={e.key}>
            <div class="row"><strong>{e.method}</strong><State kind={e.status < 400 ? 'good' : 'bad'}>{e.error ?? `status ${e.status}`}</State>
                <span class="hint">{clock(Date.parse(e.enqueued))}, {count(e.ms)} ms</span><span class="spring" />
                <Button kind="small" disabled={e.requestSize > TOLD_MAX} title={e.requestSize > TOLD_MAX ? 'of its payload the first part is known' : undefined} onClick={() => onAgain(e)}>Again</Button></div>
            <pre tabIndex={0}>{pretty(e.body)}</pre></article>)}</section>;
}

/* ---- numbers in bodies, by their path */

function numbersOf(body) {
    const found = Object.create(null); // a path may be "constructor" or "__proto__"
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
