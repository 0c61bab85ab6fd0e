/* job.jsx - a change of twins, or a direct method, for many devices: a job of the hub, looked at until it has ended. */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../state.js';
import { Button, count, Dialog, Field, Notice, Same, State, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { Progress, useDryRun } from './dry.jsx';
import { quoted } from './query.js';

const LOOK_MS = 700, SHOWN = 20;
export const TTL_S = 3600;
export const ENDED = ['completed', 'failed', 'cancelled'];

function readObject(text) {
    try {
        const value = text.trim() ? JSON.parse(text) : {};
        return value !== null && typeof value === 'object' && !Array.isArray(value) ? { value } : { problem: 'an object is expected' };
    } catch (e) {
        return { problem: e.message };
    }
}

function readAny(text) {
    try { return { value: text.trim() ? JSON.parse(text) : null }; } catch (e) { return { problem: e.message }; }
}

export function newId() {
    return `console-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

/** How far these jobs are; and of which devices it failed. */
function useJobs(ids) {
    const [jobs, setJobs] = useState(null), [failed, setFailed] = useState([]);
    useEffect(() => {
        if (!ids.length) return undefined;
        let timer = 0, over = false;
        const look = async () => {
            const all = await Promise.all(ids.map((id) => ask('GET', `/jobs/v2/${encodeURIComponent(id)}`).then(({ json }) => json)));
            if (over) return;
            setJobs(all);
            if (all.some((j) => !ENDED.includes(j.status))) timer = setTimeout(() => look().catch(() => { timer = setTimeout(look, LOOK_MS); }), LOOK_MS);
            else if (all.some((j) => j.deviceJobStatistics?.failedCount)) await show(all);
        };
        const show = async (all) => {
            const query = `SELECT * FROM devices.jobs WHERE jobId IN [${all.map((j) => quoted(j.jobId)).join(', ')}] AND status = 'failed'`;
            const { json } = await ask('POST', '/devices/query', { body: { query }, headers: { 'x-ms-max-item-count': String(SHOWN) } });
            if (!over) setFailed(json);
        };
        look().catch(() => {});
        return () => { over = true; clearTimeout(timer); };
    }, [ids]);
    return { jobs, failed };
}

function sum(jobs, name) {
    return jobs.reduce((n, j) => n + (j.deviceJobStatistics?.[name] ?? 0), 0);
}

function Running({ ids, n, onClose, onDone }) {
    const { jobs, failed } = useJobs(ids);
    const work = useWork();
    const ended = jobs?.every((j) => ENDED.includes(j.status));
    useEffect(() => { if (ended) onDone(); }, [ended]);
    if (!jobs) return <p>The job begins…</p>;
    const good = sum(jobs, 'succeededCount'), bad = sum(jobs, 'failedCount'), reason = jobs.find((j) => j.failureReason)?.failureReason;
    const word = jobs.find((j) => !ENDED.includes(j.status))?.status ?? jobs.find((j) => j.status !== 'completed')?.status ?? 'completed';
    const cancel = () => work.run(() => Promise.all(jobs.filter((j) => !ENDED.includes(j.status))
        .map((j) => ask('POST', `/jobs/v2/${encodeURIComponent(j.jobId)}/cancel`))));
    return <>
        <Wrong error={work.error} />
        <p><State kind={!ended ? 'wait' : word === 'completed' && !bad ? 'good' : 'bad'}>{word}</State> · {count(good)} done · {count(bad)} failed</p>
        <Progress done={good + bad} of={Math.max(n ?? 0, good + bad)} label="Job" />
        {reason && <Notice kind="bad">{reason}</Notice>}
        {failed.length > 0 && <Notice kind="bad"><p>The first that failed:</p><ul class="failures">{failed.map((d) => <li key={d.deviceId}>
            <code>{d.deviceId}</code> {d.error?.description ?? d.error?.code ?? d.status}</li>)}</ul></Notice>}
        <div class="row">{ended ? <Button kind="primary" onClick={onClose}>Close</Button>
            : <><Button busy={work.busy} onClick={cancel}>Stop the job</Button><span class="hint">It goes on when this is closed.</span></>}</div>
        <Same cli={['azimuth', 'hub', 'job', ended ? 'show' : 'cancel', '--job-id', ids[0]]}
            request={ended ? at('GET', `/jobs/v2/${ids[0]}`) : at('POST', `/jobs/v2/${ids[0]}/cancel`)} />
    </>;
}

function TwinForm({ value, set }) {
    return <>
        <Field label="Tags" hint={value.tags.problem ?? 'JSON, merged into the tags; null removes'}><textarea rows={4} spellcheck={false} value={value.tags.text}
            aria-invalid={!!value.tags.problem} onInput={(e) => set('tags', e.target.value)} /></Field>
        <Field label="Desired properties" hint={value.desired.problem ?? 'JSON, merged into what is desired; null removes'}><textarea rows={4} spellcheck={false}
            value={value.desired.text} aria-invalid={!!value.desired.problem} onInput={(e) => set('desired', e.target.value)} /></Field>
    </>;
}

function MethodForm({ value, set }) {
    return <>
        <Field label="Method"><input value={value.name.text} autofocus spellcheck={false} placeholder="reboot" onInput={(e) => set('name', e.target.value)} /></Field>
        <Field label="Payload" hint={value.payload.problem ?? 'JSON'}><textarea rows={4} spellcheck={false} value={value.payload.text}
            aria-invalid={!!value.payload.problem} onInput={(e) => set('payload', e.target.value)} /></Field>
        <Field label="Wait for a device to connect" hint="0 to 300 seconds; then it has failed"><input type="number" min={0} max={300} value={value.connect.text}
            onInput={(e) => set('connect', e.target.value)} /></Field>
    </>;
}

const FORMS = {
    twin: { title: 'Twin or tags', Form: TwinForm, fields: { tags: ['{}', readObject], desired: ['{}', readObject] },
        ready: (v) => Object.keys(v.tags.value).length + Object.keys(v.desired.value).length > 0,
        job: (v) => ({ type: 'scheduleUpdateTwin', updateTwin: { etag: '*', ...(Object.keys(v.tags.value).length ? { tags: v.tags.value } : {}),
            ...(Object.keys(v.desired.value).length ? { properties: { desired: v.desired.value } } : {}) } }),
        words: ({ updateTwin: { etag, ...patch } }) => ['--jt', 'scheduleUpdateTwin', '--patch', JSON.stringify(patch)] },
    method: { title: 'Direct method', Form: MethodForm, fields: { name: ['', (text) => ({ value: text.trim() })], payload: ['{}', readAny],
        connect: ['0', (text) => ({ value: Number(text) || 0 })] },
        ready: (v) => !!v.name.value,
        job: (v) => ({ type: 'scheduleDeviceMethod', cloudToDeviceMethod: { methodName: v.name.value, payload: v.payload.value,
            responseTimeoutInSeconds: 30, connectTimeoutInSeconds: v.connect.value } }),
        words: ({ cloudToDeviceMethod: m }) => ['--jt', 'scheduleDeviceMethod', '--mn', m.methodName || 'reboot', '--mp', JSON.stringify(m.payload ?? null),
            ...(m.connectTimeoutInSeconds ? ['--mct', m.connectTimeoutInSeconds] : [])] },
};

/** How a job is made from a shell, behind its name and its condition. */
export function jobWords(body) {
    return FORMS[body.updateTwin ? 'twin' : 'method'].words(body);
}

function useForm(fields) {
    const [texts, setTexts] = useState(Object.fromEntries(Object.entries(fields).map(([name, [text]]) => [name, text])));
    const value = Object.fromEntries(Object.entries(fields).map(([name, [, read]]) => [name, { text: texts[name], ...read(texts[name]) }]));
    return { value, set: (name, text) => setTexts((t) => ({ ...t, [name]: text })), wrong: Object.values(value).some((f) => f.problem) };
}

export function JobDialog({ kind, target, onClose, onDone }) {
    const { title, Form, fields, ready, job, words } = FORMS[kind];
    const dry = useDryRun(target), form = useForm(fields);
    const [ids, setIds] = useState([]);
    const work = useWork();
    const fine = !form.wrong && ready(form.value), body = form.wrong ? null : job(form.value);
    const start = (e) => {
        e.preventDefault();
        work.run(async () => {
            const made = [];
            for (const condition of target.conditions) {
                const id = newId();
                await ask('PUT', `/jobs/v2/${id}`, { body: { jobId: id, ...body, queryCondition: condition || '*', maxExecutionTimeInSeconds: TTL_S } });
                made.push(id);
            }
            setIds(made);
        });
    };
    if (ids.length) return <Dialog title={`${title} of ${count(dry.n)} devices`} onClose={onClose}><Running ids={ids} n={dry.n} {...{ onClose, onDone }} /></Dialog>;
    return <Dialog title={`${title} of ${count(dry.n)} devices`} onClose={onClose}>
        <form onSubmit={start}>
            <Wrong error={dry.error ?? work.error} />
            <Form value={form.value} set={form.set} />
            <p class="hint">{dry.n === null ? 'Counting…' : `${count(dry.n)} ${dry.n === 1 ? 'device has' : 'devices have'} this condition now; the job does it to those that have it when it runs.`}</p>
            <Button kind="primary" type="submit" busy={work.busy} disabled={!fine || !dry.n}>Do it to {count(dry.n)}</Button>
        </form>
        {body && <Same cli={['azimuth', 'hub', 'job', 'create', '--job-id', 'my-job', '-q', target.conditions[0] || '*', ...words(body), '--wait']}
            request={at('PUT', '/jobs/v2/my-job', { jobId: 'my-job', ...body, queryCondition: target.conditions[0] || '*' })} />}
    </Dialog>;
}
