// Small pictures of the fused answer over time, on canvases. Colours are those of the labels.

import { LABELS } from './labels.js';
import { NAMES, percent } from './dom.js';

const K = LABELS.length;

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function prepared(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  return [pen, width, height];
}

// Stacked probabilities; stretches without an answer are left as background.
export function drawStrip(canvas, { extent, own, probs }) {
  const [pen, width, height] = prepared(canvas);
  const length = extent[1] - extent[0];
  const x = (time) => (length > 0 ? ((time - extent[0]) / length) * width : 0);
  pen.fillStyle = css('--hover');
  pen.fillRect(0, 0, width, height);
  own.forEach(([start, end], row) => {
    if (probs[row * K] < 0) return;
    const edges = length > 0 ? [x(start), x(end)] : [(row / own.length) * width, ((row + 1) / own.length) * width];
    const [left, right] = edges.map(Math.round);
    let y = 0;
    for (let k = 0; k < K; k += 1) {
      const part = (probs[row * K + k] / 1000) * height;
      pen.fillStyle = LABELS[k].colour;
      pen.fillRect(left, y, Math.max(right - left, 1), part + 0.6);
      y += part;
    }
  });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', described({ own, probs }));
}

// "mostly neutral (61 %), joy (23 %)" of the mean over time.
export function described({ own, probs }) {
  const sums = means({ own, probs });
  if (!sums) return 'no answer';
  const order = [...sums.keys()].sort((a, b) => sums[b] - sums[a]);
  return `mostly ${NAMES[order[0]]} (${percent(sums[order[0]])}), then ${NAMES[order[1]]} (${percent(sums[order[1]])})`;
}

// Mean per mille of each label, each row weighted by its time; null without an answer.
export function means({ own, probs }) {
  const sums = new Array(K).fill(0);
  let total = 0;
  own.forEach(([start, end], row) => {
    if (probs[row * K] < 0) return;
    const weight = Math.max(end - start, 1e-6);
    total += weight;
    for (let k = 0; k < K; k += 1) sums[k] += weight * probs[row * K + k];
  });
  return total ? sums.map((sum) => sum / total) : null;
}

// Rows as the API gives them, with -1 where there is no answer.
export function known(rows) {
  const probs = rows.probs.slice();
  rows.absent.forEach((reason, row) => { if (reason >= 0) for (let k = 0; k < K; k += 1) probs[row * K + k] = -1; });
  return { extent: rows.extent, own: rows.own, probs };
}
