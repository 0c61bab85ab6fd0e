/* sign_in.jsx - a policy's connection string for a session; one-time links need no page. */
import { useState } from 'preact/hooks';
import { signIn } from '../state.js';
import { Button, Field, Notice, useWork, Wrong } from '../parts.jsx';

export function SignIn({ problem, inside }) {
    const [text, setText] = useState('');
    const work = useWork();
    const submit = async (e) => {
        e.preventDefault();
        await work.run(() => signIn({ connectionString: text.trim() }));
    };
    const form = <form onSubmit={submit} class="sign-in">
        {problem && !work.error && <Notice kind="bad">{problem}</Notice>}
        <Wrong error={work.error} />
        <Field label="Connection string of a policy"
            hint="Exchanged once for a session with that policy's rights; it is not kept in the browser.">
            <input type="password" autocomplete="off" spellcheck={false} value={text} autofocus
                placeholder="HostName=…;SharedAccessKeyName=…;SharedAccessKey=…" onInput={(e) => setText(e.target.value)} />
        </Field>
        <Button kind="primary" type="submit" busy={work.busy} disabled={!text.trim()}>Sign in</Button>
        <p class="hint">On the server's machine, <code>azimuth console link</code> prints a link that signs in once,
            and <code>azimuth connection-string</code> a connection string.</p>
    </form>;
    if (inside) return form;
    return <main class="front-door"><section class="card">
        <h1><img src="/console/mark.svg" alt="" width="28" height="28" /> azimuth</h1>{form}</section></main>;
}
