// Which charts a job has, and what is drawn in each: the one table of the series that the job page shows.
import * as format from './format.js';
import {AP} from './sections.js';
import {isFinal} from './widgets.js';

const CLASSES_SHOWN = 8;

const line = (series, name, more) => ({series, name, format: format.loss, ...more});
const score = {format: format.score, floor: 0, ceiling: 1};
const ratio = {format: format.percent, axis: format.percent, floor: 0, ceiling: 1};
const memory = {format: format.gib, axis: format.gib, floor: 0};

// unscaled: what the note says of a job without a gradient scaler; made: the series that tells how it was evaluated.  first: what brings the first point; a chart without it, or of a job that has ended, is shown only when there is one.  each: a line for every series
// that starts so.  The rest is told in chart.js.
const CHARTS = [
    {title: 'Loss', note: 'total', first: 'step', lines: [line('train/loss', 'train', {noise: true})]},
    {title: 'mAP', note: '', first: 'eval', made: 'val/mAP_50_95',
        lines: [line('val/mAP_50_95', 'mAP 50:95', score), line('val/mAP_50', 'mAP 50', score), line('val/mAP_75', 'mAP 75', score)]},
    {title: 'AP per class', note: '50:95', first: 'eval', each: AP},
    {title: 'Loss terms', note: 'unweighted', first: 'step',
        lines: [line('train/loss_ce', 'class', {noise: true}), line('train/loss_bbox', 'box', {noise: true}), line('train/loss_giou', 'GIoU', {noise: true})]},
    {title: 'Learning rate', note: 'heads', first: 'step', lines: [line('train/lr', 'heads', {format: format.tiny, axis: format.tiny, floor: 0})]},
    {title: 'Gradient norm', note: 'before clipping', unscaled: 'no loss scale', first: 'step',
        lines: [line('train/grad_norm', 'norm', {noise: true}), line('amp/scale', 'loss scale', {format: format.count, right: true})]},
    {title: 'Throughput', note: 'and data wait', first: 'step',
        lines: [line('train/images_per_s', 'images/s', {format: format.rate, noise: true, floor: 0}),
            line('train/data_wait_ratio', 'data wait', {...ratio, noise: true, right: true, reach: 0.25})]},
    {title: 'Memory', note: 'GiB', first: 'step', lines: [line('sys/gpu_memory_bytes', 'GPU', memory), line('sys/rss_bytes', 'host', memory)]},
    {title: 'GPU utilisation', note: '%', lines: [line('sys/gpu_utilization_ratio', 'GPU', ratio)]},
];

const NOTHING = {step: 'The first point comes with the first optimiser step.', eval: 'The first evaluation comes at the end of its epoch.'};

export const isShown = (name) => CHARTS.some(({each, lines}) => (each ? name.startsWith(each) : lines.some(({series}) => series === name)));

// How an evaluation was made: the last sentence of its series' definition.
const evaluated = (definition) => format.visible(definition).replace(/\.$/, '').split('. ').at(-1);

// The specs for chart.js; job() is the job as it is known.
export function chartSpecs(curves, job) {
    const each = (prefix) => [...curves.names].filter((name) => name.startsWith(prefix));
    const eachLine = (prefix) => each(prefix).slice(0, CLASSES_SHOWN).map((name) => line(name, name.slice(prefix.length), score));
    const note = ({note: words, each: prefix, unscaled, made}) => {
        const {enabled, grad_scaler: scaled, dtype} = job()?.spec?.amp ?? {};
        const classes = prefix ? each(prefix).length : 0;
        return [words, made && evaluated(curves.definition(made)), classes > CLASSES_SHOWN && `${CLASSES_SHOWN} of ${classes} classes`, unscaled && enabled && !scaled && `${dtype} has ${unscaled}`].filter(Boolean).join(', ');
    };
    return CHARTS.map((spec) => ({...spec, note: () => note(spec), lines: () => spec.lines ?? eachLine(spec.each),
        nothing: () => (isFinal(job()) ? '' : NOTHING[spec.first] ?? '')}));
}
