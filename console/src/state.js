/* state.js - what all pages share: who has signed in, and how the server is asked. */
import { signal } from '@preact/signals';
import { go } from './router.js';

/** undefined: not known yet; null: nobody; else what GET /admin/v1/session says. */
export const session = signal(undefined);

/** Somebody was signed in when the session ended: the page stays as it is, below the sign-in. */
export const lapsed = signal(false);

/** This window was there for signing in only: another one goes on. */
export const finished = signal(false);

/** What the windows of one browser tell each other: somebody has signed in. */
const windows = new BroadcastChannel('azimuth-session');

export const VERSION = 'api-version=2021-04-12';

export class AskError extends Error {
    constructor(status, code, message, json) {
        super(message);
        this.status = status;
        this.code = code;
        this.json = json; // the whole answer, if it is JSON
    }
}

/** IoT Hub's envelope: {"Message":"ErrorCode:Name;text"}, sometimes as text inside of Message. */
function readError(status, text) {
    let message = text, code = '', outer;
    try {
        outer = JSON.parse(text);
        message = outer.Message ?? outer.message ?? text;
        try {
            const inner = JSON.parse(message);
            message = inner.message ?? message;
        } catch { /* it is plain text */ }
    } catch { /* it is no JSON */ }
    const found = /^ErrorCode:(\w+);([^]*)$/.exec(message);
    if (found) [, code, message] = found;
    return new AskError(status, code, message || `the server answered ${status}`, outer);
}

export function pathOf(path) {
    return path.startsWith('/admin/') || path.includes('api-version=') ? path : path + (path.includes('?') ? '&' : '?') + VERSION;
}

/** 401 says "not with these rights", too: only who has no session any more signs in again. */
async function lookWhetherLapsed() {
    const still = await fetch('/admin/v1/session').catch(() => null);
    if (still?.status === 401) lapsed.value = true;
}

/** Another window has signed in: this one has that session, and what was typed here stays. */
async function takeOver() {
    if (!session.value) return;
    const now = await fetch('/admin/v1/session').catch(() => null);
    if (!now?.ok) return;
    session.value = await now.json();
    lapsed.value = false;
}

windows.onmessage = takeOver;
addEventListener('focus', () => { if (lapsed.value) takeOver(); });

/** Answers {json, headers}; throws AskError. */
export async function ask(method, path, { body, headers = {}, signal: abort } = {}) {
    const all = { ...headers };
    if (body !== undefined) all['content-type'] = 'application/json';
    if (method !== 'GET' && session.value) all['x-azimuth-csrf'] = session.value.csrf;
    let answer;
    try {
        answer = await fetch(pathOf(path), {
            method, headers: all, body: body === undefined ? undefined : JSON.stringify(body), signal: abort,
        });
    } catch (e) {
        if (e.name === 'AbortError') throw e;
        throw new AskError(0, 'Unreachable', 'the server cannot be reached');
    }
    const text = await answer.text();
    if (answer.status === 401 && session.value) await lookWhetherLapsed();
    if (!answer.ok) throw readError(answer.status, text);
    return { json: text ? JSON.parse(text) : null, headers: answer.headers };
}

export function may(right) {
    return !!session.value?.rights.includes(right);
}

/** A reader or an operator reads whatever there is, but keys. */
export function mayRead(right) {
    return !!session.value?.reader || may(right);
}

/** What needs all rights of the hub's own policy `iothubowner`. */
export function mayReadAll() {
    return ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect'].every(mayRead);
}

export async function signIn(credential) {
    const { json } = await ask('POST', '/admin/v1/session', { body: credential });
    session.value = json;
    lapsed.value = false;
    windows.postMessage('signed in');
}

export async function signOut() {
    await ask('DELETE', '/admin/v1/session').catch(() => {});
    session.value = null;
}

const BACK = '/console/signed-in', BESIDE = 'azimuth.beside';

async function addressOfProvider() {
    return (await ask('POST', '/admin/v1/session/provider', { body: {} })).json.url;
}

/** To the provider by whose word one signs in; it leads back to BACK. */
export async function signInElsewhere() {
    location.assign(await addressOfProvider());
}

/** The same in a window of its own, which is opened at once, as browsers want it; it is known by its state when it comes back.
 * Where the browser lets no window be opened the answer is the address, for a link that a person follows. */
export async function signInBeside() {
    const beside = open('about:blank', '_blank', 'popup,width=560,height=720');
    try {
        const url = await addressOfProvider();
        localStorage.setItem(BESIDE, new URL(url).searchParams.get('state'));
        if (!beside) return url;
        beside.location.replace(url);
        return null;
    } catch (e) {
        beside?.close();
        throw e;
    }
}

/** What the provider has sent along, or null. It does not stay in the address. */
function comeBack() {
    const said = new URLSearchParams(location.search);
    if (location.pathname !== BACK || !said.has('state')) return null;
    go('/console/', { replace: true });
    if (said.has('error')) throw new Error(`The provider said no: ${said.get('error_description') ?? said.get('error')}`);
    return { code: said.get('code'), state: said.get('state') };
}

async function arrive(back) {
    await signIn(back);
    if (localStorage.getItem(BESIDE) !== back.state) return;
    localStorage.removeItem(BESIDE);
    finished.value = true;
    close(); // where a browser does not allow it, the page says that it can be closed
}

/** The token of a one-time link is behind the '#', which no server and no log sees. */
export async function begin() {
    const found = /^#token=([0-9a-f]+)$/.exec(location.hash);
    if (found) history.replaceState(null, '', location.pathname);
    let back = null;
    try {
        back = comeBack();
        if (back) return await arrive(back);
        if (found) return await signIn({ token: found[1] });
        session.value = (await ask('GET', '/admin/v1/session')).json;
    } catch (e) {
        session.value = null;
        return found || back || !e.status ? e.message : undefined;
    }
}
