// What the test double knows: jobs with curves from formulas, GPUs, and faults on request.

const HOSTILE = '<img src=x onerror=alert(1)> \u202e\u001b[31m ' + 'W'.repeat(60);
const CLASSES = ['WBC', 'RBC', 'Platelets'];
const noise = (i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;
const iso = (ms) => new Date(ms).toISOString();
const FINAL = ['done', 'failed', 'cancelled'];

// options.gpus: how many; .empty: no jobs; .hostile: names and messages that try to be markup; .waiting, .busy, .ended: so many
// more jobs of that kind; .classes: how many the data set has; .idle: GPUs without a job are not used by others; .steps of job 12.
export function world(options = {}) {
    const made = {options, gpus: Number(options.gpus ?? 0), evals: evals(Number(options.classes ?? 3)), at: Date.now(), faults: new Map(), deleted: new Set(), jobs: new Map(), last: 1000, events: [], listeners: new Set()};
    if (!options.empty)
        populate(made, options.hostile ? HOSTILE : null);
    crowd(made);
    return Object.assign(made, {answer: (method, url) => answer(made, method, url), tell: (...event) => tell(made, ...event), step: (one, steps) => step(made, one, steps)});
}

// An event; with null for its id one of those that have none.
function tell(made, type, data, id = ++made.last) {
    const event = {id, type, data};
    if (id)
        made.events.push(event);
    made.listeners.forEach((listen) => listen(event));
}

// Job `one` goes on to that many steps, each with its event.
function step(made, one, steps) {
    const found = made.jobs.get(one);
    while (found.steps < steps) {
        Object.assign(found, {steps: found.steps + 1, progress: {...found.progress, step: found.steps + 1, epoch: Math.ceil((found.steps + 1) / PER_EPOCH)}});
        const values = Object.fromEntries(Object.entries(SERIES).map(([name, at]) => [name, at(found.steps)]));
        tell(made, 'metric', {job: one, attempt: 2, step: found.steps, epoch: Math.ceil(found.steps / PER_EPOCH), time_ms: Date.parse(found.started) + 4000 * found.steps, values});
    }
}

function job(id, name, state, more = {}) {
    return {id, name, state, cause: null, detail: null, user: 'hemato', priority: 0, attempt: state === 'queued' ? 0 : 1, made: iso(Date.now() - 9e6),
        started: state === 'queued' ? null : iso(Date.now() - 8e6), ended: FINAL.includes(state) ? iso(Date.now() - 1e6 * (30 - id) / 4) : null, reason: null,
        progress: null, best: null, device: state === 'queued' ? null : {type: 'cpu', name: 'x86-64 with AVX2', uuids: []}, warnings: [],
        folder: `/var/lib/detrd/jobs/${id}/1`, steps: 0, ...more};
}

// More jobs than anyone looks at.
function crowd(made) {
    const {waiting = 0, busy = 0, ended = 0, steps} = made.options;
    const add = (n, make) => Array.from({length: n}, () => made.jobs.size + 100).forEach((id) => made.jobs.set(id, make(id)));
    const progress = {epoch: 3, epochs: 60, step: 150, steps: 3240, images_per_s: 20, eta_s: 9000};
    for (let i = 0; i < Math.max(waiting, busy, ended); i++) {
        add(i < waiting, (id) => job(id, `waiting-${id}`, 'queued', {reason: `the CPU slot is taken by job 12; ${i + 2} jobs are before it in the queue`}));
        add(i < busy, (id) => job(id, `busy-${id}`, 'running', {steps: 150, progress, best: {metric: 'val/mAP_50_95', value: 0.1, epoch: 2}}));
        add(i < ended, (id) => job(id, `ended-${id}`, 'done', {ended: iso(Date.now() - 9e6 - 1000 * i)}));
    }
    if (steps)
        Object.assign(made.jobs.get(12), {steps: Number(steps)});
}

function populate(made, hostile) {
    const progress = (step, steps, epochs, eta_s) => ({epoch: Math.ceil(step * epochs / steps), epochs, step, steps, images_per_s: 118.3, eta_s});
    const all = [
        job(12, hostile ?? 'cells-medium-576', 'running', {steps: 2000, progress: progress(2000, 3240, 60, 7860), best: {metric: 'val/mAP_50_95', value: 0.618, epoch: 36},
            device: made.gpus ? {type: 'cuda', name: 'GPU 0', uuids: ['GPU-0']} : {type: 'cpu', name: 'CPU', uuids: []},
            warnings: [{detail: hostile ?? '2 boxes of zero height are left out.', pointer: '/annotations/3/bbox', file: 'train/_annotations.coco.json', count: 2}]}),
        job(13, 'traffic-pico-smoke', 'starting', {attempt: 1}),
        job(14, hostile ?? 'drone-medium-576', 'queued', {reason: hostile ?? 'the CPU slot is taken by job 12; 1 job is before it in the queue'}),
        job(15, 'עלים קטנים seed4', 'queued', {reason: 'the CPU slot is taken by job 12', priority: 5, user: null}),
        job(9, 'leaf-large-1024', 'failed', {cause: 'gpu_oom', detail: hostile ?? 'Out of GPU memory at step 1,204: 79.1 of 79.6 GiB. Lower /resolution.', user: 'agri', steps: 120,
            progress: progress(120, 3240, 60, null), best: {metric: 'val/mAP_50_95', value: 0.118, epoch: 2}}),
        job(8, 'cells-small-512', 'done', {steps: 900, progress: progress(900, 900, 60, 0), best: {metric: 'val/mAP_50_95', value: 0.597, epoch: 54}}),
        job(7, 'drone-nano-aug2', 'cancelled', {user: 'drone', progress: progress(60, 900, 60, null), best: {metric: 'val/mAP_50_95', value: 0.204, epoch: 4}, steps: 60}),
    ];
    all.forEach((one) => made.jobs.set(one.id, one));
}

const SERIES = {
    'train/loss': (i) => 1.2 + 7 * Math.exp(-i / 180) + 0.5 * noise(i) + (i === 701 ? 2 : 0),
    'train/loss_ce': (i) => 0.4 + 2 * Math.exp(-i / 150) + 0.1 * noise(i),
    'train/loss_bbox': (i) => 0.2 + Math.exp(-i / 120) + 0.05 * noise(i + 7),
    'train/loss_giou': (i) => 0.3 + 1.2 * Math.exp(-i / 160) + 0.05 * noise(i + 3),
    'train/lr': (i) => 1e-4 * Math.min(1, i / 100) * (0.5 + 0.5 * Math.cos(i / 3240 * Math.PI)),
    'train/grad_norm': (i) => 4 + 8 * Math.exp(-i / 100) + (noise(i) > 0.99 ? 25 : noise(i)),
    'train/images_per_s': (i) => 116 + 4 * noise(i),
    'train/data_wait_ratio': (i) => 0.03 + 0.02 * noise(i),
    'sys/rss_bytes': (i) => 2.1e9 + 1e5 * i,
};
const PER_EPOCH = 54;
// A class beyond the known ones has a long name, in several scripts.
const className = (i) => CLASSES[i] ?? `class-${i} ${'שלום عالم 細胞 '.repeat(i % 7)}`.trim();
const evals = (classes) => ({'val/mAP_50_95': 0.62, 'val/mAP_50': 0.91, 'val/mAP_75': 0.67,
    ...Object.fromEntries(Array.from({length: classes}, (_, i) => [`val/AP/${className(i)}`, 0.4 + 0.4 * noise(i + 1)]))});

function series(made, one, name) {
    const per = PER_EPOCH;
    const train = SERIES[name];
    const steps = Array.from({length: one.steps}, (_, i) => i + 1).filter((step) => (train ? true : step % per === 0));
    const at = (step) => (train ? train(step) : made.evals[name] * (1 - Math.exp(-step / 350)) + 0.01 * noise(step));
    return {x: {step: steps, epoch: steps.map((step) => Math.ceil(step / per)), time_ms: steps.map((step) => Date.parse(one.started) + 4000 * step), attempt: steps.map((step) => (step > 1100 ? 2 : 1))},
        value: steps.map(at)};
}

// The part from `from` to `to`, along the axis x.
function within({x, value}, query) {
    const [from, to] = [Number(query.get('from') ?? 0), Number(query.get('to') ?? Infinity)];
    const along = query.get('x') === 'time' ? x.time_ms : x.step;
    const kept = along.map((_, i) => i).filter((i) => along[i] >= from && along[i] <= to);
    return {x: Object.fromEntries(Object.entries(x).map(([name, all]) => [name, kept.map((i) => all[i])])), value: kept.map((i) => value[i])};
}

// points buckets, each with its mean at its last point, as the daemon cuts them.
function cut({x, value}, points) {
    const size = Math.max(1, Math.ceil(value.length / points));
    const parts = Array.from({length: Math.ceil(value.length / size)}, (_, i) => value.slice(i * size, (i + 1) * size));
    const ends = parts.map((part, i) => i * size + part.length - 1);
    return {x: Object.fromEntries(Object.entries(x).map(([name, all]) => [name, ends.map((i) => all[i])])), value: parts.map((part) => part.reduce((a, b) => a + b) / part.length),
        min: parts.map((part) => Math.min(...part)), max: parts.map((part) => Math.max(...part))};
}

function metrics(made, one, query) {
    const all = [...Object.keys(SERIES), ...(one.steps >= 54 ? Object.keys(made.evals) : [])];
    const names = query.getAll('name');
    const points = Number(query.get('points') ?? 1e6);
    if (!names.length) {
        return {metrics: Object.fromEntries(one.steps ? all.map((name) => {
            const {x, value} = series(made, one, name);
            return [name, {value: value.at(-1), step: x.step.at(-1), epoch: x.epoch.at(-1), time: iso(x.time_ms.at(-1))}];
        }) : [])};
    }
    const kinds = [names.filter((name) => SERIES[name]), names.filter((name) => made.evals[name])].filter((kind) => kind.length);
    return {x: kinds.map((kind) => cut(within(series(made, one, kind[0]), query), points).x), last_id: made.last,
        series: kinds.flatMap((kind, x) => kind.map((name) => ({name, definition: name.startsWith('val/') ? 'EMA weights, maxDets 100, IoU 0.50:0.95, valid' : '', ...cut(within(series(made, one, name), query), points), x})))};
}

function amp(one) {
    const points = ['patch_embeddings', ...[0, 1, 2].flatMap((i) => ['norm1', 'query', 'attention', 'mlp'].map((part) => `vit.${i}.${part}`)), 'grid_sample', 'outputs.logits', 'outputs.boxes'];
    const trace = () => points.map((point) => ({point, device: 'cpu', dtype: point.includes('norm') ? 'float32' : 'bfloat16', depth: 1}));
    return {policy: {enabled: true, device_type: 'cpu', dtype: 'bfloat16', grad_scaler: false}, libtorch: '2.13.0', device: 'cpu', train: trace(),
        eval: one.steps >= 54 ? trace() : [], equal: one.steps >= 54 ? true : null, as_policy: true, first_difference: null};
}

const spec = (one) => ({model: 'medium', dataset_dir: '/srv/data/cells-2026', name: one.name, labels: {team: 'hemato'}, epochs: 60, batch_size: 4, grad_accum_steps: 4, lr: 1e-4, resolution: 576,
    seed: 7, max_steps: 0, amp: {enabled: true, device_type: 'cpu', dtype: 'bfloat16', grad_scaler: false}, aug_config: {}});
const SCHEMA = {type: 'object', properties: {epochs: {type: 'integer', default: 100}, batch_size: {type: 'integer', default: 4}, lr: {type: 'number', default: 0.0001},
    max_steps: {type: 'integer', default: 0}, amp: {type: 'object', properties: {dtype: {enum: ['bfloat16', 'float16']}}}}};
const brief = ({steps, ...one}) => one;
const missing = (detail) => [404, {type: 'urn:detrd:not_found', title: 'Not found', status: 404, detail, request_id: '8f3a'}];

function answer(made, method, url) {
    const fault = made.faults.get(url.pathname);
    if (fault)
        return fault;
    if (url.pathname === '/v1/schemas/job')
        return [200, SCHEMA];
    if (url.pathname === '/v1/gpus')
        return [200, gpus(made)];
    if (url.pathname === '/v1/jobs') {
        const states = url.searchParams.get('state')?.split(',');
        const limit = Number(url.searchParams.get('limit') ?? 50);
        const before = Number(url.searchParams.get('cursor') ?? Infinity);
        const jobs = [...made.jobs.values()].filter((one) => (!states || states.includes(one.state)) && one.id < before).sort((a, b) => b.id - a.id);
        return [200, {jobs: jobs.slice(0, limit).map(brief), next_cursor: jobs.length > limit ? String(jobs[limit - 1].id) : null}];
    }
    const [, id, what, name] = url.pathname.match(/^\/v1\/jobs\/(\d+)(?:\/(\w+))?(?:\/(.+))?$/) ?? [];
    const one = made.jobs.get(Number(id));
    if (made.deleted.has(Number(id)))
        return [410, {type: 'urn:detrd:gone', title: 'It was deleted', status: 410, detail: `job ${id} was deleted`, request_id: '8f3b'}];
    if (!one)
        return missing(`There is no job ${id ?? url.pathname}.`);
    const length = Number(made.options.log ?? 80);
    const log = Array.from({length}, (_, i) => `step ${i + 1} loss ${(9 / (i + 1)).toFixed(3)} ${i === length - 1 && one.name.includes('<') ? one.name : ''}`)
        .slice(-Number(url.searchParams.get('tail') ?? length)).join('\n');
    const replies = {
        undefined: () => [200, {...brief(one), disk_bytes: 243400000, spec: spec(one)}],
        metrics: () => [200, metrics(made, one, url.searchParams)],
        log: () => [200, one.steps ? log : ''],
        amp: () => (one.steps ? [200, amp(one)] : missing('No trace yet.')),
        checkpoints: () => [200, {checkpoints: one.steps < 54 || name ? [] : ['last', 'best'].map((kind) => ({name: `${kind}.safetensors`, kind, epoch: 36, step: one.steps, sha256: 'ab12'.repeat(16), bytes: 121634816, metrics: {'val/mAP_50_95': 0.618}, made: iso(Date.parse(one.started) + 4000 * one.steps)}))}],
        cancel: () => {
            if (method !== 'POST')
                return [405, {title: 'Method not allowed', status: 405, detail: 'POST'}];
            Object.assign(one, one.state === 'queued' ? {state: 'cancelled', ended: iso(Date.now())} : {state: 'stopping'});
            tell(made, 'state', {job: one.id, attempt: one.attempt, state: one.state, cause: null, detail: null, reason: null});
            return [202, {...brief(one), spec: spec(one)}];
        },
    };
    return replies[what] ? replies[what]() : missing('There is no such address.');
}

function gpus(made) {
    const running = [...made.jobs.values()].filter((one) => ['starting', 'running', 'stopping'].includes(one.state));
    const used = made.options.idle ? 0.4 : 11; // GiB
    return {gpus: Array.from({length: made.gpus}, (_, i) => ({uuid: `GPU-${i}`, index: i, name: 'NVIDIA H100 80GB HBM3', compute_capability: '9.0', memory_total_bytes: 80 * 2 ** 30,
        memory_used_bytes: (i ? (running[i] ? 11 : used) : 41.8) * 2 ** 30, utilization_ratio: i ? (running[i] || used > 1 ? 0.31 : 0) : 0.96, job: running[i]?.id ?? null})), cpu: {slots: 1, jobs: made.gpus ? [] : running.slice(0, 1).map((one) => one.id)}};
}
