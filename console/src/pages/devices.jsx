/* devices.jsx - the fleet: a query, its answer page by page in a table that draws only what is seen. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { go, href, place } from '../router.js';
import { ask, may, mayRead, session } from '../state.js';
import { Ago, Button, Copy, count, Dialog, Field, Notice, Same, State, useWork, Wrong } from '../parts.jsx';
import { connectionString } from '../connection.js';

const PAGE = 200, ROW = 40, BULK = 100;

/** Plain words find ids that begin so; a condition goes behind WHERE; SELECT stays as it is. */
export function sqlOf(text) {
    const t = text.trim();
    if (!t) return 'SELECT * FROM devices';
    if (/^select\s/i.test(t)) return t;
    if (/^[\w\-:.+%#*?!(),@;$]+$/.test(t) && !/[=<>]/.test(t)) return `SELECT * FROM devices WHERE STARTSWITH(deviceId, '${t}')`;
    return `SELECT * FROM devices WHERE ${t}`;
}

/** All rows that came so far, and how to get more. */
function useQuery(sql) {
    const [state, setState] = useState({ rows: [], done: false });
    const work = useWork();
    const run = useRef(0), next = useRef(null), under = useRef(false);
    const more = useCallback(async (fresh) => {
        if (under.current && !fresh) return;
        const mine = fresh ? ++run.current : run.current;
        under.current = true;
        const headers = { 'x-ms-max-item-count': String(PAGE) };
        if (!fresh && next.current) headers['x-ms-continuation'] = next.current;
        const got = await work.run(() => ask('POST', '/devices/query', { body: { query: sql }, headers }));
        if (mine !== run.current) return;
        under.current = false;
        if (!got) {
            setState((s) => ({ ...s, done: true, loaded: true }));
            return;
        }
        next.current = got.headers.get('x-ms-continuation');
        setState((s) => ({ rows: fresh ? got.json : [...s.rows, ...got.json], done: !next.current, loaded: true }));
    }, [sql]);
    useEffect(() => { more(true); }, [sql]);
    return { ...state, more, again: () => more(true), work, setRows: (fn) => setState((s) => ({ ...s, rows: fn(s.rows) })) };
}

function useTotal(dep) {
    const [total, setTotal] = useState(null);
    useEffect(() => {
        if (mayRead('RegistryRead')) ask('GET', '/statistics/devices').then(({ json }) => setTotal(json.totalDeviceCount)).catch(() => {});
    }, [dep]);
    return total;
}

export function Presence({ row }) {
    if (row.status === 'disabled') return <State kind="bad">disabled</State>;
    return row.connectionState === 'Connected' ? <State kind="good">connected</State> : <State kind="off">away</State>;
}

const DEVICE_COLUMNS = [
    ['deviceId', 'Device', (r) => <a href={href('devices', r.deviceId)} class="id">{r.deviceId}</a>],
    ['state', 'State', (r) => <Presence row={r} />],
    ['seen', 'Last seen', (r) => <Ago time={r.lastActivityTime} />],
    ['auth', 'Authentication', (r) => r.authenticationType],
    ['tags', 'Tags', (r) => <code class="dim">{r.tags && Object.keys(r.tags).length ? JSON.stringify(r.tags) : ''}</code>],
    ['reported', 'Reported', (r) => {
        const { $metadata, $version, ...rest } = r.properties?.reported ?? {};
        return <code class="dim">{Object.keys(rest).length ? JSON.stringify(rest) : ''}</code>;
    }],
];

function columnsOf(rows) {
    if (!rows.length || (rows[0].deviceId !== undefined && rows[0].etag !== undefined)) return DEVICE_COLUMNS;
    const names = [...new Set(rows.slice(0, 50).flatMap(Object.keys))].slice(0, 8);
    return names.map((n) => [n, n, (r) => (n === 'deviceId'
        ? <a href={href('devices', r.deviceId)} class="id">{r.deviceId}</a>
        : <code>{typeof r[n] === 'string' ? r[n] : JSON.stringify(r[n])}</code>)]);
}

function Table({ rows, done, more, chosen, setChosen }) {
    const box = useRef(), [top, setTop] = useState(0), [height, setHeight] = useState(600);
    const columns = columnsOf(rows), device = columns === DEVICE_COLUMNS;
    useEffect(() => {
        const fit = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 600));
        fit.observe(box.current);
        return () => fit.disconnect();
    }, []);
    const first = Math.max(0, Math.floor(top / ROW) - 8), last = Math.min(rows.length, first + Math.ceil(height / ROW) + 16);
    useEffect(() => { if (!done && last >= rows.length - 50) more(); }, [last, rows.length, done]);
    const toggle = (id) => {
        const now = new Set(chosen);
        if (!now.delete(id)) now.add(id);
        setChosen(now);
    };
    const all = rows.length > 0 && rows.every((r) => chosen.has(r.deviceId));
    return <div class="grid" role="table" aria-label="Devices" aria-rowcount={done ? rows.length + 1 : -1}
        style={{ '--columns': `${device ? '2.5rem ' : ''}minmax(10rem, 2fr) repeat(${columns.length - 1}, minmax(6rem, 1fr))` }}>
        <div class="grid-body" ref={box} tabIndex={0} aria-label="Rows" role="rowgroup" onScroll={(e) => setTop(e.target.scrollTop)}>
            <div role="row" class="grid-head" aria-rowindex={1}>
                {device && <span role="columnheader"><input type="checkbox" aria-label="Choose all that are shown" checked={all}
                    onChange={() => setChosen(all ? new Set() : new Set(rows.map((r) => r.deviceId)))} /></span>}
                {columns.map(([id, name]) => <span role="columnheader" key={id}>{name}</span>)}
            </div>
            <div class="grid-space" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
                {rows.slice(first, last).map((r, i) => <div role="row" class="grid-row" aria-rowindex={first + i + 2}
                    key={r.deviceId ?? first + i} style={{ top: `${(first + i) * ROW}px` }}>
                    {device && <span role="cell"><input type="checkbox" aria-label={`Choose ${r.deviceId}`} checked={chosen.has(r.deviceId)}
                        onChange={() => toggle(r.deviceId)} /></span>}
                    {columns.map(([id, , draw]) => <span role="cell" key={id}>{draw(r)}</span>)}
                </div>)}
            </div>
        </div>
    </div>;
}

function NewDevice({ onClose, onMade }) {
    const [id, setId] = useState(''), [edge, setEdge] = useState(false), [made, setMade] = useState(null);
    const work = useWork();
    const path = `/devices/${encodeURIComponent(id)}`;
    const body = { deviceId: id, status: 'enabled', ...(edge ? { capabilities: { iotEdge: true } } : {}) };
    const save = async (e) => {
        e.preventDefault();
        const got = await work.run(() => ask('PUT', path, { body }));
        if (!got) return;
        setMade(got.json);
        onMade(got.json);
    };
    if (made) {
        const text = connectionString(made.deviceId, made.authentication.symmetricKey.primaryKey);
        return <Dialog title={`${made.deviceId} is there`} onClose={onClose}>
            <p>Its connection string, for any Azure IoT device SDK:</p>
            <pre class="snippet wrap" tabIndex={0}>{text}</pre>
            <div class="row"><Copy text={text} label="Copy connection string" /><span class="spring" />
                <Button onClick={() => go(href('devices', made.deviceId))}>Open the device</Button></div>
        </Dialog>;
    }
    return <Dialog title="New device" onClose={onClose}>
        <form onSubmit={save}>
            <Wrong error={work.error} />
            <Field label="Device id" hint="1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '">
                <input value={id} maxLength={128} autofocus onInput={(e) => setId(e.target.value)} spellcheck={false} /></Field>
            <label class="check"><input type="checkbox" checked={edge} onChange={(e) => setEdge(e.target.checked)} /> IoT Edge device</label>
            <Button kind="primary" type="submit" busy={work.busy} disabled={!id}>Create</Button>
        </form>
        <Same cli={['azimuth', 'hub', 'device-identity', 'create', '-d', id || 'my-device', ...(edge ? ['--ee', 'true'] : [])]}
            request={{ method: 'PUT', path: `${path}?api-version=2021-04-12`, body, host: session.value.hostname, port: session.value.https }} />
    </Dialog>;
}

/** The same for each of those that are chosen, a hundred at a time. */
function Bulk({ chosen, onDone }) {
    const work = useWork();
    const [sure, setSure] = useState(false), [failed, setFailed] = useState(null);
    const ids = [...chosen];
    const run = (importMode, extra = {}) => work.run(async () => {
        const wrong = [];
        for (let i = 0; i < ids.length; i += BULK) {
            const body = ids.slice(i, i + BULK).map((id) => ({ id, importMode, ...extra }));
            try {
                await ask('POST', '/devices', { body });
            } catch (e) {
                wrong.push(e.message);
            }
        }
        setFailed(wrong.length ? wrong[0] : null);
        setSure(false);
        if (!wrong.length) onDone();
    });
    return <div class="bulk" role="region" aria-label="What is chosen">
        <strong>{ids.length} chosen</strong>
        <Button onClick={() => run('update', { status: 'enabled' })} busy={work.busy}>Enable</Button>
        <Button onClick={() => run('update', { status: 'disabled' })} busy={work.busy}>Disable</Button>
        <Button kind="bad" onClick={() => setSure(true)} busy={work.busy}>Delete…</Button>
        {failed && <span class="problem">{failed}</span>}
        <Same cli={['azimuth', 'hub', 'device-identity', 'update', '-d', ids[0], '--status', 'disabled']} />
        {sure && <Dialog title={`Delete ${ids.length === 1 ? ids[0] : `${ids.length} devices`}?`} onClose={() => setSure(false)}>
            <p>Identity, twin, modules and waiting messages go. What was sent stays in the stream.</p>
            <div class="row"><Button kind="bad" busy={work.busy} onClick={() => run('delete')}>Delete</Button>
                <Button onClick={() => setSure(false)}>Keep</Button></div>
            <Same cli={['azimuth', 'hub', 'device-identity', 'delete', '-d', ids[0]]} />
        </Dialog>}
    </div>;
}

export function Devices() {
    const asked = place.value.search.get('q') ?? '';
    const [text, setText] = useState(asked);
    const [making, setMaking] = useState(place.value.search.has('new'));
    const [chosen, setChosen] = useState(new Set());
    const sql = sqlOf(asked);
    const query = useQuery(sql);
    const total = useTotal(query.rows.length);
    const submit = (e) => {
        e.preventDefault();
        const to = href('devices') + (text.trim() ? `?q=${encodeURIComponent(text)}` : '');
        setChosen(new Set());
        if (text === asked) query.again();
        else go(to);
    };
    return <div class="fill">
        <div class="row"><h1>Devices</h1><span class="hint">{count(query.rows.length)}{query.done ? '' : '+'} shown of {count(total)}</span><span class="spring" />
            <Button kind="primary" disabled={!may('RegistryWrite')} onClick={() => setMaking(true)}>New device</Button></div>
        <form class="query" onSubmit={submit} role="search">
            <input data-filter aria-label="Query" value={text} spellcheck={false} onInput={(e) => setText(e.target.value)}
                placeholder="press-   ·   tags.line = '4' AND properties.reported.fw < '2.1'   ·   SELECT deviceId, tags FROM devices" />
            <Button type="submit" busy={query.work.busy}>Run</Button>
        </form>
        <Wrong error={query.work.error} />
        {chosen.size > 0 && <Bulk chosen={chosen} onDone={() => { setChosen(new Set()); query.again(); }} />}
        {query.loaded && !query.rows.length && query.done && !query.work.error
            ? <Notice>{asked ? 'No device is like that.' : 'There is no device yet. "New device" makes one.'}</Notice>
            : <Table rows={query.rows} done={query.done} more={query.more} chosen={chosen} setChosen={setChosen} />}
        <Same cli={['azimuth', 'hub', 'query', '-q', sql]}
            request={{ method: 'POST', path: '/devices/query?api-version=2021-04-12', body: { query: sql }, host: session.value.hostname, port: session.value.https }} />
        {making && <NewDevice onClose={() => setMaking(false)} onMade={() => query.again()} />}
    </div>;
}
