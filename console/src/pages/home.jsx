/* home.jsx - how the hub is, at a glance, and the first steps of who is new. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { href } from '../router.js';
import { ask, mayRead, mayReadAll, session } from '../state.js';
import { count, Copy, Notice, shell, State, Tabs } from '../parts.jsx';
import { snippets } from '../snippets.js';
import { listen } from '../live.js';
import { Chart } from '../chart.jsx';
import { LATE_IS, lateCondition, SINCE } from '../fleet/late.js';
import { countOf } from '../fleet/query.js';
import { Attention, diskLeft, useRest } from '../attention.jsx';
import { Talkers } from '../talkers.jsx';
import { APPENDED, CERTIFICATE_BAD_DAYS, CERTIFICATE_DAYS, DISK_BAD_DAYS, DISK_DAYS, EXPIRY, refusedCount, refusedNames, ROOM, SEGMENTS } from '../trouble.js';

const KEPT = 600; // seconds of the charts
const LATE_MS = 30000; // between looks at who is late
const TELEMETRY = 'azimuth_d2c_telemetry_ingress_total';
const REPORTED = 'azimuth_twin_reported_writes_total', METHODS = 'azimuth_methods_called_total';
const STREAMS = [['telemetry', TELEMETRY], ['reported properties', REPORTED], ['methods', METHODS]];
const NAMES = [TELEMETRY, REPORTED, METHODS, 'azimuth_connected_devices', 'azimuth_connections',
    'azimuth_cursor_lag_seconds', 'azimuth_log_healthy', 'azimuth_log_accepting', APPENDED, EXPIRY, ROOM, SEGMENTS];

/** Metrics of the server, once a second: the newest, and rates of what only rises. */
function useMetrics() {
    const points = useRef([]);
    const [now, setNow] = useState(null);
    useEffect(() => {
        let before = null, looks = []; // of the last minutes, for what changes slowly
        const link = listen({ sub: 'metrics', names: NAMES }, ({ metrics, at, error }) => {
            if (error || !metrics) return;
            const rates = {};
            for (const [, name] of STREAMS) {
                rates[name] = before ? Math.max(0, (metrics[name] - before.metrics[name]) * 1000 / (at - before.at)) : 0;
            }
            if (before) points.current = [...points.current, { at, rates }].slice(-KEPT);
            before = { metrics, at };
            if (looks.length && metrics[APPENDED] < looks.at(-1).metrics[APPENDED]) looks = []; // another server
            looks = [...looks, before].slice(-KEPT);
            setNow({ metrics, rates, points: points.current, first: looks[0], at });
        });
        return () => link.end();
    }, []);
    return now;
}

function useStatistics() {
    const [total, setTotal] = useState(null);
    useEffect(() => {
        if (!mayRead('RegistryRead')) return undefined;
        const look = () => { if (!document.hidden) ask('GET', '/statistics/devices').then(({ json }) => setTotal(json.totalDeviceCount)).catch(() => {}); };
        look();
        const timer = setInterval(look, 5000);
        return () => clearInterval(timer);
    }, []);
    return total;
}

/** How often somebody was refused, at whichever door; null until it is known. */
function useRefused() {
    const [refused, setRefused] = useState(null);
    useEffect(() => {
        if (!mayReadAll()) return undefined;
        let link = null, gone = false;
        ask('GET', '/admin/v1/refusals/causes').then(({ json }) => {
            if (!gone) link = listen({ sub: 'metrics', names: refusedNames(json.value) }, ({ metrics }) => metrics && setRefused(refusedCount(metrics)));
        }, () => {});
        return () => { gone = true; link?.end(); };
    }, []);
    return refused;
}

/** Who is late by the own rhythm; null until it is known. */
function useLate() {
    const [late, setLate] = useState(null);
    useEffect(() => {
        if (!mayRead('ServiceConnect')) return undefined;
        const look = () => { if (!document.hidden) countOf(lateCondition(SINCE[0])).then(setLate, () => {}); };
        look();
        const timer = setInterval(look, LATE_MS);
        return () => clearInterval(timer);
    }, []);
    return late;
}

function Tile({ name, value, unit, kind, note, to, title }) {
    const inside = <><span class="name">{name}</span><span class="value">{value}{unit && <small> {unit}</small>}</span>
        <span class="note">{kind ? <State kind={kind}>{note}</State> : note}</span></>;
    return to ? <a class="tile" href={to} title={title}>{inside}</a> : <div class="tile">{inside}</div>;
}

/** By how many days are left. */
function kindOf(days, wait, bad) {
    return days < bad ? 'bad' : days < wait ? 'wait' : 'good';
}

function Storage({ writes, days }) {
    const left = days === null ? 'log and store' : days < 1 ? 'less than a day of disk left' : `${count(Math.floor(days))} d of disk left`;
    return <Tile name="Storage" value={writes === null ? '–' : writes ? 'writing' : 'refusing'} kind={writes === false ? 'bad' : days === null ? 'good' : kindOf(days, DISK_DAYS, DISK_BAD_DAYS)}
        note={writes === false ? 'see /readyz' : left} to={href('settings')} />;
}

function Certificate({ until }) {
    const days = until ? Math.floor((until - Date.now() / 1000) / 86400) : null;
    return <Tile name="Certificate" value={count(days)} unit="d" kind={days === null ? undefined : kindOf(days, CERTIFICATE_DAYS, CERTIFICATE_BAD_DAYS)} note="of the server, left" to={href('settings')} />;
}

function Strip({ now, total, rest }) {
    const m = now?.metrics ?? {};
    const refused = useRefused();
    const rate = now ? now.rates[TELEMETRY] : null;
    const late = useLate();
    const lag = m.azimuth_cursor_lag_seconds;
    const writes = m.azimuth_log_healthy === undefined ? null : m.azimuth_log_healthy && m.azimuth_log_accepting;
    return <section class="strip" aria-label="Health">
        <Tile name="Ingest" value={rate === null ? '–' : count(Math.round(rate * 10) / 10)} unit="msg/s"
            note={`${count(now ? m[TELEMETRY] ?? 0 : null)} since the start`} to={href('live')} />
        <Tile name="Connected" value={count(m.azimuth_connected_devices)} note={`of ${count(total)} devices, ${count(m.azimuth_connections)} connections`} to={href('devices')} />
        <Tile name="Late" value={count(late)} kind={late ? 'wait' : 'good'} note="by own rhythm" to={`${href('devices')}?late=own`} title={LATE_IS} />
        <Tile name="Route lag" value={lag === undefined ? '–' : count(lag)} unit="s"
            kind={lag > 60 ? 'bad' : lag > 5 ? 'wait' : 'good'} note={lag > 5 ? 'behind' : 'keeping up'} />
        <Tile name="Refused" value={count(refused)} kind={refused ? 'wait' : 'good'} note="at any door, so far" to={href('refused')} />
        <Storage writes={writes} days={diskLeft(now, rest)} />
        <Certificate until={m[EXPIRY]} />
    </section>;
}

function Step({ done, children }) {
    return <li class={done ? 'done' : ''}><State kind={done ? 'good' : 'off'}>{done ? 'done' : 'to do'}</State><span>{children}</span></li>;
}

function FirstSteps({ now, total }) {
    const [tab, setTab] = useState('cli');
    const m = now?.metrics ?? {};
    const steps = [total > 0, m.azimuth_connected_devices > 0, m[TELEMETRY] > 0];
    const all = snippets('HostName=…;DeviceId=my-device;SharedAccessKey=…');
    const program = all.find(([id]) => id === tab)[2];
    const text = Array.isArray(program) ? shell(program) : program;
    return <section class="card first-steps" aria-label="First steps">
        <h2>First steps</h2>
        <ol class="steps">
            <Step done={steps[0]}>Create a device: <a href={`${href('devices')}?new`}>Devices → New device</a></Step>
            <Step done={steps[1]}>Connect it with its connection string</Step>
            <Step done={steps[2]}>Send a first message and see it on <a href={href('live')}>Live</a></Step>
        </ol>
        <Tabs label="SDK" tabs={all} current={tab} onChoose={setTab} />
        <pre class="snippet" tabIndex={0}>{text}</pre><Copy text={text} />
    </section>;
}

function Throughput({ points }) {
    const [table, setTable] = useState(false);
    const last = points.slice(-12).reverse();
    return <section class="card wide" aria-label="Throughput">
        <div class="row"><h2>Throughput</h2><span class="hint">per second, last {Math.max(1, Math.round(points.length / 60))} min</span><span class="spring" />
            <Tabs label="Chart or table" tabs={[['chart', 'Chart'], ['table', 'Table']]} current={table ? 'table' : 'chart'}
                onChoose={(id) => setTable(id === 'table')} /></div>
        {table
            ? <table class="plain-table"><thead><tr><th>time</th>{STREAMS.map(([n]) => <th key={n}>{n}/s</th>)}</tr></thead>
                <tbody>{last.map((p) => <tr key={p.at}><td>{new Date(p.at).toLocaleTimeString()}</td>
                    {STREAMS.map(([n, id]) => <td key={n}>{p.rates[id].toFixed(1)}</td>)}</tr>)}</tbody></table>
            : <Chart label="Messages per second" times={points.map((p) => p.at / 1000)}
                series={STREAMS.map(([name, id]) => ({ name, values: points.map((p) => p.rates[id]) }))} />}
    </section>;
}

export function Home() {
    const now = useMetrics();
    const total = useStatistics(), rest = useRest();
    const begun = now && total !== null && (total === 0 || !now.metrics[TELEMETRY]);
    return <>
        <div class="row"><h1>{session.value.hubName}</h1><span class="hint">azimuth {session.value.version}</span></div>
        {!mayRead('ServiceConnect') && <Notice>This session has no ServiceConnect right: no live figures.</Notice>}
        <Strip {...{ now, total, rest }} />
        <Attention now={now} rest={rest} />
        <div class="columns">
            <Throughput points={now?.points ?? []} />
            <Talkers />
            {(begun || (now && now.metrics[TELEMETRY] < 1000)) && <FirstSteps now={now} total={total} />}
        </div>
    </>;
}
