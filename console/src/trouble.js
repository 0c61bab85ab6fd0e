/* trouble.js - what somebody should look at, from what the server knows: no page, so that a test can ask it. */

export const EXPIRY = 'azimuth_tls_certificate_expiry_seconds', ROOM = 'azimuth_log_room_bytes', APPENDED = 'azimuth_log_append_bytes_total',
    SEGMENTS = 'azimuth_log_segment_bytes';
export const CERTIFICATE_DAYS = 30, CERTIFICATE_BAD_DAYS = 7; // left
export const DISK_DAYS = 14, DISK_BAD_DAYS = 2; // left
export const RATE_S = 30; // the shortest time that is a rate
export const REFUSED = 'azimuth_refused_total'; // also what was cut off, and devices that just went: by cause
const DAY = 86400;

const ORDINARY = new Set(['C164', 'C165']); // a device that goes, a server that ends

/** [{cause, name, severity, ids, count, since}], the cause with most devices first; of records of /admin/v1/refusals. */
export function byCause(records) {
    const found = new Map();
    for (const r of records) {
        if (ORDINARY.has(r.cause)) continue;
        const c = found.get(r.cause) ?? { cause: r.cause, name: r.name, severity: r.severity, who: new Set(), count: 0, since: r.firstTime };
        c.who.add(r.id ?? r.peer);
        c.count += r.count;
        if (r.firstTime < c.since) c.since = r.firstTime;
        found.set(r.cause, c);
    }
    return [...found.values()].map(({ who, ...c }) => ({ ...c, ids: who.size })).sort((a, b) => b.ids - a.ids || b.count - a.count);
}

/** Metrics from which refusedCount() knows how many were refused; of /admin/v1/refusals/causes. */
export function refusedNames(causes) {
    return [REFUSED, ...causes.filter((c) => !['refused', 'connected'].includes(c.severity)).map((c) => `${REFUSED}{cause="${c.cause}"}`)];
}

export function refusedCount(metrics) {
    return Object.entries(metrics).reduce((sum, [name, value]) => sum + (name === REFUSED ? value : -value), 0);
}

/** Of [{name, until: seconds}] those that end soon, with the days that are left; the first that ends first. */
export function ending(certificates, nowS = Date.now() / 1000) {
    return certificates.filter((c) => c.until).map((c) => ({ ...c, days: Math.floor((c.until - nowS) / DAY) }))
        .filter((c) => c.days < CERTIFICATE_DAYS).sort((a, b) => a.until - b.until);
}

/** Of configurations those of which devices say that it failed: [{id, failed, targeted}], the worst first. Only edge devices say so. */
export function failing(configurations) {
    return configurations.map(({ id, systemMetrics: { results } = { results: {} } }) => ({ id, failed: results.reportedFailedCount ?? 0, targeted: results.targetedCount ?? 0 }))
        .filter((c) => c.failed > 0).sort((a, b) => b.failed - a.failed || (a.id < b.id ? -1 : 1));
}

/** Days until the disk is full to its reserve at the rate between two looks at the metrics; null: it is not known, or retention keeps the log
 * smaller than what there is room for. */
export function diskDays(first, last, retention) {
    const seconds = (last.at - first.at) / 1000, room = last.metrics[ROOM];
    if (seconds < RATE_S || !room) return null;
    const rate = Math.max(0, last.metrics[APPENDED] - first.metrics[APPENDED]) / seconds;
    const kept = Math.min(retention?.seconds ? rate * retention.seconds : Infinity, retention?.bytes || Infinity);
    if (!rate || kept - (last.metrics[SEGMENTS] ?? 0) < room) return null;
    return room / rate / DAY;
}
