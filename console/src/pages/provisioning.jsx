/* provisioning.jsx - who may register by himself, and what became of those who did. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { href, useWords } from '../router.js';
import { ask, may, mayRead, mayReadAll, session } from '../state.js';
import { Ago, Button, Dialog, Field, Notice, Same, Secret, State, Tabs, useWork, Wrong } from '../parts.jsx';

const VERSION = 'api-version=2021-10-01', PAGE = 100;
const KINDS = {
    enrollments: { id: 'registrationId', one: 'enrollment', cli: 'enrollment', option: '--enrollment-id', word: 'Enrollment', label: 'Registration id',
        use: 'An enrollment lets one device register by itself, with a key or a certificate of its own, and be made in this hub when it does.' },
    enrollmentGroups: { id: 'enrollmentGroupId', one: 'group', cli: 'enrollment-group', option: '--group-id', word: 'Group', label: 'Group id',
        use: 'A group lets any number of devices register by themselves: with keys that are derived from the key of the group, or with certificates of one CA.' },
};
const TABS = [['enrollments', 'Devices'], ['enrollmentGroups', 'Groups'], ['attempts', 'Attempts']];
const OUTCOMES = { assigned: 'good', disabled: 'off', throttled: 'wait' };

function pathOf(kind, id, more = '') {
    return `/${kind}/${encodeURIComponent(id)}${more}?${VERSION}`;
}

function at(method, path, body, headers) {
    return { method, path, body, headers, host: session.value.hostname, port: session.value.https, policy: 'provisioningserviceowner' };
}

/** Pages of what a query finds, the first at once. */
function useList(path, query) {
    const [state, setState] = useState({ items: null, next: null });
    const work = useWork();
    const load = useCallback((next) => work.run(async () => {
        const headers = { 'x-ms-max-item-count': String(PAGE), ...(next ? { 'x-ms-continuation': next } : {}) };
        const { json, headers: said } = await ask('POST', path, { body: { query }, headers });
        setState((s) => ({ items: next ? [...s.items, ...json] : json, next: said.get('x-ms-continuation') }));
    }), [path, query]);
    useEffect(() => { load(); }, [load]);
    return { ...state, error: work.error, more: () => load(state.next), again: () => load() };
}

function attestationOf(made) {
    if (made.type === 'symmetricKey') return { type: 'symmetricKey' };
    const certificates = { primary: { certificate: made.pem } };
    return { type: 'x509', x509: made.group ? { signingCertificates: certificates } : { clientCertificates: certificates } };
}

function readTags(text) {
    try { return { tags: text.trim() ? JSON.parse(text) : undefined }; } catch (e) { return { problem: e.message }; }
}

function Create({ kind, onClose, onDone }) {
    const k = KINDS[kind];
    const [id, setId] = useState(''), [type, setType] = useState('symmetricKey'), [pem, setPem] = useState(''), [text, setText] = useState('');
    const work = useWork();
    const { tags, problem } = readTags(text);
    const body = { [k.id]: id, attestation: attestationOf({ type, pem, group: kind === 'enrollmentGroups' }), provisioningStatus: 'enabled',
        ...(tags ? { initialTwin: { tags, properties: { desired: {} } } } : {}) };
    const save = (e) => {
        e.preventDefault();
        work.run(async () => { await ask('PUT', pathOf(kind, id), { body }); onDone(id); });
    };
    return <Dialog title={`New ${k.one}`} onClose={onClose}><form onSubmit={save}>
        <Wrong error={work.error} />
        <Field label={k.label} hint="lower case letters, digits, - . _ :"><input value={id} onInput={(e) => setId(e.target.value)} spellcheck={false} required /></Field>
        <Field label="How devices prove who they are"><select value={type} onChange={(e) => setType(e.target.value)}>
            <option value="symmetricKey">a key{kind === 'enrollmentGroups' ? ' derived from the group’s' : ''}</option>
            <option value="x509">a certificate{kind === 'enrollmentGroups' ? ' that this CA issued' : ''}</option></select></Field>
        {type === 'x509' && <Field label="Certificate" hint="PEM"><textarea rows={6} value={pem} onInput={(e) => setPem(e.target.value)} spellcheck={false} required /></Field>}
        <Field label="Tags of the twin at first" hint={problem ?? 'JSON, may stay empty'}><textarea rows={3} value={text} spellcheck={false} aria-invalid={!!problem} onInput={(e) => setText(e.target.value)} /></Field>
        <div class="row"><Button kind="primary" type="submit" busy={work.busy} disabled={!id || !!problem}>Create</Button><Button onClick={onClose}>Leave it</Button></div>
        <Same cli={['azimuth', 'dps', k.cli, 'create', k.option, id || 'line-1', ...(type === 'x509' ? ['--certificate-path', 'certificate.pem'] : []), ...(tags ? ['--initial-twin-tags', JSON.stringify(tags)] : [])]}
            request={at('PUT', pathOf(kind, id || 'line-1'), body)} />
    </form></Dialog>;
}

function Registration({ of: r }) {
    return <tr><td>{r.registrationId}</td><td>{r.deviceId ? <a class="id" href={href('devices', r.deviceId)}>{r.deviceId}</a> : '–'}</td><td>{r.assignedHub ?? '–'}</td>
        <td><State kind={r.status === 'assigned' ? 'good' : r.status === 'failed' ? 'bad' : 'wait'}>{r.status}</State></td>
        <td>{r.errorMessage ?? ''}</td><td><Ago time={r.lastUpdatedDateTimeUtc ?? r.createdDateTimeUtc} /></td></tr>;
}

function Registrations({ list }) {
    if (!list?.length) return <p class="hint">Nobody has registered yet.</p>;
    return <div class="scroll" tabIndex={0} role="region" aria-label="Registrations"><table class="plain-table"><thead><tr><th>registration</th><th>device</th><th>hub</th><th>state</th><th>error</th><th>when</th></tr></thead>
        <tbody>{list.map((r) => <Registration key={r.registrationId} of={r} />)}</tbody></table></div>;
}

function OfGroup({ id }) {
    const { items, error, next, more } = useList(`/registrations/${encodeURIComponent(id)}/query?${VERSION}`, 'SELECT * FROM registrations');
    return <><Wrong error={error} />{items && <Registrations list={items} />}{next && <Button onClick={more}>More of them</Button>}</>;
}

function useOfDevice(id) {
    const [state, setState] = useState({});
    useEffect(() => {
        ask('GET', `/registrations/${encodeURIComponent(id)}?${VERSION}`).then(({ json }) => setState({ list: [json] }),
            (error) => setState(error.status === 404 ? { list: [] } : { error }));
    }, [id]);
    return state;
}

function OfDevice({ id }) {
    const { list, error } = useOfDevice(id);
    return <><Wrong error={error} />{list && <Registrations list={list} />}</>;
}

function Details({ kind, item, onClose, onChange }) {
    const k = KINDS[kind], id = item[k.id];
    const [keys, setKeys] = useState(null), [sure, setSure] = useState(false);
    const work = useWork();
    const status = item.provisioningStatus === 'enabled' ? 'disabled' : 'enabled';
    const show = () => work.run(async () => setKeys((await ask('POST', pathOf(kind, id, '/attestationmechanism'))).json.symmetricKey));
    const turn = () => work.run(async () => {
        const { json } = await ask('GET', pathOf(kind, id));
        await ask('PUT', pathOf(kind, id), { body: { ...json, provisioningStatus: status }, headers: { 'if-match': json.etag } });
        onChange();
    });
    const remove = () => work.run(async () => { await ask('DELETE', pathOf(kind, id)); onChange(); });
    return <Dialog title={`${k.word} ${id}`} onClose={onClose}>
        <Wrong error={work.error} />
        {kind === 'enrollments' ? <OfDevice id={id} /> : <OfGroup id={id} />}
        {keys && <><Secret label="Primary key" text={keys.primaryKey} /><Secret label="Secondary key" text={keys.secondaryKey} /></>}
        {may('EnrollmentWrite') && <div class="row">{item.attestation.type === 'symmetricKey' && !keys && <Button busy={work.busy} onClick={show}>Keys</Button>}
            <Button busy={work.busy} onClick={turn}>{status === 'enabled' ? 'Enable' : 'Disable'}</Button>
            {sure ? <Button kind="bad" busy={work.busy} onClick={remove}>Delete it; devices stay</Button> : <Button kind="bad" onClick={() => setSure(true)}>Delete…</Button>}</div>}
        <Same cli={['azimuth', 'dps', k.cli, sure ? 'delete' : 'update', k.option, id, ...(sure ? [] : ['--provisioning-status', status])]}
            request={sure ? at('DELETE', pathOf(kind, id)) : at('PUT', pathOf(kind, id), { ...item, provisioningStatus: status }, { 'If-Match': item.etag })} />
    </Dialog>;
}

function List({ kind }) {
    const k = KINDS[kind];
    const { items, error, next, more, again } = useList(`/${kind}/query?${VERSION}`, `SELECT * FROM ${kind}`);
    const [making, setMaking] = useState(false), [open, setOpen] = useState(null);
    const done = () => { setMaking(false); setOpen(null); again(); };
    return <>
        <Wrong error={error} />
        {may('EnrollmentWrite') && <div class="row"><Button kind="primary" onClick={() => setMaking(true)}>New {k.one}</Button></div>}
        {items?.length === 0 && <Notice>There is none yet. {k.use}</Notice>}
        {items?.length > 0 && <div class="card scroll" tabIndex={0} role="region" aria-label={`${k.word}s`}><table class="plain-table">
            <thead><tr><th>{k.label.toLowerCase()}</th><th>by</th><th>state</th><th>hub</th><th>changed</th><th>more</th></tr></thead>
            <tbody>{items.map((e) => <tr key={e[k.id]}><th scope="row">{e[k.id]}</th><td>{e.attestation.type}</td>
                <td><State kind={e.provisioningStatus === 'enabled' ? 'good' : 'off'}>{e.provisioningStatus}</State></td>
                <td>{e.iotHubs?.join(', ') ?? e.iotHubHostName ?? 'this one'}</td><td><Ago time={e.lastUpdatedDateTimeUtc} /></td>
                <td><Button kind="small" aria-label={`Open ${e[k.id]}`} onClick={() => setOpen(e)}>Open…</Button></td></tr>)}</tbody></table></div>}
        {next && <Button onClick={more}>More of them</Button>}
        <Same cli={['azimuth', 'dps', k.cli, 'list']} request={at('POST', `/${kind}/query?${VERSION}`, { query: `SELECT * FROM ${kind}` })} />
        {making && <Create kind={kind} onClose={() => setMaking(false)} onDone={done} />}
        {open && <Details kind={kind} item={open} onClose={() => setOpen(null)} onChange={done} />}
    </>;
}

function Attempt({ of: a }) {
    const e = a.enrollment;
    return <tr><td><Ago time={a.time} /></td><th scope="row">{a.registrationId}</th>
        <td>{e ? <>{e.id} <span class="hint">{e.kind}, {e.attestation}</span></> : <span class="hint">none was found</span>}</td>
        <td><State kind={OUTCOMES[a.outcome] ?? 'bad'}>{a.cause ? `${a.outcome} ${a.cause}` : a.outcome}</State></td>
        <td>{a.deviceId ? <><a class="id" href={href('devices', a.deviceId)}>{a.deviceId}</a> <span class="hint">at {a.hub}</span></> : a.text ?? ''}</td>
        <td class="hint">{a.peer ?? ''}</td></tr>;
}

/** The last fifty that asked, by which enrollment, and how it ended. */
function Attempts() {
    const [list, setList] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async () => setList((await ask('GET', '/admin/v1/dps/attempts')).json)), []);
    useEffect(() => { load(); }, [load]);
    return <>
        <Wrong error={work.error} />
        <div class="row"><Button onClick={load} busy={work.busy}>Look again</Button><span class="hint">the last 50 since the server started</span></div>
        {list?.length === 0 && <Notice>Nobody has tried yet.</Notice>}
        {list?.length > 0 && <div class="card scroll" tabIndex={0} role="region" aria-label="Attempts"><table class="plain-table">
            <thead><tr><th>when</th><th>registration</th><th>by enrollment</th><th>outcome</th><th>what came of it</th><th>from</th></tr></thead>
            <tbody>{list.map((a, i) => <Attempt key={`${a.time} ${i}`} of={a} />)}</tbody></table></div>}
        <Same cli={['azimuth', 'dps', 'attempt', 'list']} request={{ method: 'GET', path: '/admin/v1/dps/attempts', admin: true }} />
    </>;
}

function Chosen({ kind }) {
    if (kind !== 'attempts') return <List key={kind} kind={kind} />;
    return mayReadAll() ? <Attempts /> : <Notice kind="bad">Attempts need all rights of a hub's owner.</Notice>;
}

export function Provisioning() {
    const [words, setWords] = useWords({ of: 'enrollments' }), kind = TABS.some(([k]) => k === words.of) ? words.of : 'enrollments';
    return <>
        <div class="row"><h1>Provisioning</h1><span class="hint">who may register by himself; those who were refused are on <a href={href('refused')}>Refused</a></span></div>
        {mayRead('EnrollmentRead') ? <><Tabs label="Enrollments" tabs={TABS} current={kind} onChoose={(of) => setWords({ of })} /><Chosen kind={kind} /></>
            : <Notice kind="bad">This session has no EnrollmentRead right: the policy provisioningserviceowner and a one-time link have it.</Notice>}
    </>;
}
