/* router.js - addresses: /console/devices/ID/twin. A segment is decoded once, so every legal id is safe. */
import { signal } from '@preact/signals';

const BASE = '/console/';

function read() {
    const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : '';
    const segments = path.split('/').filter(Boolean).map((s) => {
        try { return decodeURIComponent(s); } catch { return s; }
    });
    return { segments, search: new URLSearchParams(location.search) };
}

export const place = signal(read());

export function href(...segments) {
    return BASE + segments.map(encodeURIComponent).join('/');
}

export function go(url, { replace = false } = {}) {
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    place.value = read();
}

addEventListener('popstate', () => { place.value = read(); });

/** Links of ours are followed without loading the page again. */
document.addEventListener('click', (e) => {
    const a = e.target.closest?.('a[href]');
    if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    if (a.target || a.hasAttribute('download') || a.origin !== location.origin || !a.pathname.startsWith(BASE)) return;
    e.preventDefault();
    go(a.href);
});
