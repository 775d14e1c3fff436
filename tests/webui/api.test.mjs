import assert from 'node:assert/strict';
import {afterEach, test} from 'node:test';
import * as api from '../../webui/api.js';

const asked = [];
const answer = (...replies) => {
    globalThis.fetch = async (address, options) => {
        asked.push([options.method, address]);
        const reply = replies.shift();
        if (reply instanceof Error)
            throw reply;
        return reply;
    };
};
const json = (body, status = 200, headers = {}) => new Response(JSON.stringify(body), {status, headers: {'Content-Type': 'application/json', ...headers}});
afterEach(() => { asked.length = 0; });

test('a query is encoded and a list repeats its key', async () => {
    answer(json({ok: 1}));
    assert.deepEqual(await api.get('/v1/x', {name: ['val/AP/a b&c', 'y'], after: 0}), {ok: 1});
    assert.deepEqual(asked, [['GET', '/v1/x?name=val%2FAP%2Fa+b%26c&name=y&after=0']]);
});
test('text comes as text', async () => {
    answer(new Response('line\n', {headers: {'Content-Type': 'text/plain'}}));
    assert.equal(await api.get('/v1/jobs/1/log'), 'line\n');
});
test('problem+json becomes a Problem with its words', async () => {
    answer(json({type: 'urn:detrd:conflict', title: 'Conflict', status: 409, detail: 'job 1 is done', request_id: '8f3a'}, 409, {'Content-Type': 'application/problem+json'}));
    await assert.rejects(api.post('/v1/jobs/1/cancel'), (problem) => problem instanceof api.Problem && problem.message === 'job 1 is done' &&
        problem.status === 409 && problem.request_id === '8f3a' && !problem.isLost);
});
test('no answer is a lost connection, and so is a gateway that says so', async () => {
    answer(new TypeError('Failed to fetch'), new Response('', {status: 503}));
    await assert.rejects(api.get('/v1/jobs'), (problem) => problem.isLost && problem.status === 0);
    await assert.rejects(api.get('/v1/jobs'), (problem) => problem.isLost && problem.status === 503);
});
test('half an answer is a lost connection', async () => {
    answer(new Response('{"jobs": [', {headers: {'Content-Type': 'application/json'}}));
    await assert.rejects(api.get('/v1/jobs'), (problem) => problem.isLost);
});
test('what does not exist yet is null where that is expected', async () => {
    answer(json({detail: 'no trace'}, 404), json({detail: 'broken'}, 500));
    assert.equal(await api.getIfThere('/v1/jobs/1/amp'), null);
    await assert.rejects(api.getIfThere('/v1/jobs/1/amp'), (problem) => problem.status === 500);
});
test('the clock is the server\'s when the reader\'s is wrong', async () => {
    answer(json({}, 200, {Date: new Date(Date.now() + 3.6e6).toUTCString()}), json({}, 200, {Date: new Date().toUTCString()}));
    await api.get('/v1/jobs');
    assert.ok(Math.abs(api.now() - Date.now() - 3.6e6) < 2000);
    await api.get('/v1/jobs');
    assert.equal(Math.abs(api.now() - Date.now()) < 50, true);
});
