/* fresh.js - rows that are looked at stay as the server has them: a subscription to a query for those alone (docs: the live link). */
import { useEffect } from 'preact/hooks';
import { listen } from '../live.js';
import { quoted, sqlOf } from './query.js';

const REST_MS = 400; // a list that is scrolled asks for nothing
const ROWS_MAX = 100, QUERY_MAX = 16000; // of a subscription: rows, bytes

/** Places in the list by device id, as many as one query may name. */
function placesOf(pages, first, last) {
    const places = new Map();
    let bytes = 0;
    for (let i = first; i < last && places.size < ROWS_MAX; i++) {
        const id = pages.row(i)?.deviceId;
        if (!id) continue;
        bytes += quoted(id).length + 1;
        if (bytes > QUERY_MAX) break;
        places.set(id, i);
    }
    return places;
}

/** Whole twins only (`on`): of columns of a SELECT nobody knows whose they are. What comes after the list has rested is asked for with the rest. */
export function useFresh(pages, { first, last }, on) {
    const awaited = pages.missing(first, last);
    useEffect(() => {
        if (!on || last <= first) return undefined;
        let link = null;
        const timer = setTimeout(() => {
            const places = placesOf(pages, first, last);
            if (!places.size) return;
            const sql = sqlOf(`deviceId IN [${[...places.keys()].map(quoted).join()}]`);
            link = listen({ sub: 'query', query: sql }, ({ rows }) => rows && pages.put(rows.map(([, row]) => [places.get(row.deviceId), row])));
        }, REST_MS);
        return () => {
            clearTimeout(timer);
            link?.end();
        };
    }, [pages, first, last, pages.count, awaited, on]);
}
