/* settings.jsx - what the server is: names, certificates, policies and their keys, how long it keeps what. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, mayReadAll, session } from '../state.js';
import { listen } from '../live.js';
import { policyConnectionString } from '../connection.js';
import { Backup } from './backup.jsx';
import { FromAzure } from './from_azure.jsx';
import { Sessions } from './sessions.jsx';
import { OwnPassword, Users } from './users.jsx';
import { Button, count, Dialog, Field, Notice, Same, Secret, State, useWork, Wrong } from '../parts.jsx';

const DAY = 86400, EXPIRY = 'azimuth_tls_certificate_expiry_seconds';

function useAnswer(path, wanted = true) {
    const [state, setState] = useState({});
    const load = useCallback(() => {
        if (wanted) ask('GET', path).then(({ json }) => setState({ json }), (error) => setState({ error }));
    }, [path, wanted]);
    useEffect(load, [load]);
    return { ...state, load };
}

function Facts({ rows }) {
    return <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value ?? '–'}</dd></div>)}</dl>;
}

function span(seconds) {
    if (seconds === null) return 'no limit';
    return seconds % DAY ? `${count(Math.round(seconds / 3600))} h` : `${count(seconds / DAY)} d`;
}

function Names({ hub }) {
    return <section class="card" aria-label="Hub"><h2>Hub</h2>
        <Facts rows={[['Name', hub.hubName], ['Host names', hub.hostNames.join(', ')], ['MQTT, AMQP, HTTPS', [hub.mqtt, hub.amqp, hub.https].join(', ')],
            ['Listening on', hub.addresses.join(', ')], ['Console', hub.console], ['DPS id scope', hub.idScope], ['Data', hub.data],
            ['Made', hub.created.slice(0, 19)], ['Version', hub.version]]} />
        <p class="hint">Clients dial one of the host names. Another one is given when the server is started:</p>
        <Same cli={['azimuth', 'serve', '--data', hub.data, '--hostname', 'hub.example.com']} request={{ method: 'GET', path: '/admin/v1/hub', admin: true }} />
    </section>;
}

function Retention({ hub, quota }) {
    const used = quota?.value?.find((metric) => metric.name === 'TotalMessages');
    return <section class="card" aria-label="Retention"><h2>Retention</h2>
        <Facts rows={[['Events are kept', span(hub.retentionSeconds)], ['and at most', hub.retentionBytes ? `${count(Math.round(hub.retentionBytes / 1048576))} MiB` : 'no limit'],
            ...(used ? [['Messages today', `${count(used.currentValue)} of ${count(used.maxValue)}`]] : [])]} />
        <p class="hint">Of the built-in stream; whole segments go. It is set when the server is started:</p>
        <Same cli={['azimuth', 'serve', '--data', hub.data, '--retention', '7d']} />
    </section>;
}

function Until({ seconds }) {
    const days = Math.floor((seconds - Date.now() / 1000) / DAY);
    const text = `${new Date(seconds * 1000).toISOString().slice(0, 10)}, ${days < 0 ? 'expired' : `in ${count(days)} d`}`;
    return <State kind={days < 7 ? 'bad' : days < 30 ? 'wait' : 'good'}>{text}</State>;
}

function useExpiry() {
    const [at, setAt] = useState(null);
    useEffect(() => {
        const link = listen({ sub: 'metrics', names: [EXPIRY] }, ({ metrics }) => { if (metrics) setAt(metrics[EXPIRY]); });
        return () => link.end();
    }, []);
    return at;
}

function Certificates({ hub }) {
    const { json, error } = useAnswer('/admin/v1/certificates');
    const until = useExpiry();
    return <section class="card wide" aria-label="Certificates"><h2>Certificates</h2>
        <Facts rows={[['The server shows one until', until ? <Until seconds={until} /> : null], ['Issued by', hub.ca ? <>the CA in {hub.ca}: <a href="/console/ca.pem" download="ca.pem">ca.pem</a></> : 'yours (--tls-cert)']]} />
        <Wrong error={error} />
        <h2 class="below">Certification authorities of devices</h2>
        {json?.length ? <table class="plain-table"><thead><tr><th>name</th><th>subject</th><th>until</th><th>state</th></tr></thead>
            <tbody>{json.map(({ name, properties: p }) => <tr key={name}><th scope="row">{name}</th><td>{p.subject}</td><td><Until seconds={Date.parse(p.expiry) / 1000} /></td>
                <td><State kind={p.isVerified ? 'good' : 'wait'}>{p.isVerified ? 'verified' : 'not verified'}</State></td></tr>)}</tbody></table>
            : json && <p class="hint">None: devices with certificates are known by their thumbprints.</p>}
        <Same cli={['azimuth', 'hub', 'certificate', 'create', '-n', 'line-b', '-p', 'line-b.pem', '-v']} request={{ method: 'GET', path: '/admin/v1/certificates', admin: true }} />
    </section>;
}

/* ---- policies */

function policyPath(name, more = '') {
    return `/admin/v1/policies/${encodeURIComponent(name)}${more}`;
}

const RIGHTS = ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect',
    'ServiceConfig', 'EnrollmentRead', 'EnrollmentWrite', 'RegistrationStatusRead', 'RegistrationStatusWrite'];

function NewPolicy({ onDone, onClose }) {
    const [name, setName] = useState(''), [rights, setRights] = useState(['RegistryRead']);
    const work = useWork();
    const body = { rights: rights.join(', ') };
    const toggle = (right) => setRights(RIGHTS.filter((r) => rights.includes(r) !== (r === right)));
    const create = (e) => {
        e.preventDefault();
        work.run(async () => { await ask('PUT', policyPath(name), { body }); onDone(`${name} is made.`); });
    };
    return <Dialog title="New policy" onClose={onClose}><form onSubmit={create}>
        <Wrong error={work.error} />
        <Field label="Name" hint="letters, digits and . - _"><input value={name} maxLength={64} spellcheck={false} autocomplete="off" onInput={(e) => setName(e.target.value)} /></Field>
        <fieldset class="kinds"><legend>Rights</legend>{RIGHTS.map((right) => <label key={right} class="check">
            <input type="checkbox" checked={rights.includes(right)} onChange={() => toggle(right)} /> {right}</label>)}</fieldset>
        <Button kind="primary" type="submit" busy={work.busy} disabled={!name || rights.length === 0}>Create</Button>
        <Same cli={['azimuth', 'hub', 'policy', 'create', '-n', name || 'panel', '--permissions', ...rights]} request={{ method: 'PUT', path: policyPath(name || 'panel'), body, socket: true }} />
    </form></Dialog>;
}

/** Asks once more. */
function Delete({ name, onDone, onClose }) {
    const work = useWork();
    const remove = () => work.run(async () => { await ask('DELETE', policyPath(name)); onDone(`${name} is deleted.`); });
    return <Dialog title={`Delete ${name}`} onClose={onClose}>
        <Wrong error={work.error} />
        <Notice kind="bad"><p>Who comes with a key of {name}, or with a token by it, is refused from then on. Connections by a token
            stay until it ends; those of AMQP that logged in with the key itself end within a minute, the console's sessions of {name} at once.</p>
            <div class="row"><Button kind="bad" busy={work.busy} onClick={remove}>Delete {name}</Button><Button onClick={onClose}>Keep it</Button></div></Notice>
        <Same cli={['azimuth', 'hub', 'policy', 'delete', '-n', name]} request={{ method: 'DELETE', path: policyPath(name), socket: true }} />
    </Dialog>;
}

function Keys({ name, onClose }) {
    const { json, error, load } = useAnswer(policyPath(name));
    const [which, setWhich] = useState(null), [said, setSaid] = useState('');
    const work = useWork();
    const renew = () => work.run(async () => {
        await ask('POST', policyPath(name, '/renewKey'), { body: { keyType: which } });
        setSaid(`The ${which} key is new. With the one before nobody gets in; connections by a token stay until it ends.`);
        setWhich(null);
        load();
    });
    return <Dialog title={`Keys of ${name}`} onClose={onClose}>
        <Wrong error={error ?? work.error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {json && <><Secret label="Primary key" text={json.primaryKey} /><Secret label="Secondary key" text={json.secondaryKey} />
            <Secret label="Connection string" text={policyConnectionString(name, json.primaryKey)} /></>}
        {which ? <Notice kind="bad"><p>Who comes with the {which} key of {name}, or with a token by it, is refused until he has the new one. Connections by a token
            stay until it ends; those of AMQP that logged in with the key itself end within a minute, the console's sessions of {name} at once.</p>
            <div class="row"><Button kind="bad" busy={work.busy} onClick={renew}>Make the {which} key anew</Button><Button onClick={() => setWhich(null)}>Leave it</Button></div></Notice>
            : <div class="row"><Button onClick={() => setWhich('primary')}>New primary key…</Button><Button onClick={() => setWhich('secondary')}>New secondary key…</Button></div>}
        <Same cli={['azimuth', 'hub', 'policy', ...(which ? ['renew-key', '-n', name, '--renew-key', which] : ['show', '-n', name])]} />
        {which && <Same request={{ method: 'POST', path: policyPath(name, '/renewKey'), body: { keyType: which }, socket: true }} />}
    </Dialog>;
}

function Policies() {
    const [list, setList] = useState(null), [open, setOpen] = useState(null), [act, setAct] = useState(null), [said, setSaid] = useState('');
    const work = useWork();
    const load = () => work.run(async () => setList((await ask('GET', '/admin/v1/policies')).json));
    const done = (text) => { setSaid(text); setAct(null); load(); };
    useEffect(() => { load(); }, []);
    return <section class="card wide" aria-label="Shared access policies"><div class="row"><h2>Shared access policies</h2><span class="spring" /><Button onClick={() => setAct({})}>New policy…</Button></div>
        <Wrong error={work.error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {list && <table class="plain-table"><thead><tr><th>policy</th><th>rights</th><th>keys</th><th>delete</th></tr></thead>
            <tbody>{list.map((p) => <tr key={p.keyName}><th scope="row">{p.keyName}</th><td>{p.rights}</td>
                <td><Button kind="small" aria-label={`Keys of ${p.keyName}`} onClick={() => setOpen(p.keyName)}>Keys…</Button></td>
                <td><Button kind="small" aria-label={`Delete ${p.keyName}`} onClick={() => setAct({ name: p.keyName })}>Delete…</Button></td></tr>)}</tbody></table>}
        <Same cli={['azimuth', 'hub', 'policy', 'list']} />
        {open && <Keys name={open} onClose={() => setOpen(null)} />}
        {act && (act.name ? <Delete name={act.name} onDone={done} onClose={() => setAct(null)} /> : <NewPolicy onDone={done} onClose={() => setAct(null)} />)}
    </section>;
}

export function Settings() {
    const hub = useAnswer('/admin/v1/hub', mayReadAll()), s = session.value;
    const quota = useAnswer('/admin/v1/quotaMetrics', s.administrator);
    return <>
        <div class="row"><h1>Settings</h1><span class="hint">signed in as {s.name}, until {s.expires.slice(0, 10)} at the latest</span></div>
        {!mayReadAll() && <Notice kind="bad">This page needs all rights of a hub's owner; this session has {s.rights.join(', ')}.</Notice>}
        <Wrong error={hub.error} />
        <OwnPassword />
        {!s.administrator && <Sessions />}
        {hub.json && <div class="columns"><Names hub={hub.json} /><Retention hub={hub.json} quota={quota.json} /><Certificates hub={hub.json} />
            {s.administrator ? <><Backup hub={hub.json} /><Policies /><Users /><Sessions /><FromAzure /></> : <section class="card wide" aria-label="Shared access policies"><h2>Shared access policies</h2>
                <p>Their keys, and the users, are an administrator's matter; <code>azimuth console link</code> prints a link on the server's machine that makes one.</p></section>}</div>}
    </>;
}
