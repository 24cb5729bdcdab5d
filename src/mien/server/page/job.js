// One recording: its report, coding by hand, exports.

import { download, follow, get, send } from './api.js';
import { coding } from './coding.js';
import { clock, el, percent, say, title, when } from './dom.js';
import { remove } from './home.js';

const FINAL = new Set(['completed', 'failed', 'cancelled']);
const FORMATS = [
  ['csv', 'CSV: rows and labels', 'csv'], ['parquet', 'Parquet', 'parquet'], ['json', 'JSON: everything', 'json'],
  ['eaf', 'ELAN', 'eaf'], ['textgrid', 'Praat TextGrid', 'TextGrid'], ['boris.csv', 'BORIS events', 'boris.csv'], ['rttm', 'RTTM', 'rttm'],
  ['srt', 'SRT subtitles (without codings)', 'srt'], ['vtt', 'WebVTT (without codings)', 'vtt'],
  ['emotionml', 'EmotionML (without codings)', 'emotionml'], ['labelstudio.json', 'Label Studio (without codings)', 'labelstudio.json'],
];

export async function job(view, signal, [id, tab = 'report'], query) {
  title('Recording');
  let found;
  try {
    found = await get(`/v1/jobs/${id}`, signal);
  } catch (error) {
    if (error.status !== 404) throw error;
    view.append(el('h1', null, 'There is no such recording'), el('p', null, 'It was deleted, or belongs to another key. ', el('a', { href: '#/' }, 'All recordings')));
    return;
  }
  title(found.name);
  const head = el('div', { class: 'head' },
    el('div', { class: 'grow' }, el('h1', null, found.name), el('p', { class: 'quiet', id: 'facts' }, factsOf(found))),
    el('div', { class: 'row acts' }, el('button', { class: 'button danger', type: 'button', click: () => remove(found, () => { location.hash = '#/'; }) }, 'Delete')));
  view.append(head);
  if (found.state !== 'completed') { pending(view, found, signal); return; }
  head.querySelector('.acts').prepend(exportMenu(found, signal), el('a', { class: 'button', href: `#/compare?a=${id}` }, 'Compare'));
  view.append(el('nav', { class: 'tabs', 'aria-label': 'Views of this recording' },
    ...[['report', 'Report'], ['coding', 'Coding by hand']].map(([name, text]) => el('a', {
      href: `#/job/${id}${name === 'report' ? '' : `/${name}`}`, 'aria-current': name === tab && 'page',
    }, text))));
  const place = el('div', { id: 'tab' });
  view.append(place);
  if (tab === 'coding') await coding(place, found, signal, query); else await report(place, found, signal);
}

const factsOf = (job) => [job.duration ? clock(job.duration) : null, job.state === 'completed' ? null : job.state, `sent ${when(job.created)}`].filter(Boolean).join(' · ');

// Addresses of the report and the recording that a frame and a player can load without a key.
export async function tickets(id) {
  const { ticket } = await send('POST', `/v1/jobs/${id}/ticket`);
  const place = (name) => `/v1/jobs/${id}/${name}?ticket=${encodeURIComponent(ticket)}`;
  return { report: place('report'), media: place('media') };
}

async function report(place, job, signal) {
  const frame = el('iframe', { class: 'report', title: `Report of ${job.name}` });
  // The report follows the theme of the system; one that is chosen here is handed on.
  const themed = () => {
    const [root, chosen] = [frame.contentDocument?.documentElement, document.documentElement.dataset.theme];
    if (!root) return;
    if (chosen) root.dataset.theme = chosen; else delete root.dataset.theme;
    frame.contentDocument.dispatchEvent(new Event('themed'));
  };
  frame.addEventListener('load', themed);
  document.addEventListener('themed', themed, { signal });
  frame.src = (await tickets(job.id)).report;
  if (!signal.aborted) place.append(frame);
}

// --- what is not done yet, or went wrong -----------------------------------------------------

function pending(view, job, signal) {
  const place = el('section', { class: 'card wait', 'aria-label': 'State' });
  view.append(place);
  const draw = () => {
    if (job.state === 'running') {
      const share = job.share || 0;
      place.replaceChildren(el('p', { class: 'stage' }, el('span', null, job.stage || 'starting'), el('span', { class: 'num quiet' }, percent(share * 1000))),
        el('progress', { max: 1, value: share, 'aria-label': `Progress of ${job.name}` }),
        el('p', { class: 'quiet' }, 'You can leave this page; the analysis goes on.'));
    } else if (job.state === 'failed') {
      place.replaceChildren(el('h2', null, 'The analysis failed'), el('p', { class: 'error' }, job.error?.message || 'The reason is in the log of the service.'),
        el('p', { class: 'quiet' }, 'Put it right as the sentence says, and drop the recording again; or try other options.'));
    } else {
      const told = { queued: 'It waits for the analyses before it.', cancelled: 'It was cancelled. Drop the recording again to analyse it.' };
      place.replaceChildren(el('p', null, told[job.state]));
    }
  };
  draw();
  if (FINAL.has(job.state)) return;
  follow(job.id, (_, data) => {
    Object.assign(job, data);
    if (FINAL.has(job.state)) {
      say(`${job.name}: ${job.state}.`);
      if (job.state === 'completed') { dispatchEvent(new Event('hashchange')); return; }
    }
    draw();
  }, signal);
}

// --- exports ---------------------------------------------------------------------------------

function exportMenu(job, signal) {
  const told = el('p', { class: 'error', role: 'alert', hidden: true });
  const save = async ([format, , suffix]) => {
    told.hidden = true;
    try {
      await download(`/v1/jobs/${job.id}/result?codings=true&format=${encodeURIComponent(format)}`, `${job.name.replace(/\.[^.]*$/, '')}.${suffix}`);
      say(`${format} was saved.`);
    } catch (error) { told.textContent = error.message; told.hidden = false; }
  };
  const list = el('ul', null, FORMATS.map((one) => el('li', null, el('button', { type: 'button', click: () => save(one) }, one[1]))),
    el('li', null, el('button', { type: 'button', click: () => saveReport(job) }, 'Report page (HTML)')));
  const menu = el('details', { class: 'menu' }, el('summary', { class: 'button' }, 'Export'),
    el('div', { class: 'sheet' }, el('p', { class: 'quiet' }, 'With the labels of all coders'), list, told));
  document.addEventListener('click', (event) => { if (!menu.contains(event.target)) menu.open = false; }, { signal });
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { menu.open = false; menu.querySelector('summary').focus(); }
  });
  return menu;
}

async function saveReport(job) {
  await download(`/v1/jobs/${job.id}/report`, `${job.name.replace(/\.[^.]*$/, '')}.html`);
}

