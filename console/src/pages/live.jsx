/* live.jsx - what happens, as it happens: read from the log itself, past all consumer groups; calls of methods and refusals beside it. */
import { useEffect, useState } from 'preact/hooks';
import { Field, Notice, Same, Wrong } from '../parts.jsx';
import { Controls, Events, useEvents, useView } from '../stream.jsx';
import { mayRead } from '../state.js';

function Stream() {
    const view = useView('now'), stream = useEvents(view);
    const [device, setDevice] = useState(view.device);
    useEffect(() => { setDevice(view.device); }, [view.device]);
    return <>
        <Controls view={view}>
            <Field label="Device"><input value={device} spellcheck={false} placeholder="any"
                onInput={(e) => setDevice(e.target.value)} onChange={() => view.change({ device: device.trim() })} /></Field>
        </Controls>
        <Events {...{ view, stream }} withDevice />
        <Same cli={['azimuth', 'hub', 'monitor-events', '--all', ...(view.device ? ['-d', view.device] : [])]} />
    </>;
}

export function Live() {
    return <div class="fill">
        <div class="row"><h1>Live</h1><span class="hint">the log itself: no consumer group is taken, and what routes took away is here, too</span></div>
        {mayRead('ServiceConnect') ? <Stream /> : <Notice kind="bad">This session has no ServiceConnect right.</Notice>}
    </div>;
}
