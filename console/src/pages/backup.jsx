/* backup.jsx - when the last backup was made, one that the server makes now, and how it is done from a shell. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask } from '../state.js';
import { Ago, Button, count, Notice, Same, shell, useWork, Wrong } from '../parts.jsx';
import { Progress } from '../fleet/dry.jsx';

const PATH = '/admin/v1/backup', LOOK_MS = 1000;

function mib(bytes) {
    return `${count(Math.ceil(bytes / 1048576))} MiB`;
}

/** How it is, looked at again while one is under way. */
function useBackup() {
    const [state, setState] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async () => setState((await ask('GET', PATH)).json)), []);
    useEffect(() => { load(); }, [load]);
    useEffect(() => {
        if (!state?.running) return undefined;
        const timer = setInterval(load, LOOK_MS); // also when one look failed
        return () => clearInterval(timer);
    }, [!!state?.running]);
    return { state, load, error: work.error };
}

function Last({ of: last }) {
    if (!last) return <p>None was made of this directory yet.</p>;
    return <dl class="facts"><div><dt>Last backup</dt><dd><Ago time={last.createdAt} /></dd></div><div><dt>is in</dt><dd><code>{last.path}</code></dd></div>
        <div><dt>has</dt><dd>{count(last.files)} files, {mib(last.bytes)}</dd></div></dl>;
}

export function Backup({ hub }) {
    const { state, load, error } = useBackup();
    const work = useWork();
    const begin = () => work.run(async () => { await ask('POST', PATH); await load(); });
    const to = state?.last?.path ?? 'monday';
    return <section class="card" aria-label="Backup"><h2>Backup</h2>
        <Wrong error={error ?? work.error} />
        {state && <Last of={state.last} />}
        {state?.error && <Notice kind="bad">The one before was not finished: {state.error}</Notice>}
        {state?.running && <Progress done={state.running.bytes} of={Math.max(state.running.totalBytes, 1)} label={`Backup ${state.running.name}`} />}
        {state && (state.directory
            ? <div class="row"><Button busy={work.busy || !!state.running} onClick={begin}>Back up now</Button><span class="hint">into <code>{state.directory}</code>; devices notice nothing</span></div>
            : <p class="hint">A server that is started with <code>--backup-dir</code> makes one from here. It has every key of the hub.</p>)}
        <Same cli={['azimuth', 'backup', 'create', '--data', hub.data, '--to', 'monday']} request={{ method: 'POST', path: PATH, socket: true }} />
        <Same cli={`${shell(['azimuth', 'backup', 'verify', '--from', to])}\n${shell(['azimuth', 'backup', 'restore', '--from', to, '--data', 'azimuth-restored'])}`} />
    </section>;
}
