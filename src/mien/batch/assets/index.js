'use strict';
(() => {
const body = document.querySelector('tbody');
const rows = [...body.rows];
const heads = [...document.querySelectorAll('thead th')];
const filter = document.getElementById('filter');
const count = document.getElementById('count');
// Failed rows and rows without an answer have fewer cells, and come last in either direction.
const cell = (row, at) => row.cells.length === heads.length ? row.cells[at] : at ? null : row.cells[0];
const value = (row, at) => {
  const found = cell(row, at);
  return found === null ? null : found.dataset.by === undefined ? found.textContent : Number(found.dataset.by);
};
const compare = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
const sort = at => {
  const up = heads[at].getAttribute('aria-sort') !== 'ascending';
  heads.forEach((head, i) => i === at ? head.setAttribute('aria-sort', up ? 'ascending' : 'descending') : head.removeAttribute('aria-sort'));
  const keyed = rows.map((row, i) => [value(row, at), i, row]);
  keyed.sort(([a, i], [b, j]) => a === null || b === null ? (a === null) - (b === null) || i - j : (up ? 1 : -1) * compare(a, b) || i - j);
  body.append(...keyed.map(([, , row]) => row));
};
heads.forEach((head, at) => {
  if (at === 2 || at === 5) return;
  const button = document.createElement('button');
  button.textContent = head.textContent;
  button.addEventListener('click', () => sort(at));
  head.replaceChildren(button);
});
filter.parentElement.hidden = false;
filter.addEventListener('input', () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
  const left = rows.filter(row => !row.hidden).length;
  count.textContent = words.length ? `${left} of ${rows.length}` : '';
});
})();
