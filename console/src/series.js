/* series.js - numbers over time: asked for part by part, each part a bounded look at the log, until all is there. */
import { ask } from './state.js';

export const BUCKETS = 600;

function empty(line) {
    const blank = () => Array(BUCKETS).fill(null);
    return { device: line.device, path: line.path, values: 0, count: Array(BUCKETS).fill(0), low: blank(), high: blank(), mean: blank() };
}

function add(into, line) {
    into.values += line.values;
    for (const [i, n, low, high, mean] of line.points) {
        const before = into.count[i];
        into.low[i] = before ? Math.min(into.low[i], low) : low;
        into.high[i] = before ? Math.max(into.high[i], high) : high;
        into.mean[i] = before ? (into.mean[i] * before + mean * n) / (before + n) : mean;
        into.count[i] = before + n;
    }
}

/** Calls onPart after each part with all that is known by then. Without paths names are wanted: the first part that has any ends it. */
export async function readSeries(request, { signal, onPart }) {
    const all = { lines: null, found: [], records: 0, skipped: 0, lost: 0, bytes: 0 };
    let body = { ...request, buckets: BUCKETS };
    for (;;) {
        const { json } = await ask('POST', '/admin/v1/series', { body, signal });
        all.lines ??= json.series.map(empty);
        json.series.forEach((line, i) => add(all.lines[i], line));
        for (const sum of ['records', 'skipped', 'lost', 'bytes']) all[sum] += json[sum];
        all.found = json.found;
        onPart({ ...all, from: json.from, to: json.to, complete: json.complete });
        if (json.complete || json.found.length) return;
        body = { ...body, from: json.from, to: json.to, next: json.next };
    }
}

/** When each bucket begins, in seconds. */
export function timesOf({ from, to }) {
    return Array.from({ length: BUCKETS }, (_, i) => (from + (to - from) * i / BUCKETS) / 1000);
}
