// The only place where elements are made.  Text is data: nothing here or elsewhere turns a string into markup.

const SVG = 'http://www.w3.org/2000/svg';

// h('a', {href: '/', class: 'x', on: {click: f}, css: {width: '50%'}}, child, …): children are nodes, text or lists of
// them; null and false are left out, as are attributes of these values, and true makes an empty attribute.
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

function build(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name === 'on')
            Object.entries(value).forEach(([event, handler]) => node.addEventListener(event, handler));
        else if (name === 'css')
            Object.entries(value).forEach(([property, text]) => node.style.setProperty(property, text));
        else
            attribute(node, name, value);
    }
    node.append(...flat(children));
    return node;
}

const flat = (children) => children.flat(Infinity).filter((child) => child !== null && child !== false && child !== undefined);

export function attribute(node, name, value) {
    if (value === null || value === false || value === undefined)
        node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value === true ? '' : value))
        node.setAttribute(name, value === true ? '' : value);
}

// Replaces the text of node, when it differs, so that a selection survives.
export function text(node, value) {
    if (node.textContent !== String(value))
        node.textContent = value;
}

// Replaces what is in node.
export const fill = (node, ...children) => node.replaceChildren(...flat(children));

// Replaces node's one child by a newer state of it; what is scrolled stays where it is, and what is selected is left alone.
export function refill(node, child) {
    const {scrollTop = 0, scrollLeft = 0} = node.firstElementChild ?? {};
    if (holdsSelection(node))
        return;
    fill(node, child);
    Object.assign(child, {scrollTop, scrollLeft});
}

// Whether the reader has selected text in node.
export function holdsSelection(node) {
    const selection = getSelection();
    return !selection.isCollapsed && node.contains(selection.anchorNode);
}

// Hands text to the reader as a file.
export function save(words, name, type) {
    const href = URL.createObjectURL(new Blob([words], {type}));
    h('a', {href, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(href), 10000);
}

export const reveal = (node, visible) => attribute(node, 'hidden', !visible);

// Makes parent's children the rows of items, in their order.  make(item) returns {node, update(item)}, once a key; rows
// that stay keep their nodes, so that focus, selection and an open tooltip survive.
export function keyed(parent, rows, items, key, make) {
    const before = new Map(rows);
    rows.clear();
    items.forEach((item, i) => {
        const row = before.get(key(item)) ?? make(item);
        before.delete(key(item));
        rows.set(key(item), row);
        row.update(item);
        if (parent.children[i] !== row.node)
            parent.insertBefore(row.node, parent.children[i] ?? null);
    });
    before.forEach((row) => row.node.remove());
}

// Announces text politely to screen readers: at most one message in 5 s, the newest wins.
const SAY_EVERY_MS = 5000;
let region = null;
let pending = null;
let timer = 0;
export function say(message) {
    region ??= document.body.appendChild(h('div', {class: 'unseen', role: 'status', 'aria-live': 'polite'}));
    pending = message;
    if (!timer)
        speak();
}

function speak() {
    timer = 0;
    if (pending === null)
        return;
    region.textContent = pending;
    pending = null;
    timer = setTimeout(speak, SAY_EVERY_MS);
}
