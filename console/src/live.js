/* live.js - the live link: one WebSocket of this tab, whatever listens. */
import { signal } from '@preact/signals';
import { ask, lapsed, mayRead } from './state.js';

/** idle: nobody listens; up; down: for more than three seconds. */
export const linkState = signal('idle');

const WAIT_MIN = 500, WAIT_MAX = 15000;
const BEAT_MS = 5000, ASLEEP_MS = 45000; // a clock that jumped: the machine slept, and the link may be dead without knowing
const GAP_MS = 60000; // what was missed for longer is not caught up with, but told
const subs = new Map(); // id -> {request, fn, next, paused}
let socket = null, last = 0, wait = WAIT_MIN, banner = 0, retry = 0;
let awaySince = document.hidden ? Date.now() : 0; // hidden, or without a link; 0: neither

function say(object) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(object));
}

/** After a long time events go on from now, and whoever listens is told what he has not seen. */
function skipGap(sub) {
    const now = Date.now();
    if (!awaySince || now - awaySince < GAP_MS || sub.request.sub !== 'events' || sub.paused || !sub.next) return false;
    sub.next = null;
    sub.request = { ...sub.request, from: 'now' };
    sub.fn({ id: sub.id, gap: { from: awaySince, to: now } });
    return true;
}

function begin(sub) {
    if (!document.hidden) skipGap(sub);
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
    awaySince ||= Date.now();
    if (!subs.size) return;
    ask('GET', '/admin/v1/session').catch(() => {}); // is the session still there?
    banner ||= setTimeout(() => { linkState.value = 'down'; }, 3000);
    retry = setTimeout(connect, wait * (0.5 + Math.random() / 2));
    wait = Math.min(wait * 2, WAIT_MAX);
}

/** At once: a dead link takes minutes to find out by itself. */
function drop() {
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    onClose();
}

function connect() {
    if (socket || lapsed.value || !mayRead('ServiceConnect')) return; // who may not is refused
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/admin/v1/live`;
    socket = new WebSocket(url, 'azm.live.1');
    socket.onopen = () => {
        wait = WAIT_MIN;
        clearTimeout(banner);
        banner = 0;
        linkState.value = 'up';
        for (const sub of subs.values()) begin(sub);
        if (!document.hidden) awaySince = 0;
    };
    socket.onmessage = onMessage;
    socket.onclose = onClose;
}

lapsed.subscribe((over) => { if (!over && subs.size) connect(); });

document.addEventListener('visibilitychange', () => {
    if (document.hidden) awaySince ||= Date.now();
    for (const sub of subs.values()) {
        if (sub.paused) continue;
        if (!document.hidden && socket?.readyState === WebSocket.OPEN && skipGap(sub)) {
            say({ id: sub.id, unsub: true });
            begin(sub);
        } else {
            say({ id: sub.id, pause: document.hidden });
        }
    }
    if (!document.hidden && socket?.readyState === WebSocket.OPEN) awaySince = 0;
});

let beat = Date.now();
setInterval(() => {
    const before = beat;
    beat = Date.now();
    if (beat - before < ASLEEP_MS || document.hidden || !socket) return;
    awaySince ||= before;
    drop();
}, BEAT_MS);

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
