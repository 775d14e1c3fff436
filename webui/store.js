// The curves of the open job: their history, asked for once, the live points behind it, and the range that is zoomed into.
import * as api from './api.js';
import {bound, empty, insert, isWithin, merge, pick, read} from './series.js';

const POINTS = 400; // buckets a curve, about one a pixel; twice as many points are kept
const MARGIN = 0.25; // asked for on each side of a range: smoothing starts before it, and lines run out of the chart
const NAMES_AT_ONCE = 50; // the API takes 100; an address stays short

export class Curves {
    // wanted(name) says which of the job's series the page shows.
    constructor(job, wanted) {
        this.path = `/v1/jobs/${job}/metrics`;
        this.wanted = wanted;
        this.before = null; // what is shown until a new history is there
        this.changes = 0;
        this.forget();
    }

    // The ids of events mean something else now: what was read of them is replaced by the next history.
    reset() {
        this.before ??= this.curves;
        this.forget();
    }

    forget() {
        Object.assign(this, {stale: true, names: new Set(), curves: new Map(), newest: {}, definitions: new Map(), ages: new Map(), range: null, detail: null});
    }

    // Reads the history.  Returns the id of the last event that is in it, null while there are no points.
    async load(signal) {
        this.stale = false; // unless an event that comes meanwhile says so again
        try {
            const {metrics} = await api.get(this.path, {}, signal);
            Object.entries(metrics).forEach(([name, one]) => this.news(name, {...one, time_ms: Date.parse(one.time)}));
            const names = Object.keys(metrics).filter(this.wanted);
            const last = await this.parts(names, signal);
            if (names.length !== this.names.size)
                this.detail = null; // it has not all of them
            this.names = new Set(names);
            this.before = null;
            this.changes++;
            this.stale ||= !names.length;
            return last || null;
        } catch (error) {
            this.stale = true;
            throw error;
        }
    }

    // The first part's last id holds for all: the others are asked for after it was there.
    async parts(names, signal) {
        const part = async (some) => {
            const reply = await api.get(this.path, {name: some, points: POINTS}, signal);
            this.apply(reply);
            return reply.last_id;
        };
        const [first, ...others] = chunks(names);
        const last = first && await part(first);
        await Promise.all(others.map(part));
        return last;
    }

    // Shows range, {x: 'step' or 'time', from, to} (whole numbers, time in ms), in points of its own; null: everything.
    // Until they are there, the points known already stand.
    async look(range, signal) {
        this.range = range;
        this.changes++;
        if (!range || !this.detail || !isWithin(this.detail.range, range.x, range.from) || !isWithin(this.detail.range, range.x, range.to))
            this.detail = null;
        if (!range)
            return;
        const wide = widened(range);
        const replies = await Promise.all(chunks([...this.names]).map((some) => api.get(this.path, {name: some, points: POINTS * (1 + 2 * MARGIN), ...wide}, signal)));
        if (this.range !== range)
            return; // another was chosen meanwhile
        const curves = new Map(replies.flatMap((reply) => [...read(reply)]));
        curves.forEach((curve, name) => merge(curve, pick(this.get(name), wide)));
        this.detail = {range: wide, curves};
        this.changes++;
    }

    // Every point of these series in range (null: all) as CSV, with a line of headings.
    csv(names, range) {
        return api.getCsv(this.path, {name: names, ...range});
    }

    apply(reply) {
        reply.series.forEach(({name, definition}) => this.definitions.set(name, definition ?? ''));
        for (const [name, history] of read(reply))
            this.curves.set(name, merge(history, this.curves.get(name) ?? empty()));
    }

    // Takes the values of an event, by name.  A series that was not there before makes the history stale.
    add({attempt, step, epoch, time_ms}, values) {
        for (const [name, value] of Object.entries(values)) {
            this.news(name, {value, step, epoch, time_ms});
            if (!this.wanted(name))
                continue;
            if (!this.curves.has(name))
                this.curves.set(name, empty());
            insert(this.curves.get(name), {attempt, step, epoch, time_ms, value});
            bound(this.curves.get(name), POINTS);
            this.addDetail(name, {attempt, step, epoch, time_ms, value});
            this.ages.set(name, (this.ages.get(name) ?? 0) + 1);
            this.stale ||= !this.names.has(name);
        }
    }

    addDetail(name, point) {
        const curve = this.detail?.curves.get(name);
        if (!curve || !isWithin(this.detail.range, 'step', point.step) || !isWithin(this.detail.range, 'time', point.time_ms))
            return;
        insert(curve, point);
        bound(curve, POINTS);
    }

    news(name, one) {
        if (!(this.newest[name]?.time_ms > one.time_ms))
            this.newest[name] = one;
    }

    get(name) {
        return (this.before ?? this.curves).get(name) ?? empty();
    }

    // The curve as it is looked at: of the range where that is there, else all of it.
    shown(name) {
        return this.detail?.curves.get(name) ?? this.get(name);
    }

    // Differs from what it was before when these curves do.
    age(names) {
        return `${this.changes} ${names.map((name) => this.ages.get(name) ?? 0)}`;
    }

    value(name) {
        return this.newest[name]?.value ?? null;
    }

    // What a val/ series was measured with, in the API's words.
    definition(name) {
        return this.definitions.get(name) ?? '';
    }

    // From the plan where the curve agrees (max_steps may end a job within an epoch), else from the curve, whose points at
    // the ends of epochs tell it.
    stepsPerEpoch({progress}) {
        const {step, epoch} = this.get('train/loss');
        const ends = step.map((at, i) => [at / epoch[i], epoch[i] > 1 ? at / (epoch[i] - 1) : Infinity]);
        const least = Math.max(0, ...ends.map(([low]) => low));
        const most = Math.min(Infinity, ...ends.map(([, high]) => high));
        const plan = progress?.steps && progress.epochs ? progress.steps / progress.epochs : 0;
        return plan >= least && plan <= most && plan > 0 ? Math.max(1, plan) : Math.max(1, least);
    }
}

const chunks = (names) => Array.from({length: Math.ceil(names.length / NAMES_AT_ONCE)}, (_, i) => names.slice(i * NAMES_AT_ONCE, (i + 1) * NAMES_AT_ONCE));

function widened({x, from, to}) {
    const margin = Math.ceil((to - from) * MARGIN);
    return {x, from: Math.max(0, from - margin), to: to + margin};
}
