/* parts.jsx - small components that all pages use. Text is always text: nothing here takes HTML. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';

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
    const [done, setDone] = useState(false);
    const copy = async () => {
        try { await navigator.clipboard.writeText(text); } catch { return; }
        setDone(true);
        setTimeout(() => setDone(false), 1500);
    };
    return <Button kind="small" onClick={copy}>{done ? 'Copied' : label}</Button>;
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
    return <details class="same"><summary>Do this from a shell</summary>
        {cli && <Line text={typeof cli === 'string' ? cli : shell(cli)} name="command" />}
        {request && <Line text={curl(request)} name="curl" />}
    </details>;
}

function Line({ text, name }) {
    return <div class="line"><code aria-label={name}>{text}</code><Copy text={text} /></div>;
}

function curl({ method, path, body, headers = {}, host, port, admin, socket }) {
    if (socket) return shell(['curl', '--unix-socket', 'azimuth-data/azimuth.sock', '-X', method, `http://localhost${path}`, ...(body === undefined ? [] : ['-d', JSON.stringify(body)])]);
    const at = admin ? location.host : `${host}${port === 443 ? '' : `:${port}`}`;
    const words = ['curl', ...(admin && location.protocol === 'http:' ? [] : ['--cacert', 'ca.pem']), '-X', method,
        `${admin ? location.protocol : 'https:'}//${at}${path}`];
    for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
    if (body !== undefined) words.push('-H', 'Content-Type: application/json', '-d', JSON.stringify(body));
    return `${shell(words)} -H "Authorization: $(azimuth hub generate-sas-token --query sas -o tsv)"`;
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

/** Whether a promise is under way, and what it said. */
export function useWork() {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState(null);
    const run = async (fn) => {
        setBusy(true);
        setError(null);
        try {
            return await fn();
        } catch (e) {
            setError(e);
            return undefined;
        } finally {
            setBusy(false);
        }
    };
    return { busy, error, run, clear: () => setError(null) };
}

export function Wrong({ error, onClose }) {
    return error ? <Notice kind="bad" onClose={onClose}>{error.message}{error.code && <span class="code"> {error.code}</span>}</Notice> : null;
}
