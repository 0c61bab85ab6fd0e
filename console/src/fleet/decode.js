/* decode.js - the bytes of a file as text, and what is said of an encoding that is not UTF-8. */

const NAMES = { 'utf-16le': 'UTF-16 (little endian)', 'utf-16be': 'UTF-16 (big endian)', 'windows-1252': 'Latin-1 (Windows-1252)' };

/** Without a mark: text that is mostly ASCII has its zeros at the odd places, or at the even ones. */
function wide(bytes) {
    const some = bytes.subarray(0, 1024);
    let odd = 0, even = 0;
    some.forEach((b, i) => { if (b === 0) { if (i & 1) odd++; else even++; } });
    if (odd + even < some.length / 4) return null;
    return odd > even ? 'utf-16le' : 'utf-16be';
}

function lineOf(bytes, at) {
    let line = 1;
    for (let i = 0; i < at; i++) if (bytes[i] === 10) line++;
    return line;
}

/** Where it stops being UTF-8. */
function firstBad(bytes) {
    for (let i = 0; i < bytes.length;) {
        const b = bytes[i];
        const more = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : -1;
        if (more < 0) return i;
        for (let k = 1; k <= more; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return i;
        i += more + 1;
    }
    return bytes.length;
}

/** {text, encoding, name, sure, line}: `name` is for people and null for UTF-8; not `sure`: somebody has to agree. */
export function decode(bytes) {
    const mark = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : wide(bytes);
    if (mark) return { text: new TextDecoder(mark).decode(bytes), encoding: mark, name: NAMES[mark], sure: true };
    try {
        return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8', name: null, sure: true };
    } catch {
        return { text: new TextDecoder('windows-1252').decode(bytes), encoding: 'windows-1252', name: NAMES['windows-1252'], sure: false,
            line: lineOf(bytes, firstBad(bytes)) };
    }
}
