/* import.jsx - a file of devices, dropped on the list or chosen: what is in it, line by line, then made. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../state.js';
import { Button, count, Dialog, Field, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { eachBatch } from './batch.js';
import { decode } from './decode.js';
import { Progress } from './dry.jsx';
import { FILE_MAX, read } from './read.js';
import { pathOf, queriesOf, sameOf } from './saved.jsx';

const SHOWN = 100;

/** Files that are dragged over the page: `over` while one is, `take` when it is dropped. */
export function useDrop(take) {
    const [over, setOver] = useState(false);
    useEffect(() => {
        const carries = (e) => e.dataTransfer?.types.includes('Files') && !document.querySelector('dialog[open]');
        const onOver = (e) => { if (carries(e)) { e.preventDefault(); setOver(true); } };
        const onLeave = (e) => { if (!e.relatedTarget) setOver(false); };
        const onDrop = (e) => {
            if (!carries(e)) return;
            e.preventDefault();
            setOver(false);
            if (e.dataTransfer.files[0]) take(e.dataTransfer.files[0]);
        };
        addEventListener('dragover', onOver);
        addEventListener('dragleave', onLeave);
        addEventListener('drop', onDrop);
        return () => { removeEventListener('dragover', onOver); removeEventListener('dragleave', onLeave); removeEventListener('drop', onDrop); };
    }, []);
    return over;
}

async function open(file) {
    const title = file.name;
    if (file.size > FILE_MAX) return { title, sure: true, rows: [], problems: [`the file has ${Math.ceil(file.size / 1048576)} MB; this page takes ${FILE_MAX >> 20}, "azimuth hub device-identity import --file" any size`] };
    const { text, ...encoding } = decode(new Uint8Array(await file.arrayBuffer()));
    return { title, ...encoding, ...read(text) };
}

function Encoding({ of: f, agreed, setAgreed }) {
    if (!f.name) return null;
    return <Notice kind={f.sure ? 'info' : 'bad'}>{f.sure ? `The file is in ${f.name}, not in UTF-8; it was read as such.` : <>
        <p>Line {f.line} is not UTF-8. The file looks like {f.name}: look whether letters beyond ASCII are right below.</p>
        <label class="check"><input type="checkbox" checked={agreed} onChange={(e) => setAgreed(e.target.checked)} /> They are: read it as {f.name}</label></>}</Notice>;
}

function Preview({ rows, counted }) {
    const wrong = rows.filter((r) => r.problems.length), shown = [...wrong, ...rows.filter((r) => !r.problems.length)].slice(0, SHOWN).sort((a, b) => a.line - b.line);
    return <div class="scroll preview" tabIndex={0} role="region" aria-label="What is in the file"><table class="plain-table">
        <thead><tr><th>{counted ? 'element' : 'line'}</th><th>device</th><th>status</th><th>keys</th><th>tags, desired properties</th><th>problem</th></tr></thead>
        <tbody>{shown.map(({ line, entry, problems }) => <tr key={line}><td>{line}</td><th scope="row">{String(entry.id ?? '')}</th><td>{String(entry.status ?? '')}</td>
            <td>{entry.authentication ? String(entry.authentication.type ?? 'given') : 'made'}</td>
            <td><code>{entry.tags || entry.properties ? JSON.stringify({ ...(entry.tags ? { tags: entry.tags } : {}), ...(entry.properties ?? {}) }) : ''}</code></td>
            <td class="problem">{problems.join('; ')}</td></tr>)}</tbody></table></div>;
}

function Queries({ list, onClose, onSaved }) {
    const work = useWork();
    const run = () => work.run(async () => {
        for (const { name, condition, columns } of list) await ask('PUT', pathOf(name), { body: { condition, columns } });
        await onSaved();
        onClose();
    });
    return <>
        <p>The file has {count(list.length)} saved {list.length === 1 ? 'query' : 'queries'}. Those that have the name of one that is there take its place.</p>
        <ul class="failures">{list.map((q) => <li key={q.name}><strong>{q.name}</strong> <code class="dim">{q.condition || 'all devices'}</code></li>)}</ul>
        <Wrong error={work.error} />
        <Button kind="primary" busy={work.busy} onClick={run}>Import {list.length} saved {list.length === 1 ? 'query' : 'queries'}</Button>
        <Same {...sameOf(list[0])} />
    </>;
}

function Devices({ file, onClose, onDone }) {
    const [agreed, setAgreed] = useState(false), [mode, setMode] = useState('create'), [place, setPlace] = useState(null);
    const [after, setAfter] = useState(null), [taken, setTaken] = useState(0);
    const work = useWork(), stop = useRef(null);
    const rows = after ?? file.rows, good = rows.filter((r) => !r.problems.length), wrong = rows.length - good.length;
    const entries = good.map(({ entry }) => ({ ...entry, importMode: mode }));
    const run = () => work.run(async () => {
        stop.current = new AbortController();
        const refused = new Map();
        let reached = 0;
        await eachBatch(entries, { signal: stop.current.signal, onDone(done, errors) {
            for (const e of errors) refused.set(e.deviceId, e.errorStatus || e.errorCode);
            setPlace({ done: reached = done, of: entries.length });
        } });
        onDone();
        const begun = new Set(good.slice(0, reached));
        const left = rows.filter((r) => !begun.has(r) || refused.has(r.entry.id))
            .map((r) => (begun.has(r) ? { ...r, problems: [refused.get(r.entry.id)] } : r));
        setTaken(reached - refused.size);
        setAfter(left);
        if (!left.length) onClose();
    });
    const ready = good.length > 0 && (file.sure || agreed);
    return <>
        <Encoding of={file} agreed={agreed} setAgreed={setAgreed} />
        {file.problems.map((p) => <Notice key={p} kind="bad">{p}</Notice>)}
        <Wrong error={work.error} />
        {after && <Notice kind={wrong ? 'bad' : 'info'}>{count(taken)} were taken. What is below was not.</Notice>}
        {rows.length > 0 && <><p><strong>{count(good.length)}</strong> can be imported{wrong > 0 && <>, <strong class="problem">{count(wrong)}</strong> cannot</>}
            {rows.length > SHOWN && <span class="hint"> · {SHOWN} are shown, those with a problem first</span>}</p>
        <Preview rows={rows} counted={file.counted} /></>}
        {place && work.busy && <Progress {...place} label="Import" />}
        {file.rows.length > 0 && <Field label="Devices that are there already"><select value={mode} onChange={(e) => setMode(e.target.value)}>
            <option value="create">stay as they are, and are told here</option><option value="createOrUpdate">are changed to what the file says</option></select></Field>}
        <div class="row"><Button kind="primary" busy={work.busy} disabled={!ready} onClick={run}>Import {count(good.length)} devices</Button>
            {work.busy ? <Button onClick={() => stop.current.abort()}>Stop</Button> : <Button onClick={onClose}>{after ? 'Close' : 'Cancel'}</Button>}</div>
        {entries.length > 0 && <Same cli={['azimuth', 'hub', 'device-identity', 'import', '--file', 'devices.txt']} request={at('POST', '/devices', entries.slice(0, 2))} />}
    </>;
}

export function ImportDialog({ file: given, onClose, onDone, onSaved }) {
    const [file, setFile] = useState(null), work = useWork();
    const take = (f) => work.run(async () => setFile(await open(f)));
    useEffect(() => { if (given) take(given); }, [given]);
    const queries = file?.value && queriesOf(file.value);
    return <Dialog title={file ? `Import ${file.title}` : 'Import devices'} wide={!!file} onClose={onClose}>
        <Wrong error={work.error} />
        {!file && <><p>A CSV file whose first line names the columns: <code>deviceId</code>, and if need be <code>status</code>, <code>primaryKey</code>, <code>secondaryKey</code>,{' '}
            <code>primaryThumbprint</code>, <code>edge</code>, <code>tags.line</code>, <code>desired.interval</code>. Or JSON: an array, or a line each as in Azure's <code>devices.txt</code>.</p>
        <Field label="File" hint="It can be dropped on the list, too."><input type="file" accept=".csv,.txt,.json,.jsonl,.tsv" onChange={(e) => e.target.files[0] && take(e.target.files[0])} /></Field></>}
        {file && (queries ? <Queries list={queries} onClose={onClose} onSaved={onSaved} /> : <Devices key={file.title} file={file} onClose={onClose} onDone={onDone} />)}
    </Dialog>;
}
