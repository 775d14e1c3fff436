// Curves as arrays: merging history with live points, folding, smoothing, axes.  Pure functions over
// {step, epoch, time_ms, attempt, value, min, max}: arrays of one length, in the order of (attempt, step); settled is how
// many of the first points stand for all there ever was up to the last of them, as history and folded points do.

const COLUMNS = ['step', 'epoch', 'time_ms', 'attempt', 'value', 'min', 'max'];

export const empty = () => ({...Object.fromEntries(COLUMNS.map((name) => [name, []])), settled: 0});

// A non-finite value comes as text ("nan"); it is a gap in the line.
const finite = (v) => (typeof v === 'number' && Number.isFinite(v) ? v : null);

// The series of a reply of /v1/jobs/{id}/metrics?name=…, by name.
export function read(reply) {
    return new Map(reply.series.map((series) => {
        const x = reply.x[series.x];
        const value = series.value.map(finite);
        return [series.name, {
            step: [...x.step], epoch: [...x.epoch], time_ms: [...x.time_ms], attempt: [...x.attempt], value,
            min: series.min ? series.min.map(finite) : [...value], max: series.max ? series.max.map(finite) : [...value], settled: value.length,
        }];
    }));
}

// Whether {attempt, step} comes after point i of curve; every place comes after point -1.
const isAfter = ({attempt, step}, curve, i) => i < 0 || attempt > curve.attempt[i] || (attempt === curve.attempt[i] && step > curve.step[i]);

// Puts a live point, {step, epoch, time_ms, attempt, value}, in its place; what the curve has already is dropped.
export function insert(curve, point) {
    let i = curve.step.length;
    while (i > curve.settled && !isAfter(point, curve, i - 1))
        i--;
    const isThere = i < curve.step.length && point.attempt === curve.attempt[i] && point.step === curve.step[i];
    if (isThere || !isAfter(point, curve, i - 1))
        return;
    const value = finite(point.value);
    const row = {...point, value, min: value, max: value};
    COLUMNS.forEach((name) => curve[name].splice(i, 0, row[name]));
}

// The history with those points of live behind it that are newer.
export function merge(history, live) {
    const end = history.step.length - 1;
    live.step.forEach((step, i) => {
        if (isAfter({attempt: live.attempt[i], step}, history, end))
            COLUMNS.forEach((name) => history[name].push(live[name][i]));
    });
    return history;
}

// Whether a place on axis `by` is in range, {x, from, to}; a range says nothing of the other axis.
export const isWithin = ({x, from, to}, by, place) => x !== by || (place >= from && place <= to);

// The points of curve that are in range.
export function pick(curve, range) {
    const kept = curve.step.map((_, i) => i).filter((i) => isWithin(range, 'step', curve.step[i]) && isWithin(range, 'time', curve.time_ms[i]));
    return {...Object.fromEntries(COLUMNS.map((name) => [name, kept.map((i) => curve[name][i])])), settled: 0};
}

// Folds curve in place until it has at most twice budget points, two points into one that keeps their min, max and mean:
// spikes stay.  All of it where it is far too long, as a history is; then only its older half, so that new points are whole.
export function bound(curve, budget) {
    for (let size = curve.step.length; size > 2 * budget; size = curve.step.length)
        fold(curve, size > 4 * budget ? size : Math.ceil(size / 2));
    return curve;
}

function fold(curve, size) {
    const folded = empty();
    for (let i = 0; i + 1 < size; i += 2) {
        const pair = (name) => [curve[name][i], curve[name][i + 1]].filter((v) => v !== null);
        for (const name of ['step', 'epoch', 'time_ms', 'attempt'])
            folded[name].push(curve[name][i + 1]);
        folded.value.push(mean(pair('value')));
        folded.min.push(pair('min').length ? Math.min(...pair('min')) : null);
        folded.max.push(pair('max').length ? Math.max(...pair('max')) : null);
    }
    const made = folded.step.length;
    COLUMNS.forEach((name) => curve[name].splice(0, 2 * made, ...folded[name]));
    curve.settled = Math.max(made, curve.settled - made);
}

const mean = (values) => (values.length ? values.reduce((a, b) => a + b) / values.length : null);

// Exponential mean, debiased so that the first points are not pulled to 0.  weight 0 is the values themselves.
export function smooth(values, weight) {
    let sum = 0;
    let share = 0;
    return values.map((v) => {
        if (v === null)
            return null;
        sum = weight * sum + (1 - weight) * v;
        share = weight * share + (1 - weight);
        return sum / share;
    });
}

// The x values of curve: by 'step', by 'epoch' (fractional, from steps per epoch) or by 'time' (seconds since the epoch
// of Unix time, as uPlot wants them).  Ascending, as a later attempt may go back over steps: then its points win.
export function axis(curve, by, stepsPerEpoch) {
    if (by === 'time')
        return curve.time_ms.map((ms) => ms / 1000);
    return by === 'epoch' ? curve.step.map((step) => step / stepsPerEpoch) : curve.step;
}

// Indices of the points that an axis by step may show: those that no later attempt went over again.
export function current(curve) {
    const kept = [];
    let least = Infinity;
    for (let i = curve.step.length - 1; i >= 0; i--) {
        if (curve.step[i] < least) {
            kept.push(i);
            least = curve.step[i];
        }
    }
    return kept.reverse();
}

// Columns on one common x, for curves that are sampled differently: [x, [values of the first], …].
export function join(curves) {
    const xs = [...new Set(curves.flatMap(({x}) => x))].sort((a, b) => a - b);
    const place = new Map(xs.map((x, i) => [x, i]));
    return [xs, ...curves.flatMap(({x, columns}) => columns.map((values) => {
        const column = new Array(xs.length).fill(null);
        values.forEach((v, i) => { column[place.get(x[i])] = v; });
        return column;
    }))];
}

// The newest value that is one.
export const last = (values) => values.findLast((v) => v !== null && v !== undefined) ?? null;
