/* theme.js - light, dark, or as the system has it. */
import { signal } from '@preact/signals';

const KEY = 'azimuth.theme';

function stored() {
    try { return localStorage.getItem(KEY) ?? 'system'; } catch { return 'system'; }
}

export const theme = signal(stored());

/** Counts the changes of what the system has, for what is drawn and not styled. */
export const scheme = signal(0);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { scheme.value++; });

export function applyTheme() {
    const root = document.documentElement;
    if (theme.value === 'system') root.removeAttribute('data-theme');
    else root.setAttribute('data-theme', theme.value);
}

export function nextTheme() {
    const order = ['system', 'light', 'dark'];
    theme.value = order[(order.indexOf(theme.value) + 1) % order.length];
    try { localStorage.setItem(KEY, theme.value); } catch { /* it counts until the tab closes */ }
    applyTheme();
}
