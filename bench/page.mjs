// bench/page.mjs: see bench/page, which runs it.
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {launch, watched} from '../tests/webui/browser.mjs';

const SECONDS = 30;
const PAINT_GOAL_MS = 1500;
const STEPS = 10000;
const WAITING = 500;
const work = mkdtempSync(join(tmpdir(), 'detrd-bench-'));
const bin = process.env.BIN_DIR;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const kB = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;

process.env.DETRD_TRAINER = fileURLToPath(new URL('page_trainer', import.meta.url));
const daemon = spawn(join(bin, 'detrd'), [`--state_dir=${work}/state`, '--listen=127.0.0.1:0', `--worker=${bin}/detrd-worker`], {stdio: ['ignore', 'ignore', 'ignore']});
while (!existsSync(`${work}/state/url`))
    await pause(50);
const url = readFileSync(`${work}/state/url`, 'utf8').trim();
const curl = (...words) => JSON.parse(execFileSync('curl', ['-sS', ...words], {encoding: 'utf8', maxBuffer: 1e9}));
const {id} = curl('--json', JSON.stringify({model: 'pico', dataset_dir: work, device: 'cpu'}), `${url}/v1/jobs`);
while (!(curl(`${url}/v1/jobs/${id}`).progress?.step >= STEPS))
    await pause(200);

const {context, close} = await launch();
const page = await watched(context, url, /status of 404/); // the double has no precision trace
const cdp = await context.newCDPSession(page);
await cdp.send('Performance.enable', {timeDomain: 'threadTicks'}); // processor time: the machine may be busy
await page.addInitScript(() => {
    window.long = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({startTime, duration}) => window.long.push([startTime, duration]))).observe({type: 'longtask', buffered: true});
    document.addEventListener('DOMContentLoaded', () => new MutationObserver((_, self) => {
        if (document.querySelectorAll('.chart canvas').length < 6)
            return;
        self.disconnect();
        requestAnimationFrame(() => { window.complete = performance.now(); });
    }).observe(document.body, {childList: true, subtree: true}));
});

const paints = [];

async function open(path, name) {
    await page.goto(url + path);
    if (path !== '/')
        await page.waitForFunction(() => window.complete);
    else
        await page.locator('.row.running .name').waitFor();
    const seen = await page.evaluate(() => ({
        paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, complete: window.complete ?? performance.now(), long: window.long,
        bytes: performance.getEntriesByType('resource').reduce((sum, {transferSize}) => sum + transferSize, performance.getEntriesByType('navigation')[0].transferSize),
    }));
    paints.push(seen.paint ?? Infinity);
    console.log(`${name}: first paint ${seen.paint?.toFixed(0)} ms, complete ${seen.complete.toFixed(0)} ms, ${kB(seen.bytes)} received, tasks over 50 ms: ${JSON.stringify(seen.long.map(([, ms]) => Math.round(ms)))}`);
}

async function metrics() {
    await cdp.send('HeapProfiler.collectGarbage');
    const {metrics: all} = await cdp.send('Performance.getMetrics');
    return Object.fromEntries(all.map((one) => [one.name, one.value]));
}

await open('/', 'overview, empty cache');
await open(`/jobs/${id}`, 'job');
await page.evaluate(() => { window.long = []; });
const before = await metrics();
await pause(SECONDS * 1000);
const after = await metrics();
const long = await page.evaluate(() => window.long.map(([, ms]) => Math.round(ms)));
console.log(`live for ${SECONDS} s at 5 points/s x 10 series: processor time: script ${(100 * (after.ScriptDuration - before.ScriptDuration) / SECONDS).toFixed(1)} % of a core, all tasks ${(100 * (after.TaskDuration - before.TaskDuration) / SECONDS).toFixed(1)} %, ` +
    `heap ${(before.JSHeapUsedSize / 1e6).toFixed(1)} -> ${(after.JSHeapUsedSize / 1e6).toFixed(1)} MB, tasks over 50 ms by the clock: ${long.length}, the longest ${Math.max(0, ...long)} ms`);

const box = await page.locator('.chart .u-over').first().boundingBox();
await page.mouse.move(box.x + 0.3 * box.width, box.y + 50);
await page.mouse.down();
await page.mouse.move(box.x + 0.35 * box.width, box.y + 60, {steps: 3});
await page.evaluate(() => document.addEventListener('mouseup', () => { window.released = performance.now(); }, {capture: true}));
await page.mouse.up();
const zoomed = await page.evaluate(async () => {
    const answer = () => performance.getEntriesByType('resource').find(({name, startTime}) => name.includes('&from=') && startTime >= window.released);
    for (let i = 0; !answer() && i < 1000; i++)
        await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - window.released;
});
console.log(`zoom to 5 % of the steps, until its own points are drawn: ${zoomed.toFixed(0)} ms`);
const body = JSON.stringify({model: 'pico', dataset_dir: work, device: 'cpu'});
for (let i = 0; i < WAITING; i++)
    await fetch(`${url}/v1/jobs`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
await open('/', `overview, ${WAITING} jobs waiting`);
const faults = page.faults.splice(0);
await close();
execFileSync(join(bin, 'detrd'), ['--stop-workers', `--state_dir=${work}/state`], {stdio: 'ignore'});
if (daemon.exitCode === null)
    await new Promise((resolve) => { daemon.once('exit', resolve); });
rmSync(work, {recursive: true, force: true});
console.log(`faults: ${JSON.stringify(faults)}`);
process.exit(faults.length > 0 || Math.max(...paints) >= PAINT_GOAL_MS ? 1 : 0);
