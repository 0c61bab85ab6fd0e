/* table.jsx - the list: draws only the rows that are seen, and while it is scrolled in elements that are there already.
 *
 * A row that leaves on one side is filled anew for the one that comes on the other and moved there; nothing is made, taken away or
 * put elsewhere in the document until the list rests. Then the elements are brought into the order in which they are read.
 * While the list is flung its rows say whose they are and nothing else: all of them change in each frame. */
import { Component, createRef } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useBeside } from './beside.js';
import { columnsOf, isDevice, pathsOf } from './columns.jsx';
import { useFresh } from './fresh.js';
import { useVirtual } from './virtual.js';

const ROW = 40, HEAD = 36; // as style.css has them

/** While the list is scrolled most rows stay what they were: those are not looked at again. */
class Row extends Component {
    element = createRef();

    shouldComponentUpdate(next) {
        return Object.keys(next).some((name) => next[name] !== this.props[name]);
    }

    /** Whoever stood in a row does not stand in another one unawares. */
    componentDidUpdate(before) {
        const { current } = this.element;
        if (before.index !== this.props.index && current.contains(document.activeElement)) current.closest('.grid-body').focus({ preventScroll: true });
    }

    render({ row, index, top, columns, device, chosen, flung, beside }) {
        return <div ref={this.element} role="row" class="grid-row" aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)` }}>
            {device && <span role="cell">{row && <input type="checkbox" aria-label={`Choose ${row.deviceId}`} data-id={row.deviceId} checked={chosen} />}</span>}
            {columns.map(([path, , draw], i) => <span role="cell" key={path}>{row && (!flung || !i) ? draw(row, beside) : !i && '…'}</span>)}
        </div>;
    }
}

function useColumns(head, shown) {
    const device = !head || isDevice(head);
    return useMemo(() => columnsOf(head, shown), [device, device || Object.keys(head).join(), shown.join()]);
}

/** The rows that are seen, in the order of their elements. */
function inOrder({ first, last, rest, slots }) {
    const place = (i) => (((i - rest) % slots) + slots) % slots;
    return Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i).sort((a, b) => place(a) - place(b));
}

/** An element that is put elsewhere in the document loses the focus. */
function useKeptFocus(turn) {
    const had = useRef(null);
    had.current = document.activeElement;
    useLayoutEffect(() => {
        if (had.current?.isConnected && document.activeElement === document.body) had.current.focus({ preventScroll: true });
    }, [turn]);
}

export function Table({ pages, shown, chosen, setChosen }) {
    const view = useVirtual(pages.count, ROW, HEAD);
    const head = pages.row(0) ?? pages.row(view.first);
    const [known, setKnown] = useState(head);
    useEffect(() => { if (head) setKnown(head); }, [head]);
    const columns = useColumns(head ?? known, shown), device = isDevice(head ?? known);
    useLayoutEffect(() => { pages.want(view.first, view.last, view.way); }, [pages, view.first, view.last, pages.count]);
    useFresh(pages, view, device && !!head);
    const beside = useBeside(pages, view, device ? pathsOf(shown) : []);
    useKeptFocus(view.rest);
    const onChange = ({ target: { dataset: { id } } }) => {
        const now = new Set(chosen);
        if (!now.delete(id)) now.add(id);
        setChosen(now);
    };
    const here = () => (device ? pages.rows : []);
    const all = chosen.size > 0 && here().every((r) => chosen.has(r.deviceId));
    return <div class="grid" role="table" aria-label="Devices" aria-rowcount={pages.done ? pages.count + 1 : -1}
        style={{ '--columns': `${device ? '2.5rem ' : ''}minmax(10rem, 2fr) repeat(${columns.length - 1}, minmax(6rem, 1fr))`,
            '--width': `${Math.max(60, 12 + columns.length * 7)}rem` }}>
        <div class="grid-body" ref={view.box} tabIndex={0} aria-label="Rows" role="rowgroup" onScroll={view.onScroll}>
            <div role="row" class="grid-head" aria-rowindex={1}>
                {device && <span role="columnheader"><input type="checkbox" aria-label="Choose all that are shown" checked={all}
                    onChange={() => setChosen(all ? new Set() : new Set(here().map((r) => r.deviceId)))} /></span>}
                {columns.map(([path, name]) => <span role="columnheader" key={path} title={path}>{name}</span>)}
            </div>
            <div class="grid-space" role="presentation" style={{ height: `${view.height}px` }} onChange={onChange}>
                {inOrder(view).map((i) => {
                    const row = pages.row(i);
                    return <Row key={i % view.slots} row={row} index={i} top={i * ROW - view.shift} columns={columns} device={device} flung={view.flung}
                        chosen={!!row && chosen.has(row.deviceId)} beside={row && beside.get(row.deviceId)} />;
                })}
            </div>
        </div>
    </div>;
}
