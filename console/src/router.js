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

/** What a page's filters say stands in its address, as far as it differs from `plain`: links lead there, and Back comes back to it. A list is
 * as many words of one name. */
export function useWords(plain) {
    const { search } = place.value, words = {};
    for (const [name, value] of Object.entries(plain)) {
        const found = search.getAll(name);
        words[name] = !found.length ? value : Array.isArray(value) ? found.filter(Boolean) : found[0];
    }
    const change = (part) => {
        const to = new URLSearchParams();
        for (const [name, value] of Object.entries({ ...words, ...part })) {
            if (String(value) === String(plain[name])) continue;
            for (const v of Array.isArray(value) && value.length ? value : [value]) to.append(name, v);
        }
        go(location.pathname + (to.size ? `?${to}` : ''), { replace: true });
    };
    return [words, change];
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
