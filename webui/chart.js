// A chart: a legend that tells the values under the cursor, a plot with keys and a sentence for screen readers, and a
// table of the same numbers.  The charts of a page share one group: axis, smoothing, zoom and cursor.
import {attribute, fill, h, reveal, text} from './dom.js';
import * as format from './format.js';
import {columns, dash, drawMarks, HEIGHT, options, token} from './plot.js';
import {axis, current, join, last, smooth} from './series.js';
import {table} from './widgets.js';

const TABLE_ROWS = 200;

// view: {x: step, epoch or time; smooth: 0 to 1; log: whether y is}; besides zoom: [from, to] in x, or null for everything.
export class Group {
    constructor(view) {
        this.view = {...view, zoom: null, stepsPerEpoch: 1};
        this.charts = [];
    }

    set(change) {
        Object.assign(this.view, change);
        this.paint();
    }

    paint() {
        this.charts.forEach((chart) => chart.paint());
    }

    point(from, x) {
        this.charts.forEach((chart) => chart !== from && chart.point(x));
    }

    leave() {
        this.charts.forEach((chart) => chart.leave());
    }
}

// spec: {title, note, lines() → [{series, name, format, right, noise, floor, ceiling, reach, axis}], nothing}.
// right: on the axis at the right; noise: smoothed, with the band of the raw values behind; axis: how its ticks are
// written; nothing(): why there are no points yet, or nothing for a chart that then is not shown.
export class Chart {
    constructor(uPlot, spec, curves, group) {
        Object.assign(this, {uPlot, spec, curves, group, u: null, lines: [], data: [[]], marks: [], values: [], built: '', told: false});
        const button = (word, act) => h('button', {type: 'button', 'aria-pressed': 'false', on: {click: act}}, word);
        this.legend = h('div', {class: 'legend'});
        this.plot = h('div', {class: 'plot', role: 'img', tabindex: 0, on: {keydown: (event) => this.key(event)}});
        this.behind = h('div', {class: 'behind', hidden: true});
        this.nothing = h('p', {class: 'empty'});
        this.wide = button('Wide', () => this.widen());
        this.flip = button('Table', () => this.turn());
        this.node = h('section', {class: 'chart', 'aria-label': spec.title},
            h('header', {}, h('h3', {}, spec.title), h('small', {}, spec.note), this.wide, this.flip),
            this.legend, this.plot, this.nothing, this.behind);
        this.resized = new ResizeObserver(() => this.u && this.plot.clientWidth &&
            this.u.setSize({width: this.plot.clientWidth, height: HEIGHT}));
        this.resized.observe(this.plot);
        group.charts.push(this);
    }

    paint() {
        const flipped = !this.behind.hidden;
        this.lines = this.spec.lines().filter(({series}) => this.curves.get(series).step.length);
        const there = this.lines.length > 0;
        reveal(this.node, there || this.spec.nothing);
        reveal(this.nothing, !there);
        reveal(this.plot, there && !flipped);
        reveal(this.legend, there);
        [this.flip, this.wide].forEach((button) => reveal(button, there));
        if (!there)
            return text(this.nothing, this.spec.nothing?.() ?? '');
        this.collect();
        this.draw(flipped);
        this.writeLegend();
        attribute(this.plot, 'aria-label', this.sentence());
        return flipped && this.writeTable();
    }

    // The lines' columns on one x, and where attempts begin.
    collect() {
        const {x: by, smooth: weight, stepsPerEpoch} = this.group.view;
        const parts = this.lines.map((line) => {
            const curve = this.curves.get(line.series);
            const kept = by === 'time' ? curve.step.map((_, i) => i) : current(curve);
            const pick = (column) => kept.map((i) => column[i]);
            const raw = pick(curve.value);
            return {
                x: pick(axis(curve, by, stepsPerEpoch)), attempt: pick(curve.attempt),
                columns: line.noise ? [smooth(raw, weight), pick(curve.min), pick(curve.max)] : [raw],
            };
        });
        const {x, attempt} = parts[0];
        this.data = join(parts);
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
            h('i', {class: `key dash${dash(i)}`, css: {color: `var(--${token(i)})`}}), `${format.visible(line.name)} `, this.values[i])));
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
        this.lines.forEach((line, i) => {
            const column = this.column(line);
            text(this.values[i], line.format(index === null ? last(column) : column[index]));
        });
    }

    sentence() {
        const newest = this.lines.map((line) => `${line.name} ${line.format(last(this.column(line)))}`);
        return `${this.spec.title}, newest: ${newest.join(', ')}. Table available.`;
    }

    writeTable() {
        const {x: by} = this.group.view;
        const at = {time: (x) => format.fullTime(x * 1000), epoch: (x) => x.toFixed(2), step: format.count}[by];
        const rows = this.data[0].map((x, i) => [at(x), ...this.lines.map((line) => line.format(this.column(line)[i]))]);
        fill(this.behind, table(`${this.spec.title}, newest first`,
            [[by, 'number'], ...this.lines.map((line) => [format.visible(line.name), 'number'])], rows.slice(-TABLE_ROWS).reverse()));
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
        const step = {ArrowLeft: -1, ArrowRight: 1}[event.key] ?? 0;
        const most = this.data[0].length - 1;
        const ends = {Home: 0, End: most}[event.key];
        if (event.key === 'f')
            return this.widen();
        if (event.key === '0')
            return this.group.set({zoom: null});
        if (!step && ends === undefined)
            return undefined;
        const from = this.u.cursor.idx ?? (step > 0 ? -1 : most + 1);
        const to = ends ?? Math.min(most, Math.max(0, from + step * (event.shiftKey ? 10 : 1)));
        this.u.setCursor({left: this.u.valToPos(this.data[0][to], 'x'), top: 10});
        return event.preventDefault();
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
