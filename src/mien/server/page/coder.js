// One coder's labels of one recording: what was given, and whether the server has it.

import { ApiError, get, news, send } from './api.js';
import { NAMES } from './dom.js';

const AGAIN = 3000;

export class Coder {
  // `told` is called with the state of saving: 'saved', 'saving', 'offline', or an error.
  constructor(job, signal, told) {
    Object.assign(this, { job, signal, told, id: null, name: '', codes: new Map(), unsent: new Map(), busy: false });
    news.addEventListener('online', () => this.flush(), { signal });
    addEventListener('beforeunload', (event) => { if (this.unsent.size) event.preventDefault(); }, { signal });
  }

  async begin(name) {
    const coding = await send('POST', `/v1/jobs/${this.job}/codings`, { coder: name });
    this.id = coding.id;
    this.name = coding.coder;
    this.codes = codesOf(coding);
  }

  // Label a row; null takes the label back.
  set(row, label, note, seen) {
    if (label === null) this.codes.delete(row); else this.codes.set(row, { label, note, seen });
    this.unsent.set(row, { row, label: label === null ? null : NAMES[label], note, seen });
    this.flush();
  }

  async flush() {
    if (this.busy || !this.unsent.size || !this.id) return;
    this.busy = true;
    this.told('saving');
    const sent = [...this.unsent.values()];
    try {
      await send('PATCH', `/v1/jobs/${this.job}/codings/${this.id}`, { codes: sent });
      // What was changed once more meanwhile is sent again.
      for (const code of sent) if (this.unsent.get(code.row) === code) this.unsent.delete(code.row);
      this.told(this.unsent.size ? 'saving' : 'saved');
    } catch (error) {
      const later = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      this.told(later ? 'offline' : error);
      this.busy = false;
      if (later) setTimeout(() => { if (!this.signal.aborted || this.unsent.size) this.flush(); }, AGAIN);
      return;
    }
    this.busy = false;
    this.flush();
  }
}

// Codes by row; a label is its place among NAMES.
export function codesOf(coding) {
  return new Map(coding.codes.map((code) => [code.row, { label: NAMES.indexOf(code.label), note: code.note, seen: code.seen }]));
}

export const coders = async (job) => (await get(`/v1/jobs/${job}/codings`)).codings;
export const codingOf = (job, id) => get(`/v1/jobs/${job}/codings/${id}`);
