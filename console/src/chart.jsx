/* chart.jsx - lines over time, by uPlot, in colours of the theme. What it shows is shown as a table, too. */
import { useEffect, useRef } from 'preact/hooks';
import { scheme, theme } from './theme.js';

const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4'];
const HEIGHT = 220;

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function colourOf(i) {
    return `var(${COLOURS[i % COLOURS.length]})`;
}

function load() {
    return Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]).then(([{ default: UPlot }]) => UPlot);
}

function line(label, i) {
    return { label, stroke: colour(COLOURS[i % COLOURS.length]), width: 2, points: { show: false },
        dash: i ? [4 * i, 3] : undefined };
}

function make(UPlot, box, options) {
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--edge'), width: 1 }, ticks: { stroke: colour('--edge') } };
    const plot = new UPlot({
        width: box.clientWidth, height: HEIGHT, axes: [axis, { ...axis, size: 56 }],
        legend: { live: false }, cursor: { drag: { x: false, y: false } }, ...options,
    }, options.series.map(() => []), box);
    return plot;
}

/** A plot that lives as long as `key` stays; `options` makes it, `data` is drawn whenever it changes. */
function usePlot(key, options, data) {
    const box = useRef(), plot = useRef(null), latest = useRef();
    latest.current = data;
    useEffect(() => {
        let gone = false;
        const here = box.current;
        load().then((UPlot) => {
            if (gone) return;
            plot.current = make(UPlot, here, options());
            plot.current.setData(latest.current);
        });
        const fit = new ResizeObserver(() => plot.current?.setSize({ width: here.clientWidth, height: HEIGHT }));
        fit.observe(here);
        return () => {
            gone = true;
            fit.disconnect();
            plot.current?.destroy();
            plot.current = null;
        };
    }, [key, theme.value, scheme.value]);
    useEffect(() => { plot.current?.setData(latest.current); });
    return box;
}

export function Chart({ label, times, series }) {
    const names = series.map((s) => s.name);
    const options = () => ({
        series: [{}, ...names.map(line)],
        scales: { y: { range: (u, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1)] } },
    });
    const box = usePlot(names.join('\n'), options, [times, ...series.map((s) => s.values)]);
    return <div class="chart" role="img" aria-label={label} ref={box} />;
}

/** Means as lines, the least and the largest as a band around each; who drags over a span gets it told. */
export function Ranges({ label, times, lines, onZoom }) {
    const zoom = useRef();
    zoom.current = onZoom;
    const options = () => ({
        series: [{}, ...lines.flatMap(({ name }, i) => [
            { ...line(name, i), spanGaps: true }, { stroke: 'transparent', spanGaps: true }, { stroke: 'transparent', spanGaps: true }])],
        bands: lines.map((_, i) => ({ series: [3 * i + 3, 3 * i + 2], fill: `${colour(COLOURS[i % COLOURS.length])}33` })),
        legend: { show: false }, cursor: { drag: { x: true, y: false, setScale: false } },
        hooks: { setSelect: [(u) => {
            if (u.select.width > 4) zoom.current(u.posToVal(u.select.left, 'x') * 1000, u.posToVal(u.select.left + u.select.width, 'x') * 1000);
        }] },
    });
    const data = [times, ...lines.flatMap((l) => [l.mean, l.low, l.high])];
    const box = usePlot(lines.map((l) => l.name).join('\n'), options, data);
    return <div class="chart" role="img" aria-label={label} ref={box} />;
}
