// Cohen's kappa of coders with each other and with the model, with the tables behind it.

import { get } from './api.js';
import { el, NAMES, several, title } from './dom.js';

const number = (value) => (value === null ? 'undefined' : value.toFixed(2).replace('-', '−'));
const share = (value) => (value === null ? '–' : `${Math.round(value * 100)}\u00a0%`);
const second = (one) => (one.model ? 'the model' : one.second);

export function agreementCard(found, open) {
  return [el('details', { open }, el('summary', null, el('h2', { id: 'agreement-title' }, 'Agreement')), agreementTable(found))];
}

function agreementTable(found) {
  const rows = found.map((one) => el('tr', null,
    el('th', { scope: 'row' }, `${one.first} and ${second(one)}`),
    el('td', { class: 'r num' }, one.n), el('td', { class: 'r num' }, share(one.agreement)), el('td', { class: 'r num' }, share(one.expected)),
    el('td', { class: 'r num kappa' }, number(one.kappa))));
  return el('div', null,
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of agreement' }, el('table', { class: 'table' },
      el('thead', null, el('tr', null, el('th', { scope: 'col' }, 'pair'), ...['rows of both', 'agreement', 'by chance', 'Cohen’s kappa'].map((text) => el('th', { class: 'r', scope: 'col' }, text)))),
      el('tbody', null, rows))),
    el('ul', { class: 'notes' }, found.flatMap((one) => one.notes.map((note) => el('li', { class: 'quiet' }, `${one.first} and ${second(one)}: ${note}`)))),
    el('div', { class: 'tables' }, found.filter((one) => one.n > 0).map(confusion)));
}

// Counts of labels that either gave; rows are the labels of the first.
function confusion(one) {
  const used = NAMES.map((_, i) => i).filter((i) => one.confusion[i].some(Boolean) || one.confusion.some((row) => row[i]));
  const most = Math.max(...one.confusion.flat());
  const cell = (i, j) => el('td', { class: `r num${i === j ? ' same' : ''}`, '--v': one.confusion[i][j] / most }, one.confusion[i][j] || '·');
  const name = `${one.first} in rows, ${second(one)} in columns`;
  return el('figure', null, el('figcaption', { class: 'quiet' }, name, ` (${several(one.n, 'row')})`),
    el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Confusion: ${name}` }, el('table', { class: 'confusion' },
      el('thead', null, el('tr', null, el('td'), used.map((j) => el('th', { scope: 'col', title: NAMES[j] }, NAMES[j])))),
      el('tbody', null, used.map((i) => el('tr', null, el('th', { scope: 'row' }, NAMES[i]), used.map((j) => cell(i, j))))))));
}

export async function agreementView(view, signal) {
  title('Agreement');
  view.append(el('h1', null, 'Agreement over all recordings'));
  const found = (await get('/v1/agreement', signal)).agreements;
  if (!found.length) {
    view.append(el('p', { class: 'empty' }, el('b', null, 'Nothing is coded yet.'), el('br'), 'Open a recording and choose ', el('b', null, 'Coding by hand'), '. With two coders, their agreement stands here, over all recordings that both coded.'));
    return;
  }
  view.append(el('p', { class: 'quiet' }, 'The counts of each pair are added over all recordings of which both labelled rows.'), el('section', { class: 'card', 'aria-label': 'Agreement' }, agreementTable(found)));
}
