// Which charts a job has, and what is drawn in each.
import {isFinal} from './widgets.js';
import * as format from './format.js';
import {AP} from './sections.js';

const CLASSES_SHOWN = 8;

export function chartSpecs(curves, job) {
    const steps = () => (isFinal(job()) ? 'It ended before the first step.' : 'The first point comes with the first optimiser step.');
    const evals = () => (isFinal(job()) ? 'It ended before the first evaluation.' : 'The first evaluation comes at the end of its epoch.');
    const ap = {format: format.score, floor: 0, ceiling: 1};
    const line = (series, name, more) => ({series, name, format: format.loss, ...more});
    return [
        {title: 'Loss', note: 'total', nothing: steps, lines: [line('train/loss', 'train', {noise: true})]},
        {title: 'mAP', note: 'COCO, maxDets 100', nothing: evals,
            lines: [['val/mAP_50_95', 'mAP 50:95'], ['val/mAP_50', 'mAP 50'], ['val/mAP_75', 'mAP 75']].map(([series, name]) => line(series, name, ap))},
        {title: 'AP per class', note: '50:95', nothing: evals,
            lines: () => [...curves.names].filter((name) => name.startsWith(AP)).slice(0, CLASSES_SHOWN).map((name) => line(name, name.slice(AP.length), ap))},
        {title: 'Loss terms', note: 'unweighted', nothing: steps,
            lines: [['train/loss_ce', 'class'], ['train/loss_bbox', 'box'], ['train/loss_giou', 'GIoU']].map(([series, name]) => line(series, name, {noise: true}))},
        {title: 'Learning rate', note: 'heads', nothing: steps, lines: [line('train/lr', 'heads', {format: format.tiny, axis: format.tiny, floor: 0})]},
        {title: 'Gradient norm', note: 'before clipping', nothing: steps,
            lines: [line('train/grad_norm', 'norm', {noise: true}), line('amp/scale', 'loss scale', {format: format.count, right: true})]},
        {title: 'Throughput', note: 'and data wait', nothing: steps,
            lines: [line('train/images_per_s', 'images/s', {format: format.rate, noise: true, floor: 0}),
                line('train/data_wait_ratio', 'data wait', {format: format.percent, axis: format.percent, noise: true, right: true, floor: 0, ceiling: 1, reach: 0.25})]},
        {title: 'Memory', note: 'GiB', nothing: steps,
            lines: [line('sys/gpu_memory_bytes', 'GPU', {format: format.gib, axis: format.gib, floor: 0}), line('sys/rss_bytes', 'host', {format: format.gib, axis: format.gib, floor: 0})]},
        {title: 'GPU utilisation', note: '%', nothing: null,
            lines: [line('sys/gpu_utilization_ratio', 'GPU', {format: format.percent, axis: format.percent, floor: 0, ceiling: 1})]},
    ];
}
