/* beside.js - what the list says of a device that stands in no twin: by what it is connected, and why it was refused last. It is asked for the
 * rows that are seen, once the list rests, a few at a time, and again while they are looked at. */
import { useEffect, useState } from 'preact/hooks';
import { ask, mayReadAll } from '../state.js';

export const BESIDE = ['via', 'lastError'];
const REST_MS = 400, AGAIN_MS = 15000, AT_ONCE = 4, KEPT = 1000; // devices

async function viaOf(id) {
    const { json } = await ask('GET', `/admin/v1/devices/${encodeURIComponent(id)}/connection`);
    return json.connected ? json : null;
}

async function lastErrorOf(id) {
    const { json } = await ask('GET', `/admin/v1/refusals?id=${encodeURIComponent(id)}&top=1`);
    return json.value[0] ?? null;
}

/** Nothing is thrown: a cell stays empty of what cannot be known. */
async function look(row, shown) {
    const ask1 = (name, fn) => (shown.includes(name) ? fn(row.deviceId).catch(() => null) : null);
    const [via, lastError] = await Promise.all([row.connectionState === 'Connected' ? ask1('via', viaOf) : null, ask1('lastError', lastErrorOf)]);
    return { via, lastError };
}

/** Looks at these one after the other, `AT_ONCE` at a time, and says so of each; `gone()` ends it. */
function lookAtAll(rows, shown, gone, found) {
    const left = [...rows];
    return Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let row; !gone() && (row = left.shift());) found(row.deviceId, await look(row, shown));
    }));
}

function keep(known, news) {
    const all = new Map([...known, ...news]);
    for (const id of all.keys()) if (all.size > KEPT && !news.has(id)) all.delete(id);
    return all;
}

/** {via, lastError} by device id, of those rows that were looked at; `shown` are the paths of the columns. */
export function useBeside(pages, { first, last }, shown) {
    const [known, setKnown] = useState(new Map());
    const wanted = BESIDE.filter((name) => shown.includes(name)), awaited = pages.missing(first, last);
    useEffect(() => {
        if (!wanted.length || !mayReadAll()) return undefined;
        let ended = false, timer;
        const round = async () => {
            const rows = Array.from({ length: last - first }, (_, i) => pages.row(first + i)).filter((r) => r?.deviceId);
            const news = new Map();
            if (!document.hidden) await lookAtAll(rows, wanted, () => ended, (id, found) => news.set(id, found));
            if (ended) return;
            setKnown((before) => keep(before, news));
            timer = setTimeout(round, AGAIN_MS);
        };
        timer = setTimeout(round, REST_MS);
        return () => {
            ended = true;
            clearTimeout(timer);
        };
    }, [pages, first, last, pages.count, awaited, wanted.join()]);
    return known;
}
