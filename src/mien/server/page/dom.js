// Small means that all views share. Text is inserted as text nodes and never parsed.

import { LABELS } from './labels.js';

export const byId = (id) => document.getElementById(id);
export const NONE = LABELS.length;
export const NAMES = [...LABELS.map((label) => label.name), 'none'];

// An element with attributes and children; functions are listeners, falsy attributes are left out.
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'class') node.className = value;
    else if (name.startsWith('--')) node.style.setProperty(name, value);
    else if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const two = (n) => String(n).padStart(2, '0');

// 4.5 -> "0:04.5"; whole seconds where `fine` is false.
export function clock(seconds, fine = true) {
  const s = fine ? Math.round(seconds * 10) / 10 : Math.round(seconds);
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  const rest = fine ? (s % 60).toFixed(1).padStart(4, '0') : two(Math.floor(s % 60));
  return h > 0 ? `${h}:${two(m)}:${rest}` : `${m}:${rest}`;
}

export const percent = (permille) => `${Math.round(permille / 10)}\u00a0%`;
export const several = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export function when(text) {
  const date = new Date(text);
  return Number.isNaN(date.valueOf()) ? '' : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

// A colour swatch with the label's name: never the colour only.
export function chip(index, more = '') {
  return el('span', { class: 'chip' }, el('i', { class: `dot e${index}` }), NAMES[index] + more);
}

// [index of the most probable label, its per mille] of a row of flat per mille; null if absent.
export function top(probs, row) {
  const k = LABELS.length;
  let best = 0;
  for (let i = 1; i < k; i += 1) if (probs[row * k + i] > probs[row * k + best]) best = i;
  return probs[row * k + best] < 0 ? null : [best, probs[row * k + best]];
}

// Tell readers of the screen what happened; the same words twice are said twice.
export function say(text) {
  const place = byId('said');
  place.textContent = '';
  setTimeout(() => { place.textContent = text; }, 60);
}

export function confirmed(title, text, act = 'Delete') {
  const dialog = byId('confirm');
  byId('confirm-title').textContent = title;
  byId('confirm-text').textContent = text;
  byId('confirm-yes').textContent = act;
  dialog.returnValue = 'no';
  dialog.showModal();
  byId('confirm-no').focus();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

export function failure(error) {
  return el('p', { class: 'error', role: 'alert' }, error.message || String(error));
}

export function title(text) {
  document.title = `${text} - mien`;
}
