// A job as one row, in the three lists of the overview and in the list of all jobs.
import {attribute, h, keyed, reveal, text} from './dom.js';
import * as format from './format.js';
import {now} from './api.js';
import {clock, isFinal, jobName, jobPath, meter, pill, sparkline} from './widgets.js';

const seconds = (from, to) => (new Date(to) - new Date(from)) / 1000;

export function deviceWords(device) {
    if (!device)
        return '';
    return device.type === 'cpu' ? 'CPU' : format.visible(device.name ?? device.type);
}

const TOPICS = 28; // of the 32 that a stream takes

// The topics that tell how the running ones of jobs go on.
export const topicsOf = (jobs) => jobs.filter((job) => job.state !== 'queued' && !isFinal(job)).slice(0, TOPICS).map((job) => `job.${job.id}`);

// id, name as a link, and who and where below it.
function titled(job) {
    const name = h('a', {href: jobPath(job.id), class: 'name'});
    const about = h('small');
    return {node: h('div', {class: 'who'}, h('span', {class: 'id'}, job.id), ' ', name, about), update(one) {
        text(name, jobName(one));
        text(about, [one.user && format.visible(one.user), deviceWords(one.device), one.attempt > 1 && `attempt ${one.attempt}`,
            one.warnings?.length && format.plural(one.warnings.length, 'warning')].filter(Boolean).join(' · '));
    }};
}

const cell = (kind, ...children) => h('div', {class: kind, role: 'cell'}, children);

// What a job that has no figures yet is doing.
export function progressWords(job) {
    const {progress, state} = job;
    if (state === 'stopping')
        return 'stopping after a checkpoint';
    if (!progress || !progress.epochs)
        return state === 'starting' ? 'starting the worker' : 'preparing the data';
    return `epoch ${format.count(Math.max(1, progress.epoch))} of ${format.count(progress.epochs)}`;
}

export const ratio = (progress) => (progress?.steps ? progress.step / progress.steps : 0);
export const doneAt = (progress) => (progress?.eta_s === null || progress?.eta_s === undefined ? null : now() + 1000 * progress.eta_s);

const WAIT_SAID = 0.15; // share of a step that waits for images and is worth saying

// trend(job) gives the values of the sparkline, wait(job) the share of a step that waits for images, where it is known.
export function runningRow(trend, wait) {
    return (job) => {
        const who = titled(job);
        const bar = meter(`Progress of job ${job.id}`);
        const words = h('small');
        const spark = sparkline();
        const best = h('b');
        const speed = h('span');
        const waits = h('small', {class: 'warn'});
        const end = clock();
        const left = h('small');
        const node = h('div', {class: 'row running', role: 'row'}, cell('', who.node), cell('grow', bar.node, words),
            cell('number map', spark.node, best), cell('number speed', speed, waits), cell('number end', end.node, left));
        return {node, update(one) {
            const {progress} = one;
            who.update(one);
            bar.update(ratio(progress));
            text(words, progressWords(one));
            spark.update(trend(one));
            text(best, format.score(one.best?.value));
            attribute(best, 'title', one.best ? `best so far, epoch ${one.best.epoch}` : null);
            text(speed, format.rate(progress?.images_per_s));
            text(waits, wait(one) >= WAIT_SAID ? `data wait ${format.percent(wait(one))}` : '');
            end.update(doneAt(progress));
            text(left, doneAt(progress) === null ? '' : `in about ${format.span(progress.eta_s)}`);
        }};
    };
}

export function waitingRow(job) {
    const who = titled(job);
    const reason = h('span');
    const since = clock();
    const node = h('div', {class: 'row waiting', role: 'row'}, cell('', who.node), cell('grow', reason), cell('number', since.node));
    return {node, update(one) {
        who.update(one);
        text(reason, format.sentence(one.reason ?? 'Waits for a free slot.'));
        since.update(one.made);
    }};
}

// How an ended job went, in one sentence: the daemon's words where it has some.
export function endWords(job) {
    if (job.detail)
        return format.sentence(job.detail);
    const best = job.best ? ` Best mAP ${format.score(job.best.value)} at epoch ${job.best.epoch}.` : '';
    const done = job.progress ? `${format.plural(job.progress.epoch, 'epoch')}.` : '';
    return `${{cancelled: job.started ? 'Stopped on request.' : 'Removed from the queue before it started.'}[job.state] ?? done}${best}`.trim();
}

export function endedRow(job) {
    const state = pill();
    const name = h('a', {href: jobPath(job.id), class: 'name'});
    const when = clock();
    const words = h('p');
    const about = h('small');
    const node = h('li', {class: 'ended'}, h('div', {}, state.node, name, when.node), words, about);
    return {node, update(one) {
        state.update(one.state, one.cause ? `cause: ${one.cause}` : null);
        text(name, jobName(one));
        when.update(one.ended);
        text(words, endWords(one));
        text(about, [`job ${one.id}`, one.user && format.visible(one.user), one.started && format.span(seconds(one.started, one.ended)),
            one.detail && one.best && `mAP ${format.score(one.best.value)}`].filter(Boolean).join(' · '));
    }};
}

// A panel that holds rows under column headings, with the number of them; hidden while there are none.  At most `most` rows
// are shown, and the link `more` says how many there are besides.
export function listPanel(title, headings, make, most, more) {
    const total = h('span', {class: 'total'});
    const body = h('div', {role: 'rowgroup', class: 'rows'});
    const rest = h('a', {href: more, class: 'rest', hidden: true});
    const rows = new Map();
    const node = h('section', {class: 'panel list', hidden: true}, h('div', {role: 'table', 'aria-label': title},
        h('div', {role: 'rowgroup'}, h('div', {class: `row head ${title.toLowerCase()}`, role: 'row'},
            h('div', {role: 'columnheader'}, h('h2', {}, title, ' ', total)),
            headings.map(([name, kind]) => h('div', {class: kind, role: 'columnheader'}, name)))), body), rest);
    return {node, update(jobs, count) {
        reveal(node, jobs.length > 0);
        text(total, count);
        reveal(rest, jobs.length > most);
        text(rest, `${format.count(jobs.length - most)} more, in the list of all jobs`);
        keyed(body, rows, jobs.slice(0, most), (job) => job.id, make);
    }};
}
