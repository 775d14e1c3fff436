// Is my job running, how good is it, when is it done, which GPU is free, why does mine wait?
import * as api from '../api.js';
import {fill, h, keyed, reveal, text} from '../dom.js';
import * as format from '../format.js';
import {doneAt, endedRow, listPanel, runningRow, topicsOf, waitingRow} from '../rows.js';
import {code, jobName, jobPath, meter, pill} from '../widgets.js';

const ACTIVE = 'queued,starting,running,stopping';
const FINAL = 'done,failed,cancelled';
const ENDED_SHOWN = 8;
const TREND = 'val/mAP_50_95';
const TREND_POINTS = 60;

export function show(main, _params, page) {
    const heading = h('h1');
    const counts = h('p', {class: 'counts'});
    const slots = h('div', {class: 'gpus'});
    const cards = new Map();
    const trends = new Trends();
    const running = listPanel('Running', [['Progress', 'grow'], ['mAP 50:95', 'number map'], ['Images/s', 'number speed'], ['Done at', 'number end']],
        runningRow((job) => trends.of(job)));
    const waiting = listPanel('Waiting', [['Why it waits', 'grow'], ['Since', 'number']], waitingRow);
    const ended = h('ul', {class: 'plain'});
    const endedRows = new Map();
    const endedPanel = h('section', {class: 'panel list side', hidden: true}, h('div', {class: 'row head'}, h('h2', {}, 'Ended'),
        h('a', {href: '/jobs'}, 'All jobs')), ended);
    const nothing = emptyState();
    let ready = false;

    const known = {queue: [], busy: [], final: [], gpus: null};

    async function refresh(signal) {
        const [active, final, gpus] = await Promise.all([
            api.get('/v1/jobs', {state: ACTIVE, limit: 500}, signal),
            api.get('/v1/jobs', {state: FINAL, limit: ENDED_SHOWN}, signal), api.get('/v1/gpus', {}, signal)]);
        const queue = active.jobs.filter((job) => job.state === 'queued').sort(byQueue);
        const busy = active.jobs.filter((job) => job.state !== 'queued').sort(byEnd);
        await trends.refresh(busy, signal);
        Object.assign(known, {queue, busy, final: final.jobs, gpus});
        if (!ready)
            fill(main, h('div', {class: 'headline'}, heading, counts), slots, nothing,
                h('div', {class: 'columns'}, h('div', {}, running.node, waiting.node), endedPanel));
        ready = true;
        return null;
    }

    function event(type, data) {
        if (type !== 'gpu')
            return {state: 'now', deleted: 'now', log: ''}[type] ?? 'soon';
        known.gpus.gpus = known.gpus.gpus.map((gpu) => (gpu.uuid === data.uuid ? data : gpu));
        return 'paint';
    }

    function paint() {
        const {queue, busy, final, gpus} = known;
        text(heading, sentence(gpus, busy));
        fill(counts, ...tally(busy.length, 'running'), ...tally(queue.length, 'waiting'));
        keyed(slots, cards, places(gpus, busy), (place) => place.key, placeCard);
        running.update(busy);
        waiting.update(queue);
        keyed(ended, endedRows, final, (job) => job.id, endedRow);
        reveal(endedPanel, final.length > 0);
        reveal(nothing, !busy.length && !queue.length && !final.length);
        page.title(busy.length ? `${format.plural(busy.length, 'job')} running` : '', busy.length ? 'run' : queue.length ? 'wait' : 'ok');
    }
    return {refresh, event, paint, reset() {}, topics: () => ['jobs', 'gpus', ...topicsOf(known.busy)], ready: () => ready};
}


const tally = (n, word) => [h('b', {}, format.count(n)), ` ${word}`, h('span', {class: 'gap'})];

// As they will start: priority first where it is told, then age; and as they will end.
const byQueue = (a, b) => (b.priority ?? 0) - (a.priority ?? 0) || a.id - b.id;
const byEnd = (a, b) => (doneAt(a.progress) ?? Infinity) - (doneAt(b.progress) ?? Infinity) || a.id - b.id;

// The heading: which GPU is free.
export function sentence({gpus, cpu}, busy) {
    if (!gpus.length) {
        const many = cpu.slots > 1 ? `${format.count(cpu.slots)} jobs at a time run` : 'One job at a time runs';
        return `This machine has no GPU. ${many} on the CPU.`;
    }
    const free = gpus.filter((gpu) => gpu.job === null).map((gpu) => gpu.index);
    if (free.length)
        return `GPU${free.length > 1 ? 's' : ''} ${format.list(free)} ${free.length > 1 ? 'are' : 'is'} free.`;
    const next = busy.filter((job) => job.device?.type === 'cuda').map((job) => job.progress?.eta_s).filter((s) => s !== null && s !== undefined);
    return `No GPU is free.${next.length ? ` Next one in about ${format.span(Math.min(...next))}.` : ''}`;
}

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
        state.update(job ? 'busy' : 'free');
        if (shown !== job?.id)
            fill(who, job ? [h('a', {href: jobPath(job.id)}, job.name === undefined ? `job ${job.id}` : jobName(job)), job.user ? ` · ${format.visible(job.user)}` : ''] : 'Nothing runs here.');
        shown = job?.id;
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
