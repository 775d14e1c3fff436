// The parts of the job page below its charts.  Each returns {node, id, name, update(…)}; nothing here asks for data.
import {attribute, fill, h, reveal, text} from './dom.js';
import * as format from './format.js';
import {clock, code, empty, sparkline, table} from './widgets.js';
import {last} from './series.js';

export const AP = 'val/AP/';

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
    let shown = '';
    return {...part, update(curves) {
        const names = [...curves.names].filter((name) => name.startsWith(AP));
        const rows = names.map((name) => ({name: name.slice(AP.length), curve: curves.get(name)})).filter(({curve}) => curve.step.length)
            .sort((a, b) => (last(b.curve.value) ?? -1) - (last(a.curve.value) ?? -1));
        const key = rows.map(({name, curve}) => `${name} ${curve.step.length}`).join('\n');
        if (key === shown && body.firstChild)
            return;
        shown = key;
        text(part.note, rows.length ? `AP 50:95, epoch ${rows[0].curve.epoch.at(-1)}${weights(curves)}` : '');
        fill(body, rows.length ? table('AP of each class', [['Class', ''], ['AP 50:95', 'number'], ['Best', 'number'], ['Trend', 'number']],
            rows.map(({name, curve}) => [format.visible(name), format.score(last(curve.value)), format.score(Math.max(...curve.value.filter((v) => v !== null))), trend(curve.value)]))
            : empty('The first evaluation brings the AP of each class.'));
    }};
}

// What an evaluation was made with, as the series' own definition says it.
export function weights(curves) {
    const definition = curves.definition('val/mAP_50_95');
    return definition ? ` · ${format.visible(definition)}` : '';
}

function trend(values) {
    const line = sparkline();
    line.update(values.slice(-60));
    return line.node;
}

// The worker's output.  It follows the end until the reader scrolls up, and then offers what is new.
export function log(path) {
    const lines = h('pre', {class: 'log', role: 'log', tabindex: 0, 'aria-live': 'off', 'aria-label': 'Log, last 200 lines', on: {scroll: scrolled}});
    const fresh = h('button', {type: 'button', class: 'fresh', hidden: true, on: {click: follow}}, 'New lines');
    const part = section('log', 'Log', h('div', {class: 'logbox'}, lines, fresh));
    part.node.firstChild.append(h('a', {href: path, class: 'aside', target: '_blank', rel: 'noopener'}, 'Whole log'));
    let following = true;

    function scrolled() {
        following = lines.scrollTop + lines.clientHeight > lines.scrollHeight - 8;
        if (following)
            reveal(fresh, false);
    }

    function follow() {
        lines.scrollTop = lines.scrollHeight;
        scrolled();
    }
    return {...part, update(words) {
        const said = format.visible(words ?? '').trimEnd() || 'Nothing yet: the worker has not started.';
        if (said === lines.textContent)
            return;
        text(lines, said);
        if (following)
            lines.scrollTop = lines.scrollHeight;
        else
            reveal(fresh, true);
    }};
}

// The effective spec, one line a JSON pointer.
export function config() {
    const body = h('div');
    const part = section('config', 'Config', body);
    return {...part, update(spec) {
        if (body.firstChild || !spec)
            return;
        text(part.note, 'the effective spec: every key, defaults filled in');
        fill(body, h('dl', {class: 'pairs'}, flatten(spec).map(([pointer, value]) =>
            h('div', {}, h('dt', {}, format.visible(pointer)), h('dd', {}, format.visible(JSON.stringify(value)))))));
    }};
}

export function flatten(value, pointer = '') {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.keys(value).length)
        return [[pointer, value]];
    return Object.entries(value).flatMap(([key, one]) => flatten(one, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
}

export function events() {
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

// Checkpoints, with the line that fetches one.
export function files(id) {
    const body = h('div');
    const part = section('files', 'Files', body);
    let shown = '';
    return {...part, update(checkpoints, folder) {
        const key = JSON.stringify(checkpoints);
        if (key === shown)
            return;
        shown = key;
        text(part.note, folder ? format.visible(folder) : '');
        const path = (one) => `/v1/jobs/${id}/checkpoints/${encodeURIComponent(one.name)}`;
        const made = (one) => {
            const when = clock();
            when.update(one.made ?? null);
            return when.node;
        };
        fill(body, checkpoints.length ? [
            table('Checkpoints', [['Checkpoint', ''], ['Epoch', 'number'], ['Step', 'number'], ['Size', 'number'], ['Made', 'number'], ['SHA-256', 'digest']],
                checkpoints.map((one) => [h('a', {href: path(one), download: true}, format.visible(one.name)), format.count(one.epoch), format.count(one.step),
                    format.bytes(one.bytes), made(one), h('code', {}, one.sha256)])),
            code(`curl -O ${location.origin}${path(checkpoints[0])}`)]
            : empty('The first checkpoint is written with the first evaluation.'));
    }};
}

// What this page shows and does, from a shell.
export function curl(id) {
    const job = `${location.origin}/v1/jobs/${id}`;
    const lines = [['the job', job], ['its newest figures', `${job}/metrics`], ['its log', `'${job}/log?tail=200'`], ['its precision traces', `${job}/amp`], ['stop it', `-X POST ${job}/cancel`]];
    const width = Math.max(...lines.map(([, words]) => words.length));
    return {...section('curl', 'With curl', code(lines.map(([what, words]) => `curl ${words.padEnd(width)}  # ${what}\n`).join('')))};
}
