/* rollouts.jsx - what the hub keeps in many twins: configurations of devices and modules, deployments of IoT Edge; and jobs. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, may, mayRead } from '../state.js';
import { useWords } from '../router.js';
import { Ago, Button, count, Dialog, Field, Notice, Same, State, Tabs, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { Progress } from '../fleet/dry.jsx';
import { both, useCounted } from '../fleet/query.js';
import { Jobs } from './jobs.jsx';

const LOOK_MS = 5000, PRIORITY = 10;
const TABS = [['configurations', 'Configurations'], ['jobs', 'Jobs']];
const KINDS = {
    deviceContent: { name: 'devices', cli: ['azimuth', 'hub', 'configuration'], option: '-c', condition: "tags.ring = 'pilot'",
        content: '{\n  "properties.desired.fw": { "version": "2.1" }\n}' },
    moduleContent: { name: 'modules', cli: ['azimuth', 'hub', 'configuration'], option: '-c', condition: "FROM devices.modules WHERE moduleId = 'sensor'",
        content: '{\n  "properties.desired.rate": 5\n}' },
    modulesContent: { name: 'edge devices', cli: ['azimuth', 'edge', 'deployment'], option: '-d', condition: "tags.site = 'a'",
        content: '{\n  "camera": { "properties.desired.fps": 5 }\n}' },
};

function pathOf(id) {
    return `/configurations/${encodeURIComponent(id)}`;
}

function kindOf(c) {
    return Object.keys(KINDS).find((k) => c.content?.[k]) ?? 'deviceContent';
}

/** A base says all of the edge agent; what is layered adds to it. */
function isLayered(c) {
    return !!c.content?.modulesContent && c.content.modulesContent.$edgeAgent?.['properties.desired'] === undefined;
}

function read(text) {
    try { return { value: text.trim() ? JSON.parse(text) : undefined }; } catch (e) { return { problem: e.message }; }
}

/** What is sent: without what the hub counts. */
function bodyOf({ id, schemaVersion, labels, content, targetCondition, priority, metrics }) {
    return { id, ...(schemaVersion ? { schemaVersion } : {}), ...(labels ? { labels } : {}), content, targetCondition, priority,
        ...(metrics ? { metrics: { queries: metrics.queries ?? {} } } : {}) };
}

function useConfigurations() {
    const [list, setList] = useState(null);
    const work = useWork();
    const load = useCallback(() => work.run(async (counts) => {
        const { json } = await ask('GET', '/configurations?top=100');
        if (counts()) setList(json.sort((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1)));
    }), []);
    useEffect(() => {
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, LOOK_MS);
        return () => clearInterval(timer);
    }, [load]);
    return { list, load, error: work.error };
}

/* ---- making one */

/** Whom the hub would mean, as a condition of devices; a deployment is about edge devices only. null: nobody, or modules. */
function meant(kind, condition) {
    const typed = condition.trim();
    if (kind === 'moduleContent' || !typed) return null;
    return both(typed === '*' ? '' : typed, kind === 'modulesContent' ? 'capabilities.iotEdge = true' : '');
}

/** How many a condition means, where that is a count of devices. */
function Meant({ kind, condition }) {
    const { n, error } = useCounted(meant(kind, condition), kind), who = kind === 'modulesContent' ? 'edge device' : 'device';
    if (error) return <p class="problem">{error.message}</p>;
    return <p class="hint">{n === null ? 'An empty condition means nobody, * everybody.' : `${count(n)} ${n === 1 ? `${who} has` : `${who}s have`} this condition now.`}</p>;
}

function Create({ onClose, onDone }) {
    const [id, setId] = useState(''), [kind, setKind] = useState('deviceContent'), [content, setContent] = useState(KINDS.deviceContent.content);
    const [condition, setCondition] = useState(''), [priority, setPriority] = useState(PRIORITY), [queries, setQueries] = useState('');
    const work = useWork(), k = KINDS[kind], wanted = read(content), metrics = read(queries);
    const name = id || 'fw-2-1';
    const body = bodyOf({ id: name, content: { [kind]: wanted.value ?? {} }, targetCondition: condition, priority, metrics: metrics.value ? { queries: metrics.value } : null });
    const choose = (to) => {
        if (content === k.content) setContent(KINDS[to].content);
        setKind(to);
    };
    const create = (e) => {
        e.preventDefault();
        work.run(async () => { await ask('PUT', pathOf(id), { body }); onDone(`${id} is there.`); });
    };
    return <Dialog title="New configuration" wide onClose={onClose}><form onSubmit={create}>
        <Wrong error={work.error} />
        <div class="columns"><Field label="Name" hint="small letters, digits and - + % _ * ! '"><input value={id} maxLength={128} autofocus spellcheck={false} onInput={(e) => setId(e.target.value)} /></Field>
            <Field label="Of"><select value={kind} onChange={(e) => choose(e.target.value)}>{Object.entries(KINDS).map(([v, { name: n }]) => <option key={v} value={v}>{n}</option>)}</select></Field>
            <Field label="Priority" hint="the highest counts"><input type="number" min={0} value={priority} onInput={(e) => setPriority(Number(e.target.value))} /></Field></div>
        <Field label="Condition"><input value={condition} spellcheck={false} placeholder={k.condition} onInput={(e) => setCondition(e.target.value)} /></Field>
        <Meant kind={kind} condition={condition} />
        <Field label="Content" hint={wanted.problem ?? 'JSON: what is set, by its path; null removes. It stays what it is.'}><textarea rows={6} value={content} spellcheck={false}
            aria-invalid={!!wanted.problem} onInput={(e) => setContent(e.target.value)} /></Field>
        <Field label="Metrics" hint={metrics.problem ?? 'JSON: a query of deviceId by the name of what it counts; may stay empty'}><textarea rows={2} value={queries} spellcheck={false}
            aria-invalid={!!metrics.problem} placeholder={'{"updated": "SELECT deviceId FROM devices WHERE properties.reported.fw.version = \'2.1\'"}'}
            onInput={(e) => setQueries(e.target.value)} /></Field>
        <div class="row"><Button kind="primary" type="submit" busy={work.busy} disabled={!id || !!wanted.problem || !wanted.value || !!metrics.problem}>Create</Button><Button onClick={onClose}>Cancel</Button></div>
        <Same cli={[...k.cli, 'create', k.option, name, '-k', JSON.stringify({ [kind]: wanted.value ?? {} }), '--tc', condition, '--pri', String(priority),
            ...(isLayered(body) ? ['--layered'] : []), ...(metrics.value ? ['-m', JSON.stringify({ queries: metrics.value })] : [])]} request={at('PUT', pathOf(name), body)} />
    </form></Dialog>;
}

/* ---- one of them */

function metricsOf(c) {
    const { targetedCount = 0, appliedCount = 0, ...reported } = c.systemMetrics?.results ?? {};
    return { targeted: targetedCount, applied: appliedCount, more: Object.entries({ ...reported, ...c.metrics?.results }) };
}

function Counts({ of: c }) {
    const { targeted, applied, more } = metricsOf(c);
    return <><Progress done={applied} of={targeted} label="Applied" />
        {more.length > 0 && <dl class="facts">{more.map(([name, n]) => <div key={name}><dt>{name}</dt><dd>{count(n)}</dd></div>)}</dl>}</>;
}

/** `base`: as it was when somebody began to change it; its etag goes with the change. */
function Details({ of: c, onClose, onDone }) {
    const [base, setBase] = useState(c), [condition, setCondition] = useState(c.targetCondition), [priority, setPriority] = useState(c.priority);
    const [sure, setSure] = useState(false), [theirs, setTheirs] = useState(false);
    const work = useWork(), kind = kindOf(c), { cli, option } = KINDS[kind], path = pathOf(c.id);
    const body = bodyOf({ ...base, targetCondition: condition, priority }), headers = { 'If-Match': `"${base.etag}"` };
    const changed = condition !== base.targetCondition || priority !== base.priority;
    const save = () => work.run(async () => {
        try {
            await ask('PUT', path, { body, headers });
            onDone(`${c.id} is changed.`);
        } catch (e) {
            if (e.status !== 412) throw e;
            setBase((await ask('GET', path)).json);
            setTheirs(true);
        }
    });
    const remove = () => work.run(async () => { await ask('DELETE', path, { headers: { 'if-match': '*' } }); onDone(`${c.id} is deleted. What it has set stays.`); });
    return <Dialog title={`Configuration ${c.id}`} wide onClose={onClose}>
        <Wrong error={work.error} />
        {theirs && <Notice kind="bad">Somebody else changed it meanwhile: its condition is now <code>{base.targetCondition || 'empty'}</code>, its priority {base.priority}. What you save is written over that.</Notice>}
        <Counts of={c} />
        <Field label="Condition"><input value={condition} spellcheck={false} onInput={(e) => setCondition(e.target.value)} /></Field>
        <Meant kind={kind} condition={condition} />
        <Field label="Priority"><input type="number" min={0} value={priority} onInput={(e) => setPriority(Number(e.target.value))} /></Field>
        <pre class="snippet" tabIndex={0} aria-label="Content">{JSON.stringify(c.content[kind], null, 2)}</pre>
        {may('ServiceConnect') && <div class="row"><Button kind="primary" busy={work.busy} disabled={!changed} onClick={save}>Save</Button><span class="spring" />
            {sure ? <><Button kind="bad" busy={work.busy} onClick={remove}>Delete it; what it has set stays</Button><Button onClick={() => setSure(false)}>Keep</Button></>
                : <Button kind="bad" onClick={() => setSure(true)}>Delete…</Button>}</div>}
        <Same cli={sure ? [...cli, 'delete', option, c.id] : [...cli, 'update', option, c.id, '--tc', condition, '--pri', String(priority)]}
            request={sure ? at('DELETE', path, undefined, { 'If-Match': '*' }) : at('PUT', path, body, headers)} />
    </Dialog>;
}

function Row({ of: c, onOpen }) {
    const { targeted, applied } = metricsOf(c), kind = kindOf(c);
    return <tr><th scope="row">{c.id}</th><td>{KINDS[kind].name}{isLayered(c) && ', layered'}</td><td><code>{c.targetCondition || 'nobody'}</code></td><td>{c.priority}</td>
        <td><State kind={!targeted ? 'off' : applied === targeted ? 'good' : 'wait'}>{count(applied)} of {count(targeted)}</State></td>
        <td><Ago time={c.lastUpdatedTimeUtc} /></td><td><Button kind="small" aria-label={`Open ${c.id}`} onClick={onOpen}>Open…</Button></td></tr>;
}

function Configurations() {
    const { list, load, error } = useConfigurations();
    const [open, setOpen] = useState(null), [said, setSaid] = useState('');
    const done = (text) => { setSaid(text); setOpen(null); load(); };
    const close = () => setOpen(null), chosen = list?.find((c) => c.id === open?.id) ?? open;
    return <>
        <Wrong error={error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {may('ServiceConnect') && <div class="row"><Button kind="primary" onClick={() => setOpen({})}>New configuration…</Button></div>}
        {list?.length === 0 && <Notice>There is none yet. A configuration sets desired properties in all twins that its condition means, also of devices that come later.</Notice>}
        {list?.length > 0 && <div class="card scroll" tabIndex={0} role="region" aria-label="Configurations"><table class="plain-table">
            <thead><tr><th>name</th><th>of</th><th>condition</th><th>priority</th><th>applied</th><th>changed</th><th>more</th></tr></thead>
            <tbody>{list.map((c) => <Row key={c.id} of={c} onOpen={() => setOpen(c)} />)}</tbody></table></div>}
        <Same cli={['azimuth', 'hub', 'configuration', 'list']} request={at('GET', '/configurations')} />
        {open && (open.id ? <Details of={chosen} onClose={close} onDone={done} /> : <Create onClose={close} onDone={done} />)}
    </>;
}

export function Rollouts() {
    const [words, setWords] = useWords({ of: 'configurations' }), of = TABS.some(([k]) => k === words.of) ? words.of : 'configurations';
    return <>
        <div class="row"><h1>Rollouts</h1><span class="hint">what the hub keeps in many twins, and what it does to many devices</span></div>
        {mayRead('ServiceConnect') ? <><Tabs label="Rollouts" tabs={TABS} current={of} onChoose={(to) => setWords({ of: to })} />
            {of === 'jobs' ? <Jobs /> : <Configurations />}</>
            : <Notice kind="bad">This session has no ServiceConnect right.</Notice>}
    </>;
}
