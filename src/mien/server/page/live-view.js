// What is shown of the rows: boxes over the picture, the table, the chart, the list, the delays.

import { NAMES, byId, chip, clock, el } from './dom.js';
import { LABELS } from './labels.js';

const SPAN = 60;
const BRANCHES = { text: 'Words', voice: 'Voice', face: 'Face' };
const MOST = 200;

export const history = { windows: new Map(), pictures: [], utterances: [], picture: null, now: 0 };

const best = (probs) => probs.indexOf(Math.max(...probs));
const share = (value) => `${Math.round(value * 100)}\u00a0%`;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function clear() {
  history.windows.clear();
  history.pictures.length = history.utterances.length = 0;
  history.picture = null;
  history.now = 0;
  byId('utterances').replaceChildren();
  byId('silent').hidden = false;
  byId('big').className = 'big none';
  byId('big').textContent = 'Waiting for the first window';
  byId('shares').replaceChildren();
  byId('answers').replaceChildren();
  byId('now-when').textContent = byId('faces').textContent = '';
}

export function legend() {
  byId('legend').replaceChildren(...LABELS.map((_, i) => chip(i)));
}

// --- the answer now ----------------------------------------------------------------------------

export function showWindow(row) {
  history.windows.set(row.start, row);
  for (const start of history.windows.keys()) if (start < row.start - 2 * SPAN) history.windows.delete(start);
  const newest = Math.max(...history.windows.keys());
  if (row.start < newest) return;
  byId('now-when').textContent = `${clock(row.start)} to ${clock(row.end)}`;
  const probs = row.fused.probs;
  const big = byId('big');
  if (probs) {
    const top = best(probs);
    big.className = 'big';
    big.replaceChildren(el('i', { class: `dot e${top}` }), `${NAMES[top]} `, el('span', { class: 'num' }, share(probs[top])));
  } else {
    big.className = 'big none';
    big.textContent = 'Nothing to judge';
  }
  shares(probs);
  byId('answers').replaceChildren(...Object.entries(row.branches).map(([name, one]) => answer(name, one)));
}

function shares(probs) {
  const place = byId('shares');
  if (!probs) { place.replaceChildren(); return; }
  if (place.children.length !== probs.length) {
    place.replaceChildren(...probs.map((_, i) => el('span', { class: `e${i}` }, NAMES[i])));
  }
  probs.forEach((value, i) => place.children[i].style.setProperty('--v', value));
}

function answer(name, one) {
  const head = el('th', { scope: 'row' }, BRANCHES[name] || name);
  if (!one.probs) return el('tr', {}, head, el('td', { class: 'why', colspan: 2 }, one.reason || ''));
  const top = best(one.probs);
  return el('tr', {}, head, el('td', {}, chip(top)), el('td', { class: 'r num' }, share(one.probs[top])));
}

// --- words -------------------------------------------------------------------------------------

export function showUtterance(row) {
  history.utterances.push(row);
  if (history.utterances.length > MOST) history.utterances.shift();
  if (!row.text) return;
  byId('silent').hidden = true;
  const probs = row.fused.probs;
  const top = probs ? best(probs) : null;
  const [list, log] = [byId('utterances'), byId('log')];
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  list.append(el(
    'li', { class: top === null ? '' : `e${top}` },
    el('span', { class: 'when num' }, clock(row.start)),
    el('span', { class: 'text' }, row.text),
    el('span', { class: 'mark' }, top === null ? 'not judged' : `${NAMES[top]} ${share(probs[top])}`),
  ));
  while (list.children.length > MOST) list.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// --- faces -------------------------------------------------------------------------------------

export function showPicture(row) {
  history.picture = row;
  const primary = row.faces.find((face) => face.primary && face.probs);
  history.pictures.push({ time: row.time, probs: primary ? primary.probs : null });
  while (history.pictures.length && history.pictures[0].time < row.time - SPAN) history.pictures.shift();
  const known = row.faces.filter((face) => face.certain);
  byId('faces').textContent = known.length === 0 ? 'No face in view.' : known.map(described).join(' ');
  overlay();
}

function described(face) {
  const who = face.person === null ? 'A face' : `Person ${face.person + 1}`;
  if (!face.probs) return `${who}: ${face.reason}.`;
  const top = best(face.probs);
  return `${who}: ${NAMES[top]} ${share(face.probs[top])}.`;
}

function overlay() {
  const [canvas, row] = [byId('overlay'), history.picture];
  const [wide, high] = fit(canvas);
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!row) return;
  const ratio = devicePixelRatio || 1;
  const scale = Math.min(wide / row.size[0], high / row.size[1]);
  const [left, top] = [(wide - row.size[0] * scale) / 2, (high - row.size[1] * scale) / 2];
  for (const face of row.faces) box(pen, face, face.box.map((side, i) => (side * scale + [left, top, 0, 0][i]) * ratio), ratio);
}

function box(pen, face, [x, y, w, h], ratio) {
  const label = face.probs ? best(face.probs) : null;
  if (label === null && !face.certain) return;
  const ink = label === null ? '#c9ccd1' : LABELS[label].colour;
  pen.lineWidth = (label === null ? 1 : face.primary ? 3 : 2) * ratio;
  pen.setLineDash(face.certain ? [] : [6 * ratio, 5 * ratio]);
  pen.strokeStyle = '#000a';
  pen.strokeRect(x - ratio, y - ratio, w + 2 * ratio, h + 2 * ratio);
  pen.strokeStyle = ink;
  pen.strokeRect(x, y, w, h);
  pen.setLineDash([]);
  if (label === null) return;
  const who = face.person === null ? '' : `${face.person + 1} `;
  const text = `${who}${NAMES[label]} ${Math.round(face.probs[label] * 100)} %`;
  pen.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  const width = pen.measureText(text).width + 12 * ratio;
  const height = 20 * ratio;
  const at = Math.min(Math.max(0, x - 1.5 * ratio), pen.canvas.width - width);
  const up = y >= height ? y - height : Math.min(y + h, pen.canvas.height - height);
  pen.fillStyle = '#111316e6';
  pen.fillRect(at, up, width, height);
  pen.fillStyle = ink;
  pen.fillRect(at, up, 4 * ratio, height);
  pen.fillStyle = '#fff';
  pen.textBaseline = 'middle';
  pen.fillText(text, at + 8 * ratio, up + height / 2 + ratio);
}

// The size of a canvas in CSS pixels; its own pixels are those of the screen.
function fit(canvas) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(wide * ratio), Math.round(high * ratio)];
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  return [wide, high];
}

// --- the chart ---------------------------------------------------------------------------------

const LANES = [['Together', 76], ['Face', 44], ['Voice', 30], ['Words', 38]];
const [GAP, RULER] = [8, 18];

export function drawTime() {
  const canvas = byId('timeline');
  const [wide, high] = fit(canvas);
  if (!wide || !high) return;
  const pen = canvas.getContext('2d');
  const ratio = devicePixelRatio || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  const left = wide < 480 ? 70 : 74;
  const span = wide < 480 ? 30 : SPAN;
  const end = Math.max(history.now, span);
  const x = (time) => left + ((time - end + span) / span) * (wide - left);
  const area = { pen, x, left, wide, end, span };
  ruler(area);
  let y = RULER + 4;
  for (const [name, height] of LANES) {
    pen.fillStyle = colour('--ink');
    pen.font = `${name === 'Together' ? 600 : 400} 13px system-ui, sans-serif`;
    pen.textBaseline = 'middle';
    pen.textAlign = 'left';
    pen.fillText(name, 0, y + height / 2);
    pen.fillStyle = colour('--hover');
    pen.fillRect(left, y, wide - left, height);
    pen.save();
    pen.beginPath();
    pen.rect(left, y, wide - left, height);
    pen.clip();
    lane(area, name, y, height);
    pen.restore();
    y += height + GAP;
  }
}

function ruler({ pen, x, left, wide, end, span }) {
  pen.fillStyle = colour('--ink2');
  pen.font = '12px system-ui, sans-serif';
  pen.textBaseline = 'top';
  pen.textAlign = 'center';
  const step = span > 30 ? 10 : 5;
  for (let time = Math.ceil((end - span) / step) * step; time <= end; time += step) {
    const at = x(time);
    if (at > left + 12 && at < wide - 14) pen.fillText(clock(time, false), at, 0);
  }
}

function lane(area, name, y, height) {
  if (name === 'Words') { words(area, y, height); return; }
  const rows = name === 'Face' ? faces() : windows(name === 'Voice' ? 'voice' : null);
  for (const { from, to, probs, final } of rows) {
    if (to < area.end - area.span) continue;
    stack(area, [area.x(from), area.x(to)], [y, height], probs, final);
  }
}

// Each window is drawn over the seconds that it adds to the one before.
function windows(branch) {
  const all = [...history.windows.values()].sort((a, b) => a.start - b.start);
  return all.map((row, i) => {
    const before = i > 0 && all[i - 1].end > row.start ? all[i - 1].end : row.start;
    const one = branch ? row.branches[branch] : row.fused;
    return { from: before, to: row.end, probs: one ? one.probs : null, final: row.final };
  });
}

function faces() {
  const all = history.pictures;
  return all.map((one, i) => ({
    from: one.time, to: i + 1 < all.length ? Math.min(all[i + 1].time, one.time + 1) : one.time + 0.2, probs: one.probs, final: true,
  }));
}

function stack({ pen }, [from, to], [y, height], probs, final) {
  if (!probs) return;
  pen.globalAlpha = final ? 1 : 0.6;
  let at = y;
  probs.forEach((value, i) => {
    const part = value * height;
    pen.fillStyle = LABELS[i].colour;
    pen.fillRect(from, at, Math.max(to - from + 0.4, 1), part + 0.4);
    at += part;
  });
  pen.globalAlpha = 1;
}

function words({ pen, x, wide }, y, height) {
  pen.textBaseline = 'middle';
  pen.textAlign = 'left';
  const said = history.utterances.filter((row) => row.text);
  for (const [i, row] of said.entries()) {
    const [from, to] = [x(row.start), x(row.end)];
    const room = i + 1 < said.length ? x(said[i + 1].start) : wide;
    if (room < 0) continue;
    const probs = row.fused.probs;
    pen.fillStyle = probs ? LABELS[best(probs)].colour : colour('--soft');
    pen.fillRect(from, y, Math.max(to - from - 1, 2), 7);
    pen.save();
    pen.beginPath();
    pen.rect(from, y + 8, room - from - 4, height - 8);
    pen.clip();
    pen.fillStyle = colour('--ink');
    pen.font = '12px system-ui, sans-serif';
    pen.fillText(row.text, from, y + 7 + (height - 7) / 2);
    pen.restore();
  }
}

// --- delays ------------------------------------------------------------------------------------

const delays = { face: [], words: [] };

export function delay(kind, seconds) {
  const kept = delays[kind];
  kept.push(seconds);
  if (kept.length > 300) kept.shift();
  const ordered = [...kept].sort((a, b) => a - b);
  const at = (part) => ordered[Math.min(ordered.length - 1, Math.floor(part * ordered.length))];
  const text = kind === 'face'
    ? `${Math.round(at(0.5) * 1000)} / ${Math.round(at(0.95) * 1000)} ms`
    : `${at(0.5).toFixed(1)} / ${at(0.95).toFixed(1)} s`;
  byId(`delay-${kind}`).textContent = text;
}

export function counts(row, dropped) {
  byId('looked').textContent = row.pictures;
  byId('dropped').textContent = row.dropped + row.unreadable + dropped;
}
