/* azure.js - a hub of Azure in a file, as `az iot hub state export` or an export job writes it, and how it comes here: what
 * `azimuth import azure-state` does (cli/cmd_state_import.c), by the same requests. Everything is made or brought up to date. */
import { ask } from '../state.js';
import { decode } from './decode.js';
import { FILE_MAX } from './read.js';

const COUNT = 100, BYTES = 700 << 10; // of one request
const HUB = 'microsoft.devices/iothubs', ROUTING = '/admin/v1/routing', CONFLICTS = [409, 412];
const MEMBERS = ['managedBy', 'statusReason', 'authentication', 'capabilities', 'deviceScope', 'parentScopes'];
const OTHERS = {
    eventHubEndpoints: 'partitions and retention are options of azimuth serve',
    authorizationPolicies: 'policies have keys of their own: they are above on this page',
    ipFilterRules: 'addresses are a matter of the machine\u2019s firewall',
    networkRuleSets: 'addresses are a matter of the machine\u2019s firewall',
    privateEndpointConnections: 'there are no virtual networks here',
    storageEndpoints: 'files that devices upload: azimuth serve --upload-account',
};

/* ---- reading */

function entryOf(id, moduleId, identity = {}, twin = {}) {
    const entry = { id, ...(moduleId ? { moduleId } : {}), importMode: 'createOrUpdate', status: identity.status || 'enabled' };
    for (const m of MEMBERS) if (identity[m] !== undefined && identity[m] !== null) entry[m] = identity[m];
    for (const m of ['tags', 'properties']) if (twin[m] !== undefined && twin[m] !== null) entry[m] = twin[m];
    return entry;
}

function isEmpty(value) {
    return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** "[concat(parameters('n'), '/events/readers')]" and "hub/events/readers": "readers". */
function lastName(name) {
    return String(name).split('/').pop().split("'")[0];
}

function addHub(out, { properties = {}, identity }) {
    const { endpoints = {}, routes, enrichments, fallbackRoute } = properties.routing ?? {};
    for (const [member, why] of Object.entries(OTHERS)) if (!isEmpty(properties[member])) out.left.push({ what: member, why });
    if (!isEmpty(identity)) out.left.push({ what: 'identity', why: 'there are no managed identities here' });
    const add = (what, list, key, items, inEndpoints) => { for (const item of items ?? []) out.items.push({ what, list, key, item, inEndpoints }); };
    for (const [list, items] of Object.entries(endpoints)) add('endpoint', list, 'name', items, true);
    add('route', 'routes', 'name', routes);
    add('enrichment', 'enrichments', 'key', enrichments);
    if (fallbackRoute) out.items.push({ what: 'fallback route', item: fallbackRoute });
}

function addResource(out, resource) {
    const type = String(resource.type).toLowerCase(), name = lastName(resource.name), p = resource.properties ?? {};
    if (type === HUB) addHub(out, resource);
    else if (type === `${HUB}/certificates`) out.below.push({ what: 'certificate', name, path: '/admin/v1/certificates/', body: { certificate: p.certificate, isVerified: !!p.isVerified } });
    else if (type !== `${HUB}/eventhubendpoints/consumergroups`) out.left.push({ what: resource.type, why: 'it has no meaning here' });
    else if (name.toLowerCase() !== '$default') out.below.push({ what: 'consumer group', name, path: '/admin/v1/consumer-groups/', body: {} });
}

function fromState(state, out) {
    for (const [id, d] of Object.entries(state.devices ?? {})) {
        out.devices.push(entryOf(id, null, d.identity, d.twin));
        for (const [module, m] of Object.entries(d.modules ?? {})) out.modules.push(entryOf(id, module, m.identity, m.twin));
    }
    for (const kind of ['admConfigurations', 'edgeDeployments'])
        for (const [id, body] of Object.entries(state.configurations?.[kind] ?? {})) out.configurations.push({ id, body });
    for (const resource of state.arm?.resources ?? []) addResource(out, resource);
    for (const member of Object.keys(state)) if (!['devices', 'configurations', 'arm'].includes(member)) out.left.push({ what: member, why: 'it has no meaning here' });
}

function fromLines(text, out) {
    text.split('\n').forEach((line, i) => {
        if (!line.trim()) return;
        try {
            const entry = JSON.parse(line);
            if (!entry?.id) throw new Error('it has no id');
            (entry.moduleId ? out.modules : out.devices).push({ importMode: 'createOrUpdate', ...entry });
        } catch (e) {
            out.problems.push({ what: `line ${i + 1}`, why: e.message });
        }
    });
}

/** What is in a file: {devices, modules, configurations, below, items, left: has no meaning here, problems: cannot be read}. */
export function readState(text) {
    const out = { devices: [], modules: [], configurations: [], below: [], items: [], left: [], problems: [] };
    let state;
    try { state = JSON.parse(text); } catch (e) { state = null; out.why = e.message; }
    if (state && !state.id && typeof state === 'object') fromState(state, out);
    else if (state || /^\s*\{.*\}\s*\r?\n/.test(text)) fromLines(text, out);
    else out.problems.push({ what: 'the file', why: out.why });
    if (!sizeOf(out) && !out.problems.length) out.problems.push({ what: 'the file', why: 'it has no devices, configurations or arm' });
    return out;
}

export function sizeOf(s) {
    return s.devices.length + s.modules.length + s.configurations.length + s.below.length + s.items.length;
}

export async function openState(file) {
    if (file.size > FILE_MAX) throw new Error(`the file has ${Math.ceil(file.size / 1048576)} MB; this page takes ${FILE_MAX >> 20}, "azimuth import azure-state" any size`);
    const { text } = decode(new Uint8Array(await file.arrayBuffer()));
    return { name: file.name, ...readState(text) };
}

/* ---- to the hub; `tell` takes {what, why} of what is refused */

async function send(entries, tell) {
    let answer;
    try {
        answer = (await ask('POST', '/devices', { body: entries })).json;
    } catch (e) {
        if (!e.json?.errors) throw e;
        answer = e.json;
    }
    const name = (e) => `${e.deviceId}${e.moduleId ? ` ${e.moduleId}` : ''}`;
    for (const e of answer.errors ?? []) tell({ what: name(e), why: e.errorStatus || e.errorCode });
    for (const e of answer.warnings ?? []) tell({ what: name(e), why: e.warningStatus }); // there, without its twin
}

function* batches(entries) {
    let some = [], bytes = 0;
    for (const entry of entries) {
        const size = new TextEncoder().encode(JSON.stringify(entry)).length;
        if (some.length && (some.length === COUNT || bytes + size > BYTES)) {
            yield some;
            some = [];
            bytes = 0;
        }
        some.push(entry);
        bytes += size;
    }
    if (some.length) yield some;
}

/** A refusal of this one; anything else (401, no server) is the end. */
function judge(e, what, tell) {
    if (!e.status || e.status === 401 || e.status >= 500) throw e;
    tell({ what, why: e.message });
}

async function putConfiguration({ id, body }, tell) {
    const path = `/configurations/${encodeURIComponent(id)}`;
    try {
        await ask('PUT', path, { body }).catch((e) => {
            if (e.status !== 409) throw e;
            return ask('PUT', path, { body, headers: { 'if-match': '*' } });
        });
    } catch (e) { judge(e, `configuration ${id}`, tell); }
}

/** One that is there stays as it is. */
async function putBelow({ what, name, path, body }, tell) {
    try {
        await ask('PUT', path + encodeURIComponent(name), { body });
    } catch (e) { if (!CONFLICTS.includes(e.status)) judge(e, `${what} ${name}`, tell); }
}

/** Without what only a subscription of Azure has. */
function plain(item) {
    return Object.fromEntries(Object.entries(item).filter(([k, v]) => v !== null && !['id', 'subscriptionId', 'resourceGroup'].includes(k)));
}

function change(routing, { list, key, item, inEndpoints }) {
    if (!list) return { ...routing, fallbackRoute: plain(item) };
    const same = (x) => String(x[key]).toLowerCase() === String(item[key]).toLowerCase();
    const into = (o) => {
        const before = o?.[list] ?? [], there = before.some(same);
        return { ...o, [list]: there ? before.map((x) => (same(x) ? plain(item) : x)) : [...before, plain(item)] };
    };
    return inEndpoints ? { ...routing, endpoints: into(routing.endpoints) } : into(routing);
}

/** The document is changed one item at a time, so that one that is refused keeps no other out. */
async function putItem(x, tell) {
    const { json } = await ask('GET', ROUTING);
    try {
        await ask('PUT', ROUTING, { body: change(json.properties.routing, x), headers: { 'if-match': json.etag } });
    } catch (e) { judge(e, `${x.what} ${x.item[x.key] ?? ''}`.trim(), tell); }
}

/** Modules behind all devices; endpoints and routes last: nothing that devices send meanwhile is kept from where it went before. */
export async function importState(s, { signal, onDone, tell }) {
    let done = 0;
    const step = async (n, fn) => {
        if (signal.aborted) return;
        await fn();
        onDone(done += n);
    };
    for (const kind of [s.devices, s.modules]) for (const some of batches(kind)) await step(some.length, () => send(some, tell));
    for (const x of s.configurations) await step(1, () => putConfiguration(x, tell));
    for (const x of s.below) await step(1, () => putBelow(x, tell));
    for (const x of s.items) await step(1, () => putItem(x, tell));
}
