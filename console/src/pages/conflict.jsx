/* conflict.jsx - two changed one twin: what the other one did, and what is to become of one's own change. */
import { Button, Notice } from '../parts.jsx';

/** `theirs`: the patch that somebody else wrote meanwhile; undefined: to another part of the twin. */
export function Conflict({ theirs, busy, onApply, onDrop }) {
    return <Notice kind="bad"><p><strong>Somebody else changed this twin meanwhile.</strong> Theirs, beside what you began with:</p>
        <pre tabIndex={0}>{JSON.stringify(theirs ?? 'no change in this part', null, 2)}</pre>
        <div class="row"><Button busy={busy} onClick={onApply}>Apply my change to theirs</Button>
            <Button onClick={onDrop}>Drop mine, show theirs</Button></div></Notice>;
}
