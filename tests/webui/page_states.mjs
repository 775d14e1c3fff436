// The page in Chromium over the test double: every state, theme and width, hostile text, faults, keys.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {CHROMIUM, findings, launch, NPM_DIR, tooWide, watched} from './browser.mjs';
import {serve} from './server.mjs';
import {world} from './world.mjs';

const MISSING = /^console: Failed to load resource: the server responded with a status of (404|410|500)/;
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
const story = (name, run) => test(name, {timeout: 120000}, run);
const heading = (page) => page.locator('h1').innerText();

for (const [path, options] of [['/', {}], ['/', {gpus: 8}], ['/', {empty: 1}], ['/', {hostile: 1}], ['/', {gpus: 16, busy: 40, waiting: 60}], ['/jobs', {hostile: 1}], ['/jobs/12', {}], ['/jobs/12?from=600&to=760', {classes: 200}], ['/jobs/12', {hostile: 1}], ['/jobs/9', {}], ['/jobs/14', {}], ['/jobs/999', {}], ['/nowhere', {}]]) {
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
    for (const [gpus, idle, said] of [[0, 1, 'This machine has no GPU. One job at a time runs on the CPU.'], [2, 1, 'No GPU is free. Next one in about 2 h 11 min.'], [3, 1, 'GPU 2 is free.'], [4, 1, 'GPUs 2 and 3 are free.'],
        [3, 0, 'GPU 2 has no job, but is used outside the queue.'], [4, 0, 'GPUs 2 and 3 have no job, but are used outside the queue.']]) {
        const {page, done} = await opened({gpus, idle}, '/');
        assert.equal(await heading(page), said);
        assert.equal(await page.locator('.card', {hasText: 'Used outside the queue.'}).count(), idle ? 0 : Math.max(0, gpus - 2));
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
    await page.getByText('detrd does not answer: it is being restarted, or the way to it is cut. Your jobs keep running; this page catches up by itself.').waitFor();
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
    const {page, world: made, server, done} = await opened({gpus: 2}, '/nowhere', MISSING);
    let answers = 0;
    page.on('response', (response) => { answers += response.url().endsWith('/v1/gpus'); });
    await page.goto(server.url);
    await page.getByText('Live', {exact: true}).waitFor();
    while (answers < 2) // a stream without a position starts at what is new: what came before is asked for once more
        await frames(page);
    await frames(page);
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
    await page.getByRole('button', {name: '50 new lines'}).click();
    assert.match(await log.innerText(), /line 150$/);
    assert.ok(await end() < 2);
    await done();
});

story('older lines come above what is read, and a selection is left alone', async () => {
    const {page, world: made, done} = await opened({log: 1000}, '/jobs/12');
    const log = page.locator('.log');
    const at = (words) => log.evaluate((node, text) => {
        const range = document.createRange();
        range.setStart(node.firstChild, node.textContent.indexOf(text));
        return range.getBoundingClientRect().top - node.getBoundingClientRect().top;
    }, words);
    await page.getByText('Live', {exact: true}).waitFor();
    await log.filter({hasText: /^step 801 /}).waitFor();
    await log.evaluate((node) => { node.scrollTop = 0; });
    await log.filter({hasText: /^step 201 /}).waitFor();
    assert.ok(Math.abs(await at('step 801 ') - 10) < 2, 'the line under the eye moved');
    await log.evaluate((node) => {
        node.scrollTop = node.scrollHeight;
        getSelection().setBaseAndExtent(node.firstChild, 5, node.firstChild, 40);
    });
    made.options.log = 1003;
    made.tell('log', {job: 12, attempt: 1, size_bytes: 1003}, null);
    await page.getByRole('button', {name: '3 new lines'}).waitFor();
    assert.equal((await page.evaluate(() => getSelection().toString())).length, 35);
    await done();
});

const table = (chart) => chart.getByRole('button', {name: 'Table'}).click();
const steps = async (chart) => (await chart.locator('.behind tbody th').allInnerTexts()).map((text) => Number(text.replaceAll(',', '')));
const frames = (page) => page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));

// Drags over a chart from one share of its width to another, and waits for the points of that range.
async function zoom(page, chart, from, to) {
    await chart.scrollIntoViewIfNeeded();
    const {x, y, width} = await chart.locator('.u-over').boundingBox();
    const answered = page.waitForResponse(/metrics\?name=.*&from=/);
    await page.mouse.move(x + from * width, y + 40);
    await page.mouse.down();
    await page.mouse.move(x + to * width, y + 60, {steps: 4});
    await page.mouse.up();
    await page.mouse.move(5, 5);
    const response = await answered;
    await response.finished();
    await frames(page);
    return new URL(response.url()).searchParams;
}

story('zooming asks for the points of that range, and what is looked at is in the address', async () => {
    const {page, server, done} = await opened({}, '/jobs/12');
    const loss = page.locator('.chart').first();
    await page.locator('.chart .u-over').first().waitFor();
    const query = await zoom(page, loss, 0.4, 0.45);
    const [from, to] = ['from', 'to'].map((key) => Number(new URL(page.url()).searchParams.get(key)));
    assert.ok(from > 780 && to > from + 60 && to < 920, `${from} to ${to}`);
    assert.deepEqual([query.get('x'), query.get('points')], ['step', '600']);
    assert.ok(Number(query.get('from')) < from && Number(query.get('to')) > to, 'lines run out of the chart');
    await table(loss);
    const shown = await steps(loss);
    assert.deepEqual(shown, shown.map((_, i) => shown[0] - i), 'every step is there');
    assert.ok(shown.at(-1) >= from - 1 && shown[0] <= to + 1);
    const again = await browser.context.newPage();
    await again.goto(page.url());
    await table(again.locator('.chart').first());
    await again.waitForFunction((n) => document.querySelectorAll('.chart .behind tbody tr').length === n, shown.length);
    assert.deepEqual(await steps(again.locator('.chart').first()), shown);
    await again.close();
    await page.getByRole('button', {name: /–.*✕/}).click();
    await page.waitForURL(`${server.url}/jobs/12`);
    assert.equal((await steps(loss))[0], 2000);
    assert.equal(await page.getByRole('button', {name: /✕/}).count(), 0);
    await done();
});

story('a zoom along epochs asks by step, and one along time by time', async () => {
    const {page, server, done} = await opened({}, '/jobs/12?x=epoch');
    const loss = page.locator('.chart').first();
    await page.locator('.chart .u-over').first().waitFor();
    const inSteps = await zoom(page, loss, 0.4, 0.6);
    const [from, to] = ['from', 'to'].map((key) => Number(new URL(page.url()).searchParams.get(key)));
    assert.ok(from > 14 && to < 23, `epochs ${from} to ${to}`);
    assert.equal(inSteps.get('x'), 'step');
    assert.ok(Number(inSteps.get('from')) < from * 54 && Number(inSteps.get('to')) > to * 54 && Number(inSteps.get('to')) < 54 * 30);
    await page.goto(`${server.url}/jobs/12?x=time`);
    await page.locator('.chart .u-over').first().waitFor();
    const inTime = await zoom(page, loss, 0.4, 0.6);
    assert.equal(inTime.get('x'), 'time');
    assert.ok(Math.abs(Number(inTime.get('from')) - Date.now()) < 1e8, 'milliseconds');
    await done();
});

story('the keys of a chart zoom in and out', async () => {
    const {page, server, done} = await opened({}, '/jobs/12');
    const plot = page.locator('.plot').first();
    await page.locator('.chart .u-over').first().waitFor();
    await plot.focus();
    await plot.press('Home');
    const asked = page.waitForResponse(/&from=/);
    await plot.press('+');
    await asked;
    assert.equal(new URL(page.url()).search, '?from=5&to=1003');
    await plot.press('-');
    await page.waitForURL(`${server.url}/jobs/12`);
    await plot.press('+');
    await plot.press('0');
    await page.waitForURL(`${server.url}/jobs/12`);
    await done();
});

story('points appear without reload; zoom, table and smoothing stay through updates', async () => {
    const {page, world: made, done} = await opened({}, '/jobs/12');
    const [loss, terms] = [page.locator('.chart').first(), page.locator('.chart').nth(3)];
    await page.locator('.chart .u-over').first().waitFor();
    await page.locator('input[type=range]').fill('0');
    await zoom(page, loss, 0.1, 0.5);
    await page.mouse.move(5, 5);
    await table(terms);
    const shown = await steps(terms);
    const before = await loss.locator('.plot').screenshot();
    for (let to = 2001; to <= 2050; to++)
        made.step(12, to);
    await page.getByText('step 2,050 of 3,240').waitFor();
    await frames(page);
    assert.ok((await loss.locator('.plot').screenshot()).equals(before), 'the zoomed chart moved');
    assert.deepEqual(await steps(terms), shown);
    assert.equal(await page.locator('input[type=range]').inputValue(), '0');
    await page.getByRole('button', {name: /✕/}).click();
    await terms.locator('.behind th', {hasText: '2,050'}).waitFor();
    made.step(12, 2060);
    await terms.locator('.behind th', {hasText: '2,060'}).waitFor();
    await done();
});

story('a zoom that reaches beyond the newest point takes new ones in', async () => {
    const {page, world: made, done} = await opened({}, '/jobs/12?from=1900&to=2100');
    const loss = page.locator('.chart').first();
    await table(loss);
    await loss.locator('.behind th', {hasText: '1,999'}).waitFor(); // of the range's own points
    made.step(12, 2150);
    await loss.locator('.behind th', {hasText: '2,100'}).waitFor();
    const shown = await steps(loss);
    assert.deepEqual(shown, shown.map((_, i) => 2100 - i));
    await done();
});

story('a chart is drawn when it comes near the screen, and not before', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    await page.setViewportSize({width: 390, height: 844});
    await page.reload();
    await page.locator('.chart .u-over').first().waitFor();
    const last = page.getByRole('region', {name: 'Memory', exact: true});
    assert.match(await last.locator('.plot').getAttribute('aria-label'), /Memory, newest: host 2\.1/);
    assert.equal(await last.locator('canvas').count(), 0);
    await last.scrollIntoViewIfNeeded();
    await last.locator('canvas').waitFor();
    await done();
});

story('the bar marks the section that is read', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    const marked = (name) => page.locator('.toolbar [aria-current=location]', {hasText: name}).waitFor();
    await page.locator('.toolbar').waitFor();
    await page.evaluate(() => scrollTo(0, 300));
    await marked('Charts');
    await page.evaluate(() => { document.querySelector('#amp').isSame = true; });
    for (let i = 0; i < 2; i++) {
        await page.getByRole('link', {name: 'AMP', exact: true}).click();
        await marked('AMP');
    }
    assert.equal(await page.evaluate(() => document.querySelector('#amp').isSame), true, 'the view was made anew');
    assert.equal(await page.locator('.toolbar [aria-current]').count(), 1);
    await done();
});

story('a chart is a file of all its points, and of those in view', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    const asked = page.waitForRequest((request) => request.headers().accept === 'text/csv');
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('.chart').first().getByRole('button', {name: 'CSV'}).click()]);
    assert.equal(file.suggestedFilename(), 'loss.csv');
    assert.equal(new URL((await asked).url()).search, '?name=train%2Floss');
    await done();
});

story('the overview says how many there are, however many', async () => {
    const {page, done} = await opened({busy: 60, waiting: 620, ended: 30}, '/');
    assert.equal(await (await page.locator('.counts').innerText()).trim(), '62 running 622 waiting');
    assert.deepEqual(await page.locator('.rest').allInnerTexts(), ['12 more, in the list of all jobs', '572 more, in the list of all jobs']);
    assert.equal(await page.locator('.row.running .name').count(), 50);
    assert.match(await page.locator('.row.waiting .name').first().innerText(), /seed4/, 'a higher priority comes before an older job');
    const ended = await page.locator('.ended time').evaluateAll((all) => all.map((one) => one.getAttribute('datetime')));
    assert.deepEqual(ended, ended.toSorted().reverse(), 'the newest ending first');
    assert.match(await page.locator('.ended').first().innerText(), /leaf-large/, 'which is not the newest job');
    await page.locator('.rest').last().click();
    await page.waitForURL(/\/jobs\?state=queued$/);
    await page.locator('.cards tbody tr').nth(49).waitFor();
    await page.getByRole('button', {name: 'Older jobs'}).click();
    await page.locator('.cards tbody tr').nth(99).waitFor();
    await done();
});

story('200 classes are a table that scrolls by itself, and stays where it is', async () => {
    const {page, world: made, done} = await opened({classes: 200}, '/jobs/12');
    const box = page.locator('#classes .scroll');
    assert.equal(await box.locator('tbody tr').count(), 200);
    assert.match(await page.getByRole('region', {name: 'AP per class'}).locator('header').innerText(), /8 of 200 classes/);
    await box.evaluate((node) => { node.scrollTop = 1000; });
    made.tell('eval', {job: 12, attempt: 2, step: 2052, epoch: 38, time_ms: Date.now(), metrics: {'val/mAP_50_95': 0.7, 'val/AP/WBC': 0.812}});
    await box.getByText('0.812').first().waitFor({state: 'attached'});
    assert.equal(await box.evaluate((node) => node.scrollTop), 1000);
    await done();
});

story('what differs from a default, what happened when, and what a checkpoint is, are said', async () => {
    const {page, done} = await opened({}, '/jobs/12');
    assert.match(await page.locator('#config header').innerText(), /1 value of 1\d is not the default/);
    assert.deepEqual(await page.locator('#config .set dt').allInnerTexts(), ['/epochs']);
    assert.match(await page.locator('#events').innerText(), /Checkpoint last\.safetensors at step 2,000\.[^]*Started on CPU\.[^]*Submitted\./);
    assert.match(await page.locator('#files').innerText(), /232\.1 MiB on disk[^]*best\.safetensors\s+weights and EMA, best evaluation\s+36\s+2,000\s+0\.618[^]*curl -O http/);
    await done();
});

story('a name that is written from the right leaves what stands around it in its place', async () => {
    const {page, done} = await opened({}, '/');
    const row = page.locator('.row.waiting', {hasText: 'עלים'});
    const left = (part) => part.evaluate((node) => node.getBoundingClientRect().left);
    assert.ok(await left(row.locator('.id')) < await left(row.locator('.name')));
    await row.locator('.name').click();
    await page.waitForURL('**/jobs/15');
    await page.waitForSelector('.jobhead');
    assert.ok(await left(page.locator('h1 .id')) < await left(page.locator('h1 bdi')));
    await done();
});

story('a job that ended before its first step has no charts, and says so where something is missing', async () => {
    const {page, world: made, server, done} = await opened({}, '/');
    Object.assign(made.jobs.get(9), {steps: 0, progress: null, best: null, cause: 'dataset', detail: 'there is no train split'});
    await page.goto(`${server.url}/jobs/9`);
    await page.locator('.progress .verdict', {hasText: 'There is no train split.'}).waitFor();
    assert.equal(await page.locator('.chart:visible, .controls:visible, .progress .meter:visible').count(), 0);
    assert.deepEqual(await page.locator('.empty:visible').allInnerTexts(), ['It ended before the first evaluation.', 'It ended before the first step.', 'It ended before the first checkpoint.']);
    assert.ok(await page.locator('#log').evaluate((node) => node.compareDocumentPosition(document.querySelector('.toolbar')) & Node.DOCUMENT_POSITION_FOLLOWING), 'the log stands at the top');
    await done();
});

story('a job that is deleted while it is open is said to be', async () => {
    const {page, world: made, done} = await opened({}, '/jobs/8', MISSING);
    await page.getByText('Live', {exact: true}).waitFor();
    made.deleted.add(8);
    made.tell('deleted', {job: 8, attempt: 1});
    await page.locator('h1', {hasText: 'Deleted'}).waitFor();
    assert.match(await page.locator('main').innerText(), /job 8 was deleted/i);
    await done();
});

story('on paper there is nothing to press, the tables are whole, and it is light', async () => {
    const {page, done} = await opened({classes: 40}, '/jobs/12');
    await page.emulateMedia({media: 'print', colorScheme: 'dark'});
    assert.equal(await page.locator('button:visible, .toolbar:visible').count(), 0);
    assert.ok(await page.locator('#classes .scroll').evaluate((node) => node.scrollHeight <= node.clientHeight + 1));
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'light');
    assert.equal(await page.locator('.chart:visible canvas').count(), await page.locator('.chart:visible').count());
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await done();
});

story('nothing moves where the reader wants it still', async () => {
    const {page, done} = await opened({}, '/');
    const moves = () => page.locator('.meter .bar').first().evaluate((node) => getComputedStyle(node).transitionDuration);
    assert.notEqual(await moves(), '0s');
    await page.emulateMedia({reducedMotion: 'reduce'});
    assert.equal(await moves(), '0s');
    await page.emulateMedia({reducedMotion: null});
    await done();
});

story('single letters can be no keys', async () => {
    const {page, done} = await opened({}, '/');
    await page.keyboard.press('?');
    await page.getByLabel('Single letters are keys').uncheck();
    await page.keyboard.press('Escape');
    const theme = await page.locator('html').getAttribute('data-theme');
    await page.keyboard.press('t');
    assert.equal(await page.locator('html').getAttribute('data-theme'), theme);
    await page.reload();
    await page.keyboard.press('?');
    assert.equal(await page.getByLabel('Single letters are keys').isChecked(), false);
    await page.evaluate(() => localStorage.clear());
    await done();
});

story('how the charts are looked at is in the address', async () => {
    const {page, done} = await opened({}, '/jobs/12?x=epoch&smooth=0.9&log=1');
    assert.equal(await page.locator('select').inputValue(), 'epoch');
    assert.equal(await page.locator('input[type=range]').inputValue(), '0.9');
    assert.equal(await page.getByLabel('Log y').isChecked(), true);
    await page.locator('select').selectOption('time');
    await page.locator('input[type=range]').fill('0.6');
    assert.equal(new URL(page.url()).search, '?x=time&log=1');
    await done();
});

story('the keyboard alone reaches a job, its chart and its table', async () => {
    const {page, done} = await opened({}, '/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    for (let i = 0; i < 40 && !await page.evaluate(() => document.activeElement.matches('.row.running .name')); i++)
        await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'solid');
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
