// Makes docs/img from a daemon that runs: node.sh tests/webui/pictures.mjs URL JOB.  Look at them before they go in.
import {fileURLToPath} from 'node:url';
import {launch, watched} from './browser.mjs';

const [url, job] = process.argv.slice(2);
const DESK = {width: 1280, height: 880};
const PHONE = {width: 390, height: 844};
const PICTURES = [['overview-light', '/', 'light', DESK], ['overview-dark', '/', 'dark', DESK], ['phone-light', '/', 'light', PHONE],
    ['job-light', `/jobs/${job}`, 'light', DESK], ['job-dark', `/jobs/${job}`, 'dark', DESK], ['phone-job-dark', `/jobs/${job}`, 'dark', PHONE]];

const {context, close} = await launch();
for (const [name, path, colorScheme, size] of PICTURES) {
    const page = await watched(context, url);
    await page.setViewportSize(size);
    await page.emulateMedia({colorScheme});
    await page.goto(url + path);
    await page.waitForSelector(path === '/' ? '.card' : '.u-over');
    await page.waitForTimeout(1000); // meters come to rest
    await page.screenshot({path: fileURLToPath(new URL(`../../docs/img/${name}.png`, import.meta.url))});
    console.log(name, page.faults);
    await page.close();
}
await close();
