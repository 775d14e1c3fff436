// The parts of the job page below its charts.  Each returns {node, id, name, update(…)}; nothing here asks for data.
import {fill, h, holdsSelection, refill, reveal, text} from './dom.js';
import * as format from './format.js';
import {clock, code, empty, sparkline, stateWord, table as plainTable, tallTable} from './widgets.js';
import {last} from './series.js';

export const AP = 'val/AP/';
const MAP = 'val/mAP_50_95';
const MANY = 12; // rows of a table that then scrolls by itself
const ANCHOR = 400; // characters at the end of what is shown of a log, by which it is found in a newer one

function section(id, title, ...children) {
    const note = h('small');
    const node = h('section', {id, class: 'panel', 'aria-labelledby': `${id}-title`},
        h('header', {}, h('h2', {id: `${id}-title`}, title), note), children);
    return {node, note, id, name: title};
}

// AP of each class, as the newest evaluation has it, with its best and its curve.
export function classes() {
    const body = h('div');
    const part = section('classes', 'Classes', body);
    let shown = null;
    return {...part, update(curves, ended) {
        const names = [...curves.names].filter((name) => name.startsWith(AP));
        const rows = names.map((name) => ({name: name.slice(AP.length), curve: curves.get(name)})).filter(({curve}) => curve.step.length)
            .sort((a, b) => (last(b.curve.value) ?? -1) - (last(a.curve.value) ?? -1));
        const key = [ended, ...rows.map(({name, curve}) => `${name} ${curve.step.at(-1)}`)].join('\n');
        if (key === shown)
            return;
        shown = key;
        text(part.note, rows.length ? `AP 50:95, epoch ${rows[0].curve.epoch.at(-1)}${weights(curves)}` : '');
        const table = rows.length > MANY ? tallTable : plainTable;
        if (rows.length)
            refill(body, table('AP of each class', [['Class', 'named'], ['AP 50:95', 'number'], ['Best', 'number'], ['Trend', 'number']],
                rows.map(({name, curve}) => [format.visible(name), format.score(last(curve.value)), format.score(best(curve.value)), trend(curve.value)])));
        else
            fill(body, empty(ended ? 'It ended before the first evaluation.' : 'The first evaluation brings the AP of each class.'));
    }};
}

const best = (values) => values.reduce((most, v) => (v !== null && !(most > v) ? v : most), null);

// What an evaluation was made with, as the series' own definition says it.
export function weights(curves) {
    const definition = curves.definition(MAP);
    return definition ? ` · ${format.visible(definition)}` : '';
}

function trend(values) {
    const line = sparkline();
    line.update(values.slice(-60));
    return line.node;
}

// The worker's output.  It follows the end until the reader scrolls up or selects, and then offers what is new; at the top
// older() brings more lines.
export function log(path, older) {
    const lines = h('pre', {class: 'log', role: 'log', tabindex: 0, 'aria-live': 'off', 'aria-label': 'Log', on: {scroll: scrolled}});
    const fresh = h('button', {type: 'button', class: 'fresh', hidden: true, on: {click: follow}});
    const part = section('log', 'Log', h('div', {class: 'logbox'}, lines, fresh));
    part.node.firstChild.append(h('a', {href: path, class: 'aside', target: '_blank', rel: 'noopener'}, 'Whole log'));
    let shown = '';
    let newest = '';
    let following = true;
    let asking = false;

    async function scrolled() {
        following = lines.scrollTop + lines.clientHeight > lines.scrollHeight - 8;
        if (following && shown !== newest)
            follow();
        if (lines.scrollTop > 0 || following || asking)
            return;
        asking = true;
        await older().catch(() => {}); // the reader scrolls again
        asking = false;
    }

    function follow() {
        shown = newest;
        text(lines, shown);
        lines.scrollTop = lines.scrollHeight;
        following = true;
        reveal(fresh, false);
    }

    // What the reader looks at stays under the eye: older lines go above it.
    function putAbove(words) {
        const {scrollHeight, scrollTop} = lines;
        lines.prepend(words);
        lines.normalize();
        lines.scrollTop = scrollTop + lines.scrollHeight - scrollHeight;
        shown = words + shown;
    }
    return {...part, update(words) {
        newest = format.visible(words ?? '').trimEnd() || 'Nothing yet: the worker has not started.';
        if (newest === shown)
            return;
        if (!shown || (following && !holdsSelection(lines))) {
            follow();
            return;
        }
        const end = newest.lastIndexOf(shown.slice(-ANCHOR)) + Math.min(shown.length, ANCHOR);
        const known = newest.slice(0, end);
        if (known.length > shown.length && known.endsWith(shown))
            putAbove(known.slice(0, -shown.length));
        const more = newest.slice(end).split('\n').length - 1;
        text(fresh, format.plural(more, 'new line'));
        reveal(fresh, more > 0);
    }};
}

// The effective spec, one line a JSON pointer; what differs from the default that the schema names stands out.
export function config() {
    const body = h('div');
    const part = section('config', 'Config', body);
    return {...part, update(spec, schema) {
        if (body.firstChild || !spec)
            return;
        const standard = defaults(schema);
        const rows = flatten(spec).map(([pointer, value]) => [pointer, JSON.stringify(value), (standard.get(pointer) ?? null) !== null && JSON.stringify(standard.get(pointer)) !== JSON.stringify(value)]);
        const set = rows.filter(([, , differs]) => differs).length;
        text(part.note, `the effective spec: every key; ${format.plural(set, 'value')} of ${format.count(rows.length)} ${set === 1 ? 'is' : 'are'} not the default`);
        fill(body, h('dl', {class: 'pairs'}, rows.map(([pointer, value, differs]) =>
            h('div', {class: differs && 'set', title: differs && `default: ${format.visible(JSON.stringify(standard.get(pointer)))}`},
                h('dt', {}, format.visible(pointer)), h('dd', {}, format.visible(value), differs && h('span', {class: 'unseen'}, ', not the default'))))));
    }};
}

// The defaults of a JSON Schema, by JSON pointer; keys without one, or with null, are computed or required.
export function defaults(schema, pointer = '', found = new Map()) {
    if (schema && 'default' in schema)
        found.set(pointer, schema.default);
    Object.entries(schema?.properties ?? {}).forEach(([key, one]) => defaults(one, `${pointer}/${key}`, found));
    return found;
}

export function flatten(value, pointer = '') {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.keys(value).length)
        return [[pointer, value]];
    return Object.entries(value).flatMap(([key, one]) => flatten(one, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

export function warnings() {
    const body = h('ul', {class: 'plain'});
    const part = section('warnings', 'Warnings', body);
    return {...part, update(warnings) {
        reveal(part.node, warnings.length > 0);
        if (body.children.length === warnings.length)
            return;
        fill(body, warnings.map(({detail, pointer, file, count}) => h('li', {}, format.sentence(detail ?? ''),
            h('small', {}, [count && `${format.count(count)} times`, file && format.visible(file), pointer && format.visible(pointer)].filter(Boolean).join(' · ')))));
    }};
}

// What happened when, newest first, as the job and its checkpoints tell it.
export function events() {
    const body = h('div');
    const part = section('events', 'Events', body);
    let shown = '';
    return {...part, update(job, checkpoints) {
        const all = [[job.made, 'Submitted.'], [job.started, `Started on ${deviceName(job.device)}.`],
            ...checkpoints.map((one) => [one.made, `Checkpoint ${format.visible(one.name)} at step ${format.count(one.step)}.`]),
            [job.ended, `${stateWord(job.state)}${job.cause ? ` (${job.cause})` : ''}.`]].filter(([when]) => when);
        const key = JSON.stringify(all);
        if (key === shown)
            return;
        shown = key;
        const at = (when) => {
            const node = clock();
            node.update(when);
            return node.node;
        };
        fill(body, h('ol', {class: 'plain events'}, all.toSorted(([a], [b]) => b.localeCompare(a)).map(([when, words]) => h('li', {}, at(when), h('span', {}, words)))));
    }};
}

const deviceName = (device) => format.visible(device?.name ?? device?.type ?? 'its device');
const KINDS = {best: 'weights and EMA, best evaluation', last: 'weights, EMA and optimiser, newest evaluation'};

// Checkpoints, with the line that fetches one.
export function files(id) {
    const body = h('div');
    const part = section('files', 'Files', body);
    let shown = '';
    return {...part, update(checkpoints, {folder, disk_bytes: size}, ended) {
        const key = JSON.stringify([checkpoints, ended]);
        text(part.note, [folder && format.visible(folder), size && `${format.bytes(size)} on disk`].filter(Boolean).join(' · '));
        if (key === shown)
            return;
        shown = key;
        const path = (one) => `/v1/jobs/${id}/checkpoints/${encodeURIComponent(one.name)}`;
        const made = (one) => {
            const when = clock();
            when.update(one.made ?? null);
            return when.node;
        };
        if (!checkpoints.length) {
            fill(body, empty(ended ? 'It ended before the first checkpoint.' : 'The first checkpoint is written with the first evaluation.'));
            return;
        }
        fill(body, plainTable('Checkpoints', [['Checkpoint', ''], ['What it is', ''], ['Epoch', 'number'], ['Step', 'number'], ['mAP 50:95', 'number'], ['Size', 'number'], ['Made', 'number'], ['SHA-256', 'digest']],
            checkpoints.map((one) => [h('a', {href: path(one), download: true}, format.visible(one.name)), KINDS[one.kind] ?? '', format.count(one.epoch), format.count(one.step),
                format.score(one.metrics?.[MAP]), format.bytes(one.bytes), made(one), h('code', {}, one.sha256)])),
        code(checkpoints.map((one) => `curl -O ${location.origin}${path(one)}\n`).join('')));
    }};
}

// What this page shows and does, from a shell.
export function curl(id) {
    const job = `${location.origin}/v1/jobs/${id}`;
    const lines = [['the job', job], ['its newest figures', `${job}/metrics`], ['its log', `'${job}/log?tail=200'`], ['its precision traces', `${job}/amp`], ['stop it', `-X POST ${job}/cancel`]];
    const width = Math.max(...lines.map(([, words]) => words.length));
    return {...section('curl', 'With curl', code(lines.map(([what, words]) => `curl ${words.padEnd(width)}  # ${what}\n`).join('')))};
}
