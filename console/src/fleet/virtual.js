/* virtual.js - which rows of a long list are seen. Browsers know elements of some 16 million pixels: a longer list is laid
 * into one of that height, piece by piece, so that a turn of the wheel still moves by what it says. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const HIGHEST = 8_000_000, PIECES = 100;
const REST_MS = 150, SPARE = 8; // rows above and below, which a scroll of the compositor's own shows
const FLING = 12; // rows from one event to the next, of which nobody reads more than a few letters

/** Where the list is for a place of the scrollbar: {y, shift}; y is in pixels of the whole list. */
export function placeOf({ total, view, top, before, shift }) {
    const inside = Math.min(total, HIGHEST);
    if (total === inside) return { y: top, shift: 0 };
    const piece = inside / PIECES, pieces = Math.floor(total / piece), jump = (total - inside) / (pieces - 1);
    const far = Math.abs(top - before) >= view;
    const wish = far ? top * (total - view) / (inside - view) : top + shift;
    const y = Math.round(Math.max(0, Math.min(wish, total - view)));
    return { y, shift: Math.round(Math.min(pieces - 1, Math.floor(y / piece)) * jump) };
}

/** Of `count` rows below a head that stays: which are seen, how high the space for them is, by how much they are moved up, where
 * the list rested last, whether it goes down (1) or up (-1), and whether it is flung. */
export function useVirtual(count, row, head) {
    const box = useRef(), [height, setHeight] = useState(600);
    const at = useRef({ y: 0, top: 0, shift: 0, way: 1, flung: false }), resting = useRef(0);
    const [, draw] = useState(0), [rest, setRest] = useState(0);
    const total = count * row + head;
    const firstOf = (y) => Math.max(0, Math.floor(y / row) - SPARE);
    useEffect(() => {
        const fit = new ResizeObserver(() => setHeight(box.current?.clientHeight || 600));
        fit.observe(box.current);
        return () => {
            fit.disconnect();
            clearTimeout(resting.current);
        };
    }, []);
    const onScroll = () => {
        const a = at.current, top = box.current.scrollTop;
        if (top === a.top) return;
        const { y, shift } = placeOf({ total, view: height, top, before: a.top, shift: a.shift });
        const seen = Math.floor(y / row) !== Math.floor(a.y / row) || shift !== a.shift;
        at.current = { y, shift, top: y - shift, way: y < a.y ? -1 : 1, flung: Math.abs(y - a.y) >= FLING * row };
        if (Math.abs(top - at.current.top) >= 1) box.current.scrollTop = at.current.top;
        else at.current.top = top;
        if (seen || a.flung !== at.current.flung) draw((n) => n + 1);
        clearTimeout(resting.current);
        resting.current = setTimeout(() => {
            if (at.current.flung) draw((n) => n + 1);
            at.current.flung = false;
            setRest(firstOf(at.current.y));
        }, REST_MS);
    };
    useLayoutEffect(() => { // a shorter list, which rests where it ends: the scroll that follows finds nothing to do
        const y = Math.max(0, Math.min(at.current.y, total - height));
        if (y === at.current.y) return;
        at.current = { ...at.current, y, shift: 0, top: box.current.scrollTop };
        setRest(firstOf(y));
    }, [total]);
    const first = firstOf(at.current.y), slots = Math.ceil(height / row) + 2 * SPARE;
    return { box, onScroll, first, last: Math.min(count, first + slots), slots, rest, shift: at.current.shift, way: at.current.way, flung: at.current.flung,
        height: Math.min(total, HIGHEST) - head };
}
