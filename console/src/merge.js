/* merge.js - JSON merge patches (RFC 7396), as twins take them, and twins as rows. */

function isObject(v) {
    return v !== null && typeof v === 'object' && !Array.isArray(v);
}

function same(a, b) {
    return JSON.stringify(a) === JSON.stringify(b);
}

/** What turns `from` into `to`; undefined: nothing. */
export function patchOf(from, to) {
    if (!isObject(from) || !isObject(to)) return same(from, to) ? undefined : to;
    const patch = Object.create(null); // "__proto__" is a name like any other
    for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
    for (const [key, value] of Object.entries(to)) {
        const part = Object.hasOwn(from, key) ? patchOf(from[key], value) : value;
        if (part !== undefined) patch[key] = part;
    }
    return Object.keys(patch).length ? patch : undefined;
}

/** Without the members that the hub adds. */
export function plain(section) {
    const { $metadata, $version, ...rest } = section ?? {};
    return rest;
}

function leaves(value, metadata, path, out) {
    for (const [key, v] of Object.entries(value)) {
        const at = path ? `${path}.${key}` : key, m = metadata?.[key];
        if (isObject(v) && Object.keys(v).length) leaves(v, m, at, out);
        else out.set(at, { value: v, changed: m?.$lastUpdated });
    }
    return out;
}

/** One row for each key that is desired or reported: what it is on both sides, and what that means. */
export function rowsOf(twin) {
    const { desired = {}, reported = {} } = twin.properties ?? {};
    const d = leaves(plain(desired), desired.$metadata, '', new Map());
    const r = leaves(plain(reported), reported.$metadata, '', new Map());
    return [...new Set([...d.keys(), ...r.keys()])].sort().map((key) => {
        const a = d.get(key), b = r.get(key);
        const state = !a ? 'reported only' : !b ? 'waiting' : same(a.value, b.value) ? 'in sync' : 'pending';
        const changed = [a?.changed, b?.changed].filter(Boolean).sort().at(-1);
        return { key, desired: a, reported: b, state, changed, byDevice: !!changed && changed === b?.changed };
    });
}

/** Who wrote each desired property last, by its path; of a history, the newest first. */
export function writersOf(history) {
    const found = new Map();
    for (const { by, patch } of history)
        for (const key of leaves(patch?.properties?.desired ?? {}, undefined, '', new Map()).keys()) if (!found.has(key)) found.set(key, by);
    return found;
}
