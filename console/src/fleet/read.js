/* read.js - identities in a file: CSV with a line of names, an array of JSON, or a line of JSON each, as Azure's devices.txt.
 * Each is {line, entry, problems}; an entry is one of POST /devices. */

export const FILE_MAX = 64 << 20, DEVICES_MAX = 100000;
const ID = /^[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}$/;
const WORDS = { deviceid: 'id', id: 'id', status: 'status', statusreason: 'statusReason', edge: 'edge', iotedge: 'edge',
    primarykey: 'primaryKey', secondarykey: 'secondaryKey', primarythumbprint: 'primaryThumbprint', secondarythumbprint: 'secondaryThumbprint' };
const SHOWN_ONLY = /^(connectionState|lastActivityTime|authenticationType|connectionStateUpdatedTime|statusUpdatedTime|version|etag|modelId|cloudToDeviceMessageCount|tags|properties(\.reported.*)?)$/i;

/* ---- CSV (RFC 4180) */

function separatorOf(text) {
    const line = text.slice(0, text.search(/[\r\n]|$/)).replace(/"[^"]*"/g, '');
    return [',', ';', '\t'].map((c) => [line.split(c).length, c]).sort((a, b) => b[0] - a[0])[0][1];
}

/** [line, cells] of each record; a quoted cell may have line breaks. */
export function* csvRecords(text, separator = separatorOf(text)) {
    let cells = [], cell = '', quoted = false, line = 1, began = 1, any = false;
    for (let i = 0; i <= text.length; i++) {
        const c = text[i];
        if (quoted) {
            if (c === undefined) throw new Error(`line ${began}: a quote is not closed`);
            if (c === '\n') line++;
            if (c !== '"') cell += c;
            else if (text[i + 1] === '"') cell += text[++i];
            else quoted = false;
        } else if (c === '"' && cell === '') {
            quoted = any = true;
        } else if (c === separator) {
            cells.push(cell);
            cell = '';
            any = true;
        } else if (c === undefined || c === '\n') {
            if (any || cell !== '') yield [began, [...cells, cell]];
            cells = [];
            cell = '';
            any = false;
            began = ++line;
        } else if (c !== '\r' || text[i + 1] !== '\n') {
            cell += c;
        }
    }
}

/** 12, true and null are what they look like; anything else is text. */
function valueOf(text) {
    if (/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(text) || /^[[{]/.test(text)) {
        try { return JSON.parse(text); } catch { /* text after all */ }
    }
    return text.replace(/^'(?=[=+\-@])/, '');
}

function put(object, path, value, problems) {
    const last = path.at(-1);
    if (path.some((p) => p === '' || p === '__proto__')) {
        problems.push(`${path.join('.')} is no name of a property`);
        return;
    }
    for (const key of path.slice(0, -1)) {
        if (object === null || typeof object !== 'object') break;
        if (!Object.hasOwn(object, key)) object[key] = {}; // "constructor" is a name like any other
        object = object[key];
    }
    if (object === null || typeof object !== 'object') problems.push(`${path.join('.')} is below a value`);
    else object[last] = value;
}

function takeCell(flat, entry, name, text, problems) {
    const plain = name.replace(/[\s_]/g, '').toLowerCase(), word = Object.hasOwn(WORDS, plain) && WORDS[plain];
    const path = name.replace(/^desired\./, 'properties.desired.');
    if (word) flat[word] = text.trim();
    else if (text !== '' && /^tags\..|^properties\.desired\../.test(path)) put(entry, path.split('.'), valueOf(text), problems);
}

function authenticationOf(f, problems) {
    if (f.primaryThumbprint || f.secondaryThumbprint) {
        const of = (t, name) => {
            const hex = (t ?? '').replaceAll(':', '').toUpperCase();
            if (hex && !/^([0-9A-F]{40}|[0-9A-F]{64})$/.test(hex)) problems.push(`${name} is 40 or 64 hexadecimal digits`);
            return hex || undefined;
        };
        return { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: of(f.primaryThumbprint, 'primaryThumbprint'),
            secondaryThumbprint: of(f.secondaryThumbprint, 'secondaryThumbprint') } };
    }
    if (!f.primaryKey && !f.secondaryKey) return undefined;
    if (!f.primaryKey || !f.secondaryKey) problems.push('a primaryKey and a secondaryKey belong together');
    for (const key of [f.primaryKey, f.secondaryKey]) if (key && !/^[A-Za-z0-9+/]{20,88}={0,2}$/.test(key)) problems.push('a key is 16 to 64 bytes in base64');
    return { type: 'sas', symmetricKey: { primaryKey: f.primaryKey, secondaryKey: f.secondaryKey } };
}

function fromCsv(text) {
    const records = csvRecords(text);
    const head = records.next().value;
    if (!head) return { rows: [], problems: ['there is nothing in the file'] };
    const names = head[1].map((n) => n.trim()), rows = [];
    const unknown = names.filter((n) => !WORDS[n.replace(/[\s_]/g, '').toLowerCase()] && !/^(tags|desired|properties\.desired)\../.test(n));
    if (!names.some((n) => WORDS[n.replace(/[\s_]/g, '').toLowerCase()] === 'id'))
        return { rows: [], problems: [`the first line names the columns, and none of them is deviceId: ${names.join(', ').slice(0, 200)}`] };
    for (const [line, cells] of records) {
        const flat = {}, entry = {}, problems = [];
        if (cells.length > names.length) problems.push(`it has ${cells.length} cells, the first line ${names.length}`);
        names.forEach((n, i) => takeCell(flat, entry, n, cells[i] ?? '', problems));
        entry.id = flat.id;
        if (flat.status) entry.status = flat.status;
        if (flat.statusReason) entry.statusReason = flat.statusReason;
        if (/^(true|yes|1)$/i.test(flat.edge ?? '')) entry.capabilities = { iotEdge: true };
        const authentication = authenticationOf(flat, problems);
        if (authentication) entry.authentication = authentication;
        rows.push({ line, entry, problems });
    }
    const left = unknown.filter((n) => !SHOWN_ONLY.test(n));
    return { rows, problems: left.length ? [`left out, since nothing is known of it: ${left.join(', ').slice(0, 200)}`] : [] };
}

/* ---- JSON */

function fromObject(value, line) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return { line, entry: {}, problems: ['an object is expected'] };
    const { deviceId, id = deviceId, status, statusReason, authentication, capabilities, tags, properties, importMode } = value;
    const desired = properties?.desired;
    const entry = { id, status, statusReason, authentication, capabilities, tags, properties: desired ? { desired } : undefined };
    const problems = importMode && !/^create/i.test(importMode) ? [`importMode ${importMode}: this page makes and changes devices only`] : [];
    return { line, entry: Object.fromEntries(Object.entries(entry).filter(([, v]) => v !== undefined && v !== null)), problems };
}

function fromLines(text) {
    const rows = [];
    text.split('\n').forEach((t, i) => {
        if (!t.trim()) return;
        try {
            rows.push(fromObject(JSON.parse(t), i + 1));
        } catch (e) {
            rows.push({ line: i + 1, entry: {}, problems: [e.message] });
        }
    });
    return { rows, problems: [] };
}

function fromJson(text) {
    let value;
    try { value = JSON.parse(text); } catch (e) {
        return /^\s*\{/.test(text) && text.trim().includes('\n') ? fromLines(text) : { rows: [], problems: [e.message] };
    }
    const list = Array.isArray(value) ? value : Array.isArray(value?.devices) ? value.devices : [value];
    return { rows: list.map((v, i) => fromObject(v, i + 1)), problems: [], counted: true, value };
}

/* ---- what all have in common */

function check(row, seen) {
    const { entry, problems } = row;
    if (typeof entry.id !== 'string' || !entry.id) problems.push('there is no deviceId');
    else if (!ID.test(entry.id)) problems.push(`"${entry.id.slice(0, 60)}" is no device id: 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '`);
    else if (seen.has(entry.id)) problems.push(`the same device as in line ${seen.get(entry.id)}`);
    else seen.set(entry.id, row.line);
    if (entry.status !== undefined && !/^(enabled|disabled)$/.test(entry.status)) problems.push(`status is enabled or disabled, not "${String(entry.status).slice(0, 20)}"`);
}

/** {rows, problems: of the file, counted: lines are elements}. */
export function read(text) {
    let out;
    try { out = /^\s*[[{]/.test(text) ? fromJson(text) : fromCsv(text); } catch (e) { out = { rows: [], problems: [e.message] }; }
    const seen = new Map();
    for (const row of out.rows) check(row, seen);
    if (out.rows.length > DEVICES_MAX) {
        out.problems.push(`it has ${out.rows.length} devices; this page takes ${DEVICES_MAX}, "azimuth hub device-identity import --file" any number`);
        out.rows = [];
    }
    return out;
}
