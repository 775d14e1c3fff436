// The bar above the charts: the page's sections, and how the charts are looked at, which is in the address, too.
import {address} from './api.js';
import {attribute, h, reveal, text} from './dom.js';
import * as format from './format.js';

const AXES = ['step', 'epoch', 'time'];
const SMOOTH = 0.6;
const MOST_SMOOTH = 0.99;

// How the charts are looked at is in the address, to be shared: ?x=epoch&from=3&to=8&smooth=0.9&log=1.
export function fromAddress() {
    const query = new URLSearchParams(location.search);
    const smooth = Number(query.get('smooth') ?? SMOOTH);
    const zoom = ['from', 'to'].map((key) => Number(query.get(key) ?? NaN));
    return {x: AXES.includes(query.get('x')) ? query.get('x') : AXES[0], smooth: smooth >= 0 && smooth <= MOST_SMOOTH ? smooth : SMOOTH, log: query.get('log') === '1',
        zoom: zoom[0] >= 0 && zoom[1] > zoom[0] && zoom[1] < Infinity ? zoom : null};
}

export function intoAddress({x, smooth, log, zoom}) {
    const ends = zoom ? [['from', zoom[0]], ['to', zoom[1]]] : [];
    const pairs = [x !== AXES[0] && ['x', x], ...ends, smooth !== SMOOTH && ['smooth', smooth], log && ['log', 1]].filter(Boolean);
    history.replaceState(null, '', address(location.pathname, Object.fromEntries(pairs)) + location.hash);
}

const rangeWords = ({x, zoom}) => zoom.map({time: (t) => format.time(t * 1000, t * 1000), epoch: (n) => n.toFixed(2), step: format.count}[x]).join(' – ');

// update(whether there are charts) after a change of the group's view; watch(sections) marks the one that is read.
export function toolbar(group, order) {
    const {view} = group;
    const set = (change) => {
        group.set(change);
        intoAddress(view);
        update();
    };
    const choose = h('select', {on: {change: () => set({x: choose.value, zoom: null})}}, AXES.map((one) => h('option', {selected: one === view.x}, one)));
    const smooth = h('input', {type: 'range', min: 0, max: MOST_SMOOTH, step: 0.01, value: view.smooth, on: {input: () => set({smooth: Number(smooth.value)})}});
    const weight = h('span', {class: 'weight'});
    const log = h('input', {type: 'checkbox', checked: view.log, on: {change: () => set({log: log.checked})}});
    const whole = h('button', {type: 'button', title: 'Show everything (0)', on: {click: () => set({zoom: null})}});
    const anchor = (id, name) => h('a', {href: `#${id}`}, name);
    const charts = anchor('charts', 'Charts');
    const anchors = [charts, ...order.slice(1).map((part) => anchor(part.id, part.name))];
    const controls = h('div', {class: 'controls'}, whole, h('label', {}, 'X axis ', choose), h('label', {}, 'Smoothing ', smooth, weight), h('label', {}, log, ' Log y'));
    const node = h('div', {class: 'toolbar'}, h('nav', {'aria-label': 'Sections'}, anchors), controls);
    const seen = new Set();
    const eye = new IntersectionObserver(mark, {rootMargin: '-110px 0px -40% 0px'});
    update();

    function update(hasCharts = true) {
        [charts, controls].forEach((part) => reveal(part, hasCharts));
        reveal(whole, Boolean(view.zoom));
        text(whole, view.zoom ? `${rangeWords(view)} ✕` : '');
        text(weight, view.smooth.toFixed(2));
    }

    // Where the reader is: at the section that was asked for while it is in the upper half, else at the first one there.
    function mark(entries) {
        entries.forEach(({target, isIntersecting}) => (isIntersecting ? seen.add(target.id) : seen.delete(target.id)));
        const there = anchors.filter((a) => seen.has(a.hash.slice(1)));
        const here = there.find((a) => a.hash === location.hash) ?? there[0];
        if (here)
            anchors.forEach((a) => attribute(a, 'aria-current', a === here && 'location'));
    }
    return {node, update, watch: (sections) => sections.forEach((section) => eye.observe(section)), leave: () => eye.disconnect()};
}
