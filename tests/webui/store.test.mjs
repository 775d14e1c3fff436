import assert from 'node:assert/strict';
import {test} from 'node:test';
import {isShown} from '../../webui/charts.js';
import {Curves} from '../../webui/store.js';

// A daemon with series of rows [id, step, value].
function daemon(rows) {
    const asked = [];
    globalThis.fetch = async (address) => {
        const url = new URL(address, 'http://localhost');
        const names = url.searchParams.getAll('name');
        asked.push(url.search);
        if (!names.length) {
            return Response.json({metrics: Object.fromEntries(Object.entries(rows).map(([name, all]) =>
                [name, {value: all.at(-1)[2], step: all.at(-1)[1], epoch: 1, time: new Date(all.at(-1)[1]).toISOString()}]))});
        }
        const [from, to] = [Number(url.searchParams.get('from') ?? 0), Number(url.searchParams.get('to') ?? Infinity)];
        const x = names.map((name) => rows[name].filter(([, step]) => step >= from && step <= to));
        return Response.json({
            x: x.map((all) => ({step: all.map(([, step]) => step), epoch: all.map(([, step]) => Math.ceil(step / 10)), time_ms: all.map(([id]) => id), attempt: all.map(() => 1)})),
            series: names.map((name, i) => ({name, definition: `what ${name} is`, x: i, value: x[i].map(([, , value]) => value)})),
            last_id: Math.max(...x.flat().map(([id]) => id)),
        });
    };
    return asked;
}
const named = (asked) => asked.filter((query) => query);
const LOSS = 'train/loss';
const history = (first, last) => Array.from({length: last - first + 1}, (_, i) => [first + i, first + i, first + i]);
const live = (curves, step, value = step, attempt = 1) => curves.add({attempt, step, epoch: 1, time_ms: step}, {[LOSS]: value});

async function loaded(rows) {
    const asked = daemon(rows);
    const curves = new Curves(7, isShown);
    return {curves, asked, last: await curves.load()};
}

test('the history is asked for in buckets, and tells behind which event the stream goes on', async () => {
    const {curves, asked, last} = await loaded({[LOSS]: [[4, 1, 9], [6, 2, 8]]});
    assert.deepEqual([last, named(asked), curves.stale], [6, ['?name=train%2Floss&points=400'], false]);
    assert.deepEqual(curves.get(LOSS).value, [9, 8]);
    assert.equal(curves.value(LOSS), 8);
    assert.equal(curves.definition(LOSS), 'what train/loss is');
});
test('a job without points has no position, and its history is still to be read', async () => {
    const {curves, last} = await loaded({});
    assert.deepEqual([last, curves.stale], [null, true]);
});
test('live points go behind the history, in any order, and what is there already is dropped', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 5)});
    [8, 3, 6, 5, 7, 7, 6, 10].forEach((step) => live(curves, step, step === 3 ? 999 : step));
    assert.deepEqual(curves.get(LOSS).step, [1, 2, 3, 4, 5, 6, 7, 8, 10]);
    assert.deepEqual(curves.get(LOSS).value, [1, 2, 3, 4, 5, 6, 7, 8, 10]);
    live(curves, 9);
    assert.deepEqual(curves.get(LOSS).step, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
test('any order of points gives the same curve', async () => {
    for (let seed = 1; seed <= 20; seed++) {
        const {curves} = await loaded({[LOSS]: history(1, 20)});
        const steps = [...history(10, 60), ...history(30, 60)].map(([, step]) => step).sort((a, b) => Math.sin(a * seed) - Math.sin(b * seed));
        steps.forEach((step) => live(curves, step));
        assert.deepEqual(curves.get(LOSS).step, history(1, 60).map(([, step]) => step));
    }
});
test('a history that was asked for before a live point came does not drop it', async () => {
    const rows = {[LOSS]: history(1, 3)};
    daemon(rows);
    const curves = new Curves(7, isShown);
    const load = curves.load();
    [3, 4, 5].forEach((step) => live(curves, step));
    await load;
    assert.deepEqual(curves.get(LOSS).step, [1, 2, 3, 4, 5]);
});
test('a new attempt may go back over steps', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 5)});
    [[4, 2], [5, 2], [6, 1]].forEach(([step, attempt]) => live(curves, step, step, attempt));
    assert.deepEqual(curves.get(LOSS).step, [1, 2, 3, 4, 5, 6, 4, 5]);
});
test('a series that was not there before is shown at once and makes the history stale', async () => {
    const rows = {[LOSS]: history(1, 3)};
    daemon(rows);
    const curves = new Curves(7, isShown);
    await curves.load();
    rows['val/mAP_50'] = [[4, 3, 0.5]];
    curves.add({attempt: 1, step: 3, epoch: 1, time_ms: 4}, {'val/mAP_50': 0.5});
    assert.deepEqual([curves.get('val/mAP_50').value, curves.stale], [[0.5], true]);
    await curves.load();
    assert.deepEqual([curves.get('val/mAP_50').value, curves.stale, curves.definition('val/mAP_50')], [[0.5], false, 'what val/mAP_50 is']);
});
test('a history that could not be read stays stale', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 3)});
    curves.reset();
    globalThis.fetch = async () => { throw new TypeError('refused'); };
    await assert.rejects(curves.load(), {isLost: true});
    assert.deepEqual([curves.stale, curves.get(LOSS).step], [true, [1, 2, 3]]);
});
test('after a reset the old curve stands until the new history replaces it', async () => {
    const rows = {[LOSS]: history(1, 9)};
    daemon(rows);
    const curves = new Curves(7, isShown);
    await curves.load();
    curves.reset();
    live(curves, 3);
    assert.equal(curves.get(LOSS).step.length, 9);
    rows[LOSS] = history(1, 2);
    await curves.load();
    assert.deepEqual(curves.get(LOSS).step, [1, 2, 3]);
});
test('a curve is bounded however long it goes on, and its spikes stay', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 400)});
    for (let step = 401; step <= 5000; step++)
        live(curves, step, step === 3333 ? 9999 : 1);
    const curve = curves.get(LOSS);
    assert.ok(curve.step.length <= 800, `${curve.step.length}`);
    assert.equal(Math.max(...curve.max), 9999);
    assert.deepEqual(curve.step.slice(-3), [4998, 4999, 5000]);
    live(curves, 401, 77);
    assert.equal(curves.get(LOSS).value.includes(77), false);
    assert.ok(curve.step.every((step, i) => !i || step > curve.step[i - 1]));
});
test('a value that is not a number is a gap, and the newest is the newest by time', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 2)});
    live(curves, 3, 'nan');
    assert.deepEqual(curves.get(LOSS).value, [1, 2, null]);
    assert.equal(curves.value(LOSS), 'nan');
    curves.add({attempt: 1, step: 1, epoch: 1, time_ms: 1}, {[LOSS]: 5});
    assert.equal(curves.newest[LOSS].step, 3);
});
test('series that no chart shows are not asked for', async () => {
    const {asked, curves} = await loaded({[LOSS]: [[1, 1, 9]], 'train/loss_ce_aux': [[1, 1, 2]]});
    assert.deepEqual(named(asked), ['?name=train%2Floss&points=400']);
    curves.add({attempt: 1, step: 2, epoch: 1, time_ms: 2}, {'train/loss_ce_aux': 3});
    assert.deepEqual([curves.stale, curves.curves.size], [false, 1]);
});
test('a data set of 200 classes is asked for in parts, and the stream goes on behind the first of them', async () => {
    const rows = Object.fromEntries(Array.from({length: 200}, (_, i) => [`val/AP/class ${i}`, [[i + 1, 1, i]]]));
    const {curves, asked, last} = await loaded(rows);
    assert.deepEqual([named(asked).length, curves.names.size, last], [4, 200, 50]);
    assert.deepEqual(curves.get('val/AP/class 199').value, [199]);
});
test('steps per epoch come from the plan, and where the curve contradicts it from the curve', () => {
    daemon({});
    const curves = new Curves(7, isShown);
    assert.equal(curves.stepsPerEpoch({progress: {steps: 500, epochs: 10}}), 50);
    assert.equal(curves.stepsPerEpoch({progress: null}), 1);
    const apply = (step, epoch) => curves.apply({x: [{step, epoch, time_ms: step, attempt: step.map(() => 1)}], series: [{name: LOSS, x: 0, value: step}]});
    apply([1, 20, 21], [1, 1, 2]);
    assert.equal(curves.stepsPerEpoch({progress: {steps: 500, epochs: 10}}), 20);
    apply([48, 96], [1, 2]); // ends of buckets
    assert.equal(curves.stepsPerEpoch({progress: {steps: 500, epochs: 10}}), 50);
});

test('what is zoomed into is asked for in its own points, with a margin, and the live points behind it go on', async () => {
    const rows = {[LOSS]: history(1, 100)};
    const {curves, asked} = await loaded(rows);
    const range = {x: 'step', from: 80, to: 120};
    const answer = curves.look(range);
    live(curves, 101); // while the answer is on its way, which does not have it
    await answer;
    assert.equal(named(asked).at(-1), '?name=train%2Floss&points=600&x=step&from=70&to=130');
    assert.deepEqual(curves.shown(LOSS).step, history(70, 101).map(([, step]) => step));
    assert.deepEqual(curves.get(LOSS).step, history(1, 101).map(([, step]) => step));
    [102, 130, 131].forEach((step) => live(curves, step));
    assert.deepEqual(curves.shown(LOSS).step.slice(-3), [101, 102, 130]);
    await curves.look(null);
    assert.deepEqual(curves.shown(LOSS), curves.get(LOSS));
});
test('of two ranges that are chosen one after the other the last one is shown, in whatever order they are answered', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 100)});
    const plain = globalThis.fetch;
    let release = null;
    globalThis.fetch = async (...words) => {
        const reply = plain(...words);
        await new Promise((resolve) => { release = resolve; });
        return reply;
    };
    const first = curves.look({x: 'step', from: 10, to: 14});
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.fetch = plain;
    await curves.look({x: 'step', from: 50, to: 54});
    release();
    await first;
    assert.deepEqual(curves.shown(LOSS).step, [49, 50, 51, 52, 53, 54, 55]);
});
test('a range by time takes the points of that time', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 60)});
    await curves.look({x: 'time', from: 40, to: 60});
    live(curves, 64);
    live(curves, 70);
    assert.deepEqual(curves.shown(LOSS).step.slice(-1), [64]);
});
test('a failed look leaves the points that are known', async () => {
    const {curves} = await loaded({[LOSS]: history(1, 100)});
    globalThis.fetch = async () => { throw new TypeError('refused'); };
    await assert.rejects(curves.look({x: 'step', from: 80, to: 90}), {isLost: true});
    assert.equal(curves.shown(LOSS).step.length, 100);
});

test('a range that was read before a series was there is read again', async () => {
    const rows = {[LOSS]: history(1, 100)};
    const {curves} = await loaded(rows);
    await curves.look({x: 'step', from: 80, to: 90});
    rows['val/mAP_50_95'] = [[101, 85, 0.5]];
    await curves.load();
    assert.equal(curves.detail, null);
    await curves.look(curves.range);
    assert.deepEqual(curves.shown('val/mAP_50_95').step, [85]);
});
