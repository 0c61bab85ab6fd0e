/* link.jsx - by what a device is connected now, and whether it would hear of a method. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { href } from './router.js';
import { ask, mayReadAll } from './state.js';
import { Ago, count, Notice } from './parts.jsx';
import { useNews } from './journal.jsx';

export const WIRES = { mqtt: 'MQTT', amqp: 'AMQP', https: 'HTTPS' };

/** Asked for again whenever `when` is another; null: it is not known, or not for this session. */
export function useLink(id, when) {
    const [link, setLink] = useState(null);
    useEffect(() => {
        if (!when || !mayReadAll()) return;
        ask('GET', `/admin/v1/devices/${encodeURIComponent(id)}/connection`).then(({ json }) => setLink(json), () => setLink(null));
    }, [id, when]);
    return link?.id === id ? link : null;
}

/** One line below the device's name. */
export function Link({ link }) {
    if (!link?.connected) return null;
    return <p class="hint" role="note" aria-label="Connection">{WIRES[link.protocol]}{link.websocket && ' over WebSocket'}
        {link.sdk && <> · <span class="sdk">{link.sdk}</span></>}{link.peer && ` · from ${link.peer}`} · since <Ago time={link.since} /></p>;
}

/** Why a method called now would not arrive. */
export function Unheard({ link }) {
    if (!link.methods) return null;
    return <Notice>{link.methods} A call ends with DeviceNotOnline at once{link.next && `: ${link.next}`}.</Notice>;
}

const RECORDS = 16; // the latest: equal ones are one

/** That it comes and goes, and why most often. */
export function Flapping({ id }) {
    const [found, setFound] = useState(null);
    const load = useCallback(() => {
        if (mayReadAll()) ask('GET', `/admin/v1/devices/${encodeURIComponent(id)}/attempts?top=${RECORDS}`).then(({ json }) => setFound(json), () => {});
    }, [id]);
    useNews(load);
    const f = found?.id === id ? found.flapping : null;
    if (!f) return null;
    return <Notice>It comes and goes: cut off {count(f.times)} times within {f.seconds / 60} minutes, most often
        by {f.cause} {f.name}. <a href={href('devices', id, 'connect')}>Connect</a> has each end.</Notice>;
}
