// Initialisation of the page.

function drawTop() {
  byId('name').textContent = data.name;
  const long = timed ? [clock(T1 - T0) + (T0 > 0 ? ` from ${clock(T0)}` : '')] : [];
  byId('facts').textContent = [...long, ...data.facts].join(' · ');
  const notes = [...data.warnings];
  if (data.partial) notes.unshift(`The analysis was stopped at ${clock(T1)}; the rest is missing.`);
  byId('notices').append(...notes.map((note) => el('p', { class: 'notice' }, note)));
  byId('legend').append(...data.labels.map((label, k) => el('li', null, chip(k))));
}

function startSwitch() {
  const field = byId('smooth');
  if (!data.tracks[0].s) { field.remove(); return; }
  for (const input of field.querySelectorAll('input')) {
    input.checked = (input.value === 'smooth') === state.smooth;
    input.addEventListener('change', () => { state.smooth = input.value === 'smooth'; emit('rows'); });
  }
}

function start() {
  const root = document.documentElement;
  data.labels.forEach((label, k) => {
    root.style.setProperty(`--e${k}`, label.colour);
    root.style.setProperty(`--i${k}`, label.ink);
  });
  readPaint();
  drawTop();
  startSwitch();
  drawOverall();
  startPlayer();
  if (timed) startTimeline(); else byId('time').remove();
  drawTranscript();
  drawSums();
  drawEvents();
  drawAbsent();
  drawAbout();
  let shown = null;
  on('time', () => {
    if (timed) { placeHead(); tellRuler(); }
    followLines();
    if (shown !== state.row) { shown = state.row; drawMoment(); }
    const when = byId('when');
    if (when && timed) when.textContent = `at ${clock(state.time)}`;
    if (timed && player && !player.paused) keepInView();
  });
  on('seek', () => { if (timed) keepInView(); });
  on('rows', () => { redraw(); colourLines(); drawMoment(); if (timed) tellRuler(); });
  byId('zoom-in')?.addEventListener('click', () => zoomBy(0.5));
  byId('zoom-out')?.addEventListener('click', () => zoomBy(2));
  byId('zoom-fit')?.addEventListener('click', () => setRange(T0, T1));
  document.addEventListener('keydown', onKey);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  document.addEventListener('themed', redraw);
  state.row = timed ? -1 : 0;
  moveTo(T0, false);
  root.dataset.ready = 'true';
}
