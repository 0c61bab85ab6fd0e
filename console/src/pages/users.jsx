/* users.jsx - who signs in by name: made, given a role, disabled, given a new password; and one's own password. */
import { useEffect, useState } from 'preact/hooks';
import { ask, session } from '../state.js';
import { Ago, Button, Dialog, Field, Notice, Same, State, useWork, Wrong } from '../parts.jsx';

const ROLES = [['reader', 'sees everything but keys'], ['operator', 'also calls methods, writes twins, sends messages'], ['administrator', 'everything']];
const LEAST = 10;
const TYPED = 'THE-PASSWORD'; // what stands for it in the lines for a shell

function pathOf(name) {
    return `/admin/v1/users/${encodeURIComponent(name)}`;
}

/** A new password, typed twice. */
function NewPassword({ label = 'Password', value, onChange }) {
    return <div class="columns">
        <Field label={label} hint={`at least ${LEAST} characters`}><input type="password" autocomplete="new-password" value={value[0]} onInput={(e) => onChange([e.target.value, value[1]])} /></Field>
        <Field label={`${label}, once more`} hint={value[1] && value[0] !== value[1] ? 'this is another one' : ''}><input type="password" autocomplete="new-password"
            value={value[1]} onInput={(e) => onChange([value[0], e.target.value])} /></Field>
    </div>;
}

function isGood([first, second]) {
    return first.length >= LEAST && first === second;
}

function Role({ value, onChange }) {
    return <Field label="Role" hint={ROLES.find(([r]) => r === value)[1]}><select value={value} onChange={(e) => onChange(e.target.value)}>
        {ROLES.map(([r]) => <option key={r}>{r}</option>)}</select></Field>;
}

function Create({ onDone, onClose }) {
    const [name, setName] = useState(''), [role, setRole] = useState('reader'), [password, setPassword] = useState(['', '']);
    const work = useWork();
    const create = (e) => {
        e.preventDefault();
        work.run(async () => { await ask('PUT', pathOf(name), { body: { role, password: password[0] } }); onDone(`${name} may sign in.`); });
    };
    return <Dialog title="New user" onClose={onClose}><form onSubmit={create}>
        <Wrong error={work.error} />
        <Field label="Name" hint="letters, digits and . - _"><input value={name} spellcheck={false} autocomplete="off" onInput={(e) => setName(e.target.value)} /></Field>
        <Role value={role} onChange={setRole} />
        <NewPassword value={password} onChange={setPassword} />
        <Button kind="primary" type="submit" busy={work.busy} disabled={!name || !isGood(password)}>Create</Button>
        <Same cli={['azimuth', 'user', 'create', name || 'maria', '--role', role]}
            request={{ method: 'PUT', path: pathOf(name || 'maria'), body: { role, password: TYPED }, socket: true }} />
    </form></Dialog>;
}

/** What the dialog is about to do: delete, set a password, set a role or, as nothing is filled in, disable or enable. */
function sameOf(user, { sure, role, password }) {
    const on = user.status === 'enabled', update = (words, body) => ({ cli: ['azimuth', 'user', ...words], request: { method: 'PATCH', path: pathOf(user.name), body, socket: true } });
    if (sure) return { cli: ['azimuth', 'user', 'delete', user.name], request: { method: 'DELETE', path: pathOf(user.name), socket: true } };
    if (password[0]) return update(['set-password', user.name], { password: TYPED });
    if (role !== user.role) return update(['update', user.name, '--role', role], { role });
    return update(['update', user.name, on ? '--disable' : '--enable'], { status: on ? 'disabled' : 'enabled' });
}

function Change({ user, onDone, onClose }) {
    const [role, setRole] = useState(user.role), [password, setPassword] = useState(['', '']), [sure, setSure] = useState(false);
    const work = useWork();
    const on = user.status === 'enabled';
    const change = (body, said) => work.run(async () => { await ask('PATCH', pathOf(user.name), { body }); onDone(said); });
    const remove = () => work.run(async () => { await ask('DELETE', pathOf(user.name)); onDone(`${user.name} is deleted.`); });
    return <Dialog title={`User ${user.name}`} onClose={onClose}>
        <Wrong error={work.error} />
        <p class="hint">Whatever is changed here ends the sessions of {user.name}.</p>
        <Role value={role} onChange={setRole} />
        <div class="row"><Button busy={work.busy} disabled={role === user.role} onClick={() => change({ role }, `${user.name} is now ${role}.`)}>Set role</Button>
            <Button busy={work.busy} onClick={() => change({ status: on ? 'disabled' : 'enabled' }, `${user.name} is ${on ? 'disabled' : 'enabled'}.`)}>{on ? 'Disable' : 'Enable'}</Button></div>
        <NewPassword label="New password" value={password} onChange={setPassword} />
        <div class="row"><Button busy={work.busy} disabled={!isGood(password)} onClick={() => change({ password: password[0] }, `${user.name} has a new password.`)}>Set password</Button><span class="spring" />
            {sure ? <><Button kind="bad" busy={work.busy} onClick={remove}>Delete {user.name}</Button><Button onClick={() => setSure(false)}>Keep</Button></>
                : <Button kind="bad" onClick={() => setSure(true)}>Delete…</Button>}</div>
        <Same {...sameOf(user, { sure, role, password })} />
    </Dialog>;
}

export function Users() {
    const [list, setList] = useState(null), [open, setOpen] = useState(null), [said, setSaid] = useState('');
    const work = useWork();
    const load = () => work.run(async () => setList((await ask('GET', '/admin/v1/users')).json));
    const done = (text) => { setSaid(text); setOpen(null); load(); };
    useEffect(() => { load(); }, []);
    return <section class="card wide" aria-label="Users"><div class="row"><h2>Users</h2><span class="spring" /><Button onClick={() => setOpen('new')}>New user…</Button></div>
        <Wrong error={work.error} />
        {said && <Notice onClose={() => setSaid('')}>{said}</Notice>}
        {list?.length > 0 && <table class="plain-table"><thead><tr><th>name</th><th>role</th><th>state</th><th>password set</th><th>change</th></tr></thead>
            <tbody>{list.map((u) => <tr key={u.name}><th scope="row">{u.name}</th><td>{u.role}</td><td><State kind={u.status === 'enabled' ? 'good' : 'off'}>{u.status}</State></td>
                <td><Ago time={u.passwordChanged} /></td><td><Button kind="small" aria-label={`Change ${u.name}`} onClick={() => setOpen(u)}>Change…</Button></td></tr>)}</tbody></table>}
        {list?.length === 0 && <p class="hint">None: people sign in by a one-time link or a policy's connection string.</p>}
        <Same cli={['azimuth', 'user', 'list']} request={{ method: 'GET', path: '/admin/v1/users', socket: true }} />
        {open === 'new' && <Create onDone={done} onClose={() => setOpen(null)} />}
        {open && open !== 'new' && <Change user={open} onDone={done} onClose={() => setOpen(null)} />}
    </section>;
}

/** Only who signed in by name has one. */
export function OwnPassword() {
    const [old, setOld] = useState(''), [next, setNext] = useState(['', '']), [said, setSaid] = useState(false);
    const work = useWork();
    if (!session.value.user) return null;
    const me = session.value.name.replace(/^user /, '');
    const change = (e) => {
        e.preventDefault();
        work.run(async () => {
            await ask('POST', '/admin/v1/session/password', { body: { password: old, newPassword: next[0] } });
            setSaid(true); setOld(''); setNext(['', '']);
        });
    };
    return <section class="card" aria-label="Your password"><h2>Your password</h2><form onSubmit={change}>
        <Wrong error={work.error} />
        {said && <Notice onClose={() => setSaid(false)}>Your password is changed. Your other sessions have ended.</Notice>}
        <Field label="Present password"><input type="password" autocomplete="current-password" value={old} onInput={(e) => setOld(e.target.value)} /></Field>
        <NewPassword label="New password" value={next} onChange={setNext} />
        <Button type="submit" busy={work.busy} disabled={!old || !isGood(next)}>Change password</Button>
        <Same cli={['azimuth', 'user', 'set-password', me]} request={{ method: 'PATCH', path: pathOf(me), body: { password: TYPED }, socket: true }} />
    </form></section>;
}
