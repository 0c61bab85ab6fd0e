/* jobs.jsx - the jobs of the hub: changes of twins and direct methods for many devices; how far each is, and for whom it failed. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href } from '../router.js';
import { ask, may } from '../state.js';
import { Ago, Button, count, Dialog, Notice, Same, State, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';
import { Progress } from '../fleet/dry.jsx';
import { ENDED, jobWords, newId, TTL_S } from '../fleet/job.jsx';
import { eachPage, quoted } from '../fleet/query.js';
import { conditionsOf } from '../fleet/target.js';

const LOOK_MS = 2000, PAGE = 100, SHOWN = 100, AGAIN_MAX = 10000;

function pathOf(id, more = '') {
    return `/jobs/v2/${encodeURIComponent(id)}${more}`;
}

/** What it does, in a word. */
function workOf(j) {
    if (j.cloudToDeviceMethod) return `${j.cloudToDeviceMethod.methodName} ${JSON.stringify(j.cloudToDeviceMethod.payload ?? null)}`;
    const { etag, ...patch } = j.updateTwin ?? {};
    return JSON.stringify(patch);
}

function stateOf(j) {
    const bad = j.deviceJobStatistics?.failedCount;
    if (!ENDED.includes(j.status)) return 'wait';
    return j.status === 'completed' && !bad ? 'good' : 'bad';
}

function wordOf(j) {
    return j.status === 'completed' && j.deviceJobStatistics?.failedCount ? 'completed in part' : j.status;
}

/** Pages from the first on: the newest jobs are first. */
function useJobs() {
    const [list, setList] = useState(null), [pages, setPages] = useState(1);
    const work = useWork();
    const load = useCallback(() => work.run(async (counts) => {
        let value = [], token = null;
        for (let n = 0; n < pages && (n === 0 || token); n++) {
            const { json, headers } = await ask('GET', '/jobs/v2/query', { headers: { 'x-ms-max-item-count': String(PAGE), ...(token ? { 'x-ms-continuation': token } : {}) } });
            value = value.concat(json);
            token = headers.get('x-ms-continuation');
        }
        if (counts()) setList({ value, more: !!token });
    }), [pages]);
    useEffect(() => {
        load();
        const timer = setInterval(() => { if (!document.hidden) load(); }, LOOK_MS);
        return () => clearInterval(timer);
    }, [load]);
    return { list, load, error: work.error, more: () => setPages(pages + 1) };
}

/** Of which devices it failed; asked again when that changes. */
function useFailed(j) {
    const [failed, setFailed] = useState([]), n = j.deviceJobStatistics?.failedCount ?? 0;
    const work = useWork();
    useEffect(() => {
        if (n) work.run(async (counts) => {
            const found = [];
            await eachPage(`SELECT * FROM devices.jobs WHERE jobId = ${quoted(j.jobId)} AND status = 'failed'`, (rows) => {
                found.push(...rows);
                return found.length < AGAIN_MAX;
            });
            if (counts()) setFailed(found);
        });
    }, [j.jobId, n]);
    return { failed, error: work.error };
}

function Failed({ list }) {
    return <div class="scroll preview" tabIndex={0} role="region" aria-label="Devices of which it failed"><table class="plain-table"><thead><tr><th>device</th><th>why</th></tr></thead>
        <tbody>{list.slice(0, SHOWN).map((d) => <tr key={`${d.deviceId} ${d.moduleId}`}><th scope="row"><a class="id" href={href('devices', d.deviceId)}>{d.deviceId}</a></th>
            <td>{d.error?.description ?? d.error?.code ?? d.status}</td></tr>)}</tbody></table></div>;
}

/** The same work once more, for those of which it failed. */
function againOf(j, failed) {
    const { type, updateTwin, cloudToDeviceMethod } = j;
    return conditionsOf(failed.filter((d) => !d.moduleId).map((d) => d.deviceId)).map((queryCondition) => ({ jobId: newId(), type,
        ...(updateTwin ? { updateTwin } : { cloudToDeviceMethod }), queryCondition, maxExecutionTimeInSeconds: j.maxExecutionTimeInSeconds ?? TTL_S }));
}

function Details({ of: j, onClose, onDone }) {
    const { failed, error } = useFailed(j), work = useWork();
    const s = j.deviceJobStatistics ?? {}, ended = ENDED.includes(j.status), again = useMemo(() => againOf(j, failed), [j.jobId, failed]), made = useRef(0);
    const cancel = () => work.run(async () => { await ask('POST', pathOf(j.jobId, '/cancel')); onDone(`${j.jobId} is stopped.`); });
    const run = () => work.run(async () => {
        for (; made.current < again.length; made.current++) await ask('PUT', pathOf(again[made.current].jobId), { body: again[made.current] });
        onDone(`It is done again for ${count(failed.length)} devices.`);
    });
    const example = again[0] && { ...again[0], jobId: 'again' };
    return <Dialog title={`Job ${j.jobId}`} wide onClose={onClose}>
        <Wrong error={work.error ?? error} />
        <p><State kind={stateOf(j)}>{wordOf(j)}</State> · {count(s.succeededCount)} done · {count(s.failedCount)} failed</p>
        <Progress done={(s.succeededCount ?? 0) + (s.failedCount ?? 0)} of={s.deviceCount ?? 0} label="Job" />
        {j.failureReason && <Notice kind="bad">{j.failureReason}</Notice>}
        <dl class="facts"><div><dt>Condition</dt><dd><code>{j.queryCondition}</code></dd></div><div><dt>What</dt><dd><code>{workOf(j)}</code></dd></div></dl>
        {failed.length > 0 && <Failed list={failed} />}
        {may('ServiceConnect') && <div class="row">{ended ? <Button kind="primary" busy={work.busy} disabled={!again.length} onClick={run}>Again for those that failed</Button>
            : <Button busy={work.busy} onClick={cancel}>Stop the job</Button>}<Button onClick={onClose}>Close</Button></div>}
        {ended ? example && <Same cli={['azimuth', 'hub', 'job', 'create', '--job-id', 'again', '-q', example.queryCondition, ...jobWords(example), '--wait']} request={at('PUT', pathOf('again'), example)} />
            : <Same cli={['azimuth', 'hub', 'job', 'cancel', '--job-id', j.jobId]} request={at('POST', pathOf(j.jobId, '/cancel'))} />}
    </Dialog>;
}

function Row({ of: j, onOpen }) {
    const s = j.deviceJobStatistics ?? {};
    return <tr><th scope="row">{j.jobId}</th><td><code>{workOf(j)}</code></td><td><code>{j.queryCondition}</code></td><td><State kind={stateOf(j)}>{wordOf(j)}</State></td>
        <td>{count(s.succeededCount)}</td><td>{count(s.failedCount)}</td><td>{count(s.deviceCount)}</td><td><Ago time={j.createdTime} /></td>
        <td><Button kind="small" aria-label={`Open ${j.jobId}`} onClick={onOpen}>Open…</Button></td></tr>;
}

export function Jobs() {
    const { list, load, error, more } = useJobs();
    const [open, setOpen] = useState(null), [said, setSaid] = useState('');
    const done = (text) => { setSaid(text); setOpen(null); load(); };
    return <>
        <Wrong error={error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {list?.value.length === 0 && <Notice>There is none yet. Choose some on <a href={href('devices')}>Devices</a>, then "Twin or tags…" or "Method…".</Notice>}
        {list?.value.length > 0 && <div class="card scroll" tabIndex={0} role="region" aria-label="Jobs"><table class="plain-table refused">
            <thead><tr><th>job</th><th>what</th><th>condition</th><th>state</th><th>done</th><th>failed</th><th>of</th><th>made</th><th>more</th></tr></thead>
            <tbody>{list.value.map((j) => <Row key={j.jobId} of={j} onOpen={() => setOpen(j)} />)}</tbody></table></div>}
        {list?.more && <Button onClick={more}>More of them</Button>}
        <Same cli={['azimuth', 'hub', 'job', 'list']} request={at('GET', '/jobs/v2/query')} />
        {open && <Details of={list.value.find((j) => j.jobId === open.jobId) ?? open} onClose={() => setOpen(null)} onDone={done} />}
    </>;
}
