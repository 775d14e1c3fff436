// A test double of the daemon: serves the page from the source tree and an API of the shapes of api.md over a made-up
// world that a test may change.  Never shipped.  By hand: node tests/webui/server.mjs UPLOT_DIR [PORT]
import {createServer} from 'node:http';
import {readFileSync} from 'node:fs';
import {extname, join, normalize} from 'node:path';
import {fileURLToPath} from 'node:url';
import {world as makeWorld} from './world.mjs';

const WEBUI = fileURLToPath(new URL('../../webui/', import.meta.url));
const TYPES = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml'};
const CSP = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const PAGES = /^\/(|jobs|jobs\/\d+)$/;
const UPLOT = {'uplot/uPlot.js': 'dist/uPlot.iife.min.js', 'uplot/uPlot.css': 'dist/uPlot.min.css'};

export function serve(uplot, world, port = 0) {
    const server = createServer((request, response) => answer(request, response, uplot, world));
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
    })));
}

function answer(request, response, uplot, world) {
    const url = new URL(request.url, 'http://localhost');
    const send = (status, type, body) => {
        response.writeHead(status, {'Content-Type': type, 'Content-Security-Policy': CSP, 'Cache-Control': 'no-store'});
        response.end(body);
    };
    if (url.pathname === '/v1/events')
        return stream(request, response, url, world);
    if (url.pathname.startsWith('/v1/')) {
        const [status, body] = world.answer(request.method, url);
        const text = typeof body === 'string';
        return send(status, text ? 'text/plain' : status < 400 ? 'application/json' : 'application/problem+json', text ? body : JSON.stringify(body));
    }
    if (!url.pathname.startsWith('/assets/dev/'))
        return send(PAGES.test(url.pathname) ? 200 : 404, 'text/html', readFileSync(join(WEBUI, 'index.html'), 'utf8').replaceAll('@ASSETS@', '/assets/dev'));
    const file = normalize(url.pathname.slice('/assets/dev/'.length));
    try {
        return send(200, TYPES[extname(file)], readFileSync(UPLOT[file] ? join(uplot, UPLOT[file]) : join(WEBUI, file)));
    } catch {
        return send(404, 'text/plain', 'no such file');
    }
}

// The events of the topics that the address names, behind its position or from now on.
function stream(request, response, url, world) {
    const topics = url.searchParams.get('topics').split(',');
    const after = url.searchParams.get('after');
    const wanted = ({type, data}) => topics.includes(`job.${data.job}`) || (topics.includes('jobs') && ['state', 'deleted'].includes(type)) || (topics.includes('gpus') && type === 'gpu');
    const listen = (event) => wanted(event) && response.write(`${event.id ? `id: ${event.id}\n` : ''}event: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`);
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
    response.flushHeaders();
    world.events.filter(({id}) => after !== null && id > Number(after)).forEach(listen);
    world.listeners.add(listen);
    response.on('close', () => world.listeners.delete(listen));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    console.log((await serve(process.argv[2], makeWorld(process.env), Number(process.argv[3] ?? 0))).url);
