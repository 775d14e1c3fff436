// Routes, history, title, favicon, theme, connection, keys and error views: everything around the view.
import {Problem} from './api.js';
import {attribute, fill, h, s, say, reveal, text} from './dom.js';
import {Live} from './live.js';

// A view is show(main, params, page) → what live.js keeps fresh, with ready(): whether it shows something, and leave();
// page is below.
const ROUTES = [
    [/^\/$/, 'overview', () => import('./views/overview.js')],
    [/^\/jobs$/, 'jobs', () => import('./views/jobs.js')],
    [/^\/jobs\/(\d+)$/, 'jobs', () => import('./views/job.js')],
];
const KEYS = [['g o', 'Overview'], ['g j', 'Jobs'], ['t', 'Light or dark'], ['?', 'These keys'],
    ['← →', 'In a chart: move the cursor, with Shift by 10'], ['Home End', 'In a chart: first and newest point'], ['+ −', 'In a chart: zoom around the cursor'],
    ['0', 'In a chart: show everything'], ['f', 'In a chart: full width']];
const BANNER_AFTER_MS = 3000;
// Why there is no connection, as far as a page can tell.
const LOST = {
    refused: 'detrd does not answer: it is being restarted, or the way to it is cut.',
    silent: 'detrd has not answered for a while: it is held up, or the way to it is.',
    offline: 'This device has no network.',
};
const KEEP = 'Your jobs keep running; this page catches up by itself.';

const dot = h('span', {class: 'live', hidden: true});
const banner = h('div', {class: 'banner', role: 'alert', hidden: true});
const main = h('main', {id: 'main', tabindex: -1});
const singleKeys = h('input', {type: 'checkbox', checked: stored('keys') !== 'off', on: {change: () => store('keys', singleKeys.checked ? 'on' : 'off')}});
const help = h('dialog', {'aria-label': 'Keys'}, h('h2', {}, 'Keys'),
    h('dl', {class: 'keys'}, KEYS.map(([key, does]) => [h('dt', {}, key.split(' ').map((one) => [h('kbd', {}, one), ' '])), h('dd', {}, does)])),
    h('label', {class: 'option'}, singleKeys, ' Single letters are keys'),
    h('form', {method: 'dialog'}, h('button', {}, 'Close')));
let leave = () => {};
let opened = 0;
const here = () => ({pathname: location.pathname, hash: location.hash});
let place = here();

const link = (href, name) => h('a', {href, 'data-nav': name.toLowerCase()}, name);
const theme = h('button', {class: 'icon', type: 'button', 'aria-label': 'Light or dark', title: 'Light or dark (t)', on: {click: turn}},
    s('svg', {viewBox: '0 0 16 16', 'aria-hidden': 'true'}, s('circle', {cx: 8, cy: 8, r: 6.2, class: 'ring'}),
        s('path', {d: 'M8 1.8a6.2 6.2 0 0 1 0 12.4z'})));

document.body.append(
    h('a', {class: 'skip', href: '#main'}, 'Skip to content'),
    h('header', {class: 'top'},
        h('a', {class: 'brand', href: '/'}, s('svg', {viewBox: '0 0 18 18', 'aria-hidden': 'true'},
            s('rect', {x: 1, y: 1, width: 16, height: 16, rx: 4}), s('path', {d: 'M1 11.5 6 7l4 3.5L17 5'})), 'detrd'),
        h('nav', {'aria-label': 'Pages'}, link('/', 'Overview'), link('/jobs', 'Jobs')),
        h('div', {class: 'right'}, dot, theme)),
    banner, main, help);

// What a view may do to its surroundings.
const page = {
    title(words, icon) {
        document.title = words ? `${words} · detrd` : 'detrd';
        const favicon = document.getElementById('favicon');
        attribute(favicon, 'href', favicon.getAttribute('href').replace(/favicon-\w+/, `favicon-${icon ?? 'ok'}`));
    },
    error: (problem) => fill(main, errorView(problem)),
};

const faultWords = (problem) => (problem.status >= 500
    ? `detrd could not answer${problem.request_id ? ` (request ${problem.request_id})` : ''}: ${problem.message} Try again; if it stays, tell the operator.` : problem.message);

function errorView(problem) {
    const missing = {404: 'Not found', 410: 'Deleted'}[problem.status];
    page.title(missing ?? 'Error', 'bad');
    reveal(dot, false);
    return h('div', {class: 'error'}, h('h1', {}, missing ?? 'That did not work'), h('p', {}, faultWords(problem)),
        h('p', {}, h('a', {href: '/'}, 'To the overview')));
}

async function open() {
    const mine = ++opened;
    place = here();
    const route = ROUTES.find(([pattern]) => pattern.test(location.pathname));
    leave();
    leave = () => {};
    document.querySelectorAll('[data-nav]').forEach((a) => attribute(a, 'aria-current', a.dataset.nav === route?.[1] && 'page'));
    fill(main, h('p', {class: 'loading'}, 'Loading …'));
    if (!route)
        return page.error(new Problem(404, {detail: `There is no page ${location.pathname}.`}));
    const view = await route[2]().catch(() => null);
    if (mine !== opened)
        return undefined; // another page was opened meanwhile
    if (!view)
        return page.error(new Problem(0, {detail: 'A part of this page could not be loaded: detrd is away, or a newer one runs now. Reload the page.'}));
    const shown = view.show(main, location.pathname.match(route[0]).slice(1), page);
    const live = new Live(shown, connection, (problem) => failed(problem, shown));
    leave = () => {
        live.stop();
        shown.leave?.();
    };
    return undefined;
}

// A job that does not exist ends the view; any other fault is shown over what is there.
function failed(problem, shown) {
    if (!(problem instanceof Problem))
        console.error(problem);
    if (shown.ready?.() && problem.status !== 404 && problem.status !== 410) {
        text(banner, faultWords(problem));
        reveal(banner, true);
        return false;
    }
    leave();
    page.error(problem);
    return true;
}

let lostSince = 0;
function connection(state, why) {
    reveal(dot, true);
    attribute(dot, 'class', state === 'lost' ? 'live lost' : 'live');
    text(dot, state === 'lost' ? 'Reconnecting' : 'Live');
    if (state === 'lost') {
        text(banner, `${LOST[navigator.onLine ? why : 'offline']} ${KEEP}`);
        lostSince ||= setTimeout(() => reveal(banner, true), BANNER_AFTER_MS);
        return;
    }
    clearTimeout(lostSince);
    lostSince = 0;
    if (!banner.hidden)
        say('Connected again. Nothing was missed.');
    reveal(banner, false);
}

function go(url) {
    history.pushState(null, '', url);
    open();
    scrollTo(0, 0);
    main.focus({preventScroll: true});
}

// Links to pages of ours are opened in place; everything else is the browser's.
document.addEventListener('click', (event) => {
    const a = event.target.closest?.('a[href]');
    const url = a && new URL(a.href);
    if (!a || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
        return;
    if (url.origin !== location.origin || url.hash || a.target || !ROUTES.some(([pattern]) => pattern.test(url.pathname)))
        return;
    event.preventDefault();
    go(url);
});
// A step from anchor to anchor of one page is a popstate, too; the browser scrolls there by itself.
addEventListener('popstate', () => {
    const isAnchor = location.pathname === place.pathname && (location.hash || place.hash);
    place = here();
    if (!isAnchor)
        open();
});

function turn() {
    const dark = document.documentElement.dataset.theme !== 'dark';
    paint(dark);
    store('theme', dark ? 'dark' : 'light');
}

// detail: whether what is off the screen must be painted too.
function paint(dark, detail = false) {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.dispatchEvent(new CustomEvent('theme', {detail}));
}

function store(key, value) {
    try {
        localStorage.setItem(key, value);
    } catch { /* without storage the choice lasts as long as the page */ }
}

function stored(key) {
    try {
        return localStorage.getItem(key);
    } catch {
        return null;
    }
}

const system = matchMedia('(prefers-color-scheme: dark)');
const paintChosen = () => paint((stored('theme') ?? (system.matches ? 'dark' : 'light')) === 'dark');
system.addEventListener('change', paintChosen);
addEventListener('beforeprint', () => paint(false, true)); // paper is white
addEventListener('afterprint', paintChosen);
paintChosen();

let before = '';
document.addEventListener('keydown', (event) => {
    if (event.target.closest?.('input, select, textarea, dialog') || event.ctrlKey || event.metaKey || event.altKey)
        return;
    if (!singleKeys.checked && event.key !== '?')
        return;
    const keys = {'?': () => help.showModal(), t: turn, 'g o': () => go('/'), 'g j': () => go('/jobs')};
    const act = keys[`${before} ${event.key}`] ?? keys[event.key];
    before = event.key;
    act?.();
});

open();
