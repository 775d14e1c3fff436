import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as format from '../../webui/format.js';

const same = (write, table) => table.forEach(([value, text]) => assert.equal(write(value), text, `${write.name}(${value})`));

test('a score has 3 digits and what is missing is a dash', () => {
    same(format.score, [[0.6121, '0.612'], [0, '0.000'], [null, '–'], [undefined, '–']]);
});
test('a non-finite number is shown as the API writes it', () => {
    same(format.loss, [['nan', 'nan'], ['-inf', '-inf']]);
});
test('a loss has 4 significant digits', () => {
    same(format.loss, [[1.25149, '1.251'], [12.3456, '12.35'], [0.01234567, '0.01235'], [131072, '131,072'], [0, '0'], [0.00001234, '1.2e-5'], [2.5e9, '2.5e9']]);
});
test('counts have commas', () => same(format.count, [[20000, '20,000'], [7, '7']]));
test('a rate is short', () => same(format.rate, [[118.34, '118'], [1.44, '1.44'], [0.123, '0.12'], [0, '0.0']]));
test('a span names its two largest units', () => {
    same(format.span, [[0, '0 s'], [42.4, '42 s'], [59.6, '1 min'], [180, '3 min'], [3599, '1 h'], [3600, '1 h'], [7860, '2 h 11 min'], [3720, '1 h 02 min'],
        [90000, '1 d 1 h'], [86400, '1 d'], [86399, '1 d'], [null, '–'], [-5, '0 s']]);
});
test('sizes are binary', () => same(format.bytes, [[0, '0 B'], [1023, '1023 B'], [1536, '1.5 KiB'], [121634816, '116.0 MiB'], [5e12, '4.5 TiB']]));
test('memory is GiB with one digit', () => same(format.gib, [[41.8 * 2 ** 30, '41.8']]));
test('a time today is a clock, this week a day, else a date', () => {
    const now = new Date(2026, 10, 25, 18, 0).getTime();
    const at = (...parts) => format.time(new Date(...parts).toISOString(), now);
    assert.equal(at(2026, 10, 25, 15, 53), '15:53');
    assert.equal(at(2026, 10, 26, 0, 5), 'Thu 00:05');
    assert.equal(at(2026, 10, 20, 9, 5), 'Fri 09:05');
    assert.equal(at(2026, 10, 3, 9, 5), '3 Nov');
    assert.equal(at(2025, 10, 3, 9, 5), '3 Nov 2025');
    assert.equal(format.time(null, now), '–');
    assert.equal(format.time('rubbish', now), '–');
});
test('the full time names its zone', () => {
    assert.match(format.fullTime('2026-11-03T12:00:00.000Z'), /^2026-11-0\d \d\d:00:00 [+-]\d\d:\d\d$|^2026-11-0\d \d\d:\d\d:00 [+-]\d\d:\d\d$/);
    assert.equal(format.fullTime(null), '');
});
test('words are listed and counted', () => {
    assert.equal(format.list([]), '');
    assert.equal(format.list([3]), '3');
    assert.equal(format.list([3, 4, 7]), '3, 4 and 7');
    assert.equal(format.plural(1, 'warning'), '1 warning');
    assert.equal(format.plural(1200, 'image'), '1,200 images');
});
test('the daemon\'s words become a sentence, but names stay as they are', () => {
    same(format.sentence, [['the CPU slot is taken by job 3', 'The CPU slot is taken by job 3.'], ['Removed.', 'Removed.'], ['train/_a.json: no', 'train/_a.json: no.'],
        ['patch_embeddings: policy says bfloat16', 'patch_embeddings: policy says bfloat16.'], ['see (2)', 'See (2)'], ['', '']]);
});
test('axis labels are short', () => same(format.short, [[20000, '20k'], [1500000, '1.5M'], [0.25, '0.25'], [0, '0'], [5e-5, '5.0e-5'], [0.1 + 0.2, '0.3'], [2000, '2000']]));
test('control characters and marks that reorder text become visible', () => {
    assert.equal(format.visible('a\u001b[31m\nb\tc'), 'a␛[31m\nb\tc');
    assert.equal(format.visible('x\u202ey\u2066\u0085'), 'x<U+202E>y<U+2066><U+85>');
    assert.equal(format.visible('<img src=x>'), '<img src=x>');
});
