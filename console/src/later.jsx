/* later.jsx - a page that is loaded when somebody looks at it. */
import { useEffect, useState } from 'preact/hooks';
import { Wrong } from './parts.jsx';

/** `load` answers the component, and is always the same function. */
export function Later({ load }) {
    const [state, setState] = useState({});
    useEffect(() => {
        let over = false;
        load().then((Page) => { if (!over) setState({ Page }); }, () => { if (!over) setState({ error: { message: 'The page cannot be loaded. Is the server there?' } }); });
        return () => { over = true; };
    }, [load]);
    return state.Page ? <state.Page /> : <Wrong error={state.error} />;
}
