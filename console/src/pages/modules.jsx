/* modules.jsx - a device's modules: identities of their own on one device. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, may, mayRead } from '../state.js';
import { Ago, Button, Field, Notice, Same, Secret, State, useWork, Wrong } from '../parts.jsx';
import { connectionString } from '../connection.js';
import { at } from '../at.js';
import { TwinHistory, useHistory } from './twin_history.jsx';

function pathOf(id, module = '') {
    return `/devices/${encodeURIComponent(id)}/modules${module && `/${encodeURIComponent(module)}`}`;
}

/** Now, and every few seconds while somebody looks. */
function useLooks(load, may = true) {
    useEffect(() => {
        if (!may) return undefined;
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, 5000);
        return () => clearInterval(timer);
    }, [load, may]);
}

function useModules(id) {
    const [list, setList] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async (counts) => {
        const { json } = await ask('GET', pathOf(id));
        if (counts()) setList(json);
    }), [id]);
    useLooks(load);
    return { list, load, error: work.error };
}

function Written(of) {
    return <TwinHistory {...of} written={useHistory(of)} />;
}

function Twin({ id, module }) {
    const [twin, setTwin] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async (counts) => {
        const { json } = await ask('GET', `/twins/${encodeURIComponent(id)}/modules/${encodeURIComponent(module)}`);
        if (counts()) setTwin(json);
    }), [id, module]);
    useLooks(load, mayRead('ServiceConnect'));
    return <><Wrong error={work.error} />
        {twin && <><pre class="snippet" tabIndex={0} aria-label={`Twin of ${module}`}>{JSON.stringify({ tags: twin.tags, ...twin.properties }, (k, v) => (k === '$metadata' ? undefined : v), 2)}</pre>
            <Written {...{ id, module, twin }} again={load} /></>}</>;
}

function Module({ id, of: m, again }) {
    const [open, setOpen] = useState(false), [sure, setSure] = useState(false);
    const work = useWork();
    const remove = () => work.run(async () => {
        await ask('DELETE', pathOf(id, m.moduleId), { headers: { 'if-match': '*' } });
        again();
    });
    const key = m.authentication.type === 'sas' && m.authentication.symmetricKey?.primaryKey;
    return <article class="card" aria-label={m.moduleId}>
        <div class="row"><strong class="id">{m.moduleId}</strong><State kind={m.connectionState === 'Connected' ? 'good' : 'off'}>{m.connectionState === 'Connected' ? 'connected' : 'away'}</State>
            <span class="hint">last seen <Ago time={m.lastActivityTime} />, {m.authentication.type}{m.managedBy && `, managed by ${m.managedBy}`}</span><span class="spring" />
            <Button kind="small" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Less' : 'More'}</Button></div>
        <Wrong error={work.error} />
        {open && <>{key && <Secret label="Connection string" text={connectionString(id, key, m.moduleId)} />}
            <Twin id={id} module={m.moduleId} />
            {may('RegistryWrite') && <div class="row">{sure ? <><Button kind="bad" busy={work.busy} onClick={remove}>Delete it with its twin</Button><Button onClick={() => setSure(false)}>Keep</Button></>
                : <Button kind="bad" onClick={() => setSure(true)}>Delete…</Button>}</div>}
            <Same cli={sure ? ['azimuth', 'hub', 'module-identity', 'delete', '-d', id, '-m', m.moduleId] : ['azimuth', 'hub', 'module-twin', 'show', '-d', id, '-m', m.moduleId]}
                request={sure ? at('DELETE', pathOf(id, m.moduleId), undefined, { 'If-Match': '*' }) : at('GET', `/twins/${encodeURIComponent(id)}/modules/${encodeURIComponent(m.moduleId)}`)} /></>}
    </article>;
}

function Create({ id, again }) {
    const [module, setModule] = useState('');
    const work = useWork();
    const body = { deviceId: id, moduleId: module, authentication: { type: 'sas' } };
    const create = (e) => {
        e.preventDefault();
        work.run(async () => {
            await ask('PUT', pathOf(id, module), { body });
            setModule('');
            again();
        });
    };
    return <form class="card" onSubmit={create}>
        <Wrong error={work.error} onClose={work.clear} />
        <div class="controls"><Field label="New module"><input value={module} spellcheck={false} onInput={(e) => setModule(e.target.value)} /></Field>
            <Button type="submit" kind="primary" busy={work.busy} disabled={!module}>Create</Button></div>
        <Same cli={['azimuth', 'hub', 'module-identity', 'create', '-d', id, '-m', module || 'module1']} request={at('PUT', pathOf(id, module || 'module1'), body)} />
    </form>;
}

export function Modules({ id }) {
    const { list, load, error } = useModules(id);
    if (!mayRead('RegistryRead')) return <Notice kind="bad">This session has no RegistryRead right.</Notice>;
    return <>
        <Wrong error={error} />
        {list?.length === 0 && <Notice>This device has no modules.</Notice>}
        {list?.map((m) => <Module key={m.moduleId} id={id} of={m} again={load} />)}
        {may('RegistryWrite') && <Create id={id} again={load} />}
    </>;
}
