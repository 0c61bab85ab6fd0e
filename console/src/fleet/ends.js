/* ends.js - who flaps, from records of the journal: no page, so that a test can ask it. As cli/cmd_devices.c has it. */

export const ENDS = ['C160', 'C161', 'C163', 'C164']; // take-over, silence, a broken rule, a peer that vanished
export const FLAPS_MIN = 3;

/** Of equal ends in a row, which are one record, those since then, as if they had come evenly. */
function endsSince(r, sinceMs) {
    const first = Date.parse(r.firstTime), last = Date.parse(r.time);
    if (!(first < sinceMs)) return r.count;
    return last <= sinceMs ? 1 : 1 + Math.floor((r.count - 1) * (last - sinceMs) / (last - first));
}

/** [{id, ends, latest}] of those who were cut off that often, who was most often first. */
export function countEnds(records, sinceMs) {
    const found = new Map();
    for (const r of records) {
        if (!r.id) continue;
        const f = found.get(r.id) ?? { id: r.id, ends: 0, latest: r };
        f.ends += endsSince(r, sinceMs);
        if (r.time > f.latest.time) f.latest = r;
        found.set(r.id, f);
    }
    return [...found.values()].filter((f) => f.ends >= FLAPS_MIN).sort((a, b) => b.ends - a.ends || (a.id < b.id ? -1 : 1));
}
