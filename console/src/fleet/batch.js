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
        let errors;
        try {
            errors = await batch(entries.slice(i, i + BATCH), signal);
        } catch (e) {
            if (e.name === 'AbortError') return;
            throw e;
        }
        onDone(Math.min(i + BATCH, entries.length), errors, i);
        if (signal?.aborted) return;
    }
}
