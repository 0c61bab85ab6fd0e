/* device.jsx - one device: what it is, sends, shall be, does. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { go, href } from '../router.js';
import { ask, may, mayRead, mayReadAll } from '../state.js';
import { Ago, Button, Copy, Dialog, Field, Notice, order, Same, Secret, State, Tabs, useWork, Wrong } from '../parts.jsx';
import { connectionString } from '../connection.js';
import { Flapping, Link, useLink, Unheard } from '../link.jsx';
import { Calls, Controls, Events, kindsHere, Numbers, TOLD_MAX, useEvents, useView } from '../stream.jsx';
import { at } from '../at.js';
import { Presence } from '../fleet/columns.jsx';
import { expectedOf, LATE_IS } from '../fleet/late.js';
import { Connect, Doctor } from './connect.jsx';
import { Charts } from './explore.jsx';
import { Modules } from './modules.jsx';
import { Twin } from './twin.jsx';
import { Waiting } from './waiting.jsx';

export const TABS = [['overview', 'Overview'], ['live', 'Live'], ['charts', 'Charts'], ['twin', 'Twin'], ['methods', 'Methods'], ['messages', 'Messages'],
    ['modules', 'Modules'], ['history', 'History'],
    ['connect', 'Connect']];

export function pathOf(kind, id, more = '') {
    return `/${kind}/${encodeURIComponent(id)}${more}`;
}

/** By when it is heard of again, by its own rhythm. */
function Expected({ id, after }) {
    const [time, setTime] = useState(null);
    useEffect(() => { if (mayRead('ServiceConnect')) expectedOf(id).then(setTime, () => {}); }, [id, after]);
    if (!time) return '–';
    return <span title={LATE_IS}>{Date.parse(time) < Date.now() ? <State kind="wait">late since <Ago time={time} /></State> : `until ${new Date(time).toLocaleString()}`}</span>;
}

function Facts({ identity: d, twin }) {
    const rows = [['Authentication', d.authentication.type], ['Generation', d.generationId], ['Status', d.status + (d.statusReason ? `: ${d.statusReason}` : '')],
        ['Last activity', <Ago time={d.lastActivityTime} />], ['Next is expected', <Expected id={d.deviceId} after={d.lastActivityTime} />],
        ['Connection changed', <Ago time={d.connectionStateUpdatedTime} />],
        ['Messages that wait', d.cloudToDeviceMessageCount], ['IoT Edge', d.capabilities?.iotEdge ? 'yes' : 'no'],
        ...(twin?.modelId ? [['Model', twin.modelId]] : [])];
    return <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Overview({ id, identity, twin, again }) {
    const [deleting, setDeleting] = useState(false);
    const work = useWork();
    const keys = identity.authentication.symmetricKey;
    const off = identity.status === 'disabled';
    const status = off ? 'enabled' : 'disabled';
    const put = () => work.run(async () => {
        await ask('PUT', pathOf('devices', id), { body: { ...identity, status }, headers: { 'if-match': `"${identity.etag}"` } });
        await again();
    });
    const remove = () => work.run(async () => {
        await ask('DELETE', pathOf('devices', id), { headers: { 'if-match': '*' } });
        go(href('devices'));
    });
    return <>
        <Wrong error={!deleting && work.error} />
        <div class="columns">
            <section class="card"><h2>Identity</h2><Facts identity={identity} twin={twin} /></section>
            <section class="card"><h2>Connect</h2>
                {identity.authentication.type === 'sas' ? !keys.primaryKey ? <p>Keys are not shown to a session of this role.</p> : <>
                    <Secret label="Connection string, primary key" text={connectionString(id, keys.primaryKey)} />
                    <Secret label="Connection string, secondary key" text={connectionString(id, keys.secondaryKey)} />
                    <Same cli={['azimuth', 'connection-string', '--device-id', id]} />
                </> : <p>This device shows a certificate ({identity.authentication.type}).</p>}
            </section>
            <section class="card"><h2>Tags</h2><pre class="snippet" tabIndex={0}>{JSON.stringify(twin?.tags ?? {}, null, 2)}</pre>
                <a href={href('devices', id, 'twin')}>Edit on Twin</a></section>
        </div>
        {may('RegistryWrite') && <><div class="row">
            <Button busy={work.busy} onClick={put}>{off ? 'Enable' : 'Disable'}</Button>
            <Button kind="bad" onClick={() => setDeleting(true)}>Delete…</Button></div>
        <Same cli={['azimuth', 'hub', 'device-identity', 'update', '-d', id, '--status', status]}
            request={at('POST', '/devices', [{ id, importMode: 'update', status }])} /></>}
        {deleting && <Dialog title={`Delete ${id}?`} onClose={() => setDeleting(false)}>
            <Wrong error={work.error} />
            <p>Identity, twin, modules and waiting messages go. What it sent stays in the stream.</p>
            <div class="row"><Button kind="bad" busy={work.busy} onClick={remove}>Delete</Button>
                <Button onClick={() => setDeleting(false)}>Keep</Button></div>
            <Same cli={['azimuth', 'hub', 'device-identity', 'delete', '-d', id]} request={at('DELETE', pathOf('devices', id), undefined, { 'If-Match': '*' })} />
        </Dialog>}
    </>;
}

function LiveTab({ id }) {
    const view = useView('-10m'), stream = useEvents({ ...view, device: id });
    return <>
        <Controls view={view} />
        {mayReadAll() && <p><a href={`${href('flow')}?explain=${encodeURIComponent(id)}`}>Where its last message went, and why</a></p>}
        <Numbers events={stream.events} />
        <Events {...{ view, stream }} />
        <Same cli={['azimuth', 'hub', 'monitor-events', '-d', id, '--from', '10m']} />
    </>;
}

/** What became of it, as far as the log has it: its life, its connections, its twin; and of late its methods and refusals. */
function History({ id }) {
    const view = useView('-1d', kindsHere().filter((k) => k !== 'telemetry')), stream = useEvents({ ...view, device: id });
    return <>
        <Controls view={view} />
        <Events {...{ view, stream }} />
        <Same cli={['azimuth', 'hub', 'monitor-events', '--all', '-d', id, '--from', '1d']} />
    </>;
}

function readJson(text) {
    try { return { value: text.trim() ? JSON.parse(text) : null }; } catch (e) { return { problem: e.message }; }
}

function Methods({ id, identity, link }) {
    const [name, setName] = useState(''), [payload, setPayload] = useState('{}'), [timeout, setTimeout_] = useState(30);
    const [whole, setWhole] = useState('');
    const work = useWork();
    const { value, problem } = readJson(payload);
    const body = { methodName: name, payload: value, responseTimeoutInSeconds: timeout, connectTimeoutInSeconds: 0 };
    const path = pathOf('twins', id, '/methods');
    const call = (e) => {
        e.preventDefault();
        setWhole('');
        work.run(async () => {
            const { json } = await ask('POST', path, { body }), text = JSON.stringify(json.payload, null, 2);
            if (text.length > TOLD_MAX) setWhole(text);
        });
    };
    return <>
        {link ? <Unheard link={link} /> : identity.connectionState !== 'Connected' && <Notice>The device is not connected: a call ends with DeviceNotOnline at once.</Notice>}
        <Wrong error={work.error} onClose={work.clear} />
        <form onSubmit={call} class="card">
            <div class="columns">
                <Field label="Method"><input value={name} onInput={(e) => setName(e.target.value)} spellcheck={false} placeholder="reboot" /></Field>
                <Field label="Answer within" hint="5 to 300 seconds"><input type="number" min={5} max={300} value={timeout}
                    onInput={(e) => setTimeout_(Number(e.target.value))} /></Field>
            </div>
            <Field label="Payload" hint={problem ?? 'JSON'}><textarea rows={5} value={payload} spellcheck={false} aria-invalid={!!problem}
                onInput={(e) => setPayload(e.target.value)} /></Field>
            <Button kind="primary" type="submit" busy={work.busy} disabled={!name || !!problem || !may('ServiceConnect')}>Call</Button>
            <Same cli={['azimuth', 'hub', 'invoke-device-method', '-d', id, '--mn', name || 'reboot', '--mp', payload]} request={at('POST', path, body)} />
        </form>
        {whole && <section class="call" aria-label="The whole answer"><div class="row"><h2>The whole answer</h2><span class="spring" /><Copy text={whole} /></div>
            <pre tabIndex={0}>{whole}</pre></section>}
        <Calls key={id} id={id} onAgain={(e) => { setName(e.method); setPayload(e.request || '{}'); }} />
    </>;
}

/** As the command line takes them: name=value;name=value; null: it cannot. */
function wordsOf(properties) {
    const pairs = Object.entries(properties), list = pairs.map(([name, text]) => `${name}=${text}`);
    if (pairs.some(([name, text]) => /[=;]/.test(name) || String(text).includes(';'))) return null;
    return list.length ? ['--properties', list.join(';')] : [];
}

function Messages({ id, identity, again }) {
    const [text, setText] = useState(''), [properties, setProperties] = useState('{}'), [ack, setAck] = useState('none');
    const [said, setSaid] = useState('');
    const work = useWork();
    const { value, problem } = readJson(properties);
    const body = { body: text, properties: value ?? {}, ...(ack === 'none' ? {} : { ack }) };
    const path = `/admin/v1/devices/${encodeURIComponent(id)}/messages`;
    const words = wordsOf(value ?? {});
    const send = async (e) => {
        e.preventDefault();
        const got = await work.run(() => ask('POST', path, { body }));
        if (!got) return;
        setSaid(`Accepted as ${got.json.messageId}. It waits until the device takes it.`);
        again();
    };
    return <>
        <Wrong error={work.error} onClose={work.clear} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        <Waiting key={id} {...{ id, identity }} onDone={(text) => { setSaid(text); again(); }} />
        <form class="card" onSubmit={send}>
            <h2>Send a message</h2>
            <Field label="Body"><textarea rows={5} value={text} onInput={(e) => setText(e.target.value)} spellcheck={false} /></Field>
            <div class="columns">
                <Field label="Properties" hint={problem ?? 'JSON: {"name":"text"}'}><input value={properties} spellcheck={false} aria-invalid={!!problem}
                    onInput={(e) => setProperties(e.target.value)} /></Field>
                <Field label="Feedback"><select value={ack} onChange={(e) => setAck(e.target.value)}>
                    {['none', 'positive', 'negative', 'full'].map((a) => <option key={a}>{a}</option>)}</select></Field>
            </div>
            <Button kind="primary" type="submit" busy={work.busy} disabled={!!problem || !may('ServiceConnect')}>Send</Button>
            <Same cli={words && ['azimuth', 'device', 'c2d-message', 'send', '-d', id, '--data', text, ...words, ...(ack === 'none' ? [] : ['--ack', ack])]}
                request={{ method: 'POST', path, body, admin: true }} />
        </form>
    </>;
}

/** Identity and twin, as far as the session may see them; looked at again every few seconds. */
function useDevice(id) {
    const [state, setState] = useState({});
    const begin = useRef(null);
    begin.current ??= order();
    const load = useCallback(async () => {
        const counts = begin.current();
        const [identity, twin] = await Promise.allSettled([
            mayRead('RegistryRead') ? ask('GET', pathOf('devices', id)) : Promise.reject(new Error('This session has no RegistryRead right.')),
            mayRead('ServiceConnect') ? ask('GET', pathOf('twins', id)) : Promise.reject(new Error('This session has no ServiceConnect right.'))]);
        // What was there stays there: somebody may be typing into it.
        if (counts()) setState((s) => ({ identity: identity.value?.json ?? s.identity, twin: twin.value?.json ?? s.twin, error: identity.reason ?? null, twinError: twin.reason ?? null }));
    }, [id]);
    useEffect(() => {
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, 5000);
        return () => clearInterval(timer);
    }, [load]);
    return { ...state, load };
}

/** Somebody claims an id that nobody has: why he is refused, and the way to make it. */
function Unknown({ id }) {
    return <>
        {may('RegistryWrite') && <p><a class="button" href={`${href('devices')}?new=${encodeURIComponent(id)}`}>Create the device {id}…</a></p>}
        {mayReadAll() && <Doctor id={id} />}
    </>;
}

export function Device({ id, tab = 'overview' }) {
    const { identity, twin, error, twinError, load } = useDevice(id);
    const link = useLink(id, identity);
    const known = TABS.some(([t]) => t === tab) ? tab : 'overview';
    const watched = ['live', 'history'].includes(known) && !mayRead('ServiceConnect');
    return <>
        <p class="crumbs"><a href={href('devices')}>Devices</a></p>
        <div class="row"><h1 class="id">{id}</h1><Copy text={id} label="Copy id" />
            {identity && <><Presence row={identity} /><span class="hint">last seen <Ago time={identity.lastActivityTime} /></span></>}</div>
        <Link link={link} />
        <Flapping id={id} />
        <Tabs label="Device" tabs={TABS} current={known} link={(t) => (t === 'overview' ? href('devices', id) : href('devices', id, t))} />
        <Wrong error={error ?? (watched || known === 'twin' ? twinError : null)} />
        {!identity && error?.status === 404 && <Unknown id={id} />}
        {identity && known === 'overview' && <Overview {...{ id, identity, twin, again: load }} />}
        {known === 'live' && !watched && <LiveTab key={id} id={id} />}
        {known === 'charts' && <Charts key={id} device={id} />}
        {twin && known === 'twin' && <Twin key={id} id={id} twin={twin} again={load} />}
        {identity && known === 'methods' && <Methods {...{ id, identity, link }} />}
        {known === 'history' && !watched && <History key={id} id={id} />}
        {known === 'modules' && <Modules key={id} id={id} />}
        {identity && known === 'connect' && <Connect key={id} id={id} identity={identity} />}
        {identity && known === 'messages' && <Messages {...{ id, identity, again: load }} />}
    </>;
}
