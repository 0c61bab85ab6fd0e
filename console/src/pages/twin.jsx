/* twin.jsx - desired and reported side by side, and an editor that sends exactly what it shows. */
import { useState } from 'preact/hooks';
import { ask, may } from '../state.js';
import { Ago, Button, Notice, Same, State, Tabs, useWork, Wrong } from '../parts.jsx';
import { JsonEditor } from '../editor.jsx';
import { patchOf, plain, rowsOf, writersOf } from '../merge.js';
import { at } from '../at.js';
import { Conflict } from './conflict.jsx';
import { pathOf } from './device.jsx';
import { TwinHistory, useHistory } from './twin_history.jsx';

const KIND = { 'in sync': 'good', pending: 'wait', waiting: 'wait', 'reported only': 'off' };

function text(v) {
    return v === undefined ? '–' : JSON.stringify(v.value);
}

function Side({ twin, history }) {
    const rows = rowsOf(twin), writers = writersOf(history);
    const who = (r) => (r.byDevice ? 'by the device' : writers.get(r.key) && `by ${writers.get(r.key)}`);
    const { desired = {}, reported = {} } = twin.properties;
    return <section class="card wide" aria-label="Properties">
        <div class="row"><h2>Properties</h2><span class="hint">desired v{desired.$version} · reported v{reported.$version}</span></div>
        {rows.length ? <div class="scroll" tabIndex={0} role="group" aria-label="Properties, side by side"><table class="plain-table">
            <thead><tr><th>key</th><th>desired</th><th>reported</th><th>state</th><th>changed</th></tr></thead>
            <tbody>{rows.map((r) => <tr key={r.key}><th scope="row">{r.key}</th><td><code>{text(r.desired)}</code></td>
                <td><code>{text(r.reported)}</code></td><td><State kind={KIND[r.state]}>{r.state}</State></td>
                <td>{r.changed && <><Ago time={r.changed} /> <span class="hint">{who(r)}</span></>}</td></tr>)}</tbody></table></div>
            : <p class="hint">Neither desired nor reported properties yet.</p>}
    </section>;
}

const PARTS = {
    desired: { name: 'Desired properties', get: (t) => plain(t.properties.desired), wrap: (p) => ({ properties: { desired: p } }) },
    tags: { name: 'Tags', get: (t) => t.tags ?? {}, wrap: (p) => ({ tags: p }) },
};

function show(value) {
    return JSON.stringify(value, null, 2);
}

/** `base` is the twin that was edited: its etag goes with the change, so nobody's change is overwritten unseen. */
function Editor({ id, twin, again }) {
    const [part, setPart] = useState('desired'), [base, setBase] = useState(twin);
    const [draft, setDraft] = useState(null), [conflict, setConflict] = useState(null), [saved, setSaved] = useState(false);
    const work = useWork();
    const { get, wrap } = PARTS[part];
    const typed = draft ?? show(get(base));
    let value, problem = null;
    try { value = JSON.parse(typed); } catch (e) { problem = e.message; }
    const patch = problem ? undefined : patchOf(get(base), value);
    const body = patch && wrap(patch);
    const headers = { 'If-Match': `"${base.etag}"` };
    const path = pathOf('twins', id);
    const moved = twin.etag !== base.etag;

    const take = (t) => { setBase(t); setDraft(null); setConflict(null); };
    if (moved && draft === null) setBase(twin);
    const save = (etag) => work.run(async () => {
        try {
            const { json } = await ask('PATCH', path, { body, headers: { 'If-Match': `"${etag}"` } });
            take(json);
            setSaved(true);
            again();
        } catch (e) {
            if (e.status !== 412) throw e;
            setConflict((await ask('GET', path)).json);
        }
    });
    return <section class="card wide" aria-label="Edit">
        <div class="row"><h2>Edit</h2><Tabs label="Part" tabs={Object.entries(PARTS).map(([k, p]) => [k, p.name])} current={part}
            onChoose={(p) => { setPart(p); setDraft(null); setConflict(null); }} /></div>
        <Wrong error={work.error} onClose={work.clear} />
        {saved && draft === null && <Notice onClose={() => setSaved(false)}>Saved.</Notice>}
        {conflict && <Conflict theirs={patchOf(get(base), get(conflict))} busy={work.busy}
            onApply={() => save(conflict.etag)} onDrop={() => take(conflict)} />}
        <JsonEditor key={part} label={PARTS[part].name} value={typed} onChange={(t) => { setSaved(false); setDraft(t); }} />
        {problem && <p class="problem">{problem}</p>}
        <div class="patch"><span class="label">PATCH</span><code>{body ? JSON.stringify(body) : 'nothing is changed'}</code></div>
        <div class="row"><Button kind="primary" busy={work.busy} disabled={!body || !!conflict || !may('ServiceConnect')} onClick={() => save(base.etag)}>Save</Button>
            <Button disabled={draft === null} onClick={() => take(twin)}>Undo</Button>
            {moved && draft !== null && !conflict && <span class="hint">The twin has changed since you began; saving will show how.</span>}</div>
        {body && <Same cli={['azimuth', 'hub', 'device-twin', 'update', '-d', id, part === 'desired' ? '--desired' : '--tags', JSON.stringify(patch)]}
            request={at('PATCH', path, body, headers)} />}
    </section>;
}

export function Twin({ id, twin, again }) {
    const written = useHistory({ id, twin });
    return <><Side twin={twin} history={written.found?.history ?? []} /><Editor id={id} twin={twin} again={again} />
        <TwinHistory {...{ id, twin, again, written }} /></>;
}
