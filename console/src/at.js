/* at.js - a request to the hub's own API, as the `curl` beside a form has it. */
import { session } from './state.js';

export function at(method, path, body, headers) {
    return { method, path: `${path}?api-version=2021-04-12`, body, headers, host: session.value.hostname, port: session.value.https };
}
