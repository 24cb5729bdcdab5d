// The textual parts: transcript, summaries, people, events, absent modalities, provenance.

let lineNodes = [];
let currentLine = -1;
const MOST_DEPARTURES = 6;

function drawTranscript() {
  const spokenWords = data.transcript;
  if (!spokenWords || !spokenWords.lines.length) {
    byId('words-source').textContent = '';
    byId('lines').replaceWith(el('p', { class: 'quiet' }, noWords()));
    byId('dropped').remove();
    return;
  }
  const source = { given: 'as given', sidecar: 'from the subtitle file of the recording', subtitles: 'from its subtitles' };
  byId('words-source').textContent = source[spokenWords.source] || `recognised by ${spokenWords.source}`;
  lineNodes = spokenWords.lines.map(([start, end, text], i) => {
    const button = el('button', { type: 'button', tabindex: i ? '-1' : '0', click: () => pickLine(i) },
      timed ? el('span', { class: 'when num' }, clock(start)) : null,
      el('span', { class: 'said' }, text), el('span', { class: 'mark' }));
    return button;
  });
  byId('lines').classList.toggle('many', lineNodes.length > 200);
  byId('lines').append(...lineNodes.map((node) => el('li', null, node)));
  byId('lines').addEventListener('keydown', (event) => rove(event, lineNodes, 'y'));
  const gone = spokenWords.dropped.map(([why, count]) => `${count} × ${why}`);
  byId('dropped').textContent = gone.length ? `Left out as probable recognition errors: ${gone.join('; ')}.` : '';
  colourLines();
}

function noWords() {
  const text = data.tracks.find((t) => t.id === 'text');
  const row = text ? text.r.findIndex((r) => r >= 0) : -1;
  return row < 0 ? 'There are no words.' : `There are no words: ${reason(text, row)}.`;
}

function pickLine(i) {
  const [start] = data.transcript.lines[i];
  if (timed) seek(start + 0.01);
  else if (data.segments.length === lineNodes.length) { state.row = i; emit('time'); }
}

function colourLines() {
  data.transcript?.lines.forEach(([start, end], i) => {
    if (!lineNodes[i]) return;
    const byRow = !timed && data.segments.length === lineNodes.length;
    const predicted = byRow ? top(data.tracks[0], i) : spoken(start, end);
    const mark = lineNodes[i].querySelector('.mark');
    lineNodes[i].className = predicted ? `e${predicted[0]}` : '';
    mark.replaceChildren(predicted ? chip(predicted[0]) : 'no prediction');
  });
}

function followLines() {
  if (!lineNodes.length) return;
  const lines = data.transcript.lines;
  let now = timed ? lines.findIndex(([start, end]) => state.time >= start && state.time < end) : -1;
  if (!timed && data.segments.length === lines.length) now = state.row;
  if (now === currentLine) return;
  lineNodes[currentLine]?.removeAttribute('aria-current');
  currentLine = now;
  if (now < 0) return;
  const node = lineNodes[now];
  node.setAttribute('aria-current', 'true');
  const list = byId('lines');
  const [from, to] = [node.offsetTop - list.offsetTop, node.offsetTop - list.offsetTop + node.offsetHeight];
  if (from < list.scrollTop || to > list.scrollTop + list.clientHeight) list.scrollTop = from - list.clientHeight / 3;
}

function drawSums() {
  const box = byId('sums');
  if (!(data.summaries.length || data.baselines.length) || !timed) { byId('people').remove(); return; }
  box.append(...data.summaries.map((sum) => {
    const name = sum.who === null ? 'All modalities, fused' : `Person ${sum.who}`;
    const face = data.portraits.find((p) => p[1] === sum.who);
    const [start, end] = sum.ambiguous;
    const unsure = el('button', { type: 'button', class: 'link num', click: () => seek((start + end) / 2) }, clock(start));
    return el('div', { class: 'sum' },
      el('h3', null, face ? el('img', { src: `data:image/png;base64,${face[2]}`, alt: '' }) : null, name,
        el('span', { class: 'quiet num' }, ` analysed ${clock(sum.judged)}`)),
      stackedBar(sum.share, `Share of time, ${name}`),
      el('p', { class: 'quiet' }, `Mostly ${sum.dominant}, ${Math.round(Math.max(...sum.share) * 100)} % of the time, by the segments before smoothing. Least certain at `, unsure, '.'),
      baselineOf(sum.who));
  }));
  const shown = new Set(data.summaries.map((sum) => sum.who));
  box.append(...data.baselines.filter((one) => !shown.has(one.who)).map((one) => {
    const face = data.portraits.find((p) => p[1] === one.who);
    const name = several ? `Face of person ${one.who}` : 'The face';
    return el('div', { class: 'sum' },
      el('h3', null, face ? el('img', { src: `data:image/png;base64,${face[2]}`, alt: '' }) : null, name,
        el('span', { class: 'quiet num' }, ` analysed ${clock(one.judged)}`)),
      baselineOf(one.who));
  }));
}

// The average prediction for a person's face, and the largest deviations from it; derived.
function baselineOf(who) {
  const one = data.baselines.find((b) => b.who === who);
  if (!one) return null;
  const most = [...one.departures].sort((a, b) => Math.abs(b[3]) - Math.abs(a[3])).slice(0, MOST_DEPARTURES);
  const rest = one.departures.length - most.length;
  const items = most.sort((a, b) => a[0] - b[0]).map(([start, end, label, by]) => el('li', null,
    el('button', { type: 'button', class: 'link num', click: () => seek((start + end) / 2) }, `${clock(start)} – ${clock(end)}`),
    ` ${moreOrLess(by)} `, chip(label), el('span', { class: 'num' }, ` (${signed(by)})`)));
  return el('div', { class: 'baseline' },
    el('p', { class: 'quiet' }, "Derived: the mean of the face's predictions over the recording."),
    stackedBar(one.mean, 'Mean of the face'),
    el('p', { class: 'quiet' }, items.length
      ? `Differs most from this person's average${rest ? `, of ${one.departures.length} times` : ''}:`
      : "No row differs much from this person's average."),
    items.length ? el('ul', { class: 'departures' }, ...items) : null);
}

function drawEvents() {
  byId('events-count').textContent = data.events.length ? String(data.events.length) : '';
  if (!data.events.length) {
    byId('happened').replaceWith(el('p', { class: 'quiet' }, 'No onset, peak or shift of an emotion.'));
    return;
  }
  byId('happened').append(...data.events.map((event, i) => {
    const who = event.who === null ? '' : `person ${event.who}: `;
    const from = event.before && event.kind === 'shift' ? ` from ${event.before}` : '';
    // The events of a person come from the face only.
    const led = event.led_by && event.who === null ? `, led by the ${trackName(event.led_by)}` : '';
    return el('li', null, el('button', { type: 'button', tabindex: i ? '-1' : '0', click: () => seek(event.time) },
      el('span', { class: 'when num' }, clock(event.time)),
      el('span', { class: 'glyph', 'aria-hidden': 'true' }, glyph[event.kind]),
      el('span', null, `${who}${plain[event.kind]} `, chip(labelIndex(event.label)), `${from}${led}`)));
  }));
  byId('happened').classList.toggle('many', data.events.length > 200);
  const nodes = [...byId('happened').querySelectorAll('button')];
  byId('happened').addEventListener('keydown', (event) => rove(event, nodes, 'y'));
}

function drawAbsent() {
  const found = new Map();
  for (const track of data.tracks.filter((t) => t.who == null)) {
    track.r.forEach((r, i) => {
      if (r < 0) return;
      const why = plainReason(track, i);
      const key = JSON.stringify([track.name, why]);
      const one = found.get(key) || { name: track.name, why, rows: 0, seconds: 0 };
      one.rows += 1;
      one.seconds += data.own[i][1] - data.own[i][0];
      found.set(key, one);
    });
  }
  if (!found.size) { byId('gaps').remove(); return; }
  const all = data.segments.length;
  byId('absent').append(el('table', { class: 'plain' },
    el('thead', null, el('tr', null, el('th', { scope: 'col' }, 'modality'), el('th', { scope: 'col' }, 'reason'), el('th', { scope: 'col' }, 'rows'))),
    el('tbody', null, ...[...found.values()].sort((a, b) => b.rows - a.rows).map((one) => el('tr', null,
      el('th', { scope: 'row' }, one.name), el('td', null, one.why),
      el('td', { class: 'num' }, `${one.rows} of ${all}${timed ? ` (${clock(one.seconds)})` : ''}`))))));
}

function drawAbout() {
  byId('limits').append(...data.limits.map((line) => el('li', null, line)));
  for (const [title, pairs] of Object.entries(data.provenance)) {
    if (!pairs.length) continue;
    byId('provenance').append(el('h3', null, title), el('dl', null,
      ...pairs.flatMap(([name, value]) => [el('dt', null, name), el('dd', null, value)])));
  }
}
