/* live.jsx - what happens, as it happens: read from the log itself, past all consumer groups. */
import { useState } from 'preact/hooks';
import { Field, Notice, Same, Wrong } from '../parts.jsx';
import { Controls, Events, KINDS, useEvents } from '../stream.jsx';
import { mayRead } from '../state.js';

export function Live() {
    const [device, setDevice] = useState(''), [asked, setAsked] = useState('');
    const [kinds, setKinds] = useState(KINDS), [from, setFrom] = useState('now');
    const [paused, setPaused] = useState(false), [filter, setFilter] = useState('');
    const stream = useEvents({ device: asked, kinds, from, paused });
    if (!mayRead('ServiceConnect')) return <><h1>Live</h1><Notice kind="bad">This session has no ServiceConnect right.</Notice></>;
    return <div class="fill">
        <div class="row"><h1>Live</h1><span class="hint">the log itself: no consumer group is taken, and what routes took away is here, too</span></div>
        <Controls {...{ from, setFrom, kinds, setKinds, paused, setPaused, filter, setFilter }}>
            <Field label="Device"><input value={device} spellcheck={false} placeholder="any"
                onInput={(e) => setDevice(e.target.value)} onChange={() => setAsked(device.trim())} /></Field>
        </Controls>
        <Wrong error={stream.error && { message: stream.error }} />
        <Events events={stream.events} lost={stream.lost} filter={filter} withDevice />
        <Same cli={['azimuth', 'hub', 'monitor-events', '--all', ...(asked ? ['-d', asked] : [])]} />
    </div>;
}
