import assert from 'node:assert/strict';
import {test} from 'node:test';
import {isShown} from '../../webui/charts.js';
import {Curves} from '../../webui/store.js';

// A daemon with series of rows [id, step, value]; page: how it answers the next request.
function daemon(rows) {
    const asked = [];
    globalThis.fetch = async (address) => {
        const url = new URL(address, 'http://localhost');
        const names = url.searchParams.getAll('name');
        const after = Number(url.searchParams.get('after'));
        asked.push(url.search);
        if (!names.length)
            return Response.json({metrics: Object.fromEntries(Object.entries(rows).map(([name, all]) => [name, {value: all.at(-1)[2], step: all.at(-1)[1], epoch: 1}]))});
        const x = names.map((name) => rows[name].filter(([id]) => id > after));
        return Response.json({
            x: x.map((all) => ({step: all.map(([, step]) => step), epoch: all.map(([, step]) => Math.ceil(step / 10)), time_ms: all.map(([id]) => id), attempt: all.map(() => 1)})),
            series: names.map((name, i) => ({name, definition: `what ${name} is`, x: i, value: x[i].map(([, , value]) => value)})),
            last_id: Math.max(after, ...x.flat().map(([id]) => id)),
        });
    };
    return asked;
}

test('each refresh asks only for what is new, without gap or repeat', async () => {
    const rows = {'train/loss': [[1, 1, 9], [2, 2, 8]]};
    const asked = daemon(rows);
    const curves = new Curves(7, isShown);
    await curves.refresh();
    rows['train/loss'].push([5, 3, 7]);
    await curves.refresh();
    await curves.refresh();
    assert.deepEqual(curves.get('train/loss').value, [9, 8, 7]);
    assert.deepEqual(asked.filter((query) => query), ['?name=train%2Floss&after=0', '?name=train%2Floss&after=2', '?name=train%2Floss&after=5']);
    assert.equal(curves.value('train/loss'), 7);
    assert.equal(curves.definition('train/loss'), 'what train/loss is');
});
test('a series that appears later is read from its first point', async () => {
    const rows = {'train/loss': [[1, 1, 9]]};
    daemon(rows);
    const curves = new Curves(7, isShown);
    await curves.refresh();
    rows['train/loss'].push([2, 2, 8], [4, 3, 7]);
    rows['val/AP/cell'] = [[3, 2, 0.5]];
    await curves.refresh();
    assert.deepEqual(curves.get('val/AP/cell').value, [0.5]);
    assert.deepEqual(curves.get('train/loss').value, [9, 8, 7]);
});
test('series that no chart shows are not asked for', async () => {
    const asked = daemon({'train/loss': [[1, 1, 9]], 'train/loss_ce_aux': [[1, 1, 2]]});
    await new Curves(7, isShown).refresh();
    assert.deepEqual(asked.filter((query) => query), ['?name=train%2Floss&after=0']);
});
test('a data set of 200 classes is asked for in parts', async () => {
    const rows = Object.fromEntries(Array.from({length: 200}, (_, i) => [`val/AP/class ${i}`, [[i + 1, 1, i]]]));
    const asked = daemon(rows);
    const curves = new Curves(7, isShown);
    await curves.refresh();
    assert.equal(asked.filter((query) => query).length, 4);
    assert.equal(curves.names.size, 200);
    assert.deepEqual(curves.get('val/AP/class 199').value, [199]);
});
test('steps per epoch come from the curve, and before its first epoch ends from the plan', () => {
    daemon({});
    const curves = new Curves(7, isShown);
    assert.equal(curves.stepsPerEpoch({progress: {steps: 500, epochs: 10}}), 50);
    assert.equal(curves.stepsPerEpoch({progress: null}), 1);
    curves.apply({x: [{step: [1, 20, 21], epoch: [1, 1, 2], time_ms: [1, 2, 3], attempt: [1, 1, 1]}], series: [{name: 'train/loss', x: 0, value: [3, 2, 1]}]});
    assert.equal(curves.stepsPerEpoch({progress: {steps: 500, epochs: 10}}), 20);
});
