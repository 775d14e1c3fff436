// The only fetch.  A reply that is an error, or none at all, becomes a Problem.

const TIMEOUT_MS = 15000;

// status 0: no answer came, in time (isSlow) or at all.  The other members are those of application/problem+json (RFC 9457) as detrd sends it.
export class Problem extends Error {
    constructor(status, body) {
        super(body.detail ?? body.title ?? `The answer was ${status}.`);
        Object.assign(this, {name: 'Problem', status, type: '', title: '', errors: [], request_id: null}, body);
    }

    get isLost() {
        return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
    }
}

let skew_ms = 0;

// The server's clock in milliseconds: the reader's may be wrong by hours, and countdowns must not.
export const now = () => Date.now() + skew_ms;

// query's values may be lists, for a key that is repeated.
export function address(path, query = {}) {
    const pairs = Object.entries(query).flatMap(([key, value]) => [value].flat().map((one) => [key, one]));
    return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

async function request(method, path, {query, signal, headers} = {}) {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    let reply;
    try {
        reply = await fetch(address(path, query), {method, headers, signal: signal ? AbortSignal.any([signal, limit]) : limit});
        keepTime(reply);
        const json = /json/.test(reply.headers.get('Content-Type') ?? '');
        const body = json ? await reply.json() : await reply.text();
        if (reply.ok)
            return body;
        throw new Problem(reply.status, json ? body : {detail: `The answer was ${reply.status} ${reply.statusText}`.trim()});
    } catch (error) {
        if (error instanceof Problem || signal?.aborted)
            throw error;
        throw new Problem(0, {detail: 'No connection to detrd.', isSlow: error.name === 'TimeoutError'});
    }
}

// A Date header has whole seconds: half a second is its mean error, and what is smaller than 2 s is left alone.
function keepTime(reply) {
    const date = Date.parse(reply.headers.get('Date') ?? '');
    const skew = date + 500 - Date.now();
    skew_ms = Number.isNaN(date) || Math.abs(skew) < 2000 ? 0 : skew;
}

export const get = (path, query, signal) => request('GET', path, {query, signal});
export const getCsv = (path, query) => request('GET', path, {query, headers: {Accept: 'text/csv'}});
export const post = (path, signal) => request('POST', path, {signal});

// A reply of problem `missing`, such as a log or a trace that does not exist yet, as null.
export async function getIfThere(path, query, signal) {
    try {
        return await get(path, query, signal);
    } catch (error) {
        if (error instanceof Problem && error.status === 404)
            return null;
        throw error;
    }
}
