// The page: which view the address names, the theme, the notice, and whether the server is there.

import { get, news, ping } from './api.js';
import { agreementView } from './agreement.js';
import { compare } from './compare.js';
import { byId, el, failure, title } from './dom.js';
import { home, redrawStrips } from './home.js';
import { job } from './job.js';
import { LIVE } from './labels.js';
import { search } from './search.js';

let leaving = new AbortController();
let shown = null;

const VIEWS = [
  [/^\/?$/, 'home', home],
  [/^\/job\/([0-9a-f]+)(?:\/(report|coding))?$/, 'job', job],
  [/^\/compare$/, 'compare', compare],
  [/^\/search$/, 'search', search],
  [/^\/agreement$/, 'agreement', agreementView],
];

async function route() {
  const [path, query = ''] = location.hash.replace(/^#/, '').split('?');
  const found = VIEWS.map(([pattern, name, act]) => [path.match(pattern), name, act]).find(([match]) => match);
  const [match, name, act] = found || [[''], 'lost', lost];
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const view = byId('view');
  view.className = `view-${name}`;
  view.replaceChildren();
  for (const link of document.querySelectorAll('nav a[data-view]')) {
    if (link.dataset.view === name) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  delete document.documentElement.dataset.ready;
  try {
    await act(view, signal, match.slice(1), new URLSearchParams(query));
  } catch (error) {
    if (!signal.aborted) view.append(failure(error));
  }
  if (signal.aborted) return;
  // At the first view the focus stays where the reader begins; later it goes to what is new.
  if (shown !== null && shown !== path && !view.contains(document.activeElement)) view.focus({ preventScroll: true });
  shown = path;
  document.documentElement.dataset.ready = name;
}

function lost(view) {
  title('Not found');
  view.append(el('h1', null, 'There is no such page'), el('p', null, el('a', { href: '#/' }, 'All recordings')));
}

// --- theme ---------------------------------------------------------------------------------

function startTheme() {
  const root = document.documentElement;
  for (const input of document.querySelectorAll('#theme input')) {
    input.checked = input.value === (root.dataset.theme || 'auto');
    input.addEventListener('change', () => {
      if (input.value === 'auto') delete root.dataset.theme; else root.dataset.theme = input.value;
      try { localStorage.setItem('mien-theme', input.value); } catch { /* for this page only */ }
      themed();
    });
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', themed);
}

function themed() {
  redrawStrips();
  document.dispatchEvent(new Event('themed'));
}

// --- notice --------------------------------------------------------------------------------

// What the people shown must be told, and what the service must not be used for; once a text.
async function startNotice() {
  let notice = null;
  try { notice = await get('/v1/notice'); } catch { return; }
  const text = JSON.stringify(notice);
  let known = null;
  try { known = localStorage.getItem('mien-notice'); } catch { /* shown each time */ }
  if (known === text) return;
  const place = byId('notice');
  const done = () => {
    try { localStorage.setItem('mien-notice', text); } catch { /* shown each time */ }
    place.hidden = true;
    byId('view').focus({ preventScroll: true });
  };
  place.replaceChildren(
    el('h2', null, 'Before you analyse recordings of people'),
    ...paragraphs(notice.notice),
    el('div', { class: 'row' },
      el('button', { class: 'button small', type: 'button', click: done }, 'I have read this'),
      notice.template && el('details', null, el('summary', null, 'Template of a notice for the people shown'),
        el('pre', { tabindex: '0', role: 'region', 'aria-label': 'Template of a notice' }, notice.template))));
  place.hidden = false;
}

// Plain text as paragraphs and lists: an empty line ends one, "* " begins an entry.
function paragraphs(text) {
  return (text || '').trim().split(/\n\s*\n/).map((block) => {
    const entries = block.split(/\n\s*\* |^\s*\* /).map((entry) => entry.replace(/\s+/g, ' ').trim()).filter(Boolean);
    return /^\s*\* /.test(block) ? el('ul', null, entries.map((entry) => el('li', null, entry))) : el('p', null, block.replace(/\s+/g, ' '));
  });
}

// --- is the server there -------------------------------------------------------------------

function startOffline() {
  const place = byId('offline');
  let wait = 1000;
  const again = async () => {
    if (await ping()) return;
    wait = Math.min(wait * 1.6, 15_000);
    setTimeout(again, wait);
  };
  news.addEventListener('offline', () => {
    place.textContent = 'The server does not answer. The page tries again by itself; what was sent is kept there.';
    place.hidden = false;
    wait = 1000;
    setTimeout(again, wait);
  });
  news.addEventListener('online', () => { place.hidden = true; });
}

byId('find').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = byId('q').value.trim();
  if (words) location.hash = `#/search?q=${encodeURIComponent(words)}`;
});
// A file that is dropped beside the drop area must not replace the page.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault());
addEventListener('hashchange', route);
byId('to-live').hidden = !LIVE;
startTheme();
startOffline();
startNotice();
route();
