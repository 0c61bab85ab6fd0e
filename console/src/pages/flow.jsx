/* flow.jsx - where messages go: sources, routes, endpoints; how these stand, and why a message went where it went. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { useWords } from '../router.js';
import { ask, mayRead, mayReadAll } from '../state.js';
import { listen } from '../live.js';
import { Ago, Button, count, Field, Notice, Same, State, useWork, Wrong } from '../parts.jsx';

const LOOK_MS = 5000, ROW = 46;
const NAMES_MAX = 32; // of a subscription to metrics
const TEST_MAX = 30; // routes that a message is tried against, one request each
const IN = 'azimuth_d2c_telemetry_ingress_total', STREAM = 'azimuth_d2c_endpoints_egress_builtIn_events_total';
const FALLBACK = 'azimuth_d2c_telemetry_egress_fallback_total', DROPPED = 'azimuth_d2c_telemetry_egress_orphaned_total';
const HEALTH = { healthy: 'good', degraded: 'wait', unhealthy: 'bad', dead: 'bad', unknown: 'off' };
const SOURCES = { DeviceMessages: 'telemetry', TwinChangeEvents: 'twin changes', DeviceLifecycleEvents: 'lifecycle',
    DeviceConnectionStateEvents: 'connections', DeviceJobLifecycleEvents: 'jobs', DigitalTwinChangeEvents: 'digital twins' };

const KINDS = { eventHubs: 'event hub', kafka: 'Kafka', mqtt: 'MQTT broker', serviceBusQueues: 'queue', serviceBusTopics: 'topic',
    storageContainers: 'storage', cosmosDBSqlContainers: 'Cosmos DB', webhooks: 'webhook' };

const delivered = (name, result) => `azimuth_routing_deliveries_total{endpoint="${name}",result="${result}"}`;
const lag = (name) => `azimuth_routing_lag_seconds{endpoint="${name}"}`;

function namesOf(endpoints) {
    return [IN, STREAM, FALLBACK, DROPPED, ...endpoints.filter((e) => e.kind).flatMap(({ name }) => [
        ...['success', 'failure', 'refused', 'dropped'].map((result) => delivered(name, result)), lag(name)])];
}

/** Totals of these metrics, and how fast they rise. */
function useCounts(names) {
    const [state, setState] = useState({ now: {}, rate: {} });
    useEffect(() => {
        const before = {};
        const take = ({ metrics, at }) => {
            if (!metrics) return;
            const rate = {};
            for (const [name, value] of Object.entries(metrics)) {
                const b = before[name];
                if (b) rate[name] = Math.max(0, (value - b.value) * 1000 / (at - b.at));
                before[name] = { value, at };
            }
            setState((s) => ({ now: { ...s.now, ...metrics }, rate: { ...s.rate, ...rate } }));
        };
        const links = [];
        for (let i = 0; i < names.length; i += NAMES_MAX) links.push(listen({ sub: 'metrics', names: names.slice(i, i + NAMES_MAX) }, take));
        return () => { for (const link of links) link.end(); };
    }, [names.join()]);
    return state;
}

function useRouting() {
    const [state, setState] = useState({});
    const load = useCallback(async () => {
        try {
            const [routing, health] = await Promise.all([ask('GET', '/admin/v1/routing'), ask('GET', '/admin/v1/routingEndpointsHealth')]);
            setState({ routing: routing.json.properties.routing, health: health.json.value });
        } catch (error) {
            setState((s) => ({ ...s, error }));
        }
    }, []);
    useEffect(() => {
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, LOOK_MS);
        return () => clearInterval(timer);
    }, [load]);
    return { ...state, load };
}

function endpointsOf({ routing, health }) {
    const kinds = Object.entries(routing.endpoints).flatMap(([kind, list]) => list.map((e) => [e.name, kind]));
    return [['events', null], ...kinds].map(([name, kind]) => ({ name, kind, ...health.find((h) => h.endpointId === name) }));
}

function perSecond(rate) {
    return rate === undefined ? '' : `${count(Math.round(rate * 10) / 10)}/s`;
}

/** How far behind an endpoint is; the server says nothing of it before it knows. */
function behindOf(e, counts) {
    const seconds = e.kind ? counts.now[lag(e.name)] : undefined;
    return Number.isFinite(seconds) ? `${count(seconds)} s` : '–';
}

/* ---- the picture: lines from sources to routes to endpoints */

function Lines({ pairs, rows }) {
    const y = (i) => i * ROW + ROW / 2 - 3;
    return <svg class="flow-lines" viewBox={`0 0 60 ${rows * ROW}`} preserveAspectRatio="none" height={rows * ROW} aria-hidden="true">
        {pairs.map(([a, b, kind]) => <path key={`${a} ${b}`} class={kind} d={`M0 ${y(a)} C30 ${y(a)} 30 ${y(b)} 60 ${y(b)}`} />)}</svg>;
}

function Box({ title, rate, note, state, off }) {
    return <li class={off ? 'off' : ''} title={title}><span class="flow-name"><span>{title}</span><b>{rate}</b></span>
        <small>{state && <State kind={HEALTH[state] ?? 'off'}>{state}</State>}{note}</small></li>;
}

function leadsTo(r, e) {
    return r.endpointNames[0]?.toLowerCase() === e.name.toLowerCase();
}

/** What flows along a route. The hub counts by endpoint: routes of telemetry that lead to the same one are told together. */
export function flowOf(r, routes, endpoints, rate) {
    if (!r.isEnabled) return { words: 'disabled' };
    if (r.fallback) return { per: rate[FALLBACK], words: perSecond(rate[FALLBACK]) };
    const e = endpoints.find((x) => leadsTo(r, x));
    const beside = e ? routes.filter((x) => x !== r && x.isEnabled && !x.fallback && leadsTo(x, e)).length : 0;
    const fallback = routes.find((x) => x.fallback && x.isEnabled);
    const all = e && rate[e.kind ? delivered(e.name, 'success') : STREAM];
    if (all === undefined) return { words: '' };
    const per = Math.max(0, fallback && leadsTo(fallback, e) ? all - (rate[FALLBACK] ?? 0) : all);
    return { per, words: beside ? `${perSecond(per)} with ${beside} more` : perSecond(per) };
}

function Picture({ routing, endpoints, counts }) {
    const routes = [...routing.routes, { ...routing.fallbackRoute, fallback: true }];
    const sources = [...new Set(routes.map((r) => r.source))], flows = routes.map((r) => flowOf(r, routes, endpoints, counts.rate));
    const rows = Math.max(sources.length, routes.length, endpoints.length);
    const rateOf = (e) => perSecond(counts.rate[e.kind ? delivered(e.name, 'success') : STREAM]);
    const behind = (e) => (e.kind && counts.now[lag(e.name)] > 0 ? ` ${count(counts.now[lag(e.name)])} s behind` : '');
    const kindOf = (i) => (!routes[i].isEnabled ? 'off' : flows[i].per > 0 ? 'busy' : '');
    return <section class="card flow" aria-label="Picture" tabIndex={0} role="region">
        <ul aria-label="Sources">{sources.map((s) => <Box key={s} title={SOURCES[s] ?? s} rate={s === 'DeviceMessages' ? perSecond(counts.rate[IN]) : ''} note={s === 'DeviceMessages' ? 'of devices' : 'events'} />)}</ul>
        <Lines rows={rows} pairs={routes.map((r, i) => [sources.indexOf(r.source), i, kindOf(i)])} />
        <ul aria-label="Routes">{routes.map((r, i) => <Box key={r.name} title={r.fallback ? 'fallback' : r.name} off={!r.isEnabled} rate={flows[i].words}
            note={r.fallback ? (r.isEnabled ? 'what no route took' : 'what no route took is dropped') : r.condition} />)}</ul>
        <Lines rows={rows} pairs={routes.map((r, i) => [i, endpoints.findIndex((e) => leadsTo(r, e)), kindOf(i)])} />
        <ul aria-label="Endpoints">{endpoints.map((e) => <Box key={e.name} title={e.name} rate={rateOf(e)} state={e.healthStatus ?? 'unknown'} note={behind(e)} />)}</ul>
    </section>;
}

function Endpoints({ endpoints, counts }) {
    const seen = (name) => (counts.now[name] === null ? 0 : counts.now[name]); // null: nothing was counted yet
    const total = (e, result) => count(e.kind ? seen(delivered(e.name, result)) : result === 'success' ? seen(STREAM) : 0);
    const rate = (e, result) => perSecond(e.kind ? counts.rate[delivered(e.name, result)] : result === 'success' ? counts.rate[STREAM] : 0);
    return <div class="card scroll" role="region" aria-label="Endpoints" tabIndex={0}><h2>Endpoints</h2><table class="plain-table">
        <thead><tr><th>endpoint</th><th>kind</th><th>state</th><th>delivered</th><th>failed tries</th><th>refused</th><th>dropped</th><th>delivered/s</th><th>failures/s</th><th>behind</th><th>last error</th></tr></thead>
        <tbody>{endpoints.map((e) => <tr key={e.name}><th scope="row">{e.name}</th><td>{e.kind ? KINDS[e.kind] ?? e.kind : 'built in'}</td>
            <td><State kind={HEALTH[e.healthStatus] ?? 'off'}>{e.healthStatus}</State></td>
            {['success', 'failure', 'refused', 'dropped'].map((result) => <td key={result}>{total(e, result)}</td>)}
            <td>{rate(e, 'success')}</td><td>{rate(e, 'failure')}</td><td>{behindOf(e, counts)}</td>
            <td>{e.lastKnownError && <>{e.lastKnownError} <span class="hint"><Ago time={e.lastKnownErrorTime} /></span></>}</td></tr>)}</tbody></table></div>;
}

function Routes({ routing }) {
    const example = ['azimuth', 'hub', 'message-route', 'create', '--rn', 'alarms', '-t', 'DeviceMessages', '--en', 'events', '-c', "level = 'critical'"];
    return <div class="card scroll" role="region" aria-label="Routes" tabIndex={0}><h2>Routes</h2>
        {routing.routes.length ? <table class="plain-table">
            <thead><tr><th>route</th><th>of</th><th>condition</th><th>to</th><th>state</th></tr></thead>
            <tbody>{[...routing.routes, routing.fallbackRoute].map((r) => <tr key={r.name}><th scope="row">{r.name}</th><td>{SOURCES[r.source] ?? r.source}</td>
                <td><code>{r.name === routing.fallbackRoute.name ? 'what no route took' : r.condition}</code></td><td>{r.endpointNames.join(', ')}</td>
                <td><State kind={r.isEnabled ? 'good' : 'off'}>{r.isEnabled ? 'enabled' : 'disabled'}</State></td></tr>)}</tbody></table>
            : <p>There is no route: all telemetry goes to the built-in stream.</p>}
        <Same cli={example} request={{ method: 'GET', path: '/admin/v1/routing', admin: true }} />
    </div>;
}

/* ---- why did this message go there? */

const SYSTEM = { message_id: 'messageId', correlation_id: 'correlationId', content_type: 'contentType', content_encoding: 'contentEncoding' };
const NOTED = { 'iothub-connection-device-id': 'connectionDeviceId', 'iothub-connection-module-id': 'connectionModuleId',
    'iothub-enqueuedtime': 'enqueuedTime', 'dt-dataschema': 'dt-dataschema', 'dt-subject': 'dt-subject' };

/** The event as a RoutingMessage: what conditions can see of it. */
function messageOf(event) {
    const systemProperties = {};
    for (const [from, to] of Object.entries(SYSTEM)) if (event.system?.[from] !== undefined) systemProperties[to] = String(event.system[from]);
    for (const [from, to] of Object.entries(NOTED)) if (event.annotations?.[from] !== undefined) systemProperties[to] = String(event.annotations[from]);
    const appProperties = Object.fromEntries(Object.entries(event.properties ?? {}).map(([k, v]) => [k, String(v)]));
    return { body: event.encoding === 'base64' ? '' : event.body, appProperties, systemProperties };
}

/** The newest message of a device within the last hour. */
function lastOf(device) {
    return new Promise((resolve, reject) => {
        let last = null, idle = 0;
        const end = (fn, value) => { clearInterval(timer); clearTimeout(latest); link.end(); fn(value); };
        const link = listen({ sub: 'events', device, kinds: ['telemetry'], from: '-1h', max_hz: 10 }, (m) => {
            if (m.error) return end(reject, new Error(m.error));
            if (m.batch?.length) last = m.batch.reduce((a, b) => (a && a.enqueued > b.enqueued ? a : b), last);
            idle = 0;
            return undefined;
        });
        const timer = setInterval(() => {
            if (last && ++idle > 2) end(resolve, last);
            else if (!last && ++idle > 15) end(reject, new Error(`${device} has sent nothing in the last hour`));
        }, 200);
        const latest = setTimeout(() => { if (last) end(resolve, last); }, 4000);
    });
}

async function explain(device, routing) {
    const event = await lastOf(device);
    const routes = routing.routes.filter((r) => r.source === 'DeviceMessages');
    const twin = routes.some((r) => /\$twin/i.test(r.condition)) ? (await ask('GET', `/twins/${encodeURIComponent(device)}`)).json : undefined;
    const message = messageOf(event);
    const words = { true: 'takes it', false: 'not true', undefined: 'not to be said: something it names is not in the message' };
    const verdicts = [];
    for (const r of routes.slice(0, TEST_MAX)) {
        const { json } = await ask('POST', '/admin/v1/routing/routes/$testnew', { body: { message, route: r, ...(twin ? { twin } : {}) } });
        verdicts.push({ ...r, result: r.isEnabled ? json.result : 'disabled', word: r.isEnabled ? words[json.result] : 'disabled' });
    }
    return { event, message, verdicts, more: routes.length - verdicts.length };
}

function Explanation({ of: x, routing }) {
    const taken = x.verdicts.some((v) => v.result === 'true'), { fallbackRoute: f } = routing;
    const went = x.event.endpoints ?? [];
    return <>
        <p>Sent <Ago time={x.event.enqueued} />, {count(x.event.size)} bytes. It went to {went.length ? <strong>{went.join(', ')}</strong> : <strong>nowhere: it was dropped</strong>}.</p>
        <pre class="snippet wrap" tabIndex={0} aria-label="Message">{x.event.encoding === 'base64' ? 'not text' : x.event.body}</pre>
        {x.verdicts.length > 0 && <table class="plain-table"><thead><tr><th>route</th><th>condition</th><th>now it</th><th>to</th></tr></thead>
            <tbody>{x.verdicts.map((v) => <tr key={v.name}><th scope="row">{v.name}</th><td><code>{v.condition}</code></td>
                <td><State kind={v.result === 'true' ? 'good' : 'off'}>{v.word}</State></td><td>{v.endpointNames.join(', ')}</td></tr>)}</tbody></table>}
        {!taken && <Notice kind={f.isEnabled ? 'info' : 'bad'}>{f.isEnabled ? `No route takes it: the fallback route leads it to ${f.endpointNames[0]}.`
            : 'No route takes it, and the fallback route is disabled: such a message is dropped.'}</Notice>}
        {x.more > 0 && <p class="hint">{x.more} more routes were not tried.</p>}
        {x.event.truncated && <p class="hint">Only the first part of the body was tried.</p>}
        {x.event.propertiesTruncated && <p class="hint">Of many properties the first 64 were tried, of a long one the first 1 KiB.</p>}
        <Same cli={['azimuth', 'hub', 'message-route', 'test', '-t', 'DeviceMessages', '--body', x.message.body, '--ap', JSON.stringify(x.message.appProperties), '--sp', JSON.stringify(x.message.systemProperties)]}
            request={{ method: 'POST', path: '/admin/v1/routing/routes/$testall', body: { routingSource: 'DeviceMessages', message: x.message }, admin: true }} />
    </>;
}

function Explain({ routing }) {
    const [words, setWords] = useWords({ explain: '' }), [device, setDevice] = useState(words.explain), [answer, setAnswer] = useState(null);
    const work = useWork();
    const look = (id) => work.run(async (counts) => {
        setAnswer(null);
        const got = await explain(id, routing);
        if (counts()) setAnswer(got);
    });
    useEffect(() => { if (words.explain) look(words.explain); }, []); // a link led here
    const run = (e) => {
        e.preventDefault();
        setWords({ explain: device.trim() });
        look(device.trim());
    };
    return <section class="card" aria-label="Explain a message"><h2>Explain a message</h2>
        <form class="controls" onSubmit={run}><Field label="The last message of"><input data-filter value={device} spellcheck={false} placeholder="device id"
            onInput={(e) => setDevice(e.target.value)} /></Field>
            <Button type="submit" kind="primary" busy={work.busy} disabled={!device.trim()}>Explain</Button></form>
        <Wrong error={work.error} />
        {answer && <Explanation of={answer} routing={routing} />}
    </section>;
}

function Warnings({ routing, counts }) {
    const all = routing.routes.find((r) => r.source === 'DeviceMessages' && r.isEnabled && /^\s*(true)?\s*$/i.test(r.condition));
    const said = [
        counts.rate[DROPPED] > 0 && `Messages that no route takes are dropped (${perSecond(counts.rate[DROPPED])}): the fallback route is disabled.`,
        all && !all.endpointNames.includes('events') && `The route ${all.name} takes every message, so the fallback route leads none to the built-in stream; a route to events would.`,
    ].filter(Boolean);
    return said.map((text) => <Notice key={text.slice(0, 20)} kind="bad">{text}</Notice>);
}

function Known({ state }) {
    const endpoints = endpointsOf(state);
    const counts = useCounts(namesOf(endpoints));
    const parts = { routing: state.routing, endpoints, counts };
    return <><Warnings {...parts} /><Picture {...parts} /><Endpoints {...parts} /><Routes {...parts} /><Explain {...parts} /></>;
}

export function Flow() {
    const state = useRouting();
    return <>
        <div class="row"><h1>Flow</h1><span class="hint">which message goes where, and how those fare who get it</span></div>
        {mayReadAll() && mayRead('ServiceConnect') ? <><Wrong error={state.error} />{state.routing && <Known state={state} />}</>
            : <Notice kind="bad">This page needs all rights of a hub's owner.</Notice>}
    </>;
}
