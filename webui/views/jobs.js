// All jobs, newest first, by state, a page at a time.
import * as api from '../api.js';
import {attribute, fill, h, keyed, reveal, text} from '../dom.js';
import * as format from '../format.js';
import {deviceWords, endWords, progressWords, topicsOf} from '../rows.js';
import {clock, isFinal, jobName, jobPath, pill} from '../widgets.js';

const PAGE = 50;
const FILTERS = [['', 'All'], ['queued', 'Waiting'], ['starting,running,stopping', 'Running'], ['done', 'Done'], ['failed', 'Failed'], ['cancelled', 'Cancelled']];
const HEADINGS = ['Job', 'State', 'mAP 50:95', 'Submitted', 'What happened'];

export function show(main, _params, page) {
    const body = h('tbody');
    const rows = new Map();
    const more = h('button', {type: 'button', hidden: true, on: {click: next}}, 'Older jobs');
    const none = h('p', {class: 'empty', hidden: true}, 'No job is in this state.');
    const filters = FILTERS.map(([value, name]) => h('a', {href: value ? `/jobs?state=${value}` : '/jobs', 'data-state': value}, name));
    const query = new URLSearchParams(location.search).get('state') ?? '';
    let pages = 1;
    let ready = false;
    let known = {jobs: [], cursor: null};
    filters.forEach((a) => attribute(a, 'aria-current', a.dataset.state === query && 'true'));

    async function refresh(signal) {
        const jobs = [];
        let cursor = null;
        for (let i = 0; i < pages && (i === 0 || cursor); i++) {
            const reply = await api.get('/v1/jobs', {limit: PAGE, ...(query && {state: query}), ...(cursor && {cursor})}, signal);
            jobs.push(...reply.jobs);
            cursor = reply.next_cursor;
        }
        if (!ready)
            fill(main, h('h1', {}, 'Jobs'), h('nav', {class: 'filters', 'aria-label': 'State'}, filters), h('section', {class: 'panel'},
                h('table', {class: 'cards'}, h('caption', {class: 'unseen'}, 'Jobs, newest first'),
                    h('thead', {}, h('tr', {}, HEADINGS.map((name) => h('th', {scope: 'col', class: name === 'mAP 50:95' && 'number'}, name)))), body), none, more));
        ready = true;
        known = {jobs, cursor};
        return null;
    }

    function paint() {
        keyed(body, rows, known.jobs, (job) => job.id, row);
        reveal(more, Boolean(known.cursor));
        reveal(none, !known.jobs.length);
        page.title('Jobs');
    }

    function next() {
        pages++;
        more.disabled = true;
        refresh().then(paint).finally(() => { more.disabled = false; });
    }
    const event = (type) => ({state: 'now', deleted: 'now', log: ''}[type] ?? 'soon');
    return {refresh, event, paint, reset() {}, topics: () => ['jobs', ...topicsOf(known.jobs)], ready: () => ready};
}


function row(job) {
    const state = pill();
    const name = h('a', {href: jobPath(job.id), class: 'name'});
    const about = h('small');
    const best = h('td', {class: 'number'});
    const made = clock();
    const words = h('td', {class: 'words'});
    return {node: h('tr', {}, h('th', {scope: 'row'}, h('span', {class: 'id'}, job.id), ' ', name, about), h('td', {}, state.node),
        best, h('td', {}, made.node), words), update(one) {
        state.update(one.state, one.cause && `cause: ${one.cause}`);
        text(name, jobName(one));
        text(about, [one.user && format.visible(one.user), deviceWords(one.device)].filter(Boolean).join(' · '));
        text(best, format.score(one.best?.value));
        made.update(one.made);
        text(words, isFinal(one) ? endWords(one) : one.state === 'queued' ? format.sentence(one.reason ?? '') : progressWords(one));
    }};
}
