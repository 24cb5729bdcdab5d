// Coding by hand: the rows of a recording beside its player, and one coder's labels.

import { get } from './api.js';
import { agreementCard } from './agreement.js';
import { Coder, coders, codesOf, codingOf } from './coder.js';
import { byId, chip, clock, confirmed, el, failure, NAMES, NONE, percent, say, several, top } from './dom.js';
import { send } from './api.js';
import { tickets } from './job.js';
import { LABELS } from './labels.js';
import { Player } from './player.js';
import { known } from './strip.js';

const NAME = 'mien-coder';

class Coding {
  constructor(place, job, rows, signal) {
    Object.assign(this, { place, job, rows, signal, row: 0, model: true, others: false, run: false, unfolded: null, seen: new Map(), listed: [] });
    this.answers = known(rows).probs;
    this.coder = new Coder(job.id, signal, (state) => this.saved(state));
    this.timed = rows.kind === 'recording' && rows.extent[1] > rows.extent[0];
    this.count = rows.segments.length;
  }

  async start(time) {
    const { media } = await tickets(this.job.id);
    this.player = new Player(this.rows, this.job.name, media, async () => (await tickets(this.job.id)).media);
    this.signal.addEventListener('abort', () => this.player.pause());
    this.who = el('section', { class: 'card who', 'aria-label': 'Coder' });
    this.now = el('section', { class: 'card now', 'aria-labelledby': 'now-title' });
    this.list = el('ol', { id: 'rows', class: 'rows', 'aria-label': 'Rows' });
    this.agreement = el('section', { class: 'card', id: 'agreement', 'aria-labelledby': 'agreement-title', hidden: true });
    this.place.append(this.who, el('div', { class: 'desk' },
      el('div', { class: 'side' }, this.player.node, this.now),
      el('div', { class: 'body' },
        el('section', { class: 'card', 'aria-labelledby': 'rows-title' }, el('h2', { id: 'rows-title', class: 'unseen' }, 'Rows'), this.headings(), this.list),
        this.agreement)));
    this.drawRows();
    const at = Number.isFinite(time) ? this.rows.own.findIndex(([, end]) => time < end) : 0;
    await this.drawWho();
    this.go(Math.max(0, at), false);
    document.addEventListener('keydown', (event) => this.onKey(event), { signal: this.signal });
    await this.drawAgreement();
  }

  // --- the coder ---------------------------------------------------------------------------

  async drawWho() {
    this.listed = await coders(this.job.id);
    if (this.coder.id) this.drawActive(); else this.drawChoice();
  }

  drawChoice() {
    let last = '';
    try { last = sessionStorage.getItem(NAME) || ''; } catch { /* no name is proposed */ }
    const input = el('input', { id: 'coder', maxlength: 80, required: true, autocomplete: 'off', spellcheck: 'false', value: last, 'aria-describedby': 'coder-hint' });
    const told = el('p', { class: 'error', role: 'alert', hidden: true });
    const begin = async (name) => {
      told.hidden = true;
      try {
        await this.coder.begin(name);
        try { sessionStorage.setItem(NAME, this.coder.name); } catch { /* typed again next time */ }
        this.others = false;
        this.fold();
        this.seen.clear();
        await this.drawWho();
        this.drawRows();
        const open = [...Array(this.count).keys()].find((row) => !this.coder.codes.has(row));
        this.go(open ?? 0, true);
        say(`Coding as ${this.coder.name}. ${this.coder.codes.size} of ${this.count} rows are coded.`);
        await this.drawAgreement();
      } catch (error) { told.textContent = error.message; told.hidden = false; }
    };
    this.who.replaceChildren(
      el('form', { class: 'row', submit: (event) => { event.preventDefault(); begin(input.value); } },
        el('label', { for: 'coder' }, 'Your name or initials'), input,
        el('button', { class: 'button primary', id: 'begin' }, 'Start coding'),
        el('span', { class: 'quiet grow', id: 'coder-hint' }, 'Your labels are kept beside the model’s answers and replace none of them.')),
      told,
      this.listed.length ? el('ul', { class: 'coders', 'aria-label': 'Coders of this recording' }, this.listed.map((one) => el('li', { class: 'row' },
        el('span', null, el('b', null, one.coder), ' ', el('span', { class: 'quiet num' }, `${one.coded} of ${several(one.rows, 'row')}`)),
        el('button', { class: 'button small', type: 'button', click: () => begin(one.coder), 'aria-label': `Go on as ${one.coder}` }, 'Go on'),
        el('button', { class: 'button small plain', type: 'button', click: () => this.forget(one), 'aria-label': `Delete the labels of ${one.coder}` }, 'Delete')))) : '');
  }

  async forget(one) {
    if (!await confirmed(`Delete the labels of ${one.coder}?`, `${several(one.coded, 'label')} of this recording are deleted. This cannot be undone.`)) return;
    try {
      await send('DELETE', `/v1/jobs/${this.job.id}/codings/${one.id}`);
      say(`The labels of ${one.coder} were deleted.`);
      await this.drawWho();
      await this.drawAgreement();
    } catch (error) { this.who.append(failure(error)); }
  }

  drawActive() {
    const others = this.listed.filter((one) => one.id !== this.coder.id);
    const check = (id, text, on, act) => el('label', { class: 'check', for: id }, el('input', { type: 'checkbox', id, checked: on, change: (event) => act(event.target.checked) }), text);
    this.tally = el('span', { class: 'quiet num', id: 'tally' });
    this.state = el('span', { class: 'quiet', id: 'saved', role: 'status' }, 'saved');
    this.who.replaceChildren(el('div', { class: 'row' },
      el('span', null, 'Coding as ', el('b', { id: 'coding-as' }, this.coder.name)), this.tally, this.state,
      el('span', { class: 'grow' }),
      check('see-model', 'Show the model’s answers', this.model, (on) => { this.model = on; this.drawRows(); this.drawNow(); }),
      others.length ? check('see-others', `Show the labels of ${others.map((one) => one.coder).join(', ')}`, this.others, (on) => this.showOthers(on, others)) : '',
      check('run', 'Play each row', this.run, (on) => { this.run = on; }),
      el('button', { class: 'button small', type: 'button', id: 'stop', click: () => this.stop() }, 'Change coder')));
    this.drawTally();
  }

  async showOthers(on, others) {
    this.others = on;
    this.seen.clear();
    if (on) for (const one of others) this.seen.set(one.coder, codesOf(await codingOf(this.job.id, one.id)));
    this.drawRows();
    this.drawNow();
  }

  async stop() {
    await this.coder.flush();
    if (this.coder.unsent.size && !await confirmed('Leave labels unsaved?', `${several(this.coder.unsent.size, 'label')} did not reach the server yet.`, 'Leave them')) return;
    this.coder = new Coder(this.job.id, this.signal, (state) => this.saved(state));
    this.others = false;
    this.fold();
    this.seen.clear();
    await this.drawWho();
    this.drawRows();
    this.drawNow();
    byId('coder').focus();
    await this.drawAgreement();
  }

  drawTally() { this.tally.textContent = `${this.coder.codes.size} of ${several(this.count, 'row')}`; }

  saved(state) {
    if (!this.state) return;
    const words = { saved: 'saved', saving: 'saving …', offline: 'not saved yet: the server does not answer' };
    this.state.textContent = words[state] || state.message;
    this.state.classList.toggle('error', state !== 'saved' && state !== 'saving');
    if (state === 'saved') { clearTimeout(this.later); this.later = setTimeout(() => this.drawAgreement(), 400); }
  }

  // --- the rows ----------------------------------------------------------------------------

  headings() {
    return el('div', { class: 'headings quiet', 'aria-hidden': 'true' }, ['time', 'words', 'model', 'label'].map((text) => el('span', null, text)));
  }

  drawRows() {
    this.list.classList.toggle('many', this.count > 200);
    this.list.replaceChildren(...this.rows.segments.map((_, row) => el('li', null, this.rowButton(row))));
    this.mark();
  }

  rowButton(row) {
    const button = el('button', { type: 'button', class: 'line', tabindex: row === this.row ? '0' : '-1', click: () => { this.go(row, true); if (this.run) this.play(); } });
    button.append(...this.cells(row));
    return button;
  }

  cells(row) {
    const code = this.coder.codes.get(row);
    const said = this.rows.texts[row];
    const others = [...this.seen].map(([name, codes]) => el('span', { class: 'quiet other' }, `${name}: `, codes.has(row) ? chip(codes.get(row).label) : '–'));
    return [
      el('span', { class: 'when num' }, this.timeOf(row)),
      el('span', { class: `said${said && said === this.rows.texts[row - 1] ? ' again' : ''}` }, said || el('span', { class: 'quiet' }, 'no words')),
      el('span', { class: 'model' }, el('span', { class: 'unseen' }, 'model: '), this.modelOf(row)),
      el('span', { class: 'mine' }, el('span', { class: 'unseen' }, 'label: '), code ? chip(code.label) : el('span', { class: 'quiet' }, '–'),
        code?.note && el('span', { class: 'quiet', title: code.note }, ' ✎', el('span', { class: 'unseen' }, `note: ${code.note}`)), others),
    ];
  }

  modelOf(row) {
    if (!this.model) return el('span', { class: 'quiet' }, 'hidden');
    const best = top(this.answers, row);
    if (!best) return el('span', { class: 'quiet' }, 'absent');
    return chip(best[0], ` ${percent(best[1])}`);
  }

  timeOf(row) {
    if (!this.timed) return `${row + 1}`;
    const [start, end] = this.rows.segments[row];
    const fine = this.rows.extent[1] < 600;
    return `${clock(start, fine)}–${clock(end, fine)}`;
  }

  redraw(row) {
    const button = this.list.children[row].firstChild;
    button.replaceChildren(...this.cells(row));
  }

  mark() {
    for (const old of this.list.querySelectorAll('[aria-current]')) { old.removeAttribute('aria-current'); old.tabIndex = -1; }
    const button = this.list.children[this.row]?.firstChild;
    if (!button) return;
    button.setAttribute('aria-current', 'true');
    button.tabIndex = 0;
  }

  go(row, byUser) {
    this.row = Math.min(this.count - 1, Math.max(0, row));
    this.mark();
    this.drawNow();
    const button = this.list.children[this.row]?.firstChild;
    if (!button) return;
    if (byUser) {
      button.focus({ preventScroll: true });
      const [box, frame] = [button.getBoundingClientRect(), this.list.getBoundingClientRect()];
      if (box.top < frame.top + 40 || box.bottom > frame.bottom - 40) this.list.scrollTop += box.top - frame.top - frame.height / 3;
    }
    if (this.timed) this.player.show(this.rows.segments[this.row]);
  }

  play() {
    if (!this.timed) return;
    if (this.player.playing) this.player.pause(); else this.player.play(this.rows.segments[this.row]);
  }

  // --- the current row ---------------------------------------------------------------------

  drawNow() {
    const { row } = this;
    const code = this.coder.codes.get(row);
    const active = Boolean(this.coder.id);
    const button = (label) => el('button', {
      type: 'button', class: `label e${label}`, disabled: !active, 'aria-pressed': String(code?.label === label), click: () => this.give(label),
    }, el('i', { class: `dot e${label}` }), el('span', { class: 'grow' }, NAMES[label]), el('kbd', { 'aria-hidden': 'true' }, label === NONE ? '0' : String(label + 1)));
    const note = el('input', { id: 'note', maxlength: 4000, value: code?.note || '', disabled: !active || !code, autocomplete: 'off', placeholder: active && !code ? 'after a label' : '' });
    note.addEventListener('change', () => { const now = this.coder.codes.get(row); if (now) { this.coder.set(row, now.label, note.value.trim(), this.view()); this.redraw(row); } });
    note.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === 'Escape') { note.blur(); this.list.children[row].firstChild.focus(); event.preventDefault(); } });
    this.now.replaceChildren(
      el('div', { class: 'bar' }, el('h2', { id: 'now-title' }, `Row ${row + 1} of ${this.count}`), el('span', { class: 'quiet num' }, this.timed ? this.timeOf(row) : '')),
      this.answerBar(row),
      el('div', { class: 'labels', role: 'group', 'aria-label': 'Label of this row' }, [...NAMES.keys()].map(button)),
      active ? '' : el('p', { class: 'quiet' }, 'Give your name above to label rows.'),
      el('div', { class: 'row' }, el('label', { for: 'note' }, 'Note'), note),
      el('p', { class: 'keys quiet' }, el('kbd', null, '1'), '–', el('kbd', null, '7'), ' label, ', el('kbd', null, '0'), ' none of them, ', el('kbd', null, '⌫'), ' clear, ',
        el('kbd', null, 'j'), ' ', el('kbd', null, 'k'), ' next, previous, ', el('kbd', null, 'space'), ' play, ', el('kbd', null, 'n'), ' note'));
  }

  answerBar(row) {
    if (!this.model) return el('p', { class: 'quiet' }, 'The model’s answer is hidden.');
    const best = top(this.answers, row);
    if (!best) return el('p', { class: 'quiet' }, `No answer of the model: ${this.rows.reasons[this.rows.absent[row]]}`);
    const k = LABELS.length;
    const parts = LABELS.map((_, i) => el('span', { class: `e${i}`, '--v': this.answers[row * k + i] }));
    return el('div', { class: 'answer' }, el('p', null, el('span', { class: 'quiet' }, 'model '), chip(best[0], ` ${percent(best[1])}`)), el('div', { class: 'shares', 'aria-hidden': 'true' }, parts));
  }

  view() { return [this.model && 'model', this.others && 'coders'].filter(Boolean); }

  give(label) {
    if (!this.coder.id) { say('Give your name first.'); byId('coder')?.focus(); return; }
    const { row } = this;
    const note = this.coder.codes.get(row)?.note || '';
    this.coder.set(row, label, label === null ? '' : note, this.view());
    this.redraw(row);
    this.drawTally();
    if (label === null) { this.drawNow(); say(`Row ${row + 1}: label taken back.`); return; }
    const last = row === this.count - 1;
    this.go(row + 1, true);
    say(`Row ${row + 1}: ${NAMES[label]}. ${last ? 'This was the last row.' : ''}`);
    if (this.run && !last) { this.player.pause(); this.play(); }
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (event.target.closest('input:not([type=checkbox]), textarea, select, video, audio, .menu, .switch')) return;
    const onButton = event.target.closest('button, a, summary, input') && !event.target.closest('.line');
    const acts = {
      j: () => this.go(this.row + 1, true), k: () => this.go(this.row - 1, true), ArrowDown: () => this.go(this.row + 1, true), ArrowUp: () => this.go(this.row - 1, true),
      Home: () => this.go(0, true), End: () => this.go(this.count - 1, true),
      n: () => byId('note').focus(), Backspace: () => this.give(null), Delete: () => this.give(null), 0: () => this.give(NONE),
    };
    LABELS.forEach((_, i) => { acts[i + 1] = () => this.give(i); });
    if (!onButton) acts[' '] = () => this.play();
    const act = acts[event.key];
    if (act) { event.preventDefault(); act(); if (this.run && /^[jk]$|Arrow/.test(event.key)) { this.player.pause(); this.play(); } }
  }

  // --- agreement ---------------------------------------------------------------------------

  // What the coder before saw is gone before the next coder sees anything.
  fold() {
    this.unfolded = null;
    this.agreement.hidden = true;
    this.agreement.replaceChildren();
  }

  async drawAgreement() {
    const found = (await get(`/v1/jobs/${this.job.id}/agreement`, this.signal)).agreements;
    const busy = this.coder.id && this.coder.codes.size < this.count;
    // A coder who is not done yet is not told how the others labelled, unless they ask.
    this.agreement.hidden = found.length === 0;
    this.agreement.replaceChildren(...agreementCard(found, this.unfolded ?? !busy));
    const details = this.agreement.querySelector('details');
    details.querySelector('summary').addEventListener('click', () => { this.unfolded = !details.open; });
  }
}

export async function coding(place, job, signal, query) {
  const rows = await get(`/v1/jobs/${job.id}/rows`, signal);
  if (signal.aborted) return;
  if (!rows.segments.length) { place.append(el('p', { class: 'card' }, 'This recording has no rows to code.')); return; }
  await new Coding(place, job, rows, signal).start(query.has('t') ? Number(query.get('t')) : NaN);
}
