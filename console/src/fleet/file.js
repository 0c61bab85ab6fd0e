/* file.js - text that the browser saves as a file; CSV written. */

export function save(name, parts, type) {
    const a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob(parts, { type }));
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}

/** RFC 4180. What a device says must be no formula where somebody opens the file in a spreadsheet: such a text gets an
 * apostrophe in front; ids stay what they are, so that the file can be imported. */
export function csvCell(text, isId) {
    const t = !isId && /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? `'${text}` : text;
    return /[",\r\n;]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t;
}

export function csvLine(cells) {
    return `${cells.join(',')}\r\n`;
}
