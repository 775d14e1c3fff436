// The curves of the open job: which series it asks for, and where the next request goes on.
import * as api from './api.js';
import {append, bound, empty, read} from './series.js';

const BUDGET = 800; // points a curve, a little more than one a pixel
const NAMES_AT_ONCE = 50; // the API takes 100; an address stays short

export class Curves {
    // wanted(name) says which of the job's series the page shows.
    constructor(job, wanted) {
        this.path = `/v1/jobs/${job}/metrics`;
        this.wanted = wanted;
        this.names = new Set();
        this.parts = []; // [names, last_id of what was read of them]
        this.curves = new Map();
        this.newest = {};
        this.definitions = new Map();
    }

    // Asks for what is new.
    async refresh(signal) {
        const {metrics} = await api.get(this.path, {}, signal);
        this.newest = metrics;
        this.expect(Object.keys(metrics).filter(this.wanted));
        await Promise.all(this.parts.map(async (part) => {
            const [name, after] = part;
            const reply = await api.get(this.path, {name, after}, signal);
            this.apply(reply);
            part[1] = Math.max(after, reply.last_id);
        }));
    }

    // A series that was not there before starts at its first point; what the others have already, apply() leaves out.
    expect(names) {
        if (names.every((name) => this.names.has(name)))
            return;
        this.names = new Set(names);
        this.parts = [];
        for (let i = 0; i < names.length; i += NAMES_AT_ONCE)
            this.parts.push([names.slice(i, i + NAMES_AT_ONCE), 0]);
    }

    apply(reply) {
        reply.series.forEach(({name, definition}) => this.definitions.set(name, definition ?? ''));
        for (const [name, more] of read(reply))
            this.curves.set(name, bound(append(this.get(name), more), BUDGET));
    }

    get(name) {
        return this.curves.get(name) ?? empty();
    }

    value(name) {
        return this.newest[name]?.value ?? null;
    }

    // What a val/ series was measured with, in the API's words.
    definition(name) {
        return this.definitions.get(name) ?? '';
    }

    // From the curve itself where an epoch has ended (max_steps may end a job within one), else from the plan.
    stepsPerEpoch({progress}) {
        const {step, epoch} = this.get('train/loss');
        const first = epoch.findIndex((one) => one !== epoch[0]);
        if (first > 0)
            return step[first - 1] / epoch[0];
        return progress?.steps && progress.epochs ? Math.max(1, progress.steps / progress.epochs) : 1;
    }
}
