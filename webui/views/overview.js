// Is my job running, how good is it, when is it done, which GPU is free, why does mine wait?
import * as api from '../api.js';
import {attribute, fill, h, keyed, reveal, text} from '../dom.js';
import * as format from '../format.js';
import {doneAt, endedRow, listPanel, runningRow, topicsOf, waitingRow} from '../rows.js';
import {code, jobName, jobPath, meter, pill} from '../widgets.js';

const BUSY = 'starting,running,stopping';
const FINAL = 'done,failed,cancelled';
const PAGE = 500; // the most that the API gives at once
const PAGES = 4;
const SHOWN = 50; // rows of a list
const FINAL_ASKED = 100; // the API sorts by id: those that ended last are looked for among the newest
const ENDED_SHOWN = 8;
const LONG_QUEUE = 100; // waiting jobs, from which the lists are asked for less often
const CARDS = 8; // GPUs, from which their cards are small
const TREND = 'val/mAP_50_95';
const TREND_POINTS = 60;
const WAIT = 'train/data_wait_ratio';
const ALL = ['busy', 'queue', 'final', 'gpus'];

export function show(main, _params, page) {
    const heading = h('h1');
    const counts = h('p', {class: 'counts'});
    const slots = h('div', {class: 'gpus'});
    const cards = new Map();
    const trends = new Trends();
    const waits = new Map();
    const running = listPanel('Running', [['Progress', 'grow'], ['mAP 50:95', 'number map'], ['Images/s', 'number speed'], ['Done at', 'number end']],
        runningRow((job) => trends.of(job), (job) => waits.get(job.id)), SHOWN, `/jobs?state=${BUSY}`);
    const waiting = listPanel('Waiting', [['Why it waits', 'grow'], ['Since', 'number']], waitingRow, SHOWN, '/jobs?state=queued');
    const ended = h('ul', {class: 'plain'});
    const endedRows = new Map();
    const endedPanel = h('section', {class: 'panel list side', hidden: true}, h('div', {class: 'row head'}, h('h2', {}, 'Ended'),
        h('a', {href: '/jobs'}, 'All jobs')), ended);
    const nothing = emptyState();
    const stale = new Set();
    const known = {queue: [], busy: [], final: [], gpus: null};
    let ready = false;

    async function refresh(signal, all) {
        const wanted = all ? ALL : [...stale];
        const asked = {
            busy: async () => { known.busy = (await jobs(BUSY, signal)).sort(byEnd); },
            queue: async () => { known.queue = (await jobs('queued', signal)).sort(byQueue); },
            final: async () => { known.final = (await api.get('/v1/jobs', {state: FINAL, limit: FINAL_ASKED}, signal)).jobs.sort(byEnding).slice(0, ENDED_SHOWN); },
            gpus: async () => { known.gpus = await api.get('/v1/gpus', {}, signal); },
        };
        wanted.forEach((one) => stale.delete(one));
        try {
            await Promise.all(wanted.map((one) => asked[one]()));
            await trends.refresh(known.busy, signal);
        } catch (error) {
            wanted.forEach((one) => stale.add(one));
            throw error;
        }
        if (!ready)
            fill(main, h('div', {class: 'headline'}, heading, counts), slots, nothing,
                h('div', {class: 'columns'}, h('div', {}, running.node, waiting.node), endedPanel));
        ready = true;
        return null;
    }

    // A figure of a running job is shown as it comes; what only the daemon can compute is asked for.
    function event(type, data) {
        if (type === 'gpu') {
            known.gpus.gpus = known.gpus.gpus.map((gpu) => (gpu.uuid === data.uuid ? data : gpu));
            return 'paint';
        }
        if (type === 'log')
            return '';
        if (type === 'state' || type === 'deleted') {
            ALL.forEach((one) => stale.add(one));
            return known.queue.length > LONG_QUEUE ? 'soon' : 'now';
        }
        stale.add('busy');
        if (type !== 'metric')
            return 'soon';
        const {job: id, step, epoch, values} = data;
        waits.set(id, values[WAIT]);
        known.busy = known.busy.map((job) => (job.id === id && job.progress?.step < step ? {...job, progress: {...job.progress, step, epoch}} : job));
        return 'soon';
    }

    function paint() {
        const {queue, busy, final, gpus} = known;
        const where = places(gpus, busy);
        text(heading, sentence(gpus, busy));
        fill(counts, ...tally(howMany(busy), 'running'), ...tally(howMany(queue), 'waiting'));
        attribute(slots, 'class', where.length > CARDS ? 'gpus many' : 'gpus');
        keyed(slots, cards, where, (place) => place.key, placeCard);
        running.update(busy, howMany(busy));
        waiting.update(queue, howMany(queue));
        keyed(ended, endedRows, final, (job) => job.id, endedRow);
        reveal(endedPanel, final.length > 0);
        reveal(nothing, !busy.length && !queue.length && !final.length);
        page.title(busy.length ? `${format.plural(busy.length, 'job')} running` : '', busy.length ? 'run' : queue.length ? 'wait' : 'ok');
    }
    return {refresh, event, paint, reset() {}, topics: () => ['jobs', 'gpus', ...topicsOf(known.busy)], ready: () => ready};
}

// All jobs in these states, up to PAGES pages of them.
async function jobs(state, signal) {
    const all = [];
    for (let i = 0, cursor = null; i === 0 || (cursor && i < PAGES); i++) {
        const reply = await api.get('/v1/jobs', {state, limit: PAGE, ...(cursor && {cursor})}, signal);
        all.push(...reply.jobs);
        cursor = reply.next_cursor;
    }
    return all;
}

const howMany = (list) => (list.length < PAGE * PAGES ? format.count(list.length) : `${format.count(list.length)} or more`);
const tally = (n, word) => [h('b', {}, n), ` ${word} `, h('span', {class: 'gap'})];

// As they will start: priority first, then age; and as they will end.
const byQueue = (a, b) => b.priority - a.priority || a.id - b.id;
const byEnd = (a, b) => (doneAt(a.progress) ?? Infinity) - (doneAt(b.progress) ?? Infinity) || a.id - b.id;
const byEnding = (a, b) => new Date(b.ended) - new Date(a.ended) || b.id - a.id;

// Whether something that is not a job of ours uses a GPU: more than a driver keeps for itself.
const OTHERS_BYTES = 2 ** 30;
const OTHERS_RATIO = 0.05;
const isUsedByOthers = (gpu) => gpu.job === null && (gpu.memory_used_bytes > OTHERS_BYTES || gpu.utilization_ratio > OTHERS_RATIO);

// The heading: which GPU is free.
export function sentence({gpus, cpu}, busy) {
    if (!gpus.length) {
        const many = cpu.slots > 1 ? `${format.count(cpu.slots)} jobs at a time run` : 'One job at a time runs';
        return `This machine has no GPU. ${many} on the CPU.`;
    }
    const idle = gpus.filter((gpu) => gpu.job === null);
    const [free, used] = [idle.filter((gpu) => !isUsedByOthers(gpu)), idle.filter(isUsedByOthers)];
    if (free.length)
        return `${names(free)} ${free.length > 1 ? 'are' : 'is'} free.`;
    if (used.length)
        return `${names(used)} ${used.length > 1 ? 'have' : 'has'} no job, but ${used.length > 1 ? 'are' : 'is'} used outside the queue.`;
    const next = busy.filter((job) => job.device?.type === 'cuda').map((job) => job.progress?.eta_s).filter((s) => s !== null && s !== undefined);
    return `No GPU is free.${next.length ? ` Next one in about ${format.span(Math.min(...next))}.` : ''}`;
}

const names = (gpus) => `GPU${gpus.length > 1 ? 's' : ''} ${format.list(gpus.map((gpu) => gpu.index))}`;

// Where jobs run: each GPU, and each CPU slot where there is no GPU or one of them is taken.
export function places({gpus, cpu}, busy) {
    const job = (id) => busy.find((one) => one.id === id) ?? (id === null || id === undefined ? null : {id});
    const cards = gpus.map((gpu) => ({key: gpu.uuid, name: `GPU ${gpu.index}`, note: gpu.name, job: job(gpu.job), gpu}));
    if (gpus.length && !cpu.jobs.length)
        return cards;
    const slots = Array.from({length: cpu.slots}, (_, i) => ({key: `cpu ${i}`, name: cpu.slots > 1 ? `CPU slot ${i + 1}` : 'CPU', job: job(cpu.jobs[i])}));
    return [...cards, ...slots];
}

function placeCard(place) {
    const state = pill();
    const who = h('p', {class: 'who'});
    const meters = place.gpu ? [measure('Use', `${place.name} utilisation`), measure('Mem', `${place.name} memory`)] : [measure('Job', `${place.name} progress of its job`)];
    const node = h('section', {class: 'card', 'aria-label': place.name}, h('header', {}, h('h2', {}, place.name),
        h('small', {}, format.visible(place.note ?? '')), state.node), who, meters.map((one) => one.node));
    let shown = '';
    return {node, update({job, gpu}) {
        const others = gpu && isUsedByOthers(gpu);
        const key = job ? `${job.id} ${job.name}` : others ? 'others' : 'nothing';
        attribute(node, 'class', others ? 'card others' : 'card');
        state.update(job ? 'busy' : others ? 'outside' : 'free');
        if (shown !== key)
            fill(who, job ? [h('a', {href: jobPath(job.id)}, job.name === undefined ? `job ${job.id}` : jobName(job)), job.user ? ` · ${format.visible(job.user)}` : '']
                : others ? 'Used outside the queue.' : 'Nothing runs here.');
        shown = key;
        if (gpu) {
            meters[0].update(gpu.utilization_ratio, format.percent(gpu.utilization_ratio));
            meters[1].update(gpu.memory_total_bytes ? gpu.memory_used_bytes / gpu.memory_total_bytes : null, `${format.gib(gpu.memory_used_bytes)} / ${format.gib(gpu.memory_total_bytes)} GiB`);
        } else {
            const {step, steps} = job?.progress ?? {};
            meters[0].update(steps ? step / steps : 0, steps ? format.percent(step / steps) : format.NONE);
        }
    }};
}

function measure(name, label) {
    const bar = meter(label);
    const value = h('span', {class: 'value'});
    return {node: h('div', {class: 'measure'}, h('span', {class: 'label'}, name), bar.node, value), update(ratio, words) {
        bar.update(ratio);
        text(value, words);
    }};
}

// The mAP curves behind the sparklines: asked again only when a job has a new epoch.
class Trends {
    constructor() {
        this.known = new Map();
    }

    of(job) {
        return this.known.get(job.id)?.values ?? [];
    }

    async refresh(jobs, signal) {
        const stale = jobs.filter((job) => job.best && this.known.get(job.id)?.epoch !== job.progress?.epoch);
        await Promise.all(stale.map(async (job) => {
            const reply = await api.get(`/v1/jobs/${job.id}/metrics`, {name: TREND}, signal);
            const values = reply.series[0]?.value.filter((v) => typeof v === 'number').slice(-TREND_POINTS) ?? [];
            this.known.set(job.id, {epoch: job.progress?.epoch, values});
        }));
    }
}

function emptyState() {
    const spec = '{"model": "pico", "dataset_dir": "/path/to/dataset"}';
    return h('section', {class: 'panel first', hidden: true}, h('h2', {}, 'No jobs yet'),
        h('p', {}, 'Submit one from a shell; it appears here at once. The data set is a folder with train/ and valid/, each with its _annotations.coco.json.'),
        code(`curl --json '${spec}' ${location.origin}/v1/jobs`));
}
