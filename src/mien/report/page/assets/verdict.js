// One prediction in detail: fused, by modality, explanation and disagreement.

function answerTable(tracks, row) {
  const head = el('tr', null, el('td', { class: 'quiet' }, 'per cent'), ...tracks.map((t) => el('th', { scope: 'col' }, t.name)));
  const body = data.labels.map((label, k) => el('tr', null,
    el('th', { scope: 'row' }, chip(k)),
    ...tracks.map((track) => {
      if (!present(track, row)) return el('td', { class: 'none' }, k ? '' : '–');
      const value = track.p[row * K + k];
      const best = top(track, row, false)[0] === k;
      return el('td', { class: `cell e${k}${best ? ' best' : ''}`, '--v': value / 1000 },
        el('span', null, String(Math.round(value / 10))));
    })));
  const quality = el('tr', { class: 'quality' }, el('th', { scope: 'row' }, 'quality'),
    ...tracks.map((t) => el('td', null, present(t, row) ? String(t.q[row]) : '–')));
  return el('table', { class: 'answers' },
    el('caption', { class: 'unseen' }, 'Probabilities and quality in per cent'),
    el('thead', null, head), el('tbody', null, ...body, quality));
}

function whyList(why) {
  const parts = [...why.parts].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const all = [...parts.map((p) => [p[0], p[1]]), ['prior', why.prior]];
  const most = Math.max(0.5, ...all.map(([, nats]) => Math.abs(nats)));
  const rows = all.map(([name, nats]) => el('li', { class: nats < 0 ? 'against' : 'for' },
    el('span', null, name),
    el('span', { class: 'push', '--v': Math.abs(nats) / most }, el('i')),
    el('span', { class: 'num' }, `${nats < 0 ? '−' : '+'}${Math.abs(nats).toFixed(1)}`)));
  const changed = parts.filter((p) => p[4])
    .map((p) => `to ${p[3]} without the ${p[0]}`);
  return el('div', { class: 'why' },
    el('h3', null, `Why ${why.answer}, not ${why.second}`,
      el('span', { class: 'quiet' }, ' log-odds in nats')),
    el('ul', null, ...rows),
    changed.length ? el('p', null, `The prediction changes ${changed.join('; ')}.`) : null);
}

function derived(explanation) {
  if (explanation.valence === null) return null;
  const bits = [`valence ${explanation.valence < 0 ? '−' : '+'}${Math.abs(explanation.valence).toFixed(2)}`,
    `intensity ${explanation.intensity.toFixed(2)}`];
  for (const [name, like] of Object.entries(explanation.blends)) bits.push(`like ${name} ${like.toFixed(2)}`);
  return el('p', { class: 'quiet derived' }, `Derived: ${bits.join(', ')}.`);
}

function conflictNote(explanation) {
  if (!explanation || !explanation.conflict) return null;
  return el('p', { class: 'flag' }, el('b', null, '≠ '),
    `${explanation.conflict} `, el('span', { class: 'quiet' }, `(disagreement ${explanation.degree.toFixed(2)})`));
}

function headlineOf(track, row, explanation, smooth) {
  const said = top(track, row, smooth);
  if (!said) return el('p', { class: 'big none' }, 'no prediction');
  const more = explanation && explanation.undecided ? el('span', { class: 'badge' }, 'undecided') : null;
  return el('p', { class: 'big' }, el('i', { class: `dot e${said[0]}` }),
    data.labels[said[0]].name, ' ', el('span', { class: 'num' }, percent(said[1])), more);
}

function absences(tracks, row) {
  const missing = tracks.filter((t) => !present(t, row));
  if (!missing.length) return null;
  return el('ul', { class: 'missing' }, ...missing.map((t) => el('li', null,
    el('b', null, `${t.name} absent: `), reason(t, row))));
}

function verdict(tracks, row, explanation) {
  return [
    conflictNote(explanation),
    answerTable(tracks, row),
    absences(tracks, row),
    explanation && explanation.why ? whyList(explanation.why) : null,
    explanation ? derived(explanation) : null,
  ].filter(Boolean);
}

function stackedBar(shares, name) {
  const predicted = shares.map((share, k) => `${data.labels[k].name} ${percent(share * 1000)}`);
  const bar = el('div', { class: 'shares', role: 'img', 'aria-label': `${name}: ${predicted.join(', ')}` });
  shares.forEach((share, k) => {
    if (share < 0.005) return;
    bar.append(el('span', { class: `e${k}`, '--v': share, title: predicted[k] }, predicted[k]));
  });
  return bar;
}

function drawMoment() {
  const row = state.row;
  const box = byId('moment');
  const when = timed ? `at ${clock(state.time)}` : '';
  const title = el('h2', null, 'This moment ', el('span', { class: 'quiet', id: 'when' }, when));
  if (row < 0) {
    box.replaceChildren(title, el('p', { class: 'big none' }, 'no segment here'),
      el('p', { class: 'quiet' }, 'There is no segment at this time, so there is no prediction.'));
    return;
  }
  const [start, end] = data.segments[row];
  const explanation = data.explanations[row] || null;
  const fused = data.tracks[0];
  const note = fused.s && present(fused, row) ? otherRows(fused, row) : null;
  const modalities = data.tracks.filter((t) => t.who == null);
  const range = timed ? el('p', { class: 'quiet' }, `segment ${row + 1} of ${data.segments.length}, ${clock(start)} – ${clock(end)}`) : null;
  box.replaceChildren(...[title, range, headlineOf(fused, row, explanation, state.smooth), note,
    ...verdict(modalities, row, explanation), peopleNow(row), departuresNow(row)].filter(Boolean));
}

// Deviations of a face from the person's average in this row.
function departuresNow(row) {
  const [start, end] = data.own[row];
  const middle = (start + end) / 2;
  const predicted = data.baselines.flatMap((one) => one.departures
    .filter(([from, to]) => from <= middle && middle < to)
    .map(([, , label, by]) => [one.who, label, by]));
  if (!predicted.length) return null;
  return el('ul', { class: 'nowpeople departs' }, ...predicted.map(([who, label, by]) => el('li', null,
    several ? `Person ${who}, face: ` : 'Face: ', `${moreOrLess(by)} `, chip(label),
    " than this person's average in this recording ", el('span', { class: 'num' }, `(${signed(by)})`))));
}

// The table and the reasons show the row before smoothing, whichever rows are drawn.
function otherRows(fused, row) {
  const [label, share] = top(fused, row, !state.smooth);
  const predicted = `${data.labels[label].name} ${percent(share)}`;
  return el('p', { class: 'quiet' }, state.smooth
    ? `Smoothed over time. Without smoothing: ${predicted}.` : `Without smoothing. Smoothed over time: ${predicted}.`);
}

function peopleNow(row) {
  const people = data.tracks.filter((t) => t.who != null && present(t, row));
  if (!people.length) return null;
  return el('ul', { class: 'nowpeople' }, ...people.map((t) => {
    const predicted = top(t, row, false);
    return el('li', null, `${t.name}: `, chip(predicted[0], ` ${percent(predicted[1])}`));
  }));
}

function drawOverall() {
  const box = byId('overall');
  const whole = data.whole;
  if (!whole || (!timed && data.segments.length === 1)) { box.remove(); return; }
  const fused = whole.tracks[0];
  const what = data.partial ? 'The analysed part' : 'The whole recording';
  const says = whole.tracks.slice(1).map((t) => {
    const predicted = top(t, 0, false);
    return el('li', null, el('b', null, t.name), ' ',
      predicted ? chip(predicted[0], ` ${percent(predicted[1])}`) : el('span', { class: 'quiet' }, `absent: ${reason(t, 0)}`));
  });
  const shares = present(fused, 0) ? fused.p.map((p) => p / 1000) : null;
  box.replaceChildren(...[
    el('div', { class: 'lead' }, el('h2', null, what), headlineOf(fused, 0, whole.explanation, false)),
    el('div', { class: 'rest' }, shares ? stackedBar(shares, what) : null,
      el('ul', { class: 'says' }, ...says), conflictNote(whole.explanation)),
    el('details', null, el('summary', null, 'Details'), ...verdict(whole.tracks, 0, whole.explanation)),
  ]);
}
