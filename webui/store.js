// The curves of the open job: their history, asked for once, and the live points behind it.
import * as api from './api.js';
import {bound, empty, insert, merge, read} from './series.js';

const POINTS = 400; // buckets a curve, about one a pixel; twice as many points are kept
const NAMES_AT_ONCE = 50; // the API takes 100; an address stays short

export class Curves {
    // wanted(name) says which of the job's series the page shows.
    constructor(job, wanted) {
        this.path = `/v1/jobs/${job}/metrics`;
        this.wanted = wanted;
        this.before = null; // what is shown until a new history is there
        this.forget();
    }

    // The ids of events mean something else now: what was read of them is replaced by the next history.
    reset() {
        this.before ??= this.curves;
        this.forget();
    }

    forget() {
        Object.assign(this, {stale: true, names: new Set(), curves: new Map(), newest: {}, definitions: new Map()});
    }

    // Reads the history.  Returns the id of the last event that is in it, null while there are no points.
    async load(signal) {
        this.stale = false; // unless an event that comes meanwhile says so again
        try {
            const {metrics} = await api.get(this.path, {}, signal);
            Object.entries(metrics).forEach(([name, one]) => this.news(name, {...one, time_ms: Date.parse(one.time)}));
            const names = Object.keys(metrics).filter(this.wanted);
            const last = await this.parts(names, signal);
            this.names = new Set(names);
            this.before = null;
            this.stale ||= !names.length;
            return last || null;
        } catch (error) {
            this.stale = true;
            throw error;
        }
    }

    // The first part's last id holds for all: the others are asked for after it was there.
    async parts(names, signal) {
        const part = async (i) => {
            const reply = await api.get(this.path, {name: names.slice(i, i + NAMES_AT_ONCE), points: POINTS}, signal);
            this.apply(reply);
            return reply.last_id;
        };
        const last = names.length && await part(0);
        const starts = names.map((_, i) => i).filter((i) => i && i % NAMES_AT_ONCE === 0);
        await Promise.all(starts.map(part));
        return last;
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
            this.stale ||= !this.names.has(name);
        }
    }

    news(name, one) {
        if (!(this.newest[name]?.time_ms > one.time_ms))
            this.newest[name] = one;
    }

    get(name) {
        return (this.before ?? this.curves).get(name) ?? empty();
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
