/* live.js - the live link: one WebSocket of this tab, whatever listens. */
import { signal } from '@preact/signals';
import { ask, lapsed } from './state.js';

/** idle: nobody listens; up; down: for more than three seconds. */
export const linkState = signal('idle');

const WAIT_MIN = 500, WAIT_MAX = 15000;
const subs = new Map(); // id -> {request, fn, next, paused}
let socket = null, last = 0, wait = WAIT_MIN, banner = 0, retry = 0;

function say(object) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(object));
}

function begin(sub) {
    say({ id: sub.id, ...sub.request, ...(sub.next ? { from: sub.next } : {}) });
    if (sub.paused || document.hidden) say({ id: sub.id, pause: true });
}

function onMessage(e) {
    const m = JSON.parse(e.data);
    const sub = subs.get(m.id);
    if (!sub) return;
    if (m.next) sub.next = m.next;
    sub.fn(m);
}

function onClose() {
    socket = null;
    if (!subs.size) return;
    ask('GET', '/admin/v1/session').catch(() => {}); // is the session still there?
    banner ||= setTimeout(() => { linkState.value = 'down'; }, 3000);
    retry = setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, WAIT_MAX);
}

function connect() {
    if (socket || lapsed.value) return;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/admin/v1/live`;
    socket = new WebSocket(url, 'azm.live.1');
    socket.onopen = () => {
        wait = WAIT_MIN;
        clearTimeout(banner);
        banner = 0;
        linkState.value = 'up';
        for (const sub of subs.values()) begin(sub);
    };
    socket.onmessage = onMessage;
    socket.onclose = onClose;
}

lapsed.subscribe((over) => { if (!over && subs.size) connect(); });

document.addEventListener('visibilitychange', () => {
    for (const sub of subs.values()) if (!sub.paused) say({ id: sub.id, pause: document.hidden });
});

/** Calls fn with each message; the answer ends it, or pauses it. */
export function listen(request, fn) {
    const sub = { id: ++last, request, fn, next: null, paused: false };
    subs.set(sub.id, sub);
    clearTimeout(retry);
    if (socket?.readyState === WebSocket.OPEN) begin(sub);
    else connect();
    return {
        pause(on) {
            sub.paused = on;
            say({ id: sub.id, pause: on });
        },
        end() {
            subs.delete(sub.id);
            say({ id: sub.id, unsub: true });
        },
    };
}
