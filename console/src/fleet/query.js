/* query.js - what is typed into the bar of the list, as a query. */
import { useEffect, useState } from 'preact/hooks';
import { ask, mayRead } from '../state.js';

const LEGAL = /^[A-Za-z0-9\-:.+%_#*?!(),=@;$']+$/; // what a device id may have
const LOOKS_ASKED = /^[\w.$']+(=|!=|<>|<|>)|^\w+\(.*\)$/; // a comparison or a function without blanks

/** A string of the query language. */
export function quoted(text) {
    return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** The beginning of an id, not a condition. */
export function isWord(text) {
    return LEGAL.test(text) && !LOOKS_ASKED.test(text);
}

/** Plain words find ids that begin so; a condition stays as it is; null: a SELECT that is more than one. */
export function conditionOf(text) {
    const t = text.trim();
    if (!t) return '';
    const whole = /^select\s+\*\s+from\s+devices(?:\s+where\s+([^]+))?$/i.exec(t);
    if (whole) return whole[1] ?? '';
    if (/^select\s/i.test(t)) return null;
    return isWord(t) ? `STARTSWITH(deviceId, ${quoted(t)})` : t;
}

export function both(a, b) {
    if (!a || !b) return a || b;
    return `(${a}) AND ${b}`;
}

export function sqlOf(condition, what = '*') {
    return `SELECT ${what} FROM devices${condition ? ` WHERE ${condition}` : ''}`;
}

/** How many devices a condition means; of all of them the hub has the number at hand. */
export async function countOf(condition, signal) {
    if (!condition && mayRead('RegistryRead')) return (await ask('GET', '/statistics/devices', { signal })).json.totalDeviceCount;
    const { json } = await ask('POST', '/devices/query', { body: { query: sqlOf(condition, 'COUNT() AS n') }, signal });
    return json[0]?.n ?? 0;
}

/** The same, in a page: {n: null until it is known, error: why it cannot be}. */
export function useCounted(condition, dep) {
    const [found, setFound] = useState({ n: null });
    useEffect(() => {
        const abort = new AbortController(), failed = (error) => { if (error.name !== 'AbortError') setFound({ n: null, error }); };
        setFound({ n: null });
        if (condition !== null && mayRead(condition ? 'ServiceConnect' : 'RegistryRead')) countOf(condition, abort.signal).then((n) => setFound({ n }), failed);
        return () => abort.abort();
    }, [condition, dep]);
    return found;
}

export function useCount(condition, dep) {
    return useCounted(condition, dep).n;
}

/** Each page of a query's answer in turn; `fn` may say that it is enough. */
export async function eachPage(sql, fn, { max = 1000, signal } = {}) {
    let token = null;
    do {
        const headers = { 'x-ms-max-item-count': String(max), ...(token ? { 'x-ms-continuation': token } : {}) };
        const { json, headers: more } = await ask('POST', '/devices/query', { body: { query: sql }, headers, signal });
        if (await fn(json) === false) return;
        token = more.get('x-ms-continuation');
    } while (token);
}
