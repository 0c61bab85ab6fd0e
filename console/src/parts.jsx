/* parts.jsx - small components that all pages use. Text is always text: nothing here takes HTML. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { session } from './state.js';

export function Button({ kind = '', busy, children, ...rest }) {
    return <button type="button" class={`button ${kind}`} aria-busy={busy || undefined} {...rest}
        disabled={rest.disabled || busy}>{children}</button>;
}

const MARKS = { good: '●', wait: '◐', bad: '▲', off: '○' };

/** A state is never told by colour alone. */
export function State({ kind, children }) {
    return <span class={`state ${kind}`}><span aria-hidden="true">{MARKS[kind]}</span> {children}</span>;
}

export function Notice({ kind = 'info', children, onClose }) {
    return <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
        <div>{children}</div>
        {onClose && <button type="button" class="plain" aria-label="Dismiss" onClick={onClose}>✕</button>}
    </div>;
}

export function Field({ label, hint, children }) {
    return <label class="field"><span class="label">{label}</span>{children}{hint && <span class="hint">{hint}</span>}</label>;
}

export function Dialog({ title, wide, onClose, children }) {
    const box = useRef();
    useLayoutEffect(() => { box.current.showModal(); }, []); // before the next key is pressed
    return <dialog ref={box} class={wide ? 'wide' : ''} aria-label={title} onCancel={(e) => { e.preventDefault(); onClose?.(); }}>
        <header><h2>{title}</h2>
            {onClose && <button type="button" class="plain" aria-label="Close" onClick={onClose}>✕</button>}</header>
        {children}
    </dialog>;
}

export function Copy({ text, label = 'Copy' }) {
    const [said, setSaid] = useState('');
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            setSaid('Copied');
        } catch { // without TLS, or not allowed
            setSaid('The browser does not let it');
        }
        setTimeout(() => setSaid(''), 1500);
    };
    return <Button kind="small" onClick={copy}>{said || label}</Button>;
}

/** A secret is shown when it is asked for. */
export function Secret({ label, text }) {
    const [shown, setShown] = useState(false);
    return <div class="secret"><span class="label">{label}</span>
        <code>{shown ? text : '•'.repeat(24)}</code>
        <Button kind="small" aria-label={`${shown ? 'Hide' : 'Show'} ${label}`} onClick={() => setShown(!shown)}>
            {shown ? 'Hide' : 'Show'}</Button><Copy text={text} /></div>;
}

const BY_HAND = /^[A-Za-z0-9_\-.:/=@%+,]+$/;

export function shell(words) {
    return words.map((w) => (BY_HAND.test(w) ? w : `'${String(w).replaceAll("'", `'\\''`)}'`)).join(' ');
}

/** The command line (its words, or a script) and the request that do the same as the button beside them. */
export function Same({ cli, request }) {
    const { data } = session.value ?? {};
    return <details class="same"><summary>Do this from a shell</summary>
        {cli && <Line text={typeof cli === 'string' ? cli : shell(cli)} name="command" />}
        {request && <Line text={curl(request)} name="curl" />}
        {data && <p class="hint">On the server's machine. Elsewhere than beside <code>azimuth-data</code> the commands find it
            after <code>export AZIMUTH_DATA={shell([data])}</code>.</p>}
    </details>;
}

function Line({ text, name }) {
    return <div class="line"><code aria-label={name}>{text}</code><Copy text={text} /></div>;
}

/** Lines name the server's own files where the session may know them, so that they run in whichever directory somebody is. */
function curl({ method, path, body, headers = {}, host, port, policy, admin, socket }) {
    const { data, ca } = session.value ?? {}, words = ['curl'];
    const plain = socket || (admin && location.protocol === 'http:'), authority = data ? ca : 'ca.pem';
    if (socket) words.push('--unix-socket', `${data ?? 'azimuth-data'}/azimuth.sock`);
    else if (!plain && authority) words.push('--cacert', authority);
    const at = socket ? 'localhost' : admin ? location.host : `${host}${port === 443 ? '' : `:${port}`}`;
    words.push('-X', method, `${plain ? 'http:' : 'https:'}//${at}${path}`);
    for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
    if (body !== undefined) words.push('-H', 'Content-Type: application/json', '-d', JSON.stringify(body));
    if (socket) return shell(words);
    const token = shell(['azimuth', 'hub', 'generate-sas-token', ...(data ? ['--data', data] : []), ...(policy ? ['--pn', policy] : []), '--query', 'sas', '-o', 'tsv']);
    return `${shell(words)} -H "Authorization: $(${token})"`;
}

export function ago(time, now = Date.now()) {
    const t = Date.parse(time);
    if (!t || t < 0) return 'never';
    const s = Math.max(0, Math.round((now - t) / 1000));
    if (s < 60) return `${s} s ago`;
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min ago`;
    return `${Math.floor(s / 86400)} d ago`;
}

/** One clock for all that say how long ago something was. */
const clock = signal(0);
setInterval(() => { if (!document.hidden) clock.value++; }, 5000);

export function Ago({ time, title }) {
    return <time dateTime={time} title={title ?? time}>{ago(time, Math.max(clock.value, Date.now()))}</time>;
}

export function count(n) {
    return n === undefined || n === null ? '–' : n.toLocaleString('en').replaceAll(',', '\u202f');
}

export function Tabs({ label, tabs, current, link, onChoose }) {
    return <nav class="tabs" aria-label={label}>
        {tabs.map(([id, text]) => (link
            ? <a key={id} href={link(id)} aria-current={id === current ? 'page' : undefined}>{text}</a>
            : <button key={id} type="button" aria-pressed={id === current} onClick={() => onChoose(id)}>{text}</button>))}
    </nav>;
}

/** Answers stand in the order of their questions: of each question a function that says, when it is answered, whether the
 * answer counts, as no later question was answered yet. */
export function order() {
    let asked = 0, answered = 0;
    return () => {
        const mine = ++asked;
        return () => {
            if (mine < answered) return false;
            answered = mine;
            return true;
        };
    };
}

/** Whether a promise is under way, and what the last one said. `fn` is given what order() gives. */
export function useWork() {
    const [under, setUnder] = useState(0), [error, setError] = useState(null);
    const begin = useRef(null);
    begin.current ??= order();
    const run = async (fn) => {
        const counts = begin.current();
        setUnder((n) => n + 1);
        try {
            const got = await fn(counts);
            if (counts()) setError(null);
            return got;
        } catch (e) {
            if (e.name !== 'AbortError' && counts()) setError(e);
            return undefined;
        } finally {
            setUnder((n) => n - 1);
        }
    };
    return { busy: under > 0, error, run, clear: () => setError(null) };
}

export function Wrong({ error, onClose }) {
    return error ? <Notice kind="bad" onClose={onClose}>{error.message}{error.code && <span class="code"> {error.code}</span>}</Notice> : null;
}
