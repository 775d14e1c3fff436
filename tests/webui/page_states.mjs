// The page in Chromium over the test double: every state, theme and width, hostile text, faults, keys.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {CHROMIUM, findings, launch, NPM_DIR, tooWide, watched} from './browser.mjs';
import {serve} from './server.mjs';
import {world} from './world.mjs';

const MISSING = /^console: Failed to load resource: the server responded with a status of (404|500)/;
const REFUSED = /^console: Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING)/;
let browser;

if (!CHROMIUM) {
    console.log('skip: no Chromium here, so the states of the page were not opened');
    process.exit(77);
}
before(async () => { browser = await launch(); });
const servers = new Set(); // those of failed stories are still open at the end, and node would wait for them
after(async () => {
    await browser?.close();
    await Promise.all([...servers].map((server) => server.close()));
});

async function opened(options, path, allowed) {
    const made = world(options);
    const server = await serve(`${NPM_DIR}/node_modules/uplot`, made);
    servers.add(server);
    const page = await watched(browser.context, server.url, allowed);
    await page.goto(server.url + path);
    await page.waitForSelector('h1');
    return {page, world: made, server, async done() {
        assert.deepEqual(page.faults, []);
        await page.close();
        await server.close();
        servers.delete(server);
    }};
}
const story = (name, run) => test(name, {timeout: 60000}, run);
const heading = (page) => page.locator('h1').innerText();

for (const [path, options] of [['/', {}], ['/', {gpus: 8}], ['/', {empty: 1}], ['/', {hostile: 1}], ['/jobs', {hostile: 1}], ['/jobs/12', {}], ['/jobs/12', {hostile: 1}], ['/jobs/9', {}], ['/jobs/14', {}], ['/jobs/999', {}], ['/nowhere', {}]]) {
    story(`${path} ${JSON.stringify(options)} is accessible in both themes, and nothing scrolls sideways`, async () => {
        const {page, done} = await opened(options, path, MISSING);
        for (const colorScheme of ['light', 'dark']) {
            await page.emulateMedia({colorScheme});
            assert.deepEqual(await findings(page), [], colorScheme);
        }
        assert.deepEqual(await tooWide(page), []);
        await page.setViewportSize({width: 390, height: 844});
        assert.deepEqual(await findings(page), [], 'phone');
        await done();
    });
}

story('the heading says which GPU is free', async () => {
    for (const [gpus, said] of [[0, 'This machine has no GPU. One job at a time runs on the CPU.'], [2, 'No GPU is free. Next one in about 2 h 11 min.'], [3, 'GPU 2 is free.'], [4, 'GPUs 2 and 3 are free.']]) {
        const {page, done} = await opened({gpus}, '/');
        assert.equal(await heading(page), said);
        await done();
    }
});

story('hostile text is shown as text', async () => {
    const {page, done} = await opened({hostile: 1}, '/jobs/12');
    assert.match(await heading(page), /12 <img src=x onerror=alert\(1\)> <U\+202E>␛\[31m W+/);
    assert.equal(await page.locator('img').count(), 0);
    await done();
});

story('without jobs the page says how to submit one, with this address', async () => {
    const {page, server, done} = await opened({empty: 1}, '/');
    assert.match(await page.locator('.first').innerText(), new RegExp(`No jobs yet[^]*curl --json .*${server.url}/v1/jobs`));
    await done();
});

story('a job that is not there is said, and its page asks no more', async () => {
    const {page, done} = await opened({}, '/jobs/999', MISSING);
    assert.equal(await heading(page), 'Not found');
    assert.match(await page.locator('main').innerText(), /There is no job 999\./);
    assert.match(await page.title(), /Not found/);
    await done();
});

story('a fault of the server keeps what is there, and goes away by itself', async () => {
    const {page, world: made, done} = await opened({}, '/', MISSING);
    await page.getByText('Live', {exact: true}).waitFor();
    made.faults.set('/v1/gpus', [500, {title: 'Internal error', status: 500, detail: 'the store is broken', request_id: '8f3a'}]);
    made.tell('state', {job: 12, state: 'running'});
    await page.getByText('the store is broken').waitFor();
    assert.equal(await page.locator('.row.running').count(), 3); // the headings and two jobs
    made.faults.clear();
    await page.locator('.banner').waitFor({state: 'hidden'});
    await done();
});

story('a lost connection is said, figures stay, and the page catches up', async () => {
    const {page, world: made, server} = await opened({}, '/', REFUSED);
    await page.getByText('Live', {exact: true}).waitFor();
    await server.close();
    await page.getByText('Reconnecting').waitFor();
    assert.equal(await page.locator('.banner').isVisible(), false);
    await page.getByText('No connection to detrd.').waitFor();
    assert.equal(await page.locator('.row.running').count(), 3);
    made.jobs.get(13).state = 'running';
    const again = await serve(`${NPM_DIR}/node_modules/uplot`, made, Number(new URL(server.url).port));
    await page.getByText('Live', {exact: true}).waitFor();
    await page.getByText('Connected again. Nothing was missed.').waitFor();
    await page.getByText('preparing the data').waitFor();
    assert.equal(await page.locator('.banner').isVisible(), false);
    assert.deepEqual(page.faults, []);
    await page.close();
    await again.close();
});

story('one stream carries it all: the overview follows it without being reloaded, and asks nothing by itself', async () => {
    const {page, world: made, done} = await opened({gpus: 2}, '/');
    await page.getByText('Live', {exact: true}).waitFor();
    await page.waitForTimeout(500);
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.waitForTimeout(2500);
    assert.deepEqual(asked, []);
    made.tell('gpu', {...made.answer('GET', new URL('/v1/gpus', 'http://localhost'))[1].gpus[1], utilization_ratio: 0.42}, null);
    await page.locator('.card', {hasText: '42 %'}).waitFor();
    assert.deepEqual(asked, []);
    Object.assign(made.jobs.get(14), {state: 'failed', cause: 'dataset', detail: 'there is no train split.', ended: new Date().toISOString()});
    made.tell('state', {job: 14, state: 'failed'});
    await page.locator('.ended', {hasText: 'There is no train split.'}).waitFor();
    made.step(12, 2100);
    await page.locator('.row.running', {hasText: 'epoch 39 of 60'}).waitFor();
    await done();
});

story('a long curve comes in buckets, with the band of what is in them', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    const loss = page.locator('.chart').first();
    await loss.getByRole('button', {name: 'Table'}).click();
    assert.equal(await loss.locator('.behind tbody tr').count(), 200);
    const [newest, before] = (await loss.locator('.behind tbody th').allInnerTexts()).map((text) => Number(text.replaceAll(',', '')));
    assert.deepEqual([newest, before], [2000, 1995]);
    await done();
});

story('the log follows its end until the reader scrolls up, and then offers what is new', async () => {
    const {page, world: made, done} = await opened({}, '/jobs/12');
    const log = page.locator('.log');
    const lines = (n) => [200, Array.from({length: n}, (_, i) => `line ${i + 1}`).join('\n')];
    const grow = (n) => {
        made.faults.set('/v1/jobs/12/log', lines(n));
        made.tell('log', {job: 12, attempt: 1, size_bytes: n}, null);
    };
    const end = () => log.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight);
    await page.getByText('Live', {exact: true}).waitFor();
    grow(100);
    await log.filter({hasText: 'line 100'}).waitFor();
    assert.ok(await end() < 2);
    await log.evaluate((node) => { node.scrollTop = 0; });
    await page.waitForTimeout(100);
    grow(150);
    await page.getByRole('button', {name: 'New lines'}).click();
    assert.match(await log.innerText(), /line 150$/);
    assert.ok(await end() < 2);
    await done();
});

story('points appear without reload; zoom, table and smoothing stay through updates', async () => {
    const {page, world: made, done} = await opened({}, '/jobs/12');
    const loss = page.locator('.chart').first();
    const box = await loss.locator('.u-over').boundingBox();
    await page.mouse.move(box.x + 40, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 160, box.y + 60, {steps: 4});
    await page.mouse.up();
    await page.locator('.chart').nth(3).getByRole('button', {name: 'Table'}).click();
    await page.locator('input[type=range]').fill('0');
    await page.mouse.move(5, 5);
    const before = await loss.locator('.plot').screenshot();
    made.step(12, 2010);
    await page.getByText('step 2,010 of 3,240').waitFor();
    await page.locator('.behind th', {hasText: '2,010'}).waitFor();
    assert.ok((await loss.locator('.plot').screenshot()).equals(before), 'the zoomed chart moved');
    assert.equal(await page.locator('input[type=range]').inputValue(), '0');
    await done();
});

story('how the charts are looked at is in the address', async () => {
    const {page, done} = await opened({}, '/jobs/12?x=epoch&smooth=0.9&log=1');
    assert.equal(await page.locator('select').inputValue(), 'epoch');
    assert.equal(await page.locator('input[type=range]').inputValue(), '0.9');
    assert.equal(await page.locator('input[type=checkbox]').isChecked(), true);
    await page.locator('select').selectOption('time');
    await page.locator('input[type=range]').fill('0.6');
    assert.equal(new URL(page.url()).search, '?x=time&log=1');
    await done();
});

story('the keyboard alone reaches a job, its chart and its table', async () => {
    const {page, done} = await opened({}, '/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.locator('.row.running a').first().focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/jobs/12');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.waitForSelector('.chart .u-over');
    await page.locator('.plot').first().focus();
    await page.keyboard.press('Home');
    const first = await page.locator('.legend b').first().innerText();
    await page.keyboard.press('End');
    assert.notEqual(await page.locator('.legend b').first().innerText(), first);
    await page.keyboard.press('f');
    assert.equal(await page.locator('.chart.wide').count(), 1);
    await page.locator('body').press('g');
    await page.keyboard.press('o');
    await page.waitForURL(/\/$/);
    await page.goBack();
    await page.waitForSelector('.jobhead');
    await page.keyboard.press('?');
    assert.equal(await page.locator('dialog').isVisible(), true);
    await done();
});

story('stop asks first, and a waiting job is removed', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    await page.getByRole('button', {name: 'Stop'}).click();
    await page.getByText('Stop after a checkpoint of the current step? The best checkpoint stays.').waitFor();
    await page.getByRole('button', {name: 'Keep it'}).click();
    assert.match(await page.locator('.jobhead .pill').innerText(), /Running/);
    await page.getByRole('button', {name: 'Stop'}).click();
    await page.getByRole('button', {name: 'Stop job'}).click();
    await page.locator('.jobhead .pill', {hasText: 'Stopping'}).waitFor();
    await page.goto(new URL('/jobs/14', page.url()).href);
    await page.getByRole('button', {name: 'Remove'}).click();
    await page.getByRole('button', {name: 'Remove job'}).click();
    await page.locator('.jobhead .pill', {hasText: 'Cancelled'}).waitFor();
    await done();
});

story('the theme is the system\'s until the reader chooses, and then kept', async () => {
    const {page, done} = await opened({}, '/');
    const themeIs = (name) => page.locator(`html[data-theme=${name}]`).waitFor();
    await page.emulateMedia({colorScheme: 'dark'});
    await themeIs('dark');
    await page.getByRole('button', {name: 'Light or dark'}).click();
    await themeIs('light');
    await page.reload();
    await page.waitForSelector('h1');
    await themeIs('light');
    await page.evaluate(() => localStorage.clear());
    await done();
});
