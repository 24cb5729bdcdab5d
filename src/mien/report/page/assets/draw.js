// Painting on the charts' canvases. Colours come from the style sheet, for both themes.

const FONT = '12px system-ui, sans-serif';
const paint = {};

function readPaint() {
  const css = getComputedStyle(document.documentElement);
  for (const [key, name] of Object.entries({ ink: '--ink', ink2: '--ink2', line: '--line', card: '--card', bar: '--bar', soft: '--soft' })) {
    paint[key] = css.getPropertyValue(name).trim();
  }
  paint.hatch = null;
}

const tint = (k) => data.labels[k].colour;
const px = (n) => n * devicePixelRatio;

// Runs of visible present rows without gaps.
function runs(u, track) {
  const found = [];
  let run = null;
  for (let i = Math.max(0, near(state.from) - 1); i < data.own.length && data.own[i][0] <= state.to; i += 1) {
    const touches = run && data.own[i][0] - data.own[run[1]][1] < 0.01;
    if (!present(track, i)) run = null;
    else if (touches) run[1] = i;
    else { run = [i, i]; found.push(run); }
  }
  return found;
}

// The rows of a run in groups that are wide enough to see: [first, last] of each.
function groups(u, [first, last]) {
  const inView = data.own.length * (state.to - state.from) / (T1 - T0);
  const size = Math.max(1, Math.ceil(1.5 * inView / u.over.clientWidth));
  const found = [];
  for (let i = first; i <= last; i += size) found.push([i, Math.min(last, i + size - 1)]);
  return found;
}

// Pixels of each group's edges and of the borders between its labels, from the top of the stack
// down: [left, middle, right, [y0 .. yK]]. Cached for the next label.
function outline(u, track) {
  const key = [state.from, state.to, state.smooth, u.bbox.width, u.bbox.height].join();
  if (u.outlined && u.outlined.key === key) return u.outlined.runs;
  const all = values(track);
  const x = (time) => u.valToPos(time, 'x', true);
  const [zero, one] = [u.valToPos(0, 'y', true), u.valToPos(1, 'y', true)];
  const found = runs(u, track).map((run) => groups(u, run).map(([first, last]) => {
    const [left, right] = [x(data.own[first][0]), x(data.own[last][1])];
    const borders = [one];
    let sum = 0;
    for (let k = 0; k < K; k += 1) {
      for (let row = first; row <= last; row += 1) sum += all[row * K + k];
      const share = Math.min(1, sum / (last - first + 1) / 1000);
      borders.push(k === K - 1 ? zero : one + share * (zero - one));
    }
    return [left, (left + right) / 2, right, borders];
  }));
  u.outlined = { key, runs: found };
  return found;
}

// One layer of the stack. Raw rows are drawn as steps, smoothed rows as lines between their centres.
function layer(u, track, k) {
  const path = new Path2D();
  const flow = state.smooth && track.s !== null;
  for (const run of outline(u, track)) {
    trace(path, edge(run, k, flow), flow, true);
    trace(path, edge(run, k + 1, flow).reverse(), flow, false);
    path.closePath();
  }
  return { stroke: null, fill: path, flags: 1 };
}

function edge(run, border, flow) {
  const points = [];
  run.forEach(([left, middle, right, borders], i) => {
    const at = borders[border];
    if (!flow || i === 0) points.push([left, at]);
    if (flow) points.push([middle, at]);
    if (!flow || i === run.length - 1) points.push([right, at]);
  });
  return points;
}

function trace(path, points, flow, open) {
  points.forEach(([x, y], i) => {
    if (i === 0) { if (open) path.moveTo(x, y); else path.lineTo(x, y); return; }
    const [x0, y0] = points[i - 1];
    const half = (x0 + x) / 2;
    if (flow) path.bezierCurveTo(half, y0, half, y, x, y); else path.lineTo(x, y);
  });
}

function box(u) {
  const ctx = u.ctx;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  ctx.font = `${px(12)}px system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  return ctx;
}

function hatch(ctx) {
  if (!paint.hatch) {
    const size = Math.round(px(8));
    const tile = document.createElement('canvas');
    tile.width = tile.height = size;
    const pen = tile.getContext('2d');
    pen.strokeStyle = paint.line;
    pen.lineWidth = px(1.2);
    pen.beginPath();
    for (const d of [-size, 0, size]) { pen.moveTo(d, size); pen.lineTo(d + size, 0); }
    pen.stroke();
    paint.hatch = tile;
  }
  return ctx.createPattern(paint.hatch, 'repeat');
}

function fitted(ctx, text, width) {
  return ctx.measureText(text).width <= width - px(10);
}

function paintTrack(u, track, fused) {
  const ctx = box(u);
  const [x, y] = [(t) => u.valToPos(t, 'x', true), (v) => u.valToPos(v, 'y', true)];
  paintAbsent(u, ctx, track, x, y);
  if (fused) paintRibbon(u, ctx, track, x, y); else paintQuality(u, ctx, track, x, y);
  paintCuts(u, ctx, x);
  ctx.restore();
}

// A modality that is always absent only needs room for its reason.
function paintNever(u, track) {
  const ctx = box(u);
  paintAbsent(u, ctx, track, (t) => u.valToPos(t, 'x', true), (v) => u.valToPos(v, 'y', true));
  ctx.restore();
}

// Adjacent rows with the same reason are merged, so that the text has room.
function paintAbsent(u, ctx, track, x, y) {
  let i = Math.max(0, near(state.from) - 1);
  while (i < data.own.length && data.own[i][0] <= state.to) {
    if (present(track, i)) { i += 1; continue; }
    let j = i;
    const same = (row) => row < data.own.length && !present(track, row) && plainReason(track, row) === plainReason(track, i);
    while (same(j + 1) && data.own[j + 1][0] - data.own[j][1] < 0.01) j += 1;
    const [a, b] = [Math.max(u.bbox.left, x(data.own[i][0])), Math.min(u.bbox.left + u.bbox.width, x(data.own[j][1]))];
    ctx.fillStyle = hatch(ctx);
    ctx.fillRect(a, y(1), b - a, y(0) - y(1));
    const words = i === j ? reason(track, i) : plainReason(track, i);
    if (fitted(ctx, words, b - a)) {
      const width = ctx.measureText(words).width + px(12);
      ctx.fillStyle = paint.card;
      ctx.fillRect((a + b - width) / 2, y(0.5) - px(9), width, px(18));
      ctx.fillStyle = paint.ink2;
      ctx.fillText(words, (a + b - width) / 2 + px(6), y(0.5));
    }
    i = j + 1;
  }
}

function paintQuality(u, ctx, track, x, y) {
  const bottom = u.bbox.top + u.bbox.height;
  const room = bottom - y(0) - px(3);
  ctx.fillStyle = paint.soft;
  for (const [first, last] of runs(u, track)) {
    ctx.beginPath();
    ctx.moveTo(x(data.own[first][0]), bottom);
    for (let i = first; i <= last; i += 1) {
      const at = bottom - room * track.q[i] / 100;
      ctx.lineTo(x(data.own[i][0]), at);
      ctx.lineTo(x(data.own[i][1]), at);
    }
    ctx.lineTo(x(data.own[last][1]), bottom);
    ctx.fill();
  }
}

// The name of the most probable label over time.
function paintRibbon(u, ctx, track, x, y) {
  const [from, to] = [y(0) + px(5), u.bbox.top + u.bbox.height];
  for (const [first, last] of runs(u, track)) {
    let i = first;
    while (i <= last) {
      const [label] = top(track, i);
      let j = i;
      while (j < last && top(track, j + 1)[0] === label) j += 1;
      const a = Math.max(u.bbox.left, x(data.own[i][0]));
      const b = Math.min(u.bbox.left + u.bbox.width, x(data.own[j][1]));
      ctx.fillStyle = data.labels[label].colour;
      ctx.fillRect(a, from, Math.max(b - a - px(1), px(0.7)), to - from);
      const name = data.labels[label].name;
      if (fitted(ctx, name, b - a)) {
        ctx.fillStyle = data.labels[label].ink;
        ctx.fillText(name, a + px(5), (from + to) / 2 + px(0.5));
      }
      i = j + 1;
    }
  }
}

function paintCuts(u, ctx, x) {
  const shown = data.shots.filter((t) => t >= state.from && t <= state.to);
  // So many that they would only be a veil.
  if (shown.length > u.bbox.width / px(12)) return;
  ctx.strokeStyle = paint.ink;
  ctx.lineWidth = px(1);
  ctx.setLineDash([px(2), px(3)]);
  for (const time of shown) {
    ctx.beginPath();
    ctx.moveTo(x(time), u.bbox.top);
    ctx.lineTo(x(time), u.bbox.top + u.bbox.height);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

function paintConflicts(u) {
  const ctx = box(u);
  const middle = u.bbox.top + u.bbox.height / 2;
  ctx.textAlign = 'center';
  let free = -Infinity;
  for (let i = Math.max(0, near(state.from) - 1); i < data.own.length && data.own[i][0] <= state.to; i += 1) {
    const explanation = data.explanations[i];
    if (!explanation || !explanation.conflict) continue;
    const [a, b] = [u.valToPos(data.own[i][0], 'x', true), u.valToPos(data.own[i][1], 'x', true)];
    ctx.fillStyle = paint.ink;
    ctx.fillRect(a, u.bbox.top + u.bbox.height - px(4), Math.max(px(1), b - a - px(1)), px(1 + 3 * explanation.degree));
    if ((a + b) / 2 - free < px(16)) continue;
    ctx.fillText('≠', (a + b) / 2, middle - px(2));
    free = (a + b) / 2;
  }
  ctx.restore();
}

function paintEvents(u) {
  const ctx = box(u);
  const middle = u.bbox.top + u.bbox.height / 2;
  let free = -Infinity;
  const events = data.events.filter((event) => event.who === null);
  events.forEach((event, i) => {
    if (event.time < state.from || event.time > state.to) return;
    const at = u.valToPos(event.time, 'x', true);
    if (at - free < px(3)) return;
    const mark = glyph[event.kind];
    const wide = ctx.measureText(mark).width;
    const next = events[i + 1];
    const room = (next ? Math.max(at, u.valToPos(next.time, 'x', true)) : u.bbox.left + u.bbox.width) - at;
    ctx.fillStyle = data.labels[labelIndex(event.label)].colour;
    ctx.fillRect(at - px(1), u.bbox.top + px(2), px(3), u.bbox.height - px(4));
    ctx.fillStyle = paint.ink;
    const text = room > ctx.measureText(`${mark} ${event.label}`).width + px(12) ? `${mark} ${event.label}` : mark;
    if (at + px(5) >= free) ctx.fillText(text, at + px(5), middle);
    free = at + px(5) + (text === mark ? wide : ctx.measureText(text).width);
  });
  ctx.restore();
}

function paintSpans(u, spans, rows) {
  const ctx = box(u);
  const height = u.bbox.height / rows;
  for (const [start, end, row, name] of spans) {
    if (end < state.from || start > state.to) continue;
    const a = Math.max(u.bbox.left, u.valToPos(start, 'x', true));
    const b = Math.min(u.bbox.left + u.bbox.width, u.valToPos(end, 'x', true));
    const y = u.bbox.top + row * height;
    ctx.fillStyle = paint.bar;
    ctx.fillRect(a, y + px(2), Math.max(px(1), b - a - px(1)), height - px(4));
    if (name && fitted(ctx, name, b - a)) {
      ctx.fillStyle = paint.card;
      ctx.fillText(name, a + px(5), y + height / 2 + px(0.5));
    }
  }
  ctx.restore();
}

// --- signals: derived tracks over time --------------------------------------------------------

// Index of the sample nearest to a time; -1 where there is none within two steps.
function sampleAt(signal, time) {
  const t = signal.t;
  let [low, high] = [0, t.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < time) low = middle + 1; else high = middle;
  }
  if (low > 0 && time - t[low - 1] < t[low] - time) low -= 1;
  const step = t.length > 1 ? (t[t.length - 1] - t[0]) / (t.length - 1) : 1;
  return t.length && Math.abs(t[low] - time) <= 2 * step ? low : -1;
}

// Least and greatest value of a signal, a little apart. Cached.
function rangeOf(signal) {
  if (!signal.range) {
    const there = signal.v.filter((v) => v !== null);
    let [low, high] = [signal.points ? 0 : Infinity, -Infinity];
    for (const v of there) { low = Math.min(low, v); high = Math.max(high, v); }
    const edge = Math.max((high - low) * 0.08, Math.abs(high) * 0.01, 1e-3);
    signal.range = there.length ? [signal.points ? 0 : low - edge, high + edge] : [0, 1];
  }
  return signal.range;
}

function paintSignal(u, signal) {
  const ctx = box(u);
  const [low, high] = rangeOf(signal);
  const [top, bottom] = [u.bbox.top + px(3), u.bbox.top + u.bbox.height - px(3)];
  const x = (time) => u.valToPos(time, 'x', true);
  const y = (value) => bottom - (bottom - top) * (value - low) / (high - low);
  paintSignalGaps(u, ctx, signal, x);
  if (signal.points) paintPoints(ctx, signal, x, y, bottom); else paintLine(u, ctx, signal, x, y);
  paintCuts(u, ctx, x);
  if (!signal.t.length) {
    ctx.fillStyle = paint.ink2;
    ctx.fillText('none', u.bbox.left + px(5), u.bbox.top + u.bbox.height / 2);
  }
  if (signal.v.some((v) => v !== null)) {
    ctx.fillStyle = paint.ink2;
    for (const [value, at] of [[high, top + px(5)], [low, bottom - px(5)]]) {
      const words = value.toPrecision(3);
      ctx.fillStyle = paint.card;
      ctx.globalAlpha = 0.75;
      ctx.fillRect(u.bbox.left, at - px(7), ctx.measureText(words).width + px(6), px(14));
      ctx.globalAlpha = 1;
      ctx.fillStyle = paint.ink2;
      ctx.fillText(words, u.bbox.left + px(3), at);
    }
  }
  ctx.restore();
}

// Stretches without a value, hatched, with their reason where it has room.
function paintSignalGaps(u, ctx, signal, x) {
  const n = signal.t.length;
  const half = n > 1 ? (signal.t[n - 1] - signal.t[0]) / (n - 1) / 2 : 0.5;
  for (let i = 0; i < n; i += 1) {
    if (signal.r[i] < 0) continue;
    let j = i;
    while (j + 1 < n && signal.r[j + 1] === signal.r[i]) j += 1;
    const a = Math.max(u.bbox.left, x(signal.t[i] - half));
    const b = Math.min(u.bbox.left + u.bbox.width, x(signal.t[j] + half));
    if (b > a) {
      ctx.fillStyle = hatch(ctx);
      ctx.fillRect(a, u.bbox.top, b - a, u.bbox.height);
      const words = data.reasons[signal.r[i]];
      if (fitted(ctx, words, b - a)) {
        const [width, middle] = [ctx.measureText(words).width + px(12), u.bbox.top + u.bbox.height / 2];
        ctx.fillStyle = paint.card;
        ctx.fillRect((a + b - width) / 2, middle - px(9), width, px(18));
        ctx.fillStyle = paint.ink2;
        ctx.fillText(words, (a + b - width) / 2 + px(6), middle);
      }
    }
    i = j;
  }
}

// A line through the values, each the mean of those that share a pixel; fainter where the quality is low.
function paintLine(u, ctx, signal, x, y) {
  const shown = signal.t.length * (state.to - state.from) / (T1 - T0);
  const size = Math.max(1, Math.ceil(shown / Math.max(1, u.over.clientWidth)));
  let before = null;
  ctx.lineWidth = px(1.6);
  ctx.strokeStyle = paint.ink;
  for (let i = 0; i < signal.t.length; i += size) {
    let [sum, count, quality] = [0, 0, 0];
    for (let j = i; j < Math.min(i + size, signal.t.length); j += 1) {
      if (signal.v[j] !== null) { sum += signal.v[j]; quality += signal.q[j]; count += 1; }
    }
    if (!count) { before = null; continue; }
    const point = [x(signal.t[i]), y(sum / count)];
    if (before && point[0] >= u.bbox.left && before[0] <= u.bbox.left + u.bbox.width) {
      ctx.globalAlpha = 0.3 + 0.7 * quality / count / 100;
      ctx.beginPath();
      ctx.moveTo(...before);
      ctx.lineTo(...point);
      ctx.stroke();
    }
    before = point;
  }
  ctx.globalAlpha = 1;
}

function paintPoints(ctx, signal, x, y, bottom) {
  ctx.fillStyle = paint.bar;
  signal.t.forEach((time, i) => {
    if (signal.v[i] === null || time < state.from || time > state.to) return;
    const at = y(signal.v[i]);
    ctx.fillRect(x(time) - px(1), at, px(2), bottom - at);
    ctx.fillRect(x(time) - px(2.5), at, px(5), px(3));
  });
}
