/* sessions.jsx - who has signed in: one's own sessions, and for administrators everybody's, each with a button that ends it. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, session } from '../state.js';
import { Ago, Button, Notice, Same, useWork, Wrong } from '../parts.jsx';

const ALL = '/admin/v1/sessions', OWN = '/admin/v1/session/own';

function End({ s, all, work, onDone }) {
    const end = () => work.run(async () => {
        await ask('DELETE', `${all ? ALL : OWN}/${s.number}`);
        onDone(`Session ${s.number} of ${s.name} has ended.`);
    });
    if (s.own) return 'this one';
    return <Button kind="small" busy={work.busy} aria-label={`End session ${s.number} of ${s.name}`} onClick={end}>End</Button>;
}

export function Sessions() {
    const all = session.value.administrator;
    const [list, setList] = useState(null), [said, setSaid] = useState('');
    const work = useWork();
    const load = useCallback(() => work.run(async () => setList((await ask('GET', all ? ALL : OWN)).json)), [all]);
    useEffect(() => { load(); }, [load]);
    const done = (text) => { setSaid(text); load(); };
    const other = list?.find((s) => !s.own)?.number ?? list?.[0]?.number ?? 1;
    return <section class="card wide" aria-label="Sessions"><div class="row"><h2>{all ? 'Sessions' : 'Your sessions'}</h2><span class="spring" />
        <Button busy={work.busy} onClick={load}>Look again</Button></div>
        <Wrong error={work.error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {list && <div class="scroll" tabIndex={0}><table class="plain-table"><thead><tr><th>session</th><th>who</th><th>from</th><th>since</th><th>used</th><th>until</th><th>end</th></tr></thead>
            <tbody>{list.map((s) => <tr key={s.number}><th scope="row">{s.number}</th><td>{s.name}</td><td>{s.address}</td><td><Ago time={s.began} /></td>
                <td><Ago time={s.used} /></td><td>{s.expires.slice(0, 16).replace('T', ' ')}</td><td><End {...{ s, all, work }} onDone={done} /></td></tr>)}</tbody></table></div>}
        <p class="hint">Who is put out loses nothing but the session: a user is kept away by disabling him, one that a provider vouches for by taking the role away there.
            {!all && ' An administrator sees everybody\u2019s.'}</p>
        <Same cli={['azimuth', 'session', 'list']} request={{ method: 'GET', path: ALL, socket: true }} />
        <Same cli={['azimuth', 'session', 'end', String(other)]} request={{ method: 'DELETE', path: `${ALL}/${other}`, socket: true }} />
    </section>;
}
