/* palette.jsx - Ctrl-K: devices, pages and commands by a few letters, without a mouse. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, href, place } from './router.js';
import { ask, may, mayRead, signOut } from './state.js';
import { nextTheme } from './theme.js';
import { Dialog } from './parts.jsx';
import { quoted, sqlOf } from './fleet/query.js';

const WAIT_MS = 120, DEVICES_MAX = 8, SHOWN = 30;
const COMMANDS = [
    ['New device', () => go(`${href('devices')}?new`), 'RegistryWrite'],
    ['Import devices from a file', () => go(`${href('devices')}?import`), 'RegistryWrite'],
    ['Devices that are late', () => go(`${href('devices')}?late=1h`), 'ServiceConnect'],
    ['Devices that are disabled', () => go(`${href('devices')}?q=${encodeURIComponent("status = 'disabled'")}`), 'ServiceConnect'],
    ['Jobs', () => go(`${href('rollouts')}?of=jobs`), 'ServiceConnect'],
    ['Explain a message', () => go(href('flow')), 'ServiceConnect'],
    ['Change the theme: light, dark, as the system has it', nextTheme],
    ['Sign out', signOut],
];

/** Its letters stand in the name in that order: how far apart, or -1. */
export function distance(name, typed) {
    let at = -1, far = 0;
    const text = name.toLowerCase();
    for (const c of typed.toLowerCase().replace(/\s/g, '')) {
        const next = text.indexOf(c, at + 1);
        if (next < 0) return -1;
        if (at >= 0) far += next - at - 1;
        at = next;
    }
    return far + text.indexOf(typed[0]?.toLowerCase() ?? '') / 100;
}

function fitting(items, typed) {
    if (!typed) return items;
    return items.map((item) => [distance(item.name, typed), item]).filter(([d]) => d >= 0).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
}

function fixed(pages, tabs) {
    const here = place.value.segments[0] === 'devices' && place.value.segments[1];
    return [
        ...(here ? tabs.map(([tab, name]) => ({ kind: 'this device', name, run: () => go(tab === 'overview' ? href('devices', here) : href('devices', here, tab)) })) : []),
        ...pages.map(([key, segments, name]) => ({ kind: 'page', name, keys: `g ${key}`, run: () => go(href(...segments)) })),
        ...COMMANDS.filter(([, , right]) => !right || may(right)).map(([name, run]) => ({ kind: 'command', name, run })),
    ];
}

/** Devices whose id begins so, and saved queries. */
function useFound(typed) {
    const [devices, setDevices] = useState([]), [saved, setSaved] = useState([]);
    useEffect(() => {
        if (mayRead('ServiceConnect')) ask('GET', '/admin/v1/saved-queries').then(({ json }) => setSaved(json)).catch(() => {});
    }, []);
    useEffect(() => {
        const t = typed.trim(), abort = new AbortController();
        if (!t || !mayRead('ServiceConnect')) {
            setDevices([]);
            return undefined;
        }
        const timer = setTimeout(() => ask('POST', '/devices/query', { body: { query: sqlOf(`STARTSWITH(deviceId, ${quoted(t)})`, `TOP ${DEVICES_MAX} deviceId`) },
            signal: abort.signal }).then(({ json }) => setDevices(json)).catch(() => {}), WAIT_MS);
        return () => { clearTimeout(timer); abort.abort(); };
    }, [typed]);
    const open = (q) => {
        const words = new URLSearchParams([['q', q.condition], ['saved', q.name], ...q.columns.map((c) => ['c', c])]);
        go(`${href('devices')}?${words}`);
    };
    return { devices: devices.map((d) => ({ kind: 'device', name: d.deviceId, run: () => go(href('devices', d.deviceId)) })),
        saved: saved.map((q) => ({ kind: 'saved query', name: q.name, run: () => open(q) })) };
}

export function Palette({ pages, tabs, onClose }) {
    const [typed, setTyped] = useState(''), [at, setAt] = useState(0);
    const list = useRef();
    const found = useFound(typed);
    const items = [...fitting([...fixed(pages, tabs), ...found.saved], typed.trim()), ...found.devices].slice(0, SHOWN);
    const current = Math.min(at, items.length - 1);
    const run = (item) => {
        onClose();
        item.run();
    };
    useEffect(() => { list.current?.children[current]?.scrollIntoView({ block: 'nearest' }); }, [current, items.length]);
    const onKey = (e) => {
        const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[e.key];
        if (step) setAt(Math.max(0, Math.min(items.length - 1, current + step)));
        else if (e.key === 'Enter' && items[current]) run(items[current]);
        else return;
        e.preventDefault();
    };
    return <Dialog title="Go to" onClose={onClose}>
        <input class="palette-input" role="combobox" aria-label="Device, page or command" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
            aria-activedescendant={items.length ? `palette-${current}` : undefined} autofocus spellcheck={false} autocomplete="off" value={typed} onKeyDown={onKey}
            placeholder="a device id, a page, a command" onInput={(e) => { setTyped(e.target.value); setAt(0); }} />
        <ul class="palette" id="palette-list" role="listbox" aria-label="Found" ref={list}>{items.map((item, i) => <li key={`${item.kind} ${item.name}`} id={`palette-${i}`}
            role="option" aria-selected={i === current} onClick={() => run(item)}>
            <span class={item.kind === 'device' ? 'id' : ''}>{item.name}</span><small>{item.kind}</small>{item.keys && <kbd>{item.keys}</kbd>}</li>)}</ul>
        <p class="hint" role="status">{items.length ? '↑ ↓ to choose, Enter to go' : 'Nothing is called so, and no device id begins so.'}</p>
    </Dialog>;
}
