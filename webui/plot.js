// What uPlot is told: loading it, our colours, scales and axes.  chart.js is the component around it.
import {Problem} from './api.js';
import {h} from './dom.js';
import * as format from './format.js';

export const HEIGHT = 168;
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const FONT = '11px system-ui, sans-serif';

let library = null;
// Loads uPlot once, when the first chart is wanted.
export function load() {
    const at = (file) => new URL(`./uplot/${file}`, import.meta.url).href;
    library ??= new Promise((resolve, reject) => {
        document.head.append(h('link', {rel: 'stylesheet', href: at('uPlot.css')}),
            h('script', {src: at('uPlot.js'), on: {load: () => resolve(window.uPlot), error: () => reject(new Problem(0, {detail: 'The charts could not be loaded.'}))}}));
    }).catch((problem) => {
        library = null; // the next try asks again
        throw problem;
    });
    return library;
}

// The colour of a token as a canvas wants it.
export function colour(token) {
    const probe = document.body.appendChild(h('span', {css: {color: `var(--${token})`}}));
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
}

const fade = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
export const token = (i) => `c${i % 8 + 1}`;
export const dash = (i) => i % DASHES.length;

// How many columns of data a line takes: a noisy one also has the band of its raw values, min and max.
export const columns = (line) => (line.noise ? 3 : 1);

// A linear axis starts at 0 unless the values are far from it; floor and ceiling are where the quantity itself ends, and
// reach is how far the axis goes at least.
export function range(line, low, high) {
    if (low === null)
        return [0, 1];
    const least = line?.floor ?? (low > 0 && low < 0.8 * high ? 0 : low);
    const most = line?.ceiling && high > 0.5 * line.ceiling ? line.ceiling : Math.max(high, line?.reach ?? high);
    const room = (most - least || Math.abs(most) || 1) * 0.05;
    return [least === 0 ? 0 : least - room, most === line?.ceiling ? most : most + room];
}

function series(lines, few) {
    const all = [{}];
    const bands = [];
    lines.forEach((line, i) => {
        const stroke = colour(token(i));
        const common = {scale: line.right ? 'right' : 'y', spanGaps: true};
        all.push({...common, stroke, width: 1.6, dash: DASHES[dash(i)], points: {show: few, size: 5, fill: stroke}});
        if (line.noise) {
            const edge = {...common, stroke: fade(stroke, 0.3), width: 1, points: {show: false}};
            bands.push({series: [all.length + 1, all.length], fill: fade(stroke, 0.16)});
            all.push(edge, edge);
        }
    });
    return {series: all, bands};
}

const clockTicks = (_, splits) => splits.map((v) => format.time(v * 1000, v * 1000));
const numberTicks = (line) => (_, splits) => splits.map((v) => (v === null ? '' : (line.axis ?? format.short)(v)));

function axes(left, right, by) {
    const base = {stroke: colour('muted'), font: FONT, ticks: {show: false}, gap: 4};
    const grid = {stroke: colour('line'), width: 1};
    const x = {...base, grid: {show: false}, size: 22, gap: 7, space: 60, values: by === 'time' ? clockTicks : numberTicks({})};
    const y = (line, more) => ({...base, size: 46, space: 30, values: numberTicks(line), ...more});
    return [x, y(left ?? {}, {grid}), ...(right ? [y(right, {grid: {show: false}, side: 1, scale: 'right'})] : [])];
}

// lines: those with points; few: so few points that each gets a dot; view: of the group; hooks: uPlot's.
export function options(lines, few, view, width, hooks) {
    const left = lines.find((line) => !line.right);
    const right = lines.find((line) => line.right);
    const x = (_, low, high) => view.zoom ?? [low, high === low ? low + 1 : high];
    const y = (line) => ({range: (_, low, high) => range(line, low, high)});
    return {
        width, height: HEIGHT, ...series(lines, few), axes: axes(left, right, view.x), hooks,
        legend: {show: false}, padding: [8, right ? 4 : 16, 0, 0],
        cursor: {y: false, points: {size: 6}, drag: {x: true, y: false, setScale: false}},
        scales: {x: {time: view.x === 'time', range: x}, y: view.log ? {distr: 3} : y(left), right: y(right)},
    };
}

// A dashed line with a word at each of marks: [x, word].
export function drawMarks(u, marks) {
    const {ctx, bbox} = u;
    if (!marks.length)
        return; // most jobs have one attempt, and asking for a colour costs a layout
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour('muted');
    ctx.setLineDash([4, 4]);
    ctx.textAlign = 'left';
    for (const [x, word] of marks) {
        const at = Math.round(u.valToPos(x, 'x', true));
        if (at < bbox.left || at > bbox.left + bbox.width)
            continue;
        ctx.beginPath();
        ctx.moveTo(at, bbox.top);
        ctx.lineTo(at, bbox.top + bbox.height);
        ctx.stroke();
        ctx.fillText(word, at + 5, bbox.top + 12);
    }
    ctx.restore();
}
