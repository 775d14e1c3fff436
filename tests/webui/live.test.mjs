import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Live} from '../../webui/live.js';

const lost = Object.assign(new Error('no connection'), {isLost: true});

// A tab with a clock of its own, event sources that the test speaks through, and a view that counts.
// answers: what each refresh gives, an id, null or an error; the last one again and again.
function tab(answers, {failed = () => false} = {}) {
    const clock = {now: 0, timers: [], frames: [], hidden: false, woken: () => {}};
    const seen = {states: [], whys: [], paints: [], asked: [], events: [], resets: 0, faults: [], sources: [], topics: ['jobs']};

    class Source {
        constructor(address) {
            Object.assign(this, {address, on: {}, closed: false});
            seen.sources.push(this);
        }
        addEventListener(type, act) { this.on[type] = act; }
        close() { this.closed = true; }
        opens() { this.on.open(); }
        fails() { this.on.error(); }
        // As a browser does: an event without an id repeats the last one.
        sends(type, data, id) {
            this.last = id ?? this.last ?? '';
            this.on[type]({lastEventId: String(this.last), data: JSON.stringify(data)});
        }
    }
    const env = {
        Source, random: () => 0.5, now: () => clock.now,
        later: (ms, act) => {
            const timer = {at: clock.now + ms, act};
            clock.timers.push(timer);
            return () => { clock.timers = clock.timers.filter((one) => one !== timer); };
        },
        frame: (act) => (clock.hidden ? clock.frames.push(act) : act()),
        wake: (act) => {
            clock.woken = act;
            return () => { clock.woken = () => {}; };
        },
    };
    const view = {
        topics: () => seen.topics,
        refresh: async (_signal, all) => {
            seen.asked.push([clock.now, Boolean(all)]);
            const answer = answers.length > 1 ? answers.shift() : answers[0];
            if (answer instanceof Error)
                throw answer;
            return answer;
        },
        event: (type, data) => {
            seen.events.push([type, data.n]);
            return data.wants ?? 'paint';
        },
        reset: () => { seen.resets++; },
        paint: () => seen.paints.push(clock.now),
    };
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const live = new Live(view, (state, why) => { seen.states.push(state); seen.whys.push(why); }, (error) => {
        seen.faults.push(error.message);
        return failed(error);
    }, env);
    return {
        ...seen, seen, live, clock, settled,
        source: () => seen.sources.at(-1),
        shows: () => { clock.hidden = false; clock.woken(); clock.frames.splice(0).forEach((act) => act()); },
        async passes(ms) {
            const end = clock.now + ms;
            for (;;) {
                await settled();
                const [timer] = clock.timers.toSorted((a, b) => a.at - b.at);
                if (!timer || timer.at > end)
                    break;
                clock.now = Math.max(clock.now, timer.at);
                clock.timers = clock.timers.filter((one) => one !== timer);
                timer.act();
            }
            clock.now = end;
        },
    };
}

async function opened(answers, options) {
    const one = tab(answers, options);
    await one.settled();
    one.source().opens();
    return one;
}
const query = (source) => new URL(source.address, 'http://localhost').searchParams;
const ids = (one) => one.events.map(([, n]) => n);

test('first the history is asked for, then the stream goes on behind its last id', async () => {
    const one = tab([41]);
    assert.equal(one.sources.length, 0);
    await one.settled();
    assert.equal(one.source().address, '/v1/events?topics=jobs&after=41');
    assert.deepEqual(one.states, []);
    one.source().opens();
    assert.deepEqual([one.states, one.asked.length, one.paints.length], [['live'], 1, 1]);
});
test('a view without a position is asked once more when the stream is open, so that there is no gap', async () => {
    const one = await opened([null]);
    assert.equal(query(one.source()).has('after'), false);
    await one.passes(500);
    assert.deepEqual(one.asked, [[0, true], [0, true]]);
});
test('what is repeated is left out, and what has no id is not', async () => {
    const one = await opened([10]);
    [9, 10, 11, 12, 11, 12, 13].forEach((n) => one.source().sends('metric', {n}, n));
    one.source().sends('log', {n: 'log'});
    one.source().sends('log', {n: 'log'});
    assert.deepEqual(ids(one), [11, 12, 13, 'log', 'log']);
});
test('after a loss the stream goes on behind what was seen last, and everything else is asked for', async () => {
    const one = await opened([10]);
    one.source().sends('metric', {n: 11}, 11);
    const first = one.source();
    first.fails();
    assert.deepEqual([one.states, first.closed], [['live', 'lost'], true]);
    first.on.metric({lastEventId: '99', data: '{"n": 99}'}); // of a stream that is closed
    await one.passes(1000);
    assert.equal(query(one.source()).get('after'), '11');
    assert.deepEqual(one.asked.at(-1), [1000, true]);
    one.source().opens();
    one.source().sends('metric', {n: 12}, 12);
    assert.deepEqual([ids(one), one.states], [[11, 12], ['live', 'lost', 'live']]);
});
test('it backs off from 1 s to 30 s, and from 1 s again after it was back', async () => {
    const one = await opened([10, lost, lost, lost, lost, lost, lost, lost, 10]);
    one.source().fails();
    await one.passes(200000);
    const times = one.asked.map(([at]) => at).slice(1);
    assert.deepEqual(times.map((at, i) => at - (times[i - 1] ?? 0)).slice(0, 8), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    assert.deepEqual(one.whys, ['', 'refused', 'silent']); // the last one neither opens nor fails
    one.source().opens();
    one.source().fails();
    const before = one.asked.length;
    await one.passes(1000);
    assert.equal(one.asked.length, before + 1);
});
test('why there is no connection is told: refused, or silent for too long, and each change of it', async () => {
    const slow = Object.assign(new Error('no answer'), {isLost: true, isSlow: true});
    const one = await opened([10, lost, slow, slow, 10]);
    one.source().fails();
    await one.passes(8000);
    assert.deepEqual([one.states, one.whys], [['live', 'lost', 'lost'], ['', 'refused', 'silent']]);
});
test('a network that comes back or a tab that is shown ends the pause', async () => {
    const one = await opened([10, lost, lost, lost, 10]);
    one.source().fails();
    await one.passes(10000);
    const before = one.asked.length;
    one.clock.woken();
    await one.settled();
    assert.deepEqual([one.asked.length, one.sources.length], [before + 1, 2]);
    one.clock.woken(); // already there
    await one.settled();
    assert.equal(one.sources.length, 2);
});
test('35 s of silence are a loss, and a ping is not silence', async () => {
    const one = await opened([10]);
    await one.passes(34000);
    one.source().sends('ping', {});
    await one.passes(34000);
    assert.deepEqual(one.states, ['live']);
    await one.passes(1000);
    assert.deepEqual(one.states, ['live', 'lost']);
});
test('events are painted at most twice a second', async () => {
    const one = await opened([10]);
    for (let n = 11; n < 111; n++) {
        one.source().sends('metric', {n}, n);
        await one.passes(20);
    }
    assert.equal(one.events.length, 100);
    const gaps = one.paints.map((at, i) => at - one.paints[i - 1]).slice(2);
    assert.ok(gaps.length >= 4 && gaps.every((gap) => gap >= 500), String(gaps));
});
test('a hidden tab takes events, paints nothing and asks for nothing until it is shown', async () => {
    const one = await opened([10]);
    await one.passes(1000);
    one.clock.hidden = true;
    const [paints, asked] = [one.paints.length, one.asked.length];
    for (let n = 11; n < 16; n++) {
        one.source().sends('state', {n, wants: 'now'}, n);
        await one.passes(1000);
    }
    assert.deepEqual([ids(one).length, one.paints.length, one.asked.length], [5, paints, asked]);
    one.shows();
    await one.settled();
    assert.deepEqual([one.paints.length, one.asked.length], [paints + 2, asked + 1]);
});
test('now asks at once, soon at most every 2 s, and what came while it asked is asked for again', async () => {
    const one = await opened([10]);
    await one.passes(5000);
    for (let n = 11; n < 51; n++) {
        one.source().sends('metric', {n, wants: 'soon'}, n);
        await one.passes(100);
    }
    const times = one.asked.map(([at]) => at).slice(1);
    assert.deepEqual([times.length, times.slice(1).every((at, i) => at - times[i] >= 2000)], [3, true], String(times));
    const before = one.asked.length;
    await one.passes(3000);
    const after = one.asked.length;
    one.source().sends('state', {n: 51, wants: 'now'}, 51);
    await one.passes(200);
    assert.deepEqual([after - before <= 1, one.asked.length], [true, after + 1]);
});
test('a reset starts over: what was there is of no use, and the stream goes on where the daemon says', async () => {
    const one = await opened([1000]);
    one.source().sends('reset', {after: 5});
    assert.equal(one.seen.resets, 1);
    await one.passes(300);
    assert.deepEqual(one.asked.at(-1)[1], true);
    one.source().sends('metric', {n: 6}, 6);
    one.source().fails();
    await one.passes(1000);
    assert.deepEqual([ids(one), query(one.source()).get('after')], [[6], '6']);
});
test('other topics are another stream behind the same position', async () => {
    const one = await opened([10]);
    one.seen.topics = ['jobs', 'job.4'];
    one.source().sends('state', {n: 11, wants: 'now'}, 11);
    await one.passes(500);
    assert.deepEqual([one.sources.length, one.sources[0].closed, one.source().address], [2, true, '/v1/events?topics=jobs%2Cjob.4&after=11']);
    assert.deepEqual(one.states, ['live']);
});
test('another fault is told, tried again after 4 s, and its end is told', async () => {
    const one = await opened([10, new Error('500'), 10]);
    one.source().sends('state', {n: 11, wants: 'now'}, 11);
    await one.passes(1000);
    assert.deepEqual([one.faults, one.states], [['500'], ['live']]);
    await one.passes(4000);
    assert.deepEqual(one.states, ['live', 'live']);
});
test('a fault that ends the view ends it all', async () => {
    const one = tab([new Error('404')], {failed: () => true});
    await one.passes(100000);
    assert.deepEqual([one.asked.length, one.sources.length, one.clock.timers.length], [1, 0, 0]);
});
test('nothing is left after stop', async () => {
    const one = await opened([10]);
    one.source().sends('state', {n: 11, wants: 'now'}, 11);
    one.live.stop();
    await one.passes(100000);
    assert.deepEqual([one.source().closed, one.asked.length, one.clock.timers.length], [true, 1, 0]);
});
