// A chart: a legend that tells the values under the cursor, a plot with keys and a sentence for screen readers, and a
// table of the same numbers.  The charts of a page share one group: axis, smoothing, zoom and cursor.  What is off the
// screen is not drawn until it comes near.
import {attribute, fill, h, refill, reveal, save, text} from './dom.js';
import * as format from './format.js';
import {columns, dash, drawMarks, HEIGHT, options, token} from './plot.js';
import {axis, current, join, last, smooth} from './series.js';
import {table} from './widgets.js';

const TABLE_ROWS = 200;
const DIGITS = {step: 0, epoch: 2, time: 0}; // of the ends of a zoom
const NEAR = '200px 0px'; // how far from the screen a chart is drawn

// view: {x: step, epoch or time; smooth: 0 to 1; log: whether y is; zoom: [from, to] in x, or null for everything}.
// zoomed() is told when the zoom has changed.
export class Group {
    constructor(view, zoomed) {
        this.view = {...view, stepsPerEpoch: 1};
        this.zoomed = zoomed;
        this.charts = [];
        this.watch = new IntersectionObserver((entries) => entries.forEach(({target, isIntersecting}) =>
            this.charts.find(({node}) => node === target).near(isIntersecting)), {rootMargin: NEAR});
    }

    set(change) {
        const was = this.view.zoom;
        Object.assign(this.view, change);
        if (change.zoom) {
            const [from, to] = change.zoom.map((at) => Number(at.toFixed(DIGITS[this.view.x])));
            this.view.zoom = [from, Math.max(to, from + 10 ** -DIGITS[this.view.x])];
        }
        this.paint();
        if (this.view.zoom !== was)
            this.zoomed();
    }

    // all: those off the screen too, for paper.
    paint(all = false) {
        this.charts.forEach((chart) => chart.paint(all));
    }

    // What is zoomed into, as the API takes it; null: everything.
    range() {
        const {x, zoom, stepsPerEpoch} = this.view;
        const scale = {step: 1, epoch: stepsPerEpoch, time: 1000}[x];
        return zoom && {x: x === 'time' ? x : 'step', from: Math.max(0, Math.floor(zoom[0] * scale)), to: Math.max(0, Math.ceil(zoom[1] * scale))};
    }

    point(from, x) {
        this.charts.forEach((chart) => chart !== from && chart.point(x));
    }

    leave() {
        this.watch.disconnect();
        this.charts.forEach((chart) => chart.leave());
    }
}

// spec: {title, note(), lines() → [{series, name, format, right, noise, floor, ceiling, reach, axis}], nothing}.
// right: on the axis at the right; noise: smoothed, with the band of the raw values behind; axis: how its ticks are
// written; nothing(): why there are no points yet, or '' for a chart that then is not shown.
export class Chart {
    constructor(uPlot, spec, curves, group) {
        Object.assign(this, {uPlot, spec, curves, group, u: null, lines: [], data: [[]], marks: [], values: [], built: '', told: false, isNear: false, painted: ''});
        const button = (word, act) => h('button', {type: 'button', 'aria-pressed': 'false', on: {click: act}}, word);
        this.legend = h('div', {class: 'legend'});
        this.plot = h('div', {class: 'plot', role: 'img', tabindex: 0, on: {keydown: (event) => this.key(event)}});
        this.behind = h('div', {class: 'behind', hidden: true});
        this.nothing = h('p', {class: 'empty'});
        this.note = h('small');
        this.wide = button('Wide', () => this.widen());
        this.wide.classList.add('desk');
        this.flip = button('Table', () => this.turn());
        this.csv = h('button', {type: 'button', title: 'Every point in view, as CSV', on: {click: () => this.download()}}, 'CSV');
        this.node = h('section', {class: 'chart', 'aria-label': spec.title},
            h('header', {}, h('h3', {}, spec.title), this.note, this.wide, this.flip, this.csv),
            this.legend, this.plot, this.nothing, this.behind);
        this.resized = new ResizeObserver(() => this.u && this.plot.clientWidth &&
            this.u.setSize({width: this.plot.clientWidth, height: HEIGHT}));
        this.resized.observe(this.plot);
        group.charts.push(this);
        group.watch.observe(this.node);
    }

    near(is) {
        const comes = is && !this.isNear;
        this.isNear = is;
        if (comes)
            this.paint();
    }

    paint(all = false) {
        const flipped = !this.behind.hidden;
        this.lines = this.spec.lines().filter(({series}) => this.curves.get(series).step.length);
        const there = this.lines.length > 0;
        reveal(this.node, there || this.spec.nothing());
        reveal(this.nothing, !there);
        reveal(this.plot, there && !flipped);
        reveal(this.legend, there);
        [this.flip, this.wide, this.csv].forEach((button) => reveal(button, there));
        text(this.note, this.spec.note());
        if (!there)
            return text(this.nothing, this.spec.nothing());
        attribute(this.plot, 'aria-label', this.sentence());
        if (!this.isNear && !all)
            return undefined;
        const state = JSON.stringify([this.curves.age(this.lines.map(({series}) => series)), this.group.view, flipped, document.documentElement.dataset.theme]);
        if (state === this.painted)
            return undefined;
        this.painted = state;
        attribute(this.note, 'title', this.meaning());
        this.collect();
        this.draw(flipped);
        this.writeLegend();
        return flipped && this.writeTable();
    }

    // The lines' columns on one x, and where attempts begin.
    collect() {
        const {x: by, smooth: weight, stepsPerEpoch} = this.group.view;
        const parts = this.lines.map((line) => {
            const curve = this.curves.shown(line.series);
            const kept = by === 'time' ? curve.step.map((_, i) => i) : current(curve);
            const pick = (column) => kept.map((i) => column[i]);
            const raw = pick(curve.value);
            return {
                x: pick(axis(curve, by, stepsPerEpoch)), attempt: pick(curve.attempt),
                columns: line.noise ? [smooth(raw, weight), pick(curve.min), pick(curve.max)] : [raw], raw,
            };
        });
        const {x, attempt} = parts[0];
        this.data = join(parts);
        this.raw = () => join(parts.map((part) => ({x: part.x, columns: [part.raw]})));
        this.marks = x.map((at, i) => [at, attempt[i]]).filter(([, one], i) => i && one !== attempt[i - 1])
            .map(([at, one]) => [at, `attempt ${one}`]);
    }

    // Makes the plot anew only when what uPlot cannot change has changed, so that an update never moves cursor or zoom.
    draw(hidden) {
        const few = this.data[0].length < 3;
        const {x, log} = this.group.view;
        const wanted = JSON.stringify([this.lines.map(({series}) => series), x, log, few, document.documentElement.dataset.theme]);
        if (hidden)
            return;
        if (wanted === this.built) {
            this.u.setData(this.data);
            return;
        }
        this.built = wanted;
        this.u?.destroy();
        this.values = this.lines.map(() => h('b'));
        fill(this.legend, this.lines.map((line, i) => h('span', {},
            h('i', {class: `key dash${dash(i)}`, css: {color: `var(--${token(i)})`}}), h('span', {class: 'label', title: format.visible(line.name)}, format.visible(line.name)), ' ', this.values[i])));
        const hooks = {setCursor: [() => this.moved()], setSelect: [() => this.selected()], draw: [(u) => drawMarks(u, this.marks)]};
        this.u = new this.uPlot(options(this.lines, few, this.group.view, this.plot.clientWidth, hooks), this.data, this.plot);
        this.u.over.addEventListener('dblclick', () => this.group.set({zoom: null}));
    }

    column(line) {
        const before = this.lines.slice(0, this.lines.indexOf(line));
        return this.data[1 + before.reduce((sum, one) => sum + columns(one), 0)];
    }

    writeLegend() {
        const index = this.u?.cursor.idx ?? null;
        const [, end] = this.ends();
        this.lines.forEach((line, i) => {
            const column = this.column(line);
            text(this.values[i], line.format(index === null ? last(column.slice(0, end + 1)) : column[index]));
        });
    }

    sentence() {
        const newest = this.lines.map((line) => `${format.visible(line.name)} ${line.format(last(this.curves.get(line.series).value))}`);
        return `${this.spec.title}, newest: ${newest.join(', ')}. Table available.`;
    }

    // For the tooltip: what each line is.
    meaning() {
        const words = this.lines.map((line) => `${format.visible(line.name)}: ${format.visible(this.curves.definition(line.series))}`);
        const smoothed = this.group.view.smooth > 0 && this.lines.some(({noise}) => noise);
        return [...words, smoothed && 'Lines and legend are smoothed; band, table and CSV are not.'].filter(Boolean).join('\n');
    }

    writeTable() {
        const {x: by} = this.group.view;
        const [least, most] = this.ends();
        const at = {time: (x) => format.fullTime(x * 1000), epoch: (x) => x.toFixed(2), step: format.count}[by];
        const [xs, ...columns] = this.raw();
        const rows = xs.slice(least, most + 1).map((x, i) => [at(x), ...this.lines.map((line, n) => line.format(columns[n][least + i]))]);
        refill(this.behind, table(`${this.spec.title}, newest first`,
            [[by, 'number'], ...this.lines.map((line) => [format.visible(line.name), 'number'])], rows.slice(-TABLE_ROWS).reverse()));
    }

    // The first and the last of the points that the zoom leaves.
    ends() {
        const [xs] = this.data;
        const {zoom} = this.group.view;
        return zoom ? [xs.findIndex((x) => x >= zoom[0]), xs.findLastIndex((x) => x <= zoom[1])] : [0, xs.length - 1];
    }

    async download() {
        try {
            const rows = await this.curves.csv(this.lines.map(({series}) => series), this.group.range());
            save(rows, `${this.spec.title.toLowerCase().replaceAll(' ', '-')}.csv`, 'text/csv');
        } catch (problem) {
            text(this.note, problem.message);
        }
    }

    turn() {
        reveal(this.behind, this.behind.hidden);
        attribute(this.flip, 'aria-pressed', String(!this.behind.hidden));
        this.paint();
    }

    widen() {
        attribute(this.wide, 'aria-pressed', String(this.node.classList.toggle('wide')));
    }

    key(event) {
        const acts = {f: () => this.widen(), 0: () => this.group.set({zoom: null}), '+': () => this.zoom(0.5), '-': () => this.zoom(2)};
        const step = {ArrowLeft: -1, ArrowRight: 1}[event.key] ?? 0;
        const [least, most] = this.ends();
        const end = {Home: least, End: most}[event.key];
        if (!this.u)
            return undefined;
        if (acts[event.key])
            return acts[event.key]();
        if (!step && end === undefined)
            return undefined;
        const from = this.u.cursor.idx ?? (step > 0 ? least - 1 : most + 1);
        const to = end ?? Math.min(most, Math.max(least, from + step * (event.shiftKey ? 10 : 1)));
        this.u.setCursor({left: this.u.valToPos(this.data[0][to], 'x'), top: 10});
        return event.preventDefault();
    }

    // Around the cursor, or else the middle; no further out than everything.
    zoom(factor) {
        const {x: by, zoom, stepsPerEpoch} = this.group.view;
        const xs = this.lines.flatMap((line) => axis(this.curves.get(line.series), by, stepsPerEpoch));
        const [first, last] = [Math.min(...xs), Math.max(...xs)];
        const [from, to] = zoom ?? [first, last];
        const at = this.data[0][this.u.cursor.idx] ?? (from + to) / 2;
        const wide = [Math.max(first, at - (at - from) * factor), Math.min(last, at + (to - at) * factor)];
        this.group.set({zoom: wide[0] <= first && wide[1] >= last ? null : wide});
    }

    moved() {
        const {left} = this.u.cursor;
        this.writeLegend();
        if (!this.told)
            this.group.point(this, left < 0 ? null : this.u.posToVal(left, 'x'));
    }

    // The cursor of another chart moved to x.
    point(x) {
        if (!this.u)
            return;
        this.told = true;
        this.u.setCursor({left: x === null ? -10 : this.u.valToPos(x, 'x'), top: 10});
        this.told = false;
    }

    selected() {
        const {left, width} = this.u.select;
        if (width > 4)
            this.group.set({zoom: [this.u.posToVal(left, 'x'), this.u.posToVal(left + width, 'x')]});
        this.u.setSelect({left: 0, width: 0, top: 0, height: 0}, false);
    }

    leave() {
        this.resized.disconnect();
        this.u?.destroy();
    }
}
