/* dry.jsx - how many an action is about, before it is begun; and how far it is. */
import { useEffect, useState } from 'preact/hooks';
import { count } from '../parts.jsx';

export function Progress({ done, of, label }) {
    return <div class="progress"><progress aria-label={label} max={of || 1} value={done} /><span>{count(done)} of {count(of)}</span></div>;
}

/** How many there are now; null: not known yet. */
export function useDryRun(target) {
    const [n, setN] = useState(null), [error, setError] = useState(null);
    useEffect(() => {
        const abort = new AbortController();
        target.count(abort.signal).then(setN).catch((e) => { if (e.name !== 'AbortError') setError(e); });
        return () => abort.abort();
    }, [target]);
    return { n, error };
}
