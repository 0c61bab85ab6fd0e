/* sign_in.jsx - a user's password or a policy's connection string for a session; one-time links need no page. */
import { useEffect, useState } from 'preact/hooks';
import { ask, signIn, signInBeside, signInElsewhere } from '../state.js';
import { Button, Field, Notice, Tabs, useWork, Wrong } from '../parts.jsx';

const WAYS = [['user', 'User'], ['policy', 'Connection string']];

export function SignIn({ problem, inside }) {
    const [way, setWay] = useState('user'), [user, setUser] = useState(''), [password, setPassword] = useState(''), [text, setText] = useState('');
    const [issuer, setIssuer] = useState(null), [beside, setBeside] = useState(null); // {link}: of a window, where the browser opened none
    const work = useWork();
    useEffect(() => { ask('GET', '/admin/v1/session/provider').then(({ json }) => setIssuer(json.issuer), () => {}); }, []);
    const named = way === 'user';
    const submit = async (e) => {
        e.preventDefault();
        await work.run(() => signIn(named ? { user: user.trim(), password } : { connectionString: text.trim() }));
    };
    const byProvider = () => work.run(async () => {
        if (!inside) return signInElsewhere();
        return setBeside({ link: await signInBeside() });
    });
    const form = <form onSubmit={submit} class="sign-in">
        {issuer && <Button busy={work.busy} onClick={byProvider}>Sign in with {new URL(issuer).host}{inside && ' in a new window'}</Button>}
        {beside && !work.error && (beside.link ? <Notice>The browser let no window be opened. <a href={beside.link} target="_blank" rel="noopener">Go on at {new URL(beside.link).host}</a> in
            another tab. This page waits, as it is.</Notice> : <Notice>Go on in the window that was opened. This page waits, as it is.</Notice>)}
        <Tabs label="Sign in with" tabs={WAYS} current={way} onChoose={(w) => { setWay(w); work.clear(); }} />
        {problem && !work.error && <Notice kind="bad">{problem}</Notice>}
        <Wrong error={work.error} />
        {named ? <>
            <Field label="User"><input autocomplete="username" spellcheck={false} autocapitalize="none" value={user} autofocus onInput={(e) => setUser(e.target.value)} /></Field>
            <Field label="Password"><input type="password" autocomplete="current-password" value={password} onInput={(e) => setPassword(e.target.value)} /></Field>
        </> : <Field label="Connection string of a policy"
            hint="Exchanged once for a session with that policy's rights; it is not kept in the browser.">
            <input type="password" autocomplete="off" spellcheck={false} value={text} autofocus
                placeholder="HostName=…;SharedAccessKeyName=…;SharedAccessKey=…" onInput={(e) => setText(e.target.value)} />
        </Field>}
        <Button kind="primary" type="submit" busy={work.busy} disabled={named ? !user.trim() || !password : !text.trim()}>Sign in</Button>
        <p class="hint">On the server's machine, <code>azimuth console link</code> prints a link that signs in once,
            {named ? <> and <code>azimuth user create</code> makes a user.</> : <> and <code>azimuth connection-string</code> a connection string.</>}</p>
    </form>;
    if (inside) return form;
    return <main class="front-door"><section class="card">
        <h1><img src="/console/mark.svg" alt="" width="28" height="28" /> azimuth</h1>{form}</section></main>;
}

/** What is left of a window that was opened for signing in, if it does not close itself. */
export function SignedIn() {
    return <main class="front-door"><section class="card"><h1><img src="/console/mark.svg" alt="" width="28" height="28" /> You are signed in</h1>
        <p>The page that you came from goes on where it was. This window can be closed.</p><Button kind="primary" onClick={() => window.close()}>Close</Button></section></main>;
}
