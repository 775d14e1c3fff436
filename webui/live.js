// The one event stream of a tab: what is asked when, how the connection is, and when the view paints.
// First the view's history, then the stream behind its last id, so that there is no gap; what is repeated is left out.
import {address} from './api.js';

const BACK_OFF_MS = [1000, 2000, 4000, 8000, 16000, 30000];
const AFTER_FAULT_MS = 4000;
const SILENCE_MS = 35000; // two pings and some
const PAINT_EVERY_MS = 500;
const SOON_MS = 2000;
const NUMBERED = ['state', 'plan', 'metric', 'eval', 'amp', 'checkpoint', 'warning', 'deleted'];
const TYPES = [...NUMBERED, 'log', 'gpu', 'ping', 'reset'];

// Keeps a view fresh until stop():
//   view.topics()              of its stream; they may change with what it shows
//   view.refresh(signal, all)  asks for what has become stale, or for everything; → the event id behind which the stream
//                              goes on, null where the view does not know one
//   view.event(type, data)     takes an event; → 'now' or 'soon' when something must be asked for, 'paint', or ''
//   view.reset()               what it has of the stream is of no use any more
//   view.paint()               shows what it has
// state('live') or state('lost', why) tells each change; why is 'refused', or 'silent' where nothing came for too long.
// failed(error) takes an error that is not a lost connection, and ends it all when it returns true.  env: the browser, or
// what a test puts in its place.
export class Live {
    constructor(view, state, failed, env = browser()) {
        Object.assign(this, {view, state, failed, env, abort: new AbortController(), source: null, topics: [], position: null, was: null, why: '', tries: 0,
            due: Infinity, asked: -Infinity, painted: -Infinity, next: Infinity, asking: false, all: false, retry: null, watchdog: nothing, timer: nothing});
        this.asleep = env.wake(() => this.retry && this.connect());
        this.connect();
    }

    stop() {
        this.abort.abort();
        this.close();
        [this.asleep, this.timer, this.retry ?? nothing].forEach((cancel) => cancel());
    }

    async connect() {
        this.retry?.();
        this.retry = null;
        if (await this.ask(true))
            this.open();
    }

    // Returns whether the view has what it asked for.
    async ask(all) {
        this.asking = true;
        this.due = Infinity;
        try {
            const id = await this.view.refresh(this.abort.signal, all);
            if (!this.source)
                this.position ??= id; // an open stream knows better
        } catch (error) {
            return this.trouble(error);
        } finally {
            this.asking = false;
        }
        return !this.abort.signal.aborted && this.answered();
    }

    answered() {
        this.asked = this.env.now();
        this.view.paint();
        if (this.due < Infinity)
            this.schedule(this.due);
        if (this.source && this.was === 'fault')
            this.tell('live');
        if (this.source && this.view.topics().join() !== this.topics.join()) {
            this.close();
            this.open();
        }
        return true;
    }

    trouble(error) {
        if (this.abort.signal.aborted)
            return false;
        if (error.isLost && this.retry)
            return false; // the stream was lost before
        if (error.isLost) {
            this.lost(error.isSlow ? 'silent' : 'refused');
        } else if (this.failed(error)) {
            this.stop();
        } else {
            this.was = 'fault';
            if (this.source)
                this.schedule(this.due = this.env.now() + AFTER_FAULT_MS);
            else
                this.again(AFTER_FAULT_MS);
        }
        return false;
    }

    open() {
        const after = this.position;
        this.topics = this.view.topics();
        const source = new this.env.Source(address('/v1/events', {topics: this.topics.join(), ...(after !== null && {after})}));
        const on = (type, act) => source.addEventListener(type, (message) => source === this.source && act(message));
        this.source = source;
        on('open', () => this.opened(after));
        on('error', () => this.lost('refused'));
        TYPES.forEach((type) => on(type, (message) => this.take(type, message)));
        this.watch();
    }

    // Without a position the stream starts at what is new now: what came since the view asked is asked for once more.
    opened(after) {
        this.tries = 0;
        this.watch();
        this.tell('live');
        if (after === null)
            this.want('now', true);
    }

    close() {
        this.watchdog();
        this.source?.close();
        this.source = null;
    }

    // Reconnecting is ours: the browser's own is slower, and ends at the first reply that is an error.
    lost(why) {
        this.close();
        this.tell('lost', why);
        const pause = BACK_OFF_MS[Math.min(this.tries++, BACK_OFF_MS.length - 1)];
        this.again(pause * (0.8 + 0.4 * this.env.random()));
    }

    again(pause) {
        this.retry?.();
        this.retry = this.env.later(pause, () => this.connect());
    }

    tell(is, why = '') {
        if (is + why !== this.was + this.why)
            this.state(is, why);
        this.was = is;
        this.why = why;
    }

    watch() {
        this.watchdog();
        this.watchdog = this.env.later(SILENCE_MS, () => this.lost('silent'));
    }

    take(type, message) {
        this.watch();
        const id = NUMBERED.includes(type) ? Number(message.lastEventId) : null;
        if (id !== null && this.position !== null && id <= this.position)
            return;
        this.position = id ?? this.position;
        const data = JSON.parse(message.data);
        if (type === 'reset') {
            this.position = data.after;
            this.view.reset();
        }
        this.want({ping: 'paint', reset: 'now'}[type] ?? this.view.event(type, data), type === 'reset');
    }

    want(what, all = false) {
        this.all ||= all;
        const due = {now: this.env.now(), soon: this.asked + SOON_MS}[what];
        this.due = Math.min(this.due, due ?? Infinity);
        if (what)
            this.schedule(what === 'soon' ? this.env.now() : due ?? this.env.now());
    }

    // Paints at that time, or as soon after as it may.
    schedule(time) {
        const at = Math.max(time, this.painted + PAINT_EVERY_MS);
        if (at >= this.next)
            return;
        this.next = at;
        this.timer();
        this.timer = this.env.later(Math.max(0, at - this.env.now()), () => {
            this.next = -Infinity; // until the frame has come, which a hidden tab does not get
            this.env.frame(() => this.tick());
        });
    }

    tick() {
        if (this.abort.signal.aborted)
            return;
        this.painted = this.env.now();
        this.next = Infinity;
        this.view.paint();
        if (this.asking || !this.source || this.due === Infinity)
            return; // what is due is asked for once the answer or the connection is there
        if (this.due > this.painted) {
            this.schedule(this.due);
            return;
        }
        const {all} = this;
        this.all = false;
        this.ask(all);
    }
}

function nothing() {}

// later() returns what cancels it; wake() tells of reasons not to wait any longer, and returns what ends that.
function browser() {
    const WAKES = [[window, 'online'], [document, 'visibilitychange']];
    return {
        Source: EventSource,
        random: Math.random,
        now: () => performance.now(),
        frame: (act) => requestAnimationFrame(act),
        later: (ms, act) => {
            const timer = setTimeout(act, ms);
            return () => clearTimeout(timer);
        },
        wake: (act) => {
            const woken = () => document.hidden || act();
            WAKES.forEach(([target, name]) => target.addEventListener(name, woken));
            return () => WAKES.forEach(([target, name]) => target.removeEventListener(name, woken));
        },
    };
}
