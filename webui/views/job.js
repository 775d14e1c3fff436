// One job, from the top: what it is, how far it is, its curves, and everything behind them.
import * as api from '../api.js';
import {ampPanel, ampWords} from '../amp.js';
import {Chart, Group} from '../chart.js';
import {chartSpecs, isShown} from '../charts.js';
import {attribute, fill, h, reveal, say, text} from '../dom.js';
import * as format from '../format.js';
import {load} from '../plot.js';
import {deviceWords, doneAt, endWords, progressWords, ratio} from '../rows.js';
import * as sections from '../sections.js';
import {Curves} from '../store.js';
import {fromAddress, intoAddress, toolbar} from '../toolbar.js';
import {clock, confirmed, FAVICONS, isFinal, jobName, meter, pill, stateWord, tile} from '../widgets.js';

const LOG_LINES = 200;
const LOG_MORE = 4; // times as many lines, once the reader has come to their top
const LOG_MOST = 20000;
const DOCUMENTS = ['job', 'log', 'amp', 'checkpoints'];
// What an event makes stale.
const STALE = {state: DOCUMENTS, deleted: ['job'], plan: ['job'], metric: ['job'], eval: ['job', 'amp'], amp: ['amp'], checkpoint: ['checkpoints'], warning: ['job'], log: ['log']};

export function show(main, [id], page) {
    const path = `/v1/jobs/${id}`;
    const curves = new Curves(id, isShown);
    const group = new Group(fromAddress(), zoomed);
    const parts = {classes: sections.classes(), log: sections.log(`${path}/log`, olderLines), config: sections.config(), amp: ampPanel(), warnings: sections.warnings(), events: sections.events(),
        files: sections.files(id), curl: sections.curl(id)};
    const head = header(() => api.post(`${path}/cancel`).then((job) => { known.job = job; paint(); }));
    const progress = progressPanel();
    const grid = h('div', {class: 'charts', id: 'charts'});
    const order = [parts.warnings, parts.classes, parts.log, parts.config, parts.amp, parts.events, parts.files, parts.curl];
    const bar = toolbar(group, order);
    const afterStart = [bar.node, ...[parts.classes, parts.log, parts.amp, parts.files].map((part) => part.node)];
    const known = {job: null, amp: null, log: '', checkpoints: [], schema: null};
    const stale = new Set();
    let lines = LOG_LINES;
    let looking = new AbortController();
    let traced = false;
    let ready = false;

    // The history goes first: what happens after it is in the stream.
    async function refresh(signal, all) {
        const last = curves.stale ? await curves.load(signal) : null;
        const wanted = all ? DOCUMENTS : [...stale];
        wanted.forEach((one) => stale.delete(one));
        try {
            await read(new Set(wanted), signal);
        } catch (error) {
            wanted.forEach((one) => stale.add(one));
            throw error;
        }
        await lay(known.job);
        if (group.view.zoom && (all || !curves.detail))
            zoomed();
        return last;
    }

    // The range is asked for in its own points.  Without an answer those that are known stand, and the next refresh asks again.
    async function zoomed() {
        intoAddress(group.view);
        bar.update();
        looking.abort();
        looking = new AbortController();
        const {signal} = looking;
        try {
            await curves.look(group.range(), signal);
            group.paint();
        } catch (error) {
            if (!signal.aborted && !error.isLost)
                console.error(error);
        }
    }

    async function olderLines() {
        lines = Math.min(LOG_MOST, lines * LOG_MORE);
        known.log = await api.get(`${path}/log`, {tail: lines});
        parts.log.update(known.log);
    }

    // The trace is there from the first step on; asked for earlier it is a 404, which browsers write into their console.
    async function read(wanted, signal) {
        const job = wanted.has('job') ? await api.get(path, {}, signal) : known.job;
        if (known.job && job.state !== known.job.state)
            say(`Job ${id} is ${stateWord(job.state).toLowerCase()}.`);
        known.job = job;
        traced ||= curves.names.size > 0 || job.cause === 'amp_mismatch';
        const asked = {log: () => api.get(`${path}/log`, {tail: lines}, signal), amp: () => (traced ? api.getIfThere(`${path}/amp`, {}, signal) : null),
            checkpoints: () => api.get(`${path}/checkpoints`, {}, signal).then(({checkpoints}) => checkpoints)};
        const readSchema = async () => { known.schema ??= await api.get('/v1/schemas/job', {}, signal); };
        await Promise.all([readSchema(), ...Object.entries(asked).map(async ([name, ask]) => {
            if (job.attempt && wanted.has(name))
                known[name] = await ask();
        })]);
    }

    // Points come with their events; everything else an event only makes stale.
    function event(type, data) {
        if (data.job !== Number(id))
            return queueMoved(type);
        const {step, epoch} = data;
        curves.add(data, {metric: data.values, eval: data.metrics}[type] ?? {});
        traced ||= type === 'amp';
        if (type === 'metric' && known.job.progress?.step < step)
            known.job = {...known.job, progress: {...known.job.progress, step, epoch}};
        STALE[type].forEach((one) => stale.add(one));
        return ['metric', 'log'].includes(type) && !curves.stale ? 'soon' : 'now';
    }

    // Why a job waits may change with every other job.
    function queueMoved(type) {
        if (known.job.state !== 'queued' || !['state', 'deleted'].includes(type))
            return '';
        stale.add('job');
        return 'soon';
    }

    async function lay(job) {
        if (ready)
            return;
        const uPlot = await load();
        chartSpecs(curves, () => known.job).forEach((spec) => grid.append(new Chart(uPlot, spec, curves, group).node));
        fill(main, head.node, progress.node, bar.node, h('h2', {class: 'unseen'}, 'Charts'), grid, order.map((part) => part.node));
        bar.watch([grid, ...order.map((part) => part.node)]);
        ready = true;
        if (job.state === 'failed')
            bar.node.before(parts.log.node);
        document.getElementById(location.hash.slice(1))?.scrollIntoView();
    }

    function paint() {
        const {job} = known;
        const ended = isFinal(job);
        afterStart.forEach((node) => reveal(node, job.attempt > 0));
        head.update(job, known.amp);
        progress.update(job, curves, known.checkpoints);
        parts.classes.update(curves, ended);
        parts.log.update(known.log);
        parts.config.update(job.spec, known.schema);
        parts.events.update(job, known.checkpoints);
        parts.amp.update(known.amp, ended);
        parts.warnings.update(job.warnings ?? []);
        parts.files.update(known.checkpoints, job, ended);
        const hasCharts = !ended || curves.names.size > 0;
        bar.update(hasCharts);
        reveal(grid, job.attempt > 0 && hasCharts);
        group.set({stepsPerEpoch: curves.stepsPerEpoch(job)});
        const done = ratio(job.progress);
        page.title(`${ended || !done ? stateWord(job.state) : format.percent(done)} ${jobName(job)}`, FAVICONS[job.state]);
    }

    const repaint = (event) => group.paint(event.detail);
    document.addEventListener('theme', repaint);
    return {refresh, event, paint, reset: () => curves.reset(), topics: () => ['jobs', `job.${id}`], ready: () => ready, leave() {
        document.removeEventListener('theme', repaint);
        looking.abort();
        bar.leave();
        group.leave();
    }};
}

function header(stop) {
    const title = h('h1');
    const state = pill();
    const facts = h('p', {class: 'facts'});
    const stopRunning = confirmed('Stop', 'Stop after a checkpoint of the current step? The best checkpoint stays.', 'Stop job', stop);
    const removeWaiting = confirmed('Remove', 'Remove this job from the queue? Its spec stays.', 'Remove job', stop);
    const fact = (name, value) => value && h('span', {}, `${name} `, h('b', {}, value));
    const at = (when) => {
        const node = clock();
        node.update(when);
        return when && node.node;
    };
    const node = h('div', {class: 'jobhead'}, h('div', {}, h('div', {class: 'line'}, title, state.node), facts), stopRunning, removeWaiting);
    return {node, update(job, amp) {
        const spec = job.spec ?? {};
        if (title.dataset.name !== job.name)
            fill(title, h('span', {class: 'id'}, job.id), ' ', h('bdi', {}, jobName(job)));
        title.dataset.name = job.name;
        state.update(job.state, job.cause && `cause: ${job.cause}`);
        reveal(stopRunning, ['starting', 'running'].includes(job.state));
        reveal(removeWaiting, job.state === 'queued');
        const data = spec.dataset_dir?.replace(/\/+$/, '').split('/').at(-1);
        const words = [fact('RF-DETR', spec.model && `${spec.model} at ${spec.resolution} px`), fact('Data', data && format.visible(data)),
            fact('Device', deviceWords(job.device)), fact('Owner', job.user && format.visible(job.user)), fact('Attempt', job.attempt > 1 && job.attempt),
            fact('AMP', ampWords(spec.amp, amp)), fact('Submitted', at(job.made)), fact('Started', at(job.started)), fact('Ended', at(job.ended)), ...Object.entries(spec.labels ?? {}).map(([key, value]) => fact(format.visible(key), format.visible(String(value))))];
        const key = words.map((word) => word?.textContent).join('|');
        if (facts.dataset.key !== key)
            fill(facts, words);
        facts.dataset.key = key;
        attribute(facts, 'title', spec.dataset_dir);
    }};
}

// How far, how good, how fast; while it waits the reason, and when it failed the cause in words.
function progressPanel() {
    const where = h('b');
    const step = h('span', {class: 'muted'});
    const end = clock();
    const when = h('b', {}, 'Done at about ', end.node);
    const left = h('span', {class: 'muted'});
    const bar = meter('Progress');
    const verdict = h('p', {class: 'verdict'});
    const names = {best: 'Best mAP 50:95', newest: 'Last mAP 50:95', map50: 'mAP 50', loss: 'Train loss', speed: 'Images/s', memory: 'Memory', checkpoint: 'Checkpoint of step'};
    const tiles = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, tile(name)]));
    const list = h('dl', {class: 'tiles'}, Object.values(tiles).map((one) => one.node));
    const line = h('div', {class: 'line spread'}, h('span', {}, where, step), h('span', {}, when, left));
    const node = h('section', {class: 'panel progress', 'aria-label': 'Progress'}, verdict, line, bar.node, list);
    return {node, update(job, curves, checkpoints) {
        const {progress} = job;
        const waits = job.state === 'queued';
        const eta = isFinal(job) ? null : doneAt(progress);
        reveal(verdict, waits || isFinal(job));
        attribute(verdict, 'class', `verdict ${{failed: 'bad', done: 'ok'}[job.state] ?? 'off'}`);
        text(verdict, waits ? format.sentence(job.reason ?? 'Waits for a free slot.') : endWords(job));
        reveal(line, !waits);
        reveal(bar.node, !waits && !(isFinal(job) && !progress));
        reveal(list, !waits && Boolean(progress));
        text(where, whereWords(job));
        text(step, progress?.steps ? ` · step ${format.count(progress.step)} of ${format.count(progress.steps)}` : '');
        reveal(when, eta !== null);
        end.update(eta);
        text(left, eta !== null ? ` · in about ${format.span(progress.eta_s)}` : isFinal(job) && job.started ? `took ${format.span((new Date(job.ended) - new Date(job.started)) / 1000)}` : '');
        bar.update(ratio(progress));
        updateTiles(tiles, job, curves, checkpoints);
    }};
}

function whereWords(job) {
    const {progress} = job;
    if (!isFinal(job))
        return format.sentence(progressWords(job)).replace(/\.$/, '');
    return progress ? `${format.plural(progress.epoch, 'epoch')} of ${format.count(progress.epochs)}` : '';
}

function updateTiles(tiles, job, curves, checkpoints) {
    const epoch = (name) => curves.newest[name] && `epoch ${format.count(curves.newest[name].epoch)}`;
    const wait = curves.value('train/data_wait_ratio');
    const gpu = curves.value('sys/gpu_memory_bytes');
    const newest = checkpoints.toSorted((a, b) => b.step - a.step || b.bytes - a.bytes)[0];
    tiles.best.update(format.score(job.best?.value), job.best && `epoch ${format.count(job.best.epoch)}`);
    tiles.newest.update(format.score(curves.value('val/mAP_50_95')), epoch('val/mAP_50_95'));
    tiles.map50.update(format.score(curves.value('val/mAP_50')), epoch('val/mAP_50'));
    tiles.loss.update(format.loss(curves.value('train/loss')), '');
    tiles.speed.update(format.rate(job.progress?.images_per_s ?? curves.value('train/images_per_s')), wait === null ? '' : `data wait ${format.percent(wait)}`);
    tiles.memory.update(format.gib(gpu || curves.value('sys/rss_bytes')), gpu ? 'GiB on the GPU' : 'GiB on the host');
    tiles.checkpoint.update(newest ? format.count(newest.step) : format.NONE, newest && format.bytes(newest.bytes));
}
