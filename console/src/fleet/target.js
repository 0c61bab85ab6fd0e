/* target.js - whom an action is about: those that were chosen, or all that a condition means. */
import { shell } from '../parts.jsx';
import { countOf, eachPage, quoted, sqlOf } from './query.js';

const IDS_MAX = 400, TEXT_MAX = 24 << 10; // of one condition, which may have 32 KiB

/** Conditions that together mean these. */
export function conditionsOf(ids) {
    const out = [];
    let words = [], size = 0;
    const put = () => { if (words.length) out.push(words.length === 1 ? `deviceId = ${words[0]}` : `deviceId IN [${words.join(', ')}]`); };
    for (const id of ids) {
        const word = quoted(id);
        if (words.length === IDS_MAX || size + word.length > TEXT_MAX) {
            put();
            words = [];
            size = 0;
        }
        words.push(word);
        size += word.length + 2;
    }
    put();
    return out;
}

export class Target {
    /** Of {ids} or {condition}. */
    constructor({ ids, condition }) {
        this.ids = ids ?? null;
        this.conditions = ids ? conditionsOf(ids) : [condition];
    }

    /** A dry run: how many there are now. */
    async count(signal) {
        let n = 0;
        for (const c of this.conditions) n += await countOf(c, signal);
        return n;
    }

    /** All ids, before anything is done to one of them. */
    async allIds(signal) {
        if (this.ids) return this.ids;
        const ids = [];
        await eachPage(sqlOf(this.conditions[0], 'deviceId'), (rows) => { for (const r of rows) ids.push(r.deviceId); }, { signal });
        return ids;
    }

    async eachRow(fn, signal) {
        for (const c of this.conditions) await eachPage(sqlOf(c), fn, { signal });
    }

    /** A line of shell that does something to each; `verb` has "$id" where the id stands. */
    script(verb) {
        if (this.ids) return `for id in ${shell(this.ids)}; do ${verb}; done`;
        const list = shell(['azimuth', 'hub', 'query', '-q', sqlOf(this.conditions[0], 'deviceId'), '--query', '[].deviceId', '-o', 'tsv']);
        return `${list} | while read -r id; do ${verb}; done`;
    }
}
