// The recording and the current time; without a recording, the user sets the time.

let player = null;

function mediaUrl() {
  // A service opens its pages, and the recordings beside them, by a ticket in the address.
  if (data.media.link) return data.media.link + location.search;
  const holder = byId('media');
  const text = holder.textContent;
  holder.remove();
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return URL.createObjectURL(new Blob([bytes], data.media.type ? { type: data.media.type } : {}));
}

function startPlayer() {
  const box = byId('player');
  if (data.kind === 'text' || (!data.media.link && !data.media.embedded)) { box.remove(); return; }
  const url = mediaUrl();
  if (data.kind === 'picture') {
    box.append(el('img', { src: url, alt: data.name }));
    return;
  }
  player = el(data.picture ? 'video' : 'audio', { controls: true, preload: 'auto', playsinline: true });
  player.addEventListener('error', () => {
    const why = data.media.link && player.error && player.error.code !== 3
      ? `The recording is not in the folder of this page, or this browser cannot play it (${data.name}).`
      : `This browser cannot play ${data.name}.`;
    player = null;
    box.replaceChildren(el('p', { class: 'notice' }, `${why} The rest of the page works without it.`));
  });
  player.addEventListener('loadedmetadata', () => {
    if (T0 > 0) player.currentTime = T0;
    if (!data.picture || player.videoWidth) return;
    box.classList.add('deaf');
    box.append(el('p', { class: 'notice' }, `This browser plays the sound of ${data.name}, but not its picture.`));
  });
  player.addEventListener('timeupdate', follow);
  player.addEventListener('seeking', follow);
  player.addEventListener('play', tick);
  player.src = url;
  box.append(player);
}

function follow() {
  if (player && Math.abs(player.currentTime - state.time) > 0.001) {
    // Times outside of the analysed part are not on the axis.
    moveTo(player.currentTime, false);
  }
}

function tick() {
  if (!player || player.paused || player.ended) return;
  follow();
  requestAnimationFrame(tick);
}

function seek(time) {
  moveTo(time);
  if (player && Number.isFinite(time)) player.currentTime = state.time;
}

function togglePlay() {
  if (!player) return;
  if (player.paused) player.play().catch(() => {}); else player.pause();
}

// Steps by row, or to the next start if rows are far apart or missing.
function stepRows(count) {
  if (!timed) return;
  const at = state.row >= 0 ? state.row : Math.min(near(state.time), data.own.length - 1);
  const row = Math.min(data.own.length - 1, Math.max(0, at + count));
  const [start, end] = data.own[row];
  seek(Math.min(end, start + Math.min(0.01, (end - start) / 2)));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // In a list, Enter goes to the line; the space bar remains for playing.
  const listed = event.key === ' ' && player && event.target.closest('#lines, #happened, .faces');
  const own = event.target.closest('button, a, input, summary, video, audio, #lines');
  if (own && !listed) return;
  const acts = {
    ' ': togglePlay, ArrowLeft: () => stepRows(-1), ArrowRight: () => stepRows(1),
    PageUp: null, PageDown: null, '+': () => zoomBy(0.5), '-': () => zoomBy(2), 0: () => setRange(T0, T1),
  };
  if (event.target.id === 'ruler') {
    Object.assign(acts, {
      Home: () => seek(T0), End: () => seek(T1), PageUp: () => stepRows(-10), PageDown: () => stepRows(10),
      ArrowUp: () => stepRows(1), ArrowDown: () => stepRows(-1), Enter: togglePlay,
    });
  }
  const act = acts[event.key];
  if (act && timed) { act(); event.preventDefault(); }
}
