/* chart.jsx - lines over time, by uPlot, in colours of the theme. What it shows is shown as a table, too. */
import { useEffect, useRef } from 'preact/hooks';
import { scheme, theme } from './theme.js';

const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4'];

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function load() {
    return Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]).then(([{ default: UPlot }]) => UPlot);
}

function make(UPlot, box, names) {
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--edge'), width: 1 }, ticks: { stroke: colour('--edge') } };
    return new UPlot({
        width: box.clientWidth, height: 220,
        series: [{}, ...names.map((label, i) => ({
            label, stroke: colour(COLOURS[i % COLOURS.length]), width: 2, points: { show: false },
            dash: i ? [4 * i, 3] : undefined,
        }))],
        axes: [axis, { ...axis, size: 56 }],
        scales: { y: { range: (u, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1)] } },
        legend: { live: false }, cursor: { drag: { x: false, y: false } },
    }, [[], ...names.map(() => [])], box);
}

export function Chart({ label, times, series }) {
    const box = useRef(), plot = useRef(null), data = useRef();
    const names = series.map((s) => s.name);
    data.current = [times, ...series.map((s) => s.values)];
    useEffect(() => {
        let gone = false;
        const place = box.current;
        load().then((UPlot) => {
            if (gone) return;
            plot.current = make(UPlot, place, names);
            plot.current.setData(data.current);
        });
        const fit = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: 220 }));
        fit.observe(place);
        return () => {
            gone = true;
            fit.disconnect();
            plot.current?.destroy();
            plot.current = null;
        };
    }, [names.join('\n'), theme.value, scheme.value]);
    useEffect(() => { plot.current?.setData(data.current); });
    return <div class="chart" role="img" aria-label={label} ref={box} />;
}
