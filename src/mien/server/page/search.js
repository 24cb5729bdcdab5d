// Lines of the transcripts of all recordings that hold some words.

import { get } from './api.js';
import { byId, clock, el, say, several, title } from './dom.js';

export async function search(view, signal, _, query) {
  const words = query.get('q') || '';
  title(`Search: ${words}`);
  byId('q').value = words;
  const told = el('p', { class: 'quiet', id: 'found' }, 'Searching …');
  view.append(el('h1', null, `“${words}”`), told);
  if (!words.trim()) { told.textContent = 'Type words that were said.'; return; }
  const { hits, more } = await get(`/v1/search?q=${encodeURIComponent(words)}&limit=200`, signal);
  const byJob = new Map();
  for (const hit of hits) byJob.set(hit.job, [...(byJob.get(hit.job) || []), hit]);
  told.textContent = hits.length
    ? `${more ? 'The first ' : ''}${several(hits.length, 'line')} in ${several(byJob.size, 'recording')}`
    : 'No transcript holds these words. Only whole recordings that were analysed are searched.';
  say(told.textContent);
  for (const [job, lines] of byJob) {
    view.append(el('section', { class: 'card hits' }, el('h2', null, el('a', { href: `#/job/${job}` }, lines[0].name)),
      el('ul', null, lines.map((hit) => el('li', null, el('a', { href: `#/job/${job}/coding?t=${(hit.start + hit.end) / 2}` },
        el('span', { class: 'num when' }, clock(hit.start)), el('span', { class: 'said' }, marked(hit.text, words))))))));
  }
}

// The text with what was sought marked; pieces are text nodes.
function marked(text, words) {
  const parts = [];
  const sought = words.trim().toLowerCase();
  const low = text.toLowerCase();
  let from = 0;
  // Lower case may change the length of a text; then nothing is marked.
  for (let at = low.length === text.length ? low.indexOf(sought) : -1; at >= 0; at = low.indexOf(sought, from)) {
    parts.push(text.slice(from, at), el('mark', null, text.slice(at, at + sought.length)));
    from = at + sought.length;
  }
  return [...parts, text.slice(from)];
}
