// The curves of the open job: which series it asks for, and where the next request goes on.
import * as api from './api.js';
import {append, bound, empty, read} from './series.js';

const BUDGET = 800; // points a curve, a little more than one a pixel

export class Curves {
    constructor(job) {
        this.path = `/v1/jobs/${job}/metrics`;
        this.names = new Set();
        this.curves = new Map();
        this.newest = {};
        this.definitions = new Map();
        this.last_id = 0;
    }

    // Asks for what is new.  Returns whether anything was.
    async refresh(signal) {
        const {metrics} = await api.get(this.path, {}, signal);
        const names = Object.keys(metrics);
        if (names.some((name) => !this.names.has(name)))
            this.last_id = 0; // a series that was not asked for before starts at its first point
        this.names = new Set(names);
        this.newest = metrics;
        if (!names.length)
            return false;
        const reply = await api.get(this.path, this.last_id ? {name: names, after: this.last_id} : {name: names, points: BUDGET}, signal);
        return this.apply(reply);
    }

    apply(reply) {
        let grew = false;
        reply.series.forEach(({name, definition}) => definition && this.definitions.set(name, definition));
        for (const [name, more] of read(reply)) {
            const curve = this.curves.get(name) ?? empty();
            const size = curve.step.length;
            append(curve, more);
            grew ||= curve.step.length > size;
            this.curves.set(name, bound(curve, BUDGET));
        }
        this.last_id = Math.max(this.last_id, reply.last_id ?? 0);
        return grew;
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
