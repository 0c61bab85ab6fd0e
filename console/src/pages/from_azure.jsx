/* from_azure.jsx - a hub of Azure in a file: what is in it, what has no meaning here, and the import with what was refused. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button, count, Field, Notice, Same, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { importState, openState, sizeOf } from '../fleet/azure.js';
import { Progress } from '../fleet/dry.jsx';

const SHOWN = 100;

function List({ title, items, total = items.length }) {
    if (!items.length) return null;
    return <Notice kind="bad"><p>{title}</p><ul class="failures">{items.slice(0, SHOWN).map(({ what, why }, i) => <li key={i}><code>{what}</code> {why}</li>)}</ul>
        {total > SHOWN && <p class="hint">and {count(total - SHOWN)} more</p>}</Notice>;
}

function Contents({ of: s }) {
    const rows = [['Devices', s.devices.length], ['Modules', s.modules.length], ['Configurations', s.configurations.length],
        ['Certificates, consumer groups', s.below.length], ['Endpoints, routes, enrichments', s.items.length]];
    return <dl class="facts">{rows.map(([name, n]) => <div key={name}><dt>{name}</dt><dd>{count(n)}</dd></div>)}</dl>;
}

function Import({ state: s }) {
    const [done, setDone] = useState(null), [refused, setRefused] = useState({ list: [], total: 0 }), [ended, setEnded] = useState(null);
    const work = useWork(), stop = useRef(null), total = sizeOf(s);
    useEffect(() => () => stop.current?.abort(), []); // nobody is there who could stop it
    const run = () => work.run(async () => {
        const list = [];
        let told = 0;
        const tell = (x) => {
            if (++told <= SHOWN) list.push(x);
            setRefused({ list, total: told });
        };
        stop.current = new AbortController();
        setRefused({ list, total: 0 });
        setEnded(null);
        setDone(0);
        await importState(s, { signal: stop.current.signal, onDone: setDone, tell });
        setEnded({ stopped: stop.current.signal.aborted, refused: told });
    });
    return <>
        <Contents of={s} />
        <List title="These lines cannot be read:" items={s.problems} />
        <List title="Left out, since it has no meaning here:" items={s.left} />
        <Wrong error={work.error} />
        {done !== null && <Progress done={done} of={total} label="Import from Azure" />}
        <List title="The hub did not take these:" items={refused.list} total={refused.total} />
        {ended && <Notice>{ended.stopped ? 'Stopped. Begin it again: what is there is brought up to date.'
            : `The import has ended${ended.refused ? `; ${count(ended.refused)} were refused` : ''}.`}</Notice>}
        <div class="row"><Button kind="primary" busy={work.busy} disabled={!total} onClick={run}>Import {count(total)}</Button>
            {work.busy && <Button onClick={() => stop.current.abort()}>Stop</Button>}</div>
    </>;
}

export function FromAzure() {
    const [state, setState] = useState(null);
    const work = useWork();
    const take = (file) => work.run(async () => { setState(null); setState(await openState(file)); });
    return <section class="card wide" aria-label="Import from Azure"><h2>Import from Azure</h2>
        <p class="hint">What <code>az iot hub state export</code> wrote, or the <code>devices.txt</code> of an export job. Devices keep their keys and twins; what is there is brought up to date.</p>
        <Wrong error={work.error} />
        <Field label="File"><input type="file" accept=".json,.txt,.jsonl" onChange={(e) => e.target.files[0] && take(e.target.files[0])} /></Field>
        {state && <Import key={state.name} state={state} />}
        <Same cli={['azimuth', 'import', 'azure-state', state?.name ?? 'state.json']}
            request={at('POST', '/devices', [{ id: state?.devices[0]?.id ?? 'pump-1', importMode: 'createOrUpdate', status: 'enabled' }])} />
    </section>;
}
