// The page in Chromium over the real daemon: a job submitted with curl appears and grows without reload; the daemon is
// killed, held up and ended, and each time the page says so and catches up without a gap over its one stream; the job is
// stopped from the page, and a failure is told in words.
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {sentence} from '../../webui/format.js';
import {CHROMIUM, findings, launch, tooWide, watched} from '../webui/browser.mjs';

const BIN = process.env.BIN_DIR;
const HOSTILE = '<img src=x onerror=alert(1)> \u202e' + 'W'.repeat(40);
const POINTS = 8; // of the loss, before the daemon is killed
const LIMIT_MS = 240000;
const LOST = /^console: Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/;

if (!CHROMIUM) {
    console.log('skip: no Chromium here, so the page was not opened');
    process.exit(77);
}

const work = mkdtempSync(join(tmpdir(), 'detrd-page-'));
const state = join(work, 'state');
let daemon = null;
let browser = null;

async function until(what, holds) {
    const end = Date.now() + LIMIT_MS;
    while (!await holds()) {
        assert.ok(Date.now() < end, `this never came true: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

async function start(port) {
    rmSync(join(state, 'url'), {force: true});
    daemon = spawn(join(BIN, 'detrd'), [`--state_dir=${state}`, `--listen=127.0.0.1:${port}`, `--worker=${join(BIN, 'detrd-worker')}`], {stdio: ['ignore', 'ignore', 'inherit']});
    await until('the daemon listens', () => existsSync(join(state, 'url')) && readFileSync(join(state, 'url'), 'utf8').trim());
    return readFileSync(join(state, 'url'), 'utf8').trim();
}

async function end(signal) {
    daemon.kill(signal);
    await new Promise((resolve) => daemon.once('exit', resolve));
}

// axe's findings in both themes, and what scrolls sideways.
async function flaws(page) {
    const found = await tooWide(page);
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({colorScheme});
        await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
        found.push(...(await findings(page)).map((one) => `${colorScheme}: ${one}`));
    }
    return found;
}

// After a loss: the page is live again, says so, and has new points.
async function isBack(page, points) {
    const before = await points();
    await page.getByText('Live', {exact: true}).waitFor({timeout: LIMIT_MS});
    await page.locator('.banner').waitFor({state: 'hidden'});
    await until('new points after the loss', async () => (await points()) > before);
}

const curl = (...words) => JSON.parse(execFileSync('curl', ['-sS', '-m', '30', ...words], {encoding: 'utf8'}));
const submit = (url, spec) => curl('--json', JSON.stringify({model: 'pico', ...spec}), `${url}/v1/jobs`);

async function story() {
    const data = join(work, 'shapes');
    execFileSync(join(BIN, 'detrd-worker'), ['shapes', data, '--train', '16', '--valid', '4'], {stdio: 'ignore'});
    const url = await start(0);
    browser = await launch();
    const page = await watched(browser.context, url, LOST);

    const policy = (await page.goto(url)).headers()['content-security-policy'];
    assert.match(policy, /^default-src 'self'; frame-ancestors 'none'/); // without it nothing could breach it
    await page.getByText('No jobs yet').waitFor();
    assert.deepEqual(await flaws(page), []);
    assert.match(await page.locator('h1').innerText(), /^This machine has no GPU\. One job at a time runs on the CPU\.$|free/);

    await page.evaluate(() => { window.isSame = true; }); // gone with a reload
    const job = submit(url, {name: HOSTILE, dataset_dir: data, device: 'cpu', epochs: 500, batch_size: 2, grad_accum_steps: 1, resolution: 64, multi_scale: 'off', seed: 1});
    await page.locator('.row.running .name', {hasText: '<img src=x onerror=alert(1)> <U+202E>WWW'}).waitFor({timeout: LIMIT_MS});
    await page.locator('.row.running .name').click();
    await page.waitForURL(`${url}/jobs/${job.id}`);

    const steps = async () => (await page.locator('.chart').first().locator('.behind tbody th').allInnerTexts()).map((text) => Number(text.replaceAll(',', '')));
    await page.locator('.chart .u-over').first().waitFor({timeout: LIMIT_MS});
    await page.locator('.chart').first().getByRole('button', {name: 'Table'}).click();
    await until(`${POINTS} points`, async () => (await steps()).length >= POINTS);
    await until('an evaluation is shown', async () => (await page.locator('#classes tbody tr').count()) === 3);
    assert.match(await page.locator('#amp .verdict').innerText(), /Train = eval = policy at \d+ points/);
    assert.deepEqual(await flaws(page), []);

    const points = async () => (await steps()).length ? Math.max(...await steps()) : 0;
    const reconnecting = page.getByText('Reconnecting');
    const banner = (words) => page.getByText(`${words} Your jobs keep running; this page catches up by itself.`).waitFor({timeout: LIMIT_MS});
    await end('SIGKILL');
    await reconnecting.waitFor();
    await banner('detrd does not answer: it is being restarted, or the way to it is cut.');
    assert.equal(await start(new URL(url).port), url);
    await isBack(page, points);
    await page.getByRole('status').getByText('Connected again. Nothing was missed.').waitFor();

    daemon.kill('SIGSTOP');
    await reconnecting.waitFor({timeout: LIMIT_MS});
    await banner('detrd has not answered for a while: it is held up, or the way to it is.');
    daemon.kill('SIGCONT');
    await isBack(page, points);

    await end('SIGTERM');
    assert.equal(daemon.exitCode, 0);
    await reconnecting.waitFor();
    assert.equal(await start(new URL(url).port), url);
    await isBack(page, points);

    assert.equal(await page.evaluate(() => window.isSame), true);
    await page.goto(`${url}/jobs/${job.id}?from=3&to=9`);
    await page.locator('.chart').first().getByRole('button', {name: 'Table'}).click();
    await until('the range that the address names is shown', async () => (await steps()).join() === '9,8,7,6,5,4,3');
    await page.getByRole('button', {name: '3 – 9 ✕'}).click();
    await page.waitForURL(`${url}/jobs/${job.id}`);

    await page.getByRole('button', {name: 'Stop', exact: true}).click();
    await page.getByRole('button', {name: 'Stop job'}).click();
    await page.locator('.jobhead .pill', {hasText: 'Cancelled'}).waitFor({timeout: LIMIT_MS});
    // All of the loss so far, with what came while the daemon was away: the page's table has its last 200.
    const {x} = curl(`${url}/v1/jobs/${job.id}/metrics?name=train/loss`);
    await until('the page has what the API has, in its order', async () => JSON.stringify((await steps()).reverse()) === JSON.stringify(x[0].step.slice(-200)));
    assert.deepEqual(x[0].step, x[0].step.map((_, i) => i + 1));
    assert.equal(curl(`${url}/v1/jobs/${job.id}`).attempt, 1);

    mkdirSync(join(work, 'empty'));
    const failed = submit(url, {name: 'no data', dataset_dir: join(work, 'empty')});
    await page.goto(`${url}/jobs/${failed.id}`);
    await page.locator('.jobhead .pill', {hasText: 'Failed'}).waitFor({timeout: LIMIT_MS});
    const {detail} = curl(`${url}/v1/jobs/${failed.id}`);
    assert.match(detail, /_annotations\.coco\.json/);
    assert.equal(await page.locator('.progress .verdict').innerText(), sentence(detail));
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    await page.locator('.ended').nth(1).waitFor();
    assert.deepEqual(await flaws(page), []);
    assert.deepEqual(page.faults, []);
}

let failure = null;
try {
    await story();
} catch (error) {
    failure = error;
}
await browser?.close();
if (daemon && daemon.exitCode === null) {
    execFileSync(join(BIN, 'detrd'), ['--stop-workers', `--state_dir=${state}`], {stdio: 'inherit'});
}
rmSync(work, {recursive: true, force: true});
if (failure)
    console.error(failure);
process.exit(failure ? 1 : 0);
