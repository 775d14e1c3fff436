// Keeps a view fresh: asks again and again, with a back-off when the daemon is away, and says how the connection is.

const PERIOD_MS = 1500;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 16000, 30000];
const AFTER_FAULT_MS = 4000;

// Calls refresh(signal) at once and then PERIOD_MS after each answer, never twice at a time and not while the tab is
// hidden.  state('live') or state('lost') tells each change; failed(error) takes an error that is not a lost
// connection, and ends the polling when it returns true.  Returns stop().
// env (for tests): sleep(ms, signal), which an abort or a reason to look at once ends early; hidden(); random().
export function poll(refresh, state, failed, env = browser()) {
    const abort = new AbortController();
    let tries = 0;

    // Returns [the pause until the next call, negative for none; how the connection is, null for unchanged].
    async function once() {
        try {
            await refresh(abort.signal);
            tries = 0;
            return [PERIOD_MS, 'live'];
        } catch (error) {
            if (abort.signal.aborted)
                return [-1, null];
            if (!error.isLost)
                return [failed(error) ? -1 : AFTER_FAULT_MS, 'fault'];
            const pause = BACK_OFF_MS[Math.min(tries++, BACK_OFF_MS.length - 1)];
            return [pause * (0.8 + 0.4 * env.random()), 'lost'];
        }
    }

    async function run() {
        let was = null;
        while (!abort.signal.aborted) {
            const [pause, is] = env.hidden() ? [PERIOD_MS, null] : await once();
            if (abort.signal.aborted || pause < 0)
                return;
            if (is && is !== was && is !== 'fault')
                state(is);
            was = is ?? was;
            await env.sleep(pause, abort.signal);
        }
    }

    run();
    return () => abort.abort();
}

// A tab that becomes visible or a network that comes back ends the pause.
function browser() {
    return {
        random: Math.random,
        hidden: () => document.hidden,
        sleep: (ms, signal) => new Promise((resolve) => {
            const events = [[window, 'online'], [document, 'visibilitychange'], [signal, 'abort']];
            const timer = setTimeout(done, ms);
            function done() {
                clearTimeout(timer);
                events.forEach(([target, name]) => target.removeEventListener(name, done));
                resolve();
            }
            events.forEach(([target, name]) => target.addEventListener(name, done));
        }),
    };
}
