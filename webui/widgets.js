// The small components that views are put together from.  Each returns a node, or {node, update(value)}.
import {attribute, fill, h, s, reveal, text} from './dom.js';
import * as format from './format.js';
import {now} from './api.js';

// State is shape, word and colour, in this order: [word, tone, path of a 10 × 10 shape].
const SHAPES = {
    play: 'M2 1v8l7-4z',
    wait: 'M2 1h2v8H2zM6 1h2v8H6z',
    square: 'M1.5 1.5h7v7h-7z',
    tick: 'M1 5.2 2.4 3.8 4 5.4 7.8 1.6 9.2 3 4 8.2z',
    cross: 'M2.4 1 5 3.6 7.6 1 9 2.4 6.4 5 9 7.6 7.6 9 5 6.4 2.4 9 1 7.6 3.6 5 1 2.4z',
    ring: 'M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
};
const STATES = {
    queued: ['Waiting', 'warn', 'wait'],
    starting: ['Starting', 'run', 'ring'],
    running: ['Running', 'run', 'play'],
    stopping: ['Stopping', 'warn', 'square'],
    done: ['Done', 'ok', 'tick'],
    failed: ['Failed', 'bad', 'cross'],
    cancelled: ['Cancelled', 'off', 'square'],
    busy: ['Busy', 'run', 'play'],
    free: ['Free', 'ok', 'ring'],
    outside: ['In use', 'warn', 'square'],
};
export const FAVICONS = {queued: 'wait', starting: 'run', running: 'run', stopping: 'wait', done: 'ok', failed: 'bad', cancelled: 'ok'};

export const isFinal = (job) => ['done', 'failed', 'cancelled'].includes(job.state);
export const stateWord = (state) => (STATES[state] ?? [state])[0];
export const jobName = (job) => format.visible(job.name || 'unnamed');
export const jobPath = (id) => `/jobs/${id}`;

export function shape(name) {
    return s('svg', {viewBox: '0 0 10 10', class: 'shape', 'aria-hidden': 'true'}, s('path', {d: SHAPES[name]}));
}

export function pill() {
    const node = h('span', {class: 'pill'});
    let was = null;
    return {node, update(state, title) {
        attribute(node, 'title', title);
        if (state === was)
            return;
        const [word, tone, form] = STATES[was = state] ?? [state, 'off', 'square'];
        attribute(node, 'class', `pill ${tone}`);
        fill(node, shape(form), word);
    }};
}

// A bar for a ratio of 0 to 1, or null.  label names it for screen readers.
export function meter(label, tone = 'run') {
    const bar = h('span', {class: 'bar'});
    const node = h('span', {class: `meter ${tone}`, role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100}, bar);
    return {node, update(ratio) {
        const value = Math.round(100 * Math.min(1, Math.max(0, ratio ?? 0)) * 10) / 10;
        attribute(node, 'aria-valuenow', Math.round(value));
        bar.style.width = `${value}%`;
    }};
}

const SPARK = {width: 66, height: 20};

export function sparkline() {
    const path = s('path', {class: 'line', fill: 'none'});
    const dot = s('circle', {r: 1.8, class: 'dot'});
    const node = s('svg', {viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, class: 'spark', 'aria-hidden': 'true'}, path, dot);
    return {node, update(values) {
        const points = values.filter((v) => v !== null);
        reveal(node, points.length > 1);
        if (points.length < 2)
            return;
        const low = Math.min(...points);
        const high = Math.max(...points);
        const at = (v, i) => [2 + (SPARK.width - 5) * i / (points.length - 1),
            2 + (SPARK.height - 4) * (high === low ? 0.5 : 1 - (v - low) / (high - low))];
        path.setAttribute('d', `M${points.map((v, i) => at(v, i).map((n) => n.toFixed(1)).join(' ')).join('L')}`);
        const [x, y] = at(points.at(-1), points.length - 1);
        dot.setAttribute('cx', x);
        dot.setAttribute('cy', y);
    }};
}

// A time with its full date in the tooltip.
export function clock() {
    const node = h('time');
    return {node, update(when) {
        text(node, format.time(when, now()));
        attribute(node, 'datetime', when === null ? null : new Date(when).toISOString());
        attribute(node, 'title', format.fullTime(when));
    }};
}

// A figure with its name and what it means: update(value, note).
export function tile(name) {
    const value = h('strong');
    const note = h('small');
    return {node: h('div', {class: 'tile'}, h('dt', {}, name), h('dd', {}, value, ' ', note)), update(figure, meaning) {
        text(value, figure);
        text(note, meaning ?? '');
    }};
}

export const panel = (title, ...children) => h('section', {class: 'panel'}, h('h2', {}, title), children);
export const empty = (...children) => h('p', {class: 'empty'}, children);
export const code = (...children) => h('pre', {class: 'code', tabindex: 0}, h('code', {}, children));

// A table in a box of its own that scrolls sideways.  columns: [heading, class]; rows: lists of cells.
export function table(caption, columns, rows) {
    return h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
        h('table', {}, h('caption', {class: 'unseen'}, caption),
            h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))),
            h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, i) =>
                h(i ? 'td' : 'th', {class: columns[i][1], scope: i ? null : 'row'}, cell)))))));
}

// One that scrolls by itself, under its headings.
export function tallTable(...words) {
    const node = table(...words);
    attribute(node, 'class', 'scroll tall');
    return node;
}

// A button that asks once more in place: question names what is kept.  act() returns a promise.
export function confirmed(label, question, yes, act) {
    const error = h('span', {class: 'bad', role: 'alert'});
    const start = h('button', {class: 'danger', type: 'button', on: {click: () => ask(true)}}, label);
    const go = h('button', {class: 'danger solid', type: 'button', on: {click: confirm}}, yes);
    const keep = h('button', {type: 'button', on: {click: () => ask(false)}}, 'Keep it');
    const prompt = h('span', {class: 'confirm', role: 'group', 'aria-label': question, hidden: true}, question, go, keep);
    const node = h('div', {class: 'actions', on: {keydown: (event) => event.key === 'Escape' && ask(false)}}, error, start, prompt);

    function ask(asked) {
        reveal(start, !asked);
        reveal(prompt, asked);
        (asked ? keep : start).focus();
        text(error, '');
    }

    async function confirm() {
        go.disabled = true;
        try {
            await act();
            ask(false);
        } catch (problem) {
            ask(false);
            text(error, problem.message);
        }
        go.disabled = false;
    }
    return node;
}
