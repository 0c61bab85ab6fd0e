/* saved.jsx - questions to the fleet that have a name: shared by all who sign in, kept by the server. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, mayRead } from '../state.js';
import { Button, count, Dialog, Field, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { countOf } from './query.js';
import { save } from './file.js';
import { Menu } from './menu.jsx';

const NAME_MAX = 64;
const COUNT_MS = 3000, REST = 10; // between two rounds: at least so long, and so many times what the last one took: a fleet may be large

export function pathOf(name) {
    return `/admin/v1/saved-queries/${encodeURIComponent(name)}`;
}

export function useSaved() {
    const [list, setList] = useState([]);
    const load = useCallback(async () => {
        if (mayRead('ServiceConnect')) setList((await ask('GET', '/admin/v1/saved-queries')).json);
    }, []);
    useEffect(() => { load().catch(() => {}); }, [load]);
    return { list, load };
}

/** What each of them counts now; one is asked after the other, as long as somebody looks. */
function useCounts(list) {
    const [counts, setCounts] = useState({});
    useEffect(() => {
        const abort = new AbortController();
        const look = async () => {
            for (const q of list) {
                if (abort.signal.aborted || document.hidden) return;
                const n = await countOf(q.condition, abort.signal).catch((e) => (e.name === 'AbortError' ? undefined : null));
                if (n !== undefined) setCounts((c) => ({ ...c, [q.name]: n }));
            }
        };
        let timer = 0;
        const round = () => {
            const began = Date.now();
            look().finally(() => { if (!abort.signal.aborted) timer = setTimeout(round, Math.max(COUNT_MS, REST * (Date.now() - began))); });
        };
        round();
        return () => { abort.abort(); clearTimeout(timer); };
    }, [list]);
    return counts;
}

function List({ list, current, onOpen, onDelete }) {
    const counts = useCounts(list);
    const words = (q) => (counts[q.name] === null ? 'not a condition' : count(counts[q.name]));
    return <ul class="saved-list" aria-label="Saved queries">{list.map((q) => <li key={q.name}>
        <button type="button" class="saved-name" aria-current={q.name === current ? 'true' : undefined} onClick={() => onOpen(q)}>
            <span>{q.name}</span><code class="dim">{q.condition || 'all devices'}</code></button>
        <span class="saved-count" title="devices it means now">{words(q)}</span>
        <button type="button" class="plain" aria-label={`Delete ${q.name}`} onClick={() => onDelete(q)}>✕</button></li>)}</ul>;
}

export function SavedMenu({ saved, current, onOpen }) {
    const [going, setGoing] = useState(null);
    const label = current ? `Saved: ${current}` : `Saved${saved.list.length ? ` (${saved.list.length})` : ''}`;
    const exportAll = () => save('azimuth-queries.json', [JSON.stringify(saved.list.map(({ name, condition, columns }) => ({ name, condition, columns })), null, 2), '\n'],
        'application/json');
    return <><Menu label={label}>{(close) => <>
        {saved.list.length ? <List list={saved.list} current={current} onDelete={setGoing} onOpen={(q) => { close(); onOpen(q); }} />
            : <p class="hint pad">None yet. "Save as…" gives the query in the bar a name; all who sign in have it then.</p>}
        <div class="row pad"><Button kind="small" disabled={!saved.list.length} onClick={exportAll}>Export as a file</Button>
            <span class="hint">Drop the file on the list to import it.</span></div></>}</Menu>
    {going && <Gone query={going} onClose={() => setGoing(null)} onGone={saved.load} />}</>;
}

function Gone({ query, onClose, onGone }) {
    const work = useWork();
    const remove = () => work.run(async () => {
        await ask('DELETE', pathOf(query.name));
        await onGone();
        onClose();
    });
    return <Dialog title={`Delete the saved query ${query.name}?`} onClose={onClose}>
        <p>Nobody who signs in has it then. The devices stay as they are.</p>
        <Wrong error={work.error} />
        <div class="row"><Button kind="bad" busy={work.busy} onClick={remove}>Delete</Button><Button onClick={onClose}>Keep</Button></div>
        <Same cli={['azimuth', 'hub', 'saved-query', 'delete', '-n', query.name]}
            request={{ method: 'DELETE', path: pathOf(query.name), admin: true }} />
    </Dialog>;
}

/** How a query is saved from a shell. */
export function sameOf({ name, condition, columns }) {
    return { cli: ['azimuth', 'hub', 'saved-query', 'create', '-n', name, '-q', condition, ...(columns.length ? ['--columns', columns.join(' ')] : [])],
        request: { method: 'PUT', path: pathOf(name), body: { condition, columns }, admin: true } };
}

export function SaveAs({ condition, columns, name: before, saved, onClose, onSaved }) {
    const [name, setName] = useState(before);
    const work = useWork();
    const body = { condition, columns }, there = saved.list.some((q) => q.name === name);
    const put = (e) => {
        e.preventDefault();
        work.run(async () => {
            await ask('PUT', pathOf(name), { body });
            await saved.load();
            onSaved(name);
        });
    };
    return <Dialog title="Save the query" onClose={onClose}>
        <form onSubmit={put}>
            <Wrong error={work.error} />
            {condition === null ? <Notice kind="bad">A SELECT with columns of its own, groups or another source cannot be saved. Its condition can: put what stands
                behind WHERE into the bar, and choose columns with "Columns…".</Notice> : <>
                <Field label="Name" hint="All who sign in to this hub see it.">
                    <input value={name} autofocus maxLength={NAME_MAX} spellcheck={false} onInput={(e) => setName(e.target.value)} /></Field>
                <dl class="facts"><div><dt>Condition</dt><dd><code>{condition || 'all devices'}</code></dd></div>
                    <div><dt>Columns</dt><dd>{columns.length ? <code>{columns.join(', ')}</code> : 'as at first'}</dd></div></dl>
                <Button kind="primary" type="submit" busy={work.busy} disabled={!name.trim()}>{there ? `Replace ${name}` : 'Save'}</Button></>}
        </form>
        {condition !== null && <Same {...sameOf({ name: name || 'my query', ...body })} />}
    </Dialog>;
}

/** Queries of an exported file; null: it is none. */
export function queriesOf(value) {
    const list = Array.isArray(value) ? value : null;
    const fine = list?.length && list.every((q) => typeof q?.name === 'string' && typeof q.condition === 'string' && Array.isArray(q.columns));
    return fine ? list : null;
}

