/* editor.jsx - JSON with CodeMirror, loaded when it is needed.
 *
 * It stands in a shadow root: there CodeMirror's styles are constructed sheets, which the pages' policy
 * (style-src 'self', no nonce) lets through. */
import { useEffect, useRef } from 'preact/hooks';

export function JsonEditor({ label, value, onChange, readOnly }) {
    const box = useRef(), view = useRef(null), last = useRef(value), change = useRef(onChange), quiet = useRef(false);
    change.current = onChange;
    useEffect(() => {
        const stage = box.current;
        let gone = false;
        import('./codemirror.js').then(({ makeEditor }) => {
            if (gone || !stage.isConnected) return; // the page may have been left meanwhile
            const root = stage.shadowRoot ?? stage.attachShadow({ mode: 'open' });
            view.current = makeEditor({ root, label, readOnly, text: last.current, onChange: (text) => { last.current = text; if (!quiet.current) change.current?.(text); } });
        });
        return () => { gone = true; view.current?.destroy(); };
    }, []);
    useEffect(() => {
        if (value === last.current) return;
        last.current = value;
        const v = view.current;
        quiet.current = true; // what the page puts in is no draft of the user's
        v?.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } });
        quiet.current = false;
    }, [value]);
    return <div class="editor" ref={box} />;
}
