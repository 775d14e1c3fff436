import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ampWords, rows, verdict} from '../../webui/amp.js';
import {flatten} from '../../webui/sections.js';

const point = (name, dtype, device = 'cuda', depth = 1) => ({point: name, dtype, device, depth});
const policy = {enabled: true, device_type: 'cuda', dtype: 'bfloat16', grad_scaler: false};
const proof = (more) => ({policy, train: [point('a', 'bfloat16'), point('b', 'bfloat16')], eval: [point('a', 'bfloat16'), point('b', 'bfloat16')],
    equal: true, as_policy: true, first_difference: null, ...more});

test('the verdict is one sentence: good, not known yet, or where it differs first', () => {
    assert.deepEqual(verdict(proof()), [true, 'Train = eval = policy at 2 points, bfloat16.']);
    assert.deepEqual(verdict(proof({policy: {...policy, enabled: false}})), [true, 'Train = eval = policy at 2 points, float32, no mixed precision.']);
    assert.deepEqual(verdict(proof({eval: [], equal: null})), [null, 'Train is traced at 2 points. Eval is traced with the first evaluation.']);
    assert.deepEqual(verdict(proof({equal: false, as_policy: false, first_difference: {point: 'b', pass: 'eval', policy: 'bfloat16 on cuda', ran: 'float32 on cuda'}})),
        [false, 'b: policy says bfloat16 on cuda, eval ran float32 on cuda.']);
    assert.deepEqual(verdict(proof({as_policy: false}))[0], false);
    assert.deepEqual(verdict(proof({equal: false}))[0], false);
});
test('the head says it in two words', () => {
    assert.equal(ampWords(policy, proof()), 'bfloat16, train = eval');
    assert.equal(ampWords(policy, proof({equal: false})), 'bfloat16, train and eval differ');
    assert.equal(ampWords({...policy, enabled: false}, null), 'off (float32)');
    assert.equal(ampWords(undefined, null), '–');
});
test('each point has a row, and what differs is marked: dtype, device or depth', () => {
    const all = rows(proof({train: [point('a', 'bfloat16'), point('b', 'bfloat16'), point('c', 'float32', 'cuda', 1), point('criterion', 'float32', 'cuda', 0)],
        eval: [point('a', 'bfloat16'), point('b', 'float32'), point('c', 'float32', 'cuda', 2)]}));
    assert.deepEqual(all, [['a', 'bfloat16 on cuda', 'bfloat16 on cuda', 1, false], ['b', 'bfloat16 on cuda', 'float32 on cuda', 1, true],
        ['c', 'float32 on cuda', 'float32 on cuda', '1, eval 2', true], ['criterion', 'float32 on cuda', '–', 0, false]]);
});
test('a spec is flattened to JSON pointers', () => {
    assert.deepEqual(flatten({lr: 1e-4, amp: {dtype: 'bfloat16'}, labels: {'a/b~c': 'x'}, aug_config: {}, list: [1, 2], none: null}),
        [['/lr', 1e-4], ['/amp/dtype', 'bfloat16'], ['/labels/a~1b~0c', 'x'], ['/aug_config', {}], ['/list', [1, 2]], ['/none', null]]);
});
