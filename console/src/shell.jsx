/* shell.jsx - the left rail, the bar above, the keys, and which page is shown. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, href, place } from './router.js';
import { finished, lapsed, session, signOut } from './state.js';
import { linkState } from './live.js';
import { nextTheme, theme } from './theme.js';
import { Dialog, State } from './parts.jsx';
import { Palette } from './palette.jsx';
import { SignedIn, SignIn } from './pages/sign_in.jsx';
import { Home } from './pages/home.jsx';
import { Devices } from './pages/devices.jsx';
import { Device, TABS } from './pages/device.jsx';
import { Live } from './pages/live.jsx';
import { Explore } from './pages/explore.jsx';
import { Flow } from './pages/flow.jsx';
import { Provisioning } from './pages/provisioning.jsx';
import { Refused } from './pages/refused.jsx';
import { Settings } from './pages/settings.jsx';
import { Later } from './later.jsx';

/* One entry per page that there is: the key behind `g`, where it leads, its name, its icon. */
const PAGES = [
    ['h', [], 'Home', 'M3 11l9-8 9 8v9h-6v-6H9v6H3z'],
    ['d', ['devices'], 'Devices', 'M4 4h16v6H4zm0 10h16v6H4zm3-7h2m-2 10h2'],
    ['l', ['live'], 'Live', 'M2 12h5l3-8 4 16 3-8h5'],
    ['e', ['explore'], 'Explore', 'M4 4v16h16M7 15l4-5 3 3 5-7'],
    ['f', ['flow'], 'Flow', 'M3 6h5l8 12h5M3 18h5l3-4.5M21 6h-5l-2 3'],
    ['r', ['refused'], 'Refused', 'M12 3a9 9 0 100 18 9 9 0 000-18zM6 6l12 12'],
    ['u', ['rollouts'], 'Rollouts', 'M12 3a9 9 0 100 18 9 9 0 000-18zM12 8a4 4 0 100 8 4 4 0 000-8z'],
    ['p', ['provisioning'], 'Provisioning', 'M12 3l8 4v5c0 5-3.5 8-8 9-4.5-1-8-4-8-9V7zM8.5 12l2.5 2.5 4.5-5'],
    ['s', ['settings'], 'Settings', 'M4 7h9m4 0h3M4 17h3m4 0h9M15 4v6M9 14v6'],
];

/* Pages that few look at are loaded when somebody does. */
const rollouts = () => import('./pages/rollouts.jsx').then((m) => m.Rollouts);

function Icon({ path }) {
    return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={path} /></svg>;
}

function Rail({ current }) {
    return <nav class="rail" aria-label="Pages">
        {PAGES.map(([key, segments, name, icon]) => <a key={name} href={href(...segments)} title={`${name} (g ${key})`}
            aria-current={current === (segments[0] ?? '') ? 'page' : undefined}>
            <Icon path={icon} /><span>{name}</span><kbd aria-hidden="true">g {key}</kbd></a>)}
    </nav>;
}

function Bar({ onHelp, onFind }) {
    const who = session.value;
    const words = { up: ['good', 'live'], down: ['bad', 'reconnecting'], idle: ['off', 'no live link'] };
    const [kind, text] = words[linkState.value];
    return <header class="bar">
        <a class="brand" href={href()}><img src="/console/mark.svg" alt="" width="22" height="22" />azimuth</a>
        <span class="hub">{who.hubName}<small>{who.hostname}</small></span>
        <span class="spring" />
        <button type="button" class="find" onClick={onFind} aria-keyshortcuts="Control+K">Go to… <kbd>Ctrl K</kbd></button>
        <State kind={kind}>{text}</State>
        <button type="button" class="plain" onClick={nextTheme} title="Light, dark, or as the system has it">
            Theme: {theme.value}</button>
        <a href="/console/docs/index.html" target="_blank" rel="noopener">Docs</a>
        <button type="button" class="plain" onClick={onHelp} aria-keyshortcuts="?">Keys</button>
        <span class="who" title={who.rights.join(', ')}>{who.name}</span>
        <button type="button" class="plain" onClick={signOut}>Sign out</button>
    </header>;
}

function Keys({ onClose }) {
    return <Dialog title="Keys" onClose={onClose}>
        <dl class="keys">
            {PAGES.map(([key, , name]) => <div key={key}><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{name}</dd></div>)}
            <div><dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>devices, pages and commands by name</dd></div>
            <div><dt><kbd>/</kbd></dt><dd>to the filter of the page</dd></div>
            <div><dt><kbd>?</kbd></dt><dd>these keys</dd></div>
        </dl>
    </Dialog>;
}

function typing(target) {
    return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName) || target.shadowRoot;
}

/** `g` and a letter leads to a page, `/` to its filter, Ctrl-K to anything. */
function useKeys(onHelp, onFind) {
    const waits = useRef(0);
    useEffect(() => {
        const onKey = (e) => {
            if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k' && session.value && !document.querySelector('dialog[open]')) {
                e.preventDefault();
                onFind();
                return;
            }
            if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('dialog[open]')) return;
            const page = PAGES.find(([key]) => key === e.key);
            if (Date.now() < waits.current && page) go(href(...page[1]));
            else if (e.key === '?') onHelp();
            else if (e.key === '/') document.querySelector('[data-filter]')?.focus();
            else if (e.key !== 'g') return;
            waits.current = e.key === 'g' ? Date.now() + 1500 : 0;
            e.preventDefault();
        };
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    }, []);
}

/** The window is called by what it shows, and a page begins at its top. */
function useArrival(segments) {
    const [first, id, tab] = segments, name = first === 'devices' && id ? id : PAGES.find(([, [s]]) => s === first)?.[2];
    useEffect(() => {
        document.title = name ? `${name} · azimuth` : 'azimuth';
        document.getElementById('main').scrollTop = 0;
    }, [name, tab]);
}

function Page() {
    const [first, ...rest] = place.value.segments;
    useArrival(place.value.segments);
    if (first === undefined) return <Home />;
    if (first === 'devices') return rest.length ? <Device key={rest[0]} id={rest[0]} tab={rest[1]} /> : <Devices />;
    if (first === 'live') return <Live />;
    if (first === 'explore') return <Explore />;
    if (first === 'flow') return <Flow />;
    if (first === 'refused') return <Refused />;
    if (first === 'rollouts') return <Later load={rollouts} />;
    if (first === 'provisioning') return <Provisioning />;
    if (first === 'settings') return <Settings />;
    return <><h1>There is no such page</h1><p><a href={href()}>Home</a></p></>;
}

export function Shell({ problem }) {
    const [help, setHelp] = useState(false), [finding, setFinding] = useState(false);
    useKeys(() => setHelp(true), () => setFinding(true));
    if (finished.value) return <SignedIn />;
    if (!session.value) return <SignIn problem={problem} />;
    return <div class="shell">
        <a class="skip" href="#main">To the content</a>
        <Bar onHelp={() => setHelp(true)} onFind={() => setFinding(true)} />
        <Rail current={place.value.segments[0] ?? ''} />
        <main id="main" tabIndex={-1}><Page /></main>
        {finding && <Palette pages={PAGES} tabs={TABS} onClose={() => setFinding(false)} />}
        {help && <Keys onClose={() => setHelp(false)} />}
        {lapsed.value && <Dialog title="Sign in again"><p>The session is over. What you typed is still there.</p>
            <SignIn inside /></Dialog>}
    </div>;
}
