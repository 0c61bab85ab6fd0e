/* bulk.jsx - what is done to several devices together. */
import { useRef, useState } from 'preact/hooks';
import { may } from '../state.js';
import { Button, count, Dialog, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { BESIDE } from './beside.js';
import { textAt } from './columns.jsx';
import { BATCH, eachBatch } from './batch.js';
import { csvCell, csvLine, save } from './file.js';
import { Progress, useDryRun } from './dry.jsx';
import { JobDialog } from './job.jsx';
import { sqlOf } from './query.js';
import { Target } from './target.js';

const SHOWN = 20;

const ACTIONS = {
    enable: { verb: 'Enable', entry: { importMode: 'update', status: 'enabled' }, cli: 'azimuth hub device-identity update -d "$id" --status enabled' },
    disable: { verb: 'Disable', entry: { importMode: 'update', status: 'disabled' }, cli: 'azimuth hub device-identity update -d "$id" --status disabled',
        note: 'Those that are connected lose their connection.' },
    delete: { verb: 'Delete', entry: { importMode: 'delete' }, cli: 'azimuth hub device-identity delete -d "$id"', bad: true,
        note: 'Identity, twin, modules and waiting messages go. What was sent stays in the stream.' },
};

export function Failures({ list, total }) {
    if (!list.length) return null;
    return <Notice kind="bad"><p>{count(total)} could not be done{total > list.length ? `; the first ${list.length}` : ''}:</p>
        <ul class="failures">{list.map((e, i) => <li key={i}><code>{e.deviceId}</code> {e.errorStatus || e.errorCode}</li>)}</ul></Notice>;
}

function Registry({ name, target, onClose, onClear, onDone }) {
    const { verb, entry, cli, bad, note } = ACTIONS[name];
    const dry = useDryRun(target);
    const [place, setPlace] = useState(null), [failed, setFailed] = useState({ list: [], total: 0 });
    const work = useWork(), stop = useRef(null);
    const run = () => work.run(async () => {
        stop.current = new AbortController();
        const { signal } = stop.current;
        const ids = await target.allIds(signal);
        let total = 0;
        const list = [];
        setPlace({ done: 0, of: ids.length });
        await eachBatch(ids.map((id) => ({ id, ...entry })), { signal, onDone(done, errors) {
            total += errors.length;
            list.push(...errors.slice(0, SHOWN - list.length));
            setPlace({ done, of: ids.length });
        } });
        setFailed({ list, total });
        onDone();
        if (!total) onClear();
    });
    const what = dry.n === 1 && target.ids ? target.ids[0] : `${count(dry.n)} devices`;
    const first = (target.ids ?? ['…']).slice(0, BATCH);
    return <Dialog title={`${verb} ${what}?`} onClose={work.busy ? undefined : onClose}>
        {note && <p>{note}</p>}
        <Wrong error={dry.error ?? work.error} />
        <Failures {...failed} />
        {place && <Progress {...place} label={verb} />}
        <div class="row">
            <Button kind={bad ? 'bad' : 'primary'} busy={work.busy} disabled={!dry.n} onClick={run}>{verb}</Button>
            {work.busy ? <Button onClick={() => stop.current.abort()}>Stop</Button> : <Button onClick={onClose}>{bad ? 'Keep' : 'Cancel'}</Button>}</div>
        <Same cli={target.script(cli)} request={at('POST', '/devices', first.map((id) => ({ id, ...entry })))} />
    </Dialog>;
}

function Export({ target, columns, onClose }) {
    const dry = useDryRun(target);
    const [done, setDone] = useState(null);
    const work = useWork(), stop = useRef(null);
    const sql = sqlOf(target.conditions[0]);
    const paths = ['deviceId', ...columns.filter((p) => p !== 'deviceId' && !BESIDE.includes(p))];
    const run = () => work.run(async () => {
        stop.current = new AbortController();
        const parts = ['\ufeff', csvLine(paths)];
        let n = 0;
        await target.eachRow((rows) => {
            parts.push(rows.map((r) => csvLine(paths.map((p, i) => csvCell(textAt(r, p), !i)))).join(''));
            setDone(n += rows.length);
        }, stop.current.signal);
        save('devices.csv', parts, 'text/csv');
        onClose();
    });
    return <Dialog title={`Export ${count(dry.n)} devices`} onClose={onClose}>
        <p>A CSV file in UTF-8 with the columns that the list shows of their twins:</p><p><code>{paths.join(', ')}</code></p>
        <Wrong error={dry.error ?? work.error} />
        {done !== null && <Progress done={done} of={dry.n} label="Export" />}
        <div class="row"><Button kind="primary" busy={work.busy} disabled={!dry.n} onClick={run}>Export</Button>
            {work.busy && <Button onClick={() => stop.current.abort()}>Stop</Button>}</div>
        <Same cli={['azimuth', 'hub', 'query', '-q', sql, '-o', 'tsv', '--query', `[].[${paths.join(',')}]`]}
            request={at('POST', '/devices/query', { query: sql })} />
    </Dialog>;
}

/** The bar above the list: of those that are chosen, or of all that the query means. */
export function Bulk({ chosen, whole, setWhole, condition, total, columns, onClear, onDone }) {
    const [open, setOpen] = useState(null), [target, setTarget] = useState(null);
    const begin = (what) => () => {
        setTarget(new Target(whole ? { condition } : { ids: [...chosen] }));
        setOpen(what);
    };
    const close = () => setOpen(null);
    const parts = { target, onClose: close, onClear, onDone };
    return <div class="bulk" role="region" aria-label="What is chosen">
        <strong>{whole ? `all ${count(total)} of this query` : `${count(chosen.size)} chosen`}</strong>
        {!whole && condition !== null && total > chosen.size && <button type="button" class="plain link" onClick={() => setWhole(true)}>Choose all {count(total)}</button>}
        <button type="button" class="plain" onClick={onClear}>Choose none</button>
        <span class="spring" />
        <Button disabled={!may('ServiceConnect')} onClick={begin('twin')}>Twin or tags…</Button>
        <Button disabled={!may('ServiceConnect')} onClick={begin('method')}>Method…</Button>
        <Button onClick={begin('export')}>Export CSV…</Button>
        <Button disabled={!may('RegistryWrite')} onClick={begin('enable')}>Enable…</Button>
        <Button disabled={!may('RegistryWrite')} onClick={begin('disable')}>Disable…</Button>
        <Button kind="bad" disabled={!may('RegistryWrite')} onClick={begin('delete')}>Delete…</Button>
        {ACTIONS[open] && <Registry key={open} name={open} {...parts} />}
        {open === 'export' && <Export columns={columns} {...parts} />}
        {(open === 'twin' || open === 'method') && <JobDialog kind={open} {...parts} />}
    </div>;
}
