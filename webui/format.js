// Numbers, times, spans and sizes as the page writes them.  Pure functions; what is not there is an en dash.

export const NONE = '–';
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n) => String(n).padStart(2, '0');
const isNumber = (v) => typeof v === 'number' && Number.isFinite(v);

// A non-finite value comes from the API as the text "nan", "inf" or "-inf", and is shown as that.
const guard = (v, text) => (isNumber(v) ? text(v) : typeof v === 'string' ? v : NONE);

const whole = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});
export const count = (v) => guard(v, (n) => whole.format(n));
export const score = (v) => guard(v, (n) => n.toFixed(3));
export const percent = (v) => guard(v, (n) => `${Math.round(n * 100)} %`);
export const rate = (v) => guard(v, (n) => (Math.abs(n) >= 100 ? count(n) : n.toPrecision(n < 1 ? 2 : 3)));
export const tiny = (v) => guard(v, (n) => (n === 0 ? '0' : n.toExponential(1).replace('e+', 'e')));

// Four significant digits, as losses and norms are compared; long ones with commas.
export function loss(v) {
    return guard(v, (n) => {
        const size = Math.abs(n);
        if (size >= 1e4)
            return size < 1e7 ? count(n) : tiny(n);
        return n === 0 ? '0' : size < 1e-3 ? tiny(n) : n.toPrecision(4);
    });
}

export const gib = (v) => guard(v, (n) => (n / 2 ** 30).toFixed(1));

export function bytes(v) {
    return guard(v, (n) => {
        const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
        const power = Math.min(units.length - 1, n < 1 ? 0 : Math.floor(Math.log2(n) / 10));
        return `${power ? (n / 2 ** (10 * power)).toFixed(1) : n} ${units[power]}`;
    });
}

// "2 h 11 min", "3 min", "12 s", "1 d 1 h": the two largest units that say something.
export function span(seconds) {
    return guard(seconds, (value) => {
        const s = Math.max(0, Math.round(value));
        const minutes = Math.round(s / 60);
        const hours = Math.floor(minutes / 60);
        if (s < 60)
            return `${s} s`;
        if (minutes < 60)
            return `${minutes} min`;
        if (hours < 24)
            return minutes % 60 ? `${hours} h ${two(minutes % 60)} min` : `${hours} h`;
        return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
    });
}

// Today "15:53", within a week "Wed 15:04", else "3 Nov", with the year where it is another.
export function time(when, now) {
    const t = new Date(when);
    const hm = `${two(t.getHours())}:${two(t.getMinutes())}`;
    const days = Math.abs(dayNumber(t) - dayNumber(new Date(now)));
    if (when === null || Number.isNaN(t.getTime()))
        return NONE;
    if (days < 1)
        return hm;
    if (days < 7)
        return `${DAYS[t.getDay()]} ${hm}`;
    const date = `${t.getDate()} ${MONTHS[t.getMonth()]}`;
    return t.getFullYear() === new Date(now).getFullYear() ? date : `${date} ${t.getFullYear()}`;
}

const dayNumber = (t) => Math.round(Date.UTC(t.getFullYear(), t.getMonth(), t.getDate()) / 86400000);

// For the tooltip: the full date with its zone.
export function fullTime(when) {
    const t = new Date(when);
    if (when === null || Number.isNaN(t.getTime()))
        return '';
    const zone = -t.getTimezoneOffset();
    const offset = `${zone < 0 ? '-' : '+'}${two(Math.floor(Math.abs(zone) / 60))}:${two(Math.abs(zone) % 60)}`;
    return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
        `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())} ${offset}`;
}

// "1 image", "2 images"; "a, b and c".
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export function list(words) {
    return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

// Axis labels: "5k", "1.5M".
export function short(v) {
    const size = Math.abs(v);
    if (size >= 1e6)
        return `${+(v / 1e6).toPrecision(3)}M`;
    if (size >= 1e4)
        return `${+(v / 1e3).toPrecision(3)}k`;
    return size !== 0 && size < 1e-3 ? tiny(v) : String(+v.toPrecision(4));
}

// The daemon's words as a sentence, safe to show.  A first word that is a name or a path stays as it is.
export function sentence(text) {
    const shown = visible(text).trim().replace(/^[a-z]+(?= )/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
    return !shown || /[.!?)]$/.test(shown) ? shown : `${shown}.`;
}

// Control characters (ANSI codes above all) become visible signs, and marks that reorder text are named.
export function visible(text) {
    return text.replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
        .replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => `<U+${c.charCodeAt(0).toString(16).toUpperCase()}>`);
}
