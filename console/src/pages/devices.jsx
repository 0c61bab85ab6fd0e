/* devices.jsx - the fleet: a query, its answer in a list, and what is done to those in it. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { go, href, place } from '../router.js';
import { ask, may } from '../state.js';
import { Button, Copy, count, Dialog, Field, Notice, Same, Tabs, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { connectionString } from '../connection.js';
import { Bulk } from '../fleet/bulk.jsx';
import { COLUMNS_MAX, ColumnChooser, DEFAULT } from '../fleet/columns.jsx';
import { Flapping, WITHIN } from '../fleet/flapping.jsx';
import { ImportDialog, useDrop } from '../fleet/import.jsx';
import { LATE_IS, lateCondition, SINCE } from '../fleet/late.js';
import { usePages } from '../fleet/pages.js';
import { both, conditionOf, isWord, sqlOf, useCount } from '../fleet/query.js';
import { SaveAs, SavedMenu, useSaved } from '../fleet/saved.jsx';
import { Table } from '../fleet/table.jsx';

/* ---- the address says what is shown */

function asked() {
    const s = place.value.search;
    return { text: s.get('q') ?? '', late: SINCE.find(([id]) => id === s.get('late')), saved: s.get('saved') ?? '',
        columns: s.getAll('c').slice(0, COLUMNS_MAX) };
}

function addressOf({ text, late, saved, columns }) {
    const words = new URLSearchParams();
    if (text) words.set('q', text);
    if (late) words.set('late', late[0]);
    if (saved) words.set('saved', saved);
    for (const c of columns) words.append('c', c);
    const query = words.toString();
    return href('devices') + (query ? `?${query}` : '');
}

function flappingOf([id]) {
    return `${href('devices')}?flapping=${id}`;
}

function NewDevice({ name, onClose, onMade }) {
    const [id, setId] = useState(name), [edge, setEdge] = useState(false), [made, setMade] = useState(null);
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
            request={at('PUT', path, body)} />
    </Dialog>;
}

/** `now.flapping`: within which time. */
function Lists({ now, show }) {
    const tabs = [['all', 'All'], ['late', 'Late'], ['flapping', 'Flapping'], ['refused', 'Refused']];
    const choose = (id) => {
        if (id === 'refused') go(href('refused'));
        else if (id === 'flapping') go(flappingOf(WITHIN[1]));
        else show({ late: id === 'late' ? SINCE[0] : undefined });
    };
    return <><Tabs label="Lists" tabs={tabs} current={now.flapping ? 'flapping' : now.late ? 'late' : 'all'} onChoose={choose} />
        {now.flapping && <label class="since">the last time within <select value={now.flapping[0]} onChange={(e) => go(flappingOf([e.target.value]))}>
            {WITHIN.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>}
        {now.late && <label class="since" title={now.late[2] ? undefined : LATE_IS}>not heard of for <select value={now.late[0]} onChange={(e) => show({ late: SINCE.find(([id]) => id === e.target.value) })}>
            {SINCE.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>}</>;
}

/** What is open above the page. */
function Opened({ what, now, condition, pages, saved, show, again, close }) {
    if (what?.name !== undefined) return <NewDevice name={what.name} onClose={close} onMade={again} />;
    if (what === 'columns') return <ColumnChooser chosen={now.columns} rows={pages.rows} onClose={close}
        onChoose={(columns) => { close(); show({ columns }); }} />;
    if (what === 'save') return <SaveAs condition={condition} columns={now.columns} name={now.saved} saved={saved} onClose={close}
        onSaved={(name) => { close(); show({ saved: name }); }} />;
    if (what) return <ImportDialog file={what.file} onClose={close} onDone={again} onSaved={saved.load} />;
    return null;
}

function Comers({ flapping }) {
    const show = (change) => go(addressOf({ columns: [], ...change }));
    return <><h1>Devices</h1>
        <div class="row lists"><Lists now={{ flapping }} show={show} /></div>
        <Flapping since={flapping[0]} onAsk={(text) => show({ text })} /></>;
}

/** What an empty list says. A word is the beginning of an id; many take it for any part of one. */
function nobodyIs({ text, late }) {
    if (late) return text ? 'No device that is like that is late.' : 'No device is late.';
    if (!text) return 'There is no device yet. "New device" makes one; a file of them can be dropped here.';
    if (!isWord(text)) return 'No device is like that.';
    return <>No device id begins with <code>{text}</code>; capitals and small letters are not the same. A condition such as <code>tags.line = '4'</code> asks for anything else.</>;
}

export function Devices() {
    const flapping = WITHIN.find(([id]) => id === place.value.search.get('flapping'));
    return flapping ? <Comers flapping={flapping} /> : <Fleet />;
}

function Fleet() {
    const now = asked();
    const [text, setText] = useState(now.text), [before, setBefore] = useState(now.text);
    const [open, setOpen] = useState(null), wish = place.value.search.has('new') ? { name: place.value.search.get('new') } : place.value.search.has('import') ? {} : null;
    const [chosen, setChosen] = useState(new Set()), [whole, setWhole] = useState(false), [turn, setTurn] = useState(0);
    const saved = useSaved();
    if (before !== now.text) { // led here by a link, or back
        setBefore(now.text);
        setText(now.text);
    }
    useEffect(() => {
        if (!wish) return;
        setOpen(wish);
        go(addressOf(now), { replace: true });
    }, [place.value]);
    const late = useMemo(() => (now.late ? lateCondition(now.late) : ''), [now.late, turn]);
    const own = conditionOf(now.text), condition = own === null ? null : both(own, late);
    const sql = condition === null ? now.text : sqlOf(condition);
    const { pages, again, busy } = usePages(sql);
    const found = useCount(condition || null, turn), total = useCount('', turn);
    const over = useDrop((file) => setOpen({ file }));
    const clear = () => { setChosen(new Set()); setWhole(false); };
    const reload = () => { setTurn((n) => n + 1); again(); };
    const show = (change) => {
        clear();
        const to = addressOf({ ...now, ...change });
        if (to === location.pathname + location.search) reload();
        else go(to);
    };
    const submit = (e) => {
        e.preventDefault();
        show({ text: text.trim(), saved: text.trim() === now.text ? now.saved : '' });
    };
    const empty = pages.loaded && !pages.count && pages.done && !pages.error;
    return <div class={`fill ${over ? 'drop' : ''}`}>
        <div class="row"><h1>Devices</h1><span class="hint">{condition ? `${count(found)} of ${count(total)}` : count(total)}</span><span class="spring" />
            <Button disabled={!may('RegistryWrite')} onClick={() => setOpen({})}>Import…</Button>
            <Button kind="primary" disabled={!may('RegistryWrite')} onClick={() => setOpen({ name: '' })}>New device</Button></div>
        <div class="row lists"><Lists now={now} show={show} /><span class="spring" />
            <SavedMenu saved={saved} current={now.saved} onOpen={(q) => show({ text: q.condition, columns: q.columns, saved: q.name, late: undefined })} />
            <Button onClick={() => setOpen('save')}>Save as…</Button><Button onClick={() => setOpen('columns')}>Columns…</Button></div>
        <form class="query" onSubmit={submit} role="search">
            <input data-filter aria-label="Query" value={text} spellcheck={false} onInput={(e) => setText(e.target.value)}
                placeholder="press-   ·   tags.line = '4' AND properties.reported.fw < '2.1'   ·   SELECT deviceId, tags FROM devices" />
            <Button type="submit" busy={busy}>Run</Button>
        </form>
        <Wrong error={pages.error} />
        {chosen.size > 0 && <Bulk {...{ chosen, whole, setWhole, condition, columns: now.columns.length ? now.columns : DEFAULT }} total={(condition ? found : total) ?? 0}
            onClear={clear} onDone={reload} />}
        {empty ? <Notice>{nobodyIs(now)}</Notice>
            : <Table pages={pages} shown={now.columns} chosen={chosen} setChosen={(set) => { setWhole(false); setChosen(set); }} />}
        <Same cli={['azimuth', 'hub', 'query', '-q', sql]} request={at('POST', '/devices/query', { query: sql })} />
        {over && <p class="drop-word" role="status">Drop a CSV or JSON file of devices</p>}
        <Opened what={open} {...{ now, condition, pages, saved, show }} again={reload} close={() => setOpen(null)} />
    </div>;
}
