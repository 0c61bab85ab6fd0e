/* late.js - who was not heard of for longer than usual: the server knows the rhythm of each (hub/registry/presence.h). */
import { ask } from '../state.js';
import { quoted, sqlOf } from './query.js';

/** What is long, as the address has it, in words, in seconds. */
export const SINCE = [['own', 'three times as long as usual', 0], ['10m', '10 minutes', 600], ['1h', 'an hour', 3600], ['1d', 'a day', 86400], ['7d', 'a week', 604800]];

export const LATE_IS = 'Usual is the mean of the intervals between its activities since the server was started, the newer ones counting more and a long pause as '
    + 'four of them. Late is who was not heard of for three times as long, but for three minutes at least; for an hour, if it was heard of once only.';

const NEVER = '0001-01-02T00:00:00Z'; // who has never been there was there at 0001-01-01

/** Seen once, and not since. */
export function lateCondition([, , seconds]) {
    const path = seconds ? 'lastActivityTime' : 'expectedActivityTime';
    return `${path} < '${new Date(Date.now() - seconds * 1000).toISOString()}' AND ${path} > '${NEVER}'`;
}

/** By when it is heard of unless it is late; null: it was never there. */
export async function expectedOf(id) {
    const { json } = await ask('POST', '/devices/query', { body: { query: sqlOf(`deviceId = ${quoted(id)}`, 'expectedActivityTime') } });
    const time = json[0]?.expectedActivityTime;
    return time > NEVER ? time : null;
}
