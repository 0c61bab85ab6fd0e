/* journal.jsx - what was refused and why, as the server's journal has it (docs/reference/why.md). */
import { useEffect } from 'preact/hooks';
import { listen } from './live.js';
import { Ago, Copy, count, State } from './parts.jsx';

const NEWS = ['azimuth_refused_total', 'azimuth_connections'];
const KINDS = { refused: 'bad', closed: 'wait', grey: 'off', connected: 'good' };

/** Calls `load` now, and whenever somebody was refused or came or went. */
export function useNews(load) {
    useEffect(() => {
        let seen = '';
        load();
        const link = listen({ sub: 'metrics', names: NEWS }, ({ metrics }) => {
            const now = JSON.stringify(metrics);
            if (seen && now !== seen) load();
            seen = now;
        });
        return () => link.end();
    }, [load]);
}

export function Cause({ of: a }) {
    return <State kind={KINDS[a.severity] ?? 'off'}>{a.severity === 'connected' ? 'connected' : `${a.cause} ${a.name}`}</State>;
}

export function whence(a) {
    return [a.peer, a.protocol?.toUpperCase(), a.sdk, a.sni && `asked for ${a.sni}`].filter(Boolean).join(', ');
}

/** One record: what happened, what was seen, what was expected, and one step that helps. */
export function Attempt({ of: a }) {
    const rows = [['Observed', a.observed], ['Expected', a.expected]].filter(([, text]) => text);
    return <article class="card attempt">
        <div class="row"><Cause of={a} /><span class="hint"><Ago time={a.time} />{a.count > 1 && `, ${count(a.count)} times since ${a.firstTime}`}</span>
            <span class="spring" /><span class="hint">{whence(a)}</span>
            {/^C\d+$/.test(a.cause) && <a href={`/console/docs/${a.cause.toLowerCase()}`} target="_blank" rel="noopener">About {a.cause}</a>}</div>
        <p>{a.happened}</p>
        {rows.length > 0 && <dl class="facts">{rows.map(([name, text]) => <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl>}
        {a.next && <div class="line"><code aria-label="Next step">{a.next}</code><Copy text={a.next} /></div>}
    </article>;
}
