import assert from 'node:assert/strict';
import {test} from 'node:test';
import {poll} from '../../webui/live.js';

const lost = Object.assign(new Error('no connection'), {isLost: true});

// Runs poll over the outcomes of refresh, one after the other, and returns what was told and how long it waited.
async function run(outcomes, {hidden = () => false, ends = () => false} = {}) {
    const seen = {states: [], waits: [], failed: [], calls: 0};
    await new Promise((resolve) => {
        const stop = poll(async () => {
            seen.calls++;
            const outcome = outcomes.shift();
            if (outcome)
                throw outcome;
        }, (state) => seen.states.push(state), (error) => {
            seen.failed.push(error.message);
            const over = ends(error);
            if (over)
                setImmediate(resolve);
            return over;
        }, {
            random: () => 0.5, hidden,
            sleep: async (ms) => {
                seen.waits.push(ms);
                if (!outcomes.length || seen.waits.length > 20) {
                    stop();
                    resolve();
                }
            },
        });
    });
    return seen;
}

test('it asks at once and says that it is live once', async () => {
    const seen = await run([null, null, null]);
    assert.deepEqual([seen.states, seen.calls, seen.waits], [['live'], 3, [1500, 1500, 1500]]);
});
test('a lost connection is told once, backs off and is told when it is back', async () => {
    const seen = await run([null, lost, lost, lost, lost, lost, lost, lost, null]);
    assert.deepEqual(seen.states, ['live', 'lost', 'live']);
    assert.deepEqual(seen.waits, [1500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 1500]);
});
test('after it was back the back-off starts anew', async () => {
    assert.deepEqual((await run([lost, lost, null, lost])).waits, [1000, 2000, 1500, 1000]);
});
test('another fault is given to the view, which goes on, and its end is told', async () => {
    const seen = await run([null, new Error('500'), null]);
    assert.deepEqual([seen.failed, seen.states], [['500'], ['live', 'live']]);
});
test('a fault that ends the view ends the polling', async () => {
    const seen = await run([new Error('404'), null, null], {ends: () => true});
    assert.deepEqual([seen.calls, seen.states, seen.waits], [1, [], []]);
});
test('a hidden tab asks for nothing', async () => {
    const seen = await run([null], {hidden: () => true});
    assert.deepEqual([seen.calls, seen.states], [0, []]);
});
