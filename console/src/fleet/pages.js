/* pages.js - a query's answer, page by page. Rows that are far away are let go and asked for again: of a million
 * devices the browser holds some thousands. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../state.js';
import { useWork } from '../parts.jsx';

const PAGE = 200, AHEAD = 300; // rows
export const HELD = 40; // pages

async function askFor(sql, token) {
    const headers = { 'x-ms-max-item-count': String(PAGE), ...(token ? { 'x-ms-continuation': token } : {}) };
    const { json, headers: more } = await ask('POST', '/devices/query', { body: { query: sql }, headers });
    return { rows: json, next: more.get('x-ms-continuation') };
}

class Pages {
    constructor(sql, changed) {
        this.sql = sql;
        this.changed = changed;
        this.pages = []; // {at, count, token, rows|null, used}
        this.count = 0;
        this.done = this.loaded = false;
        this.next = null;
        this.under = null; // what is asked for
        this.clock = 0;
    }

    /** The page that has row `i`, by halves. */
    pageOf(i) {
        let from = 0, upto = this.pages.length;
        while (from < upto) {
            const middle = (from + upto) >> 1;
            const p = this.pages[middle];
            if (i < p.at) upto = middle;
            else if (i >= p.at + p.count) from = middle + 1;
            else return p;
        }
        return null;
    }

    /** undefined: it is not here now. */
    row(i) {
        const p = this.pageOf(i);
        if (!p) return undefined;
        p.used = ++this.clock;
        return p.rows?.[i - p.at];
    }

    get rows() {
        return this.pages.flatMap((p) => p.rows ?? []);
    }

    /** [index, row] of those that changed; who stands there no more is left alone. */
    put(changed) {
        for (const [i, row] of changed) {
            const p = this.pageOf(i);
            if (p?.rows?.[i - p.at]?.deviceId === row.deviceId) p.rows[i - p.at] = row;
        }
        this.changed();
    }

    letGo() {
        const here = this.pages.filter((p) => p.rows);
        if (here.length <= HELD) return;
        here.sort((a, b) => a.used - b.used);
        for (const p of here.slice(0, here.length - HELD)) p.rows = null;
    }

    async more() {
        const token = this.next;
        const { rows, next } = await askFor(this.sql, token);
        if (rows.length) this.pages.push({ at: this.count, count: rows.length, token, rows, used: ++this.clock });
        this.count += rows.length;
        this.next = next;
        this.done = !next;
        this.loaded = true;
    }

    /** A page that was let go. What was deleted or made meanwhile does not move the others. */
    async again(p) {
        p.rows = (await askFor(this.sql, p.token)).rows.slice(0, p.count);
        p.used = ++this.clock; // not let go again before it is drawn
    }

    missing(first, last) {
        for (let i = first; i < last;) {
            const p = this.pageOf(i);
            if (!p) return null;
            if (!p.rows) return p;
            i = p.at + p.count;
        }
        return null;
    }

    /** The page that is drawn next if the list goes on as it goes, of those that were there. */
    ahead(first, last, way) {
        return way < 0 ? this.missing(Math.max(0, first - AHEAD), first) : this.missing(last, Math.min(this.count, last + AHEAD));
    }

    /** Whether what came is seen: a row of it, or that the list is longer. */
    shows(p) {
        const [first, last] = this.wanted;
        return !p || (p.at < last && p.at + p.count > first);
    }

    /** These rows will be drawn, and then those below (`way` 1) or above (-1): what is not here is asked for, one page at a time. */
    async want(first, last, way = 1) {
        this.wanted = [first, last, way];
        if (this.under) return;
        try {
            while (!this.dropped) {
                const [a, b] = this.wanted, p = this.missing(a, b) ?? this.ahead(...this.wanted);
                if (p) await (this.under = this.again(p));
                else if (!this.done && b >= this.count - AHEAD) await (this.under = this.more());
                else break;
                this.letGo();
                if (this.shows(p)) this.changed();
            }
        } finally {
            this.under = null;
        }
    }
}

export function usePages(sql) {
    const [, draw] = useState(0);
    const work = useWork();
    const now = useRef(null);
    const begin = () => {
        if (now.current) now.current.dropped = true;
        const pages = now.current = new Pages(sql, () => { if (now.current === pages) draw((n) => n + 1); });
        const want = pages.want.bind(pages);
        pages.want = (...rows) => want(...rows).catch((e) => {
            if (now.current !== pages) return;
            pages.done = pages.loaded = true;
            pages.error = e;
            draw((n) => n + 1);
        });
        return pages;
    };
    if (now.current?.sql !== sql) begin();
    useEffect(() => { now.current.want(0, 1); }, [sql]);
    const again = () => work.run(() => begin().want(0, 1));
    return { pages: now.current, again, busy: work.busy || !now.current.loaded };
}
