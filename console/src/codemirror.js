/* codemirror.js - the editor's own chunk. */
import { EditorState } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import { linter } from '@codemirror/lint';
import { tags } from '@lezer/highlight';

/* Colours are the page's: custom properties reach into the shadow. */
const look = EditorView.theme({
    '&': { color: 'var(--ink)', backgroundColor: 'var(--field)', fontSize: '13px', borderRadius: '4px' },
    '.cm-content': { caretColor: 'var(--ink)', fontFamily: 'var(--mono)' },
    '.cm-cursor': { borderLeftColor: 'var(--ink)' },
    '.cm-gutters': { backgroundColor: 'var(--panel)', color: 'var(--dim)', border: 'none' },
    '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
    '&.cm-focused': { outline: '2px solid var(--focus)' },
    '.cm-scroller': { minHeight: '12rem', maxHeight: '28rem', overflow: 'auto' },
    '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: 'var(--chosen) !important' },
    '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--ink)', border: '1px solid var(--edge)' },
});
const words = HighlightStyle.define([
    { tag: tags.propertyName, color: 'var(--word-name)' },
    { tag: tags.string, color: 'var(--word-text)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--word-number)' },
]);

export function makeEditor({ root, text, label, readOnly, onChange }) {
    return new EditorView({
        parent: root, root,
        state: EditorState.create({
            doc: text,
            extensions: [
                lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(),
                syntaxHighlighting(words), json(), linter(jsonParseLinter()), keymap.of([...defaultKeymap, ...historyKeymap]),
                EditorState.readOnly.of(!!readOnly), EditorView.lineWrapping, look,
                EditorView.contentAttributes.of({ 'aria-label': label }),
                EditorView.updateListener.of((u) => { if (u.docChanged) onChange(u.state.doc.toString()); }),
            ],
        }),
    });
}
