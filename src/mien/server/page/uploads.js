// Files that are sent: the drop area, the options, and one line a file until the server has it.

import { upload } from './api.js';
import { byId, el, percent, say, several } from './dom.js';

const queue = [];
let busy = false;
let changed = () => {};
let accepted = () => {};

const token = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

// The options of the form as the API takes them; what is at its default is left to the server.
function optionsOf(form) {
  const data = new FormData(form);
  const number = (name) => (data.get(name) === '' || data.get(name) === null ? undefined : Number(data.get(name)));
  const by = data.get('by');
  return JSON.parse(JSON.stringify({
    segmentation: { by, window: by === 'window' ? number('window') : undefined, step: by === 'window' ? number('step') : undefined },
    speech: { asr: data.get('asr') },
    faces: { person: data.get('person') },
    start: number('start'),
    end: number('end'),
    portraits: 200,
  }));
}

function field(label, control, hint) {
  control.id ||= `o-${control.name}`;
  return el('div', { class: 'field' }, el('label', { for: control.id }, label), control, hint && el('small', { class: 'quiet', id: `${control.id}-hint` }, hint));
}

const select = (name, options, chosen) => el('select', { name }, options.map(([value, text]) => el('option', { value, selected: value === chosen }, text)));
const number = (name, value, more) => el('input', { type: 'number', name, value, step: 'any', inputmode: 'decimal', ...more });

function optionsForm() {
  const by = select('by', [
    ['window', 'windows of equal length'], ['utterance', 'lines of speech'], ['speaker', 'turns of speakers'], ['clip', 'the whole recording'],
  ], 'window');
  const [length, step] = [number('window', 5, { min: 0.2, required: true }), number('step', 2.5, { min: 0.1, required: true })];
  const windows = el('div', { class: 'pair' }, field('Window (s)', length), field('Step (s)', step));
  by.addEventListener('change', () => { windows.hidden = by.value !== 'window'; for (const one of [length, step]) one.disabled = windows.hidden; });
  return el('form', { id: 'options', class: 'options' },
    field('Name', el('input', { name: 'name', maxlength: 200, autocomplete: 'off', placeholder: 'the name of the file' })),
    field('A row is', by),
    windows,
    field('Words', select('asr', [['auto', 'subtitles, else recognised'], ['whisper', 'recognised (English)'], ['none', 'none']], 'auto'),
      'Speech in another language is recognised as such and its words are left out.'),
    field('Faces', select('person', [['primary', 'the most prominent person'], ['all', 'everybody']], 'primary')),
    el('div', { class: 'pair' },
      field('From (s)', number('start', '', { min: 0, placeholder: '0' })),
      field('To (s)', number('end', '', { min: 0, placeholder: 'the end' }))),
  );
}

// The card at the top of the list of recordings.
export function uploadCard(onChange, onAccepted) {
  [changed, accepted] = [onChange, onAccepted];
  const input = el('input', { type: 'file', id: 'files', multiple: true, class: 'unseen', accept: 'video/*,audio/*,image/*,text/plain,.mkv,.flac,.avi' });
  const pick = el('button', { class: 'button primary', type: 'button', id: 'choose', click: () => input.click() }, 'Choose recordings');
  input.tabIndex = -1;
  input.setAttribute('aria-label', 'Recordings');
  const form = optionsForm();
  const card = el('section', { class: 'card drop', id: 'drop', 'aria-labelledby': 'drop-title' },
    el('div', { class: 'row' },
      el('div', { class: 'grow' },
        el('h2', { id: 'drop-title' }, 'Drop recordings here'),
        el('p', { class: 'quiet' }, 'Video, sound, a picture or a text; several at once. They stay on this service until you delete them.')),
      pick, input),
    el('details', null, el('summary', null, 'Options'), form),
    el('ul', { id: 'sending', 'aria-label': 'Uploads' }));
  input.addEventListener('change', () => { add(input.files); input.value = ''; });
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const kind of ['dragenter', 'dragover']) {
    card.addEventListener(kind, (event) => { event.preventDefault(); card.classList.add('over'); });
  }
  card.addEventListener('dragleave', (event) => { if (!card.contains(event.relatedTarget)) card.classList.remove('over'); });
  card.addEventListener('drop', (event) => {
    event.preventDefault();
    card.classList.remove('over');
    add(event.dataTransfer.files);
  });
  setTimeout(draw);
  return card;
}

export const uploading = () => queue.length;

function add(files) {
  const form = byId('options');
  if (!form.checkValidity()) { form.closest('details').open = true; form.reportValidity(); return; }
  const options = JSON.stringify(optionsOf(form));
  const name = form.elements.name.value.trim();
  const chosen = [...files];
  chosen.forEach((file, i) => queue.push({
    file, share: 0, state: 'waiting', error: '', token: token(), stop: new AbortController(),
    fields: { options, name: name && chosen.length > 1 ? `${name} ${i + 1}` : name },
  }));
  if (chosen.length) say(`${several(chosen.length, 'file')} to send.`);
  draw();
  next();
}

async function next() {
  const item = queue.find((one) => one.state === 'waiting');
  if (busy || !item) return;
  busy = true;
  item.state = 'sending';
  draw();
  try {
    const job = await upload(item.file, item.fields, item.token, (share) => { item.share = share; progress(item); }, item.stop.signal);
    drop(item);
    say(`${job.name} was received.`);
    accepted(job);
  } catch (error) {
    if (error.type === 'Aborted') drop(item);
    else {
      Object.assign(item, { state: 'failed', error: error.message });
      say(`${item.file.name} was not accepted.`);
    }
  }
  busy = false;
  draw();
  next();
}

function drop(item) {
  const at = queue.indexOf(item);
  if (at >= 0) queue.splice(at, 1);
}

function progress(item) {
  if (!item.bar) return;
  item.bar.value = item.share;
  item.told.textContent = item.share < 1 ? percent(item.share * 1000) : 'checking';
}

function draw() {
  const list = byId('sending');
  if (!list) return;
  list.replaceChildren(...queue.map((item) => {
    const name = item.file.name;
    item.bar = item.state === 'sending' ? el('progress', { max: 1, value: item.share, 'aria-label': `Sending ${name}` }) : null;
    item.told = el('span', { class: 'num quiet' }, item.state === 'failed' ? '' : item.state);
    const again = () => { Object.assign(item, { state: 'waiting', share: 0 }); draw(); next(); };
    const stop = () => { if (item.state === 'sending') item.stop.abort(); else { drop(item); draw(); } };
    return el('li', { class: item.state },
      el('div', { class: 'row' }, el('span', { class: 'grow name' }, name), item.told,
        item.state === 'failed' && el('button', { class: 'button small', type: 'button', click: again, 'aria-label': `Send ${name} again` }, 'Send again'),
        el('button', { class: 'button small plain', type: 'button', click: stop, 'aria-label': `${item.state === 'failed' ? 'Remove' : 'Cancel'} ${name}` }, item.state === 'failed' ? 'Remove' : 'Cancel')),
      item.bar, item.error && el('p', { class: 'error' }, item.error));
  }));
  changed();
}

addEventListener('beforeunload', (event) => { if (busy) event.preventDefault(); });
