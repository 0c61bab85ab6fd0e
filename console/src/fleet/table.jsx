/* table.jsx - the list: draws only the rows that are seen. */
import { Component } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { columnsOf, isDevice } from './columns.jsx';
import { useVirtual } from './virtual.js';

const ROW = 40, HEAD = 36; // as style.css has them

/** While the list is scrolled most rows stay what they were: those are not looked at again. */
class Row extends Component {
    shouldComponentUpdate(next) {
        return Object.keys(next).some((name) => next[name] !== this.props[name]);
    }

    render({ row, index, top, columns, device, chosen, onToggle }) {
        const at = { top: `${top}px` };
        if (!row) return <div role="row" class="grid-row" aria-rowindex={index + 2} style={at}><span role="cell" class="dim">…</span></div>;
        return <div role="row" class="grid-row" aria-rowindex={index + 2} style={at}>
            {device && <span role="cell"><input type="checkbox" aria-label={`Choose ${row.deviceId}`} checked={chosen}
                onChange={() => onToggle(row.deviceId)} /></span>}
            {columns.map(([path, , draw]) => <span role="cell" key={path}>{draw(row)}</span>)}
        </div>;
    }
}

function useColumns(head, shown) {
    const device = !head || isDevice(head);
    return useMemo(() => columnsOf(head, shown), [device, device || Object.keys(head).join(), shown.join()]);
}

export function Table({ pages, shown, chosen, setChosen }) {
    const view = useVirtual(pages.count, ROW, HEAD);
    const head = pages.row(0) ?? pages.row(view.first);
    const [known, setKnown] = useState(head);
    useEffect(() => { if (head) setKnown(head); }, [head]);
    const columns = useColumns(head ?? known, shown), device = isDevice(head ?? known);
    useEffect(() => { pages.want(view.first, view.last); }, [pages, view.first, view.last, pages.count]);
    const toggle = useRef(), onToggle = useCallback((id) => toggle.current(id), []);
    toggle.current = (id) => {
        const now = new Set(chosen);
        if (!now.delete(id)) now.add(id);
        setChosen(now);
    };
    const here = () => (device ? pages.rows : []);
    const all = chosen.size > 0 && here().every((r) => chosen.has(r.deviceId));
    const indexes = Array.from({ length: Math.max(0, view.last - view.first) }, (_, i) => view.first + i);
    return <div class="grid" role="table" aria-label="Devices" aria-rowcount={pages.done ? pages.count + 1 : -1}
        style={{ '--columns': `${device ? '2.5rem ' : ''}minmax(10rem, 2fr) repeat(${columns.length - 1}, minmax(6rem, 1fr))`,
            '--width': `${Math.max(60, 12 + columns.length * 8)}rem` }}>
        <div class="grid-body" ref={view.box} tabIndex={0} aria-label="Rows" role="rowgroup" onScroll={view.onScroll}>
            <div role="row" class="grid-head" aria-rowindex={1}>
                {device && <span role="columnheader"><input type="checkbox" aria-label="Choose all that are shown" checked={all}
                    onChange={() => setChosen(all ? new Set() : new Set(here().map((r) => r.deviceId)))} /></span>}
                {columns.map(([path, name]) => <span role="columnheader" key={path} title={path}>{name}</span>)}
            </div>
            <div class="grid-space" role="presentation" style={{ height: `${view.height}px` }}>
                {indexes.map((i) => {
                    const row = pages.row(i);
                    return <Row key={i} row={row} index={i} top={i * ROW - view.shift} columns={columns} device={device}
                        chosen={!!row && chosen.has(row.deviceId)} onToggle={onToggle} />;
                })}
            </div>
        </div>
    </div>;
}
