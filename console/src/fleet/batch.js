/* batch.js - identities made, changed and deleted, a hundred at a time. */
import { ask } from '../state.js';

export const BATCH = 100; // of one request

/** Errors of a batch, one for each device that has one. */
async function batch(entries, signal) {
    try {
        const { json } = await ask('POST', '/devices', { body: entries, signal });
        return json.errors ?? [];
    } catch (e) {
        if (e.json?.errors) return e.json.errors;
        throw e;
    }
}

export async function eachBatch(entries, { signal, onDone }) {
    for (let i = 0; i < entries.length; i += BATCH) {
        const some = entries.slice(i, i + BATCH);
        onDone(Math.min(i + BATCH, entries.length), await batch(some, signal), i);
        if (signal?.aborted) return;
    }
}
