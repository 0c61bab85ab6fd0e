/* twin_history.jsx - what was written into a twin's tags and desired properties lately, and the way back to each version. */
import { useEffect, useState } from 'preact/hooks';
import { ask, may } from '../state.js';
import { Ago, Button, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { patchOf, plain } from '../merge.js';
import { at } from '../at.js';
import { Conflict } from './conflict.jsx';

function written(twin) {
    return { tags: twin.tags ?? {}, properties: { desired: plain(twin.properties.desired) } };
}

/** The command's words for a twin of a device, or of a module of it. */
function words(verb, id, module) {
    return ['azimuth', 'hub', module ? 'module-twin' : 'device-twin', verb, '-d', id, ...(module ? ['-m', module] : [])];
}

/** `chosen`: a version, its patch, and the twin from which that patch leads there: its etag goes with it. */
function Undo({ id, module, path, chosen, onDone }) {
    const { version, undo, base } = chosen;
    const [conflict, setConflict] = useState(null);
    const work = useWork();
    const send = (etag, text) => work.run(async () => {
        try {
            await ask('PATCH', path, { body: undo, headers: { 'If-Match': `"${etag}"` } });
            onDone(text);
        } catch (e) {
            if (e.status !== 412) throw e;
            setConflict((await ask('GET', path)).json);
        }
    });
    return <div role="group" aria-label={`Undo to v${version}`}>
        <Wrong error={work.error} onClose={work.clear} />
        {conflict && <Conflict theirs={patchOf(written(base), written(conflict))} busy={work.busy}
            onApply={() => send(conflict.etag, `What v${version} had is written over what was written meanwhile.`)} onDrop={() => onDone('')} />}
        <div class="patch"><span class="label">PATCH</span><code>{JSON.stringify(undo)}</code></div>
        <div class="row"><Button kind="primary" busy={work.busy} disabled={!!conflict || !may('ServiceConnect')} onClick={() => send(base.etag, `Tags and desired properties are those of v${version}.`)}>Go back to v{version}</Button>
            <Button onClick={() => onDone('')}>Cancel</Button></div>
        <Same cli={[...words('undo', id, module), '--to-version', String(version)]}
            request={at('PATCH', path, undo, { 'If-Match': `"${base.etag}"` })} />
    </div>;
}

function Row({ h, current, onChoose }) {
    const same = Object.keys(h.undo).length === 0;
    return <tr><th scope="row">v{h.version}</th><td>{h.time ? <Ago time={h.time} /> : 'before'}</td><td>{h.by ?? ''}</td>
        <td>{h.patch && <code>{JSON.stringify(h.patch)}</code>}</td>
        <td>{same ? 'as it is now' : <Button kind="small" disabled={!current} onClick={onChoose}>Undo to v{h.version}</Button>}</td></tr>;
}

/** The last writes of that twin; `found` is of the twin that has its etag. */
export function useHistory({ id, module, twin }) {
    const [found, setFound] = useState(null);
    const work = useWork();
    const path = `/twins/${encodeURIComponent(id)}${module ? `/modules/${encodeURIComponent(module)}` : ''}`, history = `/admin/v1${path}/history`;
    useEffect(() => {
        work.run(async (counts) => {
            const { json } = await ask('GET', history);
            if (counts()) setFound(json);
        });
    }, [history, twin.etag]);
    return { found, work, path, history };
}

export function TwinHistory({ id, module, twin, again, written: { found, work, path, history } }) {
    const [chosen, setChosen] = useState(null), [said, setSaid] = useState('');
    const current = found?.etag === twin.etag; // else its patches lead back from another twin
    const done = (text) => { setChosen(null); setSaid(text); again(); };
    return <section class="card wide" aria-label={module ? `What was written into ${module}` : 'What was written'}>
        <div class="row"><h2>What was written</h2><span class="hint">tags and desired properties, the last 20 times</span></div>
        <Wrong error={work.error} onClose={work.clear} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {chosen && <Undo key={`${chosen.version} ${chosen.base.etag}`} {...{ id, module, path, chosen }} onDone={done} />}
        {found?.history.length > 0 ? <div class="scroll" tabIndex={0} role="group" aria-label="Versions"><table class="plain-table">
            <thead><tr><th>version</th><th>when</th><th>who</th><th>patch</th><th>back</th></tr></thead>
            <tbody>{found.history.map((h) => <Row key={h.version} {...{ h, current }}
                onChoose={() => { setSaid(''); setChosen({ ...h, base: twin }); }} />)}</tbody></table></div>
            : found && <p class="hint">Nothing was written yet.</p>}
        <Same cli={words('history', id, module)} request={{ method: 'GET', path: history, admin: true }} />
    </section>;
}
