// Chromium through playwright-core, and what must hold on every page a test opens.
import {createRequire} from 'node:module';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

// NPM_DIR: where the build put the packages of webui/package-lock.json.
export const NPM_DIR = process.env.NPM_DIR;
export const packages = createRequire(join(NPM_DIR ?? '.', 'package.json'));
export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function launch(options = {}) {
    const {chromium} = packages('playwright-core');
    const profile = mkdtempSync(join(tmpdir(), 'detrd-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {executablePath: CHROMIUM, args: FLAGS, viewport: {width: 1440, height: 900}, ...options});
    return {context, close: () => context.close().finally(() => rmSync(profile, {recursive: true, force: true}))};
}

// A page that collects in .faults what must not happen: console messages, requests to another host, breaches of the
// content security policy, uncaught errors.  allowed: a pattern of console messages that a test brings about itself.
export async function watched(context, origin, allowed = /^$/) {
    const page = await context.newPage();
    page.faults = [];
    const fault = (words) => allowed.test(words) || page.faults.push(words);
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(`console: ${message.text()}`));
    page.on('pageerror', (error) => fault(`uncaught: ${error.stack}`));
    page.on('request', (request) => request.url().startsWith(origin) || fault(`request: ${request.url()}`));
    await page.exposeFunction('breach', (words) => fault(`policy: ${words}`));
    await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => window.breach(`${event.violatedDirective} ${event.blockedURI}`)));
    return page;
}

// The widths at which nothing may scroll sideways.
export const WIDTHS = [1440, 1180, 760, 390, 320];
export async function tooWide(page) {
    const wide = [];
    for (const width of WIDTHS) {
        await page.setViewportSize({width, height: 900});
        const size = await page.evaluate(() => document.documentElement.scrollWidth);
        if (size > width)
            wide.push(`${size} px at ${width}`);
    }
    await page.setViewportSize({width: 1440, height: 900});
    return wide;
}

// axe-core's serious findings, as words.
export async function findings(page) {
    const {readFileSync} = await import('node:fs');
    const source = readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8');
    await page.evaluate(source); // through the debugger: the policy forbids a script element of it
    const {violations} = await page.evaluate(() => window.axe.run());
    return violations.map(({id, impact, nodes}) => `${impact} ${id}: ${nodes.map((node) => node.target.join(' ')).join('; ')}`);
}
