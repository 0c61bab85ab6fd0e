/* connect.jsx - a device's tab Connect: how it gets here, and why it did not. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask, mayReadAll, session } from '../state.js';
import { Copy, Notice, order, Same, Secret, shell, State, Tabs, Wrong } from '../parts.jsx';
import { connectionString } from '../connection.js';
import { Attempt, useNews } from '../journal.jsx';
import { snippets, trust } from '../snippets.js';

const FIRST = 5;
const STEPS = { passed: ['good', 'ok'], failed: ['bad', 'failed'], skipped: ['off', 'not used'], unknown: ['off', 'not known'] };

function pathOf(id) {
    return `/admin/v1/devices/${encodeURIComponent(id)}/attempts`;
}

function useAttempts(id) {
    const [state, setState] = useState({});
    const begin = useRef(null);
    begin.current ??= order();
    const load = useCallback(() => {
        const counts = begin.current();
        return ask('GET', pathOf(id)).then(({ json }) => counts() && setState({ found: json }), (error) => counts() && setState((s) => ({ ...s, error })));
    }, [id]);
    useNews(load);
    return state;
}

function Ladder({ stages }) {
    return <ol class="ladder" aria-label="How far it came">{stages.map(({ stage, state }) => {
        const [kind, word] = STEPS[state] ?? STEPS.unknown;
        return <li key={stage} class={state}><span>{stage}</span><State kind={kind}>{word}</State></li>;
    })}</ol>;
}

export function Doctor({ id }) {
    const { found, error } = useAttempts(id);
    const [all, setAll] = useState(false);
    const attempts = found?.attempts ?? [];
    const shown = all ? attempts : attempts.slice(0, FIRST);
    const well = attempts.find((a) => a.severity !== 'grey')?.severity === 'connected';
    return <section class="doctor" aria-label="Doctor">
        <Wrong error={error} />
        {found && <>
            <Notice kind={attempts.length && !well ? 'bad' : 'info'}>{found.summary}</Notice>
            {attempts.length > 0 && <Ladder stages={found.stages} />}
            {shown.map((a) => <Attempt key={`${a.firstTime} ${a.cause} ${a.peer}`} of={a} />)}
            {attempts.length > FIRST && <button type="button" class="button" onClick={() => setAll(!all)}>
                {all ? 'Fewer' : `All ${attempts.length} that are remembered`}</button>}
        </>}
        <Same cli={['azimuth', 'why', id]} request={{ method: 'GET', path: pathOf(id), admin: true }} />
    </section>;
}

function Places({ hub }) {
    const rows = [['Host names', hub.hostNames.join(', ')], ['MQTT', hub.mqtt, 8883], ['AMQP', hub.amqp, 5671],
        ['HTTPS and WebSocket', hub.https, 443], ['MQTT without TLS', hub.plainMqtt], ['AMQP without TLS', hub.plainAmqp],
        ['Listening on', hub.addresses.join(', ')]];
    const odd = rows.some(([, port, usual]) => usual && port !== usual);
    return <section class="card" aria-label="Hosts and ports"><h2>Hosts and ports</h2>
        <dl class="facts">{rows.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
        {odd && <p class="hint">Most SDKs know the ports 8883, 5671 and 443 only. Some take another behind GatewayHostName (Node.js:
            GatewayHostName=host:port).</p>}
    </section>;
}

function Program({ id, text, ca }) {
    const [sdk, setSdk] = useState('node');
    const all = snippets(text, id);
    const program = all.find(([name]) => name === sdk)[2];
    const shown = Array.isArray(program) ? shell(program) : program;
    const hidden = shown.replaceAll(/SharedAccessKey=[^;'"]+/g, 'SharedAccessKey=…');
    return <section class="card wide" aria-label="Program">
        <div class="row"><h2>Program</h2><Tabs label="SDK" tabs={all} current={sdk} onChoose={setSdk} /><span class="spring" />
            <Copy text={shown} label="Copy with the key" /></div>
        <pre class="snippet" tabIndex={0} aria-label="Program text">{hidden}</pre>
        <h2>Trust</h2>
        {ca ? <><p class="hint">This server has a certification authority of its own; its certificate is {ca} there. Clients must know it:
            {' '}<a href="/console/ca.pem" download="ca.pem">ca.pem</a>, or</p>
            <pre class="snippet" tabIndex={0} aria-label="Trust text">{trust(sdk, ca)}</pre></>
            : <p class="hint">This server shows a certificate that you gave it: clients must trust who issued that.</p>}
    </section>;
}

function useHub() {
    const [state, setState] = useState({});
    useEffect(() => { if (mayReadAll()) ask('GET', '/admin/v1/hub').then(({ json }) => setState({ hub: json }), (error) => setState({ error })); }, []);
    return state;
}

export function Connect({ id, identity }) {
    const { hub, error } = useHub();
    if (!mayReadAll()) return <Notice kind="bad">This tab needs all rights of a hub's owner; the session of {session.value.name} has fewer.</Notice>;
    const key = identity.authentication.symmetricKey?.primaryKey;
    const sas = identity.authentication.type === 'sas';
    const text = sas ? connectionString(id, key) : `HostName=${session.value.hostname};DeviceId=${id};x509=true`;
    return <>
        <Doctor id={id} />
        <Wrong error={error} />
        <div class="columns">
            <section class="card"><h2>Connection string</h2>
                {sas && !key ? <p>Keys are not shown to a session of this role.</p> : sas ? <Secret label="Connection string" text={text} /> : <><p>This device shows a certificate ({identity.authentication.type}).</p>
                    <code>{text}</code></>}
                <Same cli={['azimuth', 'connection-string', '--device-id', id]} />
            </section>
            {hub && <Places hub={hub} />}
            {hub && (key || !sas) && <Program id={id} text={text} ca={hub.ca} />}
        </div>
    </>;
}
