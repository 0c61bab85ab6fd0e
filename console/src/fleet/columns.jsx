/* columns.jsx - what the list shows of a device: parts of its twin, by their path, and what beside.js knows of it. */
import { useState } from 'preact/hooks';
import { href } from '../router.js';
import { Cause } from '../journal.jsx';
import { WIRES } from '../link.jsx';
import { Ago, Button, Dialog, State } from '../parts.jsx';
import { mayReadAll } from '../state.js';
import { BESIDE } from './beside.js';

export const DEFAULT = ['connectionState', 'lastActivityTime', 'via', 'tags', 'properties.reported', 'lastError'];
export const COLUMNS_MAX = 16;
const NAMES = { deviceId: 'Device', connectionState: 'State', lastActivityTime: 'Last seen', authenticationType: 'Authentication', tags: 'Tags',
    'properties.reported': 'Reported', 'properties.desired': 'Desired', status: 'Status', statusReason: 'Why disabled', modelId: 'Model', version: 'Version',
    via: 'Via', lastError: 'Last error', cloudToDeviceMessageCount: 'Messages waiting', connectionStateUpdatedTime: 'Connection changed', statusUpdatedTime: 'Status changed' };
const TIMES = /^(lastActivityTime|connectionStateUpdatedTime|statusUpdatedTime)$/;

export function nameOf(path) {
    return NAMES[path] ?? path.replace(/^properties\.(reported|desired)\./, (_, side) => (side === 'reported' ? '' : 'desired '))
        .replace(/^tags\./, '');
}

export function valueAt(row, path) {
    return path.split('.').reduce((v, key) => (v !== null && typeof v === 'object' && Object.hasOwn(v, key) ? v[key] : undefined), row);
}

function plain(value) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    const { $metadata, $version, ...rest } = value;
    return rest;
}

/** As text: what a cell and a file have. */
export function textAt(row, path) {
    const value = plain(valueAt(row, path));
    if (value === undefined) return '';
    return typeof value === 'string' ? value : JSON.stringify(value);
}

export function Presence({ row }) {
    if (row.status === 'disabled') return <State kind="bad">disabled</State>;
    return row.connectionState === 'Connected' ? <State kind="good">connected</State> : <State kind="off">away</State>;
}

/** The edge device that is its parent, and by what it is connected. */
function Via({ row, link }) {
    const gateway = row.parentScopes?.[0]?.replace(/^ms-azure-iot-edge:\/\//, '').replace(/-\d{15,}$/, '');
    const wire = link && [WIRES[link.protocol], link.sdk].filter(Boolean).join(' ');
    const text = [gateway, wire].filter(Boolean).join(' · ');
    return text && <span title={text}>{text}</span>;
}

function LastError({ id, of: record }) {
    return <a href={href('devices', id, 'connect')} title={record.happened}><Cause of={record} /> <Ago time={record.time} /></a>;
}

function Cell({ row, path, beside }) {
    if (path === 'via') return <Via row={row} link={beside?.via} />;
    if (path === 'lastError') return beside?.lastError && <LastError id={row.deviceId} of={beside.lastError} />;
    if (path === 'connectionState') return <Presence row={row} />;
    if (TIMES.test(path)) return <Ago time={valueAt(row, path)} />;
    if (path === 'authenticationType' || path === 'status') return valueAt(row, path);
    const text = textAt(row, path);
    return text && text !== '{}' ? <code class="dim" title={text}>{text}</code> : null;
}

export function DeviceLink({ id }) {
    return <a href={href('devices', id)} class="id">{id}</a>;
}

/** The paths that are shown; without an owner's rights nothing is known beside the twins. */
export function pathsOf(chosen) {
    return (chosen.length ? chosen : DEFAULT).filter((p) => p !== 'deviceId' && (!BESIDE.includes(p) || mayReadAll()));
}

/** [path, name, how it is drawn of a row and what is known beside it] of each column; `chosen` may be empty. */
export function columnsOf(first, chosen) {
    const id = ['deviceId', 'Device', (r) => <DeviceLink id={r.deviceId} />];
    if (!first || isDevice(first)) {
        return [id, ...pathsOf(chosen).map((p) => [p, nameOf(p), (r, beside) => <Cell row={r} path={p} beside={beside} />])];
    }
    return Object.keys(first).slice(0, COLUMNS_MAX).map((n) => (n === 'deviceId' ? id
        : [n, n, (r) => <code>{typeof r[n] === 'string' ? r[n] : JSON.stringify(r[n])}</code>]));
}

/** Whole twins, not some columns of a SELECT. */
export function isDevice(row) {
    return row?.deviceId !== undefined && row.etag !== undefined;
}

/** The paths that there are in these rows, the frequent ones first. */
function pathsIn(rows) {
    const found = new Map();
    const walk = (value, path, depth) => {
        for (const [key, v] of Object.entries(plain(value) ?? {})) {
            const at = `${path}.${key}`;
            if (v !== null && typeof v === 'object' && !Array.isArray(v) && depth < 5) walk(v, at, depth + 1);
            else found.set(at, (found.get(at) ?? 0) + 1);
        }
    };
    for (const r of rows.slice(0, 200)) {
        walk(r.tags, 'tags', 0);
        walk(r.properties?.reported, 'properties.reported', 0);
        walk(r.properties?.desired, 'properties.desired', 0);
    }
    return [...found].sort((a, b) => b[1] - a[1]).map(([path]) => path).slice(0, 60);
}

export function ColumnChooser({ chosen, rows, onClose, onChoose }) {
    const [paths, setPaths] = useState(chosen.length ? chosen : DEFAULT), [own, setOwn] = useState('');
    const offers = [...Object.keys(NAMES).filter((p) => p !== 'deviceId'), ...pathsIn(rows)].filter((p) => !paths.includes(p));
    const full = paths.length >= COLUMNS_MAX;
    const add = (path) => { if (path && !full && !paths.includes(path)) setPaths([...paths, path]); };
    const move = (i, by) => {
        const next = [...paths];
        [next[i], next[i + by]] = [next[i + by], next[i]];
        setPaths(next);
    };
    const addOwn = (e) => {
        e.preventDefault();
        add(own.trim());
        setOwn('');
    };
    return <Dialog title="Columns" onClose={onClose}>
        <ol class="chosen-columns" aria-label="Shown, in this order">{paths.map((p, i) => <li key={p}>
            <span>{nameOf(p)} <code class="dim">{p}</code></span>
            <Button kind="small" aria-label={`${p} to the left`} disabled={!i} onClick={() => move(i, -1)}>↑</Button>
            <Button kind="small" aria-label={`${p} to the right`} disabled={i === paths.length - 1} onClick={() => move(i, 1)}>↓</Button>
            <Button kind="small" aria-label={`Remove ${p}`} onClick={() => setPaths(paths.filter((x) => x !== p))}>✕</Button></li>)}</ol>
        <form class="query" onSubmit={addOwn}>
            <input aria-label="Path of another column" value={own} spellcheck={false} placeholder="tags.line · properties.reported.fw.version"
                onInput={(e) => setOwn(e.target.value)} />
            <Button type="submit" disabled={!own.trim() || full}>Add</Button></form>
        {offers.length > 0 && <ul class="offers" aria-label="More that there is">{offers.map((p) => <li key={p}>
            <Button kind="small" disabled={full} title={p} onClick={() => add(p)}>+ {nameOf(p)}</Button></li>)}</ul>}
        <div class="row"><Button kind="primary" onClick={() => onChoose(paths)}>Show these</Button>
            <Button onClick={() => onChoose([])}>As at first</Button>
            {full && <span class="hint">{COLUMNS_MAX} are the most.</span>}</div>
    </Dialog>;
}
