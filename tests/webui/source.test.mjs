// What must hold of the sources themselves.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';
import {gzipSync} from 'node:zlib';

const root = new URL('../../webui/', import.meta.url);
const names = readdirSync(root, {recursive: true}).filter((name) => /\.(js|css|html|svg)$/.test(name));
const text = new Map(names.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]));
const scripts = names.filter((name) => name.endsWith('.js'));
const imports = (name) => [...text.get(name).matchAll(/(?:\bfrom |\bimport\()'([^']+)'/g)].map(([, path]) => new URL(path, new URL(name, root)).href.slice(root.href.length));

test('no text becomes markup or code', () => {
    const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|setHTML|createContextualFragment|DOMParser|document\.write|srcdoc|\beval\(|new Function|javascript:/;
    scripts.forEach((name) => assert.doesNotMatch(text.get(name), forbidden, name));
});
test('elements are made in one place', () => {
    scripts.filter((name) => name !== 'dom.js').forEach((name) => assert.doesNotMatch(text.get(name), /createElement/, name));
});
test('fetch is called in one place', () => {
    scripts.filter((name) => name !== 'api.js').forEach((name) => assert.doesNotMatch(text.get(name), /\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket/, name));
});
test('a tab has one event stream', () => {
    const makers = scripts.filter((name) => /\bEventSource\b/.test(text.get(name).replace(/\/\/.*/g, '')));
    assert.deepEqual(makers, ['live.js']);
    assert.equal(text.get('live.js').match(/new this\.env\.Source/g).length, 1);
});
test('the strict policy holds in the page: no inline script, no inline style, no data: address', () => {
    assert.doesNotMatch(text.get('index.html'), /<style|style=|\son\w+=|<script(?![^>]*src=)|data:/);
    scripts.forEach((name) => assert.doesNotMatch(text.get(name), /setAttribute\('style'|['"]data:|style: /, name));
});
test('nothing names another host', () => {
    names.forEach((name) => assert.doesNotMatch(text.get(name).replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\/|\/\/[a-z]+\.[a-z]/, name));
});
test('no file is over 300 lines', () => {
    scripts.forEach((name) => assert.ok(text.get(name).split('\n').length <= 301, name));
});
test('views do not import each other, and imports make no circle', () => {
    const visit = (name, path) => {
        assert.ok(!path.includes(name), [...path, name].join(' → '));
        imports(name).forEach((one) => visit(one, [...path, name]));
    };
    scripts.forEach((name) => visit(name, []));
    scripts.filter((name) => name.startsWith('views/')).forEach((name) => assert.ok(imports(name).every((one) => !one.startsWith('views/')), name));
});
test('the page weighs at most 90 kB compressed, uPlot included', () => {
    const uplot = ['uPlot.iife.min.js', 'uPlot.min.css'].map((name) => readFileSync(join(process.env.NPM_DIR, 'node_modules/uplot/dist', name)));
    const size = [...text.values(), ...uplot].reduce((sum, one) => sum + gzipSync(one, {level: 9}).length, 0);
    assert.ok(size < 90000, `${size} bytes`);
});
