/* waiting.jsx - the cloud-to-device messages that wait for a device, seen without taking any; one of them is dropped, or all. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, may, mayRead } from '../state.js';
import { Ago, Button, Dialog, Same, State, useWork, Wrong } from '../parts.jsx';
import { at } from '../at.js';

const ALL = 'all';
const until = (time) => new Date(time).toLocaleString();

/** Pages from the first on, so that what is shown is of one time as far as it can be. */
async function read(path, pages) {
    let value = [], token = null;
    for (let n = 0; n < pages && (n === 0 || token); n++) {
        const { json } = await ask('GET', token ? `${path}?continuationToken=${token}` : path);
        value = value.concat(json.value);
        token = json.continuationToken;
    }
    return { value, more: token !== null };
}

function Body({ m }) {
    const properties = Object.entries(m.properties);
    return <><code>{m.body}{m.bodyTruncated && '…'}</code>{m.bodyEncoding === 'base64' && <span class="hint"> Base64</span>}
        {properties.length > 0 && <div class="hint">{properties.map(([name, value]) => `${name}: ${value}`).join(' · ')}</div>}</>;
}

function Row({ m, onDrop }) {
    return <tr><th scope="row">{m.sequence}</th><td>{m.messageId ?? '–'}</td>
        <td>{m.state === 'enqueued' ? <State kind="wait">enqueued</State> : <State kind="good">invisible</State>}</td>
        <td><Ago time={m.enqueuedTime} /></td><td>{until(m.expiryTime)}</td><td>{m.deliveryCount}</td><td>{m.size} B</td><td><Body m={m} /></td>
        <td><Button kind="small" disabled={!may('ServiceConnect')} aria-label={`Drop message ${m.sequence}`} onClick={() => onDrop(m)}>Drop…</Button></td></tr>;
}

function Drop({ id, m, path, onClose, onDone }) {
    const work = useWork();
    const drop = () => work.run(async () => {
        await ask('DELETE', `${path}/${m.sequence}`);
        onDone(`Message ${m.sequence} went.`);
    });
    return <Dialog title={`Drop message ${m.sequence}?`} onClose={onClose}>
        <p>The device does not get it{m.state === 'invisible' && ', or has it already'}; its sender hears that it was purged, if it asked for feedback.</p>
        <Wrong error={work.error} />
        <div class="row"><Button kind="bad" busy={work.busy} onClick={drop}>Drop</Button><Button onClick={onClose}>Keep</Button></div>
        <Same cli={['azimuth', 'device', 'c2d-message', 'delete', '-d', id, '-s', String(m.sequence)]}
            request={{ method: 'DELETE', path: `${path}/${m.sequence}`, admin: true }} />
    </Dialog>;
}

function DropAll({ id, waiting, onClose, onDone }) {
    const path = `/devices/${encodeURIComponent(id)}/commands`;
    const work = useWork();
    const purge = () => work.run(async () => {
        const { json } = await ask('DELETE', path);
        onDone(`${json.totalMessagesPurged} went.`);
    });
    return <Dialog title={`Drop all that waits for ${id}?`} onClose={onClose}>
        <p>{waiting === 1 ? 'One message waits' : `${waiting} messages wait`}. The device does not get them; their senders hear that they were purged, if they asked for feedback.</p>
        <Wrong error={work.error} />
        <div class="row"><Button kind="bad" busy={work.busy} onClick={purge}>Drop all</Button><Button onClick={onClose}>Keep</Button></div>
        <Same cli={['azimuth', 'device', 'c2d-message', 'purge', '-d', id]} request={at('DELETE', path)} />
    </Dialog>;
}

/** `identity` is looked at every few seconds: so is the queue. `chosen` is the one that would be dropped, or ALL. */
export function Waiting({ id, identity, onDone }) {
    const path = `/admin/v1/devices/${encodeURIComponent(id)}/messages`;
    const [list, setList] = useState(null), [pages, setPages] = useState(1), [chosen, setChosen] = useState(null), [error, setError] = useState(null);
    const load = useCallback(() => read(path, pages).then((got) => { setList(got); setError(null); }, setError), [path, pages]);
    useEffect(() => { if (mayRead('ServiceConnect')) load(); }, [load, identity]);
    const done = (text) => { setChosen(null); load(); onDone(text); };
    const close = () => setChosen(null);
    return <section class="card" aria-label="Messages that wait">
        <div class="row"><div><strong>{identity.cloudToDeviceMessageCount}</strong> of at most 50 messages wait for this device</div> <span class="spring" />
            <Button disabled={!may('ServiceConnect')} onClick={() => setChosen(ALL)}>Drop all that wait…</Button></div>
        <Wrong error={error} />
        {list?.value.length > 0 && <div class="scroll" tabIndex={0} role="group" aria-label="Waiting messages"><table class="plain-table"><thead><tr><th>sequence</th><th>message id</th><th>state</th><th>enqueued</th>
            <th>expires</th><th>abandoned</th><th>size</th><th>body</th><th>drop</th></tr></thead>
            <tbody>{list.value.map((m) => <Row key={m.sequence} m={m} onDrop={setChosen} />)}</tbody></table></div>}
        {list?.more && <Button onClick={() => setPages(pages + 1)}>More</Button>}
        <p class="hint">Looking takes nothing: what is invisible is with a device that has not said what becomes of it.</p>
        <Same cli={['azimuth', 'device', 'c2d-message', 'list', '-d', id]} request={{ method: 'GET', path, admin: true }} />
        {chosen === ALL ? <DropAll id={id} waiting={identity.cloudToDeviceMessageCount} onClose={close} onDone={done} />
            : chosen && <Drop {...{ id, path }} m={chosen} onClose={close} onDone={done} />}
    </section>;
}
