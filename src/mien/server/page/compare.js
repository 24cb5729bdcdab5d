// Two recordings on one time axis: their fused answers in one scale, aligned at their starts.

import { get } from './api.js';
import { chip, clock, el, failure, NAMES, percent, title, top } from './dom.js';
import { LABELS } from './labels.js';
import { known, means } from './strip.js';

const K = LABELS.length;
const SIDES = ['a', 'b'];

export async function compare(view, signal, _, query) {
  title('Compare');
  const { jobs } = await get('/v1/jobs?state=completed&limit=200', signal);
  const wanted = SIDES.map((side) => query.get(side));
  view.append(el('h1', null, 'Compare two recordings'));
  if (jobs.length < 2) {
    view.append(el('p', { class: 'empty' }, el('b', null, 'Two analysed recordings are needed.'), el('br'), el('a', { href: '#/' }, 'Drop another one'), ' first.'));
    return;
  }
  const chosen = SIDES.map((side, i) => jobs.find((job) => job.id === wanted[i]) || null);
  if (!chosen[0]) chosen[0] = jobs.find((job) => job !== chosen[1]);
  if (!chosen[1]) chosen[1] = jobs.find((job) => job !== chosen[0]);
  const pick = (i) => {
    const node = el('select', { id: `pick-${SIDES[i]}` }, jobs.map((job) => el('option', { value: job.id, selected: job === chosen[i] }, job.name)));
    node.addEventListener('change', () => {
      const ids = chosen.map((job) => job.id);
      ids[i] = node.value;
      location.hash = `#/compare?a=${ids[0]}&b=${ids[1]}`;
    });
    return el('div', { class: 'field grow' }, el('label', { for: node.id }, i ? 'Second recording' : 'First recording'), node);
  };
  view.append(el('section', { class: 'card picks', 'aria-label': 'Recordings' }, pick(0), pick(1)));
  try {
    const rows = await Promise.all(chosen.map((job) => get(`/v1/jobs/${job.id}/rows`, signal)));
    if (!signal.aborted) draw(view, chosen.map((job, i) => side(job, rows[i], i)), signal);
  } catch (error) {
    if (!signal.aborted) view.append(failure(error));
  }
}

const side = (job, rows, i) => ({ ...known(rows), job, rows, name: job.name, shift: 0, mark: i ? 'B' : 'A', timed: rows.extent[1] > rows.extent[0] });

function draw(view, sides, signal) {
  const table = el('section', { class: 'card', 'aria-labelledby': 'means-title' }, el('h2', { id: 'means-title' }, 'Mean over each recording'), meansTable(sides));
  const timed = sides.filter((one) => one.timed);
  if (timed.length < 2) {
    view.append(el('p', { class: 'card' }, `${sides.find((one) => !one.timed).name} has no time axis; only the means can be compared.`), table);
    return;
  }
  const state = { sides, time: 0, label: strongest(sides), charts: [] };
  const lanes = el('div', { class: 'lanes' });
  const readout = el('div', { id: 'readout', class: 'readout' });
  const slider = el('input', { type: 'range', id: 'time', min: 0, step: 0.1, value: 0, 'aria-label': 'Time after the start' });
  const shift = el('input', { type: 'number', id: 'shift', step: 0.1, value: 0, inputmode: 'decimal' });
  const line = el('select', { id: 'line' }, LABELS.map((label, k) => el('option', { value: k, selected: k === state.label }, label.name)));
  view.append(el('section', { class: 'card', 'aria-labelledby': 'over-title' },
    el('div', { class: 'bar' }, el('h2', { id: 'over-title' }, 'Over time, from the start of each'),
      el('label', { class: 'row', for: 'shift' }, 'B begins at (s)', shift), el('label', { class: 'row', for: 'line' }, 'Curve', line)),
    el('ul', { class: 'legend', 'aria-label': 'Labels' }, LABELS.map((_, k) => el('li', null, chip(k)))),
    lanes, el('div', { class: 'ruler' }, slider), readout), table);
  const build = () => { for (const chart of state.charts) chart.destroy(); lanes.replaceChildren(); buildCharts(state, lanes, seek); seek(state.time); };
  const seek = (time) => {
    state.time = Math.min(span(state)[1], Math.max(span(state)[0], time));
    [slider.min, slider.max, slider.value] = [span(state)[0], span(state)[1], state.time];
    slider.setAttribute('aria-valuetext', `${clock(state.time)}: ${sides.map((one) => `${one.mark} ${wordsAt(one, state.time)}`).join('; ')}`);
    for (const chart of state.charts) chart.redraw(false);
    readout.replaceChildren(el('span', { class: 'num' }, clock(state.time)), ...sides.map((one) => el('span', null, el('b', null, `${one.mark} `), answerAt(one, state.time))));
  };
  slider.addEventListener('input', () => seek(Number(slider.value)));
  line.addEventListener('change', () => { state.label = Number(line.value); build(); });
  shift.addEventListener('change', () => { sides[1].shift = Number(shift.value) || 0; build(); });
  document.addEventListener('themed', build, { signal });
  let width = 0;
  const sized = new ResizeObserver(() => { if (lanes.clientWidth !== width) { width = lanes.clientWidth; build(); } });
  sized.observe(lanes);
  signal.addEventListener('abort', () => { sized.disconnect(); for (const chart of state.charts) chart.destroy(); });
}

// --- the table -------------------------------------------------------------------------------

function meansTable(sides) {
  const all = sides.map(means);
  const cell = (value, k) => el('td', { class: 'r num' }, value === null ? '–' : el('span', { class: `cell e${k}`, '--v': value / 1000 }, percent(value)));
  const rows = LABELS.map((label, k) => {
    const [a, b] = all.map((one) => (one ? one[k] : null));
    const apart = a === null || b === null ? '–' : `${b < a ? '−' : '+'}${Math.round(Math.abs(b - a) / 10)}`;
    return el('tr', null, el('th', { scope: 'row' }, chip(k)), cell(a, k), cell(b, k), el('td', { class: 'r num' }, apart));
  });
  return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Means' }, el('table', { class: 'table means' },
    el('thead', null, el('tr', null, el('td'), ...sides.map((one) => el('th', { scope: 'col', class: 'r' }, `${one.mark} `, el('a', { href: `#/job/${one.job.id}` }, one.name))), el('th', { scope: 'col', class: 'r' }, 'B − A, points'))),
    el('tbody', null, rows)));
}

// The label other than neutral that the two name most: the curve that is worth a look.
function strongest(sides) {
  const sums = LABELS.map((label, k) => (label.name === 'neutral' ? -1 : sides.reduce((sum, one) => sum + (means(one)?.[k] || 0), 0)));
  return sums.indexOf(Math.max(...sums));
}

// --- times: all relative to the start of what was analysed -----------------------------------

const begin = (one) => one.shift - one.extent[0];
const length = (one) => one.extent[1] - one.extent[0];

function span(state) {
  const shifts = state.sides.map((one) => one.shift);
  return [Math.min(0, ...shifts), Math.max(...state.sides.map((one) => one.shift + length(one)))];
}

function rowAt(one, time) {
  const at = time - begin(one);
  return one.own.findIndex(([start, end], i) => at >= start && (at < end || (i === one.own.length - 1 && at <= end + 0.01)));
}

function answerAt(one, time) {
  const row = rowAt(one, time);
  if (row < 0) return el('span', { class: 'quiet' }, 'nothing here');
  const best = top(one.probs, row);
  if (!best) return el('span', { class: 'quiet' }, one.rows.reasons[one.rows.absent[row]]);
  const said = one.rows.texts[row];
  return el('span', null, chip(best[0], ` ${percent(best[1])}`), said ? el('span', { class: 'quiet' }, ` “${said}”`) : '');
}

function wordsAt(one, time) {
  const row = rowAt(one, time);
  const best = row < 0 ? null : top(one.probs, row);
  return best ? `${NAMES[best[0]]} ${percent(best[1])}` : 'no answer';
}

// --- the charts ------------------------------------------------------------------------------

function ink(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function buildCharts(state, lanes, seek) {
  const [low, high] = span(state);
  const wide = lanes.clientWidth || 300;
  const lane = (name, note, height, paint, axis) => {
    const holder = el('div', { class: 'plot' });
    lanes.append(el('div', { class: 'lane' }, el('div', { class: 'lane-name' }, name, note && el('small', null, note)), holder));
    const chart = new uPlot({
      width: holder.clientWidth || wide, height, padding: [0, 0, 0, 0], legend: { show: false }, ms: 1,
      cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [low, high] }, y: { range: [0, 1] } },
      axes: [axis || { show: false }, { show: false }],
      series: [{}, { show: true, width: 0, points: { show: false } }],
      hooks: { draw: [(u) => { paint(u); head(u, state.time); }] },
    }, [[low, high], [0, 0]], holder);
    chart.over.addEventListener('click', (event) => seek(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, 'x')));
    chart.root.setAttribute('aria-hidden', 'true');
    return chart;
  };
  const axis = {
    show: true, side: 0, size: 30, gap: 2, font: '12px system-ui, sans-serif', stroke: () => ink('--ink2'), grid: { show: false },
    ticks: { stroke: () => ink('--line'), size: 6, width: 1 }, space: 64,
    incrs: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
    values: (u, splits, _, space, step) => splits.map((s) => {
      const x = u.valToPos(s, 'x');
      return x < 20 || x > u.width - 20 ? null : `${s < 0 ? '−' : ''}${clock(Math.abs(s), step < 1)}`;
    }),
  };
  const [a, b] = state.sides;
  state.charts = [
    lane(el('span', { class: 'unseen' }, 'time'), null, 34, () => {}, axis),
    lane('A', a.name, 120, (u) => stack(u, a)),
    lane('B', b.name, 120, (u) => stack(u, b)),
    lane(NAMES[state.label], 'A solid, B dashed', 120, (u) => { grid(u); curve(u, a, state.label, []); curve(u, b, state.label, [6, 4]); }),
  ];
}

function stack(u, one) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = ink('--hover');
  const at = (time) => u.valToPos(time, 'x', true);
  ctx.fillRect(at(one.shift), bbox.top, at(one.shift + length(one)) - at(one.shift), bbox.height);
  const band = Math.round(20 * devicePixelRatio);
  const room = bbox.height - band - 3 * devicePixelRatio;
  one.own.forEach(([start, end], row) => {
    if (one.probs[row * K] < 0) return;
    const [left, right] = [Math.round(at(start + begin(one))), Math.round(at(end + begin(one)))];
    let y = bbox.top;
    for (let k = 0; k < K; k += 1) {
      const part = (one.probs[row * K + k] / 1000) * room;
      ctx.fillStyle = LABELS[k].colour;
      ctx.fillRect(left, y, Math.max(right - left, 1), part + 0.6);
      y += part;
    }
  });
  ribbon(ctx, one, at, bbox.top + bbox.height - band, band);
  ctx.restore();
}

// The most probable label by name, below the probabilities.
function ribbon(ctx, one, at, y, height) {
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  for (let i = 0; i < one.own.length; i += 1) {
    const best = top(one.probs, i);
    if (!best) continue;
    let j = i;
    const same = (row) => row < one.own.length && top(one.probs, row)?.[0] === best[0] && one.own[row][0] - one.own[row - 1][1] < 0.01;
    while (same(j + 1)) j += 1;
    const [left, right] = [at(one.own[i][0] + begin(one)), at(one.own[j][1] + begin(one))];
    const style = getComputedStyle(document.documentElement);
    ctx.fillStyle = LABELS[best[0]].colour;
    ctx.fillRect(left, y, Math.max(right - left - devicePixelRatio, 0.7), height);
    const name = NAMES[best[0]];
    if (ctx.measureText(name).width < right - left - 10 * devicePixelRatio) {
      ctx.fillStyle = style.getPropertyValue(`--i${best[0]}`);
      ctx.fillText(name, left + 5 * devicePixelRatio, y + height / 2);
    }
    i = j;
  }
}

function curve(u, one, label, dash) {
  const { ctx } = u;
  ctx.save();
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.setLineDash(dash.map((n) => n * devicePixelRatio));
  ctx.strokeStyle = ink('--ink');
  ctx.beginPath();
  let open = false;
  one.own.forEach(([start, end], row) => {
    const p = one.probs[row * K + label];
    if (p < 0) { open = false; return; }
    const y = u.valToPos(p / 1000, 'y', true);
    for (const time of [start, end]) {
      const x = u.valToPos(time + begin(one), 'x', true);
      if (open) ctx.lineTo(x, y); else ctx.moveTo(x, y);
      open = true;
    }
  });
  ctx.stroke();
  ctx.restore();
}

function grid(u) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = ink('--line');
  ctx.fillStyle = ink('--ink2');
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  for (const value of [0, 0.5, 1]) {
    const y = Math.min(bbox.top + bbox.height - 1, Math.max(bbox.top + 1, u.valToPos(value, 'y', true)));
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    if (value === 0.5) ctx.fillText('50 %', bbox.left + 4, y - 4 * devicePixelRatio);
  }
  ctx.restore();
}

function head(u, time) {
  const { ctx, bbox } = u;
  const x = u.valToPos(time, 'x', true);
  ctx.save();
  ctx.strokeStyle = ink('--ink');
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
