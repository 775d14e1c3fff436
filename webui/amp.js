// The AMP panel: the verdict first, then the policy, then what each point of the model ran in, train beside eval.
import {fill, h, text} from './dom.js';
import * as format from './format.js';
import {empty, shape, tallTable} from './widgets.js';

const words = (row) => (row ? `${row.dtype} on ${row.device}` : format.NONE);

// In two words, for the head: "bfloat16, train = eval".
export function ampWords(policy, proof) {
    if (!policy)
        return format.NONE;
    const kind = policy.enabled ? policy.dtype : 'off (float32)';
    if (!proof || proof.equal === null)
        return kind;
    return `${kind}, ${proof.equal && proof.as_policy ? 'train = eval' : 'train and eval differ'}`;
}

// What the proof says, in one sentence, and whether it is good (null: not known yet).
export function verdict(proof) {
    const kind = proof.policy?.enabled ? proof.policy.dtype : 'float32, no mixed precision';
    const first = proof.first_difference;
    if (first)
        return [false, `${first.point}: policy says ${first.policy}, ${first.pass} ran ${first.ran}.`];
    if (proof.equal === null || !proof.eval?.length)
        return [null, `Train is traced at ${format.plural(proof.train.length, 'point')}. Eval is traced with the first evaluation.`];
    if (!proof.equal)
        return [false, 'Train and eval ran in different precision.'];
    if (!proof.as_policy)
        return [false, 'Train and eval agree, but not with the policy.'];
    return [true, `Train = eval = policy at ${format.plural(proof.eval.length, 'point')}, ${kind}.`];
}

// Rows of [point, train, eval, depth, whether they differ], train's order first.
export function rows(proof) {
    const train = new Map(proof.train.map((row) => [row.point, row]));
    const evaluated = new Map((proof.eval ?? []).map((row) => [row.point, row]));
    return [...new Set([...train.keys(), ...evaluated.keys()])].map((point) => {
        const [a, b] = [train.get(point), evaluated.get(point)];
        const deep = a && b && a.depth !== b.depth;
        return [point, words(a), words(b), deep ? `${a.depth}, eval ${b.depth}` : (a ?? b).depth, Boolean(a && b && (deep || words(a) !== words(b)))];
    });
}

export function ampPanel() {
    const note = h('small');
    const body = h('div');
    const node = h('section', {id: 'amp', class: 'panel', 'aria-labelledby': 'amp-title'}, h('header', {}, h('h2', {id: 'amp-title'}, 'AMP'), note), body);
    let shown = null;
    return {node, id: 'amp', name: 'AMP', update(proof, ended) {
        const key = JSON.stringify([proof, ended]);
        if (key === shown)
            return;
        shown = key;
        if (!proof) {
            fill(body, empty(ended ? 'It ended before the first step.' : 'The first step of training writes the precision trace.'));
            return;
        }
        const [good, said] = verdict(proof);
        const tone = {true: 'ok', false: 'bad', null: 'off'}[good];
        text(note, [proof.libtorch && `libtorch ${format.visible(proof.libtorch)}`, proof.device && format.visible(proof.device)].filter(Boolean).join(' · '));
        fill(body, h('p', {class: `verdict ${tone}`}, shape({ok: 'tick', bad: 'cross', off: 'ring'}[tone]), said),
            h('dl', {class: 'pairs'}, Object.entries(proof.policy ?? {}).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, String(value))))),
            traces(rows(proof)));
    }};
}

function traces(all) {
    const cells = all.map(([point, train, evaluated, depth, differs]) => [differs ? h('strong', {class: 'bad'}, `≠ ${point}`) : point, train, evaluated, depth]);
    return tallTable('Precision of each point', [['Point', 'mono'], ['Train', 'mono'], ['Eval', 'mono'], ['Autocast depth', 'number']], cells);
}
