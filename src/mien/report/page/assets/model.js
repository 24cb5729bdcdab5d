// The data of the page, with accessors.

const data = JSON.parse(document.getElementById('data').textContent);
const K = data.labels.length;
const [T0, T1] = data.extent;
const timed = data.kind === 'recording' && T1 > T0;

const state = { time: T0, row: -1, smooth: data.tracks[0].s !== null && timed, from: T0, to: T1 };

const listeners = {};
const on = (what, act) => { (listeners[what] ||= []).push(act); };
const emit = (what) => { for (const act of listeners[what] || []) act(); };

const byId = (id) => document.getElementById(id);

// An element with attributes and children; strings become text nodes and are never parsed.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'class') node.className = value;
    else if (name.startsWith('--')) node.style.setProperty(name, value);
    else if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const two = (n) => String(n).padStart(2, '0');

// 4.5 -> "0:04.5"; whole seconds for long recordings.
function clock(seconds, fine = T1 - T0 < 600) {
  const tenths = Math.round(seconds * 10);
  const s = fine ? tenths / 10 : Math.round(seconds);
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  const rest = fine ? (s % 60).toFixed(1).padStart(4, '0') : two(Math.floor(s % 60));
  return h > 0 ? `${h}:${two(m)}:${rest}` : `${m}:${rest}`;
}

const several = new Set(data.faces.map(([who]) => who)).size > 1;

// 0.213 -> "+0.21", with a minus sign and not a hyphen.
const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
const moreOrLess = (value) => (value > 0 ? 'more' : 'less');
const percent = (permille) => `${Math.round(permille / 10)}\u00a0%`;

// The row of a time: the one whose non-overlapping span contains it; -1 in a gap.
function rowAt(time) {
  const own = data.own;
  let [low, high] = [0, own.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (own[middle][0] <= time) low = middle; else high = middle - 1;
  }
  if (!own.length || time < own[low][0]) return -1;
  const last = low === own.length - 1 && time <= own[low][1] + 0.05;
  return time < own[low][1] || last || own[low][0] === own[low][1] ? low : -1;
}

const present = (track, row) => track.r[row] < 0;
const reason = (track, row) => data.reasons[track.r[row]];
// The reason without the measured value in brackets, which differs between rows.
const plainReason = (track, row) => reason(track, row).replace(/ \([^)]*\)$/, '');
const values = (track, smooth = state.smooth) => (smooth && track.s ? track.s : track.p);

// [index of the most probable label, its per mille] of a row; null if absent.
function top(track, row, smooth = state.smooth) {
  if (row < 0 || !present(track, row)) return null;
  const all = values(track, smooth);
  let best = 0;
  for (let k = 1; k < K; k += 1) if (all[row * K + k] > all[row * K + best]) best = k;
  return [best, all[row * K + best]];
}

// The label of a time span: the mean of the fused rows in it.
function spoken(start, end) {
  const fused = data.tracks[0];
  const all = values(fused);
  const sum = new Float64Array(K);
  let weight = 0;
  for (let i = Math.max(0, near(start)); i < data.own.length && data.own[i][0] <= end; i += 1) {
    const shared = Math.min(end, data.own[i][1]) - Math.max(start, data.own[i][0]);
    if (shared < 0 || !present(fused, i)) continue;
    const w = shared + 1e-6;
    weight += w;
    for (let k = 0; k < K; k += 1) sum[k] += w * all[i * K + k];
  }
  if (!weight) return null;
  const best = sum.indexOf(Math.max(...sum));
  return [best, sum[best] / weight];
}

// Index of the first row that can contain a time.
function near(time) {
  const own = data.own;
  let [low, high] = [0, own.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (own[middle][1] < time) low = middle + 1; else high = middle;
  }
  return low;
}

const plain = { onset: 'onset of', peak: 'peak of', shift: 'shift to' };
const glyph = { onset: '▸', peak: '▲', shift: '⇄' };
const trackName = (id) => (data.tracks.find((t) => t.id === id && t.who == null) || { name: id }).name;
const labelIndex = (name) => data.labels.findIndex((label) => label.name === name);

// A colour swatch with the label's name: never the colour only.
function chip(index, more = '') {
  const label = data.labels[index];
  return el('span', { class: 'chip' }, el('i', { class: `dot e${index}` }), label.name + more);
}

function moveTo(time, byUser = true) {
  state.time = Math.min(T1, Math.max(T0, time));
  state.row = timed ? rowAt(state.time) : Math.max(0, state.row);
  emit('time');
  if (byUser) emit('seek');
}
