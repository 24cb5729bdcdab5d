// The list of recordings: what waits, what is being done, what is there.

import { follow, get, news, send } from './api.js';
import { byId, clock, confirmed, el, failure, percent, say, several, title, when } from './dom.js';
import { drawStrip } from './strip.js';
import { uploadCard, uploading } from './uploads.js';

const strips = new Map();
const FINAL = new Set(['completed', 'failed', 'cancelled']);
const ACTIVE_STREAMS = 2;
let items;
let list;
let following;
let chosen;
let after;

export async function home(view, signal) {
  title('Recordings');
  [items, following, chosen, after] = [new Map(), new Map(), new Set(), null];
  list = el('ul', { class: 'jobs', id: 'jobs', 'aria-label': 'Recordings' });
  view.append(
    el('h1', { class: 'unseen' }, 'Recordings'),
    uploadCard(placeEmpty, (job) => { place(job, true); pursue(signal); }),
    el('div', { id: 'chosen', class: 'chosen', role: 'region', 'aria-label': 'Chosen recordings', hidden: true }),
    el('p', { id: 'empty', class: 'empty', hidden: true }),
    list,
    el('p', { class: 'more' }, el('button', { class: 'button', id: 'more', type: 'button', hidden: true, click: () => more(signal) }, 'Earlier recordings')),
  );
  byId('empty').append(
    el('b', null, 'No recordings yet.'), el('br'),
    'Drop one above. The words, the voice and the faces in it are analysed on this machine; nothing is sent elsewhere.');
  await refresh(signal);
  const again = () => refresh(signal);
  news.addEventListener('online', again, { signal });
  const timer = setInterval(() => { if (!document.hidden) refresh(signal); }, 4000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

async function refresh(signal) {
  try {
    const found = await get('/v1/jobs?limit=50', signal);
    if (signal.aborted) return;
    const fresh = new Set(found.jobs.map((job) => job.id));
    // What was deleted elsewhere, within what this answer is about.
    const oldest = found.jobs.at(-1)?.created || '';
    for (const [id, item] of items) if (!fresh.has(id) && (!found.next || item.job.created >= oldest)) drop(id);
    for (const job of [...found.jobs].reverse()) place(job, true);
    if (after === null) after = found.next || '';
    byId('more').hidden = !after;
    byId('load-failed')?.remove();
    placeEmpty();
    pursue(signal);
  } catch (error) {
    if (signal.aborted || error.type === 'Offline' || byId('load-failed')) return;
    const told = failure(error);
    told.id = 'load-failed';
    list.before(told);
  }
}

async function more(signal) {
  const found = await get(`/v1/jobs?limit=50&after=${encodeURIComponent(after)}`, signal);
  for (const job of found.jobs) place(job, false);
  after = found.next || '';
  byId('more').hidden = !after;
}

function placeEmpty() {
  const empty = byId('empty');
  if (empty && items) empty.hidden = items.size > 0 || uploading() > 0;
}

// Follow by its events what is running and what is next; the list is asked for the rest.
function pursue(signal) {
  const waiting = (job) => Number(job.state === 'queued');
  const next = [...items.values()].map(({ job }) => job).filter((job) => !FINAL.has(job.state));
  next.sort((a, b) => waiting(a) - waiting(b) || (a.created < b.created ? -1 : 1));
  for (const job of next) {
    if (following.has(job.id)) continue;
    if (following.size >= ACTIVE_STREAMS) break;
    following.set(job.id, true);
    follow(job.id, (kind, data) => {
      const item = items.get(job.id);
      if (!item) return;
      if (kind === 'progress') { Object.assign(item.job, data); drawProgress(item); }
      if (kind === 'state' && data.state !== item.job.state) place(data, true);
    }, signal).finally(() => { following.delete(job.id); if (!signal.aborted) refresh(signal); });
  }
}

function drop(id) {
  items.get(id)?.node.remove();
  items.delete(id);
  chosen.delete(id);
  drawChosen();
}

// Put a job into the list, or show how it stands now; what is focused stays as it is.
function place(job, first) {
  const item = items.get(job.id);
  if (item && item.job.state === job.state) {
    item.job = job;
    if (job.state === 'running') drawProgress(item);
    return;
  }
  const made = { job, node: el('li', { class: `job card ${job.state}` }) };
  fill(made);
  if (item) {
    const inside = item.node.contains(document.activeElement);
    item.node.replaceWith(made.node);
    if (inside) made.node.querySelector('a, button')?.focus();
    if (FINAL.has(job.state)) say(`${job.name}: ${job.state}.`);
  } else if (first) list.prepend(made.node);
  else list.append(made.node);
  items.set(job.id, made);
  placeEmpty();
}

function fill(item) {
  const { job, node } = item;
  const done = job.state === 'completed';
  const facts = [job.duration ? clock(job.duration) : null, rowsOf(job), when(job.created)].filter(Boolean).join(' · ');
  const name = done ? el('a', { href: `#/job/${job.id}` }, job.name) : el('span', null, job.name);
  node.append(
    done && el('input', { type: 'checkbox', 'aria-label': `Choose ${job.name} for a comparison`, checked: chosen.has(job.id), change: (event) => choose(item, event.target) }),
    el('div', { class: 'what' }, el('h2', null, name), el('p', { class: 'quiet' }, facts)),
    done ? stripOf(job) : el('div', { class: 'state' }),
    el('div', { class: 'acts' },
      done && el('a', { class: 'button small', href: `#/job/${job.id}/coding`, 'aria-label': `Code ${job.name} by hand` }, 'Code'),
      !FINAL.has(job.state) && el('button', { class: 'button small', type: 'button', click: () => cancel(job), 'aria-label': `Cancel ${job.name}` }, 'Cancel'),
      el('button', { class: 'button small plain', type: 'button', click: () => remove(job), 'aria-label': `Delete ${job.name}` }, 'Delete')),
  );
  for (const child of [...node.childNodes]) if (child.nodeType === Node.TEXT_NODE) child.remove();
  if (!done) drawProgress(item);
}

function rowsOf(job) {
  const by = job.options?.segmentation?.by;
  return { window: `windows of ${job.options?.segmentation?.window} s`, utterance: 'lines of speech', speaker: 'turns of speakers', clip: 'whole recording' }[by] || null;
}

function drawProgress({ job, node }) {
  const place = node.querySelector('.state');
  if (!place) return;
  if (job.state === 'running') {
    const words = `${job.stage || 'starting'}`;
    let bar = place.querySelector('progress');
    if (!bar) {
      bar = el('progress', { max: 1, 'aria-label': `Progress of ${job.name}` });
      place.replaceChildren(el('p', { class: 'stage' }, el('span'), el('span', { class: 'num quiet' })), bar);
    }
    place.querySelector('.stage span').textContent = words;
    place.querySelector('.stage .num').textContent = percent((job.share || 0) * 1000);
    bar.value = job.share || 0;
    return;
  }
  const told = {
    queued: [el('span', { class: 'badge' }, 'queued'), el('span', { class: 'quiet' }, 'It starts as soon as the analyses before it are done.')],
    failed: [el('span', { class: 'badge failed' }, 'failed'), el('p', { class: 'error' }, job.error?.message || 'The reason is in the log of the service.')],
    cancelled: [el('span', { class: 'badge' }, 'cancelled'), el('span', { class: 'quiet' }, 'Drop the recording again to analyse it.')],
  }[job.state] || [];
  place.replaceChildren(...told);
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); entry.target.load(); }
});

function stripOf(job) {
  const canvas = el('canvas', { class: 'strip' });
  canvas.load = async () => {
    try {
      if (!strips.has(job.id)) strips.set(job.id, await get(`/v1/jobs/${job.id}/rows?points=160`));
      drawStrip(canvas, strips.get(job.id));
    } catch { /* the list shows the next state of the job */ }
  };
  seen.observe(canvas);
  return el('a', { class: 'strip-link', href: `#/job/${job.id}`, tabindex: '-1', 'aria-hidden': 'true' }, canvas);
}

export function redrawStrips() {
  for (const canvas of document.querySelectorAll('canvas.strip')) canvas.load();
}

function choose({ job }, box) {
  if (box.checked) chosen.add(job.id); else chosen.delete(job.id);
  if (chosen.size > 2) {
    const [oldest] = chosen;
    chosen.delete(oldest);
    items.get(oldest).node.querySelector('input').checked = false;
  }
  drawChosen();
}

function drawChosen() {
  const place = byId('chosen');
  if (!place) return;
  place.hidden = chosen.size === 0;
  const names = [...chosen].map((id) => items.get(id).job.name);
  const [a, b] = chosen;
  place.replaceChildren(
    el('span', { class: 'grow' }, chosen.size < 2 ? `${names[0]}: choose another recording to compare with.` : `${names[0]} and ${names[1]}`),
    chosen.size === 2 ? el('a', { class: 'button primary', href: `#/compare?a=${a}&b=${b}` }, 'Compare') : '',
  );
}

async function cancel(job) {
  try { place(await send('POST', `/v1/jobs/${job.id}/cancel`), true); } catch (error) { say(error.message); }
}

export async function remove(job, done = () => {}) {
  let coders = 0;
  try { coders = (await get(`/v1/jobs/${job.id}/codings`)).codings.length; } catch { /* not completed: none */ }
  const labels = coders ? ` and the labels of ${several(coders, 'coder')}` : '';
  if (!await confirmed(`Delete ${job.name}?`, `The recording, its results${labels} are deleted from the service. This cannot be undone.`)) return;
  try {
    await send('DELETE', `/v1/jobs/${job.id}`);
    strips.delete(job.id);
    say(`${job.name} was deleted.`);
    if (items?.has(job.id)) drop(job.id);
    placeEmpty();
    done();
  } catch (error) {
    const told = failure(error);
    byId('view').prepend(told);
  }
}
