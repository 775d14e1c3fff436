import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as series from '../../webui/series.js';

function curve(points) {
    const made = series.empty();
    points.forEach(([attempt, step, value]) => {
        const row = {attempt, step, value, min: value, max: value, epoch: 1, time_ms: 1000 * step};
        Object.keys(row).forEach((name) => made[name].push(row[name]));
    });
    return made;
}
const steps = (first, last, attempt = 1) => Array.from({length: last - first + 1}, (_, i) => [attempt, first + i, first + i]);

test('a reply is read by name, what is not a number is a gap, and without a band min and max are the value', () => {
    const x = {step: [1, 2, 3], epoch: [1, 1, 1], time_ms: [1, 2, 3], attempt: [1, 1, 1]};
    const read = series.read({x: [x, x], series: [{name: 'a', x: 1, value: [1, 'nan', null]}, {name: 'b', x: 0, value: [2, 3, 4], min: [1, 2, '-inf'], max: [3, 4, 5]}]});
    assert.deepEqual(read.get('a').value, [1, null, null]);
    assert.deepEqual(read.get('a').max, [1, null, null]);
    assert.deepEqual(read.get('b').min, [1, 2, null]);
});
test('the history stands for all up to its last point, and newer live points follow it', () => {
    const history = {...curve([[1, 10, 1], [1, 20, 2]]), settled: 2};
    const merged = series.merge(history, curve([...steps(15, 22), [2, 18, 18]]));
    assert.deepEqual([merged.step, merged.attempt, merged.settled], [[10, 20, 21, 22, 18], [1, 1, 1, 1, 2], 2]);
});
test('a later attempt may go back over steps', () => {
    const whole = curve([...steps(1, 5), ...steps(4, 6, 2)]);
    assert.deepEqual(series.current(whole).map((i) => [whole.attempt[i], whole.step[i]]), [[1, 1], [1, 2], [1, 3], [2, 4], [2, 5], [2, 6]]);
});
test('a curve is bounded and its spikes stay', () => {
    const whole = curve(steps(1, 10000).map(([a, s]) => [a, s, s === 137 ? 999 : 1]));
    series.bound(whole, 100);
    assert.ok(whole.step.length <= 200, `${whole.step.length} points`);
    assert.equal(Math.max(...whole.max), 999);
    assert.equal(Math.min(...whole.min), 1);
    assert.equal(whole.step.at(-1), 10000);
    assert.ok(whole.step.every((s, i) => !i || s > whole.step[i - 1]));
    const {settled, ...columns} = whole;
    assert.ok(settled <= whole.step.length && Object.values(columns).every((column) => column.length === whole.step.length));
});
test('folding leaves new points whole, and gaps do not count', () => {
    const whole = curve(steps(1, 21).map(([a, s]) => [a, s, s === 1 ? null : s]));
    series.bound(whole, 10);
    assert.deepEqual(whole.step.slice(-8), [14, 15, 16, 17, 18, 19, 20, 21]);
    assert.equal(whole.value[0], 2);
    assert.equal(whole.value[1], 3.5);
});
test('smoothing is debiased, 0 changes nothing and gaps stay gaps', () => {
    assert.deepEqual(series.smooth([1, 2, 3], 0), [1, 2, 3]);
    assert.deepEqual(series.smooth([5, 5, 5], 0.9).map((v) => +v.toFixed(9)), [5, 5, 5]);
    const [first, gap, third] = series.smooth([1, null, 3], 0.5);
    assert.equal(first, 1);
    assert.equal(gap, null);
    assert.ok(Math.abs(third - (0.25 * 1 + 0.5 * 3) / 0.75) < 1e-12);
});
test('axes are steps, epochs and seconds', () => {
    const whole = curve(steps(1, 4));
    assert.deepEqual(series.axis(whole, 'step'), [1, 2, 3, 4]);
    assert.deepEqual(series.axis(whole, 'epoch', 2), [0.5, 1, 1.5, 2]);
    assert.deepEqual(series.axis(whole, 'time'), [1, 2, 3, 4]);
});
test('curves that are sampled differently share one x', () => {
    assert.deepEqual(series.join([{x: [1, 2, 3], columns: [[10, 20, 30]]}, {x: [2, 4], columns: [[5, 6], [7, 8]]}]),
        [[1, 2, 3, 4], [10, 20, 30, null], [null, 5, null, 6], [null, 7, null, 8]]);
});
test('the newest value skips gaps', () => {
    assert.equal(series.last([1, 2, null]), 2);
    assert.equal(series.last([]), null);
});
