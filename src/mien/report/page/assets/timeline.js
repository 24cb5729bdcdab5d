// The stack of charts on one time axis: faces, ruler, fused, each modality, people, events.

const charts = [];
const FUSED_HEIGHT = 170;
const TRACK_HEIGHT = 78;
const NEVER_HEIGHT = 26;
const PERSON_HEIGHT = 56;
const SIGNAL_HEIGHT = 52;
const MANY_PEOPLE = 6;
// Below zero is a second band: the ribbon of labels (fused) or the quality.
const BELOW = { fused: -0.2, branch: -0.26, person: -0.3 };

let plots = null;
let head = null;
let hair = null;

function lane(name, height, paint, more = {}) {
  const holder = el('div', { class: 'plot' });
  const note = more.note ? el('small', null, more.note) : null;
  plots.append(el('div', { class: `lane ${more.kind || ''}` }, el('div', { class: 'lane-name' }, name, note), holder));
  const series = more.track ? data.labels.map((label, k) => ({
    label: label.name, width: 0, points: { show: false },
    fill: () => tint(k), paths: (u) => layer(u, more.track, k),
  })) : [];
  const middles = data.own.map(([start, end]) => (start + end) / 2);
  const chart = new uPlot({
    width: holder.clientWidth || 300, height, padding: [0, 0, 0, 0],
    legend: { show: false }, ms: 1,
    cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 6 } },
    scales: {
      x: { time: false, min: T0, max: T1, range: () => [state.from, state.to] },
      y: { range: [more.below || 0, 1] },
    },
    axes: [more.axis || { show: false }, { show: false }],
    series: [{}, ...series],
    hooks: { draw: [paint], setSelect: [selected] },
  }, [middles, ...series.map(() => middles.map(() => 0.5))], holder);
  charts.push(chart);
  hoverable(chart);
  return chart;
}

function selected(u) {
  if (u.select.width < 6) return;
  const [from, to] = [u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')];
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  setRange(from, to);
}

function setRange(from, to) {
  const least = Math.min(T1 - T0, 0.5);
  const width = Math.min(T1 - T0, Math.max(least, to - from));
  state.from = Math.min(Math.max(T0, from), T1 - width);
  state.to = state.from + width;
  for (const chart of charts) chart.setScale('x', { min: state.from, max: state.to });
  byId('zoom-out').disabled = byId('zoom-fit').disabled = width > (T1 - T0) * 0.999;
  placeHead();
  placeFaces();
}

function zoomBy(factor) {
  const inside = state.time >= state.from && state.time <= state.to;
  const middle = inside ? state.time : (state.from + state.to) / 2;
  const width = (state.to - state.from) * factor;
  const share = (middle - state.from) / (state.to - state.from);
  setRange(middle - share * width, middle + (1 - share) * width);
}

// Keep the playhead in view, moving the axis as little as possible.
function keepInView() {
  const width = state.to - state.from;
  if (width > (T1 - T0) * 0.999 || (state.time >= state.from && state.time <= state.to)) return;
  setRange(state.time - width * 0.1, state.time + width * 0.9);
}

function timeAt(event) {
  const box = charts[0].over.getBoundingClientRect();
  return charts[0].posToVal(Math.min(box.width, Math.max(0, event.clientX - box.left)), 'x');
}

function hoverable(chart) {
  let pressed = null;
  chart.over.addEventListener('pointerdown', (event) => { pressed = event.clientX; });
  chart.over.addEventListener('click', (event) => {
    if (pressed !== null && Math.abs(event.clientX - pressed) < 6) seek(timeAt(event));
  });
  chart.over.addEventListener('dblclick', () => setRange(T0, T1));
  chart.over.addEventListener('pointermove', (event) => { if (event.pointerType !== 'touch') showTip(event); });
  chart.over.addEventListener('pointerleave', hideTip);
}

function placeHead() {
  const inside = state.time >= state.from - 1e-6 && state.time <= state.to + 1e-6;
  head.hidden = !inside;
  if (inside) head.style.setProperty('transform', `translateX(${offset(state.time)}px)`);
}

// Pixels from the left edge of the stack.
function offset(time) {
  const box = charts[0].over.getBoundingClientRect();
  return box.left - plots.getBoundingClientRect().left + charts[0].valToPos(time, 'x');
}

// --- the ruler, which is also the slider -----------------------------------------------------

function addRuler() {
  const axis = {
    show: true, side: 0, size: 30, gap: 2, font: FONT, stroke: () => paint.ink2,
    grid: { show: false }, ticks: { stroke: () => paint.line, size: 6, width: 1 }, space: 64,
    incrs: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
    // A label at an edge would be cut off.
    values: (u, splits) => splits.map((s) => {
      const at = u.valToPos(s, 'x');
      return at < 20 || at > u.width - 20 ? null : clock(s, state.to - state.from < 8);
    }),
  };
  const chart = lane('', 34, () => {}, { axis, kind: 'rule' });
  const box = chart.root.parentElement;
  Object.entries({
    id: 'ruler', role: 'slider', tabindex: '0', 'aria-label': 'Time', 'aria-valuemin': T0, 'aria-valuemax': T1,
  }).forEach(([name, value]) => box.setAttribute(name, value));
  const scrub = (event) => { if (event.buttons) { seek(timeAt(event)); event.preventDefault(); } };
  box.addEventListener('pointerdown', (event) => { box.setPointerCapture(event.pointerId); scrub(event); box.focus(); });
  box.addEventListener('pointermove', scrub);
}

function tellRuler() {
  const predicted = top(data.tracks[0], state.row);
  const ruler = byId('ruler');
  ruler.setAttribute('aria-valuenow', state.time.toFixed(1));
  ruler.setAttribute('aria-valuetext',
    `${clock(state.time)}, ${predicted ? `${data.labels[predicted[0]].name} ${percent(predicted[1])}` : 'no prediction'}`);
}

// --- faces ------------------------------------------------------------------------------------

let faces = [];
const FACE_ROWS = 3;
const FACE_SIZE = 46;

function addFaces() {
  if (!data.portraits.length) return;
  const holder = el('div', { class: 'plot faces' });
  plots.append(el('div', { class: 'lane' }, el('div', { class: 'lane-name' }, 'faces'), holder));
  const track = data.tracks.find((t) => t.id === 'face' && t.who == null);
  // One row per person, most frequent first.
  const often = new Map();
  for (const [, who] of data.portraits) often.set(who, (often.get(who) || 0) + 1);
  const rows = [...often.keys()].sort((a, b) => often.get(b) - often.get(a)).slice(0, FACE_ROWS).sort((a, b) => a - b);
  const several = often.size > 1;
  holder.style.setProperty('height', `${rows.length * FACE_SIZE}px`);
  faces = data.portraits.filter(([, who]) => rows.includes(who)).map(([time, who, png]) => {
    const predicted = track ? top(track, rowAt(time), false) : null;
    const name = `face of person ${who} at ${clock(time)}${predicted ? `, fused prediction ${data.labels[predicted[0]].name}` : ''}`;
    const button = el('button', { type: 'button', class: 'face', title: name, 'aria-label': name, tabindex: '-1', click: () => seek(time) },
      el('img', { alt: '' }), several ? el('span', null, String(who)) : null);
    button.style.setProperty('top', `${rows.indexOf(who) * FACE_SIZE}px`);
    return { time, button, png, row: rows.indexOf(who) };
  });
  holder.append(...faces.map((f) => f.button));
  holder.addEventListener('keydown', (event) => rove(event, faces.filter((f) => !f.button.hidden).map((f) => f.button), 'x'));
}

function placeFaces() {
  if (!faces.length || !charts.length) return;
  const width = charts[0].over.getBoundingClientRect().width;
  const free = new Array(FACE_ROWS).fill(-1);
  let first = true;
  for (const { time, button, png, row } of faces) {
    const at = Math.min(width - 44, Math.max(0, charts[0].valToPos(time, 'x') - 22));
    const inside = time >= state.from && time <= state.to && at >= free[row];
    button.hidden = !inside;
    if (!inside) continue;
    // Only visible pictures are decoded.
    const picture = button.firstChild;
    if (!picture.src) picture.src = `data:image/png;base64,${png}`;
    button.style.setProperty('left', `${at}px`);
    button.tabIndex = first ? 0 : -1;
    first = false;
    free[row] = at + 47;
  }
}

// Arrow keys within a group of which one is a tab stop.
function rove(event, nodes, way) {
  const steps = way === 'x' ? { ArrowLeft: -1, ArrowRight: 1 } : { ArrowUp: -1, ArrowDown: 1 };
  const at = nodes.indexOf(document.activeElement);
  let to = event.key in steps ? at + steps[event.key] : -1;
  if (event.key === 'Home') to = 0;
  if (event.key === 'End') to = nodes.length - 1;
  if (at < 0 || to < 0 || to >= nodes.length) return;
  event.preventDefault();
  nodes[at].tabIndex = -1;
  nodes[to].tabIndex = 0;
  nodes[to].focus();
}

// --- hover -------------------------------------------------------------------------------------

function tipLines(time, row) {
  const lines = [el('b', null, clock(time))];
  if (row < 0) return [...lines, el('p', null, 'no segment here')];
  const modalities = data.tracks.filter((t) => t.who == null);
  const table = el('table', null, ...modalities.map((t) => {
    const predicted = top(t, row);
    return el('tr', null, el('th', { scope: 'row' }, t.name),
      el('td', null, predicted ? chip(predicted[0], ` ${percent(predicted[1])}`) : reason(t, row)),
      el('td', { class: 'quiet' }, predicted && t.id !== 'fused' ? `quality ${t.q[row]}` : ''));
  }));
  lines.push(table);
  const explanation = data.explanations[row];
  if (explanation && explanation.conflict) lines.push(el('p', null, `≠ ${explanation.conflict}`));
  const measured = data.signals.filter((s) => !s.points).map((s) => [s, sampleAt(s, time)]).filter(([, i]) => i >= 0);
  if (measured.length) {
    lines.push(el('table', null, ...measured.map(([s, i]) => el('tr', null, el('th', { scope: 'row' }, s.name),
      el('td', null, s.r[i] < 0 ? `${s.v[i].toPrecision(3)} ${s.unit}` : data.reasons[s.r[i]]),
      el('td', { class: 'quiet' }, s.r[i] < 0 ? `quality ${s.q[i]}` : '')))));
  }
  const reach = (state.to - state.from) / 60;
  for (const event of data.events.filter((e) => Math.abs(e.time - time) < reach).slice(0, 3)) {
    lines.push(el('p', null, `${glyph[event.kind]} ${plain[event.kind]} ${event.label}`));
  }
  return lines;
}

function showTip(event) {
  const time = timeAt(event);
  const tip = byId('tip');
  tip.replaceChildren(...tipLines(time, rowAt(time)));
  tip.hidden = false;
  const [w, h] = [tip.offsetWidth, tip.offsetHeight];
  const left = event.clientX + 16 + w > innerWidth - 8 ? event.clientX - 16 - w : event.clientX + 16;
  const above = event.clientY + 16 + h > innerHeight - 8 ? innerHeight - 8 - h : event.clientY + 16;
  tip.style.setProperty('transform', `translate(${Math.max(8, left)}px, ${Math.max(8, above)}px)`);
  hair.hidden = false;
  hair.style.setProperty('transform', `translateX(${offset(time)}px)`);
}

function hideTip() {
  byId('tip').hidden = true;
  hair.hidden = true;
}

// --- assembly ---------------------------------------------------------------------------------

function startTimeline() {
  plots = el('div', { class: 'lanes' });
  byId('stack').append(plots);
  head = el('div', { class: 'head', 'aria-hidden': 'true' }, el('i'));
  hair = el('div', { class: 'hair', hidden: true });
  addRuler();
  addFaces();
  for (const track of data.tracks.filter((t) => t.who == null)) {
    const fused = track.id === 'fused';
    if (!fused && track.r.every((r) => r >= 0)) {
      lane(track.name, NEVER_HEIGHT, (u) => paintNever(u, track));
      continue;
    }
    const below = fused ? BELOW.fused : BELOW.branch;
    lane(track.name, fused ? FUSED_HEIGHT : TRACK_HEIGHT, (u) => paintTrack(u, track, fused),
      { track, below, kind: fused ? 'fused' : '', note: fused ? null : 'quality' });
    if (fused) addHappenings();
  }
  const people = data.tracks.filter((t) => t.who != null);
  for (const track of people.slice(0, MANY_PEOPLE)) {
    lane(track.name, PERSON_HEIGHT, (u) => paintTrack(u, track, false), { track, below: BELOW.person });
  }
  for (const signal of data.signals) {
    const never = signal.v.every((v) => v === null);
    lane(signal.name, never ? NEVER_HEIGHT : SIGNAL_HEIGHT, (u) => paintSignal(u, signal), { kind: 'signal', note: never ? null : signal.unit });
  }
  addSeen();
  plots.append(hair, head);
  const more = people.length > MANY_PEOPLE ? ` ${people.length - MANY_PEOPLE} more people are in the exports.` : '';
  byId('hint').textContent = 'Click to set the time, drag to zoom. Keys: arrows move by one segment, space plays, + − 0 zoom.'
    + ` Hatched: absent, with the reason.${data.segments.length === 1 ? ' There is one segment; use --by window for more.' : ''}${more}`;
  new ResizeObserver(resize).observe(plots);
  setRange(T0, T1);
}

function addHappenings() {
  const conflicts = data.explanations.some((f) => f && f.conflict);
  if (conflicts) lane('conflict', 20, paintConflicts, { kind: 'thin' });
  if (data.events.some((e) => e.who === null)) lane('events', 24, paintEvents, { kind: 'thin' });
}

function addSeen() {
  const who = [...new Set(data.faces.map((f) => f[0]))];
  if (data.speech.length) lane('speech', 18, (u) => paintSpans(u, data.speech.map(([a, b]) => [a, b, 0, '']), 1), { kind: 'thin' });
  if (who.length) {
    const rows = Math.min(5, who.length);
    const spans = data.faces.filter((f) => who.indexOf(f[0]) < rows)
      .map(([one, a, b]) => [a, b, who.indexOf(one), who.length > 1 ? `person ${one}` : '']);
    lane('in view', 4 + rows * 16, (u) => paintSpans(u, spans, rows), { kind: 'thin' });
  }
}

function resize() {
  for (const chart of charts) {
    const width = chart.root.parentElement.clientWidth;
    if (width > 0 && width !== chart.width) chart.setSize({ width, height: chart.height });
  }
  placeHead();
  placeFaces();
}

function redraw() {
  readPaint();
  for (const chart of charts) chart.redraw(true);
}
